#include <powerconsul/consul/reading.hpp>

#include <doctest/doctest.h>

using namespace powerconsul;

TEST_CASE("documents are read from any server, health from the leader, unless told otherwise") {
    constexpr read_rules rules;
    static_assert(rules.documents == consistency::stale && rules.health == consistency::leader);
    CHECK(rules.max_stale == seconds(10));
    CHECK(read_facts{}.mode == consistency::leader);
    CHECK(to_string(consistency::stale) == "any server");
    CHECK(to_string(consistency::leader) == "leader");
    CHECK(to_string(consistency::consistent) == "leader, confirmed");
    CHECK(to_string(consistency::cached) == "agent's cache");
}

TEST_CASE("what does not tell its age may be of any") {
    read_facts how;
    CHECK(too_old(how, seconds(10)) == "the answer does not say how old it is");
    how.age = seconds(10);
    CHECK(too_old(how, seconds(10)).empty());
    how.age = milliseconds{10'001};
    CHECK(too_old(how, seconds(10)) == "the answer may be 10001 ms old, more than the 10000 ms that are allowed");
}
