// The table of truth_table.hpp for every kind of check that is shipped, each as it is run on a host: a standby is a
// standby whatever is looked at.
#include <powerconsul/checks/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <powerconsul/checks/kinds/all.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../truth_table.hpp"

using namespace powerconsul;
using truth::rows;

namespace {

/// A machine in memory on which everything is as `state` says.
struct machine : testing::fake_host<store> {
    machine(const truth::row& row, observation state) : testing::fake_host<store>{.consul = truth::consul_of(row)} {
        name = "production-web3";
        users.add_user("bob", 1000).add_group("crontab", 105).add_group("users", 100);
        service("/etc/init.d/web", state);
        service("/etc/init.d/other", state);
        crontab(state);
        plugin(state);
        processes(state);
        ports(state);
    }

    void ports(observation state) {
        using enum observation;
        const result<dialed> silent = fail(errc::timed_out, "no answer");
        network.on("localhost", 80, state == unknown ? silent : state == stopped ? dialed::refused : dialed::accepted);
        web.on("http://localhost:80/health", state == degraded ? 503 : 200);
    }

    void service(const std::string& script, observation state) {
        using enum observation;
        files.put(script, "#!/bin/sh", {.kind = file_kind::regular, .mode = 0755});
        const bool part = state == degraded;
        const int status = state == running || part ? 0 : state == stopped ? 3 : 4;
        programs.on({script, "status"}, status, part ? "one is running, the other is stopped" : "said");
    }

    void crontab(observation state) {
        const std::string path = "/var/spool/cron/crontabs/bob";
        files.put("/var/spool/cron/crontabs/alice", "@daily true\n");
        if (state == observation::stopped) return;
        files.put(path, "@daily true\n",
                  {.kind = file_kind::regular,
                   .mode = 0600,
                   .uid = 1000,
                   .gid = state == observation::degraded ? 100U : 105U});
        if (state == observation::unknown) files.fail_on(path, {errc::io, "permission denied"});
    }

    void plugin(observation state) {
        using enum observation;
        const int status = state == running ? 0 : state == degraded ? 1 : state == stopped ? 2 : 3;
        const std::string out = std::string{"PROCS: said | procs="} + (state == stopped ? "0" : "1");
        programs.on({"/plugins/check_procs", "-v", "-v", "-C", "worker"}, status, out);
        programs.on({"/plugins/check_procs", "-C", "worker"}, status, out);
    }

    void processes(observation state) {
        process(1, "init", 0);
        process(100, "powerconsul", 1);
        files.put("/proc/self/stat", stat(100, "powerconsul", 1));
        if (state == observation::stopped) return;
        process(200, "worker", 1);
        if (state != observation::degraded) process(201, "worker", 1);
        if (state == observation::unknown) files.fail_on("/proc/1/stat", {errc::io, "permission denied"});
    }

    static auto stat(int pid, std::string_view name, int parent) -> std::string {
        return std::to_string(pid) + " (" + std::string{name} + ") S " + std::to_string(parent) +
               " 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 " + std::to_string(pid) + " 0 0\n";
    }
    void process(int pid, std::string_view called, int parent) {
        const std::string folder = "/proc/" + std::to_string(pid);
        files.put(folder + "/stat", stat(pid, called, parent));
        files.put(folder + "/cmdline", std::string{called} + '\0');
    }
};

/// What each kind looks at on such a machine.
template <typename Kind>
auto subjects() -> std::vector<Kind> {
    if constexpr (std::is_same_v<Kind, checks::service>) return {{.name = "web"}};
    if constexpr (std::is_same_v<Kind, checks::servicegroup>) return {{.names = "web, other"}};
    if constexpr (std::is_same_v<Kind, checks::crontab>) return {{.user = "bob"}};
    if constexpr (std::is_same_v<Kind, checks::process>) {
        return {{.arguments = "-C worker", .plugin = "/plugins/check_procs"}, {.name = "worker", .count = "2:"}};
    }
    if constexpr (std::is_same_v<Kind, checks::tcp>) return {{.port = "80"}};
    if constexpr (std::is_same_v<Kind, checks::http>) return {{.url = "http://localhost/health"}};
}

const checks::run_options on_sysv{
    .roles = {.wait = {{0}, {0}, {0}}}, .state_dir = "/state", .manager = service_manager::sysv};

template <typename Kind>
void follow_the_table(const Kind& kind, const checks::run_options& how) {
    for (const auto& each : rows) {
        for (int i = 0; i < 4; ++i) {
            CAPTURE(Kind::words.name);
            CAPTURE(each.name);
            CAPTURE(to_string(truth::seen[i]));
            // A port accepts or it does not.
            if (std::is_same_v<Kind, checks::tcp> && truth::seen[i] == observation::degraded) continue;
            machine here{each, truth::seen[i]};
            const auto report = checks::run(here, kind, "web", how);
            CAPTURE(report.why);
            CHECK(report.state == each.states[i]);
            CHECK(exit_status(report.state) == each.codes[i]);
            CHECK(report.expects == each.expects);
            CHECK(report.subject.kind == Kind::words.name);
        }
    }
}

}  // namespace

