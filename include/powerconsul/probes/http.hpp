#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/dialer.hpp>
#include <powerconsul/ports/web_client.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

/// The parts of an http or https URL.
struct web_address {
    bool tls{};
    std::string host{};  ///< a name or an address, without the brackets of IPv6
    std::uint16_t port{};
    std::string target{"/"};  ///< path and query

    /// `http://host:port`
    [[nodiscard]] auto origin() const -> std::string {
        const std::string name = host.find(':') == std::string::npos ? host : '[' + host + ']';
        return (tls ? "https://" : "http://") + name + ':' + std::to_string(port);
    }
};

/// A web address as it may be shown: what stands before an @ may be a password, and becomes `...`.
[[nodiscard]] inline auto without_password(std::string_view url) -> std::string {
    const auto at = url.rfind('@');
    if (at == std::string_view::npos) return std::string{url};
    const auto scheme = url.find("://");
    return std::string{scheme < at ? url.substr(0, scheme + 3) : ""} + "..." + std::string{url.substr(at)};
}

/// Reads `http://host[:port][/path][?query]` or `https://…`; a fragment is left out. Fails with errc::usage.
[[nodiscard]] inline auto parse_web_address(std::string_view text) -> result<web_address> {
    const auto refused = [&](std::string_view why) {
        return fail(errc::usage, quoted(without_password(text)) + " is not a web address: " + std::string{why} +
                                     "; expected http://host:port/path or https://…");
    };
    web_address found;
    std::string_view rest = text.substr(0, text.find('#'));
    for (const char c : rest) {
        if (c <= ' ' || c >= 0x7F) return refused("it has a character that must be percent-encoded");
    }
    found.tls = rest.starts_with("https://");
    if (!found.tls && !rest.starts_with("http://")) return refused("the scheme is neither http nor https");
    rest.remove_prefix(found.tls ? 8 : 7);
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    std::string_view authority = rest.substr(0, end);
    if (rest.size() > end) found.target = (rest[end] == '?' ? "/" : "") + std::string{rest.substr(end)};
    if (authority.find('@') != std::string_view::npos) {
        return fail(errc::usage,
                    "the web address holds a user's name or password, which everybody can see; leave it out");
    }
    const bool bracket = authority.starts_with('[');
    const auto close = authority.find(']');
    if (bracket && close == std::string_view::npos) return refused("a ] is missing");
    const auto colon = authority.find(':', bracket ? close : 0);
    found.host = bracket ? authority.substr(1, close - 1) : authority.substr(0, colon);
    if (found.host.empty()) return refused("the host is missing");
    const auto port = colon == std::string_view::npos ? std::optional<std::uint64_t>{found.tls ? 443 : 80}
                                                      : whole_number(authority.substr(colon + 1), 65'535);
    if (!port || *port == 0) return refused("the port is not a number from 1 to 65535");
    found.port = static_cast<std::uint16_t>(*port);
    return found;
}

/// The HTTP statuses that count as healthy, both ends included.
struct status_range {
    int least{200};
    int most{399};

    friend auto operator==(const status_range&, const status_range&) -> bool = default;
};

/// Reads `200-399` or `200`. Fails with errc::usage.
[[nodiscard]] inline auto parse_status_range(std::string_view text) -> result<status_range> {
    const auto dash = text.find('-');
    const auto least = whole_number(text.substr(0, dash), 599);
    const auto most = dash == std::string_view::npos ? least : whole_number(text.substr(dash + 1), 599);
    if (least && most && *least >= 100 && *least <= *most) {
        return status_range{static_cast<int>(*least), static_cast<int>(*most)};
    }
    return fail(errc::usage, quoted(text) + " is no range of HTTP statuses; expected 100 to 599, as in 200-399 or 200");
}

struct http_probe_options {
    web_address where{};
    status_range expected{};
    milliseconds timeout{5000};  ///< for connecting and for the answer together
};

/// Checks whether a web server answers with an expected status. Any other status is degraded: the server runs, but not
/// as it should. A refused connection is stopped, since nothing listens there; every other failure is unknown. Models
/// `probe`. Network and Web may be references.
template <dialer Network, web_client Web>
class http_probe {
public:
    http_probe(http_probe_options options, Network network, Web web)
        : options_{std::move(options)}, network_{std::forward<Network>(network)}, web_{std::forward<Web>(web)} {}

    [[nodiscard]] auto operator()() -> observed {
        const auto& where = options_.where;
        const std::string name = one_line(where.origin() + where.target, 200);
        // The port is dialled first, since only this tells a port where nothing listens from other failures.
        const milliseconds each{options_.timeout.count / 2};
        const auto port = network_.dial(where.host, where.port, each);
        if (!port) return {observation::unknown, port.error().message};
        if (*port == dialed::refused) return {observation::stopped, name + " refuses connections"};
        const auto status = web_.get(where.origin(), where.target, each);
        if (!status) return {observation::unknown, status.error().message};
        const bool good = *status >= options_.expected.least && *status <= options_.expected.most;
        return {good ? observation::running : observation::degraded,
                name + " answers with status " + std::to_string(*status)};
    }

private:
    http_probe_options options_;
    Network network_;
    Web web_;
};

template <dialer Network, web_client Web>
http_probe(http_probe_options, Network&, Web&) -> http_probe<Network&, Web&>;

}  // namespace powerconsul::inline v0
