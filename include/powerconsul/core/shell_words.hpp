#pragma once

#include <utility>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

inline constexpr std::size_t longest_word_text = std::size_t{64} * 1024;  ///< bytes that split_words() takes
inline constexpr std::size_t most_words = 1024;                           ///< words that split_words() gives

/// Splits a text into words as a POSIX shell does (Shell Command Language, 2.2 Quoting), without a shell: spaces, tabs
/// and newlines separate, '...' is literal, "..." keeps all but a backslash before $ ` " \ or a newline, a backslash
/// elsewhere takes the next character as it is, a backslash before a newline vanishes with it, and quoted parts join
/// their neighbours. Nothing is expanded: $ * ~ { } ; | & < > # ( ) stand for themselves.
/// Fails with errc::usage, naming the byte (from 0): an open quote, a backslash at the end, a NUL, too much of it.
[[nodiscard]] inline auto split_words(std::string_view text) -> result<std::vector<std::string>> {
    const auto wrong = [&](const std::string& what) {
        return fail(errc::usage, "cannot split " + quoted(text) + " into words: " + what);
    };
    if (text.size() > longest_word_text) {
        return wrong("it has " + std::to_string(text.size()) + " bytes, at most " + std::to_string(longest_word_text) +
                     " are taken; shorten it");
    }
    if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
        return wrong("a NUL at byte " + std::to_string(nul) + "; remove it");
    }
    std::vector<std::string> words;
    std::string word;
    bool inside = false;  // of a word: '' is one although it has no bytes
    char quote = '\0';    // the one that is open
    std::size_t opened{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && quote != '\'') {
            if (i + 1 == text.size()) {
                if (quote != '\0') break;
                return wrong("the backslash at byte " + std::to_string(i) +
                             " ends the text; write \\\\ for a plain one");
            }
            const char next = text[i + 1];
            if (quote != '\0' && std::string_view{"\n$`\"\\"}.find(next) == std::string_view::npos) {
                word += c;
                continue;
            }
            ++i;
            if (next == '\n') continue;
            inside = true;
            word += next;
        } else if (c == quote) {
            quote = '\0';
        } else if (quote != '\0') {
            word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            opened = i;
            inside = true;
        } else if (c != ' ' && c != '\t' && c != '\n') {
            inside = true;
            word += c;
        } else if (inside) {
            words.push_back(std::exchange(word, {}));
            inside = false;
        }
        if (words.size() == most_words && inside) {
            return wrong("more than " + std::to_string(most_words) + " words, the next one at byte " +
                         std::to_string(i));
        }
    }
    if (quote != '\0') {
        return wrong("the quote " + std::string{quote} + " at byte " + std::to_string(opened) +
                     " is not closed; close it, or write \\" + quote + " for a plain one");
    }
    if (inside) words.push_back(std::move(word));
    return words;
}

}  // namespace powerconsul::inline v0
