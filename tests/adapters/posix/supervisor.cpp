#include <powerconsul/adapters/posix/supervisor.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>

using namespace powerconsul;

namespace {

auto shell(std::string script) -> job {
    return {.argv = {"/bin/sh", "-c", std::move(script)}, .environment = {"PATH=/usr/bin:/bin"}};
}

auto scripted(std::vector<std::string> argv, std::string script) -> job {
    return {.argv = std::move(argv), .environment = {"PATH=/usr/bin:/bin"}, .script = std::move(script)};
}

template <typename Ready = accepts_any_process>
auto run(const job& what, Ready ready = {}) -> job_outcome {
    posix_supervisor supervisor;
    auto seen = supervisor.run(what, ready);
    REQUIRE_MESSAGE(seen.has_value(), (seen ? "" : seen.error().message));
    return std::move(*seen);
}

auto text_of(const std::string& path) -> std::string {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

auto own_children() -> std::string {
    return text_of("/proc/thread-self/children");
}

auto exists(const std::string& path) -> bool {
    return ::access(path.c_str(), F_OK) == 0;
}

/// What follows the name in /proc/<pid>/stat: state, parent, group, session, ...; empty if there is no such process.
auto stat_fields(const std::string& pid) -> std::vector<std::string> {
    const auto text = text_of("/proc/" + pid + "/stat");
    std::vector<std::string> fields;
    for (std::size_t at = text.rfind(')'); at != std::string::npos && at + 2 < text.size(); at = text.find(' ', at)) {
        at += fields.empty() ? 2 : 1;
        fields.push_back(text.substr(at, text.find_first_of(" \n", at) - at));
    }
    return fields;
}

auto alive(std::int64_t pid) -> bool {
    const auto fields = stat_fields(std::to_string(pid));
    return !fields.empty() && fields[0] != "Z" && fields[0] != "X";
}

auto mark_of(pid_t pid) -> process_mark {
    const auto fields = stat_fields(std::to_string(pid));
    REQUIRE(fields.size() > 19);
    auto boot = text_of("/proc/sys/kernel/random/boot_id");
    boot.pop_back();
    return {pid, std::strtoull(fields[19].c_str(), nullptr, 10), boot};
}

/// Processes, zombies not counted, of the session that a job has.
auto in_session(std::int64_t session) -> int {
    DIR* directory = ::opendir("/proc");
    REQUIRE(directory != nullptr);
    int count = 0;
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        const auto fields = stat_fields(entry->d_name);
        if (fields.size() > 3 && fields[3] == std::to_string(session) && fields[0] != "Z" && fields[0] != "X") ++count;
    }
    ::closedir(directory);
    return count;
}

auto open_descriptors() -> int {
    DIR* directory = ::opendir("/proc/self/fd");
    REQUIRE(directory != nullptr);
    int count = 0;
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count;
}

template <typename Condition>
auto soon(Condition condition) -> bool {
    for (int tries = 0; tries < 4000; ++tries) {
        if (condition()) return true;
        ::usleep(5000);
    }
    return false;
}

/// The processes that have a pipe open, by its name below /proc/<pid>/fd.
auto holders_of(const std::string& pipe) -> std::vector<std::string> {
    std::vector<std::string> holders;
    DIR* processes = ::opendir("/proc");
    REQUIRE(processes != nullptr);
    while (const dirent* process = ::readdir(processes)) {
        const std::string folder = std::string{"/proc/"} + process->d_name + "/fd";
        DIR* open = process->d_name[0] < '1' || process->d_name[0] > '9' ? nullptr : ::opendir(folder.c_str());
        if (open == nullptr) continue;
        while (const dirent* number = ::readdir(open)) {
            std::array<char, 64> link{};
            if (::readlink((folder + '/' + number->d_name).c_str(), link.data(), link.size() - 1) < 0) continue;
            if (link.data() == pipe && (holders.empty() || holders.back() != process->d_name)) {
                holders.emplace_back(process->d_name);
            }
        }
        ::closedir(open);
    }
    ::closedir(processes);
    return holders;
}

auto is_root() -> bool {
    if (::geteuid() == 0) return true;
    MESSAGE("skipped: only root may become another user");
    return false;
}

/// Gives the same answer to all, and notes what they want.
struct scripted_scopes {
    std::vector<wanted_scope>* wanted{};
    const result<std::string>* answer{};
    [[nodiscard]] auto open_scope(const wanted_scope& scope, milliseconds&) const -> result<std::string> {
        wanted->push_back(scope);
        return *answer;
    }
};

/// Directory of one test case, gone with it.
struct scratch {
    std::string path{"/tmp/powerconsul-supervisor-XXXXXX"};
    scratch() {
        REQUIRE(::mkdtemp(path.data()) != nullptr);
        REQUIRE(::chmod(path.c_str(), 0777) == 0);
    }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() { CHECK(run({.argv = {"/bin/rm", "-rf", path}}).status == 0); }
};

/// A process of the test that runs `body` and ends with its answer as exit status.
struct forked {
    pid_t pid{-1};
    template <typename Body>
    explicit forked(Body body) : pid{::fork()} {
        if (pid == 0) ::_exit(body());
        REQUIRE(pid > 0);
    }
    forked(const forked&) = delete;
    auto operator=(const forked&) -> forked& = delete;
    ~forked() {
        if (pid < 0) return;
        ::kill(pid, SIGKILL);
        (void)wait();
    }
    /// As waitpid(2) has it.
    auto wait() -> int {
        int status = -1;
        CHECK(uninterrupted([&] { return ::waitpid(pid, &status, 0); }) == pid);
        pid = -1;
        return status;
    }
    /// The exit status, -1 after a signal.
    auto exit_status() -> int {
        const int status = wait();
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
};

/// Numbers that one process tells another.
struct numbers_pipe {
    std::array<int, 2> ends{-1, -1};
    numbers_pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
    numbers_pipe(const numbers_pipe&) = delete;
    auto operator=(const numbers_pipe&) -> numbers_pipe& = delete;
    ~numbers_pipe() {
        for (const int end : ends) ::close(end);
    }
    void put(std::int64_t number) const { (void)!::write(ends[1], &number, sizeof number); }
    auto get() const -> std::int64_t {
        std::int64_t number = -1;
        REQUIRE(uninterrupted([&] { return ::read(ends[0], &number, sizeof number); }) == sizeof number);
        return number;
    }
};

}  // namespace

TEST_CASE("the end of a job is reported as it was, its output in one piece") {
    struct case_row {
        std::string_view name;
        const char* script;
        ending how;
        int status;
        const char* output;
    };
    constexpr case_row rows[] = {
        {"success", "exit 0", ending::exited, 0, ""},
        {"a status", "exit 3", ending::exited, 3, ""},
        {"the largest status", "exit 255", ending::exited, 255, ""},
        {"output and errors in their order", "echo 1; echo 2 >&2; echo 3", ending::exited, 0, "1\n2\n3\n"},
        {"killed by a signal", "echo last words; kill -9 $$", ending::signalled, 9, "last words\n"},
        {"ended by SIGTERM of its own", "kill -TERM $$", ending::signalled, 15, ""},
        {"output closed early", "exec >&- 2>&-; exit 4", ending::exited, 4, ""},
        {"bytes that are no text", "printf '\\377\\n'", ending::exited, 0, "\xFF\n"},
        {"command not found in the shell", "/nowhere/x 2>/dev/null", ending::exited, 127, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto seen = run(shell(row.script));
        CHECK(seen.how == row.how);
        CHECK(seen.status == row.status);
        CHECK(seen.output == row.output);
        CHECK(seen.dropped == 0);
        CHECK(seen.duration.count >= 0);
        CHECK(own_children() == "");
    }
}

TEST_CASE("what cannot be started is an error that names the program and the reason, and was never accepted in vain") {
    const scratch directory;
    const std::string plain = directory.path + "/plain";
    std::ofstream{plain} << "#!/bin/sh\nexit 0\n";
    REQUIRE(::chmod(plain.c_str(), 0644) == 0);
    struct case_row {
        std::string_view name;
        job what;
        errc code;
        std::string message;
    };
    const std::string name = '"' + plain + '"';
    const std::string with_zero("a\0b", 3);
    const case_row rows[] = {
        {"missing", {.argv = {"/nowhere/x"}}, errc::io, "cannot run \"/nowhere/x\": No such file or directory"},
        {"not executable", {.argv = {plain}}, errc::io, "cannot run " + name + ": Permission denied"},
        {"a directory", {.argv = {"/tmp"}}, errc::io, "cannot run \"/tmp\": Permission denied"},
        {"CR LF",
         {.argv = {"/bin/sh\r"}},
         errc::io,
         "cannot run \"/bin/sh\\r\": No such file or directory (its name holds a control character: a line that ends in "
         "CR "
         "LF?)"},
        {"an argument of 1 MiB",
         {.argv = {"/bin/true", std::string(1 << 20, 'x')}},
         errc::io,
         "cannot run \"/bin/true\": Argument list too long"},
        {"relative", {.argv = {"sh"}}, errc::usage, "cannot run \"sh\": a program needs its absolute path"},
        {"nothing at all", {}, errc::usage, "cannot run \"\": a program needs its absolute path"},
        {"zero byte in an argument",
         {.argv = {"/bin/true", with_zero}},
         errc::usage,
         "cannot run \"/bin/true\": arguments and environment cannot hold a zero byte"},
        {"zero byte in the environment",
         {.argv = {"/bin/true"}, .environment = {"A=" + with_zero}},
         errc::usage,
         "cannot run \"/bin/true\": arguments and environment cannot hold a zero byte"},
        {"unknown user",
         {.argv = {"/bin/true"}, .user = "no such user"},
         errc::usage,
         "cannot run \"/bin/true\" as user \"no such user\": this machine knows no such user"},
        {"user with a zero byte",
         {.argv = {"/bin/true"}, .user = std::string("root\0x", 6)},
         errc::usage,
         "cannot run \"/bin/true\" as user \"root\\x00x\": this machine knows no such user"},
    };
    posix_supervisor supervisor;
    const int before = open_descriptors();
    for (const auto& row : rows) {
        CAPTURE(row.name);
        bool asked = false;
        const auto seen = supervisor.run(row.what, [&](const process_mark&) {
            asked = true;
            return result<void>{};
        });
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error() == error{row.code, row.message});
        CHECK(asked == (row.code == errc::io));
        CHECK(own_children() == "");
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("a job begins in its own session, from /, with nothing inherited") {
    REQUIRE(::setenv("POWERCONSUL_TEST_LEAK", "1", 1) == 0);
    // Its account's variables come behind: see below.
    const auto variables = [](std::vector<std::string> environment) {
        const auto all = run({.argv = {"/usr/bin/env"}, .environment = std::move(environment)}).output;
        return all.substr(0, all.find("HOME="));
    };
    CHECK(variables({"ONE=1", "TWO=a b", "THREE=$ONE\n'"}) == "ONE=1\nTWO=a b\nTHREE=$ONE\n'\n");
    CHECK(variables({}) == "");
    CHECK(run({.argv = {"/usr/bin/printf", "<%s>", "$HOME", "a b", "*", "$(id)"}}).output == "<$HOME><a b><*><$(id)>");
    const mode_t before = ::umask(0);
    CHECK(run(shell("pwd; umask; readlink /proc/self/fd/0; cat")).output == "/\n0022\n/dev/null\n");
    ::umask(before);

    const auto ids = run(shell("echo $$; cut -d' ' -f5,6,7 /proc/$$/stat")).output;
    const auto pid = ids.substr(0, ids.find('\n'));
    CHECK(ids == pid + "\n" + pid + " " + pid + " 0\n");  // group, session, no terminal
}

TEST_CASE("no descriptor is inherited but the script's, close-on-exec or not") {
    const int low = ::open("/dev/zero", O_RDONLY);
    const int high = ::fcntl(low, F_DUPFD, 200);
    REQUIRE(high >= 200);
    // ls itself opens the directory, with the first free number.
    CHECK(run({.argv = {"/bin/ls", "/proc/self/fd"}}).output == "0\n1\n2\n3\n");
    CHECK(run(scripted({"/bin/sh"}, "ls /proc/self/fd")).output == "0\n1\n2\n3\n4\n");
    const auto both = run(shell("for i in 1 2; do readlink /proc/$$/fd/$i; done")).output;
    CHECK(both.starts_with("pipe:["));
    CHECK(both == both.substr(0, both.size() / 2) + both.substr(0, both.size() / 2));
    ::close(low);
    ::close(high);
}

TEST_CASE("signals are as for a fresh process") {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    sigset_t block{};
    sigset_t before{};
    ::sigemptyset(&block);
    ::sigaddset(&block, SIGTERM);
    ::sigaddset(&block, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &block, &before);
    const auto seen = run({.argv = {"/bin/grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"}});
    sigset_t kept{};
    ::pthread_sigmask(SIG_SETMASK, &before, &kept);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGHUP, SIG_DFL);
    CHECK(::sigismember(&kept, SIGTERM) == 1);
    CHECK(::sigismember(&kept, SIGUSR2) == 0);
    // This process itself may have been begun with the C library's two internal signals, 32 and 33, ignored.
    const bool clean = seen.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n" ||
                       seen.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
    CAPTURE(seen.output);
    CHECK(clean);
}

TEST_CASE("a process that ignores the end of its children is refused before anything runs") {
    const scratch directory;
    ::signal(SIGCHLD, SIG_IGN);
    posix_supervisor supervisor;
    const auto seen = supervisor.run(shell("echo > " + directory.path + "/ran"), accepts_any_process{});
    ::signal(SIGCHLD, SIG_DFL);
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error() == error{errc::usage,
                                "cannot run \"/bin/sh\": this process ignores SIGCHLD, and would not learn "
                                "how its child ended"});
    CHECK_FALSE(exists(directory.path + "/ran"));
}

TEST_CASE("ready gets the mark of the job while it has done nothing") {
    const scratch directory;
    const std::string ran = directory.path + "/ran";
    posix_supervisor supervisor;
    process_mark given;
    const auto seen = supervisor.run(shell("echo > " + ran + "; echo $$"), [&](const process_mark& mark) {
        given = mark;
        ::usleep(50'000);
        CHECK_FALSE(exists(ran));
        CHECK(mark == mark_of(static_cast<pid_t>(mark.pid)));
        CHECK(*supervisor.is_running(mark));
        CHECK(stat_fields(std::to_string(mark.pid)).at(3) == std::to_string(mark.pid));  // a kill of its group is safe
        return result<void>{};
    });
    REQUIRE(seen.has_value());
    CHECK(seen->output == std::to_string(given.pid) + "\n");
    CHECK(exists(ran));
    CHECK_FALSE(*supervisor.is_running(given));
}

TEST_CASE("if ready fails nothing has run, and its error is the answer") {
    const scratch directory;
    const std::string ran = directory.path + "/ran";
    posix_supervisor supervisor;
    const int before = open_descriptors();
    process_mark given;
    const auto seen = supervisor.run(shell("echo > " + ran), [&](const process_mark& mark) -> result<void> {
        given = mark;
        return fail(errc::denied, "the journal is read-only");
    });
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error() == error{errc::denied, "the journal is read-only"});
    CHECK(own_children() == "");
    CHECK_FALSE(alive(given.pid));
    CHECK_FALSE(exists(ran));
    CHECK(open_descriptors() == before);
}

TEST_CASE("a job that is killed while it waits for the word has not run") {
    posix_supervisor supervisor;
    const auto seen = supervisor.run(shell("exit 0"), [&](const process_mark& mark) -> result<void> {
        CHECK(supervisor.end(mark));
        CHECK(soon([&] { return !*supervisor.is_running(mark); }));
        return {};
    });
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error() == error{errc::io, "cannot run \"/bin/sh\": its process ended before it could begin"});
    CHECK(own_children() == "");
}

