#include "checks.hpp"

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include <powerconsul/checks/check.hpp>
#include <powerconsul/checks/noop.hpp>
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/config/settings.hpp>
#include <powerconsul/probes/process/expected_work.hpp>

#include "exit_code.hpp"
#include "plans.hpp"
#include "roles.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::int64_t longest_noop_age = 3650;  ///< days

/// The file that a person named may be a symbolic link: what it leads to counts. Where that cannot be told, the name is
/// left as it is and looking at it will say why.
[[nodiscard]] auto noop_options_of(const config::arguments& line) -> result<noop_options> {
    noop_options options{.path = line.value("noopfile").value_or("")};
    if (const auto age = line.value("noop-max-age")) {
        if (options.path.empty()) return fail(errc::usage, "--noop-max-age needs -F/--noopfile" + see_help(line));
        const auto parsed = parse_long_duration(*age, longest_noop_age);
        if (!parsed) return fail(errc::usage, "--noop-max-age: " + parsed.error().message);
        options.max_age = *parsed;
    }
    char resolved[PATH_MAX];
    if (!options.path.empty() && realpath(options.path.c_str(), resolved) != nullptr) options.path = resolved;
    return options;
}

/// -P and -R: the looks of the plan ask the process table first. For a group, work that is found counts for all of it.
[[nodiscard]] auto count_work(const config::arguments& line, machine& here, planned_check& plan) -> result<void> {
    if (!line.has("procstr") && !line.has("procre")) return {};
    const work_filter filter{line.value("procstr").value_or(""), line.value("procre").value_or("")};
    if (auto valid = validate(filter); !valid) {
        return fail(errc::usage, "-R/--procre: " + valid.error().message + see_help(line));
    }
    if (plan.look) {
        plan.look = [&here, filter, look = std::move(plan.look)] {
            return counting_work{look, filter, here.files, here.accounts}();
        };
        return {};
    }
    plan.look_at_all = [&here, filter, look = std::move(plan.look_at_all), count = plan.subject.members.size()] {
        const auto nothing = [] { return observed{observation::stopped, ""}; };
        const observed work = counting_work{nothing, filter, here.files, here.accounts}();
        if (work.state == observation::running) return std::vector<observed>(count, work);
        auto seen = look();
        for (auto& each : seen) {
            if (work.state != observation::unknown || each.state == observation::running) continue;
            each = {observation::unknown, each.reason + "; " + work.reason};
        }
        return seen;
    };
    return {};
}

[[nodiscard]] auto report_on(const config::arguments& line, const configuration& chosen) -> result<check_report> {
    machine here;
    here.deadline = here.time.monotonic() + chosen.timeout;
    auto plan = plan_check(line, chosen, here);
    if (!plan) return unexpected{std::move(plan).error()};
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    const auto noop = noop_options_of(line);
    if (!noop) return unexpected{noop.error()};
    if (auto counted = count_work(line, here, *plan); !counted) return unexpected{counted.error()};

    const auto facts = resolve(chosen, *service, here.time);
    if (!facts) return unexpected{facts.error()};
    here.expects = facts->expects;
    const auto held = look_for_noop(here.files, here.time, *noop);
    auto report = plan->look ? check(plan->subject, *facts, plan->look, held)
                             : check_group(plan->subject, *facts, plan->look_at_all, held);
    if (plan->more) report.details = plan->more();
    std::erase_if(report.details, [](const auto& each) { return each.second.empty(); });
    return report;
}

void print_check(const check_report& report, int code, output_format format, std::string& out) {
    out += format == output_format::text ? nagios_line(report) : json::check_line(report, code);
    out += '\n';
}

}  // namespace

auto without_verdict(const config::arguments& line, const error& why, output_format format, std::string& out) -> int {
    const auto code = static_cast<int>(exit_code_for(why.code));
    print_check({.subject = subject_of(line), .why = why.message}, code, format, out);
    return code;
}

auto last_word_of_check(const config::arguments& line, milliseconds limit, output_format format, int unknown_exit)
    -> last_word {
    const std::string time =
        limit.count % 1000 == 0 ? std::to_string(limit.count / 1000) + " s" : std::to_string(limit.count) + " ms";
    last_word word{limit, {}, unknown_exit};
    print_check({.subject = subject_of(line), .why = "the check did not end within " + time}, unknown_exit, format,
                word.out);
    return word;
}

auto run_check(const invocation& call, const config::arguments& line, std::string& out) -> int {
    auto format = config::requested_limits(call, line).format;
    const auto chosen = configure(call, line);
    if (!chosen) return without_verdict(line, chosen.error(), format, out);
    format = chosen->format;
    if (call.limit) call.limit(last_word_of_check(line, chosen->timeout, format, chosen->unknown_exit));
    const auto report = report_on(line, *chosen);
    if (!report) return without_verdict(line, report.error(), format, out);
    const int code = exit_status(report->state, chosen->unknown_exit);
    print_check(*report, code, format, out);
    return code;
}

}  // namespace powerconsul::cli
