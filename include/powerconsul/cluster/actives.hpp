#pragma once

#include <tuple>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/consul/client.hpp>

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

struct resolver_options {
    identity who{};             ///< what is empty is taken from the host name, then from the agent
    std::string cluster_key{};  ///< the key below which the documents stand; if empty, `cluster/<environment>`
    /// Narrows the actives of datacenters by node name; if empty, those of the same environment and server role count.
    std::string service_filter{};
    takeover from{takeover::on_critical};
    milliseconds max_age{seconds(60)};  ///< for how long a last known role may be used; 0 means never
    read_rules reads{};
};

namespace detail {

/// Puts together what several datacenters answer, and decides only at the end.
template <typename Consul>
class actives_search {
public:
    actives_search(Consul& consul, const cluster_group& group, std::string_view service,
                   const resolver_options& options)
        : consul_{consul}, group_{group}, service_{service}, options_{options}, own_{options.who.datacenter} {}

    [[nodiscard]] auto found() && -> actives_facts {
        by_nodes() ? look_by_node() : look_by_datacenter();
        // Sorted, so that the reason does not depend on the order in which Consul lists nodes.
        std::ranges::sort(facts_.instances, {}, [&](const instance& each) {
            return std::tuple<const std::string&, const std::string&, std::string>{each.datacenter, each.node,
                                                                                   state_of(each)};
        });
        facts_.state = state();
        switch (facts_.state) {
            case actives::serving: facts_.reason = name(*first(actives::serving)) + " serves as active"; break;
            case actives::none_serving: facts_.reason = "no active serves: " + described_all(); break;
            case actives::unknown:
                if (!facts_.cause) facts_.cause = error{errc::bad_data, state_of(*first(actives::unknown))};
                facts_.reason = "whether an active serves is unknown: " + facts_.cause->message;
                return std::move(facts_);
        }
        facts_.cause.reset();
        return std::move(facts_);
    }

private:
    // --- asking ---

    /// This datacenter first, the others only if a listed active is not seen here and none serves.
    void look_by_node() {
        ask({own_});
        // An empty list does not say that the actives are gone: a token without the right to see them gets the same.
        if (!seen_any_) doubt(nothing_to_see());
        if (unseen().empty() || state() == actives::serving) return;
        if (auto others = consul_.datacenters()) {
            std::erase(*others, own_);
            ask(*others);
        } else {
            doubt(others.error());
        }
        std::vector<acl_right> rights;
        for (const auto& each : unseen()) rights.push_back({acl_resource::node, each});
        if (rights.empty()) return;
        rights.push_back({acl_resource::service, service_});
        doubt_without(rights);
    }

    void look_by_datacenter() {
        ask(group_.active);
        const identity& who = options_.who;
        const std::string& filter = options_.service_filter;
        const auto& own_name = who.node.empty() ? who.host : who.node;
        const bool names_tell = own_name.find('-') != std::string::npos &&
                                split_host_name(own_name) == host_parts{who.environment, who.server_role};
        if (seen_any_ && facts_.instances.empty() && filter.empty() && !names_tell) {
            // Where this node's own name does not say its environment and role, those of the actives need not either.
            doubt({errc::bad_data, "no node there is named after environment " + quoted(who.environment) +
                                       " and server role " + quoted(who.server_role) + ", and neither is " +
                                       quoted(own_name) + "; set serviceFilter"});
        }
        if (!seen_any_) {
            // Nothing there may be nothing to see: a token that cannot see this node's own instance proves nothing.
            for (const auto& own : instances({who.datacenter})) {
                if (!own.instances) doubt(own.instances.error());
                if (own.instances && own.instances->empty()) doubt(nothing_to_see());
            }
        }
        // Nobody knows how many actives there should be: all that could be one must be visible.
        std::string prefix = filter.empty() ? who.environment : std::string{};
        if (filter.empty() && !who.server_role.empty()) prefix += '-' + who.server_role;
        doubt_without({{acl_resource::node, std::move(prefix), true}, {acl_resource::service, service_}});
    }

    [[nodiscard]] auto instances(const std::vector<std::string>& datacenters) {
        return consul_.instances(service_, datacenters, options_.reads.health, options_.reads.max_stale);
    }

    void ask(const std::vector<std::string>& datacenters) {
        for (auto& answer : instances(datacenters)) {
            auto& source = facts_.sources.emplace_back(actives_source{answer.datacenter, std::move(answer.how), 0, {}});
            if (!answer.instances) {
                source.cause = answer.instances.error();
                doubt(answer.instances.error());
                continue;
            }
            source.instances = answer.instances->size();
            for (auto& each : *answer.instances) {
                seen_any_ = true;
                // The agent's list of datacenters need not begin with its own.
                if (own_.empty()) own_ = each.datacenter;
                const auto active = is_active(each.node);
                if (!active) {
                    doubt(active.error());
                    break;
                }
                if (*active) facts_.instances.push_back(std::move(each));
            }
        }
    }

