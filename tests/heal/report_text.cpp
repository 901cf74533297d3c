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

[[nodiscard]] auto handled(const handled_incident& one, bool dry = false) -> std::string {
    return heal::handled_text({.service = "web", .incidents = {one}}, {}, {}, dry);
}

[[nodiscard]] auto about(step what, std::string why = {}) -> handled_incident {
    return {.incident = "4711", .checks = {"web-role"}, .what = what, .why = std::move(why)};
}

[[nodiscard]] auto ran(healing how, int status, int signal, std::string output) -> handled_incident {
    attempt last;
    last.began = noon;
    last.ended = noon + milliseconds{120};
    last.key = "triggers/production/web/standalone/critical";
    last.result = how;
    last.status = status;
    last.signal = signal;
    last.output = std::move(output);
    handled_incident one = about(step::act);
    one.own = one.as = role::standalone;
    one.outcome = last;
    return one;
}

[[nodiscard]] auto dry(node& at, std::vector<snapshot_check> listed) -> std::string {
    dry_run_host unchanged{at.here};
    const auto done = heal::handle_all(unchanged, at.connect(), at.set, std::move(listed));
    REQUIRE(done);
    return heal::dry_run_text(*done, at.set.watch, completed(at.set.roles.who));
}

}  // namespace

// --- what a handler did ---

TEST_CASE("what was done about an incident") {
    const std::string key = "ran triggers/production/web/standalone/critical as standalone: ";
    const std::vector<std::pair<handled_incident, std::string>> rows{
        {ran(healing::ended, 0, 0, ""), key + "exit status 0 after 120 ms\n"},
        {ran(healing::ended, 3, 0, "one\ntwo\n"), key + "exit status 3 after 120 ms\none\ntwo\n"},
        {ran(healing::ended, -1, 9, "\na\x1B[2Jb"), key + "signal 9 after 120 ms\n\na [2Jb\n"},
        {ran(healing::timed_out, -1, 0, ""), key + "timed out after 120 ms\n"},
        {ran(healing::failed_to_run, -1, 0, "no such program"), key + "failed to run after 120 ms\nno such program\n"},
        {about(step::closed), "the incident is over\n"},
        {about(step::gave_up), "given up\n"},
        {about(step::given_up, "its trigger was given up: k"), "given up: its trigger was given up: k\n"},
        {about(step::act, "there is no\ntrigger"), "nothing done: there is no trigger\n"},
        {about(step::wait, "the back-off ends in 9 s"), "nothing done: the back-off ends in 9 s\n"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.second);
        CHECK(handled(each.first) == "web critical, check web-role: " + each.second);
    }
    CHECK(handled(rows.back().first, true) ==
          "web critical, check web-role: would do nothing: the back-off ends in 9 s\n");
    CHECK(heal::handled_text({.service = "web", .cause = error{errc::io, "broken\nat all"}}, {}, {}, false) ==
          "web: broken at all\n");
}

TEST_CASE("an incident names all of its checks, and what is in their ids reaches no terminal") {
    handled_incident one = about(step::closed);
    one.checks = {"a\x1B[2J", "b\nc"};
    CHECK(handled(one) == "web critical, checks a [2J, b c: the incident is over\n");
    one.checks.clear();
    CHECK(handled(one) == "web critical: the incident is over\n");
    CHECK(heal::handled_text({.service = "we\x07"
                                         "b",
                              .incidents = {one}},
                             {.state = bad_state::warning}, {}, false) == "we b warning: the incident is over\n");
    // One line for each incident.
    CHECK(heal::handled_text({.service = "web", .incidents = {one, about(step::wait, "why")}}, {}, {}, false) ==
          "web critical: the incident is over\nweb critical, check web-role: nothing done: why\n");
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

    handled_incident takes_over = about(step::act);
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
