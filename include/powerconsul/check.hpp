#pragma once

#include <string>
#include <utility>

#include <powerconsul/decision.hpp>
#include <powerconsul/probe.hpp>
#include <powerconsul/resolver.hpp>
#include <powerconsul/verdict.hpp>

namespace powerconsul::inline v0 {

/// One check: looks at the local service and holds what it sees against what the role expects. `kind` and `subject` are
/// for the report (`service`, `apache2`). Without a role the probe is not run, since nothing it could see would decide.
template <probe Probe>
[[nodiscard]] auto check(std::string kind, std::string subject, const resolution& facts, Probe&& look) -> check_report {
    check_report report{.kind = std::move(kind), .subject = std::move(subject)};
    report.expects = facts.expects;
    report.own = facts.own;
    report.clustered = facts.clustered;
    report.from = facts.from;
    report.why = facts.reason;
    if (facts.own == role::unknown) return report;
    observed seen = look();
    report.seen = seen.state;
    report.state = judge(facts.expects, seen.state);
    if (!seen.reason.empty()) report.why = std::move(seen.reason) + "; " + report.why;
    return report;
}

}  // namespace powerconsul::inline v0
