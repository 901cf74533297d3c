#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0::json {

/// Whether a check's output is that of a `powerconsul check` that could not determine the state: its last line is JSON
/// with `"state":"unknown"` (the members `type` and `code` tell it from another program's), or the text `UNKNOWN - …`
/// in the words of sentence(check_report). Earlier lines, such as Consul's notice of truncation or output on stderr, do
/// not matter; the JSON may also follow other text on its line.
[[nodiscard]] inline auto is_unproven(std::string_view output) -> bool {
    output = output.substr(0, output.find_last_not_of(" \t\r\n") + 1);
    std::string_view line = output.substr(output.rfind('\n') + 1);
    if (line.starts_with("UNKNOWN - ")) {
        constexpr std::string_view sentences[] = {" cannot be judged", " expects "};
        return std::ranges::any_of(sentences, [&](auto words) { return line.find(words) != std::string_view::npos; });
    }
    if (!line.starts_with('{')) {
        const std::size_t begin = line.find(R"({"type":)");
        if (begin == std::string_view::npos) return false;
        line.remove_prefix(begin);
    }
    const auto root = parse(line, {.depth = 8, .values = 2'000});
    if (!root) return false;
    const value* const state = root->find("state");
    const value* const type = root->find("type");
    const value* const code = root->find("code");
    return state != nullptr && state->is(kind::string) && state->text == "unknown" && type != nullptr &&
           type->is(kind::string) && code != nullptr && code->is(kind::number);
}

}  // namespace powerconsul::inline v0::json
