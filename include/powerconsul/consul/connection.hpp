#pragma once

#include <algorithm>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// Which Consul is asked, and how this side shows who it is. Files are in PEM form.
struct consul_access {
    std::string address{"127.0.0.1:8500"};  ///< as parse_address takes it
    std::string token{};                    ///< sent as X-Consul-Token; if empty, the agent's default token applies
    std::string basic_auth{};               ///< `user:password` for a proxy in front of Consul, empty if none is needed
    std::string ca_file{};                  ///< wins over ca_path; if both are empty, the system's authorities apply
    std::string ca_path{};                  ///< a directory; the certificates of all files in it count
    std::string client_cert{};
    std::string client_key{};
    std::string tls_server_name{};           ///< the name expected in the certificate; if empty, the address's host
    bool verify{true};                       ///< if false, any server certificate is accepted
    std::string name_space{};                ///< Consul Enterprise only; if empty, the token's own
    std::string partition{};                 ///< Consul Enterprise only; if empty, the token's own
    std::size_t max_body{64 * 1024 * 1024};  ///< bytes of an answer's body; more is errc::bad_data
    milliseconds connect_timeout{1000};      ///< for each address of the host and each step of a TLS handshake
};

/// A secret id alone. No blank, which would end a header's value, and nothing that is not ASCII.
[[nodiscard]] constexpr auto is_token(std::string_view text) noexcept -> bool {
    return !text.empty() && algo::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

/// Name and password hold no control character; the name ends at the first colon (RFC 7617).
[[nodiscard]] constexpr auto is_basic_auth(std::string_view text) noexcept -> bool {
    return text.find(':') != std::string_view::npos && algo::none_of(text, ascii::is_control);
}

/// Refuses invalid or contradictory settings, without reading any file. Fails with errc::configuration; no message
/// holds a secret.
[[nodiscard]] inline auto check_access(const consul_access& access) -> result<void> {
    if (!access.token.empty() && !is_token(access.token)) {
        return fail(errc::configuration,
                    "the token for Consul has a character that no token has; give the secret id alone");
    }
    if (!access.basic_auth.empty() && !is_basic_auth(access.basic_auth)) {
        return fail(errc::configuration, "the name and password for Consul are not user:password in one line");
    }
    if (access.client_cert.empty() != access.client_key.empty()) {
        return fail(errc::configuration, "a client certificate and its key go together; give both or neither");
    }
    return {};
}

/// A request's target with the namespace and the partition, if one is said.
[[nodiscard]] inline auto scoped_target(std::string_view target, const consul_access& access) -> std::string {
    std::string scoped{target};
    const auto add = [&](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        scoped += scoped.find('?') == std::string::npos ? '?' : '&';
        scoped += std::string{name} + '=' + percent_encoded(value);
    };
    add("ns", access.name_space);
    add("partition", access.partition);
    return scoped;
}

/// The value of the header Authorization, empty if there is nothing to send. Consul's own token does not go there: a
/// proxy would see it in place of its own.
[[nodiscard]] inline auto authorization(const consul_access& access) -> std::string {
    return access.basic_auth.empty() ? std::string{} : "Basic " + base64_encoded(access.basic_auth);
}

}  // namespace powerconsul::inline v0
