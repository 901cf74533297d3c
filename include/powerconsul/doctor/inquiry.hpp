#pragma once

#include <powerconsul/config/configuration.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0 {

/// What doctor needs of its front end: parsed command lines, and this host with the Consul of another configuration.
template <typename T, typename Host>
concept doctor_front = command_reader<T> && requires(T& front, const config::configuration& chosen) {
    { front.host_of(chosen) } -> std::same_as<result<Host>>;
};

/// What all of doctor's examinations ask first: the agent, its process, its files and its Consul. `here`, `machine`,
/// `front` and `chosen` must outlive it.
template <host Host, local_machine Machine, doctor_front<Host> Front>
class inquiry {
public:
    inquiry(Host& here, Machine& machine, Front& front, const config::configuration& chosen)
        : here_{here},
          machine_{machine},
          front_{front},
          chosen_{chosen},
          consul_{client_of(here, chosen.timeout)},
          node_{chosen.roles.who.node.empty() ? std::string{here.name} : chosen.roles.who.node} {}

protected:
    using client = consul_client<detail::bare<decltype(Host::consul)>&, detail::bare<decltype(Host::clock)>&>;

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

    /// What the agent's own environment says, which its checks and watches obey. `name` ends with `=`.
    [[nodiscard]] auto agents_variable(std::string_view name) -> std::string {
        if (!process_) return {};
        for (const auto& each :
             detail::command_line_of(here_.files, "/proc/" + std::to_string(process_->pid) + "/environ")) {
            if (each.starts_with(name)) return each.substr(name.size());
        }
        return {};
    }

    Host& here_;
    Machine& machine_;
    Front& front_;
    const config::configuration& chosen_;
    client consul_;
    std::string node_;  ///< the agent's name or, until it is known, the configured name or the host's
    result<agent_config> agent_{agent_config{}};
    result<agent_process> process_{agent_process{}};
    result<agent_files> definitions_{agent_files{}};
    std::vector<finding> findings_{};
};

}  // namespace powerconsul::inline v0
