#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/cluster/identity.hpp>
#include <powerconsul/consul/rights.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/heal/incident.hpp>
#include <powerconsul/json/writer.hpp>

/// Judges what is wrong on a node, from facts that the caller gathered. A fact that could not be obtained is an error
/// in a result or nothing in an optional; what is judged from it is `unknown`, never `ok`.
namespace powerconsul::inline v0 {

enum class condition : unsigned char { ok, unknown, warning, error };

[[nodiscard]] constexpr auto to_string(condition value) -> std::string_view {
    switch (value) {
        case condition::ok: return "ok";
        case condition::unknown: return "unknown";
        case condition::warning: return "warning";
        case condition::error: break;
    }
    return "error";
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

/// A check of the agent's configuration that runs a program.
struct configured_check {
    std::string id{};
    std::string service{};             ///< the Consul service; empty for a check of the node
    std::vector<std::string> words{};  ///< the program and its arguments
    milliseconds timeout{};            ///< after which Consul ends it
};

/// What an agent says of itself. Its configuration is no stable interface: any part may be missing.
struct agent_config {
    std::string node{};
    std::string datacenter{};
    std::string version{};
    std::string data_dir{};
    std::optional<bool> local_scripts{};   ///< whether it runs script checks from its own files
    std::optional<bool> remote_scripts{};  ///< whether it also runs those that others register
    std::optional<std::vector<configured_check>> checks{};
};

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
    return {"agent", condition::error, why.message, "set --http-addr to a Consul agent"};
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

[[nodiscard]] inline auto judge_script_checks(const result<agent_config>& agent) -> finding {
    constexpr std::string_view point = "script checks";
    if (!agent) return {std::string{point}, condition::unknown, "the agent does not show its configuration", {}};
    if (agent->remote_scripts.value_or(false)) {
        return {std::string{point}, condition::warning,
                "enable_script_checks lets whoever may register a check run commands here",
                "set enable_local_script_checks = true in its place"};
    }
    if (!agent->local_scripts) {
        return {std::string{point}, condition::unknown, "the agent does not say whether it runs script checks",
                "look for enable_local_script_checks in its configuration"};
    }
    if (*agent->local_scripts) return {std::string{point}, condition::ok, "those of the agent's own files are run", {}};
    return {std::string{point}, condition::error, "this agent does not run script checks",
            "set enable_local_script_checks = true in its configuration"};
}

/// A check that calls powerconsul, as far as its command line was understood.
struct called_check {
    std::string id{};
    std::string cause{};         ///< why it cannot work; empty if it can
    milliseconds own_timeout{};  ///< the limit that powerconsul sets itself
    milliseconds timeout{};      ///< after which Consul ends it
};

/// Judges an agent's checks; nothing if they are not known. One finding names all that are well; others have their own.
[[nodiscard]] inline auto judge_checks(const std::optional<std::vector<called_check>>& checks) -> std::vector<finding> {
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
            found.push_back({point, condition::error, each.cause, "correct its args"});
        } else if (each.timeout <= each.own_timeout) {
            found.push_back({point, condition::warning,
                             "Consul ends it after " + std::to_string(each.timeout.count) +
                                 " ms and calls it critical; powerconsul itself takes up to " +
                                 std::to_string(each.own_timeout.count) + " ms",
                             "set its timeout longer than powerconsul's --timeout"});
        } else {
            sound.push_back(each.id);
        }
    }
    if (!sound.empty())
        found.insert(found.begin(), {"checks", condition::ok, "powerconsul is called by " + listed(sound), {}});
    return found;
}

/// A handler of a watch on checks.
struct watch_handler {
    std::string state{};    ///< the state that it watches; empty for any
    std::string acts_on{};  ///< the state that powerconsul is told; empty if it is not called or not understood
    std::string cause{};    ///< why it does nothing; empty if it is not known to be wrong
    std::string where{};    ///< the file that defines it
};

