#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// A program to run: no shell, no inherited environment.
struct command {
    std::vector<std::string> argv{};         ///< argv[0] is an absolute path
    std::vector<std::string> environment{};  ///< `NAME=value`; nothing else is passed on
    std::string input{};                     ///< its standard input, which it may also open by name; empty: /dev/null
    milliseconds timeout{5000};              ///< then the whole process group gets SIGTERM ...
    milliseconds grace{500};                 ///< ... and, this much later, SIGKILL
    std::size_t output_limit{16 * 1024};     ///< bytes kept of each stream; what comes after is read and dropped
};

/// The grace of a program that somebody waits for: an eighth of its time, so that both together stay within what was
/// planned for it, and at most half a second.
[[nodiscard]] constexpr auto grace_within(milliseconds timeout) -> milliseconds {
    return shorter(milliseconds{timeout.count / 8}, milliseconds{500});
}

enum class ending : unsigned char { exited, signalled, timed_out };

/// How a program ended. A status other than 0 is an outcome, not an error.
struct outcome {
    ending how{ending::exited};
    int status{};  ///< exit status, or the signal's number; 0 after a time-out
    std::string out{};
    std::string err{};
    bool truncated{};  ///< out or err held more than output_limit

    [[nodiscard]] auto exited_with(int code) const -> bool { return how == ending::exited && status == code; }
};

/// Runs a command to the end of its direct child (a grandchild that keeps the pipe open is not waited for).
/// errc::io: it could not be started, with the system's reason in the message.
template <typename T>
concept command_executor = requires(T& executor, const command& what) {
    { executor.run(what) } -> std::same_as<result<outcome>>;
};

}  // namespace powerconsul::inline v0
