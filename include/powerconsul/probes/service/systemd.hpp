#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/unit_source.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/sysv.hpp>

namespace powerconsul::inline v0 {

// --- names ---

/// The name with `.service` after it, unless it names a unit type already.
[[nodiscard]] inline auto unit_name(std::string_view name) -> std::string {
    constexpr std::array<std::string_view, 11> types{".service",   ".socket", ".target", ".timer", ".mount", ".path",
                                                     ".automount", ".slice",  ".scope",  ".swap",  ".device"};
    const bool typed =
        algo::any_of(types, [&](auto type) { return name.size() > type.size() && name.ends_with(type); });
    return std::string{name} + (typed ? "" : ".service");
}

/// The name as systemctl passes it to systemd: bytes that no unit name can hold are written as \xNN.
[[nodiscard]] inline auto mangled_unit_name(std::string_view name) -> std::string {
    std::string mangled;
    for (const char c : name) {
        const bool plain = ascii::is_alphanumeric(c) || std::string_view{":-_.\\@"}.find(c) != std::string_view::npos;
        mangled += plain ? std::string(1, c) : "\\x" + ascii::hexadecimal(static_cast<unsigned char>(c), 2);
    }
    return mangled;
}

/// The pattern of the names that the instances of a service's template have; empty if it can have none.
[[nodiscard]] inline auto instance_pattern(std::string_view service) -> std::string {
    constexpr std::string_view type = ".service";
    if (!service.ends_with(type) || service.find('@') != std::string_view::npos) return {};
    service.remove_suffix(type.size());
    return std::string{service} + "@*" + std::string{type};
}

// --- reading ---

namespace detail {

/// Parses one unit's lines `Property=value`.
[[nodiscard]] inline auto read_properties(std::string_view lines) -> result<unit_state> {
    unit_state unit;
    std::array<bool, unit_properties.size()> seen{};
    while (!lines.empty()) {
        const std::string_view line = next_part(lines, '\n');
        const auto name = line.substr(0, line.find('='));
        const auto known = algo::find(unit_properties, name);
        if (name.size() == line.size() || known == unit_properties.end()) continue;
        auto value = line.substr(name.size() + 1);
        if (name.starts_with("Exec")) {
            // { path=/bin/a ; argv[]=/bin/a -b ; ignore_errors=no ; ... }
            constexpr std::string_view before = "argv[]=";
            const auto words = value.find(before);
            if (words == std::string_view::npos) continue;
            value.remove_prefix(words + before.size());
            value = value.substr(0, value.find(" ; ignore_errors="));
        } else if (std::exchange(seen[static_cast<std::size_t>(known - unit_properties.begin())], true)) {
            return fail(errc::bad_data, "systemctl answers with more than one " + std::string{name});
        }
        if (!set_property(unit, name, value)) {
            return fail(errc::bad_data, "systemctl answers with no number as " + std::string{name});
        }
    }
    for (const auto& [value, name] : {std::pair{&unit.load, "LoadState"}, std::pair{&unit.active, "ActiveState"},
                                      std::pair{&unit.sub, "SubState"}}) {
        if (value->empty()) return fail(errc::bad_data, "systemctl answers without " + std::string{name});
    }
    return unit;
}

[[nodiscard]] inline auto check_systemctl(const outcome& end) -> result<void> {
    if (end.how == ending::timed_out) return fail(errc::timed_out, "systemctl did not answer in time");
    if (end.how == ending::signalled) {
        return fail(errc::failed, "systemctl was ended by signal " + std::to_string(end.status));
    }
    if (end.status == 0) return {};
    return fail(errc::unavailable, "systemctl exits " + std::to_string(end.status) + detail::said(end));
}

}  // namespace detail

/// Parses the output of `systemctl show` with the unit_properties, for one unit. Fails with errc::bad_data if it is
/// incomplete or ambiguous, errc::timed_out, errc::failed after a signal and errc::unavailable for any exit status
/// but 0.
[[nodiscard]] inline auto read_unit_state(const outcome& end) -> result<unit_state> {
    if (auto ended = detail::check_systemctl(end); !ended) return unexpected{std::move(ended).error()};
    return detail::read_properties(end.out);
}

/// Like read_unit_state(), for any number of units with blank lines between them.
[[nodiscard]] inline auto read_unit_states(const outcome& end) -> result<std::vector<unit_state>> {
    if (auto ended = detail::check_systemctl(end); !ended) return unexpected{std::move(ended).error()};
    std::vector<unit_state> units;
    for (std::string_view rest = trimmed(end.out, "\n"); !rest.empty();) {
        const std::string_view block = rest.substr(0, rest.find("\n\n"));
        rest = trimmed(rest.substr(block.size()), "\n");
        auto unit = detail::read_properties(block);
        if (!unit) return unexpected{std::move(unit).error()};
        if (unit->id.empty()) return fail(errc::bad_data, "systemctl answers without Id");
        units.push_back(*std::move(unit));
    }
    return units;
}

/// The name of the init script in init_directory that must be asked instead of systemd; empty if there is none. A unit
/// that systemd-sysv-generator made from an init script stays `active (exited)` when its processes are gone, since it
/// has RemainAfterExit=yes and no PID file that systemd would watch.
[[nodiscard]] inline auto script_behind(const unit_state& unit, std::string_view init_directory) -> std::string_view {
    const std::string_view source = unit.source;
    const bool generated = source.size() > init_directory.size() + 1 && source.starts_with(init_directory) &&
                           source[init_directory.size()] == '/';
    if (!generated || unit.active != "active" || unit.sub != "exited") return {};
    const auto name = source.substr(init_directory.size() + 1);
    return name.find('/') == std::string_view::npos ? name : std::string_view{};
}

// --- meaning ---

/// Whether a unit has any process, as far as can be seen.
enum class unit_processes : unsigned char { unknown, none, some };

/// Whether a service has done what it was started for, or stands for others, and none of its processes is left.
[[nodiscard]] inline auto is_over(const unit_state& unit, unit_processes processes) -> bool {
    return unit.active == "active" && unit.sub == "exited" && !unit.type.empty() && processes != unit_processes::some;
}

/// Whether no command of a service does anything, as in Debian's postgresql.service (ExecStart=/bin/true): it stands
/// for other units. A service that only does something when it is stopped is none of these.
[[nodiscard]] inline auto runs_nothing_itself(const unit_state& unit) -> bool {
    const auto does_nothing = [](std::string_view command) {
        const std::string_view name = base_name(next_part(command, ' '));
        if (is_one_of(name, {"true", "echo", ":"})) return true;
        return is_one_of(name, {"sh", "bash", "dash"}) &&
               is_one_of(command, {"-c :", "-c true", "-c /bin/true", "-c /usr/bin/true", "-c exit", "-c exit 0"});
    };
    return unit.type == "oneshot" && !unit.commands.empty() && algo::all_of(unit.commands, does_nothing);
}

/// Whether systemd restarts a unit that ended by itself: it waits to do so, has just done it, or did it less than a
/// minute ago. `now` is on CLOCK_MONOTONIC.
[[nodiscard]] inline auto is_restarted(const unit_state& unit, milliseconds now) -> bool {
    if (unit.active == "activating") return unit.restarts > 0 || unit.sub.starts_with("auto-restart");
    return unit.restarts > 0 && unit.active != "inactive" && unit.active != "failed" &&
           now - unit.active_since < seconds(60);
}

/// What a unit's state means. Any state that is not listed here is unknown. `now` is on CLOCK_MONOTONIC.
///
/// A service that is `active (exited)` has RemainAfterExit=yes. That is how a oneshot that has done something says that
/// it is in effect, but proves nothing where processes are meant to stay and none is left. They may have left for
/// another control group, as with `su -`, hence unknown rather than stopped.
[[nodiscard]] inline auto interpret_unit(const unit_state& unit, std::string_view name, milliseconds now,
                                         unit_processes processes = unit_processes::unknown) -> observed {
    using enum observation;
    const std::string& active = unit.active;
    const auto named = "unit " + one_line(name, 80);
    const bool odd_load = unit.load != "loaded";
    auto reason = named + " is " + one_line(active, 40) + " (" + one_line(unit.sub, 40) + ')';
    if (odd_load) reason += ", its file is " + one_line(unit.load, 40);
    // The same words in all phases of a crash loop.
    if (is_restarted(unit, now)) return {degraded, named + " ended and is restarted by systemd"};
    if (is_over(unit, processes)) {
        if (unit.type != "oneshot") return {unknown, reason + " by RemainAfterExit=, but its processes have ended"};
        // systemd removes the control group of a oneshot that leaves no process behind.
        if (!unit.control_group.empty() && processes == unit_processes::none) {
            return {unknown, reason + ", but the processes that it left running have ended"};
        }
        if (runs_nothing_itself(unit)) {
            reason += " and runs nothing itself";
            auto services = unit.companions;
            services.insert(services.end(), unit.parts.begin(), unit.parts.end());
            std::erase_if(services, [](const auto& each) { return !each.ends_with(".service"); });
            algo::sort(services);
            services.erase(std::unique(services.begin(), services.end()), services.end());
            if (!services.empty()) return {unknown, reason + ": ask for " + one_line(listed(services, "or"), 300)};
            const auto pattern = instance_pattern(name);
            return {unknown, reason + (pattern.empty() ? "" : "; systemd has loaded no " + one_line(pattern, 80))};
        }
    }
    if (active == "active" && unit.sub == "running" && !unit.type.empty() && processes == unit_processes::none) {
        return {unknown, reason + ", but no process of it is left"};
    }
    if (active == "active" || active == "reloading" || active == "deactivating") return {running, std::move(reason)};
    if (active == "activating") {
        // A oneshot is activating for as long as it works.
        const bool too_long =
            unit.type != "oneshot" && unit.starting_since.count > 0 && now - unit.starting_since >= seconds(600);
        if (too_long) return {degraded, reason + " for more than ten minutes"};
        return {running, std::move(reason)};
    }
    if (unit.load == "not-found") {
        return {unknown, "systemd knows no " + named};
    }
    if (active == "inactive" || active == "failed") {
        if (unit.load == "masked") reason = named + " is masked and " + active;
        return {stopped, std::move(reason)};
    }
    if (active == "maintenance") return {degraded, std::move(reason)};
    return {unknown, std::move(reason)};
}

/// Whether an instance of a template counts: one that is up, and one that failed or is wanted, unless somebody masked
/// it or its template is gone. systemd has also loaded others, such as those that some unit is only ordered after.
[[nodiscard]] inline auto counts_as_instance(const unit_state& instance) -> bool {
    const bool failed = instance.active == "failed";
    if (!failed && instance.active != "inactive") return true;
    return (failed || instance.wanted) && instance.load != "not-found" && instance.load != "masked";
}

/// Whether a part of a target counts: also, a oneshot that is over has done its work.
[[nodiscard]] inline auto counts_as_part(const unit_state& part) -> bool {
    return counts_as_instance(part) && (part.active != "inactive" || part.type != "oneshot");
}

/// Whether `name` is the unit's: whole, without its type, or its instance alone: `db@main.service`, `db@main`, `main`.
[[nodiscard]] constexpr auto is_unit(std::string_view unit, std::string_view name) -> bool {
    const auto stem = unit.substr(0, unit.rfind('.'));
    const auto at = stem.find('@');
    return name == unit || name == stem || (at != std::string_view::npos && name == stem.substr(at + 1));
}

/// What the units that a unit stands for, by their names, mean for it. There is at least one. `what` they are: its
/// instances or its parts.
[[nodiscard]] inline auto interpret_members(std::string_view name, std::string_view what,
                                            std::vector<std::pair<std::string, observation>> members) -> observed {
    using enum observation;
    algo::sort(members);
    std::string reason = "unit " + one_line(name, 80) + " stands for its " + std::string{what};
    std::vector<observation> seen;
    for (const auto state : {running, degraded, stopped, unknown}) {
        std::vector<std::string> names;
        for (const auto& each : members) {
            if (each.second == state) names.push_back(one_line(each.first, 80));
        }
        if (names.empty()) continue;
        reason += (seen.empty() ? ", " : "; ") + std::string{to_string(state)} + ": " + one_line(listed(names), 200);
        seen.push_back(state);
    }
    const auto has = [&](observation state) { return algo::find(seen, state) != seen.end(); };
    if (has(degraded) || (has(running) && has(stopped))) return {degraded, std::move(reason)};
    return {has(unknown) ? unknown : seen.front(), std::move(reason)};
}

}  // namespace powerconsul::inline v0
