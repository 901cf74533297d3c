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

TEST_CASE("an Upstart job is what its state says, whatever its name says") {
    struct row {
        std::string_view text;
        bool running;
        bool stopped;
        std::string_view changing;
        std::string_view down;
    };
    constexpr row rows[] = {
        {"apache2 start/running, process 123\n", true, false, "", ""},
        {"apache2 start/running\n", true, false, "", ""},
        {"apache2 stop/waiting\r\n", false, true, "", "apache2"},
        {"apache2 stop/waiting ", false, true, "", "apache2"},
        {"tty (1) start/running, process 7\ntty (2) stop/waiting\n", true, true, "", "tty (2)"},
        {"mysql start/starting\n", false, false, "start/starting", ""},
        {"mysql start/pre-start, process 12\n", false, false, "start/pre-start", ""},
        {"mysql start/post-start, process 12\n\tpost-start process 13\n", false, false, "start/post-start", ""},
        {"mysql start/spawned, process 12\n", false, false, "start/spawned", ""},
        {"mysql stop/killed, process 12\n", false, false, "stop/killed", ""},
        {"mysql stop/post-stop\n", false, false, "stop/post-stop", ""},
        // A service that systemd or Upstart stops still runs.
        {"mysql stop/running, process 12\n", true, false, "", ""},
        {"a start/running, process 1\nb respawn/post-stop\n", true, false, "respawn/post-stop", ""},
        {"not-ready start/running, process 5\n", true, false, "", ""},
        {"no start/running, process 5\n", true, false, "", ""},
        {"running-maid stop/waiting\n", false, true, "", "running-maid"},
        {"is-stopped start/running\n", true, false, "", ""},
        // Before it calls Upstart, the script for a converted job explains how to do without it.
        {"Rather than invoking init scripts through /etc/init.d, use the service(8)\nutility, e.g. service cron status\n\n"
         "cron start/running, process 1234\n",
         true, false, "", ""},
        {"start/running\n", true, false, "", ""},
        {" * docker stop/waiting [ ok ]", false, true, "", "docker"},
        {"see /usr/share/start/killed", false, false, "", ""},
        {"web start/dancing", false, false, "", ""},
        {"web pause/killed", false, false, "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto seen = read_status_words(row.text);
        CHECK(seen.running == row.running);
        CHECK(seen.stopped == row.stopped);
        CHECK(seen.changing == row.changing);
        CHECK(listed(seen.down) == row.down);
    }
    CHECK(read_status_words("a (x) stop/waiting\na (y) start/running\n", {"a (x)"}).down.empty());
}
