#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "exit_code.hpp"
#include "options.hpp"

namespace powerconsul::cli {

/// `powerconsul acl-policy`: prints the least policy to `out`.
[[nodiscard]] auto run_acl_policy(const config::arguments& line, const configuration& chosen, std::string& out)
    -> result<exit_code>;

}  // namespace powerconsul::cli
