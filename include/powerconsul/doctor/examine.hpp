#pragma once

#include <powerconsul/doctor/inquiry.hpp>
#include <powerconsul/doctor/least_rights.hpp>
#include <powerconsul/doctor/machine_findings.hpp>
#include <powerconsul/doctor/service_findings.hpp>
#include <powerconsul/doctor/settings_findings.hpp>

namespace powerconsul::inline v0 {

/// Judges the connection to Consul: whether others can read the token on the way, and whether the server is verified.
[[nodiscard]] inline auto judge_connection(const config::configuration& chosen) -> finding {
    const std::string point = "connection";
    const auto& access = chosen.consul;
    if (!chosen.store.empty()) return {point, condition::ok, "a store file answers: " + chosen.store, {}};
    const auto where = parse_address(access.address);
    if (!where) return {point, condition::error, where.error().message, "set --http-addr"};
    const bool tls = where->scheme == address_scheme::https;
    if (tls && !access.verify) {
        return {point, condition::warning, "the certificate is not verified: anybody may answer, and read the token",
                "name the authority with --ca-file, and unset CONSUL_HTTP_SSL_VERIFY"};
    }
    if (!tls && !is_this_machine(access.address)) {
        return {point, condition::warning,
                access.address + " is another machine, without TLS: the token can be read on the way",
                "ask the local agent, or use https://"};
    }
    const std::string token = access.token.empty() ? "without a token, so that the agent's default token counts"
                                                   : "with the token of " + chosen.token_source;
    return {point, condition::ok, (tls ? "with TLS, " : "") + token, {}};
}

/// Looks at one node: its agent and its Consul, the services that it has roles for, the agent's configuration, and the
/// machine.
template <host Host, local_machine Machine, doctor_front<Host> Front>
class examination : inquiry<Host, Machine, Front> {
public:
    /// See inquiry.
    examination(Host& here, Machine& machine, Front& front, const config::configuration& chosen)
        : base{here, machine, front, chosen} {}

    /// All findings, in the order in which they were looked for. `only` names the one Consul service to look at; if it
    /// is empty, all that are known here are looked at.
    [[nodiscard]] auto operator()(const std::string& only) && -> std::vector<finding> {
        const bool away = !find_agent();
        add(judge_connection(chosen_));
        const error not_asked = agent_is_away();
        add(judge_leader(away ? result<std::string>{unexpected{not_asked}} : ask_leader()));
        if (!away) ask_for_services();
        find_checks(only);
        if (away) {
            add(could_not_look("node name", not_asked));
            add(could_not_look("services", not_asked));
        } else {
            find_services(only);
            note_unread_checks();
            look_at_services();
        }
        look_at_agent(only);
        look_at_machine();
        return std::move(findings_);
    }

private:
    using base = inquiry<Host, Machine, Front>;
    using base::add;
    using base::agent_;
    using base::agent_is_away;
    using base::agents_variable;
    using base::ask;
    using base::ask_leader;
    using base::chosen_;
    using base::client_of;
    using base::configured_checks;
    using base::consul_;
    using base::definitions_;
    using base::find_agent;
    using base::findings_;
    using base::front_;
    using base::here_;
    using base::machine_;
    using base::node_;
    using base::process_;

    using typename base::client;

    /// A Consul service, and the configuration of the check that names it.
    struct examined_service {
        std::string name{};
        config::configuration chosen{};
        std::string check{};  ///< that check; empty if none does
        std::string label{};  ///< the name and, where another check asks another Consul for it, the check
    };

    // --- the agent's checks, and the services that they are about ---

    /// Asks the agent for its services and checks as it has them now.
    void ask_for_services() {
        live_ = consul_.agent_checks();
        const auto answer = ask("/v1/agent/services");
        const auto all =
            answer && answer->status == 200 ? json::parse(answer->body) : result<json::value>{json::value{}};
        // One that may not be seen is left out.
        if (!all || !all->is(json::kind::object) || all->items.empty()) return;
        registered_.emplace();
        for (const auto& each : all->items) {
            const auto* const name = each.find("Service");
            if (name != nullptr) registered_->push_back(name->text);
        }
    }

