#pragma once

#include <string>
#include <string_view>

#include <powerconsul/config/arguments.hpp>
#include <powerconsul/config/configuration.hpp>
#include <powerconsul/core/result.hpp>

#include "run.hpp"

namespace powerconsul::cli {

using config::configuration;
using config::output_format;

/// The configuration of the user's own, which is read where none is named; empty if there is no home directory.
[[nodiscard]] auto own_configuration(const invocation& call) -> result<std::string>;

/// What options, variables, configuration file and defaults come down to: see config::configure(). Goes on in the
/// program that has TLS where an https address asks for it and this one has none.
[[nodiscard]] auto configure(const invocation& call, const config::arguments& line) -> result<configuration>;

/// What an error says, with its remedy in this program's words: "; set clusterKey or --environment".
[[nodiscard]] auto with_remedy(std::string message, std::string_view remedy) -> std::string;
[[nodiscard]] inline auto worded(const error& why) -> std::string {
    return with_remedy(why.message, why.remedy);
}

}  // namespace powerconsul::cli
