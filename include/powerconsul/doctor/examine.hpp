#pragma once

#include <powerconsul/config/configuration.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/doctor/least_rights.hpp>
#include <powerconsul/doctor/machine_findings.hpp>
#include <powerconsul/doctor/settings_findings.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0 {

/// What doctor needs of its front end: parsed command lines, and this host with the Consul of another configuration.
template <typename T, typename Host>
concept doctor_front = command_reader<T> && requires(T& front, const config::configuration& chosen) {
    { front.host_of(chosen) } -> std::same_as<result<Host>>;
};

/// Judges the connection to Consul: whether others can read the token on the way, and whether the server is verified.
[[nodiscard]] inline auto judge_connection(const config::configuration& chosen) -> finding {
    const std::string point = "connection";
    const auto& access = chosen.consul;
    if (!chosen.store.empty()) return {point, condition::ok, "a store file answers: " + chosen.store, {}};
    const auto where = parse_address(access.address);
    if (!where) return {point, condition::error, where.error().message, "set --http-addr"};
    const bool tls = where->scheme == address_scheme::https;
    const bool near = where->scheme == address_scheme::unix_socket || where->host.starts_with("127.") ||
                      where->host == "::1" || where->host == "localhost";
    if (tls && !access.verify) {
        return {point, condition::warning, "the certificate is not verified: anybody may answer, and read the token",
                "name the authority with --ca-file, and unset CONSUL_HTTP_SSL_VERIFY"};
    }
    if (!tls && !near) {
        return {point, condition::warning,
                access.address + " is another machine, without TLS: the token can be read on the way",
                "ask the local agent, or use https://"};
    }
    const std::string token = access.token.empty() ? "without a token, so that the agent's default token counts"
                                                   : "with the token of " + chosen.token_source;
    return {point, condition::ok, (tls ? "with TLS, " : "") + token, {}};
}

/// Looks at one node: its agent and its Consul, the services that it has roles for, the agent's configuration, and the
/// machine. `here`, `machine`, `front` and `chosen` must outlive it.
template <host Host, local_machine Machine, doctor_front<Host> Front>
class examination {
public:
    /// `stopped` says why no trigger may run, empty if they may.
    examination(Host& here, Machine& machine, Front& front, const config::configuration& chosen, std::string stopped)
        : here_{here},
          machine_{machine},
          front_{front},
          chosen_{chosen},
          stopped_{std::move(stopped)},
          consul_{client_of(here, chosen.timeout)},
          node_{chosen.roles.who.node.empty() ? std::string{here.name} : chosen.roles.who.node} {}

    /// All findings, in the order in which they were looked for. `only` names the one Consul service to look at; if it
    /// is empty, all that are known here are looked at.
    [[nodiscard]] auto operator()(const std::string& only) && -> std::vector<finding> {
        agent_ = ask_agent();
        const bool away = !agent_ && agent_.error().code != errc::denied && agent_.error().code != errc::unsupported;
        if (agent_) node_ = agent_->node;
        process_ = find_agent_process(here_.files, machine_, agent_ ? *agent_ : agent_config{});
        definitions_ = process_ ? read_agent_files(here_.files, machine_, *process_,
                                                   [&](const auto& args) { return front_.parse(args); })
                                : result<agent_files>{unexpected{process_.error()}};
        const error not_asked{errc::unavailable, "it was not asked, since the agent does not answer"};
        add(judge_agent(chosen_.store.empty() ? chosen_.consul.address : chosen_.store, agent_));
        add(judge_connection(chosen_));
        add(judge_leader(away ? result<std::string>{unexpected{not_asked}} : ask_leader()));
        find_checks(only);
        if (away) {
            add(could_not_look("node name", not_asked));
            add(could_not_look("services", not_asked));
        } else {
            find_services(only);
            note_unread_checks();
            look_at_services();
        }
        look_at_agent();
        look_at_machine();
        return std::move(findings_);
    }

private:
    using client = consul_client<detail::bare<decltype(Host::consul)>&, detail::bare<decltype(Host::clock)>&>;

