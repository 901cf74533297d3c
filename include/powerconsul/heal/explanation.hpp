#pragma once

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/heal/trigger.hpp>
#include <powerconsul/json/page.hpp>

namespace powerconsul::inline v0 {

/// What a role is printed from. print_role() needs only the first three members, print_explanation() all of them.
struct explained_role {
    std::string_view service{};
    const resolution& facts;
    std::string stopped{};       ///< why no trigger may run; empty if they may
    identity_sources told{};     ///< who said each part of this node's identity
    json::sourced consul{};      ///< the agent's address or a store file, and who named it
    std::string token_source{};  ///< where the token for Consul comes from; empty if there is none
    std::string state_dir{};     ///< the directory that keeps the last known roles
    takeover from{takeover::on_critical};
    milliseconds now{};  ///< on the clock of this boot
};

struct explained_trigger {
    trigger_state state{trigger_state::critical};
    result<trigger_search> search{trigger_search{}};
    result<trigger_action> runs{trigger_action{}};  ///< made from the trigger that was found
};

/// The triggers that would run now, looked up as a watch does it. Each look-up takes at most `budget`.
template <host Host>
[[nodiscard]] auto find_triggers(Host& here, const trigger_options& options, const resolution& facts,
                                 std::string_view service, milliseconds budget) -> std::vector<explained_trigger> {
    std::vector<explained_trigger> all;
    for (const auto state : trigger_states) {
        consul_client<decltype(here.consul)&, decltype(here.clock)&> consul{here.consul, here.clock,
                                                                            here.clock.monotonic() + budget};
        explained_trigger each{state, find_trigger(consul, options, facts.who, facts, service, state)};
        if (each.search && each.search->found) {
            each.runs =
                make_job(*each.search->found, options, facts.who,
                         {.service = std::string{service}, .state = state, .own = facts.own, .expects = facts.expects});
        }
        all.push_back(std::move(each));
    }
    return all;
}

namespace detail {

// --- single facts ---

/// The name under which the document lists this node, or the first that was tried.
[[nodiscard]] inline auto node_of(const explained_role& what) -> json::sourced {
    const auto& facts = what.facts;
    if (!facts.who.node.empty()) return {facts.who.node, what.told.node};
    if (facts.agent && facts.place.node == facts.agent->node) return {facts.agent->node, "the agent, /v1/agent/self"};
    return {facts.place.node.empty() ? facts.who.host : facts.place.node, "the host name"};
}

[[nodiscard]] inline auto datacenter_of(const explained_role& what) -> json::sourced {
    const auto& facts = what.facts;
    if (!what.told.datacenter.empty()) return {facts.who.datacenter, what.told.datacenter};
    if (facts.agent) return {facts.agent->datacenter, "the agent, /v1/agent/self"};
    return {"", "the agent's own; its name was not needed"};
}

/// Environment or server role, and its source: `told` or, if that is empty, the node's or the host's name.
[[nodiscard]] inline auto part_of_name(const identity& who, const std::string& value, const std::string& told)
    -> json::sourced {
    if (!told.empty()) return {value, told};
    return {value, who.node.empty() ? "host name " + who.host : "node name " + who.node};
}

/// `GET /v1/kv/…?stale, from any server, at most 12 ms old`
[[nodiscard]] inline auto reading_text(const read_facts& how) -> std::string {
    // A filter is long, and follows from the rest.
    std::string text = "GET " + how.target.substr(0, how.target.find("&filter=")) + ", from " +
                       (how.mode == consistency::stale ? "" : "the ") + std::string{to_string(how.mode)};
    text += how.age ? ", at most " + std::to_string(how.age->count) + " ms old" : ", of an age that is not told";
    if (!how.again.empty()) text += "; asked again: " + how.again;
    return text;
}

inline void write_reading(json::writer& to, const read_facts& how) {
    to.key("request").string("GET " + percent_decoded(how.target).value_or(how.target));
    to.key("read_from").string(to_string(how.mode));
    to.key("age_ms");
    how.age ? to.number(how.age->count) : to.null();
    if (!how.again.empty()) to.key("asked_again").string(how.again);
}

/// Shortens a name in a list.
[[nodiscard]] inline auto short_line(std::string_view name) -> std::string {
    return one_line(name, 300);
}

// --- groups of facts ---

inline void add_role(const explained_role& what, json::page& to) {
    to.row("service", what.service);
    to.object.key("service").string(what.service);
    to.fact("role", "role", to_string(what.facts.own));
    to.fact("expects", "expectation", to_string(what.facts.expects));
}

inline void add_document(const explained_role& what, json::page& to) {
    const auto& facts = what.facts;
    const auto& place = facts.place;
    const bool was_read = !facts.how.target.empty();
    to.row("document",
           facts.key + (facts.clustered == clustering::unknown ? ", unknown"
                        : facts.clustered == clustering::no    ? ", which does not exist"
                                                               : ", ModifyIndex " + std::to_string(facts.document)),
           was_read                      ? reading_text(facts.how)
           : facts.from == basis::cached ? last_known_file(what.state_dir, what.service)
                                         : "");
    to.object.key("document").open_object().key("key").string(facts.key);
    json::write_known(to.object, "exists", facts.clustered != clustering::unknown, facts.clustered == clustering::yes);
    to.object.key("modify_index").number(facts.document);
    if (was_read) write_reading(to.object, facts.how);
    if (!place.expression.empty()) {
        to.row("  filter", quoted(place.expression) + " matches " + node_of(what).value);
        to.member("filter", place.expression);
    }
    if (place.own != role::unknown) {
        const bool all_active = place.group.by == grouping::all_active;
        const std::string_view list = all_active ? "mode all-active" : list_name(place.group.by, place.own);
        to.row("  active", listed(place.group.active));
        to.strings("active", place.group.active, short_line);
        to.row("  standby", listed(place.group.standby));
        to.strings("standby", place.group.standby, short_line);
        to.row("  place", place.reason, list);
        to.member("place", place.reason);
        to.object.key("list").string(list);
    }
    to.object.close_object();
}

inline void add_actives(const resolution& facts, takeover from, json::page& to) {
    const auto& others = facts.others;
    to.object.key("actives").open_object();
    to.fact("actives", "state", to_string(others.state));
    to.objects("asked", others.sources, [&](const actives_source& each) {
        const std::string where = (each.node.empty() ? "" : " on " + short_line(each.node)) +
                                  (each.datacenter.empty() ? "" : " in " + each.datacenter);
        to.object.key("datacenter").string(each.datacenter);
        if (!each.node.empty()) to.member("node", each.node, 300);
        write_reading(to.object, each.how);
        if (each.cause) {
            to.row("  asked", "unknown" + where + ": " + each.cause->message, reading_text(each.how));
            to.member("cause", each.cause->message);
        } else {
            const std::string_view unit = each.instances == 1 ? " instance" : " instances";
            to.row("  asked", std::to_string(each.instances) + std::string{unit} + where, reading_text(each.how));
            to.object.key("instances").number(std::uint64_t{each.instances});
        }
    });
    to.objects("instances", others.instances, [&](const auto& each) {
        const health state = worst(each.checks);
        const actives counts = serves(each.checks, from);
        to.row("  active", each.node + " (" + each.datacenter + ") is " + std::string{to_string(state)} + ": " +
                               (counts == actives::serving        ? "serves"
                                : counts == actives::none_serving ? "does not serve"
                                                                  : "unknown whether it serves"));
        to.member("node", each.node, 300);
        to.member("datacenter", each.datacenter, 300);
        to.object.key("health").string(to_string(state)).key("counts_as").string(to_string(counts));
        to.objects("checks", each.checks, [&](const auto& check) {
            to.row("    check", check.id + ' ' + std::string{to_string(check.state)});
            to.member("id", check.id, 300);
            to.object.key("health").string(to_string(check.state));
        });
    });
    auto missing = facts.place.group.by == grouping::nodes ? facts.place.group.active : std::vector<std::string>{};
    std::erase_if(missing, [&](const auto& name) {
        return algo::any_of(others.instances, [&](const auto& each) { return same_node(name, each.node); });
    });
    for (const auto& name : missing) to.row("  active", name + " is in none of these lists");
    to.strings("not_listed", missing, short_line);
    to.objects("rights", others.proven, [&](const proven_rights& each) {
        const bool here = each.datacenter.empty();
        const std::string request =
            "POST /v1/internal/acl/authorize" + (here ? "" : "?dc=" + percent_encoded(each.datacenter));
        to.row("  rights",
               to_string(each.rights) + (here ? "" : " in " + each.datacenter) +
                   ": the token has them, or there are no ACLs",
               request);
        to.object.key("datacenter").string(each.datacenter).key("request").string(request);
        to.strings("has", each.rights, [](const acl_right& right) { return to_string(right); });
    });
    if (others.cause) to.fact("  doubt", "cause", others.cause->message);
    to.object.close_object();
}

inline void add_trigger(const explained_trigger& each, json::page& to) {
    const std::string name = "on " + std::string{to_string(each.state)};
    const auto failed = [&](std::string_view what, const error& why, const std::string& source) {
        to.row(name, std::string{what} + why.message, source);
        to.member("cause", why.message);
    };
    to.object.key("state").string(to_string(each.state));
    if (!each.search) return failed("unknown: ", each.search.error(), "");
    const auto& [found, tried] = *each.search;
    to.strings("looked_at", tried, [](const std::string& key) { return key; });
    if (tried.empty()) return to.row(name, "nothing: neither running nor stopped is expected");
    if (!found) return to.row(name, "nothing: there is no trigger", "looked at " + listed(tried));
    std::string source = found->key + ", ModifyIndex " + std::to_string(found->modify_index);
    if (tried.size() > 1) source += "; there is none at " + tried.front();
    to.object.key("key").string(found->key).key("modify_index").number(found->modify_index);
    to.object.key("role").string(to_string(found->as));
    if (!each.runs) return failed("would fail to run: ", each.runs.error(), source);
    const auto& [runs, settle, backoff] = *each.runs;
    to.row(name, command_text(runs.argv), source);
    to.strings("command", runs.argv, [](const std::string& word) { return one_line(word, 4000); });
    for (const auto& [key, time] : {std::pair{"settle", settle}, std::pair{"backoff", backoff}}) {
        if (time) to.fact("  " + std::string{key}, key, to_string(*time));
    }
    if (!runs.script.empty()) to.object.key("script").string(runs.script);
    for (std::string_view rest = runs.script; !rest.empty();) {
        to.row("  script", one_line(next_part(rest, '\n'), 2000));
    }
}

/// What the explained role was at the last run that remembered it.
inline void add_remembered(const explained_role& what, json::page& to) {
    const last_known& known = *what.facts.remembered;
    const std::string file = last_known_file(what.state_dir, what.service);
    const milliseconds age = what.now - known.at;
    to.row("last known",
           std::string{to_string(known.own)} + ", expects " + std::string{to_string(known.expects)} + ", ModifyIndex " +
               std::to_string(known.document) + ", " + std::to_string(age.count / 1000) + " s ago",
           file);
    to.object.key("last_known").open_object().key("file").string(file);
    to.object.key("role").string(to_string(known.own)).key("expectation").string(to_string(known.expects));
    to.object.key("modify_index").number(known.document).key("age_ms").number(age.count).close_object();
}

/// What kept the last known role from being read or written, and why no trigger may run.
inline void add_notes(const explained_role& what, json::page& to) {
    if (const auto& why = what.facts.state_cause) {
        const std::string_view then =
            what.facts.remembers
                ? ""
                : "; nothing can be remembered here: checks that pass believe any server, all others ask "
                  "the leader anew, and a standby cannot take over";
        to.fact("note", "note", why->message + std::string{then});
    }
    if (!what.stopped.empty()) to.fact("stopped", "stopped", what.stopped);
}

}  // namespace detail

// --- what is printed ---

/// Prints the role, what it expects and why.
inline void print_role(const explained_role& what, json::page& to) {
    const auto& facts = what.facts;
    detail::add_role(what, to);
    json::write_known(to.object, "clustered", facts.clustered != clustering::unknown,
                      facts.clustered == clustering::yes);
    to.fact("why", "reason", facts.reason, 3000);
    to.row("document",
           facts.key + (facts.document == 0 ? "" : " (ModifyIndex " + std::to_string(facts.document) + ')'));
    to.object.key("key").string(facts.key).key("document").number(facts.document);
    to.fact("basis", "basis", to_string(facts.from));
    detail::add_notes(what, to);
}

/// Prints the whole derivation of a role: every fact and its source, and the triggers that would run.
inline void print_explanation(const explained_role& what, const std::vector<explained_trigger>& triggers,
                              json::page& to) {
    const auto& facts = what.facts;
    detail::add_role(what, to);
    to.fact("why", "reason", facts.reason, 3000);
    to.fact("basis", "basis", to_string(facts.from));
    to.row("rule", !facts.rule.empty()           ? facts.rule
                   : facts.from == basis::cached ? "what was last expected holds for a while"
                                                 : "none: what is not known is unknown");
    to.object.key("rule").string(facts.rule);
    if (facts.cause) to.fact("cause", "cause", facts.cause->message);
    to.fact("node", "node", detail::node_of(what));
    to.fact("datacenter", "datacenter", detail::datacenter_of(what));
    to.fact("environment", "environment",
            detail::part_of_name(facts.who, facts.who.environment, what.told.environment));
    to.fact("server role", "server_role",
            detail::part_of_name(facts.who, facts.who.server_role, what.told.server_role));
    to.fact("consul", "consul", what.consul);
    if (!what.token_source.empty()) to.fact("token", "token_from", what.token_source);
    detail::add_document(what, to);
    if (!facts.others.sources.empty()) detail::add_actives(facts, what.from, to);
    to.objects("triggers", triggers, [&](const auto& each) { detail::add_trigger(each, to); });
    if (facts.remembered) detail::add_remembered(what, to);
    detail::add_notes(what, to);
}

}  // namespace powerconsul::inline v0
