#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>

/// What Consul's answers mean that are no value: refusals, answers without a leader, filtered lists.
namespace powerconsul::inline v0::detail {

inline constexpr std::string_view endpoint_blocked = "Endpoint is blocked by agent configuration";
inline constexpr std::string_view not_bootstrapped = "ACL system must be bootstrapped before making any requests";
inline constexpr std::string_view rate_limited = "rate limit exceeded";

/// What Consul 1.21.5 and later say of a key that they do not take, with 400 or 500.
inline constexpr std::array<std::string_view, 5> key_complaints{"invalid key name", "suspicious file extension",
                                                                "path traversal sequence", "leading or trailing space",
                                                                "must not begin with a '/'"};

/// Which permission a token lacks, as Consul 1.12 and later say it, without the token's AccessorID.
[[nodiscard]] inline auto lacking_permission(std::string_view body) -> std::string {
    constexpr std::string_view before = "token lacks permission '";
    constexpr std::string_view before_with_id = "' lacks permission '";
    const bool with_id = body.find(before) == std::string_view::npos;
    const std::size_t at = body.find(with_id ? before_with_id : before);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = body.substr(at + (with_id ? before_with_id : before).size());
    const std::string_view permission = rest.substr(0, rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz:_-"));
    if (permission.empty() || !rest.substr(permission.size()).starts_with('\'')) return {};
    const bool anonymous = body.substr(0, at).ends_with("anonymous ");
    return std::string{": the "} + (anonymous ? "anonymous " : "") + "token lacks permission '" +
           std::string{permission} + '\'';
}

/// What the body of an error adds to a message: only what stays the same as long as the error does. Consul's other
/// texts differ from call to call, and a check's output must not change while nothing changed.
[[nodiscard]] inline auto known_complaint(std::string_view body) -> std::string {
    constexpr std::string_view known[] = {"No cluster leader",
                                          "No path to datacenter",
                                          "No known Consul servers",
                                          "Permission denied",
                                          not_bootstrapped,
                                          "ACL not found",
                                          "Namespaces are a Consul Enterprise feature",
                                          "Client sent an HTTP request to an HTTPS server",
                                          "Remote DC has no server currently reachable",
                                          rate_limited,
                                          "not a recognized HTTP API endpoint",
                                          "method POST not allowed",
                                          "Refusing to process more than 64 authorizations at once",
                                          endpoint_blocked};
    for (const auto text : known) {
        if (body.find(text) != std::string_view::npos) return ": " + std::string{text} + lacking_permission(body);
    }
    for (const auto text : key_complaints) {
        if (body.find(text) != std::string_view::npos) return ": it does not take this key: " + std::string{text};
    }
    return {};
}

/// What is wrong with the body of a 200, and what that comes from if it can be told. "The document is empty", as the
/// parser says, would be taken for the one that stands in Consul.
[[nodiscard]] inline auto undecoded(std::string_view path, const http_response& answer, const error& why)
    -> unexpected {
    const std::string_view encoding = answer.header("Content-Encoding");
    std::string text = std::string{path} + ": ";
    if (answer.body.find_first_not_of(" \t\r\n") == std::string::npos) {
        text += "the answer has no body; is a proxy in between?";
    } else if (!encoding.empty() && encoding != "identity") {
        text += "the answer is encoded as " + quoted(encoding) + ", which nobody asked for; is a proxy in between?";
    } else {
        text += why.message;
    }
    return fail(why.code, std::move(text));
}

/// Whether it is certainly Consul that answers: since 1.9 every answer of its agents has this header.
[[nodiscard]] inline auto is_consuls(const http_response& answer) -> bool {
    return !answer.header("X-Consul-Default-ACL-Policy").empty();
}

/// Why Consul refuses a request. What it says of a 400 follows from the request alone, and may be shown as it is.
[[nodiscard]] inline auto complaint_of(const http_response& answer) -> std::string {
    auto complaint = known_complaint(answer.body);
    if (!complaint.empty() || answer.status != 400 || !is_consuls(answer)) return complaint;
    const std::string_view text = trimmed(answer.body);
    return text.empty() || text.front() == '<' ? std::string{} : ": " + one_line(text, 160);
}

[[nodiscard]] inline auto asks_for_a_password(const http_response& answer) -> bool {
    return answer.status == 401 || answer.status == 407;
}

/// What a status that is neither a success nor a refusal of Consul's own may come from.
[[nodiscard]] inline auto advice_on(const http_response& answer) -> std::string {
    if (asks_for_a_password(answer)) return "; a proxy in front of it asks for a name and a password";
    if (answer.status >= 300 && answer.status < 400)
        return ": a redirect, which would lead to another key or host; give the address of Consul itself";
    return is_consuls(answer) ? "; see the agent's log" : "; is the address that of a Consul agent?";
}

/// Turns any status but 200 into the error that it is. None of them says that something is absent. `rights` are those
/// that the token needs.
[[nodiscard]] inline auto refused(const http_response& answer, std::string_view path, const std::string& rights)
    -> unexpected {
    const std::string complaint = complaint_of(answer);
    const std::string what = "Consul answers " + std::to_string(answer.status) + " to " + std::string{path} + complaint;
    const auto says = [&](std::string_view text) { return answer.body.find(text) != std::string::npos; };
    if (answer.status == 403 && says(endpoint_blocked)) return fail(errc::unsupported, what);
    if (answer.status == 403 && says(not_bootstrapped)) return fail(errc::denied, what + "; see consul acl bootstrap");
    if (answer.status == 403) {
        return fail(errc::denied, what + "; the token needs " + (rights.empty() ? "no right at all" : rights));
    }
    if (answer.status == 429 || (answer.status >= 500 && says(rate_limited))) {
        return fail(errc::unavailable, what + (complaint.empty() ? ": too many requests" : "") + "; see its limits");
    }
    // A key that is refused once is refused for good, whatever the status.
    const bool bad_key = path.starts_with("/v1/kv/") && algo::any_of(key_complaints, says);
    if (answer.status >= 500 && !bad_key) {
        return fail(errc::unavailable, what + (complaint.empty() ? "; see the agent's log" : ""));
    }
    return fail(errc::bad_data, what + (complaint.empty() ? advice_on(answer) : ""),
                asks_for_a_password(answer) ? "httpAuthFile" : "");
}

/// Whether an endpoint that is not part of Consul's documented API is not there, not taken so, or blocked by the
/// agent's `http_config.block_endpoints`: none of these says anything about the token.
[[nodiscard]] inline auto is_not_offered(const http_response& answer) -> bool {
    return answer.status == 400 || answer.status == 404 || answer.status == 405 ||
           (answer.status == 403 && answer.body.find(endpoint_blocked) != std::string::npos);
}
[[nodiscard]] inline auto not_offered(const http_response& answer, std::string_view path) -> unexpected {
    const std::string complaint = known_complaint(answer.body);
    return fail(errc::unsupported, "this agent does not answer " + std::string{path} + " (" +
                                       std::to_string(answer.status) +
                                       (complaint.empty() ? "" : ", " + complaint.substr(2)) +
                                       "), so that a takeover from an active that is not listed is not possible");
}

/// 1.11 and later. A version is read as leniently as can be: `1.11.2+ent`, `2.0.1`.
[[nodiscard]] inline auto marks_filtered_lists(std::string_view version) -> bool {
    const auto major = read_digits(version);
    if (major.count == 0 || !version.substr(major.count).starts_with('.')) return false;
    const auto minor = read_digits(version.substr(major.count + 1));
    return minor.count != 0 && (major.number > 1 || (major.number == 1 && minor.number >= 11));
}

/// A server that knows no leader answers from what it last had: that can be of any age.
[[nodiscard]] inline auto leaderless(const http_response& answer) -> bool {
    return answer.header("X-Consul-KnownLeader") == "false";
}
[[nodiscard]] inline auto without_leader(std::string_view path) -> unexpected {
    return fail(errc::unavailable, "Consul answers " + std::string{path} + " without a cluster leader");
}

/// A list that Consul says it filtered is not the list: what is missing from it may well be there.
[[nodiscard]] inline auto whole_list(const http_response& answer, std::string_view path, const std::string& rights)
    -> result<void> {
    if (answer.header("X-Consul-Results-Filtered-By-ACLs") != "true") return {};
    return fail(errc::denied, std::string{path} + ": the list is filtered; the token needs " + rights);
}

}  // namespace powerconsul::inline v0::detail
