#pragma once

#include <powerconsul/checks/check.hpp>
#include <powerconsul/checks/kinds/kind.hpp>
#include <powerconsul/checks/run_options.hpp>

namespace powerconsul::inline v0::checks {

namespace detail {

/// What `look` observes, with work that matches `filter` counted: if some is found, it counts for all members of a
/// group.
template <typename Host, typename Look>
[[nodiscard]] auto look_with_work(Host& here, const work_filter& filter, std::size_t members, Look look)
    -> std::vector<observed> {
    if (filter.text.empty() && filter.expression.empty()) return look();
    if (members == 0) {
        const auto one = [&] { return look().front(); };
        return {counting_work{one, filter, here.files, here.users}()};
    }
    const auto nothing = [] { return observed{observation::stopped, ""}; };
    const observed work = counting_work{nothing, filter, here.files, here.users}();
    if (work.state == observation::running) return std::vector<observed>(members, work);
    std::vector<observed> seen = look();
    for (auto& each : seen) {
        if (work.state != observation::unknown || each.state == observation::running) continue;
        each = {observation::unknown, each.reason + "; " + work.reason, each.remedy};
    }
    return seen;
}

/// Whether a check looks at the machine while Consul is asked: where there are threads for it, and a look that takes
/// time and does not depend on the role.
template <typename Host, typename Kind>
[[nodiscard]] auto looks_aside(const Kind& what) -> bool {
    if constexpr (std::same_as<powerconsul::detail::bare<decltype(Host::tasks)>, sequential_runner>) {
        return false;
    } else if constexpr (requires { what.looks_aside(); }) {
        return what.looks_aside();
    } else {
        return false;
    }
}

}  // namespace detail

/// Holds what is seen on a host against what this node's role for the Consul service demands. Fails with errc::usage if
/// `what` cannot be looked at or the Consul service's name is not valid, errc::configuration if a setting for the role
/// is missing or wrong. Whatever else cannot be told gives a report whose state is unknown.
template <host Host, kind<Host> Kind>
[[nodiscard]] auto judge(Host& here, const Kind& what, std::string_view consul_service, const run_options& how)
    -> result<check_report> {
    circumstances now{here.clock.monotonic() + how.timeout, expectation::unknown, how.manager, how.init_directory};
    if (auto valid = what.valid(); !valid) return unexpected{std::move(valid).error()};
    const auto held = look_for_noop(here.files, here.clock, how.noop);
    auto subject = what.subject();
    const std::size_t members = subject.members.size();
    const auto own_details = [&]() -> report_details {
        if constexpr (requires { what.details(); }) return what.details();
        return {};
    };
    report_details details = own_details();
    std::optional<std::vector<observed>> seen;  // looked at once, and perhaps judged several times
    const auto look = [&] {
        if (!seen) {
            seen = detail::look_with_work(here, how.work, members, [&] {
                sighting looked{what.look(here, now)};
                for (auto& each : looked.details) {
                    if (!each.second.value_or("null").empty()) details.push_back(std::move(each));
                }
                return std::move(looked.all);
            });
        }
        return *seen;
    };

    resolver_options roles = how.roles;
    std::optional<result<resolution>> facts;
    const auto ask = [&](bool unconfirmed, milliseconds budget) {
        roles.reads.unconfirmed = unconfirmed;
        facts.emplace(resolve(here, consul_service, how.state_dir, roles, budget));
        if (*facts) now.expects = (*facts)->expects;
    };
    const milliseconds budget{how.timeout.count * 5 / 8};
    if (!how.serving && held.state != noop_state::present && detail::looks_aside<Host>(what)) {
        here.tasks.run(2, [&](std::size_t i) { i == 0 ? ask(true, budget) : static_cast<void>(look()); });
    } else {
        ask(true, budget);
    }
    const auto judged = [&]() -> check_report {
        const auto one = [&] { return look().front(); };
        return members != 0 ? check(subject, **facts, look, held, how.serving)
                            : check(subject, **facts, one, held, how.serving);
    };
    if (!*facts) return unexpected{facts->error()};
    auto report = judged();
    const auto is_as_usual = [&] { return report.state == (how.serving ? verdict::critical : verdict::passing); };
    if (!is_as_usual() && (*facts)->unconfirmed) {
        const expectation before = now.expects;
        ask(false, shorter(budget, now.deadline - here.clock.monotonic() - milliseconds{how.timeout.count / 4}));
        if (!*facts) return unexpected{facts->error()};
        if (now.expects != before && !detail::looks_aside<Host>(what)) {
            seen.reset();
            details = own_details();
        }
        report = judged();
    }
    // Only a verdict that maintenance would change is worth another question.
    if (!is_as_usual() && (*facts)->own != role::unknown) {
        const auto why = find_maintenance(here, consul_service, {how.timeout.count / 8});
        if (why && *why) {
            expect_nothing(**facts, **why);
            report = judged();
        }
    }
    if (report.state != verdict::warning && report.state != verdict::critical) {
        std::erase_if(details, [](const auto& each) { return each.first == "error"; });
    }
    report.details = std::move(details);
    return report;
}

/// Like judge(), but never fails: what judge() refuses gives a report whose state is unknown, with the reason. If no
/// host name is set, the host's own is used.
template <host Host, kind<Host> Kind>
[[nodiscard]] auto run(Host& here, const Kind& what, std::string_view consul_service, run_options how = {})
    -> check_report {
    if (how.roles.who.host.empty()) how.roles.who.host = here.name;
    auto report = judge(here, what, consul_service, how);
    if (report) return std::move(*report);
    return {.subject = what.subject(),
            .serving = how.serving,
            .why = report.error().message,
            .remedy = report.error().remedy};
}

}  // namespace powerconsul::inline v0::checks
