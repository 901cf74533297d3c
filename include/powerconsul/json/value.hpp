#pragma once

#include <algorithm>
#include <utility>

#include <rapidjson/error/error.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/writer.hpp>

namespace powerconsul::inline v0::json {

enum class kind : unsigned char { null, boolean, number, string, array, object };

/// A parsed JSON value that knows where it stood. Members keep their order, and a name that comes twice stays twice:
/// who decodes a document decides what that means.
struct value {
    kind type{kind::null};
    bool boolean{};
    std::size_t offset{};              ///< the byte of the text at which it starts
    std::size_t past{};                ///< the byte behind its last
    std::size_t name_offset{};         ///< where the name of an object's member starts, 0 for all else
    std::string text{};                ///< a string's content in UTF-8, or a number as it was written
    std::vector<std::string> names{};  ///< an object's member names, in step with `items`
    std::vector<value> items{};        ///< an array's elements or an object's member values

    [[nodiscard]] auto is(kind wanted) const -> bool { return type == wanted; }

    /// The first member of that name, or nullptr (also if this is no object).
    [[nodiscard]] auto find(std::string_view name) const -> const value* {
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i] == name) return &items[i];
        }
        return nullptr;
    }

    /// A whole number from 0 to 2^64-1; nothing if this is something else.
    [[nodiscard]] auto as_unsigned() const -> std::optional<std::uint64_t> {
        return type == kind::number ? whole_number(text) : std::nullopt;
    }
};

/// The indexes, ascending, of the members whose name an earlier member has too. O(n log n).
[[nodiscard]] inline auto repeated_members(const value& object) -> std::vector<std::size_t> {
    std::vector<std::pair<std::string_view, std::size_t>> names;
    for (const auto& each : object.names) names.emplace_back(each, names.size());
    algo::sort(names);
    std::vector<std::size_t> repeated;
    for (std::size_t i = 1; i < names.size(); ++i) {
        if (names[i].first == names[i - 1].first) repeated.push_back(names[i].second);
    }
    algo::sort(repeated);
    return repeated;
}

/// How an error message names a kind: "expected a string, found a list".
[[nodiscard]] constexpr auto described(kind type) -> std::string_view {
    constexpr std::string_view names[] = {"null", "true or false", "a number", "a string", "a list", "an object"};
    return names[static_cast<unsigned char>(type)];
}

// --- what is wrong with a text ---

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

// --- reading ---

/// What a text may cost. A value takes about 130 bytes of memory beside its own text.
struct limits {
    std::size_t depth{64};
    std::size_t values{500'000};
};

namespace detail {

using throwing_reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, allocator>;

inline constexpr unsigned reader_flags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;

/// With numbers kept as text the reader calls none of these; its template wants them to exist.
struct no_numbers {
    auto Int(int) -> bool { return false; }
    auto Uint(unsigned) -> bool { return false; }
    auto Int64(std::int64_t) -> bool { return false; }
    auto Uint64(std::uint64_t) -> bool { return false; }
    auto Double(double) -> bool { return false; }
};

/// Builds values from RapidJSON's events. The reader gives an event when it has read a value, so the place where the
/// value starts is found from where the event before it ended. Brackets are different: their events come first.
class builder : public no_numbers {
public:
    builder(std::string_view text, const rapidjson::MemoryStream& stream, const limits& bounds)
        : text_{text}, stream_{&stream}, bounds_{bounds} {}

    auto Null() -> bool { return leaf(kind::null, {}); }
    auto Bool(bool flag) -> bool { return leaf(kind::boolean, {}, flag); }
    auto RawNumber(const char* s, rapidjson::SizeType n, bool) -> bool { return leaf(kind::number, {s, n}); }
    auto String(const char* s, rapidjson::SizeType n, bool) -> bool {
        return sound({s, n}) && leaf(kind::string, {s, n});
    }
    auto StartObject() -> bool { return open(kind::object); }
    auto StartArray() -> bool { return open(kind::array); }
    auto EndObject(rapidjson::SizeType) -> bool { return close(); }
    auto EndArray(rapidjson::SizeType) -> bool { return close(); }
    auto Key(const char* s, rapidjson::SizeType n, bool) -> bool {
        if (!sound({s, n})) return false;
        open_.back().names.emplace_back(s, n);
        name_at_ = start_behind(seen_);
        seen_ = stream_->Tell();
        return true;
    }

