#include <powerconsul/incident.hpp>

#include <string_view>
#include <type_traits>

#include <doctest/doctest.h>

using namespace powerconsul;

static_assert(backoff_after(1, {}) == seconds(10));
static_assert(backoff_after(2, {}) == seconds(20));
static_assert(backoff_after(7, {}) == seconds(640));
static_assert(backoff_after(8, {}) == seconds(900));
static_assert(backoff_after(4'000'000'000U, {}) == seconds(900));
static_assert(backoff_after(1, {seconds(60), seconds(5), 5}) == seconds(5));

TEST_CASE("the back-off doubles up to its limit") {
    struct row {
        std::string_view name;
        std::uint32_t attempts;
        std::int64_t wait;
    };
    for (const auto& row : {row{"first", 1, 10'000}, row{"second", 2, 20'000}, row{"third", 3, 40'000},
                            row{"fourth", 4, 80'000}, row{"fifth", 5, 160'000}, row{"seventh", 7, 640'000},
                            row{"eighth", 8, 900'000}, row{"very many", 4'000'000'000U, 900'000}}) {
        CAPTURE(row.name);
        CHECK(backoff_after(row.attempts, {}).count == row.wait);
    }
}

TEST_CASE("when the next attempt is due") {
    incident one;
    one.opened = seconds(1000);
    SUBCASE("at once, without an attempt") {
        CHECK(next_attempt(one, {}) == seconds(1000));
    }
    SUBCASE("after one that was held, a back-off after the last look") {
        one.held = "no trigger";
        one.looked = seconds(1500);
        CHECK(next_attempt(one, {}) == seconds(1510));
    }
    SUBCASE("a back-off after the end of the last one") {
        one.attempts = 2;
        one.last.began = seconds(1100);
        one.last.ended = seconds(1150);
        one.last.result = healing::ended;
        CHECK(next_attempt(one, {}) == seconds(1170));
    }
    SUBCASE("a back-off after the beginning, if its end is not known") {
        one.attempts = 1;
        one.last.began = seconds(1100);
        CHECK(next_attempt(one, {}) == seconds(1110));
    }
    SUBCASE("the later of both") {
        one.attempts = 1;
        one.last.ended = seconds(1100);
        one.last.result = healing::ended;
        one.held = "stopped";
        one.looked = seconds(1200);
        CHECK(next_attempt(one, {}) == seconds(1210));
    }
    SUBCASE("never, once given up") {
        one.given_up = true;
        CHECK_FALSE(next_attempt(one, {}));
    }
    SUBCASE("never, once closed") {
        one.closed = seconds(2000);
        CHECK_FALSE(next_attempt(one, {}));
    }
}

TEST_CASE("words") {
    CHECK(to_string(bad_state::warning) == "warning");
    CHECK(to_string(bad_state::critical) == "critical");
    CHECK(to_string(healing::unfinished) == "unfinished");
    CHECK(to_string(healing::ended) == "ended");
    CHECK(to_string(healing::healed) == "healed");
    CHECK(to_string(healing::not_healed) == "not healed");
    CHECK(to_string(healing::failed_to_run) == "failed to run");
    CHECK(to_string(healing::timed_out) == "timed out");
}
