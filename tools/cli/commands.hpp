#pragma once

#include <string>

#include <powerconsul/config/arguments.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/lint/report.hpp>

#include <powerconsul/adapters/posix/watchdog.hpp>
#include "configuration.hpp"
#include "exit_code.hpp"
#include "run.hpp"

/// The commands, each in a file of its own.
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

/// `powerconsul watch warning|critical`: the handler of a Consul watch on checks. Prints to `out` what a dry run would
/// do; an outcome other than success is in the log and in the exit code.
[[nodiscard]] auto run_watch(const invocation& call, const config::arguments& line, const configuration& chosen,
                             std::string& out, std::string& err) -> result<exit_code>;

/// `powerconsul trigger warning|critical -s <check>`.
[[nodiscard]] auto run_trigger(const invocation& call, const config::arguments& line, const configuration& chosen,
                               std::string& out, std::string& err) -> result<exit_code>;

/// `powerconsul incidents` and `powerconsul incidents ack <service>`.
[[nodiscard]] auto run_incidents(const config::arguments& line, const configuration& chosen, std::string& out,
                                 std::string& err) -> result<exit_code>;

/// `powerconsul lint`: looks through files, standard input, or what stands in Consul's KV store, and prints what is
/// wrong to `out`. exit_code::bad_data: something would be refused, or there is nothing to look at; exit_code::failed:
/// there are warnings only. Fails where Consul could not be read: what was not seen is never fine.
[[nodiscard]] auto run_lint(const invocation& call, const config::arguments& line, std::string& out)
    -> result<exit_code>;

/// Looks through the files that the command line names, `-` being standard input. What cannot be read is a finding.
[[nodiscard]] auto lint_files(const invocation& call, const config::arguments& line) -> result<lint_report>;

/// `powerconsul role`: prints role, expectation and why to `out`.
[[nodiscard]] auto run_role(const config::arguments& line, const configuration& chosen, std::string& out)
    -> result<exit_code>;

/// `powerconsul acl-policy`: prints the least policy to `out`.
[[nodiscard]] auto run_acl_policy(const config::arguments& line, const configuration& chosen, std::string& out)
    -> result<exit_code>;

/// `powerconsul doctor`: prints one line for each thing that was looked at to `out`. Returns 0, 1 or 2, see
/// exit_status(). Fails only where nothing could be looked at: errc::usage, errc::configuration.
[[nodiscard]] auto run_doctor(const invocation& call, const config::arguments& line, const configuration& chosen,
                              std::string& out) -> result<int>;

}  // namespace powerconsul::cli
