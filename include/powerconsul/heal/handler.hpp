#pragma once

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/heal/handled.hpp>
#include <powerconsul/heal/journal.hpp>

namespace powerconsul::inline v0 {

/// The effects of a host that a handler needs.
template <typename H>
concept healing_host = requires(H& here) {
    requires clock<detail::bare<decltype(here.clock)>>;
    requires locking_file_store<detail::bare<decltype(here.files)>>;
    requires job_supervisor<detail::bare<decltype(here.jobs)>>;
    requires event_log<detail::bare<decltype(here.log)>>;
};

/// Turns what a watch reports about one service into incidents and attempts, and runs the triggers that are due. Holds
/// the service's lock from the first look to the last record, so that two handlers of one service take turns. It asks
/// Consul over the connection that is given. Connection and host must outlive it.
template <http_transport Transport, healing_host Host>
class incident_handler {
public:
    incident_handler(Transport& consul, Host& here, std::string state_path, resolver_options roles,
                     watch_options options)
        : consul_{consul},
          here_{here},
          state_path_{std::move(state_path)},
          journals_{here.files, state_path_},
          roles_{std::move(roles)},
          options_{std::move(options)} {
        roles_.who = completed(std::move(roles_.who));
        roles_.reads.documents = roles_.reads.health = consistency::consistent;  // never act on a stale answer
    }

    /// `listed`: the snapshot's entries of this service in the watched state.
    [[nodiscard]] auto handle(const std::string& service, const std::vector<snapshot_check>& listed)
        -> handled_service {
        const auto held = open(service);
        if (!held) return report_;
        std::vector<std::string> done;
        for (bool first = true;; first = false) {
            const auto now = facts(listed);
            if (!now) return report_;
            auto decided = decide(journal_, options_.state, *now, here_.clock.wall(), options_.retry, running_);
            for (const auto& id : done) {
                // Only a later snapshot can show that a trigger which has just run did not heal.
                incident* const one = find_incident(decided.after, id);
                if (one->is_open()) one->last.result = find_incident(journal_, id)->last.result;
            }
            if (first && damaged_) decided = held_after_damage(std::move(decided), here_.clock.wall());
            if (!adopt(std::move(decided.after))) return report_;
            for (const auto& each : decided.steps) {
                if (each.what == step::opened || each.what == step::closed || each.what == step::gave_up) tell(each);
                if (first && each.what != step::act && each.what != step::opened) {
                    report_.checks.push_back({each.check_id, each.incident, each.what, each.why, {}, {}, {}, {}});
                }
            }
            const auto due = std::ranges::find_if(decided.steps, [&](const auto& each) {
                return each.what == step::act && !is_one_of(each.incident, done);
            });
            if (due == decided.steps.end()) return report_;
            done.push_back(due->incident);
            if (!attempt_on(due->incident, output_of(due->check_id, listed))) return report_;
        }
    }

    /// Runs the trigger for one check, whatever the journal says of back-off and attempts.
    [[nodiscard]] auto run_once(const snapshot_check& check) -> handled_service {
        const auto held = open(check.service_name);
        if (!held) return report_;
        const auto now = facts({check});
        if (!now) return report_;
        const auto same = std::ranges::find_if(journal_.incidents, [&](const incident& one) {
            return one.is_open() && one.state == options_.state && one.service_id == check.service_id &&
                   one.check_id == check.check_id;
        });
        const bool is_new = same == journal_.incidents.end();
        const std::string id =
            is_new ? open_incident(journal_, options_.state, now->front(), here_.clock.wall()).id : same->id;
        if (!running_.empty()) {
            report_.cause = error{errc::timed_out, "the last attempt of incident " + running_.front() + " still runs"};
            return report_;
        }
        // An incident that a watch opened is closed by a watch only.
        const bool stays = !is_new || now->front().now == standing::in_state;
        direct_ = true;
        static_cast<void>(attempt_on(id, check.output));
        direct_ = false;
        if (incident* const after = find_incident(journal_, id); !stays && after->attempts != 0) {
            after->closed = here_.clock.wall();
            static_cast<void>(adopt(journal_));
        }
        return report_;
    }

private:
    using client = consul_client<Transport&, decltype(Host::clock)&>;
    using journals = journal_directory<detail::bare<decltype(Host::files)>>;

    [[nodiscard]] auto consul(milliseconds deadline) -> client { return {consul_, here_.clock, deadline}; }
    [[nodiscard]] auto consul() -> client { return consul(here_.clock.monotonic() + options_.consul_time); }

