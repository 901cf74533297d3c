// How fast the library is in one process, on one core: a decision, a whole check over the embedded store, a snapshot of
// a watch. Run with --benchmark_format=json for machines.

#include <cstddef>
#include <string>

#include <benchmark/benchmark.h>
#include <rapidjson/document.h>

#include <powerconsul/checks/check.hpp>
#include <powerconsul/checks/report_json.hpp>
#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/consul/checks_json.hpp>
#include <powerconsul/core/pattern.hpp>
#include <powerconsul/decision/rules.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

/// Expectation and verdict for every role, state of the actives and observation in turn.
void decision(benchmark::State& state) {
    constexpr role roles[] = {role::standalone, role::primary, role::secondary, role::unknown};
    constexpr actives others[] = {actives::serving, actives::none_serving, actives::unknown};
    constexpr observation seen[] = {observation::running, observation::degraded, observation::stopped,
                                    observation::unknown};
    std::size_t i = 0;
    for (auto _ : state) {
        role own = roles[i & 3U];
        actives active = others[i % 3];
        observation what = seen[(i >> 2U) & 3U];
        benchmark::DoNotOptimize(own);
        benchmark::DoNotOptimize(active);
        benchmark::DoNotOptimize(what);
        benchmark::DoNotOptimize(judge(rule(own, {.others = active}).expects, what));
        ++i;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decision);

/// The same with all that a verdict says, and its line of JSON.
void decision_with_line(benchmark::State& state) {
    resolution facts;
    facts.own = role::primary;
    facts.expects = expectation::running;
    facts.clustered = clustering::yes;
    facts.reason = "production-web1 is in active_nodes";
    for (auto _ : state) {
        const auto report = check({.kind = "service", .name = "apache2"}, facts, [] {
            return observed{observation::running, "active"};
        });
        benchmark::DoNotOptimize(json::check_line(report, 0));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decision_with_line);

/// An expression as they stand in documents, compiled and matched with a node's name once.
void filter(benchmark::State& state) {
    for (auto _ : state) {
        const auto matched = matches_at_start("^production-web[0-9]+$", "production-web1");
        if (!matched || !*matched) return state.SkipWithError("not as it should be");
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(filter);

/// One expression, looked for in the command lines of many processes.
void command_line_search(benchmark::State& state) {
    const auto compiled = pattern::compile("java.*Main$");
    const std::string line =
        "/usr/bin/java -Xmx1g -cp /usr/share/java/a.jar:/usr/share/java/b.jar -Dname=web org.example.Other";
    for (auto _ : state) {
        const auto found = compiled->occurs_in(line);
        if (!found || *found) return state.SkipWithError("not as it should be");
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(command_line_search);

/// One service with so many actives and as many standbys, as one of them.
struct site {
    store consul;
    testing::manual_clock time{};
    testing::memory_files files{};

    site(const std::string& node, int actives) : consul{store_agent{.node = node, .datacenter = "hq"}} {
        const auto names = [&](int from) {
            std::string list;
            for (int i = from; i < from + actives; ++i) {
                const std::string name = "production-web" + std::to_string(i);
                list += (list.empty() ? "\"" : ", \"") + name + '"';
                consul.add("hq", {.service = "web", .node = name, .checks = {{"web", {}}}});
            }
            return list;
        };
        const std::string active = names(1);
        consul.put("hq", "cluster/production/web",
                   R"({"active_nodes": [)" + active + R"(], "standby_nodes": [)" + names(actives + 1) + "]}");
    }
};

enum class state_kept : unsigned char { no, yes };

/// From the question to the printed line: the document in KV's answer, the role, the actives' health where it counts, a
/// probe, the verdict.
void whole_check(benchmark::State& state, const std::string& node, int actives, state_kept kept) {
    site here{node, actives};
    resolver_options options{.who = {.host = node}};
    if (kept == state_kept::no) options.max_age = {0};
    role_resolver roles{here.consul, here.time, here.files, std::string{"/state"}, options};
    std::string line;
    for (auto _ : state) {
        const auto facts = roles.resolve("web", seconds(5));
        const auto report = check({.kind = "service", .name = "apache2"}, facts, [&] {
            return observed{facts.expects == expectation::running ? observation::running : observation::stopped,
                            "as it should be"};
        });
        line = json::check_line(report, 0);
        if (report.state != verdict::passing) return state.SkipWithError(line.c_str());
    }
    state.SetItemsProcessed(state.iterations());
    state.SetLabel(line);
}
BENCHMARK_CAPTURE(whole_check, active, "production-web1", 1, state_kept::no);
BENCHMARK_CAPTURE(whole_check, active_with_last_known, "production-web1", 1, state_kept::yes);
BENCHMARK_CAPTURE(whole_check, standby, "production-web2", 1, state_kept::no);
BENCHMARK_CAPTURE(whole_check, standby_with_last_known, "production-web2", 1, state_kept::yes);
BENCHMARK_CAPTURE(whole_check, active_of_six, "production-web1", 3, state_kept::no);
BENCHMARK_CAPTURE(whole_check, standby_of_six, "production-web4", 3, state_kept::no);

/// As tests/bench/snapshot.py writes it.
[[nodiscard]] auto snapshot_of(std::size_t checks) -> std::string {
    std::string text = "[";
    for (std::size_t i = 0; i < checks; ++i) {
        const std::string n = std::to_string(i);
        text +=
            (i == 0 ? "" : ",") + (R"({"Node":"production-web)" + std::to_string(i / 8)) +
            R"(","CheckID":"web-role","Name":"web is as its role demands","Status":"critical","Notes":"","Output":")" +
            R"({\"type\":\"service\",\"service\":\"web\",\"expects\":true,\"clustered\":true,\"state\":\"critical\",)" +
            R"(\"code\":2,\"role\":\"primary\",\"reason\":\"stopped\",\"basis\":\"fresh\"}\n","ServiceID":"web",)" +
            R"("ServiceName":"web","ServiceTags":[],"Type":"script","Definition":{},"CreateIndex":)" + n +
            R"(,"ModifyIndex":)" + n + '}';
    }
    return text + ']';
}

void snapshot_skimmed(benchmark::State& state) {
    const auto text = snapshot_of(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        const auto read = json::snapshot::read(text);
        const auto checks = read->checks_of({"production-web7", {}, {}});
        if (!checks || checks->size() != 8) return state.SkipWithError("not as it should be");
    }
    state.SetBytesProcessed(state.iterations() * static_cast<long>(text.size()));
}
BENCHMARK(snapshot_skimmed)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void snapshot_dom(benchmark::State& state) {
    const auto text = snapshot_of(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        rapidjson::Document document;
        document.Parse(text.data(), text.size());
        if (document.HasParseError()) return state.SkipWithError("not as it should be");
    }
    state.SetBytesProcessed(state.iterations() * static_cast<long>(text.size()));
}
BENCHMARK(snapshot_dom)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
