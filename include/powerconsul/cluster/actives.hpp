#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/consul/health.hpp>

namespace powerconsul::inline v0 {

/// One list of instances that was read.
struct actives_source {
    std::string datacenter{};  ///< empty for the agent's own, if its name was not known
    read_facts how{};
    std::size_t instances{};       ///< how many it held, active or not
    std::optional<error> cause{};  ///< why it says nothing
};

/// Rights that the token has in a datacenter, so that what is not listed there is not there.
struct proven_rights {
    std::string datacenter{};
    std::vector<acl_right> rights{};
};

/// What is known of the actives of a service, and from which instances.
struct actives_facts {
    actives state{actives::unknown};
    std::string reason{};
    std::vector<instance> instances{};      ///< of the actives only, by datacenter and node
    std::vector<actives_source> sources{};  ///< what was asked, in that order
    std::vector<proven_rights> proven{};    ///< asked for when an active was not listed
    std::optional<error> cause{};           ///< why the state is unknown
};

namespace detail {

/// Puts together what several datacenters answered, and decides only at the end.
class actives_census {
public:
    explicit actives_census(takeover from) : from_{from} {}

    /// `is_active(instance) -> result<bool>` tells which instances count.
    template <typename IsActive>
    void add(datacenter_instances answer, IsActive is_active) {
        facts_.sources.push_back({answer.datacenter, std::move(answer.how), 0, {}});
        if (!answer.instances) {
            facts_.sources.back().cause = answer.instances.error();
            return doubt(answer.instances.error());
        }
        facts_.sources.back().instances = answer.instances->size();
        for (auto& each : *answer.instances) {
            seen_any_ = true;
            const auto active = is_active(each);
            if (!active) return doubt(active.error());
            if (*active) insert(std::move(each));
        }
    }

    /// Records something that could not be found out: unless an active is seen serving, the answer is unknown.
    void doubt(const error& why) {
        if (!facts_.cause) facts_.cause = why;
    }

    void prove(proven_rights rights) { facts_.proven.push_back(std::move(rights)); }

    /// Is there something that would make the answer unknown?
    [[nodiscard]] auto doubtful() const -> bool { return facts_.cause.has_value(); }

    /// The datacenters that were asked.
    [[nodiscard]] auto asked() const -> std::vector<std::string> {
        std::vector<std::string> names;
        for (const auto& each : facts_.sources) names.push_back(each.datacenter);
        return names;
    }

    /// Did any answer hold any instance, active or not?
    [[nodiscard]] auto seen_any() const -> bool { return seen_any_; }

    [[nodiscard]] auto counted() const -> std::size_t { return facts_.instances.size(); }

    [[nodiscard]] auto serving() const -> bool {
        return std::ranges::any_of(
            facts_.instances, [&](const auto& each) { return serves(worst(each.checks), from_) == actives::serving; });
    }

    [[nodiscard]] auto has(std::string_view name) const -> bool {
        return std::ranges::any_of(facts_.instances, [&](const auto& each) { return same_node(name, each.node); });
    }

    /// `wanted` names the actives, for the reason only.
    [[nodiscard]] auto decided(const std::vector<std::string>& wanted) && -> actives_facts {
        facts_.state = facts_.cause ? actives::unknown : actives::none_serving;
        for (const auto& each : facts_.instances) {
            facts_.state = together(facts_.state, serves(worst(each.checks), from_));
        }
        switch (facts_.state) {
            case actives::serving: facts_.reason = described(actives::serving) + " as active"; break;
            case actives::none_serving: facts_.reason = "no active serves: " + described_all(wanted); break;
            case actives::unknown:
                if (!facts_.cause) facts_.cause = error{errc::bad_data, described(actives::unknown)};
                facts_.reason = "whether an active serves is unknown: " + facts_.cause->message;
                break;
        }
        if (facts_.state != actives::unknown) facts_.cause.reset();
        return std::move(facts_);
    }

private:
    /// Sorted, so that the reason does not depend on the order in which Consul lists nodes.
    void insert(instance&& next) {
        auto at = facts_.instances.begin();
        const auto before = [&](const instance& each) {
            if (each.datacenter != next.datacenter) return each.datacenter < next.datacenter;
            return each.node != next.node ? each.node < next.node : state_of(each) < state_of(next);
        };
        while (at != facts_.instances.end() && before(*at)) ++at;
        facts_.instances.insert(at, std::move(next));
    }

