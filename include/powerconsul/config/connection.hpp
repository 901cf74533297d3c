#pragma once

#include <powerconsul/config/sources.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/consul/connection.hpp>
#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/ports/trust.hpp>

namespace powerconsul::inline v0::config {

/// How Consul is reached, and what named its address and token. The sources hold no secret.
struct found_access {
    consul_access consul{};
    std::string address_source{};
    std::string token_source{};
};

/// The error for a configuration or a secret that was not read: errc::io if the system could not read the file just
/// now, which does not make it wrong, else errc::configuration.
[[nodiscard]] inline auto not_read(const std::string& what, const error& why) -> unexpected {
    return fail(why.code == errc::io ? errc::io : errc::configuration, what + ": " + why.message);
}

namespace detail {

/// A user's name; the number if there is no name or it cannot be told.
template <account_source Users>
[[nodiscard]] auto user_name(Users& users, std::uint32_t id) -> std::string {
    const auto name = users.user_name(id);
    return name && *name ? **name : std::to_string(id);
}

/// The whole text of a file that holds a secret, at most 64 KiB: one that others can read or change is refused. `what`
/// says which file it is: "the token file".
template <named_file_source Files, account_source Users>
[[nodiscard]] auto read_secret(Files& files, Users& users, const std::string& what, const std::string& path)
    -> result<std::string> {
    auto opened = files.read_named(path, std::size_t{64} * 1024);
    if (!opened) return not_read(what, opened.error());
    if (!*opened) {
        return fail(errc::configuration, what + ' ' + quoted(path) + " does not exist; write it, or name another");
    }
    const file_status& status = (*opened)->status;
    const file_reader reader{files.user(), files.group()};
    if (const auto how = exposure_of(status, reader); !how.empty()) {
        return exposed_file(how, what, path, status, user_name(users, status.uid), user_name(users, reader.user));
    }
    return std::move((*opened)->bytes);
}

// --- token and password ---

/// A token file named anywhere wins over a token in the environment, as with Consul's own program; the configuration's
/// comes last.
template <typename Read>
[[nodiscard]] auto find_token(Read&& read, const sources& from, found_access& found) -> result<void> {
    auto file = from.given("token-file", "CONSUL_HTTP_TOKEN_FILE");
    if (!file) {
        if (auto token = from.from_variable("CONSUL_HTTP_TOKEN")) {
            if (!is_token(token->value)) {
                return fail(errc::usage, token->where + " holds something else than one secret id; set only that");
            }
            found.consul.token = std::move(token->value);
            found.token_source = token->where;
            return {};
        }
        file = from.from_file("token-file");
    }
    if (!file) {
        found.token_source = "none: the agent's default token counts";
        return {};
    }
    const auto text = read("the token file", file->value);
    if (!text) return unexpected{text.error()};
    found.consul.token = trimmed(*text);
    if (!is_token(found.consul.token)) {
        return fail(errc::configuration,
                    "the token file " + quoted(file->value) +
                        (found.consul.token.empty() ? " is empty; write the secret id into it"
                                                    : " holds something else than one secret id; write only that"));
    }
    found.token_source = file->where + (file->fault == errc::configuration ? ": " : " ") + file->value;
    return {};
}

/// Name and password of a proxy in front of Consul. In the variable the password may be missing, as for Consul's own
/// program; a file without a colon is refused, since it more likely holds a password alone.
template <typename Read>
[[nodiscard]] auto find_basic_auth(Read&& read, const sources& from) -> result<std::string> {
    auto file = from.given("http-auth-file", "");
    if (!file) {
        if (auto direct = from.from_variable("CONSUL_HTTP_AUTH")) {
            if (direct->value.find(':') == std::string::npos) direct->value += ':';
            if (is_basic_auth(direct->value)) return std::move(direct->value);
            return fail(errc::usage, direct->where + " is not user:password in one line");
        }
        file = from.from_file("http-auth-file");
    }
    if (!file) return std::string{};
    auto text = read("the HTTP auth file", file->value);
    if (!text) return text;
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    if (is_basic_auth(*text)) return text;
    return fail(errc::configuration, "the HTTP auth file " + quoted(file->value) + " is not user:password in one line");
}

// --- address and certificate ---

/// The value of what was found is `true` or `false`.
[[nodiscard]] inline auto find_flag(const sources& from, const std::string& option, std::string_view standard)
    -> result<std::optional<said>> {
    auto found = from.anywhere(option, standard);
    if (!found) return found;
    const auto value = parse_boolean(found->value);
    if (!value) return fail(found->fault, found->where + ": " + value.error().message);
    found->value = *value ? "true" : "false";
    return found;
}

/// http:// and a bare host become https:// if TLS is asked for; https:// stays as it is.
[[nodiscard]] inline auto find_address(const sources& from, found_access& found) -> result<void> {
    const auto chosen = from.anywhere("http-addr", "CONSUL_HTTP_ADDR");
    const said address = chosen ? *chosen : said{found.consul.address, "default"};
    const auto ssl = find_flag(from, "http-ssl", "CONSUL_HTTP_SSL");
    if (!ssl) return unexpected{ssl.error()};
    const bool secure = *ssl && (*ssl)->value == "true";
    constexpr std::string_view plain = "http://";
    std::string text = address.value;
    // Before the address is parsed, since https has another default port.
    if (secure && text.starts_with(plain)) text.replace(0, plain.size(), "https://");
    auto where = parse_address(text);
    if (!where) return fail(address.fault, address.where + ": " + where.error().message);
    found.address_source = address.where;
    if (secure && where->scheme == address_scheme::unix_socket) {
        return fail((*ssl)->fault, (*ssl)->where + " asks for TLS, which is not supported over a socket (" +
                                       address.where + "); give https://host:port or set it to false");
    }
    if (secure && !address.value.starts_with("https://")) {
        where->scheme = address_scheme::https;
        found.address_source += ", https because of " + (*ssl)->where;
    }
    found.consul.address = to_string(*where);
    return {};
}

/// The client certificate and its key, for which OpenSSL must not ask for a passphrase.
template <typename Read>
[[nodiscard]] auto find_client_certificate(Read&& read, const sources& from, consul_access& consul) -> result<void> {
    const auto cert = from.anywhere("client-cert", "CONSUL_CLIENT_CERT");
    const auto key = from.anywhere("client-key", "CONSUL_CLIENT_KEY");
    if (cert && !key) {
        return fail(cert->fault, cert->where +
                                     " names a client certificate, but nothing names its key; give "
                                     "--client-key, CONSUL_CLIENT_KEY or consul.clientKey too");
    }
    if (key && !cert) {
        return fail(key->fault, key->where +
                                    " names a client key, but nothing names its certificate; give "
                                    "--client-cert, CONSUL_CLIENT_CERT or consul.clientCert too");
    }
    if (!cert) return {};
    const auto text = read("the client key", key->value);
    if (!text) return unexpected{text.error()};
    if (text->find("ENCRYPTED") != std::string::npos) {
        return fail(errc::configuration, "the client key " + quoted(key->value) +
                                             " needs a passphrase, and nobody is there to type it; give one without");
    }
    consul.client_cert = cert->value;
    consul.client_key = key->value;
    return {};
}

}  // namespace detail

/// Puts together options, `POWERCONSUL_…`, `CONSUL_…` and the configuration, and reads the files that hold a secret:
/// one that others can read or change is refused. Fails with errc::usage for an option or variable,
/// errc::configuration for a file, errc::io for a file that could not be read just now.
template <named_file_source Files, account_source Users>
[[nodiscard]] auto find_access(const sources& from, Files& files, Users& users) -> result<found_access> {
    const auto read = [&](const std::string& what, const std::string& path) {
        return detail::read_secret(files, users, what, path);
    };
    found_access found;
    consul_access& consul = found.consul;
    if (auto done = detail::find_address(from, found); !done) return unexpected{std::move(done).error()};
    const auto verify = detail::find_flag(from, "http-ssl-verify", "CONSUL_HTTP_SSL_VERIFY");
    if (!verify) return unexpected{verify.error()};
    consul.verify = !*verify || (*verify)->value == "true";
    consul.ca_file = from.text("ca-file", "", "CONSUL_CACERT");
    consul.ca_path = from.text("ca-path", "", "CONSUL_CAPATH");
    consul.tls_server_name = from.text("tls-server-name", "", "CONSUL_TLS_SERVER_NAME");
    // A port after the name is accepted and ignored, as with Consul's own program.
    if (const auto colon = consul.tls_server_name.find(':'); colon == consul.tls_server_name.rfind(':')) {
        consul.tls_server_name.resize(std::min(colon, consul.tls_server_name.size()));
    }
    consul.name_space = from.text("namespace", "", "CONSUL_NAMESPACE");
    consul.partition = from.text("partition", "", "CONSUL_PARTITION");
    if (auto done = detail::find_client_certificate(read, from, consul); !done) {
        return unexpected{std::move(done).error()};
    }
    auto basic_auth = detail::find_basic_auth(read, from);
    if (!basic_auth) return unexpected{std::move(basic_auth).error()};
    consul.basic_auth = std::move(*basic_auth);
    if (auto done = detail::find_token(read, from, found); !done) return unexpected{std::move(done).error()};
    return found;
}

}  // namespace powerconsul::inline v0::config
