"""Holds the process probe against check_procs, both looking at the same processes.

    processes.py PROBE ACTOR [SEED]

PROBE is the program of probe_process.cpp, ACTOR that of actor.cpp: it plays the processes, with names and arguments
made to be misread. Filters are generated from a seed, which is printed, so that a failure can be run again.
Needs from Debian: monitoring-plugins-basic (check_procs), procps (its ps); as root util-linux (unshare, setpriv) too,
for processes of several users and for a /proc that hides them. tools/setup.sh installs these.
"""
import os
import pathlib
import pwd
import random
import re
import shutil
import string
import subprocess
import sys
import tempfile
import time

CHECK_PROCS = "/usr/lib/nagios/plugins/check_procs"
FILTERS = 60
DEADLINE = 60  # seconds, for anything that has to happen


class Stage:
    """The processes of the test; all have ended when it is left."""

    def __init__(self, actor, prefix, users):
        self.actor, self.prefix, self.users = actor, prefix, users
        self.parts = []      # of each process that is to be found: (name, command line, user)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.started:
            each.kill()
            each.wait()
            each.stdout.close()

    def start(self, arguments, seen=True, user=None, **environment):
        environment = {"ACTOR_" + name.upper(): str(value) for name, value in environment.items()}
        if user is not None and user != os.geteuid():
            environment["ACTOR_UID"] = str(user)
        one = subprocess.Popen(arguments, executable=self.actor, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE)
        self.started.append(one)
        if one.stdout.read(1) != b".":
            raise RuntimeError(f"the process {arguments} with {environment} did not come up")
        if environment.get("ACTOR_END"):
            wait_until("it has ended", lambda: state_of(one.pid) == "Z")
        if seen:
            line = " ".join(arguments).replace("\n", " ").rstrip(" ")
            self.parts.append((environment["ACTOR_NAME"].encode()[:15].decode(errors="replace"),
                               line, os.geteuid() if user is None else user))

    def fill(self):
        p, users = self.prefix, self.users
        for user in users:
            self.start([p, "same", "of", str(user)], name=p + "same", user=user)
            self.start(["/opt/" + p + "/bin/run", "--user", str(user)], name=p + "same", user=user)
        names = [f"{p} b c", f"({p})", f"{p}) R (", f"[{p}]", f"x/{p}d", f"{p}/e", f"{p}:f", f"{p}.g+*", f"-{p}",
                 f"{p}-fifteen-b"[:15], f"{p}-twenty-bytes-lo"]
        for name in names:
            self.start([f"/usr/sbin/{p}-daemon", "-c", f"/etc/{p}.conf"], name=name, user=random.choice(users))
        lines = [
            [f"{p}: master process"],
            [f"{p}", "", "", "empty"],
            [f"{p}", "trailing", "", ""],
            [f"{p}", "blank in it", "  two  "],
            [f"{p}", "[brackets]", "(round)", "{curly}", "a|b", "^$", "\\back"],
            [f"{p}", "it's", '"quoted"', "`tick`", "$HOME", "%s%n", "#"],
            [f"{p}", "line\nof two"],
            [f"{p}"] + ["many"] * 3000,
            ["/bin/sh", "-c", f"exec {p} --sub"],
        ]
        for number, line in enumerate(lines):
            self.start(line, name=f"{p}line{number}", user=random.choice(users))
        for name in (f"{p}thr", f"{p}one"):
            self.start([f"{p}threads", name], name=name, threads=5)
        self.start([f"{p}half"], name=f"{p}half")
        self.start([f"{p}half"], name=f"{p}half", end="exit")  # a zombie and a living one
        # Its processes must not match: how many there are is another number each time.
        self.start(["churner"], seen=False, name="churner", churn=p[1:] + "churn")


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {DEADLINE} s in vain: {what}")
        time.sleep(0.01)


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()[0].decode()


def run(*words, ok=(0,)):
    done = subprocess.run(words, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}, capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=DEADLINE, check=False)
    if done.returncode not in ok:
        raise RuntimeError(f"{words} exits {done.returncode}: {done.stdout}{done.stderr}")
    return done


def ask_probe(probe, words):
    observation, reason = run(*probe, *words).stdout.rstrip("\n").split("\t")
    return observation, reason


def ask_check_procs(words):
    done = run(CHECK_PROCS, *words, ok=(0, 2))
    return done.returncode, done.stdout.strip()


def escaped(text):
    return re.sub(r"([][(){}.*+?|^$\\])", r"\\\1", text)


