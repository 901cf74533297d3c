#pragma once

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <httplib.h>

#include <powerconsul/adapters/httplib/bounded.hpp>
#include <powerconsul/adapters/httplib/tls.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/core/time.hpp>

// How httplib_transport carries out one request. No interface: use adapters/httplib.hpp.

namespace powerconsul::inline v0::detail {

[[nodiscard]] inline auto in_chrono(milliseconds time) -> std::chrono::milliseconds {
    return std::chrono::milliseconds{time.count};
}

/// One connection. Unless it is a bounded one, its requests run in a thread of their own, for two reasons: httplib's
/// timeouts bound each system call and not the exchange, so somebody else must end what takes too long; and httplib
/// writes without MSG_NOSIGNAL, so SIGPIPE must be blocked where it writes and nowhere else. A bounded one's do so
/// where a name has to be resolved, which nothing can end, and where others run beside it.
struct httplib_connection {
    posix_fd file{};        ///< what `hold` was given
    httplib_trust trust{};  ///< with TLS, if anybody is to be verified; the client refers to it
    std::unique_ptr<httplib::ClientImpl> client{};
    bounds* bounded{};          ///< those of the client, if it keeps its deadline by itself
    bool here{};                ///< its requests run in the thread of the one who waits
    std::string server_name{};  ///< what httplib takes for the host
    std::string lookup{};       ///< the host to resolve in its place; empty: httplib resolves it
    std::mutex guard{};
    posix_fd socket{};  ///< our own duplicate: its number cannot become somebody else's when httplib closes its own
    unsigned opened{};  ///< sockets made since the exchange began
    std::uint64_t before{};  ///< what had come in over the socket when the exchange began

    /// The path of a file in memory that holds this text and lives as long as the connection: TLS libraries take
    /// authorities from a file in the same way, but each has its own for those from memory.
    [[nodiscard]] auto hold(std::string_view text) -> std::string {
        file = posix_fd{::memfd_create("authorities", MFD_CLOEXEC)};
        while (file && !text.empty()) {
            const auto written = uninterrupted([&] { return ::write(file.get(), text.data(), text.size()); });
            if (written <= 0) file.reset();
            if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
        }
        return "/proc/self/fd/" + std::to_string(file.get());
    }
    void begin() {
        if (bounded != nullptr) *bounded = {};
        const std::lock_guard lock{guard};
        before = counted();
        opened = 0;
    }
    void watch(int made) {
        const std::lock_guard lock{guard};
        socket = posix_fd{::fcntl(made, F_DUPFD_CLOEXEC, 0)};
        before = 0;
        ++opened;
    }
    /// Ends every system call on the connection, now.
    void cut() {
        const std::lock_guard lock{guard};
        if (socket) ::shutdown(socket.get(), SHUT_RDWR);
    }
    [[nodiscard]] auto sockets() -> unsigned {
        if (bounded != nullptr) return bounded->opened;
        const std::lock_guard lock{guard};
        return opened;
    }
    /// Bytes that came in during this exchange; 0 if the socket is no TCP socket. The other side's end counts as one.
    /// Not of a bounded one.
    [[nodiscard]] auto received() -> std::uint64_t {
        const std::lock_guard lock{guard};
        return counted() - before;
    }

private:
    /// httplib reports an end without an answer and an answer that is no HTTP as the same error, and it bounds no
    /// headers; the kernel's counter helps with both. The C library's tcp_info ends before that field, which is the
    /// 64 bits at byte 128 since Linux 4.1.
    [[nodiscard]] auto counted() const -> std::uint64_t {
        constexpr std::size_t field = 128;
        unsigned char info[field + sizeof(std::uint64_t)]{};
        socklen_t size = sizeof(info);
        std::uint64_t bytes = 0;
        if (socket && ::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, info, &size) == 0 && size == sizeof(info)) {
            std::memcpy(&bytes, info + field, sizeof(bytes));
        }
        return bytes;
    }
};

/// Tells the one who waits that an exchange has ended, and guards what both sides write.
struct httplib_board {
    std::mutex guard{};
    std::condition_variable changed{};
};

/// One request on its way, shared by the thread that carries it out and the one that waits: the first may stay behind
/// in the resolution of a name, which nothing can interrupt.
struct httplib_exchange {
    enum class cause : unsigned char { none, overdue, too_large, flooded, overlong, malformed };

    std::shared_ptr<httplib_connection> connection{};
    std::shared_ptr<httplib_board> board{};
    httplib::Request request{};
    httplib::Response response{};
    httplib::Error error{httplib::Error::Success};
    std::string body{};
    std::size_t max_body{};
    steady::time_point deadline{};
    int system_error{};
    bool ok{};
    // These are guarded by the board.
    bool done{};
    bool answered{};  ///< the status and the headers are there
    cause stopped{cause::none};

