#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "exit_code.hpp"
#include "options.hpp"
#include "run.hpp"

namespace powerconsul::cli {

/// `powerconsul doctor`: prints one line for each thing that was looked at to `out`. Returns 0, 1 or 2, see
/// exit_status(). Fails only where nothing could be looked at: errc::usage, errc::configuration.
[[nodiscard]] auto run_doctor(const invocation& call, const config::arguments& line, const configuration& chosen,
                              std::string& out) -> result<int>;

}  // namespace powerconsul::cli
