#include "agent_process.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

#include <unistd.h>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/shell_words.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/doctor/agent_config_json.hpp>
#include <powerconsul/doctor/hcl.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/probes/process/process_table.hpp>

#include "options.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t most_processes = 1'000'000;
constexpr std::size_t most_files = 10'000;
constexpr std::size_t largest_file = std::size_t{4} * 1024 * 1024;

/// The first bytes of a program: enough to tell a script's interpreter.
[[nodiscard]] auto beginning_of(const std::string& path) -> std::string {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "re"), &std::fclose};
    std::array<char, 128> bytes{};
    if (!file) return {};
    return {bytes.data(), std::fread(bytes.data(), 1, bytes.size(), file.get())};
}

[[nodiscard]] auto is_python(const std::string& program) -> bool {
    const std::string first = beginning_of(program);
    return first.starts_with("#!") && first.substr(0, first.find('\n')).find("python") != std::string::npos;
}

[[nodiscard]] auto command_line_of(const posix_files& files, const std::string& path) -> std::vector<std::string> {
    std::vector<std::string> words;
    const auto text = files.read(path, std::size_t{1024} * 1024);
    if (!text || !*text) return words;
    for (std::string_view rest = **text; !rest.empty();) {
        words.emplace_back(next_part(rest, '\0'));
    }
    return words;
}

/// The values of an option that may be given several times, as Go's flag package takes it.
[[nodiscard]] auto option_values(const std::vector<std::string>& words, std::string_view name)
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

/// 0: not known.
[[nodiscard]] auto parent_of(const posix_files& files, const std::string& path) -> std::uint32_t {
    const auto text = files.read(path, std::size_t{16} * 1024);
    if (!text || !*text) return 0;
    const auto status = parse_process(**text);
    return status ? status->parent : 0;
}

/// An agent that runs a check is there twice until its child has become that check's program: without these children.
void leave_out_children(std::vector<agent_process>& agents) {
    const auto all = agents;
    std::erase_if(agents, [&](const agent_process& one) {
        return std::ranges::any_of(all, [&](const agent_process& other) {
            return other.pid == one.parent && other.user == one.user && other.files == one.files;
        });
    });
}

/// A path of another process: relative to its own directory.
[[nodiscard]] auto in_process(const std::string& path, const std::string& pid) -> std::string {
    if (path.starts_with('/')) return path;
    std::array<char, PATH_MAX> directory{};
    const auto size = readlink(("/proc/" + pid + "/cwd").c_str(), directory.data(), directory.size());
    return std::string{directory.data(), size > 0 ? static_cast<std::size_t>(size) : 0} + '/' + path;
}

[[nodiscard]] auto config_files(const posix_files& files, const std::vector<std::string>& words, const std::string& pid)
    -> std::vector<std::string> {
    std::vector<std::string> found;
    auto named = option_values(words, "config-file");
    const auto directories = option_values(words, "config-dir");
    named.insert(named.end(), directories.begin(), directories.end());
    for (const auto& each : named) {
        const std::string path = in_process(each, pid);
        const auto names = files.list(path, most_files);
        if (!names || !*names) {
            found.push_back(path);
            continue;
        }
        auto sorted = **names;
        std::ranges::sort(sorted);
        for (const auto& name : sorted) {
            if (name.ends_with(".json") || name.ends_with(".hcl")) found.push_back(path + '/' + name);
        }
    }
    return found;
}

[[nodiscard]] auto read_config(const posix_files& files, const std::string& path) -> result<json::value> {
    auto resolved = std::unique_ptr<char, void (*)(void*)>{realpath(path.c_str(), nullptr), &std::free};
    if (!resolved) return fail(errc::bad_data, "the agent's file " + quoted(path) + " cannot be read");
    const auto text = files.read(resolved.get(), largest_file);
    if (!text) return unexpected{text.error()};
    if (!*text) return fail(errc::bad_data, "the agent's file " + quoted(path) + " is gone");
    auto root = path.ends_with(".hcl") ? parse_hcl(**text) : json::parse(**text);
    if (!root) return fail(errc::bad_data, path + ": " + root.error().message);
    return root;
}

/// Consul takes `check_id`, `CheckID` and `checkid` for the same.
[[nodiscard]] auto plain(std::string_view name) -> std::string {
    std::string text = ascii::lower(name);
    std::erase(text, '_');
    return text;
}

[[nodiscard]] auto member(const json::value& object, std::string_view name) -> const json::value* {
    for (std::size_t i = 0; i < object.names.size(); ++i) {
        if (plain(object.names[i]) == name) return &object.items[i];
    }
    return nullptr;
}

[[nodiscard]] auto text_of(const json::value& object, std::string_view name) -> std::string {
    const auto* const found = member(object, name);
    return found != nullptr && found->is(json::kind::string) ? found->text : std::string{};
}

/// One block of HCL is an object, several are a list.
[[nodiscard]] auto all_of(const json::value& object, std::string_view name) -> std::vector<json::value> {
    const auto* const found = member(object, name);
    if (found == nullptr) return {};
    return found->is(json::kind::array) ? found->items : std::vector<json::value>{*found};
}

[[nodiscard]] auto words_of(const json::value& args) -> std::vector<std::string> {
    if (args.is(json::kind::string)) return {args.text};
    std::vector<std::string> words;
    for (const auto& each : args.items) words.push_back(each.text);
    return words;
}

