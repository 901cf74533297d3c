#pragma once

#include <string>
#include <utility>

#include <powerconsul/adapters/httplib/transport.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/web_client.hpp>

namespace powerconsul::inline v0 {

/// Asks web servers with cpp-httplib, with the same limits as for Consul. Certificates are verified against the
/// system's authorities.
class httplib_web {
public:
    [[nodiscard]] auto get(const std::string& origin, const std::string& target, milliseconds timeout) const
        -> result<int> {
        auto server = httplib_transport::create({.address = origin}, "");
        if (!server) return unexpected{std::move(server).error()};
        return server->perform({http_method::get, target, {}, timeout}).transform([](const http_response& answer) {
            return answer.status;
        });
    }
};

static_assert(web_client<httplib_web>);

}  // namespace powerconsul::inline v0
