#pragma once

#include <powerconsul/decision/terms.hpp>
#include <powerconsul/ports/supervisor.hpp>

namespace powerconsul::inline v0 {

/// The states that a watch can be for.
enum class bad_state : unsigned char { warning, critical };

[[nodiscard]] constexpr auto to_string(bad_state value) -> std::string_view {
    return value == bad_state::warning ? "warning" : "critical";
}

/// The outcome of an attempt. One that ran is `ended` until a later snapshot shows whether it healed. One of which only
/// the beginning is recorded is `unfinished`: it still runs, or its runner is dead.
enum class healing : unsigned char { unfinished, ended, healed, not_healed, failed_to_run, timed_out };

[[nodiscard]] constexpr auto to_string(healing value) -> std::string_view {
    return name_among({"unfinished", "ended", "healed", "not healed", "failed to run", "timed out"}, value);
}

/// The last attempt of an incident. Times are wall clock.
struct attempt {
    milliseconds began{};
    milliseconds may_run{};  ///< the longest it may take, its timeout plus its grace
    milliseconds ended{};    ///< 0 while unfinished
    process_mark process{};
    std::string key{};  ///< the trigger's key
    healing result{healing::unfinished};
    int status{-1};        ///< exit status; -1 if there is none
    int signal{};          ///< the signal that ended it; 0 if none did
    std::string output{};  ///< the last lines of its output, or why it failed to run

    friend auto operator==(const attempt&, const attempt&) -> bool = default;
};

/// One period that one check spends in a bad state. Times are wall clock.
struct incident {
    std::string id{};
    bad_state state{bad_state::critical};
    std::string node{};
    std::string service_id{};
    std::string check_id{};
    std::uint64_t create_index{};  ///< of the check in Consul's catalog; 0 if not known
    std::uint64_t modify_index{};
    milliseconds opened{};
    milliseconds closed{};     ///< 0 while it is open
    bool silent{};             ///< it closed because the agent called the check passing, but without output
    bool missed{};             ///< a snapshot lacked the check although the agent still had it in this state
    std::uint32_t attempts{};  ///< since it opened or was acknowledged
    bool given_up{};
    attempt last{};         ///< meaningful only if attempts is not 0
    milliseconds looked{};  ///< when an attempt was last held; 0 if none was since the last attempt
    std::string held{};     ///< why the trigger was not run; empty if it was
    [[nodiscard]] auto is_open() const -> bool { return closed.count == 0; }

    friend auto operator==(const incident&, const incident&) -> bool = default;
};

/// The incidents of one service on this node, the oldest first.
struct journal {
    std::string service{};
    std::vector<incident> incidents{};

    friend auto operator==(const journal&, const journal&) -> bool = default;
};

/// What the local agent says of a check now.
enum class standing : unsigned char {
    not_known,  ///< the agent has no such check
    in_state,   ///< in the watched state
    passing,    ///< with output
    silent,     ///< passing without output, like a check that has not run since its agent started
    elsewhere,  ///< in another state
    unproven    ///< never run, or its own output says that its state is unknown or that there is nothing to heal
};

/// What is known of one check of the service: a snapshot's entry, the agent's answer, or both.
struct check_facts {
    std::string node{};
    std::string service_id{};
    std::string check_id{};
    bool listed{};    ///< the snapshot has it
    bool unproven{};  ///< the snapshot's own output says that its state is unknown, or that there is nothing to heal
    std::uint64_t create_index{};
    std::uint64_t modify_index{};
    standing now{standing::not_known};
};

struct retry_rules {
    milliseconds backoff{seconds(10)};       ///< after the first attempt; doubled after each further one
    milliseconds longest{seconds(15 * 60)};  ///< limit of the doubling
    std::uint32_t attempts{5};               ///< after which an incident is given up
};

/// The wait after attempt number `attempts` (1 or more).
[[nodiscard]] constexpr auto backoff_after(std::uint32_t attempts, const retry_rules& rules) -> milliseconds {
    milliseconds wait = shorter(rules.backoff, rules.longest);
    for (std::uint32_t i = 1; i < attempts && wait < rules.longest; ++i) {
        wait = shorter({wait.count * 2}, rules.longest);
    }
    return wait;
}

/// The wall-clock time from which an incident may be acted on again; nothing if it is closed or given up.
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
