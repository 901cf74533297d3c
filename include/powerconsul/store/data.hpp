#pragma once

#include <set>

#include <powerconsul/core/time.hpp>
#include <powerconsul/store/keys.hpp>

namespace powerconsul::inline v0 {

/// The result of a check as Consul keeps it: it knows no fourth state.
enum class store_status : unsigned char { passing, warning, critical };

inline constexpr std::string_view store_status_names[] = {"passing", "warning", "critical"};

[[nodiscard]] constexpr auto to_string(store_status value) -> std::string_view {
    return store_status_names[static_cast<unsigned char>(value)];
}

inline constexpr std::string_view serf_health = "serfHealth";
inline constexpr std::string_view node_maintenance = "_node_maintenance";
inline constexpr std::string_view service_maintenance = "_service_maintenance:";

/// The size that one value may have, in bytes: Consul's kv_max_value_size.
inline constexpr std::size_t largest_store_value = 512 * 1024;

struct store_check {
    store_status status{store_status::passing};
    std::optional<std::string> output{};  ///< a text that says the status if not set; empty if the check has never run
    std::uint64_t created{};              ///< the store sets the indexes: what a caller puts here is not kept
    std::uint64_t modified{};
};

using store_checks = std::map<std::string, store_check, std::less<>>;

/// One registration of a service on a node. Names must be UTF-8.
struct store_instance {
    std::string service{};
    std::string node{};
    std::string id{};  ///< the service's name if empty
    std::vector<std::string> tags{};
    std::string address{};
    std::uint16_t port{};
    store_checks checks{};  ///< the service's own; store_node has those of the node
    std::uint64_t created{};
    std::uint64_t modified{};
};

struct store_node {
    store_checks checks{};
    std::map<std::string, store_instance, std::less<>> instances{};  ///< by id
    std::uint64_t created{};
};

/// A session, which holds keys until it ends. Its node and its checks must exist, and none of the checks may be
/// critical.
struct store_session {
    std::string name{};
    std::string node{};
    std::vector<std::string> checks{std::string{serf_health}};  ///< of the node or of its services
    std::string ttl{};                                          ///< as it was given
    std::string behavior{"release"};       ///< or `delete`: what its end does with the keys that it holds
    milliseconds lifetime{};               ///< how long it lives unless renewed: twice its TTL; 0 for ever
    milliseconds lock_delay{seconds(15)};  ///< how long nobody can lock what it held, 60 s at most
    std::uint64_t created{};
    milliseconds ends{};  ///< in the store's time, if it has a lifetime
};

/// The agent that a store answers as: node and datacenter of "the local agent".
struct store_agent {
    std::string node{"embedded"};
    std::string datacenter{"dc1"};
};

struct store_datacenter {
    std::string name{};
    bool reachable{true};
    store_keys kv{};
    std::map<std::string, store_session, std::less<>> sessions{};  ///< by id
    std::uint64_t sessions_index{};                                ///< of the last session that was created or ended
    std::map<std::string, milliseconds, std::less<>> delayed{};    ///< until when nobody can lock a key
    std::map<std::string, store_node, std::less<>> nodes{};
    /// The (node, id) of each instance, by the service's name.
    std::map<std::string, std::set<std::pair<std::string, std::string>>, std::less<>> services{};
};

/// The data of a store, with changes that keep the indexes and the tables of services in step. One index counts all
/// changes, as Raft's does in one datacenter; it never decreases.
class store_data {
public:
    [[nodiscard]] auto index() const -> std::uint64_t { return index_; }
    /// In the order in which they were added.
    [[nodiscard]] auto datacenters() const -> const std::vector<store_datacenter>& { return datacenters_; }

    [[nodiscard]] auto find(std::string_view datacenter) const -> const store_datacenter* {
        const auto found = algo::find(datacenters_, datacenter, &store_datacenter::name);
        return found == datacenters_.end() ? nullptr : &*found;
    }
    [[nodiscard]] auto find(std::string_view datacenter) -> store_datacenter* {
        return const_cast<store_datacenter*>(std::as_const(*this).find(datacenter));
    }
    /// The datacenter of that name, made if it is not there yet.
    auto at(std::string_view datacenter) -> store_datacenter& {
        if (auto* const there = find(datacenter)) return *there;
        datacenters_.push_back({.name = std::string{datacenter}});
        return datacenters_.back();
    }

