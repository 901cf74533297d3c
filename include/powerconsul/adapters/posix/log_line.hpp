#pragma once

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/log.hpp>

namespace powerconsul::inline v0 {

/// The most bytes of an event's line; with its newline it has 8 KiB.
inline constexpr std::size_t event_line_limit = 8 * 1024 - 1;
/// The least limit that may be asked for. With its newline such a line fits into one atomic write to a pipe.
inline constexpr std::size_t least_event_line_limit = 4 * 1024 - 1;

namespace detail {

[[nodiscard]] constexpr auto code_point(std::string_view sequence) -> std::uint32_t {
    const std::uint32_t first = static_cast<unsigned char>(sequence.front());
    std::uint32_t point = sequence.size() == 1 ? first : first & (0xFFU >> (sequence.size() + 1));
    for (const char c : sequence.substr(1)) point = (point << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
    return point;
}

/// Characters that end a line, control a terminal or change the direction of text: in a log they could hide or imitate
/// lines.
[[nodiscard]] constexpr auto misleading(std::uint32_t point) -> bool {
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

/// Escapes a text as in a JSON string, without its quotes; logfmt's readers understand that as well. A result of more
/// than `limit` bytes (3 or more) is cut between characters and ends in "...".
[[nodiscard]] inline auto escaped(std::string_view text, std::size_t limit) -> std::string {
    std::string line;
    std::size_t fits = 0;
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        const std::string_view piece = text.substr(0, length == 0 ? 1 : length);
        const std::uint32_t point = length == 0 ? 0xFFFD : code_point(piece);
        if (line.size() + 3 <= limit) fits = line.size();
        if (point == '"' || point == '\\') {
            line.append("\\").append(piece);
        } else if (point == '\n' || point == '\t' || point == '\r') {
            line += point == '\n' ? "\\n" : point == '\t' ? "\\t" : "\\r";
        } else if (misleading(point)) {
            line += "\\u" + ascii::hexadecimal(point, 4);
        } else {
            line += length == 0 ? std::string_view{"\xEF\xBF\xBD"} : piece;
        }
        if (line.size() > limit) {
            line.resize(fits);
            return line + "...";
        }
        text.remove_prefix(piece.size());
    }
    return line;
}

[[nodiscard]] constexpr auto needs_no_quotes(char c) -> bool {
    return c > ' ' && c <= '~' && c != '"' && c != '=' && c != '\\';
}

/// A name that needs no quotes, at most 48 bytes.
[[nodiscard]] inline auto member_name(std::string_view name) -> std::string {
    std::string kept{name.substr(0, 48)};
    std::ranges::replace_if(
        kept, [](char c) { return !needs_no_quotes(c); }, '_');
    return kept.empty() ? "_" : kept;
}

struct line_member {
    std::string name{};
    std::string text{};         ///< escaped
    std::string_view source{};  ///< what `text` was escaped from; empty if it is never cut
};

/// The members of an event's line in order. If the line would not fit in either format, the longest values are
/// shortened, so that a trigger's output costs the line neither its incident nor its exit status. At most 32 fields are
/// kept: `least_event_line_limit` then leaves more than 48 bytes to each value.
[[nodiscard]] inline auto line_members(const event& what, milliseconds wall, std::size_t limit)
    -> std::vector<line_member> {
    std::vector<line_member> members{{"time", utc_time(wall), {}}, {"level", std::string{to_string(what.level)}, {}}};
    const auto add = [&](std::string_view name, std::string_view value) {
        members.push_back({member_name(name), escaped(value, limit), value});
    };
    add("event", what.what);
    if (!what.service.empty()) add("service", what.service);
    if (!what.state.empty()) add("state", what.state);
    constexpr std::size_t most_fields = 32;
    for (std::size_t i = 0; i < what.fields.size() && i < most_fields; ++i) {
        add(what.fields[i].first, what.fields[i].second);
    }

    std::size_t names = 1;  // what JSON needs beside the values: ,"name":"" each, the first without a comma, and {}
    for (const auto& each : members) names += each.name.size() + 6;
    const auto fit = [&](std::size_t longest) {
        std::size_t size = names;
        for (const auto& each : members) size += std::min(each.text.size(), longest);
        return size <= limit;
    };
    std::size_t longest = limit;
    while (longest > 0 && !fit(longest)) --longest;
    for (auto& each : members) {
        if (each.text.size() > longest) each.text = escaped(each.source, longest);
    }
    return members;
}

}  // namespace detail

/// An event as one line of logfmt without its newline, of at most `limit` bytes:
///
///     time=2024-02-29T12:00:00.000Z level=info event="trigger ended" service=web state=critical attempt=1
///
/// A value is in double quotes unless it is printable ASCII without blank, quote, backslash and `=`; inside them, as in
/// JSON, there are \" \\ \n \t \r and \u001b. Bytes that are not UTF-8 become U+FFFD. Values that are too long end in
/// "...". Only the first 32 fields of an event are written.
[[nodiscard]] inline auto logfmt_line(const event& what, milliseconds wall, std::size_t limit = event_line_limit)
    -> std::string {
    std::string line;
    for (const auto& each : detail::line_members(what, wall, limit)) {
        const bool plain = !each.text.empty() && algo::all_of(each.text, detail::needs_no_quotes);
        if (!line.empty()) line += ' ';
        line.append(each.name).append(plain ? "=" : "=\"").append(each.text).append(plain ? "" : "\"");
    }
    return line;
}

/// An event as one line of JSON without its newline: one object of strings with the members, the order, the limits and
/// the escapes of `logfmt_line`, so that a value is cut at the same byte in both.
[[nodiscard]] inline auto json_line(const event& what, milliseconds wall, std::size_t limit = event_line_limit)
    -> std::string {
    std::string line;
    for (const auto& each : detail::line_members(what, wall, limit)) {
        line.append(line.empty() ? "{\"" : ",\"").append(each.name).append("\":\"").append(each.text).append("\"");
    }
    return line + '}';
}

}  // namespace powerconsul::inline v0
