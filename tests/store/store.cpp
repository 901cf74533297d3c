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

/// The id of a new session.
auto session(store& from, std::string body) -> std::string {
    const auto made = json::parse(ask(from, PUT, "/v1/session/create", std::move(body)).body);
    REQUIRE(made);
    return made->find("ID")->text;
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
        {"keys up to a separator", GET, "/v1/kv/?keys&separator=/", 200, R"(["cluster/","empty"])"},
        {"lock with no session", PUT, "/v1/kv/l?acquire=", 500, "missing session"},
        {"lock with no id of a session", PUT, "/v1/kv/l?acquire=s-1", 500,
         "failed session lookup: index error: UUID must be 36 characters"},
        {"lock with an unknown session", PUT, "/v1/kv/l?acquire=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", 500,
         "invalid session \"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\""},
        {"unlock with no session", PUT, "/v1/kv/l?release=", 500, "missing session"},
        {"unlock with an unknown session", PUT, "/v1/kv/l?release=s-1", 200, "false"},
        {"two ways to write", PUT, "/v1/kv/l?cas&z=1&release=&b=2&b=1", 400,
         "Conflicting flags: b=2&b=1&cas=&release=&z=1"},
        {"two ways to delete", DEL, "/v1/kv/l?recurse&cas=0", 400, "Conflicting flags: cas=0&recurse="},
        {"no key to write", PUT, "/v1/kv/?recurse", 400, "Missing key name"},
        {"no key to delete", DEL, "/v1/kv/?cas=0", 400, "Missing key name"},
        {"POST", http_method::post, "/v1/kv/", 405, "method POST not allowed"},
        {"flags out of range", PUT, "/v1/kv/a?flags=18446744073709551616", 500,
         "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"},
        {"flags before cas", PUT, "/v1/kv/a?cas=x&flags=-1", 500, "strconv.ParseUint: parsing \"-1\": invalid syntax"},
        {"unknown datacenter, delete", DEL, "/v1/kv/a?dc=mars", 500, "No path to datacenter"},
        {"unknown datacenter, sessions", GET, "/v1/session/list?dc=mars", 500, "No path to datacenter"},
        {"no sessions", GET, "/v1/session/list", 200, "[]"},
        {"no id of a session", GET, "/v1/session/info/", 400, "Missing session"},
        {"no node", GET, "/v1/session/node/", 400, "Missing node name"},
        {"not a session's id", GET, "/v1/session/info/x", 500,
         "failed session lookup: index error: UUID must be 36 characters"},
        {"sessions are made with PUT", GET, "/v1/session/create", 405, "method GET not allowed"},
        {"sessions are read with GET", PUT, "/v1/session/list", 405, "method PUT not allowed"},
        {"nothing of sessions", GET, "/v1/session/list/", 404, ""},
        {"a transaction is a PUT", GET, "/v1/txn", 405, "method GET not allowed"},
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
        {"most filters are not supported", GET, "/v1/health/service/web?filter=x", 501,
         "the embedded store does not know this ?filter"},
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
    CHECK(ask(consul, GET, "/v1/kv/none").header("X-Consul-Index") == "3");  // of the keys, not of all
    CHECK(ask(consul, GET, "/v1/session/list").header("X-Consul-Index") == "1");
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

TEST_CASE("a prefix has the index of the last change below it, deletions included") {
    store consul{{.node = "n1", .datacenter = "hq"}};
    struct row {
        http_method method;
        std::string_view target;
        std::string_view index;  ///< what a read must show
    };
    constexpr row rows[] = {
        {GET, "/v1/kv/?keys", "1"},      {PUT, "/v1/kv/p/1", ""},  // 2
        {PUT, "/v1/kv/p/2", ""},         {PUT, "/v1/kv/q/1", ""},           {GET, "/v1/kv/p/1", "2"},
        {GET, "/v1/kv/p/?recurse", "3"}, {GET, "/v1/kv/p/?keys", "3"},      {GET, "/v1/kv/?keys", "4"},
        {GET, "/v1/kv/none", "4"},       {GET, "/v1/kv/none?recurse", "4"}, {DEL, "/v1/kv/p/2", ""},  // 5
        {DEL, "/v1/kv/p/2", ""},                                                                      // changes nothing
        {PUT, "/v1/kv/q/2", ""},                                                                      // 6
        {GET, "/v1/kv/p/?recurse", "5"}, {GET, "/v1/kv/p/2?recurse", "5"},  {GET, "/v1/kv/p/2", "6"},
        {DEL, "/v1/kv/p/?recurse", ""},  // 7: the prefix is deleted, not the keys
        {PUT, "/v1/kv/q/3", ""},         // 8
        {GET, "/v1/kv/p/?recurse", "7"}, {GET, "/v1/kv/p/1?recurse", "8"},  {GET, "/v1/kv/p/2?recurse", "5"},
        {DEL, "/v1/kv/?recurse", ""},  // 9
        {GET, "/v1/kv/p/?recurse", "7"}, {GET, "/v1/kv/q/?recurse", "9"},   {GET, "/v1/kv/?keys", "9"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.target);
        CHECK(ask(consul, each.method, std::string{each.target}, "v").header("X-Consul-Index") == each.index);
    }
}

TEST_CASE("a lock is held by one session, which its end frees or deletes") {
    store consul{{.node = "n1", .datacenter = "hq"}};
    const auto first = session(consul, R"({"LockDelay": "0s"})");                         // 2
    const auto second = session(consul, R"({"LockDelay": "0s", "Behavior": "delete"})");  // 3
    const auto put = [&](std::string_view query, std::string_view of, std::string value) {
        return ask(consul, PUT, "/v1/kv/l" + std::string{query} + std::string{of}, std::move(value)).body;
    };
    const auto seen = [&] {
        const auto entry = get_json(consul, "/v1/kv/l").items.at(0);
        const auto* const by = entry.find("Session");
        return entry.find("LockIndex")->text + ' ' +
               (by == nullptr       ? "nobody"
                : by->text == first ? "first"
                                    : "second") +
               ' ' + *base64_decoded(entry.find("Value")->text) + ' ' + entry.find("ModifyIndex")->text;
    };
    CHECK(put("?acquire=", first, "a") == "true");
    CHECK(seen() == "1 first a 4");
    CHECK(put("?acquire=", first, "a") == "true");
    CHECK(seen() == "1 first a 4");
    CHECK(put("?acquire=", first, "b") == "true");
    CHECK(seen() == "1 first b 5");
    CHECK(put("?acquire=", second, "c") == "false");
    CHECK(put("?release=", second, "c") == "false");
    CHECK(put("?release=", first, "d") == "true");
    CHECK(seen() == "1 nobody d 6");
    CHECK(put("?release=", first, "d") == "false");
    CHECK(put("?acquire=", second, "e") == "true");
    CHECK(seen() == "2 second e 7");
    CHECK(put("", "", "anybody writes") == "true");
    CHECK(seen() == "0 second anybody writes 8");
    CHECK(put("?release=", second, "f") == "true");
    CHECK(put("?acquire=", first, "g") == "true");
    CHECK(ask(consul, PUT, "/v1/session/destroy/" + first).body == "true");  // 11, for both tables
    CHECK(seen() == "1 nobody g 11");
    CHECK(ask(consul, GET, "/v1/session/list").header("X-Consul-Index") == "11");
    CHECK(put("?acquire=", second, "h") == "true");
    CHECK(ask(consul, PUT, "/v1/session/destroy/" + second).body == "true");
    CHECK(ask(consul, GET, "/v1/kv/l").status == 404);
    CHECK(ask(consul, GET, "/v1/kv/l?recurse").header("X-Consul-Index") == "13");
    CHECK(ask(consul, PUT, "/v1/session/destroy/" + second).body == "true");
    CHECK(consul.data().index() == 13);
}

TEST_CASE("a session is shown as it was made") {
    store consul{{.node = "n1", .datacenter = "hq"}};
    CHECK(ask(consul, PUT, "/v1/session/create").body == R"({"ID":"00000000-0000-0000-0000-000000000002"})");
    const auto second = session(consul, R"({"Name": "two", "TTL": "1h30m", "LockDelay": 5, "Behavior": "delete",
                                            "NodeChecks": [], "Unknown": 7})");
    const std::string shown =
        R"({"ID":"00000000-0000-0000-0000-000000000002","Name":"","Node":"n1","LockDelay":15000000000,)"
        R"("Behavior":"release","TTL":"","NodeChecks":["serfHealth"],"ServiceChecks":null,"CreateIndex":2,"ModifyIndex":2})";
    const std::string other =
        R"({"ID":"00000000-0000-0000-0000-000000000003","Name":"two","Node":"n1","LockDelay":5000000000,)"
        R"("Behavior":"delete","TTL":"1h30m","NodeChecks":[],"ServiceChecks":null,"CreateIndex":3,"ModifyIndex":3})";
    CHECK(ask(consul, GET, "/v1/session/list").body == '[' + shown + ',' + other + ']');
    CHECK(ask(consul, GET, "/v1/session/node/n1").body == '[' + shown + ',' + other + ']');
    CHECK(ask(consul, GET, "/v1/session/node/n2").body == "[]");
    CHECK(ask(consul, GET, "/v1/session/info/" + second).body == '[' + other + ']');
    CHECK(ask(consul, PUT, "/v1/session/renew/" + second).body == '[' + other + ']');
    CHECK(ask(consul, GET, "/v1/session/list?dc=hq").header("X-Consul-Index") == "3");
    CHECK(ask(consul, PUT, "/v1/session/destroy/" + second).body == "true");
    CHECK(ask(consul, GET, "/v1/session/info/" + second).body == "[]");
    const auto gone = ask(consul, PUT, "/v1/session/renew/" + second);
    CHECK(gone.status == 404);
    CHECK(gone.body == "Session id '" + second + "' not found");
    CHECK(ask(consul, GET, "/v1/session/info/x").header("X-Consul-KnownLeader") == "false");
}

