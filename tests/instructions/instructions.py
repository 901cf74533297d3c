#!/usr/bin/env python3
"""Counts the instructions of the main paths with callgrind, and their page faults, and compares them with those that are
kept in counts.json.

    instructions.py [--write | --order]       $POWERCONSUL: a release, $CONSUL: a real Consul

Both are repeatable where times are not, and a start costs page faults above all. A path that takes a tenth more
instructions than what is kept fails, and so does one that takes a tenth less: keep what was won, with --write. Page
faults may differ by 5, for threads and shells make them vary. The counts hold for the release build by the compiler
and on the Debian that counts.json names; elsewhere nothing is compared, and the test is skipped. Page faults are
compared under the same kernel only.

A release begins with the functions that these paths call, which tools/cli/order.txt lists; --order writes it. Where
other functions are called than those, page faults go up: --order, build, --write.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "consul"))
import consul_cluster  # noqa: E402

KEPT = HERE / "counts.json"
ORDER = HERE.parent.parent / "tools" / "cli" / "order.txt"
ROOM = 0.1
FAULTS_ROOM = 5
SKIPPED = 77
COLLECTED = re.compile(r"^==\d+== Collected : (\d+)$", re.MULTILINE)
# Where callgrind names a function for the first time, after which it is a number.
FUNCTION = re.compile(r"^c?fn=\(\d+\) ([\w.$@]+)", re.MULTILINE)


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
        self.functions = []
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "CONSUL_HTTP_ADDR": address,
            "POWERCONSUL_STATE_DIR": os.path.join(folder, "state"), "POWERCONSUL_ENVIRONMENT": "production",
            "POWERCONSUL_SERVER_ROLE": "web",
        }

    def count(self, arguments, wanted, given="", before=()):
        """The second run's: in the first one the node learns its role."""
        profile = os.path.join(self.folder, "profile")
        # A command that goes on in another program is counted there.
        valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", "--callgrind-out-file=" + profile + ".%p",
                    "--trace-children=" + ("yes" if arguments[0] == "watch" else "no"), self.powerconsul, *arguments]
        for command in ([self.powerconsul, *arguments], [*before, *valgrind]):
            done = subprocess.run(command, env=self.environment, input=given, capture_output=True, text=True,
                                  timeout=60, check=False)
            if done.returncode != 0 or wanted not in done.stdout:
                sys.exit(f"{command} ends with {done.returncode}: {done.stdout}{done.stderr}")
        for path in pathlib.Path(self.folder).glob("profile.*"):
            if arguments[0] != "watch":
                self.functions += FUNCTION.findall(path.read_text(encoding="utf-8"))
            path.unlink()
        return {"instructions": int(COLLECTED.findall(done.stderr)[-1]),
                "faults": self.faults([*before, self.powerconsul, *arguments], given)}

    def faults(self, command, given):
        """The page faults of the process and of those that it waited for, which are read from no disk; where the
        kernel puts stack and heap changes them by a few, so this is the median of some runs."""
        with tempfile.TemporaryFile() as file, open(os.devnull, "r+b") as nothing:
            file.write(given.encode())
            counts = []
            for _ in range(15):
                file.seek(0)
                moved = [(os.POSIX_SPAWN_DUP2, file.fileno(), 0), (os.POSIX_SPAWN_DUP2, nothing.fileno(), 1),
                         (os.POSIX_SPAWN_DUP2, nothing.fileno(), 2)]
                child = os.posix_spawnp(command[0], command, self.environment, file_actions=moved)
                counts.append(os.wait4(child, 0)[2].ru_minflt)
        return int(statistics.median(counts))


def paths(counter):
    """The main paths: what each takes."""
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
    if not arguments and kept["build"] != build:
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
        # How the kernel has a file in memory depends on how it was written: a linker's costs more page faults.
        os.mkdir(os.path.join(folder, "programs"))
        for program in filter(os.path.exists, (powerconsul, powerconsul + "-dynamic")):
            shutil.copy(program, os.path.join(folder, "programs"))
        counter = Counter(os.path.join(folder, "programs", "powerconsul"), folder, agent.address)
        counts = dict(paths(counter))
    kernel = platform.release()
    if arguments == ["--order"]:
        ORDER.write_text("".join(each + "\n" for each in dict.fromkeys(counter.functions)), encoding="utf-8")
        return 0
    if arguments == ["--write"]:
        KEPT.write_text(json.dumps({"build": build, "kernel": kernel, "counts": counts}, indent=1) + "\n",
                        encoding="utf-8")
        return 0
    wrong = 0
    for name, count in counts.items():
        before = kept["counts"].get(name)
        far = before is None
        change = "not kept yet"
        if before:
            ratio = count["instructions"] / before["instructions"]
            more = count["faults"] - before["faults"]
            far = abs(ratio - 1) > ROOM or (kept["kernel"] == kernel and abs(more) > FAULTS_ROOM)
            change = f"{ratio:.3f} x {before['instructions']:,}; {before['faults']} {more:+} page faults"
        wrong += far
        print(f"{name:40} {count['instructions']:12,}  {change}"
              f"{'  <- read the top of instructions.py' if far else ''}")
    missing = set(kept["counts"]) - set(counts)
    return min(wrong + len(missing), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
