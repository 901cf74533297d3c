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

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

static_assert(probe<service_probe<posix_spawn_executor, posix_files, posix_clock>>);
static_assert(probe<service_probe<testing::fake_executor&, testing::memory_files&, testing::manual_clock&>>);
static_assert(std::is_same_v<decltype(service_probe{service_probe_options{}, std::declval<posix_spawn_executor&>(),
                                                    std::declval<posix_files&>(), std::declval<posix_clock&>()}),
                             service_probe<posix_spawn_executor&, posix_files&, posix_clock&>>);
using probe_of_references =
    service_probe<testing::fake_executor&, testing::memory_files&, testing::manual_clock&, testing::fake_units&>;
static_assert(probe<probe_of_references>);
static_assert(!std::is_constructible_v<probe_of_references, service_probe_options, testing::fake_executor&,
                                       testing::memory_files&, testing::manual_clock&>,
              "a reference to a unit source must be given");

namespace {

const std::string properties =
    "--property=LoadState,ActiveState,SubState,SourcePath,Id,Type,ControlGroup,MainPID,NRestarts,"
    "ActiveEnterTimestampMonotonic,InactiveExitTimestampMonotonic,WantedBy,RequiredBy,BoundBy,UpheldBy,ExecStartPre,"
    "ExecStart,ExecStartPost,ExecStop,ExecStopPost,Wants,Requires,BindsTo,ConsistsOf";

auto show(std::string unit) -> std::vector<std::string> {
    return {"/usr/bin/systemctl", "show", "--all", "--no-pager", properties, "--", std::move(unit)};
}

const std::vector<std::string> show_web = show("web.service");

constexpr file_status program{.kind = file_kind::regular, .mode = 0755};
constexpr const char* generated = "LoadState=loaded\nActiveState=active\nSubState=exited\nSourcePath=/etc/init.d/web\n";

struct machine {
    testing::fake_executor executor{};
    testing::memory_files files{};
    testing::manual_clock clock{};

