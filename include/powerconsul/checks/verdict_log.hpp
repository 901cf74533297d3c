#pragma once

#include <powerconsul/checks/report.hpp>
#include <powerconsul/ports/log.hpp>
#include <powerconsul/ports/trust.hpp>

/// The log of a check: a line where its verdict or the reason is another one than at its last run.
namespace powerconsul::inline v0::checks {

/// What a check found out, for its log.
[[nodiscard]] inline auto verdict_event(const check_report& report, std::string_view service) -> event {
    const auto level = report.state == verdict::passing    ? event_level::info
                       : report.state == verdict::critical ? event_level::error
                                                           : event_level::warning;
    event said{level, "verdict", std::string{service}, std::string{to_string(report.state)}, {}};
    said.fields = {{"type", report.subject.kind}, {"name", report.subject.name}, {"reason", reason(report)}};
    return said;
}

/// Where the last verdict of a check is kept. `call` is what tells the check from all others of this node, as its
/// command line does.
[[nodiscard]] inline auto verdict_file(const std::string& state_dir, std::string_view call) -> std::string {
    return state_dir + "/verdicts/" + ascii::hexadecimal(fnv1a(call));
}

/// Keeps verdict and reason in the state directory, whose directories are made where they are missing; true if others
/// were kept before, or none. Fails as make_trusted_directory() does, and with errc::io if nothing can be written: the
/// next run would then not know that this one was logged.
template <file_store Files>
[[nodiscard]] auto keep_verdict(Files& files, const std::string& state_dir, std::string_view call,
                                const check_report& report) -> result<bool> {
    const std::string path = verdict_file(state_dir, call);
    const std::string said = std::string{to_string(report.state)} + ' ' + one_line(reason(report), 3000) + '\n';
    for (const auto& directory : {state_dir, state_dir + "/verdicts"}) {
        if (auto trust = make_trusted_directory(files, directory); !trust) return unexpected{std::move(trust).error()};
    }
    // One that cannot be read is replaced: root may have left it when it tried the check.
    const auto before = files.read(path, 16 * 1024);
    if (before && *before == said) return false;
    if (auto written = files.replace(path, said); !written) return unexpected{std::move(written).error()};
    return true;
}

}  // namespace powerconsul::inline v0::checks
