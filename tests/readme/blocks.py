"""Keeps README.md true: its programs are compiled and run, its commands are run, its JSON is parsed.

A comment on the line before a block says what happens to it:

    <!-- run: NAME -->           before ```cpp: compiled, run, and its output compared with the next block, which must
                                 be ```text. Before ```sh: the same with bash, with the built tool on the PATH. All sh
                                 blocks run in the order of the page in one temporary directory.
    <!-- run: NAME exit=2 -->    the same, and the exit code must be 2; 0 if not given
    <!-- run: NAME silent -->    nothing may be printed, and no ```text block follows
    <!-- file: store.json -->    before any block: its text is that file in the directory of the sh blocks
    <!-- not run: REASON -->     before ```cpp or ```sh: only shown

Every ```cpp and ```sh block needs one of these, every ```json block must be JSON (several documents in a row are fine),
and names are unique. Output is stdout and stderr together, compared byte by byte but for the last line's end.

    blocks.py check README                    the page follows these rules and has at least one block of each kind
    blocks.py list README                     the cpp blocks to run: "core NAME" or "httplib NAME" per line
    blocks.py extract README NAME FILE        writes a cpp block to a file
    blocks.py program README NAME EXECUTABLE  runs a compiled cpp block
    blocks.py shell README TOOL               runs the sh blocks; TOOL is the built executable
"""
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MARKER = re.compile(r"^<!-- (run|not run|file): (.+) -->$")
FENCE = re.compile(r"^```(\w*)$")
DEADLINE = 60  # seconds for one block


class PageError(Exception):
    pass


@dataclasses.dataclass
class Block:
    language: str
    text: str
    line: int
    marker: tuple | None
    name: str = ""
    exit: int = 0
    silent: bool = False
    expected: str = ""


@dataclasses.dataclass
class Page:
    runs: list
    files: dict
    blocks: list


def split(text):
    """All fenced blocks in their order, each with the marker on the line before it."""
    blocks, marker, opened, body = [], None, None, []
    for number, line in enumerate(text.splitlines(), 1):
        if opened:
            if line == "```":
                blocks.append(Block(opened[0], "".join(body), opened[1], marker))
                opened, marker, body = None, None, []
            else:
                body.append(line + "\n")
        elif FENCE.match(line):
            opened = (FENCE.match(line)[1], number)
        elif marker:
            raise PageError(f"line {number}: no block follows the marker {marker}")
        elif MARKER.match(line):
            marker = MARKER.match(line).groups()
    if opened:
        raise PageError(f"line {opened[1]}: the block is never closed")
    if marker:
        raise PageError(f"last line: no block follows the marker {marker}")
    return blocks


def unique(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("the same key twice")
    return dict(pairs)


def check_json(block):
    decoder, rest = json.JSONDecoder(object_pairs_hook=unique), block.text.strip()
    try:
        if not rest:
            raise ValueError("it is empty")
        while rest:
            rest = rest[decoder.raw_decode(rest)[1]:].lstrip()
    except ValueError as error:
        raise PageError(f"line {block.line}: the block is not JSON: {error}") from error


def read_run(block, following):
    """Fills in what a run marker says, and takes the expected output from the block that follows."""
    if block.language not in ("cpp", "sh"):
        raise PageError(f"line {block.line}: a {block.language or 'plain'} block cannot be run")
    block.name, *words = block.marker[1].split()
    for word in words:
        if word == "silent":
            block.silent = True
        elif re.fullmatch(r"exit=\d+", word):
            block.exit = int(word[5:])
        else:
            raise PageError(f"line {block.line}: unknown word {word} in the marker")
    if not block.silent:
        if following is None or following.language != "text":
            raise PageError(f"line {block.line}: no ```text block follows {block.name}")
        block.expected = following.text


def read(text):
    page = Page([], {}, split(text))
    for block, following in zip(page.blocks, page.blocks[1:] + [None]):
        kind, value = block.marker or ("", "")
        if block.language == "json":
            check_json(block)
        if kind == "run":
            read_run(block, following)
            if block.name in (other.name for other in page.runs):
                raise PageError(f"line {block.line}: the name {block.name} is used twice")
            page.runs.append(block)
        elif kind == "file":
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", value) or value.startswith("."):
                raise PageError(f"line {block.line}: {value} must be a plain file name")
            page.files[value] = block.text
        elif block.language in ("cpp", "sh") and kind != "not run":
            raise PageError(f"line {block.line}: the {block.language} block has no marker")
    return page


def run(block, command, **options):
    """The differences between what the block does and what the page says."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=DEADLINE, check=False, **options)
    except subprocess.TimeoutExpired:
        return [f"{block.name}: not done after {DEADLINE} s"]
    output, faults = done.stdout.decode("utf-8", "backslashreplace"), []
    if output.rstrip("\n") != block.expected.rstrip("\n"):
        faults.append(f"{block.name}: expected this output\n{block.expected}but got\n{output}")
    if done.returncode != block.exit:
        faults.append(f"{block.name}: expected exit code {block.exit}, got {done.returncode}\n{output}")
    return faults


def clean_environment(home, tool):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CONSUL_", "POWERCONSUL_"))}
    return {**kept, "HOME": home, "PATH": f"{pathlib.Path(tool).parent}:{kept['PATH']}"}


def run_shell(page, tool):
    faults = []
    with tempfile.TemporaryDirectory() as directory:
        for name, text in page.files.items():
            pathlib.Path(directory, name).write_text(text, encoding="utf-8")
        for block in page.runs:
            if block.language == "sh":
                faults += run(block, ["bash", "-u", "-o", "pipefail", "-c", block.text], cwd=directory,
                              env=clean_environment(directory, tool))
    return faults


def find_program(page, name):
    return next(block for block in page.runs if block.language == "cpp" and block.name == name)


def main(arguments):
    verb, path, *rest = arguments
    page = read(pathlib.Path(path).read_text(encoding="utf-8"))
    programs = [block for block in page.runs if block.language == "cpp"]
    faults = []
    if verb == "check":
        counts = {
            "cpp blocks to run": len(programs),
            "sh blocks to run": len(page.runs) - len(programs),
            "json blocks": sum(block.language == "json" for block in page.blocks),
        }
        print(*(f"{count} {what}" for what, count in counts.items()), sep=", ")
        faults = [f"no {what}: the markers or this script are broken" for what, count in counts.items() if count == 0]
    elif verb == "list":
        print(*("{} {}".format("httplib" if "adapters/httplib/transport.hpp" in block.text else "core", block.name)
                for block in programs), sep="\n")
    elif verb == "extract":
        pathlib.Path(rest[1]).write_text(find_program(page, rest[0]).text, encoding="utf-8")
    elif verb == "program":
        with tempfile.TemporaryDirectory() as directory:
            for name, text in page.files.items():
                pathlib.Path(directory, name).write_text(text, encoding="utf-8")
            faults = run(find_program(page, rest[0]), [os.path.abspath(rest[1])], cwd=directory,
                         env=clean_environment(directory, rest[1]))
    elif verb == "shell":
        faults = run_shell(page, os.path.abspath(rest[0]))
    else:
        raise PageError(f"unknown verb {verb}, see the top of this script")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PageError as page_error:
        sys.exit(f"{sys.argv[2] if len(sys.argv) > 2 else 'blocks.py'}: {page_error}")