void add_check(const json::value& definition, const std::string& service, const std::string& otherwise,
               std::vector<configured_check>& all) {
    configured_check next;
    for (const std::string_view name : {"id", "checkid"}) {
        if (next.id.empty()) next.id = text_of(definition, name);
    }
    if (next.id.empty()) next.id = otherwise.empty() ? text_of(definition, "name") : otherwise;
    next.service = service;
    const auto* args = member(definition, "args");
    if (args == nullptr) args = member(definition, "scriptargs");
    if (args == nullptr) return;
    next.words = words_of(*args);
    next.timeout = json::parse_go_duration(text_of(definition, "timeout")).value_or(milliseconds{});
    if (next.timeout.count == 0) next.timeout = seconds(30);
    all.push_back(std::move(next));
}

/// Services with their checks, and checks of their own, as a file has them.
void add_checks(const json::value& root, std::vector<configured_check>& all) {
    auto services = all_of(root, "services");
    for (auto& each : all_of(root, "service")) services.push_back(std::move(each));
    for (const auto& each : services) {
        const std::string name = text_of(each, "name");
        const std::string id = text_of(each, "id").empty() ? name : text_of(each, "id");
        auto checks = all_of(each, "check");
        for (auto& check : all_of(each, "checks")) checks.push_back(std::move(check));
        for (std::size_t i = 0; i < checks.size(); ++i) {
            add_check(checks[i], name, "service:" + id + (checks.size() > 1 ? ':' + std::to_string(i + 1) : ""), all);
        }
    }
    auto checks = all_of(root, "checks");
    for (auto& each : all_of(root, "check")) checks.push_back(std::move(each));
    for (const auto& each : checks) add_check(each, text_of(each, "serviceid"), {}, all);
}

[[nodiscard]] auto words_of_handler(const json::value& watch) -> result<std::vector<std::string>> {
    const auto* const args = member(watch, "args");
    if (args == nullptr) return split_words(text_of(watch, "handler"));
    return words_of(*args);
}

[[nodiscard]] auto handler_of(const json::value& watch, const std::string& path) -> watch_handler {
    watch_handler found{.state = text_of(watch, "state"), .where = path};
    if (found.state == "any") found.state.clear();
    const auto words = words_of_handler(watch);
    if (!words) {
        found.trouble = "its handler cannot be understood: " + words.error().message;
        return found;
    }
    const auto call = find_call(*words);
    if (!call) return found;
    found.trouble = call->trouble;
    if (!found.trouble.empty()) return found;
    const auto line = parse_command_line(call->args);
    if (!line) {
        found.trouble = "its handler calls powerconsul wrongly: " + line.error().message;
    } else if (line->words.command == "watch") {
        found.acts_on = line->words.subject;
    } else {
        found.trouble = "its handler calls powerconsul " + line->words.command + ", which is no handler";
    }
    return found;
}

}  // namespace

auto find_call(const std::vector<std::string>& words) -> std::optional<found_call> {
    const auto at = std::ranges::find_if(words, [](const auto& each) { return base_name(each) == "powerconsul"; });
    if (at == words.end()) return std::nullopt;
    found_call call{.program = *at, .args = {at + 1, words.end()}};
    bool by_python = is_python(call.program);
    for (auto each = words.begin(); each != at; ++each) {
        const auto equals = each->find('=');
        if (equals != std::string::npos && equals != 0 && each->front() != '-') {
            call.variables.insert_or_assign(each->substr(0, equals), each->substr(equals + 1));
        }
        by_python = by_python || base_name(*each).starts_with("python");
    }
    if (by_python) {
        call.trouble = call.program + " is python-powerconsul";
    } else if (call.program.starts_with('/') && access(call.program.c_str(), X_OK) != 0) {
        call.trouble = call.program + " is not there or cannot be executed";
    }
    return call;
}

auto find_agent_process(const agent_config& agent) -> result<agent_process> {
    const posix_files files;
    const auto names = files.list("/proc", most_processes);
    if (!names || !*names) return fail(errc::unavailable, "the machine's processes cannot be listed");
    std::vector<agent_process> all;
    std::vector<agent_process> sure;
    for (const auto& pid : **names) {
        const auto number = whole_number(pid, INT_MAX);
        if (!number) continue;
        const auto words = command_line_of(files, "/proc/" + pid + "/cmdline");
        if (words.size() < 2 || base_name(words.front()) != "consul") continue;
        if (std::ranges::find(words, "agent") == words.end()) continue;
        const auto owner = files.status("/proc/" + pid);
        if (!owner || !*owner) continue;
        agent_process next{.pid = static_cast<int>(*number),
                           .parent = static_cast<int>(parent_of(files, "/proc/" + pid + "/stat")),
                           .user = (*owner)->uid,
                           .files = config_files(files, words, pid)};
        auto directories = option_values(words, "data-dir");
        for (const auto& each : next.files) {
            if (const auto root = read_config(files, each); root) directories.push_back(text_of(*root, "datadir"));
        }
        const bool same =
            !agent.data_dir.empty() && std::ranges::find(directories, agent.data_dir) != directories.end();
        if (same) sure.push_back(next);
        all.push_back(std::move(next));
    }
    leave_out_children(sure);
    leave_out_children(all);
    if (sure.size() == 1) return sure.front();
    if (sure.empty() && all.size() == 1) return all.front();
    return fail(errc::unavailable, all.empty() ? "no process of this machine that can be seen is a Consul agent"
                                               : "which of the " + std::to_string(all.size()) +
                                                     " Consul agents on this machine it is cannot be told");
}

auto read_agent_files(const agent_process& process) -> result<agent_files> {
    const posix_files files;
    agent_files found;
    for (const auto& path : process.files) {
        const auto root = read_config(files, path);
        if (!root) return unexpected{root.error()};
        add_checks(*root, found.checks);
        for (const auto& each : all_of(*root, "watches")) {
            if (text_of(each, "type") == "checks") found.handlers.push_back(handler_of(each, path));
        }
    }
    return found;
}

}  // namespace powerconsul::cli
