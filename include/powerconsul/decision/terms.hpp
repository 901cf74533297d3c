#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// This node's place in a service's cluster document. `unknown` comes first, so that it is the default.
enum class role : unsigned char { unknown, standalone, primary, secondary };

/// Whether at least one active serves.
enum class actives : unsigned char { unknown, none_serving, serving };

/// What the local service should be, here and now; `either`: whatever it is, nothing is to be done about it.
enum class expectation : unsigned char { unknown, stopped, running, either };

/// What a probe saw of the local service.
enum class observation : unsigned char { unknown, stopped, degraded, running };

/// The expectation held against the observation.
enum class verdict : unsigned char { unknown, passing, warning, critical };

/// Where a role and an expectation come from: read just now, kept from a run before, or from nowhere.
enum class basis : unsigned char { none, cached, fresh };

/// Is there a cluster document? Not knowing is a third answer.
enum class clustering : unsigned char { unknown, no, yes };

/// The name of an enumerator from the list of all names in their order; the first name for what is no enumerator.
template <typename Enum>
[[nodiscard]] constexpr auto name_among(std::initializer_list<std::string_view> names, Enum value) -> std::string_view {
    const auto index = static_cast<std::size_t>(value);
    return names.begin()[index < names.size() ? index : 0];
}

[[nodiscard]] constexpr auto to_string(role value) -> std::string_view {
    return name_among({"unknown", "standalone", "primary", "secondary"}, value);
}

[[nodiscard]] constexpr auto to_string(actives value) -> std::string_view {
    return name_among({"unknown", "none serving", "serving"}, value);
}

[[nodiscard]] constexpr auto to_string(expectation value) -> std::string_view {
    return name_among({"unknown", "stopped", "running", "either"}, value);
}

[[nodiscard]] constexpr auto to_string(observation value) -> std::string_view {
    return name_among({"unknown", "stopped", "degraded", "running"}, value);
}

[[nodiscard]] constexpr auto to_string(verdict value) -> std::string_view {
    return name_among({"unknown", "passing", "warning", "critical"}, value);
}

[[nodiscard]] constexpr auto to_string(basis value) -> std::string_view {
    return name_among({"none", "cached", "fresh"}, value);
}

}  // namespace powerconsul::inline v0
