#include <powerconsul/probes/process/expected_work.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/testing/fakes.hpp>

#include "../made_up_proc.hpp"

using namespace powerconsul;
using namespace std::string_view_literals;

namespace {

struct machine : made_up_proc {
    testing::memory_accounts accounts{};

    machine() { accounts.add_user("root", 0).add_user("www-data", 33); }

    auto find(const work_filter& filter) { return find_work(files, accounts, filter); }
};

/// A probe that counts how often it is run.
struct counted_probe {
    observed answer{};
    int* runs{};

    auto operator()() -> observed {
        ++*runs;
        return answer;
    }
};

using counting = counting_work<counted_probe, testing::memory_files&, testing::memory_accounts&>;

}  // namespace

static_assert(probe<counting>);

TEST_CASE("a filter without an end is refused") {
    CHECK(validate(work_filter{.text = "x"}));
    CHECK(validate(work_filter{.expression = "root.*x"}));
    CHECK(validate(work_filter{}).error() ==
          error{errc::usage, "every process matches an empty text; give something to look for"});
    CHECK(validate(work_filter{.expression = "(x|y)*"}).error() ==
          error{errc::usage,
                "the expression \"(x|y)*\" matches every process, expected is one that does not match an "
                "empty text"});
    CHECK(validate(work_filter{.text = "x", .expression = ".*"}).error().code == errc::usage);
    CHECK(validate(work_filter{.expression = "("}).error().code == errc::bad_data);
}

