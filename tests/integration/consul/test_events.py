"""Ordinary events, and who runs meanwhile: never two, and nobody for no longer than it takes to be sure.

    CONSUL=... POWERCONSUL=... python3 test_events.py [event ...]

Real agents run the checks and the handlers; the services are real processes, looked at each 50 ms. The events happen
side by side, each to a service of its own; those with several datacenters one after the other. What went wrong is
printed with the event's time line; with EVENTS_TIMELINE=1 each time line is printed.
"""
import concurrent.futures
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

from consul_cluster import COMMON_HCL, STAYS_HCL, Agent, Cluster, executables, wait_until
from machine import Machine, end_processes_below

TAKE_OVER, GIVE_BACK, ABSENT = 6, 6, 20  # seconds; the defaults are 20, 20 and 60
SHORT = (f"POWERCONSUL_TAKEOVER_AFTER={TAKE_OVER}s", f"POWERCONSUL_GIVE_BACK_AFTER={GIVE_BACK}s",
         f"POWERCONSUL_ABSENT_AFTER={ABSENT}s")
SLACK = 10  # seconds, for checks each second, handlers and triggers on a busy machine
STILL = TAKE_OVER + 3  # seconds, after which who would have taken over has
# Many agents on one busy machine must not take each other for dead.
GOSSIP_HCL = """
gossip_lan { probe_interval = "500ms" probe_timeout = "400ms" gossip_interval = "100ms" suspicion_mult = 3 }
"""
NOT_LISTED = "absent", ""
EVENTS = {}  # by name


class Instance(Machine):
    """A service on one node. All instances of a node share its folder and its handlers."""

    def __init__(self, cluster, agent, service, variables, **settings):
        self.service_name, self.variables, self.settings = service, variables, settings
        super().__init__(cluster, agent, service, **settings)
        self.acts = self.folder / f"{service}.acts"

    def configure(self, **settings):
        self.config = self.folder / f"{self.local}.conf"
        super().configure(**{"takeoverAfter": None, "giveBackAfter": None, "absentAfter": None, **settings})

    def argv(self, *words):
        return ["/usr/bin/env", *self.variables, *super().argv(*words)[1:]]

    def register(self, *more, before=(), checks=(), also=(), **check):
        """Writes Consul's configuration of the service; the agent reads it when it is reloaded. `more` are options of
        the check, `before` words of a command that runs it, `checks` further ones, `also` further services."""
        words = ("check", "service", "-s", self.local, "-S", self.service_name, "--init-directory", str(self.init))
        check = {"id": f"{self.service_name}-role", "name": "is as its role demands", "interval": "1s", "timeout": "9s",
                 "status": "passing", "args": [*before, *self.argv(*words, *more)], **check}
        service = {"name": self.service_name, "port": 80, "checks": [check, *checks]}
        self.write(f"{self.service_name}.json", {"services": [service, *also]})

    def handlers(self):
        """Those of the whole node, with this instance's configuration."""
        if not (self.agent.config / "watches.json").exists():
            self.write("watches.json", {"watches": [
                {"type": "checks", "state": state, "args": self.argv("watch", state, "--detach")}
                for state in ("critical", "warning")]})

    def write(self, name, value):
        """The agent may be reloaded by another event meanwhile."""
        new = self.agent.config / f"{name}.{self.service_name}"
        new.write_text(json.dumps(value))
        new.rename(self.agent.config / name)

    def breaks(self):
        """So that its own trigger cannot start it again."""
        self.uninstall()
        self.kill()

    def is_mended(self):
        self.install()
        self.service("start")

    def acted(self):
        """When powerconsul's triggers did what here, if they could: [(time, "start" or "stop")]."""
        if not self.acts.exists():
            return []
        return [(float(at), verb) for at, verb in map(str.split, self.acts.read_text().splitlines())]


