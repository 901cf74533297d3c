#pragma once

#include <powerconsul/heal/incident.hpp>

/// How what is seen of a service's checks becomes incidents, and incidents attempts, as pure functions from one journal
/// to the next. All times are wall clock.
namespace powerconsul::inline v0 {

// --- finding ---

[[nodiscard]] inline auto find_incident(journal& among, std::string_view id) -> incident* {
    const auto found = algo::find(among.incidents, id, &incident::id);
    return found == among.incidents.end() ? nullptr : &*found;
}

/// The service's open incident of that state, of which there is at most one.
[[nodiscard]] inline auto open_incident(journal& among, bad_state state) -> incident* {
    const auto found =
        algo::find_if(among.incidents, [&](const incident& one) { return one.is_open() && one.state == state; });
    return found == among.incidents.end() ? nullptr : &*found;
}

[[nodiscard]] inline auto find_ledger(journal& among, std::string_view key) -> ledger* {
    const auto found = algo::find(among.ledgers, key, &ledger::key);
    return found == among.ledgers.end() ? nullptr : &*found;
}

/// The last attempt that acted on the service, by whatever trigger; nullptr if there is none.
[[nodiscard]] inline auto last_attempt(journal& among) -> attempt* {
    for (auto one = among.attempts.rbegin(); one != among.attempts.rend(); ++one) {
        if (!one->informs) return &*one;
    }
    return nullptr;
}

/// 16 hexadecimal digits from what an incident is about and when it opened: the same on every run (FNV-1a).
[[nodiscard]] inline auto incident_id(const incident& one, std::string_view service) -> std::string {
    std::uint64_t hash = fnv1a_start;
    for (const std::string& each : {one.node, std::string{service}, std::string{to_string(one.state)},
                                    std::to_string(static_cast<std::uint64_t>(one.opened.count))}) {
        hash = fnv1a("\xFF", fnv1a(each, hash));
    }
    return ascii::hexadecimal(hash);
}

/// Adds an open incident with an id that no other of the journal has.
inline auto add_incident(journal& among, bad_state state, std::string node, milliseconds now) -> incident& {
    incident next{.state = state, .node = std::move(node), .opened = now};
    for (next.id = incident_id(next, among.service); find_incident(among, next.id) != nullptr;
         next.id = incident_id(next, among.service)) {
        ++next.opened.count;
    }
    next.opened = now;
    return among.incidents.emplace_back(std::move(next));
}

// --- what is seen ---

/// Records what judge_attempt() found. A time-out or a failure to run stays what it is if it did not heal.
inline void settle_attempt(attempt& one, healing found, milliseconds now) {
    if (found == healing::ended) return;
    one.settled = now;
    if (found == healing::healed || one.result == healing::ended) one.result = found;
}

/// The journal after a look at the service's checks, with the ids of the incidents that the look opened and closed.
struct noticed {
    journal after{};
    std::vector<std::string> opened{};
    std::vector<std::string> closed{};
    bool bad{};                                 ///< a check is in the state now: only then there is anything to heal
    std::optional<milliseconds> counts_from{};  ///< when a silent check in the state will count
};

namespace detail {

class observer {
public:
    observer(journal before, bad_state state, milliseconds now, const retry_rules& rules)
        : made_{std::move(before), {}, {}}, state_{state}, now_{now}, rules_{rules} {}

    [[nodiscard]] auto observe(const std::vector<check_facts>& facts) -> noticed {
        forget_the_future();
        forget_ledgers();
        remember_silence(facts);
        const bool any_bad = algo::any_of(facts, [&](const auto& each) { return counts(each) == count::bad; });
        if (incident* const one = open_incident(made_.after, state_)) {
            update(*one, facts);
            if (!any_bad && !is_undecided(*one, facts)) close(*one, facts);
        } else if (any_bad && !is_stale(facts)) {
            open(facts);
        }
        made_.bad = any_bad && open_incident(made_.after, state_) != nullptr;
        be_well_or_not();
        return std::move(made_);
    }

private:
    enum class count : unsigned char { bad, well, other, undecided };

    [[nodiscard]] auto counts(const check_facts& facts) const -> count {
        switch (facts.now) {
            case standing::in_state: return count::bad;
            case standing::passing: return count::well;
            case standing::elsewhere: return count::other;
            case standing::unproven: return count::undecided;
            case standing::silent_in_state:
            case standing::silent_passing:
            case standing::silent_elsewhere: break;
        }
        const auto since = algo::find(made_.after.silent, facts.check_id, &silent_check::check_id);
        if (since == made_.after.silent.end() || now_ < since->since + rules_.silence) return count::undecided;
        return facts.now == standing::silent_in_state  ? count::bad
               : facts.now == standing::silent_passing ? count::well
                                                       : count::other;
    }