    [[nodiscard]] static auto name(const instance& each) -> std::string {
        return each.datacenter.empty() ? each.node : each.node + " (" + each.datacenter + ')';
    }

    /// `web1 (hq) is critical by serfHealth`; of several such checks the first by name, as Consul's order is not fixed.
    [[nodiscard]] static auto state_of(const instance& each) -> std::string {
        const health state = worst(each.checks);
        const check_state* first = nullptr;
        for (const auto& check : each.checks) {
            if (check.state == state && (first == nullptr || check.id < first->id)) first = &check;
        }
        return name(each) + " is " + std::string{to_string(state)} +
               (first == nullptr ? " without a check" : " by " + one_line(first->id, 80));
    }

    [[nodiscard]] auto described(actives wanted) const -> std::string {
        for (const auto& each : facts_.instances) {
            if (serves(worst(each.checks), from_) != wanted) continue;
            return wanted == actives::serving ? name(each) + " serves" : state_of(each);
        }
        return {};
    }

    [[nodiscard]] auto described_all(const std::vector<std::string>& wanted) const -> std::string {
        constexpr std::size_t most = 4;
        std::vector<std::string> texts;
        for (const auto& each : facts_.instances) texts.push_back(state_of(each));
        for (const auto& each : wanted) {
            if (!has(each)) texts.push_back(each + " is not registered");
        }
        if (texts.empty()) texts.emplace_back("none is registered");
        if (texts.size() > most) {
            const std::size_t more = texts.size() - most;
            texts.resize(most);
            texts.push_back(std::to_string(more) + " more");
        }
        return listed(texts);
    }

