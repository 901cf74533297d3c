#include <powerconsul/adapters/posix/spawn.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <sys/stat.h>

#include <powerconsul/adapters/posix/clock.hpp>

using namespace powerconsul;

namespace {

auto shell(std::string script) -> command {
    return {.argv = {"/bin/sh", "-c", std::move(script)}, .environment = {"PATH=/usr/bin:/bin"}};
}

auto run(const command& what) -> outcome {
    posix_spawn_executor executor;
    auto seen = executor.run(what);
    REQUIRE_MESSAGE(seen.has_value(), (seen ? "" : seen.error().message));
    return std::move(*seen);
}

auto open_descriptors() -> int {
    DIR* directory = ::opendir("/proc/self/fd");
    REQUIRE(directory != nullptr);
    int count = 0;
    while (::readdir(directory) != nullptr) ++count;
    ::closedir(directory);
    return count;
}

auto own_children() -> std::string {
    std::ifstream list{"/proc/thread-self/children"};
    return {std::istreambuf_iterator<char>{list}, {}};
}

auto alive(int pid) -> bool {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/stat"};
    std::string text{std::istreambuf_iterator<char>{status}, {}};
    const auto name_end = text.rfind(')');
    return name_end != std::string::npos && text.substr(name_end + 2, 1) != "Z";
}

/// Directory of one test case, gone with it.
struct scratch {
    std::string path{"/tmp/powerconsul-spawn-XXXXXX"};
    scratch() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() { CHECK(run({.argv = {"/bin/rm", "-rf", path}}).exited_with(0)); }
};

}  // namespace

TEST_CASE("the end of a program is reported as it was") {
    struct case_row {
        std::string_view name;
        const char* script;
        ending how;
        int status;
        const char* out;
        const char* err;
    };
    constexpr case_row rows[] = {
        {"success", "exit 0", ending::exited, 0, "", ""},
        {"a status", "exit 3", ending::exited, 3, "", ""},
        {"the largest status", "exit 255", ending::exited, 255, "", ""},
        {"output and errors apart", "echo out; echo err >&2", ending::exited, 0, "out\n", "err\n"},
        {"killed by a signal", "kill -9 $$", ending::signalled, 9, "", ""},
        {"ended by SIGTERM of its own", "kill -TERM $$", ending::signalled, 15, "", ""},
        {"output before the signal", "echo last words; kill -KILL $$", ending::signalled, 9, "last words\n", ""},
        {"output closed early", "exec >&- 2>&-; exit 4", ending::exited, 4, "", ""},
        {"command not found in the shell", "/nowhere/x 2>/dev/null", ending::exited, 127, "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto seen = run(shell(row.script));
        CHECK(seen.how == row.how);
        CHECK(seen.status == row.status);
        CHECK(seen.out == row.out);
        CHECK(seen.err == row.err);
        CHECK_FALSE(seen.truncated);
    }
}

TEST_CASE("what cannot be started is an error that names the program and the reason") {
    const scratch directory;
    const std::string plain = directory.path + "/plain";
    std::ofstream{plain} << "#!/bin/sh\nexit 0\n";
    REQUIRE(::chmod(plain.c_str(), 0644) == 0);
    const std::string orphan = directory.path + "/orphan";
    std::ofstream{orphan} << "#!/nowhere/interpreter\n";
    REQUIRE(::chmod(orphan.c_str(), 0755) == 0);
    const std::string no_program = directory.path + "/no_program";
    std::ofstream{no_program} << "neither ELF nor script\n";
    REQUIRE(::chmod(no_program.c_str(), 0755) == 0);
    struct case_row {
        std::string_view name;
        std::vector<std::string> argv;
        errc code;
        const char* reason;
    };
    const case_row rows[] = {
        {"missing", {"/nowhere/program"}, errc::io, "No such file or directory"},
        {"not executable", {plain}, errc::io, "Permission denied"},
        {"missing interpreter",
         {orphan},
         errc::io,
         "No such file or directory: it is there, but not the interpreter that it names"},
        {"no program", {no_program}, errc::io, "Exec format error; a script begins with #! and its interpreter"},
        {"a directory", {directory.path}, errc::io, "Permission denied"},
        {"a file as directory", {plain + "/x"}, errc::io, "Not a directory"},
        {"relative", {"sh"}, errc::usage, "absolute path"},
        {"relative with a slash", {"./sh"}, errc::usage, "absolute path"},
        {"nothing at all", {}, errc::usage, "absolute path"},
        {"empty name", {""}, errc::usage, "absolute path"},
        {"zero byte in an argument", {"/bin/echo", std::string("a\0b", 3)}, errc::usage, "zero byte"},
    };
    posix_spawn_executor executor;
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto seen = executor.run({.argv = row.argv});
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().code == row.code);
        CHECK(seen.error().message.find(row.reason) != std::string::npos);
        if (row.code == errc::io) CHECK(seen.error().message.find(row.argv[0]) != std::string::npos);
    }
    CHECK(own_children() == "");
}

