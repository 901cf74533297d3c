#pragma once

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// A name that a trigger may use, as in `@HOST`, and the value that replaces it.
struct substitution {
    std::string name{};  ///< without `@`
    std::string value{};
};

/// How the text is used next: as one word of an argument vector, which nothing parses, or by a shell or interpreter.
enum class substitution_style : unsigned char { literal, shell };

inline constexpr std::size_t longest_substituted = std::size_t{1024} * 1024;  ///< bytes of a result of substitute()

namespace detail {

[[nodiscard]] constexpr auto is_name_character(char c) -> bool {
    return ascii::is_alphanumeric(c) || c == '_';
}

/// Whether no shell treats the character specially, wherever it stands in a word.
[[nodiscard]] constexpr auto is_plain_in_shell(char c) -> bool {
    return is_name_character(c) || std::string_view{".:@%+,/=-"}.find(c) != std::string_view::npos;
}

/// `";"`, or `0x0A` for what cannot be shown.
[[nodiscard]] inline auto shown(char c) -> std::string {
    if (c > ' ' && c <= '~') return std::string{'"'} + c + '"';
    return "0x" + ascii::hexadecimal_byte(c);
}

/// Whether the value may be put into text of that style. Fails with errc::bad_data.
[[nodiscard]] inline auto fits(const substitution& known, substitution_style style) -> result<void> {
    const auto refused = [&](const std::string& why) {
        return fail(errc::bad_data, "the value of " + quoted('@' + known.name) + ' ' + why);
    };
    if (style == substitution_style::literal) {
        const std::size_t nul = known.value.find('\0');
        if (nul == std::string::npos) return {};
        return refused("has a NUL at byte " + std::to_string(nul) + ", which no argument can hold; remove it");
    }
    const std::string instead = R"(; use the form {"command": ["/path", ")" + one_line('@' + known.name, 80) +
                                R"("]}, where a value is one argument whatever it holds)";
    if (known.value.empty()) return refused("is empty, so that a shell would see a word less" + instead);
    for (std::size_t i = 0; i < known.value.size(); ++i) {
        if (is_plain_in_shell(known.value[i])) continue;
        return refused("has " + shown(known.value[i]) + " at byte " + std::to_string(i) +
                       ", and in text for a shell only A-Z a-z 0-9 . _ : @ % + , / = - are safe" + instead);
    }
    return {};
}

/// A name found in a text: nullptr if it is not known, and the bytes that it takes, braces included.
struct name_in_text {
    const substitution* known{};
    std::size_t length{};
};

/// The longest known name at the beginning of `rest`, the text after an `@`.
[[nodiscard]] inline auto name_at(std::string_view rest, const std::vector<substitution>& known) -> name_in_text {
    const bool braced = rest.starts_with('{');
    if (braced) rest.remove_prefix(1);
    name_in_text longest;
    for (const auto& each : known) {
        const std::size_t length = each.name.size();
        if (length <= longest.length || !rest.starts_with(each.name)) continue;
        const char next = length < rest.size() ? rest[length] : ' ';
        if (braced ? next != '}' : is_name_character(next)) continue;
        longest = {&each, length};
    }
    if (braced && longest.known != nullptr) longest.length += 2;
    return longest;
}

}  // namespace detail

/// Replaces `@NAME` and `@{NAME}`. The longest known name that is a whole word counts: no letter, digit or `_` follows
/// `@NAME`; what stands before the `@` does not matter. Names are case-sensitive; the first of two equal ones counts.
/// Unknown names stay as they are, and inserted values are not searched again.
/// In shell style a value must not end or begin a word: it consists of one or more of [A-Za-z0-9._:@%+,/=-]. The
/// author of the text is responsible for what a shell makes of such a word: a leading `-`, digits right before a `>`,
/// a `=` in the first word, a `$` right before the `@`. Values that the text does not use are not checked.
/// Fails with errc::bad_data, also if the result would have more than longest_substituted bytes.
[[nodiscard]] inline auto substitute(std::string_view text, const std::vector<substitution>& known,
                                     substitution_style style) -> result<std::string> {
    std::string substituted;
    for (;;) {
        const std::size_t at = text.find('@');
        const detail::name_in_text found =
            at == std::string_view::npos ? detail::name_in_text{} : detail::name_at(text.substr(at + 1), known);
        const std::size_t kept = found.known != nullptr ? at : at == std::string_view::npos ? text.size() : at + 1;
        substituted += text.substr(0, kept);
        if (found.known != nullptr) {
            if (auto sound = detail::fits(*found.known, style); !sound) return unexpected{std::move(sound).error()};
            substituted += found.known->value;
        }
        if (substituted.size() > longest_substituted) {
            return fail(errc::bad_data, "with its names substituted the text has more than the " +
                                            std::to_string(longest_substituted) + " bytes that are taken; shorten it");
        }
        if (at == std::string_view::npos) return substituted;
        text.remove_prefix(at + 1 + found.length);
    }
}

}  // namespace powerconsul::inline v0
