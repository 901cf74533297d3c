#include <powerconsul/heal/slots.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include <powerconsul/testing/manual_clock.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

namespace {

/// Tells in which order places are tried, and may do something while somebody waits.
struct watched_files : testing::memory_files {
    [[nodiscard]] auto lock(const std::string& path, milliseconds wait) -> result<lock_type> {
        tried.push_back(path.substr(path.rfind('/') + 1) + (wait.count == 0 ? "" : " " + std::to_string(wait.count)));
        if (wait.count != 0 && while_waiting) while_waiting();
        return memory_files::lock(path, wait);
    }

    std::vector<std::string> tried{};
    std::function<void()> while_waiting{};
};

}  // namespace

TEST_CASE("a service tries its own place first, then the others, and waits for its own") {
    watched_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    using names = std::vector<std::string>;
    std::list<watched_files::lock_type> held;
    for (const auto& tried : {names{"slot-1.lock"}, names{"slot-1.lock", "slot-2.lock"},
                              names{"slot-1.lock", "slot-2.lock", "slot-0.lock"}}) {
        files.tried.clear();
        auto place = free_slot(files, time, "/state", "mail", 3, seconds(60));
        REQUIRE(place);
        held.push_back(std::move(*place));
        CHECK(files.tried == tried);
    }
    const names all{"slot-1.lock", "slot-2.lock", "slot-0.lock", "slot-1.lock 100"};
    files.tried.clear();
    SUBCASE("until the time is up") {
        files.while_waiting = [&] { time.advance({100}); };
        CHECK(free_slot(files, time, "/state", "mail", 3, {150}).error().code == errc::timed_out);
        CHECK(files.tried.size() == 2 * all.size());
        CHECK(std::equal(all.begin(), all.end(), files.tried.begin()));
    }
    SUBCASE("the last moment is beyond it") {
        files.while_waiting = [&] { time.advance({100}); };
        CHECK(free_slot(files, time, "/state", "mail", 3, {200}).error().code == errc::timed_out);
        CHECK(files.tried.size() == 2 * all.size());
    }
    SUBCASE("until it is free") {
        files.while_waiting = [&] { held.pop_front(); };
        CHECK(free_slot(files, time, "/state", "mail", 3, seconds(60)));
        CHECK(files.tried == all);
    }
    SUBCASE("until the disk fails") {
        files.while_waiting = [&] { files.fail_on("/state/journal/slot-1.lock", {errc::io, "disk full"}); };
        CHECK(free_slot(files, time, "/state", "mail", 3, seconds(60)).error() == error{errc::io, "disk full"});
        CHECK(files.tried == all);
    }
}

TEST_CASE("as many have a place as there are, and the next one waits in vain") {
    testing::memory_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    {
        const auto one = free_slot(files, time, "/state", "web", 2, seconds(0));
        const auto two = free_slot(files, time, "/state", "web", 2, seconds(0));
        CHECK(one);
        CHECK(two);
        const auto three = free_slot(files, time, "/state", "mail", 2, seconds(0));
        REQUIRE_FALSE(three);
        CHECK(three.error() ==
              error{errc::timed_out, "no trigger of this node ended in time, 2 may run at once; try again"});
    }
    CHECK(free_slot(files, time, "/state", "mail", 2, seconds(0)));
}

TEST_CASE("a lock that cannot be had is an error at once") {
    testing::memory_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    files.fail_on("/state/journal/slot-1.lock", {errc::denied, "not yours"});
    const auto none = free_slot(files, time, "/state", "web", 2, seconds(60));
    REQUIRE_FALSE(none);
    CHECK(none.error() == error{errc::denied, "not yours"});
}
