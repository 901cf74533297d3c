#include <powerconsul/consul/rights.hpp>

#include <doctest/doctest.h>

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
