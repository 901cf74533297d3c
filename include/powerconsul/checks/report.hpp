#pragma once

#include <optional>
#include <utility>

#include <powerconsul/core/text.hpp>
#include <powerconsul/decision/rules.hpp>

namespace powerconsul::inline v0 {

/// What a check looks at.
struct check_subject {
    std::string kind{};   ///< `service`, `servicegroup`, `crontab`, `process` or one of an embedder's own
    std::string name{};   ///< its local name
    std::string title{};  ///< what a sentence calls it; `name` if empty
    std::string key{};    ///< the JSON member that holds the name; `kind` if empty
    std::vector<std::string> members{};  ///< the names in a group, whose JSON member is a list
};

/// Further members of a check's JSON line; one without a value is null.
using report_details = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// The result of a check.
struct check_report {
    check_subject subject{};
    verdict state{verdict::unknown};
    expectation expects{expectation::unknown};
    observation seen{observation::unknown};
    role own{role::unknown};
    clustering clustered{clustering::unknown};
    basis from{basis::none};
    bool held{};                ///< a noop file makes it pass: nothing was looked at
    bool serving{};             ///< judged by judge_serving()
    std::string why{};          ///< the facts behind it; stays the same while nothing changes
    std::string_view remedy{};  ///< the settings that would help, as in error
    report_details details{};   ///< those that the original has, too
};

/// `apache2 is stopped, primary expects running`; without a role, `apache2 cannot be judged`.
/// With `serving` there is ` serve here` in it, by which kind_of_output() tells such a check.
[[nodiscard]] inline auto sentence(const check_report& report) -> std::string {
    std::string subject = report.subject.title.empty() ? report.subject.name : report.subject.title;
    if (subject.empty()) subject = "the check";
    if (report.own == role::unknown) return subject + (report.held ? " is held as passing" : " cannot be judged");
    const std::string own{to_string(report.own)};
    if (report.serving && judge_serving(report.expects, observation::unknown) == verdict::critical) {
        const bool stopped = report.expects == expectation::stopped;
        return subject + " does not serve here, " + own + " expects " + (stopped ? "stopped" : "nothing");
    }
    const std::string text =
        subject + " is " + (report.held ? "held as passing" : std::string{to_string(report.seen)}) + ", ";
    if (report.expects == expectation::unknown) return text + "what " + own + " expects is unknown";
    if (report.expects == expectation::either) return text + own + " accepts that";
    return text + own + " expects " + (report.serving ? "it to serve here" : std::string{to_string(report.expects)});
}

/// The sentence and the facts behind it, on one line.
[[nodiscard]] inline auto reason(const check_report& report) -> std::string {
    return report.why.empty() ? sentence(report) : sentence(report) + ": " + report.why;
}

/// The exit status for Consul: 0 passing, 1 warning, anything else critical. An unknown verdict is a warning unless
/// `for_unknown` says otherwise: a tool that cannot read Consul must neither take a running service out of DNS nor
/// start its standbys.
[[nodiscard]] constexpr auto exit_status(verdict state, int for_unknown = 1) -> int {
    switch (state) {
        case verdict::passing: return 0;
        case verdict::warning: return 1;
        case verdict::critical: return 2;
        case verdict::unknown: break;
    }
    return for_unknown;
}

/// One line as Nagios plugins write it: `CRITICAL - apache2 is stopped, primary expects running (the facts)`.
[[nodiscard]] inline auto nagios_line(const check_report& report) -> std::string {
    const auto word = name_among({"UNKNOWN", "OK", "WARNING", "CRITICAL"}, report.state);
    const std::string facts = report.why.empty() ? std::string{} : " (" + report.why + ')';
    return one_line(std::string{word} + " - " + sentence(report) + facts, 3000);
}

}  // namespace powerconsul::inline v0
