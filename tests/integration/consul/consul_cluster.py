"""Two WAN-joined Consul datacenters on loopback addresses of their own, and powerconsul run against them.

    hq: hq-server (server), production-web1 and production-web2 (client agents)
    dr: production-web3 (server)

Real agents, real gossip, real elections; only the local service is a stand-in: an init script that reads a file.
Everything lives in one temporary directory and ends with it, also when this program is killed.
"""
import ctypes
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

os.umask(0o022)  # a configuration that its group may change is refused
DEADLINE = 60  # seconds, for anything that must happen
PORTS = (8300, 8301, 8302, 8500)
SERVER_HCL = """
performance { raft_multiplier = 1 }
"""
# How an agent leaves is Consul's default: a client agent leaves the cluster on SIGTERM and on SIGINT.
COMMON_HCL = """
ports { dns = -1 grpc = -1 }
check_update_interval = "0s"
enable_local_script_checks = true
disable_update_check = true
gossip_lan { probe_interval = "200ms" probe_timeout = "100ms" gossip_interval = "50ms" suspicion_mult = 2 }
gossip_wan { probe_interval = "500ms" probe_timeout = "300ms" gossip_interval = "100ms" suspicion_mult = 2 }
"""
# The other way: whatever ends the agent, its node stays registered, and Consul calls it dead.
STAYS_HCL = """
leave_on_terminate = false
skip_leave_on_interrupt = true
"""


def wait_until(what, condition, deadline=DEADLINE):
    """Waits for a condition and returns what it returned; an OSError or a bad answer counts as "not yet"."""
    end = time.monotonic() + deadline
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException, ValueError, LookupError, AssertionError) as problem:
            last = problem
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {deadline} s, last seen: {last!r}")


