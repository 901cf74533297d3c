#include <powerconsul/lint/trigger.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "../lint_lines.hpp"

using namespace powerconsul;
using namespace std::string_literals;
using words = std::vector<std::string>;

namespace {

lint_trigger_options with_names() {
    return {.known = {{"ENV", "production"},
                      {"HOST", "web1"},
                      {"ROLE", "web"},
                      {"SVC", "apache2"},
                      {"BAD", "a b"},
                      {"DIR", "bin"}}};
}

auto found(std::string_view text, const lint_trigger_options& options = with_names()) -> words {
    lint_report report;
    (void)json::lint_trigger(report, "k", text, options);
    return lines_of(report);
}

struct row {
    std::string_view name;
    std::string text;
    words lines;
};

}  // namespace

TEST_CASE("all of a trigger's errors are found, each at its place") {
    const row rows[] = {
        {"empty", "", {"k:1:1: error: the value is empty; expected a command, a script or text for /bin/sh"}},
        {"NUL", "a\0b"s, {"k:1:1: error: the value has a NUL at byte 1; remove it"}},
        {"byte order mark",
         "\xEF\xBB\xBF date",
         {"k:1:1: error: the value begins with a byte order mark; save it as UTF-8 without one"}},
        {"relative interpreter",
         "#!bash\n",
         {"k:1:1: error: line 1 of the script names the interpreter \"bash\", which is no absolute path; write the "
          "whole one, as in #!/bin/sh"}},
        {"CR LF",
         "#!/bin/sh\r\n",
         {"k:1:1: error: line 1 of the script ends in CR LF, and the CR would belong to the interpreter's name; save "
          "it with LF alone"}},
        {"a value that no shell may see",
         "echo @BAD",
         {R"(k:1:1: error: the value of "@BAD" has 0x20 at byte 1, and in text for a shell only A-Z a-z 0-9 . _ : @ % + , / = - are safe; use the form {"command": ["/path", "@BAD"]}, where a value is one argument whatever it holds)"}},
        {"not JSON",
         R"({"command": ["/bin/true"])",
         {R"(k:1:26: error: not valid JSON: expected "," or "}", found the end of the text; it was cut off; what begins like {"command": ["/path"]} is no text for /bin/sh)"}},
        {"neither",
         "{}",
         {R"(k:1:1: error: the value: has neither command nor script; expected {"command": ["/path", "argument"]})"}},
        {"both",
         R"({"command": ["/a"], "script": ":"})",
         {"k:1:21: error: script: stands beside command; keep one of the two"}},
        {"many at once",
         R"({"comand": 1, "command": ["a", 2, "x\u0000"], "timeout": "2h", "user": "a b", "timeout": 3, "zz": 0})",
         {R"(k:1:2: error: comand: this key is not known; did you mean "command"?)",
          R"(k:1:27: error: command[0]: expected the absolute path of a program, found "a")",
          "k:1:32: error: command[1]: expected a text, found a number",
          R"(k:1:35: error: command[2]: has a NUL (\u0000); remove it)",
          R"(k:1:58: error: timeout: "2h" is not between 1ms and 1h)",
          R"(k:1:72: error: user: "a b" is not the name of a user)",
          "k:1:79: error: timeout: the key comes twice; keep one",
          "k:1:93: error: zz: this key is not known; there are command, script, timeout, settle, backoff and user"}},
        {"no words", R"({"command": []})", {"k:1:13: error: command: the list is empty; it begins with a program"}},
        {"text instead of words",
         R"({"command": "/bin/true"})",
         {R"(k:1:13: error: command: expected a list such as ["/path", "argument"], found a string)"}},
        {"a script inside",
         R"({"script": "#!sh\n"})",
         {"k:1:12: error: script: line 1 of the script names the interpreter \"sh\", which is no absolute path; write "
          "the whole one, as in #!/bin/sh"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
}

TEST_CASE("what a trigger is going to be regretted for is a warning") {
    const auto relative = [](std::string_view place, std::string_view command) {
        return "k:" + std::string{place} + ": warning: the command " + std::string{command} +
               " is relative; triggers run in /, give its whole path";
    };
    const auto unknown = [](std::string_view place, std::string_view name) {
        return "k:" + std::string{place} + ": warning: the name @" + std::string{name} +
               " is not known and stays as it is; known are @ENV, @HOST, @ROLE, @SVC, @BAD and @DIR";
    };
    const row rows[] = {
        {"a program on the PATH", "service @SVC restart", {}},
        {"an absolute path", "/usr/sbin/service @{SVC}x restart", {}},
        {"relative", "./restart", {relative("1:1", "./restart")}},
        {"relative, without a dot", "bin/restart -f", {relative("1:1", "bin/restart")}},
        {"relative by substitution", "@DIR/restart", {relative("1:1", "bin/restart")}},
        {"behind what comes before", "# heal\n\nset -e\nA=1 B=x/y exec ./go; true", {relative("4:16", "./go")}},
        {"sourced", ". lib/functions", {relative("1:3", "lib/functions")}},
        {"behind cd", "cd /srv && ./go", {}},
        {"a variable", "$DIR/go", {}},
        {"quoted", "'./go'", {}},
        {"an assignment alone", "DIR=a/b", {}},
        {"in a script", "#!/bin/bash\n./go\n", {relative("2:1", "./go")}},
        {"by env", "#!/usr/bin/env bash\n./go\n", {relative("2:1", "./go")}},
        {"of another language", "#!/usr/bin/perl\n./go @ARGV\n", {}},
        {"a script in JSON", R"({"script": "./go @NOPE"})", {relative("1:12", "./go"), unknown("1:12", "NOPE")}},
        {"a shell's argument", R"({"command": ["/bin/sh", "-c", "./go"]})", {relative("1:31", "./go")}},
        {"an unknown name", "echo @NOPE\necho @{FOO_2}", {unknown("1:6", "NOPE"), unknown("2:6", "FOO_2")}},
        {"a name nearly known",
         "echo @SVCC @host",
         {"k:1:6: warning: the name @SVCC is not known and stays as it is; did you mean @SVC?",
          "k:1:12: warning: the name @host is not known and stays as it is; did you mean @HOST?"}},
        {"what is no name", R"(mail root@EXAMPLE.org; f "$@" "${a[@]}" @x @{u} @ @1 x@y me@HOST @A)", {}},
        {"a name in a command", R"({"command": ["/bin/echo", "@NOPE"]})", {unknown("1:27", "NOPE")}},
        {"one word of several",
         R"({"command": ["/usr/sbin/service apache2 restart"]})",
         {R"(k:1:14: warning: the program "/usr/sbin/service apache2 restart" has a blank in its name; give each argument as an item of its own)"}},
        {"a shell's words",
         R"({"command": ["/bin/a", "&&", "/bin/b", ">>", "x"]})",
         {R"(k:1:24: warning: "&&" goes to the program as it is: no shell reads a command)",
          R"(k:1:40: warning: ">>" goes to the program as it is: no shell reads a command)"}},
        {"words of expr", R"({"command": ["/usr/bin/expr", "1", "|", "2"]})", {}},
        {"left in the background",
         "nohup app &\ncd /srv && java -jar @SVC 2>>log &\n",
         {"k:1:1: warning: what app prints is lost once the trigger has ended; redirect it, as in "
          ">>/var/log/name.log 2>&1 &",
          "k:2:12: warning: what java prints is lost once the trigger has ended; redirect it, as in "
          ">>/var/log/name.log 2>&1 &"}},
        {"left in the background of a script in JSON",
         R"({"script": "app &"})",
         {"k:1:12: warning: what app prints is lost once the trigger has ended; redirect it, as in "
          ">>/var/log/name.log 2>&1 &"}},
        {"left in the background, with its output elsewhere", "app >>/var/log/app 2>&1 & app2 | logger &", {}},
        {"not UTF-8", "echo \xFF\xFE", {"k:1:6: warning: the text is not UTF-8 from here on; save it as UTF-8"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
    auto options = with_names();
    options.known.resize(3);
    options.all_names_known = false;
    CHECK(joined(found("echo @NOPE", options)) ==
          joined({"k:1:6: warning: the name @NOPE is not known and stays as it is; known are @ENV, @HOST and @ROLE "
                  "(give the nodes' configuration with --config)"}));
}

TEST_CASE("what ends its own shell is an error") {
    const std::string own = " also finds the shell that runs this text, as its arguments hold the text";
    const row rows[] = {
        {"shell text",
         "sleep 1\npkill -f @SVC; service @SVC start",
         {"k:2:1: error: pkill -f apache2" + own + ", and ends it; make it a script (#!), whose text is no argument"}},
        {"a shell's argument",
         R"({"command": ["/bin/sh", "-c", "pgrep -f app || start"]})",
         {"k:1:31: error: pgrep -f app" + own +
          ": it always finds something; write \"[a]pp\", or make it a script (#!), whose text is no argument"}},
        {"a script", "#!/bin/sh\npkill -f app; start\n", {}},
        {"a script in JSON", R"({"script": "pkill -f app; start"})", {}},
        {"another language", "#!/usr/bin/perl\nsystem q(a); pkill -f app;\n", {}},
        {"words of a command", R"({"command": ["/usr/bin/pkill", "-f", "app"]})", {}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(joined(found(each.text)) == joined(each.lines));
    }
}

TEST_CASE("a valid trigger tells which programs it needs, and where it names them") {
    struct programs_row {
        std::string_view name;
        std::string text;
        std::string programs;
    };
    const programs_row rows[] = {
        {"shell text", "  @SVC restart && true; x-@{HOST} y", "/bin/sh@0 apache2@2 x-web1@24 "},
        {"a script", "#!/bin/bash\nservice a restart\n", "/bin/bash@0 service@12 "},
        {"a script in JSON", R"({"script": "tool"})", "/bin/sh@0 tool@11 "},
        {"a command", R"({"command": ["/opt/tool", "other"]})", "/opt/tool@0 "},
        {"a shell's argument", R"({"command": ["/bin/sh", "-c", "tool"]})", "/bin/sh@0 tool@30 "},
        {"what cannot be taken apart", "tool (", "/bin/sh@0 "},
        {"another language", "#!/usr/bin/perl\nfoo;\n", "/usr/bin/perl@0 "},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        lint_report report;
        const auto made = json::lint_trigger(report, "k", each.text, with_names());
        REQUIRE(made);
        std::string all;
        for (const auto& one : made->programs) all += one.name + '@' + std::to_string(one.offset) + ' ';
        CHECK(all == each.programs);
    }
}

TEST_CASE("lint has an error where the decoder refuses, with its message") {
    const std::string texts[] = {"",
                                 " \n",
                                 "date",
                                 "./x",
                                 "#!",
                                 "#!/bin/sh",
                                 "#! sh",
                                 "{",
                                 "{ echo a; }",
                                 "{}",
                                 "{\"command\"",
                                 R"({"command": ["/a"]})",
                                 R"({"command": ["a"]})",
                                 R"({"command": ["/a", "@BAD"]})",
                                 R"({"script": "@BAD"})",
                                 R"({"script": ""})",
                                 R"({"script": 1})",
                                 R"({"command": null})",
                                 R"({"command": ["/a"], "timeout": 3})",
                                 R"({"command": ["/a"], "timeout": "0s"})",
                                 R"({"command": ["/a"], "timeout": "1h"})",
                                 R"({"command": ["/a"], "user": ""})",
                                 R"({"command": ["/a"], "user": "@BAD"})",
                                 R"({"command": ["/a"], "command": ["/b"]})",
                                 R"({"command": ["/a"], "x": 1})",
                                 "echo @BAD",
                                 "echo '@BADx'",
                                 "\xFF",
                                 "a\0"s,
                                 std::string(longest_action + 1, 'a'),
                                 "{\"command\":[\"/a\",\"" + std::string(longest_argument + 1, 'a') + "\"]}"};
    for (const auto& text : texts) {
        CAPTURE(text.substr(0, 60));
        lint_report report;
        const auto options = with_names();
        const auto valid = json::lint_trigger(report, "k", text, options);
        const auto decoded = json::decode_action(text, options.known, options.timeout);
        CHECK(valid.has_value() == decoded.has_value());
        CHECK((report.count(severity::error) == 0) == decoded.has_value());
        if (decoded) continue;
        const auto read = json::read_action(text, options.known, options.timeout);
        CHECK(json::sentence(read.problems.front(), text) == decoded.error().message);
    }
}
