#include <powerconsul/config/settings_json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace powerconsul;

TEST_CASE("the original's configuration file loads unchanged") {
    const auto sound = json::decode_settings(R"({
      "serviceFilter": "^production-web[0-9]+$",
      "consulConfig": "/etc/consul.d/config.json",
      "clusterKey": "cluster/production",
      "subVars": {"@APPUSER": "www-data", "PORT": 8080, "@EMPTY": ""},
      "noopTriggers": ["web", "db"]
    })");
    REQUIRE_MESSAGE(sound, sound.error().message);
    CHECK(sound->text("serviceFilter") == "^production-web[0-9]+$");
    CHECK(sound->text("clusterKey") == "cluster/production");
    const std::vector<std::pair<std::string, std::string>> substitutions{
        {"APPUSER", "www-data"}, {"PORT", "8080"}, {"EMPTY", ""}};
    CHECK(sound->substitutions == substitutions);
    CHECK(sound->noop_triggers == std::vector<std::string>{"web", "db"});
    CHECK_FALSE(sound->values.contains("environment"));
    CHECK_FALSE(sound->values.contains("timeout"));
}

TEST_CASE("every key reaches its setting") {
    const auto read = json::decode_settings(R"({
      "triggerKey": "t/production", "environment": "production", "serverRole": "web", "node": "n1", "datacenter": "hq",
      "consul": {"httpAddr": "https://consul:8501", "tokenFile": "/etc/token"}, "store": "/s.json", "stateDir": "/state",
      "serviceManager": "systemd", "initDirectory": "/init.d", "format": "text", "timeout": "8s", "maxAge": 90, "maxStale": "3s",
      "consistent": true, "healthCache": "false", "unknownExit": 3, "workUser": "deploy",
      "takeoverOn": "warning", "takeoverAfter": "0s", "giveBackAfter": 30, "absentAfter": "2m", "noopTriggers": "web", "log": "/var/log/powerconsul/", "logLevel": "debug",
      "logFormat": "json", "stopFile": "/etc/stop", "trigger": {"timeout": "2m", "grace": 5, "backoff": "1s",
      "maxBackoff": "1h", "settle": "45s", "attempts": 7, "parallel": "64"}})");
    REQUIRE_MESSAGE(read, read.error().message);
    CHECK(read->text("triggerKey") == "t/production");
    CHECK(read->text("environment") == "production");
    CHECK(read->text("serverRole") == "web");
    CHECK(read->text("node") == "n1");
    CHECK(read->text("datacenter") == "hq");
    CHECK(read->text("consul.httpAddr") == "https://consul:8501");
    CHECK(read->text("consul.tokenFile") == "/etc/token");
    CHECK_FALSE(read->values.contains("consul.httpSsl"));
    CHECK(read->text("store") == "/s.json");
    CHECK(read->text("stateDir") == "/state");
    CHECK(read->text("serviceManager") == "systemd");
    CHECK(read->text("initDirectory") == "/init.d");
    CHECK(read->text("format") == "text");
    CHECK(read->text("timeout") == "8s");
    CHECK(read->text("maxAge") == "90");
    CHECK(read->text("maxStale") == "3s");
    CHECK(read->text("consistent") == "true");
    CHECK(read->text("healthCache") == "false");
    CHECK(read->text("unknownExit") == "3");
    CHECK(read->text("workUser") == "deploy");
    CHECK(read->text("takeoverOn") == "warning");
    CHECK(read->text("takeoverAfter") == "0s");
    CHECK(read->text("giveBackAfter") == "30");
    CHECK(read->text("absentAfter") == "2m");
    CHECK(read->noop_triggers == std::vector<std::string>{"web"});
    CHECK(read->text("log") == "/var/log/powerconsul/");
    CHECK(read->text("logLevel") == "debug");
    CHECK(read->text("logFormat") == "json");
    CHECK(read->text("stopFile") == "/etc/stop");
    CHECK(read->text("trigger.timeout") == "2m");
    CHECK(read->text("trigger.grace") == "5");
    CHECK(read->text("trigger.backoff") == "1s");
    CHECK(read->text("trigger.maxBackoff") == "1h");
    CHECK(read->text("trigger.settle") == "45s");
    CHECK(read->text("trigger.attempts") == "7");
    CHECK(read->text("trigger.parallel") == "64");
    CHECK(json::decode_settings("{}"));
    const auto partly = json::decode_settings(R"({"trigger": {"attempts": 1}})");
    REQUIRE(partly);
    CHECK(partly->text("trigger.attempts") == "1");
    CHECK_FALSE(partly->values.contains("trigger.timeout"));
    CHECK_FALSE(partly->values.contains("logLevel"));
    CHECK(json::decode_settings(R"({"unknownExit": "2"})")->text("unknownExit") == "2");
    CHECK(json::decode_settings(R"({"consulConfig": {"any": ["thing"]}})"));
}

