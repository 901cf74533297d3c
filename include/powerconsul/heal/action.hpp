#pragma once

#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/supervisor.hpp>

namespace powerconsul::inline v0 {

inline constexpr std::size_t longest_action =
    std::size_t{1024} * 1024;  ///< bytes of a trigger's value, and of all words of a command
inline constexpr std::size_t longest_shell_text = std::size_t{100} * 1024;    ///< bytes in an argument of `sh -c`
inline constexpr std::size_t longest_argument = std::size_t{128} * 1024 - 1;  ///< Linux: MAX_ARG_STRLEN without its NUL
inline constexpr std::size_t longest_interpreter_line = 255;  ///< Linux: BINPRM_BUF_SIZE without its newline

/// What a trigger's value says: what to run, and how long to wait afterwards. Only the object form can name the waits.
struct trigger_action {
    job what{};  ///< without the grace and the environment that every trigger has
    /// From the end of a run until another may follow, so that what was started can come up: 0 s to 1 h; if it is
    /// missing, that of retry_rules.
    std::optional<milliseconds> settle{};
    /// The wait after the first of several runs, before it is doubled: 1 s to 15 min; if it is missing, as configured.
    std::optional<milliseconds> backoff{};
};

/// The interpreter that a script's `#!` line names and, if there is one, its single argument: the rest of the line,
/// inner blanks included, as Linux reads it (binfmt_script). Fails with errc::bad_data where the kernel would not run
/// the script as intended: no interpreter, a relative path, a line that is too long or has a CR.
[[nodiscard]] inline auto parse_interpreter(std::string_view script) -> result<std::vector<std::string>> {
    const auto wrong = [](const std::string& what) { return fail(errc::bad_data, "line 1 of the script " + what); };
    if (!script.starts_with("#!")) return wrong("does not begin with #!");
    const std::size_t end = script.find('\n');
    std::string_view line = script.substr(0, end);
    if (line.ends_with('\r')) {
        return wrong("ends in CR LF, and the CR would belong to the interpreter's name; save it with LF alone");
    }
    if (const std::size_t cr = line.find('\r'); cr != std::string_view::npos) {
        return wrong("has a CR at byte " + std::to_string(cr) + "; end the lines with LF alone");
    }
    if (line.size() > longest_interpreter_line) {
        return wrong("has " + std::to_string(line.size()) + " bytes, of which the kernel reads " +
                     std::to_string(longest_interpreter_line) + "; shorten it");
    }
    constexpr std::string_view blanks = " \t";
    line = trimmed(line.substr(2), blanks);
    if (line.empty()) return wrong("names no interpreter behind #!; expected its absolute path, as in #!/bin/sh");
    const std::string_view interpreter = line.substr(0, line.find_first_of(blanks));
    if (!interpreter.starts_with('/')) {
        return wrong("names the interpreter " + quoted(interpreter) +
                     ", which is no absolute path; write the whole one, as in #!/bin/sh");
    }
    std::vector<std::string> argv{std::string{interpreter}};
    const std::string_view argument = trimmed(line.substr(interpreter.size()), blanks);
    if (!argument.empty()) argv.emplace_back(argument);
    return argv;
}

namespace detail {

/// Checks what every form needs: text, not too long, without NUL and byte order mark. `what` begins the message.
[[nodiscard]] inline auto runnable(std::string_view what, std::string_view text) -> result<void> {
    const auto wrong = [&](const std::string& why) { return fail(errc::bad_data, std::string{what} + ' ' + why); };
    if (text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos) {
        return wrong("is empty; expected a command, a script or text for /bin/sh");
    }
    if (text.size() > longest_action) {
        return wrong("has " + std::to_string(text.size()) + " bytes, at most " + std::to_string(longest_action) +
                     " are taken; keep a long script in a file on the node and call that");
    }
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        return wrong("has a NUL at byte " + std::to_string(nul) + "; remove it");
    }
    if (text.starts_with("\xEF\xBB\xBF")) return wrong("begins with a byte order mark; save it as UTF-8 without one");
    return {};
}

/// The text with its names substituted in shell style, if it is runnable().
[[nodiscard]] inline auto runnable_in_shell(std::string_view what, std::string_view text,
                                            const std::vector<substitution>& known) -> result<std::string> {
    if (auto sound = runnable(what, text); !sound) return unexpected{std::move(sound).error()};
    return substitute(text, known, substitution_style::shell);
}

}  // namespace detail

/// A script, run by the interpreter of its `#!` line or, without one, by /bin/sh. Names are substituted in shell style,
/// in the first line too. Any byte but NUL is allowed. Fails with errc::bad_data.
[[nodiscard]] inline auto script_action(std::string_view script, const std::vector<substitution>& known,
                                        milliseconds timeout) -> result<job> {
    auto text = detail::runnable_in_shell("the script", script, known);
    if (!text) return unexpected{std::move(text).error()};
    job made{.argv = {"/bin/sh"}, .script = std::move(*text), .timeout = timeout};
    if (script.starts_with("#!")) {
        auto interpreter = parse_interpreter(made.script);
        if (!interpreter) return unexpected{std::move(interpreter).error()};
        made.argv = std::move(*interpreter);
    }
    return made;
}

