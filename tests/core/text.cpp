#include <iomanip>  // std::quoted must not come in the way of ours

#include <powerconsul/core/text.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

TEST_CASE("UTF-8 is told from what only looks like it") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::size_t length;
    };
    constexpr row rows[] = {
        {"empty", "", 0},
        {"ASCII", "a", 1},
        {"two bytes", "\xC3\xA9", 2},
        {"three bytes", "\xE2\x82\xAC", 3},
        {"four bytes", "\xF0\x9F\x98\x80", 4},
        {"lone continuation", "\x80", 0},
        {"overlong slash, two bytes", "\xC0\xAF", 0},
        {"overlong slash, three bytes", "\xE0\x80\xAF", 0},
        {"overlong, four bytes", "\xF0\x80\x80\xAF", 0},
        {"surrogate", "\xED\xA0\x80", 0},
        {"above U+10FFFF", "\xF4\x90\x80\x80", 0},
        {"cut off", "\xE2\x82", 0},
        {"no continuation", "\xE2(\xA1", 0},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(utf8_sequence(each.text) == each.length);
    }
    static_assert(utf8_sequence("\xE2\x82\xAC") == 3 && utf8_sequence("\xED\xA0\x80") == 0);
    CHECK(is_utf8("h\xC3\xA9"));
    CHECK_FALSE(is_utf8("h\xC3"));
}

TEST_CASE("one_line gives one bounded line of valid UTF-8") {
    CHECK(one_line("plain", 20) == "plain");
    CHECK(one_line("  two\n\n lines\t", 20) == "two lines");
    CHECK(one_line(std::string_view{"nul\0byte", 8}, 20) == "nul byte");
    CHECK(one_line("bad\xFFone", 20) == "bad\xEF\xBF\xBDone");
    CHECK(one_line("0123456789", 10) == "0123456789");
    CHECK(one_line("0123456789x", 10) == "0123456...");
    CHECK(one_line("012345\xE2\x82\xAC\xE2\x82\xAC", 10) == "012345...");
    CHECK(one_line("\xE2\x82\xAC\xE2\x82\xAC", 3) == "...");
    CHECK(one_line(std::string(1'000'000, 'x'), 100).size() == 100);
    CHECK(quoted("a\nb") == R"("a\nb")");
    CHECK(quoted(std::string_view{"\0\x1B\t\r\x7F", 5}) == R"("\x00\x1B\t\r\x7F")");
    CHECK(quoted(" a ") == "\" a \"");
    CHECK(quoted(" ") == "\" \"");
    CHECK(quoted("") == "\"\"");
    CHECK(quoted(std::string(100, '\n')).size() == 82);
    CHECK(one_line("a\xC2\x9Bm\xC2\xA0z", 20) == "a m\xC2\xA0z");  // CSI in one byte, and a blank that is none
    // A name that would be shown as another one: each of these characters, and their neighbours.
    for (const std::string_view each : {"\xD8\x9C", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xA8", "\xE2\x80\xAA",
                                        "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA9"}) {
        CAPTURE(each);
        CHECK(quoted("web" + std::string{each} + "1") == "\"web\xEF\xBF\xBD\x31\"");
    }
    for (const std::string_view each : {"\xD8\x9B", "\xD8\x9D", "\xE2\x80\x8D", "\xE2\x80\x90", "\xE2\x80\xA7",
                                        "\xE2\x80\xAF", "\xE2\x81\xA5", "\xE2\x81\xAA", "\xE2\x82\xA6"}) {
        CAPTURE(each);
        CHECK(quoted(each) == '"' + std::string{each} + '"');
    }
    CHECK("no " + quoted(std::string{"x"}) == "no \"x\"");
}

TEST_CASE("a text is split at a separator") {
    using parts = std::vector<std::string_view>;
    CHECK(split("", '/') == parts{""});
    CHECK(split("a", '/') == parts{"a"});
    CHECK(split("a//b/", '/') == parts{"a", "", "b", ""});
    struct row {
        std::string_view text;
        std::string_view part;
        std::string_view rest;
    };
    for (const row& each :
         {row{"", "", ""}, {"a", "a", ""}, {"a\n", "a", ""}, {"a\nb\n", "a", "b\n"}, {"\nb", "", "b"}}) {
        CAPTURE(each.text);
        std::string_view rest = each.text;
        CHECK(next_part(rest, '\n') == each.part);
        CHECK(rest == each.rest);
    }
}

