#include <powerconsul/adapters/httplib/transport.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
#include "tls_identity.hpp"
#endif

using namespace powerconsul;

// A name server that does not answer: the C library's resolver waits for it, and nothing can interrupt that.
static std::atomic<int> lookups_waiting{0};
static std::atomic<bool> lookups_may_end{false};
static gaicb* left_behind{};  // whoever asked has given up on it
extern "C" auto getaddrinfo_a(int mode, gaicb** list, int count, sigevent* event) -> int {
    using function = int (*)(int, gaicb**, int, sigevent*);
    if (std::string_view{list[0]->ar_name} != "slow.test") {
        return reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo_a"))(mode, list, count, event);
    }
    left_behind = list[0];
    left_behind->__return = lookups_may_end ? EAI_AGAIN : EAI_INPROGRESS;
    ++lookups_waiting;
    return 0;
}

namespace {

auto elapsed(std::chrono::steady_clock::time_point since) -> std::int64_t {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since).count();
}

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
using tls_connection = SSL;

auto identity() -> const tls_identity& {
    static const tls_identity made{"IP:127.0.0.1,DNS:localhost"};
    return made;
}
#else
using tls_connection = void;
#endif

/// A connection of the raw server, with what the tests need to misbehave on it.
struct peer {
    int socket{-1};
    std::atomic<bool>* stopping{};
    tls_connection* tls{};

