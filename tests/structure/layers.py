"""Checks that every header is in exactly one layer and includes only what its layer may include.

    layers.py INCLUDE_DIR LAYER:HEADER... by-name:HEADER...

The layers come from include/powerconsul/meson.build, and so does the list of the headers that are included by name
only: neither in the umbrella nor in anything that it includes. What a layer may use is the table below.
"""
import pathlib
import re
import sys

# A layer may include headers of itself and of these.
MAY_USE = {
    "L0": set(),
    "L1": {"L0"},
    "LJ": {"L0", "L1"},
    "L2": {"L0", "L1"},
    "L3": {"L0", "L1", "LJ", "L2"},
    "umbrella": {"L0", "L1", "LJ", "L2", "L3"},
    "LA": {"L0", "L1", "LJ", "L2", "L3", "umbrella"},
}
# Third-party headers, by the beginning of their path, and the layers that may include them.
THIRD_PARTY = {"rapidjson/": {"LJ"}, "httplib.h": {"LA"}, "openssl/": {"LA"}, "systemd/": {"LA"}, "cxxopts.hpp": set(), "doctest/": set()}
MAX_LINES = 400
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
OWN = "powerconsul/"
BY_NAME = "by-name"


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


def check_umbrella(umbrella, graph, layer_of, by_name):
    """The umbrella has all of its layers but what is included by name, and nothing of that even indirectly."""
    covered = {header for header, layer in layer_of.items() if layer in MAY_USE["umbrella"]}
    faults = [f"{header}: is to be included by name but in no layer of the umbrella" for header in by_name - covered]
    faults += [f"{umbrella}: lacks {header}" for header in covered - by_name - set(graph.get(umbrella, ()))]
    for header in by_name & reached(graph, umbrella):
        through = [user for user in reached(graph, umbrella) | {umbrella} if header in graph.get(user, ())]
        users = ", ".join(sorted(through))
        faults.append(f"{umbrella}: includes {header} ({users} does), which is for those who name it")
    return faults


def check(root, listed):
    """All faults of the headers below root, given (layer, header) pairs; BY_NAME may be a header's second layer."""
    faults, layer_of = [], {}
    by_name = {header for layer, header in listed if layer == BY_NAME}
    for layer, header in listed:
        if layer == BY_NAME:
            continue
        if layer not in MAY_USE:
            faults.append(f"{header}: layer {layer} is unknown, expected one of {', '.join(MAY_USE)}")
        elif header in layer_of:
            faults.append(f"{header}: listed twice, in {layer_of[header]} and in {layer}")
        else:
            layer_of[header] = layer
    found = {path.relative_to(root).as_posix() for path in root.rglob("*.h*")}
    for header in found - set(layer_of):
        faults.append(f"{header}: on disk but in no layer of include/powerconsul/meson.build")
    for header in set(layer_of) - found:
        faults.append(f"{header}: listed but not on disk")

    graph = {}
    for header in sorted(found & set(layer_of)):
        layer, text = layer_of[header], (root / header).read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MAX_LINES:
            faults.append(f"{header}: {lines} lines, at most {MAX_LINES}")
        for bracket, name in INCLUDE.findall(text):
            if bracket == '"':
                faults.append(f'{header}: includes "{name}", expected <powerconsul/...>')
            elif name.startswith(OWN):
                used = name[len(OWN):]
                graph.setdefault(header, []).append(used)
                if used not in layer_of:
                    faults.append(f"{header}: includes {name}, which is in no layer")
                elif layer_of[used] != layer and layer_of[used] not in MAY_USE[layer]:
                    faults.append(f"{header} ({layer}) includes {used} ({layer_of[used]}), a layer that it may not use")
            else:
                for prefix, layers in THIRD_PARTY.items():
                    if name.startswith(prefix) and layer not in layers:
                        faults.append(f"{header} ({layer}) includes {name}, allowed in {sorted(layers) or 'no header'}")
    for umbrella in (header for header, layer in layer_of.items() if layer == "umbrella" and header in found):
        faults += check_umbrella(umbrella, graph, layer_of, by_name)
    cycle = find_cycle(graph)
    if cycle:
        faults.append(f"headers include each other: {' -> '.join(cycle)}")
    return sorted(faults)


def main(arguments):
    root, listed = pathlib.Path(arguments[0]), [tuple(pair.split(":", 1)) for pair in arguments[1:]]
    faults = check(root, listed)
    for fault in faults:
        print(fault)
    print(f"{sum(layer != BY_NAME for layer, _ in listed)} headers, {len(faults)} faults")
    return 1 if faults or not listed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
