#include <powerconsul/consul/rights.hpp>

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace powerconsul;

TEST_CASE("rights are named as Consul's documentation names them") {
    CHECK(to_string(acl_right{acl_resource::key, "cluster/production/web"}) == "key:read on cluster/production/web");
    CHECK(to_string(acl_right{acl_resource::agent, "web1"}) == "agent:read on web1");
    CHECK(to_string(acl_right{acl_resource::node, "production-web", true}) ==
          "node:read on every node named production-web…");
    CHECK(to_string(acl_right{acl_resource::node, "", true}) == "node:read on every node");
    CHECK(to_string(std::vector<acl_right>{
              {acl_resource::service, "web"}, {acl_resource::node, "a"}, {acl_resource::node, "b"}}) ==
          "service:read on web, node:read on a and node:read on b");
}

TEST_CASE("two rights are the same only if resource, segment and reach are") {
    const acl_right right{acl_resource::node, "web", true};
    CHECK(right == acl_right{acl_resource::node, "web", true});
    CHECK_FALSE(right == acl_right{acl_resource::service, "web", true});
    CHECK_FALSE(right == acl_right{acl_resource::node, "web1", true});
    CHECK_FALSE(right == acl_right{acl_resource::node, "web", false});
}

namespace {

const std::vector<acl_right> asked{
    {acl_resource::node, "a\"b"}, {acl_resource::service, "web"}, {acl_resource::node, "", true}};

}  // namespace

TEST_CASE("the question has one object for each right") {
    CHECK(
        json::encode_rights(asked) ==
        R"([{"Resource":"node","Access":"read","Segment":"a\"b"},{"Resource":"service","Access":"read","Segment":"web"},)"
        R"({"Resource":"node","Access":"read","Segment":""}])");
}

TEST_CASE("the answer tells which are missing, or nothing at all") {
    // As Consul 1.8.7 answers: an empty segment is left out.
    const auto some = json::decode_missing_rights(
        R"([{"Resource":"node","Segment":"a\"b","Access":"read","Allow":false},
            {"Resource":"service","Segment":"web","Access":"read","Allow":true},
            {"Resource":"node","Access":"read","Allow":false}])",
        asked);
    REQUIRE(some);
    CHECK(*some == std::vector<acl_right>{asked[0], asked[2]});

    const std::vector<acl_right> one{{acl_resource::service, "web"}};
    const auto none =
        json::decode_missing_rights(R"([{"Resource":"service","Segment":"web","Access":"read","Allow":true}])", one);
    REQUIRE(none);
    CHECK(none->empty());
    for (const std::string_view body :
         {"", "[]", "null", "{}", "[null]", R"([{"Resource":"service","Segment":"web","Access":"read"}])",
          R"([{"Resource":"service","Segment":"web","Access":"read","Allow":"true"}])",
          R"([{"Resource":"service","Segment":"web","Access":"write","Allow":true}])",
          R"([{"Resource":"service","Segment":"other","Access":"read","Allow":true}])",
          R"([{"Resource":"service","Access":"read","Allow":true}])",
          R"([{"Resource":"node","Segment":"web","Access":"read","Allow":true}])",
          R"([{"Resource":"service","Segment":"web","Access":"read","Allow":true},{}])"}) {
        CAPTURE(body);
        const auto wrong = json::decode_missing_rights(body, one);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().code == errc::bad_data);
    }
}