    [[nodiscard]] static auto same_access(const config::configuration& a, const config::configuration& b) -> bool {
        return a.store == b.store && a.consul.address == b.consul.address && a.consul.token == b.consul.token;
    }

    /// Which Consul a service was asked of, if it is not doctor's own.
    [[nodiscard]] auto asked_of(const examined_service& service) const -> std::string {
        const auto& theirs = service.chosen;
        if (same_access(theirs, chosen_)) return {};
        const std::string with =
            theirs.consul.token.empty() ? "without a token" : "with the token of " + theirs.token_source;
        return " (asked as check " + service.check + " does, at " +
               (theirs.store.empty() ? theirs.consul.address + ' ' + with : theirs.store) + ')';
    }

    void find_checks(const std::string& only) {
        const auto defined = configured_checks();
        if (!defined) return;
        checks_.emplace();
        for (const auto& each : *defined) {
            auto next = examine_check(machine_, front_, each);
            if (next && (only.empty() || next->service() == only || next->service().empty())) {
                checks_->push_back(std::move(*next));
            }
        }
    }

    /// Finds the services, sorted by name. A check registered through the API shows its output, not its command line.
    void find_services(const std::string& only) {
        const auto is_known = [&](const std::string& name) {
            return algo::find(services_, name, &examined_service::name) != services_.end();
        };
        if (checks_) {
            for (const auto& each : *checks_) {
                const std::string name = each.service();
                if (!each.chosen || name.empty()) continue;
                const bool asked = algo::any_of(services_, [&](const auto& other) {
                    return other.name == name && same_access(other.chosen, *each.chosen);
                });
                if (asked) continue;
                services_.push_back({name, *each.chosen, each.id, is_known(name) ? name + " by " + each.id : name});
            }
        }
        if (live_ && only.empty()) {
            for (const auto& each : *live_) {
                const auto line = json::parse(each.output);
                // One with --serving stands in a second service, which has no role of its own.
                const bool ours = line && line->find("expects") != nullptr && line->find("clustered") != nullptr &&
                                  line->find("serving") == nullptr;
                const std::string& name = each.service_name;
                if (ours && !name.empty() && !is_known(name)) services_.push_back({name, chosen_, each.check_id, name});
            }
        }
        if (!only.empty() && !is_known(only)) services_.push_back({only, chosen_, {}, only});
        algo::sort(services_, {}, &examined_service::label);
    }

    /// Notes the checks of the agent's files that the agent has not read yet.
    void note_unread_checks() {
        if (!live_ || !checks_) return;
        for (auto& each : *checks_) {
            if (!each.cause.empty() || each.service().empty()) continue;
            if (algo::find(*live_, each.id, &snapshot_check::check_id) != live_->end()) continue;
            const auto hidden = consul_.missing_rights({{acl_resource::service, each.registered}}, {});
            if (!hidden || !hidden->empty()) continue;
            each.cause = "the agent does not have this check of its files";
            const bool runs_none =
                agent_ && agent_->settings.local_scripts == false && !agent_->settings.remote_scripts.value_or(false);
            each.remedy =
                runs_none ? "restart the agent, once it may run script checks: a reload is refused" : "consul reload";
        }
    }

    // --- roles and rights ---

    void look_at_services() {
        node_names names{std::string{here_.name}, chosen_.roles.who.node, agent_ ? agent_->node : "", {}};
        const std::size_t at = findings_.size();
        for (const auto& each : services_) {
            if (auto name = look_at_service(each); !name.empty()) names.listed.emplace_back(each.name, std::move(name));
        }
        findings_.insert(findings_.begin() + static_cast<std::ptrdiff_t>(at), judge_names(names));
        for (const auto& [reason, held] : paused_) add("pause", condition::warning, listed(held) + ": " + reason);
        if (services_.empty()) {
            add("services", agent_ ? condition::warning : condition::unknown,
                "no service is known that powerconsul checks here", "name one with -S");
        }
    }

