"""A broken Consul, each fault against the real one: what every command says, how it exits, how long it takes.

    CONSUL=... POWERCONSUL=... python3 test_faults.py [--table | --table=all] [unittest options]

The faults happen first, those that do not touch each other at the same time; the tests then look at what was printed.
`--table` prints it after the tests, in Markdown: each fault, and of the altered answers those
that stand for the rest; `--table=all` prints all. Where Consul itself breaks, it is broken: killed, stopped, emptied,
limited. For the answers that it does not give on demand, altering_proxy.py alters those of the real agent.
"""
import base64
import collections
import concurrent.futures
import http.client
import json
import re
import secrets
import shlex
import shutil
import sys
import threading
import time
import unittest

import altering_proxy as alter
from consul_cluster import AT_ONCE, Agent, Cluster, Node, executables, wait_until

BUDGET = 8.0  # seconds, of a command; five eighths of it are Consul's
SLACK = 1.5  # for a busy machine
QUICK = 3.0  # for what does not wait for anybody
OTHER = "production-web1"  # the active of every standby, and the standby of every active

COMMON = ("--http-addr", "--node", "--environment", "--server-role", "--state-dir", "--service-manager",
          "--init-directory", "--stop-file", "--format", *AT_ONCE[::2])

# What a check says of a service that is as its role demands: by the node's place in the document.
RIGHT = {
    "active": {"code": 0, "state": "passing", "role": "primary", "expects": True},
    "standby": {"code": 0, "state": "passing", "role": "secondary", "expects": False},
    "standalone": {"code": 0, "state": "passing", "role": "standalone", "expects": True},
}
STARTED = 'event="trigger started"'
WORDS = {True: "running", False: "stopped", None: "unknown"}
UNKNOWN = {"code": 1, "state": "unknown", "role": "unknown", "expects": None, "basis": "none"}


def unknown(_):
    """Nothing is known, and nothing is guessed."""
    return UNKNOWN


def undecided(_):
    """A standby that cannot tell whether an active serves."""
    return {**UNKNOWN, "role": "secondary"}


def cached(kind):
    return {**RIGHT[kind], "basis": "cached"}


def fresh(kind):
    return {**RIGHT[kind], "basis": "fresh"}


def takes_over(_):
    return {"code": 2, "state": "critical", "role": "secondary", "expects": True, "basis": "fresh"}


class BigCluster(Cluster):
    """hq: three servers and client agents, one for each fault of an agent; dr and far: a server each."""

    def start(self):
        ips = self.free_addresses(13)
        dr, far = ips[11:]
        make = lambda *words, **more: self.agents.append(Agent(self, *words, **more)) or self.agents[-1]
        self.servers = [make("hq", f"hq-server{i + 1}", ips[i], True, ips[:3], join_wan=dr, expect=3) for i in range(3)]
        self.webs = [make("hq", f"production-web{i - 2}", ips[i], False, ips[:3]) for i in range(3, 11)]
        self.dr = make("dr", "production-web21", dr, True, None, join_wan=far)
        self.far = make("far", "production-web22", far, True, None, join_wan=ips[0])
        self.hq = self.servers[0]
        self.web1, self.web2 = self.webs[:2]
        for agent in self.agents:
            agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        wait_until("hq is healthy", lambda: self.healthy_nodes(self.web2) == 11)
        for name in ("dr", "far"):
            wait_until(f"{name} is seen", lambda n=name: self.healthy_nodes(self.web2, n) == 1)

    def leader(self, by):
        """The server that leads in the eyes of another; nothing while none does."""
        address = by.api("GET", "/v1/status/leader")
        return next((each for each in self.servers if address == f"{each.ip}:8300"), None)

    def servers_are_whole(self):
        """All three answer, follow one leader, and are healthy in the eyes of the others."""
        for server in self.servers:
            server.resume()
            if server.process.poll() is not None:
                server.start()
        for server in self.servers:
            wait_until(f"{server.node} is ready", server.ready)
            wait_until(f"{server.node} is healthy",
                       lambda s=server: all(self.serf(s, by) == "passing" for by in (self.web2, *self.servers)))
        wait_until("they agree", lambda: len({self.leader(by).node for by in self.servers}) == 1)

    @staticmethod
    def serf(agent, by):
        checks = by.api("GET", f"/v1/health/node/{agent.node}")
        return next((each["Status"] for each in checks if each["CheckID"] == "serfHealth"), None)


