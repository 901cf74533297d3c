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
constexpr std::string_view trigger_key = "triggers/production/web/standalone/critical";
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
        return service_handler{asked, *this, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, options};
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
    auto last() -> attempt {
        const auto all = written();
        REQUIRE_FALSE(all.attempts.empty());
        return all.attempts.back();
    }
    auto only_ledger() -> ledger {
        const auto all = written();
        REQUIRE(all.ledgers.size() == 1);
        return all.ledgers.front();
    }
    void keep(const journal& what) { files.put(std::string{journal_file}, json::encode_journal(what)); }
    /// How many times Consul's servers were asked for what most of them confirm.
    auto consistent_reads() -> std::size_t {
        return static_cast<std::size_t>(std::ranges::count_if(
            asked.requests, [](const auto& each) { return each.target.find("consistent") != std::string::npos; }));
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
    auto replace(const std::string& path, std::string_view bytes, std::uint32_t mode = 0600,
                 durability how = durability::flushed) -> result<void> {
        if (before) before();
        if (room-- <= 0) return fail(errc::io, "the disk is full");
        ++written;
        return memory_files::replace(path, bytes, mode, how);
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
    journal made{.service = "web"};
    const std::string id = add_incident(made, bad_state::critical, std::string{me}, at.time.wall()).id;
    made.incidents[0].checks.push_back({"web", "service:web", true, at.time.wall(), 0, 20});
    attempt intent{.began = at.time.wall(), .may_run = may_run, .settle = seconds(30), .process = {4711, 5, "boot"}};
    at.keep(attempt_began(made, id, {std::string{trigger_key}, 7, {}, purpose::heal}, intent));
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
            at.time.advance(seconds(60));
            static_cast<void>(at.handle());
        }
        for (const auto& each : at.asked.requests) {
            const bool decides = each.target.find("/v1/kv/") == 0 || each.target.find("/v1/health/") == 0;
            CHECK_MESSAGE((!decides || each.target.find("?consistent") != std::string::npos),
                          "it may act: " << each.target);
        }
        CHECK(at.jobs.jobs().empty());
        REQUIRE(report.incidents.size() == 1);
        CHECK(report.incidents[0].what == step::wait);
        CHECK_FALSE(report.incidents[0].ran);
        if (row.cause) {
            CHECK(report.incidents[0].why.starts_with(row.why));
            REQUIRE(report.cause);
            CHECK(report.cause->code == *row.cause);
            CHECK(report.cause->message == report.incidents[0].why);
        } else {
            CHECK(report.incidents[0].why == row.why);
            CHECK_FALSE(report.cause);
        }
        CHECK(at.only().held == report.incidents[0].why);
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
        REQUIRE(report.incidents.size() == 1);
        CHECK_FALSE(report.cause);
        CHECK(report.incidents[0].ran.has_value() == !row.runs.empty());
        CHECK(at.jobs.begun().size() == (row.runs.empty() ? 0 : 1));
        if (row.runs.empty()) continue;
        CHECK(report.incidents[0].own == role::secondary);
        CHECK(report.incidents[0].as == role::primary);
        CHECK(at.last().key == row.runs);
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
        CHECK(at.handle().incidents.at(0).ran);
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
        CHECK(at.last().may_run == row.timeout + seconds(3));
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
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
            "POWERCONSUL_SERVICE=web", "POWERCONSUL_SERVICE_IDS=web", "POWERCONSUL_ROLE=standalone",
            "POWERCONSUL_EXPECTS=running", "POWERCONSUL_STATE=critical", "POWERCONSUL_CHECK_ID=service:web",
            "POWERCONSUL_INCIDENT_ID=" + report.incidents.at(0).incident, "POWERCONSUL_ATTEMPT=1",
            "POWERCONSUL_REASON=there is no cluster document at cluster/production/web",
            "POWERCONSUL_CHECK_OUTPUT=stopped again",
            R"(POWERCONSUL_CHECKS=[{"id":"service:web","service_id":"web","status":"critical","output":"stopped again"}])",
            "POWERCONSUL_VAR_ENV=production", "POWERCONSUL_VAR_HOST=production-web3", "POWERCONSUL_VAR_ROLE=web",
            "POWERCONSUL_VAR_COLOUR=blue"});
    CHECK(at.last().key == "own/triggers/web/standalone/critical");
}

TEST_CASE("a value that is none is an attempt that failed to run") {
    node at;
    at.trigger("standalone", R"({"comand": ["/bin/true"]})");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    CHECK(at.jobs.jobs().empty());
    CHECK(at.only().attempts == 1);
    CHECK(at.last().result == healing::failed_to_run);
    CHECK(at.last().output ==
          "the trigger triggers/production/web/standalone/critical: comand at line 1, column 2 (byte 1): this key is "
          "not known; did you mean \"command\"?");
    CHECK(report.incidents.at(0).outcome == at.last());
    CHECK_FALSE(report.incidents.at(0).ran);
    CHECK(at.handle().incidents.at(0).why == "the back-off of its trigger is not over");
}

TEST_CASE("a job that could not be started is an attempt, and has changed nothing that needs time to settle") {
    for (const bool asks : {false, true}) {
        CAPTURE(asks);
        node<scripted_supervisor> at;
        at.trigger();
        at.jobs.asks = asks;
        at.jobs.ends = fail(errc::io, "no such file");
        CHECK_FALSE(at.handle().cause);
        CHECK(at.only().attempts == 1);
        CHECK(at.last().result == healing::failed_to_run);
        CHECK(at.last().output == "no such file");
        CHECK(at.last().process.pid == (asks ? 4711 : 0));
        CHECK(at.log.events("trigger started").size() == (asks ? 1U : 0U));
        CHECK(at.log.events("trigger ended").at(0).level == event_level::error);
        CHECK(at.said().back() ==
              "error trigger ended web critical incident=ID check=service:web attempt=1 outcome=failed to run "
              "duration_ms=0 output=no such file");
        at.time.advance(seconds(10));
        static_cast<void>(at.handle());
        CHECK(at.only().attempts == 2);
    }
}

// --- holds ---

namespace {

constexpr std::string_view standby = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";

auto pause_text_until(milliseconds from, std::int64_t length) -> std::string {
    return json::encode_pause({from + seconds(length), from, "anna@web1", "kernel update"});
}

struct hold_row {
    std::string_view name;
    std::function<void(node<>&)> begin;
    std::string_view why;  ///< how it begins
    std::function<void(node<>&)> end;
    bool fails{};  ///< the report has it as its cause
};

auto holds() -> std::vector<hold_row> {
    const auto set = [](std::string_view on, std::string_view id, store_status status) {
        return [=](node<>& at) { REQUIRE(at.consul.set_check("hq", on, id, status)); };
    };
    const auto over = [](std::string_view id) {
        return [=](node<>& at) { REQUIRE(at.consul.erase_check("hq", me, id)); };
    };
    const auto nothing = [](node<>& at) { at.time.advance(seconds(3600)); };
    const auto no_pause = [](std::string key) { return [=](node<>& at) { at.consul.erase("hq", key); }; };
    const auto paused = [](std::string key) {
        return [=](node<>& at) { at.consul.put("hq", key, pause_text_until(at.time.wall(), 3600)); };
    };
    const auto paused_here = [](std::string path) {
        return [=](node<>& at) { at.files.put(path, pause_text_until(at.time.wall(), 3600)); };
    };
    return {
        {"node maintenance", set(me, "_node_maintenance", store_status::critical),
         "node production-web3 is in maintenance", over("_node_maintenance")},
        {"service maintenance", set(me, "_service_maintenance:web", store_status::critical),
         "service web is in maintenance", over("_service_maintenance:web")},
        {"stop file", [](node<>& at) { at.files.put("/stop", ""); },
         "the stop file \"/stop\" is there; delete it to let triggers run",
         [](node<>& at) { at.files.erase("/stop"); }},
        {"stop file with an end", [](node<>& at) { at.files.put("/stop", "until=2024-01-01T00:30:00Z"); },
         "the stop file \"/stop\" is there and holds until 2024-01-01 00:30 UTC (30 min left)", nothing},
        {"pause of the service", paused("pauses/production/web"),
         "paused until 2024-01-01 01:00 UTC (1 h left) by anna@web1: kernel update (pauses/production/web)", nothing},
        {"pause of all", paused("pauses/production/_all"),
         "paused until 2024-01-01 01:00 UTC (1 h left) by anna@web1: kernel update (pauses/production/_all)",
         no_pause("pauses/production/_all")},
        {"pause that cannot be read", [](node<>& at) { at.consul.put("hq", "pauses/production/web", "2 hours"); },
         "the pause pauses/production/web holds, since it cannot be read: ", no_pause("pauses/production/web")},
        {"pauses that cannot be told",
         [](node<>& at) { at.consul.respond_with("/v1/kv/pauses", 500, "No cluster leader"); },
         "it cannot be told whether it is paused: ", [](node<>& at) { at.consul.respond_normally(); }, true},
        {"pause here", paused_here("/state/pause-web.json"),
         "paused until 2024-01-01 01:00 UTC (1 h left) by anna@web1: kernel update (/state/pause-web.json)", nothing},
        {"pause of all here", paused_here("/state/pause-_all.json"),
         "paused until 2024-01-01 01:00 UTC (1 h left) by anna@web1: kernel update (/state/pause-_all.json)",
         [](node<>& at) { at.files.erase("/state/pause-_all.json"); }},
        {"noopTriggers",
         [](node<>& at) {
             at.options.noop_triggers = {"mail", "web"};
         },
         "the configuration's noopTriggers name it", [](node<>& at) { at.options.noop_triggers = {"mail"}; }},
        {"no trigger", [](node<>& at) { at.consul.erase("hq", trigger_key); },
         "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical",
         [](node<>& at) { at.trigger(); }},
        {"unknown role", [](node<>& at) { at.consul.put("hq", "cluster/production/web", "{}"); },
         "the cluster document cluster/production/web: ",
         [](node<>& at) { at.consul.erase("hq", "cluster/production/web"); }, true},
        {"remembered role",
         [](node<>& at) {
             const resolver_options roles{.who = {.host = std::string{me}}, .wait = at_once};
             CHECK(role_resolver{at.consul, at.time, at.files, "/state", roles}.resolve("web", seconds(5)).from ==
                   basis::fresh);
             at.consul.respond_with("/v1/kv/cluster", 500, "No cluster leader");
         },
         "Consul answers 500 to /v1/kv/cluster/production/web: No cluster leader",
         [](node<>& at) { at.consul.respond_normally(); }, true},
        {"takeover that is awaited",
         [](node<>& at) {
             at.consul.put("hq", "cluster/production/web", standby);
             REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::critical));
         },
         "no active serves, and this node is about to take over: production-web3 is in standby_nodes; no active serves: "
         "production-web1 (hq) is critical by service:web, so since 2024-01-01T00:00:00.000Z: this node takes over once "
         "that has lasted 20 s",
         [](node<>& at) { at.time.advance(seconds(20)); }},
        {"give-back",
         [](node<>& at) {
             at.consul.put("hq", "cluster/production/web", standby);
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
         [](node<>& at) { at.time.advance(seconds(20)); }},
    };
}

