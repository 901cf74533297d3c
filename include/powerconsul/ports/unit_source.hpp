#pragma once

#include <concepts>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// What `systemctl show` says of one unit.
struct unit_state {
    std::string load{};    ///< loaded, not-found, masked, ...
    std::string active{};  ///< active, inactive, failed, ...
    std::string sub{};     ///< finer, by unit type: running, exited, auto-restart, ...
    std::string source{};  ///< the file that the unit was generated from, empty for most; see may_be_generated()
};

/// Whether the unit's source counts: a unit that systemd-sysv-generator made from an init script stays `active
/// (exited)` when its processes are gone, since it has RemainAfterExit=yes and no PID file that systemd would watch.
[[nodiscard]] inline auto may_be_generated(const unit_state& unit) -> bool {
    return unit.active == "active" && unit.sub == "exited";
}

/// Asks systemd itself, rather than through a program, for the state of one unit, as one consistent answer that is what
/// `systemctl show` would have said; `source` may be left out where it does not count. `unit` is a whole name as
/// systemd writes it, see mangled_unit_name(). The time that the answer took is subtracted from `left`. Fails with
/// errc::timed_out if `left` ran out first. Any other error means that systemd has to be asked in another way. Never
/// starts, stops or changes anything.
template <typename T>
concept unit_source = requires(T& source, std::string_view unit, milliseconds& left) {
    { source.ask(unit, left) } -> std::same_as<result<unit_state>>;
};

/// Models `unit_source` where there is none: systemctl is asked.
struct no_unit_source {
    [[nodiscard]] auto ask(std::string_view, milliseconds&) const -> result<unit_state> {
        return fail(errc::unavailable, "systemd cannot be asked but through systemctl");
    }
};

}  // namespace powerconsul::inline v0
