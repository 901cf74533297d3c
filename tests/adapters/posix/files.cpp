#include <powerconsul/adapters/posix/files.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
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
using namespace std::string_literals;

namespace {

std::atomic<int> flushes{0};

auto inode(const std::string& path) -> ino_t {
    struct stat seen {};
    REQUIRE(::lstat(path.c_str(), &seen) == 0);
    return seen.st_ino;
}

auto names_in(const std::string& directory) -> std::vector<std::string> {
    std::vector<std::string> names;
    DIR* entries = ::opendir(directory.c_str());
    REQUIRE(entries != nullptr);
    while (const auto* entry = ::readdir(entries)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(entries);
    std::sort(names.begin(), names.end());
    return names;
}

/// Directory of one test case, gone with it. Holds one of each kind.
struct scratch {
    std::string path{"/tmp/powerconsul-files-XXXXXX"};
    scratch() {
        REQUIRE(::mkdtemp(path.data()) != nullptr);
        std::ofstream{path + "/file"} << "twelve bytes";
        std::ofstream{path + "/empty"};
        std::ofstream{path + "/secret"} << "secret";
        REQUIRE(::chmod((path + "/file").c_str(), 0640) == 0);
        REQUIRE(::chmod((path + "/secret").c_str(), 0) == 0);
        REQUIRE(::mkdir((path + "/directory").c_str(), 0750) == 0);
        REQUIRE(::symlink("file", (path + "/link").c_str()) == 0);
        REQUIRE(::symlink("nowhere", (path + "/dangling").c_str()) == 0);
        REQUIRE(::symlink("directory", (path + "/directory_link").c_str()) == 0);
        REQUIRE(::mkfifo((path + "/fifo").c_str(), 0600) == 0);
    }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() {
        remove_all(path + "/directory");
        remove_all(path);
    }
    static void remove_all(const std::string& directory) {
        for (const auto& name : names_in(directory)) ::unlink((directory + '/' + name).c_str());
        ::rmdir(directory.c_str());
    }
};

/// A child that does that, says so by one byte, and stays until it is ended.
struct other_process {
    ::pid_t number{-1};
    explicit other_process(const std::function<void()>& what) {
        int ready[2];
        REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
        number = ::fork();
        REQUIRE(number >= 0);
        if (number == 0) {
            what();
            if (::write(ready[1], "", 1) == 1) ::pause();
            ::_exit(0);
        }
        ::close(ready[1]);
        char byte{};
        const auto got = ::read(ready[0], &byte, 1);
        ::close(ready[0]);
        CHECK(got == 1);
    }
    other_process(const other_process&) = delete;
    auto operator=(const other_process&) -> other_process& = delete;
    ~other_process() { end(); }
    void end() {
        if (number <= 0) return;
        ::kill(number, SIGKILL);
        ::waitpid(number, nullptr, 0);
        number = -1;
    }
};

auto busy(const std::string& path) -> error {
    return {errc::timed_out, "somebody else holds the lock " + quoted(path) + "; try again"};
}

}  // namespace

/// Counts, in place of the C library's.
extern "C" auto fsync(int file) -> int {
    ++flushes;
    return static_cast<int>(::syscall(SYS_fsync, file));
}

TEST_CASE("status tells what is there, what is not and what cannot be told") {
    const scratch s;
    const posix_files files;
    struct case_row {
        std::string_view name;
        std::string path;
        file_kind kind;
        std::uint32_t mode;
    };
    const case_row there[] = {
        {"file", s.path + "/file", file_kind::regular, 0640},
        {"directory", s.path + "/directory", file_kind::directory, 0750},
        {"link", s.path + "/link", file_kind::symlink, 0777},
        {"dangling link", s.path + "/dangling", file_kind::symlink, 0777},
        {"FIFO", s.path + "/fifo", file_kind::other, 0600},
        {"device", "/dev/null", file_kind::other, 0666},
    };
    for (const auto& row : there) {
        CAPTURE(row.name);
        const auto seen = files.status(row.path);
        REQUIRE(seen.has_value());
        REQUIRE(seen->has_value());
        CHECK((*seen)->kind == row.kind);
        CHECK((*seen)->mode == row.mode);
    }
    const auto file = files.status(s.path + "/file");
    CHECK((*file)->size == 12);
    CHECK((*file)->uid == ::geteuid());
    struct stat expected {};
    REQUIRE(::lstat((s.path + "/file").c_str(), &expected) == 0);
    CHECK((*file)->gid == expected.st_gid);
    CHECK((*file)->modified == expected.st_mtim.tv_sec);
    CHECK((*file)->changed == expected.st_ctim.tv_sec);
    CHECK((*file)->links == 1);
    const std::string second = s.path + "/second name";
    REQUIRE(::link((s.path + "/file").c_str(), second.c_str()) == 0);
    CHECK((*files.status(second))->links == 2);
    // Its time can be set back, that of the last change cannot.
    const timespec past[2] = {{1, 0}, {1, 0}};
    REQUIRE(::utimensat(AT_FDCWD, second.c_str(), past, 0) == 0);
    CHECK((*files.status(second))->modified == 1);
    CHECK((*files.status(second))->changed >= expected.st_ctim.tv_sec);

    for (const auto* path : {"/missing", "/missing/x", "/file/x"}) {
        CAPTURE(path);
        const auto seen = files.status(s.path + path);
        REQUIRE(seen.has_value());
        CHECK_FALSE(seen->has_value());
    }
    for (const auto& path : {s.path + '/' + std::string(300, 'x'), std::string{}, std::string("/tmp\0x", 6)}) {
        CHECK_FALSE(files.status(path).has_value());
    }
    CHECK(files.user() == ::geteuid());
}

TEST_CASE("read reads regular files up to the limit and nothing else") {
    const scratch s;
    const posix_files files;
    struct case_row {
        std::string_view name;
        std::string path;
        std::size_t limit;
        const char* text;  // null: an error
        errc code;
    };
    const case_row rows[] = {
        {"file", s.path + "/file", 100, "twelve bytes", {}},
        {"exactly the limit", s.path + "/file", 12, "twelve bytes", {}},
        {"one too many", s.path + "/file", 11, nullptr, errc::bad_data},
        {"nothing allowed", s.path + "/file", 0, nullptr, errc::bad_data},
        {"empty", s.path + "/empty", 0, "", {}},
        {"directory", s.path + "/directory", 100, nullptr, errc::bad_data},
        {"link", s.path + "/link", 100, nullptr, errc::bad_data},
        {"dangling link", s.path + "/dangling", 100, nullptr, errc::bad_data},
        {"FIFO without a writer", s.path + "/fifo", 100, nullptr, errc::bad_data},
        {"endless device", "/dev/zero", 100, nullptr, errc::bad_data},
        {"below a linked directory", s.path + "/directory_link/../file", 100, "twelve bytes", {}},
        {"size 0 yet not empty", "/proc/self/comm", 0, nullptr, errc::bad_data},
        {"empty path", "", 100, nullptr, errc::usage},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto seen = files.read(row.path, row.limit);
        REQUIRE(seen.has_value() == (row.text != nullptr));
        if (row.text != nullptr) {
            CHECK(*seen == std::optional<std::string>{row.text});
        } else {
            CHECK(seen.error().code == row.code);
            CHECK(seen.error().message.find(row.path) != std::string::npos);
        }
    }
    for (const auto* path : {"/missing", "/missing/x", "/file/x"}) {
        CAPTURE(path);
        const auto seen = files.read(s.path + path, 100);
        REQUIRE(seen.has_value());
        CHECK_FALSE(seen->has_value());
    }
    if (::geteuid() == 0) {
        MESSAGE("root may read everything: the row about a missing right is left out");
    } else {
        const auto seen = files.read(s.path + "/secret", 100);
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().code == errc::io);
        CHECK(seen.error().message.find("Permission denied") != std::string::npos);
    }
}

