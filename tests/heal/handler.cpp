#include <powerconsul/heal/handler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../world.hpp"

using namespace powerconsul;
using testing::fake_supervisor;
using testing::manual_clock;
using testing::memory_files;
using testing::recording_log;

namespace {

constexpr std::string_view me = "production-web3";
constexpr std::string_view other = "production-web1";
constexpr std::string_view journal_file = "/state/journal/web.json";
constexpr std::string_view down = "CRITICAL - web is stopped, standalone expects running";
const std::vector<std::string> restart{"/bin/sh", "-c", "restart web"};

auto listed_check(std::string id = "service:web", std::uint64_t create = 10, std::uint64_t modify = 20)
    -> snapshot_check {
    snapshot_check made;
    made.node = me;
    made.check_id = std::move(id);
    made.status = "critical";
    made.output = down;
    made.service_id = "web";
    made.service_name = "web";
    made.create_index = create;
    made.modify_index = modify;
    return made;
}

constexpr standby_times at_once{{0}, {0}, {0}};

/// A node with a Consul, a disk and a clock of its own, whose only service is critical.
template <typename Supervisor = fake_supervisor, typename Files = memory_files>
struct node {
    store consul{{.node = std::string{me}, .datacenter = "hq"}};
    world::recorded_store asked{consul};
    Files files{};
    manual_clock time{};
    manual_clock& clock{time};
    Supervisor jobs{};
    recording_log log{};
    watch_options options{};
    std::vector<snapshot_check> listed{listed_check()};

    node() {
        consul.add("hq", {.service = "web", .node = std::string{other}, .checks = {{"service:web", {}}}});
        consul.add("hq", {.service = "web", .node = std::string{me}});
        agent_says("service:web", store_status::critical, down);
    }
    void agent_says(std::string_view id, store_status status, std::string_view output) {
        auto instance = consul.data().find("hq")->nodes.find(me)->second.instances.find("web")->second;
        instance.checks.insert_or_assign(std::string{id}, store_check{status, std::string{output}});
        consul.add("hq", std::move(instance));
    }
    void trigger(std::string_view as = "standalone", std::string_view value = "restart web") {
        consul.put("hq", "triggers/production/web/" + std::string{as} + "/critical", value);
    }
    auto handler() {
        return incident_handler{asked, *this, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, options};
    }
    auto handle() -> handled_service { return handler().handle("web", listed); }
    auto once() -> handled_service { return handler().run_once(listed.front()); }
    /// What is on disk.
    auto written() -> journal {
        const auto text = files.get(std::string{journal_file});
        if (!text) return {};
        auto read = json::decode_journal(*text);
        REQUIRE(read);
        return *read;
    }
    auto only() -> incident {
        const auto all = written();
        REQUIRE(all.incidents.size() == 1);
        return all.incidents.front();
    }
    auto said() -> std::vector<std::string> {
        std::vector<std::string> lines;
        for (const auto& each : log.events()) lines.push_back(line(each));
        log.clear();
        return lines;
    }
    /// On one line, but for the incident's id, which is compared with the report's.
    static auto line(const event& one) -> std::string {
        std::string text =
            std::string{to_string(one.level)} + ' ' + std::string{one.what} + ' ' + one.service + ' ' + one.state;
        for (const auto& [name, value] : one.fields) {
            text += ' ' + std::string{name} + '=' + (name == "incident" ? "ID" : value);
        }
        return text;
    }
};

using lines = std::vector<std::string>;

/// What a test wants to happen around `ready`, or that it is not called at all.
struct scripted_supervisor {
    std::function<void()> before{};
    std::function<void()> after{};
    bool asks{true};
    result<job_outcome> ends{job_outcome{}};
    result<bool> runs{false};
    result<void> kills{};
    std::vector<std::string> calls{};

    template <typename Ready>
    [[nodiscard]] auto run(const job&, Ready&& ready) -> result<job_outcome> {
        calls.emplace_back("run");
        if (!asks) return ends;
        if (before) before();
        if (auto agreed = ready(process_mark{4711, 5, "boot"}); !agreed) return unexpected{agreed.error()};
        calls.emplace_back("begun");
        if (after) after();
        return ends;
    }
    [[nodiscard]] auto is_running(const process_mark& mark) -> result<bool> {
        calls.push_back("is_running " + std::to_string(mark.pid));
        return runs;
    }
    [[nodiscard]] auto end(const process_mark& mark) -> result<void> {
        calls.push_back("end " + std::to_string(mark.pid));
        return kills;
    }
};
static_assert(job_supervisor<scripted_supervisor>);

/// A disk that can be read and locked, but takes only so many files.
struct full_disk : memory_files {
    int room{};
    int written{};
    std::function<void()> before{};
    auto replace(const std::string& path, std::string_view bytes) -> result<void> {
        if (before) before();
        if (room-- <= 0) return fail(errc::io, "the disk is full");
        ++written;
        return memory_files::replace(path, bytes);
    }
};

/// Every answer takes its time, and how much each request was given is kept.
struct slow_store {
    store& answers;
    manual_clock& time;
    std::vector<std::pair<std::string, std::int64_t>> asked{};

    auto perform(const http_request& request) -> result<http_response> {
        asked.emplace_back(request.target, request.timeout.count);
        auto answer = answers.perform(request);
        time.advance(seconds(3));
        return answer;
    }
};

auto is_trigger(const http_request& request) -> bool {
    return request.target.starts_with("/v1/kv/triggers/");
}

/// The handler of an attempt died after it had written its intent.
template <typename Node>
void crash(Node& at, milliseconds may_run = seconds(70)) {
    incident one;
    one.node = me;
    one.service_id = "web";
    one.check_id = "service:web";
    one.create_index = 10;
    one.modify_index = 20;
    one.opened = at.time.wall();
    one.id = incident_id(one);
    one.attempts = 1;
    one.last.began = at.time.wall();
    one.last.may_run = may_run;
    one.last.process = {4711, 5, "boot"};
    one.last.key = "triggers/production/web/standalone/critical";
    at.files.put(std::string{journal_file}, json::encode_journal({"web", {one}}));
}

}  // namespace

TEST_CASE("the role decides which triggers are looked for") {
    struct row {
        std::string_view name;
        std::string_view document;
        store_status active;
        lines keys;
        std::string_view why;
        std::optional<errc> cause;
    };
    constexpr std::string_view primary = R"({"active_nodes":["production-web3"],"standby_nodes":["production-web1"]})";
    constexpr std::string_view standby = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
    const std::string below = "/v1/kv/triggers/production/web/";
    const std::string shared = "/v1/kv/triggers/web/";
    const row rows[] = {
        {"standalone",
         "",
         store_status::passing,
         {below + "standalone/critical", shared + "standalone/critical"},
         "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical",
         {}},
        {"primary",
         primary,
         store_status::passing,
         {below + "primary/critical", shared + "primary/critical"},
         "there is no trigger at triggers/production/web/primary/critical or triggers/web/primary/critical",
         {}},
        {"secondary that should run",
         standby,
         store_status::critical,
         {below + "primary/critical", shared + "primary/critical"},
         "there is no trigger at triggers/production/web/primary/critical or triggers/web/primary/critical",
         {}},
        {"secondary that should not",
         standby,
         store_status::passing,
         {below + "secondary/critical", shared + "secondary/critical"},
         "there is no trigger at triggers/production/web/secondary/critical or triggers/web/secondary/critical",
         {}},
        {"no role",
         R"({"active_nodes":[]})",
         store_status::passing,
         {},
         "the cluster document cluster/production/web: ",
         errc::bad_data},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        if (!row.document.empty()) at.consul.put("hq", "cluster/production/web", row.document);
        REQUIRE(at.consul.set_check("hq", other, "service:web", row.active));
        const auto report = at.handle();
        std::vector<http_request> tried;
        for (const auto& each : at.asked.requests) {
            if (is_trigger(each)) tried.push_back(each);
        }
        lines keys = row.keys;
        for (auto& each : keys) each += "?consistent";
        CHECK(world::targets(tried) == keys);
        if (!report.cause) {
            // Now that a role is remembered, a cheaper answer would do for a check.
            at.time.advance(seconds(10));
            static_cast<void>(at.handle());
        }
        for (const auto& each : at.asked.requests) {
            const bool decides = each.target.find("/v1/kv/") == 0 || each.target.find("/v1/health/") == 0;
            CHECK_MESSAGE((!decides || each.target.ends_with("?consistent")), "it may act: " << each.target);
        }
        CHECK(at.jobs.jobs().empty());
        REQUIRE(report.checks.size() == 1);
        CHECK(report.checks[0].what == step::act);
        CHECK_FALSE(report.checks[0].ran);
        if (row.cause) {
            CHECK(report.checks[0].why.starts_with(row.why));
            REQUIRE(report.cause);
            CHECK(report.cause->code == *row.cause);
            CHECK(report.cause->message == report.checks[0].why);
        } else {
            CHECK(report.checks[0].why == row.why);
            CHECK_FALSE(report.cause);
        }
        CHECK(at.only().held == report.checks[0].why);
        CHECK(at.only().attempts == 0);
    }
}

