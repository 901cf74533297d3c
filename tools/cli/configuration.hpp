#pragma once

#include <optional>
#include <string>

#include <powerconsul/adapters/posix/log.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/consul/access.hpp>
#include <powerconsul/consul/health.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/handler.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

#include "run.hpp"
#include "command_line.hpp"

namespace powerconsul::cli {

enum class output_format : unsigned char { by_command, json, text };

/// Who said each part of this node's identity; empty: nobody, it comes from the host name or the agent.
struct identity_sources {
    std::string node{};
    std::string environment{};
    std::string server_role{};
    std::string datacenter{};
};

/// What an invocation comes down to once options, environment and configuration are put together.
struct configuration {
    std::string settings_file{};     ///< the configuration that was read; empty: none
    consul_access consul{};          ///< the default if a store file answers
    std::string http_addr_source{};  ///< who said so, as in "CONSUL_HTTP_ADDR"; empty with a store file
    std::string token_source{};      ///< the same; never the token itself
    std::string store{};             ///< a store file instead of an agent; empty: an agent
    std::string state_dir{};
    std::optional<service_manager> manager{};  ///< nothing: what the machine runs
    output_format format{output_format::by_command};
    milliseconds timeout{};
    int unknown_exit{1};
    resolver_options roles{};
    identity_sources who_sources{};
    watch_options watch{};  ///< without what belongs to one run: state and stop
    std::string stop_file{};
    posix_log_options log{};
    bool log_by_default{true};  ///< nobody said where the log goes
};

/// What is known of a check's time and ending before any file is read: option, environment, default.
struct requested {
    milliseconds timeout{seconds(8)};
    int unknown_exit{1};
    output_format format{output_format::by_command};
};
[[nodiscard]] auto requested_limits(const invocation& call, const command_line& line) -> requested;

/// The configuration of the user's own, which is read where none is named; empty if there is no home directory.
[[nodiscard]] auto own_configuration(const invocation& call) -> result<std::string>;

/// Puts together options, `POWERCONSUL_…`, `CONSUL_…`, the configuration file and the defaults, in that order. Fails
/// with errc::usage for an option or variable, errc::configuration for a file.
[[nodiscard]] auto configure(const invocation& call, const command_line& line) -> result<configuration>;

}  // namespace powerconsul::cli
