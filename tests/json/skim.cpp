#include <powerconsul/json/skim.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include <powerconsul/json/value.hpp>

using namespace powerconsul;
using namespace std::string_literals;

namespace {

auto skims(std::string_view text) -> bool {
    json::skimmer at{text};
    if (!at.value()) return false;
    at.skip_blanks();
    return at.at_end();
}

struct row {
    std::string_view name;
    std::string text;
    bool json;   ///< parse() takes it
    bool skims;  ///< false: not known
};

}  // namespace

TEST_CASE("what is skimmed is JSON, and most of what is JSON is skimmed") {
    const row rows[] = {
        {"null", "null", true, true},
        {"true", " true\n", true, true},
        {"false", "\tfalse\r", true, true},
        {"zero", "0", true, true},
        {"minus zero", "-0", true, true},
        {"a number", "-9876543210", true, true},
        {"the largest", "18446744073709551615", true, true},
        {"an empty text", R"("")", true, true},
        {"all escapes", R"("\"\\\/\b\f\n\r\t\u00e9\u003C\uffff\ud7ff\uE000")", true, true},
        {"letters of two to four bytes",
         "\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", true, true},
        {"DEL", "\"\x7F\"", true, true},
        {"empty list and object", "[[],{}]", true, true},
        {"blanks everywhere", " [ 1 , { \"a\" : [ ] , \"b\" : { } } , \"c\" ] ", true, true},
        {"a name twice", R"({"a":1,"a":2})", true, true},
        // JSON, but nothing that Consul writes.
        {"a fraction", "1.5", true, false},
        {"an exponent", "[1e5]", true, false},
        {"an exponent in capitals", "[1E5]", true, false},
        {"a pair of surrogates", R"("\ud83d\ude00")", true, false},
        {"a name with an escape", R"({"\u0061":1})", true, false},
        {"many digits", std::string(21, '1'), true, false},
        {"deep", std::string(60, '[') + std::string(60, ']'), true, false},
        // No JSON.
        {"nothing", "", false, false},
        {"blanks", " \n", false, false},
        {"a word", "critical", false, false},
        {"a word cut off", "[nul", false, false},
        {"a word in capitals", "True", false, false},
        {"a word too long", "[nulll]", false, false},
        {"a minus alone", "-", false, false},
        {"a minus twice", "--1", false, false},
        {"a zero before", "01", false, false},
        {"a zero before, negative", "-01", false, false},
        {"a plus", "+1", false, false},
        {"a fraction without digits", "1.", false, false},
        {"a fraction alone", ".5", false, false},
        {"infinity", "-Infinity", false, false},
        {"no number", "NaN", false, false},
        {"hexadecimal", "0x1", false, false},
        {"an open text", R"("abc)", false, false},
        {"an open escape", R"("abc\)", false, false},
        {"a quote that is escaped", R"("abc\")", false, false},
        {"an escape that is none", R"("\a")", false, false},
        {"an escaped NUL byte", "\"\\\0\""s, false, false},
        {"an escape cut off", R"("\u12)", false, false},
        {"three digits", R"("\u123")", false, false},
        {"no digits", R"("\u00g0")", false, false},
        {"half a pair", R"("\ud800")", false, false},
        {"the other half", R"("\udc00")", false, false},
        {"halves the wrong way round", R"("\udc00\ud800")", false, false},
        {"a newline", "\"a\nb\"", false, false},
        {"a control character", "\"\x1F\"", false, false},
        {"a NUL byte", "\"\0\""s, false, false},
        {"a NUL byte between", "[\0]"s, false, false},
        {"a NUL byte behind", "[]\0"s, false, false},
        {"a byte too many", "\"\x80\"", false, false},
        {"a letter cut off", "\"\xC3\"", false, false},
        {"a letter cut off by the end", "\"\xE2\x82", false, false},
        {"overlong", "\"\xC0\xAF\"", false, false},
        {"overlong in three", "\"\xE0\x9F\xBF\"", false, false},
        {"a surrogate", "\"\xED\xA0\x80\"", false, false},
        {"beyond the last letter", "\"\xF4\x90\x80\x80\"", false, false},
        {"FE", "\"\xFE\"", false, false},
        {"a comma behind", "[1,]", false, false},
        {"a comma before", "[,1]", false, false},
        {"a comma behind a member", R"({"a":1,})", false, false},
        {"no comma", "[1 2]", false, false},
        {"no colon", R"({"a" 1})", false, false},
        {"no value", R"({"a":})", false, false},
        {"no name", R"({1:2})", false, false},
        {"an open list", "[1", false, false},
        {"an open object", R"({"a":1)", false, false},
        {"the wrong bracket", "[1}", false, false},
        {"two values", "1 2", false, false},
        {"a comment", "[] // all", false, false},
        {"single quotes", "['a']", false, false},
        {"a byte order mark", "\xEF\xBB\xBF[]", false, false},
        {"another blank", "[\v]", false, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(json::parse(each.text).has_value() == each.json);
        CHECK(skims(each.text) == each.skims);
        // Wherever it stands in a word of eight bytes, and whatever is beside it.
        for (std::size_t shift = 1; shift <= 9; ++shift) {
            CAPTURE(shift);
            const std::string text = "[\"" + std::string(shift, 'x') + "\", " + each.text + " , \"yyyyyyyyyyyyyyyy\"]";
            const bool taken = skims(text);
            CHECK((!taken || json::parse(text)));
            if (each.json && each.skims) CHECK(taken);
        }
    }
}

TEST_CASE("of every byte in every place: nothing is skimmed that is no JSON") {
    const std::string text = "[{\"a\":[-10,true,null],\"bcdefgh\":\"\xC3\xA9 \\n\\u00e9 \xF0\x9F\x98\x80 x\"} ,false]";
    REQUIRE(json::parse(text));
    REQUIRE(skims(text));
    std::size_t taken = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            std::string changed = text;
            changed[at] = static_cast<char>(byte);
            if (!skims(changed)) continue;
            ++taken;
            CAPTURE(changed);
            REQUIRE(json::parse(changed));
        }
        CHECK_FALSE(skims(std::string_view{text}.substr(0, at)));
    }
    CHECK(taken > 1000);
}

TEST_CASE("members and elements come one by one, with their places") {
    constexpr std::string_view text = R"( [ {"a": 1, "b": "x\ny", "c": {"d": []}} , {} ] )";
    json::skimmer at{text};
    std::string seen;
    const bool whole = at.elements([&] {
        return at.members([&](std::string_view name) {
            at.skip_blanks();
            const std::size_t begin = at.tell();
            if (!at.value()) return false;
            seen += std::string{name} + '=' + std::string{text.substr(begin, at.tell() - begin)} + ';';
            return true;
        });
    });
    CHECK(whole);
    CHECK_FALSE(at.at_end());
    at.skip_blanks();
    CHECK(at.at_end());
    CHECK(seen == R"(a=1;b="x\ny";c={"d": []};)");

    json::skimmer from{text, 1};
    CHECK(from.tell() == 1);
    CHECK_FALSE(from.members([](std::string_view) { return true; }));
    std::string_view content;
    json::skimmer plain{R"( "abc" "d\n")"};
    CHECK(plain.plain_string(content));
    CHECK(content == "abc");
    CHECK_FALSE(plain.plain_string(content));
    json::skimmer stopped{"[1, 2]"};
    CHECK_FALSE(stopped.elements([] { return false; }));
}
