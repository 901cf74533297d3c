#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

/// One right to read, which commands need it, and for what.
struct acl_rule {
    acl_right right{};
    std::vector<std::string> commands{};  ///< in the order of the help
    std::string why{};
};

/// How much is known of a service's cluster document. `unread`: neither that it is there nor that it is not.
enum class document_state : unsigned char { unread, absent, read };

/// What the rights of one node for one service follow from.
struct acl_facts {
    std::string service{};
    std::string document{};  ///< its key
    document_state state{document_state::unread};
    cluster_group group{};                      ///< the one that holds this node, once the document is read
    std::string node{};                         ///< this node, as Consul calls it
    std::vector<std::string> listed{};          ///< the nodes of both lists, as Consul calls them where it shows them
    std::string counted{};                      ///< by datacenter: how the names of the nodes that count begin
    bool asks_agent{};                          ///< the role needs the agent's name or datacenter
    std::vector<std::string> triggers{};        ///< the keys of the roles that possible_roles() tells
    std::vector<std::string> other_triggers{};  ///< those of the other roles
};

/// The roles that this node can come to have without another document: a failover swaps the two lists.
[[nodiscard]] inline auto possible_roles(document_state state, grouping by) -> std::vector<role> {
    if (state == document_state::absent) return {role::standalone};
    if (state == document_state::unread) return {role::standalone, role::primary, role::secondary};
    if (by == grouping::all_active) return {role::primary};
    return {role::primary, role::secondary};
}

/// The least rights with which every command that is named here works on this node, in the order of printing. Those for
/// the other nodes of the lists are among them for a primary, too: a failover is no time to change tokens.
[[nodiscard]] inline auto least_rules(const acl_facts& facts) -> std::vector<acl_rule> {
    using enum acl_resource;
    // `doctor` looks at rights, it does not need them; only what the agent tells it cannot have from elsewhere.
    const std::vector<std::string> judging{"check", "role", "watch", "trigger", "lint"};
    std::vector<acl_rule> rules;
    rules.push_back({{key, facts.document}, judging, "the cluster document, which gives this node its role"});
    for (const auto& each : facts.triggers) {
        rules.push_back({{key, each}, {"watch", "trigger", "lint"}, "the trigger of this role and state"});
    }
    for (const auto& each : facts.other_triggers) {
        rules.push_back({{key, each}, {"lint"}, "a trigger there would be for a role that this node cannot have"});
    }
    rules.push_back({{service, facts.service}, judging, "the health of the actives, and this node's own checks"});
    std::vector<acl_rule> nodes;
    const auto covered = [&](std::string_view name) {
        return std::ranges::any_of(nodes, [&](const auto& each) {
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

namespace detail {

/// A string of HCL 1. `${` would begin an interpolation there.
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
                detail::hcl_string(each.right.segment) + " { policy = \"read\" }\n";
    }
    return text;
}

}  // namespace powerconsul::inline v0
