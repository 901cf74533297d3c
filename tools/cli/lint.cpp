#include <cerrno>
#include <climits>
#include <cstdlib>

#include <powerconsul/lint/consul.hpp>
#include <powerconsul/lint/texts.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} * 1024 * 1024;  ///< of a file or of standard input
constexpr std::string_view standard_input = "<stdin>";

[[nodiscard]] auto read_file(const std::string& path) -> result<std::string> {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr) {
        if (errno == ENOENT || errno == ENOTDIR) return fail(errc::bad_data, "there is no such file");
        return system_failure("read", path, errno);
    }
    auto text = posix_files{}.read(resolved, most_bytes);
    if (!text) return unexpected{std::move(text).error()};
    if (!*text) return fail(errc::bad_data, "there is no such file");
    return std::move(**text);
}

[[nodiscard]] auto read_input(const invocation& call, milliseconds time) -> result<std::string> {
    if (!call.input) return fail(errc::bad_data, "there is no standard input");
    auto text = call.input(most_bytes, time);
    if (text || text.error().code != errc::timed_out) return text;
    return fail(errc::bad_data, "it did not end within " + std::to_string(time.count) + " ms; see --timeout");
}

/// What holds for texts that may be for any node: names have values, but it does not matter which.
[[nodiscard]] auto around_files(const invocation& call, const config::arguments& line, const configuration& chosen)
    -> lint_surroundings {
    identity who = chosen.roles.who;
    who.host = call.host;
    auto around = surroundings_of(chosen, who);
    if (who.environment.empty()) who.environment = "ENV";
    if (who.server_role.empty()) who.server_role = "ROLE";
    who.host = "HOST";
    around.triggers.known = all_substitutions(chosen.watch.triggers, who);
    const std::string config = config::sources{call, line, {}, {}}.text("config", "");
    around.triggers.all_names_known = !config.empty();
    if (auto own = config::own_configuration(call, call.home); own && !own->empty()) {
        around.own_files.push_back(std::move(*own));
    }
    around.own_files.emplace_back("/etc/powerconsul.conf");
    if (!config.empty()) around.own_files.push_back(config);
    return around;
}

/// Looks through the files that the command line names, `-` being standard input. What cannot be read is a finding.
[[nodiscard]] auto lint_files(const invocation& call, const config::arguments& line) -> result<lint_report> {
    std::optional<text_kind> as;
    if (const auto said = line.value("as")) {
        const auto kind = parse_text_kind(*said);
        if (!kind) return fail(errc::usage, "--as: " + kind.error().message);
        as = *kind;
    }
    // A configuration that is wrong must not keep anybody from finding out what is wrong with it.
    auto chosen = configure(call, line);
    const bool must = line.has("config") || (!chosen && chosen.error().code == errc::usage);
    if (!chosen && must) return unexpected{chosen.error()};
    configuration usual;
    usual.timeout = config::requested_limits(call, line).timeout;
    posix_files files;
    linter to{around_files(call, line, chosen ? *chosen : usual), files};
    if (!chosen) {
        to.report().add("this machine's configuration", severity::note,
                        "it is not used, as if there were none: " + chosen.error().message);
    }
    for (const auto& path : line.operands) {
        const std::string name{path == "-" ? standard_input : std::string_view{path}};
        const auto text = path == "-" ? read_input(call, chosen ? chosen->timeout : usual.timeout) : read_file(path);
        if (text) {
            lint_text(to, name, *text, as);
        } else {
            to.report().add(name, severity::error, text.error().message);
        }
    }
    to.finish();
    return std::move(to.report());
}

[[nodiscard]] auto lint_stored(const invocation& call, const config::arguments& line) -> result<lint_report> {
    const auto chosen = configure(call, line);
    if (!chosen) return unexpected{chosen.error()};
    auto here = make_host(*chosen);
    if (!here) return unexpected{std::move(here).error()};
    return lint_consul(*here, *chosen, line.value("consulservice"));
}

}  // namespace

auto run_lint(const invocation& call, const config::arguments& line, std::string& out) -> result<exit_code> {
    const bool files = !line.operands.empty();
    const int sources = (files ? 1 : 0) + (line.has("consulservice") ? 1 : 0) + (line.has("all") ? 1 : 0);
    if (sources != 1) {
        return fail(errc::usage, std::string{sources == 0 ? "what to look at is missing"
                                                          : "files, -S and --all exclude each other"} +
                                     ": name files, - for standard input, -S <service> or --all; see powerconsul lint "
                                     "--help");
    }
    if (line.has("as") && !files) {
        return fail(errc::usage, "--as is for files; a key tells what its value is; see powerconsul lint --help");
    }
    const auto done = files ? lint_files(call, line) : lint_stored(call, line);
    if (!done) return unexpected{done.error()};
    const lint_report& report = *done;
    const bool as_json = config::requested_limits(call, line).format == output_format::json;
    out += as_json ? json::report_json(report) + '\n' : report_text(report);
    if (report.count(severity::error) != 0) return exit_code::bad_data;
    return report.count(severity::warning) != 0 ? exit_code::failed : exit_code::done;
}

}  // namespace powerconsul::cli
