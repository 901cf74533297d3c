#include "cli.hpp"

#include <exception>
#include <string_view>

#include <powerconsul/text.hpp>
#include <powerconsul/version.hpp>

#include "checks.hpp"
#include "command_line.hpp"
#include "configuration.hpp"
#include "exit_code.hpp"
#include "roles.hpp"

namespace powerconsul::cli {

namespace {

auto complain(const error& why, std::string& err) -> int {
    err += "powerconsul: " + one_line(why.message, 3000) + '\n';
    return static_cast<int>(exit_code_for(why.code));
}

/// A command line that could not be used, or that failed in a way nobody thought of.
auto give_up(const invocation& call, const error& why, std::string& out, std::string& err) -> int {
    const auto words = find_words(call.args);
    if (words.command != "check") return complain(why, err);
    return without_verdict({words, {}}, why, requested_format(call, {}), out);
}

auto run_command(const invocation& call, std::string& out, std::string& err) -> int {
    const auto line = parse_command_line(call.args);
    if (!line) return give_up(call, line.error(), out, err);
    if (line->has("help")) {
        out += help_text(line->words);
        return static_cast<int>(exit_code::done);
    }
    if (line->has("version")) {
        out += "powerconsul " POWERCONSUL_VERSION "\n";
        return static_cast<int>(exit_code::done);
    }
    if (line->words.command == "check") return run_check(call, *line, out);
    const auto chosen = configure(call, *line);
    if (!chosen) return complain(chosen.error(), err);
    const auto code = run_role(*line, *chosen, out);
    return code ? static_cast<int>(*code) : complain(code.error(), err);
}

}  // namespace

auto run(const invocation& call, std::string& out, std::string& err) -> int {
    try {
        return run_command(call, out, err);
    } catch (const std::exception& thrown) {
        out.clear();
        return give_up(call, {errc::failed, std::string{"an internal error: "} + thrown.what()}, out, err);
    }
}

}  // namespace powerconsul::cli
