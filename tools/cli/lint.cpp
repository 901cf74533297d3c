#include "commands.hpp"

#include <string>
#include <utility>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/lint/consul.hpp>
#include <powerconsul/lint/report.hpp>

#include "configuration.hpp"
#include "host.hpp"

namespace powerconsul::cli {

namespace {

[[nodiscard]] auto lint_stored(const invocation& call, const config::arguments& line) -> result<lint_report> {
    const auto chosen = configure(call, line);
    if (!chosen) return unexpected{chosen.error()};
    auto transport = make_transport(*chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    posix_host<any_transport> here{std::move(*transport)};
    return lint_consul(here, *chosen, line.value("consulservice"));
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
