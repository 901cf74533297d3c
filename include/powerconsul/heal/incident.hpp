#pragma once

#include <powerconsul/decision/terms.hpp>
#include <powerconsul/ports/supervisor.hpp>

namespace powerconsul::inline v0 {

/// The states that a watch can be for.
enum class bad_state : unsigned char { warning, critical };

[[nodiscard]] constexpr auto to_string(bad_state value) -> std::string_view {
    return value == bad_state::warning ? "warning" : "critical";
}

/// The outcome of an attempt. One that ran is `ended` until a look that is younger shows whether it healed.
enum class healing : unsigned char { unfinished, ended, healed, not_healed, failed_to_run, timed_out };

[[nodiscard]] constexpr auto to_string(healing value) -> std::string_view {
    return name_among({"unfinished", "ended", "healed", "not healed", "failed to run", "timed out"}, value);
}

/// One run of a trigger. Times are wall clock.
struct attempt {
    milliseconds began{};
    milliseconds may_run{};  ///< the longest it may take, its timeout plus its grace
    milliseconds ended{};    ///< 0 while it runs; when that was noticed, if whoever ran it had died
    milliseconds settle{};   ///< how long after its end nothing acts on the service
    milliseconds settled{};  ///< when it was known whether it had healed; 0 until then
    process_mark process{};
    std::string incident{};   ///< its id
    std::string key{};        ///< the trigger's key
    std::uint32_t number{1};  ///< in the row of its ledger
    bool informs{};           ///< it ran for information, and says nothing about the service
    bool stops{};             ///< the role expected the service to be stopped
    healing result{healing::unfinished};
    int status{-1};        ///< exit status; -1 if there is none
    int signal{};          ///< the signal that ended it; 0 if none did
    std::string output{};  ///< the last lines of its output, or why it failed to run

    friend auto operator==(const attempt&, const attempt&) -> bool = default;
};

/// What has been tried for one service by one trigger, since the service was last well for a while. It outlives
/// incidents, checks and the agent.
struct ledger {
    std::string key{};             ///< the trigger's key
    std::uint32_t attempts{};      ///< in a row
    bool given_up{};               ///< no attempt is left
    milliseconds backoff{};        ///< after the first attempt
    milliseconds ended{};          ///< when the last one ended, or began while it runs
    std::uint64_t modify_index{};  ///< of the trigger's key in Consul when it last ran

    friend auto operator==(const ledger&, const ledger&) -> bool = default;
};

/// A check that is or was in an incident.
struct incident_check {
    std::string service_id{};
    std::string check_id{};
    bool bad{};                    ///< it was in the state at the last look
    milliseconds changed{};        ///< when its status or output was first seen as it is
    std::uint64_t face{};          ///< digest of its status and output
    std::uint64_t modify_index{};  ///< in Consul's catalog; 0 if not known

    friend auto operator==(const incident_check&, const incident_check&) -> bool = default;
};

/// How an incident ended.
enum class closing : unsigned char {
    open,    ///< it did not
    healed,  ///< the service is well after an attempt
    over,    ///< it is well without one
    gone,    ///< Consul has the checks no more
    left     ///< the checks are in another bad state
};

[[nodiscard]] constexpr auto to_string(closing value) -> std::string_view {
    return name_among({"open", "healed", "over", "gone", "left"}, value);
}

/// A trigger that is to run once and for information, when an incident has ended or was given up.
enum class notice : unsigned char { none, passing, given_up };

[[nodiscard]] constexpr auto to_string(notice value) -> std::string_view {
    return name_among({"none", "passing", "given-up"}, value);
}

/// One stay of one service in a bad state: from the first of its checks that comes into it until none is in it any
/// more. Times are wall clock.
struct incident {
    std::string id{};
    bad_state state{bad_state::critical};
    std::string node{};
    milliseconds opened{};
    milliseconds closed{};  ///< 0 while it is open
    closing how{closing::open};
    std::vector<incident_check> checks{};  ///< at most most_checks
    std::uint64_t further_checks{};        ///< others that were in the state at the last look that saw any there
    std::uint32_t attempts{};              ///< since it opened
    bool given_up{};                       ///< the trigger that would run now has no attempt left
    notice owed{notice::none};             ///< what is still to run
    milliseconds looked{};                 ///< when an attempt was last held; 0 if none was since the last attempt
    std::string held{};                    ///< why the trigger was not run; empty if it was
    std::string key{};  ///< of the trigger that was last found, or the last place that was looked at in vain

    [[nodiscard]] auto is_open() const -> bool { return closed.count == 0; }

    friend auto operator==(const incident&, const incident&) -> bool = default;
};

/// A check without output, as it is while it has not run since its agent started, and since when.
struct silent_check {
    std::string check_id{};
    milliseconds since{};

    friend auto operator==(const silent_check&, const silent_check&) -> bool = default;
};

inline constexpr std::size_t most_checks = 16;    ///< checks of one incident that are kept by name
inline constexpr std::size_t most_attempts = 50;  ///< attempts of one service that are kept

/// All that is kept of one service on this node, each list with the oldest first.
struct journal {
    std::string service{};
    milliseconds well{};  ///< since when no incident is open; 0 if one is, or if there never was one
    std::vector<silent_check> silent{};
    std::vector<incident> incidents{};
    std::vector<ledger> ledgers{};
    std::vector<attempt> attempts{};
    std::uint64_t dropped{};  ///< closed incidents and attempts that were kept once

    friend auto operator==(const journal&, const journal&) -> bool = default;
};

/// What is known of one check: what the local agent says of it now, or a snapshot for a check that it does not know.
/// One that is silent has no output: it may not have run since its agent started.
enum class standing : unsigned char {
    in_state,   ///< in the watched state
    passing,    ///< with output
    elsewhere,  ///< in the other bad state
    silent_in_state,
    silent_passing,
    silent_elsewhere,
    unproven  ///< its own output says that its state is unknown or that there is nothing to heal
};

struct check_facts {
    std::string node{};
    std::string service_id{};
    std::string check_id{};
    standing now{standing::in_state};
    std::uint64_t face{};          ///< digest of status and output
    std::uint64_t modify_index{};  ///< 0 if not known
    bool from_snapshot{};          ///< the agent does not know the check
};

struct retry_rules {
    milliseconds backoff{seconds(10)};       ///< after the first attempt; doubled after each further one
    milliseconds longest{seconds(15 * 60)};  ///< limit of the doubling
    std::uint32_t attempts{5};               ///< after which a trigger is given up
    milliseconds settle{seconds(30)};        ///< for a trigger that names none
    milliseconds forget{seconds(10 * 60)};   ///< how long a service must be well for its ledgers to begin anew
    milliseconds silence{seconds(120)};      ///< after which a check without output counts
};

/// The wait after attempt number `attempts` (1 or more), where the first one is `first`.
[[nodiscard]] constexpr auto backoff_after(std::uint32_t attempts, milliseconds first, const retry_rules& rules)
    -> milliseconds {
    milliseconds wait = shorter(first, rules.longest);
    for (std::uint32_t i = 1; i < attempts && wait < rules.longest; ++i) {
        wait = shorter({wait.count * 2}, rules.longest);
    }
    return wait;
}

/// The wall-clock time before which the trigger may not run again.
[[nodiscard]] constexpr auto next_attempt(const ledger& of, const retry_rules& rules) -> milliseconds {
    if (of.attempts == 0) return {};
    return of.ended + backoff_after(of.attempts, of.backoff.count > 0 ? of.backoff : rules.backoff, rules);
}

}  // namespace powerconsul::inline v0
