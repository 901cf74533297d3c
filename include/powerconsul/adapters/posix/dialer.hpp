#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/dialer.hpp>

namespace powerconsul::inline v0 {

/// The kernel's TCP, and the system's resolver for names.
class posix_dialer {
public:
    [[nodiscard]] auto dial(const std::string& host, std::uint16_t port, milliseconds timeout) const -> result<dialed> {
        const milliseconds deadline = clock_.monotonic() + timeout;
        const auto found = addresses_of(host, port, deadline);
        if (!found) return unexpected{found.error()};
        std::size_t refused = 0;
        std::optional<error> cause;
        std::size_t left = found->size();
        for (const auto& each : *found) {
            // An address that does not answer must not use up the time of those after it.
            const milliseconds share{(deadline - clock_.monotonic()).count / static_cast<std::int64_t>(left--)};
            const int failure = connect_to(each, share);
            if (failure == 0) return dialed::accepted;
            // This machine cannot use that kind of address: treated as if the name did not have it.
            if (failure == EADDRNOTAVAIL || failure == EAFNOSUPPORT) continue;
            refused += failure == ECONNREFUSED ? 1 : 0;
            if (failure != ECONNREFUSED && !cause) cause = failed(host, port, failure);
        }
        if (cause) return unexpected{std::move(*cause)};
        if (refused != 0) return dialed::refused;
        return fail(errc::unavailable, quoted(host) + " has no address that this machine can reach");
    }

private:
    struct address {
        sockaddr_storage to{};
        socklen_t size{};
    };

    /// What the resolver's thread works on, which may outlive the call that gave up on it.
    struct lookup {
        std::string host{};
        std::string port{};
        addrinfo hints{};
        gaicb request{};

        lookup() = default;
        lookup(const lookup&) = delete;
        auto operator=(const lookup&) -> lookup& = delete;
        ~lookup() {
            if (request.ar_result != nullptr) ::freeaddrinfo(request.ar_result);
        }
    };

    [[nodiscard]] auto addresses_of(const std::string& host, std::uint16_t port, milliseconds deadline) const
        -> result<std::vector<address>> {
        auto search = std::make_unique<lookup>();
        search->host = host;
        search->port = std::to_string(port);
        search->hints.ai_socktype = SOCK_STREAM;
        search->hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST;
        addrinfo* numeric = nullptr;
        int answer = ::getaddrinfo(search->host.c_str(), search->port.c_str(), &search->hints, &numeric);
        if (answer == 0) {
            search->request.ar_result = numeric;
        } else {
            answer = look_up(*search, deadline);
        }
        if (answer == EAI_INPROGRESS || answer == EAI_AGAIN) {
            if (answer == EAI_INPROGRESS) static_cast<void>(search.release());  // its thread still writes there
            return fail(errc::timed_out, "the name " + quoted(host) + " was not looked up in time");
        }
        if (answer != 0) return fail(errc::unavailable, "the name " + quoted(host) + ": " + ::gai_strerror(answer));
        std::vector<address> found;
        for (const addrinfo* each = search->request.ar_result; each != nullptr; each = each->ai_next) {
            address next{{}, each->ai_addrlen};
            std::copy_n(reinterpret_cast<const char*>(each->ai_addr), each->ai_addrlen,
                        reinterpret_cast<char*>(&next.to));
            found.push_back(next);
        }
        return found;
    }

    /// getaddrinfo(3) has no time limit, so getaddrinfo_a(3) is waited for until the deadline. Returns an EAI_ number:
    /// EAI_AGAIN also if it was cancelled, EAI_INPROGRESS if its thread may still use `search`.
    [[nodiscard]] auto look_up(lookup& search, milliseconds deadline) const -> int {
        search.hints.ai_flags = AI_NUMERICSERV;
        search.request.ar_name = search.host.c_str();
        search.request.ar_service = search.port.c_str();
        search.request.ar_request = &search.hints;
        gaicb* requests[]{&search.request};
        if (const int refused = ::getaddrinfo_a(GAI_NOWAIT, requests, 1, nullptr); refused != 0) return refused;
        while (::gai_error(&search.request) == EAI_INPROGRESS) {
            const std::int64_t left = std::max<std::int64_t>((deadline - clock_.monotonic()).count, 0);
            const timespec wait{static_cast<std::time_t>(left / 1000), static_cast<long>(left % 1000 * 1'000'000)};
            if (left == 0 || ::gai_suspend(requests, 1, &wait) == EAI_AGAIN) break;
        }
        const int answer = ::gai_error(&search.request);
        if (answer != EAI_INPROGRESS) return answer;
        return ::gai_cancel(&search.request) == EAI_CANCELED ? EAI_AGAIN : EAI_INPROGRESS;
    }

    /// Returns 0 or the errno for which there is no connection.
    [[nodiscard]] auto connect_to(const address& where, milliseconds timeout) const -> int {
        const posix_fd link{::socket(where.to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (!link) return errno;
        if (::connect(link.get(), reinterpret_cast<const sockaddr*>(&where.to), where.size) == 0) return 0;
        if (errno != EINPROGRESS) return errno;
        const milliseconds deadline = clock_.monotonic() + timeout;
        for (;;) {
            const auto left = (deadline - clock_.monotonic()).count;
            pollfd ready{link.get(), POLLOUT, 0};
            const int answer = left <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left));
            if (answer == 0) return ETIMEDOUT;
            if (answer > 0) break;
            if (errno != EINTR) return errno;
        }
        int failure = 0;
        socklen_t size = sizeof failure;
        if (::getsockopt(link.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return errno;
        return failure;
    }

    [[nodiscard]] static auto failed(const std::string& host, std::uint16_t port, int number) -> error {
        const std::string where = one_line(host, 200) + ':' + std::to_string(port);
        if (number == ETIMEDOUT) return {errc::timed_out, where + " did not answer in time"};
        const bool no_way = number == ENETUNREACH || number == EHOSTUNREACH || number == ECONNRESET ||
                            number == ENETDOWN || number == EHOSTDOWN;
        return {no_way ? errc::unavailable : errc::io,
                "cannot connect to " + where + ": " + std::generic_category().message(number)};
    }

    posix_clock clock_{};
};

static_assert(dialer<posix_dialer>);

}  // namespace powerconsul::inline v0
