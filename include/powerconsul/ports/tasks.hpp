#pragma once

#include <concepts>
#include <cstddef>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0 {

/// `run` runs `task(0)` to `task(count - 1)`, each once, and returns when all have ended. `start` begins one task and
/// may return before it has ended; false if it could not be begun. `wait` returns when all that were begun have ended.
/// A runner may run tasks side by side: they must not share what they change, and must not throw. Only one thread calls
/// `start` and `wait`.
template <typename T>
concept task_runner = requires(T& runner, std::size_t count, void (*task)(std::size_t), void (*one)()) {
    { runner.run(count, task) } -> std::same_as<void>;
    { runner.start(one) } -> std::same_as<bool>;
    { runner.wait() } -> std::same_as<void>;
};

/// One after the other, in their order: for simulations and for policies that serve one caller at a time.
struct sequential_runner {
    template <typename Task>
    void run(std::size_t count, Task&& task) {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
    template <typename Task>
    auto start(Task&& task) -> bool {
        task();
        return true;
    }
    void wait() {}
};

static_assert(task_runner<sequential_runner>);

}  // namespace powerconsul::inline v0
