#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include <powerconsul/ports/tasks.hpp>

namespace powerconsul::inline v0 {

/// Runs tasks concurrently in at most `most` threads, including the caller's. If the system gives fewer threads, those
/// do all the work. An exception, for lack of memory, ends only the task that throws it; the first one is thrown again
/// when all tasks have ended.
class thread_runner {
public:
    explicit thread_runner(std::size_t most = 16) : most_{most} {}

    template <typename Task>
    void run(std::size_t count, Task&& task) {
        std::atomic<std::size_t> next{0};
        std::atomic<bool> thrown{false};
        std::exception_ptr first;
        const auto work = [&] {
            for (std::size_t i = next++; i < count; i = next++) {
                try {
                    task(i);
                } catch (...) {
                    if (!thrown.exchange(true)) first = std::current_exception();
                }
            }
        };
        std::vector<std::thread> others;
        const std::size_t wanted = std::min(most_, count);
        try {
            others.reserve(wanted);
            while (others.size() + 1 < wanted) others.emplace_back(work);
        } catch (const std::exception&) {  // no further thread: the tasks are done all the same
        }
        work();
        for (auto& each : others) each.join();
        if (first) std::rethrow_exception(first);
    }

private:
    std::size_t most_;
};

static_assert(task_runner<thread_runner>);

}  // namespace powerconsul::inline v0
