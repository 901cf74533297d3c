"""Every command line of the original's manual, as it is written there, against two real Consul datacenters.

    CONSUL=... POWERCONSUL=... python3 test_checks.py [unittest options]

The things that are checked are real, too: init scripts, the check_procs of Nagios with a process, and a crontab in
cron's own directory, on a file system of its own that nobody else sees.
"""
import grp
import os
import pathlib
import pwd
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import unittest

from consul_cluster import Cluster, Node, die_with_parent, executables, wait_until

KEY = "cluster/production/web"
NODES = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
CRONTABS = "/var/spool/cron/crontabs"
CHECK_PROCS = "/usr/lib/nagios/plugins/check_procs"
USER = "daemon"  # every Debian has it, and it has no crontab of its own
PATTERN = "Something in the crontab"
PROCESS = "pc" + secrets.token_hex(5)
WORDS = {"svc": "web", "local": "apache2", "user": USER, "pattern": PATTERN, "process": PROCESS}

# The lines of the manual, then the same with long names, then what the original has not.
# For each: the type, the key and value of its subject, and further keys.
SERVICE = ("service", "service", "apache2", {})
CRONTAB = ("crontab", "crontab", USER, {"pattern": None})
WITH_PATTERN = ("crontab", "crontab", USER, {"pattern": PATTERN})
PLUGIN = ("process", "nagiosArgs", f"-c 1:1 -C {PROCESS}", {})
LINES = {
    "service": {
        "check service -s {local} -S {svc}": SERVICE,
        "check service --service {local} --consulservice {svc}": SERVICE,
        "check service --service={local} --consulservice={svc}": SERVICE,
        "check servicegroup -s a,b,c -S {svc}": ("servicegroup", "services", ["a", "b", "c"], {}),
        "check servicegroup --service a,b,c --consulservice {svc}": ("servicegroup", "services", ["a", "b", "c"], {}),
    },
    "crontab": {
        "check crontab -u {user} -S {svc}": CRONTAB,
        'check crontab -u {user} -S {svc} -p "{pattern}"': WITH_PATTERN,
        "check crontab --user {user} --consulservice {svc}": CRONTAB,
        'check crontab --user {user} --consulservice {svc} --pattern "{pattern}"': WITH_PATTERN,
    },
    "process": {
        "check process -n '-c 1:1 -C {process}' -S {svc}": PLUGIN,
        "check crontab -n '-c 1:1 -C {process}' -S {svc}": PLUGIN,
        "check process --nagiosargs '-c 1:1 -C {process}' --consulservice {svc}": PLUGIN,
        "check process --nagiosargs='-c 1:1 -C {process}' --consulservice={svc}": PLUGIN,
        "check crontab --nagiosargs '-c 1:1 -C {process}' --consulservice {svc}": PLUGIN,
        "check process --name {process} -S {svc}": ("process", "process", PROCESS, {}),
    },
}
# In each situation: the verdict's code where the thing runs and where it is stopped, and what else the line says.
RUNNING = {"running": 0, "stopped": 2}
STOPPED = {"running": 2, "stopped": 0}
STATES = {0: "passing", 1: "unknown", 2: "critical"}
cluster = None
namespaces = None