    // --- the journal ---

    /// Takes the service's lock and loads its journal. Returns nothing if either fails; the report says why.
    [[nodiscard]] auto open(const std::string& service) -> std::optional<typename journals::lock_type> {
        report_ = {service, {}, {}};
        if (auto valid = validate_segment("the Consul service name", service); !valid) {
            return give_up({errc::bad_data, valid.error().message}), std::nullopt;
        }
        auto lock = journals_.lock(service, options_.lock_wait);
        if (!lock) return give_up(lock.error()), std::nullopt;
        auto loaded = journals_.load(service);
        if (!loaded) return give_up(loaded.error()), std::nullopt;
        damaged_ = !loaded->note.empty();
        if (damaged_) say(event_level::error, "journal damaged", {{"note", loaded->note}});
        journal_ = std::move(loaded->value);
        stored_ = journal_;
        return std::optional{std::move(*lock)};
    }

    /// Turns Consul's time-outs into errc::unavailable: errc::timed_out is kept for what another run holds, which is
    /// worth another try soon.
    [[nodiscard]] static auto unanswered(error why) -> error {
        if (why.code == errc::timed_out) why.code = errc::unavailable;
        return why;
    }

    void give_up(const error& why) {
        say(event_level::error, "failed", {{"error", why.message}});
        if (!report_.cause) report_.cause = why;
    }

    [[nodiscard]] auto adopt(journal next) -> bool {
        journal_ = std::move(next);
        if (journal_ == stored_) return true;
        if (auto saved = journals_.save(journal_); !saved) return give_up(saved.error()), false;
        stored_ = journal_;
        return true;
    }

    // --- the facts ---

    /// Combines the snapshot with the agent's answer, which takes precedence, and finds the attempts that still run.
    /// Returns nothing if Consul cannot tell; the report says why.
    [[nodiscard]] auto facts(const std::vector<snapshot_check>& listed) -> std::optional<std::vector<check_facts>> {
        auto asked = consul().agent_checks();
        if (!asked) return give_up(unanswered(asked.error())), std::nullopt;
        agent_ = std::move(*asked);
        std::vector<check_facts> all;
        all.reserve(listed.size());
        for (const auto& each : listed) {
            all.push_back({each.node, each.service_id, each.check_id, true, asks_for_nothing(each.output),
                           each.create_index, each.modify_index, standing_of(each.check_id)});
        }
        running_.clear();
        for (auto& one : journal_.incidents) {
            // Closed incidents, too: the process may live on, and only one attempt of a service runs at a time.
            if (one.attempts != 0 && one.last.result == healing::unfinished) settle_unfinished(one);
            if (!one.is_open()) continue;
            const bool known = std::ranges::any_of(all, [&](const auto& each) {
                return each.check_id == one.check_id && each.service_id == one.service_id && each.node == one.node;
            });
            if (known || one.state != options_.state) continue;
            const auto now = standing_of(one.check_id);
            if (now == standing::not_known && !is_shown(one)) return std::nullopt;
            all.push_back({one.node, one.service_id, one.check_id, false, false, 0, 0, now});
        }
        return all;
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
            static_cast<void>(adopt(attempt_held(journal_, id, whole.error().message, here_.clock.wall())));
        }
        if (!report_.cause) report_.cause = whole.error();
        return false;
    }

    [[nodiscard]] auto standing_of(const std::string& check_id) const -> standing {
        const auto found = std::ranges::find(agent_, check_id, &snapshot_check::check_id);
        if (found == agent_.end()) return standing::not_known;
        if (found->status == "passing") return found->output.empty() ? standing::silent : standing::passing;
        if (found->output.empty() || asks_for_nothing(found->output)) return standing::unproven;
        return found->status == to_string(options_.state) ? standing::in_state : standing::elsewhere;
    }

    [[nodiscard]] auto output_of(const std::string& check_id, const std::vector<snapshot_check>& listed) const
        -> std::string {
        for (const auto* among : {&agent_, &listed}) {
            const auto found = std::ranges::find(*among, check_id, &snapshot_check::check_id);
            if (found != among->end()) return found->output;
        }
        return {};
    }

