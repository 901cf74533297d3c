#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// Whole numbers as people and Consul write them: decimal digits and nothing else. In one place, because <charconv>
/// costs every translation unit more than all else that is done with numbers.
namespace powerconsul::inline v0 {

/// The digits that a text starts with.
struct leading_digits {
    std::uint64_t number{};  ///< the largest one if what they say is beyond it
    std::size_t count{};     ///< of digits; 0: it starts with something else
    bool fits{true};
};

[[nodiscard]] constexpr auto read_digits(std::string_view text) -> leading_digits {
    leading_digits read;
    for (; read.count < text.size() && text[read.count] >= '0' && text[read.count] <= '9'; ++read.count) {
        const auto digit = static_cast<std::uint64_t>(text[read.count] - '0');
        read.fits = read.fits && read.number <= (UINT64_MAX - digit) / 10;
        read.number = read.fits ? read.number * 10 + digit : UINT64_MAX;
    }
    return read;
}

/// A text that is a whole number from 0 to `most`; nothing if it is something else.
[[nodiscard]] constexpr auto whole_number(std::string_view text, std::uint64_t most = UINT64_MAX)
    -> std::optional<std::uint64_t> {
    const leading_digits read = read_digits(text);
    if (read.count == 0 || read.count != text.size() || !read.fits || read.number > most) return std::nullopt;
    return read.number;
}

}  // namespace powerconsul::inline v0
