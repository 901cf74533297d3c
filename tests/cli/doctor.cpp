#include "../../tools/cli/run.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/doctor/agent.hpp>
#include <powerconsul/json/value.hpp>

#include "caller.hpp"

using tool::caller;
using tool::pair_document;
using tool::sandbox;
using tool::store_text;

namespace {

using words = std::vector<std::string>;

/// `point state` for each finding of `doctor --json`.
auto states_of(const tool::ended& run) -> words {
    const auto root = powerconsul::json::parse(run.out);
    REQUIRE(root);
    words found;
    for (const auto& each : root->find("findings")->items) {
        found.push_back(each.find("point")->text + ' ' + each.find("state")->text);
    }
    return found;
}

auto has(const words& all, std::string_view wanted) -> bool {
    for (const auto& each : all) {
        if (each == wanted) return true;
    }
    return false;
}

/// A shell with the words of an agent. What its script forks has them too; it has done so once this is made, and ends
/// with this.
struct agent_like {
    explicit agent_like(const words& argv) {
        std::array<int, 2> input{};
        std::array<int, 2> output{};
        REQUIRE(pipe2(input.data(), O_CLOEXEC) == 0);
        REQUIRE(pipe2(output.data(), O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input[0], 0);
        posix_spawn_file_actions_adddup2(&actions, output[1], 1);
        words text{argv};
        std::vector<char*> pointers;
        for (auto& each : text) pointers.push_back(each.data());
        pointers.push_back(nullptr);
        REQUIRE(posix_spawn(&pid, "/bin/sh", &actions, nullptr, pointers.data(), environ) == 0);
        posix_spawn_file_actions_destroy(&actions);
        close(input[0]);
        close(output[1]);
        stop = input[1];
        char said{};
        CHECK(read(output[0], &said, 1) == 1);
        close(output[0]);
    }
    agent_like(const agent_like&) = delete;
    auto operator=(const agent_like&) -> agent_like& = delete;
    ~agent_like() {
        close(stop);
        int status{};
        waitpid(pid, &status, 0);
    }

    pid_t pid{};
    int stop{-1};
};

}  // namespace

TEST_CASE("doctor with a store: what a store has no answer to is unknown, and never well") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_text(pair_document, "passing"));
    const caller run{box};
    const auto ended = run({"doctor", "-S", "web", "--json"});
    CHECK(ended.err.empty());
    CHECK((ended.status == 1 || ended.status == 2));
    const auto states = states_of(ended);
    for (const std::string_view each :
         {"agent ok", "connection ok", "leader ok", "node name ok", "role web ok", "rights web ok",
          "script checks unknown", "stop file ok", "state directory ok"}) {
        CAPTURE(each);
        CHECK(has(states, each));
    }
    CHECK_FALSE(has(states, "checks ok"));
    CHECK_FALSE(has(states, "watch critical ok"));
    box.write("stop", "");
    CHECK(has(states_of(run({"doctor", "-S", "web", "--json"})), "stop file warning"));
    const auto text = run({"doctor", "-S", "web"});
    CHECK(text.out.find("\nok       agent ") < text.out.find("\nwarning  "));
    const auto quiet = run({"doctor", "-S", "web", "-q"});
    CHECK(quiet.status == text.status);
    CHECK(quiet.out.substr(0, quiet.out.find('\n')) == text.out.substr(0, text.out.find('\n')));
    CHECK(quiet.out.find("\nok ") == std::string::npos);
    CHECK(quiet.out.find("\nwarning  stop file ") != std::string::npos);
    CHECK(text.out.find("\nwarning  stop file ") != std::string::npos);
    CHECK(text.out.find('\x1b') == std::string::npos);
    box.write("store.json", store_text("{}", "passing"));
    CHECK(has(states_of(run({"doctor", "-S", "web", "--json"})), "role web error"));
}

TEST_CASE("doctor and acl-policy refuse what is wrong with their call") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", store_text(pair_document, "passing"));
    const caller run{box};
    struct row {
        words args;
        int status;
        std::string_view text;
    };
    const row rows[] = {
        {{"doctor", "-S", "a/b"}, 64, "contains '/'"},
        {{"doctor", "--jsno"}, 64, "did you mean \"json\""},
        {{"doctor", "--timeout", "x"}, 64, "--timeout"},
        {{"acl-policy"}, 64, "-S/--consulservice is missing"},
        {{"acl-policy", "-S", "web", "--for", "chekc"}, 64, "neither all nor one of check, role"},
        {{"acl-policy", "-S", ".."}, 64, "another key"},
        {{"acl-policy", "-S", "web", "--environment", "a/b"}, 78, "clusterKey or --environment"},
    };
    for (const auto& row : rows) {
        const auto ended = run(row.args);
        CAPTURE(ended.err);
        CHECK(ended.status == row.status);
        CHECK(ended.out.empty());
        CHECK(ended.err.find(row.text) != std::string::npos);
    }
}

TEST_CASE("acl-policy names the nodes as Consul spells them") {
    const sandbox box;
    box.write("config.json", "{}");
    box.write("store.json", R"({"agent": {"node": "web2.example.org", "datacenter": "hq"}, "datacenters": {"hq": {
        "kv": {"cluster/production/web": {"active_nodes": ["web1", "web7"], "standby_nodes": ["web2"]}},
        "services": [{"service": "web", "node": "web1.example.org", "checks": {"c": "passing"}}]}}})");
    const caller run{box, {{"POWERCONSUL_ENVIRONMENT", "production"}}, "web2"};
    const auto policy = run({"acl-policy", "-S", "web"});
    CHECK(policy.status == 0);
    for (const std::string_view each : {"\nnode \"web1.example.org\" {", "\nnode \"web2.example.org\" {",
                                        "\nnode \"web7\" {", "\nagent \"web2.example.org\" {"}) {
        CAPTURE(each);
        CHECK(policy.out.find(each) != std::string::npos);
    }
    CHECK(policy.out.find("\nnode \"web1\" {") == std::string::npos);
    CHECK(policy.out.find("\nnode \"web2\" {") == std::string::npos);
}

TEST_CASE("an agent that is about to run a check is one agent, not two") {
    const sandbox box;
    const std::string data = box / "data";
    box.write("agent.json", R"({"data_dir": ")" + data + R"("})");
    powerconsul::posix_files files;
    powerconsul::posix_machine machine;
    const auto find = [&] { return powerconsul::find_agent_process(files, machine, {.data_dir = data}); };
    // It stands for an agent, and so does each child, which has its words: one first, then two that are no kin.
    const std::string script = "exec 3<&0; (echo; read stop <&3) & read stop";
    const std::vector<std::string> argv{"consul", "-c", script, "agent", "-config-file=" + (box / "agent.json")};
    const agent_like first{argv};
    const auto found = find();
    REQUIRE(found);
    CHECK(found->pid == first.pid);
    const agent_like second{argv};
    CHECK_FALSE(find().has_value());
}
