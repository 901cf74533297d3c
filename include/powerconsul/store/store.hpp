#pragma once

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/answers.hpp>
#include <powerconsul/store/requests.hpp>

namespace powerconsul::inline v0 {

/// The embedded store: answers Consul's HTTP API from memory, as Consul 1.8.7 would, so that everything runs without
/// it. Models `http_transport`. Has no clock, no threads and no global state: the same calls give the same answers. It
/// has no ACLs and does not wait (a blocking query is answered at once).
///
///     store consul{{.node = "production-web2", .datacenter = "hq"}};
///     consul.put("hq", "cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": [...]})");
///     consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
///     consul.set_check("hq", "production-web1", "serfHealth", store_status::critical);
///
/// Answers: KV (`raw`, `keys`, `separator`, `recurse`, `cas`, `flags`, `acquire`, `release`, `dc`), txn (keys only),
/// session/create, destroy, renew, info, node and list, health/service (`passing`), catalog/datacenters, nodes and
/// services, agent/self, checks and services, status/leader. Anything else is 404. What it does not support but would
/// change Consul's answer is refused with 501 rather than ignored (`filter`, `tag`, checks of services in a session).
class store {
public:
    explicit store(store_agent self = {}) { set_agent(std::move(self)); }
    explicit store(store_data data, store_agent self) : data_{std::move(data)} { set_agent(std::move(self)); }

    /// Sets the agent that it answers as from now on. Its datacenter and its node are made if they are not there yet.
    void set_agent(store_agent self) {
        data_.node(data_.at(self.datacenter), self.node);
        self_ = std::move(self);
    }
    [[nodiscard]] auto agent() const -> const store_agent& { return self_; }
    [[nodiscard]] auto data() const -> const store_data& { return data_; }

    // --- changes by the embedding program ---
    // Datacenters and nodes are made once something is put into them.

    void put(std::string_view datacenter, std::string_view key, std::string_view value) {
        data_.put(data_.at(datacenter), key, value);
    }
    auto erase(std::string_view datacenter, std::string_view key) -> bool {
        return data_.erase(data_.at(datacenter), key);
    }
    /// Replaces an instance of the same node and id.
    void add(std::string_view datacenter, store_instance instance) {
        auto& in = data_.at(datacenter);
        data_.add(in, std::move(instance));
        data_.end_broken_sessions(in);
    }
    auto remove(std::string_view datacenter, std::string_view node, std::string_view id) -> bool {
        auto& in = data_.at(datacenter);
        const bool removed = data_.remove(in, node, id);
        data_.end_broken_sessions(in);
        return removed;
    }
    /// Sets a check of a node or of one of its instances. A new id becomes a check of the node, or of the instance that
    /// `_service_maintenance:<id>` names. Fails with errc::usage if there is no such node or instance.
    auto set_check(std::string_view datacenter, std::string_view node, std::string_view id, store_status status,
                   std::optional<std::string> output = {}) -> result<void> {
        auto& in = data_.at(datacenter);
        auto* const among = data_.checks_with(in, node, id);
        if (among == nullptr) {
            return fail(errc::usage, "the embedded store has nothing on node " + quoted(node) + " in datacenter " +
                                         quoted(datacenter) + " that check " + quoted(id) +
                                         " could belong to; add the instance first");
        }
        data_.set(*among, id, status, std::move(output));
        data_.end_broken_sessions(in);
        return {};
    }
    auto erase_check(std::string_view datacenter, std::string_view node, std::string_view id) -> bool {
        auto& in = data_.at(datacenter);
        auto* const among = data_.checks_with(in, node, id);
        const bool erased = among != nullptr && data_.erase_check(*among, id);
        data_.end_broken_sessions(in);
        return erased;
    }
    /// Sets the time that sessions with a TTL and lock delays go by, on any clock. It stands still between two calls;
    /// the first call should come before any session.
    void set_time(milliseconds now) { data_.set_time(now); }

    // --- failing on purpose ---

