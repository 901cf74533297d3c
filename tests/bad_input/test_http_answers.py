"""HTTP answers that are no good: what `role`, `check`, `watch` and `trigger` make of them.

    POWERCONSUL=... python3 test_http_answers.py [part of a name] [--list] [--show]

From none of them does a service become standalone, an active dead or a check passing, and no trigger runs. What comes of the
same faults with a last known role, at other endpoints and with a real agent behind is in tests/integration/consul/test_faults.py.
"""
import itertools
import json
import os
import subprocess
import sys
import time

import peer
from peer import NODE, OTHER, alter
from rows import POWERCONSUL, Row, main

DOCUMENT = "/v1/kv/cluster/"
HEALTH = "/v1/health/"
CHECKS = "/v1/agent/checks"
AUTHORIZE = "/v1/internal/acl/authorize"
TRIGGERS = "/v1/kv/triggers/"
PAUSES = "/v1/kv/pauses/"
STANDBY = json.dumps({"active_nodes": [OTHER], "standby_nodes": [NODE]})
KEY = "cluster/production/web"
PATH = f"/v1/kv/{KEY}"
TRIGGER = "triggers/production/web/standalone/critical"
PAUSED = "/v1/kv/pauses/production/web"
UNTOLD = "it cannot be told whether it is paused: "
CHANGING = {r"(127\.0\.0\.1|localhost):\d+": r"\1:PORT", r"time=\S+ ": "", r"incident=\w+": "incident=ID", r"pid=\d+": "pid=PID",
            r"duration_ms=\d+": "duration_ms=TIME"}
OPENED = 'level=warning event="incident opened" service=web state=critical incident=ID check=web-role\n'
RAN = (f'level=info event="trigger started" service=web state=critical incident=ID check=web-role attempt=1 role=standalone '
       f'key={TRIGGER} pid=PID\n'
       'level=info event="trigger ended" service=web state=critical incident=ID check=web-role attempt=1 outcome=ended '
       'status=0 duration_ms=TIME output=""\n')


def text(value):
    return json.dumps(value, ensure_ascii=False)


def row(name, argv, code, endpoint, alteration, *, host="127.0.0.1", document=STANDBY, runs=False, earlier=None,
        more=(), limit="60s", **others):
    """One run against a peer. ADDRESS in argv is the peer's. `runs`: whether the trigger should; `earlier`: an alteration
    for a run of `role` before."""
    common = ["--http-addr", "ADDRESS", "--node", NODE, "--state-dir", "FOLDER/state", "--timeout", limit]
    made = Row(name, [], code, changing=CHANGING, **others)

    def prepare(folder):
        script = folder / "init.d" / "web"
        script.parent.mkdir()
        script.write_text("#!/bin/sh\necho running\n")
        script.chmod(0o755)
        stands = peer.Peer(folder, endpoint, earlier or alteration, document)
        made.argv = [word.replace("ADDRESS", f"{host}:{stands.port}") for word in [*argv, *common, *more]]
        if earlier:
            # A check remembers what it has read, whatever it says.
            before = [POWERCONSUL, "check", "tcp", "-p", "1", "-S", "web", *made.argv[len(argv):len(argv) + len(common)]]
            subprocess.run([word.replace("FOLDER", str(folder)) for word in before], check=False,
                           stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "HOME": str(folder)})
            stands.alteration = alteration

        def undo():
            stands.close()
            assert stands.altered > 0, "nobody asked"
            assert stands.trouble is None, stands.trouble
        return undo

    def after(folder):
        assert (folder / "ran").exists() == runs, "a trigger ran" if not runs else "no trigger ran"

    made.prepare, made.after = prepare, after
    return made


def limit_for(reason):
    """Short for what is waited for. Five eighths of it are Consul's."""
    return "1s" if reason.endswith("in time") else "60s"


def role(name, alteration, code, reason, endpoint=DOCUMENT, facts=None, **others):
    """`role` of a standby, which is unknown for that reason, or knows its `facts`."""
    others.setdefault("limit", limit_for(reason))
    known = {"service": "web", "role": "unknown", "expectation": "unknown", "clustered": None, "reason": reason, "key": KEY,
             "document": 0, "basis": "none", **(facts or {})}
    out = json.dumps(known, ensure_ascii=False, separators=(",", ":")) + "\n"
    return row(f"role: {name}", ["role", "-S", "web", "--format", "json"], code, endpoint, alteration, out=out, **others)


