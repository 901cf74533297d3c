#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Takes one of the `at_once` slots (1 or more) for triggers that run on this node at one time: the lock of a file in
/// the journal's directory, held until it is destroyed. Fails with errc::timed_out if none is free within `wait`.
template <typename Files, typename Clock>
    requires locking_file_store<Files> && clock<Clock>
[[nodiscard]] auto free_slot(Files& files, Clock& time, const std::string& state_path, std::string_view service,
                             std::size_t at_once, milliseconds wait) -> result<typename Files::lock_type> {
    const milliseconds deadline = time.monotonic() + wait;
    const std::size_t own = service.size() % at_once;
    const auto path = [&](std::size_t i) { return state_path + "/journal/slot-" + std::to_string(i) + ".lock"; };
    do {
        for (std::size_t i = 0; i <= at_once; ++i) {
            auto lock = files.lock(path((own + i) % at_once), {i < at_once ? 0 : 100});
            if (lock || lock.error().code != errc::timed_out) return lock;
        }
    } while (time.monotonic() < deadline);
    return fail(errc::timed_out,
                "no trigger of this node ended in time, " + std::to_string(at_once) + " may run at once; try again");
}

}  // namespace powerconsul::inline v0