    /// Looks at the role and the rights of one service, and returns the name under which its document lists this node.
    [[nodiscard]] auto look_at_service(const examined_service& service) -> std::string {
        const std::string point = "role " + service.label;
        if (!same_access(service.chosen, chosen_)) {
            auto connection = judge_connection(service.chosen);
            connection.point += " of check " + service.check;
            if (connection.state != condition::ok) add(std::move(connection));
        }
        auto roles = service.chosen.roles;
        roles.record = record_use::none;  // this user may not be the agent's
        const milliseconds budget{service.chosen.timeout.count * 5 / 8};
        auto there = front_.host_of(service.chosen);
        const auto facts = there ? resolve(*there, service.name, service.chosen.state_dir, roles, budget)
                                 : result<resolution>{unexpected{there.error()}};
        if (!facts) {
            add(point, condition::error, facts.error().message,
                facts.error().remedy.empty() ? "" : "set clusterKey or --environment");
            return {};
        }
        const std::string text = std::string{to_string(facts->own)} + ", expects " +
                                 std::string{to_string(facts->expects)} + ": " + facts->reason + asked_of(service);
        const bool known = facts->own != role::unknown && facts->expects != expectation::unknown;
        if (known && facts->from == basis::fresh) {
            add(point, condition::ok, text);
        } else {
            const bool denied = facts->cause && facts->cause->code == errc::denied;
            const bool bad = denied || (facts->cause && facts->cause->code == errc::bad_data);
            add(point, bad ? condition::error : condition::unknown, text,
                denied ? "see the line below" : "see powerconsul lint -S " + service.name);
        }
        if (auto why = refused_by_some(facts->key); !why.empty()) {
            add("key " + service.name, condition::warning, std::move(why), "give the service another name");
        }
        const bool has_standby = facts->place.group.by == grouping::nodes && !facts->place.group.standby.empty();
        if (facts->own == role::primary && has_standby) awaited_.push_back({service.name, roles.wait.absent_after});
        auto asked = client_of(*there, {service.chosen.timeout.count / 4});
        const auto needed = find_needed_rights(asked, *facts, roles, service.chosen.watch.triggers, service.name);
        auto rights = needed ? finding{{}, condition::ok, "a store file asks for none", {}}
                             : finding{{}, condition::unknown, needed.error().message, {}};
        if (needed && service.chosen.store.empty()) {
            rights = judge_rights(service.name, missing_of(client_of(*there, budget), *needed));
            rights.what += asked_of(service);
        }
        rights.point = "rights " + service.label;
        add(std::move(rights));
        // Where it is registered does not depend on who asks.
        if (service.label == service.name) {
            auto registered = registration_of(*there, service, *facts);
            add(judge_registration(registered));
            look_for_two_actives(service, *facts, std::move(registered.here));
            look_for_pause(client_of(*there, {service.chosen.timeout.count / 4}), service, *facts);
        }
        return facts->place.node;
    }

    void look_for_pause(client consul, const examined_service& service, const resolution& role_facts) {
        const milliseconds now = here_.clock.wall();
        const auto& chosen = service.chosen;
        detail::files_of_user<detail::bare<decltype(Host::files)>> theirs{
            here_.files, process_ ? process_->user : here_.files.user()};
        const auto paused = pause_hold(consul, chosen.roles.who, service.name, now);
        if (paused && !paused->empty()) paused_[*paused].push_back(service.name);
        // A right that is missing is told with the others, and a Consul that does not answer with the role.
        if (!paused && paused.error().code != errc::denied && role_facts.from == basis::fresh) {
            add("pause " + service.name, condition::unknown, paused.error().message);
        }
        const auto trusted = trusted_directory(theirs, chosen.state_dir);
        if (!trusted) return;  // which is told of the state directory
        if (auto here = local_pause(theirs, chosen.state_dir, service.name, now); !here.empty()) {
            paused_[std::move(here)].push_back(service.name);
        }
    }