TEST_CASE("a program gets the environment, arguments and directory that it was given and nothing else") {
    REQUIRE(::setenv("POWERCONSUL_TEST_LEAK", "1", 1) == 0);
    CHECK(run({.argv = {"/usr/bin/env"}, .environment = {"ONE=1", "TWO=a b"}}).out == "ONE=1\nTWO=a b\n");
    CHECK(run({.argv = {"/usr/bin/env"}}).out == "");
    CHECK(run({.argv = {"/usr/bin/printf", "<%s>", "$HOME", "a b", "*"}}).out == "<$HOME><a b><*>");
    CHECK(run(shell("pwd")).out == "/\n");
    CHECK(run({.argv = {"/bin/cat"}}).exited_with(0));
    CHECK(run(shell("readlink /proc/self/fd/0")).out == "/dev/null\n");
}

TEST_CASE("a program reads its input, also by name, to its end and not beyond") {
    const std::string large(std::size_t{1} << 20U, 'x');
    for (const std::string& input : {std::string{"one\ntwo\n"}, std::string{"a\0b", 3}, large}) {
        const command cat{.argv = {"/bin/cat"}, .input = input, .output_limit = std::size_t{2} << 20U};
        CHECK(run(cat).out == input);
        auto by_name = cat;
        by_name.argv.emplace_back("/dev/stdin");
        CHECK(run(by_name).out == input);
    }
    auto twice = shell("cat /dev/stdin; cat /dev/stdin; cat; ls /proc/self/fd");
    twice.input = "one\n";
    CHECK(run(twice).out == "one\none\none\n0\n1\n2\n3\n");
}

TEST_CASE("no descriptor is inherited, close-on-exec or not") {
    const int low = ::open("/dev/zero", O_RDONLY);
    const int high = ::fcntl(low, F_DUPFD, 200);
    REQUIRE(high >= 200);
    // ls itself opens the directory, as number 3.
    CHECK(run({.argv = {"/bin/ls", "/proc/self/fd"}}).out == "0\n1\n2\n3\n");
    ::close(low);
    ::close(high);
}

TEST_CASE("signals are as for a fresh process, in a session of its own") {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    sigset_t block{};
    sigset_t before{};
    ::sigemptyset(&block);
    ::sigaddset(&block, SIGTERM);
    ::sigaddset(&block, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &block, &before);
    const auto seen = run({.argv = {"/bin/grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"}});
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGHUP, SIG_DFL);
    // glibc's posix_spawn leaves its two internal signals, 32 and 33, ignored (sysdeps/unix/sysv/linux/spawni.c).
    const bool clean = seen.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n" ||
                       seen.out == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
    CAPTURE(seen.out);
    CHECK(clean);

    const auto ids = run(shell("echo $$; cut -d' ' -f5,6 /proc/$$/stat")).out;
    const auto pid = ids.substr(0, ids.find('\n'));
    CHECK(ids == pid + "\n" + pid + " " + pid + "\n");
}

TEST_CASE("a program that does not end in time is ended with its whole group") {
    struct case_row {
        std::string_view name;
        const char* script;
        const char* out;
    };
    constexpr case_row rows[] = {
        {"ends on SIGTERM", "echo begun; exec sleep 600", "begun\n"},
        {"ends with a child in its group", "sleep 600 & echo $!; wait", nullptr},
        {"ignores SIGTERM", "trap '' TERM; echo begun; while :; do sleep 600; done", "begun\n"},
        {"writes on SIGTERM", "trap 'echo asked; exit 0' TERM; sleep 600 & wait", "asked\n"},
        {"stops itself", "kill -STOP $$", ""},
        {"its child ignores SIGTERM", "(trap '' TERM; exec sleep 600) & echo $!; exec sleep 600", nullptr},
    };
    const posix_clock clock;
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto what = shell(row.script);
        what.timeout = milliseconds{300};
        what.grace = milliseconds{300};
        const auto before = clock.monotonic();
        const auto seen = run(what);
        CHECK(clock.monotonic() - before >= milliseconds{300});
        CHECK(clock.monotonic() - before < seconds(30));
        CHECK(seen.how == ending::timed_out);
        CHECK(seen.status == 0);
        if (row.out != nullptr) {
            CHECK(seen.out == row.out);
        } else {
            const int grandchild = std::atoi(seen.out.c_str());
            REQUIRE(grandchild > 1);
            for (int tries = 0; tries < 1000 && alive(grandchild); ++tries) ::usleep(10'000);
            CHECK_FALSE(alive(grandchild));
        }
        CHECK(own_children() == "");
    }
}

