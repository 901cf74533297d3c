"""A machine of the cluster: a local service that is a real process, and powerconsul in Consul's own configuration.

Consul calls powerconsul by /usr/bin/env, because an agent's checks and handlers have the agent's environment, and
several agents run on this one host.
"""
import datetime
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from consul_cluster import wait_until

INIT = """#!/bin/sh
# A service that only sleeps, in a process and a session of its own as a daemon does.
pidfile={folder}/{local}.pid
alive() {{ [ -s "$pidfile" ] && grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$(cat "$pidfile")/status"; }}
case $1 in
start)
    [ -e "{program}" ] || {{ echo "{local} is not installed"; exit 5; }}
    alive || {{ setsid "{program}" 600 </dev/null >/dev/null 2>&1 & echo $! >"$pidfile"; }}
    echo "{local} is started" ;;
stop)
    if alive; then kill "$(cat "$pidfile")"; fi
    rm -f "$pidfile"
    echo "{local} is stopped" ;;
status) if alive; then echo "it is running"; else echo "it is not running"; exit 3; fi ;;
esac
"""


def is_alive(pid):
    """A zombie, which only waits for somebody to learn of its end, is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def incidents(argv):
    """What powerconsul itself tells, the oldest first, each with its attempts. A journal that was damaged is an error."""
    argv = [*argv, "incidents", "--json", "--verbose"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError(f"{argv} exits {done.returncode}: {done.stdout}{done.stderr}")
    told = json.loads(done.stdout)
    if told["notes"]:
        raise AssertionError(f"the journal has trouble: {told['notes']}")
    found = told["incidents"][::-1]
    if [each["since"] for each in found] != sorted(each["since"] for each in found):
        raise AssertionError(f"the newest is not the first: {found}")
    if done.returncode != any(each["open"] and each["given_up"] for each in found):
        raise AssertionError(f"{argv} exits {done.returncode}: {found}")
    return found


class Machine:
    def __init__(self, cluster, agent, local="apache2", **settings):
        self.cluster, self.agent, self.local, self.name = cluster, agent, local, agent.node
        self.folder = cluster.folder / "machines" / agent.node
        self.init, self.state, self.log = (self.folder / each for each in ("init.d", "state", "log"))
        self.init.mkdir(parents=True, exist_ok=True)
        self.program = self.folder / local
        self.install()
        script = self.init / local
        script.write_text(INIT.format(folder=self.folder, local=local, program=self.program))
        script.chmod(0o755)
        self.config = self.folder / "powerconsul.conf"
        self.configure(**settings)

    def configure(self, **settings):
        """Writes powerconsul's configuration; a setting of None is left out."""
        settings = {
            "node": self.name, "environment": "production", "serverRole": "web", "stateDir": str(self.state),
            "consul": {"httpAddr": self.agent.address}, "serviceManager": "sysv", "initDirectory": str(self.init),
            "subVars": {"INIT": str(self.init)},
            "log": str(self.log), "logFormat": "json", "stopFile": str(self.folder / "stop"),
            # What a standby waits for is the subject of test_events.py.
            "takeoverAfter": "0s", "giveBackAfter": "0s", "absentAfter": "0s",
            "trigger": {"settle": "1s"}, **settings}
        self.config.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))

    # The local service.

    def install(self):
        self.program.symlink_to("/bin/sleep")

    def uninstall(self):
        self.program.unlink()

    def service(self, verb):
        """What an operator types: start, stop or status."""
        return subprocess.run([self.init / self.local, verb], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False)

    def pid(self):
        """The service's process, None if there is none."""
        try:
            pid = int((self.folder / f"{self.local}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def kill(self):
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(f"process {pid} is gone", lambda: not is_alive(pid))
        return pid

    # Powerconsul.

    def argv(self, *words):
        return ["/usr/bin/env", f"POWERCONSUL_CONFIG={self.config}", self.cluster.powerconsul, *words]

    def watch(self, service="web", before=(), after=("--detach",), **check):
        """Writes Consul's configuration: the service with its check, and the watches of both states. `before` are words
        of a command that runs the handler, `after` its options."""
        words = ("check", "service", "-s", self.local, "-S", service)
        check = {"id": f"{service}-role", "name": f"{service} is as its role demands", "args": self.argv(*words),
                 "interval": "1s", "timeout": "9s", **check}
        watches = [{"type": "checks", "state": state, "args": [*before, *self.argv("watch", state, *after)]}
                   for state in ("critical", "warning")]
        (self.agent.config / f"{service}.json").write_text(json.dumps(
            {"services": [{"name": service, "port": 80, "checks": [check]}], "watches": watches}))
        self.agent.api("PUT", "/v1/agent/reload")

    def incidents(self):
        return incidents(self.argv())

    def status(self, service="web"):
        """The check's, as the agent has it."""
        return self.agent.api("GET", "/v1/agent/checks")[f"{service}-role"]["Status"]


def end_processes_below(folder, deadline=10):
    """Handlers and triggers outlive their agent. They are known by the folder, which is nobody else's."""
    name, end = os.fsencode(str(folder)), time.monotonic() + deadline
    while time.monotonic() < end:
        left = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if name in words and int(process.name) != os.getpid():
                left.append(int(process.name))
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.02)
    raise AssertionError(f"processes of {folder} do not end: {left}")


class Story:
    """What happens, when, and by whose hand: Consul's, powerconsul's as its logs tell, or the test's."""

    FIELDS = ("check", "attempt", "role", "key", "outcome", "status", "duration_ms", "why", "error", "attempts")

    def __init__(self, machines):
        self.machines, self.began = machines, time.time()
        self.told, self.seen, self.lock, self.over = [], {}, threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def say(self, who, what, at=None):
        with self.lock:
            self.told.append((at or time.time(), who, what))

    def end(self):
        self.over.set()
        self.thread.join()
        for machine in self.machines:
            self.look(machine)

    def text(self):
        with self.lock:
            return "".join(f"{at - self.began:8.2f} s  {who:<13} {what}\n" for at, who, what in sorted(self.told))

    def follow(self):
        while not self.over.wait(0.03):
            for machine in self.machines:
                self.look(machine)

    def look(self, machine):
        pid = machine.pid()
        self.news(machine, "process", pid, machine.local, f"runs as process {pid}" if pid else "does not run")
        try:
            for check in machine.agent.api("GET", "/v1/agent/checks").values():
                reason = check["Output"]
                try:
                    reason = json.loads(reason)["reason"]
                except (ValueError, KeyError):
                    pass
                self.news(machine, check["CheckID"], check["Status"], "Consul",
                          f"{check['CheckID']} is {check['Status']}" + (f": {reason}" if reason else ""))
        except (OSError, http.client.HTTPException, AssertionError, ValueError):
            pass  # it is down, or comes up
        try:
            lines = machine.log.read_text().splitlines()
        except OSError:
            return
        for line in lines[self.seen.get((machine.name, "log"), 0):]:
            event = json.loads(line)
            fields = " ".join(f"{name}={event[name]}" for name in self.FIELDS if name in event)
            when = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
            self.say("powerconsul", f"{machine.name}  {event['event']} {fields}", when)
        self.seen[(machine.name, "log")] = len(lines)

    def news(self, machine, what, value, who, text):
        if self.seen.get((machine.name, what)) != value:
            self.say(who, f"{machine.name}  {text}")
        self.seen[(machine.name, what)] = value
