#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/ports/executor.hpp>

#include "fuzz.hpp"

namespace fuzz {

/// The words that a real shell makes of a text behind a command's name. What a fuzzer writes is no text for a shell,
/// so this takes only what harmless() has made harmless; in case that is not enough, no program can be found there.
[[nodiscard]] inline auto words_of_shell(const std::string& text) -> std::vector<std::string> {
    powerconsul::posix_spawn_executor executor;
    // printf is the shell's own. Without a word of the text it prints one NUL all the same.
    const auto end = executor.run({.argv = {"/bin/sh", "-c", "printf '%s\\0' begin " + text},
                                   .environment = {"PATH=/nonexistent", "LC_ALL=C"},
                                   .timeout = powerconsul::seconds(50),
                                   .output_limit = 1024 * 1024});
    expect(end && end->exited_with(0), "the shell refuses it", text, end ? end->err : end.error().message);
    std::vector<std::string> words;
    std::string_view rest = end->out;
    while (!rest.empty()) {
        words.emplace_back(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(words.back().size() < rest.size() ? words.back().size() + 1 : rest.size());
    }
    expect(!words.empty() && words.front() == "begin", "the shell did not begin", text);
    words.erase(words.begin());
    return words;
}

/// The text with what a shell acts upon, and what begins a command's name, made into something else: of letters only
/// a and Z are left, of signs those that quote, separate, or mean nothing.
[[nodiscard]] inline auto harmless(std::string_view text, std::string_view kept = {}) -> std::string {
    std::string made;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (kept.find(c) != std::string_view::npos && !kept.empty()) {
            made += c;
        } else if (letter) {
            made += c >= 'a' ? 'a' : 'Z';
        } else if ((c >= '0' && c <= '9') || byte >= 0x80 ||
                   std::string_view{" \t\n\\'\"_:@%+,=-{}!^."}.find(c) != std::string_view::npos) {
            made += c;
        } else {
            made += '_';
        }
    }
    return made;
}

/// The same on one line: newlines that are not quoted, behind which a shell would read another command, are blanks.
[[nodiscard]] inline auto one_command(std::string text) -> std::string {
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && quote != '\'') {
            ++i;
        } else if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (quote == '\0' && c == '\n') {
            text[i] = ' ';
        }
    }
    return text;
}

}  // namespace fuzz
