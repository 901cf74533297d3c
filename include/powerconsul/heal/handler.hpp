#pragma once

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/heal/pause.hpp>
#include <powerconsul/heal/record.hpp>
#include <powerconsul/heal/service_view.hpp>

namespace powerconsul::inline v0 {

/// Sees to one service in one bad state: turns what its checks say into incidents, and runs the trigger that is due.
/// Holds the service's lock from the first look to the last record, so that two handlers of one service take turns. It
/// asks Consul over the connection that is given. Connection, host and turns must outlive it.
template <http_transport Transport, healing_host Host>
class service_handler : service_record<Host> {
    using base = service_record<Host>;

public:
    /// `shared`: nullptr if nothing else runs triggers in this process.
    service_handler(Transport& consul, Host& here, std::string state_path, resolver_options roles,
                    watch_options options, shared_by_handlers* shared = nullptr)
        : base{here, std::move(state_path), std::move(options)},
          consul_{consul},
          roles_{std::move(roles)},
          shared_{shared},
          view_{consul, here, options_, shared} {
        roles_.who = completed(std::move(roles_.who));
        roles_.reads.documents = roles_.reads.health = consistency::consistent;  // never act on a stale answer
    }

    /// One look, and at most one attempt. `listed`: the snapshot's entries of this service in the watched state, for
    /// checks that the agent does not know.
    [[nodiscard]] auto handle(const std::string& service, const std::vector<snapshot_check>& listed)
        -> handled_service {
        const auto held = open(service);
        if (!held) return report_;
        const auto facts = look(listed);
        if (!facts) return look_later(longer_pause), report_;
        const bool runs = finish_attempts();
        auto seen = observe(journal_, options_.state, *facts, wall(), options_.retry);
        // What was seen and what comes of it are one record: a trigger that starts waits for one only.
        journal_ = std::move(seen.after);
        opened_ = seen.opened;
        if (!seen.closed.empty() && !save()) return report_;
        for (const auto& id : seen.closed) tell_closed(*find_incident(journal_, id));
        if (inform(runs)) proceed(seen, runs);
        static_cast<void>(save());
        return report_;
    }

    /// Runs the trigger for one check, whatever the journal says of back-off and attempts.
    [[nodiscard]] auto run_once(const snapshot_check& check) -> handled_service {
        const auto held = open(check.service_name);
        if (!held) return report_;
        const auto facts = look({check});
        if (!facts) return report_;
        if (finish_attempts()) {
            report_.cause = error{errc::timed_out, "the last attempt on the service still runs"};
            return report_;
        }
        view_.checks() = {check};
        incident* one = open_incident(journal_, options_.state);
        const bool is_new = one == nullptr;
        keeps_holds_ = !is_new;
        if (is_new) {
            one = &add_incident(journal_, options_.state, check.node, wall());
            one->checks.push_back({check.service_id, check.check_id, true, wall(), 0, check.modify_index});
        }
        // An incident that a watch opened is closed by a watch only.
        const bool stays = !is_new || algo::any_of(*facts, [&](const check_facts& each) {
            return each.check_id == check.check_id && each.now == standing::in_state;
        });
        const std::string id = one->id;
        attempt_on(id, purpose::by_hand);
        if (incident* const after = find_incident(journal_, id); !stays && after->attempts != 0) {
            after->closed = wall();
            after->how = closing::over;
            static_cast<void>(save());
        }
        return report_;
    }

private:
    using client = consul_client<Transport&, decltype(Host::clock)&>;
    using slot = std::optional<typename base::journals::lock_type>;
    using base::adopt, base::after_damage, base::backing_off, base::checks_text, base::damaged_, base::finish_attempts,
        base::give_up, base::here_, base::hold, base::ids_of, base::journal_, base::journals_, base::keeps_holds_,
        base::longer_pause, base::longest_pause, base::look_later, base::no_attempt_left, base::open, base::opened_,
        base::options_, base::paused_until, base::report_, base::save, base::say, base::settling, base::short_pause,
        base::state_path_, base::stored_, base::tell_closed, base::tell_end, base::tell_settled, base::write,
        base::wait, base::wall, base::without_place, base::without_trigger;

