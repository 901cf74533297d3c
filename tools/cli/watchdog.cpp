#include "watchdog.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>

namespace powerconsul::cli {

namespace {

/// What is to be said; whoever takes it ends the process.
std::atomic<const last_word*> pending_word{nullptr};
static_assert(decltype(pending_word)::is_always_lock_free, "a signal handler uses it");

void speak(int) {
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
[[nodiscard]] auto timer_for(int number) -> std::optional<timer_t> {
    sigevent what{};
    what.sigev_notify = SIGEV_SIGNAL;
    what.sigev_signo = number;
    timer_t made{};
    if (::timer_create(CLOCK_MONOTONIC, &what, &made) != 0) return std::nullopt;
    return made;
}

void set(const std::optional<timer_t>& timer, milliseconds left) {
    if (!timer) return;
    // Zero would stop it.
    const itimerspec when{{}, {left.count / 1000, std::max<long>(left.count % 1000 * 1'000'000, 1)}};
    ::timer_settime(*timer, 0, &when, nullptr);
}

}  // namespace

watchdog::watchdog(last_word word)
    : started_{posix_clock{}.monotonic()}, speaks_{timer_for(SIGALRM)}, kills_{timer_for(SIGKILL)} {
    struct sigaction action {};
    action.sa_handler = speak;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGALRM, &action, nullptr);
    // Whoever started us may have blocked it.
    sigset_t ours;
    ::sigemptyset(&ours);
    ::sigaddset(&ours, SIGALRM);
    ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
    change(std::move(word));
}

watchdog::~watchdog() {
    finish();
    for (const auto& timer : {speaks_, kills_}) {
        if (timer) ::timer_delete(*timer);
    }
}

void watchdog::change(last_word word) {
    if (finished_) return;
    const bool armed = !words_.empty() && words_.back().limit == word.limit;
    words_.push_back(std::move(word));
    pending_word = &words_.back();
    if (armed) return;
    const milliseconds left = started_ + words_.back().limit - posix_clock{}.monotonic();
    arm(left.count > 0 ? left : milliseconds{0});
}

void watchdog::finish() {
    if (std::exchange(finished_, true)) return;
    // Somebody else took it: another thread is about to end the process.
    while (pending_word.exchange(nullptr) == nullptr) ::pause();
    const itimerspec never{};
    if (kills_) ::timer_settime(*kills_, 0, &never, nullptr);
}

void watchdog::arm(milliseconds left) const {
    set(kills_, left + seconds(1));
    set(speaks_, left);
}

}  // namespace powerconsul::cli
