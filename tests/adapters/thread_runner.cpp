#include <powerconsul/adapters/thread_runner.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <new>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace powerconsul;

TEST_CASE("each task runs once, whatever the number of tasks and threads") {
    for (const std::size_t most : {0U, 1U, 3U, 16U}) {
        for (const std::size_t count : {0U, 1U, 2U, 16U, 500U}) {
            CAPTURE(most);
            CAPTURE(count);
            std::vector<std::atomic<int>> ran(count);
            thread_runner{most}.run(count, [&](std::size_t i) { ++ran[i]; });
            CHECK(std::all_of(ran.begin(), ran.end(), [](const auto& times) { return times == 1; }));
        }
    }
}

TEST_CASE("tasks run side by side: each waits for all the others") {
    std::barrier together{8};
    std::atomic<int> through{0};
    thread_runner{8}.run(8, [&](std::size_t) {
        together.arrive_and_wait();  // one after the other, the first would wait forever
        ++through;
    });
    CHECK(through == 8);
}

TEST_CASE("never more side by side than allowed") {
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    thread_runner{3}.run(60, [&](std::size_t) {
        const int here = ++now;
        for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
        }
        std::this_thread::yield();
        --now;
    });
    CHECK(most <= 3);
    CHECK(most >= 1);
}

TEST_CASE("a task that throws ends alone, and its exception comes out at the end") {
    for (const std::size_t most : {1U, 4U}) {
        CAPTURE(most);
        std::atomic<int> ran{0};
        const auto run = [&] {
            thread_runner{most}.run(20, [&](std::size_t i) {
                if (i % 5 == 0) throw std::bad_alloc{};
                ++ran;
            });
        };
        CHECK_THROWS_AS(run(), std::bad_alloc);
        CHECK(ran == 16);
    }
}

TEST_CASE("what is started runs beside its starter and beside others, until it is waited for") {
    thread_runner runner{1};
    std::barrier together{4};
    std::atomic<int> through{0};
    for (int i = 0; i < 3; ++i) {
        CHECK(runner.start([&] {
            together.arrive_and_wait();  // one after the other, the first would wait forever
            ++through;
        }));
    }
    CHECK(through == 0);
    together.arrive_and_wait();
    runner.wait();
    CHECK(through == 3);
    runner.wait();
    CHECK(runner.start([&] { ++through; }));
    runner.wait();
    CHECK(through == 4);
}

TEST_CASE("a runner waits for what it started before it goes, and many may come one after the other") {
    std::atomic<int> through{0};
    std::atomic<bool> go{false};
    {
        thread_runner runner;
        for (int i = 0; i < 300; ++i) {
            REQUIRE(runner.start([&through] { ++through; }));
        }
        REQUIRE(runner.start([&] {
            while (!go) std::this_thread::yield();
            ++through;
        }));
        go = true;
    }
    CHECK(through == 301);
}

TEST_CASE("without a thread to be had nothing is started, and the runner says so") {
    // In a child whose user may have no further thread; root may have as many as it likes. 99: it cannot be another
    // user.
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(99);
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(98);
        thread_runner runner;
        bool ran = false;
        const bool began = runner.start([&] { ran = true; });
        runner.wait();
        int done = 0;
        runner.run(3, [&](std::size_t) { ++done; });
        ::_exit(began ? 1 : ran ? 2 : done != 3 ? 3 : 0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99) {
        MESSAGE("left out: root cannot become another user here");
    } else {
        CHECK(WEXITSTATUS(status) == 0);
    }
}

TEST_CASE("without memory for a task nothing is started, and the runner says so") {
    struct too_large {
        too_large() = default;
        too_large(const too_large&) { throw std::bad_alloc{}; }
        void operator()() const {}
    };
    thread_runner runner;
    CHECK_FALSE(runner.start(too_large{}));
    std::atomic<int> ran{0};
    CHECK(runner.start([&] { ++ran; }));
    runner.wait();
    CHECK(ran == 1);
}
