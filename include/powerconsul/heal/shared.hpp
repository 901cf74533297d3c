#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include <powerconsul/consul/client.hpp>

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
        const bool next = std::ranges::none_of(waiting_, [&](const auto& each) { return each.due < due; });
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

/// The local agent's checks, asked for at most once a second however many threads want them. Several threads may use
/// it, each with a client of its own.
class agent_cache {
public:
    [[nodiscard]] auto checks(auto& consul, clock auto& time) -> result<std::vector<snapshot_check>> {
        const std::lock_guard hold{mutex_};
        if (!asked_ || time.monotonic() >= *asked_ + seconds(1)) {
            answer_ = consul.agent_checks();
            asked_ = time.monotonic();
            if (answer_) answered_ = *asked_;
        }
        return answer_;
    }
    /// When the agent answered last, monotonic; `otherwise` if it never did.
    [[nodiscard]] auto answered(milliseconds otherwise) const -> milliseconds {
        const std::lock_guard hold{mutex_};
        return answered_.value_or(otherwise);
    }

private:
    mutable std::mutex mutex_{};
    std::optional<milliseconds> asked_{};
    std::optional<milliseconds> answered_{};
    result<std::vector<snapshot_check>> answer_{std::vector<snapshot_check>{}};
};

/// What the handlers of several services share in one process.
struct shared_by_handlers {
    turn_list turns{};
    agent_cache agent{};
};

}  // namespace powerconsul::inline v0
