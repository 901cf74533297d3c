#pragma once

#include <map>

#include <powerconsul/consul/health.hpp>
#include <powerconsul/core/time.hpp>

namespace powerconsul::inline v0 {

enum class output_format : unsigned char { by_command, json, text };

/// What a configuration file says.
struct settings {
    /// Texts, numbers and flags by the path of their keys, as `stateDir` or `consul.httpAddr`.
    std::map<std::string, std::string, std::less<>> values{};
    std::vector<std::pair<std::string, std::string>> substitutions{};  ///< `subVars`, names without `@`
    std::vector<std::string> noop_triggers{};                          ///< services whose triggers never run

    /// `otherwise` if the key is not there or `parse` refuses its value.
    template <typename T, typename Parse>
    [[nodiscard]] auto parsed(std::string_view key, T otherwise, Parse parse) const -> T {
        const auto found = values.find(key);
        return found == values.end() ? otherwise : static_cast<T>(parse(found->second).value_or(otherwise));
    }
    [[nodiscard]] auto text(std::string_view key) const -> std::string {
        const auto found = values.find(key);
        return found == values.end() ? std::string{} : found->second;
    }
};

/// `json` or `text`. Fails with errc::usage.
[[nodiscard]] inline auto parse_format(std::string_view text) -> result<output_format> {
    if (text == "json") return output_format::json;
    if (text == "text") return output_format::text;
    return fail(errc::usage, quoted(text) + R"( is neither "json" nor "text")");
}

/// A whole number from 1 to Most. Fails with errc::usage.
template <std::uint32_t Most>
[[nodiscard]] auto parse_count(std::string_view text) -> result<std::uint32_t> {
    const auto count = whole_number(text, Most);
    if (count && *count != 0) return static_cast<std::uint32_t>(*count);
    return fail(errc::usage, quoted(text) + " is not a whole number from 1 to " + std::to_string(Most));
}

/// Parses a boolean as Consul's own programs do. Fails with errc::usage.
[[nodiscard]] inline auto parse_boolean(std::string_view text) -> result<bool> {
    if (is_one_of(text, {"1", "t", "T", "true", "TRUE", "True"})) return true;
    if (is_one_of(text, {"0", "f", "F", "false", "FALSE", "False"})) return false;
    return fail(errc::usage, quoted(text) + R"( is neither "true" nor "false")");
}

/// `critical` or `warning`: the state from which an active node no longer counts as serving. Fails with errc::usage.
[[nodiscard]] inline auto parse_takeover(std::string_view text) -> result<takeover> {
    if (text == "critical") return takeover::on_critical;
    if (text == "warning") return takeover::on_warning;
    return fail(errc::usage, quoted(text) + R"( is neither "critical" nor "warning")");
}

/// A command's time: at least 100 ms. Fails with errc::usage.
[[nodiscard]] inline auto parse_timeout(std::string_view text) -> result<milliseconds> {
    auto time = parse_duration(text);
    if (time && time->count < 100) return fail(errc::usage, "expected at least 100ms, found " + quoted(text));
    return time;
}

/// The exit status of an unknown verdict: 1, 2 or 3. Fails with errc::usage.
[[nodiscard]] inline auto parse_unknown_exit(std::string_view text) -> result<int> {
    if (text == "1" || text == "2" || text == "3") return text.front() - '0';
    return fail(errc::usage, quoted(text) + " is not one of 1, 2 and 3");
}

}  // namespace powerconsul::inline v0