    /// Reads up to the end of a request's headers (the requests here have short bodies or none).
    auto request() const -> std::string {
        std::string text;
        while (text.find("\r\n\r\n") == std::string::npos && wait()) {
            char buffer[4096];
            const auto n = receive(buffer, sizeof(buffer));
            if (n <= 0) break;
            text.append(buffer, static_cast<std::size_t>(n));
        }
        return text;
    }
    /// Until there is something to read or the server stops.
    auto wait(int limit_ms = 10'000) const -> bool {
        for (int spent = 0; spent < limit_ms && !*stopping; spent += 10) {
            pollfd ready{socket, POLLIN, 0};
            if (::poll(&ready, 1, 10) > 0) return true;
        }
        return false;
    }
    auto say(std::string_view text) const -> bool {
        while (!text.empty()) {
            pollfd ready{socket, POLLOUT, 0};
            if (*stopping) return false;
            if (::poll(&ready, 1, 10) == 0) continue;
            const auto n = send_some(text);
            if (n <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    auto say_slowly(std::string_view text, int pause_ms) const -> void {
        for (const char c : text) {
            if (*stopping || !say({&c, 1})) return;
            std::this_thread::sleep_for(std::chrono::milliseconds{pause_ms});
        }
    }

private:
    auto receive(char* to, std::size_t size) const -> ssize_t {
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
        if (tls != nullptr) return SSL_read(tls, to, static_cast<int>(size));
#endif
        return ::recv(socket, to, size, 0);
    }
    auto send_some(std::string_view text) const -> ssize_t {
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
        if (tls != nullptr)
            return SSL_write(tls, text.data(), static_cast<int>(std::min(text.size(), std::size_t{4096})));
#endif
        return ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
};

/// Listens on a port of its own, or on a socket's path, and lets `behave` talk with each connection in turn.
class raw_server {
public:
    template <typename Behave>
    explicit raw_server(Behave behave, const std::string& path = {}, bool tls = false, in_addr_t at = INADDR_LOOPBACK) {
        if (path.empty()) {
            listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_in where{};
            where.sin_family = AF_INET;
            where.sin_addr.s_addr = htonl(at);
            socklen_t size = sizeof(where);
            REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size) == 0);
            REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
            port_ = ntohs(where.sin_port);
        } else {
            listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_un where{};
            where.sun_family = AF_UNIX;
            path.copy(where.sun_path, sizeof(where.sun_path) - 1);
            REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0);
        }
        REQUIRE(::listen(listener_, 16) == 0);
        thread_ = std::thread{[this, behave, tls] {
            // What OpenSSL writes to a connection that is gone is a signal.
            sigset_t pipe;
            ::sigemptyset(&pipe);
            ::sigaddset(&pipe, SIGPIPE);
            ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
            std::vector<std::thread> talks;
            while (!stopping_) {
                pollfd ready{listener_, POLLIN, 0};
                if (::poll(&ready, 1, 10) <= 0) continue;
                const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                if (socket < 0) continue;
                const int number = ++connections_;
                talks.emplace_back([this, behave, socket, number, tls] {
                    peer other;
                    other.socket = socket;
                    other.stopping = &stopping_;
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
                    if (tls) other.tls = identity().accept(socket);
#endif
                    if (!tls || other.tls != nullptr) behave(other, number);
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
                    SSL_free(other.tls);
#endif
                    ::close(socket);
                });
            }
            for (auto& each : talks) each.join();
        }};
    }
    raw_server(const raw_server&) = delete;
    auto operator=(const raw_server&) -> raw_server& = delete;
    ~raw_server() {
        stopping_ = true;
        thread_.join();
        ::close(listener_);
    }

    [[nodiscard]] auto address() const -> std::string {
        return "127.0.0.1:" + std::to_string(port_);
    }
    [[nodiscard]] auto connections() const -> int {
        return connections_;
    }

private:
    int listener_{-1};
    std::uint16_t port_{};
    std::atomic<int> connections_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_{};
};

auto transport_to(const std::string& address, std::size_t max_body = 16 * 1024 * 1024) -> httplib_transport {
    httplib_options options;
    options.address = address;
    options.max_body = max_body;
    auto made = httplib_transport::create(std::move(options));
    REQUIRE(made);
    return std::move(*made);
}

auto get(std::string target, std::int64_t timeout = 5000) -> http_request {
    return {http_method::get, std::move(target), {}, milliseconds{timeout}};
}

auto put(std::string target, std::string body) -> http_request {
    return {http_method::put, std::move(target), std::move(body), milliseconds{5000}};
}

/// cpp-httplib's version as a number: 1807 is 0.18.7.
constexpr auto httplib_version() -> int {
    int whole = 0;
    int part = 0;
    for (const char c : std::string_view{CPPHTTPLIB_VERSION}) {
        part = c == '.' ? 0 : part * 10 + (c - '0');
        whole = c == '.' ? whole * 100 : whole - whole % 100 + part;
    }
    return whole;
}
static_assert(httplib_version() >= 1104);

auto answer(std::string_view body, std::string_view status = "200 OK") -> std::string {
    return "HTTP/1.1 " + std::string{status} + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string{body};
}

auto tls_transport_to(const std::string& address) -> httplib_transport {
    httplib_options options;
    options.address = "https://" + address;
    options.max_body = 16 * 1024 * 1024;
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
    options.ca_file = identity().certificate_file();
#endif
    auto made = httplib_transport::create(std::move(options));
    REQUIRE(made);
    return std::move(*made);
}

/// Answers every request of a connection with the same text.
auto answering(std::string text) {
    return [text](const peer& client, int) {
        while (!client.request().empty() && client.say(text)) {
        }
    };
}

/// A directory for sockets, removed at the end.
struct scratch {
    std::string path{"/tmp/powerconsul-test-XXXXXX"};
    scratch() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() {
        ::unlink((path + "/http.sock").c_str());
        ::rmdir(path.c_str());
    }
};

/// A port on which nobody listens: bound, so that nobody else can take it, but not listening.
struct closed_port {
    int socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::uint16_t number{};
    closed_port() {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(where);
        REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&where), size) == 0);
        REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &size) == 0);
        number = ntohs(where.sin_port);
    }
    closed_port(const closed_port&) = delete;
    auto operator=(const closed_port&) -> closed_port& = delete;
    ~closed_port() { ::close(socket); }
};

}  // namespace