def setUpModule():
    global cluster, namespaces
    for name, package in ((CRONTABS, "cron-daemon-common"), (CHECK_PROCS, "monitoring-plugins-basic")):
        if not os.path.exists(name):
            raise RuntimeError(f"{name} is missing, install {package}")
    namespaces = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", CRONTABS],
                                stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    cluster = Cluster(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()


class Crontab:
    """The crontab of USER, as crontab(1) leaves it."""

    SET_UP = ('set -e; mount -t tmpfs -o mode=1730,gid="$1" tmpfs "$2"; [ -z "$3" ] || cp -p "$3" "$2"; shift 3; '
              'exec "$@"')

    def __init__(self, folder):
        self.folder = folder / "crontabs"
        self.folder.mkdir(exist_ok=True)
        self.file = self.folder / USER
        self.group = grp.getgrnam("crontab").gr_gid

    def set(self, is_there, command=f"/bin/echo {PATTERN}"):
        self.file.unlink(missing_ok=True)
        if is_there:
            self.file.write_text(f"# m h dom mon dow command\n0 3 * * * {command}\n")
            self.file.chmod(0o600)
            os.chown(self.file, pwd.getpwnam(USER).pw_uid, self.group)

    def around(self, argv):
        """The command with this crontab in cron's own directory; without namespaces the directory is named instead."""
        if not namespaces:
            return [*argv, "--crontab-dir", str(self.folder)]
        return ["unshare", "--mount", "sh", "-c", self.SET_UP, "sh", str(self.group), CRONTABS,
                str(self.file) if self.file.exists() else "", *argv]


class Process:
    """A process that check_procs -C and --name find, and the only one of its name on this machine."""

    def __init__(self, folder):
        self.program = folder / PROCESS
        if not self.program.exists():
            shutil.copy(shutil.which("sleep"), self.program)
        self.child = None

    def set(self, is_running):
        if self.child:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()
            self.child = None
        if is_running:
            self.child = subprocess.Popen([self.program, "600"], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
            name = pathlib.Path(f"/proc/{self.child.pid}/comm")
            wait_until(f"{PROCESS} runs", lambda: name.read_text().strip() == PROCESS)


class Case(unittest.TestCase):
    def setUp(self):
        cluster.clean()
        self.web1, self.web2 = (Node(cluster, agent) for agent in (cluster.web1, cluster.web2))
        for node in (self.web1, self.web2):
            for local in "abc":
                node.init_script(local)
        for agent in (cluster.web1, cluster.web2):
            agent.register("web")
            self.seen(agent, "passing")
        self.crontab, self.process = Crontab(cluster.folder), Process(cluster.folder)
        self.addCleanup(self.process.set, False)

    def seen(self, agent, state):
        wait_until(f"web on {agent.node} is {state}",
                   lambda: cluster.web2.worst("web", agent.node, agent.datacenter) == state)

    def argv(self, node, line, *more):
        """The manual's line with its placeholders filled in, then where this test's Consul and init scripts are."""
        words = shlex.split(line.format(**WORDS))
        own = ["--service-manager", "sysv", "--init-directory", str(node.init)] if "service" in words[1] else []
        argv = [cluster.powerconsul, *words, *node.options("web")[2:], *own, *more]
        return self.crontab.around(argv) if line in LINES["crontab"] else argv

    def put(self, node, kind, is_running):
        if kind == "crontab" and os.geteuid() != 0:
            self.skipTest("only root can give a crontab to its user")
        if kind == "service":
            for local in (node.local, *"abc"):
                node.running(is_running, local)
        else:
            (self.crontab if kind == "crontab" else self.process).set(is_running)

    def says(self, run, code, about, **facts):
        """A check's contract: the code, one line of JSON, nothing on stderr, and these facts in it."""
        kind, key, subject, more = about
        self.assertEqual((run.code, run.err), (code, ""), run)
        self.assertEqual(run.out.count("\n"), 1, run)
        self.assertTrue(run.out.endswith("\n"), run)
        self.assertLessEqual(len(run.out.encode()), 3584, run)
        line = run.line
        self.assertEqual(list(line)[:6], ["type", key, "expects", "clustered", "state", "code"], run)
        for name, value in {"type": kind, key: subject, "code": code, "state": STATES.get(code), **more,
                            **facts}.items():
            self.assertEqual(line[name], value, f"{name}: {run}")
        if kind == "crontab":
            self.assertEqual("error" in line, code == 2, run)
        self.assertTrue(line["reason"], run)
        return line


class Situation:
    """Runs every line in one situation, with the thing running and stopped. `node` and `facts` are the subclass's."""

    codes = RUNNING

    def every_line_of(self, kind):
        for seen, code in self.codes.items():
            self.put(self.node, kind, seen == "running")
            for line, about in LINES[kind].items():
                with self.subTest(line=line, thing=seen):
                    argv = self.argv(self.node, line)
                    run = self.node.run(argv)
                    said = self.says(run, code, about, basis="fresh", **self.facts)
                    self.assertIn(f" is {seen}, {self.facts['role']} expects ", said["reason"], run)
                    if about is PLUGIN:
                        self.assertEqual(said["nagiosScript"], CHECK_PROCS, run)
                        word = "OK: 1 process" if seen == "running" else "CRITICAL: 0 processes"
                        self.assertTrue(said["nagiosOutput"].startswith(f"PROCS {word} with command name "), run)
                    self.assertEqual(self.node.run(argv).out, run.out)

    def test_service(self):
        self.every_line_of("service")

    def test_crontab(self):
        self.every_line_of("crontab")

    def test_process(self):
        self.every_line_of("process")


class Primary(Situation, Case):
    facts = {"role": "primary", "expects": True, "clustered": True}

    def setUp(self):
        super().setUp()
        cluster.hq.put_key(KEY, NODES)
        self.node = self.web1

    def test_text(self):
        titles = {"service": "apache2", "services": "a,b,c", "crontab": f"the crontab of {USER}",
                  "nagiosArgs": f"check_procs -c 1:1 -C {PROCESS}", "process": PROCESS}
        for kind, lines in LINES.items():
            for line, about in lines.items():
                with self.subTest(line=line):
                    self.put(self.node, kind, False)
                    run = self.node.run(self.argv(self.node, line, "--format", "text"))
                    self.assertEqual((run.code, run.err), (2, ""), run)
                    sentence = f"CRITICAL - {titles[about[1]]} is stopped, primary expects running ("
                    self.assertTrue(run.out.startswith(sentence), run)
                    self.assertTrue(run.out.endswith(")\n") and run.out.count("\n") == 1, run)

    def test_one_of_a_group_is_stopped(self):
        self.put(self.node, "service", True)
        self.node.running(False, "b")
        line, about = next((line, about) for line, about in LINES["service"].items() if "servicegroup" in line)
        said = self.says(self.node.run(self.argv(self.node, line)), 2, about, **self.facts)
        self.assertTrue(re.search(r"\bb\b.*stopped", said["reason"]), said)

    def test_crontab_without_the_pattern(self):
        self.put(self.node, "crontab", False)
        self.crontab.set(True, "/bin/true")
        for line, about in LINES["crontab"].items():
            with self.subTest(line=line):
                self.says(self.node.run(self.argv(self.node, line)), 2 if about is WITH_PATTERN else 0, about)


class Standby(Situation, Case):
    """The active serves."""
    codes = STOPPED
    facts = {"role": "secondary", "expects": False, "clustered": True}

    def setUp(self):
        super().setUp()
        cluster.hq.put_key(KEY, NODES)
        self.node = self.web2

    def test_one_of_a_group_runs(self):
        self.put(self.node, "service", False)
        self.node.running(True, "b")
        line, about = next((line, about) for line, about in LINES["service"].items() if "servicegroup" in line)
        self.says(self.node.run(self.argv(self.node, line)), 2, about, **self.facts)

    def test_what_the_plugin_cannot_tell_is_never_passing(self):
        self.put(self.node, "process", False)
        silent = self.node.folder / "check_silent"
        silent.write_text("#!/bin/sh\nexit 2\n")
        silent.chmod(0o755)
        line = "check process -n '{arguments}' -S {svc}"
        for arguments, more, word in (("-z", (), "exits 3"), ("-c 1:1", ("--plugin", "/nowhere/x"), "/nowhere/x"),
                                      ("-c 1:1", ("--plugin", str(silent)), "prints nothing")):
            with self.subTest(arguments=arguments, more=more):
                run = self.node.run(self.argv(self.node, line.replace("{arguments}", arguments), *more))
                said = self.says(run, 1, ("process", "nagiosArgs", arguments, {}), **self.facts)
                self.assertIn(word, said["reason"], run)

    def test_arguments_that_cannot_be_split(self):
        for arguments in ("-C 'open", 'open"', "end\\"):
            with self.subTest(arguments=arguments):
                argv = self.argv(self.node, "check process -S {svc}", "-n", arguments)
                said = self.says(self.node.run(argv), 1, ("process", "nagiosArgs", arguments, {}), state="unknown",
                                 role="unknown", expects=None)
                self.assertIn("at byte ", said["reason"])

    def test_hidden_processes_are_never_passing(self):
        """As another user on a /proc mounted with hidepid, where check_procs finds nothing and exits 2."""
        if not namespaces:
            self.skipTest("mounting needs root and namespaces")
        self.put(self.node, "process", True)
        program = cluster.folder / "powerconsul"
        shutil.copy(cluster.powerconsul, program)
        cluster.folder.chmod(0o711)
        hide = 'mount -t proc -o hidepid=2 proc /proc && HOME=/nonexistent exec "$@"'
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
        for line, about in LINES["process"].items():
            with self.subTest(line=line):
                argv = self.argv(self.node, line)
                run = self.node.run(["unshare", "--mount", "sh", "-c", hide, "sh", *as_nobody, str(program), *argv[1:]])
                said = self.says(run, 1, about, **self.facts)
                self.assertIn("hidepid", said["reason"], run)


class StandbyTakesOver(Situation, Case):
    """The active's check is critical."""
    facts = {"role": "secondary", "expects": True, "clustered": True}

    def setUp(self):
        super().setUp()
        cluster.hq.put_key(KEY, NODES)
        cluster.web1.set_check("web", "fail")
        self.seen(cluster.web1, "critical")
        self.node = self.web2


class Standalone(Situation, Case):
    """There is no cluster document."""
    facts = {"role": "standalone", "expects": True, "clustered": False}

    def setUp(self):
        super().setUp()
        self.node = self.web1


if __name__ == "__main__":
    unittest.main(verbosity=2)