class Event:
    """One event: two instances, what happened to them, and who ran when. Times are the wall clock's."""

    def __init__(self, scene, service, active, standby, document=None, variables=SHORT, settings=({}, {})):
        """`settings`: what the configurations of both say besides."""
        self.scene, self.service = scene, service
        self.active, self.standby = (Instance(scene, scene.named[node], service, variables, **more)
                                     for node, more in zip((active, standby), settings))
        self.began, self.told, self.wrong = time.time(), [], []
        self.runs, self.seen, self.checks = [], [], {}  # who ran, what the servers listed, and list now
        document = document or {"active_nodes": [active], "standby_nodes": [standby]}
        environments = {each.get("environment", "production") for each in settings}
        for agent, environment in itertools.product(scene.keepers, environments):
            agent.put_key(f"cluster/{environment}/{service}", document)
            for role, verb in (("primary", "start"), ("secondary", "stop")):
                agent.put_key(f"triggers/{environment}/{service}/{role}/critical",
                              f'@INIT/{service} {verb} && date "+%s.%N {verb}" >>@INIT/../{service}.acts')

    # What happens.

    def says(self, what, who="test"):
        self.told.append((time.time(), who, what))
        return self.told[-1][0]

    def stays(self, seconds):
        time.sleep(seconds)

    def wait(self, what, condition, deadline=30):
        return wait_until(f"{self.service}: {what}", condition, deadline)

    def prepares(self, *more, active=None, **check):
        """The active runs and passes, then the standby is there. `active`: how its check is registered, the rest is the
        standby's."""
        self.active.register(**active or {})
        self.active.service("start")
        self.scene.reloads(self.active.agent)
        self.wait("the active passes", lambda: self.state(self.active) == "passing")
        self.standby.register(*more, **check)
        self.scene.reloads(self.standby.agent)
        self.wait("the standby passes", lambda: self.state(self.standby) == "passing")
        self.begins()

    def begins(self):
        self.began, self.told = time.time(), []
        self.runs = self.runs[-1:]
        self.wait("it is looked at", lambda: self.runs)

    def state(self, instance):
        """What Consul's servers hold of its check, `absent` or `not run yet`."""
        status, output = self.checks.get(instance.name, NOT_LISTED)
        return status if output or status == "absent" else "not run yet"

    def output(self, instance):
        try:
            return json.loads(self.checks[instance.name][1])
        except (LookupError, ValueError):
            return {}

    def stands_by(self):
        """Waits until the standby is as it was: it does not run, and both checks pass."""
        def quiet():
            return not self.standby.pid() and self.state(self.active) == self.state(self.standby) == "passing"
        self.wait("all is as before", quiet)
        self.stays(2)
        return self.says("all is as before")

    # What is to be.

    def expect(self, condition, what):
        if not condition:
            self.wrong.append(what)
            self.says(f"NOT SO: {what}")

    def spans(self, since, until=None):
        """(begin, end, (whether the active runs, whether the standby does))"""
        until = until or time.time()
        ends = [begin for begin, _ in self.runs[1:]] + [until]
        return [(max(begin, since), min(end, until), who) for (begin, who), end in zip(list(self.runs), ends)
                if end > since and begin < until]

    def longest(self, who, since, until=None):
        return max((end - begin for begin, end, each in self.spans(since, until) if each == who), default=0.0)

    def never_both(self, since, longest=0.0):
        seconds = self.longest((True, True), since)
        self.expect(seconds <= longest, f"both run for no longer than {longest:.1f} s, and not for {seconds:.1f} s")

    def never_nobody(self, since, longest=0.3):
        seconds = self.longest((False, False), since)
        self.expect(seconds <= longest, f"nobody runs for no longer than {longest:.1f} s, and not for {seconds:.1f} s")

    def standby_keeps_still(self, since, why):
        started = [begin for begin, _, who in self.spans(since) if who[1]]
        self.expect(not started, f"{why}, and the standby does not start; it did after "
                    f"{min(started, default=since) - since:.1f} s")
        if started:
            self.standby.service("stop")

    def takes_over(self, since, after, within=None):
        """Waits for the standby; not before `after` seconds, and not after `within`."""
        within = within or after + SLACK
        started = self.first(since, within, lambda who: who[1])
        self.expect(started is not None, f"the standby takes over within {within:.0f} s")
        if started is not None:
            self.expect(started >= after,
                        f"the standby takes over after {after} s at the earliest, not {started:.1f} s")
        return started

    def gives_back(self, since, after, within=None):
        within = within or after + SLACK
        stopped = self.first(since, within, lambda who: not who[1])
        self.expect(stopped is not None, f"the standby stops its service within {within:.0f} s")
        if stopped is not None:
            self.expect(stopped >= after, f"the standby stops after {after} s at the earliest, not {stopped:.1f} s")
        return stopped

    def first(self, since, within, condition):
        """Seconds from a moment until something was first so."""
        while True:
            found = next((begin - since for begin, _, who in self.spans(since) if condition(who)), None)
            if found is not None or time.time() > since + within:
                return found
            time.sleep(0.1)

    def saw(self, instance, since, status, output=None):
        """Whether the servers listed its check so: that what is told did happen."""
        return any(at >= since and (who, state) == (instance, status) and output in (None, text)
                   for at, who, state, text in list(self.seen))

    def absence(self, since):
        """The seconds from when the servers did not list the active to when they did for good."""
        rows = [(at, status) for at, who, status, _ in list(self.seen) if who is self.active and at >= since]
        left = next((at for at, status in rows if status == "absent"), None)
        return rows[-1][0] - left if left else 0.0

    # The time line.

    def look(self):
        who = bool(self.active.pid()), bool(self.standby.pid())
        if not self.runs or self.runs[-1][1] != who:
            self.runs.append((time.time(), who))

    def look_at_checks(self, listed):
        """`listed`: status and output by (datacenter, service, node), of the datacenters that answer."""
        for instance in (self.active, self.standby):
            datacenter = instance.agent.datacenter
            if datacenter not in listed:
                continue
            before = self.checks.get(instance.name, NOT_LISTED)
            now = listed[datacenter].get((self.service, instance.name), NOT_LISTED)
            if before != now:
                self.seen.append((time.time(), instance, *now))
                reason = now[1]
                try:
                    said = json.loads(reason)
                    reason = f"expects {said.get('expects')}: {said['reason']}"
                except (ValueError, KeyError):
                    reason = reason or "no output"
                self.told.append((time.time(), "Consul", f"{self.name_of(instance)} is {now[0]}"
                                  + (f", {reason}" if now[0] != "absent" else "")))
                self.checks[instance.name] = now

    def name_of(self, instance):
        return f"{'active' if instance is self.active else 'standby'} ({instance.name})"

    def text(self):
        who_runs = {(True, True): "BOTH run", (False, False): "nobody runs", (True, False): "only the active runs",
                    (False, True): "only the standby runs"}
        lines = self.told + [(at, "processes", who_runs[who]) for at, who in self.runs]
        for each in (self.active, self.standby):
            words = {"start": "starts", "stop": "stops"}
            lines += [(at, "powerconsul", f"{words[verb]} the {self.name_of(each)}") for at, verb in each.acted()]
        return "".join(f"{at - self.began:8.2f} s  {who:<12} {what}\n" for at, who, what in sorted(lines)
                       if at >= self.began - 1)