    /// Moves times in the future back to now: after the clock was set back, nothing may wait until it has caught up.
    void forget_the_future() {
        journal& all = made_.after;
        const auto bounded = [&](milliseconds& at) { at = shorter(at, now_); };
        bounded(all.well);
        for (auto& each : all.silent) bounded(each.since);
        for (auto& each : all.ledgers) bounded(each.ended);
        for (auto& each : all.incidents) {
            for (milliseconds* const at : {&each.opened, &each.closed, &each.looked}) bounded(*at);
            for (auto& check : each.checks) bounded(check.changed);
        }
        for (auto& each : all.attempts) {
            for (milliseconds* const at : {&each.began, &each.ended, &each.settled}) bounded(*at);
        }
    }

    [[nodiscard]] static auto is_silent(standing now) -> bool {
        return now == standing::silent_in_state || now == standing::silent_passing || now == standing::silent_elsewhere;
    }

    void remember_silence(const std::vector<check_facts>& facts) {
        std::vector<silent_check> now;
        for (const auto& each : facts) {
            if (!is_silent(each.now)) continue;
            const auto known = algo::find(made_.after.silent, each.check_id, &silent_check::check_id);
            now.push_back(known == made_.after.silent.end() ? silent_check{each.check_id, now_} : *known);
            const milliseconds from = now.back().since + rules_.silence;
            const bool to_come = each.now == standing::silent_in_state && now_ < from;
            if (to_come && (!made_.counts_from || from < *made_.counts_from)) made_.counts_from = from;
        }
        made_.after.silent = std::move(now);
    }

    /// A snapshot of checks that the agent does not know, as they were when an incident about them ended.
    [[nodiscard]] auto is_stale(const std::vector<check_facts>& facts) const -> bool {
        return algo::all_of(facts, [&](const check_facts& each) {
            if (counts(each) != count::bad) return true;
            if (!each.from_snapshot || each.modify_index == 0) return false;
            return algo::any_of(made_.after.incidents, [&](const incident& one) {
                return one.state == state_ && algo::any_of(one.checks, [&](const incident_check& known) {
                           return known.check_id == each.check_id && known.modify_index == each.modify_index;
                       });
            });
        });
    }

    [[nodiscard]] static auto about(const incident_check& known, const std::vector<check_facts>& facts)
        -> const check_facts* {
        const auto found = algo::find_if(facts, [&](const check_facts& each) {
            return each.check_id == known.check_id && each.service_id == known.service_id;
        });
        return found == facts.end() ? nullptr : &*found;
    }

    [[nodiscard]] auto is_undecided(const incident& one, const std::vector<check_facts>& facts) const -> bool {
        return algo::any_of(one.checks, [&](const incident_check& known) {
            const check_facts* const now = about(known, facts);
            return now != nullptr && counts(*now) == count::undecided;
        });
    }

    void see(incident_check& known, const check_facts& now) const {
        if (!known.bad || known.face != now.face) known.changed = now_;
        known.face = now.face;
        if (now.modify_index != 0) known.modify_index = now.modify_index;
        known.bad = true;
    }

    void update(incident& one, const std::vector<check_facts>& facts) const {
        for (auto& known : one.checks) {
            const check_facts* const now = about(known, facts);
            const bool bad = now != nullptr && counts(*now) == count::bad;
            if (bad) see(known, *now);
            known.bad = bad;
        }
        std::uint64_t further = 0;
        for (const auto& each : facts) {
            const bool known = algo::any_of(one.checks, [&](const incident_check& kept) {
                return kept.check_id == each.check_id && kept.service_id == each.service_id;
            });
            if (known || counts(each) != count::bad) continue;
            // Rather one that is bad now than one that was.
            const bool full = one.checks.size() == most_checks;
            const auto place = full ? algo::find(one.checks, false, &incident_check::bad)
                                    : one.checks.insert(one.checks.end(), incident_check{});
            if (place == one.checks.end()) {
                ++further;
            } else {
                *place = {each.service_id, each.check_id};
                see(*place, each);
            }
        }
        if (algo::any_of(one.checks, &incident_check::bad)) one.further_checks = further;
    }

    void open(const std::vector<check_facts>& facts) {
        const auto first = algo::find_if(facts, [&](const auto& each) { return counts(each) == count::bad; });
        incident& one = add_incident(made_.after, state_, first->node, now_);
        update(one, facts);
        made_.opened.push_back(one.id);
    }

