#include <powerconsul/heal/action.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;
using namespace std::string_literals;

namespace {

using words = std::vector<std::string>;

const std::vector<substitution> known{{"SHELL", "/bin/bash"}, {"HOST", "web1"}, {"BAD", "a b"}, {"OPTION", "-x"}};

}  // namespace

TEST_CASE("the first line of a script is read as the kernel reads it") {
    struct row {
        std::string_view name;
        std::string script;
        words expected;
    };
    const row rows[] = {
        {"plain", "#!/bin/sh\nexit 0\n", {"/bin/sh"}},
        {"without a newline", "#!/bin/sh", {"/bin/sh"}},
        {"blanks before and behind", "#! \t/bin/sh \t\n", {"/bin/sh"}},
        {"an argument", "#!/bin/bash -e\n", {"/bin/bash", "-e"}},
        {"one argument, whatever it holds", "#!/usr/bin/env -S  perl -w \t\n", {"/usr/bin/env", "-S  perl -w"}},
        {"a tab before the argument", "#!/bin/sh\t-e", {"/bin/sh", "-e"}},
        {"env", "#!/usr/bin/env bash\n", {"/usr/bin/env", "bash"}},
        {"a CR later", "#!/bin/sh\nexit\r\n", {"/bin/sh"}},
        {"the longest", "#!/" + std::string(252, 'a') + "\n", {"/" + std::string(252, 'a')}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto argv = parse_interpreter(each.script);
        REQUIRE_MESSAGE(argv, argv.error().message);
        CHECK(*argv == each.expected);
    }
}

TEST_CASE("a first line that the kernel would not run as it is meant is refused") {
    struct row {
        std::string_view name;
        std::string script;
        std::string_view message;
    };
    const row rows[] = {
        {"no script", "exit 0", "does not begin with #!"},
        {"CR LF", "#!/bin/sh\r\nexit 0\r\n",
         "ends in CR LF, and the CR would belong to the interpreter's name; save it with LF alone"},
        {"CR LF behind an argument", "#!/bin/sh -e\r\n",
         "ends in CR LF, and the CR would belong to the interpreter's name; save it with LF alone"},
        {"CR alone", "#!/bin/sh\rexit 0\n", "has a CR at byte 9; end the lines with LF alone"},
        {"nothing", "#!", "names no interpreter behind #!; expected its absolute path, as in #!/bin/sh"},
        {"blanks", "#! \t\n/bin/sh", "names no interpreter behind #!; expected its absolute path, as in #!/bin/sh"},
        {"relative", "#!bash\n",
         R"(names the interpreter "bash", which is no absolute path; write the whole one, as in #!/bin/sh)"},
        {"relative with a path", "#!./bin/sh -e\n",
         R"(names the interpreter "./bin/sh", which is no absolute path; write the whole one, as in #!/bin/sh)"},
        {"too long", "#!/" + std::string(253, 'a') + "\n", "has 256 bytes, of which the kernel reads 255; shorten it"},
        {"too long without an end", "#!/bin/sh " + std::string(300, 'a'),
         "has 310 bytes, of which the kernel reads 255; shorten it"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto refused = parse_interpreter(each.script);
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == error{errc::bad_data, "line 1 of the script " + std::string{each.message}});
    }
}

TEST_CASE("a script goes to its interpreter, its names substituted in all lines") {
    const auto script = script_action("#!@SHELL -e\necho @HOST \xFF\r\n", known, seconds(7));
    REQUIRE_MESSAGE(script, script.error().message);
    CHECK(script->argv == words{"/bin/bash", "-e"});
    CHECK(script->script == "#!/bin/bash -e\necho web1 \xFF\r\n");
    CHECK(script->timeout == seconds(7));
    CHECK(script->user.empty());

    const auto plain = script_action("echo @HOST\n", known, seconds(7));
    REQUIRE(plain);
    CHECK(plain->argv == words{"/bin/sh"});
    CHECK(plain->script == "echo web1\n");

    CHECK(
        script_action("#!/bin/sh\necho @BAD", known, {}).error().message.starts_with("the value of \"@BAD\" has 0x20"));
    CHECK(
        script_action("#!@HOST\n", known, {}).error().message ==
        R"(line 1 of the script names the interpreter "web1", which is no absolute path; write the whole one, as in #!/bin/sh)");
}

TEST_CASE("text goes to the shell, as an argument or where it is too long as a script") {
    const auto text = shell_action("echo \"@HOST\" 'it' \\\n$(id) \xFF\r\n", known, seconds(7));
    REQUIRE_MESSAGE(text, text.error().message);
    CHECK(text->argv == words{"/bin/sh", "-c", "echo \"web1\" 'it' \\\n$(id) \xFF\r\n"});
    CHECK(text->script.empty());
    CHECK(text->timeout == seconds(7));

    const std::string longest(longest_shell_text, 'x');
    CHECK(shell_action(longest, known, {})->script.empty());
    CHECK(shell_action(longest, known, {})->argv.back() == longest);
    const auto longer = shell_action(longest + 'x', known, seconds(7));
    REQUIRE(longer);
    CHECK(longer->argv == words{"/bin/sh"});
    CHECK(longer->script == longest + 'x');
    CHECK(longer->timeout == seconds(7));
    // What counts is the length of what is run.
    CHECK_FALSE(shell_action("@{SHELL}" + longest.substr(8), known, {})->script.empty());
}

TEST_CASE("text that begins as an option does is still text") {
    CHECK(shell_action("-x", known, {})->argv == words{"/bin/sh", "-c", " -x"});
    CHECK(shell_action("+x", known, {})->argv == words{"/bin/sh", "-c", " +x"});
    CHECK(shell_action("@OPTION", known, {})->argv == words{"/bin/sh", "-c", " -x"});
}

TEST_CASE("what cannot be run in any form is refused") {
    struct row {
        std::string_view name;
        std::string text;
        std::string_view message;
    };
    const row rows[] = {
        {"empty", "", "is empty; expected a command, a script or text for /bin/sh"},
        {"only blanks", " \t\r\n", "is empty; expected a command, a script or text for /bin/sh"},
        {"NUL", "echo\0 a"s, "has a NUL at byte 4; remove it"},
        {"too long", std::string(longest_action + 1, 'x'),
         "has 1048577 bytes, at most 1048576 are taken; keep a long script in a file on the node and call that"},
        {"byte order mark", "\xEF\xBB\xBF#!/bin/sh\n", "begins with a byte order mark; save it as UTF-8 without one"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto script = script_action(each.text, known, {});
        REQUIRE_FALSE(script);
        CHECK(script.error() == error{errc::bad_data, "the script " + std::string{each.message}});
        const auto text = shell_action(each.text, known, {});
        REQUIRE_FALSE(text);
        CHECK(text.error() == error{errc::bad_data, "the text for /bin/sh " + std::string{each.message}});
    }
    CHECK(script_action(std::string(longest_action, 'x'), known, {}));
}

TEST_CASE("a group of a shell is told from an object") {
    for (const std::string_view object : {"{\"command\": []}", "{}", "{ }", " \n{\t\"script\"", "{", "  {  ", "{\n\"a",
                                          "{command: [\"/bin/true\"]}", "{'command'", "{x"}) {
        CAPTURE(object);
        CHECK(looks_like_object(object));
    }
    for (const std::string_view text : {"", " ", "x", "{ date; }", "{\ndate\n}", "{\t: ; \"date\"; }", "({})", "[]",
                                        "\"{}\"", "true; {}", "{ 'date'; }", "{ {"}) {
        CAPTURE(text);
        CHECK_FALSE(looks_like_object(text));
    }
    static_assert(looks_like_object("{}"));
    static_assert(!looks_like_object("{ date; }"));
}

// --- the values of triggers ---

namespace values {

using namespace std::string_literals;

namespace {

using words = std::vector<std::string>;

const std::vector<substitution> known{{"HOST", "web1"},
                                      {"BIN", "/usr/bin"},
                                      {"USER", "www-data"},
                                      {"BAD", "a; b"},
                                      {"NUL", "a\0"s},
                                      {"EMPTY", ""},
                                      {"LONG", std::string(100 * 1024, 'x')}};

auto decoded_action(std::string_view value) -> trigger_action {
    const auto made = json::decode_action(value, known, seconds(60));
    REQUIRE_MESSAGE(made, made.error().message);
    return *made;
}

auto decoded(std::string_view value) -> job {
    return decoded_action(value).what;
}

}  // namespace

TEST_CASE("a value tells by its first bytes what it is") {
    struct row {
        std::string_view name;
        std::string_view value;
        words argv;
        std::string_view script;
    };
    const row rows[] = {
        {"a script", "#!/bin/bash -e\necho @HOST\n", {"/bin/bash", "-e"}, "#!/bin/bash -e\necho web1\n"},
        {"as the original's",
         "/usr/sbin/service apache2 start",
         {"/bin/sh", "-c", "/usr/sbin/service apache2 start"},
         ""},
        {"shell text", "cd / && touch '@HOST' # \xFF", {"/bin/sh", "-c", "cd / && touch 'web1' # \xFF"}, ""},
        {"a group of a shell", "{ echo a; echo b; }", {"/bin/sh", "-c", "{ echo a; echo b; }"}, ""},
        {"a group over lines", "{\n  date\n}\n", {"/bin/sh", "-c", "{\n  date\n}\n"}, ""},
        {"a comment before", "\n#!/bin/bash\n:", {"/bin/sh", "-c", "\n#!/bin/bash\n:"}, ""},
        {"a command",
         R"({"command": ["/bin/systemctl", "restart", "apache2"]})",
         {"/bin/systemctl", "restart", "apache2"},
         ""},
        {"a command behind blanks", " \n{ \"command\" : [\"/bin/true\"] } \n", {"/bin/true"}, ""},
        {"values as they are",
         R"({"command": ["@BIN/env", "@BAD", "", "@{HOST}x", "@EMPTY", "$(id) *"]})",
         {"/usr/bin/env", "a; b", "", "web1x", "", "$(id) *"},
         ""},
        {"a script in an object", R"({"script": "#!/bin/bash\necho @HOST"})", {"/bin/bash"}, "#!/bin/bash\necho web1"},
        {"without an interpreter", R"({"script": "echo @HOST"})", {"/bin/sh"}, "echo web1"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto made = decoded(each.value);
        CHECK(made.argv == each.argv);
        CHECK(made.script == each.script);
        CHECK(made.timeout == seconds(60));
        CHECK(made.user.empty());
    }
}

TEST_CASE("an object may name a time and a user") {
    const auto command = decoded(R"({"timeout": "90s", "user": "@USER", "command": ["/bin/true"]})");
    CHECK(command.timeout == seconds(90));
    CHECK(command.user == "www-data");
    const auto script = decoded(R"({"script": "date", "user": "www", "timeout": "1h"})");
    CHECK(script.timeout == seconds(3600));
    CHECK(script.user == "www");
    CHECK(decoded(R"({"script": "date", "timeout": "1ms"})").timeout.count == 1);
}

TEST_CASE("an object may name the waits after a run") {
    struct row {
        std::string_view name;
        std::string_view value;
        std::optional<milliseconds> settle;
        std::optional<milliseconds> backoff;
    };
    const row rows[] = {
        {"shell text", "date", {}, {}},
        {"a script", "#!/bin/sh\n", {}, {}},
        {"neither", R"({"command": ["/bin/true"]})", {}, {}},
        {"both", R"({"command": ["/bin/true"], "settle": "5m", "backoff": "30s"})", seconds(300), seconds(30)},
        {"of a script", R"({"script": "date", "settle": "90", "backoff": "1m"})", seconds(90), seconds(60)},
        {"the least", R"({"script": "date", "settle": "0s", "backoff": "1s"})", seconds(0), seconds(1)},
        {"the most", R"({"script": "date", "settle": "1h", "backoff": "15m"})", seconds(3600), seconds(900)},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto made = decoded_action(each.value);
        CHECK(made.settle == each.settle);
        CHECK(made.backoff == each.backoff);
        CHECK(made.what.timeout == seconds(60));
    }
}

TEST_CASE("a value that cannot be run is refused with its place") {
    const std::string first = " at line 1, column 13 (byte 12): ";
    const std::string item = " at line 1, column 14 (byte 13): ";
    const std::string no_text = R"(; what begins like {"command": ["/path"]} is no text for /bin/sh)";
    struct row {
        std::string_view name;
        std::string value;
        std::string message;
    };
    const row rows[] = {
        {"empty", "", "the value is empty; expected a command, a script or text for /bin/sh"},
        {"blanks", " \n\t ", "the value is empty; expected a command, a script or text for /bin/sh"},
        {"NUL in text", "date\0"s, "the value has a NUL at byte 4; remove it"},
        {"NUL in a script", "#!/bin/sh\n\0"s, "the value has a NUL at byte 10; remove it"},
        {"NUL in an object", "{}\0"s, "the value has a NUL at byte 2; remove it"},
        {"too long", std::string(1024 * 1024 + 1, 'x'),
         "the value has 1048577 bytes, at most 1048576 are taken; keep a long script in a file on the node and call "
         "that"},
        {"byte order mark", "\xEF\xBB\xBF{}", "the value begins with a byte order mark; save it as UTF-8 without one"},
        {"CR LF", "#!/bin/sh\r\ndate\r\n",
         "line 1 of the script ends in CR LF, and the CR would belong to the interpreter's name; save it with LF "
         "alone"},
        {"not JSON", "{command: [\"/bin/true\"]}",
         "not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found \"command\"" + no_text},
        {"cut off", R"({"command")",
         "not valid JSON at line 1, column 11 (byte 10): expected \":\" behind the name, found the end of the text; it was cut off" +
             no_text},
        {"text behind", R"({"script": "a"} b)",
         "not valid JSON at line 1, column 17 (byte 16): expected nothing behind the value, found \"b\"" + no_text},
        {"invalid UTF-8 in an object", "{\"script\": \"\xFF\"}",
         "not valid JSON at line 1, column 13 (byte 12): the byte 0xFF is no UTF-8; save the text as UTF-8" + no_text},
        {"too deep", R"({"command": [[[[[[[[[[[]]]]]]]]]]]})",
         "not valid JSON at line 1, column 20 (byte 19): it is nested more than the 8 deep that are taken" + no_text},
        {"neither", "{}",
         R"(the value at line 1, column 1 (byte 0): has neither command nor script; expected {"command": ["/path", "argument"]})"},
        {"both", R"({"command": ["/bin/true"], "script": "date"})",
         "script at line 1, column 28 (byte 27): stands beside command; keep one of the two"},
        {"misspelt", R"({"comand":  ["/bin/true"]})",
         R"(comand at line 1, column 2 (byte 1): this key is not known; did you mean "command"?)"},
        {"unknown", R"({"xxxxxxxx": 1, "script": "date"})",
         "xxxxxxxx at line 1, column 2 (byte 1): "
         "this key is not known; there are command, script, timeout, settle, backoff and user"},
        {"twice", R"({"user": "a", "script": "b", "user": "a"})",
         "user at line 1, column 30 (byte 29): the key comes twice; keep one"},
        {"command is a text", R"({"command": "/bin/true"})",
         "command" + first + R"(expected a list such as ["/path", "argument"], found a string)"},
        {"command is empty", R"({"command": []})", "command" + first + "the list is empty; it begins with a program"},
        {"a relative program", R"({"command": ["systemctl", "x"]})",
         "command[0]" + item + R"(expected the absolute path of a program, found "systemctl")"},
        {"an empty program", R"({"command": ["@EMPTY"]})",
         "command[0]" + item + R"(expected the absolute path of a program, found "")"},
        {"a number", R"({"command": ["/x", 1]})",
         "command[1] at line 1, column 20 (byte 19): expected a text, found a number"},
        {"an escaped NUL", R"({"command": ["/x\u0000"]})", "command[0]" + item + R"(has a NUL (\u0000); remove it)"},
        {"a NUL put in", R"({"command": ["/x@NUL"]})",
         "command[0]" + item + R"(the value of "@NUL" has a NUL at byte 1, which no argument can hold; remove it)"},
        {"an argument that is too long", R"({"command": ["/@LONG@LONG"]})",
         "command[0]" + item +
             "is too long: the kernel takes 131071 bytes in one argument, and 1048576 in all are taken; use a script"},
        {"arguments that are too long together",
         R"({"command": ["/x","@LONG","@LONG","@LONG","@LONG","@LONG","@LONG","@LONG","@LONG","@LONG","@LONG","@LONG"]})",
         "command[11] at line 1, column 99 (byte 98): "
         "is too long: the kernel takes 131071 bytes in one argument, and 1048576 in all are taken; use a script"},
        {"a script that is a list", R"({"script":  ["date"]})", "script" + first + "expected a text, found a list"},
        {"an empty script", R"({"script":  " "})",
         "script" + first + "the script is empty; expected a command, a script or text for /bin/sh"},
        {"an escaped NUL in a script", R"({"script":  "a\u0000"})",
         "script" + first + "the script has a NUL at byte 1; remove it"},
        {"a script's interpreter", R"({"script":  "#!sh"})",
         "script" + first +
             R"(line 1 of the script names the interpreter "sh", which is no absolute path; write the whole one, as in #!/bin/sh)"},
        {"a number as time", R"({"timeout": 30, "script": "date"})",
         "timeout" + first + R"(expected a text such as "30s", found a number)"},
        {"no time", R"({"timeout": "soon", "script": "date"})",
         "timeout" + first + R"("soon" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)"},
        {"no time at all", R"({"timeout": "0s", "script": "date"})",
         "timeout" + first + R"("0s" is not between 1ms and 1h)"},
        {"more than an hour", R"({"timeout": "61m", "script": "date"})",
         "timeout" + first + R"("61m" is not between 1ms and 1h)"},
        {"a number as settle time", R"({"settle":  30, "script": "date"})",
         "settle" + first + R"(expected a text such as "30s", found a number)"},
        {"no settle time", R"({"settle":  "a while", "script": "date"})",
         "settle" + first + R"("a while" is not a length of time; expected a number and ms, s, m, h or d, as in 8s)"},
        {"a settle time of more than an hour", R"({"settle":  "3601s", "script": "date"})",
         "settle" + first + R"("3601s" is not between 0s and 1h)"},
        {"a number as back-off", R"({"backoff": 1.5, "script": "date"})",
         "backoff" + first + R"(expected a text such as "30s", found a number)"},
        {"a back-off of nothing", R"({"backoff": "999ms", "script": "date"})",
         "backoff" + first + R"("999ms" is not between 1s and 15m)"},
        {"a back-off of more than 15 minutes", R"({"backoff": "901s", "script": "date"})",
         "backoff" + first + R"("901s" is not between 1s and 15m)"},
        {"a back-off nearly known", R"({"back_off":   "9s", "script": "date"})",
         R"(back_off at line 1, column 2 (byte 1): this key is not known; did you mean "backoff"?)"},
        {"a settle time twice", R"({"settle": "1s", "script": "date", "settle": "1s"})",
         "settle at line 1, column 36 (byte 35): the key comes twice; keep one"},
        {"a number as user", R"({"user":    0, "script": "date"})", "user" + first + "expected a text, found a number"},
        {"no user", R"({"user":    "", "script": "date"})", "user" + first + "is empty; name a user or leave it out"},
        {"what is no user", R"({"user":    "a:b", "script": "date"})",
         "user" + first + R"("a:b" is not the name of a user)"},
        {"what is no user once put in", R"({"user":    "@BAD", "script": "date"})",
         "user" + first + R"("a; b" is not the name of a user)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto refused = json::decode_action(each.value, known, seconds(60));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == errc::bad_data);
        CHECK(refused.error().message == each.message);
    }
}

TEST_CASE("a value that is not safe in a shell is refused in text and scripts only") {
    for (const std::string_view value : {"echo @BAD", "#!/bin/sh\necho @BAD", R"({"script": "echo @BAD"})",
                                         "echo '@EMPTY'", R"({"script": "echo @{EMPTY}"})"}) {
        CAPTURE(value);
        const auto refused = json::decode_action(value, known, seconds(60));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == errc::bad_data);
        CHECK(refused.error().message.find("the value of \"@") != std::string::npos);
        CHECK(refused.error().message.find(R"(use the form {"command": ["/path", "@)") != std::string::npos);
    }
    CHECK(json::decode_action("echo @BADLY @{UNKNOWN}", known, seconds(60)));
}

TEST_CASE("text that is too long for an argument goes as a script") {
    const auto made = decoded("echo @LONG");
    CHECK(made.argv == words{"/bin/sh"});
    CHECK(made.script.size() == 5 + 100 * 1024);
}

}  // namespace values
