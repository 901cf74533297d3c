#include <powerconsul/consistency.hpp>

#include <doctest/doctest.h>

using namespace powerconsul;

TEST_CASE("documents are read from any server, health from the leader, unless told otherwise") {
    constexpr read_rules rules;
    static_assert(rules.documents == consistency::stale && rules.health == consistency::leader);
    CHECK(rules.max_stale == seconds(10));
    CHECK(to_string(consistency::stale) == "any server");
    CHECK(to_string(consistency::leader) == "leader");
    CHECK(to_string(consistency::consistent) == "leader, confirmed");
    CHECK(to_string(consistency::cached) == "agent's cache");
}
