"""A real agent, and what powerconsul costs it: requests, bytes and time of its processor.

`Agent` is a development agent of its own, `Counter` a relay in front of it that counts. What is measured with them stands
in functions that yield rows; bench.py prints them.
"""
import contextlib
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

NODE, STANDBY = "production-web1", "production-web2"
AT_ONCE = ["--takeover-after", "0s", "--give-back-after", "0s", "--absent-after", "0s"]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Agent:
    """Consul as a development agent, which is its own server, on ports of its own of 127.0.0.1."""

    def __init__(self, consul, node=NODE, datacenter="dc1", beside=None):
        """`beside`: an agent of another datacenter, to be joined."""
        self.folder = tempfile.mkdtemp()
        self.port, self.wan = free_port(), free_port()
        ports = {"http": self.port, "dns": -1, "grpc": -1, "serf_lan": free_port(), "serf_wan": self.wan,
                 "server": free_port()}
        config = os.path.join(self.folder, "consul.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"ports": ports, "bind_addr": "127.0.0.1", "node_name": node, "datacenter": datacenter,
                       "retry_join_wan": [f"127.0.0.1:{beside.wan}"] if beside else [], "log_level": "err",
                       "disable_update_check": True, "check_update_interval": "0s"}, file)
        self.process = subprocess.Popen([consul, "agent", "-dev", f"-config-file={config}"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=die_with_parent)
        self.address = f"127.0.0.1:{self.port}"
        self.connection = None
        self.wait("a leader", lambda: self.api("GET", "/v1/status/leader"))
        self.wait("its own node", lambda: self.api("GET", f"/v1/health/node/{node}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def wait(what, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if condition():
                    return
            time.sleep(0.05)
        sys.exit(f"bench.py: Consul: {what}: not within {seconds} s")

    def api(self, method, path, body=None):
        """Over one connection, which is made anew when it ends."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        for last in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                self.connection.request(method, path, text)
                answer = self.connection.getresponse()
                said = answer.read()
                break
            except (OSError, http.client.HTTPException):
                self.connection = None
                if last:
                    raise
        if answer.status != 200:
            raise OSError(f"{method} {path}: {answer.status} {said[:200]!r}")
        return json.loads(said) if said.strip() else None

    def put_key(self, key, value):
        self.api("PUT", f"/v1/kv/{key}", value)

    def register(self, service, status="passing"):
        """A service of this agent's own node."""
        self.api("PUT", "/v1/agent/service/register",
                 {"Name": service, "Check": {"CheckID": f"{service}-role", "TTL": "10h", "Status": status}})
        # A check without an output counts only after some time.
        self.api("PUT", f"/v1/agent/check/{'fail' if status == 'critical' else 'pass'}/{service}-role?note=as%20it%20is")

    def register_elsewhere(self, node, service, check):
        """A service of another node, with a check of that node which is critical."""
        self.api("PUT", "/v1/catalog/register",
                 {"Node": node, "Address": "127.0.0.2", "Service": {"Service": service},
                  "Checks": [{"Node": node, "CheckID": check, "Name": check, "Status": "critical"}]})

    def register_fleet(self, service, count):
        """That many nodes, each with one instance whose check is passing, in transactions of at most 64 operations."""
        operations = []
        for number in range(count):
            node = f"{service}-node{number:05}"
            operations += [
                {"Node": {"Verb": "set", "Node": {"Node": node, "Address": f"10.1.{number // 250}.{number % 250 + 1}"}}},
                {"Service": {"Verb": "set", "Node": node, "Service": {"ID": service, "Service": service, "Port": 80}}},
                {"Check": {"Verb": "set", "Check": {"Node": node, "CheckID": f"{service}-role", "Name": "as its role",
                                                    "Status": "passing", "Output": "OK - it is running",
                                                    "ServiceID": service}}},
            ]
            if len(operations) == 63 or number + 1 == count:
                self.api("PUT", "/v1/txn", operations)
                operations = []

    def processor_ns(self):
        """Nanoseconds of processor time that the agent's threads have used."""
        used = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError), \
                    open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as file:
                used += int(file.read().split()[0])
        return used


class Counter:
    """Relays connections to an agent, and counts the requests and the bytes of the answers."""

    def __init__(self, agent):
        self.agent, self.requests, self.bytes, self.asked = agent, 0, 0, []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def clear(self):
        self.requests, self.bytes, self.asked = 0, 0, []

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                server = socket.create_connection(("127.0.0.1", self.agent.port))
                for side in (client, server):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for way in ((client, server, self.count_requests), (server, client, self.count_bytes)):
                    threading.Thread(target=self.relay, args=way, daemon=True).start()

    def count_requests(self, text):
        found = re.findall(rb"(?:^|\n)([A-Z]+ /\S*) HTTP/1\.1\r\n", text)
        self.requests += len(found)
        self.asked += found

    def count_bytes(self, text):
        self.bytes += len(text)

    @staticmethod
    def relay(source, sink, count):
        with contextlib.suppress(OSError):
            while text := source.recv(1 << 20):
                count(text)
                sink.sendall(text)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class Node:
    """Powerconsul's command lines on a node, with two services that are up and down and a folder for its state."""

    def __init__(self, folder):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.scripts = os.path.join(self.folder, "init.d")
        os.mkdir(self.scripts)
        for service, words, status in (("up", "is running", 0), ("down", "is not running", 3)):
            path = os.path.join(self.scripts, service)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\necho '{service} {words}'\nexit {status}\n")
            os.chmod(path, 0o755)

    def new_state(self):
        return tempfile.mkdtemp(dir=self.folder)

    def check(self, program, address, service, node, local, state):
        return [program, "check", "service", "-s", local, "-S", service, "--node", node, "--environment", "production",
                "--server-role", "web", "--service-manager", "sysv", "--init-directory", self.scripts, "--state-dir",
                state, "--http-addr", address, *AT_ONCE]

    @staticmethod
    def watch(program, address, state):
        return [program, "watch", "critical", "--node", NODE, "--environment", "production", "--server-role", "web",
                "--state-dir", state, "--http-addr", address, "--log", "none", "--stop-file", "/nonexistent"]


def run(words, given=None):
    return subprocess.run(words, env={"PATH": PATH, "HOME": "/nonexistent"}, input=given, capture_output=True, check=False)


def document(actives, standbys=(STANDBY,), by="nodes"):
    return json.dumps({f"active_{by}": list(actives), f"standby_{by}": list(standbys)})


def count_requests(programs, consul, folder):
    """Rows of a situation, and for each program of a first run and of a later one: the requests, and how many of them
    were consistent reads, for which the leader asks most servers."""
    node = Node(folder)
    with Agent(consul) as agent, Agent(consul, STANDBY, "dr", agent) as other, Counter(agent) as counter, \
            Counter(other) as far:
        for service in ("web", "far", "alone"):
            agent.register(service)
        agent.register_elsewhere("production-web3", "dead", "node-alive")
        agent.register_elsewhere("production-web4", "kept", "_node_maintenance")
        agent.put_key("cluster/production/web", document([NODE]))
        agent.put_key("cluster/production/dead", document(["production-web3"]))
        agent.put_key("cluster/production/kept", document(["production-web4"]))
        other.put_key("cluster/production/far", document(["dc1"], ["dr"], "datacenters"))
        for service in ("web", "far", "alone"):
            agent.wait("its services in the catalog", lambda: agent.api("GET", f"/v1/health/service/{service}"))
        other.wait("the other datacenter", lambda: other.api("GET", "/v1/health/service/far?dc=dc1"))
        none = "/nonexistent/state"
        for name, service, who, local, state, asked in (
                ("an active", "web", NODE, "up", None, counter),
                ("a standby whose active serves", "web", STANDBY, "down", None, counter),
                ("a standby whose active is dead", "dead", STANDBY, "up", None, counter),
                ("a standby whose active is in maintenance", "kept", STANDBY, "up", None, counter),
                ("a standby whose actives are another datacenter", "far", STANDBY, "down", None, far),
                ("there is no document", "alone", NODE, "up", None, counter),
                ("an active without a usable state directory", "web", NODE, "up", none, counter),
                ("a standby without a usable state directory", "web", STANDBY, "down", none, counter)):
            counts = {}
            for key, program in programs.items():
                where = state or node.new_state()
                found = []
                for _ in range(3):
                    asked.clear()
                    done = run(node.check(program, asked.address, service, who, local, where))
                    if done.returncode != 0:
                        sys.exit(f"bench.py: {name}: the check is not passing: {done.stdout.decode()}")
                    found.append((asked.requests, sum(b"consistent" in each for each in asked.asked)))
                counts[key] = (found[0], found[2])
            yield name, counts


FLEETS = (10, 1000, 20_000)


def cost_of_fleets(programs, consul, folder, turns):
    """Rows of the fleet's size and, for each program, what one check of a standby takes: its own milliseconds, bytes of
    the agent's answers and milliseconds of the agent's processor. All sizes and programs in turns."""
    node = Node(folder)
    with Agent(consul) as agent, Counter(agent) as counter:
        for size in FLEETS:
            service = f"fleet{size}"
            agent.register_fleet(service, size - 1)
            agent.register(service)
            agent.put_key(f"cluster/production/{service}", document([NODE]))
        agent.wait("its services in the catalog", lambda: agent.api("GET", f"/v1/health/service/fleet{FLEETS[0]}"))
        measured = {(size, key): {"ms": [], "bytes": [], "agent": []} for size in FLEETS for key in programs}
        states = {each: node.new_state() for each in measured}
        time.sleep(2)  # for the agent to be done with all that
        for turn in range(-2, turns):
            for (size, key), kept in measured.items():
                if turn >= 3 and statistics.median(kept["ms"]) > 300:
                    continue  # it is known well enough
                counter.clear()
                before, began = agent.processor_ns(), time.monotonic()
                run(node.check(programs[key], counter.address, f"fleet{size}", STANDBY, "down", states[size, key]))
                took, used = time.monotonic() - began, agent.processor_ns() - before
                if turn >= 0:
                    for name, value in (("ms", took * 1000), ("bytes", counter.bytes), ("agent", used / 1e6)):
                        kept[name].append(value)
        for size in FLEETS:
            yield size, {key: {name: statistics.median(values) for name, values in measured[size, key].items()}
                         for key in programs}


def snapshot_of(agent, count):
    """What a watch gives its handler, once that many critical checks are in the catalog."""
    def is_there():
        found = agent.api("GET", "/v1/health/state/critical")
        return len(found) == count and all(each["Output"] for each in found)

    agent.wait("its critical checks", is_there)
    return json.dumps(agent.api("GET", "/v1/health/state/critical")).encode()


def cost_of_events(programs, consul, folder):
    """Rows of the number of critical services of this node and, for each program, the requests and milliseconds of the
    first event that tells of them and of one that tells of the same again. No trigger is there."""
    node = Node(folder)
    with Agent(consul) as agent, Counter(agent) as counter:
        there = 0
        for count in (10, 100, 1000):
            for number in range(there, count):
                agent.register(f"svc{number:04}", "critical")
            there = count
            given = snapshot_of(agent, count)
            measured = {key: {} for key in programs}
            for turn in range(6):  # the first one only counts: the counter takes time, too
                for key, found in measured.items():
                    state = node.new_state()
                    for event in ("first", "further"):
                        took = found.setdefault(event, [])
                        if turn > 1 and took and took[0] > 2000 or event == "further" and found["first"][0] > 10_000:
                            continue  # one that takes that long is known well enough, and its state is not complete
                        counter.clear()
                        began = time.monotonic()
                        done = run(node.watch(programs[key], (agent if turn else counter).address, state), given)
                        took.append((time.monotonic() - began) * 1000)
                        if done.returncode not in (0, 75):  # 75: services wait for each other, and not all had their turn
                            sys.exit(f"bench.py: a watch ends with {done.returncode}: {done.stderr.decode()}")
                        if turn == 0:
                            found[f"{event}: requests"] = counter.requests
            yield count, {key: {name: statistics.median(each[1:] or each) if isinstance(each, list) else each
                                for name, each in found.items() if each != []} for key, found in measured.items()}


def count_flushes(programs, consul, folder):
    """Rows of a state directory's use and, for each program, how often the disk is waited for before a trigger starts.
    Nothing where strace is missing or not allowed to trace."""
    if not shutil.which("strace") or run(["strace", "-o", "/dev/null", "true"]).returncode != 0:
        print("bench.py: flushes are left out, for strace is missing or may not trace", file=sys.stderr)
        return
    node = Node(folder)
    with Agent(consul) as agent:
        states = {key: node.new_state() for key in programs}
        for number, name in enumerate(("in a new state directory", "in one that is in use")):
            service, counts = f"svc{number}", {}
            agent.register(service, "critical")
            agent.put_key(f"triggers/production/{service}/standalone/critical", "exit 1 # the trigger")
            given = json.dumps([each for each in json.loads(snapshot_of(agent, number + 1))
                                if each["ServiceName"] == service]).encode()
            for key, program in programs.items():
                trace = os.path.join(node.folder, "trace")
                done = run(["strace", "-f", "-s", "200", "-o", trace, "-e", "trace=fsync,fdatasync,execve",
                            *node.watch(program, agent.address, states[key])], given)
                with open(trace, encoding="utf-8", errors="replace") as file:
                    calls, _, behind = file.read().partition("# the trigger")
                if not behind:
                    sys.exit(f"bench.py: the trigger did not run: {done.stderr.decode()}")
                counts[key] = len(re.findall(r"\bf(?:data)?sync\(", calls))
            yield name, counts