/// All triggers are there, and restart the service.
void prepare(node<>& at) {
    at.options.stop_file = "/stop";
    for (const std::string_view as : {"standalone", "primary", "secondary"}) at.trigger(as);
    at.jobs.on(restart, 0);
}

}  // namespace

TEST_CASE("nothing acts while a hold stands, it is told once, and its end leads to an attempt") {
    for (const auto& each : holds()) {
        CAPTURE(each.name);
        node at;
        prepare(at);
        each.begin(at);
        const auto look = [&] {
            service_handler handler{at.asked, at, "/state", {.who = {.host = std::string{me}}}, at.options};
            return handler.handle("web", at.listed);
        };
        auto report = look();
        REQUIRE(report.incidents.size() == 1);
        CHECK(report.incidents[0].what == step::wait);
        CHECK(report.incidents[0].why.starts_with(each.why));
        CHECK(report.cause.has_value() == each.fails);
        CHECK(at.only().held == report.incidents[0].why);
        CHECK(at.only().attempts == 0);
        const auto told = at.log.events("nothing done");
        REQUIRE(told.size() == 1);
        CHECK(told[0].level == (each.fails ? event_level::error
                                : each.name.starts_with("stop file") || each.name.ends_with("here")
                                    ? event_level::warning
                                    : event_level::info));
        // A minute later it stands as before, unless it is one that ends by itself.
        for (int i = 0;
             i < 6 && each.name.find("that is awaited") == std::string_view::npos && each.name != "give-back"; ++i) {
            at.time.advance(seconds(10));
            report = look();
            CHECK(report.incidents.at(0).what == step::wait);
        }
        CHECK(at.jobs.jobs().empty());
        const auto& why = told[0].fields.back().second;
        CHECK(std::ranges::count_if(at.log.events("nothing done"), [&](const event& again) {
                  return again.level != event_level::debug && again.fields.back().second == why;
              }) == 1);
        each.end(at);
        REQUIRE(report.again);
        CHECK(*report.again <= seconds(10));
        at.time.advance(*report.again);
        CHECK(look().incidents.at(0).ran);
        CHECK(at.jobs.begun().size() == 1);
        CHECK(at.only().held.empty());
    }
}

TEST_CASE("what begins to hold while Consul is asked, or while a place is waited for, holds") {
    struct eventful_store {
        node<>& at;
        std::string_view moment;  ///< the beginning of the target
        std::function<void()> event{};
        auto perform(const http_request& request) -> result<http_response> {
            if (event && request.target.starts_with(moment)) std::exchange(event, nullptr)();
            return at.asked.perform(request);
        }
    };
    for (const auto& each : holds()) {
        // What needs an hour to come, or is asked for before.
        if (each.name == "give-back" || each.name == "remembered role" || each.name == "no trigger" ||
            each.name == "noopTriggers" || each.name.find("role") != std::string_view::npos ||
            each.name.find("takeover") != std::string_view::npos) {
            continue;
        }
        for (const bool by_hand : {false, true}) {
            CAPTURE(each.name);
            CAPTURE(by_hand);
            node at;
            prepare(at);
            static_cast<void>(at.files.make_directory("/state"));
            eventful_store consul{at, "/v1/kv/triggers/", [&] { each.begin(at); }};
            service_handler handler{
                consul, at, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, at.options};
            const auto report = by_hand ? handler.run_once(at.listed[0]) : handler.handle("web", at.listed);
            REQUIRE(report.incidents.size() == 1);
            CHECK(report.incidents[0].why.starts_with(each.why));
            CHECK(at.jobs.jobs().empty());
        }
    }
}

TEST_CASE("a service that is well again when all has been asked is left alone") {
    struct slow_answer {
        node<>& at;
        auto perform(const http_request& request) -> result<http_response> {
            if (request.target.starts_with("/v1/kv/triggers/")) {
                at.agent_says("service:web", store_status::passing, "well");
                at.time.advance(seconds(4));
            }
            return at.asked.perform(request);
        }
    };
    node at;
    prepare(at);
    slow_answer consul{at};
    service_handler handler{consul, at, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, at.options};
    const auto report = handler.handle("web", at.listed);
    CHECK(report.incidents.at(0).why == "its checks have changed meanwhile");
    CHECK(at.jobs.jobs().empty());
    CHECK(handler.handle("web", {}).incidents.at(0).what == step::closed);
    CHECK(at.only().attempts == 0);
    // Who asks for it by hand gets it.
    CHECK(service_handler{consul, at, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, at.options}
              .run_once(at.listed[0])
              .incidents.at(0)
              .ran);
}

TEST_CASE("the same reason is told once") {
    node at;
    for (int i = 0; i < 20; ++i) {
        static_cast<void>(at.handle());
        at.time.advance(seconds(10));
    }
    const auto told = at.log.events("nothing done");
    CHECK(told.at(0).level == event_level::info);
    CHECK(std::ranges::count(told, event_level::info, &event::level) == 1);
}

TEST_CASE("while there is no trigger, servers are asked for one, but most of them need not agree each time") {
    struct row {
        std::string_view name;
        std::function<void(node<>&)> change;
        bool tries{};  ///< there is a trigger at first
    };
    const row rows[] = {
        {"never one", [](node<>&) {}},
        {"one place only", [](node<>& at) { at.options.triggers.base_key = "own"; }},
        {"a check that says something else each time",
         [](node<>& at) {
             at.agent_says("service:web", store_status::critical, "load " + std::to_string(at.time.wall().count));
         }},
        {"one that was taken away after an attempt",
         [](node<>& at) {
             at.options.triggers.base_key = "own";
             if (at.jobs.begun().empty()) {
                 at.consul.put("hq", "own/web/standalone/critical", "restart web");
             } else {
                 at.consul.erase("hq", "own/web/standalone/critical");
             }
         },
         true},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        at.jobs.on(restart, 1);
        each.change(at);
        static_cast<void>(at.handle());
        CHECK(at.jobs.begun().size() == (each.tries ? 1 : 0));
        each.change(at);
        at.time.advance(seconds(61));
        static_cast<void>(at.handle());
        at.time.advance(seconds(10));
        const std::size_t before = at.consistent_reads();
        std::size_t rounds = 0;
        for (int second = 0; second < 600; second += 5) {
            const std::size_t until_now = at.consistent_reads();
            each.change(at);
            static_cast<void>(at.handle());
            rounds += at.consistent_reads() != until_now ? 1 : 0;
            at.time.advance(seconds(5));
        }
        CHECK(rounds <= 10);
        CHECK(at.consistent_reads() - before <= 40);
        CHECK(at.jobs.begun().size() == (each.tries ? 1 : 0));
        // One that comes is found within seconds.
        at.consul.put("hq", at.options.triggers.base_key.empty() ? trigger_key : "own/web/standalone/critical",
                      "restart web");
        static_cast<void>(at.handle());
        CHECK(at.jobs.begun().size() == (each.tries ? 2 : 1));
    }
}

// --- what the agent says ---

TEST_CASE("without the agent's word nothing is done, nothing is written, and it is asked again") {
    node at;
    at.trigger();
    at.consul.set_offline(true);
    const auto first = at.handle();
    REQUIRE(first.cause);
    CHECK(first.cause->code == errc::unavailable);
    REQUIRE(first.again);
    CHECK(*first.again <= seconds(10));
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
        CHECK(report.incidents.size() == (row.acts ? 1U : 0U));
        CHECK(at.written().incidents.size() == (row.acts ? 1U : 0U));
    }
}

