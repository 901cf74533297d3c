#pragma once

#include <algorithm>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

enum class address_scheme : unsigned char { http, https, unix_socket };

/// Where Consul's HTTP API is.
struct address {
    address_scheme scheme{address_scheme::http};
    std::string host{"127.0.0.1"};  ///< a name, an IPv4 address or an IPv6 address without brackets
    std::uint16_t port{8500};
    std::string path{};  ///< of the socket, absolute; only with unix_socket

    friend bool operator==(const address&, const address&) = default;
};

/// The longest path of a socket that Linux takes (sun_path without its NUL).
inline constexpr std::size_t socket_path_limit = 107;

/// As a message names it and as parse_address reads it: `http://127.0.0.1:8500`, `https://[::1]:8501`,
/// `unix:///run/consul.sock`.
[[nodiscard]] inline auto to_string(const address& where) -> std::string {
    if (where.scheme == address_scheme::unix_socket) return "unix://" + where.path;
    const bool bare = where.host.find(':') == std::string::npos;
    return std::string{where.scheme == address_scheme::https ? "https://" : "http://"} +
           (bare ? where.host : '[' + where.host + ']') + ':' + std::to_string(where.port);
}

/// Reads `host`, `host:port`, `http://…`, `https://…` or `unix:///path`; an IPv6 address stands in brackets. A host
/// without scheme and port gets 8500, Consul's own port (the official client would ask port 80 there, where no agent
/// listens); with a scheme the port defaults to that scheme's, 80 or 443. Fails with errc::configuration.
[[nodiscard]] inline auto parse_address(std::string_view text) -> result<address> {
    const auto wrong = [&](std::string_view what) {
        // What stands before an @ is a name and password, what stands behind a ? may be a token, and the message is
        // for everybody who may see a check.
        const std::string_view start = text.substr(0, text.find_first_of("?#"));
        const auto at = start.rfind('@');
        std::string shown = at == std::string_view::npos ? std::string{start} : "..." + std::string{start.substr(at)};
        if (start.size() < text.size()) shown += "...";
        return fail(errc::configuration, "the address of Consul " + quoted(shown) + ' ' + std::string{what});
    };
    address where;
    std::string_view rest = text;
    if (const auto mark = text.find("://"); mark != std::string_view::npos) {
        const std::string_view scheme = text.substr(0, mark);
        rest = text.substr(mark + 3);
        if (scheme == "unix") {
            if (!rest.starts_with('/')) return wrong("needs an absolute path: unix:///path/to/socket");
            if (rest.size() > socket_path_limit) return wrong("has a path of more than 107 bytes; use a shorter one");
            if (rest.find('\0') != std::string_view::npos) return wrong("has a NUL byte in its path");
            return address{address_scheme::unix_socket, "localhost", 0, std::string{rest}};
        }
        if (scheme != "https" && scheme != "http") {
            return wrong("has an unknown scheme; use http://, https:// or unix://");
        }
        if (scheme == "https") where.scheme = address_scheme::https;
        where.port = scheme == "https" ? 443 : 80;
        if (rest.ends_with('/')) rest.remove_suffix(1);
    } else if (rest.starts_with('/')) {
        return wrong("is a path; write unix:///path for a socket");
    }
    if (rest.find_first_of("/?#@") != std::string_view::npos) {
        return wrong("has more than a host and a port; give only these");
    }

    std::string_view host = rest.substr(0, rest.find(':'));
    std::string_view port = rest.substr(host.size());
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return wrong("has a bracket that is not closed");
        host = rest.substr(1, end - 1);
        port = rest.substr(end + 1);
        if (!port.empty() && port.front() != ':') return wrong("has something else than :port behind the bracket");
        if (host.find(':') == std::string_view::npos ||
            host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
            return wrong("has something else than an IPv6 address in brackets");
        }
    } else {
        const auto is_allowed = [](char c) { return ascii::is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; };
        if (port.rfind(':') != 0 && !port.empty()) {
            return wrong("has several colons; write an IPv6 address in brackets: [::1]:8500");
        }
        if (host.empty()) return wrong("has no host; write host:port");
        if (!algo::all_of(host, is_allowed)) return wrong("has a character that no host name has");
    }
    if (!port.empty()) {
        where.port = whole_number<std::uint16_t>(port.substr(1)).value_or(0);
        if (where.port == 0) return wrong("has no port from 1 to 65535 behind the colon");
    }
    where.host = host;
    return where;
}

/// Whether an address leads to this machine: a socket, or a loopback address.
[[nodiscard]] inline auto is_this_machine(std::string_view text) -> bool {
    const auto where = parse_address(text);
    return where && (where->scheme == address_scheme::unix_socket || ascii::lower(where->host) == "localhost" ||
                     where->host.starts_with("127.") || where->host == "::1");
}

}  // namespace powerconsul::inline v0
