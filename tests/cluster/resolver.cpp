#include <powerconsul/cluster/resolver.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../world.hpp"

using namespace powerconsul;
using testing::fake_transport;
using testing::manual_clock;
using testing::memory_files;

namespace {

constexpr std::string_view key = "cluster/production/web";
constexpr std::string_view by_nodes = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
constexpr std::string_view turned = R"({"active_nodes":["production-web3"],"standby_nodes":["production-web1"]})";
constexpr std::string_view record = "/state/last-known/web.json";

constexpr standby_times at_once{{0}, {0}, {0}};

/// production-web3 with a Consul, a disk and a clock of its own; web1 is the other node.
struct node {
    store consul{{.node = "production-web3", .datacenter = "hq"}};
    world::recorded_store asked{consul};
    memory_files files{};
    manual_clock time{};
    resolver_options options{.who = {.host = "production-web3"}, .wait = at_once};

    node() {
        consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
        consul.add("hq", {.service = "web", .node = "production-web3"});
    }
    void document(std::string_view text) { consul.put("hq", key, text); }
    void active(store_status status) { REQUIRE(consul.set_check("hq", "production-web1", "service:web", status)); }
    auto resolve(std::string_view service = "web") -> resolution {
        role_resolver resolver{asked, time, files, "/state", options};
        return resolver.resolve(service, seconds(8));
    }
    auto saved() -> std::optional<std::string> { return files.get(std::string{record}); }
    void boot(std::string_view id) { files.put("/proc/sys/kernel/random/boot_id", std::string{id} + '\n'); }
};

auto said(const resolution& facts) -> std::string {
    return std::string{to_string(facts.own)} + ' ' + std::string{to_string(facts.expects)} + ' ' +
           std::string{to_string(facts.from)};
}

}  // namespace

TEST_CASE("a role is resolved from the document, the node's names and the actives") {
    struct row {
        std::string_view name;
        void (*change)(node&);
        std::string_view said;
        clustering clustered;
        std::string_view reason;
    };
    using enum clustering;
    const row rows[] = {
        {"no document", [](node&) {}, "standalone running fresh", no,
         "there is no cluster document at cluster/production/web"},
        {"active", [](node& at) { at.document(turned); }, "primary running fresh", yes,
         "production-web3 is in active_nodes"},
        {"standby", [](node& at) { at.document(by_nodes); }, "secondary stopped fresh", yes,
         "production-web3 is in standby_nodes; production-web1 (hq) serves as active"},
        {"standby takes over",
         [](node& at) {
             at.document(by_nodes);
             at.active(store_status::critical);
         },
         "secondary running fresh", yes,
         "production-web3 is in standby_nodes; no active serves: production-web1 (hq) is critical by service:web"},
        {"all-active", [](node& at) { at.document(R"({"mode":"all-active"})"); }, "primary running fresh", yes,
         "mode is all-active"},
        {"by the agent's datacenter",
         [](node& at) { at.document(R"({"active_datacenter":"hq","standby_datacenter":"dr"})"); },
         "primary running fresh", yes, "datacenter hq is in active_datacenters"},
        {"by the agent's datacenter, under a name that is set",
         [](node& at) {
             at.options.who.node = "production-web9";
             at.document(R"({"active_datacenter":"hq","standby_datacenter":"dr"})");
         },
         "primary running fresh", yes, "datacenter hq is in active_datacenters"},
        {"by a datacenter that is set",
         [](node& at) {
             at.options.who.datacenter = "hq";
             at.options.service_filter = "production-web";
             at.consul.add("dr", {.service = "web", .node = "staging-web1"});
             at.document(R"({"active_datacenter":"dr","standby_datacenter":"hq"})");
         },
         "secondary running fresh", yes,
         "datacenter hq is in standby_datacenters; no active serves: no active is registered in dr"},
        {"names that do not tell",
         [](node& at) {
             at.options.who.datacenter = "hq";
             at.consul.add("dr", {.service = "web", .node = "dr-web1"});
             at.document(R"({"active_datacenter":"dr","standby_datacenter":"hq"})");
         },
         "secondary unknown none", yes,
         "datacenter hq is in standby_datacenters; whether an active serves is unknown: no node in dr with web is "
         "named after environment \"production\" and server role \"web\"; set serviceFilter"},
        {"host with its domain",
         [](node& at) {
             at.options.who.host = "production-web3.example.org";
             at.document(turned);
         },
         "primary running fresh", yes, "production-web3.example.org is in active_nodes"},
        {"another domain in the list",
         [](node& at) {
             at.options.who.host = "production-web3.example.org";
             at.document(R"({"active_nodes":"production-web3.example.com","standby_nodes":"s"})");
         },
         "unknown unknown none", yes,
         "the cluster document cluster/production/web: node production-web3.example.org or production-web3 is neither "
         "in active_nodes nor in standby_nodes"},
        {"the short name is for filters",
         [](node& at) {
             at.options.who.host = "production-web3.example.org";
             at.consul.set_agent({.node = "production-web3.example.org", .datacenter = "hq"});
             at.document(R"({"filter":{"^production-web3$":{"active_nodes":"Production-Web3","standby_nodes":"s"}}})");
         },
         "primary running fresh", yes, "production-web3.example.org is in active_nodes"},
        {"the agent's name as the second try",
         [](node& at) {
             at.options.who.host = "production-container7";
             at.document(turned);
         },
         "primary running fresh", yes, "production-web3 is in active_nodes"},
        {"a name that is set is the only one",
         [](node& at) {
             at.options.who.node = "production-web9";
             at.options.who.datacenter = "hq";
             at.document(turned);
         },
         "unknown unknown none", yes,
         "the cluster document cluster/production/web: node production-web9 is neither in active_nodes nor in "
         "standby_nodes"},
        {"in neither list", [](node& at) { at.document(R"({"active_nodes":"a","standby_nodes":"b"})"); },
         "unknown unknown none", yes,
         "the cluster document cluster/production/web: node production-web3 is neither in active_nodes nor in "
         "standby_nodes"},
        {"an empty value", [](node& at) { at.document(""); }, "unknown unknown none", yes,
         "the cluster document cluster/production/web: the value is empty; delete the key to make the service "
         "standalone"},
        {"two expressions match",
         [](node& at) { at.document(R"({"filter":{"prod":{"mode":"all-active"},"p":{"mode":"all-active"}}})"); },
         "unknown unknown none", yes,
         R"(the cluster document cluster/production/web: filter: both "prod" and "p" match node "production-web3"; exactly one expression must)"},
        {"another key",
         [](node& at) {
             at.options.cluster_key = "elsewhere";
             at.document(turned);
             at.consul.put("hq", "elsewhere/web", by_nodes);
         },
         "secondary stopped fresh", yes, "production-web3 is in standby_nodes; production-web1 (hq) serves as active"},
        {"offline",
         [](node& at) {
             at.document(turned);
             at.consul.set_offline(true);
         },
         "unknown unknown none", unknown, "the embedded store is switched offline"},
        {"no leader", [](node& at) { at.consul.respond_with("/v1/kv", 500, "No cluster leader"); },
         "unknown unknown none", unknown, "Consul answers 500 to /v1/kv/cluster/production/web: No cluster leader"},
        {"a proxy's 404", [](node& at) { at.consul.respond_with("/v1/kv", 404, ""); }, "unknown unknown none", unknown,
         "Consul answers 404 to /v1/kv/cluster/production/web; is the address that of a Consul agent?"},
        {"actives cannot be asked",
         [](node& at) {
             at.document(by_nodes);
             at.consul.respond_with("/v1/health", 500, "");
         },
         "secondary unknown none", yes,
         "production-web3 is in standby_nodes; whether an active serves is unknown: Consul answers 500 to "
         "/v1/health/node/production-web1; see the agent's log"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node here;
        each.change(here);
        const auto facts = here.resolve();
        CHECK(said(facts) == each.said);
        CHECK(facts.clustered == each.clustered);
        CHECK(facts.reason == each.reason);
        CHECK(facts.cause.has_value() == (facts.expects == expectation::unknown));
        // The document is what is wrong, or else Consul does not say it.
        if (facts.own == role::unknown && each.clustered == yes) CHECK(facts.cause->code == errc::bad_data);
        CHECK(said(here.resolve()) == each.said);
    }
}

TEST_CASE("a service's name reaches its own key or none") {
    for (const std::string_view service : {"a/b", "..", ".", "", " web", "web ", "a\nb", "a\xFF"}) {
        CAPTURE(service);
        node here;
        const auto facts = here.resolve(service);
        CHECK(said(facts) == "unknown unknown none");
        REQUIRE(facts.cause);
        CHECK(facts.cause->code == errc::usage);
        CHECK(here.asked.requests.empty());
    }
    for (const std::string_view service : {"my web", "caf\xC3\xA9", "a..b", "50%", "what?", "a#b"}) {
        CAPTURE(service);
        node here;
        here.consul.put("hq", "cluster/production/" + std::string{service}, R"({"mode":"all-active"})");
        CHECK(said(here.resolve(service)) == "primary running fresh");
        CHECK(said(here.resolve()) == "standalone running fresh");
    }
}

TEST_CASE("while Consul is away the last known role holds, for a while and only where it still says something") {
    struct row {
        std::string_view name;
        std::string_view before;  ///< the document at the first run
        void (*change)(node&);
        std::string_view said;
    };
    const auto offline = [](node& at) { at.consul.set_offline(true); };
    const row rows[] = {
        {"standby", by_nodes, offline, "secondary stopped cached"},
        {"active", turned, offline, "primary running cached"},
        {"standalone", "-", offline, "standalone running cached"},
        {"no leader", by_nodes, [](node& at) { at.consul.respond_with("/v1/kv", 500, "No cluster leader"); },
         "secondary stopped cached"},
        {"too many requests", by_nodes, [](node& at) { at.consul.respond_with("/v1/kv", 429, ""); },
         "secondary stopped cached"},
        {"no right: an answer", by_nodes, [](node& at) { at.consul.respond_with("/v1/kv", 403, "Permission denied"); },
         "unknown unknown none"},
        {"no JSON: an answer", by_nodes, [](node& at) { at.consul.respond_with("/v1/kv", 200, "<html>"); },
         "unknown unknown none"},
        {"a proxy's 404", by_nodes, [](node& at) { at.consul.respond_with("/v1/kv", 404, ""); },
         "unknown unknown none"},
        {"a redirect", by_nodes, [](node& at) { at.consul.respond_with("/v1/kv", 301, ""); }, "unknown unknown none"},
        {"almost too old", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.time.advance(milliseconds{59'999});
         },
         "secondary stopped cached"},
        {"too old", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.time.advance(seconds(60));
         },
         "unknown unknown none"},
        {"the wall clock was set", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.time.set_wall(at.time.wall() - seconds(3600));
         },
         "secondary stopped cached"},
        {"of another boot", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.boot("0b5c");
         },
         "unknown unknown none"},
        {"of a boot whose clock was further", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.time = {};
         },
         "unknown unknown none"},
        {"switched off", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.options.max_age = {0};
         },
         "unknown unknown none"},
        {"another node's", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.options.who.node = "production-web4";
         },
         "unknown unknown none"},
        {"another key's", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.options.cluster_key = "elsewhere";
         },
         "unknown unknown none"},
        {"damaged", by_nodes,
         [](node& at) {
             at.consul.set_offline(true);
             at.files.put(std::string{record}, "{}");
         },
         "unknown unknown none"},
        {"the actives cannot be asked", by_nodes, [](node& at) { at.consul.respond_with("/v1/health", 500, ""); },
         "secondary stopped cached"},
        {"the actives may not be asked", by_nodes, [](node& at) { at.consul.respond_with("/v1/health", 403, ""); },
         "secondary stopped cached"},
        {"the actives cannot be asked, another document", by_nodes,
         [](node& at) {
             at.document(std::string{by_nodes} + ' ');
             at.consul.respond_with("/v1/health", 500, "");
         },
         "secondary unknown none"},
        {"the actives cannot be asked, another role", turned,
         [](node& at) {
             at.document(by_nodes);
             at.consul.respond_with("/v1/health", 500, "");
         },
         "secondary unknown none"},
        {"the actives cannot be asked, too old", by_nodes,
         [](node& at) {
             at.consul.respond_with("/v1/health", 500, "");
             at.time.advance(seconds(60));
         },
         "secondary unknown none"},
        {"the actives cannot be asked, switched off", by_nodes,
         [](node& at) {
             at.consul.respond_with("/v1/health", 500, "");
             at.options.max_age = {0};
         },
         "secondary unknown none"},
        {"the agent cannot be asked, another document", turned,
         [](node& at) {
             at.document(R"({"active_datacenter":"hq","standby_datacenter":"dr"})");
             at.consul.respond_with("/v1/agent", 500, "");
         },
         "unknown unknown none"},
        {"the agent cannot be asked, the same document", R"({"active_datacenter":"hq","standby_datacenter":"dr"})",
         [](node& at) { at.consul.respond_with("/v1/agent", 500, ""); }, "primary running cached"},
        {"the agent may not be asked", R"({"active_datacenter":"hq","standby_datacenter":"dr"})",
         [](node& at) { at.consul.respond_with("/v1/agent", 403, ""); }, "unknown unknown none"},
        {"deleted meanwhile: standalone at once", by_nodes, [](node& at) { at.consul.erase("hq", key); },
         "standalone running fresh"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node here;
        if (each.before != "-") here.document(each.before);
        here.time.advance(seconds(1));
        REQUIRE(here.resolve().from == basis::fresh);
        each.change(here);
        const auto facts = here.resolve();
        CHECK(said(facts) == each.said);
        CHECK(facts.cause.has_value() == !each.said.ends_with("fresh"));
        if (facts.from == basis::cached)
            CHECK(facts.clustered == (facts.own == role::standalone ? clustering::no : clustering::yes));
        if (each.name == "standby") {
            CHECK(facts.reason == "as last known, since the embedded store is switched offline");
        }
    }
}

