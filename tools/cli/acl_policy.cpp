#include "commands.hpp"
#include "options.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/consul/client.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/doctor/least_rights.hpp>

#include "host.hpp"

namespace powerconsul::cli {

namespace {

constexpr std::array<std::string_view, 6> users{"check", "role", "watch", "trigger", "lint", "doctor"};

}  // namespace

auto run_acl_policy(const config::arguments& line, const configuration& chosen, std::string& out) -> result<exit_code> {
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    const std::string wanted = line.value("for").value_or("all");
    if (wanted != "all" && std::ranges::find(users, wanted) == users.end()) {
        return fail(errc::usage, "--for: " + quoted(wanted) + " is neither all nor one of " +
                                     listed({users.begin(), users.end()}, "and"));
    }
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    posix_host<any_transport> here{std::move(*transport)};
    auto roles = chosen.roles;
    roles.max_age = {};  // nothing older counts, and nothing is written
    const auto facts = powerconsul::resolve(here, *service, chosen.state_dir, roles, {chosen.timeout.count * 5 / 8});
    if (!facts) return unexpected{facts.error()};
    consul_client<any_transport&, posix_clock&> consul{here.consul, here.clock,
                                                       here.clock.monotonic() + milliseconds{chosen.timeout.count / 4}};
    auto found = find_needed_rights(consul, *facts, roles, chosen.watch.triggers, *service);
    if (!found) return unexpected{std::move(found).error()};
    if (wanted != "all") {
        std::erase_if(found->rules, [&](const auto& each) {
            return std::ranges::find(each.commands, wanted) == each.commands.end();
        });
    }
    auto notes = policy_notes(*found, chosen.watch.triggers.base_key);
    notes.insert(notes.begin(), "What powerconsul " + (wanted == "all" ? "" : wanted + ' ') + "needs on " +
                                    found->facts.node + " for the service " + found->facts.service + ", and no more.");
    out += acl_policy_text(notes, found->rules);
    return exit_code::done;
}

}  // namespace powerconsul::cli
