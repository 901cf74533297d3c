#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <powerconsul/units.hpp>

namespace powerconsul::cli {

/// What the program prints and how it ends when its time is over.
struct last_word {
    milliseconds limit{};  ///< from the start of the watchdog
    std::string out{};
    int status{};
};

/// Ends the process in time whatever its other threads wait for: a name service, a file system, an expression that
/// takes for ever. Its deadlines are no substitute for those of the parts: those give a better reason.
class watchdog {
public:
    explicit watchdog(last_word word);
    watchdog(const watchdog&) = delete;
    auto operator=(const watchdog&) -> watchdog& = delete;
    ~watchdog();

    /// The time still counts from the start.
    void change(last_word word);

    /// From now on the process ends by itself. Does not return if its time is over.
    void finish();

private:
    void watch();

    std::mutex lock_{};
    std::condition_variable changed_{};
    milliseconds started_{};
    last_word word_;
    bool finished_{};
    std::thread thread_{};
};

}  // namespace powerconsul::cli
