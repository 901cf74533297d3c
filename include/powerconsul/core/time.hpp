#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <ctime>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// A length of time or, where a function says so, a point on a clock. A type of our own because <chrono> costs every
/// translation unit 225 ms, and because the core needs nothing but whole milliseconds.
struct milliseconds {
    std::int64_t count{};

    friend constexpr auto operator<=>(const milliseconds&, const milliseconds&) = default;
    friend constexpr auto operator+(milliseconds a, milliseconds b) -> milliseconds { return {a.count + b.count}; }
    friend constexpr auto operator-(milliseconds a, milliseconds b) -> milliseconds { return {a.count - b.count}; }
};

[[nodiscard]] constexpr auto seconds(std::int64_t count) -> milliseconds {
    return {count * 1000};
}

[[nodiscard]] constexpr auto shorter(milliseconds a, milliseconds b) -> milliseconds {
    return a < b ? a : b;
}

/// `20 s`, or `1500 ms` where seconds would not be exact.
[[nodiscard]] inline auto to_string(milliseconds time) -> std::string {
    return time.count % 1000 == 0 ? std::to_string(time.count / 1000) + " s" : std::to_string(time.count) + " ms";
}

/// A length of time as people write it: a whole number and `ms`, `s`, `m`, `h` or `d`; without a unit it is seconds.
/// Fails with errc::usage, also for more than `days`.
[[nodiscard]] inline auto parse_long_duration(std::string_view text, std::int64_t days) -> result<milliseconds> {
    const leading_digits read = read_digits(text);
    const std::string_view unit = text.substr(read.count);
    constexpr std::int64_t day = 86'400'000;
    const std::int64_t factor = unit == "ms"                  ? 1
                                : unit == "s" || unit.empty() ? 1000
                                : unit == "m"                 ? 60'000
                                : unit == "h"                 ? 3'600'000
                                : unit == "d"                 ? day
                                                              : 0;
    if (read.count == 0 || read.number > INT64_MAX || factor == 0) {
        return fail(errc::usage,
                    quoted(text) + " is not a length of time; expected a number and ms, s, m, h or d, as in 8s");
    }
    const auto count = static_cast<std::int64_t>(read.number);
    if (count > days * day / factor) {
        return fail(errc::usage, quoted(text) + " is longer than the " + std::to_string(days) + "d that may be given");
    }
    return milliseconds{count * factor};
}

/// Like parse_long_duration(), but at most one day: for a time that somebody waits.
[[nodiscard]] inline auto parse_duration(std::string_view text) -> result<milliseconds> {
    return parse_long_duration(text, 1);
}

/// Like parse_duration(), but zero is refused as well. Fails with errc::usage.
[[nodiscard]] inline auto parse_positive_duration(std::string_view text) -> result<milliseconds> {
    auto read = parse_duration(text);
    if (read && read->count == 0) return fail(errc::usage, quoted(text) + " is no time at all; expected more than 0");
    return read;
}

/// A duration as Go writes it, and so Consul: `10s`, `1m30s`, `500ms`. Nothing if it is something else, or more than
/// the 292 years that Go's type holds.
[[nodiscard]] constexpr auto parse_go_duration(std::string_view text) -> std::optional<milliseconds> {
    constexpr std::pair<std::string_view, std::int64_t> units[] = {
        {"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
    std::int64_t total = 0;
    do {
        const leading_digits whole = read_digits(text);
        if (whole.count == 0 || whole.count > 10) return std::nullopt;
        text.remove_prefix(whole.count);
        // Fractions of a second do not matter here.
        if (text.starts_with('.')) text.remove_prefix(1 + read_digits(text.substr(1)).count);
        const auto* const unit = algo::find_if(units, [&](const auto& each) { return text.starts_with(each.first); });
        if (unit == std::end(units)) return std::nullopt;
        text.remove_prefix(unit->first.size());
        total += static_cast<std::int64_t>(whole.number) * unit->second;
        if (total > INT64_MAX / 1'000'000) return std::nullopt;
    } while (!text.empty());
    return milliseconds{total};
}

inline constexpr milliseconds last_time{253'402'300'799'999};  ///< 9999-12-31T23:59:59.999Z on a wall clock

/// A wall clock's time as RFC 3339 writes it, `2024-02-29T12:00:00.000Z`. What is outside of the years 1970 to 9999
/// becomes the nearest time that is not.
[[nodiscard]] inline auto utc_time(milliseconds wall) -> std::string {
    const std::int64_t time = std::clamp<std::int64_t>(wall.count, 0, last_time.count);
    const auto whole = static_cast<std::time_t>(time / 1000);
    std::tm parts{};
    std::array<char, 32> text{};
    static_cast<void>(::gmtime_r(&whole, &parts));  // fails only beyond the range of a year
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string rest = std::to_string(time % 1000);
    return std::string{text.data(), size} + '.' + std::string(3 - rest.size(), '0') + rest + 'Z';
}

/// A wall clock's time as utc_time() and `date -Is` write it, with its offset: `2024-02-29T13:00:00+01:00` or
/// `2024-02-29 12:00Z`. The seconds may be left out, and may have a fraction, behind a dot or a comma. Nothing for any
/// other text, for a day that no calendar has, and for a year outside of 1970 to 9999.
[[nodiscard]] inline auto parse_time(std::string_view text) -> std::optional<milliseconds> {
    bool sound = true;
    const auto take = [&](std::string_view one_of) {
        const char c = text.empty() || one_of.find(text.front()) == std::string_view::npos ? '\0' : text.front();
        sound = sound && c != '\0';
        text.remove_prefix(c == '\0' ? 0 : 1);
        return c;
    };
    const auto number = [&](std::size_t digits, std::uint64_t most) {
        const auto read = whole_number(text.substr(0, digits), most);
        sound = sound && read && text.size() >= digits;
        text.remove_prefix(std::min(digits, text.size()));
        return static_cast<int>(read.value_or(0));
    };
    std::tm parts{};
    parts.tm_year = number(4, 9999) - 1900;
    take("-");
    parts.tm_mon = number(2, 12) - 1;
    take("-");
    parts.tm_mday = number(2, 31);
    take("T ");
    parts.tm_hour = number(2, 23);
    take(":");
    parts.tm_min = number(2, 59);
    std::int64_t fraction = 0;
    if (text.starts_with(':')) {
        take(":");
        parts.tm_sec = number(2, 59);
        if (text.starts_with('.') || text.starts_with(',')) {
            take(".,");
            const std::size_t digits = read_digits(text).count;
            sound = sound && digits != 0;
            for (std::size_t i = 0; i < 3; ++i) fraction = fraction * 10 + (i < digits ? text[i] - '0' : 0);
            text.remove_prefix(digits);
        }
    }
    const char sign = take("Z+-");
    std::int64_t offset = 0;
    if (sign == '+' || sign == '-') {
        offset = std::int64_t{number(2, 23)} * 3600;
        if (text.starts_with(':')) take(":");
        offset += std::int64_t{number(2, 59)} * 60;
    }
    const std::tm wanted = parts;
    const std::int64_t local = ::timegm(&parts);  // turns 30 February into a day of March
    const milliseconds time{(local - (sign == '-' ? -offset : offset)) * 1000 + fraction};
    const bool exists = parts.tm_mday == wanted.tm_mday && parts.tm_mon == wanted.tm_mon;
    if (!sound || !text.empty() || !exists || time.count < 0 || time.count > last_time.count) return std::nullopt;
    return time;
}

}  // namespace powerconsul::inline v0
