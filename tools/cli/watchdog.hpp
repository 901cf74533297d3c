#pragma once

#include <list>
#include <optional>
#include <string>

#include <ctime>

#include <powerconsul/core/time.hpp>

namespace powerconsul::cli {

/// What the program prints and how it ends when its time is over.
struct last_word {
    milliseconds limit{};  ///< from the start of the watchdog
    std::string out{};
    int status{};
};

/// Ends the process in time whatever it waits for: a name service, a file system, an expression that takes for ever.
/// Its deadlines are no substitute for those of the parts: those give a better reason. It takes no thread: SIGALRM
/// speaks the last word; where not even a signal gets through, as in a file system whose server is gone, the process is
/// killed a second later, without a word. There may be only one at a time.
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
    void arm(milliseconds left) const;

    milliseconds started_{};
    std::list<last_word> words_{};  ///< the signal may come while one is replaced, so none is thrown away
    std::optional<timer_t> speaks_{};
    std::optional<timer_t> kills_{};
    bool finished_{};
};

}  // namespace powerconsul::cli
