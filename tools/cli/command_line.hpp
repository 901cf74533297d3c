#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/result.hpp>

namespace powerconsul::cli {

/// The words before the options: `check service`. Empty where there is none.
struct command_words {
    std::string command{};
    std::string subject{};
};

/// What a command line says, options by their long names. A flag's value is empty.
struct command_line {
    command_words words{};
    std::map<std::string, std::string, std::less<>> options{};
    std::vector<std::string> arguments{};  ///< what is neither a word of the command nor an option

    [[nodiscard]] auto has(std::string_view name) const -> bool { return options.find(name) != options.end(); }
    [[nodiscard]] auto value(std::string_view name) const -> std::optional<std::string> {
        const auto found = options.find(name);
        return found == options.end() ? std::nullopt : std::optional{found->second};
    }
};

/// Finds command and subject among the options, which may stand before, between and behind them. The subject is empty
/// if the command has none of that name.
[[nodiscard]] auto find_words(const std::vector<std::string>& args) -> command_words;

/// What can be told of a command line that parse_command_line() refuses: its words, the output format, and what a check
/// looks at.
[[nodiscard]] auto parse_roughly(const std::vector<std::string>& args) -> command_line;

/// Fails with errc::usage: unknown command, subject or option (with the nearest known one), a missing or empty value,
/// an option given twice, or an argument too many. `--help` and `--version` win over what else is wrong; `help check`
/// is `check --help`.
[[nodiscard]] auto parse_command_line(const std::vector<std::string>& args) -> result<command_line>;

/// The long names of the options that `POWERCONSUL_…` variables can stand for.
[[nodiscard]] auto options_from_environment() -> std::vector<std::string>;

/// The help of the program, of a command or of a subject, with an example that works.
[[nodiscard]] auto help_text(const command_words& words) -> std::string;

}  // namespace powerconsul::cli
