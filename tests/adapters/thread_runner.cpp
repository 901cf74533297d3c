#include <powerconsul/adapters/thread_runner.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <new>
#include <thread>
#include <vector>

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
