#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
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
#include <powerconsul/probes/process/invocation.hpp>
#include <powerconsul/probes/process/listing.hpp>
#include <powerconsul/probes/process/observers.hpp>
#include <powerconsul/probes/process/process_table.hpp>

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
    std::string plugin{};        ///< absolute path; if empty, check_procs is looked for with find_plugin()
    milliseconds timeout{5000};  ///< for the first question; each further one gets a fifth of it
    expectation expects{expectation::unknown};  ///< what the role expects; see interpret_plugin()
    bool containers{};                          ///< do not mention that only containers' processes were counted
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

/// How many processes check_procs counted: `procs=2;…` after the `|`, or "2 processes" from versions without
/// performance data. Not set if its answer has no number.
[[nodiscard]] inline auto counted(std::string_view line) -> std::optional<std::uint64_t> {
    const auto bar = line.find('|');
    const auto data = bar == std::string_view::npos ? bar : line.find("procs=", bar);
    std::size_t at = data == std::string_view::npos ? line.find(" process") : data + 6;
    if (at == std::string_view::npos) return std::nullopt;
    if (data == std::string_view::npos) {
        while (at > 0 && ascii::is_digit(line[at - 1])) --at;
    }
    const auto digits = line.substr(at);
    return whole_number(digits.substr(0, digits.find_first_not_of("0123456789")));
}

}  // namespace detail

/// Interprets how a Nagios plugin ended: exit statuses 0, 1 and 2 are running, degraded and stopped if it also printed
/// something. Every other ending is unknown, and so is the plugin's own time-out, for which it exits 2. check_procs
/// also exits 2 when more processes run than its arguments allow. Where none may run, that is degraded: something runs
/// on a standby. Its 0 and 1 may also mean that it counted none and does not mind: where none may run, that is stopped;
/// where some must, 0 alone is no evidence, and so unknown.
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
    const auto count = detail::counted(detail::plugin_line(end.out));
    if ((end.status == 0 || end.status == 1) && count == 0U) {
        if (expects != expectation::running && expects != expectation::unknown) return {stopped, says};
        if (end.status == 0) {
            return {unknown, says + "; its arguments allow that no process is there, give it a range as in -c 1:"};
        }
    }
    if (end.status == 0) return {running, says};
    if (end.status == 1) return {degraded, says};
    if (end.status == 2 && text.find("timed out after") != std::string::npos) return {unknown, says};
    if (end.status == 2 && expects == expectation::stopped && count.value_or(0) != 0) return {degraded, says};
    if (end.status == 2) return {stopped, says};
    const std::string more = complaint.empty() ? "" : " (" + complaint + ')';
    if (end.status == 3) return {unknown, says + more};
    return {unknown, exits + ", from a plugin 0 to 3 is expected: " + text + more};
}

