#include "http.hpp"

#include <utility>

#include <powerconsul/adapters/httplib/transport.hpp>

namespace powerconsul::cli {

auto make_http_transport(const consul_access& access) -> result<any_transport> {
    auto made = httplib_transport::create(access);
    if (!made) return unexpected{std::move(made).error()};
    return any_transport{std::move(*made)};
}

auto has_tls() -> bool {
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT) || defined(CPPHTTPLIB_SSL_ENABLED)
    return true;
#else
    return false;
#endif
}

auto http_libraries() -> std::string {
    const std::string httplib = "cpp-httplib " CPPHTTPLIB_VERSION;
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
    return httplib + " and " + ::OpenSSL_version(OPENSSL_VERSION);
#else
    return httplib + (has_tls() ? ", with TLS" : ", without TLS");
#endif
}

}  // namespace powerconsul::cli
