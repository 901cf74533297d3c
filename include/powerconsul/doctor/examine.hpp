#pragma once

#include <powerconsul/config/configuration.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/doctor/least_rights.hpp>
#include <powerconsul/doctor/python_findings.hpp>
#include <powerconsul/doctor/service_findings.hpp>
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

    /// What this node still has of python-powerconsul. `only` names the one Consul service to look at.
    [[nodiscard]] auto from_python(const std::string& only) && -> std::vector<finding> {
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
    using client = consul_client<detail::bare<decltype(Host::consul)>&, detail::bare<decltype(Host::clock)>&>;

    /// A Consul service, and the configuration of the check that names it.
    struct examined_service {
        std::string name{};
        config::configuration chosen{};
        std::string check{};  ///< that check; empty if none does
        std::string label{};  ///< the name and, where another check asks another Consul for it, the check
    };

    [[nodiscard]] static auto client_of(Host& host, milliseconds budget) -> client {
        return client{host.consul, host.clock, host.clock.monotonic() + budget};
    }

    void add(finding next) { findings_.push_back(std::move(next)); }
    void add(std::string point, condition state, std::string what, std::string remedy = {}) {
        findings_.push_back({std::move(point), state, std::move(what), std::move(remedy)});
    }

    // --- the agent itself ---

    /// Finds the agent, its process and its files. False if it does not answer.
    [[nodiscard]] auto find_agent() -> bool {
        agent_ = ask_agent();
        if (agent_) node_ = agent_->node;
        process_ = find_agent_process(here_.files, machine_, agent_ ? *agent_ : agent_config{});
        definitions_ = process_ ? read_agent_files(here_.files, machine_, *process_,
                                                   [&](const auto& args) { return front_.parse(args); })
                                : result<agent_files>{unexpected{process_.error()}};
        add(judge_agent(chosen_.store.empty() ? chosen_.consul.address : chosen_.store, agent_));
        for (const auto& note : chosen_.notes) add("configuration", condition::warning, note);
        return agent_ || agent_.error().code == errc::denied || agent_.error().code == errc::unsupported;
    }

    [[nodiscard]] static auto agent_is_away() -> error {
        return {errc::unavailable, "it was not asked, since the agent does not answer"};
    }

    /// The agent's checks that run a program: those of its files, else those that it shows; nothing if neither is
    /// known.
    [[nodiscard]] auto configured_checks() const -> std::optional<std::vector<configured_check>> {
        if (definitions_) return definitions_->checks;
        if (agent_ && agent_->checks && !agent_->checks->empty()) {
            return agent_->checks;  // an empty list at its start says nothing about now
        }
        return std::nullopt;
    }

    // --- Consul ---

    /// The JSON that Consul answers with; `rights` are those that the question needs.
    [[nodiscard]] auto ask_json(const std::string& path, const std::string& rights) -> result<json::value> {
        const auto answer = ask(path);
        if (!answer) return unexpected{answer.error()};
        if (answer->status != 200) return detail::refused(*answer, path, rights);
        auto read = json::parse(answer->body);
        return read ? std::move(read) : detail::undecoded(path, *answer, read.error());
    }

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
            return std::ranges::find(services_, name, &examined_service::name) != services_.end();
        };
        if (checks_) {
            for (const auto& each : *checks_) {
                const std::string name = each.service();
                if (!each.chosen || name.empty()) continue;
                const bool asked = std::ranges::any_of(services_, [&](const auto& other) {
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
        std::ranges::sort(services_, {}, &examined_service::label);
    }

    /// Notes the checks of the agent's files that the agent has not read yet.
    void note_unread_checks() {
        if (!live_ || !checks_) return;
        for (auto& each : *checks_) {
            if (!each.cause.empty() || each.service().empty()) continue;
            if (std::ranges::find(*live_, each.id, &snapshot_check::check_id) != live_->end()) continue;
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
        }
        return facts->place.node;
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
        const auto ask = [&] { return client_of(there, {service.chosen.timeout.count / 4}); };
        // An agent takes a moment to tell the servers what a reload or a restart brought.
        for (int looks = 0; looks < 4; ++looks) {
            if (looks != 0) here_.clock.sleep(seconds(1));
            auto answer = std::move(ask().instances(service.name, {""}).front());
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
        facts.missing = ask().missing_rights({{acl_resource::service, service.name}, {acl_resource::node, node_}}, {});
        return facts;
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
            if (std::ranges::find(needed, right) == needed.end()) needed.push_back(right);
        }
        const auto missing = client_of(*there, {chosen_.timeout.count / 4}).missing_rights(needed, {});
        // An unknown token is refused altogether.
        if (!missing && missing.error().message.find("ACL not found") != std::string::npos)
            handler.blind = with + " Consul shows it nothing: " + missing.error().message;
        if (missing && !missing->empty())
            handler.blind = with + " Consul hides checks from it: it needs " + to_string(*missing);
    }

    /// What the agent's own environment says, which its checks and watches obey. `name` ends with `=`.
    [[nodiscard]] auto agents_variable(std::string_view name) -> std::string {
        if (!process_) return {};
        for (const auto& each :
             detail::command_line_of(here_.files, "/proc/" + std::to_string(process_->pid) + "/environ")) {
            if (each.starts_with(name)) return each.substr(name.size());
        }
        return {};
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
            add(look_at_unit(here_.files, machine_, here_.programs, process_->pid));
        }
        add(look_at_service_manager(here_.files, chosen_.manager, checks_));
        add(look_at_plugin(here_.files, machine_, checks_));
        const milliseconds now = here_.clock.wall();
        add(look_at_clock(here_.files, machine_, chosen_.state_dir, now));
        add(judge_stop_file(chosen_.stop_file, stopped_, mounts));
        std::ranges::move(look_at_noop_files(here_.files, machine_, now, checks_, mounts),
                          std::back_inserter(findings_));
    }

    // --- what is left of python-powerconsul ---

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
        std::ranges::sort(names);
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
    result<std::vector<snapshot_check>> live_ = fail(errc::unavailable, "the agent was not asked for its checks");
    std::optional<std::vector<std::string>> registered_{};  ///< the services that the agent has now, if it says
    std::vector<examined_service> services_{};
    std::vector<awaited_service> awaited_{};
    std::vector<finding> findings_{};
};

}  // namespace powerconsul::inline v0
