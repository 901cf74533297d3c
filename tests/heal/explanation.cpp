#include <powerconsul/heal/explanation.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

/// A secondary of two nodes, whose active serves.
struct described {
    resolution facts{.own = role::secondary,
                     .expects = expectation::stopped,
                     .from = basis::fresh,
                     .clustered = clustering::yes,
                     .reason = "web2 is in standby_nodes",
                     .key = "cluster/production/web",
                     .document = 7,
                     .how = {"/v1/kv/x?stale", consistency::stale, milliseconds{12}, ""},
                     .who = {.host = "web2.example.org", .environment = "production", .server_role = "web"},
                     .place = {.own = role::secondary,
                               .node = "web2",
                               .group = {grouping::nodes, {"web1"}, {"web2"}},
                               .reason = "web2 is in standby_nodes"},
                     .rule = "a rule"};
    explained_role what{.service = "web",
                        .facts = facts,
                        .consul = {"http://127.0.0.1:8500", "the default"},
                        .state_dir = "/state",
                        .now = seconds(100)};
    std::vector<explained_trigger> triggers{};

    described() = default;
    described(const described&) = delete;
    auto operator=(const described&) -> described& = delete;
    ~described() = default;

    void active(std::vector<check_state> checks) {
        facts.others.sources = {{"hq", {"/v1/health/service/web", consistency::leader, {}, ""}, 1, {}}};
        facts.others.instances.push_back({"web1", "hq", std::move(checks)});
    }
};

auto trigger(std::vector<std::string> argv, std::string script = "") -> explained_trigger {
    const trigger_search search{found_trigger{role::primary, "triggers/x", 9, "value"}, {"triggers/x"}};
    return {trigger_state::critical, search,
            trigger_action{.what = {.argv = std::move(argv), .script = std::move(script)}}};
}

}  // namespace

