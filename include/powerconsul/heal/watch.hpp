#pragma once

#include <new>

#include <powerconsul/heal/handler.hpp>

/// What one call of a watch's handler does for all services of a node.
namespace powerconsul::inline v0::heal {

struct watch_setup {
    std::string state_dir{};
    resolver_options roles{};
    watch_options watch{};          ///< `consul_time` and `lock_wait` are found anew for each run
    milliseconds time{seconds(8)};  ///< limit for one command

    /// Limit for asking the agent: if Consul hangs, there must be time left to report it.
    [[nodiscard]] auto agent_time() const -> milliseconds { return {time.count * 5 / 8}; }
};

struct handled_watch {
    std::string stopped{};  ///< why no trigger could run; empty if they could
    std::vector<listed_service> listed{};
    std::vector<handled_service> reports{};  ///< one for each of `listed`, in its order

    /// The error of the first report that has one.
    [[nodiscard]] auto failure() const -> std::optional<error> {
        const auto failed = algo::find_if(reports, [](const auto& each) { return each.cause.has_value(); });
        return failed == reports.end() ? std::nullopt : failed->cause;
    }
};

struct agent_view {
    std::string node{};
    std::vector<snapshot_check> checks{};
    std::string partition{};   ///< of Consul Enterprise; empty where the agent does not say so
    std::string name_space{};  ///< in which the checks are, as it is for the partition
    milliseconds answered{};   ///< when the agent said all this, monotonic

