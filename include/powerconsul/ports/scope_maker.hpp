#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

/// What every scope's name begins with that a job has to itself. Nothing else may be named so: at a job's time-out all
/// of its scope is ended.
inline constexpr std::string_view job_scope_prefix = "powerconsul-";

struct wanted_scope {
    std::string name{};  ///< without ".scope"; any bytes but NUL, what no unit's name may have is escaped
    std::string about{};
    std::vector<std::uint32_t> processes{};
};

/// Puts processes of this machine into a scope of systemd, a unit and control group of their own that no other unit's
/// restart ends. It lives until its last process has ended. `open_scope` gives the unit's whole name, which has a
/// suffix if there is a unit of that name already; the time that it took is subtracted from `left`. Fails with
/// errc::unsupported where scopes are not to be had at all (no systemd, no root), and else with the reason; then the
/// processes stay where they are. An object is copied for each call, so that several threads may use it.
template <typename T>
concept scope_maker = std::copy_constructible<T> &&
    requires(T& scopes, const wanted_scope& wanted, milliseconds& left) {
    { scopes.open_scope(wanted, left) } -> std::same_as<result<std::string>>;
};

/// Models `scope_maker` where there is no systemd.
struct no_scopes {
    [[nodiscard]] auto open_scope(const wanted_scope&, milliseconds&) const -> result<std::string> {
        return fail(errc::unsupported, "there is no systemd to make a scope");
    }
};

}  // namespace powerconsul::inline v0