def generate(stage, source):
    """A filter for both: words for the probe and words for check_procs."""
    name, line, user = source.choice(stage.parts)
    ours, theirs = [], []
    kinds = source.choice(["name", "name", "text", "text", "expression", "expression", "name text", "name user",
                           "text user", "name expression user"]).split()
    if "name" in kinds:
        plain = name.split()[0].rsplit("/", 1)[-1]  # what check_procs makes of it
        longer = plain + "x" if len(plain) < 15 else plain[1:]  # with more bytes it would be doubtful to the probe
        plain = source.choice([plain] * 6 + [plain[:-1] or "x", longer, plain.upper()])
        ours += ["--name", plain]
        theirs += ["-C", plain]
    if "text" in kinds or "expression" in kinds:
        # Long enough to hold the prefix, or else the machine's other processes would match, which come and go.
        at = line.find(stage.prefix)
        text = line[source.randint(max(0, at - 5), at):at + len(stage.prefix) + source.randint(0, 25)].strip(" ")
        if "text" in kinds:
            text = source.choice([text] * 6 + [text + "%", text[::-1]])
            ours += ["--cmdline", escaped(text)]
            theirs += ["-a", text]
        else:
            pieces = [escaped(text), f"{escaped(text)}.*{escaped(line[-4:].strip())}", f"{stage.prefix}[^ ]* [-a-z]",
                      f"({escaped(text)}|{stage.prefix}nothing)", f"{stage.prefix}(:|\\.conf)",
                      f"{stage.prefix}.{{3,9}}$",
                      f"{stage.prefix}[[:alpha:]]+ ", f"{stage.prefix}.*[0-9]$", f"{stage.prefix}\\w+ nothing"]
            if " " not in name:  # check_procs reads the rest of such a name as the start of the command line
                pieces += [f"^/(usr|opt).*{stage.prefix}", f"^{escaped(line[:5])}.*{stage.prefix}", f"^{stage.prefix}$"]
            expression = source.choice(pieces)
            if expression.startswith("^") and any(" " in each[0] for each in stage.parts):
                expression += ".*(run|same|empty|threads)"  # of none with such a name
            ours += ["--cmdline", expression]
            theirs += ["--ereg-argument-array", expression]
    if "user" in kinds:
        user = source.choice([user, user, source.choice(stage.users)])
        ours += ["--user", str(user)]
        theirs += ["-u", pwd.getpwuid(user).pw_name]
    return ours, theirs


def counted(said):
    return int(re.search(r": (\d+) process", said).group(1))


def least(count_range):
    return int(count_range.split(":")[0])


def compare(stage, probe, source):
    """Each generated filter with each of some ranges, the right one among them."""
    failed = compared = 0
    seen = {"running": 0, "degraded": 0, "stopped": 0}
    for _ in range(FILTERS):
        ours, theirs = generate(stage, source)
        count = None
        for each in ("1:", "exactly", "random"):
            if each == "exactly":
                each = f"{max(count, 1)}:{max(count, 1)}"
            elif each == "random":
                low = source.randint(1, 4)
                each = source.choice([f"{count + 1}:", f"{low}:{low + 2}"])
            status, said = ask_check_procs([*theirs, "-c", each])
            count = counted(said)
            observation, reason = ask_probe(probe, [*ours, "--count", each])
            compared += 1
            seen[observation] = seen.get(observation, 0) + 1
            expected = "running" if status == 0 else "stopped" if count == 0 else "degraded"
            # Reached with zombies only: "degraded" on purpose.
            if status == 0 and count - counted(ask_check_procs([*theirs, "-s", "Z", "-c", "1:"])[1]) < least(each):
                expected = "degraded"
            if observation != expected:
                failed += 1
                print(f"NOT OK: {ours} --count {each}: {observation} ({reason}), check_procs {theirs} exits {status}: "
                      f"{said}")
    print(f"{FILTERS} filters, {compared} comparisons, {failed} failed; {seen}")
    return failed + (0 if min(seen.values()) >= FILTERS / 10 else 1)


def expect(what, probe, ours, expected, theirs=None, status=None):
    """One row in which both are known to say something of their own."""
    failed = 0
    if theirs is not None:
        got = ask_check_procs([*theirs, "-c", "1:"])
        if got[0] != status:
            failed = 1
            print(f"NOT OK: {what}: check_procs {theirs} exits {got[0]} ({got[1]}), expected {status}")
    got = ask_probe(probe, ours)
    if got != expected:
        failed = 1
        print(f"NOT OK: {what}: {ours} gives {got}, expected {expected}")
    return failed


