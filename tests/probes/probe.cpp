#include <powerconsul/probes/probe.hpp>

#include <doctest/doctest.h>

using namespace powerconsul;

namespace {

struct sees {
    auto operator()() -> observed { return {observation::running, "active"}; }
};
struct sees_and_never_changes {
    auto operator()() const -> observed { return {}; }
};
struct says_bool {
    auto operator()() -> bool { return true; }
};
struct says_only_the_state {
    auto operator()() -> observation { return observation::running; }
};
struct wants_to_be_asked {
    auto operator()(int) -> observed { return {}; }
};
struct gives_a_reference {
    auto operator()() -> const observed& { return last; }
    observed last{};
};
struct has_a_name {
    auto look() -> observed { return {}; }
};
constexpr auto lambda = [] { return observed{observation::stopped, "inactive (dead)"}; };

}  // namespace

static_assert(probe<sees> && probe<sees&> && probe<sees_and_never_changes> && probe<const sees_and_never_changes>);
static_assert(probe<decltype(lambda)> && probe<observed (*)()>);
static_assert(!probe<const sees>, "a probe that changes itself cannot be const");
static_assert(!probe<says_bool> && !probe<says_only_the_state>,
              "running or not is too little: unknown must be possible");
static_assert(!probe<wants_to_be_asked> && !probe<gives_a_reference> && !probe<has_a_name> && !probe<observed>);

TEST_CASE("what nobody saw is unknown") {
    CHECK(observed{} == observed{observation::unknown, ""});
    CHECK(sees{}() == observed{observation::running, "active"});
    CHECK_FALSE(sees{}() == lambda());
    // A group names those together that were seen alike, for one reason.
    CHECK_FALSE(sees{}() == observed{observation::running, "active since Monday"});
}