    void close(incident& one, const std::vector<check_facts>& facts) {
        bool known = false;
        bool elsewhere = false;
        for (const auto& each : one.checks) {
            const check_facts* const now = about(each, facts);
            known = known || now != nullptr;
            elsewhere = elsewhere || (now != nullptr && counts(*now) == count::other);
        }
        // Of attempts that are not kept any more, it is not known whether they ran.
        const auto failed = algo::count_if(made_.after.attempts, [&](const attempt& each) {
            return each.incident == one.id && !each.informs && each.result == healing::failed_to_run;
        });
        const bool tried = one.attempts > static_cast<std::uint64_t>(failed);
        one.closed = now_;
        one.held.clear();
        one.how = !known ? closing::gone : elsewhere ? closing::left : tried ? closing::healed : closing::over;
        one.owed = one.how == closing::healed ? notice::passing : notice::none;
        // What ended otherwise may come back under another id or in the other state, within the time to settle.
        for (auto& each : made_.after.attempts) {
            if (one.how != closing::healed || each.incident != one.id) continue;
            if (each.settled.count == 0 && each.ended.count != 0) settle_attempt(each, healing::healed, now_);
        }
        made_.closed.push_back(one.id);
    }

    /// Before anything opens: nobody may have looked since the last incident ended.
    void forget_ledgers() {
        journal& all = made_.after;
        if (all.well.count == 0) return;
        std::erase_if(all.ledgers, [&](const ledger& each) {
            const milliseconds last = next_attempt(each, rules_) - each.ended;
            return now_ - all.well >= std::max(rules_.forget, last);
        });
    }

    void be_well_or_not() {
        journal& all = made_.after;
        const bool open = algo::any_of(all.incidents, &incident::is_open);
        if (open || (all.incidents.empty() && all.ledgers.empty())) {
            all.well = {};
        } else if (all.well.count == 0) {
            all.well = now_;
        }
    }

