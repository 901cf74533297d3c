#pragma once

#include <algorithm>
#include <map>
#include <set>

#include <powerconsul/consul/health.hpp>
#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// Since when things are so that may only be so for a while, in milliseconds on the clock of this boot.
using since_when = std::map<std::string, std::int64_t>;

/// Since when something is so: from what was remembered before, or else since now. It is noted in `next`.
inline auto note_since(const since_when& before, since_when& next, const std::string& what, milliseconds now)
    -> milliseconds {
    const auto known = before.find(what);
    next[what] = known != before.end() && known->second <= now.count ? known->second : now.count;
    return {next[what]};
}

/// Leaves out what an earlier registration left over: beside an instance that has checks of its own, one without any on
/// the same node. That it passes says nothing.
inline void leave_out_left_over(std::vector<instance>& among) {
    const auto is_checked = [](const instance& each) { return algo::any_of(each.checks, &check_state::of_service); };
    std::set<std::string> checked;
    for (const auto& each : among) {
        if (is_checked(each)) checked.insert(each.node);
    }
    std::erase_if(among, [&](const instance& each) { return !is_checked(each) && checked.contains(each.node); });
}

/// Finds the checks of powerconsul that have not run since their agent was started. Until then they are what their
/// definition says, passing or critical, and have no output.
class silent_checks {
public:
    /// `before` has what was remembered at the last look. A check that has said nothing for `longest` must have run.
    silent_checks(const since_when& before, milliseconds now, milliseconds longest)
        : before_{before}, now_{now}, longest_{longest} {}

    /// Keeps ids and names of the checks whose output is powerconsul's, on whatever node.
    void learn(const std::vector<instance>& from) {
        for (const auto& each : from) {
            for (const auto& check : each.checks) {
                if (!is_own(check)) continue;
                own_.insert(check.id);
                if (!check.name.empty()) own_.insert(check.name);
            }
        }
    }

    /// Takes those of powerconsul that say nothing for unknown, and notes in `next` since when they do. Powerconsul's
    /// are those that are so on another node; and where a service is checked by powerconsul on other nodes, all that
    /// pass on a node on which none of the service's checks is known for it.
    void mark(std::vector<instance>& among, since_when& next) const {
        for (auto& each : among) {
            const bool told = algo::any_of(each.checks, is_own);
            for (auto& check : each.checks) {
                if (!is_silent(check)) continue;
                const bool same = own_.contains(check.id) || own_.contains(check.name);
                const bool likely = !told && !own_.empty() && check.of_service && check.state == health::passing;
                if (!same && !likely) continue;
                const std::string key = each.node + '/' + check.id + '@' + std::to_string(check.created);
                if (now_ - note_since(before_, next, key, now_) >= longest_) continue;
                check.state = health::unknown;
                check.has_not_run = true;
            }
        }
    }

    /// Whether one of them may be such a check.
    [[nodiscard]] static auto any(const std::vector<instance>& among) -> bool {
        return algo::any_of(among, [](const auto& each) { return algo::any_of(each.checks, is_silent); });
    }

private:
    [[nodiscard]] static auto is_own(const check_state& check) -> bool {
        return check.output != output_kind::other && check.output != output_kind::none;
    }
    [[nodiscard]] static auto is_silent(const check_state& check) -> bool {
        return check.output == output_kind::none && check.script &&
               (check.state == health::passing || check.state == health::critical);
    }

    const since_when& before_;
    milliseconds now_;
    milliseconds longest_;
    std::set<std::string> own_{};  ///< ids and names of checks
};

}  // namespace powerconsul::inline v0