    void look_for_two_actives(const examined_service& service, const resolution& facts, std::vector<instance> here) {
        const bool standby = facts.own == role::secondary && facts.others.state == actives::none_serving;
        if (!standby && (facts.own != role::primary || facts.place.group.standby.empty())) return;
        auto both = judge_both_run({.service = service.name,
                                    .standby = standby,
                                    .from = service.chosen.roles.from,
                                    .instances = standby ? facts.others.instances : std::move(here)});
        if (both) add(std::move(*both));
    }

    [[nodiscard]] auto registration_of(Host& there, const examined_service& service, const resolution& role_facts) const
        -> registration_facts {
        registration_facts facts{.service = service.name, .check = service.check, .node = node_, .agent = registered_};
        facts.standalone = role_facts.clustered == clustering::no && role_facts.from == basis::fresh;
        if (definitions_) facts.files = definitions_->services;
        const auto fresh_client = [&] { return client_of(there, {service.chosen.timeout.count / 4}); };
        // An agent takes a moment to tell the servers what a reload or a restart brought.
        for (int looks = 0; looks < 4; ++looks) {
            if (looks != 0) here_.clock.sleep(seconds(1));
            auto answer = std::move(fresh_client().instances(service.name, {""}).front());
            if (!answer.instances) {
                facts.nodes = unexpected{answer.instances.error()};
                return facts;
            }
            facts.nodes->clear();
            for (const auto& each : *answer.instances) facts.nodes->push_back(each.node);
            facts.here = std::move(*answer.instances);
            std::erase_if(facts.here, [&](const auto& each) { return !same_node(each.node, node_); });
            if (is_one_of(node_, *facts.nodes)) return facts;
            if (!registered_ || !is_one_of(service.name, *registered_)) break;
        }
        facts.missing =
            fresh_client().missing_rights({{acl_resource::service, service.name}, {acl_resource::node, node_}}, {});
        return facts;
    }

    [[nodiscard]] static auto missing_of(client consul, const needed_rights& needed) -> rights_facts {
        std::vector<acl_right> asked;
        const bool all = needed.facts.state != document_state::unread;
        for (const auto& each : needed.rules) {
            // The other rights are certain only once the document is read.
            const bool certain = !each.right.prefix && algo::find(each.commands, "check") != each.commands.end();
            const bool here = each.commands != std::vector<std::string>{"lint"};  // lint need not run here
            if ((all || certain) && here) asked.push_back(each.right);
        }
        rights_facts facts{asked.size(), consul.missing_rights(asked, {}), {}};
        if (!facts.missing || !facts.missing->empty() || needed.facts.group.by != grouping::datacenters) return facts;
        // The actives are in other datacenters, where the token may have other rights.
        std::erase_if(asked, [](const auto& each) { return !each.prefix && each.resource != acl_resource::service; });
        for (const auto& each : needed.facts.group.active) {
            facts.missing = consul.missing_rights(asked, each);
            facts.elsewhere = each;
            if (!facts.missing || !facts.missing->empty()) break;
        }
        return facts;
    }

    // --- the agent's configuration, and the machine ---

    /// Asks what a watch sees, with its token: its own, else that of the agent's environment, else the agent's default.
    void look_through(watch_handler& handler) {
        if (!handler.cause.empty() || handler.acts_on.empty() || !agent_) return;
        if (!handler.datacenter.empty() && handler.datacenter != agent_->datacenter) {
            handler.blind = "it looks at datacenter " + handler.datacenter + ", not at this node's";
            return;
        }
        if (services_.empty() || !chosen_.store.empty()) return;
        auto theirs = chosen_;
        theirs.consul.token = handler.token;
        std::string with = "with the watch's token";
        if (handler.token.empty()) {
            theirs.consul.token = agents_variable("CONSUL_HTTP_TOKEN=");
            with = theirs.consul.token.empty() ? "with the agent's default token, or none"
                                               : "with the agent's CONSUL_HTTP_TOKEN";
        }
        auto there = front_.host_of(theirs);
        if (!there) return;
        std::vector<acl_right> needed{{acl_resource::node, node_}};
        for (const auto& each : services_) {
            const acl_right right{acl_resource::service, each.name};
            if (algo::find(needed, right) == needed.end()) needed.push_back(right);
        }
        const auto missing = client_of(*there, {chosen_.timeout.count / 4}).missing_rights(needed, {});
        // An unknown token is refused altogether.
        if (!missing && missing.error().message.find("ACL not found") != std::string::npos)
            handler.blind = with + " Consul shows it nothing: " + missing.error().message;
        if (missing && !missing->empty())
            handler.blind = with + " Consul hides checks from it: it needs " + to_string(*missing);
    }

