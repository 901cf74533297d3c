#pragma once

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/json/value.hpp>

#include "../../tools/cli/run.hpp"

/// What the tests of the tool share: a folder of their own and the program's own entry, called with it.
namespace tool {

namespace cli = powerconsul::cli;
namespace json = powerconsul::json;

/// A directory of its own for each test, gone with it. Nothing outside of it is read or written.
class sandbox {
public:
    sandbox() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
    sandbox(const sandbox&) = delete;
    auto operator=(const sandbox&) -> sandbox& = delete;
    ~sandbox() { (void)std::system(("rm -rf " + path_).c_str()); }  // NOLINT: a path that mkdtemp made

    [[nodiscard]] auto operator/(std::string_view name) const -> std::string { return path_ + '/' + std::string{name}; }

    void write(std::string_view name, std::string_view text, unsigned mode = 0600) const {
        std::ofstream{*this / name} << text;
        REQUIRE(chmod((*this / name).c_str(), mode) == 0);
    }

    [[nodiscard]] auto text_of(std::string_view name) const -> std::string {
        std::ifstream file{*this / name};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    void init_script(std::string_view name, int status) const {
        (void)mkdir((*this / "init.d").c_str(), 0700);
        // An init script that exits 0 counts as running only if it says so, or cannot have left before it looked.
        const std::string end = status == 0 ? "true\n" : "exit " + std::to_string(status) + '\n';
        write("init.d/" + std::string{name}, "#!/bin/sh\n" + end, 0700);
    }

private:
    std::string path_{"/tmp/powerconsul-cli-XXXXXX"};
};

struct ended {
    int status{};
    std::string out{};
    std::string err{};
};

struct caller {
    const sandbox& box;
    std::map<std::string, std::string, std::less<>> environment{};
    std::string host{"production-web2.example.org"};
    std::optional<std::string> input{};                   ///< what standard input holds; nothing: there is none
    std::function<powerconsul::result<bool>()> detach{};  ///< stands for a process of its own
    std::function<bool()> is_old{};
    std::function<void(const std::vector<std::string>&)> renew{};
    std::function<powerconsul::result<void>(const std::string&)> act_as_owner{};

    [[nodiscard]] auto operator()(std::vector<std::string> args) const -> ended {
        cli::invocation call;
        call.args = std::move(args);
        call.environment = environment;
        call.host = host;
        if (input) {
            call.input = [this](std::size_t, powerconsul::milliseconds) { return powerconsul::result{*input}; };
        }
        call.detach = detach;
        call.is_old = is_old;
        call.renew = renew;
        call.act_as_owner = act_as_owner;
        call.environment.emplace("HOME", box / "home");
        call.environment.emplace("POWERCONSUL_CONFIG", box / "config.json");
        call.environment.emplace("POWERCONSUL_STATE_DIR", box / "state");
        call.environment.emplace("POWERCONSUL_STORE", box / "store.json");
        call.environment.emplace("POWERCONSUL_STOP_FILE", box / "stop");
        call.environment.emplace("POWERCONSUL_LOG", box / "log");
        for (const char* const each : {"TAKEOVER", "GIVE_BACK", "ABSENT"}) {
            call.environment.emplace("POWERCONSUL_" + std::string{each} + "_AFTER", "0s");
        }
        ended result;
        result.status = cli::run(call, result.out, result.err);
        return result;
    }

    [[nodiscard]] auto check(std::vector<std::string> more = {}) const -> ended {
        std::vector<std::string> args{
            "check", "service",          "-s",          "local", "-S", "web", "--service-manager",
            "sysv",  "--init-directory", box / "init.d"};
        args.insert(args.end(), more.begin(), more.end());
        return (*this)(std::move(args));
    }
};

/// Changes the record of the last known role as if this machine's agent had been asked, and not a store file.
inline void let_agent_be_asked(const sandbox& box) {
    auto record = box.text_of("state/last-known/web.json");
    const auto from = record.find(R"("cluster":)");
    REQUIRE(from != std::string::npos);
    record.erase(from, record.find(R"("role":)") - from);
    box.write("state/last-known/web.json", record);
}

[[nodiscard]] inline auto store_text(std::string_view document, std::string_view active) -> std::string {
    return R"({"agent": {"node": "production-web2", "datacenter": "hq"}, "datacenters": {"hq": {"kv": {"cluster/production/web": )" +
           std::string{document} + R"(}, "services": [
           {"service": "web", "node": "production-web1", "checks": {"service:web": ")" +
           std::string{active} + R"("}},
           {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}}]}}})";
}

inline constexpr std::string_view pair_document =
    R"({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})";

[[nodiscard]] inline auto member(const ended& result, std::string_view name) -> std::string {
    const auto line = json::parse(result.out);
    REQUIRE(line);
    const auto* const found = line->find(name);
    REQUIRE(found != nullptr);
    return found->is(json::kind::boolean) ? (found->boolean ? "true" : "false")
           : found->is(json::kind::null)  ? "null"
                                          : found->text;
}

}  // namespace tool
