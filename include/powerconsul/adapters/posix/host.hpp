#pragma once

#include <array>

#include <unistd.h>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/dialer.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/adapters/posix/supervisor.hpp>
#include <powerconsul/adapters/thread_runner.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0 {

/// The machine's host name; empty if the system does not give one.
[[nodiscard]] inline auto host_name() -> std::string {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string{name.data()} : std::string{};
}

/// This machine as a host. The caller chooses how Consul is asked. `Log` may be a reference. With systemd_bus as
/// `Units`, systemd is asked over its bus rather than through systemctl, and gives jobs scopes of their own; with
/// httplib_web as `Web`, web servers can be asked.
template <http_transport Transport, typename Log = no_event_log, unit_source Units = no_unit_source,
          web_client Web = no_web_client>
struct posix_host {
    using scopes = std::conditional_t<scope_maker<Units>, Units, no_scopes>;

    explicit posix_host(Transport transport, Log events = {}, Units systemd = {}, Web pages = {})
        : consul{std::move(transport)},
          jobs{scopes_of(systemd)},
          units{std::move(systemd)},
          log{static_cast<Log&&>(events)},
          web{std::move(pages)} {}

    Transport consul;
    posix_clock clock{};
    posix_files files{};
    posix_spawn_executor programs{};
    posix_supervisor<scopes> jobs;
    Units units;
    posix_accounts users{};
    Log log;
    posix_dialer network{};
    Web web;
    thread_runner tasks{};
    std::string name{host_name()};

private:
    [[nodiscard]] static auto scopes_of([[maybe_unused]] const Units& systemd) -> scopes {
        if constexpr (scope_maker<Units>)
            return systemd;
        else
            return {};
    }
};

}  // namespace powerconsul::inline v0
