#pragma once

/// What a program needs that checks services of this machine by its role: one header for the shipped kinds of check,
/// the machine and the connection to Consul's agent. It can be used in two ways, with the same source:
///
/// - with the package powerconsul-httplib everything is compiled where this is included;
/// - with powerconsul-posix, a static library beside the headers, which defines POWERCONSUL_POSIX_COMPILED, the slow
///   part is compiled already: cpp-httplib, and checks::run() on this_machine for each shipped kind of check.

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/checks/kinds/all.hpp>
#include <powerconsul/checks/report.hpp>
#include <powerconsul/checks/run_options.hpp>
#include <powerconsul/consul/connection.hpp>
#if !defined(POWERCONSUL_POSIX_COMPILED)
#include <powerconsul/adapters/httplib/transport.hpp>
#include <powerconsul/checks/run.hpp>
#endif

namespace powerconsul::inline v0 {

#if defined(POWERCONSUL_POSIX_COMPILED)

/// The transport to a real agent. Fails with errc::configuration when an option cannot be used.
[[nodiscard]] auto make_http_transport(const consul_access& access) -> result<any_transport>;

/// Web servers, for checks of the kind http.
struct web_pages {
    [[nodiscard]] auto get(const std::string& origin, const std::string& target, milliseconds timeout) const
        -> result<int>;
};

#else

[[nodiscard]] inline auto make_http_transport(const consul_access& access) -> result<any_transport> {
    auto made = httplib_transport::create(access);
    if (!made) return unexpected{std::move(made).error()};
    return any_transport{std::move(*made)};
}

using web_pages = httplib_web;

#endif

/// This machine, with systemd asked through systemctl. It keeps no log.
using this_machine = posix_host<any_transport, no_event_log, no_unit_source, web_pages>;

#if defined(POWERCONSUL_POSIX_COMPILED)

namespace checks {

/// As checks/run.hpp has it, which is only needed for other machines and for kinds of one's own.
[[nodiscard]] auto run(this_machine& here, const service& what, std::string_view consul_service, run_options how = {})
    -> check_report;
[[nodiscard]] auto run(this_machine& here, const servicegroup& what, std::string_view consul_service,
                       run_options how = {}) -> check_report;
[[nodiscard]] auto run(this_machine& here, const crontab& what, std::string_view consul_service, run_options how = {})
    -> check_report;
[[nodiscard]] auto run(this_machine& here, const process& what, std::string_view consul_service, run_options how = {})
    -> check_report;
[[nodiscard]] auto run(this_machine& here, const tcp& what, std::string_view consul_service, run_options how = {})
    -> check_report;
[[nodiscard]] auto run(this_machine& here, const http& what, std::string_view consul_service, run_options how = {})
    -> check_report;

}  // namespace checks

#endif

}  // namespace powerconsul::inline v0
