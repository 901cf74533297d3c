#include <powerconsul/pattern.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

[[nodiscard]] auto repeated(std::string_view text, int times) -> std::string {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace

TEST_CASE("an expression matches at the start and need not reach to the end") {
    struct row {
        std::string_view expression;
        std::string_view text;
        bool matches;
    };
    const row rows[] = {
        {"production-web", "production-web1", true},
        {"^production-web", "production-web1", true},
        {"^production-web$", "production-web1", false},
        {"^production-web.*$", "production-web1", true},
        {"web", "production-web1", false},
        {".*web", "production-web1", true},
        {"production-(web|mail)[0-9]+$", "production-mail12", true},
        {"production-(web|mail)[0-9]+$", "production-db1", false},
        {"web|production", "production-web1", true},
        {"x*", "production", true},  // the empty match at the start
        {"PRODUCTION", "production", false},
        {"[[:alpha:]]+-", "production-web1", true},
        {"[]a]+$", "a]a", true},
        {"[^]a]", "b", true},
        {"[^]a]", "]", false},
        {"a{2,3}$", "aaa", true},
        {"a{2,3}$", "aaaa", false},
        {"a\\.b", "a.b", true},
        {"a\\.b", "axb", false},
        {"a\\\\d", "a\\d", true},  // an escaped backslash and a d
        // what Python's re has beyond POSIX and means the same
        {"web\\d+$", "web12", true},
        {"web\\d+$", "webx", false},
        {"web\\D$", "webx", true},
        {"web\\D$", "web1", false},
        {"\\w+-\\w+$", "a_1-b2", true},
        {"\\w+$", "a-b", false},
        {"a\\sb\\S$", "a bc", true},
        {"a\\Wb", "a-b", true},
    };
    for (const auto& each : rows) {
        CAPTURE(each.expression);
        CAPTURE(each.text);
        const auto matched = matches_at_start(each.expression, each.text);
        REQUIRE(matched);
        CHECK(*matched == each.matches);
    }
}

TEST_CASE("repetitions one after the other are no burden") {
    const std::string row = repeated("[a-z]+x{9}", 20);
    CHECK(matches_at_start(row, "production"));
    CHECK(matches_at_start("(a{30}){30}", "production"));
    CHECK(matches_at_start(std::string(100, '(') + 'a' + repeated(")*", 100), "production"));
}

TEST_CASE("what would mean something else than in Python, or take without end, is refused") {
    struct row {
        std::string_view name;
        std::string expression;
        std::string_view message;  ///< behind `the expression "..." `
    };
    const row rows[] = {
        {"empty", "", "is refused at byte 0: it is empty"},
        {"too long", std::string(513, 'a'), "is refused at byte 512: it is longer than 512 bytes"},
        {"NUL", std::string{"a\0b", 3}, "is refused at byte 1: a NUL byte"},
        {"group that does not count", "a(?:b)", "is refused at byte 1: (?...) is not POSIX; use a plain group"},
        {"look-ahead", "(?!web)", "is refused at byte 0: (?...) is not POSIX; use a plain group"},
        {"class in brackets", "[\\d]",
         "is refused at byte 1: a backslash inside [...] has no special meaning in POSIX; list the characters"},
        {"back-reference", "(a)\\1", "is refused at byte 3: back-references are not taken"},
        {"too many repeats", "a{1001}", "is refused at byte 1: it repeats more than 1000 times"},
        {"too many by two", "(a{100}){11}", "is refused at byte 8: it repeats more than 1000 times"},
        {"slow without an upper end", "(a?){300,}", "is refused at byte 4: it repeats more than 1000 times"},
        {"without an upper end", "(a{99,}){99,}", "is refused at byte 8: it repeats more than 1000 times"},
        {"twenty plus signs in one another", std::string(20, '(') + 'a' + repeated(")+", 20),
         "is refused at byte 34: it repeats more than 1000 times"},
        {"far too many", "a{99999999999999999999}", "is refused at byte 1: it repeats more than 1000 times"},
        {"anchor of Python's own", "\\Aweb",
         "is refused at byte 0: this escape means something else in POSIX; write the character itself or [...]"},
        {"end of Python's own", "web\\Z",
         "is refused at byte 3: this escape means something else in POSIX; write the character itself or [...]"},
        {"escaped tabulator", "a\\tb",
         "is refused at byte 1: this escape means something else in POSIX; write the character itself or [...]"},
        {"escaped number", "a\\x41",
         "is refused at byte 1: this escape means something else in POSIX; write the character itself or [...]"},
        {"octal", "a\\0",
         "is refused at byte 1: this escape means something else in POSIX; write the character itself or [...]"},
        {"GNU's word start", "\\<web",
         "is refused at byte 0: this escape means something else in POSIX; write the character itself or [...]"},
        {"GNU's buffer start", "\\`web",
         "is refused at byte 0: this escape means something else in POSIX; write the character itself or [...]"},
        {"lazy star", "a*?b",
         "is refused at byte 2: a second repetition means something else in POSIX; group the first"},
        {"lazy plus", "a+?b",
         "is refused at byte 2: a second repetition means something else in POSIX; group the first"},
        {"lazy question mark", "a??b",
         "is refused at byte 2: a second repetition means something else in POSIX; group the first"},
        {"lazy braces", "a{1,2}?b",
         "is refused at byte 6: a second repetition means something else in POSIX; group the first"},
        {"possessive", "a++b",
         "is refused at byte 2: a second repetition means something else in POSIX; group the first"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto matched = matches_at_start(each.expression, "web1");
        REQUIRE_FALSE(matched);
        CHECK(matched.error().code == errc::bad_data);
        CHECK(matched.error().message == "the expression " + quoted(each.expression) + ' ' + std::string{each.message});
    }
    for (const std::string_view broken : {"(", "a)(", "[a", "a{2", "a{3,2}", "web\\"}) {
        CAPTURE(broken);
        const auto matched = matches_at_start(broken, "web1");
        REQUIRE_FALSE(matched);
        CHECK(matched.error().message.starts_with("the expression " + quoted(broken) +
                                                  " is not a valid POSIX extended regular expression: "));
    }
    // Literal where Python takes them so, and repeats that are apart.
    for (const std::string_view sound : {"a\\+?", "a\\*+", "[*+?]+", "(a+)?", "a?b+", "\\{1\\}", "a{1000}"}) {
        CAPTURE(sound);
        CHECK(matches_at_start(sound, "a"));
    }
}
