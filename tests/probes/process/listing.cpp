#include <powerconsul/probes/process/listing.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

constexpr std::string_view asked = "CMD: /bin/ps axwwo 'stat uid pid ppid vsz rss pcpu etime comm args'\n";
constexpr std::string_view sleeper =
    "Matched: uid=0 vsz=2920 rss=1804 pid=27577 ppid=1 pcpu=0.00 stat=S etime=00:09 prog=sleep args=sleep  987\n";

}  // namespace

TEST_CASE("a line about a counted process is read, whatever the process calls itself") {
    const auto read = parse_listed(sleeper.substr(0, sleeper.size() - 1));
    REQUIRE(read);
    CHECK(read->pid == 27577);
    CHECK(read->command == "sleep  987");
    CHECK(read->ps_line == "S 0 27577 1 2920 1804 0.00 00:09 sleep sleep  987");
    const std::string start = "Matched: uid=33 vsz=1 rss=2 pid=7 ppid=1 pcpu=1.50 stat=Ssl etime=1-02:03:04 prog=";
    const auto lies = parse_listed(start + "args args=x pid=8 args=y");
    REQUIRE(lies);
    CHECK(lies->pid == 7);
    CHECK(lies->command == "x pid=8 args=y");
    const auto ended = parse_listed(start + " args=[x] <defunct>");
    REQUIRE(ended);
    CHECK(ended->ps_line == "Ssl 33 7 1 1 2 1.50 1-02:03:04  [x] <defunct>");
    CHECK(parse_listed(start + "x args=")->command.empty());
    for (const std::string_view wrong :
         {"", "Matched:", "Matched: uid=33 args=x",
          "uid=33 vsz=1 rss=2 pid=7 ppid=1 pcpu=1 stat=S etime=1 prog=x args=x",
          "Matched: uid=33 vsz=1 rss=2 pid=-7 ppid=1 pcpu=1 stat=S etime=1 prog=x args=x",
          "Matched: uid=33 vsz=1 rss=2 ppid=1 pcpu=1 stat=S etime=1 prog=x args=x",
          "Matched: uid=33 vsz=1 rss=2 pid=7 ppid=1 pcpu=1 stat=S etime=1 prog=x"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_listed(wrong));
    }
}

TEST_CASE("a listing is told from other output, and holds the answer") {
    struct row {
        std::string_view name;
        std::string out;
        bool listing;
        std::size_t processes;
        std::string_view answer;
    };
    const std::string cmd{asked};
    const std::string one{sleeper};
    const row rows[] = {
        {"nothing counted", cmd + "PROCS CRITICAL: 0 processes | procs=0;;1:;0;\n", true, 0,
         "PROCS CRITICAL: 0 processes | procs=0;;1:;0;"},
        {"one", cmd + one + "PROCS OK: 1 process | procs=1;;1:;0;\n", true, 1, "PROCS OK: 1 process | procs=1;;1:;0;"},
        {"two", cmd + one + one + "PROCS OK: 2 processes\n", true, 2, "PROCS OK: 2 processes"},
        {"kernel threads left out",
         cmd + "Ignore kernel thread: pid=3 ppid=2 prog=rcu_gp args=[rcu_gp]\n" + one + "PROCS OK: 1 process\n", true,
         1, "PROCS OK: 1 process"},
        {"another metric",
         cmd + one + "VSZ CRITICAL: 1 crit, 0 warn out of 2 processes with args 'a [b]' [sleep, x] | procs=2;;;0;\n",
         true, 1, "VSZ CRITICAL: 1 crit, 0 warn out of 2 processes with args 'a [b]' | procs=2;;;0;"},
        {"an answer of two lines", cmd + one + "PROCS OK: 1 process\n\nmore\n", true, 1, "PROCS OK: 1 process\nmore"},
        {"no answer", cmd + one, true, 1, ""},
        {"no answer at all", cmd, true, 0, ""},
        {"a time-out", cmd + "CRITICAL - Plugin timed out after 1 seconds\n", true, 0,
         "CRITICAL - Plugin timed out after 1 seconds"},
        {"a process that it cannot be read of", cmd + "Matched: pid=7\nPROCS OK: 1 process\n", false, 0, ""},
        {"without the words of check_procs", "PROCS OK: 1 process | procs=1\n", false, 0, ""},
        {"nothing", "", false, 0, ""},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = parse_listing(each.out);
        REQUIRE(read.has_value() == each.listing);
        if (!read) continue;
        CHECK(read->processes.size() == each.processes);
        CHECK(read->answer == each.answer);
    }
}

TEST_CASE("what ps would have printed has a header and at least one process") {
    const auto read = parse_listed(sleeper.substr(0, sleeper.size() - 1));
    REQUIRE(read);
    const std::string header = "STAT UID PID PPID VSZ RSS %CPU ELAPSED COMMAND COMMAND\n";
    CHECK(as_ps_prints({&*read, &*read}) == header + read->ps_line + '\n' + read->ps_line + '\n');
    CHECK(as_ps_prints({}) == header + "? -1 1 -1 -1 -1 -1 00:00 - \n");
}
