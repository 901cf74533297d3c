#include <powerconsul/result.hpp>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

using namespace powerconsul;

static_assert(!std::is_convertible_v<result<int>, bool>, "a result never turns into a bool by itself");
static_assert(!std::is_constructible_v<result<int>>, "a result is never empty");
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);

namespace {

auto half(int number) -> result<int> {
    if (number % 2 != 0) return fail(errc::bad_data, "odd");
    return number / 2;
}

}  // namespace

TEST_CASE("a result holds a value or an error") {
    const auto good = half(4);
    REQUIRE(good.has_value());
    CHECK(*good == 2);
    CHECK(good.value_or(7) == 2);

    const auto bad = half(3);
    REQUIRE_FALSE(bad);
    CHECK(bad.error() == error{errc::bad_data, "odd"});
    CHECK(bad.value_or(7) == 7);
}

TEST_CASE("and_then and transform carry the first error on") {
    CHECK(*half(8).and_then(half) == 2);
    CHECK(half(6).and_then(half).error().message == "odd");
    CHECK(half(3).and_then(half).error().message == "odd");
    CHECK(*half(8).transform([](int n) { return std::to_string(n); }) == "4");
    CHECK(half(3).transform([](int n) { return std::to_string(n); }).error().code == errc::bad_data);
}

TEST_CASE("result<void> is done or an error") {
    const result<void> done;
    CHECK(done);
    const result<void> wrong = fail(errc::io, "full");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().message == "full");
}
