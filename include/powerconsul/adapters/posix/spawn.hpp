#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/executor.hpp>

#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 34)
#error "adapters/posix_spawn.hpp needs glibc 2.34 or later for posix_spawn_file_actions_addclosefrom_np"
#endif

namespace powerconsul::inline v0 {

/// Runs programs with posix_spawn: own session and process group, / as working directory, default signals, no
/// descriptor but the three standard ones. Not for a process that ignores SIGCHLD or reaps children that it does not
/// know: the outcome would be lost, which run() reports as errc::io. Several threads may use one object.
class posix_spawn_executor {
public:
    posix_spawn_executor() = default;
    posix_spawn_executor(posix_spawn_executor&& other) noexcept : left_over_{std::move(other.left_over_)} {}
    posix_spawn_executor(const posix_spawn_executor&) = delete;
    auto operator=(posix_spawn_executor&&) -> posix_spawn_executor& = delete;
    auto operator=(const posix_spawn_executor&) -> posix_spawn_executor& = delete;
    ~posix_spawn_executor() = default;

    [[nodiscard]] auto run(const command& what) -> result<outcome> {
        reap_left_over();
        if (auto checked = check(what); !checked) return unexpected{checked.error()};
        auto out = open_pipe(what);
        if (!out) return unexpected{out.error()};
        auto err = open_pipe(what);
        if (!err) return unexpected{err.error()};
        auto started = spawn(what, out->write_end.get(), err->write_end.get());
        if (!started) return unexpected{started.error()};
        out->write_end.reset();
        err->write_end.reset();
        return attend(what, *started, out->read_end, err->read_end);
    }

private:
    // How long the kernel gets to end a killed program (it cannot while a system call of it does not return), and how
    // often is looked where the kernel sends no message.
    static constexpr milliseconds kill_limit{2000};
    static constexpr milliseconds look_again{10};

    struct pipe_ends {
        posix_fd read_end{};
        posix_fd write_end{};
    };

    struct stream {
        posix_fd& from;
        std::string& kept;
        int& unread;  ///< why the rest could not be read, 0 if it could
    };

    struct file_actions {
        posix_spawn_file_actions_t value{};
        file_actions() { ::posix_spawn_file_actions_init(&value); }
        file_actions(const file_actions&) = delete;
        auto operator=(const file_actions&) -> file_actions& = delete;
        ~file_actions() { ::posix_spawn_file_actions_destroy(&value); }
    };

    struct attributes {
        posix_spawnattr_t value{};
        attributes() { ::posix_spawnattr_init(&value); }
        attributes(const attributes&) = delete;
        auto operator=(const attributes&) -> attributes& = delete;
        ~attributes() { ::posix_spawnattr_destroy(&value); }
    };

    [[nodiscard]] static auto check(const command& what) -> result<void> {
        if (what.argv.empty() || !what.argv.front().starts_with('/')) {
            return fail(errc::usage, "cannot run " + quoted(what.argv.empty() ? "" : what.argv.front()) +
                                         ": a program needs its absolute path");
        }
        for (const auto* list : {&what.argv, &what.environment}) {
            for (const auto& word : *list) {
                if (word.find('\0') == std::string::npos) continue;
                return fail(errc::usage, "cannot run " + quoted(what.argv.front()) +
                                             ": arguments and environment cannot hold a zero byte");
            }
        }
        return {};
    }

    /// Both ends are numbered above the standard descriptors, even if this process runs without some of those.
    [[nodiscard]] static auto open_pipe(const command& what) -> result<pipe_ends> {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("make a pipe for", what.argv.front(), errno);
        pipe_ends made{posix_fd{ends[0]}, posix_fd{ends[1]}};
        for (auto* end : {&made.read_end, &made.write_end}) {
            if (end->get() > 2) continue;
            posix_fd above{::fcntl(end->get(), F_DUPFD_CLOEXEC, 3)};
            if (!above) return system_failure("make a pipe for", what.argv.front(), errno);
            *end = std::move(above);
        }
        if (::fcntl(made.read_end.get(), F_SETFL, O_NONBLOCK) != 0) {
            return system_failure("make a pipe for", what.argv.front(), errno);
        }
        return made;
    }

    [[nodiscard]] static auto spawn(const command& what, int out, int err) -> result<pid_t> {
        const auto pointers = [](const std::vector<std::string>& words) {
            std::vector<char*> list;
            list.reserve(words.size() + 1);
            for (const auto& word : words) list.push_back(const_cast<char*>(word.c_str()));  // posix_spawn changes none
            list.push_back(nullptr);
            return list;
        };
        file_actions actions;
        attributes attrs;
        sigset_t all{};
        sigset_t none{};
        ::sigfillset(&all);
        ::sigemptyset(&none);
        const std::array prepared{
            ::posix_spawnattr_setflags(
                &attrs.value, static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)),
            ::posix_spawnattr_setsigdefault(&attrs.value, &all),
            ::posix_spawnattr_setsigmask(&attrs.value, &none),
            ::posix_spawn_file_actions_addopen(&actions.value, 0, "/dev/null", O_RDONLY, 0),
            ::posix_spawn_file_actions_adddup2(&actions.value, out, 1),
            ::posix_spawn_file_actions_adddup2(&actions.value, err, 2),
            ::posix_spawn_file_actions_addclosefrom_np(&actions.value, 3),
            ::posix_spawn_file_actions_addchdir_np(&actions.value, "/"),
        };
        for (const int error : prepared) {
            if (error != 0) return system_failure("prepare to run", what.argv.front(), error);
        }
        auto argv = pointers(what.argv);
        auto environment = pointers(what.environment);
        pid_t pid = -1;
        const int error = ::posix_spawn(&pid, argv[0], &actions.value, &attrs.value, argv.data(), environment.data());
        if (error == 0) return pid;
        auto failed = system_failure("run", what.argv.front(), error);
        // What the kernel says of a script's interpreter sounds as if it were said of the script.
        if (error == ENOENT && ::access(argv[0], F_OK) == 0) {
            return fail(errc::io, failed.reason.message + ": it is there, but not the interpreter that it names");
        }
        if (error == ENOEXEC) {
            return fail(errc::io, failed.reason.message + "; a script begins with #! and its interpreter");
        }
        return failed;
    }

