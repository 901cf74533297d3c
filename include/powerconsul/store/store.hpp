#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/answers.hpp>
#include <powerconsul/store/data.hpp>
#include <powerconsul/store/url.hpp>

namespace powerconsul::inline v0 {

/// The embedded store: answers Consul's HTTP API from memory, as Consul 1.8.7 would, so that all runs without it.
/// Models `http_transport`. Has no clock, no threads and no global state: the same calls give the same answers. What it
/// does not have: ACLs, sessions (so no locks), transactions, and waiting (a blocking query is answered at once).
///
///     store consul{{.node = "production-web2", .datacenter = "hq"}};
///     consul.put("hq", "cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": [...]})");
///     consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
///     consul.set_check("hq", "production-web1", "serfHealth", store_status::critical);
///
/// Answers: KV (`raw`, `keys`, `recurse`, `cas`, `flags`, `dc`), health/service (`passing`), catalog/datacenters, nodes
/// and services, agent/self, checks and services, status/leader. Anything else is 404. A parameter that Consul has and
/// that would change the answer is refused with 501 rather than passed over (`filter`, `tag`, `separator`).
class store {
public:
    explicit store(store_agent self = {}) { set_agent(std::move(self)); }
    explicit store(store_data data, store_agent self) : data_{std::move(data)} { set_agent(std::move(self)); }

    /// Whom it answers as from now on. Its datacenter and its node are made if they are not there yet.
    void set_agent(store_agent self) {
        data_.node(data_.at(self.datacenter), self.node);
        self_ = std::move(self);
    }
    [[nodiscard]] auto agent() const -> const store_agent& { return self_; }
    [[nodiscard]] auto data() const -> const store_data& { return data_; }

    // Changes from the embedding program. A datacenter and a node are there once something was put into them.

    void put(std::string_view datacenter, std::string_view key, std::string_view value) {
        data_.put(data_.at(datacenter), key, value);
    }
    auto erase(std::string_view datacenter, std::string_view key) -> bool {
        return data_.erase(data_.at(datacenter), key);
    }
    /// Replaces an instance of the same node and id.
    void add(std::string_view datacenter, store_instance instance) {
        data_.add(data_.at(datacenter), std::move(instance));
    }
    auto remove(std::string_view datacenter, std::string_view node, std::string_view id) -> bool {
        return data_.remove(data_.at(datacenter), node, id);
    }
    /// Sets a check of a node or of one of its instances. An id that is new there becomes a check of the node, or of
    /// the instance that `_service_maintenance:<id>` names. errc::usage: no such node or instance.
    auto set_check(std::string_view datacenter, std::string_view node, std::string_view id, store_status status,
                   std::optional<std::string> output = {}) -> result<void> {
        auto* const among = data_.checks_with(data_.at(datacenter), node, id);
        if (among == nullptr) {
            return fail(errc::usage, "the embedded store has nothing on node " + quoted(node) + " in datacenter " +
                                         quoted(datacenter) + " that check " + quoted(id) +
                                         " could belong to; add the instance first");
        }
        data_.set(*among, id, status, std::move(output));
        return {};
    }
    auto erase_check(std::string_view datacenter, std::string_view node, std::string_view id) -> bool {
        auto* const among = data_.checks_with(data_.at(datacenter), node, id);
        return among != nullptr && data_.erase_check(*among, id);
    }

    // Failing on purpose.

    /// While offline every request is errc::unavailable, as with no agent there.
    void set_offline(bool offline) { offline_ = offline; }
    /// A datacenter that cannot be reached still stands in the list; asking for it is 500, as in Consul.
    void set_reachable(std::string_view datacenter, bool reachable) { data_.at(datacenter).reachable = reachable; }
    /// Every target that starts so gets this answer, whatever the method, until `respond_normally`.
    void respond_with(std::string_view target_prefix, int status, std::string_view body) {
        faults_.emplace_back(target_prefix, http_response{status, std::string{body}, {}});
    }
    void respond_normally() { faults_.clear(); }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> { return perform(request, self_); }

    /// The answer of another node's agent over the same data; `store_view` makes a transport of it.
    [[nodiscard]] auto perform(const http_request& request, const store_agent& self) -> result<http_response> {
        if (offline_) return fail(errc::unavailable, "the embedded store is switched offline");
        const std::string_view target = request.target;
        for (const auto& [prefix, answer] : faults_) {
            if (target.starts_with(prefix)) return answer;
        }
        const std::size_t mark = target.find('?');
        const std::string_view query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
        const auto path = percent_decoded(target.substr(0, mark));
        if (!path || !is_plain(*path)) return http_response{400, {}, {}};
        if (!is_clean_path(*path)) {
            auto location = cleaned_path(*path);
            if (!query.empty()) location += '?' + std::string{query};
            return http_response{301, {}, {{"Location", std::move(location)}}};
        }
        return route(request, *path, query, self);
    }

private:
    static constexpr std::string_view kv_path = "/v1/kv/";
    static constexpr std::string_view health_path = "/v1/health/service/";

