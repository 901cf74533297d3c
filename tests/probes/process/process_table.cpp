#include <powerconsul/probes/process/process_table.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/files.hpp>

#include "../made_up_proc.hpp"

using namespace powerconsul;
using namespace std::string_view_literals;

TEST_CASE("a status gives name, state, parent and start, whatever the name is") {
    struct row {
        std::string_view name;
        made_up_proc::entry entry;
        bool ended;
    };
    const row rows[] = {
        {"plain", {.pid = 7, .parent = 3, .name = "nginx", .start = 12345678901}, false},
        {"blank", {.pid = 7, .name = "tmux: server"}, false},
        {"brackets", {.pid = 7, .name = "(sd-pam)"}, false},
        {"looks like the rest of a line", {.pid = 7, .name = "a) R 1 1 1 ("}, false},
        {"closing bracket at the end", {.pid = 7, .name = "x)"}, false},
        {"only a bracket", {.pid = 7, .name = ")"}, false},
        {"empty", {.pid = 7, .name = ""}, false},
        {"end of line in it", {.pid = 7, .name = "a\nb"}, false},
        {"bytes that are no UTF-8", {.pid = 7, .name = "\xFF\xFE"}, false},
        {"largest pid", {.pid = 4'194'304, .name = "x"}, false},
        {"kernel thread", {.pid = 7, .parent = 2, .name = "kworker/u8:2-events_unbound", .kernel = true}, false},
        {"zombie", {.pid = 7, .name = "x", .state = 'Z'}, true},
        {"dead", {.pid = 7, .name = "x", .state = 'X'}, true},
        {"zombie with a living thread", {.pid = 7, .name = "x", .state = 'Z', .threads = 2}, false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto read = parse_process(made_up_proc::status(each.entry));
        REQUIRE(read);
        CHECK(read->pid == each.entry.pid);
        CHECK(read->parent == each.entry.parent);
        CHECK(read->name == each.entry.name);
        CHECK(read->state == each.entry.state);
        CHECK(read->start == each.entry.start);
        CHECK(read->kernel == each.entry.kernel);
        CHECK(read->ended == each.ended);
    }
}

TEST_CASE("a status that is not whole is refused") {
    const std::string whole = made_up_proc::status({.pid = 7, .name = "x"});
    const std::size_t enough = whole.find(" 1000 200 ");  // behind the start time
    REQUIRE(parse_process(whole.substr(0, enough)));
    for (std::size_t length = 0; length + 5 < enough; ++length) {
        CAPTURE(length);
        const auto read = parse_process(std::string_view{whole}.substr(0, length));
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::bad_data);
    }
    for (const std::string_view broken :
         {"x (x) S 1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 99", "7 (x) S -1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 99",
          "7 (x) S 1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 x", "7 (x)  1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 99",
          "7 )x( S 1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 99", "(x) S 1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 99",
          "4294967296 (x) S 1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 1 0 99"}) {
        CAPTURE(broken);
        CHECK_FALSE(parse_process(broken));
    }
    CHECK(parse_process("nonsense").error().message ==
          "the process status \"nonsense\" is not what is expected: pid (name) state parent and at least 18 numbers");
}

