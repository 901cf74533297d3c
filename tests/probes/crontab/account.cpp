#include <powerconsul/probes/crontab/account.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

TEST_CASE("an account that PAM refuses has no jobs") {
    constexpr milliseconds today{std::int64_t{20'000} * 24 * 60 * 60 * 1000};
    struct case_row {
        std::string_view name;
        const char* passwd;
        const char* shadow;
        std::string_view why;  // empty: cron runs its jobs
    };
    constexpr case_row rows[] = {
        {"never expires", "bob:x:1:1::/:/bin/sh\n", "bob:!:19000:0:99999:7:::\n", ""},
        {"expires tomorrow", "bob:x:1:1::/:/bin/sh\n", "bob:!:19000:0:99999:7::20001:\n", ""},
        {"expires today", "bob:x:1:1::/:/bin/sh\n", "bob:!:19000:0:99999:7::20000:\n", "the account has expired"},
        {"password to be changed", "bob:x:1:1::/:/bin/sh\n", "bob:*:0:0:99999:7:::\n", "the password must be changed"},
        {"password good for a day more", "bob:x:1:1::/:/bin/sh\n", "bob:*:19990:0:10:7:::\n", ""},
        {"password too old", "bob:x:1:1::/:/bin/sh\n", "bob:*:19990:0:9:7:::\n", "the password has expired"},
        {"password changed in the future", "bob:x:1:1::/:/bin/sh\n", "bob:*:30000:0:9:7:::\n", ""},
        {"no ages", "bob:x:1:1::/:/bin/sh\n", "bob:*:::::::\n", ""},
        {"a short line", "bob:x:1:1::/:/bin/sh\n", "bob:*\n", ""},
        {"another's entry only", "bob:x:1:1::/:/bin/sh\n", "bobby:*:0:0:::::\n", "there is no entry in /etc/shadow"},
        {"password in /etc/passwd", "bob:*:1:1::/:/bin/sh\n", "", ""},
        {"an account of a directory service", "alice:x:1:1::/:/bin/sh\n", "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        testing::memory_files files;
        files.put("/etc/passwd", std::string{"root:x:0:0::/root:/bin/sh\n"} + row.passwd);
        files.put("/etc/shadow", std::string{"root:*:19000:0:99999:7:::\n"} + row.shadow);
        const std::string expected = row.why.empty() ? "" : "cron runs no job of user \"bob\": " + std::string{row.why};
        CHECK(refused_account(files, "bob", today).value_or("error") == expected);
        files.fail_on("/etc/passwd", {errc::io, "no disk"});
        CHECK(refused_account(files, "bob", today).error().message == "no disk");
    }
    testing::memory_files files;
    files.put("/etc/passwd", "bob:x:1:1::/:/bin/sh\n");
    CHECK(refused_account(files, "bob", today).value_or("error") ==
          "cron runs no job of user \"bob\": there is no entry in /etc/shadow");
    files.fail_on("/etc/shadow", {errc::denied, "root only"});
    CHECK(refused_account(files, "bob", today).error().code == errc::denied);
}
