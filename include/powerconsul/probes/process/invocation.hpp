#pragma once

#include <array>
#include <string_view>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// The calls of this program and of check_procs in one command line: the process's own, or those that a shell, sudo and
/// the like make.
struct invocations {
    bool any{};
    bool check{};        ///< one of them is a check, as each call of check_procs is
    bool first_check{};  ///< the first of them is a check, and so its descendants belong to a check

    friend constexpr auto operator==(const invocations&, const invocations&) -> bool = default;
};

/// A call is `powerconsul` or `own`, the name under which this process was started (may be empty), with or without a
/// path and a shell's signs around it, followed after any number of words by one of its commands; or `check_procs`, in
/// the same way, followed by an option. Without these it is no call: a path may hold the name too.
[[nodiscard]] constexpr auto find_invocations(std::string_view line, std::string_view own) -> invocations {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    constexpr std::string_view signs = "\"'`;&|()";
    constexpr std::array<std::string_view, 9> commands{"check",  "watch", "trigger",    "role", "incidents",
                                                       "doctor", "lint",  "acl-policy", "help"};
    invocations found;
    bool named = false;
    bool plugin = false;
    const auto add = [&](bool is_check) {
        found.first_check = found.first_check || (!found.any && is_check);
        found.check = found.check || is_check;
        found.any = true;
        named = plugin = false;  // what follows are the call's own words
    };
    while (!line.empty()) {
        std::string_view word = line.substr(0, line.find_first_of(blanks));
        line.remove_prefix(word.size() < line.size() ? word.size() + 1 : word.size());
        while (!word.empty() && signs.find(word.back()) != std::string_view::npos) word.remove_suffix(1);
        while (!word.empty() && signs.find(word.front()) != std::string_view::npos) word.remove_prefix(1);
        if (named && is_one_of(word, commands)) {
            add(word == "check");
            continue;
        }
        if (plugin && word.starts_with('-')) {
            add(true);
            continue;
        }
        word = base_name(word);
        while (!word.empty() && signs.find(word.front()) != std::string_view::npos) word.remove_prefix(1);
        named = named || (!word.empty() && (word == "powerconsul" || word == own));
        plugin = plugin || word == "check_procs";
    }
    return found;
}

/// Whether `process_name`, of which the kernel keeps 15 bytes, is that of one of a release's programs or the one under
/// which this process was started.
[[nodiscard]] constexpr auto is_own_name(std::string_view process_name, std::string_view own) -> bool {
    if (is_one_of(process_name, {"powerconsul", "powerconsul-dyn", "powerconsul-htt"})) return true;
    return !process_name.empty() && process_name == own.substr(0, 15);
}

}  // namespace powerconsul::inline v0
