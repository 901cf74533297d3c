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
        const auto seen = interpret_init_script({.status = row.status, .out = row.out});
        CAPTURE(seen.reason);
        CHECK(seen.state == row.state);
        CHECK(seen.reason != "");
    }
}

TEST_CASE("what the scripts of other people answer is read as it is meant, though many of them always exit 0") {
    struct case_row {
        std::string_view name;
        int status;
        const char* out;
        observation state;
    };
    using enum observation;
    constexpr case_row rows[] = {
        {"upstart-docker", 0, "docker stop/waiting\n", stopped},
        {"upstart-run", 0, "ecs start/running, process 1234\n", running},
        {"upstart, starting", 0, "mysql start/pre-start, process 1\n", degraded},
        {"upstart, hanging", 0, "mysql stop/killed, process 1\n", degraded},
        {"upstart, one of two", 0, "tty (1) start/running, process 7\ntty (2) stop/waiting\n", degraded},
        {"upstart, a name that denies", 0, "no-ip start/running, process 7\n", running},
        {"upstart, by a script that says so", 3, "mysql start/pre-start\n", stopped},
        {"remote_syslog", 0, "Not running\n", stopped},
        {"node_exporter", 0, "node_exporter is not running\n", stopped},
        {"td-agent", 0, "td-agent is stopped\n", stopped},
        {"ci-runner", 0, "Number of registered runners in PID file=0\nNumber of running runners=0\n", stopped},
        {"wazuh", 0,
         "wazuh-clusterd not running...\nwazuh-modulesd is running...\nwazuh-monitord is running...\nwazuh-logcollector is running...\nwazuh-maild not running...\nwazuh-agentlessd not running...\nwazuh-integratord not running...\nwazuh-csyslogd not running...\n",
         degraded},
        {"springboot", 0, "Running [15344]\n", running},
        {"springboot1", 1, "Not running (process 999 not found)\n", stopped},
        {"mysql2", 2, " ERROR! MySQL is not running, but lock file (/var/lock/subsys/mysql) exists\n", stopped},
        {"mysql-stop", 3, " * MySQL is stopped.\n", stopped},
        {"runit-down", 3, "down: nginx: 3s, normally up; run: log: (pid 968) 9s\n", stopped},
        {"gitlab-omnibus", 6,
         "run: gitaly: (pid 1) 7s; run: log: (pid 2) 7s\ndown: sidekiq: 2s, normally up; run: log: (pid 3) 7s\n",
         degraded},
        {"zimbra", 1,
         "Host mail.x\n\tamavis                  Running\n\tantispam                Stopped\n\t\tamavisd is not running.\n\tldap                    Running\n",
         degraded},
        {"tomcat-so2", 0, "Tomcat servlet engine is not running.\n", stopped},
        {"jboss-pid", 1, "wildfly dead but pid file exists\n", stopped},
        {"oracle-tns", 0, "LSNRCTL for Linux\nTNS-12541: TNS:no listener\n TNS-12560: TNS:protocol adapter error\n",
         stopped},
        {"activemq-run", 0, "INFO: Loading '/etc/default/activemq'\nActiveMQ is running (pid '4711')\n", running},
        {"es", 3, " * elasticsearch is not running\n", stopped},
        {"solr-run", 0, "\nFound 1 Solr nodes: \n\nSolr process 123 running on port 8983\n", running},
        {"zookeeper-run", 0, "ZooKeeper JMX enabled by default\nUsing config: /opt/zk/conf/zoo.cfg\nMode: follower\n",
         running},
        {"kafka-up", 0, "kafka is [UP]\n", running},
        {"supervisor2", 0, "app:app-0   STOPPED   Not started\n", stopped},
        {"pm2", 0, "\xE2\x94\x82 app \xE2\x94\x82 id 0 \xE2\x94\x82 stopped \xE2\x94\x82\n", stopped},
        {"nginx-plesk", 0, "nginx: process is not alive\n", stopped},
        {"haproxy-rh", 0, "haproxy dead but subsys locked\n", stopped},
        {"disabled", 0,
         "nut-server disabled, please adjust the configuration to your needs.\nThen set MODE to a suitable value in /etc/nut/nut.conf to enable it.\n",
         stopped},
        {"german", 0, "Dienst apache2 l\xC3\xA4uft nicht.\n", unknown},
        {"color", 0, "httpd (pid  123) is \x1B[32mrunning\x1B[0m...\n", running},
        {"chef", 3, "chef-client is not running\n", stopped},
        {"dbus-timeouts", 0, "Timeout waiting for status\n", unknown},
        {"unused", 0, "foo is unused\n", stopped},
        {"terminated", 0, "Server AdminServer state: SHUTDOWN\n", stopped},
        {"glassfish-run", 0, "domain1 running\nCommand list-domains executed successfully.\n", running},
        {"couchdb", 1, "Apache CouchDB is not running.\n", stopped},
        {"pgpool", 0, "pgpool is not running ...failed.\n", stopped},
        {"unicorn", 0, "No unicorn running\n", stopped},
        {"puma", 0, "Puma is not running\n", stopped},
        {"nproc", 0, "3 workers running\n", running},
        {"zero before", 0, "0 workers running\n", stopped},
        {"none of several", 0, "No Solr nodes are running.\n", stopped},
        {"runit, up", 0, "run: nginx: (pid 968) 9s; run: log: (pid 967) 9s\n", running},
        {"runit, only its logger", 0, "down: nginx: 3s; run: log: (pid 968) 9s\n", stopped},
        {"runit, wanted down", 0, "run: nginx: (pid 968) 9s, normally down\n", running},
        {"supervisor, starting over", 0, "app:0   BACKOFF   Exited too quickly\n", stopped},
        {"a warning beside the claim", 0, "apache2 is running (pid 3).\ncould not determine the domain name\n",
         running},
        {"a negation far before its verb", 0, "does not say which of all instances is running\n", unknown},
        {"a count that is no zero", 0, "10 workers running\n", running},
        {"a pause", 0, "web (pid 3) is running, up 0 days\n", running},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto seen = interpret_init_script({.status = row.status, .out = row.out});
        CAPTURE(seen.reason);
        CHECK(seen.state == row.state);
    }
    const outcome wazuh{.status = 0, .out = "wazuh-clusterd not running...\nwazuh-modulesd is running...\n"};
    CHECK(interpret_init_script(wazuh) ==
          observed{degraded, "init script exits 0 and says that only a part is running, not wazuh-clusterd"});
    CHECK(interpret_init_script(wazuh, {}, {"wazuh-clusterd"}) == observed{running, "init script exits 0"});
    CHECK(interpret_init_script(wazuh, {}, {"clusterd"}).state == degraded);
    CHECK(interpret_init_script({.status = 0, .err = "curl: (7) couldn't connect to host\n"}, {.exits_early = false}) ==
          observed{unknown, "init script exits 0: curl: (#) couldn't connect to host"});
}

