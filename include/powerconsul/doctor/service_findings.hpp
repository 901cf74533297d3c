#pragma once

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/heal/watch.hpp>

/// Judges one Consul service of a node: whether Consul knows it, what its checks last printed, and what was given up.
namespace powerconsul::inline v0 {

/// What is known of where a service is registered.
struct registration_facts {
    std::string service{};
    std::string check{};  ///< the check that names it; empty if none does
    std::string node{};   ///< this node, as Consul calls it
    /// The nodes that have it, by the catalog of this datacenter.
    result<std::vector<std::string>> nodes{std::vector<std::string>{}};
    /// The rights without which Consul leaves this node out of that list, and does not say so.
    result<std::vector<acl_right>> missing{std::vector<acl_right>{}};
    std::optional<std::vector<std::string>> agent{};  ///< the services that the agent has; nothing if it does not say
    std::vector<std::string> files{};                 ///< the services of its files
    std::vector<instance> here{};                     ///< its registrations on this node, by that catalog
    bool standalone{};                                ///< there is no cluster document
};

[[nodiscard]] inline auto judge_registration(const registration_facts& facts) -> finding {
    const std::string point = "service " + facts.service;
    if (!facts.nodes) return could_not_look(point, facts.nodes.error());
    std::vector<std::string> nodes = *facts.nodes;
    algo::sort(nodes);
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    if (algo::any_of(nodes, [&](const auto& each) { return same_node(each, facts.node); })) {
        const std::string on = nodes.size() == 1 ? "this node" : std::to_string(nodes.size()) + " nodes";
        if (nodes.size() == 1 || !facts.standalone) return {point, condition::ok, "it is registered on " + on, {}};
        return {point, condition::warning,
                "it is registered on " + on + " and has no cluster document: each of them is to keep it running",
                R"(write its document; {"mode": "all-active"} if that is as it should be)"};
    }
    if (!facts.missing) return could_not_look(point, facts.missing.error());
    if (!facts.missing->empty()) {
        return {point,
                condition::unknown,
                "whether it is registered here cannot be told: the token needs " + to_string(*facts.missing),
                {}};
    }
    const std::string none = "no service " + facts.service + " is registered on this node";
    const std::string by = facts.check.empty() ? "correct -S" : "correct -S of check " + facts.check;
    if (facts.agent && is_one_of(facts.service, *facts.agent)) {
        return {point, condition::error,
                "the agent has it, but Consul's catalog does not, so that to its peers it does not run here",
                "look for \"blocked by ACLs\" in the agent's log: it registers with the `token` of the service or the "
                "agent's default token, which needs service:write"};
    }
    if (is_one_of(facts.service, facts.files)) {
        return {point, facts.agent ? condition::error : condition::unknown,
                none + ", though the agent's files define it", "consul reload"};
    }
    auto known = facts.agent.value_or(std::vector<std::string>{});
    known.insert(known.end(), facts.files.begin(), facts.files.end());
    if (const auto meant = nearest(facts.service, known); !meant.empty()) {
        return {point, condition::error, none + ", but " + std::string{meant} + " is", by};
    }
    return {point, condition::warning, none + ": peers cannot see whether it runs, and no watch heals it",
            "register it, or " + by};
}

/// What is known of the instances of a service's actives.
struct actives_view {
    std::string service{};
    bool standby{};                     ///< this node is a standby of them; otherwise they are its own
    takeover from{};                    ///< from which state on an active does not count as serving
    std::vector<instance> instances{};  ///< with all their checks, those of the node too
};

/// Finds an active that does not count as serving by another check than powerconsul's, which is well and goes on to
/// expect that the service runs: what takes over then runs beside it.
[[nodiscard]] inline auto judge_both_run(const actives_view& view) -> std::optional<finding> {
    const auto fails = [&](const check_state& each) { return serves(each.state, view.from) == actives::none_serving; };
    for (const auto& active : view.instances) {
        bool well = false;
        const check_state* by = nullptr;  // the worst; of several such checks the first by name
        for (const auto& each : active.checks) {
            if (each.output == output_kind::own) well = true;
            if (each.output == output_kind::own_serving || !fails(each)) continue;
            if (by == nullptr || by->state < each.state || (by->state == each.state && each.id < by->id)) by = &each;
        }
        const bool stopped = algo::any_of(
            active.checks, [&](const auto& each) { return each.output == output_kind::own && fails(each); });
        if (!well || stopped || by == nullptr) continue;
        const bool maintained = by->state == health::maintenance;
        std::string remedy = maintained
                                 ? "stop the service there, or end the maintenance"
                                 : "mend what that check finds; if it says nothing of the service, make it no check of "
                                   "the node or the service";
        if (by->state == health::warning) remedy += ", or set takeoverOn to critical";
        return finding{"both run " + view.service, condition::warning,
                       "the active " + active.node + " counts as not serving, since " + one_line(by->id, 80) + " is " +
                           std::string{to_string(by->state)} +
                           ", while its own check is well: " + (view.standby ? "this node" : "a standby") +
                           " takes over, and it " + (maintained ? "may run" : "is to run") + " on both",
                       std::move(remedy)};
    }
    return std::nullopt;
}

/// Judges what our checks last printed, where they could not tell what runs: one finding for each. A check that does
/// not know what to expect is left out, as the service's role says why.
[[nodiscard]] inline auto judge_outputs(const std::vector<snapshot_check>& checks) -> std::vector<finding> {
    std::vector<finding> found;
    for (const auto& each : checks) {
        if (!is_unproven(each.output)) continue;
        std::string_view line = trimmed(each.output);
        line = line.substr(line.rfind('\n') + 1);
        std::string reason{line};
        const auto start = line.find('{');
        const auto root = json::parse(start == std::string_view::npos ? line : line.substr(start));
        if (root) {
            const auto* const expects = root->find("expects");
            if (expects != nullptr && expects->is(json::kind::null)) continue;
            if (const auto* const said = root->find("reason"); said != nullptr && said->is(json::kind::string)) {
                reason = said->text;
            }
        }
        found.push_back({"check " + each.check_id, condition::warning, "it cannot tell whether it is well: " + reason,
                         "let it look at what really runs: another -s, or check process"});
    }
    return found;
}

/// Judges what the journals keep, of one service if `only` names it: one finding for each service of which an incident
/// was given up, or whose journal was damaged.
[[nodiscard]] inline auto judge_incidents(const result<std::vector<loaded_journal>>& journals, std::string_view only)
    -> std::vector<finding> {
    if (!journals) return {could_not_look("incidents", journals.error())};
    std::vector<finding> found;
    std::size_t open = 0;
    for (const auto& [kept, note] : *journals) {
        if (!only.empty() && kept.service != only) continue;
        const std::string point = "incidents " + kept.service;
        // Nothing was kept aside: doctor writes nothing.
        const std::string damage = note.substr(0, note.find("; its bytes "));
        if (!damage.empty()) found.push_back({point, condition::warning, damage, "see powerconsul incidents"});
        std::vector<std::string> given_up;
        std::uint32_t attempts = 0;
        for (const auto& each : kept.incidents) {
            if (!each.is_open()) continue;
            ++open;
            if (!each.given_up) continue;
            given_up.push_back(each.key);
            const auto row = algo::find(kept.ledgers, each.key, &ledger::key);
            if (row != kept.ledgers.end()) attempts = std::max(attempts, row->attempts);
        }
        if (given_up.empty()) continue;
        found.push_back({point, condition::error,
                         "given up after " + std::to_string(attempts) + (attempts == 1 ? " attempt: " : " attempts: ") +
                             listed(given_up) + (given_up.size() == 1 ? " is" : " are") + " not run any more",
                         "mend it, then powerconsul incidents ack " + kept.service});
    }
    if (!found.empty()) return found;
    const std::string count = open == 0 ? "none is" : std::to_string(open) + (open == 1 ? " is" : " are");
    return {{"incidents", condition::ok, count + " open, and none was given up", {}}};
}

}  // namespace powerconsul::inline v0
