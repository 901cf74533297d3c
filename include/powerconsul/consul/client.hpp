#pragma once

#include <algorithm>
#include <utility>

#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/consul/filter.hpp>
#include <powerconsul/consul/reading.hpp>
#include <powerconsul/consul/refusal.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/transport.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// `/v1/kv/<key>`. A slash at the end is a part of the name: without it, it would be another key.
[[nodiscard]] inline auto key_path(std::string_view key) -> std::string {
    std::string path = "/v1/kv";
    for (const auto part : split(key, '/')) path += '/' + percent_encoded(part);
    return path;
}

}  // namespace detail

/// A node of a datacenter, which is the agent's own if it is empty.
struct node_place {
    std::string node{};
    std::string datacenter{};
};

/// The answer to "which instances does this service have" in a datacenter, or on one of its nodes.
struct found_instances {
    std::string node{};  ///< empty if all of the datacenter's were asked for
    std::string datacenter{};
    result<std::vector<instance>> instances{std::vector<instance>{}};
    read_facts how{};
};

/// One key, or that there is none, and how that was read.
struct key_reading {
    std::optional<kv_entry> entry{};
    std::uint64_t index{};  ///< X-Consul-Index, up to which the server has seen its cluster's changes; 0 if none
    read_facts how{};
};

/// Asks Consul, with three answers to everything: a value, "absent" where Consul says so cleanly, or an error. Every
/// request ends by the deadline on the monotonic clock, or after `longest` if that is sooner.
/// Policies may be values or references (`consul_client<Fake&, Clock&>`).
template <typename Transport, typename Clock>
    requires http_transport<Transport> && clock<Clock>
class consul_client {
public:
    consul_client(Transport transport, Clock time, milliseconds deadline, milliseconds longest = seconds(5))
        : transport_{static_cast<Transport&&>(transport)},
          clock_{static_cast<Clock&&>(time)},
          deadline_{deadline},
          longest_{longest} {}

    /// The value of one key, from a leader that most servers confirm; nothing if the key does not exist. `datacenter`
    /// may be empty: then it is the agent's own.
    [[nodiscard]] auto read_key(std::string_view key, std::string_view datacenter) -> result<std::optional<kv_entry>> {
        return read_key(key, datacenter, consistency::consistent).transform([](key_reading&& read) {
            return std::move(read.entry);
        });
    }

    /// Reads one key with the given consistency, and tells how it was read. Only Consul's own 404 means "does not
    /// exist": it carries X-Consul-Index, a proxy's does not. In any way but `consistent` it can come from a server
    /// that has just started and does not have its data yet, even if it is the leader: then neither the value nor that
    /// there is none proves anything.
    [[nodiscard]] auto read_key(std::string_view key, std::string_view datacenter, consistency mode)
        -> result<key_reading> {
        read_facts how{in(detail::key_path(key), datacenter, mode), mode, {}, {}};
        const auto answer = get(how.target);
        if (!answer) return unexpected{answer.error()};
        const std::string_view path = path_of(how.target);
        // How old a stale answer may be is told by its age; any other must come from a leader.
        if (mode != consistency::stale && detail::leaderless(*answer)) return detail::without_leader(path);
        how.age = age_of(*answer);
        const std::uint64_t index = whole_number(answer->header("X-Consul-Index")).value_or(0);
        if (answer->status == 404 && index != 0) return key_reading{{}, index, std::move(how)};
        if (answer->status != 200) return detail::refused(*answer, path, "key:read on " + std::string{key});
        auto entry = json::decode_kv_entry(answer->body, key);
        if (!entry) return detail::undecoded(path, *answer, entry.error());
        return key_reading{std::move(*entry), index, std::move(how)};
    }

