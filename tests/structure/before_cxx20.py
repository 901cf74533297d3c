"""Before C++20 a header says that it needs C++20, and nothing else follows. rooms.py sees to it that all headers do.

    CXX=... before_cxx20.py INCLUDE_DIR HEADER...
"""
import os
import re
import subprocess
import sys

SENTENCE = "powerconsul needs C++20: compile with -std=c++20"
MOST_LINES = 16  # the sentence, what stops the compiler, and by which headers both were reached


def complaints(include, header, standard):
    done = subprocess.run([*os.environ["CXX"].split(), f"-std={standard}", "-fsyntax-only", f"-I{include}", "-x", "c++", "-"],
                          input=f"#include <powerconsul/{header}>\n", capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    return done.returncode, done.stderr


def faults(include, header):
    status, text = complaints(include, header, "c++17")
    found = [] if status else [f"{header}: compiles as C++17"]
    errors = re.findall(r"error: (.*)", text)
    if not errors or SENTENCE not in errors[0]:
        found.append(f"{header}: its first error is not the sentence: {text[:2000]}")
    if len(text.splitlines()) > MOST_LINES:
        found.append(f"{header}: more than {MOST_LINES} lines: {text[:2000]}")
    return found


def main(include, *headers):
    found = [fault for header in headers for fault in faults(include, header)]
    # That the same headers compile as C++20 is what the rest of the tests is for; here it shows that the sentence goes.
    if complaints(include, headers[0], "c++20") != (0, ""):
        found.append(f"{headers[0]}: does not compile as C++20")
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