TEST_CASE("a session that cannot be is refused") {
    struct row {
        std::string_view body;
        int status;
        std::string_view answer;
    };
    constexpr row rows[] = {
        {R"({"Node": ""})", 500, "Must provide Node"},
        {R"({"Node": "none"})", 500, "Missing node registration"},
        {R"({"Behavior": "x", "TTL": "x"})", 500, "Invalid Behavior setting 'x'"},
        {R"({"TTL": "x", "Node": "none"})", 500, "Session TTL 'x' invalid: time: invalid duration \"x\""},
        {R"({"TTL": "5s"})", 500, "Invalid Session TTL '5000000000', must be between [10s=24h0m0s]"},
        {R"({"TTL": "24h1ms"})", 500, "Invalid Session TTL '86400001000000', must be between [10s=24h0m0s]"},
        {R"({"NodeChecks": ["none"]})", 500, "Missing check 'none' registration"},
        {R"({"NodeChecks": ["serfHealth", "disk"]})", 500, "Check 'disk' is in critical state"},
        {R"({"Name": 7})", 400, "Request decode failed: wrong value of field Name"},
        {R"({"LockDelay": "x"})", 400, "Request decode failed: wrong value of field LockDelay"},
        {R"({"LockDelay": 9223372036854775808})", 400, "Request decode failed: wrong value of field LockDelay"},
        {R"({"LockDelay": "9223372036855s"})", 400, "Request decode failed: wrong value of field LockDelay"},
        {R"({"NodeChecks": [7]})", 400, "Request decode failed: wrong value of field NodeChecks"},
        {"7", 400, "Request decode failed: wrong value of field Session"},
        {R"({"Checks": ["disk"]})", 501, "the embedded store does not know Checks of a session"},
        {R"({"ServiceChecks": []})", 501, "the embedded store does not know ServiceChecks of a session"},
    };
    store consul{{.node = "n1", .datacenter = "hq"}};
    REQUIRE(consul.set_check("hq", "n1", "disk", store_status::critical));
    for (const auto& each : rows) {
        CAPTURE(each.body);
        const auto answer = ask(consul, PUT, "/v1/session/create", std::string{each.body});
        CHECK(answer.status == each.status);
        CHECK(answer.body == each.answer);
    }
    CHECK(ask(consul, PUT, "/v1/session/create", "{").status == 400);
    CHECK(ask(consul, PUT, "/v1/session/create?dc=mars").body == "No path to datacenter");
    CHECK(ask(consul, GET, "/v1/session/list").body == "[]");
    CHECK(consul.data().index() == 2);
}

