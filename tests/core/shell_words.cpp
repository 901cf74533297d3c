#include <powerconsul/core/shell_words.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/adapters/posix/spawn.hpp>

using namespace powerconsul;
using namespace std::string_literals;

namespace {

using words = std::vector<std::string>;

/// What /bin/sh makes of the texts; an empty list of lists if it refuses one of them.
auto split_by_shell(const std::vector<std::string>& texts) -> std::vector<words> {
    command what{.argv = {"/bin/sh", "-c", ""}, .timeout = seconds(60), .output_limit = std::size_t{4} * 1024 * 1024};
    for (const auto& text : texts) {
        what.argv[2] += "set -- " + text + "\nprintf '%s\\0' \"$#\" \"$@\"\n";
    }
    posix_spawn_executor executor;
    const auto end = executor.run(what);
    REQUIRE(end.has_value());
    REQUIRE_FALSE(end->truncated);
    if (!end->exited_with(0)) return {};
    std::vector<words> all;
    std::string_view rest = end->out;
    const auto take = [&] {
        const std::string next{rest.substr(0, rest.find('\0'))};
        REQUIRE(next.size() < rest.size());
        rest.remove_prefix(next.size() + 1);
        return next;
    };
    while (!rest.empty()) {
        const auto count = std::stoul(take());
        all.emplace_back();
        for (std::size_t i = 0; i < count; ++i) all.back().push_back(take());
    }
    return all;
}

/// Quotes a word for a shell and for split_words, in one of the ways that there are.
auto quote(std::string_view word, std::mt19937& random) -> std::string {
    const auto way = random() % 3;
    std::string text{way == 0 ? "'" : way == 1 ? "\"" : ""};
    for (const char c : word) {
        if (way == 0) {
            text += c == '\'' ? "'\\''"s : std::string{c};
        } else if (way == 1) {
            if (c == '$' || c == '`' || c == '"' || c == '\\') text += '\\';
            text += c;
        } else {
            text += c == '\n' ? "'\n'"s : "\\"s + c;
        }
    }
    if (way != 2) text += text.front();
    return text.empty() ? "''" : text;
}

auto pick(std::string_view from, std::mt19937& random) -> char {
    return from[random() % from.size()];
}

/// A text in which nothing is expanded or separates commands, so that a shell only splits it and takes quotes off.
auto generated_text(std::mt19937& random) -> std::string {
    constexpr std::string_view plain = "abcXYZ019-+,./:@%^=_";
    constexpr std::string_view any = "ab $`\"'\\\n\t*?[]{}()<>|&;#~!%=";
    std::string text;
    for (auto parts = random() % 12; parts > 0; --parts) {
        switch (random() % 6) {
            case 0: text += pick(" \t", random); break;
            case 1: text += "\\\n"; break;
            case 2: {
                const char c = pick(any, random);
                text += '\\';
                text += c;
                break;
            }
            case 3: {
                text += '\'';
                for (auto i = random() % 6; i > 0; --i) {
                    const char c = pick(any, random);
                    if (c != '\'') text += c;
                }
                text += '\'';
                break;
            }
            case 4: {
                text += '"';
                for (auto i = random() % 8; i > 0; --i) {
                    const char c = pick(any, random);
                    // A backslash is followed by any character, the four that a shell would act upon only so.
                    if (c == '\\') {
                        text += c;
                        text += pick(any, random);
                        if (text.back() == '$' || text.back() == '`') text += ' ';
                    } else if (c != '$' && c != '`' && c != '"') {
                        text += c;
                    }
                }
                text += '"';
                break;
            }
            default:
                for (auto i = random() % 5; i > 0; --i) text += pick(plain, random);
                break;
        }
    }
    return text;
}

}  // namespace

