#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/doctor/least_rights.hpp>

#include "configuration.hpp"
#include "exit_code.hpp"
#include "options.hpp"

namespace powerconsul::cli {

/// The rights that a service needs on this node, and what they were taken from.
struct needed_rights {
    acl_facts facts{};
    std::vector<acl_rule> rules{};
    std::vector<std::string> datacenters{};  ///< all that are known; empty: they are not
    std::vector<std::string> assumed{};      ///< what could not be read, and what was taken instead
    std::vector<std::string> notes{};        ///< what is known of the document, for a person
};

/// Asks the agent or the store that was chosen. What it does not tell is assumed, so that more is allowed rather than
/// less. Fails where nothing could be asked: errc::usage, errc::configuration.
[[nodiscard]] auto find_needed_rights(const configuration& chosen, std::string_view service, posix_clock& time)
    -> result<needed_rights>;

/// `powerconsul acl-policy`: prints the least policy to `out`.
[[nodiscard]] auto run_acl_policy(const config::arguments& line, const configuration& chosen, std::string& out)
    -> result<exit_code>;

}  // namespace powerconsul::cli
