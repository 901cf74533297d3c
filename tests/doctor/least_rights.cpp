#include <powerconsul/doctor/least_rights.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

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
