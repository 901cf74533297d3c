#pragma once

#include <powerconsul/heal/trigger.hpp>
#include <powerconsul/lint/document.hpp>
#include <powerconsul/lint/keys.hpp>
#include <powerconsul/lint/trigger.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// What a run knows about its surroundings, whichever texts it examines.
struct lint_surroundings {
    key_bases bases{};
    lint_trigger_options triggers{};
    std::vector<std::string> own_files{};  ///< paths of the configurations that this machine uses
    std::string node{};
    bool on_node{};  ///< the texts are for this machine, which may lack a program that they run
};

/// A trigger, and the role for which there should be one, too.
struct unpaired_trigger {
    std::string name{};  ///< the key of the trigger that is there
    std::string service{};
    role wanted{role::primary};
    std::string_view state{};  ///< one of detail::healed_states
};

/// A check, and how long it takes from one run to the next.
struct slow_check {
    std::string id{};
    milliseconds interval{};
};

/// Examines texts one by one, and then each trigger against the cluster document of its service.
template <named_file_source Files>
class linter {
public:
    /// The files must live as long as the linter.
    linter(lint_surroundings around, Files& files) : around_{std::move(around)}, files_{files} {}

    [[nodiscard]] auto report() -> lint_report& { return report_; }
    [[nodiscard]] auto around() const -> const lint_surroundings& { return around_; }
    [[nodiscard]] auto files() -> Files& { return files_; }

    /// Warns of a key that powerconsul reads and that not every Consul takes.
    void key_at(std::string_view key) {
        if (auto why = refused_by_some(key); !why.empty()) {
            report_.add(std::string{key}, severity::warning, why + "; give the service another name");
        }
    }

    /// Examines the document at a key and keeps it, so that finish() can compare the service's triggers with it.
    void document_at(const known_key& key, const std::string& name, std::string_view text,
                     const json::service_sight* seen = nullptr) {
        key_at(name);
        documents_[{key.environment, key.service}] = json::lint_cluster(report_, name, text, seen);
    }

    /// `service`: the one that the trigger is for; empty if that is not known.
    /// Returns the trigger's settle time; nothing if it is not valid.
    auto trigger(const std::string& name, std::string_view text, const std::string& service = {})
        -> std::optional<milliseconds> {
        const auto made = json::lint_trigger(report_, name, text, around_.triggers);
        if (!made) return std::nullopt;
        const milliseconds settle = made->action.settle.value_or(retry_rules{}.settle);
        if (!around_.on_node) return settle;
        trigger_programs here{service, name, {}, {}};
        for (const auto& each : made->programs) {
            if (auto why = cannot_run(each.name); !why.empty()) here.missing.emplace_back(each.offset, std::move(why));
        }
        if (here.missing.empty()) return settle;
        here.text = text;
        programs_.push_back(std::move(here));
        return settle;
    }

    /// Examines what stands at a key.
    void value_at(const known_key& key, const std::string& name, std::string_view text) {
        switch (key.kind) {
            case key_kind::document: document_at(key, name, text); break;
            case key_kind::trigger:
                key_at(name);
                triggers_.push_back({key, name, trigger(name, text, key.service)});
                break;
            case key_kind::misplaced: report_.add(name, severity::warning, key.why); break;
            case key_kind::ignored:
            case key_kind::other: report_.passed_over(); break;
        }
    }

    [[nodiscard]] auto services() const -> std::set<std::string> {
        std::set<std::string> all;
        for (const auto& [where, _] : documents_) all.insert(where.second);
        for (const auto& each : triggers_) all.insert(each.key.service);
        return all;
    }

    /// The triggers without a counterpart: of a service that has standbys, those that heal for one of the two roles
    /// where there is none for the other in the same state.
    [[nodiscard]] auto unpaired() const -> std::vector<unpaired_trigger> {
        std::vector<unpaired_trigger> found;
        for (const auto& [where, document] : documents_) {
            if (!document || !has_standbys(*document)) continue;
            for (const auto state : detail::healed_states) {
                const auto* const primary = find(where, to_string(role::primary), state);
                const auto* const secondary = find(where, to_string(role::secondary), state);
                if ((primary == nullptr) == (secondary == nullptr)) continue;
                // A standby that is to be stopped is critical or passing: it needs no trigger for a warning.
                if (primary != nullptr && state == "warning") continue;
                const auto& there = primary != nullptr ? primary->name : secondary->name;
                found.push_back({there, where.second, primary != nullptr ? role::secondary : role::primary, state});
            }
        }
        return found;
    }

