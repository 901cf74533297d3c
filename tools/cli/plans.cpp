#include "plans.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/adapters/thread_runner.hpp>
#include <powerconsul/core/shell_words.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/probes/crontab.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/process/process.hpp>
#include <powerconsul/probes/service/service.hpp>
#include <powerconsul/probes/side_by_side.hpp>

#include "roles.hpp"
#include "units.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t most_services = 64;  ///< in one group
constexpr std::size_t most_at_once = 16;   ///< of these are asked at the same time

const observed no_time_left{observation::unknown, "the time was over before the service could be looked at"};

/// Blanks around a name are not part of it.
[[nodiscard]] auto split_at_commas(std::string_view text) -> std::vector<std::string> {
    std::vector<std::string> parts;
    for (;;) {
        const auto comma = text.find(',');
        std::string_view part = text.substr(0, comma);
        while (part.starts_with(' ')) part.remove_prefix(1);
        while (part.ends_with(' ')) part.remove_suffix(1);
        parts.emplace_back(part);
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

// service and servicegroup

/// Asks for one local service. The probe may ask two programs one after the other, and each may need its grace to end:
/// each gets two fifths of `time`.
[[nodiscard]] auto look_at_service(const config::arguments& line, const configuration& chosen, const std::string& name,
                                   machine& here, milliseconds time) -> observed {
    const auto manager = chosen.manager ? result{*chosen.manager} : detect_service_manager(here.files);
    if (!manager) return {observation::unknown, manager.error().message};
    if (time.count <= 100) return no_time_left;
    service_probe_options options{.name = name, .manager = *manager, .timeout = {time.count * 2 / 5}};
    if (auto directory = line.value("init-directory")) options.init_directory = *directory;
    posix_spawn_executor executor;
    systemd_units units;
    return service_probe{std::move(options), executor, here.files, units}();
}

[[nodiscard]] auto plan_service(const config::arguments& line, const configuration& chosen, machine& here)
    -> result<planned_check> {
    auto name = required(line, "service", "-s/--service");
    if (!name) return unexpected{std::move(name).error()};
    if (auto valid = validate_local_service(*name); !valid) {
        return fail(errc::usage, "-s/--service: " + valid.error().message);
    }
    planned_check plan{.subject = subject_of(line)};
    plan.look = [&line, &chosen, &here, name = *name] {
        return look_at_service(line, chosen, name, here, here.left());
    };
    return plan;
}

[[nodiscard]] auto plan_servicegroup(const config::arguments& line, const configuration& chosen, machine& here)
    -> result<planned_check> {
    const auto list = required(line, "service", "-s/--service");
    if (!list) return unexpected{list.error()};
    auto subject = subject_of(line);
    auto& names = subject.members;
    for (auto each = names.begin(); each != names.end(); ++each) {
        if (auto valid = validate_local_service(*each); !valid) {
            return fail(errc::usage, "-s/--service: " + valid.error().message);
        }
        if (std::find(names.begin(), each, *each) == each) continue;
        return fail(errc::usage, "-s/--service names " + quoted(*each) + " twice" + see_help(line));
    }
    if (names.size() > most_services) {
        return fail(errc::usage, "-s/--service names " + std::to_string(names.size()) + " services, at most " +
                                     std::to_string(most_services) + " are taken");
    }
    planned_check plan{.subject = std::move(subject)};
    plan.look_at_all = [&line, &chosen, &here, names = plan.subject.members] {
        const auto rounds = static_cast<std::int64_t>((names.size() + most_at_once - 1) / most_at_once);
        const milliseconds each{here.left().count / rounds};
        const auto look = [&](const std::string& name) {
            return look_at_service(line, chosen, name, here, shorter(each, here.left()));
        };
        return side_by_side{names, look, thread_runner{most_at_once}}();
    };
    return plan;
}

// crontab

[[nodiscard]] auto plan_crontab(const config::arguments& line, machine& here) -> result<planned_check> {
    const auto user = required(line, "user", "-u/--user");
    if (!user) return unexpected{user.error()};
    if (auto valid = validate_crontab_user(*user); !valid) return unexpected{valid.error()};
    crontab_options options{.user = *user, .pattern = line.value("pattern").value_or("")};
    if (options.pattern.find('\n') != std::string::npos) {
        return fail(errc::usage, "-p/--pattern holds a newline, but is looked for within one line" + see_help(line));
    }
    if (auto directory = line.value("crontab-dir")) options.directory = *directory;
    planned_check plan{.subject = subject_of(line)};
    if (!options.pattern.empty()) {
        plan.more = [pattern = options.pattern] { return report_details{{"pattern", pattern}}; };
    }
    plan.look = [&here, options = std::move(options)] { return crontab_probe{options, here.files, here.accounts}(); };
    return plan;
}

// process

[[nodiscard]] auto plan_plugin(const config::arguments& line, const std::string& arguments, machine& here)
    -> result<planned_check> {
    auto words = split_words(arguments);
    if (!words) return fail(errc::usage, "-n/--nagiosargs: " + words.error().message);
    if (words->empty()) {
        return fail(errc::usage, "-n/--nagiosargs has no arguments: check_procs would count all processes");
    }
    auto plugin = line.value("plugin").value_or("");
    if (!plugin.empty() && !plugin.starts_with('/')) {
        return fail(errc::usage, "--plugin: an absolute path is expected, not " + quoted(plugin));
    }
    planned_check plan{.subject = subject_of(line)};
    struct answer {
        std::string path{};
        std::string line{};
    };
    const auto said = std::make_shared<answer>();
    plan.look = [&here, said, words = std::move(*words), plugin = std::move(plugin)]() -> observed {
        const milliseconds left = here.left();
        if (left.count <= 100) return no_time_left;
        posix_spawn_executor executor;
        plugin_probe probe{plugin_options{words, plugin, {left.count * 3 / 5}, here.expects}, executor, here.files};
        auto seen = probe();
        *said = {probe.path(), probe.first_line()};
        return seen;
    };
    plan.more = [said] { return report_details{{"nagiosScript", said->path}, {"nagiosOutput", said->line}}; };
    return plan;
}

/// A user by name or by number, as check_procs takes it. Nobody of that name: unknown, never "no process".
[[nodiscard]] auto uid_of(const std::string& user, posix_accounts& accounts) -> result<std::uint32_t> {
    const auto known = accounts.user_id(user);
    if (!known) return unexpected{known.error()};
    if (*known) return **known;
    std::uint64_t number = 0;
    for (const char c : user) {
        if (c < '0' || c > '9' || number > UINT32_MAX) {
            return fail(errc::bad_data, "there is no user " + quoted(user) + " on this machine");
        }
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (number >= UINT32_MAX) return fail(errc::bad_data, quoted(user) + " is no user id");
    return static_cast<std::uint32_t>(number);
}

[[nodiscard]] auto plan_processes(const config::arguments& line, machine& here) -> result<planned_check> {
    process_filter filter{.name = line.value("name").value_or(""), .cmdline = line.value("cmdline").value_or("")};
    const auto user = line.value("user");
    count_range range;
    if (const auto count = line.value("count")) {
        const auto parsed = parse_count(*count);
        if (!parsed) return fail(errc::usage, "--count: " + parsed.error().message);
        range = *parsed;
    }
    process_filter shown = filter;
    if (user) shown.user = 0;  // who that is is found out when it is looked for
    if (auto valid = validate(shown); !valid) {
        const std::string which = valid.error().code == errc::bad_data ? "--cmdline: " : "";
        return fail(errc::usage, which + valid.error().message + see_help(line));
    }
    planned_check plan{.subject = subject_of(line)};
    plan.look = [&here, filter, user, range]() mutable -> observed {
        if (user) {
            const auto uid = uid_of(*user, here.accounts);
            if (!uid) return {observation::unknown, uid.error().message};
            filter.user = *uid;
        }
        return process_probe{filter, range, here.files}();
    };
    return plan;
}

[[nodiscard]] auto plan_process(const config::arguments& line, machine& here) -> result<planned_check> {
    const auto arguments = line.value("nagiosargs");
    for (const std::string_view option : {"name", "cmdline", "user", "count"}) {
        if (!arguments || !line.has(option)) continue;
        return fail(errc::usage, "-n/--nagiosargs and --" + std::string{option} +
                                     " exclude each other: the one asks check_procs, the other looks itself" +
                                     see_help(line));
    }
    if (arguments) return plan_plugin(line, *arguments, here);
    if (line.has("plugin")) return fail(errc::usage, "--plugin needs -n/--nagiosargs" + see_help(line));
    if (!line.has("name") && !line.has("cmdline") && !line.has("user")) {
        return fail(errc::usage, "one of -n/--nagiosargs, --name, --cmdline and -u/--user is missing" + see_help(line));
    }
    return plan_processes(line, here);
}

}  // namespace

auto subject_of(const config::arguments& line) -> check_subject {
    const auto value = [&](std::string_view option) { return line.value(option).value_or(""); };
    const std::string& kind = line.words.subject;
    if (kind == "servicegroup") {
        const std::string names = value("service");
        return {.kind = kind, .name = names, .key = "services", .members = split_at_commas(names)};
    }
    if (kind == "crontab" && !line.has("nagiosargs")) {
        const std::string user = value("user");
        return {.kind = kind, .name = user, .title = user.empty() ? "" : "the crontab of " + user};
    }
    if (line.has("nagiosargs")) {
        const std::string arguments = value("nagiosargs");
        return {.kind = "process",
                .name = arguments,
                .title = "check_procs " + one_line(arguments, 200),
                .key = "nagiosArgs"};
    }
    if (kind == "process") {
        process_filter filter{.name = value("name"), .cmdline = value("cmdline")};
        if (line.has("user")) filter.user = 0;  // who that is is found out when it is looked for
        const bool any = line.has("user") || !filter.name.empty() || !filter.cmdline.empty();
        return {.kind = kind, .name = any ? describe(filter, value("user")) : ""};
    }
    return {.kind = kind, .name = value("service")};
}

auto see_help(const config::arguments& line) -> std::string {
    return "; see powerconsul check " + line.words.subject + " --help";
}

auto plan_check(const config::arguments& line, const configuration& chosen, machine& here) -> result<planned_check> {
    if (line.words.subject == "service") return plan_service(line, chosen, here);
    if (line.words.subject == "servicegroup") return plan_servicegroup(line, chosen, here);
    if (line.words.subject == "process") return plan_process(line, here);
    if (!line.has("nagiosargs")) {
        if (line.has("plugin")) return fail(errc::usage, "--plugin needs -n/--nagiosargs" + see_help(line));
        return plan_crontab(line, here);
    }
    for (const std::string_view option : {"user", "pattern", "crontab-dir"}) {
        if (!line.has(option)) continue;
        return fail(errc::usage, "-n/--nagiosargs and --" + std::string{option} +
                                     " exclude each other: the one asks for processes, the other for a crontab" +
                                     see_help(line));
    }
    return plan_process(line, here);
}

}  // namespace powerconsul::cli
