#include <powerconsul/ports/tasks.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using namespace powerconsul;

namespace {

struct says_when_done {
    auto run(std::size_t, void (*)(std::size_t)) -> bool { return true; }
};
struct takes_no_task {
    void run(std::size_t) {}
};

}  // namespace

static_assert(task_runner<sequential_runner> && task_runner<sequential_runner&>);
static_assert(!task_runner<says_when_done> && !task_runner<takes_no_task>);

TEST_CASE("tasks run one after the other in their order") {
    std::vector<std::size_t> ran;
    sequential_runner{}.run(3, [&](std::size_t i) { ran.push_back(i); });
    CHECK(ran == std::vector<std::size_t>{0, 1, 2});
    sequential_runner{}.run(0, [&](std::size_t i) { ran.push_back(i); });
    CHECK(ran.size() == 3);
}
