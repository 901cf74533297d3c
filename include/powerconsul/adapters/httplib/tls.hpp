#pragma once

#include <string>
#include <string_view>

#include <httplib.h>

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#endif

// Who is believed over TLS. No interface: use adapters/httplib.hpp.

namespace powerconsul::inline v0::detail {

/// Whom to believe, and why somebody was not believed.
struct httplib_trust {
    std::string name{};       ///< that the certificate must be for: a host name or an address
    std::string ca_file{};    ///< empty: the system's authorities
    bool sound{};             ///< name and authorities could be used; else nobody is believed
    std::string complaint{};  ///< OpenSSL's, empty as long as there is none
};

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)

/// httplib 0.11 compares an IPv4 address also with whatever is on its stack, which takes some certificates for
/// anybody's, and reads beyond the addresses in a certificate: it must not judge.
inline constexpr bool httplib_may_judge = !std::string_view{CPPHTTPLIB_VERSION}.starts_with("0.11.");

template <typename Client>
[[nodiscard]] auto openssl_context(Client& client) -> SSL_CTX* {
    if constexpr (requires { client.ssl_context(); }) {
        return client.ssl_context();
    } else {
        return static_cast<SSL_CTX*>(client.tls_context());
    }
}

inline auto judge_certificate(X509_STORE_CTX* chain, void* given) -> int {
    auto& trust = *static_cast<httplib_trust*>(given);
    if (trust.sound && X509_verify_cert(chain) == 1) return 1;
    if (!trust.sound) X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    trust.complaint = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
    return 0;
}

/// Lets OpenSSL judge the other side's certificate: its chain, its time, and that it is for the expected name, the
/// subject's common name not counting, as with Consul's own program. Any certificate of the CA file is an authority,
/// also one that is signed by another. `trust` must live as long as the client.
template <typename Client>
void trust_only(Client& client, httplib_trust& trust) {
    SSL_CTX* const context = openssl_context(client);
    if (context == nullptr) return;
    X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool named = X509_VERIFY_PARAM_set1_ip_asc(rules, trust.name.c_str()) == 1 ||
                       X509_VERIFY_PARAM_set1_host(rules, trust.name.data(), trust.name.size()) == 1;
    const int loaded = trust.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                             : SSL_CTX_load_verify_locations(context, trust.ca_file.c_str(), nullptr);
    trust.sound = named && loaded == 1;
    SSL_CTX_set_cert_verify_callback(context, &judge_certificate, &trust);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    client.enable_server_certificate_verification(httplib_may_judge);
    if constexpr (httplib_may_judge) client.set_ca_cert_path(trust.ca_file);
    ERR_clear_error();
}

#elif defined(CPPHTTPLIB_SSL_ENABLED)

/// Another TLS library is httplib's own business.
template <typename Client>
void trust_only(Client& client, httplib_trust& trust) {
    client.set_ca_cert_path(trust.ca_file);
    trust.sound = true;
}

#endif

}  // namespace powerconsul::inline v0::detail
