#include <powerconsul/probes/service/systemd.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

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
         "unit web.service is activating (auto-restart)"},
        {"crash loop, systemd 254", "loaded", "activating", "auto-restart-queued", degraded,
         "unit web.service is activating (auto-restart-queued)"},
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
        CHECK(interpret_unit(*unit, "web.service") == observed{row.state, row.reason});
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

TEST_CASE("the order of properties, others among them and a missing SourcePath do not matter") {
    const auto unit = read_unit_state({.out = "SubState=running\nId=x=y\nActiveState=active\n\nLoadState=loaded"});
    REQUIRE(unit.has_value());
    CHECK(interpret_unit(*unit, "x.service").state == observation::running);
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
