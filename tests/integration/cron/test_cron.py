"""Shows which crontabs Debian's cron obeys, and that the crontab probe agrees.

    test_cron.py at-start|all PROBE PACKAGES

`at-start` leaves out what cron does when it wakes the next time, for which it takes a minute or two. PROBE is the program of probe_crontab.cpp. PACKAGES is a folder where Debian's package cron is unpacked, not installed,
and kept for the next time. What else is needed is written in room.py. Exit status 77: skipped.

Each row has a user of its own, whose crontab touches a file when cron starts and another one every minute. Two things
must hold whatever the row expects: where cron runs the job the probe does not say stopped, and where the probe says
running cron runs the job.
"""
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from room import (PATH, PROBE, check_rights, drive_apart, enter, mount, run, run_inside,  # noqa: E402
                  unpack, wait_until)

SPOOL = pathlib.Path("/var/spool/cron/crontabs")
RAN = pathlib.Path("/run/test/ran")
SETTLED = 3  # seconds after which cron has started all that it will start: it forks them all at once
TICK = 120   # seconds within which cron wakes at least once
IGNORED = ", and Debian's cron ignores such a file"
STALE = (f"it was changed later than {SPOOL}: cron may still obey what it read before (touch the directory)")


def job(user):
    return (f"# jobs of {user}\n@reboot touch {RAN}/{user}.start; true\n"
            f"* * * * * touch {RAN}/{user}.minute; true\n")


class Rows:
    """Asks the probe and compares, row by row."""

    def __init__(self):
        self.failed, self.count, self.uids = 0, 0, {}

    def user(self, user):
        """A user of the room."""
        if user not in self.uids:
            self.uids[user] = 60000 + len(self.uids)
            uid = self.uids[user]
            for path, line in {"/etc/passwd": f"{user}:*:{uid}:{uid}::/:/usr/sbin/nologin\n",
                               "/etc/group": f"{user}:*:{uid}:\n"}.items():
                with open(path, "a", encoding="utf-8") as file:
                    file.write(line)
        return user

    def expect(self, row, user, what, obeyed, state, reason=None, pattern=None):
        """`obeyed` is whether cron is to run the job that touches `<user>.<what>`. In `reason`, PATH stands for the
        file; None: in place. Asked twice, since the answer has to be stable."""
        words = [PROBE, user] + ([pattern] if pattern else [])
        answers = [run(*words).stdout for _ in range(2)]
        ran = (RAN / f"{user}.{what}").exists()
        path = SPOOL / user
        contains = f' and contains "{pattern}"' if pattern else ""
        text = f"{path} is in place{contains}" if reason is None else reason.replace("PATH", str(path))
        seen = answers[0].split("\t")[0]
        faults = [fault for fault, there in {
            f"then {answers[1]!r}": answers[0] != answers[1],
            f"expected {state}: {text!r}": answers[0] != f"{state}\t{text}\n",
            f"cron {'runs' if ran else 'does not run'} the job, expected the opposite": ran != obeyed,
            "stopped, and cron runs the job": ran and seen == "stopped",
            "running, and cron does not run the job": not ran and seen == "running",
        }.items() if there]
        self.count += 1
        self.failed += bool(faults)
        print(f"{'NOT OK' if faults else 'ok'}: {row}: cron {'obeys' if ran else 'ignores'} it, probe says "
              f"{answers[0].strip()!r}" + "".join(f"; {fault}" for fault in faults), flush=True)


def put(user, text):
    """Writes into the file that is there, as an editor or `>` does; its directory does not notice."""
    with open(SPOOL / user, "r+b") as file:
        file.truncate()
        file.write(text if isinstance(text, bytes) else text.encode())


