#include <powerconsul/decision/rules.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace powerconsul;

namespace {

struct expect_row {
    role own;
    actives others;
    expectation wanted;
};
constexpr expect_row expectations[] = {
    {role::unknown, actives::unknown, expectation::unknown},
    {role::unknown, actives::none_serving, expectation::unknown},
    {role::unknown, actives::serving, expectation::unknown},
    {role::standalone, actives::unknown, expectation::running},
    {role::standalone, actives::none_serving, expectation::running},
    {role::standalone, actives::serving, expectation::running},
    {role::primary, actives::unknown, expectation::running},
    {role::primary, actives::none_serving, expectation::running},
    {role::primary, actives::serving, expectation::running},
    {role::secondary, actives::unknown, expectation::unknown},
    {role::secondary, actives::none_serving, expectation::running},
    {role::secondary, actives::serving, expectation::stopped},
};

struct judge_row {
    expectation wanted;
    observation seen;
    verdict state;
};
constexpr judge_row judgements[] = {
    {expectation::unknown, observation::unknown, verdict::unknown},
    {expectation::unknown, observation::stopped, verdict::unknown},
    {expectation::unknown, observation::degraded, verdict::unknown},
    {expectation::unknown, observation::running, verdict::unknown},
    {expectation::stopped, observation::unknown, verdict::unknown},
    {expectation::stopped, observation::stopped, verdict::passing},
    {expectation::stopped, observation::degraded, verdict::critical},
    {expectation::stopped, observation::running, verdict::critical},
    {expectation::running, observation::unknown, verdict::unknown},
    {expectation::running, observation::stopped, verdict::critical},
    {expectation::running, observation::degraded, verdict::warning},
    {expectation::running, observation::running, verdict::passing},
};

/// The rows stand in the order of the enumerations, so that none is missing and none comes twice.
constexpr auto tables_are_complete() -> bool {
    unsigned at = 0;
    for (const auto& row : expectations) {
        if (static_cast<unsigned>(row.own) * 3 + static_cast<unsigned>(row.others) != at++) return false;
    }
    if (at != 4 * 3) return false;
    at = 0;
    for (const auto& row : judgements) {
        if (static_cast<unsigned>(row.wanted) * 4 + static_cast<unsigned>(row.seen) != at++) return false;
    }
    return at == 3 * 4;
}
static_assert(tables_are_complete());

constexpr auto tables_hold() -> bool {
    for (const auto& row : expectations) {
        if (expect(row.own, row.others) != row.wanted) return false;
    }
    for (const auto& row : judgements) {
        if (judge(row.wanted, row.seen) != row.state) return false;
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

TEST_CASE("each role and each state of the actives lead to their expectation") {
    for (const auto& row : expectations) {
        CAPTURE(to_string(row.own));
        CAPTURE(to_string(row.others));
        CHECK(expect(row.own, row.others) == row.wanted);
    }
}

TEST_CASE("each expectation says by which rule it is") {
    CHECK(rule(role::standalone, actives::unknown).rule == "a standalone always runs");
    CHECK(rule(role::primary, actives::unknown).rule == "a primary always runs");
    CHECK(rule(role::secondary, actives::serving).rule == "a secondary waits while an active serves");
    CHECK(rule(role::secondary, actives::none_serving).rule == "a secondary takes over when no active serves");
    CHECK(rule(role::secondary, actives::unknown).rule ==
          "a secondary that does not know its actives neither starts nor stops");
    CHECK(rule(role::unknown, actives::serving).rule == "without a known role nothing is expected");
}

TEST_CASE("each expectation and each observation lead to their verdict") {
    for (const auto& row : judgements) {
        CAPTURE(to_string(row.wanted));
        CAPTURE(to_string(row.seen));
        CHECK(judge(row.wanted, row.seen) == row.state);
    }
}

TEST_CASE("of two verdicts critical is the worst, then unknown, then warning") {
    bool (*volatile const holds)() = worse_holds;  // called by name it would be folded, and run nothing
    CHECK(holds());
}

TEST_CASE("what nobody has a rule for decides nothing") {
    constexpr auto no_role = static_cast<role>(99);
    constexpr auto no_observation = static_cast<observation>(99);
    CHECK(expect(no_role, actives::serving) == expectation::unknown);
    CHECK(expect(role::secondary, static_cast<actives>(99)) == expectation::unknown);
    CHECK(judge(expectation::running, no_observation) == verdict::unknown);
    CHECK(judge(expectation::stopped, no_observation) == verdict::unknown);
    CHECK(worse(verdict::critical, static_cast<verdict>(99)) == verdict::critical);
    CHECK(worse(verdict::unknown, static_cast<verdict>(99)) != verdict::unknown);
}

TEST_CASE("what nobody decided is unknown") {
    CHECK(ruling{}.expects == expectation::unknown);
}
