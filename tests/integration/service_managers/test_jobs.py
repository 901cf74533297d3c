"""Runs jobs below a real systemd, in a unit like that of Debian's Consul: what they print, and what ends them.

    test_jobs.py PROBE POWERCONSUL PACKAGES with-bus|without-bus

PROBE is the program of run_job.cpp, which runs one job as triggers are run. The same table of jobs runs as root, who
gets scopes, as root where systemd's socket is out of reach, and as Debian's user. What is needed, and where everything
happens, is written in service_managers.py. Exit status 77: skipped.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from room import PROBE, mount, run, skip, wait_until, write  # noqa: E402
from service_managers import Rows, enter_systemd, run_managed, systemctl  # noqa: E402

PROGRAM = "/run/test/powerconsul"
# Debian's consul.service of 1.8.7 runs the agent with these, and leaves KillMode at control-group.
DEBIAN = """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/sh -c 'env --default-signal=INT /run/test/begin >/run/jobs/out 2>&1 & exec sleep infinity'
KillSignal=SIGINT
TimeoutStopSec=1s
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
ProtectSystem=full
ProtectKernelTunables=true
"""
WAYS = {"root": "", "root without the socket": "InaccessiblePaths=/run/systemd/private\n",
        "Debian's user": "User=consul\n"}
JOBS = pathlib.Path("/run/jobs")
# What a job leaves behind: it prints more than a pipe holds, and says that it has come through that.
DAEMON = """#!/bin/sh
echo $$ >daemon; until [ -e go ]; do sleep 0.02; done
echo late; echo later >&2; seq 30000; echo >lives; until [ -e end ]; do sleep 0.02; done
"""
BEGUN = "until [ -s daemon ]; do sleep 0.02; done; "


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def exists(name):
    return (JOBS / name).exists()


def told(name):
    return (JOBS / name).read_text(encoding="utf-8") if exists(name) else ""


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[0]
        return state not in "ZX"
    except OSError:
        return False


def scopes():
    listed = run("systemctl", "list-units", "--all", "--plain", "--no-legend", "powerconsul*").stdout.splitlines()
    return sorted(line.split()[0] for line in listed)


def group_of(pid):
    return re.search("^0::.*/(.*)$", pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii"), re.MULTILINE)[1]


class Jobs:
    """Jobs in one way, each in a folder of its own and below a unit that has just been started."""

    def __init__(self, rows, way):
        self.rows, self.way, self.scoped = rows, way, way == "root"

    def unit(self, more=""):
        write("/run/systemd/system/consul.service", DEBIAN + WAYS[self.way] + more)
        systemctl("daemon-reload")

    def begin(self, words, program=PROBE):
        """Starts the unit, which runs the program with these words."""
        systemctl("stop", "consul")
        wait_until("nothing is left", lambda: not scopes())
        shutil.rmtree(JOBS, ignore_errors=True)
        JOBS.mkdir()
        os.chmod(JOBS, 0o777)
        write(str(JOBS / "run"), DAEMON, 0o755)
        write("/run/test/begin", f"#!/bin/sh\necho $$ >/run/jobs/handler\nexec {program} {' '.join(map(quoted, words))}\n", 0o755)
        systemctl("start", "consul")

    def restart(self):
        write("/run/test/begin", "#!/bin/sh\nexit\n", 0o755)
        systemctl("restart", "consul")

    def answer(self):
        """What the probe printed, without the mark."""
        wait_until("the job has ended", lambda: len(told("out").splitlines()) > 1 and not alive(told("handler").strip()))
        return told("out").split("\n", 1)[1]

    def expected(self, end, output="", unit="powerconsul-web-1.scope"):
        why = "cannot connect to systemd: " + os.strerror(111) if self.way == "root without the socket" else "-"
        return f"{end}\n{unit if self.scoped else '-'}\n{why}\n{output}"

    def same(self, row, wanted, found):
        self.rows.same(f"{self.way}: {row}", wanted, found)

    def job(self, text, *options):
        self.begin([*options, "cd /run/jobs; " + text])

    # --- the table ---

    def ends(self):
        """How jobs end, and what is kept of their output."""
        for name, text, end, output in (
                ("a status", "echo out; echo err >&2; exit 3", "exited 3", "out\nerr\n"),
                ("a signal", "echo out; kill -9 $$", "signalled 9", "out\n"),
                ("more output than is kept", "seq 100000 | tail -c 300000 | wc -c", "exited 0", "300000\n"),
                ("home, name and shell", "echo $HOME $USER $LOGNAME $SHELL", "exited 0",
                 "/var/lib/consul consul consul /bin/sh\n" if "User=" in WAYS[self.way] else "/root root root /bin/bash\n"),
                ("script and environment", "echo $0 $GIVEN; pwd", "exited 0", "/proc/self/fd/3 value\n/run/jobs\n")):
            self.job(text)
            self.same(name, self.expected(end, output), self.answer())
        self.begin(["grep ^0: /proc/$$/cgroup"])
        wanted = "powerconsul-web-1.scope" if self.scoped else "consul.service"
        self.same("its control group", self.expected("exited 0", f"0::/system.slice/{wanted}\n"), self.answer())

    def daemons(self):
        """What a job leaves running can print for ever, and keeps nothing behind when it ends."""
        for name, text in {"in the background": "./run &", "nohup": "nohup ./run 2>/dev/null &",
                           "a session of its own": "setsid ./run &",
                           "forks twice": "(setsid sh -c './run & exit') & wait",
                           "ignores SIGTERM": "trap '' TERM; ./run &",
                           "its group is ended": "setsid ./run & " + BEGUN + "kill -TERM 0"}.items():
            self.job(text + "\n" + BEGUN)
            answer = self.answer()
            self.same(f"{name}: the job", self.expected("signalled 15" if "kill" in text else "exited 0"), answer)
            daemon = told("daemon").strip()
            self.same(f"{name}: its scope lives on", ["powerconsul-web-1.scope"] * self.scoped, scopes())
            write("/run/jobs/go", "")
            wait_until(f"{name}: the daemon prints", lambda: exists("lives") or not alive(daemon))  # pylint: disable=cell-var-from-loop
            self.same(f"{name}: it lives", True, alive(daemon))
            self.restart()
            self.same(f"{name}: and after a restart of the agent", self.scoped, alive(daemon))
            write("/run/jobs/end", "")
            wait_until(f"{name}: all of it ends", lambda: not alive(daemon) and not scopes())  # pylint: disable=cell-var-from-loop

    def killed_handler(self):
        """Whoever runs the job is killed."""
        at_ready = ("--at-ready", "cd /run/jobs; echo >ready; until [ -e kill ]; do sleep 0.02; done; kill -9 $1; sleep 9")
        self.job("echo >ran", *at_ready)
        wait_until("ready", lambda: exists("ready"))
        write("/run/jobs/kill", "")
        pid = told("out").split()[1]
        wait_until("the job is gone", lambda: not alive(pid))
        wait_until("so is its scope", lambda: not scopes())
        self.same("killed before it began", False, exists("ran"))

        whole = "./run; echo through >done"
        for name, text, rest in (("in the middle", whole, False), ("after the end", "./run & " + BEGUN, True)):
            self.job(text)
            wait_until("it has begun", lambda: exists("daemon"))
            handler = int(told("handler"))
            if rest:
                self.answer()
            else:
                os.kill(handler, signal.SIGKILL)
            wait_until("the handler is gone", lambda: not alive(handler))  # pylint: disable=cell-var-from-loop
            write("/run/jobs/go", "")
            daemon = told("daemon").strip()
            wait_until("the job prints", lambda: exists("lives") or not alive(daemon))  # pylint: disable=cell-var-from-loop
            self.same(f"killed {name}", True, exists("lives"))
            write("/run/jobs/end", "")
            wait_until("nothing is left", lambda: not scopes() and not alive(daemon))  # pylint: disable=cell-var-from-loop
            if not rest:
                wait_until("the rest runs", lambda: exists("done"))

        # Somebody else finds it by its mark and ends it.
        self.job("setsid ./run & " + BEGUN + "sleep 600")
        wait_until("it has begun", lambda: exists("daemon") and told("daemon"))
        os.kill(int(told("handler")), signal.SIGKILL)
        mark, daemon = told("out").split()[1:4], told("daemon").strip()
        self.same("it runs", "yes\n", run(PROBE, "running", *mark).stdout)
        run(PROBE, "end", *mark)
        wait_until("it has ended", lambda: run(PROBE, "running", *mark).stdout == "no\n")
        self.same("ended, with what left its group", not self.scoped, alive(daemon))
        write("/run/jobs/go", "")
        write("/run/jobs/end", "")
        wait_until("nothing is left", lambda: not scopes())

    def timeouts(self):
        limits = ("--timeout", "600", "--grace", "400")
        polite = "#!/bin/sh\ntrap 'echo >asked; exit' TERM\necho $$ >daemon; while :; do sleep 0.05; done\n"
        for name, daemon, text, asked in (
                ("waits", polite, "./run", True),
                ("ignores SIGTERM", DAEMON, "trap '' TERM; ./run", False),
                ("leaves its group", polite, "setsid ./run & sleep 600", True),
                ("leaves its group and ignores SIGTERM", DAEMON, "trap '' TERM; setsid ./run & sleep 600", False),
                ("ends itself, but not what left its group", DAEMON, "(trap '' TERM; setsid ./run) & " + BEGUN + "sleep 600", False)):
            left = "leaves" in name or "left" in name
            self.begin([*limits, f"cd /run/jobs; rm run; cat >run <<'END'\n{daemon}END\nchmod +x run\n" + text])
            answer = self.answer()
            # The shell may say that it was ended.
            self.same(f"out of time, {name}", self.expected("timed-out 0"), answer.replace("Terminated\n", ""))
            pid = told("daemon").strip()
            self.same(f"out of time, {name}: ended", not left or self.scoped, not alive(pid))
            self.same(f"out of time, {name}: asked", asked and (not left or self.scoped), exists("asked"))
            if alive(pid):
                os.kill(int(pid), signal.SIGKILL)
            wait_until("nothing is left", lambda: not scopes())

    def restarts(self):
        """The agent is restarted in the middle of a job, which may be what the job is for."""
        self.job("./run; echo through >done")
        wait_until("it has begun", lambda: exists("daemon") and told("daemon"))
        job = told("out").split()[1]
        self.restart()
        self.same("restarted in the middle: the handler lives", False, alive(told("handler").strip()))
        self.same("restarted in the middle: the job lives", self.scoped, alive(job))
        write("/run/jobs/go", "")
        write("/run/jobs/end", "")
        wait_until("it has ended", lambda: not alive(job))
        self.same("restarted in the middle: it comes to its end", self.scoped, exists("done"))
        if self.scoped:
            self.job("touch /run/jobs/begun; printf '#!/bin/sh\\nexit\\n' >/run/test/begin; systemctl restart consul; echo >done")
            wait_until("the job comes past the restart of its agent", lambda: exists("done"))
            self.same("a job that restarts the agent", True, exists("done"))


def limits(jobs):
    """A job has the limits of a service, and not those that the agent's unit was given."""
    tell = "cat /proc/self/limits; nice; cat /proc/self/oom_score_adj"
    write("/run/systemd/system/fresh.service", "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n"
          f"ExecStart=/bin/sh -c '{{ {tell}; }} >/run/fresh'\n")
    jobs.unit()
    systemctl("start", "fresh")
    wanted = pathlib.Path("/run/fresh").read_text(encoding="ascii").splitlines()
    hard = {line[:26].strip(): line[47:68].strip() for line in wanted}  # columns of a fixed width
    soft = "".join(f"Limit{key}={value}:{hard[name].replace('unlimited', 'infinity')}\n" for key, value, name in (
        ("NOFILE", 2048, "Max open files"), ("CORE", 4096, "Max core file size"), ("FSIZE", 1 << 30, "Max file size"),
        ("STACK", 1 << 20, "Max stack size"), ("MEMLOCK", 1 << 16, "Max locked memory"), ("AS", 1 << 33, "Max address space"),
        ("NPROC", 1000, "Max processes"), ("SIGPENDING", 1000, "Max pending signals")))
    if b"__asan_init" in pathlib.Path(PROBE).read_bytes():  # it reserves more address space than any limit leaves
        soft = re.sub(r"LimitAS=.*\n", "", soft)
    ways = {"soft": soft + "Nice=5\nOOMScoreAdjust=-500\n"}
    effective = re.search(r"^CapEff:\s(\w+)", pathlib.Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)[1]
    if int(effective, 16) >> 24 & 1:  # CAP_SYS_RESOURCE, which a container's root may lack
        ways["hard"] = "LimitNOFILE=65536\nLimitNPROC=1000\nLimitCORE=0\nLimitFSIZE=1G\nLimitSTACK=1M\nLimitRTPRIO=5\n"
    else:
        print("skipped: nobody may raise a limit here", flush=True)
    for way, lines in ways.items():
        jobs.unit(lines)
        jobs.begin(["--name", "", tell])
        jobs.same(f"{way} limits, nice value and oom_score_adj", ["exited 0", "-", "-", *wanted], jobs.answer().splitlines())
    jobs.unit()


