#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/adapters/posix/job_scope.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/executor.hpp>

/// What running a program and supervising a job have in common: arguments, pipes, and waiting for the end.
namespace powerconsul::inline v0::detail {

struct child_limits {
    milliseconds timeout{};  ///< then the child's process group gets SIGTERM ...
    milliseconds grace{};    ///< ... and, this much later, SIGKILL
    /// Repeat SIGKILL until the group is empty, for processes that join it late, and end what else is in a scope that
    /// is the child's alone, but for `spared`.
    bool whole_group{};
    pid_t spared{};
};

struct child_end {
    ending how{ending::exited};
    int status{};   ///< exit status, or the signal's number; 0 after a time-out
    bool reaped{};  ///< false if not even SIGKILL ended it in time
};

/// Why no program can be run with these arguments and this environment; empty if one can.
[[nodiscard]] inline auto refusal(const std::vector<std::string>& argv, const std::vector<std::string>& environment)
    -> std::string_view {
    if (argv.empty() || !argv.front().starts_with('/')) return "a program needs its absolute path";
    const auto holds_zero = [](const std::string& word) { return word.find('\0') != std::string::npos; };
    if (!algo::any_of(argv, holds_zero) && !algo::any_of(environment, holds_zero)) return {};
    return "arguments and environment cannot hold a zero byte";
}

/// The words as execve(2) takes them, which does not change them. They must outlive the result.
[[nodiscard]] inline auto pointers(const std::vector<std::string>& words) -> std::vector<char*> {
    std::vector<char*> list(words.size() + 1);  // the last is null
    std::ranges::transform(words, list.begin(), [](const auto& word) { return const_cast<char*>(word.c_str()); });
    return list;
}

/// The same descriptor, renumbered to `lowest` or above if needed; none, with errno, if there is no free number.
[[nodiscard]] inline auto lifted(posix_fd given, int lowest) -> posix_fd {
    if (!given || given.get() >= lowest) return given;
    return posix_fd{::fcntl(given.get(), F_DUPFD_CLOEXEC, lowest)};
}

/// Two connected descriptors from `make`, as pipe(2) makes them: ours first, then the child's.
template <typename Make>
[[nodiscard]] auto make_pair(const std::string& program, int lowest, Make&& make) -> result<std::array<posix_fd, 2>> {
    std::array<int, 2> ends{-1, -1};
    (void)make(ends.data());
    std::array<posix_fd, 2> made{lifted(posix_fd{ends[0]}, lowest), lifted(posix_fd{ends[1]}, lowest)};
    if (!made[0] || !made[1]) return system_failure("make a pipe for", program, errno);
    return made;
}

/// A pipe for a child's output. Only our end is non-blocking.
[[nodiscard]] inline auto make_output(const std::string& program, int lowest) -> result<std::array<posix_fd, 2>> {
    auto made = make_pair(program, lowest, [](int* ends) { return ::pipe2(ends, O_CLOEXEC); });
    if (!made || ::fcntl((*made)[0].get(), F_SETFL, O_NONBLOCK) == 0) return made;
    return system_failure("make a pipe for", program, errno);
}

/// Keeps the first `head` and the last `tail` bytes of an output of any length.
struct kept_output {
    posix_fd from{};
    std::size_t head{};
    std::size_t tail{};
    std::string text{};
    std::uint64_t dropped{};
    int unread{};  ///< why the rest could not be read, 0 if it could

