#include "../../tools/cli/commands.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/supervisor.hpp>
#include <powerconsul/heal/journal.hpp>
#include <powerconsul/heal/journal_json.hpp>

#include "caller.hpp"

namespace json = powerconsul::json;
using tool::caller;
using tool::ended;
using tool::sandbox;

namespace {

using words = std::vector<std::string>;

/// One entry of a snapshot, of this node unless another is named.
[[nodiscard]] auto entry(std::string_view service, std::string_view status = "critical",
                         std::string_view node = "production-web2") -> std::string {
    const std::string name{service};
    return R"({"Node": ")" + std::string{node} + R"(", "CheckID": ")" + (name.empty() ? "serfHealth" : name + "-role") +
           R"(", "Status": ")" + std::string{status} + R"(", "Output": "bad", "ServiceID": ")" + name +
           R"(", "ServiceName": ")" + name + R"(", "CreateIndex": 14, "ModifyIndex": 15})";
}

[[nodiscard]] auto list_of(const words& entries) -> std::string {
    std::string text;
    for (const auto& each : entries) text += (text.empty() ? "" : ", ") + each;
    return '[' + text + ']';
}

[[nodiscard]] auto count_of(std::string_view what, std::string_view text) -> std::size_t {
    std::size_t count = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

/// Lets a service be given up within milliseconds.
constexpr std::string_view impatient =
    R"({"trigger": {"attempts": 1, "backoff": "1ms", "maxBackoff": "1ms", "settle": "1ms"}})";

/// A node whose services have a trigger of each kind: web shell text, mail a script that fails, db an argument vector,
/// bad one that cannot be read, nix none.
struct site {
    sandbox box{};

    explicit site(std::string_view config = R"({"trigger": {"backoff": "1h"}})") {
        box.write("config.json", config);
        store("critical");
    }

    /// With all checks in that state.
    void store(std::string_view status, std::string_view output = "bad",
               const words& names = {"web", "mail", "db", "bad", "nix"}) const {
        std::string services;
        for (const std::string& name : names) {
            services += (services.empty() ? "" : ",") + (R"({"service": ")" + name) +
                        R"(", "node": "production-web2", "checks": {")" + name + R"(-role": {"status": ")" +
                        std::string{status} + R"(", "output": ")" + std::string{output} + R"("}}})";
        }
        const std::string web = "echo healing @ENV $POWERCONSUL_ATTEMPT >>" + box / "ran";
        const std::string mail = R"(#!/bin/sh\necho script on @HOST\nexit 3\n)";
        const std::string db = R"({\"command\": [\"/bin/echo\", \"@ENV\", \"$(id)\"], \"timeout\": \"5s\"})";
        const std::string bad = R"({\"comand\": 1})";
        std::string kv;
        for (const auto& [name, value] : {std::pair{"web", web}, {"mail", mail}, {"db", db}, {"bad", bad}}) {
            for (const std::string base : {"triggers/production", "elsewhere"}) {
                if (base == "elsewhere" && value != web) continue;
                kv += (kv.empty() ? "" : ",") + ('"' + base) + '/' + name + R"(/standalone/critical": ")" + value + '"';
            }
        }
        box.write("store.json", R"({"agent": {"node": "production-web2", "datacenter": "hq"}, "datacenters": {"hq": )"
                                R"({"kv": {)" +
                                    kv + R"(}, "services": [)" + services + "]}}}");
    }

    [[nodiscard]] auto call(words args, std::optional<std::string> input = {}) const -> ended {
        caller run{box};
        run.input = std::move(input);
        return run(std::move(args));
    }
    [[nodiscard]] auto watch(const std::string& input, const words& more = {}) const -> ended {
        words args{"watch", "critical"};
        args.insert(args.end(), more.begin(), more.end());
        return call(std::move(args), input);
    }
    [[nodiscard]] auto trigger(std::string check, const words& more = {}) const -> ended {
        words args{"trigger", "critical", "-s", std::move(check)};
        args.insert(args.end(), more.begin(), more.end());
        return call(std::move(args));
    }
    /// With one attempt and waits of a millisecond a run soon gives up.
    void give_up_web() const {
        for (int turn = 0; turn < 1000 && count_of("event=\"gave up\"", box.text_of("log")) == 0; ++turn) {
            REQUIRE(watch(list_of({entry("web")})).status == 0);
        }
    }
    [[nodiscard]] auto exists(std::string_view name) const -> bool { return access((box / name).c_str(), F_OK) == 0; }
};

}  // namespace