TEST_CASE("a standby that took over stays up while the actives are unknown, one that did not stays down") {
    node here;
    here.document(by_nodes);
    here.active(store_status::critical);
    CHECK(said(here.resolve()) == "secondary running fresh");
    here.consul.respond_with("/v1/health", 500, "");
    CHECK(said(here.resolve()) == "secondary running cached");
    here.consul.respond_normally();
    here.active(store_status::passing);
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    here.consul.respond_with("/v1/health", 500, "");
    CHECK(said(here.resolve()) == "secondary stopped cached");
}

TEST_CASE("what an active expected says nothing for the standby that the same node is now") {
    node here;
    here.options.who.host = "production-name-in-no-list";
    here.document(turned);
    CHECK(said(here.resolve()) == "primary running fresh");
    here.consul.set_agent({.node = "production-web1", .datacenter = "hq"});
    here.consul.respond_with("/v1/health", 500, "");
    CHECK(said(here.resolve()) == "secondary unknown none");
}

TEST_CASE("an agent that does not answer in time is away like one that is not reached") {
    node here;
    here.document(by_nodes);
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    fake_transport hanging;
    hanging.on(http_method::get, "/v1/kv/cluster/production/web?stale", fail(errc::timed_out, "no answer in time"));
    role_resolver resolver{hanging, here.time, here.files, "/state", here.options};
    CHECK(said(resolver.resolve("web", seconds(8))) == "secondary stopped cached");
}

TEST_CASE("capitals in an active's name do not hide it from a standby datacenter") {
    node here;
    here.consul.put("hq", key, R"({"active_datacenters":"dr","standby_datacenters":"hq"})");
    here.consul.add("dr", {.service = "web", .node = "Production-Web7", .checks = {{"service:web", {}}}});
    CHECK(said(here.resolve()) == "secondary stopped fresh");
}

TEST_CASE("an environment that is no segment leads to no key at all") {
    for (const std::string_view host : {"", "-web1", ".example.org"}) {
        CAPTURE(host);
        node here;
        here.options.who.host = host;
        const auto facts = here.resolve();
        CHECK(said(facts) == "unknown unknown none");
        REQUIRE(facts.cause);
        CHECK(facts.cause->message == "the environment \"\" is empty");
        CHECK(here.asked.requests.empty());
    }
    node here;
    here.options.who.environment = "production/other";
    CHECK(said(here.resolve()) == "unknown unknown none");
}

