#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>
#include <powerconsul/decision/terms.hpp>

namespace powerconsul::inline v0 {

enum class http_method : unsigned char { get, put, del, post };

[[nodiscard]] constexpr auto to_string(http_method value) -> std::string_view {
    return name_among({"GET", "PUT", "DELETE", "POST"}, value);
}

/// One request to Consul's HTTP API. Who is asked, and with which token, is the transport's own business.
struct http_request {
    http_method method{http_method::get};
    std::string target{};  ///< path and query, percent-encoded already: `/v1/kv/a%20b?dc=hq`
    std::string body{};
    milliseconds timeout{5000};  ///< for the whole exchange, connecting included; above zero
};

struct http_header {
    std::string name{};
    std::string value{};
};

/// What came back. Every status is an answer: 403 or 500 is not an error of the transport.
struct http_response {
    int status{};
    std::string body{};
    std::vector<http_header> headers{};

    /// The value of the first header of that name (upper and lower case are the same), empty if there is none.
    [[nodiscard]] auto header(std::string_view name) const -> std::string_view {
        for (const auto& each : headers) {
            if (ascii::equal_ignoring_case(each.name, name)) return each.value;
        }
        return {};
    }
};

/// In which namespace and partition of Consul Enterprise a transport asks; what is empty is the token's own.
struct consul_scope {
    std::string name_space{};
    std::string partition{};

    friend bool operator==(const consul_scope&, const consul_scope&) = default;
};

/// Carries a request to Consul and brings the answer. `perform` must return within the request's timeout, must not
/// follow redirects (Consul answers 301 to a key that it would clean up: the answer would be another key's) and must
/// not repeat anything but a GET. errc::unavailable: not reached or cut off; errc::timed_out: no answer in time;
/// errc::bad_data: the answer was no HTTP or larger than the transport takes.
template <typename T>
concept http_transport = requires(T& transport, const http_request& request) {
    { transport.perform(request) } -> std::same_as<result<http_response>>;
};

/// A transport that adds a namespace or a partition to its targets, and tells which: some requests need them in their
/// bodies, too.
template <typename T>
concept scoped_transport = http_transport<T> && requires(const T& transport) {
    { transport.scope() } -> std::same_as<consul_scope>;
};

template <http_transport Transport>
[[nodiscard]] auto scope_of(const Transport& transport) -> consul_scope {
    if constexpr (scoped_transport<Transport>) {
        return transport.scope();
    } else {
        return {};
    }
}

/// A transport that can wait for several answers at the same time. Answers come in the order of the requests.
template <typename T>
concept parallel_http_transport = http_transport<T> &&
    requires(T& transport, const std::vector<http_request>& requests) {
    { transport.perform_all(requests) } -> std::same_as<std::vector<result<http_response>>>;
};

/// Performs all requests, side by side where the transport can, else one after the other.
template <http_transport Transport>
[[nodiscard]] auto perform_all(Transport& transport, const std::vector<http_request>& requests)
    -> std::vector<result<http_response>> {
    if constexpr (parallel_http_transport<Transport>) {
        return transport.perform_all(requests);
    } else {
        std::vector<result<http_response>> answers;
        answers.reserve(requests.size());
        for (const auto& request : requests) answers.push_back(transport.perform(request));
        return answers;
    }
}

}  // namespace powerconsul::inline v0
