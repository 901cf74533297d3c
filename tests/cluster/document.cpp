#include <powerconsul/cluster/document.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

const cluster_group by_nodes{grouping::nodes, {"production-web1", "web2.example.org"}, {"production-web3", "Web 4"}};
const cluster_group by_datacenters{grouping::datacenters, {"hq"}, {"dr", "far"}};
const cluster_document nodes{{{"", by_nodes}}};
const cluster_document datacenters{{{"", by_datacenters}}};
const cluster_document all_active{{{"", {}}}};
const cluster_document filtered{{{"^production-web", by_nodes}, {"^production-db\\d", by_datacenters}, {".*9$", {}}}};

}  // namespace

TEST_CASE("many names hold what a list of them holds") {
    const std::vector<std::string> names{"web1", "WEB2.example.org", "web3.a", "web3.b", "web4.example.org", "web",
                                         "AZ"};
    const detail::node_names many{names};
    for (const std::string_view name : {"web1",
                                        "Web1",
                                        "web1.example.org",
                                        "web1.",
                                        "web2",
                                        "web2.example.org",
                                        "Web2.EXAMPLE.org",
                                        "web2.example.com",
                                        "web3",
                                        "web3.b",
                                        "web3.c",
                                        "web4",
                                        "web4.",
                                        "web",
                                        "we",
                                        "web.a",
                                        "web5",
                                        "az",
                                        "AZ.example.org",
                                        ".a",
                                        ".",
                                        "w"}) {
        CAPTURE(name);
        CHECK(many.hold(name) == detail::holds(names, name));
    }
    CHECK_FALSE(detail::node_names{{}}.hold("web1"));
}