class Place:
    """One node with services in which it has a place, and the last known roles of them.

    `services`: (name, kind, document) of each; `fronts`: other agents that have an instance.
    """

    def __init__(self, cluster, agent, services, fronts=(), named=True):
        self.cluster, self.agent, self.services, self.fronts, self.named = cluster, agent, services, fronts, named
        self.known = None

    @classmethod
    def ordinary(cls, cluster, agent):
        """An active, a standby and a standalone, whose actives serve."""
        name = agent.node.rpartition("-")[2]
        active = {"active_nodes": [agent.node], "standby_nodes": [OTHER]}
        standby = {"active_nodes": [OTHER], "standby_nodes": [agent.node]}
        return cls(cluster, agent, [(f"active-{name}", "active", active), (f"standby-{name}", "standby", standby),
                                    (f"standalone-{name}", "standalone", None)], [cluster.web1])

    def set_up(self):
        """Registers all, this node's checks as critical, and writes the documents and a trigger for each role."""
        ran = self.cluster.folder / "ran"
        ran.touch()
        for name, _, document in self.services:
            for role in ("primary", "secondary", "standalone"):
                self.cluster.web2.put_key(f"triggers/production/{name}/{role}/critical", f"echo {name} >>{ran}")
            if document:
                self.cluster.web2.put_key(f"cluster/production/{name}", document)
            for agent in self.fronts:
                agent.register(name)
            self.agent.register(name, "critical")
            self.agent.api("PUT", f"/v1/agent/check/fail/{name}-alive?note=dead")

    def seen(self):
        for name, kind, _ in self.services:
            for agent in self.fronts:
                wait_until(f"{name} on {agent.node} passes",
                           lambda n=name, a=agent: self.cluster.web2.worst(n, a.node, a.datacenter) == "passing")
            wait_until(f"{name} on {self.agent.node} is there",
                       lambda n=name: self.agent.worst(n, self.agent.node) == "critical")

    def warm(self):
        """Makes the last known roles, by fresh ones."""
        node = self.node(self.agent, False)
        for name, kind, _ in self.services:
            run = node.run(self.check(node, name))
            said = (run.line["role"], run.line["expects"], run.line["basis"])
            if said != (RIGHT[kind]["role"], RIGHT[kind]["expects"], "fresh"):
                raise AssertionError(f"{name} is not as it should be before anything breaks: {run}")
        self.known = node.state

    def node(self, agent, known, local="apache2"):
        """Powerconsul with a state directory of its own: empty, or with the last known roles."""
        node = Node(self.cluster, agent, local)
        node.running(local == "apache2")
        if known:
            shutil.copytree(self.known, node.state, dirs_exist_ok=True)
        return node

    def options(self, node, service):
        words = node.options(service)
        if not self.named:
            at = words.index("--node")
            del words[at:at + 2]
        return words

    def check(self, node, service, *more):
        return [self.cluster.powerconsul, "check", "service", "-s", node.local, *self.options(node, service),
                "--service-manager", "sysv", "--init-directory", str(node.init), *more]

    def role(self, node, service, *more):
        return [self.cluster.powerconsul, "role", *self.options(node, service), "--format", "json", *more]

    def handler(self, node, command, service, *more):
        """watch and trigger: their words, and what they get."""
        entry = {"Node": self.agent.node, "CheckID": f"{service}-alive", "Name": "alive", "Status": "critical",
                 "Notes": "", "Output": "dead", "ServiceID": service, "ServiceName": service, "CreateIndex": 7,
                 "ModifyIndex": 7}
        common = [*self.options(node, service)[2:], "--stop-file", str(node.folder / "stop"), *more]
        if command == "watch":
            return [self.cluster.powerconsul, "watch", "critical", *common], json.dumps([entry])
        return [self.cluster.powerconsul, "trigger", "critical", "-s", json.dumps(entry), *common], ""


def every(place, states=(False, True)):
    """All commands, on all of a place's services; the handlers on the first."""
    plan = [(command, kind, known, times) for known in states for _, kind, _ in place.services
            for command, times in (("check", 2), ("role", 1))]
    return plan + [(command, place.services[0][1], known, 1) for known in states for command in ("watch", "trigger")]


class Look:
    """One command under one fault: what came of it, and what should have."""

    def __init__(self, node, kind, known, limit, expected, steady):
        self.node, self.kind, self.known = node, kind, known
        self.limit, self.expected, self.steady = limit, expected, steady
        self.runs = []

    @property
    def last(self):
        return f"{'' if self.known else 'no '}last known role"

    @property
    def words(self):
        """The command as it was run, with names for what is long."""
        words = ["CHECK" if word.startswith('{"Node"') else word for word in self.runs[0].argv[1:]]
        return self.named("powerconsul " + shlex.join(words) + (" <CHECKS" if words[0] == "watch" else ""))

    @property
    def command(self):
        """Its own words, without those that all have."""
        return re.sub(r" (--max-age 10m|(" + "|".join(COMMON) + r") \S+)", "", self.words)

    @property
    def printed(self):
        run = self.runs[0]
        text = run.out + "".join(re.sub(r"^time=\S+ ", "", line) for line in run.err.splitlines(True))
        text = re.sub(r"\b(incident|pid|duration_ms)=\w+", r"\1=…", re.sub(r" after \d+ ms", " after … ms", text))
        return self.named(text).strip().replace("|", "\\|").replace("\n", "<br>")

    def named(self, text):
        node = self.node.agent.node
        for what, name in ((str(self.node.state), "STATE"), (str(self.node.init), "INIT"),
                           (str(self.node.folder / "stop"), "STOP"), (self.node.agent.address, "AGENT")):
            text = text.replace(what, name)
        text = re.sub(rf"\b(active|standby|standalone)-{node.rpartition('-')[2]}\b", "SERVICE", text)
        return re.sub(rf"\b{node}\b", "NODE", re.sub(r"\b(apache2|nginx)\b", "LOCAL", text))

    @property
    def seconds(self):
        return max(run.seconds for run in self.runs)

    @property
    def codes(self):
        return ", ".join(sorted({str(run.code) for run in self.runs}))

    def judge(self, case):
        case.assertTrue(self.runs)
        for run in self.runs:
            self.expected(case, run)
            case.assertLess(run.seconds, self.limit, run)
            if self.steady:
                case.assertEqual(run.out, self.runs[0].out, "the same while nothing changes")


