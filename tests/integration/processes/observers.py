"""Checks that look for a command line must not find themselves: many ways to start them, against the real check_procs.

    observers.py POWERCONSUL ACTOR

POWERCONSUL is the executable, ACTOR the program of actor.cpp. Each row is one wrapper around a check, with one way to
say what is looked for, once while a process with these words runs and once while none does. More rows: other checks at
the same time, Consul's agent as the parent, kernel threads, users, and as root processes in a pid namespace.
Needs from Debian: monitoring-plugins-basic (check_procs), procps (its ps), util-linux (script, unshare, setpriv).
"""
import contextlib
import json
import os
import pathlib
import pwd
import random
import re
import shlex
import shutil
import string
import subprocess
import sys
import tempfile
import time

CHECK_PROCS = "/usr/lib/nagios/plugins/check_procs"
DEADLINE = 60  # seconds, for anything that has to happen
SEEN = {"passing": "running", "warning": "degraded", "critical": "stopped", "unknown": "unknown"}
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
# {x} are the words that are looked for.
PLUGIN = ["-c 1: -a {x}", "-c 1: --argument-array={x}", "-c 1: --arg {x}", "-c 1: --ereg-argument-array {x}",
          "-c 1: --ereg=^.*{x}", "-c 1:1 -a {x}", "-w 1: -c 1: -a {x} -u {user}", "1: 1: -a {x}", "-k -c 1: -a {x}",
          "-m VSZ -c 1: -a {x}"]
OWN = [["--cmdline", "{x}"], ["--cmdline", "{x}", "--count", "1:1"], ["--cmdline", "{x}", "--user", "{user}"],
       ["--name", "no-{x}", "-R", "{name} +[0-9]+ .*{x}"]]


class Row:
    """What one check saw."""
    failed = compared = 0

    @classmethod
    def expect(cls, what, words, expected, said="", **how):
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=DEADLINE,
                              check=False, **how)
        cls.compared += 1
        try:
            line = json.loads(done.stdout)
            seen = SEEN[line["state"]]
        except (ValueError, KeyError):
            line, seen = {"reason": done.stdout + done.stderr}, "no answer"
        if seen != expected or said not in line["reason"]:
            cls.failed += 1
            print(f"NOT OK: {what}: {seen}, expected {expected} {said!r}: {line['reason']}")


class Place:
    """A directory with the executable, readable by everybody, and the processes of the test."""

    def __init__(self, powerconsul, actor):
        self.path = pathlib.Path(tempfile.mkdtemp())
        self.path.chmod(0o755)
        self.tool = shutil.copy(powerconsul, self.path / "powerconsul")
        beside = pathlib.Path(powerconsul).with_name("powerconsul-dynamic")
        if beside.exists():
            shutil.copy(beside, self.path)
        self.actor = shutil.copy(actor, self.path / "actor")
        (self.path / "store.json").write_text("{}")
        self.script("wrapper", f'{self.tool} check process -n "$1" {shlex.join(self.options())}\nexit $?\n')
        self.script("pattern", f'{self.tool} check process -n "-c 1: -a $1" {shlex.join(self.options())}\nexit $?\n')
        self.script("agent", 'sh -c "$CALL"\nexit $?\n')
        self.script("slow", "sleep 600\nexit\n")
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.started:
            each.kill()
            each.wait()
            each.stdout.close()
        shutil.rmtree(self.path)

    def script(self, name, text):
        (self.path / name).write_text("#!/bin/sh\n" + text)
        (self.path / name).chmod(0o755)

    def options(self):
        return ["-S", "web", "--store", f"{self.path}/store.json", "--state-dir", f"{self.path}/state", "--node", "n",
                "--timeout", "30s"]

    def check(self, *words):
        return [str(self.tool), "check", "process", *words, *self.options()]

    def start(self, words, up=None, **how):
        one = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, **how)
        self.started.append(one)
        if up is not None and one.stdout.read(len(up)) != up:
            raise RuntimeError(f"{words} did not come up")
        return one

    def work(self, *words, before=()):
        return self.start([*before, str(self.actor), *words], b".", env={"PATH": os.environ["PATH"]})

    def end(self, one):
        one.kill()
        one.wait()


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {DEADLINE} s in vain: {what}")
        time.sleep(0.01)


