#!/usr/bin/env python3
"""Measures powerconsul beside what a user would run in its place, and prints one table.

usage: bench.py --release DIR --default DIR --consul PROGRAM [--before PROGRAM] [--only PART[,PART]] [--rounds N] [--json] [--write]

DIR: build folders of a release with the benchmarks (tools/release.sh) and of the default build. Times are medians;
what a ratio compares was measured in turns within this run, and so is an older release, --before, which gets columns of
its own. --json prints an object for machines. --write also puts the table into docs/performance.md, and the rows that most
readers ask for into README.md. Ends with 1 if a target is missed.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import typing

sys.dont_write_bytecode = True
import consul_costs  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PLUGINS = "/usr/lib/nagios/plugins"
# README's rows.
SHORT = {
    "a raw socket in C, nothing checked: the floor", "`powerconsul role -S cron`, release", "`curl`", "what it adds",
    "what the probe adds to `powerconsul role`, 5000 processes more", "an active", "a standby whose active serves",
    "Consul's processor, 10 instances", "Consul's processor, 20000 instances", "1000 services, a further one",
    "in one that is in use", "README's ten lines at -O2, header-only",
    "README's ten lines at -O2 over powerconsul-posix", "peak memory of `powerconsul role`",
}


class Taken(typing.NamedTuple):
    """By one command."""
    milliseconds: float
    peak: int
    faults: int


class Table:
    """Rows of what was measured: a value, what it is compared with, the target where there is one, and what an older
    release had where one was given."""

    def __init__(self):
        self.rows = []

    def add(self, part, name, value, unit, ratio=None, to="", target=None, at_least=False, before=None,
            before_ratio=None):
        met = None
        if target is not None:
            measured = ratio if ratio is not None else value
            met = measured >= target if at_least else measured <= target
        self.rows.append({"part": part, "name": name, "value": value, "unit": unit, "ratio": ratio, "to": to,
                          "target": target, "at_least": at_least, "met": met, "before": before,
                          "before_ratio": before_ratio})

    @staticmethod
    def number(value):
        if value >= 1000:
            return f"{value:,.0f}".replace(",", " ")
        if value == int(value):
            return str(int(value))
        return f"{value:.3g}" if value < 1 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"

    def amount(self, value, unit):
        return f"{self.number(value)} {unit}".strip()

    def markdown(self, with_before, names=None):
        """All rows, or those of these names."""
        more = ["before", "its ratio"] if with_before else []
        lines = [" | ".join(["| what", *more, "median", "ratio", "target |"]), "|---" * (4 + len(more)) + "|"]
        part = None
        for row in self.rows:
            if names and row["name"] not in names:
                continue
            if row["part"] != part:
                part = row["part"]
                lines.append(f"| **{part}**" + " |" * (4 + len(more)))
            cells = [row["name"]]
            if with_before:
                cells.append("" if row["before"] is None else self.amount(row["before"], row["unit"]))
                cells.append("" if row["before_ratio"] is None else f"{row['before_ratio']:.2f} ×")
            cells.append(self.amount(row["value"], row["unit"]))
            cells.append(f"{row['ratio']:.2f} × {row['to']}" if row["ratio"] is not None else "")
            target = ""
            if row["target"] is not None:
                target = ("≥ " if row["at_least"] else "≤ ") + (self.number(row["target"]) if row["ratio"] is None else
                                                               f"{row['target']:g} ×")
                target += "" if row["met"] else " **missed**"
            lines.append(f"| {' | '.join([*cells, target])} |")
        return "\n".join(lines)


class Bench:
    def __init__(self, options, folder, memory):
        """`memory`: a folder in memory, where counts matter and the time of a disk does not."""
        self.options, self.folder, self.memory, self.table = options, folder, memory, Table()
        self.release = os.path.join(options.release, "tools", "cli", "powerconsul")
        self.default = os.path.join(options.default, "tools", "cli", "powerconsul")
        self.programs = {"now": self.release} | ({"before": options.before} if options.before else {})
        self.environment = {"PATH": consul_costs.PATH, "HOME": folder, "LANG": "C.UTF-8"}

    def program(self, name):
        return os.path.join(self.options.release, "tests", "bench", name)

    def turns(self, commands, turns, file="/dev/null"):
        """What each command takes, by name: median milliseconds, peak of memory in KiB and page faults. `commands`: by
        name, a text or a list of words. That file is their standard input, behind a `|` through a pipe, as Consul does
        it."""
        call = [self.program("side_by_side"), str(turns)]
        for number, (name, line) in enumerate(commands.items()):
            call += (["--"] if number else []) + [name, file, *(line.split() if isinstance(line, str) else line)]
        rows = [line.split("\t") for line in self.run(*call).splitlines()]
        return {row[0]: Taken(float(row[1]) / 1000, int(row[3]), int(row[5])) for row in rows}

    def of_programs(self, words):
        """The same command line of each release, by name."""
        return {key: [program, *words] for key, program in self.programs.items()}

    def run(self, *call, given=None, status=0):
        done = subprocess.run(call, env=self.environment, input=given, capture_output=True, check=False)
        if done.returncode != status:
            sys.exit(f"bench.py: {' '.join(call)} ends with {done.returncode}: {(done.stdout + done.stderr).decode()}")
        return done.stdout.decode()

    def add(self, part, name, found, unit, base=None, to="", target=None):
        """A row of what was found for each release, by its name, and the ratios to `base`."""
        before = found.get("before")
        self.table.add(part, name, found["now"], unit, base and found["now"] / base, to, target, before=before,
                       before_ratio=before / base if base and before is not None else None)

    # The agent

    def use(self, agent):
        self.environment |= {"CONSUL_HTTP_ADDR": agent.address, "POWERCONSUL_STATE_DIR": self.folder + "/state",
                             "POWERCONSUL_ENVIRONMENT": "production", "POWERCONSUL_SERVER_ROLE": "web",
                             "POWERCONSUL_NODE": consul_costs.NODE}
        os.mkdir(self.folder + "/state", 0o700)
        self.address, self.key = agent.address, "cluster/production/cron"
        agent.put_key(self.key, consul_costs.document([consul_costs.NODE]))

    # The parts

    def one_shot(self):
        part = "one run: the role, with one read from a real Consul"
        target = f"/v1/kv/{self.key}"
        role = ["role", "-S", "cron"]
        said = self.run(self.release, *role)
        if "primary" not in said:
            sys.exit(f"bench.py: the role is not what was set up:\n{said}")
        taken = self.turns({
            "floor": f"{self.program('floor')} {self.address} {target}",
            **self.of_programs(role),
            "default": [self.default, *role],
            "curl": f"curl -s http://{self.address}{target}",
            "consul": f"{self.options.consul} kv get {self.key}",
            "true": "/bin/true",
        }, 10 * self.options.rounds)
        times = {name: each.milliseconds for name, each in taken.items()}
        floor, curl = times["floor"], times["curl"]
        add = self.table.add
        add(part, "a process that does nothing (`true`)", times["true"], "ms", times["true"] / floor, "floor")
        add(part, "a raw socket in C, nothing checked: the floor", floor, "ms")
        self.add(part, "`powerconsul role -S cron`, release", times, "ms", floor, "floor", 1.25)
        self.add(part, "the same", times, "ms", curl, "curl", 0.35)
        add(part, "default build on Debian's packages", times["default"], "ms", times["default"] / curl, "curl", 0.8)
        add(part, "`curl`", curl, "ms", curl / floor, "floor")
        add(part, "`consul kv get`", times["consul"], "ms", times["consul"] / floor, "floor")
        faults = {name: each.faults for name, each in taken.items()}
        add(part, "page faults of the floor", faults["floor"], "")
        self.add(part, "page faults of `powerconsul role -S cron`, release", faults, "", faults["floor"], "floor")
        add(part, "page faults of `curl`", faults["curl"], "", faults["curl"] / faults["floor"], "floor")

    def check_service(self):
        """With the real systemd and the real init script of Debian's cron, in namespaces."""
        if os.geteuid() != 0:
            print("bench.py: check_service is left out, for its namespaces need root", file=sys.stderr)
            return
        call = ["python3", os.path.join(HERE, "service_managers.py"), "--runs", str(10 * self.options.rounds), "--floor",
                self.program("floor"), "--before", self.options.before or "", self.release, "systemd", "sysv"]
        self.environment["CONSUL"] = self.options.consul
        rows = dict(line.split("\t") for line in self.run(*call).splitlines() if "\t" in line)
        time_of = {name: float(value) for name, value in rows.items()}
        for manager, bare, most in (("sysv", "/etc/init.d/cron status", (None, 0.5)),
                                    ("systemd", "systemctl is-active", (1.0, None))):
            part = f"a whole check of a service, {manager}"
            names = {"now": f"{manager}: check service", "before": f"{manager}: check service before"}
            checks = {key: time_of[name] for key, name in names.items() if name in time_of}
            alone, floor = time_of[f"{manager}: {bare}"], time_of[f"{manager}: floor"]
            self.table.add(part, f"`{bare}` alone", alone, "ms")
            self.add(part, "`powerconsul check service`", checks, "ms", alone, bare, most[0])
            self.add(part, "what it adds", {key: each - alone for key, each in checks.items()}, "ms", floor, "floor",
                     most[1])
            if manager == "sysv":
                name = "service cron status"
                self.table.add(part, f"`{name}`", time_of[f"sysv: {name}"], "ms")

    def processes(self):
        part = "processes: the built-in probe"
        for count, target in ((50, None), (500, None), (5000, 1.1)):
            inner = [sys.executable, os.path.abspath(__file__), "--release", self.options.release, "--default",
                     self.options.default, "--consul", self.options.consul, "--rounds", str(self.options.rounds),
                     "--inside-sleepers", *(["--before", self.options.before] if self.options.before else [])]
            times = json.loads(self.run(self.program("sleepers"), str(count), *inner).splitlines()[-1])
            there = f"{count} processes more"
            plugin, comms = times["check_procs"], times["comms"] - times["true"]
            self.table.add(part, f"`check_procs`, {there}", plugin, "ms")
            self.add(part, f"`powerconsul check process`, {there}", times, "ms", plugin, "check_procs",
                     0.5 if count == 500 else None)
            self.table.add(part, f"each comm read in C, beyond `true`, {there}", comms, "ms")
            probe = {key: times[key] - times[f"role {key}"] for key in self.programs}
            self.add(part, f"what the probe adds to `powerconsul role`, {there}", probe, "ms", comms, "each comm", target)

    def inside_sleepers(self):
        taken = self.turns({
            "true": "/bin/true",
            "comms": f"{self.program('comms')} sleep",
            "check_procs": f"{PLUGINS}/check_procs -C sleep -c 0:100000",
            **self.of_programs(["check", "process", "-S", "cron", "--name", "sleep"]),
            **{f"role {key}": line for key, line in self.of_programs(["role", "-S", "cron"]).items()},
        }, max(10, 2 * self.options.rounds))
        print(json.dumps({name: each.milliseconds for name, each in taken.items()}))

    def watch(self):
        part = "a watch: critical checks of other nodes, through a pipe"
        watch = ["watch", "critical"]
        for count, target in ((100, None), (1000, None), (10_000, 0.6), (100_000, None)):
            snapshot = os.path.join(self.folder, f"snapshot-{count}.json")
            with open(snapshot, "wb") as file:
                subprocess.run([sys.executable, os.path.join(HERE, "snapshot.py"), str(count)], stdout=file, check=True)
            size = os.path.getsize(snapshot)
            taken = self.turns({
                "dom": [self.program("dom_parse")],
                **self.of_programs(watch),
                "jq": ["jq", "-c", '[.[]|select(.Node=="production-web1")]'],
            }, 5 if count == 100_000 else max(5, 3 * self.options.rounds), "|" + snapshot)
            times = {name: each.milliseconds for name, each in taken.items()}
            name = f"{count} checks, {size / 1e6:.1f} MB"
            self.table.add(part, f"RapidJSON's document alone: {name}", times["dom"], "ms")
            self.add(part, f"`powerconsul watch critical`: {name}", times, "ms", times["dom"], "RapidJSON", target)
            self.table.add(part, f"`jq`, choosing this node's: {name}", times["jq"], "ms", times["jq"] / times["dom"],
                           "RapidJSON")
            if count == 10_000:
                empty = os.path.join(self.folder, "empty.json")
                with open(empty, "w", encoding="utf-8") as file:
                    file.write("[]")
                least = self.turns(self.of_programs(watch), 3, "|" + empty)
                more = {key: (taken[key].peak - least[key].peak) / 1024 for key in self.programs}
                self.table.add(part, f"memory beyond that of an empty list: {name}", more["now"], "MiB",
                               target=size / (1 << 20) + 2, before=more.get("before"))

    def requests(self):
        part = "requests of one check"
        for name, counts in consul_costs.count_requests(self.programs, self.options.consul, self.memory):
            first, later, consistent = ({key: each[run][what] for key, each in counts.items()}
                                        for run, what in ((0, 0), (1, 0), (1, 1)))
            self.add(part, name, later, "")
            if first != later:
                self.add(part, f"{name}: its first run", first, "")
            if any(consistent.values()):
                self.add(part, f"{name}: those of a later run that are consistent", consistent, "")

    def fleet(self):
        part = "a standby's check of a service with many instances"
        rows = dict(consul_costs.cost_of_fleets(self.programs, self.options.consul, self.memory,
                                                5 * self.options.rounds))
        least = rows[consul_costs.FLEETS[0]]
        for name, unit, what in (("bytes", "bytes", "Consul's answers"), ("agent", "ms", "Consul's processor"),
                                 ("ms", "ms", "the check")):
            for size, found in rows.items():
                values = {key: found[key][name] for key in self.programs}
                ratios = {key: values[key] / least[key][name] for key in self.programs}
                largest = size == consul_costs.FLEETS[-1]
                self.table.add(part, f"{what}, {size} instances", values["now"], unit,
                               ratios["now"] if size != consul_costs.FLEETS[0] else None,
                               f"{consul_costs.FLEETS[0]} instances", 1.2 if largest else None,
                               before=values.get("before"), before_ratio=ratios.get("before"))

    def events(self):
        part = "a watch: critical services of this node, none with a trigger"
        for count, found in consul_costs.cost_of_events(self.programs, self.options.consul, self.memory):
            for event, words, target in (("first", "the first event", None), ("further", "a further one", 60)):
                for what, unit in ((": requests", ""), ("", "ms")):
                    values = {key: each[event + what] for key, each in found.items() if event + what in each}
                    if "now" in values:
                        self.table.add(part, f"{count} services, {words}{what}", values["now"], unit,
                                       target=target if count == 1000 and not what else None, before=values.get("before"))

    def flushes(self):
        part = "how often the disk is waited for before a trigger starts"
        for name, counts in consul_costs.count_flushes(self.programs, self.options.consul, self.memory):
            self.table.add(part, name, counts["now"], "", target=2 if "in use" in name else None,
                           before=counts.get("before"))

    def in_process(self):
        text = self.run(self.program("in_process"), "--benchmark_format=json", "--benchmark_repetitions=5",
                        "--benchmark_report_aggregates_only=true")
        part = "in process, as a library"
        found = {row["run_name"]: row for row in json.loads(text)["benchmarks"] if row["aggregate_name"] == "median"}
        def nanoseconds(name):
            row = found[name]
            return row["cpu_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[row["time_unit"]]

        self.table.add(part, "one decision", nanoseconds("decision"), "ns")
        for name, label in (("active", "an active"), ("standby", "a standby, with the actives' health")):
            for kept, note in (("", ""), ("_with_last_known", ", the last known role kept")):
                self.table.add(part, f"whole checks over the store in memory, {label}{note}",
                               1e9 / nanoseconds(f"whole_check/{name}{kept}"), "a second",
                               target=200_000 if name == "active" and not kept else None, at_least=True)

    def includes(self):
        part = "compiling, g++"
        for row in json.loads(self.run("python3", os.path.join(HERE, "includes.py"), "--json")):
            self.table.add(part, row["name"], row["median_ms"], "ms", row["ratio"], "`<string>`", row["target"])

    def sizes(self):
        part = "size and memory"
        for name in ("powerconsul", "powerconsul-dynamic", "powerconsul-https"):
            found = {}
            for key, program in self.programs.items():
                stripped, path = os.path.join(self.folder, name), os.path.join(os.path.dirname(program), name)
                if os.path.exists(path):
                    subprocess.run(["strip", "-o", stripped, path], check=True)
                    found[key] = os.path.getsize(stripped) / (1 << 20)
            if "now" in found:
                self.add(part, f"`{name}`, release, stripped", found, "MiB")
        taken = self.turns({**self.of_programs(["role", "-S", "cron"]),
                            "curl": f"curl -s http://{self.address}/v1/kv/{self.key}"}, 3)
        peaks = {name: each.peak / 1024 for name, each in taken.items()}
        self.add(part, "peak memory of `powerconsul role`", peaks, "MiB")
        self.table.add(part, "peak memory of `curl`", peaks["curl"], "MiB")


PARTS = ["one_shot", "check_service", "processes", "watch", "requests", "fleet", "events", "flushes", "in_process",
         "includes", "sizes"]


def put(path, text):
    """Into the page's only place for it, which is between two comments."""
    path = os.path.join(ROOT, path)
    with open(path, encoding="utf-8") as file:
        before, begin, rest = file.read().partition("<!-- bench -->\n")
        _, end, behind = rest.partition("<!-- /bench -->\n")
    if not end:
        sys.exit(f"bench.py: {path} has no place for the table")
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + text + "\n" + end + behind)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{len(models)} processors ({models[0] if models else platform.machine()}), {system}, Linux {kernel}"


