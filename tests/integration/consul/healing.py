"""What test_healing.py is told with: nodes whose agents run checks and handlers, services of all habits, and what a
user sees of them.

Everything that powerconsul says of incidents is read by `Told`, and trigger values are written by `trigger_value`: the
names of members stand there alone.
"""
import contextlib
import datetime
import http.client
import itertools
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse

from altering_proxy import Answer, Proxy
from consul_cluster import COMMON_HCL, Agent, Cluster, wait_until
from machine import end_processes_below, is_alive

LISTING = ("incidents", "--json", "--verbose")
SLACK = 12  # seconds, for what follows from another at once, on a busy machine
HEALED, OVER, GONE, LEFT = "healed", "over", "gone", "left"
# Many agents on one busy machine must not take each other for dead. Services and checks are registered with the API, so
# that no reload calls all handlers again.
OWN_HCL = """
enable_script_checks = true
gossip_lan { probe_interval = "500ms" probe_timeout = "400ms" gossip_interval = "100ms" suspicion_mult = 3 }
"""
DEFAULT_INTERVAL_HCL = COMMON_HCL.replace('check_update_interval = "0s"\n', "")

INIT = """#!/bin/sh
# A service in a process and a session of its own, as a daemon is. It takes {here}.delay seconds to start, and ends
# {here}.lives seconds later; while there is {here}.broken it does not start at all.
here={here}
began() {{ sed 's/.*) //' "/proc/$(cat $here.pid)/stat" 2>/dev/null | cut -d' ' -f1,20; }}
# Another process may have got its number meanwhile: both its state and when it began are looked at.
alive() {{
    [ -s $here.pid ] && [ -s $here.began ] || return 1
    set -- $(began)
    [ "$1" != Z ] && [ "$2" = "$(cat $here.began)" ]
}}
start() {{
    [ ! -e $here.broken ] || {{ echo "{name} is broken"; exit 5; }}
    alive && return
    rm -f $here.up
    setsid /bin/sh $here.run </dev/null >/dev/null 2>&1 &
    echo $! >$here.pid
    set -- $(began)
    echo "$2" >$here.began
}}
stop() {{ if alive; then kill "$(cat $here.pid)"; fi; rm -f $here.pid $here.up; }}
case $1 in
start) start; echo "{name} is started" ;;
stop) stop; echo "{name} is stopped" ;;
restart) stop; start; echo "{name} is restarted" ;;
status) if alive && [ -e $here.up ]; then echo "it is running"; else echo "it is not running"; exit 3; fi ;;
esac
"""
RUN = """[ ! -e {here}.delay ] || {here}.program "$(cat {here}.delay)"
: >{here}.up
[ ! -e {here}.command ] || exec /bin/sh {here}.command
exec {here}.program "$(cat {here}.lives)"
"""


def trigger_value(script, settle=None, backoff=None, **more):
    """A trigger's value: the script, and what is said of it."""
    said = {name: each for name, each in {"settle": settle, "backoff": backoff, **more}.items() if each is not None}
    return {"script": script, **said} if said else script


class Incident:
    def __init__(self, said):
        self.said, self.open, self.how = said, said["open"], said.get("how", "")
        self.checks, self.attempts = said.get("checks", []), said.get("attempts", 0)
        self.check_count = len(self.checks) + said.get("further_checks", 0)
        self.given_up, self.held = bool(said.get("given_up")), said.get("held", "")

    def __repr__(self):
        return json.dumps(self.said)


class Told:
    """What `powerconsul incidents` says of a service, the oldest incident first."""

    def __init__(self, text, service):
        said = sorted(json.loads(text)["incidents"], key=lambda each: each["since"])
        self.incidents = [Incident(each) for each in said if each["service"] == service]

    @property
    def open(self):
        return [each for each in self.incidents if each.open]

    @property
    def outcomes(self):
        """Of the last attempt of each open incident."""
        return [each.said.get("outcome", "") for each in self.open]

    @property
    def given_up(self):
        return any(each.given_up for each in self.incidents)

    @property
    def held(self):
        return "; ".join(each.held for each in self.open if each.held)


