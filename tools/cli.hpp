#pragma once

#include <map>
#include <string>
#include <vector>

namespace powerconsul::cli {

/// All that the program takes from the process it runs in.
struct invocation {
    std::vector<std::string> args{};                                ///< without the program's own name
    std::map<std::string, std::string, std::less<>> environment{};  ///< variables by name
    std::string host{};                                             ///< the machine's host name
};

/// Runs one command and returns its exit status. What it prints is appended to `out` and `err`.
[[nodiscard]] auto run(const invocation& call, std::string& out, std::string& err) -> int;

}  // namespace powerconsul::cli
