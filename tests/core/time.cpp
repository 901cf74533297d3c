#include <powerconsul/core/time.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
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

TEST_CASE("times are written in UTC with their milliseconds") {
    struct case_row {
        std::string_view name;
        std::int64_t wall;
        std::string_view text;
    };
    const case_row rows[] = {
        {"the first", 0, "1970-01-01T00:00:00.000Z"},
        {"a millisecond", 1, "1970-01-01T00:00:00.001Z"},
        {"the last of the first day", 86'399'999, "1970-01-01T23:59:59.999Z"},
        {"the second day", 86'400'000, "1970-01-02T00:00:00.000Z"},
        {"the last of a year", 31'535'999'999, "1970-12-31T23:59:59.999Z"},
        {"the second year", 31'536'000'000, "1971-01-01T00:00:00.000Z"},
        {"the first leap day", 68'169'600'000, "1972-02-29T00:00:00.000Z"},
        {"the day after it", 68'256'000'000, "1972-03-01T00:00:00.000Z"},
        {"the last day of a leap year", 94'694'399'000, "1972-12-31T23:59:59.000Z"},
        {"a leap year that 400 divides", 951'782'400'000, "2000-02-29T00:00:00.000Z"},
        {"the day after its leap day", 951'868'800'000, "2000-03-01T00:00:00.000Z"},
        {"a billion seconds", 1'000'000'000'000, "2001-09-09T01:46:40.000Z"},
        {"noon of a leap day", 1'709'208'000'000, "2024-02-29T12:00:00.000Z"},
        {"all digits", 1'234'567'890'123, "2009-02-13T23:31:30.123Z"},
        {"behind 32 bits", 2'147'483'648'000, "2038-01-19T03:14:08.000Z"},
        {"no leap year although 4 divides it", 4'107'542'399'000, "2100-02-28T23:59:59.000Z"},
        {"the day after, there", 4'107'542'400'000, "2100-03-01T00:00:00.000Z"},
        {"the last", 253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
        {"later", 253'402'300'800'000, "9999-12-31T23:59:59.999Z"},
        {"much later", INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {"earlier", -1, "1970-01-01T00:00:00.000Z"},
        {"much earlier", INT64_MIN, "1970-01-01T00:00:00.000Z"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(utc_time({row.wall}) == row.text);
    }
}

TEST_CASE("a time is read with its offset, and nothing else is a time") {
    struct row {
        std::string_view text;
        std::optional<std::int64_t> wall;
    };
    constexpr std::int64_t noon = 1'709'208'000'000;
    const row rows[] = {
        {"2024-02-29T12:00:00.000Z", noon},
        {"2024-02-29T12:00:00Z", noon},
        {"2024-02-29T12:00Z", noon},
        {"2024-02-29 12:00:00Z", noon},
        {"2024-02-29T12:00:00+00:00", noon},
        {"2024-02-29T12:00:00-00:00", noon},
        {"2024-02-29T13:00:00+01:00", noon},
        {"2024-02-29T13:00:00+0100", noon},
        {"2024-03-01T01:45+13:45", noon},
        {"2024-02-29 08:30:00-03:30", noon},
        {"2024-02-29T12:00:00,123456789+00:00", noon + 123},
        {"2024-02-29T12:00:00.5Z", noon + 500},
        {"2024-02-29T12:00:01Z", noon + 1000},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T01:00:00+01:00", 0},
        {"9999-12-31T23:59:59.999Z", last_time.count},
        {"", {}},
        {"Z", {}},
        {"2024-02-29T12:00:00", {}},
        {"2024-02-29", {}},
        {"2024-02-29T12Z", {}},
        {"2024-02-29T12:00:00 Z", {}},
        {"2024-02-29T12:00:00Z ", {}},
        {" 2024-02-29T12:00:00Z", {}},
        {"2024-02-29t12:00:00Z", {}},
        {"2024-02-29T12:00:00z", {}},
        {"2024-02-29T12:00:00.Z", {}},
        {"2024-02-29T12:00:00+01", {}},
        {"2024-02-29T12:00:00+24:00", {}},
        {"2024-02-29T12:00:00+01:60", {}},
        {"2024-02-29T12:00:00+1:00", {}},
        {"2024-02-29T12:00:00+01:00:00", {}},
        {"2024-02-29T12:00:00 UTC", {}},
        {"2024-02-29T24:00:00Z", {}},
        {"2024-02-29T12:60:00Z", {}},
        {"2024-02-29T12:00:60Z", {}},
        {"2024-02-29T+1:00:00Z", {}},
        {"2024-2-29T12:00:00Z", {}},
        {"2023-02-29T12:00:00Z", {}},
        {"2024-04-31T12:00:00Z", {}},
        {"2024-00-10T12:00:00Z", {}},
        {"2024-13-10T12:00:00Z", {}},
        {"2024-01-00T12:00:00Z", {}},
        {"2024-01-32T12:00:00Z", {}},
        {"1969-12-31T23:59:59Z", {}},
        {"1970-01-01T00:00:00+00:01", {}},
        {"9999-12-31T23:59:59-00:01", {}},
        {"0000-01-01T00:00:00Z", {}},
        {"10000-01-01T00:00:00Z", {}},
        {"1709208000", {}},
        {"@1709208000", {}},
        {"Thu Feb 29 12:00:00 UTC 2024", {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto read = parse_time(row.text);
        CHECK(read.has_value() == row.wall.has_value());
        CHECK(read.value_or(milliseconds{}).count == row.wall.value_or(0));
    }
    for (std::size_t i = 0; i < rows[0].text.size(); ++i) {
        CAPTURE(i);
        CHECK_FALSE(parse_time(rows[0].text.substr(0, i)));
        std::string changed{rows[0].text};
        changed[i] = '\0';
        CHECK_FALSE(parse_time(changed));
    }
    for (std::int64_t day = 0; day < 2'932'896; day += 17) {
        const milliseconds time{day * 86'400'000 + day % 86'400'000};
        CHECK(parse_time(utc_time(time)) == time);
    }
}

TEST_CASE("what date prints is read, wherever it is called") {
    for (const std::string_view zone : {"UTC", "IST-5:30", "NST3:30", "CET-1CEST", "<+1345>-13:45", "<-1130>11:30"}) {
        for (const std::string_view format : {"-Is", "-Im", "-Ins", "--rfc-3339=seconds", "--rfc-3339=ns"}) {
            for (const std::int64_t time : {1'709'208'000, 1'721'304'060, 1'796'058'000}) {
                const std::string command =
                    "TZ='" + std::string{zone} + "' date -d @" + std::to_string(time) + ' ' + std::string{format};
                CAPTURE(command);
                std::FILE* const pipe = ::popen(command.c_str(), "r");
                REQUIRE(pipe != nullptr);
                char text[100]{};
                const std::size_t size = std::fread(text, 1, sizeof text, pipe);
                CHECK(::pclose(pipe) == 0);
                REQUIRE(size > 0);
                CHECK(parse_time({text, size - 1}) == seconds(time));
            }
        }
    }
}

TEST_CASE("the C library agrees") {
    std::size_t days = 0;
    std::size_t wrong = 0;
    for (std::int64_t second = 43'199; second < 253'402'300'800; second += 13 * 86'400) {
        const auto time = static_cast<std::time_t>(second);
        std::tm parts{};
        char text[32]{};
        const bool told = ::gmtime_r(&time, &parts) != nullptr &&
                          std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts) == 24;
        wrong += told && utc_time(seconds(second)) == text ? 0 : 1;
        ++days;
    }
    CHECK(wrong == 0);
    CHECK(days == 225'608);
}

TEST_CASE("lengths of time as Go and Consul write them") {
    struct row {
        std::string_view text;
        std::int64_t count;  ///< milliseconds; -1: none
    };
    constexpr row rows[] = {{"0s", 0},
                            {"10s", 10'000},
                            {"1m30s", 90'000},
                            {"500ms", 500},
                            {"2h0m0s", 7'200'000},
                            {"1.5s", 1000},
                            {"", -1},
                            {"10", -1},
                            {"s", -1},
                            {"10x", -1},
                            {"-1s", -1},
                            {"99999999999s", -1},
                            {"2562047h", 9'223'369'200'000},
                            {"2562048h", -1}};
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto read = parse_go_duration(row.text);
        CHECK((read ? read->count : -1) == row.count);
    }
    std::string sum;
    for (int i = 0; i < 300; ++i) sum += "9999999999h";
    CHECK_FALSE(parse_go_duration(sum));
}
