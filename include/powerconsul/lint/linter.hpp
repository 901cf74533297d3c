#pragma once

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
    bool on_node{};  ///< the texts are for this machine: a program that it lacks is worth a note
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

    void trigger(const std::string& name, std::string_view text) {
        const auto made = json::lint_trigger(report_, name, text, around_.triggers);
        if (!made || !around_.on_node || made->argv.empty()) return;
        const std::string& program = made->argv.front();
        const auto opened = files_.read_named(program, 0);
        if (!opened || *opened) return;
        report_.add(name, text, 0, severity::note, "there is no " + one_line(program, 200) + " on this machine");
    }

    /// Examines what stands at a key.
    void value_at(const known_key& key, const std::string& name, std::string_view text) {
        switch (key.kind) {
            case key_kind::document: document_at(key, name, text); break;
            case key_kind::trigger:
                key_at(name);
                trigger(name, text);
                triggers_.push_back({key, name});
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

    /// Warns of triggers that can never run. Call it once all documents and triggers are known.
    void finish() {
        for (const auto& [key, name] : triggers_) {
            const auto found = documents_.find({key.environment, key.service});
            std::string why;
            if (found != documents_.end()) {
                if (found->second) why = unreachable_role(key.role, &*found->second);
            } else if (exported.contains(key.environment)) {
                why = unreachable_role(key.role, nullptr);
                if (!why.empty()) why += ", and this export has none";
            } else if (without_document.contains(key.service)) {
                why = unreachable_role(key.role, nullptr);
                if (why.empty() && without_instances.contains(key.service)) {
                    report_.add(name, severity::warning,
                                key.service + " has no cluster document, and Consul shows no instance of it");
                }
            }
            if (!why.empty()) report_.add(name, severity::warning, "this trigger never runs: " + why);
        }
    }

    std::set<std::string> without_document{};   ///< services of which Consul itself says that they have none
    std::set<std::string> without_instances{};  ///< services of which Consul was asked for instances and showed none
    /// Environments of which an export holds documents: a service that has none there is taken to have none at all.
    std::set<std::string> exported{};

private:
    struct placed_trigger {
        known_key key{};
        std::string name{};
    };

    lint_surroundings around_;
    Files& files_;
    lint_report report_{};
    std::map<std::pair<std::string, std::string>, std::optional<cluster_document>> documents_{};
    std::vector<placed_trigger> triggers_{};
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
