#pragma once

#include <powerconsul/cluster/last_known.hpp>
#include <powerconsul/decision/rules.hpp>

namespace powerconsul::inline v0 {

/// For how long something must have been so before a standby acts on it; 0: at once.
struct standby_times {
    milliseconds takeover_after{seconds(20)};   ///< no active serves
    milliseconds give_back_after{seconds(20)};  ///< an active serves again
    /// An active is not registered, or its check has not run yet: its agent may only be restarted. What checks say
    /// without an output counts then, since Consul keeps an output back for up to 7.5 minutes while the status stays
    /// the same (check_update_interval).
    milliseconds absent_after{seconds(60)};
};

/// One look of a standby at its actives.
struct standby_look {
    actives seen{actives::unknown};
    std::uint64_t document{};  ///< ModifyIndex of the document that names them
    milliseconds now{};        ///< on the clock of this boot
    milliseconds wall{};
};

/// What a look comes down to, together with what is remembered of the ones before it.
struct standby_view {
    standby_facts facts{};
    milliseconds since{};       ///< when the first look in a row was that saw the same, on the clock of this boot
    milliseconds since_wall{};  ///< the same on the wall clock
};

/// Whether a node has taken over and has not given back since. A document that could not be used for a while has ended
/// nothing.
[[nodiscard]] inline auto has_taken_over(const std::optional<last_known>& before) -> bool {
    return before && before->own != role::primary && before->own != role::standalone &&
           before->expects == expectation::running;
}

/// What a node whose document cannot be used goes on with, should it be a standby afterwards: one that has taken over
/// runs on, any other waits. Unknown if it has just begun to look.
[[nodiscard]] inline auto expected_of_standby(const std::optional<last_known>& before) -> expectation {
    if (has_taken_over(before)) return expectation::running;
    const bool looked = before && (before->expects == expectation::running || before->expects == expectation::stopped);
    return looked ? expectation::stopped : expectation::unknown;
}

/// Looks that are further apart than this are not in a row.
inline constexpr milliseconds longest_gap_in_looks = seconds(600);

/// Combines a look with the record of the ones before it, which must be of this boot. A look that could not tell, or
/// that was at the actives of another document, begins a new row.
[[nodiscard]] inline auto view_of(const standby_look& look, const std::optional<last_known>& before,
                                  const standby_times& wait) -> standby_view {
    standby_view view{{look.seen}, look.now, look.wall};
    const bool was_standby = before && before->own == role::secondary;
    const bool in_a_row = was_standby && before->document == look.document && before->standby.seen == look.seen &&
                          before->standby.since <= look.now && look.now - before->at < longest_gap_in_looks;
    if (in_a_row) {
        view.since = before->standby.since;
        view.since_wall = before->standby.since_wall;
    }
    view.facts.lasted =
        look.now - view.since >= (look.seen == actives::serving ? wait.give_back_after : wait.takeover_after);
    view.facts.took_over = has_taken_over(before);
    view.facts.looked_before = expected_of_standby(before) != expectation::unknown;
    return view;
}

/// What a standby waits for, if its actives are other than they were; empty if it waits for nothing.
[[nodiscard]] inline auto waiting_text(const standby_view& view, const standby_times& wait) -> std::string {
    const auto& facts = view.facts;
    const std::string since = ", so since " + utc_time(view.since_wall);
    if (facts.lasted) return {};
    if (facts.others == actives::none_serving && !facts.took_over) {
        return since + ": this node takes over once that has lasted " + to_string(wait.takeover_after);
    }
    if (facts.others == actives::serving && facts.took_over) {
        return since + ": this node has taken over, and gives back once that has lasted " +
               to_string(wait.give_back_after);
    }
    return {};
}

}  // namespace powerconsul::inline v0
