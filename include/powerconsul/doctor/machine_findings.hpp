#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/config/configuration.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/doctor/called_checks.hpp>
#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/machine.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

/// What doctor looks at on the machine itself. `checks` has the agent's checks that call powerconsul; nothing if they
/// are not known.
namespace powerconsul::inline v0 {

namespace detail {

/// Files on behalf of another user: the agent's, who runs the checks.
template <file_source Files>
struct files_of_user {
    Files& files;
    std::uint32_t id{};

    [[nodiscard]] auto status(const std::string& path) { return files.status(path); }
    [[nodiscard]] auto read(const std::string& path, std::size_t limit) { return files.read(path, limit); }
    [[nodiscard]] auto user() const -> std::uint32_t { return id; }
};

/// Whether `user` can write a directory. The system answers only for the current user; for another, owner and mode
/// decide. Root may write anywhere.
template <file_source Files, local_machine Machine>
[[nodiscard]] auto can_write(Files& files, Machine& machine, const std::string& path, std::uint32_t user) -> bool {
    if (user == files.user()) return machine.can_write(path);
    const auto seen = files.status(path);
    if (user == 0 || !seen || !*seen) return user == 0;
    const std::uint32_t needed = (*seen)->uid == user ? 0300U : 0003U;
    return ((*seen)->mode & needed) == needed;
}

/// The path of a record modified more than a minute after `now` (wall clock); empty if there is none.
template <directory_source Files>
[[nodiscard]] auto record_from_future(Files& files, const std::string& state_dir, milliseconds now) -> std::string {
    constexpr std::size_t most_records = 100'000;
    for (const std::string_view folder : {"/last-known/", "/journal/"}) {
        const std::string path = state_dir + std::string{folder};
        auto names = files.list(path.substr(0, path.size() - 1), most_records);
        if (!names || !*names) continue;
        std::ranges::sort(**names);
        for (const auto& each : **names) {
            const auto seen = files.status(path + each);
            if (seen && *seen && (*seen)->modified > now.count / 1000 + 60) return path + each;
        }
    }
    return {};
}

[[nodiscard]] inline auto with_option(const std::optional<std::vector<examined_check>>& checks, std::string_view option)
    -> std::vector<examined_check> {
    auto all = checks.value_or(std::vector<examined_check>{});
    std::erase_if(all, [&](const auto& each) { return !each.line.has(option); });
    return all;
}

}  // namespace detail

/// `user` is the id of the user who runs the checks.
template <file_source Files, local_machine Machine>
[[nodiscard]] auto look_at_state_directory(Files& files, Machine& machine, const std::string& path, std::uint32_t user)
    -> finding {
    detail::files_of_user<Files> theirs{files, user};
    directory_facts facts{.path = path, .trusted = trusted_directory(theirs, path)};
    if (!facts.trusted) return judge_state_directory(facts);
    const auto above = path.rfind('/', path.find_last_not_of('/'));
    const std::string looked = *facts.trusted ? path : above == std::string::npos ? "." : path.substr(0, above + 1);
    facts.writable = detail::can_write(files, machine, looked, user);
    const free_room left = machine.room(looked);
    facts.free_bytes = left.bytes;
    facts.free_files = left.files;
    return judge_state_directory(facts);
}

/// `named` is the manager that the node's configuration names, if it does.
template <file_source Files>
[[nodiscard]] auto look_at_service_manager(Files& files, std::optional<service_manager> named,
                                           const std::optional<std::vector<examined_check>>& checks) -> finding {
    const auto about_services = [](const examined_check& each) {
        return each.line.words.subject == "service" || each.line.words.subject == "servicegroup";
    };
    const bool needed = checks && std::ranges::any_of(*checks, about_services);
    finding found{.point = "service manager", .state = condition::ok};
    const auto manager = named ? result{*named} : detect_service_manager(files);
    if (manager) {
        found.what = to_string(*manager);
        return found;
    }
    if (checks && !needed) {
        found.what = "none was found, and no check needs one";
        return found;
    }
    // Each check may name its own.
    for (const auto& each : checks.value_or(std::vector<examined_check>{})) {
        if (!each.chosen || !each.chosen->manager) continue;
        found.what = "the checks name " + std::string{to_string(*each.chosen->manager)};
        return found;
    }
    found.state = needed ? condition::error : condition::unknown;
    found.what = manager.error().message;
    found.remedy = "set --service-manager";
    return found;
}

template <file_source Files, local_machine Machine>
[[nodiscard]] auto look_at_plugin(Files& files, Machine& machine,
                                  const std::optional<std::vector<examined_check>>& checks) -> finding {
    const std::string point = "plugin";
    const auto users = detail::with_option(checks, "nagiosargs");
    if (users.empty()) {
        return checks ? finding{point, condition::ok, "no check needs check_procs", {}}
                      : finding{point, condition::unknown, "whether a check needs check_procs is not known", {}};
    }
    std::vector<std::string> seen;
    for (const auto& each : users) {
        std::string path = each.line.value("plugin").value_or("");
        if (path.empty()) {
            auto found = find_plugin(files, "check_procs");
            if (!found) return {point, condition::error, found.error().message, "set --plugin"};
            path = std::move(*found);
        }
        if (!machine.can_execute(path)) {
            return {point, condition::error, path + " is not there or cannot be executed",
                    "install monitoring-plugins-basic (Debian), or correct --plugin of check " + each.facts.id};
        }
        if (std::ranges::find(seen, path) == seen.end()) seen.push_back(std::move(path));
    }
    return {point, condition::ok, listed(seen), {}};
}

template <directory_source Files, local_machine Machine>
[[nodiscard]] auto look_at_clock(Files& files, Machine& machine, const std::string& state_dir, milliseconds now)
    -> finding {
    return judge_clock({now, machine.clock_is_synchronized(), detail::record_from_future(files, state_dir, now)});
}

template <file_source Files, local_machine Machine>
[[nodiscard]] auto look_at_noop_files(Files& files, Machine& machine, milliseconds now,
                                      const std::optional<std::vector<examined_check>>& checks)
    -> std::vector<finding> {
    if (!checks) return {{"noop file", condition::unknown, "the agent's checks are not known", "look at each -F"}};
    std::vector<noop_facts> all;
    for (const auto& each : detail::with_option(checks, "noopfile")) {
        noop_facts facts{.path = each.line.value("noopfile").value_or("")};
        const auto age = parse_long_duration(each.line.value("noop-max-age").value_or(""), 3650);
        if (age) facts.max_age = *age;
        const std::string path = machine.real_path(facts.path);
        const auto seen = files.status(path.empty() ? facts.path : path);
        if (!seen) {
            facts.age = unexpected{seen.error()};
        } else if (*seen && (*seen)->kind == file_kind::regular) {
            facts.age = std::optional{milliseconds{now.count - (*seen)->modified * 1000}};
        }
        all.push_back(std::move(facts));
    }
    return judge_noop_files(all);
}

}  // namespace powerconsul::inline v0