class Scene(Cluster):
    """A cluster whose nodes are named by what happens to them, and the one thread that looks at everything."""

    def __init__(self, consul, powerconsul):
        super().__init__(consul, powerconsul)
        self.named, self.keepers, self.events, self.locks = {}, [], [], {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)

    def start(self):
        self.plan()
        self.named = {agent.node: agent for agent in self.agents}
        self.locks = {agent: threading.Lock() for agent in self.agents}
        for agent in self.agents:
            (agent.config / "gossip.hcl").write_text(GOSSIP_HCL)
            agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        self.thread.start()

    def event(self, *words, **more):
        made = Event(self, *words, **more)
        made.active.handlers()
        made.standby.handlers()
        self.events.append(made)
        return made

    def reloads(self, agent):
        with self.locks[agent]:
            agent.api("PUT", "/v1/agent/reload")

    def run(self, argv, stdin=""):
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def close(self):
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()
        for agent in self.agents:
            agent.kill()
        end_processes_below(self.folder)
        super().close()

    def follow(self):
        for count in itertools.count():
            if self.over.wait(0.05):
                return
            for event in list(self.events):
                event.look()
            if count % 5:
                continue
            listed = {}
            for keeper in self.keepers:
                try:
                    status, text = keeper.request("GET", "/v1/health/state/any", timeout=1)
                    checks = json.loads(text) if status == 200 else None
                except (OSError, http.client.HTTPException, ValueError):
                    continue
                if checks is not None:
                    listed[keeper.datacenter] = {
                        (each["ServiceName"], each["Node"]): (each["Status"], each["Output"])
                        for each in checks if each["CheckID"] == f"{each['ServiceName']}-role"}
            for event in list(self.events):
                event.look_at_checks(listed)