def says(expected, reason):
    """A check's contract, and what it should find out here."""
    def look(case, run):
        case.assertEqual((run.err, run.out.count("\n"), run.out[-1:]), ("", 1, "\n"), run)
        case.assertLessEqual(len(run.out.encode()), 3584, run)
        line = run.line
        case.assertEqual({name: line.get(name, "missing") for name in expected}, expected, run)
        case.assertEqual(run.code, expected["code"], run)
        clustered = {"standalone": (False,), "unknown": (None, True)}.get(line["role"], (True,))
        case.assertIn(line["clustered"], clustered, run)
        if expected["basis"] != "fresh":
            case.assertRegex(line["reason"], reason, run)
    return look


def tells(expected, reason, code):
    """The same of `role`, which exits with the trouble's code where nothing can be told."""
    def look(case, run):
        line = run.line
        case.assertEqual(run.err, "", run)
        case.assertEqual((line["role"], line["expectation"], line["basis"]),
                         (expected["role"], WORDS[expected["expects"]], expected["basis"]), run)
        case.assertEqual(run.code, code if expected["expects"] is None else 0, run)
        if expected["basis"] != "fresh":
            case.assertRegex(line["reason"], reason, run)
    return look


def one_of(*expected):
    """A check that comes to one of several ends, and to no other."""
    def look(case, run):
        case.assertEqual((run.err, run.out.count("\n")), ("", 1), run)
        said = {name: run.line.get(name, "missing") for name in expected[0]}
        case.assertIn(said, expected, run)
        case.assertEqual(run.code, said["code"], run)
    return look


def exits_with(*codes):
    def look(case, run):
        case.assertIn(run.code, codes, run)
    return look


def handles(acts, reason, code):
    """watch and trigger: a trigger runs, or none does and it is said why."""
    def look(case, run):
        case.assertEqual(len(re.findall(STARTED, run.err)), int(acts), run)
        case.assertEqual(run.code, 0 if acts else code, run)
        if not acts:
            case.assertRegex(run.err, reason, run)
        for line in run.err.splitlines():
            case.assertRegex(line, r"^(time=|powerconsul: )", run)
    return look


class Loop(Look):
    """One command again and again, while something happens."""

    def __init__(self, node, kind, known, limit, expected, argv, text="", most=None):
        super().__init__(node, kind, known, limit, expected, False)
        self.argv, self.text, self.most = argv, text, most

    def run(self, over):
        while not over.wait(0.1):
            self.runs.append(self.node.run(self.argv, self.text))

    @property
    def command(self):
        return f"{super().command}, again and again"

    @property
    def printed(self):
        ends = collections.Counter((run.line["state"], run.line["basis"]) if run.out.startswith("{") else
                                   ("a trigger ran" if STARTED in run.err else "no trigger ran", run.code)
                                   for run in self.runs)
        return "<br>".join(f"{count} × {end[0]}, {end[1]}" for end, count in sorted(ends.items()))

    def judge(self, case):
        case.assertGreater(len(self.runs), 3)
        super().judge(case)
        if self.most is not None:
            case.assertLessEqual(sum(run.err.count(STARTED) for run in self.runs), self.most, self.runs)


