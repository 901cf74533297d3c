"""Exactly the attempts that the back-off allows, whatever happens to Consul, its agent or the handler itself.

    CONSUL=... POWERCONSUL=... python3 test_attempts.py [unittest options]

The class Kills needs strace and no Consul. It kills the handler before each of its system calls; with KILL_STRIDE=N in
the environment before every N-th only.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from altering_proxy import Proxy
from consul_cluster import Cluster, executables, wait_until
from machine import Machine, end_processes_below, incidents, is_alive

KEY = "triggers/production/web/standalone/critical"
RETRY = {"backoff": "1s", "maxBackoff": "4s", "attempts": 5, "settle": "500ms"}
GAPS = (1, 2, 4, 4)  # seconds, between those five
GIVEN_UP = f"powerconsul/given-up: {KEY} does not heal it; see powerconsul incidents"
COUNTING = '#!/bin/sh\ndate +%s.%N >>@RUNS\necho "in vain"\nexit 1\n'


class WithConsul(unittest.TestCase):
    """One agent, a service that stays critical, and a trigger that heals nothing but says when it ran."""

    def setUp(self):
        # An agent that is terminated leaves the cluster, and comes back with checks of a new CreateIndex.
        self.cluster = Cluster(*executables())
        self.addCleanup(self.close)
        self.cluster.start()
        self.machine = Machine(self.cluster, self.cluster.web1)
        self.runs_file = self.machine.folder / "runs"
        self.calls_file = self.machine.folder / "calls"
        self.cluster.hq.put_key(KEY, COUNTING)

    def close(self):
        for agent in self.cluster.agents:
            agent.kill()
        end_processes_below(self.cluster.folder)
        self.cluster.close()

    def configure(self, **trigger):
        self.machine.configure(trigger=trigger, subVars={"RUNS": str(self.runs_file)})

    def watch(self, **more):
        """The handlers say that they were called, too."""
        counted = ["/bin/sh", "-c", 'echo >>"$0"; exec "$@"', str(self.calls_file)]
        self.machine.watch(before=counted, **more)

    def runs(self):
        return [float(line) for line in self.runs_file.read_text().split()] if self.runs_file.exists() else []

    def calls(self):
        return len(self.calls_file.read_text()) if self.calls_file.exists() else 0

    def reload(self):
        agent = self.cluster.web1
        done = subprocess.run([self.cluster.consul, "reload", f"-http-addr={agent.address}"], capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done)

    def restart(self, number):
        """The agent, ended by a signal."""
        agent = self.cluster.web1
        agent.stop(number)
        agent.start()
        wait_until("the agent answers again", agent.ready)

    def is_critical(self):
        check = self.cluster.web1.api("GET", "/v1/agent/checks")["web-role"]
        return check["Status"] == "critical" and check["Output"]

    def listed(self):
        """Whether the servers list the check as critical, with its output."""
        return [check for check in self.cluster.hq.api("GET", "/v1/health/state/critical") if check["Output"]]


class Attempts(WithConsul):
    def test_three_hundred_reloads_and_four_restarts(self):
        self.reload_and_restart(())

    def test_the_same_beside_a_worker(self):
        self.reload_and_restart(("--detach",))

    def reload_and_restart(self, options):
        self.configure(**RETRY)
        self.watch(after=options)
        restarts = {60: signal.SIGKILL, 120: signal.SIGTERM, 180: signal.SIGKILL, 240: signal.SIGTERM}
        began = time.monotonic()
        for i in range(1, 301):
            self.reload()
            if i in restarts:
                self.restart(restarts[i])
                wait_until("the check is critical again", self.is_critical)
            # The back-offs take 11 s together, and the last one must pass as well for it to be given up.
            time.sleep(max(0.0, began + i * 0.08 - time.monotonic()))
        runs = self.runs()
        self.assertEqual(len(runs), 5, runs)
        for before, after, gap in zip(runs, runs[1:], GAPS):
            self.assertGreaterEqual(after - before, gap, runs)
        self.assertGreater(self.calls(), 300, "each reload calls a handler")
        only, = self.machine.incidents()
        self.assertEqual((only["open"], only["attempts"], only["given_up"]), (True, 5, True), only)
        self.assertEqual([(each["key"], each["number"], each["outcome"]) for each in only["tried"]],
                         [(KEY, number, "not healed") for number in range(1, 6)], only)
        self.assertEqual(self.machine.log.read_text().count('"gave up"'), 1)
        wait_until("the check says so", lambda: GIVEN_UP in self.is_critical())

        # It passes, and fails again soon: the same attempts count on, and there is none left.
        self.machine.service("start")
        wait_until("the incident is closed", lambda: not self.machine.incidents()[-1]["open"])
        self.machine.service("stop")
        again = lambda: [(each["open"], each["attempts"], each["given_up"]) for each in self.machine.incidents()[1:]]
        wait_until("it is given up", lambda: again() == [(True, 0, True)])
        self.assertEqual(len(self.runs()), 5)

        # Somebody has seen to it: an attempt follows, whoever waits for one, and has all others behind it.
        done = subprocess.run(self.machine.argv("incidents", "ack", "web"), capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        wait_until("the trigger runs again", lambda: len(self.runs()) == 6, 10)
        wait_until("it counts from one", lambda: self.machine.incidents()[-1]["tried"][0]["number"] == 1)

    def test_eight_handlers_at_once(self):
        self.configure(backoff="1h", maxBackoff="1h")
        self.cluster.hq.put_key(KEY, COUNTING.replace("exit 1", "sleep 0.3"))
        check = {"id": "web-role", "name": "web", "args": ["/bin/sh", "-c", "echo no; exit 2"], "interval": "1s"}
        config = {"service": {"name": "web", "check": check}}
        (self.machine.agent.config / "web.json").write_text(json.dumps(config))
        self.machine.agent.api("PUT", "/v1/agent/reload")
        wait_until("the check is critical", self.is_critical)
        wait_until("the servers know", self.listed)
        snapshot = self.cluster.web1.request("GET", "/v1/health/state/critical")[1]
        argv = self.machine.argv("watch", "critical")
        handlers = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                    for _ in range(8)]
        for each in handlers:
            each.stdin.write(snapshot)
            each.stdin.close()
        ends = [(each.wait(60), each.stdout.read()) for each in handlers]
        for each in handlers:
            each.stdout.close()
        self.assertEqual(ends, [(0, b"")] * 8)
        self.assertEqual(len(self.runs()), 1)
        only, = self.machine.incidents()
        self.assertEqual((only["open"], only["attempts"]), (True, 1), only)


    def test_what_an_event_asks_does_not_grow_with_its_services(self):
        front = Counted(self.cluster.web1)
        self.addCleanup(front.close)
        self.machine.configure(consul={"httpAddr": front.address})
        agent = self.cluster.web1
        for count in (5, 40):
            for i in range(count):
                check = {"CheckID": f"s{i}-role", "TTL": "1h", "Status": "critical"}
                agent.api("PUT", "/v1/agent/service/register", {"Name": f"s{i}", "Check": check})
                agent.api("PUT", f"/v1/agent/check/fail/s{i}-role?note=down")
            shutil.rmtree(self.machine.state, ignore_errors=True)
            checks = agent.api("GET", "/v1/agent/checks").values()
            snapshot = json.dumps([each for each in checks if each["ServiceName"].startswith("s")])
            with self.subTest(services=count, event="first"):
                asked, least = self.event(front, snapshot)
                self.assertLessEqual(asked.pop("agent"), least, "one look, and another one each second")
                self.assertEqual(asked, {"cluster": count, "triggers": 2 * count}, "each service's role and trigger")
            with self.subTest(services=count, event="again"):
                asked, least = self.event(front, snapshot)
                self.assertLessEqual(asked.pop("agent"), least)
                # A few for themselves, then all at once, each second.
                self.assertLessEqual(asked.pop("triggers"), 17 * least)
                self.assertEqual(asked, {})

    def event(self, front, snapshot):
        """How often what was asked for in one event, and in how many seconds it was begun."""
        front.asked.clear()
        began = time.monotonic()
        done = subprocess.run(self.machine.argv("watch", "critical"), input=snapshot, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        return dict(front.asked), int(time.monotonic() - began) + 1


class Counted(Proxy):
    """Lets everything through, and counts it."""

    def __init__(self, agent):
        self.asked = collections.Counter()
        super().__init__(agent, "nothing", None)

    def ask(self, method, target, headers, body):
        self.asked[re.match(r"/v1/(?:kv/)?(\w+)", target)[1]] += 1
        return super().ask(method, target, headers, body)


# --- the handler is killed -----------------------------------------------------------------------------------------

SLOW = """#!/bin/sh
echo "begin $$ $(date +%s%N)" >>@RUNS
sleep 0.15
echo "end $$ $(date +%s%N)" >>@RUNS
"""
SNAPSHOT = json.dumps([{"Node": "production-web1", "CheckID": "web-role", "Name": "web", "Status": "critical",
                        "Notes": "", "Output": "it is stopped", "ServiceID": "web", "ServiceName": "web",
                        "ServiceTags": [], "Type": "script", "Definition": {}, "CreateIndex": 14, "ModifyIndex": 14}])
TRACED = ["strace", "-qq", "-o"]


class Place:
    """A machine of its own, on the embedded store, for one attempt."""

    def __init__(self, folder, powerconsul):
        self.folder, self.powerconsul = folder, powerconsul
        self.folder.mkdir()
        self.runs, self.config, self.store, self.state = (folder / each for each in ("runs", "conf", "store", "state"))
        self.config.write_text(json.dumps({
            "node": "production-web1", "environment": "production", "stateDir": str(self.state),
            "store": str(self.store), "log": str(folder / "log"), "stopFile": str(folder / "stop"),
            "subVars": {"RUNS": str(self.runs)},
            # Far shorter than the trigger takes: what keeps it from running twice at once must be something else.
            "trigger": {"backoff": "10ms", "maxBackoff": "10ms", "attempts": 5, "settle": "1ms"}}))
        check = {"status": "critical", "output": "it is stopped"}
        self.store.write_text(json.dumps({
            "agent": {"node": "production-web1", "datacenter": "hq"},
            "datacenters": {"hq": {"kv": {KEY: SLOW}, "services": [
                {"service": "web", "node": "production-web1", "checks": {"web-role": check}}]}}}))

    def argv(self, *words):
        return [self.powerconsul, *words, "--config", str(self.config)]

    def handle(self, *before, after=()):
        return subprocess.run([*before, *self.argv("watch", "critical", *after)], input=SNAPSHOT, env={}, text=True,
                              capture_output=True, timeout=60, check=False)

    def worker(self):
        """The process that a handler has left behind, and not one that it has forked; None if there is none."""
        words = [os.fsencode(str(each)) for each in self.argv("watch", "critical", "--detach")]
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cmdline").read_bytes().split(b"\0")[:-1] == words and is_alive(int(process.name)):
                    began = int((process / "stat").read_text().rpartition(")")[2].split()[19])
                    found.append((began, int(process.name)))
            except OSError:
                pass
        return min(found)[1] if found else None

    def handler(self):
        """One that runs, and has its snapshot."""
        with tempfile.TemporaryFile("w+") as snapshot:
            snapshot.write(SNAPSHOT)
            snapshot.seek(0)
            return subprocess.Popen(self.argv("watch", "critical"), env={}, stdin=snapshot, stdout=subprocess.DEVNULL)

    def attempts(self):
        """None while no incident is known; else how many there were, and whether the last one's outcome is."""
        known = incidents(self.argv())
        if not known:
            return None
        only, = known
        outcomes = [each["outcome"] for each in only["tried"]]
        return only["attempts"], bool(outcomes) and outcomes[-1] != "unfinished"

    def spans(self):
        """Begin and end of each run of the trigger, in the order in which they began; an end may be missing."""
        begun, ended = {}, {}
        for line in self.runs.read_text().splitlines() if self.runs.exists() else []:
            what, pid, at = line.split()
            (begun if what == "begin" else ended)[pid] = int(at)
        return sorted((at, ended.get(pid)) for pid, at in begun.items())


