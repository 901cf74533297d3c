#pragma once

#include <array>
#include <string_view>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// The calls of this program that stand in one command line: its own, or those that a shell, sudo and the like make.
struct invocations {
    bool any{};
    bool check{};        ///< one of them is a check
    bool first_check{};  ///< the first of them is: what runs below it belongs to a check

    friend constexpr auto operator==(const invocations&, const invocations&) -> bool = default;
};

/// `powerconsul` or `own`, the name under which this process was started (empty: none), with or without a path and a
/// shell's signs around it, and any number of words later one of its commands. Without a command it is no call: a path
/// may hold the name too.
[[nodiscard]] constexpr auto find_invocations(std::string_view line, std::string_view own) -> invocations {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    constexpr std::string_view signs = "\"'`;&|()";
    constexpr std::array<std::string_view, 9> commands{"check",  "watch", "trigger",    "role", "incidents",
                                                       "doctor", "lint",  "acl-policy", "help"};
    invocations found;
    bool named = false;
    while (!line.empty()) {
        std::string_view word = line.substr(0, line.find_first_of(blanks));
        line.remove_prefix(word.size() < line.size() ? word.size() + 1 : word.size());
        while (!word.empty() && signs.find(word.back()) != std::string_view::npos) word.remove_suffix(1);
        while (!word.empty() && signs.find(word.front()) != std::string_view::npos) word.remove_prefix(1);
        if (named && is_one_of(word, commands)) {
            found.first_check = found.first_check || (!found.any && word == "check");
            found.check = found.check || word == "check";
            found.any = true;
            named = false;  // what follows are the command's words
            continue;
        }
        word = base_name(word);
        while (!word.empty() && signs.find(word.front()) != std::string_view::npos) word.remove_prefix(1);
        named = named || (!word.empty() && (word == "powerconsul" || word == own));
    }
    return found;
}

/// Is it this program's name, or that under which this process was started, as the kernel keeps it: 15 bytes?
[[nodiscard]] constexpr auto is_own_name(std::string_view process_name, std::string_view own) -> bool {
    return !process_name.empty() && (process_name == "powerconsul" || process_name == own.substr(0, 15));
}

}  // namespace powerconsul::inline v0
