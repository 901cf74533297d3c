#pragma once

#include <iterator>

#include <powerconsul/checks/noop.hpp>
#include <powerconsul/checks/report.hpp>
#include <powerconsul/cluster/maintenance.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

/// The judgement on one local service, or on several taken as one.
struct group_judgement {
    verdict state{verdict::unknown};
    observation seen{observation::unknown};  ///< what all have in common; otherwise degraded or unknown
    std::string reason{};                    ///< names each service that is not as expected
    std::string_view remedy{};               ///< of the first such service that has one
};

namespace detail {

/// One part of the reason: the names of all services with the same observation.
struct alike {
    const observed* seen{};
    std::vector<std::string> names{};
};

[[nodiscard]] inline auto group_reason(const std::vector<alike>& parts, bool with_reasons) -> std::string {
    std::string text;
    for (const auto& each : parts) {
        text += (text.empty() ? "" : "; ") + listed(each.names) + (each.names.size() == 1 ? " is " : " are ") +
                std::string{to_string(each.seen->state)};
        if (with_reasons && !each.seen->reason.empty()) text += " (" + each.seen->reason + ')';
    }
    return text;
}

}  // namespace detail

/// Judges a group: all must run if running is expected, and none may if stopped is. Each service is held against the
/// expectation by itself and the worst verdict counts: a stopped one among running ones is critical. `seen` is in the
/// order of `names`; a missing observation is unknown.
[[nodiscard]] inline auto judge_group(expectation expects, const std::vector<std::string>& names,
                                      const std::vector<observed>& seen) -> group_judgement {
    static const observed missing{observation::unknown, "it was not looked at"};
    if (names.empty()) return {verdict::unknown, observation::unknown, "the group has no services"};
    const observation first = seen.empty() ? observation::unknown : seen.front().state;
    group_judgement made{verdict::passing, first, {}};
    std::vector<detail::alike> wrong;
    bool same = true;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const observed& each = i < seen.size() ? seen[i] : missing;
        const verdict one = judge(expects, each.state);
        made.state = worse(made.state, one);
        same = same && each.state == first;
        if (one == verdict::passing) continue;
        if (made.remedy.empty()) made.remedy = each.remedy;
        const auto known = algo::find_if(wrong, [&](const auto& other) { return *other.seen == each; });
        (known != wrong.end() ? *known : wrong.emplace_back(detail::alike{&each, {}})).names.push_back(names[i]);
    }
    if (!same) made.seen = made.state == verdict::unknown ? observation::unknown : observation::degraded;
    made.reason = detail::group_reason(wrong, true);
    // Prefer the complete list of names over the reasons when the text gets too long.
    if (made.reason.size() > 1500) made.reason = detail::group_reason(wrong, false);
    if (!wrong.empty()) return made;
    made.reason = first == observation::running ? "all of them run" : "none of them runs";
    // All were seen alike for one reason, such as a process that counts as the work of them all.
    const bool alike = algo::count(seen, seen.front()) == std::ssize(seen);
    if (alike && !seen.front().reason.empty()) made.reason += " (" + seen.front().reason + ')';
    return made;
}

/// One check: looks at the local service and holds what it sees against what the role expects. A group_probe looks at
/// the subject's members, which are judged as one. Without a role nothing is looked at, since nothing that could be
/// seen would decide; with a noop file neither, since then the check passes. `serving`: it is judged by
/// judge_serving(): nothing is looked at where the service is not expected to run, and a noop file changes nothing
/// there.
template <typename Probe>
    requires probe<Probe> || group_probe<Probe>
[[nodiscard]] auto check(check_subject subject, const resolution& facts, Probe&& look, const noop_sighting& noop = {},
                         bool serving = false) -> check_report {
    const bool elsewhere = serving && judge_serving(facts.expects, observation::unknown) == verdict::critical;
    const bool held = noop.state == noop_state::present && (!serving || facts.expects == expectation::running);
    group_judgement found{held ? verdict::passing : elsewhere ? verdict::critical : verdict::unknown};
    if (!held && !elsewhere && facts.own != role::unknown) {
        if constexpr (group_probe<Probe>) {
            const std::vector<observed> seen = look();
            found = judge_group(facts.expects, subject.members, seen);
        } else {
            observed seen = look();
            found = {judge(facts.expects, seen.state), seen.state, std::move(seen.reason), seen.remedy};
        }
        // It is not known whether there is a noop file, and with one the verdict would be passing.
        if (noop.state == noop_state::unknown && found.state != verdict::passing) found.state = verdict::unknown;
    }
    for (const auto* each : {&noop.reason, &facts.reason}) {
        if (!each->empty()) found.reason += (found.reason.empty() ? "" : "; ") + *each;
    }
    return {.subject = std::move(subject),
            .state = found.state,
            .expects = facts.expects,
            .seen = found.seen,
            .own = facts.own,
            .clustered = facts.clustered,
            .from = facts.from,
            .held = held,
            .serving = serving,
            .why = std::move(found.reason),
            .remedy = found.remedy.empty() && facts.cause ? facts.cause->remedy : found.remedy};
}

}  // namespace powerconsul::inline v0
