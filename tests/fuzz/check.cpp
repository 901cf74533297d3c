// covers: checks/check.hpp cluster/resolver.hpp consul/client.hpp cluster/actives.hpp consul/reading.hpp
// cluster/last_known.hpp decision/rules.hpp consul/health.hpp checks/report.hpp checks/report_json.hpp
#include <powerconsul/checks/check.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "answers.hpp"
#include "fuzz.hpp"

using namespace powerconsul;

namespace {

constexpr observation observations[] = {observation::unknown, observation::stopped, observation::degraded,
                                        observation::running};
constexpr consistency ways[] = {consistency::consistent, consistency::leader, consistency::stale, consistency::cached};

/// How a check is called, by the first part of an input.
struct call {
    observation seen{};
    noop_sighting noop{};
    resolver_options options{};
    milliseconds record_age{};

    explicit call(std::string_view bytes) {
        fuzz::choices pick{bytes};
        seen = observations[pick.of(4)];
        constexpr noop_state noops[] = {noop_state::absent, noop_state::ignored, noop_state::unknown,
                                        noop_state::present};
        noop = {noops[pick.of(4)], "a noop file"};
        options.who.host = pick.yes() ? "production-web3.example.org" : "production-web3";
        if (pick.yes()) options.who.node = "production-web1";
        if (pick.yes()) options.who.datacenter = "hq";
        options.reads.documents = ways[pick.of(4)];
        options.reads.health = ways[pick.of(4)];
        options.from = pick.yes() ? takeover::on_warning : takeover::on_critical;
        if (pick.yes()) options.service_filter = "^production-web";
        if (pick.yes()) options.max_age = {};
        record_age = seconds(pick.of(100));
    }
};

/// Whether the answers say that there is no document: Consul's own 404, which carries an index.
[[nodiscard]] auto said_absent(const fuzz::answers& consul) -> bool {
    for (const auto& each : consul.all()) {
        if (!each.response || each.response->status != 404) continue;
        if (!each.request.target.starts_with("/v1/kv/")) continue;
        const auto index = each.response->header("X-Consul-Index");
        if (index.find_first_not_of('0') != std::string_view::npos) return true;
    }
    return false;
}

[[nodiscard]] auto is_well(const json::value& check) -> bool {
    const auto* const status = check.find("Status");
    return status != nullptr && (status->text == "passing" || status->text == "warning");
}

/// Whether an answer shows that node with a service that is not critical, by nothing but its text.
[[nodiscard]] auto shown_serving(const fuzz::answers& consul, std::string_view node) -> bool {
    for (const auto& each : consul.all()) {
        if (!each.response || each.response->status != 200) continue;
        const bool of_node = each.request.target.starts_with("/v1/health/node/" + std::string{node} + '?');
        if (!of_node && !each.request.target.starts_with("/v1/health/service/")) continue;
        const auto root = json::parse(each.response->body);
        fuzz::expect(root.has_value(), "instances out of what is no JSON", each.response->body);
        // Of a node one check is enough: another instance of the service may be critical.
        if (of_node && std::ranges::any_of(root->items, is_well)) return true;
        for (const auto& one : root->items) {
            const auto* const home = one.find("Node");
            const auto* const name = home == nullptr ? nullptr : home->find("Node");
            if (name == nullptr || name->text != node) continue;
            const auto* const checks = one.find("Checks");
            if (checks == nullptr || std::ranges::all_of(checks->items, is_well)) return true;
        }
    }
    return false;
}

struct answered {
    resolution facts{};
    std::string line{};
};

auto run_check(const call& how, fuzz::parts script, std::string_view record) -> answered {
    testing::manual_clock time;
    testing::memory_files files;
    files.user_id = 0;
    if (!record.empty()) {
        files.put("/state/last-known/web.json", record);
        const auto kept = json::decode_last_known(record);
        if (kept && kept->at.count < INT64_MAX / 2) time.advance(kept->at + how.record_age);
    }
    fuzz::answers consul{script, time};
    role_resolver resolver{consul, time, files, "/state", how.options};
    const auto facts = resolver.resolve("web", seconds(8));
    bool looked = false;
    const auto report = check(
        {.kind = "service", .name = "apache2"}, facts,
        [&] {
            looked = true;
            return observed{how.seen, "the probe says so"};
        },
        how.noop);
    const std::string line = json::check_line(report, exit_status(report.state));

    const bool held = how.noop.state == noop_state::present;
    fuzz::expect(facts.own != role::unknown || facts.expects == expectation::unknown, "expected without a role", line);
    fuzz::expect(facts.expects != expectation::unknown || facts.from != basis::fresh || facts.own == role::unknown,
                 "fresh and unknown", line);
    fuzz::expect(looked == (!held && facts.own != role::unknown), "looked at for nothing, or not", line);
    if (exit_status(report.state) == 0) {
        const bool positive = (facts.expects == expectation::running && how.seen == observation::running) ||
                              (facts.expects == expectation::stopped && how.seen == observation::stopped) ||
                              (facts.expects == expectation::either && how.seen != observation::unknown);
        fuzz::expect(report.state == verdict::passing, "0 without passing", line);
        fuzz::expect(held || (facts.own != role::unknown && looked && positive), "passing without being seen", line);
    }
    if (facts.own == role::standalone) {
        const auto kept = json::decode_last_known(record);
        const bool from_record = facts.from == basis::cached && kept && kept->own == role::standalone;
        fuzz::expect(said_absent(consul) || from_record, "standalone, and nobody said so", line);
    }
    if (facts.own == role::secondary && facts.from == basis::fresh) {
        fuzz::expect(!facts.place.group.active.empty(), "secondary of nobody", line);
        bool serving = false;
        for (const auto& each : facts.others.instances) serving = serving || shown_serving(consul, each.node);
        fuzz::expect(facts.expects != expectation::stopped || serving || facts.waits,
                     "stopped, and no active was shown", line);
        const auto kept = json::decode_last_known(record);
        const bool goes_on = serving && kept && kept->expects == expectation::running;
        fuzz::expect(facts.expects != expectation::running || goes_on || facts.others.state == actives::none_serving,
                     "takes over without knowing", line);
    }
    fuzz::expect(facts.from != basis::cached || !record.empty(), "cached, and nothing was kept", line);

    fuzz::expect(line.size() <= 3584 && fuzz::is_one_line(line), "no line for Consul", line);
    const auto text = json::parse(line);
    fuzz::expect(text && text->find("state") != nullptr, "the line is no JSON", line);
    fuzz::expect(is_unproven(line) == (report.state == verdict::unknown), "unproven is not unknown", line);
    const std::string plain = nagios_line(report);
    fuzz::expect(fuzz::is_one_line(plain), "no line for Nagios", plain);
    fuzz::expect(is_unproven(plain) == (report.state == verdict::unknown), "unproven is not unknown", plain);
    return {facts, line};
}

/// How a check is called; the last known role, if there is one; and what Consul answers, one by one.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    const call how{script.next()};
    const std::string_view record = script.next();
    const auto first = run_check(how, script, record);
    const auto again = run_check(how, script, record);
    fuzz::expect(first.line == again.line, "the line changes while nothing does", first.line, again.line);
}

const fuzz::enlisted here{"check", run};

}  // namespace
