#pragma once

#include <tuple>

#include <powerconsul/cluster/document.hpp>
#include <powerconsul/cluster/resolver_options.hpp>
#include <powerconsul/cluster/silent_checks.hpp>
#include <powerconsul/consul/client.hpp>

namespace powerconsul::inline v0 {

/// One list of instances that was read: of a datacenter, or of one of its nodes.
struct actives_source {
    std::string datacenter{};  ///< empty for the agent's own, if its name was not known
    read_facts how{};
    std::size_t instances{};       ///< how many it held, active or not
    std::optional<error> cause{};  ///< why it says nothing
    std::string node{};            ///< empty if all nodes were asked for
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
    bool for_a_time{};                      ///< it is unknown only until something has lasted for absent_after
    /// What there is to remember of where the actives are and since when they are not registered; not filled in are
    /// the members that the decision is made of.
    standby_memory memory{};
};

namespace detail {

/// Puts together what several datacenters answer, and decides only at the end.
template <typename Consul>
class actives_search {
public:
    actives_search(Consul& consul, const cluster_group& group, std::string_view service,
                   const resolver_options& options, const standby_memory& before, milliseconds now)
        : consul_{consul},
          group_{group},
          service_{service},
          options_{options},
          before_{before},
          now_{now},
          own_{options.who.datacenter},
          silent_{before.silent, now, options.wait.absent_after} {}

    [[nodiscard]] auto found() && -> actives_facts {
        by_nodes() ? look_by_node() : look_by_datacenter();
        if (!facts_.cause) note_absent();
        // Sorted, so that the reason does not depend on the order in which Consul lists nodes.
        algo::sort(facts_.instances, algo::less{}, [&](const instance& each) {
            return std::tuple<const std::string&, const std::string&, std::string>{each.datacenter, each.node,
                                                                                   state_of(each)};
        });
        note_homes();
        if (options_.who.datacenter.empty()) facts_.memory.here = own_;
        facts_.state = state();
        switch (facts_.state) {
            case actives::serving: facts_.reason = name(*serving()) + " serves as active"; break;
            case actives::none_serving: facts_.reason = "no active serves: " + described_all(); break;
            case actives::unknown:
                facts_.for_a_time = !facts_.cause && algo::none_of(facts_.instances, is_unknown_for_good);
                if (!facts_.cause) facts_.cause = why_unknown();
                facts_.reason = "whether an active serves is unknown: " + facts_.cause->message;
                return std::move(facts_);
        }
        facts_.cause.reset();
        return std::move(facts_);
    }

private:
    // --- asking ---

    /// Each active where it was seen last, or else in this datacenter, so that the cost does not depend on how many
    /// instances there are. Only where none serves they are looked for wherever they may be instead, and under each
    /// name that means them: when anything changes, and then once a minute.
    void look_by_node() {
        constexpr milliseconds longest = seconds(60);
        const std::string& here = options_.who.datacenter;
        // The agent caches whole lists only.
        const bool cached = options_.reads.health == consistency::cached;
        cached ? ask({here}) : ask_nodes();
        mark_silent();
        facts_.memory.listed = before_.listed;
        if (state() == actives::serving) {
            // Its absence would count from now on, and it may only have another name.
            const bool news = !cached && !others_are_not_asked_ && !facts_.cause &&
                              algo::any_of(missing(), [&](const auto& each) { return !before_.absent.contains(each); });
            if (news) ask({here}, named(group_.active));
            return;
        }
        // Who is not asked for by name may be back.
        const bool as_before = !others_are_not_asked_ && options_.reads.health != consistency::consistent &&
                               !facts_.cause && before_.seen == actives::none_serving && before_.listed.count != 0 &&
                               now_ - before_.listed < longest;
        if (as_before && state_if_absent_since(before_.absent) == actives::none_serving) return;
        others_are_not_asked_ = false;
        const auto by_name = facts_.instances.size();
        if (!cached && !facts_.cause) {
            ask({here}, named(group_.active));
            mark_silent();
        }
        ask_elsewhere();
        // Once a minute is enough only where nothing more is found than is asked for each time.
        facts_.memory.listed = facts_.instances.size() == by_name ? std::max(now_, milliseconds{1}) : milliseconds{};
    }

