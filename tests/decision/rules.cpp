#include <powerconsul/decision/rules.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace powerconsul;

namespace {

struct expect_row {
    role own;
    actives others;
    bool lasted;
    bool took_over;
    bool looked_before;
    expectation wanted;
    std::string_view rule;
};
constexpr auto unknown_rule = "a secondary that does not know its actives neither starts nor stops";
constexpr auto over_rule = "a secondary takes over when no active serves";
constexpr auto wait_rule = "a secondary waits while an active serves";
constexpr auto pause_rule = "a secondary waits for a while before it takes over";
constexpr auto begun_rule = "a secondary that has just begun to look leaves alone what runs";
constexpr auto goes_on_rule = "a secondary that has taken over goes on until an active serves for a while";
constexpr bool no = false;
constexpr bool yes = true;
// Of a secondary, every combination.
constexpr expect_row expectations[] = {
    {role::secondary, actives::unknown, no, no, no, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, no, no, yes, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, no, yes, no, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, no, yes, yes, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, yes, no, no, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, yes, no, yes, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, yes, yes, no, expectation::unknown, unknown_rule},
    {role::secondary, actives::unknown, yes, yes, yes, expectation::unknown, unknown_rule},
    {role::secondary, actives::none_serving, no, no, no, expectation::either, begun_rule},
    {role::secondary, actives::none_serving, no, no, yes, expectation::stopped, pause_rule},
    {role::secondary, actives::none_serving, no, yes, no, expectation::running, over_rule},
    {role::secondary, actives::none_serving, no, yes, yes, expectation::running, over_rule},
    {role::secondary, actives::none_serving, yes, no, no, expectation::running, over_rule},
    {role::secondary, actives::none_serving, yes, no, yes, expectation::running, over_rule},
    {role::secondary, actives::none_serving, yes, yes, no, expectation::running, over_rule},
    {role::secondary, actives::none_serving, yes, yes, yes, expectation::running, over_rule},
    {role::secondary, actives::serving, no, no, no, expectation::stopped, wait_rule},
    {role::secondary, actives::serving, no, no, yes, expectation::stopped, wait_rule},
    {role::secondary, actives::serving, no, yes, no, expectation::running, goes_on_rule},
    {role::secondary, actives::serving, no, yes, yes, expectation::running, goes_on_rule},
    {role::secondary, actives::serving, yes, no, no, expectation::stopped, wait_rule},
    {role::secondary, actives::serving, yes, no, yes, expectation::stopped, wait_rule},
    {role::secondary, actives::serving, yes, yes, no, expectation::stopped, wait_rule},
    {role::secondary, actives::serving, yes, yes, yes, expectation::stopped, wait_rule},
};

constexpr auto facts_of(const expect_row& row) -> standby_facts {
    return {row.others, row.lasted, row.took_over, row.looked_before};
}

struct judge_row {
    expectation wanted;
    observation seen;
    verdict state;
    verdict serving;
};
constexpr judge_row judgements[] = {
    {expectation::unknown, observation::unknown, verdict::unknown, verdict::unknown},
    {expectation::unknown, observation::stopped, verdict::unknown, verdict::unknown},
    {expectation::unknown, observation::degraded, verdict::unknown, verdict::unknown},
    {expectation::unknown, observation::running, verdict::unknown, verdict::unknown},
    {expectation::stopped, observation::unknown, verdict::unknown, verdict::critical},
    {expectation::stopped, observation::stopped, verdict::passing, verdict::critical},
    {expectation::stopped, observation::degraded, verdict::critical, verdict::critical},
    {expectation::stopped, observation::running, verdict::critical, verdict::critical},
    {expectation::running, observation::unknown, verdict::unknown, verdict::unknown},
    {expectation::running, observation::stopped, verdict::critical, verdict::critical},
    {expectation::running, observation::degraded, verdict::warning, verdict::warning},
    {expectation::running, observation::running, verdict::passing, verdict::passing},
    {expectation::either, observation::unknown, verdict::unknown, verdict::critical},
    {expectation::either, observation::stopped, verdict::passing, verdict::critical},
    {expectation::either, observation::degraded, verdict::passing, verdict::critical},
    {expectation::either, observation::running, verdict::passing, verdict::critical},
};

/// The rows stand in the order of the enumerations, so that none is missing and none comes twice.
constexpr auto tables_are_complete() -> bool {
    unsigned at = 0;
    for (const auto& row : expectations) {
        const unsigned bits = (row.lasted ? 4U : 0U) + (row.took_over ? 2U : 0U) + (row.looked_before ? 1U : 0U);
        if (static_cast<unsigned>(row.others) * 8 + bits != at++) return false;
    }
    if (at != 3 * 8) return false;
    at = 0;
    for (const auto& row : judgements) {
        if (static_cast<unsigned>(row.wanted) * 4 + static_cast<unsigned>(row.seen) != at++) return false;
    }
    return at == 4 * 4;
}
static_assert(tables_are_complete());

constexpr auto tables_hold() -> bool {
    for (const auto& row : expectations) {
        if (rule(row.own, facts_of(row)).expects != row.wanted) return false;
        // The others do not look at the actives.
        if (rule(role::unknown, facts_of(row)).expects != expectation::unknown) return false;
        if (rule(role::standalone, facts_of(row)).expects != expectation::running) return false;
        if (rule(role::primary, facts_of(row)).expects != expectation::running) return false;
    }
    for (const auto& row : judgements) {
        if (judge(row.wanted, row.seen) != row.state) return false;
        if (judge_serving(row.wanted, row.seen) != row.serving) return false;
    }
    return true;
}
static_assert(tables_hold());

constexpr verdict from_best[] = {verdict::passing, verdict::warning, verdict::unknown, verdict::critical};

constexpr auto worse_holds() -> bool {
    for (int a = 0; a < 4; ++a) {
        for (int b = 0; b < 4; ++b) {
            if (worse(from_best[a], from_best[b]) != from_best[a < b ? b : a]) return false;
        }
    }
    return true;
}
static_assert(worse_holds());

}  // namespace