/// Judges the handlers for one state, from the agent's files.
[[nodiscard]] inline auto judge_watch(bad_state state, const result<std::vector<watch_handler>>& handlers) -> finding {
    const std::string name{to_string(state)};
    const std::string point = "watch " + name;
    if (!handlers) return {point, condition::unknown, handlers.error().message, "see Healing in README.md"};
    const watch_handler* wrong = nullptr;
    for (const auto& each : *handlers) {
        if (!each.state.empty() && each.state != name) continue;
        if (each.cause.empty() && each.acts_on == name) {
            return {point, condition::ok, each.where + " calls powerconsul watch " + name, {}};
        }
        if (wrong == nullptr && (!each.cause.empty() || !each.acts_on.empty())) wrong = &each;
    }
    if (wrong == nullptr) {
        return {point, condition::warning, "no watch calls powerconsul watch " + name + ": nothing is healed",
                "see Healing in README.md"};
    }
    return {point, condition::warning,
            wrong->cause.empty() ? wrong->where + " watches " + name + ", but calls powerconsul watch " + wrong->acts_on
                                 : wrong->where + ": " + wrong->cause,
            "let it call powerconsul watch " + name + " --detach"};
}

// --- the machine ---

/// The directory that keeps last known roles and journals.
struct directory_facts {
    std::string path{};
    result<bool> trusted{false};  ///< false if the directory does not exist
    bool writable{};              ///< the directory or, if it does not exist, its parent
    std::optional<std::uint64_t> free_bytes{};
    std::optional<std::uint64_t> free_files{};  ///< also nothing if the file system does not count them
};

[[nodiscard]] inline auto judge_state_directory(const directory_facts& facts) -> finding {
    const std::string point = "state directory";
    if (!facts.trusted) {
        const bool refused = facts.trusted.error().code == errc::denied;
        return {point, refused ? condition::error : condition::unknown, facts.trusted.error().message,
                "set --state-dir to a directory of the agent's user, of mode 0700"};
    }
    const std::string missing = *facts.trusted ? "" : " is not there and";
    if (!facts.writable) {
        return {point, condition::error, facts.path + missing + " cannot be written by the user who runs the checks",
                "install -d -o <the agent's user> -m 0700 " + facts.path};
    }
    if (facts.free_bytes == std::uint64_t{0} || facts.free_files == std::uint64_t{0}) {
        return {point, condition::error,
                facts.path + ": the file system has no " + (facts.free_bytes == std::uint64_t{0} ? "space" : "inode") +
                    " left: nothing is remembered, and no trigger runs",
                "make room there"};
    }
    if (!facts.free_bytes) {
        return {point, condition::unknown, facts.path + ": the space that is left cannot be told", {}};
    }
    if (!*facts.trusted) return {point, condition::ok, facts.path + " will be made by the first check", {}};
    return {point, condition::ok, facts.path + " is safe and can be written", {}};
}

struct clock_facts {
    milliseconds now{};
    std::optional<bool> synchronized{};
    std::string from_future{};  ///< a record of this node with a time after `now`; empty if there is none
};

/// 2026-11-01, wall clock. No powerconsul existed before this time.
inline constexpr milliseconds first_release{std::int64_t{1'793'491'200'000}};

[[nodiscard]] inline auto judge_clock(const clock_facts& facts) -> finding {
    const std::string remedy = "let chrony, ntpd or systemd-timesyncd set it";
    if (facts.now < first_release) {
        return {"clock", condition::error, "it is before the time at which this program was made", remedy};
    }
    if (!facts.from_future.empty()) {
        return {"clock", condition::error, facts.from_future + " is from the future: the clock was set back",
                remedy + "; else delete that file"};
    }
    if (!facts.synchronized)
        return {"clock", condition::unknown, "the kernel does not say whether it is synchronized", {}};
    if (*facts.synchronized) return {"clock", condition::ok, "it is synchronized", {}};
    return {"clock", condition::warning, "it is not synchronized: ages and back-offs may be wrong", remedy};
}

