#include <powerconsul/consul/kv_list.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/fake_transport.hpp>

using namespace powerconsul;
using testing::fake_transport;

namespace {

constexpr std::string_view target = "/v1/kv/cluster/pro%20d/?recurse&dc=hq";

auto listed_by(result<http_response> answer) -> result<kv_listing> {
    fake_transport fake;
    fake.on(http_method::get, std::string{target}, std::move(answer));
    return list_keys(fake, "cluster/pro d/", "hq", seconds(1));
}

}  // namespace

TEST_CASE("keys are listed with their values, and an empty list is no error") {
    const auto found = listed_by(http_response{200, R"([{"Key":"cluster/pro d/web","Value":"e30="}])", {}});
    REQUIRE_MESSAGE(found, found.error().message);
    REQUIRE(found->keys.size() == 1);
    CHECK(found->keys.front().value == "{}");
    CHECK(found->path == target);
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
