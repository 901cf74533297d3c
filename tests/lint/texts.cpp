#include <powerconsul/lint/texts.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "../lint_lines.hpp"

using namespace powerconsul;

namespace {

[[nodiscard]] auto entry(std::string_view key, std::string_view value) -> std::string {
    return R"({"key": ")" + std::string{key} + R"(", "flags": 0, "value": ")" + base64_encoded(value) + "\"}";
}

}  // namespace

TEST_CASE("a text is taken for what its names or its first line say") {
    struct row {
        std::string_view name;
        std::string_view file;
        std::string_view text;
        text_kind kind;
        bool certain;
    };
    using enum text_kind;
    const row rows[] = {
        {"a document", "x", R"({"active_nodes": [], "standby_nodes": []})", document, true},
        {"a misspelt one", "x", R"({"activ_nodes": []})", document, false},
        {"one that was cut off", "x", "{\"active_nodes\": ", document, true},
        {"a command", "x", R"({"command": ["/bin/true"], "timeout": "1s"})", trigger, true},
        {"a script", "x", "#!/bin/sh\n{}", trigger, true},
        {"a line for a shell", "x", "service web restart", trigger, false},
        {"a group of commands", "x", "{ date; }", trigger, false},
        {"a file of a shell's", "x.sh", "date", trigger, true},
        {"a configuration", "x", R"({"clusterKey": "a"})", configuration, true},
        {"a misspelt one", "x", R"({"clusterkey": "a"})", configuration, false},
        {"names of two kinds", "x", R"({"clusterKey": "a", "script": "x"})", trigger, false},
        {"nothing", "x", "{}", document, false},
        {"no JSON in a file that says so", "x.json", "date", document, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        json::problem wrong;
        const auto taken = guess_kind(each.file, each.text, json::parse(each.text, wrong));
        CHECK(to_string(taken.kind) == to_string(each.kind));
        CHECK(taken.certain == each.certain);
    }
    CHECK(parse_text_kind("trigger").value_or(document) == trigger);
    CHECK_FALSE(parse_text_kind("x"));
}

TEST_CASE("a configuration is held against this machine") {
    testing::memory_files files;
    files.put("/token", "secret", {.kind = file_kind::regular, .mode = 0644});
    files.put("/closed", "secret", {.kind = file_kind::regular, .mode = 0600});
    linter to{lint_surroundings{.own_files = {"own"}, .node = "production-web1"}, files};
    lint_text(
        to, "a",
        R"({"serviceManager": "upstart", "log": "file", "serviceFilter": "^t", "consul": {"tokenFile": "/token"}})",
        std::nullopt);
    lint_text(to, "b", R"({"consul": {"tokenFile": "/closed"}})", text_kind::configuration);
    lint_text(to, "c", R"({"consul": {"tokenFile": "/none"}})", text_kind::configuration);
    lint_text(to, "own", R"({"serviceFilter": "^t"})", std::nullopt);
    CHECK(
        joined(lines_of(to.report())) ==
        "a:1:20: error: serviceManager: \"upstart\" is not a service manager that is known here, expected systemd, "
        "sysv or openrc\n"
        "a:1:38: error: log: \"file\" is no destination for the log; expected none, stderr, syslog or the absolute path of "
        "a file or, with a / at its end, of a directory\n"
        "a:1:93: warning: consul.tokenFile: /token has the mode 0644, so that others can read the token; chmod 0600 "
        "it\n"
        "own:1:19: note: serviceFilter does not match this node, production-web1\n");
}

TEST_CASE("an export is looked through key by key") {
    testing::memory_files files;
    linter to{lint_surroundings{}, files};
    lint_text(to, "-",
              '[' + entry("app/setting", "1") + ',' + entry("cluster/a/web", R"({"mode": "all-active"})") + ',' +
                  entry("cluster/a/web/old", "x") + ',' + entry("triggers/a/web/secondary/critical", "date") + ']',
              std::nullopt);
    to.finish();
    CHECK(report_text(to.report()) ==
          "cluster/a/web/old: warning: no key that powerconsul reads: cluster documents stand at cluster/*/<service>\n"
          "triggers/a/web/secondary/critical: warning: this trigger never runs: the mode of its cluster document is "
          "all-active: every node is primary\n"
          "2 warnings in 2 documents; 1 other key passed over\n");
    linter none{lint_surroundings{}, files};
    lint_text(none, "-", "[]", std::nullopt);
    CHECK(none.report().count(severity::error) == 1);
}

TEST_CASE("a text that is empty or too long is an error") {
    testing::memory_files files;
    linter to{lint_surroundings{}, files};
    lint_text(to, "empty", "", std::nullopt);
    lint_text(to, "long", '#' + std::string(std::size_t{512} * 1024, 'x'), text_kind::trigger);
    CHECK(joined(lines_of(to.report())) ==
          "empty: error: is empty\nlong: error: a trigger of 524289 bytes; at most 524288 are taken\n");
}