TEST_CASE("a line like those of ps aux") {
    struct row {
        std::string_view name;
        process of;
        std::string user;
        std::size_t pid_width;
        std::string_view line;
    };
    const row rows[] = {
        // As ps of procps-ng 4.0.2 prints them, but for what it measures.
        {"short",
         {.pid = 1, .state = 'S'},
         "root",
         5,
         "root         1  0.0  0.0      0     0 ?        S    00:00   0:00 x y"},
        {"a user's",
         {.pid = 26177, .state = 'R'},
         "_apt",
         5,
         "_apt     26177  0.0  0.0      0     0 ?        R    00:00   0:00 x y"},
        {"a long name",
         {.pid = 26179, .state = 'D'},
         "1234567890",
         5,
         "1234567+ 26179  0.0  0.0      0     0 ?        D    00:00   0:00 x y"},
        {"a name that just fits",
         {.pid = 4194303, .state = 'S'},
         "www-data",
         7,
         "www-data 4194303  0.0  0.0      0     0 ?        S    00:00   0:00 x y"},
        {"where pids are long",
         {.pid = 300, .state = 'S'},
         "www-data",
         7,
         "www-data     300  0.0  0.0      0     0 ?        S    00:00   0:00 x y"},
        {"a pid that is longer than any should be",
         {.pid = 300, .state = 'S'},
         "root",
         1,
         "root     300  0.0  0.0      0     0 ?        S    00:00   0:00 x y"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto line = format_ps_line(each.of, each.user, "x y", each.pid_width);
        CHECK(line.text == each.line);
        CHECK(line.text.substr(line.command) == "x y");
        CHECK(line.text.substr(line.pid).starts_with(std::to_string(each.of.pid) + ' '));
    }
}

TEST_CASE("work is found by its command line, or by a line of ps aux") {
    struct row {
        std::string_view name;
        work_filter filter;
        bool found;
    };
    const row rows[] = {
        {"text", {.text = "artisan migrate"}, true},
        {"text over two arguments", {.text = "--force /srv"}, true},
        {"text is no expression", {.text = "artisan.*force"}, false},
        {"text in another case", {.text = "Artisan"}, false},
        {"text across user and command", {.text = "www-data php"}, false},
        {"text as the name of the user", {.text = "www-data"}, false},
        {"expression", {.expression = "artisan +migrate"}, true},
        {"expression in the middle of a line", {.expression = "migrate|rollback"}, true},
        {"expression from the command's start", {.expression = "^php artisan"}, true},
        {"expression to the end", {.expression = "/srv/x$"}, true},
        {"expression that starts with anything", {.expression = ".*migrate"}, true},
        {"expression from the user on", {.expression = "www-data.*migrate"}, true},
        {"expression from the user on, anchored", {.expression = "^www-data +.*php"}, true},
        {"expression with user and pid", {.expression = "www-data +[0-9]+ .*migrate"}, true},
        {"expression with another pid", {.expression = "www-data +301 .*migrate"}, false},
        {"expression with all columns",
         {.expression = R"(^\S+ +\d+ +[\d.]+ +[\d.]+ +\d+ +\d+ \S+ +S\S* +\S+ +\d+:\d\d php artisan)"},
         true},
        {"expression of user and pid", {.expression = "www-data +[0-9]+"}, true},
        {"expression from the pid on", {.expression = "[0-9]+ .*migrate"}, false},
        {"expression of the user with the blanks", {.expression = "www-data +"}, false},
        {"expression of user and command alone", {.expression = "^www-data +php"}, false},
        {"text across time and command", {.text = "0:00 php artisan"}, true},
        {"text that ends before the command", {.text = " 0:00 "}, false},
        {"text of a column", {.text = " 0.0 "}, false},
        {"text that is longer than the columns",
         {.text = "300  0.0  0.0      0     0 ?        S    00:00   0:00 php"},
         true},
        {"expression with another user", {.expression = "root.*migrate"}, false},
        {"expression that is the user alone", {.expression = "www-data"}, false},
        {"expression that is the user and a blank", {.expression = "www-data "}, false},
        {"expression from the middle of the user on", {.expression = "data .*php"}, false},
        {"either, by the text", {.text = "migrate", .expression = "nothing"}, true},
        {"either, by the expression", {.text = "nothing", .expression = "migrate"}, true},
        {"neither", {.text = "nothing", .expression = "nobody"}, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        machine m;
        m.add({.pid = 300, .name = "php", .arguments = "php\0artisan\0migrate\0--force\0/srv/x\0"sv, .user = 33});
        const auto found = m.find(each.filter);
        REQUIRE(found);
        CHECK(found->has_value() == each.found);
        if (*found) {
            CHECK((*found)->pid == 300);
            CHECK((*found)->command == "php artisan migrate --force /srv/x");
            CHECK((*found)->by_text == (!each.filter.text.empty() && each.filter.text != "nothing"));
        }
    }
    machine m;  // a user without a name has a number
    m.add({.pid = 300, .name = "php", .arguments = "php\0migrate\0"sv, .user = 4711});
    CHECK(m.find({.expression = "^4711 +300 .* php"})->has_value());
    CHECK_FALSE(*m.find({.expression = "4711 {6}300 "}));
    m.files.put("/proc/sys/kernel/pid_max", "4194304\n");
    CHECK(m.find({.expression = "4711 {9}300 "})->has_value());
    // Whose name cannot be told might be the one.
    m.accounts.fail_with({errc::io, "the directory service does not answer"});
    CHECK(m.find({.expression = "php.*migrate"})->has_value());
    CHECK(m.find({.text = "nothing"}));
    const auto unsure = m.find({.expression = "bob.*migrate"});
    REQUIRE_FALSE(unsure);
    CHECK(unsure.error().message == "the directory service does not answer");
}

TEST_CASE("what belongs to a check is no work, what a trigger started is") {
    struct row {
        std::string_view name;
        made_up_proc::entry entry;
        bool counts;
    };
    const row rows[] = {
        {"child of this process", {.pid = 900, .parent = 200, .name = "x", .arguments = "x\0migrate\0"sv}, false},
        {"this program, whatever it does",
         {.pid = 900, .name = "x", .arguments = "/usr/bin/powerconsul\0role\0migrate\0"sv},
         false},
        {"this program under another name",
         {.pid = 900, .name = "x", .arguments = "/x/self\0lint\0migrate\0"sv},
         false},
        {"its name in a path",
         {.pid = 900, .name = "x", .arguments = "migrate\0--log\0/var/log/powerconsul\0"sv},
         true},
        {"its name without a command", {.pid = 900, .name = "x", .arguments = "powerconsul\0migrate\0"sv}, true},
        {"a shell that starts it",
         {.pid = 900, .name = "sh", .arguments = "sh\0-c\0powerconsul check -P migrate\0"sv},
         false},
        {"a shell that starts it, in quotes",
         {.pid = 900, .name = "sh", .arguments = "sh\0-c\0exec '/usr/bin/powerconsul' check -P \"migrate\"\0"sv},
         false},
        {"sudo", {.pid = 900, .name = "sudo", .arguments = "sudo\0powerconsul\0check\0-P\0migrate\0"sv}, false},
        {"a name that only starts like it", {.pid = 900, .name = "x", .arguments = "powerconsul-migrate\0"sv}, true},
        {"its folder", {.pid = 900, .name = "x", .arguments = "/opt/powerconsul/migrate\0"sv}, true},
        {"another check's status script",
         {.pid = 900, .parent = 401, .name = "sh", .arguments = "sh\0migrate\0"sv},
         false},
        {"child of a check", {.pid = 900, .parent = 400, .name = "sh", .arguments = "sh\0migrate\0"sv}, false},
        {"child of a watch", {.pid = 900, .parent = 410, .name = "sh", .arguments = "sh\0migrate\0"sv}, true},
        {"child of a trigger", {.pid = 900, .parent = 420, .name = "sh", .arguments = "sh\0migrate\0"sv}, true},
        {"child of a trigger whose words name a check",
         {.pid = 900, .parent = 430, .name = "sh", .arguments = "sh\0migrate\0"sv},
         true},
        {"child of what only writes into a folder of that name",
         {.pid = 900, .parent = 440, .name = "sh", .arguments = "sh\0migrate\0"sv},
         true},
        {"kernel thread", {.pid = 900, .parent = 2, .name = "migrate/0", .kernel = true}, false},
        {"a program named like one", {.pid = 900, .name = "x", .arguments = "[migrate/0]\0"sv}, true},
        {"a program without a command line", {.pid = 900, .name = "migrate"}, true},
        {"a check_procs", {.pid = 900, .name = "check_procs", .arguments = "check_procs\0-a\0migrate\0"sv}, false},
        {"what started another check for it",
         {.pid = 390, .name = "wrapper", .arguments = "/opt/wrapper\0migrate\0"sv},
         false},
        {"what started a check of something else",
         {.pid = 391, .name = "migrated", .arguments = "/opt/migrated\0"sv},
         true},
        {"zombie", {.pid = 900, .name = "migrate", .state = 'Z'}, false},
        {"zombie whose threads run on", {.pid = 900, .name = "migrate", .state = 'Z', .threads = 2}, true},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        machine m;
        m.add({.pid = 100, .name = "agent", .arguments = "agent\0migrate\0"sv});  // started this process
        m.add({.pid = 200, .parent = 100, .name = "self", .arguments = "self\0migrate\0"sv});
        m.add({.pid = 400, .parent = 100, .name = "powerconsul", .arguments = "powerconsul\0--x\0check\0service\0"sv});
        m.add({.pid = 401, .parent = 400, .name = "sh", .arguments = "sh\0status\0"sv});
        m.add({.pid = 402, .parent = 390, .name = "powerconsul", .arguments = "powerconsul\0check\0migrate\0"sv});
        m.add({.pid = 403, .parent = 391, .name = "powerconsul", .arguments = "powerconsul\0check\0other\0"sv});
        m.add({.pid = 410, .parent = 100, .name = "powerconsul", .arguments = "powerconsul\0watch\0critical\0"sv});
        m.add({.pid = 420, .parent = 100, .name = "powerconsul", .arguments = "powerconsul\0trigger\0critical\0"sv});
        m.add({.pid = 430,
               .parent = 100,
               .name = "powerconsul",
               .arguments = "powerconsul\0trigger\0critical\0-s\0{\"Name\": \"powerconsul check of it\"}\0"sv});
        m.add({.pid = 440, .parent = 100, .name = "sh", .arguments = "sh\0check\0--log\0/var/log/powerconsul\0"sv});
        for (const auto& filter :
             {work_filter{.text = "migrate"}, work_filter{.expression = "root +[0-9]+ .*migrate"}}) {
            machine now = m;
            CHECK(*now.find(filter) == std::nullopt);
            now.add(each.entry);
            const auto found = now.find(filter);
            REQUIRE(found);
            CHECK(found->has_value() == each.counts);
        }
    }
}

TEST_CASE("work can be limited to a user, and is not what a container does") {
    struct row {
        std::string_view name;
        std::string user;
        bool containers;
        std::optional<std::uint32_t> pid;
    };
    const row rows[] = {
        {"anybody's", "", false, 301},
        {"a user's", "www-data", false, 302},
        {"a user's, by number", "33", false, 302},
        {"a number without an account", "4711", false, 303},
        {"a user without such a process", "nobody", false, {}},
        {"a container's", "", true, 300},
        {"a user's in a container", "nobody", true, 300},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        machine m;
        m.accounts.add_user("nobody", 65534);
        m.add({.pid = 300, .name = "x", .arguments = "x\0migrate\0"sv, .user = 65534, .start = 1, .namespaces = "\t9"});
        m.add({.pid = 301, .name = "x", .arguments = "x\0migrate\0"sv, .start = 2});
        m.add({.pid = 302, .name = "x", .arguments = "x\0migrate\0"sv, .user = 33, .start = 3});
        m.add({.pid = 303, .name = "x", .arguments = "x\0migrate\0"sv, .user = 4711, .start = 4});
        for (const auto& filter :
             {work_filter{.text = "migrate", .user = each.user, .containers = each.containers},
              work_filter{.expression = "mig.ate", .user = each.user, .containers = each.containers}}) {
            const auto found = m.find(filter);
            REQUIRE(found);
            CHECK(found->has_value() == each.pid.has_value());
            if (*found && each.pid) CHECK((*found)->pid == *each.pid);
        }
    }
    // A user that is not known has no processes as far as anybody can tell, which is not the same as none.
    machine m;
    m.add({.pid = 301, .name = "x", .arguments = "x\0migrate\0"sv});
    CHECK(m.find({.text = "migrate", .user = "bob"}).error() ==
          error{errc::bad_data, "there is no user \"bob\" on this machine"});
    CHECK(m.find({.text = "migrate", .user = "4294967295"}).error() ==
          error{errc::bad_data, "\"4294967295\" is no user id"});
    m.accounts.fail_with({errc::io, "the directory service does not answer"});
    CHECK(m.find({.text = "migrate", .user = "0"}).error().message == "the directory service does not answer");
    int runs = 0;
    const counted_probe down{{observation::stopped, "is down"}, &runs};
    m.accounts.heal();
    CHECK(counting_work{down, work_filter{.text = "migrate", .user = "bob"}, m.files, m.accounts}() ==
          observed{observation::unknown,
                   "is down; whether other work of it counts cannot be told: there is no user "
                   "\"bob\" on this machine"});
}

TEST_CASE("no work is not said after one look at a table that moves") {
    struct row {
        std::string_view name;
        std::string_view gone;
        work_filter filter;
    };
    const row rows[] = {
        {"gone when its status is read", "/stat", {.text = "work on"}},
        {"gone when its command line is read", "/cmdline", {.text = "work on"}},
        {"gone when its user is looked at", "", {.expression = "www-data .* work"}},
    };
    testing::memory_accounts accounts;
    accounts.add_user("root", 0).add_user("www-data", 33);
    for (const auto& each : rows) {
        CAPTURE(each.name);
        handing_over files{.gone = each.gone, .left = 2};
        const auto found = find_work(files, accounts, each.filter);
        REQUIRE(found);
        REQUIRE(*found);
        CHECK((*found)->pid == 302);
        CHECK(files.looks == 3);
        handing_over forever{.gone = each.gone, .left = 1000};
        CHECK(*find_work(forever, accounts, each.filter) == std::nullopt);
        CHECK(forever.looks == 3);
    }
    handing_over still{.gone = "/stat"};
    CHECK(*find_work(still, accounts, {.text = "nothing"}) == std::nullopt);
    CHECK(still.looks == 1);
}

TEST_CASE("of several the one that started first is named") {
    machine m;
    m.add({.pid = 300, .name = "work", .arguments = "work\0late\0"sv, .start = 3000});
    m.add({.pid = 301, .name = "work", .arguments = "work\0first\0"sv, .start = 1000});
    m.add({.pid = 302, .name = "work", .arguments = "work\0same\0"sv, .start = 1000});
    m.add({.pid = 303, .parent = 200, .name = "work", .arguments = "work\0own\0"sv, .start = 10});
    CHECK(*m.find({.text = "work"}) == std::optional{work{301, "work first", true}});
    CHECK(*m.find({.expression = "^work"}) == std::optional{work{301, "work first", false}});
}

TEST_CASE("work counts as running before the service is asked, and the reason names it") {
    machine m;
    m.add({.pid = 4711, .name = "php", .arguments = "php\0artisan\0migrate\0"sv});
    int runs = 0;
    const observed down{observation::stopped, "apache2 says no"};
    CHECK(counting_work{counted_probe{down, &runs}, work_filter{.text = "migrate"}, m.files, m.accounts}() ==
          observed{observation::running,
                   "process 4711 (\"php artisan migrate\") counts as this service's work (--procstr \"migrate\")"});
    CHECK(counting_work{counted_probe{down, &runs}, work_filter{.expression = "root.*rate"}, m.files, m.accounts}() ==
          observed{observation::running,
                   "process 4711 (\"php artisan migrate\") counts as this service's work (--procre \"root.*rate\")"});
    CHECK(runs == 0);
    for (const auto state : {observation::running, observation::degraded, observation::stopped, observation::unknown}) {
        CHECK(counting_work{counted_probe{{state, "why"}, &runs}, work_filter{.text = "rollback"}, m.files,
                            m.accounts}() == observed{state, "why"});
    }
    CHECK(runs == 4);
}

TEST_CASE("without a process table only running is sure") {
    machine m;
    m.files.fail_on("/proc/1/stat", {errc::io, "no right"});
    const std::string why =
        "whether other work of it counts cannot be told: cannot read the process table: no right, "
        "mount /proc without hidepid or run as root";
    struct row {
        observed asked;
        observed expected;
    };
    const row rows[] = {
        {{observation::running, "is up"}, {observation::running, "is up"}},
        {{observation::degraded, "half"}, {observation::unknown, "half; " + why}},
        {{observation::stopped, "is down"}, {observation::unknown, "is down; " + why}},
        {{observation::unknown, "no idea"}, {observation::unknown, "no idea; " + why}},
        {{observation::stopped, ""}, {observation::unknown, why}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.asked.reason);
        int runs = 0;
        CHECK(counting_work{counted_probe{each.asked, &runs}, work_filter{.text = "x"}, m.files, m.accounts}() ==
              each.expected);
        CHECK(runs == 1);
    }
}
