#include "lint.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix_clock.hpp>
#include <powerconsul/adapters/posix_files.hpp>
#include <powerconsul/adapters/posix_log.hpp>
#include <powerconsul/consul.hpp>
#include <powerconsul/json/kv_list.hpp>
#include <powerconsul/json/lint_cluster.hpp>
#include <powerconsul/json/lint_settings.hpp>
#include <powerconsul/json/lint_trigger.hpp>
#include <powerconsul/json/writer.hpp>
#include <powerconsul/kv_list.hpp>
#include <powerconsul/lint.hpp>
#include <powerconsul/lint_keys.hpp>
#include <powerconsul/probes/service_manager.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/trigger.hpp>

#include "configuration.hpp"
#include "roles.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} * 1024 * 1024;     ///< of a file or of standard input
constexpr std::size_t most_in_a_value = std::size_t{512} * 1024;      ///< Consul's own limit
constexpr std::size_t most_configuration = std::size_t{1024} * 1024;  ///< that configure() reads
constexpr std::string_view standard_input = "<stdin>";

/// What the whole run knows, whatever it looks at.
struct surroundings {
    key_bases bases{};
    lint_trigger_options triggers{};
    std::vector<std::string> own_files{};  ///< configurations that this machine uses
    std::string node{};
    bool on_node{};  ///< what is read is for this machine: programs that it lacks are worth a note
};

// What stands together: documents and the triggers of the same service.

class linter {
public:
    explicit linter(surroundings around) : around_{std::move(around)} {}

    [[nodiscard]] auto report() -> lint_report& { return report_; }
    [[nodiscard]] auto around() const -> const surroundings& { return around_; }

    void document(const std::string& name, std::string_view text, const json::service_sight* seen = nullptr) {
        static_cast<void>(json::lint_cluster(report_, name, text, seen));
    }

    /// A document that stands at a key; its triggers are held against it.
    void document_at(const known_key& key, const std::string& name, std::string_view text,
                     const json::service_sight* seen = nullptr) {
        documents_[{key.environment, key.service}] = json::lint_cluster(report_, name, text, seen);
    }

