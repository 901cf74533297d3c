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

/// What several local services come to when they are one.
struct group_judgement {
    verdict state{verdict::unknown};
    observation seen{observation::unknown};  ///< of the group: all run, all are stopped, or in part
    std::string reason{};                    ///< names each one that is not as expected
    std::string_view remedy{};               ///< of the first of these that has one
};

namespace detail {

/// One part of the reason: the names of all that were seen alike.
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

/// Judges a group: expected running, all must run; expected stopped, none may. Each is held against the expectation
/// alone and the worst counts: a stopped one among running ones is critical. `seen` is in the order of `names`; what is
/// missing in it is unknown.
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
    // Rather all the names than some reasons.
    if (made.reason.size() > 1500) made.reason = detail::group_reason(wrong, false);
    if (!wrong.empty()) return made;
    made.reason = first == observation::running ? "all of them run" : "none of them runs";
    // Seen alike for one reason: the process, say, that is their work.
    const bool alike = std::ranges::count(seen, seen.front()) == std::ssize(seen);
    if (alike && !seen.front().reason.empty()) made.reason += " (" + seen.front().reason + ')';
    return made;
}

}  // namespace powerconsul::inline v0
