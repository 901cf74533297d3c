#pragma once

#include <cstdlib>
#include <type_traits>

/// What a header with mutants in it asks: which of them is chosen for this run, by its number in the environment.
namespace powerconsul_mutant {

inline auto chosen() -> int {
    static const int number = [] {
        const char* const text = std::getenv("POWERCONSUL_MUTANT");
        return text == nullptr ? 0 : std::atoi(text);
    }();
    return number;
}

/// At compile time none is.
constexpr auto is(int number) -> bool {
    return !std::is_constant_evaluated() && chosen() == number;
}

template <typename A, typename B>
constexpr auto less(bool mutated, const A& a, const B& b) -> bool {
    return mutated ? a <= b : a < b;
}
template <typename A, typename B>
constexpr auto less_equal(bool mutated, const A& a, const B& b) -> bool {
    return mutated ? a < b : a <= b;
}
template <typename A, typename B>
constexpr auto greater(bool mutated, const A& a, const B& b) -> bool {
    return mutated ? a >= b : a > b;
}
template <typename A, typename B>
constexpr auto greater_equal(bool mutated, const A& a, const B& b) -> bool {
    return mutated ? a > b : a >= b;
}

/// The exit status of a run whose mutant turns out to be none: what it would subtract is text.
inline constexpr int no_mutant = 77;

template <typename A, typename B>
constexpr auto plus(bool mutated, const A& a, const B& b) {
    if constexpr (requires { a - b; }) {
        return mutated ? a - b : a + b;
    } else {
        if (mutated) std::_Exit(no_mutant);
        return a + b;
    }
}
template <typename A, typename B>
constexpr auto minus(bool mutated, const A& a, const B& b) {
    if constexpr (requires { a + b; }) {
        return mutated ? a + b : a - b;
    } else {
        if (mutated) std::_Exit(no_mutant);
        return a - b;
    }
}

}  // namespace powerconsul_mutant
