#pragma once

#include <powerconsul/doctor/machine_findings.hpp>

/// Judges what a node still has of python-powerconsul, "the original": what it called, where it kept things, and what
/// only it understood. Each finding says what to do about it before this program takes over, or that nothing need be
/// done.
namespace powerconsul::inline v0 {

/// A check or a watch of the agent that calls a program `powerconsul`.
struct powerconsul_call {
    std::string by{};       ///< `check web-role`, or `watch critical`
    std::string service{};  ///< the value of -S; empty for a watch
    std::string program{};  ///< its path where it could be found, else as it is called
    bool is_python{};       ///< that program is python-powerconsul
    bool updates_kv{};      ///< it has -U
};

namespace detail {

/// The words of a command in which a program `powerconsul` may be called: where none of them is its name, those within
/// a text for a shell, too.
[[nodiscard]] inline auto words_with_program(const std::vector<std::string>& words) -> std::vector<std::string> {
    if (algo::find(words, std::string_view{"powerconsul"}, base_name) != words.end()) return words;
    std::vector<std::string> all;
    for (const auto& each : words) {
        const auto parts = split_words(each);
        if (parts) all.insert(all.end(), parts->begin(), parts->end());
    }
    return all;
}

/// The value of an option as Python's argparse takes it; empty if it is not given. `letter` is `-S`.
[[nodiscard]] inline auto argparse_value(const std::vector<std::string>& args, std::string_view letter,
                                         std::string_view name) -> std::string {
    for (std::size_t i = 0; i < args.size(); ++i) {
        const std::string_view word = args[i];
        if (word == letter || word == name) return i + 1 < args.size() ? args[i + 1] : "";
        if (word.starts_with(letter)) return std::string{word.substr(letter.size())};
        if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
            return std::string{word.substr(name.size() + 1)};
        }
    }
    return {};
}

/// Whether Python code on some line imports the original's package.
[[nodiscard]] inline auto imports_powerconsul(std::string_view text) -> bool {
    while (!text.empty()) {
        auto line = trimmed(next_part(text, '\n'));
        for (const std::string_view word : {"from", "import"}) {
            if (!line.starts_with(word)) continue;
            const auto rest = line.substr(word.size());
            const auto name = trimmed(rest);
            if (name.size() < rest.size() &&
                is_one_of(name.substr(0, name.find_first_of(" \t.,;#")), {"powerconsul"})) {
                return true;
            }
        }
    }
    return false;
}

/// "1 check", "2 checks"
[[nodiscard]] inline auto counted(std::size_t count, std::string_view noun) -> std::string {
    return std::to_string(count) + ' ' + std::string{noun} + (count == 1 ? "" : "s");
}

/// The texts of a list in JSON, as Consul writes tags and keys; none if it is null.
[[nodiscard]] inline auto texts_of(const json::value* list) -> std::vector<std::string> {
    return list == nullptr ? std::vector<std::string>{} : config_words(*list);
}

}  // namespace detail

/// The call of `powerconsul` in the words of a check or a watch; nothing if there is none. `search_path` is the agent's
/// PATH, which decides what a bare name means.
template <local_machine Machine>
[[nodiscard]] auto find_powerconsul_call(Machine& machine, std::string by, const std::vector<std::string>& words,
                                         std::string_view search_path) -> std::optional<powerconsul_call> {
    auto all = detail::words_with_program(words);
    const auto at = algo::find(all, std::string_view{"powerconsul"}, base_name);
    if (at == all.end()) return std::nullopt;
    for (; *at == "powerconsul" && !search_path.empty();) {
        const std::string path = std::string{next_part(search_path, ':')} + "/powerconsul";
        if (machine.can_execute(path)) *at = path;
    }
    powerconsul_call found{.by = std::move(by), .program = *at};
    const auto call = find_call(machine, all);
    found.is_python = call->cause.ends_with(" is python-powerconsul");
    if (call->args.empty() || call->args.front() != "check") return found;
    found.service = detail::argparse_value(call->args, "-S", "--consulservice");
    // argparse takes a name that is cut short as long as it is the only one that begins so.
    found.updates_kv = algo::any_of(call->args, [](std::string_view each) {
        return each == "-U" || (each.starts_with("--up") && std::string_view{"--updatekv"}.starts_with(each));
    });
    return found;
}

// --- what the agent calls ---

