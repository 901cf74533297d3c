#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>

namespace powerconsul::inline v0 {

/// The bytes of the UTF-8 sequence that text starts with: 1 to 4, or 0 if it is not valid UTF-8 (RFC 3629: no
/// overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] constexpr auto utf8_sequence(std::string_view text) -> std::size_t {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.empty()) return 0;
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                               : (first & 0xF0) == 0xE0         ? 3
                               : first >= 0xF0 && first <= 0xF4 ? 4
                                                                : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool outside = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
    return overlong || outside ? 0 : length;
}

[[nodiscard]] constexpr auto is_utf8(std::string_view text) -> bool {
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

/// A place in a text for people: lines and columns from 1, columns in bytes.
struct text_position {
    std::size_t line{1};
    std::size_t column{1};

    friend constexpr auto operator==(const text_position&, const text_position&) -> bool = default;
};

[[nodiscard]] constexpr auto position_of(std::string_view text, std::size_t offset) -> text_position {
    text_position found;
    std::size_t start = 0;
    for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
        if (text[i] != '\n') continue;
        ++found.line;
        start = i + 1;
    }
    found.column = offset - start + 1;
    return found;
}

/// Whether a text begins with a character that is not seen but lets what follows be shown in another order
/// (UAX #9: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), or with one that ends a line (U+2028, U+2029).
[[nodiscard]] constexpr auto hides_order(std::string_view text) -> bool {
    if (text.starts_with("\xD8\x9C")) return true;
    if (!text.starts_with("\xE2\x80") && !text.starts_with("\xE2\x81")) return false;
    const auto last = text.size() < 3 ? 0U : static_cast<unsigned char>(text[2]);
    if (text[1] == '\x81') return last >= 0xA6 && last <= 0xA9;
    return last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE);
}

