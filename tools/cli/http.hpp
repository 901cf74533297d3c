#pragma once

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/consul/connection.hpp>

namespace powerconsul::cli {

/// The transport to a real agent, compiled apart because cpp-httplib's header is slow to compile. Fails with
/// errc::configuration when an option cannot be used.
[[nodiscard]] auto make_http_transport(const consul_access& access) -> result<any_transport>;

/// Web servers, for checks of the kind http.
struct web_pages {
    [[nodiscard]] auto get(const std::string& origin, const std::string& target, milliseconds timeout) const
        -> result<int>;
};

/// Whether this program can ask an https address.
[[nodiscard]] auto has_tls() -> bool;

/// The libraries that requests are carried out with, by name and version.
[[nodiscard]] auto http_libraries() -> std::string;

}  // namespace powerconsul::cli
