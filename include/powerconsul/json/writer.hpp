#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <powerconsul/version.hpp>

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
/// come in the order of the text: inside an object every value needs its `key` first.
class writer {
public:
    auto open_object() -> writer& { return writer_.StartObject(), *this; }
    auto close_object() -> writer& { return writer_.EndObject(), *this; }
    auto open_array() -> writer& { return writer_.StartArray(), *this; }
    auto close_array() -> writer& { return writer_.EndArray(), *this; }
    auto key(std::string_view name) -> writer& { return writer_.Key(name.data(), size(name)), *this; }
    auto null() -> writer& { return writer_.Null(), *this; }
    auto boolean(bool flag) -> writer& { return writer_.Bool(flag), *this; }
    auto number(std::int64_t value) -> writer& { return writer_.Int64(value), *this; }
    auto number(std::uint64_t value) -> writer& { return writer_.Uint64(value), *this; }
    auto string(std::string_view text) -> writer& { return writer_.String(text.data(), size(text)), *this; }

    [[nodiscard]] auto text() const -> std::string { return {sink_.GetString(), sink_.GetSize()}; }

private:
    static auto size(std::string_view text) -> rapidjson::SizeType {
        return static_cast<rapidjson::SizeType>(text.size());
    }

    using sink = rapidjson::GenericStringBuffer<rapidjson::UTF8<>, detail::allocator>;

    sink sink_{};
    rapidjson::Writer<sink, rapidjson::UTF8<>, rapidjson::UTF8<>, detail::allocator> writer_{sink_};
};

}  // namespace powerconsul::inline v0::json
