#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0::config {

/// The words before the options, as in `check service`. A word that was not given is empty.
struct command_words {
    std::string command{};
    std::string subject{};
};

/// What a command line says once it is understood. Options stand under their long names; a flag's value is `true`.
struct arguments {
    command_words words{};
    std::map<std::string, std::string, std::less<>> options{};
    std::vector<std::string> operands{};  ///< neither words of the command nor options: the files of `lint`
    std::vector<std::string> notes{};     ///< which options of a check are ignored: a sentence for each

    [[nodiscard]] auto has(std::string_view name) const -> bool { return options.contains(name); }
    [[nodiscard]] auto value(std::string_view name) const -> std::optional<std::string> {
        const auto found = options.find(name);
        return found == options.end() ? std::nullopt : std::optional{found->second};
    }
};

}  // namespace powerconsul::inline v0::config
