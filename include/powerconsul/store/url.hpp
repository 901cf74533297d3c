#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// The first value of a query's parameter, decoded; empty for one without a value, nothing if it is not there.
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

/// Whether Go's ServeMux, and with it Consul, takes the decoded path as it is: no empty, `.` or `..` segment.
[[nodiscard]] constexpr auto is_clean_path(std::string_view path) -> bool {
    if (!path.starts_with('/')) return false;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        if (segment == "." || segment == ".." || (segment.empty() && !path.empty())) return false;
    }
    return true;
}

/// The path that such a one would be cleaned to, percent-encoded, as in the Location of a 301.
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