/// Text for /bin/sh: the argument of -c or, as the kernel limits the length of an argument, a script if it is longer
/// than longest_shell_text. Names are substituted in shell style. Fails with errc::bad_data.
[[nodiscard]] inline auto shell_action(std::string_view text, const std::vector<substitution>& known,
                                       milliseconds timeout) -> result<job> {
    auto substituted = detail::runnable_in_shell("the text for /bin/sh", text, known);
    if (!substituted) return unexpected{std::move(substituted).error()};
    if (substituted->size() > longest_shell_text) {
        return job{.argv = {"/bin/sh"}, .script = std::move(*substituted), .timeout = timeout};
    }
    // The shell would read a leading - or + as its own options.
    if (substituted->front() == '-' || substituted->front() == '+') substituted->insert(0, 1, ' ');
    return job{.argv = {"/bin/sh", "-c", std::move(*substituted)}, .timeout = timeout};
}

/// Whether a trigger's value is the JSON object of a command rather than text for /bin/sh: its first character after
/// blanks is a `{`, and either no blank follows (in a shell, `{` must be a word of its own) or the next character after
/// blanks fits JSON: a double quote, the closing brace or the end of the text. `{ cmd; }` is shell text; `{ "cmd"; }`
/// is not, unless it is written `{ : ; "cmd"; }`.
[[nodiscard]] constexpr auto looks_like_object(std::string_view value) -> bool {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t brace = value.find_first_not_of(blanks);
    if (brace == std::string_view::npos || value[brace] != '{') return false;
    const std::size_t next = value.find_first_not_of(blanks, brace + 1);
    if (next == std::string_view::npos || next == brace + 1) return true;
    return value[next] == '"' || value[next] == '}';
}

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

/// A trigger's value as it was read. `action` may be used only if there are no problems.
struct action_reading {
    std::vector<problem> problems{};  ///< all of them unless one hides another, at most most_problems
    trigger_action action{};
};

namespace detail {

/// Decodes the object form of a trigger's value. Unknown members are errors, since triggers may run as root.
class action_decoder {
public:
    action_decoder(const std::vector<substitution>& known, milliseconds default_timeout)
        : known_{&known}, read_{{}, {.what = {.timeout = default_timeout}}} {}

    [[nodiscard]] auto decode(const value& root) -> action_reading {
        check_names(root);
        auto& action = read_.action;
        if (const auto time = length_of(root, "timeout", {1}, seconds(3600), "1ms and 1h")) action.what.timeout = *time;
        action.settle = length_of(root, "settle", {0}, seconds(3600), "0s and 1h");
        action.backoff = length_of(root, "backoff", seconds(1), seconds(900), "1s and 15m");
        if (const value* const given = root.find("user")) user_name(*given);
        const value* const words = root.find("command");
        const value* const script = root.find("script");
        if (words != nullptr && script != nullptr) {
            wrong(script->name_offset, "script", "stands beside command; keep one of the two");
        } else if (words != nullptr) {
            command(*words);
        } else if (script != nullptr) {
            scripted(*script);
        } else {
            wrong(root.offset, "the value",
                  R"(has neither command nor script; expected {"command": ["/path", "argument"]})");
        }
        return std::move(read_);
    }

private:
    void wrong(std::size_t offset, const std::string& where, const std::string& what) {
        if (read_.problems.size() < most_problems) read_.problems.push_back({where, offset, what});
    }

    void check_names(const value& root) {
        constexpr std::array<std::string_view, 6> keys{"command", "script", "timeout", "settle", "backoff", "user"};
        const auto repeated = repeated_members(root);
        for (std::size_t i = 0; i < root.names.size() && read_.problems.size() < most_problems; ++i) {
            const std::string& name = root.names[i];
            const bool again = algo::binary_search(repeated, i);
            if (!again && is_one_of(name, keys)) continue;
            const std::string_view meant = nearest(name, keys);
            wrong(root.items[i].name_offset, one_line(name, 80),
                  again ? "the key comes twice; keep one"
                        : "this key is not known; " + (meant.empty() ? "there are " + listed({keys.begin(), keys.end()})
                                                                     : "did you mean " + quoted(meant) + '?'));
        }
    }

    /// The string with its names substituted; nothing, and a problem, if it is none, has a NUL or cannot be
    /// substituted.
    [[nodiscard]] auto literal(const value& at, const std::string& where) -> std::optional<std::string> {
        if (!at.is(kind::string)) {
            wrong(at.offset, where, "expected a text, found " + std::string{described(at.type)});
        } else if (at.text.find('\0') != std::string::npos) {
            wrong(at.offset, where, R"(has a NUL (\u0000); remove it)");
        } else if (auto text = substitute(at.text, *known_, substitution_style::literal); !text) {
            wrong(at.offset, where, text.error().message);
        } else {
            return std::move(*text);
        }
        return std::nullopt;
    }