TEST_CASE("blanks at the ends are not part of a text") {
    CHECK(trimmed("") == "");
    CHECK(trimmed(" \t\r\n") == "");
    CHECK(trimmed(" a b\r\n") == "a b");
    CHECK(trimmed("\v a ") == "\v a");
    CHECK(trimmed(",, a,", ",") == " a");
}

TEST_CASE("a base name is what stands behind the last slash") {
    static_assert(base_name("") == "" && base_name("a") == "a" && base_name("/a/b") == "b" && base_name("a/") == "");
}

TEST_CASE("a word is looked for in a list of any kind") {
    static_assert(is_one_of("b", {"a", "b"}) && !is_one_of("", {"a", "b"}) && !is_one_of("ab", {"a", "b"}));
    CHECK(is_one_of("b", std::vector<std::string>{"a", "b"}));
    CHECK_FALSE(is_one_of("a", std::vector<std::string>{}));
}

TEST_CASE("listed joins words for a sentence") {
    CHECK(listed({}) == "");
    CHECK(listed({"a"}) == "a");
    CHECK(listed({"a", "b"}) == "a and b");
    CHECK(listed({"a", "b", "c"}, "or") == "a, b or c");
}

TEST_CASE("a position counts lines and columns from 1") {
    static_assert(position_of("ab\ncd", 0) == text_position{1, 1});
    static_assert(position_of("ab\ncd", 2) == text_position{1, 3});
    static_assert(position_of("ab\ncd", 3) == text_position{2, 1});
    CHECK(position_of("a\n\nb", 3) == text_position{3, 1});
    CHECK(position_of("", 0) == text_position{1, 1});
}

TEST_CASE("percent encoding leaves only unreserved characters") {
    CHECK(percent_encoded("aZ09-._~") == "aZ09-._~");
    CHECK(percent_encoded("a b/c%?#") == "a%20b%2Fc%25%3F%23");
    CHECK(percent_encoded("\xC3\xA9") == "%C3%A9");
}

TEST_CASE("percent encoding is undone, or is none") {
    CHECK(percent_decoded("") == "");
    CHECK(percent_decoded("a%20b%2Fc%25+%c3%a9%00") == std::string{"a b/c%+\xC3\xA9\0", 10});
    for (const std::string_view text : {"%", "a%2", "%%20", "%G0", "%0g", "%-1", "% 1", "%+1"}) {
        CAPTURE(text);
        CHECK(percent_decoded(text) == std::nullopt);
    }
}

TEST_CASE("a sum goes on from the one before") {
    static_assert(fnv1a("") == 0xcbf29ce484222325U);
    static_assert(fnv1a("a") == 0xaf63dc4c8601ec8cU);
    static_assert(fnv1a("bar", fnv1a("foo")) == 0x85944171f73967e8U);
    CHECK(fnv1a("\xFF") != fnv1a("\x7F"));
}

TEST_CASE("nearest finds the name that was meant") {
    const std::vector<std::string_view> known{"serviceFilter", "clusterKey", "log"};
    CHECK(nearest("servicefilter", known) == "serviceFilter");
    CHECK(nearest("clusterkeys", known) == "clusterKey");
    CHECK(nearest("lag", known) == "log");
    CHECK(nearest("cluster", known) == "clusterKey");
    CHECK(nearest("clu", known) == "");
    CHECK(nearest("zzz", known) == "");
    CHECK(nearest("somethingElse", known) == "");
    CHECK(edit_distance("kitten", "sitting") == 3);
}

namespace {

struct number_row {
    std::string_view text;
    std::optional<std::uint64_t> whole;
    std::size_t digits;
    std::uint64_t number;
    bool fits{true};
};

constexpr number_row number_rows[] = {
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

constexpr auto numbers_hold() -> bool {
    for (const auto& each : number_rows) {
        const leading_digits read = read_digits(each.text);
        if (whole_number(each.text) != each.whole || read.count != each.digits) return false;
        if (read.number != each.number || read.fits != each.fits) return false;
    }
    return true;
}
static_assert(numbers_hold());

}  // namespace

TEST_CASE("only digits are a whole number, and only as far as 64 bits hold them") {
    for (const auto& each : number_rows) {
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
    CHECK(whole_number<std::uint16_t>("65535") == std::uint16_t{65535});
    CHECK(whole_number<std::uint16_t>("65536") == std::nullopt);
    CHECK(whole_number<std::uint16_t>("7", 6) == std::nullopt);
}