class Listening(Proxy):
    """In front of an agent: notes each request, and refuses the next `refuse` ones as Consul does at its limits."""

    def __init__(self, agent):
        super().__init__(agent, "nothing is altered", None)
        self.requests, self.refuse, self.refused = [], 0, 0

    def ask(self, method, target, headers, body):
        self.requests.append((time.time(), target, {name.lower(): value for name, value in headers.items()}))
        if self.refuse > 0:
            self.refuse -= 1
            self.refused += 1
            plain = [("Content-Type", "text/plain")]
            return Answer(429, plain, b"Your IP is issuing too many concurrent connections\n")
        return super().ask(method, target, headers, body)

    def since(self, at, until=None):
        """What was asked for: the targets."""
        return [target for when, target, _ in list(self.requests) if when >= at and (until is None or when < until)]

    def tokens(self, at):
        return {headers.get("x-consul-token") for when, _, headers in list(self.requests) if when >= at}


class Place:
    """One node: its agent, powerconsul's files on it, and its handlers. The proxy, if there is one, stands between the
    handlers and the agent; checks and whoever looks ask the agent itself. `keeper` is the agent of its server."""

    def __init__(self, scene, agent, keeper, settings=None, owner=None, through_proxy=False, fresh=False):
        self.scene, self.agent, self.keeper, self.owner, self.settings = scene, agent, keeper, owner, settings or {}
        self.name, self.folder = agent.node, scene.folder / "places" / agent.node
        self.init, self.state, self.log = self.folder / "init.d", self.folder / "state", self.folder / "log"
        self.stop_file, self.inside = self.folder / "stop", []
        self.proxy = Listening(agent) if through_proxy else None
        self.config, self.handlers_config = self.folder / "powerconsul.conf", self.folder / "handlers.conf"
        self.init.mkdir(parents=True)
        if not fresh:
            self.state.mkdir(mode=0o700)
        for folder in (self.folder, self.state, agent.folder, agent.config):
            if owner:
                os.chown(folder, *owner)
        self.configure()
        self.configure_handlers()
        called = {state: self.argv("watch", state, "--detach", config=self.handlers_config)
                  for state in ("critical", "warning")}
        (agent.config / "watches.json").write_text(json.dumps(
            {"watches": [{"type": "checks", "state": state, "args": argv} for state, argv in called.items()]}))

    def write(self, file, address, settings):
        new = file.with_suffix(".new")
        new.write_text(json.dumps({
            "node": self.name, "environment": "production", "serverRole": "web", "stateDir": str(self.state),
            "serviceManager": "sysv", "initDirectory": str(self.init), "log": str(self.log), "logFormat": "json", "stopFile": str(self.stop_file),
            "takeoverAfter": "0s", "giveBackAfter": "0s", "absentAfter": "0s", "subVars": {"PLACE": str(self.folder)},
            **self.settings, **settings,
            "consul": {"httpAddr": address, **settings.get("consul", {})}}))
        new.rename(file)

    def configure(self, **settings):
        self.write(self.config, self.agent.address, settings)

    def configure_handlers(self, **settings):
        self.write(self.handlers_config, (self.proxy or self.agent).address, settings)

    def argv(self, *words, config=None):
        return ["/usr/bin/env", f"POWERCONSUL_CONFIG={config or self.config}", self.scene.powerconsul, *words]

    def run(self, *words, **more):
        more.setdefault("input", "")
        return subprocess.run([*self.inside, *self.argv(*words)], capture_output=True, text=True, timeout=60,
                              check=False, env={"PATH": os.environ["PATH"], "HOME": str(self.folder)}, **more)

    def told(self, service):
        done = self.run(*LISTING)
        if done.returncode not in (0, 1) or not done.stdout:
            raise AssertionError(f"{LISTING} exits {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}")
        return Told(done.stdout, service)

    def logged(self, service=None, level=None):
        """The log's lines, parsed, without those of checks."""
        try:
            lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        except OSError:
            return []
        return [each for each in lines if service in (None, each.get("service")) and each["event"] != "verdict"
                and level in (None, each.get("level"))]

    def processes(self, *words):
        """The numbers of this node's powerconsul processes that were called with these words, the oldest first."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                argv = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                ours = os.fsencode(str(self.folder)) in (process / "environ").read_bytes()
                began = int((process / "stat").read_text().rpartition(")")[2].split()[19])
            except (OSError, IndexError):
                continue
            if ours and self.scene.powerconsul in argv[:1] and all(word in argv for word in words):
                found.append((began, int(process.name)))
        return [pid for _, pid in sorted(found)]

    def restart(self, number=signal.SIGTERM):
        self.agent.stop(number)
        self.agent.start()
        wait_until(f"{self.name} is back", self.agent.ready)


class Service:
    """A service on a place. `here` is what its files begin with."""

    def __init__(self, place, name, lives="600", delay=None, command=None):
        self.place, self.name, self.here = place, name, place.folder / name
        self.script, self.ids = place.init / name, []
        self.file("program").symlink_to("/bin/sleep")
        self.file("lives").write_text(lives)
        if delay:
            self.file("delay").write_text(delay)
        if command:
            self.file("command").write_text(command)
        self.file("run").write_text(RUN.format(here=self.here))
        self.script.write_text(INIT.format(here=self.here, name=name))
        self.script.chmod(0o755)

    def file(self, kind):
        return self.here.with_name(f"{self.here.name}.{kind}")

    # Its process.

    def does(self, verb):
        # By name of the shell: the script may be open for writing in a process that another thread has just forked.
        nothing = subprocess.DEVNULL
        subprocess.run(["/bin/sh", self.script, verb], stdin=nothing, stdout=nothing, timeout=30, check=False)

    def pid(self):
        try:
            pid, since = int(self.file("pid").read_text()), self.file("began").read_text().strip()
        except (OSError, ValueError):
            return None
        return pid if is_alive(pid) and self.began(pid) == since else None

    @staticmethod
    def began(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except OSError:
            return None

    def is_up(self):
        return self.pid() if self.file("up").exists() else None

    def kill(self):
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(f"process {pid} is gone", lambda: not is_alive(pid))

    # Its checks.

    def role_check(self, interval="2s", **more):
        words = ("check", "service", "-s", self.name, "-S", self.name)
        return {"CheckID": f"{self.name}-role", "Name": "role", "Args": self.place.argv(*words), "Interval": interval,
                "Timeout": "20s", "Status": "passing", **more}

    def foreign_check(self, interval="2s", says=True, **more):
        """Of whatever else a user has: 2 while the service does not run."""
        to = "" if says else " >/dev/null"
        return {"CheckID": f"{self.name}-foreign", "Name": "foreign", "Interval": interval, "Timeout": "20s",
                "Args": ["/bin/sh", "-c", f"{self.script} status{to} || exit 2"], "Status": "passing", **more}

    def ttl_check(self, name="ttl"):
        return {"CheckID": f"{self.name}-{name}", "Name": name, "TTL": "1h", "Status": "passing"}

    def register(self, *checks, id=None):
        self.ids.append(id or self.name)
        self.place.agent.api("PUT", "/v1/agent/service/register?replace-existing-checks=true",
                             {"ID": self.ids[-1], "Name": self.name, "Port": 80, "Checks": list(checks)})

    def deregister(self, id=None):
        self.place.agent.api("PUT", f"/v1/agent/service/deregister/{id or self.ids[-1]}")

    def ttl(self, verb, name="ttl", note="somebody says so"):
        check = urllib.parse.quote(f"{self.name}-{name}", safe="")
        self.place.agent.api("PUT", f"/v1/agent/check/{verb}/{check}?note={urllib.parse.quote(note)}")

    def check(self, kind="role"):
        """(status, output), as the agent has it."""
        check = self.place.agent.api("GET", "/v1/agent/checks")[f"{self.name}-{kind}"]
        return check["Status"], check["Output"]

    def passes(self, kind="role"):
        status, output = self.check(kind)
        return status == "passing" and output

    # Its triggers, each of which says when it ran.

    def trigger(self, does, state="critical", role="standalone", **said):
        runs = self.file(f"{role}.{state}.runs")
        script = f'#!/bin/sh\necho "$(date +%s.%N) $POWERCONSUL_ATTEMPT" >>{runs}\n{does}\n'
        value = trigger_value(script.replace(str(self.place.folder), "@PLACE"), **said)  # so that it is each node's own
        self.place.keeper.put_key(f"triggers/production/{self.name}/{role}/{state}", value)

    def runs(self, state="critical", role="standalone"):
        """When it ran: [(time, attempt)]."""
        file = self.file(f"{role}.{state}.runs")
        lines = file.read_text().splitlines() if file.exists() else []
        return [(float(at), attempt) for at, _, attempt in (line.partition(" ") for line in lines)]

    def times(self, *which):
        return [at for at, _ in self.runs(*which)]


class Row:
    """One row of the table: what was done, what was seen, and what should not have been so."""

    def __init__(self, scene, name):
        self.scene, self.name, self.began = scene, name, time.time()
        self.told, self.wrong, self.services, self.seen = [], [], [], {}

    def service(self, place, name=None, **more):
        made = Service(self.scene.places[place], name or self.name, **more)
        self.services.append(made)
        return made

    def running(self, place, *checks, name=None, **more):
        """A service that runs, and whose checks have said so: the role's alone if none are given."""
        made = self.service(place, name, **more)
        made.does("start")
        self.wait("the service runs", made.is_up)
        made.register(*([each(made) for each in checks] or [made.role_check()]))
        return made

    def says(self, what, who="test"):
        self.told.append((time.time(), who, what))
        return self.told[-1][0]

    def stays(self, seconds):
        time.sleep(seconds)

    def wait(self, what, condition, deadline=30):
        """For what must have happened before a test can go on."""
        return wait_until(f"{self.name}: {what}", condition, deadline)

    def expect(self, condition, what):
        if not condition:
            self.wrong.append(what)
            self.says(f"NOT SO: {what}")
        return bool(condition)

    def within(self, seconds, what, condition):
        """Waits for what is expected; how long it took, None if it did not come."""
        began = time.time()
        try:
            wait_until(what, condition, seconds)
        except AssertionError as why:
            self.expect(False, f"{what} within {seconds:.0f} s; {str(why).rpartition('last seen: ')[2][:300]}")
            return None
        return time.time() - began

    def passing(self, service, kind="role"):
        self.wait(f"the check {kind} passes", lambda: service.passes(kind))

    def breaks(self, service):
        since = self.says(f"kills process {service.pid()} of {service.name}")
        service.kill()
        return since

    def runs(self, service, count, since=0.0, why="", state="critical", role="standalone"):
        times = [at - self.began for at in service.times(state, role) if at >= since]
        self.expect(len(times) == count, f"the trigger runs {count} times{why}, not {len(times)}: "
                    + " ".join(f"{at:.1f}" for at in times))

    def gaps(self, service, least, state="critical"):
        """`least`: seconds that must lie between the attempts."""
        times = service.times(state)
        for before, after, gap in zip(times, times[1:], least):
            self.expect(after - before >= gap, f"{gap} s between two attempts, not {after - before:.1f} s")

    def incident(self, service, **wanted):
        """What is told of the last incident."""
        def found():
            last = service.place.told(service.name).incidents[-1]
            return all(getattr(last, name) == value for name, value in wanted.items())
        self.within(SLACK, f"incidents has one with {wanted} as its last", found)

    # The time line.

    def look(self):
        for service in self.services:
            pid, up = service.pid(), service.file("up").exists()
            what = f"runs as process {pid}" if pid and up else f"starts as process {pid}" if pid else "does not run"
            self.news((service.name, service.place.name, "process"), what, "process", service, what)

    def look_at_checks(self, place, checks):
        named = {each.name: each for each in self.services if each.place is place}
        for check in checks.values():
            if check["ServiceName"] in named:
                status, output = check["Status"], check["Output"]
                self.news((place.name, check["CheckID"]), (status, output), "Consul", named[check["ServiceName"]],
                          f"{check['CheckID']!r} is {status}: {self.reason(output)}")

    @staticmethod
    def reason(output):
        try:
            return json.loads(output)["reason"][:160]
        except (ValueError, KeyError, TypeError):
            return repr(output[:100])

    def news(self, key, value, who, service, text):
        if self.seen.get(key) != value:
            self.told.append((time.time(), who, f"{service.place.name}  {text}"))
        self.seen[key] = value

    FIELDS = ("check", "attempt", "key", "outcome", "how", "status", "duration_ms", "why", "held", "error", "note")

    def text(self):
        lines = list(self.told)
        for service in self.services:
            for file in service.place.folder.glob(f"{service.name}.*.runs"):
                _, role, state, _ = file.name.rsplit(".", 3)
                lines += [(at, "trigger", f"{service.place.name}  {role}/{state} runs, attempt {attempt or '?'}")
                          for at, attempt in service.runs(state, role)]
            for event in service.place.logged(service.name):
                fields = " ".join(f"{name}={event[name]}" for name in self.FIELDS if name in event)
                when = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
                lines.append((when, "powerconsul", f"{service.place.name}  {event['event']} {fields}"[:300]))
        return "".join(f"{at - self.began:8.2f} s  {who:<12} {what}\n" for at, who, what in sorted(lines))


