#include <powerconsul/heal/report_text.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/adapters/dry_run.hpp>

#include "watched.hpp"

using namespace powerconsul;
using watched::node;

namespace {

constexpr milliseconds noon{1'709'208'000'000};  // 2024-02-29T12:00:00.000Z

[[nodiscard]] auto handled(const handled_check& check, bool dry = false) -> std::string {
    return heal::handled_text({"web", {check}, {}}, {}, {}, dry);
}

[[nodiscard]] auto ran(healing how, int status, int signal, std::string output) -> handled_check {
    attempt last;
    last.began = noon;
    last.ended = noon + milliseconds{120};
    last.key = "triggers/production/web/standalone/critical";
    last.result = how;
    last.status = status;
    last.signal = signal;
    last.output = std::move(output);
    return {"web-role", "4711", step::act, {}, role::standalone, role::standalone, {}, last};
}

[[nodiscard]] auto dry(node& at, std::vector<snapshot_check> listed) -> std::string {
    dry_run_host unchanged{at.here};
    const auto done = heal::handle_all(unchanged, at.connect(), at.set, std::move(listed));
    REQUIRE(done);
    return heal::dry_run_text(*done, at.set.watch, completed(at.set.roles.who));
}

/// An open incident with one attempt.
[[nodiscard]] auto tried(healing how = healing::not_healed, int status = 1, std::string output = "it\n cannot") {
    incident one;
    one.id = "4711";
    one.node = watched::me;
    one.service_id = "web-1";
    one.check_id = "web-role";
    one.opened = noon;
    one.attempts = 1;
    one.last = *ran(how, status, 0, std::move(output)).outcome;
    return one;
}

}  // namespace

// --- what a handler did ---

TEST_CASE("what was done about a check") {
    const std::string key = "ran triggers/production/web/standalone/critical as standalone: ";
    const std::vector<std::pair<handled_check, std::string>> rows{
        {ran(healing::ended, 0, 0, ""), key + "exit status 0 after 120 ms\n"},
        {ran(healing::ended, 3, 0, "one\ntwo\n"), key + "exit status 3 after 120 ms\none\ntwo\n"},
        {ran(healing::ended, -1, 9, "\na\x1B[2Jb"), key + "signal 9 after 120 ms\n\na [2Jb\n"},
        {ran(healing::timed_out, -1, 0, ""), key + "timed out after 120 ms\n"},
        {ran(healing::failed_to_run, -1, 0, "no such program"), key + "failed to run after 120 ms\nno such program\n"},
        {{"web-role", {}, step::closed, {}, {}, {}, {}, {}}, "it left the state\n"},
        {{"web-role", {}, step::gave_up, {}, {}, {}, {}, {}}, "given up\n"},
        {{"web-role", {}, step::given_up, {}, {}, {}, {}, {}}, "given up\n"},
        {{"web-role", {}, step::act, "there is no\ntrigger", {}, {}, {}, {}}, "nothing done: there is no trigger\n"},
        {{"web-role", {}, step::wait, "the back-off ends in 9 s", {}, {}, {}, {}},
         "nothing done: the back-off ends in 9 s\n"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.second);
        CHECK(handled(each.first) == "web critical, check web-role: " + each.second);
    }
    CHECK(handled(rows.back().first, true) ==
          "web critical, check web-role: would do nothing: the back-off ends in 9 s\n");
    CHECK(heal::handled_text({"web", {}, error{errc::io, "broken\nat all"}}, {}, {}, false) == "web: broken at all\n");
}

