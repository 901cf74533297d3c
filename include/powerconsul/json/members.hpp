#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <type_traits>

#include <powerconsul/json/value.hpp>

/// Files of our own, whose members are listed once, in a function that a writer and a reader are given to.
namespace powerconsul::inline v0::json {

/// The text with U+FFFD for every byte that is not valid UTF-8, so that what is written can be read again.
[[nodiscard]] inline auto sound_text(std::string_view text) -> std::string {
    std::string sound;
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        sound += length == 0 ? std::string_view{"\xEF\xBF\xBD"} : text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return sound;
}

/// Writes the members of an object. Left out are numbers up to `none`, flags that are not set, maps without entries
/// and, unless `always`, empty texts.
struct member_writer {
    writer& to;

    void text(std::string_view name, const std::string& value, bool always = true) {
        if (always || !value.empty()) to.key(name).string(sound_text(value));
    }
    template <std::integral Number>
    void number(std::string_view name, Number value, std::int64_t none = 0) {
        using wide = std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>;
        if (std::cmp_greater(value, none)) to.key(name).number(wide{value});
    }
    void flag(std::string_view name, bool value) {
        if (value) to.key(name).boolean(true);
    }
    template <typename Enum>
    void name(std::string_view name, Enum value, Enum) {
        to.key(name).string(to_string(value));
    }
    /// An object with a member for each entry.
    template <typename T>
    void map(std::string_view name, const std::map<std::string, T>& values) {
        if (values.empty()) return;
        to.key(name).open_object();
        for (const auto& [key, value] : values) {
            if constexpr (std::integral<T>) {
                number(sound_text(key), value, -1);
            } else {
                text(sound_text(key), value);
            }
        }
        to.close_object();
    }
};

/// Reads what a member_writer has written. A member that is missing, of another type or out of its range (up to a
/// quarter of a signed number's, so that times can be added) stays as it is: a damaged text shows when what was read
/// is not written as the same text again.
struct member_reader {
    const value& from;

    void text(std::string_view name, std::string& value, bool = true) {
        if (const auto* const found = find(name, kind::string)) value = found->text;
    }
    template <std::integral Number>
    void number(std::string_view name, Number& value, std::int64_t = 0) {
        constexpr Number most = std::numeric_limits<Number>::max();
        const auto* const found = find(name, kind::number);
        const auto read = found == nullptr ? std::nullopt : found->as_unsigned();
        if (read && std::cmp_less_equal(*read, std::is_signed_v<Number> ? most / 4 : most)) {
            value = static_cast<Number>(*read);
        }
    }
    void flag(std::string_view name, bool& value) {
        if (const auto* const found = find(name, kind::boolean)) value = found->boolean;
    }
    /// The enumerator of that name, up to the last one.
    template <typename Enum>
    void name(std::string_view name, Enum& value, Enum last) {
        const auto* const found = find(name, kind::string);
        for (unsigned i = 0; found != nullptr && i <= static_cast<unsigned>(last); ++i) {
            if (found->text == to_string(static_cast<Enum>(i))) value = static_cast<Enum>(i);
        }
    }
    template <typename T>
    void map(std::string_view name, std::map<std::string, T>& values) {
        const auto* const found = find(name, kind::object);
        if (found == nullptr) return;
        for (const auto& key : found->names) {
            if constexpr (std::integral<T>) {
                member_reader{*found}.number(key, values[key]);
            } else {
                member_reader{*found}.text(key, values[key]);
            }
        }
    }

private:
    [[nodiscard]] auto find(std::string_view name, kind type) const -> const value* {
        const value* const found = from.find(name);
        return found != nullptr && found->is(type) ? found : nullptr;
    }
};

}  // namespace powerconsul::inline v0::json