    /// Writes a key, or deletes it where `value` is nothing, if its ModifyIndex still is `index`; 0: if there is no
    /// such key. False: another one has changed it meanwhile. After errc::unavailable and errc::timed_out it may be
    /// done all the same.
    [[nodiscard]] auto change_key(std::string_view key, std::string_view datacenter, std::optional<std::string> value,
                                  std::uint64_t index) -> result<bool> {
        const std::string path = detail::key_path(key);
        const milliseconds left = time_left();
        if (left.count <= 0) return out_of_time(path);
        const std::string target =
            path + "?cas=" + std::to_string(index) + (datacenter.empty() ? "" : "&dc=" + percent_encoded(datacenter));
        const auto method = value ? http_method::put : http_method::del;
        const auto answer = transport_.perform({method, target, std::move(value).value_or(""), left});
        if (!answer) return unexpected{answer.error()};
        if (answer->status != 200) return detail::refused(*answer, path, "key:write on " + std::string{key});
        const std::string_view done = trimmed(answer->body);
        if (done == "true" || done == "false") return done == "true";
        return fail(errc::bad_data, path + ": the answer is neither true nor false; is a proxy in between?");
    }

    /// The instances of a service in several datacenters, asked side by side where the transport can; an empty name is
    /// the agent's own datacenter. What the agent's cache holds counts only up to an age of `max_stale`. Whoever is
    /// asked lists all instances to choose those that match `filter`, see consul_filter: the cost grows with their
    /// number.
    [[nodiscard]] auto instances(std::string_view service, const std::vector<std::string>& datacenters,
                                 consistency mode = consistency::leader, milliseconds max_stale = {},
                                 std::string_view filter = {}) -> std::vector<found_instances> {
        std::vector<found_instances> all;
        std::vector<std::string> again;
        for (auto& each : instances_by(mode, service, datacenters, filter)) {
            each.how.again = mode == consistency::cached && each.instances ? too_old(each.how, max_stale) : "";
            if (!each.how.again.empty()) again.push_back(each.datacenter);
            all.push_back(std::move(each));
        }
        if (again.empty()) return all;
        auto fresh = instances_by(consistency::leader, service, again, filter);
        for (std::size_t i = 0, k = 0; i < all.size(); ++i) {
            if (all[i].how.again.empty()) continue;
            fresh[k].how.again = std::move(all[i].how.again);
            all[i] = std::move(fresh[k++]);
        }
        return all;
    }