def new_words():
    """What no other process on the machine has in its command line."""
    return "q" + "".join(random.SystemRandom().choices(string.ascii_lowercase, k=10))


def filled(words, x):
    return [each.format(x=x, user=os.geteuid(), name=pwd.getpwuid(os.geteuid()).pw_name) for each in words]


def wrappers(place):
    """Each makes of a check's words those that start it."""
    return {
        "nothing": lambda check: check,
        "timeout": lambda check: ["timeout", "60", *check],
        "sh -c": lambda check: ["sh", "-c", shlex.join(check) + "; exit $?"],
        "sh -c with arguments": lambda check: ["sh", "-c", '"$@"; exit $?', "sh", *check],
        "a pipe": lambda check: ["sh", "-c", shlex.join(check) + " | cat"],
        "sh in sh in timeout": lambda check: ["timeout", "60", "sh", "-c",
                                              shlex.join(["sh", "-c", shlex.join(check) + "; exit $?"]) + "; exit $?"],
        "script": lambda check: ["script", "-qec", shlex.join(check), "/dev/null"],
        "flock": lambda check: ["flock", str(place.path / "store.json"), *check],
        "xargs": lambda check: ["xargs", "-a", "/dev/null", *check],
        "setsid": lambda check: ["setsid", "--wait", *check],
        "python": lambda check: [sys.executable, "-c", "import subprocess,sys;sys.exit(subprocess.call(sys.argv[1:]))",
                                 *check],
        "perl": lambda check: ["perl", "-e", "exit(system(@ARGV) >> 8)", *check],
        **({"runuser": lambda check: ["runuser", "-u", "root", "--", *check],
            "su": lambda check: ["su", "-s", "/bin/sh", "-c", shlex.join(check), "root"]} if os.geteuid() == 0 else {}),
    }


def pairs(place):
    """Every wrapper with every way to say what is looked for."""
    for name, wrap in wrappers(place).items():
        for words in [["-n", each] for each in PLUGIN] + OWN:
            for runs in (False, True):
                x = new_words()
                work = place.work("run", x) if runs else None
                metric = "-m" in words[1]
                # Compared with a range for something else than the number, none is well, too: it proves nothing.
                none = "unknown" if metric else "stopped"
                Row.expect(f"{name}, {words}, {'one runs' if runs else 'none runs'}",
                           wrap(place.check(*filled(words, x))), "running" if runs else none)
                if work:
                    place.end(work)


def scripts(place):
    """A wrapper whose own command line does not say that it is for a check."""
    for runs in (False, True):
        x = new_words()
        work = place.work("run", x) if runs else None
        Row.expect("a script that gets the plugin's arguments", [place.path / "wrapper", f"-c 1: -a {x}"],
                   "running" if runs else "stopped")
        Row.expect("a script that gets the words", [place.path / "pattern", x], "running" if runs else "unknown",
                   "" if runs else "since it has started a check")
        if work:
            place.end(work)


def beside(place):
    """Another check with the same words runs meanwhile."""
    def held(x):
        return place.check("-n", f"-c 1: -a {x}", "--plugin", str(place.path / "slow"))

    others = {
        "a check": lambda x: held(x),
        "a check below sh": lambda x: ["sh", "-c", shlex.join(held(x)) + "; exit $?"],
        "a check below timeout": lambda x: ["timeout", "60", *held(x)],
        "a check below a script": lambda x: ["sh", "-c", '"$@"; exit $?', x, *held(x)],
        "a shell that will check": lambda x: ["sh", "-c", f"sleep 600; {shlex.join(held(x))}"],
        "a shell that will call check_procs": lambda x: ["sh", "-c", f"sleep 600; {CHECK_PROCS} -c 1: -a {x}"],
    }
    for name, other in others.items():
        for words in [["-n", "-c 1: -a {x}"], ["-n", "-c 1: --ereg-argument-array {x}"], ["-n", "-c 1:1 -a {x}"], *OWN]:
            for runs in (False, True):
                x = new_words()
                work = place.work("run", x) if runs else None
                first = place.start(other(x))
                wanted = "sleep" if "shell" in name else "slow"
                wait_until("the other check is there", lambda: any_below(first.pid, wanted))
                Row.expect(f"beside {name}, {words}, {'one runs' if runs else 'none runs'}",
                           place.check(*filled(words, x)), "running" if runs else "stopped")
                for pid in [*below(first.pid)]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, 9)
                place.end(first)
                if work:
                    place.end(work)


