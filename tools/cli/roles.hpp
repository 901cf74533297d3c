#pragma once

#include <string>
#include <string_view>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "exit_code.hpp"
#include "host.hpp"
#include "options.hpp"

namespace powerconsul::cli {

/// The value of an option that has to be there; errc::usage if it is not. `spelling` is for the message:
/// `-S/--consulservice`.
[[nodiscard]] auto required(const config::arguments& line, std::string_view option, std::string_view spelling)
    -> result<std::string>;

/// This node's role for a Consul service, from the agent or the store that was chosen. Asks for at most five eighths of
/// the command's time: when Consul hangs, there must still be time to hold the service against the last known role.
/// Fails with errc::usage or errc::configuration where nothing could be asked.
[[nodiscard]] auto resolve(const configuration& chosen, std::string_view service, posix_clock& time)
    -> result<resolution>;

/// `powerconsul role`: prints role, expectation and why to `out`.
[[nodiscard]] auto run_role(const config::arguments& line, const configuration& chosen, std::string& out)
    -> result<exit_code>;

}  // namespace powerconsul::cli