    /// While offline every request fails with errc::unavailable, as if there were no agent.
    void set_offline(bool offline) { offline_ = offline; }
    /// A datacenter that cannot be reached is still listed, and a request for it is answered with 500, as in Consul.
    void set_reachable(std::string_view datacenter, bool reachable) { data_.at(datacenter).reachable = reachable; }
    /// Every target with this prefix gets this answer, whatever the method, until `respond_normally`.
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
        if (!path || !is_plain(*path)) return http_response{400, {}};
        if (!is_clean_path(*path)) {
            auto location = cleaned_path(*path);
            if (!query.empty()) location += '?' + std::string{query};
            return http_response{301, {}, {{"Location", std::move(location)}}};
        }
        return route(request, *path, query, self);
    }

private:
    static constexpr std::string_view kv_path = "/v1/kv/";
    static constexpr std::string_view session_path = "/v1/session/";
    static constexpr std::string_view health_path = "/v1/health/service/";
    static constexpr std::string_view node_health_path = "/v1/health/node/";
    static constexpr std::string_view node_path = "/v1/catalog/node/";

    /// Consul refuses unprintable characters. It accepts bytes that are not UTF-8, but then shows another key.
    static auto is_plain(std::string_view path) -> bool {
        return is_utf8(path) && algo::none_of(path, ascii::is_control);
    }

    // --- answering ---

    auto route(const http_request& request, std::string_view path, std::string_view query, const store_agent& self)
        -> http_response {
        if (path.starts_with(kv_path)) return kv(request, path.substr(kv_path.size()), query, self);
        if (path == "/v1/txn") return transaction(request, query, self);
        if (path.starts_with(session_path)) return session(request, path.substr(session_path.size()), query, self);
        if (path == "/v1/internal/acl/authorize") {
            if (request.method != http_method::post) return not_allowed(request.method, "OPTIONS,POST");
            return {401, "ACL support disabled"};
        }

        const bool is_local = is_one_of(path, {"/v1/agent/checks", "/v1/agent/self", "/v1/agent/services",
                                               "/v1/catalog/datacenters", "/v1/status/leader"});
        const bool is_catalog = is_one_of(path, {"/v1/catalog/nodes", "/v1/catalog/services"});
        const bool is_node = path.starts_with(node_health_path) || path.starts_with(node_path);
        if (!is_local && !is_catalog && !is_node && !path.starts_with(health_path)) return {404};
        if (request.method != http_method::get) return not_allowed(request.method, "OPTIONS,GET");
        for (const std::string_view name : {"tag", "node-meta"}) {
            if (query_parameter(query, name)) return {501, "the embedded store does not know ?" + std::string{name}};
        }
        auto filter = store_filter::read(query_parameter(query, "filter").value_or(""));
        if (!filter || (!filter->selector.empty() && (is_local || is_catalog))) {
            return {501, "the embedded store does not know this ?filter"};
        }

        if (is_local) {
            if (path == "/v1/catalog/datacenters") return {200, store_answers::datacenters(data_, self)};
            if (path == "/v1/agent/self") return {200, store_answers::agent_self(self)};
            if (path == "/v1/status/leader") return {200, "\"127.0.0.1:8300\""};
            const auto* const in = data_.find(self.datacenter);
            if (in == nullptr) return {200, "{}"};
            if (path == "/v1/agent/checks") return {200, store_answers::agent_checks(*in, self)};
            return {200, store_answers::agent_services(*in, self)};
        }
        const auto* const in = wanted(query, self);
        if (!is_reachable(in)) return unreachable(in);
        if (path == "/v1/catalog/nodes") return read(store_answers::nodes(*in), 200, data_.index());
        if (path == "/v1/catalog/services") return read(store_answers::services(*in), 200, data_.index());

        if (is_node) {
            const bool checks = path.starts_with(node_health_path);
            const std::string_view name = path.substr((checks ? node_health_path : node_path).size());
            if (name.empty()) return {400, "Missing node name"};
            const auto found = algo::find_if(
                in->nodes, [&](const auto& each) { return ascii::equal_ignoring_case(each.first, name); });
            auto body = found == in->nodes.end() ? std::string{checks ? "[]" : "null"}
                        : checks                 ? store_answers::node_checks(found->first, found->second, *filter)
                                                 : store_answers::node(in->name, found->first, found->second, *filter);
            return read(std::move(body), 200, data_.index());
        }

        const std::string_view service = path.substr(health_path.size());
        if (service.empty()) return {400, "Missing service name"};
        const auto passing = query_parameter(query, "passing");
        const bool on = passing && is_one_of(*passing, {"", "1", "t", "T", "TRUE", "true", "True"});  // Go's ParseBool
        const bool off = !passing || is_one_of(*passing, {"0", "f", "F", "FALSE", "false", "False"});
        if (!on && !off) return {400, "Invalid value for ?passing"};
        if (!filter->selector.empty())
            return read(store_answers::health(*in, service, on, *filter), 200, data_.index());
        return read(health_of(*in, service, on), 200, data_.index());
    }