TEST_CASE("each state of the actives and each history lead to their expectation") {
    for (const auto& row : expectations) {
        CAPTURE(to_string(row.others));
        CAPTURE(row.lasted);
        CAPTURE(row.took_over);
        CAPTURE(row.looked_before);
        const auto decided = rule(row.own, facts_of(row));
        CHECK(decided.expects == row.wanted);
        CHECK(decided.rule == row.rule);
        for (const role own : {role::standalone, role::primary}) {
            CHECK(rule(own, facts_of(row)).expects == expectation::running);
        }
        CHECK(rule(role::unknown, facts_of(row)).expects == expectation::unknown);
    }
    CHECK(rule(role::standalone, {}).rule == "a standalone always runs");
    CHECK(rule(role::primary, {}).rule == "a primary always runs");
    CHECK(rule(role::unknown, {actives::serving}).rule == "without a known role nothing is expected");
    CHECK(rule_in_maintenance().expects == expectation::either);
    CHECK(rule_in_maintenance().rule == "nothing is expected in maintenance");
}

TEST_CASE("each expectation and each observation lead to their verdict") {
    for (const auto& row : judgements) {
        CAPTURE(to_string(row.wanted));
        CAPTURE(to_string(row.seen));
        CHECK(judge(row.wanted, row.seen) == row.state);
        CHECK(judge_serving(row.wanted, row.seen) == row.serving);
    }
}

TEST_CASE("of two verdicts critical is the worst, then unknown, then warning") {
    bool (*volatile const holds)() = worse_holds;  // called by name it would be folded, and run nothing
    CHECK(holds());
}

TEST_CASE("what nobody has a rule for decides nothing") {
    constexpr auto no_role = static_cast<role>(99);
    constexpr auto no_observation = static_cast<observation>(99);
    CHECK(rule(no_role, {actives::serving}).expects == expectation::unknown);
    CHECK(rule(role::secondary, {static_cast<actives>(99)}).expects == expectation::unknown);
    CHECK(judge(expectation::either, no_observation) == verdict::unknown);
    CHECK(judge(static_cast<expectation>(99), observation::running) == verdict::unknown);
    CHECK(judge(expectation::running, no_observation) == verdict::unknown);
    CHECK(judge(expectation::stopped, no_observation) == verdict::unknown);
    CHECK(worse(verdict::critical, static_cast<verdict>(99)) == verdict::critical);
    CHECK(worse(verdict::unknown, static_cast<verdict>(99)) != verdict::unknown);
}

TEST_CASE("what nobody decided is unknown") {
    CHECK(ruling{}.expects == expectation::unknown);
}