TEST_CASE("a session ends with its checks, all that end together under one index") {
    auto consul = example();
    const auto one = session(consul, R"({"Node": "production-web1", "LockDelay": "0s", "NodeChecks": ["serfHealth"]})");
    const auto two =
        session(consul, R"({"Node": "production-web2", "LockDelay": "0s", "NodeChecks": ["service:web"]})");
    const auto three =
        session(consul, R"({"Node": "production-web2", "LockDelay": "0s", "NodeChecks": ["service:web"]})");
    const auto four = session(consul, R"({"Node": "production-web2", "LockDelay": "0s", "NodeChecks": []})");
    const auto sessions = [&] { return get_json(consul, "/v1/session/list").items.size(); };
    for (const auto& id : {two, three}) ask(consul, PUT, "/v1/kv/" + id + "?acquire=" + id);
    REQUIRE(consul.set_check("hq", "production-web2", "service:web", store_status::warning));
    CHECK(sessions() == 4);
    REQUIRE(consul.set_check("hq", "production-web2", "service:web", store_status::critical));
    CHECK(sessions() == 2);
    CHECK(modified(consul, two) == modified(consul, three));
    CHECK(consul.erase_check("hq", "production-web1", "serfHealth"));
    CHECK(ask(consul, GET, "/v1/session/info/" + one).body == "[]");
    CHECK(consul.remove("hq", "production-web2", "web"));
    CHECK(ask(consul, GET, "/v1/session/info/" + four).body != "[]");
}

