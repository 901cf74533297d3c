"""Shows which crontabs Debian's cron obeys, and that the crontab probe agrees.

    test_cron.py at-start|all PROBE PACKAGES

`at-start` leaves out what cron does when it wakes the next time, for which it takes a minute or two. PROBE is the program of probe_crontab.cpp. PACKAGES is a folder where Debian's package cron is unpacked, not installed,
and kept for the next time. What else is needed is written in room.py. Exit status 77: skipped.

Each row has a user of its own, whose crontab touches a file when cron starts and another one every minute. Two things
must hold whatever the row expects: where cron runs the job the probe does not say stopped, and where the probe says
running cron runs the job.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from room import (PATH, PROBE, check_rights, drive_apart, enter, mount, run, run_inside,  # noqa: E402
                  unpack, wait_until, write)

SPOOL = pathlib.Path("/var/spool/cron/crontabs")
RAN = pathlib.Path("/run/test/ran")
SETTLED = 3  # seconds after which cron has started all that it will start: it forks them all at once
TICK = 120   # seconds within which cron wakes at least once
# What Debian's crontab(1) says of each text, below the three lines of `job`; the bytes are written as Latin-1.
TEXTS = [(f"text{number}", row["name"], row["text"].encode("latin-1"), row["fault"])
         for number, row in enumerate(json.loads(pathlib.Path(__file__).with_name("crontabs.json").read_bytes()))]
IGNORED = ", and Debian's cron ignores such a file"
STALE = (f"it was changed later than {SPOOL}: cron may still obey what it read before (touch the directory)")


def job(user):
    return (f"# jobs of {user}\n@reboot touch {RAN}/{user}.start; true\n"
            f"* * * * * touch {RAN}/{user}.minute; true\n")


def system_job(name):
    return f"@reboot root touch {RAN}/{name}.start; true\n"


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

    def expect_system(self, row, path, obeyed, state, reason=None):
        """`obeyed` is whether cron is to run the job of that system crontab, which touches `<file>.start`."""
        name = os.path.basename(path)
        pattern = f"{RAN}/{name}.start"
        self.compare(row, [PROBE, "--system", pattern], (RAN / f"{name}.start").exists(), obeyed, state,
                     reason or f'a job in {path} contains "{pattern}"')

    def expect(self, row, user, what, obeyed, state, reason=None, pattern=None):
        """`obeyed` is whether cron is to run the job that touches `<user>.<what>`. In `reason`, PATH stands for the
        file; None: in place. Asked twice, since the answer has to be stable."""
        path = SPOOL / user
        contains = f' and contains "{pattern}"' if pattern else ""
        text = f"{path} is in place{contains}" if reason is None else reason.replace("PATH", str(path))
        self.compare(row, [PROBE, user] + ([pattern] if pattern else []), (RAN / f"{user}.{what}").exists(), obeyed, state, text)

    def compare(self, row, words, ran, obeyed, state, text):
        answers = [run(*words).stdout for _ in range(2)]
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


def put_system_crontabs():
    for name, mode, owner, more, *_ in SYSTEM:
        write(f"/etc/cron.d/{name}", system_job(name) + more, mode)
        os.chown(f"/etc/cron.d/{name}", owner, -1)
    for name, *_ in LINKED:
        write(f"/etc/{name}", system_job(name))
        os.symlink(f"/etc/{name}", f"/etc/cron.d/{name}")
    os.link("/etc/cron.d/two-names", "/etc/cron.d/.other")
    os.chown("/etc/cron.d/foreign-link", 1, -1, follow_symlinks=False)
    os.chown("/etc/link-to-foreign", 1, -1)
    write("/etc/crontab", system_job("crontab"))


def compare_system_crontabs(rows):
    rows.expect_system("system: /etc/crontab", "/etc/crontab", True, "running")
    for name, *expected in [(name, *more) for name, _, _, _, *more in SYSTEM] + LINKED:
        path = f"/etc/cron.d/{name}"
        reason = expected[2] if len(expected) > 2 else None
        if expected[1] == "stopped":
            reason = f'no job in /etc/crontab and /etc/cron.d contains "{RAN}/{name}.start"; ' + reason.format(path)
        elif reason:
            reason = f"{path}: {reason}"
        rows.expect_system(f"system: {name}", path, *expected[:2], reason)


def drive(what):
    prepare()
    rows = Rows()
    for user in ("made", "own", "rooted", "given", "grouped", "open", "locked", "linked", "symlink", "folder",
                 "unended", "crlf", "indented", "bytes", "nul", "bom", "junk", "comments", "comments-crlf", "settings", "out",
                 "removed", "edited", "emptied", "filled", *SHADOW):
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
    for user, shadow in SHADOW.items():
        for path, old, new in (("/etc/passwd", f"{user}:*:", f"{user}:x:"),
                               ("/etc/shadow", None, f"{user}:*:{shadow}\n" if shadow else "")):
            text = pathlib.Path(path).read_text(encoding="utf-8")
            pathlib.Path(path).write_text(text.replace(f"\n{old}", f"\n{new}") if old else text + new, encoding="utf-8")
    for user, _, text, _ in TEXTS:
        (SPOOL / user).write_bytes(job(user).encode() + text)
        (SPOOL / user).chmod(0o600)
        os.chown(SPOOL / user, rows.uids[rows.user(user)], SPOOL.stat().st_gid)
    if what == "at-start":  # cron's later looks would see them, too
        put_system_crontabs()
    (SPOOL / "nobody-at-all").write_text(job("nobody-at-all"), encoding="ascii")
    (SPOOL / "nobody-at-all").chmod(0o600)
    os.utime(SPOOL)

    with subprocess.Popen(["/usr/sbin/cron", "-f"], env={"PATH": PATH}, stdin=subprocess.DEVNULL) as cron:
        compare(rows, "start", AT_START)
        for user, name, _, fault in TEXTS:
            rows.expect(f"text: {name}", user, "start", not fault, "degraded" if fault else "running",
                        f"PATH: {fault}{IGNORED}" if fault else None)
        if what == "at-start":
            compare_system_crontabs(rows)
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
ODD = "line {}: bad minute" + IGNORED
NONE = "there is no crontab PATH"
REFUSED = 'PATH: cron runs no job of user "{}": {}'
NOT_READ = "{} does, and cron reads no file of such a name"
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
    ("an account that has expired", "expired", False, "degraded", REFUSED.format("expired", "the account has expired")),
    ("an account that expires one day", "expires", True, "running"),
    ("a password to be changed", "change", False, "degraded", REFUSED.format("change", "the password must be changed")),
    ("a password that has expired", "old", False, "degraded", REFUSED.format("old", "the password has expired")),
    ("a password of the future", "future", True, "running"),
    ("no entry in /etc/shadow", "shadowless", False, "degraded",
     REFUSED.format("shadowless", "there is no entry in /etc/shadow")),
]
# User, and the fields of /etc/shadow from the last change of the password on, in days since 1970.
SHADOW = {"expired": "19000:0:99999:7::1:", "expires": "19000:0:99999:7::99999:", "change": "0:0:99999:7:::",
          "old": "19000:0:10:7:::", "future": "99998:0:10:7:::", "shadowless": None}
# Name, mode, owner, text behind the job, whether cron obeys it, what the probe says.
SYSTEM = [
    ("plain", 0o644, 0, "", True, "running"),
    ("private", 0o600, 0, "", True, "running"),
    ("two-names", 0o644, 0, "", False, "degraded", "it has more than one name" + IGNORED),
    ("for-group", 0o664, 0, "", False, "degraded", "its mode is 0664, which lets others than root write" + IGNORED),
    ("for-all", 0o646, 0, "", False, "degraded", "its mode is 0646, which lets others than root write" + IGNORED),
    ("foreign", 0o644, 1, "", False, "degraded", "it does not belong to root" + IGNORED),
    ("dot.ted", 0o644, 0, "", False, "stopped", NOT_READ),
    ("backup~", 0o644, 0, "", False, "stopped", NOT_READ),
    ("stranger", 0o644, 0, "1 1 1 1 1 nobody-at-all true\n", False, "degraded",
     'there is no user "nobody-at-all"' + IGNORED),
    ("userless", 0o644, 0, "@daily true\n", False, "degraded", "line 2: bad username" + IGNORED),
    ("short", 0o644, 0, "* * * * root true\n", False, "degraded", "line 2: bad day-of-week" + IGNORED),
]
LINKED = [
    ("link", True, "running"),
    ("foreign-link", False, "degraded", "the symbolic link does not belong to root" + IGNORED),
    ("link-to-foreign", False, "degraded", "it does not belong to root" + IGNORED),
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
