#include <powerconsul/probes/service/service.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

static_assert(probe<service_probe<posix_spawn_executor, posix_files>>);
static_assert(probe<service_probe<testing::fake_executor&, testing::memory_files&>>);
static_assert(std::is_same_v<decltype(service_probe{service_probe_options{}, std::declval<posix_spawn_executor&>(),
                                                    std::declval<posix_files&>()}),
                             service_probe<posix_spawn_executor&, posix_files&>>);
static_assert(probe<service_probe<testing::fake_executor&, testing::memory_files&, testing::fake_units&>>);
static_assert(
    !std::is_constructible_v<service_probe<testing::fake_executor&, testing::memory_files&, testing::fake_units&>,
                             service_probe_options, testing::fake_executor&, testing::memory_files&>,
    "a reference to a unit source must be given");

namespace {

const std::vector<std::string> show_web{"/usr/bin/systemctl",
                                        "show",
                                        "--no-pager",
                                        "--property=LoadState",
                                        "--property=ActiveState",
                                        "--property=SubState",
                                        "--property=SourcePath",
                                        "--",
                                        "web.service"};

constexpr file_status program{.kind = file_kind::regular, .mode = 0755};
constexpr const char* generated = "LoadState=loaded\nActiveState=active\nSubState=exited\nSourcePath=/etc/init.d/web\n";

struct machine {
    testing::fake_executor executor{};
    testing::memory_files files{};

    auto look(service_manager manager, std::string name = "web") -> observed {
        return service_probe{{.name = std::move(name), .manager = manager}, executor, files}();
    }
};

}  // namespace

