#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/consul/client.hpp>
#include <powerconsul/consul/kv_list_json.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>

namespace powerconsul::inline v0 {

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
    kv_listing listing{{}, "/v1/kv"};
    for (std::string_view rest = prefix;;) {
        const std::size_t slash = rest.find('/');
        listing.path += '/' + percent_encoded(rest.substr(0, slash));
        if (slash == std::string_view::npos) break;
        rest = rest.substr(slash + 1);
    }
    listing.path += "?recurse";
    if (!datacenter.empty()) listing.path += "&dc=" + percent_encoded(datacenter);
    const auto answer = transport.perform({http_method::get, listing.path, {}, timeout});
    if (!answer) return unexpected{answer.error()};
    const std::string what = "Consul answers " + std::to_string(answer->status) + " to " + listing.path +
                             detail::known_complaint(answer->body);
    const std::string right = "; the token needs key_prefix:list and key_prefix:read on " + std::string{prefix};
    if (answer->header("X-Consul-KnownLeader") == "false") {
        return fail(errc::unavailable, "Consul answers " + listing.path + " without a cluster leader");
    }
    if (answer->status == 403) return fail(errc::denied, what + right);
    if (answer->header("X-Consul-Results-Filtered-By-ACLs") == "true") {
        return fail(errc::denied, listing.path + ": the list is filtered" + right);
    }
    if (answer->status == 404 && whole_number(answer->header("X-Consul-Index")).value_or(0) != 0) return listing;
    if (answer->status == 429) return fail(errc::unavailable, what + ": too many requests; see its limits");
    if (answer->status >= 500) return fail(errc::unavailable, what);
    if (answer->status != 200) return fail(errc::bad_data, what + detail::advice_on(answer->status));
    auto keys = json::decode_kv_list(answer->body, prefix);
    if (!keys) return detail::undecoded(listing.path, *answer, keys.error());
    listing.keys = std::move(*keys);
    return listing;
}

}  // namespace powerconsul::inline v0
