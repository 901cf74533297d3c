#pragma once

#include <array>
#include <string>
#include <string_view>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Who starts and stops services on this machine, and so knows whether they run.
enum class service_manager : unsigned char { systemd, sysv, openrc };

inline constexpr std::array service_managers{service_manager::systemd, service_manager::sysv, service_manager::openrc};

[[nodiscard]] constexpr auto to_string(service_manager value) -> std::string_view {
    switch (value) {
        case service_manager::systemd: return "systemd";
        case service_manager::sysv: return "sysv";
        case service_manager::openrc: break;
    }
    return "openrc";
}

[[nodiscard]] inline auto parse_service_manager(std::string_view name) -> result<service_manager> {
    for (const auto each : service_managers) {
        if (to_string(each) == name) return each;
    }
    return fail(errc::usage,
                quoted(name) + " is not a service manager that is known here, expected systemd, sysv or openrc");
}

/// The manager that runs this machine, found the way sd_booted(3) does it: by what the manager itself puts below /run.
/// Where neither systemd nor OpenRC runs, init scripts count as sysv. Fails with errc::unavailable if there are none.
template <file_source Files>
[[nodiscard]] auto detect_service_manager(Files& files) -> result<service_manager> {
    struct sign {
        const char* path;
        service_manager manager;
    };
    // On some systems /etc/init.d is a symbolic link; the other two never are.
    constexpr std::array signs{sign{"/run/systemd/system", service_manager::systemd},
                               sign{"/run/openrc", service_manager::openrc},
                               sign{"/etc/init.d", service_manager::sysv}};
    for (const auto& [path, manager] : signs) {
        auto seen = files.status(path);
        if (!seen) return unexpected{std::move(seen).error()};
        if (!*seen) continue;
        const auto kind = (*seen)->kind;
        if (kind == file_kind::directory || (kind == file_kind::symlink && manager == service_manager::sysv)) {
            return manager;
        }
    }
    return fail(errc::unavailable,
                "no service manager was found (none of the directories /run/systemd/system, /run/openrc and "
                "/etc/init.d exists), name one: systemd, sysv or openrc",
                "serviceManager");
}

/// Fails with errc::usage for a name that cannot be passed to a service manager, such as a path, a pattern or an
/// option.
[[nodiscard]] inline auto validate_local_service(std::string_view name) -> result<void> {
    constexpr std::string_view others = "@_.:+\\-";
    const auto refuse = [&](std::string_view why) {
        return fail(errc::usage, quoted(name) + " cannot be the name of a local service: " + std::string{why});
    };
    if (name.empty()) return refuse("it is empty");
    if (name.size() > 255) return refuse("it is longer than 255 bytes");
    if (name.front() == '-' || name.front() == '.') return refuse("it starts with a hyphen or a dot");
    for (const char c : name) {
        if (!ascii::is_alphanumeric(c) && others.find(c) == std::string_view::npos) {
            return refuse("only letters, digits and @ _ . : + \\ - are expected");
        }
    }
    return {};
}

}  // namespace powerconsul::inline v0