    /// All standbys of a service ask for the same again and again, so the last answer is kept until something changes.
    auto health_of(const store_datacenter& in, std::string_view service, bool passing) -> const std::string& {
        const bool same = last_.index == data_.index() && !last_.body.empty() && last_.passing == passing &&
                          last_.service == service && last_.datacenter == in.name;
        if (!same) {
            last_ = {in.name, std::string{service}, passing, data_.index(),
                     store_answers::health(in, service, passing)};
        }
        return last_.body;
    }

    // --- keys ---

    auto kv(const http_request& request, std::string_view key, std::string_view query, const store_agent& self)
        -> http_response {
        if (request.method == http_method::post) return not_allowed(request.method, "OPTIONS,GET,PUT,DELETE");
        const bool reads = request.method == http_method::get;
        const bool recurse = query_parameter(query, "recurse").has_value();
        const bool keys = reads && query_parameter(query, "keys");
        if (key.empty() && !keys && (!recurse || request.method == http_method::put)) {
            return {400, "Missing key name"};
        }
        if (!reads) return change(request, key, query, self);
        const auto* const in = wanted(query, self);
        if (!is_reachable(in)) return unreachable(in);
        if (!keys && !recurse) {
            const auto* const value = in->kv.find(key);
            if (value == nullptr) return read({}, 404, in->kv.index());
            const bool raw = query_parameter(query, "raw").has_value();
            return read(raw ? value->bytes : store_answers::one_value(key, *value), 200, value->modified);
        }
        auto text = keys ? store_answers::names(in->kv, key, query_parameter(query, "separator").value_or(""))
                         : store_answers::values(in->kv, key);
        const bool none = text == "[]" && !(keys && key.empty());
        return read(none ? std::string{} : std::move(text), none ? 404 : 200, in->kv.index(key));
    }

    auto change(const http_request& request, std::string_view key, std::string_view query, const store_agent& self)
        -> http_response {
        const bool put = request.method == http_method::put;
        const auto parameter = [&](bool is_known, std::string_view name) {
            return is_known ? query_parameter(query, name) : std::nullopt;
        };
        const auto flags = parameter(put, "flags");
        const auto cas = parameter(true, "cas");
        const auto acquire = parameter(put, "acquire");
        const auto release = parameter(put, "release");
        const auto recurse = parameter(!put, "recurse");
        if (cas.has_value() + acquire.has_value() + release.has_value() + recurse.has_value() > 1) {
            return {400, "Conflicting flags: " + sorted_query(query)};
        }
        for (const auto* number : {&flags, &cas}) {
            if (*number && !whole_number(**number)) return no_number(**number);
        }
        if (put && request.body.size() > largest_store_value) return too_large(request.body, "kv_max_value_size");
        auto* const in = wanted(query, self);
        if (!is_reachable(in)) return unreachable(in);
        if (acquire && data_.is_delayed(*in, key)) return {200, "false"};
        const std::string_view verb = recurse   ? "delete-tree"
                                      : acquire ? "lock"
                                      : release ? "unlock"
                                      : cas     ? (put ? "cas" : "delete-cas")
                                                : (put ? "set" : "delete");
        const auto outcome = data_.apply(*in,
                                         {.verb = std::string{verb},
                                          .key = std::string{key},
                                          .bytes = put ? request.body : "",
                                          .flags = flags ? *whole_number(*flags) : 0,
                                          .index = cas ? *whole_number(*cas) : 0,
                                          .session = acquire ? *acquire : release.value_or("")},
                                         data_.index() + 1);
        if (outcome.is_error) return {500, outcome.problem};
        return {200, outcome.problem.empty() ? "true" : "false"};
    }

