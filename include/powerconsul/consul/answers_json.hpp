#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <powerconsul/consul/health.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0 {

/// One key of Consul's KV store.
struct kv_entry {
    std::string value{};
    std::uint64_t modify_index{};
};

/// One key of a list of keys, with its value.
struct listed_key {
    std::string key{};
    std::string value{};
    std::size_t offset{};  ///< where its entry stands in the text that was decoded
};

/// What the local agent says of itself.
struct agent_facts {
    std::string node{};
    std::string datacenter{};
    std::string partition{};  ///< of Consul Enterprise; empty where the agent does not say so
    std::string version{};    ///< of Consul; empty where the agent does not say so
};

}  // namespace powerconsul::inline v0

/// Decoders for the answers of Consul's HTTP API. Members that they do not need may be missing, of any type, or new;
/// what they need must be there. All fail with errc::bad_data.
namespace powerconsul::inline v0::json {

namespace detail {

[[nodiscard]] inline auto misshapen(std::string_view what) -> unexpected {
    return fail(errc::bad_data, "Consul's answer is not of the documented shape: " + std::string{what});
}

[[nodiscard]] inline auto member_text(const value& object, std::string_view name) -> const std::string* {
    const value* const found = object.find(name);
    return found != nullptr && found->is(kind::string) ? &found->text : nullptr;
}

}  // namespace detail

/// `GET /v1/kv/<key>`: a list with one entry, which must be the key that was asked for.
[[nodiscard]] inline auto decode_kv_entry(std::string_view body, std::string_view key) -> result<kv_entry> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array) || root->items.size() != 1) return detail::misshapen("expected a list of one key");
    const value& entry = root->items.front();
    const std::string* const name = detail::member_text(entry, "Key");
    const value* const content = entry.find("Value");
    const value* const index = entry.find("ModifyIndex");
    const auto modified = index == nullptr ? std::nullopt : index->as_unsigned();
    // Consul counts from 1; 0 would be taken for "there is no document".
    if (name == nullptr || content == nullptr || modified.value_or(0) == 0) {
        return detail::misshapen("expected Key, Value and ModifyIndex, a whole number above 0, in the entry");
    }
    if (*name != key) return detail::misshapen("asked for key " + quoted(key) + ", got " + quoted(*name));
    if (content->is(kind::null)) return kv_entry{{}, *modified};
    if (!content->is(kind::string)) return detail::misshapen("expected Value to be base64 or null");
    auto decoded = base64_decoded(content->text);
    if (!decoded) return detail::misshapen("Value is no " + decoded.error().message);
    return kv_entry{std::move(*decoded), *modified};
}

namespace detail {

/// A check that is not passing because powerconsul could not tell is unknown.
[[nodiscard]] inline auto state_of_check(const value& check, const std::string& id, const std::string& status)
    -> check_state {
    const auto text = [&](std::string_view name) {
        const std::string* const found = member_text(check, name);
        return found == nullptr ? std::string_view{} : std::string_view{*found};
    };
    check_state made{id, check_health(id, status), std::string{text("Name")}, kind_of_output(text("Output"))};
    made.of_service = !text("ServiceID").empty();
    const value* const created = check.find("CreateIndex");
    made.created = created == nullptr ? 0 : created->as_unsigned().value_or(0);
    made.script = text("Type") == "script" || check.find("Type") == nullptr;  // Consul says it since 1.7
    const bool failing = made.state == health::warning || made.state == health::critical;
    if (failing && made.output == output_kind::own_unknown) made.state = health::unknown;
    return made;
}

[[nodiscard]] inline auto decode_check_state(const value& check, const std::string& node) -> result<check_state> {
    const std::string* const id = member_text(check, "CheckID");
    const std::string* const status = member_text(check, "Status");
    if (id == nullptr || status == nullptr) {
        return misshapen("a check on " + quoted(node) + " without CheckID or Status");
    }
    return state_of_check(check, *id, *status);
}

/// A proxy that drops `?dc=` would show the local datacenter for another one. Where the answer or the question does not
/// name a datacenter, there is nothing to compare.
[[nodiscard]] inline auto require_datacenter(const value& node, std::string_view datacenter) -> result<void> {
    const std::string* const home = member_text(node, "Datacenter");
    if (home == nullptr || datacenter.empty() || *home == datacenter) return {};
    return misshapen("asked for datacenter " + quoted(datacenter) + ", got an instance in " + quoted(*home));
}

}  // namespace detail

