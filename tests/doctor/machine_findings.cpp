#include <powerconsul/doctor/machine_findings.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include <powerconsul/testing/memory_files.hpp>

#include "made_up_machine.hpp"

using namespace powerconsul;

namespace {

using calls = std::optional<std::vector<examined_check>>;

auto check_of(const std::string& subject, std::map<std::string, std::string, std::less<>> options = {})
    -> examined_check {
    return {.id = "c", .line = {.words = {"check", subject}, .options = std::move(options)}};
}

}  // namespace

TEST_CASE("whether another user may write a directory follows from owner and mode") {
    testing::memory_files files;
    made_up_machine machine{.writable = {"/theirs"}};
    files.put("/dir", "", {file_kind::directory, 0700, 33, 33, 0, 0});
    files.put("/all", "", {file_kind::directory, 0777, 0, 0, 0, 0});
    files.put("/half", "", {file_kind::directory, 0500, 33, 33, 0, 0});
    struct row {
        std::string path;
        std::uint32_t user;
        bool may;
    };
    const row rows[] = {
        {"/theirs", 1000, true}, {"/dir", 1000, false}, {"/dir", 33, true},   {"/dir", 34, false},
        {"/all", 34, true},      {"/half", 33, false},  {"/none", 33, false}, {"/none", 0, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.path);
        CAPTURE(row.user);
        CHECK(detail::can_write(files, machine, row.path, row.user) == row.may);
    }
}

TEST_CASE("the state directory as the agent's user finds it") {
    testing::memory_files files;
    made_up_machine machine{.left = {0, 1}};
    files.put("/var/state", "", {file_kind::directory, 0700, 33, 33, 0, 0});
    CHECK(look_at_state_directory(files, machine, "/var/state", 33).what.find("no space left") != std::string::npos);
    machine.left = {1, std::nullopt};
    CHECK(look_at_state_directory(files, machine, "/var/state", 33).state == condition::ok);
    CHECK(look_at_state_directory(files, machine, "/var/state", 34).what.find("another user") != std::string::npos);
    machine.left = {1, 0};
    CHECK(look_at_state_directory(files, machine, "/var/state", 33).what.find("no inode left") != std::string::npos);
    machine.left = {std::nullopt, 1};
    CHECK(look_at_state_directory(files, machine, "/var/state", 33).state == condition::unknown);
    machine.left = {1, 1};
    CHECK(look_at_state_directory(files, machine, "/var/state", 33).what == "/var/state is safe and can be written");
    // One that is missing is made in the directory above it.
    CHECK(look_at_state_directory(files, machine, "/var/none/", 33).state == condition::error);
    CHECK(look_at_state_directory(files, machine, "/var/none", 0).what == "/var/none will be made by the first check");
    machine.writable = {"."};
    CHECK(look_at_state_directory(files, machine, "none", files.user()).state == condition::ok);
    files.put("/var/closed", "", {file_kind::directory, 0500, 33, 33, 0, 0});
    const auto closed = look_at_state_directory(files, machine, "/var/closed", 33);
    CHECK(closed.state == condition::error);
    CHECK(
        closed.what ==
        "/var/closed cannot be written by the user who runs the checks: nothing is remembered, so that no standby takes over, and no trigger runs");
    CHECK(look_at_state_directory(files, machine, "/var/state", 34).state == condition::error);
    files.fail_on("/var/state", {errc::io, "EIO"});
    const auto unread = look_at_state_directory(files, machine, "/var/state", 33);
    CHECK(unread.state == condition::unknown);
    CHECK(unread.what == "EIO");
}

