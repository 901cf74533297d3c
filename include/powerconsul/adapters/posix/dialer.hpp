#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/dialer.hpp>

namespace powerconsul::inline v0 {

namespace detail {

using steady = std::chrono::steady_clock;

[[nodiscard]] inline auto in_chrono(milliseconds time) -> std::chrono::milliseconds {
    return std::chrono::milliseconds{time.count};
}

/// An address that a socket can connect to.
struct socket_address {
    sockaddr_storage address{};
    socklen_t size{};
};

/// What the resolver's thread works on, which may outlive the call that gave up on it.
struct name_lookup {
    std::string host{};
    std::string port{};
    addrinfo hints{};
    gaicb request{};

    name_lookup() = default;
    name_lookup(const name_lookup&) = delete;
    auto operator=(const name_lookup&) -> name_lookup& = delete;
    ~name_lookup() {
        if (request.ar_result != nullptr) ::freeaddrinfo(request.ar_result);
    }
};

/// getaddrinfo(3) has no time limit, so getaddrinfo_a(3) is waited for until `end`. Returns an EAI_ number: EAI_AGAIN
/// also if it was cancelled, EAI_INPROGRESS if its thread may still use `search`.
[[nodiscard]] inline auto look_up(name_lookup& search, steady::time_point end) -> int {
    search.hints.ai_flags = AI_NUMERICSERV;
    search.request.ar_name = search.host.c_str();
    search.request.ar_service = search.port.c_str();
    search.request.ar_request = &search.hints;
    gaicb* requests[]{&search.request};
    if (const int refused = ::getaddrinfo_a(GAI_NOWAIT, requests, 1, nullptr); refused != 0) return refused;
    while (::gai_error(&search.request) == EAI_INPROGRESS) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady::now()).count();
        const timespec wait{static_cast<std::time_t>(left / 1000), static_cast<long>(left % 1000 * 1'000'000)};
        if (left <= 0 || ::gai_suspend(requests, 1, &wait) == EAI_AGAIN) break;
    }
    const int answer = ::gai_error(&search.request);
    if (answer != EAI_INPROGRESS) return answer;
    return ::gai_cancel(&search.request) == EAI_CANCELED ? EAI_AGAIN : EAI_INPROGRESS;
}

/// Keeps a search whose thread still writes to it, and those that came before it until theirs has ended.
inline void leave(std::unique_ptr<name_lookup> search) {
    static std::mutex guard;
    static auto& left = *new std::vector<std::unique_ptr<name_lookup>>{};  // threads may outlive static objects
    const std::lock_guard hold{guard};
    std::erase_if(left, [](const auto& each) { return ::gai_error(&each->request) != EAI_INPROGRESS; });
    left.push_back(std::move(search));
}

template <typename Address>
[[nodiscard]] auto as_socket_address(const Address& from) -> socket_address {
    socket_address made{{}, sizeof(from)};
    std::memcpy(&made.address, &from, sizeof(from));
    return made;
}

/// The addresses of a host that nobody has to be asked for, in the order in which to try them: of one that is written
/// as an address (but not of one with a zone, such as fe80::1%eth0), and of localhost with the names below it, which
/// are this machine whatever a name service says (RFC 6761, 6.3).
[[nodiscard]] inline auto known_addresses(const std::string& host, std::uint16_t port) -> std::vector<socket_address> {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) return {as_socket_address(six)};
    // As getaddrinfo(3) does, this takes 127.1 for an address. inet_aton(3) ignores what stands behind a blank.
    if (host.find(' ') == std::string::npos && ::inet_aton(host.c_str(), &four.sin_addr) != 0) {
        return {as_socket_address(four)};
    }
    std::string name = ascii::lower(host);
    if (name.ends_with('.')) name.pop_back();
    if (name != "localhost" && !name.ends_with(".localhost")) return {};
    six.sin6_addr = in6addr_loopback;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {as_socket_address(six), as_socket_address(four)};
}

