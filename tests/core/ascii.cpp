#include <powerconsul/core/ascii.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

/// The bytes of which it is true, in their order.
auto bytes_that(auto is) -> std::string {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        if (is(static_cast<char>(byte))) all += static_cast<char>(byte);
    }
    return all;
}

}  // namespace

TEST_CASE("each byte is in the classes that ASCII puts it into") {
    const std::string digits = "0123456789";
    const std::string upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const std::string lower = "abcdefghijklmnopqrstuvwxyz";
    CHECK(bytes_that(ascii::is_digit) == digits);
    CHECK(bytes_that(ascii::is_alphanumeric) == digits + upper + lower);
    std::string controls;
    for (char c = 0; c < ' '; ++c) controls += c;
    CHECK(bytes_that(ascii::is_control) == controls + '\x7F');
    CHECK(bytes_that([](char c) { return ascii::hexadecimal_value(c) >= 0; }) == digits + "ABCDEFabcdef");
    CHECK(bytes_that([](char c) { return ascii::lower(c) != c; }) == upper);
    CHECK(ascii::lower(upper) == lower);
    static_assert(ascii::is_digit('7') && !ascii::is_digit('a') && ascii::lower('Q') == 'q');
}

TEST_CASE("texts are the same but for upper and lower case") {
    CHECK(ascii::lower("") == "");
    CHECK(ascii::lower("Ab-C1 \xC3\x89") == "ab-c1 \xC3\x89");
    static_assert(ascii::equal_ignoring_case("", "") && ascii::equal_ignoring_case("aB1", "Ab1"));
    for (const std::string_view other : {"", "ab", "ab12", "ab2", "bb1", "[b1"}) {
        CAPTURE(other);
        CHECK_FALSE(ascii::equal_ignoring_case("ab1", other));
    }
    CHECK_FALSE(ascii::equal_ignoring_case("@", "`"));
    CHECK_FALSE(ascii::equal_ignoring_case("\xC3\x89", "\xC3\xA9"));
}

TEST_CASE("hexadecimal digits are written with all their zeros, and read in either case") {
    CHECK(ascii::hexadecimal(0xfedc'ba98'7654'3210U) == "fedcba9876543210");
    CHECK(ascii::hexadecimal(10) == "000000000000000a");
    CHECK(ascii::hexadecimal(0x12e4, 4) == "12e4");
    CHECK(ascii::hexadecimal(0x12e4, 2) == "e4");
    CHECK(ascii::hexadecimal_byte('\n') == "0A");
    CHECK(ascii::hexadecimal_byte('\xFE') == "FE");
    static_assert(ascii::hexadecimal_value('0') == 0 && ascii::hexadecimal_value('9') == 9);
    static_assert(ascii::hexadecimal_value('a') == 10 && ascii::hexadecimal_value('F') == 15);
    static_assert(ascii::hexadecimal_value('g') == -1 && ascii::hexadecimal_value('\0') == -1);
}
