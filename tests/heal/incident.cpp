#include <powerconsul/heal/incident.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

using namespace powerconsul;

static_assert(backoff_after(1, seconds(10), {}) == seconds(10));
static_assert(backoff_after(2, seconds(10), {}) == seconds(20));
static_assert(backoff_after(7, seconds(10), {}) == seconds(640));
static_assert(backoff_after(8, seconds(10), {}) == seconds(900));
static_assert(backoff_after(4'000'000'000U, seconds(10), {}) == seconds(900));
static_assert(backoff_after(1, seconds(60), {.longest = seconds(5)}) == seconds(5));
static_assert(backoff_after(2, seconds(900), {}) == seconds(900));
static_assert(backoff_after(70, milliseconds{1}, {}) == seconds(900));

TEST_CASE("the back-off doubles up to its limit") {
    struct row {
        std::string_view name;
        std::uint32_t attempts;
        milliseconds first;
        std::int64_t wait;
    };
    for (const auto& row :
         {row{"first", 1, seconds(10), 10'000}, row{"second", 2, seconds(10), 20'000},
          row{"third", 3, seconds(10), 40'000}, row{"fourth", 4, seconds(10), 80'000},
          row{"fifth", 5, seconds(10), 160'000}, row{"seventh", 7, seconds(10), 640'000},
          row{"eighth", 8, seconds(10), 900'000}, row{"very many", 4'000'000'000U, seconds(10), 900'000},
          row{"a trigger's own", 3, seconds(60), 240'000},
          row{"a trigger's own, beyond the limit", 1, seconds(3600), 900'000}}) {
        CAPTURE(row.name);
        CHECK(backoff_after(row.attempts, row.first, {}).count == row.wait);
    }
}

TEST_CASE("when a trigger may run again, by its ledger alone") {
    struct row {
        std::string_view name;
        ledger of;
        milliseconds due;
    };
    const row rows[] = {
        {"at once, without an attempt", {.ended = seconds(1000)}, {}},
        {"a back-off after the end of the first", {.attempts = 1, .ended = seconds(1000)}, seconds(1010)},
        {"twice as long after the second", {.attempts = 2, .ended = seconds(1000)}, seconds(1020)},
        {"the trigger's own back-off", {.attempts = 1, .backoff = seconds(60), .ended = seconds(1000)}, seconds(1060)},
        {"and its double", {.attempts = 2, .backoff = seconds(60), .ended = seconds(1000)}, seconds(1120)},
        {"never more than the limit", {.attempts = 30, .ended = seconds(1000)}, seconds(1900)},
        {"the last one before it is given up", {.attempts = 5, .ended = seconds(1000)}, seconds(1160)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(next_attempt(row.of, {}) == row.due);
    }
    CHECK(next_attempt({.attempts = 2, .ended = seconds(1000)}, {.backoff = seconds(1)}) == seconds(1002));
}

TEST_CASE("journals are the same only if all in them is") {
    // A journal that is taken for the one on disk is not written.
    const auto differs = [](const auto& change) {
        journal one{.service = "web", .silent = {{}}, .incidents = {{}}, .ledgers = {{}}, .attempts = {{}}};
        one.incidents.front().checks.emplace_back();
        journal other = one;
        CHECK(one == other);
        change(other);
        return !(one == other);
    };
    const auto in_incident = [&](const auto& change) {
        return differs([&](journal& all) { change(all.incidents.front()); });
    };
    const auto in_check = [&](const auto& change) {
        return in_incident([&](incident& one) { change(one.checks.front()); });
    };
    const auto in_ledger = [&](const auto& change) {
        return differs([&](journal& all) { change(all.ledgers.front()); });
    };
    const auto in_attempt = [&](const auto& change) {
        return differs([&](journal& all) { change(all.attempts.front()); });
    };
    CHECK(differs([](journal& all) { all.service = "mail"; }));
    CHECK(differs([](journal& all) { all.well.count = 1; }));
    CHECK(differs([](journal& all) { all.dropped = 1; }));
    CHECK(differs([](journal& all) { all.silent.clear(); }));
    CHECK(differs([](journal& all) { all.silent.front().check_id = "c"; }));
    CHECK(differs([](journal& all) { all.silent.front().since.count = 1; }));
    CHECK(differs([](journal& all) { all.incidents.clear(); }));
    CHECK(differs([](journal& all) { all.ledgers.clear(); }));
    CHECK(differs([](journal& all) { all.attempts.emplace_back(); }));
    CHECK(in_incident([](incident& one) { one.id = "1"; }));
    CHECK(in_incident([](incident& one) { one.state = bad_state::warning; }));
    CHECK(in_incident([](incident& one) { one.node = "n1"; }));
    CHECK(in_incident([](incident& one) { one.opened.count = 1; }));
    CHECK(in_incident([](incident& one) { one.closed.count = 1; }));
    CHECK(in_incident([](incident& one) { one.how = closing::gone; }));
    CHECK(in_incident([](incident& one) { one.checks.clear(); }));
    CHECK(in_incident([](incident& one) { one.further_checks = 1; }));
    CHECK(in_incident([](incident& one) { one.attempts = 1; }));
    CHECK(in_incident([](incident& one) { one.given_up = true; }));
    CHECK(in_incident([](incident& one) { one.owed = notice::passing; }));
    CHECK(in_incident([](incident& one) { one.looked.count = 1; }));
    CHECK(in_incident([](incident& one) { one.held = "no trigger"; }));
    CHECK(in_incident([](incident& one) { one.key = "k"; }));
    CHECK(in_check([](incident_check& one) { one.service_id = "web"; }));
    CHECK(in_check([](incident_check& one) { one.check_id = "web-alive"; }));
    CHECK(in_check([](incident_check& one) { one.bad = true; }));
    CHECK(in_check([](incident_check& one) { one.changed.count = 1; }));
    CHECK(in_check([](incident_check& one) { one.face = 1; }));
    CHECK(in_check([](incident_check& one) { one.modify_index = 1; }));
    CHECK(in_ledger([](ledger& one) { one.key = "k"; }));
    CHECK(in_ledger([](ledger& one) { one.attempts = 1; }));
    CHECK(in_ledger([](ledger& one) { one.given_up = true; }));
    CHECK(in_ledger([](ledger& one) { one.backoff.count = 1; }));
    CHECK(in_ledger([](ledger& one) { one.ended.count = 1; }));
    CHECK(in_ledger([](ledger& one) { one.modify_index = 1; }));
    CHECK(in_attempt([](attempt& one) { one.began.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.may_run.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.ended.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.settle.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.settled.count = 1; }));
    CHECK(in_attempt([](attempt& one) { one.process.pid = 1; }));
    CHECK(in_attempt([](attempt& one) { one.process.began = 1; }));
    CHECK(in_attempt([](attempt& one) { one.process.boot = "b"; }));
    CHECK(in_attempt([](attempt& one) { one.incident = "1"; }));
    CHECK(in_attempt([](attempt& one) { one.key = "k"; }));
    CHECK(in_attempt([](attempt& one) { one.number = 2; }));
    CHECK(in_attempt([](attempt& one) { one.informs = true; }));
    CHECK(in_attempt([](attempt& one) { one.stops = true; }));
    CHECK(in_attempt([](attempt& one) { one.result = healing::ended; }));
    CHECK(in_attempt([](attempt& one) { one.status = 0; }));
    CHECK(in_attempt([](attempt& one) { one.signal = 9; }));
    CHECK(in_attempt([](attempt& one) { one.output = "o"; }));
}

TEST_CASE("words") {
    // They stand in journals, in the log and in JSON.
    const std::pair<std::string_view, std::string_view> rows[] = {
        {to_string(bad_state::warning), "warning"},
        {to_string(bad_state::critical), "critical"},
        {to_string(healing::unfinished), "unfinished"},
        {to_string(healing::ended), "ended"},
        {to_string(healing::healed), "healed"},
        {to_string(healing::not_healed), "not healed"},
        {to_string(healing::failed_to_run), "failed to run"},
        {to_string(healing::timed_out), "timed out"},
        {to_string(closing::open), "open"},
        {to_string(closing::healed), "healed"},
        {to_string(closing::over), "over"},
        {to_string(closing::gone), "gone"},
        {to_string(closing::left), "left"},
        {to_string(notice::none), "none"},
        {to_string(notice::passing), "passing"},
        {to_string(notice::given_up), "given-up"},
    };
    for (const auto& [is, should] : rows) CHECK(is == should);
}

TEST_CASE("what nobody wrote has not happened") {
    const incident one;
    CHECK(one.state == bad_state::critical);
    CHECK(one.is_open());
    CHECK(one.how == closing::open);
    CHECK(one.owed == notice::none);
    CHECK_FALSE(one.given_up);
    const attempt last;
    CHECK(last.result == healing::unfinished);
    CHECK(last.status == -1);
    CHECK(last.number == 1);
    CHECK_FALSE(last.informs);
    CHECK(ledger{}.attempts == 0);
    CHECK_FALSE(ledger{}.given_up);
    CHECK_FALSE(check_facts{}.from_snapshot);
}

TEST_CASE("ten seconds, fifteen minutes at most, and five times; the times of settling, silence and forgetting") {
    const retry_rules rules;
    CHECK(rules.backoff == seconds(10));
    CHECK(rules.longest == seconds(900));
    CHECK(rules.attempts == 5);
    CHECK(rules.settle == seconds(30));
    CHECK(rules.forget == seconds(600));
    CHECK(rules.silence == seconds(120));
}
