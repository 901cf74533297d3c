#include <powerconsul/store/filter.hpp>

#include <doctest/doctest.h>

#include <powerconsul/consul/filter.hpp>

using namespace powerconsul;

TEST_CASE("the store knows the filters that this library asks with") {
    const auto none = store_filter::read("");
    REQUIRE(none);
    CHECK(none->takes("Node.Node", "web1"));

    const auto nodes = store_filter::read(consul_filter::on_nodes({"web1"}));
    REQUIRE(nodes);
    CHECK(nodes->takes("Node.Node", "WEB1.example.org"));
    CHECK_FALSE(nodes->takes("Node.Node", "web11"));
    CHECK_FALSE(nodes->takes("Service", "web1"));

    const auto checks = store_filter::read(consul_filter::checks_of("web"));
    REQUIRE(checks);
    CHECK(checks->takes("ServiceName", ""));
    CHECK(checks->takes("ServiceName", "web"));
    CHECK_FALSE(checks->takes("ServiceName", "db"));
}

TEST_CASE("other filters are refused") {
    for (const std::string_view text :
         {"x", "Node.Node == web1", "Node.Node matches web1", "Node.Node matches \"web1",
          "Node.Node matches \"a\" or Node.Node matches \"b\"", "Node.Node matches \"(\""}) {
        CAPTURE(text);
        CHECK_FALSE(store_filter::read(text));
    }
}