    /// Settles an attempt without a recorded outcome, whose runner is dead. Its process may live on until its time is
    /// up, and is ended then as its supervisor would have done. If its state cannot be told, it counts as running.
    void settle_unfinished(incident& one) {
        const auto runs = here_.jobs.is_running(one.last.process);
        if (runs && !*runs) return;
        if (!runs) say(event_level::warning, "failed", {{"error", runs.error().message}}, one.id);
        const milliseconds now = here_.clock.wall();
        if (runs && one.last.began + one.last.may_run + seconds(2) < now) {
            const auto ended = here_.jobs.end(one.last.process);
            if (ended) {
                one.last.result = healing::timed_out;
                one.last.ended = now;
                say(event_level::warning, "trigger ended",
                    {{"outcome", "timed out"}, {"note", "whoever ran it had ended before"}}, one.id);
                return;
            }
            say(event_level::error, "failed", {{"error", ended.error().message}}, one.id);
        }
        running_.push_back(one.id);
    }

    // --- attempts ---

    /// Makes one attempt, or records why none was made. Returns false if the journal can no longer be relied on.
    /// `slot`: held, if it was waited for.
    [[nodiscard]] auto attempt_on(const std::string& id, const std::string& output,
                                  std::optional<typename journals::lock_type> slot = {}) -> bool {
        const incident before = *find_incident(journal_, id);
        handled_check done{before.check_id, id, step::act, {}, {}, {}, {}, {}};
        const auto hold = [&](std::string why, event_level level = event_level::info) {
            // Logged once while the reason stays the same, since a worker looks every few seconds.
            say(before.held == why ? event_level::debug : level, "nothing done",
                {{"check", before.check_id}, {"why", why}}, id);
            done.why = why;
            report_.checks.push_back(std::move(done));
            if (direct_) return true;
            return adopt(attempt_held(journal_, id, std::move(why), here_.clock.wall()));
        };
        const auto give_up = [&](const error& why) {
            if (!report_.cause) report_.cause = why;
            return hold(why.message, event_level::error);
        };
        if (!options_.stopped.empty()) return hold(options_.stopped, event_level::warning);
        if (is_one_of(report_.service, options_.noop_triggers)) {
            return hold("the configuration's noopTriggers name it");
        }
        if (const auto why = maintenance_of(agent_, report_.service)) return hold(*why);
        // If Consul hangs, resolving a last known role may use up its whole limit; the trigger has half as much again.
        const milliseconds until = here_.clock.monotonic() + milliseconds{options_.consul_time.count * 3 / 2};
        const auto facts = role_resolver{consul_, here_.clock, here_.files, state_path_, roles_}.resolve(
            report_.service, options_.consul_time);
        done.own = facts.own;
        // What was last known is for telling, not for acting.
        if (facts.from == basis::cached) {
            return give_up(facts.cause ? unanswered(*facts.cause) : error{errc::failed, facts.reason});
        }
        if (facts.waits) return hold("no active serves, and this node is about to take over: " + facts.reason);
        // What has stopped here meanwhile must not be started beside it.
        if (facts.own == role::secondary && facts.expects == expectation::running &&
            facts.others.state == actives::serving) {
            return hold("an active serves again, and this node is about to give back: " + facts.reason);
        }
        if (trigger_role(facts.own, facts.expects) == role::unknown) {
            return give_up(facts.cause ? unanswered(*facts.cause) : error{errc::failed, facts.reason});
        }
        auto asking = consul(until);
        const auto search = find_trigger(asking, options_.triggers, roles_.who, facts, report_.service,
                                         to_trigger_state(options_.state));
        if (!search) return give_up(unanswered(search.error()));
        if (!search->found) return hold("there is no trigger at " + listed(search->tried, "or"));
        done.as = search->found->as;
        if (!slot) {
            const milliseconds asked = here_.clock.monotonic();
            auto free = journals_.free_slot(here_.clock, report_.service, options_.at_once, options_.lock_wait);
            if (!free) return give_up(free.error());
            slot.emplace(std::move(*free));
            // Role, maintenance and the check itself may be others by now.
            if (here_.clock.monotonic() - asked >= seconds(1)) {
                const standing before_wait = standing_of(before.check_id);
                auto again = consul().agent_checks();
                if (!again) return give_up(unanswered(again.error()));
                agent_ = std::move(*again);
                if (standing_of(before.check_id) != before_wait) {
                    return hold("the check has changed while other triggers of this node were waited for");
                }
                return attempt_on(id, output, std::move(slot));
            }
        }
        return run_trigger(before, *search->found, facts, output, std::move(done));
    }

