#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/process_mark.hpp>

namespace powerconsul::inline v0 {

/// The states that a watch can be for.
enum class bad_state : unsigned char { warning, critical };

[[nodiscard]] constexpr auto to_string(bad_state value) -> std::string_view {
    return value == bad_state::warning ? "warning" : "critical";
}

/// What came of an attempt. Until a later snapshot has shown whether it healed, one that ran is `ended`; one of which
/// nothing was recorded but its beginning is `unfinished`: it still runs, or whoever ran it is dead.
enum class healing : unsigned char { unfinished, ended, healed, not_healed, failed_to_run, timed_out };

[[nodiscard]] constexpr auto to_string(healing value) -> std::string_view {
    switch (value) {
        case healing::ended: return "ended";
        case healing::healed: return "healed";
        case healing::not_healed: return "not healed";
        case healing::failed_to_run: return "failed to run";
        case healing::timed_out: return "timed out";
        case healing::unfinished: break;
    }
    return "unfinished";
}

/// The last attempt of an incident. Times are wall clock.
struct attempt {
    milliseconds began{};
    milliseconds may_run{};  ///< for how long, its time-out and grace together
    milliseconds ended{};    ///< 0 while unfinished
    process_mark process{};
    std::string key{};  ///< the trigger's key
    healing result{healing::unfinished};
    int status{-1};        ///< exit status; -1: none
    int signal{};          ///< that ended it; 0: none
    std::string output{};  ///< its last lines, or why it failed to run

    friend auto operator==(const attempt&, const attempt&) -> bool = default;
};

/// One stay of one check in a bad state.
struct incident {
    std::string id{};
    bad_state state{bad_state::critical};
    std::string node{};
    std::string service_id{};
    std::string check_id{};
    std::uint64_t create_index{};  ///< of the check in Consul's catalog, 0: not known
    std::uint64_t modify_index{};
    milliseconds opened{};
    milliseconds closed{};     ///< 0 while it is open
    bool silent{};             ///< it closed because the agent called the check passing, without any output of it
    bool missed{};             ///< a snapshot lacked it although the agent still had it in that state
    std::uint32_t attempts{};  ///< so far
    bool given_up{};
    attempt last{};         ///< if attempts is not 0
    milliseconds looked{};  ///< when its trigger was last looked for in vain
    std::string held{};     ///< why that was; empty: it was not
    [[nodiscard]] auto is_open() const -> bool { return closed.count == 0; }

    friend auto operator==(const incident&, const incident&) -> bool = default;
};

/// The incidents of one service on this node, the oldest first.
struct journal {
    std::string service{};
    std::vector<incident> incidents{};

    friend auto operator==(const journal&, const journal&) -> bool = default;
};

/// What the local agent says of a check right now.
enum class standing : unsigned char {
    not_known,  ///< it has no such check
    in_state,   ///< it is in the watched state
    passing,    ///< it is passing
    silent,     ///< it is passing without output, as a check is that has not run yet since its agent started
    elsewhere,  ///< it is in another state
    unproven    ///< it has never run, or its own output says that its state is unknown
};

/// What is known of one check of the service: a snapshot's entry, the agent's word, or both.
struct check_facts {
    std::string node{};
    std::string service_id{};
    std::string check_id{};
    bool listed{};    ///< the snapshot has it
    bool unproven{};  ///< the snapshot's own output says that its state is unknown
    std::uint64_t create_index{};
    std::uint64_t modify_index{};
    standing now{standing::not_known};
};

/// When to try again, and how often.
struct retry_rules {
    milliseconds backoff{seconds(10)};       ///< after the first attempt; doubled after each further one
    milliseconds longest{seconds(15 * 60)};  ///< but at most this
    std::uint32_t attempts{5};               ///< in one incident; then it is given up
};

/// The wait after attempt number `attempts` (1 or more).
[[nodiscard]] constexpr auto backoff_after(std::uint32_t attempts, const retry_rules& rules) -> milliseconds {
    milliseconds wait = shorter(rules.backoff, rules.longest);
    for (std::uint32_t i = 1; i < attempts && wait < rules.longest; ++i) {
        wait = shorter({wait.count * 2}, rules.longest);
    }
    return wait;
}

/// When an open incident may be acted on again; nothing if never (given up).
[[nodiscard]] inline auto next_attempt(const incident& one, const retry_rules& rules) -> std::optional<milliseconds> {
    if (one.given_up || !one.is_open()) return std::nullopt;
    milliseconds at = one.opened;
    if (one.attempts != 0) {
        const bool open_ended = one.last.result == healing::unfinished;
        at = (open_ended ? one.last.began : one.last.ended) + backoff_after(one.attempts, rules);
    }
    if (!one.held.empty() && at < one.looked + rules.backoff) at = one.looked + rules.backoff;
    return at;
}

}  // namespace powerconsul::inline v0
