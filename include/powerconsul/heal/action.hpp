#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/substitution.hpp>
#include <powerconsul/ports/supervisor.hpp>

namespace powerconsul::inline v0 {

inline constexpr std::size_t longest_action =
    std::size_t{1024} * 1024;  ///< bytes of a trigger's value, and of all words of a command
inline constexpr std::size_t longest_shell_text = std::size_t{100} * 1024;    ///< bytes in an argument of `sh -c`
inline constexpr std::size_t longest_argument = std::size_t{128} * 1024 - 1;  ///< Linux: MAX_ARG_STRLEN without its NUL
inline constexpr std::size_t longest_interpreter_line = 255;  ///< Linux: BINPRM_BUF_SIZE without its newline

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

}  // namespace detail

/// A script, run by the interpreter of its `#!` line or, without one, by /bin/sh. Names are substituted in shell style,
/// in the first line too. Any byte but NUL is allowed. Fails with errc::bad_data.
[[nodiscard]] inline auto script_action(std::string_view script, const std::vector<substitution>& known,
                                        milliseconds timeout) -> result<job> {
    if (auto sound = detail::runnable("the script", script); !sound) return unexpected{std::move(sound).error()};
    auto text = substitute(script, known, substitution_style::shell);
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
    if (auto sound = detail::runnable("the text for /bin/sh", text); !sound)
        return unexpected{std::move(sound).error()};
    auto substituted = substitute(text, known, substitution_style::shell);
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