    /// The length of time that a member names; nothing if there is none, or a problem. `range`: both ends, as in a
    /// message.
    [[nodiscard]] auto length_of(const value& root, std::string_view name, milliseconds least, milliseconds most,
                                 const std::string& range) -> std::optional<milliseconds> {
        const value* const at = root.find(name);
        if (at == nullptr) return std::nullopt;
        const std::string where{name};
        if (!at->is(kind::string)) {
            wrong(at->offset, where, R"(expected a text such as "30s", found )" + std::string{described(at->type)});
        } else if (const auto read = parse_duration(at->text); !read) {
            wrong(at->offset, where, read.error().message);
        } else if (*read < least || *read > most) {
            wrong(at->offset, where, quoted(at->text) + " is not between " + range);
        } else {
            return *read;
        }
        return std::nullopt;
    }

    void user_name(const value& at) {
        const auto name = literal(at, "user");
        if (!name) return;
        if (name->empty()) wrong(at.offset, "user", "is empty; name a user or leave it out");
        if (algo::any_of(*name, [](char c) { return ascii::is_control(c) || c == ' ' || c == ':' || c == '/'; })) {
            wrong(at.offset, "user", quoted(*name) + " is not the name of a user");
        }
        read_.action.what.user = *name;
    }

    void command(const value& list) {
        if (!list.is(kind::array)) {
            return wrong(
                list.offset, "command",
                R"(expected a list such as ["/path", "argument"], found )" + std::string{described(list.type)});
        }
        if (list.items.empty()) wrong(list.offset, "command", "the list is empty; it begins with a program");
        std::size_t total = 0;
        for (std::size_t i = 0; i < list.items.size(); ++i) {
            const value& each = list.items[i];
            const std::string where = "command[" + std::to_string(i) + ']';
            auto word = literal(each, where);
            if (!word) continue;
            if (i == 0 && !word->starts_with('/')) {
                wrong(each.offset, where, "expected the absolute path of a program, found " + quoted(*word));
            }
            total += word->size() + 1;
            if (word->size() > longest_argument || total > longest_action) {
                return wrong(each.offset, where,
                             "is too long: the kernel takes " + std::to_string(longest_argument) +
                                 " bytes in one argument, and " + std::to_string(longest_action) +
                                 " in all are taken; use a script");
            }
            read_.action.what.argv.push_back(std::move(*word));
        }
    }

    void scripted(const value& at) {
        if (!at.is(kind::string)) {
            return wrong(at.offset, "script", "expected a text, found " + std::string{described(at.type)});
        }
        auto& what = read_.action.what;
        auto made = script_action(at.text, *known_, what.timeout);
        if (!made) return wrong(at.offset, "script", made.error().message);
        what.argv = std::move(made->argv);
        what.script = std::move(made->script);
    }

    const std::vector<substitution>* known_;
    action_reading read_{};
};

}  // namespace detail

/// Reads a trigger's value, and continues after a problem to find the others.
[[nodiscard]] inline auto read_action(std::string_view value, const std::vector<substitution>& known,
                                      milliseconds default_timeout) -> action_reading {
    const auto whole = [](result<job> made) -> action_reading {
        if (made) return {{}, {.what = std::move(*made)}};
        return {{{{}, {}, std::move(made).error().message}}, {}};
    };
    if (auto sound = powerconsul::detail::runnable("the value", value); !sound) {
        return whole(unexpected{std::move(sound).error()});
    }
    if (value.starts_with("#!")) return whole(script_action(value, known, default_timeout));
    if (!looks_like_object(value)) return whole(shell_action(value, known, default_timeout));
    problem wrong;
    const auto root = parse(value, wrong, {.depth = 8, .values = 20'000});
    if (!root) {
        wrong.what += R"(; what begins like {"command": ["/path"]} is no text for /bin/sh)";
        return {{std::move(wrong)}, {}};
    }
    return detail::action_decoder{known, default_timeout}.decode(*root);
}

/// What a trigger's value says to run:
/// - `#!…` is a script (script_action);
/// - what looks_like_object() is `{"command": ["/path", "argument", …]}`, whose words are substituted in literal style
///   and then passed as they are, or `{"script": "…"}`, run by /bin/sh if it has no `#!` line; either may have texts
///   for parse_duration(), `"timeout"` from 1 ms to 1 h, `"settle"` from 0 s to 1 h and `"backoff"` from 1 s to 15 min,
///   and `"user"`, a user's name (substituted too);
/// - anything else is text for /bin/sh (shell_action).
/// A script or shell text cannot name any of these: what needs another time or user takes the object form.
/// Fails with errc::bad_data; for an object, the message names the member and its place.
[[nodiscard]] inline auto decode_action(std::string_view value, const std::vector<substitution>& known,
                                        milliseconds default_timeout) -> result<trigger_action> {
    auto read = read_action(value, known, default_timeout);
    if (!read.problems.empty()) return fail(errc::bad_data, sentence(read.problems.front(), value));
    return std::move(read.action);
}

}  // namespace powerconsul::inline v0::json
