#pragma once

#include <string>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/result.hpp>

namespace powerconsul::cli {

/// The transport to a real agent, compiled apart because cpp-httplib's header is slow to compile. An empty token sends
/// none. Fails with errc::configuration when the address is wrong.
[[nodiscard]] auto make_http_transport(const std::string& address, const std::string& token) -> result<any_transport>;

}  // namespace powerconsul::cli
