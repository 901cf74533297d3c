"""What a watch's handler may find on its standard input, from nothing to 200 MB, and `trigger -s -` with it.

    POWERCONSUL=... python3 test_watch_input.py [part of a name] [--list] [--show]

Consul has a trigger for the service that would leave a file `ran`: each row says that it did not run, and a few that it did,
so that what the others say can be wrong.
"""
import json
import pathlib
import resource
import select
import shutil
import sys
import time

from rows import LONGEST, POWERCONSUL, Row, main

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration" / "consul"))
from machine import end_processes_below  # noqa: E402  pylint: disable=wrong-import-position

NODE = "production-web1"
KEY = "triggers/production/web/standalone/critical"
STORE = {"agent": {"node": NODE, "datacenter": "hq"},
         "datacenters": {"hq": {"kv": {KEY: "touch FOLDER/ran"}, "services": [
             {"service": "web", "node": NODE, "checks": {"web-role": {"status": "critical", "output": "down"}}}]}}}
CHANGING = {r"time=\S+ ": "", r"incident=\w+": "incident=ID", r"pid=\d+": "pid=PID",
            r"duration_ms=\d+": "duration_ms=TIME", r"x{1000,}\.\.\.": "LONG"}
OPENED = 'level=warning event="incident opened" service=web state=critical incident=ID check=web-role\n'
RAN = (f'level=info event="trigger started" service=web state=critical incident=ID check=web-role attempt=1 role=standalone '
       f'key={KEY} pid=PID\n'
       'level=info event="trigger ended" service=web state=critical incident=ID check=web-role attempt=1 outcome=ended '
       'status=0 duration_ms=TIME output=""\n')
DONE = f"web critical, check web-role: ran {KEY} as standalone: exit status 0 after N ms\n"
WANTED = 'expected the list that a watch of type "checks" gives'
MISSING = "standard input: the check \"web-role\" at line 1, column 2 (byte 1): "
HELP = "see powerconsul watch --help"
MB = 1000 * 1000


def sanitized():
    program = shutil.which(POWERCONSUL)
    return program is not None and b"__asan_init" in pathlib.Path(program).read_bytes()


#: KiB. What the sanitizers keep of their own differs between the compilers.
MOST_MEMORY = (640 if sanitized() else 360) * 1024


def entry(**changed):
    """A critical check of the service, as Consul tells of it; a member that is to be `...` is missing."""
    members = {"Node": NODE, "CheckID": "web-role", "Name": "web is as its role demands", "Status": "critical",
               "Notes": "", "Output": "down", "ServiceID": "web", "ServiceName": "web", "ServiceTags": [],
               "Definition": {}, "CreateIndex": 7, "ModifyIndex": 9}
    members.update(changed)
    return {name: value for name, value in members.items() if value is not ...}


SOUND = json.dumps([entry()])


NAMED = '"ServiceName": "web"'


def place(byte):
    return f"line 1, column {byte + 1} (byte {byte})"


def prepare(folder):
    (folder / "store.json").write_text(json.dumps(STORE).replace("FOLDER", str(folder)), encoding="utf-8")


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def nothing_ran(folder):
    """No trigger, and no journal: nothing is known of an incident."""
    assert files_of(folder) == ["store.json"], files_of(folder)


def it_ran(folder):
    assert "ran" in files_of(folder), files_of(folder)
    assert "state/journal/web.json" in files_of(folder), files_of(folder)


def watch(name, stdin, code=65, says=None, err=None, after=nothing_ran, more=(), **others):
    """`says`: the sentence, without the program's name before it."""
    err = f"powerconsul: {says}\n" if err is None and says is not None else err or ""
    argv = ["watch", "critical", "--store", "FOLDER/store.json", "--state-dir", "FOLDER/state", "--stop-file",
            "FOLDER/stop", "--node", NODE, *(more or ("--timeout", "60s"))]
    stdin = json.dumps(stdin) if isinstance(stdin, (list, dict)) else stdin
    return Row(name, argv, code, err=err, stdin=stdin, prepare=prepare, after=after, changing=CHANGING, **others)