class Nodes(Scene):
    """One datacenter."""

    def plan(self):
        names = ["web1", "web2", "restarted", "stays", "typo", "maintained", "full", "dead", "alone", "alone-standby",
                 "default", "default-standby", "eager"]
        ips = self.free_addresses(len(names) + 1)
        self.agents = [Agent(self, "hq", "hq-server", ips[0], True, None)]
        self.keepers = self.agents[:1]
        for name, ip in zip(names, ips[1:]):
            common = COMMON_HCL + (STAYS_HCL if name == "stays" else "")
            self.agents.append(Agent(self, "hq", f"production-{name}", ip, False, ips[0], common=common))


class Datacenters(Scene):
    """Three datacenters, of which `far` has nothing to do with anything."""

    def plan(self):
        ips = self.free_addresses(6)
        self.agents = [Agent(self, "hq", "hq-server", ips[0], True, None, join_wan=ips[1]),
                       Agent(self, "dr", "dr-db1", ips[1], True, None, join_wan=ips[0]),
                       Agent(self, "far", "far-server", ips[2], True, None, join_wan=ips[0]),
                       *(Agent(self, "hq", name, ip, False, ips[0])
                         for name, ip in zip(("hq-db1", "production-web1", "production-web2"), ips[3:]))]
        self.keepers = self.agents[:2]

    def start(self):
        super().start()
        seen = lambda agent: sorted(agent.api("GET", "/v1/catalog/datacenters")) == ["dr", "far", "hq"]
        for keeper in self.keepers:
            wait_until(f"{keeper.node} sees three datacenters", lambda k=keeper: seen(k))


def happens(scene, active, standby="production-web2", **more):
    """An event of a scene, to an active and a standby of it."""
    def add(tell):
        EVENTS[tell.__name__.replace("_", "-")] = (scene, (active, standby), more, tell)
        return tell
    return add


# --- the agent of the active ---

def restart(event, instance, number, pause=0.0):
    since = event.says(f"{number.name} to the agent of the {event.name_of(instance)}")
    instance.agent.stop(number)
    event.says("it has ended")
    event.stays(pause)
    instance.agent.start()
    event.wait("the agent is back", instance.agent.ready)
    return since


def goes_for_good(event):
    """The active's agent ends; then the test stops its service, since nobody else can where no agent is."""
    since = event.says(f"SIGTERM to the agent of the {event.name_of(event.active)}, for good")
    event.active.agent.stop()
    event.active.service("stop")
    event.says("stops the active's service, too: it is the test who does")
    return since


def comes_back(event):
    since = event.says("starts the active's service and agent")
    event.active.service("start")
    event.active.agent.start()
    event.gives_back(since, GIVE_BACK, GIVE_BACK + 2 * SLACK)
    event.never_nobody(since)
    event.stands_by()


@happens(Nodes, "production-restarted")
def agent_restarted(event):
    event.prepares()
    for number, pause in ((signal.SIGTERM, 0), (signal.SIGINT, TAKE_OVER)):
        for _ in range(3):
            since = restart(event, event.active, number, pause)
            event.wait("the active passes again", lambda: event.state(event.active) == "passing", 60)
            seconds = event.absence(since)
            event.says(f"the active passes again; it was not registered for {seconds:.1f} s")
            if seconds < ABSENT - 2:
                break
            event.says("an agent may need half a minute for its first report; once more")
            event.stands_by()
        event.stays(STILL)
        event.expect(0 < seconds < ABSENT, "the agent leaves the cluster for less than absentAfter")
        event.standby_keeps_still(since, "the active was not registered for less than absentAfter")
        event.never_nobody(since)
        event.stands_by()
    since = goes_for_good(event)
    event.takes_over(since, ABSENT, ABSENT + TAKE_OVER + SLACK)
    event.never_both(since)
    comes_back(event)


