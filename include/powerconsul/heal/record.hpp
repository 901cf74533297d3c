#pragma once

#include <powerconsul/heal/handled.hpp>
#include <powerconsul/heal/journal.hpp>

namespace powerconsul::inline v0 {

/// The effects of a host that a handler needs. Only with those of a whole host can it look at services itself.
template <typename H>
concept healing_host = requires(H& here) {
    requires clock<detail::bare<decltype(here.clock)>>;
    requires locking_file_store<detail::bare<decltype(here.files)>>;
    requires job_supervisor<detail::bare<decltype(here.jobs)>>;
    requires event_log<detail::bare<decltype(here.log)>>;
};

/// What a handler remembers and tells of one service: its journal on disk, the report of this look, and the log. The
/// host must outlive it.
template <healing_host Host>
class service_record {
protected:
    using journals = journal_directory<detail::bare<decltype(Host::files)>>;

    service_record(Host& here, std::string state_path, watch_options options)
        : here_{here},
          state_path_{std::move(state_path)},
          journals_{here.files, state_path_},
          options_{std::move(options)} {}

    static constexpr milliseconds short_pause = seconds(1);    ///< between looks while something is about to happen
    static constexpr milliseconds longer_pause = seconds(10);  ///< between looks that ask Consul's servers
    static constexpr milliseconds longest_pause = seconds(60);
    static constexpr std::string_view settling = "the last attempt has its time to settle";
    static constexpr std::string_view backing_off = "the back-off of its trigger is not over";
    static constexpr std::string_view after_damage =
        "its journal was damaged: whether a trigger ran just now is not known";
    static constexpr std::string_view without_trigger = "there is no trigger at ";
    static constexpr std::string_view paused_until = "paused until ";
    static constexpr std::string_view without_place = "other triggers of this node run, at most ";
    static constexpr std::string_view no_attempt_left = "its trigger was given up: ";

    [[nodiscard]] auto wall() const -> milliseconds { return here_.clock.wall(); }

    void look_later(milliseconds after) {
        if (!report_.again || after < *report_.again) report_.again = after;
    }

    // --- the journal ---

    /// Takes the service's lock and loads its journal. Returns nothing if either fails; the report says why.
    [[nodiscard]] auto open(const std::string& service) -> std::optional<typename journals::lock_type> {
        report_ = {};
        report_.service = service;
        keeps_holds_ = true;
        writable_ = true;
        opened_.clear();
        if (auto valid = validate_segment("the Consul service name", service); !valid) {
            return give_up({errc::bad_data, valid.error().message}), std::nullopt;
        }
        look_later(longer_pause);
        auto lock = journals_.lock(service, {});
        if (!lock && lock.error().code == errc::timed_out && options_.lock_wait.count > 0) {
            // One that waits is enough: it will see what the others would have seen.
            const auto place = journals_.waiting_place(service);
            if (!place) {
                say(event_level::info, "nothing done", {{"why", "another handler waits for this service already"}});
                return std::nullopt;
            }
            lock = journals_.lock(service, options_.lock_wait);
        }
        if (!lock && options_.lock_wait.count == 0 && lock.error().code == errc::timed_out) {
            return look_later(short_pause), std::nullopt;
        }
        if (!lock) return give_up(lock.error()), std::nullopt;
        auto loaded = journals_.load(service);
        if (!loaded) return give_up(loaded.error()), std::nullopt;
        report_.again.reset();
        damaged_ = !loaded->note.empty();
        if (damaged_) say(event_level::error, "journal damaged", {{"note", loaded->note}});
        journal_ = std::move(loaded->value);
        stored_ = journal_;
        return std::optional{std::move(*lock)};
    }

    void give_up(const error& why) {
        say(event_level::error, "failed", {{"error", why.message}});
        if (!report_.cause) report_.cause = why;
    }

    /// Makes `next` the journal, and invalidates what points into the old one.
    [[nodiscard]] auto adopt(journal next) -> bool {
        journal_ = std::move(next);
        return save();
    }

    [[nodiscard]] auto save() -> bool {
        if (journal_ == stored_) return true;
        // A service that has never been in a bad state has no journal.
        if (journal_.incidents.empty() && journal_.ledgers.empty() && journal_.silent.empty()) return true;
        if (!writable_) return false;
        if (auto saved = write(journal_); !saved) {
            look_later(longer_pause);
            return give_up(saved.error()), false;
        }
        return true;
    }

    /// Puts `next` on disk, makes it the journal, and tells of the incidents that it records for the first time. What
    /// cannot be written is not tried again in this look.
    [[nodiscard]] auto write(journal next) -> result<void> {
        auto saved = journals_.save(next);
        writable_ = saved.has_value();
        if (!saved) return saved;
        stored_ = next;
        journal_ = std::move(next);
        for (const auto& id : std::exchange(opened_, {})) tell_opened(*find_incident(journal_, id));
        return saved;
    }