    /// Reads at most `most` bytes of what is there and keeps what fits. Closes the pipe at its end, or where it cannot
    /// be read: without what was not read there is no outcome.
    static void take(const stream& from, std::size_t most, std::size_t limit, bool& truncated) {
        std::array<char, 16 * 1024> buffer{};
        while (from.from && most > 0) {
            const std::size_t asked = std::min(buffer.size(), most);
            const auto got = uninterrupted([&] { return ::read(from.from.get(), buffer.data(), asked); });
            if (got < 0 && errno == EAGAIN) return;
            if (got < 0) from.unread = errno;
            if (got <= 0) return from.from.reset();
            const auto size = static_cast<std::size_t>(got);
            const std::size_t kept = std::min(size, limit - from.kept.size());
            from.kept.append(buffer.data(), kept);
            truncated = truncated || kept < size;
            if (size < asked) return;  // nothing was left
            most -= size;
        }
    }

    /// What the program wrote before it ended. Not more: a grandchild may go on writing forever.
    static void drain(const stream& from, std::size_t limit, bool& truncated) {
        int waiting = 0;
        if (!from.from || ::ioctl(from.from.get(), FIONREAD, &waiting) != 0 || waiting <= 0) return;
        take(from, static_cast<std::size_t>(waiting), limit, truncated);
    }

    [[nodiscard]] auto attend(const command& what, pid_t pid, posix_fd& out_end, posix_fd& err_end) -> result<outcome> {
        enum class phase : unsigned char { running, asked_to_end, killed };
        outcome seen;
        int unread = 0;
        const std::array<stream, 2> streams{stream{out_end, seen.out, unread}, stream{err_end, seen.err, unread}};
        const posix_clock clock;
        // Linux 5.3 and later; older kernels answer ENOSYS and are polled.
        const posix_fd ended{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
        auto now = phase::running;
        milliseconds deadline = clock.monotonic() + what.timeout;
        bool reaped = false;
        bool may_have_ended = !ended;
        for (;;) {
            const milliseconds left = deadline - clock.monotonic();
            if (!reaped && (may_have_ended || left.count <= 0)) {
                int status = 0;
                const pid_t answer = uninterrupted([&] { return ::waitpid(pid, &status, WNOHANG); });
                if (answer == -1) return system_failure("learn the end of", what.argv.front(), errno);
                reaped = answer == pid;
                if (reaped && now == phase::running) {
                    seen.how = WIFSIGNALED(status) ? ending::signalled : ending::exited;
                    seen.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
                }
            }
            // After the deadline the whole group has to go, not only its leader.
            if (reaped && (now != phase::asked_to_end || ::kill(-pid, 0) != 0)) break;
            if (left.count <= 0) {
                if (now == phase::killed) {
                    const std::lock_guard hold{guard_};
                    left_over_.push_back(pid);
                    break;
                }
                seen.how = ending::timed_out;
                ::kill(-pid, now == phase::running ? SIGTERM : SIGKILL);
                deadline = clock.monotonic() + (now == phase::running ? what.grace : kill_limit);
                now = now == phase::running ? phase::asked_to_end : phase::killed;
                continue;
            }
            std::array<pollfd, 3> waits{pollfd{out_end.get(), POLLIN, 0}, pollfd{err_end.get(), POLLIN, 0},
                                        pollfd{reaped ? -1 : ended.get(), POLLIN, 0}};
            const auto longest = ended && !reaped ? milliseconds{60'000} : look_again;
            const int ready = poll_or_pause(waits, static_cast<int>(shorter(left, longest).count));
            may_have_ended = ready <= 0 || !ended || waits[2].revents != 0;
            if (ready <= 0) continue;
            for (std::size_t i = 0; i < streams.size(); ++i) {
                if (waits[i].revents != 0) take(streams[i], 64 * 1024, what.output_limit, seen.truncated);
            }
        }
        for (const auto& each : streams) drain(each, what.output_limit, seen.truncated);
        if (unread != 0) return system_failure("read the output of", what.argv.front(), unread);
        return seen;
    }

    /// Children that even SIGKILL did not end in time: they are collected once the kernel lets them go.
    void reap_left_over() {
        const std::lock_guard hold{guard_};
        std::erase_if(left_over_,
                      [](pid_t pid) { return uninterrupted([&] { return ::waitpid(pid, nullptr, WNOHANG); }) != 0; });
    }

    std::mutex guard_{};
    std::vector<pid_t> left_over_{};
};

static_assert(command_executor<posix_spawn_executor>);

}  // namespace powerconsul::inline v0
