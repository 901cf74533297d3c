#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <httplib.h>

#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/consul/address.hpp>

// A client of httplib that keeps a deadline by itself. No interface: use adapters/httplib.hpp.

namespace powerconsul::inline v0::detail {

using steady = std::chrono::steady_clock;

/// Where a socket can connect to without asking a name service.
struct socket_address {
    sockaddr_storage place{};
    socklen_t size{};
};

/// Nothing if the host is a name, or the path too long for a socket.
[[nodiscard]] inline auto known_address(const address& where) -> std::optional<socket_address> {
    socket_address found;
    if (where.scheme == address_scheme::unix_socket) {
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        if (where.path.size() >= sizeof(local.sun_path)) return std::nullopt;
        where.path.copy(local.sun_path, where.path.size());
        found.size = sizeof(local);
        std::memcpy(&found.place, &local, sizeof(local));
        return found;
    }
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(where.port);
    if (::inet_pton(AF_INET, where.host.c_str(), &four.sin_addr) == 1) {
        found.size = sizeof(four);
        std::memcpy(&found.place, &four, sizeof(four));
        return found;
    }
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(where.port);
    if (::inet_pton(AF_INET6, where.host.c_str(), &six.sin6_addr) != 1) return std::nullopt;
    found.size = sizeof(six);
    std::memcpy(&found.place, &six, sizeof(six));
    return found;
}

/// All addresses of a host name, in the order in which they should be tried; none if it has none. Nothing bounds it.
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
        std::memcpy(&next.place, each->ai_addr, each->ai_addrlen);
    }
    ::freeaddrinfo(found);
    return all;
}

/// What bounds an exchange, and what came of it.
struct bounds {
    steady::time_point deadline{};
    steady::time_point connect_by{};  ///< not after the deadline
    bool body_follows{};              ///< the request's body is sent on its own, after its headers
    unsigned opened{};                ///< sockets made
    std::uint64_t received{};         ///< bytes
    bool speaks_http{};               ///< what was received first begins as an answer does
    bool answered{};                  ///< the status and the headers are there
    bool ended{};                     ///< by the other side
    bool overdue{};                   ///< ended by the deadline
    bool flooded{};                   ///< ended by headers of more than header_limit
    bool overlong{};                  ///< ended by a line of more than line_limit before the body

    static constexpr std::uint64_t header_limit = 1024 * 1024;  ///< bytes; httplib 0.11 has none for their number
    /// Bytes; that of httplib for a header. For a status line it has none, and matches it with a regular expression
    /// that takes stack for every byte: a long one ended the process.
    static constexpr std::size_t line_limit = 8192;
};

/// Until the time is over: whether the socket is ready (or broken, which the next call on it will tell).
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

/// Connects until `end`; -1 and errno if that fails, which is EINPROGRESS if the time is over.
[[nodiscard]] inline auto connect_by(const socket_address& to, steady::time_point end, const bounds& limits) -> int {
    posix_fd made{::socket(to.place.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!made) return -1;
    const auto left = std::chrono::ceil<std::chrono::microseconds>(end - steady::now()).count();
    if (left <= 0) return errno = EINPROGRESS, -1;
    // This is what bounds connect(): one call, where a socket that does not block takes three.
    const timeval time{left / 1'000'000, left % 1'000'000};
    if (::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) != 0) return -1;
    const int on = 1;
    if (limits.body_follows && to.place.ss_family != AF_UNIX &&
        ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return -1;
    }
    sockaddr_storage place = to.place;
    if (::connect(made.get(), reinterpret_cast<sockaddr*>(&place), to.size) == 0) return made.release();
    // An interrupted one goes on by itself. A local socket whose queue stays full ends with EAGAIN.
    if (errno == EAGAIN) errno = EINPROGRESS;
    if (errno != EINTR) return -1;
    if (!ready_by(made.get(), POLLOUT, end)) return errno = EINPROGRESS, -1;
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return -1;
    if (failure != 0) return errno = failure, -1;
    return made.release();
}

