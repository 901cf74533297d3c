#include <powerconsul/checks/check.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../truth_table.hpp"

using namespace powerconsul;
using truth::resolved;
using truth::rows;
using truth::seen;

namespace {

auto check_service(const resolution& facts, auto look) -> check_report {
    return check({.kind = "service", .name = "apache2"}, facts, look);
}

}  // namespace

TEST_CASE("from document, actives and observation to verdict and exit status, over all of them") {
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        CHECK(facts.expects == each.expects);
        for (int i = 0; i < 4; ++i) {
            CAPTURE(to_string(seen[i]));
            const auto report = check_service(facts, [&] { return observed{seen[i], ""}; });
            CHECK(report.state == each.states[i]);
            CHECK(exit_status(report.state) == each.codes[i]);
            CHECK(report.expects == each.expects);
            CHECK(report.own == facts.own);
        }
    }
}

TEST_CASE("no unknown leads to passing, and none makes a standby run") {
    for (const auto& each : rows) {
        for (int i = 0; i < 4; ++i) {
            CAPTURE(each.name);
            CAPTURE(to_string(seen[i]));
            const auto facts = resolved(each);
            const auto report = check_service(facts, [&] { return observed{seen[i], ""}; });
            const bool unknown_of_actives = facts.own == role::secondary && facts.others.state == actives::unknown;
            if (unknown_of_actives) CHECK(report.expects == expectation::unknown);
            if (unknown_of_actives || facts.own == role::unknown || seen[i] == observation::unknown) {
                CHECK(report.state == verdict::unknown);
            }
        }
    }
}

TEST_CASE("a report carries the facts, the probe's reason first") {
    resolution facts{.own = role::secondary,
                     .expects = expectation::stopped,
                     .from = basis::cached,
                     .clustered = clustering::yes,
                     .reason = "web3 is in standby_nodes"};
    int looks = 0;
    const auto look = [&] {
        ++looks;
        return observed{observation::running, "active (running)"};
    };
    const auto report = check_service(facts, look);
    CHECK(looks == 1);
    CHECK(report.subject.kind == "service");
    CHECK(report.subject.name == "apache2");
    CHECK(report.state == verdict::critical);
    CHECK(report.expects == expectation::stopped);
    CHECK(report.seen == observation::running);
    CHECK(report.own == role::secondary);
    CHECK(report.clustered == clustering::yes);
    CHECK(report.from == basis::cached);
    CHECK(report.why == "active (running); web3 is in standby_nodes");
    CHECK(check_service(facts, [] { return observed{}; }).why == "web3 is in standby_nodes");

    facts.cause = error{errc::bad_data, "a proxy asks for a password", "httpAuthFile"};
    CHECK(check_service(facts, look).remedy == "httpAuthFile");
    CHECK(check_service(facts, [] {
              return observed{observation::unknown, "which?", "serviceManager"};
          }).remedy == "serviceManager");
    looks = 1;

    facts.expects = expectation::unknown;
    CHECK(check_service(facts, look).seen == observation::running);
    CHECK(looks == 2);
    facts.own = role::unknown;
    const auto without = check_service(facts, look);
    CHECK_MESSAGE(looks == 2, "without a role the probe is not run");
    CHECK(without.seen == observation::unknown);
    CHECK(without.state == verdict::unknown);
    CHECK(without.why == "web3 is in standby_nodes");
}

TEST_CASE("a group of one is judged as the service itself, over all of the table") {
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        for (int i = 0; i < 4; ++i) {
            CAPTURE(to_string(seen[i]));
            const auto report = check({.kind = "servicegroup", .name = "a", .members = {"a"}}, facts, [&] {
                return std::vector<observed>{{seen[i], ""}};
            });
            CHECK(report.state == each.states[i]);
            CHECK(report.expects == each.expects);
        }
    }
}

TEST_CASE("a noop file makes every row passing, and nothing is looked at") {
    const noop_sighting noop{noop_state::present, "the noop file"};
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        int looks = 0;
        const auto alone = check(
            {.kind = "service", .name = "a"}, facts, [&] { return ++looks, observed{}; }, noop);
        const auto group = check(
            {.kind = "servicegroup", .name = "a", .members = {"a"}}, facts,
            [&] { return ++looks, std::vector<observed>{}; }, noop);
        CHECK(looks == 0);
        for (const auto* report : {&alone, &group}) {
            CHECK(report->state == verdict::passing);
            CHECK(report->held);
            CHECK(report->own == facts.own);
            CHECK(report->expects == facts.expects);
            CHECK(report->why.starts_with("the noop file; "));
        }
    }
}

