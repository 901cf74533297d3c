#include <powerconsul/probes/service/sysv.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace powerconsul;

TEST_CASE("what Debian's init scripts answer is read as it is meant") {
    // Texts as the scripts of Debian 12 print them, by package; log_failure_msg adds " failed!".
    struct case_row {
        std::string_view name;
        int status;
        const char* out;
        observation state;
    };
    using enum observation;
    constexpr case_row rows[] = {
        {"cron, up", 0, "cron is running.\n", running},
        {"cron, down", 3, "cron is not running ... failed!\n", stopped},
        {"cron, killed", 1, "cron is not running ... failed!\n", stopped},
        {"ssh, PID file not readable", 4, "could not access PID file for sshd ... failed!\n", unknown},
        // The tool that this one follows found "running" in this text.
        {"proftpd, down", 3, "ProFTPD is started in standalone mode, currently not running.\n", stopped},
        {"proftpd, up", 0, "ProFTPD is started in standalone mode, currently running.\n", running},
        {"proftpd, by inetd", 0, "ProFTPD is started from inetd/xinetd.\n", running},
        {"apache2, old, up", 0, "apache2 is running (pid 123).\n", running},
        {"haproxy, up", 0, "haproxy is running.\n", running},
        {"haproxy, killed", 1, "haproxy dead, but /var/run/haproxy.pid exists.\n", stopped},
        {"haproxy, down", 3, "haproxy not running.\n", stopped},
        {"memcached, up", 0, "memcached: memcached (pid 77) is running\n", running},
        {"memcached, killed", 1, "memcached: memcached is not running thro' the pid file exists\n", stopped},
        {"memcached, unclear", 4, "memcached: memcached status is unclear, sorry\n", unknown},
        {"mariadb, up", 0,
         "/usr/bin/mariadb-admin  Ver 9.1 Distrib 10.11\nThreads: 1  Questions: 61  Slow queries: 0\nUptime: 3 sec.\n",
         running},
        {"mariadb, down", 3, "MariaDB is stopped..\n", stopped},
        {"postgresql, all up", 0, "13/main (port 5432): online\n15/main (port 5433): online\n", running},
        {"postgresql, all down", 3, "15/main (port 5432): down\n", stopped},
        {"postgresql, one of two", 3, "13/main (port 5432): down\n15/main (port 5433): online\n", degraded},
        {"postgresql, standby server", 0, "15/main (port 5432): online,recovery\n", running},
        {"postgresql, no cluster", 4, "", unknown},
        {"postfix, some instances", 0, "some postfix instances are running.\n", degraded},
        {"postfix, down", 3, "postfix is not running.\n", stopped},
        {"openvpn, one of two", 1, "VPN 'a' is running.\nVPN 'b' is not running ... failed!\n", degraded},
        {"openvpn, none", 1, "No VPN autostarted ... (warning).\n", stopped},
        {"stunnel4, one of two", 1, "TLS tunnels status: /etc/stunnel/a.conf: running /etc/stunnel/b.conf: no pid file",
         degraded},
        {"stunnel4, down", 1, "TLS tunnels status: /etc/stunnel/a.conf: no pid file\n", stopped},
        {"dnsmasq, up", 0, "Checking DNS forwarder and DHCP server: dnsmasq(running).\n", running},
        {"dnsmasq, killed", 1, "Checking DNS forwarder and DHCP server: dnsmasq(dead, pid file exists).\n", stopped},
        {"dnsmasq, down", 3, "Checking DNS forwarder and DHCP server: dnsmasq(not running).\n", stopped},
        {"dnsmasq, unclear", 4, "Checking DNS forwarder and DHCP server: dnsmasq(unknown).\n", unknown},
        {"nscd, down", 3, "Status of Name Service Cache Daemon service: not running. failed!\n", stopped},
        {"isc-dhcp-server, killed", 1, "Status of ISC DHCPv4 server: dhcpd is not running but /run/x.pid exists.\n",
         stopped},
        {"fail2ban, down", 3, "Status of Authentication failure monitor: fail2ban is not running failed!\n", stopped},
        {"fail2ban, not allowed", 3, "/var/run/fail2ban.sock not readable, status of fail2ban is unknown failed!\n",
         unknown},
        {"nfs-common, down", 3, "rpc.statd not running\n", stopped},
        {"nfs-common, up", 0, "all daemons running\n", running},
        {"pacemaker, up", 0, "pacemakerd (pid 9) is running...\n", running},
        {"pacemaker, down", 3, "pacemakerd is stopped\n", stopped},
        {"heartbeat, up", 0, "heartbeat OK [pid 12 et al] is running on node1 [node1]...\n", running},
        {"drbd, loaded", 0, "drbd driver loaded OK; device status:\nversion: 8.4.11\n", running},
        {"sysstat, off", 3, "sadc cron jobs are disabled ... failed!\n", stopped},
        {"uwsgi, not told which", 0, "which one? ... failed!\n", unknown},
        {"ntpsec, not installed", 5, "", unknown},
        {"anacron, does not tell", 4, "", unknown},
        {"keepalived, no status", 1, "Usage: /etc/init.d/keepalived {start|stop|restart|reload|force-reload}\n",
         unknown},
        {"hwclock.sh, no status", 1, "Usage: hwclock.sh {stop|reload|force-reload|show}.\n", unknown},
        {"hwclock.sh, no status, coloured", 1, "[\x1B[36minfo\x1B[39;49m] Usage: hwclock.sh {stop|reload|show}.\n",
         unknown},
        {"cron, up, coloured", 0, "[\x1B[32m ok \x1B[39;49m] cron is \x1B[32mrunning\x1B[0m.\n", running},
        {"cron, down, coloured", 3, "[\x1B[31mFAIL\x1B[39;49m] cron is not running ... \x1B[31mfailed!\x1B[39;49m\n",
         stopped},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto seen = interpret_init_script({.status = row.status, .out = row.out}, true);
        CAPTURE(seen.reason);
        CHECK(seen.state == row.state);
        CHECK(seen.reason != "");
    }
}

