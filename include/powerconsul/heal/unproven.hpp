#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0::json {

/// Whether a check's output is that of our own `check` that could not tell the state: its last line is the JSON line
/// with `"state":"unknown"` (told from another program's by its members `type` and `code`), or the text line
/// `UNKNOWN - …` in the words of sentence(). What stands before that line, Consul's notice of truncation or something
/// from stderr, does not matter; a JSON line also counts behind other text.
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