    // --- keys ---

    void put(store_datacenter& in, std::string_view key, std::string_view bytes) {
        (void)apply(in, {.verb = "set", .key = std::string{key}, .bytes = std::string{bytes}}, index_ + 1);
    }
    auto erase(store_datacenter& in, std::string_view key) -> bool {
        const bool erased = in.kv.erase(key, index_ + 1);
        return index_ = std::max(index_, in.kv.index()), erased;
    }
    /// Does an operation under an index: the next one, or that of the same transaction.
    auto apply(store_datacenter& in, const kv_operation& wanted, std::uint64_t at) -> kv_outcome {
        const bool locks = wanted.verb == "lock";
        if ((locks || wanted.verb == "unlock") && wanted.session.empty()) return {{}, "missing session", true};
        if (locks) {
            if (auto problem = lookup_problem(wanted.session); !problem.empty()) return {{}, std::move(problem), true};
            if (!in.sessions.contains(wanted.session)) {
                return {{}, "invalid session " + go_quoted(wanted.session), true};
            }
        }
        auto outcome = in.kv.apply(wanted, at);
        index_ = std::max(index_, in.kv.index());
        return outcome;
    }

    // --- sessions ---

    /// Why no session can have that id, in Consul's words; empty if one can.
    [[nodiscard]] static auto lookup_problem(std::string_view id) -> std::string {
        return id.size() == 36 ? "" : "failed session lookup: index error: UUID must be 36 characters";
    }

    /// Whether a key was held by a session that ended so recently that nobody can lock it yet.
    [[nodiscard]] auto is_delayed(const store_datacenter& in, std::string_view key) const -> bool {
        const auto found = in.delayed.find(key);
        return found != in.delayed.end() && found->second > now_;
    }
    /// Why Consul would refuse such a session, in its words; empty if it would not.
    [[nodiscard]] auto problem_of(store_datacenter& in, const store_session& session) -> std::string {
        if (!in.nodes.contains(session.node)) return "Missing node registration";
        for (const auto& id : session.checks) {
            const auto* const among = checks_with(in, session.node, id);
            if (among == nullptr || !among->contains(id)) return "Missing check '" + id + "' registration";
            if (among->find(id)->second.status == store_status::critical) {
                return "Check '" + id + "' is in critical state";
            }
        }
        return {};
    }
    /// Adds a session and returns its id: the same in each run, and unique among all of a store's datacenters.
    auto add_session(store_datacenter& in, store_session session) -> std::string {
        session.created = in.sessions_index = ++index_;
        session.ends = now_ + session.lifetime;
        const std::string digits = ascii::hexadecimal(index_, 16);
        std::string id = "00000000-0000-0000-" + digits.substr(0, 4) + '-' + digits.substr(4);
        in.sessions.insert_or_assign(id, std::move(session));
        return id;
    }
    void renew_session(store_session& session) const { session.ends = now_ + session.lifetime; }
    void end_session(store_datacenter& in, const std::string& id) { end_session(in, id, now_, index_ + 1); }
    /// Ends the sessions whose checks are gone or critical.
    void end_broken_sessions(store_datacenter& in) {
        const auto ended = ids_of(in, [&](const store_session& each) { return !problem_of(in, each).empty(); });
        const std::uint64_t at = index_ + 1;
        for (const auto& id : ended) end_session(in, id, now_, at);
    }
    /// Moves the store's time, which stands still otherwise, and ends the sessions whose lifetime is over by then.
    void set_time(milliseconds now) {
        now_ = now;
        const auto is_over = [now](const store_session& each) { return each.lifetime.count != 0 && each.ends <= now; };
        for (auto& in : datacenters_) {
            for (const auto& id : ids_of(in, is_over)) {
                end_session(in, id, in.sessions.find(id)->second.ends, index_ + 1);
            }
        }
    }

    // --- nodes and services ---

