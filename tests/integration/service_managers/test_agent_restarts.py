"""Consul's agent as a unit of a real systemd, restarted while it heals: what triggers do and have started goes on.

    test_agent_restarts.py POWERCONSUL PACKAGES

$CONSUL, or tools/consul.sh with $CONSUL_FOLDER, names the agent. What is needed, and where everything happens, is
written in service_managers.py. Exit status 77: skipped. With HEALING_TIMELINE=1 each row's time line is printed.
"""
import datetime
import http.client
import json
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "consul"))
from consul_cluster import Cluster, executables  # noqa: E402
from room import PROBE, run, wait_until, write  # noqa: E402
from service_managers import SLEEP, Rows, enter_systemd, run_managed, systemctl  # noqa: E402

CONSUL, CONFIG = "/run/test/consul", "/run/powerconsul.conf"
LOG = pathlib.Path("/run/log/powerconsul")
# As Debian's and HashiCorp's packages have it, but for what they differ in.
UNIT = """[Unit]
DefaultDependencies=no
[Service]
ExecStart={consul} agent -server -bootstrap-expect=1 -datacenter=hq -node=production-web1 -bind={ip} -client={ip} \
-data-dir=/run/consul/data -config-dir=/run/consul/config
ExecReload=/bin/kill --signal HUP $MAINPID
Restart=on-failure
{more}
"""
AGENT_HCL = """
ports { dns = -1 grpc = -1 }
performance { raft_multiplier = 1 }
check_update_interval = "0s"
enable_script_checks = true
disable_update_check = true
"""
UNITS = {
    "root": "",
    "another user": "User=daemon\nGroup=daemon\nNoNewPrivileges=yes\nPrivateTmp=yes\nProtectSystem=full\n"
                    "KillMode=control-group",
}