def names(jobs):
    """Units' names, whatever the service is called."""
    for name, unit in {"web-1": "web-1", "a b": "a\\x20b", "u@1/\u00e9": "u\\x401\\x2f\\xc3\\xa9", "-": "-", "%n\n": "\\x25n\\x0a",
                       "x" * 400: "x" * 188}.items():
        jobs.job("exit 0", "--name", name)
        jobs.same(f"named {name[:20]!r}", jobs.expected("exited 0", unit=f"powerconsul-{unit}.scope"), jobs.answer())
    jobs.job("exit 0", "--name", "")
    jobs.same("without a name", jobs.expected("exited 0", unit="-"), jobs.answer())
    # A daemon lives on in the scope of an earlier attempt with the same name.
    jobs.job(f"./run & {BEGUN} cd /; {PROBE} 'exit 5'; {PROBE} 'exit 6'")
    units = re.findall(r"^powerconsul.*", jobs.answer(), re.MULTILINE)
    jobs.same("the name is taken", ["powerconsul-web-1.scope"] + ["powerconsul-web-1-N.scope"] * 2,
              [re.sub(r"-1-\d+\.", "-1-N.", each) for each in units])
    write("/run/jobs/go", "")
    write("/run/jobs/end", "")


def worker(jobs):
    """The worker of a detached watch leaves the agent's unit, too."""
    store = '{"agent": {"node": "n1", "datacenter": "hq"}, "datacenters": {"hq": {"kv": ' \
            '{"triggers/production/web/standalone/critical": "exit 1"}, "services": ' \
            '[{"service": "web", "node": "n1", "checks": {"web-role": "critical"}}]}}}'
    write("/run/store.json", store)
    write("/run/powerconsul.conf", "{}")
    jobs.begin(["--config", "/run/powerconsul.conf", "--store", "/run/store.json", "--environment", "production", "--node", "n1",
                "--state-dir", "/run/jobs/state", "--log", "/run/jobs/log", "watch", "critical", "--from-agent", "--detach"],
               PROGRAM)
    wait_until("the trigger has run", lambda: exists("log") and '"trigger ended"' in told("log"))

    def workers():
        return [int(each.name) for each in pathlib.Path("/proc").glob("[0-9]*") if named(each) == "powerconsul" and alive(each.name)]

    wait_until("one is left", lambda: len(workers()) == 1)
    [pid] = workers()
    jobs.same("the worker's control group", "powerconsul.worker.scope", group_of(pid))
    jobs.restart()
    jobs.same("the worker lives on after a restart of the agent", True, alive(pid))
    os.kill(pid, signal.SIGKILL)
    wait_until("nothing is left", lambda: not scopes())