/// A file that keeps its check passing while it exists.
struct noop_facts {
    std::string path{};
    result<std::optional<milliseconds>> age{std::optional<milliseconds>{}};  ///< nothing if it does not exist
    std::optional<milliseconds> max_age{};
};

[[nodiscard]] inline auto judge_noop_files(const std::vector<noop_facts>& files) -> std::vector<finding> {
    std::vector<finding> found;
    std::size_t young = 0;
    constexpr milliseconds day = seconds(86'400);
    for (const auto& each : files) {
        const std::string point = "noop file";
        if (!each.age) {
            found.push_back(could_not_look(point, each.age.error()));
            continue;
        }
        if (!*each.age) continue;
        const std::string hours = std::to_string((**each.age).count / 3'600'000);
        if (each.max_age && **each.age > *each.max_age) {
            found.push_back(
                {point, condition::warning, each.path + " is " + hours + " h old and no longer counts", "delete it"});
        } else if (**each.age > day) {
            found.push_back({point, condition::warning,
                             each.path + " has held its check as passing for " + hours + " h",
                             "delete it, or give the check --noop-max-age"});
        } else {
            ++young;
        }
    }
    if (!found.empty()) return found;
    if (young == 0) return {{"noop file", condition::ok, "none is there", {}}};
    return {{"noop file",
             condition::ok,
             std::to_string(young) + (young == 1 ? " is" : " are") + " there, less than a day old",
             {}}};
}

// --- printing ---

namespace detail {

[[nodiscard]] inline auto count_of(const std::vector<finding>& all, condition state) -> std::size_t {
    return static_cast<std::size_t>(std::ranges::count(all, state, &finding::state));
}

}  // namespace detail

/// One line in columns for each finding, and a last line that counts them.
[[nodiscard]] inline auto findings_text(const std::vector<finding>& all) -> std::string {
    std::size_t widest = 0;
    for (const auto& each : all) widest = std::max(widest, each.point.size());
    const auto padded = [](std::string_view text, std::size_t width) {
        return std::string{text} + std::string(width - std::min(width, text.size()) + 2, ' ');
    };
    std::string text;
    for (const auto& each : all) {
        text += padded(to_string(each.state), 7) + padded(one_line(each.point, 200), widest) +
                one_line(each.what, 2000) + (each.remedy.empty() ? "" : "; " + one_line(each.remedy, 500)) + '\n';
    }
    const auto counted = [&](condition state) {
        const std::size_t count = detail::count_of(all, state);
        return std::to_string(count) + ' ' + std::string{to_string(state)} + (count == 1 ? ", " : "s, ");
    };
    return text + counted(condition::error) + counted(condition::warning) +
           std::to_string(detail::count_of(all, condition::unknown)) + " unknown\n";
}

/// The findings as one line of JSON, with the counts and the exit status.
[[nodiscard]] inline auto findings_json(const std::vector<finding>& all) -> std::string {
    json::writer text;
    text.open_object().key("findings").open_array();
    for (const auto& each : all) {
        text.open_object();
        text.key("point").string(one_line(each.point, 200)).key("state").string(to_string(each.state));
        text.key("what").string(one_line(each.what, 2000));
        if (!each.remedy.empty()) text.key("remedy").string(one_line(each.remedy, 500));
        text.close_object();
    }
    text.close_array();
    for (const auto& [name, state] : {std::pair{"errors", condition::error}, std::pair{"warnings", condition::warning},
                                      std::pair{"unknown", condition::unknown}}) {
        text.key(name).number(std::uint64_t{detail::count_of(all, state)});
    }
    text.key("code").number(std::int64_t{exit_status(all)});
    return text.close_object().text() + '\n';
}

}  // namespace powerconsul::inline v0
