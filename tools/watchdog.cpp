#include "watchdog.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <utility>

#include <unistd.h>

#include <powerconsul/adapters/posix_clock.hpp>

namespace powerconsul::cli {

watchdog::watchdog(last_word word) : started_{posix_clock{}.monotonic()}, word_{std::move(word)} {
    try {
        thread_ = std::thread{[this] { watch(); }};
    } catch (const std::exception&) {  // no thread to be had: the parts still keep their own deadlines
    }
}

watchdog::~watchdog() {
    finish();
    if (thread_.joinable()) thread_.join();
}

void watchdog::change(last_word word) {
    const std::lock_guard held{lock_};
    word_ = std::move(word);
    changed_.notify_all();
}

void watchdog::finish() {
    const std::lock_guard held{lock_};
    finished_ = true;
    changed_.notify_all();
}

void watchdog::watch() {
    std::unique_lock held{lock_};
    while (!finished_) {
        const milliseconds left = started_ + word_.limit - posix_clock{}.monotonic();
        if (left.count > 0) {
            changed_.wait_for(held, std::chrono::milliseconds{left.count});
            continue;
        }
        // The lock is kept: nobody else may end the process while this is written.
        for (std::size_t at = 0; at < word_.out.size();) {
            const auto written = ::write(STDOUT_FILENO, word_.out.data() + at, word_.out.size() - at);
            if (written <= 0) break;
            at += static_cast<std::size_t>(written);
        }
        std::_Exit(word_.status);
    }
}

}  // namespace powerconsul::cli
