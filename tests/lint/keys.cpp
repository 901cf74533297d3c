#include <powerconsul/lint/keys.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

auto shown(const known_key& key) -> std::string {
    switch (key.kind) {
        case key_kind::other: return "other";
        case key_kind::ignored: return "ignored";
        case key_kind::document: return "document " + key.environment + ' ' + key.service;
        case key_kind::trigger:
            return (key.shared ? "shared trigger " : "trigger " + key.environment + ' ') + key.service + ' ' +
                   key.role + ' ' + key.state;
        case key_kind::misplaced: break;
    }
    return "misplaced: " + key.why;
}

}  // namespace

TEST_CASE("a key tells what its value is") {
    struct row {
        std::string_view key;
        std::string_view what;
        bool folder = false;
    };
    constexpr std::string_view no_trigger =
        "misplaced: no key that powerconsul reads: triggers stand at triggers/*/<service>/<role>/<state> or "
        "triggers/<service>/<role>/<state>";
    const row rows[] = {
        {"cluster/production/web", "document production web"},
        {"cluster/test/web.example", "document test web.example"},
        {"cluster/production/", "ignored", true},
        {"cluster/production/web/", "ignored", true},
        {"cluster/production/web/.lock", "ignored"},
        {"triggers/production/web/.note", "ignored"},
        {"cluster/production/.web", "document production .web"},
        {"cluster/production", "other"},
        {"cluster/", "other", true},
        {"clusters/production/web", "other"},
        {"app/cluster/production/web", "other"},
        {"", "other"},
        {"cluster/production/", "misplaced: the Consul service name \"\" is empty: no check reads this key"},
        {"cluster/production/web/primary",
         "misplaced: no key that powerconsul reads: cluster documents stand at cluster/*/<service>"},
        {"cluster/production/ web",
         "misplaced: the Consul service name \" web\" begins or ends with a space: no check reads this key"},
        {"cluster/production/web/..",
         "misplaced: no key that powerconsul reads: cluster documents stand at cluster/*/<service>"},
        {"triggers/production/ web/primary/critical",
         "misplaced: the Consul service name \" web\" begins or ends with a space: no check reads this key"},
        {"triggers/production/web/primary-1/critical",
         "misplaced: \"primary-1\" is no role; did you mean \"primary\"?"},
        {"triggers/production/web/primary/critical", "trigger production web primary critical"},
        {"triggers/production/web/secondary/warning", "trigger production web secondary warning"},
        {"triggers/production/web/standalone/critical", "trigger production web standalone critical"},
        {"triggers/production/web/", "ignored", true},
        {"triggers/production/web/primary", no_trigger},
        {"triggers/production/web/primary/critical/x", no_trigger},
        {"triggers/production/web/master/critical", "misplaced: \"master\" is no role; did you mean \"primary\"?"},
        {"triggers/production/web/Slave/critical", "misplaced: \"Slave\" is no role; did you mean \"secondary\"?"},
        {"triggers/production/web/Primary/critical", "misplaced: \"Primary\" is no role; did you mean \"primary\"?"},
        {"triggers/production/web/primry/critical", "misplaced: \"primry\" is no role; did you mean \"primary\"?"},
        {"triggers/production/web/xyz/critical",
         "misplaced: \"xyz\" is no role; there are primary, secondary and standalone"},
        {"triggers/production/web/primary/crit",
         "misplaced: \"crit\" is no state that has triggers; did you mean \"critical\"?"},
        {"triggers/production/web/primary/passing", "trigger production web primary passing"},
        {"triggers/production/web/secondary/given-up", "trigger production web secondary given-up"},
        {"triggers/web/primary/given-up", "shared trigger web primary given-up"},
        {"triggers/production/web/primary/given_up",
         "misplaced: \"given_up\" is no state that has triggers; did you mean \"given-up\"?"},
        {"triggers/production/web/primary/gave-up",
         "misplaced: \"gave-up\" is no state that has triggers; did you mean \"given-up\"?"},
        {"triggers/production/web/primary/OK",
         "misplaced: \"OK\" is no state that has triggers; did you mean \"passing\"?"},
        {"triggers/web/primary/pasing",
         "misplaced: \"pasing\" is no state that has triggers; did you mean \"passing\"?"},
        {"triggers/production/web/primary/running",
         "misplaced: \"running\" is no state that has triggers; there are critical, warning, passing and given-up"},
        {"triggers/production/web/None/critical", "misplaced: \"None\" is no role; did you mean \"primary\"?"},
        {"triggers/web/primary/critical", "shared trigger web primary critical"},
        {"triggers/web/standalone/warning", "shared trigger web standalone warning"},
        {"triggers/production/primary/critical", "shared trigger production primary critical"},
        {"triggers/production/primary/primary/critical", "trigger production primary primary critical"},
        {"triggers/web/None/critical", "misplaced: \"None\" is no role; did you mean \"primary\"?"},
        {"triggers/web/secondry/critical", "misplaced: \"secondry\" is no role; did you mean \"secondary\"?"},
        {"triggers/web/primary/crit", "misplaced: \"crit\" is no state that has triggers; did you mean \"critical\"?"},
        {"triggers/ web/primary/critical",
         "misplaced: the Consul service name \" web\" begins or ends with a space: no check reads this key"},
        {"triggers/web/primary/", "ignored", true},
        {"triggers/web/primary/.note", "ignored"},
        {"triggers/web/critical", no_trigger},
        {"triggers/production/web/critical", no_trigger},
        {"triggers/production//critical", no_trigger},
    };
    for (const auto& each : rows) {
        CAPTURE(each.key);
        CHECK(shown(classify_key({}, each.key, each.folder)) == each.what);
    }
}