TEST_CASE("a check that the agent does not know counts as the snapshot says, unless its own output proves nothing") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    REQUIRE(at.consul.erase_check("hq", me, "service:web"));
    at.listed[0].output = "UNKNOWN - web cannot be judged: no answer";
    CHECK(at.handle().incidents.empty());
    at.listed[0].output = "CRITICAL - web does not serve here, secondary expects stopped";
    CHECK(at.handle().incidents.empty());
    CHECK(at.jobs.jobs().empty());
    at.listed[0].output = down;
    CHECK(at.handle().incidents.at(0).ran);
}

TEST_CASE("a check without output counts after two minutes") {
    for (const bool known : {true, false}) {
        CAPTURE(known);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        at.agent_says("service:web", store_status::critical, "");
        if (!known) REQUIRE(at.consul.erase_check("hq", me, "service:web"));
        at.listed[0].output.clear();
        const auto start = at.time.wall();
        for (auto report = at.handle(); at.jobs.begun().empty(); report = at.handle()) {
            REQUIRE(report.again);
            REQUIRE(report.again->count > 0);
            // Another check of the service may need something before.
            CHECK(*report.again <= seconds(10));
            at.time.advance(*report.again);
            REQUIRE(at.time.wall() - start <= seconds(120));
        }
        CHECK(at.time.wall() - start == seconds(120));
        CHECK(at.only().opened - start == seconds(120));
    }
    // One that says something meanwhile.
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.agent_says("service:web", store_status::critical, "");
    static_cast<void>(at.handle());
    at.time.advance(seconds(60));
    at.agent_says("service:web", store_status::critical, down);
    CHECK(at.handle().incidents.at(0).ran);
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
    REQUIRE(report.incidents.size() == 1);
    CHECK(report.incidents[0].what == step::wait);
    CHECK(report.incidents[0].why == "it is not known in which state its checks are");
    CHECK(*report.again >= seconds(1));
    CHECK(at.only().is_open());

    at.agent_says("service:web", store_status::passing, "well");
    report = at.handle();
    REQUIRE(report.incidents.size() == 1);
    CHECK(report.incidents[0].what == step::closed);
    CHECK_FALSE(report.again);
    CHECK(at.last().result == healing::healed);
    CHECK(at.only().closed == at.time.wall());
    CHECK(at.only().how == closing::healed);
    CHECK(at.jobs.begun().size() == 1);
    CHECK(at.said() == lines{"info incident closed web critical incident=ID check=service:web attempts=1 "
                             "outcome=healed open_ms=30000"});
    // The stale snapshot comes once more.
    CHECK(at.handle().incidents.empty());
    CHECK(at.jobs.begun().size() == 1);
}

TEST_CASE("why an incident ended is told") {
    struct row {
        std::string_view name;
        bool tries;
        std::function<void(node<>&)> change;
        closing how;
        healing last;
    };
    const auto says = [](store_status status, std::string_view output) {
        return [=](node<>& at) { at.agent_says("service:web", status, output); };
    };
    const row rows[] = {
        {"passing", true, says(store_status::passing, "well"), closing::healed, healing::healed},
        {"warning", true, says(store_status::warning, "degraded"), closing::left, healing::ended},
        {"passing by itself", false, says(store_status::passing, "well"), closing::over, {}},
        {"the check is deregistered", true, [](node<>& at) { REQUIRE(at.consul.erase_check("hq", me, "service:web")); },
         closing::gone, healing::ended},
        {"the service is deregistered",
         false,
         [](node<>& at) { REQUIRE(at.consul.remove("hq", me, "web")); },
         closing::gone,
         {}},
        {"another check has come in its place", true,
         [](node<>& at) {
             REQUIRE(at.consul.erase_check("hq", me, "service:web"));
             at.agent_says("other", store_status::passing, "well");
         },
         closing::gone, healing::ended},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        if (each.tries) at.trigger();
        at.jobs.on(restart, 0);
        static_cast<void>(at.handle());
        at.said();
        each.change(at);
        at.listed.clear();
        const auto report = at.handle();
        CHECK_FALSE(report.cause);
        CHECK(report.incidents.at(0).what == step::closed);
        CHECK(at.only().how == each.how);
        if (each.tries) CHECK(at.last().result == each.last);
        CHECK(at.said().back() == "info incident closed web critical incident=ID check=service:web attempts=" +
                                      std::string{each.tries ? "1" : "0"} +
                                      " outcome=" + std::string{to_string(each.how)} + " open_ms=0");
    }
}

TEST_CASE("a list that may leave checks out closes no incident") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    CHECK(at.handle().incidents.at(0).ran);
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
    CHECK(report.again);
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

TEST_CASE("a check that the snapshot has needs no right of the agent's") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    static_cast<void>(at.handle());
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    at.consul.respond_with("/v1/internal/acl/authorize", 403, "Permission denied");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    REQUIRE(report.incidents.size() == 1);
    CHECK(report.incidents[0].what == step::wait);
    CHECK(at.only().is_open());
}

TEST_CASE("the other state's incidents are not this handler's to ask about") {
    node at;
    crash(at);
    const auto before = at.written();
    at.options.state = bad_state::warning;
    at.listed.clear();
    at.consul.respond_with("/v1/agent/checks", 200, "{}");
    at.consul.respond_with("/v1/internal/acl/authorize", 403, "Permission denied");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    CHECK(report.incidents.empty());
    CHECK(at.written().incidents == before.incidents);

    // Nor are those that are over.
    at.options.state = bad_state::critical;
    auto over = at.written();
    over.incidents[0].closed = at.time.wall();
    at.keep(over);
    CHECK_FALSE(at.handle().cause);
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
    CHECK(at.handle().incidents.at(0).ran);
    REQUIRE(at.jobs.begun().size() == 1);
    const auto told = at.jobs.begun()[0].environment;
    CHECK(std::find(told.begin(), told.end(), "POWERCONSUL_CHECK_OUTPUT=as of the snapshot") != told.end());
}

TEST_CASE("a job is told of the checks that it is for, and of no other") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.agent_says("a-serving", store_status::critical, "CRITICAL - web does not serve here, secondary expects stopped");
    at.agent_says("a-unknown", store_status::critical, "UNKNOWN - web cannot be judged: no answer");
    at.agent_says("b-silent", store_status::critical, "");
    CHECK(at.handle().incidents.at(0).checks == lines{"service:web"});
    REQUIRE(at.jobs.begun().size() == 1);
    const auto told = at.jobs.begun()[0].environment;
    CHECK(std::find(told.begin(), told.end(), "POWERCONSUL_CHECK_ID=service:web") != told.end());
    CHECK(std::ranges::none_of(told, [](const auto& each) {
        return each.starts_with("POWERCONSUL_CHECKS=") &&
               (each.find("a-serving") != std::string::npos || each.find("a-unknown") != std::string::npos ||
                each.find("b-silent") != std::string::npos);
    }));
}

// --- what is recorded of an attempt ---

TEST_CASE("the intent is on disk before a job begins, the outcome when it has ended") {
    node at;
    at.trigger();
    std::vector<attempt> seen;
    at.jobs.on(restart, 3, "first\nlast\n").doing([&](const job&, const process_mark& mark) {
        seen.push_back(at.last());
        CHECK(at.only().attempts == 1);
        CHECK(at.only_ledger().attempts == 1);
        CHECK(seen.back().process == mark);
        at.time.advance(seconds(4));
    });
    const auto began = at.time.wall();
    const auto report = at.handle();
    REQUIRE(seen.size() == 1);
    attempt intent;
    intent.began = began;
    intent.may_run = seconds(70);
    intent.settle = seconds(30);
    intent.process = {1001, 1, "boot"};
    intent.incident = at.only().id;
    intent.key = trigger_key;
    CHECK(seen[0] == intent);
    attempt outcome = intent;
    outcome.ended = began + seconds(4);
    outcome.result = healing::ended;
    outcome.status = 3;
    outcome.output = "first\nlast";
    CHECK(at.last() == outcome);
    CHECK(at.only_ledger().ended == began + seconds(4));
    CHECK(report.incidents.at(0).outcome == outcome);
    const auto events = at.log.events();
    for (const auto& each : events) {
        CHECK(each.fields.at(0) == std::pair<std::string_view, std::string>{"incident", report.incidents[0].incident});
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
        CHECK(at.last().result == row.result);
        CHECK(at.last().status == row.status);
        CHECK(at.last().signal == row.signal);
        CHECK(at.said().back() == row.told);
        CHECK(at.handle().incidents.at(0).what == step::wait);
        // A time-out that did not heal stays one, as after a minute everybody may say.
        at.time.advance(seconds(60));
        static_cast<void>(at.handle());
        CHECK(at.written().attempts.at(0).result ==
              (row.result == healing::timed_out ? healing::timed_out : healing::not_healed));
    }
}

TEST_CASE("a job whose intent cannot be written does not begin") {
    node<scripted_supervisor> at;
    static_cast<void>(at.handle());
    at.trigger();
    at.jobs.before = [&] { at.files.fail_on(std::string{journal_file}, {errc::io, "the disk is full"}); };
    const auto report = at.handle();
    CHECK(at.jobs.calls == lines{"run"});
    REQUIRE(report.cause);
    CHECK(report.cause->code == errc::io);
    CHECK(report.cause->message.starts_with("the disk is full"));
    CHECK(report.incidents.size() == 1);
    CHECK_FALSE(report.incidents.at(0).outcome);
    CHECK(report.again);
    CHECK(at.log.events("trigger started").empty());
    CHECK(at.log.events("trigger ended").empty());
    REQUIRE(at.log.events("failed").size() == 1);

    at.jobs.before = {};
    at.files.heal(std::string{journal_file});
    CHECK(at.only().attempts == 0);
    CHECK(at.written().ledgers.empty());
    at.handle();
    CHECK(at.jobs.calls == lines{"run", "run", "begun"});
}