TEST_CASE("list names what is in a directory") {
    const scratch s;
    const posix_files files;
    const auto sorted = [](std::vector<std::string> names) {
        std::sort(names.begin(), names.end());
        return names;
    };
    const std::vector<std::string> all{"dangling", "directory", "directory_link", "empty",
                                       "fifo",     "file",      "link",           "secret"};
    auto names = files.list(s.path, 8);
    REQUIRE(names.has_value());
    REQUIRE(names->has_value());
    CHECK(sorted(std::move(**names)) == all);
    CHECK(**files.list(s.path + "/directory", 0) == std::vector<std::string>{});
    CHECK(**files.list(s.path + "/directory_link", 0) == std::vector<std::string>{});
    for (const auto* path : {"/missing", "/missing/x", "/file/x", "/dangling"}) {
        CAPTURE(path);
        const auto none = files.list(s.path + path, 8);
        REQUIRE(none.has_value());
        CHECK_FALSE(none->has_value());
    }
    struct case_row {
        std::string_view name;
        std::string path;
        std::size_t limit;
        errc code;
        std::string_view says;
    };
    const case_row refused[] = {
        {"one too many", s.path, 7, errc::bad_data, "holds more than the 7 names that it may hold"},
        {"file", s.path + "/file", 8, errc::bad_data, "is not a directory"},
        {"link to a file", s.path + "/link", 8, errc::bad_data, "is not a directory"},
        {"FIFO", s.path + "/fifo", 8, errc::bad_data, "is not a directory"},
        {"name too long", s.path + '/' + std::string(300, 'x'), 8, errc::io, "File name too long"},
        {"empty path", "", 8, errc::usage, "is not a path"},
    };
    for (const auto& row : refused) {
        CAPTURE(row.name);
        const auto none = files.list(row.path, row.limit);
        REQUIRE_FALSE(none.has_value());
        CHECK(none.error().code == row.code);
        CHECK(none.error().message.find(row.says) != std::string::npos);
    }
}