TEST_CASE("the answer that there is no sound role takes the older record away") {
    for (const std::string_view broken : {"", "{}", "not JSON", R"({"active_nodes":"a","standby_nodes":"b"})"}) {
        CAPTURE(broken);
        node here;
        here.document(by_nodes);
        CHECK(said(here.resolve()) == "secondary stopped fresh");
        here.document(broken);
        CHECK(said(here.resolve()) == "unknown unknown none");
        here.consul.set_offline(true);
        CHECK(said(here.resolve()) == "unknown unknown none");
    }
}

TEST_CASE("the record is rewritten when it says something new or grows old, and not else") {
    node here;
    here.document(by_nodes);
    (void)here.resolve();
    const auto first = here.saved();
    REQUIRE(first);
    here.time.advance(milliseconds{14'999});
    (void)here.resolve();
    CHECK(here.saved() == first);
    here.time.advance(milliseconds{1});
    (void)here.resolve();
    CHECK(here.saved() != first);
    const auto second = here.saved();
    here.active(store_status::critical);
    (void)here.resolve();
    CHECK(here.saved() != second);
    const auto third = here.saved();
    here.consul.set_offline(true);
    here.time.advance(seconds(30));
    (void)here.resolve();
    CHECK_MESSAGE(here.saved() == third, "a cached answer must not make itself younger");

    node off;
    off.options.max_age = {0};
    off.files.fail_on("/state", {errc::io, "not looked at"});
    CHECK(off.resolve().state_cause == error{errc::io, "not looked at"});
    CHECK_FALSE(off.saved());
    off.files.heal("/state");
    CHECK_FALSE(off.resolve().state_cause);
    CHECK_MESSAGE(off.saved(), "what a standby waits for is remembered though no last known role is used");
    off.consul.set_offline(true);
    CHECK(said(off.resolve()) == "unknown unknown none");

    node shortly;
    shortly.options.max_age = {1};
    shortly.document(by_nodes);
    (void)shortly.resolve();
    CHECK(shortly.saved());
    shortly.consul.set_offline(true);
    CHECK(said(shortly.resolve()) == "secondary stopped cached");
}

TEST_CASE("a state directory that is not to be trusted costs the memory, not the role") {
    struct row {
        std::string_view name;
        file_status status;
    };
    const row rows[] = {
        {"symbolic link", {file_kind::symlink, 0777, 1000, 1000, 0, 0}},
        {"others may write", {file_kind::directory, 0777, 1000, 1000, 0, 0}},
        {"another user's", {file_kind::directory, 0700, 4711, 1000, 0, 0}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node here;
        here.document(by_nodes);
        CHECK_FALSE(here.resolve().state_cause);
        const auto before = here.saved();
        here.files.put("/state", "", each.status);
        here.active(store_status::critical);
        const auto fresh = here.resolve();
        CHECK(said(fresh) == "secondary running fresh");
        REQUIRE(fresh.state_cause);
        CHECK(fresh.state_cause->code == errc::denied);
        CHECK(here.saved() == before);
        here.consul.set_offline(true);
        const auto away = here.resolve();
        CHECK(said(away) == "unknown unknown none");
        CHECK(away.state_cause);
        CHECK(away.cause->code == errc::unavailable);
    }
    node here;
    here.files.put("/state/last-known/web.json", "damaged");
    const auto mended = here.resolve();
    CHECK(said(mended) == "standalone running fresh");
    CHECK_FALSE(mended.state_cause);
    CHECK_MESSAGE(!here.resolve().state_cause, "a damaged record is replaced");
    here.files.fail_on("/state", {errc::io, "disk full"});
    CHECK(here.resolve().state_cause == error{errc::io, "disk full"});
}

TEST_CASE("nothing is asked that is not needed, and nothing after the deadline") {
    node here;
    here.document(turned);
    (void)here.resolve();
    CHECK(world::targets(here.asked.requests) == std::vector<std::string>{"/v1/kv/cluster/production/web?consistent"});

    // Everything hangs but the document; the agents' datacenters are then asked in what is left.
    fake_transport fake;
    fake.on(http_method::get, "/v1/kv/cluster/production/web?consistent",
            http_response{
                200,
                R"([{"Key":"cluster/production/web","ModifyIndex":3,"Value":")" + base64_encoded(by_nodes) + "\"}]",
                {{"X-Consul-LastContact", "0"}}});
    fake.on(http_method::get, "/v1/health/service/web?consistent", 200,
            world::list({world::instance("production-web3", "hq", "")}));
    fake.on(http_method::get, "/v1/catalog/datacenters", 200, R"(["hq","dr","far","moon"])");
    manual_clock time;
    memory_files files;
    world::slow_transport slow{fake, time, milliseconds{1900}};
    role_resolver resolver{slow, time, files, "/state", {.who = {.host = "production-web3"}}};
    const auto facts = resolver.resolve("web", seconds(8));
    CHECK(said(facts) == "secondary unknown none");
    CHECK(time.monotonic() == seconds(8));
    std::vector<std::int64_t> timeouts;
    for (const auto& each : fake.requests()) timeouts.push_back(each.timeout.count);
    CHECK(timeouts == std::vector<std::int64_t>{5000, 5000, 4200, 2300, 400});
    for (const auto at : slow.sent) CHECK(at < seconds(8));
}

TEST_CASE("what any server says can only confirm what this node knows") {
    const auto entry = [](std::string_view document, int index, std::string_view age = "0") {
        return http_response{200,
                             R"([{"Key":"cluster/production/web","ModifyIndex":)" + std::to_string(index) +
                                 R"(,"Value":")" + base64_encoded(document) + "\"}]",
                             {{"X-Consul-LastContact", std::string{age}}, {"X-Consul-KnownLeader", "true"}}};
    };
    const http_response absent{404, "", {{"X-Consul-Index", "30"}, {"X-Consul-LastContact", "0"}}};
    const http_response lost{404, "", {{"X-Consul-Index", "19"}, {"X-Consul-LastContact", "0"}}};
    const http_response away{500, "No cluster leader", {}};
    const auto other = R"({"active_nodes":["production-web3"],"standby_nodes":["production-web2"]})";
    struct row {
        std::string_view name;
        std::optional<http_response> known;  ///< what a confirmed leader said a moment ago; nothing: nothing is known
        std::optional<http_response> stale;  ///< nothing: it must not be asked
        std::optional<http_response> sure;   ///< of a confirmed leader; nothing: it must not be asked
        std::string_view said;
        std::uint64_t document;
        std::string_view again;
    };
    const std::string_view news = "it is not what this node knows";
    const row rows[] = {
        {"nothing is known", {}, {}, entry(turned, 20), "primary running fresh", 20, ""},
        {"nothing is known, and there is none", {}, {}, absent, "standalone running fresh", 0, ""},
        {"the same", entry(turned, 20), entry(turned, 20), {}, "primary running fresh", 20, ""},
        {"none, as before", absent, absent, {}, "standalone running fresh", 0, ""},
        {"the same, but old", entry(turned, 20), entry(turned, 20, "10001"), entry(turned, 20), "primary running fresh",
         20, "the answer may be 10001 ms old, more than the 10000 ms that are allowed"},
        {"a server that is behind", entry(turned, 20), entry(by_nodes, 19), entry(other, 21), "primary running fresh",
         21, news},
        {"a server that is ahead", entry(turned, 20), entry(other, 21), entry(other, 21), "primary running fresh", 21,
         news},
        {"a server without its data", entry(turned, 20), absent, entry(turned, 20), "primary running fresh", 20, news},
        {"a server without its data, and no leader", entry(turned, 20), absent, away, "primary running cached", 20, ""},
        {"a new document, and no leader", entry(turned, 20), entry(by_nodes, 21), away, "primary running cached", 20,
         ""},
        {"deleted", entry(turned, 20), absent, absent, "standalone running fresh", 0, news},
        {"as far as this node has seen it", entry(turned, 30), absent, absent, "standalone running fresh", 0, news},
        {"a cluster that lost its data", entry(turned, 20), lost, lost, "primary running cached", 20, news},
        {"made", absent, entry(turned, 5), entry(turned, 5), "primary running fresh", 5, news},
        {"restored from a snapshot", entry(turned, 20), entry(turned, 5), entry(turned, 5), "primary running fresh", 5,
         news},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        manual_clock time;
        memory_files files;
        const auto resolved = [&](fake_transport& fake) {
            role_resolver resolver{fake, time, files, "/state", {.who = {.host = "production-web3"}}};
            return resolver.resolve("web", seconds(8));
        };
        if (each.known) {
            fake_transport before;
            before.on(http_method::get, "/v1/kv/cluster/production/web?consistent", *each.known);
            REQUIRE(resolved(before).from == basis::fresh);
        }
        fake_transport fake;
        if (each.stale) fake.on(http_method::get, "/v1/kv/cluster/production/web?stale", *each.stale);
        if (each.sure) fake.on(http_method::get, "/v1/kv/cluster/production/web?consistent", *each.sure);
        const auto facts = resolved(fake);
        CHECK(said(facts) == each.said);
        CHECK(facts.document == each.document);
        CHECK(facts.how.again == each.again);
        CHECK(fake.requests().size() == (each.stale ? 1 : 0) + (each.sure ? 1 : 0));
    }
}

TEST_CASE("a cluster that has lost its data makes nothing standalone, however long that lasts") {
    node here;
    for (int i = 0; i < 5; ++i) here.consul.put("hq", "filler", std::to_string(i));
    here.document(by_nodes);
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    store empty{{.node = "production-web3", .datacenter = "hq"}};
    here.time.advance(seconds(1));
    const auto resolved = [&] {
        role_resolver resolver{empty, here.time, here.files, "/state", here.options};
        return resolver.resolve("web", seconds(8));
    };
    CHECK(said(resolved()) == "secondary stopped cached");
    here.time.advance(seconds(3600));
    const auto later = resolved();
    CHECK(said(later) == "unknown unknown none");
    CHECK(later.cause->code == errc::unavailable);
    CHECK(later.reason ==
          "Consul has no cluster/production/web and has not come as far as index 11, at which this node has read it: "
          "its data was lost or restored; write the document again, or delete /state/last-known/web.json if there is "
          "to be none");
    // Of another key the record says nothing.
    here.options.cluster_key = "elsewhere";
    CHECK(said(resolved()) == "standalone running fresh");
    here.options.cluster_key.clear();
    CHECK(said(resolved()) == "standalone running fresh");
    here.files.erase("/state/last-known/web.json");
    CHECK(said(resolved()) == "standalone running fresh");
}

TEST_CASE("another expectation than before counts only from a confirmed leader") {
    node here;
    here.document(by_nodes);
    const auto first = here.resolve();
    CHECK(said(first) == "secondary stopped fresh");
    REQUIRE(first.others.sources.size() == 1);
    CHECK(first.others.sources[0].how.again.empty());
    CHECK(world::targets(here.asked.requests) ==
          std::vector<std::string>{"/v1/kv/cluster/production/web?consistent", "/v1/agent/self",
                                   "/v1/health/node/production-web1?consistent&filter=..."});
    here.asked.requests.clear();
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    const std::vector<std::string> calm{"/v1/kv/cluster/production/web?stale",
                                        "/v1/health/node/production-web1?leader&filter=..."};
    CHECK(world::targets(here.asked.requests) == calm);

    here.active(store_status::critical);
    here.asked.requests.clear();
    const auto over = here.resolve();
    CHECK(said(over) == "secondary running fresh");
    CHECK(world::targets(here.asked.requests) ==
          std::vector<std::string>{calm[0], calm[1], "/v1/health/service/web?leader&filter=...",
                                   "/v1/health/node/production-web1?consistent&filter=...",
                                   "/v1/health/service/web?consistent&filter=..."});
    REQUIRE(over.others.sources.size() == 4);
    CHECK(over.others.sources[2].how.again == "it is not what was expected so far");
    here.asked.requests.clear();
    CHECK(said(here.resolve()) == "secondary running fresh");
    CHECK(world::targets(here.asked.requests) == calm);

    // A server that does not have its data yet shows less than there is, or what was once.
    here.active(store_status::passing);
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    fake_transport behind;
    behind.on(
        http_method::get, calm[0],
        http_response{200,
                      R"([{"Key":"cluster/production/web","ModifyIndex":)" + std::to_string(here.resolve().document) +
                          R"(,"Value":")" + base64_encoded(by_nodes) + "\"}]",
                      {{"X-Consul-LastContact", "0"}}});
    behind.on(http_method::get, "/v1/health/service/web?leader", 200,
              world::list({world::instance("production-web3", "hq", "")}));
    behind.on(http_method::get, "/v1/catalog/datacenters", 200, R"(["hq"])");
    behind.on(http_method::post, "/v1/internal/acl/authorize", 401, "ACL support disabled");
    behind.on(http_method::get, "/v1/health/service/web?consistent", 500, "No cluster leader");
    world::from_lists<fake_transport> lists{behind};
    role_resolver resolver{lists, here.time, here.files, "/state", here.options};
    CHECK(said(resolver.resolve("web", seconds(8))) == "secondary stopped cached");
}