    [[nodiscard]] auto is_active(const std::string& node) const -> result<bool> {
        if (by_nodes()) return holds(group_.active, node);
        if (!options_.service_filter.empty()) return matches_at_start(options_.service_filter, node);
        const host_parts parts = split_host_name(node);
        return same_host(parts.environment, options_.who.environment) &&
               same_host(parts.server_role, options_.who.server_role);
    }

    /// Records something that could not be found out: unless an active is seen serving, the answer is unknown.
    void doubt(const error& why) {
        if (!facts_.cause) facts_.cause = why;
    }

    /// Before what is not listed counts as not there: a list leaves out what the token may not see, and before Consul
    /// 1.11 nothing in it says so.
    void doubt_without(const std::vector<acl_right>& rights) {
        if (facts_.cause || state() == actives::serving) return;
        for (const auto& each : facts_.sources) {
            const auto whole = consul_.require_rights(rights, each.datacenter, "Consul does not show all nodes");
            // Nothing is hidden where everything is allowed, if the answer would say so where it is not.
            if (!whole && whole.error().code == errc::unsupported && each.how.open &&
                consul_.unmarked_is_whole(each.datacenter)) {
                continue;
            }
            if (!whole) return doubt(whole.error());
            facts_.proven.push_back({each.datacenter, rights});
        }
    }

    // --- what is known ---

    [[nodiscard]] auto by_nodes() const -> bool { return group_.by != grouping::datacenters; }

    [[nodiscard]] auto state() const -> actives {
        actives all = facts_.cause ? actives::unknown : actives::none_serving;
        for (const auto& each : facts_.instances) all = together(all, serves(worst(each.checks), options_.from));
        return all;
    }

    /// The first instance of which that is known; there must be one.
    [[nodiscard]] auto first(actives wanted) const {
        return std::ranges::find(facts_.instances, wanted,
                                 [&](const auto& each) { return serves(worst(each.checks), options_.from); });
    }

    /// The listed actives, by node, that no answer holds.
    [[nodiscard]] auto unseen() const -> std::vector<std::string> {
        std::vector<std::string> names;
        if (by_nodes()) names = group_.active;
        std::erase_if(names, [&](const auto& wanted) {
            return std::ranges::any_of(facts_.instances,
                                       [&](const auto& each) { return same_node(wanted, each.node); });
        });
        return names;
    }

    // --- in words ---

    [[nodiscard]] auto nothing_to_see() const -> error {
        return {errc::denied, "Consul lists no instance of " + service_ +
                                  ", not even this node's: it is not registered yet, or the token needs " +
                                  to_string({{acl_resource::service, service_}, {acl_resource::node, {}, true}})};
    }

    [[nodiscard]] static auto name(const instance& each) -> std::string {
        return each.datacenter.empty() ? each.node : each.node + " (" + each.datacenter + ')';
    }

    /// `web1 (hq) is critical by serfHealth`; of several such checks the first by name, as Consul's order is not fixed.
    [[nodiscard]] static auto state_of(const instance& each) -> std::string {
        const health state = worst(each.checks);
        const check_state* by = nullptr;
        for (const auto& check : each.checks) {
            if (check.state == state && (by == nullptr || check.id < by->id)) by = &check;
        }
        return name(each) + " is " + std::string{to_string(state)} +
               (by == nullptr ? " without a check" : " by " + one_line(by->id, 80));
    }

    [[nodiscard]] auto described_all() const -> std::string {
        constexpr std::size_t most = 4;
        std::vector<std::string> texts;
        for (const auto& each : facts_.instances) texts.push_back(state_of(each));
        for (const auto& each : unseen()) texts.push_back(each + " is not registered");
        if (texts.empty()) texts.emplace_back("none is registered");
        if (texts.size() > most) {
            const std::size_t more = texts.size() - most;
            texts.resize(most);
            texts.push_back(std::to_string(more) + " more");
        }
        return listed(texts);
    }

    Consul& consul_;
    const cluster_group& group_;
    std::string service_;
    const resolver_options& options_;
    std::string own_;  ///< this node's datacenter; empty while it is not known
    actives_facts facts_{};
    bool seen_any_{};  ///< an answer held an instance, active or not
};

}  // namespace detail

/// The actives of a group: by node, the instances of the listed nodes; by datacenter, the instances there whose node
/// matches the filter, or has this node's environment and server role.
template <typename Consul>
[[nodiscard]] auto gather_actives(Consul& consul, const cluster_group& group, std::string_view service,
                                  const resolver_options& options) -> actives_facts {
    return detail::actives_search<Consul>{consul, group, service, options}.found();
}

}  // namespace powerconsul::inline v0