TEST_CASE("an outcome that cannot be written leaves the attempt unfinished, and its end is when that is noticed") {
    node<scripted_supervisor> at;
    at.trigger();
    at.jobs.after = [&] { at.files.fail_on(std::string{journal_file}, {errc::io, "the disk is full"}); };
    const auto report = at.handle();
    REQUIRE(report.cause);
    CHECK(report.cause->code == errc::io);
    CHECK(report.incidents.at(0).outcome->result == healing::ended);
    at.files.heal(std::string{journal_file});
    CHECK(at.last().result == healing::unfinished);
    CHECK(at.only().attempts == 1);

    at.jobs.after = {};
    at.jobs.calls.clear();
    at.time.advance(seconds(20));
    CHECK(at.handle().incidents.at(0).what == step::wait);
    CHECK(at.jobs.calls == lines{"is_running 4711"});
    CHECK(at.last().result == healing::ended);
    CHECK(at.last().ended == at.time.wall());
    at.time.advance({59'999});
    CHECK_FALSE(at.handle().incidents.at(0).ran);
    at.time.advance({1});
    CHECK(at.handle().incidents.at(0).ran);
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
        CHECK(report.incidents.empty());
        CHECK(report.again);
    }
}

TEST_CASE("an incident that cannot be written is not acted on, and not told of") {
    node<fake_supervisor, full_disk> at;
    at.trigger();
    const auto report = at.handle();
    REQUIRE(report.cause);
    CHECK(report.cause->message.starts_with("the disk is full"));
    CHECK(report.incidents.empty());
    CHECK(report.again);
    CHECK(at.jobs.begun().empty());
    CHECK(at.log.events("incident opened").empty());
    CHECK(at.log.events("failed").size() == 1);
}

TEST_CASE("what is on disk is not written again") {
    node<fake_supervisor, full_disk> at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.files.room = 100;
    static_cast<void>(at.handle());
    // The role's record, a reserve for full disks, and of the incident the intent, with that it opened, and the
    // outcome.
    CHECK(at.files.written == 4);
    for (int i = 0; i < 30; ++i) {
        at.time.advance(seconds(1));
        static_cast<void>(at.handle());
    }
    CHECK(at.files.written == 4);
}

TEST_CASE("a trigger that starts has waited for one record only") {
    struct row {
        std::string_view name;
        void (*before)(node<>&);
        std::size_t attempts;
    };
    const row rows[] = {
        {"on a fresh node", [](node<>&) {}, 1},
        {"where the incident is known",
         [](node<>& at) {
             REQUIRE(at.consul.erase("hq", trigger_key));
             static_cast<void>(at.handle());
             at.trigger();
         },
         1},
        {"once more, after one that did not heal",
         [](node<>& at) {
             static_cast<void>(at.handle());
             at.time.advance(seconds(61));
         },
         2},
        {"in another incident, long after the first",
         [](node<>& at) {
             static_cast<void>(at.handle());
             at.time.advance(seconds(5));
             at.agent_says("service:web", store_status::passing, "well");
             static_cast<void>(at.handle());
             at.time.advance(seconds(3600));
             at.agent_says("service:web", store_status::critical, "down");
         },
         1},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        row.before(at);
        std::optional<lines> flushed;
        std::optional<journal> known;
        at.jobs.doing([&](const job&, const process_mark&) {
            flushed = at.files.flushed;
            known = at.written();
        });
        at.files.flushed.clear();
        static_cast<void>(at.handle());
        REQUIRE(flushed);
        CHECK(*flushed == lines{std::string{journal_file}});
        // All that counts is in it.
        REQUIRE_FALSE(known->attempts.empty());
        CHECK(known->attempts.back().result == healing::unfinished);
        REQUIRE(known->ledgers.size() == 1);
        CHECK(known->ledgers[0].attempts == row.attempts);
        CHECK(known->incidents.back().is_open());
        CHECK(known->incidents.back().id == known->attempts.back().incident);
    }
}

TEST_CASE("what was opened and is not on disk is told when it is, and once") {
    node<scripted_supervisor> at;
    at.trigger();
    at.jobs.before = [&] { CHECK(at.log.events("incident opened").empty()); };
    static_cast<void>(at.handle());
    const auto told = at.said();
    REQUIRE(told.size() >= 2);
    CHECK(told[0] == "warning incident opened web critical incident=ID check=service:web");
    CHECK(told[1].starts_with("info trigger started"));
    at.time.advance(seconds(1));
    static_cast<void>(at.handle());
    CHECK(at.log.events("incident opened").empty());
}

TEST_CASE("the first thing that went wrong is what is reported") {
    node<fake_supervisor, full_disk> at;
    at.trigger();
    at.consul.respond_with("/v1/kv/triggers", 403, "Permission denied");
    at.files.room = 1;
    const auto report = at.handle();
    REQUIRE(report.cause);
    CHECK(report.cause->code == errc::denied);
    CHECK(at.log.events("failed").size() == 1);
}

TEST_CASE("what a role takes of Consul's time is not the trigger's") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.options.consul_time = seconds(5);
    slow_store slow{at.consul, at.time};
    service_handler handler{slow, at, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, at.options};
    static_cast<void>(handler.handle("web", at.listed));
    const auto asked = std::find_if(slow.asked.begin(), slow.asked.end(),
                                    [](const auto& each) { return each.first.starts_with("/v1/kv/triggers/"); });
    REQUIRE(asked != slow.asked.end());
    CHECK(asked->second == 5000);
}

TEST_CASE("one handler may be asked again") {
    SUBCASE("directly and then by a watch") {
        node at;
        auto handler = at.handler();
        CHECK(handler.run_once(at.listed.front()).incidents.at(0).why ==
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
        CHECK(handler.handle("web", at.listed).incidents.at(0).why == "its last attempt still runs");
        at.jobs.runs = false;
        at.time.advance(seconds(10));
        CHECK(handler.handle("web", at.listed).incidents.at(0).what == step::wait);
        at.time.advance(seconds(60));
        CHECK(handler.handle("web", at.listed).incidents.at(0).ran);
    }
}

TEST_CASE("of a long output the last KiB is kept, and of a long error the first 1000 bytes") {
    for (const std::size_t size : {1000U, 1001U, 1024U, 1025U}) {
        node at;
        at.trigger();
        at.jobs.on(restart, 0, std::string(size, 'x'));
        const auto report = at.handle();
        CHECK(report.incidents.at(0).outcome->output.size() == (size < 1024 ? size : 1024));
        node broken;
        broken.trigger();
        broken.jobs.on(restart, fail(errc::io, std::string(size, 'x')));
        static_cast<void>(broken.handle());
        CHECK(broken.last().output == (size == 1000 ? std::string(1000, 'x') : std::string(997, 'x') + "..."));
    }
}

// --- a handler that dies ---

TEST_CASE("an attempt of a handler that is dead") {
    SUBCASE("waits while its process runs") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.time.advance(seconds(72));
        CHECK(at.handle().incidents.at(0).why == "its last attempt still runs");
        CHECK(at.jobs.calls == lines{"is_running 4711"});
        CHECK(at.last().result == healing::unfinished);
    }
    SUBCASE("waits where nobody can tell") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = fail(errc::io, "/proc is not there");
        at.time.advance(seconds(1000));
        CHECK(at.handle().incidents.at(0).why == "its last attempt still runs");
        CHECK(at.jobs.calls == lines{"is_running 4711"});
        CHECK(at.said() == lines{"warning failed web critical incident=ID error=/proc is not there"});
    }
    SUBCASE("is ended when its time is over") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.time.advance({72'001});
        CHECK(at.handle().incidents.at(0).what == step::wait);
        CHECK(at.jobs.calls == lines{"is_running 4711", "end 4711"});
        CHECK(at.last().result == healing::timed_out);
        CHECK(at.last().ended == at.time.wall());
        CHECK(at.only_ledger().ended == at.time.wall());
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
        CHECK(at.handle().incidents.at(0).why == "its last attempt still runs");
        CHECK(at.last().result == healing::unfinished);
        CHECK(at.said() == lines{"error failed web critical incident=ID error=not permitted"});
    }
    SUBCASE("has its time to settle once its process is gone") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.time.advance(seconds(10));
        CHECK(at.handle().incidents.at(0).what == step::wait);
        CHECK(at.last().ended == at.time.wall());
        at.time.advance(seconds(60));
        CHECK(at.handle().incidents.at(0).ran);
        CHECK(at.only().attempts == 2);
        CHECK(at.last().number == 2);
    }
}

namespace {

/// The process of the handler ends at that point of an attempt, and leaves the job behind or not.
struct mortal_supervisor {
    enum class point { never, before_intent, after_intent, running, ended };
    struct death {};

    point dies{point::never};
    bool lives{};  ///< the job's process, after its handler
    int begun{};
    std::vector<std::int64_t> ended_by_force{};

