#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// The first value of a query's parameter, decoded; empty if it has no value, std::nullopt if it is not there.
[[nodiscard]] inline auto query_parameter(std::string_view query, std::string_view name) -> std::optional<std::string> {
    while (!query.empty()) {
        std::string_view pair = next_part(query, '&');
        if (next_part(pair, '=') != name) continue;
        std::string text{pair};
        std::ranges::replace(text, '+', ' ');
        if (auto decoded = percent_decoded(text)) return decoded;  // Go drops a pair that it cannot decode
    }
    return std::nullopt;
}

/// A query's parameters sorted by name, as Go writes them, except for their encoding.
[[nodiscard]] inline auto sorted_query(std::string_view query) -> std::string {
    std::vector<std::string> pairs;
    while (!query.empty()) {
        const std::string_view pair = next_part(query, '&');
        if (!pair.empty()) pairs.push_back(std::string{pair} + (pair.find('=') == std::string_view::npos ? "=" : ""));
    }
    const auto name = [](std::string_view pair) { return pair.substr(0, pair.find('=')); };
    std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) { return name(a) < name(b); });
    std::string text;
    for (const auto& pair : pairs) text += (text.empty() ? "" : "&") + pair;
    return text;
}

/// Whether Go's ServeMux, and with it Consul, takes the decoded path as it is: no empty, `.` or `..` segment.
[[nodiscard]] constexpr auto is_clean_path(std::string_view path) -> bool {
    if (!path.starts_with('/')) return false;
    path.remove_prefix(1);
    while (!path.empty()) {
        const std::string_view segment = next_part(path, '/');
        if (segment.empty() || segment == "." || segment == "..") return false;
    }
    return true;
}

/// The clean form of a path, percent-encoded, as in the Location of a 301.
[[nodiscard]] inline auto cleaned_path(std::string_view path) -> std::string {
    std::vector<std::string_view> kept;
    const bool slash = path.ends_with('/');
    while (!path.empty()) {
        const std::string_view segment = next_part(path, '/');
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!segment.empty() && segment != "." && segment != "..") kept.push_back(segment);
    }
    std::string text;
    for (const auto segment : kept) text += '/' + percent_encoded(segment);
    return slash || text.empty() ? text + '/' : text;
}

}  // namespace powerconsul::inline v0
