#include <powerconsul/doctor/findings.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holds.hpp"

using namespace powerconsul;
using enum condition;

namespace {

auto sound_agent() -> agent_config {
    return {.node = "web1", .datacenter = "hq", .version = "1.8.7"};
}

}  // namespace

TEST_CASE("the exit code is the worst finding's, and unknown is never well") {
    const auto with = [](std::vector<condition> states) {
        std::vector<finding> all;
        for (const auto each : states) all.push_back({"x", each, "", ""});
        return exit_status(all);
    };
    CHECK(with({}) == 0);
    CHECK(with({ok, ok}) == 0);
    CHECK(with({ok, condition::unknown}) == 1);
    CHECK(with({warning, ok}) == 1);
    CHECK(with({warning, condition::error, ok}) == 2);
}

TEST_CASE("agent and leader") {
    using answer = result<agent_config>;
    const auto failed = [](errc code) { return answer{fail(code, "why")}; };
    holds(judge_agent("http://a", sound_agent()), ok, "http://a answers as web1 in hq, Consul 1.8.7");
    holds(judge_agent("http://a", failed(errc::unavailable)), condition::error, "start the agent");
    holds(judge_agent("http://a", failed(errc::timed_out)), condition::error, "why");
    holds(judge_agent("http://a", failed(errc::denied)), condition::unknown, "acl-policy");
    holds(judge_agent("http://a", failed(errc::unsupported)), warning, "block_endpoints");
    holds(judge_agent("http://a", fail(errc::bad_data, "why", "httpAuthFile")), condition::error,
          "why; set --http-auth-file");
    holds(judge_agent("http://a", failed(errc::bad_data)), condition::error, "--http-addr");
    holds(judge_leader(std::string{"10.0.0.1:8300"}), ok, "10.0.0.1:8300");
    holds(judge_leader(std::string{}), condition::error, "have no leader");
    holds(judge_leader(fail(errc::failed, "Consul answers 500")), condition::error, "Consul answers 500");
    holds(judge_leader(fail(errc::timed_out, "late")), condition::unknown, "late");
}

TEST_CASE("names") {
    holds(judge_names({"web1", "", "web1", {}}), ok, "web1");
    holds(judge_names({"web1", "", "WEB1.example.org", {}}), ok, "web1");
    holds(judge_names({"web1", "", "", {}}), condition::unknown, "does not say");
    holds(judge_names({"web1", "", "i-0123", {{"web", "i-0123"}}}), warning, "the document of web lists i-0123");
    holds(judge_names({"web1", "web9", "web1", {}}), warning, "web9 here, but web1 in Consul");
    holds(judge_names({"web1", "web9", "web9", {}}), ok, "web9");
}

TEST_CASE("rights") {
    using rights = std::vector<acl_right>;
    const rights two{{acl_resource::key, "a/b"}, {acl_resource::node, "n"}};
    holds(judge_rights("web", {7, rights{}, ""}), ok, "all 7");
    holds(judge_rights("web", {7, two, ""}), condition::error,
          "needs key:read on a/b and node:read on n; give it what powerconsul acl-policy -S web prints");
    holds(judge_rights("web", {7, two, "dr"}), condition::error, "and node:read on n in dr; make it a global token");
    holds(judge_rights("web", {7, fail(errc::unavailable, "no leader"), ""}), condition::unknown, "no leader");
    holds(judge_rights("web", {7, fail(errc::unsupported, "this agent does not"), ""}), condition::warning,
          "this agent does not; take it out of block_endpoints in the agent's http_config, or ask");
}

