#include <powerconsul/config/sources.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/config/settings.hpp>

using namespace powerconsul;
using config::sources;

TEST_CASE("an option's variable and its key") {
    CHECK(config::variable_name("state-dir") == "POWERCONSUL_STATE_DIR");
    CHECK(config::variable_name("node") == "POWERCONSUL_NODE");
    CHECK(config::key_name("tls-server-name") == "tlsServerName");
    CHECK(config::key_name("node") == "node");
}

TEST_CASE("the first source that says something wins, and an empty variable says nothing") {
    struct row {
        std::string_view name;
        std::optional<std::string> option;
        std::optional<std::string> own;
        std::optional<std::string> standard;
        std::optional<std::string> file;
        std::string_view value;
        std::string_view where;
    };
    const row rows[] = {
        {"all", "a", "b", "c", "d", "a", "--http-addr"},
        {"no option", {}, "b", "c", "d", "b", "POWERCONSUL_HTTP_ADDR"},
        {"Consul's own variable", {}, {}, "c", "d", "c", "CONSUL_HTTP_ADDR"},
        {"the file", {}, {}, {}, "d", "d", "the configuration /etc/powerconsul.conf"},
        {"an empty variable", {}, "", "c", "d", "c", "CONSUL_HTTP_ADDR"},
        {"nobody", {}, {}, {}, {}, "", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        config::surroundings around;
        config::arguments given;
        if (each.option) given.options["http-addr"] = *each.option;
        if (each.own) around.environment["POWERCONSUL_HTTP_ADDR"] = *each.own;
        if (each.standard) around.environment["CONSUL_HTTP_ADDR"] = *each.standard;
        settings read;
        if (each.file) read.values["consul.httpAddr"] = *each.file;
        const sources from{around, given, read, "/etc/powerconsul.conf"};
        const auto found = from.anywhere("http-addr", "CONSUL_HTTP_ADDR");
        CHECK(found.has_value() == !each.value.empty());
        if (!found) continue;
        CHECK(found->value == each.value);
        CHECK(found->where == each.where);
        CHECK((found->fault == errc::configuration) == found->where.starts_with("the configuration"));
    }
}

TEST_CASE("a wrong value is remembered with its origin, the first one only") {
    config::surroundings around{{{"POWERCONSUL_UNKNOWN_EXIT", "7"}, {"POWERCONSUL_CONSISTENT", "perhaps"}}, "web1"};
    const config::arguments given;
    settings read;
    read.values["format"] = "xml";
    sources from{around, given, read, "/p.conf"};
    CHECK(from.parsed("unknown-exit", 1, parse_unknown_exit) == 1);
    CHECK_FALSE(from.parsed("consistent", false, parse_boolean));
    REQUIRE(from.refused());
    CHECK(from.refused()->code == errc::usage);
    CHECK(from.refused()->message == "POWERCONSUL_UNKNOWN_EXIT: \"7\" is not one of 1, 2 and 3");
    sources file{around, given, read, "/p.conf"};
    CHECK(file.parsed("format", output_format::text, parse_format) == output_format::text);
    CHECK(*file.refused() ==
          error{errc::configuration, R"(the configuration /p.conf: format: "xml" is neither "json" nor "text")"});
}
