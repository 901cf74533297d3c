#pragma once

#include <algorithm>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/store/data.hpp>
#include <powerconsul/store/filter.hpp>

/// The bodies of the embedded store's answers, in the shape that Consul 1.8.7 gives them.
namespace powerconsul::inline v0::store_answers {

// --- keys and transactions ---

inline void write_value(json::writer& to, std::string_view key, const store_value& value, bool with_bytes = true) {
    to.open_object().key("LockIndex").number(value.lock_index).key("Key").string(key);
    to.key("Flags").number(value.flags).key("Value");
    value.bytes.empty() || !with_bytes ? to.null() : to.string(base64_encoded(value.bytes));
    if (!value.session.empty()) to.key("Session").string(value.session);
    to.key("CreateIndex").number(value.created).key("ModifyIndex").number(value.modified).close_object();
}

[[nodiscard]] inline auto one_value(std::string_view key, const store_value& value) -> std::string {
    json::writer to;
    write_value(to.open_array(), key, value);
    return to.close_array().text();
}

[[nodiscard]] inline auto values(const store_keys& in, std::string_view prefix) -> std::string {
    json::writer to;
    to.open_array();
    in.for_each(prefix, [&](const std::string& key, const store_value& value) { write_value(to, key, value); });
    return to.close_array().text();
}

/// The names of the keys below a prefix, each up to the first separator after the prefix.
[[nodiscard]] inline auto names(const store_keys& in, std::string_view prefix, std::string_view separator)
    -> std::string {
    json::writer to;
    to.open_array();
    std::string_view last;
    in.for_each(prefix, [&](const std::string& key, const store_value&) {
        const std::size_t cut = separator.empty() ? std::string::npos : key.find(separator, prefix.size());
        const std::string_view name{key.data(), cut == std::string::npos ? key.size() : cut + separator.size()};
        if (cut == std::string::npos || name != last) to.string(name);
        last = cut == std::string::npos ? std::string_view{} : name;
    });
    return to.close_array().text();
}

/// A transaction's body, made of its lists. If it only reads, the members about the read are always the same.
[[nodiscard]] inline auto transaction(const std::string& results, const std::string& errors, bool writes)
    -> std::string {
    return R"({"Results":)" + results + R"(,"Errors":)" + errors +
           (writes ? "}" : R"(,"Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""})");
}

inline void write_texts(json::writer& to, const std::vector<std::string>& texts) {
    to.open_array();
    for (const auto& text : texts) to.string(text);
    to.close_array();
}

/// The sessions for which `is_wanted(id, session)` is true, by id.
template <typename Wanted>
[[nodiscard]] auto sessions(const store_datacenter& in, Wanted&& is_wanted) -> std::string {
    json::writer to;
    to.open_array();
    for (const auto& [id, each] : in.sessions) {
        if (!is_wanted(id, each)) continue;
        to.open_object().key("ID").string(id).key("Name").string(each.name).key("Node").string(each.node);
        to.key("LockDelay").number(each.lock_delay.count * 1'000'000);
        to.key("Behavior").string(each.behavior).key("TTL").string(each.ttl);
        to.key("NodeChecks");
        write_texts(to, each.checks);
        to.key("ServiceChecks").null();
        to.key("CreateIndex").number(each.created).key("ModifyIndex").number(each.created).close_object();
    }
    return to.close_array().text();
}

// --- checks and services ---

/// `of` is the instance that the check belongs to, nullptr for a check of the node. An agent shows no indexes for its
/// own checks, since they do not come from the catalog.
inline void write_check(json::writer& to, std::string_view node, std::string_view id, const store_check& check,
                        const store_instance* of, bool from_catalog) {
    const bool maintenance = id == node_maintenance || id.starts_with(service_maintenance);
    const std::string_view name = id == serf_health        ? "Serf Health Status"
                                  : id == node_maintenance ? "Node Maintenance Mode"
                                  : maintenance            ? "Service Maintenance Mode"
                                                           : id;
    to.open_object().key("Node").string(node).key("CheckID").string(id).key("Name").string(name);
    to.key("Status").string(to_string(check.status)).key("Notes").string("");
    to.key("Output").string(shown_output(id, check));
    to.key("ServiceID").string(of != nullptr ? of->id : "").key("ServiceName").string(of != nullptr ? of->service : "");
    to.key("ServiceTags");
    write_texts(to, of != nullptr ? of->tags : std::vector<std::string>{});
    to.key("Type").string(maintenance ? "maintenance" : id == serf_health ? "" : "script");
    to.key("Definition").open_object().close_object();
    to.key("CreateIndex").number(from_catalog ? check.created : 0);
    to.key("ModifyIndex").number(from_catalog ? check.modified : 0).close_object();
}

inline void write_node(json::writer& to, std::string_view datacenter, std::string_view name, const store_node& node) {
    to.open_object().key("ID").string("").key("Node").string(name).key("Address").string("127.0.0.1");
    to.key("Datacenter").string(datacenter).key("TaggedAddresses").null().key("Meta").null();
    to.key("CreateIndex").number(node.created).key("ModifyIndex").number(node.created).close_object();
}

/// The members that the catalog and the agent have in common.
inline void write_service(json::writer& to, const store_instance& of) {
    to.key("ID").string(of.id).key("Service").string(of.service).key("Tags");
    write_texts(to, of.tags);
    to.key("Meta").open_object().close_object().key("Port").number(std::uint64_t{of.port});
    to.key("Address").string(of.address).key("Weights").open_object();
    to.key("Passing").number(std::uint64_t{1}).key("Warning").number(std::uint64_t{1}).close_object();
    to.key("EnableTagOverride").boolean(false);
}

