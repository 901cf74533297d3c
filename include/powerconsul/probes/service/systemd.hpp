#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/unit_source.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/sysv.hpp>

namespace powerconsul::inline v0 {

/// The name with `.service` after it, unless it names a unit type already.
[[nodiscard]] inline auto unit_name(std::string_view name) -> std::string {
    constexpr std::array<std::string_view, 11> types{".service",   ".socket", ".target", ".timer", ".mount", ".path",
                                                     ".automount", ".slice",  ".scope",  ".swap",  ".device"};
    const bool typed =
        std::ranges::any_of(types, [&](auto type) { return name.size() > type.size() && name.ends_with(type); });
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

/// Parses the output of `systemctl show --property=LoadState --property=ActiveState --property=SubState
/// --property=SourcePath`. Fails with errc::bad_data if it is incomplete or ambiguous, errc::timed_out, errc::failed
/// after a signal and errc::unavailable for any exit status but 0.
[[nodiscard]] inline auto read_unit_state(const outcome& end) -> result<unit_state> {
    if (end.how == ending::timed_out) return fail(errc::timed_out, "systemctl did not answer in time");
    if (end.how == ending::signalled) {
        return fail(errc::failed, "systemctl was ended by signal " + std::to_string(end.status));
    }
    if (end.status != 0) {
        return fail(errc::unavailable, "systemctl exits " + std::to_string(end.status) + detail::said(end));
    }
    unit_state unit;
    struct property {
        std::string_view name{};
        std::string* value{};
        bool required{};
        bool seen{};
    };
    std::array properties{property{"LoadState", &unit.load, true}, property{"ActiveState", &unit.active, true},
                          property{"SubState", &unit.sub, true}, property{"SourcePath", &unit.source, false}};
    for (std::string_view rest = end.out; !rest.empty();) {
        const std::string_view line = next_part(rest, '\n');
        const std::size_t equals = line.find('=');
        for (auto& each : properties) {
            if (equals == std::string_view::npos || line.substr(0, equals) != each.name) continue;
            if (each.seen) {
                return fail(errc::bad_data, "systemctl answers with more than one " + std::string{each.name});
            }
            each.seen = true;
            *each.value = line.substr(equals + 1);
        }
    }
    for (const auto& each : properties) {
        if (each.required && each.value->empty()) {
            return fail(errc::bad_data, "systemctl answers without " + std::string{each.name});
        }
    }
    return unit;
}

/// The name of the init script in init_directory that must be asked instead of systemd; empty if there is none.
[[nodiscard]] inline auto script_behind(const unit_state& unit, std::string_view init_directory) -> std::string_view {
    const std::string_view source = unit.source;
    const bool generated = source.size() > init_directory.size() + 1 && source.starts_with(init_directory) &&
                           source[init_directory.size()] == '/';
    if (!generated || !may_be_generated(unit)) return {};
    const auto name = source.substr(init_directory.size() + 1);
    return name.find('/') == std::string_view::npos ? name : std::string_view{};
}

/// What a unit's state means. Any state that is not listed here is unknown.
[[nodiscard]] inline auto interpret_unit(const unit_state& unit, std::string_view name) -> observed {
    using enum observation;
    const std::string& active = unit.active;
    const bool odd_load = unit.load != "loaded";
    auto reason = "unit " + one_line(name, 80) + " is " + one_line(active, 40) + " (" + one_line(unit.sub, 40) + ')';
    if (odd_load) reason += ", its file is " + one_line(unit.load, 40);
    if (active == "active" || active == "reloading" || active == "deactivating") return {running, std::move(reason)};
    if (active == "activating") {
        // Between two attempts of a service that ends again and again; systemd 254 adds auto-restart-queued.
        return {unit.sub.starts_with("auto-restart") ? degraded : running, std::move(reason)};
    }
    if (unit.load == "not-found") {
        return {unknown, "systemd knows no unit " + one_line(name, 80)};
    }
    if (active == "inactive" || active == "failed") {
        if (unit.load == "masked") reason = "unit " + one_line(name, 80) + " is masked and " + active;
        return {stopped, std::move(reason)};
    }
    if (active == "maintenance") return {degraded, std::move(reason)};
    return {unknown, std::move(reason)};
}

}  // namespace powerconsul::inline v0
