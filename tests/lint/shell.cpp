#include <powerconsul/lint/shell.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

/// The commands, one in brackets each: `!` before one that certainly runs, `>` behind one whose output goes elsewhere,
/// `$` before a word that is expanded.
auto shown(std::string_view text) -> std::string {
    const auto read = read_shell(text);
    if (!read.understood) return "not understood";
    std::string all;
    for (const auto& each : read.commands) {
        all += all.empty() ? "" : " ";
        all += each.certain ? "![" : "[";
        for (const auto& name : each.assigned) all += name + "= ";
        for (const auto& word : each.words) all += (word.literal ? "" : "$") + word.text + ' ';
        if (all.ends_with(' ')) all.pop_back();
        all += each.redirected ? "]>" : "]";
    }
    return all;
}

}  // namespace

TEST_CASE("a text is taken apart into its commands") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view commands;
    };
    const row rows[] = {
        {"nothing", "", ""},
        {"blanks and comments", " \t\n# a; b\n\n", ""},
        {"a command", "service apache2 restart", "![service apache2 restart]"},
        {"several", "a; b\nc # d\ne&f", "![a] ![b] ![c] ![e] ![f]"},
        {"on two lines", "a b \\\n  c", "![a b c]"},
        {"quotes", R"(a 'b c' "d \$ \e" f\ g'h'"i" '#' x#y)", R"(![a b c d $ \e f ghi # x#y])"},
        {"variables", R"(a $b "${c:-d e}" $((1 + (2))) $'x\'y' $ "$")",
         R"(![a $$b $${c:-d e} $$((1 + (2))) $$'x\'y' $ $])"},
        {"a substitution", "a $(b | c) `d e` \"$(f)\"", "[b] [c] [d e] [f] ![a $$(b | c) $`d e` $$(f)]"},
        {"an escaped backquote", R"(a `b \`c\``)", R"(![a $`b \`c\``])"},
        {"assignments", "A=1 B=$(x) C[1]=2 D+=3 e F=4; G=1", "[x] ![A= B= C= D= e F=4] ![G=]"},
        {"a list", "A=(b c) d; local e f=(g\n h) i", "![A= d] ![local e f= i]"},
        {"redirections", "a >b 2>c <d; e 2>&1; f >>g 2>&1; >h; i 3>j k", "![a]> ![e] ![f]> ![]> ![i k]"},
        {"both outputs", "a &>b; c &>>d; e >&f; g >&2; h >&-; i >| j", "![a]> ![c]> ![e]> ![g] ![h]> ![i]>"},
        {"a number that is no descriptor", "a 2 >b; c 22", "![a 2]> ![c 22]"},
        {"a here-document", "a <<E; b\nc; d\nE\ne <<-'F'\n\tx\n\tF\ng", "![a] ![b] ![e] ![g]"},
        {"a here-document within", "if a; then b <<E\nc\nE\nfi", "[a] [b]"},
        {"a here-string", "a <<<\"b c\"", "![a]"},
        {"a pipeline", "! a | b |& c", "![a] ![b] ![c]"},
        {"conditions", "a && b || c; d || e; f && g", "[a] [b] [c] [d] [e] ![f] [g]"},
        {"what decides nothing", "cd /srv && echo x && ./a && b", "![cd /srv] ![echo x] ![./a] [b]"},
        {"over lines", "a &&\n\n  b |\n c", "![a] [b] [c]"},
        {"groups", "{ a; b; } >c; (d; e) | f", "![a] ![b] ![d] ![e] ![f]"},
        {"if", "if a; then b; elif c\nthen d; else e; fi; f", "[a] [b] [c] [d] [e] ![f]"},
        {"loops", "while a; do b; done; until c\ndo d\ndone; for e in f g; do h; done; for i do j; done",
         "[a] [b] [c] [d] [h] [j]"},
        {"case", "case $1 in a|b) c;; (d) e ;; *) f\nesac; g", "[c] [e] [f] ![g]"},
        {"functions", "f() { a; }\nfunction g { b; }\nfunction h() (c)\nf; g", "[a] [b] [c] ![f] ![g]"},
        {"tests of bash", "if [[ a && ( b < c ) ]]; then d; fi", "[[[ a b c] [d]"},
        {"behind a test", "[ -e /a ]; b", "![[ -e /a ]] [b]"},
        {"behind what may leave", "a || exit 0\nb", "[a] [exit 0] [b]"},
        {"behind what leaves in a branch", "if a; then exit; fi; b", "[a] [exit] [b]"},
        {"behind a function that may leave", "f() { exit 1; }; f; b", "[exit 1] [f] [b]"},
        {"a process substitution", "a <(b) >(c)", "[b] [c] ![a $ $]"},
        {"reserved words as arguments", "echo if then; a fi", "![echo if then] ![a fi]"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(shown(each.text) == each.commands);
    }
}

