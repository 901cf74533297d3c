// covers: config/settings_json.hpp config/settings.hpp lint/settings.hpp lint/texts.hpp core/time.hpp
// adapters/posix/log.hpp config/configuration.hpp
#include <powerconsul/lint/settings.hpp>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/adapters/posix/log.hpp>
#include <powerconsul/config/configuration.hpp>
#include <powerconsul/config/settings_json.hpp>
#include <powerconsul/lint/texts.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

void look_at(const settings& said, std::string_view text) {
    const auto& triggers = said.triggers;
    for (const auto& each : {said.timeout, said.max_age, said.max_stale, triggers.timeout, triggers.grace,
                             triggers.backoff, triggers.max_backoff}) {
        fuzz::expect(!each || (each->count >= 0 && *each <= seconds(86'400)), "no length of time", text);
    }
    for (const auto& each : {triggers.timeout, triggers.grace, triggers.backoff, triggers.max_backoff}) {
        fuzz::expect(!each || each->count > 0, "no time at all", text);
    }
    fuzz::expect(!triggers.attempts || (*triggers.attempts >= 1 && *triggers.attempts <= 100), "attempts", text);
    fuzz::expect(!triggers.parallel || (*triggers.parallel >= 1 && *triggers.parallel <= 64), "parallel", text);
    fuzz::expect(!said.unknown_exit || (*said.unknown_exit >= 1 && *said.unknown_exit <= 3), "unknownExit", text);
    for (const auto& each : {said.cluster_key, said.trigger_key, said.environment, said.server_role, said.node,
                             said.datacenter, said.store, said.state_dir, said.service_filter, said.log}) {
        fuzz::expect(!each || !each->empty(), "an empty text", text);
    }
    if (said.service_filter) {
        fuzz::expect(matches_at_start(*said.service_filter, "").has_value(), "no expression", *said.service_filter);
    }
    for (const auto& [name, value] : said.substitutions) {
        fuzz::expect(!name.empty() && name.find_first_of(std::string_view{"{} \0\n", 5}) == std::string::npos,
                     "no name", name);
    }
}

/// The text of a configuration.
void run(std::string_view text) {
    const auto said = json::decode_settings(text);
    const auto read = json::read_settings(text);
    fuzz::expect(read.problems.empty() == said.has_value(), "two readers differ", text);
    for (const auto& each : read.problems) {
        fuzz::expect(!each.what.empty() && each.offset && *each.offset <= text.size(), "no place of the text", text);
    }
    if (said) {
        look_at(*said, text);
    } else {
        const auto& why = said.error();
        fuzz::expect(why.code == errc::configuration && !why.message.empty(), "no reason", text);
    }
    lint_report report;
    const auto linted = json::lint_settings(report, "powerconsul.conf", text);
    fuzz::expect(linted.problems.empty() == said.has_value(), "lint and the reader differ", text);
    fuzz::expect(said || report.count(severity::error) > 0, "refused without an error", text);
    for (const auto& each : report.findings()) {
        const std::string line = to_line(each);
        fuzz::expect(fuzz::is_one_line(line) && is_utf8(line), "no line", line);
    }
    // Whatever the text is taken for.
    testing::memory_files files;
    linter any{lint_surroundings{}, files};
    lint_text(any, "text", text, std::nullopt);
    any.finish();
    for (const auto& each : any.report().findings()) {
        const std::string line = to_line(each);
        fuzz::expect(fuzz::is_one_line(line) && is_utf8(line), "no line", line);
    }
    if (const auto where = parse_log_target(text)) {
        const bool path = where->kind == log_target_kind::file || where->kind == log_target_kind::directory;
        fuzz::expect(path == where->path.starts_with('/') && (path || where->path.empty()), "no path", text);
    }
    const auto format = config::detail::parse_format(text);
    fuzz::expect(format.has_value() == (text == "json" || text == "text"), "another format", text);
    const auto name = text.substr(0, 40);
    fuzz::expect(!json::is_settings_key(name) || json::is_nearly_settings_key(name), "a key, and not nearly one", name);
}

const fuzz::enlisted here{"settings", run};

}  // namespace