TEST_CASE("the service manager") {
    testing::memory_files files;
    CHECK(look_at_service_manager(files, service_manager::openrc, {}).what == "openrc");
    CHECK(look_at_service_manager(files, {}, {}).state == condition::unknown);
    CHECK(look_at_service_manager(files, {}, calls{{check_of("process")}}).state == condition::ok);
    for (const auto& kind : checks::all_kinds::words) {
        const bool needed = kind.name == "service" || kind.name == "servicegroup";
        const auto found = look_at_service_manager(files, {}, calls{{check_of(std::string{kind.name})}});
        CHECK(found.state == (needed ? condition::error : condition::ok));
    }
    auto service = check_of("servicegroup");
    CHECK(look_at_service_manager(files, {}, calls{{service}}).state == condition::error);
    service.chosen.emplace().manager = service_manager::sysv;
    CHECK(look_at_service_manager(files, {}, calls{{service}}).what == "the checks name sysv");
    files.put("/run/systemd/system", "", {file_kind::directory, 0755, 0, 0, 0, 0});
    CHECK(look_at_service_manager(files, {}, {}).what == "systemd");
}

TEST_CASE("the plugin") {
    testing::memory_files files;
    made_up_machine machine{.executable = {"/opt/one"}};
    CHECK(look_at_plugin(files, machine, {}).state == condition::unknown);
    CHECK(look_at_plugin(files, machine, calls{{check_of("process")}}).what == "no check needs check_procs");
    const auto with = [&](const std::string& path) {
        return check_of("process", {{"nagiosargs", "-c 1:"}, {"plugin", path}});
    };
    CHECK(look_at_plugin(files, machine, calls{{with("/opt/one"), with("/opt/one")}}).what == "/opt/one");
    CHECK(look_at_plugin(files, machine, calls{{with("/opt/one"), with("/opt/two")}}).remedy.ends_with("of check c"));
    CHECK(look_at_plugin(files, machine, calls{{with("")}}).what.starts_with("check_procs was not found in "));
}

TEST_CASE("a record from the future") {
    testing::memory_files files;
    made_up_machine machine;
    const milliseconds now = first_release + seconds(1'000'000);
    const auto put = [&](const std::string& path, std::int64_t age) {
        files.put(path, "{}", {file_kind::regular, 0600, 0, 0, 0, now.count / 1000 - age});
    };
    CHECK(look_at_clock(files, machine, "/s", now).state == condition::ok);
    put("/s/journal/a.json", -60);
    put("/s/other/a.json", -61);
    CHECK(look_at_clock(files, machine, "/s", now).state == condition::ok);
    put("/s/journal/b.json", -61);
    CHECK(look_at_clock(files, machine, "/s", now).what ==
          "/s/journal/b.json is from the future: the clock was set back");
    put("/s/last-known/c.json", -61);
    CHECK(look_at_clock(files, machine, "/s", now).what.starts_with("/s/last-known/c.json is "));
    machine.synchronized = false;
    CHECK(look_at_clock(files, machine, "/none", now).state == condition::warning);
    machine.synchronized.reset();
    CHECK(look_at_clock(files, machine, "/none", now).state == condition::unknown);
    CHECK(look_at_clock(files, machine, "/none", first_release - seconds(1)).state == condition::error);
}

