#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace powerconsul::inline v0 {

/// The certificates of a PEM file, one behind the other, without what else stands in it: keys, comments, lists. Whether
/// they are sound is not looked at; a last one without its end is left out.
[[nodiscard]] inline auto pem_certificates(std::string_view text) -> std::string {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    std::string found;
    for (;;) {
        const std::size_t from = text.find(begin);
        if (from == std::string_view::npos) return found;
        const std::size_t to = text.find(end, from);
        if (to == std::string_view::npos) return found;
        found.append(text.substr(from, to + end.size() - from)).append(1, '\n');
        text.remove_prefix(to + end.size());
    }
}

}  // namespace powerconsul::inline v0