TEST_CASE("a standby that takes over runs the primary's trigger and never its own, which stops the service") {
    struct row {
        std::string_view name;
        lines keys;
        std::string_view runs;  ///< the key of the trigger that runs; empty if none does
    };
    const std::string primary = "triggers/production/web/primary/critical";
    const std::string shared = "triggers/web/primary/critical";
    const lines own{"triggers/production/web/secondary/critical", "triggers/web/secondary/critical"};
    const row rows[] = {
        {"both places", {primary, shared}, primary},
        {"the first", {primary}, primary},
        {"the second", {shared}, shared},
        {"neither", {}, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.consul.put("hq", "cluster/production/web",
                      R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})");
        REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::critical));
        for (const auto& key : own) at.consul.put("hq", key, "stop web");
        for (const auto& key : row.keys) at.consul.put("hq", key, "restart web");
        at.jobs.on(restart, 0);
        const auto report = at.handle();
        REQUIRE(report.checks.size() == 1);
        CHECK_FALSE(report.cause);
        CHECK(report.checks[0].own == role::secondary);
        CHECK(report.checks[0].ran.has_value() == !row.runs.empty());
        CHECK(at.jobs.begun().size() == (row.runs.empty() ? 0 : 1));
        if (row.runs.empty()) continue;
        CHECK(report.checks[0].as == role::primary);
        CHECK(at.only().last.key == row.runs);
    }
}

TEST_CASE("where Consul does not say whether there is a trigger, nothing is done") {
    struct row {
        std::string_view name;
        int status;
        std::string_view body;
        errc code;
        std::string_view message;
    };
    const row rows[] = {
        {"denied", 403, "Permission denied", errc::denied,
         "Consul answers 403 to /v1/kv/triggers/production/web/primary/critical: Permission denied; the token needs "
         "key:read on triggers/production/web/primary/critical"},
        {"broken", 500, "No cluster leader", errc::unavailable,
         "Consul answers 500 to /v1/kv/triggers/production/web/primary/critical: No cluster leader"},
        {"a proxy's 404", 404, "", errc::bad_data,
         "Consul answers 404 to /v1/kv/triggers/production/web/primary/critical; is the address that of a Consul "
         "agent?"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.consul.put("hq", "cluster/production/web",
                      R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})");
        REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::critical));
        at.consul.put("hq", "triggers/web/primary/critical", "restart web");
        at.consul.respond_with("/v1/kv/triggers/production/web/primary", row.status, row.body);
        const auto report = at.handle();
        CHECK(at.jobs.jobs().empty());
        REQUIRE(report.cause);
        CHECK(report.cause->code == row.code);
        CHECK(report.cause->message == row.message);
        CHECK(at.only().held == row.message);
        CHECK(at.log.events("nothing done").at(0).level == event_level::error);

        at.time.advance(seconds(10));
        at.consul.respond_normally();
        at.jobs.on(restart, 0);
        CHECK(at.handle().checks.at(0).ran);
    }
}

TEST_CASE("what can be no service's name leaves no trace on disk") {
    for (const std::string& name :
         {std::string{}, std::string{"a/b"}, std::string{".."}, std::string{"a\nb"}, std::string(129, 'x')}) {
        CAPTURE(name);
        node at;
        at.trigger("standalone");
        const auto report = at.handler().handle(name, at.listed);
        REQUIRE(report.cause);
        CHECK(report.cause->code == errc::bad_data);
        CHECK(report.cause->message.starts_with("the Consul service name "));
        CHECK(at.jobs.jobs().empty());
        CHECK(at.asked.requests.empty());
        CHECK_FALSE(*at.files.status("/state/journal"));
        CHECK(at.log.events("failed").size() == 1);
    }
}

