#include <powerconsul/probes/service/systemd.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace powerconsul;

namespace {

auto show(std::string_view load, std::string_view active, std::string_view sub, std::string_view source = "")
    -> outcome {
    outcome end;
    end.out = "LoadState=" + std::string{load} + "\nActiveState=" + std::string{active} +
              "\nSubState=" + std::string{sub} + "\nSourcePath=" + std::string{source} + '\n';
    return end;
}

}  // namespace

TEST_CASE("a unit's name is written as systemctl writes it") {
    struct case_row {
        std::string_view given;
        std::string_view name;
    };
    constexpr case_row rows[] = {
        {"web.service", "web.service"},
        {"getty@tty1.service", "getty@tty1.service"},
        {"A-z_0:9.\\x2d@b\\.service", "A-z_0:9.\\x2d@b\\.service"},
        {"c++.service", "c\\x2b\\x2b.service"},
        {"a b.service", "a\\x20b.service"},
        {"\xC3\xA4.service", "\\xc3\\xa4.service"},
        {"", ""},
    };
    for (const auto& row : rows) CHECK(mangled_unit_name(row.given) == row.name);
}

TEST_CASE("where there is no unit source, nothing is known and no time is lost") {
    static_assert(unit_source<no_unit_source> && unit_source<const no_unit_source>);
    milliseconds left{7};
    CHECK(no_unit_source{}.ask("web.service", left).error().code == errc::unavailable);
    CHECK(no_unit_source{}.matching("web@*.service", left).error().code == errc::unavailable);
    CHECK(left == milliseconds{7});
}

