#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/lint/bootstrap.hpp>
#include <powerconsul/lint/texts.hpp>

#include "commands.hpp"

namespace powerconsul::cli {

namespace {

struct bootstrap_request {
    std::string text{};
    std::string path{};
};

/// `--config` names the file, as everywhere; python-powerconsul has that name for `-C`, and a value that begins as JSON
/// does is meant so.
[[nodiscard]] auto requested_bootstrap(const invocation& call, const config::arguments& line)
    -> result<bootstrap_request> {
    auto path = line.value("config");
    auto text = line.value("settings");
    if (!text && path && path->starts_with('{')) text = std::exchange(path, std::nullopt);
    if (!text) return unexpected{required(line, "settings", "-C/--settings").error()};
    if (*text == "-") {
        const auto time = config::requested_limits(call, line).timeout;
        auto read = call.input ? call.input(std::size_t{1024} * 1024, time)
                               : result<std::string>{fail(errc::bad_data, "there is no standard input")};
        if (!read) return unexpected{std::move(read).error()};
        text = std::move(*read);
    }
    const settings none;
    if (!path) {
        const auto named = config::sources{call, line, none, {}}.from_variable("POWERCONSUL_CONFIG");
        if (named) path = named->value;
    }
    if (!path) {
        auto own = config::own_configuration(call, call.home);
        if (!own) return unexpected{std::move(own).error()};
        if (own->empty()) return fail(errc::configuration, "there is no home directory to write to", "config");
        path = std::move(*own);
    }
    return bootstrap_request{std::move(*text), std::move(*path)};
}

}  // namespace

auto run_bootstrap(const invocation& call, const config::arguments& line, std::string& out) -> result<exit_code> {
    const auto wanted = requested_bootstrap(call, line);
    if (!wanted) return unexpected{wanted.error()};
    posix_files files;
    linter to{lint_surroundings{}, files};
    lint_text(to, "-C", wanted->text, text_kind::configuration);
    const lint_report& report = to.report();
    const bool as_json = config::requested_limits(call, line).format == output_format::json;
    if (as_json || !report.findings().empty()) out += as_json ? json::report_json(report) + '\n' : report_text(report);
    if (report.count(severity::error) != 0) return exit_code::bad_data;
    // Where a symbolic link leads is replaced, and not the link.
    const auto real = posix_machine{}.real_path(wanted->path);
    const std::string text = wanted->text + (wanted->text.ends_with('\n') ? "" : "\n");
    const auto written = place_configuration(files, real.empty() ? wanted->path : real, text, line.has("force"));
    if (!written) return unexpected{written.error()};
    const std::string path = one_line(wanted->path, 1000);
    if (!as_json) out += *written ? "wrote " + path + '\n' : path + " says that already\n";
    return exit_code::done;
}

}  // namespace powerconsul::cli