TEST_CASE("what this node remembers confirms a cheaper answer after any pause") {
    node here;
    here.document(by_nodes);
    (void)here.resolve();
    for (const auto pause : {seconds(61), seconds(86'400)}) {
        here.time.advance(pause);
        here.asked.requests.clear();
        CHECK(said(here.resolve()) == "secondary stopped fresh");
        CHECK(world::targets(here.asked.requests) ==
              std::vector<std::string>{"/v1/kv/cluster/production/web?stale",
                                       "/v1/health/node/production-web1?leader&filter=..."});
    }
    // But it does not stand for an answer then.
    here.time.advance(seconds(61));
    here.consul.set_offline(true);
    CHECK(said(here.resolve()) == "unknown unknown none");
}

TEST_CASE("where nothing can be remembered, any server's document counts for who asks so, and an absent one does not") {
    node here;
    here.files.fail_on("/state", {errc::denied, "permission denied"});
    here.options.reads.unconfirmed = true;
    const auto facts = here.resolve();
    CHECK(said(facts) == "standalone running fresh");
    CHECK_FALSE(facts.unconfirmed);
    CHECK_FALSE(facts.remembers);
    CHECK(world::targets(here.asked.requests) ==
          std::vector<std::string>{"/v1/kv/cluster/production/web?stale", "/v1/kv/cluster/production/web?consistent"});
    here.document(by_nodes);
    here.asked.requests.clear();
    const auto standby = here.resolve();
    CHECK(said(standby) == "secondary stopped fresh");
    CHECK(standby.unconfirmed);
    for (const auto& each : here.asked.requests) CHECK(each.target.find("?consistent") == std::string::npos);
    // Nobody can tell for how long there has been no active.
    here.active(store_status::critical);
    here.options.wait.takeover_after = seconds(20);
    CHECK(said(here.resolve()) == "secondary unknown none");
    here.options.reads.unconfirmed = false;
    here.asked.requests.clear();
    CHECK(here.resolve().unconfirmed == false);
    CHECK(here.asked.requests.front().target == "/v1/kv/cluster/production/web?consistent");
}

TEST_CASE("who asks for confirmed answers only asks once, also where something has changed") {
    node here;
    here.options.reads.documents = here.options.reads.health = consistency::consistent;
    here.document(by_nodes);
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    here.active(store_status::critical);
    here.document(std::string{by_nodes} + ' ');
    here.asked.requests.clear();
    CHECK(said(here.resolve()) == "secondary running fresh");
    const std::vector<std::string> sure{"/v1/kv/cluster/production/web?consistent",
                                        "/v1/health/node/production-web1?consistent&filter=..."};
    CHECK(world::targets(here.asked.requests) ==
          std::vector<std::string>{sure[0], sure[1], "/v1/health/service/web?consistent&filter=..."});
    here.active(store_status::passing);
    here.asked.requests.clear();
    CHECK(said(here.resolve()) == "secondary stopped fresh");
    CHECK(world::targets(here.asked.requests) == sure);

    node quick;
    quick.options.reads.documents = quick.options.reads.health = consistency::cached;
    quick.document(by_nodes);
    (void)quick.resolve();
    quick.asked.requests.clear();
    CHECK(said(quick.resolve()) == "secondary stopped fresh");
    for (const auto& each : quick.asked.requests) CHECK(each.target.find("?consistent") == std::string::npos);
}

TEST_CASE("a record that says no expectation is none, and does not pass for one") {
    node here;
    here.document(by_nodes);
    const auto before = here.resolve();
    const last_known blank{.key = std::string{key},
                           .node = "production-web3",
                           .own = role::secondary,
                           .document = before.document,
                           .at = here.time.monotonic()};
    here.files.put(std::string{record}, json::encode_last_known(blank));
    here.asked.requests.clear();
    here.consul.respond_with("/v1/health", 500, "");
    CHECK(said(here.resolve()) == "secondary unknown none");
    CHECK(std::ranges::count(world::targets(here.asked.requests),
                             "/v1/health/node/production-web1?consistent&filter=...") == 1);
}

TEST_CASE("the disk is waited for only where a record tells that the cluster has come further") {
    node here;
    here.boot("one");
    const auto written = [&] {
        const auto before = here.saved();
        here.files.flushed.clear();
        (void)here.resolve();
        return std::pair{here.saved() != before, !here.files.flushed.empty()};
    };
    constexpr std::pair no{false, false};
    constexpr std::pair later{true, false};
    constexpr std::pair both{true, true};
    CHECK(written() == later);  // without a document there is nothing that a power failure could take away
    CHECK(written() == no);
    here.document(by_nodes);
    CHECK(written() == both);
    here.time.advance(seconds(20));
    CHECK(written() == later);
    here.active(store_status::critical);
    CHECK(written() == later);
    here.document(std::string{by_nodes} + ' ');
    CHECK(written() == both);
    here.boot("two");
    CHECK(written() == later);
    // What a power failure can leave of a record that was not flushed is none.
    const auto whole = *here.saved();
    for (const auto& left : {std::string{}, whole.substr(0, whole.size() / 2), std::string(whole.size(), '\0')}) {
        here.files.put(std::string{record}, left);
        CHECK(said(here.resolve()) == "secondary running fresh");
        here.files.put(std::string{record}, left);
        CHECK(written() == both);
    }
    // Nor does a record of another cluster tell how far this one has come.
    here.options.cluster = "http://consul.example.org:8500";
    here.time.advance(seconds(60));
    CHECK(written() == both);
}

TEST_CASE("that the record cannot be written is told") {
    struct full_disk : memory_files {
        auto replace(const std::string&, std::string_view, std::uint32_t = 0600, durability = durability::flushed)
            -> result<void> {
            return fail(errc::io, "the disk is full");
        }
    };
    node here;
    full_disk files;
    role_resolver resolver{here.consul, here.time, files, "/state", here.options};
    const auto facts = resolver.resolve("web", seconds(8));
    CHECK(said(facts) == "standalone running fresh");
    CHECK(facts.state_cause == error{errc::io, "the disk is full"});
}

TEST_CASE("what nobody resolved is unknown") {
    const resolution nothing;
    CHECK(said(nothing) == "unknown unknown none");
    CHECK(nothing.clustered == clustering::unknown);
    CHECK(resolver_options{}.max_age == seconds(60));
    CHECK(resolver_options{}.from == takeover::on_critical);
}

TEST_CASE("what is set is not replaced by what the agent says") {
    node here;
    here.options.who.host = "production-container7";
    here.options.who.datacenter = "dr";
    here.document(turned);
    here.consul.put("dr", key, turned);
    here.consul.add("dr", {.service = "web", .node = "production-web9"});
    const auto facts = here.resolve();
    CHECK(said(facts) == "primary running fresh");
    CHECK(facts.place.node == "production-web3");
    CHECK(facts.who.datacenter == "dr");
    REQUIRE(facts.agent);
    CHECK(facts.agent->datacenter == "hq");
}

TEST_CASE("the facts of a decision are kept with it") {
    node here;
    here.document(by_nodes);
    (void)here.resolve();
    const auto facts = here.resolve();
    CHECK(facts.how.target == "/v1/kv/cluster/production/web?stale");
    CHECK(facts.how.mode == consistency::stale);
    CHECK(facts.how.age == milliseconds{0});
    CHECK(facts.rule == "a secondary waits while an active serves");
    CHECK(facts.who.environment == "production");
    CHECK_FALSE(facts.agent);
    CHECK(facts.others.sources.size() == 1);
    here.consul.respond_with("/v1/kv", 500, "");
    const auto away = here.resolve();
    CHECK(said(away) == "secondary stopped cached");
    CHECK(away.rule.empty());
    REQUIRE(away.remembered);
    CHECK(away.remembered->own == role::secondary);
}

TEST_CASE("a host is asked for a role, and what cannot be asked is an error") {
    const std::string document = "/v1/kv/" + std::string{key} + "?consistent";
    const std::string filter = percent_encoded(consul_filter::checks_of("web"));
    const result<http_response> wrong_setting = fail(errc::configuration, "no such store file");
    const result<http_response> standby = http_response{
        200, R"([{"Key":"cluster/production/web","ModifyIndex":7,"Value":")" + base64_encoded(by_nodes) + "\"}]", {}};
    struct row {
        std::string_view name;
        std::string service;
        std::string environment;
        result<http_response> document;
        result<http_response> health;
        std::optional<errc> refused;  ///< nothing: there is a resolution
        std::string_view said;        ///< or the error's message
    };
    const row rows[] = {
        {"a service that is another key", "a/b", "production", standby, standby, errc::usage,
         "the Consul service name \"a/b\" contains '/', which would make it another key in Consul's KV store"},
        {"an environment that is another key", "web", "a/b", standby, standby, errc::configuration,
         "the environment \"a/b\" contains '/', which would make it another key in Consul's KV store"},
        {"a wrong setting", "web", "production", wrong_setting, wrong_setting, errc::configuration,
         "no such store file"},
        {"a wrong setting, once the role is known", "web", "production", standby, wrong_setting, std::nullopt,
         "secondary unknown none"},
        {"no answer", "web", "production", fail(errc::timed_out, "no answer"), standby, std::nullopt,
         "unknown unknown none"},
        {"a standby", "web", "production", standby,
         http_response{200,
                       R"([{"Node":"production-web1","CheckID":"service:web","Status":"passing","ServiceID":"web",
                            "ServiceName":"web"}])",
                       {}},
         std::nullopt, "secondary stopped fresh"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        testing::fake_host<> here;
        here.consul.on(http_method::get, document, each.document)
            .on(http_method::get, "/v1/health/node/production-web1?consistent&filter=" + filter, each.health);
        const resolver_options options{.who = {.host = "production-web3", .environment = each.environment}};
        const auto facts = powerconsul::resolve(here, each.service, "/state", options, seconds(5));
        CHECK((facts ? std::nullopt : std::optional{facts.error().code}) == each.refused);
        CHECK((facts ? said(*facts) : facts.error().message) == each.said);
        if (each.environment == "a/b") CHECK(facts.error().remedy == "clusterKey environment");
        CHECK(here.files.get(std::string{record}).has_value() == each.said.starts_with("secondary"));
        for (const auto& request : here.consul.requests()) CHECK(request.timeout <= seconds(5));
    }
}

