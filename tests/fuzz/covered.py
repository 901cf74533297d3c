"""Every header that takes texts apart is under some fuzz target, as the comments say that the targets begin with.

    covered.py ROOT TARGET...
"""
import pathlib
import re
import subprocess
import sys

# A function that makes something of a text that others wrote.
TAKES_TEXT = re.compile(r"^[^/\n]*\bauto (parse|decode|read|load|split|interpret|is_mounted|classify|find_invocations|"
                        r"matches|substitute|unproven|pem)\w*\(std::string_view", re.MULTILINE)
COVERS = re.compile(r"\A// covers: ((?:.*\n)(?://.*\n)*)")
# What is no text of others': names of our own.
OTHERS = {"adapters/posix/supervisor.hpp"}


def covers(source):
    """The headers that a target's file names; none if it names none."""
    found = COVERS.match(source.read_text(encoding="utf-8"))
    return found[1].replace("//", " ").split() if found else []


def faults(root, targets):
    here = root / "tests" / "fuzz"
    include = root / "include" / "powerconsul"
    said = {path.stem: covers(path) for path in here.glob("*.cpp")}
    said = {name: headers for name, headers in said.items() if headers}
    found = [f"{name}: its file and tests/fuzz/meson.build do not both name it" for name in set(said) ^ set(targets)]
    for name, headers in said.items():
        found += [f"{name}: there is no {each}" for each in headers if not ((include / each).exists() or
                                                                           (root / each).exists())]
        if not any((here / "corpus" / name).glob("*")):
            found.append(f"{name}: it has no corpus")
    named = {each for headers in said.values() for each in headers}
    for path in sorted(include.rglob("*.hpp")):
        header = str(path.relative_to(include))
        if header in named | OTHERS:
            continue
        if header.startswith("json/") or TAKES_TEXT.search(path.read_text(encoding="utf-8")):
            found.append(f"{header} takes texts apart and is under no fuzz target")
    return found


def script_faults(root, targets):
    """What tools/fuzz.sh says without building anything."""
    def run(*words):
        return subprocess.run([root / "tools" / "fuzz.sh", *words], capture_output=True, text=True, timeout=60)

    listed = [line.split()[0] for line in run("--list").stdout.splitlines()]
    found = [] if listed == sorted(targets) else [f"tools/fuzz.sh --list names {listed}"]
    for words in ([], ["check"], ["no-such-target", "10"], ["check", "0"], ["check", "ten"], ["check", "1", "2"]):
        done = run(*words)
        if done.returncode != 64 or not done.stderr.startswith("usage: tools/fuzz.sh "):
            found.append(f"tools/fuzz.sh {' '.join(words)} exits {done.returncode} and says {done.stderr!r}")
    return found


def main(arguments):
    root = pathlib.Path(arguments[0])
    found = faults(root, arguments[1:]) + script_faults(root, arguments[1:])
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(arguments) - 1} targets, {len(found)} faults")
    return 1 if found or len(arguments) < 2 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