class Scene(Cluster):
    """A datacenter of several places: a server, and a client agent for each. And places that are datacenters of their
    own, where nothing but what a row does calls handlers: a watch is called for changes anywhere in its datacenter.
    `plan`: the words of `Place` by the node's name, besides "alone", and "common" and "prefix" of its agent."""

    def __init__(self, consul, powerconsul, plan):
        super().__init__(consul, powerconsul)
        self.plan, self.places, self.rows = plan, {}, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)

    def start(self):
        self.folder.chmod(0o711)
        ips = self.free_addresses(len(self.plan) + 1)
        self.hq = Agent(self, "hq", "hq-server", ips[0], True, None, common=COMMON_HCL)
        self.agents = [self.hq]
        for (name, said), ip in zip(self.plan.items(), ips[1:]):
            said = dict(said)
            alone = said.pop("alone", False)
            agent = Agent(self, "hq", f"production-{name}", ip, alone, None if alone else ips[0],
                          common=said.pop("common", COMMON_HCL))
            agent.argv = [*said.pop("prefix", lambda _: [])(self.folder / "places" / agent.node), *agent.argv]
            self.agents.append(agent)
            self.places[name] = Place(self, agent, agent if alone else self.hq, **said)
        for agent in self.agents:
            (agent.config / "own.hcl").write_text(OWN_HCL)
            agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        clients = [agent for agent in self.agents if not agent.server]
        wait_until("all are healthy", lambda: self.healthy_nodes(self.hq) == len(clients) + 1)
        for place in self.places.values():
            wait_until(f"{place.name} is healthy", lambda p=place: self.healthy_nodes(p.agent))
        for place in self.places.values():
            # Its handlers have been called for the first time.
            wait_until(f"no handler of {place.name} runs", lambda p=place: not p.processes("watch"))
            place.log.unlink(missing_ok=True)
        self.thread.start()

    def close(self):
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()
        for agent in self.agents:
            agent.kill()
        for place in self.places.values():
            if place.proxy:
                place.proxy.close()
        end_processes_below(self.folder)
        super().close()

    def follow(self):
        for count in itertools.count():
            if self.over.wait(0.05):
                return
            rows = list(self.rows)
            for row in rows:
                row.look()
            if count % 10:
                continue
            for place in {service.place for row in rows for service in list(row.services)}:
                try:
                    status, text = place.agent.request("GET", "/v1/agent/checks", timeout=1)
                    checks = json.loads(text) if status == 200 else {}
                except (OSError, http.client.HTTPException, ValueError):
                    continue
                for row in rows:
                    row.look_at_checks(place, checks)

    def tell(self, name, story):
        """The row's time line, and what was not as it is to be."""
        row, problem = Row(self, name), []
        self.rows.append(row)
        try:
            story(row)
        except Exception as raised:  # in a thread of its own it would be lost
            problem = [f"{type(raised).__name__}: {raised}"]
        row.says("the row ends")
        self.rows.remove(row)
        for service in row.services:  # so that it costs nothing any more
            for each in service.ids:
                with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                    service.deregister(each)
        return row.text(), row.wrong + problem
