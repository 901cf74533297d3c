#pragma once

#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// An expectation and the rule that it comes from, in words.
struct ruling {
    expectation expects{expectation::unknown};
    std::string_view rule{};
};

/// What a standby knows of its actives, and what it has done about them.
struct standby_facts {
    actives others{actives::unknown};
    bool lasted{true};     ///< they have been so for as long as the standby has to wait
    bool took_over{};      ///< it has taken over and has not given back since
    bool looked_before{};  ///< it remembers an earlier look
};

/// What the local service should be, and by which rule. Only a secondary looks at the actives, and only a secondary
/// that knows for a while that none serves takes over: an unknown never starts anything and never stops anything.
[[nodiscard]] constexpr auto rule(role own, const standby_facts& facts) -> ruling {
    if (own == role::standalone) return {expectation::running, "a standalone always runs"};
    if (own == role::primary) return {expectation::running, "a primary always runs"};
    if (own != role::secondary) return {expectation::unknown, "without a known role nothing is expected"};
    if (facts.others == actives::serving) {
        if (facts.took_over && !facts.lasted) {
            return {expectation::running, "a secondary that has taken over goes on until an active serves for a while"};
        }
        return {expectation::stopped, "a secondary waits while an active serves"};
    }
    if (facts.others == actives::none_serving) {
        if (facts.took_over || facts.lasted) {
            return {expectation::running, "a secondary takes over when no active serves"};
        }
        // It may have taken over before its memory was lost: what runs here may be all that does.
        if (!facts.looked_before) {
            return {expectation::either, "a secondary that has just begun to look leaves alone what runs"};
        }
        return {expectation::stopped, "a secondary waits for a while before it takes over"};
    }
    return {expectation::unknown, "a secondary that does not know its actives neither starts nor stops"};
}

/// In maintenance it is for people to start and to stop.
[[nodiscard]] constexpr auto rule_in_maintenance() -> ruling {
    return {expectation::either, "nothing is expected in maintenance"};
}

/// Holds the observation against the expectation. Where the service should be stopped, `degraded` is critical: a part
/// of it runs on a standby.
[[nodiscard]] constexpr auto judge(expectation wanted, observation seen) -> verdict {
    if (seen != observation::running && seen != observation::degraded && seen != observation::stopped) {
        return verdict::unknown;
    }
    switch (wanted) {
        case expectation::running:
            return seen == observation::running    ? verdict::passing
                   : seen == observation::degraded ? verdict::warning
                                                   : verdict::critical;
        case expectation::stopped: return seen == observation::stopped ? verdict::passing : verdict::critical;
        case expectation::either: return verdict::passing;
        case expectation::unknown: break;
    }
    return verdict::unknown;
}

/// The same for the question whether the service is to be used here: nowhere but where it is expected to run.
[[nodiscard]] constexpr auto judge_serving(expectation wanted, observation seen) -> verdict {
    const bool elsewhere = wanted == expectation::stopped || wanted == expectation::either;
    return elsewhere ? verdict::critical : judge(wanted, seen);
}

/// The worse of two verdicts. What is surely wrong outweighs what cannot be told, and that outweighs a warning: it may
/// hide something critical.
[[nodiscard]] constexpr auto worse(verdict a, verdict b) -> verdict {
    const auto rank = [](verdict each) {
        switch (each) {
            case verdict::passing: return 0;
            case verdict::warning: return 1;
            case verdict::unknown: return 2;
            case verdict::critical: break;
        }
        return 3;
    };
    return rank(a) < rank(b) ? b : a;
}

}  // namespace powerconsul::inline v0