/// Text for one line of output: control characters (C0, DEL and C1) become spaces, invalid UTF-8 and what hides_order()
/// become U+FFFD, runs of white space become one space, and what is longer than `limit` bytes ends in "..." at a
/// character's border (limit: 3 or more).
[[nodiscard]] inline auto one_line(std::string_view text, std::size_t limit) -> std::string {
    // Fast path: most texts need no change.
    bool plain = text.size() <= limit && !text.ends_with(' ');
    char before = ' ';
    for (std::size_t i = 0; plain && i < text.size(); before = text[i++]) {
        plain = text[i] >= ' ' && text[i] < 0x7F && (text[i] != ' ' || before != ' ');
    }
    if (plain) return std::string{text};
    std::string line;
    while (!text.empty() && line.size() <= limit) {
        const std::size_t length = utf8_sequence(text);
        const auto first = static_cast<unsigned char>(text.front());
        const bool control = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
        if (length == 0 || hides_order(text)) {
            line += "\xEF\xBF\xBD";
        } else if (first <= 0x20 || first == 0x7F || control) {
            if (!line.empty() && line.back() != ' ') line += ' ';
        } else {
            line.append(text.substr(0, length));
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    if (line.size() <= limit) return line;
    line.resize(limit - 3);
    while (!line.empty() && !is_utf8(line)) line.pop_back();
    return line + "...";
}

/// A name as it stands in a message: in double quotes, on one line, at most 80 bytes of it, control characters as `\n`
/// or `\x1B`, blanks at its ends kept. An object and no function, or else a std::string as argument would bring in
/// std::quoted wherever <iomanip> has been included.
inline constexpr auto quoted = [](std::string_view name) -> std::string {
    std::string shown;
    for (const char c : name.substr(0, 100)) {
        if (!ascii::is_control(c)) {
            shown += c;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            shown += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
        } else {
            shown += "\\x" + ascii::hexadecimal_byte(c);
        }
    }
    std::string line = one_line(shown, 80);
    if (shown.starts_with(' ')) line.insert(0, 1, ' ');
    if (shown.ends_with(' ') && shown.size() > 1 && shown.size() < 80) line += ' ';
    return '"' + line + '"';
};

/// Takes the part before the next separator off the front of a text, and the separator with it; all that is left if
/// there is none.
[[nodiscard]] constexpr auto next_part(std::string_view& rest, char separator) -> std::string_view {
    const std::string_view part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
}

/// All parts of a text, one more than it has separators: an empty text has one empty part.
[[nodiscard]] inline auto split(std::string_view text, char separator) -> std::vector<std::string_view> {
    std::vector<std::string_view> parts;
    const auto separators = algo::count(text, separator);
    for (std::ptrdiff_t i = 0; i <= separators; ++i) parts.push_back(next_part(text, separator));
    return parts;
}

/// A text without the blanks at its ends.
[[nodiscard]] constexpr auto trimmed(std::string_view text, std::string_view blanks = " \t\r\n") -> std::string_view {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// What stands behind the last slash of a path.
[[nodiscard]] constexpr auto base_name(std::string_view path) -> std::string_view {
    return path.substr(path.rfind('/') + 1);  // without a slash, npos + 1 is 0
}

/// Is a word one of a list?
template <typename Words = std::initializer_list<std::string_view>>
[[nodiscard]] constexpr auto is_one_of(std::string_view word, const Words& words) -> bool {
    return algo::find(words, word) != std::end(words);
}

/// `one, two and three` with `joint` before the last.
[[nodiscard]] inline auto listed(const std::vector<std::string>& words, std::string_view joint = "and") -> std::string {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i != 0) text += i + 1 == words.size() ? ' ' + std::string{joint} + ' ' : ", ";
        text += words[i];
    }
    return text;
}

/// Percent-encodes all but RFC 3986's unreserved characters, `/` too: for one segment of a path or a query's value.
[[nodiscard]] inline auto percent_encoded(std::string_view text) -> std::string {
    std::string encoded;
    for (const char c : text) {
        const bool unreserved = ascii::is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
        encoded += unreserved ? std::string(1, c) : '%' + ascii::hexadecimal_byte(c);
    }
    return encoded;
}

/// Undoes percent-encoding; nothing if an escape is cut off or is not hexadecimal.
[[nodiscard]] inline auto percent_decoded(std::string_view text) -> std::optional<std::string> {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = ascii::hexadecimal_value(text[++i]);
        const int low = ascii::hexadecimal_value(text[++i]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

inline constexpr std::uint64_t fnv1a_start = 0xcbf29ce484222325U;

/// 64-bit FNV-1a, continued from the sum of the preceding text. Changing any one byte changes the sum; it is no
/// protection against deliberate tampering.
[[nodiscard]] constexpr auto fnv1a(std::string_view text, std::uint64_t sum = fnv1a_start) -> std::uint64_t {
    for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return sum;
}

/// The fewest insertions, deletions and replacements of one byte that turn `from` into `to`.
[[nodiscard]] inline auto edit_distance(std::string_view from, std::string_view to) -> std::size_t {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
        }
    }
    return row[to.size()];
}

/// The known name nearest to a misspelt one, empty if none is within three edits and half of its length. One that is
/// cut short, as `token` for `tokenFile`, counts as one edit if it has four bytes.
template <typename Names>
[[nodiscard]] auto nearest(std::string_view name, const Names& known) -> std::string_view {
    std::string_view best;
    std::size_t least = 4;
    for (const std::string_view candidate : known) {
        const bool cut_short = name.size() >= 4 && candidate.starts_with(name) && candidate != name;
        const std::size_t distance = cut_short ? 1 : edit_distance(name.substr(0, 64), candidate);
        if (distance < least && distance * 2 <= candidate.size()) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

/// The decimal digits that a text starts with, as people and Consul write whole numbers.
struct leading_digits {
    std::uint64_t number{};  ///< UINT64_MAX if the digits exceed it; then `fits` is false
    std::size_t count{};     ///< number of digits, 0 if the text does not start with one
    bool fits{true};
};

[[nodiscard]] constexpr auto read_digits(std::string_view text) -> leading_digits {
    leading_digits read;
    for (; read.count < text.size() && ascii::is_digit(text[read.count]); ++read.count) {
        const auto digit = static_cast<std::uint64_t>(text[read.count] - '0');
        read.fits = read.fits && read.number <= (UINT64_MAX - digit) / 10;
        read.number = read.fits ? read.number * 10 + digit : UINT64_MAX;
    }
    return read;
}

/// A text that is a whole number from 0 to `most`; nothing if it is something else.
template <typename Number = std::uint64_t>
[[nodiscard]] constexpr auto whole_number(std::string_view text,
                                          std::type_identity_t<Number> most = std::numeric_limits<Number>::max())
    -> std::optional<Number> {
    const leading_digits read = read_digits(text);
    if (read.count == 0 || read.count != text.size() || !read.fits || read.number > most) return std::nullopt;
    return static_cast<Number>(read.number);
}

}  // namespace powerconsul::inline v0
