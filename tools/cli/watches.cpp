#include <cstdlib>
#include <ctime>

#include <powerconsul/adapters/dry_run.hpp>
#include <powerconsul/heal/incidents_text.hpp>
#include <powerconsul/heal/report_text.hpp>
#include <powerconsul/heal/worker.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t largest_input = std::size_t{256} * 1024 * 1024;

/// `expected` is for whoever gave something else.
[[nodiscard]] auto input_of(const invocation& call, milliseconds time, std::string_view expected)
    -> result<std::string> {
    if (!call.input) return fail(errc::usage, "there is no standard input");
    auto read = call.input(largest_input, time);
    if (!read) return fail(errc::bad_data, read.error().message + "; expected " + std::string{expected});
    return read;
}

[[nodiscard]] auto setup_for(const config::arguments& line, const configuration& chosen) -> heal::watch_setup {
    heal::watch_setup set{chosen.state_dir, chosen.roles, chosen.watch, chosen.timeout};
    set.watch.state = line.words.subject == "warning" ? bad_state::warning : bad_state::critical;
    return set;
}

[[nodiscard]] auto code_of(const std::optional<error>& failure) -> exit_code {
    if (!failure) return exit_code::done;
    return failure->code == errc::timed_out ? exit_code::try_again : exit_code_for(failure->code);
}

[[nodiscard]] auto log_options_for(const configuration& chosen, std::string_view command, bool detached, bool dry)
    -> log_options {
    log_options options = chosen.log;
    options.command = command;
    if (detached && chosen.log_by_default) options.target = {log_target_kind::syslog, {}};
    if (dry) options.target = {};
    return options;
}

void complain_of(const posix_log& log, std::string& err) {
    if (const auto cause = log.cause()) err += "powerconsul: the log: " + one_line(cause->message, 1000) + '\n';
}

/// Tells what of the configuration is ignored or passed over: in the log, or to `err` in a dry run, which has none.
void tell_notes(const configuration& chosen, bool dry, posix_log& log, std::string& err) {
    for (const auto& note : chosen.notes) {
        if (dry) {
            err += "powerconsul: " + one_line(note, 1000) + '\n';
        } else {
            log.write({event_level::warning, "configuration", {}, {}, {{"note", note}}});
        }
    }
}

/// Leaves a note in the log where it fails.
[[nodiscard]] auto view_of_agent(const configuration& chosen, posix_log& log, const heal::watch_setup& set,
                                 const std::string& service) -> result<heal::agent_view> {
    posix_clock time;
    auto view = heal::look_at_agent([&] { return make_transport(chosen); }, time, set.agent_time());
    if (!view) heal::log_failure(log, set.watch.state, service, view.error().message);
    return view;
}

// --- the worker ---

/// What a worker works with.
struct current_settings {
    heal::watch_setup set{};
    configuration chosen{};

    [[nodiscard]] auto connect() const -> result<any_transport> { return make_transport(chosen); }
};

/// Logs what of a watch's list the agent does not show to the token, and what of this node's is wrong in it: the worker
/// asks the agent, and would see nothing to do. That the agent does not answer is the worker's to tell.
void tell_hidden(const json::snapshot& given, const configuration& chosen, const heal::watch_setup& set,
                 posix_log& log) {
    posix_clock time;
    auto transport = make_transport(chosen);
    const auto view = heal::look_at_agent([&] { return make_transport(chosen); }, time, set.agent_time());
    if (!transport || !view) return;
    const bad_state state = set.watch.state;
    auto listed = given.checks_of(view->own({chosen.consul.name_space, chosen.consul.partition}));
    if (!listed) return heal::log_failure(log, state, {}, "standard input: " + listed.error().message);
    std::set<std::string> hidden;
    for (const auto& each : *listed) {
        if (each.status == to_string(state)) hidden.insert(each.service_name);
    }
    for (const auto& each : view->checks) hidden.erase(each.service_name);
    for (const auto& service : hidden) {
        consul_client<any_transport&, posix_clock&> consul{*transport, time, time.monotonic() + set.agent_time()};
        const auto shown = consul.require_rights({{acl_resource::service, service}}, {},
                                                 "the agent does not show the checks of " + service);
        if (!shown) heal::log_failure(log, state, service, shown.error().message);
    }
}