def executables():
    """Consul's and powerconsul's paths from the environment; without $CONSUL, tools/consul.sh is asked."""
    consul, powerconsul = os.environ.get("CONSUL"), os.environ.get("POWERCONSUL")
    if not consul:
        script = pathlib.Path(__file__).resolve().parents[3] / "tools" / "consul.sh"
        folder = os.environ.get("CONSUL_FOLDER", script.parents[1] / "build" / "consul")
        found = subprocess.run([script, folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if found.returncode != 0:
            sys.exit("without a Consul these tests cannot run, and they are not skipped")
        consul = found.stdout.strip()
    for name, value in (("CONSUL", consul), ("POWERCONSUL", powerconsul)):
        if not value or not os.access(value, os.X_OK):
            sys.exit(f"{name} must be the path of an executable, not {value!r}")
    return consul, powerconsul


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Agent:
    """`join` is one address or a list, `expect` the number of servers, `client` where the API listens if not on `ip`,
    `prefix` the words of a command that runs the agent elsewhere, `common` what its configuration begins with."""

    def __init__(self, cluster, datacenter, node, ip, server, join, join_wan=None, expect=1, client=None, prefix=(),
                 common=COMMON_HCL):
        self.cluster, self.datacenter, self.node, self.ip, self.server = cluster, datacenter, node, ip, server
        self.address = f"{ip}:8500"
        self.process = None
        self.paused = False
        self.folder = cluster.folder / node
        self.config = self.folder / "config"
        self.config.mkdir(parents=True)
        (self.config / "agent.hcl").write_text(common + (SERVER_HCL if server else ""))
        self.argv = [*prefix, cluster.consul, "agent", f"-datacenter={datacenter}", f"-node={node}", f"-bind={ip}",
                     f"-client={client or ip}", f"-advertise={ip}", f"-data-dir={self.folder / 'data'}",
                     f"-config-dir={self.config}", "-retry-interval=1s"]
        if server:
            self.argv += ["-server", f"-bootstrap-expect={expect}", f"-advertise-wan={ip}", f"-serf-wan-bind={ip}",
                          "-retry-interval-wan=1s"]
        self.argv += [f"-retry-join={each}" for each in ([join] if isinstance(join, str) else join or [])]
        if join_wan:
            self.argv.append(f"-retry-join-wan={join_wan}")

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.argv, env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, preexec_fn=die_with_parent)
        log.close()

    def ready(self):
        """Our own agent answers here: it has our data directory, and its process is alive."""
        if self.process.poll() is not None:
            log = (self.folder / "log").read_text()[-3000:]
            raise RuntimeError(f"{self.node} ended with {self.process.returncode}:\n{log}")
        me = self.api("GET", "/v1/agent/self")
        if me["DebugConfig"]["DataDir"] != str(self.folder / "data"):
            raise RuntimeError(f"somebody else's agent listens on {self.address}")
        return bool(self.api("GET", "/v1/status/leader"))

    def children(self):
        """The numbers of the processes that the agent has started and that have not ended."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [child for task in tasks for child in task.read_text().split()]

    def kill(self):
        """As a power failure: nobody is told."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.paused = False

    def stop(self, number=signal.SIGTERM):
        """As a service manager does. A client agent leaves the cluster, which takes it a few seconds."""
        self.process.send_signal(number)
        self.process.wait(DEADLINE)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True
        # The signal is sent; each thread may run on until it takes it.
        wait_until(f"{self.node} is stopped", self.stands_still)

    def stands_still(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)

    def wipe(self):
        """What a new disk leaves of a dead agent: nothing."""
        shutil.rmtree(self.folder / "data")

    def resume(self):
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
            self.paused = False

    def connection(self, timeout):
        return http.client.HTTPConnection(self.ip, 8500, timeout=timeout)

    def request(self, method, path, body=None, timeout=10):
        connection = self.connection(timeout)
        try:
            plain = body is None or isinstance(body, (str, bytes))
            connection.request(method, path, body if plain else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def api(self, method, path, body=None):
        status, text = self.request(method, path, body)
        if status != 200:
            raise AssertionError(f"{method} {path} at {self.node}: {status} {text[:200]!r}")
        return json.loads(text) if text.strip() else None

    # What a test sets up.

    def register(self, service, status="passing"):
        self.api("PUT", "/v1/agent/service/register",
                 {"Name": service, "Port": 80, "Check": {"CheckID": f"{service}-alive", "TTL": "1h", "Status": status}})

    def set_check(self, service, verb):
        """verb: pass, warn or fail."""
        self.api("PUT", f"/v1/agent/check/{verb}/{service}-alive")

    def maintenance(self, enable, service=None):
        where = f"service/maintenance/{service}" if service else "maintenance"
        self.api("PUT", f"/v1/agent/{where}?enable={'true' if enable else 'false'}&reason=test")

    def put_key(self, key, value):
        """The key byte by byte, as the official tool encodes it."""
        path = "/v1/kv/" + urllib.parse.quote(key, safe="/")
        self.api("PUT", path, value if isinstance(value, (str, bytes)) else json.dumps(value))

    def worst(self, service, node, datacenter=None):
        """What Consul tells of a service's instance, for waiting until a set-up can be seen."""
        path = f"/v1/health/service/{service}" + (f"?dc={datacenter}" if datacenter else "")
        checks = [c for entry in self.api("GET", path) if entry["Node"]["Node"] == node for c in entry["Checks"]]
        if not checks:
            return "absent"
        for state in ("critical", "warning"):
            if any(check["Status"] == state for check in checks):
                return state
        return "passing"


class Cluster:
    """`common`: what the agents' configurations begin with."""

    def __init__(self, consul, powerconsul, common=COMMON_HCL):
        self.consul, self.powerconsul, self.common = str(consul), str(powerconsul), common
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="powerconsul-consul-"))
        self.agents = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        ips = self.free_addresses(4)

        def make(*words, **more):
            self.agents.append(Agent(self, *words, common=self.common, **more))
            return self.agents[-1]
        self.hq = make("hq", "hq-server", ips[0], True, None, join_wan=ips[3])
        self.web1 = make("hq", "production-web1", ips[1], False, ips[0])
        self.web2 = make("hq", "production-web2", ips[2], False, ips[0])
        self.web3 = make("dr", "production-web3", ips[3], True, None, join_wan=ips[0])
        for agent in self.agents:
            agent.start()
        self.whole()

    def close(self):
        for agent in self.agents:
            agent.resume()
            agent.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def free_addresses(count):
        """Addresses of 127/8 on which nobody uses Consul's ports; random, so that runs side by side do not meet."""
        for _ in range(100):
            net = f"127.{random.randrange(64, 255)}.{random.randrange(1, 255)}"
            ips = [f"{net}.{i}" for i in range(11, 11 + count)]
            try:
                for ip in ips:
                    for port in PORTS:
                        with socket.socket() as probe:
                            probe.bind((ip, port))
                return ips
            except OSError:
                continue
        raise RuntimeError("no loopback addresses are free")

    def whole(self):
        """Waits until all agents live, both datacenters have leaders, see each other, and all nodes are healthy."""
        for agent in self.agents:
            agent.resume()
            if agent.process.poll() is not None:
                agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        wait_until("hq has three healthy nodes", lambda: self.healthy_nodes(self.web1) == 3)
        wait_until("dr is seen from hq", lambda: self.healthy_nodes(self.web1, "dr") == 1)
        wait_until("hq is seen from dr", lambda: self.healthy_nodes(self.web3, "hq") == 3)

    @staticmethod
    def healthy_nodes(agent, datacenter=None):
        path = "/v1/health/state/passing?" + (f"dc={datacenter}" if datacenter else "")
        return len([check for check in agent.api("GET", path) if check["CheckID"] == "serfHealth"])

    def clean(self):
        """A whole cluster without services, keys or maintenance."""
        self.whole()
        for agent in self.agents:
            for file in agent.config.glob("*.json"):
                file.unlink()
                agent.api("PUT", "/v1/agent/reload")
            agent.maintenance(False)
            for service in agent.api("GET", "/v1/agent/services"):
                if service != "consul":
                    agent.api("PUT", "/v1/agent/service/deregister/" + urllib.parse.quote(service, safe=""))
        for agent in (self.hq, self.web3):
            agent.api("DELETE", "/v1/kv/?recurse")
        for agent in (self.hq, self.web3):
            wait_until("no service is left", lambda a=agent: set(a.api("GET", "/v1/catalog/services")) == {"consul"})


