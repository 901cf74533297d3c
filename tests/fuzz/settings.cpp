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
    const milliseconds none{-1};
    for (const std::string_view key : {"timeout", "maxAge", "maxStale", "trigger.timeout", "trigger.grace",
                                       "trigger.backoff", "trigger.maxBackoff", "trigger.settle"}) {
        const auto time = said.parsed(key, none, parse_duration);
        fuzz::expect((time == none) != said.values.contains(key) && time <= seconds(86'400), "no length of time", text);
        fuzz::expect(time.count != 0 || !key.starts_with("trigger."), "no time at all", text);
    }
    const auto known = [&](std::string_view key, auto parse) {
        const auto found = said.values.find(key);
        fuzz::expect(found == said.values.end() || parse(found->second).has_value(), key, text);
    };
    known("trigger.attempts", parse_count<100>);
    known("trigger.parallel", parse_count<64>);
    known("unknownExit", parse_unknown_exit);
    known("serviceFilter", [](std::string_view filter) { return matches_at_start(filter, ""); });
    for (const auto& [key, value] : said.values) fuzz::expect(!value.empty(), "an empty text", text);
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
    const auto format = parse_format(text);
    fuzz::expect(format.has_value() == (text == "json" || text == "text"), "another format", text);
}

const fuzz::enlisted here{"settings", run};

}  // namespace
