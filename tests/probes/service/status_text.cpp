#include <powerconsul/probes/service/status_text.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("a negation reaches its verb and no further") {
    struct case_row {
        const char* text;
        bool running;
        bool stopped;
    };
    constexpr case_row rows[] = {
        {"is running", true, false},
        {"RUNNING", true, false},
        {"is not running", false, true},
        {"isn't running", false, true},
        {"is not yet fully running", false, true},
        {"is not currently running", false, true},
        {"no process", false, true},
        {"not configured, running", true, false},
        {"not here. Web is running", true, false},
        {"not here\nrunning", true, false},
        {"is not dead", false, false},
        {"not stopped, running", true, false},
        {"going down", false, false},
        {"shut down", false, false},
        {"is down", false, true},
        {"main: down", false, true},
        {"downloads", false, false},
        {"outrunning deadlines", false, false},
        {"", false, false},
        {"some are running", true, true},
        {"some text\nall are running", true, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto seen = read_status_words(row.text);
        CHECK(seen.running == row.running);
        CHECK(seen.stopped == row.stopped);
    }
    CHECK_FALSE(read_status_words("Memory usage: 20 MB").usage);
    CHECK(read_status_words("/etc/init.d/web: usage: web start").usage);
    CHECK(read_status_words(std::string(100'000, '\x1B')).running == false);
    CHECK(read_status_words("\x1B[").running == false);
}
