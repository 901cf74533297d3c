"""Crontabs that are no good: what `check crontab` makes of them.

    POWERCONSUL=... python3 test_crontabs.py [part of a name] [--list] [--show]

Needs root, who may give a file to anybody, and a group `crontab`; tests/integration/cron shows which of these files cron obeys.
"""
import grp
import json
import os
import socket
import subprocess
import sys
import threading

from rows import POWERCONSUL, Row, main

JOB = b"* * * * * /usr/local/bin/rotate.sh\n"
STORE = json.dumps({"agent": {"node": "production-web1", "datacenter": "hq"}, "datacenters": {"hq": {}}})
PLACE = "FOLDER/crontabs/root"
STATES = {0: ("passing", "running"), 1: ("warning", "degraded"), 2: ("critical", "stopped"), -1: ("unknown", "unknown")}
IGNORED = ", and Debian's cron ignores such a file"
NOT_REGULAR = f"{PLACE} is no regular file, and cron reads no other"
ODD = f"{PLACE}: line {{}}: bad minute{IGNORED}"
NO_NEWLINE = f"there is no newline at its end{IGNORED}"
NOTHING = f"{PLACE}: it holds nothing but comments"
LARGE = f'"{PLACE}" is larger than the 1048576 bytes that it may have'
HELP = "; see powerconsul check crontab --help"


def line(code, reason, pattern):
    """The check's own line; a code of -1 is an unknown."""
    state, seen = STATES[code]
    said = {"type": "crontab", "crontab": "root", "expects": True, "clustered": False, "state": state, "code": abs(code)}
    said["pattern"] = pattern
    if code > 0:
        said["error"] = reason
    said |= {"role": "standalone", "reason": f"the crontab of root is {seen}, standalone expects running: {reason}; there is no "
             "cluster document at cluster/production/jobs", "basis": "fresh"}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"


def argv(*more):
    return ["check", "crontab", "-u", "root", "-S", "jobs", "--crontab-dir", "FOLDER/crontabs", "--store", "FOLDER/store.json",
            "--state-dir", "FOLDER/state", "--node", "production-web1", *more]


def crontab(name, make, code, reason, pattern=None, shown=None, **others):
    """`make`: the bytes of the file, or a function that is given its path. `shown`: the pattern in the line."""
    def prepare(folder):
        (folder / "crontabs").mkdir()
        path = folder / "crontabs" / "root"
        if make is not None:
            made = make if callable(make) else owned(make)
            return made(path)
        return None
    more = [] if pattern is None else ["-p", pattern]
    return Row(name, argv(*more), abs(code), out=line(code, reason, shown if shown is not None else pattern),
               files={"store.json": STORE}, prepare=prepare, **others)


def owned(text, uid=0, gid=None, mode=0o600):
    def make(path):
        path.write_bytes(text)
        os.chown(path, uid, grp.getgrnam("crontab").gr_gid if gid is None else gid)
        os.chmod(path, mode)
    return make


def symbolic_link(path):
    elsewhere = path.parent.parent / "elsewhere"
    owned(JOB)(elsewhere)
    path.symlink_to(elsewhere)


def second_name(path):
    owned(JOB)(path)
    os.link(path, path.parent.parent / "second")


def local_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def vanishing(path):
    """It comes and goes as fast as it can, while the program looks thirty times: in place, absent, and nothing else."""
    owned(JOB)(path)
    over = threading.Event()

    def come_and_go():
        while not over.is_set():
            os.rename(path, path.parent / "away")
            os.rename(path.parent / "away", path)
    worker = threading.Thread(target=come_and_go)

    def look():
        folder = path.parent.parent
        worker.start()
        try:
            seen = set()
            for _ in range(30):
                done = subprocess.run([POWERCONSUL] + [word.replace("FOLDER", str(folder)) for word in argv()],
                                      env={"PATH": os.environ["PATH"], "HOME": str(folder)}, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=60, check=False)
                seen.add((done.returncode, done.stdout.replace(str(folder), "FOLDER"), done.stderr))
        finally:
            over.set()
            worker.join()
        wrong = seen - {(0, line(0, f"{PLACE} is in place", None), ""), (2, line(2, f"there is no crontab {PLACE}", None), "")}
        assert not wrong, wrong
    return look


