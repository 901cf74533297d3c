#pragma once

#include <powerconsul/config/configuration.hpp>

#include "options.hpp"
#include "run.hpp"

/// The commands, and what they share.
namespace powerconsul::cli {

using config::configuration;

/// How every command but `check` ends; the numbers are those of sysexits.h. A check ends with exit_status() of its
/// verdict and with nothing else: Consul takes every status above 1 for critical.
enum class exit_code : int {
    done = 0,
    failed = 1,
    usage = 64,
    bad_data = 65,
    unavailable = 69,
    try_again = 75,
    not_permitted = 77,
    configuration = 78,
};

[[nodiscard]] constexpr auto exit_code_for(errc code) -> exit_code {
    switch (code) {
        case errc::usage: return exit_code::usage;
        case errc::configuration: return exit_code::configuration;
        case errc::bad_data: return exit_code::bad_data;
        case errc::unavailable:
        case errc::unsupported:
        case errc::timed_out: return exit_code::unavailable;
        case errc::denied: return exit_code::not_permitted;
        case errc::io:
        case errc::failed: break;
    }
    return exit_code::failed;
}

/// What options, variables, configuration file and defaults come down to: see config::configure(). Goes on in the
/// program that has TLS where an https address asks for it and this one has none.
[[nodiscard]] auto configure(const invocation& call, const config::arguments& line,
                             config::unknown_keys unknown = config::unknown_keys::refused) -> result<configuration>;

/// What an error says, with its remedy in this program's words: "; set clusterKey or --environment".
[[nodiscard]] auto with_remedy(std::string message, std::string_view remedy) -> std::string;
[[nodiscard]] inline auto worded(const error& why) -> std::string {
    return with_remedy(why.message, why.remedy);
}

// --- checks ---

/// `powerconsul check <subject>`: prints the line of the check to `out` and returns its exit status.
[[nodiscard]] auto run_check(const invocation& call, const config::arguments& line, std::string& out) -> int;

/// Whether the options of a check's kind can be carried out; errc::usage if not.
[[nodiscard]] auto validate_check(const config::arguments& line) -> result<void>;

/// Prints the line of a check that has no verdict, with the reason, and returns the exit status of an unknown one:
/// wrong usage, a wrong configuration or a token file that is away must neither take a running service out of DNS nor
/// make its standbys start.
auto without_verdict(const config::arguments& line, const error& why, const config::requested& asked, std::string& out)
    -> int;

// --- other commands ---

/// `powerconsul lint`: looks through files, standard input, or what stands in Consul's KV store, and prints what is
/// wrong to `out`. exit_code::bad_data: something would be refused, or there is nothing to look at; exit_code::failed:
/// there are warnings only. Fails where Consul could not be read: what was not seen is never fine.
[[nodiscard]] auto run_lint(const invocation& call, const config::arguments& line, std::string& out)
    -> result<exit_code>;

/// `powerconsul config bootstrap`: writes the configuration that `-C` holds, unless lint finds an error in it. It needs
/// none itself. exit_code::bad_data: it is not valid, and why is printed to `out`.
[[nodiscard]] auto run_bootstrap(const invocation& call, const config::arguments& line, std::string& out)
    -> result<exit_code>;

/// Prints results to `out`, and to `err` what else a person should know.
using command = auto(const invocation& call, const config::arguments& line, const configuration& chosen,
                     std::string& out, std::string& err) -> result<exit_code>;

/// `powerconsul watch warning|critical`: the handler of a Consul watch on checks. Prints what a dry run would do; an
/// outcome other than success is in the log and in the exit code.
command run_watch;
/// `powerconsul trigger warning|critical -s <check>`.
command run_trigger;
/// `powerconsul incidents` and `powerconsul incidents ack <service>`.
command run_incidents;
/// `powerconsul pause`: prints what is paused, and what was before.
command run_pause;
/// `powerconsul resume`: prints what was paused, and what holds still. exit_code::done also if nothing was paused.
command run_resume;
/// `powerconsul role`: prints role, expectation and why.
command run_role;
/// `powerconsul acl-policy`: prints the least policy.
command run_acl_policy;
/// `powerconsul doctor`: prints one line for each thing that was looked at. Returns 0, 1 or 2, see exit_status(). Fails
/// only where nothing could be looked at: errc::usage, errc::configuration.
command run_doctor;

}  // namespace powerconsul::cli
