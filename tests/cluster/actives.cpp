#include <powerconsul/cluster/actives.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../newer_consul.hpp"
#include "../world.hpp"

using namespace powerconsul;
using testing::fake_transport;
using testing::manual_clock;

namespace {

const cluster_group nodes{grouping::nodes, {"production-web1", "production-web2"}, {"production-web3"}};
const cluster_group datacenters{grouping::datacenters, {"hq"}, {"dr"}};
const identity self{"", "production-web3", "production", "web", "hq"};

/// A scripted transport has lists, from which the answers for single nodes are made.
auto gather(auto& transport, const cluster_group& group, const identity& who, std::string_view filter = {},
            takeover from = takeover::on_critical) -> actives_facts {
    manual_clock time;
    const resolver_options how{.who = who, .service_filter = std::string{filter}, .from = from, .wait = {{}, {}, {0}}};
    if constexpr (std::same_as<decltype(transport), fake_transport&>) {
        world::from_lists<fake_transport> lists{transport};
        consul_client<decltype(lists)&, manual_clock&> consul{lists, time, seconds(8)};
        return gather_actives(consul, group, "web", how, {}, time.monotonic());
    } else {
        consul_client<decltype(transport), manual_clock&> consul{transport, time, seconds(8)};
        return gather_actives(consul, group, "web", how, {}, time.monotonic());
    }
}

/// hq knows web1 to web3, dr nothing; the agent is web3.
auto example() -> store {
    store made{{.node = "production-web3", .datacenter = "hq"}};
    for (const char* const node : {"production-web1", "production-web2", "production-web3"}) {
        made.add("hq", {.service = "web", .node = node, .checks = {{"service:web", {}}}});
    }
    return made;
}

constexpr auto web_hq = "/v1/health/service/web?dc=hq&leader";
constexpr auto web_dr = "/v1/health/service/web?dc=dr&leader";
constexpr auto all_datacenters = "/v1/catalog/datacenters";
constexpr auto rights_hq = "/v1/internal/acl/authorize?dc=hq";
constexpr auto rights_dr = "/v1/internal/acl/authorize?dc=dr";
constexpr auto node_web1 = "/v1/health/node/production-web1?dc=hq&leader&filter=...";
constexpr auto node_web2 = "/v1/health/node/production-web2?dc=hq&leader&filter=...";
constexpr auto services_of_web1 = "/v1/catalog/node/production-web1?dc=hq&leader&filter=...";
constexpr auto services_of_web2 = "/v1/catalog/node/production-web2?dc=hq&leader&filter=...";
constexpr auto some_in_hq = "/v1/health/service/web?dc=hq&leader&filter=...";
constexpr auto some_in_dr = "/v1/health/service/web?dc=dr&leader&filter=...";
using paths = std::vector<std::string>;

void critical(store& of, const std::string& node, const std::string& check = "service:web",
              const std::string& datacenter = "hq") {
    REQUIRE(of.set_check(datacenter, node, check, store_status::critical));
}

/// One standby's looks, each with what the one before it remembered.
template <typename Transport>
struct looks {
    Transport& consul;
    cluster_group group{};
    identity who{self};
    standby_memory memory{};
    manual_clock time{};

    looks(Transport& asked, cluster_group actives) : consul{asked}, group{std::move(actives)} {
        time.advance(seconds(1000));
    }
    auto after(milliseconds pause, consistency how = consistency::leader) -> actives_facts {
        time.advance(pause);
        consul_client<Transport&, manual_clock&> client{consul, time, time.monotonic() + seconds(8)};
        auto facts =
            gather_actives(client, group, "web", {.who = who, .reads = {.health = how}}, memory, time.monotonic());
        memory = facts.memory;
        memory.seen = facts.state;
        return facts;
    }
};

/// A token without agent:read.
struct store_without_agent {
    store& consul;
    auto perform(const http_request& request) -> result<http_response> {
        if (request.target.starts_with("/v1/agent/self")) return http_response{403, "Permission denied", {}};
        return consul.perform(request);
    }
};

}  // namespace

