#include <powerconsul/core/time.hpp>

#include <doctest/doctest.h>

using namespace powerconsul;

namespace {

constexpr auto units_hold() -> bool {
    return seconds(8) == milliseconds{8000} && seconds(-1) == milliseconds{-1000} && seconds(0) == milliseconds{} &&
           milliseconds{3} + milliseconds{4} == milliseconds{7} &&
           milliseconds{3} - milliseconds{4} == milliseconds{-1} && milliseconds{1} < milliseconds{2} &&
           milliseconds{2} >= milliseconds{2} && shorter({1}, {2}) == milliseconds{1} &&
           shorter({2}, {1}) == milliseconds{1} && shorter({-5}, {0}) == milliseconds{-5};
}
static_assert(units_hold());

}  // namespace

TEST_CASE("times add, compare and convert in whole milliseconds") {
    CHECK(units_hold());
}
