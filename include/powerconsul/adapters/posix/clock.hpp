#pragma once

#include <cerrno>
#include <ctime>

#include <powerconsul/ports/clock.hpp>

namespace powerconsul::inline v0 {

/// The kernel's clocks. `monotonic` includes the time for which the machine was suspended: what was read before is old.
class posix_clock {
public:
    [[nodiscard]] auto monotonic() const noexcept -> milliseconds { return now(CLOCK_BOOTTIME); }
    [[nodiscard]] auto awake() const noexcept -> milliseconds { return now(CLOCK_MONOTONIC); }
    [[nodiscard]] auto wall() const noexcept -> milliseconds { return now(CLOCK_REALTIME); }

    void sleep(milliseconds time) const noexcept {
        timespec left{static_cast<std::time_t>(time.count / 1000), static_cast<long>(time.count % 1000 * 1'000'000)};
        while (::clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
        }
    }

private:
    [[nodiscard]] static auto now(clockid_t which) noexcept -> milliseconds {
        timespec time{};
        ::clock_gettime(which, &time);
        return {static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000};
    }
};

static_assert(waiting_clock<posix_clock> && awake_clock<posix_clock>);

}  // namespace powerconsul::inline v0