ROWS = [
    crontab("a job", JOB, 0, f"{PLACE} is in place"),
    crontab("a pattern in it", JOB, 0, f'{PLACE} is in place and contains "rotate.sh"', "rotate.sh"),
    crontab("another pattern", JOB, 2, f'{PLACE}: no line of it contains "backup"', "backup"),
    crontab("none", None, 2, f"there is no crontab {PLACE}"),
    crontab("no newline at its end", JOB[:-1], 1, f"{PLACE}: {NO_NEWLINE}"),
    crontab("CRLF", JOB.replace(b"\n", b"\r\n"), 0, f'{PLACE} is in place and contains "rotate.sh"', "rotate.sh"),
    crontab("CR alone", JOB.replace(b"\n", b"\r"), 1, f"{PLACE}: {NO_NEWLINE}"),
    crontab("a byte order mark", b"\xef\xbb\xbf" + JOB, 1, ODD.format(1)),
    crontab("a byte order mark before a comment", b"\xef\xbb\xbf# jobs\n" + JOB, 1, ODD.format(1)),
    crontab("UTF-16", JOB.decode().encode("utf-16"), 1, ODD.format(1)),
    crontab("binary", bytes(range(256)) * 10, 1, ODD.format(1)),
    crontab("binary with a newline at its end", JOB + b"\x7fELF\x02\x01\0\n", 1, ODD.format(2)),
    crontab("NUL in a job", b"* * * * * a\0b\n", 1, ODD.format(1)),
    crontab("NUL in a comment", b"# a\0b\n" + JOB, 0, f"{PLACE} is in place"),
    crontab("a page", b"<html></html>\n", 1, ODD.format(1)),
    crontab("empty", b"", 2, NOTHING),
    crontab("blank lines", b"\n \t\n", 2, NOTHING),
    crontab("only comments", b"# * * * * * rotate.sh\n", 2, NOTHING, "rotate.sh"),
    crontab("only settings", b"MAILTO=root\n", 2, f"{PLACE}: it holds settings but no job"),
    crontab("a symbolic link", symbolic_link, -1, NOT_REGULAR),
    crontab("a symbolic link to nothing", lambda path: path.symlink_to("/nonexistent"), -1, NOT_REGULAR),
    crontab("a second name", second_name, 1, f"{PLACE}: it has more than one name{IGNORED}"),
    crontab("a FIFO", lambda path: os.mkfifo(path, 0o600), -1, NOT_REGULAR),
    crontab("a directory", lambda path: path.mkdir(), -1, NOT_REGULAR),
    crontab("a socket", local_socket, -1, NOT_REGULAR),
    crontab("vanishing while it is read", vanishing, 0, f"{PLACE} is in place"),
    crontab("an owner without a name", owned(JOB, uid=4242), 2,
            f"{PLACE}: it is owned by 4242:crontab, expected root:crontab, and cron ignores it"),
    crontab("a group without a name", owned(JOB, gid=4343), 1, f"{PLACE}: it is owned by root:4343, expected root:crontab"),
    crontab("neither with a name", owned(JOB, uid=4242, gid=4343), 2,
            f"{PLACE}: it is owned by 4242:4343, expected root:crontab, and cron ignores it"),
    crontab("mode 0666", owned(JOB, mode=0o666), 1, f"{PLACE}: its mode is 0666, expected 0600{IGNORED}"),
    crontab("mode 0000", owned(JOB, mode=0), 1, f"{PLACE}: its mode is 0000, expected 0600{IGNORED}"),
    crontab("1 MiB", JOB + b"#" * (1024 * 1024 - len(JOB) - 1) + b"\n", 0, f"{PLACE} is in place"),
    crontab("10 000 lines", JOB * 10_000, 0, f"{PLACE} is in place"),
    crontab("10 001 lines", JOB * 10_001, 1, f"{PLACE}: it has more than 10000 lines{IGNORED}"),
    crontab("1 MiB and a byte", b"#" * 1024 * 1024 + b"\n", -1, LARGE),
    crontab("10 MB", JOB * 300_000, -1, LARGE),
    crontab("a line of 1 MB", b"* * * * * " + b"x" * 1_000_000 + b"rotate\n", 1, f"{PLACE}: line 1: command too long{IGNORED}",
            "xrotate"),
    crontab("no directory", lambda path: path.parent.rmdir(), -1,
            'there is no directory "FOLDER/crontabs", where crontabs are expected'),
    crontab("a file where the directory should be", lambda path: (path.parent.rmdir(), path.parent.touch()) and None, -1,
            'there is no directory "FOLDER/crontabs", where crontabs are expected'),
    crontab("a pattern that is not UTF-8", b"* * * * * r\xff\n", 0, f'{PLACE} is in place and contains "r\ufffd"', b"r\xff",
            "r\ufffd"),
    crontab("a pattern that is not UTF-8 and not there", JOB, 2, f'{PLACE}: no line of it contains "r\ufffd"', b"r\xff",
            "r\ufffd"),
    crontab("a pattern of 100 kB", JOB, 2, f'{PLACE}: no line of it contains "{"x" * 77}..."', "x" * 100_000, "x" * 253 + "..."),
    Row("a pattern with a newline", argv("-p", "a\nb"), 1, files={"store.json": STORE},
        out='{"type":"crontab","crontab":"root","expects":null,"clustered":null,"state":"unknown","code":1,"role":"unknown",'
            '"reason":"the crontab of root cannot be judged: -p/--pattern holds a newline, but is looked for within one line'
            f'{HELP}","basis":"none"}}\n'),
    Row("an empty pattern", argv("-p", ""), 1, files={"store.json": STORE},
        out='{"type":"crontab","crontab":"root","expects":null,"clustered":null,"state":"unknown","code":1,"role":"unknown",'
            '"reason":"the crontab of root cannot be judged: --pattern has an empty value; leave it out or fill it'
            f'{HELP}","basis":"none"}}\n'),
]

if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIP: only root may give files to others")
        sys.exit(77)
    sys.exit(main(ROWS))