TEST_CASE("a job never runs if its supervisor dies inside ready") {
    for (const bool held_by_other : {false, true}) {
        CAPTURE(held_by_other);
        const scratch directory;
        const std::string ran = directory.path + "/ran";
        const numbers_pipe told;
        forked dies{[&] {
            posix_supervisor supervisor;
            (void)supervisor.run(shell("echo > " + ran), [&](const process_mark& mark) -> result<void> {
                // One that was forked by other code and keeps a copy of all descriptors.
                pid_t other = 0;
                if (held_by_other && (other = ::fork()) == 0) {
                    ::pause();
                    ::_exit(0);
                }
                told.put(mark.pid);
                told.put(other);
                ::kill(::getpid(), SIGKILL);
                return {};
            });
            return 0;
        }};
        const auto pid = told.get();
        const auto other = told.get();
        CHECK(WTERMSIG(dies.wait()) == SIGKILL);
        CHECK(soon([&] { return !alive(pid); }));
        CHECK_FALSE(exists(ran));
        if (held_by_other) {
            CHECK(alive(other));
            ::kill(static_cast<pid_t>(other), SIGKILL);
        }
    }
}

TEST_CASE("a job goes on when its supervisor dies, can be found by its mark and ended") {
    const scratch directory;
    const std::string ran = directory.path + "/ran";
    const numbers_pipe told;
    forked dies{[&] {
        posix_supervisor supervisor;
        const auto what = shell("kill -9 $PPID; sleep 600 & echo > " + ran + "; wait");
        (void)supervisor.run(what, [&](const process_mark& mark) -> result<void> {
            told.put(mark.pid);
            told.put(static_cast<std::int64_t>(mark.began));
            return {};
        });
        return 0;
    }};
    const auto pid = told.get();
    const auto began = static_cast<std::uint64_t>(told.get());
    CHECK(WTERMSIG(dies.wait()) == SIGKILL);
    REQUIRE(soon([&] { return exists(ran); }));
    posix_supervisor supervisor;
    auto mark = mark_of(::getpid());
    mark.pid = pid;
    mark.began = began;
    CHECK(*supervisor.is_running(mark));
    CHECK(in_session(pid) >= 1);
    CHECK(supervisor.end(mark));
    CHECK(soon([&] { return !*supervisor.is_running(mark); }));
    CHECK(soon([&] { return in_session(pid) == 0; }));
    CHECK(supervisor.end(mark));
}

