#pragma once

#include <climits>
#include <map>

#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/core/shell_words.hpp>
#include <powerconsul/core/time.hpp>

/// What an agent's configuration says, as the agent shows it or as its files have it.
namespace powerconsul::inline v0 {

inline constexpr std::uint64_t most_output = 4096;  ///< bytes: Consul keeps no more of any check's output

/// A check of the agent's configuration that runs a program.
struct configured_check {
    std::string id{};
    std::string service{};                   ///< the Consul service; empty for a check of the node
    std::vector<std::string> words{};        ///< the program and its arguments
    milliseconds interval{};                 ///< from one run to the next; 0 if it is not said
    milliseconds timeout{};                  ///< after which Consul ends it
    std::uint64_t output_size{most_output};  ///< bytes of its output that Consul keeps
    std::string initial{};                   ///< its status until it has run, critical if empty
};

/// Settings of an agent, as it says that it runs with them or as its files have them. What is not said is nothing.
struct agent_settings {
    std::optional<bool> local_scripts{};         ///< whether it runs script checks from its own files
    std::optional<bool> remote_scripts{};        ///< whether it also runs those that others register
    std::optional<bool> discards_output{};       ///< whether it forgets what checks print
    std::optional<std::uint64_t> output_size{};  ///< bytes of a check's output that it keeps
    std::optional<bool> leaves_on_terminate{};   ///< whether it leaves the cluster when it gets SIGTERM
    std::optional<bool> stays_on_interrupt{};    ///< whether it stays in the cluster when it gets SIGINT
};

/// What an agent says of itself. Its configuration is no stable interface: any part may be missing.
struct agent_config {
    std::string node{};
    std::string datacenter{};
    std::string version{};
    std::string data_dir{};
    agent_settings settings{};
    std::optional<std::vector<configured_check>> checks{};
};

namespace detail {

/// The last member whose name is `name` in lower case and without `_`, nullptr if there is none: to Consul, `check_id`,
/// `CheckID` and `checkid` are the same.
[[nodiscard]] inline auto config_member(const json::value& object, std::string_view name) -> const json::value* {
    const auto is_meant = [&](std::string_view each) {
        std::string plain = ascii::lower(each);
        std::erase(plain, '_');
        return plain == name;
    };
    const auto found = std::find_if(object.names.rbegin(), object.names.rend(), is_meant);
    return found == object.names.rend() ? nullptr
                                        : &object.items[static_cast<std::size_t>(object.names.rend() - found) - 1];
}

/// The text of a member, or if that is empty, of the one called `other`.
[[nodiscard]] inline auto config_text(const json::value& object, std::string_view name, std::string_view other = {})
    -> std::string {
    const auto* const found = config_member(object, name);
    if (found != nullptr && found->is(json::kind::string) && !found->text.empty()) return found->text;
    return other.empty() ? std::string{} : config_text(object, other);
}

/// Whether anything in it is set: the agent shows what it was not given as empty, as 0 or as `0s`.
[[nodiscard]] inline auto says_something(const json::value& part) -> bool {
    if (part.is(json::kind::boolean)) return part.boolean;
    if (part.is(json::kind::string) || part.is(json::kind::number)) return !is_one_of(part.text, {"", "0", "0s"});
    return algo::any_of(part.items, says_something);
}

/// All items under `name` and `other`, one item's name and a list's: one HCL block is an object, several are a list.
[[nodiscard]] inline auto config_items(const json::value& object, std::string_view name, std::string_view other = {})
    -> std::vector<json::value> {
    std::vector<json::value> all;
    for (const auto each : {name, other}) {
        const auto* const found = each.empty() ? nullptr : config_member(object, each);
        if (found == nullptr) continue;
        if (!found->is(json::kind::array)) all.push_back(*found);
        if (found->is(json::kind::array)) all.insert(all.end(), found->items.begin(), found->items.end());
    }
    std::erase_if(all, [](const auto& each) { return !says_something(each); });
    return all;
}

[[nodiscard]] inline auto config_words(const json::value& args) -> std::vector<std::string> {
    if (args.is(json::kind::string)) return {args.text};
    std::vector<std::string> words;
    for (const auto& each : args.items) words.push_back(each.text);
    return words;
}

/// Adds the check if it runs a program. If it has no id, `otherwise` is its id or, if that is empty, its name.
inline void add_configured_check(const json::value& definition, const std::string& service,
                                 const std::string& otherwise, std::vector<configured_check>& all) {
    configured_check next{.id = config_text(definition, "id", "checkid"), .service = service};
    if (next.id.empty()) next.id = otherwise.empty() ? config_text(definition, "name") : otherwise;
    const auto* args = config_member(definition, "args");
    if (args == nullptr) args = config_member(definition, "scriptargs");
    if (args != nullptr) next.words = config_words(*args);
    if (next.words.empty()) return;
    next.interval = parse_go_duration(config_text(definition, "interval")).value_or(milliseconds{});
    next.timeout = parse_go_duration(config_text(definition, "timeout")).value_or(milliseconds{});
    if (next.timeout.count == 0) next.timeout = seconds(30);  // Consul's default
    const auto* const size = config_member(definition, "outputmaxsize");
    if (size != nullptr) next.output_size = std::min(most_output, size->as_unsigned().value_or(most_output));
    if (next.output_size == 0) next.output_size = most_output;
    next.initial = config_text(definition, "status");
    all.push_back(std::move(next));
}

/// Adds the checks that a configuration defines, within a service or on their own.
inline void add_configured_checks(const json::value& root, std::vector<configured_check>& all) {
    std::map<std::string, std::string> names;  // of services, by their ids
    for (const auto& each : config_items(root, "services", "service")) {
        const std::string name = config_text(each, "name");
        const std::string id = config_text(each, "id", "name");
        names.emplace(id, name);
        const auto checks = config_items(each, "check", "checks");
        for (std::size_t i = 0; i < checks.size(); ++i) {
            const std::string number = checks.size() > 1 ? ':' + std::to_string(i + 1) : "";
            add_configured_check(checks[i], name, "service:" + id + number, all);
        }
    }
    for (const auto& each : config_items(root, "checks", "check")) {
        const std::string id = config_text(each, "serviceid");
        add_configured_check(each, names.contains(id) ? names.at(id) : id, {}, all);
    }
}

/// Takes over the settings that a part of a configuration says, by their names in files and in the agent's answer.
inline void add_settings(const json::value& root, agent_settings& to) {
    const auto flag = [&](std::string_view name, std::string_view other, std::optional<bool>& value) {
        for (const auto each : {name, other}) {
            const auto* const found = config_member(root, each);
            if (found != nullptr && found->is(json::kind::boolean)) value = found->boolean;
        }
    };
    flag("enablelocalscriptchecks", {}, to.local_scripts);
    flag("enablescriptchecks", "enableremotescriptchecks", to.remote_scripts);
    flag("discardcheckoutput", {}, to.discards_output);
    flag("leaveonterminate", "leaveonterm", to.leaves_on_terminate);
    flag("skipleaveoninterrupt", "skipleaveonint", to.stays_on_interrupt);
    const auto* const size = config_member(root, "checkoutputmaxsize");
    if (size != nullptr && size->as_unsigned()) to.output_size = size->as_unsigned();
}

}  // namespace detail

/// Decodes what `GET /v1/agent/self` shows of an agent's configuration, as Consul 1.8.7 writes it. Fails with
/// errc::bad_data if name or datacenter is missing. Any other missing member is nothing or empty, not false.
[[nodiscard]] inline auto decode_agent_config(std::string_view body) -> result<agent_config> {
    const auto facts = json::decode_agent(body);
    if (!facts) return unexpected{facts.error()};
    const auto root = json::parse(body);
    agent_config agent{.node = facts->node, .datacenter = facts->datacenter};
    agent.version = detail::config_text(*root->find("Config"), "version");
    const auto* const config = root->find("DebugConfig");
    if (config == nullptr) return agent;
    agent.data_dir = detail::config_text(*config, "datadir");
    detail::add_settings(*config, agent.settings);
    if (config->find("Services") != nullptr && config->find("Checks") != nullptr) {
        detail::add_configured_checks(*config, agent.checks.emplace());
    }
    return agent;
}

}  // namespace powerconsul::inline v0
