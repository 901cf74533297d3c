#pragma once

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/incident.hpp>
#include <powerconsul/heal/watch.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0::heal {

/// Handles the state's incidents again and again until no attempt is left to come. One worker is enough for a state: a
/// second one returns. Errors go to the log. `connect` is as for handle_all().
template <host Host, typename Connect>
void keep_trying(Host& here, Connect&& connect, const watch_setup& set) {
    constexpr std::string_view no_further_attempts = "; no further attempts are made until a handler is called again";
    constexpr milliseconds calm = seconds(10);  // between two looks if nothing is due
    constexpr milliseconds brief{500};
    constexpr int most_in_vain = 6;
    const bad_state state = set.watch.state;
    const std::string path = set.state_dir + "/journal/worker-" + std::string{to_string(state)} + ".lock";
    const auto end_with = [&](const std::string& why) {
        log_failure(here.log, state, {}, why + std::string{no_further_attempts});
    };
    // Waits a moment: the worker that holds the lock may have found nothing left, and miss what has opened since.
    const auto alone = here.files.lock(path, seconds(2));
    if (!alone) return alone.error().code == errc::timed_out ? void() : end_with(alone.error().message);
    milliseconds least = brief;
    for (int in_vain = 0; in_vain < most_in_vain;) {
        try {
            const auto due = next_due(here.files, set.state_dir, state, set.watch.retry);
            if (due && !*due) return;
            in_vain = due ? 0 : in_vain + 1;
            // Other handlers may open or close incidents meanwhile; a look from time to time finds them.
            const milliseconds left = due ? shorter(**due - here.clock.wall(), calm) : calm;
            here.clock.sleep(left < least ? least : left);
            least = calm;  // an error will not be gone in a moment
            auto view = look_at_agent(connect, here.clock, set.agent_time());
            if (!view) continue;
            const auto done = handle_all(here, connect, set, from_agent(std::move(*view), state));
            if (done && !done->failure()) least = brief;
        } catch (const std::bad_alloc&) {
            ++in_vain;
            here.clock.sleep(calm);
        }
    }
    end_with("the journals cannot be read");
}

}  // namespace powerconsul::inline v0::heal