@happens(Nodes, "production-stays")
def agent_restarted_without_leaving(event):
    event.prepares()

    def serf():
        checks = event.scene.keepers[0].api("GET", f"/v1/health/node/{event.active.name}")
        return next(each["Status"] for each in checks if each["CheckID"] == "serfHealth")
    for number in (signal.SIGTERM, signal.SIGINT):
        since = event.says(f"{number.name} to the agent of the {event.name_of(event.active)}")
        event.active.agent.stop(number)
        event.wait("Consul calls its node dead", lambda: serf() == "critical")
        dead = event.says("serfHealth is critical")
        event.stays(1.2)
        event.active.agent.start()
        event.wait("Consul calls its node alive", lambda: serf() == "passing")
        seconds = event.says("serfHealth is passing") - dead
        if seconds > TAKE_OVER - 1:
            raise AssertionError(f"the node was dead for {seconds:.1f} s, too long for what is tested")
        event.stays(STILL)
        event.expect(not event.saw(event.active, since, "absent"), "the node stays registered")
        event.standby_keeps_still(since, "the active's node was dead for less than takeoverAfter")
        event.never_nobody(since)
        event.stands_by()
    since = goes_for_good(event)
    event.takes_over(since, TAKE_OVER, TAKE_OVER + 2 * SLACK)
    event.never_both(since)
    comes_back(event)


@happens(Nodes, "production-default", "production-default-standby", variables=())
def default_times(event):
    event.prepares()
    since = event.says("breaks the active: it cannot be started for 10 s")
    event.active.breaks()
    event.stays(10)
    event.active.is_mended()
    event.says("mends and starts the active")
    event.stays(5)
    event.standby_keeps_still(since, "no active served for less than 20 s")
    event.stands_by()
    since = goes_for_good(event)
    event.takes_over(since, 60, 80 + SLACK)
    event.never_both(since)


@happens(Nodes, "production-dead")
def agent_of_a_dead_active_starts(event):
    """Each run of its check takes four seconds, during which the check is passing and has not said anything."""
    event.prepares(active={"before": ["/bin/sh", "-c", 'sleep 4; exec "$0" "$@"'], "interval": "2s"})
    since = event.says("the active's node dies")
    event.active.agent.kill()
    event.active.breaks()
    event.takes_over(since, TAKE_OVER, TAKE_OVER + 2 * SLACK)
    event.never_both(since)
    event.wait("the standby passes", lambda: event.state(event.standby) == "passing")
    event.stays(2)
    since = event.says("starts the active's agent, and not its service")
    event.active.agent.start()
    event.wait("the active's check has run", lambda: event.saw(event.active, since, "critical"))
    event.stays(STILL)
    event.expect(event.saw(event.active, since, "passing", ""), "its check is passing before it has run")
    event.never_nobody(since)
    since = event.says("mends and starts the active")
    event.active.is_mended()
    event.gives_back(since, GIVE_BACK, GIVE_BACK + 6 + SLACK)
    event.stays(2)
    event.never_nobody(since)


@happens(Nodes, "production-alone", "production-alone-standby")
def agent_of_the_serving_standby_restarted(event):
    event.prepares()
    since = event.says("breaks the active")
    event.active.breaks()
    event.takes_over(since, TAKE_OVER)
    event.wait("the standby passes", lambda: event.state(event.standby) == "passing")
    for number in (signal.SIGTERM, signal.SIGINT):
        since = restart(event, event.standby, number)
        event.wait("the standby passes again", lambda: event.state(event.standby) == "passing")
        event.stays(STILL)
        event.never_nobody(since)
        event.expect(event.state(event.standby) == "passing", "the standby's check passes")


