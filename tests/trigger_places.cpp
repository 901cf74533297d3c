#include <powerconsul/trigger_places.hpp>

#include <doctest/doctest.h>

#include <powerconsul/testing/manual_clock.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

TEST_CASE("as many have a place as there are, and the next one waits in vain") {
    testing::memory_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    {
        const auto one = free_place(files, time, "/state", "web", 2, seconds(0));
        const auto two = free_place(files, time, "/state", "web", 2, seconds(0));
        CHECK(one);
        CHECK(two);
        const auto three = free_place(files, time, "/state", "mail", 2, seconds(0));
        REQUIRE_FALSE(three);
        CHECK(three.error() ==
              error{errc::timed_out, "no trigger of this node ended in time, 2 may run at once; try again"});
    }
    CHECK(free_place(files, time, "/state", "mail", 2, seconds(0)));
}

TEST_CASE("a lock that cannot be had is an error at once") {
    testing::memory_files files;
    testing::manual_clock time;
    files.fail_on("/state/journal", {errc::io, "disk full"});
    const auto none = free_place(files, time, "/state", "web", 1, seconds(60));
    REQUIRE_FALSE(none);
    CHECK(none.error().code == errc::io);
}
