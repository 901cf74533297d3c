#pragma once

#include <powerconsul/config/arguments.hpp>
#include <powerconsul/core/result.hpp>

namespace powerconsul::cli {

/// Finds command and subject among the options, which may stand before, between and behind them, and among words that
/// are no command. The subject is empty if the command has none of that name.
[[nodiscard]] auto find_words(const std::vector<std::string>& args) -> config::command_words;

/// What can be told of a command line that parse_command_line() refuses: its words, its operands, and the options that
/// are known; one that is given twice has no value.
[[nodiscard]] auto parse_roughly(const std::vector<std::string>& args) -> config::arguments;

/// Fails with errc::usage: unknown command, subject or option (with the nearest known one), a missing or empty value,
/// an option given twice, or an argument too many. `--help` and `--version` win over what else is wrong; `help check`
/// is `check --help`.
[[nodiscard]] auto parse_command_line(const std::vector<std::string>& args) -> result<config::arguments>;

/// The value of an option that has to be there; errc::usage if it is not. `spelling` is for the message:
/// `-S/--consulservice`.
[[nodiscard]] auto required(const config::arguments& line, std::string_view option, std::string_view spelling)
    -> result<std::string>;

/// The Consul service of a command that takes it as a word or by -S; empty if it is not named, and errc::usage if two
/// are.
[[nodiscard]] auto named_service(const config::arguments& line) -> result<std::string>;

/// The same; errc::usage if it is not named.
[[nodiscard]] auto required_service(const config::arguments& line) -> result<std::string>;

/// `; see powerconsul check service --help`: the end of a message about a wrong call.
[[nodiscard]] auto see_help(const config::command_words& words) -> std::string;

/// The long names of the options that `POWERCONSUL_…` variables can stand for.
[[nodiscard]] auto options_from_environment() -> std::vector<std::string>;

/// The help of the program, of a command or of a subject, with an example that works.
[[nodiscard]] auto help_text(const config::command_words& words) -> std::string;

}  // namespace powerconsul::cli
