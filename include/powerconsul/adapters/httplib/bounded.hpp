#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>

#include <poll.h>
#include <sys/socket.h>

#include <powerconsul/adapters/posix/dialer.hpp>

// A socket that keeps a deadline. Internal: use adapters/httplib/transport.hpp.

namespace powerconsul::inline v0::detail {

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