TEST_CASE("systemd is asked for the unit, without a shell and in English") {
    machine m;
    m.files.put("/usr/bin/systemctl", "", program);
    m.executor.on(show_web, 0, "LoadState=loaded\nActiveState=active\nSubState=running\nSourcePath=\n");
    CHECK(m.look(service_manager::systemd) == observed{observation::running, "unit web.service is active (running)"});
    REQUIRE(m.executor.commands().size() == 1);
    const auto& environment = m.executor.commands()[0].environment;
    CHECK(environment == std::vector<std::string>{"LANG=C", "LC_ALL=C", "TERM=dumb", "SYSTEMCTL_SKIP_REDIRECT=1",
                                                  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
}

TEST_CASE("a unit source is asked before systemctl, and nothing is started when it answers") {
    struct case_row {
        std::string_view name;
        result<unit_state> answer;
        observed seen;
    };
    using enum observation;
    const case_row rows[] = {
        {"running", unit_state{"loaded", "active", "running"}, {running, "unit web.service is active (running)"}},
        {"stopped", unit_state{"loaded", "inactive", "dead"}, {stopped, "unit web.service is inactive (dead)"}},
        {"no such unit", unit_state{"not-found", "inactive", "dead"}, {unknown, "systemd knows no unit web.service"}},
        {"no answer in time",
         fail(errc::timed_out, "systemd did not answer in time"),
         {unknown, "systemd did not answer in time"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        m.files.put("/usr/bin/systemctl", "", program);
        testing::fake_units units;
        units.on("web.service", row.answer);
        CHECK(service_probe{{.name = "web"}, m.executor, m.files, units}() == row.seen);
        CHECK(units.asked() == std::vector<std::string>{"web.service"});
        CHECK(m.executor.commands().empty());
    }
}

TEST_CASE("what a unit source cannot answer systemctl is asked for, in the time that is left") {
    for (const auto code : {errc::unavailable, errc::denied, errc::bad_data, errc::failed, errc::io}) {
        machine m;
        m.files.put("/usr/bin/systemctl", "", program);
        m.executor.on(show_web, 0, "LoadState=loaded\nActiveState=active\nSubState=running\nSourcePath=\n");
        testing::fake_units units;
        units.on("web.service", fail(code, "no bus"), {1500});
        const service_probe_options options{.name = "web", .timeout = seconds(4)};
        CHECK(service_probe{options, m.executor, m.files, units}() ==
              observed{observation::running, "unit web.service is active (running)"});
        REQUIRE(m.executor.commands().size() == 1);
        CHECK(m.executor.commands()[0].timeout == milliseconds{2500});
    }
    machine m;
    testing::fake_units units;
    units.on("web.service", fail(errc::unavailable, "no bus"));
    CHECK(service_probe{{.name = "web"}, m.executor, m.files, units}() ==
          observed{observation::unknown, "systemctl was not found in /usr/bin, /bin, /usr/sbin and /sbin"});
    // It took all of the time: no program is started that could not answer in it.
    testing::fake_units slow;
    slow.on("web.service", fail(errc::unavailable, "no bus"), seconds(60));
    m.files.put("/usr/bin/systemctl", "", program);
    CHECK(service_probe{{.name = "web"}, m.executor, m.files, slow}() == observed{observation::unknown, "no bus"});
    CHECK(m.executor.commands().empty());
}

TEST_CASE(
    "a unit source gets the name that systemctl would give to systemd, the answer is for the name as it was given") {
    machine m;
    testing::fake_units units;
    units.on("c\\x2b\\x2b@\\x2d.service", unit_state{"loaded", "active", "running"});
    CHECK(service_probe{{.name = "c++@\\x2d"}, m.executor, m.files, units}() ==
          observed{observation::running, "unit c++@\\x2d.service is active (running)"});
}

TEST_CASE("an exited unit that a unit source tells of is what its init script says") {
    machine m;
    m.files.put("/etc/init.d/web", ". /lib/lsb/init-functions\n", program);
    m.executor.on({"/etc/init.d/web", "status"}, 1, "web is not running ... failed!\n");
    testing::fake_units units;
    units.on("web.service", unit_state{"loaded", "active", "exited", "/etc/init.d/web"});
    CHECK(service_probe{{.name = "web"}, m.executor, m.files, units}().state == observation::stopped);
    CHECK(m.executor.commands().size() == 1);
}

TEST_CASE("a unit made from an init script that is active (exited) is what its script says") {
    struct case_row {
        std::string_view name;
        int status;
        const char* out;
        observation state;
    };
    constexpr case_row rows[] = {
        {"daemon died", 1, "web is not running ... failed!\n", observation::stopped},
        {"daemon runs", 0, "web is running.\n", observation::running},
        {"script cannot tell", 4, "", observation::unknown},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        m.files.put("/usr/bin/systemctl", "", program);
        m.files.put("/etc/init.d/web", ". /lib/lsb/init-functions\n", program);
        m.executor.on(show_web, 0, generated).on({"/etc/init.d/web", "status"}, row.status, row.out);
        CHECK(m.look(service_manager::systemd).state == row.state);
        REQUIRE(m.executor.commands().size() == 2);
    }
    machine m;
    m.files.put("/usr/bin/systemctl", "", program);
    m.executor.on(show_web, 0, generated);
    CHECK(m.look(service_manager::systemd) ==
          observed{observation::unknown, "there is no init script \"/etc/init.d/web\""});
}

TEST_CASE("what cannot be asked is unknown, with the reason") {
    using enum service_manager;
    machine m;
    CHECK(m.look(systemd).reason == "systemctl was not found in /usr/bin, /bin, /usr/sbin and /sbin");
    CHECK(m.look(openrc).reason == "rc-service was not found in /usr/bin, /bin, /usr/sbin and /sbin");
    CHECK(m.look(sysv).reason == "there is no init script \"/etc/init.d/web\"");
    m.files.put("/etc/init.d/plain", "", {.kind = file_kind::regular, .mode = 0644});
    CHECK(m.look(sysv, "plain").reason == "init script \"/etc/init.d/plain\" is not executable");
    m.files.put("/etc/init.d/below", "", {.kind = file_kind::directory, .mode = 0755});
    CHECK(m.look(sysv, "below").reason == "init script \"/etc/init.d/below\" is no regular file");
    m.files.fail_on("/etc/init.d/closed", {errc::io, "Permission denied"});
    CHECK(m.look(sysv, "closed").reason == "Permission denied");
    m.files.put("/etc/init.d/web", "", program);
    m.executor.on({"/etc/init.d/web", "status"}, unexpected{{errc::io, "cannot run it"}});
    CHECK(m.look(sysv).reason == "cannot run it");
    for (const auto manager : service_managers) {
        CHECK(m.look(manager, "../web").state == observation::unknown);
        CHECK(m.look(manager, "../web").reason.find("cannot be the name of a local service") != std::string::npos);
    }
    CHECK(m.executor.commands().size() == 1);
    for (const auto* name : {"web", "plain", "below", "closed"}) {
        CHECK(m.look(sysv, name).state == observation::unknown);
    }
}

TEST_CASE("a silent success counts unless the script may end before it looks") {
    struct case_row {
        std::string_view name;
        const char* script;
        file_kind kind;
        observation state;
    };
    constexpr case_row rows[] = {
        {"plain script", "#!/bin/sh\ncase $1 in status) pidof web >/dev/null;; esac\n", file_kind::regular,
         observation::running},
        {"guarded script", "#!/bin/sh\ntest -x /usr/sbin/web || exit 0\n", file_kind::regular, observation::unknown},
        {"behind a link", "", file_kind::symlink, observation::unknown},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        m.files.put("/etc/init.d/web", row.script, {.kind = row.kind, .mode = 0755});
        m.files.put("/sbin/rc-service", "", program);
        m.executor.on({"/etc/init.d/web", "status"}, 0).on({"/sbin/rc-service", "web", "status"}, 0);
        CHECK(m.look(service_manager::sysv).state == row.state);
        CHECK(m.look(service_manager::openrc).state == row.state);
    }
}

TEST_CASE("a real init script runs in /, with a clean environment and a time limit") {
    std::string directory{"/tmp/powerconsul-init-XXXXXX"};
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const std::string script = directory + "/web";
    std::ofstream{script} << "#!/bin/sh\n"
                             "[ \"$1 $#\" = 'status 1' ] || exit 101\n"
                             "[ \"$(pwd)\" = / ] || exit 102\n"
                             "[ -z \"${POWERCONSUL_TEST_LEAK+x}\" ] || exit 103\n"
                             "[ -e "
                          << directory
                          << "/slow ] && sleep 600\n"
                             "echo 'web is not running'; exit 3\n";
    REQUIRE(::chmod(script.c_str(), 0755) == 0);
    REQUIRE(::setenv("POWERCONSUL_TEST_LEAK", "1", 1) == 0);
    posix_spawn_executor executor;
    posix_files files;
    const service_probe_options options{
        .name = "web", .manager = service_manager::sysv, .timeout = seconds(30), .init_directory = directory};
    CHECK(service_probe{options, executor, files}() ==
          observed{observation::stopped, "init script exits 3 (not running)"});
    std::ofstream{directory + "/slow"};
    auto hasty = options;
    hasty.timeout = milliseconds{200};
    CHECK(service_probe{hasty, executor, files}() ==
          observed{observation::unknown, "init script did not answer in time"});
    for (const auto* name : {"/slow", "/web", ""}) CHECK(::remove((directory + name).c_str()) == 0);
}
