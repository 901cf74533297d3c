"""Writes one translation unit out of several test files, so that what they use of the library is compiled once.

    joined.py OUTPUT SOURCE...

Each file is in a namespace of its own, so that none sees another's names. What they include comes before, outside of
these namespaces: every header has a guard, so that in its file the same line then does nothing.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def joined(sources):
    """The text of the unit."""
    headers, parts = {}, []
    for source in sources:
        for bracket, name in INCLUDE.findall(source.read_text(encoding="utf-8")):
            # A file next to the source is not next to the unit.
            headers[f"<{name}>" if bracket == "<" else f'"{(source.parent / name).resolve()}"'] = None
        name = re.sub(r"\W", "_", "_".join(source.with_suffix("").parts[-3:]))
        parts.append(f'namespace in_{name} {{\n#include "{source}"\n}}  // namespace\n')
    return "".join(f"#include {header}\n" for header in headers) + "".join(parts)


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(joined([pathlib.Path(name).resolve() for name in sys.argv[2:]]), encoding="utf-8")
