#include <powerconsul/json/value.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/json/value.hpp>

using namespace powerconsul;
using namespace std::string_literals;

TEST_CASE("what is no JSON is said in terms of the text") {
    struct row {
        std::string_view name;
        std::string text;
        std::string_view message;  ///< behind "not valid JSON at line 1, column "
    };
    const row rows[] = {
        {"empty", "", "1 (byte 0): it is empty; expected one value"},
        {"blanks", " ", "2 (byte 1): it is nothing but white space; expected one value"},
        {"a word", "production-web1", "1 (byte 0): expected a value, found \"production-web1\""},
        {"a word that begins well", "[nulx]", "2 (byte 1): expected a value, found \"nulx\""},
        {"a page", "<html>", "1 (byte 0): expected a value, found \"<\""},
        {"a script", "#!/bin/sh", "1 (byte 0): expected a value, found \"#\"; JSON has no comments"},
        {"UTF-16", "\xFF\xFE{\0}\0"s,
         "1 (byte 0): expected a value, found the bytes of UTF-16; save the text as UTF-8"},
        {"a byte that UTF-16 begins with", "\xFF{}", "1 (byte 0): expected a value, found the byte 0xFF"},
        {"a byte order mark within", "[\xEF\xBB\xBF]",
         "2 (byte 1): expected a value, found a byte order mark; save the text as UTF-8 without one"},
        {"a letter", "[\xC3\xA9]", "2 (byte 1): expected a value, found \"\xC3\xA9\""},
        {"no UTF-8", "[\xFF]", "2 (byte 1): expected a value, found the byte 0xFF"},
        {"a control character", "[\x1B]", "2 (byte 1): expected a value, found the byte 0x1B"},
        {"DEL", "[\x7F]", "2 (byte 1): expected a value, found the byte 0x7F"},
        {"a string behind", R"({} "a")", "4 (byte 3): expected nothing behind the value, found a string"},
        {"a comma too many in a list", "[1, ]", "5 (byte 4): expected a value behind the comma, found \"]\""},
        {"a comma too many in an object", R"({"a":1,})",
         "8 (byte 7): expected a name in double quotes behind the comma, found \"}\""},
        {"single quotes", "{'a':1}",
         "2 (byte 1): expected a name in double quotes, found a single quote; JSON has double quotes alone"},
        {"no comma in an object", R"({"a":1 "b":2})", "8 (byte 7): expected \",\" or \"}\", found a string"},
        {"no comma in a list", "[1 2]", "4 (byte 3): expected \",\" or \"]\", found \"2\""},
        {"the wrong bracket", R"({"a":1])", "7 (byte 6): expected \",\" or \"}\", found \"]\""},
        {"an open string", R"(["a)",
         "4 (byte 3): a string does not end; its closing quote is missing, or the text was cut off"},
        {"a newline in a string", "[\"a\nb\"]", "4 (byte 3): the control character 0x0A in a string; write it as \\n"},
        {"a tab", "[\"\t\"]", "3 (byte 2): the control character 0x09 in a string; write it as \\t"},
        {"an escape sequence", "[\"\x1B[0m\"]",
         "3 (byte 2): the control character 0x1B in a string; write it as \\u001B"},
        {"a backslash", R"(["C:\windows"])", "5 (byte 4): \"\\w\" is no escape; write \\\\ for a backslash"},
        {"a bad backslash at the end", "[\"\\", "3 (byte 2): \"\\\" is no escape; write \\\\ for a backslash"},
        {"no digit", R"(["\u12g4"])", "3 (byte 2): expected four hexadecimal digits behind \\u"},
        {"half a pair", R"(["\ud800"])",
         "3 (byte 2): half of a surrogate pair; write both halves, or the character itself"},
        {"latin 1", "[\"m\xFCnchen\"]", "4 (byte 3): the byte 0xFC is no UTF-8; save the text as UTF-8"},
        {"too large a number", "[1e999]", "2 (byte 1): the number is too large; expected less than 1e308"},
        {"no fraction", "[1.]", "4 (byte 3): expected a digit behind the point, found \"]\""},
        {"no exponent", "[1e]", "4 (byte 3): expected a digit in the exponent, found \"]\""},
        {"a leading zero", "[07]", "2 (byte 1): a number that begins with 0; leave the 0 out, or write a string"},
        {"a sign alone", "[-]", "2 (byte 1): expected a value, found \"-\""},
        {"NUL in a word", "[nu\0]"s, "4 (byte 3): a NUL byte; remove it"},
        {"NUL in a string", "[\"\0\"]"s, "3 (byte 2): a NUL byte; remove it"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto parsed = json::parse(each.text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().message == "not valid JSON at line 1, column " + std::string{each.message});
    }
}