# --- what the active's check says ---

@happens(Nodes, "production-typo")
def typo(event):
    event.prepares()
    config = event.active.config
    good = config.read_text()

    def unproven(what, since):
        event.stays(STILL)
        event.expect((event.state(event.active), event.output(event.active).get("state")) == ("warning", "unknown"),
                     f"{what}: the active's check is warning and says unknown")
        event.standby_keeps_still(since, what)

    token = event.active.folder / "token"
    token.write_text("secret")
    token.chmod(0o600)
    settings = json.loads(good)
    settings["consul"]["tokenFile"] = str(token)
    for what, do, undo in (
            ("the active's configuration is not JSON", lambda: config.write_text(good[:-3]),
             lambda: config.write_text(json.dumps(settings))),
            ("the active's token file is away", token.unlink, lambda: config.write_text(good))):
        since = event.says(what)
        do()
        unproven(what, since)
        undo()
        event.stands_by()
    what = "the active's check has an unknown option"
    since = event.says(what)
    event.active.register("--takeover-aftr", "3s")
    event.scene.reloads(event.active.agent)
    unproven(what, since)
    event.active.register()
    event.scene.reloads(event.active.agent)
    event.stands_by()


@happens(Nodes, "production-web1", "production-eager", settings=({}, {"takeoverOn": "warning"}))
def takeover_on_warning(event):
    extra = f"{event.service}-extra"
    event.prepares(active={"checks": [{"id": extra, "name": extra, "ttl": "1h", "status": "passing"}]})
    script, away = event.active.init / event.service, event.active.init / "away"
    since = event.says("the active's init script is away: whether it runs is unknown")
    script.rename(away)
    event.stays(STILL)
    event.expect(event.output(event.active).get("state") == "unknown", "the active's check says unknown")
    event.standby_keeps_still(since, "the active is unknown")
    away.rename(script)
    event.stands_by()
    since = event.says("another check of the active is warning")
    event.active.agent.api("PUT", f"/v1/agent/check/warn/{extra}")
    event.takes_over(since, TAKE_OVER)
    since = event.says("it passes again")
    event.active.agent.api("PUT", f"/v1/agent/check/pass/{extra}")
    event.gives_back(since, GIVE_BACK)
    event.never_nobody(event.began)


@happens(Nodes, "production-web1")
def hiccup(event):
    event.prepares(active={"interval": "3s"})
    since = event.says("kills the active's process")
    event.active.kill()
    event.wait("the active's own trigger heals it", event.active.pid)
    event.wait("the active passes again", lambda: event.state(event.active) == "passing")
    event.stays(STILL)
    event.expect(event.saw(event.active, since, "critical"), "Consul lists the active as critical meanwhile")
    event.standby_keeps_still(since, "the active was healed in less than takeoverAfter")
    event.never_nobody(since, 3 + SLACK)


@happens(Nodes, "production-web1")
def left_over_registration(event):
    event.prepares(active={"also": [{"id": "left-over", "name": event.service, "port": 81}]})
    event.wait("the left-over is registered", lambda: len(
        [each for each in event.scene.keepers[0].api("GET", f"/v1/health/service/{event.service}")
         if each["Node"]["Node"] == event.active.name]) == 2)
    since = event.says("breaks the active; its left-over registration without checks stays")
    event.active.breaks()
    event.takes_over(since, TAKE_OVER)
    event.never_both(since)


# --- maintenance, and what else makes a node's checks critical ---

def maintained(event, whole_node):
    """Both run then, until it ends: the standby takes over, and powerconsul leaves the active alone."""
    event.prepares()
    agent, service = event.active.agent, None if whole_node else event.service
    since = event.says(f"the active's {'node' if whole_node else 'service'} goes into maintenance")
    agent.maintenance(True, service)
    event.takes_over(since, TAKE_OVER)
    event.stays(3)
    event.expect(event.active.pid() and not event.active.acted(), "the active is left alone")
    event.expect(event.state(event.active) == "passing", "the active's check passes while it runs")
    stopped = event.says("an operator stops the active's service")
    event.active.service("stop")
    event.stays(STILL)
    event.expect(not event.active.pid() and not event.active.acted(), "what the operator stopped is not started")
    event.expect(event.state(event.active) == "passing", "the active's check passes while it does not run")
    since = event.says("the maintenance ends")
    agent.maintenance(False, service)
    event.expect(event.first(since, SLACK, lambda who: who[0]) is not None, "the active's service is started")
    event.gives_back(since, GIVE_BACK, GIVE_BACK + 2 * SLACK)
    event.never_nobody(stopped)
    event.stands_by()


