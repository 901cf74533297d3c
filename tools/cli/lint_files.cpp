#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/log.hpp>
#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/trigger.hpp>
#include <powerconsul/lint/settings.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

#include "configuration.hpp"
#include "linter.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} * 1024 * 1024;     ///< of a file or of standard input
constexpr std::size_t most_in_a_value = std::size_t{512} * 1024;      ///< Consul's own limit
constexpr std::size_t most_configuration = std::size_t{1024} * 1024;  ///< that configure() reads
constexpr std::string_view standard_input = "<stdin>";

[[nodiscard]] auto parse_kind(std::string_view text) -> result<text_kind> {
    constexpr std::array<std::string_view, 3> names{"document", "trigger", "configuration"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == text) return static_cast<text_kind>(i);
    }
    return fail(errc::usage, "--as: " + quoted(text) + R"( is none of "document", "trigger" and "configuration")");
}

/// What a text is, as far as it tells itself.
struct guess {
    text_kind kind{text_kind::document};
    bool certain{};
};

[[nodiscard]] auto is_document_key(std::string_view name) -> bool {
    return name == "filter" || name == "mode" || name.starts_with("active_") || name.starts_with("standby_");
}

[[nodiscard]] auto guessed_from(std::vector<std::string> names) -> guess {
    if (names.size() > 200) names.resize(200);
    std::array<std::size_t, 3> count{};
    for (const auto& each : names) {
        if (is_document_key(each)) ++count[0];
        if (each == "command" || each == "script") ++count[1];
        // `timeout` is a trigger's as well.
        if (each != "timeout" && json::is_settings_key(each)) ++count[2];
    }
    const bool misspelt = count == std::array<std::size_t, 3>{};
    for (const auto& each : misspelt ? names : std::vector<std::string>{}) {
        constexpr std::array<std::string_view, 4> of_documents{"active_nodes", "standby_nodes", "active_datacenters",
                                                               "standby_datacenters"};
        constexpr std::array<std::string_view, 2> of_triggers{"command", "script"};
        if (!nearest(each, of_documents).empty()) ++count[0];
        if (!nearest(each, of_triggers).empty()) ++count[1];
        if (json::is_nearly_settings_key(each)) ++count[2];
    }
    const auto most = std::ranges::max_element(count);
    const auto kinds = std::ranges::count_if(count, [](auto each) { return each != 0; });
    return {static_cast<text_kind>(most - count.begin()), kinds == 1 && !misspelt};
}

/// The names in quotes of a text that is no valid JSON.
[[nodiscard]] auto quoted_words(std::string_view text) -> std::vector<std::string> {
    std::vector<std::string> words;
    while (words.size() < 1000) {
        const auto first = text.find('"');
        if (first == std::string_view::npos) break;
        const auto last = text.find('"', first + 1);
        if (last == std::string_view::npos) break;
        words.emplace_back(text.substr(first + 1, last - first - 1));
        text.remove_prefix(last + 1);
    }
    return words;
}

[[nodiscard]] auto guess_kind(std::string_view name, std::string_view text, const std::optional<json::value>& root)
    -> guess {
    if (text.starts_with("#!")) return {text_kind::trigger, true};
    if (root && root->is(json::kind::object)) return guessed_from(root->names);
    const auto first = text.find_first_not_of(" \t\r\n");
    const bool like_json = first != std::string_view::npos &&
                           (text[first] == '{' || text[first] == '[' || text.starts_with("\xEF\xBB\xBF"));
    if (name.ends_with(".json") || (like_json && !(text[first] == '{' && !looks_like_object(text)))) {
        return guessed_from(quoted_words(text));
    }
    return {text_kind::trigger, name.ends_with(".sh")};
}

/// What needs more than a text: whether this machine agrees with a configuration.
void look_at_configuration(linter& to, const std::string& name, std::string_view text) {
    auto& report = to.report();
    const auto read = json::lint_settings(report, name, text);
    if (!read.problems.empty()) return;
    const json::value& root = *read.root;
    const settings& said = read.said;
    if (said.service_manager) {
        if (auto known = parse_service_manager(*said.service_manager); !known) {
            report.add(name, text, root.find("serviceManager")->offset, severity::error,
                       "serviceManager: " + known.error().message);
        }
    }
    if (said.log) {
        if (auto target = parse_log_target(*said.log); !target) {
            report.add(name, text, root.find("log")->offset, severity::error, "log: " + target.error().message);
        }
    }
    if (said.consul.token_file && said.consul.token_file->starts_with('/')) {
        char resolved[PATH_MAX];
        const bool there = realpath(said.consul.token_file->c_str(), resolved) != nullptr;
        const auto status = posix_files{}.status(there ? resolved : *said.consul.token_file);
        if (status && *status && ((*status)->mode & 07U) != 0) {
            constexpr std::string_view digits = "01234567";
            std::string mode = "0";
            for (const unsigned shift : {6U, 3U, 0U}) mode += digits[((*status)->mode >> shift) & 7U];
            report.add(name, text, root.find("consul")->find("tokenFile")->offset, severity::warning,
                       "consul.tokenFile: " + *said.consul.token_file + " has the mode " + mode +
                           ", so that others can read the token; chmod 0600 it");
        }
    }
    const auto& own = to.around().own_files;
    if (said.service_filter && std::ranges::find(own, name) != own.end()) {
        const auto matched = matches_at_start(*said.service_filter, to.around().node);
        if (!matched) {
            report.add(name, text, root.find("serviceFilter")->offset, severity::warning,
                       "serviceFilter: " + matched.error().message);
        } else if (!*matched) {
            report.add(name, text, root.find("serviceFilter")->offset, severity::note,
                       "serviceFilter does not match this node, " + to.around().node);
        }
    }
}

