#include <powerconsul/heal/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <powerconsul/heal/journal.hpp>

using namespace powerconsul;

namespace {

constexpr milliseconds start = seconds(1'000'000);
const std::string key = "triggers/production/web/primary/critical";

[[nodiscard]] auto about(standing now, std::string check = "web-alive") -> check_facts {
    return {.node = "n1", .service_id = "web", .check_id = std::move(check), .now = now, .face = 1};
}

[[nodiscard]] auto from_snapshot(std::uint64_t modify_index) -> check_facts {
    check_facts one = about(standing::in_state);
    one.modify_index = modify_index;
    one.from_snapshot = true;
    return one;
}

[[nodiscard]] auto look(journal before, const std::vector<check_facts>& facts, milliseconds now,
                        bad_state state = bad_state::critical) -> noticed {
    return observe(std::move(before), state, facts, now, {});
}

/// A journal with one open incident of `web-alive`.
[[nodiscard]] auto opened() -> journal {
    return look({.service = "web"}, {about(standing::in_state)}, start).after;
}

/// One attempt, which has just ended like that; `unfinished`: whoever ran it died.
[[nodiscard]] auto attempted(journal before, std::string_view id, milliseconds now, healing how = healing::ended,
                             purpose why = purpose::heal) -> journal {
    attempt one{.began = now, .settle = seconds(30), .key = key};
    before = attempt_began(std::move(before), id, {key, 7, {}, why}, one);
    if (how == healing::unfinished) return before;
    one.ended = now;
    one.result = how;
    return attempt_ended(std::move(before), one);
}

/// A journal with one open incident that had that many attempts, all of them at `start`.
[[nodiscard]] auto tried(std::uint32_t attempts, healing how = healing::ended) -> journal {
    journal made = opened();
    const std::string id = made.incidents.front().id;
    for (std::uint32_t i = 0; i < attempts; ++i) made = attempted(std::move(made), id, start, how);
    return made;
}

[[nodiscard]] auto is_silent_since(journal from, std::string_view check, milliseconds since) -> journal {
    from.silent.push_back({std::string{check}, since});
    return from;
}

constexpr standing standings[] = {standing::in_state,        standing::passing,        standing::elsewhere,
                                  standing::silent_in_state, standing::silent_passing, standing::silent_elsewhere,
                                  standing::unproven};

}  // namespace

// --- what is seen ---

