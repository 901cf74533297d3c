"""Adds up what `meson test` has found in several builds and prints `N passed, N failed` as the last line.

    count_tests.py [--build DIRECTORY STATUS_OF_MESON_TEST]... [--failed WHAT]...

A doctest program counts as its test cases, a table of bad input as its rows, any other test as one. A step that went wrong counts as one failure, and so
does a build whose log does not explain why `meson test` was not content, or that ran nothing at all.
"""
import json
import pathlib
import re
import sys

CASES = re.compile(r"^\[(?:doctest\] test cases: +\d+ \||rows\]) +(\d+) passed(?: \||,) +(\d+) failed", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def count_test(test):
    """(passed, failed) of one line of testlog.json; (0, 0) if it was skipped."""
    if test["result"] == "SKIP":
        return 0, 0
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    cases = CASES.search(COLOUR.sub("", test.get("stdout", "")))
    passed, failed = (int(cases[1]), int(cases[2])) if cases else (int(good), int(not good))
    # A program can break after its last test case, and a test without any case is none.
    if not good:
        failed = max(failed, 1)
    elif passed + failed == 0:
        failed = 1
    return passed, failed


def count_build(directory, status):
    """(passed, failed, lines) of a build's last test run."""
    log = pathlib.Path(directory, "meson-logs", "testlog.json")
    tests = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    passed = failed = 0
    lines = []
    for test in tests:
        one_passed, one_failed = count_test(test)
        passed, failed = passed + one_passed, failed + one_failed
        if test["result"] == "SKIP":
            reason = (test.get("stdout", "") + test.get("stderr", "")).strip().splitlines()
            lines.append(f"skipped in {directory}: {test['name']}: {reason[-1] if reason else 'no reason given'}")
        if one_failed:
            lines.append(f"failed in {directory}: {test['name']} ({test['result']}, {one_failed})")
            told = COLOUR.sub("", test.get("stdout", "") + test.get("stderr", "")).rstrip().splitlines()
            lines += [f"    {line}" for line in told[-40:]]
    if not tests:
        lines.append(f"failed: {directory} ran no test")
        failed += 1
    elif status != 0 and failed == 0:
        lines.append(f"failed: meson test in {directory} ended with {status}")
        failed += 1
    return passed, failed, lines


def main(arguments):
    passed = failed = 0
    words = iter(arguments)
    for word in words:
        if word == "--build":
            build_passed, build_failed, lines = count_build(next(words), int(next(words)))
        elif word == "--failed":
            build_passed, build_failed, lines = 0, 1, [f"failed: {next(words)}"]
        else:
            sys.exit(f"count_tests.py: unknown argument {word}")
        passed, failed = passed + build_passed, failed + build_failed
        print(*lines, sep="\n", end="\n" if lines else "")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
