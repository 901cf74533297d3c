#pragma once

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0::testing {

/// A clock that stands still until a test moves it or something sleeps, which takes no real time. `advance` moves both
/// times on; `set_wall` steps the wall clock alone, as an administrator or NTP would; the monotonic time never steps.
/// Models `waiting_clock`. The monotonic time starts at 0, the wall clock at 2024-01-01 UTC.
class manual_clock {
public:
    [[nodiscard]] auto monotonic() const -> milliseconds { return monotonic_; }
    [[nodiscard]] auto wall() const -> milliseconds { return wall_; }

    void advance(milliseconds by) {
        monotonic_ = monotonic_ + by;
        wall_ = wall_ + by;
    }
    void sleep(milliseconds time) { advance(time); }
    void set_wall(milliseconds since_1970) { wall_ = since_1970; }

private:
    milliseconds monotonic_{0};
    milliseconds wall_{seconds(1'704'067'200)};
};

}  // namespace powerconsul::inline v0::testing