namespace {

/// The line of a check of powerconsul.
auto line(std::string_view state) -> std::string {
    return R"({"type":"service","service":"web","expects":true,"clustered":true,"state":")" + std::string{state} +
           R"(","code":1,"role":"primary","reason":"because","basis":"none"})";
}

/// A standby with the times that it has by default, which looks every second.
struct standby : node {
    standby() {
        options.wait = {};
        document(by_nodes);
        boot("4a11");
        REQUIRE(consul.set_check("hq", "production-web3", "service:web", store_status::passing, line("passing")));
    }
    /// What the looks of so many seconds say, the last one for each stretch of equal ones: `stopped 5, running 3`.
    auto looks(int count) -> std::string {
        std::string text;
        std::string last;
        int times = 0;
        for (int i = 0; i <= count; ++i) {
            std::string now;
            if (i < count) {
                now = to_string(resolve().expects);
                time.advance(seconds(1));
            }
            if (now != last && times != 0) {
                text += (text.empty() ? "" : ", ") + last + ' ' + std::to_string(times);
                times = 0;
            }
            last = now;
            ++times;
        }
        return text;
    }
    void serve() { active(store_status::passing); }
    void fail() { active(store_status::critical); }
    void leave() { REQUIRE(consul.remove("hq", "production-web1", "web")); }
    void come(store_status status = store_status::passing) {
        consul.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {status}}}});
    }
    void say(store_status status, std::string output) {
        REQUIRE(consul.set_check("hq", "production-web1", "service:web", status, std::move(output)));
    }
};

}  // namespace

