#pragma once

#include <powerconsul/heal/handled.hpp>
#include <powerconsul/heal/own_look.hpp>
#include <powerconsul/heal/shared.hpp>

namespace powerconsul::inline v0 {

/// Turns Consul's time-outs into errc::unavailable: errc::timed_out is kept for what another run holds, which is worth
/// another try soon.
[[nodiscard]] inline auto unanswered(error why) -> error {
    if (why.code == errc::timed_out) why.code = errc::unavailable;
    return why;
}

/// What is seen of one service: what the local agent says of its checks now, and what a look at the machine shows.
/// Connection and host must outlive it.
template <http_transport Transport, typename Host>
class service_view {
public:
    /// `shared`: nullptr if nothing else asks the agent in this process.
    service_view(Transport& consul, Host& here, const watch_options& options, shared_by_handlers* shared)
        : consul_{consul}, here_{here}, options_{options}, shared_{shared} {}

    /// Asks the agent once more, and no other handler's answer will do: for the last look before something is done.
    /// Fails as the client does, with errc::unavailable after a time-out.
    [[nodiscard]] auto ask_again() -> result<void> { return ask(nullptr); }

    /// What the agent says of the service's checks now, or has said within a second to another handler, and the
    /// snapshot of those that it does not know. Fails as ask_again() does.
    [[nodiscard]] auto look(std::string_view service, const std::vector<snapshot_check>& listed)
        -> result<std::vector<check_facts>> {
        service_ = service;
        listed_.clear();
        for (const auto& each : listed) listed_.push_back(each.check_id);
        if (const auto asked = ask(shared_); !asked) return unexpected{asked.error()};
        checks_.clear();
        // Where some of the service's instances are in maintenance, their checks are no reason for anything; where all
        // are, that holds what would be done.
        const bool all_held = maintenance_of(agent_, service).has_value();
        const auto is_held = [&](const snapshot_check& check) {
            return !all_held && algo::any_of(agent_, [&](const snapshot_check& each) {
                return each.service_name == service && each.service_id == check.service_id &&
                       check_health(each.check_id, each.status) == health::maintenance;
            });
        };
        std::vector<check_facts> all;
        const auto add = [&](const snapshot_check& each, bool from_snapshot) {
            if (check_health(each.check_id, each.status) == health::maintenance) return;
            const bool held = is_held(each);
            all.push_back({each.node, each.service_id, each.check_id, held ? standing::unproven : standing_of(each),
                           fnv1a(each.output, fnv1a(each.status)), each.modify_index, from_snapshot});
            if (all.back().node.empty()) all.back().node = listed.empty() ? std::string{} : listed.front().node;
            if (each.status == to_string(options_.state) && !held) checks_.push_back(each);
        };
        for (const auto& each : agent_) {
            if (each.service_name == service) add(each, false);
        }
        for (const auto& each : listed) {
            const auto known = algo::find(agent_, each.check_id, &snapshot_check::check_id);
            if (known == agent_.end()) {
                add(each, true);
            } else {
                const auto facts = algo::find(all, each.check_id, &check_facts::check_id);
                if (facts != all.end()) facts->modify_index = each.modify_index;
            }
        }
        return all;
    }

    /// The agent's checks of the service and of the node, and those that were listed.
    [[nodiscard]] auto agent() const -> const std::vector<snapshot_check>& { return agent_; }
    /// Those of the service that are in the watched state, and which may be replaced by what a person names.
    [[nodiscard]] auto checks() -> std::vector<snapshot_check>& { return checks_; }

    /// Whether the service should run, by the checks of ours that are in the state; nothing if none of them tells.
    [[nodiscard]] auto expected_now() const -> std::optional<bool> {
        for (const auto& each : checks_) {
            if (kind_of_output(each.output) != output_kind::own) continue;
            if (each.output.find(R"("expects":false)") != std::string::npos) return false;
            if (each.output.find(R"("expects":true)") != std::string::npos) return true;
        }
        return std::nullopt;
    }

    struct seen_service {
        own_look seen{own_look::none};
        bool should_run{true};
    };

    [[nodiscard]] static auto is_bad(const incident& about, const snapshot_check& check) -> bool {
        return algo::any_of(about.checks,
                            [&](const auto& known) { return known.bad && known.check_id == check.check_id; });
    }

    /// Looks at the service itself, for all of its checks in the state: those of another program leave it untold.
    [[nodiscard]] auto look_at_service(const incident& about) -> seen_service {
        seen_service found{.should_run = expected_now().value_or(true)};
        if constexpr (host<Host>) {
            bool all = !checks_.empty();
            for (const auto& each : checks_) {
                if (!is_bad(about, each)) continue;
                const auto now = heal::look_again(here_, each.output,
                                                  {.deadline = here_.clock.monotonic() + options_.consul_time,
                                                   .manager = options_.manager,
                                                   .init_directory = options_.init_directory});
                all = all && now.has_value();
                if (!now) continue;
                if (!*now) return {own_look::not_as_expected, found.should_run};
            }
            if (all) found.seen = own_look::as_expected;
        }
        return found;
    }

    /// Whether the agent still has a check of the service in the state, or does not know one that was listed.
    [[nodiscard]] auto is_still_bad() const -> bool {
        return algo::any_of(checks_, [&](const snapshot_check& each) {
            const auto now = algo::find(agent_, each.check_id, &snapshot_check::check_id);
            return now == agent_.end() || now->status == each.status;
        });
    }

private:
    [[nodiscard]] auto ask(shared_by_handlers* shared) -> result<void> {
        consul_client<Transport&, decltype(here_.clock)&> asking{consul_, here_.clock,
                                                                 here_.clock.monotonic() + options_.consul_time};
        auto asked = shared != nullptr ? shared->agent.checks_about(asking, here_.clock, service_, listed_)
                                       : asking.agent_checks().transform([&](std::vector<snapshot_check>&& all) {
                                             return agent_answer{std::move(all)}.about(service_, listed_);
                                         });
        if (!asked) return unexpected{unanswered(asked.error())};
        agent_ = std::move(*asked);
        return {};
    }

    [[nodiscard]] auto standing_of(const snapshot_check& check) const -> standing {
        const bool silent = check.output.empty();
        if (check.status == "passing") return silent ? standing::silent_passing : standing::passing;
        if (!silent && asks_for_nothing(check.output)) return standing::unproven;
        if (check.status != to_string(options_.state)) return silent ? standing::silent_elsewhere : standing::elsewhere;
        return silent ? standing::silent_in_state : standing::in_state;
    }

    Transport& consul_;
    Host& here_;
    const watch_options& options_;
    shared_by_handlers* shared_;
    std::string service_{};
    std::vector<std::string> listed_{};     ///< the ids of the checks that a watch has listed
    std::vector<snapshot_check> agent_{};   ///< see agent()
    std::vector<snapshot_check> checks_{};  ///< those of the service that are in the state
};

}  // namespace powerconsul::inline v0
