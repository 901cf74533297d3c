#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace powerconsul::inline v0 {

/// Why something could not be told or done. The tool turns each into one exit code.
enum class errc : unsigned char {
    usage,          ///< the call itself is wrong: an option, an argument, a name
    configuration,  ///< a configuration file or a setting is wrong
    bad_data,       ///< something that was read is not what it must be
    unavailable,    ///< the other side could not be reached or could not answer
    timed_out,      ///< the time given was over before the answer was there
    denied,         ///< the other side refused: a right is missing
    io,             ///< the operating system reported an error
    failed,         ///< it was done and did not succeed
};

/// A failure for a person: what, where, what was expected and what to do, in one sentence without a final dot.
struct error {
    errc code{errc::failed};
    std::string message{};

    friend bool operator==(const error&, const error&) = default;
};

/// Wraps an error on its way into a result<T>, so that `return fail(...)` needs no type.
struct unexpected {
    error reason{};
};

/// Makes a failure that converts to every result<T>.
[[nodiscard]] inline auto fail(errc code, std::string message) -> unexpected {
    return {error{code, std::move(message)}};
}

/// A value or the reason why there is none: the part of std::expected's interface that never throws.
/// `*` and `->` may be used only when the result holds a value, `error()` only when it does not.
template <typename T>
class [[nodiscard]] result {
    static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, v0::error>);

public:
    using value_type = T;

    result(T value) : state_{std::in_place_index<0>, std::move(value)} {}  // NOLINT: implicit as std::expected
    result(unexpected why) : state_{std::in_place_index<1>, std::move(why.reason)} {}  // NOLINT

    [[nodiscard]] auto has_value() const noexcept -> bool { return state_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] auto operator*() & noexcept -> T& { return *std::get_if<0>(&state_); }
    [[nodiscard]] auto operator*() const& noexcept -> const T& { return *std::get_if<0>(&state_); }
    [[nodiscard]] auto operator*() && noexcept -> T&& { return std::move(*std::get_if<0>(&state_)); }
    [[nodiscard]] auto operator->() noexcept -> T* { return std::get_if<0>(&state_); }
    [[nodiscard]] auto operator->() const noexcept -> const T* { return std::get_if<0>(&state_); }
    [[nodiscard]] auto error() const& noexcept -> const v0::error& { return *std::get_if<1>(&state_); }
    [[nodiscard]] auto error() && noexcept -> v0::error&& { return std::move(*std::get_if<1>(&state_)); }

    template <typename U>
    [[nodiscard]] auto value_or(U&& other) const& -> T {
        return has_value() ? **this : static_cast<T>(std::forward<U>(other));
    }

    /// f(value) -> result<U>; an error passes through.
    template <typename F>
    [[nodiscard]] auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
        if (has_value()) return std::forward<F>(f)(std::move(**this));
        return unexpected{std::move(*this).error()};
    }

    /// f(value) -> U gives result<U>; an error passes through.
    template <typename F>
    [[nodiscard]] auto transform(F&& f) && -> result<std::remove_cvref_t<std::invoke_result_t<F, T&&>>> {
        if (has_value()) return std::forward<F>(f)(std::move(**this));
        return unexpected{std::move(*this).error()};
    }

private:
    std::variant<T, v0::error> state_;
};

/// Done, or the reason why not.
template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(unexpected why) : state_{std::in_place_index<1>, std::move(why.reason)} {}  // NOLINT

    [[nodiscard]] auto has_value() const noexcept -> bool { return state_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    [[nodiscard]] auto error() const& noexcept -> const v0::error& { return *std::get_if<1>(&state_); }
    [[nodiscard]] auto error() && noexcept -> v0::error&& { return std::move(*std::get_if<1>(&state_)); }

private:
    std::variant<std::monostate, v0::error> state_{};
};

}  // namespace powerconsul::inline v0