TEST_CASE("an ordinary server is asked as Consul wants it, over one connection") {
    httplib::Server server;
    std::mutex guard;
    std::vector<httplib::Request> seen;
    std::set<int> ports;
    const auto keep = [&](const httplib::Request& request, httplib::Response& response) {
        const std::lock_guard lock{guard};
        seen.push_back(request);
        ports.insert(request.remote_port);
        response.set_header("X-Consul-Index", "17");
        response.set_content("[]", "application/json");
    };
    server.Get(".*", keep);
    server.Put(".*", keep);
    server.Delete(".*", keep);
    server.set_keep_alive_max_count(100);
    const int port = server.bind_to_any_port("127.0.0.1");
    std::thread thread{[&] { server.listen_after_bind(); }};

    httplib_options options;
    options.address = "127.0.0.1:" + std::to_string(port);
    options.token = "b1a5eed0-secret";
    auto transport = httplib_transport::create(options);
    REQUIRE(transport);
    httplib_transport moved = std::move(*transport);
    for (int i = 0; i < 3; ++i) {
        const auto got = moved.perform(get("/v1/kv/a%20b%2C%2Fc?dc=hq&x=%3A"));
        REQUIRE(got);
        CHECK(got->status == 200);
        CHECK(got->body == "[]");
        CHECK(got->header("x-consul-index") == "17");
    }
    CHECK(ports.size() == 1);
    const auto written = moved.perform(put("/v1/kv/x?cas=1", "{}"));
    const auto deleted = moved.perform({http_method::del, "/v1/kv/x", {}, milliseconds{5000}});
    transport = fail(errc::failed, "closed, so that the server does not wait for more");
    moved = transport_to("127.0.0.1");
    server.stop();
    thread.join();
    CHECK_MESSAGE(written, written.error().message);
    CHECK_MESSAGE(deleted, deleted.error().message);
    REQUIRE(seen.size() == 5);
    for (const auto& request : seen) {
        CHECK(request.get_header_value("X-Consul-Token") == "b1a5eed0-secret");
        CHECK(request.get_header_value("Host") == options.address);
    }
    CHECK(seen[0].target == "/v1/kv/a%20b%2C%2Fc?dc=hq&x=%3A");
    CHECK(seen[3].method == "PUT");
    CHECK(seen[3].body == "{}");
    CHECK(seen[3].get_header_value("Content-Length") == "2");
    CHECK(seen[4].method == "DELETE");
}

TEST_CASE("without a token none is sent") {
    std::string head;
    raw_server server{[&](const peer& client, int) {
        head = client.request();
        client.say(answer("1"));
    }};
    REQUIRE(transport_to(server.address()).perform(get("/v1/status/leader")));
    CHECK(head.find("X-Consul-Token") == std::string::npos);
    CHECK(head.find("Authorization") == std::string::npos);
    CHECK(head.find("GET /v1/status/leader HTTP/1.1\r\n") == 0);
}

TEST_CASE("a proxy in front gets name and password, Consul its token, namespace and partition") {
    std::string head;
    raw_server server{[&](const peer& client, int) {
        head = client.request();
        client.say(answer("[]"));
    }};
    httplib_options options;
    options.address = server.address();
    options.token = "a-token";
    options.basic_auth = "Aladdin:open sesame";
    options.name_space = "team a";
    options.partition = "web";
    auto transport = httplib_transport::create(options);
    REQUIRE(transport);
    REQUIRE(transport->perform(get("/v1/kv/a?dc=hq")));
    CHECK(head.find("GET /v1/kv/a?dc=hq&ns=team%20a&partition=web HTTP/1.1\r\n") == 0);
    CHECK(head.find("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n") != std::string::npos);
    CHECK(head.find("\r\nX-Consul-Token: a-token\r\n") != std::string::npos);
}

TEST_CASE("every status is an answer, and a redirect is not followed") {
    for (const std::string status : {"301 Moved Permanently", "403 Forbidden", "404 Not Found", "500 Error"}) {
        CAPTURE(status);
        raw_server server{answering("HTTP/1.1 " + status + "\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nno")};
        const auto got = transport_to(server.address()).perform(get("/v1/kv/a"));
        REQUIRE(got);
        CHECK(got->status == std::atoi(status.c_str()));
        CHECK(got->body == "no");
        CHECK(got->header("location") == "/elsewhere");
        CHECK(server.connections() == 1);
    }
}

