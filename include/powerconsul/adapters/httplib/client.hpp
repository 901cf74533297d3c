#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <sys/un.h>

#include <httplib.h>

#include <powerconsul/adapters/httplib/channel.hpp>
#include <powerconsul/adapters/httplib/head_limits.hpp>
#include <powerconsul/consul/address.hpp>

// cpp-httplib's client over connections of our own. Internal: use adapters/httplib/transport.hpp.

namespace powerconsul::inline v0::detail {

/// Lets cpp-httplib read and write a channel, within the limits. Without `override`: httplib::Stream has some of these
/// functions in some versions only, is_writable before 0.20, the others since 0.19 or later.
class answer_stream final : public httplib::Stream {  // NOLINTBEGIN(modernize-use-override)
public:
    using Stream::write;

    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): only what was read into the buffer is looked at
    answer_stream(channel& below, int socket, bounds& limits, head_limits& head)
        : below_{below}, socket_{socket}, limits_{limits}, head_{head} {}

    auto is_readable() const -> bool { return true; }
    auto is_writable() const -> bool { return true; }
    auto wait_readable() const -> bool { return true; }
    auto wait_writable() const -> bool { return true; }
    auto duration() const -> std::time_t { return 0; }
    /// Called for the wait for `100 Continue` before a long body is sent; that it ends without an answer is no failure.
    void set_read_timeout(std::time_t seconds, std::time_t microseconds) {
        limits_.patience = std::chrono::seconds{seconds} + std::chrono::microseconds{microseconds};
        limits_.broken = false;
    }
    auto read(char* to, std::size_t size) -> ssize_t {
        if (begin_ == end_) {
            if (!head_.takes_more()) return -1;
            const auto got = below_.read(buffer_.data(), buffer_.size());
            limits_.broken = got < 0;
            if (got <= 0) return got;
            begin_ = 0;
            end_ = static_cast<std::size_t>(got);
            head_.has_received({buffer_.data(), end_});
        }
        const std::size_t some = std::min(size, end_ - begin_);
        std::memcpy(to, buffer_.data() + begin_, some);
        begin_ += some;
        return head_.fits({to, some}) ? static_cast<ssize_t>(some) : -1;
    }
    auto write(const char* from, std::size_t size) -> ssize_t { return below_.write(from, size); }
    void get_remote_ip_and_port(std::string&, int&) const {}
    void get_local_ip_and_port(std::string&, int&) const {}
    auto socket() const -> int { return socket_; }

private:
    channel& below_;
    int socket_;
    bounds& limits_;
    head_limits& head_;
    std::array<char, 4096> buffer_;  // not cleared: see above
    std::size_t begin_{};
    std::size_t end_{};
};  // NOLINTEND(modernize-use-override)

/// Overrides the virtual function in which cpp-httplib makes its streams. Since 0.19 it also takes the start time.
template <typename Client, typename... Start>
class client_with_channel : public Client {
protected:
    using Client::Client;
    virtual auto exchange_over_channel(const std::function<bool(httplib::Stream&)>& exchange) -> bool = 0;

private:
    auto process_socket(const typename Client::Socket&, Start..., std::function<bool(httplib::Stream&)> exchange)
        -> bool override {
        return exchange_over_channel(exchange);
    }
};

template <typename Stream>
concept knows_its_start = requires(const Stream& stream) {
    stream.duration();
};

using client_of_this_version =
    std::conditional_t<knows_its_start<httplib::Stream>, client_with_channel<httplib::ClientImpl, steady::time_point>,
                       client_with_channel<httplib::ClientImpl>>;

/// A client whose exchanges end in time by themselves, so that no other thread has to watch them. cpp-httplib takes it
/// for a client without TLS.
class bounded_client final : public client_of_this_version {
public:
    /// A host name is resolved for each connection. `tls` is for https only; each step of its handshake takes no longer
    /// than `step`.
    bounded_client(const address& where, std::optional<tls_context> tls, steady::duration step)
        : client_of_this_version{where.host, int{where.port}}, where_{where}, tls_{std::move(tls)}, step_{step} {
        set_keep_alive(true);
        set_follow_location(false);
        set_decompress(false);
        // One setting, which got its second name after httplib 0.18 or so.
        [](auto& self) {
            if constexpr (requires { self.set_url_encode(false); }) {
                self.set_url_encode(false);
            } else {
                self.set_path_encode(false);
            }
        }(*this);
    }

