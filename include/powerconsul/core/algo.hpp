#pragma once

#include <algorithm>
#include <iterator>
#include <type_traits>

#include <powerconsul/version.hpp>

/// The algorithms of std::ranges that the headers use, without its constraints. Called with a list and a function of
/// its own, each of those costs g++ 12 about 18 ms and a sort 35 ms, of these about 1 ms and 10 ms. They take what can
/// be iterated from std::begin to std::end, and pointers to members where they take functions.
namespace powerconsul::inline v0::algo {

struct itself {
    [[nodiscard]] constexpr auto operator()(const auto& value) const -> const auto& { return value; }
};

struct less {
    [[nodiscard]] constexpr auto operator()(const auto& one, const auto& other) const -> bool { return one < other; }
};

template <typename Function, typename Value>
[[nodiscard]] constexpr auto call(Function& function, Value&& value) -> decltype(auto) {
    if constexpr (std::is_member_object_pointer_v<Function>)
        return (value.*function);
    else if constexpr (std::is_member_function_pointer_v<Function>)
        return (value.*function)();
    else
        return function(value);
}

template <typename Range, typename Test>
[[nodiscard]] constexpr auto find_if(Range&& range, Test test) {
    auto at = std::begin(range);
    const auto end = std::end(range);
    while (at != end && !call(test, *at)) ++at;
    return at;
}

template <typename Range, typename Test>
[[nodiscard]] constexpr auto find_if_not(Range&& range, Test test) {
    return find_if(range, [&](const auto& each) { return !call(test, each); });
}

template <typename Range, typename Value, typename Projection = itself>
[[nodiscard]] constexpr auto find(Range&& range, const Value& value, Projection projection = {}) {
    return find_if(range, [&](const auto& each) { return call(projection, each) == value; });
}

template <typename Range, typename Test>
[[nodiscard]] constexpr auto any_of(const Range& range, Test test) -> bool {
    return find_if(range, test) != std::end(range);
}

template <typename Range, typename Test>
[[nodiscard]] constexpr auto none_of(const Range& range, Test test) -> bool {
    return !any_of(range, test);
}

template <typename Range, typename Test>
[[nodiscard]] constexpr auto all_of(const Range& range, Test test) -> bool {
    return find_if_not(range, test) == std::end(range);
}

template <typename Range, typename Test>
[[nodiscard]] constexpr auto count_if(const Range& range, Test test) -> std::ptrdiff_t {
    std::ptrdiff_t found = 0;
    for (const auto& each : range) found += call(test, each) ? 1 : 0;
    return found;
}

template <typename Range, typename Value, typename Projection = itself>
[[nodiscard]] constexpr auto count(const Range& range, const Value& value, Projection projection = {})
    -> std::ptrdiff_t {
    return count_if(range, [&](const auto& each) { return call(projection, each) == value; });
}

/// The range must be sorted.
template <typename Range, typename Value, typename Projection = itself>
[[nodiscard]] constexpr auto lower_bound(Range&& range, const Value& value, Projection projection = {}) {
    return std::lower_bound(std::begin(range), std::end(range), value,
                            [&](const auto& each, const Value& wanted) { return call(projection, each) < wanted; });
}

/// The range must be sorted.
template <typename Range, typename Value>
[[nodiscard]] constexpr auto binary_search(const Range& range, const Value& value) -> bool {
    const auto at = lower_bound(range, value);
    return at != std::end(range) && !(value < *at);
}

template <typename Range, typename Less = less, typename Projection = itself>
constexpr void sort(Range& range, Less is_less = {}, Projection projection = {}) {
    std::sort(std::begin(range), std::end(range), [&](const auto& one, const auto& other) {
        return is_less(call(projection, one), call(projection, other));
    });
}

template <typename Range, typename Less = less, typename Projection = itself>
void stable_sort(Range& range, Less is_less = {}, Projection projection = {}) {
    std::stable_sort(std::begin(range), std::end(range), [&](const auto& one, const auto& other) {
        return is_less(call(projection, one), call(projection, other));
    });
}

}  // namespace powerconsul::inline v0::algo
