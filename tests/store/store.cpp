#include <powerconsul/store/store.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/transport.hpp>

using namespace powerconsul;

static_assert(http_transport<store> && http_transport<store&> && http_transport<store_view>);
static_assert(!parallel_http_transport<store>, "nothing to wait for");

namespace {

constexpr auto GET = http_method::get;
constexpr auto PUT = http_method::put;
constexpr auto DEL = http_method::del;

/// Two datacenters; the agent is production-web2 in hq.
auto example() -> store {
    store made{{.node = "production-web2", .datacenter = "hq"}};
    made.put("hq", "cluster/production/web", R"({"active_nodes":["production-web1"]})");
    made.put("hq", "empty", "");
    made.put("dr", "only/dr", "there");
    made.add("hq",
             {.service = "web", .node = "production-web1", .checks = {{"service:web", {store_status::critical}}}});
    made.add("hq", {.service = "web",
                    .node = "production-web2",
                    .tags = {"blue"},
                    .address = "10.0.0.2",
                    .port = 80,
                    .checks = {{"service:web", {}}}});
    return made;
}

auto ask(store& from, http_method method, std::string target, std::string body = {}) -> http_response {
    auto answer = from.perform({method, std::move(target), std::move(body)});
    REQUIRE(answer);
    return *answer;
}
auto get_json(store& from, std::string target) -> json::value {
    const auto answer = ask(from, GET, std::move(target));
    CHECK(answer.status == 200);
    auto parsed = json::parse(answer.body);
    REQUIRE(parsed);
    return *parsed;
}
auto modified(store& from, std::string key) -> std::uint64_t {
    return *get_json(from, "/v1/kv/" + key).items.at(0).find("ModifyIndex")->as_unsigned();
}

}  // namespace

