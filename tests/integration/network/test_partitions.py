"""No verdict changes for a service whose state did not: servers killed, cut off, out of hearing, slow.

    CONSUL=... POWERCONSUL=... python3 test_partitions.py [--minutes 2] [--every 20] [--seed N] [--options=TEXT] [...]

    hq: server1, server2, server3; production-web1, production-web2, production-web3 (client agents)

Each is a machine with a network and a host name of its own, so that powerconsul runs with its defaults there; but a
standby waits for nothing, since it would not notice what is short. Consul runs every check every second, and another
loop calls powerconsul directly; each of these calls is a sample. `--options` are further ones of each check, as
--options=--consistent. Exit status 77: skipped.
"""
import argparse
import base64
import collections
import concurrent.futures
import http.client
import itertools
import json
import pathlib
import shlex
import sys
import threading
import time
import typing
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "consul"))
from consul_cluster import AT_ONCE, Agent, Cluster, Node, executables, wait_until  # noqa: E402
from network import Network, refusal  # noqa: E402

SERVERS = ["server1", "server2", "server3"]
WEB1, WEB2, WEB3 = CLIENTS = ["production-web1", "production-web2", "production-web3"]
LOCAL = {"web": "apache2", "queue": "rabbitmq", "cache": "memcached", "metrics": "collectd"}
PAIR = {"active_nodes": [WEB1], "standby_nodes": [WEB2, WEB3]}
SWAPPED = {"active_nodes": [WEB2], "standby_nodes": [WEB1, WEB3]}
DOCUMENTS = {"web": PAIR, "queue": PAIR, "cache": {"mode": "all-active"}}  # and none for metrics
RUNNING = {"web": [WEB1], "queue": [WEB2], "cache": [WEB1, WEB2], "metrics": [WEB1, WEB3]}
GOOD, BAD, WAITS = ("passing", 0, True), ("critical", 2, True), ("passing", 0, False)
NOT_KNOWN = ("unknown", 1, None)
# State, exit code and expectation. The queue's active is down and one of its standbys has taken over.
STEADY = {"web": [GOOD, WAITS, WAITS], "queue": [BAD, GOOD, BAD], "cache": [GOOD, GOOD, BAD],
          "metrics": [GOOD, BAD, GOOD]}
STEADY = {(client, service): row[i] for service, row in STEADY.items() for i, client in enumerate(CLIENTS)}
TAKEN_OVER = {(WEB2, "web"): BAD, (WEB3, "web"): BAD}  # what is expected of the standbys when nobody serves
STATUS = {0: "passing", 1: "warning", 2: "critical"}
BUDGET = 8  # seconds, powerconsul's --timeout
# Gossip keeps Consul's own times for a local network.
COMMON = """
ports { dns = -1 grpc = -1 }
check_update_interval = "0s"
enable_local_script_checks = true
disable_update_check = true
"""
# Notes each run of a check by Consul: when it began and ended, its exit status and its line.
RECORD = """#!/bin/sh
file=$1
shift
begin=$(date +%s.%N)
line=$("$@" 2>&1)
code=$?
echo "$begin $(date +%s.%N) $code $line" >>"$file"
echo "$line"
exit "$code"
"""
# A new leader takes nodes that it has not heard of yet out of the catalog (reconcileReaped); they come back by themselves.
ABSENT_AFTER = "20s"
chosen = argparse.Namespace(minutes=0.3, every=6.0, seed=5, options="")
cluster = None


class Machine(Agent):
    """An agent on a machine of its own, asked from there."""

    def __init__(self, all_of_it, node, server):
        self.network = all_of_it.network
        super().__init__(all_of_it, "hq", node, self.network.ip(node), server, [self.network.ip(s) for s in SERVERS],
                         expect=3, client="127.0.0.1", prefix=self.network.prefix(node), common=COMMON)

    def connection(self, timeout):
        connection = http.client.HTTPConnection("127.0.0.1", 8500, timeout=timeout)
        with self.network.on(self.node):
            connection.connect()
        return connection

    def raft(self):
        """(term, the leader's address) as this server knows them."""
        stats = self.api("GET", "/v1/agent/self")["Stats"]
        return int(stats["raft"]["term"]), stats["consul"]["leader_addr"]


