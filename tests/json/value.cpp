#include <powerconsul/json/value.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;
using json::kind;

namespace {

/// All values of a text with their places, in the order of the text: `0{ a:5"x" b:13[ 14#1]}`.
void write_places(const json::value& at, std::string& text) {
    text += std::to_string(at.offset);
    switch (at.type) {
        case kind::null: text += "null"; break;
        case kind::boolean: text += at.boolean ? "true" : "false"; break;
        case kind::number: text += '#' + at.text; break;
        case kind::string: text += '"' + at.text + '"'; break;
        case kind::array:
        case kind::object: text += at.type == kind::array ? "[" : "{"; break;
    }
    for (std::size_t i = 0; i < at.items.size(); ++i) {
        text += ' ';
        if (at.type == kind::object) text += at.names[i] + ':';
        write_places(at.items[i], text);
    }
    if (at.type == kind::array || at.type == kind::object) text += at.type == kind::array ? "]" : "}";
}

auto places(std::string_view text) -> std::string {
    const auto parsed = json::parse(text);
    if (!parsed) return parsed.error().message;
    std::string written;
    write_places(*parsed, written);
    return written;
}

}  // namespace

TEST_CASE("values are read with their kind, their text and their place") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view places;
    };
    const row rows[] = {
        {"null", "null", "0null"},
        {"white space around", " \t\r\n true \n", "5true"},
        {"false", "false", "0false"},
        {"number", "-12.5e+3", "0#-12.5e+3"},
        {"a number of 40 digits", "1234567890123456789012345678901234567890",
         "0#1234567890123456789012345678901234567890"},
        {"string", R"("web")", "0\"web\""},
        {"escapes", R"("\"\\\/\b\f\n\r\t")", "0\"\"\\/\b\f\n\r\t\""},
        {"unicode escapes", R"("\u00e9\u20AC\ud83d\ude00")", "0\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"empty list", "[]", "0[]"},
        {"list", "[1, 2 ,\n3]", "0[ 1#1 4#2 8#3]"},
        {"lists in a list", "[[],[ [1] ]]", "0[ 1[] 4[ 6[ 7#1]]]"},
        {"objects in a list", R"([{} , {"a":1}, 2])", "0[ 1{} 6{ a:11#1} 15#2]"},
        {"empty object", "{ }", "0{}"},
        {"object", R"({"a": 1, "b" : "x", "c":[true]})", R"(0{ a:6#1 b:15"x" c:24[ 25true]})"},
        {"object in an object", R"({"a":{"b":{"c":null}},"d":0})", "0{ a:5{ b:10{ c:15null}} d:26#0}"},
        {"members keep their order and come twice", R"({"b":1,"a":2,"b":3})", "0{ b:5#1 a:11#2 b:17#3}"},
        {"names with escapes and empty ones", R"({"\u0061":1,"":2})", "0{ a:10#1 :15#2}"},
        {"commas and colons in strings", R"([",:[", ":"])", R"(0[ 1",:[" 8":"])"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(places(each.text) == each.places);
    }
    CHECK(json::parse(R"("a\u0000b")")->text == std::string_view{"a\0b", 3});
}

TEST_CASE("what is not JSON is refused with its place") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view message;
    };
    const row rows[] = {
        {"empty", "", "not valid JSON at line 1, column 1 (byte 0): it is empty; expected one value"},
        {"only white space", " \n ",
         "not valid JSON at line 2, column 2 (byte 3): it is nothing but white space; expected one value"},
        {"byte order mark", "\xEF\xBB\xBF{}",
         "not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as UTF-8 without one"},
        {"NUL behind", std::string_view{"{}\0", 3},
         "not valid JSON at line 1, column 3 (byte 2): a NUL byte; remove it"},
        {"NUL behind, then more", std::string_view{"{} \0{}", 6},
         "not valid JSON at line 1, column 4 (byte 3): a NUL byte; remove it"},
        {"something behind", "{}\n{}",
         "not valid JSON at line 2, column 1 (byte 3): expected nothing behind the value, found \"{\""},
        {"cut off", "{\"a\":\n[1,",
         "not valid JSON at line 2, column 4 (byte 9): expected a value, found the end of the text; it was cut off"},
        {"comment", "{} // x",
         "not valid JSON at line 1, column 4 (byte 3): expected nothing behind the value, found \"/\"; JSON has no comments"},
        {"trailing comma", "[1,]",
         "not valid JSON at line 1, column 4 (byte 3): expected a value behind the comma, found \"]\""},
        {"single quotes", "['a']",
         "not valid JSON at line 1, column 2 (byte 1): expected a value, found a single quote; JSON has double quotes "
         "alone"},
        {"name without quotes", "{a:1}",
         "not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found \"a\""},
        {"no colon", R"({"a" 1})",
         "not valid JSON at line 1, column 6 (byte 5): expected \":\" behind the name, found \"1\""},
        {"NaN", "NaN", "not valid JSON at line 1, column 1 (byte 0): expected a value, found \"NaN\""},
        {"leading zero", "01",
         "not valid JSON at line 1, column 1 (byte 0): a number that begins with 0; leave the 0 out, or write a string"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto parsed = json::parse(each.text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == errc::bad_data);
        CHECK(parsed.error().message == each.message);
    }
    for (const std::string_view bad : {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xE2\x82\"", R"("\ud800")",
                                       R"("\udc00x")", R"("\x")", R"("\u12g4")", "\"\n\"", "\"\x01\"",
                                       R"({"\udc00":1})", R"({"a)", "1e99999", "-", "1.", "+1", "tru", "\xFF"}) {
        CAPTURE(bad);
        CHECK_FALSE(json::parse(bad));
    }
    CHECK_FALSE(json::parse(std::string_view{"\"a\0b\"", 5}));
}

TEST_CASE("depth and number of values have a bound") {
    const json::limits small{.depth = 2, .values = 4};
    CHECK(json::parse("[[]]", small));
    CHECK(json::parse(R"({"a":[]})", small));
    CHECK(json::parse("[1,2,3]", small));
    CHECK(json::parse("[[[]]]", small).error().message ==
          "not valid JSON at line 1, column 3 (byte 2): it is nested more than the 2 deep that are taken");
    CHECK(json::parse("[1,2,3,4]", small).error().message ==
          "not valid JSON at line 1, column 9 (byte 8): it has more than the 4 values that are taken");

    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(json::parse(nested(64)));
    CHECK_FALSE(json::parse(nested(65)));
    CHECK_FALSE(json::parse(nested(1'000'000)));  // no stack is used up
    CHECK_FALSE(json::parse(std::string(1'000'000, '[')));
}

TEST_CASE("only whole numbers from 0 to 2^64-1 are unsigned") {
    struct row {
        std::string_view text;
        std::optional<std::uint64_t> number;
    };
    const row rows[] = {
        {"0", 0},
        {"18446744073709551615", UINT64_MAX},
        {"18446744073709551616", std::nullopt},
        {"-1", std::nullopt},
        {"-0", std::nullopt},
        {"1.0", std::nullopt},
        {"1e3", std::nullopt},
        {R"("1")", std::nullopt},
        {"null", std::nullopt},
        {"[1]", std::nullopt},
    };
    for (const auto& each : rows) {
        CAPTURE(each.text);
        CHECK(json::parse(each.text)->as_unsigned() == each.number);
    }
}

TEST_CASE("find gives the first member of a name, and nothing of what is no object") {
    const auto object = json::parse(R"({"a":1,"b":2,"a":3})");
    REQUIRE(object);
    CHECK(object->find("a")->text == "1");
    CHECK(object->find("b")->text == "2");
    CHECK(object->find("c") == nullptr);
    CHECK(json::parse(R"(["a"])")->find("a") == nullptr);
    CHECK(json::parse(R"("a")")->find("a") == nullptr);
}

TEST_CASE("a value knows where it ends, and a member where its name starts") {
    const std::string_view text = R"( { "a" : [1, -2.5e3 ,"x\"y" ] , "b":{"c" : null,"d":true} , "e":{}, "f":[ ] } )";
    const auto covered = [&](const json::value& of) { return text.substr(of.offset, of.past - of.offset); };
    const auto root = json::parse(text);
    REQUIRE(root);
    CHECK(covered(*root) == text.substr(1, text.size() - 2));
    CHECK(covered(root->items[0]) == R"([1, -2.5e3 ,"x\"y" ])");
    CHECK(covered(root->items[0].items[1]) == "-2.5e3");
    CHECK(covered(root->items[0].items[2]) == R"("x\"y")");
    CHECK(covered(root->items[1]) == R"({"c" : null,"d":true})");
    CHECK(covered(root->items[1].items[0]) == "null");
    CHECK(covered(root->items[1].items[1]) == "true");
    CHECK(covered(root->items[2]) == "{}");
    CHECK(covered(root->items[3]) == "[ ]");
    for (std::size_t i = 0; i < 4; ++i) CHECK(text.substr(root->items[i].name_offset, 3) == '"' + root->names[i] + '"');
    CHECK(text.substr(root->items[1].items[1].name_offset, 3) == "\"d\"");
    CHECK(root->items[0].items[1].name_offset == 0);
}