TEST_CASE("each form of a value becomes its job") {
    struct row {
        std::string_view name;
        std::string_view value;
        std::vector<std::string> argv;
        std::string_view script;
        std::string_view user;
        milliseconds timeout;
    };
    const row rows[] = {
        {"shell", "restart @ROLE", {"/bin/sh", "-c", "restart web"}, "", "", seconds(30)},
        {"script",
         "#!/usr/bin/env sh\necho @ENV\n",
         {"/usr/bin/env", "sh"},
         "#!/usr/bin/env sh\necho production\n",
         "",
         seconds(30)},
        {"command",
         R"({"command": ["/bin/echo", "@HOST"], "timeout": "5s", "user": "www"})",
         {"/bin/echo", "production-web3"},
         "",
         "www",
         seconds(5)},
        {"script in an object", R"({"script": "echo 1"})", {"/bin/sh"}, "echo 1", "", seconds(30)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.options.triggers.timeout = seconds(30);
        at.options.triggers.grace = seconds(3);
        at.trigger("standalone", row.value);
        at.jobs.on(row.argv, 0);
        CHECK_FALSE(at.handle().cause);
        const auto begun = at.jobs.begun();
        REQUIRE(begun.size() == 1);
        CHECK(begun[0].argv == row.argv);
        CHECK(begun[0].script == row.script);
        CHECK(begun[0].user == row.user);
        CHECK(begun[0].timeout == row.timeout);
        CHECK(begun[0].grace == seconds(3));
        CHECK(at.only().last.may_run == row.timeout + seconds(3));
    }
}

TEST_CASE("a job is told all that is known, with the output that the agent has now") {
    node at;
    at.agent_says("service:web", store_status::critical, "stopped\nagain");
    at.options.triggers.substitutions = {{"COLOUR", "blue"}};
    at.options.triggers.base_key = "own/triggers";
    at.consul.put("hq", "own/triggers/web/standalone/critical", "restart @COLOUR");
    at.jobs.on({"/bin/sh", "-c", "restart blue"}, 0);
    const auto report = at.handle();
    REQUIRE(at.jobs.begun().size() == 1);
    CHECK(
        at.jobs.begun()[0].environment ==
        lines{
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "USER=root",
            "LOGNAME=root",
            "SHELL=/bin/sh",
            "LANG=C.UTF-8",
            "POWERCONSUL_SERVICE=web",
            "POWERCONSUL_SERVICE_IDS=web",
            "POWERCONSUL_ROLE=standalone",
            "POWERCONSUL_EXPECTS=running",
            "POWERCONSUL_STATE=critical",
            "POWERCONSUL_CHECK_ID=service:web",
            "POWERCONSUL_INCIDENT_ID=" + report.checks.at(0).incident,
            "POWERCONSUL_ATTEMPT=1",
            "POWERCONSUL_REASON=there is no cluster document at cluster/production/web",
            "POWERCONSUL_CHECK_OUTPUT=stopped again",
            R"(POWERCONSUL_CHECKS=[{"id":"service:web","service_id":"web","status":"critical","output":"stopped again"}])",
            "POWERCONSUL_VAR_ENV=production",
            "POWERCONSUL_VAR_HOST=production-web3",
            "POWERCONSUL_VAR_ROLE=web",
            "POWERCONSUL_VAR_COLOUR=blue"});
    CHECK(at.only().last.key == "own/triggers/web/standalone/critical");
}

TEST_CASE("a value that is none is an attempt that failed to run") {
    node at;
    at.trigger("standalone", R"({"comand": ["/bin/true"]})");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    CHECK(at.jobs.jobs().empty());
    const auto one = at.only();
    CHECK(one.attempts == 1);
    CHECK(one.last.result == healing::failed_to_run);
    CHECK(one.last.output ==
          "the trigger triggers/production/web/standalone/critical: comand at line 1, column 2 (byte 1): this key is "
          "not known; did you mean \"command\"?");
    CHECK(report.checks.at(0).outcome == one.last);
    CHECK_FALSE(report.checks.at(0).ran);
    CHECK(at.handle().checks.at(0).why == "the back-off ends in 10 s");
}

TEST_CASE("a job that could not be started is an attempt, whether or not its process was made") {
    for (const bool asks : {false, true}) {
        CAPTURE(asks);
        node<scripted_supervisor> at;
        at.trigger();
        at.jobs.asks = asks;
        at.jobs.ends = fail(errc::io, "no such file");
        const auto report = at.handle();
        CHECK_FALSE(report.cause);
        const auto one = at.only();
        CHECK(one.attempts == 1);
        CHECK(one.last.result == healing::failed_to_run);
        CHECK(one.last.output == "no such file");
        CHECK(one.last.process.pid == (asks ? 4711 : 0));
        CHECK(at.log.events("trigger started").size() == (asks ? 1U : 0U));
        CHECK(at.log.events("trigger ended").at(0).level == event_level::error);
        CHECK(at.said().back() ==
              "error trigger ended web critical incident=ID check=service:web attempt=1 outcome=failed to run "
              "duration_ms=0 output=no such file");
    }
}

TEST_CASE("what keeps a trigger from running is asked again after the shortest back-off") {
    struct row {
        std::string_view name;
        void (*change)(node<>&);
        std::string_view why;
        event_level level;
    };
    const row rows[] = {
        {"no value", [](node<>& at) { at.consul.erase("hq", "triggers/production/web/standalone/critical"); },
         "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical",
         event_level::info},
        {"noopTriggers",
         [](node<>& at) {
             at.options.noop_triggers = {"mail", "web"};
         },
         "the configuration's noopTriggers name it", event_level::info},
        {"stopped", [](node<>& at) { at.options.stopped = "/etc/powerconsul.stop is there"; },
         "/etc/powerconsul.stop is there", event_level::warning},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        row.change(at);
        const auto report = at.handle();
        CHECK_FALSE(report.cause);
        CHECK(report.checks.at(0).why == row.why);
        CHECK(at.only().held == row.why);
        CHECK(at.only().looked == at.time.wall());
        CHECK(at.only().attempts == 0);
        CHECK(at.said() ==
              lines{"warning incident opened web critical incident=ID check=service:web",
                    std::string{to_string(row.level)} +
                        " nothing done web critical incident=ID check=service:web why=" + std::string{row.why}});

        at.options = {};
        at.trigger();
        at.time.advance({9'999});
        CHECK(at.handle().checks.at(0).why == "the back-off ends in 1 s");
        CHECK(at.jobs.jobs().empty());
        at.time.advance({1});
        CHECK(at.handle().checks.at(0).ran);
        CHECK(at.jobs.begun().size() == 1);
    }
}

TEST_CASE("the same reason is told once") {
    node at;
    for (int i = 0; i < 2; ++i) {
        static_cast<void>(at.handle());
        at.time.advance(seconds(10));
    }
    const auto told = at.log.events("nothing done");
    REQUIRE(told.size() == 2);
    CHECK(told[0].level == event_level::info);
    CHECK(told[1].level == event_level::debug);
}

TEST_CASE("without the agent's word nothing is done and nothing is written") {
    node at;
    at.trigger();
    at.consul.set_offline(true);
    const auto first = at.handle();
    REQUIRE(first.cause);
    CHECK(first.cause->code == errc::unavailable);
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    CHECK(at.said() == lines{"error failed web critical error=the embedded store is switched offline"});

    at.consul.set_offline(false);
    at.jobs.on(restart, 0);
    static_cast<void>(at.handle());
    const auto before = at.files.get(std::string{journal_file});
    at.consul.set_offline(true);
    at.time.advance(seconds(100));
    CHECK(at.handle().cause);
    CHECK(at.files.get(std::string{journal_file}) == before);
    CHECK(at.jobs.begun().size() == 1);
}

TEST_CASE("the agent's word counts more than the snapshot's") {
    struct row {
        std::string_view name;
        store_status status;
        std::string_view output;
        bool acts;
    };
    const row rows[] = {
        {"critical", store_status::critical, down, true},
        {"passing", store_status::passing, "well", false},
        {"passing, never run", store_status::passing, "", false},
        {"warning", store_status::warning, "degraded", false},
        {"never run", store_status::critical, "", false},
        {"state unknown", store_status::critical,
         R"({"type":"service","service":"web","expects":"unknown","clustered":"unknown","state":"unknown","code":2,)"
         R"("role":"unknown","reason":"no answer","basis":"none"})",
         false},
        {"state unknown, as text", store_status::critical, "UNKNOWN - web cannot be judged: no answer", false},
        {"of a check with --serving", store_status::critical,
         R"({"type":"service","service":"web","expects":false,"clustered":true,"state":"critical","code":2,)"
         R"("role":"secondary","reason":"web does not serve here","serving":true,"basis":"fresh"})",
         false},
        {"of a check with --serving, as text", store_status::critical,
         "CRITICAL - web is stopped, primary expects it to serve here", false},
        {"of a check with --serving, cut", store_status::critical,
         "Captured 30 of 300 bytes\n...\nserving\":true,\"basis\":\"fresh\"}", false},
        {"another program's state", store_status::critical, R"({"state":"unknown"})", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        at.agent_says("service:web", row.status, row.output);
        const auto report = at.handle();
        CHECK_FALSE(report.cause);
        CHECK(at.jobs.jobs().size() == (row.acts ? 1U : 0U));
        CHECK(report.checks.size() == (row.acts ? 1U : 0U));
        CHECK(at.files.get(std::string{journal_file}).has_value() == row.acts);
    }
}

TEST_CASE("a check that the agent does not know counts as the snapshot says, unless its own output proves nothing") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    REQUIRE(at.consul.erase_check("hq", me, "service:web"));
    at.listed[0].output = "UNKNOWN - web cannot be judged: no answer";
    CHECK(at.handle().checks.empty());
    at.listed[0].output = "CRITICAL - web does not serve here, secondary expects stopped";
    CHECK(at.handle().checks.empty());
    CHECK(at.jobs.jobs().empty());
    at.listed[0].output.clear();
    CHECK(at.handle().checks.at(0).ran);
}

TEST_CASE("an incident closes when the agent says passing, and is left alone while nothing is known") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    static_cast<void>(at.handle());
    at.time.advance(seconds(30));
    at.log.clear();

    at.agent_says("service:web", store_status::critical, "UNKNOWN - web cannot be judged: no answer");
    auto report = at.handle();
    REQUIRE(report.checks.size() == 1);
    CHECK(report.checks[0].what == step::wait);
    CHECK(report.checks[0].why == "the check's state is not known");
    CHECK(at.only().is_open());

    at.agent_says("service:web", store_status::passing, "well");
    report = at.handle();
    REQUIRE(report.checks.size() == 1);
    CHECK(report.checks[0].what == step::closed);
    CHECK(at.only().last.result == healing::healed);
    CHECK(at.only().closed == at.time.wall());
    CHECK(at.jobs.begun().size() == 1);
    CHECK(at.said() == lines{"info incident closed web critical incident=ID check=service:web attempts=1 "
                             "outcome=healed open_ms=30000"});
    // The stale snapshot comes once more.
    CHECK(at.handle().checks.empty());
    CHECK(at.jobs.begun().size() == 1);
}

TEST_CASE("a check that passes as soon as its trigger has ended was healed by it") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0).doing([&](const job&, const process_mark&) {
        at.time.advance(seconds(2));
        at.agent_says("service:web", store_status::passing, "well");
    });
    const auto report = at.handle();
    CHECK(report.checks.size() == 1);
    CHECK(at.only().last.result == healing::healed);
    CHECK(at.said().back() ==
          "info incident closed web critical incident=ID check=service:web attempts=1 "
          "outcome=healed open_ms=2000");
}

