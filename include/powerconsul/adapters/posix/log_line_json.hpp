#pragma once

#include <cstddef>
#include <string>

#include <powerconsul/adapters/posix/log_line.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/log.hpp>

namespace powerconsul::inline v0::json {

/// An event as one line of JSON without its newline: one object of strings with the members, the order, the limits and
/// the escapes of `logfmt_line`, so that a value is cut at the same byte in both.
[[nodiscard]] inline auto event_line(const event& what, milliseconds wall, std::size_t limit = event_line_limit)
    -> std::string {
    std::string line;
    for (const auto& each : v0::detail::line_members(what, wall, limit)) {
        line.append(line.empty() ? "{\"" : ",\"").append(each.name).append("\":\"").append(each.text).append("\"");
    }
    return line + '}';
}

}  // namespace powerconsul::inline v0::json
