#include <powerconsul/json/writer.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

using namespace powerconsul;
using powerconsul::json::detail::allocator;

TEST_CASE("memory is given, made larger with what it holds, and taken back") {
    allocator from;
    auto* text = static_cast<char*>(from.Malloc(4));
    REQUIRE(text != nullptr);
    std::memcpy(text, "abc", 4);
    text = static_cast<char*>(from.Realloc(text, 4, 100'000));
    CHECK(std::strcmp(text, "abc") == 0);
    CHECK(from.Realloc(text, 100'000, 0) == nullptr);
    CHECK(from.Malloc(0) == nullptr);
    allocator::Free(nullptr);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POWERCONSUL_ASAN
#endif
#endif
// A sanitizer ends the process instead.
#if !defined(POWERCONSUL_ASAN) && !defined(__SANITIZE_ADDRESS__)

TEST_CASE("where there is no memory it throws, and what was given before stays") {
    allocator from;
    volatile std::size_t most = SIZE_MAX / 4;  // so that no compiler complains of it
    CHECK_THROWS_AS(static_cast<void>(from.Malloc(most)), std::bad_alloc);
    auto* const text = static_cast<char*>(from.Malloc(1));
    *text = 'a';
    CHECK_THROWS_AS(static_cast<void>(from.Realloc(text, 1, most)), std::bad_alloc);
    CHECK(*text == 'a');
    allocator::Free(text);
}

#endif

TEST_CASE("a text is written compactly, in the order of the calls") {
    json::writer to;
    to.open_object();
    to.key("a").open_array().null().boolean(true).boolean(false).close_array();
    to.key("b").number(INT64_MIN).key("c").number(UINT64_MAX);
    to.key("d").open_object().close_object().key("e").open_array().close_array();
    to.close_object();
    CHECK(to.text() == R"({"a":[null,true,false],"b":-9223372036854775808,"c":18446744073709551615,"d":{},"e":[]})");
}

TEST_CASE("strings are escaped as JSON wants it and else left alone") {
    struct row {
        std::string_view text;
        std::string_view written;
    };
    const row rows[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"a\"b\\c/d", R"("a\"b\\c/d")"},
        {"\b\f\n\r\t\x01\x1F", R"("\b\f\n\r\t\u0001\u001F")"},
        {std::string_view{"a\0b", 3}, R"("a\u0000b")"},
        // What a terminal would obey: DEL, C1 and what changes the order of what is shown.
        {"a\x7F\xC2\x80 \xC2\x9B"
         "2J\xC2\x9F",
         R"("a\u007f\u0080 \u009b2J\u009f")"},
        {"\xE2\x80\xAE\"a\n\xD8\x9C\xE2\x81\xA6", R"("\u202e\"a\n\u061c\u2066")"},
        {"\xC2\xA0\xE2\x80\x93\xE2\x81\xBA", "\"\xC2\xA0\xE2\x80\x93\xE2\x81\xBA\""},
        {"caf\xC3\xA9 \xF0\x9F\x98\x80", "\"caf\xC3\xA9 \xF0\x9F\x98\x80\""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.written);
        json::writer value;
        CHECK(value.string(each.text).text() == each.written);
        json::writer name;
        name.open_object().key(each.text).null().close_object();
        CHECK(name.text() == "{" + std::string{each.written} + ":null}");
    }
}