TEST_CASE("that a trigger did not heal is for a later snapshot to say") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    static_cast<void>(at.handle());
    CHECK(at.only().last.result == healing::ended);
    static_cast<void>(at.handle());
    CHECK(at.only().last.result == healing::not_healed);
}

TEST_CASE("the intent is on disk before a job begins, the outcome when it has ended") {
    node at;
    at.trigger();
    std::vector<attempt> seen;
    at.jobs.on(restart, 3, "first\nlast\n").doing([&](const job&, const process_mark& mark) {
        seen.push_back(at.only().last);
        CHECK(at.only().attempts == 1);
        CHECK(seen.back().process == mark);
        at.time.advance(seconds(4));
    });
    const auto began = at.time.wall();
    const auto report = at.handle();
    REQUIRE(seen.size() == 1);
    attempt intent;
    intent.began = began;
    intent.may_run = seconds(70);
    intent.process = {1001, 1, "boot"};
    intent.key = "triggers/production/web/standalone/critical";
    CHECK(seen[0] == intent);
    attempt outcome = intent;
    outcome.ended = began + seconds(4);
    outcome.result = healing::ended;
    outcome.status = 3;
    outcome.output = "first\nlast";
    CHECK(at.only().last == outcome);
    CHECK(report.checks.at(0).outcome == outcome);
    const auto events = at.log.events();
    for (const auto& each : events) {
        CHECK(each.fields.at(0) == std::pair<std::string_view, std::string>{"incident", report.checks[0].incident});
    }
    CHECK(at.said() ==
          lines{"warning incident opened web critical incident=ID check=service:web",
                "info trigger started web critical incident=ID check=service:web attempt=1 role=standalone "
                "key=triggers/production/web/standalone/critical pid=1001",
                "error trigger ended web critical incident=ID check=service:web attempt=1 outcome=ended status=3 "
                "duration_ms=4000 output=first\nlast"});
}

TEST_CASE("how a job ended is recorded and told") {
    struct row {
        std::string_view name;
        job_outcome end;
        healing result;
        int status;
        int signal;
        std::string_view told;
    };
    const row rows[] = {
        {"well",
         {ending::exited, 0, "", 0, {}},
         healing::ended,
         0,
         0,
         "info trigger ended web critical incident=ID check=service:web attempt=1 outcome=ended status=0 duration_ms=0 "
         "output="},
        {"by a signal",
         {ending::signalled, 9, "x", 0, {}},
         healing::ended,
         -1,
         9,
         "error trigger ended web critical incident=ID check=service:web attempt=1 outcome=ended signal=9 "
         "duration_ms=0 output=x"},
        {"too late",
         {ending::timed_out, 0, "x", 12, {}},
         healing::timed_out,
         -1,
         0,
         "error trigger ended web critical incident=ID check=service:web attempt=1 outcome=timed out duration_ms=0 "
         "output=x dropped_bytes=12"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, row.end);
        static_cast<void>(at.handle());
        CHECK(at.only().last.result == row.result);
        CHECK(at.only().last.status == row.status);
        CHECK(at.only().last.signal == row.signal);
        CHECK(at.said().back() == row.told);
    }
}

TEST_CASE("a job whose intent cannot be written does not begin") {
    node<scripted_supervisor> at;
    at.trigger();
    at.jobs.before = [&] { at.files.fail_on(std::string{journal_file}, {errc::io, "the disk is full"}); };
    const auto report = at.handle();
    CHECK(at.jobs.calls == lines{"run"});
    REQUIRE(report.cause);
    CHECK(report.cause->code == errc::io);
    CHECK(report.cause->message.starts_with("the disk is full"));
    CHECK(report.checks.size() == 1);
    CHECK_FALSE(report.checks.at(0).outcome);
    CHECK(at.only().attempts == 0);
    CHECK(at.log.events("trigger started").empty());
    CHECK(at.log.events("trigger ended").empty());
    REQUIRE(at.log.events("failed").size() == 1);

    at.jobs.before = {};
    at.files.heal(std::string{journal_file});
    at.handle();
    CHECK(at.jobs.calls == lines{"run", "run", "begun"});
}

TEST_CASE("where one intent cannot be written no other job is tried") {
    node<scripted_supervisor> at;
    at.trigger();
    at.agent_says("service:web:2", store_status::critical, down);
    at.listed.push_back(listed_check("service:web:2"));
    at.jobs.before = [&] { at.files.fail_on(std::string{journal_file}, {errc::io, "the disk is full"}); };
    CHECK(at.handle().cause);
    CHECK(at.jobs.calls == lines{"run"});
}

