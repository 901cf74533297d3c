#pragma once

#include <string>
#include <utility>
#include <vector>

#include <powerconsul/checks/group.hpp>
#include <powerconsul/checks/noop.hpp>
#include <powerconsul/checks/report.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/decision/rules.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

namespace detail {

[[nodiscard]] inline auto report_of(check_subject subject, const resolution& facts) -> check_report {
    check_report report{.subject = std::move(subject)};
    report.expects = facts.expects;
    report.own = facts.own;
    report.clustered = facts.clustered;
    report.from = facts.from;
    return report;
}

/// Gives the report the reasons of the probe, of the noop file and of the role, in this order.
inline void explain(check_report& report, std::string probe, const noop_sighting& noop, const std::string& role) {
    report.why = std::move(probe);
    for (const auto* each : {&noop.reason, &role}) {
        if (!each->empty()) report.why += (report.why.empty() ? "" : "; ") + *each;
    }
}

/// Whether the verdict stands before anything has been looked at: a noop file makes it passing, a role that is not
/// known makes it unknown.
[[nodiscard]] inline auto settled(check_report& report, const resolution& facts, const noop_sighting& noop) -> bool {
    report.held = noop.state == noop_state::present;
    if (!report.held && report.own != role::unknown) return false;
    if (report.held) report.state = verdict::passing;
    explain(report, {}, noop, facts.reason);
    return true;
}

inline void conclude(check_report& report, group_judgement found, const resolution& facts, const noop_sighting& noop) {
    report.seen = found.seen;
    report.remedy = found.remedy;
    // It is not known whether there is a noop file, and with one the verdict would be passing.
    const bool certain = noop.state != noop_state::unknown || found.state == verdict::passing;
    report.state = certain ? found.state : verdict::unknown;
    explain(report, std::move(found.reason), noop, facts.reason);
}

}  // namespace detail

/// One check: looks at the local service and holds what it sees against what the role expects. Without a role the probe
/// is not run, since nothing it could see would decide; with a noop file it is not run either.
template <probe Probe>
[[nodiscard]] auto check(check_subject subject, const resolution& facts, Probe&& look, const noop_sighting& noop = {})
    -> check_report {
    auto report = detail::report_of(std::move(subject), facts);
    if (detail::settled(report, facts, noop)) return report;
    observed seen = look();
    detail::conclude(report, {judge(facts.expects, seen.state), seen.state, std::move(seen.reason), seen.remedy}, facts,
                     noop);
    return report;
}

template <probe Probe>
[[nodiscard]] auto check(std::string kind, std::string name, const resolution& facts, Probe&& look) -> check_report {
    return check(check_subject{.kind = std::move(kind), .name = std::move(name)}, facts, std::forward<Probe>(look));
}

/// Checks several services as one, as judge_group() judges them. Their names are the subject's members.
template <group_probe Probe>
[[nodiscard]] auto check_group(check_subject subject, const resolution& facts, Probe&& look,
                               const noop_sighting& noop = {}) -> check_report {
    auto report = detail::report_of(std::move(subject), facts);
    if (detail::settled(report, facts, noop)) return report;
    const std::vector<observed> seen = look();
    detail::conclude(report, judge_group(facts.expects, report.subject.members, seen), facts, noop);
    return report;
}

}  // namespace powerconsul::inline v0
