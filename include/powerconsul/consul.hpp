#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/clock.hpp>
#include <powerconsul/json/consul.hpp>
#include <powerconsul/json/snapshot.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/transport.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// What the body of an error adds to a message: only what stays the same as long as the trouble does. Consul's other
/// texts differ from call to call, and a check's output must not change while nothing changed.
[[nodiscard]] inline auto known_complaint(std::string_view body) -> std::string {
    constexpr std::string_view known[] = {"No cluster leader", "No path to datacenter", "No known Consul servers",
                                          "Permission denied", "ACL not found",
                                          "Remote DC has no server currently reachable"};
    for (const auto text : known) {
        if (body.find(text) != std::string_view::npos) return ": " + std::string{text};
    }
    return {};
}

}  // namespace detail

/// One datacenter's answer to "which instances does this service have".
struct datacenter_instances {
    std::string datacenter{};
    result<std::vector<instance>> instances{std::vector<instance>{}};
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

    /// The value of one key; nothing if the key does not exist. `datacenter` may be empty: then it is the agent's own.
    /// Only Consul's own 404 means "does not exist": it carries X-Consul-Index, a proxy's does not.
    [[nodiscard]] auto read_key(std::string_view key, std::string_view datacenter) -> result<std::optional<kv_entry>> {
        std::string path = "/v1/kv";
        for (std::string_view rest = key; !rest.empty();) {
            const std::size_t slash = rest.find('/');
            path += '/' + percent_encoded(rest.substr(0, slash));
            rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
        }
        const auto answer = get(path, datacenter);
        if (!answer) return unexpected{answer.error()};
        if (leaderless(*answer)) return without_leader(path);
        if (answer->status == 404 && !answer->header("X-Consul-Index").empty()) return std::optional<kv_entry>{};
        if (answer->status != 200) return refused(*answer, path, "key:read on " + std::string{key});
        auto entry = json::decode_kv_entry(answer->body, key);
        if (!entry) return undecoded(path, entry.error());
        return std::optional<kv_entry>{std::move(*entry)};
    }

    /// The instances of a service in several datacenters, asked side by side where the transport can; an empty name is
    /// the agent's own datacenter.
    [[nodiscard]] auto instances(std::string_view service, const std::vector<std::string>& datacenters)
        -> std::vector<datacenter_instances> {
        const std::string path = "/v1/health/service/" + percent_encoded(service);
        std::vector<result<http_response>> answers;
        if constexpr (parallel_http_transport<Transport>) {
            const milliseconds left = time_left();
            std::vector<http_request> requests;
            for (const auto& each : datacenters) requests.push_back({http_method::get, in(path, each), {}, left});
            if (left.count > 0) answers = transport_.perform_all(requests);
            while (answers.size() < datacenters.size()) answers.emplace_back(out_of_time(path));
        } else {
            // One after the other: each has only what the ones before it left of the time.
            for (const auto& each : datacenters) answers.push_back(get(path, each));
        }
        std::vector<datacenter_instances> all;
        for (std::size_t i = 0; i < datacenters.size(); ++i) {
            all.push_back({datacenters[i], decoded(answers[i], path, service, datacenters[i])});
        }
        return all;
    }

    /// The local agent's node name and datacenter.
    [[nodiscard]] auto agent() -> result<agent_facts> {
        return asked("/v1/agent/self", "agent:read", [](std::string_view body) { return json::decode_agent(body); });
    }

    /// The checks of the local agent as they stand now, without asking a server.
    [[nodiscard]] auto agent_checks() -> result<std::vector<snapshot_check>> {
        return asked("/v1/agent/checks", "node:read and service:read",
                     [](std::string_view body) { return json::decode_agent_checks(body); });
    }