    /// Asks where else the missing actives may be.
    void ask_elsewhere() {
        // An empty list does not say that the actives are gone: a token without the right to see them gets the same.
        if (facts_.instances.empty() && facts_.sources.back().instances == 0) doubt(nothing_to_see());
        if (missing().empty() || state() == actives::serving) return;
        if (auto others = other_homes()) {
            ask(*others, named(missing()));
            mark_silent();
        } else {
            doubt(others.error());
        }
        std::vector<acl_right> rights;
        for (const auto& each : missing()) rights.push_back({acl_resource::node, each});
        if (rights.empty()) return;
        rights.push_back({acl_resource::service, service_});
        doubt_without(rights);
    }

    /// Those here first: another datacenter may hang. Of many actives the first few: one that serves is enough.
    void ask_nodes() {
        constexpr std::size_t many = 16;
        constexpr std::size_t few = 4;
        find_out_own_datacenter();
        others_are_not_asked_ = group_.active.size() > many;
        std::vector<node_place> here;
        std::vector<node_place> away;
        for (const auto& each : group_.active) {
            if (others_are_not_asked_ && here.size() + away.size() == few) break;
            const auto spelled = before_.names.find(each);
            const std::string& name = spelled == before_.names.end() ? each : spelled->second;
            const auto home = before_.homes.find(each);
            if (home != before_.homes.end() && is_away(home->second)) {
                away.push_back({name, home->second});
            } else {
                here.push_back({name, options_.who.datacenter});
            }
        }
        for (auto& answer : consul_.instances_on(here, service_, options_.reads.health)) take(std::move(answer));
        mark_silent();
        if (away.empty()) return;
        others_are_not_asked_ = others_are_not_asked_ || state() == actives::serving;
        if (state() == actives::serving) return;
        for (auto& answer : consul_.instances_on(away, service_, options_.reads.health)) take(std::move(answer));
    }

    [[nodiscard]] auto is_away(const std::string& home) const -> bool { return !home.empty() && home != own_; }

    /// Answers for a node do not name its datacenter. A token that may not know it does without the name.
    void find_out_own_datacenter() {
        if (own_.empty()) own_ = before_.here;
        if (own_.empty()) {
            const auto agent = consul_.agent();
            if (agent) own_ = agent->datacenter;
            if (!agent && agent.error().code != errc::denied && agent.error().code != errc::unsupported) {
                doubt(agent.error());
            }
        }
    }

    /// Only a list names it: until then it may not be known, or have been another one when it was asked for.
    void note_own_datacenter(const std::string& name) {
        for (auto& each : facts_.instances) {
            if (each.datacenter == own_) each.datacenter = name;
        }
        own_ = name;
    }

    /// The filter for instances on these nodes. This node's own stands beside them: where nothing is hidden and no
    /// proxy answers for another datacenter, it is not missing. None for more names than a request line should hold.
    [[nodiscard]] auto named(std::vector<std::string> nodes) const -> std::string {
        for (const auto& each : {options_.who.node, options_.who.host}) {
            if (!each.empty()) nodes.push_back(each);
        }
        constexpr std::size_t longest = 500;  // the embedded store takes no longer expressions
        auto filter = consul_filter::on_nodes(nodes);
        return filter.size() > longest ? std::string{} : filter;
    }

    /// Learns from the actives which checks are powerconsul's, and from this node's own instances if an active has one
    /// that does not seem to have run.
    void mark_silent() {
        if (silent_checks::any(facts_.instances)) {
            if (const auto own = own_instances()) silent_.learn(*own);
        }
        silent_.mark(facts_.instances, facts_.memory.silent);
    }

    /// This node's instances of the service, asked for once.
    [[nodiscard]] auto own_instances() -> const result<std::vector<instance>>& {
        if (own_instances_) return *own_instances_;
        node_place here{options_.who.node, options_.who.datacenter};
        if (here.node.empty()) {
            auto agent = consul_.agent();
            if (!agent) return own_instances_.emplace(unexpected{std::move(agent).error()});
            here.node = agent->node;
        }
        auto found = std::move(consul_.instances_on({here}, service_, options_.reads.health).front().instances);
        if (found && found->empty())
            found = std::move(instances({here.datacenter}, named({here.node})).front().instances);
        return own_instances_.emplace(std::move(found));
    }

    /// The other datacenters in which the missing actives may be.
    [[nodiscard]] auto other_homes() -> result<std::vector<std::string>> {
        std::set<std::string> homes;
        for (const auto& each : missing()) {
            const auto home = before_.homes.find(each);
            if (home == before_.homes.end()) {
                auto all = consul_.datacenters();
                if (all) std::erase(*all, own_);
                return all;
            }
            if (is_away(home->second)) homes.insert(home->second);
        }
        return std::vector<std::string>(homes.begin(), homes.end());
    }

