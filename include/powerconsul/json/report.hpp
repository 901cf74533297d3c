#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <powerconsul/json/writer.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/verdict.hpp>

namespace powerconsul::inline v0::json {

namespace detail {

/// One line of at most `limit` bytes once JSON has escaped its quotes and backslashes.
[[nodiscard]] inline auto bounded(std::string_view text, std::size_t limit) -> std::string {
    std::string line = one_line(text, limit);
    for (std::size_t cut = limit;;) {
        std::size_t escaped = line.size();
        for (const char c : line) escaped += c == '"' || c == '\\' ? 1 : 0;
        if (escaped <= limit || cut < 8) return line;
        cut -= cut / 4;
        line = one_line(text, cut);
    }
}

}  // namespace detail

/// The line that a check prints: the original's keys first, then ours. `expects` is true for running, false for
/// stopped and null for unknown, as `clustered` is null when the cluster document could not be read. At most 3.5 KB,
/// since Consul keeps 4 096 bytes of a check's output.
[[nodiscard]] inline auto check_line(const check_report& report, int code) -> std::string {
    writer line;
    line.open_object();
    line.key("type").string(detail::bounded(report.kind, 64));
    line.key(report.kind.empty() ? "subject" : detail::bounded(report.kind, 64))
        .string(detail::bounded(report.subject, 512));
    line.key("expects");
    if (report.expects == expectation::unknown) {
        line.null();
    } else {
        line.boolean(report.expects == expectation::running);
    }
    line.key("clustered");
    if (report.clustered == clustering::unknown) {
        line.null();
    } else {
        line.boolean(report.clustered == clustering::yes);
    }
    line.key("state").string(to_string(report.state));
    line.key("code").number(std::int64_t{code});
    line.key("role").string(to_string(report.own));
    line.key("reason").string(detail::bounded(reason(report), 2560));
    line.key("basis").string(to_string(report.from));
    line.close_object();
    return line.text();
}

}  // namespace powerconsul::inline v0::json