SERVES = {"role": "secondary", "expectation": "stopped", "clustered": True, "document": 7, "basis": "fresh",
          "reason": f"{NODE} is in standby_nodes; {OTHER} (hq) serves as active"}


def sound(name, alteration, endpoint=DOCUMENT, **others):
    """As a positive twin: what looks odd and is a sound answer all the same."""
    return role(name, alteration, 0, "", endpoint, SERVES, **others)


def undecided(name, alteration, code, reason, **others):
    """`role` of a standby that cannot tell whether an active serves."""
    facts = {"role": "secondary", "clustered": True, "document": 7,
             "reason": f"{NODE} is in standby_nodes; whether an active serves is unknown: {reason}"}
    return role(name, alteration, code, "", HEALTH, facts, **others)


def check(name, alteration, why, endpoint=DOCUMENT, **facts):
    """`check service` of one that runs; it is unknown, for that reason."""
    known = {"type": "service", "service": "web", "expects": None, "clustered": None, "state": "unknown", "code": 1,
             "role": "unknown", "reason": f"web cannot be judged: {why}", "basis": "none", **facts}
    out = json.dumps(known, ensure_ascii=False, separators=(",", ":")) + "\n"
    argv = ["check", "service", "-s", "web", "-S", "web", "--service-manager", "sysv", "--init-directory", "FOLDER/init.d"]
    # What comes before must be there in time.
    limit = "2s" if known["reason"].endswith("in time") else "60s"
    return row(f"check: {name}", argv, 1, endpoint, alteration, out=out, limit=limit)


def handles(command, name, alteration, code, err, endpoint, out="", **others):
    """`watch` and `trigger` on a standalone node."""
    argv = [command, "critical", "--stop-file", "FOLDER/stop"]
    if command == "trigger":
        argv += ["-s", json.dumps(peer.CRITICAL)]
    return row(f"{command}: {name}", argv, code, endpoint, alteration, out=out, err=err, document=None,
               stdin=json.dumps([peer.CRITICAL]), **others)


def logged(why, event="failed", service=""):
    at = f" service={service}" if service else ""
    return f"level=error event={event}{at} state=critical error={text(why)}\n"


def watch(name, alteration, code, why):
    """What the agent says of its checks cannot be used."""
    return handles("watch", name, alteration, code, logged(why) + f"powerconsul: {why}\n", CHECKS, limit=limit_for(why))


def trigger(name, alteration, code, why, endpoint=TRIGGERS, **others):
    """Whether there is a trigger cannot be told, or whether it is paused."""
    return handles("trigger", name, alteration, code,
                   f'level=error event="nothing done" service=web state=critical incident=ID why={text(why)}\n',
                   endpoint, f"web critical, check web-role: nothing done: {why}\nweb: {why}\n", **others)


def doctor(name, alteration, says):
    """The line on the agent, which is the last; the others tell of this machine, or that nobody was asked."""
    made = row(f"doctor: {name}", ["doctor"], 2, "/v1/agent/self", alteration, out=f"error    agent            {says}\n",
               limit=limit_for(says.partition(";")[0]))
    made.changing = {**CHANGING, r"(?s)^.*\n(error    agent [^\n]*\n)": r"\1"}
    return made


# What is wrong, beside what altering_proxy.py has.

def unchanged(answer):
    yield answer.with_body(answer.body)


def raw(head):
    """The first bytes of an answer, and its end."""
    def alteration(_):
        yield head
    return alteration


def before(some):
    """Something before the sound answer."""
    def alteration(answer):
        yield some + answer.with_body(answer.body)
    return alteration


def with_headers(*headers):
    def alteration(answer):
        yield answer.with_body(answer.body, *headers)
    return alteration


def header(name, value):
    """With another value of a header of Consul's; None: without it."""
    def alteration(answer):
        headers = [each for each in answer.headers if each[0] != name] + ([(name, value)] if value is not None else [])
        yield alter.Answer(answer.status, headers, b"").with_body(answer.body)
    return alteration


def status(words):
    def alteration(answer):
        yield answer.with_body(answer.body).replace(b"HTTP/1.1 200 OK", words, 1)
    return alteration


def length(difference):
    def alteration(answer):
        yield answer.head(length=len(answer.body) + difference) + answer.body
    return alteration


def chunks(body):
    def alteration(answer):
        yield answer.head("Transfer-Encoding: chunked") + body(answer.body)
    return alteration


