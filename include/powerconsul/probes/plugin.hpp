#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/decision/terms.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/process/hidepid.hpp>

namespace powerconsul::inline v0 {

/// Where Nagios plugins are installed by the packages of Debian, Fedora, openSUSE, Arch, Alpine and the BSDs, and by a
/// plain `make install`.
inline constexpr std::array<std::string_view, 11> plugin_directories{
    "/usr/lib/nagios/plugins",
    "/usr/lib64/nagios/plugins",
    "/usr/lib/monitoring-plugins",
    "/usr/lib64/monitoring-plugins",
    "/usr/libexec/monitoring-plugins",
    "/usr/libexec/nagios/plugins",
    "/usr/libexec/nagios",
    "/usr/local/libexec/nagios",
    "/usr/local/nagios/libexec",
    "/usr/local/lib/nagios/plugins",
    "/usr/local/libexec/monitoring-plugins",
};

/// The path of the first file of that name in these directories. Fails with errc::unavailable if there is none; a
/// directory that could not be looked at is an error only if the file is in no other.
template <file_source Files>
[[nodiscard]] auto find_plugin(Files& files, std::string_view name) -> result<std::string> {
    error cause;
    for (const auto directory : plugin_directories) {
        std::string path = std::string{directory} + '/' + std::string{name};
        const auto seen = files.status(path);
        if (!seen) {
            if (cause.message.empty()) cause = seen.error();
            continue;
        }
        if (*seen && ((*seen)->kind == file_kind::regular || (*seen)->kind == file_kind::symlink)) return path;
    }
    if (!cause.message.empty()) return unexpected{std::move(cause)};
    const std::vector<std::string> searched(plugin_directories.begin(), plugin_directories.end());
    return fail(errc::unavailable,
                std::string{name} + " was not found in " + listed(searched) +
                    "; install monitoring-plugins-basic (Debian), or say where it is",
                "plugin");
}

struct plugin_options {
    std::vector<std::string> arguments{};
    std::string plugin{};  ///< absolute path; if empty, check_procs is looked for with find_plugin()
    milliseconds timeout{5000};
    expectation expects{expectation::unknown};  ///< what the role expects; see interpret_plugin()
};

namespace detail {

inline constexpr std::size_t longest_plugin_line = 300;  ///< bytes

/// The first line that is not blank.
[[nodiscard]] inline auto plugin_line(std::string_view text) -> std::string_view {
    text = trimmed(text);
    return next_part(text, '\n');
}

/// The first line without performance data, which begins at the first `|`.
[[nodiscard]] inline auto plugin_text(const outcome& end) -> std::string {
    const std::string_view line = plugin_line(end.out);
    return one_line(line.substr(0, line.find('|')), longest_plugin_line);
}

/// Whether check_procs counted any process: `procs=2;…` after the `|`, or "2 processes" from versions without
/// performance data.
[[nodiscard]] inline auto counted_some(std::string_view line) -> bool {
    const auto bar = line.find('|');
    const auto data = bar == std::string_view::npos ? bar : line.find("procs=", bar);
    std::size_t at = data == std::string_view::npos ? line.find(" process") : data + 6;
    if (at == std::string_view::npos) return false;
    if (data == std::string_view::npos) {
        while (at > 0 && ascii::is_digit(line[at - 1])) --at;
    }
    for (; at < line.size() && ascii::is_digit(line[at]); ++at) {
        if (line[at] != '0') return true;
    }
    return false;
}

}  // namespace detail

/// Interprets how a Nagios plugin ended: exit statuses 0, 1 and 2 are running, degraded and stopped if it also printed
/// something. Every other ending is unknown, and so is the plugin's own time-out, for which it exits 2. check_procs
/// also exits 2 when more processes run than its arguments allow. Where none may run, that is degraded: something runs
/// on a standby.
[[nodiscard]] inline auto interpret_plugin(std::string_view name, const outcome& end,
                                           expectation expects = expectation::unknown) -> observed {
    using enum observation;
    const std::string who = one_line(name, 80);
    if (end.how == ending::timed_out) return {unknown, who + " did not answer in time"};
    if (end.how == ending::signalled) return {unknown, who + " was ended by signal " + std::to_string(end.status)};
    const std::string text = detail::plugin_text(end);
    const std::string complaint = one_line(detail::plugin_line(end.err), detail::longest_plugin_line);
    const std::string exits = who + " exits " + std::to_string(end.status);
    if (text.empty()) return {unknown, exits + " and prints nothing" + (complaint.empty() ? "" : ": " + complaint)};
    const std::string says = exits + ": " + text;
    if (end.status == 0) return {running, says};
    if (end.status == 1) return {degraded, says};
    if (end.status == 2 && text.find("timed out after") != std::string::npos) return {unknown, says};
    if (end.status == 2 && expects == expectation::stopped && detail::counted_some(detail::plugin_line(end.out))) {
        return {degraded, says};
    }
    if (end.status == 2) return {stopped, says};
    const std::string more = complaint.empty() ? "" : " (" + complaint + ')';
    if (end.status == 3) return {unknown, says + more};
    return {unknown, exits + ", from a plugin 0 to 3 is expected: " + text + more};
}

/// Asks the Nagios plugin check_procs, or another one with the same interface, whether the process runs. Models
/// `probe`. Executor and Files may be references.
template <command_executor Executor, file_source Files>
class plugin_probe {
public:
    plugin_probe(plugin_options options, Executor executor, Files files)
        : options_{std::move(options)},
          executor_{std::forward<Executor>(executor)},
          files_{std::forward<Files>(files)} {}

