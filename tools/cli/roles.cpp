#include "roles.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <powerconsul/adapters/any_transport.hpp>
#include <powerconsul/adapters/posix/host.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/heal/watch.hpp>
#include <powerconsul/json/writer.hpp>

#include "explain.hpp"

namespace powerconsul::cli {

namespace {

void print_role_text(std::string_view service, const resolution& facts, const std::string& stopped, std::string& out) {
    const auto row = [&](std::string_view name, std::string_view text) {
        std::string padded{name};
        padded.resize(10, ' ');
        out += padded + one_line(text, 3000) + '\n';
    };
    row("service", service);
    row("role", to_string(facts.own));
    row("expects", to_string(facts.expects));
    row("why", facts.reason);
    row("document", facts.key + (facts.document == 0 ? "" : " (ModifyIndex " + std::to_string(facts.document) + ')'));
    row("basis", to_string(facts.from));
    if (facts.state_trouble) row("note", facts.state_trouble->message);
    if (!stopped.empty()) row("stopped", stopped);
}

[[nodiscard]] auto role_json(std::string_view service, const resolution& facts, const std::string& stopped)
    -> std::string {
    json::writer line;
    line.open_object();
    line.key("service").string(service);
    line.key("role").string(to_string(facts.own));
    line.key("expectation").string(to_string(facts.expects));
    line.key("clustered");
    if (facts.clustered == clustering::unknown) {
        line.null();
    } else {
        line.boolean(facts.clustered == clustering::yes);
    }
    line.key("reason").string(one_line(facts.reason, 3000));
    line.key("key").string(facts.key);
    line.key("document").number(facts.document);
    line.key("basis").string(to_string(facts.from));
    if (facts.state_trouble) line.key("note").string(one_line(facts.state_trouble->message, 1000));
    if (!stopped.empty()) line.key("stopped").string(one_line(stopped, 1000));
    line.close_object();
    return line.text();
}

/// The triggers that would run now, looked up as a watch looks them up.
[[nodiscard]] auto triggers_of(const configuration& chosen, std::string_view service, const resolution& facts,
                               posix_clock& time) -> std::vector<explained_trigger> {
    std::vector<explained_trigger> all;
    auto transport = make_transport(chosen);
    for (const auto state : {bad_state::warning, bad_state::critical}) {
        explained_trigger each{state, trigger_search{}, {}};
        if (!transport) {
            each.search = unexpected{transport.error()};
        } else {
            consul_client<any_transport&, posix_clock&> consul{
                *transport, time, time.monotonic() + milliseconds{chosen.timeout.count / 8}};
            each.search = find_trigger(consul, chosen.watch.triggers, facts.who, facts, service, state);
        }
        if (each.search && each.search->found) {
            each.runs = make_job(*each.search->found, chosen.watch.triggers, facts.who,
                                 {.service = std::string{service}, .state = state, .own = facts.own});
        }
        all.push_back(std::move(each));
    }
    return all;
}

}  // namespace

auto required(const config::arguments& line, std::string_view option, std::string_view spelling)
    -> result<std::string> {
    if (auto value = line.value(option)) return std::move(*value);
    return fail(errc::usage, "the option " + std::string{spelling} + " is missing; see powerconsul " +
                                 line.words.command + (line.words.subject.empty() ? "" : " ") + line.words.subject +
                                 " --help");
}

auto resolve(const configuration& chosen, std::string_view service, posix_clock&) -> result<resolution> {
    auto transport = make_transport(chosen);
    if (!transport) return unexpected{std::move(transport).error()};
    posix_host<any_transport> here{std::move(*transport)};
    return powerconsul::resolve(here, service, chosen.state_dir, chosen.roles, {chosen.timeout.count * 5 / 8});
}

auto run_role(const config::arguments& line, const configuration& chosen, std::string& out) -> result<exit_code> {
    const auto service = required(line, "consulservice", "-S/--consulservice");
    if (!service) return unexpected{service.error()};
    posix_clock time;
    const auto facts = resolve(chosen, *service, time);
    if (!facts) return unexpected{facts.error()};
    const std::string stopped = heal::stop_reason(posix_files{}, chosen.stop_file);
    if (line.has("explain")) {
        const explained_role all{chosen,     *service, *facts, stopped, triggers_of(chosen, *service, *facts, time),
                                 time.wall()};
        out += chosen.format == output_format::json ? explanation_json(all) + '\n' : explanation_text(all);
    } else if (chosen.format == output_format::json) {
        out += role_json(*service, *facts, stopped) + '\n';
    } else {
        print_role_text(*service, *facts, stopped, out);
    }
    if (facts->own != role::unknown && facts->expects != expectation::unknown) return exit_code::done;
    return facts->trouble ? exit_code_for(facts->trouble->code) : exit_code::failed;
}

}  // namespace powerconsul::cli