def no_length(answer):
    yield answer.head("Connection: close") + answer.body


def http_0_9(answer):
    yield answer.body


def endless_body(answer):
    yield answer.head("Connection: close")
    while True:
        yield b" " * 65536


def one_byte_per_second(answer):
    for i, byte in enumerate(answer.with_body(answer.body)):
        yield bytes([byte])
        time.sleep(1 if i < 20 else 0)


def reworked(change):
    """Another body, made of the sound one's bytes."""
    def alteration(answer):
        yield answer.with_body(change(answer.body))
    return alteration


def value(new):
    return alter.retyped(0, "Value", value=new)


def modified(new):
    return alter.retyped(0, "ModifyIndex", value=new)


def gone(_):
    """Consul's own answer that there is no such key."""
    yield from unchanged(alter.Answer(404, [peer.INDEX], b""))


def newer(number, words, policy="deny"):
    """As Consul answers since 1.9 (agent/http.go: setACLDefaultPolicy). tests/newer_consul.hpp names the texts' sources."""
    def alteration(_):
        yield from unchanged(alter.Answer(number, [("X-Consul-Default-ACL-Policy", policy)], words.encode()))
    return alteration


MIB = 1024 * 1024
LOST = (f"Consul has no {KEY} and has not come as far as index 100, at which this node has read it: its data was lost or "
        "restored; write the document again, or delete FOLDER/state/last-known/web.json if there is to be none")
AT = "Consul at http://127.0.0.1:PORT"
ASKED = f"the request for {PATH}?consistent"
BROKE_OFF = f"{AT} broke off its answer to {ASKED}; try again"
IN_TIME = f"{AT} did not answer {ASKED} in time"
NO_HTTP = f"what answers as {AT} does not speak HTTP; is this its HTTP port?"
FLOODED = f"{AT} answers {ASKED} with more headers than the 1048576 bytes that are taken; is this its HTTP port?"
OVERLONG = f"{AT} answers {ASKED} with a line of more than the 8192 bytes that are taken before the body; is this its HTTP port?"
TOO_LARGE = f"{AT} answers {ASKED} with more than the 67108864 bytes that are taken"
MALFORMED = f"{AT} answers {ASKED} with a malformed status line or header"
NO_LENGTH = f"{AT} answers {ASKED} with a Content-Length that is no number"
NO_BODY = f"{PATH}: the answer has no body; is a proxy in between?"
SHAPE = f"{PATH}: Consul's answer is not of the documented shape: "
ENTRY = SHAPE + "expected Key, Value and ModifyIndex, a whole number above 0, in the entry"
ACTIVE = f"/v1/health/node/{OTHER}"
CHECKS_OF_ACTIVE = f"{ACTIVE}: Consul's answer is not of the documented shape: "
AGENT = "; is the address that of a Consul agent?"


def named(message):
    return message.replace("127.0.0.1", "localhost")


def answers(number, tail):
    return f"Consul answers {number} to {PATH}{tail}"


def not_json(at, why):
    return f"{PATH}: not valid JSON at {at}: {why}"


def first(byte):
    return f"line 1, column {byte + 1} (byte {byte})"


def broken_http():
    """The HTTP of the document's answer is broken, for an address and a name: the latter is asked in a thread."""
    faults = [
        ("nothing and close", alter.closed_at_once, 69,
         f"{AT} closed the connection without an answer to {ASKED}; try again"),
        ("a status line alone", raw(b"HTTP/1.1 200 OK\r\n"), 69, BROKE_OFF),
        ("half a status line", raw(b"HTTP/1.1 20"), 69, BROKE_OFF),
        ("cut off in the headers", alter.cut_in_the_headers, 69, BROKE_OFF),
        ("cut off in the body", alter.cut_in_the_body, 69, BROKE_OFF),
        ("a status line of 1 MiB", status(b"HTTP/1.1 200 " + b"x" * MIB), 65, OVERLONG),
        ("a header of 1 MiB", with_headers("X-More: " + "x" * MIB), 65, OVERLONG),
        ("headers without end", alter.endless_headers, 65, FLOODED),
        ("TLS", alter.tls_alert, 65, NO_HTTP),
        ("nothing and silence", alter.never_answers, 69, IN_TIME),
    ]
    for name, alteration, code, reason in faults:
        yield role(name, alteration, code, reason)
        yield role(f"{name}, asked by a name", alteration, code, named(reason), host="localhost")


