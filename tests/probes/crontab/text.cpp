#include <powerconsul/probes/crontab/text.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

using namespace powerconsul;
using namespace std::string_view_literals;

namespace {

/// Each line as `number:kind:text`, where the kind is cron's fault, the user's name or one of set, job and idle.
[[nodiscard]] auto lines_of(std::string_view text, bool system = false) -> std::string {
    std::string all;
    crontab_reader reader{text, system};
    for (crontab_line line; reader.next(line);) {
        const std::string_view job = line.user.empty() ? "job"sv : line.user;
        const auto kind = !line.fault.empty() ? line.fault : line.setting ? "set"sv : line.comes ? job : "idle"sv;
        all += std::to_string(line.number) + ':' + std::string{kind} + ':' + std::string{line.text} + '\n';
    }
    return all;
}

}  // namespace

// Debian's own answers for many more texts stand in tests/integration/cron/crontabs.json, where the real cron is asked.
TEST_CASE("lines are read as Debian's cron reads them") {
    struct case_row {
        std::string_view name;
        std::string_view text;
        std::string_view lines;
    };
    constexpr case_row rows[] = {
        {"nothing", "", ""},
        {"blank lines and comments", "\n \t\n# a\n\t#b\n", ""},
        {"a comment without an end", "# a", ""},
        {"numbers go on over comments", "#\n\n* * * * * a\n#\nA=b\n", "3:job:* * * * * a\n5:set:A=b\n"},
        {"blanks before a line", " \t* * * * * a\n", "1:job:* * * * * a\n"},
        {"no newline", "* * * * * a", "1:job:* * * * * a\n"},
        {"names", "0 0 * jan-MAR Mon,tue a\n", "1:job:0 0 * jan-MAR Mon,tue a\n"},
        {"a special time", "@reboot a\n@hourly\tb\n", "1:job:@reboot a\n2:job:@hourly\tb\n"},
        {"a special time and no command", "@daily\n@daily \n", "1:idle:@daily\n2:idle:@daily \n"},
        {"no command", "* * * * *\n* * * * * \n", "1:idle:* * * * *\n2:idle:* * * * * \n"},
        {"a no-break space takes the command", "0 3 * * *\xA0/x\n", "1:idle:0 3 * * *\xA0/x\n"},
        {"a backward range", "30-20 * * * * a\n", "1:idle:30-20 * * * * a\n"},
        {"a backward range in a list", "30-20,5 * * * * a\n", "1:job:30-20,5 * * * * a\n"},
        {"the day of the month comes, that of the week does not", "0 0 1 * 6-1 a\n", "1:job:0 0 1 * 6-1 a\n"},
        {"any day of the month, and no day of the week", "0 0 */2 * 6-1 a\n", "1:idle:0 0 */2 * 6-1 a\n"},
        {"a NUL ends a line", "A=b\0C=d\n"sv, "1:set:A=b\n1:set:C=d\n"},
        {"the rest is read after a fault", "x\n* * * * * a\n", "1:bad minute:x\n2:job:* * * * * a\n"},
        {"fewer fields", "* * *\n* * x\n", "1:bad month:* * *\n2:bad day-of-month:* * x\n"},
        {"numbers wrap round", "4294967296 * * * * a\n", "1:job:4294967296 * * * * a\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(lines_of(row.text) == row.lines);
    }
    CHECK(lines_of("* * * * * " + std::string(999, 'x') + '\n').starts_with("1:command too long:"));
    CHECK(lines_of("A=" + std::string(2000, 'x') + '\n').starts_with("1:set:"));
    CHECK(lines_of("A=\"" + std::string(999, 'x') + "\"\n").starts_with("1:bad minute:"));
}

TEST_CASE("a system crontab has a user in front of each command") {
    struct case_row {
        std::string_view text;
        std::string_view lines;
    };
    constexpr case_row rows[] = {
        {"17 * * * * root cd / && run-parts /etc/cron.hourly\n",
         "1:root:17 * * * * root cd / && run-parts /etc/cron.hourly\n"},
        {"@daily  www-data  a\n", "1:www-data:@daily  www-data  a\n"},
        {"* * * * * root\n", "1:bad username:* * * * * root\n"},
        {"* * * * *\n", "1:bad username:* * * * *\n"},
        {"* * * * * root \n", "1:idle:* * * * * root \n"},
        {"PATH=/bin\n", "1:set:PATH=/bin\n"},
    };
    for (const auto& row : rows) CHECK(lines_of(row.text, true) == row.lines);
}