    template <typename Ready>
    [[nodiscard]] auto run(const job&, Ready&& ready) -> result<job_outcome> {
        if (dies == point::before_intent) throw death{};
        if (auto agreed = ready(process_mark{4711 + begun, 5, "boot"}); !agreed) return unexpected{agreed.error()};
        if (dies == point::after_intent) throw death{};
        ++begun;
        if (dies == point::running || dies == point::ended) throw death{};
        return job_outcome{};
    }
    [[nodiscard]] auto is_running(const process_mark&) -> result<bool> { return lives; }
    [[nodiscard]] auto end(const process_mark& mark) -> result<void> {
        ended_by_force.push_back(mark.pid);
        lives = false;
        return {};
    }
};

}  // namespace

TEST_CASE("wherever a handler dies, no second job runs beside the first, and the journal is right afterwards") {
    using enum mortal_supervisor::point;
    struct row {
        std::string_view name;
        mortal_supervisor::point dies;
        bool lives;
        std::uint32_t counted;
        int begun;
    };
    for (const auto& each :
         {row{"before the intent", before_intent, false, 0, 0}, row{"the intent is written", after_intent, false, 1, 0},
          row{"while it runs, and it ends with its handler", running, false, 1, 1},
          row{"while it runs, and it lives on", running, true, 1, 1},
          row{"when it has ended and that is not recorded", ended, false, 1, 1}}) {
        for (const bool by_hand : {false, true}) {
            CAPTURE(each.name);
            CAPTURE(by_hand);
            node<mortal_supervisor> at;
            at.trigger();
            at.jobs.dies = each.dies;
            at.jobs.lives = each.lives;
            CHECK_THROWS_AS(static_cast<void>(by_hand ? at.once() : at.handle()), mortal_supervisor::death);
            CHECK(at.jobs.begun == each.begun);
            const bool written = !at.written().attempts.empty();
            CHECK(written == (each.counted != 0));
            if (written) CHECK(at.last().result == healing::unfinished);

            at.jobs.dies = never;
            const auto began = at.time.wall();
            const auto due = [&] {
                const auto report = at.handle();
                CHECK(report.again);
                return at.jobs.begun != each.begun;
            };
            if (each.lives) {
                for (int second = 0; second < 20; ++second, at.time.advance(seconds(1))) CHECK_FALSE(due());
                CHECK(at.once().cause->code == errc::timed_out);
                CHECK(at.jobs.begun == each.begun);
                at.jobs.lives = false;
            }
            const auto noticed = at.time.wall();
            while (!due()) {
                at.time.advance(seconds(1));
                REQUIRE(at.time.wall() < noticed + seconds(120));
            }
            // What nobody knows of leaves no trace; what may have run has its time to settle, twice.
            CHECK(at.time.wall() - noticed == (written ? seconds(60) : seconds(0)));
            CHECK(at.only().attempts == each.counted + 1);
            const auto all = at.written().attempts;
            REQUIRE(all.size() == each.counted + 1);
            if (written) {
                CHECK(all[0].began == began);
                CHECK(all[0].ended == noticed);
                CHECK(all[0].result == healing::not_healed);
                CHECK(all[0].status == -1);
            }
            CHECK(all.back().result == healing::ended);
            CHECK(all.back().number == (by_hand ? 1 : each.counted + 1));
            CHECK(at.jobs.ended_by_force.empty());
        }
    }
}

TEST_CASE("a job that outlives its handler and its time is ended once, and then counts as timed out") {
    node<mortal_supervisor> at;
    at.trigger();
    at.jobs.dies = mortal_supervisor::point::running;
    at.jobs.lives = true;
    CHECK_THROWS_AS(static_cast<void>(at.handle()), mortal_supervisor::death);
    at.jobs.dies = mortal_supervisor::point::never;
    for (int second = 0; second < 100; ++second, at.time.advance(seconds(1))) static_cast<void>(at.handle());
    CHECK(at.jobs.ended_by_force == std::vector<std::int64_t>{4711});
    CHECK(at.jobs.begun == 1);
    CHECK(at.written().attempts.at(0).result == healing::timed_out);
}

TEST_CASE("while an attempt of a service still runs, no other begins") {
    SUBCASE("for another check") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.agent_says("service:web:2", store_status::critical, down);
        at.listed.push_back(listed_check("service:web:2"));
        const auto report = at.handle();
        REQUIRE(report.incidents.size() == 1);
        CHECK(report.incidents[0].checks == lines{"service:web", "service:web:2"});
        CHECK(report.incidents[0].why == "its last attempt still runs");
        CHECK(at.jobs.calls == lines{"is_running 4711"});
    }
    SUBCASE("for the service's next incident") {
        node<scripted_supervisor> at;
        at.trigger();
        at.consul.put("hq", "triggers/production/web/standalone/passing", "tell");
        crash(at);
        at.jobs.runs = true;
        at.agent_says("service:web", store_status::passing, "well");
        const auto closed = at.handle();
        CHECK(closed.incidents.at(0).what == step::closed);
        // What informs of it does not run beside it, either.
        CHECK(closed.again);
        CHECK(at.jobs.calls == lines{"is_running 4711"});
        at.agent_says("service:web", store_status::critical, down);
        const auto report = at.handle();
        REQUIRE(report.incidents.size() == 1);
        CHECK(report.incidents[0].why == "its last attempt still runs");
        CHECK(std::ranges::count(at.jobs.calls, "begun") == 0);
    }
    SUBCASE("of the other state") {
        node<scripted_supervisor> at;
        at.consul.put("hq", "triggers/production/web/standalone/warning", "reload");
        crash(at);
        at.jobs.runs = true;
        at.options.state = bad_state::warning;
        at.agent_says("service:web", store_status::warning, "degraded");
        CHECK(at.handle().incidents.at(0).what == step::wait);
        CHECK(at.jobs.calls == lines{"is_running 4711"});
    }
    SUBCASE("nor when somebody asks for one") {
        node<scripted_supervisor> at;
        at.trigger();
        crash(at);
        at.jobs.runs = true;
        at.listed[0].check_id = "service:web:2";
        const auto report = at.once();
        REQUIRE(report.cause);
        CHECK(*report.cause == error{errc::timed_out, "the last attempt on the service still runs"});
        CHECK(at.jobs.calls == lines{"is_running 4711"});
    }
}

TEST_CASE("after a damage of the journal the first attempt waits, as after a crash") {
    node at;
    at.trigger();
    at.jobs.on(restart, 0);
    at.files.put(std::string{journal_file}, "{\"service\":");
    const auto report = at.handle();
    CHECK_FALSE(report.cause);
    REQUIRE(report.incidents.size() == 1);
    CHECK(report.incidents[0].what == step::wait);
    CHECK(report.incidents[0].why == "its journal was damaged: whether a trigger ran just now is not known");
    CHECK(at.jobs.jobs().empty());
    CHECK(at.only().is_open());
    REQUIRE(at.log.events("journal damaged").size() == 1);
    CHECK(at.log.events("journal damaged")[0].level == event_level::error);
    CHECK(at.log.events("incident opened").size() == 1);
    at.time.advance({9'999});
    CHECK(at.handle().incidents.at(0).what == step::wait);
    at.time.advance({1});
    CHECK(at.handle().incidents.at(0).ran);
    CHECK(at.log.events("journal damaged").size() == 1);
}

// --- locks and places ---

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
    REQUIRE(at.files.make_directory("/state"));
    REQUIRE(at.files.make_directory("/state/journal"));
    SUBCASE("the service, by one who looks from time to time") {
        at.options.lock_wait = {};
        const auto held = at.files.lock("/state/journal/web.json.lock", {});
        REQUIRE(held);
        const auto report = at.handle();
        CHECK_FALSE(report.cause);
        CHECK(report.again == seconds(1));
        CHECK(at.asked.requests.empty());
        CHECK(at.said().empty());
        CHECK_FALSE(at.files.get(std::string{journal_file}));
    }
    SUBCASE("the service, by one who waits") {
        const auto held = at.files.lock("/state/journal/web.json.lock", {});
        REQUIRE(held);
        CHECK(at.handle().cause->code == errc::timed_out);
        CHECK(at.once().cause->code == errc::timed_out);
        CHECK(at.jobs.jobs().empty());
        // While one waits for the service, others go home.
        at.said();
        const auto waiting = at.files.lock("/state/journal/web.json.waiting", {});
        REQUIRE(waiting);
        CHECK_FALSE(at.handle().cause);
        CHECK(at.said() == lines{"info nothing done web critical why=another handler waits for this service already"});
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
            CHECK(report.incidents.at(0).why == "other triggers of this node run, at most 2 at once");
            CHECK(report.again == milliseconds{500});
            CHECK(at.only().attempts == 0);
            CHECK(at.jobs.jobs().empty());
        }
        at.time.advance(*at.handle().again);
        const auto one = at.files.lock("/state/journal/slot-1.lock", {});
        REQUIRE(one);
        CHECK(at.jobs.begun().size() == 1);
    }
    SUBCASE("nothing: all locks are free again afterwards") {
        at.jobs.doing([&](const job&, const process_mark&) {
            CHECK_FALSE(at.files.lock("/state/journal/web.json.lock", {}));
            CHECK_FALSE(at.files.lock("/state/journal/slot-3.lock", {}));
            CHECK(at.files.lock("/state/journal/slot-0.lock", {}));
        });
        CHECK(at.handle().incidents.at(0).ran);
        CHECK(at.files.lock("/state/journal/web.json.lock", {}));
        CHECK(at.files.lock("/state/journal/slot-3.lock", {}));
    }
}