def named(process):
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def mute_manager(jobs):
    """The manager does not answer: the job runs all the same."""
    os.rename("/run/systemd/private", "/run/systemd/private.real")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind("/run/systemd/private")
        mute.listen(64)
        began = time.monotonic()
        done = run(PROBE, "echo ran").stdout.split("\n", 1)[1]
        jobs.same("a manager that does not answer", ("exited 0\n-\nsystemd did not answer in time\nran\n", True),
                  (done, time.monotonic() - began < 20))
    os.remove("/run/systemd/private")
    os.rename("/run/systemd/private.real", "/run/systemd/private")


def drive(program):
    wait_until("systemd answers", lambda: run("systemctl", "is-active", "basic.target", check=False).returncode == 0)
    write("/run/passwd", pathlib.Path("/etc/passwd").read_text(encoding="utf-8") + "consul:x:54321:54321::/var/lib/consul:/bin/false\n")
    mount("--bind", "/run/passwd", "/etc/passwd")
    pathlib.Path(PROGRAM).write_bytes(program)
    os.chmod(PROGRAM, 0o755)
    rows = Rows("systemd")
    for way in WAYS:
        jobs = Jobs(rows, way)
        jobs.unit()
        jobs.ends()
        jobs.daemons()
        jobs.killed_handler()
        jobs.timeouts()
        jobs.restarts()
        if jobs.scoped:
            limits(jobs)
            names(jobs)
            worker(jobs)
            mute_manager(jobs)
    return rows


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--inside":
        content = pathlib.Path(sys.argv[5]).read_bytes()
        enter_systemd(sys.argv[3], int(sys.argv[6]), lambda: drive(content))
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    if sys.argv[4] != "with-bus":
        skip("built without systemd's bus")
    sys.exit(run_managed(__file__, "systemd", sys.argv[1], sys.argv[3], os.path.abspath(sys.argv[2])))
