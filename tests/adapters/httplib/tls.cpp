#include <powerconsul/adapters/httplib/tls.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace powerconsul;

TEST_CASE("only the certificates of a PEM file are taken") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view found;
    };
    const row rows[] = {
        {"empty", "", ""},
        {"something else", "# a README\n", ""},
        {"one", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n",
         "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"},
        {"without a last line's end", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----",
         "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"},
        {"two and a key between them",
         "first\n-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n-----BEGIN ENCRYPTED PRIVATE "
         "KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nYg==\n-----END "
         "CERTIFICATE-----\nlast",
         "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n-----BEGIN "
         "CERTIFICATE-----\nYg==\n-----END CERTIFICATE-----\n"},
        {"cut off", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERT", ""},
        {"the end comes first", "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(pem_certificates(each.text) == each.found);
    }
}