TEST_CASE("an outcome that cannot be written leaves the attempt unfinished, which holds until its back-off") {
    node<scripted_supervisor> at;
    at.trigger();
    at.jobs.after = [&] { at.files.fail_on(std::string{journal_file}, {errc::io, "the disk is full"}); };
    const auto report = at.handle();
    REQUIRE(report.cause);
    CHECK(report.cause->code == errc::io);
    CHECK(report.checks.at(0).outcome->result == healing::ended);
    at.files.heal(std::string{journal_file});
    CHECK(at.only().last.result == healing::unfinished);
    CHECK(at.only().attempts == 1);

    at.jobs.after = {};
    at.jobs.calls.clear();
    at.time.advance({9'999});
    CHECK(at.handle().checks.at(0).why == "the back-off ends in 1 s");
    CHECK(at.jobs.calls == lines{"is_running 4711"});
    at.time.advance({1});
    static_cast<void>(at.handle());
    CHECK(at.only().attempts == 2);
}

TEST_CASE("a journal that cannot be written or read lets nothing begin") {
    struct row {
        std::string_view name;
        std::string_view path;
    };
    const row rows[] = {{"the file", journal_file},
                        {"the directory", "/state/journal"},
                        {"the state", "/state"},
                        {"the lock", "/state/journal/web.json.lock"}};
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.files.fail_on(std::string{row.path}, {errc::io, "the disk is broken"});
        const auto report = at.handle();
        REQUIRE(report.cause);
        CHECK(report.cause->code == errc::io);
        CHECK(report.cause->message.starts_with("the disk is broken"));
        CHECK(at.jobs.jobs().empty());
        CHECK(report.checks.empty());
    }
}

TEST_CASE("an incident that cannot be written is not acted on, and not told of") {
    node<fake_supervisor, full_disk> at;
    at.trigger();
    const auto report = at.handle();
    REQUIRE(report.cause);
    CHECK(report.cause->message.starts_with("the disk is full"));
    CHECK(report.checks.empty());
    CHECK(at.jobs.jobs().empty());
    CHECK(at.log.events("incident opened").empty());
    CHECK(at.log.events("failed").size() == 1);
}

TEST_CASE("what is on disk is not written again") {
    node<fake_supervisor, full_disk> at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.files.room = 100;
    static_cast<void>(at.handle());
    // The role's record, and of the incident that it opened, the intent and the outcome.
    CHECK(at.files.written == 4);
    static_cast<void>(at.handle());
    CHECK(at.files.written == 5);  // it did not heal
    static_cast<void>(at.handle());
    CHECK(at.files.written == 5);
}

TEST_CASE("the first thing that went wrong is what is reported") {
    SUBCASE("not that it cannot be written") {
        node<fake_supervisor, full_disk> at;
        at.trigger();
        at.consul.respond_with("/v1/kv/triggers", 403, "Permission denied");
        at.files.room = 1;
        const auto report = at.handle();
        REQUIRE(report.cause);
        CHECK(report.cause->code == errc::denied);
        CHECK(at.log.events("failed").size() == 1);
    }
    SUBCASE("not that of the second check") {
        node<fake_supervisor, full_disk> at;
        at.trigger();
        at.agent_says("service:web:2", store_status::critical, down);
        at.listed.push_back(listed_check("service:web:2"));
        at.consul.respond_with("/v1/kv/triggers", 403, "Permission denied");
        at.files.room = 100;
        at.files.before = [&] {
            if (!at.log.events("nothing done").empty()) {
                at.consul.respond_normally();
                at.consul.respond_with("/v1/kv/triggers", 500, "No cluster leader");
            }
        };
        const auto report = at.handle();
        REQUIRE(report.checks.size() == 2);
        CHECK(report.checks[1].why.find("No cluster leader") != std::string::npos);
        REQUIRE(report.cause);
        CHECK(report.cause->code == errc::denied);
    }
}

TEST_CASE("what a role leaves of Consul's time, and half of it more, is the trigger's") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.options.consul_time = seconds(5);
    slow_store slow{at.consul, at.time};
    incident_handler handler{slow, at, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, at.options};
    CHECK(handler.handle("web", at.listed).checks.at(0).ran);
    const auto asked = std::find_if(slow.asked.begin(), slow.asked.end(),
                                    [](const auto& each) { return each.first.starts_with("/v1/kv/triggers/"); });
    REQUIRE(asked != slow.asked.end());
    CHECK(asked->second == 4500);
}

TEST_CASE("one handler may be asked again") {
    SUBCASE("directly and then by a watch") {
        node at;
        auto handler = at.handler();
        CHECK(handler.run_once(at.listed.front()).checks.at(0).why ==
              "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical");
        CHECK_FALSE(at.files.get(std::string{journal_file}));
        static_cast<void>(handler.handle("web", at.listed));
        CHECK(at.only().held ==
              "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical");
    }
    SUBCASE("while an attempt runs, and after it") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        auto handler = at.handler();
        CHECK(handler.handle("web", at.listed).checks.at(0).why == "its last attempt still runs");
        at.jobs.runs = false;
        at.time.advance(seconds(10));
        CHECK(handler.handle("web", at.listed).checks.at(0).ran);
    }
}

TEST_CASE("a check that the snapshot has needs no right of the agent's") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    static_cast<void>(at.handle());
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    at.consul.respond_with("/v1/internal/acl/authorize", 403, "Permission denied");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    REQUIRE(report.checks.size() == 1);
    CHECK(report.checks[0].what == step::wait);
    CHECK(at.only().is_open());
}

TEST_CASE("why a check has left its state is kept") {
    struct row {
        std::string_view name;
        store_status status;
        std::string_view output;
        bool silent;
        healing last;
    };
    for (const auto& row : {row{"passing", store_status::passing, "well", false, healing::healed},
                            row{"passing, never run", store_status::passing, "", true, healing::healed},
                            row{"warning", store_status::warning, "degraded", false, healing::not_healed}}) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        static_cast<void>(at.handle());
        at.agent_says("service:web", row.status, row.output);
        CHECK(at.handle().checks.at(0).what == step::closed);
        CHECK(at.only().silent == row.silent);
        CHECK(at.only().last.result == row.last);
    }
    // Of one without an attempt there is no outcome to tell.
    node at;
    static_cast<void>(at.handle());
    at.agent_says("service:web", store_status::passing, "well");
    static_cast<void>(at.handle());
    CHECK(at.said().back() == "info incident closed web critical incident=ID check=service:web attempts=0 open_ms=0");
}

TEST_CASE("of a long output the last KiB is kept, and of a long error the first 1000 bytes") {
    for (const std::size_t size : {1000U, 1001U, 1024U, 1025U}) {
        node at;
        at.trigger();
        at.jobs.on(restart, 0, std::string(size, 'x'));
        const auto report = at.handle();
        CHECK(report.checks.at(0).outcome->output.size() == (size < 1024 ? size : 1024));
        node broken;
        broken.trigger();
        broken.jobs.on(restart, fail(errc::io, std::string(size, 'x')));
        static_cast<void>(broken.handle());
        CHECK(broken.only().last.output == (size == 1000 ? std::string(1000, 'x') : std::string(997, 'x') + "..."));
    }
}

TEST_CASE("an attempt of a handler that is dead") {
    SUBCASE("waits while its process runs") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.time.advance(seconds(72));
        CHECK(at.handle().checks.at(0).why == "its last attempt still runs");
        CHECK(at.jobs.calls == lines{"is_running 4711"});
        CHECK(at.only().last.result == healing::unfinished);
    }
    SUBCASE("waits where nobody can tell") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = fail(errc::io, "/proc is not there");
        at.time.advance(seconds(1000));
        CHECK(at.handle().checks.at(0).why == "its last attempt still runs");
        CHECK(at.jobs.calls == lines{"is_running 4711"});
        CHECK(at.said() == lines{"warning failed web critical incident=ID error=/proc is not there"});
    }
    SUBCASE("is ended when its time is over") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.time.advance({72'001});
        CHECK(at.handle().checks.at(0).why == "the back-off ends in 10 s");
        CHECK(at.jobs.calls == lines{"is_running 4711", "end 4711"});
        CHECK(at.only().last.result == healing::timed_out);
        CHECK(at.only().last.ended == at.time.wall());
        CHECK(at.said() == lines{"warning trigger ended web critical incident=ID outcome=timed out note=whoever ran it "
                                 "had ended before"});
    }
    SUBCASE("still runs if it could not be ended") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.jobs.kills = fail(errc::io, "not permitted");
        at.time.advance(seconds(100));
        CHECK(at.handle().checks.at(0).why == "its last attempt still runs");
        CHECK(at.only().last.result == healing::unfinished);
        CHECK(at.said() == lines{"error failed web critical incident=ID error=not permitted"});
    }
    SUBCASE("is repeated after the back-off if its process is gone") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.time.advance(seconds(10));
        CHECK(at.handle().checks.at(0).ran);
        CHECK(at.only().attempts == 2);
    }
}

