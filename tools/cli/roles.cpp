#include "commands.hpp"
#include "host.hpp"
#include "options.hpp"

#include <utility>
#include <vector>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/heal/explanation.hpp>
#include <powerconsul/heal/watch.hpp>
#include <powerconsul/json/page.hpp>

namespace powerconsul::cli {

auto run_role(const config::arguments& line, const configuration& chosen, std::string& out) -> result<exit_code> {
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    posix_host<any_transport> here{std::move(*transport)};
    const auto facts =
        powerconsul::resolve(here, *service, chosen.state_dir, chosen.roles, {chosen.timeout.count * 5 / 8});
    if (!facts) return unexpected{facts.error()};

    const bool explain = line.has("explain");
    const auto triggers = explain
                              ? find_triggers(here, chosen.watch.triggers, *facts, *service, {chosen.timeout.count / 8})
                              : std::vector<explained_trigger>{};
    const explained_role what{.service = *service,
                              .facts = *facts,
                              .stopped = heal::stop_reason(here.files, chosen.stop_file),
                              .told = chosen.who_sources,
                              .consul = chosen.store.empty()
                                            ? json::sourced{chosen.consul.address, chosen.http_addr_source}
                                            : json::sourced{chosen.store, "a store file instead of an agent"},
                              .token_source = chosen.token_source,
                              .state_dir = chosen.state_dir,
                              .from = chosen.roles.from,
                              .now = here.clock.wall()};
    json::page printed;
    explain ? print_explanation(what, triggers, printed) : print_role(what, printed);
    out += chosen.format == output_format::json ? std::move(printed).json() + '\n' : printed.text();
    if (facts->own != role::unknown && facts->expects != expectation::unknown) return exit_code::done;
    return facts->cause ? exit_code_for(facts->cause->code) : exit_code::failed;
}

}  // namespace powerconsul::cli