/// Works in this process, which is one of its own, until no incident of the state is open. The configuration and the
/// files that it names are read anew for each look. `first` is called with the log.
void work(const invocation& call, const config::arguments& line, const configuration& chosen, bad_state state,
          auto&& first) {
    posix_log log{log_options_for(chosen, "watch", true, false)};
    std::string nobody;
    tell_notes(chosen, false, log, nobody);
    first(log);
    auto here = make_host(chosen, log);
    if (!here) return heal::log_failure(log, state, {}, here.error().message);
    const auto settings = [&]() -> result<current_settings> {
        auto read = configure(call, line, config::unknown_keys::ignored);
        if (!read) return unexpected{read.error()};
        heal::watch_setup set{read->state_dir, read->roles, read->watch, read->timeout};
        set.watch.state = state;
        return current_settings{std::move(set), std::move(*read)};
    };
    const auto is_old = [&] { return call.is_old && call.is_old(); };
    if (heal::worker{*here, settings, is_old}.run() != heal::worker_end::renewed || !call.renew) return;
    std::vector<std::string> words{"watch", std::string{to_string(state)}, "--detach", "--from-agent"};
    for (const auto& [name, value] : line.options) {
        if (name == "detach" || name == "from-agent") continue;
        words.push_back("--" + name + (value.empty() ? "" : "=" + value));
    }
    call.renew(words);
}

/// Lets a process of its own work, and goes on in this one. `first`: see work().
[[nodiscard]] auto leave_worker(const invocation& call, const config::arguments& line, const configuration& chosen,
                                bad_state state, auto&& first) -> result<void> {
    const auto child = call.detach ? call.detach() : result<bool>{false};
    if (!child) return unexpected{child.error()};
    if (!*child) return {};
    work(call, line, chosen, state, first);
    std::_Exit(0);
}

// --- incidents ---

[[nodiscard]] auto local_time(milliseconds wall) -> std::string {
    const auto whole = static_cast<std::time_t>(wall.count / 1000);
    std::tm parts{};
    char text[32]{};
    ::localtime_r(&whole, &parts);
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

/// The states of a service's open incidents.
[[nodiscard]] auto open_states(posix_files& files, const std::string& state_dir, const std::string& service)
    -> std::vector<bad_state> {
    std::vector<bad_state> states;
    const auto loaded = journal_directory{files, state_dir}.load(service);
    for (std::size_t i = 0; loaded && i < loaded->value.incidents.size(); ++i) {
        const auto& one = loaded->value.incidents[i];
        if (one.is_open() && std::ranges::count(states, one.state) == 0) states.push_back(one.state);
    }
    return states;
}

[[nodiscard]] auto acknowledge(const invocation& call, const config::arguments& line, const configuration& chosen,
                               std::string& out, std::string& err) -> result<exit_code> {
    if (line.operands.empty()) {
        return fail(errc::usage, "the service is missing: powerconsul incidents ack <service>");
    }
    const std::string& service = line.operands.front();
    posix_files files;
    const auto count = heal::acknowledge(files, chosen.state_dir, service, chosen.timeout);
    if (!count && count.error().code == errc::timed_out) {
        err += "powerconsul: " + one_line(count.error().message, 1000) + "; try again when its trigger has ended\n";
        return exit_code::try_again;
    }
    if (!count) return unexpected{count.error()};
    const auto states = open_states(files, chosen.state_dir, service);
    out += service + ": its triggers have all attempts again, " +
           (states.empty() ? "for the next incident, since none is open\n" : "and an attempt follows at once\n");
    for (const auto state : states) {
        // One that lives sees within seconds what was acknowledged. It has what the agent was given, such as a token in
        // its environment, and must not be replaced by one that has not.
        const std::string lock = chosen.state_dir + "/journal/worker-" + std::string{to_string(state)} + ".lock";
        if (const auto held = files.lock(lock, {}); !held && held.error().code == errc::timed_out) continue;
        const auto nothing_first = [](posix_log&) {};
        if (auto left = leave_worker(call, line, chosen, state, nothing_first); !left) return unexpected{left.error()};
    }
    return exit_code::done;
}

}  // namespace

