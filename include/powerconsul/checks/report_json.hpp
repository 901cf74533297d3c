#pragma once

#include <powerconsul/checks/report.hpp>
#include <powerconsul/json/value.hpp>

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

/// The second member: the name, or for a group the list of names. Together they stay below 512 bytes.
inline void write_subject(writer& line, const check_subject& subject) {
    const std::string& key = subject.key.empty() ? subject.kind : subject.key;
    line.key(key.empty() ? "subject" : bounded(key, 64));
    if (subject.members.empty()) {
        line.string(bounded(subject.name, 512));
        return;
    }
    line.open_array();
    std::size_t left = 500;
    for (const auto& each : subject.members) {
        const std::string name = bounded(each, 255);
        if (name.size() * 2 > left) {
            line.string("...");
            break;
        }
        left -= name.size() + 3;
        line.string(name);
    }
    line.close_array();
}

}  // namespace detail

/// Writes a boolean, or null if the value is not known.
inline void write_known(writer& to, std::string_view key, bool known, bool value) {
    to.key(key);
    known ? to.boolean(value) : to.null();
}

/// The line that a check prints: the original's keys first, then ours. `expects` is true for running, false for
/// stopped and null where it is unknown or nothing is expected, as `clustered` is null when the cluster document could
/// not be read. At most 3.5 KB, since Consul keeps 4 096 bytes of a check's output.
[[nodiscard]] inline auto check_line(const check_report& report, int code) -> std::string {
    writer line;
    line.open_object();
    line.key("type").string(detail::bounded(report.subject.kind, 64));
    detail::write_subject(line, report.subject);
    const bool decided = report.expects == expectation::running || report.expects == expectation::stopped;
    write_known(line, "expects", decided, report.expects == expectation::running);
    write_known(line, "clustered", report.clustered != clustering::unknown, report.clustered == clustering::yes);
    line.key("state").string(to_string(report.state));
    line.key("code").number(std::int64_t{code});
    std::size_t left = 2560;
    for (const auto& [name, text] : report.details) {
        const std::string value = text ? detail::bounded(*text, 256) : "null";
        if (left < 1024) break;
        left -= name.size() + (value.size() < 128 ? value.size() * 2 : 256);  // at most, escapes included
        line.key(name);
        text ? line.string(value) : line.null();
    }
    line.key("role").string(to_string(report.own));
    line.key("reason").string(detail::bounded(reason(report), left));
    if (report.serving) line.key("serving").boolean(true);
    // The last one, by which the end of a line that was cut is known: see kind_of_output().
    line.key("basis").string(to_string(report.from));
    line.close_object();
    return line.text();
}

}  // namespace powerconsul::inline v0::json
