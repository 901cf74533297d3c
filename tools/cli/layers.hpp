#pragma once

#include <cctype>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <powerconsul/core/result.hpp>

#include "run.hpp"
#include "command_line.hpp"

namespace powerconsul::cli {

/// A value and who said it, as an error or an explanation names it: `--ca-file`, `CONSUL_CACERT`, `the configuration
/// /etc/powerconsul.conf`.
struct said {
    std::string value{};
    std::string where{};
    errc fault{errc::usage};  ///< what a wrong value is: errc::configuration if a file says it
};

/// Why a file that says how to work was not read. Where only the system could not read it now, it is not wrong:
/// errc::io leaves a check unknown, where errc::configuration ends it with a code that Consul takes for critical.
[[nodiscard]] inline auto not_read(const std::string& what, const std::string& path, const error& why) -> unexpected {
    const bool stays =
        ::access(path.c_str(), R_OK) != 0 && (errno == EACCES || errno == ELOOP || errno == ENAMETOOLONG);
    return fail(why.code == errc::io && !stays ? errc::io : errc::configuration, what + ": " + why.message);
}

/// An environment variable; an empty one counts as not set.
[[nodiscard]] inline auto variable(const invocation& call, std::string_view name) -> std::optional<std::string> {
    const auto found = call.environment.find(name);
    return found == call.environment.end() || found->second.empty() ? std::nullopt : std::optional{found->second};
}

/// `--state-dir` as an environment variable: `POWERCONSUL_STATE_DIR`.
[[nodiscard]] inline auto variable_name(std::string_view option) -> std::string {
    std::string name = "POWERCONSUL_";
    for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

[[nodiscard]] inline auto option_or_variable(const invocation& call, const command_line& line,
                                             const std::string& option) -> std::optional<said> {
    if (auto value = line.value(option)) return said{std::move(*value), "--" + option};
    const std::string name = variable_name(option);
    if (auto value = variable(call, name)) return said{std::move(*value), name};
    return std::nullopt;
}

/// Takes each value from the first place that says something. Refers to what it is made from.
class layers {
public:
    layers(const invocation& call, const command_line& line, std::string settings_file)
        : call_{call}, line_{line}, settings_file_{std::move(settings_file)} {}

    [[nodiscard]] auto text(const std::string& option, const std::optional<std::string>& configured,
                            std::string_view otherwise) const -> std::string {
        if (auto found = option_or_variable(call_, line_, option)) return std::move(found->value);
        return configured.value_or(std::string{otherwise});
    }

    template <typename T, typename Parse>
    [[nodiscard]] auto parsed(const std::string& option, const std::optional<T>& configured, T otherwise, Parse parse)
        -> T {
        const auto found = option_or_variable(call_, line_, option);
        if (!found) return configured.value_or(otherwise);
        const auto value = parse(found->value);
        if (value) return *value;
        if (!trouble_) trouble_ = error{errc::usage, found->where + ": " + value.error().message};
        return otherwise;
    }

    /// Option, `POWERCONSUL_…` and Consul's own variable, in that order.
    [[nodiscard]] auto given(const std::string& option, std::string_view standard) const -> std::optional<said> {
        if (auto found = option_or_variable(call_, line_, option)) return found;
        return from_variable(standard);
    }

    [[nodiscard]] auto from_variable(std::string_view name) const -> std::optional<said> {
        if (auto value = variable(call_, name)) return said{std::move(*value), std::string{name}};
        return std::nullopt;
    }

    [[nodiscard]] auto from_file(const std::optional<std::string>& configured) const -> std::optional<said> {
        if (!configured) return std::nullopt;
        return said{*configured, "the configuration " + settings_file_, errc::configuration};
    }

    /// The same, and the configuration after them.
    [[nodiscard]] auto anywhere(const std::string& option, std::string_view standard,
                                const std::optional<std::string>& configured) const -> std::optional<said> {
        if (auto found = given(option, standard)) return found;
        return from_file(configured);
    }

    [[nodiscard]] auto trouble() const -> const std::optional<error>& { return trouble_; }

private:
    const invocation& call_;
    const command_line& line_;
    std::string settings_file_;
    std::optional<error> trouble_{};
};

}  // namespace powerconsul::cli
