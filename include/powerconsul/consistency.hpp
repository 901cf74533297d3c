#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/units.hpp>

namespace powerconsul::inline v0 {

/// How an answer of Consul comes about, from the cheapest to the surest: from the agent's own cache, from any server
/// (`?stale`), from the leader, from the leader once most servers have confirmed that it is (`?consistent`).
enum class consistency : unsigned char { cached, stale, leader, consistent };

[[nodiscard]] constexpr auto to_string(consistency value) -> std::string_view {
    switch (value) {
        case consistency::cached: return "agent's cache";
        case consistency::stale: return "any server";
        case consistency::consistent: return "leader, confirmed";
        case consistency::leader: break;
    }
    return "leader";
}

/// How reads are made. What was read in a cheaper way must not be older than `max_stale`; else it is read again from
/// the leader.
struct read_rules {
    consistency documents{consistency::stale};
    consistency health{consistency::leader};
    milliseconds max_stale{seconds(10)};
};

/// How something was read.
struct read_facts {
    std::string target{};                   ///< path and query of the request that was answered
    consistency mode{consistency::leader};  ///< of that request
    std::optional<milliseconds> age{};      ///< how old it may be, by Consul's own word; nothing: it said none
    std::string again{};                    ///< why a cheaper read did not do; empty: the first one did
};

}  // namespace powerconsul::inline v0
