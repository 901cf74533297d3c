"""Every command once by itself and once under valgrind's memcheck, against a real Consul: both must say the same and end
the same, and memcheck must find no error, nothing lost and no descriptor left open.

    CONSUL=... POWERCONSUL=... python3 memcheck.py
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration" / "consul"), str(HERE.parent / "instructions")]
import consul_cluster  # noqa: E402
from instructions import LoneServer  # noqa: E402

SKIPPED = 77
MEMCHECK = ["valgrind", "--tool=memcheck", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible", "--track-fds=yes", "--trace-children=no"]
OPEN = re.compile(r"^==(\d+)== FILE DESCRIPTORS: (\d+) open \((\d+) std\) at exit", re.MULTILINE)
SUMMARY = re.compile(r"^==\d+== ERROR SUMMARY: (\d+) errors", re.MULTILINE)
CHECK = {"Node": "production-web1", "CheckID": "web-role", "Name": "web", "Status": "critical", "Output": "down",
         "ServiceID": "web", "ServiceName": "web", "CreateIndex": 7}


def without_numbers(text):
    """Without times, process ids and the ids of incidents: no two runs have the same."""
    return re.sub(r"\d+", "N", re.sub(r"\b[0-9a-f]{16}\b", "ID", text))


class Commands:
    def __init__(self, powerconsul, folder, address):
        self.powerconsul, self.folder, self.address = powerconsul, pathlib.Path(folder), address

    def run(self, place, before, words, given):
        """(exit code, output, errors). What it leaves in its state directory is this run's own."""
        (self.folder / place).mkdir(mode=0o700)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), "LC_ALL": "C",
                       "CONSUL_HTTP_ADDR": self.address, "POWERCONSUL_ENVIRONMENT": "production",
                       "POWERCONSUL_TIMEOUT": "60s",
                       "POWERCONSUL_STATE_DIR": str(self.folder / place)}
        done = subprocess.run([*before, self.powerconsul, *words], env=environment, input=given, capture_output=True,
                              text=True, timeout=180, check=False)
        return done.returncode, done.stdout.replace(str(self.folder / place), "STATE"), done.stderr.replace(
            str(self.folder / place), "STATE")

    def wrong(self, row):
        """What is wrong with a command; empty if nothing is."""
        number, (code, words, given) = row
        plain = self.run(f"plain{number}", [], words, given)
        report = self.folder / f"memcheck{number}"
        checked = self.run(f"checked{number}", [*MEMCHECK, f"--log-file={report}"], words, given)
        found = report.read_text(encoding="utf-8")
        problems = []
        if plain[0] != code:
            problems.append(f"ends with {plain[0]} instead of {code}: {plain[1]}{plain[2]}")
        if list(map(without_numbers, plain[1:])) != list(map(without_numbers, checked[1:])):
            problems.append(f"says something else under valgrind: {plain} {checked}")
        if checked[0] not in (code, 99):
            problems.append(f"ends with {checked[0]} under valgrind")
        # Its children report to the same file, those that run no other program.
        own = re.match(r"==(\d+)==", found)
        descriptors = [(int(all_of_them), int(standard)) for pid, all_of_them, standard in OPEN.findall(found)
                       if own and pid == own[1]]
        if set(SUMMARY.findall(found)) != {"0"} or checked[0] == 99:
            problems.append(found)
        elif len(descriptors) != 1 or descriptors[0][0] > descriptors[0][1] + 1:  # 1: memcheck's own report
            problems.append(f"leaves descriptors open: {found}")
        return "".join(f"{' '.join(words)}: {problem}\n" for problem in problems)


def rows(folder):
    """(exit code, words, standard input) of every command, and of some of the ways in which it can go wrong."""
    scripts = folder / "init.d"
    scripts.mkdir()
    for service, text, status in (("up", "is running", 0), ("down", "is not running", 3)):
        (scripts / service).write_text(f"#!/bin/sh\necho '{service} {text}'\nexit {status}\n")
        (scripts / service).chmod(0o755)
    (folder / "document.json").write_text('{"active_nodes": ["a"], "standby_nodes": []}')
    (folder / "same.conf").write_text("{}")
    sysv = ["--service-manager", "sysv", "--init-directory", str(scripts)]
    active, standby = ["-S", "web", "--node", "production-web1"], ["-S", "web", "--node", "production-web2"]
    snapshot = json.dumps([CHECK, {**CHECK, "Node": "production-web2"}])
    return [
        (0, ["--version"], ""),
        (0, ["--help"], ""),
        (64, ["chekc"], ""),
        (0, ["role", *active], ""),
        (0, ["role", *standby, "--format", "json"], ""),
        (65, ["role", "-S", "web", "--node", "production-web9"], ""),
        (69, ["role", *active, "--http-addr", "127.0.0.1:1"], ""),
        (0, ["check", "service", "-s", "up", *active, *sysv], ""),
        (2, ["check", "service", "-s", "down", *active, *sysv], ""),
        (0, ["check", "service", "-s", "down", *standby, *sysv], ""),
        (1, ["check", "service", "-s", "none", *active, *sysv], ""),
        (0, ["check", "service", "-s", "down", *active, *sysv, "-P", str(folder / "worker")], ""),
        (2, ["check", "servicegroup", "-s", "up,down", *active, *sysv], ""),
        (2, ["check", "crontab", "-u", "root", "-p", "no such job", *active], ""),
        (2, ["check", "process", "--name", "no-such-worker", *active], ""),
        (2, ["check", "process", "-n", "-c 1: -C no-such-worker", *active], ""),
        (1, ["check", "service", *active], ""),
        (0, ["watch", "critical"], snapshot),
        (65, ["watch", "critical"], snapshot[:40]),
        (0, ["trigger", "critical", "-s", json.dumps(CHECK), "--node", "production-web1"], ""),
        (0, ["incidents"], ""),
        (0, ["acl-policy", "-S", "web"], ""),
        (0, ["config", "bootstrap", "-C", "{}", "--config", str(folder / "same.conf")], ""),
        (65, ["lint", str(folder / "document.json")], ""),
        (1, ["lint", "-S", "web"], ""),
    ]


def main():
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing (tools/setup.sh --for tests)")
    consul, powerconsul = consul_cluster.executables()
    if b"__asan_init" in pathlib.Path(powerconsul).read_bytes():
        print("skipped: the program has sanitizers in it, and valgrind cannot run those")
        return SKIPPED
    failed = 0
    with LoneServer(consul, powerconsul) as cluster:
        agent, folder = cluster.agent, pathlib.Path(cluster.folder)
        agent.put_key("cluster/production/web",
                      {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})
        agent.put_key("triggers/production/web/primary/critical", "echo healed")
        agent.register("web")
        consul_cluster.wait_until("the service is seen", lambda: agent.worst("web", agent.node) == "passing")
        commands = Commands(powerconsul, folder, agent.address)
        table = rows(folder)
        (folder / "worker").symlink_to(shutil.which("sleep"))
        worker = subprocess.Popen([folder / "worker", "300"])
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for (_, words, _), problem in zip(table, pool.map(commands.wrong, enumerate(table))):
                failed += bool(problem)
                print(problem or f"clean: {' '.join(words)}\n", end="")
        worker.kill()
        worker.wait()
    print(f"[rows] {len(table) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
