#pragma once

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/heal/action.hpp>
#include <powerconsul/lint/report.hpp>
#include <powerconsul/lint/shell_commands.hpp>

namespace powerconsul::inline v0 {

// --- reading shell text ---

namespace detail {

/// A word of a text and the byte at which it starts.
struct placed_word {
    std::string_view word{};
    std::size_t offset{};
};

[[nodiscard]] constexpr auto is_assignment(std::string_view word) -> bool {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos || equals == 0) return false;
    return algo::all_of(word.substr(0, equals), is_name_character);
}

/// The first command that a shell would run, after comments, `set`, assignments, `exec` and the like. Empty if it
/// cannot be told.
[[nodiscard]] constexpr auto first_command(std::string_view text) -> placed_word {
    constexpr std::string_view blanks = " \t\r\n";
    std::size_t at = 0;
    for (;;) {
        at = text.find_first_not_of(blanks, at);
        if (at == std::string_view::npos) return {};
        const std::string_view rest = text.substr(at);
        const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r\n;|&()<>"));
        const std::size_t line = rest.find('\n');
        if (word.starts_with('#') || word == "set" || word == ":") {
            if (line == std::string_view::npos) return {};
            at += line;
        } else if ((is_assignment(word) && word.find_first_of("\"'`$\\") == std::string_view::npos) || word == "exec" ||
                   word == "nohup" || word == "command" || word == "." || word == "source") {
            at += word.size();
        } else if (word.empty() || word.find_first_of("\"'`$\\*?[~") != std::string_view::npos) {
            return {};
        } else {
            return {word, at};
        }
    }
}

[[nodiscard]] constexpr auto is_relative(std::string_view command) -> bool {
    return command.find('/') != std::string_view::npos && !command.starts_with('/');
}

/// Whether a shell runs the text, so that `@NAME` and words mean in it what this file takes them to mean.
[[nodiscard]] inline auto runs_in_shell(const std::vector<std::string>& argv) -> bool {
    constexpr std::array<std::string_view, 6> shells{"sh", "bash", "dash", "ash", "ksh", "zsh"};
    if (argv.empty()) return false;
    std::string_view program = base_name(argv.front());
    if (program == "env" && argv.size() > 1) program = base_name(argv[1]);
    return is_one_of(program, shells);
}

/// Unknown names in a text that look like substitutions: `@SVC` and `@{SVC}`, but not mail addresses or `"$@"`.
[[nodiscard]] inline auto unknown_names(std::string_view text, const std::vector<substitution>& known)
    -> std::vector<placed_word> {
    std::vector<placed_word> found;
    for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
        const char before = at == 0 ? ' ' : text[at - 1];
        if (is_name_character(before) || before == '.' || before == '-' || before == '$') continue;
        if (name_at(text.substr(at + 1), known).known != nullptr) continue;
        const bool braced = text.substr(at + 1).starts_with('{');
        const std::size_t first = at + 1 + (braced ? 1 : 0);
        std::size_t last = first;
        bool capital = true;
        while (last < text.size() && is_name_character(text[last])) {
            capital = capital && !(text[last] >= 'a' && text[last] <= 'z');
            ++last;
        }
        const std::string_view name = text.substr(first, last - first);
        if (name.empty() || (braced && !text.substr(last).starts_with('}'))) continue;
        const bool same_letters = algo::any_of(known, [&](const auto& each) { return same_host(each.name, name); });
        const bool letter = name.front() >= 'A' && name.front() <= 'Z';
        if (same_letters || (capital && letter && name.size() > 1)) found.push_back({name, at});
    }
    return found;
}

}  // namespace detail

// --- examining a trigger ---

/// What is known when a trigger is examined.
struct lint_trigger_options {
    std::vector<substitution> known{};  ///< all known names, including @ENV, @HOST and @ROLE
    bool all_names_known{true};         ///< false if a configuration that was not given may have more
    milliseconds timeout{seconds(60)};
};

/// A valid trigger, and the programs that it cannot do without: the one that is run, and those of its shell text.
struct linted_trigger {
    trigger_action action{};
    std::vector<program_in_text> programs{};
};

namespace detail {

/// Finds what is valid in a trigger but probably a mistake, or cannot work.
struct trigger_warnings {
    lint_report& report_;
    std::string_view name_;
    std::string_view text_;
    const lint_trigger_options& options_;
    std::vector<program_in_text> programs_{};

