#pragma once

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/adapters/posix/log.hpp>
#if defined(POWERCONSUL_WITH_SYSTEMD)
#include <powerconsul/adapters/systemd_bus.hpp>
#endif

#include "commands.hpp"
#include "http.hpp"

namespace powerconsul::cli {

/// systemd over its bus where the build has it, else nothing. Each question has a connection of its own.
struct systemd_units {
#if defined(POWERCONSUL_WITH_SYSTEMD)
    using source = systemd_bus;
    using scopes = systemd_bus;
#else
    using source = no_unit_source;
    using scopes = no_scopes;
#endif

    [[nodiscard]] auto ask(std::string_view unit, milliseconds& left) const -> result<unit_state> {
        return source{}.ask(unit, left);
    }
    [[nodiscard]] auto matching(std::string_view pattern, milliseconds& left) const -> result<std::vector<unit_state>> {
        return source{}.matching(pattern, left);
    }
    [[nodiscard]] auto open_scope(const wanted_scope& wanted, milliseconds& left) const -> result<std::string> {
        return scopes{}.open_scope(wanted, left);
    }
};

/// This machine, as commands get it that look at services or act. The log is the caller's.
using this_host = posix_host<any_transport, posix_log&, systemd_units, web_pages>;
/// This machine for commands that do neither.
using quiet_host = posix_host<any_transport>;

/// The transport to the agent or to the store file that was chosen. Fails with errc::configuration when the address or
/// a certificate cannot be used.
[[nodiscard]] auto make_transport(const configuration& chosen) -> result<any_transport>;

/// Fails as make_transport() does.
[[nodiscard]] inline auto make_host(const configuration& chosen, posix_log& log) -> result<this_host> {
    return make_transport(chosen).transform([&](any_transport&& consul) { return this_host{std::move(consul), log}; });
}
[[nodiscard]] inline auto make_host(const configuration& chosen) -> result<quiet_host> {
    return make_transport(chosen).transform([](any_transport&& consul) { return quiet_host{std::move(consul)}; });
}

}  // namespace powerconsul::cli
