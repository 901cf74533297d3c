#pragma once

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/adapters/posix/log.hpp>
#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "http.hpp"
#include "units.hpp"

namespace powerconsul::cli {

/// This machine, as every command gets it. The log is the caller's.
using this_host = posix_host<any_transport, posix_log&, systemd_units, web_pages>;

/// The transport to the agent or to the store file that was chosen. Fails with errc::configuration when the address or
/// a certificate cannot be used.
[[nodiscard]] auto make_transport(const configuration& chosen) -> result<any_transport>;

/// Fails as make_transport() does.
[[nodiscard]] inline auto make_host(const configuration& chosen, posix_log& log) -> result<this_host> {
    return make_transport(chosen).transform([&](any_transport&& consul) { return this_host{std::move(consul), log}; });
}

}  // namespace powerconsul::cli
