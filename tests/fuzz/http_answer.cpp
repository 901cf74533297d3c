// covers: adapters/httplib/channel.hpp adapters/httplib/client.hpp
//         adapters/httplib/head_limits.hpp adapters/httplib/transport.hpp ports/transport.hpp
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/transport.hpp>

#include "../../tools/cli/http.hpp"
#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// What comes back over a connection, and in which pieces.
struct reply {
    std::string bytes{};
    std::size_t piece{};
    bool stays{};  ///< the connection is not closed behind it
};

/// Answers every request on a local socket with the same bytes.
class server {
public:
    server() {
        char name[] = "/tmp/powerconsul_fuzz_XXXXXX";
        fuzz::expect(::mkdtemp(name) != nullptr, "no folder for a socket");
        directory_ = name;
        sockaddr_un place{};
        place.sun_family = AF_UNIX;
        path().copy(place.sun_path, sizeof(place.sun_path) - 1);
        listening_ = posix_fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const bool bound = ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(place)) == 0 &&
                           ::listen(listening_.get(), 64) == 0;
        fuzz::expect(bound, "no socket", path());
        for (auto& each : threads_) each = std::thread{[this] { serve(); }};
    }
    server(const server&) = delete;
    auto operator=(const server&) -> server& = delete;
    ~server() {
        ::shutdown(listening_.get(), SHUT_RDWR);
        for (auto& each : threads_) each.join();
        ::unlink(path().c_str());
        ::rmdir(directory_.c_str());
    }

    void answer_with(reply next) {
        const std::lock_guard hold{guard_};
        next_ = std::move(next);
    }
    [[nodiscard]] auto path() const -> std::string { return directory_ + "/s"; }

private:
    void serve() {
        for (;;) {
            const posix_fd made{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!made) return;
            while (take_request(made.get())) {
                guard_.lock();
                const reply now = next_;
                guard_.unlock();
                std::string_view left = now.bytes;
                for (int sent_pieces = 0; !left.empty(); ++sent_pieces) {
                    // Each piece costs a change between threads, so that the rest comes as one.
                    const bool whole = now.piece == 0 || now.piece > left.size() || sent_pieces == 100;
                    const auto size = whole ? left.size() : now.piece;
                    const auto sent = ::send(made.get(), left.data(), size, MSG_NOSIGNAL);
                    if (sent <= 0) break;
                    left.remove_prefix(static_cast<std::size_t>(sent));
                }
                if (!left.empty() || !now.stays) break;
            }
        }
    }
    /// False: the other side has ended.
    [[nodiscard]] static auto take_request(int from) -> bool {
        std::string head;
        std::array<char, 2048> some{};
        while (head.find("\r\n\r\n") == std::string::npos) {
            const auto got = ::recv(from, some.data(), some.size(), 0);
            if (got <= 0) return false;
            head.append(some.data(), static_cast<std::size_t>(got));
        }
        return true;
    }

    std::string directory_{};
    posix_fd listening_{};
    std::mutex guard_{};
    reply next_{};
    std::array<std::thread, 3> threads_{};
};

void look_at(const result<http_response>& answer, const reply& sent) {
    if (!answer) {
        const auto& why = answer.error();
        fuzz::expect(why.code == errc::unavailable || why.code == errc::timed_out || why.code == errc::bad_data,
                     "another error", why.message);
        fuzz::expect(fuzz::is_one_line(why.message), "no line", why.message);
        return;
    }
    const std::string_view bytes = sent.bytes;
    fuzz::expect(bytes.starts_with("HTTP/1."), "an answer out of no HTTP", bytes);
    std::string status = std::to_string(answer->status);
    if (status.size() < 3) status.insert(0, 3 - status.size(), '0');
    fuzz::expect(bytes.find(' ' + status) != std::string_view::npos, "another status", bytes);
    const auto length = answer->header("Content-Length");
    const bool chunked = !answer->header("Transfer-Encoding").empty();
    if (chunked) {
        fuzz::expect(answer->body.size() < bytes.size(), "more than was sent", bytes, answer->body);
        return;
    }
    fuzz::expect(bytes.find(answer->body) != std::string_view::npos, "what was not sent", bytes, answer->body);
    const bool has_body = answer->status != 204 && answer->status != 304;
    if (!length.empty() && has_body) {
        fuzz::expect(whole_number(length) == answer->body.size(), "half a body", bytes, answer->body);
    }
    fuzz::expect(!has_body || !length.empty() || !sent.stays, "an end that nobody told", bytes);
}

/// Choices, and the bytes that come back for a request.
void run(std::string_view bytes) {
    static server there;
    fuzz::parts script{bytes};
    fuzz::choices pick{script.next()};
    constexpr std::size_t pieces[] = {0, 1, 7, 100};
    const reply back{std::string{script.rest()}, pieces[pick.of(4)], pick.of(8) == 1};
    there.answer_with(back);
    // One that stays open costs its time.
    const milliseconds time = back.stays ? milliseconds{60} : seconds(20);
    auto consul = cli::make_http_transport({.address = "unix://" + there.path()});
    fuzz::expect(consul.has_value(), "no transport");
    constexpr http_method methods[] = {http_method::get, http_method::post, http_method::get, http_method::put};
    const http_request request{methods[pick.of(4)], "/v1/kv/a?dc=b", "", time};
    // Threads that are late on a busy machine are left behind, which looks like a leak.
    if (pick.of(8) == 1 && !back.stays) {
        for (const auto& each : consul->perform_all({request, request})) look_at(each, back);
        return;
    }
    look_at(consul->perform(request), back);
    if (pick.yes()) look_at(consul->perform(request), back);
}

const fuzz::enlisted here{"http_answer", run};

}  // namespace