TEST_CASE("watch runs each kind of trigger once, and says in the log what it did") {
    const site here;
    const std::string all = list_of({entry("web"), entry("mail"), entry("db"), entry("nix")});
    for (int turn = 0; turn < 3; ++turn) {
        const auto done = here.watch(all);
        CHECK(done.status == 0);
        CHECK(done.out.empty());
        CHECK(done.err.empty());
    }
    CHECK(here.box.text_of("ran") == "healing production 1\n");
    const std::string log = here.box.text_of("log");
    CAPTURE(log);
    CHECK(count_of("event=\"incident opened\"", log) == 4);
    CHECK(count_of("event=\"trigger started\"", log) == 3);
    CHECK(count_of("event=\"trigger ended\"", log) == 3);
    CHECK(count_of("outcome=ended status=3 ", log) == 1);
    CHECK(count_of("output=\"script on production-web2\"", log) == 1);
    CHECK(count_of("output=\"production $(id)\"", log) == 1);
    CHECK(
        count_of(
            "why=\"there is no trigger at triggers/production/nix/standalone/critical or triggers/nix/standalone/critical\"",
            log) == 1);
}

TEST_CASE("a dry run says what would run and why the rest would not, and touches nothing") {
    const site here{R"({"subVars": {"@COLOR": "blue"}})"};
    const std::string none = here.watch("[]", {"--dry-run"}).out;
    CHECK(none == "nothing to do\n");
    const auto told =
        here.watch(list_of({entry("web"), entry("nix"), entry(""), entry("db", "critical", "other")}), {"--dry-run"});
    CHECK(told.status == 0);
    CHECK(told.err.empty());
    CHECK(told.out ==
          "web critical, check web-role: would run\n"
          "    role      standalone\n"
          "    key       triggers/production/web/standalone/critical\n"
          "    command   /bin/sh -c echo healing production $POWERCONSUL_ATTEMPT >>" +
              here.box / "ran" +
              "\n"
              "    user      the one that runs this\n"
              "    timeout   60000 ms, then 10000 ms from TERM to KILL\n"
              "    with      @ENV=production, @HOST=production-web2, @ROLE=web, @COLOR=blue\n"
              "nix critical, check nix-role: would do nothing: there is no trigger at "
              "triggers/production/nix/standalone/critical or triggers/nix/standalone/critical\n"
              "check serfHealth: would do nothing: it is a check of the node, of no service\n"
              "1 check of other nodes than production-web2: would do nothing\n");
    CHECK_FALSE(here.exists("state"));
    CHECK_FALSE(here.exists("ran"));
    CHECK_FALSE(here.exists("log"));
}