TEST_CASE("every state of a unit is read") {
    struct case_row {
        std::string_view name;
        const char* load;
        const char* active;
        const char* sub;
        observation state;
        const char* reason;
    };
    using enum observation;
    constexpr case_row rows[] = {
        // The tool that this one follows looked for "active (running)" in a text and missed it.
        {"active (running)", "loaded", "active", "running", running, "unit web.service is active (running)"},
        {"one shot that is over", "loaded", "active", "exited", running, "unit web.service is active (exited)"},
        {"socket", "loaded", "active", "listening", running, "unit web.service is active (listening)"},
        {"reloading", "loaded", "reloading", "reload", running, "unit web.service is reloading (reload)"},
        {"starting", "loaded", "activating", "start", running, "unit web.service is activating (start)"},
        {"starting, first step", "loaded", "activating", "start-pre", running,
         "unit web.service is activating (start-pre)"},
        {"crash loop", "loaded", "activating", "auto-restart", degraded,
         "unit web.service ended and is restarted by systemd"},
        {"crash loop, systemd 254", "loaded", "activating", "auto-restart-queued", degraded,
         "unit web.service ended and is restarted by systemd"},
        {"stopping", "loaded", "deactivating", "stop-sigterm", running,
         "unit web.service is deactivating (stop-sigterm)"},
        {"stopped", "loaded", "inactive", "dead", stopped, "unit web.service is inactive (dead)"},
        {"failed", "loaded", "failed", "failed", stopped, "unit web.service is failed (failed)"},
        {"masked", "masked", "inactive", "dead", stopped, "unit web.service is masked and inactive"},
        {"masked and still failed", "masked", "failed", "failed", stopped, "unit web.service is masked and failed"},
        {"masked while it runs", "masked", "active", "running", running,
         "unit web.service is active (running), its file is masked"},
        {"unknown unit", "not-found", "inactive", "dead", unknown, "systemd knows no unit web.service"},
        {"failed, then its file removed", "not-found", "failed", "failed", unknown,
         "systemd knows no unit web.service"},
        {"file removed while it runs", "not-found", "active", "running", running,
         "unit web.service is active (running), its file is not-found"},
        {"bad file", "bad-setting", "inactive", "dead", stopped,
         "unit web.service is inactive (dead), its file is bad-setting"},
        {"maintenance", "loaded", "maintenance", "maintenance", degraded,
         "unit web.service is maintenance (maintenance)"},
        {"a state of the future", "loaded", "refreshing", "refresh", unknown,
         "unit web.service is refreshing (refresh)"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto unit = read_unit_state(show(row.load, row.active, row.sub));
        REQUIRE(unit.has_value());
        CHECK(interpret_unit(*unit, "web.service", {}) == observed{row.state, row.reason});
    }
}

TEST_CASE("an answer that is not complete and unambiguous is no state") {
    struct case_row {
        std::string_view name;
        outcome end;
        const char* reason;
    };
    const auto text = [](std::string out) { return outcome{.out = std::move(out)}; };
    const case_row rows[] = {
        {"time-out", {.how = ending::timed_out, .out = show("loaded", "active", "running").out}, "in time"},
        {"signal", {.how = ending::signalled, .status = 9}, "signal 9"},
        {"no bus",
         {.status = 1, .err = "Failed to connect to bus: No such file or directory\n"},
         "systemctl exits 1: Failed to connect to bus: No such file or directory"},
        {"not booted with systemd",
         {.status = 1, .err = "System has not been booted with systemd as init system (PID 1). Can't operate.\n"},
         "systemctl exits 1: System has not been booted with systemd as init system (PID #). Can't operate."},
        {"a complete answer and yet a failure",
         {.status = 4, .out = show("loaded", "active", "running").out},
         "systemctl exits 4"},
        {"nothing", text(""), "without LoadState"},
        {"other text", text("● web.service - Web\n   Active: active (running)\n"), "without LoadState"},
        {"one line missing", text("LoadState=loaded\nSubState=running\n"), "without ActiveState"},
        {"one line empty", text("LoadState=loaded\nActiveState=\nSubState=running\n"), "without ActiveState"},
        {"two units", text(show("loaded", "active", "running").out + "\n" + show("loaded", "inactive", "dead").out),
         "more than one LoadState"},
        {"twice the same", text("LoadState=loaded\nActiveState=active\nActiveState=active\nSubState=running\n"),
         "more than one ActiveState"},
        {"cut off", text("LoadState=loaded\nActiveState=act"), "without SubState"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto unit = read_unit_state(row.end);
        REQUIRE_FALSE(unit.has_value());
        CHECK(unit.error().message.find(row.reason) != std::string::npos);
    }
}

TEST_CASE("all that systemctl says of a unit is kept") {
    // As systemd 252 prints it.
    const auto unit = read_unit_state(
        {.out = "Type=oneshot\nMainPID=17\nNRestarts=3\n"
                "ExecStartPre={ path=/bin/echo ; argv[]=/bin/echo a b ; ignore_errors=no ; start_time=[n/a] ; "
                "stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n"
                "ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c echo a ; echo b ; ignore_errors=yes ; "
                "start_time=[Mon 2026-11-30 10:40:10 UTC] ; stop_time=[n/a] ; pid=18 ; code=exited ; status=0 }\n"
                "ExecStart={ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no ; start_time=[n/a] }\n"
                "ControlGroup=/system.slice/web.service\nId=web.service\nRequires=system.slice a.service\n"
                "Wants=b.service\nRequiredBy=\nWantedBy=multi-user.target\nConsistsOf=c.service\nLoadState=loaded\n"
                "ActiveState=active\nSubState=exited\nSourcePath=/etc/fstab\n"
                "InactiveExitTimestampMonotonic=14236309222\nActiveEnterTimestampMonotonic=14236314373\n"});
    REQUIRE(unit.has_value());
    CHECK(unit->source == "/etc/fstab");
    CHECK(unit->id == "web.service");
    CHECK(unit->type == "oneshot");
    CHECK(unit->control_group == "/system.slice/web.service");
    CHECK(unit->main_process == 17);
    CHECK(unit->restarts == 3);
    CHECK(unit->active_since == milliseconds{14'236'314});
    CHECK(unit->starting_since == milliseconds{14'236'309});
    CHECK(unit->wanted);
    CHECK(unit->commands == std::vector<std::string>{"/bin/echo a b", "/bin/sh -c echo a ; echo b", "/bin/true"});
    CHECK(unit->companions == std::vector<std::string>{"system.slice", "a.service", "b.service"});
    CHECK(unit->parts == std::vector<std::string>{"c.service"});
}

TEST_CASE("each way to be wanted counts") {
    for (const std::string_view by : {"WantedBy", "RequiredBy", "BoundBy", "UpheldBy"}) {
        unit_state unit;
        CHECK(set_property(unit, by, ""));
        CHECK_FALSE(unit.wanted);
        CHECK(set_property(unit, by, "a.target"));
        CHECK(set_property(unit, "WantedBy", ""));
        CHECK(unit.wanted);
    }
}

TEST_CASE("what is no number is no answer") {
    for (const std::string_view name :
         {"MainPID", "NRestarts", "ActiveEnterTimestampMonotonic", "InactiveExitTimestampMonotonic"}) {
        for (const std::string_view value : {"", "n/a", "-1", "1 min"}) {
            outcome end = show("loaded", "active", "running");
            end.out += std::string{name} + '=' + std::string{value} + '\n';
            CHECK(read_unit_state(end).error().message == "systemctl answers with no number as " + std::string{name});
        }
    }
}

TEST_CASE("the units that match a pattern are read one by one") {
    const auto a = show("loaded", "active", "running").out;
    const auto b = show("loaded", "inactive", "dead").out;
    const auto two = read_unit_states({.out = "Id=a\n" + a + "\nId=b\n" + b});
    REQUIRE(two.has_value());
    REQUIRE(two->size() == 2);
    CHECK((*two)[0].id == "a");
    CHECK((*two)[1].id == "b");
    CHECK((*two)[1].active == "inactive");
    CHECK(read_unit_states({})->empty());
    CHECK(read_unit_states({.out = "\n"})->empty());
    CHECK(read_unit_states({.out = "Id=a\n" + a + "\nId=b\n"}).error().message ==
          "systemctl answers without LoadState");
    CHECK(read_unit_states({.out = a}).error().message == "systemctl answers without Id");
    CHECK(read_unit_states({.out = a + b}).error().message == "systemctl answers with more than one LoadState");
    CHECK(read_unit_states({.how = ending::timed_out}).error().code == errc::timed_out);
    CHECK(read_unit_states({.status = 1}).error().code == errc::unavailable);
}

TEST_CASE("a unit that systemd restarts is in part, with the same words, until it has been up for a minute") {
    struct case_row {
        std::string_view name;
        const char* active;
        const char* sub;
        std::uint64_t restarts;
        milliseconds up;
        observation state;
    };
    using enum observation;
    const case_row rows[] = {
        {"never restarted", "active", "running", 0, {}, running},
        {"just restarted", "active", "running", 1, {}, degraded},
        {"often", "active", "running", 4711, seconds(3), degraded},
        {"up for less than a minute", "active", "running", 1, milliseconds{59'999}, degraded},
        {"up for a minute", "active", "running", 1, seconds(60), running},
        {"up since later than now", "active", "running", 1, seconds(-1), degraded},
        {"waits for the first restart", "activating", "auto-restart", 0, seconds(9999), degraded},
        {"waits for the next restart", "activating", "auto-restart", 2, seconds(9999), degraded},
        {"systemd 254", "activating", "auto-restart-queued", 0, seconds(9999), degraded},
        {"starts again", "activating", "start", 1, seconds(9999), degraded},
        {"starts again, first step", "activating", "start-pre", 1, seconds(9999), degraded},
        {"starts the first time", "activating", "start", 0, seconds(9999), running},
        {"ends again", "deactivating", "stop-sigterm", 1, seconds(3), degraded},
        {"stopped after long", "deactivating", "stop-sigterm", 1, seconds(60), running},
        {"reloads", "reloading", "reload", 1, seconds(59), degraded},
        {"one shot that is tried again", "active", "exited", 1, seconds(3), degraded},
        {"given up", "failed", "failed", 5, {}, stopped},
        {"stopped", "inactive", "dead", 5, {}, stopped},
    };
    const auto now = seconds(100'000);
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const unit_state unit{.load = "loaded",
                              .active = row.active,
                              .sub = row.sub,
                              .restarts = row.restarts,
                              .active_since = now - row.up};
        const auto seen = interpret_unit(unit, "web.service", now);
        CHECK(seen.state == row.state);
        CHECK((seen.reason == "unit web.service ended and is restarted by systemd") == (row.state == degraded));
    }
}

TEST_CASE("a unit that does not get ready in ten minutes is in part, but for a one shot, which works") {
    struct case_row {
        std::string_view name;
        const char* type;
        const char* sub;
        milliseconds since;
        const char* reason;
    };
    constexpr milliseconds now = seconds(100'000);
    constexpr case_row rows[] = {
        {"just started", "notify", "start", now, "unit web.service is activating (start)"},
        {"in time", "notify", "start", now - milliseconds{599'999}, "unit web.service is activating (start)"},
        {"late", "notify", "start", now - seconds(600),
         "unit web.service is activating (start) for more than ten minutes"},
        {"very late", "forking", "start-pre", now - seconds(90'000),
         "unit web.service is activating (start-pre) for more than ten minutes"},
        {"another type of unit", "", "mounting", now - seconds(600),
         "unit web.service is activating (mounting) for more than ten minutes"},
        {"one shot", "oneshot", "start", now - seconds(90'000), "unit web.service is activating (start)"},
        {"not known since when", "notify", "start", {}, "unit web.service is activating (start)"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const unit_state unit{
            .load = "loaded", .active = "activating", .sub = row.sub, .type = row.type, .starting_since = row.since};
        const bool late = std::string_view{row.reason}.ends_with("minutes");
        CHECK(interpret_unit(unit, "web.service", now) ==
              observed{late ? observation::degraded : observation::running, row.reason});
    }
}

TEST_CASE("a unit that is active without a process is running only where that is its nature") {
    struct case_row {
        std::string_view name;
        const char* type;
        const char* sub;
        const char* group;
        unit_processes processes;
        observation state;
        const char* reason;  ///< after "unit web.service is active "
    };
    using enum observation;
    constexpr auto none = unit_processes::none;
    constexpr auto some = unit_processes::some;
    constexpr auto hidden = unit_processes::unknown;
    constexpr const char* group = "/system.slice/web.service";
    constexpr case_row rows[] = {
        {"one shot, its group removed", "oneshot", "exited", "", none, running, "(exited)"},
        {"one shot that left a daemon", "oneshot", "exited", group, some, running, "(exited)"},
        {"one shot, its daemon gone", "oneshot", "exited", group, none, unknown,
         "(exited), but the processes that it left running have ended"},
        {"one shot, its group not to be seen", "oneshot", "exited", group, hidden, running, "(exited)"},
        {"daemon that ended", "simple", "exited", "", none, unknown,
         "(exited) by RemainAfterExit=, but its processes have ended"},
        {"the same, its group left", "forking", "exited", group, none, unknown,
         "(exited) by RemainAfterExit=, but its processes have ended"},
        {"the same, its group not to be seen", "notify", "exited", group, hidden, unknown,
         "(exited) by RemainAfterExit=, but its processes have ended"},
        {"main process ended, others left", "simple", "exited", group, some, running, "(exited)"},
        {"no service", "", "exited", "", none, running, "(exited)"},
        {"running", "simple", "running", group, some, running, "(running)"},
        {"running, its group not to be seen", "simple", "running", group, hidden, running, "(running)"},
        {"running, and nothing is left", "forking", "running", group, none, unknown,
         "(running), but no process of it is left"},
        {"socket whose service runs", "", "running", "", none, running, "(running)"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const unit_state unit{.load = "loaded",
                              .active = "active",
                              .sub = row.sub,
                              .type = row.type,
                              .control_group = row.group,
                              .commands = {"/usr/sbin/web"}};
        CHECK(interpret_unit(unit, "web.service", {}, row.processes) ==
              observed{row.state, std::string{"unit web.service is active "} + row.reason});
    }
}

TEST_CASE("a unit that runs nothing itself does so in all its commands") {
    struct case_row {
        std::string_view name;
        std::vector<std::string> commands;
        bool nothing;
    };
    const case_row rows[] = {
        {"Debian's postgresql", {"/bin/true"}, true},
        {"its path today", {"/usr/bin/true"}, true},
        {"with words", {"/bin/true ignored"}, true},
        {"says something", {"/bin/echo starting web"}, true},
        {"a shell for nothing", {"/bin/sh -c :"}, true},
        {"a shell that is true", {"/bin/bash -c true"}, true},
        {"a shell that ends", {"/bin/sh -c exit 0"}, true},
        {"several", {"/bin/echo a", "/bin/true"}, true},
        {"a shell that works", {"/bin/sh -c iptables-restore /etc/rules"}, false},
        {"a shell script", {"/bin/sh /usr/local/sbin/true"}, false},
        {"works before", {"/usr/sbin/web --init", "/bin/true"}, false},
        {"works when it is stopped", {"/bin/true", "/usr/sbin/save"}, false},
        {"another program", {"/usr/sbin/trueserver"}, false},
        {"no commands", {}, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        unit_state unit{.load = "loaded", .active = "active", .sub = "exited", .type = "oneshot"};
        unit.commands = row.commands;
        CHECK(runs_nothing_itself(unit) == row.nothing);
        CHECK((interpret_unit(unit, "web.service", {}, unit_processes::none).state == observation::unknown) ==
              row.nothing);
        unit.type = "simple";
        CHECK_FALSE(runs_nothing_itself(unit));
    }
}

TEST_CASE("a unit that runs nothing itself names the units to ask for") {
    unit_state unit{.load = "loaded", .active = "active", .sub = "exited", .type = "oneshot"};
    unit.commands = {"/bin/true"};
    const std::string runs_nothing = "unit nfs-utils.service is active (exited) and runs nothing itself";
    CHECK(interpret_unit(unit, "nfs-utils.service", {}).reason ==
          runs_nothing + "; systemd has loaded no nfs-utils@*.service");
    unit.companions = {"sysinit.target", "rpc-statd.service", "system.slice", "nfs-mountd.service",
                       "rpc-statd.service"};
    CHECK(interpret_unit(unit, "nfs-utils.service", {}).reason ==
          runs_nothing + ": ask for nfs-mountd.service or rpc-statd.service");
    unit.companions.clear();
    unit.parts.clear();
    CHECK(interpret_unit(unit, "nfs@utils.service", {}).reason ==
          "unit nfs@utils.service is active (exited) and runs nothing itself");
}

TEST_CASE("only a service that is no instance has instances") {
    CHECK(instance_pattern("postgresql.service") == "postgresql@*.service");
    CHECK(instance_pattern("es\\x2dcaped.service") == "es\\x2dcaped@*.service");
    CHECK(instance_pattern("postgresql@15-main.service") == "");
    CHECK(instance_pattern("postgresql.socket") == "");
    CHECK(instance_pattern("") == "");
}

TEST_CASE("an instance counts if it is up, has failed or is wanted") {
    struct case_row {
        std::string_view name;
        unit_state instance;
        bool counts;
    };
    const case_row rows[] = {
        {"runs", {"loaded", "active", "running"}, true},
        {"starts", {"loaded", "activating", "start"}, true},
        {"failed", {"loaded", "failed", "failed"}, true},
        {"only loaded", {"loaded", "inactive", "dead"}, false},
        {"wanted", {.load = "loaded", .active = "inactive", .sub = "dead", .wanted = true}, true},
        {"wanted, but there is no template", {.load = "not-found", .active = "inactive", .wanted = true}, false},
        {"wanted, but masked", {.load = "masked", .active = "inactive", .wanted = true}, false},
        {"failed, then masked", {.load = "masked", .active = "failed"}, false},
        {"runs, though there is no template any more", {.load = "not-found", .active = "active"}, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(counts_as_instance(row.instance) == row.counts);
        CHECK(counts_as_part(row.instance) == row.counts);
    }
    // A oneshot that the target wants and that has done its work.
    unit_state job{.load = "loaded", .active = "inactive", .sub = "dead", .type = "oneshot", .wanted = true};
    CHECK_FALSE(counts_as_part(job));
    job.active = "failed";
    CHECK(counts_as_part(job));
}

TEST_CASE("instances decide together") {
    using enum observation;
    struct case_row {
        std::vector<std::pair<std::string, observation>> instances;
        observation state;
        const char* reason;
    };
    const case_row rows[] = {
        {{{"a", running}}, running, "running: a"},
        {{{"b", running}, {"c", running}, {"a", running}}, running, "running: a, b and c"},
        {{{"a", stopped}, {"b", running}}, degraded, "running: b; stopped: a"},
        {{{"a", stopped}, {"b", stopped}}, stopped, "stopped: a and b"},
        {{{"a", degraded}}, degraded, "degraded: a"},
        {{{"a", degraded}, {"b", unknown}}, degraded, "degraded: a; unknown: b"},
        {{{"a", running}, {"b", degraded}}, degraded, "running: a; degraded: b"},
        {{{"a", running}, {"b", unknown}}, unknown, "running: a; unknown: b"},
        {{{"a", stopped}, {"b", unknown}}, unknown, "stopped: a; unknown: b"},
        {{{"a", running}, {"b", stopped}, {"c", unknown}}, degraded, "running: a; stopped: b; unknown: c"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.reason);
        CHECK(interpret_members("web.service", "instances", row.instances) ==
              observed{row.state, std::string{"unit web.service stands for its instances, "} + row.reason});
    }
    std::vector<std::pair<std::string, observation>> many;
    for (int i = 0; i < 500; ++i) many.emplace_back("instance-" + std::to_string(i), running);
    CHECK(interpret_members("web.service", "instances", many).reason.size() < 300);
}

TEST_CASE("the order of properties, others among them and a missing SourcePath do not matter") {
    const auto unit = read_unit_state({.out = "SubState=running\nId=x=y\nActiveState=active\n\nLoadState=loaded"});
    REQUIRE(unit.has_value());
    CHECK(interpret_unit(*unit, "x.service", {}).state == observation::running);
    CHECK(unit->source == "");
}

TEST_CASE("only an exited unit made from an init script is asked again") {
    struct case_row {
        std::string_view name;
        const char* active;
        const char* sub;
        const char* source;
        std::string_view script;
    };
    constexpr case_row rows[] = {
        {"generated and exited", "active", "exited", "/etc/init.d/web", "web"},
        {"generated from a .sh", "active", "exited", "/etc/init.d/web.sh", "web.sh"},
        {"generated, processes left", "active", "running", "/etc/init.d/web", ""},
        {"generated and stopped", "inactive", "dead", "/etc/init.d/web", ""},
        {"native one shot", "active", "exited", "", ""},
        {"generated from something else", "active", "exited", "/etc/fstab", ""},
        {"a directory whose name only starts so", "active", "exited", "/etc/init.d.old/web", ""},
        {"the directory itself", "active", "exited", "/etc/init.d/", ""},
        {"further below", "active", "exited", "/etc/init.d/a/web", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto unit = read_unit_state(show("loaded", row.active, row.sub, row.source));
        REQUIRE(unit.has_value());
        CHECK(script_behind(*unit, "/etc/init.d") == row.script);
    }
}

TEST_CASE("a name without a unit type is a service") {
    CHECK(unit_name("web") == "web.service");
    CHECK(unit_name("web.service") == "web.service");
    CHECK(unit_name("web.socket") == "web.socket");
    CHECK(unit_name("getty@tty1") == "getty@tty1.service");
    CHECK(unit_name("hwclock.sh") == "hwclock.sh.service");
    CHECK(unit_name(".service") == ".service.service");
}