/// `GET /v1/health/service/<name>`: the instances with the checks of the service and of its node. An instance without a
/// node's name or with a check that has no status fails the whole answer: half an answer could hide an active.
/// `datacenter` is the one that was asked; it counts where the answer does not name its own, and must be that one where
/// it does. At most about 50 000 instances are taken.
[[nodiscard]] inline auto decode_instances(std::string_view body, std::string_view datacenter)
    -> result<std::vector<instance>> {
    const auto root = parse(body, {.values = 4'000'000});
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array)) return detail::misshapen("expected a list of instances");
    std::vector<instance> found;
    for (const value& each : root->items) {
        const value* const node = each.find("Node");
        const std::string* const name = node == nullptr ? nullptr : detail::member_text(*node, "Node");
        const value* const checks = each.find("Checks");
        if (name == nullptr || name->empty()) return detail::misshapen("an instance without Node.Node");
        if (checks == nullptr || !(checks->is(kind::array) || checks->is(kind::null))) {
            return detail::misshapen("the instance on " + quoted(*name) + " has no list of Checks");
        }
        if (auto same = detail::require_datacenter(*node, datacenter); !same) return unexpected{same.error()};
        const std::string* const home = detail::member_text(*node, "Datacenter");
        instance next{*name, home != nullptr ? *home : std::string{datacenter}, {}};
        for (const value& check : checks->items) {
            auto state = detail::decode_check_state(check, *name);
            if (!state) return unexpected{std::move(state).error()};
            next.checks.push_back(std::move(*state));
        }
        found.push_back(std::move(next));
    }
    return found;
}

/// `GET /v1/health/node/<name>`: the service's instances on that node that have checks, with these and the node's own.
/// If there are none, the one instance is that of the node alone, and `is_registered` is false: the answer does not
/// tell whether the service is registered without a check. `without_node`: the service's checks are in a namespace of
/// Consul Enterprise, where the answer leaves out the node's own, which are in the default one.
struct node_health {
    std::vector<instance> instances{};
    bool is_registered{};
    bool without_node{};
};

/// Names are compared without regard to case, as Consul's catalog does.
[[nodiscard]] inline auto decode_node_health(std::string_view body, std::string_view service, std::string_view node,
                                             std::string_view datacenter) -> result<node_health> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array)) return detail::misshapen("expected a list of checks");
    instance of_node{std::string{node}, std::string{datacenter}, {}};
    std::map<std::string, std::vector<check_state>> by_id;
    bool elsewhere = false;
    for (const value& each : root->items) {
        const std::string* const name = detail::member_text(each, "Node");
        if (name == nullptr || !ascii::equal_ignoring_case(*name, node)) {
            return detail::misshapen("asked for the checks of node " + quoted(node) + ", got one of " +
                                     (name == nullptr ? "no node" : quoted(*name)));
        }
        of_node.node = *name;
        const std::string* const id = detail::member_text(each, "ServiceID");
        const std::string* const of = detail::member_text(each, "ServiceName");
        if (id == nullptr || of == nullptr) return detail::misshapen("a check without ServiceID or ServiceName");
        if (!id->empty() && !ascii::equal_ignoring_case(*of, service)) continue;
        const std::string* const space = detail::member_text(each, "Namespace");
        elsewhere = elsewhere || (!id->empty() && space != nullptr && !space->empty() && *space != "default");
        auto state = detail::decode_check_state(each, *name);
        if (!state) return unexpected{std::move(state).error()};
        (id->empty() ? of_node.checks : by_id[*id]).push_back(std::move(*state));
    }
    node_health found{{}, !by_id.empty(), elsewhere && of_node.checks.empty()};
    if (by_id.empty()) return found.instances.push_back(std::move(of_node)), found;
    for (auto& [id, checks] : by_id) {
        instance next = of_node;
        next.checks.insert(next.checks.end(), std::move_iterator{checks.begin()}, std::move_iterator{checks.end()});
        found.instances.push_back(std::move(next));
    }
    return found;
}

