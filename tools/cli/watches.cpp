#include "watches.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/dry_run.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/log.hpp>
#include <powerconsul/adapters/posix/supervisor.hpp>
#include <powerconsul/adapters/thread_runner.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/handler.hpp>
#include <powerconsul/json/value.hpp>

#include "roles.hpp"
#include "stop_file.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t largest_input = std::size_t{256} * 1024 * 1024;

[[nodiscard]] auto state_of(const config::arguments& line) -> bad_state {
    return line.words.subject == "warning" ? bad_state::warning : bad_state::critical;
}

[[nodiscard]] auto out_of_memory() -> error {
    return {errc::failed, "there is not enough memory"};
}

/// What several handlers and the worker have in common. A dry run differs by its policies alone.
template <typename Files, typename Supervisor>
struct acting {
    Files files{};
    Supervisor supervisor{};
    posix_clock time{};
};
using real_acting = acting<posix_files, posix_supervisor>;
using dry_acting = acting<dry_run_files<posix_files>, dry_run_supervisor<posix_supervisor>>;

[[nodiscard]] auto options_for(const configuration& chosen, bad_state state) -> watch_options {
    watch_options options = chosen.watch;
    options.state = state;
    options.stopped = stop_reason(chosen.stop_file);
    options.consul_time = shorter({chosen.timeout.count * 5 / 8}, seconds(5));
    options.lock_wait = options.triggers.timeout + options.triggers.grace + seconds(5);
    return options;
}

template <typename Acting, typename Log, typename Act>
[[nodiscard]] auto with_handler(Acting& with, Log& log, const configuration& chosen, const watch_options& options,
                                const std::string& service, Act act) -> handled_service {
    auto transport = make_transport(chosen);
    if (!transport) return {service, {}, transport.error()};
    incident_handler handler{*transport, with.time,        with.files,   with.supervisor,
                             log,        chosen.state_dir, chosen.roles, options};
    return act(handler);
}

/// The agent's own name, and its checks in the state as if a watch had listed them.
struct agent_view {
    std::string node{};
    std::vector<snapshot_check> checks{};
};

[[nodiscard]] auto look_at_agent(const configuration& chosen, posix_clock& time) -> result<agent_view> {
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{transport.error()};
    consul_client<any_transport&, posix_clock&> consul{*transport, time,
                                                       time.monotonic() + milliseconds{chosen.timeout.count * 5 / 8}};
    agent_view view;
    auto checks = consul.agent_checks();
    if (!checks) return unexpected{checks.error()};
    view.checks = std::move(*checks);
    for (const auto& each : view.checks) {
        if (!each.node.empty()) view.node = each.node;
    }
    if (!view.node.empty()) return view;
    auto agent = consul.agent();
    if (!agent) return unexpected{agent.error()};
    view.node = agent->node;
    return view;
}

[[nodiscard]] auto from_agent(agent_view view, bad_state state) -> std::vector<snapshot_check> {
    std::vector<snapshot_check> listed;
    for (auto& each : view.checks) {
        const bool maintenance = check_health(each.check_id, each.status) == health::maintenance;
        if (maintenance || each.service_name.empty() || each.status != to_string(state)) continue;
        if (each.node.empty()) each.node = view.node;
        each.create_index = 0;
        each.modify_index = 0;
        listed.push_back(std::move(each));
    }
    return listed;
}

/// Services with an incident of that state that is open.
[[nodiscard]] auto open_services(const configuration& chosen, bad_state state) -> result<std::vector<std::string>> {
    posix_files files;
    journal_directory<posix_files&> journals{files, chosen.state_dir};
    auto names = journals.services();
    if (!names) return unexpected{names.error()};
    std::vector<std::string> open;
    for (const auto& each : *names) {
        const auto loaded = journals.load(each);
        // What is wrong with one journal must not keep the others from being seen to: its own handler will say it.
        const bool needed = !loaded || std::ranges::any_of(loaded->value.incidents, [&](const auto& one) {
            return one.is_open() && one.state == state;
        });
        if (needed) open.push_back(each);
    }
    return open;
}

[[nodiscard]] auto shown(const std::vector<std::string>& words) -> std::string {
    std::string text;
    for (const auto& each : words) text += (text.empty() ? "" : " ") + (each.empty() ? "''" : one_line(each, 2000));
    return text;
}