def main():
    parser = argparse.ArgumentParser(add_help=False)
    for name in ("--release", "--default", "--consul"):
        parser.add_argument(name, required=True)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--before")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--inside-sleepers", action="store_true")
    options = parser.parse_args()
    for name in ("release", "default", "consul", "before"):
        if path := getattr(options, name):
            setattr(options, name, os.path.abspath(path))
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    folder = tempfile.mkdtemp()
    memory = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    bench = Bench(options, folder, memory)
    try:
        if options.inside_sleepers:
            bench.environment |= {name: value for name, value in os.environ.items()
                                  if name.startswith(("CONSUL_", "POWERCONSUL_"))}
            return bench.inside_sleepers()
        with consul_costs.Agent(options.consul) as agent:
            bench.use(agent)
            for part in PARTS:
                if part in chosen:
                    print(f"bench.py: {part}", file=sys.stderr)
                    getattr(bench, part)()
    finally:
        for each in (folder, memory):
            shutil.rmtree(each, ignore_errors=True)
    head = f"Measured on {time.strftime('%Y-%m-%d')}, all in one run: {machine()}.\n"
    if options.write:
        if missing := SHORT - {row["name"] for row in bench.table.rows}:
            sys.exit(f"bench.py: README's part of the table would lack {', '.join(sorted(missing))}")
        put("docs/performance.md", f"{head}\n{bench.table.markdown(options.before)}")
        put("README.md", f"{head}\n{bench.table.markdown(False, SHORT)}")
    if options.json:
        print(json.dumps({"date": time.strftime("%Y-%m-%d"), "machine": machine(), "rows": bench.table.rows}, indent=1))
    else:
        print(f"{head}\n{bench.table.markdown(options.before)}")
    return 0 if all(row["met"] is not False for row in bench.table.rows) else 1


sys.exit(main())
