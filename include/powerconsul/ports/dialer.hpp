#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// How an attempt to connect ended.
enum class dialed : unsigned char { refused, accepted };

/// Connects to a TCP port and closes the connection at once. `host` is a name or an address; of several addresses one
/// that accepts is enough, and only if all refuse is it refused. errc::timed_out: no answer in time; errc::unavailable:
/// the name has no address, or there is no way to it; errc::io: the system could not try. Several threads may use one.
template <typename T>
concept dialer = requires(T& network, const std::string& host, std::uint16_t port, milliseconds timeout) {
    { network.dial(host, port, timeout) } -> std::same_as<result<dialed>>;
};

}  // namespace powerconsul::inline v0
