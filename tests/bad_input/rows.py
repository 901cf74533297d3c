"""What the tables of bad input share: a row is one run of the real program, with what it must say and how it must end.

Each row runs in a folder of its own, without an environment but PATH, HOME and what it names. In what is expected,
FOLDER stands for that folder, and `after N ms` for any number of them. Both streams must else be as they are written,
byte for byte.
"""
import concurrent.futures
import dataclasses
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback
import typing

POWERCONSUL = os.environ.get("POWERCONSUL", "powerconsul")
#: Far beyond what any row takes; a row that waits for longer hangs.
LONGEST = 60


@dataclasses.dataclass
class Row:
    """argv without the program's own name; `code` is the exit code."""

    name: str
    argv: typing.Sequence[typing.Union[str, bytes]]
    code: int
    out: str = ""
    err: str = ""
    #: Relative path -> its text or bytes, made before the run.
    files: dict = dataclasses.field(default_factory=dict)
    #: Words before the program's name, as in ["setpriv", …], or those of a shell that gives it another standard input.
    through: typing.Sequence[str] = ()
    #: Text or bytes for standard input, or a function that writes them into the pipe that it is given.
    stdin: typing.Any = b""
    env: dict = dataclasses.field(default_factory=dict)
    #: Pattern -> what stands in its place in both streams: what differs from run to run, such as a port.
    changing: dict = dataclasses.field(default_factory=dict)
    #: Called with the folder before the run; what it returns is called after it.
    prepare: typing.Any = None
    #: Called with the folder after the run; raises AssertionError for what should not be so.
    after: typing.Any = None


def as_bytes(text):
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def run(row, folder):
    """(exit code, standard output, standard error) of a row; FOLDER is put in the place of the folder's name."""
    for name, text in row.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(text))
    undo = row.prepare(folder) if row.prepare else None
    place = str(folder).encode()
    argv = [*row.through, os.fsencode(POWERCONSUL)] + [as_bytes(word).replace(b"FOLDER", place) for word in row.argv]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"}
    env.update({name: value.replace("FOLDER", str(folder)) for name, value in row.env.items()})
    try:
        with subprocess.Popen(argv, env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            try:
                if callable(row.stdin):
                    try:
                        row.stdin(process.stdin)
                    except BrokenPipeError:
                        pass
                    out, err = process.communicate(timeout=LONGEST)
                else:
                    out, err = process.communicate(as_bytes(row.stdin), timeout=LONGEST)
            except BaseException:
                process.kill()
                raise
    finally:
        if undo:
            undo()
    if row.after:
        row.after(folder)
    texts = [text.replace(place, b"FOLDER").decode("utf-8", "backslashreplace") for text in (out, err)]
    for pattern, name in {r"\bafter \d+ ms\b": "after N ms", **row.changing}.items():
        texts = [re.sub(pattern, name, text) for text in texts]
    return process.returncode, *texts


def difference(what, expected, found):
    return "".join(f"    {line}\n" for line in difflib.unified_diff(
        expected.splitlines(), found.splitlines(), f"{what} expected", f"{what} found", lineterm="", n=1))


def wrong(row):
    """What is not as the row says; empty if all is."""
    with tempfile.TemporaryDirectory(prefix="powerconsul-bad-input-") as folder:
        try:
            code, out, err = run(row, pathlib.Path(folder).resolve())
        except Exception:  # pylint: disable=broad-except
            return traceback.format_exc()
    text = "" if code == row.code else f"    exit code: expected {row.code}, found {code}\n"
    for what, expected, found in (("stdout", row.out, out), ("stderr", row.err, err)):
        if expected != found:
            text += difference(what, expected, found) or f"    {what}: the end of the last line differs\n"
    return text


def main(rows, arguments=None):
    """Runs the rows, or those whose names contain one of the arguments; `--list` prints their names, `--show` what they say."""
    arguments = sys.argv[1:] if arguments is None else arguments
    show = "--show" in arguments
    words = [word for word in arguments if not word.startswith("--")]
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        sys.exit(f"two rows have one name: {', '.join(twice)}")
    chosen = [row for row in rows if not words or any(word in row.name for word in words)]
    if "--list" in arguments:
        print(*(row.name for row in chosen), sep="\n")
        return 0
    os.umask(0o022)  # a configuration that its group may change is another row
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        for row, problem in zip(chosen, pool.map(wrong, chosen)):
            if problem:
                failed += 1
                print(f"FAILED: {row.name}\n{problem}")
            if show:
                print(f"{row.name}: exit {row.code}\n{row.out}{row.err}")
    # count_tests.py reads this line.
    print(f"[rows] {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0
