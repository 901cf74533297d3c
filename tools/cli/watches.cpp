#include <powerconsul/adapters/dry_run.hpp>
#include <powerconsul/heal/report_text.hpp>

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
    heal::watch_setup set{chosen.state_dir, chosen.stop_file, chosen.roles, chosen.watch, chosen.timeout};
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

[[nodiscard]] auto acknowledge(const config::arguments& line, const configuration& chosen, std::string& out,
                               std::string& err) -> result<exit_code> {
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
    out += service + ": " + std::to_string(*count) + (*count == 1 ? " incident is" : " incidents are") +
           " tried again with the next run of the watch\n";
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
    if (detached) {
        const auto child = call.detach ? call.detach() : result<bool>{true};
        if (!child) return unexpected{child.error()};
        if (!*child) return exit_code::done;
    }
    posix_log log{log_options_for(chosen, "watch", detached, dry)};
    tell_notes(chosen, dry, log, err);
    auto view = view_of_agent(chosen, log, set, {});
    if (!view) return unexpected{view.error()};
    const auto own = view->own({chosen.consul.name_space, chosen.consul.partition});
    auto listed = given ? given->checks_of(own) : result{heal::from_agent(std::move(*view), state)};
    if (!listed) return fail(errc::bad_data, "standard input: " + listed.error().message);

    auto here = make_host(chosen, log);
    if (!here) return unexpected{here.error()};
    given.reset();
    if (!dry) text = std::string{};  // a worker may live for hours
    const auto connect = [&] { return make_transport(chosen); };
    const auto act = [&](auto& on) { return heal::handle_all(on, connect, set, std::move(*listed)); };
    dry_run_host unchanged{*here};
    auto done = dry ? act(unchanged) : act(*here);
    const auto code = done ? result{code_of(done->failure())} : result<exit_code>{unexpected{done.error()}};
    if (done && !done->stopped.empty()) out += "nothing acts: " + done->stopped + '\n';
    if (dry) {
        if (done) out += heal::dry_run_text(*done, set.watch, completed(chosen.roles.who));
        out += heal::ignored_text(text, own, state);
        if (out.empty()) out = "nothing to do\n";
    }
    if (detached) {
        if (done) *done = {};
        heal::keep_trying(*here, connect, set);
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
    const bool failed = std::ranges::any_of(report.checks, [](const auto& each) {
        return each.outcome && !(each.outcome->result == healing::ended && each.outcome->status == 0);
    });
    return failed ? exit_code::failed : exit_code::done;
}

auto run_incidents(const invocation&, const config::arguments& line, const configuration& chosen, std::string& out,
                   std::string& err) -> result<exit_code> {
    if (line.words.subject == "ack") return acknowledge(line, chosen, out, err);
    posix_files files;
    const auto known = heal::load_all(files, chosen.state_dir);
    if (!known) return unexpected{known.error()};
    const std::string stopped = heal::stop_reason(files, chosen.stop_file);
    const bool json = line.has("json") || chosen.format == output_format::json;
    out += json ? heal::incidents_json(*known, chosen.watch.retry, stopped)
                : heal::incidents_text(*known, chosen.watch.retry, stopped, posix_clock{}.wall());
    return exit_code::done;
}

}  // namespace powerconsul::cli