TEST_CASE("checks") {
    using checks = std::optional<std::vector<examined_check>>;
    const auto check = [](std::string id, std::string cause, std::int64_t own, std::int64_t limit) {
        return examined_check{.id = std::move(id),
                              .cause = std::move(cause),
                              .own_timeout = {own},
                              .timeout = {limit},
                              .initial = "passing"};
    };
    const auto one = [](const checks& all) {
        const auto found = judge_checks(all);
        REQUIRE(found.size() == 1);
        return found.front();
    };
    holds(one(std::nullopt), condition::unknown, "not known");
    holds(one(checks{std::vector<examined_check>{}}), warning, "no check");
    holds(one(checks{{check("role", "", 8000, 9000)}}), ok, "role");
    holds(one(checks{{check("role", "", 8000, 8000)}}), warning, "longer than");
    holds(one(checks{{check("role", "misspelt", 8000, 9000)}}), condition::error, "misspelt; correct its args");
    auto cut = check("role", "", 8000, 9000);
    cut.output_size = 4095;
    holds(one(checks{{cut}}), warning, "only the last 4095 bytes of its output");
    auto slow = check("role", "", 8000, 9000);
    slow.chosen.emplace();
    struct pace {
        std::int64_t interval;  ///< seconds
        std::int64_t absent_after;
        condition state;
    };
    for (const auto& each :
         {pace{10, 60, ok}, {59, 60, ok}, {60, 60, warning}, {300, 60, warning}, {300, 360, ok}, {1, 0, ok}}) {
        CAPTURE(each.interval);
        slow.interval = seconds(each.interval);
        slow.chosen->roles.wait.absent_after = seconds(each.absent_after);
        holds(one(checks{{slow}}), each.state,
              each.state == ok ? "role" : "s, not within the 60 s after which a check");
    }
    auto fresh = check("role", "", 8000, 9000);
    for (const auto* const initial : {"", "critical"}) {
        fresh.initial = initial;
        holds(one(checks{{fresh}}), warning, "until it has run, and a standby may take over; give it \"status\"");
    }
    fresh.line.options["serving"] = "true";
    holds(one(checks{{fresh}}), ok, "role");
    const auto mixed = judge_checks(checks{{check("a", "misspelt", 0, 0), check("b", "", 1, 2), check("c", "", 1, 2)}});
    REQUIRE(mixed.size() == 2);
    holds(mixed[0], ok, "b and c");
    CHECK(mixed[1].point == "check a");
}

TEST_CASE("watches") {
    using handlers = std::vector<watch_handler>;
    const auto of = [](std::string state, std::string acts_on, std::string cause = {}) {
        return watch_handler{
            .state = std::move(state), .acts_on = std::move(acts_on), .cause = std::move(cause), .where = "a.json"};
    };
    const auto critical = [](const result<handlers>& all) { return judge_watch(bad_state::critical, all); };
    const watch_handler good{.state = "critical", .acts_on = "critical", .where = "a.json"};
    holds(critical(handlers{good}), ok, "a.json calls powerconsul watch critical");
    holds(critical(handlers{of("", "critical")}), ok, "a.json");
    holds(critical(handlers{}), warning, "no watch calls");
    holds(critical(handlers{of("warning", "warning")}), warning, "no watch calls");
    holds(critical(handlers{of("critical", "")}), warning, "no watch calls");
    holds(critical(handlers{of("critical", "warning")}), warning, "but calls powerconsul watch warning");
    holds(critical(handlers{of("critical", "", "is python")}), warning, "a.json: is python");
    holds(critical(handlers{of("critical", "", "is python"), good}), ok, "a.json");
    auto blind = good;
    blind.blind = "it sees nothing";
    holds(critical(handlers{blind}), condition::error, "watch critical, but it sees nothing; give the watch a `token`");
    holds(critical(handlers{of("critical", "warning"), blind}), condition::error, "a.json calls");
    holds(critical(handlers{blind, good}), ok, "a.json");
    holds(critical(fail(errc::unavailable, "no files")), condition::unknown, "no files");
}

TEST_CASE("findings as text and as JSON, each on its line") {
    const std::vector<finding> all{{"longer", condition::error, "is not", "mend it"},
                                   {"a", ok, "is\nwell", ""},
                                   {"b", condition::unknown, "is hidden", ""},
                                   {"c", condition::unknown, "too", ""},
                                   {"d", ok, "well", ""}};
    const std::string problems =
        "unknown  b       is hidden\n"
        "unknown  c       too\n"
        "error    longer  is not; mend it\n";
    CHECK(findings_text(all, false) ==
          "1 error, 0 warnings, 2 unknown\n"
          "ok       a       is well\n"
          "ok       d       well\n" +
              problems);
    CHECK(findings_text(all, false, true) == "1 error, 0 warnings, 2 unknown\n" + problems);
    CHECK(findings_text({all[1], all[0]}, true) ==
          R"({"errors":1,"warnings":0,"unknown":0,"code":2,"findings":[{"point":"a","state":"ok","what":"is well"},)"
          R"({"point":"longer","state":"error","what":"is not","remedy":"mend it"}]})"
          "\n");
    CHECK(findings_text({all[1], all[0]}, true, true).find("is well") == std::string::npos);
}

TEST_CASE("only problems: nothing at all where there are none") {
    CHECK(findings_text({{"a", ok, "is well", ""}}, false, true).empty());
    CHECK(findings_text({{"a", ok, "is well", ""}}, true, true) ==
          "{\"errors\":0,\"warnings\":0,\"unknown\":0,\"code\":0,\"findings\":[]}\n");
    CHECK(findings_text({}, false) == "nothing was looked at\n");
}
