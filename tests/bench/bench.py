#!/usr/bin/env python3
"""Measures powerconsul beside what a user would run in its place, and prints one table.

usage: bench.py --release DIR --default DIR --consul PROGRAM [--only PART[,PART]] [--rounds N] [--json]

DIR: build folders of a release with the benchmarks (tools/release.sh) and of the default build. Times are medians;
what a ratio compares was measured in turns within this run. --json prints an object for machines. Ends with 1 if a
target is missed.
"""
import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PLUGINS = "/usr/lib/nagios/plugins"


class Table:
    """Rows of what was measured: a value, what it is compared with, and the target where there is one."""

    def __init__(self):
        self.rows = []

    def add(self, part, name, value, unit, ratio=None, to="", target=None, at_least=False, note=""):
        met = None
        if target is not None:
            measured = ratio if ratio is not None else value
            met = measured >= target if at_least else measured <= target
        self.rows.append({"part": part, "name": name, "value": value, "unit": unit, "ratio": ratio, "to": to,
                          "target": target, "at_least": at_least, "met": met, "note": note})

    @staticmethod
    def number(value):
        if value >= 1000:
            return f"{value:,.0f}".replace(",", " ")
        return f"{value:.3g}" if value < 1 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

    def markdown(self):
        lines = ["| what | median | ratio | target |", "|---|---|---|---|"]
        part = None
        for row in self.rows:
            if row["part"] != part:
                part = row["part"]
                lines.append(f"| **{part}** | | | |")
            ratio = f"{row['ratio']:.2f} × {row['to']}" if row["ratio"] is not None else ""
            target = ""
            if row["target"] is not None:
                target = ("≥ " if row["at_least"] else "≤ ") + (self.number(row["target"]) if row["ratio"] is None else
                                                               f"{row['target']:g} ×")
                target += "" if row["met"] else " **missed**"
            lines.append(f"| {row['name']} | {self.number(row['value'])} {row['unit']} | {ratio} | {target} |")
        return "\n".join(lines)


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.table = options, folder, Table()
        self.release = os.path.join(options.release, "tools", "cli", "powerconsul")
        self.default = os.path.join(options.default, "tools", "cli", "powerconsul")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "LANG": "C.UTF-8"}

    def program(self, name):
        return os.path.join(self.options.release, "tests", "bench", name)

    def turns(self, commands, rounds=None, runs=10):
        """Medians in ms. `commands`: rows of name and command line. hyperfine measures one command after the other, so it
        is called in turns: what else the machine does meets all alike."""
        times = {name: [] for name, _ in commands}
        report = os.path.join(self.folder, "hyperfine.json")
        for _ in range(rounds or self.options.rounds):
            for name, line in commands:
                call = ["hyperfine", "--shell=none", "--warmup=1", f"--runs={runs}", "--style=none", "--ignore-failure",
                        f"--export-json={report}", line]
                subprocess.run(call, check=True, env=self.environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
                with open(report, encoding="utf-8") as file:
                    found = json.load(file)["results"][0]
                if len(set(found["exit_codes"])) != 1:
                    sys.exit(f"bench.py: {line} ends now with one status, now with another: {found['exit_codes']}")
                times[name] += found["times"]
        return {name: statistics.median(values) * 1000 for name, values in times.items()}

    def turns_with_input(self, commands, file, turns):
        """Medians in ms and peaks of memory in KiB, with that file as standard input, behind a `|`
        through a pipe, as Consul does it. Debian's hyperfine can give none."""
        call = [self.program("side_by_side"), str(turns)]
        for number, (name, line) in enumerate(commands):
            call += (["--"] if number else []) + [name, file, *line]
        rows = [line.split("\t") for line in self.run(*call).splitlines()]
        return {row[0]: float(row[1]) / 1000 for row in rows}, {row[0]: int(row[3]) for row in rows}

    def run(self, *call, given=None, status=0):
        done = subprocess.run(call, env=self.environment, input=given, capture_output=True, check=False)
        if done.returncode != status:
            sys.exit(f"bench.py: {' '.join(call)} ends with {done.returncode}: {(done.stdout + done.stderr).decode()}")
        return done.stdout.decode()

    def peak(self, line):
        """Peak of resident memory in KiB."""
        return self.turns_with_input([("it", line.split())], "/dev/null", 3)[1]["it"]

    # The agent

    def start_consul(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        ports = {"http": self.port, "dns": -1, "grpc": -1, "serf_lan": self.free_port(), "serf_wan": -1,
                 "server": self.free_port()}
        config = os.path.join(self.folder, "consul.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"ports": ports, "bind_addr": "127.0.0.1", "node_name": "production-web1", "log_level": "err",
                       "disable_update_check": True}, file)
        self.agent = subprocess.Popen([self.options.consul, "agent", "-dev", f"-config-file={config}"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                leader = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/status/leader", timeout=2).read()
                if len(leader) > 2:
                    break
            except OSError:
                pass
            time.sleep(0.1)
        else:
            sys.exit("bench.py: Consul does not start")
        self.environment |= {"CONSUL_HTTP_ADDR": f"127.0.0.1:{self.port}", "POWERCONSUL_STATE_DIR": self.folder + "/state",
                             "POWERCONSUL_ENVIRONMENT": "production", "POWERCONSUL_SERVER_ROLE": "web",
                             "POWERCONSUL_NODE": "production-web1"}
        os.mkdir(self.folder + "/state", 0o700)
        self.key = "cluster/production/cron"
        document = json.dumps({"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]})
        self.run(self.options.consul, "kv", "put", self.key, document)

    @staticmethod
    def free_port():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    # The parts

    def one_shot(self):
        part = "one run: the role, with one read from a real Consul"
        target = f"/v1/kv/{self.key}"
        role = "role -S cron"
        said = self.run(self.release, *role.split())
        if "primary" not in said:
            sys.exit(f"bench.py: the role is not what was set up:\n{said}")
        times = self.turns([
            ("floor", f"{self.program('floor')} 127.0.0.1:{self.port} {target}"),
            ("release", f"{self.release} {role}"),
            ("default", f"{self.default} {role}"),
            ("curl", f"curl -s http://127.0.0.1:{self.port}{target}"),
            ("consul", f"{self.options.consul} kv get {self.key}"),
            ("true", "/bin/true"),
        ])
        self.floor = times["floor"]
        add = self.table.add
        add(part, "a process that does nothing (`true`)", times["true"], "ms", times["true"] / self.floor, "floor")
        add(part, "a raw socket in C, nothing checked: the floor", self.floor, "ms")
        add(part, f"`powerconsul {role}`, release", times["release"], "ms", times["release"] / self.floor, "floor", 1.6)
        add(part, "the same", times["release"], "ms", times["release"] / times["curl"], "curl", 0.35)
        add(part, "default build on Debian's packages", times["default"], "ms", times["default"] / times["curl"], "curl", 0.8)
        add(part, "`curl`", times["curl"], "ms", times["curl"] / self.floor, "floor")
        add(part, "`consul kv get`", times["consul"], "ms", times["consul"] / self.floor, "floor")

    def check_service(self):
        """With the real systemd and the real init script of Debian's cron, in namespaces."""
        if os.geteuid() != 0:
            print("bench.py: check_service is left out, for its namespaces need root", file=sys.stderr)
            return
        call = ["python3", os.path.join(HERE, "service_managers.py"), "--runs", str(10 * self.options.rounds), "--floor",
                self.program("floor"), self.release, "systemd", "sysv"]
        self.environment["CONSUL"] = os.path.abspath(self.options.consul)
        rows = dict(line.split("\t") for line in self.run(*call).splitlines() if "\t" in line)
        time_of = {name: float(value) for name, value in rows.items()}
        for manager, bare in (("sysv", "/etc/init.d/cron status"), ("systemd", "systemctl is-active")):
            part = f"a whole check of a service, {manager}"
            check, alone = time_of[f"{manager}: check service"], time_of[f"{manager}: {bare}"]
            floor = time_of[f"{manager}: floor"]
            self.table.add(part, f"`{bare}` alone", alone, "ms")
            self.table.add(part, "`powerconsul check service`", check, "ms", check / alone, bare,
                           1.0 if manager == "systemd" else None)
            self.table.add(part, "what it adds", check - alone, "ms", (check - alone) / floor, "floor", 2.0)
            if manager == "sysv":
                name = "service cron status"
                self.table.add(part, f"`{name}`", time_of[f"sysv: {name}"], "ms")

    def processes(self):
        part = "processes: the built-in probe"
        for count, target in ((50, None), (500, 0.5), (5000, None)):
            inner = [sys.executable, os.path.abspath(__file__), "--release", self.options.release, "--default",
                     self.options.default, "--consul", self.options.consul, "--rounds", str(self.options.rounds),
                     "--inside-sleepers", str(self.port)]
            text = self.run(self.program("sleepers"), str(count), *inner)
            times = json.loads(text.splitlines()[-1])
            self.table.add(part, f"`check_procs`, {count} processes more", times["check_procs"], "ms")
            self.table.add(part, f"`powerconsul check process`, {count} processes more", times["powerconsul"], "ms",
                           times["powerconsul"] / times["check_procs"], "check_procs", target)

    def inside_sleepers(self):
        times = self.turns([
            ("check_procs", f"{PLUGINS}/check_procs -C sleep -c 0:100000"),
            ("powerconsul", f"{self.release} check process -S cron --name sleep"),
        ], rounds=max(2, self.options.rounds // 2), runs=5)
        print(json.dumps(times))

    def watch(self):
        part = "a watch: critical checks of other nodes, through a pipe"
        for count, target in ((100, None), (1000, None), (10_000, 0.6), (100_000, None)):
            snapshot = os.path.join(self.folder, f"snapshot-{count}.json")
            with open(snapshot, "wb") as file:
                subprocess.run([sys.executable, os.path.join(HERE, "snapshot.py"), str(count)], stdout=file, check=True)
            size = os.path.getsize(snapshot)
            watch = [self.release, "watch", "critical"]
            times, peaks = self.turns_with_input([
                ("dom", [self.program("dom_parse")]),
                ("watch", watch),
                ("jq", ["jq", "-c", '[.[]|select(.Node=="production-web1")]']),
            ], "|" + snapshot, 5 if count == 100_000 else max(5, 3 * self.options.rounds))
            name = f"{count} checks, {size / 1e6:.1f} MB"
            self.table.add(part, f"RapidJSON's document alone: {name}", times["dom"], "ms")
            self.table.add(part, f"`powerconsul watch critical`: {name}", times["watch"], "ms",
                           times["watch"] / times["dom"], "RapidJSON", target)
            self.table.add(part, f"`jq`, choosing this node's: {name}", times["jq"], "ms", times["jq"] / times["dom"],
                           "RapidJSON")
            if count == 10_000:
                empty = os.path.join(self.folder, "empty.json")
                with open(empty, "w", encoding="utf-8") as file:
                    file.write("[]")
                more = (peaks["watch"] - self.turns_with_input([("it", watch)], "|" + empty, 3)[1]["it"]) / 1024
                self.table.add(part, f"memory beyond that of an empty list: {name}", more, "MiB",
                               target=size / (1 << 20) + 2)

    def in_process(self):
        text = self.run(self.program("in_process"), "--benchmark_format=json", "--benchmark_repetitions=5",
                        "--benchmark_report_aggregates_only=true")
        part = "in process, as a library"
        found = {row["run_name"]: row for row in json.loads(text)["benchmarks"] if row["aggregate_name"] == "median"}
        def nanoseconds(name):
            row = found[name]
            return row["cpu_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[row["time_unit"]]

        self.table.add(part, "one decision", nanoseconds("decision"), "ns", target=200)
        for name, label in (("active", "an active"), ("standby", "a standby, with the actives' health")):
            for kept, note in (("", ""), ("_with_last_known", ", the last known role kept")):
                self.table.add(part, f"whole checks over the store in memory, {label}{note}",
                               1e9 / nanoseconds(f"whole_check/{name}{kept}"), "a second",
                               target=200_000 if name == "active" and not kept else None, at_least=True)

    def includes(self):
        text = self.run("python3", os.path.join(HERE, "includes.py"), "--json")
        part = "`#include`, syntax only, g++"
        for row in json.loads(text):
            name, ratio = row["name"], row["ratio"]
            self.table.add(part, f"`{name}`", row["median_ms"], "ms", ratio, "`<string>`",
                           2.44 if name.endswith("powerconsul/powerconsul.hpp>") else None)

    def sizes(self):
        part = "size and memory"
        for name in ("powerconsul", "powerconsul-https"):
            path = os.path.join(self.options.release, "tools", "cli", name)
            stripped = os.path.join(self.folder, name)
            subprocess.run(["strip", "-o", stripped, path], check=True)
            self.table.add(part, f"`{name}`, release, stripped", os.path.getsize(stripped) / (1 << 20), "MiB")
        role = f"{self.release} role -S cron"
        self.table.add(part, "peak memory of `powerconsul role`", self.peak(role) / 1024, "MiB")
        self.table.add(part, "peak memory of `curl`",
                       self.peak(f"curl -s http://127.0.0.1:{self.port}/v1/kv/{self.key}") / 1024, "MiB")


PARTS = ["one_shot", "check_service", "processes", "watch", "in_process", "includes", "sizes"]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"{len(models)} processors ({models[0] if models else platform.machine()}), {system}, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(add_help=False)
    for name in ("--release", "--default", "--consul"):
        parser.add_argument(name, required=True)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside-sleepers", type=int)
    options = parser.parse_args()
    options.release, options.default = os.path.abspath(options.release), os.path.abspath(options.default)
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    folder = tempfile.mkdtemp()
    bench = Bench(options, folder)
    try:
        if options.inside_sleepers:
            bench.port, bench.key = options.inside_sleepers, ""
            bench.environment |= {name: value for name, value in os.environ.items()
                                  if name.startswith(("CONSUL_", "POWERCONSUL_"))}
            return bench.inside_sleepers()
        bench.start_consul()
        try:
            for part in PARTS:
                if part in chosen:
                    print(f"bench.py: {part}", file=sys.stderr)
                    getattr(bench, part)()
        finally:
            bench.agent.kill()
            bench.agent.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"date": time.strftime("%Y-%m-%d"), "machine": machine(), "rows": bench.table.rows}, indent=1))
    else:
        print(f"Measured on {time.strftime('%Y-%m-%d')}: {machine()}.\n")
        print(bench.table.markdown())
    return 0 if all(row["met"] is not False for row in bench.table.rows) else 1


sys.exit(main())