TEST_CASE("a script that looks at no process is not believed, and its daemon is named") {
    using enum observation;
    // As in Debian's ganglia-monitor, whose lock stays when the daemon dies.
    const auto lock = read_init_script(R"(#!/bin/sh
DAEMON=/usr/sbin/gmond
LOCKFILE=/var/lock/subsys/gmond
case "$1" in
start)
    $DAEMON && touch $LOCKFILE
    ;;
status)
    if [ -f $LOCKFILE ]
      then
          echo "ganglia-monitor is running."
    else
          echo "ganglia-monitor is not running."
    fi
    ;;
esac
)");
    CHECK(lock.only_files);
    CHECK(lock.daemon == "gmond");
    CHECK(interpret_init_script({.status = 0, .out = "ganglia-monitor is running.\n"}, lock) ==
          observed{unknown,
                   "init script exits 0 because a file is there, and looks at no process; check process --name "
                   "gmond looks at the processes themselves"});
    CHECK(interpret_init_script({.status = 0, .out = "ganglia-monitor is not running.\n"}, lock).state == stopped);
    CHECK_FALSE(read_init_script("status)\nif [ -f $PID ] && kill -0 `cat $PID`\nthen echo up\nfi\n;;\n").only_files);
    CHECK_FALSE(read_init_script("status)\nif [ -f $PID ]\nthen\nps $(cat $PID)\nfi\n;;\n").only_files);
    CHECK_FALSE(read_init_script("status)\nstatus_of_proc $DAEMON web\n;;\n").only_files);
    CHECK(read_init_script("DAEMON=\"/usr/sbin/web\"\n").daemon == "web");
    CHECK(read_init_script("DAEMON=/usr/sbin/$NAME\n").daemon.empty());
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
        {"code 0", {.status = 0, .out = "fine\n"}, false, running, "init script exits 0"},
        {"code 0, but it may have done nothing",
         {.status = 0, .out = "fine\n"},
         true,
         unknown,
         "init script exits 0 and does not say that it is running: fine"},
        {"code 0, a claim on stderr",
         {.status = 0, .err = "web is running\n"},
         true,
         unknown,
         "init script exits 0 and does not say that it is running: web is running"},
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
         "init script exits 0 and says that only a part is running, not b"},
        {"code 0, unclear",
         {.status = 0, .out = "status of web is unknown\n"},
         false,
         unknown,
         "init script exits 0: status of web is unknown"},
        {"code 0, usage",
         {.status = 0, .err = "Usage: web {start|stop}\n"},
         false,
         unknown,
         "init script exits 0 and prints its usage: it does not know \"status\"; check process "
         "--name <program> looks at the processes themselves"},
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
         "init script exits 3 and prints its usage: it does not know \"status\"; check process "
         "--name <program> looks at the processes themselves"},
        {"code 1, options without the word",
         {.status = 1, .out = "web {start|stop|restart}\n"},
         false,
         unknown,
         "init script exits 1 and prints its usage: it does not know \"status\"; check process "
         "--name <program> looks at the processes themselves"},
        {"code 4",
         {.status = 4},
         false,
         unknown,
         "init script exits 4 (it cannot tell); check process --name <program> looks at the processes themselves"},
        {"code 5", {.status = 5}, false, unknown, "init script exits 5"},
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
        CHECK(interpret_init_script(row.end, {.exits_early = row.exits_early}) == observed{row.state, row.reason});
    }
}

TEST_CASE("scripts that may end before they look at their argument are known by their guards") {
    CHECK(read_init_script("#!/bin/sh\ntest -x $DAEMON || exit 0\n").exits_early);
    CHECK(read_init_script("#!/bin/sh\n[ -e /etc/off ] && exit\n").exits_early);
    CHECK(read_init_script("#!/bin/sh\n[ -e /etc/off ] && { exit  0; }\n").exits_early);
    CHECK(read_init_script("#!/bin/sh\n[ -e /etc/off ] && exit; pidof web").exits_early);
    CHECK_FALSE(read_init_script("#!/bin/sh\n[ -x $DAEMON ] || exit 5\npidof web\nexit $?\n").exits_early);
    CHECK(read_init_script(". /lib/lsb/init-functions\n").exits_early);
    CHECK(read_init_script("#!/usr/bin/env /lib/init/init-d-script\n").exits_early);
    CHECK_FALSE(read_init_script("#!/bin/sh\ncase $1 in status) pidof web >/dev/null;; esac\n").exits_early);
}
