#include <powerconsul/probes/process/process.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/adapters/posix/files.hpp>

#include "../made_up_proc.hpp"

using namespace powerconsul;
using namespace std::string_view_literals;

static_assert(probe<process_probe<testing::memory_files&>> && probe<process_probe<posix_files>>);

TEST_CASE("a range of a count is min:max, min: or :max") {
    struct row {
        std::string_view text;
        count_range range;
    };
    const row taken[] = {
        {"1:", {1, {}}}, {"3:", {3, {}}}, {"2:4", {2, 4}},
        {"3:3", {3, 3}}, {":5", {1, 5}},  {"4194304:4194304", {4194304, 4194304}},
    };
    for (const auto& each : taken) {
        CAPTURE(each.text);
        const auto range = parse_count(each.text);
        REQUIRE(range);
        CHECK(*range == each.range);
    }
    CHECK(count_range{} == *parse_count("1:"));

    struct refusal {
        std::string_view text;
        std::string_view why;
    };
    constexpr std::string_view form = "write min:max, min: or :max with whole numbers from 1 up to 4194304";
    const std::string zero = "it starts with 0, and no process at all is what \"stopped\" means, " + std::string{form};
    const std::string reversed = "it ends before it starts, " + std::string{form};
    const refusal refused[] = {
        {"3",
         "write 3:3 for exactly 3 or 3: for that many and more (to check_procs a bare number is the largest, here :3)"},
        {"0", form},
        {"", form},
        {":", form},
        {"::", form},
        {"1:2:3", form},
        {"a:b", form},
        {"1:b", form},
        {"-1:", form},
        {"+1:", form},
        {"1:-2", form},
        {" 1:", form},
        {"1: ", form},
        {"1 :2", form},
        {"1.5:", form},
        {"~:3", form},
        {"@1:3", form},
        {"4194305:", form},
        {"1:4194305", form},
        {"99999999999999999999999:", form},
        {"0:", zero},
        {"0:5", zero},
        {"00:5", zero},
        {"4:2", reversed},
        {":0", reversed},
        {"1:0", reversed},
    };
    for (const auto& each : refused) {
        CAPTURE(each.text);
        const auto range = parse_count(each.text);
        REQUIRE_FALSE(range);
        CHECK(range.error() == error{errc::usage, quoted(each.text) + " is no range for a count of processes: " +
                                                      std::string{each.why}});
    }
}

TEST_CASE("a filter that matches all or nothing is refused") {
    CHECK(validate(process_filter{.name = "nginx"}));
    CHECK(validate(process_filter{.cmdline = "a|b"}));
    CHECK(validate(process_filter{.user = 0}));
    CHECK(validate(process_filter{.name = "kworker/0:1"}));
    CHECK(validate(process_filter{}).error() ==
          error{errc::usage, "all processes match, give a name, an expression for the command line or a user"});
    CHECK(validate(process_filter{.name = "/usr/sbin/nginx"}).error() ==
          error{errc::usage, "\"/usr/sbin/nginx\" is a path, and processes have names: give its last part"});
    CHECK(validate(process_filter{.name = std::string{"a\0b"sv}}).error().code == errc::usage);
    CHECK(validate(process_filter{.name = "nginx", .cmdline = "("}).error().code == errc::bad_data);
}

TEST_CASE("a filter is described as the subject of a sentence") {
    CHECK(describe({.name = "nginx"}) == "nginx");
    CHECK(describe({.cmdline = "queue:work"}) == "process with command line \"queue:work\"");
    CHECK(describe({.user = 33}, "www-data") == "process of user www-data");
    CHECK(describe({.user = 33}) == "process of user 33");
    CHECK(describe({.name = "php", .cmdline = "work", .user = 33}, "www-data") ==
          "php of user www-data with command line \"work\"");
    CHECK(describe({.name = "a\nb"}) == "a b");
}