[[nodiscard]] inline auto all_pass(const store_checks& checks) -> bool {
    return algo::all_of(checks, [](const auto& each) { return each.second.status == store_status::passing; });
}

[[nodiscard]] inline auto health(const store_datacenter& in, std::string_view service, bool passing_only,
                                 const store_filter& filter = {}) -> std::string {
    json::writer to;
    to.open_array();
    if (const auto found = in.services.find(service); found != in.services.end()) {
        for (const auto& [name, id] : found->second) {
            const auto& node = in.nodes.find(name)->second;
            const auto& of = node.instances.find(id)->second;
            if (passing_only && !(all_pass(node.checks) && all_pass(of.checks))) continue;
            if (!filter.takes("Node.Node", name)) continue;
            to.open_object().key("Node");
            write_node(to, in.name, name, node);
            to.key("Service").open_object();
            write_service(to, of);
            to.key("Proxy").open_object().close_object().key("Connect").open_object().close_object();
            to.key("CreateIndex").number(of.created).key("ModifyIndex").number(of.modified).close_object();
            to.key("Checks").open_array();
            for (const auto& [check_id, check] : node.checks) write_check(to, name, check_id, check, nullptr, true);
            for (const auto& [check_id, check] : of.checks) write_check(to, name, check_id, check, &of, true);
            to.close_array().close_object();
        }
    }
    return to.close_array().text();
}

/// The checks of a node and of its instances.
[[nodiscard]] inline auto node_checks(std::string_view name, const store_node& node, const store_filter& filter)
    -> std::string {
    json::writer to;
    to.open_array();
    for (const auto& [id, check] : node.checks) {
        if (filter.takes("ServiceName", "")) write_check(to, name, id, check, nullptr, true);
    }
    for (const auto& [instance, of] : node.instances) {
        if (!filter.takes("ServiceName", of.service)) continue;
        for (const auto& [id, check] : of.checks) write_check(to, name, id, check, &of, true);
    }
    return to.close_array().text();
}

// --- the catalog and agents ---

[[nodiscard]] inline auto node(std::string_view datacenter, std::string_view name, const store_node& node,
                               const store_filter& filter) -> std::string {
    json::writer to;
    to.open_object().key("Node");
    write_node(to, datacenter, name, node);
    to.key("Services").open_object();
    for (const auto& [id, of] : node.instances) {
        if (!filter.takes("Service", of.service)) continue;
        to.key(id).open_object();
        write_service(to, of);
        to.key("Proxy").open_object().close_object().key("Connect").open_object().close_object();
        to.key("CreateIndex").number(of.created).key("ModifyIndex").number(of.modified).close_object();
    }
    return to.close_object().close_object().text();
}

/// Consul sorts by distance. Here the agent's own datacenter comes first, the others in the order in which they were
/// added.
[[nodiscard]] inline auto datacenters(const store_data& data, const store_agent& self) -> std::string {
    json::writer to;
    to.open_array().string(self.datacenter);
    for (const auto& each : data.datacenters()) {
        if (each.name != self.datacenter) to.string(each.name);
    }
    return to.close_array().text();
}

[[nodiscard]] inline auto nodes(const store_datacenter& in) -> std::string {
    json::writer to;
    to.open_array();
    for (const auto& [name, node] : in.nodes) write_node(to, in.name, name, node);
    return to.close_array().text();
}

/// Each service with the tags of all its instances.
[[nodiscard]] inline auto services(const store_datacenter& in) -> std::string {
    json::writer to;
    to.open_object();
    for (const auto& [service, instances] : in.services) {
        std::set<std::string> tags;
        for (const auto& [node, id] : instances) {
            const auto& own = in.nodes.find(node)->second.instances.find(id)->second.tags;
            tags.insert(own.begin(), own.end());
        }
        to.key(service);
        write_texts(to, {tags.begin(), tags.end()});
    }
    return to.close_object().text();
}

[[nodiscard]] inline auto agent_self(const store_agent& self) -> std::string {
    json::writer to;
    to.open_object().key("Config").open_object();
    to.key("Datacenter").string(self.datacenter).key("NodeName").string(self.node).key("NodeID").string("");
    to.key("Revision").string("").key("Server").boolean(true).key("Version").string("embedded").close_object();
    to.key("Member").open_object().key("Name").string(self.node).key("Addr").string("127.0.0.1").close_object();
    return to.key("Meta").open_object().close_object().close_object().text();
}

/// An agent knows its own checks. serfHealth is not one of them: the leader registers it in the catalog.
[[nodiscard]] inline auto agent_checks(const store_datacenter& in, const store_agent& self) -> std::string {
    json::writer to;
    to.open_object();
    if (const auto found = in.nodes.find(self.node); found != in.nodes.end()) {
        for (const auto& [id, check] : found->second.checks) {
            if (id == serf_health) continue;
            to.key(id);
            write_check(to, self.node, id, check, nullptr, false);
        }
        for (const auto& [instance_id, of] : found->second.instances) {
            for (const auto& [id, check] : of.checks) {
                to.key(id);
                write_check(to, self.node, id, check, &of, false);
            }
        }
    }
    return to.close_object().text();
}

[[nodiscard]] inline auto agent_services(const store_datacenter& in, const store_agent& self) -> std::string {
    json::writer to;
    to.open_object();
    if (const auto found = in.nodes.find(self.node); found != in.nodes.end()) {
        for (const auto& [id, of] : found->second.instances) {
            to.key(id).open_object();
            write_service(to, of);
            to.close_object();
        }
    }
    return to.close_object().text();
}

}  // namespace powerconsul::inline v0::store_answers
