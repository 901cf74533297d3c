#include <powerconsul/doctor/agent.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/testing/memory_files.hpp>

#include "scene.hpp"

using namespace powerconsul;

namespace {

using words = std::vector<std::string>;

/// A machine with processes below /proc, and files that an agent may have read.
struct agents {
    testing::memory_files files{};
    made_up_machine machine{};

    agents() {
        files.put("/proc/version", "Linux");
        add(1, 0, {"/sbin/init"});
        add(20, 1, {"/bin/sh", "consul", "agent"});
        add(21, 1, {"consul", "monitor"});
    }

    void add(std::uint32_t pid, std::uint32_t parent, const words& line, std::uint32_t user = 0) {
        const std::string folder = "/proc/" + std::to_string(pid);
        std::string text;
        for (const auto& each : line) text += each + '\0';
        files.put(folder, "", {file_kind::directory, 0555, user, user, 0, 0});
        files.put(folder + "/cmdline", text);
        files.put(folder + "/stat", std::to_string(pid) + " (consul) S " + std::to_string(parent) +
                                        " 1 1 0 -1 4194304 5 6 7 8 9 10 11 12 20 0 1 0 1000 1000 200 1 0 0\n");
    }

    auto find(const std::string& data_dir = {}) { return find_agent_process(files, machine, {.data_dir = data_dir}); }

    auto read(const words& paths, words* seen = nullptr) {
        const auto parse = [&](const words& args) -> result<config::arguments> {
            if (seen != nullptr) *seen = args;
            if (args.size() < 2) return fail(errc::usage, "too short");
            return config::arguments{.words = {args[0], args[1]}};
        };
        return read_agent_files(files, machine, {.files = paths}, parse);
    }
};

}  // namespace

TEST_CASE("a call of powerconsul among the words of a check") {
    made_up_machine machine{.executable = {"/opt/powerconsul", "/usr/bin/powerconsul"},
                            .programs = {{"/opt/powerconsul", "#!/usr/bin/python3\nimport os\n"},
                                         {"/usr/bin/powerconsul", "#!/bin/sh\npython\n"}}};
    CHECK_FALSE(find_call(machine, {}).has_value());
    CHECK_FALSE(find_call(machine, {"/bin/true", "check"}).has_value());
    CHECK_FALSE(find_call(machine, {"/bin/powerconsul-https"}).has_value());
    const auto plain = find_call(machine, {"powerconsul", "check", "a=b"});
    REQUIRE(plain);
    CHECK(plain->args == words{"check", "a=b"});
    CHECK(plain->cause.empty());
    const auto by_env = find_call(machine, {"/usr/bin/env", "-i", "POWERCONSUL_NODE=a=b", "=c", "powerconsul", "role"});
    REQUIRE(by_env);
    CHECK(by_env->variables.size() == 1);
    CHECK(by_env->variables.at("POWERCONSUL_NODE") == "a=b");
    struct row {
        words call;
        std::string_view cause;
    };
    const row rows[] = {
        {{"/no/such/powerconsul"}, "/no/such/powerconsul is not there or cannot be executed"},
        {{"/usr/bin/powerconsul"}, ""},
        {{"bin/powerconsul"}, ""},
        {{"/opt/powerconsul"}, "/opt/powerconsul is python-powerconsul"},
        {{"/usr/bin/python3.9", "powerconsul"}, "powerconsul is python-powerconsul"},
    };
    for (const auto& row : rows) {
        const auto found = find_call(machine, row.call);
        REQUIRE(found);
        CHECK(found->cause == row.cause);
    }
}

TEST_CASE("the agent's process is the one with its data directory, or else the only one") {
    agents here;
    CHECK(here.find().error().message == "no process of this machine that can be seen is a Consul agent");
    here.add(100, 1, {"/usr/bin/consul", "agent", "-data-dir", "/var/a"}, 33);
    REQUIRE(here.find("/var/other"));
    CHECK(here.find()->pid == 100);
    CHECK(here.find()->parent == 1);
    CHECK(here.find()->user == 33);
    here.files.put("/etc/b.hcl", "data_dir = \"/var/b\"");
    here.add(200, 1, {"consul", "agent", "--config-file=/etc/b.hcl"});
    CHECK(here.find().error().message == "which of the 2 Consul agents on this machine it is cannot be told");
    CHECK(here.find("/var/a")->pid == 100);
    CHECK(here.find("/var/b")->pid == 200);
    CHECK(here.find("/var/b")->files == words{"/etc/b.hcl"});
    here.files.fail_on("/proc", {errc::io, "EIO"});
    CHECK(here.find().error().code == errc::unavailable);
}

