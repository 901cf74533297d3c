// covers: core/shell_words.hpp
#include <powerconsul/core/shell_words.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "shell.hpp"

using namespace powerconsul;

namespace {

/// One word as it may be written for a shell, in one of four ways.
[[nodiscard]] auto quoted_word(std::string_view word, unsigned how) -> std::string {
    std::string text;
    if (how == 0) {  // '…', and '\'' for its own sign
        for (const char c : word) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
        return '\'' + text + '\'';
    }
    if (how == 1) {  // "…"
        for (const char c : word) {
            if (c == '"' || c == '\\' || c == '$' || c == '`') text += '\\';
            text += c;
        }
        return '"' + text + '"';
    }
    for (const char c : word) {  // a backslash before each, or a piece of each kind
        if (c == '\n' || (how == 3 && c != '\'')) {
            text += std::string{'\''} + c + '\'';
        } else {
            text += std::string{'\\'} + c;
        }
    }
    return text.empty() ? "\"\"" : text;
}

/// How to write the words again; and a text to split.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::choices pick{script.next()};
    const std::string_view text = script.rest();
    const auto split = split_words(text);
    if (!split) {
        fuzz::expect(split.error().code == errc::usage && fuzz::is_one_line(split.error().message), "no reason",
                     split.error().message);
    } else {
        constexpr std::string_view blanks[] = {" ", "\t", "\n", " \n ", "  "};
        std::string again;
        for (const auto& each : *split) {
            fuzz::expect(each.find('\0') == std::string::npos, "a NUL in a word", text);
            again += quoted_word(each, pick.of(4));
            again += blanks[pick.of(5)];
        }
        fuzz::expect(split->size() <= most_words, "too many words", text);
        const auto same = split_words(again);
        const bool too_long = again.size() > longest_word_text;
        fuzz::expect(too_long || (same && *same == *split), "other words when they are quoted", again, text);
        const auto twice = split_words(std::string{text} + ' ' + again);
        const bool too_many = 2 * split->size() > most_words || text.size() + again.size() >= longest_word_text;
        fuzz::expect(too_many || too_long || (twice && twice->size() == 2 * split->size()), "words run together", text);
    }
    const std::string command = fuzz::one_command(fuzz::harmless(text));
    if (const auto words = split_words(command); words && fuzz::this_one()) {
        const auto seen = fuzz::words_of_shell(command);
        fuzz::expect(seen == *words, "a shell splits it otherwise", command, seen.empty() ? "nothing" : seen.front());
    }
}

const fuzz::enlisted here{"words", run};

}  // namespace
