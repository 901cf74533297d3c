#include "http.hpp"

#include <utility>

#include <powerconsul/adapters/httplib.hpp>

namespace powerconsul::cli {

auto make_http_transport(const std::string& address, const std::string& token) -> result<any_transport> {
    httplib_options options;
    options.address = address;
    options.token = token;
    auto made = httplib_transport::create(std::move(options));
    if (!made) return unexpected{std::move(made).error()};
    return any_transport{std::move(*made)};
}

}  // namespace powerconsul::cli
