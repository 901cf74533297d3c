#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/consul/health.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/log.hpp>

namespace powerconsul::inline v0 {

/// What a configuration file may say of how triggers run and when they are tried again.
struct trigger_settings {
    std::optional<milliseconds> timeout{};
    std::optional<milliseconds> grace{};  ///< between TERM and KILL
    std::optional<milliseconds> backoff{};
    std::optional<milliseconds> max_backoff{};
    std::optional<std::uint32_t> attempts{};  ///< in one incident, 1 to 100
    std::optional<std::uint32_t> parallel{};  ///< triggers at once on this node, 1 to 64
};

/// What a configuration file may say of how Consul is reached: `consul{…}`. Secrets stand in files of their own.
struct consul_settings {
    std::optional<std::string> http_addr{};
    std::optional<std::string> token_file{};
    std::optional<std::string> http_auth_file{};
    std::optional<std::string> ca_file{};
    std::optional<std::string> ca_path{};
    std::optional<std::string> client_cert{};
    std::optional<std::string> client_key{};
    std::optional<std::string> tls_server_name{};
    std::optional<std::string> name_space{};
    std::optional<std::string> partition{};
    std::optional<bool> http_ssl{};
    std::optional<bool> http_ssl_verify{};
};

/// What a configuration file may say. If a member is not set, the option's own default holds.
struct settings {
    std::optional<std::string> service_filter{};
    std::optional<std::string> cluster_key{};
    std::optional<std::string> trigger_key{};
    std::vector<std::pair<std::string, std::string>> substitutions{};  ///< `subVars`, names without `@`
    std::vector<std::string> noop_triggers{};                          ///< services whose triggers never run
    std::optional<std::string> environment{};
    std::optional<std::string> server_role{};
    std::optional<std::string> node{};
    std::optional<std::string> datacenter{};
    std::optional<std::string> store{};
    std::optional<std::string> state_dir{};
    std::optional<std::string> service_manager{};
    std::optional<std::string> format{};
    std::optional<milliseconds> timeout{};
    std::optional<milliseconds> max_age{};
    std::optional<milliseconds> max_stale{};
    std::optional<bool> consistent{};
    std::optional<bool> health_cache{};
    std::optional<int> unknown_exit{};
    std::optional<takeover> takeover_on{};
    std::optional<std::string> log{};
    std::optional<event_level> log_level{};
    std::optional<v0::log_format> log_format{};
    std::optional<std::string> stop_file{};
    consul_settings consul{};
    trigger_settings triggers{};
};

/// A whole number from 1 to Most. Fails with errc::usage.
template <std::uint32_t Most>
[[nodiscard]] auto parse_count(std::string_view text) -> result<std::uint32_t> {
    const auto count = whole_number(text, Most);
    if (count && *count != 0) return static_cast<std::uint32_t>(*count);
    return fail(errc::usage, quoted(text) + " is not a whole number from 1 to " + std::to_string(Most));
}

/// Parses a boolean as Consul's own programs do. Fails with errc::usage.
[[nodiscard]] inline auto parse_boolean(std::string_view text) -> result<bool> {
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    return fail(errc::usage, quoted(text) + R"( is neither "true" nor "false")");
}

/// `critical` or `warning`: the state from which an active node no longer counts as serving. Fails with errc::usage.
[[nodiscard]] inline auto parse_takeover(std::string_view text) -> result<takeover> {
    if (text == "critical") return takeover::on_critical;
    if (text == "warning") return takeover::on_warning;
    return fail(errc::usage, quoted(text) + R"( is neither "critical" nor "warning")");
}

/// The exit status of an unknown verdict: 1, 2 or 3. Fails with errc::usage.
[[nodiscard]] inline auto parse_unknown_exit(std::string_view text) -> result<int> {
    if (text == "1" || text == "2" || text == "3") return text.front() - '0';
    return fail(errc::usage, quoted(text) + " is not one of 1, 2 and 3");
}

}  // namespace powerconsul::inline v0
