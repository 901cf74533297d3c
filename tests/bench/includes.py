#!/usr/bin/env python3
"""Measures what the library costs a compiler: g++ on files that include it.

usage: includes.py [--json] [--rounds N] [HEADER...]

Prints a row for each file: its name, the median in ms, the ratio to <string>, syntax only, of this run, and the most that the ratio
may be, if there is such. Measured are, in turns, the syntax of <string>, of the umbrella and of what costs most, and the code at
-O2 of README's ten lines, which check a service over a real agent, header-only and over powerconsul-posix; or the syntax
of the headers that are named (as `powerconsul/heal/handler.hpp`). The times are the compiler's own (user and system), so
that other processes matter less. CXX chooses another compiler. --json prints a list of objects with the members name,
median_ms, ratio and target. What needs a library that is not installed is left out, which a line on stderr says.
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
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEN_LINES = (ROOT / "tests" / "consumer" / "project" / "ten_lines.cpp").read_text(encoding="utf-8")
SYNTAX, CODE = ["-fsyntax-only"], ["-O2", "-c", "-o", "/dev/null"]
COMPILED = "-DPOWERCONSUL_POSIX_COMPILED"  # as powerconsul-posix says it
# What needs more than RapidJSON, by pkg-config's names.
PACKAGES = {"httplib": "cpp-httplib", "embedding": "cpp-httplib", "systemd_bus": "libsystemd"}


class Unit(typing.NamedTuple):
    name: str
    text: str
    options: list
    target: float | None = None


def header(name, options=(), target=None, words=""):
    return Unit(f"`<{name}>`{words}", f"#include <{name}>\n", [*SYNTAX, *options], target)


def units(headers):
    """What is measured; the first one is what the others are compared with."""
    base = header("string")
    if headers:
        return [base, *map(header, headers)]
    return [
        base,
        header("powerconsul/powerconsul.hpp", target=3.45),
        header("powerconsul/checks/check.hpp"),
        header("powerconsul/store/store.hpp"),
        header("powerconsul/adapters/posix/host.hpp"),
        header("powerconsul/adapters/httplib/transport.hpp"),
        header("powerconsul/embedding/posix.hpp"),
        header("powerconsul/embedding/posix.hpp", [COMPILED], words=" over powerconsul-posix"),
        Unit("README's ten lines at -O2, header-only", TEN_LINES, CODE),
        Unit("README's ten lines at -O2 over powerconsul-posix", TEN_LINES, [*CODE, COMPILED], 13.8),
    ]


def flags(unit):
    """The options of the packages that it needs; None if one is not installed."""
    needed = {package for word, package in PACKAGES.items() if word in unit.text}
    if not needed or COMPILED in unit.options:
        return []
    found = subprocess.run(["pkg-config", "--cflags", *needed], capture_output=True, text=True)
    if found.returncode != 0:
        print(f"includes.py: {unit.name} left out: {found.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return shlex.split(found.stdout)


def cost(compiler, unit, options):
    """Milliseconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*compiler, "-std=c++20", f"-I{ROOT / 'include'}", *options, *unit.options, "-x", "c++", "-"],
                   input=unit.text, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(compiler, wanted, rounds):
    """Rows of unit, median and ratio to the first."""
    options = {unit.name: flags(unit) for unit in wanted}
    wanted = [unit for unit in wanted if options[unit.name] is not None]
    times = {unit.name: [] for unit in wanted}
    for _ in range(rounds):
        for unit in wanted:
            times[unit.name].append(cost(compiler, unit, options[unit.name]))
    medians = {name: statistics.median(found) for name, found in times.items()}
    return [(unit, medians[unit.name], medians[unit.name] / medians[wanted[0].name]) for unit in wanted]


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("header", nargs="*")
    options = asked.parse_args()
    rows = measure(shlex.split(os.environ.get("CXX", "g++")), units(options.header), options.rounds)
    if options.json:
        print(json.dumps([{"name": unit.name, "median_ms": round(median, 1), "ratio": round(ratio, 3),
                           "target": unit.target} for unit, median, ratio in rows]))
        return
    for unit, median, ratio in rows:
        print(f"{unit.name}\t{median:.0f}\t{ratio:.2f}" + (f"\t≤ {unit.target}" if unit.target else ""))


if __name__ == "__main__":
    main()