    [[nodiscard]] auto refuse(cause why) -> bool {
        const std::lock_guard lock{board->guard};
        if (stopped == cause::none) stopped = why;
        return false;
    }
    [[nodiscard]] auto take_headers(const httplib::Response& head) -> bool {
        {
            const std::lock_guard lock{board->guard};
            answered = true;
            if (connection->bounded != nullptr) connection->bounded->answered = true;
        }
        // All of each: httplib reads the first, up to a NUL byte.
        std::string length;
        const auto [first, last] = head.headers.equal_range("Content-Length");
        for (auto each = first; each != last; ++each) {
            const std::string& next = each->second;
            const bool digits = !next.empty() && next.find_first_not_of("0123456789") == std::string::npos;
            if (!digits || (each != first && next != length)) return refuse(cause::malformed);
            length = next;
        }
        if (length.size() > 18 || (!length.empty() && std::stoull(length) > max_body)) return refuse(cause::too_large);
        return true;
    }
    [[nodiscard]] auto take_body(const char* data, std::size_t size) -> bool {
        if (size > max_body - body.size()) return refuse(cause::too_large);
        body.append(data, size);
        return true;
    }
    /// By whoever waits for it.
    void carry_out_here() noexcept {
        send();
        end();
    }
    /// The thread's work.
    void carry_out() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        try {
            if (connection->lookup.empty() || resolve()) send();
        } catch (...) {
            error = httplib::Error::Unknown;
        }
        const std::lock_guard lock{board->guard};
        end();
        board->changed.notify_all();
    }
    void end() noexcept {
        done = true;
        const bounds* const how = connection->bounded;
        if (how == nullptr || ok || stopped != cause::none) return;
        if (how->overdue) stopped = cause::overdue;
        if (how->overlong) stopped = cause::overlong;
        if (how->flooded) stopped = cause::flooded;
    }
    void send() noexcept {
        try {
            errno = 0;
            ok = connection->client->send(request, response, error);
            system_error = errno;
        } catch (...) {
            error = httplib::Error::Unknown;
        }
    }
    /// httplib connects to another name than the one that it verifies only if it is told the number.
    [[nodiscard]] auto resolve() -> bool {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        error = httplib::Error::Connection;
        if (::getaddrinfo(connection->lookup.c_str(), nullptr, &hints, &found) != 0) return false;
        char text[NI_MAXHOST]{};
        const int failure =
            ::getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
        ::freeaddrinfo(found);
        if (failure != 0) return false;
        connection->client->set_hostname_addr_map({{connection->server_name, text}});
        connection->lookup.clear();
        error = httplib::Error::Success;
        return true;
    }
};

/// Threads that carry out exchanges. Each has a share in all that it needs: where an exception leaves nobody to wait
/// for them, they are left behind.
struct started_threads {
    std::vector<std::thread> all{};

    started_threads() = default;
    started_threads(const started_threads&) = delete;
    auto operator=(const started_threads&) -> started_threads& = delete;
    ~started_threads() {
        for (auto& each : all) {
            if (each.joinable()) each.detach();
        }
    }
};

/// One setting with two names: the first up to httplib 0.18 or so, the second after it.
template <typename Client>
void keep_targets_as_they_are(Client& client) {
    if constexpr (requires { client.set_url_encode(false); }) {
        client.set_url_encode(false);
    } else {
        client.set_path_encode(false);
    }
}

/// Waits for all; each ends at its deadline or, if nothing can end it, is left behind shortly after it.
inline void wait_for(httplib_board& board, std::span<const std::shared_ptr<httplib_exchange>> jobs) {
    using cause = httplib_exchange::cause;
    constexpr auto patience = std::chrono::milliseconds{100};
    std::unique_lock lock{board.guard};
    for (;;) {
        bool running = false;
        const auto now = steady::now();
        auto wake = now + std::chrono::milliseconds{20};
        for (const auto& job : jobs) {
            if (job->done || now >= job->deadline + patience) continue;
            running = true;
            const bool overdue = now >= job->deadline;
            const bool flooded = !job->answered && job->connection->received() > bounds::header_limit;
            if (overdue || flooded) {
                if (job->stopped == cause::none) job->stopped = overdue ? cause::overdue : cause::flooded;
                job->connection->cut();
            } else if (job->deadline < wake) {
                wake = job->deadline;
            }
        }
        if (!running) return;
        board.changed.wait_until(lock, wake);
    }
}

}  // namespace powerconsul::inline v0::detail
