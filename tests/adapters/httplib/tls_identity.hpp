#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include <doctest/doctest.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/// A certificate that signs itself, with its key, for the server's side of a test. Both lie in a folder of their own as
/// long as this lives.
class tls_identity {
public:
    /// `names`: as in `DNS:server.test,IP:127.0.0.1`.
    explicit tls_identity(const char* names) {
        REQUIRE(::mkdtemp(folder_.data()) != nullptr);
        EVP_PKEY_CTX* const making = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr);
        EVP_PKEY* key = nullptr;
        REQUIRE(EVP_PKEY_keygen_init(making) == 1);
        REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(making, NID_X9_62_prime256v1) == 1);
        REQUIRE(EVP_PKEY_keygen(making, &key) == 1);
        EVP_PKEY_CTX_free(making);

        X509* const made = X509_new();
        X509_set_version(made, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
        X509_gmtime_adj(X509_getm_notBefore(made), -60);
        X509_gmtime_adj(X509_getm_notAfter(made), 3600);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(made, X509_get_subject_name(made));
        X509_set_pubkey(made, key);
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
        REQUIRE(extension != nullptr);
        X509_add_ext(made, extension, -1);
        X509_EXTENSION_free(extension);
        REQUIRE(X509_sign(made, key, EVP_sha256()) > 0);
        std::FILE* const certificate = std::fopen(certificate_file().c_str(), "w");
        std::FILE* const secret = std::fopen(key_file().c_str(), "w");
        REQUIRE(PEM_write_X509(certificate, made) == 1);
        REQUIRE(PEM_write_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
        std::fclose(certificate);
        std::fclose(secret);

        REQUIRE(SSL_CTX_use_certificate(context_, made) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey(context_, key) == 1);
        X509_free(made);
        EVP_PKEY_free(key);
    }
    tls_identity(const tls_identity&) = delete;
    auto operator=(const tls_identity&) -> tls_identity& = delete;
    ~tls_identity() {
        SSL_CTX_free(context_);
        ::unlink(certificate_file().c_str());
        ::unlink(key_file().c_str());
        ::rmdir(folder_.c_str());
    }

    [[nodiscard]] auto certificate_file() const -> std::string { return folder_ + "/certificate.pem"; }
    [[nodiscard]] auto key_file() const -> std::string { return folder_ + "/key.pem"; }
    [[nodiscard]] auto context() const -> SSL_CTX* { return context_; }

    /// Shakes hands with a client; nullptr if that fails. Who calls this frees it.
    [[nodiscard]] auto accept(int socket) const -> SSL* {
        SSL* const made = SSL_new(context_);
        SSL_set_fd(made, socket);
        if (SSL_accept(made) == 1) return made;
        SSL_free(made);
        return nullptr;
    }

private:
    std::string folder_{"/tmp/powerconsul-test-XXXXXX"};
    SSL_CTX* context_{SSL_CTX_new(TLS_server_method())};
};