RUNNING = ("running", "a process is there")
STOPPED = ("stopped", "no process is there")
UNSURE = ("unknown", "no process is there for certain: one has the same first 15 bytes and another title")
STARTERS = ("unknown", "no process is there but what has started a check, and that does not count")
ENDED = ("degraded", "all processes there have ended and nobody collected them")


def differences(stage, probe):
    """Where the probe says something else on purpose."""
    p, failed = stage.prefix, 0
    stage.start(["x"], seen=False, name=f"{p}dead", end="exit")
    stage.start(["x"], seen=False, name=f"{p}main", end="first", threads=1)
    stage.start(["x"], seen=False, name=f"{p}\u00e9\u4e2d")
    stage.start([f"/usr/bin/{p}-a-very-long-name", "x"], seen=False, name=f"{p}-a-very-long-name")
    stage.start(["/usr/bin/python3", f"/opt/{p}-script-of-long-name"], seen=False, name=f"{p}-script-of-long-name")
    stage.start(["worker", "of", "it"], seen=False, name=f"{p}-titled-daemon-name")
    stage.start([f"-{p}-login-style-name"], seen=False, name=f"{p}-login-style-name")
    check = ["check", "process", "-n", f"-a {p}called"]
    stage.start(["/usr/bin/powerconsul", *check], seen=False, name="powerconsul")
    stage.start([os.path.basename(probe[0]), *check], seen=False, name=f"{p}otherpc")
    stage.start(["/bin/sh", "-c", " ".join(["exec powerconsul", *check])], seen=False, name=f"{p}shell")
    stage.start([f"{p}logger", "--log", "/var/log/powerconsul"], seen=False, name=f"{p}logger")
    rows = [
        ("a zombie alone", ["--name", f"{p}dead"], ENDED, ["-C", f"{p}dead"], 0),
        ("a zombie alone, by command line", ["--cmdline", f"{p}dead. <defunct>$"], ENDED,
         ["--ereg-argument-array", f"{p}dead. <defunct>$"], 0),
        ("only the first thread has ended", ["--name", f"{p}main"], RUNNING, ["-C", f"{p}main"], 0),
        ("whole name with blanks", ["--name", f"{p} b c"], RUNNING, ["-C", f"{p} b c"], 2),
        ("whole name with a slash", ["--name", f"x/{p}d"], RUNNING, ["-C", f"x/{p}d"], 2),
        ("name that is not ASCII", ["--name", f"{p}\u00e9\u4e2d"], RUNNING, ["-C", f"{p}\u00e9\u4e2d"], 2),
        ("long name", ["--name", f"{p}-a-very-long-name"], RUNNING, ["-C", f"{p}-a-very-long-name"], 2),
        ("long name of a script", ["--name", f"{p}-script-of-long-name"], RUNNING,
         ["-C", f"{p}-script-of-long-name"], 2),
        ("long name of another", ["--name", f"{p}-a-very-long-other"], STOPPED, ["-C", f"{p}-a-very-long-other"], 2),
        ("long name with another title", ["--name", f"{p}-titled-daemon-name"], UNSURE,
         ["-C", f"{p}-titled-daemon-name"], 2),
        ("long name, login style", ["--name", f"{p}-login-style-name"], RUNNING, ["-C", f"{p}-login-style-name"], 2),
        ("other checks", ["--cmdline", f"{p}called"], STOPPED, ["-a", f"{p}called"], 0),
        ("a folder named like the tool", ["--cmdline", f"^{p}logger.*powerconsul$"], RUNNING, None, None),
        ("first 15 bytes of a long name", ["--name", f"{p}-a-very-long-name"[:15]], RUNNING,
         ["-C", f"{p}-a-very-long-name"[:15]], 0),
        ("command line behind a name with blanks", ["--cmdline", f"^b c.*{p}"], STOPPED,
         ["--ereg-argument-array", f"^b c.*{p}"], 0),
        ("a thread's name", ["--name", "aside"], STOPPED, ["-C", "aside"], 2),
    ]
    for what, ours, expected, theirs, status in rows:
        failed += expect(what, probe, ours, expected, theirs, status)
    # The shell that starts the probe has the text in its own command line.
    failed += expect("what started it", ["sh", "-c", '"$@"; exit $?', "sh", *probe],
                     ["--cmdline", f"--cmdline {p}none"], STOPPED)
    # There are several: to check_procs a bare number is the largest, and the probe asks what is meant.
    bare = [ask_check_procs(["-C", f"{p}main", "-c", "1"])[0], ask_check_procs(["-C", f"{p}same", "-c", "1"])[0],
            run(*probe, "--name", f"{p}same", "--count", "1", ok=(64,)).returncode]
    if bare != [0, 2, 64]:
        failed += 1
        print(f"NOT OK: a bare number: {bare}")
    print(f"{len(rows) + 2} known differences, {failed} failed")
    return failed


