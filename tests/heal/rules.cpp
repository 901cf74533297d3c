#include <powerconsul/heal/rules.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

using namespace powerconsul;

namespace {

constexpr milliseconds start = seconds(1'000'000);

[[nodiscard]] auto about(bool listed, standing now, std::uint64_t create = 10, std::uint64_t modify = 20)
    -> check_facts {
    return {"n1", "web", "web-alive", listed, false, listed ? create : 0, listed ? modify : 0, now};
}

/// `opened act`, in the order in which they come.
[[nodiscard]] auto words(const std::vector<decision_step>& steps) -> std::string {
    constexpr std::string_view names[] = {"opened", "act", "wait", "closed", "gave up", "given up"};
    std::string text;
    for (const auto& each : steps) {
        text += (text.empty() ? "" : " ") + std::string{names[static_cast<std::size_t>(each.what)]};
    }
    return text;
}

/// A journal with one open incident that had that many attempts, the last of which ended just now.
[[nodiscard]] auto opened(std::uint32_t attempts, healing last = healing::ended) -> journal {
    journal made{"web", {}};
    made = decide(made, bad_state::critical, {about(true, standing::in_state)}, start).after;
    const std::string id = made.incidents.front().id;
    for (std::uint32_t i = 0; i < attempts; ++i) {
        attempt one;
        one.began = start;
        made = attempt_began(made, id, one);
        one.ended = start;
        one.result = last;
        if (last != healing::unfinished) made = attempt_ended(made, id, one);
    }
    return made;
}

}  // namespace

TEST_CASE("without an open incident") {
    struct row {
        std::string_view name;
        check_facts facts;
        std::string_view steps;
    };
    check_facts unproven_by_snapshot = about(true, standing::not_known);
    unproven_by_snapshot.unproven = true;
    check_facts proven_by_agent = about(true, standing::in_state);
    proven_by_agent.unproven = true;
    for (const auto& row : {
             row{"listed, and the agent has it in the state", about(true, standing::in_state), "opened act"},
             row{"listed, the agent does not know it", about(true, standing::not_known), "opened act"},
             row{"listed, passing by now", about(true, standing::passing), ""},
             row{"listed, in another state by now", about(true, standing::elsewhere), ""},
             row{"listed, has never run", about(true, standing::unproven), ""},
             row{"listed, its own output says unknown", unproven_by_snapshot, ""},
             row{"listed as unknown, the agent has a newer output", proven_by_agent, "opened act"},
             row{"not listed, the agent has it in the state", about(false, standing::in_state), ""},
             row{"not listed, nobody knows it", about(false, standing::not_known), ""},
         }) {
        CAPTURE(row.name);
        const auto made = decide({"web", {}}, bad_state::critical, {row.facts}, start);
        CHECK(words(made.steps) == row.steps);
        CHECK(made.after.incidents.size() == (row.steps.empty() ? 0 : 1));
    }
}