    /// Does all operations, under one index, or none.
    auto transaction(const http_request& request, std::string_view query, const store_agent& self) -> http_response {
        if (request.method != http_method::put) return not_allowed(request.method, "OPTIONS,PUT");
        if (request.body.size() > largest_store_value) return too_large(request.body, "txn_max_req_len");
        const auto wanted_operations = store_requests::operations(request.body);
        if (!wanted_operations) return refused(wanted_operations.error(), "Failed to parse body: ");
        const auto& all = *wanted_operations;
        if (all.size() > 64) {
            return {413, "Transaction contains too many operations (" + std::to_string(all.size()) + " > 64)"};
        }
        auto* const in = wanted(query, self);
        if (!is_reachable(in)) return unreachable(in);
        std::size_t problems = 0;
        json::writer errors;
        errors.open_array();
        const auto fails = [&](std::size_t index, std::string_view why) {
            ++problems;
            errors.open_object().key("OpIndex").number(std::uint64_t{index}).key("What").string(why).close_object();
        };
        bool writes = false;
        for (std::size_t i = 0; i < all.size(); ++i) {
            writes = writes ||
                     is_one_of(all[i].verb, {"set", "cas", "lock", "unlock", "delete", "delete-cas", "delete-tree"});
            if (all[i].key.empty() && all[i].verb != "delete-tree") {
                fails(i, "Must provide key");
            } else if (all[i].verb == "lock" && data_.is_delayed(*in, all[i].key)) {
                fails(i, "failed to lock key " + go_quoted(all[i].key) + " due to lock delay");
            }
        }
        json::writer results;
        results.open_array();
        if (problems == 0) {
            const auto before = writes ? in->kv : store_keys{};
            const auto show = [&results](std::string_view key, const store_value& value, bool with_bytes) {
                store_answers::write_value(results.open_object().key("KV"), key, value, with_bytes);
                results.close_object();
            };
            const std::uint64_t at = data_.index() + 1;
            for (std::size_t i = 0; i < all.size(); ++i) {
                const auto outcome = data_.apply(*in, all[i], at);
                if (!outcome.problem.empty()) fails(i, outcome.problem);
                if (outcome.value != nullptr) show(all[i].key, *outcome.value, all[i].verb == "get");
                if (all[i].verb != "get-tree") continue;
                in->kv.for_each(all[i].key, [&](const auto& key, const auto& value) { show(key, value, true); });
            }
            if (writes && problems != 0) in->kv = before;
        }
        const bool done = problems == 0;
        http_response answer{done ? 200 : 409,
                             store_answers::transaction(done ? results.close_array().text() : "null",
                                                        done ? "null" : errors.close_array().text(), writes)};
        if (!writes) answer.headers = {{"X-Consul-KnownLeader", "true"}, {"X-Consul-LastContact", "0"}};
        return answer;
    }

    // --- sessions ---

    auto session(const http_request& request, std::string_view path, std::string_view query, const store_agent& self)
        -> http_response {
        const std::size_t slash = path.find('/');
        const std::string_view verb = path.substr(0, slash);
        const bool has_name = is_one_of(verb, {"destroy", "renew", "info", "node"});
        if (has_name != (slash != std::string_view::npos)) return {404};
        if (!has_name && verb != "create" && verb != "list") return {404};
        const auto method = is_one_of(verb, {"create", "destroy", "renew"}) ? http_method::put : http_method::get;
        if (request.method != method) {
            return not_allowed(request.method, "OPTIONS," + std::string{to_string(method)});
        }
        const std::string name{has_name ? path.substr(slash + 1) : std::string_view{}};
        if (has_name && name.empty()) return {400, verb == "node" ? "Missing node name" : "Missing session"};
        auto* const in = wanted(query, self);
        if (verb == "create") return create_session(request.body, in, self);
        const bool has_id = has_name && verb != "node";
        auto failed = unreachable(in);
        if (is_reachable(in)) failed.body = has_id ? store_data::lookup_problem(name) : "";
        if (!failed.body.empty()) {
            // Only for sessions does a failed read have the headers of a read.
            if (method == http_method::get) failed.headers = read_headers(1, "false");
            return failed;
        }
        if (verb == "destroy") return data_.end_session(*in, name), http_response{200, "true"};
        if (verb == "renew") {
            const auto found = in->sessions.find(name);
            if (found == in->sessions.end()) return {404, "Session id '" + name + "' not found"};
            data_.renew_session(found->second);
        }
        auto text = store_answers::sessions(*in, [&](const std::string& id, const store_session& each) {
            return verb == "list" || (verb == "node" ? each.node : id) == name;
        });
        if (verb == "renew") return {200, std::move(text)};
        return read(std::move(text), 200, in->sessions_index);
    }

