#pragma once

#include <string>

#include <powerconsul/core/result.hpp>
#include <powerconsul/lint/report.hpp>

#include "exit_code.hpp"
#include "options.hpp"
#include "run.hpp"

namespace powerconsul::cli {

/// `powerconsul lint`: looks through files, standard input, or what stands in Consul's KV store, and prints what is
/// wrong to `out`. exit_code::bad_data: something would be refused, or there is nothing to look at; exit_code::failed:
/// there are warnings only. Fails where Consul could not be read: what was not seen is never fine.
[[nodiscard]] auto run_lint(const invocation& call, const config::arguments& line, std::string& out)
    -> result<exit_code>;

/// Looks through the files that the command line names, `-` being standard input. What cannot be read is a finding.
[[nodiscard]] auto lint_files(const invocation& call, const config::arguments& line) -> result<lint_report>;

}  // namespace powerconsul::cli