def statuses():
    """Answers that are sound as HTTP and no 200."""
    login = "Location: http://127.0.0.1:1/login"
    redirect = ": a redirect, which would lead to another key or host; give the address of Consul itself"
    password = "; a proxy in front of it asks for a name and a password; set --http-auth-file"
    log = "; see the agent's log"
    for name, alteration, code, tail in (
            (101, raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), 65, AGENT),
            (103, before(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), 65, AGENT),
            (204, alter.no_content, 65, AGENT), (301, alter.page(301, login), 65, redirect),
            (302, alter.page(302, login), 65, redirect), (400, alter.page(400), 65, AGENT), (401, alter.page(401), 65, password),
            (403, alter.page(403), 77, f"; the token needs key:read on {KEY}"), (404, alter.page(404), 65, AGENT),
            (407, alter.page(407), 65, password), (429, alter.page(429), 69, ": too many requests; see its limits"),
            (500, alter.page(500), 69, log), (503, alter.page(503), 69, log), (999, status(b"HTTP/1.1 999 No"), 69, log)):
        yield role(f"{name}", alteration, code, answers(name, tail))


def newer_versions():
    """What versions after 1.8.7 say, and 1.8.7 does not."""
    needs = f"; the token needs key:read on {KEY}"
    permission = "Permission denied: the token lacks permission 'key:read'"
    for name, accessor in (("a token", "2f1c0e3a-9b9c-4f0e-8a58-0d2a1b6f7c11"), ("the token by another id", "x")):
        yield role(f"{name} that lacks a permission",
                   newer(403, f"Permission denied: token with AccessorID '{accessor}' lacks permission 'key:read' on \"{KEY}\""),
                   77, answers(403, f": {permission}{needs}"))
    yield role("an ACL system that is not bootstrapped",
               newer(403, "ACL system must be bootstrapped before making any requests that require authorization: ACL not found"),
               77, answers(403, ": ACL system must be bootstrapped before making any requests; see consul acl bootstrap"))
    for number, words in ((429, "rate limit exceeded, try a different server"), (503, "rate limit exceeded, try again later"),
                          (500, "rpc error making call: rate limit exceeded, try again later")):
        yield role(f"a rate limit with {number}", newer(number, words), 69, answers(number, ": rate limit exceeded; see its limits"))
    yield role("a key of other letters", newer(500, r'invalid key name, keys should respect the "^[a-zA-Z0-9,_./\-?&=]+$" format'),
               65, answers(500, ": it does not take this key: invalid key name"))
    yield role("a key like a file", newer(400, "key contains suspicious file extension '.com' that may be cached by proxies"),
               65, answers(400, ": it does not take this key: suspicious file extension"))
    yield role("another 400", newer(400, "Invalid max_stale value \"x\""), 65, answers(400, ': Invalid max_stale value "x"'))
    yield role("a blocked endpoint", newer(403, "Endpoint is blocked by agent configuration"), 69,
               answers(403, ": Endpoint is blocked by agent configuration"))
    yield undecided("of any server", header("X-Consul-Effective-Consistency", "stale"), 69,
                    f"Consul answers {ACTIVE} from any server, though its leader was asked for")
    away = {"role": "secondary", "clustered": True, "document": 7}
    for number, words, shown in ((403, "Endpoint is blocked by agent configuration", "403, Endpoint is blocked by agent configuration"),
                                 (404, "Invalid URL path: not a recognized HTTP API endpoint\n",
                                  "404, not a recognized HTTP API endpoint"),
                                 (405, "method POST not allowed", "405, method POST not allowed"), (400, "", "400")):
        yield role(f"{number} to what a token may see", newer(number, words), 69, "", AUTHORIZE, {
            **away, "reason": f"{NODE} is in standby_nodes; whether an active serves is unknown: this agent does not answer "
                              f"{AUTHORIZE} ({shown}), so that a takeover from an active that is not listed is not possible"},
                   document=json.dumps({"active_nodes": ["production-web9"], "standby_nodes": [NODE]}))