    /// A Consul service, and the configuration of the check that names it.
    struct examined_service {
        std::string name{};
        config::configuration chosen{};
    };

    [[nodiscard]] static auto client_of(Host& host, milliseconds budget) -> client {
        return client{host.consul, host.clock, host.clock.monotonic() + budget};
    }

    void add(finding next) { findings_.push_back(std::move(next)); }
    void add(std::string point, condition state, std::string what, std::string remedy = {}) {
        findings_.push_back({std::move(point), state, std::move(what), std::move(remedy)});
    }

    // --- Consul ---

    [[nodiscard]] auto ask(const std::string& path) -> result<http_response> {
        return here_.consul.perform({http_method::get, path, {}, shorter({chosen_.timeout.count * 5 / 8}, seconds(5))});
    }

    [[nodiscard]] auto ask_agent() -> result<agent_config> {
        const auto answer = ask("/v1/agent/self");
        if (!answer) return unexpected{answer.error()};
        if (answer->status == 200) {
            auto read = decode_agent_config(answer->body);
            return read ? std::move(read) : detail::undecoded("/v1/agent/self", *answer, read.error());
        }
        if (answer->status != 403 || answer->body.find(detail::endpoint_blocked) != std::string::npos) {
            const auto why = consul_.agent();
            return why ? fail(errc::bad_data, "Consul answers " + std::to_string(answer->status) + " to /v1/agent/self")
                       : unexpected{why.error()};
        }
        if (const auto checks = consul_.agent_checks(); checks) {
            for (const auto& each : *checks) {
                if (!each.node.empty()) node_ = each.node;
            }
        }
        return fail(errc::denied, "Consul answers 403 to /v1/agent/self" + detail::known_complaint(answer->body) +
                                      "; the token needs " + to_string(acl_right{acl_resource::agent, node_}));
    }

    [[nodiscard]] auto ask_leader() -> result<std::string> {
        const auto answer = ask("/v1/status/leader");
        if (!answer) return unexpected{answer.error()};
        const std::string status = std::to_string(answer->status);
        if (answer->status >= 500) {
            return fail(errc::failed,
                        "Consul answers " + status + " to /v1/status/leader" + detail::known_complaint(answer->body));
        }
        const auto text = answer->status == 200 ? json::parse(answer->body) : result<json::value>{json::value{}};
        if (!text || !text->is(json::kind::string)) {
            return fail(errc::bad_data, "the answer to /v1/status/leader is " + status +
                                            (answer->status == 200 ? " and not a name" : ""));
        }
        return text->text;
    }

    // --- the agent's checks, and the services that they are about ---

    void find_checks(const std::string& only) {
        std::optional<std::vector<configured_check>> defined;
        if (definitions_) {
            defined = definitions_->checks;
        } else if (agent_ && agent_->checks && !agent_->checks->empty()) {
            defined = agent_->checks;  // an empty list at its start says nothing about now
        }
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
        const auto add_service = [&](const std::string& name, const config::configuration& chosen) {
            const bool known = std::ranges::find(services_, name, &examined_service::name) != services_.end();
            if (!name.empty() && !known) services_.push_back({name, chosen});
        };
        if (checks_) {
            for (const auto& each : *checks_) {
                if (each.chosen) add_service(each.service(), *each.chosen);
            }
        }
        if (const auto checks = consul_.agent_checks(); checks && only.empty()) {
            for (const auto& each : *checks) {
                const auto line = json::parse(each.output);
                const bool ours = line && line->find("expects") != nullptr && line->find("clustered") != nullptr;
                if (ours) add_service(each.service_name, chosen_);
            }
        }
        add_service(only, chosen_);
        std::ranges::sort(services_, {}, &examined_service::name);
    }

