"""Checks that the headers below the adapters do not pull in expensive standard headers.

    banned.py COMPILE_COMMANDS HEADER...

Each header is compiled alone by the test next to this one (check_header.cpp.in). That unit's own command line, from
compile_commands.json, is run again with -M, so that compiler, flags and include paths are the real ones.
"""
import json
import pathlib
import shlex
import subprocess
import sys

BANNED = {"functional", "memory", "chrono", "ranges", "regex", "filesystem", "iostream", "thread"}
WITH_VALUE = {"-o", "-MF", "-MQ", "-MT"}
WITHOUT_VALUE = {"-c", "-MD", "-MMD", "-MP"}


def unit_name(header):
    """The file that includes only this header, as tests/structure/meson.build names it."""
    return "check_" + header.replace("/", "_").replace(".", "_") + "_1.cpp"


def dependency_command(command):
    """The same compilation, but printing the files it reads instead of compiling."""
    words, kept = iter(shlex.split(command)), []
    for word in words:
        if word in WITH_VALUE:
            next(words)
        elif word not in WITHOUT_VALUE:
            kept.append(word)
    return kept + ["-M"]


def banned_files(entry):
    """The banned standard headers that the unit of this entry of compile_commands.json reads, and how many it reads."""
    command = dependency_command(entry["command"])
    rule = subprocess.run(command, cwd=entry["directory"], check=True, capture_output=True, text=True).stdout
    files = rule.replace("\\\n", " ").split(":", 1)[1].split()
    return sorted({path for path in files if pathlib.Path(path).name in BANNED}), len(files)


def main(arguments):
    with open(arguments[0], encoding="utf-8") as file:
        entries = {pathlib.Path(entry["file"]).name: entry for entry in json.load(file)}
    failed = 0
    for header in arguments[1:]:
        entry = entries.get(unit_name(header))
        if entry is None:
            print(f"{header}: {unit_name(header)} is not in {arguments[0]}")
            failed += 1
            continue
        banned, read = banned_files(entry)
        # A unit that reads next to nothing means that this script looks at the wrong command.
        if read < 2:
            print(f"{header}: the compiler named only {read} files")
            failed += 1
        for path in banned:
            print(f"{header}: pulls in {path}")
        failed += bool(banned)
    print(f"{len(arguments) - 1} headers, {failed} with faults")
    return 1 if failed or len(arguments) < 2 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
