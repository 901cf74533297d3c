#pragma once

#include <powerconsul/heal/rules.hpp>
#include <powerconsul/heal/trigger.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

/// What a watch's handler is given, and what it reports.
namespace powerconsul::inline v0 {

struct watch_options {
    bad_state state{bad_state::critical};
    retry_rules retry{};
    trigger_options triggers{};
    std::vector<std::string> noop_triggers{};   ///< services whose triggers never run
    std::string stop_file{};                    ///< no trigger runs while it is there; empty for none
    std::optional<service_manager> manager{};   ///< for looks at services: what the machine runs if not set
    std::string init_directory{"/etc/init.d"};  ///< likewise: where init scripts stand
    milliseconds consul_time{seconds(5)};       ///< limit for the agent, and for the role; half more for the trigger
    milliseconds lock_wait{seconds(75)};        ///< limit for another run of the same service
    std::size_t at_once{4};                     ///< most triggers that run on this node at one time
};

/// What a handler found or did about a service.
enum class step : unsigned char {
    act,       ///< the trigger ran or, in a dry run, would have run
    wait,      ///< nothing was done; `why` gives the reason
    closed,    ///< the incident is over
    gave_up,   ///< no attempt is left; reported once
    given_up,  ///< it was reported earlier that no attempt is left
};

/// What was done about one incident or, in a dry run, would have been done.
struct handled_incident {
    std::string incident{};             ///< its id
    std::vector<std::string> checks{};  ///< their ids
    step what{step::wait};
    std::string why{};  ///< why no trigger ran
    role own{role::unknown};
    role as{role::unknown};    ///< the role whose trigger it was
    std::optional<job> ran{};  ///< nothing if no trigger was run
    std::optional<attempt> outcome{};
};

struct handled_service {
    std::string service{};
    std::vector<handled_incident> incidents{};
    std::string stopped{};                ///< why nothing acts on this node, if that was the reason
    std::optional<error> cause{};         ///< the first error; errc::timed_out if it is worth another try
    std::optional<milliseconds> again{};  ///< how long until the next look; nothing if none is needed
};

/// A service and its checks in a snapshot.
struct listed_service {
    std::string service{};
    std::vector<snapshot_check> checks{};
};

/// Groups a snapshot's checks by service. Services that are only in `known` follow, without checks.
[[nodiscard]] inline auto by_service(std::vector<snapshot_check> checks, const std::vector<std::string>& known)
    -> std::vector<listed_service> {
    std::vector<listed_service> all;
    std::map<std::string, std::size_t> places;
    const auto place_of = [&](const std::string& service) -> listed_service& {
        const auto [at, is_new] = places.try_emplace(service, all.size());
        return is_new ? all.emplace_back(listed_service{service, {}}) : all[at->second];
    };
    for (auto& each : checks) {
        auto& of = place_of(each.service_name).checks;
        of.push_back(std::move(each));
    }
    for (const auto& each : known) place_of(each);
    return all;
}

}  // namespace powerconsul::inline v0
