#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

/// Programs beside this one, in which it goes on where it lacks something: they are built of the same sources.
namespace powerconsul::cli {

/// A program that goes on in others. The static one lacks what the C library loads when it runs: the name service
/// switch, with its users, groups and host names, and libraries such as libsystemd.
inline constexpr const char* program_with_libraries = "powerconsul-dynamic";
inline constexpr const char* program_with_tls = "powerconsul-https";  ///< with all that there is

/// Replaces this process by `program` with the same arguments. It is looked for in the folder of this program, then in
/// that where it is installed. Returns only if it cannot be started, and says why: errc::configuration. `what` is what
/// needs it. Not for a process that has read standard input, has written something, or holds a job.
[[nodiscard]] auto go_on_in(const char* program, const std::string& what) -> error;

/// The arguments for go_on_in(); the caller's. Called first of all.
void keep_arguments(char** arguments);

}  // namespace powerconsul::cli