TEST_CASE("every kind of check follows the table") {
    (void)checks::all_kinds::each([]<typename Kind>(std::type_identity<Kind>) {
        const auto all = subjects<Kind>();
        REQUIRE_FALSE(all.empty());
        for (const auto& kind : all) follow_the_table(kind, on_sysv);
        return 0;
    });
}

TEST_CASE("work that is looked for and not there changes nothing, work that is found counts as running") {
    for (const auto& each : rows) {
        for (const std::string text : {"no such work", "worker"}) {
            for (const auto state : {observation::running, observation::degraded, observation::stopped}) {
                auto how = on_sysv;
                how.work.text = text;
                machine here{each, state};
                machine group{each, state};
                const auto one = checks::run(here, checks::service{.name = "web"}, "web", how);
                const auto several = checks::run(group, checks::servicegroup{.names = "web,other"}, "web", how);
                const bool found = text == "worker" && state != observation::stopped;
                const int column = found || state == observation::running ? 0 : state == observation::degraded ? 1 : 2;
                CAPTURE(each.name);
                CAPTURE(text);
                CAPTURE(to_string(state));
                CAPTURE(one.why);
                CHECK(one.state == each.states[column]);
                CHECK(several.state == each.states[column]);
                if (found && one.own != role::unknown) CHECK(one.why.find("200") != std::string::npos);
            }
        }
    }
}

TEST_CASE("what cannot be looked at is an error for those who ask, and a report of state unknown for the others") {
    machine here{rows[0], observation::running};
    const checks::service nameless{};
    const auto refused = checks::judge(here, nameless, "web", on_sysv);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::usage);
    const auto report = checks::run(here, nameless, "web", on_sysv);
    CHECK(report.state == verdict::unknown);
    CHECK(report.why == refused.error().message);
    CHECK(checks::judge(here, checks::service{.name = "web"}, "a/b", on_sysv).error().code == errc::usage);
    CHECK(checks::run(here, checks::service{.name = "web"}, "a/b", on_sysv).state == verdict::unknown);
}

TEST_CASE("a noop file passes whatever is expected, and nothing is looked at") {
    auto how = on_sysv;
    how.noop.path = "/run/noop";
    machine here{rows[0], observation::stopped};
    here.files.put("/run/noop", "");
    const auto report = checks::run(here, checks::service{.name = "web"}, "web", how);
    CHECK(report.state == verdict::passing);
    CHECK(here.programs.commands().empty());
}

TEST_CASE("the plugin's path and line, and a crontab's pattern, are members of the JSON line") {
    machine here{rows[0], observation::running};
    const auto plugin =
        checks::run(here, checks::process{.arguments = "-C worker", .plugin = "/plugins/check_procs"}, "web", on_sysv);
    CHECK(plugin.details ==
          report_details{{"nagiosScript", "/plugins/check_procs"}, {"nagiosOutput", "PROCS: said | procs=1"}});
    const auto table = checks::run(here, checks::crontab{.user = "bob", .pattern = "true"}, "web", on_sysv);
    CHECK(table.details == report_details{{"pattern", "true"}});
}

