#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/core/algo.hpp>

/// Characters as ASCII has them, whatever the locale says. A byte above 0x7F belongs to none of these classes.
namespace powerconsul::inline v0::ascii {

[[nodiscard]] constexpr auto is_digit(char c) -> bool {
    return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr auto is_alphanumeric(char c) -> bool {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

/// NUL to US, and DEL.
[[nodiscard]] constexpr auto is_control(char c) -> bool {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

[[nodiscard]] constexpr auto lower(char c) -> char {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline auto lower(std::string_view text) -> std::string {
    std::string lowered{text};
    for (char& c : lowered) c = lower(c);
    return lowered;
}

/// Are two texts the same, upper and lower case apart?
[[nodiscard]] constexpr auto equal_ignoring_case(std::string_view a, std::string_view b) -> bool {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char one, char other) { return lower(one) == lower(other); });
}

/// The last `digits` hexadecimal digits of a number, in lower case.
[[nodiscard]] inline auto hexadecimal(std::uint64_t number, std::size_t digits = 16) -> std::string {
    std::string text(digits, '0');
    for (std::size_t i = digits; i-- > 0; number >>= 4U) text[i] = "0123456789abcdef"[number & 0xFU];
    return text;
}

/// The two hexadecimal digits of a byte, in upper case.
[[nodiscard]] inline auto hexadecimal_byte(char c) -> std::string {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    return {digits[byte >> 4U], digits[byte & 0xFU]};
}

/// What a hexadecimal digit stands for, -1 if it is none.
[[nodiscard]] constexpr auto hexadecimal_value(char c) -> int {
    if (is_digit(c)) return c - '0';
    const char letter = lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace powerconsul::inline v0::ascii