/// Reads and writes until the deadline and not after it. Writing to a connection that is gone is an error, no signal.
template <typename Stream>
class bounded_stream final : public Stream {
public:
    using Stream::write;

    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): only what was read into the buffer is looked at
    bounded_stream(int socket, bounds& limits) : socket_{socket}, limits_{limits} {}

    auto is_readable() const -> bool override { return begin_ < end_ || wait(POLLIN); }
    auto is_writable() const -> bool override { return true; }
    auto read(char* to, std::size_t size) -> ssize_t override {
        if (begin_ == end_) {
            if (!limits_.answered && limits_.received > bounds::header_limit) return limits_.flooded = true, -1;
            const auto got =
                call(POLLIN, [&] { return ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT); });
            if (got == 0) limits_.ended = true;
            if (got <= 0) return got;
            begin_ = 0;
            end_ = static_cast<std::size_t>(got);
            if (limits_.received == 0) {
                limits_.speaks_http = std::string_view{buffer_.data(), end_}.starts_with("HTTP/1.");
            }
            limits_.received += static_cast<std::uint64_t>(got);
        }
        const std::size_t some = std::min(size, end_ - begin_);
        std::memcpy(to, buffer_.data() + begin_, some);
        begin_ += some;
        if (!limits_.answered && !fits({to, some})) return limits_.overlong = true, -1;
        return static_cast<ssize_t>(some);
    }
    auto write(const char* from, std::size_t size) -> ssize_t override {
        return call(POLLOUT, [&] { return ::send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    auto socket() const -> int override { return socket_; }

private:
    [[nodiscard]] auto wait(short what) const -> bool {
        const bool ready = ready_by(socket_, what, limits_.deadline);
        if (!ready && steady::now() >= limits_.deadline) limits_.overdue = true;
        return ready;
    }
    /// Of what comes before the body.
    [[nodiscard]] auto fits(std::string_view bytes) -> bool {
        for (const char c : bytes) {
            line_ = c == '\n' ? 0 : line_ + 1;
            if (line_ > bounds::line_limit) return false;
        }
        return true;
    }
    /// An answer takes its time, so what is read is waited for first; what is written mostly is taken at once.
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
    std::array<char, 4096> buffer_;  // not cleared: see above
    std::size_t begin_{};
    std::size_t end_{};
    std::size_t line_{};  ///< bytes of the line that is being read
};

/// httplib makes sockets and streams in virtual functions, the second of which got another parameter with
/// set_max_timeout (0.19 or so). That one has a deadline for the reading of headers too, but none for connecting.
template <typename Client, typename Stream>
inline constexpr bool can_be_bounded = !requires(Client & client) {
    client.set_max_timeout(std::time_t{1});
}
&&!std::is_abstract_v<bounded_stream<Stream>>;

/// A client without TLS whose exchanges end in time by themselves, so that nobody need wait beside them unless a name
/// has to be resolved.
template <typename Client, typename Stream>
class bounded_client final : public Client {
public:
    /// `to`: nothing if `where` is a host name.
    bounded_client(const address& where, const std::optional<socket_address>& to)
        : Client{where.scheme == address_scheme::unix_socket ? where.path : where.host,
                 where.scheme == address_scheme::unix_socket ? 80 : int{where.port}},
          where_{where} {
        if (to) to_.push_back(*to);
    }

    bounds limits{};

private:
    auto create_and_connect_socket(typename Client::Socket& made, httplib::Error& failure) -> bool override {
        const auto named = to_.empty() ? addresses_of(where_) : to_;
        made.sock = -1;
        errno = 0;
        for (std::size_t i = 0; i < named.size() && made.sock < 0; ++i) {
            ++limits.opened;
            // One that does not answer leaves time for the others.
            const auto now = steady::now();
            const auto share = (limits.connect_by - now) / static_cast<std::int64_t>(named.size() - i);
            made.sock = connect_by(named[i], now + share, limits);
        }
        if (made.sock >= 0) return true;
        limits.overdue = steady::now() >= limits.deadline;
        failure = errno == EINPROGRESS ? httplib::Error::ConnectionTimeout : httplib::Error::Connection;
        return false;
    }
    auto process_socket(const typename Client::Socket& made, std::function<bool(Stream&)> exchange) -> bool override {
        bounded_stream<Stream> stream{made.sock, limits};
        return exchange(stream);
    }

    address where_;
    std::vector<socket_address> to_{};  ///< none: a name, which is resolved for each connection
};

}  // namespace powerconsul::inline v0::detail