TEST_CASE("code and text of a status are weighed against each other") {
    struct case_row {
        std::string_view name;
        outcome end;
        bool exits_early;
        observation state;
        const char* reason;
    };
    using enum observation;
    const case_row rows[] = {
        {"code 0", {.status = 0, .out = "fine\n"}, true, running, "init script exits 0"},
        {"code 0, silent", {.status = 0}, false, running, "init script exits 0"},
        {"code 0, silent, but it may have done nothing",
         {.status = 0, .out = "\n"},
         true,
         unknown,
         "init script exits 0 without a word, as it does when its program is not installed or its unit is masked"},
        {"code 0, against its text",
         {.status = 0, .out = "web is not running\n"},
         false,
         stopped,
         "init script exits 0 but says that it is not running"},
        {"code 0, not currently running",
         {.status = 0, .out = "web is not currently running\n"},
         false,
         stopped,
         "init script exits 0 but says that it is not running"},
        {"code 0, no longer running",
         {.status = 0, .err = "web is no longer running\n"},
         false,
         stopped,
         "init script exits 0 but says that it is not running"},
        {"code 0, stopped",
         {.status = 0, .out = "web is STOPPED\n"},
         false,
         stopped,
         "init script exits 0 but says that it is not running"},
        {"code 0, both",
         {.status = 0, .out = "a is running\nb is not running\n"},
         false,
         degraded,
         "init script exits 0 and says that only a part is running"},
        {"code 0, unclear",
         {.status = 0, .out = "status of web is unknown\n"},
         false,
         unknown,
         "init script exits 0: status of web is unknown"},
        {"code 0, usage",
         {.status = 0, .err = "Usage: web {start|stop}\n"},
         false,
         unknown,
         "init script exits 0 and prints its usage: it does not know \"status\""},
        {"code 1", {.status = 1}, false, stopped, "init script exits 1 (dead)"},
        {"code 2", {.status = 2, .out = "lock file exists\n"}, false, stopped, "init script exits 2 (dead)"},
        {"code 3", {.status = 3}, false, stopped, "init script exits 3 (not running)"},
        {"code 3, against its text",
         {.status = 3, .out = "web is running\n"},
         false,
         stopped,
         "init script exits 3 (not running)"},
        {"code 1, against its text",
         {.status = 1, .out = "web is running\n"},
         false,
         stopped,
         "init script exits 1 (dead)"},
        {"code 3, warning on stderr",
         {.status = 3, .err = "using defaults\n"},
         false,
         stopped,
         "init script exits 3 (not running)"},
        {"code 1, the word on stderr",
         {.status = 1, .err = "web is dead\n"},
         false,
         stopped,
         "init script exits 1 (dead)"},
        {"code 1, a right is missing",
         {.status = 1, .err = "web: must be run as root\n"},
         false,
         unknown,
         "init script exits 1: web: must be run as root"},
        {"code 2, library missing",
         {.status = 2, .err = "/etc/init.d/web: 14: .: cannot open /lib/lsb/init-functions: No such file\n"},
         false,
         unknown,
         "init script exits 2: /etc/init.d/web: #: .: cannot open /lib/lsb/init-functions: No such file"},
        {"code 3, usage",
         {.status = 3, .out = "Usage: /etc/init.d/web (start | stop | restart)\n"},
         false,
         unknown,
         "init script exits 3 and prints its usage: it does not know \"status\""},
        {"code 1, options without the word",
         {.status = 1, .out = "web {start|stop|restart}\n"},
         false,
         unknown,
         "init script exits 1 and prints its usage: it does not know \"status\""},
        {"code 4", {.status = 4}, false, unknown, "init script exits 4"},
        {"code 4, running in its text",
         {.status = 4, .out = "web is running\n"},
         false,
         unknown,
         "init script exits 4: web is running"},
        {"code 126",
         {.status = 126, .err = "\n  web: not found\nmore\n"},
         false,
         unknown,
         "init script exits 126: web: not found"},
        {"code 150 with a process id",
         {.status = 150, .out = "lost 4711 at 10:22\n"},
         false,
         unknown,
         "init script exits 150: lost # at #:#"},
        {"signal",
         {.how = ending::signalled, .status = 9, .out = "web is running\n"},
         false,
         unknown,
         "init script was ended by signal 9"},
        {"time-out",
         {.how = ending::timed_out, .out = "web is running\n"},
         false,
         unknown,
         "init script did not answer in time"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(interpret_init_script(row.end, row.exits_early) == observed{row.state, row.reason});
    }
}

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

TEST_CASE("scripts that may end before they look at their argument are known by their guards") {
    CHECK(may_exit_early("#!/bin/sh\ntest -x $DAEMON || exit 0\n"));
    CHECK(may_exit_early(". /lib/lsb/init-functions\n"));
    CHECK(may_exit_early("#!/usr/bin/env /lib/init/init-d-script\n"));
    CHECK_FALSE(may_exit_early("#!/bin/sh\ncase $1 in status) pidof web >/dev/null;; esac\n"));
}