    /// The checks of a list that are this agent's. What the agent does not say is as Consul is asked, in `asked`.
    [[nodiscard]] auto own(const consul_scope& asked) const -> own_checks {
        return {node, partition.empty() ? asked.partition : partition,
                name_space.empty() ? asked.name_space : name_space};
    }
};

// --- what is known ---

/// The agent's name and checks. `connect()` gives the transport as a result.
template <typename Connect, clock Clock>
[[nodiscard]] auto look_at_agent(Connect&& connect, Clock& time, milliseconds limit) -> result<agent_view> {
    auto transport = connect();
    if (!transport) return unexpected{transport.error()};
    consul_client<decltype(*transport), Clock&> consul{*transport, time, time.monotonic() + limit};
    auto checks = consul.agent_checks();
    if (!checks) return unexpected{checks.error()};
    agent_view view{{}, std::move(*checks), {}, {}, time.monotonic()};
    for (const auto& each : view.checks) {
        if (!each.node.empty()) view.node = each.node;
        if (!each.partition.empty()) view.partition = each.partition;
        if (!each.name_space.empty()) view.name_space = each.name_space;
    }
    if (!view.node.empty()) return view;
    auto agent = consul.agent();
    if (!agent) return unexpected{agent.error()};
    view.node = agent->node;
    view.partition = agent->partition;
    return view;
}

/// The agent's checks of services in that state, as a watch would have listed them, but without indexes.
[[nodiscard]] inline auto from_agent(agent_view view, bad_state state) -> std::vector<snapshot_check> {
    std::erase_if(view.checks, [&](const auto& each) {
        const bool maintenance = check_health(each.check_id, each.status) == health::maintenance;
        return maintenance || each.service_name.empty() || each.status != to_string(state);
    });
    for (auto& each : view.checks) {
        if (each.node.empty()) each.node = view.node;
        each.create_index = each.modify_index = 0;
    }
    return std::move(view.checks);
}

/// Fills in the node and, if the agent knows the check, the service id.
inline void complete(snapshot_check& check, const agent_view& view) {
    check.node = view.node;
    const auto known = algo::find(view.checks, check.check_id, &snapshot_check::check_id);
    if (known != view.checks.end() && known->service_name == check.service_name) check.service_id = known->service_id;
}

/// The journals of all services, sorted by the services' names. Fails if one journal cannot be read.
template <locking_file_store Files>
[[nodiscard]] auto load_all(Files& files, const std::string& state_dir) -> result<std::vector<loaded_journal>> {
    journal_directory journals{files, state_dir};
    const auto names = journals.services();
    if (!names) return unexpected{names.error()};
    std::vector<loaded_journal> all;
    for (const auto& each : *names) {
        auto loaded = journals.load(each);
        if (!loaded) return unexpected{loaded.error()};
        all.push_back(std::move(*loaded));
    }
    return all;
}

/// What a check in a bad state says of triggers of the service that were given up; empty if there are none, or that
/// cannot be told. The same at each run while nothing changes.
template <locking_file_store Files>
[[nodiscard]] auto given_up_note(Files& files, const std::string& state_dir, const std::string& service)
    -> std::string {
    const auto loaded = journal_directory{files, state_dir}.load(service);
    std::vector<std::string> keys;
    for (std::size_t i = 0; loaded && i < loaded->value.incidents.size(); ++i) {
        const incident& one = loaded->value.incidents[i];
        if (one.is_open() && one.given_up) keys.push_back(one.key);
    }
    if (keys.empty()) return {};
    return "powerconsul/given-up: " + listed(keys) + (keys.size() == 1 ? " does" : " do") +
           " not heal it; see powerconsul incidents";
}

/// The services with an incident of that state that is open or of which something is still to be told, and those whose
/// journal cannot be read. Those in `known` count as such if they have a journal, which is not read.
template <locking_file_store Files>
[[nodiscard]] auto open_services(Files& files, const std::string& state_dir, bad_state state,
                                 const std::set<std::string>& known = {}) -> result<std::vector<std::string>> {
    journal_directory journals{files, state_dir};
    auto names = journals.services();
    if (!names) return names;
    std::erase_if(*names, [&](const std::string& each) {
        if (known.contains(each)) return false;
        const auto loaded = journals.load(each);
        const auto concerns = [&](const incident& one) {
            return one.state == state && (one.is_open() || one.owed != notice::none);
        };
        // One unreadable journal must not keep the other services from being handled; its own handler will report it.
        return loaded && algo::none_of(loaded->value.incidents, concerns);
    });
    return names;
}

// --- what is done ---

/// Writes to the log that something failed; `service` is empty if it concerns no service.
template <event_log Log>
void log_failure(Log& log, bad_state state, std::string service, std::string why) {
    log.write(
        {event_level::error, "failed", std::move(service), std::string{to_string(state)}, {{"error", std::move(why)}}});
}

namespace detail {

[[nodiscard]] inline auto options_now(const watch_setup& set) -> watch_options {
    watch_options options = set.watch;
    options.consul_time = shorter(set.agent_time(), seconds(5));
    options.lock_wait = options.triggers.timeout + options.triggers.grace + seconds(5);
    return options;
}

/// The report of a service for which there was not enough memory; there may be enough for the others.
template <event_log Log>
[[nodiscard]] auto without_memory(Log& log, bad_state state, const std::string& service) -> handled_service {
    handled_service report{.service = service, .cause = error{errc::failed, "there is not enough memory"}};
    log_failure(log, state, service, report.cause->message);
    report.again = seconds(10);
    return report;
}

}  // namespace detail

/// Handles once every service that has an entry in `listed` or an open incident of the state; entries in another state
/// are ignored. What waits for a place among the triggers that run is tried until there is one. `connect()` gives each
/// service its own transport as a result. `seen` is what the agent has just said, where it was asked already. Fails if
/// the journals cannot be listed.
template <host Host, typename Connect>
[[nodiscard]] auto handle_all(Host& here, Connect&& connect, const watch_setup& set, std::vector<snapshot_check> listed,
                              std::optional<agent_view> seen = {}) -> result<handled_watch> {
    std::erase_if(listed, [&](const auto& each) { return each.status != to_string(set.watch.state); });
    std::set<std::string> known;
    for (const auto& each : listed) known.insert(each.service_name);
    const auto open = open_services(here.files, set.state_dir, set.watch.state, known);
    if (!open) return unexpected{open.error()};
    const auto options = detail::options_now(set);
    handled_watch done{
        stop_file_hold(here.files, options.stop_file, here.clock.wall()), by_service(std::move(listed), *open), {}};
    done.reports.resize(done.listed.size());
    shared_by_handlers shared;
    if (seen) shared.agent.keep(std::move(seen->checks), seen->answered);
    const milliseconds deadline = here.clock.monotonic() + options.lock_wait;
    // A service that waits for its lock or for a free slot must not keep the others waiting.
    here.tasks.run(done.listed.size(), [&](std::size_t i) {
        const auto& [service, checks] = done.listed[i];
        try {
            auto consul = connect();
            if (!consul) {
                done.reports[i] = {.service = service, .cause = consul.error()};
                return;
            }
            service_handler handler{*consul, here, set.state_dir, set.roles, options, &shared};
            for (;;) {
                done.reports[i] = handler.handle(service, checks);
                const auto& cause = done.reports[i].cause;
                const bool waits = cause && cause->code == errc::timed_out;
                if (!waits || here.clock.monotonic() >= deadline) return;
                here.clock.sleep({500});
            }
        } catch (const std::bad_alloc&) {
            done.reports[i] = detail::without_memory(here.log, options.state, service);
        }
    });
    return done;
}

/// Runs the trigger for one check now, whatever the journal says of back-off and attempts. Gives one report.
template <host Host>
[[nodiscard]] auto run_once(Host& here, const watch_setup& set, const snapshot_check& check) -> handled_watch {
    handled_watch done{{}, {}, {}};
    done.reports.push_back(
        service_handler{here.consul, here, set.state_dir, set.roles, detail::options_now(set)}.run_once(check));
    done.stopped = done.reports[0].stopped;
    return done;
}

/// Gives the triggers of a service all their attempts again, and returns how many had used some. Fails with
/// errc::timed_out if the service's lock is not free within `wait`, errc::bad_data if there is nothing to try again.
template <locking_file_store Files>
[[nodiscard]] auto acknowledge(Files& files, const std::string& state_dir, const std::string& service,
                               milliseconds wait) -> result<std::size_t> {
    if (auto valid = validate_segment("the Consul service name", service); !valid) return unexpected{valid.error()};
    journal_directory journals{files, state_dir};
    const auto known = journals.services();
    if (!known) return unexpected{known.error()};
    if (algo::find(*known, service) == known->end()) {
        return fail(errc::bad_data, "there are no incidents of " + quoted(service) + "; see powerconsul incidents");
    }
    const auto lock = journals.lock(service, wait);
    if (!lock) return unexpected{lock.error()};
    auto loaded = journals.load(service);
    if (!loaded) return unexpected{loaded.error()};
    const std::size_t count = rearm(loaded->value);
    const bool open = algo::any_of(loaded->value.incidents, &incident::is_open);
    if (count == 0 && !open)
        return fail(errc::bad_data,
                    "no incident of " + quoted(service) + " is open, and no trigger of it has used an attempt");
    if (auto saved = journals.save(loaded->value); !saved) return unexpected{saved.error()};
    return count;
}

}  // namespace powerconsul::inline v0::heal