TEST_CASE("a chunked body and one that ends with the connection are whole") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    raw_server chunked{answering(head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")};
    CHECK(transport_to(chunked.address()).perform(get("/"))->body == "abcde");
    raw_server closing{[](const peer& client, int) {
        client.request();
        client.say("HTTP/1.0 200 OK\r\n\r\nabc");
    }};
    CHECK(transport_to(closing.address()).perform(get("/"))->body == "abc");
}

TEST_CASE("what a server can do wrong has an error of its own") {
    struct row {
        std::string_view name;
        errc code;
        std::string_view message;
        void (*behave)(const peer&);
        int malformed_since{99'99'99};  ///< the version of cpp-httplib that refuses it before this library can
    };
    const row rows[] = {
        {"closes at once", errc::unavailable, "closed the connection without an answer", [](const peer&) {}},
        {"closes without answer", errc::unavailable, "closed the connection without an answer",
         [](const peer& client) { client.request(); }},
        {"closes within the headers", errc::unavailable, "broke off its answer",
         [](const peer& client) { client.request(), client.say("HTTP/1.1 200 OK\r\nContent-Le"); }},
        {"closes within the body", errc::unavailable, "broke off its answer",
         [](const peer& client) { client.request(), client.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"); }},
        {"chunk cut off", errc::unavailable, "broke off its answer",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n9\r\nab");
         }},
        {"chunks without end", errc::unavailable, "broke off its answer",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
         }},
        {"another protocol", errc::bad_data, "does not speak HTTP",
         [](const peer& client) { client.say("SSH-2.0-OpenSSH_9.2\r\n"), client.request(), client.request(); }},
        {"no status", errc::bad_data, "malformed status line or header",
         [](const peer& client) { client.request(), client.say("HTTP/1.1 OK\r\n\r\n"), client.request(); }},
        {"a status line of 100 KB", errc::bad_data, "8192 bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 " + std::string(100'000, 'x') + "\r\nContent-Length: 0\r\n\r\n");
         }},
        {"a header of 100 KB", errc::bad_data, "8192 bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\nContent-Length: 0\r\n\r\n");
         }},
        {"headers without end", errc::bad_data, "bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\n");
             while (client.say("A: 0123456789012345678901234567890123456789\r\n")) {
             }
         },
         2200},  // no more than 100 headers
        {"Content-Length is no number", errc::bad_data, "Content-Length",
         [](const peer& client) { client.request(), client.say("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc"); }},
        {"Content-Length with a NUL byte", errc::bad_data, "Content-Length",
         [](const peer& client) {
             client.request();
             client.say(std::string{"HTTP/1.1 200 OK\r\nContent-Length: "} + '\0' + "3\r\n\r\nabc");
         },
         1806},  // only characters that RFC 9110 allows in a header's value
        {"Content-Length twice, with two numbers", errc::bad_data, "Content-Length",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc");
         },
         3702},  // RFC 9110, 8.6
        {"Content-Length beyond 64 bits", errc::bad_data, "bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc");
         }},
        {"20 MiB announced", errc::bad_data, "16777216 bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n");
             client.request();
         }},
        {"20 MiB in chunks", errc::bad_data, "16777216 bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
             const std::string chunk = "100000\r\n" + std::string(1U << 20U, 'x') + "\r\n";
             for (int i = 0; i < 20 && client.say(chunk); ++i) {
             }
         }},
        {"20 MiB until the end", errc::bad_data, "16777216 bytes that are taken",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\n\r\n" + std::string(20U << 20U, 'x'));
         }},
    };
    for (const auto& each : rows) {
        // A name is asked in a thread, and so are several requests.
        struct way {
            std::string host;
            int requests;
            bool tls;
        };
        const std::string_view message =
            httplib_version() < each.malformed_since ? each.message : "malformed status line or header";
        for (const way& one : {way{"127.0.0.1", 1, false}, way{"localhost", 1, false}, way{"127.0.0.1", 2, false},
                               way{"127.0.0.1", 1, true}, way{"localhost", 2, true}}) {
            const auto& host = one.host;
            const int requests = one.requests;
            if (one.tls && !httplib_transport::has_tls) continue;
            CAPTURE(each.name);
            CAPTURE(host);
            CAPTURE(requests);
            CAPTURE(one.tls);
            const auto behave = [&](const peer& client, int) { each.behave(client); };
            raw_server server{behave, {}, one.tls};
            const std::string address = host + server.address().substr(server.address().find(':'));
            auto transport = one.tls ? tls_transport_to(address) : transport_to(address);
            const std::vector<http_request> asked(static_cast<std::size_t>(requests), get("/v1/kv/a", 60000));
            for (const auto& got : perform_all(transport, asked)) {
                REQUIRE_FALSE(got);
                CAPTURE(got.error().message);
                CHECK(got.error().code == each.code);
                CHECK(got.error().message.find(message) != std::string::npos);
                CHECK(got.error().message.find((one.tls ? "https://" : "http://") + address) != std::string::npos);
            }
            CHECK(server.connections() == requests);
        }
    }
}

