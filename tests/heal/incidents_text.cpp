#include <powerconsul/heal/incidents_text.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace powerconsul;
using heal::incidents_view;

namespace {

constexpr milliseconds noon{1'709'208'000'000};  // 2024-02-29T12:00:00.000Z
const std::string key = "triggers/production/web/primary/critical";

[[nodiscard]] auto local(milliseconds time) -> std::string {
    return "<" + std::to_string((time - noon).count / 1000) + ">";
}

[[nodiscard]] auto after(std::int64_t time) -> incidents_view {
    return {.now = noon + seconds(time)};
}

[[nodiscard]] auto ended(std::string incident, healing how = healing::not_healed, int status = 1) -> attempt {
    return {.began = noon,
            .ended = noon + milliseconds{120},
            .settled = how == healing::healed ? noon + seconds(4) : milliseconds{},
            .incident = std::move(incident),
            .key = key,
            .result = how,
            .status = status,
            .output = "it\n cannot"};
}

[[nodiscard]] auto opened(std::string id, std::int64_t when = 0) -> incident {
    return {.id = std::move(id),
            .node = "production-web2",
            .opened = noon + seconds(when),
            .checks = {{.service_id = "web-1", .check_id = "web-role", .bad = true}}};
}

/// An open incident with one attempt, which ended 120 ms after noon.
[[nodiscard]] auto tried() -> journal {
    journal one{.service = "web", .incidents = {opened("4711")}};
    one.incidents[0].attempts = 1;
    one.incidents[0].key = key;
    one.ledgers = {{.key = key, .attempts = 1, .ended = noon + milliseconds{120}}};
    one.attempts = {ended("4711")};
    return one;
}

[[nodiscard]] auto text(journal one, const incidents_view& how) -> std::string {
    return heal::incidents_text({{std::move(one), {}}}, how, local);
}

}  // namespace

// --- for a person ---