TEST_CASE("is_running and end know a process by its number, beginning and boot") {
    forked sleeper{[] {
        ::setsid();
        for (;;) ::pause();
        return 0;
    }};
    REQUIRE(soon([&] { return stat_fields(std::to_string(sleeper.pid)).at(3) == std::to_string(sleeper.pid); }));
    const auto mark = mark_of(sleeper.pid);
    const posix_supervisor supervisor;
    struct case_row {
        std::string_view name;
        process_mark mark;
    };
    const case_row others[] = {
        {"began before", {mark.pid, mark.began - 1, mark.boot}},
        {"began after", {mark.pid, mark.began + 1, mark.boot}},
        {"another boot", {mark.pid, mark.began, "4b1d0e52-0000-4000-8000-000000000000"}},
        {"no boot", {mark.pid, mark.began, ""}},
        {"no process", {0, mark.began, mark.boot}},
        {"all processes", {-1, mark.began, mark.boot}},
        {"the first process", {1, mark_of(1).began, mark.boot}},
        {"more than a process number", {std::int64_t{1} << 40U, mark.began, mark.boot}},
        {"one above the largest", {std::numeric_limits<pid_t>::max(), mark.began, mark.boot}},
        {"nothing at all", {}},
    };
    for (const auto& row : others) {
        CAPTURE(row.name);
        const auto running = supervisor.is_running(row.mark);
        REQUIRE(running.has_value());
        REQUIRE_FALSE(*running);  // or else end() would end what this test did not make, for some rows all processes
        CHECK(supervisor.end(row.mark));
        CHECK(*supervisor.is_running(mark));
    }
    CHECK(supervisor.end(mark));
    CHECK(soon([&] { return !*supervisor.is_running(mark); }));
    CHECK(stat_fields(std::to_string(sleeper.pid)).at(0) == "Z");  // not collected yet, and not running
    CHECK(supervisor.end(mark));
    CHECK(WTERMSIG(sleeper.wait()) == SIGKILL);
    CHECK_FALSE(*supervisor.is_running(mark));
    CHECK(supervisor.end(mark));
}

