#pragma once

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/heal/pause.hpp>
#include <powerconsul/heal/trigger.hpp>

namespace powerconsul::inline v0 {

/// One right, which commands need it, and for what.
struct acl_rule {
    acl_right right{};
    std::vector<std::string> commands{};  ///< in the order of the help
    std::string why{};
    bool write{};  ///< to write, which includes to read
};

/// How much is known of a service's cluster document; `unread` if neither its contents nor its absence are known.
enum class document_state : unsigned char { unread, absent, read };

/// What the rights of one node for one service follow from.
struct acl_facts {
    std::string service{};
    std::string document{};  ///< the key of its cluster document
    document_state state{document_state::unread};
    cluster_group group{};                ///< the one that holds this node, once the document is read
    std::string node{};                   ///< this node, as Consul calls it
    std::vector<std::string> listed{};    ///< the nodes of both lists, as Consul calls them where it shows them
    std::string counted{};                ///< if grouped by datacenters: the prefix of the names of nodes that count
    bool asks_agent{};                    ///< the role needs the agent's name or datacenter
    std::vector<std::string> triggers{};  ///< the keys for the roles that possible_roles() gives, at both places
    std::vector<std::string> other_triggers{};  ///< those of the other roles
    std::vector<std::string> pauses{};          ///< the keys of the service's own pause and of that of all
};

/// The roles that this node can get without any change to the document but a failover, which swaps its two lists.
[[nodiscard]] inline auto possible_roles(document_state state, grouping by) -> std::vector<role> {
    if (state == document_state::absent) return {role::standalone};
    if (state == document_state::unread) return {role::standalone, role::primary, role::secondary};
    if (by == grouping::all_active) return {role::primary};
    return {role::primary, role::secondary};
}

/// The fewest rights with which every command named here works on this node, in the order of printing. A primary, too,
/// gets those for the other nodes of the lists, so that a failover requires no other token.
[[nodiscard]] inline auto least_rules(const acl_facts& facts) -> std::vector<acl_rule> {
    using enum acl_resource;
    // `doctor` reports on rights without needing them; only the agent's configuration comes from nowhere else.
    const std::vector<std::string> judging{"check", "role", "watch", "trigger", "lint"};
    std::vector<acl_rule> rules;
    rules.push_back({{key, facts.document}, judging, "the cluster document, which gives this node its role"});
    for (const auto& each : facts.triggers) {
        rules.push_back({{key, each}, {"watch", "trigger", "lint"}, "the trigger of this role and state"});
    }
    for (const auto& each : facts.other_triggers) {
        rules.push_back({{key, each}, {"lint"}, "a trigger there would be for a role that this node cannot have"});
    }
    for (const auto& each : facts.pauses) {
        rules.push_back({{key, each}, {"role", "watch", "trigger"}, "a pause, while which nothing acts"});
    }
    rules.push_back({{service, facts.service}, judging, "the health of the actives, and this node's own checks"});
    std::vector<acl_rule> nodes;
    const auto covered = [&](std::string_view name) {
        return algo::any_of(nodes, [&](const auto& each) {
            return each.right.prefix ? name.starts_with(each.right.segment) : name == each.right.segment;
        });
    };
    const bool by_datacenters = facts.state == document_state::read && facts.group.by == grouping::datacenters;
    if (facts.state == document_state::unread) {
        nodes.push_back({{node, {}, true}, judging, "the health of the actives, whichever nodes they are"});
    } else if (by_datacenters) {
        nodes.push_back({{node, facts.counted, true},
                         judging,
                         "the health of the actives: nodes of such a name count in their datacenters"});
    }
    if (!covered(facts.node)) {
        nodes.push_back(
            {{node, facts.node}, judging, "this node, without which a list would be one that Consul has cut"});
    }
    for (const auto& each : facts.listed) {
        if (covered(each)) continue;
        nodes.push_back({{node, each}, judging, "a listed node: its health while it is an active"});
    }
    rules.insert(rules.end(), nodes.begin(), nodes.end());
    rules.push_back({{agent, facts.node}, {"doctor"}, "the agent's configuration: script checks, timeouts, watches"});
    if (facts.asks_agent) {
        rules.back().commands = {"check", "role", "watch", "trigger", "doctor"};
        rules.back().why = "the agent's name and datacenter, by which this node is found in the document";
    }
    return rules;
}

/// What whoever pauses and resumes a service needs. No node needs it. Fails as pause_key() does.
[[nodiscard]] inline auto pausing_rules(const identity& who, std::string_view service)
    -> result<std::vector<acl_rule>> {
    std::vector<acl_rule> rules;
    for (const std::string_view each : {service, all_services}) {
        auto key = pause_key(who, each);
        if (!key) return unexpected{std::move(key).error()};
        rules.push_back({{acl_resource::key, std::move(*key)},
                         {"pause", "resume"},
                         each == all_services ? "all services" : "the service " + std::string{each},
                         true});
    }
    return rules;
}

namespace detail {

/// A string literal of HCL 1, in which `${` would begin an interpolation.
[[nodiscard]] inline auto hcl_string(std::string_view text) -> std::string {
    std::string quoted_text = "\"";
    for (const char c : text) {
        if (ascii::is_control(c) || c == '$') {
            quoted_text += "\\u" + ascii::hexadecimal(static_cast<unsigned char>(c), 4);
            continue;
        }
        if (c == '"' || c == '\\') quoted_text += '\\';
        quoted_text += c;
    }
    return quoted_text + '"';
}

}  // namespace detail

/// The rules as Consul reads them (HCL), each below a comment that says who needs it; `notes` become the comments at
/// the beginning.
[[nodiscard]] inline auto acl_policy_text(const std::vector<std::string>& notes, const std::vector<acl_rule>& rules)
    -> std::string {
    std::string text;
    for (const auto& each : notes) text += "# " + one_line(each, 1000) + '\n';
    for (const auto& each : rules) {
        text += "\n# " + listed(each.commands) + ": " + one_line(each.why, 1000) + '\n' +
                std::string{to_string(each.right.resource)} + (each.right.prefix ? "_prefix " : " ") +
                detail::hcl_string(each.right.segment) + " { policy = \"" + (each.write ? "write" : "read") + "\" }\n";
    }
    return text;
}

// --- asking for the facts ---

/// The rights that a service needs on this node, and the facts that they follow from.
struct needed_rights {
    acl_facts facts{};
    std::vector<acl_rule> rules{};
    std::vector<std::string> datacenters{};  ///< all of them; empty if they are not known
    std::vector<std::string> notes{};  ///< for a person: what is known of the document, and what had to be assumed
};

namespace detail {

/// Finds the trigger keys of all roles in all states, separately for the roles that this node can have and the others.
[[nodiscard]] inline auto find_trigger_keys(const trigger_options& triggers, const identity& who, acl_facts& facts)
    -> result<void> {
    const auto possible = possible_roles(facts.state, facts.group.by);
    for (const role as : {role::standalone, role::primary, role::secondary}) {
        auto& keys = algo::find(possible, as) != possible.end() ? facts.triggers : facts.other_triggers;
        for (const auto state : trigger_states) {
            const auto places = trigger_keys(triggers, who, facts.service, as, state);
            if (!places) return unexpected{places.error()};
            keys.insert(keys.end(), places->begin(), places->end());
        }
    }
    return {};
}

/// Finds this node's name in Consul, the only one that ACL rules know.
template <typename Client>
void find_own_name(Client& consul, const identity& who, needed_rights& found) {
    auto agent = consul.agent();
    if (agent) {
        found.facts.node = agent->node;
        return;
    }
    if (const auto checks = consul.agent_checks(); checks) {
        const auto named = algo::find_if(*checks, [](const auto& each) { return !each.node.empty(); });
        if (named != checks->end()) {
            found.facts.node = named->node;
            return;
        }
    }
    found.facts.node = who.node.empty() ? who.host : who.node;
    found.notes.push_back("Assumed: this node's name in Consul is " + quoted(found.facts.node) +
                          ", as the agent does not say it (" + agent.error().message + ").");
}

/// The names of both lists, spelt as in Consul as far as it shows the nodes.
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
            bool is_seen = same_node(wanted, found.facts.node);
            for (const auto& each : seen) {
                if (!same_node(wanted, each)) continue;
                is_seen = true;
                if (algo::find(names, each) == names.end()) names.push_back(each);
            }
            if (!is_seen) names.push_back(wanted);
        }
    }
    return names;
}

