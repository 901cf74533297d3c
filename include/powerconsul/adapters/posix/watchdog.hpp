#pragma once

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <list>
#include <optional>
#include <utility>

#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>

namespace powerconsul::inline v0 {

/// What the program prints and how it ends when its time is over.
struct last_word {
    milliseconds limit{};  ///< from the start of the watchdog
    std::string out{};
    int status{};
};

namespace detail {

/// What is to be said; whoever takes it ends the process.
inline std::atomic<const last_word*> pending_word{nullptr};
static_assert(decltype(pending_word)::is_always_lock_free, "a signal handler uses it");

inline void speak(int) {
    const last_word* const word = pending_word.exchange(nullptr);
    if (word == nullptr) return;
    for (std::size_t at = 0; at < word->out.size();) {
        const auto written = ::write(STDOUT_FILENO, word->out.data() + at, word->out.size() - at);
        if (written <= 0) break;
        at += static_cast<std::size_t>(written);
    }
    std::_Exit(word->status);
}

/// Nothing if there is none to be had: the parts still keep their own deadlines.
[[nodiscard]] inline auto timer_for(int number) -> std::optional<timer_t> {
    sigevent what{};
    what.sigev_notify = SIGEV_SIGNAL;
    what.sigev_signo = number;
    timer_t made{};
    if (::timer_create(CLOCK_MONOTONIC, &what, &made) != 0) return std::nullopt;
    return made;
}

inline void set_timer(const std::optional<timer_t>& timer, milliseconds left) {
    if (!timer) return;
    // Zero would stop it.
    const itimerspec when{{}, {left.count / 1000, std::max<long>(left.count % 1000 * 1'000'000, 1)}};
    ::timer_settime(*timer, 0, &when, nullptr);
}

}  // namespace detail

/// Ends the process in time whatever it waits for: a name service, a file system, an expression that takes for ever.
/// Its deadlines are no substitute for those of the parts: those give a better reason. It takes no thread: SIGALRM
/// speaks the last word; where not even a signal gets through, as in a file system whose server is gone, the process is
/// killed a second later, without a word. There may be only one at a time.
class watchdog {
public:
    explicit watchdog(last_word word) {
        struct sigaction action {};
        action.sa_handler = detail::speak;
        ::sigemptyset(&action.sa_mask);
        ::sigaction(SIGALRM, &action, nullptr);
        // Whoever started us may have blocked it.
        sigset_t ours;
        ::sigemptyset(&ours);
        ::sigaddset(&ours, SIGALRM);
        ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
        change(std::move(word));
    }
    watchdog(const watchdog&) = delete;
    auto operator=(const watchdog&) -> watchdog& = delete;
    ~watchdog() {
        finish();
        for (const auto& timer : {speaks_, kills_}) {
            if (timer) ::timer_delete(*timer);
        }
    }

    /// The time still counts from the start.
    void change(last_word word) {
        if (finished_) return;
        const bool armed = !words_.empty() && words_.back().limit == word.limit;
        words_.push_back(std::move(word));
        detail::pending_word = &words_.back();
        if (armed) return;
        const milliseconds left = started_ + words_.back().limit - posix_clock{}.monotonic();
        detail::set_timer(kills_, std::max(left, milliseconds{}) + seconds(1));
        detail::set_timer(speaks_, std::max(left, milliseconds{}));
    }

    /// From now on the process ends by itself. Does not return if its time is over.
    void finish() {
        if (std::exchange(finished_, true)) return;
        // Somebody else took it: another thread is about to end the process.
        while (detail::pending_word.exchange(nullptr) == nullptr) ::pause();
        const itimerspec never{};
        if (kills_) ::timer_settime(*kills_, 0, &never, nullptr);
    }

private:
    milliseconds started_{posix_clock{}.monotonic()};
    std::list<last_word> words_{};  ///< the signal may come while one is replaced, so none is thrown away
    std::optional<timer_t> speaks_{detail::timer_for(SIGALRM)};
    std::optional<timer_t> kills_{detail::timer_for(SIGKILL)};
    bool finished_{};
};

}  // namespace powerconsul::inline v0
