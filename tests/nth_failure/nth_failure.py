#!/usr/bin/env python3
"""The Nth call of a system function fails, for N = 1 until nothing fails any more, in checks, watches and triggers.

    nth_failure.py [--all | --most N] [--only PATTERN] [--jobs N]
    nth_failure.py --show SCENARIO FUNCTION WAY N      one run, with all that it printed

$POWERCONSUL is the program, $NTH_SHIM the library that shim.cpp makes, $CONSUL a real Consul. Each scenario runs over a
store file or against that Consul, once for each N. `--all` makes every run; else what has more than a few calls is run
for some N only, which are the same each time. PATTERN is a regular expression for `scenario function way`.

What must hold for each run: it ends, not by a signal, with an exit code and a line that fit each other; what cannot be
told is unknown, and what is not well never passes; no descriptor is left open and none is inherited; the journal can be
read afterwards, and no trigger runs that it does not know of, or twice. It needs no root, except that crontabs are then
left out, and so are the scenarios with a process table of their own.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import dataclasses
import json
import mmap
import multiprocessing
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "consul"))
import consul_cluster  # noqa: E402

SKIPPED = 77
INSIDE = "NTH_INSIDE"
WORK = ["sleep", "98765.4"]  # what the scenario "expected work" looks for
DEADLINE = 30  # seconds for a run that takes milliseconds; more than its own timeout

ONCE, FOR_GOOD, EINTR, SHORT, CLOSED = "once", "for-good", "eintr", "short", "closed"
WAYS = {
    "malloc": (ONCE, FOR_GOOD),
    "open": (ONCE, FOR_GOOD, EINTR),
    "read": (ONCE, FOR_GOOD, EINTR, SHORT),
    "write": (ONCE, FOR_GOOD, EINTR, SHORT),
    "fsync": (ONCE, FOR_GOOD, EINTR),
    "rename": (ONCE, FOR_GOOD),
    "posix_spawn": (ONCE, FOR_GOOD),
    "pipe": (ONCE, FOR_GOOD),
    "connect": (ONCE, FOR_GOOD),
    "send": (ONCE, FOR_GOOD, EINTR, SHORT),
    "recv": (ONCE, FOR_GOOD, EINTR, SHORT, CLOSED),
    # Beside those: what else a check or a watch stands on.
    "stat": (ONCE, FOR_GOOD),
    "mkdir": (ONCE, FOR_GOOD),
    "flock": (ONCE, FOR_GOOD, EINTR),
    "poll": (ONCE, FOR_GOOD, EINTR),
    "waitpid": (EINTR,),
    "dup": (ONCE, FOR_GOOD),
    "thread": (ONCE, FOR_GOOD),
    "account": (ONCE, FOR_GOOD),
}
HARMLESS = (EINTR, SHORT)  # nothing may differ from a run without them
BESIDE = ("stat", "mkdir", "flock", "poll", "waitpid", "dup", "thread", "account")

ACTIVE, STANDBY = "production-web1", "production-web2"
LISTS = {"active_nodes": [ACTIVE], "standby_nodes": [STANDBY]}
KEYS = {
    "cluster/production/web": LISTS,
    "cluster/production/down": LISTS,
    "cluster/production/foreign": {"active_nodes": ["production-web8"], "standby_nodes": ["production-web9"]},
    "cluster/production/far": {"active_datacenters": ["dr", "ds"], "standby_datacenters": ["hq"]},
    "cluster/elsewhere/web": LISTS,
    # What it finds open tells what it inherits.
    "triggers/production/heal/standalone/critical": "set -- /proc/$$/fd/*; echo \"$@\" >>@RUNS",
    "triggers/production/down/primary/critical": {"command": ["/bin/sh", "-c", "echo $0 $* >>@RUNS", "0 1 2 3"]},
    "triggers/production/both/standalone/critical":
        "#!/bin/sh\nset -- /proc/$$/fd/*\necho \"$@\" >>@RUNS\necho 'a word'\n",
}
# Service, check, its status; both nodes have `web`, so that a standby sees the active.
CHECKS = [("web", "web-alive", "passing"), ("down", "down-alive", "critical"), ("heal", "heal-alive", "critical"),
          ("both", "both-one", "critical"), ("both", "both-two", "critical")]
WHY = "it is stopped"
SCRIPTS = {
    "up": "echo 'up is running'",
    "down": "echo 'down is not running'\nexit 3",
    # Only its text tells that it does not run.
    "says": "echo 'says is not running'",
}
SYSV = ["--service-manager", "sysv", "--init-directory", "{place}/init.d"]
RETRY = {"timeout": "5s", "grace": "1s", "backoff": "1h", "maxBackoff": "1h", "attempts": 5, "settle": "1ms"}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`right` is the state that a check must find, `before` the name of what makes the state directory beforehand."""
    name: str
    command: tuple
    right: str = ""
    node: str = ACTIVE
    http: bool = False
    checks: tuple = ()  # of a snapshot
    given: bool = False  # a snapshot comes on standard input
    before: str = ""
    needs: str = ""  # root, processes (a table of its own), or a program
    most_runs: int = 1  # of the trigger
    home: bool = False
    settings: str = "plain"
    heals: bool = False  # what the trigger does

    @property
    def kind(self):
        return self.command[0]

    @property
    def detached(self):
        return "--detach" in self.command

    @property
    def stays(self):
        """Whether a worker is left that looks again and again, until nobody has an open incident."""
        return self.detached and not self.heals


