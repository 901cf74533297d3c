#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/text.hpp>
#include <powerconsul/decision/rules.hpp>
#include <powerconsul/decision/terms.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

/// The judgement on several local services taken as one.
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
    verdict worst = verdict::passing;
    std::vector<detail::alike> wrong;
    bool same = true;
    const observation first = seen.empty() ? observation::unknown : seen.front().state;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const observed& each = i < seen.size() ? seen[i] : missing;
        const verdict one = judge(expects, each.state);
        worst = worse(worst, one);
        same = same && each.state == first;
        if (one == verdict::passing) continue;
        std::size_t at = 0;
        while (at < wrong.size() && *wrong[at].seen != each) ++at;
        if (at == wrong.size()) wrong.push_back({&each, {}});
        wrong[at].names.push_back(names[i]);
    }
    group_judgement made{worst, first, {}};
    for (const auto& each : wrong) {
        if (made.remedy.empty()) made.remedy = each.seen->remedy;
    }
    if (!same) made.seen = worst == verdict::unknown ? observation::unknown : observation::degraded;
    made.reason = detail::group_reason(wrong, true);
    // Prefer the complete list of names over the reasons when the text gets too long.
    if (made.reason.size() > 1500) made.reason = detail::group_reason(wrong, false);
    if (!wrong.empty()) return made;
    made.reason = first == observation::running ? "all of them run" : "none of them runs";
    // All were seen alike for one reason, such as a process that counts as the work of them all.
    const bool alike = std::ranges::count(seen, seen.front()) == std::ssize(seen);
    if (alike && !seen.front().reason.empty()) made.reason += " (" + seen.front().reason + ')';
    return made;
}

}  // namespace powerconsul::inline v0
