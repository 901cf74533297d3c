#include <powerconsul/probes/plugin.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "made_up_proc.hpp"

using namespace powerconsul;
using namespace std::string_view_literals;

static_assert(probe<plugin_probe<posix_spawn_executor, posix_files>>);
static_assert(probe<plugin_probe<testing::fake_executor&, testing::memory_files&>>);
static_assert(std::is_same_v<decltype(plugin_probe{plugin_options{}, std::declval<posix_spawn_executor&>(),
                                                   std::declval<posix_files&>()}),
                             plugin_probe<posix_spawn_executor&, posix_files&>>);

namespace {

const std::string debian{"/usr/lib/nagios/plugins/check_procs"};

/// A machine on which check_procs ends in a scripted way.
struct machine {
    testing::fake_executor executor{};
    testing::memory_files files{};

    explicit machine(result<outcome> end) {
        files.put(debian, "", {.kind = file_kind::regular, .mode = 0755});
        files.put("/proc/1/stat", "1 (init) S 0 1 1");
        executor.on({debian, "-v", "-v", "-c", "1:1", "-C", "x"}, end);
        executor.on({debian, "-c", "1:1", "-C", "x"}, std::move(end));
    }
    auto look() -> observed { return plugin_probe{{.arguments = {"-c", "1:1", "-C", "x"}}, executor, files}(); }
};

/// A directory of one test case, gone with it.
struct scratch {
    std::string path{"/tmp/powerconsul-plugin-XXXXXX"};
    std::vector<std::string> made{};

    scratch() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() {
        for (const auto& each : made) ::unlink(each.c_str());
        CHECK(::rmdir(path.c_str()) == 0);
    }
    auto script(const std::string& name, std::string_view text) -> std::string {
        made.push_back(path + '/' + name);
        std::ofstream{made.back()} << "#!/bin/sh\n" << text;
        REQUIRE(::chmod(made.back().c_str(), 0755) == 0);
        return made.back();
    }
};

/// A process with a name that nothing else on the machine has.
struct sleeper {
    std::string name{"pc" + std::to_string(::getpid())};
    std::string program{};
    pid_t pid{-1};

    explicit sleeper(scratch& in) : program{in.path + '/' + name} {
        std::ofstream{program, std::ios::binary} << std::ifstream{"/bin/sleep", std::ios::binary}.rdbuf();
        in.made.push_back(program);
        REQUIRE(::chmod(program.c_str(), 0755) == 0);
    }
    sleeper(const sleeper&) = delete;
    auto operator=(const sleeper&) -> sleeper& = delete;
    ~sleeper() { end(); }

    /// Returns once the child is the new program: that is when posix_spawn() returns.
    void start() {
        std::string time{"600"};
        char* const argv[] = {program.data(), time.data(), nullptr};
        char* const environment[] = {nullptr};
        REQUIRE(::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environment) == 0);
    }
    void end() {
        if (pid < 0) return;
        ::kill(pid, SIGKILL);
        CHECK(::waitpid(pid, nullptr, 0) == pid);
        pid = -1;
    }
};

}  // namespace

