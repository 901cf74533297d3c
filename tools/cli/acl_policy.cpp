#include "acl_policy.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/trigger.hpp>

#include "roles.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::array<std::string_view, 6> users{"check", "role", "watch", "trigger", "lint", "doctor"};

/// The keys of all roles in both states, those that this node can have apart from the others.
[[nodiscard]] auto find_trigger_keys(const configuration& chosen, const identity& who, acl_facts& facts)
    -> result<void> {
    const auto possible = possible_roles(facts.state, facts.group.by);
    for (const role as : {role::standalone, role::primary, role::secondary}) {
        auto& keys = std::ranges::find(possible, as) != possible.end() ? facts.triggers : facts.other_triggers;
        for (const bad_state state : {bad_state::warning, bad_state::critical}) {
            auto key = trigger_key(chosen.watch.triggers, who, facts.service, as, state);
            if (!key) return unexpected{std::move(key).error()};
            keys.push_back(std::move(*key));
        }
    }
    return {};
}

/// This node as Consul calls it: ACL rules know no other name.
template <typename Client>
void find_own_name(Client& consul, const identity& who, needed_rights& found) {
    auto agent = consul.agent();
    if (agent) {
        found.facts.node = agent->node;
        return;
    }
    if (const auto checks = consul.agent_checks(); checks) {
        for (const auto& each : *checks) {
            if (each.node.empty()) continue;
            found.facts.node = each.node;
            return;
        }
    }
    found.facts.node = who.node.empty() ? who.host : who.node;
    found.assumed.push_back("this node's name in Consul is " + quoted(found.facts.node) +
                            ", as the agent does not say it (" + agent.error().message + ')');
}

/// The names of the lists as Consul spells them, as far as it shows the nodes.
template <typename Client>
[[nodiscard]] auto listed_nodes(Client& consul, const needed_rights& found) -> std::vector<std::string> {
    std::vector<std::string> seen;
    auto datacenters = found.datacenters;
    if (datacenters.empty()) datacenters.emplace_back();
    for (const auto& answer : consul.instances(found.facts.service, datacenters)) {
        if (!answer.instances) continue;
        for (const auto& each : *answer.instances) seen.push_back(each.node);
    }
    std::vector<std::string> names;
    for (const auto* const list : {&found.facts.group.active, &found.facts.group.standby}) {
        for (const auto& wanted : *list) {
            const std::size_t before = names.size();
            for (const auto& each : seen) {
                if (same_node(wanted, each) && std::ranges::find(names, each) == names.end()) names.push_back(each);
            }
            const bool is_seen = std::ranges::any_of(seen, [&](const auto& each) { return same_node(wanted, each); });
            const bool own = same_node(wanted, found.facts.node);
            if (names.size() == before && !is_seen && !own) names.push_back(wanted);
        }
    }
    return names;
}

void describe_document(const needed_rights& found, const resolution& role_facts, std::vector<std::string>& notes) {
    const std::string name = "The cluster document " + found.facts.document;
    switch (found.facts.state) {
        case document_state::absent:
            notes.push_back(name + " does not exist: this node is standalone. Print the policy anew when it does.");
            break;
        case document_state::read:
            notes.push_back(name + " was read (ModifyIndex " + std::to_string(role_facts.document) +
                            "). Print the policy anew when other nodes are listed.");
            break;
        case document_state::unread:
            notes.push_back(name + " tells no role yet (" + role_facts.reason + ").");
            notes.emplace_back(
                "So all roles and nodes are allowed here. Print the policy anew with a token of this one: "
                "it will be narrower.");
            break;
    }
}

/// What else whoever makes the token must know.
[[nodiscard]] auto notes_for(const configuration& chosen, const needed_rights& found) -> std::vector<std::string> {
    std::vector<std::string> notes;
    for (const auto& each : found.assumed) notes.push_back("Assumed: " + each + ".");
    if (found.datacenters.size() > 1) {
        notes.push_back("Datacenters " + listed(found.datacenters) +
                        ": the token must be global (not made with -local) and be replicated to all of them.");
    } else if (found.datacenters.empty()) {
        notes.emplace_back(
            "The datacenters are not known; with several, the token must be global (not made with -local).");
    }
    const auto& base = chosen.watch.triggers.base_key;
    notes.push_back("Nobody but who deploys may write below " + (base.empty() ? "triggers/" : base) +
                    ": whoever may is root on the nodes.");
    notes.push_back("Consul's own watch asks with its `token` or the agent's default token: for " +
                    found.facts.service + " it needs the lines that name watch.");
    notes.emplace_back("The agent needs a token of its own to register: node and service with policy = \"write\".");
    return notes;
}

}  // namespace

auto find_needed_rights(const configuration& chosen, std::string_view service, posix_clock& time)
    -> result<needed_rights> {
    configuration fresh = chosen;
    fresh.roles.max_age = {};  // nothing older counts, and nothing is written
    auto role_facts = resolve(fresh, service, time);
    if (!role_facts) return unexpected{std::move(role_facts).error()};
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    consul_client<any_transport&, posix_clock&> consul{*transport, time,
                                                       time.monotonic() + milliseconds{chosen.timeout.count / 4}};
    needed_rights found;
    auto& facts = found.facts;
    facts.service = service;
    facts.document = role_facts->key;
    facts.group = role_facts->place.group;
    const identity given = completed(chosen.roles.who);
    if (role_facts->place.own != role::unknown) facts.state = document_state::read;
    if (role_facts->clustered == clustering::no && role_facts->from == basis::fresh) {
        facts.state = document_state::absent;
    }
    find_own_name(consul, given, found);
    if (auto known = consul.datacenters(); known) found.datacenters = std::move(*known);
    if (facts.state == document_state::read && facts.group.by == grouping::nodes) {
        facts.listed = listed_nodes(consul, found);
    }
    if (facts.state == document_state::read && facts.group.by == grouping::datacenters) {
        // What a serviceFilter matches cannot be said as a rule: all nodes.
        if (chosen.roles.service_filter.empty()) {
            facts.counted = given.environment + (given.server_role.empty() ? "" : "-" + given.server_role);
        }
    }
    facts.asks_agent = facts.state == document_state::unread || role_facts->agent.has_value();
    if (auto keys = find_trigger_keys(chosen, given, facts); !keys) return unexpected{std::move(keys).error()};
    found.rules = least_rules(facts);
    describe_document(found, *role_facts, found.notes);
    return found;
}

auto run_acl_policy(const config::arguments& line, const configuration& chosen, std::string& out) -> result<exit_code> {
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    const std::string wanted = line.value("for").value_or("all");
    if (wanted != "all" && std::ranges::find(users, wanted) == users.end()) {
        return fail(errc::usage, "--for: " + quoted(wanted) + " is neither all nor one of " +
                                     listed({users.begin(), users.end()}, "and"));
    }
    posix_clock time;
    auto found = find_needed_rights(chosen, *service, time);
    if (!found) return unexpected{std::move(found).error()};
    if (wanted != "all") {
        std::erase_if(found->rules, [&](const auto& each) {
            return std::ranges::find(each.commands, wanted) == each.commands.end();
        });
    }
    std::vector<std::string> notes{"What powerconsul " + (wanted == "all" ? "" : wanted + ' ') + "needs on " +
                                   found->facts.node + " for the service " + found->facts.service + ", and no more."};
    notes.insert(notes.end(), found->notes.begin(), found->notes.end());
    const auto more = notes_for(chosen, *found);
    notes.insert(notes.end(), more.begin(), more.end());
    out += acl_policy_text(notes, found->rules);
    return exit_code::done;
}

}  // namespace powerconsul::cli