TEST_CASE("noop files, through links") {
    testing::memory_files files;
    made_up_machine machine;
    const milliseconds now = seconds(1'000'000'000);
    files.put("/real", "", {file_kind::regular, 0600, 0, 0, 0, now.count / 1000 - 7200});
    files.put("/directory", "", {file_kind::directory, 0700, 0, 0, 0, 0});
    machine.links["/link"] = "/real";
    machine.broken = {"/none"};
    const auto look = [&](const std::string& path, const std::string& most = {}) {
        std::map<std::string, std::string, std::less<>> options{{"noopfile", path}};
        if (!most.empty()) options.emplace("noop-max-age", most);
        const auto found = look_at_noop_files(files, machine, now, calls{{check_of("process", options)}});
        REQUIRE(found.size() == 1);
        return found.front();
    };
    CHECK(look_at_noop_files(files, machine, now, {}).front().state == condition::unknown);
    CHECK(look("/none").what == "none is there");
    CHECK(look("/directory").what == "none is there");
    CHECK(look("/link").what == "1 is there, less than a day old");
    CHECK(look("/link", "1h").what == "/link is 2 h old and no longer counts");
    CHECK(look("/link", "1h").state == condition::warning);
    const auto put = [&](std::int64_t hours) {
        files.put("/real", "", {file_kind::regular, 0600, 0, 0, 0, now.count / 1000 - hours * 3600});
    };
    put(24);
    CHECK(look("/link").what == "1 is there, less than a day old");
    put(25);
    CHECK(look("/link").what == "/link has held its check as passing for 25 h");
    CHECK_FALSE(look("/link").remedy.empty());
    put(2);
    CHECK(look("/link", "wrong").what == "1 is there, less than a day old");
    files.fail_on("/real", {errc::io, "EIO"});
    CHECK(look("/link").what == "EIO");
}

TEST_CASE("noop files and the stop file, as an agent with a /tmp of its own finds them") {
    testing::memory_files files;
    made_up_machine machine;
    const milliseconds now = seconds(1'000'000'000);
    files.put("/proc/self/mountinfo", "1 0 8:1 / / rw\n");
    files.put("/proc/100/mountinfo", "1 0 8:1 / / rw\n2 1 8:1 /tmp/systemd-private-1/tmp /tmp rw\n");
    const agent_mounts mounts{files, 100};
    const auto look = [&](const std::string& path) {
        return look_at_noop_files(files, machine, now, calls{{check_of("process", {{"noopfile", path}})}}, mounts);
    };
    machine.broken = {"/tmp/a"};
    REQUIRE(look("/tmp/a").size() == 1);
    CHECK(look("/tmp/a")[0].state == condition::warning);
    CHECK(look("/tmp/a")[0].what ==
          "/tmp/a is another path for the agent (PrivateTmp or the like): check c does not see a file put there");
    machine.broken.clear();
    files.put("/tmp/a", "");
    CHECK(look("/tmp/a")[0].what.starts_with("/tmp/a is there, but it is another path for the agent"));
    files.put("/proc/100/root/tmp/a", "", {file_kind::regular, 0600, 0, 0, 0, now.count / 1000 - 90'000});
    REQUIRE(look("/tmp/a").size() == 2);
    CHECK(look("/tmp/a")[1].what == "/tmp/a has held its check as passing for 25 h");
    CHECK(look("/run/a")[0].what == "none is there");
    CHECK(look_at_stop_file(files, "/tmp/stop", 0, now, mounts).state == condition::warning);
}

TEST_CASE("the stop file, while its time runs and after it") {
    testing::memory_files files;
    constexpr milliseconds now{1'796'058'000'000};  // 2026-11-30T17:00:00Z
    const auto look = [&](std::uint32_t user) { return look_at_stop_file(files, "/stop", user, now, {}); };
    CHECK(look(1000).state == condition::ok);
    CHECK(look(1000).what == "/stop is not there");
    files.put("/stop", "");
    CHECK(look(1000).state == condition::warning);
    CHECK(look(1000).what == R"(the stop file "/stop" is there; delete it to let triggers run)");
    files.put("/stop", "until=2026-11-30T19:00:00Z");
    CHECK(look(1000).state == condition::warning);
    CHECK(
        look(1000).what ==
        R"(the stop file "/stop" is there and holds until 2026-11-30 19:00 UTC (2 h left); delete it to let triggers run)");
    files.put("/stop", "until=2026-11-30T16:00:00Z");
    CHECK(look(1000).state == condition::ok);
    CHECK(look(1000).what == "/stop is there, and its time is over");
    CHECK(look(1000).remedy == "delete it");
    // Root's own view is not that of the agent's user.
    CHECK(look(0).state == condition::ok);
    CHECK(look(1001).state == condition::warning);
    CHECK(look(1001).what ==
          "/stop is over, but the user who runs the handlers cannot read that, so that it holds for them");
    files.put("/stop", "until=2026-11-30T16:00:00Z", {.kind = file_kind::regular, .mode = 0644});
    CHECK(look(1001).state == condition::ok);
}