    /// The instances of a service on single nodes, by their names in the catalog: the cost does not depend on how many
    /// there are elsewhere. Nodes of several datacenters are asked side by side where the transport can. An instance on
    /// a node that has no check at all, not even `serfHealth`, is found by instances() only.
    [[nodiscard]] auto instances_on(const std::vector<node_place>& nodes, std::string_view service,
                                    consistency mode = consistency::leader) -> std::vector<found_instances> {
        if (nodes.empty()) return {};
        std::vector<std::string> targets;
        std::vector<std::string> datacenters;
        for (const auto& each : nodes) {
            const std::string path = "/v1/health/node/" + percent_encoded(each.node);
            targets.push_back(in(path, each.datacenter, mode, consul_filter::checks_of(service)));
            datacenters.push_back(each.datacenter);
        }
        const auto answers = answers_to(targets, datacenters);
        std::vector<found_instances> all;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const std::string rights = "service:read on " + std::string{service} + " and node:read on " + nodes[i].node;
            auto& found = all.emplace_back();
            found.node = nodes[i].node;
            found.datacenter = nodes[i].datacenter;
            found.how = facts_of(answers[i], targets[i], mode);
            auto health = decoded(answers[i], path_of(targets[i]), rights, mode, [&](std::string_view body) {
                return json::decode_node_health(body, service, nodes[i].node, nodes[i].datacenter);
            });
            if (!health) {
                found.instances = unexpected{std::move(health).error()};
                continue;
            }
            if (health->without_node) {
                // Of these alone a dead node would look alive. A list has the node's checks in any namespace.
                auto listed = std::move(
                    instances_by(mode, service, {nodes[i].datacenter}, consul_filter::on_nodes({nodes[i].node}))
                        .front());
                found.instances = std::move(listed.instances);
                found.how = std::move(listed.how);
                if (found.instances) {
                    std::erase_if(*found.instances, [&](const instance& each) {
                        return !ascii::equal_ignoring_case(each.node, nodes[i].node);
                    });
                }
            } else if (health->is_registered) {
                found.instances = std::move(health->instances);
            } else if (!health->instances.front().checks.empty()) {
                // A service without a check is told from none by the catalog.
                const std::string target = in("/v1/catalog/node/" + percent_encoded(nodes[i].node), nodes[i].datacenter,
                                              mode, consul_filter::service_named(service));
                const auto is_there = decoded(get(target), path_of(target), rights, mode, [&](std::string_view body) {
                    return json::decode_is_registered(body, service, nodes[i].datacenter);
                });
                if (!is_there) found.instances = unexpected{is_there.error()};
                if (is_there && *is_there) found.instances = std::move(health->instances);
            }
        }
        return all;
    }

    /// Which of these rights the token does not have in a datacenter. Lists leave out what it may not see and do not
    /// say so; this says it. An agent without ACLs hides nothing, unless its servers have them, which it does not tell.
    /// Fails with errc::unsupported if the agent does not answer that question at all.
    [[nodiscard]] auto missing_rights(const std::vector<acl_right>& rights, std::string_view datacenter)
        -> result<std::vector<acl_right>> {
        constexpr std::string_view path = "/v1/internal/acl/authorize";
        const auto scope = scope_of(transport_);
        std::vector<acl_right> missing;
        for (std::span rest{rights}; !rest.empty();) {
            const auto asked = rest.first(std::min(rest.size(), json::most_rights_at_once));
            rest = rest.subspan(asked.size());
            const milliseconds left = time_left();
            if (left.count <= 0) return out_of_time(path);
            const auto answer = transport_.perform({http_method::post, in(path, datacenter, consistency::leader),
                                                    json::encode_rights(asked, scope), left});
            if (!answer) return unexpected{answer.error()};
            if (answer->status == 401 && answer->body.find("ACL support disabled") != std::string::npos) {
                return std::vector<acl_right>{};
            }
            if (detail::is_not_offered(*answer)) return detail::not_offered(*answer, path);
            if (answer->status != 200) return detail::refused(*answer, path, to_string(rights));
            const auto some = json::decode_missing_rights(answer->body, asked);
            if (!some) return detail::undecoded(path, *answer, some.error());
            missing.insert(missing.end(), some->begin(), some->end());
        }
        return missing;
    }

    /// Whether a list was whole: errc::denied, beginning with `complaint`, if one of the rights is missing.
    [[nodiscard]] auto require_rights(const std::vector<acl_right>& rights, std::string_view datacenter,
                                      std::string_view complaint) -> result<void> {
        const auto missing = missing_rights(rights, datacenter);
        if (!missing) return unexpected{missing.error()};
        if (missing->empty()) return {};
        return fail(errc::denied, std::string{complaint} +
                                      (datacenter.empty() ? "" : " in " + std::string{datacenter}) +
                                      "; the token needs " + to_string(*missing));
    }

    /// Whether a list of this datacenter's that is not marked as filtered is whole, for agents that do not answer which
    /// rights a token has. Since 1.11 servers mark what they have filtered, but not for the anonymous token
    /// (agent/consul/rpc.go); they are never older than their agents. An agent without ACLs hides nothing.
    [[nodiscard]] auto unmarked_is_whole(std::string_view datacenter) -> bool {
        const auto self = agent();
        if (!self || !(datacenter.empty() || self->datacenter == datacenter)) return false;
        if (!detail::marks_filtered_lists(self->version)) return false;
        const auto token = get("/v1/acl/token/self");
        if (!token) return false;
        if (token->status == 401) return token->body.find("ACL support disabled") != std::string::npos;
        const auto read = json::parse(token->body);
        const auto* const accessor = read ? read->find("AccessorID") : nullptr;
        return token->status == 200 && accessor != nullptr && accessor->is(json::kind::string) &&
               !accessor->text.empty() && accessor->text != "00000000-0000-0000-0000-000000000002";
    }

    /// The local agent's node name and datacenter.
    [[nodiscard]] auto agent() -> result<agent_facts> {
        return asked("/v1/agent/self", {{acl_resource::agent, "this node"}}, json::decode_agent);
    }

    /// The checks of the local agent as they stand now, without asking a server.
    [[nodiscard]] auto agent_checks() -> result<std::vector<snapshot_check>> {
        return asked("/v1/agent/checks", {{acl_resource::node, {}, true}, {acl_resource::service, {}, true}},
                     json::decode_agent_checks);
    }

    /// All datacenters that are known, the agent's own first. Consul goes on listing one that is not reachable.
    [[nodiscard]] auto datacenters() -> result<std::vector<std::string>> {
        return asked("/v1/catalog/datacenters", {}, json::decode_datacenters);
    }