class Story:
    """Breaks Consul and keeps what was seen: for each fault, a list of looks."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.seen = collections.defaultdict(list)
        self.quick = concurrent.futures.ThreadPoolExecutor(6)
        self.patient = concurrent.futures.ThreadPoolExecutor(48)
        self.proxies, self.ran = [], []

    def close(self):
        for proxy in self.proxies:
            proxy.close()
        self.quick.shutdown(cancel_futures=True)
        self.patient.shutdown(cancel_futures=True)

    def ask(self, fault, place, reason, without=unknown, kept=cached, code=69, acts=(False, False), front=None,
            hangs=False, steady=True, timeout=BUDGET, plan=None, extra=(), quick=QUICK):
        """Has commands run under a fault, and gives what it takes to wait for all of them.

        `without` and `kept` give what a check should say without and with a last known role, `acts` whether a trigger
        should run then (never by what is only remembered), `code` is that of the other commands where nothing is known;
        `steady`: twice the same.
        `quick`: how long a command may take that waits for nobody, in seconds.
        `plan`: (command, kind, with a last known role, how often) of each; the rest of the arguments is for all.
        """
        agent = front or place.agent
        pool = self.patient if hangs else self.quick
        names = {kind: name for name, kind, _ in place.services}
        jobs = []
        for command, kind, known, times in plan or every(place):
            node = place.node(agent, known, "nginx" if kind == "standby" else "apache2")
            more = [*(() if timeout == BUDGET else ("--timeout", f"{timeout:g}s")),
                    *(("--max-age", "10m") if known else ()), *extra]
            expected, text, limit = (kept if known else without)(kind), "", timeout * 5 / 8 + SLACK if hangs else quick
            if command == "check":
                argv, judge = place.check(node, names[kind], *more), says(expected, reason)
            elif command == "role":
                argv, judge = place.role(node, names[kind], *more), tells(expected, reason, code)
            else:
                argv, text = place.handler(node, command, names[kind], *more)
                judge = handles(acts[known], reason, code)
                limit = timeout + SLACK if hangs else quick
            look = Look(node, kind, known, limit, judge, steady)
            self.seen[fault].append(look)
            if hangs:  # twice at the same time
                jobs += [(look, pool.submit(lambda n=node, a=argv, t=text: [n.run(a, t)])) for _ in range(times)]
            else:
                some = lambda n=node, a=argv, t=text, c=times: [n.run(a, t) for _ in range(c)]
                jobs.append((look, pool.submit(some)))
        return lambda: [look.runs.extend(job.result()) for look, job in jobs]

    def told(self, *waits):
        for wait in waits:
            wait()

    # The story.

    def tell(self):
        cluster = self.cluster
        places = [Place.ordinary(cluster, each) for each in cluster.webs[1:]]
        main, down, hung, limited, cut_off, refused, synced = places
        node = cluster.web2.node
        abroad = {name: Place(cluster, cluster.web2, [(name, "standby", document)], fronts)
                  for name, document, fronts in (
                      ("killed", {"active_datacenters": ["dr"], "standby_datacenters": ["hq"]}, [cluster.dr]),
                      ("stopped", {"active_datacenters": ["far"], "standby_datacenters": ["hq"]}, [cluster.far]),
                      ("listed", {"active_nodes": ["production-web21"], "standby_nodes": [node]}, [cluster.dr]))}
        nowhere = {"active_datacenters": ["nowhere"], "standby_datacenters": ["hq"]}
        unheard = Place(cluster, cluster.web2, [("nowhere", "standby", nowhere)])
        hidden = Place(cluster, cluster.web2,
                       [("hidden", "standby", {"active_nodes": [OTHER], "standby_nodes": [node]})], [cluster.web1],
                       named=False)
        alone = Place(cluster, synced.agent, [("lonely", "standby", {"active_nodes": [OTHER],
                                                                     "standby_nodes": [synced.agent.node]})],
                      [cluster.web1])
        orphan = Place(cluster, cluster.web2, [("orphan", "standby", {"active_nodes": [synced.agent.node],
                                                                      "standby_nodes": [node]})], [synced.agent])
        everywhere = [*places, *abroad.values(), unheard, hidden, alone, orphan]
        for each in everywhere:
            each.set_up()
        for each in everywhere:
            each.seen()
        for each in (*places, *abroad.values(), hidden, alone):
            each.warm()
        self.told(*self.altered(main, hidden, abroad["listed"]),
                  *self.agents(down, hung, limited, cut_off, refused, synced, alone, orphan))
        self.told(*self.datacenters(unheard, abroad))
        self.servers(main)
        self.ran = (cluster.folder / "ran").read_text().splitlines()

    def agents(self, down, hung, limited, cut_off, refused, synced, alone, orphan):
        cluster = self.cluster
        down.agent.kill()
        yield self.ask("agent down", down, r"connection refused; is the agent running\?")
        hung.agent.pause()
        yield self.ask("agent stopped: accepts, never answers", hung, "did not answer the request for /v1/.* in time",
                       hangs=True)

        (limited.agent.config / "limits.hcl").write_text("limits { rpc_rate = 0.0001 rpc_max_burst = 1 }")
        limited.agent.api("PUT", "/v1/agent/reload")
        wait_until("the agent refuses", lambda: limited.agent.request("GET", "/v1/kv/x")[0] == 429)
        yield self.ask("429: the agent's rpc_rate", limited, "Consul answers 429 to /v1/kv/.*: too many requests")

        # Everything that these agents knew is gone with their data directories.
        for each in (cut_off, refused, synced):
            each.agent.kill()
            each.agent.wipe()
        # Nobody can talk to an agent with a key of its own.
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        cut_off.agent.argv = [word for word in cut_off.agent.argv if not word.startswith("-retry-join")]
        cut_off.agent.argv.append(f"-encrypt={key}")
        for each in (cut_off, refused):
            each.agent.start()
        wait_until("it knows no server",
                   lambda: cut_off.agent.request("GET", "/v1/kv/x") == (500, b"No known Consul servers"))
        yield self.ask("agent restarted, cannot reach a server", cut_off, "500 to /v1/.*: No known Consul servers")

        wait_until("it is there", lambda: refused.agent.request("GET", "/v1/kv/?keys")[0] == 200)
        if refused.agent.api("GET", "/v1/agent/services"):
            raise AssertionError("the agent still has its services")
        yield self.ask("agent restarted, not synced: it knows no service, the catalog the old ones", refused, "",
                       without=fresh, kept=fresh, acts=(True, True))

        wait_until("the dead node is seen", lambda: cluster.web2.worst("orphan", synced.agent.node) == "critical")
        synced.agent.start()
        for name in ("lonely", *(each[0] for each in synced.services), "orphan"):
            wait_until(f"{name} has left the catalog",
                       lambda n=name: synced.agent.worst(n, synced.agent.node) == "absent")
        cluster.web1.api("PUT", "/v1/agent/service/deregister/lonely")
        wait_until("nobody has lonely", lambda: synced.agent.api("GET", "/v1/health/service/lonely") == [])
        fault = "agent restarted, its services are not in the catalog"
        yield self.ask(fault, synced, "", without=fresh, kept=fresh, acts=(True, True))
        yield self.ask(f"{fault}, and nobody else has them", alone,
                       "lists no instance of lonely, not even this node's: it is not registered yet, or the token",
                       without=undecided, code=77)
        yield self.ask(f"{fault}, as the standby of another node sees it", orphan, "", without=takes_over,
                       plan=every(orphan, (False,)), acts=(True, True))

    def datacenters(self, unheard, abroad):
        cluster = self.cluster
        yield self.ask("remote datacenter unknown", unheard,
                       "Consul answers 500 to /v1/health/(service/nowhere|node/): No path to datacenter",
                       without=undecided, plan=every(unheard, (False,)))
        cluster.dr.kill()
        cluster.far.pause()
        yield self.ask("remote datacenter slow: its server is stopped", abroad["stopped"],
                       "did not answer the request for /v1/health/(service/stopped|node/[^?]*).dc=far.* in time",
                       without=undecided, hangs=True)
        yield self.ask("remote datacenters slow and unreachable, asked for an active listed by node", abroad["listed"],
                       "(answers 500 to|did not answer the request for) /v1/health/(service/listed|node/)",
                       without=undecided, hangs=True, steady=False)
        # Consul's text for it changes once gossip has found out.
        yield self.ask("remote datacenter unreachable: its server is killed", abroad["killed"],
                       "Consul answers 500 to /v1/health/(service/killed|node/)",
                       without=undecided, steady=False)

    def altered(self, main, hidden, listed):
        for title, alteration, passing, reason, code, *only in ALTERATIONS:
            for endpoint, (path, plan) in MATRIX.items():
                if only and endpoint not in only[0]:
                    continue
                place = {"self": hidden, "datacenters": listed}.get(endpoint, main)
                if hasattr(alteration, "of_a_body"):
                    plan = [each for each in plan if each[1] != "standalone"]
                if hasattr(alteration, "is_large"):
                    plan = [(*plan[0][:3], 1)]
                proxy = alter.Proxy(place.agent, path, alteration)
                self.proxies.append(proxy)
                hangs = code == HANGS
                # A standby whose actives are not known for a moment is judged by what it last should, but nothing acts
                # on that. One that remembers where they are need not ask which datacenters there are.
                peers = endpoint in ("health", "datacenters")
                kept = fresh if endpoint == "datacenters" else cached if passing or peers else unknown
                yield self.ask(f"{endpoint}: {title}", place, reason, front=proxy, plan=plan,
                               without=undecided if peers else unknown, kept=kept, hangs=hangs,
                               timeout=4.0 if hangs else BUDGET, code=69 if hangs else code,
                               quick=BUDGET if hasattr(alteration, "is_large") else QUICK)

    # The servers.

    def servers(self, main):
        cluster = self.cluster
        main.warm()
        for server in cluster.servers:
            server.pause()
        # After a second or two their silence makes the agent forget them, and what it answers changes.
        self.told(self.ask("all servers stopped", main,
                           "did not answer the request for /v1/.* in time|Consul answers 500 to /v1/", hangs=True,
                           timeout=4.0, steady=False))
        cluster.servers_are_whole()
        main.warm()
        self.leader_changes(main)
        follower = self.catches_up(main)
        main.warm()
        for server in cluster.servers:
            if server is not follower:
                server.kill()
        wait_until("there is no leader", lambda: self.known_leader() == "false")
        # What the one that is left last heard can confirm, for --max-stale, a document or that there is none.
        no_leader = "without a cluster leader|No cluster leader|did not answer the request for /v1/.* in time"
        fault = "no leader: two of three servers are killed"
        self.told(self.ask(f"{fault}, a moment ago", main, no_leader, hangs=True,
                           kept=lambda kind: cached(kind) if kind == "standby" else fresh(kind)),
                  self.ask(f"{fault}, beyond --max-stale", main, no_leader, hangs=True, extra=("--max-stale", "1ms")),
                  self.ask(f"{fault}, --consistent", main, no_leader, hangs=True, extra=("--consistent",),
                           plan=[("check", "standby", False, 1), ("check", "standby", True, 1)]))
        follower.kill()
        follower.wipe()
        # Consul's own answer comes after 7 s, and nobody waits for it as long as that.
        (follower.config / "hold.hcl").write_text('performance { rpc_hold_timeout = "1s" }')
        follower.start()
        wait_until("it answers", lambda: follower.request("GET", "/v1/agent/self")[0] == 200)
        self.told(self.ask("no leader: a server that is asked itself has lost its data", self.empty,
                           "Consul answers 500 to /v1/.*: No cluster leader", hangs=True, timeout=4.0))
        follower.kill()
        wait_until("the agent knows no server",
                   lambda: cluster.web2.request("GET", "/v1/kv/x") == (500, b"No known Consul servers"))
        self.told(self.ask("no leader: all servers are killed", main, "500 to /v1/.*: No known Consul servers"))

    def known_leader(self):
        connection = http.client.HTTPConnection(self.cluster.web2.ip, 8500, timeout=10)
        try:
            connection.request("GET", "/v1/kv/x?stale")
            return connection.getresponse().headers["X-Consul-KnownLeader"]
        finally:
            connection.close()

    def while_it_lasts(self, fault, place, happen):
        """Every command again and again, while something happens that changes no service's state."""
        loops = []
        for name, kind, _ in place.services:
            local = "nginx" if kind == "standby" else "apache2"
            # Who knew knows on, and who does not know says so: a verdict is right or there is none.
            known, unknowing = place.node(place.agent, True, local), place.node(place.agent, False, local)
            loops.append(Loop(known, kind, True, 5 + SLACK, one_of(fresh(kind), cached(kind)),
                              place.check(known, name)))
            loops.append(Loop(unknowing, kind, False, 5 + SLACK,
                              one_of(fresh(kind), unknown(kind), undecided(kind)),
                              place.check(unknowing, name, "--max-age", "0")))
        name, kind, _ = place.services[0]
        node = place.node(place.agent, True)
        argv, text = place.handler(node, "watch", name)
        # Its check stays critical: one incident, and the first attempt's back-off is longer than this.
        loops.append(Loop(node, kind, True, BUDGET + SLACK, exits_with(0, 69), argv, text, most=1))
        over = threading.Event()
        running = [self.patient.submit(each.run, over) for each in loops]
        try:
            wait_until("each has run once", lambda: all(each.runs for each in loops))
            happen()
            wait_until("each has run a few times", lambda: all(len(each.runs) > 3 for each in loops))
        finally:
            over.set()
            for each in running:
                each.result()
        self.seen[fault] += loops

    def leader_changes(self, main):
        cluster = self.cluster
        for fault, stop in (("leader killed in the middle", Agent.kill), ("leader stopped in the middle", Agent.pause)):
            def happen():
                old = cluster.leader(cluster.web2)
                other = next(each for each in cluster.servers if each is not old)
                stop(old)
                wait_until("another leads", lambda: cluster.leader(other) not in (None, old))
                wait_until("it can be asked", lambda: cluster.web2.request("GET", "/v1/kv/?keys", timeout=2)[0] == 200)
                cluster.servers_are_whole()
            self.while_it_lasts(fault, main, happen)

    def catches_up(self, main):
        """A follower that comes back with nothing, and has 16 MiB to read before it comes to the documents."""
        cluster = self.cluster
        leader = cluster.leader(cluster.web2)
        follower = next(each for each in cluster.servers if each is not leader)
        for i in range(40):
            cluster.web2.put_key(f"ballast/{i}", b"x" * 400_000)
        self.empty = Place.ordinary(cluster, follower)
        self.empty.set_up()
        self.empty.seen()
        self.empty.warm()
        follower.kill()
        follower.wipe()

        def happen():
            follower.start()
            last = self.empty.services[1][0]
            wait_until("it has caught up",
                       lambda: follower.request("GET", f"/v1/kv/cluster/production/{last}?stale")[0] == 200)
            cluster.servers_are_whole()
        self.while_it_lasts("a server that lost its data catches up, and is asked itself", self.empty, happen)
        return follower