TEST_CASE("a dry run says what would run and why the rest would not") {
    const std::string with = "    with      @ENV=production, @HOST=production-web2, @ROLE=web, @COLOR=blue\n";
    const std::string who = "    user      the one that runs this\n";
    struct row {
        std::string_view service;
        std::string_view value;
        std::string text;
    };
    const row rows[] = {
        {"web", "echo healing @ENV $POWERCONSUL_ATTEMPT",
         "would run\n"
         "    role      standalone\n"
         "    key       triggers/production/web/standalone/critical\n"
         "    command   /bin/sh -c echo healing production $POWERCONSUL_ATTEMPT\n" +
             who + "    timeout   60000 ms, then 10000 ms from TERM to KILL\n" + with},
        {"mail", "#!/bin/sh\necho script on @HOST\nexit 3\n",
         "would run\n"
         "    role      standalone\n"
         "    key       triggers/production/mail/standalone/critical\n"
         "    command   /bin/sh\n"
         "    script    #!/bin/sh\n"
         "              echo script on production-web2\n"
         "              exit 3\n" +
             who + "    timeout   60000 ms, then 10000 ms from TERM to KILL\n" + with},
        {"db", R"x({"command": ["/bin/echo", "@ENV", "$(id)", ""], "timeout": "5s", "user": "operator"})x",
         "would run\n"
         "    role      standalone\n"
         "    key       triggers/production/db/standalone/critical\n"
         "    command   /bin/echo production $(id) ''\n"
         "    user      operator\n"
         "    timeout   5000 ms, then 10000 ms from TERM to KILL\n" +
             with},
        {"bad", R"({"comand": 1})",
         "would fail to run triggers/production/bad/standalone/critical: the trigger "
         "triggers/production/bad/standalone/critical: comand at line 1, column 2 (byte 1): this key is not known; "
         "did you mean \"command\"?\n"},
        {"nix", "",
         "would do nothing: there is no trigger at triggers/production/nix/standalone/critical or triggers/nix/standalone/critical\n"},
        {"noop", "echo", "would do nothing: the configuration's noopTriggers name it\n"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.service);
        const std::string service{each.service};
        node at;
        at.set.watch.triggers.substitutions = {{"COLOR", "blue"}};
        at.set.watch.noop_triggers = {"noop"};
        at.is_critical(service);
        if (!each.value.empty())
            at.consul.put("hq", "triggers/production/" + service + "/standalone/critical", each.value);
        CHECK(dry(at, {node::entry(service)}) == service + " critical, check " + service + "-role: " + each.text);
        CHECK(at.here.jobs.jobs().empty());
    }
}

TEST_CASE("a dry run names the checks that opened no incident, and the role that a standby takes over") {
    node at;
    at.is("web", store_status::passing);
    const std::string elsewhere =
        "web critical, check web-role: would do nothing: the agent has it in another state by now, or its state is not "
        "known yet\n";
    CHECK(dry(at, {node::entry("web")}) == elsewhere);
    at.is("web", store_status::critical, "");
    CHECK(dry(at, {node::entry("web")}) == elsewhere);

    handled_check takes_over;
    takes_over.check_id = "web-role";
    takes_over.own = role::secondary;
    takes_over.as = role::primary;
    takes_over.ran = job{};
    CHECK(handled(takes_over, true)
              .starts_with("web critical, check web-role: would run\n"
                           "    role      secondary, which takes over as primary\n"));

    at.consul.set_offline(true);
    const std::string failed = dry(at, {node::entry("web")});
    CHECK(failed.starts_with("web: "));
    CHECK(failed.find("would do nothing") == std::string::npos);
}

TEST_CASE("entries of a watch's input that are not seen to are explained") {
    const auto entry = [](std::string_view id, std::string_view service, std::string_view status,
                          std::string_view on = watched::me) {
        return R"({"Node": ")" + std::string{on} + R"(", "CheckID": ")" + std::string{id} + R"(", "Status": ")" +
               std::string{status} + R"(", "ServiceName": ")" + std::string{service} + "\"}";
    };
    const own_checks own{std::string{watched::me}, {}, {}};
    const std::string other = entry("web-role", "web", "critical", "other");
    std::string imported = entry("web-role", "web", "critical");
    imported.insert(1, R"("PeerName": "far", )");
    const std::pair<std::string, std::string_view> rows[] = {
        {entry("web-role", "web", "critical"), ""},
        {entry("web-role", "web", "warning"),
         "check web-role: would do nothing: it is warning, and critical is what is watched\n"},
        {entry("serfHealth", "", "critical"),
         "check serfHealth: would do nothing: it is a check of the node, of no service\n"},
        {entry("_node_maintenance", "", "critical"),
         "check _node_maintenance: would do nothing: it stands for maintenance\n"},
        {other, "1 check of other nodes than production-web2: would do nothing\n"},
        {imported, "1 check of other nodes than production-web2: would do nothing\n"},
        {other + ", " + other, "2 checks of other nodes than production-web2: would do nothing\n"},
        {"", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.first);
        CHECK(heal::ignored_text('[' + each.first + ']', own, bad_state::critical) == each.second);
    }
    CHECK(heal::ignored_text("", own, bad_state::critical).empty());
}

// --- incidents ---

