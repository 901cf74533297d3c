#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// How much an event matters, the most first.
enum class event_level : unsigned char { error, warning, info, debug };

[[nodiscard]] constexpr auto to_string(event_level value) -> std::string_view {
    switch (value) {
        case event_level::error: return "error";
        case event_level::warning: return "warning";
        case event_level::debug: return "debug";
        case event_level::info: break;
    }
    return "info";
}

/// The level of that name. Fails with errc::usage.
[[nodiscard]] inline auto parse_event_level(std::string_view text) -> result<event_level> {
    for (const auto level : {event_level::error, event_level::warning, event_level::info, event_level::debug}) {
        if (text == to_string(level)) return level;
    }
    return fail(errc::usage, quoted(text) + " is not a level of the log; expected error, warning, info or debug");
}

/// How a line of the log is written.
enum class log_format : unsigned char { logfmt, json };

[[nodiscard]] constexpr auto to_string(log_format value) -> std::string_view {
    return value == log_format::json ? "json" : "logfmt";
}

/// The format of that name. Fails with errc::usage.
[[nodiscard]] inline auto parse_log_format(std::string_view text) -> result<log_format> {
    if (text == "logfmt") return log_format::logfmt;
    if (text == "json") return log_format::json;
    return fail(errc::usage, quoted(text) + " is not a format of the log; expected logfmt or json");
}

/// Something that happened, for the log. Values may hold any bytes; who writes them makes one line of them. `what` and
/// the names of fields are the program's own literals: they outlive every log.
struct event {
    event_level level{event_level::info};
    std::string_view what{};                                         ///< a few fixed words, as in `trigger ended`
    std::string service{};                                           ///< empty: it is about no service
    std::string state{};                                             ///< `warning`, `critical` or empty
    std::vector<std::pair<std::string_view, std::string>> fields{};  ///< further ones, in this order
};

/// Takes events. It never fails towards its caller: that nobody could write a line changes no outcome.
template <typename T>
concept event_log = requires(T& log, const event& what) {
    { log.write(what) } -> std::same_as<void>;
};

/// For those who want no log.
struct no_event_log {
    void write(const event&) {}
};
static_assert(event_log<no_event_log>);

}  // namespace powerconsul::inline v0
