#pragma once

#include <atomic>
#include <mutex>

#include <powerconsul/heal/watch.hpp>

namespace powerconsul::inline v0::heal {

/// Why a worker has ended.
enum class worker_end : unsigned char {
    done,      ///< no incident is open
    replaced,  ///< a newer worker takes over
    waiting,   ///< it has not begun: another one waits already to take over
    renewed,   ///< the program is to be started anew: it was replaced, or the state directory is another one
    lost       ///< no agent has answered for too long, or there is no place to work in; the log says so
};

/// What a worker works with, read anew at each look: a `watch_setup` named `set`, and `connect()`, which gives a
/// transport as a result.
template <typename T>
concept worker_settings = requires(const T& now) {
    { now.set } -> std::convertible_to<const watch_setup&>;
    requires http_transport<std::remove_cvref_t<decltype(*now.connect())>>;
};

/// Sees to all services of a node in one bad state until no incident is open, each in its own time: a slow trigger
/// holds up no other service. There is one worker for a state: a newer one takes over from an older one, which only
/// waits for the triggers that it runs.
///
/// `settings()` gives the settings as a result; while it fails, nothing acts. `is_old()` tells whether the program was
/// replaced by another one. The host must outlive the worker.
template <host Host, typename Settings, typename IsOld>
class worker {
public:
    worker(Host& here, Settings settings, IsOld is_old)
        : here_{here}, settings_{std::move(settings)}, is_old_{std::move(is_old)} {}

    [[nodiscard]] auto run() -> worker_end {
        auto first = current();
        for (int tries = 0; !first && tries < 5; ++tries) {
            here_.clock.sleep(brief);
            first = current();
        }
        if (!first) return lost("the configuration cannot be read");
        const watch_setup set = first->set;
        state_ = set.watch.state;
        if (auto made = make_trusted_directory(here_.files, set.state_dir); !made) return lost(made.error().message);
        const std::string folder = set.state_dir + "/journal";
        if (auto made = make_trusted_directory(here_.files, folder); !made) return lost(made.error().message);
        const std::string path = folder + "/worker-" + std::string{to_string(state_)};
        const std::string next_path = path + ".next";
        std::optional<lock_type> alone;
        {
            // An older worker holds it for a moment when it looks whether there is a newer one.
            const auto next = here_.files.lock(next_path, milliseconds{50});
            if (!next && next.error().code == errc::timed_out) return worker_end::waiting;
            if (!next) return lost(next.error().message);
            auto got = here_.files.lock(path + ".lock", seconds(60));
            if (!got) return lost(got.error().message);
            alone.emplace(std::move(*got));
        }
        const milliseconds began = here_.clock.monotonic();
        std::optional<worker_end> end;
        while (!end) {
            try {
                end = look_around(set, began, next_path);
            } catch (const std::bad_alloc&) {  // it is tried again
            }
            if (!end && is_lost(began)) end = worker_end::lost;
            if (!end) here_.clock.sleep(pace);
        }
        leaving_ = true;
        alone.reset();
        here_.tasks.wait();
        if (end == worker_end::lost) return lost("no agent has answered for " + to_string(longest_silence));
        return *end;
    }

private:
    using lock_type = typename std::remove_cvref_t<decltype(Host::files)>::lock_type;
    using settings_type = std::remove_cvref_t<decltype(*std::declval<Settings&>()())>;
    static_assert(worker_settings<settings_type>);

    static constexpr milliseconds pace{250};
    static constexpr milliseconds brief = seconds(1);  ///< a watch may be quicker than the agent's own answer
    static constexpr milliseconds calm = seconds(5);   ///< between two looks for what else is due
    static constexpr milliseconds longest_silence = seconds(300);

    [[nodiscard]] auto lost(const std::string& why) -> worker_end {
        log_failure(here_.log, state_, {}, why + "; no further attempts are made until a handler is called again");
        return worker_end::lost;
    }

    [[nodiscard]] auto is_lost(milliseconds began) const -> bool {
        return here_.clock.monotonic() > shared_.agent.answered(began) + longest_silence;
    }

    /// Hands over to a newer worker, or starts what is due; nothing while there is anything to see to.
    [[nodiscard]] auto look_around(const watch_setup& set, milliseconds began, const std::string& next_path)
        -> std::optional<worker_end> {
        if (const auto next = here_.files.lock(next_path, {}); !next && next.error().code == errc::timed_out) {
            return worker_end::replaced;
        }
        const milliseconds now = here_.clock.monotonic();
        if (now < next_look_) return std::nullopt;
        next_look_ = now + calm;
        const auto now_set = current();
        if (is_old_() || (now_set && now_set->set.state_dir != set.state_dir)) return worker_end::renewed;
        const bool is_over = !start_what_is_due(set) && here_.clock.monotonic() >= began + brief;
        return is_over ? std::optional{worker_end::done} : std::nullopt;
    }

    // --- settings ---

    /// What to work with now; nothing while that cannot be read, which is told once for each reason.
    [[nodiscard]] auto current() -> std::optional<settings_type> {
        const std::lock_guard hold{mutex_};
        if (!read_ || here_.clock.monotonic() >= *read_ + brief) read_settings();
        return complaint_.empty() ? last_ : std::nullopt;
    }