    [[nodiscard]] auto consul(milliseconds deadline) -> client { return {consul_, here_.clock, deadline}; }
    [[nodiscard]] auto consul() -> client { return consul(here_.clock.monotonic() + options_.consul_time); }

    // --- the facts ---

    /// What is seen of the service's checks. Returns nothing if Consul cannot tell; the report says why.
    [[nodiscard]] auto look(const std::vector<snapshot_check>& listed) -> std::optional<std::vector<check_facts>> {
        auto seen = view_.look(report_.service, listed);
        if (!seen) return give_up(seen.error()), std::nullopt;
        const incident* const one = open_incident(journal_, options_.state);
        if (one != nullptr && seen->empty() && !is_shown(*one)) return std::nullopt;
        return std::move(*seen);
    }

    /// Whether the agent shows the service's checks. It leaves out what the token may not see, and then a check that is
    /// not listed proves nothing. That the agent cannot be asked for it does not change: one incident has it logged
    /// once, and keeps it as the reason why nothing is done.
    [[nodiscard]] auto is_shown(const incident& about) -> bool {
        const auto whole = consul().require_rights({{acl_resource::service, report_.service}}, {},
                                                   "the agent does not show the checks of " + report_.service);
        if (whole) return true;
        if (whole.error().code != errc::unsupported) return give_up(unanswered(whole.error())), false;
        const std::string id = about.id;
        if (about.held != whole.error().message) {
            give_up(whole.error());
            static_cast<void>(adopt(attempt_held(journal_, id, whole.error().message, wall())));
        }
        if (!report_.cause) report_.cause = whole.error();
        return false;
    }

    // --- what is next ---

    void proceed(const noticed& seen, bool runs) {
        incident* const one = open_incident(journal_, options_.state);
        if (one == nullptr) {
            // Other checks of the service may become bad before.
            if (seen.counts_from) look_later(shorter(*seen.counts_from - wall(), longer_pause));
            return;
        }
        if (!seen.bad) return wait(*one, "it is not known in which state its checks are", seconds(5));
        if (runs) return wait(*one, "its last attempt still runs", short_pause);
        if (damaged_) return hold(*one, std::string{after_damage}, options_.retry.backoff);
        if (one->held == after_damage && wall() < one->looked + options_.retry.backoff) {
            return wait(*one, one->held, short_pause);
        }
        if (!leaves_room(*one)) return;
        const std::string id = one->id;  // what is recorded may move all incidents
        attempt_on(id, purpose::heal);
        const bool gave_up = !report_.incidents.empty() && report_.incidents.back().what == step::gave_up;
        if (gave_up) static_cast<void>(inform(false));
    }

    /// Whether the last attempt and what came of it leave room for another one.
    [[nodiscard]] auto leaves_room(incident& one) -> bool {
        attempt* const last = last_attempt(journal_);
        if (last == nullptr || is_past(*last, one, wall())) return true;
        // What the role demands now need not wait for what it demanded before.
        const auto should_run = view_.expected_now();
        if (should_run && *should_run == last->stops) {
            if (last->settled.count == 0) last->settled = wall();
            return true;
        }
        // Nor does it if only the role can tell what that is, as long as the service was seen to be well in between.
        if (last->settled.count != 0 && !should_run && settles(*last, wall())) return true;
        const auto now = view_.look_at_service(one);
        if (last->settled.count == 0) {
            const healing found = judge_attempt(*last, one, now.seen, wall());
            if (found == healing::ended) {
                const milliseconds over = wall() - last->ended;
                wait(one,
                     over < last->settle ? "the last attempt has until " + utc_time(last->ended + last->settle) +
                                               " to show that it healed"
                                         : "no check has answered since the last attempt",
                     short_pause);
                return false;
            }
            settle_attempt(*last, found, wall());
            tell_settled(*last);
        } else if (now.seen == own_look::as_expected && now.should_run &&
                   (last->result == healing::not_healed || last->result == healing::timed_out)) {
            settle_attempt(*last, healing::healed, wall());
            tell_settled(*last);
        }
        const bool again = has_failed_again(*last, one, now.seen, now.should_run, wall(), options_.retry);
        if (!again) wait(one, "it is well again, but its checks do not say so yet", seconds(5));
        return again;
    }

    // --- holds ---

