#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

#include "configuration.hpp"
#include "options.hpp"
#include "run.hpp"

namespace powerconsul::cli {

/// `powerconsul check <subject>`: prints the line of the check to `out` and returns its exit status.
[[nodiscard]] auto run_check(const invocation& call, const config::arguments& line, std::string& out) -> int;

/// Whether the options of a check's kind can be carried out; errc::usage if not.
[[nodiscard]] auto validate_check(const config::arguments& line) -> result<void>;

/// What a check says when its time is over.
[[nodiscard]] auto last_word_of_check(const config::arguments& line, milliseconds limit, output_format format,
                                      int unknown_exit) -> last_word;

/// Every ending of a check prints the line, also when there is no verdict: a watch must be able to tell a check that
/// was called wrongly from a service that is down.
auto without_verdict(const config::arguments& line, const error& why, output_format format, std::string& out) -> int;

}  // namespace powerconsul::cli
