#pragma once

#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0 {

/// Whose output a check has in Consul, and what it proves.
enum class output_kind : unsigned char {
    other,        ///< another program's
    none,         ///< none: a check that says nothing, or that has not run since its agent started
    own,          ///< that of a `powerconsul check` with a verdict
    own_serving,  ///< that of one with `--serving` and a verdict: nothing is to be healed where it is critical
    own_unknown,  ///< that of a `powerconsul check` that could not tell, or whose verdict has been cut off
};

namespace detail {

/// The output's last line that is not blank. Earlier ones, such as Consul's notice of truncation or text from standard
/// error, do not matter.
[[nodiscard]] inline auto last_line(std::string_view output) -> std::string_view {
    output = output.substr(0, output.find_last_not_of(" \t\r\n") + 1);
    return output.substr(output.rfind('\n') + 1);
}

/// Whether a line is the end of one that a check prints: Consul keeps the last `output_max_size` bytes of an output,
/// and says so before them (agent/checks/check.go).
[[nodiscard]] inline auto is_cut_line(std::string_view output, std::string_view line) -> bool {
    constexpr std::string_view ends[] = {R"("basis":"none"})", R"("basis":"cached"})", R"("basis":"fresh"})"};
    return output.starts_with("Captured ") &&
           algo::any_of(ends, [&](auto each) { return each.ends_with(line) || line.ends_with(each); });
}

/// Whether a line of text is that of a check with `--serving`: by the words of sentence().
[[nodiscard]] inline auto is_serving_line(std::string_view line) -> bool {
    return line.find(" expects it to serve here") != std::string_view::npos ||
           line.find(" does not serve here, ") != std::string_view::npos;
}

}  // namespace detail

/// Tells it from the output's last line. A `powerconsul check` prints JSON, which the members `type`, `code` and
/// `state` tell from another program's and which may follow other text on its line, or `UNKNOWN - …` and the like in
/// the words of sentence(check_report). A line that was cut proves no verdict.
[[nodiscard]] inline auto kind_of_output(std::string_view output) -> output_kind {
    const std::string_view line = detail::last_line(output);
    if (line.empty()) return output_kind::none;
    for (const std::string_view word : {"UNKNOWN - ", "OK - ", "WARNING - ", "CRITICAL - "}) {
        if (!line.starts_with(word)) continue;
        constexpr std::string_view sentences[] = {" cannot be judged", " expects ", " accepts "};
        const bool ours =
            algo::any_of(sentences, [&](auto words) { return line.find(words) != std::string_view::npos; });
        if (!ours) return output_kind::other;
        if (word.front() == 'U') return output_kind::own_unknown;
        return detail::is_serving_line(line) ? output_kind::own_serving : output_kind::own;
    }
    const std::size_t begin = line.starts_with('{') ? 0 : line.find(R"({"type":)");
    if (begin != std::string_view::npos) {
        if (const auto root = json::parse(line.substr(begin), {.depth = 8, .values = 2'000})) {
            const auto is = [&](std::string_view name, json::kind type) {
                const auto* const found = root->find(name);
                return found != nullptr && found->is(type);
            };
            const bool ours =
                is("state", json::kind::string) && is("type", json::kind::string) && is("code", json::kind::number);
            if (!ours) return output_kind::other;
            if (root->find("state")->text == "unknown") return output_kind::own_unknown;
            const bool serving = is("serving", json::kind::boolean) && root->find("serving")->boolean;
            return serving ? output_kind::own_serving : output_kind::own;
        }
    }
    return detail::is_cut_line(output, line) ? output_kind::own_unknown : output_kind::other;
}

/// Whether a check's output is that of a `powerconsul check` that could not determine the state.
[[nodiscard]] inline auto is_unproven(std::string_view output) -> bool {
    return kind_of_output(output) == output_kind::own_unknown;
}

/// Whether a failing check with that output is none to heal: it could not tell, or says only that the service is not to
/// be used here.
[[nodiscard]] inline auto asks_for_nothing(std::string_view output) -> bool {
    const auto kind = kind_of_output(output);
    return kind == output_kind::own_unknown || kind == output_kind::own_serving;
}

}  // namespace powerconsul::inline v0