/// `GET /v1/catalog/node/<name>`: whether a service is registered on the node; `null` if there is no such node.
[[nodiscard]] inline auto decode_is_registered(std::string_view body, std::string_view service,
                                               std::string_view datacenter) -> result<bool> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (root->is(kind::null)) return false;
    const value* const node = root->find("Node");
    const value* const services = root->find("Services");
    if (node == nullptr || services == nullptr || !(services->is(kind::object) || services->is(kind::null))) {
        return detail::misshapen("expected Node and Services, or null");
    }
    if (auto same = detail::require_datacenter(*node, datacenter); !same) return unexpected{same.error()};
    return algo::any_of(services->items, [&](const value& each) {
        const std::string* const name = detail::member_text(each, "Service");
        return name != nullptr && ascii::equal_ignoring_case(*name, service);
    });
}

/// `GET /v1/agent/self`: Config.NodeName and Config.Datacenter, and where they are there Config.Version and
/// Config.Partition, which Consul Enterprise has if it was set.
[[nodiscard]] inline auto decode_agent(std::string_view body) -> result<agent_facts> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    const value* const config = root->find("Config");
    const std::string* const node = config == nullptr ? nullptr : detail::member_text(*config, "NodeName");
    const std::string* const datacenter = config == nullptr ? nullptr : detail::member_text(*config, "Datacenter");
    if (node == nullptr || node->empty() || datacenter == nullptr || datacenter->empty()) {
        return detail::misshapen("expected Config.NodeName and Config.Datacenter");
    }
    const auto or_none = [&](std::string_view name) {
        const std::string* const text = detail::member_text(*config, name);
        return text == nullptr ? std::string{} : *text;
    };
    return agent_facts{*node, *datacenter, or_none("Partition"), or_none("Version")};
}

/// `GET /v1/catalog/datacenters`: the names, the agent's own first.
[[nodiscard]] inline auto decode_datacenters(std::string_view body) -> result<std::vector<std::string>> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array) || root->items.empty()) return detail::misshapen("expected a list of datacenters");
    std::vector<std::string> names;
    for (const value& each : root->items) {
        if (!each.is(kind::string) || each.text.empty()) return detail::misshapen("a datacenter without a name");
        names.push_back(each.text);
    }
    return names;
}

/// `GET /v1/kv/<prefix>?recurse`: every key that the token may read and that begins with the prefix. An entry that is
/// not of that shape or does not begin with it fails the whole list: half a list would look like all of it.
[[nodiscard]] inline auto decode_kv_list(std::string_view body, std::string_view prefix)
    -> result<std::vector<listed_key>> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array)) return detail::misshapen("expected a list of keys");
    std::vector<listed_key> found;
    for (const value& entry : root->items) {
        const std::string* const name = detail::member_text(entry, "Key");
        const value* const content = entry.find("Value");
        if (name == nullptr || content == nullptr || !(content->is(kind::string) || content->is(kind::null))) {
            return detail::misshapen("expected Key and Value in each entry");
        }
        if (!name->starts_with(prefix)) {
            return detail::misshapen("asked for keys below " + quoted(prefix) + ", got " + quoted(*name));
        }
        auto decoded = base64_decoded(content->text);
        if (!decoded) return fail(errc::bad_data, "the value of " + quoted(*name) + ": " + decoded.error().message);
        found.push_back({*name, std::move(*decoded), entry.offset});
    }
    return found;
}

/// Whether a text is what `consul kv export` writes: a list of objects with `key` and `value`, perhaps of none.
[[nodiscard]] inline auto is_kv_export(const value& root) -> bool {
    if (!root.is(kind::array)) return false;
    return algo::all_of(root.items,
                        [](const value& each) { return each.find("key") != nullptr && each.find("value") != nullptr; });
}

/// The keys of an export; what is wrong with an entry is added to `problems`, and the entry left out.
[[nodiscard]] inline auto decode_kv_export(const value& root, std::vector<problem>& problems)
    -> std::vector<listed_key> {
    std::vector<listed_key> found;
    for (const value& entry : root.items) {
        const value& content = *entry.find("value");
        const std::string* const name = detail::member_text(entry, "key");
        const auto wrong = [&](const value& at, const std::string& where, const std::string& what) {
            problems.push_back({where, at.offset, what});
        };
        if (name == nullptr) {
            wrong(*entry.find("key"), "key", "expected the name of a key");
        } else if (!content.is(kind::string) && !content.is(kind::null)) {
            wrong(content, "value", "expected base64, found " + std::string{described(content.type)});
        } else if (auto decoded = base64_decoded(content.text); !decoded) {
            wrong(content, "the value of " + quoted(*name), decoded.error().message);
        } else {
            found.push_back({*name, std::move(*decoded), entry.offset});
        }
    }
    return found;
}

}  // namespace powerconsul::inline v0::json
