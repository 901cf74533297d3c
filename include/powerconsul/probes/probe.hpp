#pragma once

#include <concepts>
#include <string>
#include <vector>

#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// What a probe saw and why it says so, as a clause that can follow "apache2 is running: ". Must stay the same while
/// nothing changes: no times, no counters.
struct observed {
    observation state{observation::unknown};
    std::string reason{};
    std::string_view remedy{};  ///< the settings that would help, as in error

    friend bool operator==(const observed&, const observed&) = default;
};

/// A callable that looks at the local service: a lambda or a small struct. It reports what it cannot tell as
/// observation::unknown.
template <typename T>
concept probe = requires(T& look) {
    { look() } -> std::same_as<observed>;
};

/// A callable that looks at several local services and returns one observation each, in the order of their names.
template <typename T>
concept group_probe = requires(T& look) {
    { look() } -> std::same_as<std::vector<observed>>;
};

}  // namespace powerconsul::inline v0
