#pragma once

#include <powerconsul/config/configuration.hpp>
#include <powerconsul/core/proc_stat.hpp>
#include <powerconsul/doctor/agent_config.hpp>
#include <powerconsul/doctor/hcl.hpp>
#include <powerconsul/ports/machine.hpp>

/// A local agent's process and its configuration files. The agent itself does not show what it has reloaded since it
/// started, and shows nothing at all of its watches.
namespace powerconsul::inline v0 {

/// A handler of a watch on checks.
struct watch_handler {
    std::string state{};       ///< the state that it watches; empty for any
    std::string acts_on{};     ///< the state that powerconsul is told; empty if it is not called or not understood
    std::string cause{};       ///< why it does nothing; empty if it is not known to be wrong
    std::string where{};       ///< the file that defines it
    std::string token{};       ///< with which the watch asks; empty for the agent's environment or default token
    std::string datacenter{};  ///< which it looks at; empty for the agent's own
    std::string blind{};       ///< why the watch does not see this node's checks; empty if that is not known
    std::vector<std::string> words{};  ///< its command line
};

/// A call of powerconsul, found among the words of a check or of a handler.
struct found_call {
    std::string program{};
    std::map<std::string, std::string, std::less<>> variables{};  ///< set before the program, as `env` takes them
    std::vector<std::string> args{};
    std::string cause{};  ///< why this program cannot be called as powerconsul; empty if it can
};

/// The process of a local agent and the files that its command line names.
struct agent_process {
    int pid{};
    int parent{};  ///< 0 if it is not known
    std::uint32_t user{};
    std::vector<std::string> files{};
    std::vector<std::string> words{};  ///< its command line
};

/// What the files and the command line of an agent define: it may have read them since it started, or not yet.
struct agent_files {
    std::vector<std::string> services{};     ///< their names
    std::vector<configured_check> checks{};  ///< those that run a program
    std::vector<watch_handler> handlers{};   ///< of watches on checks
    agent_settings settings{};
    std::vector<std::string> repeated{};  ///< members that stand twice in one object, each with its place
};

namespace detail {

// --- the agent's process ---

template <file_source Files>
[[nodiscard]] auto command_line_of(Files& files, const std::string& path) -> std::vector<std::string> {
    std::vector<std::string> words;
    const auto text = files.read(path, std::size_t{1024} * 1024);
    if (!text || !*text) return words;
    for (std::string_view rest = **text; !rest.empty();) words.emplace_back(next_part(rest, '\0'));
    return words;
}

/// The values of an option that may be given several times, as Go's flag package takes it.
[[nodiscard]] inline auto option_values(const std::vector<std::string>& words, std::string_view name)
    -> std::vector<std::string> {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view word = words[i];
        if (!word.starts_with('-')) continue;
        word.remove_prefix(word.starts_with("--") ? 2 : 1);
        if (word == name && i + 1 < words.size()) values.push_back(words[i + 1]);
        if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
            values.emplace_back(word.substr(name.size() + 1));
        }
    }
    return values;
}

/// Whether an option without a value is given, or with `=true` or `=false`; nothing if it is not.
[[nodiscard]] inline auto option_flag(const std::vector<std::string>& words, std::string_view name)
    -> std::optional<bool> {
    std::optional<bool> given;
    for (std::string_view word : words) {
        if (!word.starts_with('-')) continue;
        word.remove_prefix(word.starts_with("--") ? 2 : 1);
        if (word == name) given = true;
        if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
            given = is_one_of(word.substr(name.size() + 1), {"1", "t", "T", "true", "TRUE", "True"});
        }
    }
    return given;
}

/// Removes children of agents: an agent that starts a check appears twice until its child executes the check's program.
inline void leave_out_children(std::vector<agent_process>& agents) {
    const auto all = agents;
    std::erase_if(agents, [&](const agent_process& one) {
        return algo::any_of(all, [&](const agent_process& other) {
            return other.pid == one.parent && other.user == one.user && other.files == one.files;
        });
    });
}