TEST_CASE("a node is found by its names or by its datacenter") {
    struct row {
        std::string_view name;
        const cluster_document& document;
        std::vector<std::string> names;
        std::string_view datacenter;
        role own;
        std::string_view node;
        std::string_view expression;
        std::string_view reason;
    };
    using enum role;
    const row rows[] = {
        {"active by host name",
         nodes,
         {"production-web1"},
         "hq",
         primary,
         "production-web1",
         "",
         "production-web1 is in active_nodes"},
        {"standby",
         nodes,
         {"production-web3"},
         "hq",
         secondary,
         "production-web3",
         "",
         "production-web3 is in standby_nodes"},
        {"FQDN against a short listed name",
         nodes,
         {"production-web3.example.org"},
         "",
         secondary,
         "production-web3.example.org",
         "",
         "production-web3.example.org is in standby_nodes"},
        {"short name against a listed FQDN", nodes, {"web2"}, "", primary, "web2", "", "web2 is in active_nodes"},
        {"another domain",
         nodes,
         {"web2.example.com"},
         "",
         unknown,
         "",
         "",
         "node web2.example.com is neither in active_nodes nor in standby_nodes"},
        {"another domain, then the short name",
         nodes,
         {"web2.example.com", "web2"},
         "",
         unknown,
         "",
         "",
         "node web2.example.com or web2 is neither in active_nodes nor in standby_nodes"},
        {"the agent's name as the second",
         nodes,
         {"container-17", "production-web3"},
         "",
         secondary,
         "production-web3",
         "",
         "production-web3 is in standby_nodes"},
        {"the first listed name counts",
         nodes,
         {"production-web3", "production-web1"},
         "",
         secondary,
         "production-web3",
         "",
         "production-web3 is in standby_nodes"},
        {"capitals are the same name", nodes, {"web 4"}, "", secondary, "web 4", "", "web 4 is in standby_nodes"},
        {"in neither list",
         nodes,
         {"a", "b"},
         "hq",
         unknown,
         "",
         "",
         "node a or b is neither in active_nodes nor in standby_nodes"},
        {"active datacenter", datacenters, {"any"}, "hq", primary, "", "", "datacenter hq is in active_datacenters"},
        {"standby datacenter",
         datacenters,
         {"any"},
         "far",
         secondary,
         "",
         "",
         "datacenter far is in standby_datacenters"},
        {"datacenter in neither list",
         datacenters,
         {"hq"},
         "moon",
         unknown,
         "",
         "",
         "datacenter moon is neither in active_datacenters nor in standby_datacenters"},
        {"datacenter not known yet",
         datacenters,
         {"any"},
         "",
         unknown,
         "",
         "",
         "datacenter  is neither in active_datacenters nor in standby_datacenters"},
        {"all-active", all_active, {"any"}, "", primary, "", "", "mode is all-active"},
        {"filter, active",
         filtered,
         {"production-web1"},
         "",
         primary,
         "production-web1",
         "^production-web",
         "production-web1 is in active_nodes"},
        {"filter, by datacenter",
         filtered,
         {"production-db1"},
         "dr",
         secondary,
         "",
         "^production-db\\d",
         "datacenter dr is in standby_datacenters"},
        {"filter, all-active", filtered, {"mail9"}, "", primary, "", ".*9$", "mode is all-active"},
        {"filter chooses, lists do not name",
         filtered,
         {"production-web7"},
         "",
         unknown,
         "",
         "^production-web",
         "node production-web7 is neither in active_nodes nor in standby_nodes"},
        {"no expression matches", filtered, {"mail1"}, "", unknown, "", "", "no filter expression matches node mail1"},
        {"an expression is anchored",
         filtered,
         {"my-production-web1"},
         "",
         unknown,
         "",
         "",
         "no filter expression matches node my-production-web1"},
        {"the second name is matched",
         filtered,
         {"mail1", "production-web3"},
         "",
         secondary,
         "production-web3",
         "^production-web",
         "production-web3 is in standby_nodes"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto found = place_node(each.document, each.names, each.datacenter);
        REQUIRE_MESSAGE(found, found.error().message);
        CHECK(found->own == each.own);
        CHECK(found->node == each.node);
        CHECK(found->expression == each.expression);
        CHECK(found->reason == each.reason);
    }
    CHECK(place_node(nodes, {"web2"}, "")->group.active == by_nodes.active);
    CHECK(place_node(datacenters, {"a"}, "moon")->group.by == grouping::datacenters);
    // What no expression chooses may have another name, and that is one of nodes.
    CHECK(place_node(filtered, {"mail1"}, "")->group.by == grouping::nodes);
    const auto other = place_node({{{"^production-web", {}}}}, {"mail1"}, "");
    REQUIRE(other);
    CHECK(other->own == unknown);
    CHECK(other->reason == "no filter expression matches node mail1");
    CHECK(placement{}.own == unknown);
    CHECK(cluster_group{}.by == grouping::all_active);
}

TEST_CASE("a document that contradicts itself about a node is refused") {
    struct row {
        std::string_view name;
        cluster_document document;
        std::string_view node;
        std::string_view message;
    };
    const row rows[] = {
        {"two expressions match", filtered, "production-web9",
         R"(filter: both "^production-web" and ".*9$" match node "production-web9"; exactly one expression must)"},
        {"an expression is not valid",
         {{{"(", {}}, {"a", {}}}},
         "a",
         R"(filter: the expression "(" is refused at byte 1: missing closing parenthesis)"},
        {"an expression takes too long to match",
         {{{"(a+)+(a+)+[bc]", {}}, {"a", {}}}},
         "aaaaaaaaaaaaaaaaaaaa",
         R"(filter: the expression "(a+)+(a+)+[bc]" cannot be matched with a text of 20 bytes: match limit exceeded; )"
         "write it plainer, without a repetition inside another"},
        {"one name, two domains, seen from a third host",
         {{{"", {grouping::nodes, {"a.x"}, {"a.y"}}}}},
         "a",
         R"("a" is both active and standby)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto found = place_node(each.document, {std::string{each.node}}, "hq");
        REQUIRE_FALSE(found);
        CHECK(found.error().code == errc::bad_data);
        CHECK(found.error().message == each.message);
    }
    CHECK(place_node(filtered, {"production-web8"}, "hq"));
}