def below(pid):
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from below(child)
        yield int(child)


def any_below(pid, words):
    try:
        return any(words in pathlib.Path(f"/proc/{each}/cmdline").read_text() for each in below(pid))
    except OSError:
        return False


def agent(place):
    """Consul's agent starts checks and is a service itself."""
    for words in [["-n", "-c 1:1 -a {x}"], ["--cmdline", "{x}", "--count", "1:1"]]:
        x = new_words()
        check = place.check(*filled(words, x))
        for name, expected, said in (("consul", "running", ""), ("monitor", "unknown", "started a check")):
            Row.expect(f"started by {name} agent, {words}", [name, "agent", x], expected, said,
                       executable="/bin/sh", cwd=place.path, env={**os.environ, "CALL": shlex.join(check)})


def kernel(place):
    """A kernel thread has a name and no command line."""
    if not pathlib.Path("/proc/2/comm").exists() or pathlib.Path("/proc/2/comm").read_text() != "kthreadd\n":
        print("kernel threads cannot be seen here: left out")
        return
    Row.expect("a kernel thread by name", place.check("--name", "kthreadd"), "running")
    Row.expect("a kernel thread by check_procs", place.check("-n", "-c 1: -C kthreadd"), "running")
    Row.expect("a kernel thread by command line", place.check("--cmdline", "kthreadd"), "stopped")
    Row.expect("a kernel thread as work", place.check("--name", new_words(), "-P", "kthreadd"), "stopped")
    Row.expect("a kernel thread as work, by expression", place.check("--name", new_words(), "-R", "root.*kthread"),
               "stopped")
    work = place.work("[kworker/0:1]" + new_words())
    Row.expect("a program named like one", place.check("--cmdline", "actor .kworker/0:1"), "running")
    place.end(work)


def ended(place):
    """A process that has ended runs no more, even if nobody collects it."""
    name = new_words()
    environment = {"PATH": os.environ["PATH"], "ACTOR_NAME": name, "ACTOR_END": "exit"}
    one = place.start([str(place.actor)], b".", env=environment)
    wait_until("it has ended", lambda: ") Z " in pathlib.Path(f"/proc/{one.pid}/stat").read_text())
    Row.expect("a zombie, by check_procs", place.check("-n", f"-c 1: -C {name}"), "degraded", "nobody has collected")
    Row.expect("a zombie, by name", place.check("--name", name), "degraded", "nobody collected")
    environment["ACTOR_END"] = ""
    place.end(place.start([str(place.actor)], b".", env=environment))
    work = place.start([str(place.actor)], b".", env=environment)
    Row.expect("beside one that runs, by check_procs", place.check("-n", f"-c 1: -C {name}"), "running")
    Row.expect("beside one that runs, of two", place.check("-n", f"-c 2: -C {name}"), "degraded", "nobody has collected")
    place.end(work)


def users(place):
    """--work-user limits -P and -R."""
    x, nothing = new_words(), new_words()
    place.work("run", x, before=NOBODY if os.geteuid() == 0 else ())
    own = "nobody" if os.geteuid() == 0 else str(os.geteuid())
    for words in (["-P", x], ["-R", x + "$"]):
        look = place.check("--name", nothing, *words)
        Row.expect("anybody's work", look, "running")
        Row.expect("that user's work", [*look, "--work-user", own], "running")
        Row.expect("another user's work", [*look, "--work-user", "daemon"], "stopped")
        Row.expect("nobody's work", [*look, "--work-user", "no-such-user"], "unknown", "there is no user")
        Row.expect("work of a number", [*look, "--work-user", "4294967294"], "stopped")


