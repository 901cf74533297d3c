#pragma once

#include <condition_variable>
#include <mutex>
#include <numeric>
#include <span>

#include <powerconsul/heal/trigger_list.hpp>

namespace powerconsul::inline v0 {

/// In which order the services of a node get the few places for triggers that run at one time: that of their due times.
/// Several threads may use it.
class turn_list {
public:
    /// Whether no other service that waits was due earlier. The service waits from now on, and for as long as it asks
    /// at least every two seconds. `due` is wall clock, `now` monotonic.
    [[nodiscard]] auto is_next(const std::string& service, milliseconds due, milliseconds now) -> bool {
        const std::lock_guard hold{mutex_};
        std::erase_if(waiting_,
                      [&](const auto& each) { return each.service == service || now > each.asked + seconds(2); });
        const bool next = algo::none_of(waiting_, [&](const auto& each) { return each.due < due; });
        waiting_.push_back({service, due, now});
        return next;
    }
    /// The service no longer waits.
    void leave(const std::string& service) {
        const std::lock_guard hold{mutex_};
        std::erase_if(waiting_, [&](const auto& each) { return each.service == service; });
    }

private:
    struct waiter {
        std::string service{};
        milliseconds due{};
        milliseconds asked{};
    };

    std::mutex mutex_{};
    std::vector<waiter> waiting_{};
};

/// The checks of one answer of the local agent, indexed: a look at one service costs nothing for the others.
class agent_answer {
public:
    agent_answer() = default;
    explicit agent_answer(std::vector<snapshot_check> checks)
        : checks_{std::move(checks)},
          by_service_{ordered_by(&snapshot_check::service_name)},
          by_id_{ordered_by(&snapshot_check::check_id)} {}

    [[nodiscard]] auto checks() const -> const std::vector<snapshot_check>& { return checks_; }

    /// The checks that a look at a service needs, in their order: the node's, the service's, and those with these ids,
    /// whatever they are of.
    [[nodiscard]] auto about(std::string_view service, std::span<const std::string> ids) const
        -> std::vector<snapshot_check> {
        std::vector<std::size_t> found;
        const auto find = [&](const std::vector<std::size_t>& order, member of, std::string_view name) {
            const auto named = [&](std::size_t i) { return std::string_view{checks_[i].*of}; };
            auto at = algo::lower_bound(order, name, named);
            for (; at != order.end() && named(*at) == name; ++at) found.push_back(*at);
        };
        find(by_service_, &snapshot_check::service_name, "");
        find(by_service_, &snapshot_check::service_name, service);
        for (const auto& each : ids) find(by_id_, &snapshot_check::check_id, each);
        algo::sort(found);
        std::vector<snapshot_check> copies;
        for (auto at = found.begin(); at != found.end(); ++at) {
            if (at == found.begin() || *at != *(at - 1)) copies.push_back(checks_[*at]);
        }
        return copies;
    }

private:
    using member = std::string snapshot_check::*;

    [[nodiscard]] auto ordered_by(member of) const -> std::vector<std::size_t> {
        std::vector<std::size_t> order(checks_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        algo::sort(order, algo::less{}, [&](std::size_t i) { return std::string_view{checks_[i].*of}; });
        return order;
    }

    std::vector<snapshot_check> checks_{};
    std::vector<std::size_t> by_service_{};
    std::vector<std::size_t> by_id_{};
};

/// The local agent's checks, asked for at most once a second however many threads want them. Several threads may use
/// it, each with a client of its own.
class agent_cache {
public:
    [[nodiscard]] auto checks(auto& consul, clock auto& time) -> result<std::vector<snapshot_check>> {
        const std::lock_guard hold{mutex_};
        const auto& all = answer(consul, time);
        if (!all) return unexpected{all.error()};
        return all->checks();
    }
    /// Those that agent_answer::about() chooses.
    [[nodiscard]] auto checks_about(auto& consul, clock auto& time, std::string_view service,
                                    std::span<const std::string> ids) -> result<std::vector<snapshot_check>> {
        const std::lock_guard hold{mutex_};
        const auto& all = answer(consul, time);
        if (!all) return unexpected{all.error()};
        return all->about(service, ids);
    }
    /// Takes what the agent has answered to another question. `at` is monotonic.
    void keep(std::vector<snapshot_check> checks, milliseconds at) {
        const std::lock_guard hold{mutex_};
        answer_ = agent_answer{std::move(checks)};
        asked_ = answered_ = at;
    }
    /// When the agent answered last, monotonic; `otherwise` if it never did.
    [[nodiscard]] auto answered(milliseconds otherwise) const -> milliseconds {
        const std::lock_guard hold{mutex_};
        return answered_.value_or(otherwise);
    }

private:
    [[nodiscard]] auto answer(auto& consul, clock auto& time) -> const result<agent_answer>& {
        if (!asked_ || time.monotonic() >= *asked_ + seconds(1)) {
            answer_ = consul.agent_checks().transform(
                [](std::vector<snapshot_check>&& checks) { return agent_answer{std::move(checks)}; });
            asked_ = time.monotonic();
            if (answer_) answered_ = *asked_;
        }
        return answer_;
    }

    mutable std::mutex mutex_{};
    std::optional<milliseconds> asked_{};
    std::optional<milliseconds> answered_{};
    result<agent_answer> answer_{agent_answer{}};
};

/// How many handlers ask Consul's servers at one time: the others wait for them.
class asking_gate {
public:
    static constexpr std::size_t most = 16;

    /// Waits until it is one of them, which it is until it is destroyed.
    class pass {
    public:
        explicit pass(asking_gate& of) : of_{of} {
            std::unique_lock hold{of_.mutex_};
            of_.free_.wait(hold, [&] { return of_.left_ > 0; });
            --of_.left_;
        }
        pass(const pass&) = delete;
        auto operator=(const pass&) -> pass& = delete;
        ~pass() {
            const std::lock_guard hold{of_.mutex_};
            ++of_.left_;
            of_.free_.notify_one();
        }

    private:
        asking_gate& of_;
    };

private:
    std::mutex mutex_{};
    std::condition_variable free_{};
    std::size_t left_{most};
};

/// What the handlers of several services share in one process.
struct shared_by_handlers {
    turn_list turns{};
    agent_cache agent{};
    trigger_list triggers{};
    asking_gate asking{};
};

}  // namespace powerconsul::inline v0