TEST_CASE("processes are found by name, command line and user") {
    made_up_proc proc;
    proc.add({.pid = 301, .name = "nginx", .arguments = "nginx: worker process", .user = 33});
    proc.add({.pid = 302, .name = "php", .arguments = "php\0artisan\0queue:work\0"sv, .user = 33});
    proc.add({.pid = 303, .name = "tmux: server", .arguments = "tmux\0new\0"sv});
    proc.add({.pid = 304, .name = "systemd-timesyn", .arguments = "/lib/systemd/systemd-timesyncd\0"sv});
    proc.add(
        {.pid = 305, .name = "unattended-upgr", .arguments = "/usr/bin/python3\0/usr/bin/unattended-upgrade\0-v\0"sv});
    proc.add({.pid = 306, .name = "long-perl-scrip", .arguments = "/usr/bin/perl\0-w\0/opt/long-perl-script\0-v\0"sv});
    proc.add({.pid = 307, .name = "rewritten-title", .arguments = "rewritten-title-daemon: master /etc/x.conf"});
    proc.add({.pid = 308, .parent = 2, .name = "kworker/u8:2-ev", .kernel = true});
    proc.add({.pid = 314, .name = "miner", .arguments = "[kworker/0:1]\0"sv});
    proc.add({.pid = 315, .name = "blank"});
    proc.add({.pid = 309, .name = "(sd-pam)", .arguments = "(sd-pam)\0"sv});
    proc.add({.pid = 310, .name = "bin/odd name", .arguments = "x\0"sv});
    proc.add({.pid = 311, .parent = 200, .name = "ps", .arguments = "ps\0--mine\0"sv});
    proc.add({.pid = 312, .parent = 311, .name = "less", .arguments = "less\0--mine\0"sv});
    proc.add({.pid = 313, .parent = 100, .name = "sibling", .arguments = "sibling\0--beside\0"sv});
    struct row {
        std::string_view name;
        process_filter filter;
        bool found;
    };
    const row rows[] = {
        {"by name", {.name = "nginx"}, true},
        {"not by the start of a name", {.name = "ngin"}, false},
        {"case matters", {.name = "Nginx"}, false},
        {"not by an argument", {.name = "artisan"}, false},
        {"whole name with a blank", {.name = "tmux: server"}, true},
        {"name as check_procs sees it", {.name = "tmux:"}, true},
        {"part of a name that nobody sees", {.name = "server"}, false},
        {"name without its path", {.name = "u8:2-ev"}, true},
        {"name with its path", {.name = "kworker/u8:2-ev"}, true},
        {"path and blank", {.name = "odd"}, true},
        {"brackets", {.name = "(sd-pam)"}, true},
        {"longer than 15 bytes", {.name = "systemd-timesyncd"}, true},
        {"its first 15 bytes", {.name = "systemd-timesyn"}, true},
        {"script with a long name", {.name = "unattended-upgrade"}, true},
        {"script whose interpreter has an option", {.name = "long-perl-script"}, true},
        {"long name in a rewritten title", {.name = "rewritten-title-daemon"}, true},
        {"by command line", {.cmdline = "artisan queue:(work|listen)"}, true},
        {"command line from its start", {.cmdline = "^php "}, true},
        {"command line not from its start", {.cmdline = "^artisan"}, false},
        {"to the end", {.cmdline = "work$"}, true},
        {"a kernel thread's name is no command line", {.cmdline = "u8:2"}, false},
        {"not even with brackets", {.name = "u8:2-ev", .cmdline = "^\\[kworker"}, false},
        {"a program that names itself so", {.cmdline = "^\\[kworker/0:1]$"}, true},
        {"one without a command line", {.cmdline = "^\\[blank]$"}, true},
        {"name and command line", {.name = "php", .cmdline = "queue"}, true},
        {"name and another's command line", {.name = "nginx", .cmdline = "queue"}, false},
        {"name and user", {.name = "nginx", .user = 33}, true},
        {"name and another user", {.name = "nginx", .user = 34}, false},
        {"only a user", {.user = 33}, true},
        {"a user without processes", {.user = 34}, false},
        {"user and command line", {.cmdline = "queue", .user = 33}, true},
        {"all three", {.name = "php", .cmdline = "queue", .user = 33}, true},
        {"all three but for the user", {.name = "php", .cmdline = "queue", .user = 0}, false},
        {"not this process", {.name = "self"}, false},
        {"not what it started", {.name = "ps"}, false},
        {"not what that started", {.cmdline = "--mine"}, false},
        {"what its parent started", {.cmdline = "--beside"}, true},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto seen = process_probe{each.filter, count_range{}, proc.files}();
        CHECK(seen == (each.found ? observed{observation::running, "a process is there"}
                                  : observed{observation::stopped, "no process is there"}));
    }
}

