#pragma once

#include <powerconsul/doctor/inquiry.hpp>
#include <powerconsul/doctor/python_findings.hpp>

namespace powerconsul::inline v0 {

/// Looks for what python-powerconsul has left on a node.
template <host Host, local_machine Machine, doctor_front<Host> Front>
class python_examination : inquiry<Host, Machine, Front> {
public:
    python_examination(Host& here, Machine& machine, Front& front, const config::configuration& chosen)
        : base{here, machine, front, chosen} {}

    /// What this node still has of python-powerconsul. `only` names the one Consul service to look at.
    [[nodiscard]] auto operator()(const std::string& only) && -> std::vector<finding> {
        const bool away = !find_agent();
        const auto calls = find_calls();
        add(judge_programs(calls));
        add(judge_update_kv(calls));
        const auto settings = here_.files.status(std::string{original_settings});
        add(judge_original_settings(
            settings ? result{settings->has_value()} : result<bool>{unexpected{settings.error()}},
            chosen_.settings_file, chosen_.roles.cluster_key, process_ ? process_->user : here_.files.user()));
        add(look_at_init_scripts(here_.files, machine_));
        if (away) {
            add(could_not_look("services", agent_is_away()));
            return std::move(findings_);
        }
        add(judge_queries(ask_json("/v1/query", "query:read")));
        add(judge_tags(ask_json("/v1/agent/services", "service:read")));
        std::vector<std::string> services{only};
        if (only.empty()) services = called_services(calls);
        for (const auto& each : services) {
            add(judge_short_triggers(each, short_triggers(each), chosen_.watch.triggers.base_key));
            look_at_names(each);
        }
        return std::move(findings_);
    }

private:
    using base = inquiry<Host, Machine, Front>;
    using base::add;
    using base::agent_;
    using base::agent_is_away;
    using base::agents_variable;
    using base::ask;
    using base::ask_json;
    using base::chosen_;
    using base::client_of;
    using base::configured_checks;
    using base::definitions_;
    using base::find_agent;
    using base::findings_;
    using base::here_;
    using base::machine_;
    using base::process_;

    /// The agent's checks and watches that call a `powerconsul`; nothing if they are not known.
    [[nodiscard]] auto find_calls() -> std::optional<std::vector<powerconsul_call>> {
        const auto defined = configured_checks();
        if (!defined) return std::nullopt;
        std::vector<powerconsul_call> calls;
        const std::string search_path = agents_variable("PATH=");
        const auto look = [&](std::string by, const std::vector<std::string>& words) {
            auto call = find_powerconsul_call(machine_, std::move(by), words, search_path);
            if (call) calls.push_back(std::move(*call));
        };
        for (const auto& each : *defined) look("check " + each.id, each.words);
        if (definitions_) {
            for (const auto& each : definitions_->handlers) {
                look(each.state.empty() ? "a watch" : "watch " + each.state, each.words);
            }
        }
        return calls;
    }

    /// The services that the calls name, sorted.
    [[nodiscard]] static auto called_services(const std::optional<std::vector<powerconsul_call>>& calls)
        -> std::vector<std::string> {
        std::vector<std::string> names;
        for (const auto& each : calls.value_or(std::vector<powerconsul_call>{})) {
            if (!each.service.empty()) names.push_back(each.service);
        }
        algo::sort(names);
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }

    /// The keys of a service's triggers below triggers/<service>/.
    [[nodiscard]] auto short_triggers(const std::string& service) -> result<std::vector<std::string>> {
        const std::string path = detail::key_path("triggers/" + service + '/') + "?keys";
        const auto answer = ask(path);
        if (answer && answer->status == 404) return std::vector<std::string>{};
        const auto listed = ask_json(path, "key:list on triggers/" + service + '/');
        if (!listed) return unexpected{listed.error()};
        auto keys = detail::config_words(*listed);
        std::erase_if(keys,
                      [](const auto& each) { return !each.ends_with("/critical") && !each.ends_with("/warning"); });
        return keys;
    }

    /// Looks at who counts as an active where the document lists datacenters.
    void look_at_names(const std::string& service) {
        auto roles = chosen_.roles;
        roles.record = record_use::none;  // this user may not be the agent's
        const result<resolution> facts =
            resolve(here_, service, chosen_.state_dir, roles, {chosen_.timeout.count * 5 / 8});
        if (!facts || facts->place.group.by != grouping::datacenters) return;
        named_nodes names{.service = service,
                          .environment = facts->who.environment,
                          .server_role = facts->who.server_role,
                          .service_filter = roles.service_filter};
        const auto& datacenters = facts->place.group.active;
        for (const auto& there : client_of(here_, {chosen_.timeout.count / 4}).instances(service, datacenters)) {
            if (!there.instances) {
                names.nodes = unexpected{there.instances.error()};
                break;
            }
            for (const auto& each : *there.instances) names.nodes->push_back(each.node);
        }
        add(judge_service_filter(names));
    }
};

}  // namespace powerconsul::inline v0