def shell(redirection):
    """For `through`: a shell gives the program another standard input."""
    return ("/bin/sh", "-c", f'exec "$@" {redirection}', "sh")


def never_ends(some):
    """Writes that, and keeps the pipe open until the program has gone."""
    def write(pipe):
        pipe.write(some)
        pipe.flush()
        gone = select.poll()
        gone.register(pipe, 0)
        gone.poll(LONGEST * 1000)
    return write


def told_in_the_log(says):
    """By the worker that was left behind."""
    def after(folder):
        log, end = folder / "log", time.monotonic() + LONGEST
        while not (log.exists() and says in log.read_text(encoding="utf-8")):
            assert time.monotonic() < end, log.read_text(encoding="utf-8") if log.exists() else "there is no log"
            time.sleep(0.05)
        end_processes_below(folder)
    return after


def much(pipe):
    """200 MB of other nodes' checks, and one of this node's."""
    block = b",".join(json.dumps(entry(Node=f"node{i}", Output="x" * 3000)).encode() for i in range(300)) + b","
    pipe.write(b"[")
    for _ in range(200 * MB // len(block)):
        pipe.write(block)
    pipe.write(SOUND[1:].encode())


def in_bounded_memory(folder):
    """All that is taken is kept as it came, and little beside it: not twice, and no values."""
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most < MOST_MEMORY, f"{most} KiB"
    assert not (folder / "state").exists() or (folder / "ran").exists()


def counted_only(folder):
    """What does not fit into the journal is counted."""
    it_ran(folder)
    text = (folder / "state/journal/web.json").read_text(encoding="utf-8")
    only, = json.loads(text)["incidents"]
    assert ([each["check"] for each in only["checks"]], only["further_checks"]) == (["web-role"], 1), only
    assert len(text) == 32 * 1024, len(text)


def trigger(name, stdin, says="", code=65, err=None, after=nothing_ran, limit="60s", **others):
    argv = ["trigger", "critical", "-s", "-", "--store", "FOLDER/store.json", "--state-dir", "FOLDER/state",
            "--stop-file", "FOLDER/stop", "--node", NODE, "--log", "none", "--timeout", limit]
    return Row(f"trigger: {name}", argv, code, err=f"powerconsul: {says}\n" if err is None else err, stdin=stdin,
               prepare=prepare, after=after, changing=CHANGING, **others)


#: What the end of each complaint about `-s` says.
ONE = '; give one check, as in {"ServiceName": "web", "CheckID": "web-role"}'


def fields():
    """A member that is missing, null, of another type, or there twice."""
    missing = {"Node": 'a check at line 1, column 2 (byte 1): has no Node; is the watch one of type "checks"?',
               "CheckID": "a check of this node at line 1, column 2 (byte 1): CheckID is missing",
               "Status": f'the check "web-role" at line 1, column 2 (byte 1): Status is missing',
               "ServiceName": f'the check "web-role" at line 1, column 2 (byte 1): ServiceName is missing'}
    for name, says in missing.items():
        yield watch(f"{name} is missing", [entry(**{name: ...})], says=f"standard input: {says}")
        yield watch(f"{name} is null", [entry(**{name: None})], says=f"standard input: {says}")
    yield watch("Node is a number", [entry(Node=7)], says=f"standard input: {missing['Node']}")
    yield watch("CheckID is a number", [entry(CheckID=7)],
                says="standard input: a check of this node at line 1, column 2 (byte 1): CheckID should be a text and "
                     "is a number")
    for name, value, kind in (("Status", True, "true or false"), ("ServiceName", [], "a list"),
                              ("ServiceID", {}, "an object"), ("Output", 7, "a number"), ("Name", [], "a list")):
        yield watch(f"{name} is {kind}", [entry(**{name: value})],
                    says=f"{MISSING}{name} should be a text and is {kind}")
    for value in (-1, 1.5, 1e30, 2 ** 64, "7", None):
        if value is not None:
            yield watch(f"CreateIndex is {value!r}", [entry(CreateIndex=value)],
                        says=f"{MISSING}CreateIndex is no whole number")
    for name in ("Node", "CheckID", "Status", "ServiceName", "Output", "CreateIndex"):
        where = "a check" if name == "Node" else 'the check "web-role"'
        text = SOUND[:-2] + f', "{name}": "other"}}]'
        yield watch(f"{name} twice", text, says=f"standard input: {where} at line 1, column 2 (byte 1): {name} comes twice")
    for name in ("Node", "CheckID", "Status"):
        yield watch(f"{name} is empty", [entry(**{name: ""})], says=f"standard input: {missing[name]}")
    yield watch("ServiceName is empty: a check of the node", [entry(ServiceName="")], code=0)
    yield watch("the second entry's Status is missing", [entry(), entry(CheckID="other", Status=...)],
                says=f'standard input: the check "other" at line 1, column {len(SOUND) + 2} (byte {len(SOUND) + 1}): Status '
                     "is missing")


def cut_off():
    """The first bytes of a sound list."""
    places = {"behind the bracket": 1, "in a member's name": 5, "in a text": 20, "in a number": SOUND.index("7,") + 1,
              "behind an entry": len(SOUND) - 1}
    for where, size in places.items():
        yield watch(f"cut off {where}", SOUND[:size],
                    says=f"standard input: not valid JSON at line 1, column {size + 1} (byte {size}): the text ends too "
                         "early; it was cut off")
    two = json.dumps([entry(), entry(Node="other")])[:-30]
    yield watch("cut off in another node's entry", two,
                says=f"standard input: not valid JSON at line 1, column {len(two) + 1} (byte {len(two)}): the text ends "
                     "too early; it was cut off")


def names():
    """Service names that are no segment of a key, let alone of a file's name."""
    tail = "which would make it another key in Consul's KV store"
    for what, name, quoted, says in (
            ("a newline", "a\nb", r'\"a\\nb\"', "contains a control character"),
            ("NUL", "a\0b", r'\"a\\x00b\"', "contains a control character"),
            ("slashes", "../../ran", r'\"../../ran\"', f"contains '/', {tail}"),
            ("two dots", "..", r'\"..\"', "would be another key in Consul's KV store"),
            ("a blank at the end", "web ", r'\"web \"', "begins or ends with a space"),
            ("100 kB", "x" * 100_000, r'\"' + "x" * 77 + r'...\"', "is longer than 128 bytes")):
        service = {"a\nb": r'"a\nb"', "a\0b": r'"a\u0000b"', "web ": '"web "', "x" * 100_000: "LONG"}.get(name, name)
        yield watch(f"a service's name with {what}", [entry(ServiceName=name, ServiceID="web")],
                    err=f'level=error event=failed service={service} state=critical error="the Consul service name '
                        f'{quoted} {says}"\n')


ROWS = [
    watch("sound", [entry()], code=0, err=OPENED + RAN, after=it_ran),
    watch("sound, another member is 10 000 deep", SOUND[:-2] + ', "X": ' + "[" * 10_000 + "]" * 10_000 + "}]", code=0,
          err=OPENED + RAN, after=it_ran),
    watch("nothing", "", says=f"standard input: empty; {WANTED}"),
    watch("blanks", " \r\n", says=f"standard input: empty; {WANTED}"),
    watch("null", "null\n",
          says=f"standard input: the list at line 1, column 1 (byte 0): {WANTED}, found null, which a watch of type \"key\" "
               "gives"),
    watch("an object", entry(), says=f"standard input: the list at line 1, column 1 (byte 0): {WANTED}, found an object"),
    watch("a text", '"web"', says=f"standard input: the list at line 1, column 1 (byte 0): {WANTED}, found a string"),
    watch("a number", "\n 7", says=f"standard input: the list at line 2, column 2 (byte 2): {WANTED}, found a number"),
    watch("null in the list", "[null]",
          says="standard input: a check at line 1, column 2 (byte 1): expected an object, found null"),
    watch("a list in the list", [[entry()]],
          says="standard input: a check at line 1, column 2 (byte 1): expected an object, found a list"),
    watch("a number behind a check", f"[\n{SOUND[1:-1]},\n7]",
          says=f"standard input: a check at line 3, column 1 (byte {len(SOUND) + 2}): expected an object, found a number"),
    watch("of a service's watch", '[{"Node": {"Node": "production-web1"}, "Service": {}, "Checks": []}]',
          says='standard input: a check at line 1, column 2 (byte 1): has no Node; is the watch one of type "checks"?'),
    *fields(),
    watch("other nodes only", [entry(Node="production-web2"), entry(Node="PRODUCTION-WEB1")], code=0),
    watch("other nodes only, with wrong members", [entry(Node="production-web2", Status=7, ServiceName=None)], code=0),
    # As newer versions write them (api/health.go, HealthCheck): a name is one node's only within a partition.
    watch("a peer's node of this name", [entry(PeerName="far")], code=0),
    watch("a node of this name in another partition", [entry(Partition="east")], code=0),
    watch("another namespace", [entry(Namespace="team")], code=0),
    watch("this node's, by all that newer versions say", [entry(PeerName="", Partition="default", Namespace="default",
                                                                ExposedPort=0)], code=0, err=OPENED + RAN, after=it_ran),
    watch("another state", [entry(Status="maintenance"), entry(Status="Critical"), entry(Status="passing")], code=0),
    *cut_off(),
    watch("two documents", SOUND + SOUND,
          says=f"standard input: not valid JSON at line 1, column {len(SOUND) + 1} (byte {len(SOUND)}): expected nothing "
               f'behind the value, found "["; {WANTED}'),
    watch("two documents on two lines", f"{SOUND}\n{SOUND}\n",
          says=f"standard input: not valid JSON at line 2, column 1 (byte {len(SOUND) + 1}): expected nothing behind the "
               f'value, found "["; {WANTED}'),
    watch("a page", "<html></html>",
          says=f'standard input: not valid JSON at line 1, column 1 (byte 0): expected a value, found "<"; {WANTED}'),
    watch("a comma too much", SOUND[:-1] + ",]",
          says=f"standard input: not valid JSON at line 1, column {len(SOUND) + 1} (byte {len(SOUND)}): expected a value "
               f'behind the comma, found "]"; {WANTED}'),
    watch("a byte order mark", "\ufeff" + SOUND,
          says="standard input: not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as UTF-8 "
               "without one"),
    watch("UTF-16", SOUND.encode("utf-16-le"),
          says="standard input: not valid JSON at line 1, column 2 (byte 1): a NUL byte; remove it"),
    watch("NUL in a text", SOUND.replace("down", "do\0wn"),
          says=f"standard input: not valid JSON at {place(SOUND.index('down') + 2)}: a NUL byte; remove it"),
    watch("NUL behind the list", SOUND + "\0",
          says=f"standard input: not valid JSON at line 1, column {len(SOUND) + 1} (byte {len(SOUND)}): a NUL byte; remove it"),
    watch("invalid UTF-8 in an output", SOUND.encode().replace(b"down", b"\xff\xfe"),
          says=f"standard input: not valid JSON at {place(SOUND.index('down'))}: the byte 0xFF is no UTF-8; save the text as "
               f"UTF-8; {WANTED}"),
    watch("invalid UTF-8 in a name", SOUND.encode().replace(NAMED.encode(), b'"ServiceName": "w\xc3"'),
          says=f"standard input: not valid JSON at {place(SOUND.index(NAMED) + 17)}: the byte 0xC3 is no UTF-8; save the "
               f"text as UTF-8; {WANTED}"),
    watch("half of a surrogate pair in another node's name", [entry(Node="\ud800")],
          says=f"standard input: not valid JSON at line 1, column 12 (byte 11): half of a surrogate pair; write both "
               f"halves, or the character itself; {WANTED}"),
    watch("10 000 lists in each other", "[" * 10_000 + "]" * 10_000,
          says="standard input: a check at line 1, column 2 (byte 1): expected an object, found a list"),
    watch("10 000 lists in an entry, not closed", SOUND[:-2] + ', "X": ' + "[" * 10_000,
          says=f"standard input: not valid JSON at {place(len(SOUND) + 10_005)}: the text ends too early; it was cut off"),
    *names(),
    watch("a check id of 100 kB beside another check", [entry(CheckID="x" * 100_000)], code=0,
          err=(OPENED + RAN).replace("check=web-role", "check=web-role,LONG"), after=counted_only),
    watch("an output of 100 kB", [entry(Output="x" * 100_000)], code=0, err=OPENED + RAN, after=it_ran),
    watch("200 MB, of which the last check is this node's", much, code=0, err=OPENED + RAN, after=in_bounded_memory),
    watch("zeros without end", b"", through=shell("</dev/zero"),
          says=f"standard input has more than the 268435456 bytes that are taken; {WANTED}; {HELP}", after=in_bounded_memory),
    watch("a directory", b"", through=shell("</"), says=f'cannot read "standard input": Is a directory; {WANTED}; {HELP}'),
    watch("closed", b"", through=shell("<&-"),
          says=f'cannot read "standard input": Bad file descriptor; {WANTED}; {HELP}'),
    watch("open for writing only", b"", through=shell("0>/dev/null"),
          says=f'cannot read "standard input": Bad file descriptor; {WANTED}; {HELP}'),
    watch("nothing and no end", never_ends(b""), more=("--timeout", "1s"),
          says=f"standard input did not end in time; {WANTED}; {HELP}"),
    watch("a sound list and no end", never_ends(SOUND.encode()), more=("--timeout", "1s"),
          says=f"standard input did not end in time; {WANTED}; {HELP}"),
    watch("cut off, for a worker", SOUND[:-1], more=("--detach", "--log", "FOLDER/log"),
          says=f"standard input: not valid JSON at {place(len(SOUND) - 1)}: the text ends too early; it was cut off"),
    # Whose checks they are is known to the worker only, which asks the agent.
    watch("a check of this node's without a status, for a worker", [entry(Status=...)], code=0,
          more=("--detach", "--log", "FOLDER/log"),
          after=told_in_the_log('event=failed state=critical error="standard input: the check \\"web-role\\" at '
                                'line 1, column 2 (byte 1): Status is missing"')),
    watch("cut off, for a dry run", SOUND[:-1], more=("--dry-run",),
          says=f"standard input: not valid JSON at {place(len(SOUND) - 1)}: the text ends too early; it was cut off"),
    trigger("sound", SOUND[1:-1], code=0, err="", out=DONE, after=it_ran),
    trigger("nothing", "", "-s/--service: empty; expected a JSON object" + ONE),
    trigger("a list", SOUND, "-s/--service: the check at line 1, column 1 (byte 0): expected an object, found a list" + ONE),
    trigger("two checks", SOUND[1:-1] + SOUND[1:-1],
            f"-s/--service: not valid JSON at {place(len(SOUND) - 2)}: expected nothing behind the value, found \"{{\"" + ONE),
    trigger("cut off", SOUND[1:-2],
            f"-s/--service: not valid JSON at {place(len(SOUND) - 3)}: the text ends too early; it was cut off" + ONE),
    trigger("a byte order mark", "\ufeff" + SOUND[1:-1],
            "-s/--service: not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as UTF-8 without one" +
            ONE),
    trigger("slashes in the service's name", json.dumps(entry(ServiceName="../../ran")),
            "-s/--service: the Consul service name \"../../ran\" contains '/', which would make it another key in Consul's KV "
            "store"),
    trigger("a directory", b"", 'cannot read "standard input": Is a directory; expected one check as JSON; see powerconsul '
            "trigger --help", through=shell("</")),
    trigger("no end", never_ends(b"{"), "standard input did not end in time; expected one check as JSON; see powerconsul "
            "trigger --help", limit="1s"),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
