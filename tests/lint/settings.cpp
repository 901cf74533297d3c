#include <powerconsul/lint/settings.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "../lint_lines.hpp"

using namespace powerconsul;
using words = std::vector<std::string>;

namespace {

auto found(std::string_view text) -> words {
    lint_report report;
    (void)json::lint_settings(report, "k", text);
    return lines_of(report);
}

struct row {
    std::string_view name;
    std::string_view text;
    words lines;
};

}  // namespace

TEST_CASE("all of a configuration's errors are found, each at its place") {
    const row rows[] = {
        {"fine", R"({"clusterKey": "cluster/production", "timeout": "8s", "stateDir": "/var/lib/powerconsul"})", {}},
        {"empty object", "{}", {}},
        {"a list", "[]", {"k:1:1: error: the file: expected an object, found a list"}},
        {"truncated",
         "{\"node\": \"a\"",
         {"k:1:13: error: not valid JSON: expected \",\" or \"}\", found the end of the text; it was cut off"}},
        {"a key that is not known",
         R"({"clusterkey": "a"})",
         {R"(k:1:16: error: clusterkey: this key is not known; did you mean "clusterKey"?)"}},
        {"many at once",
         "{\"clusterkey\": 1,\n \"timeout\": \"x\", \"consul\": {\"httpAdr\": 1, \"tokenFile\": 3},\n \"node\": \"a\", "
         "\"node\": \"b\", \"trigger\": {\"attempts\": 0, \"grace\": \"1s\"}}",
         {R"(k:1:16: error: clusterkey: this key is not known; did you mean "clusterKey"?)",
          R"(k:2:13: error: timeout: "x" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)",
          R"(k:2:40: error: consul.httpAdr: this key is not known; did you mean "httpAddr"?)",
          "k:2:56: error: consul.tokenFile: expected a text, found a number",
          "k:3:23: error: node: the key comes twice; keep one",
          R"(k:3:52: error: trigger.attempts: "0" is not a whole number from 1 to 100)"}},
        {"many in one list",
         R"({"subVars": {"": 1, "A": [], "B": 2, "@B": 3}, "noopTriggers": [1, "web", ""]})",
         {R"(k:1:18: error: subVars: a name is empty; name it as in "HOST")",
          "k:1:26: error: subVars.A: expected a text, found a list",
          "k:1:44: error: subVars.@B: the name comes twice; keep one",
          "k:1:65: error: noopTriggers[0]: expected the name of a service, found a number",
          "k:1:75: error: noopTriggers[2]: expected the name of a service, found an empty one"}},
        {"a key that comes twice is read all the same",
         R"({"timeout": "x", "timeout": "y"})",
         {R"(k:1:13: error: timeout: "x" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)",
          R"(k:1:29: error: timeout: "y" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)",
          "k:1:29: error: timeout: the key comes twice; keep one"}},
        {"a key that looks like a place",
         R"({"a at line 9, column 9 (byte 8): b": 1})",
         {"k:1:39: error: a at line 9, column 9 (byte 8): b: this key is not known; there are serviceFilter, clusterKey, triggerKey, subVars, noopTriggers, consulConfig, environment, serverRole, node, datacenter, consul, store, stateDir, serviceManager, initDirectory, format, timeout, maxAge, maxStale, consistent, healthCache, unknownExit, workUser, takeoverOn, takeoverAfter, giveBackAfter, absentAfter, log, logLevel, logFormat, stopFile and trigger"}},
        {"a key that looks like a place behind the text's end",
         R"({"a at line 1, column 64 (byte 63): b": 1})",
         {"k:1:41: error: a at line 1, column 64 (byte 63): b: this key is not known; there are serviceFilter, clusterKey, triggerKey, subVars, noopTriggers, consulConfig, environment, serverRole, node, datacenter, consul, store, stateDir, serviceManager, initDirectory, format, timeout, maxAge, maxStale, consistent, healthCache, unknownExit, workUser, takeoverOn, takeoverAfter, giveBackAfter, absentAfter, log, logLevel, logFormat, stopFile and trigger"}},
        {"what the decoder takes and the command refuses",
         R"({"clusterKey": "/cluster", "triggerKey": "a//b", "environment": "a/b", "timeout": "50ms", "format": "xml"})",
         {R"(k:1:16: error: clusterKey: the segment of key "/cluster" "" is empty)",
          R"(k:1:42: error: triggerKey: the segment of key "a//b" "" is empty)",
          "k:1:65: error: environment: the environment \"a/b\" contains '/', which would make it another key in "
          "Consul's KV store",
          R"(k:1:83: error: timeout: expected at least 100ms, found "50ms")",
          R"(k:1:101: error: format: "xml" is neither "json" nor "text")"}},
        {"an address that is none",
         R"({"consul": {"httpAddr": "ftp://a"}})",
         {R"(k:1:25: error: consul.httpAddr: the address of Consul "ftp://a" has an unknown scheme; use http://, https:// or unix://)"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
}

TEST_CASE("of a configuration's errors only so many are shown, and it is said that there are more") {
    const auto with_wrong_keys = [](std::size_t count) {
        std::string text = "{";
        for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\": 1";
        return text + '}';
    };
    CHECK(found(with_wrong_keys(json::most_problems - 1)).size() == json::most_problems - 1);
    const auto all = found(with_wrong_keys(json::most_problems + 50));
    REQUIRE(all.size() == json::most_problems + 1);
    CHECK(all.front() == "k: note: further errors are not shown");
}

TEST_CASE("what a configuration is going to be regretted for is a warning") {
    const row rows[] = {
        {"relative paths",
         R"({"stateDir": "state", "stopFile": "./stop", "consul": {"tokenFile": "token"}})",
         {"k:1:14: warning: stateDir is relative: it depends on where Consul was started; give the whole path",
          "k:1:35: warning: stopFile is relative: it depends on where Consul was started; give the whole path",
          "k:1:69: warning: consul.tokenFile is relative: it depends on where Consul was started; give the whole "
          "path"}},
        {"a relative path of init scripts",
         R"({"initDirectory": "init.d"})",
         {"k:1:19: warning: initDirectory is relative: it depends on where Consul was started; give the whole path"}},
        {"names of its own",
         R"({"subVars": {"@ENV": "x", "SVC": "apache2", "OPTS": "a;b"}})",
         {R"(k:1:14: warning: subVars.@ENV: @ENV is always this node's own; this value is never used)",
          R"(k:1:53: warning: subVars.OPTS: the value of "@OPTS" has ";" at byte 1, and in text for a shell only A-Z a-z 0-9 . _ : @ % + , / = - are safe; use the form {"command": ["/path", "@OPTS"]}, where a value is one argument whatever it holds)"}},
        {"services that cannot be",
         R"({"noopTriggers": ["web", "a/b"]})",
         {"k:1:26: warning: the Consul service name \"a/b\" contains '/', which would make it another key in Consul's "
          "KV store"}},
        {"a back-off that shrinks",
         R"({"trigger": {"backoff": "1m", "maxBackoff": "10s"}})",
         {"k:1:45: warning: trigger.maxBackoff is less than trigger.backoff"}},
        {"of the original only",
         R"({"consulConfig": "/etc/consul.json"})",
         {"k:1:2: note: consulConfig is accepted and does nothing: the agent itself is asked"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
}

TEST_CASE("the keys of a configuration are those that its decoder knows") {
    for (const std::string_view name : {"clusterKey", "subVars", "consul", "trigger", "timeout", "consulConfig"}) {
        CAPTURE(name);
        CHECK(json::is_settings_key(name));
    }
    for (const std::string_view name : {"clusterkey", "", "a\"b", "a\\", "active_nodes", "command"}) {
        CAPTURE(name);
        CHECK(!json::is_settings_key(name));
    }
}

TEST_CASE("lint has an error where the decoder refuses, and none of its own where both could judge") {
    const std::string_view texts[] = {"",
                                      "{",
                                      "{}",
                                      "[]",
                                      R"({"x": 1})",
                                      R"({"node": ""})",
                                      R"({"node": "a", "node": "a"})",
                                      R"({"subVars": 1})",
                                      R"({"subVars": {"": "a"}})",
                                      R"({"subVars": {"A": 1, "@A": 2}})",
                                      R"({"serviceFilter": "("})",
                                      R"({"serviceFilter": "^a"})",
                                      R"({"noopTriggers": [1]})",
                                      R"({"trigger": {"parallel": 65}})",
                                      R"({"trigger": {"parallel": 64}})",
                                      R"({"takeoverOn": "x"})",
                                      R"({"unknownExit": 4})",
                                      R"({"unknownExit": 3})",
                                      R"({"consul": {}})",
                                      R"({"consul": 1})",
                                      "{\"node\":\"\xFF\"}"};
    for (const auto text : texts) {
        CAPTURE(text);
        lint_report report;
        (void)json::lint_settings(report, "k", text);
        const auto decoded = json::decode_settings(text);
        CHECK((report.count(severity::error) == 0) == decoded.has_value());
        if (decoded) continue;
        const auto first = json::read_settings(text).problems.front();
        bool said = false;
        for (const auto& each : report.findings()) {
            said = said || each.message == (first.where.empty() ? "" : first.where + ": ") + first.what;
        }
        CHECK(said);
    }
}
