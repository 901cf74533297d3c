"""Every figure on speed or size that a page gives is in the table that tools/bench.sh writes.

    figures.py PAGE [HEADING...]

Outside of the table, between the comments `bench` and `/bench`, the page (or its parts below these headings) has no number with such a unit.
"""
import pathlib
import re
import sys

TABLE = re.compile(r"<!-- bench -->\n(.*?)<!-- /bench -->\n", re.DOTALL)
FIGURE = re.compile(r"\d(?:[\d.,\u202f ]*\d)?\s*(?:ns|µs|ms|KiB|MiB|kB|MB|×|page faults|a second)(?!\w)")


def faults(path, headings):
    text = path.read_text(encoding="utf-8")
    if len(TABLE.findall(text)) != 1:
        return [f"{path}: expected one place for the table, between <!-- bench --> and <!-- /bench -->"]
    parts = {part.partition("\n")[0]: part for part in re.split(r"^## ", TABLE.sub("", text), flags=re.MULTILINE)}
    found = [f"{path}: no heading {heading}" for heading in headings if heading not in parts]
    for name, part in parts.items():
        if not headings or name in headings:
            found += [f"{path}, {name}: {figure} is not from the table of tools/bench.sh" for figure in FIGURE.findall(part)]
    return found


if __name__ == "__main__":
    wrong = faults(pathlib.Path(sys.argv[1]), sys.argv[2:])
    print(*wrong, sep="\n")
    sys.exit(1 if wrong else 0)
