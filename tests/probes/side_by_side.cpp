#include <powerconsul/probes/side_by_side.hpp>

#include <doctest/doctest.h>

#include <barrier>
#include <string>
#include <vector>

#include <powerconsul/adapters/thread_runner.hpp>

using namespace powerconsul;

namespace {

struct says_bool {
    auto operator()(const std::string&) -> bool { return true; }
};
struct says_its_name {
    auto operator()(const std::string& name) -> observed { return {observation::running, name}; }
};

}  // namespace

static_assert(named_probe<says_its_name> && named_probe<says_its_name&> && !named_probe<says_bool>);
static_assert(group_probe<side_by_side<says_its_name, sequential_runner>>);

TEST_CASE("the answers stand in the order of the names, whoever runs the looks") {
    const std::vector<std::string> names{"a", "b", "c", "d", "e"};
    const auto in_order = [&](const std::vector<observed>& seen) {
        REQUIRE(seen.size() == names.size());
        for (std::size_t i = 0; i < names.size(); ++i) CHECK(seen[i] == observed{observation::running, names[i]});
    };
    in_order(side_by_side{names, says_its_name{}, sequential_runner{}}());
    in_order(side_by_side{names, says_its_name{}, thread_runner{3}}());
    CHECK(side_by_side{std::vector<std::string>{}, says_its_name{}, sequential_runner{}}().empty());
}

TEST_CASE("with threads they look at the same time") {
    std::barrier together{4};
    const auto look = [&](const std::string& name) -> observed {
        together.arrive_and_wait();  // one after the other, the first would wait forever
        return {observation::stopped, name};
    };
    side_by_side group{{"a", "b", "c", "d"}, look, thread_runner{4}};
    CHECK(group().size() == 4);
    CHECK(group()[3].reason == "d");
}