TEST_CASE("every key of consul reaches its setting") {
    const auto read = json::decode_settings(R"({"consul": {
      "httpAddr": "unix:///run/consul.sock", "tokenFile": "/t", "httpAuthFile": "/a", "caFile": "/ca.pem", "caPath": "/ca",
      "clientCert": "/c.pem", "clientKey": "/k.pem", "tlsServerName": "server.hq.consul", "namespace": "team",
      "partition": "web", "httpSsl": true, "httpSslVerify": false}})");
    REQUIRE_MESSAGE(read, read.error().message);
    CHECK(read->text("consul.httpAddr") == "unix:///run/consul.sock");
    CHECK(read->text("consul.tokenFile") == "/t");
    CHECK(read->text("consul.httpAuthFile") == "/a");
    CHECK(read->text("consul.caFile") == "/ca.pem");
    CHECK(read->text("consul.caPath") == "/ca");
    CHECK(read->text("consul.clientCert") == "/c.pem");
    CHECK(read->text("consul.clientKey") == "/k.pem");
    CHECK(read->text("consul.tlsServerName") == "server.hq.consul");
    CHECK(read->text("consul.namespace") == "team");
    CHECK(read->text("consul.partition") == "web");
    CHECK(read->text("consul.httpSsl") == "true");
    CHECK(read->text("consul.httpSslVerify") == "false");
    CHECK(json::decode_settings(R"({"consul": {"httpSsl": "True"}})")->parsed("consul.httpSsl", false, parse_boolean));
    CHECK_FALSE(json::decode_settings(R"({"consul": {"httpSsl": 0}})")->parsed("consul.httpSsl", true, parse_boolean));
}

