#include <powerconsul/core/pattern.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// An embedder may use PCRE2 with a width of his own.
#define PCRE2_CODE_UNIT_WIDTH 16
#include <pcre2.h>
static_assert(std::is_same_v<pcre2_code, pcre2_code_16>);

using namespace powerconsul;
using namespace std::string_view_literals;

namespace {

[[nodiscard]] auto repeated(std::string_view text, int times) -> std::string {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace

TEST_CASE("an expression matches what it matches in Python") {
    // What re.match and re.search of Python 3.11.7 say, with expressions and texts of bytes.
    struct row {
        std::string_view expression;
        std::string_view text;
        std::optional<std::size_t> at_start;  ///< where the match ends
        bool anywhere;
    };
    const row rows[] = {
        // where it is looked for
        {"production-web", "production-web1", 14, true},
        {"^production-web", "production-web1", 14, true},
        {"^production-web$", "production-web1", {}, false},
        {"^production-web.*$", "production-web1", 15, true},
        {"web", "production-web1", {}, true},
        {".*web", "production-web1", 14, true},
        {"x*", "production", 0, true},
        {"PRODUCTION", "production", {}, false},
        {"^b", "abc", {}, false},
        {"^b", "a\nb", {}, false},
        {"(^|:)b", "a:b", {}, true},
        {"^x|c", "abc", {}, true},
        {"c$", "abc", {}, true},
        {"c$", "abc\n", {}, true},
        {"c$", "abc\nd", {}, false},
        {"^$", "", 0, true},
        {"a*", ""sv, 0, true},
        {"a", "", {}, false},
        {"ab", "abc"sv.substr(0, 1), {}, false},
        // the first alternative that matches, not the longest
        {"a|ab|abc", "abcd", 1, true},
        {"(web|mail)[0-9]+$", "mail12", 6, true},
        {"(web|mail)[0-9]+$", "db1", {}, false},
        {"web(|[0-9]+)$", "web12", 5, true},
        {"()a", "a", 1, true},
        // repetitions
        {"a{2,3}$", "aaa", 3, true},
        {"a{2,3}$", "aaaa", {}, true},
        {"a{,2}b", "aab", 3, true},
        {"a{,2}b", "aaab", {}, true},
        {"a{,}b", "aaab", 4, true},
        {"a{0}b", "b", 1, true},
        {"a{0}b", "ab", {}, true},
        {"a{", "a{", 2, true},
        {"a{}", "a{}", 3, true},
        {"a{x}", "a{x}", 4, true},
        {"a{1, 2}", "a{1, 2}", 7, true},
        {"a{1, 2}", "aa", {}, false},
        {"a{1", "a{1", 3, true},
        {"a}", "a}", 2, true},
        {"a+?b", "aab", 3, true},
        {"a+?", "aaa", 1, true},
        {"a*?b", "aab", 3, true},
        {"a??b", "ab", 2, true},
        {"a{1,2}?", "aa", 1, true},
        {"a++a", "aaa", {}, false},
        {"(a*)*b", "aab", 3, true},
        {"(^|a)*b", "aab", 3, true},
        {"([ab]*.?){0,5}(b*)+[ab]{0,4}", "abba", 4, true},
        // groups
        {"(?:web|mail)[0-9]", "mail1", 5, true},
        {"(?i)WEB", "web1", 3, true},
        {"(?i)web[A-C]", "WEBb", 4, true},
        {"(?i:WEB)-a", "web-a", 5, true},
        {"(?i:WEB)-A", "web-a", {}, false},
        {"(?i)a(?-i:B)", "AB", 2, true},
        {"(?i)a(?-i:B)", "Ab", {}, false},
        {"(?m)^b$", "a\nb\nc", {}, true},
        {"(?m)b^$", "b\n", {}, false},
        {"(?m)\\n^", "b\n", {}, true},
        {"(?s)a.b", "a\nb", 3, true},
        {"(?is)A.B", "a\nb", 3, true},
        {"(?#a [comment)web", "web", 3, true},
        {"web(?=1)", "web1", 3, true},
        {"web(?!1)", "web1", {}, false},
        {"(?!web)\\w+", "mail", 4, true},
        {"(?<=-)web", "production-web", {}, true},
        {"(?<!-)web", "production-web", {}, false},
        {"(?P<env>\\w+)-(?P=env)", "a-a", 3, true},
        {"(?P<env>\\w+)-(?P=env)", "a-b", {}, false},
        {"(a|b)\\1", "bb", 2, true},
        {"(a|b)\\1", "ab", {}, false},
        {"(a)?b(?(1)c|d)", "abc", 3, true},
        {"(a)?b(?(1)c|d)", "bd", 2, true},
        {"(a)?b(?(1)c|d)", "abd", {}, true},
        // classes
        {"[]a]+$", "a]a", 3, true},
        {"[^]a]", "b", 1, true},
        {"[^]a]", "]", {}, false},
        {"[\\]a]+", "a]", 2, true},
        {"[\\d.]+$", "1.2", 3, true},
        {"[^\\s-]+$", "a-b", {}, true},
        {"[\\b]", "\b", 1, true},
        {"[\\v]", "\v", 1, true},
        {"[\\v]", "\n", {}, false},
        {"[[a]", "[", 1, true},
        {"[[:]", ":", 1, true},
        {"[[:<:]]", "<]", 2, true},
        {"[(){}*+?^$|.]+$", "(){}*+?^$|.", 11, true},
        {"[{,3}]+", "3}", 2, true},
        {"[\\x41-\\x43]+", "ABC", 3, true},
        // escapes
        {"a\\.b", "a.b", 3, true},
        {"a\\.b", "axb", {}, false},
        {"a\\\\d", "a\\d", 3, true},
        {"web\\d+$", "web12", 5, true},
        {"web\\d+$", "webx", {}, false},
        {"web\\D$", "webx", 4, true},
        {"\\w+-\\w+$", "a_1-b2", 6, true},
        {"\\w+$", "a-b", {}, true},
        {"a\\sb\\S$", "a bc", 4, true},
        {"a\\sb", "a\vb", 3, true},
        {"a\\Wb", "a-b", 3, true},
        {"a\\Bb", "ab", 2, true},
        {"a\\bb", "ab", {}, false},
        {"\\bweb\\b", "a web b", {}, true},
        {"\\Aweb", "web1", 3, true},
        {"(?m)\\Aweb", "a\nweb", {}, false},
        {"web\\Z", "web", 3, true},
        {"web\\Z", "web\n", {}, false},
        {"a\\tb", "a\tb", 3, true},
        {"a\\vb", "a\vb", 3, true},
        {"a\\vb", "a\nb", {}, false},
        {"\\x41\\n\\r\\f\\a", "A\n\r\f\a", 5, true},
        {"\\0", "\0"sv, 1, true},
        {"\\012", "\n", 1, true},
        {"\\<web\\>", "<web>", 5, true},
        {"\\`\\'\\-\\/", "`'-/", 4, true},
        // bytes
        {"a.b", "a\nb", {}, false},
        {"a.b", "a\0b"sv, 3, true},
        {"a\0b"sv, "a\0b"sv, 3, true},
        {"a$", "a\0b"sv, {}, false},
        {"a[^x]b$", "a\nb", 3, true},
        {"b",
         "\xFF\xFE"
         "b",
         {},
         true},
        {"^.$", "\xC3\xBC", {}, false},
        {"^..$", "\xC3\xBC", 2, true},
        {"[\xC3\xBC]+$", "\xBC\xC3", 2, true},
        {"\\w", "\xFC", {}, false},
        {"(?i)\xC3\x9C", "\xC3\xBC", {}, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.expression);
        CAPTURE(each.text);
        const auto compiled = pattern::compile(each.expression);
        REQUIRE(compiled);
        CHECK(*compiled->match_start(each.text) == each.at_start);
        CHECK(*compiled->occurs_in(each.text) == each.anywhere);
        CHECK(*matches_at_start(each.expression, each.text) == each.at_start.has_value());
    }
}

TEST_CASE("the classes of POSIX are taken, which Python does not have") {
    CHECK(*matches_at_start("[[:alpha:]]+-[[:digit:]]+$", "web-12"));
    CHECK(*matches_at_start("[^[:space:][:upper:]]+$", "web-12"));
    CHECK_FALSE(*matches_at_start("[^[:space:][:upper:]]+$", "web A"));
    CHECK(*matches_at_start("[[:alnum:]_]+$", "web_12"));
}

TEST_CASE("what is no expression, or would mean something else than in Python, is refused with its place") {
    struct row {
        std::string_view name;
        std::string expression;
        std::string_view message;  ///< behind `the expression "..." is refused at byte `
    };
    const std::string_view escape = "this escape is not known; write the character itself or [...]";
    const std::string_view group = "(? is taken before : = ! <= <! > P< P= ( # and the flags i, m and s only";
    const std::string_view start = "flags such as (?i) are taken at the start of the expression only";
    const std::string in_group = "0: " + std::string{group};
    const std::string at_0 = "0: " + std::string{escape};
    const std::string at_1 = "1: " + std::string{escape};
    const std::string late = "1: " + std::string{start};
    const row rows[] = {
        {"empty", "", "0: it is empty"},
        {"too long", std::string(513, 'a'), "512: it is longer than 512 bytes"},
        {"open group", "web(", "4: missing closing parenthesis"},
        {"open class", "[a", "2: missing terminating ] for character class"},
        {"closed too often", "a)|b", "1: unmatched closing parenthesis"},
        {"nothing to repeat", "*", "0: quantifier does not follow a repeatable item"},
        {"repeated twice", "a**", "2: quantifier does not follow a repeatable item"},
        {"repeated backwards", "a{3,2}", "5: numbers out of order in {} quantifier"},
        {"behind braces that were spelt anew", "a{,3}{x}b{3,2}", "13: numbers out of order in {} quantifier"},
        {"repeated too often", "a{65536}", "7: number too big in {} quantifier"},
        {"too large", "((abc){999}){999}", "17: regular expression is too large"},
        {"range backwards", "[z-a]", "3: range out of order in character class"},
        {"class of POSIX that is none", "[[:foo:]]", "3: unknown POSIX class name"},
        {"collating element of POSIX", "[[.a.]]", "1: POSIX collating elements are not supported"},
        {"class of POSIX outside of one", "[:alpha:]", "0: POSIX named classes are supported only within a class"},
        {"backslash at the end", "web\\", "4: \\ at end of pattern"},
        {"reference to no group", "a\\1", "2: reference to non-existent subpattern"},
        {"look-behind of any length", "(?<=a+)b", "0: lookbehind assertion is not fixed length"},
        {"groups too deep", repeated("(", 65) + 'a' + repeated(")", 65), "65: parentheses are too deeply nested"},
        {"white space of PCRE2's own", "\\h", at_0},
        {"newline of PCRE2's own", "a\\R", at_1},
        {"start of the match of PCRE2's own", "a\\K", at_1},
        {"end of PCRE2's own", "a\\z", at_1},
        {"quotation of PCRE2's own", "\\Qa", at_0},
        {"class of Unicode", "\\p{L}", at_0},
        {"anchor in a class", "[\\A]", at_1},
        {"number in a class", "[\\1]", at_1},
        {"one hexadecimal digit", "\\x4g", "0: expected two hexadecimal digits behind \\x"},
        {"hexadecimal number in braces", "\\x{41}", "0: expected two hexadecimal digits behind \\x"},
        {"back-reference or octal number", "a\\10",
         "1: a back-reference above \\9 is not taken; name the group, as in (?P<name>...) and (?P=name)"},
        {"verb of PCRE2's", "(*ACCEPT)a", "0: (*...) is not taken; write \\( for a plain ("},
        {"recursion", "(?R)", in_group},
        {"call of a group", "(?1)", in_group},
        {"call of a group by its name", "(?P>a)", in_group},
        {"callout", "(?C1)", in_group},
        {"numbers anew", "(?|a|b)", in_group},
        {"name as in Perl", "(?<a>b)", in_group},
        {"flag for expressions with blanks", "(?x)a b", in_group},
        {"flag for Unicode", "(?u)a", in_group},
        {"flag of PCRE2's own", "(?U)a", in_group},
        {"flag taken away for all", "(?-i)a", in_group},
        {"flag behind the start", "a(?i)b", late},
        {"flag in a group", "((?i)b)", late},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto matched = matches_at_start(each.expression, "web1");
        REQUIRE_FALSE(matched);
        CHECK(matched.error() == error{errc::bad_data, "the expression " + quoted(each.expression) +
                                                           " is refused at byte " + std::string{each.message}});
        CHECK(pattern::compile(each.expression).error() == matched.error());
    }
    CHECK(matches_at_start(repeated("(", 64) + 'a' + repeated(")", 64), "a"));
}

TEST_CASE("what takes too long to match is an error, and never a no") {
    struct row {
        std::string_view name;
        std::string expression;
        std::string text;
        std::string_view limit;
    };
    const std::string_view steps = "match limit exceeded";
    const row rows[] = {
        {"plus in plus", "(a+)+$", repeated("a", 30) + 'b', steps},
        {"star in star", "(a*)*[bc]", repeated("a", 30), steps},
        {"alternatives that are the same", "(a|a)*$", repeated("a", 30) + 'b', steps},
        {"optional ones", "(?:a?){25}a{25}[bc]", repeated("a", 30), steps},
        {"with a back-reference", "(a+)+\\1[bc]", repeated("a", 40), steps},
        {"in a look-ahead", "(?=(a+)+[bc])", repeated("a", 30), steps},
        {"deep", "(?:a|b)*$", repeated("a", 150'000), "matching depth limit exceeded"},
        {"large", repeated("(a)?", 100) + "(?:a|b)*$", repeated("a", 20'000), "heap limit exceeded"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto compiled = pattern::compile(each.expression);
        REQUIRE(compiled);
        const error expected{errc::bad_data,
                             "the expression " + quoted(each.expression) + " cannot be matched with a text of " +
                                 std::to_string(each.text.size()) + " bytes: " + std::string{each.limit} +
                                 "; write it plainer, without a repetition inside another"};
        REQUIRE_FALSE(compiled->match_start(each.text));
        CHECK(compiled->match_start(each.text).error() == expected);
        REQUIRE_FALSE(compiled->occurs_in(each.text));
        CHECK(compiled->occurs_in(each.text).error() == expected);
    }
}

TEST_CASE("the steps are those of all places from which a match is tried") {
    // PCRE2's own limits hold for each place alone, and one that a class passes over in one go is one step there.
    // Without a sum of our own, this takes hours.
    const auto classes = pattern::compile("[a-z]+[0-9]");
    REQUIRE(classes);
    CHECK_FALSE(classes->occurs_in(std::string(4'000'000, 'x')));
    CHECK(*classes->occurs_in(std::string(4'000'000, 'x') + '1'));
    CHECK_FALSE(*classes->match_start(std::string(4'000'000, 'x')));
    const auto dots = pattern::compile("x.*[yz]");
    REQUIRE(dots);
    CHECK_FALSE(dots->occurs_in(std::string(100'000, 'x')));
    CHECK(*dots->occurs_in(std::string(100'000, 'x') + 'y'));
}

TEST_CASE("long command lines that look alike in many places are matched") {
    const auto compiled = pattern::compile("java.*[Mm]ain");
    REQUIRE(compiled);
    const std::string classes = repeated("/usr/share/java/some-library.jar:", 500);
    CHECK_FALSE(*compiled->occurs_in(classes));
    CHECK(*compiled->occurs_in(classes + " Main"));
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
    CHECK(*second.occurs_in("xa12"));
    const pattern third{std::move(second)};
    CHECK(*third.match_start("a1") == std::optional<std::size_t>{2});
}