TEST_CASE("a standby takes over and gives back once its actives have been so for a while") {
    standby at;
    CHECK(at.looks(5) == "stopped 5");
    at.fail();
    CHECK(at.looks(25) == "stopped 20, running 5");
    at.serve();
    CHECK(at.looks(25) == "running 20, stopped 5");
    SUBCASE("a short failure changes nothing") {
        at.fail();
        CHECK(at.looks(19) == "stopped 19");
        at.serve();
        CHECK(at.looks(1) == "stopped 1");
        at.fail();
        CHECK(at.looks(19) == "stopped 19");
    }
    SUBCASE("a short recovery changes nothing") {
        at.fail();
        CHECK(at.looks(25) == "stopped 20, running 5");
        for (int i = 0; i < 3; ++i) {
            at.serve();
            CHECK(at.looks(19) == "running 19");
            at.fail();
            CHECK(at.looks(30) == "running 30");
        }
    }
    SUBCASE("0 s: at once") {
        at.options.wait = at_once;
        at.fail();
        CHECK(at.looks(2) == "running 2");
        at.serve();
        CHECK(at.looks(2) == "stopped 2");
    }
    SUBCASE("looks that are far apart") {
        at.fail();
        CHECK(at.looks(1) == "stopped 1");
        at.time.advance(seconds(300));
        CHECK(at.looks(1) == "running 1");
        at.serve();
        CHECK(at.looks(1) == "running 1");
        at.time.advance(seconds(601));
        CHECK_MESSAGE(at.looks(25) == "running 20, stopped 5", "nobody has looked for so long");
    }
    SUBCASE("another document names other actives") {
        at.fail();
        CHECK(at.looks(15) == "stopped 15");
        at.document(std::string{by_nodes} + ' ');
        CHECK(at.looks(21) == "stopped 20, running 1");
        at.document(by_nodes);
        CHECK(at.looks(30) == "running 30");
    }
    SUBCASE("another role") {
        at.document(turned);
        CHECK(at.looks(5) == "running 5");
        at.document(by_nodes);
        at.fail();
        CHECK_MESSAGE(at.looks(21) == "stopped 20, running 1", "an active that becomes a standby stops at once");
    }
    SUBCASE("looks that cannot tell") {
        at.fail();
        CHECK(at.looks(19) == "stopped 19");
        at.consul.respond_with("/v1/health", 500, "");
        CHECK(at.looks(1) == "stopped 1");
        at.consul.respond_normally();
        CHECK(at.looks(21) == "stopped 20, running 1");
    }
}

TEST_CASE("what a standby waits for is told in a text that stays the same") {
    standby at;
    (void)at.resolve();
    at.fail();
    const auto waiting = at.resolve();
    CHECK(waiting.waits);
    CHECK(waiting.rule == "a secondary waits for a while before it takes over");
    CHECK(waiting.reason ==
          "production-web3 is in standby_nodes; no active serves: production-web1 (hq) is critical by service:web, so "
          "since 2024-01-01T00:00:00.000Z: this node takes over once that has lasted 20 s");
    at.time.advance(seconds(7));
    at.time.set_wall(at.time.wall() + seconds(90));
    CHECK(at.resolve().reason == waiting.reason);
    at.time.advance(seconds(13));
    const auto over = at.resolve();
    CHECK_FALSE(over.waits);
    CHECK(over.reason ==
          "production-web3 is in standby_nodes; no active serves: production-web1 (hq) is critical by service:web");
    at.serve();
    const auto back = at.resolve();
    CHECK_FALSE(back.waits);
    CHECK(back.rule == "a secondary that has taken over goes on until an active serves for a while");
    CHECK(back.reason ==
          "production-web3 is in standby_nodes; production-web1 (hq) serves as active, so since "
          "2024-01-01T00:01:50.000Z: this node has taken over, and gives back once that has lasted 20 s");
    at.time.advance(seconds(20));
    CHECK(at.resolve().reason == "production-web3 is in standby_nodes; production-web1 (hq) serves as active");
}

TEST_CASE("a standby without memory leaves alone what runs until it has looked for a while") {
    standby at;
    at.fail();
    SUBCASE("a first look") {
        CHECK(at.looks(25) == "either 20, running 5");
    }
    SUBCASE("another boot") {
        CHECK(at.looks(25) == "either 20, running 5");
        at.boot("77e0");
        at.time = {};
        CHECK(at.looks(25) == "either 20, running 5");
        at.boot("0001");
        at.time = {};
        at.serve();
        CHECK(at.looks(5) == "stopped 5");
    }
    SUBCASE("a record of an earlier version") {
        at.files.put(std::string{record}, R"({"key":"cluster/production/web","node":"production-web3",)"
                                          R"("role":"secondary","expects":"running","document":6,"at":1})"
                                          "\n");
        CHECK(at.looks(25) == "either 20, running 5");
    }
    SUBCASE("an active serves meanwhile") {
        CHECK(at.looks(5) == "either 5");
        at.serve();
        CHECK(at.looks(5) == "stopped 5");
        at.fail();
        CHECK(at.looks(21) == "stopped 20, running 1");
    }
}

TEST_CASE("an active that is not registered is gone only after a while") {
    standby at;
    CHECK(at.looks(5) == "stopped 5");
    at.leave();
    SUBCASE("its agent is restarted") {
        CHECK(at.looks(55) == "stopped 55");
        at.come();
        CHECK(at.looks(5) == "stopped 5");
        at.leave();
        CHECK(at.looks(59) == "stopped 59");
        const auto facts = at.resolve();
        CHECK(facts.reason ==
              "production-web3 is in standby_nodes; whether an active serves is unknown: production-web1 is not "
              "registered, which counts after 60 s: a service runs on while its agent is restarted");
        CHECK(facts.cause->code == errc::unavailable);
    }
    SUBCASE("no last expectation is to be used") {
        at.options.max_age = {0};
        CHECK(at.looks(81) == "unknown 60, stopped 20, running 1");
    }
    SUBCASE("it has left for good") {
        CHECK(at.looks(90) == "stopped 80, running 10");
        CHECK(at.resolve().reason ==
              "production-web3 is in standby_nodes; no active serves: production-web1 is not registered");
    }
    SUBCASE("what was seen before its absence does not count") {
        at.come(store_status::critical);
        CHECK(at.looks(15) == "stopped 15");
        at.leave();
        CHECK(at.looks(10) == "stopped 10");
        at.come(store_status::critical);
        CHECK(at.looks(21) == "stopped 20, running 1");
        at.leave();
        CHECK_MESSAGE(at.looks(75) == "running 75", "it goes on");
    }
    SUBCASE("a datacenter in which no active is registered") {
        at.come();
        at.options.who.datacenter = "hq";
        at.consul.add("dr", {.service = "web", .node = "production-web9"});
        at.consul.put("hq", key, R"({"active_datacenter":"dr","standby_datacenter":"hq"})");
        CHECK(at.looks(5) == "stopped 5");
        REQUIRE(at.consul.remove("dr", "production-web9", "web"));
        CHECK(at.looks(50) == "stopped 50");
        CHECK(at.resolve().reason ==
              "datacenter hq is in standby_datacenters; whether an active serves is unknown: no active is registered "
              "in dr, which counts after 60 s: a service runs on while its agent is restarted");
        at.consul.add("dr", {.service = "web", .node = "production-web9"});
        CHECK(at.looks(5) == "stopped 5");
    }
}

