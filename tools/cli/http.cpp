#include "http.hpp"

#include <powerconsul/adapters/httplib/transport.hpp>

namespace powerconsul::cli {

auto make_http_transport(const consul_access& access) -> result<any_transport> {
    auto made = httplib_transport::create(access);
    if (!made) return unexpected{std::move(made).error()};
    return any_transport{std::move(*made)};
}

auto web_pages::get(const std::string& origin, const std::string& target, milliseconds timeout) const -> result<int> {
    return httplib_web{}.get(origin, target, timeout);
}

auto has_tls() -> bool {
    return httplib_transport::has_tls;
}

auto http_libraries() -> std::string {
    const std::string httplib = "cpp-httplib " CPPHTTPLIB_VERSION;
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
    return httplib + " and " + ::OpenSSL_version(OPENSSL_VERSION);
#else
    return httplib + ", without TLS";
#endif
}

}  // namespace powerconsul::cli