class Node:
    """The one node: its agent is a unit, and so are its services."""

    def __init__(self, ip):
        self.ip, self.rows, self.began, self.told = ip, Rows("systemd"), time.time(), []

    def api(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.ip, 8500, timeout=5)
        try:
            connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text) if text.strip() else None

    def leads(self):
        try:
            return bool(self.api("GET", "/v1/status/leader")) and bool(self.api("GET", "/v1/agent/self"))
        except OSError:
            return False

    def begins(self, unit):
        """A new agent whose unit is so, and whose handlers and checks call powerconsul."""
        run("systemctl", "stop", "consul", check=False)
        run("rm", "-rf", "/run/consul", "/run/state", str(LOG))
        for folder in ("/run/consul/config", "/run/consul/data", "/run/state", "/run/log"):
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        os.chmod("/run/state", 0o700)
        os.chmod("/run/log", 0o777)
        write("/run/consul/config/agent.hcl", AGENT_HCL)
        write("/run/consul/config/watches.json", json.dumps({"watches": [
            {"type": "checks", "state": state, "args": self.argv("watch", state, "--detach")}
            for state in ("critical", "warning")]}))
        write(CONFIG, json.dumps({
            "node": "production-web1", "environment": "production", "stateDir": "/run/state", "log": str(LOG),
            "logFormat": "json", "stopFile": "/run/stop", "consul": {"httpAddr": f"{self.ip}:8500"}}))
        if "User=" in UNITS[unit]:
            run("chown", "-R", "daemon:daemon", "/run/consul", "/run/state")
        write("/run/systemd/system/consul.service", UNIT.format(consul=CONSUL, ip=self.ip, more=UNITS[unit]))
        systemctl("daemon-reload")
        systemctl("start", "consul")
        wait_until("the agent leads", self.leads)

    @staticmethod
    def argv(*words):
        return ["/usr/bin/env", f"POWERCONSUL_CONFIG={CONFIG}", PROBE, *words]

    def service(self, name, script):
        """A unit that runs, its check and its trigger, which is a script that says when it ran; its log is a list of
        lines `time word`."""
        write(f"/run/systemd/system/{name}.service", SLEEP)
        systemctl("daemon-reload")
        systemctl("start", name)
        file = pathlib.Path(f"/run/log/{name}")
        file.touch()
        file.chmod(0o666)
        say = f'say() {{ echo "$(date +%s.%N) $*" >>{file}; }}'
        self.api("PUT", f"/v1/kv/triggers/production/{name}/standalone/critical",
                 f"#!/bin/sh\n{say}\nsay begin\n{script}\nsay end\n")
        self.api("PUT", "/v1/agent/service/register", {"Name": name, "Port": 80, "Checks": [{
            "CheckID": f"{name}-role", "Name": "role", "Interval": "2s", "Timeout": "20s", "Status": "passing",
            "Args": self.argv("check", "service", "-s", name, "-S", name)}]})
        wait_until("the check passes", lambda: self.api("GET", "/v1/agent/checks")[f"{name}-role"]["Output"])

    @staticmethod
    def said(name, word):
        lines = pathlib.Path(f"/run/log/{name}").read_text(encoding="utf-8").splitlines()
        return [float(line.split()[0]) for line in lines if line.split()[1] == word]

    @staticmethod
    def active(name):
        return run("systemctl", "is-active", name, check=False).stdout.strip() == "active"

    def says(self, what, who="test", at=None):
        self.told.append((at or time.time(), who, what))

    def same(self, row, wanted, found):
        self.rows.same(row, wanted, found)

    @staticmethod
    def soon(condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        return bool(condition())

    def told_of(self, name):
        said = json.loads(run(*self.argv("incidents", "--json"), check=False).stdout)
        return [each for each in said["incidents"] if each["service"] == name]

    def tell(self, name):
        if not os.environ.get("HEALING_TIMELINE"):
            return
        lines = list(self.told)
        for line in pathlib.Path(f"/run/log/{name}").read_text(encoding="utf-8").splitlines():
            at, _, word = line.partition(" ")
            lines.append((float(at), "trigger", word))
        for line in LOG.read_text(encoding="utf-8").splitlines() if LOG.exists() else []:
            event = json.loads(line)
            if event.get("service") == name and event["event"] != "verdict":
                at = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
                more = " ".join(f"{key}={event[key]}" for key in ("attempt", "outcome", "status", "how", "why", "error")
                                if key in event)
                lines.append((at, "powerconsul", f"{event['event']} {more}"))
        for at, who, what in sorted(lines):
            print(f"{at - self.began:8.2f} s  {who:<12} {what}", flush=True)


def fails(node, name):
    node.began, node.told = time.time(), []
    node.says(f"kills {name}")
    run("systemctl", "kill", "--signal=KILL", name)


def restarted_in_the_middle(node):
    name = "middle"
    node.service(name, "for i in 1 2 3 4 5 6 7 8; do echo step $i; sleep 0.5; done\n"
                       "setsid sleep 600 & echo $! >/run/log/middle.daemon\n/bin/systemctl start middle")
    fails(node, name)
    wait_until("the trigger begins", lambda: node.said(name, "begin"))
    time.sleep(1)
    jobs = run("systemctl", "list-units", "--plain", "--no-legend", "powerconsul-middle-*").stdout.splitlines()
    node.same("a job of root's agent is a unit of its own", 1, len(jobs))
    node.says("systemctl restart consul")
    systemctl("restart", "consul")
    wait_until("the agent leads again", node.leads)
    node.says("the agent is back")
    node.same("a trigger outlives a restart of consul.service", True, node.soon(lambda: node.said(name, "end"), 10))
    node.same("the service runs", True, node.soon(lambda: node.active(name), 10))
    node.same("the incident ends", True, node.soon(
        lambda: node.told_of(name) and not any(each["open"] for each in node.told_of(name)), 20))
    node.same("by one attempt", 1, len(node.said(name, "begin")))
    node.says("systemctl restart consul, once more")
    systemctl("restart", "consul")
    wait_until("the agent leads again", node.leads)
    time.sleep(1)
    pid = pathlib.Path("/run/log/middle.daemon")
    node.same("a daemon that the trigger has started lives on", True,
              pid.exists() and os.path.exists(f"/proc/{pid.read_text(encoding='ascii').strip()}"))
    node.tell(name)


def trigger_restarts_consul(node):
    name = "restarter"
    node.service(name, "/bin/systemctl restart consul\nsay after\n/bin/systemctl start restarter")
    fails(node, name)
    node.same("a trigger that restarts Consul gets past that line", True,
              node.soon(lambda: node.said(name, "after"), 40))
    node.same("the service runs", True, node.soon(lambda: node.active(name), 10))
    wait_until("the agent leads again", node.leads)
    node.same("the incident ends", True, node.soon(
        lambda: node.told_of(name) and not any(each["open"] for each in node.told_of(name)), 20))
    time.sleep(5)
    node.same("by one attempt", 1, len(node.said(name, "begin")))
    node.tell(name)


def restarted_as_another_user(node):
    """systemd ends the trigger with the agent: the next attempt heals, and there are never two at once. The unit is
    started by its file here, since that user may not ask systemd to."""
    name = "other"
    write("/run/systemd/system/other-start.path", "[Unit]\nDefaultDependencies=no\n[Path]\nPathExists=/run/log/start\n"
                                                  "Unit=other.service\n")
    node.service(name, "for i in 1 2 3 4; do echo step $i; sleep 0.5; done\n: >/run/log/start")
    fails(node, name)
    systemctl("start", "other-start.path")
    wait_until("the trigger begins", lambda: node.said(name, "begin"))
    time.sleep(0.5)
    node.says("systemctl restart consul")
    systemctl("restart", "consul")
    wait_until("the agent leads again", node.leads)
    node.says("the agent is back")
    node.same("a later attempt heals, where the agent is not root's", True, node.soon(lambda: node.active(name), 90))
    begun, ended = node.said(name, "begin"), node.said(name, "end")
    node.same("two attempts", (2, 1), (len(begun), len(ended)))
    found = run(*node.argv("doctor"), check=False).stdout
    node.same("doctor warns of KillMode", True, any(line.startswith("warning") and "KillMode" in line
                                                    for line in found.splitlines()))
    node.tell(name)


def drive(consul, ip):
    wait_until("systemd answers", lambda: run("systemctl", "is-active", "basic.target", check=False).returncode == 0)
    pathlib.Path(CONSUL).write_bytes(consul)
    os.chmod(CONSUL, 0o755)
    node = Node(ip)
    node.begins("root")
    restarted_in_the_middle(node)
    trigger_restarts_consul(node)
    systemctl("start", "dbus.socket")  # who is not root asks systemd there
    node.begins("another user")
    restarted_as_another_user(node)
    systemctl("stop", "consul")
    return node.rows


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--inside":
        program = pathlib.Path(sys.argv[5]).read_bytes()
        address, = Cluster.free_addresses(1)
        enter_systemd(sys.argv[3], int(sys.argv[6]), lambda: drive(program, address))
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.environ["POWERCONSUL"] = os.path.abspath(sys.argv[1])
    agent, powerconsul = executables()
    sys.exit(run_managed(__file__, "systemd", powerconsul, sys.argv[2], os.path.abspath(agent)))