void print_job(const handled_check& done, const watch_options& options, const identity& who, std::string& out) {
    const auto row = [&](std::string_view name, std::string_view text) {
        std::string padded{name};
        padded.resize(10, ' ');
        out += "    " + padded + std::string{text} + '\n';
    };
    const job& what = *done.ran;
    row("role", std::string{to_string(done.own)} +
                    (done.as == done.own ? "" : ", which takes over as " + std::string{to_string(done.as)}));
    if (done.outcome) row("key", done.outcome->key);
    row("command", shown(what.argv));
    for (std::string_view rest = what.script; !rest.empty();) {
        const bool first = rest.size() == what.script.size();
        row(first ? "script" : "", one_line(next_part(rest, '\n'), 2000));
    }
    row("user", what.user.empty() ? "the one that runs this" : what.user);
    row("timeout",
        std::to_string(what.timeout.count) + " ms, then " + std::to_string(what.grace.count) + " ms from TERM to KILL");
    std::string known;
    for (const auto& each : all_substitutions(options.triggers, who)) {
        known += (known.empty() ? "@" : ", @") + each.name + '=' + one_line(each.value, 200);
    }
    row("with", known);
}

void print_handled(const handled_service& report, const watch_options& options, const identity& who, bool dry,
                   std::string& out) {
    for (const auto& each : report.checks) {
        out += one_line(report.service, 200) + ' ' + std::string{to_string(options.state)} + ", check " +
               one_line(each.check_id, 200) + ": ";
        if (each.ran && dry) {
            out += "would run\n";
            print_job(each, options, who, out);
            continue;
        }
        if (each.outcome && dry) {
            out += "would fail to run " + each.outcome->key + ": " + one_line(each.outcome->output, 1000) + '\n';
            continue;
        }
        if (each.outcome) {
            out += "ran " + each.outcome->key + " as " + std::string{to_string(each.own)} + ": ";
            if (each.outcome->result != healing::ended) out += std::string{to_string(each.outcome->result)};
            if (each.outcome->status >= 0) out += "exit status " + std::to_string(each.outcome->status);
            if (each.outcome->signal != 0) out += "signal " + std::to_string(each.outcome->signal);
            out += " after " + std::to_string((each.outcome->ended - each.outcome->began).count) + " ms\n";
            // A terminal must not obey what a trigger prints.
            for (std::string_view rest = each.outcome->output; !rest.empty();) {
                out += one_line(next_part(rest, '\n'), 2000) + '\n';
            }
            continue;
        }
        switch (each.what) {
            case step::closed: out += "it left the state"; break;
            case step::gave_up:
            case step::given_up: out += "given up"; break;
            default: out += dry ? "would do nothing" : "nothing done"; break;
        }
        out += each.why.empty() ? "\n" : ": " + one_line(each.why, 1000) + '\n';
    }
    if (report.trouble) out += report.service + ": " + one_line(report.trouble->message, 1000) + '\n';
}

[[nodiscard]] auto code_of(const std::optional<error>& trouble) -> exit_code {
    if (!trouble) return exit_code::done;
    return trouble->code == errc::timed_out ? exit_code::try_again : exit_code_for(trouble->code);
}

/// The checks that opened no incident and have none.
void explain_the_unproven(const listed_service& listed, const handled_service& report, bad_state state,
                          std::string& out) {
    if (report.trouble) return;
    for (const auto& each : listed.checks) {
        if (std::ranges::find(report.checks, each.check_id, &handled_check::check_id) != report.checks.end()) continue;
        out += listed.service + ' ' + std::string{to_string(state)} + ", check " + one_line(each.check_id, 200) +
               ": would do nothing: the agent has it in another state by now, or its state is not known yet\n";
    }
}

/// Every entry that is not seen to, with the reason: for a dry run.
void explain_the_rest(std::string_view text, std::string_view node, bad_state state, std::string& out) {
    const auto root = json::parse(text);
    if (!root) return;
    std::size_t elsewhere = 0;
    for (const auto& each : root->items) {
        const auto member = [&](std::string_view name) {
            const auto* const found = each.find(name);
            return found == nullptr ? std::string{} : found->text;
        };
        if (member("Node") != node) {
            ++elsewhere;
            continue;
        }
        const std::string id = member("CheckID");
        std::string why;
        if (check_health(id, "") == health::maintenance) {
            why = "it stands for maintenance";
        } else if (member("ServiceName").empty()) {
            why = "it is a check of the node, of no service";
        } else if (const auto status = member("Status"); status != to_string(state)) {
            why = "it is " + one_line(status, 40) + ", and " + std::string{to_string(state)} + " is what is watched";
        }
        if (!why.empty()) out += "check " + one_line(id, 200) + ": would do nothing: " + why + '\n';
    }
    if (elsewhere != 0) {
        out += std::to_string(elsewhere) + (elsewhere == 1 ? " check" : " checks") + " of other nodes than " +
               std::string{node} + ": would do nothing\n";
    }
}