inline void describe_document(needed_rights& found, const resolution& role_facts) {
    auto& notes = found.notes;
    const std::string name = "The cluster document " + found.facts.document;
    if (found.facts.state == document_state::absent) {
        notes.push_back(name + " does not exist: this node is standalone. Print the policy anew when it does.");
    } else if (found.facts.state == document_state::read) {
        notes.push_back(name + " was read (ModifyIndex " + std::to_string(role_facts.document) +
                        "). Print the policy anew when other nodes are listed.");
    } else {
        notes.push_back(name + " tells no role yet (" + role_facts.reason + ").");
        notes.emplace_back(
            "So all roles and nodes are allowed here. Print the policy anew with a token of this one: "
            "it will be narrower.");
    }
}

}  // namespace detail

/// `role_facts` must be fresh, not a last known role. What Consul does not tell is assumed, so that more is allowed
/// rather than less. Fails with errc::usage if a name would lead to another trigger's key.
template <typename Client>
[[nodiscard]] auto find_needed_rights(Client& consul, const resolution& role_facts, const resolver_options& roles,
                                      const trigger_options& triggers, std::string_view service)
    -> result<needed_rights> {
    needed_rights found;
    auto& facts = found.facts;
    facts.service = service;
    facts.document = role_facts.key;
    facts.group = role_facts.place.group;
    const identity given = completed(roles.who);
    if (role_facts.place.own != role::unknown) facts.state = document_state::read;
    if (role_facts.clustered == clustering::no && role_facts.from == basis::fresh) {
        facts.state = document_state::absent;
    }
    detail::describe_document(found, role_facts);
    detail::find_own_name(consul, given, found);
    if (auto known = consul.datacenters(); known) found.datacenters = std::move(*known);
    if (facts.state == document_state::read && facts.group.by == grouping::nodes) {
        facts.listed = detail::listed_nodes(consul, found);
    }
    // No ACL rule can express what a serviceFilter matches, so that all nodes are allowed.
    if (facts.state == document_state::read && facts.group.by == grouping::datacenters &&
        roles.service_filter.empty()) {
        facts.counted = given.environment + (given.server_role.empty() ? "" : "-" + given.server_role);
    }
    facts.asks_agent = facts.state == document_state::unread || role_facts.agent.has_value();
    if (auto keys = detail::find_trigger_keys(triggers, given, facts); !keys)
        return unexpected{std::move(keys).error()};
    for (const std::string_view each : {service, all_services}) {
        auto key = pause_key(given, each);
        if (!key) return unexpected{std::move(key).error()};
        facts.pauses.push_back(std::move(*key));
    }
    found.rules = least_rules(facts);
    return found;
}

