#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/status_text.hpp>

namespace powerconsul::inline v0 {

namespace detail {

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

/// What the text of an init script says of its answers.
struct init_script {
    bool exits_early{true};  ///< it may exit 0 before it looks
    bool only_files{};       ///< its `status` looks for a file, such as a lock, and at no process
    std::string daemon{};    ///< the program that it starts, without a path; empty if it does not say so plainly
};

/// Debian's scripts exit 0 before they look when their program is not installed (`test -x $DAEMON || exit 0`), when
/// they are not configured and, in the library that they source, when their unit is masked in systemd; others end with
/// `exit 0` whatever they found.
[[nodiscard]] inline auto read_init_script(std::string_view text) -> init_script {
    init_script read{.exits_early = false};
    constexpr std::string_view signs[] = {"init-functions", "init-d-script"};
    read.exits_early = algo::any_of(signs, [&](auto sign) { return text.find(sign) != std::string_view::npos; });
    // `exit 0`, and `exit` alone, which ends with the status of the last command.
    for (std::size_t at = text.find("exit"); at != std::string_view::npos; at = text.find("exit", at + 4)) {
        const std::size_t next = text.find_first_not_of(" \t\r", at + 4);
        read.exits_early = read.exits_early || next == std::string_view::npos ||
                           is_one_of(text.substr(next, 1), {"0", "\n", ";", "}", ")", "&", "|", "#"});
    }
    bool in_status = false;
    bool looks = false;
    while (!text.empty()) {
        std::string_view line = trimmed(next_part(text, '\n'));
        if (line.starts_with("DAEMON=") && read.daemon.empty()) {
            const auto path = trimmed(line.substr(7), "\"'");
            if (path.find_first_of("$ `") == std::string_view::npos) read.daemon = base_name(path);
        }
        in_status = in_status || line.starts_with("status)") || line.starts_with("status |");
        if (!in_status) continue;
        // What only looks at files and prints; anything else may look at a process.
        const std::string_view first = line.substr(0, line.find_first_of(" \t;"));
        constexpr std::string_view harmless[] = {"",     "status)", "if", "[",    "test",
                                                 "then", "else",    "fi", "echo", "exit"};
        constexpr std::string_view commands[] = {"&&", "||", "$(", "`", "kill"};
        read.only_files = read.only_files || (first == "if" && line.find("-f ") != std::string_view::npos);
        const auto asks = [&](std::string_view sign) { return line.find(sign) != std::string_view::npos; };
        looks = looks || !(is_one_of(first, harmless) || first.starts_with('#')) || algo::any_of(commands, asks);
        if (line.find(";;") != std::string_view::npos) in_status = false;
    }
    read.only_files = read.only_files && !looks;
    return read;
}

/// Interprets the result of `<script> status` as the LSB says: 0 running, 1 and 2 dead, 3 not running, 4 and more
/// unknown. 0 counts only if the words on stdout claim it, or if the script cannot have left before it looked; words
/// that deny win. Parts in `ignored` do not count.
[[nodiscard]] inline auto interpret_init_script(const outcome& end, const init_script& script = {},
                                                const std::vector<std::string>& ignored = {}) -> observed {
    using enum observation;
    if (end.how == ending::timed_out) return {unknown, "init script did not answer in time"};
    if (end.how == ending::signalled) return {unknown, "init script was ended by signal " + std::to_string(end.status)};
    const auto words = read_status_words(end.out, ignored);
    const auto complaint = read_status_words(end.err, ignored);
    const bool stopped_words = words.stopped || complaint.stopped;
    const std::string exits = "init script exits " + std::to_string(end.status);
    const std::string way_out = "; check process --name " + (script.daemon.empty() ? "<program>" : script.daemon) +
                                " looks at the processes themselves";
    if (words.usage || complaint.usage) {
        return {unknown, exits + " and prints its usage: it does not know \"status\"" + way_out};
    }
    if (end.status == 0 && !words.changing.empty()) return {degraded, exits + " and says " + words.changing};
    if (words.running && words.stopped && end.status >= 0 && end.status < 126) {
        return {degraded, exits + " and says that only a part is running" +
                              (words.down.empty() ? "" : ", not " + one_line(listed(words.down), 400))};
    }
    if (end.status == 4 && detail::said(end).empty()) return {unknown, exits + " (it cannot tell)" + way_out};
    if (end.status < 0 || end.status > 3) return {unknown, exits + detail::said(end)};
    if (end.status == 0) {
        if (stopped_words) return {stopped, exits + " but says that it is not running"};
        const bool unsure = words.unsure || words.failure || complaint.unsure || complaint.failure;
        if (words.running && !script.only_files) return {running, exits};
        if (words.running) return {unknown, exits + " because a file is there, and looks at no process" + way_out};
        if (unsure) return {unknown, exits + detail::said(end)};
        if (script.exits_early && detail::said(end).empty()) {
            return {unknown,
                    exits + " without a word, as it does when its program is not installed or its unit is masked"};
        }
        if (script.exits_early) return {unknown, exits + " and does not say that it is running" + detail::said(end)};
        return {running, exits};
    }
    if (!stopped_words) {
        if (words.unsure || complaint.unsure) return {unknown, exits + detail::said(end)};
        // A shell exits 1 or 2 on errors of its own, and so do scripts that lack a permission; they complain on stderr.
        if (end.status < 3 && !detail::stable_line(end.err).empty()) return {unknown, exits + detail::said(end)};
    }
    return {stopped, exits + (end.status == 3 ? " (not running)" : " (dead)")};
}

}  // namespace powerconsul::inline v0