def checks(http):
    where = "http" if http else "store"

    def one(name, right, words, service="web", node=ACTIVE, **more):
        return Scenario(f"{name}, {where}", ("check", *words, "-S", service), right, node, http, **more)

    service = ("service", "-s")
    yield one("active runs", "passing", (*service, "up", *SYSV))
    yield one("active is stopped", "critical", (*service, "down", *SYSV))
    yield one("standby is stopped", "passing", (*service, "down", *SYSV), node=STANDBY)
    yield one("standby must start", "critical", (*service, "down", *SYSV), service="down", node=STANDBY)
    yield one("node in no list", "unknown", (*service, "up", *SYSV), service="foreign")
    yield one("no document", "critical", (*service, "down", *SYSV), service="alone")
    yield one("node in no list, unknown as 3", "unknown", (*service, "up", *SYSV, "--unknown-exit", "3"), service="foreign")
    yield one("active is stopped, with a log", "critical", (*service, "down", *SYSV, "--log", "{place}/log"))
    if http:
        yield one("actives in datacenters that are not there", "unknown", (*service, "down", *SYSV), service="far")
        return
    yield one("active runs, an older record", "passing", (*service, "up", *SYSV), before="old record")
    yield one("standby runs", "critical", (*service, "up", *SYSV), node=STANDBY)
    yield one("active, only a text tells", "critical", (*service, "says", *SYSV))
    yield one("group runs", "passing", ("servicegroup", "-s", "up,up2,up3", *SYSV))
    yield one("group runs in part", "critical", ("servicegroup", "-s", "up,down", *SYSV))
    yield one("held by a file", "passing", (*service, "down", *SYSV, "-F", "{place}/noop"))
    yield one("not held by a file", "critical", (*service, "down", *SYSV, "-F", "{place}/no-noop"))
    yield one("expected work", "passing", (*service, "down", *SYSV, "-P", " ".join(WORK)), needs="processes")
    yield one("no expected work", "critical", (*service, "down", *SYSV, "-R", "no-such-[w]ork"), needs="processes")
    yield one("configuration at home", "passing", (*service, "down", *SYSV), node="", home=True)
    yield one("active's process", "passing", ("process", "--name", "python3"), needs="processes")
    yield one("active's process is not there", "critical", ("process", "--name", "no-such-name"), needs="processes")
    yield one("standby's process is not there", "passing", ("process", "--name", "no-such-name"), node=STANDBY,
              needs="processes")
    yield one("standby's process is there", "critical", ("process", "--name", "python3", "--user", "root"),
              node=STANDBY, needs="processes")
    yield one("plugin", "critical", ("process", "-n", "-c 1:1 -C no-such-name"),
              needs="/usr/lib/nagios/plugins/check_procs")
    crontab = ("crontab", "--crontab-dir", "{place}/crontabs", "-u")
    yield one("active's crontab", "passing", (*crontab, "daemon", "-p", "true"), needs="root")
    yield one("active's crontab is not there", "critical", (*crontab, "bin"), needs="root")
    yield one("standby's crontab", "critical", (*crontab, "daemon"), node=STANDBY, needs="root")


def healings(http):
    where = "http" if http else "store"

    def one(name, words, **more):
        return Scenario(f"{name}, {where}", words, http=http, **more)

    watch = ("watch", "critical")
    heal, all_four = ("heal-alive",), ("heal-alive", "both-one", "both-two", "down-alive")
    yield one("first watch", watch, given=True, checks=heal)
    yield one("watch, the next attempt is due", watch, given=True, checks=heal, before="due", most_runs=2,
              settings="quick")
    yield one("watch of four checks", watch, given=True, checks=all_four, most_runs=3)
    yield one("watch from the agent", (*watch, "--from-agent"), checks=all_four, most_runs=3)
    # With one attempt for each, or with two of which one was made: then they are given up.
    yield one("detached watch", (*watch, "--detach"), given=True, checks=all_four, most_runs=3, settings="detached")
    told = json.dumps({"ServiceName": "heal", "CheckID": "heal-alive"})
    yield one("trigger", ("trigger", "critical", "-s", told))
    if not http:
        yield one("watch, it is over", watch, given=True, before="due")
        yield one("detached watch, due", (*watch, "--detach"), given=True, checks=all_four, before="due", most_runs=6,
                  settings="detached due")
        yield one("detached watch, healed", (*watch, "--detach"), given=True, checks=heal, settings="quick", heals=True)


def scenarios():
    all_of_them = [each for http in (False, True) for make in (checks, healings) for each in make(http)]
    all_of_them.append(Scenario("role of a standby, store", ("role", "-S", "web"), node=STANDBY))
    all_of_them.append(Scenario("role of a standby, http", ("role", "-S", "web"), node=STANDBY, http=True))
    return {each.name: each for each in all_of_them}


