#include <powerconsul/consul/filter.hpp>

#include <doctest/doctest.h>

#include <powerconsul/core/pattern.hpp>

using namespace powerconsul;

namespace {

/// What stands between the quotes of a filter.
auto expression_of(std::string_view filter) -> std::string {
    const std::size_t first = filter.find('"');
    REQUIRE(first != std::string_view::npos);
    REQUIRE(filter.find('"', first + 1) == filter.size() - 1);
    return std::string{filter.substr(first + 1, filter.size() - first - 2)};
}

}  // namespace

TEST_CASE("filters name what they choose") {
    using namespace consul_filter;
    CHECK(on_nodes({"web1", "web2.example.org"}) == R"(Node.Node matches "(?i)^(web1|web2)([.].*)?$")");
    CHECK(on_nodes_named("production-web") == R"(Node.Node matches "(?i)^production-web")");
    CHECK(checks_of("web") == R"(ServiceName matches "(?i)^(web)?$")");
    CHECK(service_named("web") == R"(Service matches "(?i)^web$")");
}

TEST_CASE("no name can end a filter's expression, and each is matched by its own") {
    for (const std::string_view name : {"web", "We_b-1", "a.b", "a\"b", "a\\b", "a(b", "a|b", "a[b", "a b", "a`b",
                                        "w\xC3\xA4\xC3\xA4g", "$^", "a+"}) {
        CAPTURE(name);
        for (const auto& filter : {consul_filter::checks_of(name), consul_filter::service_named(name)}) {
            CHECK(matches_at_start(expression_of(filter), name).value_or(false));
        }
        const std::string node = "x" + std::string{name.substr(0, name.find('.'))};
        CHECK(matches_at_start(expression_of(consul_filter::on_nodes({node})), node).value_or(false));
        CHECK(matches_at_start(expression_of(consul_filter::on_nodes({node})), node + ".example.org").value_or(false));
        CHECK(matches_at_start(expression_of(consul_filter::on_nodes_named(node)), node + "17").value_or(false));
    }
    CHECK_FALSE(matches_at_start(expression_of(consul_filter::checks_of("web")), "web2").value_or(true));
    CHECK_FALSE(matches_at_start(expression_of(consul_filter::on_nodes({"web1"})), "web11").value_or(true));
}

TEST_CASE("an expression's literal beginning") {
    struct row {
        std::string_view expression;
        std::string_view prefix;
    };
    const row rows[] = {
        {"", ""},
        {"production-web", "production-web"},
        {"^production-web", "production-web"},
        {"production-web[0-9]+$", "production-web"},
        {"production-(web|app)[0-9]", "production-"},
        {"production|staging", ""},
        {"production-(web)|staging", ""},
        {"production-web.*", "production-web"},
        {"production-webs?", "production-web"},
        {"production-webs*", "production-web"},
        {"production-webs{0}", "production-web"},
        {"production-webs+", "production-webs"},
        {"(?i)production", ""},
        {"(?:production)", ""},
        {"[pP]roduction", ""},
        {"prod\\.web", "prod"},
        {"prod\\.(web|app)", ""},
        {"prod[|]web", ""},
        {"prod\\|web", ""},
        {"prod)|(web", ""},
        {"?", ""},
        {".*web", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.expression);
        CHECK(consul_filter::literal_prefix(each.expression) == each.prefix);
    }
}
