#pragma once

#include <powerconsul/cluster/maintenance.hpp>
#include <powerconsul/heal/action.hpp>
#include <powerconsul/heal/incident.hpp>

namespace powerconsul::inline v0 {

/// The states of a service that have triggers: those of a watch, in which a trigger heals, and the two ends of an
/// incident, of which a trigger tells once. `passing`: it has ended healed.
enum class trigger_state : unsigned char { warning, critical, passing, given_up };

inline constexpr std::array trigger_states{trigger_state::warning, trigger_state::critical, trigger_state::passing,
                                           trigger_state::given_up};

[[nodiscard]] constexpr auto to_string(trigger_state value) -> std::string_view {
    return name_among({"warning", "critical", "passing", "given-up"}, value);
}

[[nodiscard]] constexpr auto to_trigger_state(bad_state value) -> trigger_state {
    return value == bad_state::warning ? trigger_state::warning : trigger_state::critical;
}

struct trigger_options {
    std::string base_key{};                     ///< the key above all triggers; if empty, those of trigger_keys() count
    std::vector<substitution> substitutions{};  ///< from the configuration; @ENV, @HOST and @ROLE are added to them
    milliseconds timeout{seconds(60)};          ///< for an action whose value names none
    milliseconds grace{seconds(10)};
};

/// The role under which to look for a trigger: `unknown` (nowhere) if the role is unknown, or neither running nor
/// stopped is expected. A secondary that is expected to run looks where a primary does, and nowhere else: what is kept
/// for a secondary stops the service.
[[nodiscard]] constexpr auto trigger_role(role own, expectation expects) -> role {
    if (expects != expectation::running && expects != expectation::stopped) return role::unknown;
    return own == role::secondary && expects == expectation::running ? role::primary : own;
}

/// The key above the triggers that nodes of every environment read, in the place that python-powerconsul reads.
inline constexpr std::string_view shared_trigger_base = "triggers";

/// Where a trigger may stand, in the order of reading: `triggers/<environment>/<service>/<role>/<state>`, then
/// `triggers/<service>/<role>/<state>`; a configured base has the place of both. Fails with errc::usage for a name that
/// would lead to another key. No key can be in the place of two services: the places differ in their segments, and no
/// name has a `/`.
[[nodiscard]] inline auto trigger_keys(const trigger_options& options, const identity& who, std::string_view service,
                                       role as, trigger_state state) -> result<std::vector<std::string>> {
    std::vector<std::string> bases{options.base_key};
    if (options.base_key.empty()) {
        if (auto valid = validate_segment("the environment", who.environment); !valid) return unexpected{valid.error()};
        const std::string shared{shared_trigger_base};
        bases = {shared + '/' + who.environment, shared};
    }
    std::vector<std::string> keys;
    for (const auto& base : bases) {
        const auto key = document_key(base, service);
        if (!key) return unexpected{key.error()};
        keys.push_back(*key + '/' + std::string{to_string(as)} + '/' + std::string{to_string(state)});
    }
    return keys;
}

struct found_trigger {
    role as{role::unknown};  ///< the role that it was found under
    std::string key{};
    std::uint64_t modify_index{};
    std::string value{};
};

struct trigger_search {
    std::optional<found_trigger> found{};
    std::vector<std::string> tried{};  ///< the keys that were read, in that order
};

/// Reads the trigger's value. The next key is read only if Consul says that there is no such key, not after an error.
template <typename Client>
[[nodiscard]] auto find_trigger(Client& consul, const trigger_options& options, const identity& who,
                                const resolution& facts, std::string_view service, trigger_state state)
    -> result<trigger_search> {
    trigger_search search;
    const role as = trigger_role(facts.own, facts.expects);
    if (as == role::unknown) return search;
    const auto keys = trigger_keys(options, who, service, as, state);
    if (!keys) return unexpected{keys.error()};
    for (const auto& key : *keys) {
        search.tried.push_back(key);
        auto entry = consul.read_key(key, who.datacenter);
        if (!entry) return unexpected{entry.error()};
        if (!*entry) continue;
        search.found = found_trigger{as, key, (*entry)->modify_index, std::move((*entry)->value)};
        break;
    }
    return search;
}

/// What a trigger is told about why it runs.
struct trigger_cause {
    std::string service{};
    std::string incident{};  ///< its id
    std::uint32_t attempt{1};
    trigger_state state{trigger_state::critical};
    role own{role::unknown};
    expectation expects{expectation::unknown};
    std::string reason{};                  ///< why the role is what it is
    std::vector<snapshot_check> checks{};  ///< those that the incident is about, in any order
};

/// Where a trigger's commands are looked for.
inline constexpr std::string_view trigger_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

inline constexpr std::size_t longest_check_list = std::size_t{64} * 1024;  ///< bytes of a variable that lists checks

namespace detail {

/// The worst first: critical, warning, anything else, passing; then by service id and check id.
inline void sort_checks(std::vector<snapshot_check>& checks) {
    const auto rank = [](const snapshot_check& one) {
        return one.status == "critical" ? 0 : one.status == "warning" ? 1 : one.status == "passing" ? 3 : 2;
    };
    algo::sort(checks, [&](const snapshot_check& one, const snapshot_check& other) {
        return std::tuple{rank(one), std::tie(one.service_id, one.check_id)} <
               std::tuple{rank(other), std::tie(other.service_id, other.check_id)};
    });
}

/// The checks as a JSON array of at most `longest` bytes: each with its output as far as there is space for it, and as
/// many of them as there is space for.
[[nodiscard]] inline auto checks_json(const std::vector<snapshot_check>& checks, std::size_t longest) -> std::string {
    const auto element = [](const snapshot_check& one, std::size_t output) {
        json::writer to;
        to.open_object().key("id").string(one_line(one.check_id, 1000));
        to.key("service_id").string(one_line(one.service_id, 1000)).key("status").string(one_line(one.status, 20));
        to.key("output").string(output == 0 ? std::string{} : one_line(one.output, output)).close_object();
        return to.text();
    };
    for (const std::size_t output : {std::size_t{1000}, std::size_t{200}, std::size_t{0}}) {
        std::string list = "[";
        for (const auto& each : checks) {
            std::string next = (list.size() == 1 ? "" : ",") + element(each, output);
            const bool fits = list.size() + next.size() + 1 <= longest;
            if (!fits && output == 0) return list + ']';
            list += next;
        }
        list += ']';
        if (list.size() <= longest) return list;
    }
    return "[]";
}

/// The ids of the checks' services, each once, sorted, as many as `longest` bytes hold.
[[nodiscard]] inline auto service_ids(const std::vector<snapshot_check>& checks, std::size_t longest) -> std::string {
    std::set<std::string> ids;
    for (const auto& each : checks) ids.insert(one_line(each.service_id, 1000));
    std::string list;
    for (const auto& each : ids) {
        if (each.empty()) continue;
        if (list.size() + each.size() + 1 > longest) break;
        list += (list.empty() ? "" : ",") + each;
    }
    return list;
}

}  // namespace detail

/// @ENV, @HOST and @ROLE, and then the configuration's own, which may not replace them.
[[nodiscard]] inline auto all_substitutions(const trigger_options& options, const identity& who)
    -> std::vector<substitution> {
    const std::string host{short_name(who.host.empty() ? who.node : who.host)};
    std::vector<substitution> all{{"ENV", who.environment}, {"HOST", host}, {"ROLE", who.server_role}};
    for (const auto& each : options.substitutions) {
        if (each.name != "ENV" && each.name != "HOST" && each.name != "ROLE") all.push_back(each);
    }
    return all;
}

/// A clean environment, the same for every trigger except for the `POWERCONSUL_…` variables. Who runs it adds what its
/// account has.
[[nodiscard]] inline auto trigger_environment(const trigger_cause& cause, const std::vector<substitution>& known)
    -> std::vector<std::string> {
    std::vector<std::string> list{"PATH=" + std::string{trigger_path}, "LANG=C.UTF-8"};
    const auto add = [&](std::string_view variable, std::string_view value, std::size_t longest = 1000) {
        list.push_back("POWERCONSUL_" + std::string{variable} + '=' + one_line(value, longest));
    };
    auto checks = cause.checks;
    detail::sort_checks(checks);
    const snapshot_check worst = checks.empty() ? snapshot_check{} : checks.front();
    add("SERVICE", cause.service);
    add("SERVICE_IDS", detail::service_ids(checks, longest_check_list), longest_check_list);
    add("ROLE", to_string(cause.own));
    add("EXPECTS", to_string(cause.expects));
    add("STATE", to_string(cause.state));
    add("CHECK_ID", worst.check_id);
    add("INCIDENT_ID", cause.incident);
    add("ATTEMPT", std::to_string(cause.attempt));
    add("REASON", cause.reason);
    add("CHECK_OUTPUT", worst.output);
    add("CHECKS", detail::checks_json(checks, longest_check_list), longest_check_list);
    for (const auto& each : known) {
        std::string variable = "VAR_";
        for (const char c : each.name) variable += ascii::is_alphanumeric(c) ? c : '_';
        add(variable, each.value);
    }
    return list;
}

/// A command as a row of text.
[[nodiscard]] inline auto command_text(const std::vector<std::string>& argv) -> std::string {
    std::string text;
    for (const auto& each : argv) text += (text.empty() ? "" : " ") + (each.empty() ? "''" : one_line(each, 2000));
    return text;
}

/// Makes a job of a trigger's value. Fails with errc::bad_data, naming the key, if the value is no valid action.
[[nodiscard]] inline auto make_job(const found_trigger& trigger, const trigger_options& options, const identity& who,
                                   const trigger_cause& cause) -> result<trigger_action> {
    const auto known = all_substitutions(options, who);
    auto made = json::decode_action(trigger.value, known, options.timeout);
    if (!made) return fail(made.error().code, "the trigger " + trigger.key + ": " + made.error().message);
    made->what.name = cause.service + '-' + std::to_string(cause.attempt);
    made->what.grace = options.grace;
    made->what.environment = trigger_environment(cause, known);
    return made;
}

}  // namespace powerconsul::inline v0
