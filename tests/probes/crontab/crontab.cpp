#include <powerconsul/probes/crontab/crontab.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;
using enum observation;

static_assert(probe<crontab_probe<posix_files, posix_accounts>>);
static_assert(probe<crontab_probe<testing::memory_files&, testing::memory_accounts&>>);
static_assert(std::is_same_v<decltype(crontab_probe{crontab_options{}, std::declval<posix_files&>(),
                                                    std::declval<posix_accounts&>()}),
                             crontab_probe<posix_files&, posix_accounts&>>);

namespace {

const std::string path = "/var/spool/cron/crontabs/bob";
constexpr const char* directory = "/var/spool/cron/crontabs";
constexpr const char* one_job = "# a comment\n5 4 * * * /bin/backup --all\n";

constexpr file_status his_own{.kind = file_kind::regular, .mode = 0600, .uid = 1001, .gid = 105};

constexpr auto with_owner(std::uint32_t uid, std::uint32_t gid) -> file_status {
    file_status status = his_own;
    status.uid = uid;
    status.gid = gid;
    return status;
}
constexpr auto with_mode(std::uint32_t mode) -> file_status {
    file_status status = his_own;
    status.mode = mode;
    return status;
}
constexpr auto with_times(std::int64_t modified, std::int64_t changed) -> file_status {
    file_status status = his_own;
    status.modified = modified;
    status.changed = changed;
    return status;
}

struct machine {
    testing::memory_files files{};
    testing::memory_accounts accounts{};

    machine() {
        files.user_id = 0;
        files.put(std::string{directory} + "/alice", "@daily true\n");
        accounts.add_user("root", 0).add_user("bob", 1001).add_user("alice", 1002);
        accounts.add_group("root", 0).add_group("crontab", 105);
    }
    auto look(std::string pattern = {}, std::string user = "bob") -> observed {
        return crontab_probe{{.user = std::move(user), .pattern = std::move(pattern)}, files, accounts}();
    }
};

/// What is said of a file of bob's with that text.
auto look_at(std::string_view text, file_status status = his_own, std::string pattern = {}) -> observed {
    machine m;
    m.files.put(path, text, status);
    return m.look(std::move(pattern));
}

auto said(observation state, std::string_view fault) -> observed {
    return {state, path + ": " + std::string{fault}};
}

}  // namespace

