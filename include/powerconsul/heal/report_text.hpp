#pragma once

#include <powerconsul/heal/watch.hpp>

/// Text for a person about what a handler did, in lines that end with a newline. Text from others is made harmless for
/// a terminal.
namespace powerconsul::inline v0::heal {

namespace detail {

[[nodiscard]] inline auto row(std::string_view name, std::string_view text) -> std::string {
    std::string line = "    " + std::string{name};
    line.resize(14, ' ');
    return line.append(text) + '\n';
}

/// `web critical, check web-role: `
[[nodiscard]] inline auto check_text(std::string_view service, bad_state state, const std::vector<std::string>& checks)
    -> std::string {
    std::string text = one_line(service, 200) + ' ' + std::string{to_string(state)};
    for (const auto& each : checks) {
        text += (&each != &checks.front() ? ", " : checks.size() == 1 ? ", check " : ", checks ") + one_line(each, 200);
    }
    return text + ": ";
}

[[nodiscard]] inline auto job_text(const handled_incident& done, const watch_options& options, const identity& who)
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

[[nodiscard]] inline auto outcome_text(const handled_incident& done) -> std::string {
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
    for (const auto& each : report.incidents) {
        text += detail::check_text(report.service, options.state, each.checks);
        if (each.ran && dry) {
            text += "would run\n" + detail::job_text(each, options, who);
        } else if (each.outcome && dry) {
            text += "would fail to run " + each.outcome->key + ": " + one_line(each.outcome->output, 1000) + '\n';
        } else if (each.outcome) {
            text += detail::outcome_text(each);
        } else {
            const bool given_up = each.what == step::gave_up || each.what == step::given_up;
            text += each.what == step::closed ? "the incident is over"
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
            const bool told = algo::any_of(
                report.incidents, [&](const handled_incident& one) { return is_one_of(each.check_id, one.checks); });
            if (told) continue;
            text += detail::check_text(report.service, options.state, {each.check_id}) +
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

}  // namespace powerconsul::inline v0::heal