    /// Consul refuses unprintable characters. It takes bytes that are not UTF-8, but shows another key for them.
    static auto is_plain(std::string_view path) -> bool {
        return is_utf8(path) && std::ranges::none_of(path, ascii::is_control);
    }

    auto route(const http_request& request, std::string_view path, std::string_view query, const store_agent& self)
        -> http_response {
        if (path.starts_with(kv_path)) return kv(request, path.substr(kv_path.size()), query, self);
        if (path == "/v1/internal/acl/authorize") {
            if (request.method != http_method::post) return not_allowed(request.method, "OPTIONS,POST");
            return {401, "ACL support disabled", {}};
        }

        const bool is_local = is_one_of(path, {"/v1/agent/checks", "/v1/agent/self", "/v1/agent/services",
                                               "/v1/catalog/datacenters", "/v1/status/leader"});
        const bool is_catalog = is_one_of(path, {"/v1/catalog/nodes", "/v1/catalog/services"});
        if (!is_local && !is_catalog && !path.starts_with(health_path)) return {404, {}, {}};
        if (request.method != http_method::get) return not_allowed(request.method, "OPTIONS,GET");
        if (const auto refused = not_here(query, {"filter", "tag", "node-meta"})) return *refused;

        if (is_local) {
            if (path == "/v1/catalog/datacenters") return {200, store_answers::datacenters(data_, self), {}};
            if (path == "/v1/agent/self") return {200, store_answers::agent_self(self), {}};
            if (path == "/v1/status/leader") return {200, "\"127.0.0.1:8300\"", {}};
            const auto* const in = data_.find(self.datacenter);
            if (in == nullptr) return {200, "{}", {}};
            if (path == "/v1/agent/checks") return {200, store_answers::agent_checks(*in, self), {}};
            return {200, store_answers::agent_services(*in, self), {}};
        }
        const auto* const in = wanted(query, self);
        if (in == nullptr) return {500, "No path to datacenter", {}};
        if (!in->reachable) return unreachable();
        if (path == "/v1/catalog/nodes") return read(store_answers::nodes(*in));
        if (path == "/v1/catalog/services") return read(store_answers::services(*in));

        const std::string_view service = path.substr(health_path.size());
        if (service.empty()) return {400, "Missing service name", {}};
        const auto passing = query_parameter(query, "passing");
        const bool on = passing && is_one_of(*passing, {"", "1", "t", "T", "TRUE", "true", "True"});  // Go's ParseBool
        const bool off = !passing || is_one_of(*passing, {"0", "f", "F", "FALSE", "false", "False"});
        if (!on && !off) return {400, "Invalid value for ?passing", {}};
        return read(health_of(*in, service, on));
    }

    /// The standbys of a service all ask the same, again and again: the last answer is kept until something changes.
    auto health_of(const store_datacenter& in, std::string_view service, bool passing) -> const std::string& {
        const bool same = last_.index == data_.index() && !last_.body.empty() && last_.passing == passing &&
                          last_.service == service && last_.datacenter == in.name;
        if (!same) {
            last_ = {in.name, std::string{service}, passing, data_.index(),
                     store_answers::health(in, service, passing)};
        }
        return last_.body;
    }

    auto kv(const http_request& request, std::string_view key, std::string_view query, const store_agent& self)
        -> http_response {
        if (const auto refused = not_here(query, {"separator"})) return *refused;
        auto* const in = wanted(query, self);
        const bool many = query_parameter(query, "recurse") || query_parameter(query, "keys");
        if (key.empty() && !many) return {400, "Missing key name", {}};
        if (in == nullptr) return {500, "No path to datacenter", {}};
        if (!in->reachable) return unreachable();
        switch (request.method) {
            case http_method::get: return many ? list(*in, key, query) : get(*in, key, query);
            case http_method::put: return put(*in, key, query, request.body);
            case http_method::del: return erase(*in, key, query);
            case http_method::post: break;
        }
        return {405, {}, {}};
    }

    auto get(const store_datacenter& in, std::string_view key, std::string_view query) -> http_response {
        const auto found = in.kv.find(key);
        if (found == in.kv.end()) return read({}, 404);
        const auto& value = found->second;
        if (query_parameter(query, "raw")) return read(value.bytes, 200, value.modified);
        return read(store_answers::one_value(found->first, value), 200, value.modified);
    }