    /// Why nothing may act on the service now, as far as this machine and its agent can tell; empty if it may.
    [[nodiscard]] auto local_hold() -> std::string {
        report_.stopped =
            powerconsul::local_hold(here_.files, options_.stop_file, state_path_, report_.service, wall());
        if (!report_.stopped.empty()) return report_.stopped;
        if (is_one_of(report_.service, options_.noop_triggers)) return "the configuration's noopTriggers name it";
        return maintenance_of(view_.agent(), report_.service).value_or("");
    }

    /// Why what the role demands may not be done now; empty if it may. An error if that cannot be told.
    [[nodiscard]] static auto role_hold(const resolution& facts) -> result<std::string> {
        // What was last known is for telling, not for acting.
        const bool told = facts.from != basis::cached && trigger_role(facts.own, facts.expects) != role::unknown;
        if (facts.waits && facts.from != basis::cached) {
            return "no active serves, and this node is about to take over: " + facts.reason;
        }
        if (!told) return unexpected{facts.cause ? unanswered(*facts.cause) : error{errc::failed, facts.reason}};
        // What has stopped here meanwhile must not be started beside it.
        if (facts.own == role::secondary && facts.expects == expectation::running &&
            facts.others.state == actives::serving) {
            return "an active serves again, and this node is about to give back: " + facts.reason;
        }
        return std::string{};
    }

    // --- attempts ---

    /// Whether the trigger of an incident is worth the questions that an attempt needs: not while its back-off lasts,
    /// and not while there is none or it was given up, unless it has changed in Consul. Asked cheaply: any server may
    /// answer. From time to time all is looked up anew, since the role may have changed.
    [[nodiscard]] auto is_worth_a_look(incident& one) -> bool {
        if (one.held.empty() || wall() >= one.looked + longest_pause || knows_better(one)) return true;
        ledger* const row = find_ledger(journal_, one.key);
        if (one.held == backing_off && row != nullptr) {
            const milliseconds due = next_attempt(*row, options_.retry);
            return wall() >= due || wall() >= one.looked + longer_pause;
        }
        const bool missing = one.held.starts_with(without_trigger);
        if (!missing && !one.held.starts_with(no_attempt_left)) return true;
        if (!missing && (row == nullptr || !row->given_up)) return true;  // acknowledged
        return trigger_has_changed(one.key, missing || row == nullptr ? 0 : row->modify_index);
    }

    /// Whether a check of ours says something else since the last look: the role may have changed. What others print
    /// may change with each run.
    [[nodiscard]] auto knows_better(const incident& one) -> bool {
        return algo::any_of(view_.checks(), [&](const snapshot_check& each) {
            const auto known = algo::find(one.checks, each.check_id, &incident_check::check_id);
            return known != one.checks.end() && known->bad && known->changed > one.looked + look_delay &&
                   kind_of_output(each.output) == output_kind::own;
        });
    }

    [[nodiscard]] auto trigger_has_changed(const std::string& key, std::uint64_t modify_index) -> bool {
        const std::string_view place = std::string_view{key}.substr(0, key.rfind('/'));
        for (const role as : {role::primary, role::secondary, role::standalone}) {
            if (place.substr(place.rfind('/') + 1) != to_string(as)) continue;
            const auto keys =
                trigger_keys(options_.triggers, roles_.who, report_.service, as, to_trigger_state(options_.state));
            for (std::size_t i = 0; keys && i < keys->size(); ++i) {
                if (modify_index == 0 && is_listed(*keys, i) == false) continue;
                const auto read = consul().read_key((*keys)[i], roles_.who.datacenter, consistency::stale);
                if (!read) return false;
                if (read->entry) return (*keys)[i] != key || read->entry->modify_index != modify_index;
            }
            return modify_index != 0;
        }
        return true;
    }

    /// Whether one of a service's trigger keys is among all keys that are there; nothing if it is to be asked for
    /// alone.
    [[nodiscard]] auto is_listed(const std::vector<std::string>& keys, std::size_t which) -> std::optional<bool> {
        if (shared_ == nullptr) return std::nullopt;
        // The last one stands where all others do or above: <base>/<service>/<role>/<state>.
        std::string top = keys.back();
        for (int i = 0; i < 3; ++i) top.resize(top.rfind('/'));
        return shared_->triggers.has(keys[which], top, roles_.who.datacenter, consul_, here_.clock,
                                     options_.consul_time);
    }

