#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>

#include <powerconsul/adapters/httplib/bounded.hpp>
#include <powerconsul/adapters/httplib/client.hpp>
#include <powerconsul/core/time.hpp>

// How httplib_transport carries out one request. Internal: use adapters/httplib/transport.hpp.

namespace powerconsul::inline v0::detail {

[[nodiscard]] inline auto in_chrono(milliseconds time) -> std::chrono::milliseconds {
    return std::chrono::milliseconds{time.count};
}

/// Tells the waiting thread that an exchange has ended.
struct httplib_board {
    std::mutex guard{};
    std::condition_variable changed{};
};

/// A request in progress, shared by the thread that carries it out and the one that waits for it. The former may
/// outlive the wait: nothing can interrupt the resolution of a name.
struct httplib_exchange {
    enum class cause : unsigned char { none, overdue, too_large, flooded, overlong, malformed };

    std::shared_ptr<bounded_client> client{};
    std::shared_ptr<httplib_board> board{};
    httplib::Request request{};
    httplib::Response response{};
    httplib::Error error{httplib::Error::Success};
    std::string body{};
    std::size_t max_body{};
    bool ok{};
    cause stopped{cause::none};
    bool done{};  ///< guarded by the board; until it is true, the rest belongs to the thread that sends

    [[nodiscard]] auto refuse(cause why) -> bool {
        if (stopped == cause::none) stopped = why;
        return false;
    }
    [[nodiscard]] auto take_headers(const httplib::Response& head) -> bool {
        client->head.answered = true;
        // Checks every Content-Length in full: httplib reads the first one only, up to a NUL byte.
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
    /// Carries out the request in the thread that waits for it.
    void carry_out_here() noexcept {
        send();
        done = true;
    }
    /// Carries out the request in a thread of its own, which leaves signals to the program's threads.
    void carry_out() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        send();
        const std::lock_guard lock{board->guard};
        done = true;
        board->changed.notify_all();
    }

private:
    void send() noexcept {
        try {
            // Some versions, such as 0.18, take a read error for the end of a body that has no Content-Length.
            ok = client->send(request, response, error) && !client->limits.broken;
        } catch (...) {
            error = httplib::Error::Unknown;
        }
        if (ok || stopped != cause::none) return;
        if (client->limits.overdue) stopped = cause::overdue;
        if (client->head.overlong) stopped = cause::overlong;
        if (client->head.flooded) stopped = cause::flooded;
    }
};

/// Threads that carry out exchanges. Each shares the ownership of all that it needs, so that it can be detached if an
/// exception leaves nobody to wait for it.
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

/// Turns off the encoding of targets: one setting, which got its second name after httplib 0.18 or so.
template <typename Client>
void keep_targets_as_they_are(Client& client) {
    if constexpr (requires { client.set_url_encode(false); }) {
        client.set_url_encode(false);
    } else {
        client.set_path_encode(false);
    }
}

/// Waits for all jobs. Each ends at its deadline; one that nothing can end is given up 100 ms later.
inline void wait_for(httplib_board& board, std::span<const std::shared_ptr<httplib_exchange>> jobs) {
    constexpr auto patience = std::chrono::milliseconds{100};
    std::unique_lock lock{board.guard};
    for (const auto& job : jobs) {
        board.changed.wait_until(lock, job->client->limits.deadline + patience, [&] { return job->done; });
    }
}

}  // namespace powerconsul::inline v0::detail
