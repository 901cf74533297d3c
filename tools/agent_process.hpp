#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/doctor.hpp>
#include <powerconsul/result.hpp>

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
    std::uint32_t user{};
    std::vector<std::string> files{};
};

/// Looks for the agent among this machine's processes: by its data directory, or else the only one that there is.
/// errc::unavailable: there is none, or nothing tells which of several it is.
[[nodiscard]] auto find_agent_process(const agent_config& agent) -> result<agent_process>;

/// The handlers of watches on checks. errc::bad_data: a file that cannot be understood might hold one.
[[nodiscard]] auto read_watch_handlers(const agent_process& process) -> result<std::vector<watch_handler>>;

}  // namespace powerconsul::cli
