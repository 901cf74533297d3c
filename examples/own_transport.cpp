// A program that brings its own way to Consul: here a socket and HTTP/1.0, in practice the HTTP client, the event loop
// or the service mesh that it has anyway. All that is asked of a transport is one member function. What answers at the
// other end of the socket is the embedded store, in a thread; with port 8500 it would be an agent.

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/powerconsul.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

namespace {

auto loopback(int port) -> sockaddr_in {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void send_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

class socket_transport {
public:
    explicit socket_transport(int port) : port_{port} {}

    // The contract: return within the request's timeout, follow no redirect, and tell "not reached", "no answer in
    // time" and "no HTTP" apart. A status such as 404 or 500 is an answer, not an error.
    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        const milliseconds deadline = clock_.monotonic() + request.timeout;
        const posix_fd connection{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const auto address = loopback(port_);
        if (!connection ||
            ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            return system_failure("connect to", "127.0.0.1:" + std::to_string(port_), errno);
        }
        constexpr std::array<const char*, 3> methods{"GET", "PUT", "DELETE"};
        send_all(connection.get(),
                 std::string{methods[static_cast<std::size_t>(request.method)]} + ' ' + request.target +
                     " HTTP/1.0\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body);
        std::string text;
        for (std::array<char, 4096> buffer{};;) {
            pollfd waits{connection.get(), POLLIN, 0};
            const milliseconds left = deadline - clock_.monotonic();
            if (left.count <= 0 || ::poll(&waits, 1, static_cast<int>(left.count)) == 0) {
                return fail(errc::timed_out, "no answer in time");
            }
            const auto got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
            if (got < 0) return fail(errc::unavailable, "the connection broke");
            if (got == 0) return parsed(text);
            if (text.size() > 1024 * 1024) return fail(errc::bad_data, "the answer is too long");
            text.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

private:
    static auto parsed(std::string_view text) -> result<http_response> {
        http_response answer;
        const auto head = text.substr(0, text.find("\r\n\r\n"));
        const char* const digits = text.data() + 9;  // behind "HTTP/1.0 "
        if (head.size() < 12 || head.size() == text.size() || !head.starts_with("HTTP/1.") ||
            std::from_chars(digits, digits + 3, answer.status).ec != std::errc{}) {
            return fail(errc::bad_data, "the answer is no HTTP");
        }
        for (auto rest = head; !rest.empty();) {
            const auto line = rest.substr(0, rest.find("\r\n"));
            rest.remove_prefix(line.size() < rest.size() ? line.size() + 2 : line.size());
            const auto colon = line.find(": ");
            if (colon == std::string_view::npos) continue;
            answer.headers.push_back({std::string{line.substr(0, colon)}, std::string{line.substr(colon + 2)}});
        }
        answer.body = text.substr(head.size() + 4);
        return answer;
    }

    int port_;
    posix_clock clock_{};
};

static_assert(http_transport<socket_transport>);

/// Answers one request for each connection until a connection brings none.
void serve(const posix_fd& listener, store& consul) {
    for (;;) {
        const posix_fd client{::accept(listener.get(), nullptr, nullptr)};
        std::array<char, 4096> buffer{};
        const auto got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
        if (got <= 4) return;
        std::string target{buffer.data() + 4, static_cast<std::size_t>(got) - 4};
        target.resize(target.find(' '));
        const auto answer = consul.perform({.target = target});
        std::string text = "HTTP/1.0 " + std::to_string(answer->status) + " \r\n";
        for (const auto& [name, value] : answer->headers) text += name + ": " + value + "\r\n";
        send_all(client.get(), text + "\r\n" + answer->body);
    }
}

}  // namespace

int main() {
    store consul{{.node = "production-web2", .datacenter = "hq"}};
    consul.put("hq", "cluster/production/web",
               R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})");
    consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"web", {store_status::critical}}}});
    consul.add("hq", {.service = "web", .node = "production-web2", .checks = {{"web", {}}}});

    const posix_fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto address = loopback(0);  // any port that is free
    socklen_t size = sizeof address;
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener.get(), 8) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return 1;
    }
    std::thread agent{[&] { serve(listener, consul); }};

    socket_transport transport{ntohs(address.sin_port)};
    posix_clock time;
    testing::memory_files files;
    role_resolver roles{
        transport, time, files, "/state", {.who = {.host = "production-web2"}, .wait = {.takeover_after = seconds(0)}}};
    const auto facts = roles.resolve("web", seconds(5));
    std::printf("%s\n%s, expects %s\n", facts.reason.c_str(), std::string{to_string(facts.own)}.c_str(),
                std::string{to_string(facts.expects)}.c_str());

    {
        const posix_fd last{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        (void)::connect(last.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    agent.join();
}
