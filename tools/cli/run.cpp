#include <exception>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/store/file.hpp>

#include "host.hpp"

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
    return without_verdict(line, why, config::requested_limits(call, line), out);
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
    if (line->words.command == "check") return run_check(call, *line, out);
    if (call.with_libraries && takes_libraries(line->words.command)) {
        return complain(call.with_libraries("powerconsul " + line->words.command), err);
    }
    auto code = result{exit_code::done};
    const bool watches = line->words.command == "watch";
    const auto unknown = watches ? config::unknown_keys::ignored : config::unknown_keys::refused;
    if (line->words.command == "lint") {
        code = run_lint(call, *line, out);
    } else if (line->words.command == "config") {
        code = run_bootstrap(call, *line, out);
    } else if (const auto chosen = configure(call, *line, unknown); chosen) {
        for (const auto& note : chosen->notes) {
            if (!watches && line->words.command != "doctor") err += "powerconsul: " + one_line(note, 1000) + '\n';
        }
        constexpr std::pair<std::string_view, command*> others[] = {
            {"watch", run_watch},   {"trigger", run_trigger}, {"incidents", run_incidents},   {"pause", run_pause},
            {"resume", run_resume}, {"role", run_role},       {"acl-policy", run_acl_policy}, {"doctor", run_doctor}};
        for (const auto& [name, run_it] : others) {
            if (line->words.command == name) code = run_it(call, *line, *chosen, out, err);
        }
    } else {
        code = unexpected{chosen.error()};
    }
    return code ? static_cast<int>(*code) : complain(code.error(), err);
}

}  // namespace

auto takes_libraries(std::string_view name) -> bool {
    return is_one_of(name, {"watch", "trigger", "incidents", "pause", "resume", "doctor"});
}

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

auto with_remedy(std::string message, std::string_view remedy) -> std::string {
    if (remedy.empty()) return message;
    const auto options = options_from_environment();
    std::vector<std::string> names;
    for (std::size_t at = 0; at < remedy.size();) {
        const std::string name{remedy.substr(at, remedy.find(' ', at) - at)};
        at += name.size() + 1;
        std::string option;
        for (const char c : name)
            option += c >= 'A' && c <= 'Z' ? std::string{'-', static_cast<char>(c - 'A' + 'a')} : std::string{c};
        // A setting that no option stands for is a key of the configuration; what no configuration has is an option.
        const bool is_key =
            std::ranges::count(options, option) == 0 && std::ranges::count(json::settings_keys(), name) != 0;
        names.push_back(is_key ? name : "--" + option);
    }
    return message + "; set " + listed(names, "or");
}

auto configure(const invocation& call, const config::arguments& line, config::unknown_keys unknown)
    -> result<configuration> {
    posix_files files;
    posix_accounts accounts;
    auto made = config::configure(call, line, options_from_environment(), files, accounts, call.home, unknown);
    const bool https = made && made->store.empty() && made->consul.address.starts_with("https://");
    if (https && call.with_tls) return unexpected{call.with_tls()};
    if (!made || !made->store.empty() || !call.with_libraries) return made;
    const auto where = parse_address(made->consul.address);
    if (!where || where->scheme == address_scheme::unix_socket || !needs_resolver(where->host)) return made;
    return unexpected{call.with_libraries("looking up the name " + quoted(where->host))};
}

auto make_transport(const configuration& chosen) -> result<any_transport> {
    if (chosen.store.empty()) return make_http_transport(chosen.consul);
    return any_transport{file_store_transport{posix_files{}, chosen.store}};
}

}  // namespace powerconsul::cli
