#include <powerconsul/adapters/posix/output_keeper.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace powerconsul;
using powerconsul::detail::output_keeper;

namespace {

constexpr int lowest = 10;

struct open_pipe {
    std::array<posix_fd, 2> ends;
    open_pipe() : ends{std::move(*detail::make_output("/bin/x", lowest))} {}

    [[nodiscard]] auto waiting() const -> int {
        int count = -1;
        CHECK(::ioctl(ends[1].get(), FIONREAD, &count) == 0);
        return count;
    }
    /// Whether somebody holds the reading end.
    [[nodiscard]] auto is_read() const -> bool {
        pollfd end{ends[1].get(), 0, 0};
        return ::poll(&end, 1, 0) == 0;
    }
};

template <typename Condition>
auto soon(Condition condition) -> bool {
    for (int tries = 0; tries < 2000; ++tries) {
        if (condition()) return true;
        ::usleep(5000);
    }
    return false;
}

}  // namespace

TEST_CASE("it reads nothing while its maker reads, and discards what comes then") {
    open_pipe pipe;
    auto keeper = std::optional{*output_keeper::start("/bin/x", pipe.ends[0].get(), lowest)};
    const pid_t pid = keeper->pid();
    CHECK(pid > 1);
    CHECK(::getsid(pid) == pid);
    REQUIRE(::write(pipe.ends[1].get(), "words", 5) == 5);
    ::usleep(30'000);
    CHECK(pipe.waiting() == 5);
    pipe.ends[0].reset();
    CHECK(pipe.is_read());
    keeper.reset();
    CHECK(soon([&] { return pipe.waiting() == 0; }));
    REQUIRE(::write(pipe.ends[1].get(), "more", 4) == 4);
    CHECK(soon([&] { return pipe.waiting() == 0; }));
    CHECK(pipe.is_read());
    pipe.ends[1].reset();
    CHECK(soon([&] { return ::kill(pid, 0) != 0; }));
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // none of our children
}

TEST_CASE("it ends as soon as nobody can write, and leaves what was written to its maker") {
    open_pipe pipe;
    const auto keeper = output_keeper::start("/bin/x", pipe.ends[0].get(), lowest);
    REQUIRE(keeper);
    REQUIRE(::write(pipe.ends[1].get(), "words", 5) == 5);
    pipe.ends[1].reset();
    CHECK(soon([&] { return ::kill(keeper->pid(), 0) != 0; }));
    std::array<char, 9> text{};
    CHECK(::read(pipe.ends[0].get(), text.data(), text.size()) == 5);
}

TEST_CASE("no signal but SIGKILL ends it") {
    open_pipe pipe;
    const auto keeper = output_keeper::start("/bin/x", pipe.ends[0].get(), lowest);
    REQUIRE(keeper);
    for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGUSR1, SIGALRM}) ::kill(keeper->pid(), number);
    pipe.ends[0].reset();
    ::usleep(20'000);
    CHECK(pipe.is_read());
    ::kill(keeper->pid(), SIGKILL);
    CHECK(soon([&] { return !pipe.is_read(); }));
}

TEST_CASE("where no process is to be had that is the answer") {
    if (::geteuid() != 0) return;
    for (const rlim_t most : {1U, 2U}) {  // it takes two
        CAPTURE(most);
        const pid_t child = ::fork();
        if (child == 0) {
            const rlimit limit{most, most};
            open_pipe pipe;
            if (::setgid(54321) != 0 || ::setuid(54321) != 0 || ::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(9);
            const auto keeper = output_keeper::start("/bin/x", pipe.ends[0].get(), lowest);
            const error expected{
                errc::io, "cannot make a process for the output of \"/bin/x\": Resource temporarily unavailable"};
            ::_exit(!keeper && keeper.error() == expected ? 0 : 1);
        }
        int status = -1;
        CHECK(uninterrupted([&] { return ::waitpid(child, &status, 0); }) == child);
        CHECK(status == 0);
    }
}