TEST_CASE("a wrong configuration names the key, its place and what was expected") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view message;
    };
    const row rows[] = {
        {"empty", "", "not valid JSON at line 1, column 1 (byte 0): it is empty; expected one value"},
        {"not JSON", "{\n'a': 1}",
         "not valid JSON at line 2, column 1 (byte 2): expected a name in double quotes, found a single quote; JSON has double quotes alone"},
        {"a list", "[]", "the file at line 1, column 1 (byte 0): expected an object, found a list"},
        {"misspelt key", R"({"clusterkey": "x"})",
         R"(clusterkey at line 1, column 16 (byte 15): this key is not known; did you mean "clusterKey"?)"},
        {"unknown key", R"({"zzzzzz": "red"})",
         "zzzzzz at line 1, column 12 (byte 11): this key is not known; there are serviceFilter, clusterKey, triggerKey, subVars, noopTriggers, consulConfig, environment, serverRole, node, datacenter, consul, store, stateDir, serviceManager, initDirectory, format, timeout, maxAge, maxStale, consistent, healthCache, unknownExit, workUser, takeoverOn, takeoverAfter, giveBackAfter, absentAfter, log, logLevel, logFormat, stopFile and trigger"},
        {"key twice", "{\"node\": \"a\",\n\"node\": \"b\"}",
         "node at line 2, column 9 (byte 22): the key comes twice; keep one"},
        {"text is empty", R"({"node": ""})", "node at line 1, column 10 (byte 9): expected a text, found an empty one"},
        {"text with a NUL", R"({"node": "a\u0000b"})",
         R"(node at line 1, column 10 (byte 9): "a\x00b" has a control character; remove it)"},
        {"text is a number", R"({"environment": 5})",
         "environment at line 1, column 17 (byte 16): expected a text, found a number"},
        {"text is null", R"({"stateDir": null})",
         "stateDir at line 1, column 14 (byte 13): expected a text, found null"},
        {"filter is not valid", R"x({"serviceFilter": "("})x",
         R"(serviceFilter at line 1, column 19 (byte 18): the expression "(" is refused at byte 1: missing closing parenthesis)"},
        {"filter is no text", R"({"serviceFilter": ["a"]})",
         "serviceFilter at line 1, column 19 (byte 18): expected a text, found a list"},
        {"substitutions are a list", R"({"subVars": []})",
         "subVars at line 1, column 13 (byte 12): expected an object, found a list"},
        {"a substitution is a list", R"({"subVars": {"@A": []}})",
         "subVars.@A at line 1, column 20 (byte 19): expected a text, found a list"},
        {"a substitution twice", R"({"subVars": {"@A": "1", "A": "2"}})",
         "subVars.A at line 1, column 30 (byte 29): the name comes twice; keep one"},
        {"a substitution without a name", R"({"subVars": {"@": "1"}})",
         R"(subVars at line 1, column 19 (byte 18): a name is empty; name it as in "HOST")"},
        {"a substitution in braces", R"({"subVars": {"@{A}": "1"}})",
         R"(subVars at line 1, column 22 (byte 21): the name "{A}" has a blank, a control character or a brace; name it as in "HOST", and use it as @HOST or @{HOST})"},
        {"a substitution with a blank", R"({"subVars": {"A ": "1"}})",
         R"(subVars at line 1, column 20 (byte 19): the name "A " has a blank, a control character or a brace; name it as in "HOST", and use it as @HOST or @{HOST})"},
        {"triggers are an object", R"({"noopTriggers": {}})",
         "noopTriggers at line 1, column 18 (byte 17): expected a list of service names, found an object"},
        {"a trigger is a number", R"({"noopTriggers": ["a", 1]})",
         "noopTriggers[1] at line 1, column 24 (byte 23): expected the name of a service, found a number"},
        {"consul is a text", R"({"consul": "localhost"})",
         "consul at line 1, column 12 (byte 11): expected an object, found a string"},
        {"misspelt key in consul", R"({"consul": {"httpaddr": "x"}})",
         R"(consul.httpaddr at line 1, column 25 (byte 24): this key is not known; did you mean "httpAddr"?)"},
        {"a flag that is neither", R"({"consul": {"httpSsl": "maybe"}})",
         R"(consul.httpSsl at line 1, column 24 (byte 23): "maybe" is neither "true" nor "false")"},
        {"a flag that is null", R"({"consul": {"httpSslVerify": null}})",
         "consul.httpSslVerify at line 1, column 30 (byte 29): expected true or false, found null"},
        {"a password in the file", R"({"consul": {"httpAuth": "x:y"}})",
         R"(consul.httpAuth at line 1, column 25 (byte 24): this key is not known; did you mean "httpAuthFile"?)"},
        {"a token in the file", R"({"consul": {"token": "x"}})",
         R"(consul.token at line 1, column 22 (byte 21): this key is not known; did you mean "tokenFile"?)"},
        {"time is a list", R"({"timeout": [8]})",
         "timeout at line 1, column 13 (byte 12): expected a text or a number, found a list"},
        {"time without sense", R"({"timeout": "soon"})",
         R"(timeout at line 1, column 13 (byte 12): "soon" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)"},
        {"time is a fraction", R"({"maxAge": 1.5})",
         R"(maxAge at line 1, column 12 (byte 11): "1.5" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)"},
        {"exit status 0", R"({"unknownExit": 0})",
         R"(unknownExit at line 1, column 17 (byte 16): "0" is not one of 1, 2 and 3)"},
        {"takeover", R"({"takeoverOn": "passing"})",
         R"(takeoverOn at line 1, column 16 (byte 15): "passing" is neither "critical" nor "warning")"},
        {"log is no text", R"({"log": ["a"]})", "log at line 1, column 9 (byte 8): expected a text, found a list"},
        {"log level", R"({"logLevel": "all"})",
         R"(logLevel at line 1, column 14 (byte 13): "all" is not a level of the log; expected error, warning, info or debug)"},
        {"log format", R"({"logFormat": "text"})",
         R"(logFormat at line 1, column 15 (byte 14): "text" is not a format of the log; expected logfmt or json)"},
        {"stop file", R"({"stopFile": false})",
         "stopFile at line 1, column 14 (byte 13): expected a text, found true or false"},
        {"trigger is a text", R"({"trigger": "60s"})",
         "trigger at line 1, column 13 (byte 12): expected an object, found a string"},
        {"misspelt key in trigger", R"({"trigger": {"maxbackoff": "1m"}})",
         R"(trigger.maxbackoff at line 1, column 28 (byte 27): this key is not known; did you mean "maxBackoff"?)"},
        {"no time-out", R"({"trigger": {"timeout": 0}})",
         R"(trigger.timeout at line 1, column 25 (byte 24): "0" is no time at all; expected more than 0)"},
        {"no attempts", R"({"trigger": {"attempts": 0}})",
         R"(trigger.attempts at line 1, column 26 (byte 25): "0" is not a whole number from 1 to 100)"},
        {"too many attempts", R"({"trigger": {"attempts": 101}})",
         R"(trigger.attempts at line 1, column 26 (byte 25): "101" is not a whole number from 1 to 100)"},
        {"too many at once", R"({"trigger": {"parallel": 65}})",
         R"(trigger.parallel at line 1, column 26 (byte 25): "65" is not a whole number from 1 to 64)"},
        {"the first of two errors", R"({"timeout": "x1", "colour": 1})",
         R"(timeout at line 1, column 13 (byte 12): "x1" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = json::decode_settings(each.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::configuration);
        CHECK(read.error().message == each.message);
    }
}

TEST_CASE("reading goes on behind what is wrong, and the first of all is the error") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::vector<std::string_view> wheres;
    };
    const row rows[] = {
        {"fine", "{}", {}},
        {"no JSON", "{", {"not valid JSON"}},
        {"keys", R"({"x": 1, "node": 2, "log": "/a", "timeout": "no"})", {"x", "node", "timeout"}},
        {"groups", R"({"consul": {"x": 1, "caFile": 2}, "trigger": 3})", {"consul.x", "consul.caFile", "trigger"}},
        {"lists",
         R"({"subVars": {"A": null, "B": true}, "noopTriggers": [1, "web", 2]})",
         {"subVars.A", "subVars.B", "noopTriggers[0]", "noopTriggers[2]"}},
        {"an expression is looked at only if it is a text",
         R"({"serviceFilter": "\u0001(", "x": 1})",
         {"serviceFilter", "x"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = json::read_settings(each.text);
        REQUIRE(read.problems.size() == each.wheres.size());
        for (std::size_t i = 0; i < each.wheres.size(); ++i) CHECK(read.problems[i].where == each.wheres[i]);
        const auto decoded = json::decode_settings(each.text);
        CHECK(decoded.has_value() == read.problems.empty());
        if (!decoded) CHECK(decoded.error().message == json::sentence(read.problems.front(), each.text));
    }
}

TEST_CASE("unknown keys alone may be ignored, with their names") {
    std::vector<std::string> ignored;
    const auto read = json::decode_settings(
        R"({"colour": 1, "node": "a", "trigger": {"pause": [], "attempts": 2}, "colour": {"x": 3}})", &ignored);
    REQUIRE_MESSAGE(read, read.error().message);
    CHECK(read->text("node") == "a");
    CHECK(read->text("trigger.attempts") == "2");
    CHECK(ignored == std::vector<std::string>{"colour", "trigger.pause", "colour"});
    // What the role depends on and is only misspelt is never ignored.
    for (const std::string_view key : {"clusterkey", "cluster_key", "clusterKeys", "Environment", "enviroment", "NODE",
                                       "data-center", "servicefilter", "serviceFilters", "server_role"}) {
        CAPTURE(key);
        CHECK_FALSE(json::decode_settings("{\"" + std::string{key} + "\": \"a\"}", &ignored));
    }
    for (const std::string_view key : {"mode", "nodes", "cluster", "key", "data", "service", "role"}) {
        CAPTURE(key);
        CHECK(json::decode_settings("{\"" + std::string{key} + "\": \"a\"}", &ignored));
    }

    for (const std::string_view text : {R"({"colour": 1, "node": 2})", R"({"node": "a", "colour": 1, "node": "a"})",
                                        R"({"colour": 1)", R"({"subVars": {"": 1}, "colour": 1})"}) {
        CAPTURE(text);
        const auto wrong = json::decode_settings(text, &ignored);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().message.find("not known") == std::string::npos);
    }
    // Whatever their number, what is known counts.
    std::string many = "{";
    for (std::size_t i = 0; i < json::most_problems + 50; ++i) many += "\"x" + std::to_string(i) + "\": 0, ";
    ignored.clear();
    const auto last = json::decode_settings(many + R"("node": "a"})", &ignored);
    REQUIRE(last);
    CHECK(last->text("node") == "a");
    CHECK(ignored.size() == json::most_problems);
    CHECK_FALSE(json::decode_settings(many + R"("node": 7})", &ignored));
}

TEST_CASE("no filter can be written in three ways") {
    for (const std::string_view text : {"{}", R"({"serviceFilter": null})", R"({"serviceFilter": ""})"}) {
        CAPTURE(text);
        const auto read = json::decode_settings(text);
        REQUIRE(read);
        CHECK(read->values.empty());
    }
}

TEST_CASE("the known keys are those that are read") {
    for (const auto key : json::settings_keys()) {
        CAPTURE(key);
        const auto read = json::read_settings("{\"" + std::string{key} + "\": null}");
        for (const auto& each : read.problems) CHECK(each.what.find("not known") == std::string::npos);
    }
    CHECK(json::settings_keys().size() == 32);
}