TEST_CASE("every end of a plugin leads to what it means") {
    using enum observation;
    struct case_row {
        std::string_view name;
        result<outcome> end;
        observed expected;
        std::string_view first_line{};
    };
    const auto exits = [](int status, std::string out, std::string err = {}) {
        return outcome{ending::exited, status, std::move(out), std::move(err), false};
    };
    const std::string none = "PROCS CRITICAL: 0 processes with command name 'x' | procs=0;;1:1;0;";
    const case_row rows[] = {
        {"0",
         exits(0, "PROCS OK: 1 process with command name 'x' | procs=1;;1:1;0;\n"),
         {running, "check_procs exits 0: PROCS OK: 1 process with command name 'x'"},
         "PROCS OK: 1 process with command name 'x' | procs=1;;1:1;0;"},
        {"1",
         exits(1, "PROCS WARNING: 2 processes\n"),
         {degraded, "check_procs exits 1: PROCS WARNING: 2 processes"},
         "PROCS WARNING: 2 processes"},
        {"2",
         exits(2, none + "\n"),
         {stopped, "check_procs exits 2: PROCS CRITICAL: 0 processes with command name 'x'"},
         none},
        {"3",
         exits(3, "Unable to read output\n"),
         {unknown, "check_procs exits 3: Unable to read output"},
         "Unable to read output"},
        {"3 with a complaint",
         exits(3, "Usage:\ncheck_procs -w ...\n", "check_procs: option requires an argument\n"),
         {unknown, "check_procs exits 3: Usage: (check_procs: option requires an argument)"},
         "Usage:"},
        {"4", exits(4, "a\n"), {unknown, "check_procs exits 4, from a plugin 0 to 3 is expected: a"}, "a"},
        {"127",
         exits(127, "b\n", "c"),
         {unknown, "check_procs exits 127, from a plugin 0 to 3 is expected: b (c)"},
         "b"},
        {"255", exits(255, "", ""), {unknown, "check_procs exits 255 and prints nothing"}},
        {"0 in silence", exits(0, ""), {unknown, "check_procs exits 0 and prints nothing"}},
        {"1 in silence", exits(1, "\n"), {unknown, "check_procs exits 1 and prints nothing"}},
        {"2 in silence", exits(2, " \r\n\t\n"), {unknown, "check_procs exits 2 and prints nothing"}},
        {"0 with control characters only", exits(0, "\x01\x02\n"), {unknown, "check_procs exits 0 and prints nothing"}},
        {"2 with performance data only",
         exits(2, "| procs=0\n"),
         {unknown, "check_procs exits 2 and prints nothing"},
         "| procs=0"},
        {"2 with errors only",
         exits(2, "", "\ncannot open\nmore"),
         {unknown, "check_procs exits 2 and prints nothing: cannot open"},
         "cannot open"},
        {"2 for a time-out of its own",
         exits(2, "CRITICAL - Plugin timed out after 10 seconds\n"),
         {unknown, "check_procs exits 2: CRITICAL - Plugin timed out after 10 seconds"},
         "CRITICAL - Plugin timed out after 10 seconds"},
        {"first line of several", exits(0, "\n one \ntwo\n"), {running, "check_procs exits 0: one"}, "one"},
        {"errors beside an answer", exits(1, "one\n", "warning\n"), {degraded, "check_procs exits 1: one"}, "one"},
        {"signal",
         outcome{ending::signalled, 9, none, {}, false},
         {unknown, "check_procs was ended by signal 9"},
         none},
        {"time-out",
         outcome{ending::timed_out, 0, none, {}, false},
         {unknown, "check_procs did not answer in time"},
         none},
        {"not started", unexpected{{errc::io, "cannot run it"}}, {unknown, "cannot run it"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m{row.end};
        plugin_probe look{{.arguments = {"-c", "1:1", "-C", "x"}}, m.executor, m.files};
        const auto seen = look();
        CHECK(seen.reason == row.expected.reason);
        CHECK(seen.state == row.expected.state);
        CHECK(look.first_line() == row.first_line);
        CHECK(look.path() == debian);
        CHECK(look() == seen);
    }
}

TEST_CASE("where none may run, too many are not taken for none") {
    using enum observation;
    struct row {
        std::string_view name;
        std::string_view out;
        bool some;
    };
    const row rows[] = {
        {"none", "PROCS CRITICAL: 0 processes with command name 'x' | procs=0;;1:1;0;", false},
        {"two", "PROCS CRITICAL: 2 processes with command name 'x' | procs=2;;1:1;0;", true},
        {"a hundred", "PROCS CRITICAL: 100 processes | procs=100;;1:1;0;", true},
        {"another metric", "CPU CRITICAL: 1 crit, 0 warn out of 1 process | procs=1 procs_warn=0 procs_crit=1", true},
        {"another metric, nothing there", "CPU OK: 0 processes | procs=0 procs_warn=0 procs_crit=0", false},
        {"without performance data, none", "PROCS CRITICAL: 0 processes with command name '2'", false},
        {"without performance data, some", "PROCS CRITICAL: 12 processes with command name 'x'", true},
        {"another plugin's data", "PROCS CRITICAL: 3 processes | other=0", true},
        {"no number", "CRITICAL: no process", false},
        {"no count at all", "CRITICAL", false},
        {"data on another line", "PROCS CRITICAL: 0 processes\n| procs=2", false},
        {"data that ends early", "PROCS CRITICAL | procs=", false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const outcome end{.status = 2, .out = std::string{each.out}};
        CHECK(interpret_plugin("check_procs", end, expectation::stopped).state == (each.some ? degraded : stopped));
        CHECK(interpret_plugin("check_procs", end, expectation::running).state == stopped);
        CHECK(interpret_plugin("check_procs", end).state == stopped);
        CHECK(interpret_plugin("check_procs", end).reason ==
              interpret_plugin("check_procs", end, expectation::stopped).reason);
    }
    machine here{outcome{.status = 2, .out = "PROCS CRITICAL: 2 processes | procs=2"}};
    const plugin_options on_standby{.arguments = {"-c", "1:1", "-C", "x"}, .expects = expectation::stopped};
    CHECK(plugin_probe{on_standby, here.executor, here.files}().state == degraded);
}

TEST_CASE("none counted is no evidence, but where none may run it is what is wanted") {
    using enum observation;
    const std::string none = "check_procs exits 0: PROCS OK: 0 processes";
    const outcome content{.out = "PROCS OK: 0 processes | procs=0;;;0;"};
    const observed unsure{unknown,
                          none + "; its arguments allow that no process is there, give it a range as in -c 1:"};
    CHECK(interpret_plugin("check_procs", content, expectation::running) == unsure);
    CHECK(interpret_plugin("check_procs", content) == unsure);
    CHECK(interpret_plugin("check_procs", content, expectation::stopped) == observed{stopped, none});
    const outcome warns{.status = 1, .out = "PROCS WARNING: 0 processes"};
    CHECK(interpret_plugin("check_procs", warns, expectation::running).state == degraded);
    CHECK(interpret_plugin("check_procs", warns, expectation::stopped).state == stopped);
    const outcome one{.out = "PROCS OK: 1 process | procs=1;;;0;"};
    CHECK(interpret_plugin("check_procs", one, expectation::stopped).state == running);
    CHECK(interpret_plugin("check_mine", outcome{.out = "OK - all is well"}, expectation::running).state == running);
}

namespace {

/// A machine with processes, of which check_procs lists some.
struct listing_machine : made_up_proc {
    testing::fake_executor executor{};
    std::vector<std::string> arguments{"-c", "1:", "-a", "zz"};

    listing_machine() { files.put(debian, "", {.kind = file_kind::regular, .mode = 0755}); }

    [[nodiscard]] static auto line_of(const entry& of) -> std::string {
        std::string line{of.arguments};
        if (line.ends_with('\0')) line.pop_back();
        for (char& c : line) c = c == '\0' ? ' ' : c;
        return line;
    }
    [[nodiscard]] static auto answer(std::size_t count) -> std::string {
        const bool well = count != 0;
        return (well ? "PROCS OK: " : "PROCS CRITICAL: ") + std::to_string(count) +
               " processes | procs=" + std::to_string(count) + ";;1:;0;\n";
    }
    [[nodiscard]] auto argv(std::vector<std::string> first) const -> std::vector<std::string> {
        first.insert(first.begin(), debian);
        first.insert(first.end(), arguments.begin(), arguments.end());
        return first;
    }

    /// check_procs counts these, and each time that it is asked about fewer, one of `later`.
    auto lists(const std::vector<entry>& counted, const std::vector<std::size_t>& later) -> void {
        std::string out = "CMD: /bin/ps\n";
        for (const auto& each : counted) {
            out += "Matched: uid=0 vsz=9 rss=9 pid=" + std::to_string(each.pid) +
                   " ppid=1 pcpu=0.00 stat=S etime=00:00 prog=x args=" + line_of(each) + '\n';
        }
        executor.on(argv({"-v", "-v"}), counted.empty() ? 2 : 0, out + answer(counted.size()));
        for (const auto count : later) {
            executor.on(argv({"--input-file=/dev/stdin"}), count == 0 ? 2 : 0, answer(count));
        }
    }
    auto look(expectation expects = expectation::running, bool containers = false) -> observed {
        return plugin_probe{{.arguments = arguments, .expects = expects, .containers = containers}, executor, files}();
    }
};

}  // namespace

TEST_CASE("what takes part in a check is not what check_procs was asked for") {
    using enum observation;
    using entry = made_up_proc::entry;
    const entry work{.pid = 300, .name = "work", .arguments = "work\0zz\0"sv};
    const entry shell{.pid = 100, .name = "sh", .arguments = "sh\0-c\0powerconsul check process -n '-a zz'\0"sv};
    const entry passes{.pid = 100, .name = "x", .arguments = "/opt/x\0-c 1: -a zz\0"sv};
    const entry wrapper{.pid = 100, .name = "x", .arguments = "/opt/x\0zz\0"sv};
    const entry agent{.pid = 100, .name = "consul", .arguments = "consul\0agent\0-node=zz\0"sv};
    const entry self{.pid = 200, .parent = 100, .name = "self", .arguments = "self\0check\0zz\0"sv};
    const entry mine{.pid = 210, .parent = 200, .name = "work", .arguments = "work\0zz\0"sv};
    const entry own_wrapper{.pid = 211, .parent = 200, .name = "sh", .arguments = "sh\0/opt/x\0-c\0001:\0-a\0zz\0"sv};
    const entry check{.pid = 400, .name = "powerconsul", .arguments = "powerconsul\0check\0-a zz\0"sv};
    const entry below{.pid = 401, .parent = 400, .name = "x", .arguments = "/opt/check\0zz\0"sv};
    const entry waits{.pid = 402, .name = "sh", .arguments = "sh\0-c\0sleep 1; check_procs -a zz\0"sv};
    const entry above{.pid = 390, .name = "x", .arguments = "/opt/x\0zz\0"sv};
    const entry child{.pid = 403, .parent = 390, .name = "powerconsul", .arguments = "powerconsul\0check\0-a zz\0"sv};
    struct row {
        std::string_view name;
        std::vector<entry> there;
        std::vector<std::size_t> later;  ///< how many check_procs counts of what it is asked about then
        observation expected;
    };
    const row rows[] = {
        {"only it", {work}, {}, running},
        {"nothing", {}, {}, stopped},
        {"the shell of this check", {shell}, {0}, stopped},
        {"that and it", {shell, work}, {1}, running},
        {"this check", {self, work}, {1}, running},
        {"what passes the arguments on", {passes}, {0}, stopped},
        {"what may have been started for this check", {wrapper}, {0}, unknown},
        {"that and it", {wrapper, work}, {1}, running},
        {"Consul's agent", {agent}, {}, running},
        {"what this process started", {mine}, {}, running},
        {"the plugin's own wrapper", {own_wrapper}, {0}, stopped},
        {"another check", {check}, {0}, stopped},
        {"another check's program", {check, below, work}, {1}, running},
        {"what will check", {waits}, {0}, stopped},
        {"what may have been started for another check", {above, child}, {1, 0}, unknown},
        {"all of them", {work, shell, self, check, below, waits}, {1}, running},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CAPTURE(each.there.size());
        listing_machine here;
        for (const auto& one : each.there) here.add(one);
        if (std::ranges::count(each.there, 401U, &entry::pid) != 0) here.add(check);
        here.lists(each.there, each.later);
        const auto seen = here.look();
        CHECK(seen.state == each.expected);
        CHECK(here.executor.commands().size() == 1 + each.later.size());
        for (std::size_t i = 0; i < each.later.size(); ++i) {
            const auto& input = here.executor.commands()[i + 1].input;
            CHECK(std::ranges::count(input, '\n') == static_cast<std::ptrdiff_t>(std::max(each.later[i], 1UL)) + 1);
            CHECK((input.find("work zz") != std::string::npos) ==
                  (std::ranges::count(each.there, 300U, &entry::pid) != 0));
        }
    }
}

TEST_CASE("the reason says what was left out, and what cannot be told") {
    listing_machine here;
    const made_up_proc::entry shell{.pid = 100, .name = "sh", .arguments = "sh\0-c\0powerconsul check -n '-a zz'\0"sv};
    here.add(shell);
    here.lists({shell}, {0});
    plugin_probe left_out{{.arguments = here.arguments}, here.executor, here.files};
    CHECK(left_out() ==
          observed{observation::stopped,
                   "check_procs exits 2: PROCS CRITICAL: 0 processes, without checks and what started them"});
    CHECK(left_out.first_line() == "PROCS CRITICAL: 0 processes | procs=0;;1:;0;");

    listing_machine doubtful;
    const made_up_proc::entry wrapper{.pid = 100, .name = "x", .arguments = "/opt/x\0zz\0"sv};
    doubtful.add(wrapper);
    doubtful.lists({wrapper}, {0});
    plugin_probe unsure{{.arguments = doubtful.arguments}, doubtful.executor, doubtful.files};
    CHECK(unsure() ==
          observed{observation::unknown,
                   "check_procs exits 0: PROCS OK: 1 processes; whether \"/opt/x zz\" should count cannot be "
                   "told, since it has started a check or has ended; ask for the process itself, as in check process "
                   "--name"});
    CHECK(unsure.first_line() == "PROCS OK: 1 processes | procs=1;;1:;0;");

    // A plugin that cannot be asked about fewer, or counts all again.
    for (const auto& end :
         {std::pair{3, "check_procs: unrecognized option\n"}, {0, "PROCS OK: 1 process\n"}, {0, "fine\n"}}) {
        CAPTURE(end.second);
        listing_machine old;
        old.add(shell);
        old.lists({shell}, {});
        old.executor.on(old.argv({"--input-file=/dev/stdin"}), end.first, end.second);
        CHECK(old.look() == observed{observation::unknown,
                                     "check_procs counts checks, too, and cannot be asked about the other processes "
                                     "alone: use check process --cmdline, which looks itself"});
    }
    listing_machine broken;
    broken.add(shell);
    broken.lists({shell}, {});
    broken.executor.on(broken.argv({"--input-file=/dev/stdin"}), unexpected{{errc::io, "cannot run it"}});
    CHECK(broken.look() == observed{observation::unknown, "cannot run it"});
}

TEST_CASE("what ends while check_procs is asked is looked for again") {
    using enum observation;
    const made_up_proc::entry gone{.pid = 300, .name = "work", .arguments = "work\0zz\0"sv};
    const made_up_proc::entry stays{.pid = 301, .name = "work", .arguments = "work\0zz\0"sv};
    listing_machine handed_over;
    handed_over.add(stays);
    handed_over.lists({gone}, {});
    handed_over.lists({stays}, {});
    CHECK(handed_over.look().state == running);
    CHECK(handed_over.executor.commands().size() == 2);
    listing_machine twice;
    twice.lists({gone}, {0});
    CHECK(twice.look().state == unknown);
    listing_machine beside;
    beside.add(stays);
    beside.lists({gone, stays}, {1});
    CHECK(beside.look() == observed{running, "check_procs exits 0: PROCS OK: 2 processes"});
}

TEST_CASE("a process that has ended and only waits to be collected does not run") {
    using enum observation;
    const made_up_proc::entry work{.pid = 300, .name = "work", .arguments = "work\0zz\0"sv};
    const made_up_proc::entry ended{.pid = 301, .name = "zz", .state = 'Z'};
    const made_up_proc::entry threads{.pid = 302, .name = "zz", .state = 'Z', .threads = 2};
    const std::string note = "; too many of these have ended, and nobody has collected them";
    struct row {
        std::string_view name;
        std::vector<made_up_proc::entry> there;
        std::vector<std::size_t> later;
        observed expected;
    };
    const row rows[] = {
        {"alone", {ended}, {0}, {degraded, "check_procs exits 0: PROCS OK: 1 processes" + note}},
        {"beside one that runs", {work, ended}, {1}, {running, "check_procs exits 0: PROCS OK: 2 processes"}},
        {"only its first thread", {threads}, {}, {running, "check_procs exits 0: PROCS OK: 1 processes"}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        listing_machine here;
        for (const auto& one : each.there) here.add(one);
        here.lists(each.there, each.later);
        CHECK(here.look() == each.expected);
        CHECK(here.executor.commands().size() == 1 + each.later.size());
    }
    // Whoever asks for such, and does not mind that there are none, is not told otherwise.
    listing_machine wanted;
    wanted.add(ended);
    wanted.lists({ended}, {});
    wanted.executor.on(wanted.argv({"--input-file=/dev/stdin"}), 0, "PROCS OK: 0 processes | procs=0;;;0;\n");
    CHECK(wanted.look().state == running);
}

TEST_CASE("without a process table the command lines must do") {
    using enum observation;
    const made_up_proc::entry work{.pid = 300, .name = "work", .arguments = "work\0zz\0"sv};
    const made_up_proc::entry check{.pid = 400, .name = "powerconsul", .arguments = "powerconsul\0check\0-a zz\0"sv};
    listing_machine here;
    here.files.fail_on("/proc", {errc::io, "no right"});
    here.lists({work, check}, {1});
    CHECK(here.look().state == running);
    listing_machine only_check;
    only_check.files.fail_on("/proc", {errc::io, "no right"});
    only_check.lists({check}, {0});
    CHECK(only_check.look().state == stopped);
}

TEST_CASE("the reason says that all that was counted runs in containers") {
    const std::string note = "; what it counted runs in containers, which check process --name would not count";
    const std::string one = "check_procs exits 0: PROCS OK: 1 processes";
    const made_up_proc::entry inside{.pid = 300, .name = "work", .arguments = "work\0zz\0"sv, .namespaces = "\t1"};
    const made_up_proc::entry beside{.pid = 301, .name = "work", .arguments = "work\0zz\0"sv};
    for (const bool containers : {false, true}) {
        listing_machine here;
        here.add(inside);
        here.lists({inside}, {});
        CHECK(here.look(expectation::running, containers) ==
              observed{observation::running, one + (containers ? "" : note)});
    }
    listing_machine both;
    both.add(inside);
    both.add(beside);
    both.lists({inside, beside}, {});
    CHECK(both.look().reason == "check_procs exits 0: PROCS OK: 2 processes");
}

TEST_CASE("the plugin runs in a clean environment, with the arguments as they are and with the time given") {
    machine m{outcome{.out = "OK\n"}};
    m.executor.on({"/opt/x/check_mine", "-v", "-v", "-a", "a b", ""}, 3, "no option -v\n");
    m.executor.on({"/opt/x/check_mine", "-a", "a b", ""}, 1, "few\n");
    CHECK(m.look() == observed{observation::running, "check_procs exits 0: OK"});
    plugin_probe other{
        {.arguments = {"-a", "a b", ""}, .plugin = "/opt/x/check_mine", .timeout = seconds(2)}, m.executor, m.files};
    CHECK(other() == observed{observation::degraded, "check_mine exits 1: few"});
    CHECK(other.path() == "/opt/x/check_mine");
    REQUIRE(m.executor.commands().size() == 4);
    CHECK(m.executor.commands()[0].timeout == seconds(5));
    CHECK(m.executor.commands()[1].timeout == seconds(1));
    CHECK(m.executor.commands()[2].timeout == seconds(2));
    CHECK(m.executor.commands()[3].timeout == milliseconds{400});
    for (const auto& each : m.executor.commands()) {
        CHECK(each.environment == std::vector<std::string>{
                                      "LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
    }
}

TEST_CASE("a call that fails leaves nothing of the one before") {
    machine m{outcome{.out = "OK\n"}};
    m.executor.on({debian, "-v", "-v", "-c", "1:1", "-C", "x"}, unexpected{{errc::io, "cannot run it"}});
    plugin_probe look{{.arguments = {"-c", "1:1", "-C", "x"}}, m.executor, m.files};
    CHECK(look().state == observation::running);
    CHECK(look.first_line() == "OK");
    CHECK(look() == observed{observation::unknown, "cannot run it"});
    CHECK(look.first_line().empty());
    m.files.erase(debian);
    CHECK(look().state == observation::unknown);
    CHECK(look.path().empty());
}

TEST_CASE("nothing is stopped where processes may be hidden") {
    const std::string reason =
        "check_procs exits 2: PROCS CRITICAL: 0 processes, but not all processes can be seen; "
        "mount /proc without hidepid or run as root";
    machine absent{outcome{.status = 2, .out = "PROCS CRITICAL: 0 processes\n"}};
    CHECK(absent.look().state == observation::stopped);
    absent.files.erase("/proc/1/stat");
    CHECK(absent.look() == observed{observation::unknown, reason});
    machine refused{outcome{.status = 2, .out = "PROCS CRITICAL: 0 processes\n"}};
    refused.files.fail_on("/proc/1/stat", {errc::denied, "no"});
    CHECK(refused.look() == observed{observation::unknown, reason});
    machine container{outcome{.status = 2, .out = "PROCS CRITICAL: 0 processes\n"}};  // whose pid 1 can be seen
    container.files.put("/proc/self/mountinfo", "9 1 0:9 / /proc rw - proc proc rw,hidepid=invisible\n");
    CHECK(container.look() == observed{observation::unknown, reason});
    container.files.user_id = 0;
    CHECK(container.look().state == observation::stopped);
    machine found{outcome{.status = 0, .out = "PROCS OK: 1 process\n"}};
    found.files.erase("/proc/1/stat");
    CHECK(found.look().state == observation::running);
}

TEST_CASE("check_procs is found in each of the directories, the first one wins") {
    for (std::size_t i = 0; i < plugin_directories.size(); ++i) {
        CAPTURE(plugin_directories[i]);
        for (const auto kind : {file_kind::regular, file_kind::symlink}) {
            testing::memory_files files;
            const std::string path = std::string{plugin_directories[i]} + "/check_procs";
            files.put(path, "", {.kind = kind, .mode = 0755});
            for (std::size_t j = i + 1; j < plugin_directories.size(); ++j) {
                files.put(std::string{plugin_directories[j]} + "/check_procs", "");
            }
            for (std::size_t j = 0; j < i; ++j) {
                files.put(std::string{plugin_directories[j]} + "/check_procs", "", {.kind = file_kind::directory});
            }
            CHECK(find_plugin(files, "check_procs").value_or("") == path);
        }
    }
    testing::memory_files closed;
    closed.fail_on("/usr/lib64/nagios/plugins/check_procs", {errc::denied, "Permission denied"});
    closed.fail_on("/usr/libexec/nagios/plugins/check_procs", {errc::io, "Input/output error"});
    CHECK(find_plugin(closed, "check_procs").error() == error{errc::denied, "Permission denied"});
    closed.put("/usr/libexec/nagios/check_procs", "");
    CHECK(find_plugin(closed, "check_procs").value_or("") == "/usr/libexec/nagios/check_procs");
}

TEST_CASE("a missing plugin is one clear error") {
    testing::memory_files files;
    testing::fake_executor executor;
    plugin_probe look{{}, executor, files};
    const auto seen = look();
    CHECK(
        seen ==
        observed{observation::unknown,
                 "check_procs was not found in /usr/lib/nagios/plugins, /usr/lib64/nagios/plugins, "
                 "/usr/lib/monitoring-plugins, /usr/lib64/monitoring-plugins, /usr/libexec/monitoring-plugins, "
                 "/usr/libexec/nagios/plugins, /usr/libexec/nagios, /usr/local/libexec/nagios, "
                 "/usr/local/nagios/libexec, /usr/local/lib/nagios/plugins and "
                 "/usr/local/libexec/monitoring-plugins; install monitoring-plugins-basic (Debian), or say where it is",
                 "plugin"});
    CHECK(find_plugin(files, "check_procs").error().code == errc::unavailable);
    CHECK(look.path().empty());
    CHECK(look.first_line().empty());
    CHECK(executor.commands().empty());
    posix_spawn_executor real;
    const auto gone = plugin_probe{{.plugin = "/nowhere/check_procs"}, real, files}();
    CHECK(gone.state == observation::unknown);
    CHECK(gone.reason.find("/nowhere/check_procs") != std::string::npos);
    const auto relative = plugin_probe{{.plugin = "check_procs"}, real, files}();
    CHECK(relative.state == observation::unknown);
    CHECK(relative.reason.find("absolute path") != std::string::npos);
}

TEST_CASE("the real check_procs sees a real process") {
    posix_spawn_executor executor;
    posix_files files;
    REQUIRE_MESSAGE(find_plugin(files, "check_procs").has_value(), "install monitoring-plugins-basic");
    scratch directory;
    sleeper process{directory};
    const auto quoted_name = '\'' + process.name + '\'';
    const auto look = [&](std::vector<std::string> arguments) {
        plugin_probe ask{{.arguments = std::move(arguments), .timeout = seconds(30)}, executor, files};
        auto seen = ask();
        CHECK(ask.path().ends_with("/check_procs"));
        CHECK_FALSE(ask.first_line().empty());
        return seen;
    };
    for (int round = 0; round < 2; ++round) {
        CHECK(look({"-c", "1:1", "-C", process.name}) ==
              observed{observation::stopped,
                       "check_procs exits 2: PROCS CRITICAL: 0 processes with command name " + quoted_name});
        process.start();
        CHECK(look({"-c", "1:1", "-C", process.name}) ==
              observed{observation::running,
                       "check_procs exits 0: PROCS OK: 1 process with command name " + quoted_name});
        CHECK(look({"-c", "1:1", "-a", process.program + " 600"}).state == observation::running);
        CHECK(look({"-w", "2:", "-c", "1:", "-C", process.name}) ==
              observed{observation::degraded,
                       "check_procs exits 1: PROCS WARNING: 1 process with command name " + quoted_name});
        process.end();
    }
    const auto misused = look({"-z"});
    CHECK(misused.state == observation::unknown);
    CHECK(misused.reason.starts_with("check_procs exits 3: Usage: ("));
    CHECK(misused.reason.find("option requires an argument") != std::string::npos);
}

TEST_CASE("whatever stands in for a plugin, the answer is bounded, printable and never stopped by accident") {
    using enum observation;
    struct case_row {
        std::string_view name;
        const char* script;
        observed expected;
    };
    const std::string longest(297, 'x');
    const case_row rows[] = {
        {"killed", "echo 'PROCS CRITICAL'; kill -KILL $$\n", {unknown, "stand-in was ended by signal 9"}},
        {"silent", "exit 0\n", {unknown, "stand-in exits 0 and prints nothing"}},
        {"silent and critical", "exit 2\n", {unknown, "stand-in exits 2 and prints nothing"}},
        {"only complains",
         "echo 'no such thing' >&2; exit 2\n",
         {unknown, "stand-in exits 2 and prints nothing: no such thing"}},
        {"one MiB in one line",
         "head -c 1048576 /dev/zero | tr '\\0' x\n",
         {running, "stand-in exits 0: " + longest + "..."}},
        {"one MiB of line ends",
         "head -c 1048576 /dev/zero | tr '\\0' '\\n'\n",
         {unknown, "stand-in exits 0 and prints nothing"}},
        {"binary",
         "printf 'a\\000\\033[1m\\377\\303b\\n'; exit 1\n",
         {degraded,
          "stand-in exits 1: a [1m\xEF\xBF\xBD\xEF\xBF\xBD"
          "b"}},
        {"4", "echo x; exit 4\n", {unknown, "stand-in exits 4, from a plugin 0 to 3 is expected: x"}},
        {"127", "/nowhere/ps x 2>/dev/null || exit 127\n", {unknown, "stand-in exits 127 and prints nothing"}},
        {"closes its output", "exec >&- 2>&-; exit 2\n", {unknown, "stand-in exits 2 and prints nothing"}},
        {"environment and arguments",
         "[ \"$LC_ALL${LANG+x}${POWERCONSUL_TEST_LEAK+x}\" = C ] && [ \"$*\" = \"a b \" ] && echo ok\n",
         {running, "stand-in exits 0: ok"}},
    };
    REQUIRE(::setenv("POWERCONSUL_TEST_LEAK", "1", 1) == 0);
    posix_spawn_executor executor;
    posix_files files;
    for (const auto& row : rows) {
        CAPTURE(row.name);
        scratch directory;
        plugin_probe look{
            {.arguments = {"a b", ""}, .plugin = directory.script("stand-in", row.script), .timeout = seconds(30)},
            executor,
            files};
        const auto seen = look();
        CHECK(seen.reason == row.expected.reason);
        CHECK(seen.state == row.expected.state);
        CHECK(look.first_line().size() <= 300);
    }
    scratch directory;
    plugin_probe hangs{
        {.plugin = directory.script("stand-in", "echo 'PROCS OK'; sleep 600\n"), .timeout = milliseconds{300}},
        executor,
        files};
    const posix_clock time;
    const auto start = time.monotonic();
    CHECK(hangs() == observed{unknown, "stand-in did not answer in time"});
    CHECK(time.monotonic() - start < seconds(30));
}