    /// Makes one attempt, or records why none is made.
    void attempt_on(const std::string& id, purpose why) {
        incident& one = *find_incident(journal_, id);
        std::optional<asking_gate::pass> pass;
        if (shared_ != nullptr) pass.emplace(shared_->asking);
        if (why == purpose::heal && !is_worth_a_look(one)) {
            const ledger* const row = one.held == backing_off ? find_ledger(journal_, one.key) : nullptr;
            const milliseconds due = row == nullptr ? wall() + seconds(5) : next_attempt(*row, options_.retry);
            return wait(one, one.held, shorter(due - wall(), seconds(5)));
        }
        if (const auto held = local_hold(); !held.empty()) return hold_here(one, held);
        // A pause may last for weeks: while it holds, nothing else is asked for.
        if (one.held.starts_with(paused_until)) {
            auto asking = consul();
            const auto still = pause_hold(asking, roles_.who, report_.service, wall());
            if (still && !still->empty()) return hold(one, *still, longer_pause);
        }
        // A service without a trigger must not wait for a place, nor keep others from theirs. One that is known to wait
        // asks Consul nothing until it has its place.
        slot place;
        const auto take_place = [&] {
            if (auto got = free_place(one, why)) place.emplace(std::move(*got));
            return place.has_value();
        };
        const bool waits = why == purpose::by_hand || one.held.starts_with(without_place);
        if (waits && !take_place()) return;
        const auto facts = resolve_role();
        if (auto held = role_hold(facts); !held || !held->empty()) {
            return held ? hold(one, *held, longer_pause) : fail_to(one, held.error());
        }
        auto asking = consul(here_.clock.monotonic() + options_.consul_time);
        auto search = find_trigger(asking, options_.triggers, roles_.who, facts, report_.service,
                                   to_trigger_state(options_.state));
        if (!search) return fail_to(one, unanswered(search.error()));
        if (!search->found) {
            one.key = search->tried.back();
            return hold(one, std::string{without_trigger} + listed(search->tried, "or"), longer_pause);
        }
        const found_trigger& trigger = *search->found;
        if (why == purpose::heal && !may_run(one, trigger, facts.expects == expectation::stopped)) return;
        const auto paused = pause_hold(asking, roles_.who, report_.service, wall());
        if (!paused) return fail_to(one, unanswered(paused.error()));
        if (!paused->empty()) {
            report_.stopped = *paused;
            return hold(one, *paused, longer_pause);
        }
        if (!place && !take_place()) return;
        // Once more, last of all: a person may have acted while a place and Consul's answers were waited for.
        if (const auto asked = view_.ask_again(); !asked) return fail_to(one, asked.error());
        if (const auto held = local_hold(); !held.empty()) return hold_here(one, held);
        if (why == purpose::heal && !view_.is_still_bad()) {
            return wait(one, "its checks have changed meanwhile", short_pause);
        }
        pass.reset();
        run_trigger(id, trigger, facts, why);
    }

    void hold_here(incident& one, const std::string& why) {
        hold(one, why, seconds(2), report_.stopped.empty() ? event_level::info : event_level::warning);
    }

    [[nodiscard]] auto resolve_role() -> resolution {
        return role_resolver{consul_, here_.clock, here_.files, state_path_, roles_}.resolve(report_.service,
                                                                                             options_.consul_time);
    }

    void fail_to(incident& one, const error& why) {
        if (!report_.cause) report_.cause = why;
        hold(one, why.message, longer_pause, event_level::error);
    }