def missing(scenario):
    """What a scenario needs and this machine does not have."""
    if scenario.needs == "root":
        return "" if os.geteuid() == 0 else "it needs root"
    if scenario.needs == "processes":
        return "" if INSIDE in os.environ else "it needs a process table of its own, and so root and namespaces"
    if scenario.needs and not os.access(scenario.needs, os.X_OK):
        return f"{scenario.needs} is missing"
    return ""


def services_of(checks):
    """The services that have those checks, each with its own."""
    return sorted((service, sorted(check for of, check, _ in CHECKS if of == service and check in checks))
                  for service in {of for of, check, _ in CHECKS if check in checks})


# --- one run -------------------------------------------------------------------------------------------------------

REPORT = struct.Struct("<IIII32s")
END = struct.Struct("<iiQ")
COUNTS = struct.Struct(f"<{4 * len(WAYS)}I")
COUNT_OF_WAY = {ONCE: 0, FOR_GOOD: 0, EINTR: 1, SHORT: 2, CLOSED: 3}
REPORT_SIZE = 4096


@dataclasses.dataclass
class Run:
    """What came of one run. `status` is that of os.wait, `others` are those of the processes it left behind."""
    status: int
    others: list
    hung: bool
    cut: bool  # whoever was left behind was ended before all was done
    out: str
    err: str
    calls: int
    failed: int
    first: str
    ends: list  # (process, exit status, open descriptors)
    in_accounts: bool  # it ended within the C library's look-up of a user or a group
    all: dict  # how many calls there were of each family, for each way

    @property
    def code(self):
        return os.waitstatus_to_exitcode(self.status)


