#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "watchdog.hpp"

namespace powerconsul::cli {

/// All that the program takes from the process it runs in.
struct invocation {
    std::vector<std::string> args{};                                ///< without the program's own name
    std::map<std::string, std::string, std::less<>> environment{};  ///< variables by name
    std::string host{};                                             ///< the machine's host name
    std::function<void(last_word)> limit{};  ///< told when the command's own time limit is known; may be empty
};

/// What a check says when its time is over, as far as arguments and environment tell; nothing for other commands, which
/// nobody waits for in vain. Reads no file and asks nobody.
[[nodiscard]] auto last_word_of(const invocation& call) -> std::optional<last_word>;

/// Runs one command and returns its exit status. What it prints is appended to `out` and `err`.
[[nodiscard]] auto run(const invocation& call, std::string& out, std::string& err) -> int;

}  // namespace powerconsul::cli