class Run:
    """One finished call of powerconsul."""

    def __init__(self, argv, done, seconds):
        self.argv, self.code, self.seconds = argv, done.returncode, seconds
        self.out, self.err = done.stdout, done.stderr

    @property
    def line(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"{self.argv}\nexit {self.code} after {self.seconds:.1f} s\nstdout: {self.out}\nstderr: {self.err}"


# What a standby waits for is the subject of test_events.py; elsewhere it acts on what it sees.
AT_ONCE = ["--takeover-after", "0s", "--give-back-after", "0s", "--absent-after", "0s"]


class Node:
    """Powerconsul on one node: its own state directory and a local service that a test starts and stops."""

    def __init__(self, cluster, agent, local="apache2"):
        self.cluster, self.agent, self.local = cluster, agent, local
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{agent.node}-", dir=cluster.folder))
        self.init = self.folder / "init.d"
        self.init.mkdir()
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700)
        self.init_script(local)

    def init_script(self, local):
        """One more local service, stopped for now."""
        script = self.init / local
        script.write_text('#!/bin/sh\n[ "$1" = status ] || exit 2\n'
                          f'if [ -e "{self.folder}/{local}.runs" ]; then echo "{local} is running"; exit 0; fi\n'
                          f'echo "{local} is not running"; exit 3\n')
        script.chmod(0o755)

    def running(self, is_running, local=None):
        flag = self.folder / f"{local or self.local}.runs"
        flag.touch() if is_running else flag.unlink(missing_ok=True)

    def options(self, service):
        return ["-S", service, "--http-addr", self.agent.address, "--node", self.agent.node,
                "--environment", "production", "--server-role", "web", "--state-dir", str(self.state),
                *AT_ONCE]

    def check_argv(self, service="web", *more):
        return [self.cluster.powerconsul, "check", "service", "-s", self.local, *self.options(service),
                "--service-manager", "sysv", "--init-directory", str(self.init), *more]

    def run(self, argv, stdin=""):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        start = time.monotonic()
        done = subprocess.run(argv, env=environment, input=stdin, capture_output=True, text=True, timeout=60)
        return Run(argv, done, time.monotonic() - start)

    def check(self, service="web", *more):
        return self.run(self.check_argv(service, *more))

    def role(self, service="web", *more):
        return self.run([self.cluster.powerconsul, "role", *self.options(service), *more])