TEST_CASE("a crontab's line says as error what is wrong, as the original's does") {
    struct row {
        std::string_view name;
        std::string_view as;  ///< the row of the truth table
        observation there;
        std::string pattern;
        verdict state;
        report_details details;
    };
    using enum observation;
    const std::string path = "/var/spool/cron/crontabs/bob";
    const std::string gone = "there is no crontab " + path;
    const auto none = std::nullopt;
    const row table[] = {
        {"as expected", "primary, serving", running, "", verdict::passing, {{"pattern", none}}},
        {"as expected, with a pattern", "primary, serving", running, "true", verdict::passing, {{"pattern", "true"}}},
        {"missing", "primary, serving", stopped, "", verdict::critical, {{"pattern", none}, {"error", gone}}},
        {"without the pattern",
         "primary, serving",
         running,
         "rotate",
         verdict::critical,
         {{"pattern", "rotate"}, {"error", path + ": no line of it contains \"rotate\""}}},
        {"of another group",
         "primary, serving",
         degraded,
         "",
         verdict::warning,
         {{"pattern", none}, {"error", path + ": it is owned by bob:users, expected bob:crontab"}}},
        {"not to be read", "primary, serving", observation::unknown, "", verdict::unknown, {{"pattern", none}}},
        {"a standby's, missing", "secondary, serving", stopped, "", verdict::passing, {{"pattern", none}}},
        {"a standby's, in place",
         "secondary, serving",
         running,
         "",
         verdict::critical,
         {{"pattern", none}, {"error", path + " is in place"}}},
        {"without a role", "no role, serving", running, "", verdict::unknown, {{"pattern", none}}},
    };
    for (const auto& each : table) {
        CAPTURE(each.name);
        machine here{*std::ranges::find(rows, each.as, &truth::row::name), each.there};
        const auto report = checks::run(here, checks::crontab{.user = "bob", .pattern = each.pattern}, "web", on_sysv);
        CAPTURE(reason(report));
        CHECK(report.state == each.state);
        CHECK(report.details == each.details);
    }
    machine here{rows[0], running};
    const auto of_system = checks::run(here, checks::crontab{.user = "bob", .system = true}, "web", on_sysv);
    REQUIRE(of_system.details.size() >= 2);
    CHECK(of_system.details[0] == report_details::value_type{"pattern", none});
    CHECK(of_system.details[1] == report_details::value_type{"user", "bob"});
    const auto processes = checks::run(
        here, checks::crontab{.instead = {.arguments = "-C worker", .plugin = "/plugins/check_procs"}}, "web", on_sysv);
    CHECK(processes.details.front().first == "nagiosScript");
}

TEST_CASE("in maintenance whatever runs is as it should be, and what cannot be seen is not") {
    struct row {
        std::string_view name;
        std::string_view check;  ///< of this node's agent; empty: none
        std::string_view why;    ///< empty: it is not in maintenance
    };
    const row holds[] = {
        {"none", "", ""},
        {"the node", "_node_maintenance", "node production-web3 is in maintenance"},
        {"the service", "_service_maintenance:web", "service web is in maintenance"},
        {"another service", "_service_maintenance:other", ""},
    };
    for (const auto& each : rows) {
        for (const auto& held : holds) {
            for (int i = 0; i < 4; ++i) {
                CAPTURE(each.name);
                CAPTURE(held.name);
                CAPTURE(to_string(truth::seen[i]));
                machine here{each, truth::seen[i]};
                here.consul.add("hq", {.service = "other", .node = "production-web3"});
                if (!held.check.empty()) {
                    REQUIRE(here.consul.set_check("hq", "production-web3", held.check, store_status::critical));
                }
                const auto one = checks::run(here, checks::service{.name = "web"}, "web", on_sysv);
                const auto two = checks::run(here, checks::servicegroup{.names = "web,other"}, "web", on_sysv);
                const bool in_maintenance = !held.why.empty() && one.own != role::unknown;
                const bool seen = truth::seen[i] != observation::unknown;
                for (const auto* const report : {&one, &two}) {
                    CAPTURE(report->why);
                    CHECK(report->state == (in_maintenance && seen ? verdict::passing : each.states[i]));
                    // That it passes anyhow is not worth a question.
                    const bool told = report->why.find(held.why) != std::string::npos && !held.why.empty();
                    CHECK(told == (in_maintenance && each.states[i] != verdict::passing));
                    CHECK(report->expects == (told ? expectation::either : each.expects));
                }
                if (in_maintenance && each.states[i] == verdict::critical) {
                    CHECK(sentence(one).ends_with(" accepts that"));
                }
                auto how = on_sysv;
                how.serving = true;
                const auto serves = checks::run(here, checks::service{.name = "web"}, "web", how);
                const bool elsewhere = in_maintenance || each.expects == expectation::stopped;
                CHECK(serves.state == (elsewhere ? verdict::critical : each.states[i]));
                CHECK(serves.serving);
                if (in_maintenance)
                    CHECK((serves.why.find(held.why) != std::string::npos) ==
                          (each.expects != expectation::stopped && each.states[i] != verdict::critical));
            }
        }
    }
}

