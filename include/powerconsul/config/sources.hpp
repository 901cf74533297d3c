#pragma once

#include <utility>

#include <powerconsul/config/arguments.hpp>
#include <powerconsul/config/settings.hpp>

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

/// The environment variable of an option: `POWERCONSUL_STATE_DIR` for `state-dir`.
[[nodiscard]] inline auto variable_name(std::string_view option) -> std::string {
    std::string name = "POWERCONSUL_";
    for (const char c : option) name += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

/// The key of an option in a configuration file: `stateDir` for `state-dir`.
[[nodiscard]] inline auto key_name(std::string_view option) -> std::string {
    std::string name{next_part(option, '-')};
    while (!option.empty()) {
        const auto word = next_part(option, '-');
        name += static_cast<char>(word.front() - 'a' + 'A');
        name += word.substr(1);
    }
    return name;
}

/// Takes each value from the first source that has one: the option, its `POWERCONSUL_…` variable, Consul's own variable
/// `standard` if that is named, the configuration file. Keeps references to what it is made of.
class sources {
public:
    /// `path` is that of the configuration file, for messages.
    sources(const surroundings& around, const arguments& given, const settings& file, std::string path)
        : around_{around}, arguments_{given}, file_{file}, path_{std::move(path)} {}

    /// From the option or a variable.
    [[nodiscard]] auto given(const std::string& option, std::string_view standard = {}) const -> std::optional<said> {
        if (auto value = arguments_.value(option)) return said{std::move(*value), "--" + option};
        if (auto own = from_variable(variable_name(option))) return own;
        return from_variable(standard);
    }

    /// An empty variable counts as not set.
    [[nodiscard]] auto from_variable(std::string_view name) const -> std::optional<said> {
        const auto found = around_.environment.find(name);
        if (found == around_.environment.end() || found->second.empty()) return std::nullopt;
        return said{found->second, std::string{name}};
    }

    /// The options that say how Consul is reached have their keys in the object `consul`.
    [[nodiscard]] auto from_file(const std::string& option) const -> std::optional<said> {
        const std::string key = key_name(option);
        for (const auto& path : {key, "consul." + key}) {
            const auto found = file_.values.find(path);
            if (found == file_.values.end()) continue;
            return said{found->second, "the configuration " + path_, errc::configuration};
        }
        return std::nullopt;
    }

    [[nodiscard]] auto anywhere(const std::string& option, std::string_view standard = {}) const
        -> std::optional<said> {
        auto found = given(option, standard);
        return found ? found : from_file(option);
    }

    [[nodiscard]] auto text(const std::string& option, std::string_view otherwise, std::string_view standard = {}) const
        -> std::string {
        auto found = anywhere(option, standard);
        return found ? std::move(found->value) : std::string{otherwise};
    }

    /// A value that `parse` refuses gives `otherwise`, and the first such error is in refused().
    template <typename T, typename Parse>
    [[nodiscard]] auto parsed(const std::string& option, T otherwise, Parse parse) -> T {
        const auto found = anywhere(option);
        if (!found) return otherwise;
        const auto value = parse(found->value);
        if (value) return *value;
        const std::string key = found->fault == errc::usage ? "" : ": " + key_name(option);
        if (!refused_) refused_ = error{found->fault, found->where + key + ": " + value.error().message};
        return otherwise;
    }

    [[nodiscard]] auto refused() const -> const std::optional<error>& { return refused_; }

private:
    const surroundings& around_;
    const arguments& arguments_;
    const settings& file_;
    std::string path_;
    std::optional<error> refused_{};
};

}  // namespace powerconsul::inline v0::config
