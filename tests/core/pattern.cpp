#include <powerconsul/core/pattern.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

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
        {"a\\Bb", "ab", true},
        {"a\\bb", "ab", false},
        {"()a", "a", true},
        {"a{0}b", "b", true},
        {"a{0}b", "ab", false},
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
    CHECK(matches_at_start(std::string(16, '(') + 'a' + repeated(")?", 16), "production"));
    CHECK(matches_at_start("^(a|b$)(\\bc|d)?$|(x+)*", "production"));
    CHECK(matches_at_start(repeated("\\ba*", 4), "production"));
    CHECK(matches_at_start("[*+^$]*", "production"));
    CHECK(matches_at_start("^" + repeated("(ab*)*", 8), "production"));
    CHECK(matches_at_start(repeated("(^|x)", 2) + repeated("(ab*)*", 8), "production"));
    CHECK(matches_at_start(repeated("(ab*)*", 60), "production"));
    CHECK(matches_at_start(repeated("^web1$|", 60) + "^web2$", "web2"));
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
        {"a bracket that closes nothing", "(a)*)*",
         "is refused at byte 4: a ) without its (; write \\) for a plain one"},
        {"a bracket before another case", "a)|b", "is refused at byte 1: a ) without its (; write \\) for a plain one"},
        {"back-reference", "(a)\\1", "is refused at byte 3: back-references are not taken"},
        {"too many repeats", "a{1001}", "is refused at byte 1: it repeats more than 1000 times"},
        {"too many by two", "(a{100}){11}", "is refused at byte 8: it repeats more than 1000 times"},
        {"slow without an upper end", "(a?){300,}",
         "is refused at byte 4: what is repeated may match nothing; write (a*)* as a*, and (a*){2} as a*"},
        {"without an upper end", "(a{99,}){99,}", "is refused at byte 8: it repeats more than 1000 times"},
        {"ten plus signs in one another", std::string(10, '(') + 'a' + repeated(")+", 10),
         "is refused at byte 24: it repeats more than 1000 times"},
        {"groups too deep", std::string(17, '(') + 'a' + repeated(")*", 17),
         "is refused at byte 16: more than 16 groups within one another"},
        {"repeated anchor", "^*a",
         "is refused at byte 1: an anchor (^ $ \\b \\B) inside what is repeated; take it out"},
        {"repeated word border", "\\b{3}",
         "is refused at byte 2: an anchor (^ $ \\b \\B) inside what is repeated; take it out"},
        {"anchor in a repeated group", "(\\b|a)*",
         "is refused at byte 6: an anchor (^ $ \\b \\B) inside what is repeated; take it out"},
        {"anchor deep in a repeated group", "((a|(b$))c)+",
         "is refused at byte 11: an anchor (^ $ \\b \\B) inside what is repeated; take it out"},
        {"anchor before an inner group of what is repeated", "(^(a)b)*",
         "is refused at byte 7: an anchor (^ $ \\b \\B) inside what is repeated; take it out"},
        {"repetitions before inner groups, beside an anchor", "^" + repeated("(a*(b))*", 9),
         "is refused at byte 73: anchors beside many repetitions of what has repetitions; write it plainer"},
        {"nested repetitions beside an anchor", "^" + repeated("(ab*)*", 9),
         "is refused at byte 55: anchors beside many repetitions of what has repetitions; write it plainer"},
        {"nested in one another beside an anchor", std::string(10, '(') + 'a' + repeated("b)*", 10) + '$',
         "is refused at byte 42: anchors beside many repetitions of what has repetitions; write it plainer"},
        {"many anchors beside one", repeated("(^|x)", 17) + "(ab*)*",
         "is refused at byte 91: anchors beside many repetitions of what has repetitions; write it plainer"},
        {"word borders", repeated("\\ba*", 9), "is refused at byte 32: more than 8 of \\b and \\B"},
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
    for (const std::string_view broken : {"(", "[a", "a{2", "a{3,2}", "a{x}", "a{/}", "web\\"}) {
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

TEST_CASE("a compiled expression finds the leftmost and longest match, and whether there is one at all") {
    struct row {
        std::string_view name;
        std::string_view expression;
        std::string_view text;
        std::optional<extent> anywhere;
        std::optional<extent> at_start;
    };
    using namespace std::string_view_literals;
    const row rows[] = {
        {"in the middle", "b+", "abbbc", extent{1, 4}, {}},
        {"at the start", "ab", "abab", extent{0, 2}, extent{0, 2}},
        {"at the end", "c$", "abc", extent{2, 3}, {}},
        {"nowhere", "x", "abc", {}, {}},
        {"empty match", "x*", "abc", extent{0, 0}, extent{0, 0}},
        {"empty text", "a", "", {}, {}},
        {"empty match of an empty text", "^$", "", extent{0, 0}, extent{0, 0}},
        {"no text at all", "a*", std::string_view{}, extent{0, 0}, extent{0, 0}},
        {"longest of the alternatives", "a|ab|abc", "abcd", extent{0, 3}, extent{0, 3}},
        {"leftmost of the alternatives", "c|bcd", "abcd", extent{1, 4}, {}},
        {"alternatives of which one is anchored", "^x|c", "abc", extent{2, 3}, {}},
        {"anchored alternative that matches", "^a|c", "abc", extent{0, 1}, extent{0, 1}},
        {"anchored elsewhere", "^b", "abc", {}, {}},
        {"start anchored in a group", "(^|:)b", "a:b", extent{1, 3}, {}},
        {"over a NUL byte", "b", "a\0b"sv, extent{2, 3}, {}},
        {"a NUL byte as one that is not listed", "a[^x]b$", "a\0b"sv, extent{0, 3}, extent{0, 3}},
        {"a NUL byte is no character for a dot", "a.b", "a\0b"sv, {}, {}},
        {"the end is not before a NUL byte", "a$", "a\0b"sv, {}, {}},
        {"over the end of a line", "a.b", "a\nb", extent{0, 3}, extent{0, 3}},
        {"a later line's start is no start", "^b", "a\nb", {}, {}},
        {"bytes that are no UTF-8",
         "b",
         "\xFF\xFE"
         "b",
         extent{2, 3},
         {}},
        {"not beyond the end of a view", "ab", std::string_view{"abc"}.substr(0, 1), {}, {}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto compiled = pattern::compile(each.expression);
        REQUIRE(compiled);
        CHECK(*compiled->search(each.text) == each.anywhere);
        CHECK(*compiled->occurs_in(each.text) == each.anywhere.has_value());
        CHECK(*compiled->match_start(each.text) == each.at_start);
        CHECK(*matches_at_start(each.expression, each.text) == each.at_start.has_value());
    }
}

TEST_CASE("a compiled expression is used many times and moves with its owner") {
    static_assert(!std::is_copy_constructible_v<pattern> && !std::is_copy_assignable_v<pattern>);
    auto first = *pattern::compile("a[0-9]+");
    auto second = *pattern::compile("b");
    for (int i = 0; i < 3; ++i) {
        CHECK(*first.occurs_in("xa" + std::to_string(i)));
        CHECK_FALSE(*first.occurs_in("xb" + std::to_string(i)));
    }
    second = std::move(first);
    CHECK(*second.search("xa12") == std::optional{extent{1, 4}});
    const pattern third{std::move(second)};
    CHECK(*third.match_start("a1") == std::optional{extent{0, 2}});
    CHECK_FALSE(extent{0, 2} == extent{0, 1});
    CHECK_FALSE(pattern::compile("("));
    CHECK_FALSE(pattern::compile("a)(b"));
}

TEST_CASE("a long text that others wrote takes no more than one pass") {
    // Tried from each start, this would take hours.
    const auto compiled = pattern::compile("x.*y$");
    REQUIRE(compiled);
    CHECK_FALSE(*compiled->occurs_in(std::string(4'000'000, 'x')));
    CHECK(*compiled->occurs_in(std::string(4'000'000, 'x') + 'y'));
    CHECK_FALSE(*compiled->match_start(std::string(4'000'000, 'x')));
    const auto refused = compiled->occurs_in(std::string(pattern::longest + 1, 'x'));
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == error{errc::bad_data,
                                   "the expression \"x.*y$\" cannot be matched with a text of "
                                   "16777217 bytes: at most 16777216 are expected"});
    CHECK(compiled->search(std::string(pattern::longest + 1, 'x')).error() == refused.error());
    CHECK(compiled->match_start(std::string(pattern::longest + 1, 'x')).error() == refused.error());
}
