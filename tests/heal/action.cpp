#include <powerconsul/heal/action.hpp>

#include <doctest/doctest.h>

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
