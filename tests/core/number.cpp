#include <powerconsul/core/number.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

using namespace powerconsul;

namespace {

struct row {
    std::string_view text;
    std::optional<std::uint64_t> whole;
    std::size_t digits;
    std::uint64_t number;
    bool fits{true};
};

constexpr row rows[] = {
    {"", std::nullopt, 0, 0},
    {"0", 0, 1, 0},
    {"007", 7, 3, 7},
    {"42", 42, 2, 42},
    {"18446744073709551615", UINT64_MAX, 20, UINT64_MAX},
    {"18446744073709551616", std::nullopt, 20, UINT64_MAX, false},
    {"18446744073709551620", std::nullopt, 20, UINT64_MAX, false},
    {"184467440737095516150", std::nullopt, 21, UINT64_MAX, false},
    {"99999999999999999999999999999990", std::nullopt, 32, UINT64_MAX, false},
    {"-1", std::nullopt, 0, 0},
    {"+1", std::nullopt, 0, 0},
    {" 1", std::nullopt, 0, 0},
    {"1 ", std::nullopt, 1, 1},
    {"8s", std::nullopt, 1, 8},
    {"1.5", std::nullopt, 1, 1},
    {"1e3", std::nullopt, 1, 1},
    {"0x10", std::nullopt, 1, 0},
    {"\xD9\xA1", std::nullopt, 0, 0},
};

constexpr auto rows_hold() -> bool {
    for (const auto& each : rows) {
        const leading_digits read = read_digits(each.text);
        if (whole_number(each.text) != each.whole || read.count != each.digits) return false;
        if (read.number != each.number || read.fits != each.fits) return false;
    }
    return true;
}
static_assert(rows_hold());

}  // namespace

TEST_CASE("only digits are a whole number, and only as far as 64 bits hold them") {
    for (const auto& each : rows) {
        CAPTURE(each.text);
        CHECK(whole_number(each.text) == each.whole);
        const leading_digits read = read_digits(each.text);
        CHECK(read.count == each.digits);
        CHECK(read.number == each.number);
        CHECK(read.fits == each.fits);
    }
}

TEST_CASE("a whole number is at most what the caller takes") {
    CHECK(whole_number("65535", 65535) == 65535);
    CHECK(whole_number("65536", 65535) == std::nullopt);
    CHECK(whole_number("0", 0) == 0);
}