TEST_CASE("rough times, in the largest unit of which there are two") {
    const std::pair<std::int64_t, std::string_view> rows[] = {
        {-5, "0 ms"},          {0, "0 ms"},          {1'999, "1999 ms"},           {2'000, "2 s"},
        {119'999, "119 s"},    {120'000, "2 min"},   {7'199'999, "119 min"},       {7'200'000, "2 h"},
        {172'799'999, "47 h"}, {172'800'000, "2 d"}, {864'000'000'000, "10000 d"},
    };
    for (const auto& [time, words] : rows) CHECK(heal::detail::rough_time({time}) == words);
}

TEST_CASE("each incident is one line, the newest first") {
    journal web = tried();
    incident closed = opened("4710", -500);
    closed.closed = noon - seconds(440);
    closed.how = closing::healed;
    closed.attempts = 2;
    web.incidents.insert(web.incidents.begin(), closed);
    journal mail{.service = "mail", .incidents = {opened("1", -30)}};
    mail.incidents[0].state = bad_state::warning;
    mail.incidents[0].held = "there is no\ntrigger";
    incidents_view how = after(2);
    how.stopped = "the stop file is there";
    CHECK(heal::incidents_text({{mail, {}}, {web, "web.json: damaged\nonce"}}, how, local) ==
          "nothing acts: the stop file is there\n"
          "note: web.json: damaged once\n"
          "<0> (2 s ago) web critical: open, 1 attempt, the last one: not healed, exit status 1 after 120 ms; next "
          "attempt in 8 s at the soonest\n"
          "<-30> (32 s ago) mail warning: open, no attempt; there is no trigger\n"
          "<-500> (8 min ago) web critical: healed after 60 s, 2 attempts\n");
    CHECK(heal::incidents_text({}, {}, local) == "no incidents\n");
    CHECK(heal::incidents_text({{{.service = "mail"}, "damaged"}}, {.stopped = "stopped"}, local) ==
          "nothing acts: stopped\nnote: damaged\nno incidents\n");
}

TEST_CASE("how an incident stands, and when the next attempt is") {
    struct row {
        std::string_view name;
        void (*change)(journal&);
        std::string_view words;  ///< behind `web critical: `
    };
    const auto line = [](const row& each) {
        journal one = tried();
        each.change(one);
        return text(std::move(one), after(2));
    };
    const row rows[] = {
        {"no attempt yet", [](journal& all) { all = {.service = "web", .incidents = {opened("4711")}}; },
         "open, no attempt"},
        {"it runs", [](journal& all) { all.attempts[0].result = healing::unfinished; },
         "open, 1 attempt, the last one: it runs; next attempt in 8 s at the soonest"},
        {"a signal",
         [](journal& all) {
             all.attempts[0].status = -1;
             all.attempts[0].signal = 9;
         },
         "open, 1 attempt, the last one: not healed, signal 9 after 120 ms; next attempt in 8 s at the soonest"},
        {"a time-out",
         [](journal& all) {
             all.attempts[0].result = healing::timed_out;
             all.attempts[0].status = -1;
             all.attempts[0].ended = noon + seconds(70);
         },
         "open, 1 attempt, the last one: timed out after 70 s; next attempt in 8 s at the soonest"},
        {"its runner died",
         [](journal& all) {
             all.attempts[0].result = healing::ended;
             all.attempts[0].status = -1;
         },
         "open, 1 attempt, the last one: ended, its exit status is not known; next attempt in 8 s at the soonest"},
        {"it could not run",
         [](journal& all) {
             all.attempts[0].result = healing::failed_to_run;
             all.attempts[0].status = -1;
         },
         "open, 1 attempt, the last one: failed to run; next attempt in 8 s at the soonest"},
        {"the next one may run now", [](journal& all) { all.ledgers[0].backoff = seconds(1); },
         "open, 1 attempt, the last one: not healed, exit status 1 after 120 ms"},
        {"the trigger's own back-off", [](journal& all) { all.ledgers[0].backoff = seconds(300); },
         "open, 1 attempt, the last one: not healed, exit status 1 after 120 ms; next attempt in 4 min at the soonest"},
        {"its last attempt is no longer kept",
         [](journal& all) {
             all.attempts.clear();
             all.ledgers.clear();
         },
         "open, 1 attempt"},
        {"what informs is no attempt", [](journal& all) { all.attempts[0].informs = true; },
         "open, 1 attempt; next attempt in 8 s at the soonest"},
        {"held", [](journal& all) { all.incidents[0].held = "paused\x1B[2J until noon"; },
         "open, 1 attempt, the last one: not healed, exit status 1 after 120 ms; paused [2J until noon; next attempt "
         "in 8 s at the soonest"},
        {"given up",
         [](journal& all) {
             all.incidents[0].given_up = all.ledgers[0].given_up = true;
             all.incidents[0].held = "its trigger was given up: k";
         },
         "given up, 1 attempt, the last one: not healed, exit status 1 after 120 ms; its trigger was given up: k; see "
         "to it by hand, then: powerconsul incidents ack web"},
        {"over",
         [](journal& all) {
             all.incidents[0].closed = noon + seconds(1);
             all.incidents[0].how = closing::over;
         },
         "over by itself after 1000 ms, 1 attempt"},
        {"gone",
         [](journal& all) {
             all.incidents[0].closed = noon + seconds(90);
             all.incidents[0].how = closing::gone;
         },
         "its checks were removed after 90 s, 1 attempt"},
        {"left",
         [](journal& all) {
             all.incidents[0].closed = noon + seconds(1);
             all.incidents[0].how = closing::left;
         },
         "in another bad state after 1000 ms, 1 attempt"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(line(each) == "<0> (2 s ago) web critical: " + std::string{each.words} + '\n');
    }
}

TEST_CASE("what ended before a time is left out, what is open is not") {
    journal web = tried();
    for (const std::int64_t at : {-400, -300, -200}) {
        incident one = opened(std::to_string(at), at - 10);
        one.closed = noon + seconds(at);
        one.how = closing::over;
        web.incidents.push_back(one);
    }
    incidents_view how = after(2);
    how.since = noon - seconds(300);
    const std::string shown = text(web, how);
    CHECK(shown.find("<-210>") != std::string::npos);
    CHECK(shown.find("<-310>") != std::string::npos);
    CHECK(shown.find("<-410>") == std::string::npos);
    how.since = noon + seconds(1);
    CHECK(text(web, how).starts_with("<0> (2 s ago) web critical: open"));
}

TEST_CASE("verbose: checks and attempts with their output, harmless for a terminal") {
    journal web = tried();
    web.service = "we\x1B[31mb";
    web.incidents[0].checks[0].check_id = "web\x1B]0;x\x07role";
    web.incidents[0].further_checks = 3;
    web.attempts[0].output = "first\n\x1B[2Jlast\xFF";
    attempt informs = ended("4711", healing::ended, 0);
    informs.informs = true;
    informs.key = "triggers/production/web/primary/given-up";
    informs.output.clear();
    web.attempts.push_back(informs);
    web.attempts.push_back(ended("another"));
    incidents_view how = after(20);
    how.verbose = true;
    CHECK(text(web, how) ==
          "<0> (20 s ago) we [31mb critical: open, 1 attempt, the last one: not healed, exit status 1 after 120 ms\n"
          "    check web ]0;x role\n"
          "    3 further checks\n"
          "    <0> triggers/production/web/primary/critical attempt 1: not healed, exit status 1 after 120 ms\n"
          "      | first\n"
          "      | [2Jlast\xEF\xBF\xBD\n"
          "    <0> triggers/production/web/primary/given-up: ended, exit status 0 after 120 ms\n");
}

// --- for machines ---

TEST_CASE("incidents as JSON, the newest first, with the ledgers") {
    journal web = tried();
    incident closed = opened("4710", -500);
    closed.closed = noon - seconds(440);
    closed.how = closing::gone;
    closed.checks.clear();
    web.incidents.insert(web.incidents.begin(), closed);
    web.incidents[1].held = "no\ntrigger";
    web.incidents[1].further_checks = 2;
    web.ledgers.push_back({.key = "k", .attempts = 5, .given_up = true});
    incidents_view how = after(2);
    how.stopped = "stopped";
    CHECK(heal::incidents_json({{web, "damaged\nonce"}}, how) ==
          R"({"incidents":[{"id":"4711","service":"web","node":"production-web2","state":"critical","open":true,)"
          R"("since":"2024-02-29T12:00:00.000Z","how":"open","checks":["web-role"],"further_checks":2,"attempts":1,)"
          R"("outcome":"not healed","given_up":false,"trigger":"triggers/production/web/primary/critical",)"
          R"("held":"no trigger","next":"2024-02-29T12:00:10.120Z"},)"
          R"({"id":"4710","service":"web","node":"production-web2","state":"critical","open":false,)"
          R"("since":"2024-02-29T11:51:40.000Z","closed":"2024-02-29T11:52:40.000Z","how":"gone","checks":[],)"
          R"("attempts":0,"given_up":false}],"ledgers":[{"service":"web",)"
          R"("trigger":"triggers/production/web/primary/critical","attempts":1,"given_up":false,)"
          R"("next":"2024-02-29T12:00:10.120Z"},{"service":"web","trigger":"k","attempts":5,"given_up":true}],)"
          R"("stopped":"stopped","notes":["damaged once"]})"
          "\n");
    CHECK(heal::incidents_json({}, {}) == "{\"incidents\":[],\"ledgers\":[],\"notes\":[]}\n");
}

TEST_CASE("no control character of others is in the JSON") {
    const std::string odd =
        "a\x1B[2J\xC2\x9B"
        "2J\x7F\nb";
    journal web = tried();
    web.service = web.incidents[0].held = web.incidents[0].node = odd;
    web.incidents[0].key = web.incidents[0].checks[0].check_id = web.ledgers[0].key = odd;
    web.attempts[0].key = web.attempts[0].output = odd;
    incidents_view how = after(2);
    how.verbose = true;
    how.stopped = odd;
    for (std::string shown : {heal::incidents_json({{web, odd}}, how), heal::statistics_json({{web, odd}}, how)}) {
        CHECK(shown.back() == '\n');
        shown.pop_back();
        CHECK(shown.find('\x1B') == std::string::npos);
        CHECK(shown.find('\n') == std::string::npos);
        CHECK(shown.find('\x7F') == std::string::npos);
        CHECK(shown.find("\xC2\x9B") == std::string::npos);
    }
}

TEST_CASE("attempts as JSON, if they are asked for") {
    journal web = tried();
    web.attempts.push_back(ended("4711", healing::healed, 0));
    web.attempts.back().number = 2;
    web.attempts.push_back({.began = noon, .incident = "4711", .key = "k", .informs = true, .signal = 15});
    web.attempts.push_back(ended("another"));
    incidents_view how = after(2);
    CHECK(heal::incidents_json({{web, {}}}, how).find("tried") == std::string::npos);
    how.verbose = true;
    const std::string shown = heal::incidents_json({{web, {}}}, how);
    CHECK(
        shown.find(R"("tried":[{"key":"triggers/production/web/primary/critical","number":1,)"
                   R"("began":"2024-02-29T12:00:00.000Z","outcome":"not healed","duration_ms":120,"status":1,)"
                   R"("output":"it\n cannot"},{"key":"triggers/production/web/primary/critical","number":2,)"
                   R"("began":"2024-02-29T12:00:00.000Z","outcome":"healed","duration_ms":120,"healed_after_ms":4000,)"
                   R"("status":0,"output":"it\n cannot"},{"key":"k","number":1,"began":"2024-02-29T12:00:00.000Z",)"
                   R"("outcome":"unfinished","signal":15,"informs":true,"output":""}])") != std::string::npos);
}

// --- statistics ---

TEST_CASE("which triggers heal: runs, healed, the median time, and whether one was given up") {
    const auto healed_after = [](std::int64_t time) {
        attempt one = ended("4711", healing::healed, 0);
        one.settled = one.began + seconds(time);
        return one;
    };
    journal web = tried();
    web.attempts = {healed_after(300), ended("4711"), healed_after(10), healed_after(20), healed_after(4)};
    attempt old = healed_after(1);
    old.began = noon - seconds(1);
    web.attempts.push_back(old);
    journal mail{.service = "mail"};
    mail.ledgers = {{.key = "mail\x1B[2J", .attempts = 5, .given_up = true}};
    mail.attempts = {ended("1")};
    mail.attempts[0].key = mail.ledgers[0].key;
    incidents_view how = after(2);
    how.since = noon;
    const std::vector<loaded_journal> all{{mail, {}}, {web, "damaged"}};
    CHECK(heal::statistics_text(all, how) ==
          "note: damaged\n"
          "trigger                                    runs   healed     median time  given up\n"
          "mail [2J                                      1        0               -       yes\n"
          "triggers/production/web/primary/critical      5        4            10 s        no\n");
    CHECK(heal::statistics_json(all, how) ==
          R"({"triggers":[{"trigger":"mail\u001B[2J","runs":1,"healed":0,"given_up":true},)"
          R"({"trigger":"triggers/production/web/primary/critical","runs":5,"healed":4,"median_ms":10000,)"
          R"("given_up":false}],"notes":["damaged"]})"
          "\n");
    CHECK(heal::statistics_text({}, how) == "no trigger has run\n");
    CHECK(heal::statistics_json({}, how) == "{\"triggers\":[],\"notes\":[]}\n");
}

TEST_CASE("what only informs heals nothing, and is not counted as what should") {
    journal web = tried();
    web.attempts[0].informs = true;
    web.attempts[0].key = "triggers/production/web/primary/passing";
    CHECK(heal::statistics_text({{web, {}}}, after(2)) == "no trigger has run\n");
}

TEST_CASE("whether a trigger was given up that somebody should see to") {
    journal web = tried();
    CHECK_FALSE(heal::any_given_up({}));
    CHECK_FALSE(heal::any_given_up({{web, {}}}));
    web.incidents[0].given_up = true;
    CHECK(heal::any_given_up({{{.service = "mail"}, {}}, {web, {}}}));
    web.incidents[0].closed = noon;
    CHECK_FALSE(heal::any_given_up({{web, {}}}));
}