template <typename Acting>
[[nodiscard]] auto handle_all(Acting& with, posix_log& log, const configuration& chosen, bad_state state,
                              std::vector<snapshot_check> listed, bool dry, std::string& out) -> result<exit_code> {
    auto open = open_services(chosen, state);
    if (!open) return unexpected{open.error()};
    const auto services = by_service(std::move(listed), *open);
    const auto options = options_for(chosen, state);
    std::vector<handled_service> reports(services.size());
    // A service that waits for its lock or for a free place must not keep the others waiting.
    thread_runner{dry ? std::size_t{1} : std::size_t{16}}.run(services.size(), [&](std::size_t i) {
        try {
            reports[i] = with_handler(with, log, chosen, options, services[i].service, [&](auto& handler) {
                return handler.handle(services[i].service, services[i].checks);
            });
        } catch (const std::bad_alloc&) {  // it may be enough for the others
            reports[i] = {services[i].service, {}, out_of_memory()};
            log.write({event_level::error,
                       "failed",
                       services[i].service,
                       std::string{to_string(state)},
                       {{"error", out_of_memory().message}}});
        }
    });
    std::optional<error> trouble;
    if (!options.stopped.empty()) out += "nothing acts: " + options.stopped + '\n';
    for (std::size_t i = 0; i < reports.size(); ++i) {
        if (dry) {
            print_handled(reports[i], options, completed(chosen.roles.who), dry, out);
            explain_the_unproven(services[i], reports[i], state, out);
        }
        if (!trouble && reports[i].trouble) trouble = reports[i].trouble;
    }
    return code_of(trouble);
}

/// When the next attempt of the state is due; nothing if there is none to come. Fails if it cannot be told.
[[nodiscard]] auto next_due(const configuration& chosen, bad_state state) -> result<std::optional<milliseconds>> {
    posix_files files;
    journal_directory<posix_files&> journals{files, chosen.state_dir};
    const auto names = journals.services();
    if (!names) return unexpected{names.error()};
    std::optional<milliseconds> soonest;
    std::optional<error> unread;
    for (const auto& each : *names) {
        const auto loaded = journals.load(each);
        if (!loaded) {
            unread = loaded.error();
            continue;
        }
        for (const auto& one : loaded->value.incidents) {
            const auto due = next_attempt(one, chosen.watch.retry);
            if (one.state == state && due && (!soonest || *due < *soonest)) soonest = due;
        }
    }
    // What cannot be read matters once it is all that there may be.
    if (!soonest && unread) return unexpected{*unread};
    return soonest;
}

constexpr std::string_view no_further_attempts = "; no further attempts are made until a handler is called again";

/// Tries again until no incident of the state is left that may be tried. One such worker is enough for a state.
void keep_trying(real_acting& with, posix_log& log, const configuration& chosen, bad_state state) {
    const std::string path = chosen.state_dir + "/journal/worker-" + std::string{to_string(state)} + ".lock";
    // A worker that has just seen that nothing is left is about to go: it would not see to what has opened since.
    const auto alone = with.files.lock(path, seconds(2));
    const auto end_with = [&](std::string why) {
        log.write({event_level::error, "failed", {}, std::string{to_string(state)}, {{"error", std::move(why)}}});
    };
    if (!alone && alone.error().code == errc::timed_out) return;
    if (!alone) return end_with(alone.error().message + std::string{no_further_attempts});
    constexpr milliseconds calm = seconds(10);
    constexpr int most_in_vain = 6;
    milliseconds least{500};
    for (int in_vain = 0; in_vain < most_in_vain;) {
        try {
            const auto due = next_due(chosen, state);
            if (due && !*due) return;
            in_vain = due ? 0 : in_vain + 1;
            // Incidents that open or close meanwhile are those of other handlers: a look from time to time finds them.
            const milliseconds left = due ? shorter(**due - with.time.wall(), calm) : calm;
            std::this_thread::sleep_for(std::chrono::milliseconds{std::max(left.count, least.count)});
            least = calm;  // what went wrong just now will not be well in a moment
            auto view = look_at_agent(chosen, with.time);
            if (!view) continue;
            std::string unread;
            const auto code = handle_all(with, log, chosen, state, from_agent(std::move(*view), state), false, unread);
            if (code && *code == exit_code::done) least = {500};
        } catch (const std::bad_alloc&) {
            ++in_vain;
            std::this_thread::sleep_for(std::chrono::milliseconds{calm.count});
        }
    }
    end_with("the journals cannot be read" + std::string{no_further_attempts});
}