    void trigger(const std::string& name, std::string_view text) {
        const auto made = json::lint_trigger(report_, name, text, around_.triggers);
        if (!made || !around_.on_node || made->argv.empty()) return;
        const std::string& program = made->argv.front();
        if (access(program.c_str(), X_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) return;
        report_.add(name, text, 0, severity::note, "there is no " + one_line(program, 200) + " on this machine");
    }

    void trigger_at(const known_key& key, const std::string& name, std::string_view text) {
        trigger(name, text);
        triggers_.push_back({key, name});
    }

    void misplaced(const known_key& key, const std::string& name) { report_.add(name, severity::warning, key.why); }

    /// A service has no document, as Consul says itself.
    void without_document(const std::string& service) { without_document_.insert(service); }
    /// Documents of an environment are known only from what an export holds.
    void exported(const std::string& environment) { exported_.insert(environment); }
    /// Consul was asked for the instances of a service and showed none.
    void without_instances(const std::string& service) { without_instances_.insert(service); }

    [[nodiscard]] auto services() const -> std::set<std::string> {
        std::set<std::string> all;
        for (const auto& [where, _] : documents_) all.insert(where.second);
        for (const auto& each : triggers_) all.insert(each.key.service);
        return all;
    }

    /// Holds the triggers against the documents, once all are known.
    void finish() {
        for (const auto& [key, name] : triggers_) {
            const auto found = documents_.find({key.environment, key.service});
            std::string why;
            if (found != documents_.end()) {
                if (found->second) why = unreachable_role(key.role, &*found->second);
            } else if (exported_.count(key.environment) != 0) {
                why = unreachable_role(key.role, nullptr);
                if (!why.empty()) why += ", and this export has none";
            } else if (without_document_.count(key.service) != 0) {
                why = unreachable_role(key.role, nullptr);
                if (why.empty() && without_instances_.count(key.service) != 0) {
                    report_.add(name, severity::warning,
                                key.service + " has no cluster document, and Consul shows no instance of it");
                }
            }
            if (!why.empty()) report_.add(name, severity::warning, "this trigger never runs: " + why);
        }
    }

private:
    struct placed_trigger {
        known_key key{};
        std::string name{};
    };

    surroundings around_;
    lint_report report_{};
    std::map<std::pair<std::string, std::string>, std::optional<cluster_document>> documents_{};
    std::vector<placed_trigger> triggers_{};
    std::set<std::string> without_document_{};
    std::set<std::string> exported_{};
    std::set<std::string> without_instances_{};
};

// Files and standard input

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

[[nodiscard]] auto guessed_from(const std::vector<std::string>& names) -> guess {
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
    if (!read.said) return;
    const json::value& root = *read.root;
    if (read.said->service_manager) {
        if (auto known = parse_service_manager(*read.said->service_manager); !known) {
            report.add(name, text, root.find("serviceManager")->offset, severity::error,
                       "serviceManager: " + known.error().message);
        }
    }
    if (read.said->log) {
        if (auto target = parse_log_target(*read.said->log); !target) {
            report.add(name, text, root.find("log")->offset, severity::error, "log: " + target.error().message);
        }
    }
    if (read.said->token_file && read.said->token_file->starts_with('/')) {
        char resolved[PATH_MAX];
        const bool there = realpath(read.said->token_file->c_str(), resolved) != nullptr;
        const auto status = posix_files{}.status(there ? resolved : *read.said->token_file);
        if (status && *status && ((*status)->mode & 07U) != 0) {
            constexpr std::string_view digits = "01234567";
            std::string mode = "0";
            for (const unsigned shift : {6U, 3U, 0U}) mode += digits[((*status)->mode >> shift) & 7U];
            report.add(name, text, root.find("consul")->find("tokenFile")->offset, severity::warning,
                       "consul.tokenFile: " + *read.said->token_file + " has the mode " + mode +
                           ", so that others can read the token; chmod 0600 it");
        }
    }
    const auto& own = to.around().own_files;
    if (read.said->service_filter && std::ranges::find(own, name) != own.end()) {
        const auto matched = matches_at_start(*read.said->service_filter, to.around().node);
        if (matched && !*matched) {
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

// Consul

using client = consul_client<any_transport&, posix_clock&>;

/// Reads what there is to look at from Consul's KV store, and what Consul shows of the services.
class reader {
public:
    reader(linter& to, any_transport& transport, posix_clock& clock, const configuration& chosen)
        : to_{to},
          transport_{transport},
          clock_{clock},
          deadline_{clock.monotonic() + chosen.timeout},
          consul_{transport, clock, deadline_},
          datacenter_{chosen.roles.who.datacenter} {}

    /// One service, key by key: these reads tell "not there" from "not allowed".
    [[nodiscard]] auto one(const std::string& service) -> result<void> {
        const auto& bases = to_.around().bases;
        if (auto read = document(service); !read) return read;
        const std::string below = bases.trigger + '/' + service + '/';
        std::set<std::string> seen;
        for (const auto as : detail::role_names) {
            for (const auto state : detail::state_names) {
                const std::string at = below + std::string{as} + '/' + std::string{state};
                auto value = consul_.read_key(at, datacenter_);
                if (!value) return unexpected{std::move(value).error()};
                if (!*value) continue;
                seen.insert(at);
                look_at({at, (*value)->value, 0});
            }
        }
        // The list is for names that are misspelt: it may be empty for want of a right.
        auto rest = list_keys(transport_, below, datacenter_, left());
        if (!rest && rest.error().code != errc::denied) return unexpected{std::move(rest).error()};
        if (!rest) to_.report().add(below, severity::note, "other keys could not be listed: " + rest.error().message);
        for (const auto& each : rest ? rest->keys : std::vector<listed_key>{}) {
            if (seen.count(each.key) == 0) look_at(each);
        }
        if (!is_waiting(service) && seen.empty()) {
            to_.report().add(bases.cluster + '/' + service, severity::note,
                             service + " has neither a cluster document nor a trigger: every node is standalone");
        }
        return {};
    }

    /// Everything below both keys.
    [[nodiscard]] auto all() -> result<void> {
        const auto& bases = to_.around().bases;
        std::size_t count = 0;
        for (const auto* base : {&bases.cluster, &bases.trigger}) {
            auto valid = document_key(*base, "service");
            if (!valid) return unexpected{std::move(valid).error()};
            auto found = list_keys(transport_, *base + '/', datacenter_, left());
            if (!found) return unexpected{std::move(found).error()};
            // Consul hides what may not be read without saying so; one key by itself it refuses.
            if (found->keys.empty()) {
                if (auto proof = consul_.read_key(*valid, datacenter_); !proof) return unexpected{proof.error()};
            }
            for (const auto& each : found->keys) look_at(each);
            count += found->keys.size();
        }
        // For the same reason a document that is not in the list is asked for by itself.
        for (const auto& service : to_.services()) {
            if (is_waiting(service)) continue;
            auto one = document(service);
            if (!one) return unexpected{std::move(one).error()};
        }
        if (count == 0) {
            to_.report().add(bases.cluster, severity::error,
                             "neither here nor below " + bases.trigger +
                                 " is any key that the token may list; is the environment right (--environment, "
                                 "clusterKey, triggerKey), and may the token read and list key_prefix there?");
        }
        return {};
    }

    /// Looks at the documents that were put off until Consul has told of their services' instances.
    void finish() {
        std::set<std::string> services;
        for (const auto& [key, _] : waiting_) services.insert(key.service);
        for (const auto& each : to_.services()) services.insert(each);
        auto known = consul_.datacenters();
        if (known) datacenters_ = std::move(*known);
        if (datacenter_.empty() && !datacenters_.empty()) datacenter_ = datacenters_.front();
        std::map<std::string, json::service_sight> sights;
        for (const auto& each : services) sights.emplace(each, sight(each));
        for (const auto& [key, entry] : waiting_) {
            const auto& seen = sights[key.service];
            if (seen.instances.empty() && seen.complete) {
                to_.report().add(entry.key, severity::note,
                                 "Consul shows no instance of " + key.service +
                                     " (there is none, or the token needs service:read on it and node:read): "
                                     "its nodes were not compared");
            }
            to_.document_at(key, entry.key, entry.value, &seen);
        }
        for (const auto& [service, seen] : sights) {
            if (seen.complete && seen.instances.empty()) to_.without_instances(service);
        }
    }

private:
    [[nodiscard]] auto left() -> milliseconds {
        const auto time = shorter(deadline_ - clock_.monotonic(), seconds(5));
        return time.count > 0 ? time : milliseconds{1};
    }

    void look_at(const listed_key& entry) {
        auto key = classify_key(to_.around().bases, entry.key, entry.value.empty());
        switch (key.kind) {
            case key_kind::document: waiting_.emplace_back(std::move(key), entry); break;
            case key_kind::trigger: to_.trigger_at(key, entry.key, entry.value); break;
            case key_kind::misplaced: to_.misplaced(key, entry.key); break;
            case key_kind::ignored:
            case key_kind::other: to_.report().passed_over(); break;
        }
    }

    [[nodiscard]] auto is_waiting(std::string_view service) const -> bool {
        return std::ranges::any_of(waiting_, [&](const auto& each) { return each.first.service == service; });
    }

    /// Reads one document: it is there, it is not, or nobody knows, which is an error.
    [[nodiscard]] auto document(const std::string& service) -> result<void> {
        const auto key = document_key(to_.around().bases.cluster, service);
        if (!key) return unexpected{key.error()};
        auto found = consul_.read_key(*key, datacenter_);
        if (!found) return unexpected{std::move(found).error()};
        if (*found) {
            look_at({*key, std::move((*found)->value), 0});
        } else {
            to_.without_document(service);
        }
        return {};
    }

    /// The instances in this datacenter, and in the others if a listed node is not among these.
    [[nodiscard]] auto sight(const std::string& service) -> json::service_sight {
        json::service_sight seen{service, datacenter_, {}, datacenters_, true};
        ask(seen, {datacenter_});
        if (!seen.complete || all_listed_are_in(seen)) return seen;
        std::vector<std::string> others;
        for (const auto& each : datacenters_) {
            if (each != datacenter_) others.push_back(each);
        }
        if (datacenters_.empty()) {
            seen.complete = false;
            to_.report().add(service, severity::note, "the datacenters could not be asked for");
        }
        ask(seen, others);
        return seen;
    }

    void ask(json::service_sight& seen, std::vector<std::string> where) {
        const auto silent = std::erase_if(where, [&](const auto& each) { return silent_.count(each) != 0; });
        if (silent != 0) seen.complete = false;
        for (auto& each : consul_.instances(seen.service, where)) {
            if (each.instances) {
                for (auto& one : *each.instances) seen.instances.push_back(std::move(one));
                continue;
            }
            seen.complete = false;
            if (each.instances.error().code != errc::denied) silent_.insert(each.datacenter);
            to_.report().add(seen.service, severity::note,
                             "its instances" + (each.datacenter.empty() ? "" : " in " + each.datacenter) +
                                 " could not be read, its nodes were not compared: " + each.instances.error().message);
        }
    }

    [[nodiscard]] auto all_listed_are_in(const json::service_sight& seen) const -> bool {
        for (const auto& [key, entry] : waiting_) {
            if (key.service != seen.service) continue;
            const auto document = json::decode_cluster_document(entry.value);
            if (!document) continue;
            for (const auto& rule : document->rules) {
                if (rule.group.by == grouping::datacenters) return false;
                for (const auto* list : {&rule.group.active, &rule.group.standby}) {
                    for (const auto& name : *list) {
                        const auto is_it = [&](const auto& one) { return same_node(one.node, name); };
                        if (std::ranges::none_of(seen.instances, is_it)) return false;
                    }
                }
            }
        }
        return !seen.instances.empty();
    }

    linter& to_;
    any_transport& transport_;
    posix_clock& clock_;
    milliseconds deadline_;
    client consul_;
    std::string datacenter_;
    std::vector<std::string> datacenters_{};
    std::vector<std::pair<known_key, listed_key>> waiting_{};
    std::set<std::string> silent_{};  ///< datacenters that did not answer: asked once
};

[[nodiscard]] auto base_of(const std::string& configured, std::string_view root, std::string_view environment)
    -> std::string {
    if (configured.empty()) return std::string{root} + '/' + std::string{environment.empty() ? "*" : environment};
    std::string base = configured;
    if (base.ends_with('/')) base.pop_back();
    return base;
}

/// What holds for texts that may be for any node: names have values, but it does not matter which.
[[nodiscard]] auto around_files(const invocation& call, const command_line& line, const configuration& chosen)
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
    if (const auto home = call.environment.find("HOME"); home != call.environment.end()) {
        around.own_files.push_back(home->second + "/.powerconsul.conf");
    }
    around.own_files.emplace_back("/etc/powerconsul.conf");
    if (!config.empty()) around.own_files.push_back(config);
    return around;
}

/// What holds on this node, for what it reads itself.
[[nodiscard]] auto around_node(const configuration& chosen) -> surroundings {
    surroundings around;
    const identity who = completed(chosen.roles.who);
    around.bases = {base_of(chosen.roles.cluster_key, "cluster", who.environment),
                    base_of(chosen.watch.triggers.base_key, "triggers", who.environment)};
    around.triggers.known = all_substitutions(chosen.watch.triggers, who);
    around.triggers.timeout = chosen.watch.triggers.timeout;
    around.node = who.node.empty() ? who.host : who.node;
    around.on_node = true;
    return around;
}

[[nodiscard]] auto lint_files(const invocation& call, const command_line& line) -> result<linter> {
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
    usual.timeout = requested_limits(call, line).timeout;
    linter to{around_files(call, line, chosen ? *chosen : usual)};
    if (!chosen) {
        to.report().add("this machine's configuration", severity::note,
                        "it is not used, as if there were none: " + chosen.error().message);
    }
    for (const auto& path : line.arguments) {
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

[[nodiscard]] auto lint_consul(const invocation& call, const command_line& line) -> result<linter> {
    const auto chosen = configure(call, line);
    if (!chosen) return unexpected{chosen.error()};
    auto transport = make_transport(*chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    linter to{around_node(*chosen)};
    const std::string_view wild = "/*";
    if (to.around().bases.cluster.ends_with(wild) || to.around().bases.trigger.ends_with(wild)) {
        return fail(errc::configuration,
                    "this machine's host name tells no environment; set --environment, or clusterKey and triggerKey");
    }
    for (const auto* base : {&to.around().bases.cluster, &to.around().bases.trigger}) {
        if (auto valid = document_key(*base, "service"); !valid) {
            return fail(errc::configuration, valid.error().message + "; set clusterKey, triggerKey or --environment");
        }
    }
    posix_clock clock;
    reader from{to, *transport, clock, *chosen};
    if (const auto service = line.value("consulservice")) {
        if (auto valid = validate_segment("the Consul service name", *service); !valid) {
            return unexpected{std::move(valid).error()};
        }
        if (auto done = from.one(*service); !done) return unexpected{std::move(done).error()};
    } else if (auto done = from.all(); !done) {
        return unexpected{std::move(done).error()};
    }
    from.finish();
    return to;
}

void print_text(const lint_report& report, std::string& out) {
    for (const auto& each : report.findings()) out += to_line(each) + '\n';
    out += summary(report) + '\n';
}

void print_json(const lint_report& report, std::string& out) {
    json::writer text;
    text.open_object();
    text.key("findings").open_array();
    for (const auto& each : report.findings()) {
        text.open_object();
        text.key("document").string(one_line(each.document, 500));
        text.key("line");
        each.line == 0 ? text.null() : text.number(std::uint64_t{each.line});
        text.key("column");
        each.line == 0 ? text.null() : text.number(std::uint64_t{each.column});
        text.key("severity").string(to_string(each.level));
        text.key("message").string(one_line(each.message, 2000));
        text.close_object();
    }
    text.close_array();
    text.key("errors").number(report.count(severity::error));
    text.key("warnings").number(report.count(severity::warning));
    text.key("notes").number(report.count(severity::note));
    text.key("documents").number(report.count(text_kind::document));
    text.key("triggers").number(report.count(text_kind::trigger));
    text.key("configurations").number(report.count(text_kind::configuration));
    text.key("passedOver").number(report.others());
    text.close_object();
    out += text.text() + '\n';
}

}  // namespace

auto run_lint(const invocation& call, const command_line& line, std::string& out) -> result<exit_code> {
    const bool files = !line.arguments.empty();
    const int sources = (files ? 1 : 0) + (line.has("consulservice") ? 1 : 0) + (line.has("all") ? 1 : 0);
    if (sources != 1) {
        return fail(errc::usage, std::string{sources == 0 ? "what to look at is missing"
                                                          : "files, -S and --all exclude each other"} +
                                     ": name files, - for standard input, -S <service> or --all; see powerconsul lint "
                                     "--help");
    }
    if (line.has("as") && !files) {
        return fail(errc::usage, "--as is for files; a key tells what its value is; see powerconsul lint --help");
    }
    auto done = files ? lint_files(call, line) : lint_consul(call, line);
    if (!done) return unexpected{std::move(done).error()};
    done->finish();
    const lint_report& report = done->report();
    if (requested_limits(call, line).format == output_format::json) {
        print_json(report, out);
    } else {
        print_text(report, out);
    }
    if (report.count(severity::error) != 0) return exit_code::bad_data;
    return report.count(severity::warning) != 0 ? exit_code::failed : exit_code::done;
}

}  // namespace powerconsul::cli
