#pragma once

#include <powerconsul/cluster/resolver.hpp>

namespace powerconsul::inline v0 {

/// Why nothing is expected of a service here, from the checks of this node's agent: Consul's maintenance of the node,
/// or of all instances of the service; nothing if it is in none.
[[nodiscard]] inline auto maintenance_of(const std::vector<snapshot_check>& own, std::string_view service)
    -> std::optional<std::string> {
    const auto is_on = [](const snapshot_check& each) {
        return check_health(each.check_id, each.status) == health::maintenance;
    };
    std::set<std::string> instances;
    std::set<std::string> held;
    for (const auto& each : own) {
        if (each.service_name.empty() && is_on(each)) return "node " + each.node + " is in maintenance";
        if (each.service_name != service) continue;
        instances.insert(each.service_id);
        if (is_on(each)) held.insert(each.service_id);
    }
    if (held.empty() || held.size() != instances.size()) return std::nullopt;
    return "service " + std::string{service} + " is in maintenance";
}

/// Asks the local agent for that, for at most `budget`. Fails where the agent does not tell.
template <typename Host>
[[nodiscard]] auto find_maintenance(Host& here, std::string_view service, milliseconds budget)
    -> result<std::optional<std::string>> {
    consul_client<decltype(here.consul)&, decltype(here.clock)&> consul{here.consul, here.clock,
                                                                        here.clock.monotonic() + budget};
    return consul.agent_checks().transform([&](const auto& own) { return maintenance_of(own, service); });
}

/// What a role expects in maintenance, which `why` names.
inline void expect_nothing(resolution& facts, const std::string& why) {
    const ruling decided = rule_in_maintenance();
    facts.expects = decided.expects;
    facts.rule = decided.rule;
    facts.waits = false;
    facts.reason = why + "; " + facts.reason;
}

}  // namespace powerconsul::inline v0