    void look(const job& made) {
        std::size_t sound = 0;
        while (sound < text_.size() && utf8_sequence(text_.substr(sound)) != 0) {
            sound += utf8_sequence(text_.substr(sound));
        }
        if (sound < text_.size()) warn(sound, "the text is not UTF-8 from here on; save it as UTF-8");
        programs_.push_back({made.argv.front(), 0});
        if (!looks_like_object(text_) || text_.starts_with("#!")) {
            shell(text_, made.script.empty() ? made.argv.back() : made.script, made.argv, std::nullopt);
            return;
        }
        const auto root = json::parse(text_, {.depth = 8, .values = 20'000});
        if (!root) return;
        if (const auto* const script = root->find("script"); script != nullptr) {
            shell(script->text, made.script, made.argv, script->offset);
        }
        if (const auto* const words = root->find("command"); words != nullptr) command(*words, made.argv);
    }

    void warn(std::size_t offset, std::string what) {
        report_.add(name_, text_, offset, severity::warning, std::move(what));
    }

    void relative(std::string_view command, std::size_t offset) {
        warn(offset, "the command " + one_line(command, 80) + " is relative; triggers run in /, give its whole path");
    }

    /// `at` is the offset of the JSON string that holds the text; nothing if the text is the whole value.
    void shell(std::string_view raw, std::string_view substituted, const std::vector<std::string>& argv,
               std::optional<std::size_t> at) {
        if (!runs_in_shell(argv)) return;
        names(raw, at);
        commands(raw, substituted, argv, at);
    }

    void commands(std::string_view raw, std::string_view substituted, const std::vector<std::string>& argv,
                  std::optional<std::size_t> at) {
        const auto command = first_command(substituted);
        if (is_relative(command.word)) relative(command.word, at.value_or(first_command(raw).offset));
        auto read = read_shell(substituted);
        if (!read.understood) return;
        place(read, raw, at);
        for (const std::size_t each : loses_output(read)) {
            const auto& words = read.commands[each].words;
            const std::size_t program = program_index(read.commands[each]);
            warn(words.front().offset, "what " + one_line(words[program].text, 80) +
                                           " prints is lost once the trigger has ended; redirect it, as in "
                                           ">>/var/log/name.log 2>&1 &");
        }
        constexpr std::size_t most_searches = 100;
        std::size_t searches = 0;
        for (const auto& each : read.commands) {
            if (!searched_by(each) || ++searches > most_searches) continue;
            auto why = finds_own_shell(each, &each == &read.commands.back(), argv);
            if (!why.empty()) report_.add(name_, text_, each.words.front().offset, severity::error, std::move(why));
        }
        for (auto& each : needed_programs(read, substituted)) programs_.push_back(std::move(each));
    }

    /// Moves the offsets of what was read from the substituted text to the value's own text.
    static void place(shell_text& read, std::string_view raw, std::optional<std::size_t> at) {
        const auto written = at ? shell_text{} : read_shell(raw);
        for (std::size_t i = 0; i < read.commands.size(); ++i) {
            auto& words = read.commands[i].words;
            const bool same = i < written.commands.size() && written.commands[i].words.size() == words.size();
            for (std::size_t j = 0; j < words.size(); ++j) {
                words[j].offset = same ? written.commands[i].words[j].offset : at.value_or(0);
            }
        }
    }

    void names(std::string_view raw, std::optional<std::size_t> at) {
        for (const auto& each : unknown_names(raw, options_.known)) {
            std::vector<std::string> all;
            std::vector<std::string_view> candidates;
            for (const auto& one : options_.known) {
                candidates.push_back(one.name);
                if (all.size() < 12) all.push_back('@' + one.name);
            }
            std::string_view meant = nearest(each.word, candidates);
            if (edit_distance(each.word.substr(0, 64), meant) * 3 > meant.size()) meant = {};
            for (const auto one : candidates) meant = same_host(one, each.word) ? one : meant;
            warn(at.value_or(each.offset),
                 "the name @" + one_line(each.word, 80) + " is not known and stays as it is; " +
                     (meant.empty() ? "known are " + listed(all) : "did you mean @" + std::string{meant} + '?') +
                     (options_.all_names_known ? "" : " (give the nodes' configuration with --config)"));
        }
    }

    void command(const json::value& list, const std::vector<std::string>& argv) {
        constexpr std::array<std::string_view, 8> of_shells{"|", "||", "&", "&&", ">", ">>", "<", "2>&1"};
        for (const auto& each : list.items) names(each.text, each.offset);
        const std::string_view program = argv.front();
        if (program.find(' ') != std::string_view::npos) {
            warn(list.items.front().offset, "the program " + quoted(program) +
                                                " has a blank in its name; give each argument as an item of its own");
        }
        if (runs_in_shell(argv)) {
            for (std::size_t i = 1; i + 1 < argv.size(); ++i) {
                if (argv[i] != "-c") continue;
                commands(list.items[i + 1].text, argv[i + 1], argv, list.items[i + 1].offset);
                return;
            }
            return;
        }
        const std::string_view name = base_name(program);
        if (name == "expr" || name == "test" || name == "[") return;
        for (std::size_t i = 1; i < list.items.size(); ++i) {
            for (const auto word : of_shells) {
                if (list.items[i].text != word) continue;
                warn(list.items[i].offset, quoted(word) + " goes to the program as it is: no shell reads a command");
            }
        }
    }
};

}  // namespace detail

namespace json {

/// Examines a trigger's value. Adds to `report` an error for everything that decode_action() refuses and for what ends
/// itself, and a warning for what is probably a mistake. Returns what it runs if it is valid.
inline auto lint_trigger(lint_report& report, std::string_view name, std::string_view text,
                         const lint_trigger_options& options) -> std::optional<linted_trigger> {
    report.looked_at(text_kind::trigger);
    auto read = read_action(text, options.known, options.timeout);
    add_problems(report, name, text, read.problems);
    if (!read.problems.empty()) return std::nullopt;
    powerconsul::detail::trigger_warnings found{report, name, text, options};
    found.look(read.action.what);
    return linted_trigger{std::move(read.action), std::move(found.programs_)};
}

}  // namespace json

}  // namespace powerconsul::inline v0
