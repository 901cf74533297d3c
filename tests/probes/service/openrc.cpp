#include <powerconsul/probes/service/openrc.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("every answer of rc-service is read") {
    struct case_row {
        std::string_view name;
        outcome end;
        observation state;
        const char* reason;
    };
    using enum observation;
    const case_row rows[] = {
        {"started", {.status = 0, .out = " * status: started\n"}, running, "rc-service says started"},
        {"started, coloured",
         {.status = 0, .out = " \x1B[32m*\x1B[0m status: \x1B[32mstarted\x1B[0m\n"},
         running,
         "rc-service says started"},
        {"stopped", {.status = 3, .out = " * status: stopped\n"}, stopped, "rc-service says stopped"},
        {"stopping", {.status = 4, .err = " * status: stopping\n"}, running, "rc-service says stopping"},
        {"starting", {.status = 8, .err = " * status: starting\n"}, running, "rc-service says starting"},
        {"inactive", {.status = 16, .err = " * status: inactive\n"}, stopped, "rc-service says inactive"},
        {"crashed", {.status = 32, .err = " * status: crashed\n"}, stopped, "rc-service says crashed"},
        {"without its supervisor",
         {.status = 64, .err = " * status: unsupervised\n"},
         degraded,
         "rc-service says unsupervised"},
        {"warnings before it",
         {.status = 0, .out = " * status: started\n", .err = " * Caching service dependencies\n"},
         running,
         "rc-service says started"},
        {"code against word",
         {.status = 0, .out = " * status: crashed\n"},
         unknown,
         "rc-service exits 0: * status: crashed"},
        {"unknown state",
         {.status = 0, .out = " * status: hibernating\n"},
         unknown,
         "rc-service exits 0: * status: hibernating"},
        {"no such service",
         {.status = 1, .err = " * rc-service: service `web' does not exist\n"},
         unknown,
         "rc-service exits 1: OpenRC knows no such service"},
        {"silent, starting", {.status = 8}, running, "rc-service exits 8 (starting)"},
        {"silent, crashed", {.status = 32}, stopped, "rc-service exits 32 (crashed)"},
        {"silent, 4 is the LSB's too",
         {.status = 4},
         unknown,
         "init script exits 4 (it cannot tell); check process --name <program> looks at the processes themselves"},
        {"init script, up", {.status = 0, .out = "cron is running.\n"}, running, "init script exits 0"},
        {"init script, down",
         {.status = 3, .out = "cron is not running ... failed!\n"},
         stopped,
         "init script exits 3 (not running)"},
        {"init script, silent",
         {.status = 0},
         unknown,
         "init script exits 0 without a word, as it does when its program is not installed or its unit is masked"},
        {"another failure",
         {.status = 1, .err = " * rc-service: you must be root\n"},
         unknown,
         "init script exits 1: * rc-service: you must be root"},
        {"signal", {.how = ending::signalled, .status = 6}, unknown, "rc-service was ended by signal 6"},
        {"time-out",
         {.how = ending::timed_out, .out = " * status: started\n"},
         unknown,
         "rc-service did not answer in time"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(interpret_rc_service(row.end) == observed{row.state, row.reason});
    }
}
