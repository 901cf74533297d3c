"""Plugins and init scripts that do not answer as they should: what `check process` and `check service` make of them.

    POWERCONSUL=... python3 test_plugins.py [part of a name] [--list] [--show]

Whatever a program does, the check ends in its time with one line of JSON, and leaves no process behind.
"""
import json
import os
import pathlib
import sys
import time

from rows import Row, main

STORE = json.dumps({"agent": {"node": "production-web1", "datacenter": "hq"}, "datacenters": {"hq": {}}})
STATES = {0: ("passing", "running"), 1: ("warning", "degraded"), 2: ("critical", "stopped"), -1: ("unknown", "unknown")}
PLUGIN = "FOLDER/check_procs"
SCRIPT = "FOLDER/init.d/web"
COMMON = ["-S", "jobs", "--store", "FOLDER/store.json", "--state-dir", "FOLDER/state", "--node", "production-web1"]
#: For what is to be waited for; it gets three fifths of that, or two, and must have printed what it prints by then.
SOON = "2s"


def put(path, program, mode):
    """`program`: a shell script without its first line, the bytes of a file, a function that makes one, or None."""
    path.parent.mkdir(exist_ok=True)
    if callable(program):
        program(path)
    elif program is not None:
        path.write_bytes(b"#!/bin/sh\n" + program.encode() if isinstance(program, str) else program)
        path.chmod(mode)


def nobody_left(folder):
    """Nothing runs any longer that was started below the folder."""
    def left():
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = process.read_bytes()
            except OSError:
                continue  # it has gone
            if os.fsencode(folder) in words and int(process.parent.name) != os.getpid():
                found.append(words)
        return found
    end = time.monotonic() + 10
    while left() and time.monotonic() < end:
        time.sleep(0.01)
    assert not left(), left()


def check(kind, name, argv, path, program, code, line, mode):
    def prepare(folder):
        put(folder / path, program, mode)
    state, _ = STATES[code]
    known = {"type": kind, **line[0], "expects": True, "clustered": False, "state": state, "code": abs(code), **line[1],
             "role": "standalone", "reason": f"{line[2]}; there is no cluster document at cluster/production/jobs",
             "basis": "fresh"}
    out = json.dumps(known, ensure_ascii=False, separators=(",", ":")) + "\n"
    assert len(out.encode()) <= 3584 and all(c >= " " and c != "\x7f" for c in out[:-1])
    time_limit = SOON if "did not answer in time" in line[2] else "60s"
    return Row(name, [*argv, *COMMON, "--timeout", time_limit], abs(code), out=out, files={"store.json": STORE},
               prepare=prepare, after=nobody_left)


def plugin(name, program, code, reason, first=None, mode=0o755):
    """`first`: the line that is shown of its output; None: it printed none."""
    seen = STATES[code][1]
    more = {"nagiosScript": PLUGIN} if first is None else {"nagiosScript": PLUGIN, "nagiosOutput": first}
    return check("process", f"plugin: {name}", ["check", "process", "-n", "-c 1: -C cron", "--plugin", PLUGIN], "check_procs",
                 program, code, ({"nagiosArgs": "-c 1: -C cron"}, more,
                                 f"check_procs -c 1: -C cron is {seen}, standalone expects running: {reason}"), mode)


def script(name, program, code, reason, mode=0o755):
    return check("service", f"init script: {name}", ["check", "service", "-s", "web", "--service-manager", "sysv",
                                                     "--init-directory", "FOLDER/init.d"], "init.d/web", program, code,
                 ({"service": "web"}, {}, f"web is {STATES[code][1]}, standalone expects running: {reason}"), mode)


BINARY = r"printf '\000\001\377\376\033[31mrunning\007\r\n'"
SHOWN = "\ufffd\ufffd [31mrunning"
LATE = "check_procs did not answer in time"
SLOW = "init script did not answer in time"
SAYS = "PROCS OK: 1 process | procs=1"
NO_INTERPRETER = ": No such file or directory: it is there, but not the interpreter that it names"
NO_PROGRAM = ": Exec format error; a script begins with #! and its interpreter"
CLOSES = "exec >&- 2>&-; sleep 0.1; exit 0"
KEEPS_PIPE = "sleep 0.3 & exit 0"


def plugins():
    for code, state in ((0, 0), (1, 1), (2, 2), (3, -1)):
        yield plugin(f"exits with {code}", f"echo said; exit {code}", state, f"check_procs exits {code}: said", "said")
    for code in (4, 126, 127, 255):
        yield plugin(f"exits with {code}", f"echo said; exit {code}", -1,
                     f"check_procs exits {code}, from a plugin 0 to 3 is expected: said", "said")
    for code in (0, 1, 2):
        yield plugin(f"prints nothing and exits with {code}", f"exit {code}", -1, f"check_procs exits {code} and prints nothing")
    for signal, number in (("TERM", 15), ("KILL", 9), ("SEGV", 11)):
        yield plugin(f"ended by SIG{signal}", f"echo said; kill -{signal} $$", -1, f"check_procs was ended by signal {number}",
                     "said")


def scripts():
    silent = " without a word, as it does when its program is not installed or its unit is masked"
    cannot_tell = " (it cannot tell); check process --name <program> looks at the processes themselves"
    for code, state, says in ((0, -1, silent), (1, 2, " (dead)"), (2, 2, " (dead)"), (3, 2, " (not running)"),
                              (4, -1, cannot_tell), (126, -1, ""), (255, -1, "")):
        yield script(f"prints nothing and exits with {code}", f"exit {code}", state, f"init script exits {code}{says}")
    for signal, number in (("KILL", 9), ("SEGV", 11)):
        yield script(f"ended by SIG{signal}", f"echo running; kill -{signal} $$", -1,
                     f"init script was ended by signal {number}")


