#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/consul/address.hpp>

// Sockets that keep a deadline. Internal: use adapters/httplib/transport.hpp.

namespace powerconsul::inline v0::detail {

using steady = std::chrono::steady_clock;

/// An address that a socket can connect to without name resolution.
struct socket_address {
    sockaddr_storage address{};
    socklen_t size{};
};

/// The address of `where`; nothing if its host is a name or its path is too long for a socket.
[[nodiscard]] inline auto known_address(const address& where) -> std::optional<socket_address> {
    socket_address found;
    if (where.scheme == address_scheme::unix_socket) {
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        if (where.path.size() >= sizeof(local.sun_path)) return std::nullopt;
        where.path.copy(local.sun_path, where.path.size());
        found.size = sizeof(local);
        std::memcpy(&found.address, &local, sizeof(local));
        return found;
    }
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(where.port);
    if (::inet_pton(AF_INET, where.host.c_str(), &four.sin_addr) == 1) {
        found.size = sizeof(four);
        std::memcpy(&found.address, &four, sizeof(four));
        return found;
    }
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(where.port);
    if (::inet_pton(AF_INET6, where.host.c_str(), &six.sin6_addr) != 1) return std::nullopt;
    found.size = sizeof(six);
    std::memcpy(&found.address, &six, sizeof(six));
    return found;
}

/// All addresses of a host name, in the order in which to try them; empty if there are none. May block without limit.
[[nodiscard]] inline auto addresses_of(const address& where) -> std::vector<socket_address> {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::vector<socket_address> all;
    if (::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found) != 0) return all;
    for (const auto* each = found; each != nullptr; each = each->ai_next) {
        if (each->ai_addrlen > sizeof(sockaddr_storage)) continue;
        auto& next = all.emplace_back();
        next.size = each->ai_addrlen;
        std::memcpy(&next.address, each->ai_addr, each->ai_addrlen);
    }
    ::freeaddrinfo(found);
    return all;
}

/// The limits of an exchange, and what happened in it.
struct bounds {
    steady::time_point deadline{};
    steady::time_point connect_by{};                    ///< not after the deadline
    steady::duration patience{std::chrono::hours{24}};  ///< the longest wait of one read or write
    bool no_delay{};                                    ///< for TCP_NODELAY: more than one write precedes the answer
    unsigned opened{};                                  ///< sockets opened
    int connect_error{};                                ///< errno of the last socket that could not be connected
    bool ended{};                                       ///< the other side has closed the connection
    bool overdue{};                                     ///< the deadline has ended the exchange
    bool broken{};  ///< the last read failed, so that what came before it may be incomplete
};

/// Waits until `end` for the events `what` of poll(2). True if the socket is ready, or broken, which the next call on
/// it shows.
[[nodiscard]] inline auto ready_by(int socket, short what, steady::time_point end) -> bool {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady::now()).count();
        if (left <= 0) return false;
        pollfd one{socket, what, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

/// Returns a connected socket, which the caller owns, or -1 with errno, which is EINPROGRESS if `end` came first.
[[nodiscard]] inline auto connect_by(const socket_address& to, steady::time_point end, const bounds& limits) -> int {
    posix_fd made{::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!made) return -1;
    const auto left = std::chrono::ceil<std::chrono::microseconds>(end - steady::now()).count();
    if (left <= 0) return errno = EINPROGRESS, -1;
    // SO_SNDTIMEO bounds connect() with one system call; a non-blocking socket would take three.
    const timeval time{left / 1'000'000, left % 1'000'000};
    if (::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) != 0) return -1;
    const int on = 1;
    if (limits.no_delay && to.address.ss_family != AF_UNIX &&
        ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return -1;
    }
    sockaddr_storage address = to.address;
    if (::connect(made.get(), reinterpret_cast<sockaddr*>(&address), to.size) == 0) return made.release();
    // After EINTR the kernel goes on connecting. A Unix socket whose queue stays full fails with EAGAIN.
    if (errno == EAGAIN) errno = EINPROGRESS;
    if (errno != EINTR) return -1;
    if (!ready_by(made.get(), POLLOUT, end)) return errno = EINPROGRESS, -1;
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return -1;
    if (failure != 0) return errno = failure, -1;
    return made.release();
}

/// A connection's bytes in both directions. Both functions return -1 on error, and `read` returns 0 at the end.
class channel {
public:
    virtual ~channel() = default;
    virtual auto read(char* to, std::size_t size) -> ssize_t = 0;
    virtual auto write(const char* from, std::size_t size) -> ssize_t = 0;
};

/// Reads and writes until the deadline, not after it. Writing to a closed connection is an error and raises no SIGPIPE.
/// Does not own the socket.
class bounded_socket final : public channel {
public:
    bounded_socket(int socket, bounds& limits) : socket_{socket}, limits_{limits} {}

    [[nodiscard]] auto limits() const -> bounds& { return limits_; }
    auto read(char* to, std::size_t size) -> ssize_t override {
        const auto got = call(POLLIN, [&] { return ::recv(socket_, to, size, MSG_DONTWAIT); });
        if (got == 0) limits_.ended = true;
        return got;
    }
    auto write(const char* from, std::size_t size) -> ssize_t override {
        return call(POLLOUT, [&] { return ::send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
    }

private:
    [[nodiscard]] auto wait(short what) const -> bool {
        const bool ready = ready_by(socket_, what, std::min(limits_.deadline, steady::now() + limits_.patience));
        if (!ready && steady::now() >= limits_.deadline) limits_.overdue = true;
        return ready;
    }
    /// Waits before it reads, since an answer takes its time, but tries to write at once, since that mostly succeeds.
    template <typename Call>
    [[nodiscard]] auto call(short what, Call attempt) -> ssize_t {
        for (bool ready = what == POLLOUT;; ready = false) {
            if (!ready && !wait(what)) return -1;
            const ssize_t done = uninterrupted(attempt);
            if (done >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return done;
        }
    }

    int socket_;
    bounds& limits_;
};

}  // namespace powerconsul::inline v0::detail
