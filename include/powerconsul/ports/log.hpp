#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>
#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// How much an event matters, the most first.
enum class event_level : unsigned char { error, warning, info, debug };

[[nodiscard]] constexpr auto to_string(event_level value) -> std::string_view {
    return name_among({"error", "warning", "info", "debug"}, value);
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

/// The format of that name. Fails with errc::usage.
[[nodiscard]] inline auto parse_log_format(std::string_view text) -> result<log_format> {
    if (text == "logfmt") return log_format::logfmt;
    if (text == "json") return log_format::json;
    return fail(errc::usage, quoted(text) + " is not a format of the log; expected logfmt or json");
}

enum class log_target_kind : unsigned char { none, standard_error, syslog, file, directory };

/// Where the lines of the log go.
struct log_target {
    log_target_kind kind{log_target_kind::none};
    std::string path{};  ///< absolute; if a directory exists at a file's path, it counts as a directory

    friend auto operator==(const log_target&, const log_target&) -> bool = default;
};

/// `none`, `stderr`, `syslog` or an absolute path, which names a directory if it ends in `/`. Fails with errc::usage.
[[nodiscard]] inline auto parse_log_target(std::string_view text) -> result<log_target> {
    if (text == "none") return log_target{};
    if (text == "stderr") return log_target{log_target_kind::standard_error};
    if (text == "syslog") return log_target{log_target_kind::syslog};
    if (!text.starts_with('/') || text.find('\0') != std::string_view::npos) {
        return fail(errc::usage, quoted(text) +
                                     " is no destination for the log; expected none, stderr, syslog or the absolute "
                                     "path of a file or, with a / at its end, of a directory");
    }
    const bool slash = text.ends_with('/');
    while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
    return log_target{slash ? log_target_kind::directory : log_target_kind::file, std::string{text}};
}

struct log_options {
    log_target target{};
    log_format format{log_format::logfmt};
    event_level most{event_level::info};  ///< the least important level that is still written
    std::string command{};                ///< whose log it is, as `watch`: part of the names below a directory
    std::string file{};  ///< the file for all events below a directory, without `.log`; by service and state if empty
};

/// Something that happened, for the log. Values may hold any bytes; who writes them makes one line of them. `what` and
/// the names of fields are the program's own literals: they outlive every log.
struct event {
    event_level level{event_level::info};
    std::string_view what{};                                         ///< a few fixed words, as in `trigger ended`
    std::string service{};                                           ///< empty if it concerns no service
    std::string state{};                                             ///< a state's or verdict's name, or empty
    std::vector<std::pair<std::string_view, std::string>> fields{};  ///< further ones, in this order
};

/// Takes events. Never reports a failure: a line that cannot be written must not change any outcome.
template <typename T>
concept event_log = requires(T& log, const event& what) {
    { log.write(what) } -> std::same_as<void>;
};

/// Discards every event.
struct no_event_log {
    void write(const event&) {}
};
static_assert(event_log<no_event_log>);

}  // namespace powerconsul::inline v0
