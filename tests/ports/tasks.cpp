#include <powerconsul/ports/tasks.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using namespace powerconsul;

namespace {

struct good {
    void run(std::size_t, void (*)(std::size_t)) {}
    auto start(void (*)()) -> bool { return true; }
    void wait() {}
};
struct says_when_done : good {
    auto run(std::size_t, void (*)(std::size_t)) -> bool { return true; }
};
struct takes_no_task : good {
    void run(std::size_t) {}
};
struct always_starts : good {
    void start(void (*)()) {}
};
struct starts_nothing {
    void run(std::size_t, void (*)(std::size_t)) {}
    void wait() {}
};
struct never_waits {
    void run(std::size_t, void (*)(std::size_t)) {}
    auto start(void (*)()) -> bool { return true; }
};

}  // namespace

static_assert(task_runner<sequential_runner> && task_runner<sequential_runner&>);
static_assert(task_runner<good>);
static_assert(!task_runner<says_when_done> && !task_runner<takes_no_task> && !task_runner<always_starts>);
static_assert(!task_runner<starts_nothing> && !task_runner<never_waits>);

TEST_CASE("tasks run one after the other in their order") {
    std::vector<std::size_t> ran;
    sequential_runner{}.run(3, [&](std::size_t i) { ran.push_back(i); });
    CHECK(ran == std::vector<std::size_t>{0, 1, 2});
    sequential_runner{}.run(0, [&](std::size_t i) { ran.push_back(i); });
    CHECK(ran.size() == 3);
}

TEST_CASE("what is started has ended when it is begun, and nothing is left to wait for") {
    sequential_runner runner;
    int ran = 0;
    CHECK(runner.start([&] { ++ran; }));
    CHECK(ran == 1);
    CHECK(runner.start([&] { ++ran; }));
    CHECK(ran == 2);
    runner.wait();
    CHECK(ran == 2);
}
