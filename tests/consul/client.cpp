#include <powerconsul/consul/client.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../newer_consul.hpp"
#include "../world.hpp"

using namespace powerconsul;
using testing::fake_transport;
using testing::manual_clock;
using client = consul_client<fake_transport&, manual_clock&>;

namespace {

constexpr auto GET = http_method::get;
constexpr std::string_view key_target = "/v1/kv/cluster/production/web";
constexpr std::string_view confirmed_target = "/v1/kv/cluster/production/web?consistent";

auto answering(std::string_view target, http_response answer) -> fake_transport {
    fake_transport fake;
    fake.on(GET, std::string{target}, std::move(answer));
    return fake;
}

}  // namespace

TEST_CASE("a key is there, cleanly absent, or unknown for a reason") {
    struct row {
        std::string_view name;
        result<http_response> answer;
        errc code;
        std::string_view message;
    };
    const std::vector<http_header> index{{"x-consul-index", "7"}};
    const row rows[] = {
        {"404 without Consul's index", http_response{404, "", {}}, errc::bad_data,
         "Consul answers 404 to /v1/kv/cluster/production/web; is the address that of a Consul agent?"},
        {"redirect", http_response{301, "", {{"Location", "/v1/kv/secret"}}}, errc::bad_data,
         "Consul answers 301 to /v1/kv/cluster/production/web: a redirect, which would lead to another key or host; "
         "give the address of Consul itself"},
        {"too many requests", http_response{429, "", {}}, errc::unavailable,
         "Consul answers 429 to /v1/kv/cluster/production/web: too many requests; see its limits"},
        {"no leader", http_response{500, "rpc error making call: No cluster leader", index}, errc::unavailable,
         "Consul answers 500 to /v1/kv/cluster/production/web: No cluster leader"},
        {"500 with changing text", http_response{500, "dial tcp 10.0.0.1:8300->10.0.0.2:4711", {}}, errc::unavailable,
         "Consul answers 500 to /v1/kv/cluster/production/web; see the agent\'s log"},
        {"absent, as far as a server without a leader knows",
         http_response{404, "", {{"X-Consul-Index", "7"}, {"X-Consul-KnownLeader", "false"}}}, errc::unavailable,
         "Consul answers /v1/kv/cluster/production/web without a cluster leader"},
        {"bad gateway", http_response{502, "<html>", {}}, errc::unavailable,
         "Consul answers 502 to /v1/kv/cluster/production/web; see the agent\'s log"},
        {"no right", http_response{403, "Permission denied", index}, errc::denied,
         "Consul answers 403 to /v1/kv/cluster/production/web: Permission denied; the token needs key:read on "
         "cluster/production/web"},
        {"unknown token", http_response{403, "ACL not found", {}}, errc::denied,
         "Consul answers 403 to /v1/kv/cluster/production/web: ACL not found; the token needs key:read on "
         "cluster/production/web"},
        {"plain HTTP to the TLS port", http_response{400, "Client sent an HTTP request to an HTTPS server.", {}},
         errc::bad_data,
         "Consul answers 400 to /v1/kv/cluster/production/web: Client sent an HTTP request to an HTTPS server"},
        {"a namespace where there are none",
         http_response{400, R"(Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature)", {}},
         errc::bad_data,
         "Consul answers 400 to /v1/kv/cluster/production/web: Namespaces are a Consul Enterprise feature"},
        {"nothing with 204", http_response{204, "", index}, errc::bad_data,
         "Consul answers 204 to /v1/kv/cluster/production/web; is the address that of a Consul agent?"},
        {"a page", http_response{200, "<html>Welcome</html>", {}}, errc::bad_data,
         "/v1/kv/cluster/production/web: not valid JSON at line 1, column 1 (byte 0): expected a value, found \"<\""},
        {"an empty body", http_response{200, "", index}, errc::bad_data,
         "/v1/kv/cluster/production/web: the answer has no body; is a proxy in between?"},
        {"a body of blanks", http_response{200, " \r\n", index}, errc::bad_data,
         "/v1/kv/cluster/production/web: the answer has no body; is a proxy in between?"},
        {"a compressed body", http_response{200, "\x1F\x8B", {{"content-encoding", "gzip"}}}, errc::bad_data,
         R"(/v1/kv/cluster/production/web: the answer is encoded as "gzip", which nobody asked for; is a proxy in between?)"},
        {"a proxy's 401", http_response{401, "Basic realm", {}}, errc::bad_data,
         "Consul answers 401 to /v1/kv/cluster/production/web; a proxy in front of it asks for a name and a password"},
        {"404 with the index 0", http_response{404, "", {{"X-Consul-Index", "0"}}}, errc::bad_data,
         "Consul answers 404 to /v1/kv/cluster/production/web; is the address that of a Consul agent?"},
        {"404 with an index below 0", http_response{404, "", {{"X-Consul-Index", "-7"}}}, errc::bad_data,
         "Consul answers 404 to /v1/kv/cluster/production/web; is the address that of a Consul agent?"},
        {"404 with an index beyond 64 bits", http_response{404, "", {{"X-Consul-Index", "18446744073709551616"}}},
         errc::bad_data, "Consul answers 404 to /v1/kv/cluster/production/web; is the address that of a Consul agent?"},
        {"another key", http_response{200, R"([{"Key":"x","Value":null,"ModifyIndex":1}])", index}, errc::bad_data,
         R"(/v1/kv/cluster/production/web: Consul's answer is not of the documented shape: asked for key "cluster/production/web", got "x")"},
        {"not reached", fail(errc::unavailable, "connection refused"), errc::unavailable, "connection refused"},
        {"no answer in time", fail(errc::timed_out, "no answer within 5 s"), errc::timed_out, "no answer within 5 s"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        fake.on(GET, std::string{confirmed_target}, each.answer);
        manual_clock time;
        const auto entry = client{fake, time, seconds(8)}.read_key("cluster/production/web", "");
        REQUIRE_FALSE(entry);
        CHECK(entry.error().code == each.code);
        CHECK(entry.error().message == each.message);
    }

    manual_clock time;
    auto absent = answering(confirmed_target, {404, "", index});
    const auto nothing = client{absent, time, seconds(8)}.read_key("cluster/production/web", "");
    REQUIRE(nothing);
    CHECK_FALSE(*nothing);
    auto there =
        answering(confirmed_target, {200, R"([{"Key":"cluster/production/web","Value":"e30=","ModifyIndex":9}])", {}});
    const auto entry = client{there, time, seconds(8)}.read_key("cluster/production/web", "");
    REQUIRE(entry);
    REQUIRE(*entry);
    CHECK((*entry)->value == "{}");
    CHECK((*entry)->modify_index == 9);
}

TEST_CASE("a key is changed only if nobody else has changed it") {
    store consul{{.node = "web1", .datacenter = "hq"}};
    manual_clock time;
    consul_client<store&, manual_clock&> asked{consul, time, seconds(10)};
    const auto change = [&](std::optional<std::string> value, std::uint64_t index) {
        return asked.change_key("a b/c", "", std::move(value), index);
    };
    const auto there = [&] { return *asked.read_key("a b/c", ""); };
    CHECK(change("first", 0).value_or(false));
    CHECK_FALSE(change("second", 0).value_or(true));
    REQUIRE(there());
    CHECK(there()->value == "first");
    const std::uint64_t index = there()->modify_index;
    CHECK(change("second", index).value_or(false));
    CHECK_FALSE(change({}, index).value_or(true));
    CHECK(there()->value == "second");
    CHECK(change({}, there()->modify_index).value_or(false));
    CHECK_FALSE(there());
}

TEST_CASE("a change that is refused, or whose answer is no answer, is no change") {
    struct row {
        http_response answer;
        errc code;
        std::string_view message;
    };
    const row rows[] = {
        {{403, "Permission denied", {}},
         errc::denied,
         "Consul answers 403 to /v1/kv/a: Permission denied; the token needs key:write on a"},
        {{500, "No cluster leader", {}}, errc::unavailable, "Consul answers 500 to /v1/kv/a: No cluster leader"},
        {{404, "", {}}, errc::bad_data, "Consul answers 404 to /v1/kv/a; is the address that of a Consul agent?"},
        {{200, "", {}}, errc::bad_data, "/v1/kv/a: the answer is neither true nor false; is a proxy in between?"},
        {{200, "truely", {}}, errc::bad_data, "/v1/kv/a: the answer is neither true nor false; is a proxy in between?"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.message);
        manual_clock time;
        fake_transport fake;
        fake.on(http_method::put, "/v1/kv/a?cas=7&dc=dr", row.answer);
        fake.on(http_method::del, "/v1/kv/a?cas=7&dc=dr", row.answer);
        client consul{fake, time, seconds(10)};
        for (const auto& value : {std::optional<std::string>{"x"}, std::optional<std::string>{}}) {
            const auto done = consul.change_key("a", "dr", value, 7);
            REQUIRE_FALSE(done);
            CHECK(done.error().code == row.code);
            CHECK(done.error().message == row.message);
        }
    }
    manual_clock time;
    fake_transport fake;
    client consul{fake, time, {}};
    CHECK(consul.change_key("a", "", "x", 0).error().code == errc::timed_out);
    CHECK(fake.requests().empty());
}

TEST_CASE("names are percent-encoded, segment by segment") {
    fake_transport fake;
    manual_clock time;
    client consul{fake, time, seconds(8)};
    (void)consul.read_key("cluster/a b/caf\xC3\xA9?#%", "h q&x");
    (void)consul.read_key("cluster/folder/", "");  // another key than without the slash
    (void)consul.instances("a/../b c", {"", "d/r"});
    CHECK(world::targets(fake.requests()) ==
          std::vector<std::string>{"/v1/kv/cluster/a%20b/caf%C3%A9%3F%23%25?dc=h%20q%26x&consistent",
                                   "/v1/kv/cluster/folder/?consistent", "/v1/health/service/a%2F..%2Fb%20c?leader",
                                   "/v1/health/service/a%2F..%2Fb%20c?dc=d%2Fr&leader"});
    for (const auto& each : fake.requests()) CHECK(each.method == GET);
}

TEST_CASE("a list of instances counts only when it is whole") {
    struct row {
        std::string_view name;
        http_response answer;
        errc code;
        std::string_view message;
    };
    const row rows[] = {
        {"filtered",
         {200, "[]", {{"x-consul-results-filtered-by-acls", "true"}}},
         errc::denied,
         "/v1/health/service/web: the list is filtered; the token needs service:read on web and node:read on every "
         "node"},
        {"from a server without a leader",
         {200, "[]", {{"X-Consul-KnownLeader", "false"}}},
         errc::unavailable,
         "Consul answers /v1/health/service/web without a cluster leader"},
        {"no right",
         {403, "Permission denied", {}},
         errc::denied,
         "Consul answers 403 to /v1/health/service/web: Permission denied; the token needs service:read on web and "
         "node:read on every node"},
        {"not found",
         {404, "", {{"X-Consul-Index", "7"}}},
         errc::bad_data,
         "Consul answers 404 to /v1/health/service/web; is the address that of a Consul agent?"},
        {"cut off",
         {200, "[{", {}},
         errc::bad_data,
         "/v1/health/service/web: not valid JSON at line 1, column 3 (byte 2): expected a name in double quotes, found the end of the text; it was cut off"},
        {"no path",
         {500, "No path to datacenter", {}},
         errc::unavailable,
         "Consul answers 500 to /v1/health/service/web: No path to datacenter"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        auto fake = answering("/v1/health/service/web?leader", each.answer);
        manual_clock time;
        const auto all = client{fake, time, seconds(8)}.instances("web", {""});
        REQUIRE(all.size() == 1);
        REQUIRE_FALSE(all[0].instances);
        CHECK(all[0].instances.error().code == each.code);
        CHECK(all[0].instances.error().message == each.message);
    }
    auto fake =
        answering("/v1/health/service/web?leader", {200, "[]", {{"X-Consul-Results-Filtered-By-ACLs", "false"}}});
    manual_clock time;
    CHECK(client{fake, time, seconds(8)}.instances("web", {""})[0].instances->empty());
    CHECK(client{fake, time, seconds(8)}.instances("web", {}).empty());
}

TEST_CASE("the agent and the datacenters are asked for") {
    manual_clock time;
    fake_transport fake;
    fake.on(GET, "/v1/agent/self", 200, R"({"Config":{"NodeName":"web1","Datacenter":"hq"}})");
    fake.on(GET, "/v1/agent/self", 403, "Permission denied");
    fake.on(GET, "/v1/catalog/datacenters", 200, R"(["hq","dr"])");
    fake.on(GET, "/v1/catalog/datacenters", 200, "[]");
    client consul{fake, time, seconds(8)};
    CHECK(consul.agent()->node == "web1");
    CHECK(consul.agent().error().message ==
          "Consul answers 403 to /v1/agent/self: Permission denied; the token needs agent:read on this node");
    CHECK(*consul.datacenters() == std::vector<std::string>{"hq", "dr"});
    CHECK(consul.datacenters().error().message ==
          "/v1/catalog/datacenters: Consul's answer is not of the documented shape: expected a list of datacenters");
}

TEST_CASE("each request has what is left of the budget, and at most five seconds") {
    fake_transport fake;
    manual_clock time;
    time.advance(seconds(100));
    world::slow_transport slow{fake, time, milliseconds{1500}};
    consul_client<world::slow_transport&, manual_clock&> consul{slow, time, time.monotonic() + seconds(8)};
    for (int i = 0; i < 4; ++i) (void)consul.read_key("k", "");
    (void)consul.instances("web", {"a", "b", "c", "d"});
    CHECK(consul.read_key("k", "").error() ==
          error{errc::timed_out, "the time was over before Consul could be asked for /v1/kv/k"});
    CHECK(consul.agent().error().code == errc::timed_out);
    CHECK(consul.datacenters().error().code == errc::timed_out);
    const auto late = consul.instances("web", {"a", "b"});
    REQUIRE(late.size() == 2);
    CHECK(late[1].datacenter == "b");
    CHECK(late[1].instances.error() ==
          error{errc::timed_out, "the time was over before Consul could be asked for /v1/health/service/web"});

    std::vector<std::int64_t> timeouts;
    for (const auto& each : fake.requests()) timeouts.push_back(each.timeout.count);
    CHECK(timeouts == std::vector<std::int64_t>{5000, 5000, 5000, 3500, 2000, 500});
    for (const auto at : slow.sent) CHECK(at < seconds(108));
    CHECK(time.monotonic() == seconds(108));
}

TEST_CASE("a transport that can asks all datacenters at once, each with the same time") {
    struct parallel : fake_transport {
        std::vector<std::size_t> batches{};
        auto perform_all(std::span<const http_request> requests) -> std::vector<result<http_response>> {
            batches.push_back(requests.size());
            std::vector<result<http_response>> answers;
            for (const auto& each : requests) answers.push_back(perform(each));
            return answers;
        }
    } fake;
    fake.on(GET, "/v1/health/service/web?dc=dr&leader", 200, world::list({world::instance("a", "dr", "")}));
    manual_clock time;
    consul_client<parallel&, manual_clock&> consul{fake, time, seconds(3)};
    const auto all = consul.instances("web", {"hq", "dr"});
    CHECK(fake.batches == std::vector<std::size_t>{2});
    CHECK(fake.requests()[1].timeout == seconds(3));
    CHECK(all[0].datacenter == "hq");
    CHECK(all[0].instances.error().code == errc::failed);
    CHECK(all[1].instances->at(0).node == "a");

    time.advance(seconds(3));
    CHECK(consul.instances("web", {"hq", "dr"})[1].instances.error().code == errc::timed_out);
    CHECK(fake.requests().size() == 2);
}

TEST_CASE("a key is read in the way that was asked for, and its age is told") {
    const std::string body =
        R"([{"Key":"cluster/production/web","Value":")" + base64_encoded("text") + R"(","ModifyIndex":9}])";
    struct row {
        std::string_view name;
        consistency mode;
        std::string_view query;
        std::vector<http_header> headers;
        std::optional<milliseconds> age;
        bool sound;
    };
    const std::vector<http_header> leaderless{{"X-Consul-LastContact", "900"}, {"X-Consul-KnownLeader", "false"}};
    const row rows[] = {
        {"stale", consistency::stale, "?stale", {{"X-Consul-LastContact", "7"}}, milliseconds{7}, true},
        {"stale, in the middle of an election", consistency::stale, "?stale", leaderless, milliseconds{900}, true},
        {"from a leader that is none", consistency::leader, "", leaderless, {}, false},
        {"confirmed by one that is none", consistency::consistent, "?consistent", leaderless, {}, false},
        {"confirmed", consistency::consistent, "?consistent", {{"X-Consul-LastContact", "0"}}, milliseconds{0}, true},
        {"no age", consistency::stale, "?stale", {}, {}, true},
        {"an age that is none", consistency::stale, "?stale", {{"X-Consul-LastContact", "-1"}}, {}, true},
        {"an age with something behind it", consistency::stale, "?stale", {{"X-Consul-LastContact", "1s"}}, {}, true},
        {"never heard of a leader",
         consistency::stale,
         "?stale",
         {{"X-Consul-LastContact", "9223372036854"}},
         milliseconds{1'000'000'000},
         true},
        {"more than any number",
         consistency::stale,
         "?stale",
         {{"X-Consul-LastContact", "99999999999999999999"}},
         milliseconds{1'000'000'000},
         true},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        const std::string target = std::string{key_target} + std::string{each.query};
        fake.on(GET, target, http_response{200, body, each.headers});
        manual_clock time;
        const auto read = client{fake, time, seconds(8)}.read_key("cluster/production/web", "", each.mode);
        CHECK(read.has_value() == each.sound);
        if (!read) {
            CHECK(read.error().code == errc::unavailable);
            continue;
        }
        REQUIRE(read->entry);
        CHECK(read->entry->value == "text");
        CHECK(read->how.mode == each.mode);
        CHECK(read->how.target == target);
        CHECK(read->how.age == each.age);
        CHECK(read->how.again.empty());
    }
}

TEST_CASE("the other reads say what they are") {
    fake_transport fake;
    manual_clock time;
    client consul{fake, time, seconds(8)};
    (void)consul.read_key("k", "hq", consistency::stale);
    (void)consul.read_key("k", "", consistency::leader);
    (void)consul.read_key("k", "");
    (void)consul.instances("web", {"", "dr"}, consistency::cached, seconds(10));
    (void)consul.instances("web", {"dr"}, consistency::consistent);
    CHECK(world::targets(fake.requests()) ==
          std::vector<std::string>{"/v1/kv/k?dc=hq&stale", "/v1/kv/k", "/v1/kv/k?consistent",
                                   "/v1/health/service/web?cached", "/v1/health/service/web?dc=dr&cached",
                                   "/v1/health/service/web?dc=dr&consistent"});
}

TEST_CASE("the agent's cache counts only up to an age, its server's included") {
    struct row {
        std::string_view name;
        std::vector<http_header> headers;
        std::string_view again;
    };
    const std::string_view unsaid = "the answer does not say how old it is";
    const http_header led{"X-Consul-KnownLeader", "true"};
    const http_header leaderless{"X-Consul-KnownLeader", "false"};
    const row rows[] = {
        {"not from the cache", {{"X-Cache", "MISS"}, {"X-Consul-LastContact", "0"}}, ""},
        {"young", {{"X-Cache", "HIT"}, {"Age", "9"}, {"X-Consul-LastContact", "1000"}, led}, ""},
        {"old",
         {{"X-Cache", "HIT"}, {"Age", "11"}, {"X-Consul-LastContact", "0"}, led},
         "the answer may be 11000 ms old, more than the 10000 ms that are allowed"},
        {"young, from a server that is behind",
         {{"X-Cache", "HIT"}, {"Age", "0"}, {"X-Consul-LastContact", "10001"}, led},
         "the answer may be 10001 ms old, more than the 10000 ms that are allowed"},
        {"no age", {{"X-Cache", "HIT"}, {"X-Consul-LastContact", "0"}, led}, unsaid},
        {"no leader", {{"X-Cache", "HIT"}, {"Age", "0"}, {"X-Consul-LastContact", "0"}, leaderless}, unsaid},
        {"no word of a leader", {{"X-Cache", "HIT"}, {"Age", "0"}, {"X-Consul-LastContact", "0"}}, unsaid},
        {"streamed", newer::streamed("", false).headers, unsaid},
        {"streamed, with headers that say nothing", newer::streamed("", true).headers, unsaid},
        {"streamed, not for the first time",
         {{"X-Consul-Query-Backend", "streaming"}, {"X-Consul-LastContact", "0"}, led},
         unsaid},
        {"not streamed", newer::answer("").headers, ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        fake.on(GET, "/v1/health/service/web?dc=hq&cached", http_response{200, world::list({}), each.headers});
        fake.on(GET, "/v1/health/service/web?dc=dr&cached", http_response{200, world::list({}), rows[0].headers});
        fake.on(GET, "/v1/health/service/web?dc=hq&leader", 200, world::list({world::instance("a", "hq", "")}));
        manual_clock time;
        const auto all =
            client{fake, time, seconds(8)}.instances("web", {"hq", "dr"}, consistency::cached, seconds(10));
        REQUIRE(all.size() == 2);
        CHECK(all[0].how.again == each.again);
        REQUIRE(all[0].instances);
        CHECK(all[0].instances->size() == (each.again.empty() ? 0 : 1));
        CHECK(all[0].datacenter == "hq");
        CHECK(all[1].how.target == "/v1/health/service/web?dc=dr&cached");
    }
}

namespace {

constexpr std::string_view list_target = "/v1/kv/cluster/pro%20d/?recurse&dc=hq";

auto listed_by(result<http_response> answer) -> result<kv_listing> {
    fake_transport fake;
    fake.on(http_method::get, std::string{list_target}, std::move(answer));
    return list_keys(fake, "cluster/pro d/", "hq", seconds(1));
}

}  // namespace

TEST_CASE("keys are listed with their values, and an empty list is no error") {
    const auto found = listed_by(http_response{200, R"([{"Key":"cluster/pro d/web","Value":"e30="}])", {}});
    REQUIRE_MESSAGE(found, found.error().message);
    REQUIRE(found->keys.size() == 1);
    CHECK(found->keys.front().value == "{}");
    CHECK(found->path == list_target);
    const auto none = listed_by(http_response{404, "", {{"X-Consul-Index", "3"}}});
    REQUIRE(none);
    CHECK(none->keys.empty());

    fake_transport fake;
    fake.on(http_method::get, "/v1/kv/a?recurse", 200, "[]");
    CHECK(list_keys(fake, "a", "", milliseconds{7}));
    CHECK(fake.requests().front().timeout == milliseconds{7});
}

TEST_CASE("what is no list is an error with its reason") {
    struct row {
        std::string_view name;
        result<http_response> answer;
        errc code;
        std::string_view message;
    };
    const row rows[] = {
        {"no right", http_response{403, "Permission denied", {}}, errc::denied,
         "Consul answers 403 to /v1/kv/cluster/pro%20d/?recurse&dc=hq: Permission denied; the token needs "
         "key_prefix:list and key_prefix:read on cluster/pro d/"},
        {"filtered", http_response{200, "[]", {{"X-Consul-Results-Filtered-By-ACLs", "true"}}}, errc::denied,
         "/v1/kv/cluster/pro%20d/?recurse&dc=hq: the list is filtered; the token needs key_prefix:list and "
         "key_prefix:read on cluster/pro d/"},
        {"a proxy's 404", http_response{404, "", {}}, errc::bad_data,
         "Consul answers 404 to /v1/kv/cluster/pro%20d/?recurse&dc=hq; is the address that of a Consul agent?"},
        {"redirect", http_response{301, "", {}}, errc::bad_data,
         "Consul answers 301 to /v1/kv/cluster/pro%20d/?recurse&dc=hq: a redirect, which would lead to another key or "
         "host; give the address of Consul itself"},
        {"404 with the index 0", http_response{404, "", {{"X-Consul-Index", "0"}}}, errc::bad_data,
         "Consul answers 404 to /v1/kv/cluster/pro%20d/?recurse&dc=hq; is the address that of a Consul agent?"},
        {"an empty body", http_response{200, "", {}}, errc::bad_data,
         "/v1/kv/cluster/pro%20d/?recurse&dc=hq: the answer has no body; is a proxy in between?"},
        {"limits", http_response{429, "", {}}, errc::unavailable,
         "Consul answers 429 to /v1/kv/cluster/pro%20d/?recurse&dc=hq: too many requests; see its limits"},
        {"no leader", http_response{500, "rpc error: No cluster leader", {}}, errc::unavailable,
         "Consul answers 500 to /v1/kv/cluster/pro%20d/?recurse&dc=hq: No cluster leader"},
        {"stale without a leader", http_response{404, "", {{"X-Consul-Index", "3"}, {"X-Consul-KnownLeader", "false"}}},
         errc::unavailable, "Consul answers /v1/kv/cluster/pro%20d/?recurse&dc=hq without a cluster leader"},
        {"not reached", fail(errc::timed_out, "no answer"), errc::timed_out, "no answer"},
        {"another key", http_response{200, R"([{"Key":"secret","Value":""}])", {}}, errc::bad_data,
         "/v1/kv/cluster/pro%20d/?recurse&dc=hq: Consul's answer is not of the documented shape: asked for keys below "
         "\"cluster/pro d/\", got \"secret\""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto refused = listed_by(each.answer);
        REQUIRE(!refused);
        CHECK(refused.error().code == each.code);
        CHECK(refused.error().message == each.message);
    }
}

TEST_CASE("what would help against a proxy's question for a password is told apart from the message") {
    for (const int status : {401, 407, 404}) {
        auto fake = answering(confirmed_target, {status, "", {}});
        manual_clock time;
        const auto read = client{fake, time, seconds(8)}.read_key("cluster/production/web", "");
        CHECK(read.error().remedy == (status == 404 ? "" : "httpAuthFile"));
    }
}

TEST_CASE("rights are asked for in portions that Consul answers") {
    for (const std::size_t count : {1U, 64U, 65U, 130U}) {
        CAPTURE(count);
        std::vector<acl_right> rights;
        for (std::size_t i = 0; i < count; ++i) rights.push_back({acl_resource::node, "n" + std::to_string(i)});
        newer::agent consul{[](auto, auto segment, auto, auto) { return segment != "n0" && segment != "n64"; }};
        manual_clock time;
        const auto missing =
            consul_client<newer::agent&, manual_clock&>{consul, time, seconds(8)}.missing_rights(rights, "");
        REQUIRE_MESSAGE(missing, missing.error().message);
        CHECK(missing->size() == (count > 64 ? 2 : 1));
        CHECK(missing->back() == rights[count > 64 ? 64 : 0]);
        CHECK(consul.portions.size() == (count + 63) / 64);
        for (const auto each : consul.portions) CHECK(each <= 64);
    }
    newer::agent consul{[](auto, auto, auto, auto) { return false; }};
    manual_clock time;
    CHECK(consul_client<newer::agent&, manual_clock&>{consul, time, seconds(8)}.missing_rights({}, "")->empty());
    CHECK(consul.portions.empty());
}

TEST_CASE("rights are asked for in the namespace and the partition in which everything else is") {
    const std::vector<acl_right> rights{{acl_resource::node, "n"}, {acl_resource::service, "web"}};
    const auto in_team = [](auto, auto, auto name_space, auto partition) {
        return name_space == "team" && partition == "east";
    };
    const auto missing = [&](consul_scope scope) {
        newer::agent consul{in_team, std::move(scope)};
        manual_clock time;
        any_transport held = any_transport::to(consul);
        return consul_client<any_transport&, manual_clock&>{held, time, seconds(8)}.missing_rights(rights, "")->size();
    };
    CHECK(missing({"team", "east"}) == 0);
    CHECK(missing({"team", ""}) == 2);
    CHECK(missing({}) == 2);
    CHECK(scope_of(fake_transport{}) == consul_scope{});
}

TEST_CASE("an agent that does not answer what a token may see says nothing about the token") {
    struct row {
        std::string_view name;
        http_response answer;
        std::string_view said;
    };
    const row rows[] = {
        {"blocked", newer::blocked(), "403, Endpoint is blocked by agent configuration"},
        {"gone", newer::no_such_endpoint(), "404, not a recognized HTTP API endpoint"},
        {"a page of 404", {404, "<html>request 4711</html>", {}}, "404"},
        {"another method",
         {405, "method POST not allowed", {{"Allow", "OPTIONS,GET"}}},
         "405, method POST not allowed"},
        {"too many", newer::with_policy(400, "Refusing to process more than 64 authorizations at once"),
         "400, Refusing to process more than 64 authorizations at once"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        fake_transport fake;
        fake.on(http_method::post, "/v1/internal/acl/authorize?dc=hq", each.answer);
        manual_clock time;
        const auto asked = client{fake, time, seconds(8)}.require_rights({{acl_resource::service, "web"}}, "hq", "x");
        REQUIRE_FALSE(asked);
        CHECK(asked.error() ==
              error{errc::unsupported, "this agent does not answer /v1/internal/acl/authorize (" +
                                           std::string{each.said} +
                                           "), so that a takeover from an active that is not listed is not possible"});
    }
}

TEST_CASE("what newer versions say is shown with its reason, and the same from call to call") {
    struct row {
        std::string_view name;
        http_response answer;
        errc code;
        std::string_view said;
    };
    const std::string_view needs = "; the token needs key:read on cluster/production/web";
    const std::string_view key = "cluster/production/web";
    const row rows[] = {
        {"a token with an id", newer::denied("2f1c0e3a-9b9c-4f0e", "key:read", key), errc::denied,
         "403 to PATH: Permission denied: the token lacks permission 'key:read'NEEDS"},
        {"the same token by another id", newer::denied("00000000-0000", "key:read", key), errc::denied,
         "403 to PATH: Permission denied: the token lacks permission 'key:read'NEEDS"},
        {"a token without an id", newer::denied("", "key:read", key), errc::denied,
         "403 to PATH: Permission denied: the token lacks permission 'key:read'NEEDS"},
        {"no token", newer::denied_to_anonymous("key:read"), errc::denied,
         "403 to PATH: Permission denied: the anonymous token lacks permission 'key:read'NEEDS"},
        {"a permission that is none", newer::denied("", "\x1b[31m", key), errc::denied,
         "403 to PATH: Permission deniedNEEDS"},
        {"not bootstrapped", newer::not_bootstrapped(), errc::denied,
         "403 to PATH: ACL system must be bootstrapped before making any requests; see consul acl bootstrap"},
        {"blocked", newer::blocked(), errc::unsupported, "403 to PATH: Endpoint is blocked by agent configuration"},
        {"too much for one server", newer::rate_limited(429), errc::unavailable,
         "429 to PATH: rate limit exceeded; see its limits"},
        {"too much for the leader", newer::rate_limited(503), errc::unavailable,
         "503 to PATH: rate limit exceeded; see its limits"},
        {"too much, behind a client agent", newer::rate_limited(500), errc::unavailable,
         "500 to PATH: rate limit exceeded; see its limits"},
        {"a key of other letters", newer::key_refused_by_letters(), errc::bad_data,
         "500 to PATH: it does not take this key: invalid key name"},
        {"a key like a file", newer::key_refused_by_its_end(".com"), errc::bad_data,
         "400 to PATH: it does not take this key: suspicious file extension"},
        {"a 400 for another reason", newer::with_policy(400, "Invalid max_stale value \"x\"\n"), errc::bad_data,
         "400 to PATH: Invalid max_stale value \"x\""},
        {"a 400 without a reason", newer::with_policy(400, ""), errc::bad_data, "400 to PATH; see the agent's log"},
        {"a page of a proxy behind it", newer::with_policy(400, "<html>request 4711"), errc::bad_data,
         "400 to PATH; see the agent's log"},
        {"a 400 of a proxy",
         {400, "request 4711", {}},
         errc::bad_data,
         "400 to PATH; is the address that of a Consul agent?"},
        {"a 418", newer::with_policy(418, "teapot 4711"), errc::bad_data, "418 to PATH; see the agent's log"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        auto fake = answering(confirmed_target, each.answer);
        manual_clock time;
        const auto read = client{fake, time, seconds(8)}.read_key(key, "");
        REQUIRE_FALSE(read);
        std::string expected = "Consul answers " + std::string{each.said};
        for (const auto& [name, text] : {std::pair{"PATH", key_target}, std::pair{"NEEDS", needs}}) {
            if (const auto at = expected.find(name); at != std::string::npos) {
                expected.replace(at, std::string_view{name}.size(), text);
            }
        }
        CHECK(read.error().message == expected);
        CHECK(read.error().code == each.code);
    }
}

TEST_CASE("an answer of any server is none of the leader's") {
    // discovery_max_stale, behind something that drops ?leader or in a version that does not know it.
    const std::string all = world::list({world::instance("a", "hq", "")});
    for (const auto mode : {consistency::leader, consistency::consistent}) {
        const std::string target =
            "/v1/health/service/web?" + std::string{mode == consistency::leader ? "leader" : "consistent"};
        for (const std::string_view effective : {"leader", "consistent", "stale"}) {
            CAPTURE(effective);
            auto fake = answering(target, newer::answer(all, std::string{effective}));
            manual_clock time;
            const auto read = client{fake, time, seconds(8)}.instances("web", {""}, mode).front();
            CHECK(read.instances.has_value() == (effective != "stale"));
            if (read.instances) continue;
            CHECK(read.instances.error() ==
                  error{errc::unavailable,
                        "Consul answers /v1/health/service/web from any server, though its leader was asked for"});
        }
    }
    auto fake = answering("/v1/health/service/web?stale", newer::answer(all, "stale"));
    manual_clock time;
    CHECK(client{fake, time, seconds(8)}.instances("web", {""}, consistency::stale).front().instances);
}