TEST_CASE("a check of powerconsul that does not know, or has not run, is neither well nor dead") {
    struct row {
        std::string_view name;
        void (*change)(standby&);
        std::string_view looks;  ///< of 25 s, after an active that served
        std::string_view later;  ///< of 25 s, after it has taken over
    };
    const row rows[] = {
        {"critical, and unknown", [](standby& at) { at.say(store_status::critical, line("unknown")); }, "stopped 25",
         "running 25"},
        {"warning, and unknown, where a warning is enough",
         [](standby& at) {
             at.options.from = takeover::on_warning;
             at.say(store_status::warning, line("unknown"));
         },
         "stopped 25", "running 25"},
        {"cut off",
         [](standby& at) {
             at.say(store_status::critical,
                    "Captured 60 of 135 bytes\n...\n" + line("critical").substr(line("critical").size() - 60));
         },
         "stopped 25", "running 25"},
        {"another program's, cut off",
         [](standby& at) { at.say(store_status::critical, "Captured 10 of 135 bytes\n...\n0 is down}"); },
         "stopped 20, running 5", "running 25"},
        {"unknown, and another check is critical",
         [](standby& at) {
             at.say(store_status::warning, line("unknown"));
             REQUIRE(at.consul.set_check("hq", "production-web1", "serfHealth", store_status::critical));
         },
         "stopped 20, running 5", "running 25"},
        {"passing, and has not run", [](standby& at) { at.say(store_status::passing, ""); }, "stopped 25",
         "running 25"},
        {"critical, and has not run", [](standby& at) { at.say(store_status::critical, ""); }, "stopped 25",
         "running 25"},
        {"another program's, which says nothing",
         [](standby& at) {
             REQUIRE(at.consul.set_check("hq", "production-web3", "service:web", store_status::passing, "all is well"));
             at.say(store_status::passing, "");
         },
         "stopped 25", "running 20, stopped 5"},
        {"critical, another program's, which says nothing",
         [](standby& at) {
             REQUIRE(at.consul.set_check("hq", "production-web3", "service:web", store_status::passing, "all is well"));
             at.say(store_status::critical, "");
         },
         "stopped 20, running 5", "running 25"},
        {"critical, and known", [](standby& at) { at.say(store_status::critical, line("critical")); },
         "stopped 20, running 5", "running 25"},
        {"critical, of the only check, which has --serving",
         [](standby& at) {
             at.say(store_status::critical, "CRITICAL - web is stopped, primary expects it to serve here");
         },
         "stopped 20, running 5", "running 25"},
        {"passing, and known", [](standby& at) { at.say(store_status::passing, line("passing")); }, "stopped 25",
         "running 20, stopped 5"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        standby before;
        CHECK(before.looks(5) == "stopped 5");
        each.change(before);
        CHECK(before.looks(25) == each.looks);
        standby later;
        CHECK(later.looks(1) == "stopped 1");
        later.fail();
        CHECK(later.looks(25) == "stopped 20, running 5");
        each.change(later);
        CHECK(later.looks(25) == each.later);
    }
    standby at;
    at.say(store_status::passing, "");
    CHECK(at.resolve().reason ==
          "production-web3 is in standby_nodes; whether an active serves is unknown: production-web1 (hq) is unknown: "
          "its check service:web has not run since its agent was started");
    at.say(store_status::warning, line("unknown"));
    CHECK(at.resolve().reason ==
          "production-web3 is in standby_nodes; whether an active serves is unknown: production-web1 (hq) is unknown: "
          "its check service:web cannot tell");
}

TEST_CASE("in the other datacenter a check that has not run is told by those of this node") {
    standby at;
    at.options.who.datacenter = "hq";
    const auto beyond = [&](std::optional<std::string> output) {
        at.consul.add("dr", {.service = "web",
                             .node = "production-web9",
                             .checks = {{"of-web9", {store_status::passing, std::move(output)}}}});
    };
    at.document(R"({"active_datacenter":"dr","standby_datacenter":"hq"})");
    beyond("");
    CHECK(at.resolve().others.state == actives::unknown);
    beyond(line("passing"));
    CHECK(at.resolve().others.state == actives::serving);
    beyond("");
    REQUIRE(at.consul.set_check("hq", "production-web3", "service:web", store_status::passing, "all is well"));
    CHECK(at.resolve().others.state == actives::serving);
}

TEST_CASE("a registration that was left over beside the real one does not count") {
    standby at;
    CHECK(at.looks(1) == "stopped 1");
    at.consul.add("hq", {.service = "web", .node = "production-web1", .id = "web-old"});
    at.fail();
    CHECK(at.looks(21) == "stopped 20, running 1");
    CHECK(at.consul.remove("hq", "production-web1", "web"));
    CHECK_MESSAGE(at.looks(21) == "running 20, stopped 1", "alone it does: no check at all is passing");
}

TEST_CASE("an unreachable datacenter in which no active was ever seen does not keep a standby from taking over") {
    standby at;
    at.consul.add("dr", {.service = "other", .node = "dr-other1"});
    CHECK(at.looks(2) == "stopped 2");
    at.consul.respond_with("/v1/health/service/web?dc=dr", 500, "No path to datacenter");
    at.leave();
    CHECK(at.looks(81) == "stopped 80, running 1");
    for (const auto& each : at.asked.requests) CHECK(each.target.find("dc=dr") == std::string::npos);

    standby never;
    never.consul.add("dr", {.service = "other", .node = "dr-other1"});
    never.leave();
    never.consul.respond_with("/v1/health/service/web?dc=dr", 500, "No path to datacenter");
    CHECK_MESSAGE(never.looks(90) == "unknown 90", "it may be there");

    standby moved;
    moved.leave();
    moved.consul.add("dr", {.service = "web", .node = "production-web1"});
    moved.consul.add("far", {.service = "other", .node = "far-other1"});
    CHECK(moved.looks(2) == "stopped 2");
    moved.consul.respond_with("/v1/health/service/web?dc=far", 500, "No path to datacenter");
    REQUIRE(moved.consul.remove("dr", "production-web1", "web"));
    CHECK_MESSAGE(moved.looks(81) == "stopped 80, running 1", "only where it was seen last is it asked for");
}

TEST_CASE("an active is absent only since an answer that proves it") {
    standby at;
    CHECK(at.looks(1) == "stopped 1");
    at.leave();
    at.consul.respond_with("/v1/health", 200, "[]");
    (void)at.looks(70);
    at.consul.respond_normally();
    CHECK(at.looks(81) == "stopped 80, running 1");
}

TEST_CASE("what says nothing for long has run: Consul keeps an output back while its status stays the same") {
    struct row {
        std::string_view name;
        store_status status;
        std::string_view before;  ///< of a standby
        std::string_view after;   ///< of one that has taken over
    };
    const row rows[] = {
        {"passing", store_status::passing, "stopped 100", "running 80, stopped 20"},
        {"critical", store_status::critical, "stopped 80, running 20", "running 100"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        standby at;
        CHECK(at.looks(5) == "stopped 5");
        at.say(each.status, "");
        CHECK(at.looks(100) == each.before);
        standby over;
        CHECK(over.looks(1) == "stopped 1");
        over.fail();
        CHECK(over.looks(25) == "stopped 20, running 5");
        over.say(each.status, "");
        CHECK(over.looks(100) == each.after);
        // Another registration begins anew, as after another restart of the agent.
        over.leave();
        over.come(store_status::passing);
        over.say(store_status::passing, "");
        CHECK(over.looks(50) == (each.status == store_status::passing ? "stopped 50" : "running 50"));
        CHECK(over.resolve().others.state == actives::unknown);
    }
}

TEST_CASE("who only looks, or looks elsewhere, changes nothing") {
    standby at;
    CHECK(at.looks(1) == "stopped 1");
    const auto before = at.saved();
    REQUIRE(before);
    at.fail();
    struct row {
        std::string_view name;
        void (*change)(resolver_options&);
    };
    const row rows[] = {
        {"only looks", [](resolver_options& how) { how.record = record_use::read; }},
        {"does not look at the record", [](resolver_options& how) { how.record = record_use::none; }},
        {"another datacenter", [](resolver_options& how) { how.who.datacenter = "dr"; }},
        {"another node", [](resolver_options& how) { how.who.node = "production-web1"; }},
        {"another key", [](resolver_options& how) { how.cluster_key = "elsewhere"; }},
        {"another agent", [](resolver_options& how) { how.cluster = "http://consul.example.org:8500"; }},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto usual = at.options;
        each.change(at.options);
        (void)at.resolve();
        CHECK(at.saved() == before);
        at.options = usual;
    }
    CHECK_MESSAGE(at.looks(21) == "stopped 20, running 1", "the time counts from the first look that was this node's");
    // The agent's datacenter is the same whether it is named or not.
    at.options.who.datacenter = "hq";
    CHECK(at.looks(2) == "running 2");
    at.options.who.datacenter.clear();
    CHECK(at.looks(2) == "running 2");
    at.serve();
    at.options.record = record_use::read;
    CHECK(at.looks(2) == "running 2");
    // A configuration that was changed is this node's once the other one has not looked for a minute.
    at.options.record = record_use::read_and_write;
    at.options.cluster_key = "elsewhere";
    (void)at.resolve();
    at.time.advance(seconds(60));
    const auto old = at.saved();
    (void)at.resolve();
    CHECK(at.saved() != old);
}

TEST_CASE("who cannot remember does not take over") {
    standby at;
    CHECK(at.looks(1) == "stopped 1");
    at.fail();
    at.files.fail_on("/state/last-known", {errc::io, "the disk is full"});
    CHECK(at.looks(60) == "unknown 60");
    CHECK(at.resolve().reason ==
          "production-web3 is in standby_nodes; no active serves: production-web1 (hq) is critical by service:web; "
          "for how long that has been so cannot be remembered: the disk is full");
    at.serve();
    CHECK(at.looks(1) == "stopped 1");
    at.fail();
    at.files.heal("/state/last-known");
    CHECK(at.looks(21) == "stopped 20, running 1");
    at.files.fail_on("/proc/sys/kernel/random/boot_id", {errc::io, "no"});
    CHECK(at.looks(1) == "unknown 1");
}

TEST_CASE("who has taken over and cannot remember any more gives back at once") {
    struct full_disk : memory_files {
        bool full{};
        auto replace(const std::string& path, std::string_view text, std::uint32_t mode = 0600,
                     durability how = durability::flushed) -> result<void> {
            if (full) return fail(errc::io, "the disk is full");
            return memory_files::replace(path, text, mode, how);
        }
    };
    standby at;
    full_disk files;
    files.put("/proc/sys/kernel/random/boot_id", "4a11\n");
    const auto look = [&] {
        at.time.advance(seconds(1));
        at.time.set_wall(at.time.wall() + seconds(1));
        return role_resolver{at.asked, at.time, files, "/state", at.options}.resolve("web", seconds(8));
    };
    CHECK(said(look()) == "secondary stopped fresh");
    at.fail();
    for (int i = 0; i < 20; ++i) CHECK(said(look()) == "secondary stopped fresh");
    CHECK(said(look()) == "secondary running fresh");
    files.full = true;
    for (int i = 0; i < 30; ++i) CHECK_MESSAGE(said(look()) == "secondary running fresh", "it goes on");
    at.serve();
    const auto back = look();
    CHECK(said(back) == "secondary stopped fresh");
    CHECK(back.rule == "a secondary waits while an active serves");
    CHECK(back.reason ==
          "production-web3 is in standby_nodes; production-web1 (hq) serves as active; for how long that has been so "
          "cannot be remembered: the disk is full");
    CHECK_MESSAGE(look().reason == back.reason, "the line of the check stays the same");
    CHECK_FALSE(back.cause);
}

TEST_CASE("a look that cannot tell does not undo what another process has found out meanwhile") {
    /// The watch, in the middle of whose look a check runs.
    struct interrupted {
        standby& at;
        bool done{};
        auto perform(const http_request& request) -> result<http_response> {
            auto answer = at.consul.perform(request);
            if (!done && answer && answer->status == 500) {
                done = true;
                at.consul.respond_normally();
                at.time.advance(seconds(1));
                CHECK(said(at.resolve()) == "secondary running fresh");
            }
            return answer;
        }
    };
    standby at;
    CHECK(at.looks(1) == "stopped 1");
    at.fail();
    CHECK(at.looks(20) == "stopped 20");
    at.consul.respond_with("/v1/health", 500, "");
    interrupted watch{at};
    (void)role_resolver{watch, at.time, at.files, "/state", at.options}.resolve("web", seconds(8));
    CHECK(watch.done);
    CHECK(at.looks(30) == "running 30");
}

TEST_CASE("a document that could not be used for a moment changes nothing but itself") {
    standby at;
    SUBCASE("an active that is a standby afterwards stops at once") {
        at.document(turned);
        CHECK(at.looks(5) == "running 5");
        at.fail();
        at.document("{");
        CHECK(at.looks(3) == "unknown 3");
        at.document(by_nodes);
        CHECK(at.looks(21) == "stopped 20, running 1");
    }
    SUBCASE("a standby that waits goes on waiting") {
        CHECK(at.looks(1) == "stopped 1");
        at.fail();
        at.document("{");
        CHECK(at.looks(3) == "unknown 3");
        at.document(by_nodes);
        CHECK(at.looks(21) == "stopped 20, running 1");
    }
    SUBCASE("a standby that has taken over runs on") {
        CHECK(at.looks(1) == "stopped 1");
        at.fail();
        CHECK(at.looks(21) == "stopped 20, running 1");
        at.document("{");
        CHECK(at.looks(3) == "unknown 3");
        at.document(by_nodes);
        CHECK(at.looks(30) == "running 30");
    }
    SUBCASE("a standby that has just begun to look still leaves alone what runs") {
        at.fail();
        CHECK(at.looks(5) == "either 5");
        at.document("{");
        CHECK(at.looks(3) == "unknown 3");
        at.document(by_nodes);
        CHECK(at.looks(21) == "either 20, running 1");
    }
    SUBCASE("where an active was seen last is still known") {
        at.consul.add("dr", {.service = "other", .node = "dr-other1"});
        at.consul.respond_with("/v1/health/service/web?dc=dr", 500, "No path to datacenter");
        CHECK(at.looks(1) == "stopped 1");
        at.document("{");
        CHECK(at.looks(1) == "unknown 1");
        at.leave();
        at.document(by_nodes);
        CHECK(at.looks(81) == "unknown 60, stopped 20, running 1");
    }
}

TEST_CASE("no history of short events changes what a standby does") {
    struct event {
        void (*begin)(standby&);
        void (*end)(standby&);
        int longest;  ///< seconds
    };
    const auto normally = [](standby& at) { at.consul.respond_normally(); };
    const auto nothing = [](standby&) {};
    // Whatever the active does, for less than the time that counts.
    const event events[] = {
        {[](standby& at) { at.fail(); }, nothing, 19},
        {[](standby& at) { at.leave(); }, nothing, 59},
        {[](standby& at) { at.say(store_status::critical, line("unknown")); }, nothing, 90},
        {[](standby& at) { at.say(store_status::passing, ""); }, nothing, 59},
        {[](standby& at) { at.consul.respond_with("/v1/health", 500, ""); }, normally, 90},
        {[](standby& at) { at.consul.respond_with("/v1/kv", 500, ""); }, normally, 90},
        {[](standby& at) { at.consul.respond_with("/v1/health", 200, "[]"); }, normally, 59},
        {[](standby& at) { at.consul.set_offline(true); }, [](standby& at) { at.consul.set_offline(false); }, 90},
        {[](standby& at) { at.document(R"({"active_nodes":["production-web1"})"); },
         [](standby& at) { at.document(by_nodes); }, 90},
        {[](standby& at) { at.time.set_wall(at.time.wall() - seconds(86'400)); }, nothing, 1},
        {[](standby& at) { at.time.set_wall(at.time.wall() + seconds(86'400)); }, nothing, 1},
        {[](standby& at) { at.options.record = record_use::read; },
         [](standby& at) { at.options.record = record_use::read_and_write; }, 15},
    };
    std::uint32_t random = 1;
    const auto below = [&](std::uint32_t limit) {
        random = random * 1'664'525U + 1'013'904'223U;
        return static_cast<std::size_t>((random >> 8U) % limit);
    };
    for (int history = 0; history < 60; ++history) {
        CAPTURE(history);
        standby at;
        const bool over = history % 2 == 1;  // it has taken over, and the active only seems to come back
        CHECK(at.looks(1) == "stopped 1");
        if (over) at.fail();
        if (over) CHECK(at.looks(21) == "stopped 20, running 1");
        const auto wanted = over ? expectation::stopped : expectation::running;
        for (int i = 0; i < 12; ++i) {
            std::size_t which = below(std::size(events));
            if (over && which == 0) {
                at.serve();
            } else {
                events[which].begin(at);
            }
            const std::size_t lasts = 1 + below(static_cast<std::uint32_t>(events[which].longest));
            bool seen = false;
            for (std::size_t k = 0; k < lasts; ++k) {
                seen = seen || at.resolve().expects == wanted;
                at.time.advance(milliseconds{990});
            }
            CAPTURE(which);
            CAPTURE(lasts);
            CAPTURE(i);
            REQUIRE_FALSE(seen);
            events[which].end(at);
            at.come(over ? store_status::critical : store_status::passing);
            // One look that knows how it really is.
            REQUIRE(at.resolve().expects != wanted);
            at.time.advance(milliseconds{10});
        }
    }
}
