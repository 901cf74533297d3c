#include <powerconsul/lint/shell_commands.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;
using words = std::vector<std::string>;

namespace {

auto own_shell(const std::string& text, const std::string& shell = "/bin/sh", bool script = false) -> std::string {
    const auto read = read_shell(text);
    REQUIRE(read.understood);
    const words argv = script ? words{shell, "/proc/self/fd/3"} : words{shell, "-c", text};
    std::string all;
    for (const auto& each : read.commands) {
        all += detail::finds_own_shell(each, &each == &read.commands.back(), argv);
    }
    return all;
}

}  // namespace

TEST_CASE("a search that also finds its own shell is told of") {
    // Seen with dash 0.5.12, bash 5.2 and procps 4.0.2: pgrep prints the shell's pid for each of these.
    const std::string arguments = " also finds the shell that runs this text, as its arguments hold the text";
    const std::string script = "or make it a script (#!), whose text is no argument";
    struct row {
        std::string_view name;
        std::string text;
        std::string said;
    };
    const row rows[] = {
        {"by its arguments", "pkill -f app; start",
         "pkill -f app" + arguments + R"(, and ends it; write "[a]pp", )" + script},
        {"alone", "pkill -f app", "pkill -f app" + arguments + R"(, and ends it; write "[a]pp", )" + script},
        {"a test", "pgrep -f app || start",
         "pgrep -f app" + arguments + R"(: it always finds something; write "[a]pp", )" + script},
        {"within a substitution", "kill $(pgrep -f 'my app')",
         "pgrep -f my app" + arguments + R"(: it always finds something; write "[m]y app", )" + script},
        {"an expression", "pkill -9 -f 'ap+.jar$|pk'",
         "pkill -f ap+.jar$|pk" + arguments + R"(, and ends it; make it a script (#!), whose text is no argument)"},
        {"another part of the text", "pkill -f '[a]pp'; /usr/bin/app",
         "pkill -f [a]pp" + arguments + ", and ends it; make it a script (#!), whose text is no argument"},
        {"options together", "pkill -fi APP",
         "pkill -f APP" + arguments + R"(, and ends it; write "[A]PP", )" + script},
        {"options in full", "pkill --signal KILL --full -- app",
         "pkill -f app" + arguments + R"(, and ends it; write "[a]pp", )" + script},
        {"as another user", "sudo pkill -f app",
         "pkill -f app" + arguments + R"(, and ends it; write "[a]pp", )" + script},
        {"by the shell's name", "pkill sh",
         "pkill sh also finds the shell that runs this text, and ends it; name what is to be ended"},
        {"all of a name", "killall -q sh",
         "killall sh also finds the shell that runs this text, and ends it; name what is to be ended"},
        {"the trick", "pkill -f '[a]pp'", ""},
        {"the trick without quotes", "pkill -f [a]pp", ""},
        {"what is not in the text", "pkill -f 'a\\pp'", ""},
        {"by name", "pkill app; pgrep app; killall app", ""},
        {"the whole of a command line", "pkill -xf app", ""},
        {"of another user", "pkill -u www -f app", ""},
        {"the newest", "pkill -n -f app", ""},
        {"children", "pkill -P 5 -f app", ""},
        {"an unknown option", "pkill --nearest -f app", ""},
        {"what is only known when it runs", "pkill -f \"$APP\"; pkill -f $APP", ""},
        {"no pattern", "pkill -f; pgrep; killall", ""},
        {"in place of the shell", "exec pkill -f app", ""},
        {"of another program", "mykill -f app; echo pkill -f app", ""},
        {"an expression that is none", "pkill -f '(app'", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(own_shell(each.text) == each.said);
    }
    // bash does not fork for the last command.
    CHECK(own_shell("pkill -f app", "/bin/bash").empty());
    CHECK_FALSE(own_shell("pkill -f app; app", "/bin/bash").empty());
    // A script's text is no argument, but its shell has a name.
    CHECK(own_shell("pkill -f app; app", "/bin/sh", true).empty());
    CHECK_FALSE(own_shell("killall sh", "/bin/sh", true).empty());
}

TEST_CASE("what is left in the background loses what it prints") {
    const auto lost = [](std::string_view text) {
        const auto read = read_shell(text);
        std::string all;
        for (const std::size_t each : detail::loses_output(read))
            all += read.commands.at(each).words.front().text + ' ';
        return read.understood ? all : "not understood";
    };
    CHECK(lost("nohup app & app2 2>/dev/null &") == "nohup app2 ");
    CHECK(lost("(sleep 5; systemctl restart consul) &") == "systemctl ");
    for (const std::string_view text : {"app", "app >/dev/null 2>&1 &", "app | logger &", "app & wait",
                                        "exec >/var/log/x 2>&1; app &", "sleep 5 &", "a && b", "app &>>/var/log/x &"}) {
        CAPTURE(text);
        CHECK(lost(text).empty());
    }
}

TEST_CASE("a text needs the programs that it runs in any case") {
    const auto needed = [](std::string_view text) {
        const auto read = read_shell(text);
        std::string all;
        for (const auto& each : needed_programs(read, text)) all += each.name + ' ';
        return read.understood ? all : "not understood";
    };
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view programs;
    };
    const row rows[] = {
        {"several, each once", "service a stop; /etc/init.d/a start; service b start", "service /etc/init.d/a "},
        {"stopped and started", "/etc/init.d/a stop; /etc/init.d/a start", "/etc/init.d/a "},
        {"behind others", "nohup /opt/app >x & exec app2; command app3", "nohup /opt/app app2 "},
        {"options of the other", "command -v app; nohup --help; setsid -f app", "nohup setsid "},
        {"what shells have", "set -e; cd /; . /etc/x; export A; trap : 0; umask 022; test a; echo; wait; true", ""},
        {"functions", "f() { a; }; f; g", "g "},
        {"on a condition", "a && b; c || d; if e; then f; fi; while g; do h; done; case a in b) i;; esac", "a "},
        {"in a pipeline and a group", "{ a | b; }; (c)", "a b c "},
        {"in a substitution", "a $(b)", "a "},
        {"expanded", "$a b; \"$c\" d", ""},
        {"relative", "./a; b/c", ""},
        {"another PATH", "PATH=/opt:$PATH; a; /opt/b", "/opt/b "},
        {"exported", "export PATH=/opt; a", ""},
        {"for one command", "env PATH=/opt a", ""},
        {"what is read from elsewhere", ". /etc/default/a; b; /opt/c", "/opt/c "},
        {"an alias", "alias a=b; a", ""},
        {"what is asked for", "command -v a >/dev/null; which /opt/b; a; /opt/b", "which "},
        {"what is made", "cp x /usr/local/bin/a; echo >/opt/b; a; /opt/b", "cp "},
        {"behind a test", "[ -x /a ] || exit; b", ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(needed(each.text) == each.programs);
    }
    const auto read = read_shell(" a; b");
    CHECK(needed_programs(read, " a; b")[1].offset == 4);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "/opt/" + std::to_string(1000 + i) + '\n';
    CHECK(needed_programs(read_shell(many), many).size() == 50);
}