ROWS = [
    plugin("sound", f"echo '{SAYS}'", 0, "check_procs exits 0: PROCS OK: 1 process", SAYS),
    *plugins(),
    plugin("binary", f"{BINARY}; exit 0", 0, f"check_procs exits 0: {SHOWN}", SHOWN),
    plugin("several lines", r"printf '\n\n first\nsecond\n'; exit 0", 0, "check_procs exits 0: first", "first"),
    plugin("a line of 1 MB", "head -c 1000000 /dev/zero | tr '\\0' x; exit 0", 0, f"check_procs exits 0: {'x' * 297}...",
           "x" * 253 + "..."),
    plugin("a character of two bytes at the cut", "printf '%0296d' 0; printf '\\303\\251\\303\\251\\303\\251'; exit 0", 0,
           f"check_procs exits 0: {'0' * 296}...", "0" * 253 + "..."),
    plugin("10 MB on stderr", f"head -c 10000000 /dev/zero >&2; echo '{SAYS}'", 0, "check_procs exits 0: PROCS OK: 1 process",
           SAYS),
    plugin("stderr only", "echo oops >&2; exit 2", -1, "check_procs exits 2 and prints nothing: oops", "oops"),
    plugin("output without end", "exec yes said", -1, LATE, "said"),
    plugin("zeros without end", "exec cat /dev/zero", -1, LATE),
    plugin("hangs", "exec sleep 77", -1, LATE),
    plugin("hangs after its line", f"echo '{SAYS}'; exec sleep 77", -1, LATE, SAYS),
    plugin("hangs and ignores TERM", f"trap '' TERM; echo '{SAYS}'; while :; do sleep 77; done", -1, LATE, SAYS),
    plugin("stops itself", f"echo '{SAYS}'; kill -STOP $$", -1, LATE, SAYS),
    plugin("closes its output and goes on", f"echo '{SAYS}'; {CLOSES}", 0, "check_procs exits 0: PROCS OK: 1 process", SAYS),
    plugin("closes its output and hangs", f"echo '{SAYS}'; exec >&- 2>&-; exec sleep 77", -1, LATE, SAYS),
    plugin("a child keeps its output open", f"echo '{SAYS}'; {KEEPS_PIPE}", 0, "check_procs exits 0: PROCS OK: 1 process", SAYS),
    plugin("reads its input", f"read line || echo '{SAYS}'", 0, "check_procs exits 0: PROCS OK: 1 process", SAYS),
    plugin("not executable", "echo said", -1, f'cannot run "{PLUGIN}": Permission denied', mode=0o644),
    plugin("missing", None, -1, f'cannot run "{PLUGIN}": No such file or directory'),
    plugin("a directory", lambda path: path.mkdir(), -1, f'cannot run "{PLUGIN}": Permission denied'),
    plugin("an interpreter that is not there", b"#!/nonexistent/sh\n", -1, f'cannot run "{PLUGIN}"{NO_INTERPRETER}'),
    plugin("neither script nor program", b"echo said\n", -1, f'cannot run "{PLUGIN}"{NO_PROGRAM}'),
    plugin("a program that is cut off", b"\x7fELF\x02\x01\x01" + b"\0" * 100, -1, f'cannot run "{PLUGIN}"{NO_PROGRAM}'),
    plugin("empty", b"", -1, f'cannot run "{PLUGIN}"{NO_PROGRAM}'),
    script("sound", "echo web is running", 0, "init script exits 0"),
    script("prints nothing and ends with what it found", "true", 0, "init script exits 0"),
    *scripts(),
    script("says that it is not running and exits with 0", "echo web is not running; exit 0", 2,
           "init script exits 0 but says that it is not running"),
    script("says that it runs and exits with 3", "echo web is running; exit 3", 2, "init script exits 3 (not running)"),
    script("binary", f"{BINARY}; exit 0", 0, "init script exits 0"),
    script("binary, exits with 4", f"{BINARY}; exit 4", -1, "init script exits 4: \ufffd\ufffd [#mrunning"),
    script("usage", "echo 'Usage: web {start|stop}'; exit 0", -1,
           'init script exits 0 and prints its usage: it does not know "status"; check process --name <program> looks at the '
           "processes themselves"),
    script("says nothing of the kind, and may have left before it looked", "echo fine; exit 0", -1,
           "init script exits 0 and does not say that it is running: fine"),
    script("claims it on stderr only", "echo web is running >&2; exit 0", -1,
           "init script exits 0 and does not say that it is running: web is running"),
    script("output without end", "exec yes web is running", -1, SLOW),
    script("10 MB on stderr", "head -c 10000000 /dev/zero >&2; echo web is running", 0, "init script exits 0"),
    script("hangs", "exec sleep 77", -1, SLOW),
    script("hangs and ignores TERM", "trap '' TERM; while :; do sleep 77; done", -1, SLOW),
    script("a child keeps its output open", f"echo web is running; {KEEPS_PIPE}", 0, "init script exits 0"),
    script("closes its output and goes on", f"echo web is running; {CLOSES}", 0, "init script exits 0"),
    script("not executable", "echo web is running", -1, f'init script "{SCRIPT}" is not executable', mode=0o644),
    script("missing", None, -1, f'there is no init script "{SCRIPT}"'),
    script("a directory", lambda path: path.mkdir(), -1, f'init script "{SCRIPT}" is no regular file'),
    script("a FIFO", os.mkfifo, -1, f'init script "{SCRIPT}" is no regular file'),
    script("an interpreter that is not there", b"#!/nonexistent/sh\n", -1, f'cannot run "{SCRIPT}"{NO_INTERPRETER}'),
    script("neither script nor program", b"echo web is running\n", -1, f'cannot run "{SCRIPT}"{NO_PROGRAM}'),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
