#pragma once

#include <memory>
#include <new>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// Deletes what a C library made, with the library's own function.
template <auto Free>
struct freed_with {
    template <typename T>
    void operator()(T* what) const {
        static_cast<void>(Free(what));
    }
};

template <typename T, auto Free>
using owned = std::unique_ptr<T, freed_with<Free>>;

/// Takes the null that such a library returns when there is no memory for std::bad_alloc.
template <auto Free, typename T>
[[nodiscard]] auto own(T* made) -> owned<T, Free> {
    if (made == nullptr) throw std::bad_alloc{};
    return owned<T, Free>{made};
}

}  // namespace powerconsul::inline v0
