#pragma once

#include <string_view>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// This node's place in a service's cluster document. `unknown` comes first, so that it is the default.
enum class role : unsigned char { unknown, standalone, primary, secondary };

/// Whether at least one active serves.
enum class actives : unsigned char { unknown, none_serving, serving };

/// What the local service should be, here and now.
enum class expectation : unsigned char { unknown, stopped, running };

/// What a probe saw of the local service.
enum class observation : unsigned char { unknown, stopped, degraded, running };

/// The expectation held against the observation.
enum class verdict : unsigned char { unknown, passing, warning, critical };

/// Where a role and an expectation come from: read just now, kept from a run before, or from nowhere.
enum class basis : unsigned char { none, cached, fresh };

/// Is there a cluster document? Not knowing is a third answer.
enum class clustering : unsigned char { unknown, no, yes };

[[nodiscard]] constexpr auto to_string(role value) -> std::string_view {
    switch (value) {
        case role::standalone: return "standalone";
        case role::primary: return "primary";
        case role::secondary: return "secondary";
        case role::unknown: break;
    }
    return "unknown";
}

[[nodiscard]] constexpr auto to_string(actives value) -> std::string_view {
    switch (value) {
        case actives::serving: return "serving";
        case actives::none_serving: return "none serving";
        case actives::unknown: break;
    }
    return "unknown";
}

[[nodiscard]] constexpr auto to_string(expectation value) -> std::string_view {
    switch (value) {
        case expectation::running: return "running";
        case expectation::stopped: return "stopped";
        case expectation::unknown: break;
    }
    return "unknown";
}

[[nodiscard]] constexpr auto to_string(observation value) -> std::string_view {
    switch (value) {
        case observation::running: return "running";
        case observation::degraded: return "degraded";
        case observation::stopped: return "stopped";
        case observation::unknown: break;
    }
    return "unknown";
}

[[nodiscard]] constexpr auto to_string(verdict value) -> std::string_view {
    switch (value) {
        case verdict::passing: return "passing";
        case verdict::warning: return "warning";
        case verdict::critical: return "critical";
        case verdict::unknown: break;
    }
    return "unknown";
}

[[nodiscard]] constexpr auto to_string(basis value) -> std::string_view {
    switch (value) {
        case basis::fresh: return "fresh";
        case basis::cached: return "cached";
        case basis::none: break;
    }
    return "none";
}

}  // namespace powerconsul::inline v0