TEST_CASE("members whose name stood before are told, each time") {
    const auto repeated = [](std::string_view text) { return json::repeated_members(*json::parse(text)); };
    CHECK(repeated(R"({"a": 1, "b": 2, "a": 3, "c": 4, "a": 5, "b": 6})") == std::vector<std::size_t>{2, 4, 5});
    CHECK(repeated(R"({"a": 1, "A": 2, "a ": 3})").empty());
    CHECK(repeated("{}").empty());
    CHECK(repeated("[1, 1]").empty());
}

TEST_CASE("a problem is one sentence, with its place where it has one") {
    CHECK(json::sentence({"a", 2, "wrong"}, "xyz") == "a at line 1, column 3 (byte 2): wrong");
    CHECK(json::sentence({"a", {}, "wrong"}, "xyz") == "a: wrong");
    CHECK(json::sentence({{}, {}, "wrong"}, "xyz") == "wrong");
}

TEST_CASE("a place counts lines and columns from 1, in bytes") {
    CHECK(json::position("ab\ncd", 0) == "line 1, column 1 (byte 0)");
    CHECK(json::position("ab\ncd", 2) == "line 1, column 3 (byte 2)");
    CHECK(json::position("ab\ncd", 3) == "line 2, column 1 (byte 3)");
    CHECK(json::position("ab\ncd", 5) == "line 2, column 3 (byte 5)");
    CHECK(json::position("\xC3\xA9!", 2) == "line 1, column 3 (byte 2)");
}