class Sample(typing.NamedTuple):
    by: str  # "consul" or "direct"
    client: str
    service: str
    begin: float  # by the wall clock, in seconds
    end: float
    code: int
    line: dict

    @property
    def verdict(self):
        return self.line["state"], self.code, self.line["expects"]

    @property
    def basis(self):
        return self.line["basis"]

    def __str__(self):
        return (f"{self.client} {self.service} by {self.by} at {self.begin:.2f} for {self.end - self.begin:.2f} s: "
                f"{self.line}")


class Client(Node):
    """A client machine with its local services, powerconsul with its defaults, and Consul running it."""

    def __init__(self, all_of_it, agent):
        super().__init__(all_of_it, agent, LOCAL["web"])
        self.name, self.offsets = agent.node, {}
        self.record = self.folder / "record"
        self.record.write_text(RECORD)
        self.record.chmod(0o755)
        for service, local in LOCAL.items():
            self.init_script(local)
            self.running(self.name in RUNNING[service], local)

    def words(self, service, state):
        return [self.cluster.powerconsul, "check", "service", "-s", LOCAL[service], "-S", service, "--state-dir",
                str(self.folder / state), "--service-manager", "sysv", "--init-directory", str(self.init),
                *AT_ONCE[:-1], ABSENT_AFTER, *shlex.split(chosen.options)]

    def consul_runs_checks(self):
        (self.folder / "by-consul").mkdir(mode=0o700)
        checks = {service: {"id": f"{service}-role", "name": f"{service} is as its role demands", "interval": "1s",
                            "timeout": f"{BUDGET + 2}s", "status": "passing",
                            "args": [str(self.record), str(self.folder / f"{service}.runs-of-consul"),
                                     *self.words(service, "by-consul")]} for service in LOCAL}
        (self.agent.config / "checks.json").write_text(json.dumps(
            {"services": [{"name": name, "port": 80, "checks": [check]} for name, check in checks.items()]}))
        self.agent.api("PUT", "/v1/agent/reload")

    def runs_of_consul(self, service):
        """Those that ended since this was last asked."""
        try:
            text = (self.folder / f"{service}.runs-of-consul").read_text()
        except FileNotFoundError:
            return []
        lines = text[self.offsets.get(service, 0):text.rfind("\n") + 1].splitlines()
        self.offsets[service] = text.rfind("\n") + 1
        rows = (line.split(" ", 3) for line in lines)
        return [Sample("consul", self.name, service, float(begin), float(end), int(code), json.loads(line))
                for begin, end, code, line in rows]

    def sample(self, service, *more, state="state"):
        (self.folder / state).mkdir(mode=0o700, exist_ok=True)
        begin = time.time()
        run = self.run([*self.agent.network.prefix(self.name), *self.words(service, state), *more])
        if run.err or run.out.count("\n") != 1:
            raise AssertionError(run)
        return Sample("direct", self.name, service, begin, time.time(), run.code, run.line)


class Machines(Cluster):
    def __init__(self, consul, powerconsul):
        super().__init__(consul, powerconsul)
        self.network = Network(SERVERS + CLIENTS, chosen.seed)
        self.agents = [Machine(self, name, name in SERVERS) for name in self.network.names]
        self.named = {agent.node: agent for agent in self.agents}
        self.servers = [self.named[name] for name in SERVERS]
        self.clients = {}

    def start(self):
        for agent in self.agents:
            agent.start()
        self.whole()
        self.fill(300)
        for service, document in DOCUMENTS.items():
            self.put(service, document)
        self.clients = {name: Client(self, self.named[name]) for name in CLIENTS}
        for client in self.clients.values():
            client.consul_runs_checks()
        self.steady()

    def fill(self, count):
        """Makes the servers' log long, so that a server that starts needs time to have its state back."""
        leader = self.leader()

        def write(number):
            value = base64.b64encode(bytes(100)).decode()
            leader.api("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": f"filler/{number}/{i}", "Value": value}}
                                          for i in range(64)])
        with concurrent.futures.ThreadPoolExecutor(8) as writers:
            list(writers.map(write, range(count)))

    def close(self):
        super().close()
        self.network.close()

    def put(self, service, document, by=None):
        wait_until(f"the document of {service} can be written",
                   lambda: (by or self.leader()).put_key(f"cluster/production/{service}", document) or True)

    def whole(self):
        self.network.heal()
        for agent in self.agents:
            if not agent.process or agent.process.poll() is not None:
                agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        for agent in self.agents:  # else who was called dead learns of it by the next exchange only, within 30 s
            agent.api("PUT", f"/v1/agent/join/{self.servers[0].ip}")
            wait_until(f"{agent.node} sees six healthy nodes", lambda: self.healthy_nodes(agent) == 6)

    def steady(self):
        """Waits until everything is whole and each verdict is the one of STEADY, freshly read, in Consul too."""
        self.whole()
        since = time.time()
        for (name, service), verdict in STEADY.items():
            client = self.clients[name]
            wait_until(f"{service} on {name} is steady", lambda: self.is_steady(client.sample(service), verdict))
            wait_until(f"Consul's runs of {service} on {name} are steady", lambda: any(
                [self.is_steady(each, verdict) for each in client.runs_of_consul(service)[-1:] if each.begin > since]))
        for client in self.clients.values():
            wait_until(f"Consul's checks on {client.name} are steady", lambda: not changed_statuses(client))

    @staticmethod
    def is_steady(sample, verdict):
        if (sample.verdict, sample.basis) != (verdict, "fresh"):
            raise AssertionError(sample)
        return True

    def leader(self):
        """A server that itself says it leads."""
        def find():
            return next((s for s in self.servers if s.process.poll() is None and s.raft()[1] == f"{s.ip}:8300"), None)
        return wait_until("a server leads", find)