TEST_CASE("a process that /proc hides is not told to have ended") {
    if (!is_root()) return;
    auto mark = mark_of(::getpid());
    forked looks{[&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("proc", "/proc", "proc", 0, "hidepid=2") != 0) {
            return 99;
        }
        if (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0) return 98;
        const posix_supervisor supervisor;
        const auto running = supervisor.is_running(mark);
        if (running) return 1;
        if (running.error().code != errc::io || supervisor.end(mark)) return 2;
        return *supervisor.is_running({mark.pid, mark.began, "another boot"}) ? 3 : 0;
    }};
    const int answer = looks.exit_status();
    if (answer == 99) {
        MESSAGE("skipped: no mount namespace is to be had");
    } else {
        CHECK(answer == 0);
    }
}

TEST_CASE("another thread's end of a job ends its group at once") {
    posix_supervisor supervisor;
    std::thread ends;
    std::int64_t pid = 0;
    const auto seen = supervisor.run(shell("sleep 600 & sleep 600 & echo begun; wait"), [&](const process_mark& mark) {
        pid = mark.pid;
        ends = std::thread{[&supervisor, mark] {
            CHECK(soon([&] { return in_session(mark.pid) == 3; }));
            CHECK(supervisor.end(mark));
        }};
        return result<void>{};
    });
    ends.join();
    REQUIRE(seen.has_value());
    CHECK(seen->how == ending::signalled);
    CHECK(seen->status == SIGKILL);
    CHECK(soon([&] { return in_session(pid) == 0; }));
}

TEST_CASE("a job that does not end in time is ended with its whole group") {
    struct case_row {
        std::string_view name;
        const char* script;
        const char* output;
    };
    constexpr case_row rows[] = {
        {"ends on SIGTERM", "echo begun; exec sleep 600", "begun\n"},
        {"ends with a child in its group", "sleep 600 & echo begun; wait", "begun\n"},
        {"ignores SIGTERM", "trap '' TERM; echo begun; while :; do sleep 600; done", "begun\n"},
        {"writes on SIGTERM", "trap 'echo asked; exit 0' TERM; sleep 600 & wait", "asked\n"},
        {"its child writes on SIGTERM", "(trap 'echo asked; exit 0' TERM; sleep 600 & wait) & wait", "asked\n"},
        {"stops itself", "kill -STOP $$", ""},
        {"its child ignores SIGTERM", "(trap '' TERM; exec sleep 600) & exec sleep 600", ""},
        {"many children", "i=0; while [ $i -lt 50 ]; do sleep 600 & i=$((i+1)); done; trap '' TERM; wait; sleep 600",
         ""},
        {"a child of a child ignores SIGTERM", "(trap '' TERM; (sleep 600 & sleep 600) & wait) & wait", ""},
    };
    const posix_clock clock;
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto what = shell(row.script);
        what.timeout = milliseconds{400};
        what.grace = milliseconds{300};
        std::int64_t pid = 0;
        const auto before = clock.monotonic();
        const auto seen = run(what, [&](const process_mark& mark) -> result<void> {
            pid = mark.pid;
            return {};
        });
        CHECK(clock.monotonic() - before < seconds(30));
        CHECK(seen.how == ending::timed_out);
        CHECK(seen.status == 0);
        CHECK(seen.output == row.output);
        CHECK(seen.duration >= milliseconds{400});
        CHECK(soon([&] { return in_session(pid) == 0; }));
        CHECK(own_children() == "");
    }
}