[[nodiscard]] auto log_options_for(const configuration& chosen, std::string_view command, bool detached, bool dry)
    -> log_options {
    log_options options = chosen.log;
    options.command = command;
    if (detached && chosen.log_by_default) options.target = {log_target_kind::syslog, {}};
    if (dry) options.target = {};
    return options;
}

}  // namespace

auto run_watch(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
               std::string& err) -> result<exit_code> {
    const bad_state state = state_of(line);
    const bool dry = line.has("dry-run");
    const bool detached = line.has("detach") && !dry;
    if (line.has("detach") && dry) return fail(errc::usage, "--detach and --dry-run: give one of them");
    if (detached && !chosen.log_by_default && chosen.log.target.kind == log_target_kind::standard_error) {
        return fail(errc::usage, "--detach leaves no stderr for the log; give --log another place");
    }

    std::string text;
    std::optional<json::snapshot> given;
    if (!line.has("from-agent")) {
        if (!call.input) return fail(errc::usage, "there is no standard input");
        auto read = call.input(largest_input, chosen.timeout);
        if (!read) {
            return fail(errc::bad_data, read.error().message +
                                            "; expected the list that a watch of type \"checks\" gives; "
                                            "see powerconsul watch --help");
        }
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
    posix_clock time;
    auto view = look_at_agent(chosen, time);
    if (!view) {
        log.write({event_level::error, "failed", {}, std::string{to_string(state)}, {{"error", view.error().message}}});
        return unexpected{view.error()};
    }
    const std::string node = view->node;
    auto listed = given ? given->checks_of(node) : result{from_agent(std::move(*view), state)};
    if (!listed) return fail(errc::bad_data, "standard input: " + listed.error().message);
    std::erase_if(*listed, [&](const auto& each) { return each.status != to_string(state); });
    if (dry) {
        dry_acting with;
        auto code = handle_all(with, log, chosen, state, std::move(*listed), true, out);
        if (!text.empty()) explain_the_rest(text, node, state, out);
        if (out.empty()) out = "nothing to do\n";
        return code;
    }
    given.reset();
    text = std::string{};  // a worker may live for hours
    real_acting with;
    auto code = handle_all(with, log, chosen, state, std::move(*listed), false, out);
    if (detached) keep_trying(with, log, chosen, state);
    if (const auto trouble = log.trouble()) err += "powerconsul: the log: " + one_line(trouble->message, 1000) + '\n';
    return code;
}

auto run_trigger(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
                 std::string& err) -> result<exit_code> {
    auto given = required(line, "service", "-s/--service");
    if (!given) return unexpected{given.error()};
    if (*given == "-") {
        if (!call.input) return fail(errc::usage, "there is no standard input");
        given = call.input(largest_input, chosen.timeout);
        if (!given) {
            return fail(errc::bad_data,
                        given.error().message + "; expected one check as JSON; see powerconsul trigger --help");
        }
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
    posix_log log{log_options_for(chosen, "trigger", false, dry)};
    if (check->node.empty()) {
        // Else the incident would be another one than the watch's.
        posix_clock time;
        auto view = look_at_agent(chosen, time);
        if (!view) {
            log.write({event_level::error,
                       "failed",
                       check->service_name,
                       std::string{to_string(state_of(line))},
                       {{"error", view.error().message}}});
            return unexpected{view.error()};
        }
        check->node = std::move(view->node);
        const auto known = std::ranges::find(view->checks, check->check_id, &snapshot_check::check_id);
        if (known != view->checks.end() && known->service_name == check->service_name) {
            check->service_id = known->service_id;
        }
    }
    const auto options = options_for(chosen, state_of(line));
    handled_service report;
    const auto act = [&](auto& handler) { return handler.run_once(*check); };
    if (dry) {
        dry_acting with;
        report = with_handler(with, log, chosen, options, check->service_name, act);
    } else {
        real_acting with;
        report = with_handler(with, log, chosen, options, check->service_name, act);
    }
    print_handled(report, options, completed(chosen.roles.who), dry, out);
    if (const auto trouble = log.trouble()) err += "powerconsul: the log: " + one_line(trouble->message, 1000) + '\n';
    if (report.trouble) return code_of(report.trouble);
    if (dry) return exit_code::done;
    if (!options.stopped.empty()) return exit_code::try_again;
    for (const auto& each : report.checks) {
        if (each.outcome && !(each.outcome->result == healing::ended && each.outcome->status == 0)) {
            return exit_code::failed;
        }
    }
    return exit_code::done;
}

}  // namespace powerconsul::cli
