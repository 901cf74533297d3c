#include <powerconsul/checks/check.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../truth_table.hpp"

using namespace powerconsul;
using truth::resolved;
using truth::rows;
using truth::seen;

TEST_CASE("from document, actives and observation to verdict and exit status, over all of them") {
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto facts = resolved(each);
        CHECK(facts.expects == each.expects);
        for (int i = 0; i < 4; ++i) {
            CAPTURE(to_string(seen[i]));
            const auto report = check("service", "apache2", facts, [&] { return observed{seen[i], ""}; });
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
            const auto report = check("service", "apache2", facts, [&] { return observed{seen[i], ""}; });
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
    const auto report = check("service", "apache2", facts, look);
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
    CHECK(check("service", "a", facts, [] { return observed{}; }).why == "web3 is in standby_nodes");

    facts.expects = expectation::unknown;
    CHECK(check("service", "apache2", facts, look).seen == observation::running);
    CHECK(looks == 2);
    facts.own = role::unknown;
    const auto without = check("service", "apache2", facts, look);
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
            const auto report = check_group({.kind = "servicegroup", .name = "a", .members = {"a"}}, facts, [&] {
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
        const auto group = check_group(
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
    const auto report = check("service", "apache2", facts, look);
    CHECK(report.remedy == "serviceManager");
    CHECK(report.why == "no manager");
    const auto all = check_group({.members = {"a", "b"}}, facts, [&] { return std::vector{observed{}, look()}; });
    CHECK(all.remedy == "serviceManager");
    CHECK(check("service", "apache2", facts, [] { return observed{observation::running, ""}; }).remedy.empty());
}