    /// Warns of triggers that can never run or are not used, and of those that are missing beside another. Call it once
    /// all documents and triggers are known.
    void finish() {
        for (const auto& each : programs_) {
            // A node without the service need not have its programs.
            const auto level = instances_here.contains(each.service) ? severity::warning : severity::note;
            for (const auto& [offset, why] : each.missing) report_.add(each.name, each.text, offset, level, why);
        }
        for (const auto& each : triggers_) {
            compare_settle(each);
            each.key.shared ? compare_shared(each) : compare(each);
        }
        for (const auto& each : unpaired()) {
            if (unread.contains(each.service)) continue;
            const std::string missing =
                each.wanted == role::secondary
                    ? "secondary: nothing stops " + each.service + " on a standby that runs it while an active serves"
                : each.state == "critical"
                    ? "primary: nothing starts " + each.service +
                          ", neither on an active nor on a standby that takes over"
                    : "primary: nothing heals " + each.service + " where it is expected to run and runs in part";
            report_.add(each.name, severity::warning, "there is no such trigger for " + missing);
        }
        compare_names();
    }

    /// By service, the slowest of its checks on this node that only its next run can tell about: powerconsul cannot
    /// look at what it watches.
    std::map<std::string, slow_check> slow_checks{};
    std::set<std::string> instances_here{};     ///< services that have an instance on this node
    std::set<std::string> without_document{};   ///< services of which Consul itself says that they have none
    std::set<std::string> without_instances{};  ///< services of which Consul was asked for instances and showed none
    /// Environments of which an export holds documents: a service that has none there is taken to have none at all.
    std::set<std::string> exported{};
    std::set<std::string> environments{};  ///< others that are known to have triggers
    std::set<std::string> unread{};        ///< services of which some triggers could not be read

private:
    using place = std::pair<std::string, std::string>;  ///< environment and service

    struct placed_trigger {
        known_key key{};
        std::string name{};
        std::optional<milliseconds> settle{};  ///< nothing if the trigger is not valid
    };

    /// The programs of a trigger that cannot be run here: where the text names each, and why.
    struct trigger_programs {
        std::string service{};
        std::string name{};
        std::string text{};
        std::vector<std::pair<std::size_t, std::string>> missing{};
    };

    /// Whether a file can be run; nothing if that cannot be told.
    [[nodiscard]] auto is_program(const std::string& path) -> std::optional<bool> {
        const auto opened = files_.read_named(path, 0);
        if (opened && !*opened) return false;
        const auto seen = files_.status(path);
        if (!seen || !*seen || (*seen)->kind == file_kind::symlink) return std::nullopt;
        return (*seen)->kind == file_kind::regular && ((*seen)->mode & 0111U) != 0;
    }

    /// Why this machine cannot run a program; empty if it can, or if that cannot be told.
    [[nodiscard]] auto cannot_run(const std::string& program) -> std::string {
        const std::string shown = one_line(program, 200);
        if (program.starts_with('/')) {
            if (is_program(program).value_or(true)) return {};
            const auto seen = files_.status(program);
            return seen && *seen && (*seen)->kind != file_kind::symlink ? shown + " is no executable file"
                                                                        : "there is no " + shown + " on this machine";
        }
        for (const auto directory : split(trigger_path, ':')) {
            if (is_program(std::string{directory} + '/' + program).value_or(true)) return {};
        }
        return "there is no command " + shown + " on this machine in the PATH of triggers, " +
               std::string{trigger_path};
    }

    /// The trigger that nodes of that environment run; nullptr if none is known.
    [[nodiscard]] auto find(const place& where, std::string_view as, std::string_view state) const
        -> const placed_trigger* {
        for (const bool shared : {false, true}) {
            for (const auto& each : triggers_) {
                const auto& key = each.key;
                if (key.shared == shared && (shared || key.environment == where.first) && key.service == where.second &&
                    key.role == as && key.state == state) {
                    return &each;
                }
            }
        }
        return nullptr;
    }

    void compare(const placed_trigger& one) {
        const auto& key = one.key;
        const auto found = documents_.find({key.environment, key.service});
        std::string why;
        if (found != documents_.end()) {
            if (found->second) why = unreachable_role(key.role, &*found->second);
        } else if (exported.contains(key.environment)) {
            why = unreachable_role(key.role, nullptr);
            if (!why.empty()) why += ", and this export has none";
        } else {
            why = unreachable_without_document(one);
        }
        if (!why.empty()) report_.add(one.name, severity::warning, "this trigger never runs: " + why);
    }

