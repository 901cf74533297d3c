#include <powerconsul/core/time.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string_view>

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

TEST_CASE("lengths of time are read as people write them") {
    struct row {
        std::string_view text;
        std::int64_t milliseconds;
    };
    const row rows[] = {
        {"0", 0},
        {"8", 8'000},
        {"8s", 8'000},
        {"250ms", 250},
        {"2m", 120'000},
        {"1h", 3'600'000},
        {"24h", 86'400'000},
        {"1d", 86'400'000},
        {"86400", 86'400'000},
        {"1440m", 86'400'000},
        {"86400000ms", 86'400'000},
        {"007s", 7'000},
    };
    for (const auto& each : rows) {
        CAPTURE(each.text);
        const auto read = parse_duration(each.text);
        REQUIRE(read);
        CHECK(read->count == each.milliseconds);
    }
}

TEST_CASE("what is no length of time is refused") {
    for (const std::string_view text : {"", "s", "ms", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "1S", "1sec", "1D",
                                        "1e3", "0x1", "99999999999999999999s", "1s2", "one"}) {
        CAPTURE(text);
        const auto read = parse_duration(text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::usage);
        CHECK(read.error().message ==
              quoted(text) + " is not a length of time; expected a number and ms, s, m, h or d, as in 8s");
    }
}

TEST_CASE("what is too long is refused, and some may be longer") {
    for (const std::string_view text : {"25h", "2d", "1441m", "86401", "86400001ms", "9223372036854775807d"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_duration(text));
        CHECK(parse_duration(text).error().message == quoted(text) + " is longer than the 1d that may be given");
    }
    CHECK(parse_long_duration("3650d", 3650)->count == std::int64_t{3650} * 86'400'000);
    CHECK(parse_long_duration("87600h", 3650));
    CHECK_FALSE(parse_long_duration("87601h", 3650));
}

TEST_CASE("a wait of none at all is refused where it would make no sense") {
    CHECK(*parse_positive_duration("1ms") == milliseconds{1});
    CHECK(*parse_positive_duration("24h") == seconds(86'400));
    for (const std::string_view text : {"0", "0s", "0d", "000ms"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_positive_duration(text));
        CHECK(parse_positive_duration(text).error() ==
              error{errc::usage, quoted(text) + " is no time at all; expected more than 0"});
    }
    CHECK(parse_positive_duration("soon").error() == parse_duration("soon").error());
    CHECK(parse_positive_duration("25h").error() == parse_duration("25h").error());
}