TEST_CASE("a body of just the limit is taken, one byte more is not") {
    raw_server server{[](const peer& client, int) {
        for (;;) {
            const std::string request = client.request();
            if (request.empty()) return;
            const std::size_t size = request.find("/more") == std::string::npos ? 1000 : 1001;
            client.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(size, 'x'));
            return;
        }
    }};
    auto transport = transport_to(server.address(), 1000);
    CHECK(transport.perform(get("/exact"))->body.size() == 1000);
    const auto more = transport.perform(get("/more"));
    REQUIRE_FALSE(more);
    CHECK(more.error().code == errc::bad_data);
}

TEST_CASE("the deadline is one for the whole exchange") {
    struct row {
        std::string_view name;
        void (*behave)(const peer&);
    };
    const row rows[] = {
        {"never answers", [](const peer& client) { client.request(), client.wait(); }},
        {"drips its headers", [](const peer& client) { client.request(), client.say_slowly(answer("abc"), 50); }},
        {"drips endless headers",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\n");
             for (int i = 0; i < 100; ++i) client.say_slowly("X: y\r\n", 20);
         }},
        {"drips its body",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
             client.say_slowly(std::string(100, 'x'), 50);
         }},
        {"drips a body that ends with the connection",
         [](const peer& client) {
             client.request();
             client.say("HTTP/1.1 200 OK\r\n\r\n");
             client.say_slowly(std::string(100, 'x'), 50);
         }},
    };
    for (const auto& each : rows) {
        for (const bool tls : {false, httplib_transport::has_tls}) {
            CAPTURE(each.name);
            CAPTURE(tls);
            raw_server server{[&](const peer& client, int) { each.behave(client); }, {}, tls};
            auto transport = tls ? tls_transport_to(server.address()) : transport_to(server.address());
            const auto start = std::chrono::steady_clock::now();
            const auto got = transport.perform(get("/v1/kv/a", 150));
            const auto took = elapsed(start);
            REQUIRE_FALSE(got);
            CHECK(got.error().code == errc::timed_out);
            CHECK(got.error().message.find("did not answer the request for") != std::string::npos);
            CHECK(took >= 150);
            CHECK(took < 1500);
        }
    }
}

TEST_CASE("a server that reads nothing does not hold a PUT") {
    raw_server server{[](const peer& client, int) {
        while (!*client.stopping) std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }};
    http_request request = put("/v1/kv/a", std::string(32U << 20U, 'x'));
    request.timeout = milliseconds{200};
    const auto got = transport_to(server.address()).perform(request);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::timed_out);
}

TEST_CASE("a server that cannot be reached is told apart by its reason") {
    closed_port closed;
    const std::string address = "127.0.0.1:" + std::to_string(closed.number);
    const auto refused = transport_to(address).perform(get("/"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == error{errc::unavailable, "cannot reach Consul at http://" + address +
                                                          ": connection refused; is the agent running?"});

    const auto no_name = transport_to("no-such-host.invalid:8500").perform(get("/", 10'000));
    REQUIRE_FALSE(no_name);
    CHECK(no_name.error().code == errc::unavailable);
    CHECK(no_name.error().message.find("the host name has no address") != std::string::npos);

    const auto no_socket = transport_to("unix:///tmp/powerconsul-no-such.sock").perform(get("/"));
    REQUIRE_FALSE(no_socket);
    CHECK(no_socket.error() == error{errc::unavailable,
                                     "cannot reach Consul at unix:///tmp/powerconsul-no-such.sock: "
                                     "there is no such socket; is the agent running?"});
}

TEST_CASE("connecting has a limit of its own") {
    // One connection fills a queue of length 0; the next ones are not answered.
    closed_port full;
    REQUIRE(::listen(full.socket, 0) == 0);
    std::vector<int> fillers;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(full.number);
    for (int i = 0; i < 4; ++i) {
        fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&where), sizeof(where));
    }
    httplib_options options;
    options.address = "127.0.0.1:" + std::to_string(full.number);
    options.connect_timeout = milliseconds{100};
    auto transport = httplib_transport::create(options);
    REQUIRE(transport);
    const auto slow = transport->perform(get("/"));
    REQUIRE_FALSE(slow);
    CHECK(slow.error().code == errc::unavailable);
    CHECK(slow.error().message.find("no connection in time") != std::string::npos);
    for (const int each : fillers) ::close(each);
}

TEST_CASE("a name that does not resolve in time is left behind") {
    const auto start = std::chrono::steady_clock::now();
    auto transport = transport_to("slow.test:8500");
    const auto got = transport.perform(get("/", 100));
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::timed_out);
    CHECK(elapsed(start) < 2000);
    CHECK(lookups_waiting == 1);
    CHECK(gai_error(left_behind) == EAI_INPROGRESS);
    lookups_may_end = true;
    const auto again = transport.perform(get("/"));
    REQUIRE_FALSE(again);
    CHECK(again.error().code == errc::unavailable);
}

