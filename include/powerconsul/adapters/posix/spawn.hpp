#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/child.hpp>
#include <powerconsul/core/owned.hpp>
#include <powerconsul/core/text.hpp>

#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 34)
#error "adapters/posix/spawn.hpp needs glibc 2.34 or later for posix_spawn_file_actions_addclosefrom_np"
#endif

namespace powerconsul::inline v0 {

/// Runs programs with posix_spawn, in a session and process group of their own, with / as working directory, default
/// signal handling and only the three standard descriptors. Not for a process that ignores SIGCHLD or reaps children
/// that it did not start: the outcome would be lost, which run() reports as errc::io. Several threads may use one
/// object.
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
        if (const auto why = detail::refusal(what.argv, what.environment); !why.empty()) {
            return fail(errc::usage,
                        "cannot run " + quoted(what.argv.empty() ? "" : what.argv.front()) + ": " + std::string{why});
        }
        // Numbered above the standard descriptors, even if this process runs without some of those.
        auto out = detail::make_output(what.argv.front(), 3);
        if (!out) return unexpected{out.error()};
        auto err = detail::make_output(what.argv.front(), 3);
        if (!err) return unexpected{err.error()};
        const auto input = make_input(what);
        if (!input) return unexpected{input.error()};
        const auto started = spawn(what, input->get(), (*out)[1].get(), (*err)[1].get());
        if (!started) return unexpected{started.error()};
        (*out)[1].reset();
        (*err)[1].reset();
        std::array outputs{detail::kept_output{std::move((*out)[0]), what.output_limit},
                           detail::kept_output{std::move((*err)[0]), what.output_limit}};
        const auto end = detail::attend(*started, what.argv.front(), {what.timeout, what.grace}, outputs);
        if (!end) return unexpected{end.error()};
        if (!end->reaped) {
            const std::lock_guard hold{guard_};
            left_over_.push_back(*started);
        }
        for (const auto& each : outputs) {
            // An outcome must not lack output that could not be read.
            if (each.unread != 0) return system_failure("read the output of", what.argv.front(), each.unread);
        }
        return outcome{.how = end->how,
                       .status = end->status,
                       .out = std::move(outputs[0].text),
                       .err = std::move(outputs[1].text),
                       .truncated = outputs[0].dropped != 0 || outputs[1].dropped != 0};
    }

private:
    /// The input as a file in memory, which any user's program can open anew and read from its start.
    [[nodiscard]] static auto make_input(const command& what) -> result<posix_fd> {
        if (what.input.empty()) return posix_fd{};
        auto file = detail::lifted(posix_fd{::memfd_create("input", MFD_CLOEXEC)}, 3);
        std::string_view rest = what.input;
        while (file && !rest.empty()) {
            const auto size = uninterrupted([&] { return ::write(file.get(), rest.data(), rest.size()); });
            if (size < 0) break;
            rest.remove_prefix(static_cast<std::size_t>(size));
        }
        if (file && rest.empty() && ::lseek(file.get(), 0, SEEK_SET) == 0) return file;
        return system_failure("keep the input of", what.argv.front(), errno);
    }

    /// `in` is -1 for /dev/null.
    [[nodiscard]] static auto spawn(const command& what, int in, int out, int err) -> result<pid_t> {
        posix_spawn_file_actions_t actions{};
        posix_spawnattr_t attributes{};
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        const owned<posix_spawn_file_actions_t, ::posix_spawn_file_actions_destroy> actions_end{&actions};
        const owned<posix_spawnattr_t, ::posix_spawnattr_destroy> attributes_end{&attributes};
        sigset_t all{};
        sigset_t none{};
        ::sigfillset(&all);
        ::sigemptyset(&none);
        const std::array prepared{
            ::posix_spawnattr_setflags(
                &attributes, static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)),
            ::posix_spawnattr_setsigdefault(&attributes, &all),
            ::posix_spawnattr_setsigmask(&attributes, &none),
            in == -1 ? ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
                     : ::posix_spawn_file_actions_adddup2(&actions, in, 0),
            ::posix_spawn_file_actions_adddup2(&actions, out, 1),
            ::posix_spawn_file_actions_adddup2(&actions, err, 2),
            ::posix_spawn_file_actions_addclosefrom_np(&actions, 3),
            ::posix_spawn_file_actions_addchdir_np(&actions, "/"),
        };
        for (const int error : prepared) {
            if (error != 0) return system_failure("prepare to run", what.argv.front(), error);
        }
        const auto argv = detail::pointers(what.argv);
        const auto environment = detail::pointers(what.environment);
        pid_t pid = -1;
        const int error = ::posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environment.data());
        if (error == 0) return pid;
        auto failed = system_failure("run", what.argv.front(), error);
        // The kernel's error about a script's interpreter reads as if it were about the script.
        if (error == ENOENT && ::access(argv[0], F_OK) == 0) {
            return fail(errc::io, failed.reason.message + ": it is there, but not the interpreter that it names");
        }
        if (error == ENOEXEC) {
            return fail(errc::io, failed.reason.message + "; a script begins with #! and its interpreter");
        }
        return failed;
    }

    /// Reaps children that even SIGKILL did not end in time, once the kernel has let them go.
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