TEST_CASE("with --serving a service is well only where it is expected to run, over all of the table") {
    using enum noop_state;
    for (auto each : rows) {
        auto facts = resolved(each);
        for (const bool maintained : {false, true}) {
            if (maintained) facts.expects = expectation::either;
            const bool elsewhere = facts.expects == expectation::stopped || facts.expects == expectation::either;
            for (const auto noop : {absent, ignored, present, noop_state::unknown}) {
                for (int i = 0; i < 4; ++i) {
                    CAPTURE(each.name);
                    CAPTURE(maintained);
                    CAPTURE(static_cast<int>(noop));
                    CAPTURE(to_string(seen[i]));
                    int looks = 0;
                    const auto alone = check(
                        {.kind = "service", .name = "a"}, facts,
                        [&] {
                            return ++looks, observed{seen[i], ""};
                        },
                        {noop, ""}, true);
                    const auto group = check(
                        {.kind = "servicegroup", .name = "a", .members = {"a"}}, facts,
                        [&] {
                            return ++looks, std::vector<observed>{{seen[i], ""}};
                        },
                        {noop, ""}, true);
                    if (elsewhere) CHECK(looks == 0);
                    const bool held = noop == present && facts.expects == expectation::running;
                    const bool in_doubt = noop == noop_state::unknown && each.states[i] != verdict::passing;
                    for (const auto* report : {&alone, &group}) {
                        CHECK(report->serving);
                        CHECK(report->held == held);
                        CHECK(report->state == (elsewhere  ? verdict::critical
                                                : held     ? verdict::passing
                                                : in_doubt ? verdict::unknown
                                                           : each.states[i]));
                    }
                }
            }
        }
    }
}

TEST_CASE("a noop file that cannot be looked at leaves only what passes without it") {
    const noop_sighting noop{noop_state::unknown, "cannot be looked at"};
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        for (int i = 0; i < 4; ++i) {
            CAPTURE(to_string(seen[i]));
            const auto report = check(
                {.kind = "service", .name = "a"}, facts,
                [&] {
                    return observed{seen[i], "b"};
                },
                noop);
            CHECK_FALSE(report.held);
            CHECK(report.state == (each.states[i] == verdict::passing ? verdict::passing : verdict::unknown));
            if (facts.own != role::unknown) CHECK(report.why.starts_with("b; cannot be looked at; "));
        }
    }
}

TEST_CASE("a noop file that does not count changes the reason only") {
    const noop_sighting noop{noop_state::ignored, "too old"};
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        for (int i = 0; i < 4; ++i) {
            const auto report = check(
                {.kind = "service", .name = "a"}, facts,
                [&] {
                    return observed{seen[i], "b"};
                },
                noop);
            CHECK(report.state == each.states[i]);
            CHECK(report.why.find("too old; ") != std::string::npos);
        }
    }
}

static_assert(group_probe<std::vector<observed> (*)()> && !group_probe<observed (*)()> &&
              !probe<std::vector<observed> (*)()>);

TEST_CASE("what would help the probe stands in the report") {
    const resolution facts{.own = role::primary, .expects = expectation::running, .clustered = clustering::yes};
    const auto look = [] { return observed{observation::unknown, "no manager", "serviceManager"}; };
    const auto report = check_service(facts, look);
    CHECK(report.remedy == "serviceManager");
    CHECK(report.why == "no manager");
    const auto all = check({.members = {"a", "b"}}, facts, [&] { return std::vector{observed{}, look()}; });
    CHECK(all.remedy == "serviceManager");
    CHECK(check_service(facts, [] { return observed{observation::running, ""}; }).remedy.empty());
}

// --- groups ---

namespace {

const std::vector<std::string> names{"a", "b", "c"};

/// One letter for each service: r running, d degraded, s stopped, u unknown.
auto judged(expectation expects, std::string_view letters) -> group_judgement {
    std::vector<observed> observed_all;
    for (const char c : letters) {
        using enum observation;
        observed_all.push_back({c == 'r'   ? running
                                : c == 'd' ? degraded
                                : c == 's' ? stopped
                                           : unknown,
                                std::string{c} + "!"});
    }
    return judge_group(expects, names, observed_all);
}

}  // namespace

