// covers: heal/action.hpp lint/trigger.hpp heal/trigger.hpp lint/shell.hpp lint/shell_commands.hpp
#include <powerconsul/lint/trigger.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/heal/journal_json.hpp>
#include <powerconsul/heal/trigger.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

void look_at(const trigger_action& action, std::string_view value) {
    const job& what = action.what;
    fuzz::expect(!action.settle || (action.settle->count >= 0 && *action.settle <= seconds(3600)), "no settle time",
                 value);
    fuzz::expect(!action.backoff || (*action.backoff >= seconds(1) && *action.backoff <= seconds(900)), "no back-off",
                 value);
    fuzz::expect(looks_like_object(value) || (!action.settle && !action.backoff), "waits of a text", value);
    fuzz::expect(!what.argv.empty() && what.argv.front().starts_with('/'), "no absolute path", value);
    std::size_t total = 0;
    for (const auto& each : what.argv) {
        fuzz::expect(each.find('\0') == std::string::npos && each.size() <= longest_argument, "no argument", value);
        total += each.size() + 1;
    }
    fuzz::expect(total <= longest_action + 1024, "too many words", value);
    fuzz::expect(what.timeout.count > 0 && what.timeout <= seconds(3600), "no time, or no end of it", value);
    fuzz::expect(what.user.find_first_of(std::string_view{"\0:/ \n", 5}) == std::string::npos, "no user", what.user);
    const bool shell = what.script.empty() && !looks_like_object(value);
    fuzz::expect(!shell || (what.argv.size() == 3 && what.argv[0] == "/bin/sh" && what.argv[1] == "-c" &&
                            what.argv[2].size() <= longest_shell_text),
                 "no text for a shell", value);
    // Without an @ nothing is substituted; a blank keeps a shell from taking it for options.
    if (value.find('@') == std::string_view::npos && shell) {
        const bool option = value.starts_with('-') || value.starts_with('+');
        fuzz::expect(what.argv[2] == (option ? " " : "") + std::string{value}, "other text", value);
    }
    if (value.starts_with("#!")) fuzz::expect(!what.script.empty(), "a script is none", value);
}

/// A name, its value, and what stands in KV.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    std::string name{script.next()};
    trigger_options options{.substitutions = {{std::move(name), std::string{script.next()}}}};
    const identity who{.host = "production-web3", .environment = "production", .server_role = "web"};
    const auto known = all_substitutions(options, who);
    const std::string value{script.rest()};
    const auto read = json::read_action(value, known, seconds(60));
    const auto decoded = json::decode_action(value, known, seconds(60));
    fuzz::expect(read.problems.empty() == decoded.has_value(), "the two readers differ", value);
    if (decoded) {
        look_at(*decoded, value);
    } else {
        const auto& why = decoded.error();
        fuzz::expect(why.code == errc::bad_data && fuzz::is_one_line(why.message) && is_utf8(why.message), "no reason",
                     why.message);
    }
    const auto shell = read_shell(value);
    for (const auto& each : shell.commands) {
        for (const auto& word : each.words) fuzz::expect(word.offset <= value.size(), "no place", value);
    }
    for (const auto& each : shell.background) {
        fuzz::expect(!shell.understood || each.command < shell.commands.size(), "no command", value);
    }
    lint_report report;
    const auto linted = json::lint_trigger(report, "triggers/production/web/primary/critical", value, {.known = known});
    fuzz::expect(linted.has_value() == decoded.has_value(), "lint and the reader differ", value);
    fuzz::expect(decoded || report.count(severity::error) > 0, "refused without an error", value);
    for (const auto& each : report.findings()) {
        const std::string line = to_line(each);
        fuzz::expect(fuzz::is_one_line(line) && is_utf8(line), "no line", line);
    }
    snapshot_check check;
    check.check_id = value.substr(0, 50);
    check.service_id = value.substr(0, 60);
    check.output = value;
    const trigger_cause cause{.service = "web", .reason = value, .checks = {check, check}};
    const auto made = make_job({role::primary, "key", 7, value}, options, who, cause);
    fuzz::expect(made.has_value() == decoded.has_value(), "a job of what is none", value);
    if (!made) return;
    fuzz::expect(made->what.argv == decoded->what.argv && made->what.user == decoded->what.user, "another job", value);
    for (const auto& each : made->what.environment) {
        fuzz::expect(each.find('=') != std::string::npos && fuzz::is_one_line(each), "no variable", each);
        if (each.starts_with("POWERCONSUL_CHECKS=")) {
            fuzz::expect(json::parse(each.substr(each.find('=') + 1)).has_value(), "no JSON", each);
        }
    }
    const auto end = json::last_lines(value, 64);
    fuzz::expect(end.size() <= 64 && is_utf8(end), "not the end", end, value);
    fuzz::expect(!is_utf8(value) || value.find(end) != std::string::npos, "another text", end, value);
}

const fuzz::enlisted here{"trigger_value", run};

}  // namespace
