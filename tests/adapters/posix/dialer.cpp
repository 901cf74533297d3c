#include <powerconsul/adapters/posix/dialer.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <powerconsul/adapters/posix/fd.hpp>

using namespace powerconsul;

namespace {

/// A port of the loopback address that is taken, and listened at unless the backlog is negative.
struct loopback_port {
    posix_fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};

    explicit loopback_port(int backlog) {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
        REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        if (backlog >= 0) REQUIRE(::listen(socket.get(), backlog) == 0);
    }
    [[nodiscard]] auto number() const -> std::uint16_t { return ntohs(address.sin_port); }
};

}  // namespace

TEST_CASE("a port where somebody listens accepts, and one where nobody does refuses") {
    const posix_dialer network;
    const loopback_port open{16};
    const loopback_port closed{-1};
    for (const std::string host : {"127.0.0.1", "localhost"}) {
        CAPTURE(host);
        const auto accepted = network.dial(host, open.number(), seconds(5));
        REQUIRE_MESSAGE(accepted, accepted.error().message);
        CHECK(*accepted == dialed::accepted);
        const auto refused = network.dial(host, closed.number(), seconds(5));
        REQUIRE_MESSAGE(refused, refused.error().message);
        CHECK(*refused == dialed::refused);
    }
}

TEST_CASE("what does not answer, and what cannot be asked, is neither") {
    const posix_dialer network;
    // A queue that is full: further connections are not answered.
    const loopback_port full{0};
    std::vector<posix_fd> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        (void)::connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&full.address), sizeof full.address);
    }
    const auto late = network.dial("127.0.0.1", full.number(), {200});
    REQUIRE_FALSE(late);
    CHECK((late.error().code == errc::timed_out || late.error().code == errc::unavailable));
    CHECK(late.error().message == "127.0.0.1:" + std::to_string(full.number()) + " did not answer in time");
    // RFC 6761: there is never such a name. Without a resolver in reach it may be that nobody answers at all.
    const auto nobody = network.dial("nobody.invalid", 80, seconds(3));
    REQUIRE_FALSE(nobody);
    CHECK((nobody.error().code == errc::unavailable || nobody.error().code == errc::timed_out));
    const auto none = network.dial("127.0.0.1", full.number(), {0});
    REQUIRE_FALSE(none);
    CHECK(none.error().code == errc::timed_out);
}

TEST_CASE("a name that nobody has has no addresses") {
    const auto end = detail::steady::now() + std::chrono::seconds{5};
    CHECK_FALSE(detail::addresses_of("no-such-host.invalid", 8500, end));
}

TEST_CASE("an address needs no name service, and so no time, nor does this machine") {
    struct row {
        const char* host;
        std::vector<const char*> addresses;
    };
    const row rows[] = {
        {"127.0.0.1", {"127.0.0.1"}},
        {"127.1", {"127.0.0.1"}},
        {"::1", {"::1"}},
        {"2001:db8::A", {"2001:db8::a"}},
        {"localhost", {"::1", "127.0.0.1"}},
        {"LocalHost.", {"::1", "127.0.0.1"}},
        {"consul.localhost", {"::1", "127.0.0.1"}},
        {"mylocalhost", {}},
        {"localhost.example", {}},
        {"no-such-host.invalid", {}},
        {"127.0.0.1 x", {}},
        {"::1%lo", {}},
        {"", {}},
    };
    for (const row& each : rows) {
        CAPTURE(each.host);
        CHECK(needs_resolver(each.host) == each.addresses.empty());
        if (each.addresses.empty()) continue;
        const auto found = detail::addresses_of(each.host, 8500, detail::steady::now());
        REQUIRE(found);
        REQUIRE(found->size() == each.addresses.size());
        for (std::size_t i = 0; i < found->size(); ++i) {
            const auto& [address, size] = (*found)[i];
            char host[64]{};
            char port[16]{};
            REQUIRE(::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, port,
                                  sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0);
            CHECK(host == std::string{each.addresses[i]});
            CHECK(port == std::string{"8500"});
        }
    }
    const auto late = detail::addresses_of("no-such-host.invalid", 80, detail::steady::now());
    REQUIRE_FALSE(late);
    CHECK((late.error().code == errc::timed_out || late.error().code == errc::unavailable));
}

TEST_CASE("connecting tells why it failed") {
    const loopback_port refuses{-1};
    const loopback_port full{0};
    const auto in = [](int left) { return detail::steady::now() + std::chrono::milliseconds{left}; };
    const auto to = [](const loopback_port& port) {
        detail::socket_address made{{}, sizeof port.address};
        std::memcpy(&made.address, &port.address, sizeof port.address);
        return made;
    };
    CHECK_FALSE(detail::connect_by(to(refuses), in(5000)));
    CHECK(errno == ECONNREFUSED);
    const auto first = detail::connect_by(to(full), in(5000));
    CHECK(first);
    const auto second = detail::connect_by(to(full), in(5000), true);
    // The queue of a listener that accepts nobody is full now: the kernel drops what else comes.
    CHECK_FALSE(detail::connect_by(to(full), in(50)));
    CHECK(errno == EINPROGRESS);
    CHECK_FALSE(detail::connect_by(to(full), in(0)));
    CHECK(errno == EINPROGRESS);
}
