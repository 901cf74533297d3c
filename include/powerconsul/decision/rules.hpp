#pragma once

#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// An expectation and the rule that it comes from, in words.
struct ruling {
    expectation expects{expectation::unknown};
    std::string_view rule{};
};

/// What the local service should be, and by which rule. Only a secondary looks at the actives, and only a secondary
/// that knows that none serves takes over: an unknown never starts anything and never stops anything.
[[nodiscard]] constexpr auto rule(role own, actives others) -> ruling {
    switch (own) {
        case role::standalone: return {expectation::running, "a standalone always runs"};
        case role::primary: return {expectation::running, "a primary always runs"};
        case role::secondary:
            switch (others) {
                case actives::serving: return {expectation::stopped, "a secondary waits while an active serves"};
                case actives::none_serving:
                    return {expectation::running, "a secondary takes over when no active serves"};
                case actives::unknown: break;
            }
            return {expectation::unknown, "a secondary that does not know its actives neither starts nor stops"};
        case role::unknown: break;
    }
    return {expectation::unknown, "without a known role nothing is expected"};
}

[[nodiscard]] constexpr auto expect(role own, actives others) -> expectation {
    return rule(own, others).expects;
}

/// Holds the observation against the expectation. Where the service should be stopped, `degraded` is critical: a part
/// of it runs on a standby.
[[nodiscard]] constexpr auto judge(expectation wanted, observation seen) -> verdict {
    if (wanted == expectation::unknown || seen == observation::unknown) return verdict::unknown;
    const bool wanted_running = wanted == expectation::running;
    switch (seen) {
        case observation::running: return wanted_running ? verdict::passing : verdict::critical;
        case observation::degraded: return wanted_running ? verdict::warning : verdict::critical;
        case observation::stopped: return wanted_running ? verdict::critical : verdict::passing;
        case observation::unknown: break;
    }
    return verdict::unknown;
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
