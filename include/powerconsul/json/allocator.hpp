#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace powerconsul::inline v0::json::detail {

/// RapidJSON writes to what its allocator gives it without a look, and its own gives nothing where there is no memory.
/// This one throws std::bad_alloc.
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

}  // namespace powerconsul::inline v0::json::detail
