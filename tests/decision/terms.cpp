#include <powerconsul/decision/terms.hpp>

#include <doctest/doctest.h>

using namespace powerconsul;

namespace {

/// These words are in output, in state files and in trigger keys: a change breaks users.
constexpr auto words_hold() -> bool {
    return to_string(role::unknown) == "unknown" && to_string(role::standalone) == "standalone" &&
           to_string(role::primary) == "primary" && to_string(role::secondary) == "secondary" &&
           to_string(actives::unknown) == "unknown" && to_string(actives::none_serving) == "none serving" &&
           to_string(actives::serving) == "serving" && to_string(expectation::unknown) == "unknown" &&
           to_string(expectation::stopped) == "stopped" && to_string(expectation::running) == "running" &&
           to_string(observation::unknown) == "unknown" && to_string(observation::stopped) == "stopped" &&
           to_string(observation::degraded) == "degraded" && to_string(observation::running) == "running" &&
           to_string(verdict::unknown) == "unknown" && to_string(verdict::passing) == "passing" &&
           to_string(verdict::warning) == "warning" && to_string(verdict::critical) == "critical";
}
static_assert(words_hold());

/// What nobody set says that it is not known.
constexpr auto nothing_is_unknown() -> bool {
    return role{} == role::unknown && actives{} == actives::unknown && expectation{} == expectation::unknown &&
           observation{} == observation::unknown && verdict{} == verdict::unknown;
}
static_assert(nothing_is_unknown());

}  // namespace

TEST_CASE("every value has its word, and what is not set is unknown") {
    bool (*volatile const words)() = words_hold;  // called by name it would be folded, and run nothing
    CHECK(words());
    CHECK(nothing_is_unknown());
}

TEST_CASE("a value that no name stands for is unknown") {
    CHECK(to_string(static_cast<role>(99)) == "unknown");
    CHECK(to_string(static_cast<actives>(99)) == "unknown");
    CHECK(to_string(static_cast<expectation>(99)) == "unknown");
    CHECK(to_string(static_cast<observation>(99)) == "unknown");
    CHECK(to_string(static_cast<verdict>(99)) == "unknown");
}