class Place:
    """One scenario's machine, for one process of the driver: files, a store, a state directory."""

    def __init__(self, folder, scenario, tools):
        self.folder, self.scenario, self.tools = folder, scenario, tools
        self.state, self.runs_file, self.descriptors = (folder / each for each in ("state", "runs", "descriptors"))
        folder.mkdir(parents=True)
        self.report = folder / "report"
        self.report.write_bytes(bytes(REPORT_SIZE))
        with open(self.report, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), REPORT_SIZE)
        (folder / "noop").touch()
        (folder / "init.d").mkdir()
        for name, text in {**SCRIPTS, "up2": SCRIPTS["up"], "up3": SCRIPTS["up"]}.items():
            script = folder / "init.d" / name
            script.write_text(f"#!/bin/sh\nset -- /proc/$$/fd/*; echo \"$@\" >>{self.descriptors}\n{text}\n")
            script.chmod(0o755)
        if os.geteuid() == 0:
            self.make_crontab()
        (folder / "stdin").write_text(json.dumps([self.entry(each) for each in scenario.checks]))
        for name, changes in (("plain", {}), ("quick", {"backoff": "1ms", "maxBackoff": "1ms"}),
                              ("detached", {"backoff": "1ms", "maxBackoff": "1ms", "attempts": 1}),
                              ("detached due", {"backoff": "1ms", "maxBackoff": "1ms", "attempts": 2})):
            self.configure(name, changes)
        if scenario.home:
            (folder / ".powerconsul.conf").write_text(json.dumps(
                {"node": STANDBY, "environment": "elsewhere", "store": str(folder / "store"), "timeout": "9s"}))
        (folder / "store").write_text(json.dumps(self.store()))
        (folder / "store-well").write_text(json.dumps(self.store(well=True)))
        self.kept_state = folder / "kept-state"
        self.kept_runs = ""
        self.prepare()
        self.usual = self.run("", 0, ONCE)
        self.usual_runs = self.runs()
        if not self.descriptors.exists():
            self.start([str(folder / "init.d" / "up")], self.environment(), "/dev/null")
        self.usual_opens = self.opens()

    def make_crontab(self):
        (self.folder / "crontabs").mkdir()
        crontab = self.folder / "crontabs" / "daemon"
        crontab.write_text("* * * * * true\n")
        crontab.chmod(0o600)
        shutil.chown(crontab, "daemon", "crontab")
        os.utime(crontab, (0, 0))

    def configure(self, name, changes):
        said = {"environment": "production", "serverRole": "web", "stateDir": str(self.state), "log": "stderr",
                "stopFile": str(self.folder / "stop"), "subVars": {"RUNS": str(self.runs_file)}, "timeout": "9s",
                "takeoverAfter": "0s", "giveBackAfter": "0s", "absentAfter": "0s", "trigger": {**RETRY, **changes}}
        if self.scenario.detached:
            said["log"] = str(self.folder / "log")
        if self.scenario.http:
            said["consul"] = {"httpAddr": self.tools["address"]}
        else:
            said["store"] = str(self.folder / "store")
        (self.folder / f"{name}.conf").write_text(json.dumps(said))

    @staticmethod
    def entry(check):
        service = next(each for each, name, _ in CHECKS if name == check)
        return {"Node": ACTIVE, "CheckID": check, "Name": check, "Status": "critical", "Notes": "", "Output": WHY,
                "ServiceID": service, "ServiceName": service, "ServiceTags": [], "CreateIndex": 0, "ModifyIndex": 0}

    def store(self, well=False):
        instances = collections.defaultdict(dict)
        over = well or (self.scenario.given and not self.scenario.checks)
        for service, check, status in CHECKS:
            # A worker sees to all that the agent knows.
            now = "passing" if over or (self.scenario.heals and service != "heal") else status
            instances[ACTIVE, service][check] = {"status": now, "output": "it runs" if now == "passing" else WHY}
        instances[STANDBY, "web"]["web-role"] = {"status": "passing", "output": "-"}
        instances[STANDBY, "down"]["down-role"] = {"status": "passing", "output": "-"}
        keys = dict(KEYS)
        if self.scenario.heals:
            store = self.folder / "store"
            keys["triggers/production/heal/standalone/critical"] = (
                f"set -- /proc/$$/fd/*; echo \"$@\" >>@RUNS; cp {store}-well {store}-next && mv {store}-next {store}")
        return {"agent": {"node": ACTIVE, "datacenter": "hq"}, "datacenters": {"hq": {"kv": keys, "services": [
            {"service": service, "node": node, "checks": checks} for (node, service), checks in instances.items()]}}}

    def prepare(self):
        """The state that is there before each run."""
        if self.scenario.before == "old record":
            folder = self.kept_state / "last-known"
            folder.mkdir(parents=True, mode=0o700)
            self.kept_state.chmod(0o700)
            (folder / "web.json").write_text(json.dumps(
                {"key": "cluster/production/web", "node": ACTIVE, "role": "standalone", "expects": "running",
                 "document": 0, "at": 1000, "actives": "unknown"}, separators=(",", ":")) + "\n")
            (folder / "web.json").chmod(0o600)
        if self.scenario.before == "due":
            (self.folder / "first").write_text(json.dumps([self.entry("heal-alive")]))
            if self.scenario.given and not self.scenario.checks:
                critical = {**self.store()}
                for each in critical["datacenters"]["hq"]["services"]:
                    if each["service"] == "heal":
                        each["checks"]["heal-alive"] = {"status": "critical", "output": WHY}
                (self.folder / "store").write_text(json.dumps(critical))
            done = self.call("watch", "critical", stdin=self.folder / "first")
            assert done.returncode == 0, done
            (self.folder / "store").write_text(json.dumps(self.store()))
            shutil.copytree(self.state, self.kept_state)
            self.kept_runs = self.runs_file.read_text()

    def call(self, *words, settings="plain", stdin=None):
        """The program as it is, without any failure."""
        argv = [self.tools["powerconsul"], *words, "--config", f"{self.folder}/{settings}.conf"]
        status, _, hung, out, err = self.start(argv, self.environment(), stdin or "/dev/null")
        return subprocess.CompletedProcess(argv, "hung" if hung else os.waitstatus_to_exitcode(status), out, err)

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder)}

    def argv(self):
        words = [each.format(place=self.folder) if "{place}" in each else each for each in self.scenario.command]
        if self.scenario.home:
            return [self.tools["powerconsul"], *words, "--state-dir", str(self.state)]
        if self.scenario.kind in ("check", "role"):
            words += ["--node", self.scenario.node]
        return [self.tools["powerconsul"], *words, "--config", f"{self.folder}/{self.scenario.settings}.conf"]

    def reset(self):
        shutil.rmtree(self.state, ignore_errors=True)
        if self.kept_state.exists():
            shutil.copytree(self.kept_state, self.state)
        self.runs_file.write_text(self.kept_runs)
        if self.scenario.heals:
            (self.folder / "store").write_text(json.dumps(self.store()))
        for each in (self.descriptors, self.folder / "log"):
            each.unlink(missing_ok=True)

    def run(self, family, number, way):
        """On a machine that is too busy or sleeps nothing may be done in time; what a failure does comes again."""
        for turn in range(4):
            run = self.run_once(family, number, way)
            late = "in time" in run.out + run.err or (turn == 0 and (run.hung or run.code == -signal.SIGKILL))
            if not late:
                break
        return run

    def run_once(self, family, number, way):
        self.reset()
        self.memory[:] = bytes(REPORT_SIZE)
        environment = {**self.environment(), "LD_PRELOAD": self.tools["shim"], "NTH_REPORT": str(self.report),
                       "NTH_FAMILY": family, "NTH_FROM": str(number), "NTH_HOW": way, "NTH_HURRY": "1"}
        if self.scenario.home:
            del environment["HOME"]
            environment["NTH_HOME"] = str(self.folder)
        given = self.folder / "stdin" if self.scenario.given else "/dev/null"
        patience, done, brief = DEADLINE, None, False
        if self.scenario.stays:
            brief = number != 0 and way not in HARMLESS
            patience, done = DEADLINE if not brief else 1 if way == FOR_GOOD else 4, self.all_given_up
        elif family == "poll" and way == FOR_GOOD:
            done = lambda: True  # who keeps a trigger's output cannot see then that nobody needs it any more
        status, others, hung, out, err = self.start(self.argv(), environment, given, patience, done)
        cut = hung and brief and status is not None
        if cut:
            hung, others = False, []
        calls, failed, ends, in_accounts, first = REPORT.unpack_from(self.memory)
        ended = [END.unpack_from(self.memory, REPORT.size + i * END.size) for i in range(min(ends, 8))]
        counts = COUNTS.unpack_from(self.memory, REPORT.size + 8 * END.size)
        every = {(family, way): counts[4 * i + COUNT_OF_WAY[way]]
                 for i, (family, ways) in enumerate(WAYS.items()) for way in ways}
        return Run(status, others, hung, cut, out, err, calls, failed, first.rstrip(b"\0").decode(), ended, in_accounts != 0,
                   every)

    def all_given_up(self):
        """Whether nothing is left to do for a worker that heals nothing."""
        texts = [path.read_text() for path in (self.state / "journal").glob("*.json")]
        ledgers = [each for text in texts for each in json.loads(text)["ledgers"]]
        return len(texts) == len(services_of(self.scenario.checks)) == len(ledgers) and all(
            each.get("given_up") for each in ledgers)

    def start(self, argv, environment, given, patience=DEADLINE, done=None):
        """Waits for it and all that it left behind; also what they printed. `done`: see wait_for_all."""
        printed = [f"{self.folder}/out", f"{self.folder}/err"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [(os.POSIX_SPAWN_OPEN, 0, str(given), os.O_RDONLY, 0),
                   *((os.POSIX_SPAWN_OPEN, i + 1, path, flags, 0o600) for i, path in enumerate(printed))]
        pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions)
        status, others, hung = wait_for_all(pid, patience, done)
        texts = []
        for path in printed:
            with open(path, "rb") as file:
                texts.append(file.read().decode(errors="replace"))
        return status, others, hung, *texts

    def runs(self):
        """How often the trigger ran."""
        return len(self.runs_file.read_text().splitlines())

    def opens(self):
        """What the programs that were started found open: one set for each of them."""
        texts = [path.read_text() for path in (self.runs_file, self.descriptors) if path.exists()]
        return {re.sub(r"/proc/\d+/fd/", "", line) for text in texts for line in text.splitlines()}


