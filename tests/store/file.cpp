#include <powerconsul/store/file.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;
using testing::memory_files;

static_assert(http_transport<file_store_transport<memory_files>> &&
              http_transport<file_store_transport<memory_files&>>);

namespace {

constexpr std::string_view example = R"({
  "agent": {"node": "production-web2", "datacenter": "hq"},
  "datacenters": {
    "hq": {
      "kv": {"cluster/production/web": {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]},
             "plain": "text value"},
      "services": [
        {"service": "web", "node": "production-web1", "checks": {"serfHealth": "passing", "service:web": "critical"}},
        {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}}
      ]
    },
    "dr": {}
  }
})";

auto body(store& from, std::string target, http_method method = http_method::get, std::string text = {})
    -> std::string {
    auto answer = from.perform({method, std::move(target), std::move(text)});
    return answer ? answer->body : answer.error().message;
}
auto loaded(std::string_view text) -> store {
    auto made = load_store(text);
    if (!made) FAIL(made.error().message);
    return *std::move(made);
}

}  // namespace

TEST_CASE("the documented file answers as it says") {
    auto consul = loaded(example);
    CHECK(consul.agent().node == "production-web2");
    CHECK(body(consul, "/v1/kv/plain?raw") == "text value");
    CHECK(body(consul, "/v1/kv/cluster/production/web?raw") ==
          R"({"active_nodes":["production-web1"],"standby_nodes":["production-web2"]})");
    CHECK(body(consul, "/v1/catalog/datacenters") == R"(["hq","dr"])");
    const auto health = json::parse(body(consul, "/v1/health/service/web"));
    REQUIRE(health);
    REQUIRE(health->items.size() == 2);
    CHECK(health->items[0].find("Checks")->items.at(0).find("ServiceName")->text == "");
    CHECK(health->items[0].find("Checks")->items.at(1).find("Status")->text == "critical");
    CHECK(health->items[1].find("Checks")->items.at(0).find("CheckID")->text == "serfHealth");
    CHECK(body(consul, "/v1/kv/k?dc=dr", http_method::put, "v") == "true");
}

TEST_CASE("a value in the file is the string itself or the compact text of other JSON") {
    struct row {
        std::string_view name;
        std::string_view written;
        std::string_view value;
    };
    constexpr row rows[] = {
        {"string", R"("a \"b\" \u00e9")", "a \"b\" \xC3\xA9"},
        {"empty string", R"("")", ""},
        {"object", "{ \"a\" : [ 1 , 2.50 ] ,\n \"b c\": \"x , y\" }", R"({"a":[1,2.50],"b c":"x , y"})"},
        {"quotes and brackets in strings", R"({"a\"]": "}\\" , "b": []})", R"({"a\"]":"}\\","b":[]})"},
        {"names that come twice stay", R"({"a": 1, "a": 2})", R"({"a":1,"a":2})"},
        {"empty object", "{ }", "{}"},
        {"list", "[ ]", "[]"},
        {"number", "12e3", "12e3"},
        {"true", "true", "true"},
        {"null", "null", "null"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        auto consul = loaded(R"({"datacenters":{"hq":{"kv":{"k":)" + std::string{each.written} + " }}}}");
        CHECK(body(consul, "/v1/kv/k?raw") == each.value);
    }
}

TEST_CASE("an empty store has an agent in a datacenter of its own") {
    auto consul = loaded("{}");
    CHECK(consul.agent().node == "embedded");
    CHECK(consul.agent().datacenter == "dc1");
    CHECK(body(consul, "/v1/kv/none") == "");
    CHECK(loaded(R"({"datacenters": {"b": {}, "a": {}}})").agent().datacenter == "b");
}

