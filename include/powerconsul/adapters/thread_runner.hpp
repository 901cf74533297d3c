#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

#include <powerconsul/tasks.hpp>

namespace powerconsul::inline v0 {

/// Runs tasks side by side, in at most `most` threads, of which the caller's is one. Where the system gives fewer
/// threads, the ones that there are do all the work.
class thread_runner {
public:
    explicit thread_runner(std::size_t most = 16) : most_{most} {}

    template <typename Task>
    void run(std::size_t count, Task&& task) {
        std::atomic<std::size_t> next{0};
        const auto work = [&] {
            for (std::size_t i = next++; i < count; i = next++) task(i);
        };
        std::vector<std::thread> others;
        const std::size_t wanted = std::min(most_, count);
        others.reserve(wanted);
        try {
            while (others.size() + 1 < wanted) others.emplace_back(work);
        } catch (const std::exception&) {  // no further thread: the tasks are done all the same
        }
        work();
        for (auto& each : others) each.join();
    }

private:
    std::size_t most_;
};

static_assert(task_runner<thread_runner>);

}  // namespace powerconsul::inline v0