TEST_CASE("time ends sessions at twice their TTL, and lock delays after that") {
    store consul{{.node = "n1", .datacenter = "hq"}};
    consul.set_time(seconds(1000));
    const auto held = session(consul, R"({"TTL": "10s"})");
    const auto other = session(consul, "{}");
    const auto acquires = [&] { return ask(consul, PUT, "/v1/kv/l?acquire=" + other).body; };
    ask(consul, PUT, "/v1/kv/l?acquire=" + held);
    consul.set_time(seconds(1015));
    ask(consul, PUT, "/v1/session/renew/" + held);
    consul.set_time(seconds(1035) - milliseconds{1});
    CHECK(ask(consul, GET, "/v1/session/info/" + held).body != "[]");
    CHECK(acquires() == "false");
    consul.set_time(seconds(1040));  // it ended at 1035
    CHECK(ask(consul, GET, "/v1/session/info/" + held).body == "[]");
    CHECK(ask(consul, GET, "/v1/session/info/" + other).body != "[]");
    CHECK(acquires() == "false");
    CHECK(ask(consul, DEL, "/v1/kv/l").body == "true");
    CHECK(ask(consul, PUT, "/v1/kv/l", "x").body == "true");
    consul.set_time(seconds(1050) - milliseconds{1});
    CHECK(acquires() == "false");
    CHECK(ask(consul, PUT, "/v1/txn", R"([{"KV": {"Verb": "lock", "Key": "l", "Session": "x"}}])").body ==
          R"({"Results":null,"Errors":[{"OpIndex":0,"What":"failed to lock key \"l\" due to lock delay"}]})");
    consul.set_time(seconds(1050));
    CHECK(acquires() == "true");
    CHECK(ask(consul, PUT, "/v1/session/destroy/" + other).body == "true");
    consul.set_time(seconds(1065));
    CHECK(get_json(consul, "/v1/session/list").items.empty());
}