    /// Asks the trigger's ledger. One whose trigger has changed since it was given up or could not be run begins anew.
    /// `stops`: the service is to be stopped.
    [[nodiscard]] auto may_run(incident& one, const found_trigger& trigger, bool stops) -> bool {
        const attempt* const last = last_attempt(journal_);
        const bool unfit = last != nullptr && last->key == trigger.key && last->result == healing::failed_to_run;
        if (const ledger* const known = find_ledger(journal_, trigger.key);
            known != nullptr && (known->given_up || unfit) && known->modify_index != trigger.modify_index) {
            begin_anew(journal_, trigger.key);
        }
        ledger* const row = find_ledger(journal_, trigger.key);
        // It was seen to be well, and has failed again: it may be on its way all the same.
        if (last != nullptr && last->stops == stops && settles(*last, wall())) {
            const milliseconds left = last->ended + last->settle - wall();
            return hold(one, std::string{settling}, shorter(left, longer_pause)), false;
        }
        const permission given = permit(row, wall(), options_.retry);
        if (given == permission::granted) return true;
        one.key = trigger.key;
        if (given == permission::too_early) {
            hold(one, std::string{backing_off}, shorter(next_attempt(*row, options_.retry) - wall(), longer_pause),
                 event_level::debug);
            return false;
        }
        const std::string why = std::string{no_attempt_left} + trigger.key;
        if (given == permission::gave_up) {
            one.owed = notice::given_up;
            say(event_level::error, "gave up",
                {{"check", checks_text(one)},
                 {"attempts", std::to_string(row->attempts)},
                 {"key", trigger.key},
                 {"todo", "see to it by hand, then: powerconsul incidents ack " + journal_.service}},
                one.id);
        }
        one.given_up = true;
        const std::string id = one.id;
        hold(one, why, seconds(5), event_level::debug);  // somebody may acknowledge it soon
        if (given == permission::gave_up) report_.incidents.back().what = step::gave_up;
        return false;
    }

    /// One of the few places for triggers that run at one time; nothing if none is free or it is another service's
    /// turn.
    [[nodiscard]] auto free_place(incident& one, purpose why) -> slot {
        const ledger* const row = find_ledger(journal_, one.key);
        const milliseconds due = row == nullptr ? one.opened : next_attempt(*row, options_.retry);
        const bool next = shared_ == nullptr || shared_->turns.is_next(report_.service, due, here_.clock.monotonic());
        auto place = journals_.free_slot(here_.clock, report_.service, options_.at_once,
                                         why == purpose::by_hand ? options_.lock_wait : milliseconds{0});
        if (next && place) {
            if (shared_ != nullptr) shared_->turns.leave(report_.service);
            return std::move(*place);
        }
        if (!place && place.error().code != errc::timed_out) {
            fail_to(one, place.error());
        } else {
            hold(one, std::string{without_place} + std::to_string(options_.at_once) + " at once", milliseconds{500});
            if (!report_.cause) {
                report_.cause =
                    error{errc::timed_out, "no trigger of this node ended in time, " +
                                               std::to_string(options_.at_once) + " may run at once; try again"};
            }
        }
        return {};
    }

