#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// A process that check_procs counted.
struct listed_process {
    std::uint32_t pid{};
    std::string command{};  ///< its command line, words joined by blanks
    std::string ps_line{};  ///< as the `ps` that check_procs asks printed it
};

/// What check_procs prints with `-v -v`.
struct plugin_listing {
    std::vector<listed_process> processes{};
    std::string answer{};  ///< what it prints without -v; empty if it printed none
};

/// Reads a `Matched: uid=0 vsz=2920 rss=1804 pid=27577 ppid=1 pcpu=0.00 stat=S etime=00:00 prog=sleep args=sleep 9`.
[[nodiscard]] inline auto parse_listed(std::string_view line) -> std::optional<listed_process> {
    constexpr std::array<std::string_view, 9> columns{
        "stat=", "uid=", "pid=", "ppid=", "vsz=", "rss=", "pcpu=", "etime=", "prog="};
    if (next_part(line, ' ') != "Matched:") return std::nullopt;
    std::array<std::optional<std::string_view>, columns.size()> values{};
    while (!line.starts_with("args=")) {
        if (line.empty()) return std::nullopt;
        const auto word = next_part(line, ' ');
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (word.starts_with(columns[i])) values[i] = word.substr(columns[i].size());
        }
    }
    listed_process read{.command = std::string{line.substr(5)}};
    for (const auto& value : values) {
        if (!value) return std::nullopt;
        read.ps_line += std::string{*value} + ' ';
    }
    read.ps_line += read.command;
    const auto pid = whole_number<std::uint32_t>(*values[2]);
    if (!pid) return std::nullopt;
    read.pid = *pid;
    return read;
}

/// Reads what check_procs prints with `-v -v`; std::nullopt if another program printed this.
[[nodiscard]] inline auto parse_listing(std::string_view out) -> std::optional<plugin_listing> {
    if (!out.starts_with("CMD: ")) return std::nullopt;
    plugin_listing read;
    while (!out.empty()) {
        const auto line = trimmed(next_part(out, '\n'));
        if (line.starts_with("Matched: ")) {
            auto one = parse_listed(line);
            if (!one) return std::nullopt;
            read.processes.push_back(std::move(*one));
            read.answer.clear();
        } else if (line.starts_with("CMD: ") || line.starts_with("Ignore kernel thread:")) {
            read.answer.clear();
        } else if (!line.empty()) {
            read.answer += (read.answer.empty() ? "" : "\n") + std::string{line};
        }
    }
    // Where it compares something else than the number, it now also names the programs that are outside of the range.
    if (const auto end = read.answer.find("] | procs="); end != std::string::npos) {
        const auto names = read.answer.rfind(" [", end);
        if (names != std::string::npos) read.answer.erase(names, end + 1 - names);
    }
    return read;
}

/// What `check_procs --input-file` reads: what `ps` would have printed if there were these processes only. It needs at
/// least one: without any, this has one that no filter finds, unless the filter finds every process.
[[nodiscard]] inline auto as_ps_prints(const std::vector<const listed_process*>& processes) -> std::string {
    std::string text = "STAT UID PID PPID VSZ RSS %CPU ELAPSED COMMAND COMMAND\n";
    if (processes.empty()) text += "? -1 1 -1 -1 -1 -1 00:00 - \n";
    for (const auto* each : processes) text += each->ps_line + '\n';
    return text;
}

}  // namespace powerconsul::inline v0
