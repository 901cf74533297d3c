#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include <powerconsul/ports/log.hpp>

namespace powerconsul::inline v0::testing {

/// A log that keeps its events for a test to look at, in the order in which they came. Several threads may write to it
/// at the same time. Pass it by reference: it cannot be copied. Models `event_log`.
class recording_log {
public:
    void write(const event& what) {
        const std::lock_guard hold{mutex_};
        events_.push_back(what);
    }

    [[nodiscard]] auto events() const -> std::vector<event> {
        const std::lock_guard hold{mutex_};
        return events_;
    }
    /// Only the events with this `what`.
    [[nodiscard]] auto events(std::string_view what) const -> std::vector<event> {
        std::vector<event> chosen;
        const std::lock_guard hold{mutex_};
        for (const auto& each : events_) {
            if (each.what == what) chosen.push_back(each);
        }
        return chosen;
    }
    void clear() {
        const std::lock_guard hold{mutex_};
        events_.clear();
    }

private:
    mutable std::mutex mutex_{};
    std::vector<event> events_{};
};

static_assert(event_log<recording_log>);

}  // namespace powerconsul::inline v0::testing
