#pragma once

#include <algorithm>
#include <cerrno>
#include <new>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#endif

#include <powerconsul/adapters/posix/dialer.hpp>
#include <powerconsul/consul/connection.hpp>
#include <powerconsul/core/owned.hpp>
#include <powerconsul/core/text.hpp>

// Sockets that keep a deadline, and TLS over them. cpp-httplib reads through both, so that the limits on status line
// and headers hold for https too; its own TLS client does not let anything come between it and its connection.
// Internal: use adapters/httplib/transport.hpp.

namespace powerconsul::inline v0 {

/// The certificates of a PEM file, one after the other, without what else it holds, such as keys, comments and
/// revocation lists. They are not checked; a last one without its end is left out.
[[nodiscard]] inline auto pem_certificates(std::string_view text) -> std::string {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    std::string found;
    for (;;) {
        const std::size_t from = text.find(begin);
        if (from == std::string_view::npos) return found;
        const std::size_t to = text.find(end, from);
        if (to == std::string_view::npos) return found;
        found.append(text.substr(from, to + end.size() - from)).append(1, '\n');
        text.remove_prefix(to + end.size());
    }
}

namespace detail {

/// The limits of an exchange, and what happened in it.
struct bounds {
    steady::time_point deadline{};
    steady::time_point connect_by{};                    ///< not after the deadline
    steady::duration patience{std::chrono::hours{24}};  ///< the longest wait of one read or write
    bool no_delay{};                                    ///< for TCP_NODELAY: more than one write precedes the answer
    unsigned opened{};                                  ///< sockets opened
    int connect_error{};                                ///< errno of the last socket that could not be connected
    bool ended{};                                       ///< the other side has closed the connection
    bool overdue{};                                     ///< the deadline has ended the exchange
    bool broken{};  ///< the last read failed, so that what came before it may be incomplete
};

/// A connection's bytes in both directions. Both functions return -1 on error, and `read` returns 0 at the end.
class channel {
public:
    virtual ~channel() = default;
    virtual auto read(char* to, std::size_t size) -> ssize_t = 0;
    virtual auto write(const char* from, std::size_t size) -> ssize_t = 0;
};

/// Reads and writes until the deadline, not after it. Writing to a closed connection is an error and raises no SIGPIPE.
/// Does not own the socket.
class bounded_socket final : public channel {
public:
    bounded_socket(int socket, bounds& limits) : socket_{socket}, limits_{limits} {}

    [[nodiscard]] auto limits() const -> bounds& { return limits_; }
    auto read(char* to, std::size_t size) -> ssize_t override {
        const auto got = call(POLLIN, [&] { return ::recv(socket_, to, size, MSG_DONTWAIT); });
        if (got == 0) limits_.ended = true;
        return got;
    }
    auto write(const char* from, std::size_t size) -> ssize_t override {
        return call(POLLOUT, [&] { return ::send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
    }

private:
    [[nodiscard]] auto wait(short what) const -> bool {
        const bool ready = ready_by(socket_, what, std::min(limits_.deadline, steady::now() + limits_.patience));
        if (!ready && steady::now() >= limits_.deadline) limits_.overdue = true;
        return ready;
    }
    /// Waits before it reads, since an answer takes its time, but tries to write at once, since that mostly succeeds.
    template <typename Call>
    [[nodiscard]] auto call(short what, Call attempt) -> ssize_t {
        for (bool ready = what == POLLOUT;; ready = false) {
            if (!ready && !wait(what)) return -1;
            const ssize_t done = uninterrupted(attempt);
            if (done >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return done;
        }
    }

    int socket_;
    bounds& limits_;
};

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)

inline constexpr bool has_tls = true;

/// One TLS connection. Does not own the socket.
class tls_channel final : public channel {
public:
    /// Sends nothing yet: the handshake is left to the caller. Throws std::bad_alloc.
    tls_channel(SSL_CTX* context, bounded_socket socket) : socket_{socket}, tls_{own<SSL_free>(SSL_new(context))} {
        BIO* const lower = own<BIO_free>(BIO_new(bio_method())).release();
        BIO_set_data(lower, &socket_);
        BIO_set_init(lower, 1);
        SSL_set_bio(tls_.get(), lower, lower);
    }
    tls_channel(const tls_channel&) = delete;
    auto operator=(const tls_channel&) -> tls_channel& = delete;
    /// Sends close_notify to the other side.
    ~tls_channel() override { SSL_shutdown(tls_.get()); }

    [[nodiscard]] auto tls() const -> SSL* { return tls_.get(); }
    auto read(char* to, std::size_t size) -> ssize_t override {
        std::size_t got = 0;
        ERR_clear_error();
        if (SSL_read_ex(tls_.get(), to, size, &got) == 1) return static_cast<ssize_t>(got);
        if (SSL_get_error(tls_.get(), 0) != SSL_ERROR_ZERO_RETURN) return -1;
        socket_.limits().ended = true;
        return 0;
    }
    auto write(const char* from, std::size_t size) -> ssize_t override {
        std::size_t sent = 0;
        ERR_clear_error();
        return SSL_write_ex(tls_.get(), from, size, &sent) == 1 ? static_cast<ssize_t>(sent) : -1;
    }

private:
    /// Lets OpenSSL read and write through bounded_socket: its own socket BIO keeps no deadline and may raise SIGPIPE.
    [[nodiscard]] static auto bio_method() -> const BIO_METHOD* {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* const one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "powerconsul");
            if (one == nullptr) throw std::bad_alloc{};
            BIO_meth_set_read(one, [](BIO* bio, char* to, int size) {
                return static_cast<int>(lower(bio).read(to, static_cast<std::size_t>(size)));
            });
            BIO_meth_set_write(one, [](BIO* bio, const char* from, int size) {
                return static_cast<int>(lower(bio).write(from, static_cast<std::size_t>(size)));
            });
            BIO_meth_set_ctrl(one, [](BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1L : 0L; });
            return one;
        }();
        return made;
    }
    [[nodiscard]] static auto lower(BIO* bio) -> bounded_socket& {
        return *static_cast<bounded_socket*>(BIO_get_data(bio));
    }