    /// Finds attempts that nobody waits for any more, since their runner died, and returns whether one still runs. Its
    /// process may live on until its time is up, and is ended then as its supervisor would have done. If its state
    /// cannot be told, it counts as running.
    [[nodiscard]] auto finish_attempts() -> bool {
        bool any = false;
        for (auto& one : journal_.attempts) {
            if (one.ended.count != 0) continue;
            const auto runs = here_.jobs.is_running(one.process);
            if (runs && !*runs) {
                finish(one, healing::ended);
                continue;
            }
            if (!runs) say(event_level::warning, "failed", {{"error", runs.error().message}}, one.incident);
            if (runs && one.began + one.may_run + seconds(2) < wall()) {
                const auto ended = here_.jobs.end(one.process);
                if (ended) {
                    finish(one, healing::timed_out);
                    say(event_level::warning, "trigger ended",
                        {{"outcome", "timed out"}, {"note", "whoever ran it had ended before"}}, one.incident);
                    continue;
                }
                say(event_level::error, "failed", {{"error", ended.error().message}}, one.incident);
            }
            any = true;
        }
        return any;
    }
    void finish(attempt& one, healing how) {
        one.ended = std::max(wall(), milliseconds{1});
        one.result = how;
        if (one.informs) one.settled = one.ended;
        if (ledger* const row = find_ledger(journal_, one.key); row != nullptr && !one.informs) row->ended = one.ended;
    }

    // --- the report ---

    /// Tells why nothing is done, without a record.
    void wait(const incident& one, std::string why, milliseconds pause) {
        look_later(pause);
        report_.incidents.push_back({.incident = one.id,
                                     .checks = ids_of(one),
                                     .what = one.given_up ? step::given_up : step::wait,
                                     .why = std::move(why)});
    }

    /// Records why nothing is done. It is logged once while the reason stays the same, since a worker looks often.
    void hold(incident& one, std::string why, milliseconds pause, event_level level = event_level::info) {
        look_later(pause);
        say(one.held == why ? event_level::debug : level, "nothing done", {{"why", why}}, one.id);
        report_.incidents.push_back({.incident = one.id,
                                     .checks = ids_of(one),
                                     .what = one.given_up ? step::given_up : step::wait,
                                     .why = why});
        if (!keeps_holds_) return;
        // When it was looked at matters only where that decides when it is worth another look.
        const bool gated = why == backing_off || why.starts_with(without_trigger) || why.starts_with(no_attempt_left);
        if (one.held == why && !gated) return;
        static_cast<void>(adopt(attempt_held(journal_, std::string{one.id}, std::move(why), wall())));
    }

    [[nodiscard]] static auto ids_of(const incident& one) -> std::vector<std::string> {
        std::vector<std::string> ids;
        for (const auto& each : one.checks) {
            if (each.bad || !one.is_open()) ids.push_back(each.check_id);
        }
        return ids;
    }

    // --- the log ---

    [[nodiscard]] static auto checks_text(const incident& one) -> std::string {
        std::string text;
        for (const auto& each : ids_of(one)) text += (text.empty() ? "" : ",") + each;
        return text;
    }

    void tell_end(const attempt& how, std::uint32_t number, const incident& about, const job_outcome& of) {
        const bool well = how.result == healing::ended && how.status == 0;
        std::vector<std::pair<std::string_view, std::string>> fields{{"check", checks_text(about)},
                                                                     {"attempt", std::to_string(number)},
                                                                     {"outcome", std::string{to_string(how.result)}}};
        if (how.status >= 0) fields.emplace_back("status", std::to_string(how.status));
        if (how.signal != 0) fields.emplace_back("signal", std::to_string(how.signal));
        fields.emplace_back("duration_ms", std::to_string((how.ended - how.began).count));
        fields.emplace_back("output", how.output);
        if (of.dropped != 0) fields.emplace_back("dropped_bytes", std::to_string(of.dropped));
        if (!of.no_scope.empty()) fields.emplace_back("no_scope", of.no_scope);
        say(well ? event_level::info : event_level::error, "trigger ended", std::move(fields), about.id);
    }

    void tell_settled(const attempt& one) {
        const bool healed = one.result == healing::healed;
        say(healed ? event_level::info : event_level::warning, healed ? "healed" : "not healed",
            {{"attempt", std::to_string(one.number)},
             {"key", one.key},
             {"after_ms", std::to_string((one.settled - one.began).count)}},
            one.incident);
    }

    void tell_opened(const incident& one) {
        say(event_level::warning, "incident opened", {{"check", checks_text(one)}}, one.id);
    }

    void tell_closed(const incident& one) {
        report_.incidents.push_back({.incident = one.id, .checks = ids_of(one), .what = step::closed});
        say(event_level::info, "incident closed",
            {{"check", checks_text(one)},
             {"attempts", std::to_string(one.attempts)},
             {"outcome", std::string{to_string(one.how)}},
             {"open_ms", std::to_string((one.closed - one.opened).count)}},
            one.id);
    }

    void say(event_level level, std::string_view what, std::vector<std::pair<std::string_view, std::string>> fields,
             const std::string& incident = {}) {
        if (!incident.empty()) fields.insert(fields.begin(), {"incident", incident});
        here_.log.write({level, what, report_.service, std::string{to_string(options_.state)}, std::move(fields)});
    }

    Host& here_;
    std::string state_path_;
    journals journals_;
    watch_options options_;
    handled_service report_{};
    journal journal_{};
    journal stored_{};                   ///< what is on disk
    std::vector<std::string> opened_{};  ///< the ids of incidents that are not on disk yet
    bool writable_{true};
    bool keeps_holds_{true};  ///< whether it is recorded why an incident's trigger was not run
    bool damaged_{};          ///< the journal was damaged, and was loaded as empty
};

}  // namespace powerconsul::inline v0