TEST_CASE("incidents are shown to a person, the open ones first") {
    incident closed = tried(healing::healed, 0, "");
    closed.id = "4710";
    closed.check_id = "web-other";
    closed.closed = noon + seconds(60);
    const std::vector<loaded_journal> all{{{"mail", {}}, "mail.json: damaged"}, {{"web", {closed, tried()}}, {}}};
    CHECK(heal::incidents_text(all, {}, "stopped", noon + seconds(2)) ==
          "nothing acts: stopped\n"
          "web  web-role  critical  open  4711\n"
          "    since     2024-02-29T12:00:00.000Z\n"
          "    attempts  1 of 5\n"
          "    last      not healed (exit status 1 after 120 ms)\n"
          "    next      next attempt in 8120 ms at the soonest\n"
          "    | it\n"
          "    | cannot\n"
          "web  web-other  critical  closed  4710\n"
          "    since     2024-02-29T12:00:00.000Z\n"
          "    attempts  1 of 5\n"
          "    last      healed (exit status 0 after 120 ms)\n"
          "    next      closed 2024-02-29T12:01:00.000Z\n"
          "note: mail.json: damaged\n");
    CHECK(heal::incidents_text({}, {}, "", noon) == "no incidents\n");
    CHECK(heal::incidents_text({{{"mail", {}}, "damaged"}}, {}, "stopped", noon) ==
          "nothing acts: stopped\nnote: damaged\nno incidents\n");
}

TEST_CASE("what came of the last attempt, and when the next one is") {
    struct row {
        std::string_view name;
        void (*change)(incident&);
        std::string_view last;
        std::string_view next;
    };
    const row rows[] = {
        {"none yet",
         [](incident& one) {
             one.attempts = 0;
             one.last = {};
         },
         "no attempt", "next attempt with the next run of the watch"},
        {"a signal",
         [](incident& one) {
             one.last.status = -1;
             one.last.signal = 9;
         },
         "not healed (signal 9 after 120 ms)", "next attempt in 8120 ms at the soonest"},
        {"a time-out",
         [](incident& one) {
             one.last.result = healing::timed_out;
             one.last.status = -1;
             one.last.ended = one.last.began + seconds(70);
         },
         "timed out (70 s)", "next attempt in 78 s at the soonest"},
        {"many attempts",
         [](incident& one) {
             one.attempts = 9;
             one.last.ended = one.last.began + seconds(660);
         },
         "not healed (exit status 1 after 11 min)", "next attempt in 25 min at the soonest"},
        {"given up", [](incident& one) { one.given_up = true; }, "not healed (exit status 1 after 120 ms)",
         "given up; powerconsul incidents ack re-arms it"},
        {"held",
         [](incident& one) {
             one.held = "there is no\ntrigger";
             one.looked = one.opened;
         },
         "not healed (exit status 1 after 120 ms)",
         "next attempt in 8120 ms at the soonest; held: there is no trigger"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        incident one = tried();
        each.change(one);
        const std::string text = heal::incidents_text({{{"web", {one}}, {}}}, {}, "", noon + seconds(2));
        CAPTURE(text);
        CHECK(text.find("    last      " + std::string{each.last} + '\n') != std::string::npos);
        CHECK(text.find("    next      " + std::string{each.next} + '\n') != std::string::npos);
    }
}

TEST_CASE("incidents as JSON") {
    incident closed;
    closed.id = "4710";
    closed.check_id = "web-other";
    closed.opened = noon;
    closed.closed = noon + seconds(60);
    incident open = tried();
    open.held = "no trigger";
    open.looked = noon;
    CHECK(heal::incidents_json({{{"web", {closed, open}}, "damaged\nonce"}}, {}, "stopped") ==
          R"({"stopped":"stopped","incidents":[)"
          R"({"id":"4710","service":"web","check":"web-other","service_id":"","node":"","state":"critical",)"
          R"("open":false,"since":"2024-02-29T12:00:00.000Z","closed":"2024-02-29T12:01:00.000Z","attempts":0,)"
          R"("given_up":false},)"
          R"({"id":"4711","service":"web","check":"web-role","service_id":"web-1","node":"production-web2",)"
          R"("state":"critical","open":true,"since":"2024-02-29T12:00:00.000Z","attempts":1,"given_up":false,)"
          R"("held":"no trigger","next":"2024-02-29T12:00:10.120Z","last":{"began":"2024-02-29T12:00:00.000Z",)"
          R"("outcome":"not healed","trigger":"triggers/production/web/standalone/critical","duration_ms":120,)"
          R"("status":1,"output":"it\n cannot"}}],"notes":["damaged once"]})"
          "\n");
    CHECK(heal::incidents_json({}, {}, "") == "{\"incidents\":[],\"notes\":[]}\n");
}
