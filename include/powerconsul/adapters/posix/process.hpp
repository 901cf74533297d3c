#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <new>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>

/// What a program does with its own process.
namespace powerconsul::inline v0 {

/// The user's home directory where HOME is not set, as under a Consul agent that was started by a service manager.
/// Empty if the user has none.
[[nodiscard]] inline auto home_directory() -> result<std::string> {
    const auto own = posix_accounts{}.login(geteuid());
    if (own) return own->value_or(posix_account{}).home;
    return fail(errc::io, "the home directory, where the configuration may be: " + own.error().message);
}

/// Standard input, to its end or to one of the limits.
[[nodiscard]] inline auto read_standard_input(std::size_t limit, milliseconds time) -> result<std::string> {
    const posix_clock clock;
    const auto deadline = clock.monotonic() + time;
    // Of a pipe nobody knows how much there will be, and a text that grows is there twice for a moment. What is only
    // reserved costs no memory; where so much cannot be had, the text grows after all.
    struct stat seen {};
    const bool sized = fstat(STDIN_FILENO, &seen) == 0 && S_ISREG(seen.st_mode);
    std::string text;
    try {
        text.reserve(sized && static_cast<std::size_t>(seen.st_size) < limit ? static_cast<std::size_t>(seen.st_size)
                                                                             : limit);
    } catch (const std::bad_alloc&) {
    }
#ifdef F_SETPIPE_SZ
    // As much as everybody may have: fewer turns with who writes. A file does not mind.
    if (!sized) static_cast<void>(fcntl(STDIN_FILENO, F_SETPIPE_SZ, 1 << 20));
#endif
    std::string buffer(std::size_t{128} * 1024, '\0');
    for (;;) {
        const auto left = (deadline - clock.monotonic()).count;
        pollfd input{STDIN_FILENO, POLLIN, 0};
        const int ready = left <= 0 ? 0 : poll(&input, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) return fail(errc::timed_out, "standard input did not end in time");
        const auto got = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return system_failure("read", "standard input", errno);
        if (got == 0) return text;
        if (text.size() + static_cast<std::size_t>(got) > limit) {
            return fail(errc::bad_data,
                        "standard input has more than the " + std::to_string(limit) + " bytes that are taken");
        }
        text.append(buffer, 0, static_cast<std::size_t>(got));
    }
}

/// A process of its own, in a session of its own, that holds nothing of the parent's open: Consul waits until the last
/// holder of its pipes is gone.
[[nodiscard]] inline auto detach_process() -> result<bool> {
    static_cast<void>(std::fflush(nullptr));
    const pid_t child = fork();
    if (child < 0) return system_failure("make", "a process of its own", errno);
    if (child > 0) return false;
    setsid();
    const int nothing = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(nothing, fd);
    closefrom(3);
    return true;
}

/// Makes this process one of the owner of a directory, for good, if it is root's and that is another user. Fails with
/// errc::io if that cannot be done. A directory that is not there changes nothing.
[[nodiscard]] inline auto become_owner_of(const std::string& directory) -> result<void> {
    struct stat seen {};
    if (geteuid() != 0 || stat(directory.c_str(), &seen) != 0 || seen.st_uid == 0) return {};
    if (setgroups(0, nullptr) != 0 || setgid(seen.st_gid) != 0 || setuid(seen.st_uid) != 0) {
        return system_failure("act as the owner of", directory, errno);
    }
    return {};
}

/// Whether another file has taken the place of this program's since it was started; false while there is none.
[[nodiscard]] inline auto program_was_replaced() -> bool {
    struct stat running {};
    struct stat named {};
    std::string path(4096, '\0');
    const auto size = readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0 || stat("/proc/self/exe", &running) != 0) return false;
    path.resize(static_cast<std::size_t>(size));
    constexpr std::string_view deleted = " (deleted)";
    if (path.ends_with(deleted)) path.resize(path.size() - deleted.size());
    // While a package is unpacked there may be none.
    if (stat(path.c_str(), &named) != 0) return false;
    return named.st_ino != running.st_ino || named.st_dev != running.st_dev;
}

/// What the parent left is no base to stand on: a file or socket opened later must not become standard output or
/// error, a closed pipe must not end the check without a verdict, and the ends of children must not be lost.
inline void settle_process() {
    // Opened the wrong way round, so that writing to what was closed fails as before.
    for (const int fd : {0, 1, 2}) {
        if (fcntl(fd, F_GETFD) == -1) static_cast<void>(open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY));
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
}

}  // namespace powerconsul::inline v0
