#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/answers.hpp>
#include <powerconsul/store/data.hpp>
#include <powerconsul/store/decoder.hpp>
#include <powerconsul/store/store.hpp>

namespace powerconsul::inline v0 {

/// Reads a store from its file's text:
///
///     {"agent": {"node": "production-web2", "datacenter": "hq"},
///      "datacenters": {
///        "hq": {
///          "kv": {"cluster/production/web": {"active_nodes": ["production-web1"],
///                                            "standby_nodes": ["production-web2"]},
///                 "plain": "text value"},
///          "services": [
///            {"service": "web", "node": "production-web1",
///             "checks": {"serfHealth": "passing", "service:web": "critical"}},
///            {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}}]},
///        "dr": {}}}
///
/// `agent`: default node `embedded`, the first datacenter, `dc1` if there is none. `kv`: a string is the value itself,
/// other JSON is stored as its compact text; `kv_base64` for values that are not UTF-8. A service may also have `id`
/// (default: its name), `tags`, `address` and `port`. A check is `passing`, `warning` or `critical`, or has an output
/// of its own: `{"status": "critical", "output": "no such process"}` (an empty one: never run). `serfHealth`,
/// `_node_maintenance` and those that `node_checks` lists are the node's checks; serfHealth passes unless it is stated.
/// After a write the indexes stand in `index` and, as [created, modified, flags], in `kv_index`; who edits a value by
/// hand removes its line there. Anything else is errc::bad_data with its place.
[[nodiscard]] inline auto load_store(std::string_view text) -> result<store> {
    return store_decoder{text}.decode().transform([](decoded_store&& made) {
        return store{std::move(made.data), std::move(made.agent)};
    });
}

namespace detail {

[[nodiscard]] inline auto json_string(std::string_view text) -> std::string {
    return json::writer{}.string(text).text();
}

/// One item per line, two blanks further in than the bracket that closes.
[[nodiscard]] inline auto json_block(char open, const std::vector<std::string>& items, char close, std::size_t indent)
    -> std::string {
    if (items.empty()) return {open, close};
    std::string text{open};
    for (const auto& item : items) text += (text.size() > 1 ? ",\n" : "\n") + std::string(indent + 2, ' ') + item;
    return text + '\n' + std::string(indent, ' ') + close;
}

/// Objects and lists stand in the file as themselves if that gives back the same bytes, all else as a string.
[[nodiscard]] inline auto kv_in_file(const std::string& bytes) -> std::string {
    const bool may_be = bytes.starts_with('{') || bytes.starts_with('[');
    const bool same = may_be && json::parse(bytes, {.depth = 32, .values = 10'000}) && compact_json(bytes, 0) == bytes;
    return same ? bytes : json_string(bytes);
}

inline void write_checks(json::writer& to, const store_checks& checks) {
    for (const auto& [id, check] : checks) {
        if (id == serf_health && check.status == store_status::passing && !check.output) continue;
        to.key(id);
        if (!check.output) {
            to.string(to_string(check.status));
            continue;
        }
        to.open_object().key("status").string(to_string(check.status));
        to.key("output").string(*check.output).close_object();
    }
}

/// `node` comes with the first of its instances, for its own checks.
[[nodiscard]] inline auto instance_in_file(const store_instance& of, const store_node* node) -> std::string {
    json::writer to;
    to.open_object().key("service").string(of.service).key("node").string(of.node);
    if (of.id != of.service) to.key("id").string(of.id);
    if (!of.tags.empty()) {
        to.key("tags");
        store_answers::write_tags(to, of.tags);
    }
    if (!of.address.empty()) to.key("address").string(of.address);
    if (of.port != 0) to.key("port").number(std::uint64_t{of.port});
    std::vector<std::string> unusual;
    to.key("checks").open_object();
    if (node != nullptr) {
        write_checks(to, node->checks);
        for (const auto& [id, check] : node->checks) {
            if (id != serf_health && id != node_maintenance) unusual.push_back(id);
        }
    }
    write_checks(to, of.checks);
    to.close_object();
    if (!unusual.empty()) {
        to.key("node_checks");
        store_answers::write_tags(to, unusual);
    }
    return to.close_object().text();
}

[[nodiscard]] inline auto datacenter_in_file(const store_datacenter& in) -> std::string {
    std::vector<std::string> plain;
    std::vector<std::string> binary;
    std::vector<std::string> indexes;
    for (const auto& [key, value] : in.kv) {
        const std::string name = json_string(key) + ": ";
        if (is_utf8(value.bytes)) {
            plain.push_back(name + kv_in_file(value.bytes));
        } else {
            binary.push_back(name + json_string(base64_encoded(value.bytes)));
        }
        indexes.push_back(name + '[' + std::to_string(value.created) + ", " + std::to_string(value.modified) +
                          (value.flags != 0 ? ", " + std::to_string(value.flags) : "") + ']');
    }
    std::vector<const store_instance*> instances;
    for (const auto& [name, node] : in.nodes) {
        for (const auto& [id, each] : node.instances) instances.push_back(&each);
    }
    // In the order of their indexes, so that reading the file gives them the same ones.
    std::sort(instances.begin(), instances.end(), [](const auto* a, const auto* b) { return a->created < b->created; });
    std::set<std::string_view> seen;
    std::vector<std::string> services;
    for (const auto* each : instances) {
        const bool first = seen.insert(each->node).second;
        services.push_back(instance_in_file(*each, first ? &in.nodes.find(each->node)->second : nullptr));
    }
    std::vector<std::string> members;
    const auto member = [&](std::string_view name, char open, const std::vector<std::string>& items, char close) {
        if (!items.empty()) members.push_back(json_string(name) + ": " + json_block(open, items, close, 6));
    };
    member("kv", '{', plain, '}');
    member("kv_base64", '{', binary, '}');
    member("kv_index", '{', indexes, '}');
    member("services", '[', services, ']');
    return json_string(in.name) + ": " + json_block('{', members, '}', 4);
}

}  // namespace detail

/// The file's text, for people to read too. A node without any instance is not kept, except the agent's own; nor is
/// what makes the store fail on purpose.
[[nodiscard]] inline auto to_text(const store& from) -> std::string {
    std::vector<std::string> datacenters;
    for (const auto& each : from.data().datacenters()) datacenters.push_back(detail::datacenter_in_file(each));
    const std::string agent = "{\"node\": " + detail::json_string(from.agent().node) +
                              ", \"datacenter\": " + detail::json_string(from.agent().datacenter) + '}';
    return detail::json_block('{',
                              {"\"index\": " + std::to_string(from.data().index()), "\"agent\": " + agent,
                               "\"datacenters\": " + detail::json_block('{', datacenters, '}', 2)},
                              '}', 0) +
           '\n';
}

/// A transport over a store's file. Reads it upon the first request and again before each write, so that `?cas` holds
/// between processes that do not write at the same moment (the file is not locked); writes it back after each change.
/// No such file is errc::configuration, a wrong one errc::bad_data; a write that cannot be kept is errc::io and undone.
template <file_store Files>
class file_store_transport {
public:
    file_store_transport(Files files, std::string path) : files_{std::forward<Files>(files)}, path_{std::move(path)} {}

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        const bool writes = request.method != http_method::get;
        if (!store_ || writes) {
            if (auto done = read(); !done) return unexpected{std::move(done).error()};
        }
        const std::uint64_t before = store_->data().index();
        auto answer = store_->perform(request);
        if (store_->data().index() == before) return answer;
        if (auto kept = files_.replace(path_, to_text(*store_)); !kept) {
            store_.reset();
            return unexpected{std::move(kept).error()};
        }
        return answer;
    }

private:
    static constexpr std::size_t largest_file = 64 * 1024 * 1024;

    auto read() -> result<void> {
        store_.reset();
        auto text = files_.read(path_, largest_file);
        if (!text) return unexpected{std::move(text).error()};
        if (!*text) {
            return fail(errc::configuration,
                        "the store file " + quoted(path_) + " does not exist; create it, an empty store is {}");
        }
        auto made = load_store(**text);
        if (!made) return fail(made.error().code, "store file " + quoted(path_) + ": " + made.error().message);
        store_ = std::move(*made);
        return {};
    }

    Files files_;
    std::string path_;
    std::optional<store> store_{};
};

}  // namespace powerconsul::inline v0