    /// The node of that name, made with a passing serfHealth if it is not there yet.
    auto node(store_datacenter& in, std::string_view name) -> store_node& {
        const auto found = in.nodes.find(name);
        if (found != in.nodes.end()) return found->second;
        auto& made = in.nodes[std::string{name}];
        made.created = ++index_;
        made.checks.emplace(serf_health, store_check{store_status::passing, std::nullopt, index_, index_});
        return made;
    }

    /// Adds an instance and its node, or replaces the one of the same node and id.
    void add(store_datacenter& in, store_instance instance) {
        if (instance.id.empty()) instance.id = instance.service;
        auto& on = node(in, instance.node);
        remove(in, instance.node, instance.id);
        instance.created = instance.modified = ++index_;
        for (auto& [id, check] : instance.checks) check.created = check.modified = ++index_;
        in.services[instance.service].emplace(instance.node, instance.id);
        on.instances.insert_or_assign(instance.id, std::move(instance));
    }
    auto remove(store_datacenter& in, std::string_view node_name, std::string_view id) -> bool {
        const auto on = in.nodes.find(node_name);
        if (on == in.nodes.end()) return false;
        const auto found = on->second.instances.find(id);
        if (found == on->second.instances.end()) return false;
        const auto listed = in.services.find(found->second.service);
        listed->second.erase({std::string{node_name}, std::string{id}});
        if (listed->second.empty()) in.services.erase(listed);
        on->second.instances.erase(found);
        ++index_;
        return true;
    }

    // --- checks ---

    /// The checks to which the id belongs on that node: those of the instance that has it or that it puts into
    /// maintenance, else the node's own. nullptr if there is no such node or instance.
    [[nodiscard]] auto checks_with(store_datacenter& in, std::string_view node_name, std::string_view id)
        -> store_checks* {
        const auto on = in.nodes.find(node_name);
        if (on == in.nodes.end()) return nullptr;
        const bool maintains = id.starts_with(service_maintenance);
        for (auto& [name, instance] : on->second.instances) {
            const bool maintained = maintains && id.substr(service_maintenance.size()) == name;
            if (maintained || instance.checks.contains(id)) return &instance.checks;
        }
        return maintains ? nullptr : &on->second.checks;
    }
    void set(store_checks& among, std::string_view id, store_status status, std::optional<std::string> output) {
        const auto found = among.find(id);
        if (found == among.end()) {
            ++index_;
            among.emplace(id, store_check{status, std::move(output), index_, index_});
        } else if (auto& check = found->second; check.status != status || check.output != output) {
            check = {status, std::move(output), check.created, ++index_};
        }
    }
    auto erase_check(store_checks& among, std::string_view id) -> bool {
        const auto found = among.find(id);
        if (found == among.end()) return false;
        among.erase(found);
        ++index_;
        return true;
    }

private:
    void end_session(store_datacenter& in, const std::string& id, milliseconds when, std::uint64_t at) {
        const auto found = in.sessions.find(id);
        if (found == in.sessions.end()) return;
        const auto session = std::move(found->second);
        in.sessions.erase(found);
        in.sessions_index = index_ = at;
        const auto until = when + shorter(session.lock_delay, seconds(60));
        for (const auto& key : in.kv.end_session(id, session.behavior == "delete", at))
            in.delayed.insert_or_assign(key, until);
    }
    template <typename Wanted>
    [[nodiscard]] static auto ids_of(const store_datacenter& in, Wanted&& is_wanted) -> std::vector<std::string> {
        std::vector<std::string> ids;
        for (const auto& [id, session] : in.sessions) {
            if (is_wanted(session)) ids.push_back(id);
        }
        return ids;
    }

    milliseconds now_{};
    std::uint64_t index_{};
    std::vector<store_datacenter> datacenters_{};
};

/// The output that a check shows: its own, or a text as Consul gives one.
[[nodiscard]] inline auto shown_output(std::string_view id, const store_check& check) -> std::string {
    if (check.output) return *check.output;
    if (id == node_maintenance || id.starts_with(service_maintenance)) return {};
    if (id != serf_health) return "set to " + std::string{to_string(check.status)} + " in the embedded store";
    return check.status == store_status::critical ? "Agent not live or unreachable" : "Agent alive and reachable";
}

}  // namespace powerconsul::inline v0
