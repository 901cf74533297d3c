#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// Where the time comes from. `monotonic` measures waits and never steps; `wall` is the time since 1970-01-01 UTC,
/// survives a restart and may step. Neither can fail.
template <typename T>
concept clock = requires(T& c) {
    { c.monotonic() } -> std::same_as<milliseconds>;
    { c.wall() } -> std::same_as<milliseconds>;
};

/// A clock that also tells the time as systemd counts it in its ...Monotonic timestamps (CLOCK_MONOTONIC): unlike
/// `monotonic`, `awake` stands still while the machine is suspended.
template <typename T>
concept awake_clock = clock<T> && requires(T& c) {
    { c.awake() } -> std::same_as<milliseconds>;
};

/// A clock that can also wait. `sleep` returns once so much monotonic time is over, or somewhat later.
template <typename T>
concept waiting_clock = clock<T> && requires(T& c, milliseconds time) {
    { c.sleep(time) } -> std::same_as<void>;
};

}  // namespace powerconsul::inline v0