    void look_by_datacenter() {
        if (ask_last_seen(); state() == actives::serving) return;
        others_are_not_asked_ = false;
        facts_.instances.clear();
        // A datacenter that could not tell of one node would not tell of all, either.
        std::vector<std::string> left = group_.active;
        for (const auto& each : facts_.sources) {
            if (each.cause) std::erase(left, each.datacenter);
        }
        const std::string filter = active_names();
        ask(left, filter);
        // Nothing of that name is there: something else may be, which an operator should know of.
        for (const auto& each : left) {
            const actives_source& source = *algo::find_if(
                facts_.sources, [&](const auto& one) { return one.node.empty() && one.datacenter == each; });
            if (!filter.empty() && source.instances == 0 && !source.cause) ask({each});
        }
        mark_silent();
        // Nothing there may be nothing to see: a token that cannot see this node's own instance proves nothing.
        if (algo::all_of(facts_.sources, [](const auto& each) { return each.instances == 0; })) {
            const auto& own = own_instances();
            if (!own) doubt(own.error());
            if (own && own->empty()) doubt(nothing_to_see());
        }
        const identity& who = options_.who;
        const bool derived = options_.service_filter.empty();
        for (const auto& each : facts_.sources) {
            if (!derived || each.instances == 0 || !each.node.empty() || !is_missing(each.datacenter)) continue;
            // Nodes there need not be named as they are here. Only what an operator has written can say that none of
            // the instances there is an active one.
            doubt({errc::bad_data, "no node in " + each.datacenter + " with " + service_ +
                                       " is named after environment " + quoted(who.environment) + " and server role " +
                                       quoted(who.server_role) + "; set serviceFilter"});
        }
        // Nobody knows how many actives there should be: all that could be one must be visible.
        doubt_without({{acl_resource::node, derived ? named_prefix() : "", true}, {acl_resource::service, service_}});
    }

    /// An active of each datacenter that served at the last look: as long as one does, nothing else decides.
    void ask_last_seen() {
        std::vector<node_place> places;
        for (const auto& [node, datacenter] : before_.homes) {
            if (is_one_of(datacenter, group_.active) && is_active(node).value_or(false)) {
                places.push_back({node, datacenter});
            }
        }
        if (places.empty() || options_.reads.health == consistency::cached) return;
        others_are_not_asked_ = true;
        for (auto& answer : consul_.instances_on(places, service_, options_.reads.health)) take(std::move(answer));
        mark_silent();
    }

    /// The filter for nodes that may be actives of a datacenter; empty if there is none.
    [[nodiscard]] auto active_names() const -> std::string {
        if (options_.reads.health == consistency::cached) return {};
        const std::string prefix = options_.service_filter.empty()
                                       ? named_prefix()
                                       : std::string{consul_filter::literal_prefix(options_.service_filter)};
        return prefix.empty() ? std::string{} : consul_filter::on_nodes_named(prefix);
    }

    /// With which the names of the nodes begin that have this node's environment and server role.
    [[nodiscard]] auto named_prefix() const -> std::string {
        const identity& who = options_.who;
        return who.server_role.empty() ? who.environment : who.environment + '-' + who.server_role;
    }

    [[nodiscard]] auto instances(const std::vector<std::string>& datacenters, std::string_view filter) {
        return consul_.instances(service_, datacenters, options_.reads.health, options_.reads.max_stale, filter);
    }

    void ask(const std::vector<std::string>& datacenters, std::string_view filter = {}) {
        for (auto& answer : instances(datacenters, filter)) take(std::move(answer));
    }

    void take(found_instances answer) {
        auto& source =
            facts_.sources.emplace_back(actives_source{answer.datacenter, std::move(answer.how), 0, {}, answer.node});
        if (!answer.instances) {
            source.cause = answer.instances.error();
            return doubt(answer.instances.error());
        }
        source.instances = answer.instances->size();
        leave_out_left_over(*answer.instances);
        silent_.learn(*answer.instances);
        const auto known = std::ssize(facts_.instances);
        const auto is_known = [&](const instance& one) {
            return std::any_of(facts_.instances.begin(), facts_.instances.begin() + known, [&](const auto& each) {
                return same_host(each.node, one.node) && each.datacenter == one.datacenter;
            });
        };
        for (auto& each : *answer.instances) {
            // The agent's list of datacenters need not begin with its own.
            if (answer.datacenter.empty() && !each.datacenter.empty()) note_own_datacenter(each.datacenter);
            if (each.datacenter.empty()) each.datacenter = own_;
            const auto active = is_active(each.node);
            if (!active) return doubt(active.error());
            if (*active && !is_known(each)) facts_.instances.push_back(std::move(each));
        }
    }