# Whose answers are altered, and what is run then: command, kind, with a last known role, how often.
MATRIX = {
    "kv": ("/v1/kv/", [("check", "standby", False, 2), ("check", "standby", True, 1), ("check", "active", False, 1),
                       ("check", "standalone", False, 1), ("role", "standby", False, 1),
                       ("watch", "active", False, 1)]),
    "triggers": ("/v1/kv/triggers/", [("trigger", "active", True, 1)]),
    "health": ("/v1/health/", [("check", "standby", False, 2), ("check", "standby", True, 1),
                                       ("watch", "standby", False, 1)]),
    "self": ("/v1/agent/self", [("check", "standby", False, 1), ("check", "standby", True, 1)]),
    "checks": ("/v1/agent/checks", [("watch", "active", False, 1), ("trigger", "active", False, 1)]),
    "datacenters": ("/v1/catalog/datacenters", [("check", "standby", False, 2), ("check", "standby", True, 1)]),
}
HANGS = -1
IN_TIME = "did not answer the request for /v1/.* in time"
BROKEN_OFF = "broke off its answer to the request for /v1/"
TOO_LARGE = "answers the request for /v1/.* with more than the 67108864 bytes that are taken"
FLOODED = "answers the request for /v1/.* with more headers than the 1048576 bytes that are taken"
NO_HTTP = "does not speak HTTP"
OVERLONG = "answers the request for /v1/.* with a line of more than the 8192 bytes that are taken before the body"
JSON = "/v1/.*: not valid JSON at line 1, column "
SHAPE = "/v1/.*(not of the documented shape|expected an object)"
# What is made of an answer, whether a last known role bridges it, the reason, and the code of the other commands; at
# the end the endpoints, if not all.
ALTERATIONS = [
    ("closed without an answer", alter.closed_at_once, True, "closed the connection without an answer", 69),
    ("cut off in the headers", alter.cut_in_the_headers, True, BROKEN_OFF, 69),
    ("cut off before the body", alter.cut_before_the_body, True, BROKEN_OFF, 69),
    ("cut off in the body", alter.cut_in_the_body, True, BROKEN_OFF, 69),
    ("cut off in a chunk", alter.chunk_cut, True, BROKEN_OFF, 69),
    ("cut off between chunks", alter.last_chunk_missing, True, BROKEN_OFF, 69),
    ("the size of a chunk is no number", alter.chunk_size_no_number, True, BROKEN_OFF, 69),
    ("accepts, never answers", alter.never_answers, True, IN_TIME, HANGS),
    ("hangs in the headers", alter.stops_in_the_headers, True, IN_TIME, HANGS),
    ("hangs in the body", alter.stops_in_the_body, True, IN_TIME, HANGS),
    ("drips, a byte each 30 ms", alter.drips, True, IN_TIME, HANGS),
    ("an SSH server's greeting", alter.no_http, False, NO_HTTP, 65),
    ("a TLS alert", alter.tls_alert, False, NO_HTTP, 65),
    ("headers without end", alter.endless_headers, False, FLOODED, 65),
    ("one header without end", alter.endless_header, False, OVERLONG, 65),
    ("a length that is no number", alter.length_no_number, False, "Content-Length that is no number", 65),
    ("100 MiB", alter.hundred_mib, False, TOO_LARGE, 65),
    ("100 MiB in chunks", alter.hundred_mib_in_chunks, False, TOO_LARGE, 65),
    ("100 MiB to the connection's end", alter.hundred_mib_to_the_end, False, TOO_LARGE, 65),
    ("a proxy's 404", alter.page(404), False, "Consul answers 404 to /v1/.*; is the address that of a", 65),
    ("a proxy's 302", alter.page(302, "Location: /login"), False, "Consul answers 302 to /v1/.*: a redirect", 65),
    ("a proxy's 401", alter.page(401, 'WWW-Authenticate: Basic realm="x"'), False, "Consul answers 401 to /v1/.*; a proxy in front of it asks for a name", 65),
    ("a proxy's 403", alter.page(403), False, "Consul answers 403 to /v1/.*; the token needs ", 77),
    ("a proxy's 429", alter.page(429), True, "Consul answers 429 to /v1/.*: too many requests", 69),
    ("a proxy's 502", alter.page(502), True, "Consul answers 502 to /v1/.*; see the agent's log", 69),
    ("a proxy's 503", alter.page(503), True, "Consul answers 503 to /v1/.*; see the agent's log", 69),
    ("a proxy's 200", alter.page(200), False, JSON, 65),
    ("204", alter.no_content, False, "Consul answers 204 to /v1/", 65),
    ("200, empty", alter.body(""), False, "/v1/.*: the answer has no body; is a proxy in between", 65),
    ("200, JSON without its end", alter.half_json, False, JSON, 65),
    ("200, JSON twice", alter.two_documents, False, JSON, 65),
    ("200, compressed", alter.compressed, False, "the answer is encoded as .*gzip.*, which nobody", 65),
    ("200, null", alter.body("null"), False, SHAPE, 65),
    ("200, a string", alter.body('"passing"'), False, SHAPE, 65),
    ("200, a number", alter.body("7"), False, SHAPE, 65),
    ("200, an object", alter.body('{"a": 1}'), False, SHAPE, 65),
    ("200, a list of numbers", alter.body("[7]"), False, SHAPE, 65),
    ("200, a list of nothing", alter.body("[{}]"), False, SHAPE, 65),
    ("200, []", alter.body("[]"), False, SHAPE, 65, ("kv", "triggers", "self", "datacenters")),
    ("200, [] where this node's own should be", alter.body("[]"), False, "not even this node's", 77, ("health",)),
    ("200 without a leader", alter.without_a_leader, True, "without a cluster leader", 69, ("triggers", "health")),
    ("Key of another type", alter.retyped(0, "Key"), False, SHAPE, 65, ("kv", "triggers")),
    ("another key", alter.retyped(0, "Key", value="cluster/production/other"), False, SHAPE, 65, ("kv", "triggers")),
    ("Value of another type", alter.retyped(0, "Value"), False, SHAPE, 65, ("kv", "triggers")),
    ("Value not base64", alter.retyped(0, "Value", value="{}"), False, "/v1/.*base64", 65, ("kv", "triggers")),
    ("ModifyIndex of another type", alter.retyped(0, "ModifyIndex", value="7"), False, SHAPE, 65, ("kv", "triggers")),
    ("Node of another type", alter.retyped(0, "Node"), False, SHAPE, 65, ("health",)),
    ("another node", alter.retyped(0, "Node", value="production-web9"), False, SHAPE, 65, ("health",)),
    ("a check of another type", alter.retyped(0), False, SHAPE, 65, ("health",)),
    ("Status of another type", alter.retyped(0, "Status"), False, SHAPE, 65, ("health",)),
    ("ServiceID of another type", alter.retyped(0, "ServiceID"), False, SHAPE, 65, ("health",)),
    ("ServiceName of another type", alter.retyped(0, "ServiceName"), False, SHAPE, 65, ("health",)),
    ("Config of another type", alter.retyped("Config"), False, SHAPE, 65, ("self",)),
    ("NodeName of another type", alter.retyped("Config", "NodeName"), False, SHAPE, 65, ("self",)),
    ("a check of another type", alter.retyped(0), False, SHAPE, 65, ("checks",)),
    ("Status of another type", alter.retyped(0, "Status"), False, "/v1/agent/checks: the check ", 65, ("checks",)),
    ("a datacenter of another type", alter.retyped(0), False, SHAPE, 65, ("datacenters",)),
]