/// `calls` is nothing if the agent's files are not known.
[[nodiscard]] inline auto judge_programs(const std::optional<std::vector<powerconsul_call>>& calls) -> finding {
    const std::string point = "program";
    if (!calls) {
        return {point, condition::unknown, "which programs the agent's checks and watches call is not known",
                "run doctor on the agent's machine, by a user who may read its files"};
    }
    std::vector<std::string> of_python;
    std::string where;
    for (const auto& each : *calls) {
        if (!each.is_python) continue;
        of_python.push_back(each.by);
        where = each.program;
    }
    if (!of_python.empty()) {
        return {point, condition::warning, where + " is python-powerconsul, and is called by " + listed(of_python),
                "put this program in its place and consul reload, on standbys first, then on actives"};
    }
    return {point,
            condition::ok,
            calls->empty() ? "no check or watch of the agent calls powerconsul"
                           : "no check or watch of the agent calls python-powerconsul",
            {}};
}

[[nodiscard]] inline auto judge_update_kv(const std::optional<std::vector<powerconsul_call>>& calls) -> finding {
    const std::string point = "option -U";
    if (!calls) return {point, condition::unknown, "the agent's checks are not known", "look for -U in them"};
    std::vector<std::string> with;
    bool by_python = false;
    for (const auto& each : *calls) {
        if (!each.updates_kv) continue;
        with.push_back(each.by);
        by_python = by_python || each.is_python;
    }
    if (with.empty()) return {point, condition::ok, "no check of the agent has it", {}};
    if (by_python) {
        return {
            point, condition::warning,
            listed(with) + (with.size() == 1 ? " has it" : " have it") +
                ": python-powerconsul rewrites the cluster document as soon as an active is warning, as this program's "
                "unknown is to it",
            "remove it on all nodes and consul reload, before the first of them gets this program"};
    }
    return {point, condition::warning,
            listed(with) + (with.size() == 1 ? " has it" : " have it") +
                ", and it changes nothing: roles stay as the cluster document says, so that an active that serves "
                "again takes the service back",
            "remove it, and write the document where the roles shall stay changed after a takeover"};
}

// --- where the original keeps things ---

inline constexpr std::string_view original_settings = "/root/.powerconsul.conf";  ///< it only ran as root

/// `is_there` says whether the original's configuration exists, `read` which one this program reads (empty for none),
/// `user` who runs the agent's checks.
[[nodiscard]] inline auto judge_original_settings(const result<bool>& is_there, const std::string& read,
                                                  const std::string& cluster_key, std::uint32_t user) -> finding {
    const std::string point = "configuration";
    const std::string path{original_settings};
    if (!is_there) return could_not_look(point, is_there.error());
    if (!*is_there) return {point, condition::ok, "there is no " + path, {}};
    if (user != 0) {
        return {point, condition::warning,
                path + " is there, but the agent's user (id " + std::to_string(user) +
                    ") has another home, so that its checks do not read it",
                "copy it to /etc/powerconsul.conf (root's, mode 0644)"};
    }
    if (read != path) {
        return {point, condition::warning,
                path + " is there, but " + (read.empty() ? "no configuration" : read) + " is read",
                read.empty() ? "copy it to /etc/powerconsul.conf (root's, mode 0644)"
                             : "copy to " + read + " what it lacks, and delete the other"};
    }
    if (cluster_key.empty()) {
        return {point, condition::warning,
                path +
                    " has no clusterKey, so that the original takes every service for standalone; this program reads "
                    "cluster/<environment>",
                "set clusterKey, to cluster/<environment> if documents stand there"};
    }
    return {point, condition::ok, path + " is read as it is", {}};
}

/// Looks for service scripts in /etc/init.d that are written with the original's library.
template <directory_source Files, local_machine Machine>
[[nodiscard]] auto look_at_init_scripts(Files& files, Machine& machine) -> finding {
    constexpr std::size_t most_scripts = 4096;
    constexpr std::size_t largest = std::size_t{256} * 1024;  // bytes; nobody writes a longer one
    const std::string point = "init scripts";
    const std::string folder = "/etc/init.d";
    auto names = files.list(folder, most_scripts);
    if (!names) return could_not_look(point, names.error());
    std::vector<std::string> found;
    std::vector<std::string> unread;
    if (*names) algo::sort(**names);
    for (const auto& name : names->value_or(std::vector<std::string>{})) {
        const std::string path = machine.real_path(folder + '/' + name);
        const auto text = path.empty() ? result<std::optional<std::string>>{std::nullopt} : files.read(path, largest);
        if (!text) unread.push_back(name);
        if (text && *text && detail::imports_powerconsul(**text)) found.push_back(name);
    }
    if (!found.empty()) {
        return {
            point, condition::warning,
            folder + " has " + listed(found) + ", which " + (found.size() == 1 ? "imports" : "import") +
                " the package powerconsul of Python: its status asks all datacenters, and start, stop and "
                "start-primary go by the cluster document",
            "keep that package as long as they are used; check the services themselves with check servicegroup, and "
            "let triggers start and stop those"};
    }
    if (!unread.empty()) {
        return {point, condition::unknown, folder + ": not read: " + listed(unread), "look there for `powerconsul`"};
    }
    return {point, condition::ok, "none imports the package powerconsul of Python", {}};
}