TEST_CASE("incidents are shown as text or JSON, in full or as statistics") {
    const site here{impatient};
    CHECK(here.call({"incidents"}).out == "no incidents\n");
    CHECK(here.call({"incidents", "--stats"}).out == "no trigger has run\n");
    const std::string key = "triggers/production/web/standalone/critical";
    REQUIRE(here.watch(list_of({entry("web")})).status == 0);
    const auto open = here.call({"incidents"});
    CAPTURE(open.out);
    CHECK(open.status == 0);
    CHECK(count_of(" ago) web critical: open, 1 attempt, the last one: ended, exit status 0 after ", open.out) == 1);
    // The time is for people, without a zone.
    CHECK(open.out[10] == ' ');
    CHECK(open.out.find(" (") == 19);
    CHECK(count_of("\n", open.out) == 1);

    here.give_up_web();
    const auto lost = here.call({"incidents"});
    CAPTURE(lost.out);
    CHECK(lost.status == 1);
    CHECK(lost.err.empty());
    CHECK(lost.out.find(" ago) web critical: given up, 1 attempt, the last one: not healed, exit status 0 after ") !=
          std::string::npos);
    CHECK(lost.out.ends_with("; its trigger was given up: " + key +
                             "; see to it by hand, then: powerconsul incidents ack web\n"));
    const auto full = here.call({"incidents", "--verbose"});
    CHECK(full.status == 1);
    CHECK(count_of("    check web-role\n", full.out) == 1);
    CHECK(count_of(' ' + key + " attempt 1: not healed, exit status 0 after ", full.out) == 1);
    const auto counted = here.call({"incidents", "--stats"});
    CHECK(counted.status == 1);
    CHECK(counted.out == "trigger" + std::string(key.size() - 4, ' ') + "runs   healed     median time  given up\n" +
                             key + "      1        0               -       yes\n");

    CHECK(here.call({"incidents", "--json"}).out.starts_with(R"({"incidents":[{"id":")"));
    CHECK(here.call({"incidents", "--format", "json"}).out == here.call({"incidents", "--json"}).out);
    CHECK(here.call({"incidents", "--json", "--verbose"}).out.find(R"("tried":[{"key":")" + key) != std::string::npos);
    CHECK(here.call({"incidents", "--stats", "--json"}).out ==
          R"({"triggers":[{"trigger":")" + key + "\"" + R"(,"runs":1,"healed":0,"given_up":true}],"notes":[]})" + "\n");
    CHECK(here.call({"incidents", "--json"}).status == 1);
}

TEST_CASE("incidents that ended before --since are left out") {
    const site here;
    REQUIRE(here.watch(list_of({entry("web")})).status == 0);
    const auto now = static_cast<std::int64_t>(time(nullptr)) * 1000;
    const std::string path = "state/journal/web.json";
    auto known = json::decode_journal(here.box.text_of(path));
    REQUIRE(known);
    known->incidents[0].opened = {now - 50 * 3'600'000};
    known->attempts[0].began = {now - 50 * 3'600'000};
    const auto shown = [&](std::int64_t closed, std::string_view since) {
        known->incidents[0].closed = {closed};
        known->incidents[0].how = closed == 0 ? powerconsul::closing::open : powerconsul::closing::over;
        here.box.write(path, json::encode_journal(*known));
        const auto told = here.call({"incidents", "--since", std::string{since}});
        CHECK(told.status == 0);
        return count_of("(2 d ago) web critical: ", told.out);
    };
    CHECK(shown(now - 25 * 3'600'000, "24h") == 0);
    CHECK(shown(now - 25 * 3'600'000, "26h") == 1);
    CHECK(shown(now - 25 * 3'600'000, "7d") == 1);
    CHECK(shown(0, "24h") == 1);
    CHECK(here.call({"incidents", "--stats", "--since", "24h"}).out == "no trigger has run\n");
    CHECK(count_of("triggers/production/web", here.call({"incidents", "--stats", "--since", "3d"}).out) == 1);
    const auto wrong = here.call({"incidents", "--since", "yesterday"});
    CHECK(wrong.status == 64);
    CHECK(wrong.err.starts_with("powerconsul: --since: "));
}

TEST_CASE("what is acknowledged has all attempts again, and a worker makes one") {
    const site here{impatient};
    CHECK(here.call({"incidents", "ack"}).status == 64);
    const auto unknown = here.call({"incidents", "ack", "web"});
    CHECK(unknown.status == 65);
    CHECK(unknown.err == "powerconsul: there are no incidents of \"web\"; see powerconsul incidents\n");
    here.give_up_web();
    int detached = 0;
    caller run{here.box};
    run.detach = [&] {
        ++detached;
        return powerconsul::result{false};
    };
    const auto done = run({"incidents", "ack", "web"});
    CHECK(done.status == 0);
    CHECK(done.err.empty());
    CHECK(done.out == "web: its triggers have all attempts again, and an attempt follows at once\n");
    CHECK(detached == 1);
    CHECK(here.call({"incidents"}).status == 0);
    CHECK(here.watch(list_of({entry("web")})).status == 0);
    CHECK(here.box.text_of("ran") == "healing production 1\nhealing production 1\n");

    // What is given up in both states needs a worker for each.
    const std::string path = "state/journal/web.json";
    auto known = json::decode_journal(here.box.text_of(path));
    REQUIRE(known);
    known->incidents.push_back({.id = "w", .state = powerconsul::bad_state::warning, .opened = {1}});
    here.box.write(path, json::encode_journal(*known));
    detached = 0;
    CHECK(run({"incidents", "ack", "web"}).status == 0);
    CHECK(detached == 2);
    known->incidents.clear();
    here.box.write(path, json::encode_journal(*known));
    detached = 0;
    CHECK(run({"incidents", "ack", "web"}).out ==
          "web: its triggers have all attempts again, for the next incident, since none is open\n");
    CHECK(detached == 0);
    CHECK(run({"incidents", "ack", "web"}).status == 65);

    run.detach = [] { return powerconsul::result<bool>{powerconsul::fail(powerconsul::errc::io, "no process")}; };
    known = json::decode_journal(here.box.text_of(path));
    REQUIRE(known);
    known->incidents.push_back({.id = "c", .opened = {1}});
    here.box.write(path, json::encode_journal(*known));
    CHECK(run({"incidents", "ack", "web"}).err == "powerconsul: no process\n");

    powerconsul::posix_files files;
    powerconsul::journal_directory<powerconsul::posix_files> journals{files, here.box / "state"};
    const auto held = journals.lock("web", {});
    REQUIRE(held);
    const auto waits = here.call({"incidents", "ack", "web", "--timeout", "100ms"});
    CHECK(waits.status == 75);
    CHECK(waits.err.ends_with("; try again when its trigger has ended\n"));
}

TEST_CASE("incidents are looked at and acknowledged as the user who keeps them") {
    const site here{impatient};
    here.give_up_web();
    caller run{here.box};
    words asked;
    run.act_as_owner = [&](const std::string& directory) {
        asked.push_back(directory);
        return powerconsul::result<void>{};
    };
    CHECK(run({"incidents"}).status == 1);
    CHECK(run({"incidents", "ack", "web"}).status == 0);
    CHECK(asked == words{here.box / "state", here.box / "state"});
    run.act_as_owner = [](const std::string&) {
        return powerconsul::result<void>{powerconsul::fail(powerconsul::errc::denied, "not as they")};
    };
    for (const words& each : {words{"incidents"}, {"incidents", "ack", "web"}}) {
        const auto refused = run(each);
        CHECK(refused.status == 77);
        CHECK(refused.err == "powerconsul: not as they\n");
    }
}

TEST_CASE("entries of other nodes, of the node, in another state or not proven open no incident") {
    const site here;
    const std::string all = list_of({entry("web", "critical", "other"), entry(""), entry("web", "warning")});
    CHECK(here.watch(all).status == 0);
    here.store("critical", "");
    CHECK(here.watch(list_of({entry("web")})).status == 0);
    CHECK_FALSE(here.exists("ran"));
    CHECK(here.call({"incidents"}).out == "no incidents\n");
}

TEST_CASE("--from-agent takes the checks from the agent and needs no input") {
    const site here;
    CHECK(here.call({"watch", "critical", "--from-agent"}).status == 0);
    CHECK(here.call({"watch", "critical", "--from-agent"}).status == 0);
    CHECK(here.box.text_of("ran") == "healing production 1\n");
    // The same incident as the watch's.
    CHECK(here.watch(list_of({entry("web")})).status == 0);
    CHECK(here.box.text_of("ran") == "healing production 1\n");
}

TEST_CASE("nothing acts while the stop file is there, and that is said") {
    const site here;
    here.box.write("stop", "");
    const std::string stopped = "the stop file \"" + here.box / "stop" + "\" is there; delete it to let triggers run";
    CHECK(here.watch(list_of({entry("db")}), {"--dry-run"}).out ==
          "nothing acts: " + stopped + "\ndb critical, check db-role: would do nothing: " + stopped + '\n');
    const auto done = here.watch(list_of({entry("web")}));
    CHECK(done.status == 0);
    CHECK(done.out == "nothing acts: " + stopped + '\n');
    const auto direct = here.trigger(entry("web"));
    CHECK(direct.status == 75);
    CHECK(direct.out == "web critical, check web-role: nothing done: " + stopped + '\n');
    const auto shown = here.call({"incidents"}).out;
    CHECK(shown.starts_with("nothing acts: " + stopped + '\n'));
    CHECK(shown.ends_with(" ago) web critical: open, no attempt; " + stopped + '\n'));
    CHECK_FALSE(here.exists("ran"));
}

TEST_CASE("noopTriggers and triggerKey of the configuration") {
    const site noop{R"({"noopTriggers": ["web"]})"};
    CHECK(noop.watch(list_of({entry("web")})).status == 0);
    CHECK(noop.trigger(entry("web")).out ==
          "web critical, check web-role: nothing done: the configuration's noopTriggers name it\n");
    CHECK_FALSE(noop.exists("ran"));

    const site moved{R"({"triggerKey": "elsewhere"})"};
    CHECK(moved.watch(list_of({entry("web"), entry("db")})).status == 0);
    CHECK(moved.box.text_of("ran") == "healing production 1\n");
    CHECK(count_of("there is no trigger at elsewhere/db/standalone/critical", moved.box.text_of("log")) == 1);
}

TEST_CASE("where the log goes") {
    const site here;
    const std::string folder = here.box / "logs";
    REQUIRE(mkdir(folder.c_str(), 0700) == 0);
    CHECK(here.watch(list_of({entry("web")}), {"--log", folder}).status == 0);
    CHECK(here.trigger(entry("mail"), {"--log", folder + '/', "--log-format", "json"}).status == 1);
    CHECK(count_of("event=\"trigger ended\" service=web", here.box.text_of("logs/watch/web.critical.log")) == 1);
    CHECK(count_of(R"("event":"trigger ended","service":"mail")", here.box.text_of("logs/trigger/mail.critical.log")) ==
          1);
    CHECK(here.watch(list_of({entry("db")}), {"--log", "none"}).status == 0);
    CHECK(here.watch(list_of({entry("nix")}), {"--log-level", "error"}).status == 0);
    CHECK_FALSE(here.exists("log"));
    CHECK(here.watch("[]", {"--log", "log"}).status == 64);

    // A log that cannot be written changes no outcome, but is told.
    const site other;
    const auto done = other.watch(list_of({entry("web")}), {"--log", other.box / "missing/log"});
    CHECK(done.status == 0);
    CHECK(done.err.starts_with("powerconsul: the log: cannot open the log "));
    CHECK(other.box.text_of("ran") == "healing production 1\n");
}

TEST_CASE("an unknown key of the configuration stops no watch, and is in its log") {
    const site here{R"({"colour": "red", "trigger": {"backoff": "1h"}})"};
    const auto done = here.watch(list_of({entry("web")}));
    CHECK(done.status == 0);
    CHECK(done.err.empty());
    CHECK(here.box.text_of("ran") == "healing production 1\n");
    CHECK(count_of("level=warning event=configuration note=\"keys of the configuration " + (here.box / "config.json") +
                       " that are not known are ignored: colour; see",
                   here.box.text_of("log")) == 1);
    const auto dry = here.watch(list_of({entry("web")}), {"--dry-run"});
    CHECK(dry.status == 0);
    CHECK(dry.err.starts_with("powerconsul: keys of the configuration "));
    CHECK(count_of("colour", here.box.text_of("log")) == 1);
    CHECK(here.trigger(entry("web")).status == 78);
}

TEST_CASE("standard input that is no list of checks changes nothing") {
    const site here;
    REQUIRE(here.watch(list_of({entry("web")})).status == 0);
    const auto before = here.box.text_of("state/journal/web.json");
    struct row {
        std::string_view name;
        std::string input;
        std::string_view message;
    };
    const row rows[] = {
        {"empty", "", R"(standard input: empty; expected the list that a watch of type "checks" gives)"},
        {"blank", " \n", R"(standard input: empty; expected the list that a watch of type "checks" gives)"},
        {"null", "null",
         R"(standard input: the list at line 1, column 1 (byte 0): expected the list that a watch of type "checks" )"
         R"(gives, found null, which a watch of type "key" gives)"},
        {"object", "{}",
         R"(standard input: the list at line 1, column 1 (byte 0): expected the list that a watch of type "checks" )"
         "gives, found an object"},
        {"truncated", list_of({entry("web")}).substr(0, 30),
         "standard input: not valid JSON at line 1, column 31 (byte 30): the text ends too early; it was cut off"},
        {"no CheckID", R"([{"Node": "production-web2", "Status": "critical", "ServiceName": "web"}])",
         "standard input: a check of this node at line 1, column 2 (byte 1): CheckID is missing"},
        {"no Node", R"([{"CheckID": "a"}])",
         R"(standard input: a check at line 1, column 2 (byte 1): has no Node; is the watch one of type "checks"?)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        for (const words& more : {words{}, {"--dry-run"}}) {
            const auto done = here.watch(each.input, more);
            CHECK(done.status == 65);
            CHECK(done.out.empty());
            CHECK(done.err == "powerconsul: " + std::string{each.message} + '\n');
        }
    }
    CHECK(here.box.text_of("state/journal/web.json") == before);
    const auto none = here.call({"watch", "critical"});
    CHECK(none.status == 64);
    CHECK(none.err == "powerconsul: there is no standard input\n");
    const auto away = caller{here.box, {{"POWERCONSUL_STORE", ""}, {"POWERCONSUL_HTTP_ADDR", "127.0.0.1:1"}}};
    CHECK(away({"watch", "critical", "--from-agent"}).status == 69);
    CHECK(away({"trigger", "critical", "-s", R"({"ServiceName": "web"})"}).status == 69);
    CHECK(away({"trigger", "critical", "-s", entry("web")}).status == 69);
}

TEST_CASE("--detach returns at once and leaves a worker") {
    const site here;
    caller run{here.box};
    run.input = list_of({entry("web")});
    int detached = 0;
    run.detach = [&] {
        ++detached;
        return powerconsul::result{false};
    };
    CHECK(run({"watch", "critical", "--detach"}).status == 0);
    CHECK(detached == 1);
    CHECK_FALSE(here.exists("state"));
    // The worker asks the agent, again and again if it does not answer.
    CHECK(caller{here.box,
                 {{"POWERCONSUL_STORE", ""}, {"POWERCONSUL_HTTP_ADDR", "127.0.0.1:1"}},
                 "production-web2",
                 "[]",
                 run.detach}({"watch", "critical", "--detach"})
              .status == 0);
    CHECK(detached == 2);

    run.detach = [] { return powerconsul::result<bool>{powerconsul::fail(powerconsul::errc::io, "no process")}; };
    CHECK(run({"watch", "critical", "--detach"}).err == "powerconsul: no process\n");
    run.detach = [&] {
        ++detached;
        return powerconsul::result{false};
    };
    run.input = "null";
    CHECK(run({"watch", "critical", "--detach"}).status == 65);
    run.input = "[]";
    const auto both = run({"watch", "critical", "--detach", "--dry-run"});
    CHECK(both.status == 64);
    CHECK(both.err == "powerconsul: --detach and --dry-run: give one of them\n");
    const auto told = run({"watch", "critical", "--detach", "--log", "stderr"});
    CHECK(told.status == 64);
    CHECK(told.err == "powerconsul: --detach leaves no stderr for the log; give --log another place\n");
    CHECK(detached == 2);
}

TEST_CASE("a worker whose program was replaced goes on in the new one, with the same options") {
    const site here;
    caller run{here.box};
    run.input = list_of({entry("web")});
    pid_t worker = -1;
    run.detach = [&] {
        worker = fork();
        return powerconsul::result{worker == 0};
    };
    run.is_old = [] { return true; };
    run.renew = [&](const words& given) {
        std::string text;
        for (const auto& each : given) text += each + '\n';
        here.box.write("renewed", text);
    };
    const auto done = run({"watch", "critical", "--detach", "--max-age", "90s"});
    CHECK(done.status == 0);
    REQUIRE(worker > 0);
    int status = -1;
    REQUIRE(waitpid(worker, &status, 0) == worker);
    CHECK(status == 0);
    CHECK(here.box.text_of("renewed") == "watch\ncritical\n--detach\n--from-agent\n--max-age=90s\n");
    CHECK_FALSE(here.exists("ran"));
}

TEST_CASE("trigger runs one at once, records it, and exits with what came of it") {
    const site here;
    struct row {
        std::string_view name;
        std::string check;
        int status;
        std::string_view start;
        std::string_view end;
    };
    const row rows[] = {
        {"shell text", entry("web"), 0,
         "web critical, check web-role: ran triggers/production/web/standalone/critical as standalone: exit status 0 "
         "after ",
         " ms\n"},
        {"again, without regard to the back-off", entry("web"), 0,
         "web critical, check web-role: ran triggers/production/web/standalone/critical as standalone: exit status 0 "
         "after ",
         " ms\n"},
        {"fails", R"({"ServiceName": "mail", "CheckID": "mail-role"})", 1,
         "mail critical, check mail-role: ran triggers/production/mail/standalone/critical as standalone: exit status 3 "
         "after ",
         " ms\nscript on production-web2\n"},
        {"cannot be run", entry("bad"), 1,
         "bad critical, check bad-role: ran triggers/production/bad/standalone/critical as standalone: failed to run "
         "after ",
         R"(this key is not known; did you mean "command"?)"
         "\n"},
        {"none there", R"({"ServiceName": "nix"})", 0,
         "nix critical, check service:nix: nothing done: there is no trigger at "
         "triggers/production/nix/standalone/critical or triggers/nix/standalone/critical\n",
         ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto done = here.trigger(each.check);
        CAPTURE(done.out);
        CHECK(done.status == each.status);
        CHECK(done.err.empty());
        CHECK(done.out.starts_with(each.start));
        CHECK(done.out.ends_with(each.end));
    }
    CHECK(here.box.text_of("ran") == "healing production 1\nhealing production 2\n");
    const auto input = here.call({"trigger", "critical", "-s", "-"}, entry("db"));
    CHECK(input.status == 0);
    CHECK(input.out.ends_with("\nproduction $(id)\n"));
    const auto dry = here.trigger(entry("web"), {"--dry-run"});
    CHECK(dry.status == 0);
    CHECK(dry.out.starts_with("web critical, check web-role: would run\n    role      standalone\n"));
    CHECK(count_of("healing", here.box.text_of("ran")) == 2);
}

TEST_CASE("a direct attempt belongs to the watch's incident, even if the check was given by its name alone") {
    const site here;
    CHECK(here.trigger(R"({"ServiceName": "web", "CheckID": "web-role"})").status == 0);
    CHECK(here.watch(list_of({entry("web")})).status == 0);
    CHECK(here.box.text_of("ran") == "healing production 1\n");
    CHECK(count_of(R"("checks":["web-role"])", here.call({"incidents", "--json"}).out) == 1);
}

TEST_CASE("what a trigger prints cannot steer a terminal") {
    const site here;
    here.box.write("store.json",
                   R"({"agent": {"node": "production-web2", "datacenter": "hq"}, "datacenters": {"hq": {"kv": )"
                   R"({"triggers/production/web/standalone/critical": "printf 'a\\033[2Jb\\nc\\n'"}}}})");
    const auto done = here.trigger(entry("web"));
    CHECK(done.status == 0);
    CHECK(done.out.ends_with(" ms\na [2Jb\nc\n"));
}

TEST_CASE("a check that cannot be read or named is refused") {
    const site here;
    struct row {
        std::string_view name;
        std::string check;
        std::string_view message;
    };
    const row rows[] = {
        {"no JSON", "web", "-s/--service: not valid JSON at line 1, column 1 (byte 0): "},
        {"cut off", "{", "-s/--service: not valid JSON at line 1, column 2 (byte 1): the text ends too early"},
        {"a list", "[]", "-s/--service: the check at line 1, column 1 (byte 0): expected an object, found a list"},
        {"no name", "{}", "-s/--service: the check at line 1, column 1 (byte 0): ServiceName is missing"},
        {"another key", R"({"ServiceName": "../x"})",
         R"(-s/--service: the Consul service name "../x" contains '/', which would make it another key)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto done = here.trigger(each.check);
        CAPTURE(done.err);
        CHECK(done.status == 65);
        CHECK(done.err.starts_with("powerconsul: " + std::string{each.message}));
    }
    CHECK(here.call({"trigger", "critical"}).status == 64);
    CHECK(here.call({"trigger", "critical"}).err ==
          "powerconsul: the option -s/--service is missing; see powerconsul trigger critical --help\n");
    CHECK(here.call({"trigger", "critical", "-s", "-"}).status == 64);
    CHECK(here.call({"trigger", "critical", "-s", "-"}, "").status == 65);
    CHECK_FALSE(here.exists("state"));
}

TEST_CASE("a trigger that still runs is to be tried again later") {
    const site here;
    REQUIRE(here.watch(list_of({entry("web")})).status == 0);
    const std::string path = "state/journal/web.json";
    ended done;
    const auto held = powerconsul::posix_supervisor{}.run({.argv = {"/bin/true"}}, [&](const auto& mark) {
        auto known = json::decode_journal(here.box.text_of(path));
        REQUIRE(known);
        auto& last = known->attempts.back();
        last.result = powerconsul::healing::unfinished;
        last.ended = {};
        last.process = mark;
        here.box.write(path, json::encode_journal(*known));
        done = here.trigger(entry("web"));
        return powerconsul::result<void>{powerconsul::fail(powerconsul::errc::failed, "seen")};
    });
    CHECK(held.error().message == "seen");
    CHECK(done.status == 75);
    CHECK(done.out == "web: the last attempt on the service still runs\n");
    CHECK(here.box.text_of("ran") == "healing production 1\n");
}

TEST_CASE("a state directory that others can write to, or that cannot be made, lets nothing act") {
    const site here;
    REQUIRE(mkdir((here.box / "state").c_str(), 0700) == 0);
    REQUIRE(chmod((here.box / "state").c_str(), 0777) == 0);
    const std::string unsafe =
        "the state directory " + here.box / "state" + " can be written by others; chmod it to 0700";
    const auto done = here.watch(list_of({entry("web")}));
    CHECK(done.status == 77);
    CHECK(done.err == "powerconsul: " + unsafe + '\n');
    const auto direct = here.trigger(entry("web"));
    CHECK(direct.status == 77);
    CHECK(direct.out == "web: " + unsafe + '\n');
    const auto shown = here.call({"incidents"});
    CHECK(shown.status == 77);
    CHECK(shown.err == "powerconsul: " + unsafe + '\n');
    CHECK(here.call({"incidents", "ack", "web"}).status == 77);

    const auto nowhere = here.watch(list_of({entry("web")}), {"--state-dir", here.box / "config.json/state"});
    CHECK(nowhere.status == 1);
    if (geteuid() == 0) {
        MESSAGE("a directory without the right to write is no hindrance for root: not looked at");
    } else {
        REQUIRE(chmod((here.box / "state").c_str(), 0500) == 0);
        CHECK(here.watch(list_of({entry("web")})).status != 0);
        REQUIRE(chmod((here.box / "state").c_str(), 0700) == 0);
    }
    CHECK_FALSE(here.exists("ran"));
}

TEST_CASE("a journal that is damaged starts anew, is kept, and is said in the log") {
    const site here;
    REQUIRE(here.watch(list_of({entry("web")})).status == 0);
    here.box.write("state/journal/web.json", R"({"x)");
    const auto shown = here.call({"incidents"});
    CHECK(shown.status == 0);
    CHECK(shown.out.starts_with("note: " + here.box / "state/journal/web.json" + ": not valid JSON at line 1"));
    CHECK(here.watch(list_of({entry("web")})).status == 0);
    const std::string log = here.box.text_of("log");
    CAPTURE(log);
    CHECK(count_of("level=error event=\"journal damaged\" service=web", log) == 1);
    CHECK(here.box.text_of("state/journal/web.json.damaged") == R"({"x)");
    const auto again = here.call({"incidents"}).out;
    CHECK(count_of(" ago) web critical: open, no attempt; its journal was damaged: ", again) == 1);
}