TEST_CASE("each request gets Consul's status and body") {
    struct row {
        std::string_view name;
        http_method method;
        std::string target;
        int status;
        std::string_view body;
    };
    const row rows[] = {
        {"raw value", GET, "/v1/kv/only/dr?dc=dr&raw", 200, "there"},
        {"raw empty value", GET, "/v1/kv/empty?raw", 200, ""},
        {"missing key", GET, "/v1/kv/none", 404, ""},
        {"a key of the other datacenter", GET, "/v1/kv/only/dr", 404, ""},
        {"escaped slash is a slash", GET, "/v1/kv/only%2Fdr?raw&dc=dr", 200, "there"},
        {"empty dc is the agent's", GET, "/v1/kv/empty?dc=", 200,
         R"([{"LockIndex":0,"Key":"empty","Flags":0,"Value":null,"CreateIndex":3,"ModifyIndex":3}])"},
        {"unknown datacenter, read", GET, "/v1/kv/a?dc=mars", 500, "No path to datacenter"},
        {"unknown datacenter, write", PUT, "/v1/kv/a?dc=mars", 500, "No path to datacenter"},
        {"unknown datacenter, health", GET, "/v1/health/service/web?dc=mars", 500, "No path to datacenter"},
        {"no key", GET, "/v1/kv/", 400, "Missing key name"},
        {"parameters without a meaning here", GET, "/v1/kv/empty?raw&stale&index=7&wait=5s&pretty", 200, ""},
        {"keys below a prefix", GET, "/v1/kv/cl?keys", 200, R"(["cluster/production/web"])"},
        {"no keys below a prefix", GET, "/v1/kv/x?keys", 404, ""},
        {"nothing below a prefix", GET, "/v1/kv/x?recurse", 404, ""},
        {"all keys", GET, "/v1/kv/?keys", 200, R"(["cluster/production/web","empty"])"},
        {"separator is not supported", GET, "/v1/kv/?keys&separator=/", 501,
         "the embedded store does not know ?separator"},
        {"lock", PUT, "/v1/kv/l?acquire=s-1", 500, "invalid session \"s-1\""},
        {"unlock", PUT, "/v1/kv/l?release=s-1", 500, "invalid session \"s-1\""},
        {"cas that is no number", PUT, "/v1/kv/a?cas=zz", 500, "strconv.ParseUint: parsing \"zz\": invalid syntax"},
        {"cas that is no number, delete", DEL, "/v1/kv/a?cas=", 500, "strconv.ParseUint: parsing \"\": invalid syntax"},
        {"double slash", GET, "/v1/kv/a//b", 301, ""},
        {"leading slash", PUT, "/v1/kv//lead", 301, ""},
        {"line feed", PUT, "/v1/kv/nl%0A", 400, ""},
        {"NUL", GET, "/v1/kv/nul%00", 400, ""},
        {"not UTF-8", GET, "/v1/kv/bad%FFutf", 400, ""},
        {"escape cut off", GET, "/v1/kv/a%2", 400, ""},
        {"escape not hexadecimal", GET, "/v1/kv/a%zz", 400, ""},
        {"unknown service", GET, "/v1/health/service/none", 200, "[]"},
        {"no service", GET, "/v1/health/service/", 400, "Missing service name"},
        {"passing, but nobody is", GET, "/v1/health/service/none?passing", 200, "[]"},
        {"passing=maybe", GET, "/v1/health/service/web?passing=maybe", 400, "Invalid value for ?passing"},
        {"filter is not supported", GET, "/v1/health/service/web?filter=x", 501,
         "the embedded store does not know ?filter"},
        {"datacenters, the agent's first", GET, "/v1/catalog/datacenters", 200, R"(["hq","dr"])"},
        {"services with their tags", GET, "/v1/catalog/services", 200, R"({"web":["blue"]})"},
        {"no services", GET, "/v1/catalog/services?dc=dr", 200, "{}"},
        {"leader", GET, "/v1/status/leader", 200, "\"127.0.0.1:8300\""},
        {"unknown path", GET, "/v1/nothing", 404, ""},
        {"not the whole path", GET, "/v1/agent/selfish", 404, ""},
        {"no slash", GET, "v1/agent/self", 301, ""},
        {"health is read only", PUT, "/v1/health/service/web", 405, "method PUT not allowed"},
        {"the catalog is read only", DEL, "/v1/catalog/nodes", 405, "method DELETE not allowed"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        auto consul = example();
        const auto before = consul.data().index();
        const auto answer = ask(consul, each.method, each.target);
        CHECK(answer.status == each.status);
        CHECK(answer.body == each.body);
        CHECK(consul.data().index() == before);
    }
}

TEST_CASE("a value comes as Consul shows it, with the headers of a read") {
    auto consul = example();
    const auto all = get_json(consul, "/v1/kv/cluster/production/web");
    REQUIRE(all.items.size() == 1);
    const auto& entry = all.items[0];
    CHECK(entry.names == std::vector<std::string>{"LockIndex", "Key", "Flags", "Value", "CreateIndex", "ModifyIndex"});
    CHECK(entry.find("Key")->text == "cluster/production/web");
    CHECK(*base64_decoded(entry.find("Value")->text) == R"({"active_nodes":["production-web1"]})");

    const auto found = ask(consul, GET, "/v1/kv/cluster/production/web");
    CHECK(found.header("X-Consul-Index") == entry.find("ModifyIndex")->text);
    CHECK(found.header("x-consul-knownleader") == "true");
    CHECK(found.header("X-Consul-LastContact") == "0");
    CHECK(ask(consul, GET, "/v1/kv/none").header("X-Consul-Index") == std::to_string(consul.data().index()));
    CHECK(ask(consul, GET, "/v1/health/service/none").header("X-Consul-Index") != "");
    CHECK(ask(consul, GET, "/v1/agent/self").header("X-Consul-Index") == "");
    CHECK(ask(consul, PUT, "/v1/kv/x", "1").header("X-Consul-Index") == "");
    CHECK(get_json(consul, "/v1/kv/c?recurse").items.at(0).find("Key")->text == "cluster/production/web");
}

TEST_CASE("keys are stored decoded, whatever they contain") {
    for (const std::string key :
         {"sp ace", "uni\xC3\xA9", "q?x", "h#x", "pc%x", "sp+plus", "back\\slash", "quote\"", "semi;x=1"}) {
        CAPTURE(key);
        auto consul = example();
        CHECK(ask(consul, PUT, "/v1/kv/" + percent_encoded(key), "v").body == "true");
        CHECK(get_json(consul, "/v1/kv/" + percent_encoded(key)).items.at(0).find("Key")->text == key);
    }
    auto consul = example();
    CHECK(ask(consul, PUT, "/v1/kv/sp+plus/", "v").body == "true");
    CHECK(ask(consul, GET, "/v1/kv/?keys").body == R"(["cluster/production/web","empty","sp+plus/"])");
}

TEST_CASE("a path that Consul would clean up is answered with where it leads") {
    struct row {
        std::string_view target;
        std::string_view location;
    };
    constexpr row rows[] = {
        {"/v1/kv/a//b", "/v1/kv/a/b"},
        {"/v1/kv//lead?dc=hq", "/v1/kv/lead?dc=hq"},
        {"/v1/kv/a/../b", "/v1/kv/b"},
        {"/v1/kv/a/./b", "/v1/kv/a/b"},
        {"/v1/kv/a/%2e%2e/b", "/v1/kv/b"},
        {"/v1/kv/a//", "/v1/kv/a/"},
        {"/v1/kv/a%20b//c", "/v1/kv/a%20b/c"},
        {"/../../..", "/"},
        {"", "/"},
        {"/v1/kv/a/..", "/v1/kv"},
    };
    auto consul = example();
    for (const auto& each : rows) {
        CAPTURE(each.target);
        const auto answer = ask(consul, PUT, std::string{each.target}, "not stored");
        CHECK(answer.status == 301);
        CHECK(answer.header("Location") == each.location);
    }
    CHECK(ask(consul, GET, "/v1/kv/?keys").body == R"(["cluster/production/web","empty"])");
}

TEST_CASE("PUT keeps the index of an identical value and raises that of another") {
    auto consul = example();
    CHECK(ask(consul, PUT, "/v1/kv/k", "one").body == "true");
    const auto first = modified(consul, "k");
    ask(consul, PUT, "/v1/kv/k", "one");
    CHECK(modified(consul, "k") == first);
    ask(consul, PUT, "/v1/kv/k?flags=42", "one");
    CHECK(modified(consul, "k") > first);
    const auto entry = get_json(consul, "/v1/kv/k").items.at(0);
    CHECK(*entry.find("CreateIndex")->as_unsigned() == first);
    CHECK(entry.find("Flags")->text == "42");
    ask(consul, PUT, "/v1/kv/k?dc=dr", "other");
    CHECK(ask(consul, GET, "/v1/kv/k?raw").body == "one");
    CHECK(ask(consul, GET, "/v1/kv/k?raw&dc=dr").body == "other");
}

TEST_CASE("cas writes only over what was read") {
    auto consul = example();
    CHECK(ask(consul, PUT, "/v1/kv/k?cas=7", "x").body == "false");
    CHECK(ask(consul, PUT, "/v1/kv/k?cas=0", "one").body == "true");
    CHECK(ask(consul, PUT, "/v1/kv/k?cas=0", "two").body == "false");
    const auto read = std::to_string(modified(consul, "k"));
    CHECK(ask(consul, PUT, "/v1/kv/k?cas=" + read, "two").body == "true");
    CHECK(ask(consul, PUT, "/v1/kv/k?cas=" + read, "three").body == "false");
    CHECK(ask(consul, GET, "/v1/kv/k?raw").body == "two");

    CHECK(ask(consul, DEL, "/v1/kv/k?cas=0").body == "false");
    CHECK(ask(consul, DEL, "/v1/kv/k?cas=" + read).body == "false");
    CHECK(ask(consul, DEL, "/v1/kv/k?cas=" + std::to_string(modified(consul, "k"))).body == "true");
    CHECK(ask(consul, GET, "/v1/kv/k").status == 404);
}

TEST_CASE("DELETE is true even for what is not there, and recurse takes the prefix") {
    auto consul = example();
    CHECK(ask(consul, DEL, "/v1/kv/none").body == "true");
    for (const auto* key : {"a/1", "a/2", "ab", "b"}) ask(consul, PUT, std::string{"/v1/kv/"} + key, "v");
    const auto before = consul.data().index();
    CHECK(ask(consul, DEL, "/v1/kv/a/?recurse").body == "true");
    CHECK(consul.data().index() > before);
    CHECK(ask(consul, GET, "/v1/kv/?keys").body == R"(["ab","b","cluster/production/web","empty"])");
}

TEST_CASE("a value has at most 512 KiB") {
    auto consul = example();
    CHECK(ask(consul, PUT, "/v1/kv/big", std::string(524288, 'x')).status == 200);
    const auto answer = ask(consul, PUT, "/v1/kv/big", std::string(524289, 'y'));
    CHECK(answer.status == 413);
    CHECK(answer.body.starts_with("Request body(524289 bytes) too large, max size: 524288 bytes."));
    CHECK(ask(consul, GET, "/v1/kv/big?raw").body.front() == 'x');
}

TEST_CASE("health shows each instance with its node and the checks of both") {
    auto consul = example();
    const auto all = get_json(consul, "/v1/health/service/web");
    REQUIRE(all.items.size() == 2);
    const auto& second = all.items[1];
    CHECK(second.names == std::vector<std::string>{"Node", "Service", "Checks"});
    CHECK(second.find("Node")->find("Node")->text == "production-web2");
    CHECK(second.find("Node")->find("Datacenter")->text == "hq");
    const auto& service = *second.find("Service");
    CHECK(service.find("ID")->text == "web");
    CHECK(service.find("Service")->text == "web");
    CHECK(service.find("Tags")->items.at(0).text == "blue");
    CHECK(service.find("Address")->text == "10.0.0.2");
    CHECK(service.find("Port")->text == "80");
    const auto& checks = second.find("Checks")->items;
    REQUIRE(checks.size() == 2);
    CHECK(checks[0].find("CheckID")->text == "serfHealth");
    CHECK(checks[0].find("ServiceID")->text == "");
    CHECK(checks[0].find("ServiceName")->text == "");
    CHECK(checks[0].find("Output")->text == "Agent alive and reachable");
    CHECK(checks[1].find("CheckID")->text == "service:web");
    CHECK(checks[1].find("ServiceID")->text == "web");
    CHECK(checks[1].find("ServiceTags")->items.at(0).text == "blue");
    CHECK(checks[1].find("Status")->text == "passing");
    for (const auto* member : {"Node", "CheckID", "Name", "Status", "Notes", "Output", "ServiceID", "ServiceName",
                               "ServiceTags", "Type", "Definition", "CreateIndex", "ModifyIndex"}) {
        CAPTURE(member);
        CHECK(checks[1].find(member) != nullptr);
    }
    CHECK(all.items[0].find("Checks")->items.at(1).find("Status")->text == "critical");
}

TEST_CASE("passing leaves only instances whose checks pass, all of them") {
    auto consul = example();
    for (const std::string value : {"passing", "passing=1", "passing=true"}) {
        const auto some = get_json(consul, "/v1/health/service/web?" + value);
        REQUIRE(some.items.size() == 1);
        CHECK(some.items[0].find("Node")->find("Node")->text == "production-web2");
    }
    CHECK(get_json(consul, "/v1/health/service/web?passing=false").items.size() == 2);
    REQUIRE(consul.set_check("hq", "production-web2", "service:web", store_status::warning));
    CHECK(get_json(consul, "/v1/health/service/web?passing").items.empty());
    REQUIRE(consul.set_check("hq", "production-web2", "service:web", store_status::passing));
    REQUIRE(consul.set_check("hq", "production-web2", "serfHealth", store_status::critical));
    CHECK(get_json(consul, "/v1/health/service/web?passing").items.empty());
}

TEST_CASE("the agent shows itself, its services and its checks, whatever dc says") {
    auto consul = example();
    const auto self = get_json(consul, "/v1/agent/self?dc=mars");
    CHECK(self.find("Config")->find("Datacenter")->text == "hq");
    CHECK(self.find("Config")->find("NodeName")->text == "production-web2");
    CHECK(self.find("Config")->find("Version")->text == "embedded");

    const auto services = get_json(consul, "/v1/agent/services");
    CHECK(services.names == std::vector<std::string>{"web"});
    CHECK(services.find("web")->find("Service")->text == "web");

    const auto checks = get_json(consul, "/v1/agent/checks");
    CHECK(checks.names == std::vector<std::string>{"service:web"});  // serfHealth is the leader's, not the agent's
    CHECK(checks.find("service:web")->find("Node")->text == "production-web2");
    CHECK(checks.find("service:web")->find("ServiceName")->text == "web");
    CHECK(checks.find("service:web")->find("CreateIndex")->text == "0");
    CHECK(checks.find("service:web")->find("Output")->text == "set to passing in the embedded store");
}

TEST_CASE("many nodes can share a store, each through its own agent") {
    auto consul = example();
    store_view first{&consul, {.node = "production-web1", .datacenter = "hq"}};
    store_view remote{&consul, {.node = "nobody", .datacenter = "dr"}};
    store_view lost{&consul, {.node = "nobody", .datacenter = "mars"}};
    CHECK(first.perform({GET, "/v1/agent/self"})->body.find("production-web1") != std::string::npos);
    CHECK(first.perform({GET, "/v1/agent/checks"})->body.find("critical") != std::string::npos);
    CHECK(remote.perform({GET, "/v1/kv/only/dr?raw"})->body == "there");
    CHECK(remote.perform({GET, "/v1/agent/checks"})->body == "{}");
    CHECK(remote.perform({GET, "/v1/catalog/datacenters"})->body == R"(["dr","hq"])");
    CHECK(lost.perform({GET, "/v1/agent/services"})->body == "{}");
    CHECK(lost.perform({GET, "/v1/kv/empty"})->body == "No path to datacenter");
}

TEST_CASE("an embedding program changes nodes, instances and checks") {
    auto consul = example();
    REQUIRE(consul.set_check("hq", "production-web1", "_node_maintenance", store_status::critical));
    REQUIRE(consul.set_check("hq", "production-web1", "_service_maintenance:web", store_status::critical));
    REQUIRE(consul.set_check("hq", "production-web2", "disk", store_status::warning, ""));
    const auto all = get_json(consul, "/v1/health/service/web");
    std::vector<std::string> ids;
    for (const auto& check : all.items.at(0).find("Checks")->items) ids.push_back(check.find("CheckID")->text);
    CHECK(ids ==
          std::vector<std::string>{"_node_maintenance", "serfHealth", "_service_maintenance:web", "service:web"});
    const auto& maintenance = all.items[0].find("Checks")->items.at(2);
    CHECK(maintenance.find("ServiceID")->text == "web");
    CHECK(maintenance.find("Type")->text == "maintenance");
    CHECK(maintenance.find("Output")->text == "");
    CHECK(all.items.at(1).find("Checks")->items.at(0).find("CheckID")->text == "disk");
    CHECK(all.items[1].find("Checks")->items[0].find("Output")->text == "");

    CHECK(consul.erase_check("hq", "production-web1", "_service_maintenance:web"));
    CHECK_FALSE(consul.erase_check("hq", "production-web1", "_service_maintenance:web"));
    CHECK(consul.remove("hq", "production-web1", "web"));
    CHECK_FALSE(consul.remove("hq", "production-web1", "web"));
    CHECK(get_json(consul, "/v1/health/service/web").items.size() == 1);
    CHECK(get_json(consul, "/v1/catalog/nodes").items.size() == 2);
    CHECK(consul.erase("hq", "empty"));
    CHECK_FALSE(consul.erase("hq", "empty"));

    consul.add("hq", {.service = "web", .node = "production-web2", .id = "web-2"});
    CHECK(get_json(consul, "/v1/health/service/web").items.size() == 2);
    consul.add("hq", {.service = "other", .node = "production-web2", .id = "web-2"});
    CHECK(get_json(consul, "/v1/health/service/web").items.size() == 1);
    consul.set_agent({.node = "new", .datacenter = "mars"});
    CHECK(get_json(consul, "/v1/catalog/nodes").items.at(0).find("Node")->text == "new");
}

TEST_CASE("a check of nothing is refused and says why") {
    auto consul = example();
    CHECK(consul.set_check("hq", "nobody", "serfHealth", store_status::critical).error() ==
          error{errc::usage,
                "the embedded store has nothing on node \"nobody\" in datacenter \"hq\" that check "
                "\"serfHealth\" could belong to; add the instance first"});
    CHECK_FALSE(consul.set_check("hq", "production-web1", "_service_maintenance:db", store_status::critical));
}

TEST_CASE("a store fails when it is told to") {
    auto consul = example();
    consul.set_offline(true);
    CHECK(consul.perform({GET, "/v1/agent/self"}).error().code == errc::unavailable);
    consul.set_offline(false);
    CHECK(ask(consul, GET, "/v1/agent/self").status == 200);

    consul.set_reachable("dr", false);
    CHECK(ask(consul, GET, "/v1/kv/only/dr?dc=dr").status == 500);
    CHECK(ask(consul, GET, "/v1/health/service/web?dc=dr").body == "Remote DC has no server currently reachable");
    CHECK(ask(consul, GET, "/v1/catalog/datacenters").body == R"(["hq","dr"])");
    CHECK(ask(consul, GET, "/v1/kv/empty").status == 200);

    consul.respond_with("/v1/kv/", 403, "Permission denied");
    CHECK(ask(consul, GET, "/v1/kv/empty").body == "Permission denied");
    CHECK(ask(consul, PUT, "/v1/kv/empty", "x").status == 403);
    CHECK(ask(consul, GET, "/v1/agent/self").status == 200);
    consul.respond_normally();
    CHECK(ask(consul, GET, "/v1/kv/empty?raw").body == "");
}

TEST_CASE("a copy is a store of its own") {
    auto first = example();
    auto second = first;
    ask(second, PUT, "/v1/kv/k", "v");
    CHECK(second.remove("hq", "production-web1", "web"));
    CHECK(ask(first, GET, "/v1/kv/k").status == 404);
    CHECK(get_json(first, "/v1/health/service/web").items.size() == 2);
}

TEST_CASE("an answer on a service's health is never older than the last change") {
    store consul{{.node = "n1", .datacenter = "hq"}};
    consul.add("hq", {.service = "web", .node = "n1", .checks = {{"c", {}}}});
    consul.add("dr", {.service = "web", .node = "n2", .checks = {{"c", {}}}});
    const auto ask = [&](std::string_view target) {
        auto answer = consul.perform({.target = std::string{target}});
        REQUIRE(answer);
        return answer->body;
    };
    const auto first = ask("/v1/health/service/web");
    CHECK(ask("/v1/health/service/web") == first);
    CHECK(ask("/v1/health/service/other") == "[]");
    CHECK(ask("/v1/health/service/web?dc=dr").find("\"n2\"") != std::string::npos);
    CHECK(ask("/v1/health/service/web?passing") == first);
    REQUIRE(consul.set_check("hq", "n1", "c", store_status::critical));
    CHECK(ask("/v1/health/service/web?passing") == "[]");
    CHECK(ask("/v1/health/service/web").find("critical") != std::string::npos);
    REQUIRE(consul.set_check("hq", "n1", "c", store_status::critical, "why"));
    CHECK(ask("/v1/health/service/web").find("\"why\"") != std::string::npos);
    CHECK(consul.erase_check("hq", "n1", "c"));
    CHECK(ask("/v1/health/service/web").find("critical") == std::string::npos);
    CHECK(consul.remove("hq", "n1", "web"));
    CHECK(ask("/v1/health/service/web") == "[]");
}