TEST_CASE("texts are split into words") {
    struct case_row {
        std::string_view name;
        std::string_view text;
        words expected;
    };
    const case_row rows[] = {
        {"nothing", "", {}},
        {"only blanks", " \t\n ", {}},
        {"one word", "a", {"a"}},
        {"blanks of all kinds", " a\tb\nc  d ", {"a", "b", "c", "d"}},
        {"other white space is no blank", "a\rb\vc\fd", {"a\rb\vc\fd"}},
        {"the manual's arguments", "-c 1:1 -C processName", {"-c", "1:1", "-C", "processName"}},
        {"single quotes", "'a b' c", {"a b", "c"}},
        {"a backslash in single quotes", R"('a\b\')", {R"(a\b\)"}},
        {"double quotes in single quotes", R"('"a"')", {R"("a")"}},
        {"double quotes", "\"a b\" c", {"a b", "c"}},
        {"single quotes in double quotes", R"("it's")", {"it's"}},
        {"what a backslash protects in double quotes", R"("\$ \` \" \\")", {R"($ ` " \)"}},
        {"what it does not", R"("\a \' \* \ ")", {R"(\a \' \* \ )"}},
        {"an escaped newline in double quotes", "\"a\\\nb\"", {"ab"}},
        {"a newline in quotes", "'a\nb' \"c\nd\"", {"a\nb", "c\nd"}},
        {"escaped characters", R"(\a\ b\'\"\\)", {R"(a b'"\)"}},
        {"an escaped newline joins", "a\\\nb", {"ab"}},
        {"an escaped newline alone is no word", "a \\\n b \\\n", {"a", "b"}},
        {"quotes join their neighbours", R"(a'b c'"d e"\ f)", {"ab cd e f"}},
        {"an empty word", "''", {""}},
        {"empty words", R"('' "" a ''"" b'')", {"", "", "a", "", "b"}},
        {"an option with an empty value", "-a ''", {"-a", ""}},
        {"nothing is expanded",
         "$HOME `id` $(id) * ? [a] ~ {a,b} !x",
         {"$HOME", "`id`", "$(id)", "*", "?", "[a]", "~", "{a,b}", "!x"}},
        {"nothing is expanded in double quotes", R"("$HOME `id`")", {"$HOME `id`"}},
        {"no operators", "a;b|c&d <e >f (g)", {"a;b|c&d", "<e", ">f", "(g)"}},
        {"no comment", "a #b c", {"a", "#b", "c"}},
        {"no assignment", "A=b c", {"A=b", "c"}},
        {"bytes above 127", "caf\xC3\xA9 \xFF\x81", {"caf\xC3\xA9", "\xFF\x81"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto found = split_words(row.text);
        REQUIRE(found.has_value());
        CHECK(*found == row.expected);
    }
}

TEST_CASE("what cannot be split says where and what to do") {
    struct case_row {
        std::string_view name;
        std::string text;
        std::string_view shown;
        std::string_view why;
    };
    const case_row rows[] = {
        {"open single quote", "-C 'ab c", R"("-C 'ab c")",
         R"(the quote ' at byte 3 is not closed; close it, or write \' for a plain one)"},
        {"open double quote", R"("a" "b)", R"(""a" "b")",
         R"(the quote " at byte 4 is not closed; close it, or write \" for a plain one)"},
        {"a quote that is only escaped", R"("a\")", R"(""a\"")",
         R"(the quote " at byte 0 is not closed; close it, or write \" for a plain one)"},
        {"a backslash in an open quote", R"("a\)", R"(""a\")",
         R"(the quote " at byte 0 is not closed; close it, or write \" for a plain one)"},
        {"a backslash at the end", R"(a b\)", R"("a b\")",
         R"(the backslash at byte 3 ends the text; write \\ for a plain one)"},
        {"a NUL", "a '\0b'"s, R"("a '\x00b'")", "a NUL at byte 3; remove it"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto found = split_words(row.text);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == errc::usage);
        CHECK(found.error().message ==
              "cannot split " + std::string{row.shown} + " into words: " + std::string{row.why});
        if (row.text.find('\0') == std::string::npos && row.text.back() != '\\') {
            CHECK_MESSAGE(split_by_shell({row.text}).empty(), "the shell refuses it too");
        }
    }
}

TEST_CASE("texts and lists of words are bounded") {
    CHECK(split_words(std::string(longest_word_text, 'a')).value_or(words{}) ==
          words{std::string(longest_word_text, 'a')});
    const auto longer = split_words(std::string(longest_word_text + 1, 'a'));
    REQUIRE_FALSE(longer.has_value());
    CHECK(longer.error().code == errc::usage);
    CHECK(longer.error().message.ends_with("it has 65537 bytes, at most 65536 are taken; shorten it"));
    for (const std::string_view each : {"a ", "'' ", "\\a ", "\"\" "}) {
        CAPTURE(each);
        std::string text;
        for (std::size_t i = 0; i < most_words; ++i) text += each;
        const auto most = split_words(text);
        REQUIRE(most.has_value());
        CHECK(most->size() == most_words);
        const auto more = split_words(text + std::string{each});
        REQUIRE_FALSE(more.has_value());
        CHECK(more.error().code == errc::usage);
        CHECK(more.error().message.find("more than 1024 words, the next one at byte ") != std::string::npos);
    }
}

TEST_CASE("generated texts are split as /bin/sh splits them") {
    std::mt19937 random{20240501};  // NOLINT: the same texts every time
    std::size_t several = 0;
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> texts;
        for (int i = 0; i < 200; ++i) texts.push_back(generated_text(random));
        const auto expected = split_by_shell(texts);
        REQUIRE(expected.size() == texts.size());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            CAPTURE(texts[i]);
            const auto found = split_words(texts[i]);
            REQUIRE(found.has_value());
            REQUIRE(*found == expected[i]);
            several += found->size() > 1 ? 1 : 0;
        }
    }
    CHECK(several > 1000);
}

TEST_CASE("quoted words come back, from the shell too") {
    std::mt19937 random{7};  // NOLINT: the same words every time
    std::vector<std::string> texts;
    std::vector<words> lists;
    for (int i = 0; i < 300; ++i) {
        words list;
        std::string text;
        for (auto count = random() % 6; count > 0; --count) {
            std::string word;
            for (auto size = random() % 20; size > 0; --size) word += static_cast<char>(random() % 255 + 1);
            text += quote(word, random) + pick(" \t", random);
            list.push_back(std::move(word));
        }
        CAPTURE(text);
        REQUIRE(split_words(text).value_or(words{"failed"}) == list);
        texts.push_back(std::move(text));
        lists.push_back(std::move(list));
    }
    CHECK(split_by_shell(texts) == lists);
}