@happens(Nodes, "production-maintained")
def node_in_maintenance(event):
    maintained(event, True)


@happens(Nodes, "production-web1")
def service_in_maintenance(event):
    maintained(event, False)


@happens(Nodes, "production-full")
def disk_full(event):
    """A check of the active's node, which says nothing of the service: both run, but not at once."""
    event.prepares()
    agent = event.active.agent
    agent.api("PUT", "/v1/agent/check/register", {"Name": "disk-full", "TTL": "1h", "Status": "passing"})
    since = event.says("disk-full is critical on the active's node")
    agent.api("PUT", "/v1/agent/check/fail/disk-full")
    event.stays(TAKE_OVER / 2)
    reason = event.output(event.standby).get("reason", "")
    event.takes_over(since, TAKE_OVER)
    event.expect(f"{TAKE_OVER} s" in reason, f"the standby says what it waits for, and not {reason!r}")
    event.stays(3)
    event.expect(event.active.pid() and not event.active.acted(), "the active is left alone")
    since = event.says("disk-full is passing again")
    agent.api("PUT", "/v1/agent/check/pass/disk-full")
    event.gives_back(since, GIVE_BACK)
    event.never_nobody(event.began)
    event.stands_by()


# --- what the standby remembers ---

def record(event):
    return event.standby.state / "last-known" / f"{event.service}.json"


@happens(Nodes, "production-web1")
def state_directory_cannot_be_written(event):
    file = event.standby.folder / "file"
    file.touch()
    event.prepares("--state-dir", str(file / "state"))
    since = event.says("breaks the active")
    event.active.breaks()
    event.stays(STILL)
    event.standby_keeps_still(since, "nothing can be remembered")
    event.expect(event.output(event.standby).get("state") == "unknown", "the standby's check says unknown")


@happens(Nodes, "production-web1")
def first_look(event):
    """As after a boot, or with a new state directory: nobody knows for how long no active has served."""
    event.prepares()
    event.says("breaks the active")
    event.active.breaks()
    event.wait("the active is critical", lambda: event.state(event.active) == "critical")
    event.stays(TAKE_OVER / 2)
    since = event.says("the standby's record is away")
    record(event).unlink()
    event.takes_over(since, TAKE_OVER)
    event.wait("the standby passes", lambda: event.state(event.standby) == "passing")
    event.stays(2)
    since = event.says("the standby's record is away, and its service runs")
    record(event).unlink()
    event.stays(STILL)
    event.never_nobody(since)
    event.expect(not event.saw(event.standby, since, "critical"), "the standby's check passes")


# --- other datacenters ---

@happens(Datacenters, "hq-db1", "dr-db1", document={"active_datacenters": ["hq"], "standby_datacenters": ["dr"]},
         settings=({"environment": "hq", "serverRole": "db"}, {"environment": "dr", "serverRole": "db"}))
def names_tell_the_datacenter(event):
    """By its name the active is of another environment than the standby: nobody is left of the instances there."""
    event.active.register()
    event.active.service("start")
    event.scene.reloads(event.active.agent)
    event.wait("the active passes", lambda: event.state(event.active) == "passing")
    event.begins()
    since = event.says("the standby's check runs for the first time")
    event.standby.register()
    event.scene.reloads(event.standby.agent)
    event.stays(STILL)
    event.standby_keeps_still(since, "the active runs")
    event.expect(event.output(event.standby).get("state") == "unknown", "the standby's check says unknown")


