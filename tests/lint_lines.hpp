#pragma once

#include <string>
#include <vector>

#include <powerconsul/lint/report.hpp>

/// The findings as they are printed, in their order.
[[nodiscard]] inline auto lines_of(const powerconsul::lint_report& report) -> std::vector<std::string> {
    std::vector<std::string> lines;
    for (const auto& each : report.findings()) lines.push_back(powerconsul::to_line(each));
    return lines;
}

/// One line each, so that a failing comparison can be read.
[[nodiscard]] inline auto joined(const std::vector<std::string>& lines) -> std::string {
    std::string text;
    for (const auto& each : lines) text += each + '\n';
    return text;
}
