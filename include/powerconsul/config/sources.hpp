#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/config/arguments.hpp>
#include <powerconsul/core/result.hpp>

namespace powerconsul::inline v0::config {

/// What a process is given besides its arguments.
struct surroundings {
    std::map<std::string, std::string, std::less<>> environment{};  ///< variables by name
    std::string host{};                                             ///< the machine's host name
};

/// A value and its origin as an error or an explanation names it: `--ca-file`, `CONSUL_CACERT`, `the configuration
/// /etc/powerconsul.conf`.
struct said {
    std::string value{};
    std::string where{};
    errc fault{errc::usage};  ///< the error's code if the value is wrong: errc::configuration for one from a file
};

/// The value of an environment variable; an empty one counts as not set.
[[nodiscard]] inline auto variable(const surroundings& around, std::string_view name) -> std::optional<std::string> {
    const auto found = around.environment.find(name);
    return found == around.environment.end() || found->second.empty() ? std::nullopt : std::optional{found->second};
}

/// The environment variable of an option: `POWERCONSUL_STATE_DIR` for `state-dir`.
[[nodiscard]] inline auto variable_name(std::string_view option) -> std::string {
    std::string name = "POWERCONSUL_";
    for (const char c : option) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

/// Takes each value from the first source that has one: option, variable, configuration file. Keeps references to
/// `around` and `given`.
class sources {
public:
    /// `settings_file`: the path of the configuration, for messages.
    sources(const surroundings& around, const arguments& given, std::string settings_file)
        : around_{around}, arguments_{given}, settings_file_{std::move(settings_file)} {}

    [[nodiscard]] auto option_or_variable(const std::string& option) const -> std::optional<said> {
        if (auto value = arguments_.value(option)) return said{std::move(*value), "--" + option};
        return from_variable(variable_name(option));
    }

    [[nodiscard]] auto text(const std::string& option, const std::optional<std::string>& configured,
                            std::string_view otherwise) const -> std::string {
        if (auto found = option_or_variable(option)) return std::move(found->value);
        return configured.value_or(std::string{otherwise});
    }

    /// An option or variable that `parse` refuses gives `otherwise`, and the first such error is in refused().
    template <typename T, typename Parse>
    [[nodiscard]] auto parsed(const std::string& option, const std::optional<T>& configured, T otherwise, Parse parse)
        -> T {
        const auto found = option_or_variable(option);
        if (!found) return configured.value_or(otherwise);
        const auto value = parse(found->value);
        if (value) return *value;
        if (!refused_) refused_ = error{errc::usage, found->where + ": " + value.error().message};
        return otherwise;
    }

    /// From the option, its `POWERCONSUL_…` variable or Consul's own variable `standard`, in that order.
    [[nodiscard]] auto given(const std::string& option, std::string_view standard) const -> std::optional<said> {
        if (auto found = option_or_variable(option)) return found;
        return from_variable(standard);
    }

    [[nodiscard]] auto from_variable(std::string_view name) const -> std::optional<said> {
        if (auto value = variable(around_, name)) return said{std::move(*value), std::string{name}};
        return std::nullopt;
    }

    [[nodiscard]] auto from_file(const std::optional<std::string>& configured) const -> std::optional<said> {
        if (!configured) return std::nullopt;
        return said{*configured, "the configuration " + settings_file_, errc::configuration};
    }

    /// Like given(), and then from the configuration file.
    [[nodiscard]] auto anywhere(const std::string& option, std::string_view standard,
                                const std::optional<std::string>& configured) const -> std::optional<said> {
        if (auto found = given(option, standard)) return found;
        return from_file(configured);
    }

    [[nodiscard]] auto refused() const -> const std::optional<error>& { return refused_; }

private:
    const surroundings& around_;
    const arguments& arguments_;
    std::string settings_file_;
    std::optional<error> refused_{};
};

}  // namespace powerconsul::inline v0::config