TEST_CASE("only a service with a trigger waits for a place, and asks Consul's servers once before it does") {
    node at;
    at.options.at_once = 1;
    REQUIRE(at.files.make_directory("/state"));
    REQUIRE(at.files.make_directory("/state/journal"));
    {
        const auto taken = at.files.lock("/state/journal/slot-0.lock", {});
        REQUIRE(taken);
        const auto without = at.handle();
        CHECK_FALSE(without.cause);
        CHECK(without.incidents.at(0).why.starts_with("there is no trigger at "));
        at.trigger();
        CHECK(at.handle().cause->code == errc::timed_out);
        CHECK(at.only().held == "other triggers of this node run, at most 1 at once");
        at.asked.requests.clear();
        CHECK(at.handle().cause->code == errc::timed_out);
        CHECK(world::targets(at.asked.requests) == lines{"/v1/agent/checks"});
        CHECK(at.jobs.jobs().empty());
    }
    // What it has found before it waited is found anew.
    at.consul.put("hq", "triggers/production/web/standalone/critical", "restart it");
    at.jobs.on({"/bin/sh", "-c", "restart it"}, 0);
    CHECK(at.handle().incidents.at(0).ran);
    CHECK(at.jobs.begun().size() == 1);
}

TEST_CASE("what has changed while a trigger waited for its place counts, also where it is asked for directly") {
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
        {"the stop file", [](busy& at) { at.files.put("/stop", ""); }, "the stop file \"/stop\" is there"},
        {"the document", [](busy& at) { at.consul.put("hq", "cluster/production/web", "{}"); },
         "the cluster document cluster/production/web: "},
        {"Consul", [](busy& at) { at.consul.set_offline(true); }, "the embedded store is switched offline"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        busy at;
        at.options.stop_file = "/stop";
        at.trigger();
        at.jobs.on(restart, 0);
        at.files.while_waiting = [&] {
            each.change(at);
            at.time.advance(seconds(30));
        };
        const auto report = at.once();
        REQUIRE(report.incidents.size() == 1);
        CHECK(report.incidents[0].why.substr(0, each.why.size()) == each.why);
        CHECK(report.incidents[0].why.empty() == each.why.empty());
        CHECK(at.jobs.begun().size() == (each.why.empty() ? 1 : 0));
    }
}

// --- the service is the unit ---

TEST_CASE("three checks of a service give one incident and one attempt") {
    node at;
    at.trigger();
    for (const std::string id : {"service:web:2", "service:web:3"}) {
        at.agent_says(id, store_status::critical, "also " + id);
        at.listed.push_back(listed_check(id));
    }
    at.jobs.on(restart, 0);
    const auto report = at.handle();
    REQUIRE(report.incidents.size() == 1);
    CHECK(report.incidents[0].checks == lines{"service:web", "service:web:2", "service:web:3"});
    // Each of them passes in its own time.
    at.time.advance(seconds(5));
    at.agent_says("service:web", store_status::passing, "well");
    static_cast<void>(at.handle());
    at.time.advance(seconds(20));
    at.agent_says("service:web:2", store_status::passing, "well");
    CHECK(at.handle().incidents.at(0).checks == lines{"service:web:3"});
    at.time.advance(seconds(4));
    at.agent_says("service:web:3", store_status::passing, "well");
    CHECK(at.handle().incidents.at(0).what == step::closed);
    CHECK(at.jobs.begun().size() == 1);
    CHECK(at.only().how == closing::healed);
    CHECK(at.only().checks.size() == 3);
}

namespace {

/// The seconds at which the trigger runs within that time, looked at each second. `world` happens before each look.
template <typename Node>
auto seconds_of_runs(Node& at, std::int64_t time, const std::function<void(std::int64_t)>& world)
    -> std::vector<std::int64_t> {
    std::vector<std::int64_t> runs;
    for (std::int64_t second = 0; second < time; ++second) {
        if (world) world(second);
        const auto before = at.jobs.begun().size();
        static_cast<void>(at.handle());
        if (at.jobs.begun().size() != before) runs.push_back(second);
        at.time.advance(seconds(1));
    }
    return runs;
}

using times = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("nothing acts before the settle time, and before a look that is younger than the attempt") {
    struct row {
        std::string_view name;
        std::string_view value;
        std::function<void(node<>&, std::int64_t)> world;
        times runs;  ///< within 130 s
    };
    const auto says_at = [](std::int64_t when, store_status status, std::string_view output) {
        return [=](node<>& at, std::int64_t second) {
            if (second == when) at.agent_says("service:web", status, output);
        };
    };
    const row rows[] = {
        {"a check that says nothing new is believed after twice the time",
         "restart web",
         [](auto&, auto) {},
         {0, 60, 120}},
        {"one that says so anew, only after the time",
         "restart web",
         says_at(10, store_status::critical, "still down"),
         {0, 30, 90}},
        {"what it says at once may be older than the attempt",
         "restart web",
         says_at(1, store_status::critical, "still down"),
         {0, 60, 120}},
        {"one that says so behind the time",
         "restart web",
         says_at(45, store_status::critical, "still down"),
         {0, 45, 105}},
        {"a start of 29 seconds is none that failed", "restart web", says_at(29, store_status::passing, "up"), {0}},
        {"a trigger's own time",
         R"({"script": "restart web", "settle": "50s"})",
         says_at(10, store_status::critical, "still down"),
         {0, 50}},
        {"a trigger's own back-off",
         R"({"script": "restart web", "settle": "5s", "backoff": "40s"})",
         [](node<>& at, std::int64_t second) {
             at.agent_says("service:web", store_status::critical, "down for " + std::to_string(second));
         },
         {0, 40, 120}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        at.trigger("standalone", each.value);
        at.jobs.on(restart, 0).on({"/bin/sh"}, 0);
        CHECK(seconds_of_runs(at, 130, [&](std::int64_t second) { each.world(at, second); }) == each.runs);
    }
}

TEST_CASE("five attempts in vain, then it is given up until somebody sees to it") {
    node at;
    at.trigger();
    at.consul.put("hq", "triggers/production/web/standalone/given-up", "page");
    at.jobs.on(restart, 1).on({"/bin/sh", "-c", "page"}, 0);
    const auto world = [&](std::int64_t second) {
        if (second % 10 == 0) {
            at.agent_says("service:web", store_status::critical, "down for " + std::to_string(second));
        }
    };
    times after;
    for (const auto each : seconds_of_runs(at, 1000, world)) after.push_back(each);
    // The last one is the one that tells.
    CHECK(after == times{0, 30, 60, 100, 180, 340});
    CHECK(at.jobs.begun().back().argv.back() == "page");
    const auto told = at.log.events("gave up");
    REQUIRE(told.size() == 1);
    CHECK(told[0].level == event_level::error);
    CHECK(node<>::line(told[0]) ==
          "error gave up web critical incident=ID check=service:web attempts=5 "
          "key=triggers/production/web/standalone/critical todo=see to it by hand, then: powerconsul incidents ack "
          "web");
    CHECK(at.only().given_up);
    CHECK(at.only_ledger().given_up);
    CHECK(at.handle().incidents.at(0).what == step::given_up);
    // Neither a new check nor an incident of its own, nor an agent that was restarted, gives it another attempt.
    REQUIRE(at.consul.remove("hq", me, "web"));
    static_cast<void>(at.handle());
    at.consul.add("hq", {.service = "web", .node = std::string{me}});
    at.agent_says("new", store_status::critical, down);
    at.listed = {listed_check("new", 900, 900)};
    CHECK(seconds_of_runs(at, 100, {}).empty());

    SUBCASE("who acknowledges it") {
        auto armed = at.written();
        CHECK(rearm(armed) == 1);
        at.keep(armed);
    }
    SUBCASE("or mends the trigger") {
        at.trigger("standalone", "restart web ");
    }
    at.jobs.on({"/bin/sh", "-c", "restart web "}, 1);
    const auto runs = seconds_of_runs(at, 7, {});
    REQUIRE(runs.size() == 1);
    CHECK(at.only_ledger().attempts == 1);
    CHECK(at.last().number == 1);
}

TEST_CASE("the ledger outlives incidents, checks and handlers: a crash loop is given up") {
    for (const bool renames : {false, true}) {
        CAPTURE(renames);
        node at;
        at.trigger();
        at.consul.put("hq", "triggers/production/web/standalone/passing", "hurray");
        std::int64_t started = -1;
        std::int64_t now = 0;
        int hurrays = 0;
        at.jobs.on(restart, 0).on({"/bin/sh", "-c", "hurray"}, 0).doing([&](const job& what, const process_mark&) {
            if (what.argv.back() == "hurray") {
                ++hurrays;
            } else {
                started = now;
            }
        });
        std::string id = "service:web";
        times runs;
        const auto all = seconds_of_runs(at, 900, [&](std::int64_t second) {
            now = second;
            // Up two seconds after its start, and dead again four seconds later.
            const bool up = started >= 0 && second >= started + 2 && second < started + 6;
            if (started >= 0 && second == started + 6 && renames) {
                REQUIRE(at.consul.erase_check("hq", me, id));
                id = "check-" + std::to_string(second);
                at.listed = {listed_check(id, static_cast<std::uint64_t>(second), static_cast<std::uint64_t>(second))};
            }
            at.agent_says(id, up ? store_status::passing : store_status::critical, up ? "up" : down);
        });
        for (const auto each : all) {
            if (std::ranges::find(runs, each) == runs.end()) runs.push_back(each);
        }
        std::size_t restarts = 0;
        for (const auto& each : at.jobs.begun()) restarts += each.argv.back() == "restart web" ? 1 : 0;
        CHECK(restarts == 5);
        CHECK(hurrays == 5);
        CHECK(at.log.events("gave up").size() == 1);
        CHECK(at.only_ledger().attempts == 5);
        for (const auto& each : at.written().attempts) {
            if (!each.informs) CHECK(each.result == healing::healed);
        }
    }
}

TEST_CASE("a service that has been well for long enough begins anew, whether or not anybody looked meanwhile") {
    for (const bool looked : {true, false}) {
        CAPTURE(looked);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        for (int day = 0; day < 7; ++day) {
            at.agent_says("service:web", store_status::critical, "down on day " + std::to_string(day));
            at.listed[0].modify_index += 10;
            CHECK(at.handle().incidents.at(0).ran);
            CHECK(at.last().number == 1);
            at.time.advance(seconds(3));
            at.agent_says("service:web", store_status::passing, "up");
            static_cast<void>(at.handle());
            at.time.advance(seconds(24 * 3600));
            if (looked) static_cast<void>(at.handle());
        }
        CHECK(at.log.events("gave up").empty());
    }
}

TEST_CASE("start and stop have ledgers of their own") {
    node at;
    at.consul.put("hq", "cluster/production/web",
                  R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})");
    at.trigger("secondary", "stop web");
    at.trigger("primary", "start web");
    const auto says = [&](store_status status, bool expects) {
        at.agent_says("service:web", status,
                      std::string{R"({"type":"service","service":"web","expects":)"} + (expects ? "true" : "false") +
                          R"(,"clustered":true,"state":"critical","code":2,"role":"secondary","reason":"it )" +
                          std::to_string(at.time.wall().count) + R"(","basis":"fresh"})");
    };
    const std::vector<std::string> stop{"/bin/sh", "-c", "stop web"};
    const std::vector<std::string> start{"/bin/sh", "-c", "start web"};
    at.jobs.on(stop, 0).on(start, 0);
    for (int flip = 0; flip < 3; ++flip) {
        CAPTURE(flip);
        // The active serves: what runs here is to be stopped.
        REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::passing));
        says(store_status::critical, false);
        static_cast<void>(at.handle());
        at.time.advance(seconds(1));
        says(store_status::passing, false);
        static_cast<void>(at.handle());
        at.time.advance(seconds(1));
        // It fails, and this node takes over: no stop that was just now holds the start up.
        REQUIRE(at.consul.set_check("hq", other, "service:web", store_status::critical));
        says(store_status::critical, true);
        const auto report = at.handle();
        CHECK(report.incidents.at(0).ran);
        at.time.advance(seconds(1));
        says(store_status::passing, true);
        static_cast<void>(at.handle());
        at.time.advance(seconds(20));
    }
    const auto written = at.written();
    REQUIRE(written.ledgers.size() == 2);
    for (const auto& each : written.ledgers) CHECK_FALSE(each.given_up);
}

