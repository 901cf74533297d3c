#include <powerconsul/adapters/posix/watchdog.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

using namespace powerconsul;
using powerconsul::last_word;
using powerconsul::watchdog;

namespace {

struct end {
    int status{};
    std::string out{};
};

/// Runs `what` in a process of its own, since a watchdog ends its process.
template <typename F>
auto apart(F&& what) -> end {
    int ends[2]{};
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        what();
        _exit(99);
    }
    close(ends[1]);
    end seen;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
        seen.out.append(buffer, static_cast<std::size_t>(got));
    }
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    seen.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return seen;
}

}  // namespace

TEST_CASE("a process that does not end in time is ended, with its last word") {
    const auto stuck = apart([] {
        watchdog guard{{{50}, "too late\n", 3}};
        pause();
    });
    CHECK(stuck.status == 3);
    CHECK(stuck.out == "too late\n");
    const std::string much(300'000, 'x');  // more than a pipe holds
    CHECK(apart([&] {
              watchdog guard{{{1}, much, 1}};
              pause();
          }).out == much);
}

TEST_CASE("whoever started the process may have blocked the signal") {
    const auto stuck = apart([] {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, nullptr);
        watchdog guard{{{50}, "too late\n", 3}};
        pause();
    });
    CHECK(stuck.status == 3);
    CHECK(stuck.out == "too late\n");
}

TEST_CASE("what no signal handler reaches is killed") {
    const auto stuck = apart([] {
        watchdog guard{{{50}, "too late\n", 3}};
        // As in a system call that only a fatal signal ends.
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, nullptr);
        for (;;) pause();
    });
    CHECK(stuck.status == -SIGKILL);
    CHECK(stuck.out.empty());
}

TEST_CASE("the last word is the one that was given last, and its time counts from the start") {
    const auto later = apart([] {
        watchdog guard{{seconds(3600), "first\n", 1}};
        guard.change({{50}, "second\n", 2});
        pause();
    });
    CHECK(later.status == 2);
    CHECK(later.out == "second\n");
}

TEST_CASE("one that ends by itself is left alone") {
    for (const int limit : {0, 1, 3'600'000}) {
        const auto done = apart([&] {
            watchdog guard{{seconds(3600), "too late\n", 3}};
            guard.finish();
            guard.change({{limit}, "too late\n", 3});
            usleep(20'000);
        });
        CHECK(done.status == 99);
        CHECK(done.out.empty());
    }
}