def children_of(pid):
    return [int(each) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
            for each in path.read_text().split()]


def wait_for_all(pid, patience=DEADLINE, done=None):
    """The status of that child, those of all that it left behind, and whether anything had to be killed. What it left
    behind is killed without that being told once `done()`."""
    hung = dismissed = False
    status, others = None, []
    end = time.monotonic() + patience

    def look(*_):
        nonlocal hung, dismissed
        if time.monotonic() >= end:
            hung = True
        elif done and status is not None:
            try:
                dismissed = dismissed or done()
            except (OSError, ValueError):
                pass  # a journal that is just being replaced
        for each in children_of(os.getpid()) if hung or dismissed else []:
            os.kill(each, signal.SIGKILL)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.05 if done else patience, 0.05 if done else 0.2)
    try:
        while True:
            ended, how = os.wait()
            if ended == pid:
                status = how
            else:
                others.append(how)
    except ChildProcessError:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return status, [] if dismissed and not hung else others, hung


# --- what must hold ------------------------------------------------------------------------------------------------

STATUS = {"passing": 0, "warning": 1, "critical": 2, "unknown": 1}
STANDARD = 0b111
LOST_LINE = r"; the check's log is not written: of a line of .*?(?=\",\"basis\")"
VERDICT = re.compile(r"verdicts/[0-9a-f]{16}")
PLACES = re.compile(r"journal/(slot-\d+\.lock|worker-critical\.(lock|next)|\w+\.json\.(lock|waiting|spare)|reserve)")


