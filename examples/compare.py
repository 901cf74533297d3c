"""Runs a program and compares what it prints with a file, byte by byte: compare.py EXPECTED PROGRAM"""
import difflib
import pathlib
import subprocess
import sys

expected = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
done = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
output = done.stdout.decode("utf-8", "backslashreplace")
sys.stderr.buffer.write(done.stderr)
sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), output.splitlines(True), "expected", "printed"))
if done.returncode != 0:
    print(f"exit code {done.returncode}, expected 0")
sys.exit(done.returncode != 0 or output != expected)