TEST_CASE("without an open incident") {
    struct row {
        std::string_view name;
        std::vector<check_facts> facts;
        std::int64_t silent_for;  ///< milliseconds since `web-alive` was first seen without output; -1: it was not
        bool opens;
        std::optional<std::int64_t> counts_in{};  ///< milliseconds
    };
    const row rows[] = {
        {"no checks", {}, -1, false},
        {"in the state", {about(standing::in_state)}, -1, true},
        {"in the state, and only a snapshot says so", {from_snapshot(20)}, -1, true},
        {"passing", {about(standing::passing)}, -1, false},
        {"in the other bad state", {about(standing::elsewhere)}, -1, false},
        {"its own output says that it is not known", {about(standing::unproven)}, -1, false},
        {"silent in the state, first seen", {about(standing::silent_in_state)}, -1, false, 120'000},
        {"silent in the state for a while", {about(standing::silent_in_state)}, 119'999, false, 1},
        {"silent in the state for two minutes", {about(standing::silent_in_state)}, 120'000, true},
        {"silent in the other bad state for long", {about(standing::silent_elsewhere)}, 900'000, false},
        {"silent and passing", {about(standing::silent_passing)}, -1, false},
        {"silent and passing for long", {about(standing::silent_passing)}, 900'000, false},
        {"one of two in the state", {about(standing::passing), about(standing::in_state, "web-port")}, -1, true},
        {"one in the state, one not known",
         {about(standing::unproven), about(standing::in_state, "web-port")},
         -1,
         true},
        {"one in the state, one silent",
         {about(standing::silent_in_state), about(standing::in_state, "web-port")},
         -1,
         true,
         120'000},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        journal before{.service = "web"};
        if (row.silent_for >= 0) {
            before = is_silent_since(before, "web-alive", start - milliseconds{row.silent_for});
        }
        const auto made = look(before, row.facts, start);
        CHECK(made.bad == row.opens);
        CHECK(made.opened.size() == (row.opens ? 1 : 0));
        CHECK(made.closed.empty());
        CHECK(made.after.incidents.size() == (row.opens ? 1 : 0));
        CHECK(made.after.attempts.empty());
        CHECK(made.after.well == milliseconds{});
        CHECK(made.counts_from.has_value() == row.counts_in.has_value());
        if (made.counts_from && row.counts_in) CHECK(*made.counts_from == start + milliseconds{*row.counts_in});
        if (!row.opens) continue;
        const incident& one = made.after.incidents.front();
        CHECK(one.id == made.opened.front());
        CHECK(one.is_open());
        CHECK(one.opened == start);
        CHECK(one.node == "n1");
        CHECK(one.checks.size() == 1);
        CHECK(one.checks.front().bad);
        CHECK(one.checks.front().changed == start);
    }
}

TEST_CASE("with an open incident of one check that had an attempt") {
    struct row {
        std::string_view name;
        std::vector<check_facts> facts;
        std::int64_t silent_for;  ///< seconds since `web-alive` was first seen without output; -1: it was not
        closing how;
        bool bad;
        healing last;
        bool settled;
    };
    check_facts other_instance = about(standing::passing);
    other_instance.service_id = "web-2";
    using enum closing;
    const row rows[] = {
        {"still there", {about(standing::in_state)}, -1, open, true, healing::ended, false},
        {"passing", {about(standing::passing)}, -1, healed, false, healing::healed, true},
        {"in the other bad state", {about(standing::elsewhere)}, -1, left, false, healing::ended, false},
        {"its output says that it is not known", {about(standing::unproven)}, -1, open, false, healing::ended, false},
        {"silent in the state", {about(standing::silent_in_state)}, 119, open, false, healing::ended, false},
        {"silent in the state for long", {about(standing::silent_in_state)}, 120, open, true, healing::ended, false},
        {"passing without output", {about(standing::silent_passing)}, 119, open, false, healing::ended, false},
        {"the same for long", {about(standing::silent_passing)}, 120, healed, false, healing::healed, true},
        {"in the other bad state without output",
         {about(standing::silent_elsewhere)},
         119,
         open,
         false,
         healing::ended,
         false},
        {"the same for long", {about(standing::silent_elsewhere)}, 120, left, false, healing::ended, false},
        {"deregistered", {}, -1, gone, false, healing::ended, false},
        {"another one passes", {about(standing::passing, "web-port")}, -1, gone, false, healing::ended, false},
        {"another instance's check of that id", {other_instance}, -1, gone, false, healing::ended, false},
        {"another one is in the state", {about(standing::in_state, "web-port")}, -1, open, true, healing::ended, false},
        {"another one is in the state, it passes",
         {about(standing::passing), about(standing::in_state, "web-port")},
         -1,
         open,
         true,
         healing::ended,
         false},
        {"it passes, another one is not known",
         {about(standing::passing), about(standing::unproven, "web-port")},
         -1,
         healed,
         false,
         healing::healed,
         true},
        {"it passes, another one is in the other bad state",
         {about(standing::passing), about(standing::elsewhere, "web-port")},
         -1,
         healed,
         false,
         healing::healed,
         true},
        {"it is in the other bad state, another one passes",
         {about(standing::elsewhere), about(standing::passing, "web-port")},
         -1,
         left,
         false,
         healing::ended,
         false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        journal before = tried(1);
        const milliseconds now = start + seconds(1000);
        if (row.silent_for >= 0) before = is_silent_since(before, "web-alive", now - seconds(row.silent_for));
        const auto made = look(before, row.facts, now);
        REQUIRE(made.after.incidents.size() == 1);
        const incident& one = made.after.incidents.front();
        const bool closes = row.how != open;
        CHECK(to_string(one.how) == to_string(row.how));
        CHECK(one.is_open() == !closes);
        CHECK(one.closed == (closes ? now : milliseconds{}));
        CHECK(made.opened.empty());
        CHECK(made.closed.size() == (closes ? 1 : 0));
        CHECK(made.bad == row.bad);
        CHECK(one.attempts == 1);
        CHECK(made.after.well == (closes ? now : milliseconds{}));
        CHECK(one.owed == (row.how == healed ? notice::passing : notice::none));
        REQUIRE(made.after.attempts.size() == 1);
        const attempt& last = made.after.attempts.front();
        CHECK(to_string(last.result) == to_string(row.last));
        CHECK(last.settled == (row.settled ? now : milliseconds{}));
        // The ledger outlives it.
        REQUIRE(made.after.ledgers.size() == 1);
        CHECK(made.after.ledgers.front().attempts == 1);
    }
}

TEST_CASE("how an incident without an attempt ends") {
    const milliseconds now = start + seconds(5);
    const auto ended = [&](const std::vector<check_facts>& facts) {
        const auto made = look(attempt_held(opened(), opened().incidents.front().id, "no trigger", start), facts, now);
        CHECK(made.after.incidents.front().owed == notice::none);
        CHECK(made.after.incidents.front().held.empty());
        return to_string(made.after.incidents.front().how);
    };
    CHECK(ended({about(standing::passing)}) == "over");
    CHECK(ended({about(standing::elsewhere)}) == "left");
    CHECK(ended({}) == "gone");
}

TEST_CASE("an incident of several checks stays until none of them is in the state, whichever came first") {
    auto now = look({.service = "web"}, {about(standing::in_state), about(standing::passing, "b")}, start).after;
    const std::string id = now.incidents.front().id;
    const std::vector<check_facts> rows[] = {
        {about(standing::in_state), about(standing::in_state, "b")},
        {about(standing::passing), about(standing::in_state, "b")},
        {about(standing::in_state, "c")},
        {about(standing::in_state, "c"), about(standing::in_state, "d")},
    };
    for (const auto& facts : rows) {
        const auto made = look(now, facts, start + seconds(1));
        CHECK(made.opened.empty());
        CHECK(made.closed.empty());
        now = made.after;
    }
    REQUIRE(now.incidents.size() == 1);
    CHECK(now.incidents.front().checks.size() == 4);
    // One that is not known keeps it open, even where the others are well.
    const auto unsure = look(now, {about(standing::passing, "c"), about(standing::unproven, "d")}, start + seconds(2));
    CHECK(unsure.closed.empty());
    CHECK_FALSE(unsure.bad);
    const auto over = look(now, {about(standing::passing, "c")}, start + seconds(2));
    CHECK(over.closed == std::vector<std::string>{id});
    CHECK(over.after.incidents.front().how == closing::over);
}

TEST_CASE("every pair of standings of two checks: what opens, what stays and what closes") {
    const auto bad = [](standing now) { return now == standing::in_state; };
    const auto undecided = [](standing now) {
        return now == standing::silent_in_state || now == standing::silent_passing ||
               now == standing::silent_elsewhere || now == standing::unproven;
    };
    for (const auto a : standings) {
        for (const auto b : standings) {
            CAPTURE(static_cast<int>(a));
            CAPTURE(static_cast<int>(b));
            const std::vector<check_facts> facts{about(a, "a"), about(b, "b")};
            const auto fresh = look({.service = "web"}, facts, start);
            CHECK(fresh.opened.size() == (bad(a) || bad(b) ? 1 : 0));
            const auto both =
                look({.service = "web"}, {about(standing::in_state, "a"), about(standing::in_state, "b")}, start).after;
            const auto next = look(both, facts, start + seconds(1));
            CHECK(next.bad == (bad(a) || bad(b)));
            const bool stays = bad(a) || bad(b) || undecided(a) || undecided(b);
            CHECK(next.closed.empty() == stays);
            if (stays) continue;
            const bool elsewhere = a == standing::elsewhere || b == standing::elsewhere;
            CHECK(next.after.incidents.front().how == (elsewhere ? closing::left : closing::over));
        }
    }
}

TEST_CASE("what an attempt came to stays, unless it ran and was not judged yet") {
    struct row {
        healing before;
        healing after;
    };
    for (const auto& row :
         {row{healing::ended, healing::healed}, row{healing::timed_out, healing::healed},
          row{healing::failed_to_run, healing::failed_to_run}, row{healing::unfinished, healing::unfinished}}) {
        CAPTURE(to_string(row.before));
        const auto made = look(tried(1, row.before), {about(standing::passing)}, start + seconds(1));
        CHECK(to_string(made.after.attempts.front().result) == to_string(row.after));
    }
    // What was found not to have healed is not healed by what comes later.
    journal judged = tried(1);
    settle_attempt(judged.attempts.back(), healing::not_healed, start + seconds(40));
    const auto made = look(judged, {about(standing::passing)}, start + seconds(50));
    CHECK(made.after.attempts.front().result == healing::not_healed);
    CHECK(made.after.attempts.front().settled == start + seconds(40));
    CHECK(made.after.incidents.front().how == closing::healed);
    // Other incidents' attempts are left alone.
    journal foreign = tried(1);
    foreign.attempts.front().incident = "another";
    CHECK(look(foreign, {about(standing::passing)}, start + seconds(1)).after.attempts.front().result ==
          healing::ended);
}

TEST_CASE("the other state's incidents are left alone") {
    const auto before = tried(1);
    const auto made = look(before, {about(standing::elsewhere)}, start + seconds(1), bad_state::warning);
    CHECK(made.after == before);
    CHECK_FALSE(made.bad);
    // Both may be open, and the service is well when neither is.
    auto both = look(before, {about(standing::elsewhere), about(standing::in_state, "web-port")}, start + seconds(1),
                     bad_state::warning);
    REQUIRE(both.after.incidents.size() == 2);
    CHECK(both.after.incidents[1].state == bad_state::warning);
    CHECK(both.after.incidents[0].id != both.after.incidents[1].id);
    CHECK(open_incident(both.after, bad_state::critical)->id == before.incidents.front().id);
    CHECK(open_incident(both.after, bad_state::warning)->id == both.opened.front());
    auto one = look(both.after, {about(standing::passing), about(standing::elsewhere, "web-port")}, start + seconds(2));
    CHECK(one.after.well == milliseconds{});
    CHECK(open_incident(one.after, bad_state::critical) == nullptr);
    one = look(one.after, {about(standing::passing)}, start + seconds(3), bad_state::warning);
    CHECK(one.after.well == start + seconds(3));
}

TEST_CASE("an old snapshot of a stay that is over opens nothing where nobody can be asked") {
    const auto closed = look(look({.service = "web"}, {from_snapshot(20)}, start).after, {}, start + seconds(1)).after;
    const milliseconds later = start + seconds(2);
    CHECK(look(closed, {from_snapshot(20)}, later).opened.empty());
    CHECK_FALSE(look(closed, {from_snapshot(20)}, later).bad);
    CHECK(look(closed, {from_snapshot(21)}, later).opened.size() == 1);
    // The agent's word counts for more than the index.
    CHECK(look(closed, {about(standing::in_state)}, later).opened.size() == 1);
    CHECK(look(closed, {from_snapshot(20), about(standing::in_state, "web-port")}, later).opened.size() == 1);
    // Without an index nothing can be told, and another state's incident says nothing.
    CHECK(look(closed, {from_snapshot(0)}, later).opened.size() == 1);
    CHECK(look(closed, {from_snapshot(20)}, later, bad_state::warning).opened.size() == 1);
    // While the incident is open, it is the same stay.
    const auto open = look({.service = "web"}, {from_snapshot(20)}, start).after;
    CHECK(look(open, {from_snapshot(20)}, later).bad);
}

TEST_CASE("an index that is not known takes none away") {
    auto now = look({.service = "web"}, {from_snapshot(20)}, start).after;
    now = look(now, {about(standing::in_state)}, start + seconds(1)).after;
    CHECK(now.incidents.front().checks.front().modify_index == 20);
    now = look(now, {from_snapshot(30)}, start + seconds(2)).after;
    CHECK(now.incidents.front().checks.front().modify_index == 30);
}

TEST_CASE("when a check's answer changed") {
    const auto changed = [](const noticed& made) { return made.after.incidents.front().checks.front().changed; };
    auto made = look(opened(), {about(standing::in_state)}, start + seconds(5));
    CHECK(changed(made) == start);
    check_facts other = about(standing::in_state);
    other.face = 2;
    made = look(made.after, {other}, start + seconds(6));
    CHECK(changed(made) == start + seconds(6));
    made = look(made.after, {other}, start + seconds(7));
    CHECK(changed(made) == start + seconds(6));
    // It was something else in between, while another check kept the incident open: what it says now is new.
    for (const auto between : {standing::passing, standing::elsewhere, standing::unproven, standing::silent_in_state}) {
        check_facts left = other;
        left.now = between;
        auto again = look(made.after, {left, about(standing::in_state, "b")}, start + seconds(8));
        again = look(again.after, {other, about(standing::in_state, "b")}, start + seconds(9));
        CHECK(changed(again) == start + seconds(9));
    }
}

TEST_CASE("of more checks than are kept by name, those that are in the state are") {
    const auto bad = [](std::size_t from, std::size_t to) {
        std::vector<check_facts> all;
        for (std::size_t i = from; i < to; ++i) all.push_back(about(standing::in_state, "c" + std::to_string(i)));
        return all;
    };
    auto now = look({.service = "web"}, bad(0, most_checks), start).after;
    CHECK(now.incidents.front().checks.size() == most_checks);
    CHECK(now.incidents.front().further_checks == 0);
    for (int i = 1; i < 5; ++i) {
        const auto next = look(now, bad(0, 60), start + seconds(i)).after;
        CHECK(next.incidents.front().checks.size() == most_checks);
        CHECK(next.incidents.front().further_checks == 60 - most_checks);
        // What does not change is not written again.
        if (i > 1) CHECK(next == now);
        now = next;
    }
    now = look(now, bad(40, 43), start + seconds(5)).after;
    const auto& checks = now.incidents.front().checks;
    CHECK(checks.size() == most_checks);
    CHECK(std::ranges::count(checks, true, &incident_check::bad) == 3);
    for (const auto* id : {"c40", "c41", "c42"}) CHECK(std::ranges::count(checks, id, &incident_check::check_id) == 1);
    CHECK(now.incidents.front().further_checks == 0);
    // All of them gone: it is over.
    now = look(now, bad(0, 60), start + seconds(6)).after;
    const auto over =
        look(now, {about(standing::passing, now.incidents.front().checks[3].check_id)}, start + seconds(7));
    CHECK(over.after.incidents.front().further_checks == 60 - most_checks);
    CHECK(over.after.incidents.front().how == closing::over);
}

TEST_CASE("ids are the same on every run and differ between incidents") {
    const auto one = opened();
    CHECK(one.incidents.front().id == opened().incidents.front().id);
    CHECK(one.incidents.front().id.size() == 16);
    const auto warning = look({.service = "web"}, {about(standing::in_state)}, start, bad_state::warning).after;
    CHECK(warning.incidents.front().id != one.incidents.front().id);
    const auto mail = look({.service = "mail"}, {about(standing::in_state)}, start).after;
    CHECK(mail.incidents.front().id != one.incidents.front().id);
    // At one time of the clock.
    auto now = look(one, {about(standing::passing)}, start).after;
    now = look(now, {about(standing::in_state)}, start).after;
    REQUIRE(now.incidents.size() == 2);
    CHECK(now.incidents[0].id != now.incidents[1].id);
    CHECK(now.incidents[1].opened == start);
    CHECK(find_incident(now, now.incidents[1].id) == &now.incidents[1]);
    CHECK(find_incident(now, "no such") == nullptr);
}

// --- silence ---

TEST_CASE("a check without output counts two minutes after it was first seen so, whatever state it says") {
    const auto silent = [](standing now) { return std::vector<check_facts>{about(now)}; };
    auto now = look({.service = "web"}, silent(standing::silent_passing), start);
    CHECK_FALSE(now.counts_from);
    now = look(now.after, silent(standing::silent_in_state), start + seconds(100));
    CHECK(*now.counts_from == start + seconds(120));
    CHECK_FALSE(now.bad);
    SUBCASE("it stays silent") {
        now = look(now.after, silent(standing::silent_in_state), start + seconds(120));
        CHECK(now.opened.size() == 1);
        CHECK_FALSE(now.counts_from);
        now = look(now.after, silent(standing::silent_passing), start + seconds(121));
        CHECK(now.closed.size() == 1);
        CHECK(now.after.incidents.front().how == closing::over);
    }
    SUBCASE("it has said something meanwhile: the two minutes begin anew") {
        now = look(now.after, silent(standing::passing), start + seconds(110));
        CHECK(now.after.silent.empty());
        now = look(now.after, silent(standing::silent_in_state), start + seconds(130));
        CHECK_FALSE(now.bad);
        CHECK(*now.counts_from == start + seconds(250));
    }
    SUBCASE("it was deregistered meanwhile: likewise") {
        now = look(now.after, {}, start + seconds(110));
        CHECK(now.after.silent.empty());
    }
    SUBCASE("the first of several that will count is told") {
        now = look(now.after, {about(standing::silent_in_state), about(standing::silent_in_state, "later")},
                   start + seconds(110));
        CHECK(*now.counts_from == start + seconds(120));
        CHECK(now.after.silent.size() == 2);
    }
}

TEST_CASE("silence counts from its beginning, whichever of the two states is looked at") {
    journal now{.service = "web"};
    for (int i = 0; i < 120; ++i) {
        now = look(now, {about(standing::silent_in_state)}, start + seconds(i)).after;
        now = look(now, {about(standing::silent_elsewhere)}, start + seconds(i), bad_state::warning).after;
    }
    CHECK(look(now, {about(standing::silent_in_state)}, start + seconds(120)).opened.size() == 1);
}

TEST_CASE("an agent that starts anew neither ends an incident nor opens one") {
    // Every check is as it was registered, passing or critical, and has printed nothing.
    for (const auto now : {standing::silent_passing, standing::silent_in_state, standing::silent_elsewhere}) {
        auto made = look(tried(1), {about(now)}, start + seconds(5));
        CHECK(made.closed.empty());
        CHECK_FALSE(made.bad);
        made = look(made.after, {about(standing::in_state)}, start + seconds(15));
        CHECK(made.opened.empty());
        CHECK(made.bad);
        CHECK(made.after.incidents.front().attempts == 1);
        const auto fresh = look({.service = "web"}, {about(now)}, start + seconds(5));
        CHECK(fresh.opened.empty());
    }
}

// --- the ledger ---

TEST_CASE("permission, by the ledger alone") {
    struct row {
        std::string_view name;
        std::uint32_t attempts;
        bool given_up;
        std::int64_t after;  ///< milliseconds after the last one ended
        permission given;
    };
    const row rows[] = {
        {"no attempt yet", 0, false, 0, permission::granted},
        {"the first back-off", 1, false, 9'999, permission::too_early},
        {"after it", 1, false, 10'000, permission::granted},
        {"the last attempt that is left", 4, false, 80'000, permission::granted},
        {"none is left, in the back-off of the last", 5, false, 159'999, permission::too_early},
        {"none is left", 5, false, 160'000, permission::gave_up},
        {"more than there may be", 6, false, 320'000, permission::gave_up},
        {"told before", 5, true, 160'000, permission::given_up},
        {"told before, and long ago", 5, true, 900'000'000, permission::given_up},
        {"told before, in its back-off", 5, true, 0, permission::given_up},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ledger of{.key = key, .attempts = row.attempts, .given_up = row.given_up, .ended = start};
        CHECK(permit(&of, start + milliseconds{row.after}, {}) == row.given);
        CHECK(of.given_up == (row.given_up || row.given == permission::gave_up));
    }
    CHECK(permit(nullptr, start, {}) == permission::granted);
}

TEST_CASE("the ledger belongs to the key, not to incident, check or state") {
    journal now = tried(2);
    now = look(now, {about(standing::passing)}, start + seconds(10)).after;
    now = look(now, {about(standing::in_state, "other id")}, start + seconds(20), bad_state::warning).after;
    const std::string id = open_incident(now, bad_state::warning)->id;
    now = attempted(now, id, start + seconds(30));
    REQUIRE(now.ledgers.size() == 1);
    CHECK(now.ledgers.front().attempts == 3);
    CHECK(now.attempts.back().number == 3);
    CHECK(now.attempts.back().incident == id);
    CHECK(find_incident(now, id)->attempts == 1);
    // Another key has its own.
    attempt one{.began = start + seconds(40)};
    now = attempt_began(now, id, {"other key", 8, seconds(60), purpose::heal}, one);
    REQUIRE(now.ledgers.size() == 2);
    CHECK(find_ledger(now, "other key")->attempts == 1);
    CHECK(find_ledger(now, "other key")->backoff == seconds(60));
    CHECK(find_ledger(now, "other key")->modify_index == 8);
    CHECK(find_ledger(now, "other key")->ended == start + seconds(40));
    CHECK(find_ledger(now, key)->attempts == 3);
    CHECK(find_incident(now, id)->key == "other key");
}

TEST_CASE("the ledger forgets when the service has been well for ten minutes, or the last back-off if that is longer") {
    struct row {
        std::string_view name;
        std::uint32_t attempts;
        milliseconds backoff;
        std::int64_t forgets_after;  ///< seconds
    };
    for (const auto& row : {row{"one attempt", 1, {}, 600}, row{"five", 5, {}, 600},
                            row{"one, with a back-off of 14 minutes", 1, seconds(840), 840},
                            row{"two, and the limit of back-offs", 2, seconds(840), 900}}) {
        for (const bool looked_at : {true, false}) {
            CAPTURE(row.name);
            CAPTURE(looked_at);
            journal now = tried(row.attempts);
            now.ledgers.front().backoff = row.backoff;
            now = look(now, {about(standing::passing)}, start + seconds(1)).after;
            const milliseconds forgotten = start + seconds(1 + row.forgets_after);
            const milliseconds before{forgotten.count - 1};
            const std::vector<check_facts> well{about(standing::passing)};
            const std::vector<check_facts> bad{about(standing::in_state)};
            if (looked_at) {
                CHECK(look(now, well, before).after.ledgers.size() == 1);
                CHECK(look(now, well, forgotten).after.ledgers.empty());
                CHECK(look(now, well, forgotten).after.well == start + seconds(1));
            }
            // A worker ends with the last incident: nobody looks before the service fails again.
            const auto again = look(now, bad, before);
            CHECK(again.after.ledgers.size() == 1);
            CHECK(again.after.well == milliseconds{});
            CHECK(look(now, bad, forgotten).after.ledgers.empty());
            CHECK(look(now, bad, forgotten + seconds(86'400)).after.ledgers.empty());
            // Each stay begins the time anew.
            const auto flip = look(again.after, well, forgotten);
            CHECK(look(flip.after, bad, forgotten + seconds(599)).after.ledgers.size() == 1);
        }
    }
}

TEST_CASE("a service that was never in a bad state has no journal") {
    const auto made = look({.service = "web"}, {about(standing::passing)}, start);
    CHECK(made.after == journal{.service = "web"});
}

TEST_CASE("what runs for information is no attempt") {
    const auto before = tried(2);
    const std::string id = before.incidents.front().id;
    journal owing = before;
    owing.incidents.front().owed = notice::given_up;
    auto now = attempted(owing, id, start + seconds(50), healing::ended, purpose::inform);
    CHECK(now.ledgers == before.ledgers);
    CHECK(now.incidents.front().attempts == 2);
    CHECK(now.incidents.front().owed == notice::none);
    REQUIRE(now.attempts.size() == 3);
    CHECK(now.attempts.back().informs);
    CHECK(now.attempts.back().settled == start + seconds(50));
    // The last one that acted on the service is still the one before.
    CHECK(last_attempt(now) == &now.attempts[1]);
    now.attempts.erase(now.attempts.begin(), now.attempts.begin() + 2);
    CHECK(last_attempt(now) == nullptr);
    journal none{.service = "web"};
    CHECK(last_attempt(none) == nullptr);
}

TEST_CASE("what a person runs needs its time to settle, and counts for nothing else") {
    const auto before = opened();
    const std::string id = before.incidents.front().id;
    journal now = attempted(before, id, start, healing::ended, purpose::by_hand);
    CHECK(now.ledgers.empty());
    CHECK(now.incidents.front().attempts == 1);
    CHECK(now.incidents.front().key.empty());
    REQUIRE(last_attempt(now) != nullptr);
    CHECK(last_attempt(now)->settled == milliseconds{});
    CHECK(judge_attempt(*last_attempt(now), now.incidents.front(), own_look::not_as_expected, start + seconds(29)) ==
          healing::ended);
    // Its end is that of the ledger's last one, too.
    now = attempted(tried(1), id, start + seconds(20), healing::ended, purpose::by_hand);
    CHECK(now.ledgers.front().attempts == 1);
    CHECK(now.ledgers.front().ended == start + seconds(20));
}

TEST_CASE("what begins clears what held, and what ends is what the caller says") {
    journal now = attempt_held(opened(), opened().incidents.front().id, "no trigger", start);
    now.incidents.front().given_up = true;
    const std::string id = now.incidents.front().id;
    attempt intent{.began = start + seconds(1), .may_run = seconds(70), .process = {1000, 7, "boot"}, .stops = true};
    now = attempt_began(now, id, {key, 7, {}}, intent);
    CHECK(now.incidents.front().held.empty());
    CHECK(now.incidents.front().looked == milliseconds{});
    CHECK_FALSE(now.incidents.front().given_up);
    CHECK(now.attempts.back().process == process_mark{1000, 7, "boot"});
    CHECK(now.attempts.back().ended == milliseconds{});
    CHECK(now.attempts.back().result == healing::unfinished);
    CHECK(now.ledgers.front().ended == start + seconds(1));
    intent.key = key;
    intent.ended = start + seconds(4);
    intent.result = healing::timed_out;
    intent.signal = 9;
    intent.output = "out";
    intent.stops = false;
    now = attempt_ended(now, intent);
    CHECK(now.attempts.back().stops);
    CHECK(now.attempts.size() == 1);
    CHECK(now.attempts.back().incident == id);
    CHECK(now.attempts.back().number == 1);
    CHECK(now.attempts.back().result == healing::timed_out);
    CHECK(now.attempts.back().output == "out");
    CHECK(now.attempts.back().settled == milliseconds{});
    CHECK(now.ledgers.front().ended == start + seconds(4));
    // What could not be started has changed nothing on the machine.
    intent.result = healing::failed_to_run;
    CHECK(attempt_ended(now, intent).attempts.back().settled == start + seconds(4));
}

TEST_CASE("what is not known of an incident changes nothing") {
    const auto before = tried(2);
    CHECK(attempt_began(before, "no such", {}, {}) == before);
    CHECK(attempt_held(before, "no such", "why", start) == before);
    CHECK(attempt_ended({.service = "web"}, {.ended = start}) == journal{.service = "web"});
}

TEST_CASE("given up once, and all attempts again for what was acknowledged or mended") {
    journal now = tried(5);
    const std::string id = now.incidents.front().id;
    CHECK(permit(find_ledger(now, key), start + seconds(160), {}) == permission::gave_up);
    now.incidents.front().given_up = true;
    attempt other{.began = start, .settle = seconds(30), .key = "other"};
    now = attempt_began(now, id, {"other", 1, {}}, other);
    now.incidents.front().given_up = true;
    now.incidents.front().key = key;
    SUBCASE("acknowledged: all of the service's triggers, and nothing is waited for") {
        other.ended = start + seconds(5);
        other.result = healing::ended;
        now = attempt_ended(now, other);
        CHECK(rearm(now) == 2);
        CHECK(rearm(now) == 0);
        CHECK(now.ledgers.empty());
        CHECK_FALSE(now.incidents.front().given_up);
        CHECK(permit(find_ledger(now, key), start + seconds(6), {}) == permission::granted);
        CHECK(now.attempts.size() == 6);
        const attempt& last = *last_attempt(now);
        CHECK(last.settled == last.ended);
        for (const auto seen : {own_look::none, own_look::not_as_expected}) {
            CHECK(has_failed_again(last, now.incidents.front(), seen, true, start + seconds(6), {}));
        }
    }
    SUBCASE("acknowledged while an attempt runs") {
        CHECK(rearm(now) == 2);
        CHECK(now.attempts.back().settled == milliseconds{});
        CHECK(now.attempts.back().settle == seconds(30));
    }
    SUBCASE("mended: only that trigger's") {
        now.incidents.front().key = "other";
        begin_anew(now, key);
        CHECK(find_ledger(now, key) == nullptr);
        CHECK(find_ledger(now, "other")->attempts == 1);
        CHECK(now.incidents.front().given_up);  // its key is another by now
        now.incidents.front().key = key;
        begin_anew(now, key);
        CHECK_FALSE(now.incidents.front().given_up);
    }
    SUBCASE("a closed incident stays as it ended") {
        now.incidents.front().closed = start + seconds(500);
        CHECK(rearm(now) == 2);
        CHECK(now.incidents.front().given_up);
    }
}

// --- whether an attempt healed ---

TEST_CASE("whether an attempt healed, by what is seen and when") {
    struct row {
        std::string_view name;
        own_look seen;
        std::int64_t after;    ///< milliseconds after the attempt ended
        std::int64_t changed;  ///< when the bad check's answer changed, likewise
        healing found;
    };
    using enum own_look;
    const row rows[] = {
        {"as expected at once", as_expected, 0, -1, healing::healed},
        {"as expected late", as_expected, 3'600'000, -1, healing::healed},
        {"as expected, whatever the check says", as_expected, 10'000, 9'000, healing::healed},
        {"not yet, within its time", not_as_expected, 29'999, -1, healing::ended},
        {"not when its time is over", not_as_expected, 30'000, -1, healing::not_healed},
        {"a check has answered within its time", none, 29'999, 10'000, healing::ended},
        {"a check has answered, its time is over", none, 30'000, 10'000, healing::not_healed},
        {"just young enough", none, 30'000, 2'001, healing::not_healed},
        {"it may be older than the attempt", none, 30'000, 2'000, healing::ended},
        {"no answer since", none, 59'999, -1, healing::ended},
        {"no answer for twice its time", none, 60'000, -1, healing::not_healed},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const attempt last{.ended = start, .settle = seconds(30), .result = healing::ended};
        incident one;
        one.checks.push_back({.bad = true, .changed = start + milliseconds{row.changed}});
        CHECK(to_string(judge_attempt(last, one, row.seen, start + milliseconds{row.after})) == to_string(row.found));
        // Only what is in the state now can say so.
        one.checks.front().bad = false;
        const bool by_look = row.seen != none || row.after >= 60'000;
        CHECK(to_string(judge_attempt(last, one, row.seen, start + milliseconds{row.after})) ==
              to_string(by_look ? row.found : healing::ended));
    }
    const attempt quick{.ended = start, .result = healing::ended};
    CHECK(judge_attempt(quick, {}, not_as_expected, start) == healing::not_healed);
    CHECK(judge_attempt(quick, {}, none, start) == healing::not_healed);
}

TEST_CASE("the time to settle, whatever came of the attempt") {
    for (const auto how : {healing::ended, healing::healed, healing::not_healed, healing::timed_out}) {
        const attempt last{.ended = start, .settle = seconds(30), .settled = start + seconds(5), .result = how};
        CHECK(settles(last, start));
        CHECK(settles(last, start + milliseconds{29'999}));
        CHECK_FALSE(settles(last, start + seconds(30)));
    }
    // What could not be started needs none.
    const journal none = tried(1, healing::failed_to_run);
    CHECK_FALSE(settles(none.attempts.back(), start));
    CHECK(settles(tried(1).attempts.back(), start));
    // Nor is anything past that nobody has judged.
    CHECK_FALSE(is_past(tried(1).attempts.back(), {.id = "2", .opened = start + seconds(90)}, start + seconds(90)));
}

TEST_CASE("what was found of an attempt") {
    struct row {
        healing before;
        healing found;
        healing after;
    };
    using enum healing;
    for (const auto& row : {row{ended, ended, ended}, row{ended, healed, healed}, row{ended, not_healed, not_healed},
                            row{timed_out, ended, timed_out}, row{timed_out, healed, healed},
                            row{timed_out, not_healed, timed_out}, row{not_healed, healed, healed}}) {
        attempt one{.ended = start, .result = row.before};
        settle_attempt(one, row.found, start + seconds(5));
        CHECK(to_string(one.result) == to_string(row.after));
        CHECK(one.settled == (row.found == ended ? milliseconds{} : start + seconds(5)));
    }
}

TEST_CASE("whether the last attempt leaves room for another one") {
    struct row {
        std::string_view name;
        healing last;
        own_look seen;
        bool should_run;
        std::int64_t after;    ///< seconds after the attempt ended; it was settled 5 s after that
        std::int64_t changed;  ///< when the bad check's answer changed, likewise
        bool again;
    };
    using enum own_look;
    const row rows[] = {
        {"it did not heal", healing::not_healed, none, true, 30, 0, true},
        {"it timed out", healing::timed_out, none, true, 30, 0, true},
        {"it could not run", healing::failed_to_run, none, true, 30, 0, true},
        {"healed, and no check says otherwise", healing::healed, none, true, 64, 0, false},
        {"healed, no look, and twice the settle time", healing::healed, none, true, 65, 0, true},
        {"healed, and a check has failed since", healing::healed, none, true, 30, 8, true},
        {"the same, within its time to settle", healing::healed, none, true, 29, 8, false},
        {"healed, and it may not be newer", healing::healed, none, true, 30, 7, false},
        {"healed, and it fails again", healing::healed, not_as_expected, true, 30, 0, true},
        {"the same, within its time to settle", healing::healed, not_as_expected, true, 29, 0, false},
        {"it runs, whatever the check says", healing::healed, as_expected, true, 599, 300, false},
        {"it runs, and the check says otherwise for ten minutes", healing::healed, as_expected, true, 600, 0, true},
        {"it runs, and did not at first", healing::not_healed, as_expected, true, 599, 0, false},
        {"it is stopped, and the check may count more", healing::healed, as_expected, false, 59, 30, false},
        {"the same after twice the settle time", healing::healed, as_expected, false, 60, 0, true},
        {"it should be stopped and runs", healing::healed, not_as_expected, false, 30, 0, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const attempt last{
            .ended = start, .settle = seconds(30), .settled = start + seconds(5), .incident = "1", .result = row.last};
        incident one{.id = "1", .opened = start - seconds(10)};
        one.checks.push_back({.bad = true, .changed = start + seconds(row.changed)});
        const milliseconds now = start + seconds(row.after);
        CHECK(has_failed_again(last, one, row.seen, row.should_run, now, {}) == row.again);
        // Another incident is another failure only if it opened when that was known: else it is the other state of this
        // one, and what healed the service has healed it.
        one.id = "2";
        CHECK(has_failed_again(last, one, row.seen, row.should_run, now, {}) == row.again);
        one.opened = start + seconds(5);
        CHECK(has_failed_again(last, one, row.seen, row.should_run, now, {}) == row.again);
        one.opened.count += 1;
        CHECK(has_failed_again(last, one, row.seen, row.should_run, now, {}) == (row.after >= 30));
        CHECK(is_past(last, one, now) == (row.after >= 30));
        one.id = "1";
        CHECK_FALSE(is_past(last, one, now));
    }
}

// --- the clock ---

TEST_CASE("a clock that was set back leaves no time in the future") {
    journal before = tried(2);
    before.silent.push_back({"web-port", start + seconds(10)});
    before.incidents.front().looked = start + seconds(5);
    settle_attempt(before.attempts.back(), healing::not_healed, start + seconds(40));
    incident closed = before.incidents.front();
    closed.id = "closed";
    closed.closed = start + seconds(1);
    before.incidents.push_back(closed);
    const milliseconds earlier = start - seconds(500'000);
    const auto made = look(before, {about(standing::in_state), about(standing::silent_in_state, "web-port")}, earlier);
    const journal& now = made.after;
    CHECK(newest_time(now) == earlier);
    CHECK(now.ledgers.front().ended == earlier);
    CHECK(now.silent.front().since == earlier);
    CHECK(now.incidents.front().checks.front().changed == earlier);
    CHECK(now.incidents.front().looked == earlier);
    for (const auto& each : now.attempts) {
        CHECK(each.began == earlier);
        CHECK(each.ended == earlier);
    }
    CHECK_FALSE(now.incidents.back().is_open());
    ledger row = now.ledgers.front();
    CHECK(permit(&row, earlier + seconds(19), {}) == permission::too_early);
    CHECK(permit(&row, earlier + seconds(20), {}) == permission::granted);
    // A time since when it is well, too.
    journal well = look(tried(1), {about(standing::passing)}, start).after;
    well = look(well, {about(standing::passing)}, earlier).after;
    CHECK(well.well == earlier);
    CHECK(look(well, {about(standing::passing)}, earlier + seconds(600)).after.ledgers.empty());
}

// --- random histories ---

namespace {

/// One service, whose checks an agent runs, and the two handlers of its states, which use the rules as
/// heal/handler.hpp does: time passes only where it is told to.
class history {
public:
    explicit history(std::uint32_t seed) : random_{seed} {
        one_key_ = below(3) == 0;
        should_run_ = below(4) != 0;
        settle_ = seconds(below(3) == 0 ? 5 : 30);
        heals_ = below(4);
        for (std::uint32_t i = 1 + below(3); i > 0; --i) checks_.push_back(registered());
    }

    void step() {
        const std::uint32_t what = below(200);
        if (what < 4) breaks(what == 0 ? truth::degraded : truth::down);
        if (what == 4) becomes(truth::good);
        if (what == 5) restart_agent();
        if (what == 6) checks_[below(checks_.size())] = registered();
        if (what == 7) set_clock(-std::int64_t{below(2'000'000'000)});
        // While a service is well, time is all that a ledger has to go by.
        if (what == 8 && kept_.well.count == 0) set_clock(below(100'000'000));
        if (what == 9) acknowledge();
        if (what == 10 && truth_ == truth::good) pass(seconds(below(1500)));
        pass(milliseconds{250 + below(5000)});
        for (const auto state : {bad_state::critical, bad_state::warning}) {
            const bool listed = std::ranges::any_of(checks_, [&](const checked& each) {
                return each.last == (state == bad_state::critical ? truth::down : truth::degraded);
            });
            if (listed || open_incident(kept_, state) != nullptr) handle(state);
        }
    }

    [[nodiscard]] auto attempts() const -> std::size_t { return done_.size(); }
    [[nodiscard]] auto given_up() const -> std::size_t { return given_up_; }

private:
    enum class truth : unsigned char { good, degraded, down };

    struct checked {
        std::string service_id{};
        std::string check_id{};
        bool ours{};
        bool mute{};       ///< prints nothing
        bool talkative{};  ///< prints something else each time
        milliseconds interval{};
        milliseconds next{};
        bool ran{};
        truth last{truth::good};
        std::uint64_t face{};
    };

    struct run {
        milliseconds began{};
        milliseconds ended{};
        std::string key{};
    };

    [[nodiscard]] auto below(std::size_t count) -> std::uint32_t {
        return static_cast<std::uint32_t>(random_() % std::max<std::size_t>(count, 1));
    }
    [[nodiscard]] auto wall() const -> milliseconds { return now_ + ahead_; }

    // --- the world ---

    [[nodiscard]] auto registered() -> checked {
        checked one{.service_id = "web-" + std::to_string(below(3)),
                    .check_id = "check-" + std::to_string(++ids_),
                    .ours = below(3) != 0,
                    .mute = below(8) == 0,
                    .talkative = below(2) == 0,
                    .interval = seconds(2 + below(30))};
        one.next = now_ + milliseconds{below(10'000)};
        one.last = below(2) == 0 ? truth::down : truth::good;
        return one;
    }

    void restart_agent() {
        for (auto& each : checks_) {
            each.ran = false;
            each.last = below(2) == 0 ? truth::down : truth::good;
            each.next = now_ + milliseconds{below(10'000)};
        }
        disturbed_ = now_;
    }

    void set_clock(std::int64_t by) {
        // At the earliest to some days after 1970, as on a machine without a clock of its own.
        ahead_ = std::max(ahead_ + milliseconds{by}, seconds(500'000) - now_);
        disturbed_ = now_;
        if (by > 0) forward_ = now_;
    }

    void acknowledge() {
        if (rearm(kept_) == 0) return;
        done_before_ = done_.size();
        acknowledged_ = now_;
    }

    void breaks(truth how) {
        becomes(how);
        comes_up_.reset();
    }
    void becomes(truth how) {
        if (how != truth::good) bad_since_ = truth_ == truth::good ? now_ : bad_since_;
        if (how == truth::good && truth_ != truth::good) good_since_ = now_;
        truth_ = how;
        dies_.reset();
        if (how == truth::good && below(2) == 0) dies_ = now_ + seconds(1 + below(60));
    }

    /// Time passes in steps of half a second at most, and what happens meanwhile happens.
    void pass(milliseconds time) {
        for (const milliseconds until = now_ + time; now_ < until;) {
            now_ = shorter(until, now_ + milliseconds{500});
            if (job_ends_ && now_ >= *job_ends_) {
                job_ends_.reset();
                if (below(4) < heals_) comes_up_ = now_ + milliseconds{below(2) == 0 ? 100 : below(70'000)};
            }
            if (comes_up_ && now_ >= *comes_up_) {
                comes_up_.reset();
                becomes(truth::good);
            }
            if (dies_ && now_ >= *dies_) breaks(below(4) == 0 ? truth::degraded : truth::down);
            for (auto& each : checks_) {
                if (now_ < each.next) continue;
                each.next = now_ + each.interval;
                each.ran = true;
                each.last = truth_;
                each.face = static_cast<std::uint64_t>(truth_) + 10 * (each.talkative ? ++faces_ : 0);
            }
        }
    }

    // --- the handler ---

    [[nodiscard]] static auto in(bad_state state) -> truth {
        return state == bad_state::critical ? truth::down : truth::degraded;
    }

    [[nodiscard]] auto facts(bad_state state) const -> std::vector<check_facts> {
        std::vector<check_facts> all;
        for (const auto& each : checks_) {
            const bool silent = each.mute || !each.ran;
            standing now = silent ? standing::silent_passing : standing::passing;
            if (each.last != truth::good) now = silent ? standing::silent_elsewhere : standing::elsewhere;
            if (each.last == in(state)) now = silent ? standing::silent_in_state : standing::in_state;
            all.push_back({.node = "n1",
                           .service_id = each.service_id,
                           .check_id = each.check_id,
                           .now = now,
                           .face = each.face});
        }
        return all;
    }

    [[nodiscard]] auto look_at(const incident& about) const -> own_look {
        bool all = true;
        for (const auto& each : checks_) {
            const bool bad = std::ranges::any_of(about.checks, [&](const incident_check& known) {
                return known.bad && known.check_id == each.check_id;
            });
            if (!bad || each.last != in(about.state)) continue;
            if (each.ours && !each.mute && truth_ != truth::good) return own_look::not_as_expected;
            all = all && each.ours && !each.mute;
        }
        return all ? own_look::as_expected : own_look::none;
    }

    void handle(bad_state state) {
        if (below(8) == 0) start_anew();
        const bool runs = finish();
        auto seen = observe(kept_, state, facts(state), wall(), {});
        kept_ = std::move(seen.after);
        REQUIRE(newest_time(kept_) <= wall());
        check_journal();
        incident* const one = open_incident(kept_, state);
        if (one == nullptr || !seen.bad || runs) return;
        const bool acts = leaves_room(*one) && allowed(*one, state);
        expect_an_attempt_in_time(state, acts);
        if (acts) act(one->id, key_of(state));
    }

    /// The worker ends, and another one begins with what is on disk.
    void start_anew() {
        const auto text = json::encode_journal(bounded_journal(kept_));
        REQUIRE(text.size() <= journal_size);
        const auto read = json::decode_journal(text);
        REQUIRE(read);
        kept_ = *read;
    }

    /// Whether the process of an attempt whose runner died still runs.
    [[nodiscard]] auto finish() -> bool {
        for (auto& one : kept_.attempts) {
            if (one.ended.count != 0) continue;
            if (job_ends_) return true;
            one.ended = wall();
            one.result = healing::ended;
            if (ledger* const row = find_ledger(kept_, one.key)) row->ended = one.ended;
        }
        return false;
    }

    [[nodiscard]] auto leaves_room(incident& one) -> bool {
        attempt* const last = last_attempt(kept_);
        if (last == nullptr || is_past(*last, one, wall())) return true;
        const own_look seen = look_at(one);
        if (last->settled.count == 0) {
            const healing found = judge_attempt(*last, one, seen, wall());
            if (found == healing::ended) return false;
            settle_attempt(*last, found, wall());
        } else if (seen == own_look::as_expected && should_run_ &&
                   (last->result == healing::not_healed || last->result == healing::timed_out)) {
            settle_attempt(*last, healing::healed, wall());
        }
        return has_failed_again(*last, one, seen, should_run_, wall(), {});
    }

    [[nodiscard]] auto key_of(bad_state state) const -> std::string {
        return one_key_ ? "key" : std::string{to_string(state)};
    }

    [[nodiscard]] auto allowed(incident& one, bad_state state) -> bool {
        const permission given = permit(find_ledger(kept_, key_of(state)), wall(), {});
        if (given == permission::gave_up) ++given_up_;
        one.given_up = given == permission::gave_up || given == permission::given_up;
        return given == permission::granted;
    }

    void act(const std::string& id, const std::string& of) {
        expect_it_may_run(*find_incident(kept_, id), of);
        const milliseconds began = now_;
        attempt intent{.began = wall(), .may_run = seconds(70), .settle = settle_, .key = of};
        const bool runs = below(10) != 0;
        const milliseconds takes{runs ? 100 + below(20'000) : 0};
        kept_ = attempt_began(std::move(kept_), id, {of, 1, {}, purpose::heal}, intent);
        REQUIRE(kept_.attempts.back().number <= 5);
        if (runs) job_ends_ = now_ + takes;
        done_.push_back({began, now_ + takes, of});
        if (runs && below(8) == 0) return;  // whoever runs it dies
        pass(takes);
        if (below(50) == 0) set_clock(-std::int64_t{below(10'000'000)});
        intent.ended = wall();
        intent.result = !runs ? healing::failed_to_run : below(6) == 0 ? healing::timed_out : healing::ended;
        kept_ = attempt_ended(std::move(kept_), intent);
        failed_to_run_ = !runs;
        check_journal();
    }

    // --- what must hold ---

    void check_journal() const {
        for (const auto state : {bad_state::critical, bad_state::warning}) {
            REQUIRE(std::ranges::count_if(kept_.incidents, [&](const incident& one) {
                        return one.is_open() && one.state == state;
                    }) <= 1);
        }
        REQUIRE((kept_.well.count == 0) ==
                (kept_.incidents.empty() || std::ranges::any_of(kept_.incidents, &incident::is_open)));
    }

    void expect_it_may_run(const incident& one, const std::string& of) {
        REQUIRE_FALSE(job_ends_);
        if (done_.empty()) return;
        const run& last = done_.back();
        // A clock that was set forward makes all of this shorter, and so does somebody who acknowledges.
        const bool forward = std::max(forward_, acknowledged_) >= last.began;
        if (!forward && !failed_to_run_) REQUIRE(now_ >= last.ended + settle_);
        std::vector<run> same;
        for (std::size_t i = done_before_; i < done_.size(); ++i) {
            if (done_[i].key == of) same.push_back(done_[i]);
        }
        if (!same.empty() && forward_ < same.back().began) REQUIRE(now_ >= same.back().ended + seconds(10));
        if (same.size() >= 5) REQUIRE(now_ >= same[same.size() - 5].began + seconds(600));
        // Once healed, nothing runs unless the service fails again.
        const attempt& seen = kept_.attempts.back();
        const bool healed =
            (seen.incident == one.id || seen.settled >= one.opened) && look_at(one) == own_look::as_expected;
        if (healed && !forward && !failed_to_run_)
            REQUIRE(now_ >= last.ended + (should_run_ ? seconds(600) : settle_ + settle_));
    }

    /// What is bad, and stays so, gets an attempt: after the longest back-off of five attempts, or twice the time to
    /// settle, and a look.
    void expect_an_attempt_in_time(bad_state state, bool acts) {
        const incident& one = *open_incident(kept_, state);
        if (acts || one.given_up || truth_ != in(state)) return;
        milliseconds since = std::max({bad_since_, disturbed_, one.opened - ahead_});
        if (!done_.empty()) since = std::max(since, done_.back().ended);
        CAPTURE(to_string(one.state));
        REQUIRE(now_ - since < seconds(160) + settle_ + settle_ + seconds(10));
    }

    std::mt19937 random_;
    bool one_key_{};
    bool should_run_{};
    milliseconds settle_{};
    std::uint32_t heals_{};  ///< how many of four attempts heal
    milliseconds now_{start};
    milliseconds ahead_{seconds(3'000'000)};
    milliseconds forward_{};  ///< when the clock was last set forward
    milliseconds acknowledged_{};
    milliseconds disturbed_{};  ///< when the clock was last set or the agent last started
    truth truth_{truth::good};
    milliseconds bad_since_{};
    milliseconds good_since_{};
    std::optional<milliseconds> comes_up_{};
    std::optional<milliseconds> dies_{};
    std::optional<milliseconds> job_ends_{};
    std::vector<checked> checks_{};
    std::uint32_t ids_{};
    std::uint64_t faces_{};
    journal kept_{.service = "web"};
    std::vector<run> done_{};
    std::size_t done_before_{};  ///< how many there were when somebody acknowledged
    std::size_t given_up_{};
    bool failed_to_run_{};
};

}  // namespace

TEST_CASE("property: at most five attempts in ten minutes, none too early, and one for each failure that lasts") {
    std::size_t attempts = 0;
    std::size_t given_up = 0;
    for (std::uint32_t seed = 1; seed <= 120; ++seed) {
        CAPTURE(seed);
        history one{seed};
        for (int i = 0; i < 400; ++i) {
            CAPTURE(i);
            one.step();
        }
        attempts += one.attempts();
        given_up += one.given_up();
    }
    // The histories are worth something only if much happens in them.
    CHECK(attempts > 1000);
    CHECK(given_up > 50);
}
