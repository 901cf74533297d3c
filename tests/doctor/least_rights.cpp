#include <powerconsul/doctor/least_rights.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

using words = std::vector<std::string>;

auto facts_of(document_state state, grouping by) -> acl_facts {
    acl_facts facts{.service = "web", .document = "cluster/production/web", .state = state, .node = "web2"};
    facts.group = {by, {"web1"}, {"web2"}};
    facts.triggers = {"triggers/production/web/primary/critical"};
    return facts;
}

/// The rules without their comments.
auto rules_of(const acl_facts& facts) -> words {
    words lines;
    for (const auto& each : least_rules(facts)) {
        const std::string text = acl_policy_text({}, {each});
        lines.push_back(text.substr(text.rfind('\n', text.size() - 2) + 1));
        lines.back().pop_back();
    }
    return lines;
}

}  // namespace

TEST_CASE("the roles that a node can have without another document") {
    using enum role;
    using enum grouping;
    struct row {
        document_state state;
        grouping by;
        std::vector<role> roles;
    };
    const row rows[] = {
        {document_state::absent, nodes, {standalone}},
        {document_state::absent, all_active, {standalone}},
        {document_state::unread, all_active, {standalone, primary, secondary}},
        {document_state::read, all_active, {primary}},
        {document_state::read, nodes, {primary, secondary}},
        {document_state::read, datacenters, {primary, secondary}},
    };
    for (const auto& row : rows) CHECK(possible_roles(row.state, row.by) == row.roles);
}