TEST_CASE("a transaction is done as a whole or not at all") {
    struct row {
        std::string_view name;
        std::string_view body;
        int status;
        std::string_view answer;
    };
    constexpr row rows[] = {
        {"nothing", "[]", 200,
         R"({"Results":[],"Errors":null,"Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""})"},
        {"no operation", R"([{"KV": null}, {}])", 200,
         R"({"Results":[],"Errors":null,"Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""})"},
        {"only reading", R"([{"KV": {"Verb": "get", "Key": "a"}}, {"KV": {"Verb": "check-not-exists", "Key": "b"}}])",
         200,
         R"({"Results":[{"KV":{"LockIndex":0,"Key":"a","Flags":0,"Value":"eA==","CreateIndex":2,"ModifyIndex":2}}],"Errors":null,)"
         R"("Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""})"},
        {"reading what is not there",
         R"([{"KV": {"Verb": "get", "Key": "b"}}, {"KV": {"Verb": "get-tree", "Key": "b"}}])", 409,
         R"({"Results":null,"Errors":[{"OpIndex":0,"What":"key \"b\" doesn't exist"}],)"
         R"("Index":0,"LastContact":0,"KnownLeader":true,"ConsistencyLevel":""})"},
        {"what can be seen to be wrong is all that is told",
         R"([{"KV": {"Verb": "set", "Key": "b", "Value": "eA==", "Flags": 7}},
            {"KV": {"Verb": "set", "Key": "b", "Value": "eQ=="}}, {"KV": {"Verb": "get", "Key": "b"}},
            {"KV": {"Verb": "check-index", "Key": "b", "Index": 3}}, {"KV": {"Verb": "get-tree", "Key": ""}}])",
         409, R"({"Results":null,"Errors":[{"OpIndex":4,"What":"Must provide key"}]})"},
        {"all under one index", R"([{"KV": {"Verb": "set", "Key": "b", "Value": "eA==", "Flags": 7}},
            {"KV": {"Verb": "set", "Key": "b", "Value": "eQ=="}}, {"KV": {"Verb": "get", "Key": "b"}},
            {"KV": {"Verb": "check-index", "Key": "b", "Index": 3}}, {"KV": {"Verb": "delete", "Key": "a"}}])",
         200,
         R"({"Results":[{"KV":{"LockIndex":0,"Key":"b","Flags":7,"Value":null,"CreateIndex":3,"ModifyIndex":3}},)"
         R"({"KV":{"LockIndex":0,"Key":"b","Flags":0,"Value":null,"CreateIndex":3,"ModifyIndex":3}},)"
         R"({"KV":{"LockIndex":0,"Key":"b","Flags":0,"Value":"eQ==","CreateIndex":3,"ModifyIndex":3}},)"
         R"({"KV":{"LockIndex":0,"Key":"b","Flags":0,"Value":null,"CreateIndex":3,"ModifyIndex":3}}],"Errors":null})"},
        {"every failure is told",
         R"([{"KV": {"Verb": "set", "Key": "b", "Value": "eA=="}}, {"KV": {"Verb": "delete", "Key": "a"}},
            {"KV": {"Verb": "cas", "Key": "a", "Index": 1}}, {"KV": {"Verb": "delete-cas", "Key": "b", "Index": 1}},
            {"KV": {"Verb": "lock", "Key": "b"}}, {"KV": {"Verb": "unlock", "Key": "b", "Session": "x"}},
            {"KV": {"Verb": "check-index", "Key": "a"}}, {"KV": {"Verb": "check-index", "Key": "b", "Index": 1}},
            {"KV": {"Verb": "check-session", "Key": "a"}}, {"KV": {"Verb": "check-session", "Key": "b", "Session": "x"}},
            {"KV": {"Verb": "check-not-exists", "Key": "b"}}, {"KV": {"Verb": "steal", "Key": "b"}}])",
         409,
         R"({"Results":null,"Errors":[{"OpIndex":2,"What":"failed to set key \"a\", index is stale"},)"
         R"({"OpIndex":3,"What":"failed to delete key \"b\", index is stale"},{"OpIndex":4,"What":"missing session"},)"
         R"({"OpIndex":5,"What":"failed to unlock key \"b\", lock isn't held, or is held by another session"},)"
         R"({"OpIndex":6,"What":"failed to check index, key \"a\" doesn't exist"},)"
         R"({"OpIndex":7,"What":"failed index check for key \"b\", current modify index 3 != 1"},)"
         R"({"OpIndex":8,"What":"failed to check session, key \"a\" doesn't exist"},)"
         R"({"OpIndex":9,"What":"failed session check for key \"b\", current session \"\" != \"x\""},)"
         R"({"OpIndex":10,"What":"key \"b\" exists"},{"OpIndex":11,"What":"unknown KV verb \"steal\""}]})"},
        {"a tree", R"([{"KV": {"Verb": "delete-tree", "Key": ""}}])", 200, R"({"Results":[],"Errors":null})"},
        {"a list is meant", "{}", 400, "Failed to parse body: wrong value of field TxnOps"},
        {"an object is meant", "[7]", 400, "Failed to parse body: wrong value of field TxnOp"},
        {"no such kind", R"([{"X": {}}])", 400, "Failed to parse body: json: unknown field \"X\""},
        {"no such member", R"([{"KV": {"X": 1}}])", 400, "Failed to parse body: json: unknown field \"X\""},
        {"a key that is a number", R"([{"KV": {"Key": 1}}])", 400, "Failed to parse body: wrong value of field Key"},
        {"an index below 0", R"([{"KV": {"Index": -1}}])", 400, "Failed to parse body: wrong value of field Index"},
        {"no base64", R"([{"KV": {"Value": "!!!!"}}])", 400,
         "Failed to parse body: base64: a character outside the alphabet at byte 0"},
        {"of a node", R"([{"Node": {}}])", 501, "the embedded store does not know operations on a Node"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        store consul{{.node = "n1", .datacenter = "hq"}};
        consul.put("hq", "a", "x");
        const auto answer = ask(consul, PUT, "/v1/txn", std::string{each.body});
        CHECK(answer.status == each.status);
        CHECK(answer.body == each.answer);
        CHECK(answer.headers.empty() == (answer.body.find("KnownLeader") == std::string::npos));
        if (each.status != 200) CHECK(ask(consul, GET, "/v1/kv/?keys").body == R"(["a"])");
    }
}

