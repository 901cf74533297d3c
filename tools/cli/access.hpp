#pragma once

#include <string>

#include <powerconsul/config/settings.hpp>
#include <powerconsul/consul/access.hpp>
#include <powerconsul/core/result.hpp>

#include "layers.hpp"

namespace powerconsul::cli {

/// How Consul is reached, and who said so. The sources name no secret.
struct found_access {
    consul_access consul{};
    std::string address_source{};
    std::string token_source{};
};

/// Puts together options, `POWERCONSUL_…`, `CONSUL_…` and the configuration, and reads the files that hold a secret:
/// one that others can read or change is refused. Fails with errc::usage for an option or variable,
/// errc::configuration for a file.
[[nodiscard]] auto find_access(const layers& from, const consul_settings& configured) -> result<found_access>;

}  // namespace powerconsul::cli
