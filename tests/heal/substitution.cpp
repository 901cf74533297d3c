#include <powerconsul/heal/substitution.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/core/shell_words.hpp>

using namespace powerconsul;
using namespace std::string_literals;

namespace {

constexpr auto literal = substitution_style::literal;
constexpr auto shell = substitution_style::shell;

auto usual() -> std::vector<substitution> {
    return {{"ENV", "production"}, {"HOST", "web1"},    {"ROLE", "primary"},    {"APP", "shop"},
            {"APP_USER", "www"},   {"APP-DIR", "/srv"}, {"APP.LOG", "/l@HOST"}, {"LOOP", "@LOOP@{ENV}"},
            {"HOST", "second"},    {"", "nameless"},    {"\xC3\xA9", "accent"}};
}

}  // namespace

TEST_CASE("known names are substituted as whole words, the longest first") {
    struct row {
        std::string_view name;
        std::string_view text;
        std::string_view expected;
    };
    const row rows[] = {
        {"nothing", "", ""},
        {"no name", "systemctl restart apache2", "systemctl restart apache2"},
        {"alone", "@ENV", "production"},
        {"several", "@ENV @HOST @ROLE", "production web1 primary"},
        {"side by side", "@ENV@HOST", "productionweb1"},
        {"behind a word, its sign taken with it", "root@HOST root@@HOST", "rootweb1 root@web1"},
        {"the first of two equal names", "<@HOST>", "<web1>"},
        {"a letter follows", "@HOSTNAME", "@HOSTNAME"},
        {"a digit follows", "@HOST1", "@HOST1"},
        {"an underscore follows", "@HOST_", "@HOST_"},
        {"a dash follows", "@HOST-1", "web1-1"},
        {"a dot follows", "@HOST.example.com", "web1.example.com"},
        {"the rest of a UTF-8 letter follows", "@HOST\xC3\xA9", "web1\xC3\xA9"},
        {"the longer of two", "@APP_USER", "www"},
        {"the shorter where the longer is not whole", "@APP-DIRECTORY", "shop-DIRECTORY"},
        {"the shorter where no longer one is known", "@APP_X @APP-X @APP", "@APP_X shop-X shop"},
        {"a dash in the name", "@APP-DIR/x", "/srv/x"},
        {"a name of other letters", "@\xC3\xA9", "accent"},
        {"braces before a letter", "@{HOST}NAME", "web1NAME"},
        {"braces choose the exact name", "@{APP}-DIR @{APP-DIR}", "shop-DIR /srv"},
        {"unknown in braces", "@{UNKNOWN} @{HOST", "@{UNKNOWN} @{HOST"},
        {"a known name begins the one in braces", "@{HOSTNAME} @{HOST-1}", "@{HOSTNAME} @{HOST-1}"},
        {"braces with blanks", "@{ HOST }", "@{ HOST }"},
        {"empty braces", "@{}", "@{}"},
        {"lower case", "@host @{host}", "@host @{host}"},
        {"two signs", "@@HOST", "@web1"},
        {"only signs", "@ @@ @", "@ @@ @"},
        {"a shell's own", R"(for x in "$@"; do echo "${a[@]}"; done)", R"(for x in "$@"; do echo "${a[@]}"; done)"},
        {"what was put in is not looked at", "@APP.LOG @LOOP", "/l@HOST @LOOP@{ENV}"},
        {"nor joined to what follows", "@{LOOP}@ENV", "@LOOP@{ENV}production"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto substituted = substitute(each.text, usual(), literal);
        REQUIRE(substituted);
        CHECK(*substituted == each.expected);
    }
    CHECK(*substitute("@HOST @{HOST}", {}, shell) == "@HOST @{HOST}");
}

TEST_CASE("a value that would change how a shell reads the text is refused") {
    const std::string only = ", and in text for a shell only A-Z a-z 0-9 . _ : @ % + , / = - are safe";
    const std::string instead =
        R"(; use the form {"command": ["/path", "@X"]}, where a value is one argument whatever it holds)";
    struct row {
        std::string_view name;
        std::string value;
        std::string_view what;
    };
    const row rows[] = {
        {"a blank", "a b", "has 0x20 at byte 1"},
        {"a newline at the end", "abc\n", "has 0x0A at byte 3"},
        {"a carriage return", "\r", "has 0x0D at byte 0"},
        {"NUL", "a\0b"s, "has 0x00 at byte 1"},
        {"another command", "a;reboot", R"(has ";" at byte 1)"},
        {"the first of several", "$(reboot)", R"(has "$" at byte 0)"},
        {"backticks", "`", R"(has "`" at byte 0)"},
        {"a quote", "it's", R"(has "'" at byte 2)"},
        {"a double quote", "\"", "has \"\"\" at byte 0"},
        {"a backslash", "a\\", "has \"\\\" at byte 1"},
        {"a star", "/*", R"(has "*" at byte 1)"},
        {"a tilde", "~root", R"(has "~" at byte 0)"},
        {"a comment", "#", R"(has "#" at byte 0)"},
        {"history", "!", R"(has "!" at byte 0)"},
        {"delete", "\x7F", "has 0x7F at byte 0"},
        {"a letter of two bytes", "\xC3\xA9", "has 0xC3 at byte 0"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const std::vector<substitution> known{{"X", each.value}};
        const auto refused = substitute("echo @X", known, shell);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == errc::bad_data);
        CHECK(refused.error().message == "the value of \"@X\" " + std::string{each.what} + only + instead);
        CHECK(substitute("echo @{X}", known, shell).error() == refused.error());
        // Only if it is used.
        CHECK(*substitute("echo @Y @XX @{XX}", known, shell) == "echo @Y @XX @{XX}");
    }
    const auto empty = substitute("@X", {{"X", ""}}, shell);
    REQUIRE_FALSE(empty);
    CHECK(empty.error() ==
          error{errc::bad_data, R"(the value of "@X" is empty, so that a shell would see a word less)" + instead});
}

TEST_CASE("every byte is either plain in a shell or refused") {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@%+,/=-";
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        const std::string value(1, static_cast<char>(byte));
        CHECK(substitute("@X", {{"X", value}}, shell).has_value() == (plain.find(value) != std::string_view::npos));
        CHECK(substitute("@X", {{"X", value}}, literal).has_value() == (byte != 0));
    }
}

TEST_CASE("as a word of its own a value may hold all but a NUL") {
    const std::string hostile = " '\"`$(reboot)\\\n;|&*\xFF";
    CHECK(*substitute("<@X>", {{"X", hostile}}, literal) == '<' + hostile + '>');
    CHECK(substitute("<@X>", {{"X", ""}}, literal)->size() == 2);
    CHECK(substitute("@X", {{"X", "ab\0"s}}, literal).error() ==
          error{errc::bad_data, R"(the value of "@X" has a NUL at byte 2, which no argument can hold; remove it)"});
    CHECK(substitute("a\0@X"s, {{"X", "b"}}, literal).value_or("") == "a\0b"s);
}

TEST_CASE("a text may grow, but not without end") {
    const std::vector<substitution> known{{"X", std::string(1024, 'x')}};
    std::string text;
    for (int i = 0; i < 1024; ++i) text += "@X";
    CHECK(substitute(text, known, shell)->size() == longest_substituted);
    CHECK(substitute(text + ' ', known, shell).error() ==
          error{errc::bad_data,
                "with its names substituted the text has more than the 1048576 bytes that are taken; shorten it"});
    // Signs and braces without end cost no more than other characters.
    std::string braces;
    while (braces.size() < 500'000) braces += "@{@";
    CHECK(*substitute(braces, usual(), shell) == braces);
}

namespace {

auto pick(std::string_view from, std::mt19937& random) -> char {
    return from[random() % from.size()];
}

auto generated_value(std::mt19937& random) -> std::string {
    std::string value;
    for (auto i = random() % 8 + 1; i > 0; --i) value += pick("abzAZ09._:@%+,/=-", random);
    return value;
}

/// A text out of words, quotes and names that a shell splits without expanding anything, all quotes closed.
auto generated_text(std::mt19937& random) -> std::string {
    constexpr std::string_view names[] = {"@A", "@B", "@{A}", "@{B}", "@A.b", "@{A.b}", "@UNKNOWN", "@{A", "@AB", "@"};
    std::string text;
    for (auto parts = random() % 16; parts > 0; --parts) {
        switch (random() % 6) {
            case 0:
            case 1: text += names[random() % 10]; break;
            case 2: text += pick(" \t", random); break;
            case 3: text += '\'' + std::string{names[random() % 10]} + pick(" a;$\"", random) + '\''; break;
            case 4: text += '"' + std::string{names[random() % 10]} + pick(" a;'", random) + '"'; break;
            default: text += random() % 2 == 0 ? "\\" + std::string(1, pick(" ;'\"@\\", random)) : "x"; break;
        }
    }
    return text;
}

/// How many words /bin/sh sees in each of the texts.
auto counted_by_shell(const std::vector<std::string>& texts) -> std::vector<std::size_t> {
    command what{.argv = {"/bin/sh", "-c", ""}, .timeout = seconds(60), .output_limit = std::size_t{1024} * 1024};
    for (const auto& text : texts) what.argv[2] += "set -- " + text + "\nprintf '%s\\n' \"$#\"\n";
    posix_spawn_executor executor;
    const auto end = executor.run(what);
    REQUIRE(end.has_value());
    REQUIRE(end->exited_with(0));
    std::vector<std::size_t> counts;
    std::string_view rest = end->out;
    for (auto line = rest.find('\n'); line != std::string_view::npos; line = rest.find('\n')) {
        counts.push_back(std::stoul(std::string{rest.substr(0, line)}));
        rest.remove_prefix(line + 1);
    }
    return counts;
}

}  // namespace

TEST_CASE("the number of words stays, whatever allowed values are put in") {
    std::mt19937 random{20260407};
    std::vector<std::string> before;
    std::vector<std::string> after;
    std::size_t changed = 0;
    for (int i = 0; i < 5000; ++i) {
        const std::vector<substitution> known{
            {"A", generated_value(random)}, {"B", generated_value(random)}, {"A.b", generated_value(random)}};
        const std::string text = generated_text(random);
        CAPTURE(text);
        const auto substituted = substitute(text, known, shell);
        REQUIRE(substituted);
        CAPTURE(*substituted);
        const auto words = split_words(text);
        const auto words_after = split_words(*substituted);
        REQUIRE(words);
        REQUIRE(words_after);
        CHECK(words->size() == words_after->size());
        changed += text == *substituted ? 0 : 1;
        if (i >= 60) continue;
        before.push_back(text);
        after.push_back(*substituted);
    }
    CHECK(changed > 2000);  // or else nothing has been tested
    const auto counts = counted_by_shell(before);
    REQUIRE(counts.size() == before.size());
    CHECK(counts == counted_by_shell(after));
}