class Kills(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="powerconsul-kills-"))
        self.addCleanup(self.clean)
        self.powerconsul = os.environ["POWERCONSUL"]

    def clean(self):
        end_processes_below(self.folder)
        shutil.rmtree(self.folder)

    def can_trace(self):
        if not shutil.which("strace"):
            raise RuntimeError("strace is missing, install strace")
        probe = subprocess.run([*TRACED, "/dev/null", "true"], capture_output=True, text=True, check=False)
        if probe.returncode != 0:
            self.skipTest(f"this machine lets nobody trace: {probe.stderr}")

    def test_a_trigger_waits_for_its_intent_only(self):
        """For that file and its directory to be on the disk, in a new state directory as in one in use."""
        self.can_trace()
        place = Place(self.folder / "flushes", self.powerconsul)
        trace = self.folder / "trace"
        for number in (1, 2, 3):
            wait_until("the trigger runs", lambda: place.handle(
                *TRACED, str(trace), "-f", "-y", "-e", "trace=execve,fsync,fdatasync,sync_file_range").returncode == 0
                and place.attempts()[0] == number)
            calls = re.findall(r"^\d+ +(execve|fsync|fdatasync)\(([^)]*)", trace.read_text(), re.M)
            begins = [i for i, (name, what) in enumerate(calls) if name == "execve" and what.startswith('"/bin/sh"')]
            self.assertEqual(len(begins), 1, calls)
            waited = [what for name, what in calls[:begins[0]] if name != "execve"]
            self.assertEqual(len(waited), 2, waited)
            self.assertIn("/journal/", waited[0])
            self.assertTrue(waited[1].endswith("/journal>"), waited)

    def test_the_handler_dies_before_each_of_its_system_calls(self):
        self.can_trace()
        place = Place(self.folder / "whole", self.powerconsul)
        trace = self.folder / "trace"
        self.assertEqual(place.handle(*TRACED, str(trace)).returncode, 0)
        self.assertEqual(place.attempts(), (1, True))
        names = re.findall(r"^(\w+)\(", trace.read_text(), re.M)
        counts = collections.Counter()
        points = []
        for name in names:
            counts[name] += 1
            points.append((name, counts[name]))
        # The first one makes strace's child the handler.
        self.assertEqual(points[0], ("execve", 1))
        del points[0]
        points = points[::int(os.environ.get("KILL_STRIDE", "1"))]
        ends = self.at_once(self.kill_before, points)
        wrong = [end for end in ends if end and end != "alive"]
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(points)}")
        # How often it polls or waits is not the same in each run.
        alive = ends.count("alive")
        self.assertLess(alive, len(points) / 20 + 1, "nearly all of them are reached")
        print(f"{len(points) - alive} deaths: never lost, never two at once", flush=True)

    def test_the_handler_dies_while_the_trigger_runs(self):
        """That is within a system call, for most of the time."""
        wrong = [end for end in self.at_once(self.kill_later, [(i * 10,) for i in range(20)]) if end]
        self.assertEqual(wrong, [])

    def test_the_worker_dies_while_it_works(self):
        """With all its threads, anywhere between its beginning and what follows the trigger."""
        wrong = [end for end in self.at_once(self.kill_worker, [(i * 20,) for i in range(20)]) if end]
        self.assertEqual(wrong, [])

    @staticmethod
    def at_once(kill, points):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda each: kill(*each), points))

    def kill_later(self, delay):
        """What went wrong. The delay, in milliseconds, counts from the trigger's beginning."""
        place = Place(self.folder / f"later-{delay}", self.powerconsul)
        with place.handler() as handler:
            try:
                wait_until("the trigger begins", place.spans)
                time.sleep(delay / 1000)
                handler.kill()
                handler.wait(60)
                self.recover(place)
            except AssertionError as why:
                return f"{delay} ms: {why}"
        return None

    def kill_worker(self, delay):
        """What went wrong. The delay, in milliseconds, counts from the end of who has left the worker behind."""
        place = Place(self.folder / f"worker-{delay}", self.powerconsul)
        try:
            end = place.handle(after=("--detach",))
            self.assertEqual((end.returncode, end.stdout, end.stderr), (0, "", ""))
            time.sleep(delay / 1000)
            worker = place.worker()
            self.assertIsNotNone(worker, "there is no worker")
            os.kill(worker, signal.SIGKILL)
            wait_until("it is dead", lambda: not is_alive(worker))
            self.recover(place)
        except AssertionError as why:
            return f"worker, {delay} ms: {why}"
        return None

    def kill_before(self, name, number):
        """What went wrong; "alive" if the call was not reached."""
        place = Place(self.folder / f"{name}-{number}", self.powerconsul)
        inject = ["-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={number}"]
        try:
            end = place.handle(*TRACED, "/dev/null", *inject)
            if end.returncode not in (0, -signal.SIGKILL):
                return f"{place.folder.name}: exits {end.returncode}: {end.stdout}{end.stderr}"
            self.recover(place)
        except (AssertionError, ValueError) as why:
            return f"{place.folder.name}: {why}"
        shutil.rmtree(place.folder)
        return "alive" if end.returncode == 0 else None

    def recover(self, place):
        """Handlers are called again, as Consul would; in the end there is an attempt with an outcome that has run: one
        whose handler died may be recorded, and never have begun."""
        deadline = time.monotonic() + 20
        while True:
            known = place.attempts()
            begun = len(place.spans())
            self.assertLessEqual(begun, known[0] if known else 0, "an attempt that the journal does not know")
            if known and known[1] and begun:
                break
            self.assertLess(time.monotonic(), deadline, "the attempt is lost")
            again = place.handle()
            self.assertEqual(again.returncode, 0, again)
            time.sleep(0.03)
        wait_until("all have ended", lambda: all(end for _, end in place.spans()), 10)
        spans = place.spans()
        self.assertIn(len(spans), (1, 2), "the one that was made, and before it one whose handler died")
        self.assertLessEqual(known[0], 2, "one attempt for each handler at most")
        for (_, end), (begin, _) in zip(spans, spans[1:]):
            self.assertLess(end, begin, "two at once")


if __name__ == "__main__":
    unittest.main(verbosity=2)