TEST_CASE("a kept connection that the server has closed costs a GET nothing") {
    SUBCASE("closed before the next request") {
        raw_server server{[](const peer& client, int) {
            client.request();
            client.say(answer("once"));
        }};
        auto transport = transport_to(server.address());
        for (int i = 0; i < 3; ++i) CHECK(transport.perform(get("/")).value_or(http_response{}).body == "once");
        CHECK(server.connections() == 3);
    }
    SUBCASE("closed upon the next request") {
        raw_server server{[](const peer& client, int) {
            client.request();
            client.say(answer("once"));
            client.request();
        }};
        auto transport = transport_to(server.address());
        for (int i = 0; i < 3; ++i) CHECK(transport.perform(get("/")).value_or(http_response{}).body == "once");
        CHECK(server.connections() == 3);
    }
    SUBCASE("a second failure is the answer") {
        raw_server server{[](const peer& client, int number) {
            client.request();
            if (number > 1) return;
            client.say(answer("once"));
            client.request();
        }};
        auto transport = transport_to(server.address());
        REQUIRE(transport.perform(get("/")));
        CHECK_FALSE(transport.perform(get("/")));
        CHECK(server.connections() == 2);
    }
}

TEST_CASE("a PUT is sent once and never over a kept connection") {
    std::atomic<int> puts{0};
    raw_server server{[&](const peer& client, int) {
        for (;;) {
            const std::string request = client.request();
            if (request.empty()) return;
            if (request.compare(0, 3, "PUT") == 0) {
                ++puts;
                return;
            }
            client.say(answer("read"));
        }
    }};
    auto transport = transport_to(server.address());
    REQUIRE(transport.perform(get("/")));
    const auto got = transport.perform(put("/v1/kv/a", "x"));
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::unavailable);
    CHECK(puts == 1);
    CHECK(server.connections() == 2);
    CHECK(transport.perform(get("/")));
}

TEST_CASE("several requests are waited for side by side and answered in order") {
    std::atomic<int> waiting{0};
    raw_server server{[&](const peer& client, int) {
        const std::string request = client.request();
        if (request.find("/never") != std::string::npos) {
            client.wait();
            return;
        }
        // Each answers only when all three have asked.
        ++waiting;
        while (waiting < 3 && !*client.stopping) std::this_thread::sleep_for(std::chrono::milliseconds{1});
        client.say(answer(request.substr(4, request.find(' ', 4) - 4)));
    }};
    auto transport = transport_to(server.address());
    const std::vector<http_request> requests{get("/a"), get("/never", 300), get("/b"), get("bad target"), get("/c")};
    const auto answers = perform_all(transport, requests);
    REQUIRE(answers.size() == 5);
    CHECK(answers[0]->body == "/a");
    CHECK(answers[1].error().code == errc::timed_out);
    CHECK(answers[2]->body == "/b");
    CHECK(answers[3].error().message.find("not percent-encoded") != std::string::npos);
    CHECK(answers[4]->body == "/c");
    CHECK(perform_all(transport, {}).empty());
}

TEST_CASE("Consul can be asked over a socket") {
    const scratch folder;
    const std::string path = folder.path + "/http.sock";
    raw_server server{[](const peer& client, int) {
                          for (;;) {
                              const std::string head = client.request();
                              if (head.empty()) return;
                              if (head.find("/never") != std::string::npos) break;
                              const bool local = head.find("\r\nHost: localhost\r\n") != std::string::npos;
                              client.say(answer(local ? "\"leader\"" : "wrong host"));
                          }
                          client.wait();
                      },
                      path};
    auto transport = transport_to("unix://" + path);
    for (int i = 0; i < 3; ++i) {
        const auto got = transport.perform(get("/v1/status/leader"));
        REQUIRE(got);
        CHECK(got->body == "\"leader\"");
    }
    CHECK(server.connections() == 1);
    const auto late = transport.perform(get("/never", 100));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == errc::timed_out);
}

