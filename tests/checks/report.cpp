#include <powerconsul/checks/report.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

struct status_row {
    verdict state;
    int by_default;
    int for_unknown_2;
    int for_unknown_3;
};
constexpr status_row statuses[] = {
    {verdict::unknown, 1, 2, 3},
    {verdict::passing, 0, 0, 0},
    {verdict::warning, 1, 1, 1},
    {verdict::critical, 2, 2, 2},
};

constexpr auto statuses_hold() -> bool {
    for (const auto& row : statuses) {
        if (exit_status(row.state) != row.by_default || exit_status(row.state, 2) != row.for_unknown_2 ||
            exit_status(row.state, 3) != row.for_unknown_3) {
            return false;
        }
    }
    return to_string(basis::none) == "none" && to_string(basis::cached) == "cached" &&
           to_string(basis::fresh) == "fresh" && basis{} == basis::none && clustering{} == clustering::unknown;
}
static_assert(statuses_hold());

}  // namespace

TEST_CASE("each verdict has its exit status") {
    bool (*volatile const hold)() = statuses_hold;  // called by name it would be folded, and run nothing
    CHECK(hold());
    CHECK(exit_status(static_cast<verdict>(99)) == 1);
    CHECK(to_string(static_cast<basis>(99)) == "none");
    for (const auto& row : statuses) {
        CAPTURE(to_string(row.state));
        CHECK(exit_status(row.state) == row.by_default);
        CHECK(exit_status(row.state, 2) == row.for_unknown_2);
        CHECK(exit_status(row.state, 3) == row.for_unknown_3);
    }
}

TEST_CASE("a report reads as a sentence") {
    struct row {
        std::string_view name;
        check_report report;
        std::string_view sentence;
        std::string_view nagios;
    };
    const auto report = [](std::string subject, verdict state, expectation expects, observation seen, role own,
                           std::string why = {}) {
        return check_report{.subject = {.kind = "service", .name = std::move(subject)},
                            .state = state,
                            .expects = expects,
                            .seen = seen,
                            .own = own,
                            .why = std::move(why)};
    };
    const row rows[] = {
        {"nothing is known", {}, "the check cannot be judged", "UNKNOWN - the check cannot be judged"},
        {"no role",
         report("apache2", verdict::unknown, expectation::unknown, observation::unknown, role::unknown, "why"),
         "apache2 cannot be judged", "UNKNOWN - apache2 cannot be judged (why)"},
        {"no expectation",
         report("apache2", verdict::unknown, expectation::unknown, observation::running, role::secondary),
         "apache2 is running, what secondary expects is unknown",
         "UNKNOWN - apache2 is running, what secondary expects is unknown"},
        {"passing", report("apache2", verdict::passing, expectation::stopped, observation::stopped, role::secondary),
         "apache2 is stopped, secondary expects stopped", "OK - apache2 is stopped, secondary expects stopped"},
        {"warning", report("apache2", verdict::warning, expectation::running, observation::degraded, role::standalone),
         "apache2 is degraded, standalone expects running",
         "WARNING - apache2 is degraded, standalone expects running"},
        {"critical, with the facts on one line",
         report("apache2", verdict::critical, expectation::running, observation::stopped, role::primary,
                "dead\nand gone"),
         "apache2 is stopped, primary expects running",
         "CRITICAL - apache2 is stopped, primary expects running (dead and gone)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(sentence(each.report) == each.sentence);
        CHECK(nagios_line(each.report) == each.nagios);
        const auto& why = each.report.why;
        CHECK(reason(each.report) == std::string{each.sentence} + (why.empty() ? "" : ": " + why));
    }
    CHECK(nagios_line({.subject = {.name = "a"}, .why = std::string(100'000, 'x')}).size() == 3000);
}

TEST_CASE("what a noop file holds says so instead of naming an observation") {
    check_report report{.subject = {.kind = "service", .name = "apache2"},
                        .state = verdict::passing,
                        .expects = expectation::stopped,
                        .own = role::secondary,
                        .held = true,
                        .why = "the noop file"};
    CHECK(nagios_line(report) == "OK - apache2 is held as passing, secondary expects stopped (the noop file)");
    report.expects = expectation::unknown;
    CHECK(sentence(report) == "apache2 is held as passing, what secondary expects is unknown");
    report.own = role::unknown;
    CHECK(reason(report) == "apache2 is held as passing: the noop file");
}

TEST_CASE("a check with --serving says that it is about serving") {
    check_report report{.subject = {.kind = "service", .name = "apache2"},
                        .state = verdict::critical,
                        .expects = expectation::stopped,
                        .own = role::secondary,
                        .serving = true};
    CHECK(sentence(report) == "apache2 does not serve here, secondary expects stopped");
    report.expects = expectation::either;
    CHECK(sentence(report) == "apache2 does not serve here, secondary expects nothing");
    report.expects = expectation::running;
    report.seen = observation::stopped;
    CHECK(sentence(report) == "apache2 is stopped, secondary expects it to serve here");
    report.held = true;
    CHECK(sentence(report) == "apache2 is held as passing, secondary expects it to serve here");
    report.expects = expectation::unknown;
    report.held = false;
    CHECK(sentence(report) == "apache2 is stopped, what secondary expects is unknown");
    report.own = role::unknown;
    CHECK(sentence(report) == "apache2 cannot be judged");
}

TEST_CASE("a sentence uses the title where the name alone would not do") {
    const check_report report{.subject = {.kind = "crontab", .name = "bob", .title = "the crontab of bob"},
                              .own = role::primary};
    CHECK(sentence(report) == "the crontab of bob is unknown, what primary expects is unknown");
}

TEST_CASE("a report of nothing claims nothing") {
    const check_report nothing;
    CHECK(nothing.state == verdict::unknown);
    CHECK(nothing.expects == expectation::unknown);
    CHECK(nothing.seen == observation::unknown);
    CHECK(nothing.own == role::unknown);
    CHECK(nothing.clustered == clustering::unknown);
    CHECK(nothing.from == basis::none);
    CHECK_FALSE(nothing.held);
}