    auto create_session(std::string_view body, store_datacenter* in, const store_agent& self) -> http_response {
        auto wanted_session = store_requests::session(body, {.node = self.node});
        if (!wanted_session) return refused(wanted_session.error(), "Request decode failed: ");
        auto& made = *wanted_session;
        if (made.node.empty()) return {500, "Must provide Node"};
        if (made.behavior.empty()) made.behavior = "release";
        if (!is_one_of(made.behavior, {"release", "delete"})) {
            return {500, "Invalid Behavior setting '" + made.behavior + '\''};
        }
        if (!made.ttl.empty()) {
            const auto ttl = store_requests::go_duration(made.ttl);
            const auto said = go_quoted(made.ttl);
            if (!ttl) return {500, "Session TTL '" + made.ttl + "' invalid: time: invalid duration " + said};
            if (*ttl != milliseconds{} && (*ttl < seconds(10) || *ttl > seconds(86'400))) {
                return {500, "Invalid Session TTL '" + std::to_string(ttl->count) +
                                 "000000', must be between [10s=24h0m0s]"};
            }
            made.lifetime = *ttl + *ttl;
        }
        if (!is_reachable(in)) return unreachable(in);
        if (auto problem = data_.problem_of(*in, made); !problem.empty()) return {500, std::move(problem)};
        return {200, R"({"ID":")" + data_.add_session(*in, std::move(made)) + "\"}"};
    }

    // --- parts of an answer ---

    [[nodiscard]] auto wanted(std::string_view query, const store_agent& self) -> store_datacenter* {
        if (query.empty()) return data_.find(self.datacenter);
        const auto name = query_parameter(query, "dc");
        return data_.find(name && !name->empty() ? std::string_view{*name} : std::string_view{self.datacenter});
    }

    static auto read(std::string body, int status, std::uint64_t index) -> http_response {
        return {status, std::move(body), read_headers(index, "true")};
    }
    /// Index 0 would turn a blocking query into one that is answered at once.
    static auto read_headers(std::uint64_t index, std::string_view has_leader) -> std::vector<http_header> {
        return {{"X-Consul-Index", std::to_string(index != 0 ? index : 1)},
                {"X-Consul-KnownLeader", std::string{has_leader}},
                {"X-Consul-LastContact", "0"}};
    }

    static auto not_allowed(http_method method, std::string_view allowed) -> http_response {
        return {405, "method " + std::string{to_string(method)} + " not allowed", {{"Allow", std::string{allowed}}}};
    }
    static auto is_reachable(const store_datacenter* in) -> bool { return in != nullptr && in->reachable; }
    static auto unreachable(const store_datacenter* in) -> http_response {
        return {500, in == nullptr ? "No path to datacenter" : "Remote DC has no server currently reachable"};
    }
    static auto no_number(std::string_view text) -> http_response {
        const leading_digits read = read_digits(text);
        const bool too_large = !read.fits && read.count == text.size();
        return {500, "strconv.ParseUint: parsing \"" + std::string{text} +
                         (too_large ? "\": value out of range" : "\": invalid syntax")};
    }
    static auto too_large(std::string_view body, std::string_view option) -> http_response {
        static_assert(largest_store_value == 524288);
        return {413, "Request body(" + std::to_string(body.size()) + " bytes) too large, max size: 524288 bytes. " +
                         "See https://www.consul.io/docs/agent/options.html#" + std::string{option} + '.'};
    }
    /// The answer to a body that cannot be read or that asks for what the store does not support.
    static auto refused(const error& why, std::string_view before) -> http_response {
        if (why.code == errc::usage) return {501, why.message};
        return {400, std::string{before} + why.message};
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
