#include <powerconsul/adapters/posix/log.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/json/value.hpp>

using namespace powerconsul;

namespace {

/// Directory of one test case, gone with it.
struct scratch {
    std::string path{"/tmp/powerconsul-log-XXXXXX"};
    scratch() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

struct with_umask {
    mode_t before;
    explicit with_umask(mode_t mask) : before{::umask(mask)} {}
    with_umask(const with_umask&) = delete;
    auto operator=(const with_umask&) -> with_umask& = delete;
    ~with_umask() { ::umask(before); }
};

/// Puts another file at the place of stderr until it ends; -1 closes it.
struct with_stderr {
    int before{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10)};
    explicit with_stderr(int other) {
        if (other < 0) {
            ::close(STDERR_FILENO);
        } else {
            ::dup2(other, STDERR_FILENO);
        }
    }
    with_stderr(const with_stderr&) = delete;
    auto operator=(const with_stderr&) -> with_stderr& = delete;
    ~with_stderr() {
        ::dup2(before, STDERR_FILENO);
        ::close(before);
    }
};

struct limited_files {
    rlimit before{};
    explicit limited_files(rlim_t most) {
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
        const rlimit tight{most, before.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    }
    limited_files(const limited_files&) = delete;
    auto operator=(const limited_files&) -> limited_files& = delete;
    ~limited_files() { ::setrlimit(RLIMIT_FSIZE, &before); }
};

auto content(const std::string& path) -> std::string {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

auto mode(const std::string& path) -> unsigned {
    struct stat seen {};
    return ::lstat(path.c_str(), &seen) == 0 ? seen.st_mode & 07777U : 0U;
}

/// Without `time=2024-02-29T12:00:00.000Z ` in front of each line: no two runs have the same.
auto timeless(const std::string& text) -> std::string {
    constexpr std::size_t width = 30;
    std::string kept;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        const std::string line = text.substr(at, end == std::string::npos ? end : end - at);
        const bool timed = line.size() >= width && line.starts_with("time=20") && line[width - 2] == 'Z';
        kept += timed ? line.substr(width) : line;
        if (end == std::string::npos) break;
        kept += '\n';
        at = end + 1;
    }
    return kept;
}

auto options(log_target_kind kind, std::string path = {}) -> log_options {
    return {.target = {kind, std::move(path)}, .command = "watch"};
}

auto message(const posix_log& log) -> std::string {
    const auto cause = log.cause();
    return cause ? cause->message : "no cause";
}

const event plain{.what = "nothing done"};
const event about_web{.what = "trigger ended", .service = "web", .state = "critical", .fields = {{"attempt", "1"}}};

}  // namespace

TEST_CASE("the place of the log is told by its text") {
    const scratch s;
    struct case_row {
        std::string_view name;
        std::string text;
        log_target_kind kind;
        std::string path;
    };
    const case_row rows[] = {
        {"none", "none", log_target_kind::none, ""},
        {"stderr", "stderr", log_target_kind::standard_error, ""},
        {"syslog", "syslog", log_target_kind::syslog, ""},
        {"a new file", s.path + "/a.log", log_target_kind::file, s.path + "/a.log"},
        {"below what is not there", "/no/such/a.log", log_target_kind::file, "/no/such/a.log"},
        {"a device", "/dev/null", log_target_kind::file, "/dev/null"},
        {"a new directory", s.path + "/new/", log_target_kind::directory, s.path + "/new"},
        {"several slashes", s.path + "/new//", log_target_kind::directory, s.path + "/new"},
        {"a directory that is there", s.path, log_target_kind::file, s.path},
        {"the root", "/", log_target_kind::directory, "/"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto target = parse_log_target(row.text);
        REQUIRE(target);
        CHECK(*target == log_target{row.kind, row.path});
    }

    struct refused_row {
        std::string_view name;
        std::string_view text;
        std::string_view shown;
    };
    const refused_row refused[] = {
        {"nothing", "", "\"\""},
        {"misspelt", "sterr", "\"sterr\""},
        {"a relative path", "log/a.log", "\"log/a.log\""},
        {"the current directory", "./", "\"./\""},
        {"a NUL", std::string_view{"/tmp/a\0b", 8}, "\"/tmp/a\\x00b\""},
    };
    for (const auto& row : refused) {
        CAPTURE(row.name);
        const auto target = parse_log_target(row.text);
        REQUIRE_FALSE(target);
        CHECK(target.error() ==
              error{errc::usage, std::string{row.shown} +
                                     " is no destination for the log; expected none, stderr, syslog or the "
                                     "absolute path of a file or, with a / at its end, of a directory"});
    }
}

TEST_CASE("a file gets a line for each event that matters enough") {
    const scratch s;
    const std::string path = s.path + "/a.log";
    auto chosen = options(log_target_kind::file, path);
    chosen.most = event_level::warning;
    posix_log log{chosen};
    const auto began = utc_time(posix_clock{}.wall());
    log.write({.level = event_level::debug, .what = "one"});
    log.write({.level = event_level::info, .what = "two"});
    CHECK_FALSE(std::filesystem::exists(path));
    log.write({.level = event_level::warning, .what = "three", .service = "web", .fields = {{"output", "a\nb"}}});
    log.write({.level = event_level::error, .what = "four"});
    const auto ended = utc_time(posix_clock{}.wall());
    CHECK(timeless(content(path)) ==
          "level=warning event=three service=web output=\"a\\nb\"\nlevel=error event=four\n");
    CHECK(content(path).substr(5, 24) >= began);
    CHECK(content(path).substr(5, 24) <= ended);
    CHECK(log.failures() == 0);
    CHECK_FALSE(log.cause().has_value());

    auto as_json = options(log_target_kind::file, s.path + "/b.log");
    as_json.format = log_format::json;
    posix_log{as_json}.write(about_web);
    const auto text = content(s.path + "/b.log");
    REQUIRE(text.ends_with("}\n"));
    const auto read = json::parse(text.substr(0, text.size() - 1));
    REQUIRE(read);
    CHECK(read->names == std::vector<std::string>{"time", "level", "event", "service", "state", "attempt"});

    posix_log nowhere{options(log_target_kind::none, path)};
    nowhere.write({.level = event_level::error, .what = "five"});
    CHECK(content(path).find("five") == std::string::npos);
    CHECK(nowhere.failures() == 0);
}

TEST_CASE("what is made has its mode whatever the umask, what is there keeps its own") {
    for (const mode_t mask : {0U, 022U, 077U}) {
        CAPTURE(mask);
        const scratch s;
        const with_umask masked{mask};
        posix_log file{options(log_target_kind::file, s.path + "/a.log")};
        file.write(plain);
        CHECK(mode(s.path + "/a.log") == 0640);
        posix_log directory{options(log_target_kind::directory, s.path + "/d")};
        directory.write(about_web);
        directory.write(plain);
        CHECK(mode(s.path + "/d") == 0750);
        CHECK(mode(s.path + "/d/watch") == 0750);
        CHECK(mode(s.path + "/d/watch/web.critical.log") == 0640);
        CHECK(mode(s.path + "/d/watch/watch.log") == 0640);

        REQUIRE(::chmod((s.path + "/a.log").c_str(), 0600) == 0);
        REQUIRE(::chmod((s.path + "/d/watch").c_str(), 0700) == 0);
        file.write(plain);
        directory.write(plain);
        CHECK(mode(s.path + "/a.log") == 0600);
        CHECK(mode(s.path + "/d/watch") == 0700);
        CHECK(file.failures() + directory.failures() == 0);
    }
}

TEST_CASE("a directory that is there is one, also without a slash behind its name") {
    const scratch s;
    posix_log log{options(log_target_kind::file, s.path)};
    log.write(plain);
    CHECK(log.failures() == 0);
    CHECK(mode(s.path + "/watch/watch.log") == 0640);
}

TEST_CASE("a directory has a file for each command, service and state") {
    const scratch s;
    struct case_row {
        std::string_view name;
        std::string command;
        std::string service;
        std::string state;
        std::string file;
    };
    const case_row rows[] = {
        {"of a service", "trigger", "web", "critical", "trigger/web.critical.log"},
        {"another state", "trigger", "web", "warning", "trigger/web.warning.log"},
        {"of none", "trigger", "", "", "trigger/trigger.log"},
        {"without a state", "watch", "web", "", "watch/watch.log"},
        {"a slash", "watch", "../../web", "critical", "watch/..%2F..%2Fweb.critical.log"},
        {"other bytes", "watch", "w \xC3\xA9\n", "a/b", "watch/w%20%C3%A9%0A.a%2Fb.log"},
        {"points", "watch", "..", "critical", "watch/...critical.log"},
        {"as long as may be", "watch", std::string(242, 's'), "critical",
         "watch/" + std::string(242, 's') + ".critical.log"},
        {"longer", "watch", std::string(243, 's'), "critical", "watch/watch.log"},
        {"no command", "", "", "", "powerconsul/powerconsul.log"},
        {"a command of points", "..", "", "", "powerconsul/powerconsul.log"},
        {"a command with a slash", "a/b", "", "", "a%2Fb/a%2Fb.log"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto chosen = options(log_target_kind::directory, s.path);
        chosen.command = row.command;
        posix_log log{chosen};
        std::error_code ignored;
        std::filesystem::remove_all(s.path, ignored);
        log.write({.what = "e", .service = row.service, .state = row.state});
        CHECK(message(log) == "no cause");
        CHECK(timeless(content(s.path + '/' + row.file)).starts_with("level=info event=e"));
        std::size_t files = 0;
        for (const auto& each : std::filesystem::recursive_directory_iterator{s.path})
            files += each.is_regular_file() ? 1 : 0;
        CHECK(files == 1);
    }
}

TEST_CASE("a directory has one file for a command whose options name it") {
    const scratch s;
    auto chosen = options(log_target_kind::directory, s.path);
    chosen.command = "check";
    for (const auto& [file, path] : {std::pair{std::string{"service.web"}, std::string{"check/service.web.log"}},
                                     {"service.a/b", "check/service.a%2Fb.log"},
                                     {std::string(252, 's'), "check/check.log"}}) {
        chosen.file = file;
        posix_log log{chosen};
        log.write({.what = "e", .service = "web", .state = "critical"});
        log.write({.what = "f", .service = "db", .state = "passing"});
        CHECK(message(log) == "no cause");
        CHECK(timeless(content(s.path + '/' + path)) ==
              "level=info event=e service=web state=critical\nlevel=info event=f service=db state=passing\n");
    }
}

TEST_CASE("what cannot be written changes nothing, is counted and told") {
    const scratch s;
    std::ofstream{s.path + "/target"} << "kept";
    REQUIRE(::symlink("target", (s.path + "/link").c_str()) == 0);
    REQUIRE(::symlink("nowhere", (s.path + "/dangling").c_str()) == 0);
    REQUIRE(::mkfifo((s.path + "/fifo").c_str(), 0600) == 0);
    REQUIRE(::mkdir((s.path + "/linked").c_str(), 0700) == 0);
    REQUIRE(::mkdir((s.path + "/elsewhere").c_str(), 0700) == 0);
    REQUIRE(::symlink("../elsewhere", (s.path + "/linked/watch").c_str()) == 0);
    struct case_row {
        std::string_view name;
        log_target_kind kind;
        std::string path;
        error why;
    };
    using enum log_target_kind;
    const auto shown = [&](std::string_view name) { return quoted(s.path + std::string{name}); };
    const auto io = [&](const std::string& what, std::string_view name, std::string_view reason) {
        return error{errc::io, what + ' ' + shown(name) + ": " + std::string{reason}};
    };
    const auto linked = [&](std::string_view name) {
        return error{errc::bad_data,
                     "the log " + shown(name) + " is a symbolic link, and none is followed; name the file itself"};
    };
    const case_row rows[] = {
        {"a missing directory", file, s.path + "/missing/a.log",
         io("cannot open the log", "/missing/a.log", "No such file or directory")},
        {"below a file", file, s.path + "/target/a.log", io("cannot open the log", "/target/a.log", "Not a directory")},
        {"a link", file, s.path + "/link", linked("/link")},
        {"a link to nothing", file, s.path + "/dangling", linked("/dangling")},
        {"a FIFO",
         file,
         s.path + "/fifo",
         {errc::bad_data, "the log " + shown("/fifo") + " is not a regular file, and only such are written"}},
        {"a full disk",
         file,
         "/dev/full",
         {errc::io, "cannot write the log to \"/dev/full\": No space left on device"}},
        {"two missing directories", directory, s.path + "/missing/d",
         io("cannot open the log's directory", "/missing/d", "No such file or directory")},
        {"a file as directory", directory, s.path + "/target",
         io("cannot open the log's directory", "/target", "Not a directory")},
        {"a link below the directory", directory, s.path + "/linked",
         io("cannot open the log's directory", "/linked/watch", "Not a directory")},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        posix_log log{options(row.kind, row.path)};
        log.write(about_web);
        log.write(plain);
        CHECK(log.failures() == 2);
        REQUIRE(log.cause().has_value());
        CHECK(*log.cause() == row.why);
    }
    CHECK(content(s.path + "/target") == "kept");
    CHECK_FALSE(std::filesystem::exists(s.path + "/nowhere"));
    CHECK(std::filesystem::is_empty(s.path + "/elsewhere"));
    posix_log device{options(file, "/dev/null")};
    device.write(plain);
    CHECK(device.failures() == 0);
}

TEST_CASE("a missing right is told, and so is only the first cause") {
    const scratch s;
    const std::string path = s.path + "/a.log";
    std::ofstream{path} << "old\n";
    REQUIRE(::chmod(path.c_str(), 0) == 0);
    REQUIRE(::chmod(s.path.c_str(), 0755) == 0);
    posix_log log{options(log_target_kind::file, path)};
    const bool root = ::geteuid() == 0;
    if (root) REQUIRE(::seteuid(65534) == 0);
    log.write(plain);
    if (root) REQUIRE(::seteuid(0) == 0);
    CHECK(log.failures() == 1);
    CHECK(message(log) == "cannot open the log " + quoted(path) + ": Permission denied");

    REQUIRE(std::filesystem::remove(path));
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    log.write(plain);
    CHECK(log.failures() == 2);
    CHECK(message(log) == "cannot open the log " + quoted(path) + ": Permission denied");
    REQUIRE(::rmdir(path.c_str()) == 0);
    log.write(plain);
    CHECK(log.failures() == 2);
    CHECK(timeless(content(path)) == "level=info event=\"nothing done\"\n");
}

TEST_CASE("a file that may only be written takes lines too") {
    const scratch s;
    const std::string path = s.path + "/a.log";
    std::ofstream{path} << "old\n";
    REQUIRE(::chmod(path.c_str(), 0222) == 0);
    REQUIRE(::chmod(s.path.c_str(), 0755) == 0);
    posix_log log{options(log_target_kind::file, path)};
    const bool root = ::geteuid() == 0;
    if (root) REQUIRE(::seteuid(65534) == 0);
    log.write(plain);
    if (root) REQUIRE(::seteuid(0) == 0);
    CHECK(message(log) == "no cause");
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    CHECK(timeless(content(path)) == "old\nlevel=info event=\"nothing done\"\n");
}

TEST_CASE("behind a part of a line the next one begins on its own") {
    const scratch s;
    const std::string path = s.path + "/a.log";
    posix_log log{options(log_target_kind::file, path)};
    log.write(plain);
    const auto whole = content(path).size();
    {
        // The kernel takes what fits, as on a disk that gets full; for what begins behind the limit it sends SIGXFSZ.
        const limited_files tight{whole + 40};
        log.write(about_web);
        CHECK(log.failures() == 1);
        log.write(about_web);
        CHECK(log.failures() == 2);
    }
    CHECK(log.cause()->code == errc::io);
    CHECK(message(log) == "of a line of 100 bytes only the first 40 could be written to the log " + quoted(path));
    sigset_t waiting;
    REQUIRE(::sigpending(&waiting) == 0);
    CHECK(::sigismember(&waiting, SIGXFSZ) == 0);
    posix_log another{options(log_target_kind::file, path)};
    another.write(about_web);
    another.write(plain);
    CHECK(another.failures() == 0);
    const auto text = content(path);
    CHECK(timeless(text) ==
          "level=info event=\"nothing done\"\nlevel=info\n"
          "level=info event=\"trigger ended\" service=web state=critical attempt=1\n"
          "level=info event=\"nothing done\"\n");
    CHECK(text.substr(whole + 29, 12) == " level=info\n");
}

TEST_CASE("a file that was moved away is made again") {
    const scratch s;
    const std::string path = s.path + "/a.log";
    posix_log log{options(log_target_kind::file, path)};
    log.write({.what = "first"});
    REQUIRE(::rename(path.c_str(), (path + ".1").c_str()) == 0);
    log.write({.what = "second"});
    CHECK(timeless(content(path + ".1")) == "level=info event=first\n");
    CHECK(timeless(content(path)) == "level=info event=second\n");
    CHECK(mode(path) == 0640);
    CHECK(log.failures() == 0);
}

TEST_CASE("processes and threads write whole lines into one file") {
    const scratch s;
    const std::string path = s.path + "/a.log";
    constexpr std::size_t processes = 4;
    constexpr std::size_t threads = 3;
    constexpr std::size_t lines = 60;
    std::vector<pid_t> children;
    for (std::size_t p = 0; p < processes; ++p) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child != 0) {
            children.push_back(child);
            continue;
        }
        posix_log log{options(log_target_kind::file, path)};
        std::vector<std::thread> writers;
        for (std::size_t t = 0; t < threads; ++t) {
            writers.emplace_back([&log, p, t] {
                for (std::size_t i = 0; i < lines; ++i) {
                    const std::string fill((i * 977 + t * 13) % 9000, static_cast<char>('a' + p * threads + t));
                    log.write({.what = "e", .fields = {{"fill", fill}, {"last", std::to_string(i)}}});
                }
            });
        }
        for (auto& writer : writers) writer.join();
        ::_exit(log.failures() == 0 ? 0 : 1);
    }
    for (const pid_t child : children) {
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    std::ifstream file{path};
    std::size_t whole = 0;
    std::size_t torn = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.empty()) continue;  // see the contract: beside a line that was just being written
        const auto begin = line.find(" fill=") + 6;
        const auto end = line.find(" last=");
        const bool framed = line.starts_with("time=") && line.find("time=", 1) == std::string::npos &&
                            end > begin - 1 && end != std::string::npos;
        const std::string fill = framed ? line.substr(begin, end - begin) : "?";
        const bool pure = fill == "\"\"" || fill.find_first_not_of(fill.substr(0, 1) + '.') == std::string::npos;
        ++(framed && pure ? whole : torn);
    }
    CHECK(torn == 0);
    CHECK(whole == processes * threads * lines);
}

