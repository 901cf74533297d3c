#include <powerconsul/consul/address.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("addresses that Consul's own client takes are read") {
    struct address_row {
        std::string_view name;
        std::string_view text;
        address where;
        std::string_view written;
    };
    using enum address_scheme;
    const address_row rows[] = {
        {"host and port", "127.0.0.1:8500", {http, "127.0.0.1", 8500, ""}, "http://127.0.0.1:8500"},
        {"no port: Consul's", "consul.example", {http, "consul.example", 8500, ""}, "http://consul.example:8500"},
        {"http", "http://10.0.0.1:1234", {http, "10.0.0.1", 1234, ""}, "http://10.0.0.1:1234"},
        {"http without port", "http://consul", {http, "consul", 80, ""}, "http://consul:80"},
        {"trailing slash", "http://consul:8500/", {http, "consul", 8500, ""}, "http://consul:8500"},
        {"https", "https://consul:8501", {https, "consul", 8501, ""}, "https://consul:8501"},
        {"https without port", "https://consul", {https, "consul", 443, ""}, "https://consul:443"},
        {"IPv6", "[::1]:8500", {http, "::1", 8500, ""}, "http://[::1]:8500"},
        {"IPv6 without port", "[fe80::AB]", {http, "fe80::AB", 8500, ""}, "http://[fe80::AB]:8500"},
        {"IPv6, https",
         "https://[::ffff:10.0.0.1]:8501",
         {https, "::ffff:10.0.0.1", 8501, ""},
         "https://[::ffff:10.0.0.1]:8501"},
        {"lowest port", "h:1", {http, "h", 1, ""}, "http://h:1"},
        {"highest port", "h:65535", {http, "h", 65535, ""}, "http://h:65535"},
        {"socket",
         "unix:///run/consul/http.sock",
         {unix_socket, "localhost", 0, "/run/consul/http.sock"},
         "unix:///run/consul/http.sock"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto parsed = parse_address(row.text);
        REQUIRE(parsed);
        CHECK(*parsed == row.where);
        CHECK(to_string(*parsed) == row.written);
        CHECK(*parse_address(row.written) == row.where);
    }
    CHECK(to_string(address{}) == "http://127.0.0.1:8500");
}

TEST_CASE("what is no address is refused, with what to write instead") {
    struct bad_row {
        std::string_view name;
        std::string text;
        std::string_view hint;
    };
    const bad_row rows[] = {
        {"empty", "", "host:port"},
        {"only a scheme", "http://", "host:port"},
        {"only a port", ":8500", "host:port"},
        {"unknown scheme", "ftp://h:1", "http://, https:// or unix://"},
        {"scheme in capitals", "HTTP://h:1", "http://, https:// or unix://"},
        {"bare IPv6", "::1", "[::1]:8500"},
        {"open bracket", "[::1", "not closed"},
        {"text behind the bracket", "[::1]8500", ":port"},
        {"no IPv6 in brackets", "[localhost]:8500", "IPv6"},
        {"zone", "[fe80::1%eth0]:8500", "IPv6"},
        {"path", "http://h:8500/prefix", "only these"},
        {"query", "h:8500?x", "only these"},
        {"user", "http://me@h:8500", "only these"},
        {"a socket without unix://", "/run/consul.sock", "unix:///path for a socket"},
        {"empty port", "h:", "1 to 65535"},
        {"port 0", "h:0", "1 to 65535"},
        {"port too large", "h:65536", "1 to 65535"},
        {"port with a sign", "h:+80", "1 to 65535"},
        {"port with letters", "h:80a", "1 to 65535"},
        {"empty port behind a bracket", "[::1]:", "1 to 65535"},
        {"space", "my host:80", "character"},
        {"line end", "h\r\nX: y", "character"},
        {"relative socket", "unix://run/x", "unix:///path"},
        {"socket without path", "unix://", "unix:///path"},
        {"socket's path too long", "unix:///" + std::string(107, 'x'), "shorter"},
        {"NUL in a socket's path", std::string{"unix:///a\0b", 11}, "NUL"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto parsed = parse_address(row.text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == errc::configuration);
        CAPTURE(parsed.error().message);
        CHECK(parsed.error().message.find(row.hint) != std::string::npos);
    }
    CHECK(parse_address("unix:///" + std::string(106, 'x')));
}

TEST_CASE("what may be a secret in an address is in no message") {
    for (const std::string_view text :
         {"http://me:secret@h:8500", "me:secret@h:8500", "secret@h", "ftp://me:secret@h", "//me:secret@h/x",
          "me:secret@", "http://me:se@secret@h:8500", "https://me:secret/x@h", "h:8500?token=secret",
          "http://h/?token=secret", "http://h#secret", "/secret@x", "http://me:x@h/?dc=1@secret"}) {
        CAPTURE(text);
        const auto parsed = parse_address(text);
        REQUIRE_FALSE(parsed);
        CAPTURE(parsed.error().message);
        CHECK(parsed.error().message.find("secret") == std::string::npos);
    }
    CHECK(parse_address("http://me:secret@h:8500").error().message ==
          R"(the address of Consul "...@h:8500" has more than a host and a port; give only these)");
    CHECK(parse_address("http://h:8500/?token=secret").error().message ==
          R"(the address of Consul "http://h:8500/..." has more than a host and a port; give only these)");
}