private:
    [[nodiscard]] auto time_left() -> milliseconds { return shorter(deadline_ - clock_.monotonic(), longest_); }

    [[nodiscard]] static auto in(std::string_view path, std::string_view datacenter, consistency mode,
                                 std::string_view filter = {}) -> std::string {
        std::string target{path};
        const auto add = [&](const std::string& parameter) {
            target += (target.size() == path.size() ? '?' : '&') + parameter;
        };
        if (!datacenter.empty()) add("dc=" + percent_encoded(datacenter));
        // An agent with discovery_max_stale asks any server for health unless `?leader` says otherwise (agent/http.go,
        // parseConsistency; 1.8.7, too).
        const bool discovers = path.starts_with("/v1/health/") || path.starts_with("/v1/catalog/node/");
        const std::string_view queries[] = {"cached", "stale", discovers ? "leader" : "", "consistent"};
        const auto how = queries[static_cast<unsigned char>(mode)];
        if (!how.empty()) add(std::string{how});
        if (!filter.empty()) add("filter=" + percent_encoded(filter));
        return target;
    }
    [[nodiscard]] static auto path_of(std::string_view target) -> std::string_view {
        return target.substr(0, target.find('?'));
    }

    [[nodiscard]] static auto out_of_time(std::string_view path) -> unexpected {
        return fail(errc::timed_out, "the time was over before Consul could be asked for " + std::string{path});
    }

    [[nodiscard]] auto get(std::string_view target) -> result<http_response> {
        const milliseconds left = time_left();
        if (left.count <= 0) return out_of_time(path_of(target));
        return transport_.perform({http_method::get, std::string{target}, {}, left});
    }

    /// How old an answer may be: for how long the server that gave it has not heard of the leader, and how long the
    /// agent has kept it. Nothing if it does not say so. `?cached` of Consul 1.10 and later comes from a stream, whose
    /// Age of 0 says since when the agent has listened to it, and not that the servers still send.
    [[nodiscard]] static auto age_of(const http_response& answer) -> std::optional<milliseconds> {
        constexpr std::uint64_t longest = 1'000'000'000;
        const bool hit = answer.header("X-Cache") == "HIT";
        if (answer.header("X-Consul-Query-Backend") == "streaming") return std::nullopt;
        if (hit && answer.header("X-Consul-KnownLeader") != "true") return std::nullopt;
        const std::string_view age = hit ? answer.header("Age") : "0";
        const std::string_view contact = answer.header("X-Consul-LastContact");
        std::uint64_t sum = 0;
        for (const auto& [text, factor] : {std::pair{contact, 1U}, std::pair{age, 1000U}}) {
            const leading_digits read = read_digits(text);
            if (read.count == 0 || read.count != text.size()) return std::nullopt;
            sum += std::min(read.number, longest / factor) * factor;
        }
        return milliseconds{static_cast<std::int64_t>(sum)};
    }

    /// Those in one datacenter are asked one after the other, over one connection. Others are asked side by side where
    /// the transport can, since each may hang.
    [[nodiscard]] auto answers_to(const std::vector<std::string>& targets, const std::vector<std::string>& datacenters)
        -> std::vector<result<http_response>> {
        std::vector<result<http_response>> answers;
        const bool in_one = algo::count(datacenters, datacenters.front()) == std::ssize(datacenters);
        if constexpr (parallel_http_transport<Transport>) {
            const milliseconds left = time_left();
            std::vector<http_request> requests;
            for (const auto& each : targets) requests.push_back({http_method::get, each, {}, left});
            if (left.count > 0 && !in_one) answers = transport_.perform_all(requests);
        }
        // One after the other: each has only what the ones before it left of the time.
        while (answers.size() < targets.size()) answers.push_back(get(targets[answers.size()]));
        return answers;
    }

    [[nodiscard]] static auto facts_of(const result<http_response>& answer, const std::string& target, consistency mode)
        -> read_facts {
        return {target,
                mode,
                answer ? age_of(*answer) : std::nullopt,
                {},
                answer && answer->header("X-Consul-Default-ACL-Policy") == "allow"};
    }

    [[nodiscard]] auto instances_by(consistency mode, std::string_view service,
                                    const std::vector<std::string>& datacenters, std::string_view filter)
        -> std::vector<found_instances> {
        const std::string path = "/v1/health/service/" + percent_encoded(service);
        const std::string rights = "service:read on " + std::string{service} + " and node:read on every node";
        std::vector<std::string> targets;
        for (const auto& each : datacenters) targets.push_back(in(path, each, mode, filter));
        std::vector<found_instances> all;
        if (datacenters.empty()) return all;
        const auto answers = answers_to(targets, datacenters);
        for (std::size_t i = 0; i < datacenters.size(); ++i) {
            all.push_back({{},
                           datacenters[i],
                           decoded(answers[i], path, rights, mode,
                                   [&](std::string_view body) { return json::decode_instances(body, datacenters[i]); }),
                           facts_of(answers[i], targets[i], mode)});
        }
        return all;
    }

    template <typename Decode>
    [[nodiscard]] auto asked(std::string_view path, const std::vector<acl_right>& rights, Decode decode)
        -> decltype(decode(std::string_view{})) {
        const auto answer = get(path);
        if (!answer) return unexpected{answer.error()};
        if (answer->status != 200) return detail::refused(*answer, path, to_string(rights));
        auto facts = decode(answer->body);
        if (!facts) return detail::undecoded(path, *answer, facts.error());
        return facts;
    }

    /// What an answer about the catalog holds, if it may be believed.
    template <typename Decode>
    [[nodiscard]] static auto decoded(const result<http_response>& answer, std::string_view path,
                                      const std::string& rights, consistency mode, Decode decode)
        -> decltype(decode(std::string_view{})) {
        if (!answer) return unexpected{answer.error()};
        if (answer->status != 200) return detail::refused(*answer, path, rights);
        if (mode != consistency::cached && detail::leaderless(*answer)) return detail::without_leader(path);
        if (mode >= consistency::leader && answer->header("X-Consul-Effective-Consistency") == "stale") {
            return fail(errc::unavailable,
                        "Consul answers " + std::string{path} + " from any server, though its leader was asked for");
        }
        if (auto whole = detail::whole_list(*answer, path, rights); !whole) return unexpected{whole.error()};
        auto found = decode(answer->body);
        if (!found) return detail::undecoded(path, *answer, found.error());
        return found;
    }

    Transport transport_;
    Clock clock_;
    milliseconds deadline_;
    milliseconds longest_;
};