TEST_CASE("the least rules") {
    using enum grouping;
    const std::string key = R"(key "cluster/production/web" { policy = "read" })";
    const std::string trigger = R"(key "triggers/production/web/primary/critical" { policy = "read" })";
    const std::string service = R"(service "web" { policy = "read" })";
    const std::string agent = R"(agent "web2" { policy = "read" })";
    struct row {
        std::string_view name;
        acl_facts facts;
        words nodes;
    };
    auto by_nodes = facts_of(document_state::read, nodes);
    by_nodes.listed = {"web1", "web2"};
    auto by_datacenters = facts_of(document_state::read, datacenters);
    by_datacenters.counted = "web";
    auto other_name = by_datacenters;
    other_name.node = "hq-2";
    auto filtered = by_datacenters;
    filtered.counted = "";
    const row rows[] = {
        {"by nodes, this one once",
         by_nodes,
         {R"(node "web2" { policy = "read" })", R"(node "web1" { policy = "read" })"}},
        {"by datacenters", by_datacenters, {R"(node_prefix "web" { policy = "read" })"}},
        {"a serviceFilter", filtered, {R"(node_prefix "" { policy = "read" })"}},
        {"the document is not known",
         facts_of(document_state::unread, nodes),
         {R"(node_prefix "" { policy = "read" })"}},
        {"standalone", facts_of(document_state::absent, nodes), {R"(node "web2" { policy = "read" })"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        words expected{key, trigger, service};
        expected.insert(expected.end(), row.nodes.begin(), row.nodes.end());
        expected.push_back(agent);
        CHECK(rules_of(row.facts) == expected);
    }
    const auto apart = rules_of(other_name);
    REQUIRE(apart.size() == 6);
    CHECK(apart[3] == R"(node_prefix "web" { policy = "read" })");
    CHECK(apart[4] == R"(node "hq-2" { policy = "read" })");
}

TEST_CASE("triggers of roles that a node cannot have are for lint alone") {
    auto facts = facts_of(document_state::read, grouping::all_active);
    facts.other_triggers = {"triggers/production/web/secondary/critical"};
    const auto rules = least_rules(facts);
    REQUIRE(rules.size() > 3);
    CHECK(rules[1].commands == words{"watch", "trigger", "lint"});
    CHECK(rules[2].right.segment == "triggers/production/web/secondary/critical");
    CHECK(rules[2].commands == words{"lint"});
}

TEST_CASE("pauses are read by what acts, and written by people alone") {
    auto facts = facts_of(document_state::read, grouping::all_active);
    facts.pauses = {"pauses/production/web", "pauses/production/_all"};
    const auto rules = rules_of(facts);
    for (const std::string_view each : {"web", "_all"}) {
        CHECK(std::ranges::count(rules, "key \"pauses/production/" + std::string{each} + "\" { policy = \"read\" }") ==
              1);
    }
    CHECK(least_rules(facts)[2].commands == words{"role", "watch", "trigger"});
    const auto people = pausing_rules({.host = "production-web2"}, "web");
    REQUIRE(people);
    CHECK(acl_policy_text({}, *people) ==
          "\n# pause and resume: the service web\nkey \"pauses/production/web\" { policy = \"write\" }\n"
          "\n# pause and resume: all services\nkey \"pauses/production/_all\" { policy = \"write\" }\n");
    CHECK_FALSE(pausing_rules({.host = "localhost"}, "web"));
}

TEST_CASE("the agent is needed by doctor alone, or by all that ask it for this node's name") {
    auto facts = facts_of(document_state::read, grouping::all_active);
    CHECK(least_rules(facts).back().commands == words{"doctor"});
    facts.asks_agent = true;
    CHECK(least_rules(facts).back().commands == words{"check", "role", "watch", "trigger", "doctor"});
}

TEST_CASE("names are strings of HCL whatever they hold") {
    struct row {
        std::string_view name;
        std::string_view text;
    };
    constexpr row rows[] = {
        {"plain-1.x", R"("plain-1.x")"},     {"a\"b", R"("a\"b")"}, {"a\\b", R"("a\\b")"}, {"${x}", R"("\u0024{x}")"},
        {"a\nb\x7F", R"("a\u000ab\u007f")"}, {"über", R"("über")"},
    };
    for (const auto& row : rows) CHECK(detail::hcl_string(row.name) == row.text);
}

TEST_CASE("notes and reasons are comments, however they are made") {
    const auto text = acl_policy_text({"a\nkey \"\" { policy = \"write\" }"},
                                      {{{acl_resource::key, "k"}, {"check", "role"}, "why\nagent"}});
    CHECK(text ==
          "# a key \"\" { policy = \"write\" }\n\n# check and role: why agent\nkey \"k\" { policy = \"read\" }\n");
}

namespace {

/// A node web2 of an embedded store, with a document.
struct asking {
    testing::fake_host<store> here{.consul = store{{.node = "web2.example.org", .datacenter = "hq"}}, .name = "web2"};
    resolver_options roles{.who = {.host = "web2", .environment = "production"}, .max_age = {}};
    trigger_options triggers{};

    explicit asking(std::string_view document) {
        if (!document.empty()) here.consul.put("hq", "cluster/production/web", document);
        here.consul.add("hq", {.service = "web", .node = "web1.example.org", .checks = {{"c", {}}}});
    }

    auto operator()() -> needed_rights {
        const auto facts = resolve(here, "web", "/state", roles, seconds(5));
        REQUIRE(facts);
        consul_client<store&, testing::manual_clock&> consul{here.consul, here.clock, seconds(5)};
        auto found = find_needed_rights(consul, *facts, roles, triggers, "web");
        REQUIRE(found);
        return *found;
    }
};

auto names_of(const needed_rights& found, acl_resource resource) -> words {
    words names;
    for (const auto& each : found.rules) {
        if (each.right.resource == resource) names.push_back(each.right.segment + (each.right.prefix ? "…" : ""));
    }
    return names;
}

}  // namespace

TEST_CASE("what a service needs is asked for, with the nodes as Consul spells them") {
    asking pair{R"({"active_nodes": ["web1", "web7"], "standby_nodes": ["web2"]})"};
    const auto found = pair();
    CHECK(found.facts.state == document_state::read);
    CHECK(names_of(found, acl_resource::node) == words{"web2.example.org", "web1.example.org", "web7"});
    CHECK(names_of(found, acl_resource::agent) == words{"web2.example.org"});
    words keys;
    for (const std::string as : {"primary", "secondary"}) {
        for (const std::string state : {"warning", "critical", "passing", "given-up"}) {
            keys.push_back("triggers/production/web/" + as + '/' + state);
            keys.push_back("triggers/web/" + as + '/' + state);
        }
    }
    CHECK(found.facts.triggers == keys);
    CHECK(found.facts.other_triggers.size() == 8);
    CHECK(found.facts.pauses == words{"pauses/production/web", "pauses/production/_all"});
    CHECK(std::ranges::count(names_of(found, acl_resource::key), "triggers/web/standalone/critical") == 1);
    pair.triggers.base_key = "own";
    CHECK(pair().facts.triggers.size() == 8);
    CHECK(found.datacenters == words{"hq"});
    REQUIRE(found.notes.size() == 1);
    CHECK(found.notes.front().find("was read (ModifyIndex ") != std::string::npos);
}

TEST_CASE("without a document a node is standalone, and what cannot be told allows more rather than less") {
    asking nothing{""};
    CHECK(nothing().facts.state == document_state::absent);
    CHECK(names_of(nothing(), acl_resource::node) == words{"web2.example.org"});
    asking broken{"{"};
    const auto found = broken();
    CHECK(found.facts.state == document_state::unread);
    CHECK(found.facts.asks_agent);
    CHECK(found.facts.triggers.size() == 24);
    CHECK(names_of(found, acl_resource::node) == words{"…"});
    CHECK(found.notes.size() == 2);
}

TEST_CASE("by datacenters the nodes of a name's beginning count, and all of them with a service filter") {
    asking datacenters{R"({"active_datacenters": ["hq"], "standby_datacenters": ["dr"]})"};
    datacenters.roles.who.server_role = "web";
    CHECK(names_of(datacenters(), acl_resource::node) == words{"production-web…", "web2.example.org"});
    datacenters.roles.service_filter = "x.*";
    CHECK(names_of(datacenters(), acl_resource::node) == words{"…"});
}

TEST_CASE("the name of a node whose agent does not say it comes from its checks, or else it is assumed") {
    testing::fake_host<> here;
    here.consul.on(http_method::get, "/v1/agent/self", 403, "Permission denied")
        .on(http_method::get, "/v1/agent/checks", 200,
            R"({"c": {"Node": "web2.example.org", "CheckID": "c", "Status": "passing"}})")
        .on(http_method::get, "/v1/catalog/datacenters", 500, "");
    const resolver_options roles{.who = {.host = "web2", .environment = "production"}};
    const auto find = [&] {
        consul_client<testing::fake_transport&, testing::manual_clock&> consul{here.consul, here.clock, seconds(5)};
        return find_needed_rights(consul, resolution{}, roles, {}, "web");
    };
    CHECK(find()->facts.node == "web2.example.org");
    here.consul = {};
    const auto found = find();
    REQUIRE(found);
    CHECK(found->facts.node == "web2");
    CHECK(found->notes.back().starts_with(
        "Assumed: this node's name in Consul is \"web2\", as the agent does not say it ("));
    CHECK(found->notes.back().ends_with(")."));
    const auto notes = policy_notes(*found, "");
    CHECK(std::ranges::count(notes, found->notes.back()) == 1);
    CHECK(std::ranges::any_of(notes, [](const auto& each) { return each.find("below triggers/:") != each.npos; }));
    CHECK(std::ranges::any_of(notes, [](const auto& each) { return each.starts_with("The datacenters are not"); }));
    CHECK(notes.back().find("else with the agent's default token") != std::string::npos);
}

TEST_CASE("with several datacenters the token must be global, and a base key of one's own is named") {
    needed_rights found;
    found.datacenters = {"hq", "dr"};
    const auto notes = policy_notes(found, "my/triggers");
    CHECK(notes.front().starts_with("Datacenters hq and dr: the token must be global"));
    CHECK(notes[1].find("below my/triggers: ") != std::string::npos);
}
