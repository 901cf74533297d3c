#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/doctor/findings.hpp>

namespace powerconsul::cli {

/// A call of powerconsul, found among the words of a check or of a handler.
struct found_call {
    std::string program{};
    std::map<std::string, std::string, std::less<>> variables{};  ///< set by words in front of it, as `env` takes them
    std::vector<std::string> args{};
    std::string trouble{};  ///< why the program cannot be what is meant; empty: nothing
};

/// Nothing if no word names a program `powerconsul`.
[[nodiscard]] auto find_call(const std::vector<std::string>& words) -> std::optional<found_call>;

/// The process of a local agent and the files that its command line names.
struct agent_process {
    int pid{};
    int parent{};  ///< 0: not known
    std::uint32_t user{};
    std::vector<std::string> files{};
};

/// Looks for the agent among this machine's processes: by its data directory, or else the only one that there is.
/// errc::unavailable: there is none, or nothing tells which of several it is.
[[nodiscard]] auto find_agent_process(const agent_config& agent) -> result<agent_process>;

/// What the files say of checks that run a program, and of watches on checks.
struct agent_files {
    std::vector<configured_check> checks{};
    std::vector<watch_handler> handlers{};
};

/// The agent itself does not tell what it has read since it started. errc::bad_data: a file that cannot be read or
/// understood might say anything.
[[nodiscard]] auto read_agent_files(const agent_process& process) -> result<agent_files>;

}  // namespace powerconsul::cli
