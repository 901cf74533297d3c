#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/units.hpp>

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

/// Something that happened, for the log. Values may hold any bytes; who writes them makes one line of them.
struct event {
    event_level level{event_level::info};
    std::string_view what{};  ///< a few fixed words, as in `trigger ended`
    std::string service{};    ///< empty: it is about no service
    std::string state{};      ///< `warning`, `critical` or empty
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
