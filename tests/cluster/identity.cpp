#include <powerconsul/cluster/identity.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

struct split_row {
    std::string_view host;
    host_parts parts;
};
constexpr split_row splits[] = {
    {"production-webserver1", {"production", "webserver"}},
    {"production-mysql-web12", {"production", "mysql-web"}},
    {"web1", {"web1", ""}},
    {"production-webserver1.example.org", {"production", "webserver"}},
    {"web1.my-domain.org", {"web1", ""}},
    {"-x", {"", "x"}},
    {"a-", {"a", ""}},
    {"-", {"", ""}},
    {"", {"", ""}},
    {".example.org", {"", ""}},
    {"123", {"123", ""}},
    {"12-34", {"12", ""}},
    {"a-1b2", {"a", "1b"}},
    {"a-b0", {"a", "b"}},
    {"a-b90", {"a", "b"}},
    {"a-b9/", {"a", "b9/"}},
    {"a-b9:", {"a", "b9:"}},
    {"a-b1-2", {"a", "b1-"}},
};

struct same_row {
    std::string_view a;
    std::string_view b;
    bool same;
};
constexpr same_row sames[] = {
    {"web1", "web1", true},
    {"web1.example.org", "web1.example.org", true},
    {"web1", "web1.example.org", true},
    {"web1.", "web1", true},
    {"web1.example.org", "web1.example.com", false},
    {"web1", "web2", false},
    {"web1", "web11", false},
    {"web1", "web11.example.org", false},
    {"web1", "Web1", true},
    {"WEB1", "web1.example.org", true},
    {"web1.Example.org", "web1.example.org", true},
    {"web[", "web{", false},
    {"web@", "web`", false},
    {"AZ1", "az1", true},
    {"xeb1", "web1", false},
    {"", "web1", false},
};

constexpr auto tables_hold() -> bool {
    for (const auto& row : splits) {
        if (!(split_host_name(row.host) == row.parts)) return false;
    }
    for (const auto& row : sames) {
        if (same_node(row.a, row.b) != row.same || same_node(row.b, row.a) != row.same) return false;
    }
    return short_name("web1.example.org") == "web1" && short_name("web1") == "web1" && short_name("").empty();
}
static_assert(tables_hold());

}  // namespace

TEST_CASE("environment and server role come from the host name") {
    for (const auto& row : splits) {
        CAPTURE(row.host);
        const auto parts = split_host_name(row.host);
        CHECK(parts.environment == row.parts.environment);
        CHECK(parts.server_role == row.parts.server_role);
    }
}

TEST_CASE("a domain counts only where both names have one") {
    for (const auto& row : sames) {
        CAPTURE(row.a);
        CAPTURE(row.b);
        CHECK(same_node(row.a, row.b) == row.same);
        CHECK(same_node(row.b, row.a) == row.same);
    }
}

TEST_CASE("completed fills in only what is not set") {
    const auto of_host = completed({.host = "production-web1.example.org"});
    CHECK(of_host.environment == "production");
    CHECK(of_host.server_role == "web");
    CHECK(of_host.node.empty());
    CHECK(of_host.datacenter.empty());
    const auto of_node = completed({.node = "staging-db7", .host = "production-web1"});
    CHECK(of_node.environment == "staging");
    CHECK(of_node.server_role == "db");
    for (const std::string_view nameless : {"localhost", "localhost.localdomain", "(none)"}) {
        CAPTURE(nameless);
        CHECK(completed({.host = std::string{nameless}}).environment.empty());
        CHECK(completed({.host = std::string{nameless}, .environment = "test"}).environment == "test");
    }
    const auto set = completed({.host = "production-web1", .environment = "test", .server_role = "mail"});
    CHECK(set.environment == "test");
    CHECK(set.server_role == "mail");
}

