#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// What Consul keeps of a check's result; it knows no fourth.
enum class store_status : unsigned char { passing, warning, critical };

inline constexpr std::string_view store_status_names[] = {"passing", "warning", "critical"};

[[nodiscard]] constexpr auto to_string(store_status value) -> std::string_view {
    return store_status_names[static_cast<unsigned char>(value)];
}

inline constexpr std::string_view serf_health = "serfHealth";
inline constexpr std::string_view node_maintenance = "_node_maintenance";
inline constexpr std::string_view service_maintenance = "_service_maintenance:";

/// What one value may have, in bytes: Consul's kv_max_value_size.
inline constexpr std::size_t largest_store_value = 512 * 1024;

struct store_check {
    store_status status{store_status::passing};
    std::optional<std::string> output{};  ///< none: a text that says the status; empty: the check has never run
    std::uint64_t created{};              ///< indexes are the store's own: what a caller puts here is not kept
    std::uint64_t modified{};
};

using store_checks = std::map<std::string, store_check, std::less<>>;

/// One registration of a service on a node. Names must be UTF-8.
struct store_instance {
    std::string service{};
    std::string node{};
    std::string id{};  ///< empty: the service's name
    std::vector<std::string> tags{};
    std::string address{};
    std::uint16_t port{};
    store_checks checks{};  ///< the service's own; those of the node stand with the node
    std::uint64_t created{};
    std::uint64_t modified{};
};

struct store_node {
    store_checks checks{};
    std::map<std::string, store_instance, std::less<>> instances{};  ///< by id
    std::uint64_t created{};
};

struct store_value {
    std::string bytes{};
    std::uint64_t flags{};
    std::uint64_t created{};
    std::uint64_t modified{};
};

/// Whom a store answers as: the node and the datacenter of "the local agent".
struct store_agent {
    std::string node{"embedded"};
    std::string datacenter{"dc1"};
};

struct store_datacenter {
    std::string name{};
    bool reachable{true};
    std::map<std::string, store_value, std::less<>> kv{};
    std::map<std::string, store_node, std::less<>> nodes{};
    /// The (node, id) of each instance, by the service's name.
    std::map<std::string, std::set<std::pair<std::string, std::string>>, std::less<>> services{};
};

/// What a store knows, and the changes to it that keep indexes and the tables of services in step. One index counts all
/// changes, as Raft's does in one datacenter; it never goes back.
class store_data {
public:
    [[nodiscard]] auto index() const -> std::uint64_t { return index_; }
    /// In the order in which they came.
    [[nodiscard]] auto datacenters() const -> const std::vector<store_datacenter>& { return datacenters_; }

    [[nodiscard]] auto find(std::string_view datacenter) const -> const store_datacenter* {
        for (const auto& each : datacenters_) {
            if (each.name == datacenter) return &each;
        }
        return nullptr;
    }
    [[nodiscard]] auto find(std::string_view datacenter) -> store_datacenter* {
        for (auto& each : datacenters_) {
            if (each.name == datacenter) return &each;
        }
        return nullptr;
    }
    /// The datacenter of that name, made if it is not there yet.
    auto at(std::string_view datacenter) -> store_datacenter& {
        if (auto* const there = find(datacenter)) return *there;
        datacenters_.push_back({.name = std::string{datacenter}});
        return datacenters_.back();
    }

    /// An identical value keeps its index, as in Consul.
    void put(store_datacenter& in, std::string_view key, std::string_view bytes, std::uint64_t flags = 0) {
        const auto found = in.kv.find(key);
        if (found == in.kv.end()) {
            ++index_;
            in.kv.emplace(key, store_value{std::string{bytes}, flags, index_, index_});
        } else if (auto& value = found->second; value.bytes != bytes || value.flags != flags) {
            value = {std::string{bytes}, flags, value.created, ++index_};
        }
    }
    auto erase(store_datacenter& in, std::string_view key) -> bool {
        const auto found = in.kv.find(key);
        if (found == in.kv.end()) return false;
        in.kv.erase(found);
        ++index_;
        return true;
    }

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

    /// The checks among which the id belongs on that node: those of the instance that has it or that it puts into
    /// maintenance, else the node's own. nullptr: there is no such node or no such instance.
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
