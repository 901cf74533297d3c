#include <powerconsul/heal/incident.hpp>

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
    SUBCASE("the later of both, where the attempt is the later one") {
        one.attempts = 3;
        one.last.ended = seconds(1300);
        one.last.result = healing::ended;
        one.held = "stopped";
        one.looked = seconds(1200);
        CHECK(next_attempt(one, {}) == seconds(1340));
    }
    SUBCASE("the later of both, where they are close") {
        one.attempts = 1;
        one.last.ended = seconds(1195);
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

TEST_CASE("journals are the same only if all in them is") {
    // A journal that is taken for the one on disk is not written.
    const auto differs = [](const auto& change) {
        journal one{"web", {incident{}}};
        journal other = one;
        CHECK(one == other);
        change(other);
        return !(one == other);
    };
    const auto in_incident = [&](const auto& change) {
        return differs([&](journal& all) { change(all.incidents.front()); });
    };
    const auto in_attempt = [&](const auto& change) { return in_incident([&](incident& one) { change(one.last); }); };
    CHECK(differs([](journal& all) { all.service = "mail"; }));
    CHECK(differs([](journal& all) { all.incidents.clear(); }));
    CHECK(differs([](journal& all) { all.incidents.emplace_back(); }));
    CHECK(in_incident([](incident& one) { one.id = "1"; }));
    CHECK(in_incident([](incident& one) { one.state = bad_state::warning; }));
    CHECK(in_incident([](incident& one) { one.node = "n1"; }));
    CHECK(in_incident([](incident& one) { one.service_id = "web"; }));
    CHECK(in_incident([](incident& one) { one.check_id = "web-alive"; }));
    CHECK(in_incident([](incident& one) { one.create_index = 1; }));
    CHECK(in_incident([](incident& one) { one.modify_index = 1; }));
    CHECK(in_incident([](incident& one) { one.opened.count = 1; }));
    CHECK(in_incident([](incident& one) { one.closed.count = 1; }));
    CHECK(in_incident([](incident& one) { one.silent = true; }));
    CHECK(in_incident([](incident& one) { one.missed = true; }));
    CHECK(in_incident([](incident& one) { one.attempts = 1; }));
    CHECK(in_incident([](incident& one) { one.given_up = true; }));
    CHECK(in_incident([](incident& one) { one.looked.count = 1; }));
    CHECK(in_incident([](incident& one) { one.held = "no trigger"; }));
    CHECK(in_attempt([](attempt& one) { one.began.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.may_run.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.ended.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.process.pid = 1; }));
    CHECK(in_attempt([](attempt& one) { one.process.began = 1; }));
    CHECK(in_attempt([](attempt& one) { one.process.boot = "b"; }));
    CHECK(in_attempt([](attempt& one) { one.key = "k"; }));
    CHECK(in_attempt([](attempt& one) { one.result = healing::ended; }));
    CHECK(in_attempt([](attempt& one) { one.status = 0; }));
    CHECK(in_attempt([](attempt& one) { one.signal = 9; }));
    CHECK(in_attempt([](attempt& one) { one.output = "o"; }));
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

TEST_CASE("what nobody wrote has not happened") {
    const incident one;
    CHECK(one.state == bad_state::critical);
    CHECK(one.is_open());
    CHECK(one.last.result == healing::unfinished);
    CHECK(one.last.status == -1);
    CHECK(check_facts{}.now == standing::not_known);
}

TEST_CASE("ten seconds, fifteen minutes at most, and five times") {
    const retry_rules rules;
    CHECK(rules.backoff == seconds(10));
    CHECK(rules.longest == seconds(900));
    CHECK(rules.attempts == 5);
}