TEST_CASE("a job that forks without end is gone after its time, with all that it made") {
    if (!is_root()) return;
    // The limit is the user's, and root has none.
    auto what = scripted({"/bin/bash"}, "ulimit -u 80 || exit 9\nbomb() { bomb | bomb & }\nbomb\nsleep 600\n");
    what.user = "nobody";
    what.timeout = milliseconds{700};
    what.grace = milliseconds{200};
    std::int64_t pid = 0;
    const auto seen = run(what, [&](const process_mark& mark) -> result<void> {
        pid = mark.pid;
        return {};
    });
    CHECK(seen.how == ending::timed_out);
    CHECK(soon([&] { return in_session(pid) == 0; }));
    CHECK(own_children() == "");
}

TEST_CASE("the end of the child counts, not that of the pipe, nor that of what it leaves running") {
    const posix_clock clock;
    struct case_row {
        std::string_view name;
        const char* script;
    };
    constexpr case_row rows[] = {
        {"a child in its group", "sleep 600 & echo $!; exit 7"},
        {"a daemon", "setsid sleep 600 & echo $!; exit 7"},
        {"one that writes for ever", "setsid yes >&2 & echo $!; exit 7"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto what = shell(row.script);
        what.timeout = seconds(120);
        const auto before = clock.monotonic();
        const auto seen = run(what);
        CHECK(clock.monotonic() - before < seconds(60));
        CHECK(seen.how == ending::exited);
        CHECK(seen.status == 7);
        const auto number = seen.output.find_first_of("0123456789");
        REQUIRE(number != std::string::npos);
        const int left = std::atoi(seen.output.c_str() + number);
        REQUIRE(left > 1);
        CHECK(alive(left));
        ::kill(left, SIGKILL);
    }
}

TEST_CASE("the output stays writable for what a job leaves running, and nobody is left when that has ended") {
    struct case_row {
        std::string_view name;
        std::string script;
        bool still_held{true};  // the job's end leaves somebody who holds its output
    };
    const case_row rows[] = {
        {"in the background", "sh ./daemon &"},
        {"nohup", "nohup sh ./daemon &"},
        {"a session of its own", "setsid sh ./daemon &"},
        {"forks twice", "(setsid sh -c 'sh ./daemon & exit') & wait"},
        {"to stdout alone", "sh ./daemon 2>/dev/null &"},
        {"ignores SIGTERM and SIGHUP", "trap '' TERM HUP; sh ./daemon & kill -TERM 0; kill -HUP 0"},
        {"its group gets SIGTERM", "setsid sh ./daemon & until [ -e begun ]; do sleep 0.01; done; kill -TERM 0"},
        {"has redirected its output", "setsid sh ./daemon >/dev/null 2>&1 &", false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const scratch directory;
        const auto file = [&](const char* name) { return directory.path + '/' + name; };
        std::ofstream{file("daemon")}
            << "echo > begun; until [ -e go ]; do sleep 0.01; done\necho late; echo later >&2; seq 100000\n"
               "echo > lives; until [ -e end ]; do sleep 0.01; done\n";
        const auto seen = run(shell("cd " + directory.path + "; readlink /proc/$$/fd/1; " + row.script));
        const auto pipe = seen.output.substr(0, seen.output.find('\n'));
        REQUIRE(pipe.starts_with("pipe:["));
        CHECK(seen.output == pipe + '\n');
        if (row.still_held) CHECK(holders_of(pipe).size() >= 2);
        std::ofstream{file("go")};
        CHECK(soon([&] { return exists(file("lives")); }));
        std::ofstream{file("end")};
        CHECK(soon([&] { return holders_of(pipe).empty(); }));
        CHECK(own_children() == "");
    }
}

TEST_CASE("the output stays writable when the supervisor is killed, whoever else has a copy of its descriptors") {
    for (const bool held_by_other : {false, true}) {
        for (const std::string_view at : {"before the go-ahead", "in the middle", "in a full pipe", "at the end"}) {
            CAPTURE(held_by_other);
            CAPTURE(at);
            const scratch directory;
            const auto file = [&](const char* name) { return directory.path + '/' + name; };
            const numbers_pipe told;
            forked dies{[&] {
                posix_supervisor supervisor;
                auto what = shell(
                    "cd " + directory.path + "; (seq 30000; echo > begun; until [ -e go ]; do sleep 0.01; done; " +
                    "seq 30000; echo > lives) & readlink /proc/$$/fd/1 > pipe; " + (at == "at the end" ? "" : "wait"));
                (void)supervisor.run(what, [&](const process_mark& mark) -> result<void> {
                    told.put(mark.pid);
                    pid_t other = 0;
                    if (held_by_other && (other = ::fork()) == 0) {
                        ::pause();
                        ::_exit(0);
                    }
                    told.put(other);
                    if (at == "before the go-ahead") ::kill(::getpid(), SIGKILL);
                    if (at == "in a full pipe") {
                        std::thread{[] {
                            ::usleep(20'000);
                            ::kill(::getpid(), SIGSTOP);
                        }}.detach();
                    }
                    return {};
                });
                ::kill(::getpid(), SIGKILL);
                return 0;
            }};
            const auto pid = told.get();
            const auto other = told.get();
            if (at == "in the middle") CHECK(soon([&] { return exists(file("begun")); }));
            if (at == "in a full pipe") CHECK(soon([&] { return stat_fields(std::to_string(dies.pid)).at(0) == "T"; }));
            if (at != "at the end") ::kill(dies.pid, SIGKILL);
            CHECK(WTERMSIG(dies.wait()) == SIGKILL);
            if (at == "before the go-ahead") {
                CHECK(soon([&] { return !alive(pid); }));
                CHECK_FALSE(exists(file("begun")));
            } else {
                CHECK(soon([&] { return exists(file("begun")); }));
                std::ofstream{file("go")};
                CHECK(soon([&] { return exists(file("lives")); }));
                auto pipe = text_of(file("pipe"));
                pipe.pop_back();
                if (other != 0) ::kill(static_cast<pid_t>(other), SIGKILL);
                CHECK(soon([&] { return holders_of(pipe).empty(); }));
            }
            if (other != 0) ::kill(static_cast<pid_t>(other), SIGKILL);
        }
    }
}

TEST_CASE("what keeps the output writable holds nothing else, and no memory of the supervisor's") {
    const std::string large(std::size_t{64} << 20U, 'x');
    const int low = ::open("/dev/zero", O_RDONLY);
    const auto seen = run(shell("setsid sleep 600 & echo $!; readlink /proc/$$/fd/1"));
    ::close(low);
    const int left = std::atoi(seen.output.c_str());
    REQUIRE(left > 1);
    const auto pipe = seen.output.substr(seen.output.find('\n') + 1, seen.output.size() - seen.output.find('\n') - 2);
    auto holders = holders_of(pipe);
    std::erase(holders, std::to_string(left));
    REQUIRE(holders.size() == 1);
    const auto proc = "/proc/" + holders.front();
    CHECK(soon([&] { return text_of(proc + "/comm") == "cat\n"; }));
    CHECK(run({.argv = {"/bin/ls", proc + "/fd"}}).output == "0\n1\n2\n");
    CHECK(run({.argv = {"/bin/readlink", proc + "/fd/1", proc + "/cwd"}}).output == "/dev/null\n/\n");
    CHECK(stat_fields(holders.front()).at(3) == holders.front());  // its session
    const auto resident = [&] {
        std::uint64_t all = 0, pages = 0;
        std::ifstream{proc + "/statm"} >> all >> pages;
        return pages * 4096;
    };
    CHECK(resident() < 16U << 20U);
    ::kill(left, SIGKILL);
    CHECK(soon([&] { return !exists(proc); }));
    CHECK(large.size() > resident());
}

TEST_CASE("the first and the last bytes of the output are kept") {
    struct case_row {
        std::string_view name;
        std::size_t head;
        std::size_t tail;
        const char* script;
        const char* output;
        std::uint64_t dropped;
    };
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    constexpr case_row rows[] = {
        {"all of it", 6, 5, "printf 12345678901", "12345678901", 0},
        {"one too many", 6, 5, "printf 123456789012", "12345689012", 1},
        {"in several pieces", 2, 3, "printf 123; sleep 0.02; printf 456; sleep 0.02; printf 789", "12789", 4},
        {"only the head", 3, 0, "printf 123456", "123", 3},
        {"only the tail", 0, 3, "printf 123456", "456", 3},
        {"nothing", 0, 0, "printf 123456", "", 6},
        {"no limit", all, all, "printf 123456", "123456", 0},
        {"no limit to the tail", 1, all, "printf 123456", "123456", 0},
        {"both streams", 2, 2, "printf 123; printf 456 >&2", "1256", 2},
        {"longer than a pipe", 8, 8, "seq 1000000 1250000", "1000000\n1250000\n", 8 * 249'999},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto what = shell(row.script);
        what.head = row.head;
        what.tail = row.tail;
        const auto seen = run(what);
        CHECK(seen.status == 0);
        CHECK(seen.output == row.output);
        CHECK(seen.dropped == row.dropped);
    }

    std::string expected;
    for (int i = 1'000'000; i < 1'131'072; ++i) expected += std::to_string(i) + '\n';
    REQUIRE(expected.size() == 1U << 20U);
    auto what = shell("seq 1000000 1131071");
    what.head = 100'000;
    what.tail = 200'001;
    auto seen = run(what);
    CHECK(seen.output == expected.substr(0, 100'000) + expected.substr(expected.size() - 200'001));
    CHECK(seen.dropped == expected.size() - 300'001);
    what.head = 1U << 20U;
    seen = run(what);
    CHECK(seen.output == expected);
    CHECK(seen.dropped == 0);
}

TEST_CASE("endless output costs neither memory nor time") {
    const posix_clock clock;
    const auto before = clock.monotonic();
    const auto seen = run({.argv = {"/usr/bin/yes"}, .timeout = milliseconds{400}, .head = 5, .tail = 4});
    CHECK(clock.monotonic() - before < seconds(30));
    CHECK(seen.how == ending::timed_out);
    CHECK(seen.output.size() == 9);
    CHECK(seen.output.substr(0, 5) == "y\ny\ny");
    CHECK(seen.dropped > 100'000);
    CHECK(seen.output.capacity() < 4U << 20U);
}

TEST_CASE("a script is run by its interpreter, which finds it by its path") {
    struct case_row {
        std::string_view name;
        std::vector<std::string> argv;
        const char* script;
        int status;
        const char* output;
    };
    const case_row rows[] = {
        {"sh", {"/bin/sh"}, "#!/bin/sh\necho \"$0 $#\"\nexit 3\n", 3, "/proc/self/fd/3 0\n"},
        {"no line end", {"/bin/sh"}, "echo '$(id)' \"$((1+1))\"", 0, "$(id) 2\n"},
        {"bash -e", {"/bin/bash", "-e"}, "#!/bin/bash -e\necho one\nfalse\necho two\n", 1, "one\n"},
        {"python3", {"/usr/bin/python3"}, "import sys\nprint(sys.argv)\nsys.exit(4)\n", 4, "['/proc/self/fd/3']\n"},
        {"perl", {"/usr/bin/perl", "-w"}, "print \"$0 \", 6 * 7, \"\\n\"; exit 5;\n", 5, "/proc/self/fd/3 42\n"},
        {"cat", {"/bin/cat"}, "any \x01\xFF bytes", 0, "any \x01\xFF bytes"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        if (!exists(row.argv.front())) {
            MESSAGE("skipped: there is no ", row.argv.front());
            continue;
        }
        for (const std::string user : {"", "nobody"}) {
            if (!user.empty() && ::geteuid() != 0) continue;
            CAPTURE(user);
            auto what = scripted(row.argv, row.script);
            what.user = user;
            const auto seen = run(what);
            CHECK(seen.how == ending::exited);
            CHECK(seen.status == row.status);
            CHECK(seen.output == row.output);
        }
    }
}

TEST_CASE("a script of 1 MiB is kept whole") {
    std::string script = "#!/bin/sh\n";
    while (script.size() < 1U << 20U) script += "# 0123456789 0123456789 0123456789\n";
    script += "echo the end\n";
    CHECK(run(scripted({"/bin/sh"}, script)).output == "the end\n");
    auto what = scripted({"/bin/cat"}, script);
    what.head = script.size();
    CHECK(run(what).output == script);
}

TEST_CASE("a script cannot be changed, not even by itself") {
    for (const std::string user : {"", "nobody"}) {
        if (!user.empty() && !is_root()) continue;
        CAPTURE(user);
        auto what = scripted({"/bin/sh"},
                             "(echo 'echo changed' >> /proc/self/fd/3) 2>/dev/null && echo was appended\n"
                             "(echo >&3) 2>/dev/null && echo was written\n"
                             "cat /proc/self/fd/3 | wc -l\n");
        what.user = user;
        CHECK(run(what).output == "3\n");
    }
}

TEST_CASE("an older kernel, without memfd, pidfd and close_range, does as well") {
    const scratch directory;
    for (const std::string user : {"", "nobody"}) {
        if (!user.empty() && !is_root()) continue;
        CAPTURE(user);
        forked older{[&] {
            const auto missing = [](long number) {
                return std::array<sock_filter, 2>{
                    sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
                    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)};
            };
            std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
            for (const long number : {SYS_memfd_create, SYS_pidfd_open, SYS_close_range}) {
                for (const auto& step : missing(number)) program.push_back(step);
            }
            program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
            const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
            if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 99;
            if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) return 99;
            if (::memfd_create("x", 0) >= 0) return 98;
            posix_supervisor supervisor;
            auto what = scripted({"/bin/sh"}, "id -un; ls /proc/self/fd | wc -l; exit 3");
            what.user = user;
            const auto seen = supervisor.run(what, accepts_any_process{});
            if (!seen || seen->status != 3) return 1;
            if (!user.empty() && seen->output != "nobody\n5\n") return 2;
            if (!seen->output.ends_with("\n5\n")) return 3;
            auto slow = shell("sleep 600 & exec sleep 600");
            slow.timeout = milliseconds{100};
            const auto late = supervisor.run(slow, accepts_any_process{});
            if (!late || late->how != ending::timed_out) return 4;
            return 0;
        }};
        const int answer = older.exit_status();
        if (answer == 99) {
            MESSAGE("skipped: no system call filter is to be had");
        } else {
            CHECK(answer == 0);
        }
    }
}

TEST_CASE("a job runs with all rights of its user and no others") {
    if (!is_root()) return;
    std::array<gid_t, 256> before{};
    const int count = ::getgroups(static_cast<int>(before.size()), before.data());
    REQUIRE(count >= 0);
    const gid_t foreign = 4242;
    REQUIRE(::setgroups(1, &foreign) == 0);
    for (const std::string user : {"nobody", "daemon"}) {
        CAPTURE(user);
        auto what = shell("id -un; id -ru; id -rg; id -G; grep -E '^(Uid|Gid|CapEff|CapPrm):' /proc/self/status");
        what.user = user;
        const auto ids =
            run(shell("id -un " + user + "; id -u " + user + "; id -g " + user + "; id -G " + user)).output;
        const auto second = ids.find('\n') + 1;
        const auto third = ids.find('\n', second) + 1;
        const auto uid = ids.substr(second, third - second - 1);
        const auto gid = ids.substr(third, ids.find('\n', third) - third);
        CHECK(run(what).output == ids + "Uid:\t" + uid + '\t' + uid + '\t' + uid + '\t' + uid + "\nGid:\t" + gid +
                                      '\t' + gid + '\t' + gid + '\t' + gid +
                                      "\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
    }
    REQUIRE(::setgroups(static_cast<std::size_t>(count), before.data()) == 0);
    auto own = shell("id -un");
    own.user = "root";
    CHECK(run(own).output == "root\n");
    const auto missing = posix_supervisor{}.run({.argv = {"/nowhere/x"}, .user = "nobody"}, accepts_any_process{});
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error() ==
          error{errc::io, "cannot run \"/nowhere/x\" as user \"nobody\": No such file or directory"});
}

TEST_CASE("a job has the home, the name and the shell of its account") {
    const auto variables = [](std::vector<std::string> environment, std::string user) {
        return run({.argv = {"/usr/bin/env"}, .environment = std::move(environment), .user = std::move(user)}).output;
    };
    const auto of = [](const std::string& name, const std::string& home, const std::string& shell) {
        return "HOME=" + home + "\nUSER=" + name + "\nLOGNAME=" + name + "\nSHELL=" + shell + '\n';
    };
    const auto own = posix_accounts{}.login(::geteuid());
    REQUIRE((own && *own));
    CHECK(variables({}, "") == of((*own)->name, (*own)->home, (*own)->shell));
    CHECK(variables({}, (*own)->name) == of((*own)->name, (*own)->home, (*own)->shell));
    CHECK(variables({"HOME=/opt", "SHELL=/bin/x", "USERS=2"}, "") ==
          "HOME=/opt\nSHELL=/bin/x\nUSERS=2\nUSER=" + (*own)->name + "\nLOGNAME=" + (*own)->name + '\n');
    if (!is_root()) return;
    const auto nobody = posix_accounts{}.login("nobody");
    REQUIRE((nobody && *nobody));
    CHECK((*nobody)->shell.ends_with("nologin"));
    CHECK(variables({}, "nobody") == of("nobody", (*nobody)->home, "/bin/sh"));
    const numbers_pipe told;
    forked without_entry{[&] {
        if (::setgroups(0, nullptr) != 0 || ::setgid(54321) != 0 || ::setuid(54321) != 0) return 98;
        return variables({}, "") == of("54321", "/", "/bin/sh") ? 0 : 1;
    }};
    CHECK(without_entry.exit_status() == 0);
}

TEST_CASE("the limits of a job are those of a service, as far as rights allow") {
    if (!is_root()) return;
    const auto told = [] {
        return run(shell(
                       "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc; ulimit -f; nice; cat /proc/self/oom_score_adj"))
            .output;
    };
    const auto limited = [](rlim_t files) {
        const rlimit most{files, files}, cores{0, 0}, size{4096, 4096};
        (void)::setpriority(PRIO_PROCESS, 0, 5);
        std::ofstream{"/proc/self/oom_score_adj"} << "300";
        return ::setrlimit(RLIMIT_NOFILE, &most) == 0 && ::setrlimit(RLIMIT_CORE, &cores) == 0 &&
               ::setrlimit(RLIMIT_FSIZE, &size) == 0;
    };
    forked as_root{[&] {
        const rlimit many{600'000, 600'000};
        if (::setrlimit(RLIMIT_NOFILE, &many) != 0) return 97;
        if (!limited(64)) return 98;
        return told() == "1024\n524288\n0\nunlimited\nunlimited\n0\n0\n" ? 0 : 1;
    }};
    const int answer = as_root.exit_status();
    if (answer == 97) {
        MESSAGE("skipped: this root may raise no limit");
    } else {
        CHECK(answer == 0);
    }
    for (const rlim_t files : {64U, 4096U}) {
        CAPTURE(files);
        forked as_nobody{[&] {
            if (!limited(files) || ::setgid(65534) != 0 || ::setuid(65534) != 0) return 98;
            const std::string kept = files == 64 ? "64\n64\n" : "1024\n4096\n";
            return told() == kept + "0\n0\n8\n5\n300\n" ? 0 : 1;
        }};
        CHECK(as_nobody.exit_status() == 0);
    }
}

TEST_CASE("who may not become another user learns it before anything is accepted") {
    if (!is_root()) return;
    const numbers_pipe told;
    forked not_root{[&] {
        if (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0) return 98;
        posix_supervisor supervisor;
        bool asked = false;
        const auto ready = [&](const process_mark&) {
            asked = true;
            return result<void>{};
        };
        const auto refused = supervisor.run({.argv = {"/bin/true"}, .user = "daemon"}, ready);
        if (refused || asked) return 1;
        const error expected{errc::io, "cannot run \"/bin/true\" as user \"daemon\": Operation not permitted"};
        if (refused.error() != expected) return 2;
        auto own = scripted({"/bin/sh"}, "exit 6");
        own.user = "nobody";
        const auto same = supervisor.run(own, ready);
        return same && same->status == 6 ? 0 : 3;
    }};
    CHECK(not_root.exit_status() == 0);
}

TEST_CASE("a job with a name gets a scope before it is accepted, and runs without one, too") {
    struct case_row {
        std::string_view name;
        std::string job;
        result<std::string> gets;
        std::string scope;
        std::string no_scope;
    };
    const case_row rows[] = {
        {"gets one", "web-3", std::string{"powerconsul-web-3.scope"}, "powerconsul-web-3.scope", ""},
        {"there are none", "web-3", fail(errc::unsupported, "no systemd"), "", ""},
        {"gets none", "web-3", fail(errc::unavailable, "refused"), "", "refused"},
        {"has no name", "", std::string{"never"}, "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        std::vector<wanted_scope> wanted;
        posix_supervisor supervisor{scripted_scopes{&wanted, &row.gets}};
        auto what = shell("echo $$; exit 4");
        what.name = row.job;
        const auto seen = supervisor.run(what, [&](const process_mark& mark) -> result<void> {
            REQUIRE(wanted.size() == (row.job.empty() ? 0 : 1));
            if (wanted.empty()) return {};
            CHECK(wanted[0].name == "powerconsul-web-3");
            CHECK(wanted[0].about == "job web-3 of powerconsul");
            REQUIRE(wanted[0].processes.size() == 2);
            CHECK(wanted[0].processes[0] == mark.pid);
            CHECK(alive(wanted[0].processes[1]));  // keeps the output writable
            return {};
        });
        REQUIRE(seen);
        CHECK(seen->status == 4);
        CHECK(seen->scope == row.scope);
        CHECK(seen->no_scope == row.no_scope);
        if (!wanted.empty()) CHECK(soon([&] { return !alive(wanted[0].processes[1]); }));
    }
}

TEST_CASE("several threads use one supervisor") {
    posix_supervisor supervisor;
    const int before = open_descriptors();
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) {
        threads.emplace_back([&supervisor, &right, number] {
            for (int i = 0; i < 20; ++i) {
                const auto text = std::to_string(number * 1000 + i);
                auto what = scripted({"/bin/sh"}, "echo " + text + "; exit " + std::to_string(number));
                std::int64_t pid = 0;
                const auto seen = supervisor.run(what, [&](const process_mark& mark) -> result<void> {
                    pid = mark.pid;
                    if (i % 5 == 4) return fail(errc::failed, text);
                    return {};
                });
                if (i % 5 == 4) {
                    right += !seen && seen.error().message == text && !alive(pid);
                } else {
                    right += seen && seen->status == number && seen->output == text + "\n";
                }
            }
        });
    }
    for (auto& each : threads) each.join();
    CHECK(right == 80);
    CHECK(own_children() == "");
    CHECK(open_descriptors() == before);
}

TEST_CASE("children of others are left to them") {
    forked other{[] { return 5; }};
    REQUIRE(soon([&] { return !alive(other.pid); }));
    CHECK(run(shell("exit 1")).status == 1);
    CHECK(other.exit_status() == 5);
}

TEST_CASE("a process without standard descriptors can run jobs too") {
    const int saved[] = {::fcntl(0, F_DUPFD_CLOEXEC, 100), ::fcntl(1, F_DUPFD_CLOEXEC, 100),
                         ::fcntl(2, F_DUPFD_CLOEXEC, 100)};
    for (const int number : {0, 1, 2}) ::close(number);
    posix_supervisor supervisor;
    const auto seen = supervisor.run(scripted({"/bin/sh"}, "echo out; echo err >&2; cat"), accepts_any_process{});
    for (const int number : {0, 1, 2}) {
        if (saved[number] < 0) continue;
        ::dup2(saved[number], number);
        ::close(saved[number]);
    }
    REQUIRE(seen.has_value());
    CHECK(seen->output == "out\nerr\n");
}
