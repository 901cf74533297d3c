#include <powerconsul/doctor/least_rights.hpp>
#include <powerconsul/heal/explanation.hpp>
#include <powerconsul/heal/pause.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

[[nodiscard]] auto expectation_of(const std::string& word) -> result<expectation> {
    for (const auto each : {expectation::running, expectation::stopped}) {
        if (word == to_string(each)) return each;
    }
    return fail(errc::usage, "--expect: expected running or stopped, found " + quoted(word));
}

/// Why nothing may act on the service here; empty if it may. A pause in Consul is looked for if `ask` says so.
[[nodiscard]] auto hold_of(quiet_host& here, const configuration& chosen, const std::string& service, bool ask)
    -> std::string {
    const milliseconds now = here.clock.wall();
    auto reason = local_hold(here.files, chosen.watch.stop_file, chosen.state_dir, service, now);
    if (!ask || !reason.empty()) return reason;
    consul_client<any_transport&, posix_clock&> consul{here.consul, here.clock,
                                                       here.clock.monotonic() + milliseconds{chosen.timeout.count / 8}};
    auto paused = pause_hold(consul, chosen.roles.who, service, now);
    return paused ? std::move(*paused) : std::move(paused).error().message;
}

/// `asked`: whether that is expected; without it, whether anything is.
[[nodiscard]] auto exit_code_of(const resolution& facts, const std::optional<expectation>& asked) -> exit_code {
    const bool known = facts.own != role::unknown && facts.expects != expectation::unknown;
    if (asked && known) return facts.expects == *asked ? exit_code::done : exit_code::failed;
    if (known) return exit_code::done;
    if (asked) return exit_code::unavailable;
    return facts.cause ? exit_code_for(facts.cause->code) : exit_code::failed;
}

}  // namespace

auto run_role(const invocation&, const config::arguments& line, const configuration& chosen, std::string& out,
              std::string&) -> result<exit_code> {
    const auto service = required_service(line);
    if (!service) return unexpected{service.error()};
    std::optional<expectation> asked;
    if (const auto word = line.value("expect")) {
        const auto known = expectation_of(*word);
        if (!known) return unexpected{known.error()};
        asked = *known;
    }
    auto here = make_host(chosen);
    if (!here) return unexpected{std::move(here).error()};
    auto roles = chosen.roles;
    roles.record = record_use::read;  // to look changes nothing
    if (asked) {
        // What is started or not for it rests on fresh answers alone.
        roles.reads.documents = roles.reads.health = consistency::consistent;
        roles.max_age = {};
    }
    auto facts = powerconsul::resolve(*here, *service, chosen.state_dir, roles, {chosen.timeout.count * 5 / 8});
    if (!facts) return unexpected{facts.error()};
    if (facts->own != role::unknown) {
        const auto why = find_maintenance(*here, *service, {chosen.timeout.count / 8});
        if (why && *why) expect_nothing(*facts, **why);
        // What is started or not for it must not go against maintenance.
        if (!why && asked) {
            facts->expects = expectation::unknown;
            facts->from = basis::none;
            facts->cause = why.error();
            facts->reason =
                "whether this node is in maintenance is unknown: " + why.error().message + "; " + facts->reason;
        }
    }
    if (facts->cause) facts->reason = with_remedy(std::move(facts->reason), facts->cause->remedy);

    const bool explain = line.has("explain");
    const auto triggers =
        explain ? find_triggers(*here, chosen.watch.triggers, *facts, *service, {chosen.timeout.count / 16})
                : std::vector<explained_trigger>{};
    const explained_role what{.service = *service,
                              .facts = *facts,
                              .stopped = hold_of(*here, chosen, *service, explain),
                              .told = chosen.who_sources,
                              .consul = chosen.store.empty()
                                            ? json::sourced{chosen.consul.address, chosen.http_addr_source}
                                            : json::sourced{chosen.store, "a store file instead of an agent"},
                              .token_source = chosen.token_source,
                              .state_dir = chosen.state_dir,
                              .from = chosen.roles.from,
                              .now = here->clock.monotonic()};
    const auto code = exit_code_of(*facts, asked);
    if (line.has("quiet")) return code;
    json::page printed;
    explain ? print_explanation(what, triggers, printed) : print_role(what, printed);
    out += chosen.format == output_format::json ? std::move(printed).json() + '\n' : printed.text();
    return code;
}

auto run_acl_policy(const invocation&, const config::arguments& line, const configuration& chosen, std::string& out,
                    std::string&) -> result<exit_code> {
    const auto service = required_service(line);
    if (!service) return unexpected{service.error()};
    const std::string wanted = line.value("for").value_or("all");
    if (!is_one_of(wanted, {"all", "check", "role", "watch", "trigger", "lint", "doctor", "pause"})) {
        return fail(errc::usage, "--for: " + quoted(wanted) +
                                     " is neither all nor one of check, role, watch, trigger, lint, doctor and pause");
    }
    if (wanted == "pause") {
        const auto rules = pausing_rules(chosen.roles.who, *service);
        if (!rules) return unexpected{rules.error()};
        out += acl_policy_text(
            {"What whoever pauses and resumes the service " + *service + " needs. It is for people: no node needs it."},
            *rules);
        return exit_code::done;
    }
    auto here = make_host(chosen);
    if (!here) return unexpected{std::move(here).error()};
    auto roles = chosen.roles;
    roles.record = record_use::none;
    const auto facts = powerconsul::resolve(*here, *service, chosen.state_dir, roles, {chosen.timeout.count * 5 / 8});
    if (!facts) return unexpected{facts.error()};
    consul_client<any_transport&, posix_clock&> consul{
        here->consul, here->clock, here->clock.monotonic() + milliseconds{chosen.timeout.count / 4}};
    auto found = find_needed_rights(consul, *facts, roles, chosen.watch.triggers, *service);
    if (!found) return unexpected{std::move(found).error()};
    if (wanted != "all") {
        std::erase_if(found->rules, [&](const auto& each) { return !is_one_of(wanted, each.commands); });
    }
    auto notes = policy_notes(*found, chosen.watch.triggers.base_key);
    notes.insert(notes.begin(), "What powerconsul " + (wanted == "all" ? "" : wanted + ' ') + "needs on " +
                                    found->facts.node + " for the service " + found->facts.service + ", and no more.");
    out += acl_policy_text(notes, found->rules);
    return exit_code::done;
}

}  // namespace powerconsul::cli