    void cut(std::size_t slack) {
        if (text.size() <= head || text.size() - head <= tail || text.size() - head - tail <= slack) return;
        dropped += text.size() - head - tail;
        text.erase(head, text.size() - head - tail);
    }
};

/// Takes what is there, at most `most` bytes. Closes the pipe at its end or on an error, whose errno it leaves in
/// `to.unread`.
inline void take(kept_output& to, std::size_t most) {
    std::array<char, 16 * 1024> buffer{};
    while (to.from && most > 0) {
        const std::size_t asked = std::min(buffer.size(), most);
        const auto got = uninterrupted([&] { return ::read(to.from.get(), buffer.data(), asked); });
        if (got < 0 && errno == EAGAIN) return;
        if (got < 0) to.unread = errno;
        if (got <= 0) return to.from.reset();
        const auto size = static_cast<std::size_t>(got);
        to.text.append(buffer.data(), size);
        to.cut(std::max(to.tail, std::size_t{64} * 1024));  // not each time, since erasing moves the tail
        if (size < asked) return;                           // nothing was left
        most -= size;
    }
}

/// Waits for the end of a child that leads its process group, ends it at the limits, and takes what it writes
/// meanwhile. A grandchild that keeps a pipe open is not waited for. Fails with errc::io if somebody else reaped the
/// child, so that its end is unknown.
template <std::size_t Count>
[[nodiscard]] auto attend(pid_t pid, const std::string& program, const child_limits& limits,
                          std::array<kept_output, Count>& outputs) -> result<child_end> {
    enum class phase : unsigned char { running, asked_to_end, killed };
    // How long the kernel may take to end a killed program (it cannot before a running system call returns), the pause
    // between two looks where the kernel does not notify us, and the longest wait, which prevents overflow.
    constexpr milliseconds kill_limit{2000};
    constexpr milliseconds look_again{10};
    constexpr milliseconds longest{std::numeric_limits<std::int64_t>::max() / 4};
    const posix_clock clock;
    // Linux 5.3 and later; older kernels answer ENOSYS and are polled.
    const posix_fd ended{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
    milliseconds deadline = clock.monotonic() + shorter(limits.timeout, longest);
    child_end seen;
    auto now = phase::running;
    job_scope scope;  // known from the time-out on
    const auto group_is_gone = [&] {
        if (now == phase::killed && !limits.whole_group) return true;
        const int number = now == phase::killed ? SIGKILL : 0;
        const bool gone = ::kill(-pid, number) != 0 && (errno == ESRCH || !limits.whole_group);
        return !scope.signal(number, limits.spared) && gone;
    };
    for (bool may_have_ended = !ended;;) {
        const milliseconds left = deadline - clock.monotonic();
        if (!seen.reaped && (may_have_ended || left.count <= 0)) {
            int status = 0;
            const pid_t answer = uninterrupted([&] { return ::waitpid(pid, &status, WNOHANG); });
            if (answer == -1) return system_failure("learn the end of", program, errno);
            seen.reaped = answer == pid;
            if (seen.reaped && now == phase::running) {
                seen.how = WIFSIGNALED(status) ? ending::signalled : ending::exited;
                seen.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
            }
        }
        // After the deadline the whole group has to go, not only its leader.
        if (seen.reaped && (now == phase::running || group_is_gone())) break;
        if (left.count <= 0) {
            if (now == phase::killed) break;
            seen.how = ending::timed_out;
            if (now == phase::running && limits.whole_group) scope = job_scope::of(pid);
            const int number = now == phase::running ? SIGTERM : SIGKILL;
            ::kill(-pid, number);
            (void)scope.signal(number, limits.spared);
            deadline = clock.monotonic() + (now == phase::running ? shorter(limits.grace, longest) : kill_limit);
            now = now == phase::running ? phase::asked_to_end : phase::killed;
            continue;
        }
        std::array<pollfd, Count + 1> waits{};
        for (std::size_t i = 0; i < Count; ++i) waits[i] = {outputs[i].from.get(), POLLIN, 0};
        waits[Count] = {seen.reaped ? -1 : ended.get(), POLLIN, 0};
        const auto limit = ended && !seen.reaped ? milliseconds{60'000} : look_again;
        const int ready = poll_or_pause(waits, static_cast<int>(shorter(left, limit).count));
        may_have_ended = ready <= 0 || !ended || waits[Count].revents != 0;
        for (std::size_t i = 0; i < Count; ++i) {
            if (ready < 0 || waits[i].revents != 0) take(outputs[i], std::size_t{64} * 1024);
        }
    }
    // Take what was written before the end, but no more: a grandchild may go on writing forever.
    for (auto& each : outputs) {
        int waiting = 0;
        if (each.from && ::ioctl(each.from.get(), FIONREAD, &waiting) == 0 && waiting > 0) {
            take(each, static_cast<std::size_t>(waiting));
        }
        each.cut(0);
    }
    return seen;
}

}  // namespace powerconsul::inline v0::detail
