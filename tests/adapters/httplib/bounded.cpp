#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <doctest/doctest.h>

#include <powerconsul/adapters/httplib/bounded.hpp>

using namespace powerconsul;
using detail::bounded_socket;
using detail::bounds;
using detail::known_address;
using detail::steady;

namespace {

struct pair {
    pair() {
        std::array<int, 2> made{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made.data()) == 0);
        here = posix_fd{made[0]};
        there = posix_fd{made[1]};
    }
    void say(std::string_view text) const {
        REQUIRE(::send(there.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    posix_fd here{};
    posix_fd there{};
};

auto in(int milliseconds_left) -> steady::time_point {
    return steady::now() + std::chrono::milliseconds{milliseconds_left};
}

auto within(int milliseconds_left) -> bounds {
    bounds limits;
    limits.deadline = in(milliseconds_left);
    limits.connect_by = limits.deadline;
    return limits;
}

}  // namespace

TEST_CASE("only what no name service is needed for is a known address") {
    struct row {
        std::string text;
        int family;
    };
    for (const row& each :
         {row{"127.0.0.1:8500", AF_INET}, row{"http://[::1]:8500", AF_INET6}, row{"unix:///run/consul.sock", AF_UNIX},
          row{"http://localhost:8500", AF_UNSPEC}, row{"http://127.1:8500", AF_UNSPEC}}) {
        CAPTURE(each.text);
        const auto where = parse_address(each.text);
        REQUIRE(where);
        const auto known = known_address(*where);
        CHECK((known ? int{known->address.ss_family} : AF_UNSPEC) == each.family);
    }
    address too_long;
    too_long.scheme = address_scheme::unix_socket;
    too_long.path = '/' + std::string(107, 'x');
    CHECK_FALSE(known_address(too_long));
}

TEST_CASE("the deadline ends reading and writing, and not before") {
    const pair sockets;
    bounds limits = within(30);
    const auto end = limits.deadline;
    bounded_socket one{sockets.here.get(), limits};
    char c{};
    CHECK(one.read(&c, 1) == -1);
    CHECK(limits.overdue);
    CHECK(steady::now() >= end);

    limits = within(60'000);
    limits.patience = std::chrono::milliseconds{30};
    CHECK(one.read(&c, 1) == -1);
    CHECK_FALSE(limits.overdue);

    limits = within(30);
    const std::string much(std::size_t{16} << 20U, 'x');
    ssize_t written = 0;
    while ((written = one.write(much.data(), much.size())) > 0) CHECK_FALSE(limits.overdue);
    CHECK(written == -1);
    CHECK(limits.overdue);
}

TEST_CASE("the other side's end is an end for reading and an error without a signal for writing") {
    pair sockets;
    sockets.say("x");
    sockets.there.reset();
    bounds limits = within(5000);
    bounded_socket one{sockets.here.get(), limits};
    char c{};
    CHECK(one.read(&c, 1) == 1);
    CHECK_FALSE(limits.ended);
    CHECK(one.read(&c, 1) == 0);
    CHECK(limits.ended);
    CHECK(one.write("x", 1) == -1);
    CHECK(errno == EPIPE);
}

TEST_CASE("a name has all of its addresses, and one that nobody has none") {
    address where;
    where.host = "localhost";
    where.port = 8500;
    bool found = false;
    for (const auto& each : detail::addresses_of(where)) {
        sockaddr_in four{};
        if (each.address.ss_family != AF_INET) continue;
        std::memcpy(&four, &each.address, sizeof(four));
        found = ntohl(four.sin_addr.s_addr) == INADDR_LOOPBACK && ntohs(four.sin_port) == 8500;
    }
    CHECK(found);
    where.host = "no-such-host.invalid";
    CHECK(detail::addresses_of(where).empty());
}

TEST_CASE("connecting tells why it failed") {
    const posix_fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(local);
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&local), size) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&local), &size) == 0);
    address where;
    where.port = ntohs(local.sin_port);
    const auto to = known_address(where);
    REQUIRE(to);

    CHECK(detail::connect_by(*to, in(5000), within(5000)) == -1);
    CHECK(errno == ECONNREFUSED);
    REQUIRE(::listen(listener.get(), 0) == 0);
    const posix_fd first{detail::connect_by(*to, in(5000), within(5000))};
    CHECK(first);
    const posix_fd second{detail::connect_by(*to, in(5000), within(5000))};
    // The queue of a listener that accepts nobody is full now: the kernel drops what else comes.
    const posix_fd third{detail::connect_by(*to, in(50), within(50))};
    CHECK_FALSE(third);
    CHECK(errno == EINPROGRESS);
    CHECK(detail::connect_by(*to, in(0), within(0)) == -1);
    CHECK(errno == EINPROGRESS);
}
