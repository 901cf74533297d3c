#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/child.hpp>

namespace powerconsul::inline v0::detail {

/// A process that keeps a pipe writable for whoever holds its writing end, such as a daemon that a job has left behind:
/// without a reader the next line that it prints would end it. The keeper holds the reading end, too, and does not read
/// while this process lives and `word` is open. Then it discards what comes until the last writer has closed the pipe.
/// It ends at once where nobody holds the writing end. It is no child of this process and has a session of its own, so
/// that neither this process nor a signal to the job's group ends it.
class output_keeper {
public:
    output_keeper() = default;
    /// `output` is the reading end, numbered `lowest` (at least 5) or above. Fails with errc::io, naming `program`, if
    /// there is no process to be had.
    [[nodiscard]] static auto start(const std::string& program, int output, int lowest) -> result<output_keeper> {
        constexpr int kind = SOCK_SEQPACKET | SOCK_CLOEXEC;
        auto word = make_pair(program, lowest, [](int* ends) { return ::socketpair(AF_UNIX, kind, 0, ends); });
        if (!word) return unexpected{word.error()};
        // Others who have a copy of our end of the socket do not keep our death from the keeper, where the kernel has
        // descriptors for processes.
        const auto owner = lifted(posix_fd{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0U))}, lowest);
        sigset_t every{}, before{};
        ::sigfillset(&every);
        ::pthread_sigmask(SIG_SETMASK, &every, &before);  // no handler of this process runs in the keeper
        const pid_t between = ::fork();
        if (between == 0) {
            const pid_t keeper = ::_Fork();
            if (keeper == 0) keep(output, (*word)[1].get(), owner.get());
            ::_exit(keeper < 0 ? errno : 0);
        }
        int error = errno;
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        (*word)[1].reset();
        int status = 0;
        if (between > 0 && uninterrupted([&] { return ::waitpid(between, &status, 0); }) == between) {
            error = WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
        }
        output_keeper made;
        pollfd told{(*word)[0].get(), POLLIN, 0};
        if (between > 0) (void)uninterrupted([&] { return ::poll(&told, 1, 60'000); });
        if (uninterrupted([&] { return ::recv(told.fd, &made.pid_, sizeof made.pid_, MSG_DONTWAIT); }) !=
            sizeof made.pid_) {
            return system_failure("make a process for the output of", program, error == 0 ? ECANCELED : error);
        }
        made.word_ = std::move((*word)[0]);
        return made;
    }

    [[nodiscard]] auto pid() const -> pid_t { return pid_; }

private:
    /// Calls only async-signal-safe functions, as a child of a process with several threads must.
    [[noreturn]] static void keep(int output, int word, int owner) noexcept {
        struct sigaction none {};
        none.sa_handler = SIG_IGN;
        for (int number = 1; number < NSIG; ++number) ::sigaction(number, &none, nullptr);
        sigset_t blocked{};
        ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
        const int null = uninterrupted([] { return ::open("/dev/null", O_WRONLY); });
        const bool placed = ::dup2(null, 1) == 1 && ::dup2(1, 2) == 2 && ::dup2(output, 0) == 0 &&
                            ::dup3(word, 3, O_CLOEXEC) == 3 && (owner < 0 || ::dup3(owner, 4, O_CLOEXEC) == 4);
        if (!placed) ::_exit(1);
        ::closefrom(owner < 0 ? 4 : 5);
        if (::setsid() < 0 || ::chdir("/") != 0) ::_exit(1);
        const pid_t own = ::getpid();
        if (uninterrupted([&] { return ::send(3, &own, sizeof own, MSG_NOSIGNAL); }) < 0) ::_exit(1);
        // A hang-up is told without being asked for.
        std::array waits{pollfd{0, 0, 0}, pollfd{3, 0, 0}, pollfd{owner < 0 ? -1 : 4, POLLIN, 0}};
        while (waits[1].revents == 0 && waits[2].revents == 0) {
            if (poll_or_pause(waits, -1) > 0 && waits[0].revents != 0) ::_exit(0);
        }
        // It may be for weeks. A small program does not keep the memory that was this process's, secrets included, and
        // is not taken for a worker. Nobody else reads any more, so it may block.
        static constexpr std::array<char, 9> cat{"/bin/cat"};
        const std::array<char*, 2> argv{const_cast<char*>(cat.data()) + 5, nullptr};
        ::fcntl(0, F_SETFL, 0);
        ::execve(cat.data(), argv.data(), argv.data() + 1);
        std::array<char, 4096> discarded{};
        while (uninterrupted([&] { return ::read(0, discarded.data(), discarded.size()); }) > 0) {
        }
        ::_exit(0);
    }

    pid_t pid_{};
    posix_fd word_{};
};

}  // namespace powerconsul::inline v0::detail
