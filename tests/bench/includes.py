#!/usr/bin/env python3
"""Measures what including a header costs: g++ -std=c++20 -fsyntax-only on a file with that one line.

usage: includes.py [--json] [--rounds N] [HEADER...]

Prints a row for each header: its name, the median in ms, and the ratio to <string> of this run. Measured are, in turns,
<string>, the umbrella, checks/check.hpp and every adapter, or the headers that are named (as `powerconsul/heal/handler.hpp`). The
times are the compiler's own (user and system), so that other processes matter less. CXX chooses another compiler. --json
prints a list of objects with the members name, median_ms and ratio. An adapter whose library is not installed is
left out, which a line on stderr says.
"""
import argparse
import json
import os
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
MAIN = ["powerconsul/powerconsul.hpp", "powerconsul/checks/check.hpp"]
# What the headers that need more than RapidJSON are compiled with, by pkg-config's names.
PACKAGES = {"httplib": ["cpp-httplib"], "systemd_bus": ["libsystemd"]}


def flags(header):
    """The options of the packages that a header needs; None if one is not installed."""
    needed = [package for word, packages in PACKAGES.items() if word in header for package in packages]
    if not needed:
        return []
    found = subprocess.run(["pkg-config", "--cflags", *needed], capture_output=True, text=True)
    if found.returncode != 0:
        print(f"includes.py: {header} left out: {found.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return shlex.split(found.stdout)


def cost(compiler, header, options):
    """Milliseconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*compiler, "-std=c++20", "-fsyntax-only", f"-I{INCLUDE}", *options, "-x", "c++", "-"],
                   input=f"#include <{header}>\n", text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(compiler, headers, rounds):
    """Rows of header, median and ratio to the first."""
    options = {header: flags(header) for header in headers}
    headers = [header for header in headers if options[header] is not None]
    times = {header: [] for header in headers}
    for _ in range(rounds):
        for header in headers:
            times[header].append(cost(compiler, header, options[header]))
    medians = {header: statistics.median(times[header]) for header in headers}
    return [(header, median, median / medians[headers[0]]) for header, median in medians.items()]


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("header", nargs="*")
    options = asked.parse_args()
    adapters = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.glob("powerconsul/adapters/*.hpp"))
    headers = ["string", *(options.header or MAIN + adapters)]
    rows = measure(shlex.split(os.environ.get("CXX", "g++")), headers, options.rounds)
    if options.json:
        print(json.dumps([{"name": f"<{header}>", "median_ms": round(median, 1), "ratio": round(ratio, 3)}
                          for header, median, ratio in rows]))
        return
    for header, median, ratio in rows:
        print(f"<{header}>\t{median:.0f}\t{ratio:.2f}")


if __name__ == "__main__":
    main()
