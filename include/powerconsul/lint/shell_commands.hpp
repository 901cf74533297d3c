#pragma once

#include <map>

#include <powerconsul/core/pattern.hpp>
#include <powerconsul/lint/shell.hpp>

/// What the commands of a shell's text are going to do, as far as their words alone tell.
namespace powerconsul::inline v0 {

/// A program that a text runs, and where it says so.
struct program_in_text {
    std::string name{};    ///< an absolute path, or what the PATH leads to
    std::size_t offset{};  ///< byte in the text
};

namespace detail {

/// Commands that run another one, which is their next word.
inline constexpr std::array<std::string_view, 5> command_prefixes{"exec", "command", "nohup", "setsid", "sudo"};

/// The index of the word that names what a command runs in the end, behind `nohup` and the like.
[[nodiscard]] inline auto program_index(const shell_command& command) -> std::size_t {
    std::size_t i = 0;
    while (i + 1 < command.words.size() && command.words[i].literal &&
           is_one_of(command.words[i].text, command_prefixes) && !command.words[i + 1].text.starts_with('-')) {
        ++i;
    }
    return i;
}

// --- what is ended by its own command ---

/// What a command of procps or psmisc looks for; nothing if it is another command, or its options narrow the search.
struct process_search {
    std::string pattern{};
    bool full{};   ///< among command lines, else among names
    bool exact{};  ///< of the whole of it
    bool plain{};  ///< a name and no expression
    bool ignores_case{};
};

/// Reads the options of pkill, pgrep (procps) and killall (psmisc).
[[nodiscard]] inline auto searched_by(const shell_command& command) -> std::optional<process_search> {
    const std::size_t first = program_index(command);
    if (first >= command.words.size()) return std::nullopt;
    const std::string_view name = base_name(command.words[first].text);
    if (!is_one_of(name, {"pkill", "pgrep", "killall"})) return std::nullopt;
    const bool by_name = name == "killall";
    process_search found{.exact = by_name, .plain = by_name};
    bool options = true;
    bool has_pattern = false;
    for (std::size_t i = first + 1; i < command.words.size(); ++i) {
        const shell_word& word = command.words[i];
        if (!word.literal) return std::nullopt;
        const std::string_view text = word.text;
        if (!options || !text.starts_with('-') || text == "-") {
            if (has_pattern) return std::nullopt;
            found.pattern = text;
            has_pattern = true;
        } else if (text == "--") {
            options = false;
        } else if (text.starts_with("--")) {
            if (text.starts_with("--signal=") || is_one_of(text, {"--echo", "--count", "--list-name", "--list-full",
                                                                  "--wait", "--quiet", "--verbose"})) {
                continue;
            }
            if (text == "--signal") {
                ++i;
            } else if (text == "--full") {
                found.full = true;
            } else if (text == "--exact") {
                found.exact = true;
            } else if (text == "--ignore-case") {
                found.ignores_case = true;
            } else {
                return std::nullopt;
            }
        } else {
            const std::string_view letters = text.substr(1);
            const bool signal = name != "pgrep" && (ascii::is_digit(letters.front()) || letters.size() > 2) &&
                                algo::none_of(letters, [](char c) { return c >= 'a' && c <= 'z'; });
            for (const char c : signal ? std::string_view{} : letters) {
                if (by_name && (c == 'q' || c == 'v' || c == 'w' || c == 'e')) continue;
                if (by_name || std::string_view{"fxiecla"}.find(c) == std::string_view::npos) return std::nullopt;
                found.full = found.full || c == 'f';
                found.exact = found.exact || c == 'x';
                found.ignores_case = found.ignores_case || c == 'i';
            }
        }
    }
    if (!has_pattern || found.pattern.empty()) return std::nullopt;
    return found;
}

/// Whether the search finds the process with that argument vector; no if it cannot be told.
[[nodiscard]] inline auto finds(const process_search& search, const std::vector<std::string>& argv) -> bool {
    constexpr std::size_t longest_name = 15;  // TASK_COMM_LEN without its NUL
    std::string target{base_name(argv.front()).substr(0, longest_name)};
    if (search.plain) return target == search.pattern;
    if (search.full) {
        target = argv.front();
        for (std::size_t i = 1; i < argv.size(); ++i) target += ' ' + argv[i];
    }
    std::string expression = search.exact ? "^(?:" + search.pattern + ")$" : search.pattern;
    if (search.ignores_case) expression.insert(0, "(?i)");
    const auto made = pattern::compile(expression);
    if (!made) return false;
    const auto found = made->occurs_in(target);
    return found && *found;
}

/// What is wrong with a command that also finds the shell which runs it, whose argument vector is `argv`; empty if it
/// does not. dash forks even for the last command of a text, bash does not.
[[nodiscard]] inline auto finds_own_shell(const shell_command& command, bool last, const std::vector<std::string>& argv)
    -> std::string {
    const auto search = searched_by(command);
    if (!search || command.name() == "exec" || (last && base_name(argv.front()) == "bash")) return {};
    if (!finds(*search, argv)) return {};
    std::string said{base_name(command.words[program_index(command)].text)};
    if (search->full) said += " -f";
    said += ' ' + one_line(search->pattern, 80) + " also finds the shell that runs this text";
    if (search->full) said += ", as its arguments hold the text";
    said += base_name(command.words[program_index(command)].text) == "pgrep" ? ": it always finds something"
                                                                             : ", and ends it";
    if (!search->full) return said + "; name what is to be ended";
    auto bracketed = *search;
    if (ascii::is_alphanumeric(bracketed.pattern.front())) {
        bracketed.pattern = '[' + bracketed.pattern.substr(0, 1) + ']' + bracketed.pattern.substr(1);
        auto without = argv;
        for (auto& each : without) {
            const auto at = each.find(search->pattern);
            if (at != std::string::npos) each.replace(at, search->pattern.size(), bracketed.pattern);
        }
        if (!finds(bracketed, without)) {
            return said + "; write " + quoted(bracketed.pattern) +
                   ", or make it a script (#!), whose text is no argument";
        }
    }
    return said + "; make it a script (#!), whose text is no argument";
}

// --- whose output is lost ---

/// The commands in the background whose output goes nowhere once the text has come to its end.
[[nodiscard]] inline auto loses_output(const shell_text& read) -> std::vector<std::size_t> {
    std::vector<std::size_t> found;
    for (const auto& each : read.commands) {
        const bool all = each.name() == "exec" && each.words.size() == 1 && each.redirected;
        if (all || each.name() == "wait") return found;
    }
    for (const auto& each : read.background) {
        const auto name = read.commands[each.command].name();
        if (!each.redirected && !is_one_of(name, {"", "sleep", "true", ":", "kill", "exit"})) {
            found.push_back(each.command);
        }
    }
    return found;
}

// --- which programs there must be ---

/// POSIX's special and other built-in utilities, and those of dash, bash and ksh.
inline constexpr std::array<std::string_view, 64> shell_builtins{
    ".",       ":",       "[",       "[[",        "alias",    "bg",      "bind",    "break",   "builtin", "caller",
    "cd",      "command", "compgen", "complete",  "continue", "declare", "dirs",    "disown",  "echo",    "enable",
    "eval",    "exec",    "exit",    "export",    "false",    "fc",      "fg",      "getopts", "hash",    "help",
    "history", "jobs",    "kill",    "let",       "local",    "logout",  "mapfile", "popd",    "print",   "printf",
    "pushd",   "pwd",     "read",    "readarray", "readonly", "return",  "set",     "shift",   "shopt",   "source",
    "suspend", "test",    "times",   "trap",      "true",     "type",    "typeset", "ulimit",  "umask",   "unalias",
    "unset",   "until",   "wait",    "whence"};

/// Whether a text may find commands elsewhere than in its shell's PATH: it changes that, or reads other texts.
[[nodiscard]] inline auto finds_elsewhere(const shell_text& read) -> bool {
    return algo::any_of(read.commands, [](const shell_command& each) {
        return is_one_of("PATH", each.assigned) || is_one_of(each.name(), {".", "source", "eval", "alias", "enable"}) ||
               (each.name().empty() && !each.words.empty()) ||
               algo::any_of(each.words, [](const auto& word) { return word.text.starts_with("PATH="); });
    });
}

}  // namespace detail

/// The first programs without which the text cannot run to its end, each once. What it runs on a condition only is left
/// out, and what it asks for, or makes, itself.
[[nodiscard]] inline auto needed_programs(const shell_text& read, std::string_view text)
    -> std::vector<program_in_text> {
    constexpr std::size_t most = 50;
    std::set<std::string_view> others;  // what other words end in
    std::map<std::string_view, std::size_t> run;
    for (const auto& command : read.commands) {
        const std::size_t last = detail::program_index(command);
        for (std::size_t i = 0; i < command.words.size(); ++i) {
            if (i <= last) ++run[command.words[i].text];
            if (i > last) others.insert(base_name(command.words[i].text));
        }
    }
    // Whether it stands elsewhere in the text than where it is run: where it is copied to, or asked for.
    const auto is_mentioned = [&](std::string_view path) {
        std::size_t count = 0;
        for (auto at = text.find(path); at != std::string_view::npos; at = text.find(path, at + 1)) ++count;
        return count > run[path];
    };
    const bool elsewhere = detail::finds_elsewhere(read);
    const auto is_needed = [&](std::string_view name) {
        if (name.starts_with('/')) return !is_mentioned(name);
        return !elsewhere && !name.empty() && name.find('/') == std::string_view::npos &&
               !is_one_of(name, detail::shell_builtins) && read.functions.find(name) == read.functions.end() &&
               others.find(name) == others.end();
    };
    std::vector<program_in_text> found;
    std::set<std::string_view> seen;
    for (const auto& command : read.commands) {
        const std::size_t last = detail::program_index(command);
        for (std::size_t i = 0; command.certain && i <= last && i < command.words.size(); ++i) {
            const auto& word = command.words[i];
            if (!word.literal || !seen.insert(word.text).second || seen.size() > most || !is_needed(word.text))
                continue;
            found.push_back({word.text, word.offset});
        }
    }
    return found;
}

}  // namespace powerconsul::inline v0