    [[nodiscard]] auto complaint() const -> std::string_view { return complaint_; }
    [[nodiscard]] auto take() -> value { return std::move(root_); }

private:
    /// The reader takes the second half of a surrogate pair alone, as `\udc00`.
    auto sound(std::string_view text) -> bool {
        if (!is_utf8(text)) complaint_ = "half of a surrogate pair; write both halves, or the character itself";
        return complaint_.empty();
    }
    [[nodiscard]] auto start_behind(std::size_t at) const -> std::size_t {
        while (at < text_.size() && std::string_view{" \t\r\n,:]}"}.find(text_[at]) != std::string_view::npos) ++at;
        return at;
    }
    auto begin(kind type) -> bool {
        const std::size_t at = start_behind(seen_);
        seen_ = stream_->Tell();
        if (++count_ > bounds_.values) {
            complaint_ = "it has more than the " + std::to_string(bounds_.values) + " values that are taken";
        }
        if (open_.size() >= bounds_.depth) {
            complaint_ = "it is nested more than the " + std::to_string(bounds_.depth) + " deep that are taken";
        }
        if (!complaint_.empty()) return false;
        next_ = value{};
        next_.type = type;
        next_.offset = at;
        next_.past = seen_;
        if (!open_.empty() && open_.back().is(kind::object)) next_.name_offset = name_at_;
        return true;
    }
    auto leaf(kind type, std::string_view text, bool flag = false) -> bool {
        if (!begin(type)) return false;
        next_.text = text;
        next_.boolean = flag;
        put(std::move(next_));
        return true;
    }
    auto open(kind type) -> bool {
        if (!begin(type)) return false;
        seen_ = next_.offset + 1;
        open_.push_back(std::move(next_));
        return true;
    }
    auto close() -> bool {
        value done = std::move(open_.back());
        open_.pop_back();
        seen_ = stream_->Tell();
        done.past = seen_ + 1;  // the reader has not taken the bracket yet
        put(std::move(done));
        return true;
    }
    void put(value&& done) {
        if (open_.empty()) {
            root_ = std::move(done);
        } else {
            open_.back().items.push_back(std::move(done));
        }
    }

    std::string_view text_;
    const rapidjson::MemoryStream* stream_;
    limits bounds_;
    std::vector<value> open_{};
    value next_{};
    value root_{};
    std::size_t seen_{};
    std::size_t name_at_{};
    std::size_t count_{};
    std::string complaint_{};
};

}  // namespace detail

/// `line 2, column 7 (byte 31)`: lines and columns from 1, columns in bytes.
[[nodiscard]] inline auto position(std::string_view text, std::size_t offset) -> std::string {
    const auto [line, column] = position_of(text, offset);
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + " (byte " + std::to_string(offset) +
           ')';
}

/// One thing that is wrong with a text.
struct problem {
    std::string where{};                  ///< the member or the value, empty if `what` is the whole sentence
    std::optional<std::size_t> offset{};  ///< the byte to point at, nothing if it is about the whole text
    std::string what{};
};

inline constexpr std::size_t most_problems = 100;  ///< the most that a reader collects from one text

/// A problem as an error says it: `active_nodes at line 1, column 18 (byte 17): the list is empty; …`.
[[nodiscard]] inline auto sentence(const problem& wrong, std::string_view text) -> std::string {
    if (!wrong.offset) return wrong.where.empty() ? wrong.what : wrong.where + ": " + wrong.what;
    return wrong.where + " at " + position(text, *wrong.offset) + ": " + wrong.what;
}

/// Reads one JSON text (RFC 8259: UTF-8, nothing behind it, no comments), or says what is wrong with it in `wrong`.
/// The parser is iterative: depth costs memory, never stack.
[[nodiscard]] inline auto parse(std::string_view text, problem& wrong, const limits& bounds = {})
    -> std::optional<value> {
    const auto refused = [&](std::size_t at, std::string_view what) -> std::optional<value> {
        wrong = {"not valid JSON", at, std::string{what}};
        return std::nullopt;
    };
    if (text.substr(0, 3) == "\xEF\xBB\xBF") return refused(0, "a byte order mark; save the text as UTF-8 without one");
    rapidjson::MemoryStream stream{text.data(), text.size()};
    detail::builder handler{text, stream, bounds};
    detail::throwing_reader reader;
    const rapidjson::ParseResult outcome = reader.Parse<detail::reader_flags>(stream, handler);
    if (!handler.complaint().empty()) return refused(stream.Tell(), handler.complaint());
    // The reader takes a NUL byte for the end of the text.
    const std::size_t end = outcome.IsError() ? outcome.Offset() : stream.Tell();
    if (end < text.size() && text[end] == '\0') return refused(end, "a NUL byte; remove it");
    if (!outcome.IsError()) return handler.take();
    const auto [offset, what] = explained(outcome.Code(), outcome.Offset(), text);
    return refused(offset, what);
}

/// Reads one JSON text as above. Fails with errc::bad_data and a message that names the place.
[[nodiscard]] inline auto parse(std::string_view text, const limits& bounds = {}) -> result<value> {
    problem wrong;
    auto root = parse(text, wrong, bounds);
    if (!root) return fail(errc::bad_data, sentence(wrong, text));
    return std::move(*root);
}

}  // namespace powerconsul::inline v0::json
