#include <powerconsul/doctor/process_findings.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/fakes.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "made_up_machine.hpp"

using namespace powerconsul;

namespace {

constexpr std::string_view host_mounts =
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "23 22 0:5 / /proc rw - proc proc rw\n"
    "24 22 0:21 / /run rw - tmpfs tmpfs rw\n";

}  // namespace

TEST_CASE("where a path leads among mounts") {
    struct row {
        std::string_view mounts;
        std::string_view path;
        std::string_view place;
    };
    constexpr row rows[] = {
        {host_mounts, "/tmp/x", "8:1 /tmp/x"},
        {host_mounts, "/run/x", "0:21 /x"},
        {host_mounts, "/run", "0:21 "},
        {host_mounts, "/runner", "8:1 /runner"},
        {"1 0 8:1 / / rw\n2 1 8:1 /var/private/tmp /tmp rw\n", "/tmp/x", "8:1 /var/private/tmp/x"},
        {"1 0 8:1 / / rw\n2 1 0:9 / /tmp rw\n3 1 0:10 / /tmp rw\n", "/tmp/x", "0:10 /x"},
        {"1 0 8:1 / / rw\n2 1 0:9 / /tmp/x\\040y rw\n", "/tmp/x y/z", "0:9 /z"},
        {"1 0 8:1 / / rw\n2 1 0:9 / /tmp\\04 rw\n", "/tmp\\04/z", "0:9 /z"},
        {"1 0 8:1 / /mnt rw\n", "/tmp/x", ""},
        {"1 0 8:1\n\n", "/tmp/x", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.mounts);
        CAPTURE(row.path);
        CHECK(detail::place_of(row.mounts, row.path) == row.place);
    }
}

TEST_CASE("what PrivateTmp hides from this process, and where it is found") {
    testing::memory_files files;
    const std::string theirs =
        std::string{host_mounts} + "30 22 8:1 /tmp/systemd-private-1-consul/tmp /tmp rw - ext4 x rw\n";
    files.put("/proc/self/mountinfo", host_mounts);
    files.put("/proc/100/mountinfo", theirs);
    files.put("/proc/200/mountinfo", host_mounts);
    const agent_mounts mounts{files, 100};
    CHECK(mounts.hides("/tmp/deploy.noop"));
    CHECK(mounts.of_agent("/tmp/deploy.noop") == "/proc/100/root/tmp/deploy.noop");
    CHECK_FALSE(mounts.hides("/run/deploy.noop"));
    CHECK(mounts.of_agent("/run/deploy.noop") == "/run/deploy.noop");
    CHECK_FALSE(agent_mounts{files, 200}.hides("/tmp/deploy.noop"));
    CHECK_FALSE(agent_mounts{files, 300}.hides("/tmp/deploy.noop"));  // may not be read
    CHECK_FALSE(agent_mounts{}.hides("/tmp/deploy.noop"));
}

TEST_CASE("the agent's unit, and what ends with it") {
    CHECK(unit_of("0::/system.slice/consul.service\n") == "consul.service");
    CHECK(unit_of("9:pids:/other.service\n1:name=systemd:/system.slice/consul.service\n") == "consul.service");
    CHECK(unit_of("0::/user.slice/user-0.slice/user@0.service/app.slice/consul.service") == "consul.service");
    for (const std::string_view none : {"", "0::/\n", "0::/user.slice/session-1.scope\n", "9:pids:/a.service\n"}) {
        CHECK(unit_of(none).empty());
    }
    testing::memory_files files;
    made_up_machine machine{.executable = {"/usr/bin/systemctl"}};
    const auto look = [&](result<outcome> end, std::uint32_t user = 33) {
        testing::fake_executor programs;
        programs.on({"/usr/bin/systemctl", "show", "--no-pager", "--property=KillMode", "--", "consul.service"}, end);
        return look_at_unit(files, machine, programs, {.pid = 100, .user = user});
    };
    const auto says = [&](std::string out, int status = 0) { return look(outcome{.status = status, .out = out}); };
    CHECK(says("").what == "it is no service of systemd: its end ends nothing else");
    files.put("/proc/100/cgroup", "0::/system.slice/consul.service\n");
    CHECK(says("KillMode=process\n").what == "consul.service has KillMode=process");
    CHECK(says("KillMode=none\n").state == condition::ok);
    for (const std::string mode : {"control-group", "mixed"}) {
        const auto found = says("KillMode=" + mode + "\n");
        CHECK(found.state == condition::warning);
        CHECK(found.what == "consul.service has KillMode=" + mode +
                                ": when it is restarted, whatever triggers have started ends with it, since only root "
                                "gives them scopes of their own");
        const auto of_root = look(outcome{.out = "KillMode=" + mode + "\n"}, 0);
        CHECK(of_root.state == condition::ok);
        CHECK(of_root.what == "a restart of consul.service ends no trigger: each has a scope of its own");
        CHECK(found.remedy == "systemctl edit consul.service: KillMode=process below [Service]");
    }
    CHECK(says("").state == condition::unknown);
    CHECK(says("KillMode=process\n", 1).state == condition::unknown);
    CHECK(look(fail(errc::io, "no such program")).what == "no such program");
    machine.executable.clear();
    CHECK(says("KillMode=process\n").what.find("\"/bin/systemctl\"") != std::string::npos);
}

TEST_CASE("the agent's user, and whether sudo works") {
    testing::memory_files files;
    const auto look = [&](std::uint32_t user) { return look_at_user(files, {.pid = 100, .user = user}); };
    CHECK(look(0).what == "checks and triggers run as root");
    CHECK(look(33).state == condition::ok);
    files.put("/proc/100/status", "Name:\tconsul\nNoNewPrivs:\t0\nSeccomp:\t0\n");
    CHECK(look(33).what == "checks and triggers run as the user with the id 33");
    files.put("/proc/100/status", "Name:\tconsul\nNoNewPrivs:\t1\nSeccomp:\t0\n");
    CHECK(look(0).state == condition::ok);
    CHECK(look(33).state == condition::warning);
    CHECK_FALSE(look(33).remedy.empty());
}