TEST_CASE("while an attempt of a service still runs, no other begins") {
    SUBCASE("of another check") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.agent_says("service:web:2", store_status::critical, down);
        at.listed.push_back(listed_check("service:web:2"));
        const auto report = at.handle();
        REQUIRE(report.checks.size() == 2);
        CHECK(report.checks[1].check_id == "service:web:2");
        CHECK(report.checks[1].what == step::wait);
        CHECK(report.checks[1].why == "an attempt for another incident of the service still runs");
        CHECK(at.written().incidents.size() == 2);
        CHECK(at.jobs.calls == lines{"is_running 4711"});
        at.jobs.runs = false;
        CHECK(at.handle().checks.back().ran);
    }
    SUBCASE("of the check's next incident") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.agent_says("service:web", store_status::passing, "well");
        CHECK(at.handle().checks.at(0).what == step::closed);
        at.agent_says("service:web", store_status::critical, down);
        const auto report = at.handle();
        REQUIRE(report.checks.size() == 1);
        CHECK(report.checks[0].what == step::wait);
        CHECK(report.checks[0].why == "an attempt for another incident of the service still runs");
        at.jobs.runs = false;
        CHECK(at.handle().checks.back().ran);
    }
    SUBCASE("of the other state") {
        node<scripted_supervisor> at;
        at.consul.put("hq", "triggers/production/web/standalone/warning", "reload");
        crash(at);
        at.jobs.runs = true;
        at.options.state = bad_state::warning;
        at.agent_says("service:web", store_status::warning, "degraded");
        CHECK(at.handle().checks.at(0).what == step::wait);
        CHECK(at.jobs.calls == lines{"is_running 4711"});
    }
    SUBCASE("nor when somebody asks for one") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        const std::string id = at.only().id;
        at.listed[0].check_id = "service:web:2";
        const auto report = at.once();
        REQUIRE(report.cause);
        CHECK(*report.cause == error{errc::timed_out, "the last attempt of incident " + id + " still runs"});
        CHECK(at.jobs.calls == lines{"is_running 4711"});
    }
}

TEST_CASE("a Consul that does not answer in time is not there, rather than to be tried again") {
    node at;
    at.trigger();
    at.options.consul_time = {};
    for (const auto& report : {at.handle(), at.once()}) {
        REQUIRE(report.cause);
        CHECK(report.cause->code == errc::unavailable);
        CHECK(report.cause->message == "the time was over before Consul could be asked for /v1/agent/checks");
    }
}

TEST_CASE("what is locked by somebody else is to be tried again") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.options.lock_wait = {};
    REQUIRE(at.files.make_directory("/state"));
    REQUIRE(at.files.make_directory("/state/journal"));
    SUBCASE("the service") {
        const auto held = at.files.lock("/state/journal/web.json.lock", {});
        REQUIRE(held);
        const auto report = at.handle();
        REQUIRE(report.cause);
        CHECK(report.cause->code == errc::timed_out);
        CHECK(at.asked.requests.empty());
        CHECK_FALSE(at.files.get(std::string{journal_file}));
        CHECK(at.once().cause->code == errc::timed_out);
        CHECK(at.jobs.jobs().empty());
    }
    SUBCASE("all places of the node") {
        at.options.at_once = 2;
        {
            const auto one = at.files.lock("/state/journal/slot-0.lock", {});
            const auto two = at.files.lock("/state/journal/slot-1.lock", {});
            REQUIRE((one && two));
            const auto report = at.handle();
            REQUIRE(report.cause);
            CHECK(*report.cause == error{errc::timed_out,
                                         "no trigger of this node ended in time, 2 may run at once; "
                                         "try again"});
            CHECK(at.only().attempts == 0);
            CHECK(at.jobs.jobs().empty());
        }
        at.time.advance(seconds(10));
        const auto one = at.files.lock("/state/journal/slot-1.lock", {});
        REQUIRE(one);
        CHECK(at.handle().checks.at(0).ran);
    }
    SUBCASE("nothing: all locks are free again afterwards") {
        at.jobs.doing([&](const job&, const process_mark&) {
            CHECK_FALSE(at.files.lock("/state/journal/web.json.lock", {}));
            CHECK_FALSE(at.files.lock("/state/journal/slot-3.lock", {}));
            CHECK(at.files.lock("/state/journal/slot-0.lock", {}));
        });
        CHECK(at.handle().checks.at(0).ran);
        CHECK(at.files.lock("/state/journal/web.json.lock", {}));
        CHECK(at.files.lock("/state/journal/slot-3.lock", {}));
    }
}

TEST_CASE("what has changed while a trigger waited for its turn counts") {
    struct busy_files : memory_files {
        std::function<void()> while_waiting{};
        auto lock(const std::string& path, milliseconds wait) -> result<lock_type> {
            if (!while_waiting || path.find("/slot-") == std::string::npos) return memory_files::lock(path, wait);
            if (wait.count != 0) std::exchange(while_waiting, nullptr)();
            return powerconsul::fail(errc::timed_out, "another trigger runs");
        }
    };
    using busy = node<fake_supervisor, busy_files>;
    struct row {
        std::string_view name;
        void (*change)(busy&);
        std::string_view why;
    };
    const row rows[] = {
        {"nothing", [](busy&) {}, ""},
        {"maintenance",
         [](busy& at) { REQUIRE(at.consul.set_check("hq", me, "_node_maintenance", store_status::critical)); },
         "node production-web3 is in maintenance"},
        {"the check",
         [](busy& at) { REQUIRE(at.consul.set_check("hq", me, "service:web", store_status::passing, "up")); },
         "the check has changed while other triggers of this node were waited for"},
        {"the document", [](busy& at) { at.consul.put("hq", "cluster/production/web", "{}"); },
         "the cluster document cluster/production/web: "},
        {"Consul", [](busy& at) { at.consul.set_offline(true); }, "the embedded store is switched offline"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        busy at;
        at.trigger();
        at.jobs.on(restart, 0);
        at.files.while_waiting = [&] {
            each.change(at);
            at.time.advance(seconds(30));
        };
        const auto report = at.handle();
        REQUIRE(report.checks.size() == 1);
        CHECK(report.checks[0].why.substr(0, each.why.size()) == each.why);
        CHECK(report.checks[0].why.empty() == each.why.empty());
        CHECK(at.jobs.begun().size() == (each.why.empty() ? 1 : 0));
    }
}

TEST_CASE("two checks of one service get their attempts one after the other, and a failure hides none") {
    node at;
    at.trigger();
    at.agent_says("service:web:2", store_status::critical, "the second");
    at.listed.push_back(listed_check("service:web:2"));
    std::vector<process_mark> begun;
    at.jobs.on(restart, fail(errc::io, "no process")).on(restart, 0).doing([&](const job&, const process_mark& mark) {
        for (const auto& each : begun) CHECK_FALSE(*at.jobs.is_running(each));
        begun.push_back(mark);
    });
    const auto report = at.handle();
    REQUIRE(report.checks.size() == 2);
    CHECK(report.checks[0].check_id == "service:web");
    CHECK(report.checks[0].outcome->result == healing::failed_to_run);
    CHECK(report.checks[1].check_id == "service:web:2");
    CHECK(report.checks[1].outcome->result == healing::ended);
    CHECK(begun.size() == 1);
    const auto written = at.written();
    REQUIRE(written.incidents.size() == 2);
    CHECK(written.incidents[0].attempts == 1);
    CHECK(written.incidents[1].attempts == 1);
}

TEST_CASE("the second check is left alone if it passes when the first one's trigger has ended") {
    node at;
    at.trigger();
    at.agent_says("service:web:2", store_status::critical, "the second");
    at.listed.push_back(listed_check("service:web:2"));
    at.jobs.on(restart, 0).doing([&](const job&, const process_mark&) {
        at.agent_says("service:web:2", store_status::passing, "well");
    });
    CHECK(at.handle().checks.size() == 1);
    CHECK(at.jobs.begun().size() == 1);
    CHECK_FALSE(at.written().incidents.at(1).is_open());
}

TEST_CASE("five attempts in vain, then it is given up until somebody sees to it") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    std::vector<std::int64_t> after;
    const auto start = at.time.wall();
    for (int i = 0; i < 1000; ++i) {
        const auto before = at.jobs.begun().size();
        static_cast<void>(at.handle());
        if (at.jobs.begun().size() != before) after.push_back((at.time.wall() - start).count / 1000);
        at.time.advance(seconds(1));
    }
    CHECK(after == std::vector<std::int64_t>{0, 10, 30, 70, 150});
    const auto told = at.log.events("gave up");
    REQUIRE(told.size() == 1);
    CHECK(told[0].level == event_level::error);
    CHECK(node<>::line(told[0]) ==
          "error gave up web critical incident=ID check=service:web attempts=5 todo=see to it by "
          "hand, then: powerconsul incidents ack web");
    CHECK(at.only().given_up);
    CHECK(at.handle().checks.at(0).what == step::given_up);

    auto armed = at.written();
    CHECK(rearm(armed) == 1);
    at.files.put(std::string{journal_file}, json::encode_journal(armed));
    CHECK(at.handle().checks.at(0).ran);
    CHECK(at.only().attempts == 1);
}