    /// As they could be read last: good enough for asking whether the agent is there.
    [[nodiscard]] auto last_known() -> std::optional<settings_type> {
        if (auto now = current()) return now;
        const std::lock_guard hold{mutex_};
        return last_;
    }

    void read_settings() {
        auto now = settings_();
        read_ = here_.clock.monotonic();
        if (!now) {
            if (complaint_ != now.error().message) {
                log_failure(here_.log, state_, {}, now.error().message + "; nothing acts until it can be read");
            }
            complaint_ = now.error().message;
            return;
        }
        complaint_.clear();
        last_ = std::move(*now);
    }

    // --- services ---

    /// Starts to see to every service with a check in the state or an open incident, unless somebody does already.
    /// Returns whether there is anything to see to or that is not known.
    [[nodiscard]] auto start_what_is_due(const watch_setup& set) -> bool {
        const auto listed = bad_services();
        const auto open = open_services(here_.files, set.state_dir, state_, listed.value_or(std::set<std::string>{}));
        bool known = open && listed;
        std::set<std::string> due = listed.value_or(std::set<std::string>{});
        if (open) due.insert(open->begin(), open->end());
        std::erase_if(due, [&](const std::string& each) { return !is_valid(each); });
        for (const auto& each : due) {
            {
                const std::lock_guard hold{mutex_};
                if (!seen_to_.insert(each).second) continue;
            }
            bool begun = false;
            try {
                begun = here_.tasks.start([this, service = each] { see_to(service); });
            } catch (const std::bad_alloc&) {  // as if there were no thread
            }
            if (begun) continue;
            leave(each);
            known = false;  // it is tried again
        }
        const std::lock_guard hold{mutex_};
        return !known || !due.empty() || !seen_to_.empty();
    }

    /// Whether there can be a journal of the service; that there cannot is told once.
    [[nodiscard]] auto is_valid(const std::string& service) -> bool {
        const auto valid = validate_segment("the Consul service name", service);
        if (!valid && !is_one_of(service, refused_)) {
            log_failure(here_.log, state_, service, valid.error().message);
            refused_.push_back(service);
        }
        return valid.has_value();
    }

    /// The services with a check in the state, by the agent; nothing if it does not answer.
    [[nodiscard]] auto bad_services() -> std::optional<std::set<std::string>> {
        const auto now = last_known();
        if (!now) return std::nullopt;
        auto transport = now->connect();
        if (!transport) return std::nullopt;
        consul_client<decltype(*transport), decltype((here_.clock))> consul{
            *transport, here_.clock, here_.clock.monotonic() + now->set.agent_time()};
        const auto checks = shared_.agent.checks(consul, here_.clock);
        if (!checks) return std::nullopt;
        std::set<std::string> services;
        for (const auto& each : *checks) {
            const bool maintenance = check_health(each.check_id, each.status) == health::maintenance;
            if (maintenance || each.service_name.empty() || each.status != to_string(state_)) continue;
            if (asks_for_nothing(each.output)) continue;
            services.insert(each.service_name);
        }
        return services;
    }

    void leave(const std::string& service) {
        const std::lock_guard hold{mutex_};
        seen_to_.erase(service);
    }

    /// Looks at one service again and again until nothing is left to do about it. Where there is not even the memory to
    /// say that there is none, it is begun anew later.
    void see_to(const std::string& service) {
        try {
            look_again_and_again(service);
        } catch (const std::bad_alloc&) {
        }
        leave(service);
    }

    void look_again_and_again(const std::string& service) {
        const milliseconds began = here_.clock.monotonic();
        while (!leaving_ && !is_lost(began)) {
            const auto again = look_at(service);
            if (!again) break;
            const milliseconds until = here_.clock.monotonic() + std::max(*again, pace);
            while (!leaving_ && here_.clock.monotonic() < until) {
                here_.clock.sleep(std::min(until - here_.clock.monotonic(), brief));
            }
        }
    }

    [[nodiscard]] auto look_at(const std::string& service) -> std::optional<milliseconds> {
        try {
            const auto now = current();
            if (!now) return brief;
            auto transport = now->connect();
            if (!transport) {
                log_failure(here_.log, state_, service, transport.error().message);
                return calm;
            }
            auto options = detail::options_now(now->set);
            options.lock_wait = {};
            return service_handler{*transport, here_, now->set.state_dir, now->set.roles, options, &shared_}
                .handle(service, {})
                .again;
        } catch (const std::bad_alloc&) {
            return detail::without_memory(here_.log, state_, service).again;
        }
    }

    Host& here_;
    Settings settings_;
    IsOld is_old_;
    bad_state state_{bad_state::critical};
    std::atomic<bool> leaving_{false};
    std::mutex mutex_{};
    std::optional<settings_type> last_{};
    std::optional<milliseconds> read_{};  ///< when they were read, monotonic
    std::string complaint_{};
    std::set<std::string> seen_to_{};  ///< services that a task sees to
    std::vector<std::string> refused_{};
    milliseconds next_look_{};  ///< monotonic
    shared_by_handlers shared_{};
};

}  // namespace powerconsul::inline v0::heal