    /// Notes the checks of the agent's files that the agent has not read yet.
    void note_unread_checks() {
        const auto live = consul_.agent_checks();
        if (!live || !checks_) return;
        for (auto& each : *checks_) {
            if (!each.cause.empty() || each.service().empty()) continue;
            if (std::ranges::find(*live, each.id, &snapshot_check::check_id) != live->end()) continue;
            const auto hidden = consul_.missing_rights({{acl_resource::service, each.registered}}, {});
            if (!hidden || !hidden->empty()) continue;
            each.cause = "the agent does not have this check of its files";
            const bool runs_none = agent_ && agent_->settings.local_scripts == false &&
                                   !agent_->settings.remote_scripts.value_or(false);
            each.remedy = runs_none ? "restart the agent, once it may run script checks: a reload is refused"
                                    : "consul reload";
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
        if (services_.empty()) {
            add("services", agent_ ? condition::warning : condition::unknown,
                "no service is known that powerconsul checks here", "name one with -S");
        }
    }

    /// Looks at the role and the rights of one service, and returns the name under which its document lists this node.
    [[nodiscard]] auto look_at_service(const examined_service& service) -> std::string {
        const std::string point = "role " + service.name;
        auto roles = service.chosen.roles;
        roles.max_age = {};  // uses no last known role, and writes none: this user may not be the agent's
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
                                 std::string{to_string(facts->expects)} + ": " + facts->reason;
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
        if (facts->own == role::primary && has_standby) awaited_.push_back(service.name);
        auto asked = client_of(*there, {service.chosen.timeout.count / 4});
        const auto needed = find_needed_rights(asked, *facts, roles, service.chosen.watch.triggers, service.name);
        if (!needed) {
            add("rights " + service.name, condition::unknown, needed.error().message);
        } else if (!service.chosen.store.empty()) {
            add("rights " + service.name, condition::ok, "a store file asks for none");
        } else {
            add(judge_rights(service.name, missing_of(client_of(*there, budget), *needed)));
        }
        return facts->place.node;
    }

    [[nodiscard]] static auto missing_of(client consul, const needed_rights& needed) -> rights_facts {
        std::vector<acl_right> asked;
        const bool all = needed.facts.state != document_state::unread;
        for (const auto& each : needed.rules) {
            // The other rights are certain only once the document is read.
            const bool certain = !each.right.prefix && std::ranges::find(each.commands, "check") != each.commands.end();
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

    void look_at_agent() {
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
        result<std::vector<watch_handler>> handlers = fail(errc::unavailable, "it stands in the agent's files alone");
        if (definitions_) handlers = definitions_->handlers;
        for (const bad_state state : {bad_state::critical, bad_state::warning}) add(judge_watch(state, handlers));
    }

    void look_at_machine() {
        const auto user = process_ ? process_->user : here_.files.user();
        add(look_at_state_directory(here_.files, machine_, chosen_.state_dir, user));
        add(look_at_service_manager(here_.files, chosen_.manager, checks_));
        add(look_at_plugin(here_.files, machine_, checks_));
        const milliseconds now = here_.clock.wall();
        add(look_at_clock(here_.files, machine_, chosen_.state_dir, now));
        add("stop file", stopped_.empty() ? condition::ok : condition::warning,
            stopped_.empty() ? chosen_.stop_file + " is not there" : stopped_);
        std::ranges::move(look_at_noop_files(here_.files, machine_, now, checks_), std::back_inserter(findings_));
    }

    Host& here_;
    Machine& machine_;
    Front& front_;
    const config::configuration& chosen_;
    std::string stopped_;
    client consul_;
    std::string node_;  ///< the agent's name or, until it is known, the configured name or the host's
    result<agent_config> agent_{agent_config{}};
    result<agent_process> process_{agent_process{}};
    result<agent_files> definitions_{agent_files{}};
    std::optional<std::vector<examined_check>> checks_{};  ///< from its files, or else as the agent had them at start
    std::vector<examined_service> services_{};
    std::vector<std::string> awaited_{};  ///< the services that a standby takes over when this node is away
    std::vector<finding> findings_{};
};

}  // namespace powerconsul::inline v0