    bounds limits{};
    head_limits head{};
    std::string complaint{};  ///< why OpenSSL refused the other side's certificate; empty if it did not

private:
    auto create_and_connect_socket(Socket& made, httplib::Error& failure) -> bool override {
        const auto named = addresses();
        posix_fd socket;
        errno = 0;
        for (std::size_t i = 0; i < named.size() && !socket; ++i) {
            ++limits.opened;
            // Each address gets a share, so that one that does not answer leaves time for the others.
            const auto now = steady::now();
            const auto share = (limits.connect_by - now) / static_cast<std::int64_t>(named.size() - i);
            socket = connect_by(named[i], now + share, limits.no_delay);
        }
        if (!socket) {
            limits.connect_error = errno;
            limits.overdue = steady::now() >= limits.deadline;
            failure = errno == EINPROGRESS ? httplib::Error::ConnectionTimeout : httplib::Error::Connection;
            return false;
        }
        const bounded_socket plain{socket.get(), limits};
        if (tls_) {
            limits.patience = step_;
            channel_ = tls_->shake_hands(plain, complaint);
            limits.patience = bounds{}.patience;
        } else {
            channel_ = std::make_unique<bounded_socket>(plain);
        }
        if (channel_ == nullptr) {
            failure = httplib::Error::SSLConnection;
            return false;
        }
        made.sock = socket.release();
        return true;
    }
    [[nodiscard]] auto addresses() const -> std::vector<socket_address> {
        if (where_.scheme != address_scheme::unix_socket) {
            return addresses_of(where_.host, where_.port, limits.deadline).value_or(std::vector<socket_address>{});
        }
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        where_.path.copy(local.sun_path, socket_path_limit);
        socket_address made{{}, sizeof(local)};
        std::memcpy(&made.address, &local, sizeof(local));
        return {made};
    }
    void shutdown_ssl(Socket&, bool) override { channel_.reset(); }
    auto exchange_over_channel(const std::function<bool(httplib::Stream&)>& exchange) -> bool override {
        if (channel_ == nullptr) return false;
        answer_stream stream{*channel_, socket_.sock, limits, head};
        return exchange(stream);
    }

    address where_;
    std::optional<tls_context> tls_;
    steady::duration step_;
    std::unique_ptr<channel> channel_{};
};

/// One request, and what has come of it.
struct httplib_exchange {
    enum class cause : unsigned char { none, overdue, too_large, flooded, overlong, malformed };

    bounded_client& client;
    std::size_t max_body{};
    httplib::Request request{};
    httplib::Response response{};
    httplib::Error error{httplib::Error::Success};
    std::string body{};
    bool ok{};
    cause stopped{cause::none};

    void send() {
        request.response_handler = [this](const httplib::Response& head) { return takes_headers(head); };
        request.content_receiver = [this](const char* data, std::size_t size, auto, auto) {
            return takes_body(data, size);
        };
        try {
            // Some versions, such as 0.18, take a read error for the end of a body that has no Content-Length.
            ok = client.send(request, response, error) && !client.limits.broken;
        } catch (...) {
            error = httplib::Error::Unknown;
        }
        if (ok || stopped != cause::none) return;
        if (client.limits.overdue) stopped = cause::overdue;
        if (client.head.overlong) stopped = cause::overlong;
        if (client.head.flooded) stopped = cause::flooded;
    }

private:
    [[nodiscard]] auto refuses(cause why) -> bool {
        if (stopped == cause::none) stopped = why;
        return false;
    }
    [[nodiscard]] auto takes_headers(const httplib::Response& answer) -> bool {
        client.head.answered = true;
        // Checks every Content-Length in full: httplib reads the first one only, up to a NUL byte.
        std::string length;
        const auto [first, last] = answer.headers.equal_range("Content-Length");
        for (auto each = first; each != last; ++each) {
            const std::string& next = each->second;
            const bool digits = !next.empty() && next.find_first_not_of("0123456789") == std::string::npos;
            if (!digits || (each != first && next != length)) return refuses(cause::malformed);
            length = next;
        }
        return (length.size() <= 18 && (length.empty() || std::stoull(length) <= max_body)) ||
               refuses(cause::too_large);
    }
    [[nodiscard]] auto takes_body(const char* data, std::size_t size) -> bool {
        if (size > max_body - body.size()) return refuses(cause::too_large);
        body.append(data, size);
        return true;
    }
};

}  // namespace powerconsul::inline v0::detail
