#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/supervisor.hpp>

namespace powerconsul::inline v0::testing {

/// A supervisor that starts nothing: it gives scripted outcomes and records the jobs. Several outcomes for one argv are
/// given in order and the last one is repeated; a job without any fails with errc::failed, which names it. Only argv is
/// compared. As with real processes, errc::usage comes before `ready` is called and every other error after it. Models
/// `job_supervisor`; the marks are {1001, 1, "boot"}, {1002, 2, "boot"}, ... Several threads may use it.
class fake_supervisor {
public:
    auto on(std::vector<std::string> argv, result<job_outcome> end) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        for (auto& each : script_) {
            if (each.argv == argv) {
                each.ends.push_back(std::move(end));
                return *this;
            }
        }
        script_.push_back({std::move(argv), {std::move(end)}, 0});
        return *this;
    }
    auto on(std::vector<std::string> argv, int exit_status, std::string output = {}) -> fake_supervisor& {
        job_outcome end;
        end.status = exit_status;
        end.output = std::move(output);
        return on(std::move(argv), result<job_outcome>{std::move(end)});
    }
    /// Sets what a job does to the test's world while it runs, after `ready` has accepted it.
    auto doing(std::function<void(const job&, const process_mark&)> effect) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        effect_ = std::move(effect);
        return *this;
    }
    /// Adds a job that another supervisor, now dead, left running; it runs until `end`.
    auto left_running(process_mark mark) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        running_.push_back(std::move(mark));
        return *this;
    }
    /// From now on is_running() and end() fail with this error.
    auto cannot_tell(error why) -> fake_supervisor& {
        const std::lock_guard lock{guard_};
        blind_ = unexpected{std::move(why)};
        return *this;
    }

    template <typename Ready>
    [[nodiscard]] auto run(const job& what, Ready&& ready) -> result<job_outcome> {
        auto end = next(what);
        if (!end && end.error().code == errc::usage) return end;
        const auto mark = begin();
        result<void> agreed = ready(mark);
        if (agreed && end) begun(what, mark);
        forget(mark);
        if (!agreed) return unexpected{std::move(agreed).error()};
        return end;
    }

    [[nodiscard]] auto is_running(const process_mark& mark) const -> result<bool> {
        const std::lock_guard lock{guard_};
        if (!blind_) return unexpected{blind_.error()};
        return std::find(running_.begin(), running_.end(), mark) != running_.end();
    }

    [[nodiscard]] auto end(const process_mark& mark) -> result<void> {
        const std::lock_guard lock{guard_};
        if (!blind_) return blind_;
        if (std::erase(running_, mark) != 0) ended_.push_back(mark);
        return {};
    }

    /// All jobs that run() was called with, in order, including those that were not started.
    [[nodiscard]] auto jobs() const -> std::vector<job> {
        const std::lock_guard lock{guard_};
        return jobs_;
    }
    /// The jobs that were accepted by `ready` and started.
    [[nodiscard]] auto begun() const -> std::vector<job> {
        const std::lock_guard lock{guard_};
        return begun_;
    }
    /// The jobs that `end` has killed.
    [[nodiscard]] auto ended() const -> std::vector<process_mark> {
        const std::lock_guard lock{guard_};
        return ended_;
    }

private:
    struct entry {
        std::vector<std::string> argv{};
        std::vector<result<job_outcome>> ends{};
        std::size_t given{};
    };

    [[nodiscard]] auto next(const job& what) -> result<job_outcome> {
        const std::lock_guard lock{guard_};
        jobs_.push_back(what);
        for (auto& each : script_) {
            if (each.argv != what.argv) continue;
            const std::size_t at = each.given;
            if (each.given + 1 < each.ends.size()) ++each.given;
            return each.ends[at];
        }
        std::string line;
        for (const auto& word : what.argv) line += ' ' + quoted(word);
        return fail(errc::failed, "no outcome is scripted for the job" + line);
    }

    [[nodiscard]] auto begin() -> process_mark {
        const std::lock_guard lock{guard_};
        ++marks_;
        running_.push_back({static_cast<std::int64_t>(1000 + marks_), marks_, "boot"});
        return running_.back();
    }

    /// The effect runs without the lock: it may call this object.
    void begun(const job& what, const process_mark& mark) {
        std::unique_lock lock{guard_};
        begun_.push_back(what);
        const auto effect = effect_;
        lock.unlock();
        if (effect) effect(what, mark);
    }

    void forget(const process_mark& mark) {
        const std::lock_guard lock{guard_};
        std::erase(running_, mark);
    }

    mutable std::mutex guard_{};
    std::vector<entry> script_{};
    std::function<void(const job&, const process_mark&)> effect_{};
    result<void> blind_{};
    std::uint64_t marks_{};
    std::vector<job> jobs_{};
    std::vector<job> begun_{};
    std::vector<process_mark> running_{};
    std::vector<process_mark> ended_{};
};

static_assert(job_supervisor<fake_supervisor> && job_supervisor<fake_supervisor&>);

}  // namespace powerconsul::inline v0::testing
