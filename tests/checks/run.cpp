// The table of truth_table.hpp for every kind of check that is shipped, each as it is run on a host: a standby is a
// standby whatever is looked at.
#include <powerconsul/checks/run.hpp>

#include <doctest/doctest.h>

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

const checks::run_options on_sysv{.state_dir = "/state", .manager = service_manager::sysv};

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
    using details = std::vector<std::pair<std::string, std::string>>;
    CHECK(plugin.details ==
          details{{"nagiosScript", "/plugins/check_procs"}, {"nagiosOutput", "PROCS: said | procs=1"}});
    const auto table = checks::run(here, checks::crontab{.user = "bob", .pattern = "true"}, "web", on_sysv);
    CHECK(table.details == details{{"pattern", "true"}});
}
