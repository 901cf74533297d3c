#pragma once

#include <concepts>
#include <cstddef>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// Runs `task(0)` to `task(count - 1)`, each once, and returns when all have ended. A runner may run them side by side:
/// tasks must not share what they change, and must not throw.
template <typename T>
concept task_runner = requires(T& runner, std::size_t count, void (*task)(std::size_t)) {
    { runner.run(count, task) } -> std::same_as<void>;
};

/// One after the other, in their order: for simulations and for policies that serve one caller at a time.
struct sequential_runner {
    template <typename Task>
    void run(std::size_t count, Task&& task) {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
};

static_assert(task_runner<sequential_runner>);

}  // namespace powerconsul::inline v0