TEST_CASE("a user's name is no path, no option and no name that cron would not read") {
    struct case_row {
        std::string_view name;
        std::string user;
        const char* message;  // null: accepted
    };
    const case_row rows[] = {
        {"plain", "bob", nullptr},
        {"with digits and signs", "www-data_2", nullptr},
        {"of a directory service", "EXAMPLE\\bob.smith@example.org", nullptr},
        {"machine account", "host$", nullptr},
        {"dots inside", "a..b", nullptr},
        {"not ASCII", "j\xC3\xB6rg", nullptr},
        {"as long as a file's name", std::string(255, 'x'), nullptr},
        {"too long", std::string(256, 'x'), "is longer than the 255 bytes of a file name"},
        {"empty", "", "\"\" is empty: the name of a user is expected"},
        {"current directory", ".", "\".\" is a path: the name of a user is expected"},
        {"parent directory", "..", "\"..\" is a path: the name of a user is expected"},
        {"absolute path", "/etc/passwd", "\"/etc/passwd\" is a path"},
        {"way out", "../../../etc/shadow", "is a path"},
        {"below", "bob/x", "is a path"},
        {"slash at its end", "bob/", "is a path"},
        {"NUL", std::string("bob\0x", 5), "holds a control character"},
        {"newline", "bob\n", "holds a control character"},
        {"DEL", "bob\x7F", "holds a control character"},
        {"option", "-u", "starts with - as an option does"},
        {"hidden", ".bob", "starts with a dot, and cron reads no such file"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto valid = validate_crontab_user(row.user);
        REQUIRE(valid.has_value() == (row.message == nullptr));
        if (row.message == nullptr) continue;
        CHECK(valid.error().code == errc::usage);
        CHECK(valid.error().message.find(row.message) != std::string::npos);
        machine m;
        CHECK(m.look({}, row.user) == observed{unknown, valid.error().message});
    }
}

TEST_CASE("the text decides whether there is a job, and where the pattern counts") {
    struct case_row {
        std::string_view name;
        std::string_view text;
        const char* pattern;
        observation state;
        const char* fault;  // null: in place
    };
    using namespace std::string_view_literals;
    const case_row rows[] = {
        {"job", one_job, "", running, nullptr},
        {"job, pattern in it", one_job, "backup --all", running, nullptr},
        {"pattern in another case", one_job, "Backup", stopped, "no line of it contains \"Backup\""},
        {"pattern across lines", one_job, "comment\n5", stopped, "no line of it contains \"comment\\n5\""},
        {"pattern only in a comment", "#5 4 * * * backup\n* * * * * true\n", "backup", stopped,
         "no line of it contains \"backup\""},
        {"pattern in a comment after white space", " \t # backup\n* * * * * true\n", "backup", stopped,
         "no line of it contains \"backup\""},
        {"pattern in one of several jobs", "1 * * * * a\n2 * * * * b\n3 * * * * c\n", "b", running, nullptr},
        {"pattern with signs of expressions", "1 * * * * a.*\n", "a.*", running, nullptr},
        {"pattern is no expression", "1 * * * * abc\n", "a.c", stopped, "no line of it contains \"a.c\""},
        {"pattern with # in a job", "1 * * * * echo '#x'\n", "#x", running, nullptr},
        {"pattern in a setting", "MAILTO=ops\n1 * * * * true\n", "ops", running, nullptr},
        {"pattern of other bytes", "1 * * * * \xFF\xFE\n", "\xFF\xFE", running, nullptr},
        {"empty", "", "", stopped, "it holds nothing but comments"},
        {"empty, with a pattern", "", "x", stopped, "it holds nothing but comments"},
        {"one newline", "\n", "", stopped, "it holds nothing but comments"},
        {"blank lines", " \n\t\n \t \n", "", stopped, "it holds nothing but comments"},
        {"comments", "# a\n#b\n\t# c\n", "", stopped, "it holds nothing but comments"},
        {"comment without an end", "# a", "", stopped, "it holds nothing but comments"},
        {"comments, CRLF", "# a\r\n#b\r\n", "", stopped, "it holds nothing but comments"},
        {"comments and a blank line, CRLF", "# a\r\n\r\n", "", stopped,
         "it holds nothing but comments; line 2: bad minute, and Debian's cron ignores such a file"},
        {"a job and a blank line, CRLF", "* * * * * true\r\n\r\n", "", degraded,
         "line 2: bad minute, and Debian's cron ignores such a file"},
        {"commented-out job", "#* * * * * backup\n", "", stopped, "it holds nothing but comments"},
        {"commented-out job, with a pattern", "#* * * * * backup\n", "backup", stopped,
         "it holds nothing but comments"},
        {"settings", "MAILTO=ops\nSHELL = /bin/sh\n", "", stopped, "it holds settings but no job"},
        {"settings, with a pattern", "MAILTO=ops\n", "ops", stopped, "it holds settings but no job"},
        {"indented setting", "# x\n \tA_1\t= x\n", "", stopped, "it holds settings but no job"},
        {"job with = in it", "* * * * * A=1 true\n", "", running, nullptr},
        {"number that is assigned to", "5 = 4\n", "", stopped, "it holds settings but no job"},
        {"job, CRLF", "* * * * * true\r\n", "", running, nullptr},
        {"job, indented", "\t * * * * * true\n", "", running, nullptr},
        {"special time", "@reboot true\n", "", running, nullptr},
        {"name without =", "* * * * * true\nnonsense\n", "", degraded,
         "line 2: bad minute, and Debian's cron ignores such a file"},
        {"nothing else", "nonsense\n", "", degraded, "line 1: bad minute, and Debian's cron ignores such a file"},
        {"byte order mark", "\xEF\xBB\xBF# a\n* * * * * true\n", "", degraded,
         "line 1: bad minute, and Debian's cron ignores such a file"},
        {"odd and without the pattern", "nonsense\n", "x", stopped,
         "no line of it contains \"x\"; line 1: bad minute, and Debian's cron ignores such a file"},
        {"what other crons take", "\"A B\" = c\n~ * * * * true\n-* * * * * true\n", "", degraded,
         "line 2: bad minute, and Debian's cron ignores such a file"},
        {"what only another cron takes, with the pattern", "~ * * * * true\n", "true", degraded,
         "line 1: bad minute, and Debian's cron ignores such a file"},
        {"a time without a command", "* * * * *\n", "", stopped,
         "no job of it has both a command and a time that comes"},
        {"a time that never comes", "0 3 * * fri-mon true\n", "true", stopped,
         "no job of it has both a command and a time that comes"},
        {"a time that comes by its day of the month", "0 3 1 * fri-mon true\n", "true", running, nullptr},
        {"pattern only in a job that never comes", "0 3 * * fri-mon true\n0 3 * * * false\n", "true", stopped,
         "no line of it contains \"true\""},
        {"NUL bytes before the job", "# \0\n* * * * * true\n"sv, "true", running, nullptr},
        {"NUL before the pattern", "* * * * * a\0b\n"sv, "b", degraded,
         "line 1: bad minute, and Debian's cron ignores such a file"},
        {"no newline at its end", "* * * * * true", "", degraded,
         "there is no newline at its end, and Debian's cron ignores such a file"},
        {"no newline at its end, pattern missing", "* * * * * true", "x", stopped,
         "no line of it contains \"x\"; there is no newline at its end, and Debian's cron ignores such a file"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const std::string pattern = row.pattern;
        const std::string contains = pattern.empty() ? "" : " and contains " + quoted(pattern);
        const auto expected =
            row.fault == nullptr ? observed{running, path + " is in place" + contains} : said(row.state, row.fault);
        CHECK(look_at(row.text, his_own, pattern) == expected);
    }
}

TEST_CASE("what every cron ignores is stopped, what only some ignore is degraded") {
    file_status linked = his_own;
    linked.links = 2;
    file_status all_wrong = with_owner(1002, 0);
    all_wrong.mode = 0;
    all_wrong.links = 2;
    struct case_row {
        std::string_view name;
        file_status status;
        const char* text;
        observation state;
        const char* fault;
    };
    const case_row rows[] = {
        {"another user's", with_owner(1002, 105), one_job, stopped,
         "it is owned by alice:crontab, expected bob:crontab, and cron ignores it"},
        {"nobody knows whose", with_owner(4711, 815), one_job, stopped,
         "it is owned by 4711:815, expected bob:crontab, and cron ignores it"},
        {"root's", with_owner(0, 105), one_job, degraded, "it is owned by root:crontab, expected bob:crontab"},
        {"root's own group, too", with_owner(0, 0), one_job, degraded,
         "it is owned by root:root, expected bob:crontab"},
        {"root's, only comments", with_owner(0, 105), "#\n", stopped,
         "it holds nothing but comments; it is owned by root:crontab, expected bob:crontab"},
        {"wrong group", with_owner(1001, 0), one_job, degraded, "it is owned by bob:root, expected bob:crontab"},
        {"group without a name", with_owner(1001, 815), one_job, degraded,
         "it is owned by bob:815, expected bob:crontab"},
        {"readable by all", with_mode(0644), one_job, degraded,
         "its mode is 0644, expected 0600, and Debian's cron ignores such a file"},
        {"not even writable", with_mode(0400), one_job, degraded,
         "its mode is 0400, expected 0600, and Debian's cron ignores such a file"},
        {"set-user-id", with_mode(04600), one_job, degraded,
         "its mode is 4600, expected 0600, and Debian's cron ignores such a file"},
        {"second name", linked, one_job, degraded, "it has more than one name, and Debian's cron ignores such a file"},
        {"wrong mode, only comments", with_mode(0644), "# nothing\n", stopped,
         "it holds nothing but comments; its mode is 0644, expected 0600, and Debian's cron ignores such a file"},
        {"all of it", all_wrong, "# nothing", stopped,
         "it is owned by alice:root, expected bob:crontab, and cron ignores it; it holds nothing but comments; "
         "its mode is 0000, expected 0600, and Debian's cron ignores such a file; "
         "it has more than one name, and Debian's cron ignores such a file"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(look_at(row.text, row.status) == said(row.state, row.fault));
    }
    machine m;
    m.files.put(std::string{directory} + "/root", one_job, with_owner(0, 105));
    CHECK(m.look({}, "root").state == running);
}

TEST_CASE("a group that is not there or cannot be looked up") {
    machine m;
    m.files.put(path, one_job, his_own);
    const auto look = [&](std::string group) {
        return crontab_probe{crontab_options{.user = "bob", .group = std::move(group)}, m.files, m.accounts}();
    };
    CHECK(look("root") == said(degraded, "it is owned by bob:crontab, expected bob:root"));
    CHECK(look("cronies") == said(degraded, "it is owned by bob:crontab, expected bob:cronies"));

    struct half_deaf {
        testing::memory_accounts& known;
        auto user_id(const std::string& name) { return known.user_id(name); }
        auto user_name(std::uint32_t id) -> result<std::optional<std::string>> { return fail(errc::io, who(id)); }
        auto group_id(const std::string&) -> result<std::optional<std::uint32_t>> { return fail(errc::io, "deaf"); }
        auto group_name(std::uint32_t id) -> result<std::optional<std::string>> { return fail(errc::io, who(id)); }
        static auto who(std::uint32_t id) -> std::string { return "who is " + std::to_string(id); }
    };
    half_deaf accounts{m.accounts};
    crontab_probe look_deaf{crontab_options{.user = "bob"}, m.files, accounts};
    CHECK(look_deaf() == said(unknown, "deaf"));
    m.files.put(path, one_job, with_owner(0, 105));
    CHECK(look_deaf() == said(unknown, "deaf; it is owned by 0:105, expected bob:crontab"));
    m.files.put(path, one_job, with_owner(7, 105));
    CHECK(look_deaf() == said(stopped, "it is owned by 7:105, expected bob:crontab, and cron ignores it; deaf"));
    CHECK(m.files.remove(path));
    CHECK(look_deaf() == observed{unknown, "who is 1001"});
}

TEST_CASE("a change that cron may not have read is neither stopped nor running") {
    const std::string stale =
        "it was changed later than /var/spool/cron/crontabs: cron may still obey what it read before "
        "(touch the directory)";
    const std::string nobody_reads = "it is owned by alice:crontab, expected bob:crontab, and cron ignores it";
    struct case_row {
        std::string_view name;
        std::int64_t directory;
        file_status status;
        const char* text;
        observation state;
        bool says_so;
    };
    const auto given_away = [](std::int64_t changed) {
        file_status status = with_times(100, changed);
        status.uid = 1002;
        return status;
    };
    const case_row rows[] = {
        {"older than the directory", 300, with_times(100, 100), one_job, running, false},
        {"same second", 300, with_times(300, 300), one_job, running, false},
        {"same minute", 300, with_times(359, 359), one_job, running, false},
        {"next minute", 359, with_times(360, 360), one_job, degraded, true},
        {"much later", 300, with_times(90'000, 90'000), one_job, degraded, true},
        {"only touched otherwise", 300, with_times(100, 90'000), one_job, running, false},
        {"comments, older", 300, with_times(100, 100), "#\n", stopped, false},
        {"comments, same minute", 300, with_times(359, 359), "#\n", stopped, false},
        {"comments, next minute", 359, with_times(360, 360), "#\n", unknown, true},
        {"comments, time set back", 300, with_times(100, 90'000), "#\n", unknown, true},
        {"given away before", 300, given_away(300), one_job, stopped, false},
        {"given away after", 300, given_away(90'000), one_job, unknown, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        machine m;
        m.files.put(directory, {}, {.kind = file_kind::directory, .modified = row.directory});
        m.files.put(path, row.text, row.status);
        const auto seen = m.look();
        CHECK(seen.state == row.state);
        CHECK(seen.reason.ends_with(stale) == row.says_so);
        if (row.status.uid == 1002) CHECK(seen.reason.find(nobody_reads) != std::string::npos);
    }
}

TEST_CASE("only what is certainly not there is stopped") {
    machine m;
    const observed none{stopped, "there is no crontab /var/spool/cron/crontabs/bob"};
    CHECK(m.look() == none);
    CHECK(m.look("pattern") == none);
    CHECK(m.look({}, "bobby") == observed{unknown, "there is no user \"bobby\" on this machine"});
    // Also not when a file has that name, as one of a user who was deleted.
    m.files.put(std::string{directory} + "/bobby", one_job, his_own);
    CHECK(m.look({}, "bobby") == observed{unknown, "there is no user \"bobby\" on this machine"});

    m.accounts.fail_with({errc::io, "the directory service sleeps"});
    CHECK(m.look() == observed{unknown, "the directory service sleeps"});
    m.accounts.heal();

    m.files.fail_on(path, {errc::io, "no right"});
    CHECK(m.look() == observed{unknown, "no right"});
    m.files.user_id = 1001;
    CHECK(m.look() == observed{unknown, "no right (crontabs can be read by root only)"});
    m.files.user_id = 0;
    m.files.heal(path);

    m.files.fail_on(directory, {errc::io, "no right"});
    CHECK(m.look() == observed{unknown, "no right"});
    m.files.put(path, one_job, his_own);
    CHECK(m.look() == observed{unknown, "no right"});
    m.files.heal(directory);
    CHECK(m.look().state == running);
}

TEST_CASE("a name that the machine knows by another one has no crontab of its own") {
    machine m;
    m.accounts.add_user("BOB", 1001);  // "BOB" sorts before "bob": number 1001 is called BOB
    CHECK(m.look() == observed{unknown,
                               "there is no crontab /var/spool/cron/crontabs/bob, but user \"bob\" is also called "
                               "\"BOB\": give the name that the crontab has"});
    CHECK(m.look({}, "BOB").state == stopped);
    m.files.put(path, one_job, his_own);
    CHECK(m.look().state == running);
}

TEST_CASE("what is not a regular file, or too large, is not read") {
    const std::string large(crontab_probe<posix_files, posix_accounts>::largest - 15, '#');
    CHECK(look_at(large + "\n* * * * * true").state == degraded);
    CHECK(look_at(large + "\n* * * * * true\n") ==
          observed{unknown, "\"" + path + "\" is larger than the 1048576 bytes allowed"});
    for (const auto kind : {file_kind::directory, file_kind::symlink, file_kind::other}) {
        file_status status = his_own;
        status.kind = kind;
        CHECK(look_at(one_job, status) == observed{unknown, path + " is no regular file, and cron reads no other"});
    }
}

TEST_CASE("the directory of the crontabs has to be there") {
    machine m;
    const observed missing{unknown, "there is no directory \"/crontabs\", where crontabs are expected"};
    const auto look = [&] {
        return crontab_probe{crontab_options{.user = "bob", .directory = "/crontabs"}, m.files, m.accounts}();
    };
    CHECK(look() == missing);
    m.files.put("/crontabs", "a file");
    CHECK(look() == missing);
    m.files.put("/crontabs", {}, {.kind = file_kind::symlink});
    CHECK(look() == missing);
    m.files.put("/crontabs/.", {}, {.kind = file_kind::directory});
    CHECK(look() == observed{stopped, "there is no crontab /crontabs/bob"});
}

TEST_CASE("a crontab that goes away between two looks is absent") {
    struct vanishing {
        testing::memory_files inner{};
        auto status(const std::string& name) { return inner.status(name); }
        auto read(const std::string& name, std::size_t limit) {
            inner.erase(name);
            return inner.read(name, limit);
        }
        [[nodiscard]] auto user() const { return inner.user(); }
    };
    vanishing files;
    files.inner.put(path, one_job, his_own);
    machine m;
    CHECK(crontab_probe{crontab_options{.user = "bob"}, files, m.accounts}() ==
          observed{stopped, "there is no crontab /var/spool/cron/crontabs/bob"});
}

TEST_CASE("the real files and accounts of the machine") {
    std::string own = "/tmp/powerconsul-crontab-XXXXXX";
    REQUIRE(::mkdtemp(own.data()) != nullptr);
    const posix_accounts accounts;
    const auto user = accounts.user_name(::geteuid());
    const auto group = accounts.group_name(::getegid());
    REQUIRE((user.has_value() && user->has_value() && group.has_value() && group->has_value()));
    const std::string name = **user;
    const std::string file = own + '/' + name;
    crontab_probe look{crontab_options{.user = name, .pattern = "true", .directory = own, .group = **group},
                       posix_files{}, posix_accounts{}};
    CHECK(look() == observed{stopped, "there is no crontab " + file});
    std::ofstream{file} << "@daily true\n";
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
    CHECK(look() == observed{running, file + " is in place and contains \"true\""});
    REQUIRE(::chmod(file.c_str(), 0640) == 0);
    CHECK(look().state == degraded);
    REQUIRE(::unlink(file.c_str()) == 0);
    REQUIRE(::symlink("/etc/passwd", file.c_str()) == 0);
    CHECK(look().state == unknown);
    REQUIRE(::unlink(file.c_str()) == 0);
    REQUIRE(::rmdir(own.c_str()) == 0);
    CHECK(look().state == unknown);
}