def prepare():
    """What the package's installation makes, and nothing of the machine's own for cron to run."""
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/var/spool/cron")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/etc/cron.d")
    pathlib.Path("/etc/crontab").write_text("", encoding="ascii")
    for path in ("/etc/cron.allow", "/etc/cron.deny"):
        pathlib.Path(path).unlink(missing_ok=True)
    if "\ncrontab:" not in pathlib.Path("/etc/group").read_text(encoding="utf-8"):
        with open("/etc/group", "a", encoding="utf-8") as file:
            file.write("crontab:x:59999:\n")
    SPOOL.mkdir()
    for path, mode in {SPOOL: "1730", "/usr/bin/crontab": "2755"}.items():
        run("chgrp", "crontab", str(path))
        run("chmod", mode, str(path))
    RAN.mkdir()
    RAN.chmod(0o1777)


def drive(what):
    prepare()
    rows = Rows()
    for user in ("made", "own", "rooted", "given", "grouped", "open", "locked", "linked", "symlink", "folder",
                 "unended", "crlf", "indented", "bytes", "nul", "bom", "junk", "comments", "comments-crlf", "settings", "out",
                 "removed", "edited", "emptied", "filled"):
        if user != "own":
            run("crontab", "-u", rows.user(user), "-", input=job(user))
    rows.user("own")
    run("crontab", "-", input=job("own"), user="own", group="own", extra_groups=[])
    mail = pathlib.Path("/etc/group").read_text(encoding="utf-8").split("\nmail:x:")[1].split(":")[0]

    os.chown(SPOOL / "rooted", 0, -1)
    os.chown(SPOOL / "given", rows.uids["made"], -1)
    os.chown(SPOOL / "grouped", -1, int(mail))
    os.chmod(SPOOL / "open", 0o644)
    os.chmod(SPOOL / "locked", 0o400)
    os.link(SPOOL / "linked", SPOOL.parent / "linked")
    os.rename(SPOOL / "symlink", SPOOL.parent / "symlink")
    os.symlink(SPOOL.parent / "symlink", SPOOL / "symlink")
    os.remove(SPOOL / "folder")
    os.mkdir(SPOOL / "folder")
    put("unended", job("unended").rstrip("\n"))
    put("crlf", job("crlf").replace("\n", "\r\n"))
    put("indented", "\n \t\n" + "".join(f" \t{line}\n" for line in job("indented").splitlines()))
    put("bytes", b"# \xff\xfe\x80\n" + job("bytes").encode())
    put("nul", "# \0 \n" + job("nul"))
    put("bom", "\ufeff" + job("bom"))
    put("junk", job("junk") + "nonsense\n")
    commented = "".join(f"# {line}\n" for line in job("comments").splitlines())
    put("comments", commented)
    put("comments-crlf", commented.replace("\n", "\r\n"))
    put("settings", f"MAILTO=root\n A_1 = '* * * * *'\n{commented}")
    put("filled", commented)
    run("crontab", "-u", "removed", "-r")
    os.rename(SPOOL / "out", SPOOL / ".out")
    (SPOOL / "nobody-at-all").write_text(job("nobody-at-all"), encoding="ascii")
    (SPOOL / "nobody-at-all").chmod(0o600)
    os.utime(SPOOL)

    with subprocess.Popen(["/usr/sbin/cron", "-f"], env={"PATH": PATH}, stdin=subprocess.DEVNULL) as cron:
        compare(rows, "start", AT_START)
        if what == "all":
            change(rows)
            compare(rows, "minute", CHANGED)
        cron.kill()
    return rows


def settle(what, users):
    """Waits until the jobs of these users have run, and then for any that should not. Rows tell what is missing."""
    try:
        wait_until(f"cron runs the jobs of {users}", lambda: all((RAN / f"{user}.{what}").exists() for user in users),
                   TICK)
    except RuntimeError as why:
        print(f"NOT OK: {why}", flush=True)
    time.sleep(SETTLED)


