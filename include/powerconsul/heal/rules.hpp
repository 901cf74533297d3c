#pragma once

#include <powerconsul/heal/incident.hpp>

/// How snapshots become incidents, and incidents attempts, as pure functions from one journal to the next.
namespace powerconsul::inline v0 {

/// What decide() found that must be done or reported for one incident.
enum class step : unsigned char {
    opened,    ///< the check came into the state
    act,       ///< an attempt is due: look for the trigger and run it
    wait,      ///< no attempt is due; `why` gives the reason
    closed,    ///< the check left the state
    gave_up,   ///< no attempt is left; reported once
    given_up,  ///< it was reported earlier that the incident was given up
};

struct decision_step {
    step what{step::wait};
    std::string incident{};  ///< its id
    std::string check_id{};
    std::string why{};

    friend auto operator==(const decision_step&, const decision_step&) -> bool = default;
};

struct incident_decision {
    journal after{};
    std::vector<decision_step> steps{};  ///< `opened` comes before the `act` that follows from it
};

// --- deciding ---

/// 16 hexadecimal digits from what an incident is about and when it opened: the same on every run (FNV-1a).
[[nodiscard]] inline auto incident_id(const incident& one) -> std::string {
    std::uint64_t hash = fnv1a_start;
    for (const std::string& each : {one.node, one.service_id, one.check_id, std::string{to_string(one.state)},
                                    std::to_string(static_cast<std::uint64_t>(one.opened.count)),
                                    std::to_string(one.create_index), std::to_string(one.modify_index)}) {
        hash = fnv1a("\xFF", fnv1a(each, hash));
    }
    return ascii::hexadecimal(hash);
}

[[nodiscard]] inline auto find_incident(journal& among, std::string_view id) -> incident* {
    const auto found = std::ranges::find(among.incidents, id, &incident::id);
    return found == among.incidents.end() ? nullptr : &*found;
}

/// Adds an incident of that check, with an id that no other of the journal has.
inline auto open_incident(journal& among, bad_state state, const check_facts& facts, milliseconds now) -> incident& {
    incident next{.state = state,
                  .node = facts.node,
                  .service_id = facts.service_id,
                  .check_id = facts.check_id,
                  .create_index = facts.create_index,
                  .modify_index = facts.modify_index,
                  .opened = now};
    // Without indexes, incidents of one check that open at the same time of the clock would have the same id.
    for (next.id = incident_id(next); find_incident(among, next.id) != nullptr; next.id = incident_id(next)) {
        ++next.opened.count;
    }
    next.opened = now;
    return among.incidents.emplace_back(std::move(next));
}

namespace detail {

class incident_decider {
public:
    incident_decider(journal before, bad_state state, milliseconds now, const retry_rules& rules,
                     const std::vector<std::string>& running)
        : made_{std::move(before), {}}, state_{state}, now_{now}, rules_{rules}, running_{running} {}

    [[nodiscard]] auto decide(const std::vector<check_facts>& facts) -> incident_decision {
        for (auto& each : made_.after.incidents) forget_the_future(each);
        // Indexes, not references: an incident that opens may reallocate the list.
        const std::size_t before = made_.after.incidents.size();
        for (std::size_t i = 0; i < before; ++i) {
            const incident& one = made_.after.incidents[i];
            if (one.state != state_ || !one.is_open()) continue;
            const auto about = std::ranges::find_if(facts, [&](const auto& each) { return is_about(one, each); });
            proceed(i, about == facts.end() ? check_facts{} : *about);
        }
        for (const auto& each : facts) open_if_new(each);
        return std::move(made_);
    }

private:
    [[nodiscard]] static auto is_about(const incident& one, const check_facts& facts) -> bool {
        return one.node == facts.node && one.service_id == facts.service_id && one.check_id == facts.check_id;
    }
    /// Whether the facts are a reason neither to open nor to close an incident.
    [[nodiscard]] static auto proves_nothing(const check_facts& facts) -> bool {
        return facts.now == standing::unproven || (facts.now == standing::not_known && facts.listed && facts.unproven);
    }
    [[nodiscard]] static auto in_state(const check_facts& facts) -> bool {
        return facts.now == standing::not_known ? facts.listed : facts.now == standing::in_state;
    }

    /// Moves future times back to now: after the clock was set back, no attempt may wait until it has caught up.
    void forget_the_future(incident& one) const {
        for (milliseconds* const at : {&one.opened, &one.closed, &one.looked, &one.last.began, &one.last.ended}) {
            *at = shorter(*at, now_);
        }
    }

    void tell(step what, const incident& one, std::string why = {}) {
        made_.steps.push_back({what, one.id, one.check_id, std::move(why)});
    }

    void proceed(std::size_t at, const check_facts& facts) {
        incident& one = made_.after.incidents[at];
        if (proves_nothing(facts)) return tell(step::wait, one, "the check's state is not known");
        if (!in_state(facts)) return close(one, facts);
        if (!facts.listed) {
            one.missed = true;
            return tell(step::wait, one, "the snapshot lacks it, the agent still has it");
        }
        if (came_anew(one, facts)) return close(one, facts);  // and opens again, as a new one
        if (facts.modify_index != 0) {
            one.missed = false;
            one.create_index = facts.create_index;
            one.modify_index = facts.modify_index;
        }
        if (one.last.result == healing::ended) one.last.result = healing::not_healed;
        retry(one);
    }

    /// Did the check leave the state and come back unseen? Indexes that go backwards are those of another or a restored
    /// cluster and prove nothing.
    [[nodiscard]] static auto came_anew(const incident& one, const check_facts& facts) -> bool {
        if (facts.modify_index == 0 || one.modify_index == 0) return false;
        if (facts.modify_index < one.modify_index || facts.create_index < one.create_index) return false;
        return facts.create_index > one.create_index || (one.missed && facts.modify_index > one.modify_index);
    }

