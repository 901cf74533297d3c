#!/usr/bin/env python3
"""Counts the instructions of the main paths with callgrind and compares them with those that are kept in counts.json.

    instructions.py [--write]       $POWERCONSUL: a release, $CONSUL: a real Consul

Instructions are repeatable where times are not. A path that takes a tenth more than what is kept fails, and so does one
that takes a tenth less: keep what was won, with --write. The counts hold for the release build by the compiler and on
the Debian that counts.json names; elsewhere nothing is compared, and the test is skipped.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "consul"))
import consul_cluster  # noqa: E402

KEPT = HERE / "counts.json"
ROOM = 0.1
SKIPPED = 77
COLLECTED = re.compile(r"^==\d+== Collected : (\d+)$", re.MULTILINE)


def built_with(powerconsul):
    """What the counts depend on beside our own code."""
    version = subprocess.run([powerconsul, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return f"{version[1]}; {version[2]}; {system}; {platform.machine()}"


class LoneServer(consul_cluster.Cluster):
    """One agent, which is its own server and has the active node's name."""

    def start(self):
        self.agent = consul_cluster.Agent(self, "hq", "production-web1", self.free_addresses(1)[0], True, None)
        self.agents.append(self.agent)
        self.agent.start()
        consul_cluster.wait_until("the agent is ready", self.agent.ready)
        consul_cluster.wait_until("its node is healthy", lambda: self.healthy_nodes(self.agent) == 1)


class Counter:
    def __init__(self, powerconsul, folder, address):
        self.powerconsul, self.folder = powerconsul, folder
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "CONSUL_HTTP_ADDR": address,
            "POWERCONSUL_STATE_DIR": os.path.join(folder, "state"), "POWERCONSUL_ENVIRONMENT": "production",
            "POWERCONSUL_SERVER_ROLE": "web",
        }

    def count(self, arguments, wanted, given="", before=()):
        """The second run's: in the first one the node learns its role."""
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", self.powerconsul, *arguments]
        for command in ([self.powerconsul, *arguments], [*before, *valgrind]):
            done = subprocess.run(command, env=self.environment, input=given, capture_output=True, text=True,
                                  timeout=60, check=False)
            if done.returncode != 0 or wanted not in done.stdout:
                sys.exit(f"{command} ends with {done.returncode}: {done.stdout}{done.stderr}")
        return int(COLLECTED.findall(done.stderr)[-1])


def paths(counter):
    """The main paths: how many instructions each takes."""
    folder = counter.folder
    scripts = os.path.join(folder, "init.d")
    os.mkdir(scripts)
    for service, words, status in (("up", "is running", 0), ("down", "is not running", 3)):
        with open(os.path.join(scripts, service), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho '{service} {words}'\nexit {status}\n")
        os.chmod(os.path.join(scripts, service), 0o755)
    snapshot = subprocess.run([sys.executable, str(HERE.parent / "bench" / "snapshot.py"), "1000"], capture_output=True,
                              text=True, check=True).stdout
    sysv = ["--service-manager", "sysv", "--init-directory", scripts]
    yield "version", counter.count(["--version"], "powerconsul ")
    yield "role", counter.count(["role", "-S", "web", "--node", "production-web1"], "primary")
    yield "role, by a filter", counter.count(["role", "-S", "mail", "--node", "production-web1"], "primary")
    yield "check service, active", counter.count(
        ["check", "service", "-s", "up", "-S", "web", "--node", "production-web1", *sysv], '"passing"')
    yield "check service, standby", counter.count(
        ["check", "service", "-s", "down", "-S", "web", "--node", "production-web2", *sysv], '"passing"')
    # In a process namespace of its own: the more processes there are, the more it has to look at.
    alone = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--pid", "--fork", "--mount-proc"]
    for name, option, value in (("check process", "--name", "callgrind"),
                                ("check process, by command line", "--cmdline", "no-such-.*worker$")):
        yield name, counter.count(["check", "process", option, value, "-S", "web", "--node", "production-web2"],
                                  '"passing"', before=alone)
    yield "watch, 1000 checks of other nodes", counter.count(["watch", "critical"], "", given=snapshot)


def main(arguments):
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing (tools/setup.sh --for tests)")
    consul, powerconsul = consul_cluster.executables()
    build = built_with(powerconsul)
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"build": None, "counts": {}}
    if arguments != ["--write"] and kept["build"] != build:
        print(f"not compared: counts.json is of\n  {kept['build']}\nand this is\n  {build}")
        return SKIPPED
    with LoneServer(consul, powerconsul) as cluster:
        agent, folder = cluster.agent, str(cluster.folder)
        agent.put_key("cluster/production/web",
                      {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})
        agent.put_key("cluster/production/mail",
                      {"filter": {f"^production-{role}[0-9]+$": {"active_nodes": [f"production-{role}1"],
                                                                 "standby_nodes": [f"production-{role}2"]}
                                  for role in ("web", "mail")}})
        agent.register("web")
        consul_cluster.wait_until("the service is seen", lambda: agent.worst("web", agent.node) == "passing")
        os.mkdir(os.path.join(folder, "state"), 0o700)
        counts = dict(paths(Counter(powerconsul, folder, agent.address)))
    if arguments == ["--write"]:
        KEPT.write_text(json.dumps({"build": build, "counts": counts}, indent=1) + "\n", encoding="utf-8")
    wrong = 0
    for name, count in counts.items():
        before = kept["counts"].get(name)
        change = f"{count / before:.3f} x {before:,}" if before else "not kept yet"
        far = before is None or abs(count / before - 1) > ROOM
        wrong += far
        print(f"{name:40} {count:12,}  {change}{'  <- run instructions.py --write if that is meant' if far else ''}")
    missing = set(kept["counts"]) - set(counts)
    return 0 if arguments == ["--write"] else min(wrong + len(missing), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
