#include "http.hpp"

#include <utility>

#include <powerconsul/adapters/httplib.hpp>

namespace powerconsul::cli {

auto make_http_transport(const consul_access& access) -> result<any_transport> {
    auto made = httplib_transport::create(access);
    if (!made) return unexpected{std::move(made).error()};
    return any_transport{std::move(*made)};
}

}  // namespace powerconsul::cli
