// The table of truth_table.hpp for every kind of check that is shipped, each over its own probe: a standby is a standby
// whatever is looked at.

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/checks/check.hpp>
#include <powerconsul/probes/crontab.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/process/expected_work.hpp>
#include <powerconsul/probes/process/process.hpp>
#include <powerconsul/probes/service/service.hpp>
#include <powerconsul/testing/fake_executor.hpp>
#include <powerconsul/testing/memory_accounts.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "truth_table.hpp"

using namespace powerconsul;
using truth::resolved;
using truth::rows;

namespace {

/// A machine in memory on which everything is as `state` says.
struct machine {
    testing::memory_files files{};
    testing::memory_accounts accounts{};
    testing::fake_executor programs{};

    explicit machine(observation state) {
        accounts.add_user("bob", 1000).add_group("crontab", 105).add_group("users", 100);
        service("/etc/init.d/web", state);
        service("/etc/init.d/other", state);
        crontab(state);
        plugin(state);
        processes(state);
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
        programs.on({"/plugins/check_procs", "-C", "worker"}, status, "PROCS: said | procs=1");
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
    void process(int pid, std::string_view name, int parent) {
        const std::string folder = "/proc/" + std::to_string(pid);
        files.put(folder + "/stat", stat(pid, name, parent));
        files.put(folder + "/cmdline", std::string{name} + '\0');
    }
};

auto check_with(std::string_view kind, machine& here, const resolution& facts) -> check_report {
    const auto service = [&](std::string name) {
        return service_probe{{.name = std::move(name), .manager = service_manager::sysv}, here.programs, here.files};
    };
    const check_subject subject{.kind = std::string{kind}, .name = "subject"};
    if (kind == "service") return check(subject, facts, service("web"));
    if (kind == "servicegroup") {
        return check_group({.kind = "servicegroup", .name = "web,other", .members = {"web", "other"}}, facts, [&] {
            return std::vector<observed>{service("web")(), service("other")()};
        });
    }
    if (kind == "crontab") {
        return check(subject, facts, crontab_probe{{.user = "bob"}, here.files, here.accounts});
    }
    if (kind == "process by plugin") {
        return check(
            subject, facts,
            plugin_probe{{.arguments = {"-C", "worker"}, .plugin = "/plugins/check_procs"}, here.programs, here.files});
    }
    if (kind == "process") {
        return check(subject, facts,
                     process_probe{process_filter{.name = "worker"}, count_range{.min = 2}, here.files});
    }
    // Work that is looked for and not there changes nothing.
    return check(subject, facts,
                 counting_work{service("web"), work_filter{.text = "no such work"}, here.files, here.accounts});
}

}  // namespace

TEST_CASE("every kind of check follows the table") {
    for (const std::string_view kind :
         {"service", "servicegroup", "crontab", "process by plugin", "process", "service without its work"}) {
        for (const auto& each : rows) {
            const auto facts = resolved(each);
            for (int i = 0; i < 4; ++i) {
                CAPTURE(kind);
                CAPTURE(each.name);
                CAPTURE(to_string(truth::seen[i]));
                // The decorator cannot rule the work out while processes are hidden: that row is the next test's.
                if (kind == "service without its work" && truth::seen[i] == observation::unknown) continue;
                machine here{truth::seen[i]};
                const auto report = check_with(kind, here, facts);
                CAPTURE(report.why);
                CHECK(report.state == each.states[i]);
                CHECK(exit_status(report.state) == each.codes[i]);
                CHECK(report.expects == each.expects);
                CHECK(report.own == facts.own);
            }
        }
    }
}

TEST_CASE("expected work counts as running in every row, whatever the service itself is") {
    for (const auto& each : rows) {
        const auto facts = resolved(each);
        for (const auto state : {observation::running, observation::degraded}) {
            CAPTURE(each.name);
            CAPTURE(to_string(state));
            machine here{state};
            const auto report = check({.kind = "service", .name = "web"}, facts,
                                      counting_work{[] {
                                                        return observed{observation::stopped, ""};
                                                    },
                                                    work_filter{.text = "worker"}, here.files, here.accounts});
            CHECK(report.state == each.states[0]);
            if (facts.own != role::unknown) CHECK(report.why.find("200") != std::string::npos);
        }
    }
}