auto run_watch(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
               std::string& err) -> result<exit_code> {
    const auto set = setup_for(line, chosen);
    const bad_state state = set.watch.state;
    const bool dry = line.has("dry-run");
    const bool detached = line.has("detach") && !dry;
    if (line.has("detach") && dry) return fail(errc::usage, "--detach and --dry-run: give one of them");
    if (detached && !chosen.log_by_default && chosen.log.target.kind == log_target_kind::standard_error) {
        return fail(errc::usage, "--detach leaves no stderr for the log; give --log another place");
    }

    std::string text;
    std::optional<json::snapshot> given;
    if (!line.has("from-agent")) {
        auto read = input_of(call, chosen.timeout,
                             "the list that a watch of type \"checks\" gives; see powerconsul watch --help");
        if (!read) return unexpected{read.error()};
        text = std::move(*read);
        auto sound = json::snapshot::read(text);
        if (!sound) return fail(errc::bad_data, "standard input: " + sound.error().message);
        given = std::move(*sound);
    }
    // What the snapshot says is what the agent has said; the worker asks it, and again if it does not answer.
    if (detached) {
        // A worker does not keep a list of many nodes for as long as it works.
        auto left = leave_worker(call, line, chosen, state, [&](posix_log& log) {
            if (given) tell_hidden(*given, chosen, set, log);
            given.reset();
            std::string{}.swap(text);
        });
        return left ? result{exit_code::done} : result<exit_code>{unexpected{left.error()}};
    }
    posix_log log{log_options_for(chosen, "watch", false, dry)};
    tell_notes(chosen, dry, log, err);
    auto view = view_of_agent(chosen, log, set, {});
    if (!view) return unexpected{view.error()};
    const auto own = view->own({chosen.consul.name_space, chosen.consul.partition});
    auto listed = given ? given->checks_of(own) : result{heal::from_agent(*view, state)};
    if (!listed) return fail(errc::bad_data, "standard input: " + listed.error().message);

    auto here = make_host(chosen, log);
    if (!here) return unexpected{here.error()};
    given.reset();
    const auto connect = [&] { return make_transport(chosen); };
    const auto act = [&](auto& on) { return heal::handle_all(on, connect, set, std::move(*listed), std::move(*view)); };
    dry_run_host unchanged{*here};
    auto done = dry ? act(unchanged) : act(*here);
    const auto code = done ? result{code_of(done->failure())} : result<exit_code>{unexpected{done.error()}};
    if (done && !done->stopped.empty()) out += "nothing acts: " + done->stopped + '\n';
    if (dry) {
        if (done) out += heal::dry_run_text(*done, set.watch, completed(chosen.roles.who));
        out += heal::ignored_text(text, own, state);
        if (out.empty()) out = "nothing to do\n";
    }
    complain_of(log, err);
    return code;
}

auto run_trigger(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
                 std::string& err) -> result<exit_code> {
    auto given = required(line, "service", "-s/--service");
    if (!given) return unexpected{given.error()};
    if (*given == "-") {
        given = input_of(call, chosen.timeout, "one check as JSON; see powerconsul trigger --help");
        if (!given) return unexpected{given.error()};
    }
    auto check = json::decode_check(*given);
    if (!check) {
        return fail(errc::bad_data, "-s/--service: " + check.error().message +
                                        R"(; give one check, as in {"ServiceName": "web", "CheckID": "web-role"})");
    }
    if (auto valid = validate_segment("the Consul service name", check->service_name); !valid) {
        return fail(errc::bad_data, "-s/--service: " + valid.error().message);
    }
    if (check->check_id.empty()) check->check_id = "service:" + check->service_id;
    const bool dry = line.has("dry-run");
    const auto set = setup_for(line, chosen);
    posix_log log{log_options_for(chosen, "trigger", false, dry)};
    if (check->node.empty()) {
        // Else the incident would be another one than the watch's.
        auto view = view_of_agent(chosen, log, set, check->service_name);
        if (!view) return unexpected{view.error()};
        heal::complete(*check, *view);
    }
    auto here = make_host(chosen, log);
    heal::handled_watch done{{}, {}, {{check->service_name, {}, {}}}};
    if (!here) {
        done.reports[0].cause = here.error();
    } else if (dry) {
        dry_run_host unchanged{*here};
        done = heal::run_once(unchanged, set, *check);
    } else {
        done = heal::run_once(*here, set, *check);
    }
    const auto& report = done.reports[0];
    out += heal::handled_text(report, set.watch, completed(chosen.roles.who), dry);
    complain_of(log, err);
    if (report.cause) return code_of(report.cause);
    if (dry) return exit_code::done;
    if (!done.stopped.empty()) return exit_code::try_again;
    const bool failed = std::ranges::any_of(report.incidents, [](const auto& each) {
        return each.outcome && !(each.outcome->result == healing::ended && each.outcome->status == 0);
    });
    return failed ? exit_code::failed : exit_code::done;
}

auto run_incidents(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
                   std::string& err) -> result<exit_code> {
    if (auto as = call.act_as_owner ? call.act_as_owner(chosen.state_dir) : result<void>{}; !as) {
        return unexpected{as.error()};
    }
    if (line.words.subject == "ack") return acknowledge(call, line, chosen, out, err);
    posix_files files;
    heal::incidents_view how{.now = posix_clock{}.wall(), .verbose = line.has("verbose"), .retry = chosen.watch.retry};
    how.stopped = stop_file_hold(files, chosen.watch.stop_file, how.now);
    if (const auto since = line.value("since")) {
        const auto time = parse_long_duration(*since, 3650);
        if (!time) return fail(errc::usage, "--since: " + time.error().message);
        how.since = how.now - *time;
    }
    const auto known = heal::load_all(files, chosen.state_dir);
    if (!known) return unexpected{known.error()};
    const bool json = line.has("json") || chosen.format == output_format::json;
    out += line.has("stats") ? json ? heal::statistics_json(*known, how) : heal::statistics_text(*known, how)
           : json ? heal::incidents_json(*known, how)
                             : heal::incidents_text(*known, how, local_time);
    return heal::any_given_up(*known) ? exit_code::failed : exit_code::done;
}

}  // namespace powerconsul::cli