TEST_CASE("expected running all must run, expected stopped none may, and each wrong one is named") {
    using enum verdict;
    constexpr auto all_run = observation::running;
    constexpr auto in_part = observation::degraded;
    constexpr auto none_runs = observation::stopped;
    constexpr auto unsure = observation::unknown;
    constexpr auto run = expectation::running;
    constexpr auto stop = expectation::stopped;
    struct row {
        std::string_view seen;
        expectation expects;
        verdict state;
        observation together;
        std::string_view reason;
    };
    const row group_rows[] = {
        {"rrr", run, passing, all_run, "all of them run (r!)"},
        {"rsr", run, critical, in_part, "b is stopped (s!)"},
        {"sss", run, critical, none_runs, "a, b and c are stopped (s!)"},
        {"srs", run, critical, in_part, "a and c are stopped (s!)"},
        {"rdr", run, warning, in_part, "b is degraded (d!)"},
        {"sdr", run, critical, in_part, "a is stopped (s!); b is degraded (d!)"},
        {"uuu", run, unknown, unsure, "a, b and c are unknown (u!)"},
        {"rur", run, unknown, unsure, "b is unknown (u!)"},
        {"dur", run, unknown, unsure, "a is degraded (d!); b is unknown (u!)"},
        {"sur", run, critical, in_part, "a is stopped (s!); b is unknown (u!)"},
        {"sss", stop, passing, none_runs, "none of them runs (s!)"},
        {"ssr", stop, critical, in_part, "c is running (r!)"},
        {"dss", stop, critical, in_part, "a is degraded (d!)"},
        {"rrr", stop, critical, all_run, "a, b and c are running (r!)"},
        {"sus", stop, unknown, unsure, "b is unknown (u!)"},
        {"sur", stop, critical, in_part, "b is unknown (u!); c is running (r!)"},
        {"rrr", expectation::unknown, unknown, all_run, "a, b and c are running (r!)"},
        {"rs", run, critical, in_part, "b is stopped (s!); c is unknown (it was not looked at)"},
        {"", stop, unknown, unsure, "a, b and c are unknown (it was not looked at)"},
    };
    for (const auto& each : group_rows) {
        CAPTURE(each.seen);
        CAPTURE(to_string(each.expects));
        const auto found = judged(each.expects, each.seen);
        CHECK(found.state == each.state);
        CHECK(found.seen == each.together);
        CHECK(found.reason == each.reason);
    }
}

TEST_CASE("a group is never better than the worst of its members, over all of them") {
    const std::string_view letters = "rdsu";
    for (const auto expects : {expectation::running, expectation::stopped, expectation::unknown}) {
        for (const char a : letters) {
            for (const char b : letters) {
                for (const char c : letters) {
                    const std::string all{a, b, c};
                    CAPTURE(all);
                    verdict worst = verdict::passing;
                    for (const char each : all) {
                        const auto alone = judged(expects, std::string(3, each)).state;
                        CHECK(alone == judge(expects, judged(expects, std::string(3, each)).seen));
                        worst = worse(worst, alone);
                    }
                    CHECK(judged(expects, all).state == worst);
                }
            }
        }
    }
}

TEST_CASE("services that are well for different reasons share none") {
    const std::vector<observed> observed_all{
        {observation::running, "a!"}, {observation::running, "b!"}, {observation::running, "a!"}};
    CHECK(judge_group(expectation::running, names, observed_all).reason == "all of them run");
    const std::vector<observed> silent(3, observed{observation::stopped, ""});
    CHECK(judge_group(expectation::stopped, names, silent).reason == "none of them runs");
}

TEST_CASE("no services are nothing to judge") {
    CHECK(judge_group(expectation::stopped, {}, {}).state == verdict::unknown);
    CHECK(judge_group(expectation::stopped, {}, {}).seen == observation::unknown);
    CHECK(judge_group(expectation::stopped, {"a"}, {}).state == verdict::unknown);
    CHECK(judge_group(expectation::stopped, {"a"}, {}).seen == observation::unknown);
    CHECK(group_judgement{}.state == verdict::unknown);
    CHECK(group_judgement{}.seen == observation::unknown);
}

TEST_CASE("where there is no room for the reasons all names are there") {
    std::vector<std::string> many;
    std::vector<observed> observed_all;
    for (int i = 0; i < 64; ++i) {
        many.push_back("service" + std::to_string(i));
        observed_all.push_back({observation::stopped, "a reason of its own, number " + std::to_string(i)});
    }
    const auto found = judge_group(expectation::running, many, observed_all);
    CHECK(found.state == verdict::critical);
    CHECK(found.reason.starts_with("service0 is stopped; service1 is stopped; "));
    CHECK(found.reason.ends_with("service63 is stopped"));
}

TEST_CASE("1500 bytes of reasons are taken, one more is too much") {
    const auto reason_of = [](std::size_t length) {
        return judge_group(expectation::running, {"a"}, {{observation::stopped, std::string(length, 'r')}}).reason;
    };
    const std::string most = "a is stopped (" + std::string(1485, 'r') + ')';
    REQUIRE(most.size() == 1500);
    CHECK(reason_of(1485) == most);
    CHECK(reason_of(1486) == "a is stopped");
}