/// The keys below a prefix. An empty list says nothing: Consul answers the same, 404 without a word, to a token that
/// may not read there; and what a token may not read is missing from a list that is not empty, too.
struct kv_listing {
    std::vector<listed_key> keys{};
    std::string path{};  ///< that was asked for, for messages
};

/// Lists all keys that begin with `prefix`, with their values (`GET /v1/kv/<prefix>?recurse`). `datacenter` may be
/// empty: then it is the agent's own. errc::denied: the token needs key_prefix:list there; errc::unavailable,
/// errc::timed_out: Consul could not answer; errc::bad_data: what answered is no Consul.
template <http_transport Transport>
[[nodiscard]] auto list_keys(Transport& transport, std::string_view prefix, std::string_view datacenter,
                             milliseconds timeout) -> result<kv_listing> {
    kv_listing listing{{}, detail::key_path(prefix) + "?recurse"};
    if (!datacenter.empty()) listing.path += "&dc=" + percent_encoded(datacenter);
    const auto answer = transport.perform({http_method::get, listing.path, {}, timeout});
    if (!answer) return unexpected{answer.error()};
    const std::string rights = "key_prefix:list and key_prefix:read on " + std::string{prefix};
    if (detail::leaderless(*answer)) return detail::without_leader(listing.path);
    if (auto whole = detail::whole_list(*answer, listing.path, rights); !whole) return unexpected{whole.error()};
    if (answer->status == 404 && whole_number(answer->header("X-Consul-Index")).value_or(0) != 0) return listing;
    if (answer->status != 200) return detail::refused(*answer, listing.path, rights);
    auto keys = json::decode_kv_list(answer->body, prefix);
    if (!keys) return detail::undecoded(listing.path, *answer, keys.error());
    listing.keys = std::move(*keys);
    return listing;
}

}  // namespace powerconsul::inline v0
