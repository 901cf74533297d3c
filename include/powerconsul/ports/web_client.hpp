#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// Asks a web server with GET and gives the status of its answer; redirects are not followed. `origin` is
/// `http://host:port` or `https://host:port`, `target` the path with its query. errc::timed_out: no answer in time;
/// errc::unavailable: not reached, its certificate not trusted, or cut off; errc::bad_data: the answer was no HTTP.
template <typename T>
concept web_client = requires(T& web, const std::string& origin, const std::string& target, milliseconds timeout) {
    { web.get(origin, target, timeout) } -> std::same_as<result<int>>;
};

/// For a host that asks no web servers.
struct no_web_client {
    [[nodiscard]] auto get(const std::string&, const std::string&, milliseconds) const -> result<int> {
        return fail(errc::unavailable, "this program was built without a web client");
    }
};
static_assert(web_client<no_web_client>);

}  // namespace powerconsul::inline v0