ONLY = "PATH: it holds nothing but comments"
NOT_REGULAR = "PATH is no regular file, and cron reads no other"
ODD = "line {} is no job, no setting and no comment" + IGNORED
NONE = "there is no crontab PATH"
# Row, user, whether cron obeys the crontab, what the probe says, and the pattern that is asked for.
AT_START = [
    ("made for the user", "made", True, "running"),
    ("made by the user", "own", True, "running"),
    ("pattern in it", "made", True, "running", None, "made.start; true"),
    ("root's", "rooted", True, "degraded", "PATH: it is owned by root:crontab, expected rooted:crontab"),
    ("another user's", "given", False, "stopped",
     "PATH: it is owned by made:crontab, expected given:crontab, and cron ignores it"),
    ("another group", "grouped", True, "degraded", "PATH: it is owned by grouped:mail, expected grouped:crontab"),
    ("readable by all", "open", False, "degraded", "PATH: its mode is 0644, expected 0600" + IGNORED),
    ("not writable", "locked", False, "degraded", "PATH: its mode is 0400, expected 0600" + IGNORED),
    ("two names", "linked", False, "degraded", "PATH: it has more than one name" + IGNORED),
    ("symbolic link", "symlink", False, "unknown", NOT_REGULAR),
    ("directory", "folder", False, "unknown", NOT_REGULAR),
    ("no newline at its end", "unended", False, "degraded", "PATH: there is no newline at its end" + IGNORED),
    ("CRLF", "crlf", True, "running"),
    ("indented", "indented", True, "running"),
    ("bytes that are not text", "bytes", True, "running"),
    ("NUL", "nul", True, "running", None, "nul.start"),
    ("a byte order mark before a comment", "bom", False, "degraded", f"PATH: {ODD.format(1)}"),
    ("a line that is nothing", "junk", False, "degraded", f"PATH: {ODD.format(4)}"),
    ("only comments", "comments", False, "stopped", ONLY),
    ("only comments, CRLF", "comments-crlf", False, "stopped", ONLY),
    ("pattern only in a comment", "comments", False, "stopped", ONLY, "reboot"),
    ("only settings", "settings", False, "stopped", "PATH: it holds settings but no job"),
    ("removed with crontab -r", "removed", False, "stopped", NONE),
    ("moved out of cron's sight", "out", False, "stopped", NONE),
    ("no such user", "nobody-at-all", False, "unknown", 'there is no user "nobody-at-all" on this machine'),
]
# After a change in place cron goes on as before, since the directory's time does not change.
CHANGED = [
    ("not changed", "made", True, "running"),
    ("changed in place to comments", "edited", True, "unknown", f"{ONLY}; {STALE}"),
    ("emptied in place", "emptied", True, "unknown", f"{ONLY}; {STALE}"),
    ("given away", "own", True, "unknown",
     f"PATH: it is owned by made:crontab, expected own:crontab, and cron ignores it; {STALE}"),
    ("jobs written in place", "filled", False, "degraded", f"PATH: {STALE}"),
]


def compare(rows, what, table):
    settle(what, [user for _, user, obeyed, *_ in table if obeyed])
    for row, user, *expected in table:
        rows.expect(row, user, what, *expected)


def change(rows):
    """In a later minute than all before, and with a whole minute left until cron wakes the next time."""
    settle("minute", ["made"])
    for path in RAN.iterdir():
        path.unlink()
    put("edited", "# nothing\n")
    put("emptied", "")
    os.chown(SPOOL / "own", rows.uids["made"], -1)
    put("filled", job("filled"))


def main(what, probe, packages):
    check_rights()
    folder = pathlib.Path(packages).resolve()
    unpack(["cron"], folder)
    return run_inside(__file__, [os.path.abspath(probe), str(folder), what])


if __name__ == "__main__":
    if len(sys.argv) == 6 and sys.argv[1] == "--inside":
        enter(sys.argv[2], sys.argv[3], ["cron"])
        drive_apart(int(sys.argv[5]), lambda: drive(sys.argv[4]))
    if len(sys.argv) != 4 or sys.argv[1] not in ("at-start", "all"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