/// Asks the Nagios plugin check_procs, or another one with the same interface, whether the process runs. check_procs
/// counts whatever matches, what has started this check or another one, too. So it is asked to list what it counted
/// (`-v -v`), and if checks are among that, asked again about the rest alone (`--input-file`). The answer of a plugin
/// that does not list is taken as it is. Models `probe`. Executor and Files may be references.
template <command_executor Executor, directory_source Files>
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
        // What was counted and has ended since may have been a check's or the service's: another look tells.
        for (bool again = false;; again = true) {
            auto end = ask({"-v", "-v"}, again ? further() : options_.timeout);
            if (!end) return give_up(end.error());
            const auto listing = end->truncated ? std::nullopt : parse_listing(end->out);
            if (!listing) {
                // A plugin that does not know -v, or knows it for something else.
                if (end->how == ending::exited) end = ask({}, further());
                if (!end) return give_up(end.error());
                end->out.resize(std::min(end->out.size(), command{}.output_limit));
                return conclude(*end);
            }
            end->out = end->how == ending::exited ? listing->answer : "";
            if (end->how != ending::exited || end->status > 2 || listing->processes.empty()) return conclude(*end);
            const auto kinds = sort(listing->processes);
            if (kinds.gone && !again) continue;
            return conclude_without_checks(*end, listing->processes, kinds);
        }
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

    /// What the processes of a list have to do with checks.
    struct sorted {
        std::vector<attendance> part{};
        std::vector<bool> ended{};  ///< it takes no part, and only waits for its parent to collect it
        bool gone{};                ///< one of them has ended meanwhile
        bool contained{};           ///< those that take no part are there, and all in containers
    };

    [[nodiscard]] auto further() const -> milliseconds { return {options_.timeout.count / 5}; }

    [[nodiscard]] auto ask(std::vector<std::string> options, milliseconds time, std::string input = {})
        -> result<outcome> {
        command what{
            .argv = {path_},
            // In English, so that the output can be parsed and stays the same.
            .environment = {"LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            .input = std::move(input),
            .timeout = time,
            .grace = grace_within(time),
            .output_limit = std::size_t{8} << 20U,
        };
        what.argv.insert(what.argv.end(), options.begin(), options.end());
        what.argv.insert(what.argv.end(), options_.arguments.begin(), options_.arguments.end());
        return executor_.run(what);
    }

    /// The last word on this answer.
    [[nodiscard]] auto conclude(const outcome& end) -> observed {
        auto line = detail::plugin_line(end.out);
        if (line.empty()) line = detail::plugin_line(end.err);
        first_line_ = one_line(line, detail::longest_plugin_line);
        auto seen = interpret_plugin(base_name(path_), end, options_.expects);
        if (seen.state == observation::stopped && processes_are_hidden()) {
            return {observation::unknown, seen.reason +
                                              ", but not all processes can be seen; mount /proc without "
                                              "hidepid or run as root"};
        }
        return seen;
    }

    [[nodiscard]] auto sort(const std::vector<listed_process>& listed) -> sorted {
        sorted kinds{std::vector<attendance>(listed.size(), attendance::none), std::vector<bool>(listed.size())};
        std::string own_name;
        auto table = process_table<Files&>::read(files_, "/proc", [&](auto& of, std::uint32_t pid) -> result<bool> {
            if (algo::count(listed, pid, &listed_process::pid) != 0) return true;
            if (own_name.empty()) own_name = of.own_name().value_or("powerconsul");
            return of.name(pid).transform([&](const auto& name) { return name && is_own_name(*name, own_name); });
        });
        std::vector<attendance> found;
        if (table) {
            const auto is_listed = [&](const process& each, const std::string&) {
                return result{algo::count(listed, each.pid, &listed_process::pid) != 0};
            };
            found = find_observers(*table, is_listed).value_or(found);
        }
        std::string words;
        for (const auto& each : options_.arguments) words += (words.empty() ? "" : " ") + each;
        std::size_t others = 0;
        std::size_t contained = 0;
        for (std::size_t i = 0; i < listed.size(); ++i) {
            // Without a table, the command lines must do.
            if (find_invocations(listed[i].command, own_name).check) {
                kinds.part[i] = attendance::certain;
            } else if (!found.empty()) {
                const auto at = detail::find_process(table->processes(), listed[i].pid);
                kinds.gone = kinds.gone || !at;
                kinds.part[i] = at ? found[*at] : attendance::perhaps;
                // What has started a check, or what this process has started, may be what is looked for; but not if it
                // holds the plugin's arguments as they are.
                const bool own = at && table->processes()[*at].kin == kinship::descendant;
                if (own || (at && kinds.part[i] == attendance::perhaps)) {
                    const bool passes_on = !words.empty() && listed[i].command.find(words) != std::string::npos;
                    if (own || passes_on) kinds.part[i] = passes_on ? attendance::certain : attendance::none;
                }
                if (!at || kinds.part[i] == attendance::certain) continue;
                ++others;
                kinds.ended[i] = table->processes()[*at].ended;
                if (table->in_container(table->processes()[*at]).value_or(false)) ++contained;
            }
        }
        kinds.contained = others > 0 && others == contained;
        return kinds;
    }

    [[nodiscard]] auto conclude_without_checks(const outcome& all, const std::vector<listed_process>& listed,
                                               const sorted& kinds) -> observed {
        const auto some = [&](attendance part) { return algo::count(kinds.part, part) != 0; };
        const bool are_checks = some(attendance::certain);
        auto seen = are_checks ? ask_without(listed, kinds, attendance::perhaps) : conclude(all);
        if (some(attendance::perhaps)) {
            const auto line = first_line_;
            const auto least = ask_without(listed, kinds, attendance::none);
            if (least.state != seen.state) {
                first_line_ = line;
                const auto at = algo::find(kinds.part, attendance::perhaps) - kinds.part.begin();
                const auto& one = listed[static_cast<std::size_t>(at)];
                // Without its pid, which is another one each time that the check is started.
                return {observation::unknown,
                        seen.reason + "; whether " + quoted(one_line(one.command, 80)) +
                            " should count cannot be told, since it has started a check or has ended; ask for "
                            "the process itself, as in check process --name"};
            }
        }
        if (seen.state == observation::running && algo::count(kinds.ended, true) != 0) {
            const auto line = first_line_;
            const auto alive = ask_without(listed, kinds, attendance::perhaps, true);
            first_line_ = line;
            if (alive.state == observation::stopped || alive.state == observation::degraded) {
                seen = {observation::degraded,
                        seen.reason + "; too many of these have ended, and nobody has collected them"};
            }
        }
        if (seen.state == observation::unknown) return seen;
        if (are_checks) seen.reason += ", without checks and what started them";
        if (kinds.contained && !options_.containers) {
            seen.reason += "; what it counted runs in containers, which check process --name would not count";
        }
        return seen;
    }

    /// What check_procs says of those processes that are at most that much a part of a check, and have not ended if
    /// they must be `alive`.
    [[nodiscard]] auto ask_without(const std::vector<listed_process>& listed, const sorted& kinds, attendance most,
                                   bool alive = false) -> observed {
        std::vector<const listed_process*> rest;
        for (std::size_t i = 0; i < listed.size(); ++i) {
            if (kinds.part[i] <= most && !(alive && kinds.ended[i])) rest.push_back(&listed[i]);
        }
        const auto end = ask({"--input-file=/dev/stdin"}, further(), as_ps_prints(rest));
        if (!end) return give_up(end.error());
        if (end->how != ending::exited) return conclude(*end);
        const auto count = detail::counted(detail::plugin_line(end->out));
        if (end->status <= 2 && count && *count <= rest.size()) return conclude(*end);
        return {observation::unknown, base_name_of_plugin() +
                                          " counts checks, too, and cannot be asked about the other processes "
                                          "alone: use check process --cmdline, which looks itself"};
    }

    [[nodiscard]] auto base_name_of_plugin() const -> std::string { return one_line(base_name(path_), 80); }

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
template <command_executor Executor, directory_source Files>
plugin_probe(plugin_options, Executor&, Files&) -> plugin_probe<Executor&, Files&>;

}  // namespace powerconsul::inline v0