TEST_CASE("an agent that is about to run a check is one agent, not two") {
    agents here;
    const words line{"consul", "agent", "-data-dir=/var/a"};
    here.add(100, 1, line);
    here.add(101, 100, line);
    CHECK(here.find("/var/a")->pid == 100);
    CHECK(here.find()->pid == 100);
    here.add(300, 1, line);
    CHECK_FALSE(here.find("/var/a").has_value());
}

TEST_CASE("the files of an agent: of its directories those with a known ending, in order") {
    agents here;
    here.machine.links["/proc/100/cwd"] = "/srv";
    for (const auto* name : {"/srv/conf/z.json", "/srv/conf/a.hcl", "/srv/conf/notes.txt"}) here.files.put(name, "{}");
    here.add(100, 1, {"consul", "agent", "-config-dir", "conf", "-config-file", "/etc/one", "-config-file=two.json"});
    CHECK(here.find()->files == words{"/etc/one", "/srv/two.json", "/srv/conf/a.hcl", "/srv/conf/z.json"});
}

TEST_CASE("checks as the agent's files have them") {
    agents here;
    here.files.put("/a.json", R"({"services": [
        {"name": "web", "id": "web-1", "checks": [{"args": ["a"], "timeout": "9s"}, {"Args": ["b"], "CheckID": "own"}]},
        {"name": "db", "check": {"script_args": "one", "name": "n"}}, {"name": "none", "check": {"http": "http://x"}}],
        "check": {"ServiceID": "web", "name": "solo", "args": ["c", "d"]}})");
    here.files.put("/b.hcl", "service { name = \"mail\" check { id = \"m\" args = [\"e\"] } }");
    const auto found = here.read({"/a.json", "/b.hcl"});
    REQUIRE(found);
    struct row {
        std::string_view id;
        std::string_view service;
        words args;
        std::int64_t timeout;
    };
    const row rows[] = {{"service:web-1:1", "web", {"a"}, 9000},
                        {"own", "web", {"b"}, 30'000},
                        {"service:db", "db", {"one"}, 30'000},
                        {"solo", "web", {"c", "d"}, 30'000},
                        {"m", "mail", {"e"}, 30'000}};
    REQUIRE(found->checks.size() == std::size(rows));
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        CAPTURE(rows[i].id);
        CHECK(found->checks[i].id == rows[i].id);
        CHECK(found->checks[i].service == rows[i].service);
        CHECK(found->checks[i].words == rows[i].args);
        CHECK(found->checks[i].timeout.count == rows[i].timeout);
    }
}

TEST_CASE("a file that cannot be read or understood might say anything") {
    agents here;
    here.files.put("/good.json", "{}");
    here.files.put("/bad.json", "{");
    here.files.put("/bad.hcl", "\n}");
    here.machine.broken = {"/broken.json"};
    here.machine.links["/link.json"] = "/good.json";
    CHECK(here.read({"/good.json", "/link.json"}).has_value());
    CHECK(here.read({"/broken.json"}).error().message == "the agent's file \"/broken.json\" cannot be read");
    CHECK(here.read({"/gone.json"}).error().message == "the agent's file \"/gone.json\" is gone");
    CHECK(here.read({"/good.json", "/bad.json"}).error().message.starts_with("/bad.json: "));
    CHECK(here.read({"/bad.hcl"}).error().message == "/bad.hcl: line 2: expected no } here");
}

TEST_CASE("a member that stands twice counts as Consul counts it: the last, and it is noted") {
    agents here;
    here.files.put("/a.json", R"({"service": {"name": "lost"}, "service": {"name": "web",
        "check": {"id": "c", "args": ["a"], "args": ["b"]}}})");
    here.files.put("/b.hcl", "service { name = \"mail\" }\nservice { name = \"db\" }");
    const auto found = here.read({"/a.json", "/b.hcl"});
    REQUIRE(found);
    CHECK(found->services == words{"web", "mail", "db"});
    REQUIRE(found->checks.size() == 1);
    CHECK(found->checks[0].words == words{"b"});
    CHECK(found->repeated ==
          words{R"(/a.json: "service" stands twice in one object, again at line 1, column 31 (byte 30))",
                R"(/a.json: "args" stands twice in one object, again at line 2, column 45 (byte 101))"});
}

TEST_CASE("settings of the files, the last one of them, and of the command line, which wins") {
    agents here;
    here.files.put("/a.json", R"({"enable_local_script_checks": true, "check_output_max_size": 100})");
    here.files.put("/b.hcl",
                   "enable_local_script_checks = false\ndiscard_check_output = true\nleave_on_terminate = false"
                   "\nskip_leave_on_interrupt = true");
    const auto of = [&](const words& paths, const words& line) {
        const auto parse = [](const words&) -> result<config::arguments> { return fail(errc::usage, "none"); };
        const auto found = read_agent_files(here.files, here.machine, {.files = paths, .words = line}, parse);
        REQUIRE(found);
        return found->settings;
    };
    const auto both = of({"/a.json", "/b.hcl"}, {});
    CHECK(both.local_scripts == false);
    CHECK_FALSE(both.remote_scripts.has_value());
    CHECK(both.output_size == 100);
    CHECK(both.discards_output == true);
    CHECK(both.leaves_on_terminate == false);
    CHECK(both.stays_on_interrupt == true);
    CHECK(of({"/b.hcl"}, {"consul", "agent", "-enable-local-script-checks"}).local_scripts == true);
    CHECK(of({"/a.json"}, {"consul", "--enable-local-script-checks=false"}).local_scripts == false);
    CHECK(of({}, {"consul", "-enable-script-checks=true"}).remote_scripts == true);
    CHECK(of({"/a.json"}, {"consul", "-hcl", "enable_local_script_checks = false"}).local_scripts == false);
    CHECK_FALSE(of({}, {"consul", "agent", "-data-dir", "/var"}).local_scripts.has_value());
}

TEST_CASE("how much of a check's output is kept, and its first status") {
    agents here;
    here.files.put("/a.json", R"({"checks": [{"id": "a", "args": ["x"], "output_max_size": 100},
        {"id": "b", "args": ["x"], "output_max_size": 9000, "status": "passing"}, {"id": "c", "args": ["x"], "output_max_size": 0}]})");
    const auto found = here.read({"/a.json"});
    REQUIRE(found);
    REQUIRE(found->checks.size() == 3);
    CHECK(found->checks[0].output_size == 100);
    CHECK(found->checks[1].output_size == 4096);
    CHECK(found->checks[2].output_size == 4096);
    CHECK(found->checks[0].initial.empty());
    CHECK(found->checks[1].initial == "passing");
}