TEST_CASE("actives by node: from the state of their instances to whether one serves") {
    struct row {
        std::string_view name;
        void (*change)(store&);
        takeover from;
        actives state;
        std::string_view reason;
        paths asked;
    };
    using enum takeover;
    const row rows[] = {
        {"all serve",
         [](store&) {},
         on_critical,
         actives::serving,
         "production-web1 (hq) serves as active",
         {node_web1, node_web2}},
        {"the first is critical",
         [](store& of) { critical(of, "production-web1"); },
         on_critical,
         actives::serving,
         "production-web2 (hq) serves as active",
         {node_web1, node_web2}},
        {"both critical",
         [](store& of) {
             critical(of, "production-web1");
             critical(of, "production-web2", "serfHealth");
         },
         on_critical,
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by service:web and production-web2 (hq) is critical by "
         "serfHealth",
         {node_web1, node_web2, some_in_hq}},
        {"in maintenance",
         [](store& of) {
             critical(of, "production-web1", "_node_maintenance");
             critical(of, "production-web2", "_service_maintenance:web");
         },
         on_critical,
         actives::none_serving,
         "no active serves: production-web1 (hq) is in maintenance by _node_maintenance and production-web2 (hq) is in "
         "maintenance by _service_maintenance:web",
         {node_web1, node_web2, some_in_hq}},
        {"a warning serves",
         [](store& of) {
             critical(of, "production-web2");
             (void)of.set_check("hq", "production-web1", "service:web", store_status::warning);
         },
         on_critical,
         actives::serving,
         "production-web1 (hq) serves as active",
         {node_web1, node_web2}},
        {"a warning does not, where the original's rule is asked for",
         [](store& of) {
             critical(of, "production-web2");
             (void)of.set_check("hq", "production-web1", "service:web", store_status::warning);
         },
         on_warning,
         actives::none_serving,
         "no active serves: production-web1 (hq) is warning by service:web and production-web2 (hq) is critical by "
         "service:web",
         {node_web1, node_web2, some_in_hq}},
        {"one is missing, the other serves: it is looked for once under its other names",
         [](store& of) { of.remove("hq", "production-web1", "web"); },
         on_critical,
         actives::serving,
         "production-web2 (hq) serves as active",
         {node_web1, node_web2, services_of_web1, some_in_hq}},
        {"one is missing, the other critical: it serves elsewhere",
         [](store& of) {
             of.remove("hq", "production-web1", "web");
             critical(of, "production-web2");
             of.add("dr", {.service = "web", .node = "production-web1"});
         },
         on_critical,
         actives::serving,
         "production-web1 (dr) serves as active",
         {node_web1, node_web2, services_of_web1, some_in_hq, all_datacenters, some_in_dr}},
        {"one is missing everywhere",
         [](store& of) {
             of.remove("hq", "production-web1", "web");
             critical(of, "production-web2");
             of.add("dr", {.service = "web", .node = "staging-web1"});
         },
         on_critical,
         actives::none_serving,
         "no active serves: production-web2 (hq) is critical by service:web and production-web1 is not registered",
         {node_web1, node_web2, services_of_web1, some_in_hq, all_datacenters, some_in_dr, rights_hq, rights_dr}},
        {"a datacenter that may have it cannot be reached",
         [](store& of) {
             of.remove("hq", "production-web1", "web");
             critical(of, "production-web2");
             of.add("dr", {.service = "web", .node = "production-web1"});
             of.set_reachable("dr", false);
         },
         on_critical,
         actives::unknown,
         "whether an active serves is unknown: Consul answers 500 to /v1/health/service/web: Remote DC has no server "
         "currently reachable",
         {node_web1, node_web2, services_of_web1, some_in_hq, all_datacenters, some_in_dr}},
        {"one cannot be reached, another has one that serves",
         [](store& of) {
             of.remove("hq", "production-web1", "web");
             critical(of, "production-web2");
             of.set_reachable("dr", false);
             of.add("far", {.service = "web", .node = "production-web1"});
         },
         on_critical,
         actives::serving,
         "production-web1 (far) serves as active",
         {node_web1, node_web2, services_of_web1, some_in_hq, all_datacenters, some_in_dr,
          "/v1/health/service/web?dc=far&leader&filter=..."}},
        {"nothing to see, not even this node",
         [](store& of) {
             for (const char* const node : {"production-web1", "production-web2", "production-web3"})
                 of.remove("hq", node, "web");
         },
         on_critical,
         actives::unknown,
         "whether an active serves is unknown: Consul lists no instance of web, not even this node's: it is not "
         "registered yet, or the token needs service:read on web and node:read on every node",
         {node_web1, node_web2, services_of_web1, services_of_web2, some_in_hq, all_datacenters}},
        {"no actives, but others: they are gone",
         [](store& of) {
             of.remove("hq", "production-web1", "web");
             of.remove("hq", "production-web2", "web");
         },
         on_critical,
         actives::none_serving,
         "no active serves: production-web1 is not registered and production-web2 is not registered",
         {node_web1, node_web2, services_of_web1, services_of_web2, some_in_hq, all_datacenters, rights_hq}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        auto consul = example();
        each.change(consul);
        world::recorded_store asked{consul};
        const auto facts = gather(asked, nodes, self, {}, each.from);
        CHECK(facts.state == each.state);
        CHECK(facts.reason == each.reason);
        CHECK(facts.cause.has_value() == (each.state == actives::unknown));
        CHECK(world::targets(asked.requests) == each.asked);
    }
}

TEST_CASE("without a datacenter's name the agent's own is asked, and is the first of the list") {
    auto consul = example();
    critical(consul, "production-web1");
    consul.remove("hq", "production-web2", "web");
    consul.add("dr", {.service = "web", .node = "production-web2"});
    world::recorded_store asked{consul};
    auto who = self;
    who.datacenter.clear();
    CHECK(gather(asked, nodes, who).reason == "production-web2 (dr) serves as active");
    CHECK(world::targets(asked.requests) == paths{"/v1/agent/self", "/v1/health/node/production-web1?leader&filter=...",
                                                  "/v1/health/node/production-web2?leader&filter=...",
                                                  "/v1/catalog/node/production-web2?leader&filter=...",
                                                  "/v1/health/service/web?leader&filter=...", all_datacenters,
                                                  some_in_dr});
}

TEST_CASE("the agent's list of datacenters need not begin with its own") {
    fake_transport consul;
    consul.on(http_method::get, "/v1/health/service/web?leader", 200,
              world::list({world::instance("production-web3", "hq", "a=passing")}));
    consul.on(http_method::get, all_datacenters, 200, R"(["dr","hq"])");
    consul.on(http_method::get, web_dr, 200, world::list({world::instance("production-web1", "dr", "a=passing")}));
    auto who = self;
    who.datacenter.clear();
    CHECK(gather(consul, nodes, who).reason == "production-web1 (dr) serves as active");
}

TEST_CASE("that no node is named after environment and role proves nothing, a filter that leaves nobody does") {
    struct row {
        std::string_view name;
        identity who;
        std::string_view filter;
        actives state;
    };
    const row rows[] = {
        {"this node's name tells", {"", "production-mail1", "production", "mail", "dr"}, "", actives::unknown},
        {"an environment that is set", {"", "production-web3", "prod", "web", "dr"}, "", actives::unknown},
        {"a server role that is set", {"", "production-web3", "production", "front", "dr"}, "", actives::unknown},
        {"a name without an environment", {"", "web3", "web3", "", "dr"}, "", actives::unknown},
        {"the node's name is set", {"web3", "production-web3", "web3", "", "dr"}, "", actives::unknown},
        {"only the node's name that is set tells",
         {"production-mail3", "container7", "production", "mail", "dr"},
         "",
         actives::unknown},
        {"no right name",
         {"", "production-mail1", "production", "mail", "dr"},
         "production-mail",
         actives::none_serving},
        {"the filter tells", {"", "web3", "web3", "", "dr"}, "mail", actives::none_serving},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        store consul{{.node = "production-web3", .datacenter = "dr"}};
        consul.add("hq", {.service = "web", .node = "production-web1"});
        const auto facts = gather(consul, datacenters, each.who, each.filter);
        CHECK(facts.state == each.state);
        CHECK((facts.reason.find("set serviceFilter") != std::string::npos) == (each.state == actives::unknown));
        // Not errc::configuration: the role stands, and a check must end as unknown and not as critical.
        if (facts.cause) CHECK(facts.cause->code == errc::bad_data);
    }
}

TEST_CASE("actives by datacenter: narrowed by environment and server role, or by the filter") {
    struct row {
        std::string_view name;
        std::vector<std::string> serving;  ///< nodes in hq, seen from dr
        std::vector<std::string> critical;
        std::string_view filter;
        actives state;
        std::string_view reason;
    };
    const row rows[] = {
        {"same environment and role",
         {"production-web1"},
         {},
         "",
         actives::serving,
         "production-web1 (hq) serves as active"},
        {"its domain does not matter",
         {"production-web1.example.org"},
         {},
         "",
         actives::serving,
         "production-web1.example.org (hq) serves as active"},
        {"critical",
         {},
         {"production-web1"},
         "",
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by service:web"},
        {"another environment does not count",
         {"staging-web1"},
         {"production-web1"},
         "",
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by service:web"},
        {"another server role does not count",
         {"production-mail1"},
         {"production-web1"},
         "",
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by service:web"},
        {"only another server role",
         {"production-mail1"},
         {},
         "",
         actives::unknown,
         "whether an active serves is unknown: no node in hq with web is named after environment \"production\" and "
         "server role \"web\"; set serviceFilter"},
        {"the filter takes another role in",
         {"production-mail1"},
         {"production-web1"},
         "production-",
         actives::serving,
         "production-mail1 (hq) serves as active"},
        {"the filter leaves the same role out",
         {"production-web1"},
         {"production-web2"},
         "production-web2",
         actives::none_serving,
         "no active serves: production-web2 (hq) is critical by service:web"},
        {"a filter that is not valid proves nothing",
         {"production-mail1"},
         {},
         "(",
         actives::unknown,
         R"(whether an active serves is unknown: the expression "(" is refused at byte 1: missing closing parenthesis)"},
        {"four are all told of",
         {},
         {"production-web1", "production-web2", "production-web4", "production-web5"},
         "",
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by service:web, production-web2 (hq) is critical by "
         "service:web, production-web4 (hq) is critical by service:web and production-web5 (hq) is critical by "
         "service:web"},
        {"more than four are counted",
         {},
         {"production-web1", "production-web2", "production-web4", "production-web5", "production-web6"},
         "",
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by service:web, production-web2 (hq) is critical by "
         "service:web, "
         "production-web4 (hq) is critical by service:web, production-web5 (hq) is critical by service:web and 1 more"},
    };
    const identity in_dr{"", "production-web3", "production", "web", "dr"};
    for (const auto& each : rows) {
        CAPTURE(each.name);
        store consul{{.node = "production-web3", .datacenter = "dr"}};
        consul.add("dr", {.service = "web", .node = "production-web3"});
        for (const auto& node : each.serving) consul.add("hq", {.service = "web", .node = node});
        for (const auto& node : each.critical) {
            consul.add("hq", {.service = "web", .node = node, .checks = {{"service:web", {store_status::critical}}}});
        }
        world::recorded_store asked{consul};
        const auto facts = gather(asked, datacenters, in_dr, each.filter);
        CHECK(facts.state == each.state);
        CHECK(facts.reason == each.reason);
        // Nodes of other names are asked for where there is none of the name that is looked for.
        paths wanted{each.filter == "(" ? web_hq : some_in_hq};
        if (each.name == "only another server role") wanted.push_back(web_hq);
        if (each.state == actives::none_serving) wanted.push_back(rights_hq);
        CHECK(world::targets(asked.requests) == wanted);
    }
}

TEST_CASE("an empty datacenter has no active only if this node's own instance can be seen") {
    struct row {
        std::string_view name;
        http_response hq;
        http_response dr;
        actives state;
        std::string_view reason;
    };
    const std::string own = world::list({world::instance("production-web3", "dr", "serfHealth=passing")});
    const row rows[] = {
        {"own is there",
         {200, "[]", {}},
         {200, own, {}},
         actives::none_serving,
         "no active serves: no active is registered in hq"},
        {"own is not there",
         {200, "[]", {}},
         {200, "[]", {}},
         actives::unknown,
         "whether an active serves is unknown: Consul lists no instance of web, not even this node's: it is not "
         "registered yet, or the token needs service:read on web and node:read on every node"},
        {"own cannot be asked",
         {200, "[]", {}},
         {500, "No cluster leader", {}},
         actives::unknown,
         "whether an active serves is unknown: Consul answers 500 to /v1/health/node/production-web3: No cluster leader"},
        {"the other hangs",
         {500, "rpc error making call: EOF", {}},
         {200, own, {}},
         actives::unknown,
         "whether an active serves is unknown: Consul answers 500 to /v1/health/service/web; see the "
         "agent's log"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        fake.on(http_method::get, web_hq, each.hq).on(http_method::get, web_dr, each.dr);
        fake.on(http_method::post, rights_hq, 401, "ACL support disabled");
        fake.on(http_method::get, "/v1/agent/self", 200,
                R"({"Config":{"NodeName":"production-web3","Datacenter":"dr"}})");
        auto who = self;
        who.datacenter = "dr";
        const auto facts = gather(fake, datacenters, who);
        CHECK(facts.state == each.state);
        CHECK(facts.reason == each.reason);
        CHECK(fake.requests().back().target ==
              (each.state == actives::none_serving ? rights_hq : "/v1/health/service/web?dc=dr&leader"));
        // Where there is no name at all, no name is wrong.
        CHECK(gather(fake, datacenters, {"", "web3", "web3", "", "dr"}).state == each.state);
        if (each.name == "own is not there") CHECK(facts.cause->code == errc::denied);
    }
}

TEST_CASE("answers that prove nothing leave the actives unknown") {
    using world::instance;
    struct row {
        std::string_view name;
        http_response hq;
        actives state;
    };
    const std::string one = instance("production-web1", "hq", "serfHealth=passing,service:web=critical");
    const row rows[] = {
        {"filtered", {200, world::list({one}), {{"X-Consul-Results-Filtered-By-ACLs", "true"}}}, actives::unknown},
        {"no right", {403, "Permission denied", {}}, actives::unknown},
        {"redirect", {301, "", {}}, actives::unknown},
        {"not found", {404, "", {{"X-Consul-Index", "1"}}}, actives::unknown},
        {"too many requests", {429, "", {}}, actives::unknown},
        {"a page", {200, "<html>", {}}, actives::unknown},
        {"cut off", {200, "[" + one, {}}, actives::unknown},
        {"an undocumented status",
         {200,
          world::list({instance("production-web1", "hq", "a=odd"), instance("production-web2", "hq", "a=critical")}),
          {}},
         actives::unknown},
        {"an undocumented status beside one that serves",
         {200,
          world::list({instance("production-web1", "hq", "a=odd"), instance("production-web2", "hq", "a=passing")}),
          {}},
         actives::serving},
        {"an undocumented status, but dead",
         {200,
          world::list({instance("production-web1", "hq", "a=odd,serfHealth=critical"),
                       instance("production-web2", "hq", "a=critical")}),
          {}},
         actives::none_serving},
        {"no check at all is passing",
         {200, world::list({instance("production-web1", "hq", "")}), {}},
         actives::serving},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        fake.on(http_method::get, web_hq, each.hq).on(http_method::get, all_datacenters, 200, R"(["hq"])");
        CHECK(gather(fake, nodes, self).state == each.state);
    }
    fake_transport fake;
    fake.on(http_method::get, web_hq, 200, world::list({one}))
        .on(http_method::get, all_datacenters, 500, "No cluster leader");
    const auto elsewhere = gather(fake, nodes, self);
    CHECK_MESSAGE(elsewhere.state == actives::unknown, "without the list of datacenters one may be elsewhere");
    CHECK(elsewhere.reason ==
          "whether an active serves is unknown: Consul answers 500 to /v1/catalog/datacenters: No cluster leader");

    fake_transport twice;
    twice.on(http_method::get, web_hq, 403, "Permission denied")
        .on(http_method::get, all_datacenters, 500, "No cluster leader");
    CHECK_MESSAGE(gather(twice, nodes, self).cause->code == errc::denied, "the first cause is told");

    fake_transport odd;
    odd.on(http_method::get, web_hq, 200,
           world::list({instance("production-web1", "hq", "a=odd"), instance("production-web2", "hq", "b=critical")}));
    const auto unknown = gather(odd, nodes, self);
    REQUIRE(unknown.cause);
    CHECK(*unknown.cause == error{errc::bad_data, "production-web1 (hq) is unknown by a"});
    CHECK(unknown.reason == "whether an active serves is unknown: production-web1 (hq) is unknown by a");

    CHECK(actives_facts{}.state == actives::unknown);
    CHECK(resolver_options{}.from == takeover::on_critical);
}

TEST_CASE("an instance is named as far as it is known, and its check on one short line") {
    using world::instance;
    fake_transport nameless;
    nameless.on(http_method::get, "/v1/health/service/web?leader", 200,
                world::list({instance("production-web1", "", "a=passing")}));
    auto who = self;
    who.datacenter.clear();
    CHECK(gather(nameless, nodes, who).reason == "production-web1 serves as active");

    // Twice on one node, and no check tells them apart.
    fake_transport twins;
    twins.on(http_method::get, web_hq, 200,
             world::list({instance("production-web1", "hq", ""), instance("production-web1", "hq", "")}));
    CHECK(gather(twins, nodes, self).reason == "production-web1 (hq) serves as active");

    for (const std::size_t length : {80U, 81U}) {
        fake_transport fake;
        const std::string id(length, 'x');
        fake.on(http_method::get, web_hq, 200,
                world::list({instance("production-web1", "hq", id + "=critical"),
                             instance("production-web2", "hq", "b=critical")}));
        CHECK(gather(fake, nodes, self).reason == "no active serves: production-web1 (hq) is critical by " +
                                                      (length == 80 ? id : std::string(77, 'x') + "...") +
                                                      " and production-web2 (hq) is critical by b");
    }
}

TEST_CASE("instances stand by datacenter, and there by node") {
    store consul{{.node = "production-web3", .datacenter = "dr"}};
    consul.add("dr", {.service = "web", .node = "production-web3"});
    for (const auto& [datacenter, node] : {std::pair{"hq", "production-web1"},
                                           {"far", "production-web9"},
                                           {"far", "production-web8"},
                                           {"hq", "production-web2"}}) {
        consul.add(datacenter, {.service = "web", .node = node, .checks = {{"service:web", {store_status::critical}}}});
    }
    const cluster_group two{grouping::datacenters, {"hq", "far"}, {"dr"}};
    const auto facts = gather(consul, two, {"", "production-web3", "production", "web", "dr"});
    CHECK(facts.reason ==
          "no active serves: production-web8 (far) is critical by service:web, production-web9 (far) is critical by "
          "service:web, production-web1 (hq) is critical by service:web and production-web2 (hq) is critical by "
          "service:web");
    // What the answer relies on besides.
    REQUIRE(facts.proven.size() == 2);
    CHECK(facts.proven[0].datacenter == "hq");
    CHECK(facts.proven[1].datacenter == "far");
    CHECK(facts.proven[1].rights ==
          std::vector<acl_right>{{acl_resource::node, "production-web", true}, {acl_resource::service, "web"}});
}

TEST_CASE("the reason does not depend on the order in which Consul lists") {
    using world::instance;
    const std::string a = instance("production-web1", "hq", "b=critical,a=critical,c=passing");
    const std::string a_turned = instance("production-web1", "hq", "c=passing,a=critical,b=critical");
    const std::string second = instance("production-web1", "hq", "d=critical");
    const std::string b = instance("production-web2", "hq", "serfHealth=critical");
    for (const auto& order : std::vector<std::vector<std::string>>{
             {a, second, b}, {b, second, a}, {second, a_turned, b}, {b, a_turned, second}}) {
        fake_transport fake;
        fake.on(http_method::get, web_hq, 200, world::list(order));
        const auto facts = gather(fake, nodes, self);
        CHECK(facts.reason ==
              "no active serves: production-web1 (hq) is critical by a, production-web1 (hq) is critical by d and "
              "production-web2 (hq) is critical by serfHealth");
        REQUIRE(facts.instances.size() == 3);
        CHECK(facts.instances[0].node == "production-web1");
    }
}

TEST_CASE("an active that is not listed is gone only if the token may see it") {
    struct row {
        std::string_view name;
        http_response rights;
        actives state;
        std::string_view reason;
    };
    const auto answer = [](std::string_view allow_node, std::string_view allow_service) {
        return R"([{"Resource":"node","Segment":"production-web2","Access":"read","Allow":)" + std::string{allow_node} +
               R"(},{"Resource":"service","Segment":"web","Access":"read","Allow":)" + std::string{allow_service} +
               "}]";
    };
    const row rows[] = {
        {"it may",
         {200, answer("true", "true"), {}},
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by a and production-web2 is not registered"},
        {"no ACLs",
         {401, "ACL support disabled", {}},
         actives::none_serving,
         "no active serves: production-web1 (hq) is critical by a and production-web2 is not registered"},
        {"it may not see the node",
         {200, answer("false", "true"), {}},
         actives::unknown,
         "whether an active serves is unknown: Consul does not show all nodes in hq; the token needs node:read on "
         "production-web2"},
        {"neither node nor service",
         {200, answer("false", "false"), {}},
         actives::unknown,
         "whether an active serves is unknown: Consul does not show all nodes in hq; the token needs node:read on "
         "production-web2 and service:read on web"},
        {"another 401",
         {401, "Basic realm", {}},
         actives::unknown,
         "whether an active serves is unknown: Consul answers 401 to /v1/internal/acl/authorize; a proxy in front of "
         "it asks for a name and a password"},
        {"refused",
         {403, "ACL not found", {}},
         actives::unknown,
         "whether an active serves is unknown: Consul answers 403 to /v1/internal/acl/authorize: ACL not found; the "
         "token needs node:read on production-web2 and service:read on web"},
        {"a proxy that does not know it",
         {404, "", {}},
         actives::unknown,
         "whether an active serves is unknown: this agent does not answer /v1/internal/acl/authorize (404), so that a "
         "takeover from an active that is not listed is not possible"},
        {"blocked",
         {403, "Endpoint is blocked by agent configuration", {}},
         actives::unknown,
         "whether an active serves is unknown: this agent does not answer /v1/internal/acl/authorize (403, Endpoint is "
         "blocked by agent configuration), so that a takeover from an active that is not listed is not possible"},
        {"no leader",
         {500, "No cluster leader", {}},
         actives::unknown,
         "whether an active serves is unknown: Consul answers 500 to /v1/internal/acl/authorize: No cluster leader"},
        {"an answer to another question",
         {200, R"([{"Resource":"node","Segment":"x","Access":"read","Allow":true}])", {}},
         actives::unknown,
         "whether an active serves is unknown: /v1/internal/acl/authorize: Consul's answer is not of the documented "
         "shape: expected a list with an answer for each right that was asked for"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        fake.on(http_method::get, web_hq, 200,
                world::list({world::instance("production-web1", "hq", "a=critical"),
                             world::instance("production-web3", "hq", "a=passing")}));
        fake.on(http_method::get, all_datacenters, 200, R"(["hq"])");
        fake.on(http_method::post, rights_hq, each.rights);
        const auto facts = gather(fake, nodes, self);
        CHECK(facts.state == each.state);
        CHECK(facts.reason == each.reason);
    }
}

TEST_CASE("actives of a datacenter are gone only if the token may see every node that could be one") {
    struct row {
        std::string_view name;
        identity who;
        std::string_view filter;
        std::string_view segment;  ///< as asked for
        std::string_view missing;
    };
    const row rows[] = {
        {"by environment and role",
         {"", "production-web3", "production", "web", "dr"},
         "",
         R"("Segment":"production-web")",
         "node:read on every node named production-web…"},
        {"without a role",
         {"", "production-3", "production", "", "dr"},
         "",
         R"("Segment":"production")",
         "node:read on every node named production…"},
        {"by filter",
         {"", "production-web3", "production", "web", "dr"},
         "production-",
         R"("Segment":"")",
         "node:read on every node"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        const bool role = !each.who.server_role.empty();
        fake.on(http_method::get, web_hq, 200,
                world::list({world::instance(role ? "production-web1" : "production-1", "hq", "a=critical")}));
        std::string segment{each.segment};
        if (segment == R"("Segment":"")") segment = R"("Odd":1)";  // Consul leaves out what is empty
        fake.on(http_method::post, rights_hq, 200,
                R"([{"Resource":"node",)" + segment + R"(,"Access":"read","Allow":false},
                    {"Resource":"service","Segment":"web","Access":"read","Allow":true}])");
        const auto facts = gather(fake, datacenters, each.who, each.filter);
        CHECK(facts.state == actives::unknown);
        CHECK(facts.reason ==
              "whether an active serves is unknown: Consul does not show all nodes in hq; the token needs " +
                  std::string{each.missing});
        REQUIRE(facts.cause);
        CHECK(facts.cause->code == errc::denied);
        CHECK(fake.requests().back().body.find(each.segment) != std::string::npos);
    }
}

TEST_CASE("what was asked is kept with its age and what it held") {
    auto consul = example();
    consul.remove("hq", "production-web1", "web");
    critical(consul, "production-web2");
    consul.set_reachable("dr", false);
    const auto facts = gather(consul, nodes, self);
    REQUIRE(facts.sources.size() == 4);
    CHECK(facts.sources[0].node == "production-web1");
    CHECK(facts.sources[0].instances == 0);
    CHECK(facts.sources[1].node == "production-web2");
    CHECK(facts.sources[1].datacenter == "hq");
    CHECK(facts.sources[1].how.target.starts_with("/v1/health/node/production-web2?dc=hq&leader&filter="));
    CHECK(facts.sources[1].how.age == milliseconds{0});
    CHECK(facts.sources[1].instances == 1);
    CHECK_FALSE(facts.sources[1].cause);
    CHECK(facts.sources[2].node == "");
    CHECK(facts.sources[2].instances == 2);
    CHECK(facts.sources[3].datacenter == "dr");
    REQUIRE(facts.sources[3].cause);
    CHECK(facts.sources[3].cause->code == errc::unavailable);
    CHECK(facts.sources[3].instances == 0);
}

TEST_CASE("actives are found under each name that means them, and wherever they are") {
    struct row {
        std::string_view name;
        void (*change)(store&);
        std::map<std::string, std::string> homes;
        std::string_view reason;
        std::size_t requests;
    };
    const auto both_gone = [](store& of) {
        of.remove("hq", "production-web1", "web");
        of.remove("hq", "production-web2", "web");
    };
    static const auto remove_both = both_gone;
    const row rows[] = {
        {"without its domain in the document",
         [](store& of) {
             remove_both(of);
             of.add("hq", {.service = "web", .node = "production-web1.example.org"});
         },
         {},
         "production-web1.example.org (hq) serves as active",
         5},
        {"written otherwise",
         [](store& of) {
             remove_both(of);
             of.add("hq", {.service = "web", .node = "Production-WEB2"});
         },
         {},
         "Production-WEB2 (hq) serves as active",
         5},
        {"where it was seen last",
         [](store& of) {
             remove_both(of);
             of.add("dr", {.service = "web", .node = "production-web1"});
         },
         {{"production-web1", "dr"}, {"production-web2", "hq"}},
         "production-web1 (dr) serves as active",
         5},
        {"moved, with a dead instance left where it was",
         [](store& of) {
             critical(of, "production-web2");
             of.add("dr", {.service = "web", .node = "production-web1"});
             critical(of, "production-web1", "serfHealth", "dr");
         },
         {{"production-web1", "dr"}, {"production-web2", "hq"}},
         "production-web1 (hq) serves as active",
         4},
        {"a service without a check",
         [](store& of) {
             remove_both(of);
             of.add("hq", {.service = "web", .node = "production-web1", .checks = {}});
             of.erase_check("hq", "production-web1", "serfHealth");
         },
         {},
         "production-web1 (hq) serves as active",
         4},
        {"another service's state does not matter",
         [](store& of) {
             of.add("hq",
                    {.service = "db", .node = "production-web1", .checks = {{"service:db", {store_status::critical}}}});
         },
         {},
         "production-web1 (hq) serves as active",
         2},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        auto consul = example();
        each.change(consul);
        world::recorded_store asked{consul};
        manual_clock time;
        consul_client<world::recorded_store&, manual_clock&> client{asked, time, seconds(8)};
        standby_memory before;
        before.homes = each.homes;
        const auto facts = gather_actives(client, nodes, "web", {.who = self}, before, time.monotonic());
        CHECK(facts.reason == each.reason);
        CHECK(asked.requests.size() == each.requests);
    }
}

TEST_CASE("of many actives a few are asked for by name, and all of them with one list") {
    for (const int count : {16, 17}) {
        CAPTURE(count);
        store consul{{.node = "production-web99", .datacenter = "hq"}};
        cluster_group many{grouping::nodes, {}, {"production-web99"}};
        for (int i = 1; i <= count; ++i) {
            many.active.push_back("production-web" + std::to_string(i));
            consul.add("hq", {.service = "web", .node = many.active.back(), .checks = {{"service:web", {}}}});
            critical(consul, many.active.back(), "serfHealth");
        }
        REQUIRE(consul.set_check("hq", many.active.back(), "serfHealth", store_status::passing));
        world::recorded_store asked{consul};
        auto who = self;
        who.node = "production-web99";
        CHECK(gather(asked, many, who).reason == many.active.back() + " (hq) serves as active");
        CHECK(asked.requests.size() == (count == 16 ? 16 : 5));
        REQUIRE(consul.set_check("hq", many.active.front(), "serfHealth", store_status::passing));
        asked.requests.clear();
        CHECK(gather(asked, many, who).reason == "production-web1 (hq) serves as active");
        CHECK(asked.requests.size() == (count == 16 ? 16 : 4));
    }
}

TEST_CASE("an active of a datacenter that served goes on to decide as long as it serves") {
    const identity in_dr{"production-web3", "", "production", "web", "dr"};
    store consul{{.node = "production-web3", .datacenter = "dr"}};
    for (const char* const node : {"production-web1", "production-web2"}) {
        consul.add("hq", {.service = "web", .node = node, .checks = {{"service:web", {}}}});
    }
    manual_clock time;
    standby_memory before;
    const auto look = [&](std::string_view reason, const paths& wanted) {
        world::recorded_store asked{consul};
        consul_client<world::recorded_store&, manual_clock&> client{asked, time, seconds(8)};
        const auto facts = gather_actives(client, datacenters, "web", {.who = in_dr}, before, time.monotonic());
        CHECK(facts.reason == reason);
        CHECK(world::targets(asked.requests) == wanted);
        before = facts.memory;
    };
    look("production-web1 (hq) serves as active", {some_in_hq});
    look("production-web1 (hq) serves as active", {node_web1});
    critical(consul, "production-web1");
    look("production-web2 (hq) serves as active", {node_web1, some_in_hq});
    look("production-web2 (hq) serves as active", {node_web2});
    // The other one serves again, and nothing changes for that.
    REQUIRE(consul.set_check("hq", "production-web1", "service:web", store_status::passing));
    look("production-web2 (hq) serves as active", {node_web2});
    consul.remove("hq", "production-web2", "web");
    look("production-web1 (hq) serves as active", {node_web2, services_of_web2, some_in_hq});
    critical(consul, "production-web1");
    const std::string_view none = "no active serves: production-web1 (hq) is critical by service:web";
    look(none, {node_web1, some_in_hq, rights_hq});
    look(none, {some_in_hq, rights_hq});
}

TEST_CASE(
    "while none serves, all names that mean an active are looked for once a minute, and before anything changes") {
    auto consul = example();
    critical(consul, "production-web1", "serfHealth");
    critical(consul, "production-web2");
    manual_clock time;
    time.advance(seconds(1000));
    standby_memory before;
    const auto look = [&](consistency how, std::string_view reason, std::size_t requests) {
        world::recorded_store asked{consul};
        consul_client<world::recorded_store&, manual_clock&> client{asked, time, time.monotonic() + seconds(8)};
        const auto facts =
            gather_actives(client, nodes, "web", {.who = self, .reads = {.health = how}}, before, time.monotonic());
        CHECK(facts.reason == reason);
        CHECK(asked.requests.size() == requests);
        before = facts.memory;
        before.seen = facts.state;
    };
    using enum consistency;
    const std::string_view none =
        "no active serves: production-web1 (hq) is critical by serfHealth and production-web2 (hq) is critical by "
        "service:web";
    look(leader, none, 3);
    time.advance(seconds(59));
    look(leader, none, 2);
    look(consistent, none, 3);
    time.advance(seconds(59));
    look(leader, none, 2);
    // The node was given another name, and what it was called before is dead.
    consul.add("hq", {.service = "web", .node = "production-web1.example.org", .checks = {{"service:web", {}}}});
    look(leader, none, 2);
    time.advance(seconds(1));
    look(leader, "production-web1.example.org (hq) serves as active", 3);
    look(leader, "production-web1.example.org (hq) serves as active", 2);
}

TEST_CASE("a datacenter that does not answer for one node is not asked for all") {
    const identity in_far{"production-web3", "", "production", "web", "far"};
    const cluster_group two{grouping::datacenters, {"hq", "dr"}, {"far"}};
    store consul{{.node = "production-web3", .datacenter = "far"}};
    consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
    consul.add("dr", {.service = "web", .node = "production-web2", .checks = {{"service:web", {}}}});
    manual_clock time;
    standby_memory before;
    before.homes = {{"production-web1", "hq"}, {"production-web2", "dr"}};
    consul.set_reachable("hq", false);
    const auto look = [&] {
        world::recorded_store asked{consul};
        consul_client<world::recorded_store&, manual_clock&> client{asked, time, seconds(8)};
        auto facts = gather_actives(client, two, "web", {.who = in_far}, before, time.monotonic());
        return std::pair{std::move(facts.reason), world::targets(asked.requests)};
    };
    CHECK(look().first == "production-web2 (dr) serves as active");
    critical(consul, "production-web2", "service:web", "dr");
    const auto [reason, asked] = look();
    CHECK(
        reason ==
        "whether an active serves is unknown: Consul answers 500 to /v1/health/node/production-web1: Remote DC has no "
        "server currently reachable");
    CHECK(asked.size() == 3);
    CHECK(asked.back() == some_in_dr);
}

TEST_CASE("an agent's own datacenter is asked for once") {
    auto consul = example();
    auto who = self;
    who.datacenter.clear();
    manual_clock time;
    standby_memory before;
    for (const std::size_t requests : {3U, 2U}) {
        world::recorded_store asked{consul};
        consul_client<world::recorded_store&, manual_clock&> client{asked, time, seconds(8)};
        const auto facts = gather_actives(client, nodes, "web", {.who = who}, before, time.monotonic());
        CHECK(facts.reason == "production-web1 (hq) serves as active");
        CHECK(asked.requests.size() == requests);
        CHECK(facts.memory.here == "hq");
        before = facts.memory;
    }
}

TEST_CASE("where rights cannot be asked for, a list that a newer Consul does not mark as filtered may be whole") {
    struct row {
        std::string_view name;
        std::string_view policy;
        std::string_view version;
        http_response token;
        bool is_whole;
        std::string_view datacenter = "hq";
    };
    const auto token = [](std::string_view accessor) {
        return newer::with_policy(200, R"({"AccessorID":")" + std::string{accessor} + "\"}");
    };
    const std::string_view anonymous = "00000000-0000-0000-0000-000000000002";
    const http_response off{401, "ACL support disabled", {}};
    const row rows[] = {
        {"a token", "allow", "1.11.0", token("2f1c0e3a"), true},
        {"a newer version's", "allow", "2.0.1", token("2f1c0e3a"), true},
        {"an enterprise version's", "allow", "1.22.4+ent", token("2f1c0e3a"), true},
        {"no ACLs", "allow", "2.0.1", off, true},
        {"a policy that denies", "deny", "2.0.1", token("2f1c0e3a"), false},
        {"no word of a policy", "", "2.0.1", token("2f1c0e3a"), false},
        {"a version that marks nothing", "allow", "1.10.12", token("2f1c0e3a"), false},
        {"1.8.7", "allow", "1.8.7", off, false},
        {"no version", "allow", "", off, false},
        {"a version that is none", "allow", "dev", off, false},
        {"the anonymous token", "allow", "2.0.1", token(anonymous), false},
        {"a token without an id", "allow", "2.0.1", token(""), false},
        {"a token that is not told", "allow", "2.0.1", newer::denied("", "acl:read", "x"), false},
        {"a page", "allow", "2.0.1", {200, "<html>", {}}, false},
        {"another datacenter's agent", "allow", "2.0.1", off, false, "dr"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        auto list = newer::answer(world::list({world::instance("production-web1", "hq", "a=critical"),
                                               world::instance("production-web3", "hq", "a=passing")}));
        list.headers.back().value = each.policy;
        fake.on(http_method::get, web_hq, list);
        fake.on(http_method::get, all_datacenters, 200, R"(["hq"])");
        fake.on(http_method::post, rights_hq, newer::no_such_endpoint());
        fake.on(http_method::get, "/v1/agent/self", 200,
                R"({"Config":{"NodeName":"n","Datacenter":")" + std::string{each.datacenter} + R"(","Version":")" +
                    std::string{each.version} + "\"}}");
        fake.on(http_method::get, "/v1/acl/token/self", each.token);
        const auto facts = gather(fake, nodes, self);
        CHECK(facts.state == (each.is_whole ? actives::none_serving : actives::unknown));
        const auto asked = world::targets(fake.requests());
        CHECK(std::count(asked.begin(), asked.end(), rights_hq) == 1);
        CHECK(facts.reason.find("does not answer /v1/internal/acl/authorize (404") ==
              (each.is_whole ? std::string::npos : facts.reason.find("does not answer")));
    }
}

TEST_CASE("an active that is dead under one name and ill under another is told of in each look, and seen to recover") {
    auto consul = example();
    critical(consul, "production-web1", "serfHealth");
    consul.add("hq", {.service = "web", .node = "production-web1.example.org", .checks = {{"service:web", {}}}});
    critical(consul, "production-web1.example.org");
    looks standby{consul, {grouping::nodes, {"production-web1"}, {"production-web3"}}};
    const std::string none =
        "no active serves: production-web1 (hq) is critical by serfHealth and production-web1.example.org (hq) is "
        "critical by service:web";
    for (int i = 0; i < 8; ++i) CHECK(standby.after(seconds(10)).reason == none);
    REQUIRE(consul.set_check("hq", "production-web1.example.org", "service:web", store_status::passing));
    CHECK(standby.after(seconds(10)).reason == "production-web1.example.org (hq) serves as active");
}

TEST_CASE("the datacenter of an active that is elsewhere is not taken for this node's own") {
    auto consul = example();
    consul.remove("hq", "production-web1", "web");
    consul.remove("hq", "production-web2", "web");
    consul.add("dr", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
    store_without_agent asked{consul};
    looks standby{asked, {grouping::nodes, {"production-web1"}, {"production-web3"}}};
    standby.who.datacenter.clear();
    CHECK(standby.after(seconds(10)).reason == "production-web1 (dr) serves as active");
    critical(consul, "production-web1", "service:web", "dr");
    consul.add("dr", {.service = "web", .node = "production-web2"});
    standby.group = nodes;
    CHECK(standby.after(seconds(10), consistency::consistent).reason == "production-web2 (dr) serves as active");
}

TEST_CASE("an active is told of once in each look, also where the agent does not name its datacenter") {
    auto consul = example();
    critical(consul, "production-web1");
    store_without_agent asked{consul};
    looks standby{asked, {grouping::nodes, {"production-web1"}, {"production-web3"}}};
    standby.who.datacenter.clear();
    for (int i = 0; i < 8; ++i) {
        CHECK(standby.after(seconds(10)).reason == "no active serves: production-web1 (hq) is critical by service:web");
    }
}

TEST_CASE("an agent that belongs to another datacenter by now looks for actives in the one it has left, too") {
    store consul{{.node = "production-web3", .datacenter = "dr"}};
    consul.add("dr", {.service = "web", .node = "production-web3"});
    consul.add("hq", {.service = "web", .node = "production-web1"});
    looks standby{consul, {grouping::nodes, {"production-web1"}, {"production-web3"}}};
    standby.who.datacenter.clear();
    standby.memory.here = "hq";
    CHECK(standby.after(seconds(10), consistency::consistent).reason == "production-web1 (hq) serves as active");
    CHECK(standby.memory.here == "dr");
}

TEST_CASE("an active is asked for where it serves, not where it was left dead") {
    auto consul = example();
    consul.remove("hq", "production-web1", "web");
    consul.add("dr", {.service = "web", .node = "production-web1"});
    critical(consul, "production-web1", "serfHealth", "dr");
    consul.add("alt", {.service = "web", .node = "production-web1"});
    looks standby{consul, {grouping::nodes, {"production-web1"}, {"production-web3"}}};
    for (int i = 0; i < 3; ++i) {
        CHECK(standby.after(seconds(10)).reason == "production-web1 (alt) serves as active");
    }
}

TEST_CASE("who was not asked for since it was absent may have been there meanwhile") {
    store consul{{.node = "production-web3", .datacenter = "dr"}};
    consul.add("dr", {.service = "web", .node = "production-web3"});
    consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
    critical(consul, "production-web1");
    consul.add("alt", {.service = "db", .node = "production-db1"});
    looks standby{consul, {grouping::datacenters, {"alt", "hq"}, {"dr"}}};
    standby.who.datacenter = "dr";
    CHECK(standby.after(seconds(10)).state == actives::unknown);
    REQUIRE(consul.set_check("hq", "production-web1", "service:web", store_status::passing));
    CHECK(standby.after(seconds(10)).state == actives::serving);
    consul.add("alt", {.service = "web", .node = "production-web2"});
    for (int i = 0; i < 8; ++i) CHECK(standby.after(seconds(10)).state == actives::serving);
    // Its agent is restarted.
    consul.remove("alt", "production-web2", "web");
    critical(consul, "production-web1");
    CHECK(standby.after(seconds(10)).state == actives::unknown);
    CHECK(standby.after(seconds(60)).state == actives::none_serving);
}

TEST_CASE("in a namespace of Consul Enterprise an active's node counts, too") {
    // What is asked for one node leaves out its own checks there, which are in the default namespace.
    struct enterprise {
        std::string space;
        auto perform(const http_request& request) const -> result<http_response> {
            const auto check = [](std::string_view id, std::string_view status, std::string_view of,
                                  std::string_view in) {
                return R"({"Node":"production-web1","CheckID":")" + std::string{id} + R"(","Status":")" +
                       std::string{status} + R"(","ServiceID":")" + std::string{of} + R"(","ServiceName":")" +
                       std::string{of} + R"(","Namespace":")" + std::string{in} + "\"}";
            };
            const std::string own = check("service:web", "passing", "web", space);
            if (request.target.starts_with("/v1/health/node/")) return http_response{200, '[' + own + ']'};
            return http_response{200, R"([{"Node":{"Node":"production-web1","Datacenter":"hq"},"Checks":[)" +
                                          check("serfHealth", "critical", "", "default") + ',' + own + "]}]"};
        }
    };
    for (const char* const space : {"team", "default", ""}) {
        CAPTURE(space);
        enterprise consul{space};
        looks standby{consul, {grouping::nodes, {"production-web1"}, {"production-web3"}}};
        const bool team = standby.consul.space == "team";
        CHECK(standby.after(seconds(10)).state == (team ? actives::none_serving : actives::serving));
    }
}

TEST_CASE("an active that is registered under another name is not absent while a first one serves") {
    auto consul = example();
    consul.remove("hq", "production-web2", "web");
    consul.add("hq", {.service = "web", .node = "production-web2.example.org", .checks = {{"service:web", {}}}});
    world::recorded_store asked{consul};
    looks standby{asked, nodes};
    CHECK(standby.after(seconds(10)).state == actives::serving);
    CHECK(standby.memory.names.at("production-web2") == "production-web2.example.org");
    for (int i = 0; i < 20; ++i) {
        asked.requests.clear();
        CHECK(standby.after(seconds(10)).state == actives::serving);
        CHECK(asked.requests.size() == 2);
    }
    critical(consul, "production-web1");
    consul.remove("hq", "production-web2.example.org", "web");  // its agent is restarted
    CHECK(standby.after(seconds(10)).state == actives::unknown);
    // It comes back as the document names it.
    consul.add("hq", {.service = "web", .node = "production-web2", .checks = {{"service:web", {}}}});
    CHECK(standby.after(seconds(10)).reason == "production-web2 (hq) serves as active");
    asked.requests.clear();
    CHECK(standby.after(seconds(10)).state == actives::serving);
    CHECK(asked.requests.size() == 2);
}

TEST_CASE("an active that is gone is looked for once while another serves") {
    auto consul = example();
    consul.remove("hq", "production-web2", "web");
    world::recorded_store asked{consul};
    looks standby{asked, nodes};
    for (const bool first : {true, false, false}) {
        asked.requests.clear();
        CHECK(standby.after(seconds(10)).state == actives::serving);
        CHECK((world::targets(asked.requests).back() == some_in_hq) == first);
    }
}

TEST_CASE("where an active here serves, another datacenter is not waited for") {
    auto consul = example();
    consul.remove("hq", "production-web2", "web");
    consul.add("dr", {.service = "web", .node = "production-web2", .checks = {{"service:web", {}}}});
    critical(consul, "production-web1");
    world::recorded_store asked{consul};
    looks standby{asked, nodes};
    CHECK(standby.after(seconds(10)).reason == "production-web2 (dr) serves as active");
    REQUIRE(consul.set_check("hq", "production-web1", "service:web", store_status::passing));
    for (int i = 0; i < 10; ++i) {
        asked.requests.clear();
        CHECK(standby.after(seconds(10)).reason == "production-web1 (hq) serves as active");
        CHECK(world::targets(asked.requests) == paths{node_web1});
    }
    consul.remove("dr", "production-web2", "web");
    critical(consul, "production-web1");
    CHECK(standby.after(seconds(10)).state == actives::unknown);
}

TEST_CASE("of many actives one that comes back is seen at once, though it is not asked for by its name") {
    store consul{{.node = "production-web99", .datacenter = "hq"}};
    cluster_group many{grouping::nodes, {}, {"production-web99"}};
    for (int i = 1; i <= 17; ++i) {
        many.active.push_back("production-web" + std::to_string(i));
        if (i > 4) continue;
        consul.add("hq", {.service = "web", .node = many.active.back(), .checks = {{"service:web", {}}}});
        critical(consul, many.active.back());
    }
    looks standby{consul, many};
    standby.who.node = "production-web99";
    consul.add("hq", {.service = "web", .node = "production-web99", .checks = {{"service:web", {}}}});
    CHECK(standby.after(seconds(10)).state == actives::unknown);
    CHECK(standby.after(seconds(61)).state == actives::none_serving);
    consul.add("hq", {.service = "web", .node = "production-web17", .checks = {{"service:web", {}}}});
    CHECK(standby.after(seconds(10)).reason == "production-web17 (hq) serves as active");
}

TEST_CASE("more actives than a request line should name are chosen from the whole list") {
    for (const int count : {20, 40}) {
        CAPTURE(count);
        store consul{{.node = "production-web999", .datacenter = "hq"}};
        cluster_group many{grouping::nodes, {}, {"production-web999"}};
        for (int i = 1; i <= count; ++i) many.active.push_back("production-web" + std::to_string(i));
        consul.add("hq", {.service = "web", .node = many.active.back(), .checks = {{"service:web", {}}}});
        world::recorded_store asked{consul};
        auto who = self;
        who.node = "production-web999";
        CHECK(gather(asked, many, who).reason == many.active.back() + " (hq) serves as active");
        CHECK(world::targets(asked.requests).back() == (count == 20 ? some_in_hq : web_hq));
    }
}
