#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <rapidjson/error/error.h>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0::json {

/// Where a text is no JSON, and what was expected there instead of what.
struct parse_error {
    std::size_t offset{};  ///< the byte
    std::string what{};
};

namespace detail {

[[nodiscard]] constexpr auto is_word(char c) -> bool {
    return ascii::is_alphanumeric(c) || std::string_view{"_-+."}.find(c) != std::string_view::npos;
}

/// What stands at a byte: a word, a character, or the end.
[[nodiscard]] inline auto found_at(std::string_view text, std::size_t at) -> std::string {
    if (at >= text.size()) return "the end of the text; it was cut off";
    const std::string_view rest = text.substr(at);
    const std::size_t length = utf8_sequence(rest);
    std::size_t word = 0;
    while (word < rest.size() && is_word(rest[word])) ++word;
    if (word > 0) return quoted(rest.substr(0, word));
    if (rest.starts_with("\xEF\xBB\xBF")) return "a byte order mark; save the text as UTF-8 without one";
    if (at == 0 && (rest.starts_with("\xFF\xFE") || rest.starts_with("\xFE\xFF"))) {
        return "the bytes of UTF-16; save the text as UTF-8";
    }
    switch (rest.front()) {
        case '"': return "a string";
        case '\'': return "a single quote; JSON has double quotes alone";
        case '/':
        case '#': return quoted(rest.substr(0, 1)) + "; JSON has no comments";
        default: break;
    }
    const bool shown = length != 0 && !ascii::is_control(rest.front());
    return shown ? quoted(rest.substr(0, length)) : "the byte 0x" + ascii::hexadecimal_byte(rest.front());
}

[[nodiscard]] inline auto found_in_string(std::string_view text, std::size_t at) -> std::string {
    const std::string_view rest = text.substr(at < text.size() ? at : text.size());
    if (rest.empty()) return "a string does not end; its closing quote is missing, or the text was cut off";
    if (static_cast<unsigned char>(rest.front()) < 0x20) {
        const std::string digits = ascii::hexadecimal_byte(rest.front());
        return "the control character 0x" + digits + " in a string; write it as " +
               (rest.front() == '\n'   ? "\\n"
                : rest.front() == '\t' ? "\\t"
                                       : "\\u00" + digits);
    }
    if (rest.front() == '\\') {
        return quoted(rest.substr(0, 1 + utf8_sequence(rest.substr(1)))) + R"( is no escape; write \\ for a backslash)";
    }
    return "the byte 0x" + ascii::hexadecimal_byte(rest.front()) + " is no UTF-8; save the text as UTF-8";
}

}  // namespace detail

/// RapidJSON's code, and the byte at which it gave up, in words. The text is not to have a NUL byte before it.
[[nodiscard]] inline auto explained(rapidjson::ParseErrorCode code, std::size_t at, std::string_view text)
    -> parse_error {
    // The reader gives up within a word that it does not know, and before or behind a sign.
    if (code == rapidjson::kParseErrorValueInvalid) {
        while (at > 0 && at <= text.size() && detail::is_word(text[at - 1])) --at;
    }
    const char here = at < text.size() ? text[at] : '\0';
    const std::size_t before = text.substr(0, at).find_last_not_of(" \t\r\n");
    const bool behind_comma = before != std::string_view::npos && text[before] == ',';
    const auto expected = [&](const std::string& what) -> parse_error {
        return {at, "expected " + what + ", found " + detail::found_at(text, at)};
    };
    if (at > 0 && text[at - 1] == '0' && ascii::is_digit(here)) {
        return {at - 1, "a number that begins with 0; leave the 0 out, or write a string"};
    }
    switch (code) {
        case rapidjson::kParseErrorDocumentEmpty:
            return {at, std::string{text.empty() ? "it is empty" : "it is nothing but white space"} +
                            "; expected one value"};
        case rapidjson::kParseErrorDocumentRootNotSingular: return expected("nothing behind the value");
        case rapidjson::kParseErrorValueInvalid:
            return expected(behind_comma && (here == ']' || here == '}') ? "a value behind the comma" : "a value");
        case rapidjson::kParseErrorObjectMissName:
            return expected(behind_comma ? "a name in double quotes behind the comma" : "a name in double quotes");
        case rapidjson::kParseErrorObjectMissColon: return expected(R"(":" behind the name)");
        case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket: return expected(R"("," or "}")");
        case rapidjson::kParseErrorArrayMissCommaOrSquareBracket: return expected(R"("," or "]")");
        case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
            return {at, R"(expected four hexadecimal digits behind \u)"};
        case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
            return {at, "half of a surrogate pair; write both halves, or the character itself"};
        case rapidjson::kParseErrorStringEscapeInvalid:
        case rapidjson::kParseErrorStringMissQuotationMark:
        case rapidjson::kParseErrorStringInvalidEncoding: return {at, detail::found_in_string(text, at)};
        case rapidjson::kParseErrorNumberTooBig: return {at, "the number is too large; expected less than 1e308"};
        case rapidjson::kParseErrorNumberMissFraction: return expected("a digit behind the point");
        case rapidjson::kParseErrorNumberMissExponent: return expected("a digit in the exponent");
        case rapidjson::kParseErrorNone:
        case rapidjson::kParseErrorTermination:
        case rapidjson::kParseErrorUnspecificSyntaxError: break;
    }
    return expected("JSON");
}

}  // namespace powerconsul::inline v0::json