TEST_CASE("a command line is shown as ps shows it") {
    struct row {
        std::string_view name;
        std::string_view arguments;
        char state;
        std::string_view line;
    };
    const row rows[] = {
        {"one argument", "nginx\0"sv, 'S', "nginx"},
        {"several", "php\0artisan\0queue:work\0"sv, 'S', "php artisan queue:work"},
        {"blanks inside", "sh\0-c\0sleep 5\0"sv, 'S', "sh -c sleep 5"},
        {"empty arguments inside", "a\0\0b\0"sv, 'S', "a  b"},
        {"empty arguments at the end", "a\0b\0\0\0"sv, 'S', "a b"},
        {"rewritten by the process, without NUL", "nginx: worker process", 'S', "nginx: worker process"},
        {"rewritten and filled up", "sshd: bob  \0\0\0\0"sv, 'S', "sshd: bob"},
        {"lines", "sh\0-c\0a\nb\0"sv, 'S', "sh -c a b"},
        {"none", "", 'S', "[thename]"},
        {"only empty ones", "\0\0"sv, 'S', "[thename]"},
        {"ended", "", 'Z', "[thename] <defunct>"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(command_line({.state = each.state, .name = "thename"}, std::string{each.arguments}) == each.line);
    }
}

TEST_CASE("the table holds every process in order and knows its kin") {
    made_up_proc proc;
    proc.add({.pid = 1000, .name = "other", .arguments = "other\0x\0"sv, .user = 33});
    proc.add({.pid = 30, .parent = 200, .name = "child"});
    proc.add({.pid = 9, .parent = 30, .name = "grandchild"});
    proc.add({.pid = 300, .parent = 100, .name = "sibling"});
    proc.add({.pid = 40, .parent = 77777, .name = "parent of another namespace"});
    proc.files.put("/proc/12x/stat", "");  // no process
    auto table = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE(table);
    std::vector<std::uint32_t> pids;
    std::map<std::uint32_t, kinship> kin;
    for (const auto& each : table->processes()) {
        pids.push_back(each.pid);
        kin[each.pid] = each.kin;
    }
    CHECK(pids == std::vector<std::uint32_t>{1, 9, 30, 40, 100, 200, 300, 1000});
    CHECK(kin == std::map<std::uint32_t, kinship>{{1, kinship::ancestor},
                                                  {9, kinship::descendant},
                                                  {30, kinship::descendant},
                                                  {40, kinship::none},
                                                  {100, kinship::ancestor},
                                                  {200, kinship::self},
                                                  {300, kinship::none},
                                                  {1000, kinship::none}});
    CHECK_FALSE(table->moved());
    const auto& other = table->processes().back();
    CHECK(*table->user(other) == std::optional<std::uint32_t>{33});
    CHECK(*table->arguments(other) == std::optional{std::string{"other\0x\0"sv}});
    // It ends, and then its number belongs to nobody.
    CHECK_FALSE(table->moved());
    auto again = table;
    proc.remove(1000);
    CHECK(*table->user(other) == std::nullopt);
    CHECK(table->moved());
    CHECK(*again->arguments(other) == std::nullopt);
    CHECK(again->moved());
    CHECK(*table->own_name() == "self");
    proc.files.put("/proc/self/cmdline", "plain");
    CHECK(*table->own_name() == "plain");
    proc.files.put("/proc/self/cmdline", "");
    CHECK(table->own_name()->empty());
    proc.files.erase("/proc/self/cmdline");
    CHECK(table->own_name()->empty());
    proc.files.fail_on("/proc/self/cmdline", {errc::io, "no right"});
    CHECK_FALSE(table->own_name());
}

TEST_CASE("a process of a container has a number more than this one") {
    made_up_proc proc;
    proc.add({.pid = 300, .name = "beside"});
    proc.add({.pid = 301, .name = "inside", .namespaces = "\t1"});
    proc.add({.pid = 302, .name = "deeper", .namespaces = "\t12\t1"});
    proc.add({.pid = 303, .name = "NSpid:\t1\t2"});
    auto table = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE(table);
    const auto inside = [&] {
        std::string said;
        for (const auto& each : table->processes()) {
            if (each.pid < 300) continue;
            const auto answer = table->in_container(each);
            said += !answer ? '?' : *answer ? 'y' : 'n';
        }
        return said;
    };
    CHECK(inside() == "nyyn");
    // From within a container that sees the host's processes.
    proc.files.put("/proc/self/status", "Name:\tself\nNSpid:\t200\t1\n");
    CHECK(inside() == "nnyn");
    proc.files.put("/proc/self/status", "Name:\tself\nNSpid:\t200\n");
    proc.files.erase("/proc/301/status");
    proc.files.fail_on("/proc/302/status", {errc::io, "no right"});
    CHECK(inside() == "nn?n");
    proc.files.fail_on("/proc/self/status", {errc::io, "no right"});
    CHECK(inside() == "????");
}

TEST_CASE("a process that ends while it is read is left out") {
    made_up_proc proc;
    proc.add({.pid = 300, .name = "fading"});
    proc.add({.pid = 400, .name = "reused"});
    proc.add({.pid = 500, .name = "ending"});
    proc.add({.pid = 600, .name = "silent"});
    proc.add({.pid = 700, .name = "kernel", .kernel = true});
    proc.add({.pid = 800, .name = "zombie", .state = 'Z'});
    const auto whole = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE(whole);
    REQUIRE(whole->processes().size() == 9);
    CHECK_FALSE(whole->moved());
    proc.files.erase("/proc/300/stat");  // listed, but gone
    const auto table = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE(table);
    CHECK(table->moved());
    CHECK(table->processes().size() == 8);
    proc.files.put("/proc/400/stat", made_up_proc::status({.pid = 400, .name = "another", .start = 2000}));
    proc.files.put("/proc/500/stat", made_up_proc::status({.pid = 500, .name = "ending", .state = 'Z'}));
    // No arguments: it has ended since, or it has none.
    for (const auto& each : whole->processes()) {
        CAPTURE(each.name);
        if (each.pid <= 200) continue;
        auto asked = whole;  // each on its own
        CHECK(asked->arguments(each)->has_value() == (each.pid >= 600));
        CHECK(asked->moved() == (each.pid < 600));
    }
}

TEST_CASE("what is hidden or refused makes the whole table unknown") {
    struct row {
        std::string_view name;
        std::string_view fails;
        std::string_view removed;
        error expected;
    };
    const row rows[] = {
        {"others' files are refused (hidepid=1)",
         "/proc/1/stat",
         "",
         {errc::io, "cannot read the process table: no right, mount /proc without hidepid or run as root"}},
        {"others are not listed (hidepid=2)",
         "",
         "/proc/1",
         {errc::denied,
          "cannot read the process table: processes of other users are hidden, mount /proc without "
          "hidepid or run as root"}},
        {"own status missing",
         "",
         "/proc/self/stat",
         {errc::unavailable, "cannot read the process table: \"/proc/self/stat\" is not there"}},
        {"not listed",
         "/proc",
         "",
         {errc::io, "cannot read the process table: no right, mount /proc without hidepid or run as root"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        made_up_proc proc;
        if (!each.fails.empty()) proc.files.fail_on(std::string{each.fails}, {errc::io, "no right"});
        if (!each.removed.empty()) proc.files.erase(std::string{each.removed});
        if (each.removed == "/proc/1") {
            proc.files.erase("/proc/1/stat");
            proc.files.erase("/proc/1/cmdline");
        }
        const auto table = process_table<testing::memory_files&>::read(proc.files);
        REQUIRE_FALSE(table);
        CHECK(table.error() == each.expected);
    }
    // Its own first process can be seen by whom nothing else is shown.
    made_up_proc container;
    container.files.put("/proc/self/mountinfo", "9 1 0:9 / /proc rw - proc proc rw,hidepid=invisible\n");
    CHECK(process_table<testing::memory_files&>::read(container.files).error() == rows[1].expected);
    container.files.user_id = 0;
    CHECK(process_table<testing::memory_files&>::read(container.files));
    made_up_proc proc;
    auto table = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE(table);
    proc.files.fail_on("/proc/100/cmdline", {errc::io, "no right"});
    proc.files.fail_on("/proc/100", {errc::io, "no right"});
    CHECK_FALSE(table->arguments(table->processes()[1]));
    CHECK_FALSE(table->user(table->processes()[1]));
    CHECK_FALSE(process_table<testing::memory_files&>::read(proc.files, "/elsewhere"));
}

TEST_CASE("parents that form a loop end the search") {
    made_up_proc proc;
    proc.add({.pid = 100, .parent = 200, .name = "agent"});  // self is its child and its parent
    proc.add({.pid = 300, .parent = 301, .name = "a"});
    proc.add({.pid = 301, .parent = 300, .name = "b"});
    proc.add({.pid = 302, .parent = 302, .name = "c"});
    proc.add({.pid = 303, .parent = 301, .name = "d"});
    const auto table = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE(table);
    for (const auto& each : table->processes()) {
        CAPTURE(each.pid);
        if (each.pid >= 300) CHECK(each.kin == kinship::none);
        if (each.pid == 200) CHECK(each.kin == kinship::self);
    }
    // A long chain is walked once, not once for each of its links.
    std::vector<process> chain;
    for (std::uint32_t pid = 1; pid <= 200'000; ++pid) chain.push_back({.pid = pid, .parent = pid + 1});
    std::vector<bool> marked(chain.size());
    CHECK(below(chain, marked) == std::vector<bool>(chain.size()));
    marked[150'000] = true;
    const auto lower = below(chain, marked);
    CHECK(lower[0]);
    CHECK(lower[149'999]);
    CHECK_FALSE(lower[150'000]);
}

TEST_CASE("one process in another's place is refused, not looked for again and again") {
    made_up_proc proc;
    proc.files.put("/proc/300/stat", made_up_proc::status({.pid = 7, .parent = 300, .name = "a"}));
    const auto table = process_table<testing::memory_files&>::read(proc.files);
    REQUIRE_FALSE(table);
    CHECK(table.error() ==
          error{errc::bad_data, R"("/proc/300/stat" is the status of process 7, expected that of 300)"});
}

TEST_CASE("where files of processes can be read faster, they are") {
    struct quick_files : testing::memory_files {
        std::vector<std::string> quickly{};
        auto read_of_process(const std::string& path, std::size_t limit) -> result<std::optional<std::string>> {
            quickly.push_back(path);
            return read(path, limit);
        }
    };
    made_up_proc proc;
    proc.add({.pid = 300, .name = "other", .arguments = "other\0x\0"sv});
    quick_files files{{proc.files}, {}};
    auto table = process_table<quick_files&>::read(files, "/proc", [](auto& of, std::uint32_t pid) {
        return of.name(pid).transform([](const auto& name) { return name == "other"; });
    });
    REQUIRE(table);
    CHECK(*table->arguments(table->processes().back()) == std::optional{std::string{"other\0x\0"sv}});
    for (const auto* path : {"/proc/self/stat", "/proc/300/comm", "/proc/300/stat", "/proc/300/cmdline"}) {
        CAPTURE(path);
        CHECK(std::ranges::count(files.quickly, path) == 1);
    }
    // A list of lines is not read at once.
    CHECK(std::ranges::count(files.quickly, "/proc/self/mountinfo") == 0);
}

TEST_CASE("the machine's own table shows this process and what it starts") {
    int report[2];
    REQUIRE(::pipe(report) == 0);
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::prctl(PR_SET_NAME, "a) Z (b 1", 0, 0, 0);
        if (::fork() == 0) ::_exit(0);  // becomes a zombie: nobody waits for it
        siginfo_t gone{};
        ::waitid(P_ALL, 0, &gone, WEXITED | WNOWAIT);
        const char done = '.';
        if (::write(report[1], &done, 1) == 1) ::pause();
        ::_exit(0);
    }
    char done = 0;
    REQUIRE(::read(report[0], &done, 1) == 1);
    const posix_files files;
    auto table = process_table<const posix_files&>::read(files);
    REQUIRE(table);
    int children = 0;
    bool self = false;
    for (const auto& each : table->processes()) {
        if (each.pid == static_cast<std::uint32_t>(::getpid())) {
            self = true;
            CHECK(each.kin == kinship::self);
            CHECK(each.parent == static_cast<std::uint32_t>(::getppid()));
            const auto line = command_line(each, **table->arguments(each));
            CHECK(line.find("probes") != std::string::npos);  // the name of this test's program
            CHECK(*table->user(each) == std::optional<std::uint32_t>{::geteuid()});
        } else if (each.pid == static_cast<std::uint32_t>(::getppid())) {
            CHECK(each.kin == kinship::ancestor);
        } else if (each.name == "a) Z (b 1" && each.kin == kinship::descendant) {
            ++children;
            CHECK(each.ended == (each.pid != static_cast<std::uint32_t>(child)));
            if (each.ended) CHECK(command_line(each, **table->arguments(each)) == "[a) Z (b 1] <defunct>");
        }
    }
    CHECK(self);
    CHECK(children == 2);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    ::close(report[0]);
    ::close(report[1]);
}