    // --- what is not there ---

    /// Remembers in which datacenter the actives are and how the catalog spells them; of a datacenter's, one that
    /// serves.
    void note_homes() {
        auto& homes = facts_.memory.homes;
        auto& names = facts_.memory.names;
        if (!by_nodes()) {
            for (const auto& each : group_.active) {
                if (const auto one = serving_in(each); one != facts_.instances.end()) homes[one->node] = each;
            }
            return;
        }
        for (const auto& each : group_.active) {
            if (const auto known = before_.homes.find(each); known != before_.homes.end()) homes.insert(*known);
            if (const auto known = before_.names.find(each); known != before_.names.end()) names.insert(*known);
            // A dead one may be left where it was before.
            bool found = false;
            for (const auto& seen : facts_.instances) {
                if (!same_node(each, seen.node) || found) continue;
                homes[each] = seen.datacenter;
                names.erase(each);
                if (!same_host(each, seen.node)) names[each] = seen.node;
                found = serves(seen.checks, options_.from) == actives::serving;
            }
        }
    }

    /// One that serves in a datacenter: the one that is remembered, or else each node that asks takes another one. Were
    /// it the same for all, they would all have to look for the next one at the same time.
    [[nodiscard]] auto serving_in(const std::string& datacenter) const -> std::vector<instance>::const_iterator {
        std::vector<std::vector<instance>::const_iterator> all;
        for (auto each = facts_.instances.begin(); each != facts_.instances.end(); ++each) {
            if (each->datacenter != datacenter || serves(each->checks, options_.from) != actives::serving) continue;
            if (before_.homes.contains(each->node)) return each;
            all.push_back(each);
        }
        const std::uint64_t mark = fnv1a(options_.who.node, fnv1a(options_.who.host));
        return all.empty() ? facts_.instances.end() : all[mark % all.size()];
    }

    /// The instance to name as the one that serves; there must be one.
    [[nodiscard]] auto serving() const -> std::vector<instance>::const_iterator {
        if (by_nodes()) return first(actives::serving);
        const auto none = facts_.instances.end();
        for (const auto& each : group_.active) {
            if (const auto one = serving_in(each); one != none) return one;
        }
        return none;
    }

    /// Remembers since when those are missing that no answer holds. Who was not asked for may have been there
    /// meanwhile.
    void note_absent() {
        if (others_are_not_asked_) return;
        for (const auto& each : missing()) {
            note_since(before_.absent, facts_.memory.absent, each, now_);
        }
    }
    [[nodiscard]] auto is_long_absent(const std::string& which, const since_when& absent) const -> bool {
        const auto known = absent.find(which);
        return known != absent.end() && now_.count - known->second >= options_.wait.absent_after.count;
    }
    [[nodiscard]] auto is_missing(const std::string& which) const -> bool {
        return algo::none_of(facts_.instances, [&](const auto& each) {
            return by_nodes() ? same_node(which, each.node) : which == each.datacenter;
        });
    }
    /// The actives that the document names, nodes or datacenters, and that no answer holds.
    [[nodiscard]] auto missing() const -> std::vector<std::string> {
        std::vector<std::string> names = group_.active;
        std::erase_if(names, [&](const auto& each) { return !is_missing(each); });
        return names;
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
        std::set<std::string> whole_if_open;
        for (const auto& each : facts_.sources) {
            const bool done =
                algo::any_of(facts_.proven, [&](const auto& other) { return other.datacenter == each.datacenter; });
            if (done || (each.how.open && whole_if_open.contains(each.datacenter))) continue;
            const auto whole = consul_.require_rights(rights, each.datacenter, "Consul does not show all nodes");
            // Nothing is hidden where everything is allowed, if the answer would say so where it is not.
            if (!whole && whole.error().code == errc::unsupported && each.how.open &&
                consul_.unmarked_is_whole(each.datacenter)) {
                whole_if_open.insert(each.datacenter);
                continue;
            }
            if (!whole) return doubt(whole.error());
            facts_.proven.push_back({each.datacenter, rights});
        }
    }

    // --- what is known ---