/// Consul's own export: keys tell what their values are.
void look_at_export(linter& to, const std::string& name, std::string_view text, const json::value& root) {
    auto& report = to.report();
    std::vector<json::problem> problems;
    const auto keys = json::decode_kv_export(root, problems);
    json::add_problems(report, name, text, problems);
    std::size_t ours = 0;
    for (const auto& each : keys) {
        const auto key = classify_key(to.around().bases, each.key, each.value.empty());
        if (key.kind == key_kind::document) {
            to.document_at(key, each.key, each.value);
            to.exported(key.environment);
        }
        if (key.kind == key_kind::trigger) to.trigger_at(key, each.key, each.value);
        if (key.kind == key_kind::misplaced) to.misplaced(key, each.key);
        if (key.kind == key_kind::other || key.kind == key_kind::ignored) {
            report.passed_over();
        } else {
            ++ours;
        }
    }
    if (ours != 0 || !problems.empty()) return;
    report.add(name, severity::error,
               "no key of this export is powerconsul's: documents are looked for below " + to.around().bases.cluster +
                   ", triggers below " + to.around().bases.trigger + " (clusterKey and triggerKey, --environment)");
}

void look_at_text(linter& to, const std::string& name, std::string_view text, std::optional<text_kind> as) {
    auto& report = to.report();
    if (text.empty() && !as) return report.add(name, severity::error, "is empty");
    json::problem wrong;
    const auto root = json::parse(text, wrong);
    if (!as && root && json::is_kv_export(*root)) return look_at_export(to, name, text, *root);
    const guess taken = as ? guess{*as, true} : guess_kind(name, text, root);
    const std::size_t most = taken.kind == text_kind::configuration ? most_configuration : most_in_a_value;
    if (text.size() > most) {
        return report.add(name, severity::error,
                          "a " + std::string{to_string(taken.kind)} + " of " + std::to_string(text.size()) +
                              " bytes; at most " + std::to_string(most) + " are taken");
    }
    const auto before = report.findings().size();
    if (taken.kind == text_kind::document) to.document(name, text);
    if (taken.kind == text_kind::trigger) to.trigger(name, text);
    if (taken.kind == text_kind::configuration) look_at_configuration(to, name, text);
    if (taken.certain || report.findings().size() == before) return;
    report.add(name, severity::note,
               "it was taken for a " + std::string{to_string(taken.kind)} +
                   "; if it is something else, say --as document, trigger or configuration");
}

[[nodiscard]] auto read_file(const std::string& path) -> result<std::string> {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr) {
        if (errno == ENOENT || errno == ENOTDIR) return fail(errc::bad_data, "there is no such file");
        return system_failure("read", path, errno);
    }
    auto text = posix_files{}.read(resolved, most_bytes);
    if (!text) return unexpected{std::move(text).error()};
    if (!*text) return fail(errc::bad_data, "there is no such file");
    return std::move(**text);
}

[[nodiscard]] auto read_input(const invocation& call, milliseconds time) -> result<std::string> {
    if (!call.input) return fail(errc::bad_data, "there is no standard input");
    auto text = call.input(most_bytes, time);
    if (text || text.error().code != errc::timed_out) return text;
    return fail(errc::bad_data, "it did not end within " + std::to_string(time.count) + " ms; see --timeout");
}

/// What holds for texts that may be for any node: names have values, but it does not matter which.
[[nodiscard]] auto around_files(const invocation& call, const config::arguments& line, const configuration& chosen)
    -> surroundings {
    surroundings around;
    identity who = chosen.roles.who;
    around.bases = {base_of(chosen.roles.cluster_key, "cluster", who.environment),
                    base_of(chosen.watch.triggers.base_key, "triggers", who.environment)};
    around.node = who.node.empty() ? call.host : who.node;
    if (who.environment.empty()) who.environment = "ENV";
    if (who.server_role.empty()) who.server_role = "ROLE";
    who.host = "HOST";
    around.triggers.known = all_substitutions(chosen.watch.triggers, who);
    around.triggers.timeout = chosen.watch.triggers.timeout;
    const auto named = call.environment.find("POWERCONSUL_CONFIG");
    const std::string config = line.value("config").value_or(named == call.environment.end() ? "" : named->second);
    around.triggers.all_names_known = !config.empty();
    if (auto own = own_configuration(call); own && !own->empty()) around.own_files.push_back(std::move(*own));
    around.own_files.emplace_back("/etc/powerconsul.conf");
    if (!config.empty()) around.own_files.push_back(config);
    return around;
}

}  // namespace

auto lint_files(const invocation& call, const config::arguments& line) -> result<linter> {
    std::optional<text_kind> as;
    if (const auto said = line.value("as")) {
        const auto kind = parse_kind(*said);
        if (!kind) return unexpected{kind.error()};
        as = *kind;
    }
    // A configuration that is wrong must not keep anybody from finding out what is wrong with it.
    auto chosen = configure(call, line);
    const bool must = line.has("config") || (!chosen && chosen.error().code == errc::usage);
    if (!chosen && must) return unexpected{chosen.error()};
    configuration usual;
    usual.timeout = config::requested_limits(call, line).timeout;
    linter to{around_files(call, line, chosen ? *chosen : usual)};
    if (!chosen) {
        to.report().add("this machine's configuration", severity::note,
                        "it is not used, as if there were none: " + chosen.error().message);
    }
    for (const auto& path : line.operands) {
        const std::string name{path == "-" ? standard_input : std::string_view{path}};
        const auto text = path == "-" ? read_input(call, chosen ? chosen->timeout : usual.timeout) : read_file(path);
        if (text) {
            look_at_text(to, name, *text, as);
        } else {
            to.report().add(name, severity::error, text.error().message);
        }
    }
    return to;
}

}  // namespace powerconsul::cli