    void close(incident& one, const check_facts& facts) {
        one.closed = now_;
        one.held.clear();
        const bool ran = one.last.result == healing::ended || one.last.result == healing::not_healed;
        one.silent = facts.now == standing::silent;
        const bool gone = facts.now == standing::not_known && !facts.listed;
        const bool well = one.silent || facts.now == standing::passing || gone;
        if (one.attempts != 0 && ran) one.last.result = well ? healing::healed : healing::not_healed;
        tell(step::closed, one);
    }

    void retry(incident& one) {
        if (is_one_of(one.id, running_)) return tell(step::wait, one, "its last attempt still runs");
        if (one.given_up) return tell(step::given_up, one);
        const auto due = next_attempt(one, rules_);
        if (due && now_ < *due) {
            const auto left = (*due - now_).count;
            return tell(step::wait, one, "the back-off ends in " + std::to_string((left + 999) / 1000) + " s");
        }
        if (one.attempts < rules_.attempts) return attempt_due(one);
        one.given_up = true;
        tell(step::gave_up, one);
    }

    /// Waits for other incidents' attempts: triggers of one service may act on the same process.
    void attempt_due(const incident& one) {
        if (running_.empty()) return tell(step::act, one);
        tell(step::wait, one, "an attempt for another incident of the service still runs");
    }

    /// Continues an incident, with its attempts and back-off, that closed only because its agent had just started.
    void reopen(incident& one, const check_facts& facts) {
        one.closed = {};
        one.silent = false;
        one.create_index = facts.create_index;
        one.modify_index = facts.modify_index;
        if (one.last.result == healing::healed) one.last.result = healing::not_healed;
        retry(one);
    }

    void open_if_new(const check_facts& facts) {
        if (!facts.listed || proves_nothing(facts) || !in_state(facts)) return;
        for (auto& one : made_.after.incidents) {
            if (one.state != state_ || !is_about(one, facts)) continue;
            if (one.silent && now_ < one.closed + silent_time) return reopen(one, facts);
            // A stale snapshot of a closed incident, and the agent does not know the check.
            const bool stale = facts.now == standing::not_known && facts.modify_index != 0 &&
                               facts.create_index == one.create_index && facts.modify_index == one.modify_index;
            if (one.is_open() || stale) return;
        }
        const incident& next = open_incident(made_.after, state_, facts, now_);
        tell(step::opened, next);
        attempt_due(next);
    }

    /// Longest time that a check may take to run after its agent has started; `reopen` applies until then.
    static constexpr milliseconds silent_time = seconds(90);

    incident_decision made_;
    bad_state state_;
    milliseconds now_;
    const retry_rules& rules_;
    const std::vector<std::string>& running_;
};

}  // namespace detail

/// Decides what must be done for one service, from its journal, the facts about its checks in the watched state and the
/// wall-clock time. An open incident of that state whose check is not among the facts has left the state. `running` has
/// the ids of incidents whose last attempt still runs; until it has ended, no other attempt of the service is due.
/// Called again with its own result and the same facts, it asks for nothing new except the attempts, which count only
/// once attempt_began() has recorded them.
[[nodiscard]] inline auto decide(journal before, bad_state state, const std::vector<check_facts>& facts,
                                 milliseconds now, const retry_rules& rules = {},
                                 const std::vector<std::string>& running = {}) -> incident_decision {
    return detail::incident_decider{std::move(before), state, now, rules, running}.decide(facts);
}

// --- recording attempts ---

/// Records the intent to make an attempt. From here on the attempt counts, whatever becomes of it.
[[nodiscard]] inline auto attempt_began(journal before, std::string_view id, attempt intent) -> journal {
    if (incident* const one = find_incident(before, id)) {
        ++one->attempts;
        one->last = std::move(intent);
        one->held.clear();
        one->looked = {};
    }
    return before;
}

/// Records the outcome of the last attempt, whose result is `ended`, `failed_to_run` or `timed_out`.
[[nodiscard]] inline auto attempt_ended(journal before, std::string_view id, const attempt& how) -> journal {
    if (incident* const one = find_incident(before, id); one != nullptr && one->attempts != 0) one->last = how;
    return before;
}

/// Records why no attempt was made. The next one is due after the shortest back-off.
[[nodiscard]] inline auto attempt_held(journal before, std::string_view id, std::string why, milliseconds now)
    -> journal {
    if (incident* const one = find_incident(before, id)) {
        one->held = std::move(why);
        one->looked = now;
    }
    return before;
}

/// Gives open incidents that were given up all their attempts again, and returns how many there were.
inline auto rearm(journal& among) -> std::size_t {
    std::size_t count = 0;
    for (auto& one : among.incidents) {
        if (!one.is_open() || !one.given_up) continue;
        one.given_up = false;
        one.attempts = 0;
        one.last = {};
        ++count;
    }
    return count;
}

/// Lets every attempt that is due wait for a back-off, since the journal was damaged: as after a crash, a trigger may
/// have run a moment ago.
[[nodiscard]] inline auto held_after_damage(incident_decision decided, milliseconds now) -> incident_decision {
    for (auto& each : decided.steps) {
        if (each.what != step::act) continue;
        each.what = step::wait;
        each.why = "its journal was damaged: whether a trigger ran just now is not known";
        decided.after = attempt_held(std::move(decided.after), each.incident, each.why, now);
    }
    return decided;
}

}  // namespace powerconsul::inline v0