TEST_CASE("a role is printed with what it expects and why") {
    struct row {
        std::string_view name;
        void (*change)(described&);
        std::string_view text;
        std::string_view json;
    };
    const row rows[] = {
        {"a secondary", [](described&) {},
         "service   web\nrole      secondary\nexpects   stopped\nwhy       web2 is in standby_nodes\n"
         "document  cluster/production/web (ModifyIndex 7)\nbasis     fresh\n",
         R"({"service":"web","role":"secondary","expectation":"stopped","clustered":true,)"
         R"("reason":"web2 is in standby_nodes","key":"cluster/production/web","document":7,"basis":"fresh"})"},
        {"no document",
         [](described& at) {
             at.facts = {.own = role::standalone,
                         .expects = expectation::running,
                         .from = basis::cached,
                         .clustered = clustering::no,
                         .reason = "as last known",
                         .key = "k"};
         },
         "service   web\nrole      standalone\nexpects   running\nwhy       as last known\ndocument  k\n"
         "basis     cached\n",
         R"({"service":"web","role":"standalone","expectation":"running","clustered":false,)"
         R"("reason":"as last known","key":"k","document":0,"basis":"cached"})"},
        {"nothing is known, and nothing acts",
         [](described& at) {
             at.facts = {.reason = "no\nanswer", .key = "k", .state_cause = error{errc::io, "disk full"}};
             at.what.stopped = "by a file";
         },
         "service   web\nrole      unknown\nexpects   unknown\nwhy       no answer\ndocument  k\nbasis     none\n"
         "note      disk full\nstopped   by a file\n",
         R"({"service":"web","role":"unknown","expectation":"unknown","clustered":null,"reason":"no answer",)"
         R"("key":"k","document":0,"basis":"none","note":"disk full","stopped":"by a file"})"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        described at;
        each.change(at);
        json::page page;
        print_role(at.what, page);
        CHECK(page.text() == each.text);
        CHECK(std::move(page).json() == each.json);
    }
}

TEST_CASE("every fact is explained for people and for programs") {
    struct row {
        std::string_view name;
        void (*change)(described&);
        std::string_view text;  ///< some of it
        std::string_view json;
    };
    const row rows[] = {
        {"the host name", [](described&) {},
         "node         web2   [the host name]\ndatacenter   -   [the agent's own; its name was not needed]\n"
         "environment  production   [host name web2.example.org]\nserver role  web   [host name web2.example.org]\n"
         "consul       http://127.0.0.1:8500   [the default]\ndocument ",
         R"("node":{"value":"web2","from":"the host name"},)"
         R"("datacenter":{"value":"","from":"the agent's own; its name was not needed"},)"
         R"("environment":{"value":"production","from":"host name web2.example.org"},)"
         R"("server_role":{"value":"web","from":"host name web2.example.org"},)"
         R"("consul":{"value":"http://127.0.0.1:8500","from":"the default"},"document":)"},
        {"what was told",
         [](described& at) {
             at.facts.who = {.node = "n1", .environment = "e", .server_role = "s", .datacenter = "dc"};
             at.what.told = {"--node", "--environment", "", "--datacenter"};
             at.what.token_source = "a file";
         },
         "node         n1   [--node]\ndatacenter   dc   [--datacenter]\nenvironment  e   [--environment]\n"
         "server role  s   [node name n1]\nconsul       http://127.0.0.1:8500   [the default]\ntoken        a file\n",
         R"("from":"node name n1"},"consul":{"value":"http://127.0.0.1:8500","from":"the default"},)"
         R"("token_from":"a file",)"},
        {"what the agent says", [](described& at) { at.facts.agent = {.node = "web2", .datacenter = "hq"}; },
         "node         web2   [the agent, /v1/agent/self]\ndatacenter   hq   [the agent, /v1/agent/self]\n",
         R"("datacenter":{"value":"hq","from":"the agent, /v1/agent/self"})"},
        {"a node that is in no document", [](described& at) { at.facts.place = {}; },
         "node         web2.example.org   [the host name]\n",
         R"("exists":true,"modify_index":7,"request":"GET /v1/kv/x?stale","read_from":"any server","age_ms":12},"tri)"},
        {"why it came to nothing",
         [](described& at) {
             at.facts.rule = {};
             at.facts.cause = error{errc::denied, "refused"};
         },
         "rule         none: what is not known is unknown\ncause        refused\n", R"("rule":"","cause":"refused",)"},
        {"the document", [](described& at) { at.facts.place.expression = "^web"; },
         "document     cluster/production/web, ModifyIndex 7   [GET /v1/kv/x?stale, from any server, at most 12 ms "
         "old]\n  filter     \"^web\" matches web2\n  active     web1\n  standby    web2\n"
         "  place      web2 is in standby_nodes   [standby_nodes]\n",
         R"("document":{"key":"cluster/production/web","exists":true,"modify_index":7,"request":"GET /v1/kv/x?stale",)"
         R"("read_from":"any server","age_ms":12,"filter":"^web","active":["web1"],"standby":["web2"],)"
         R"("place":"web2 is in standby_nodes","list":"standby_nodes"})"},
        {"a document for all",
         [](described& at) {
             at.facts.place = {.own = role::primary, .group = {grouping::all_active, {}, {}}, .reason = "all"};
             at.facts.how = {"/v1/kv/x", consistency::leader, {}, "too old"};
         },
         "[GET /v1/kv/x, from the leader, of an age that is not told; asked again: too old]\n  active     \n"
         "  standby    \n  place      all   [mode all-active]\n",
         R"("read_from":"leader","age_ms":null,"asked_again":"too old","active":[],"standby":[],"place":"all",)"
         R"("list":"mode all-active"})"},
        {"no document", [](described& at) { at.facts.clustered = clustering::no; },
         "cluster/production/web, which does not exist ", R"("exists":false,)"},
        {"from memory",
         [](described& at) {
             at.facts.from = basis::cached;
             at.facts.rule = {};
             at.facts.clustered = clustering::unknown;
             at.facts.how = {};
             at.facts.remembered = last_known{.key = "key",
                                              .node = "web2",
                                              .own = role::primary,
                                              .expects = expectation::running,
                                              .document = 5,
                                              .at = seconds(93)};
         },
         "last known   primary, expects running, ModifyIndex 5, 7 s ago   [/state/last-known/web.json]\n",
         R"("last_known":{"file":"/state/last-known/web.json","role":"primary","expectation":"running",)"
         R"("modify_index":5,"age_ms":7000}})"},
        {"a document from memory",
         [](described& at) {
             at.facts.from = basis::cached;
             at.facts.rule = {};
             at.facts.clustered = clustering::unknown;
             at.facts.how = {};
         },
         "document     cluster/production/web, unknown   [/state/last-known/web.json]\n", R"("exists":null,)"},
        {"an active that serves",
         [](described& at) {
             at.active({{"service:web", health::passing}});
             at.facts.others.state = actives::serving;
         },
         "actives      serving\n  asked      1 instance in hq   [GET /v1/health/service/web, from the leader, of an age "
         "that is not told]\n  active     web1 (hq) is passing: serves\n    check    service:web passing\n",
         R"("actives":{"state":"serving","asked":[{"datacenter":"hq","request":"GET /v1/health/service/web",)"
         R"("read_from":"leader","age_ms":null,"instances":1}],"instances":[{"node":"web1","datacenter":"hq",)"
         R"("health":"passing","counts_as":"serving","checks":[{"id":"service:web","health":"passing"}]}],)"
         R"("not_listed":[],"rights":[]},)"},
        {"an active that does not serve",
         [](described& at) {
             at.active({{"service:web", health::critical}});
         },
         "web1 (hq) is critical: does not serve\n", R"("counts_as":"none serving")"},
        {"one of which nothing is known",
         [](described& at) {
             at.active({{"service:web", health::unknown}});
         },
         "web1 (hq) is unknown: unknown whether it serves\n", R"("counts_as":"unknown")"},
        {"a takeover at the first warning",
         [](described& at) {
             at.active({{"service:web", health::warning}});
             at.what.from = takeover::on_warning;
         },
         "web1 (hq) is warning: does not serve\n", R"("health":"warning","counts_as":"none serving")"},
        {"one that is not registered, and why that can be told",
         [](described& at) {
             at.active({});
             at.facts.others.sources[0].instances = 0;
             at.facts.others.instances.clear();
             at.facts.others.proven = {{"hq", {{acl_resource::service, "web", false}}}, {"", {}}};
         },
         "  asked      0 instances in hq   [GET /v1/health/service/web, from the leader, of an age that is not told]\n"
         "  active     web1 is in none of these lists\n"
         "  rights     service:read on web in hq: the token has them, or there are no ACLs   "
         "[POST /v1/internal/acl/authorize?dc=hq]\n",
         R"("instances":[],"not_listed":["web1"],"rights":[{"datacenter":"hq",)"
         R"("request":"POST /v1/internal/acl/authorize?dc=hq","has":["service:read on web"]},)"
         R"({"datacenter":"","request":"POST /v1/internal/acl/authorize","has":[]}]},)"},
        {"a datacenter that does not answer",
         [](described& at) {
             at.facts.others.sources = {{"", {}, 0, error{errc::timed_out, "no answer"}}};
             at.facts.others.cause = error{errc::timed_out, "no answer"};
         },
         "  asked      unknown: no answer   [GET , from the leader, of an age that is not told]\n"
         "  active     web1 is in none of these lists\n  doubt      no answer\n",
         R"("age_ms":null,"cause":"no answer"}],"instances":[],"not_listed":["web1"],"rights":[],)"
         R"("cause":"no answer"},)"},
        {"datacenters, which are in no list of instances",
         [](described& at) {
             at.active({});
             at.facts.place.group.by = grouping::datacenters;
             at.facts.others.instances.clear();
         },
         "  place      web2 is in standby_nodes   [standby_datacenters]\n", R"("not_listed":[],)"},
        {"a command",
         [](described& at) {
             at.triggers = {trigger({"/bin/echo", "", "a\nb"})};
         },
         "on critical  /bin/echo '' a b   [triggers/x, ModifyIndex 9]\n",
         R"("triggers":[{"state":"critical","looked_at":["triggers/x"],"key":"triggers/x","modify_index":9,)"
         R"("role":"primary","command":["/bin/echo","","a b"]}])"},
        {"a script", [](described& at) { at.triggers = {trigger({"/bin/sh"}, "#!/bin/sh\n\necho  a")}; },
         "on critical  /bin/sh   [triggers/x, ModifyIndex 9]\n  script     #!/bin/sh\n  script     \n"
         "  script     echo a\n",
         R"("command":["/bin/sh"],"script":"#!/bin/sh\n\necho  a"}])"},
        {"the waits that a trigger names",
         [](described& at) {
             at.triggers = {trigger({"/bin/true"})};
             at.triggers[0].runs->settle = seconds(300);
             at.triggers[0].runs->backoff = seconds(60);
         },
         "on critical  /bin/true   [triggers/x, ModifyIndex 9]\n  settle     300 s\n  backoff    60 s\n",
         R"("command":["/bin/true"],"settle":"300 s","backoff":"60 s"}])"},
        {"an end of which a trigger tells",
         [](described& at) {
             at.triggers = {trigger({"/bin/true"})};
             at.triggers[0].state = trigger_state::given_up;
         },
         "on given-up  /bin/true   [triggers/x, ModifyIndex 9]\n", R"("triggers":[{"state":"given-up",)"},
        {"a trigger that cannot run",
         [](described& at) {
             at.triggers = {trigger({})};
             at.triggers[0].runs = fail(errc::bad_data, "no command");
         },
         "on critical  would fail to run: no command   [triggers/x, ModifyIndex 9]\n",
         R"("role":"primary","cause":"no command"}])"},
        {"a trigger of the second place",
         [](described& at) {
             at.triggers = {trigger({"/bin/echo"})};
             at.triggers[0].search->tried = {"triggers/e/x", "triggers/x"};
         },
         "on critical  /bin/echo   [triggers/x, ModifyIndex 9; there is none at triggers/e/x]\n",
         R"("looked_at":["triggers/e/x","triggers/x"],"key":"triggers/x",)"},
        {"no trigger",
         [](described& at) {
             at.triggers = {{trigger_state::warning, trigger_search{{}, {"a", "b"}}, trigger_action{}}};
         },
         "on warning   nothing: there is no trigger   [looked at a and b]\n",
         R"("triggers":[{"state":"warning","looked_at":["a","b"]}])"},
        {"a trigger of an unknown role",
         [](described& at) {
             at.triggers = {{trigger_state::warning, trigger_search{}, trigger_action{}}};
         },
         "on warning   nothing: neither running nor stopped is expected\n",
         R"("triggers":[{"state":"warning","looked_at":[]}])"},
        {"a trigger that could not be read",
         [](described& at) {
             at.triggers = {{trigger_state::warning, fail(errc::denied, "refused"), trigger_action{}}};
         },
         "on warning   unknown: refused\n", R"("triggers":[{"state":"warning","cause":"refused"}])"},
        {"what is told last",
         [](described& at) {
             at.facts.state_cause = error{errc::io, "disk full"};
             at.what.stopped = "by a file";
         },
         "note         disk full\nstopped      by a file\n",
         R"("triggers":[],"note":"disk full","stopped":"by a file"})"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        described at;
        each.change(at);
        json::page page;
        print_explanation(at.what, at.triggers, page);
        const std::string text = page.text();
        const std::string json = std::move(page).json();
        CAPTURE(text);
        CAPTURE(json);
        CHECK(text.find(each.text) != std::string::npos);
        CHECK(json.find(each.json) != std::string::npos);
        CHECK(text.starts_with("service      web\nrole         secondary\nexpects      stopped\nwhy          web2 is"));
        CHECK(json.starts_with(R"({"service":"web","role":"secondary","expectation":"stopped","reason":"web2 is)"));
    }
}

TEST_CASE("the triggers of all states are looked up, each with its own time") {
    testing::fake_host<store> here{.consul = store{{.node = "production-web1", .datacenter = "hq"}}};
    const trigger_options options{.substitutions = {{"SVC", "apache2"}}};
    const resolution facts{.own = role::primary,
                           .expects = expectation::running,
                           .who = {.host = "production-web1", .environment = "production"}};
    const auto look = [&] { return find_triggers(here, options, facts, "web", seconds(1)); };
    const std::string base = "triggers/production/web/primary/";
    here.consul.put("hq", base + "warning", "restart @SVC");
    auto found = look();
    REQUIRE(found.size() == 4);
    CHECK(found[0].state == trigger_state::warning);
    REQUIRE((found[0].search && found[0].search->found && found[0].runs));
    CHECK(found[0].search->found->key == base + "warning");
    CHECK(found[0].runs->what.argv.back() == "restart apache2");
    CHECK(found[1].state == trigger_state::critical);
    REQUIRE(found[1].search);
    CHECK_FALSE(found[1].search->found);
    CHECK(found[1].search->tried == std::vector<std::string>{base + "critical", "triggers/web/primary/critical"});

    CHECK(found[2].state == trigger_state::passing);
    CHECK(found[3].state == trigger_state::given_up);

    here.consul.put("hq", "triggers/web/primary/given-up", "tell");
    CHECK(look()[3].search->found->key == "triggers/web/primary/given-up");
    here.consul.put("hq", base + "critical", "");
    found = look();
    CHECK_FALSE(found[1].runs);
    here.consul.set_offline(true);
    for (const auto& each : look()) CHECK_FALSE(each.search);
}