TEST_CASE("an instance that is not in maintenance keeps its service out of it") {
    const auto of = [](std::string id, std::string service, std::string instance) {
        snapshot_check made;
        made.node = "n";
        made.check_id = std::move(id);
        made.status = "critical";
        made.service_name = std::move(service);
        made.service_id = std::move(instance);
        return made;
    };
    const auto held = of("_service_maintenance:web", "web", "web");
    const auto own = of("service:web", "web", "web");
    const auto second = of("service:web2", "web", "web2");
    CHECK(maintenance_of({own, held}, "web") == "service web is in maintenance");
    CHECK_FALSE(maintenance_of({own, held, second}, "web"));
    CHECK(maintenance_of({own, held, second, of("_service_maintenance:web2", "web", "web2")}, "web"));
    CHECK_FALSE(maintenance_of({own, held}, "other"));
    CHECK_FALSE(maintenance_of({}, "web"));
    CHECK(maintenance_of({second, of("_node_maintenance", "", "")}, "web") == "node n is in maintenance");
}

TEST_CASE("an agent that does not tell of maintenance says neither that there is some nor that there is none") {
    machine here{rows[0], observation::stopped};
    const auto told = find_maintenance(here, "web", seconds(1));
    REQUIRE(told);
    CHECK_FALSE(*told);
    here.consul.respond_with("/v1/agent/checks", 500, "");
    const auto untold = find_maintenance(here, "web", seconds(1));
    REQUIRE_FALSE(untold);
    CHECK(untold.error().code == errc::unavailable);
    // The verdict on what was seen stands: who acts on it asks by himself.
    CHECK(checks::run(here, checks::service{.name = "web"}, "web", on_sysv).state == verdict::critical);
}

namespace {

/// A runner that runs the tasks of a pair in the other order, as threads may.
struct backwards : sequential_runner {
    template <typename Task>
    void run(std::size_t count, Task&& task) {
        for (std::size_t i = count; i > 0; --i) task(i - 1);
    }
};

struct machine_with_threads : machine {
    using machine::machine;
    backwards tasks{};
};

}  // namespace

TEST_CASE("a look that does not wait for Consul gives the same verdict") {
    for (const auto& each : rows) {
        for (int i = 0; i < 4; ++i) {
            CAPTURE(each.name);
            CAPTURE(to_string(truth::seen[i]));
            machine_with_threads here{each, truth::seen[i]};
            CHECK(checks::run(here, checks::service{.name = "web"}, "web", on_sysv).state == each.states[i]);
            CHECK(here.programs.commands().size() == 1);
            machine_with_threads group{each, truth::seen[i]};
            CHECK(checks::run(group, checks::servicegroup{.names = "web, other"}, "web", on_sysv).state ==
                  each.states[i]);
            // The plugin is judged by what the role expects: it waits.
            machine_with_threads plugin{each, truth::seen[i]};
            const checks::process worker{.arguments = "-C worker", .plugin = "/plugins/check_procs"};
            CHECK(checks::run(plugin, worker, "web", on_sysv).state == each.states[i]);
        }
    }
}

TEST_CASE("nothing is looked at beside Consul that a noop file or --serving makes needless") {
    machine_with_threads held{rows[0], observation::running};
    held.files.put("/run/noop", "");
    auto how = on_sysv;
    how.noop.path = "/run/noop";
    CHECK(checks::run(held, checks::service{.name = "web"}, "web", how).state == verdict::passing);
    CHECK(held.programs.commands().empty());
    for (const auto& each : rows) {
        if (each.expects != expectation::stopped) continue;
        machine_with_threads standby{each, observation::stopped};
        auto serving = on_sysv;
        serving.serving = true;
        CHECK(checks::run(standby, checks::service{.name = "web"}, "web", serving).state == verdict::critical);
        CHECK(standby.programs.commands().empty());
    }
}