    takeover from_;
    actives_facts facts_{};
    bool seen_any_{false};
};

[[nodiscard]] inline auto nothing_to_see(std::string_view service) -> error {
    const std::vector<acl_right> rights{{acl_resource::service, std::string{service}}, {acl_resource::node, {}, true}};
    return {errc::denied, "Consul lists no instance of " + std::string{service} +
                              ", not even this node's: it is not registered yet, or the token needs " +
                              to_string(rights)};
}

/// Before what is not listed counts as not there: a list leaves out what the token may not see, and before Consul 1.11
/// nothing in it says so.
template <typename Consul>
void doubt_without_rights(actives_census& census, Consul& consul, const std::vector<acl_right>& rights) {
    for (const auto& datacenter : census.asked()) {
        const auto whole = consul.require_rights(rights, datacenter, "Consul does not show all nodes");
        if (!whole) return census.doubt(whole.error());
        census.prove({datacenter, rights});
    }
}

}  // namespace detail

/// What the actives are looked for by, beside the document.
struct actives_query {
    std::string service{};
    identity who{};
    /// Narrows the actives of datacenters by node name; if empty, those of the same environment and server role count.
    std::string filter{};
    takeover from{takeover::on_critical};
    read_rules reads{};
};

/// The actives by node: this datacenter first, the others only if a listed active is not seen here and none serves.
template <typename Consul>
[[nodiscard]] auto gather_actives_by_node(Consul& consul, const cluster_group& group, const actives_query& query)
    -> actives_facts {
    const auto listed_active = [&](const instance& each) -> result<bool> {
        return detail::holds(group.active, each.node);
    };
    const auto instances = [&](const std::vector<std::string>& datacenters) {
        return consul.instances(query.service, datacenters, query.reads.health, query.reads.max_stale);
    };
    detail::actives_census census{query.from};
    std::string own = query.who.datacenter;
    for (auto& answer : instances({query.who.datacenter})) {
        // The agent's list of datacenters need not begin with its own.
        if (own.empty() && answer.instances && !answer.instances->empty()) own = answer.instances->front().datacenter;
        census.add(std::move(answer), listed_active);
    }
    // An empty list does not say that the actives are gone: a token without the right to see them gets the same.
    if (!census.seen_any()) census.doubt(detail::nothing_to_see(query.service));
    const auto unseen = [&] {
        std::vector<acl_right> nodes;
        for (const auto& name : group.active) {
            if (!census.has(name)) nodes.push_back({acl_resource::node, name});
        }
        return nodes;
    };
    if (!unseen().empty() && !census.serving()) {
        const auto known = consul.datacenters();
        if (!known) {
            census.doubt(known.error());
        } else {
            std::vector<std::string> others;
            for (const auto& each : *known) {
                if (each != own) others.push_back(each);
            }
            for (auto& answer : instances(others)) census.add(std::move(answer), listed_active);
        }
    }
    if (auto rights = unseen(); !rights.empty() && !census.serving() && !census.doubtful()) {
        rights.push_back({acl_resource::service, query.service});
        detail::doubt_without_rights(census, consul, rights);
    }
    return std::move(census).decided(group.active);
}

/// The actives by datacenter: the instances there whose node matches the filter, or has this node's environment and
/// server role.
template <typename Consul>
[[nodiscard]] auto gather_actives_by_datacenter(Consul& consul, const cluster_group& group, const actives_query& query)
    -> actives_facts {
    const identity& who = query.who;
    const auto counts = [&](const instance& each) -> result<bool> {
        if (!query.filter.empty()) return matches_at_start(query.filter, each.node);
        const host_parts parts = split_host_name(each.node);
        return same_host(parts.environment, who.environment) && same_host(parts.server_role, who.server_role);
    };
    const auto instances = [&](const std::vector<std::string>& datacenters) {
        return consul.instances(query.service, datacenters, query.reads.health, query.reads.max_stale);
    };
    detail::actives_census census{query.from};
    for (auto& answer : instances(group.active)) census.add(std::move(answer), counts);
    const auto& name = who.node.empty() ? who.host : who.node;
    const bool names_tell =
        name.find('-') != std::string::npos && split_host_name(name) == host_parts{who.environment, who.server_role};
    if (census.seen_any() && census.counted() == 0 && query.filter.empty() && !names_tell) {
        // Where this node's own name does not say its environment and role, those of the actives need not either.
        census.doubt({errc::bad_data, "no node there is named after environment " + quoted(who.environment) +
                                          " and server role " + quoted(who.server_role) + ", and neither is " +
                                          quoted(name) + "; set serviceFilter"});
    }
    if (!census.seen_any()) {
        // Nothing there may be nothing to see: a token that cannot see this node's own instance proves nothing.
        for (const auto& own : instances({who.datacenter})) {
            if (!own.instances) census.doubt(own.instances.error());
            if (own.instances && own.instances->empty()) census.doubt(detail::nothing_to_see(query.service));
        }
    }
    if (!census.serving() && !census.doubtful()) {
        // Nobody knows how many actives there should be: all that could be one must be visible.
        std::string prefix = query.filter.empty() ? who.environment : std::string{};
        if (query.filter.empty() && !who.server_role.empty()) prefix += '-' + who.server_role;
        detail::doubt_without_rights(
            census, consul, {{acl_resource::node, std::move(prefix), true}, {acl_resource::service, query.service}});
    }
    return std::move(census).decided({});
}

template <typename Consul>
[[nodiscard]] auto gather_actives(Consul& consul, const cluster_group& group, const actives_query& query)
    -> actives_facts {
    if (group.by == grouping::datacenters) return gather_actives_by_datacenter(consul, group, query);
    return gather_actives_by_node(consul, group, query);
}

}  // namespace powerconsul::inline v0