TEST_CASE("what informs runs once: that it was given up, and that it healed") {
    node at;
    at.options.retry.attempts = 1;
    at.trigger();
    at.consul.put("hq", "triggers/production/web/standalone/given-up", "page $POWERCONSUL_STATE");
    at.consul.put("hq", "triggers/web/standalone/passing", "hurray");
    const auto ran = [&] {
        lines all;
        for (const auto& each : at.jobs.begun()) all.push_back(each.argv.back());
        return all;
    };
    at.jobs.on(restart, 0).on({"/bin/sh", "-c", "page $POWERCONSUL_STATE"}, 3).on({"/bin/sh", "-c", "hurray"}, 0);
    CHECK(seconds_of_runs(at, 200, {}) == times{0, 60});
    CHECK(ran() == lines{"restart web", "page $POWERCONSUL_STATE"});
    const auto given_up = at.jobs.begun().back().environment;
    CHECK(std::ranges::count(given_up, "POWERCONSUL_STATE=given-up") == 1);
    CHECK(std::ranges::count(given_up, "POWERCONSUL_ATTEMPT=1") == 1);
    at.agent_says("service:web", store_status::passing, "well");
    CHECK(seconds_of_runs(at, 200, {}) == times{0});
    CHECK(ran() == lines{"restart web", "page $POWERCONSUL_STATE", "hurray"});
    const auto passing = at.jobs.begun().back().environment;
    CHECK(std::ranges::count(passing, "POWERCONSUL_STATE=passing") == 1);
    // They are no attempts.
    CHECK(at.only_ledger().attempts == 1);
    CHECK(at.only().attempts == 1);
}

TEST_CASE("what informs does not run for what ended by itself, was deregistered, or is held") {
    struct row {
        std::string_view name;
        std::function<void(node<>&)> change;
    };
    const row rows[] = {
        {"never tried", [](node<>& at) { at.consul.erase("hq", trigger_key); }},
        {"stopped", [](node<>& at) { at.files.put("/stop", ""); }},
        {"paused",
         [](node<>& at) { at.consul.put("hq", "pauses/production/web", pause_text_until(at.time.wall(), 3600)); }},
        {"maintenance",
         [](node<>& at) { REQUIRE(at.consul.set_check("hq", me, "_node_maintenance", store_status::critical)); }},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        node at;
        at.options.stop_file = "/stop";
        at.trigger();
        at.consul.put("hq", "triggers/production/web/standalone/passing", "hurray");
        at.jobs.on(restart, 0);
        if (each.name == "never tried") each.change(at);
        static_cast<void>(at.handle());
        each.change(at);
        at.agent_says("service:web", store_status::passing, "well");
        static_cast<void>(at.handle());
        const auto before = at.jobs.jobs().size();
        CHECK(before == (each.name == "never tried" ? 0 : 1));
        CHECK(at.only().owed == notice::none);
        at.files.erase("/stop");
        at.consul.erase("hq", "pauses/production/web");
        static_cast<void>(at.consul.erase_check("hq", me, "_node_maintenance"));
        at.time.advance(seconds(60));
        static_cast<void>(at.handle());
        CHECK(at.jobs.jobs().size() == before);
    }
}

TEST_CASE("news that could not be told at once is told later, but not once it is wrong") {
    for (const bool falls : {false, true}) {
        CAPTURE(falls);
        node at;
        at.trigger();
        at.consul.put("hq", "triggers/production/web/standalone/passing", "hurray");
        at.jobs.on(restart, 0).on({"/bin/sh", "-c", "hurray"}, 0);
        static_cast<void>(at.handle());
        at.agent_says("service:web", store_status::passing, "well");
        at.consul.respond_with("/v1/kv/triggers", 500, "No cluster leader");
        const auto report = at.handle();
        CHECK(report.again);
        CHECK(at.jobs.begun().size() == 1);
        at.consul.respond_normally();
        at.time.advance(seconds(30));
        if (falls) {
            at.agent_says("service:web", store_status::critical, "down again");
            at.listed[0].modify_index += 10;
        }
        static_cast<void>(at.handle());
        REQUIRE(at.jobs.begun().size() == 2);
        CHECK(at.jobs.begun().back().argv.back() == (falls ? "restart web" : "hurray"));
    }
}

TEST_CASE("what informs takes one of the node's places, too") {
    node at;
    at.options.at_once = 1;
    at.options.lock_wait = {};
    at.options.retry.attempts = 1;
    at.trigger();
    at.consul.put("hq", "triggers/production/web/standalone/given-up", "page");
    at.jobs.on(restart, 0).on({"/bin/sh", "-c", "page"}, 0);
    static_cast<void>(at.handle());
    {
        at.time.advance(seconds(59));
        static_cast<void>(at.handle());
        at.time.advance(seconds(1));
        const auto& begun = at.jobs.begun();
        CHECK(begun.size() == 1);
        static_cast<void>(at.handle());
        REQUIRE(at.jobs.begun().size() == 2);
        CHECK(at.jobs.begun().back().argv.back() == "page");
    }
    node busy;
    busy.options = at.options;
    busy.trigger();
    busy.consul.put("hq", "triggers/production/web/standalone/passing", "hurray");
    busy.jobs.on(restart, 0).on({"/bin/sh", "-c", "hurray"}, 0);
    static_cast<void>(busy.handle());
    busy.agent_says("service:web", store_status::passing, "well");
    {
        const auto place = busy.files.lock("/state/journal/slot-0.lock", {});
        REQUIRE(place);
        CHECK(busy.handle().again);
        CHECK(busy.jobs.begun().size() == 1);
    }
    static_cast<void>(busy.handle());
    CHECK(busy.jobs.begun().size() == 2);
}

// --- looking at the service itself ---

namespace {

/// A whole machine, whose service apache2 a check of ours looks at.
struct whole_node : node<> {
    testing::fake_executor programs{};
    testing::fake_units units{};
    testing::memory_accounts users{};
    testing::fake_network network{};
    testing::fake_network web{};
    sequential_runner tasks{};
    std::string name{me};

