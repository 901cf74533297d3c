#pragma once

#include <cstdlib>
#include <new>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0::json {

namespace detail {

/// RapidJSON does not check what its allocator returns, and its own allocator returns null when memory runs out. This
/// one throws std::bad_alloc instead.
class allocator {
public:
    static constexpr bool kNeedFree = true;

    [[nodiscard]] auto Malloc(std::size_t size) -> void* { return Realloc(nullptr, 0, size); }
    [[nodiscard]] auto Realloc(void* old, std::size_t, std::size_t size) -> void* {
        if (size == 0) return Free(old), nullptr;
        void* const made = std::realloc(old, size);
        if (made == nullptr) throw std::bad_alloc{};
        return made;
    }
    static void Free(void* memory) { std::free(memory); }
};

}  // namespace detail

/// Writes one compact JSON text. Names and strings must be UTF-8 (`one_line` and `is_utf8` see to that); calls must
/// come in the order of the text: inside an object every value needs its `key` first. In both whatever a terminal
/// would obey is escaped: controls, also those of C1 (U+007F to U+009F), and what hides_order().
class writer {
public:
    auto open_object() -> writer& { return writer_.StartObject(), *this; }
    auto close_object() -> writer& { return writer_.EndObject(), *this; }
    auto open_array() -> writer& { return writer_.StartArray(), *this; }
    auto close_array() -> writer& { return writer_.EndArray(), *this; }
    auto key(std::string_view name) -> writer& { return string(name); }
    auto null() -> writer& { return writer_.Null(), *this; }
    auto boolean(bool flag) -> writer& { return writer_.Bool(flag), *this; }
    auto number(std::int64_t value) -> writer& { return writer_.Int64(value), *this; }
    auto number(std::uint64_t value) -> writer& { return writer_.Uint64(value), *this; }
    auto string(std::string_view text) -> writer& {
        if (obeyed(text) != text.size()) return escaped(text);
        return writer_.String(text.data(), size(text)), *this;
    }

    [[nodiscard]] auto text() const -> std::string { return {sink_.GetString(), sink_.GetSize()}; }

private:
    static auto size(std::string_view text) -> rapidjson::SizeType {
        return static_cast<rapidjson::SizeType>(text.size());
    }

    /// Where the first character stands that JSON allows as it is and a terminal would obey; the text's size if none
    /// is.
    static auto obeyed(std::string_view text) -> std::size_t {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const auto byte = static_cast<unsigned char>(text[i]);
            if (byte < 0x7F) continue;
            const std::string_view rest = text.substr(i);
            const bool control = byte == 0xC2 && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xA0;
            if (byte == 0x7F || control || hides_order(rest)) return i;
        }
        return text.size();
    }

    /// Writes a string with such characters, all of which are below U+10000, as `\uXXXX`.
    auto escaped(std::string_view text) -> writer& {
        std::string quoted_text = "\"";
        while (!text.empty()) {
            const std::size_t plain = obeyed(text);
            writer part;
            part.string(text.substr(0, plain));
            const std::string inner = part.text();
            quoted_text.append(inner, 1, inner.size() - 2);
            text.remove_prefix(plain);
            if (text.empty()) break;
            const std::size_t length = utf8_sequence(text);
            unsigned code = static_cast<unsigned char>(text.front());
            if (length > 1) code &= length == 2 ? 0x1FU : 0x0FU;
            for (std::size_t i = 1; i < length; ++i) code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
            quoted_text += "\\u" + ascii::hexadecimal(code, 4);
            text.remove_prefix(length == 0 ? 1 : length);
        }
        quoted_text += '"';
        writer_.RawValue(quoted_text.data(), quoted_text.size(), rapidjson::kStringType);
        return *this;
    }

    using sink = rapidjson::GenericStringBuffer<rapidjson::UTF8<>, detail::allocator>;

    sink sink_{};
    rapidjson::Writer<sink, rapidjson::UTF8<>, rapidjson::UTF8<>, detail::allocator> writer_{sink_};
};

}  // namespace powerconsul::inline v0::json
