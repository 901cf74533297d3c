"""Checks that every header is in one room and includes only what its room may include.

    rooms.py INCLUDE_DIR HEADER...

A header's room is the folder that it is in. The headers come from include/powerconsul/meson.build, where each stands
once; what a room may use is the table below.
"""
import pathlib
import re
import sys

ROOT = "the root"  # the umbrella and the version
CLUSTER = {"core", "decision", "json", "ports", "consul", "cluster"}
CHECKS = CLUSTER | {"probes", "checks"}
HEAL = CHECKS | {"heal"}
# A room may include headers of itself and of these.
MAY_USE = {
    "core": set(),
    "decision": set(),
    "json": {"core"},
    "ports": {"core", "decision"},
    "consul": {"core", "decision", "json", "ports"},
    "probes": {"core", "decision", "ports"},
    "store": {"core", "json", "ports"},
    "testing": {"core", "ports"},
    "cluster": CLUSTER,
    "adapters": {"consul", "core", "ports"},
    "checks": CHECKS,
    "heal": HEAL,
    "config": HEAL,
    "lint": CLUSTER | {"probes", "config", "heal"},
    "doctor": HEAL | {"config"},
    "embedding": CHECKS | {"adapters"},
    ROOT: HEAL,
}
# Third-party headers, by the beginning of their path, and the folders or headers that may include them.
THIRD_PARTY = {
    "rapidjson/": ("json/", "consul/checks_json.hpp"),
    "pcre2.h": ("core/pattern.hpp",),
    "httplib.h": ("adapters/httplib/",),
    "openssl/": ("adapters/httplib/",),
    "systemd/": ("adapters/systemd_bus.hpp",),
    "cxxopts.hpp": (),
    "doctest/": (),
}
UMBRELLA = "powerconsul.hpp"
VERSION = "version.hpp"  # for every room; refuses anything before C++20
# What an embedder calls: the umbrella brings all of these rooms, and nothing of the rooms that not all of them need.
IN_UMBRELLA = {"decision", "cluster", "checks", "heal"}
# The shipped probes come with the first two; the last one is what a command prints.
NOT_FOR_ALL = ("checks/kinds/", "checks/run", "heal/explanation.hpp")
BY_NAME = {"adapters", "config", "doctor", "embedding", "lint", "store", "testing"}
MAX_IN_ROOT = 3
# What core/algo.hpp has without the constraints that cost a compiler most of such a call.
COSTLY = re.compile(r"\bstd::ranges::(?:all_of|any_of|binary_search|count|count_if|find|find_if|find_if_not|lower_bound|none_of|"
                    r"sort|stable_sort)\b")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
OWN = "powerconsul/"


def room_of(header):
    """The folder that a header is in, or the root."""
    return header.split("/")[0] if "/" in header else ROOT


def find_cycle(graph):
    """One cycle of includes as a list of headers, or None."""
    done, path = set(), []

    def visit(header):
        if header in path:
            return path[path.index(header):] + [header]
        if header in done:
            return None
        path.append(header)
        for used in graph.get(header, ()):
            cycle = visit(used)
            if cycle:
                return cycle
        path.pop()
        done.add(header)
        return None

    for header in sorted(graph):
        cycle = visit(header)
        if cycle:
            return cycle
    return None


def reached(graph, start):
    """All headers that `start` includes, through others too."""
    found, waiting = set(), [start]
    while waiting:
        for used in graph.get(waiting.pop(), ()):
            if used not in found:
                found.add(used)
                waiting.append(used)
    return found


def check_umbrella(graph, headers):
    """The umbrella brings the rooms that it is for, and nothing of those that are included by name."""
    brought = reached(graph, UMBRELLA)
    faults = [f"{UMBRELLA}: lacks {header}" for header in headers if room_of(header) in IN_UMBRELLA and
              not header.startswith(NOT_FOR_ALL) and header not in brought]
    for header in (header for header in brought if room_of(header) in BY_NAME):
        users = ", ".join(sorted(user for user in brought | {UMBRELLA} if header in graph.get(user, ())))
        faults.append(f"{UMBRELLA}: includes {header} ({users} does), which is for those who name it")
    return faults


def check(root, listed):
    """All faults of the headers below root, given the list of them."""
    headers = set(listed)
    found = {path.relative_to(root).as_posix() for path in root.rglob("*.h*")}
    faults = [f"{header}: listed twice" for header in headers if listed.count(header) > 1]
    faults += [f"{header}: on disk but not in include/powerconsul/meson.build" for header in found - headers]
    faults += [f"{header}: listed but not on disk" for header in headers - found]
    in_root = sum(room_of(header) == ROOT for header in headers)
    if in_root > MAX_IN_ROOT:
        faults.append(f"{in_root} headers in the root, at most {MAX_IN_ROOT}")

    graph = {}
    for header in sorted(found & headers):
        room, text = room_of(header), (root / header).read_text(encoding="utf-8")
        if room not in MAY_USE:
            faults.append(f"{header}: room {room} is unknown, expected one of {', '.join(MAY_USE)}")
            continue
        faults += [f"{header}: {name}, expected that of core/algo.hpp" for name in COSTLY.findall(text)]
        for bracket, name in INCLUDE.findall(text):
            if bracket == '"':
                faults.append(f'{header}: includes "{name}", expected <powerconsul/...>')
            elif name.startswith(OWN):
                used = name[len(OWN):]
                graph.setdefault(header, []).append(used)
                if used not in headers:
                    faults.append(f"{header}: includes {used}, which is not in include/powerconsul/meson.build")
                elif room_of(used) != room and room_of(used) not in MAY_USE[room] and used != VERSION:
                    faults.append(f"{header} includes {used}: {room} may not use {room_of(used)}")
            else:
                for prefix, places in THIRD_PARTY.items():
                    if name.startswith(prefix) and not header.startswith(places):
                        faults.append(f"{header} includes {name}, allowed in {', '.join(places) or 'no header'}")
        if header != VERSION and header not in graph:
            faults.append(f"{header}: includes no header of ours, so it must include {VERSION}, which needs C++20")
    faults += check_umbrella(graph, headers & found)
    cycle = find_cycle(graph)
    if cycle:
        faults.append("headers include each other: " + " -> ".join(cycle))
    return sorted(faults)


def main(arguments):
    listed = arguments[1:]
    faults = check(pathlib.Path(arguments[0]), listed)
    print("\n".join(faults), end="\n" if faults else "")
    print(f"{len(listed)} headers, {len(faults)} faults")
    return 1 if faults or not listed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