    bounded_socket socket_;
    owned<SSL, SSL_free> tls_;
};

/// TLS verification settings and the client certificate.
class tls_context {
public:
    /// OpenSSL will verify the other side's certificate unless access.verify is false: its chain, its time, and that it
    /// is for `name`, a host name or an address; the subject's common name does not count, as with Consul's own
    /// program. Any certificate of the CA file is an authority, even one that another has signed. `authorities`, in PEM
    /// form, replace the CA file if not empty. Fails with errc::configuration.
    [[nodiscard]] static auto create(const consul_access& access, std::string name, std::string_view authorities)
        -> result<tls_context> {
        tls_context made{std::move(name)};
        SSL_CTX* const context = made.context_.get();
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        if (!access.client_cert.empty() &&
            (SSL_CTX_use_certificate_chain_file(context, access.client_cert.c_str()) != 1 ||
             SSL_CTX_use_PrivateKey_file(context, access.client_key.c_str(), SSL_FILETYPE_PEM) != 1)) {
            return fail(errc::configuration, "the client certificate " + quoted(access.client_cert) + " and the key " +
                                                 quoted(access.client_key) + " are no pair of PEM files");
        }
        if (!access.verify) return made;
        const bool loaded = !authorities.empty() ? made.trust(authorities)
                            : access.ca_file.empty()
                                ? SSL_CTX_set_default_verify_paths(context) == 1
                                : SSL_CTX_load_verify_locations(context, access.ca_file.c_str(), nullptr) == 1;
        X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_hostflags(rules,
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        const bool named = X509_VERIFY_PARAM_set1_ip_asc(rules, made.name_.c_str()) == 1 ||
                           X509_VERIFY_PARAM_set1_host(rules, made.name_.data(), made.name_.size()) == 1;
        if (!loaded || !named) {
            return fail(errc::configuration, "the certificate authorities cannot be loaded; check the CA file " +
                                                 quoted(access.ca_file) + ", which must be in PEM form");
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        return made;
    }

    /// The connection after its handshake, nullptr if that fails. If the other side's certificate was refused,
    /// `complaint` is then OpenSSL's reason.
    [[nodiscard]] auto shake_hands(bounded_socket socket, std::string& complaint) const -> std::unique_ptr<channel> {
        auto made = std::make_unique<tls_channel>(context_.get(), socket);
        // RFC 6066: an IP address is not sent as a server name.
        in6_addr ignored{};
        if (::inet_pton(AF_INET, name_.c_str(), &ignored) != 1 && ::inet_pton(AF_INET6, name_.c_str(), &ignored) != 1) {
            SSL_set_tlsext_host_name(made->tls(), name_.c_str());
        }
        ERR_clear_error();
        if (SSL_connect(made->tls()) == 1) return made;
        const long judged = SSL_get_verify_result(made->tls());
        if (judged != X509_V_OK && SSL_CTX_get_verify_mode(context_.get()) != SSL_VERIFY_NONE) {
            complaint = X509_verify_cert_error_string(judged);
        }
        return nullptr;
    }

private:
    explicit tls_context(std::string name)
        : name_{std::move(name)},
          context_{own<SSL_CTX_free>(SSL_CTX_new(TLS_client_method())).release(), ::SSL_CTX_free} {}

    /// Adds all certificates of this text as authorities; false if one cannot be added.
    [[nodiscard]] auto trust(std::string_view authorities) const -> bool {
        const auto text = own<BIO_free>(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
        ERR_clear_error();
        for (;;) {
            const owned<X509, X509_free> one{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)};
            if (!one) return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
            if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), one.get()) != 1) return false;
        }
    }

    std::string name_;
    std::shared_ptr<SSL_CTX> context_;
};

#else

inline constexpr bool has_tls = false;

class tls_context {
public:
    [[nodiscard]] static auto create(const consul_access&, std::string_view, std::string_view) -> result<tls_context> {
        return fail(errc::configuration, "this build of cpp-httplib has no TLS");
    }
    [[nodiscard]] auto shake_hands(bounded_socket, std::string&) const -> std::unique_ptr<channel> { return nullptr; }
};

#endif

}  // namespace detail

}  // namespace powerconsul::inline v0
