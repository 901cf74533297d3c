#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/doctor/machine_findings.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "made_up_machine.hpp"

/// A sound node production-web1: an agent that is process 100, with one check of the service web and handlers for both
/// states, the active of its document. A test makes one thing wrong.
struct scene {
    using words = std::vector<std::string>;

    /// The store, but for what a test says of a path. The scene must live as long.
    struct through {
        scene* its{};
        std::string token{};  ///< which the requests are made with
        auto perform(const powerconsul::http_request& request) -> powerconsul::result<powerconsul::http_response> {
            const auto with_token = its->answers_to.find(token);
            if (with_token != its->answers_to.end() && request.target.starts_with("/v1/internal/acl/authorize")) {
                return with_token->second;
            }
            for (const auto& [path, answer] : its->answers) {
                if (request.target.starts_with(path)) return answer;
            }
            return its->store.perform(request);
        }
    };

    /// Fakes hold locks and cannot be moved: this can.
    struct host {
        through consul;
        powerconsul::testing::fake_host<>& parts;
        powerconsul::testing::manual_clock& clock{parts.clock};
        powerconsul::testing::memory_files& files{parts.files};
        powerconsul::testing::fake_executor& programs{parts.programs};
        powerconsul::testing::fake_supervisor& jobs{parts.jobs};
        powerconsul::testing::fake_units& units{parts.units};
        powerconsul::testing::memory_accounts& users{parts.users};
        powerconsul::testing::recording_log& log{parts.log};
        powerconsul::testing::fake_network& network{parts.network};
        powerconsul::testing::fake_network& web{parts.web};
        powerconsul::sequential_runner& tasks{parts.tasks};
        const std::string& name{parts.name};
    };

    /// Takes `command subject option value …`; a first option `refused` is one that there is not. The variable
    /// TOKEN sets one, and with BROKEN there is no configuration.
    struct front {
        scene* its{};

        [[nodiscard]] auto find_words(const words& args) const -> powerconsul::config::command_words {
            return {args.empty() ? "" : args[0], args.size() < 2 ? "" : args[1]};
        }
        [[nodiscard]] auto parse(const words& args) const -> powerconsul::result<powerconsul::config::arguments> {
            powerconsul::config::arguments line{.words = find_words(args)};
            for (std::size_t i = 2; i + 1 < args.size(); i += 2) line.options[args[i]] = args[i + 1];
            if (line.has("refused")) return powerconsul::fail(powerconsul::errc::usage, "no such option");
            return line;
        }
        [[nodiscard]] auto configure(const powerconsul::config::arguments&, const powerconsul::found_call& call) const
            -> powerconsul::result<powerconsul::config::configuration> {
            if (call.variables.contains("BROKEN")) {
                return powerconsul::fail(powerconsul::errc::configuration, "no such file");
            }
            auto made = its->chosen;
            if (const auto token = call.variables.find("TOKEN"); token != call.variables.end()) {
                made.consul.token = token->second;
                made.token_source = "TOKEN";
            }
            return made;
        }
        [[nodiscard]] auto validate(const powerconsul::config::arguments& line) const -> powerconsul::result<void> {
            if (line.has("invalid")) return powerconsul::fail(powerconsul::errc::usage, "it cannot be carried out");
            return {};
        }
        [[nodiscard]] auto host_of(const powerconsul::config::configuration& wanted) const
            -> powerconsul::result<host> {
            return host{.consul = {its, wanted.consul.token}, .parts = its->parts};
        }
    };

    std::map<std::string, powerconsul::result<powerconsul::http_response>> answers{};  ///< by the path's beginning
    std::map<std::string, powerconsul::http_response> answers_to{};  ///< to the question for rights, by the token
    powerconsul::store store{{.node = "production-web1", .datacenter = "hq"}};
    made_up_machine machine{};
    powerconsul::testing::fake_host<> parts{};
    host here{.consul = {this}, .parts = parts};
    front reader{this};
    powerconsul::config::configuration chosen{};

    scene() {
        chosen.consul.address = "http://127.0.0.1:8500";
        chosen.timeout = powerconsul::seconds(8);
        chosen.roles.who = {.host = "production-web1", .environment = "production"};
        chosen.state_dir = "/state";
        chosen.watch.stop_file = "/stop";
        here.clock.set_wall(powerconsul::first_release + powerconsul::seconds(1'000'000));
        here.files.now = here.clock.wall().count / 1000;
        here.files.put("/state", "", directory(0));
        here.files.put("/run/systemd/system", "", directory(0));
        here.files.put("/proc/100", "", directory(0));
        using namespace std::string_view_literals;
        here.files.put("/proc/100/cmdline", "consul\0agent\0-config-file=/web.json\0"sv);
        here.files.put("/web.json", agent_file("powerconsul"));
        store.add("hq", {.service = "web", .node = "production-web1"});
        store.put("hq", "cluster/production/web", R"({"active_nodes": ["production-web1"], "standby_nodes": ["b"]})");
        answer("/v1/agent/self", 200, R"({"Config": {"Datacenter": "hq", "NodeName": "production-web1",
            "Version": "1.8.7"}, "DebugConfig": {"DataDir": "/var/consul", "EnableLocalScriptChecks": true,
            "EnableRemoteScriptChecks": false, "DiscardCheckOutput": false, "LeaveOnTerm": false,
            "SkipLeaveOnInt": true}})");
        answer("/v1/agent/checks", 200, R"({"web-role": {"Node": "production-web1", "CheckID": "web-role",
            "Name": "r", "Status": "passing", "Output": "", "ServiceID": "web", "ServiceName": "web"}})");
        answer("/v1/internal/acl/authorize", 401, "ACL support disabled");
    }
    scene(const scene&) = delete;
    auto operator=(const scene&) -> scene& = delete;

    static auto directory(std::uint32_t user) -> powerconsul::file_status {
        return {powerconsul::file_kind::directory, 0700, user, user, 0, 0};
    }
    void answer(const std::string& path, int status, std::string body) {
        answers.insert_or_assign(path, powerconsul::http_response{status, std::move(body), {}});
    }
    static auto agent_file(std::string_view program, std::string_view more = {}, std::string_view timeout = "9s")
        -> std::string {
        const auto call = [&](std::string_view args) {
            return "[\"" + std::string{program} + "\", " + std::string{args} + ']';
        };
        return R"({"enable_local_script_checks": true, "service": {"name": "web", "check": {"id": "web-role", "status": "passing", "timeout": ")" +
               std::string{timeout} + R"(", "args": )" +
               call(R"("check", "service", "consulservice", "web")" + std::string{more}) +
               R"(}}, "watches": [{"type": "checks", "state": "critical", "args": )" + call(R"("watch", "critical")") +
               R"(}, {"type": "checks", "state": "warning", "args": )" + call(R"("watch", "warning")") + "}]}";
    }
};