TEST_CASE("who can remember nothing believes any server as long as it passes") {
    struct row {
        std::string_view name;
        std::string_view document;
        observation seen;
        verdict state;
        bool asks_leader;
    };
    constexpr std::string_view active = R"({"active_nodes":["production-web3"],"standby_nodes":["production-web1"]})";
    constexpr std::string_view standby = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
    const row cases[] = {
        {"an active that runs", active, observation::running, verdict::passing, false},
        {"an active that is down", active, observation::stopped, verdict::critical, true},
        {"a standby that is stopped", standby, observation::stopped, verdict::passing, false},
        {"a standby that runs", standby, observation::running, verdict::critical, true},
        {"no document", "", observation::running, verdict::passing, true},
        {"a document that says nothing", "{}", observation::running, verdict::unknown, true},
    };
    for (const auto& each : cases) {
        for (const bool remembers : {false, true}) {
            CAPTURE(each.name);
            CAPTURE(remembers);
            machine here{rows[0], each.seen};
            here.consul = store{{.node = "production-web3", .datacenter = "hq"}};
            for (const char* const node : {"production-web1", "production-web3"}) {
                here.consul.add("hq", {.service = "web", .node = node, .checks = {{"service:web", {}}}});
            }
            if (!each.document.empty()) here.consul.put("hq", "cluster/production/web", each.document);
            if (!remembers) here.files.fail_on("/state", {errc::denied, "permission denied"});
            struct recorded {
                store& consul;
                std::vector<std::string> targets{};
                auto perform(const http_request& request) -> result<http_response> {
                    targets.push_back(request.target);
                    return consul.perform(request);
                }
            } asked{here.consul};
            // The first time everything is read from the leader, where it can be remembered.
            testing::fake_host<recorded&> there{.consul = asked};
            there.files = here.files;
            there.programs = here.programs;
            there.name = "production-web3";
            const auto check = [&] { return checks::run(there, checks::service{.name = "web"}, "web", on_sysv); };
            CHECK(check().state == each.state);
            asked.targets.clear();
            CHECK(check().state == each.state);
            const bool confirmed = std::ranges::any_of(
                asked.targets, [](const auto& target) { return target.find("?consistent") != std::string::npos; });
            if (!remembers) CHECK(confirmed == each.asks_leader);
            if (remembers && each.state != verdict::unknown) CHECK_FALSE(confirmed);
        }
    }
}

TEST_CASE("who can remember nothing asks again where any server is behind, and tells only what was seen then") {
    // A server that is behind knows this node by its other role.
    struct behind {
        store consul;
        store old;
        auto perform(const http_request& request) -> result<http_response> {
            const bool of_document = request.target.starts_with("/v1/kv/cluster/");
            return of_document && request.target.ends_with("?stale") ? old.perform(request) : consul.perform(request);
        }
    };
    constexpr std::string_view active = R"({"active_nodes":["production-web3"],"standby_nodes":["production-web1"]})";
    constexpr std::string_view standby = R"({"active_nodes":["production-web1"],"standby_nodes":["production-web3"]})";
    const auto consul_with = [](std::string_view document) {
        store made{{.node = "production-web3", .datacenter = "hq"}};
        made.add("hq", {.service = "web", .node = "production-web1", .checks = {{"service:web", {}}}});
        made.add("hq", {.service = "web", .node = "production-web3", .checks = {{"service:web", {}}}});
        made.put("hq", "cluster/production/web", document);
        return made;
    };
    for (const auto health : {consistency::leader, consistency::consistent}) {
        CAPTURE(to_string(health));
        machine like{rows[0], observation::running};
        testing::fake_host<behind> here{.consul = {consul_with(active), consul_with(standby)}};
        here.files = like.files;
        here.files.fail_on("/state", {errc::denied, "permission denied"});
        here.programs = like.programs;
        here.name = "production-web3";
        auto how = on_sysv;
        how.roles.reads.health = health;
        CHECK(checks::run(here, checks::service{.name = "web"}, "web", how).state == verdict::passing);
    }
    machine like{rows[0], observation::degraded};
    testing::fake_host<behind> here{.consul = {consul_with(standby), consul_with(active)}};
    here.files = like.files;
    here.files.fail_on("/state", {errc::denied, "permission denied"});
    here.users = like.users;
    here.name = "production-web3";
    const auto report = checks::run(here, checks::crontab{.user = "bob"}, "web", on_sysv);
    CHECK(report.state == verdict::critical);
    CHECK(std::ranges::count(report.details, "error", [](const auto& each) { return each.first; }) == 1);
}