TEST_CASE("handlers of watches on checks") {
    agents here;
    const auto handler = [&](const std::string& watch) {
        here.files.put("/a.json", R"({"watches": [{"type": "key"}, {"type": "checks", )" + watch + "}]}");
        auto found = here.read({"/a.json"});
        REQUIRE(found);
        REQUIRE(found->handlers.size() == 1);
        CHECK(found->handlers.front().where == "/a.json");
        return found->handlers.front();
    };
    CHECK(handler(R"("state": "critical", "args": ["powerconsul", "watch", "critical"])").state == "critical");
    CHECK(handler(R"("state": "any", "args": ["powerconsul", "watch", "critical"])").state.empty());
    CHECK(handler(R"("state": "x", "handler": "env A=1 powerconsul watch 'warning'")").acts_on == "warning");
    CHECK(handler(R"("state": "x", "args": ["/bin/true"])").acts_on.empty());
    const auto other =
        handler(R"("token": "secret", "datacenter": "dr", "args": ["powerconsul", "watch", "critical"])");
    CHECK(other.token == "secret");
    CHECK(other.datacenter == "dr");
    CHECK(handler(R"("state": "x", "args": ["/bin/true"])").cause.empty());
    struct row {
        std::string_view watch;
        std::string_view cause;
    };
    constexpr row rows[] = {
        {R"("handler": "a 'b")", "its handler cannot be understood: "},
        {R"("args": ["/no/powerconsul", "watch", "critical"])", "/no/powerconsul is not there"},
        {R"("args": ["powerconsul", "watch"])", "its handler calls powerconsul wrongly: too short"},
        {R"("args": ["powerconsul", "check", "x"])", "its handler calls powerconsul check, which is no handler"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.watch);
        CHECK(handler(std::string{row.watch}).cause.starts_with(row.cause));
    }
}
