#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/dialer.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

struct tcp_probe_options {
    std::string host{"localhost"};  ///< a name or an address
    std::uint16_t port{};
    milliseconds timeout{5000};
};

/// Checks whether something accepts connections on a TCP port. A refused connection is stopped, since nothing listens
/// there; no answer is unknown. Models `probe`. Network may be a reference.
template <dialer Network>
class tcp_probe {
public:
    tcp_probe(tcp_probe_options options, Network network)
        : options_{std::move(options)}, network_{std::forward<Network>(network)} {}

    [[nodiscard]] auto operator()() -> observed {
        const std::string port = "port " + std::to_string(options_.port) + " of " + one_line(options_.host, 200);
        const auto answer = network_.dial(options_.host, options_.port, options_.timeout);
        if (!answer) return {observation::unknown, answer.error().message};
        if (*answer == dialed::accepted) return {observation::running, port + " accepts connections"};
        return {observation::stopped, port + " refuses connections"};
    }

private:
    tcp_probe_options options_;
    Network network_;
};

template <dialer Network>
tcp_probe(tcp_probe_options, Network&) -> tcp_probe<Network&>;

}  // namespace powerconsul::inline v0