TEST_CASE("a transaction has at most 64 operations and 512 KiB, and goes to one datacenter") {
    auto consul = example();
    std::string many = "[";
    for (int i = 0; i < 64; ++i) many += R"({"KV": {"Verb": "set", "Key": "k", "Value": "eA=="}},)";
    many.back() = ']';
    CHECK(ask(consul, PUT, "/v1/txn?dc=dr", many).status == 200);
    CHECK(ask(consul, GET, "/v1/kv/k").status == 404);
    CHECK(ask(consul, GET, "/v1/kv/k?dc=dr&raw").body == "x");
    many.back() = ',';
    const auto refused = ask(consul, PUT, "/v1/txn", many + R"({"KV": {"Verb": "get", "Key": "k"}}])");
    CHECK(refused.status == 413);
    CHECK(refused.body == "Transaction contains too many operations (65 > 64)");
    const auto large = ask(consul, PUT, "/v1/txn", std::string(524289, ' '));
    CHECK(large.status == 413);
    CHECK(large.body ==
          "Request body(524289 bytes) too large, max size: 524288 bytes. See "
          "https://www.consul.io/docs/agent/options.html#txn_max_req_len.");
    CHECK(ask(consul, PUT, "/v1/txn?dc=mars", "[]").body == "No path to datacenter");
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
