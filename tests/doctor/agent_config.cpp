#include <powerconsul/doctor/agent_config.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

/// As Consul 1.8.7 writes it, without what is not read.
constexpr std::string_view body = R"({
  "Config": {"Datacenter": "hq", "NodeName": "web1", "Version": "1.8.7"},
  "DebugConfig": {
    "Checks": [{"ID": "solo", "Name": "solo", "ScriptArgs": ["/bin/true", "x"], "ServiceID": "web-1", "Timeout": "0s"},
               {"ID": "node", "ScriptArgs": ["/bin/true"], "ServiceID": "", "Timeout": "1m30s"},
               {"ID": "http", "ScriptArgs": [], "HTTP": "http://x", "Timeout": "1s"}],
    "DataDir": "/var/lib/consul", "EnableLocalScriptChecks": true, "EnableRemoteScriptChecks": false,
    "DiscardCheckOutput": false, "CheckOutputMaxSize": 4096, "LeaveOnTerm": true,
    "SkipLeaveOnInt": false, "Services": [{"ID": "web-1", "Name": "web", "Check": {"CheckID": "", "ScriptArgs": []},
                  "Checks": [{"CheckID": "role", "Name": "r", "ScriptArgs": ["/bin/powerconsul", "check"], "Timeout": "9s", "Interval": "10s"}]},
                 {"ID": "", "Name": "db", "Check": {"CheckID": "", "ScriptArgs": ["/bin/false"], "Timeout": "500ms"},
                  "Checks": null},
                 {"ID": "mail", "Name": "mail", "Check": {"HTTP": "", "Header": {}, "TTL": "0s", "Interval": "0s"},
                  "Checks": [{"ScriptArgs": ["a"]}, {"ScriptArgs": ["b"]}]}],
    "Watches": [{}, {}]}})";

}  // namespace

TEST_CASE("what an agent shows of its configuration") {
    const auto agent = decode_agent_config(body);
    REQUIRE(agent);
    CHECK(agent->node == "web1");
    CHECK(agent->datacenter == "hq");
    CHECK(agent->version == "1.8.7");
    CHECK(agent->data_dir == "/var/lib/consul");
    CHECK(agent->settings.local_scripts == true);
    CHECK(agent->settings.remote_scripts == false);
    CHECK(agent->settings.discards_output == false);
    CHECK(agent->settings.output_size == 4096);
    CHECK(agent->settings.leaves_on_terminate == true);
    CHECK(agent->settings.stays_on_interrupt == false);
    REQUIRE(agent->checks);
    struct row {
        std::string_view id;
        std::string_view service;
        std::size_t words;
        std::int64_t timeout;
    };
    constexpr row rows[] = {{"role", "web", 2, 9000},
                            {"service:db", "db", 1, 500},
                            {"service:mail:1", "mail", 1, 30'000},
                            {"service:mail:2", "mail", 1, 30'000},
                            {"solo", "web", 2, 30'000},
                            {"node", "", 1, 90'000}};
    REQUIRE(agent->checks->size() == std::size(rows));
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        const auto& check = (*agent->checks)[i];
        CAPTURE(check.id);
        CHECK(check.id == rows[i].id);
        CHECK(check.service == rows[i].service);
        CHECK(check.words.size() == rows[i].words);
        CHECK(check.timeout.count == rows[i].timeout);
        CHECK(check.interval == seconds(check.id == "role" ? 10 : 0));
    }
}

TEST_CASE("what is not shown is nothing, not false and not none") {
    const std::string config = R"("Config": {"Datacenter": "hq", "NodeName": "web1"})";
    for (const std::string& more :
         {std::string{}, std::string{R"(, "DebugConfig": {})"},
          std::string{R"(, "DebugConfig": {"EnableLocalScriptChecks": 1, "Services": []})"}}) {
        CAPTURE(more);
        const auto agent = decode_agent_config('{' + config + more + '}');
        REQUIRE(agent);
        CHECK_FALSE(agent->settings.local_scripts.has_value());
        CHECK_FALSE(agent->settings.remote_scripts.has_value());
        CHECK_FALSE(agent->settings.discards_output.has_value());
        CHECK_FALSE(agent->checks.has_value());
        CHECK(agent->version.empty());
    }
    for (const std::string_view text : {"{}", "[]", "x", R"({"Config": {"NodeName": "web1"}})"}) {
        CAPTURE(text);
        const auto agent = decode_agent_config(text);
        REQUIRE_FALSE(agent);
        CHECK(agent.error().code == errc::bad_data);
    }
}