    whole_node() {
        options.manager = service_manager::systemd;
        trigger();
        jobs.on(restart, 0);
        says(store_status::critical, true);
        unit("inactive", "dead");
    }
    void says(store_status status, bool expects, std::string_view more = {}) {
        agent_says("service:web", status,
                   std::string{R"({"type":"service","service":"apache2","expects":)"} + (expects ? "true" : "false") +
                       R"(,"clustered":false,"state":")" + (status == store_status::passing ? "passing" : "critical") +
                       R"(","code":2,"role":"standalone","reason":"apache2)" + std::string{more} +
                       R"(","basis":"fresh"})");
    }
    void unit(std::string active, std::string sub) {
        units = {};
        units.on(
            "apache2.service",
            unit_state{.load = "loaded", .active = std::move(active), .sub = std::move(sub), .id = "apache2.service"});
    }
    void runs() { unit("active", "running"); }
    void dies() { unit("failed", "failed"); }
    auto handle() -> handled_service {
        return service_handler{asked, *this, "/state", {.who = {.host = std::string{me}}, .wait = at_once}, options}
            .handle("web", listed);
    }
};
static_assert(host<whole_node>);

}  // namespace

TEST_CASE("a service that is seen to run is healed at once, and left alone while its check still says otherwise") {
    whole_node at;
    at.jobs.doing([&](const job&, const process_mark&) { at.runs(); });
    CHECK(seconds_of_runs(at, 300, {}) == times{0});
    CHECK(at.last().result == healing::healed);
    CHECK(at.last().settled - at.last().ended == seconds(1));
    CHECK(at.log.events("healed").size() == 1);
    CHECK(at.only().is_open());
    at.says(store_status::passing, true);
    CHECK(at.handle().incidents.at(0).what == step::closed);
    CHECK(at.only().how == closing::healed);
}

TEST_CASE("a slow start is seen through to its end, and not restarted") {
    whole_node at;
    at.trigger("standalone", R"({"command": ["/bin/sh", "-c", "restart web"], "settle": "1m"})");
    CHECK(seconds_of_runs(at, 200, [&](std::int64_t second) {
              if (second == 45) at.runs();
              if (second % 10 == 0 && second < 50) {
                  at.says(store_status::critical, true, " starts for " + std::to_string(second));
              }
          }) == times{0});
    CHECK(at.last().settled - at.last().ended == seconds(45));
}

TEST_CASE("a service that falls again has failed again, and gets an attempt after back-off and settle time") {
    struct row {
        std::int64_t falls;
        std::string_view settle;
        times runs;
    };
    for (const auto& each : {row{6, "30s", {0, 30}}, row{40, "30s", {0, 40}}, row{6, "2s", {0, 10}}}) {
        CAPTURE(each.falls);
        CAPTURE(each.settle);
        whole_node at;
        at.trigger("standalone",
                   R"({"command": ["/bin/sh", "-c", "restart web"], "settle": ")" + std::string{each.settle} + "\"}");
        at.jobs.doing([&](const job&, const process_mark&) { at.runs(); });
        CHECK(seconds_of_runs(at, 200, [&](std::int64_t second) {
                  if (second == each.falls) at.dies();
              }) == each.runs);
        CHECK(at.only_ledger().attempts == 2);
    }
}

TEST_CASE("a service that does not run when its time is over has not healed") {
    whole_node at;
    CHECK(seconds_of_runs(at, 100, {}) == times{0, 30, 60});
    CHECK(at.written().attempts.at(0).result == healing::not_healed);
}

TEST_CASE("a degraded service is neither healed nor failed by our look alone") {
    whole_node at;
    at.jobs.doing([&](const job&, const process_mark&) { at.unit("activating", "auto-restart"); });
    // Its check, which may ignore what the look does not know of, has the word.
    CHECK(seconds_of_runs(at, 59, {}) == times{0});
    CHECK(at.only().attempts == 1);
}

TEST_CASE("a service that should not run is healed when it is stopped, unless its check insists") {
    whole_node at;
    at.consul.put("hq", "cluster/production/web", standby);
    at.trigger("secondary");
    at.says(store_status::critical, false);
    at.runs();
    at.jobs.doing([&](const job&, const process_mark&) { at.unit("inactive", "dead"); });
    CHECK(seconds_of_runs(at, 100, {}) == times{0, 60});
    CHECK(at.written().attempts.at(0).result == healing::healed);
}

TEST_CASE("of several checks each is looked at for itself, and one of another program leaves it open") {
    whole_node at;
    at.jobs.doing([&](const job&, const process_mark&) { at.runs(); });
    at.agent_says("other", store_status::critical, "HTTP 503");
    at.listed.push_back(listed_check("other"));
    CHECK(seconds_of_runs(at, 100, {}) == times{0, 60});
    CHECK(at.written().attempts.at(0).result == healing::not_healed);
}

// --- asked for directly ---

TEST_CASE("asked for directly, a trigger runs in spite of back-off and of what was given up") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    CHECK(at.once().incidents.at(0).ran);
    CHECK(at.only().is_open());
    for (std::uint32_t i = 2; i <= 7; ++i) {
        CHECK(at.once().incidents.at(0).ran);
        CHECK(at.only().attempts == i);
    }
    // What a person has run needs its time to settle, and takes none of the trigger's attempts.
    CHECK(at.written().ledgers.empty());
    CHECK(seconds_of_runs(at, 400, {}) == times{60, 120, 180, 240, 320});
    at.time.advance(seconds(1000));
    CHECK(at.handle().incidents.at(0).what == step::gave_up);
    CHECK(at.once().incidents.at(0).ran);
    CHECK(at.only_ledger().given_up);
    at.time.advance(seconds(61));
    CHECK(at.handle().incidents.at(0).what == step::given_up);
    CHECK(at.log.events("gave up").size() == 1);
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
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        row.change(at);
        const auto report = at.once();
        CHECK_FALSE(report.cause);
        CHECK(report.incidents.at(0).ran);
        CHECK_FALSE(at.only().is_open());
        CHECK(at.only().attempts == 1);
        CHECK(at.only().id == report.incidents[0].incident);
        // At the same time of the clock once more.
        CHECK(at.once().incidents.at(0).ran);
        CHECK(at.written().incidents.size() == 2);
    }
}

TEST_CASE("asked for directly, a trigger belongs to the service's open incident of that state, and to no other") {
    struct row {
        std::string_view name;
        void (*change)(incident&);
        std::size_t incidents;
    };
    for (const auto& row : {
             row{"the same", [](incident&) {}, 1},
             row{"another check's", [](incident& one) { one.checks[0].check_id = "service:web:2"; }, 1},
             row{"closed", [](incident& one) { one.closed = one.opened; }, 2},
             row{"another state", [](incident& one) { one.state = bad_state::warning; }, 2},
         }) {
        CAPTURE(row.name);
        node at;
        at.trigger();
        at.jobs.on(restart, 0);
        crash(at);
        auto before = at.written();
        before.attempts[0].result = healing::ended;
        before.attempts[0].ended = before.attempts[0].began;
        row.change(before.incidents[0]);
        at.keep(before);
        CHECK(at.once().incidents.at(0).ran);
        const auto after = at.written();
        REQUIRE(after.incidents.size() == row.incidents);
        CHECK(after.incidents.back().attempts == (row.incidents == 1 ? 2U : 1U));
        CHECK(at.only_ledger().attempts == 1);
        if (row.incidents == 1) continue;
        CHECK(after.incidents[0] == before.incidents[0]);
        const incident& made = after.incidents[1];
        CHECK(made.state == bad_state::critical);
        CHECK(made.node == me);
        CHECK(made.checks.at(0).check_id == "service:web");
        CHECK(made.opened == at.time.wall());
    }
}

TEST_CASE("asked for directly in the other state, that is the incident's") {
    node at;
    at.consul.put("hq", "triggers/production/web/standalone/warning", "restart web");
    at.jobs.on(restart, 0);
    at.options.state = bad_state::warning;
    CHECK(at.once().incidents.at(0).ran);
    CHECK(at.only().state == bad_state::warning);
    CHECK(at.only().opened == at.time.wall());
}

TEST_CASE("what is asked for directly does not close an incident that a watch has opened") {
    node at;
    at.trigger();
    at.jobs.on(restart, 1);
    static_cast<void>(at.handle());
    at.agent_says("service:web", store_status::critical, "UNKNOWN - web cannot be judged: no answer");
    CHECK(at.once().incidents.at(0).ran);
    CHECK(at.only().is_open());
    CHECK(at.only().attempts == 2);
}

TEST_CASE("asked for directly, what keeps a trigger from running is reported and not written") {
    node at;
    at.options.noop_triggers = {"web"};
    const auto report = at.once();
    CHECK(report.incidents.at(0).why == "the configuration's noopTriggers name it");
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    at.options.noop_triggers.clear();
    CHECK(at.once().incidents.at(0).why ==
          "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical");
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    at.agent_says("service:web", store_status::passing, "well");
    CHECK(at.once().incidents.at(0).why ==
          "there is no trigger at triggers/production/web/standalone/critical or triggers/web/standalone/critical");
    CHECK_FALSE(at.files.get(std::string{journal_file}));
    at.consul.set_offline(true);
    CHECK(at.once().cause->code == errc::unavailable);
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
    const handled_incident nothing;
    CHECK(nothing.what == step::wait);
    CHECK(nothing.own == role::unknown);
    CHECK(nothing.as == role::unknown);
}

}  // namespace report