    [[nodiscard]] auto by_nodes() const -> bool { return group_.by != grouping::datacenters; }

    [[nodiscard]] auto state() const -> actives { return state_if_absent_since(facts_.memory.absent); }

    [[nodiscard]] auto state_if_absent_since(const since_when& absent) const -> actives {
        actives all = facts_.cause ? actives::unknown : actives::none_serving;
        for (const auto& each : facts_.instances) all = together(all, serves(each.checks, options_.from));
        for (const auto& each : missing()) {
            if (!is_long_absent(each, absent)) all = together(all, actives::unknown);
        }
        return all;
    }

    /// The first instance of which that is known; there must be one.
    [[nodiscard]] auto first(actives wanted) const {
        return algo::find(facts_.instances, wanted,
                          [&](const auto& each) { return serves(each.checks, options_.from); });
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

    /// The check that decides whether an instance serves; of several the worst, and then the first by name, as Consul's
    /// order is not fixed. nullptr if it has none.
    [[nodiscard]] auto decisive(const instance& of) const -> const check_state* {
        const actives counts = serves(of.checks, options_.from);
        const check_state* by = nullptr;
        for (const auto& each : of.checks) {
            if (serves(each.state, options_.from) != counts) continue;
            if (by == nullptr || by->state < each.state || (by->state == each.state && each.id < by->id)) by = &each;
        }
        return by;
    }

    /// `web1 (hq) is critical by serfHealth`
    [[nodiscard]] auto state_of(const instance& each) const -> std::string {
        const check_state* const by = decisive(each);
        if (by == nullptr) return name(each) + " is passing without a check";
        const std::string id = one_line(by->id, 80);
        if (by->has_not_run) {
            return name(each) + " is unknown: its check " + id + " has not run since its agent was started";
        }
        if (cannot_tell(*by)) return name(each) + " is unknown: its check " + id + " cannot tell";
        return name(each) + " is " + std::string{to_string(by->state)} + " by " + id;
    }
    [[nodiscard]] static auto is_unknown_for_good(const instance& each) -> bool {
        return algo::any_of(each.checks,
                            [](const auto& check) { return check.state == health::unknown && !check.has_not_run; });
    }
    [[nodiscard]] static auto cannot_tell(const check_state& check) -> bool {
        return check.state == health::unknown && check.output == output_kind::own_unknown;
    }

    [[nodiscard]] auto absent(const std::string& which) const -> std::string {
        return by_nodes() ? which + " is not registered" : "no active is registered in " + which;
    }

    /// Of what is in no doubt otherwise: an instance that is unknown, or one that has not been away for long.
    [[nodiscard]] auto why_unknown() const -> error {
        if (const auto one = first(actives::unknown); one != facts_.instances.end()) {
            const check_state* const by = decisive(*one);
            const bool for_now = by != nullptr && (by->has_not_run || cannot_tell(*by));
            return {for_now ? errc::unavailable : errc::bad_data, state_of(*one)};
        }
        std::vector<std::string> texts;
        for (const auto& each : missing()) {
            if (!is_long_absent(each, facts_.memory.absent)) texts.push_back(absent(each));
        }
        return {errc::unavailable, listed(texts) + ", which counts after " + to_string(options_.wait.absent_after) +
                                       ": a service runs on while its agent is restarted"};
    }

    [[nodiscard]] auto described_all() const -> std::string {
        constexpr std::size_t most = 4;
        std::vector<std::string> texts;
        for (const auto& each : facts_.instances) texts.push_back(state_of(each));
        for (const auto& each : missing()) texts.push_back(absent(each));
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
    const standby_memory& before_;
    milliseconds now_;
    std::string own_;  ///< this node's datacenter; empty while it is not known
    actives_facts facts_{};
    silent_checks silent_;
    std::optional<result<std::vector<instance>>> own_instances_{};
    bool others_are_not_asked_{};  ///< since what was asked first decides
};

}  // namespace detail

/// The actives of a group: by node, the instances of the listed nodes; by datacenter, the instances there whose node
/// matches the filter, or has this node's environment and server role. `before`: what was remembered at the last look;
/// `now`: on the clock of its times.
template <typename Consul>
[[nodiscard]] auto gather_actives(Consul& consul, const cluster_group& group, std::string_view service,
                                  const resolver_options& options, const standby_memory& before, milliseconds now)
    -> actives_facts {
    return detail::actives_search<Consul>{consul, group, service, options, before, now}.found();
}

}  // namespace powerconsul::inline v0