TEST_CASE("a long name that only its first 15 bytes tell is doubtful") {
    const process_filter by_name{.name = "very-long-daemon-name"};
    const observed unsure{observation::unknown,
                          "no process is there for certain: one has the same first 15 bytes and another title"};
    const observed running{observation::running, "a process is there"};
    const observed stopped{observation::stopped, "no process is there"};
    struct row {
        std::string_view name;
        made_up_proc::entry entry;
        process_filter filter;
        observed expected;
    };
    const std::string_view comm = "very-long-daemo";
    const row rows[] = {
        {"exec -a", {.pid = 301, .name = comm, .arguments = "worker\0x\0"sv}, by_name, unsure},
        {"a title of its own", {.pid = 301, .name = comm, .arguments = "idle, 3 jobs done"}, by_name, unsure},
        {"another long name",
         {.pid = 301, .name = comm, .arguments = "/bin/very-long-daemon-other\0"sv},
         by_name,
         stopped},
        {"another script",
         {.pid = 301, .name = comm, .arguments = "/bin/sh\0/opt/very-long-daemon.sh\0"sv},
         by_name,
         stopped},
        {"an argument that only looks like it",
         {.pid = 301, .name = comm, .arguments = "worker\0x\0very-long-daemon-other\0"sv},
         by_name,
         unsure},
        {"third argument", {.pid = 301, .name = comm, .arguments = "a\0b\0very-long-daemon-name\0"sv}, by_name, unsure},
        {"no arguments", {.pid = 301, .name = comm}, by_name, unsure},
        {"login style", {.pid = 301, .name = comm, .arguments = "-very-long-daemon-name\0"sv}, by_name, running},
        {"login style with a path",
         {.pid = 301, .name = comm, .arguments = "-/bin/very-long-daemon-name\0"sv},
         by_name,
         running},
        {"login style, rewritten",
         {.pid = 301, .name = comm, .arguments = "-very-long-daemon-name: idle"},
         by_name,
         running},
        {"login style of another",
         {.pid = 301, .name = comm, .arguments = "-very-long-daemon-names\0"sv},
         by_name,
         stopped},
        {"another name", {.pid = 301, .name = "very-long-daemi", .arguments = "worker\0"sv}, by_name, stopped},
        {"a shorter name", {.pid = 301, .name = "very-long-daem", .arguments = "worker\0"sv}, by_name, stopped},
        {"the 15 bytes are asked for",
         {.pid = 301, .name = comm, .arguments = "worker\0"sv},
         {.name = std::string{comm}},
         running},
        {"another user's",
         {.pid = 301, .name = comm, .arguments = "worker\0"sv, .user = 33},
         {.name = by_name.name, .user = 34},
         stopped},
        {"of that user",
         {.pid = 301, .name = comm, .arguments = "worker\0"sv, .user = 33},
         {.name = by_name.name, .user = 33},
         unsure},
        {"another command line",
         {.pid = 301, .name = comm, .arguments = "worker\0"sv},
         {.name = by_name.name, .cmdline = "boss"},
         stopped},
        {"that command line",
         {.pid = 301, .name = comm, .arguments = "worker\0"sv},
         {.name = by_name.name, .cmdline = "worker"},
         unsure},
        {"ended",
         {.pid = 301, .name = comm, .state = 'Z'},
         by_name,
         {observation::degraded, "all processes there have ended and nobody collected them"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        proc.add(each.entry);
        CHECK(process_probe{each.filter, count_range{}, proc.files}() == each.expected);
    }
    // Beside a certain one it counts neither way.
    made_up_proc proc;
    proc.add({.pid = 301, .name = comm, .arguments = "worker\0"sv});
    proc.add({.pid = 302, .name = comm, .arguments = "very-long-daemon-name\0"sv});
    CHECK(process_probe{by_name, count_range{}, proc.files}() == running);
    CHECK(process_probe{by_name, count_range{1, 1}, proc.files}().state == observation::running);
    CHECK(process_probe{by_name, count_range{2, {}}, proc.files}().state == observation::degraded);
}

TEST_CASE("other checks do not count") {
    const process_filter by_line{.cmdline = "zz"};
    struct row {
        std::string_view name;
        made_up_proc::entry entry;
        process_filter filter;
        bool counts;
    };
    const row rows[] = {
        {"a check", {.name = "powerconsul", .arguments = "powerconsul\0check\0process\0-n\0-a zz\0"sv}, by_line, false},
        {"under this one's name",
         {.name = "self", .arguments = "/opt/self\0check\0process\0--cmdline\0zz\0"sv},
         by_line,
         false},
        {"a shell that starts it",
         {.name = "sh", .arguments = "sh\0-c\0powerconsul check process --cmdline zz\0"sv},
         by_line,
         false},
        {"behind another call",
         {.name = "sh", .arguments = "sh\0-c\0powerconsul lint; powerconsul check -P zz\0"sv},
         by_line,
         false},
        {"by its own name",
         {.name = "powerconsul", .arguments = "powerconsul\0check\0process\0"sv},
         {.name = "powerconsul"},
         false},
        {"by its own other name", {.name = "self", .arguments = "self\0check\0process\0"sv}, {.name = "self"}, false},
        {"by its user",
         {.name = "powerconsul", .arguments = "powerconsul\0check\0process\0"sv, .user = 33},
         {.user = 33},
         false},
        {"what it runs",
         {.parent = 400, .name = "check_procs", .arguments = "check_procs\0-a\0zz\0"sv},
         by_line,
         false},
        {"what that runs", {.parent = 401, .name = "ps", .arguments = "ps\0zz\0"sv}, by_line, false},
        {"what it runs, by name",
         {.parent = 400, .name = "check_procs", .arguments = "check_procs\0-a\0zz\0"sv},
         {.name = "check_procs"},
         false},
        {"another's check_procs",
         {.name = "check_procs", .arguments = "/usr/lib/nagios/plugins/check_procs\0-c\0001:\0-a\0zz\0"sv},
         by_line,
         false},
        {"what will run it", {.name = "sh", .arguments = "sh\0-c\0sleep 1; check_procs -a zz\0"sv}, by_line, false},
        {"what a trigger runs", {.parent = 410, .name = "work", .arguments = "work\0zz\0"sv}, by_line, true},
        {"what a shell runs that also checks",
         {.parent = 420, .name = "work", .arguments = "work\0zz\0"sv},
         by_line,
         true},
        {"a trigger", {.name = "powerconsul", .arguments = "powerconsul\0trigger\0critical\0zz\0"sv}, by_line, true},
        {"a trigger by name",
         {.name = "powerconsul", .arguments = "powerconsul\0trigger\0critical\0"sv},
         {.name = "powerconsul"},
         true},
        {"no call of it", {.name = "work", .arguments = "work\0--log\0/var/log/powerconsul\0zz\0"sv}, by_line, true},
        {"a shell by name",
         {.name = "sh", .arguments = "sh\0-c\0powerconsul check process\0"sv},
         {.name = "sh"},
         false},
        {"a shell that calls only others", {.name = "sh", .arguments = "sh\0-c\0work zz\0"sv}, {.name = "sh"}, true},
    };
    for (auto each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        proc.add({.pid = 400, .name = "powerconsul", .arguments = "powerconsul\0check\0process\0-n\0-a zz\0"sv});
        proc.add({.pid = 401, .parent = 400, .name = "check_procs", .arguments = "check_procs\0-a\0zz\0"sv});
        proc.add({.pid = 410, .name = "powerconsul", .arguments = "powerconsul\0trigger\0-s\0powerconsul check\0"sv});
        proc.add({.pid = 420, .name = "sh", .arguments = "sh\0-c\0powerconsul check; work\0"sv});
        if (each.filter.name == "powerconsul") proc.remove(410);
        if (each.filter.name == "check_procs") proc.remove(401);
        if (each.filter.name == "sh") proc.remove(420);
        CHECK(process_probe{each.filter, count_range{}, proc.files}().state == observation::stopped);
        each.entry.pid = 500;
        proc.add(each.entry);
        CHECK(process_probe{each.filter, count_range{}, proc.files}().state ==
              (each.counts ? observation::running : observation::stopped));
    }
}

TEST_CASE("the count decides between stopped, degraded and running") {
    using enum observation;
    struct row {
        std::string_view name;
        int alive;
        int ended;
        count_range range;
        observed expected;
    };
    const row rows[] = {
        {"none", 0, 0, {}, {stopped, "no process is there"}},
        {"one", 1, 0, {}, {running, "a process is there"}},
        {"many", 9, 0, {}, {running, "a process is there"}},
        {"too few", 1, 0, {2, {}}, {degraded, "fewer than 2 processes are there"}},
        {"none of two", 0, 0, {2, {}}, {stopped, "no process is there"}},
        {"enough", 2, 0, {2, {}}, {running, "at least 2 processes are there"}},
        {"more than enough", 5, 0, {2, {}}, {running, "at least 2 processes are there"}},
        {"too many", 5, 0, {2, 4}, {degraded, "more than 4 processes are there"}},
        {"far too many", 50, 0, {2, 4}, {degraded, "more than 4 processes are there"}},
        {"least", 2, 0, {2, 4}, {running, "2 to 4 processes are there"}},
        {"most", 4, 0, {2, 4}, {running, "2 to 4 processes are there"}},
        {"exactly", 3, 0, {3, 3}, {running, "exactly 3 processes are there"}},
        {"two for one", 2, 0, {1, 1}, {degraded, "more than 1 process is there"}},
        {"one for one", 1, 0, {1, 1}, {running, "exactly 1 process is there"}},
        {"only a zombie", 0, 1, {}, {degraded, "all processes there have ended and nobody collected them"}},
        {"only zombies, enough", 0, 2, {2, 4}, {degraded, "all processes there have ended and nobody collected them"}},
        {"only zombies, too few", 0, 1, {2, 4}, {degraded, "fewer than 2 processes are there"}},
        {"only zombies, too many", 0, 5, {2, 4}, {degraded, "more than 4 processes are there"}},
        {"a zombie too many", 4, 1, {2, 4}, {degraded, "more than 4 processes are there"}},
        {"enough with a zombie",
         1,
         1,
         {2, 4},
         {degraded, "fewer than 2 processes are there, without those that have ended and nobody collected"}},
        {"enough and a zombie", 2, 1, {2, 4}, {running, "2 to 4 processes are there"}},
        {"enough without end and a zombie", 1, 1, {}, {running, "a process is there"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        std::uint32_t pid = 300;
        for (int i = 0; i < each.ended; ++i) proc.add({.pid = pid++, .name = "work", .state = 'Z'});
        for (int i = 0; i < each.alive; ++i) proc.add({.pid = pid++, .name = "work", .arguments = "work\0"sv});
        CHECK(process_probe{process_filter{.name = "work"}, each.range, proc.files}() == each.expected);
    }
}

TEST_CASE("zombies match by what is left of them") {
    made_up_proc proc;
    proc.add({.pid = 301, .name = "long-named-serv", .user = 33, .state = 'Z'});
    for (const auto& filter :
         {process_filter{.name = "long-named-server"}, process_filter{.cmdline = "serv. <defunct>$"},
          process_filter{.name = "long-named-serv", .user = 33}}) {
        CAPTURE(describe(filter));
        CHECK(process_probe{filter, count_range{}, proc.files}().state == observation::degraded);
    }
    CHECK(process_probe{process_filter{.cmdline = "server"}, count_range{}, proc.files}().state ==
          observation::stopped);
    // Its first thread has ended, others run on.
    proc.add({.pid = 301, .name = "long-named-serv", .state = 'Z', .threads = 3});
    CHECK(process_probe{process_filter{.name = "long-named-serv"}, count_range{}, proc.files}().state ==
          observation::running);
}

TEST_CASE("what started the check does not count, and is not taken for nothing") {
    made_up_proc proc;
    const process_filter by_name{.name = "agent"};
    const auto seen = [&](const process_filter& filter, count_range range = {}) {
        return process_probe{filter, range, proc.files}();
    };
    CHECK(seen(by_name).state == observation::unknown);
    CHECK(seen(by_name).reason == "no process is there but what has started a check, and that does not count");
    CHECK(seen({.name = "agent", .cmdline = "."}) == seen(by_name));
    CHECK(seen({.cmdline = "agent run", .user = 0}) == seen(by_name));
    CHECK(seen({.user = 0}) == seen(by_name));
    CHECK(seen({.user = 33}).state == observation::stopped);
    proc.add({.pid = 301, .name = "agent"});
    CHECK(seen(by_name).state == observation::running);
    const observed unsure{observation::unknown,
                          "whether what has started a check is one of the processes cannot be told"};
    CHECK(seen(by_name, {.min = 1, .max = 1}) == unsure);
    CHECK(seen(by_name, {.min = 2}) == unsure);
    CHECK(seen(by_name, {.min = 3}).state == observation::degraded);
}

TEST_CASE("what started a check counts if it was not started for that") {
    using enum observation;
    struct row {
        std::string_view name;
        made_up_proc::entry starter;  ///< of this process
        observation expected;         ///< of what has zz in its command line
    };
    const row rows[] = {
        {"passes this process's arguments on",
         {.name = "timeout", .arguments = "timeout\0009\0self\0look\0zz\0"sv},
         stopped},
        {"passes them to a shell", {.name = "sh", .arguments = "sh\0-c\0exec /x/self look zz\0"sv}, stopped},
        {"calls a check", {.name = "sh", .arguments = "sh\0-c\0powerconsul check process -n '-a zz'\0"sv}, stopped},
        {"nothing tells", {.name = "script", .arguments = "/bin/sh\0/opt/wrapper\0zz\0"sv}, unknown},
        {"Consul's agent", {.name = "consul", .arguments = "/usr/bin/consul\0agent\0-zz\0"sv}, running},
        {"another command of Consul", {.name = "consul", .arguments = "consul\0exec\0zz\0"sv}, unknown},
        {"another agent", {.name = "x", .arguments = "x\0agent\0zz\0"sv}, unknown},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        auto starter = each.starter;
        starter.pid = 100;
        proc.add(starter);
        proc.files.put("/proc/self/cmdline", "/usr/bin/self\0look\0zz\0"sv);
        proc.add({.pid = 200, .parent = 100, .name = "self", .arguments = "/usr/bin/self\0look\0zz\0"sv});
        CHECK(process_probe{process_filter{.cmdline = "zz"}, count_range{}, proc.files}().state == each.expected);
        proc.add({.pid = 300, .name = "work", .arguments = "work\0zz\0"sv});
        CHECK(process_probe{process_filter{.cmdline = "zz"}, count_range{}, proc.files}().state == running);
    }
    // What started Consul's agent was not started for a check either.
    made_up_proc proc;
    proc.add({.pid = 90, .name = "runsv", .arguments = "runsv\0zz\0"sv});
    proc.add({.pid = 100, .parent = 90, .name = "consul", .arguments = "consul\0agent\0"sv});
    CHECK(process_probe{process_filter{.cmdline = "zz"}, count_range{}, proc.files}().state == running);
}

TEST_CASE("a container's processes count only if they are asked for") {
    const observed only_there{observation::stopped,
                              "no process is there but in a container, and those count only with --containers"};
    const observed running{observation::running, "a process is there"};
    for (const auto& filter :
         {process_filter{.name = "work"}, process_filter{.cmdline = "work on"}, process_filter{.user = 33}}) {
        CAPTURE(describe(filter));
        made_up_proc proc;
        auto with = filter;
        with.containers = true;
        proc.add({.pid = 301, .name = "work", .arguments = "work\0on\0"sv, .user = 33, .namespaces = "\t7"});
        CHECK(process_probe{filter, count_range{}, proc.files}() == only_there);
        CHECK(process_probe{with, count_range{}, proc.files}() == running);
        proc.add({.pid = 302, .name = "work", .arguments = "work\0on\0"sv, .user = 33});
        CHECK(process_probe{filter, count_range{1, 1}, proc.files}().state == observation::running);
        CHECK(process_probe{with, count_range{1, 1}, proc.files}().state == observation::degraded);
        proc.files.fail_on("/proc/301/status", {errc::io, "no right"});
        CHECK(process_probe{filter, count_range{1, 1}, proc.files}().state == observation::unknown);
        CHECK(process_probe{with, count_range{2, 2}, proc.files}().state == observation::running);
        // An old kernel does not tell.
        proc.files.heal("/proc/301/status");
        proc.files.put("/proc/301/status", "Name:\twork\nPid:\t301\n");
        CHECK(process_probe{filter, count_range{2, 2}, proc.files}().state == observation::running);
    }
}

TEST_CASE("what cannot be told is unknown") {
    const process_filter by_all{.name = "work", .cmdline = "x", .user = 33};
    struct row {
        std::string_view name;
        std::string_view path;
        process_filter filter;
        std::string_view reason;
    };
    const row rows[] = {
        {"own status", "/proc/self/stat", by_all,
         "cannot read the process table: no right, mount /proc without hidepid or run as root"},
        {"list", "/proc", by_all,
         "cannot read the process table: no right, mount /proc without hidepid or run as root"},
        {"status", "/proc/301/stat", by_all,
         "cannot read the process table: no right, mount /proc without hidepid or run as root"},
        {"user", "/proc/301", by_all,
         "cannot read the process table: no right, mount /proc without hidepid or run as root"},
        {"own command line", "/proc/self/cmdline", by_all,
         "cannot read the process table: no right, mount /proc without hidepid or run as root"},
        {"command line", "/proc/301/cmdline", by_all,
         "cannot read the process table: no right, mount /proc without hidepid or run as root"},
        {"no filter", "", {}, "all processes match, give a name, an expression for the command line or a user"},
        {"expression",
         "",
         {.cmdline = "a**"},
         "the expression \"a**\" is refused at byte 2: quantifier does not follow a repeatable item"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        proc.add({.pid = 301, .name = "work", .arguments = "x\0"sv, .user = 33});
        CHECK(process_probe{by_all, count_range{}, proc.files}().state == observation::running);
        if (!each.path.empty()) proc.files.fail_on(std::string{each.path}, {errc::io, "no right"});
        CHECK(process_probe{each.filter, count_range{}, proc.files}() ==
              observed{observation::unknown, std::string{each.reason}});
    }
}

TEST_CASE("none is not said after one look at a table that moves") {
    struct row {
        std::string_view name;
        std::string_view gone;
        process_filter filter;
    };
    const row rows[] = {
        {"gone when its status is read", "/stat", {.name = "work"}},
        {"gone when its user is looked at", "", {.name = "work", .user = 33}},
        {"gone when its command line is read for the first time", "/cmdline", {.cmdline = "on"}},
        {"gone when its command line is read", "/cmdline", {.name = "work", .cmdline = "on"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        handing_over files{.gone = each.gone, .left = 2};
        CHECK(process_probe{each.filter, count_range{}, files}().state == observation::running);
        CHECK(files.looks == 3);
        handing_over forever{.gone = each.gone, .left = 1000};
        CHECK(process_probe{each.filter, count_range{}, forever}().state == observation::stopped);
        CHECK(forever.looks == 3);
    }
}

TEST_CASE("of a process only that is read which tells whether it matches") {
    struct row {
        std::string_view name;
        process_filter filter;
        std::string_view unread;  ///< of the one that does not match
    };
    const row rows[] = {
        {"another name: no status", {.name = "work"}, "/stat"},
        {"another name: no command line", {.name = "work", .cmdline = "x"}, "/cmdline"},
        {"another user: no status", {.user = 33}, "/stat"},
        {"another user: no name", {.name = "work", .user = 33}, "/comm"},
        {"another user: no command line", {.cmdline = "x", .user = 33}, "/cmdline"},
        {"another command line: no status", {.cmdline = "x"}, "/stat"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        proc.add({.pid = 301, .name = "other", .arguments = "y\0"sv, .user = 34});
        proc.files.fail_on("/proc/301" + std::string{each.unread}, {errc::io, "no right"});
        CHECK(process_probe{each.filter, count_range{}, proc.files}().state == observation::stopped);
        proc.add({.pid = 302, .name = "work", .arguments = "x\0"sv, .user = 33});
        CHECK(process_probe{each.filter, count_range{}, proc.files}().state == observation::running);
    }
    // Where the name is not told apart from the status, the status tells.
    made_up_proc proc;
    proc.add({.pid = 301, .name = "work", .arguments = "x\0"sv});
    proc.files.erase("/proc/301/comm");
    CHECK(process_probe{process_filter{.name = "work"}, count_range{}, proc.files}().state == observation::running);
    CHECK(process_probe{process_filter{.name = "other"}, count_range{}, proc.files}().state == observation::stopped);
    // Of one without a command line only the status says that it is no more than about to have one.
    proc.add({.pid = 302, .name = "idle", .arguments = ""});
    CHECK(process_probe{process_filter{.cmdline = "^.idle.$"}, count_range{}, proc.files}().state ==
          observation::running);
}

TEST_CASE("what does not match is still seen as a parent") {
    made_up_proc proc;
    // A check in another tree of processes, and far below it a process with its words.
    proc.add({.pid = 400, .name = "powerconsul", .arguments = "powerconsul\0check\0process\0-n\0-a q\0"sv});
    proc.add({.pid = 401, .parent = 400, .name = "sh", .arguments = "sh\0-c\0other\0"sv});
    proc.add({.pid = 402, .parent = 401, .name = "nice", .arguments = "nice\0other\0"sv});
    proc.add({.pid = 403, .parent = 402, .name = "check_procs", .arguments = "check_procs\0zz\0"sv});
    const auto seen = [&] { return process_probe{process_filter{.cmdline = "zz"}, count_range{}, proc.files}().state; };
    CHECK(seen() == observation::stopped);
    proc.remove(401);  // 402 was handed on
    CHECK(seen() == observation::running);
    proc.add({.pid = 401, .parent = 200, .name = "sh", .arguments = "sh\0-c\0other\0"sv});
    CHECK(seen() == observation::stopped);  // below this process
}

TEST_CASE("real processes are counted") {
    // What descends from this process does not count: the one between ends, and then they are another's children.
    const std::string name = "pc" + std::to_string(::getpid());
    const auto make_pipe = [] {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        return std::array{posix_fd{ends[0]}, posix_fd{ends[1]}};
    };
    const auto report = make_pipe();
    // Nobody may be left behind, however this test ends: they run until its other end is closed.
    auto life = make_pipe();
    const ::pid_t between = ::fork();
    REQUIRE(between >= 0);
    if (between == 0) {
        life[1].reset();
        for (int i = 0; i < 2; ++i) {
            if (::fork() != 0) continue;
            ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
            while (::getppid() == between || ::getppid() == 0) ::usleep(1000);
            char never = '.';
            if (::write(report[1].get(), &never, 1) == 1 && ::read(life[0].get(), &never, 1) != 0) ::abort();
            ::_exit(0);
        }
        ::_exit(0);
    }
    REQUIRE(::waitpid(between, nullptr, 0) == between);
    char up = 0;
    for (int i = 0; i < 2; ++i) REQUIRE(::read(report[0].get(), &up, 1) == 1);
    posix_files files;
    const auto look = [&](std::string_view range) {
        return process_probe{process_filter{.name = name}, *parse_count(range), files}().state;
    };
    CHECK(look("1:") == observation::running);
    CHECK(look("2:2") == observation::running);
    CHECK(look("3:") == observation::degraded);
    CHECK(look("1:1") == observation::degraded);
    CHECK(process_probe{process_filter{.name = name, .user = ::geteuid() + 1}, count_range{}, files}().state ==
          observation::stopped);
}