TEST_CASE("the end of the child counts, not that of the pipe") {
    const posix_clock clock;
    auto what = shell("sleep 600 & echo $!; exit 7");
    what.timeout = seconds(120);
    const auto before = clock.monotonic();
    const auto seen = run(what);
    CHECK(clock.monotonic() - before < seconds(60));
    CHECK(seen.exited_with(7));
    const int grandchild = std::atoi(seen.out.c_str());
    REQUIRE(grandchild > 1);
    CHECK(alive(grandchild));  // what a program leaves running in good order is its own affair
    ::kill(grandchild, SIGKILL);
}

TEST_CASE("a grandchild that never stops writing is not waited for") {
    const posix_clock clock;
    auto what = shell("yes & echo $! >&2; exit 0");
    what.timeout = seconds(120);
    const auto before = clock.monotonic();
    const auto seen = run(what);
    CHECK(clock.monotonic() - before < seconds(60));
    CHECK(seen.exited_with(0));
    const int grandchild = std::atoi(seen.err.c_str());
    REQUIRE(grandchild > 1);
    ::kill(grandchild, SIGKILL);  // it has SIGPIPE by now in any case
}

TEST_CASE("output is kept up to the limit and read to its end") {
    struct case_row {
        std::string_view name;
        const char* script;
        std::size_t limit;
        std::size_t out;
        std::size_t err;
        bool truncated;
    };
    constexpr case_row rows[] = {
        {"below", "printf 12345", 6, 5, 0, false},
        {"exactly", "printf 123456", 6, 6, 0, false},
        {"one more", "printf 1234567", 6, 6, 0, true},
        {"nothing kept", "printf 1; printf 2 >&2", 0, 0, 0, true},
        {"errors beyond", "printf 1; printf 1234567 >&2", 6, 1, 6, true},
        {"more than a pipe holds", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2", 100'000, 100'000,
         100'000, true},
        {"all of more than a pipe holds", "head -c 300000 /dev/zero", 300'000, 300'000, 0, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto what = shell(row.script);
        what.output_limit = row.limit;
        what.timeout = seconds(60);
        const auto seen = run(what);
        CHECK(seen.exited_with(0));
        CHECK(seen.out.size() == row.out);
        CHECK(seen.err.size() == row.err);
        CHECK(seen.truncated == row.truncated);
    }
}

TEST_CASE("endless output ends with the time") {
    auto what = command{.argv = {"/usr/bin/yes"}, .timeout = milliseconds{300}, .output_limit = 10};
    const auto seen = run(what);
    CHECK(seen.how == ending::timed_out);
    CHECK(seen.out == "y\ny\ny\ny\ny\n");
    CHECK(seen.truncated);
}

TEST_CASE("output is bytes, not text") {
    CHECK(run(shell("printf '\\000\\377\\n\\000'")).out == std::string("\0\xFF\n\0", 4));
}

TEST_CASE("two hundred runs leave neither descriptors nor zombies") {
    posix_spawn_executor executor;
    const int before = open_descriptors();
    for (int i = 0; i < 200; ++i) {
        auto what = i % 3 == 0 ? command{.argv = {"/nowhere/program"}} : shell("echo x; exit 1");
        if (i % 50 == 1) what = {.argv = {"/bin/sleep", "600"}, .timeout = milliseconds{1}, .grace = milliseconds{1}};
        CHECK(executor.run(what).has_value() == (i % 3 != 0 || i % 50 == 1));
    }
    CHECK(open_descriptors() == before);
    CHECK(own_children() == "");
}

TEST_CASE("a process without standard descriptors can run programs too") {
    const int saved[] = {::fcntl(0, F_DUPFD_CLOEXEC, 100), ::fcntl(1, F_DUPFD_CLOEXEC, 100),
                         ::fcntl(2, F_DUPFD_CLOEXEC, 100)};
    for (const int number : {0, 1, 2}) ::close(number);
    posix_spawn_executor executor;
    const auto seen = executor.run(shell("echo out; echo err >&2; cat"));
    for (const int number : {0, 1, 2}) {
        if (saved[number] < 0) continue;
        ::dup2(saved[number], number);
        ::close(saved[number]);
    }
    REQUIRE(seen.has_value());
    CHECK(seen->out == "out\n");
    CHECK(seen->err == "err\n");
}

TEST_CASE("a child that the kernel reaped by itself is an error, not a success") {
    ::signal(SIGCHLD, SIG_IGN);
    posix_spawn_executor executor;
    const auto seen = executor.run(shell("exit 0"));
    ::signal(SIGCHLD, SIG_DFL);
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error().code == errc::io);
}
