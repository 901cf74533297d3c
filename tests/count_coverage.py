"""Prints what `llvm-cov` has found, by header and by room, and ends with 1 if a room has too little.

    count_coverage.py --headers MESON_BUILD --summary JSON --lines TEXT [--least ROOM=PERCENT]... [--missing [HEADER ...]]

MESON_BUILD has the list of headers, whose folders are the rooms, JSON is from `llvm-cov export --summary-only`, TEXT from `llvm-cov show
--show-branches=count`.
"""
import argparse
import json
import pathlib
import re
import sys

FOLDER = "include/powerconsul/"
BRANCH = re.compile(r"^ *\| +Branch \((\d+):(\d+)\): \[True: ([^,]+), False: ([^\]]+)\]", re.MULTILINE)


def rooms_of(text):
    """[(room, [header, ...]), ...] of the list in meson.build."""
    rooms = {}
    for header in re.findall(r"^ +'([^']+\.hpp)',$", text, re.MULTILINE):
        rooms.setdefault(header.rpartition("/")[0].partition("/")[0], []).append(header)
    return list(rooms.items())


def header_of(path):
    """None if it is none of ours."""
    return path.rpartition(FOLDER)[2] if FOLDER in path else None


def counts_of(summary):
    """Of each header (lines, lines run, branches, branches taken)."""
    found = {}
    for file in summary["data"][0]["files"]:
        if header := header_of(file["filename"]):
            lines, branches = file["summary"]["lines"], file["summary"]["branches"]
            found[header] = (lines["count"], lines["covered"], branches["count"], branches["covered"])
    return found


def share(part, whole):
    return f"{100 * part / whole:6.1f} %" if whole else "      –  "


def row(name, counts):
    lines, run, branches, taken = counts
    return f"{name:<34}{run:>6} /{lines:>6}{share(run, lines)}{taken:>8} /{branches:>6}{share(taken, branches)}"


def table(rooms, counts):
    """The lines of the table, and of each room the percentage of its branches."""
    out = [f"{'header':<34}{'lines run':>14}{'':>8}{'branches taken':>17}"]
    percent = {}
    for room, headers in rooms:
        known = [header for header in headers if header in counts]
        out += [row(header, counts[header]) for header in known]
        total = [sum(each) for each in zip((0, 0, 0, 0), *(counts[header] for header in known))]
        out += [row(f"= {room}, {len(headers)} headers, {len(headers) - len(known)} without code", total), ""]
        percent[room] = 100 * total[3] / total[2] if total[2] else 0
    return out, percent


def missing(text, headers):
    """`file:line:column: taken, never not taken: source` of each branch that no instantiation took both ways."""
    out = []
    for part in re.split(r"^(?=/[^\n]*:\n)", text, flags=re.MULTILINE):
        header = header_of(part.partition(":\n")[0])
        if header not in headers:
            continue
        source = dict(re.findall(r"^ +(\d+)\|[^|]*\|(.*)$", part, re.MULTILINE))
        ways = {}
        for line, column, yes, no in BRANCH.findall(part):
            before = ways.get((int(line), int(column)), (False, False))
            ways[int(line), int(column)] = (before[0] or yes != "0", before[1] or no != "0")
        for (line, column), (yes, no) in sorted(ways.items()):
            if not (yes and no):
                what = "never taken" if no else "always taken" if yes else "not reached"
                out.append(f"{FOLDER}{header}:{line}:{column}: {what}: {source[str(line)].strip()}")
    return out


def main(arguments):
    parser = argparse.ArgumentParser()
    for name in ("--headers", "--summary", "--lines"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument("--least", action="append", default=[])
    parser.add_argument("--missing", nargs="*")
    given = parser.parse_args(arguments)
    rooms = rooms_of(given.headers.read_text(encoding="utf-8"))
    counts = counts_of(json.loads(given.summary.read_text(encoding="utf-8")))
    lines, percent = table(rooms, counts)
    print(*lines, sep="\n")
    if given.missing is not None:
        headers = given.missing or [header for _, headers in rooms for header in headers]
        print(*missing(given.lines.read_text(encoding="utf-8"), headers), "", sep="\n")
    status = 0
    for each in given.least:
        room, _, least = each.partition("=")
        good = percent.get(room, 0) >= float(least)
        print(f"{room}: {percent.get(room, 0):.1f} % of the branches, at least {least} % are "
              f"{'asked for' if good else 'asked for: TOO FEW'}")
        status = status if good else 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