TEST_CASE("a segment of a key is taken as it is or refused") {
    struct row {
        std::string_view name;
        std::string text;
        std::string_view refused;  ///< what the error says behind the name; empty: accepted
    };
    const row rows[] = {
        {"plain", "apacheWebService", ""},
        {"space inside", "my web", ""},
        {"unicode", "caf\xC3\xA9", ""},
        {"dots in a name", "a..b", ""},
        {"three dots", "...", ""},
        {"percent, which is encoded", "a%2Fb", ""},
        {"question mark", "a?b", ""},
        {"backslash", "a\\b", ""},
        {"128 bytes", std::string(128, 'x'), ""},
        {"129 bytes", std::string(129, 'x'), "is longer than 128 bytes"},
        {"empty", "", "is empty"},
        {"dot", ".", "would be another key in Consul's KV store"},
        {"dots", "..", "would be another key in Consul's KV store"},
        {"slash", "a/b", "contains '/', which would make it another key in Consul's KV store"},
        {"slash in front", "/a", "contains '/', which would make it another key in Consul's KV store"},
        {"the last control character", "a\x1F", "contains a control character"},
        {"the first behind them", "a b", ""},
        {"slash behind", "a/", "contains '/', which would make it another key in Consul's KV store"},
        {"up and away", "../../secret", "contains '/', which would make it another key in Consul's KV store"},
        {"space in front", " a", "begins or ends with a space"},
        {"space behind", "a ", "begins or ends with a space"},
        {"only a space", " ", "begins or ends with a space"},
        {"line end", "a\nb", "contains a control character"},
        {"tabulator", "a\tb", "contains a control character"},
        {"DEL", "a\x7F", "contains a control character"},
        {"NUL", std::string{"a\0b", 3}, "contains a control character"},
        {"invalid UTF-8", "a\xFF", "is not valid UTF-8"},
        {"overlong slash", "a\xC0\xAF", "is not valid UTF-8"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto valid = validate_segment("the name", each.text);
        const auto key = document_key("cluster/production", each.text);
        REQUIRE(valid.has_value() == each.refused.empty());
        REQUIRE(key.has_value() == each.refused.empty());
        if (valid) {
            CHECK(*key == "cluster/production/" + each.text);
            continue;
        }
        CHECK(valid.error().code == errc::usage);
        CHECK(valid.error().message == "the name " + quoted(each.text) + ' ' + std::string{each.refused});
        CHECK(key.error().code == errc::usage);
        CHECK(key.error().message == "the Consul service name " + quoted(each.text) + ' ' + std::string{each.refused});
    }
}

TEST_CASE("the key below which documents stand has sound segments") {
    struct row {
        std::string_view name;
        std::string base;
        std::string_view key;
        std::string_view refused;
    };
    const row rows[] = {
        {"one segment", "cluster", "cluster/web", ""},
        {"three", "a/b/c", "a/b/c/web", ""},
        {"slash behind", "cluster/production/", "cluster/production/web", ""},
        {"empty", "", "", "the key below which cluster documents stand is empty"},
        {"only a slash", "/", "", "the key below which cluster documents stand is empty"},
        {"slash in front", "/cluster", "", R"(the segment of key "/cluster" "" is empty)"},
        {"two slashes", "a//b", "", R"(the segment of key "a//b" "" is empty)"},
        {"two slashes behind", "a//", "", R"(the segment of key "a/" "" is empty)"},
        {"dots", "a/../b", "", R"(the segment of key "a/../b" ".." would be another key in Consul's KV store)"},
        {"dots at the end", "a/..", "", R"(the segment of key "a/.." ".." would be another key in Consul's KV store)"},
        {"space at an end", "a /b", "", R"(the segment of key "a /b" "a " begins or ends with a space)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto key = document_key(each.base, "web");
        REQUIRE(key.has_value() == each.refused.empty());
        if (key) {
            CHECK(*key == each.key);
        } else {
            CHECK(key.error().code == errc::usage);
            CHECK(key.error().message == std::string{each.refused});
        }
    }
}

TEST_CASE("keys that not every Consul takes are told with the reason") {
    struct row {
        std::string_view key;
        std::string_view why;
    };
    const std::string_view letters = "it has other characters than letters, digits and ,_./-?&=";
    const row rows[] = {
        {"cluster/production/web", ""},
        {"triggers/production/web-1_a/primary/critical", ""},
        {"cluster/production/shop.example", ""},
        {"cluster/production/com", ""},
        {"cluster/x.com/web", ""},
        {"cluster/production/shop.example.com", "it ends in .com, as the name of a file"},
        {"cluster/production/Backup.SH", "it ends in .sh, as the name of a file"},
        {"cluster/production/app.json", "it ends in .json, as the name of a file"},
        {"cluster/production/.log", "it ends in .log, as the name of a file"},
        {"triggers/production/shop.example.com/primary/critical", ""},
        {"cluster/production/my web", letters},
        {"cluster/production/b\xC3\xBC"
         "cher",
         letters},
        {"cluster/production/web%2F1", letters},
        {"cluster/production/web:80", letters},
        {"cluster/production/a..b", "it has two dots in a row"},
        {"", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.key);
        const auto why = refused_by_some(each.key);
        CHECK(why.empty() == each.why.empty());
        CHECK(why.ends_with(each.why));
    }
}
