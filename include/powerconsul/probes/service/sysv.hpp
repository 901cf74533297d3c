#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

/// What the words of a status text claim. A text may claim several things at once, as when only one of two instances
/// runs.
struct status_words {
    bool running{};
    bool stopped{};
    bool unsure{};   ///< "unknown", "unclear"
    bool failure{};  ///< "failed!" or "[FAIL]", as Debian's log_failure_msg writes
    bool usage{};    ///< the text explains how to call the script
};

namespace detail {

/// A word in lower case, apostrophes kept, and all signs before it.
struct word {
    std::string text{};
    std::string signs{};
};

/// Takes the next word and its signs off the text; both are empty at the end. Escape sequences that set colours are
/// skipped.
[[nodiscard]] inline auto next_word(std::string_view& text) -> word {
    word next;
    while (!text.empty()) {
        if (text.starts_with("\x1B[")) {
            std::size_t end = 2;
            while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
            text.remove_prefix(end < text.size() ? end + 1 : end);
            continue;
        }
        const char c = ascii::lower(text.front());
        const bool letter = ascii::is_alphanumeric(c) || (c == '\'' && !next.text.empty());
        if (!letter && !next.text.empty()) break;
        (letter ? next.text : next.signs) += c;
        text.remove_prefix(1);
    }
    return next;
}

/// The first line that is not blank, shortened, with each number as `#`: it may be a process id, which changes every
/// time.
[[nodiscard]] inline auto stable_line(std::string_view text) -> std::string {
    while (!text.empty() && is_one_of(text.substr(0, 1), {"\n", "\r", " "})) text.remove_prefix(1);
    std::string masked;
    for (const char c : text.substr(0, text.find('\n'))) {
        const bool digit = ascii::is_digit(c);
        if (!digit || masked.empty() || masked.back() != '#') masked += digit ? '#' : c;
    }
    return one_line(masked, 120);
}

[[nodiscard]] inline auto said(const outcome& end) -> std::string {
    auto line = stable_line(end.err);
    if (line.empty()) line = stable_line(end.out);
    return line.empty() ? line : ": " + line;
}

}  // namespace detail

/// Reads a status text as a person would: "not currently running" does not mean running, nor does "dead but pid file
/// exists".
[[nodiscard]] inline auto read_status_words(std::string_view text) -> status_words {
    status_words seen;
    std::string before;
    bool some = false;
    int negated = 0;  // a negation reaches as far as the third word after it, and not beyond its clause
    for (auto rest = text;;) {
        const auto [word, signs] = detail::next_word(rest);
        if (signs.find('\n') != std::string::npos) some = false;
        if (signs.find_first_of("\n;,") != std::string::npos || signs.starts_with(". ")) negated = 0;
        const bool first = before.empty() || signs.find_first_of("\n:].*!") != std::string::npos;
        // `{start|stop|status}` and the like, with or without the word "usage" in front of it.
        if (before == "start" && word == "stop" && signs.find('|') != std::string::npos) seen.usage = true;
        if (word == "usage" && first && rest.starts_with(':')) seen.usage = true;
        if (word.empty()) return seen;

        if (is_one_of(word, {"running", "active", "online"})) {
            (negated > 0 ? seen.stopped : seen.running) = true;
            if (some && negated == 0) seen.stopped = true;  // Debian's postfix: "some postfix instances are running"
        } else if ((is_one_of(word, {"stopped", "dead", "inactive", "offline"}) && negated == 0) ||
                   // Debian's postgresql: "15/main (port 5432): down"
                   (word == "down" && (before == "is" || signs.find(':') != std::string::npos)) ||
                   (is_one_of(word, {"process", "processes", "pid", "pidfile"}) && before == "no")) {
            seen.stopped = true;
        } else if (is_one_of(word, {"unknown", "unclear"})) {
            seen.unsure = true;
        } else if ((word == "failed" && rest.starts_with('!')) || (word == "fail" && rest.starts_with(']'))) {
            seen.failure = true;
        }
        const bool negation = is_one_of(word, {"not", "no", "isn't", "isnt", "aren't", "never", "neither"});
        negated = negation ? 3 : negated > 0 ? negated - 1 : 0;
        some = some || word == "some";
        before = word;
    }
}

/// Whether an init script may exit 0 before it looks at `status`. Debian's do so when their program is not installed
/// (`test -x $DAEMON || exit 0`) and, in the library that they source, when their unit is masked in systemd.
[[nodiscard]] inline auto may_exit_early(std::string_view script) -> bool {
    constexpr std::string_view signs[] = {"|| exit 0", "init-functions", "init-d-script"};
    return std::ranges::any_of(signs, [&](auto sign) { return script.find(sign) != std::string_view::npos; });
}

/// Interprets the result of `<script> status` as the LSB says: 0 running, 1 and 2 dead, 3 not running, 4 and more
/// unknown. The text alone never proves running, but it can contradict the exit status. `exits_early`: see
/// may_exit_early().
[[nodiscard]] inline auto interpret_init_script(const outcome& end, bool exits_early) -> observed {
    using enum observation;
    if (end.how == ending::timed_out) return {unknown, "init script did not answer in time"};
    if (end.how == ending::signalled) return {unknown, "init script was ended by signal " + std::to_string(end.status)};
    const auto words = read_status_words(end.out + '\n' + end.err);
    const std::string exits = "init script exits " + std::to_string(end.status);
    if (words.usage) return {unknown, exits + " and prints its usage: it does not know \"status\""};
    if (end.status < 0 || end.status > 3) return {unknown, exits + detail::said(end)};
    if (words.running && words.stopped) return {degraded, exits + " and says that only a part is running"};
    if (end.status == 0) {
        if (words.stopped) return {stopped, exits + " but says that it is not running"};
        if (!words.running && (words.unsure || words.failure)) return {unknown, exits + detail::said(end)};
        if (exits_early && detail::said(end).empty()) {
            return {unknown,
                    exits + " without a word, as it does when its program is not installed or its unit is masked"};
        }
        return {running, exits};
    }
    if (!words.stopped) {
        if (words.unsure) return {unknown, exits + detail::said(end)};
        // A shell exits 1 or 2 on errors of its own, and so do scripts that lack a permission; they complain on stderr.
        if (end.status < 3 && !detail::stable_line(end.err).empty()) return {unknown, exits + detail::said(end)};
    }
    return {stopped, exits + (end.status == 3 ? " (not running)" : " (dead)")};
}

}  // namespace powerconsul::inline v0