TEST_CASE("what cannot be taken apart is said to be so") {
    for (const std::string_view text : {"a 'b",
                                        "a \"b",
                                        "a `b",
                                        "a $(b",
                                        "a ${b",
                                        "a )",
                                        "(a",
                                        "{ a",
                                        "{ a }",
                                        "if a; fi",
                                        "if a; then b",
                                        "fi",
                                        ";",
                                        "a; ; b",
                                        "| a",
                                        "a &&",
                                        "a |",
                                        "for",
                                        "for in; do a; done; x)",
                                        "for ((i = 0; i < 3; ++i)); do a; done",
                                        "case a in b",
                                        "((a))",
                                        "coproc a",
                                        "a >",
                                        "a >;",
                                        "f(",
                                        "a (b)",
                                        "\\",
                                        "a $((1)",
                                        "[[ a",
                                        "a $'b",

                                        "a=(b",
                                        "function",
                                        "a <("}) {
        CAPTURE(text);
        CHECK(shown(text) == "not understood");
    }
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "$(";
    CHECK(shown(deep) == "not understood");
    std::string groups;
    for (int i = 0; i < 100'000; ++i) groups += "(";
    CHECK(shown(groups) == "not understood");
}

TEST_CASE("what runs in the background is found, and whether its output goes elsewhere") {
    const auto background = [](std::string_view text) {
        const auto read = read_shell(text);
        std::string all;
        for (const auto& each : read.background) {
            all += std::string{read.commands.at(each.command).name()} + (each.redirected ? "> " : " ");
        }
        return read.understood ? all : "not understood";
    };
    CHECK(background("a; b && c").empty());
    CHECK(background("a &") == "a ");
    CHECK(background("a & b &\nc") == "a b ");
    CHECK(background("a >x & b 2>&1 & c >x 2>&1 & d 2>x &") == "a> b c> d ");
    CHECK(background("cd /a && b &") == "b ");
    CHECK(background("a | b &") == "b> ");
    CHECK(background("(a; b) &") == "b ");
    CHECK(background("(a; b) >x &") == "b> ");
    CHECK(background("{ a >x; b; } &") == "b> ");
    CHECK(background("while a; do b; done &") == "b ");
    CHECK(background("a $(b &) `c &`") == "b c ");
    CHECK(background("a &>x; b && c") == "");
}

TEST_CASE("words have their places, functions their names") {
    const auto read = read_shell("f() { a; }\n  b 'c'  $(d) `e f`");
    REQUIRE(read.understood);
    CHECK(read.functions == std::set<std::string, std::less<>>{"f"});
    REQUIRE(read.commands.size() == 4);
    CHECK(read.commands[0].words[0].offset == 6);
    CHECK(read.commands[1].words[0].offset == 22);
    CHECK(read.commands[2].words[0].offset == 26);
    CHECK(read.commands[2].words[1].offset == 28);
    CHECK(read.commands[3].words[0].offset == 13);
    CHECK(read.commands[3].words[1].offset == 15);
    CHECK(read.commands[3].words[2].offset == 20);
    CHECK(read.commands[3].name() == "b");
    CHECK(shell_command{}.name().empty());
    CHECK(read_shell("$a b").commands[0].name().empty());
}
