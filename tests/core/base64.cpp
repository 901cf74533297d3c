#include <powerconsul/core/base64.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("base64 encodes and decodes") {
    struct row {
        std::string bytes;
        std::string_view text;
    };
    const row rows[] = {
        // RFC 4648 section 10
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        // all of the alphabet's ends
        {std::string{"\0", 1}, "AA=="},
        {std::string{"\0\0\0", 3}, "AAAA"},
        {"\xFF", "/w=="},
        {"\xFF\xFF\xFF", "////"},
        {"\xFB\xEF\xBE", "++++"},
        {"\xFB\xF0", "+/A="},
    };
    for (const auto& each : rows) {
        CAPTURE(each.text);
        CHECK(base64_encoded(each.bytes) == each.text);
        const auto decoded = base64_decoded(each.text);
        REQUIRE(decoded);
        CHECK(*decoded == each.bytes);
    }
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    CHECK(*base64_decoded(base64_encoded(all)) == all);
}

TEST_CASE("what Consul would not have sent is refused with its place") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view message;
    };
    const row rows[] = {
        {"one character", "Z", "base64: the length is not a multiple of four at byte 1"},
        {"no padding", "Zg", "base64: the length is not a multiple of four at byte 2"},
        {"half of the padding", "Zg=", "base64: the length is not a multiple of four at byte 3"},
        {"only padding", "====", "base64: a character outside the alphabet at byte 0"},
        {"three of padding", "Z===", "base64: a character outside the alphabet at byte 1"},
        {"padding in the middle", "Zg==Zg==", "base64: a character outside the alphabet at byte 2"},
        {"padding before a character", "Zg=v", "base64: a character outside the alphabet at byte 2"},
        {"line end", "Zm9\n", "base64: a character outside the alphabet at byte 3"},
        {"space", "Zm9vZ 9v", "base64: a character outside the alphabet at byte 5"},
        {"URL alphabet", "-_-_", "base64: a character outside the alphabet at byte 0"},
        {"NUL", std::string_view{"Zm9v\0AAA", 8}, "base64: a character outside the alphabet at byte 4"},
        {"high bit", "\xC3\xA9qq", "base64: a character outside the alphabet at byte 0"},
        {"bits behind one byte", "Zh==", "base64: bits behind the last byte at byte 0"},
        {"bits behind two bytes", "Zm9vZm9=", "base64: bits behind the last byte at byte 4"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto decoded = base64_decoded(each.text);
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().code == errc::bad_data);
        CHECK(decoded.error().message == std::string{each.message});
    }
}