/// What the person who makes the token must know besides the rules. `base_key` is that of trigger_options.
[[nodiscard]] inline auto policy_notes(const needed_rights& found, std::string_view base_key)
    -> std::vector<std::string> {
    auto notes = found.notes;
    if (found.datacenters.size() > 1) {
        notes.push_back("Datacenters " + listed(found.datacenters) +
                        ": the token must be global (not made with -local) and be replicated to all of them.");
    } else if (found.datacenters.empty()) {
        notes.emplace_back(
            "The datacenters are not known; with several, the token must be global (not made with -local).");
    }
    notes.push_back("Nobody but who deploys may write below " +
                    (base_key.empty() ? "triggers/" : std::string{base_key}) + ": whoever may is root on the nodes.");
    notes.push_back("Consul's own watch asks with its `token` or the agent's default token: for " +
                    found.facts.service + " it needs the lines that name watch.");
    // 1.8.7: agent/local/state.go, syncService takes the service's own token or UserToken, syncNodeInfo AgentToken.
    notes.emplace_back(
        "To register, the agent's token needs its node with policy = \"write\". A service is registered with the token of "
        "its own definition, else with the agent's default token (newer versions: config_file_service_registration), "
        "which needs the service with policy = \"write\".");
    return notes;
}

}  // namespace powerconsul::inline v0