TEST_CASE("after a damage of the journal the first attempt waits, as after a crash") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.files.put(std::string{journal_file}, "{\"service\":");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    REQUIRE(report.checks.size() == 1);
    CHECK(report.checks[0].what == step::wait);
    CHECK(report.checks[0].why == "its journal was damaged: whether a trigger ran just now is not known");
    CHECK(at.jobs.jobs().empty());
    CHECK(at.only().is_open());
    REQUIRE(at.log.events("journal damaged").size() == 1);
    CHECK(at.log.events("journal damaged")[0].level == event_level::error);
    CHECK(at.log.events("incident opened").size() == 1);
    at.time.advance({9'999});
    CHECK(at.handle().checks.at(0).what == step::wait);
    at.time.advance({1});
    CHECK(at.handle().checks.at(0).ran);
    CHECK(at.log.events("journal damaged").size() == 1);
}

TEST_CASE("asked for directly, a trigger runs in spite of back-off and of what was given up, and is counted") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    CHECK(at.once().checks.at(0).ran);
    CHECK(at.only().is_open());
    for (std::uint32_t i = 2; i <= 7; ++i) {
        CHECK(at.once().checks.at(0).ran);
        CHECK(at.only().attempts == i);
    }
    CHECK(at.handle().checks.at(0).what == step::wait);
    at.time.advance(seconds(1000));
    CHECK(at.handle().checks.at(0).what == step::gave_up);
    CHECK(at.once().checks.at(0).ran);
    CHECK(at.only().attempts == 8);
    CHECK(at.only().given_up);
}

TEST_CASE(
    "asked for directly, a trigger runs also for a check that is not in the state, which leaves a closed incident") {
    struct row {
        std::string_view name;
        void (*change)(node<>&);
    };
    const row rows[] = {
        {"passing", [](node<>& at) { at.agent_says("service:web", store_status::passing, "well"); }},
        {"warning", [](node<>& at) { at.agent_says("service:web", store_status::warning, "degraded"); }},
        {"never run", [](node<>& at) { at.agent_says("service:web", store_status::critical, ""); }},
        {"not known", [](node<>& at) { CHECK(at.consul.erase_check("hq", me, "service:web")); }},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        row.change(at);
        const auto report = at.once();
        CHECK_FALSE(report.cause);
        CHECK(report.checks.at(0).ran);
        CHECK_FALSE(at.only().is_open());
        CHECK(at.only().attempts == 1);
        CHECK(at.only().id == report.checks[0].incident);
        // At the same time of the clock once more.
        CHECK(at.once().checks.at(0).ran);
        CHECK(at.written().incidents.size() == 2);
    }
}

TEST_CASE("asked for directly, a trigger belongs to the open incident of its check and state, and to no other") {
    struct row {
        std::string_view name;
        void (*change)(incident&);
        std::size_t incidents;
    };
    for (const auto& row : {
             row{"the same", [](incident&) {}, 1},
             row{"closed", [](incident& one) { one.closed = one.opened; }, 2},
             row{"another state", [](incident& one) { one.state = bad_state::warning; }, 2},
             row{"another service", [](incident& one) { one.service_id = "web2"; }, 2},
             row{"another check", [](incident& one) { one.check_id = "service:web:2"; }, 2},
         }) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        crash(at);
        auto before = at.written();
        before.incidents[0].last.result = healing::ended;
        before.incidents[0].last.ended = before.incidents[0].last.began;
        row.change(before.incidents[0]);
        at.files.put(std::string{journal_file}, json::encode_journal(before));
        CHECK(at.once().checks.at(0).ran);
        const auto after = at.written();
        REQUIRE(after.incidents.size() == row.incidents);
        CHECK(after.incidents.back().attempts == (row.incidents == 1 ? 2U : 1U));
        if (row.incidents == 1) continue;
        CHECK(after.incidents[0] == before.incidents[0]);
        incident made = after.incidents[1];
        CHECK(made.state == bad_state::critical);
        CHECK(made.node == me);
        CHECK(made.service_id == "web");
        CHECK(made.check_id == "service:web");
        CHECK(made.opened == at.time.wall());
    }
}

TEST_CASE("an incident of another name of this node, or of another service, is not that of the check that is listed") {
    for (const auto member : {&incident::node, &incident::service_id}) {
        node at;
        crash(at);
        auto before = at.written();
        before.incidents[0].*member = "former";
        at.files.put(std::string{journal_file}, json::encode_journal(before));
        static_cast<void>(at.handle());
        const auto after = at.written();
        REQUIRE(after.incidents.size() == 2);
        // The agent has a check of that name in the state: whether that is another nobody knows.
        CHECK(after.incidents[0].is_open());
        CHECK(after.incidents[0].missed);
    }
}

TEST_CASE("the other state's incidents are not this handler's to ask about") {
    node at;
    crash(at);
    const auto before = at.files.get(std::string{journal_file});
    at.options.state = bad_state::warning;
    at.listed.clear();
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    at.consul.respond_with("/v1/internal/acl/authorize", 403, "Permission denied");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    CHECK(report.checks.empty());
    CHECK(at.files.get(std::string{journal_file}) == before);

    // Nor are those that are over.
    at.options.state = bad_state::critical;
    auto over = at.written();
    over.incidents[0].closed = at.time.wall();
    over.incidents[0].last.result = healing::healed;
    at.files.put(std::string{journal_file}, json::encode_journal(over));
    CHECK_FALSE(at.handle().cause);
}

TEST_CASE("asked for directly in the other state, that is the incident's") {
    node at;
    at.consul.put("hq", "triggers/production/web/standalone/warning", "restart web");
    at.jobs.on(restart, 0);
    at.options.state = bad_state::warning;
    CHECK(at.once().checks.at(0).ran);
    CHECK(at.only().state == bad_state::warning);
    CHECK(at.only().opened == at.time.wall());
}

TEST_CASE("a job is told the snapshot's output where the agent has none") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.listed[0].output = "as of the snapshot";
    at.listed.insert(at.listed.begin(), listed_check("service:web:2"));
    at.listed[0].output = "of another check";
    at.agent_says("service:web:2", store_status::passing, "well");
    REQUIRE(at.consul.erase_check("hq", me, "service:web"));
    CHECK(at.handle().checks.at(0).ran);
    REQUIRE(at.jobs.begun().size() == 1);
    const auto told = at.jobs.begun()[0].environment;
    CHECK(std::find(told.begin(), told.end(), "POWERCONSUL_CHECK_OUTPUT=as of the snapshot") != told.end());
}

