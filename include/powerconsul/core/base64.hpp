#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <powerconsul/core/result.hpp>

namespace powerconsul::inline v0 {

/// RFC 4648 section 4, with padding: how Consul's KV answers carry values.
inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

namespace detail {

/// The value of each character of the alphabet, 64 for all others.
inline constexpr auto base64_table = [] {
    std::array<unsigned char, 256> values{};
    values.fill(64);
    for (std::size_t i = 0; i < base64_alphabet.size(); ++i) {
        values[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<unsigned char>(i);
    }
    return values;
}();

}  // namespace detail

[[nodiscard]] inline auto base64_encoded(std::string_view bytes) -> std::string {
    std::string text((bytes.size() + 2) / 3 * 4, '=');
    char* to = text.data();
    for (std::size_t i = 0; i < bytes.size(); i += 3, to += 4) {
        const std::size_t taken = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8U | (k < taken ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k <= taken; ++k) to[k] = base64_alphabet[group >> (18U - 6U * k) & 0x3FU];
    }
    return text;
}

/// Fails with errc::bad_data and the offending byte's place. White space, missing padding and bits that a padded
/// group should leave at zero are refused: Consul sends none of them, so they mean a damaged answer.
[[nodiscard]] inline auto base64_decoded(std::string_view text) -> result<std::string> {
    const auto wrong = [](std::size_t at, std::string_view what) {
        return fail(errc::bad_data, "base64: " + std::string{what} + " at byte " + std::to_string(at));
    };
    if (text.size() % 4 != 0) return wrong(text.size(), "the length is not a multiple of four");
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        const std::size_t padding = !last || text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            const auto value = k + padding >= 4 ? 0U : detail::base64_table[static_cast<unsigned char>(text[i + k])];
            if (value == 64) return wrong(i + k, "a character outside the alphabet");
            group = group << 6U | value;
        }
        if (padding > 0 && (group & (padding == 1 ? 0xFFU : 0xFFFFU)) != 0) {
            return wrong(i, "bits behind the last byte");
        }
        for (std::size_t k = 0; k + padding < 3; ++k) bytes += static_cast<char>(group >> (16U - 8U * k) & 0xFFU);
    }
    return bytes;
}

}  // namespace powerconsul::inline v0
