#include "run.hpp"

#include <exception>
#include <new>
#include <string_view>

#include <powerconsul/core/text.hpp>
#include <powerconsul/version.hpp>

#include "commands.hpp"
#include "configuration.hpp"
#include "exit_code.hpp"
#include "http.hpp"
#include "options.hpp"

namespace powerconsul::cli {

namespace {

auto complain(const error& why, std::string& err) -> int {
    err += "powerconsul: " + one_line(worded(why), 3000) + '\n';
    return static_cast<int>(exit_code_for(why.code));
}

/// A command line that could not be used, or that failed in a way nobody thought of.
auto give_up(const invocation& call, const error& why, std::string& out, std::string& err) -> int {
    const auto parsed = parse_command_line(call.args);
    const config::arguments line = parsed ? *parsed : parse_roughly(call.args);
    if (line.words.command != "check") return complain(why, err);
    return without_verdict(line, why, config::requested_limits(call, line).format, out);
}

auto run_chosen(const invocation& call, const config::arguments& line, const configuration& chosen, std::string& out,
                std::string& err) -> result<exit_code> {
    const std::string& command = line.words.command;
    if (command == "watch") return run_watch(call, line, chosen, out, err);
    if (command == "trigger") return run_trigger(call, line, chosen, out, err);
    if (command == "incidents") return run_incidents(line, chosen, out, err);
    if (command == "acl-policy") return run_acl_policy(line, chosen, out);
    return run_role(line, chosen, out);
}

/// What a check says when its time is over, as far as arguments and environment tell: no file was read yet.
auto first_last_word(const invocation& call, const config::arguments& line) -> last_word {
    const auto limits = config::requested_limits(call, line);
    // A shorter time is refused once everything is understood.
    const milliseconds limit = limits.timeout < seconds(1) ? seconds(1) : limits.timeout;
    return last_word_of_check(line, limit, limits.format, limits.unknown_exit);
}

auto run_command(const invocation& call, std::string& out, std::string& err) -> int {
    const auto line = parse_command_line(call.args);
    if (!line) return give_up(call, line.error(), out, err);
    if (line->has("help")) {
        out += help_text(line->words);
        return static_cast<int>(exit_code::done);
    }
    if (line->has("version")) {
        out += "powerconsul " POWERCONSUL_VERSION "\n" POWERCONSUL_BUILD "\nwith " + http_libraries() + '\n';
        return static_cast<int>(exit_code::done);
    }
    if (line->words.command == "check") {
        if (call.limit) call.limit(first_last_word(call, *line));
        return run_check(call, *line, out);
    }
    if (line->words.command == "lint") {
        const auto code = run_lint(call, *line, out);
        return code ? static_cast<int>(*code) : complain(code.error(), err);
    }
    const auto chosen = configure(call, *line);
    if (!chosen) return complain(chosen.error(), err);
    if (line->words.command == "doctor") {
        const auto status = run_doctor(call, *line, *chosen, out);
        return status ? *status : complain(status.error(), err);
    }
    const auto code = run_chosen(call, *line, *chosen, out, err);
    return code ? static_cast<int>(*code) : complain(code.error(), err);
}

}  // namespace

auto run(const invocation& call, std::string& out, std::string& err) -> int {
    try {
        return run_command(call, out, err);
    } catch (const std::bad_alloc&) {
        out.clear();
        return give_up(call, {errc::failed, "there is not enough memory"}, out, err);
    } catch (const std::exception& thrown) {
        out.clear();
        return give_up(call, {errc::failed, std::string{"an internal error: "} + thrown.what()}, out, err);
    }
}

}  // namespace powerconsul::cli
