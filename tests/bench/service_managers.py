"""Measures `powerconsul check service` against what asks the service manager directly, as medians of one run.

    service_managers.py [--runs N] [--packages FOLDER] [--floor PROGRAM] [--before POWERCONSUL] POWERCONSUL [systemd|sysv]...

Prints rows `name<TAB>median ms`, the commands of one manager taking turns, so that the machine's moods reach all alike.
POWERCONSUL is the executable. $CONSUL, or the PATH's, is started as a development agent for it: a check reads the
role's document from it, and `role` is the same without the look at the service. PROGRAM, if given (floor), is measured
beside them with the agent's address and the document's path as its arguments, and so is an older powerconsul (before).
FOLDER keeps unpacked Debian packages.
Needs what tests/integration/service_managers/service_managers.py needs, and everything happens in namespaces too.
Exit status 77: skipped.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration" / "service_managers"))
from service_managers import (PATH, PROBE, enter_room, enter_systemd, probes, run, run_managed, service,  # noqa: E402
                              state_of, systemctl, wait_until)

DOCUMENT = '{"active_nodes": ["here"], "standby_nodes": ["there"]}'


class Measured:
    """What `finish` looks at: it wants to know whether anything was done."""

    def __init__(self, count):
        self.count, self.failed = count, 0


def take(words, quiet):
    """Runs a command and gives its milliseconds. Cheaper than subprocess, whose own time would count too. In a session of
    its own, as powerconsul runs an init script: each session may be scheduled as a group of its own (autogroup)."""
    start = time.perf_counter()
    pid = os.posix_spawnp(words[0], words, {"PATH": PATH, "TERM": "dumb", "LANG": "C"}, file_actions=quiet,
                          setsid=True)
    _, status = os.waitpid(pid, 0)
    taken = (time.perf_counter() - start) * 1000
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(words)} exits {os.waitstatus_to_exitcode(status)}")
    return taken


def measure(prefix, commands, runs):
    """Interleaved, each round beginning with another command."""
    null = os.open("/dev/null", os.O_RDWR)
    quiet = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    names, times = list(commands), {name: [] for name in commands}
    for name in names:
        for _ in range(3):
            take(commands[name], quiet)
    for i in range(runs):
        for name in names[i % len(names):] + names[:i % len(names)]:
            times[name].append(take(commands[name], quiet))
    for name in names:
        print(f"{prefix}: {name}\t{statistics.median(times[name]):.3f}", flush=True)
    return Measured(len(names))


class Held:
    """A program that can be started after its file's folder was mounted over, as a room does with /tmp and /run."""

    def __init__(self, path):
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else None

    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.number}"


@contextlib.contextmanager
def agent(consul):
    """A development agent on a loopback address of its own, with the document; gives the address of its HTTP API."""
    host = "127." + ".".join(str(1 + byte % 254) for byte in os.urandom(3))
    address = f"{host}:8500"
    words = [consul, "agent", "-dev", "-node=here", f"-bind={host}", f"-client={host}", "-dns-port=-1", "-grpc-port=-1"]
    with subprocess.Popen(words, env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        put = [consul, "kv", "put", f"-http-addr={address}", "cluster/bench/web", DOCUMENT]
        try:
            wait_until("Consul takes a document", lambda: run(*put, check=False).returncode == 0)
            yield address
        finally:
            process.kill()


def drive(manager, runs, consul, floor, before):
    with agent(consul.path()) as address:
        call = ["--http-addr", address, "--node", "here", "--environment", "bench", "--state-dir", "/tmp/state",
                "-S", "web"]
        commands = {"role -S": [PROBE, "role", *call]}
        if floor.number is not None:
            commands["floor"] = [floor.path(), address, "/v1/kv/cluster/bench/web"]
        checks = {"check service": PROBE}
        if before:
            checks["check service before"] = before
        if manager == "systemd":
            wait_until("systemd answers", lambda: run("systemctl", "is-active", "basic.target",
                                                      check=False).returncode == 0)
            systemctl("start", "running")
            wait_until("the unit runs", lambda: state_of("running") == ["active", "running"])
            return measure(manager, {
                **{name: [program, "check", "service", "-s", "running", "--service-manager", manager, *call]
                   for name, program in checks.items()},
                "systemctl is-active": ["systemctl", "is-active", "running"],
                "systemctl show": ["systemctl", "show", "--property=LoadState,ActiveState,SubState", "running"],
                **commands}, runs)
        service("cron", "start")
        wait_until("cron writes its number", lambda: pathlib.Path("/run/crond.pid").exists())
        return measure(manager, {
            **{name: [program, "check", "service", "-s", "cron", "--service-manager", manager, *call]
               for name, program in checks.items()},
            "/etc/init.d/cron status": ["/etc/init.d/cron", "status"],
            "service cron status": ["service", "cron", "status"],
            **commands}, runs)


def inside(manager, probe, packages, runs, consul, floor, before, report):
    held = [Held(path) for path in (consul, floor)]
    folder = pathlib.Path("/run/test/before")
    older = {folder / pathlib.Path(path).name: content for path, content in (probes(before) if before else {}).items()}

    def measured():
        for path, content in older.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755)
        return drive(manager, int(runs), *held, next(map(str, older), ""))

    if manager == "systemd":
        enter_systemd(probe, int(report), measured)
    else:
        enter_room(manager, probe, packages, int(report), measured)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2].strip())
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--packages", default="build/bench/packages")
    parser.add_argument("--floor", default="")
    parser.add_argument("--before", default="")
    parser.add_argument("powerconsul")
    parser.add_argument("managers", nargs="*", default=["systemd", "sysv"])
    asked = parser.parse_args()
    consul = os.environ.get("CONSUL") or shutil.which("consul")
    if not consul:
        sys.exit("service_managers.py: CONSUL names no consul; tools/consul.sh gets one")
    programs = [os.path.abspath(path) if path else "" for path in (consul, asked.floor, asked.before)]
    return max(run_managed(__file__, manager, asked.powerconsul, asked.packages, str(asked.runs), *programs)
               for manager in asked.managers)


if __name__ == "__main__":
    if len(sys.argv) == 10 and sys.argv[1] == "--inside":
        inside(*sys.argv[2:])
    sys.exit(main())
