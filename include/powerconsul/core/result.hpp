#pragma once

#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// Why something could not be told or done. The tool turns each into one exit code.
enum class errc : unsigned char {
    usage,          ///< the call itself is wrong: an option, an argument, a name
    configuration,  ///< a configuration file or a setting is wrong
    bad_data,       ///< something that was read is not what it must be
    unavailable,    ///< the other side could not be reached or could not answer
    timed_out,      ///< the time given was over before the answer was there
    denied,         ///< the other side refused: a right is missing
    unsupported,    ///< the other side is there and does not offer what it was asked for
    io,             ///< the operating system reported an error
    failed,         ///< it was done and did not succeed
};

/// A failure for a person: what, where, what was expected and what to do, in one sentence without a final dot.
struct error {
    errc code{errc::failed};
    std::string message{};
    /// The settings that would help, where the library cannot know what a program calls them: their names separated by
    /// blanks, as "clusterKey environment". A literal. Who shows the error to a person puts it into words.
    std::string_view remedy{};

    friend bool operator==(const error&, const error&) = default;
};

/// Wraps an error on its way into a result<T>, so that `return fail(...)` needs no type.
struct unexpected {
    error reason{};
};

/// Makes a failure that converts to every result<T>.
[[nodiscard]] inline auto fail(errc code, std::string message, std::string_view remedy = {}) -> unexpected {
    return {error{code, std::move(message), remedy}};
}

/// A value or the reason why there is none: the part of std::expected's interface that never throws.
/// `*` and `->` may be used only when the result holds a value, `error()` only when it does not.
/// The storage is a plain union: a std::variant for each T is most of what including the library would cost.
template <typename T>
class [[nodiscard]] result {
    static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, v0::error>);

public:
    using value_type = T;

    result(T value) : value_(std::move(value)), good_{true} {}  // NOLINT: implicit as std::expected
    result(unexpected why) noexcept : reason_{std::move(why.reason)}, good_{false} {}  // NOLINT

    result(const result& other) requires std::is_copy_constructible_v<T> : none_{}, good_{other.good_} {
        good_ ? make(value_, other.value_) : make(reason_, other.reason_);
    }
    result(result&& other) noexcept : none_{}, good_{other.good_} {
        static_assert(std::is_nothrow_move_constructible_v<T>, "an assignment could end without a state");
        good_ ? make(value_, std::move(other.value_)) : make(reason_, std::move(other.reason_));
    }
    auto operator=(const result& other) -> result& requires std::is_copy_constructible_v<T> {
        *this = result{other};
        return *this;
    }
    auto operator=(result&& other) noexcept -> result& {
        if (this == &other) return *this;
        this->~result();
        ::new (static_cast<void*>(this)) result{std::move(other)};
        return *this;
    }
    ~result() {
        if (good_) {
            value_.~T();
        } else {
            reason_.~error();
        }
    }

    [[nodiscard]] auto has_value() const noexcept -> bool { return good_; }
    [[nodiscard]] explicit operator bool() const noexcept { return good_; }

    [[nodiscard]] auto operator*() & noexcept -> T& { return value_; }
    [[nodiscard]] auto operator*() const& noexcept -> const T& { return value_; }
    [[nodiscard]] auto operator*() && noexcept -> T&& { return std::move(value_); }
    [[nodiscard]] auto operator->() noexcept -> T* { return &value_; }
    [[nodiscard]] auto operator->() const noexcept -> const T* { return &value_; }
    [[nodiscard]] auto error() const& noexcept -> const v0::error& { return reason_; }
    [[nodiscard]] auto error() && noexcept -> v0::error&& { return std::move(reason_); }

    template <typename U>
    [[nodiscard]] auto value_or(U&& other) const& -> T {
        return good_ ? value_ : static_cast<T>(std::forward<U>(other));
    }

    /// f(value) -> result<U>; an error passes through.
    template <typename F>
    [[nodiscard]] auto and_then(F&& f) && -> decltype(std::forward<F>(f)(std::declval<T&&>())) {
        if (good_) return std::forward<F>(f)(std::move(value_));
        return unexpected{std::move(reason_)};
    }

    /// f(value) -> U gives result<U>; an error passes through.
    template <typename F>
    [[nodiscard]] auto transform(
        F&& f) && -> result<std::remove_cvref_t<decltype(std::forward<F>(f)(std::declval<T&&>()))>> {
        if (good_) return std::forward<F>(f)(std::move(value_));
        return unexpected{std::move(reason_)};
    }

private:
    template <typename U, typename Source>
    static void make(U& storage, Source&& source) {
        ::new (static_cast<void*>(&storage)) U(std::forward<Source>(source));
    }

    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): each constructor of the result makes one of them
    union {
        char none_;  ///< before one of the others is made
        T value_;
        v0::error reason_;
    };
    bool good_;
};

/// Done, or the reason why not.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(unexpected why) noexcept : reason_{std::move(why.reason)}, good_{false} {}  // NOLINT

    [[nodiscard]] auto has_value() const noexcept -> bool { return good_; }
    [[nodiscard]] explicit operator bool() const noexcept { return good_; }
    [[nodiscard]] auto error() const& noexcept -> const v0::error& { return reason_; }
    [[nodiscard]] auto error() && noexcept -> v0::error&& { return std::move(reason_); }

private:
    v0::error reason_{};
    bool good_{true};
};

}  // namespace powerconsul::inline v0
