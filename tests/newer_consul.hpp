#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/consul/rights.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/testing/fakes.hpp>

/// An agent that answers as Consul 1.9 to 2.0 do where 1.8.7, which the integration tests run, answers otherwise. The
/// facts were read in hashicorp/consul (paths at each) and in the documentation; none of these releases was run.
namespace newer {

namespace pc = powerconsul;
using headers = std::vector<pc::http_header>;

/// On every answer since 1.9, errors included: agent/http.go, setACLDefaultPolicy.
inline auto with_policy(int status, std::string body, headers more = {}, std::string policy = "deny")
    -> pc::http_response {
    more.push_back({"X-Consul-Default-ACL-Policy", std::move(policy)});
    return {status, std::move(body), std::move(more)};
}

/// A list or a key that a server has answered: agent/http.go, setMeta.
inline auto answer(std::string body, std::string consistency = "leader") -> pc::http_response {
    return with_policy(200, std::move(body),
                       {{"X-Consul-Index", "7"},
                        {"X-Consul-KnownLeader", "true"},
                        {"X-Consul-LastContact", "0"},
                        {"X-Consul-Effective-Consistency", std::move(consistency)}});
}

/// `?cached` of 1.10 and later comes from a stream of the agent's own, which knows no leader and no contact
/// (agent/rpcclient/health/view.go: Result sets the index and the backend alone). The documentation says that the two
/// headers are missing; setMeta of a later release writes them with these values.
inline auto streamed(std::string body, bool with_empty_headers) -> pc::http_response {
    headers all{{"X-Consul-Index", "7"}, {"X-Consul-Query-Backend", "streaming"}, {"X-Cache", "HIT"}, {"Age", "0"}};
    if (with_empty_headers) {
        all.push_back({"X-Consul-KnownLeader", "false"});
        all.push_back({"X-Consul-LastContact", "0"});
    }
    return with_policy(200, std::move(body), std::move(all));
}

/// 1.12 and later: acl/errors.go, PermissionDeniedError.
inline auto denied(std::string_view accessor, std::string_view permission, std::string_view name) -> pc::http_response {
    std::string who{"token with AccessorID '" + std::string{accessor} + "'"};
    if (accessor.empty()) who = "provided token";
    return with_policy(403, "rpc error making call: Permission denied: " + who + " lacks permission '" +
                                std::string{permission} + "' on \"" + std::string{name} + '"');
}
inline auto denied_to_anonymous(std::string_view permission) -> pc::http_response {
    return with_policy(403, "Permission denied: anonymous token lacks permission '" + std::string{permission} +
                                "'. The anonymous token is used implicitly when a request does not specify a token.");
}

/// agent/consul/acl_server.go, ResolveIdentityFromToken.
inline auto not_bootstrapped() -> pc::http_response {
    return with_policy(
        403, "ACL system must be bootstrapped before making any requests that require authorization: ACL not found");
}

/// agent/consul/rate/handler.go: 429 where another server may answer, 503 for what the leader alone can; the agent in
/// front of the server answers 500 with the server's text.
inline auto rate_limited(int status) -> pc::http_response {
    return with_policy(status, status == 429   ? "rate limit exceeded, try a different server"
                               : status == 503 ? "rate limit exceeded, try again later"
                                               : "rpc error making call: rate limit exceeded, try again later");
}

/// agent/kvs_endpoint.go of 1.21.5 (hashicorp/consul#22682, #22822, #22835: with status 500).
inline auto key_refused_by_letters() -> pc::http_response {
    return with_policy(500, R"(invalid key name, keys should respect the "^[a-zA-Z0-9,_./\-?&=]+$" format)");
}
/// agent/kvs_endpoint.go of the branch in hashicorp/consul#22593, validateKVKey.
inline auto key_refused_by_its_end(std::string_view end) -> pc::http_response {
    return with_policy(
        400, "key contains suspicious file extension '" + std::string{end} + "' that may be cached by proxies");
}

/// agent/http.go: http_config.block_endpoints, as in 1.8.7, and a path without a handler.
inline auto blocked() -> pc::http_response {
    return with_policy(403, "Endpoint is blocked by agent configuration");
}
inline auto no_such_endpoint() -> pc::http_response {
    return {404, "Invalid URL path: not a recognized HTTP API endpoint\n", {}};
}

/// Answers `POST /v1/internal/acl/authorize` as agent/acl_endpoint.go does (ACLAuthorize; the same in 1.8.7): at most
/// 64 questions, `?ns=` and `?partition=` ignored. All else is scripted.
class agent : public pc::testing::fake_transport {
public:
    /// Whether the token may: resource, segment, namespace, partition.
    using rule = std::function<bool(std::string_view, std::string_view, std::string_view, std::string_view)>;

    explicit agent(rule allows, pc::consul_scope scope = {}) : allows_{std::move(allows)}, scope_{std::move(scope)} {}

    [[nodiscard]] auto scope() const -> pc::consul_scope { return scope_; }

    auto perform(const pc::http_request& request) -> pc::result<pc::http_response> {
        if (!request.target.starts_with("/v1/internal/acl/authorize")) return fake_transport::perform(request);
        const auto asked = pc::json::parse(request.body);
        if (!asked) return with_policy(400, "Failed to decode request body: EOF");
        portions.push_back(asked->items.size());
        if (asked->items.size() > 64) {
            return with_policy(400, "Refusing to process more than 64 authorizations at once");
        }
        pc::json::writer text;
        text.open_array();
        for (const auto& each : asked->items) {
            const auto member = [&](std::string_view name) {
                const auto* const found = each.find(name);
                return found == nullptr ? std::string{} : found->text;
            };
            text.open_object();
            for (const auto* const name : {"Resource", "Segment", "Access", "Namespace", "Partition"}) {
                if (!member(name).empty()) text.key(name).string(member(name));
            }
            text.key("Allow").boolean(
                allows_(member("Resource"), member("Segment"), member("Namespace"), member("Partition")));
            text.close_object();
        }
        return with_policy(200, text.close_array().text());
    }

    std::vector<std::size_t> portions{};  ///< how many questions each request had

private:
    rule allows_;
    pc::consul_scope scope_;
};

static_assert(pc::scoped_transport<agent>);

}  // namespace newer