    void run_trigger(const std::string& id, const found_trigger& trigger, const resolution& facts, purpose why,
                     trigger_state state) {
        incident& before = *find_incident(journal_, id);
        // What informs tells of the trigger that has healed or was given up.
        const ledger* const row = find_ledger(journal_, why == purpose::inform ? before.key : trigger.key);
        const std::uint32_t made = why == purpose::heal     ? (row == nullptr ? 0 : row->attempts)
                                   : why == purpose::inform ? (row == nullptr ? before.attempts : row->attempts)
                                                            : before.attempts;
        const std::uint32_t number = why == purpose::inform ? made : made + 1;
        auto about = view_.checks();
        if (why != purpose::by_hand)
            std::erase_if(about, [&](const auto& each) { return !view_.is_bad(before, each); });
        auto action = make_job(trigger, options_.triggers, roles_.who,
                               {.service = report_.service,
                                .incident = id,
                                .attempt = number,
                                .state = state,
                                .own = facts.own,
                                .expects = facts.expects,
                                .reason = facts.reason,
                                .checks = std::move(about)});
        handled_incident done{
            .incident = id, .checks = ids_of(before), .what = step::act, .own = facts.own, .as = trigger.as};
        attempt intent{.began = wall(), .key = trigger.key, .stops = facts.expects == expectation::stopped};
        attempt_start with{trigger.key, trigger.modify_index, {}, why};
        bool recorded = false;
        result<job_outcome> ended = job_outcome{};
        if (action) {
            action->what.name = report_.service + '-' + std::to_string(number);
            with.backoff = action->backoff.value_or(milliseconds{});
            intent.settle = action->settle.value_or(options_.retry.settle);
            intent.may_run = action->what.timeout + action->what.grace;
            done.ran = action->what;
            ended = here_.jobs.run(action->what, [&](const process_mark& mark) -> result<void> {
                intent.process = mark;
                if (auto saved = write(attempt_began(journal_, id, with, intent)); !saved) return saved;
                recorded = true;
                say(event_level::info, "trigger started",
                    {{"check", checks_text(*find_incident(journal_, id))},
                     {"attempt", std::to_string(number)},
                     {"role", std::string{to_string(facts.own)}},
                     {"key", trigger.key},
                     {"pid", std::to_string(mark.pid)}},
                    id);
                return {};
            });
            // No trigger runs whose intent cannot be written: its attempts could not be counted.
            if (!ended && !recorded && intent.process.pid != 0) {
                if (find_incident(stored_, id) != nullptr) report_.incidents.push_back(std::move(done));
                look_later(longer_pause);
                return give_up(ended.error());
            }
        }
        if (!recorded) journal_ = attempt_began(std::move(journal_), id, with, intent);
        intent.ended = std::max(wall(), milliseconds{1});
        const error* const failed = !action ? &action.error() : !ended ? &ended.error() : nullptr;
        if (failed != nullptr) {
            intent.result = healing::failed_to_run;
            intent.output = one_line(failed->message, 1000);
        } else {
            intent.result = ended->how == ending::timed_out ? healing::timed_out : healing::ended;
            if (ended->how == ending::exited) intent.status = ended->status;
            if (ended->how == ending::signalled) intent.signal = ended->status;
            intent.output = json::last_lines(ended->output, json::largest_output);
        }
        const auto tell = [&] {
            tell_end(intent, number, *find_incident(journal_, id), ended && action ? *ended : job_outcome{});
        };
        // Not before the incident, which may have opened at this look.
        if (recorded) tell();
        static_cast<void>(adopt(attempt_ended(std::move(journal_), intent)));
        if (!recorded) tell();
        done.outcome = journal_.attempts.back();
        report_.incidents.push_back(std::move(done));
        look_later(short_pause);
    }
    void run_trigger(const std::string& id, const found_trigger& trigger, const resolution& facts, purpose why) {
        run_trigger(id, trigger, facts, why, to_trigger_state(options_.state));
    }

    /// Runs the triggers that are for information, each once. What holds others holds these for good, since the news
    /// would be old. Returns false if the journal can no longer be relied on.
    /// `runs`: an attempt on the service still does, and nothing may run beside it.
    [[nodiscard]] auto inform(bool runs) -> bool {
        std::vector<std::string> owing;
        for (const auto& each : journal_.incidents) {
            if (each.owed != notice::none && each.state == options_.state) owing.push_back(each.id);
        }
        if (runs) {
            if (!owing.empty()) look_later(short_pause);
            return true;
        }
        for (const auto& id : owing) {
            if (!inform(*find_incident(journal_, id))) return false;
        }
        return true;
    }
    [[nodiscard]] auto inform(incident& one) -> bool {
        const std::string id = one.id;
        const auto state = one.owed == notice::passing ? trigger_state::passing : trigger_state::given_up;
        const bool fell_again = state == trigger_state::passing && algo::any_of(journal_.incidents, &incident::is_open);
        bool drop = fell_again || !local_hold().empty();
        if (!drop) {
            const auto place = journals_.free_slot(here_.clock, report_.service, options_.at_once, options_.lock_wait);
            if (!place) return look_later(milliseconds{500}), true;  // it is still owed
            const auto facts = resolve_role();
            const auto held = role_hold(facts);
            auto asking = consul();
            const auto search = find_trigger(asking, options_.triggers, roles_.who, facts, report_.service, state);
            if (!held || !search) return look_later(longer_pause), true;
            drop = !held->empty() || !search->found;
            if (!drop) {
                const auto paused = pause_hold(asking, roles_.who, report_.service, wall());
                if (!paused) return look_later(longer_pause), true;
                drop = !paused->empty() || !local_hold().empty();
            }
            if (!drop) run_trigger(id, *search->found, facts, purpose::inform, state);
        }
        find_incident(journal_, id)->owed = notice::none;
        return save();
    }

    Transport& consul_;
    resolver_options roles_;
    shared_by_handlers* shared_;
    service_view<Transport, Host> view_;
};

}  // namespace powerconsul::inline v0
