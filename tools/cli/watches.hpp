#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "exit_code.hpp"
#include "options.hpp"
#include "run.hpp"

namespace powerconsul::cli {

/// `powerconsul watch warning|critical`: the handler of a Consul watch on checks. Prints to `out` what a dry run would
/// do; an outcome other than success is in the log and in the exit code.
[[nodiscard]] auto run_watch(const invocation& call, const config::arguments& line, const configuration& chosen,
                             std::string& out, std::string& err) -> result<exit_code>;

/// `powerconsul trigger warning|critical -s <check>`.
[[nodiscard]] auto run_trigger(const invocation& call, const config::arguments& line, const configuration& chosen,
                               std::string& out, std::string& err) -> result<exit_code>;

}  // namespace powerconsul::cli