/// All addresses of a host, in the order in which to try them. Only a name is looked up, until `end` at the most.
[[nodiscard]] inline auto addresses_of(const std::string& host, std::uint16_t port, steady::time_point end)
    -> result<std::vector<socket_address>> {
    if (auto known = known_addresses(host, port); !known.empty()) return known;
    auto search = std::make_unique<name_lookup>();
    search->host = host;
    search->port = std::to_string(port);
    search->hints.ai_socktype = SOCK_STREAM;
    const int answer = look_up(*search, end);
    if (answer == EAI_INPROGRESS || answer == EAI_AGAIN) {
        if (answer == EAI_INPROGRESS) leave(std::move(search));
        return fail(errc::timed_out, "the name " + quoted(host) + " was not looked up in time");
    }
    if (answer != 0) return fail(errc::unavailable, "the name " + quoted(host) + ": " + ::gai_strerror(answer));
    std::vector<socket_address> found;
    for (const addrinfo* each = search->request.ar_result; each != nullptr; each = each->ai_next) {
        auto& next = found.emplace_back();
        next.size = each->ai_addrlen;
        std::memcpy(&next.address, each->ai_addr, each->ai_addrlen);
    }
    return found;
}

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

/// A connected socket; none, with errno, which is EINPROGRESS if `end` came first.
[[nodiscard]] inline auto connect_by(const socket_address& to, steady::time_point end, bool no_delay = false)
    -> posix_fd {
    posix_fd made{::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!made) return made;
    const auto gives_up = [](int why) {
        errno = why;
        return posix_fd{};
    };
    const auto left = std::chrono::ceil<std::chrono::microseconds>(end - steady::now()).count();
    if (left <= 0) return gives_up(EINPROGRESS);
    // SO_SNDTIMEO bounds connect() with one system call; a non-blocking socket would take three.
    const timeval time{left / 1'000'000, left % 1'000'000};
    const int on = 1;
    if (::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) != 0) return gives_up(errno);
    if (no_delay && to.address.ss_family != AF_UNIX &&
        ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return gives_up(errno);
    }
    if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) == 0) return made;
    // After EINTR the kernel goes on connecting. A Unix socket whose queue stays full fails with EAGAIN.
    if (errno != EINTR) return gives_up(errno == EAGAIN ? EINPROGRESS : errno);
    if (!ready_by(made.get(), POLLOUT, end)) return gives_up(EINPROGRESS);
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return gives_up(errno);
    return failure == 0 ? std::move(made) : gives_up(failure);
}

}  // namespace detail

/// Whether the system's resolver has to be asked for a host's addresses.
[[nodiscard]] inline auto needs_resolver(const std::string& host) -> bool {
    return detail::known_addresses(host, 0).empty();
}

/// The kernel's TCP, and the system's resolver for names.
class posix_dialer {
public:
    [[nodiscard]] auto dial(const std::string& host, std::uint16_t port, milliseconds timeout) const -> result<dialed> {
        const auto end = detail::steady::now() + detail::in_chrono(timeout);
        const auto found = detail::addresses_of(host, port, end);
        if (!found) return unexpected{found.error()};
        std::size_t refused = 0;
        std::optional<error> cause;
        auto left = static_cast<std::int64_t>(found->size());
        for (const auto& each : *found) {
            // An address that does not answer must not use up the time of those after it.
            const auto now = detail::steady::now();
            if (detail::connect_by(each, now + (end - now) / left--)) return dialed::accepted;
            // This machine cannot use that kind of address: treated as if the name did not have it.
            if (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) continue;
            refused += errno == ECONNREFUSED ? 1 : 0;
            if (errno != ECONNREFUSED && !cause) cause = failed(host, port, errno);
        }
        if (cause) return unexpected{std::move(*cause)};
        if (refused != 0) return dialed::refused;
        return fail(errc::unavailable, quoted(host) + " has no address that this machine can reach");
    }

private:
    [[nodiscard]] static auto failed(const std::string& host, std::uint16_t port, int number) -> error {
        const std::string where = one_line(host, 200) + ':' + std::to_string(port);
        if (number == EINPROGRESS || number == ETIMEDOUT) return {errc::timed_out, where + " did not answer in time"};
        const bool no_way = number == ENETUNREACH || number == EHOSTUNREACH || number == ECONNRESET ||
                            number == ENETDOWN || number == EHOSTDOWN;
        return {no_way ? errc::unavailable : errc::io,
                "cannot connect to " + where + ": " + std::generic_category().message(number)};
    }
};

static_assert(dialer<posix_dialer>);

}  // namespace powerconsul::inline v0