TEST_CASE("bases may be anything, with the environment fixed or open") {
    const key_bases fixed{"kv/clusters/prod/", "kv/triggers/prod"};
    CHECK(shown(classify_key(fixed, "kv/clusters/prod/web")) == "document  web");
    CHECK(shown(classify_key(fixed, "kv/triggers/prod/web/primary/critical")) == "trigger  web primary critical");
    CHECK(shown(classify_key(fixed, "kv/clusters/test/web")) == "other");
    const key_bases production{"cluster/production", "triggers/production"};
    CHECK(shown(classify_key(production, "triggers/production/web/primary/critical")) ==
          "trigger  web primary critical");
    CHECK(shown(classify_key(production, "triggers/web/primary/critical")) == "shared trigger web primary critical");
    CHECK(shown(classify_key(production, "triggers/production/primary/critical")) ==
          "shared trigger production primary critical");
    CHECK(shown(classify_key(production, "triggers/test/web/primary/critical")) == "other");
    CHECK(shown(classify_key(production, "triggers/test/web/primary")) == "other");
    CHECK(shown(classify_key(production, "triggers/production/web/primary")).starts_with("misplaced: no key that "));
    const key_bases one{.trigger = "own", .shared = {}};
    CHECK(shown(classify_key(one, "triggers/web/primary/critical")) == "other");
    CHECK(shown(classify_key(one, "own/web/x")).ends_with("triggers stand at own/<service>/<role>/<state>"));
    const key_bases within{"pc/*", "pc/*/triggers"};
    CHECK(shown(classify_key(within, "pc/test/web")) == "document test web");
    CHECK(shown(classify_key(within, "pc/test/triggers/web/primary/warning")) == "trigger test web primary warning");
}

TEST_CASE("a document has standbys unless all its nodes are active") {
    const cluster_group lists{grouping::datacenters, {"a"}, {"b"}};
    CHECK_FALSE(has_standbys({}));
    CHECK_FALSE(has_standbys({{{"", {}}}}));
    CHECK(has_standbys({{{"", lists}}}));
    CHECK(has_standbys({{{"^a", {}}, {"^b", lists}}}));
}

TEST_CASE("a role that nobody can have is told with the reason") {
    const cluster_group lists{grouping::nodes, {"a"}, {"b"}};
    const cluster_document pair{{{"", lists}}};
    const cluster_document everyone{{{"", {}}}};
    const cluster_document mixed{{{"^a", {}}, {"^b", lists}}};
    const std::string alone = "without a cluster document every node is standalone";
    const std::string never = "with a cluster document no node is standalone";
    const std::string all = "the mode of its cluster document is all-active: every node is primary";
    struct row {
        const cluster_document* document;
        std::string primary;
        std::string secondary;
        std::string standalone;
    };
    const row rows[] = {
        {nullptr, alone, alone, ""}, {&pair, "", "", never}, {&everyone, "", all, never}, {&mixed, "", "", never}};
    for (const auto& each : rows) {
        CHECK(unreachable_role("primary", each.document) == each.primary);
        CHECK(unreachable_role("secondary", each.document) == each.secondary);
        CHECK(unreachable_role("standalone", each.document) == each.standalone);
    }
}