def unprivileged(stage, probe):
    """The same answers without rights, and "unknown" where processes are hidden."""
    if os.geteuid() != 0:
        print("not root: processes of other users and a /proc that hides them are left out")
        return 0
    p, failed = stage.prefix, 0
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        program = shutil.copy(probe[0], place)
        os.chmod(program, 0o755)
        rows = 0
        for user in stage.users:
            rows += 1
            failed += expect(f"user {user}, asked by nobody", [*nobody, program],
                             ["--name", f"{p}same", "--user", str(user), "--count", "2:2"],
                             ("running", "exactly 2 processes are there"))
        # A user that nothing else on the machine runs as.
        alone = ["setpriv", "--reuid", "2123456789", "--regid", "65534", "--clear-groups"]
        rows += 2
        failed += expect("only what was started to run it, by user",
                         [*alone, "sh", "-c", '"$@"; exit $?', "sh", program], ["--user", "2123456789"], STOPPED)
        script = pathlib.Path(place, "script")
        script.write_text(f"{program} --user 2123456789\nexit $?\n")
        script.chmod(0o644)
        failed += expect("only what started it, by user", [*alone, "sh", str(script)], [], STARTERS)
        room = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        if subprocess.run([*room, "true"], capture_output=True, check=False).returncode != 0:
            print("this machine refuses namespaces: a /proc that hides processes is left out")
            return failed
        hint = ", mount /proc without hidepid or run as root"
        cannot = "cannot read the process table: "
        hidden = ("unknown", cannot + "processes of other users are hidden" + hint)
        for level, expected in (("0", STOPPED), ("1", hidden), ("2", hidden), ("4", hidden)):
            script = f'mount -t proc -o hidepid={level} proc /proc && exec "$@"'
            # The shell stays the first process of the namespace: it has more to do after that.
            inside = [*room, "sh", "-c", f'sh -c \'{script}\' sh "$@"; exit $?', "sh"]
            rows += 2
            look = ["--name", f"{p}same"]
            failed += expect(f"hidepid={level} for nobody", [*inside, *nobody, program], look, expected)
            failed += expect(f"hidepid={level} for root", [*inside, program], look, STOPPED)
        # As in a container: the first process is of the same user, which sees it. Beside it root's process runs.
        up = os.path.join(place, "up")
        os.mkfifo(up)
        name = f"{p}container"
        for options, expected in (("hidepid=0", RUNNING), ("hidepid=2", hidden), ("hidepid=4", hidden),
                                  ("hidepid=2,gid=65534", RUNNING)):
            script = (f"mount -t proc -o {options} proc /proc && "
                      f"{{ ACTOR_NAME={name} {stage.actor} >{up} & head -c 1 {up} >/dev/null; exec \"$@\"; }}")
            rows += 1
            failed += expect(f"{options} for nobody's container",
                             [*room, "sh", "-c", script, "sh", *nobody, "sh", "-c", '"$@"; exit $?', "sh", program],
                             ["--name", name], expected)
    print(f"{rows} rows without rights, {failed} failed")
    return failed


def main(probe, actor, seed):
    if not os.access(CHECK_PROCS, os.X_OK):
        print(f"NOT OK: {CHECK_PROCS} is not there, install Debian's monitoring-plugins-basic (tools/setup.sh)")
        return 1
    print(f"seed {seed}", flush=True)
    source = random.Random(seed)
    random.seed(seed)
    users = [os.geteuid()]
    if os.geteuid() == 0:
        users += [pwd.getpwnam(name).pw_uid for name in ("daemon", "nobody")]
    # Never twice on one machine, whatever the seed: other runs of this test may be at work.
    letters = random.SystemRandom().choices(string.ascii_lowercase, k=4)
    with Stage(actor, "q" + "".join(letters), users) as stage:
        stage.fill()
        failed = compare(stage, [probe], source)
        failed += differences(stage, [probe])
        failed += unprivileged(stage, [probe])
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]),
                  int(sys.argv[3]) if len(sys.argv) == 4 else random.SystemRandom().randrange(1 << 32)))