/// The files of `-config-file` and `-config-dir`, in the order in which the agent reads them.
template <directory_source Files, local_machine Machine>
[[nodiscard]] auto config_files(Files& files, Machine& machine, const std::vector<std::string>& words,
                                const std::string& process) -> std::vector<std::string> {
    constexpr std::size_t most = 10'000;
    std::vector<std::string> found;
    auto named = option_values(words, "config-file");
    std::ranges::copy(option_values(words, "config-dir"), std::back_inserter(named));
    for (const auto& each : named) {
        const std::string path = each.starts_with('/') ? each : machine.link_target(process + "/cwd") + '/' + each;
        auto names = files.list(path, most);
        if (!names || !*names) {
            found.push_back(path);
            continue;
        }
        algo::sort(**names);
        for (const auto& name : **names) {
            if (name.ends_with(".json") || name.ends_with(".hcl")) found.push_back(path + '/' + name);
        }
    }
    return found;
}

// --- the agent's files ---

/// Notes the members of an object, and of all that is in it, that stand there twice: Consul takes the last alone.
inline void note_repeated(const json::value& part, const std::string& path, std::string_view text,
                          std::vector<std::string>& repeated) {
    for (const std::size_t i : json::repeated_members(part)) {
        repeated.push_back(path + ": " + quoted(part.names[i]) + " stands twice in one object, again at " +
                           json::position(text, part.items[i].name_offset));
    }
    for (const auto& each : part.items) note_repeated(each, path, text, repeated);
}

template <file_source Files, local_machine Machine>
[[nodiscard]] auto read_config(Files& files, Machine& machine, const std::string& path,
                               std::vector<std::string>* repeated = nullptr) -> result<json::value> {
    constexpr std::size_t largest = std::size_t{4} * 1024 * 1024;
    const std::string resolved = machine.real_path(path);
    if (resolved.empty()) return fail(errc::bad_data, "the agent's file " + quoted(path) + " cannot be read");
    const auto text = files.read(resolved, largest);
    if (!text) return unexpected{text.error()};
    if (!*text) return fail(errc::bad_data, "the agent's file " + quoted(path) + " is gone");
    auto root = path.ends_with(".hcl") ? parse_hcl(**text) : json::parse(**text);
    if (!root) return fail(errc::bad_data, path + ": " + root.error().message);
    if (repeated != nullptr) note_repeated(*root, path, **text, *repeated);
    return root;
}

}  // namespace detail

/// The first word that names a program `powerconsul`, and what stands around it; nothing if there is none.
template <local_machine Machine>
[[nodiscard]] auto find_call(Machine& machine, const std::vector<std::string>& words) -> std::optional<found_call> {
    const auto at = algo::find(words, std::string_view{"powerconsul"}, base_name);
    if (at == words.end()) return std::nullopt;
    found_call call{.program = *at, .args = {at + 1, words.end()}};
    // The first bytes of a program are enough to tell a script's interpreter.
    const std::string first = machine.beginning_of(call.program, 128);
    bool by_python = first.starts_with("#!") && first.substr(0, first.find('\n')).find("python") != std::string::npos;
    for (auto each = words.begin(); each != at; ++each) {
        const auto equals = each->find('=');
        if (equals != std::string::npos && equals != 0 && each->front() != '-') {
            call.variables.insert_or_assign(each->substr(0, equals), each->substr(equals + 1));
        }
        by_python = by_python || base_name(*each).starts_with("python");
    }
    if (by_python) {
        call.cause = call.program + " is python-powerconsul";
    } else if (call.program.starts_with('/') && !machine.can_execute(call.program)) {
        call.cause = call.program + " is not there or cannot be executed";
    }
    return call;
}

