#include <powerconsul/ports/log.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

namespace {

struct log_says_bool {
    auto write(const event&) -> bool { return true; }
};
struct log_takes_a_line {
    void write(const std::string&) {}
};
struct log_wants_to_change_the_event {
    void write(event&) {}
};

}  // namespace

static_assert(event_log<no_event_log> && event_log<no_event_log&>);
static_assert(!event_log<log_says_bool> && !event_log<log_takes_a_line> && !event_log<log_wants_to_change_the_event>);
static_assert(event_level::error < event_level::warning && event_level::warning < event_level::info &&
              event_level::info < event_level::debug);

TEST_CASE("levels and formats are known by their names only") {
    for (const auto level : {event_level::error, event_level::warning, event_level::info, event_level::debug}) {
        const auto parsed = parse_event_level(to_string(level));
        REQUIRE(parsed);
        CHECK(*parsed == level);
    }
    CHECK(*parse_log_format("logfmt") == log_format::logfmt);
    CHECK(*parse_log_format("json") == log_format::json);
    struct case_row {
        std::string_view name;
        std::string_view text;
        std::string_view shown;
    };
    const case_row rows[] = {
        {"nothing", "", "\"\""},
        {"capitals", "INFO", "\"INFO\""},
        {"an abbreviation", "warn", "\"warn\""},
        {"a blank", "json ", "\"json \""},
        {"a line's end", "info\n", "\"info\\n\""},
        {"another format", "text", "\"text\""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto level = parse_event_level(row.text);
        REQUIRE_FALSE(level);
        CHECK(level.error() ==
              error{errc::usage, std::string{row.shown} + " is not a level of the log; expected error, "
                                                          "warning, info or debug"});
        const auto format = parse_log_format(row.text);
        REQUIRE_FALSE(format);
        CHECK(format.error() ==
              error{errc::usage, std::string{row.shown} + " is not a format of the log; expected logfmt or json"});
    }
}
