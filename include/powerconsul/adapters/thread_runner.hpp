#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
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

    /// In a thread of its own; false if the system gives none, or no memory for it. `task` must be copyable.
    template <typename Task>
    auto start(Task task) -> bool {
        std::erase_if(started_, [](started& each) {
            if (!*each.ended) return false;
            each.thread.join();
            return true;
        });
        try {
            auto ended = std::make_shared<std::atomic<bool>>(false);
            started_.reserve(started_.size() + 1);
            started_.push_back({std::thread{[task, ended] {
                                    task();
                                    *ended = true;
                                }},
                                ended});
        } catch (const std::exception&) {  // no further thread, or no memory for one
            return false;
        }
        return true;
    }
    void wait() {
        for (auto& each : started_) each.thread.join();
        started_.clear();
    }

    thread_runner(thread_runner&&) = default;
    auto operator=(thread_runner&&) -> thread_runner& = default;
    thread_runner(const thread_runner&) = delete;
    auto operator=(const thread_runner&) -> thread_runner& = delete;
    ~thread_runner() { wait(); }

private:
    struct started {
        std::thread thread{};
        std::shared_ptr<std::atomic<bool>> ended{};
    };

    std::size_t most_;
    std::vector<started> started_{};
};

static_assert(task_runner<thread_runner>);

}  // namespace powerconsul::inline v0