    noticed made_;
    bad_state state_;
    milliseconds now_;
    const retry_rules& rules_;
};

}  // namespace detail

/// What a look at the service's checks changes for that state. `facts` are all checks of the service.
[[nodiscard]] inline auto observe(journal before, bad_state state, const std::vector<check_facts>& facts,
                                  milliseconds now, const retry_rules& rules) -> noticed {
    return detail::observer{std::move(before), state, now, rules}.observe(facts);
}

// --- whether an attempt healed ---

/// What powerconsul itself sees of the service, for the checks that are in the state and are its own.
enum class own_look : unsigned char { none, as_expected, not_as_expected };

/// A check's answer that was first seen so soon after an attempt's end may be older than the attempt.
inline constexpr milliseconds look_delay = seconds(2);

/// Whether a check that is bad now has answered since that time.
[[nodiscard]] inline auto has_answered_since(const incident& one, milliseconds time) -> bool {
    return algo::any_of(one.checks,
                        [&](const incident_check& each) { return each.bad && each.changed > time + look_delay; });
}

/// Whether an attempt that has ended still has its time to settle. Nothing acts on the service in that time, even if it
/// was seen to be well meanwhile and has failed again: it may be on its way.
[[nodiscard]] inline auto settles(const attempt& one, milliseconds now) -> bool {
    return now < one.ended + one.settle;
}

/// Whether an attempt that has ended healed, for an incident that is still open: `healed`, `not_healed`, or `ended`
/// while that cannot be told yet.
[[nodiscard]] inline auto judge_attempt(const attempt& one, const incident& about, own_look seen, milliseconds now)
    -> healing {
    if (seen == own_look::as_expected) return healing::healed;
    if (settles(one, now)) return healing::ended;
    if (seen == own_look::not_as_expected || has_answered_since(about, one.ended)) return healing::not_healed;
    return now < one.ended + one.settle + one.settle ? healing::ended : healing::not_healed;
}

/// Whether what the last attempt came to was known before the incident opened, which thus is another failure. One that
/// was judged while the incident was open was judged by it, even if it was made for another one.
[[nodiscard]] inline auto is_past(const attempt& last, const incident& about, milliseconds now) -> bool {
    const bool known = last.settled.count != 0 && last.settled < about.opened;
    return known && last.incident != about.id && !settles(last, now);
}

/// Whether the last attempt on the service leaves room for another one: its time to settle is over, and it did not
/// heal, or what it healed has failed again. A check of another program that still says what it said then is believed
/// after twice the settle time, and so is one of ours where the service should be stopped, since processes that only
/// the check counts may be left. Where it should run and does, a check that says otherwise is believed only when the
/// ledgers would have forgotten: it may run every few minutes, but it may also look at something that its output does
/// not tell.
[[nodiscard]] inline auto has_failed_again(const attempt& last, const incident& about, own_look seen, bool should_run,
                                           milliseconds now, const retry_rules& rules) -> bool {
    if (settles(last, now)) return false;
    if (is_past(last, about, now) || seen == own_look::not_as_expected) return true;
    if (seen == own_look::none) {
        return last.result != healing::healed || has_answered_since(about, last.settled) ||
               now >= last.settled + last.settle + last.settle;
    }
    return now >= last.ended + (should_run ? rules.forget : last.settle + last.settle);
}

// --- attempts ---

/// Whether a trigger may run now, by its ledger alone.
enum class permission : unsigned char { granted, too_early, gave_up, given_up };

/// `gave_up`: the ledger is given up from now on, which is to be told once.
[[nodiscard]] inline auto permit(ledger* of, milliseconds now, const retry_rules& rules) -> permission {
    if (of == nullptr || of->attempts == 0) return permission::granted;
    if (of->given_up) return permission::given_up;
    if (now < next_attempt(*of, rules)) return permission::too_early;
    if (of->attempts < rules.attempts) return permission::granted;
    of->given_up = true;
    return permission::gave_up;
}

/// Why a trigger runs. Only what heals counts as an attempt; what a person has run by hand needs its time to settle,
/// too.
enum class purpose : unsigned char { heal, by_hand, inform };

/// What an attempt is made with.
struct attempt_start {
    std::string key{};
    std::uint64_t modify_index{};
    milliseconds backoff{};  ///< 0 for the one that is configured
    purpose why{purpose::heal};
};

/// Records that an attempt begins: its intent, before anything has happened.
[[nodiscard]] inline auto attempt_began(journal before, std::string_view id, const attempt_start& with, attempt how)
    -> journal {
    incident* const one = find_incident(before, id);
    if (one == nullptr) return before;
    how.incident = id;
    how.key = with.key;
    how.informs = with.why == purpose::inform;
    if (how.informs) {
        one->owed = notice::none;
    } else {
        ++one->attempts;
        one->held.clear();
        one->looked = {};
    }
    if (with.why == purpose::heal) {
        ledger* row = find_ledger(before, with.key);
        if (row == nullptr) row = &before.ledgers.emplace_back(ledger{.key = with.key});
        how.number = ++row->attempts;
        row->ended = how.began;
        row->backoff = with.backoff;
        row->modify_index = with.modify_index;
        one->key = with.key;
        one->given_up = false;
    }
    before.attempts.push_back(std::move(how));
    return before;
}

/// Records how the last attempt ended; its result is `ended`, `failed_to_run` or `timed_out`. What could not be started
/// has changed nothing, and needs no time to settle.
[[nodiscard]] inline auto attempt_ended(journal before, attempt how) -> journal {
    if (before.attempts.empty()) return before;
    how.informs = before.attempts.back().informs;
    how.stops = before.attempts.back().stops;
    how.number = before.attempts.back().number;
    how.incident = before.attempts.back().incident;
    if (how.result == healing::failed_to_run) how.settle = {};
    if (how.informs || how.result == healing::failed_to_run) how.settled = how.ended;
    if (ledger* const row = find_ledger(before, how.key); row != nullptr && !how.informs) row->ended = how.ended;
    before.attempts.back() = std::move(how);
    return before;
}

/// Records why no attempt was made.
[[nodiscard]] inline auto attempt_held(journal before, std::string_view id, std::string why, milliseconds now)
    -> journal {
    if (incident* const one = find_incident(before, id)) {
        one->held = std::move(why);
        one->looked = now;
    }
    return before;
}

/// Begins that trigger's ledger anew, as for a trigger that was mended.
inline void begin_anew(journal& among, std::string_view key) {
    std::erase_if(among.ledgers, [&](const ledger& each) { return each.key == key; });
    for (auto& each : among.incidents) {
        if (each.is_open() && each.key == key) each.given_up = false;
    }
}

/// Gives the service's triggers all their attempts again, and returns how many had used some.
inline auto rearm(journal& among) -> std::size_t {
    const std::size_t count = among.ledgers.size();
    among.ledgers.clear();
    for (auto& each : among.incidents) {
        if (each.is_open()) each.given_up = false;
    }
    // Whoever acknowledges has looked: what the last attempt did is no longer waited for.
    for (auto& each : among.attempts) {
        if (each.ended.count == 0) continue;
        each.settle = {};
        if (each.settled.count == 0) each.settled = each.ended;
    }
    return count;
}

}  // namespace powerconsul::inline v0