class Judge:
    """Looks at one run; `wrong` is what must not be."""

    def __init__(self, place, run, family, way):
        self.place, self.run, self.scenario, self.usual = place, run, place.scenario, place.usual
        self.family, self.way = family, way
        self.wrong = []
        self.judge()

    def expect(self, holds, what):
        if not holds:
            self.wrong.append(what)

    def judge(self):
        run = self.run
        self.expect(not run.hung, "it does not end")
        if run.hung:
            return
        if os.WIFSIGNALED(run.status) and run.in_accounts and self.family == "malloc":
            return  # glibc 2.36, nss_database.c: it does not look whether there is memory
        self.expect(not os.WIFSIGNALED(run.status), f"it is ended by signal {-run.code}")
        for status in run.others:
            self.expect(not os.WIFSIGNALED(status), f"its worker is ended by signal {status & 127}")
        for pid, status, opened in run.ends:
            # Threads that nobody could wait for are left behind, with what they hold.
            left = self.family == "malloc" and "datacenters" in self.scenario.name
            self.expect(left or opened == STANDARD, f"process {pid} ({status}) ends with open descriptors {opened:#b}")
        self.expect(self.place.opens() <= self.place.usual_opens, f"inherited: {self.place.opens()}")
        harmless = self.way in HARMLESS or (run.failed == 0 and not run.cut)
        if harmless:
            self.expect(run.code == self.usual.code, f"it exits with {run.code}, as usual is {self.usual.code}")
        if self.scenario.kind == "check":
            self.judge_check(harmless)
        elif self.scenario.kind == "role":
            self.expect(run.code in (0, 1, 65, 69, 77), f"it exits with {run.code}")
            rows = [line for line in run.out.splitlines() if not line.startswith(("note ", "stopped "))]
            usual = self.usual.out.splitlines()
            # The name of this node's datacenter decides nothing: who cannot ask for it leaves it out.
            nameless = [line.replace(" (hq) serves", " serves") for line in usual]
            self.expect(run.code != 0 or rows in (usual, nameless), f"another role: {run.out}")
        else:
            self.judge_healing(harmless)
        self.judge_files()

    # Nobody could print the line.
    def is_silent(self):
        return self.family == "write" and not self.run.out and self.run.code != 0

    def judge_check(self, harmless):
        run = self.run
        if harmless:
            # Half a line of a log is told, and nothing else is other than usual.
            out = re.sub(LOST_LINE, "", run.out) if self.way == SHORT else run.out
            self.expect(out == self.usual.out, f"it prints {run.out!r}, as usual is {self.usual.out!r}")
        if self.is_silent():
            return
        try:
            line = json.loads(run.out)
            state, code, role = line["state"], line["code"], line["role"]
        except (ValueError, KeyError, TypeError):
            self.wrong.append(f"no line, but {run.out!r}")
            return
        usual = json.loads(self.usual.out)
        self.expect(run.out.endswith("}\n") and run.out.count("\n") == 1, "more than a line")
        self.expect(run.code == code or self.family == "write", f"it exits with {run.code} and says {code}")
        self.expect(state in (self.scenario.right, "unknown"), f"the state is {state}: {run.out}")
        self.expect(role in (usual["role"], "unknown"), f"the role is {role}: {run.out}")
        unknown = 3 if "--unknown-exit" in self.scenario.command else STATUS["unknown"]
        self.expect(code == (unknown if state == "unknown" else STATUS[state]), f"{state} with {code}: {run.out}")
        self.expect(line.get("expects") in (None, usual["expects"]), f"expects {line.get('expects')}: {run.out}")
        self.expect(line["type"] == usual["type"], f"the type is {line['type']}")
        self.expect(run.code != 0 or self.scenario.right == "passing", "it passes")

    def judge_healing(self, harmless):
        run = self.run
        self.expect(run.code in (0, 1, 65, 69, 75, 77), f"it exits with {run.code}: {run.err}")
        ran = self.place.runs()
        tried = self.attempts_in_files()
        self.expect(ran <= len(tried), f"the trigger ran {ran} times, the journals know of {tried}")
        self.expect(ran <= self.scenario.most_runs, f"the trigger ran {ran} times")
        self.expect(run.code == 0 or run.err or self.family in ("malloc", "write", "poll"), "no word of what failed")
        usual_runs = self.place.usual_runs
        if harmless:
            self.expect(ran == usual_runs, f"the trigger ran {ran} times, as usual is {usual_runs}")
        if self.scenario.kind == "trigger":
            self.expect(run.code != 0 or ran == 1, "it exits with 0, and nothing ran")
            self.journals()
            return
        if run.code == 0 and not self.scenario.detached:
            # What is held, as by a stop file of which it cannot be told whether it is there, is no failure.
            self.expect(len(tried) - tried.count("unfinished") == usual_runs or "nothing done" in run.err,
                        f"it exits with 0, but of the attempts there are {tried}")
        if run.failed == 0:
            return
        # Called again, without failures and long before the back-off is over.
        again = self.place.call(*[each for each in self.scenario.command if each != "--detach"],
                                stdin=self.place.folder / "stdin" if self.scenario.given else None)
        self.expect(again.returncode == 0, f"called again it exits with {again.returncode}: {again.stderr}")
        healed = self.scenario.heals and ran == 1
        ran, known = self.place.runs(), self.journals()
        attempts = sum(each["attempts"] for each in known)
        self.expect(ran <= attempts, f"called again: the trigger ran {ran} times, the journals know of {attempts}")
        self.expect(ran <= self.scenario.most_runs, f"called again: the trigger ran {ran} times")
        # None is lost: what did not run waits for its time.
        waits = all(each["attempts"] or each.get("held") for each in known)
        opened = [(each["service"], sorted(each["checks"])) for each in known if each["open"]]
        wanted = [] if healed else services_of(self.scenario.checks)
        self.expect(sorted(opened) == wanted, f"called again: open are {opened}")
        self.expect(waits, f"called again: neither tried nor held: {json.dumps(known)}")

    def attempts_in_files(self):
        """The outcomes of the attempts that the journals hold, as they stand on the disk."""
        outcomes = []
        for path in (self.place.state / "journal").glob("*.json"):
            try:
                outcomes += [each.get("outcome", "unfinished") for each in json.loads(path.read_text())["attempts"]]
            except (ValueError, KeyError) as why:
                self.wrong.append(f"{path.name}: {why}: {path.read_text()}")
        return outcomes

    def journals(self):
        """What the program itself makes of them."""
        done = self.place.call("incidents", "--json")
        if done.returncode not in (0, 1) or done.stderr:
            self.wrong.append(f"the journal cannot be read: {done.stdout}{done.stderr}")
            return []
        told = json.loads(done.stdout)
        given_up = any(each["open"] and each["given_up"] for each in told["incidents"])
        self.expect(done.returncode == int(given_up), f"incidents exits with {done.returncode}: {done.stdout}")
        self.expect(not told["notes"], f"the journal has trouble: {told['notes']}")
        return told["incidents"]

    def judge_files(self):
        """What stands in the state directory is whole."""
        state = self.place.state
        for path in state.rglob("*"):
            name = str(path.relative_to(state))
            if path.is_dir() or PLACES.fullmatch(name):
                continue
            if VERDICT.fullmatch(name):
                self.expect(re.fullmatch(r"(critical|unknown) .+\n", path.read_text()), f"{name} is torn")
                continue
            try:
                self.expect(not path.name.startswith(".") and path.suffix == ".json", f"{name} is left behind")
                told = json.loads(path.read_text())
            except ValueError as why:
                self.wrong.append(f"{name} is torn: {why}")
                continue
            if name.startswith("last-known/"):
                listed = "primary" if self.scenario.node == ACTIVE else "secondary"
                fresh = {"web": listed, "down": listed, "foreign": "unknown",
                         "far": "secondary"}.get(path.stem, "standalone")
                old = ["standalone"] if self.scenario.before == "old record" else []
                self.expect(told["role"] in [fresh, *old], f"{name} holds {told}")