def changed_statuses(client):
    """What Consul holds of the checks where that is not what STEADY says."""
    status, text = client.agent.request("GET", "/v1/agent/checks", timeout=2)
    if status != 200:
        raise OSError(f"{client.name} answers {status}")
    checks = json.loads(text)
    return [f"{client.name} {service} is {checks[f'{service}-role']['Status']} in Consul: "
            f"{checks[f'{service}-role']['Output']}" for service in LOCAL
            if checks[f"{service}-role"]["Status"] != STATUS[STEADY[client.name, service][1]]]


class Watch:
    """Every verdict while it is entered: of Consul's runs, of direct calls, and as Consul holds it."""

    def __init__(self):
        self.samples, self.wrong, self.polls, self.silent, self.over = [], [], 0, 0, threading.Event()
        self.threads = [threading.Thread(target=loop, args=words, daemon=True)
                        for client in cluster.clients.values()
                        for loop, *words in ((self.poll, client), *((self.call, client, each) for each in LOCAL))]

    def __enter__(self):
        self.began = time.time()
        for client in cluster.clients.values():
            for service in LOCAL:
                client.runs_of_consul(service)
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        for client in cluster.clients.values():
            for service in LOCAL:
                self.samples += [each for each in client.runs_of_consul(service) if each.begin >= self.began]

    def call(self, client, service):
        while True:
            try:
                self.samples.append(client.sample(service))
            except Exception as problem:  # in a thread of its own it would be lost
                self.wrong.append(f"{client.name} {service} {type(problem).__name__}: {problem}")
            if self.over.wait(0.4):
                return

    def poll(self, client):
        """An agent that waits for a server while it reports its checks answers nobody until then: no verdict, that."""
        while not self.over.wait(0.5):
            try:
                self.wrong += changed_statuses(client)
                self.polls += 1
            except OSError:
                self.silent += 1

    def wait(self, seconds):
        time.sleep(max(0.0, self.began + seconds - time.time()))

    def of(self, client, since=0.0, basis=None):
        return [each for each in self.samples
                if each.client == client and each.begin >= since and basis in (None, each.basis)]