TEST_CASE("with an open incident") {
    struct row {
        std::string_view name;
        check_facts facts;
        std::int64_t later;  ///< seconds after the last attempt's end
        std::string_view steps;
        std::string_view last;
    };
    for (const auto& row : {
             row{"still there, in its back-off", about(true, standing::in_state), 9, "wait", "not healed"},
             row{"still there, after it", about(true, standing::in_state), 10, "act", "not healed"},
             row{"left by the agent's word, against the snapshot", about(true, standing::passing), 1, "closed",
                 "healed"},
             row{"left by the snapshot's word alone", about(false, standing::not_known), 1, "closed", "healed"},
             row{"left by both", about(false, standing::passing), 1, "closed", "healed"},
             row{"left for another bad state", about(true, standing::elsewhere), 1, "closed", "not healed"},
             row{"gone from the snapshot, not from the agent", about(false, standing::in_state), 100, "wait", "ended"},
             row{"its state is not known", about(true, standing::unproven), 100, "wait", "ended"},
             row{"not listed, its state is not known", about(false, standing::unproven), 100, "wait", "ended"},
             row{"output changed", about(true, standing::in_state, 10, 30), 1, "wait", "not healed"},
             row{"registered anew", about(true, standing::in_state, 40, 41), 1, "closed opened act", "not healed"},
             row{"registered anew, at one index", about(true, standing::in_state, 20, 20), 1, "closed opened act",
                 "not healed"},
             row{"the first index of another cluster", about(true, standing::in_state, 1, 1), 1, "wait", "not healed"},
             row{"indexes of another cluster", about(true, standing::in_state, 3, 4), 1, "wait", "not healed"},
             row{"indexes of another cluster, back-off over", about(true, standing::in_state, 3, 4), 10, "act",
                 "not healed"},
             row{"registered anew, the agent does not know it", about(true, standing::not_known, 40, 41), 1,
                 "closed opened act", "not healed"},
             row{"a create index that goes back", about(true, standing::in_state, 9, 41), 1, "wait", "not healed"},
             row{"the same indexes, the agent does not know it", about(true, standing::not_known), 1, "wait",
                 "not healed"},
             row{"a modify index that goes back", about(true, standing::in_state, 15, 19), 1, "wait", "not healed"},
             row{"no indexes", about(true, standing::in_state, 0, 0), 10, "act", "not healed"},
         }) {
        CAPTURE(row.name);
        const auto before = opened(1);
        const auto made = decide(before, bad_state::critical, {row.facts}, start + seconds(row.later));
        CHECK(words(made.steps) == row.steps);
        CHECK(to_string(made.after.incidents.front().last.result) == row.last);
        CHECK(made.after.incidents.front().attempts == 1);
        // A snapshot's indexes are taken over where it has any, by the same incident or by the next.
        if (!row.facts.listed || row.facts.now != standing::in_state) continue;
        const auto& last = made.after.incidents.back();
        CHECK(last.create_index == (row.facts.modify_index == 0 ? 10 : row.facts.create_index));
        CHECK(last.modify_index == (row.facts.modify_index == 0 ? 20 : row.facts.modify_index));
    }
}

TEST_CASE("what an attempt came to stays, unless it ran to its end") {
    for (const auto result : {healing::failed_to_run, healing::timed_out, healing::unfinished}) {
        const auto made = decide(opened(1, result), bad_state::critical, {about(false, standing::passing)}, start);
        CHECK(made.after.incidents.front().last.result == result);
    }
}

TEST_CASE("an incident that is not among the facts has left the state") {
    const auto made = decide(opened(1), bad_state::critical, {}, start);
    CHECK(words(made.steps) == "closed");
    CHECK(made.after.incidents.front().last.result == healing::healed);
}

TEST_CASE("an incident that opened without indexes takes the first that it sees") {
    auto now = decide({"web", {}}, bad_state::critical, {about(true, standing::in_state, 0, 0)}, start).after;
    const auto made = decide(now, bad_state::critical, {about(true, standing::in_state)}, start + seconds(1));
    CHECK(words(made.steps) == "act");
    REQUIRE(made.after.incidents.size() == 1);
    CHECK(made.after.incidents.front().create_index == 10);
    CHECK(made.after.incidents.front().modify_index == 20);
    // The first index of all is one, too.
    now = decide({"web", {}}, bad_state::critical, {about(true, standing::in_state, 1, 1)}, start).after;
    CHECK(words(decide(now, bad_state::critical, {about(true, standing::in_state, 5, 5)}, start).steps) ==
          "closed opened act");
    now = decide(now, bad_state::critical, {about(false, standing::not_known)}, start).after;
    CHECK(words(decide(now, bad_state::critical, {about(true, standing::not_known, 1, 1)}, start).steps) == "");
}