# --- all of them ---------------------------------------------------------------------------------------------------

class Places:
    """What one process of the driver has made so far."""

    def __init__(self, folder, tools):
        self.folder, self.tools, self.made = pathlib.Path(folder) / str(os.getpid()), tools, {}
        self.known = scenarios()

    def of(self, name):
        if name not in self.made:
            self.made[name] = Place(self.folder / str(len(self.made)), self.known[name], self.tools)
        return self.made[name]


PLACES_OF_THIS_PROCESS = None


def begin_process(folder, tools):
    global PLACES_OF_THIS_PROCESS  # pylint: disable=global-statement
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what runs on detached comes to this process
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    PLACES_OF_THIS_PROCESS = Places(folder, tools)


def count_calls(name):
    """How many calls each family has, as usual."""
    place = PLACES_OF_THIS_PROCESS.of(name)
    usual = place.usual
    trouble = []
    if usual.status is None or os.WIFSIGNALED(usual.status) or usual.hung:
        trouble.append((name, 0, f"without any failure: {usual}"))
    elif place.scenario.kind == "check" and f'"state":"{place.scenario.right}"' not in usual.out:
        trouble.append((name, 0, f"expected {place.scenario.right}, got {usual.out}{usual.err}"))
    elif place.scenario.kind != "check" and usual.code != 0:
        trouble.append((name, 0, f"exits with {usual.code}: {usual.out}{usual.err}"))
    return name, usual.all, trouble


def fail_each(task):
    """The runs of one scenario, family and way: from a first N in steps, until nothing fails."""
    name, family, way, first, step = task
    place = PLACES_OF_THIS_PROCESS.of(name)
    made = failed = 0
    wrong = []
    number = first
    while len(wrong) < 20:
        run = place.run(family, number, way)
        made += 1
        failed += run.failed
        judged = Judge(place, run, family, way).wrong
        if judged and place.scenario.stays:
            # How far a worker has come when it is looked at is a matter of timing on a busy machine: it is asked again.
            run = place.run(family, number, way)
            judged = Judge(place, run, family, way).wrong
        wrong += [(f"{name} | {family} {way}", number, f"{run.first}: {each}") for each in judged]
        if run.failed == 0 or run.hung:
            break
        number += step
    return family, way, made, failed, wrong


