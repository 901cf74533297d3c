#include <powerconsul/checks/group.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

const std::vector<std::string> names{"a", "b", "c"};

/// One letter for each service: r running, d degraded, s stopped, u unknown.
auto judged(expectation expects, std::string_view letters) -> group_judgement {
    std::vector<observed> seen;
    for (const char c : letters) {
        using enum observation;
        seen.push_back({c == 'r' ? running : c == 'd' ? degraded : c == 's' ? stopped : unknown, std::string{c} + "!"});
    }
    return judge_group(expects, names, seen);
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
    const row rows[] = {
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
    for (const auto& each : rows) {
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
    const std::vector<observed> seen{
        {observation::running, "a!"}, {observation::running, "b!"}, {observation::running, "a!"}};
    CHECK(judge_group(expectation::running, names, seen).reason == "all of them run");
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
    std::vector<observed> seen;
    for (int i = 0; i < 64; ++i) {
        many.push_back("service" + std::to_string(i));
        seen.push_back({observation::stopped, "a reason of its own, number " + std::to_string(i)});
    }
    const auto found = judge_group(expectation::running, many, seen);
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