TEST_CASE("stderr takes lines, and none of its troubles reaches the caller") {
    int ends[2]{};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    posix_fd reader{ends[0]};
    posix_fd writer{ends[1]};
    std::string text(65536, '\0');
    const auto take = [&] {
        const auto got = ::read(reader.get(), text.data(), text.size());
        return text.substr(0, got > 0 ? static_cast<std::size_t>(got) : 0);
    };
    SUBCASE("a pipe") {
        std::size_t failures = 1;
        {
            const with_stderr piped{writer.get()};
            posix_log log{options(log_target_kind::standard_error)};
            log.write(about_web);
            log.write({.what = "long", .fields = {{"output", std::string(10'000, 'x')}}});
            failures = log.failures();
        }
        CHECK(failures == 0);
        const auto got = take();
        const auto end = got.find('\n') + 1;
        CHECK(timeless(got.substr(0, end)) ==
              "level=info event=\"trigger ended\" service=web state=critical attempt=1\n");
        CHECK(got.size() - end <= 4096);
        CHECK(got.ends_with("xxx...\n"));
    }
    SUBCASE("a pipe that nobody reads") {
        REQUIRE(::fcntl(writer.get(), F_SETFL, O_NONBLOCK) == 0);
        while (::write(writer.get(), text.data(), 4096) > 0) {
        }
        REQUIRE(::fcntl(writer.get(), F_SETFL, 0) == 0);
        std::optional<error> cause;
        std::int64_t first = 0;
        std::int64_t second = 0;
        std::size_t failures = 0;
        {
            const with_stderr piped{writer.get()};
            posix_log log{options(log_target_kind::standard_error)};
            const auto now = [] { return posix_clock{}.monotonic().count; };
            auto since = now();
            log.write(plain);
            first = now() - since;
            since = now();
            for (int i = 0; i < 20; ++i) log.write(plain);
            second = now() - since;
            take();
            log.write(plain);
            failures = log.failures();
            cause = log.cause();
        }
        CHECK(first >= 990);
        CHECK(second < 900);
        CHECK(failures == 21);
        REQUIRE(cause.has_value());
        CHECK(*cause == error{errc::timed_out, "cannot write the log to stderr: nobody reads what it already holds"});
        CHECK(take().ends_with(" level=info event=\"nothing done\"\n"));
    }
    SUBCASE("a reader that is gone") {
        reader.reset();
        std::string why;
        {
            const with_stderr piped{writer.get()};
            posix_log log{options(log_target_kind::standard_error)};
            log.write(plain);
            why = message(log);
        }
        CHECK(why == "cannot write the log to \"stderr\": Broken pipe");
        sigset_t waiting;
        REQUIRE(::sigpending(&waiting) == 0);
        CHECK(::sigismember(&waiting, SIGPIPE) == 0);
        sigset_t blocked;
        REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &blocked) == 0);
        CHECK(::sigismember(&blocked, SIGPIPE) == 0);
    }
    SUBCASE("closed, and its number given to another file") {
        const scratch s;
        std::string why;
        {
            const with_stderr closed{-1};
            posix_log log{options(log_target_kind::standard_error)};
            const posix_fd other{::open((s.path + "/other").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
            log.write(plain);
            why = other.get() == STDERR_FILENO ? message(log) : "another number";
        }
        CHECK(why == "cannot write the log to \"stderr\": Bad file descriptor");
        CHECK(content(s.path + "/other").empty());
    }
    SUBCASE("a file in which only a part has room") {
        const scratch s;
        const posix_fd file{::open((s.path + "/err").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
        REQUIRE(file);
        std::size_t failures = 0;
        {
            const with_stderr there{file.get()};
            posix_log log{options(log_target_kind::standard_error)};
            {
                const limited_files tight{34};
                log.write(plain);
                log.write(plain);
            }
            log.write(plain);
            log.write(plain);
            failures = log.failures();
        }
        CHECK(failures == 2);
        CHECK(timeless(content(s.path + "/err")) ==
              "leve\nlevel=info event=\"nothing done\"\nlevel=info event=\"nothing done\"\n");
    }
}

namespace {

/// What arrives at /dev/log of a mount namespace that only the child has; the reason in `skipped` if there is none.
auto sent_to_syslog(std::string& skipped) -> std::vector<std::string> {
    int ends[2]{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    const posix_fd near{ends[0]};
    posix_fd far{ends[1]};
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const posix_fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::string_view{"/dev/log"}.copy(address.sun_path, sizeof address.sun_path - 1);
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", "/dev", "tmpfs", 0, nullptr) != 0) {
            ::_exit(77);
        }
        posix_log log{{.target = {log_target_kind::syslog}, .most = event_level::debug, .command = "watch"}};
        log.write(plain);
        const std::string nobody = message(log);
        ::send(far.get(), nobody.data(), nobody.size(), 0);
        if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
        const timeval patience{5, 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        for (const auto level : {event_level::error, event_level::warning, event_level::info, event_level::debug}) {
            log.write({.level = level,
                       .what = "100 %s",
                       .fields = {{"output", std::string(level == event_level::debug ? 9000 : 3, 'x')}}});
            std::string got(16384, '\0');
            const auto size = ::recv(socket.get(), got.data(), got.size(), 0);
            if (size < 0) ::_exit(2);
            ::send(far.get(), got.data(), static_cast<std::size_t>(size), 0);
        }
        ::_exit(log.failures() == 1 ? 0 : 3);
    }
    far.reset();
    std::vector<std::string> messages;
    for (;;) {
        std::string got(16384, '\0');
        const auto size = ::recv(near.get(), got.data(), got.size(), 0);
        if (size <= 0) break;
        messages.push_back(got.substr(0, static_cast<std::size_t>(size)));
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const bool impossible = WIFEXITED(status) && WEXITSTATUS(status) == 77;
    if (impossible) skipped = "only root gets a mount namespace of its own: what syslog gets is not looked at";
    CHECK((impossible || status == 0));
    messages.push_back("by process " + std::to_string(child));
    return messages;
}

}  // namespace

TEST_CASE("syslog gets the line with the priority of its level") {
    std::string skipped;
    const auto messages = sent_to_syslog(skipped);
    if (!skipped.empty()) {
        MESSAGE(skipped);
        return;
    }
    REQUIRE(messages.size() == 6);
    CHECK(messages[0] == "cannot write the log to \"/dev/log\": No such file or directory");
    const std::string pid = messages[5].substr(11);
    struct case_row {
        std::string_view name;
        std::size_t at;
        std::string_view priority;
        std::string_view level;
    };
    // Facility daemon is 3, a priority 8 times that and the severity.
    const case_row rows[] = {
        {"error", 1, "<27>", "error"},
        {"warning", 2, "<28>", "warning"},
        {"info", 3, "<30>", "info"},
        {"debug", 4, "<31>", "debug"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const std::string& got = messages[row.at];
        CHECK(got.starts_with(row.priority));
        const auto ident = got.find(" powerconsul[" + pid + "]: time=20");
        REQUIRE(ident != std::string::npos);
        const auto text = got.substr(got.find("time=", ident));
        CHECK(timeless(text).starts_with("level=" + std::string{row.level} + " event=\"100 %s\" output=xxx"));
        CHECK(text.size() <= 4095);
        CHECK(text.find('\n') == std::string::npos);
    }
}