    /// All datacenters that are known, the agent's own first. Consul goes on listing one that is not reachable.
    [[nodiscard]] auto datacenters() -> result<std::vector<std::string>> {
        return asked("/v1/catalog/datacenters", "no right at all",
                     [](std::string_view body) { return json::decode_datacenters(body); });
    }

private:
    [[nodiscard]] auto time_left() -> milliseconds { return shorter(deadline_ - clock_.monotonic(), longest_); }

    [[nodiscard]] static auto in(std::string_view path, std::string_view datacenter) -> std::string {
        std::string target{path};
        if (!datacenter.empty()) target += "?dc=" + percent_encoded(datacenter);
        return target;
    }

    [[nodiscard]] static auto out_of_time(std::string_view path) -> unexpected {
        return fail(errc::timed_out, "the time was over before Consul could be asked for " + std::string{path});
    }

    [[nodiscard]] auto get(std::string_view path, std::string_view datacenter) -> result<http_response> {
        const milliseconds left = time_left();
        if (left.count <= 0) return out_of_time(path);
        return transport_.perform({http_method::get, in(path, datacenter), {}, left});
    }

    /// Turns any status but 200 into the error that it is. None of them says that something is absent.
    [[nodiscard]] static auto refused(const http_response& answer, std::string_view path, std::string_view right)
        -> unexpected {
        const std::string complaint = detail::known_complaint(answer.body);
        const std::string what =
            "Consul answers " + std::to_string(answer.status) + " to " + std::string{path} + complaint;
        if (answer.status == 403) return fail(errc::denied, what + "; the token needs " + std::string{right});
        if (answer.status == 429) return fail(errc::unavailable, what + ": too many requests; see its limits");
        if (answer.status >= 500) {
            return fail(errc::unavailable, what + (complaint.empty() ? "; see the agent's log" : ""));
        }
        if (answer.status >= 300 && answer.status < 400) {
            return fail(errc::bad_data, what + ": a redirect, which would lead to another key or host");
        }
        return fail(errc::bad_data, what + "; is the address that of a Consul agent?");
    }

    /// A server that knows no leader answers from what it last had: that can be of any age.
    [[nodiscard]] static auto leaderless(const http_response& answer) -> bool {
        return answer.header("X-Consul-KnownLeader") == "false";
    }
    [[nodiscard]] static auto without_leader(std::string_view path) -> unexpected {
        return fail(errc::unavailable, "Consul answers " + std::string{path} + " without a cluster leader");
    }

    [[nodiscard]] static auto undecoded(std::string_view path, const error& why) -> unexpected {
        return fail(why.code, std::string{path} + ": " + why.message);
    }

    template <typename Decode>
    [[nodiscard]] auto asked(std::string_view path, std::string_view right, Decode decode)
        -> decltype(decode(std::string_view{})) {
        const auto answer = get(path, {});
        if (!answer) return unexpected{answer.error()};
        if (answer->status != 200) return refused(*answer, path, right);
        auto facts = decode(answer->body);
        if (!facts) return undecoded(path, facts.error());
        return facts;
    }

    /// A list that Consul says it filtered is not the list: what is missing from it may well be there.
    [[nodiscard]] static auto decoded(const result<http_response>& answer, std::string_view path,
                                      std::string_view service, std::string_view datacenter)
        -> result<std::vector<instance>> {
        if (!answer) return unexpected{answer.error()};
        const std::string right = "service:read on " + std::string{service} + " and node:read";
        if (answer->status != 200) return refused(*answer, path, right);
        if (leaderless(*answer)) return without_leader(path);
        if (answer->header("X-Consul-Results-Filtered-By-ACLs") == "true") {
            return fail(errc::denied, std::string{path} + ": the list is filtered; the token needs " + right);
        }
        auto found = json::decode_instances(answer->body, datacenter);
        if (!found) return undecoded(path, found.error());
        return found;
    }

    Transport transport_;
    Clock clock_;
    milliseconds deadline_;
    milliseconds longest_;
};

}  // namespace powerconsul::inline v0
