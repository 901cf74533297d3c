#pragma once

#include <optional>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// How an answer of Consul comes about, from the cheapest to the surest: from the agent's own cache, from any server
/// (`?stale`), from the leader, from the leader once most servers have confirmed that it is (`?consistent`).
enum class consistency : unsigned char { cached, stale, leader, consistent };

[[nodiscard]] constexpr auto to_string(consistency value) -> std::string_view {
    constexpr std::string_view names[] = {"agent's cache", "any server", "leader", "leader, confirmed"};
    return names[static_cast<unsigned char>(value)];
}

/// How reads are made. What was read in a cheaper way than `consistent` can only confirm what this node knows already
/// and, if it is not the leader's, only up to an age of `max_stale`. Anything new counts from a leader alone that most
/// servers confirm: one that has just started and been elected answers other reads before it has all its data.
struct read_rules {
    consistency documents{consistency::stale};
    consistency health{consistency::leader};
    milliseconds max_stale{seconds(10)};
    /// Where this node can remember nothing, the cheaper answer counts, too, unless it is that there is no document. A
    /// caller that would change something for it asks again without this.
    bool unconfirmed{};
};

/// How something was read.
struct read_facts {
    std::string target{};                   ///< path and query of the request that was answered
    consistency mode{consistency::leader};  ///< of that request
    std::optional<milliseconds> age{};      ///< how old it may be according to Consul, nothing if Consul does not say
    std::string again{};                    ///< why a cheaper read was not enough, empty if the first read was
    bool open{};                            ///< the agent says that whatever no rule denies is allowed
};

/// Why what was read is older than `longest`, or may be; empty if it is not.
[[nodiscard]] inline auto too_old(const read_facts& how, milliseconds longest) -> std::string {
    if (!how.age) return "the answer does not say how old it is";
    if (*how.age <= longest) return {};
    return "the answer may be " + std::to_string(how.age->count) + " ms old, more than the " +
           std::to_string(longest.count) + " ms that are allowed";
}

}  // namespace powerconsul::inline v0