def ps_aux(place):
    """-R and -P see a process as the real `ps aux` prints it, but for the columns that would have to be measured."""
    users = [()]
    if os.geteuid() == 0:
        # A long name, and numbers that have none.
        users += [("setpriv", "--reuid", each, "--clear-groups") for each in ("www-data", "54321", "1234567890")]
        users += [("setpriv", "--reuid", str(each.pw_uid), "--clear-groups")
                  for each in pwd.getpwall() if len(each.pw_name) > 8][:1]
    for before in users:
        x = new_words()
        work = place.work("run", x, before=before)
        printed = subprocess.run(["ps", "aux"], capture_output=True, text=True, check=True).stdout.splitlines()
        line, = [each for each in printed if each.endswith(f"{place.actor} run {x}")]
        user_and_pid = re.match(r"\S+ +\d+ ", line).group()
        shape = re.escape(user_and_pid) + r" *[\d.]+ +[\d.]+ +\d+ +\d+ +\S+ +\S+ +\S+ +\d+:\d\d " + re.escape(
            f"{place.actor} run {x}") + "$"
        if re.match(shape, line) is None:
            raise RuntimeError(f"ps aux prints another line: {line}")
        nothing = place.check("--name", new_words())
        Row.expect(f"the line of ps aux, {before}", [*nothing, "-R", shape], "running")
        Row.expect(f"its pid, {before}", [*nothing, "-R", re.escape(user_and_pid).rstrip("\\ ") + " .*run"], "running")
        Row.expect(f"another pid, {before}", [*nothing, "-R", re.escape(user_and_pid).rstrip("\\ ") + "0 .*run"], "stopped")
        Row.expect(f"the end of the line, {before}", [*nothing, "-P", f":00 {place.actor} run {x}"], "running")
        place.end(work)


def containers(place):
    """Processes in a pid namespace of their own."""
    room = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0 or subprocess.run([*room, "true"], capture_output=True, check=False).returncode != 0:
        print("not root, or this machine refuses namespaces: containers are left out")
        return
    x = new_words()
    inside = place.work("run", x, before=[*room, "sh", "-c", '"$@"; exit $?', "sh"])
    only_there = "no process is there but in a container"
    note = "runs in containers"
    for who in ([], NOBODY):
        asked = f", asked by {'nobody' if who else 'root'}"
        # The shell that unshare runs has the words, too, and unshare itself is outside: by name there is only one.
        by_name = place.check("--name", "actor", "--cmdline", x)
        Row.expect("a container's" + asked, [*who, *by_name], "stopped", only_there)
        Row.expect("a container's, wanted" + asked, [*who, *by_name, "--containers"], "running")
        Row.expect("a container's, by check_procs" + asked,
                   [*who, *place.check("-n", f"-c 1:1 -C actor -a {x}")], "running", note)
        Row.expect("a container's, wanted, by check_procs" + asked,
                   [*who, *place.check("-n", f"-c 1:1 -C actor -a {x}", "--containers")], "running")
        nothing = place.check("--name", new_words(), "-R", f"^{place.actor} run {x}$")
        Row.expect("a container's work" + asked, [*who, *nothing], "stopped")
        Row.expect("a container's work, wanted" + asked, [*who, *nothing, "--containers"], "running")
    beside_it = place.work("run", x)
    Row.expect("one inside, one outside", place.check("--name", "actor", "--cmdline", x, "--count", "1:1"), "running")
    Row.expect("one inside, one outside, by check_procs", place.check("-n", f"-c 2:2 -C actor -a {x}"), "running")
    place.end(beside_it)
    place.end(inside)


def main(powerconsul, actor):
    if not os.access(CHECK_PROCS, os.X_OK):
        print(f"NOT OK: {CHECK_PROCS} is not there, install Debian's monitoring-plugins-basic (tools/setup.sh)")
        return 1
    os.environ["HOME"] = "/nonexistent"  # where no user has a configuration
    with Place(powerconsul, actor) as place:
        for part in (pairs, scripts, beside, agent, kernel, ended, users, ps_aux, containers):
            before = Row.compared, Row.failed
            part(place)
            print(f"{part.__name__}: {Row.compared - before[0]} rows, {Row.failed - before[1]} failed", flush=True)
    return 1 if Row.failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))
