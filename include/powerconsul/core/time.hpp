#pragma once

#include <compare>
#include <cstdint>

namespace powerconsul::inline v0 {

/// A length of time or, where a function says so, a point on a clock. A type of our own because <chrono> costs every
/// translation unit 225 ms, and because the core needs nothing but whole milliseconds.
struct milliseconds {
    std::int64_t count{};

    friend constexpr auto operator<=>(const milliseconds&, const milliseconds&) = default;
    friend constexpr auto operator+(milliseconds a, milliseconds b) -> milliseconds { return {a.count + b.count}; }
    friend constexpr auto operator-(milliseconds a, milliseconds b) -> milliseconds { return {a.count - b.count}; }
};

[[nodiscard]] constexpr auto seconds(std::int64_t count) -> milliseconds {
    return {count * 1000};
}

[[nodiscard]] constexpr auto shorter(milliseconds a, milliseconds b) -> milliseconds {
    return a < b ? a : b;
}

}  // namespace powerconsul::inline v0