    /// Warns of a trigger that is tried again before a check can have seen what it did.
    void compare_settle(const placed_trigger& one) {
        const auto check = slow_checks.find(one.key.service);
        if (check == slow_checks.end() || !one.settle || !is_one_of(one.key.state, detail::healed_states)) return;
        const auto& [id, interval] = check->second;
        if (*one.settle >= interval) return;
        report_.add(one.name, severity::warning,
                    "the settle time of " + to_string(*one.settle) + " is below the interval of " +
                        to_string(interval) + " of check " + one_line(id, 200) +
                        ", which may not have run since; use the form {\"command\": [...], \"settle\": \"" +
                        std::to_string((interval.count + 999) / 1000) + "s\"}");
    }

    [[nodiscard]] auto unreachable_without_document(const placed_trigger& one) -> std::string {
        const auto& service = one.key.service;
        if (!without_document.contains(service)) return {};
        auto why = unreachable_role(one.key.role, nullptr);
        if (why.empty() && without_instances.contains(service)) {
            report_.add(one.name, severity::warning,
                        service + " has no cluster document, and Consul shows no instance of it");
        }
        return why;
    }

    /// A trigger for all environments runs if it can in one of them, and is not used where that has its own.
    void compare_shared(const placed_trigger& one) {
        const auto& key = one.key;
        for (const auto& each : triggers_) {
            if (each.key.shared || each.key.service != key.service || each.key.role != key.role ||
                each.key.state != key.state) {
                continue;
            }
            report_.add(one.name, severity::warning,
                        "it is not used where " + each.name + " is read first, which has a value, too");
        }
        std::vector<std::string> reasons;
        for (const auto& [where, document] : documents_) {
            if (where.second != key.service) continue;
            reasons.push_back(document ? unreachable_role(key.role, &*document) : std::string{});
        }
        for (const auto& each : exported) {
            if (!documents_.contains({each, key.service})) reasons.push_back(unreachable_role(key.role, nullptr));
        }
        if (around_.on_node && reasons.empty()) reasons.push_back(unreachable_without_document(one));
        if (reasons.empty() || algo::any_of(reasons, &std::string::empty)) return;
        // A node knows the documents of its own environment only.
        report_.add(one.name, around_.on_node ? severity::note : severity::warning,
                    (around_.on_node ? "in this environment this trigger never runs: " : "this trigger never runs: ") +
                        reasons.front());
    }

    /// Warns of services that are named like an environment: the triggers of both stand below one key.
    void compare_names() {
        if (around_.bases.shared.empty()) return;
        std::set<place> places;
        auto known = environments;
        known.insert(exported.begin(), exported.end());
        for (const auto& [where, _] : documents_) places.insert(where);
        for (const auto& each : triggers_) {
            if (!each.key.shared) places.insert({each.key.environment, each.key.service});
        }
        for (const auto& each : places) known.insert(each.first);
        for (const auto& service : services()) {
            const bool elsewhere =
                algo::any_of(places, [&](const auto& each) { return each.second == service && each.first != service; });
            if (!known.contains(service) || (!elsewhere && places.contains({service, service}))) continue;
            report_.add(around_.bases.shared + '/' + service, severity::warning,
                        "a service and an environment have this name: whoever may write triggers for the environment "
                        "decides what runs for the service in all environments; give the service another name, or set "
                        "triggerKey");
        }
    }

    lint_surroundings around_;
    Files& files_;
    lint_report report_{};
    std::map<place, std::optional<cluster_document>> documents_{};
    std::vector<placed_trigger> triggers_{};
    std::vector<trigger_programs> programs_{};
};

/// The key below which documents or triggers are kept, without a `/` at its end: `configured` or, if that is empty,
/// `root`/`environment`, with `*` for an unknown (empty) environment.
[[nodiscard]] inline auto base_of(const std::string& configured, std::string_view root, std::string_view environment)
    -> std::string {
    if (configured.empty()) return std::string{root} + '/' + std::string{environment.empty() ? "*" : environment};
    std::string base = configured;
    if (base.ends_with('/')) base.pop_back();
    return base;
}

}  // namespace powerconsul::inline v0
