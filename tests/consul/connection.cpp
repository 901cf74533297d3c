#include <powerconsul/consul/connection.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("a token is one word of printable ASCII, and nothing else") {
    for (const std::string_view good : {"b1a5eed0-0000-0000-0000-000000000000", "x", "!~"}) CHECK(is_token(good));
    for (const std::string_view bad : {"", " ", "a b", "a\n", "\ta", "a\r\nX: y", "a\x7F", "\xC3\xA9"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_token(bad));
    }
    CHECK_FALSE(is_token(std::string_view{"a\0b", 3}));
    static_assert(is_token("a") && !is_token("a b"));
}

TEST_CASE("name and password stand in one line, with a colon between them") {
    for (const std::string_view good : {"user:password", ":", "user:", ":password", "u:pa:ss wörd "}) {
        CAPTURE(good);
        CHECK(is_basic_auth(good));
    }
    for (const std::string_view bad : {"", "user", "a:b\n", "a:b\nc", "a\t:b", "a:\x7F"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_basic_auth(bad));
    }
    static_assert(is_basic_auth("a:b") && !is_basic_auth("a"));
}

TEST_CASE("what cannot be meant is refused, and no message holds a secret") {
    struct row {
        std::string_view name;
        consul_access access;
        std::string_view message;
    };
    consul_access token, auth, cert, key;
    token.token = "hush hush";
    auth.basic_auth = "hush";
    cert.client_cert = "/c.pem";
    key.client_key = "/k.pem";
    const row rows[] = {
        {"a token of two words", token, "the token for Consul has a character that no token has"},
        {"a password alone", auth, "not user:password"},
        {"certificate alone", cert, "go together"},
        {"key alone", key, "go together"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto checked = check_access(each.access);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == errc::configuration);
        CHECK(checked.error().message.find(each.message) != std::string::npos);
        CHECK(checked.error().message.find("hush") == std::string::npos);
    }
    CHECK(check_access({}));
    consul_access all;
    all.token = "t";
    all.basic_auth = "a:b";
    all.client_cert = all.client_key = "/x.pem";
    CHECK(check_access(all));
}

TEST_CASE("namespace and partition go behind the query that is there") {
    struct row {
        std::string_view target;
        std::string_view name_space;
        std::string_view partition;
        std::string_view scoped;
    };
    const row rows[] = {
        {"/v1/kv/a", "", "", "/v1/kv/a"},
        {"/v1/kv/a", "team", "", "/v1/kv/a?ns=team"},
        {"/v1/kv/a?dc=hq", "team", "", "/v1/kv/a?dc=hq&ns=team"},
        {"/v1/kv/a", "", "web", "/v1/kv/a?partition=web"},
        {"/v1/kv/a", "team", "web", "/v1/kv/a?ns=team&partition=web"},
        {"/v1/kv/a", "a b&c=d#e", "%", "/v1/kv/a?ns=a%20b%26c%3Dd%23e&partition=%25"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.scoped);
        consul_access access;
        access.name_space = each.name_space;
        access.partition = each.partition;
        CHECK(scoped_target(each.target, access) == each.scoped);
    }
}

TEST_CASE("basic authorization is what RFC 7617 shows") {
    consul_access access;
    CHECK(authorization(access).empty());
    access.token = "a-token";
    CHECK(authorization(access).empty());
    access.basic_auth = "Aladdin:open sesame";
    CHECK(authorization(access) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}