TEST_CASE("load_store says what is wrong, where, and what was expected") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view message;
    };
    constexpr row rows[] = {
        {"not JSON", "{",
         "not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found the end of the text; it was cut off"},
        {"not an object", "[]", "the store at line 1, column 1 (byte 0): expected an object, found a list"},
        {"unknown member", R"({"agents": {}})",
         "agents at line 1, column 12 (byte 11): unknown member, expected agent or datacenters; did you mean \"agent\""},
        {"a name twice", R"({"agent": {}, "agent": {}})",
         "agent at line 1, column 24 (byte 23): the name comes twice; expected it once"},
        {"agent is a string", R"({"agent": "web1"})",
         "agent at line 1, column 11 (byte 10): expected an object, found a string"},
        {"agent without a name", R"({"agent": {"node": ""}})",
         "agent.node at line 1, column 20 (byte 19): an empty name; expected one of at least one character"},
        {"agent in an unknown datacenter",
         "{\"agent\": {\"datacenter\": \"hp\"},\n \"datacenters\": {\"hq\": {}, \"dr\": {}}}",
         "agent.datacenter at line 1, column 26 (byte 25): \"hp\" is not among the datacenters, expected \"hq\" or \"dr\""},
        {"datacenters is a list", R"({"datacenters": []})",
         "datacenters at line 1, column 17 (byte 16): expected an object, found a list"},
        {"a datacenter without a name", R"({"datacenters": {"": {}}})",
         "datacenters at line 1, column 22 (byte 21): an empty name; expected one of at least one character"},
        {"unknown member of a datacenter", R"({"datacenters": {"hq": {"vk": {}}}})",
         "datacenters.hq.vk at line 1, column 31 (byte 30): unknown member, expected kv, kv_base64 or services"},
        {"kv is a list", R"({"datacenters": {"hq": {"kv": []}}})",
         "datacenters.hq.kv at line 1, column 31 (byte 30): expected an object, found a list"},
        {"a key twice", R"({"datacenters": {"hq": {"kv": {"a/b": 1, "a/b": 2}}}})",
         "datacenters.hq.kv.a/b at line 1, column 49 (byte 48): the name comes twice; expected it once"},
        {"a key twice in both forms", R"({"datacenters": {"hq": {"kv": {"a": 1}, "kv_base64": {"a": ""}}}})",
         "datacenters.hq.kv_base64.a at line 1, column 60 (byte 59): the key is in kv too; expected it once"},
        {"a key that cannot be asked for", R"({"datacenters": {"hq": {"kv": {"a//b": 1}}}})",
         "datacenters.hq.kv.a//b at line 1, column 40 (byte 39): Consul cannot be asked for that key; expected no empty, \".\" or "
         "\"..\" part between '/'"},
        {"a key with a line feed", R"({"datacenters": {"hq": {"kv": {"a\nb": 1}}}})",
         "datacenters.hq.kv.a b at line 1, column 40 (byte 39): a control character in the key, which Consul refuses; remove it"},
        {"not base64", R"({"datacenters": {"hq": {"kv_base64": {"a": "!!!!"}}}})",
         "datacenters.hq.kv_base64.a at line 1, column 44 (byte 43): base64: a character outside the alphabet at byte 0"},
        {"services is an object", R"({"datacenters": {"hq": {"services": {}}}})",
         "datacenters.hq.services at line 1, column 37 (byte 36): expected a list, found an object"},
        {"a service without a node", R"({"datacenters": {"hq": {"services": [{"service": "web"}]}}})",
         "datacenters.hq.services[0] at line 1, column 38 (byte 37): expected a member \"node\""},
        {"a misspelt member of a service",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "chekcs": {}}]}}})",
         "datacenters.hq.services[0].chekcs at line 1, column 80 (byte 79): unknown member, expected service, node, id, tags, "
         "address, port, checks or node_checks; did you mean \"checks\""},
        {"a port too large",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "port": 65536}]}}})",
         "datacenters.hq.services[0].port at line 1, column 78 (byte 77): expected a whole number from 0 to 65535"},
        {"a tag that is no string",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "tags": [7]}]}}})",
         "datacenters.hq.services[0].tags[0] at line 1, column 79 (byte 78): expected a string, found a number"},
        {"an unknown status",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "checks": {"c": "pasing"}}]}}})",
         "datacenters.hq.services[0].checks.c at line 1, column 86 (byte 85): \"pasing\" is no status, expected passing, warning "
         "or critical; did you mean \"passing\""},
        {"a check that is a bool",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "checks": {"c": true}}]}}})",
         "datacenters.hq.services[0].checks.c at line 1, column 86 (byte 85): expected a string, found true or false"},
        {"a check without a status",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "checks": {"c": {"output": ""}}}]}}})",
         "datacenters.hq.services[0].checks.c at line 1, column 86 (byte 85): expected a member \"status\""},
        {"another service's maintenance",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a", "checks": {"_service_maintenance:db": "critical"}}]}}})",
         "datacenters.hq.services[0].checks._service_maintenance:db at line 1, column 108 (byte 107): that is not this service's "
         "maintenance; expected \"_service_maintenance:web\""},
        {"an instance twice",
         R"({"datacenters": {"hq": {"services": [{"service": "web", "node": "a"}, {"service": "web", "node": "a"}]}}})",
         "datacenters.hq.services[1] at line 1, column 71 (byte 70): node \"a\" has a service with the id \"web\" already; "
         "expected another \"id\""},
        {"a check id twice on a node",
         R"({"datacenters": {"hq": {"services": [{"service": "w", "node": "a", "checks": {"c": "passing"}},
{"service": "x", "node": "a", "checks": {"c": "passing"}}]}}})",
         "datacenters.hq.services[1].checks.c at line 2, column 47 (byte 142): service \"w\" of node \"a\" has a check with that "
         "id; expected another"},
        {"a node check in two states",
         R"({"datacenters": {"hq": {"services": [{"service": "w", "node": "a", "checks": {"serfHealth": "passing"}},
{"service": "x", "node": "a", "checks": {"serfHealth": "critical"}}]}}})",
         "datacenters.hq.services[1].checks.serfHealth at line 2, column 56 (byte 160): another service of node \"a\" says "
         "otherwise; expected a node's check in one place"},
        {"a node check that is not there",
         R"({"datacenters": {"hq": {"services": [{"service": "w", "node": "a", "node_checks": ["disk"]}]}}})",
         "datacenters.hq.services[0].node_checks at line 1, column 83 (byte 82): \"disk\" is not among the checks"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto made = load_store(each.text);
        REQUIRE_FALSE(made);
        CHECK(made.error().code == errc::bad_data);
        CHECK(made.error().message == each.message);
    }
    const auto big = load_store(R"({"datacenters":{"hq":{"kv":{"k":")" + std::string(524289, 'x') + "\"}}}}");
    REQUIRE_FALSE(big);
    CHECK(big.error().message ==
          "datacenters.hq.kv.k at line 1, column 33 (byte 32): 524289 bytes, but Consul takes at most 524288");
}