TEST_CASE("a process that has ended is not there, even where its files could still be opened") {
    const posix_files files;
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    const std::string stat = "/proc/" + std::to_string(child) + "/stat";
    REQUIRE(files.read(stat, 4096)->has_value());
    REQUIRE(files.read_of_process(stat, 4096)->has_value());
    // From inside its folder, the files can be asked for by a name that is still there.
    REQUIRE(::chdir(("/proc/" + std::to_string(child)).c_str()) == 0);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    for (const auto& path : {stat, std::string{"stat"}}) {
        CAPTURE(path);
        for (const auto& seen : {files.read(path, 4096), files.read_of_process(path, 4096)}) {
            REQUIRE(seen.has_value());
            CHECK_FALSE(seen->has_value());
        }
    }
    const auto listed_now = files.list(".", 1000);
    REQUIRE(listed_now.has_value());
    CHECK_FALSE(listed_now->has_value());
    REQUIRE(::chdir("/") == 0);
}

TEST_CASE("what the kernel tells of a process is read whole") {
    const posix_files files;
    // Shorter than what is read at once, just as long, longer, and multiples.
    for (const std::size_t size : {5UL, 4095UL, 4096UL, 4097UL, 8192UL, 100'000UL}) {
        CAPTURE(size);
        const auto name = std::string(size - 1, 'x');
        int input[2];
        REQUIRE(::pipe2(input, O_CLOEXEC) == 0);
        const ::pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::dup2(input[0], STDIN_FILENO);
            ::execlp("cat", name.c_str(), nullptr);
            ::_exit(1);
        }
        ::close(input[0]);
        const auto below = "/proc/" + std::to_string(child);
        while (files.read_of_process(below + "/comm", 100)->value() != "cat\n") ::usleep(1000);
        CHECK(files.read_of_process(below + "/comm", 4)->value() == "cat\n");
        CHECK(files.read_of_process(below + "/comm", 3).error().code == errc::bad_data);
        CHECK(files.read_of_process(below + "/cmdline", size)->value() == name + '\0');
        CHECK(files.read_of_process(below + "/cmdline", size - 1).error().code == errc::bad_data);
        const auto stat = files.read_of_process(below + "/stat", 100'000)->value();
        CHECK(stat.starts_with(std::to_string(child) + " (cat) "));
        CHECK(stat.ends_with('\n'));
        const auto status = files.read_of_process(below + "/status", 100'000)->value();
        CHECK(status.starts_with("Name:\tcat\n"));
        CHECK(status.find("\nnonvoluntary_ctxt_switches:") != std::string::npos);  // the last line
        REQUIRE(::kill(child, SIGKILL) == 0);
        REQUIRE(::waitpid(child, nullptr, 0) == child);
        ::close(input[1]);
        CHECK_FALSE(files.read_of_process(below + "/comm", 100)->has_value());
    }
    CHECK(files.read_of_process("/proc/self", 100).error().code == errc::io);
    CHECK(files.read_of_process("", 100).error().code == errc::usage);
}

TEST_CASE("replace puts a whole private file in place") {
    const scratch s;
    const posix_files files;
    const auto before = names_in(s.path);
    const std::string large(1'000'000, 'x');
    for (const std::string_view bytes :
         {std::string_view{"new"}, std::string_view{}, std::string_view{"a\0b", 3}, std::string_view{large}}) {
        REQUIRE(files.replace(s.path + "/file", bytes).has_value());
        CHECK(*files.read(s.path + "/file", 2'000'000) == std::optional<std::string>{bytes});
        CHECK((*files.status(s.path + "/file"))->mode == 0600);
    }
    CHECK(names_in(s.path) == before);

    REQUIRE(files.replace(s.path + "/link", "instead of the link").has_value());
    CHECK((*files.status(s.path + "/link"))->kind == file_kind::regular);
    CHECK((*files.status(s.path + "/file"))->size == large.size());
    CHECK(names_in(s.path) == before);
}

TEST_CASE("replace waits for the disk twice, or not at all") {
    const scratch s;
    const posix_files files;
    const std::string path = s.path + "/directory/file";
    flushes = 0;
    REQUIRE(files.replace(path, "first"));
    CHECK(flushes == 2);
    const auto before = inode(path);
    flushes = 0;
    REQUIRE(files.replace(path, "second", 0640, durability::later));
    CHECK(flushes == 0);
    // Whoever has opened the old file still reads that.
    CHECK(inode(path) != before);
    CHECK(*files.read(path, 100) == std::optional<std::string>{"second"});
    CHECK((*files.status(path))->mode == 0640);
    CHECK(names_in(s.path + "/directory") == std::vector<std::string>{"file"});
    CHECK_FALSE(files.replace(s.path + "/missing/file", "x", 0600, durability::later));
    CHECK_FALSE(files.replace(s.path + "/directory", "x", 0600, durability::later));
    CHECK(names_in(s.path + "/directory") == std::vector<std::string>{"file"});
}

TEST_CASE("a replace that fails leaves everything as it was") {
    const scratch s;
    const posix_files files;
    const auto before = names_in(s.path);
    struct case_row {
        std::string_view name;
        std::string path;
        errc code;
    };
    const case_row rows[] = {
        {"onto a directory", s.path + "/directory", errc::io},
        {"in a missing directory", s.path + "/missing/file", errc::io},
        {"below a file", s.path + "/file/x", errc::io},
        {"no name", s.path + "/directory/", errc::usage},
        {"in a file system that takes no files", "/proc/file", errc::io},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto done = files.replace(row.path, "bytes");
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == row.code);
        CHECK(names_in(s.path) == before);
    }

    // A disk that is full in the middle of writing, as the kernel shows it: the file may not grow beyond 4 KiB.
    rlimit usual{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual) == 0);
    const rlimit tight{4096, usual.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto done = files.replace(s.path + "/file", std::string(10'000, 'x'));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &usual) == 0);
    ::signal(SIGXFSZ, SIG_DFL);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == errc::io);
    CHECK(done.error().message.find("File too large") != std::string::npos);
    CHECK(*files.read(s.path + "/file", 100) == std::optional<std::string>{"twelve bytes"});
    CHECK(names_in(s.path) == before);
}

namespace {

/// The file itself, whatever it is called.
auto has_all_blocks(const std::string& path) -> bool {
    struct stat seen {};
    return ::lstat(path.c_str(), &seen) == 0 && seen.st_blocks * 512 >= seen.st_size;
}

/// From now on a system call fails in this process if an argument (0 to 5) is that, as on a file system without it.
auto forbid(long call, std::size_t argument, std::uint32_t value, int error) -> bool {
    const auto place = static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument);
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, place),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(rules)), rules};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// What a child finds is its exit status; 99: what it needs is not to be had here.
auto status_of_child(const std::function<int()>& what) -> int {
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(what());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("replace_in_place writes over the spare file, and the two exchange their names") {
    const scratch s;
    const posix_files files;
    const std::string path = s.path + "/directory/kept";
    const std::string spare = path + ".spare";
    const auto bytes = [](char c) { return std::string(10'000, c); };
    REQUIRE(files.replace_in_place(path, spare, bytes('a')));
    CHECK(*files.read(path, 10'000) == bytes('a'));
    CHECK(names_in(s.path + "/directory") == std::vector<std::string>{"kept", "kept.spare"});
    const auto first = inode(path);
    const auto second = inode(spare);
    for (const char c : {'b', 'c', 'd', 'e'}) {
        REQUIRE(files.replace_in_place(path, spare, bytes(c)));
        CHECK(*files.read(path, 10'000) == bytes(c));
        CHECK(*files.read(spare, 10'000) == bytes(static_cast<char>(c - 1)));
        for (const auto& each : {path, spare}) {
            CHECK(has_all_blocks(each));
            CHECK((*files.status(each))->mode == 0600);
        }
        const bool odd = c == 'b' || c == 'd';
        CHECK(inode(path) == (odd ? second : first));
        CHECK(inode(spare) == (odd ? first : second));
    }
    // It may have been left half written.
    REQUIRE(::truncate(spare.c_str(), 5000) == 0);
    REQUIRE(files.replace_in_place(path, spare, bytes('f')));
    CHECK(*files.read(path, 10'000) == bytes('f'));
    CHECK(inode(path) == second);
    // Another size is taken, too.
    for (const std::size_t size : {100U, 20'000U}) {
        REQUIRE(files.replace_in_place(path, spare, std::string(size, 'g')));
        CHECK(*files.read(path, 20'000) == std::string(size, 'g'));
    }
    REQUIRE(::unlink(spare.c_str()) == 0);
    REQUIRE(files.replace_in_place(path, spare, bytes('h')));
    CHECK(*files.read(path, 10'000) == bytes('h'));
    // Without the file the spare one is not taken for it.
    REQUIRE(::unlink(path.c_str()) == 0);
    REQUIRE(files.replace_in_place(path, spare, bytes('i')));
    CHECK(*files.read(path, 10'000) == bytes('i'));
    CHECK(names_in(s.path + "/directory") == std::vector<std::string>{"kept", "kept.spare"});
}

TEST_CASE("replace_in_place takes a path in the working directory") {
    const scratch s;
    CHECK(status_of_child([&] {
              const posix_files files;
              if (::chdir(s.path.c_str()) != 0) return 1;
              for (const std::string_view bytes : {"first", "again", "third"}) {
                  if (!files.replace_in_place("kept", "kept.spare", bytes)) return 2;
                  if (*files.read("kept", 100) != std::optional<std::string>{bytes}) return 3;
              }
              return 0;
          }) == 0);
}

TEST_CASE("nothing that others can reach is used as the spare file, nor what is none") {
    struct row {
        std::string_view name;
        void (*put)(const std::string& spare, const std::string& other);
    };
    const row rows[] = {
        {"a symbolic link", [](const std::string& spare,
                               const std::string& other) { REQUIRE(::symlink(other.c_str(), spare.c_str()) == 0); }},
        {"a link to nowhere",
         [](const std::string& spare, const std::string&) { REQUIRE(::symlink("nowhere", spare.c_str()) == 0); }},
        {"a second name of another file",
         [](const std::string& spare, const std::string& other) {
             REQUIRE(::link(other.c_str(), spare.c_str()) == 0);
         }},
        {"a file that others may read",
         [](const std::string& spare, const std::string&) {
             std::ofstream{spare} << "x";
             REQUIRE(::chmod(spare.c_str(), 0644) == 0);
         }},
        {"a file that only root could write",
         [](const std::string& spare, const std::string&) {
             std::ofstream{spare} << "x";
             REQUIRE(::chmod(spare.c_str(), 0) == 0);
         }},
        {"another user's",
         [](const std::string& spare, const std::string&) {
             std::ofstream{spare} << "x";
             REQUIRE(::chmod(spare.c_str(), 0600) == 0);
             if (::geteuid() == 0) REQUIRE(::chown(spare.c_str(), 65534, 65534) == 0);
         }},
        {"a FIFO", [](const std::string& spare, const std::string&) { REQUIRE(::mkfifo(spare.c_str(), 0600) == 0); }},
        {"a directory",
         [](const std::string& spare, const std::string&) { REQUIRE(::mkdir(spare.c_str(), 0700) == 0); }},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const scratch s;
        const posix_files files;
        const std::string path = s.path + "/kept";
        const std::string spare = path + ".spare";
        const std::string other = s.path + "/file";
        REQUIRE(files.replace(path, "old"));
        each.put(spare, other);
        for (const std::string_view bytes : {"first", "again", "third"}) {
            REQUIRE(files.replace_in_place(path, spare, bytes));
            CHECK(*files.read(path, 100) == std::optional<std::string>{bytes});
            CHECK((*files.status(path))->mode == 0600);
            CHECK((*files.status(path))->uid == ::geteuid());
            CHECK((*files.status(path))->links == 1);
            CHECK(*files.read(other, 100) == std::optional<std::string>{"twelve bytes"});
        }
        CHECK(names_in(s.path).size() == names_in(scratch{}.path).size() + 2);
        const bool stays = each.name == "a directory";
        CHECK(((*files.status(spare))->kind == file_kind::directory) == stays);
        CHECK(((*files.status(spare))->kind == file_kind::regular) == !stays);
        if (stays) ::rmdir(spare.c_str());
    }
}

TEST_CASE("a replace_in_place that fails leaves the file as it was") {
    const scratch s;
    const posix_files files;
    CHECK(files.replace_in_place(s.path + "/missing/file", s.path + "/missing/spare", "x").error().code == errc::io);
    CHECK(files.replace_in_place("", "", "x").error().code == errc::usage);
    CHECK(files.replace_in_place(s.path + "/fi\0le"s, s.path + "/spare", "x").error().code == errc::usage);
    const std::string path = s.path + "/kept";
    const std::string spare = path + ".spare";
    const std::string before(10'000, 'a');
    REQUIRE(files.replace_in_place(path, spare, before));
    rlimit usual{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual) == 0);
    const rlimit tight{4096, usual.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto done = files.replace_in_place(path, spare, std::string(10'000, 'b'));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &usual) == 0);
    ::signal(SIGXFSZ, SIG_DFL);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == errc::io);
    CHECK(done.error().message.find("File too large") != std::string::npos);
    CHECK(*files.read(path, 10'000) == before);
    REQUIRE(files.replace_in_place(path, spare, std::string(10'000, 'c')));
    CHECK(*files.read(path, 10'000) == std::string(10'000, 'c'));
}

TEST_CASE("where names cannot be exchanged the spare file is made anew each time") {
    for (const int error : {EINVAL, ENOSYS, EXDEV}) {
        CAPTURE(error);
        const scratch s;
        const std::string path = s.path + "/kept";
        const std::string spare = path + ".spare";
        const int found = status_of_child([&] {
            const posix_files files;
            if (!files.replace_in_place(path, spare, "first")) return 1;
            if (!forbid(SYS_renameat2, 4, RENAME_EXCHANGE, error)) return 99;
            for (const std::string_view bytes : {"again", "third", "fifth"}) {
                const auto done = files.replace_in_place(path, spare, bytes);
                // What else goes wrong is an error.
                if (error == EXDEV) return done.has_value() || *files.read(path, 100) != "first" ? 2 : 0;
                if (!done || *files.read(path, 100) != std::optional<std::string>{bytes}) return 3;
            }
            return 0;
        });
        if (found == 99) {
            MESSAGE("left out: no filter of system calls is to be had here");
        } else {
            CHECK(found == 0);
        }
    }
}

TEST_CASE("where a file system has no call that takes blocks, the spare file is used all the same") {
    const scratch s;
    const std::string path = s.path + "/kept";
    const std::string spare = path + ".spare";
    const int found = status_of_child([&] {
        if (!forbid(SYS_fallocate, 1, 0, EOPNOTSUPP)) return 99;
        const posix_files files;
        if (!files.replace_in_place(path, spare, std::string(10'000, 'a'))) return 1;
        const auto second = inode(spare);
        if (!files.replace_in_place(path, spare, std::string(10'000, 'b'))) return 2;
        return inode(path) == second && has_all_blocks(spare) ? 0 : 3;
    });
    if (found == 99) {
        MESSAGE("left out: no filter of system calls is to be had here");
    } else {
        CHECK(found == 0);
    }
}

TEST_CASE("on a full disk replace_in_place goes on with the blocks that it has") {
    const scratch s;
    const int found = status_of_child([&] {
        const char* const at = s.path.c_str();
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", at, "tmpfs", 0, "size=256k,mode=0700") != 0) {
            return 99;
        }
        const posix_files files;
        const std::string path = s.path + "/kept";
        const std::string spare = path + ".spare";
        const auto bytes = [](int i) { return std::string(30'000, static_cast<char>('a' + i)); };
        if (!files.replace_in_place(path, spare, bytes(0))) return 1;
        const posix_fd filler{::open((s.path + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
        const std::string block(4096, 'x');
        while (::write(filler.get(), block.data(), block.size()) > 0) {
        }
        if (errno != ENOSPC) return 2;
        for (int i = 1; i < 10; ++i) {
            if (!files.replace_in_place(path, spare, bytes(i)) || *files.read(path, 30'000) != bytes(i)) return 3;
        }
        if (files.replace(path, bytes(20)) || *files.read(path, 30'000) != bytes(9)) return 4;
        // Without its spare file it needs room as any other does, and leaves nothing half made.
        if (::unlink(spare.c_str()) != 0) return 5;
        while (::write(filler.get(), block.data(), block.size()) > 0) {
        }
        const auto done = files.replace_in_place(path, spare, bytes(21));
        if (done || done.error().message.find("No space left") == std::string::npos) return 6;
        if (*files.read(path, 30'000) != bytes(9)) return 7;
        if (::ftruncate(filler.get(), 0) != 0 || !files.replace_in_place(path, spare, bytes(22))) return 8;
        return *files.read(path, 30'000) == bytes(22) ? 0 : 9;
    });
    if (found == 99) {
        MESSAGE("left out: no mounts of our own are to be had (they need root)");
    } else {
        CHECK(found == 0);
    }
}

TEST_CASE("make_directory makes one private directory and takes one that is there") {
    const scratch s;
    const posix_files files;
    const std::string made = s.path + "/made";
    REQUIRE(files.make_directory(made).has_value());
    CHECK((*files.status(made))->kind == file_kind::directory);
    CHECK((*files.status(made))->mode == 0700);
    CHECK(files.make_directory(made).has_value());
    CHECK(::rmdir(made.c_str()) == 0);
    CHECK(files.make_directory(s.path + "/directory").has_value());
    CHECK(files.make_directory(s.path + "/directory_link").has_value());
    for (const auto* path : {"/file", "/dangling", "/missing/made", "/file/made"}) {
        CAPTURE(path);
        const auto done = files.make_directory(s.path + path);
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == errc::io);
    }
}

TEST_CASE("a lock is held by one at a time, until it is destroyed") {
    const scratch s;
    const posix_files files;
    const std::string path = s.path + "/lock";
    {
        auto held = files.lock(path, {});
        REQUIRE(held);
        CHECK((*files.status(path))->kind == file_kind::regular);
        CHECK((*files.status(path))->mode == 0600);
        CHECK(files.lock(path, {}).error() == busy(path));
        CHECK(files.lock(s.path + "/other", {}));
        const posix_clock time;
        const auto before = time.monotonic();
        CHECK(files.lock(path, {60}).error() == busy(path));
        const auto waited = time.monotonic() - before;
        CHECK(waited >= milliseconds{60});
        CHECK(waited < seconds(30));
        const auto moved = std::move(*held);
        CHECK(files.lock(path, {}).error() == busy(path));
    }
    CHECK(files.lock(path, {}));
    // What stands in the file is not touched: nobody's file can be emptied that way.
    REQUIRE(files.lock(s.path + "/file", {}));
    CHECK(*files.read(s.path + "/file", 100) == std::optional<std::string>{"twelve bytes"});
}

TEST_CASE("threads and processes that want one lock come one after the other") {
    const scratch s;
    const std::string path = s.path + "/lock";
    const std::string counter = s.path + "/counter";
    // Read, wait and write: without the lock, most of the steps would be lost.
    const auto count = [&] {
        const posix_files files;
        for (int i = 0; i < 20; ++i) {
            const auto held = files.lock(path, seconds(60));
            if (!held) return;
            const auto before = files.read(counter, 100);
            if (!before) return;
            const std::size_t seen = before->value_or("").size();
            std::this_thread::yield();
            std::ofstream{counter} << std::string(seen + 1, 'x');
        }
    };
    std::vector<::pid_t> children;
    for (int i = 0; i < 3; ++i) {
        const ::pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            count();
            ::_exit(0);
        }
        children.push_back(child);
    }
    std::thread one{count};
    std::thread two{count};
    one.join();
    two.join();
    for (const auto child : children) CHECK(::waitpid(child, nullptr, 0) == child);
    CHECK((*posix_files{}.status(counter))->size == 100);
}

TEST_CASE("the end of a process releases its lock") {
    const scratch s;
    const posix_files files;
    const std::string path = s.path + "/lock";
    std::optional<result<posix_files::lock_type>> held;
    other_process holder{[&] { held.emplace(files.lock(path, {})); }};
    CHECK(files.lock(path, {}).error() == busy(path));
    std::thread killer{[&] {
        ::usleep(30'000);
        holder.end();
    }};
    const auto got = files.lock(path, seconds(60));
    killer.join();
    CHECK(got);
}

TEST_CASE("no program that is started inherits a lock") {
    const scratch s;
    const posix_files files;
    const std::string path = s.path + "/lock";
    ::pid_t child = -1;
    {
        const auto held = files.lock(path, {});
        REQUIRE(held);
        int executed[2];
        REQUIRE(::pipe2(executed, O_CLOEXEC) == 0);
        child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::execl("/bin/sleep", "sleep", "60", nullptr);
            ::_exit(127);
        }
        ::close(executed[1]);
        char byte{};
        CHECK(::read(executed[0], &byte, 1) == 0);
        ::close(executed[0]);
        CHECK(::waitpid(child, nullptr, WNOHANG) == 0);
    }
    CHECK(files.lock(path, {}));
    ::kill(child, SIGKILL);
    CHECK(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("a lock whose file is deleted or replaced meanwhile is taken anew") {
    const scratch s;
    const posix_files files;
    const std::string path = s.path + "/lock";
    const auto take_over = [&](bool replaced) {
        auto old = std::optional{files.lock(path, {})};
        REQUIRE(*old);
        struct stat before {};
        REQUIRE(::lstat(path.c_str(), &before) == 0);
        std::optional<result<posix_files::lock_type>> got;
        std::thread waiter{[&] { got.emplace(files.lock(path, seconds(60))); }};
        ::usleep(30'000);
        if (replaced) {
            CHECK(files.replace(path, "another one"));
        } else {
            CHECK(files.remove(path));
        }
        ::usleep(replaced ? 0 : 30'000);
        old.reset();
        waiter.join();
        REQUIRE(got);
        REQUIRE(*got);
        // It is the file of that name that is locked, not the one that is gone.
        CHECK(files.lock(path, {}).error() == busy(path));
        struct stat after {};
        REQUIRE(::lstat(path.c_str(), &after) == 0);
        CHECK(after.st_ino != before.st_ino);
    };
    SUBCASE("deleted") {
        take_over(false);
    }
    SUBCASE("replaced") {
        take_over(true);
    }
    SUBCASE("deleted again and again, never held by two") {
        std::atomic<int> inside{0};
        std::atomic<int> together{0};
        std::atomic<int> trouble{0};
        const auto come_and_go = [&] {
            // Without waiting: so that many are between opening the file and locking it when it goes.
            for (int times = 0; times < 3000;) {
                const auto held = files.lock(path, {});
                if (!held && held.error().code == errc::timed_out) continue;
                if (!held) return void(++trouble);
                if (++inside != 1) ++together;
                ++times;
                std::this_thread::yield();
                --inside;
                if (!files.remove(path)) ++trouble;  // from here on, the next one may come
            }
        };
        std::thread one{come_and_go};
        std::thread two{come_and_go};
        one.join();
        two.join();
        CHECK(trouble == 0);
        CHECK(together == 0);
    }
}

TEST_CASE("a lock is refused where something else stands") {
    const scratch s;
    const posix_files files;
    struct case_row {
        std::string_view name;
        std::string path;
        errc code;
        std::string_view says;  ///< behind `the lock <path> `, or behind `cannot open the lock <path>: `
    };
    const case_row rows[] = {
        {"link", s.path + "/link", errc::denied, "is a symbolic link; delete it"},
        {"dangling link", s.path + "/dangling", errc::denied, "is a symbolic link; delete it"},
        {"FIFO", s.path + "/fifo", errc::denied, "is not a regular file; delete it"},
        {"device", "/dev/null", errc::denied, "is not a regular file; delete it"},
        {"directory", s.path + "/directory", errc::io, "Is a directory"},
        {"missing directory", s.path + "/missing/lock", errc::io, "No such file or directory"},
        {"below a file", s.path + "/file/lock", errc::io, "Not a directory"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto got = files.lock(row.path, seconds(60));
        REQUIRE_FALSE(got);
        CHECK(got.error().code == row.code);
        const std::string start = row.code == errc::io ? "cannot open the lock " + quoted(row.path) + ": "
                                                       : "the lock " + quoted(row.path) + ' ';
        CHECK(got.error().message == start + std::string{row.says});
    }
    CHECK_FALSE(files.status(s.path + "/nowhere")->has_value());
    CHECK(files.lock("", {}).error().code == errc::usage);
    const std::string foreign = s.path + "/empty";
    if (::geteuid() != 0 || ::chown(foreign.c_str(), 65534, 65534) != 0) {
        MESSAGE("only root can give a file to another user: the row about a foreign lock is left out");
    } else {
        CHECK(files.lock(foreign, {}).error() ==
              error{errc::denied, "the lock " + quoted(foreign) + " belongs to another user; delete it"});
    }
}

TEST_CASE("remove deletes a file, and is content if there is none") {
    const scratch s;
    const posix_files files;
    for (const auto* path : {"/file", "/link", "/fifo", "/missing", "/missing/x", "/empty/x"}) {
        CAPTURE(path);
        CHECK(files.remove(s.path + path));
        CHECK_FALSE(files.status(s.path + path)->has_value());
    }
    CHECK(files.remove(s.path + "/directory").error() ==
          error{errc::io, "cannot delete " + quoted(s.path + "/directory") + ": Is a directory"});
    CHECK((*files.status(s.path + "/directory"))->kind == file_kind::directory);
    CHECK(files.remove("").error().code == errc::usage);
}

TEST_CASE("a file that a person names may be a link, and is described as it is read") {
    const scratch home;
    const posix_files files;
    for (const std::string name : {"file", "link"}) {
        CAPTURE(name);
        const auto found = files.read_named(home.path + '/' + name, 12);
        REQUIRE(found);
        REQUIRE(*found);
        CHECK((*found)->bytes == "twelve bytes");
        CHECK((*found)->status.kind == file_kind::regular);
        CHECK((*found)->status.mode == 0640);
        CHECK((*found)->status.uid == ::geteuid());
        CHECK((*found)->status.gid == ::getegid());
        CHECK((*found)->status.size == 12);
    }
    for (const std::string name : {"nothing", "dangling", "file/below"}) {
        CAPTURE(name);
        const auto found = files.read_named(home.path + '/' + name, 12);
        REQUIRE(found);
        CHECK_FALSE(*found);
    }
    REQUIRE(::symlink("circle", (home.path + "/circle").c_str()) == 0);
    REQUIRE(::symlink("fifo", (home.path + "/fifo_link").c_str()) == 0);
    struct row {
        std::string path;
        std::size_t limit;
        errc code;
    };
    const row rows[] = {
        {home.path + "/file", 11, errc::bad_data},           {home.path + "/directory", 12, errc::bad_data},
        {home.path + "/directory_link", 12, errc::bad_data}, {home.path + "/fifo", 12, errc::bad_data},
        {home.path + "/fifo_link", 12, errc::bad_data},      {"/dev/zero", 12, errc::bad_data},
        {home.path + "/circle", 12, errc::denied},           {"", 12, errc::usage},
    };
    for (const auto& each : rows) {
        CAPTURE(each.path);
        const auto found = files.read_named(each.path, each.limit);
        REQUIRE_FALSE(found);
        CHECK(found.error().code == each.code);
    }
    CHECK(files.group() == ::getegid());
}
