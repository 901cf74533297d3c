"""Every C and C++ file is as clang-format 14 (Debian 12's) writes it; other versions write some things differently.

    formatted.py ROOT       `git ls-files '*.[ch]pp' '*.c' | xargs clang-format -i` mends what it finds
"""
import pathlib
import re
import shutil
import subprocess
import sys

VERSION = "14"
FOLDERS = ("include", "tools", "tests", "examples")


def main(root):
    program = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")
    if not program:
        sys.exit("clang-format is missing: apt-get install clang-format")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if not re.search(rf"version {VERSION}\.", said):
        print(f"skipped: {said.strip()}, expected version {VERSION}")
        return 77
    files = sorted(str(path) for folder in FOLDERS for path in pathlib.Path(root, folder).rglob("*")
                   if path.suffix in (".hpp", ".cpp", ".c"))
    if not files:
        sys.exit(f"no source in {root}")
    done = subprocess.run([program, "--dry-run", "--Werror", *files], capture_output=True, text=True)
    print(done.stderr, end="")
    print(f"{len(files)} files looked at")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
