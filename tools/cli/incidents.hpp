#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "exit_code.hpp"
#include "options.hpp"

namespace powerconsul::cli {

/// `powerconsul incidents` and `powerconsul incidents ack <service>`.
[[nodiscard]] auto run_incidents(const config::arguments& line, const configuration& chosen, std::string& out,
                                 std::string& err) -> result<exit_code>;

}  // namespace powerconsul::cli
