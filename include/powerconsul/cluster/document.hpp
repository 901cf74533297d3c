#pragma once

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/core/pattern.hpp>
#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

enum class grouping : unsigned char { nodes, datacenters, all_active };

/// The two lists of a cluster document. Both are filled and have no name in common, or both are empty (all_active).
struct cluster_group {
    grouping by{grouping::all_active};
    std::vector<std::string> active{};
    std::vector<std::string> standby{};
};

/// A group and the expression that chooses its nodes; a document without `filter` has one rule with an empty one.
struct cluster_rule {
    std::string expression{};
    cluster_group group{};
};

/// What stands at `cluster/<environment>/<service>`, decoded and valid.
struct cluster_document {
    std::vector<cluster_rule> rules{};
};

/// Where this node stands in a document.
struct placement {
    role own{role::unknown};
    std::string node{};        ///< the name under which it was found, empty if it was not
    std::string expression{};  ///< the filter expression that matched, if there are any
    cluster_group group{};
    std::string reason{};
};

namespace detail {

[[nodiscard]] inline auto holds(const std::vector<std::string>& names, std::string_view name) -> bool {
    return algo::any_of(names, [&](const auto& each) { return same_node(each, name); });
}

/// A set of node names with logarithmic look-up by same_node().
class node_names {
public:
    explicit node_names(const std::vector<std::string>& names) {
        for (const auto& each : names) known_.push_back(ascii::lower(each));
        algo::sort(known_);
    }

    [[nodiscard]] auto hold(std::string_view name) const -> bool {
        const std::string wanted = ascii::lower(name);
        if (algo::binary_search(known_, wanted)) return true;
        const std::string_view host = short_name(wanted);
        if (host.size() < wanted.size()) return algo::binary_search(known_, host);
        // Names with a domain are sorted behind their host's name and a dot.
        const auto at = algo::lower_bound(known_, wanted + '.');
        return at != known_.end() && at->starts_with(wanted + '.');
    }

private:
    std::vector<std::string> known_{};
};

[[nodiscard]] inline auto is_short_of_another(std::string_view name, const std::vector<std::string>& names) -> bool {
    return algo::any_of(names, [&](const auto& each) { return each.size() > name.size() && name == short_name(each); });
}

[[nodiscard]] constexpr auto list_name(grouping by, role own) -> std::string_view {
    if (by == grouping::nodes) return own == role::primary ? "active_nodes" : "standby_nodes";
    return own == role::primary ? "active_datacenters" : "standby_datacenters";
}

/// The one rule whose expression matches the first of the names that any expression matches; nullptr if none does.
[[nodiscard]] inline auto choose_rule(const cluster_document& document, const std::vector<std::string>& names)
    -> result<const cluster_rule*> {
    if (document.rules.size() == 1 && document.rules.front().expression.empty()) return &document.rules.front();
    for (const auto& name : names) {
        const cluster_rule* chosen = nullptr;
        for (const auto& rule : document.rules) {
            const auto matched = matches_at_start(rule.expression, name);
            if (!matched) return fail(errc::bad_data, "filter: " + matched.error().message);
            if (!*matched) continue;
            if (chosen != nullptr) {
                return fail(errc::bad_data, "filter: both " + quoted(chosen->expression) + " and " +
                                                quoted(rule.expression) + " match node " + quoted(name) +
                                                "; exactly one expression must");
            }
            chosen = &rule;
        }
        if (chosen != nullptr) return chosen;
    }
    return nullptr;
}

}  // namespace detail

/// Finds a node by its names (the first that is listed counts; a short name beside its long one counts for filters
/// only) and datacenter. The role is `unknown` with the reason when the node is in no list and no filter chooses it: a
/// caller that knows another name may ask again. Fails with errc::bad_data when the document contradicts itself about
/// this node.
[[nodiscard]] inline auto place_node(const cluster_document& document, const std::vector<std::string>& names,
                                     std::string_view datacenter) -> result<placement> {
    auto rule = detail::choose_rule(document, names);
    if (!rule) return unexpected{std::move(rule).error()};
    placement found;
    if (*rule == nullptr) {
        found.group.by = grouping::nodes;
        found.reason = "no filter expression matches node " + listed(names, "or");
        return found;
    }
    found.expression = (*rule)->expression;
    found.group = (*rule)->group;
    if (found.group.by == grouping::all_active) {
        found.own = role::primary;
        found.reason = "mode is all-active";
        return found;
    }
    const bool by_nodes = found.group.by == grouping::nodes;
    const std::vector<std::string> places{std::string{datacenter}};
    for (const auto& name : by_nodes ? names : places) {
        // A short name beside its long one is for filters: in a list it would stand for any domain's node.
        if (by_nodes && detail::is_short_of_another(name, names)) continue;
        const bool active = detail::holds(found.group.active, name);
        const bool standby = detail::holds(found.group.standby, name);
        if (active && standby) return fail(errc::bad_data, quoted(name) + " is both active and standby");
        if (!active && !standby) continue;
        found.own = active ? role::primary : role::secondary;
        if (by_nodes) found.node = name;
        found.reason = (by_nodes ? "" : "datacenter ") + name + " is in " +
                       std::string{detail::list_name(found.group.by, found.own)};
        return found;
    }
    found.reason =
        (by_nodes ? "node " + listed(names, "or") + " is neither in active_nodes nor in standby_nodes"
                  : "datacenter " + places.front() + " is neither in active_datacenters nor in standby_datacenters");
    return found;
}

}  // namespace powerconsul::inline v0
