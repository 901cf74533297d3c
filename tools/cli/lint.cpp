#include "lint.hpp"

#include <cstdint>
#include <utility>

#include <powerconsul/core/text.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/lint/report.hpp>

#include "configuration.hpp"
#include "linter.hpp"

namespace powerconsul::cli {

namespace {

void print_text(const lint_report& report, std::string& out) {
    for (const auto& each : report.findings()) out += to_line(each) + '\n';
    out += summary(report) + '\n';
}

void print_json(const lint_report& report, std::string& out) {
    json::writer text;
    text.open_object();
    text.key("findings").open_array();
    for (const auto& each : report.findings()) {
        text.open_object();
        text.key("document").string(one_line(each.document, 500));
        text.key("line");
        each.line == 0 ? text.null() : text.number(std::uint64_t{each.line});
        text.key("column");
        each.line == 0 ? text.null() : text.number(std::uint64_t{each.column});
        text.key("severity").string(to_string(each.level));
        text.key("message").string(one_line(each.message, 2000));
        text.close_object();
    }
    text.close_array();
    text.key("errors").number(report.count(severity::error));
    text.key("warnings").number(report.count(severity::warning));
    text.key("notes").number(report.count(severity::note));
    text.key("documents").number(report.count(text_kind::document));
    text.key("triggers").number(report.count(text_kind::trigger));
    text.key("configurations").number(report.count(text_kind::configuration));
    text.key("passedOver").number(report.others());
    text.close_object();
    out += text.text() + '\n';
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
    auto done = files ? lint_files(call, line) : lint_consul(call, line);
    if (!done) return unexpected{std::move(done).error()};
    done->finish();
    const lint_report& report = done->report();
    if (config::requested_limits(call, line).format == output_format::json) {
        print_json(report, out);
    } else {
        print_text(report, out);
    }
    if (report.count(severity::error) != 0) return exit_code::bad_data;
    return report.count(severity::warning) != 0 ? exit_code::failed : exit_code::done;
}

}  // namespace powerconsul::cli