TEST_CASE("what is asked for directly does not close an incident that a watch has opened") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    static_cast<void>(at.handle());
    at.agent_says("service:web", store_status::critical, "UNKNOWN - web cannot be judged: no answer");
    CHECK(at.once().checks.at(0).ran);
    CHECK(at.only().is_open());
    CHECK(at.only().attempts == 2);
}

TEST_CASE("asked for directly, what keeps a trigger from running is reported and not written") {
    node at;
    at.options.stopped = "stopped";
    const auto report = at.once();
    CHECK(report.checks.at(0).why == "stopped");
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    at.options.stopped.clear();
    CHECK(at.once().checks.at(0).why ==
          "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical");
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    at.agent_says("service:web", store_status::passing, "well");
    CHECK(at.once().checks.at(0).why ==
          "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical");
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    at.consul.set_offline(true);
    CHECK(at.once().cause->code == errc::unavailable);
}

TEST_CASE("a list that may leave checks out closes no incident") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    CHECK(at.handle().checks.at(0).ran);
    const auto before = at.files.get(std::string{journal_file});
    at.said();
    // What an agent answers to a token without rights.
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    at.consul.respond_with("/v1/internal/acl/authorize", 200,
                           R"([{"Resource":"service","Segment":"web","Access":"read","Allow":false}])");
    at.listed.clear();
    const auto report = at.handle();
    REQUIRE(report.cause);
    CHECK(*report.cause ==
          error{errc::denied, "the agent does not show the checks of web; the token needs service:read on web"});
    CHECK(at.files.get(std::string{journal_file}) == before);

    // An agent that cannot be asked for its rights: said once, and kept as the reason.
    at.consul.respond_normally();
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    at.consul.respond_with("/v1/internal/acl/authorize", 403, "Endpoint is blocked by agent configuration");
    at.said();
    for (int i = 0; i < 3; ++i) CHECK(at.handle().cause->code == errc::unsupported);
    CHECK(at.said().size() == 1);
    CHECK(at.only().is_open());
    CHECK(at.only().held.starts_with("this agent does not answer /v1/internal/acl/authorize (403"));

    at.consul.respond_normally();
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    CHECK_FALSE(at.handle().cause);
    CHECK_FALSE(at.only().is_open());
}

// --- its options and its report ---

namespace report {

namespace {

/// `web: a b; mail:`
auto shown(const std::vector<listed_service>& all) -> std::string {
    std::string text;
    for (const auto& each : all) {
        if (!text.empty()) text += "; ";
        text += each.service + ':';
        for (const auto& check : each.checks) text += ' ' + check.check_id;
    }
    return text;
}

/// Words are `<service>/<check id>`.
auto checks(const std::vector<std::string>& words) -> std::vector<snapshot_check> {
    std::vector<snapshot_check> all;
    for (const auto& word : words) {
        snapshot_check made;
        made.service_name = word.substr(0, word.find('/'));
        made.check_id = word.substr(word.find('/') + 1);
        all.push_back(made);
    }
    return all;
}

}  // namespace

TEST_CASE("checks are put together by service, and known services without one are there too") {
    struct row {
        std::string_view name;
        std::vector<std::string> listed;
        std::vector<std::string> known;
        std::string_view shown;
    };
    const row rows[] = {
        {"nothing", {}, {}, ""},
        {"one", {"web/a"}, {}, "web: a"},
        {"in the order in which they come", {"web/b", "mail/c", "web/a"}, {}, "web: b a; mail: c"},
        {"known ones come behind", {"web/a"}, {"mail", "db"}, "web: a; mail:; db:"},
        {"known and listed is one", {"web/a", "mail/b"}, {"mail", "web"}, "web: a; mail: b"},
        {"known twice is one", {}, {"mail", "mail"}, "mail:"},
        {"a name that another begins with", {"web/a", "web2/a"}, {"we"}, "web: a; web2: a; we:"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(shown(by_service(checks(row.listed), row.known)) == row.shown);
    }
}

TEST_CASE("what nobody set of a watch, and what nobody did") {
    const watch_options options;
    CHECK(options.state == bad_state::critical);
    CHECK(options.consul_time == seconds(5));
    CHECK(options.lock_wait == seconds(75));
    CHECK(options.at_once == 4);
    const handled_check nothing;
    CHECK(nothing.what == step::wait);
    CHECK(nothing.own == role::unknown);
    CHECK(nothing.as == role::unknown);
}

}  // namespace report

TEST_CASE("nothing acts in maintenance, on a role that is only remembered, or while a takeover is awaited") {
    struct row {
        std::string_view name;
        std::string_view document;  ///< "": none
        void (*change)(node<>&);
        std::string_view why;  ///< of the check, or the report's cause
        std::size_t runs;
    };
    constexpr std::string_view standby = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
    const row held[] = {
        {"no hold", "", [](node<>&) {}, "", 1},
        {"the node's maintenance", "",
         [](node<>& at) { REQUIRE(at.consul.set_check("hq", me, "_node_maintenance", store_status::critical)); },
         "node production-web3 is in maintenance", 0},
        {"the service's maintenance", "",
         [](node<>& at) { REQUIRE(at.consul.set_check("hq", me, "_service_maintenance:web", store_status::critical)); },
         "service web is in maintenance", 0},
        {"only remembered", "",
         [](node<>& at) {
             resolver_options roles{.who = {.host = std::string{me}}, .wait = at_once};
             CHECK(role_resolver{at.consul, at.time, at.files, "/state", roles}.resolve("web", seconds(5)).from ==
                   basis::fresh);
             at.consul.respond_with("/v1/kv/cluster", 500, "No cluster leader");
         },
         "Consul answers 500 to /v1/kv/cluster/production/web: No cluster leader", 0},
        {"a takeover is awaited", standby,
         [](node<>& at) { REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::critical)); },
         "no active serves, and this node is about to take over: production-web3 is in standby_nodes; no active serves: "
         "production-web1 (hq) is critical by service:web, so since 2024-01-01T00:00:00.000Z: this node takes over once "
         "that has lasted 20 s",
         0},
        {"an active serves again", standby,
         [](node<>& at) {
             const auto look = [&] {
                 const resolver_options roles{.who = {.host = std::string{me}}};
                 return role_resolver{at.consul, at.time, at.files, "/state", roles}.resolve("web", seconds(5)).expects;
             };
             REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::critical));
             CHECK(look() == expectation::either);
             at.time.advance(seconds(20));
             CHECK(look() == expectation::running);
             // Nobody looks for an hour: the agent here was stopped, and so was the service.
             at.time.advance(seconds(3600));
             REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::passing));
         },
         "an active serves again, and this node is about to give back: production-web3 is in standby_nodes; "
         "production-web1 (hq) serves as active, so since 2024-01-01T01:00:20.000Z: this node has taken over, and "
         "gives back once that has lasted 20 s",
         0},
    };
    for (const auto& each : held) {
        CAPTURE(each.name);
        node<> at;
        for (const std::string_view as : {"standalone", "primary", "secondary"}) at.trigger(as);
        at.jobs.on(restart, 0);
        if (!each.document.empty()) at.consul.put("hq", "cluster/production/web", each.document);
        each.change(at);
        incident_handler handler{at.asked, at, "/state", {.who = {.host = std::string{me}}}, at.options};
        const auto report = handler.handle("web", at.listed);
        REQUIRE(report.checks.size() == 1);
        CHECK(report.checks[0].why == each.why);
        CHECK(at.jobs.begun().size() == each.runs);
    }
}
