#pragma once

#include <array>
#include <concepts>
#include <vector>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// What `systemctl show` says of one unit. What the unit's type or systemd's version does not have stays empty or 0.
struct unit_state {
    std::string load{};           ///< loaded, not-found, masked, ...
    std::string active{};         ///< active, inactive, failed, ...
    std::string sub{};            ///< finer, by unit type: running, exited, auto-restart, ...
    std::string source{};         ///< the file that the unit was generated from, empty for most
    std::string id{};             ///< the unit's own name, also where it was asked for by an alias
    std::string type{};           ///< of a service: oneshot, simple, forking, notify, ...
    std::string control_group{};  ///< path from the root of the hierarchy; empty if systemd has removed the group
    std::uint64_t main_process{};
    std::uint64_t restarts{};               ///< by systemd itself, since the unit was started by somebody else
    milliseconds active_since{};            ///< when it last became active, on CLOCK_MONOTONIC
    milliseconds starting_since{};          ///< when it last ceased to be inactive, on CLOCK_MONOTONIC
    bool wanted{};                          ///< another unit wants or requires it
    std::vector<std::string> commands{};    ///< all that it runs to start and to stop; arguments joined by blanks
    std::vector<std::string> companions{};  ///< the units that it wants or requires
    std::vector<std::string> parts{};       ///< the loaded units that say that they are part of it
};

/// The properties that make up a unit_state, as systemd calls them.
inline constexpr std::array<std::string_view, 24> unit_properties{"LoadState",
                                                                  "ActiveState",
                                                                  "SubState",
                                                                  "SourcePath",
                                                                  "Id",
                                                                  "Type",
                                                                  "ControlGroup",
                                                                  "MainPID",
                                                                  "NRestarts",
                                                                  "ActiveEnterTimestampMonotonic",
                                                                  "InactiveExitTimestampMonotonic",
                                                                  "WantedBy",
                                                                  "RequiredBy",
                                                                  "BoundBy",
                                                                  "UpheldBy",
                                                                  "ExecStartPre",
                                                                  "ExecStart",
                                                                  "ExecStartPost",
                                                                  "ExecStop",
                                                                  "ExecStopPost",
                                                                  "Wants",
                                                                  "Requires",
                                                                  "BindsTo",
                                                                  "ConsistsOf"};

/// Sets what one of the unit_properties stands for. `value` is as systemctl prints it: a list is separated by blanks.
/// A command is only its words, and a second value of the same name is a second command. False if the value is no
/// number where systemd has one.
[[nodiscard]] inline auto set_property(unit_state& unit, std::string_view name, std::string_view value) -> bool {
    if (name.starts_with("Exec")) {
        unit.commands.emplace_back(value);
        return true;
    }
    if (name.ends_with("By")) {
        unit.wanted = unit.wanted || !value.empty();
        return true;
    }
    if (is_one_of(name, {"Wants", "Requires", "BindsTo", "ConsistsOf"})) {
        auto& units = name == "ConsistsOf" ? unit.parts : unit.companions;
        while (!value.empty()) units.emplace_back(next_part(value, ' '));
        return true;
    }
    if (is_one_of(name, {"MainPID", "NRestarts", "ActiveEnterTimestampMonotonic", "InactiveExitTimestampMonotonic"})) {
        const auto number = whole_number(value);
        const milliseconds time{static_cast<std::int64_t>(number.value_or(0) / 1000)};
        if (name == "MainPID") unit.main_process = number.value_or(0);
        if (name == "NRestarts") unit.restarts = number.value_or(0);
        if (name == "ActiveEnterTimestampMonotonic") unit.active_since = time;
        if (name == "InactiveExitTimestampMonotonic") unit.starting_since = time;
        return number.has_value();
    }
    auto& text = name == "LoadState"     ? unit.load
                 : name == "ActiveState" ? unit.active
                 : name == "SubState"    ? unit.sub
                 : name == "SourcePath"  ? unit.source
                 : name == "Id"          ? unit.id
                 : name == "Type"        ? unit.type
                                         : unit.control_group;
    text = value;
    return true;
}

/// Asks systemd itself, rather than through a program. `ask`: the state of one unit, as one consistent answer; `unit`
/// is a whole name as systemd writes it, see mangled_unit_name(). `matching`: the states of all units that systemd has
/// loaded and whose names match a shell pattern, in any order. The time that the answer took is subtracted from `left`.
/// Both fail with errc::timed_out if `left` ran out first. Any other error means that systemd has to be asked in
/// another way. Never starts, stops or changes anything.
template <typename T>
concept unit_source = requires(T& source, std::string_view unit, milliseconds& left) {
    { source.ask(unit, left) } -> std::same_as<result<unit_state>>;
    { source.matching(unit, left) } -> std::same_as<result<std::vector<unit_state>>>;
};

/// Models `unit_source` where there is none: systemctl is asked.
struct no_unit_source {
    [[nodiscard]] auto ask(std::string_view, milliseconds&) const -> result<unit_state> { return nobody(); }
    [[nodiscard]] auto matching(std::string_view, milliseconds&) const -> result<std::vector<unit_state>> {
        return nobody();
    }

private:
    [[nodiscard]] static auto nobody() -> unexpected {
        return fail(errc::unavailable, "systemd cannot be asked but through systemctl");
    }
};

}  // namespace powerconsul::inline v0