    void look_at_agent(const std::string& only) {
        if (definitions_ && !definitions_->repeated.empty()) {
            add("agent's files", condition::error, listed(definitions_->repeated),
                "Consul takes only the last: delete the others, or make them one list");
        } else if (definitions_) {
            const std::size_t count = process_->files.size();
            add("agent's files", condition::ok,
                std::to_string(count) + (count == 1 ? " file" : " files") + " of process " +
                    std::to_string(process_->pid));
        } else {
            add("agent's files", condition::unknown,
                definitions_.error().message + (checks_ ? "; its checks are shown as they were when it started" : ""),
                "run doctor on the agent's machine, by a user who may read them");
        }
        add(judge_script_checks(agent_, definitions_));
        add(judge_check_output(agent_, definitions_));
        add(judge_leaving(agent_, awaited_));
        std::ranges::move(judge_checks(checks_), std::back_inserter(findings_));
        if (live_) {
            const auto concerns = [&](const auto& each) { return only.empty() || each.service_name == only; };
            std::vector<snapshot_check> printed;
            std::ranges::copy_if(*live_, std::back_inserter(printed), concerns);
            std::ranges::move(judge_outputs(printed), std::back_inserter(findings_));
        }
        result<std::vector<watch_handler>> handlers = fail(errc::unavailable, "it stands in the agent's files alone");
        if (definitions_) {
            handlers = definitions_->handlers;
            for (auto& each : *handlers) look_through(each);
        }
        for (const bad_state state : {bad_state::critical, bad_state::warning}) add(judge_watch(state, handlers));
        detail::unchanged_files theirs{here_.files, process_ ? process_->user : here_.files.user()};
        std::ranges::move(judge_incidents(heal::load_all(theirs, chosen_.state_dir), only),
                          std::back_inserter(findings_));
    }

    void look_at_machine() {
        const auto user = process_ ? process_->user : here_.files.user();
        const auto mounts = process_ ? agent_mounts{here_.files, process_->pid} : agent_mounts{};
        if (mounts.hides(chosen_.state_dir)) {
            add("state directory", condition::warning,
                chosen_.state_dir +
                    " is another path for the agent (PrivateTmp or the like): what is said here of it is "
                    "not what its checks keep",
                "set --state-dir to a directory that both see");
        }
        add(look_at_state_directory(here_.files, machine_, chosen_.state_dir, user));
        if (process_) {
            add(look_at_user(here_.files, *process_));
            add(look_at_unit(here_.files, machine_, here_.programs, *process_));
        }
        add(look_at_service_manager(here_.files, chosen_.manager, checks_));
        add(look_at_plugin(here_.files, machine_, checks_));
        const milliseconds now = here_.clock.wall();
        add(look_at_clock(here_.files, machine_, chosen_.state_dir, now));
        add(look_at_stop_file(here_.files, chosen_.watch.stop_file, user, now, mounts));
        std::ranges::move(look_at_noop_files(here_.files, machine_, now, checks_, mounts),
                          std::back_inserter(findings_));
    }

    std::optional<std::vector<examined_check>> checks_{};  ///< from its files, or else as the agent had them at start
    result<std::vector<snapshot_check>> live_ = fail(errc::unavailable, "the agent was not asked for its checks");
    std::optional<std::vector<std::string>> registered_{};  ///< the services that the agent has now, if it says
    std::vector<examined_service> services_{};
    std::vector<awaited_service> awaited_{};
    std::map<std::string, std::vector<std::string>> paused_{};  ///< why services are paused, and which
};

}  // namespace powerconsul::inline v0
