// Port 1 of the loopback address: nobody answers there, so the answer must be an error and not an exception or a wait.
#include <powerconsul/adapters/httplib/transport.hpp>

int main() {
    auto transport = powerconsul::httplib_transport::create({.address = "127.0.0.1:1"});
    if (!transport) return 1;
    const auto answer = transport->perform({.target = "/v1/status/leader", .timeout = powerconsul::milliseconds{2000}});
    return !answer && answer.error().code == powerconsul::errc::unavailable ? 0 : 2;
}