def tasks_for(counts, options):
    for name, of_scenario in counts.items():
        for (family, way), calls in of_scenario.items():
            if calls == 0 or (scenarios()[name].heals and way != ONCE):  # those take seconds each
                continue
            share = 3 if family == "malloc" else 0.4 if family in BESIDE else 1
            most = 10 ** 9 if options.all else max(1, int(options.most * share))
            if scenarios()[name].detached:  # seconds each
                most = min(most, 40 if options.all else 1)
            step = -(-calls // most)
            # Which N: others for each scenario, the same each time.
            first = 1 + zlib.crc32(f"{name}{family}{way}".encode()) % step
            # The long ones in several parts.
            parts = min(8, 1 + calls // step // 50)
            for i in range(parts):
                yield name, family, way, first + i * step, step * parts


class LoneServer(consul_cluster.Cluster):
    """One agent, which is its own server and has the active node's name."""

    def start(self):
        self.agent = consul_cluster.Agent(self, "hq", ACTIVE, self.free_addresses(1)[0], True, None)
        self.agents.append(self.agent)
        self.agent.start()
        consul_cluster.wait_until("the agent is ready", self.agent.ready)
        consul_cluster.wait_until("its node is healthy", lambda: self.healthy_nodes(self.agent) == 1)
        for key, value in KEYS.items():
            self.agent.put_key(key, value)
        for service in {service for service, _, _ in CHECKS}:
            self.agent.api("PUT", "/v1/agent/service/register", {"Name": service, "Checks": [
                {"CheckID": check, "Name": check, "TTL": "10h", "Status": status}
                for one, check, status in CHECKS if one == service]})
        for _, check, status in CHECKS:
            self.agent.api("PUT", f"/v1/agent/check/update/{check}", {"Status": status, "Output": WHY})
        for service, _, status in CHECKS:
            consul_cluster.wait_until(f"{service} is {status}", lambda s=service, w=status: self.seen(s) == w)

    def seen(self, service):
        return self.agent.worst(service, ACTIVE)


def the_tools():
    consul, powerconsul = consul_cluster.executables()
    shim = os.environ.get("NTH_SHIM", "")
    if not os.access(shim, os.R_OK):
        sys.exit(f"NTH_SHIM must be the path of the library that shim.cpp makes, not {shim!r}")
    return consul, {"powerconsul": os.path.abspath(powerconsul), "shim": os.path.abspath(shim)}


def show(tools, folder, words):
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork"), begin_process,
                                                (folder, tools)) as pool:
        return pool.submit(show_here, *words).result()


def show_here(name, family, way, number):
    place = PLACES_OF_THIS_PROCESS.of(name)
    run = place.run(family, int(number), way)
    wrong = Judge(place, run, family, way).wrong
    print(f"{' '.join(place.argv())}\nexit {run.code}, {run.calls} calls, {run.failed} failed, first {run.first}\n"
          f"stdout: {run.out}\nstderr: {run.err}\nends: {run.ends} others: {run.others}")
    print(*(wrong or ["as it should be"]), sep="\n")
    return 1 if wrong else 0


class Wrong:
    """What must not be: the first of what is alike is told at once, at the end how many there were of each."""

    def __init__(self):
        self.groups = collections.defaultdict(list)

    def add(self, found):
        for where, number, what in found:
            group = self.groups[where, what[:50]]
            group.append(number)
            if len(group) == 1:
                print(f"WRONG: {where} {number}\n    {what[:1000]}", flush=True)

    def tell(self):
        for (where, what), numbers in sorted(self.groups.items()):
            if len(numbers) > 1:
                some = " ".join(str(each) for each in sorted(numbers)[:20])
                print(f"{len(numbers)} times: {where} {some}{' …' if len(numbers) > 20 else ''}: {what}")
        print(f"{sum(map(len, self.groups.values()))} wrong", flush=True)


def all_runs(tools, folder, options):
    chosen = re.compile(options.only)
    known = {name: each for name, each in scenarios().items()
             if any(chosen.search(f"{name} {family} {way}") for family, ways in WAYS.items() for way in ways)}
    for name, each in list(known.items()):
        if why := missing(each):
            print(f"left out: {name}: {why}")
            del known[name]
    began = time.monotonic()
    made, failed = collections.Counter(), collections.Counter()
    wrong = Wrong()
    with concurrent.futures.ProcessPoolExecutor(options.jobs, multiprocessing.get_context("fork"), begin_process,
                                                (folder, tools)) as pool:
        counts = {}
        for name, of_scenario, trouble in pool.map(count_calls, known):
            counts[name] = of_scenario
            wrong.add(trouble)
        tasks = [task for task in tasks_for(counts, options) if chosen.search(" ".join(task[:3]))]
        tasks.sort(key=lambda task: -counts[task[0]][task[1], task[2]] / task[4])
        for each in concurrent.futures.as_completed([pool.submit(fail_each, task) for task in tasks]):
            family, way, runs, failures, bad = each.result()
            made[family, way] += runs
            failed[family, way] += failures
            wrong.add(bad)
    print("runs/calls that failed:")
    for family, ways in WAYS.items():
        print(f"{family:12}" + "".join(f" {way} {made[family, way]}/{failed[family, way]}" for way in ways))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{sum(made.values())} runs of {len(known)} scenarios, {sum(failed.values())} calls failed, "
          f"{time.monotonic() - began:.0f} s ({used.ru_utime + used.ru_stime:.0f} s of processor time)"
          f"{'' if options.all else '; not every N (see --all)'}")
    wrong.tell()
    return 1 if wrong.groups or not made else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--most", type=int, default=3,
                        help="if not --all: runs of one scenario, function and way; three times as many of malloc")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--show", nargs=4)
    options = parser.parse_args()
    if os.environ.get("NTH_SANITIZED", "none") != "none":
        print("a sanitizer's malloc cannot be replaced")
        return SKIPPED
    consul, tools = the_tools()
    folder = tempfile.mkdtemp(prefix="powerconsul-nth-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    server = LoneServer(consul, tools["powerconsul"])

    def clean(*_):
        server.close()
        shutil.rmtree(folder, ignore_errors=True)

    signal.signal(signal.SIGTERM, lambda *_: (clean(), os._exit(1)))  # the others end with this process
    try:
        server.start()
        tools["address"] = server.agent.address
        with subprocess.Popen(WORK, stdin=subprocess.DEVNULL) as work:
            try:
                return show(tools, folder, options.show) if options.show else all_runs(tools, folder, options)
            finally:
                work.kill()
    finally:
        clean()


def in_a_room_of_its_own():
    """Runs this program with a process table of its own, so that it is short and nobody else changes it."""
    room = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGTERM"]
    if os.geteuid() == 0 and INSIDE not in os.environ and shutil.which("unshare") and \
            subprocess.run([*room, "true"], capture_output=True, check=False).returncode == 0:
        os.execvpe(room[0], [*room, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


if __name__ == "__main__":
    os.closerange(3, 1024)  # what was inherited
    in_a_room_of_its_own()
    sys.exit(main())
