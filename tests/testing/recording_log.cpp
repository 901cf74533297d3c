#include <powerconsul/testing/fakes.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace powerconsul;
using powerconsul::testing::recording_log;

static_assert(event_log<recording_log> && event_log<recording_log&>);
static_assert(!std::is_copy_constructible_v<recording_log>, "a copy would record what nobody looks at");

namespace {

/// As the program's templates take a log.
template <event_log Log>
void tell(Log&& log, std::string service) {
    log.write({.level = event_level::warning,
               .what = "trigger ended",
               .service = std::move(service),
               .state = "critical",
               .fields = {{"attempt", "2"}, {"output", "two\nlines"}}});
}

}  // namespace

TEST_CASE("events are kept in their order with all they hold") {
    recording_log log;
    CHECK(log.events().empty());
    tell(log, "web");
    log.write({.what = "nothing done"});
    tell(log, "db");

    const auto all = log.events();
    REQUIRE(all.size() == 3);
    CHECK(all[0].level == event_level::warning);
    CHECK(all[0].what == "trigger ended");
    CHECK(all[0].service == "web");
    CHECK(all[0].state == "critical");
    REQUIRE(all[0].fields.size() == 2);
    CHECK(all[0].fields[0].first == "attempt");
    CHECK(all[0].fields[0].second == "2");
    CHECK(all[0].fields[1].second == "two\nlines");
    CHECK(all[1].what == "nothing done");
    CHECK(all[1].service.empty());
    CHECK(all[2].service == "db");

    const auto ended = log.events("trigger ended");
    REQUIRE(ended.size() == 2);
    CHECK(ended[0].service == "web");
    CHECK(ended[1].service == "db");
    CHECK(log.events("trigger").empty());

    log.clear();
    CHECK(log.events().empty());
    CHECK(all.size() == 3);
}

TEST_CASE("threads may write at the same time") {
    recording_log log;
    constexpr std::size_t writers = 4;
    constexpr std::size_t each_writes = 500;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < writers; ++i) {
        threads.emplace_back([&log, i] {
            for (std::size_t n = 0; n < each_writes; ++n) tell(log, std::to_string(i) + '/' + std::to_string(n));
        });
    }
    for (auto& thread : threads) thread.join();
    const auto all = log.events();
    REQUIRE(all.size() == writers * each_writes);
    std::vector<std::size_t> next(writers);
    std::size_t in_order = 0;
    for (const auto& each : all) {
        const auto writer = static_cast<std::size_t>(each.service.front() - '0');
        REQUIRE(writer < writers);
        if (each.service == std::to_string(writer) + '/' + std::to_string(next[writer])) ++in_order;
        ++next[writer];
    }
    CHECK(in_order == writers * each_writes);
}