TEST_CASE("a target that could smuggle a second request is not sent") {
    raw_server server{answering(answer("x"))};
    auto transport = transport_to(server.address());
    for (const std::string target : {"", "v1/kv", "/a b", "/a\r\nX: y", "/\xC3\xA9", "http://other/"}) {
        CAPTURE(target);
        CHECK_FALSE(transport.perform(get(target)));
    }
    CHECK(server.connections() == 0);
}

TEST_CASE("options are checked before anybody is asked") {
    struct row {
        std::string_view name;
        httplib_options options;
        std::string_view message;
    };
    const scratch folder;
    httplib_options address, token, auth, pair, file, no_pem, no_authorities, no_directory;
    auth.basic_auth = "hush";
    no_authorities.address = no_directory.address = "https://127.0.0.1:1";
    no_authorities.ca_path = folder.path;
    no_directory.ca_path = "/etc/hostname";
    address.address = "ftp://h";
    token.token = "hush\r\nhush";
    pair.client_cert = "/etc/hostname";
    file.ca_file = "/no/such/ca.pem";
    no_pem.address = "https://127.0.0.1:1";
    no_pem.client_cert = no_pem.client_key = "/etc/passwd";
    const row rows[] = {
        {"address", address, "unknown scheme"},
        {"token", token, "the token for Consul has a character"},
        {"name and password", auth, "not user:password"},
        {"a directory without authorities", no_authorities, "holds a certificate in PEM form"},
        {"a file for a directory", no_directory, "is not a directory"},
        {"certificate without key", pair, "go together"},
        {"no such file", file, "/no/such/ca.pem"},
        {"no certificate", no_pem, "no pair of PEM files"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto made = httplib_transport::create(each.options);
        REQUIRE_FALSE(made);
        CHECK(made.error().code == errc::configuration);
        CHECK(made.error().message.find(each.message) != std::string::npos);
        CHECK(made.error().message.find("hush") == std::string::npos);
    }
}

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
TEST_CASE("over TLS one connection is kept, and the other side learns by which name it is asked") {
    struct row {
        std::string_view host;
        std::string_view server_name;
        std::string_view told;  ///< by the handshake
        std::string_view header;
    };
    for (const row& each : {row{"127.0.0.1", "", "", "127.0.0.1"}, row{"localhost", "", "localhost", "localhost"},
                            row{"127.0.0.1", "localhost", "localhost", "localhost"}}) {
        CAPTURE(each.host);
        CAPTURE(each.server_name);
        std::string told;
        std::string head;
        raw_server server{[&](const peer& client, int) {
                              const char* const name = SSL_get_servername(client.tls, TLSEXT_NAMETYPE_host_name);
                              told = name == nullptr ? "" : name;
                              for (;;) {
                                  const std::string request = client.request();
                                  if (request.empty()) return;
                                  if (request.starts_with("GET")) head = request;
                                  client.say(answer("x"));
                              }
                          },
                          {},
                          true};
        const std::string port = server.address().substr(server.address().find(':'));
        httplib_options options;
        options.address = "https://" + std::string{each.host} + port;
        options.tls_server_name = each.server_name;
        options.ca_file = identity().certificate_file();
        auto made = httplib_transport::create(options);
        REQUIRE(made);
        for (int i = 0; i < 3; ++i) CHECK(made->perform(get("/")).value_or(http_response{}).body == "x");
        CHECK(server.connections() == 1);
        CHECK(made->perform(put("/", std::string(100'000, 'x'))));
        CHECK(server.connections() == 2);
        made = fail(errc::failed, "closed, so that the server has ended");
        CHECK(told == each.told);
        CHECK(head.find("\r\nHost: " + std::string{each.header} + port + "\r\n") != std::string::npos);
    }
}

TEST_CASE("who is not to be believed gets no request") {
    struct row {
        std::string_view name;
        std::string_view address;  ///< of the server, without its port
        std::string ca_file;
        bool verify;
        std::string_view message;  ///< empty: believed
    };
    const tls_identity other{"IP:127.0.0.1"};
    const row rows[] = {
        {"known", "127.0.0.1", identity().certificate_file(), true, ""},
        {"another authority", "127.0.0.1", other.certificate_file(), true,
         "its certificate is not for \"127.0.0.1\" or not from a known authority (self"},
        {"the system's authorities", "127.0.0.1", "", true, "not from a known authority (self"},
        {"another address", "127.0.0.2", identity().certificate_file(), true, "(IP address mismatch)"},
        {"not verified", "127.0.0.2", "", false, ""},
        {"not verified with an authority", "127.0.0.2", other.certificate_file(), false, ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        std::atomic<int> requests{0};
        raw_server server{[&](const peer& client, int) {
                              if (!client.request().empty()) ++requests;
                              client.say(answer("x"));
                          },
                          {},
                          true,
                          INADDR_ANY};
        httplib_options options;
        options.address = "https://" + std::string{each.address} + server.address().substr(server.address().find(':'));
        options.ca_file = each.ca_file;
        options.verify = each.verify;
        auto transport = httplib_transport::create(options);
        REQUIRE(transport);
        const auto got = transport->perform(get("/"));
        CHECK(got.has_value() == each.message.empty());
        if (!got) {
            CAPTURE(got.error().message);
            CHECK(got.error().code == errc::unavailable);
            CHECK(got.error().message.find(each.message) != std::string::npos);
            CHECK(requests == 0);
        }
    }
}

TEST_CASE("an agent that asks for a certificate gets the one that is set") {
    for (const bool set : {false, true}) {
        CAPTURE(set);
        raw_server server{answering(answer("x")), {}, true};
        httplib_options options;
        options.address = "https://" + server.address();
        options.ca_file = identity().certificate_file();
        if (set) {
            options.client_cert = identity().certificate_file();
            options.client_key = identity().key_file();
        }
        auto transport = httplib_transport::create(options);
        REQUIRE(transport);
        SSL_CTX_set_verify(identity().context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           [](int, X509_STORE_CTX*) { return 1; });
        const auto got = transport->perform(get("/"));
        SSL_CTX_set_verify(identity().context(), SSL_VERIFY_NONE, nullptr);
        CHECK(got.has_value() == set);
        if (got) continue;
        // With TLS 1.3 the client's side of the handshake is over before the other one is.
        CHECK(got.error().message.find("if it asks for a client certificate, set one") != std::string::npos);
    }
}

TEST_CASE("a certificate and a key of two pairs, and authorities that are none, are found before anybody is asked") {
    const tls_identity other{"IP:127.0.0.1"};
    httplib_options options;
    options.address = "https://127.0.0.1:1";
    options.client_cert = identity().certificate_file();
    options.client_key = other.key_file();
    const auto pair = httplib_transport::create(options);
    REQUIRE_FALSE(pair);
    CHECK(pair.error().code == errc::configuration);
    CHECK(pair.error().message.find("are no pair of PEM files") != std::string::npos);
    options.client_cert = options.client_key = "";
    options.ca_file = "/etc/passwd";
    const auto authorities = httplib_transport::create(options);
    REQUIRE_FALSE(authorities);
    CHECK(authorities.error().code == errc::configuration);
    CHECK(authorities.error().message.find("must be in PEM form") != std::string::npos);
}

TEST_CASE("each step of a TLS handshake has the time of a connection, and no more than the exchange") {
    raw_server silent{[](const peer& client, int) { client.wait(), client.request(), client.wait(); }};
    httplib_options options;
    options.address = "https://" + silent.address();
    options.verify = false;
    options.connect_timeout = milliseconds{100};
    auto transport = httplib_transport::create(options);
    REQUIRE(transport);
    const auto start = std::chrono::steady_clock::now();
    const auto step = transport->perform(get("/"));
    CHECK(elapsed(start) < 2000);
    REQUIRE_FALSE(step);
    CHECK(step.error().message.find("the TLS handshake failed") != std::string::npos);
    options.connect_timeout = seconds(5);
    transport = httplib_transport::create(options);
    REQUIRE(transport);
    const auto whole = transport->perform(get("/", 100));
    REQUIRE_FALSE(whole);
    CHECK(whole.error().code == errc::timed_out);
}
#endif
