#pragma once

#include <powerconsul/consul/check_output.hpp>
#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// The state of a check or of an instance, from best to worst. `unknown` is a status that Consul does not document.
enum class health : unsigned char { passing, warning, unknown, critical, maintenance };

[[nodiscard]] constexpr auto to_string(health value) -> std::string_view {
    constexpr std::string_view names[] = {"passing", "warning", "unknown", "critical", "in maintenance"};
    return value <= health::maintenance ? names[static_cast<unsigned char>(value)] : "unknown";
}

[[nodiscard]] constexpr auto worse(health a, health b) -> health {
    return a < b ? b : a;
}

/// A check's health from its id and status. Maintenance is a check of its own in Consul, told by its id alone.
[[nodiscard]] constexpr auto check_health(std::string_view id, std::string_view status) -> health {
    if (id == "_node_maintenance" || id.starts_with("_service_maintenance:")) return health::maintenance;
    if (status == "passing") return health::passing;
    if (status == "warning") return health::warning;
    if (status == "critical") return health::critical;
    return health::unknown;
}

struct check_state {
    std::string id{};
    health state{health::unknown};
    std::string name{};
    output_kind output{output_kind::other};
    bool of_service{};        ///< otherwise it is the node's
    bool script{};            ///< a program that the agent runs, or Consul does not say what it is
    bool has_not_run{};       ///< since its agent was started, as far as others of its kind tell
    std::uint64_t created{};  ///< Consul's CreateIndex; 0 if it does not say so
};

/// One registration of a service on one node, with the checks of both.
struct instance {
    std::string node{};
    std::string datacenter{};
    std::vector<check_state> checks{};
};

/// The worst of all checks, the node's included: Consul leaves the service checks of a dead node passing. No check at
/// all is passing, as Consul counts it.
[[nodiscard]] constexpr auto worst(const std::vector<check_state>& checks) -> health {
    health state = health::passing;
    for (const auto& check : checks) state = worse(state, check.state);
    return state;
}

/// From which state on an active no longer serves.
enum class takeover : unsigned char { on_critical, on_warning };

/// Whether an active with one check in that state serves, as far as that check tells.
[[nodiscard]] constexpr auto serves(health state, takeover from) -> actives {
    switch (state) {
        case health::passing: return actives::serving;
        case health::warning: return from == takeover::on_warning ? actives::none_serving : actives::serving;
        case health::critical:
        case health::maintenance: return actives::none_serving;
        case health::unknown: break;
    }
    return actives::unknown;
}

/// Whether an active with these checks serves. One that surely does not decides, whatever is not known of the others:
/// the checks of a node that is dead stay as they were.
[[nodiscard]] constexpr auto serves(const std::vector<check_state>& checks, takeover from) -> actives {
    actives all = actives::serving;
    for (const auto& check : checks) {
        const actives one = serves(check.state, from);
        if (one == actives::none_serving) return one;
        if (one == actives::unknown) all = one;
    }
    return all;
}

/// What two groups of actives are together: one that serves is enough, whatever is not known of the others.
[[nodiscard]] constexpr auto together(actives a, actives b) -> actives {
    if (a == actives::serving || b == actives::serving) return actives::serving;
    if (a == actives::unknown || b == actives::unknown) return actives::unknown;
    return actives::none_serving;
}

}  // namespace powerconsul::inline v0