@happens(Datacenters, "production-web1")
def curious_person(event):
    """In dr the document of the same name says otherwise, and that matters to nobody here."""
    hq, dr = event.scene.keepers
    standby = event.standby
    runs = standby.folder / "runs"
    runs.touch()
    counted = ["/bin/sh", "-c", f'echo >>{runs}; exec "$0" "$@"']
    event.prepares(before=counted, interval="3s")
    dr.register(event.service)
    dr.put_key(f"cluster/production/{event.service}", {"active_nodes": ["dr-db1"], "standby_nodes": [standby.name]})
    event.says("breaks the active")
    event.active.breaks()
    event.takes_over(event.began, TAKE_OVER)
    event.wait("the standby passes", lambda: event.state(standby) == "passing")
    event.stays(4)
    there = ("--datacenter", "dr")
    check = ("check", "service", "-s", standby.local, "-S", event.service, "--init-directory", str(standby.init))
    for words in (("role", "-S", event.service, *there), (*check, *there)):
        length = runs.stat().st_size
        event.wait("the check runs", lambda: runs.stat().st_size > length)
        event.stays(0.7)
        before = record(event).read_bytes()
        since = event.says(f"a curious person calls powerconsul {' '.join(words[:2])} --datacenter dr")
        done = event.scene.run(standby.argv(*words))
        event.says(f"it exits {done.returncode}: {done.stdout.splitlines()[:1]}")
        event.expect(words[0] != "role" or record(event).read_bytes() == before, "role writes nothing")
        event.says("the only server of hq ends")
        hq.kill()
        said = set()
        end = time.time() + 7
        while time.time() < end:
            held = standby.agent.api("GET", "/v1/agent/checks")[f"{event.service}-role"]
            said.add((held["Status"], json.loads(held["Output"])["expects"]))
            if held["Status"] == "critical":
                event.scene.run(standby.argv("watch", "critical"), json.dumps([{**held, "Node": standby.name}]))
            event.stays(0.5)
        event.expect(("critical", False) not in said, f"the standby is never told to stop: {sorted(map(str, said))}")
        hq.start()
        event.wait("the server is back", hq.ready)
        event.says("it is back")
        event.wait("the standby passes", lambda: event.state(standby) == "passing")
        event.stays(STILL)
        event.never_nobody(since)


@happens(Datacenters, "production-web1")
def unrelated_datacenter_is_unreachable(event):
    event.prepares()
    event.scene.agents[2].kill()
    event.says("kills the only server of the datacenter far")
    since = goes_for_good(event)
    event.takes_over(since, ABSENT, ABSENT + TAKE_OVER + SLACK)
    event.never_both(since)


# --- telling them ---

def tell(scene, name):
    """The event's time line and what was not as it is to be."""
    _, nodes, more, story = EVENTS[name]
    event, problem = None, []
    try:
        event = scene.event(name, *nodes, **more)
        story(event)
    except Exception as raised:  # in a thread of its own it would be lost
        problem = [f"{type(raised).__name__}: {raised}"]
    return event.text() if event else "", (event.wrong if event else []) + problem


def main():
    names = sys.argv[1:] or list(EVENTS)
    scenes, told, began = {}, {}, time.monotonic()
    try:
        for kind in {EVENTS[name][0] for name in names}:
            scenes[kind] = kind(*executables())
        with concurrent.futures.ThreadPoolExecutor(len(names) + 2) as together, \
                concurrent.futures.ThreadPoolExecutor(1) as in_turn:
            list(together.map(lambda scene: scene.start(), scenes.values()))
            for name in names:
                kind = EVENTS[name][0]
                told[name] = (in_turn if kind is Datacenters else together).submit(tell, scenes[kind], name)
            concurrent.futures.wait(told.values())  # an agent ends with the thread that has started it
    finally:
        for scene in scenes.values():
            scene.close()
    failed = 0
    for name, each in told.items():
        timeline, wrong = each.result()
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok':<7} {name}" + "".join(f"\n        not so: {what}" for what in wrong))
        if wrong or os.environ.get("EVENTS_TIMELINE"):
            print(timeline)
    seconds = time.monotonic() - began
    print(f"{len(names) - failed} of {len(names)} events are as they are to be, after {seconds:.0f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
