#pragma once

#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// Owns one file descriptor and closes it.
class posix_fd {
public:
    posix_fd() = default;
    explicit posix_fd(int number) : number_{number} {}
    posix_fd(posix_fd&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    auto operator=(posix_fd&& other) noexcept -> posix_fd& {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    posix_fd(const posix_fd&) = delete;
    auto operator=(const posix_fd&) -> posix_fd& = delete;
    ~posix_fd() { reset(); }

    [[nodiscard]] auto get() const noexcept -> int { return number_; }
    [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }

    /// Gives up the descriptor, which the caller then owns.
    [[nodiscard]] auto release() noexcept -> int { return std::exchange(number_, -1); }

    /// On Linux, close(2) has closed the descriptor even after EINTR and must not be repeated.
    void reset() noexcept {
        if (number_ >= 0) ::close(std::exchange(number_, -1));
    }

private:
    int number_{-1};
};

/// Calls f until it is not interrupted by a signal. f returns -1 and sets errno, as system calls do.
template <typename F>
[[nodiscard]] auto uninterrupted(F&& f) {
    auto answer = f();
    while (answer == -1 && errno == EINTR) answer = f();
    return answer;
}

/// poll(2), for a loop that looks again afterwards. If it fails for want of memory, this pauses for 10 ms so that the
/// loop does not keep a processor busy.
template <typename Waits>
[[nodiscard]] auto poll_or_pause(Waits& waits, int milliseconds) -> int {
    const int ready = ::poll(waits.data(), waits.size(), milliseconds);
    if (ready == -1 && errno != EINTR) {
        const timespec moment{0, 10'000'000};
        (void)::nanosleep(&moment, nullptr);
    }
    return ready;
}

/// `cannot <what> "<path>": <the system's reason>` as errc::io.
[[nodiscard]] inline auto system_failure(std::string_view what, std::string_view path, int number) -> unexpected {
    return fail(errc::io,
                "cannot " + std::string{what} + ' ' + quoted(path) + ": " + std::generic_category().message(number));
}

}  // namespace powerconsul::inline v0