    [[nodiscard]] auto operator()() -> observed {
        path_ = options_.plugin;
        first_line_.clear();
        if (path_.empty()) {
            auto found = find_plugin(files_, "check_procs");
            if (!found) return give_up(found.error());
            path_ = std::move(*found);
        }
        command what{
            .argv = {path_},
            // In English, so that the output can be parsed and stays the same.
            .environment = {"LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            .timeout = options_.timeout,
            .grace = grace_within(options_.timeout),
        };
        what.argv.insert(what.argv.end(), options_.arguments.begin(), options_.arguments.end());
        const auto end = executor_.run(what);
        if (!end) return give_up(end.error());
        auto line = detail::plugin_line(end->out);
        if (line.empty()) line = detail::plugin_line(end->err);
        first_line_ = one_line(line, detail::longest_plugin_line);
        auto seen = interpret_plugin(base_name(path_), *end, options_.expects);
        if (seen.state == observation::stopped && processes_are_hidden()) {
            return {observation::unknown, seen.reason +
                                              ", but not all processes can be seen; mount /proc without "
                                              "hidepid or run as root"};
        }
        return seen;
    }

    /// The path of the plugin that the last call ran; empty if none was found.
    [[nodiscard]] auto path() const -> const std::string& { return path_; }
    /// The first line that the plugin printed in the last call, performance data included, made printable and cut after
    /// 300 bytes. If it printed nothing, the first line of its standard error; empty if there was neither.
    [[nodiscard]] auto first_line() const -> const std::string& { return first_line_; }

private:
    [[nodiscard]] static auto give_up(const error& why) -> observed {
        return {observation::unknown, why.message, why.remedy};
    }

    /// With the mount option hidepid, check_procs finds none of the other users' processes and exits 2.
    [[nodiscard]] auto processes_are_hidden() -> bool {
        const auto first = files_.read("/proc/1/stat", 4096);
        return !first || !*first || hides_processes(files_, "/proc");
    }

    plugin_options options_;
    Executor executor_;
    Files files_;
    std::string path_{};
    std::string first_line_{};
};

/// Lvalues are held by reference: the probe is usually shorter-lived than the policies.
template <command_executor Executor, file_source Files>
plugin_probe(plugin_options, Executor&, Files&) -> plugin_probe<Executor&, Files&>;

}  // namespace powerconsul::inline v0