    [[nodiscard]] auto run_trigger(const incident& before, const found_trigger& trigger, const resolution& facts,
                                   const std::string& output, handled_check done) -> bool {
        const std::string& id = before.id;
        const std::string number = std::to_string(before.attempts + 1);
        const snapshot_check check{.check_id = before.check_id,
                                   .status = std::string{to_string(options_.state)},
                                   .output = output,
                                   .service_id = before.service_id,
                                   .service_name = report_.service};
        const auto action = make_job(trigger, options_.triggers, roles_.who,
                                     {report_.service,
                                      id,
                                      before.attempts + 1,
                                      to_trigger_state(options_.state),
                                      facts.own,
                                      facts.expects,
                                      facts.reason,
                                      {check}});
        attempt intent;
        intent.began = here_.clock.wall();
        intent.key = trigger.key;
        bool recorded = false;
        result<job_outcome> ended = job_outcome{};
        if (action) {
            const job& what = action->what;
            intent.may_run = what.timeout + what.grace;
            done.ran = what;
            ended = here_.jobs.run(what, [&](const process_mark& mark) -> result<void> {
                intent.process = mark;
                journal next = attempt_began(journal_, id, intent);
                if (auto saved = journals_.save(next); !saved) return saved;
                journal_ = next;
                stored_ = std::move(next);
                recorded = true;
                say(event_level::info, "trigger started",
                    {{"check", before.check_id},
                     {"attempt", number},
                     {"role", std::string{to_string(facts.own)}},
                     {"key", trigger.key},
                     {"pid", std::to_string(mark.pid)}},
                    id);
                return {};
            });
            // No trigger runs whose intent cannot be written: its attempts could not be counted.
            if (!ended && !recorded && intent.process.pid != 0) {
                report_.checks.push_back(std::move(done));
                give_up(ended.error());
                return false;
            }
        }
        if (!recorded) journal_ = attempt_began(std::move(journal_), id, intent);
        intent.ended = here_.clock.wall();
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
        tell_end(intent, number, before, ended && action ? ended->dropped : 0);
        done.outcome = intent;
        report_.checks.push_back(std::move(done));
        return adopt(attempt_ended(journal_, id, intent));
    }

    // --- the log ---

    void tell_end(const attempt& how, const std::string& number, const incident& about, std::uint64_t dropped) {
        const bool well = how.result == healing::ended && how.status == 0;
        std::vector<std::pair<std::string_view, std::string>> fields{
            {"check", about.check_id}, {"attempt", number}, {"outcome", std::string{to_string(how.result)}}};
        if (how.status >= 0) fields.emplace_back("status", std::to_string(how.status));
        if (how.signal != 0) fields.emplace_back("signal", std::to_string(how.signal));
        fields.emplace_back("duration_ms", std::to_string((how.ended - how.began).count));
        fields.emplace_back("output", how.output);
        if (dropped != 0) fields.emplace_back("dropped_bytes", std::to_string(dropped));
        say(well ? event_level::info : event_level::error, "trigger ended", std::move(fields), about.id);
    }

    void tell(const decision_step& what) {
        const incident& one = *find_incident(journal_, what.incident);
        std::vector<std::pair<std::string_view, std::string>> fields{{"check", one.check_id}};
        if (what.what == step::opened) {
            return say(event_level::warning, "incident opened", std::move(fields), one.id);
        }
        fields.emplace_back("attempts", std::to_string(one.attempts));
        if (what.what == step::gave_up) {
            fields.emplace_back("todo", "see to it by hand, then: powerconsul incidents ack " + journal_.service);
            return say(event_level::error, "gave up", std::move(fields), one.id);
        }
        if (one.attempts != 0) fields.emplace_back("outcome", std::string{to_string(one.last.result)});
        fields.emplace_back("open_ms", std::to_string((one.closed - one.opened).count));
        say(event_level::info, "incident closed", std::move(fields), one.id);
    }

    void say(event_level level, std::string_view what, std::vector<std::pair<std::string_view, std::string>> fields,
             const std::string& incident = {}) {
        if (!incident.empty()) fields.insert(fields.begin(), {"incident", incident});
        here_.log.write({level, what, report_.service, std::string{to_string(options_.state)}, std::move(fields)});
    }

    Transport& consul_;
    Host& here_;
    std::string state_path_;
    journals journals_;
    resolver_options roles_;
    watch_options options_;
    handled_service report_{};
    journal journal_{};
    journal stored_{};  ///< what is on disk
    std::vector<snapshot_check> agent_{};
    std::vector<std::string> running_{};  ///< incidents whose last attempt still runs
    bool damaged_{};                      ///< the journal was damaged, and was loaded as empty
    bool direct_{};                       ///< within run_once(), which does not record that an attempt was held
};

}  // namespace powerconsul::inline v0