ROWS = [
    sound("unchanged", unchanged),
    *newer_versions(),
    sound("a status line of 8 000 bytes", status(b"HTTP/1.1 200 " + b"x" * 7_980)),
    sound("100 before it", before(b"HTTP/1.1 100 Continue\r\n\r\n")),
    sound("HTTP/1.0", status(b"HTTP/1.0 200 OK")),
    sound("a body to the connection's end", no_length),
    sound("NUL in a header", with_headers("X-More: a\0b")),
    *broken_http(),
    role("a status without a body", raw(b"HTTP/1.1 200 OK\r\n\r\n"), 65, NO_BODY),
    role("a body shorter than its length", length(9), 69, BROKE_OFF),
    role("a body longer than its length", length(-9), 65,
         not_json(first(203), "a string does not end; its closing quote is missing, or the text was cut off")),
    role("a length below 0", with_headers("Content-Length: -1"), 65, NO_LENGTH),
    role("a length that is no number", alter.length_no_number, 65, NO_LENGTH),
    role("100 MiB announced", alter.hundred_mib, 65, TOO_LARGE),
    role("a chunk cut off", alter.chunk_cut, 69, BROKE_OFF),
    role("the last chunk missing", alter.last_chunk_missing, 69, BROKE_OFF),
    role("a chunk's size that is no number", alter.chunk_size_no_number, 69, BROKE_OFF),
    role("a chunk's size below 0", chunks(lambda body: b"-5\r\n" + body + b"\r\n0\r\n\r\n"), 69, BROKE_OFF),
    role("a chunk's size beyond 64 bits", chunks(lambda body: b"f" * 17 + b"\r\n" + body + b"\r\n0\r\n\r\n"), 69, BROKE_OFF),
    role("a chunk longer than its size", chunks(lambda body: b"5\r\n" + body + b"\r\n0\r\n\r\n"), 65,
         not_json(first(5), "a string does not end; its closing quote is missing, or the text was cut off")),
    role("chunks without end", alter.hundred_mib_in_chunks, 65, TOO_LARGE),
    role("a body without end", endless_body, 65, TOO_LARGE),
    role("a header without end", alter.endless_header, 65, OVERLONG),
    role("silence in the headers", alter.stops_in_the_headers, 69, IN_TIME),
    role("silence in the body", alter.stops_in_the_body, 69, IN_TIME),
    role("one byte per second", one_byte_per_second, 69, IN_TIME),
    role("HTTP/0.9", http_0_9, 65, NO_HTTP),
    role("HTTP/2.0", status(b"HTTP/2.0 200 OK"), 65, NO_HTTP),
    role("an SSH server's greeting", alter.no_http, 65, NO_HTTP),
    role("a status of two digits", status(b"HTTP/1.1 99 OK"), 65, MALFORMED),
    role("a status that is no number", status(b"HTTP/1.1 OK"), 65, MALFORMED),
    *statuses(),
    role("compressed", alter.compressed, 65,
         f'{PATH}: the answer is encoded as "gzip", which nobody asked for; is a proxy in between?'),
    sound("encoded as itself", with_headers("Content-Encoding: identity")),
    # The document, as a key of Consul's.
    role("base64 that is none", value("{}"), 65, SHAPE + "Value is no base64: the length is not a multiple of four at byte 2"),
    role("base64 with a blank", value("e30= IC="), 65, SHAPE + "Value is no base64: a character outside the alphabet at byte 3"),
    role("a value that is a number", value(7), 65, SHAPE + "expected Value to be base64 or null"),
    role("a value that is null", value(None), 65, "", facts={
        "clustered": True, "document": 7, "reason": f"the cluster document {KEY}: the value is empty; delete the key to make the "
                                     "service standalone"}),
    role("index 0", modified(0), 65, ENTRY),
    role("an index below 0", modified(-1), 65, ENTRY),
    role("an index that is a text", modified("7"), 65, ENTRY),
    role("an index beyond 64 bits", modified(2 ** 64), 65, ENTRY),
    role("another key", alter.retyped(0, "Key", value="cluster/production/x\ny"), 65,
         SHAPE + f'asked for key "{KEY}", got "cluster/production/x\\ny"'),
    role("a key that is a number", alter.retyped(0, "Key"), 65, ENTRY),
    role("an entry that is a number", alter.retyped(0), 65, ENTRY),
    role("an empty list", alter.body("[]"), 65, SHAPE + "expected a list of one key"),
    role("null", alter.body("null"), 65, SHAPE + "expected a list of one key"),
    role("a page", alter.page(200), 65, not_json(first(0), 'expected a value, found "<"')),
    role("JSON without its end", reworked(lambda body: body[:-1]), 65,
         not_json(first(211), 'expected "," or "]", found the end of the text; it was cut off')),
    role("JSON twice", alter.two_documents, 65,
         not_json(first(212), 'expected nothing behind the value, found "["')),
    role("NUL behind the JSON", reworked(lambda body: body + b"\0"), 65, not_json(first(212), "a NUL byte; remove it")),
    role("a byte order mark", reworked(lambda body: b"\xef\xbb\xbf" + body), 65,
         not_json(first(0), "a byte order mark; save the text as UTF-8 without one")),
    role("invalid UTF-8", alter.body(b'[{"Key":"\xff"}]'), 65, not_json(first(9), "the byte 0xFF is no UTF-8; save the text as UTF-8")),
    role("10 000 deep", alter.body("[" * 10_000 + "]" * 10_000), 65,
         not_json(first(64), "it is nested more than the 64 deep that are taken")),
    role("without a leader", header("X-Consul-KnownLeader", "false"), 69,
         f"Consul answers {PATH} without a cluster leader"),
    # That there is no document: only with an index of Consul's own.
    row("role: no document", ["role", "-S", "web", "--format", "json"], 0, DOCUMENT, unchanged, document=None,
        out='{"service":"web","role":"standalone","expectation":"running","clustered":false,"reason":"there is no cluster '
            f'document at {KEY}","key":"{KEY}","document":0,"basis":"fresh"}}\n'),
    *(role(f"no document, {what}", header("X-Consul-Index", index), 65, answers(404, AGENT), document=None)
      for what, index in (("without an index", None), ("index 0", "0"), ("an index below 0", "-7"),
                          ("an index that is no number", "seven"), ("an index beyond 64 bits", str(2 ** 64)))),
    role("no document, without a leader", header("X-Consul-KnownLeader", "false"), 69,
         f"Consul answers {PATH} without a cluster leader", document=None),
    sound("an index that goes backwards", modified(7), earlier=modified(100)),
    role("no document, the index goes backwards", gone, 69, LOST, more=("--max-age", "0"), earlier=modified(100)),
    role("no document, the index goes backwards, a moment ago", gone, 0, "", earlier=modified(100),
         facts={**SERVES, "document": 100, "basis": "cached", "reason": f"as last known, since {LOST}"}),
    # Whether an active serves.
    undecided("a node that is a number", alter.retyped(0, "Node"), 65,
              CHECKS_OF_ACTIVE + f'asked for the checks of node "{OTHER}", got one of no node'),
    undecided("another node", alter.retyped(0, "Node", value=NODE), 65,
              CHECKS_OF_ACTIVE + f'asked for the checks of node "{OTHER}", got one of "{NODE}"'),
    undecided("a service's id that is a number", alter.retyped(1, "ServiceID"), 65,
              CHECKS_OF_ACTIVE + "a check without ServiceID or ServiceName"),
    undecided("a status that is null", alter.retyped(1, "Status", value=None), 65,
              CHECKS_OF_ACTIVE + f'a check on "{OTHER}" without CheckID or Status'),
    undecided("a status that nobody knows", alter.retyped(1, "Status", value="fine"), 65,
              f"{OTHER} (hq) is unknown by web-role"),
    undecided("an empty list of checks", alter.body("[]"), 77,
              "Consul lists no instance of web, not even this node's: it is not registered yet, or the token needs "
              "service:read on web and node:read on every node"),
    undecided("an object", alter.body("{}"), 65, CHECKS_OF_ACTIVE + "expected a list of checks"),
    undecided("filtered", with_headers("X-Consul-Results-Filtered-By-ACLs: true"), 77,
              f"{ACTIVE}: the list is filtered; the token needs service:read on web and node:read on {OTHER}"),
    undecided("404 for the active", alter.page(404), 65, f"Consul answers 404 to {ACTIVE}{AGENT}"),
    # The check's own line.
    check("cut off in the headers", alter.cut_in_the_headers, BROKE_OFF),
    check("a status line of 1 MiB", status(b"HTTP/1.1 200 " + b"x" * MIB), OVERLONG),
    check("a proxy's 404", alter.page(404), answers(404, AGENT)),
    check("nothing and silence", alter.never_answers, IN_TIME),
    check("nothing and silence for the instances", alter.never_answers, "", HEALTH, clustered=True, role="secondary",
          reason=f"web is running, what secondary expects is unknown: init script exits 0; {NODE} is in standby_nodes; whether an "
                 f"active serves is unknown: {AT} did not answer the request for {ACTIVE}?consistent in time"),
    # What the agent says of its checks.
    handles("watch", "sound", unchanged, 0, OPENED + RAN, CHECKS, runs=True),
    watch("nothing and close", alter.closed_at_once, 69,
          f"{AT} closed the connection without an answer to the request for {CHECKS}; try again"),
    watch("nothing and silence", alter.never_answers, 69, f"{AT} did not answer the request for {CHECKS} in time"),
    watch("403", alter.page(403), 77,
          f"Consul answers 403 to {CHECKS}; the token needs node:read on every node and service:read on every service"),
    watch("500", alter.page(500), 69, f"Consul answers 500 to {CHECKS}; see the agent's log"),
    watch("a status without a body", raw(b"HTTP/1.1 200 OK\r\n\r\n"), 65,
          f"{CHECKS}: the answer has no body; is a proxy in between?"),
    watch("a list", alter.body("[]"), 65,
          f"{CHECKS}: the list at line 1, column 1 (byte 0): expected an object by check id, found a list"),
    watch("a check that is a number", alter.body('{"web-role": 7}'), 65,
          f"{CHECKS}: a check at line 1, column 14 (byte 13): expected an object, found a number"),
    watch("a status that is a number", alter.retyped(0, "Status"), 65,
          f'{CHECKS}: the check "web-role" at line 1, column 14 (byte 13): Status should be a text and is a number'),
    watch("JSON without its end", reworked(lambda body: body[:-1]), 65,
          f"{CHECKS}: not valid JSON at line 1, column 220 (byte 219): the text ends too early; it was cut off"),
    # The trigger.
    handles("trigger", "sound", unchanged, 0, RAN, TRIGGERS,
            f"web critical, check web-role: ran {TRIGGER} as standalone: exit status 0 after N ms\n", runs=True),
    trigger("base64 that is none", value("{}"), 65,
            f"/v1/kv/{TRIGGER}: Consul's answer is not of the documented shape: Value is no base64: the length is not a multiple "
            "of four at byte 2"),
    trigger("a proxy's 404", alter.page(404), 65, f"Consul answers 404 to /v1/kv/{TRIGGER}{AGENT}"),
    trigger("a redirect", alter.page(302), 65,
            f"Consul answers 302 to /v1/kv/{TRIGGER}: a redirect, which would lead to another key or host; give the address of "
            "Consul itself"),
    # And whether it is paused.
    handles("trigger", "no pause", unchanged, 0, RAN, PAUSES,
            f"web critical, check web-role: ran {TRIGGER} as standalone: exit status 0 after N ms\n", runs=True),
    trigger("a proxy's 404 for a pause", alter.page(404), 65, f"{UNTOLD}Consul answers 404 to {PAUSED}{AGENT}", PAUSES),
    trigger("no pause, without an index", header("X-Consul-Index", None), 65,
            f"{UNTOLD}Consul answers 404 to {PAUSED}{AGENT}", PAUSES),
    trigger("no pause, without a leader", header("X-Consul-KnownLeader", "false"), 69,
            f"{UNTOLD}Consul answers {PAUSED} without a cluster leader", PAUSES),
    trigger("403 for a pause", alter.page(403), 77,
            f"{UNTOLD}Consul answers 403 to {PAUSED}; the token needs key:read on pauses/production/web", PAUSES),
    doctor("401", alter.page(401),
           "Consul answers 401 to /v1/agent/self; a proxy in front of it asks for a name and a password; set "
           "--http-auth-file"),
    doctor("TLS", alter.tls_alert, f"{NO_HTTP}; set --http-addr to a Consul agent"),
    doctor("a page", alter.page(200),
           '/v1/agent/self: not valid JSON at line 1, column 1 (byte 0): expected a value, found "<"; set --http-addr to a Consul agent'),
    doctor("a node's name that is a number", alter.retyped("Config", "NodeName"),
           "/v1/agent/self: Consul's answer is not of the documented shape: expected Config.NodeName and Config.Datacenter; set "
           "--http-addr to a Consul agent"),
    doctor("nothing and silence", alter.never_answers,
           f"{AT} did not answer the request for /v1/agent/self in time; start the agent, or set --http-addr"),
    trigger("cut off in the body", alter.cut_in_the_body, 69,
            f"{AT} broke off its answer to the request for /v1/kv/{TRIGGER}?consistent; try again"),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