    auto look(service_manager manager, std::string name = "web") -> observed {
        return service_probe{{.name = std::move(name), .manager = manager}, executor, files, clock}();
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
        CHECK(service_probe{{.name = "web"}, m.executor, m.files, m.clock, units}() == row.seen);
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
        CHECK(service_probe{options, m.executor, m.files, m.clock, units}() ==
              observed{observation::running, "unit web.service is active (running)"});
        REQUIRE(m.executor.commands().size() == 1);
        CHECK(m.executor.commands()[0].timeout == milliseconds{2500});
    }
    machine m;
    testing::fake_units units;
    units.on("web.service", fail(errc::unavailable, "no bus"));
    CHECK(service_probe{{.name = "web"}, m.executor, m.files, m.clock, units}() ==
          observed{observation::unknown, "systemctl was not found in /usr/bin, /bin, /usr/sbin and /sbin"});
    // It took all of the time: no program is started that could not answer in it.
    testing::fake_units slow;
    slow.on("web.service", fail(errc::unavailable, "no bus"), seconds(60));
    m.files.put("/usr/bin/systemctl", "", program);
    CHECK(service_probe{{.name = "web"}, m.executor, m.files, m.clock, slow}() ==
          observed{observation::unknown, "no bus"});
    CHECK(m.executor.commands().empty());
}

TEST_CASE(
    "a unit source gets the name that systemctl would give to systemd, the answer is for the name as it was given") {
    machine m;
    testing::fake_units units;
    units.on("c\\x2b\\x2b@\\x2d.service", unit_state{"loaded", "active", "running"});
    CHECK(service_probe{{.name = "c++@\\x2d"}, m.executor, m.files, m.clock, units}() ==
          observed{observation::running, "unit c++@\\x2d.service is active (running)"});
}

namespace {

/// Debian's postgresql.service as systemd tells of it.
auto wrapper(const char* active = "active", const char* sub = "exited") -> unit_state {
    return {.load = "loaded", .active = active, .sub = sub, .type = "oneshot", .commands = {"/bin/true"}};
}

auto instance(const char* active, bool wanted = false) -> unit_state {
    return {.load = "loaded", .active = active, .sub = "running", .type = "notify", .wanted = wanted};
}

}  // namespace

TEST_CASE("the instances of its template decide for a unit that runs nothing itself") {
    using enum observation;
    const std::string stands = "unit db.service stands for its instances, ";
    const std::string runs_nothing =
        "unit db.service is active (exited) and runs nothing itself; systemd has loaded no db@*.service";
    auto setup = wrapper();
    setup.commands = {"/usr/sbin/set-up"};
    auto left = setup;
    left.control_group = "/system.slice/db.service";
    struct case_row {
        std::string_view name;
        unit_state unit;
        unit_state a;
        unit_state b;
        bool asks;
        observed seen;
    };
    const case_row rows[] = {
        {"all run",
         wrapper(),
         instance("active"),
         instance("active"),
         true,
         {running, stands + "running: db@a.service and db@b.service"}},
        {"one is stopped and wanted",
         wrapper(),
         instance("active"),
         instance("inactive", true),
         true,
         {degraded, stands + "running: db@a.service; stopped: db@b.service"}},
        {"one is stopped and not wanted",
         wrapper(),
         instance("active"),
         instance("inactive"),
         true,
         {running, stands + "running: db@a.service"}},
        {"one failed",
         wrapper(),
         instance("active"),
         instance("failed"),
         true,
         {degraded, stands + "running: db@a.service; stopped: db@b.service"}},
        {"none runs",
         wrapper(),
         instance("failed"),
         instance("inactive", true),
         true,
         {stopped, stands + "stopped: db@a.service and db@b.service"}},
        {"none counts", wrapper(), instance("inactive"), instance("inactive"), true, {unknown, runs_nothing}},
        {"a unit that does something, too",
         setup,
         instance("active"),
         instance("inactive", true),
         true,
         {degraded, stands + "running: db@a.service; stopped: db@b.service"}},
        {"the same without instances",
         setup,
         instance("inactive"),
         instance("inactive"),
         true,
         {running, "unit db.service is active (exited)"}},
        {"left processes, which run",
         left,
         instance("inactive", true),
         instance("inactive", true),
         false,
         {running, "unit db.service is active (exited)"}},
        {"stopped, and so are its instances",
         wrapper("inactive", "dead"),
         instance("inactive", true),
         instance("failed"),
         true,
         {stopped, "unit db.service is inactive (dead)"}},
        {"stopped, but an instance runs",
         wrapper("inactive", "dead"),
         instance("active"),
         instance("inactive"),
         true,
         {running, stands + "running: db@a.service"}},
        {"another service of that name runs",
         instance("active"),
         instance("inactive", true),
         instance("failed"),
         false,
         {running, "unit db.service is active (running)"}},
        {"another service of that name is stopped",
         instance("inactive"),
         instance("active"),
         instance("active"),
         false,
         {stopped, "unit db.service is inactive (running)"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        m.files.put("/sys/fs/cgroup/system.slice/db.service/cgroup.events", "populated 1\nfrozen 0\n");
        // Without a control group of its own, its main process says that it is there.
        m.files.put("/proc/17/stat", "");
        const auto alive = [](unit_state unit) {
            if (unit.sub == "running") unit.main_process = 17;
            return unit;
        };
        testing::fake_units units;
        units.on("db.service", alive(row.unit)).on("db@b.service", alive(row.b)).on("db@a.service", alive(row.a));
        CHECK(service_probe{{.name = "db"}, m.executor, m.files, m.clock, units}() == row.seen);
        CHECK(units.asked().size() == (row.asks ? 2 : 1));
        CHECK(m.executor.commands().empty());
    }
}

TEST_CASE("the template is that of the unit's own name, and its instances are asked for by systemctl if need be") {
    machine m;
    m.files.put("/usr/bin/systemctl", "", program);
    auto unit = wrapper();
    unit.id = "db.service";
    testing::fake_units units;
    units.on("alias.service", unit).on("db@*.service", fail(errc::denied, "access denied"), {1500});
    m.executor.on(show("db@*.service"), 0,
                  "Id=db@a.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n\n"
                  "Id=db@b.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nWantedBy=\n");
    CHECK(service_probe{{.name = "alias", .timeout = seconds(4)}, m.executor, m.files, m.clock, units}() ==
          observed{observation::stopped, "unit alias.service stands for its instances, stopped: db@a.service"});
    REQUIRE(m.executor.commands().size() == 1);
    CHECK(m.executor.commands()[0].timeout == milliseconds{2500});
    testing::fake_units slow;
    slow.on("db.service", wrapper()).on("db@*.service", fail(errc::timed_out, "no answer"));
    CHECK(service_probe{{.name = "db"}, m.executor, m.files, m.clock, slow}() ==
          observed{observation::unknown, "no answer"});
}

TEST_CASE("instances that are ignored need not run") {
    machine m;
    m.files.put("/proc/17/stat", "");
    auto running = instance("active");
    running.main_process = 17;
    testing::fake_units units;
    units.on("db.service", wrapper()).on("db@a.service", running).on("db@b.service", instance("inactive", true));
    const auto look = [&](std::vector<std::string> ignored) {
        return service_probe{{.name = "db", .ignored = std::move(ignored)}, m.executor, m.files, m.clock, units}()
            .state;
    };
    CHECK(look({}) == observation::degraded);
    CHECK(look({"b"}) == observation::running);
    CHECK(look({"db@b"}) == observation::running);
    CHECK(look({"x", "db@b.service"}) == observation::running);
    CHECK(look({"db"}) == observation::degraded);
    CHECK(look({"a"}) == observation::stopped);
}

TEST_CASE("the services that are part of a target decide for it") {
    using enum observation;
    const unit_state on{"loaded", "active", "running"};
    const unit_state failed{"loaded", "failed", "failed"};
    const unit_state idle{"loaded", "inactive", "dead"};
    struct case_row {
        std::string_view name;
        std::vector<std::string> parts;
        const char* active;
        observed seen;
    };
    const case_row rows[] = {
        {"no parts", {}, "active", {running, "unit app.target is active (active)"}},
        {"no services", {"a.socket", "b.target"}, "active", {running, "unit app.target is active (active)"}},
        {"none that counts", {"idle.service"}, "active", {running, "unit app.target is active (active)"}},
        {"one runs",
         {"idle.service", "on.service"},
         "active",
         {running, "unit app.target stands for its parts, running: on.service"}},
        {"one failed",
         {"on.service", "failed.service"},
         "active",
         {degraded, "unit app.target stands for its parts, running: on.service; stopped: failed.service"}},
        {"all failed",
         {"failed.service"},
         "active",
         {stopped, "unit app.target stands for its parts, stopped: failed.service"}},
        {"itself stopped", {"on.service"}, "inactive", {stopped, "unit app.target is inactive (active)"}},
        {"one that cannot be asked for", {"nowhere.service"}, "active", {unknown, "no answer"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        const auto part = [](const char* name, unit_state state) {
            state.id = name;
            return state;
        };
        testing::fake_units units;
        unit_state target{.load = "loaded", .active = row.active, .sub = "active"};
        target.parts = row.parts;
        units.on("app.target", target)
            .on("on.service", part("on.service", on))
            .on("idle.service", part("idle.service", idle))
            .on("failed.service", part("failed.service", failed))
            .on("nowhere.service", fail(errc::timed_out, "no answer"));
        CHECK(service_probe{{.name = "app.target"}, m.executor, m.files, m.clock, units}() == row.seen);
    }
}

TEST_CASE("all that systemd is asked has one time limit") {
    struct slow_executor {
        testing::manual_clock& clock;
        std::vector<milliseconds> limits{};
        auto run(const command& what) -> result<outcome> {
            limits.push_back(what.timeout);
            clock.advance(shorter(what.timeout, milliseconds{1500}));
            if (what.timeout < milliseconds{1500}) return outcome{.how = ending::timed_out};
            return outcome{.out = "Id=" + what.argv.back() + "\nConsistsOf=a.service b.service c.service\n" +
                                  "LoadState=loaded\nActiveState=active\nSubState=running\n"};
        }
    };
    machine m;
    m.files.put("/usr/bin/systemctl", "", program);
    const auto look = [&](milliseconds timeout) {
        slow_executor slow{m.clock};
        const auto seen = service_probe{{.name = "app.target", .timeout = timeout}, slow, m.files, m.clock}();
        return std::pair{seen.reason, slow.limits};
    };
    CHECK(look(seconds(6)).first ==
          "unit app.target stands for its parts, running: a.service, b.service and c.service");
    using limits = std::vector<milliseconds>;
    CHECK(look(seconds(4)) == std::pair{std::string{"systemctl did not answer in time"},
                                        limits{milliseconds{4000}, milliseconds{2500}, milliseconds{1000}}});
    CHECK(look(seconds(3)) ==
          std::pair{std::string{"systemd did not answer in time"}, limits{milliseconds{3000}, milliseconds{1500}}});
}

TEST_CASE("whether a unit has processes is looked up in its control group and for its main process") {
    using enum observation;
    const std::string gone = "unit web.service is active (running), but no process of it is left";
    const std::string group = "/system.slice/web.service/cgroup.events";
    struct case_row {
        std::string_view name;
        std::string path;
        const char* events;
        const char* main;
        bool runs;
    };
    const case_row rows[] = {
        {"in the group", "/sys/fs/cgroup" + group, "populated 1\nfrozen 0\n", "/proc/1/stat", true},
        {"main process in another group", "/sys/fs/cgroup" + group, "populated 0\nfrozen 0\n", "/proc/17/stat", true},
        {"in neither", "/sys/fs/cgroup" + group, "populated 0\nfrozen 0\n", "/proc/1/stat", false},
        {"in neither, version 1 beside version 2", "/sys/fs/cgroup/unified" + group, "populated 0\n", "/proc/1/stat",
         false},
        {"no such group", "/sys/fs/cgroup/elsewhere", "", "/proc/1/stat", true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        m.files.put(row.path, row.events);
        m.files.put(row.main, "");
        testing::fake_units units;
        units.on("web.service", unit_state{.load = "loaded",
                                           .active = "active",
                                           .sub = "running",
                                           .type = "forking",
                                           .control_group = "/system.slice/web.service",
                                           .main_process = 17});
        const auto look = [&] { return service_probe{{.name = "web"}, m.executor, m.files, m.clock, units}(); };
        CHECK(look() ==
              (row.runs ? observed{running, "unit web.service is active (running)"} : observed{unknown, gone}));
        m.files.fail_on("/proc/17", {errc::denied, "permission denied"});
        CHECK(look().state == running);
    }
}

TEST_CASE("how long a unit is up is counted while the machine is awake") {
    machine m;
    testing::fake_units units;
    units.on("web.service",
             unit_state{.load = "loaded", .active = "active", .sub = "running", .restarts = 1, .active_since = {}});
    const auto look = [&] { return service_probe{{.name = "web"}, m.executor, m.files, m.clock, units}().state; };
    CHECK(look() == observation::degraded);
    m.clock.suspend(seconds(600));
    CHECK(look() == observation::degraded);
    m.clock.advance(seconds(60));
    CHECK(look() == observation::running);
}

TEST_CASE("an exited unit that a unit source tells of is what its init script says") {
    machine m;
    m.files.put("/etc/init.d/web", ". /lib/lsb/init-functions\n", program);
    m.executor.on({"/etc/init.d/web", "status"}, 1, "web is not running ... failed!\n");
    testing::fake_units units;
    units.on("web.service", unit_state{"loaded", "active", "exited", "/etc/init.d/web"});
    CHECK(service_probe{{.name = "web"}, m.executor, m.files, m.clock, units}().state == observation::stopped);
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
    posix_clock clock;
    const service_probe_options options{
        .name = "web", .manager = service_manager::sysv, .timeout = seconds(30), .init_directory = directory};
    CHECK(service_probe{options, executor, files, clock}() ==
          observed{observation::stopped, "init script exits 3 (not running)"});
    std::ofstream{directory + "/slow"};
    auto hasty = options;
    hasty.timeout = milliseconds{200};
    CHECK(service_probe{hasty, executor, files, clock}() ==
          observed{observation::unknown, "init script did not answer in time"});
    for (const auto* name : {"/slow", "/web", ""}) CHECK(::remove((directory + name).c_str()) == 0);
}
