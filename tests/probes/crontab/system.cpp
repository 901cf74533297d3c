#include <powerconsul/probes/crontab/system.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/testing/fakes.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;
using enum observation;

static_assert(probe<system_crontab_probe<posix_files, posix_accounts>>);

namespace {

constexpr const char* jobs = "SHELL=/bin/sh\n25 6 * * * root daily\n47 6 * * 7 backup weekly\n";

struct machine {
    testing::memory_files files{};
    testing::memory_accounts accounts{};

    machine() {
        files.user_id = 0;
        accounts.add_user("root", 0).add_user("backup", 34);
        files.put("/etc/crontab", jobs, {.kind = file_kind::regular, .mode = 0644});
        put("README", "# nothing\n");
    }
    void put(const std::string& name, std::string_view text,
             file_status status = {.kind = file_kind::regular, .mode = 0644}) {
        files.put("/etc/cron.d/" + name, text, status);
    }
    auto look(std::string pattern, std::string user = {}, milliseconds now = {}) -> observed {
        return system_crontab_probe{
            {.user = std::move(user), .pattern = std::move(pattern), .now = now}, files, accounts}();
    }
};

}  // namespace

TEST_CASE("a job of the system's crontabs is found by its text and by its user") {
    machine m;
    CHECK(m.look("daily") == observed{running, "a job in /etc/crontab contains \"daily\""});
    CHECK(m.look("", "backup") == observed{running, "a job in /etc/crontab is user \"backup\"'s"});
    CHECK(m.look("weekly", "backup") ==
          observed{running, "a job in /etc/crontab is user \"backup\"'s and contains \"weekly\""});
    CHECK(m.look("weekly", "root") ==
          observed{stopped, "no job in /etc/crontab and /etc/cron.d is user \"root\"'s and contains \"weekly\""});
    m.put("report", "0 5 * * * root report\n");
    CHECK(m.look("report") == observed{running, "a job in /etc/cron.d/report contains \"report\""});
    m.files.erase("/etc/crontab");
    CHECK(m.look("report").state == running);
    CHECK(m.look("daily").state == stopped);
}

TEST_CASE("a job in a file that cron ignores is degraded, and what is in other files does not matter") {
    constexpr std::string_view ignored = ", and Debian's cron ignores such a file";
    struct case_row {
        const char* text;
        file_status status;
        std::string_view fault;
    };
    constexpr file_status good{.kind = file_kind::regular, .mode = 0644};
    auto foreign = good;
    foreign.uid = 34;
    auto open = good;
    open.mode = 0664;
    auto linked = good;
    linked.links = 2;
    const case_row rows[] = {
        {"0 5 * * * root report\n", foreign, "it does not belong to root"},
        {"0 5 * * * root report\n", open, "its mode is 0664, which lets others than root write"},
        {"0 5 * * * root report\n", linked, "it has more than one name"},
        {"0 5 * * * root report\nx\n", good, "line 2: bad minute"},
        {"0 5 * * * root report", good, "there is no newline at its end"},
        {"0 5 * * * root report\n@hourly bob x\n", good, "there is no user \"bob\""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.fault);
        machine m;
        m.put("report", row.text, row.status);
        CHECK(m.look("report") ==
              observed{degraded, "/etc/cron.d/report: " + std::string{row.fault} + std::string{ignored}});
        CHECK(m.look("daily").state == running);
    }
}

TEST_CASE("a file whose name cron does not read is not obeyed") {
    machine m;
    m.put("report.sh", "0 5 * * * root report\n");
    CHECK(m.look("report") ==
          observed{stopped,
                   "no job in /etc/crontab and /etc/cron.d contains \"report\"; /etc/cron.d/report.sh does, and "
                   "cron reads no file of such a name"});
}

TEST_CASE("what cannot be read is unknown") {
    for (const char* path : {"/etc/crontab", "/etc/cron.d", "/etc/cron.d/README"}) {
        CAPTURE(path);
        machine m;
        m.files.fail_on(path, {errc::io, "no disk"});
        CHECK(m.look("daily") == observed{unknown, "no disk"});
    }
    machine m;
    m.accounts.fail_with({errc::io, "nobody answers"});
    CHECK(m.look("daily") == observed{unknown, "nobody answers"});
}

TEST_CASE("where there are no crontabs of the system, cron may keep them elsewhere") {
    testing::memory_files files;
    testing::memory_accounts accounts;
    CHECK(system_crontab_probe{{.pattern = "daily"}, files, accounts}() ==
          observed{unknown, "there is neither /etc/crontab nor /etc/cron.d"});
    files.put("/etc/crontab", "# nothing\n");
    CHECK(system_crontab_probe{{.pattern = "daily"}, files, accounts}().state == stopped);
}

TEST_CASE("an account that cron refuses") {
    machine m;
    m.files.put("/etc/passwd", "backup:x:34:34::/:/bin/sh\n");
    m.files.put("/etc/shadow", "backup:*:0:0:99999:7:::\n");
    CHECK(m.look("weekly", "backup", {86'400'000}) ==
          observed{degraded, "cron runs no job of user \"backup\": the password must be changed"});
}