TEST_CASE("how long a back-off still takes is told in whole seconds, rounded up") {
    const auto before = opened(1);
    const std::vector<check_facts> there{about(true, standing::in_state)};
    const auto why = [&](std::int64_t left) {
        return decide(before, bad_state::critical, there, start + milliseconds{10'000 - left}).steps.front().why;
    };
    CHECK(why(10'000) == "the back-off ends in 10 s");
    CHECK(why(9'001) == "the back-off ends in 10 s");
    CHECK(why(9'000) == "the back-off ends in 9 s");
    CHECK(why(1'000) == "the back-off ends in 1 s");
    CHECK(why(1) == "the back-off ends in 1 s");
}

TEST_CASE("an incident is about one check of one service on one node") {
    const auto before = opened(1);
    for (const auto member : {&check_facts::node, &check_facts::service_id, &check_facts::check_id}) {
        check_facts other = about(true, standing::in_state);
        other.*member = "another";
        const auto made = decide(before, bad_state::critical, {other}, start + seconds(100));
        CHECK(words(made.steps) == "closed opened act");
        // Of several facts those are found that are about it.
        const auto both =
            decide(before, bad_state::critical, {other, about(true, standing::in_state)}, start + seconds(100));
        CHECK(words(both.steps) == "act opened act");
        CHECK(both.steps.front().incident == before.incidents.front().id);
    }
}

TEST_CASE("what is not known of an incident changes nothing") {
    const auto before = opened(2);
    CHECK(attempt_began(before, "no such", {}) == before);
    CHECK(attempt_ended(before, "no such", {}) == before);
    CHECK(attempt_held(before, "no such", "why", start) == before);
    const auto never_tried = opened(0);
    attempt how;
    how.result = healing::ended;
    CHECK(attempt_ended(never_tried, never_tried.incidents.front().id, how) == never_tried);
}

TEST_CASE("the other state's incidents are left alone") {
    const auto before = opened(1);
    const auto made = decide(before, bad_state::warning, {}, start + seconds(1));
    CHECK(made.after == before);
    CHECK(made.steps.empty());
}

TEST_CASE("a flap between two snapshots is a new incident, however late it is seen") {
    auto now = decide(opened(1), bad_state::critical, {about(false, standing::in_state)}, start + seconds(1)).after;
    SUBCASE("the check comes back with a later index") {
        const auto made =
            decide(now, bad_state::critical, {about(true, standing::in_state, 10, 25)}, start + seconds(2));
        CHECK(words(made.steps) == "closed opened act");
    }
    SUBCASE("an older snapshot comes late") {
        const auto made = decide(now, bad_state::critical, {about(true, standing::in_state)}, start + seconds(2));
        CHECK(words(made.steps) == "wait");
        const auto again =
            decide(made.after, bad_state::critical, {about(true, standing::in_state, 10, 25)}, start + seconds(3));
        CHECK(words(again.steps) == "wait");
    }
}

TEST_CASE("an old snapshot of a stay that is over opens nothing where nobody can be asked") {
    auto now = decide(opened(1), bad_state::critical, {about(false, standing::not_known)}, start + seconds(1)).after;
    CHECK(words(decide(now, bad_state::critical, {about(true, standing::not_known)}, start + seconds(2)).steps) == "");
    CHECK(
        words(decide(now, bad_state::critical, {about(true, standing::not_known, 10, 21)}, start + seconds(2)).steps) ==
        "opened act");
    // The agent's word counts for more than the index.
    CHECK(words(decide(now, bad_state::critical, {about(true, standing::in_state)}, start + seconds(2)).steps) ==
          "opened act");
}

TEST_CASE("given up once, until it closes") {
    auto now = opened(5);
    const std::vector<check_facts> there{about(true, standing::in_state)};
    CHECK(words(decide(now, bad_state::critical, there, start + seconds(159)).steps) == "wait");
    auto made = decide(now, bad_state::critical, there, start + seconds(160));
    CHECK(words(made.steps) == "gave up");
    made = decide(made.after, bad_state::critical, there, start + seconds(100'000));
    CHECK(words(made.steps) == "given up");
    SUBCASE("it closes, and a new one has all its attempts") {
        made = decide(made.after, bad_state::critical, {about(false, standing::passing)}, start + seconds(100'001));
        CHECK(words(made.steps) == "closed");
        made = decide(made.after, bad_state::critical, {about(true, standing::in_state, 10, 50)},
                      start + seconds(100'002));
        CHECK(words(made.steps) == "opened act");
    }
    SUBCASE("somebody re-arms it") {
        CHECK(rearm(made.after) == 1);
        CHECK(rearm(made.after) == 0);
        CHECK(made.after.incidents.front().attempts == 0);
        CHECK(made.after.incidents.front().last == attempt{});
        CHECK(words(decide(made.after, bad_state::critical, there, start + seconds(100'001)).steps) == "act");
    }
}

TEST_CASE("an attempt that still runs is waited for") {
    const auto before = opened(1, healing::unfinished);
    const std::string id = before.incidents.front().id;
    const std::vector<check_facts> there{about(true, standing::in_state)};
    const auto made = decide(before, bad_state::critical, there, start + seconds(1000), {}, {id});
    CHECK(words(made.steps) == "wait");
    CHECK(made.steps.front().why == "its last attempt still runs");
    CHECK(words(decide(before, bad_state::critical, there, start + seconds(9)).steps) == "wait");
    CHECK(words(decide(before, bad_state::critical, there, start + seconds(10)).steps) == "act");
    // Triggers of one service may be meant for one process: so is another's attempt.
    const auto other = decide(before, bad_state::critical, there, start + seconds(1000), {}, {"another", "third"});
    CHECK(words(other.steps) == "wait");
    CHECK(other.steps.front().why == "an attempt for another incident of the service still runs");
}

TEST_CASE("a clock that was set back holds nothing for longer than a back-off") {
    const auto before = opened(1);
    const milliseconds earlier = start - seconds(500'000);
    const std::vector<check_facts> there{about(true, standing::in_state)};
    const auto made = decide(before, bad_state::critical, there, earlier);
    CHECK(words(made.steps) == "wait");
    CHECK(words(decide(made.after, bad_state::critical, there, earlier + seconds(10)).steps) == "act");
}

TEST_CASE("held: looked for again after the shortest back-off, and no attempt is counted") {
    auto now = opened(0);
    const std::string id = now.incidents.front().id;
    const std::vector<check_facts> there{about(true, standing::in_state)};
    for (int i = 0; i < 20; ++i) now = attempt_held(now, id, "no trigger", start + seconds(i * 10));
    CHECK(now.incidents.front().attempts == 0);
    CHECK(words(decide(now, bad_state::critical, there, start + seconds(199)).steps) == "wait");
    CHECK(words(decide(now, bad_state::critical, there, start + seconds(200)).steps) == "act");
    CHECK(attempt_began(now, id, {}).incidents.front().held.empty());
    CHECK(attempt_began(now, id, {}).incidents.front().looked == milliseconds{});
    const auto closed = decide(now, bad_state::critical, {about(false, standing::passing)}, start + seconds(200));
    CHECK(words(closed.steps) == "closed");
    CHECK(closed.after.incidents.front().held.empty());
}

TEST_CASE("ids are the same on every run and differ between incidents") {
    const auto one = opened(0);
    CHECK(one.incidents.front().id == opened(0).incidents.front().id);
    // Of what stands in journals: another way to make them would open everything anew.
    CHECK(one.incidents.front().id == "d9c2a7d1568fba5c");
    const auto warning = decide({"web", {}}, bad_state::warning, {about(true, standing::in_state)}, start).after;
    CHECK(warning.incidents.front().state == bad_state::warning);
    CHECK(warning.incidents.front().id != one.incidents.front().id);
    CHECK(warning.incidents.front().opened == start);
    CHECK(decision_step{}.what == step::wait);
    // Without indexes, and at one time of the clock.
    auto now = decide({"web", {}}, bad_state::critical, {about(true, standing::in_state, 0, 0)}, start).after;
    now = decide(now, bad_state::critical, {about(false, standing::passing)}, start).after;
    now = decide(now, bad_state::critical, {about(true, standing::in_state, 0, 0)}, start).after;
    REQUIRE(now.incidents.size() == 2);
    CHECK(now.incidents[0].id != now.incidents[1].id);
    CHECK(now.incidents[0].opened == start);
    CHECK(now.incidents[1].opened == start);
}

namespace {

/// A check as Consul has it, and what snapshots of it look like.
struct simulated_check {
    bool bad{};
    std::uint64_t modify{10};
};

}  // namespace

TEST_CASE("property: every transition yields an attempt, the same snapshot yields one") {
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{seed};
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        const bool agent_answers = seed % 2 == 0;
        journal now{"web", {}};
        simulated_check check;
        milliseconds time = start;
        std::uint64_t stays = 0;       // in the state, where snapshots have shown both it and the time before it
        std::uint64_t first_acts = 0;  // attempts with which an incident began
        std::map<std::string, std::vector<milliseconds>> attempts;
        std::vector<check_facts> last;
        bool left = true;  // a snapshot has shown that the stay before is over
        for (int i = 0; i < 200; ++i) {
            time.count += 100 + below(30'000);
            if (below(4) == 0) {
                check.bad = !check.bad;
                ++check.modify;
            } else if (below(8) == 0) {
                ++check.modify;  // another output
            }
            const standing truth = check.bad ? standing::in_state : standing::passing;
            std::vector<check_facts> facts{
                about(check.bad, agent_answers ? truth : standing::not_known, 10, check.modify)};
            const bool repeat = below(3) == 0 && !last.empty();
            if (repeat && last.front().listed != check.bad) {
                // An old snapshot comes late: only the agent's word makes it harmless where the state has changed.
                if (!agent_answers) continue;
                last.front().now = truth;
                facts = last;
            }
            if (check.bad && facts.front().listed && left) ++stays;
            left = !check.bad || (left && !facts.front().listed);
            auto made = decide(now, bad_state::critical, facts, time);
            // A crash before anything was recorded loses nothing: deciding again asks for the same.
            REQUIRE(decide(now, bad_state::critical, facts, time).steps == made.steps);
            now = made.after;
            std::size_t acts = 0;
            for (const auto& each : made.steps) {
                if (each.what != step::act) continue;
                ++acts;
                if (attempts[each.incident].empty()) ++first_acts;
                attempts[each.incident].push_back(time);
                attempt one;
                one.began = time;
                now = attempt_began(now, each.incident, one);
                if (below(5) != 0) {  // else whoever ran it died
                    one.ended = time;
                    one.result = healing::ended;
                    now = attempt_ended(now, each.incident, one);
                }
            }
            REQUIRE(acts <= 1);
            // The same snapshot again, by another handler.
            const auto again = decide(now, bad_state::critical, facts, time);
            REQUIRE(std::ranges::none_of(again.steps, [](const auto& each) { return each.what == step::act; }));
            last = facts;
            std::size_t open = 0;
            for (const auto& one : now.incidents) open += one.is_open() ? 1 : 0;
            REQUIRE(open <= 1);
        }
        REQUIRE(first_acts >= stays);
        for (const auto& [id, times] : attempts) {
            REQUIRE(times.size() <= 5);
            for (std::size_t i = 1; i < times.size(); ++i) {
                REQUIRE((times[i] - times[i - 1]) >= backoff_after(static_cast<std::uint32_t>(i), {}));
            }
        }
    }
}

TEST_CASE("an agent that started anew calls a check passing without output: no new incident comes of that") {
    const auto closed = decide(opened(1), bad_state::critical, {about(false, standing::silent)}, start + seconds(1));
    CHECK(words(closed.steps) == "closed");
    CHECK(closed.after.incidents.front().last.result == healing::healed);
    const std::vector<check_facts> there{about(true, standing::in_state, 10, 25)};
    SUBCASE("it comes back soon: the same incident, in its back-off") {
        const auto made = decide(closed.after, bad_state::critical, there, start + seconds(5));
        CHECK(words(made.steps) == "wait");
        REQUIRE(made.after.incidents.size() == 1);
        CHECK(made.after.incidents.front().is_open());
        CHECK(made.after.incidents.front().last.result == healing::not_healed);
        CHECK(words(decide(made.after, bad_state::critical, there, start + seconds(10)).steps) == "act");
    }
    SUBCASE("it comes back at the last moment: the same") {
        const std::vector<check_facts> anew{about(true, standing::in_state, 12, 25)};
        const auto made = decide(closed.after, bad_state::critical, anew, start + seconds(1 + 90) - milliseconds{1});
        CHECK(words(made.steps) == "act");
        // And it may leave the state, and come back, once more.
        CHECK_FALSE(made.after.incidents.front().silent);
        CHECK(made.after.incidents.front().create_index == 12);
        CHECK(made.after.incidents.front().modify_index == 25);
    }
    SUBCASE("it comes back late: a new one") {
        CHECK(words(decide(closed.after, bad_state::critical, there, start + seconds(91)).steps) == "opened act");
    }
    SUBCASE("what its last attempt came to stays, unless that was called healed") {
        const auto timed_out = decide(opened(1, healing::timed_out), bad_state::critical,
                                      {about(false, standing::silent)}, start + seconds(1));
        const auto made = decide(timed_out.after, bad_state::critical, there, start + seconds(5));
        CHECK(words(made.steps) == "wait");
        CHECK(made.after.incidents.front().last.result == healing::timed_out);
    }
}

TEST_CASE("after a damage of the journal what opens waits for a back-off") {
    const std::vector<check_facts> there{about(true, standing::in_state, 10, 25)};
    const auto fresh = decide({}, bad_state::critical, there, start);
    REQUIRE(words(fresh.steps) == "opened act");
    const auto held = held_after_damage(fresh, start);
    CHECK(words(held.steps) == "opened wait");
    CHECK(held.after.incidents.front().held == "its journal was damaged: whether a trigger ran just now is not known");
    CHECK(held.after.incidents.front().attempts == 0);
}