TEST_CASE("a value that is not UTF-8 stands in the file in base64") {
    auto consul = loaded(R"({"datacenters": {"hq": {"kv": {"a": "b"}, "kv_base64": {"bin": "/wA="}}}})");
    CHECK(body(consul, "/v1/kv/bin?raw") == std::string_view{"\xFF\x00", 2});
    CHECK(body(consul, "/v1/kv/?keys") == R"(["a","bin"])");
}

TEST_CASE("a transport reads its file once and never writes it") {
    memory_files files;
    files.put("/etc/store.json", example);
    file_store_transport<memory_files&> one{files, "/etc/store.json"};
    file_store_transport<memory_files&> two{files, "/etc/store.json"};
    CHECK(one.perform({http_method::get, "/v1/kv/plain?raw"})->body == "text value");
    CHECK(one.perform({http_method::put, "/v1/kv/plain", "new"})->body == "true");
    CHECK(one.perform({http_method::get, "/v1/kv/plain?raw"})->body == "new");
    CHECK(files.get("/etc/store.json") == example);
    CHECK(two.perform({http_method::get, "/v1/kv/plain?raw"})->body == "text value");
    files.put("/etc/store.json", "{}");
    CHECK(one.perform({http_method::get, "/v1/kv/plain?raw"})->body == "new");
}

TEST_CASE("what is written goes to the datacenter that is asked for") {
    auto consul = loaded(example);
    CHECK(body(consul, "/v1/kv/plain?dc=dr", http_method::put, "of dr") == "true");
    CHECK(body(consul, "/v1/kv/plain?raw") == "text value");
    CHECK(body(consul, "/v1/kv/plain?raw&dc=dr") == "of dr");
    CHECK(body(consul, "/v1/kv/?recurse&dc=dr", http_method::del) == "true");
    CHECK(body(consul, "/v1/kv/?keys") == R"(["cluster/production/web","plain"])");
}

TEST_CASE("a file that is missing, wrong or cannot be read says so") {
    memory_files files;
    file_store_transport<memory_files&> transport{files, "/s"};
    const http_request get{http_method::get, "/v1/kv/k"};
    CHECK(transport.perform(get).error() ==
          error{errc::configuration, "the store file \"/s\" does not exist; create it, an empty store is {}"});
    files.put("/s", "{\"x\": 1}");
    CHECK(transport.perform(get).error() ==
          error{errc::bad_data,
                "store file \"/s\": x at line 1, column 7 (byte 6): unknown member, expected agent or "
                "datacenters"});
    files.fail_on("/s", {errc::denied, "permission denied"});
    CHECK(transport.perform(get).error().code == errc::denied);
    files.heal("/s");
    files.put("/s", "{}");
    CHECK(transport.perform(get)->status == 404);
}
