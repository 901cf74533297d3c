#pragma once

#include <powerconsul/heal/watch.hpp>

/// Text for a person about handled checks and about incidents, in lines that end with a newline. Text from others is
/// made harmless for a terminal.
namespace powerconsul::inline v0::heal {

namespace detail {

[[nodiscard]] inline auto row(std::string_view name, std::string_view text) -> std::string {
    std::string line = "    " + std::string{name};
    line.resize(14, ' ');
    return line.append(text) + '\n';
}

[[nodiscard]] inline auto check_text(std::string_view service, bad_state state, std::string_view check_id)
    -> std::string {
    return one_line(service, 200) + ' ' + std::string{to_string(state)} + ", check " + one_line(check_id, 200) + ": ";
}

[[nodiscard]] inline auto job_text(const handled_check& done, const watch_options& options, const identity& who)
    -> std::string {
    const job& what = *done.ran;
    const std::string as = done.as == done.own ? "" : ", which takes over as " + std::string{to_string(done.as)};
    std::string text = row("role", std::string{to_string(done.own)} + as);
    if (done.outcome) text += row("key", done.outcome->key);
    text += row("command", command_text(what.argv));
    std::string_view name = "script";
    for (std::string_view rest = what.script; !rest.empty(); name = {}) {
        text += row(name, one_line(next_part(rest, '\n'), 2000));
    }
    text += row("user", what.user.empty() ? "the one that runs this" : what.user);
    text += row("timeout", std::to_string(what.timeout.count) + " ms, then " + std::to_string(what.grace.count) +
                               " ms from TERM to KILL");
    std::string known;
    for (const auto& each : all_substitutions(options.triggers, who)) {
        known += (known.empty() ? "@" : ", @") + each.name + '=' + one_line(each.value, 200);
    }
    return text + row("with", known);
}

[[nodiscard]] inline auto outcome_text(const handled_check& done) -> std::string {
    const attempt& last = *done.outcome;
    std::string text = "ran " + last.key + " as " + std::string{to_string(done.own)} + ": ";
    if (last.result != healing::ended) text += to_string(last.result);
    if (last.status >= 0) text += "exit status " + std::to_string(last.status);
    if (last.signal != 0) text += "signal " + std::to_string(last.signal);
    text += " after " + std::to_string((last.ended - last.began).count) + " ms\n";
    for (std::string_view rest = last.output; !rest.empty();) text += one_line(next_part(rest, '\n'), 2000) + '\n';
    return text;
}

}  // namespace detail

// --- what a handler did ---

/// What was done about each check of a service or, in a dry run, what would have been done.
[[nodiscard]] inline auto handled_text(const handled_service& report, const watch_options& options, const identity& who,
                                       bool dry) -> std::string {
    std::string text;
    for (const auto& each : report.checks) {
        text += detail::check_text(report.service, options.state, each.check_id);
        if (each.ran && dry) {
            text += "would run\n" + detail::job_text(each, options, who);
        } else if (each.outcome && dry) {
            text += "would fail to run " + each.outcome->key + ": " + one_line(each.outcome->output, 1000) + '\n';
        } else if (each.outcome) {
            text += detail::outcome_text(each);
        } else {
            const bool given_up = each.what == step::gave_up || each.what == step::given_up;
            text += each.what == step::closed ? "it left the state"
                    : given_up                ? "given up"
                    : dry                     ? "would do nothing"
                                              : "nothing done";
            text += each.why.empty() ? "\n" : ": " + one_line(each.why, 1000) + '\n';
        }
    }
    if (report.cause) text += report.service + ": " + one_line(report.cause->message, 1000) + '\n';
    return text;
}

/// What a dry run of a watch would have done about all services, with the checks that opened no incident.
[[nodiscard]] inline auto dry_run_text(const handled_watch& done, const watch_options& options, const identity& who)
    -> std::string {
    std::string text;
    for (std::size_t i = 0; i < done.reports.size(); ++i) {
        const auto& report = done.reports[i];
        text += handled_text(report, options, who, true);
        if (report.cause) continue;
        for (const auto& each : done.listed[i].checks) {
            if (std::ranges::find(report.checks, each.check_id, &handled_check::check_id) != report.checks.end()) {
                continue;
            }
            text += detail::check_text(report.service, options.state, each.check_id) +
                    "would do nothing: the agent has it in another state by now, or its state is not known yet\n";
        }
    }
    return text;
}

/// The entries of a watch's input that are ignored, each with the reason; empty if the input is not JSON.
[[nodiscard]] inline auto ignored_text(std::string_view input, const own_checks& own, bad_state state) -> std::string {
    std::string text;
    const auto root = json::parse(input);
    if (!root) return text;
    std::size_t elsewhere = 0;
    for (const auto& each : root->items) {
        const auto member = [&](std::string_view name) {
            const auto* const found = each.find(name);
            return found == nullptr ? std::string{} : found->text;
        };
        if (!own.hold({.node = member("Node"),
                       .peer = member("PeerName"),
                       .partition = member("Partition"),
                       .name_space = member("Namespace")})) {
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
        if (!why.empty()) text += "check " + one_line(id, 200) + ": would do nothing: " + why + '\n';
    }
    if (elsewhere == 0) return text;
    return text + std::to_string(elsewhere) + (elsewhere == 1 ? " check" : " checks") + " of other nodes than " +
           one_line(own.node, 200) + ": would do nothing\n";
}

// --- incidents ---

namespace detail {

[[nodiscard]] inline auto seconds_text(milliseconds time) -> std::string {
    if (time.count < 10'000) return std::to_string(time.count) + " ms";
    if (time.count < 600'000) return std::to_string(time.count / 1000) + " s";
    return std::to_string(time.count / 60'000) + " min";
}

/// `not healed (exit status 1 after 120 ms)`
[[nodiscard]] inline auto last_attempt_text(const incident& one) -> std::string {
    if (one.attempts == 0) return "no attempt";
    std::string text{to_string(one.last.result)};
    const std::string time = seconds_text(one.last.ended - one.last.began);
    if (one.last.status >= 0) text += " (exit status " + std::to_string(one.last.status) + " after " + time + ')';
    if (one.last.signal != 0) text += " (signal " + std::to_string(one.last.signal) + " after " + time + ')';
    if (one.last.result == healing::timed_out) text += " (" + time + ')';
    return text;
}

[[nodiscard]] inline auto next_attempt_text(const incident& one, const retry_rules& rules, milliseconds now)
    -> std::string {
    if (!one.is_open()) return "closed " + utc_time(one.closed);
    if (one.given_up) return "given up; powerconsul incidents ack re-arms it";
    const auto due = next_attempt(one, rules);
    const std::string when =
        !due || *due <= now ? "with the next run of the watch" : "in " + seconds_text(*due - now) + " at the soonest";
    return "next attempt " + when + (one.held.empty() ? "" : "; held: " + one_line(one.held, 500));
}

[[nodiscard]] inline auto incident_text(const journal& from, const incident& one, const retry_rules& rules,
                                        milliseconds now) -> std::string {
    std::string text = from.service + "  " + one.check_id + "  " + std::string{to_string(one.state)} + "  " +
                       (one.is_open() ? "open" : "closed") + "  " + one.id + '\n';
    text += row("since", utc_time(one.opened));
    text += row("attempts", std::to_string(one.attempts) + " of " + std::to_string(rules.attempts));
    text += row("last", last_attempt_text(one));
    text += row("next", next_attempt_text(one, rules, now));
    for (std::string_view rest = one.last.output; !rest.empty();) {
        text += "    | " + one_line(next_part(rest, '\n'), 500) + '\n';
    }
    return text;
}

inline void write_incident(json::writer& line, const journal& from, const incident& one, const retry_rules& rules) {
    line.open_object();
    line.key("id").string(one.id);
    line.key("service").string(from.service);
    line.key("check").string(one.check_id);
    line.key("service_id").string(one.service_id);
    line.key("node").string(one.node);
    line.key("state").string(to_string(one.state));
    line.key("open").boolean(one.is_open());
    line.key("since").string(utc_time(one.opened));
    if (!one.is_open()) line.key("closed").string(utc_time(one.closed));
    line.key("attempts").number(std::uint64_t{one.attempts});
    line.key("given_up").boolean(one.given_up);
    if (!one.held.empty()) line.key("held").string(one_line(one.held, 1000));
    if (const auto due = next_attempt(one, rules)) line.key("next").string(utc_time(*due));
    if (one.attempts != 0) {
        line.key("last").open_object();
        line.key("began").string(utc_time(one.last.began));
        line.key("outcome").string(to_string(one.last.result));
        line.key("trigger").string(one.last.key);
        if (one.last.ended.count != 0) line.key("duration_ms").number((one.last.ended - one.last.began).count);
        if (one.last.status >= 0) line.key("status").number(std::int64_t{one.last.status});
        if (one.last.signal != 0) line.key("signal").number(std::int64_t{one.last.signal});
        line.key("output").string(one.last.output);
        line.close_object();
    }
    line.close_object();
}

}  // namespace detail

/// All incidents, the open ones first. `stopped` says why no trigger may run, empty if they may. `now` is wall clock.
[[nodiscard]] inline auto incidents_text(const std::vector<loaded_journal>& all, const retry_rules& rules,
                                         const std::string& stopped, milliseconds now) -> std::string {
    std::string text;
    for (const bool open : {true, false}) {
        for (const auto& each : all) {
            for (const auto& one : each.value.incidents) {
                if (one.is_open() == open) text += detail::incident_text(each.value, one, rules, now);
            }
        }
    }
    const bool none = text.empty();
    if (!stopped.empty()) text.insert(0, "nothing acts: " + stopped + '\n');
    for (const auto& each : all) {
        if (!each.note.empty()) text += "note: " + one_line(each.note, 1000) + '\n';
    }
    return none ? text + "no incidents\n" : text;
}

/// All incidents as one line of JSON, in the order of the journals.
[[nodiscard]] inline auto incidents_json(const std::vector<loaded_journal>& all, const retry_rules& rules,
                                         const std::string& stopped) -> std::string {
    json::writer line;
    line.open_object();
    if (!stopped.empty()) line.key("stopped").string(stopped);
    line.key("incidents").open_array();
    for (const auto& each : all) {
        for (const auto& one : each.value.incidents) detail::write_incident(line, each.value, one, rules);
    }
    line.close_array();
    line.key("notes").open_array();
    for (const auto& each : all) {
        if (!each.note.empty()) line.string(one_line(each.note, 1000));
    }
    line.close_array();
    line.close_object();
    return line.text() + '\n';
}

}  // namespace powerconsul::inline v0::heal