/// Finds the agent among this machine's processes: the one with its data directory, or else the only one that there is.
/// Fails with errc::unavailable if there is none, or if it cannot be told which of several it is.
template <directory_source Files, local_machine Machine>
[[nodiscard]] auto find_agent_process(Files& files, Machine& machine, const agent_config& agent)
    -> result<agent_process> {
    constexpr std::size_t most = 1'000'000;
    const auto names = files.list("/proc", most);
    if (!names || !*names) return fail(errc::unavailable, "the machine's processes cannot be listed");
    std::vector<agent_process> all;
    std::vector<agent_process> sure;
    for (const auto& name : **names) {
        const auto pid = whole_number(name, INT_MAX);
        if (!pid) continue;
        const std::string process = "/proc/" + name;
        const auto words = detail::command_line_of(files, process + "/cmdline");
        if (words.size() < 2 || base_name(words.front()) != "consul") continue;
        if (algo::find(words, "agent") == words.end()) continue;
        const auto owner = files.status(process);
        if (!owner || !*owner) continue;
        const auto stat = files.read(process + "/stat", std::size_t{16} * 1024);
        const auto status = parse_process(stat && *stat ? **stat : "");
        agent_process next{.pid = static_cast<int>(*pid),
                           .parent = status ? static_cast<int>(status->parent) : 0,
                           .user = (*owner)->uid,
                           .files = detail::config_files(files, machine, words, process),
                           .words = words};
        auto directories = detail::option_values(words, "data-dir");
        for (const auto& each : next.files) {
            const auto root = detail::read_config(files, machine, each);
            if (root) directories.push_back(detail::config_text(*root, "datadir"));
        }
        const bool same = !agent.data_dir.empty() && algo::find(directories, agent.data_dir) != directories.end();
        if (same) sure.push_back(next);
        all.push_back(std::move(next));
    }
    detail::leave_out_children(sure);
    detail::leave_out_children(all);
    if (sure.size() == 1) return sure.front();
    if (sure.empty() && all.size() == 1) return all.front();
    return fail(errc::unavailable, all.empty() ? "no process of this machine that can be seen is a Consul agent"
                                               : "which of the " + std::to_string(all.size()) +
                                                     " Consul agents on this machine it is cannot be told");
}

/// The handler of a watch from the file `path`. `parse` is as for read_agent_files().
template <local_machine Machine, typename Parse>
[[nodiscard]] auto read_handler(Machine& machine, const json::value& watch, const std::string& path, Parse&& parse)
    -> watch_handler {
    watch_handler found{.state = detail::config_text(watch, "state"),
                        .where = path,
                        .token = detail::config_text(watch, "token"),
                        .datacenter = detail::config_text(watch, "datacenter")};
    if (found.state == "any") found.state.clear();
    const auto* const args = detail::config_member(watch, "args");
    const auto words = args != nullptr ? result<std::vector<std::string>>{detail::config_words(*args)}
                                       : split_words(detail::config_text(watch, "handler"));
    if (!words) {
        found.cause = "its handler cannot be understood: " + words.error().message;
        return found;
    }
    found.words = *words;
    const auto call = find_call(machine, *words);
    if (!call) return found;
    found.cause = call->cause;
    if (!found.cause.empty()) return found;
    const result<config::arguments> line = parse(call->args);
    if (!line) {
        found.cause = "its handler calls powerconsul wrongly: " + line.error().message;
    } else if (line->words.command == "watch") {
        found.acts_on = line->words.subject;
    } else {
        found.cause = "its handler calls powerconsul " + line->words.command + ", which is no handler";
    }
    return found;
}

/// `parse` turns the arguments of a powerconsul command line into result<config::arguments>. Fails if one file cannot
/// be read, or with errc::bad_data if it cannot be understood: it might define anything.
template <file_source Files, local_machine Machine, typename Parse>
[[nodiscard]] auto read_agent_files(Files& files, Machine& machine, const agent_process& process, Parse&& parse)
    -> result<agent_files> {
    agent_files found;
    const auto add = [&](const json::value& root, const std::string& path) {
        for (const auto& each : detail::config_items(root, "services", "service")) {
            found.services.push_back(detail::config_text(each, "name"));
        }
        detail::add_configured_checks(root, found.checks);
        for (const auto& each : detail::config_items(root, "watches")) {
            if (detail::config_text(each, "type") == "checks") {
                found.handlers.push_back(read_handler(machine, each, path, parse));
            }
        }
        detail::add_settings(root, found.settings);
    };
    for (const auto& path : process.files) {
        const auto root = detail::read_config(files, machine, path, &found.repeated);
        if (!root) return unexpected{root.error()};
        add(*root, path);
    }
    // The command line wins over the files.
    if (const auto given = detail::option_flag(process.words, "enable-local-script-checks")) {
        found.settings.local_scripts = given;
    }
    if (const auto given = detail::option_flag(process.words, "enable-script-checks")) {
        found.settings.remote_scripts = given;
    }
    for (const auto& each : detail::option_values(process.words, "hcl")) {
        const auto root = parse_hcl(each);
        if (!root) return fail(errc::bad_data, "the agent's option -hcl: " + root.error().message);
        add(*root, "the agent's option -hcl");
    }
    return found;
}

}  // namespace powerconsul::inline v0
