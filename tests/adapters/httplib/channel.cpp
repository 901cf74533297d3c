#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include <doctest/doctest.h>

#include <powerconsul/adapters/httplib/channel.hpp>

using namespace powerconsul;
using detail::bounded_socket;
using detail::bounds;
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
    return limits;
}

}  // namespace

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

TEST_CASE("only the certificates of a PEM file are taken") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view found;
    };
    const row rows[] = {
        {"empty", "", ""},
        {"something else", "# a README\n", ""},
        {"one", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n",
         "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"},
        {"without a last line's end", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----",
         "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"},
        {"two and a key between them",
         "first\n-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n-----BEGIN ENCRYPTED PRIVATE "
         "KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nYg==\n-----END "
         "CERTIFICATE-----\nlast",
         "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n-----BEGIN "
         "CERTIFICATE-----\nYg==\n-----END CERTIFICATE-----\n"},
        {"cut off", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERT", ""},
        {"the end comes first", "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(pem_certificates(each.text) == each.found);
    }
}
