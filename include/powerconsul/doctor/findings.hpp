#pragma once

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/doctor/called_checks.hpp>
#include <powerconsul/heal/incident.hpp>
#include <powerconsul/json/page.hpp>

/// Judges what is wrong on a node, from facts that the caller gathered. A fact that could not be obtained is an error
/// in a result or nothing in an optional; what is judged from it is `unknown`, never `ok`.
namespace powerconsul::inline v0 {

enum class condition : unsigned char { ok, unknown, warning, error };

[[nodiscard]] constexpr auto to_string(condition value) -> std::string_view {
    constexpr std::string_view names[] = {"ok", "unknown", "warning", "error"};
    return names[static_cast<std::size_t>(value)];
}

/// One thing that was looked at.
struct finding {
    std::string point{};
    condition state{condition::unknown};
    std::string what{};    ///< what was seen
    std::string remedy{};  ///< what to do about it; empty if nothing

    friend bool operator==(const finding&, const finding&) = default;
};

/// 0 if all is well, 1 if something may be wrong or could not be looked at, 2 if something is wrong.
[[nodiscard]] inline auto exit_status(const std::vector<finding>& all) -> int {
    int worst = 0;
    for (const auto& each : all) {
        if (each.state == condition::error) return 2;
        if (each.state != condition::ok) worst = 1;
    }
    return worst;
}

// --- the agent and Consul ---

inline constexpr std::string_view unblock = "take it out of block_endpoints in the agent's http_config";

[[nodiscard]] inline auto could_not_look(std::string point, const error& why) -> finding {
    return {std::move(point), condition::unknown, why.message, {}};
}

[[nodiscard]] inline auto judge_agent(std::string_view address, const result<agent_config>& agent) -> finding {
    const std::string name{address};
    if (agent) {
        return {"agent",
                condition::ok,
                name + " answers as " + agent->node + " in " + agent->datacenter + ", Consul " +
                    (agent->version.empty() ? "of an unknown version" : agent->version),
                {}};
    }
    const auto& why = agent.error();
    if (why.code == errc::unavailable || why.code == errc::timed_out) {
        return {"agent", condition::error, why.message, "start the agent, or set --http-addr"};
    }
    if (why.code == errc::denied) return {"agent", condition::unknown, why.message, "see powerconsul acl-policy"};
    if (why.code == errc::unsupported) return {"agent", condition::warning, why.message, std::string{unblock}};
    return {"agent", condition::error, why.message,
            why.remedy == "httpAuthFile" ? "set --http-auth-file" : "set --http-addr to a Consul agent"};
}

/// `leader` is the leader's address, empty if there is none; errc::failed if the agent found no server that knows.
[[nodiscard]] inline auto judge_leader(const result<std::string>& leader) -> finding {
    if (!leader && leader.error().code != errc::failed) return could_not_look("leader", leader.error());
    if (leader && !leader->empty()) return {"leader", condition::ok, "the servers' leader is " + *leader, {}};
    return {"leader", condition::error,
            leader ? "the servers have no leader, so that no role can be read" : leader.error().message,
            "look at consul operator raft list-peers, and at the servers' logs"};
}

/// The names of this node: the host's, the agent's and those under which the services' documents list it.
struct node_names {
    std::string host{};
    std::string chosen{};  ///< from --node or the configuration; empty if neither names it
    std::string agent{};   ///< empty if it is not known
    std::vector<std::pair<std::string, std::string>> listed{};  ///< service, name in its document
};

[[nodiscard]] inline auto judge_names(const node_names& names) -> finding {
    const std::string own = names.chosen.empty() ? names.host : names.chosen;
    if (names.agent.empty()) {
        return {"node name", condition::unknown, own + " here; the agent does not say its own", {}};
    }
    if (same_node(own, names.agent)) return {"node name", condition::ok, own + ", here and in Consul", {}};
    std::string text = own + " here, but " + names.agent + " in Consul";
    for (const auto& [service, name] : names.listed) text += "; the document of " + service + " lists " + name;
    return {"node name", condition::warning, text,
            names.chosen.empty() ? "give the agent the host's name (node_name), or set \"node\" in the configuration"
                                 : "set \"node\" to the agent's name, and list that in the documents"};
}

/// How many rights a service needs, and which of them the token lacks.
struct rights_facts {
    std::size_t needed{};
    result<std::vector<acl_right>> missing{std::vector<acl_right>{}};
    std::string elsewhere{};  ///< the datacenter in which they are missing; empty for this one
};

[[nodiscard]] inline auto judge_rights(const std::string& service, const rights_facts& facts) -> finding {
    const std::string point = "rights " + service;
    if (!facts.missing && facts.missing.error().code == errc::unsupported) {
        return {point, condition::warning, facts.missing.error().message,
                std::string{unblock} + ", or ask an agent whose Consul has it"};
    }
    if (!facts.missing) return could_not_look(point, facts.missing.error());
    if (facts.missing->empty()) {
        return {point,
                condition::ok,
                "the token may read all " + std::to_string(facts.needed) + " that " + service + " needs",
                {}};
    }
    const std::string needs = "the token needs " + to_string(*facts.missing);
    if (facts.elsewhere.empty()) {
        return {point, condition::error, needs, "give it what powerconsul acl-policy -S " + service + " prints"};
    }
    return {point, condition::error, needs + " in " + facts.elsewhere,
            "make it a global token, not a local one, and have it replicated to " + facts.elsewhere};
}

// --- checks and watches ---

/// Judges an agent's checks; nothing if they are not known. One finding names all that are well; others have their own.
[[nodiscard]] inline auto judge_checks(const std::optional<std::vector<examined_check>>& checks)
    -> std::vector<finding> {
    if (!checks) {
        return {{"checks", condition::unknown, "the agent's checks are not known",
                 "look whether each has a timeout longer than --timeout"}};
    }
    if (checks->empty()) {
        return {{"checks", condition::warning, "no check in the agent's files calls powerconsul check",
                 "see First use in README.md"}};
    }
    std::vector<finding> found;
    std::vector<std::string> sound;
    for (const auto& each : *checks) {
        const std::string point = "check " + each.id;
        if (!each.cause.empty()) {
            found.push_back({point, condition::error, each.cause, each.remedy});
        } else if (each.timeout <= each.own_timeout) {
            found.push_back({point, condition::warning,
                             "Consul ends it after " + std::to_string(each.timeout.count) +
                                 " ms and calls it critical; powerconsul itself takes up to " +
                                 std::to_string(each.own_timeout.count) + " ms",
                             "set its timeout longer than powerconsul's --timeout"});
        } else if (each.output_size < most_output) {
            found.push_back({point, condition::warning,
                             "Consul keeps only the last " + std::to_string(each.output_size) +
                                 " bytes of its output, so that peers may not see that its state is unknown",
                             "remove its output_max_size"});
        } else if (each.chosen && each.chosen->roles.wait.absent_after.count != 0 &&
                   each.interval >= each.chosen->roles.wait.absent_after) {
            found.push_back({point, condition::warning,
                             "it runs each " + to_string(each.interval) + ", not within the " +
                                 to_string(each.chosen->roles.wait.absent_after) +
                                 " after which a check that says nothing counts: a standby may take an active whose "
                                 "agent was restarted for one that serves",
                             "let its interval be shorter than absentAfter"});
        } else if (!each.line.has("serving") && (each.initial.empty() || each.initial == "critical")) {
            found.push_back({point, condition::warning,
                             "whenever the agent starts, Consul calls it critical until it has run, and a standby may "
                             "take over",
                             R"(give it "status": "passing")"});
        } else {
            sound.push_back(each.id);
        }
    }
    if (!sound.empty())
        found.insert(found.begin(), {"checks", condition::ok, "powerconsul is called by " + listed(sound), {}});
    return found;
}

/// Judges the handlers for one state, from the agent's files.
[[nodiscard]] inline auto judge_watch(bad_state state, const result<std::vector<watch_handler>>& handlers) -> finding {
    const std::string name{to_string(state)};
    const std::string point = "watch " + name;
    if (!handlers) return {point, condition::unknown, handlers.error().message, "see Healing in README.md"};
    const watch_handler* wrong = nullptr;
    for (const auto& each : *handlers) {
        if (!each.state.empty() && each.state != name) continue;
        if (each.cause.empty() && each.acts_on == name && each.blind.empty()) {
            return {point, condition::ok, each.where + " calls powerconsul watch " + name, {}};
        }
        if (wrong == nullptr && (!each.cause.empty() || !each.acts_on.empty())) wrong = &each;
        if (each.cause.empty() && each.acts_on == name) wrong = &each;
    }
    if (wrong == nullptr) {
        return {point, condition::warning, "no watch calls powerconsul watch " + name + ": nothing is healed",
                "see Healing in README.md"};
    }
    if (wrong->cause.empty() && wrong->acts_on == name) {
        return {point, condition::error, wrong->where + " calls powerconsul watch " + name + ", but " + wrong->blind,
                "give the watch a `token`, or the agent a default token, with what powerconsul acl-policy --for watch "
                "prints for each service"};
    }
    return {point, condition::warning,
            wrong->cause.empty() ? wrong->where + " watches " + name + ", but calls powerconsul watch " + wrong->acts_on
                                 : wrong->where + ": " + wrong->cause,
            "let it call powerconsul watch " + name + " --detach"};
}

// --- printing ---

/// As text: a first line that counts the findings, then each in columns, the worst last, next to the prompt. As JSON:
/// one line with all of them in their own order, the counts and the exit status. With `only_problems`, those that are
/// well are left out, and the text is empty if all are.
[[nodiscard]] inline auto findings_text(std::vector<finding> all, bool as_json, bool only_problems = false)
    -> std::string {
    const int code = exit_status(all);
    if (only_problems) std::erase_if(all, [](const auto& each) { return each.state == condition::ok; });
    if (!as_json) algo::stable_sort(all, {}, &finding::state);
    json::page printed;
    std::vector<std::string> counts;
    for (const auto& [state, name] : {std::pair{condition::error, "errors"}, std::pair{condition::warning, "warnings"},
                                      std::pair{condition::unknown, "unknown"}}) {
        const std::int64_t count{algo::count(all, state, &finding::state)};
        printed.object.key(name).number(count);
        counts.push_back(std::to_string(count) + ' ' + (count == 1 ? std::string{to_string(state)} : name));
    }
    printed.object.key("code").number(std::int64_t{code});
    printed.objects("findings", all, [&](const finding& each) {
        std::string name{to_string(each.state)};
        name.resize(9, ' ');
        const std::string what = one_line(each.what, 2000);
        const std::string remedy = one_line(each.remedy, 500);
        printed.row(name + one_line(each.point, 200), what + (remedy.empty() ? "" : "; " + remedy));
        printed.member("point", each.point, 200);
        printed.member("state", to_string(each.state));
        printed.member("what", what, 2000);
        if (!remedy.empty()) printed.member("remedy", remedy, 500);
    });
    if (as_json) return std::move(printed).json() + '\n';
    if (all.empty()) return only_problems ? "" : "nothing was looked at\n";
    return counts[0] + ", " + counts[1] + ", " + counts[2] + '\n' + printed.text();
}

}  // namespace powerconsul::inline v0
