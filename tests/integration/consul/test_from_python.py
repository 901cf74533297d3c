"""Every command line that the manuals and help texts of python-powerconsul show, as it is written there.

    POWERCONSUL=... python3 test_from_python.py [unittest options]

Its README.rst and CLUSTERED_SERVICES.rst up to 0.5.1, and what its argparse definitions accept. A store file answers:
whether a line is understood needs no agent. The lines of the service scripts (`service myservice start-primary`) are
the Python package's own.
"""
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

POWERCONSUL = os.environ.get("POWERCONSUL", "")
CHECK = json.dumps({"Node": "production-webserver1", "CheckID": "service:apacheWebService", "Status": "critical",
                    "Output": "apache2 is stopped", "ServiceID": "apacheWebService", "ServiceName": "apacheWebService"})
# The manual's example.
CONFIGURATION = json.dumps({"serviceFilter": "^production-webserver[0-9]*$", "clusterKey": "cluster/production",
                            "subVars": {"@ENV": "production", "@ROLE": "webserver", "@SERVER": "apache2"}})
SERVICES = ("apacheWebService", "apacheMySQLServices", "exampleApache2Service", "myuserCrontab", "processService")
MANUAL = (
    "powerconsul check servicegroup -s apache2,mysql -S apacheMySQLServices",
    "powerconsul check servicegroup -s apache2,mysql -S apacheMySQLServices -U -F /var/lock/apacheMysql.lock",
    "powerconsul check service -s apache2 -S apacheWebService",
    "/usr/bin/env powerconsul check service -s apache2 -S exampleApache2Service",
    "powerconsul check crontab -u myuser -S myuserCrontab",
    'powerconsul check crontab -u myuser -S myuserCrontab -p "Something in the crontab"',
    "powerconsul check process -n '-c 1:1 -C processName' -S processService",
    "powerconsul check crontab -n '-c 1:1 -C processName' -S processService",
)
# What each subject needs, and every option of the original's `check`: it took all of them with each subject.
SUBJECTS = {
    "service": "-s apache2",
    "servicegroup": "-s apache2,mysql",
    "crontab": "-u myuser",
    "process": "-n '-c 1:1 -C processName'",
}
OPTIONS = (
    "-s other", "--service other", "-u other", "--user other", "-p text", "--pattern text",
    "-n '-c 1: -C cron'", "--nagiosargs '-c 1: -C cron'",
    "-P mysqldump", "--procstr mysqldump", "-R 'root +[0-9]+ .*mysqldump'", "--procre 'root +[0-9]+ .*mysqldump'",
    "-F /var/lock/deploy.lock", "--noopfile /var/lock/deploy.lock", "-U", "--updatekv",
)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="powerconsul-manual-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "state").mkdir(mode=0o700)
        self.ran = self.folder / "ran"
        document = {"active_nodes": ["production-webserver1"], "standby_nodes": ["production-webserver2"]}
        kv = {f"cluster/production/{each}": document for each in SERVICES}
        kv["triggers/apacheWebService/primary/critical"] = f"/usr/bin/env touch {self.ran}"
        (self.folder / "store.json").write_text(json.dumps({
            "agent": {"node": "production-webserver1", "datacenter": "hq"},
            "datacenters": {"hq": {"kv": kv, "services": [
                {"service": each, "node": f"production-webserver{number}", "checks": {f"service:{each}": "critical"}}
                for each in SERVICES for number in (1, 2)]}}}))

    def run_line(self, line, stdin=""):
        words = [POWERCONSUL if each == "powerconsul" else each for each in shlex.split(line)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "POWERCONSUL_LOG": "none",
                       "POWERCONSUL_STORE": str(self.folder / "store.json"), "POWERCONSUL_SERVICE_MANAGER": "sysv",
                       "POWERCONSUL_NODE": "production-webserver1", "POWERCONSUL_STATE_DIR": str(self.folder / "state"),
                       "POWERCONSUL_STOP_FILE": str(self.folder / "stop")}
        return subprocess.run(words, env=environment, input=stdin, capture_output=True, text=True, timeout=60)

    def is_understood(self, line):
        """The check knows its subject and what it expects: neither the line nor the configuration is refused."""
        done = self.run_line(line)
        self.assertIn(done.returncode, (0, 1, 2), (line, done))
        self.assertEqual(done.stderr, "", line)
        printed = json.loads(done.stdout)
        self.assertIs(printed["expects"], True, (line, done))
        self.assertNotIn("see powerconsul", printed["reason"], line)
        return printed

    def test_the_manuals_checks(self):
        for line in MANUAL:
            with self.subTest(line):
                self.is_understood(line)

    def test_the_manuals_configuration(self):
        (self.folder / ".powerconsul.conf").write_text(CONFIGURATION)
        for line in MANUAL:
            with self.subTest(line):
                self.is_understood(line)

    def test_every_option_with_every_subject(self):
        for subject, needs in SUBJECTS.items():
            for option in OPTIONS:
                if option.split()[0] in (needs.split()[0], {"-s": "--service", "-u": "--user",
                                                            "-n": "--nagiosargs"}[needs.split()[0]]):
                    continue  # the original takes the last of two, this program neither
                if subject == "crontab" and option.startswith(("-n", "--nagiosargs")):
                    continue  # an older manual's spelling of the process check
                line = f"powerconsul check {subject} {needs} -S apacheWebService {option}"
                with self.subTest(line):
                    printed = self.is_understood(line)
                    self.assertEqual(printed["type"], subject)

    def test_watches(self):
        for state in ("warning", "critical"):
            with self.subTest(state):
                done = self.run_line(f"powerconsul watch {state}", "[]")
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_watch_runs_the_trigger_where_the_manual_has_it(self):
        done = self.run_line("powerconsul watch critical", f"[{CHECK}]")
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(self.ran.exists(), done)

    def test_triggers(self):
        for more in ("", " -u myuser", " --user myuser"):
            for state in ("warning", "critical"):
                with self.subTest(state + more):
                    self.ran.unlink(missing_ok=True)
                    done = self.run_line(f"powerconsul trigger {state} -s {shlex.quote(CHECK)}{more}")
                    self.assertEqual(done.returncode, 0, done)
                    self.assertEqual(self.ran.exists(), state == "critical", done)

    def test_the_manuals_triggers_lack_the_check_that_both_programs_need(self):
        for state in ("warning", "critical"):
            done = self.run_line(f"powerconsul trigger {state}")
            self.assertEqual(done.returncode, 64, done)
            self.assertIn("-s", done.stderr)

    def test_config_bootstrap(self):
        file = self.folder / ".powerconsul.conf"
        done = self.run_line(f"powerconsul config bootstrap -C {shlex.quote(CONFIGURATION)}")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(file.read_text()), json.loads(CONFIGURATION))
        self.is_understood(MANUAL[2])
        file.unlink()
        done = self.run_line(f"powerconsul config bootstrap --config {shlex.quote(CONFIGURATION)}")
        self.assertEqual((done.returncode, file.exists()), (0, True), done)

    def test_help(self):
        lines = ["powerconsul -h", "powerconsul --help"]
        for command in ("check", "watch", "trigger", "config"):
            lines += [f"powerconsul help {command}", f"powerconsul {command} --help", f"powerconsul {command} -h"]
        for line in lines:
            with self.subTest(line):
                done = self.run_line(line)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                self.assertIn("powerconsul", done.stdout)


if __name__ == "__main__":
    if not os.access(POWERCONSUL, os.X_OK):
        sys.exit("POWERCONSUL must be the path of an executable")
    unittest.main(verbosity=2)