/// `keys` are those below triggers/<service>/, which is where the original reads; `trigger_key` is that of the
/// configuration.
[[nodiscard]] inline auto judge_short_triggers(const std::string& service, const result<std::vector<std::string>>& keys,
                                               const std::string& trigger_key) -> finding {
    const std::string point = "triggers " + service;
    const std::string below = "triggers/" + service + '/';
    if (!keys) return could_not_look(point, keys.error());
    if (keys->empty()) return {point, condition::ok, "none that the token may list stands below " + below, {}};
    if (!trigger_key.empty() && trigger_key != "triggers") {
        return {point, condition::warning,
                listed(*keys) + (keys->size() == 1 ? " is" : " are") + " not read, since triggerKey is " + trigger_key,
                "remove triggerKey from the configuration, or write them below " + trigger_key + '/' + service};
    }
    return {point,
            condition::ok,
            listed(*keys) + (keys->size() == 1 ? " is" : " are") + " read where " +
                (keys->size() == 1 ? "it stands" : "they stand"),
            {}};
}

// --- the tag nodns ---

/// `queries` is Consul's answer to /v1/query.
[[nodiscard]] inline auto judge_queries(const result<json::value>& queries) -> finding {
    const std::string point = "prepared queries";
    if (!queries) return could_not_look(point, queries.error());
    std::vector<std::string> found;
    for (const auto& each : queries->items) {
        const auto* const service = each.find("Service");
        const auto tags = detail::texts_of(service == nullptr ? nullptr : service->find("Tags"));
        if (algo::find(tags, "!nodns") == tags.end()) continue;
        const std::string name = detail::config_text(each, "name");
        found.push_back(name.empty() ? detail::config_text(each, "id") : name);
    }
    if (found.empty()) return {point, condition::ok, "none that the token may see asks for !nodns", {}};
    algo::sort(found);
    return {point, condition::warning,
            listed(found) + (found.size() == 1 ? " asks" : " ask") +
                " for !nodns, a tag that this program does not set: a standby that is stopped as it should be passes, "
                "and is among the answers",
            "give each service a second one (as web-active) whose check has --serving, and ask for that"};
}

/// `services` is Consul's answer to /v1/agent/services.
[[nodiscard]] inline auto judge_tags(const result<json::value>& services) -> finding {
    const std::string point = "tag nodns";
    if (!services) return could_not_look(point, services.error());
    std::vector<std::string> found;
    for (const auto& each : services->items) {
        const auto tags = detail::texts_of(each.find("Tags"));
        if (algo::find(tags, "nodns") != tags.end()) found.push_back(detail::config_text(each, "id"));
    }
    if (found.empty()) return {point, condition::ok, "no service of this node has it", {}};
    algo::sort(found);
    return {point, condition::warning,
            listed(found) + (found.size() == 1 ? " has it" : " have it") +
                ", and this program does not take it off when the node becomes active",
            "consul reload once no check calls the original; a restart of the agent may keep the tag"};
}

// --- names ---

/// A service whose document lists datacenters, and the nodes that may be its actives.
struct named_nodes {
    std::string service{};
    std::string environment{};
    std::string server_role{};
    std::string service_filter{};
    /// The nodes that have the service, in the document's active datacenters.
    result<std::vector<std::string>> nodes{std::vector<std::string>{}};
};

/// Without serviceFilter the original takes every node that has the service; this program those whose names carry this
/// node's environment and server role.
[[nodiscard]] inline auto judge_service_filter(const named_nodes& facts) -> finding {
    const std::string point = "serviceFilter " + facts.service;
    if (!facts.service_filter.empty()) {
        return {point, condition::ok, "it is " + facts.service_filter + " for both programs", {}};
    }
    if (!facts.nodes) return could_not_look(point, facts.nodes.error());
    std::vector<std::string> others;
    for (const auto& each : *facts.nodes) {
        const host_parts parts = split_host_name(each);
        if (same_host(parts.environment, facts.environment) && same_host(parts.server_role, facts.server_role))
            continue;
        if (algo::find(others, each) == others.end()) others.push_back(each);
    }
    if (others.empty()) {
        return {point,
                condition::ok,
                "it is not needed: all nodes of " + facts.service +
                    " have the same environment and "
                    "server role in their names",
                {}};
    }
    algo::sort(others);
    return {point, condition::warning,
            listed(others) + (others.size() == 1 ? " does" : " do") + " not count, since environment " +
                quoted(facts.environment) + " and server role " + quoted(facts.server_role) + " are not in " +
                (others.size() == 1 ? "its name" : "their names") + "; for the original every node counts",
            "set serviceFilter to an expression that matches the names of the nodes that count"};
}

}  // namespace powerconsul::inline v0