    auto list(const store_datacenter& in, std::string_view prefix, std::string_view query) -> http_response {
        const bool names_only = query_parameter(query, "keys").has_value();
        auto text = store_answers::values(in, prefix, names_only);
        return text == "[]" && !(names_only && prefix.empty()) ? read({}, 404) : read(std::move(text));
    }

    auto put(store_datacenter& in, std::string_view key, std::string_view query, std::string_view body)
        -> http_response {
        if (const auto refused = locking(query)) return *refused;
        const auto cas = query_parameter(query, "cas");
        const auto flags = query_parameter(query, "flags");
        for (const auto* number : {&cas, &flags}) {
            if (*number && !whole_number(**number)) return no_number(**number);
        }
        if (body.size() > largest_store_value) {
            return {413,
                    "Request body(" + std::to_string(body.size()) +
                        " bytes) too large, max size: " + std::to_string(largest_store_value) +
                        " bytes. See https://www.consul.io/docs/agent/options.html#kv_max_value_size.",
                    {}};
        }
        const auto found = in.kv.find(key);
        const std::uint64_t there = found == in.kv.end() ? 0 : found->second.modified;
        if (cas && whole_number(*cas) != there) return {200, "false", {}};
        data_.put(in, key, body, flags ? *whole_number(*flags) : 0);
        return {200, "true", {}};
    }

    auto erase(store_datacenter& in, std::string_view key, std::string_view query) -> http_response {
        if (query_parameter(query, "recurse")) {
            for (auto at = in.kv.lower_bound(key); at != in.kv.end() && at->first.starts_with(key);) {
                const std::string name = (at++)->first;
                data_.erase(in, name);
            }
            return {200, "true", {}};
        }
        const auto cas = query_parameter(query, "cas");
        if (cas && !whole_number(*cas)) return no_number(*cas);
        const auto found = in.kv.find(key);
        if (cas && found != in.kv.end() && whole_number(*cas) != found->second.modified) return {200, "false", {}};
        data_.erase(in, key);
        return {200, "true", {}};
    }

    [[nodiscard]] auto wanted(std::string_view query, const store_agent& self) -> store_datacenter* {
        if (query.empty()) return data_.find(self.datacenter);
        const auto name = query_parameter(query, "dc");
        return data_.find(name && !name->empty() ? std::string_view{*name} : std::string_view{self.datacenter});
    }

    [[nodiscard]] auto read(std::string body, int status = 200, std::uint64_t index = 0) const -> http_response {
        const std::uint64_t shown = index != 0 ? index : data_.index() != 0 ? data_.index() : 1;
        http_response answer{status, std::move(body), {}};
        answer.headers.reserve(3);
        answer.headers.push_back({"X-Consul-Index", std::to_string(shown)});
        answer.headers.push_back({"X-Consul-KnownLeader", "true"});
        answer.headers.push_back({"X-Consul-LastContact", "0"});
        return answer;
    }

    static auto not_allowed(http_method method, std::string_view allowed) -> http_response {
        return {405, "method " + std::string{to_string(method)} + " not allowed", {{"Allow", std::string{allowed}}}};
    }
    static auto unreachable() -> http_response { return {500, "Remote DC has no server currently reachable", {}}; }
    static auto no_number(std::string_view text) -> http_response {
        return {500, "strconv.ParseUint: parsing \"" + std::string{text} + "\": invalid syntax", {}};
    }
    static auto not_here(std::string_view query, std::initializer_list<std::string_view> names)
        -> std::optional<http_response> {
        for (const auto name : names) {
            if (!query.empty() && query_parameter(query, name)) {
                return http_response{501, "the embedded store does not know ?" + std::string{name}, {}};
            }
        }
        return std::nullopt;
    }
    /// There are no sessions here, so every one is an invalid one.
    static auto locking(std::string_view query) -> std::optional<http_response> {
        for (const std::string_view name : {"acquire", "release"}) {
            if (const auto session = query_parameter(query, name)) {
                return http_response{500, "invalid session \"" + *session + '"', {}};
            }
        }
        return std::nullopt;
    }

    store_data data_{};
    store_agent self_{};
    bool offline_{};
    struct health_answer {
        std::string datacenter{};
        std::string service{};
        bool passing{};
        std::uint64_t index{};  ///< of the data that it was made from
        std::string body{};
    } last_{};
    std::vector<std::pair<std::string, http_response>> faults_{};
};

/// One node's agent over a store that many nodes share; the store must live longer. Models `http_transport`.
struct store_view {
    store* shared{};
    store_agent self{};

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        return shared->perform(request, self);
    }
};

}  // namespace powerconsul::inline v0
