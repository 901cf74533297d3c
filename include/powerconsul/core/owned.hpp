#pragma once

#include <new>
#include <utility>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// What a C library made; `Free`, the library's own function, deletes it. As std::unique_ptr, without the time that
/// `<memory>` costs each unit that includes it.
template <typename T, auto Free>
class owned {
public:
    explicit owned(T* made) : what_{made} {}
    owned(owned&& other) noexcept : what_{std::exchange(other.what_, nullptr)} {}
    auto operator=(owned&& other) noexcept -> owned& {
        std::swap(what_, other.what_);
        return *this;
    }
    ~owned() {
        if (what_ != nullptr) static_cast<void>(Free(what_));
    }

    [[nodiscard]] auto get() const -> T* { return what_; }
    [[nodiscard]] auto release() -> T* { return std::exchange(what_, nullptr); }
    explicit operator bool() const { return what_ != nullptr; }

private:
    T* what_;
};

/// Takes the null that such a library returns when there is no memory for std::bad_alloc.
template <auto Free, typename T>
[[nodiscard]] auto own(T* made) -> owned<T, Free> {
    if (made == nullptr) throw std::bad_alloc{};
    return owned<T, Free>{made};
}

}  // namespace powerconsul::inline v0