class Faults(unittest.TestCase):
    """What was seen while the story was told, look by look."""

    def look(self, fault, looks):
        self.assertTrue(looks, f"{fault} was not seen")
        for each in looks:
            with self.subTest(fault=fault, command=each.words, of=(each.kind, each.last)):
                each.judge(self)

    def test_agents_datacenters_and_servers(self):
        for fault, looks in story.seen.items():
            if fault.partition(":")[0] not in MATRIX:
                self.look(fault, looks)

    def test_altered_answers(self):
        for fault, looks in story.seen.items():
            if fault.partition(":")[0] in MATRIX:
                self.look(fault, looks)

    def test_triggers_did_what_the_log_says(self):
        runs = [run for looks in story.seen.values() for each in looks for run in each.runs]
        self.assertEqual(len(story.ran), sum(run.err.count(STARTED) for run in runs))
        self.assertTrue(story.ran)

    def test_answers_were_altered(self):
        for proxy in story.proxies:
            with self.subTest(endpoint=proxy.endpoint, alteration=proxy.alteration):
                self.assertIsNone(proxy.trouble)
                self.assertGreater(proxy.altered, 0)


story = None


def setUpModule():
    global story
    cluster = BigCluster(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()
    story = Story(cluster)
    unittest.addModuleCleanup(story.close)
    story.tell()


def table(looks_of, whole):
    """Markdown. What came to the same is one row; the whole has each alteration at each endpoint, too."""
    print(f"All have {' … '.join(COMMON)} … as far as they know them; with a last known role also --max-age 10m.")
    print("AGENT, NODE, SERVICE and LOCAL stand for names that differ from fault to fault.\n")
    print("| fault | command | printed | exit | seconds |\n|---|---|---|---|---|")
    for fault, looks in looks_of.items():
        endpoint, _, alteration = fault.partition(": ")
        if not whole:
            fault = f"answer altered: {alteration}" if endpoint == "kv" else fault
            looks = looks[:1] if endpoint == "kv" else [] if endpoint in MATRIX else looks
            looks = [each for each in looks if not (each.known and " role " in each.command)]
        rows = collections.defaultdict(list)
        for each in looks:
            rows[each.command, each.printed, each.codes].append(each)
        for (command, printed, codes), same in rows.items():
            lasts = {last: [each.kind for each in same if each.last == last] for last in (each.last for each in same)}
            whose = "; ".join(f"{', '.join(kinds)}: {last}" for last, kinds in lasts.items())
            longest = max(each.seconds for each in same)
            print(f"| {fault} ({whose}) | `{command}` | {printed} | {codes} | {longest:.1f} |")


def main():
    wanted = [each for each in sys.argv if each in ("--table", "--table=all")]
    program = unittest.main(argv=[each for each in sys.argv if each not in wanted], exit=False)
    if wanted and story:
        table(story.seen, "--table=all" in wanted)
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