class Partitions(unittest.TestCase):
    def setUp(self):
        cluster.steady()
        self.network = cluster.network
        self.addCleanup(cluster.network.heal)
        self.began = time.monotonic()

    def unchanged(self, seen, *more, but=()):
        """The one claim of this file: each sample has the verdict that its service had before. `but` names those whose
        state did change. Says what was seen."""
        changed = [each for each in seen.samples
                   if each.verdict != STEADY[each.client, each.service] and (each.client, each.service) not in but]
        wrong = [each for each in seen.wrong if tuple(each.split()[:2]) not in but]
        by, basis = (collections.Counter(getattr(each, name) for each in seen.samples) for name in ("by", "basis"))
        longest = max(each.end - each.begin for each in seen.samples)
        bases = ", ".join(f"{count} {name}" for name, count in sorted(basis.items()))
        print(f"\n    {time.monotonic() - self.began:.0f} s, {len(seen.samples)} samples ({by['consul']} by Consul, "
              f"{by['direct']} direct; {bases}), {seen.polls} answers of agents and {seen.silent} too late, "
              f"longest check {longest:.1f} s{''.join(', ' + each for each in more)}, "
              f"verdict changes: {len(changed) + len(wrong)}", flush=True)
        if changed or wrong:
            kinds = collections.Counter((each.by, each.client, each.service, str(each.line)) for each in changed)
            self.fail("\n".join(["a verdict changed:", *(f"{n} times {' '.join(kind)}" for kind, n in kinds.items()),
                                 *wrong[:5], "the first: " + str(min(changed, key=lambda each: each.end, default=""))]))
        self.assertLess(longest, BUDGET, "a check outlasts its budget")
        counted = collections.Counter((each.by, each.client, each.service) for each in seen.samples)
        every = itertools.product(("consul", "direct"), CLIENTS, LOCAL)
        self.assertEqual([key for key in every if not counted[key]], [], "these were not sampled")

    def hears(self, source, target, yes=True):
        """Datagrams from one machine come to the other, or none does: the fault is really there."""
        came = len(self.network.trip(source, target, 5, 0.5))
        self.assertEqual(came, 5 if yes else 0, f"{came} of 5 datagrams from {source} came to {target}")

    def test_1_leader_killed_again_and_again(self):
        kills, terms, gaps = max(1, round(chosen.minutes * 60 / chosen.every)), 0, []
        with Watch() as seen:
            for number in range(kills):
                next_kill = time.monotonic() + chosen.every
                leader = cluster.leader()
                others = [each for each in cluster.servers if each is not leader]
                before, killed = leader.raft()[0], time.monotonic()
                leader.kill()
                if number % 2 == 0:
                    leader.start()  # at once, so that it comes back into the election
                term = wait_until("there is another leader", lambda: next(
                    (term for term, address in map(Machine.raft, others) if address and term > before), None))
                gaps.append(time.monotonic() - killed)
                terms += term - before
                if leader.process.poll() is not None:
                    leader.start()
                wait_until(f"{leader.node} is back", leader.ready)
                time.sleep(max(0.0, next_kill - time.monotonic()))
        self.unchanged(seen, f"{kills} leaders killed", f"{terms} elections",
                       f"longest time without a leader {max(gaps):.1f} s")
        self.assertGreaterEqual(terms, kills, "not every leader was replaced")
        self.assertGreater(max(gaps), 0.5, "the leader was not missed")

    def test_2_all_servers_killed_at_once(self):
        """As when the power fails: who leads then has yet to read what it knew."""
        with Watch() as seen:
            seen.wait(1)
            for server in cluster.servers:
                server.kill()
            killed = time.time()
            for server in cluster.servers:
                server.start()
            cluster.leader()
            gap = time.time() - killed
            for server in cluster.servers:
                wait_until(f"{server.node} is back", server.ready)
            seen.wait(time.time() - seen.began + 3)
        self.unchanged(seen, f"{gap:.1f} s without a leader")
        self.assertTrue(any(each.begin > killed and each.basis == "cached" for each in seen.samples),
                        "the servers were not missed")

    def test_3_active_cut_off(self):
        """Its own verdict holds for --max-age and is unknown then; its standbys take over once Consul calls it dead."""
        max_age, cut_off = 8, cluster.clients[WEB1]
        options = ["--max-age", f"{max_age}s", "--timeout", "1s"]
        for service in LOCAL:
            cluster.is_steady(cut_off.sample(service, *options, state="short"), STEADY[WEB1, service])
        others = [name for name in self.network.names if name != WEB1]
        with Watch() as seen, concurrent.futures.ThreadPoolExecutor(len(LOCAL)) as side_by_side:
            self.network.fault([WEB1], others, loss=1)
            cut = time.time()
            for other in others:
                for way in ((WEB1, other), (other, WEB1)):
                    self.assertEqual(self.network.trip(*way, 2, 0.1), [], f"{way} is not cut")
            self.hears(WEB2, "server1")
            own = {service: [] for service in LOCAL}
            while not all(rows and rows[-1].verdict == NOT_KNOWN for rows in own.values()):
                self.assertLess(time.time() - cut, max_age + 12, f"not all are unknown yet: {own}")
                for rows, sample in zip(own.values(), side_by_side.map(
                        lambda service: cut_off.sample(service, *options, state="short"), own)):
                    rows.append(sample)
            for name in (WEB2, WEB3):
                wait_until(f"web on {name} is expected to run", lambda c=cluster.clients[name]:
                           c.sample("web").verdict == BAD, 20)
            seen.wait(1 + time.time() - seen.began)
        healed = time.monotonic()
        cluster.steady()
        back = time.monotonic() - healed
        for service, rows in own.items():
            verdicts = [each.verdict for each in rows]
            held = verdicts.index(NOT_KNOWN)
            self.assertEqual(verdicts, [STEADY[WEB1, service]] * held + [NOT_KNOWN] * (len(rows) - held), service)
            self.assertGreater(held, 0, f"{service}: the last known role was not used")
            self.assertEqual({each.basis for each in rows[:held]}, {"cached"}, service)
            self.assertEqual({(each.basis, each.line["role"]) for each in rows[held:]}, {("none", "unknown")}, service)
            self.assertLess(rows[held - 1].end - cut, max_age + 3, f"{service}: held for longer than --max-age")
            self.assertGreater(rows[held].end - cut, max_age * 3 / 4 - 3, f"{service}: not held for --max-age")
        for name in (WEB2, WEB3):
            rows = sorted((each for each in seen.of(name) if each.service == "web"), key=lambda each: each.end)
            for each in rows:
                self.assertIn(each.verdict, (WAITS, BAD), each)
                if each.verdict == BAD:
                    self.assertIn(f"no active serves: {WEB1} (hq) is critical by serfHealth", each.line["reason"])
            self.assertEqual((rows[0].verdict, rows[-1].verdict), (WAITS, BAD))
        first = min(each.end for each in seen.samples if each.service == "web" and each.verdict == BAD)
        self.unchanged(seen, f"{sum(map(len, own.values()))} more on the one cut off",
                       f"taken over after {first - cut:.1f} s", f"all back {back:.1f} s after healing", but=TAKEN_OVER)

    def test_4_leader_cut_off_from_the_other_servers(self):
        """A document that is changed meanwhile on the other side is not answered from the old one for longer than
        --max-stale, and never again once the new one was seen."""
        bound, default_bound = 2, 10  # seconds
        old = cluster.leader()
        rest = [each for each in cluster.servers if each is not old]
        before = old.raft()[0]

        def role_at_old(state, *more, max_stale=bound):
            """powerconsul on the server's own machine, so that no other server can answer."""
            client = cluster.clients[WEB1]
            (client.folder / state).mkdir(mode=0o700, exist_ok=True)
            run = client.run([*self.network.prefix(old.node), *client.words("queue", state), "--node", WEB1,
                              "--environment", "production", "--timeout", "2s", "--max-stale", f"{max_stale}s", *more])
            self.assertTrue(run.out, run)
            return run.line

        def age_at_old():
            """Of what the cut off server would tell, in seconds; it goes on telling the old document."""
            connection = old.connection(5)
            try:
                connection.request("GET", "/v1/kv/cluster/production/queue?stale")
                answer = connection.getresponse()
                self.assertEqual(json.loads(base64.b64decode(json.loads(answer.read())[0]["Value"])), PAIR)
                return int(answer.headers["X-Consul-LastContact"]) / 1000
            finally:
                connection.close()

        self.assertEqual([role_at_old("old")[name] for name in ("role", "basis")], ["primary", "fresh"])
        with Watch() as seen:
            self.network.fault([old.node], [each.node for each in rest], loss=1)
            for each in rest:
                self.hears(old.node, each.node, False)
                self.hears(each.node, old.node, False)
            self.hears(WEB1, old.node)
            new = wait_until("the majority has a leader", lambda: next(
                (each for each in rest for term, address in [each.raft()]
                 if term > before and address == f"{each.ip}:8300"), None))
            wait_until("the old one knows that it does not lead", lambda: not old.raft()[1])
            cluster.put("queue", SWAPPED, new)
            changed = time.time()
            wait_until("the bound is passed", lambda: age_at_old() > bound)
            # Without a bound the old document goes on, but only for who knows it.
            answers = [role_at_old("old"), role_at_old("old", "--max-age", "100ms"), role_at_old("new"),
                       role_at_old("unbounded", max_stale=600), role_at_old("old", max_stale=600)]
            swapped = {WEB1: WAITS, WEB2: GOOD, WEB3: WAITS}
            for name, verdict in swapped.items():
                wait_until(f"{name} goes by the new document",
                           lambda c=cluster.clients[name], v=verdict: cluster.is_steady(c.sample("queue"), v), 20)
            seen.wait(8)
        self.network.heal()
        healed = wait_until("the old leader tells the new document", lambda: next(
            (line for line in [role_at_old("new")] if line["basis"] == "fresh"), None))
        cluster.put("queue", PAIR)
        self.assertEqual((healed["role"], healed["expects"]), ("secondary", False))
        self.assertEqual([(line["role"], line["basis"]) for line in answers],
                         [("primary", "cached"), ("unknown", "none"), ("unknown", "none"), ("unknown", "none"),
                          ("primary", "fresh")])
        for by, name in itertools.product(("consul", "direct"), CLIENTS):
            rows = sorted((each for each in seen.of(name) if (each.by, each.service) == (by, "queue")),
                          key=lambda each: each.begin)
            held = next((i for i, each in enumerate(rows) if each.verdict == swapped[name]), len(rows))
            for i, each in enumerate(rows):
                self.assertEqual(each.verdict, STEADY[name, "queue"] if i < held else swapped[name], each)
                if i < held and each.begin > changed + default_bound:
                    self.assertEqual(each.basis, "cached", each)
        self.unchanged(seen, f"on the server cut off {', '.join(line['basis'] for line in answers)}",
                       but={(name, "queue") for name in CLIENTS})

    def test_5_one_way_loss(self):
        with Watch() as seen:
            self.network.fault([WEB1], SERVERS, both=False, loss=1)
            for server in SERVERS:
                self.hears(WEB1, server, False)
                self.hears(server, WEB1)
            deaf = time.time()
            seen.wait(8)
            lost = sum(self.network.counts()[WEB1, server][1] for server in SERVERS)
        self.unchanged(seen, f"{lost} packets lost")
        rows = seen.of(WEB1, deaf)
        self.assertEqual({each.basis for each in rows}, {"cached"}, "something answered without being asked")
        self.assertTrue(all(seen.of(name, deaf, "fresh") for name in (WEB2, WEB3)))

    def test_6_a_third_lost_both_ways(self):
        with Watch() as seen:
            self.network.fault([WEB1], SERVERS, loss=0.3)
            came = [len(self.network.trip(*way, 200)) for way in ((WEB1, "server2"), ("server3", WEB1))]
            seen.wait(8)
            counts = self.network.counts()
            lost = sum(counts[pair][1] for pair in counts if WEB1 in pair)
        self.unchanged(seen, f"{lost} packets lost")
        for each in came:
            self.assertTrue(100 < each < 175, f"{each} of 200 came")
        self.assertTrue(seen.of(WEB1, basis="fresh"))

    def test_7_late(self):
        """150 ms more or less 50 on each way between all."""
        with Watch() as seen:
            self.network.fault(self.network.names, self.network.names, delay=0.15, jitter=0.05)
            took = [each for way in ((WEB1, "server1"), ("server2", WEB3), ("server1", "server3"))
                    for each in self.network.trip(*way, 50)]
            late = time.time()
            seen.wait(7)
        rows = [each for name in CLIENTS for each in seen.of(name, late, "fresh")]
        self.assertTrue(rows)
        self.unchanged(seen, f"packets late by {min(took) * 1000:.0f} to {max(took) * 1000:.0f} ms",
                       f"shortest fresh check {min(each.end - each.begin for each in rows):.2f} s")
        self.assertGreaterEqual(min(took), 0.1)
        self.assertEqual(len(took), 150)
        self.assertGreater(min(each.end - each.begin for each in rows), 0.2, "an answer came faster than packets can")


def setUpModule():
    global cluster
    cluster = Machines(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()


def main():
    why = refusal()
    if why:
        print(f"SKIP: {why}")
        sys.exit(77)
    parser = argparse.ArgumentParser()
    for name, value in vars(chosen).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    _, rest = parser.parse_known_args(namespace=chosen)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
