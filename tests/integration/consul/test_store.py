"""The embedded store beside a real Consul: both get the same requests, and their answers must be the same.

    CONSUL=... POWERCONSUL=... ASK_STORE=... python3 test_store.py [unittest options]

The same: status, headers and body to the byte, but for what each chooses itself. Sessions' ids stand for each other, and
an index may be another number as long as it is equal to, below or above the same ones.

SEED=<number> plays the sequence of one seed only.
"""
import base64
import bisect
import http.client
import json
import os
import random
import re
import subprocess
import time
import unittest

from consul_cluster import Agent, Cluster, executables, wait_until

SEEDS = range(5)
STEPS = 400
KEYS = ["a", "a/1", "a/2", "a/b/1", "ab", "b/", "b/1"]
PREFIXES = ["", "a", "a/", "a/b", "b/", "zz"]
NODE, OTHER = "n1", "n2"
FILE = {"agent": {"node": NODE, "datacenter": "hq"}, "datacenters": {"hq": {"services": [
    {"service": "s", "node": OTHER, "checks": {"disk": "passing", "web": "passing"}, "node_checks": ["disk", "web"]}]}}}
INDEX = re.compile(r'(?<=CreateIndex":)\d+|(?<=ModifyIndex":)\d+|(?<=modify index )\d+|(?<= != )\d+')
HEADERS = ("X-Consul-Index", "X-Consul-Knownleader", "X-Consul-Lastcontact", "Allow")
UNKNOWN = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
# Some texts of Go's decoders are not the store's; how they begin is.
OWN_WORDS = ("Failed to parse body: ", "Request decode failed: ")
cluster = None


class OneServer(Cluster):
    """Of the real Consul. Its sessions may be short, so that no test has to wait long."""

    def start(self):
        self.hq = Agent(self, "hq", NODE, self.free_addresses(1)[0], True, None)
        self.agents.append(self.hq)
        (self.hq.config / "session.json").write_text(json.dumps({"session_ttl_min": "2s"}))
        self.hq.start()
        wait_until("the server is ready", self.hq.ready)
        wait_until("it is healthy", lambda: self.healthy_nodes(self.hq) == 1)


def setUpModule():
    global cluster
    cluster = OneServer(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()


class Both:
    """A real Consul without keys and sessions, and a new embedded store. Each has a name of its own before its keys: a
    real Consul does not forget soon which keys were deleted."""
    count = 0

    def __init__(self, test):
        self.test = test
        Both.count += 1
        self.root = f"{Both.count}."
        self.real = cluster.hq.connection(10)
        self.store = subprocess.Popen([os.environ["ASK_STORE"], json.dumps(FILE)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.ids = []  # (real, store) of each session
        self.indexes = [(0, 0)]  # (real, store), in order
        self.seen = {}  # such pairs by key
        self.log = []
        for session in json.loads(self.ask_real("GET", "/v1/session/list", "")[2]):
            self.ask_real("PUT", "/v1/session/destroy/" + session["ID"], "")
        self.ask_real("DELETE", "/v1/kv/?recurse", "")
        # Both begin with a key and a session, so that no index is that of what was before.
        self.ask("PUT", "/v1/kv/first", "x")
        self.session({})
        for check in ("disk", "web"):
            self.check(check, "passing")

    def close(self):
        self.real.close()
        self.store.stdin.close()
        self.test.assertEqual(self.store.wait(10), 0)
        self.store.stdout.close()

    def ask_real(self, method, path, body):
        self.real.request(method, path, body.encode())
        answer = self.real.getresponse()
        return answer.status, {name: answer.getheader(name) for name in HEADERS}, answer.read().decode()

    def tell_store(self, line):
        self.store.stdin.write(line + "\n")
        self.store.stdin.flush()
        return self.store.stdout.readline().strip()

    def ask_store(self, method, path, body):
        said = self.tell_store(f"{method} {path} -{base64.b64encode(body.encode()).decode()}").split(" ")
        headers = {name.lower(): value for name, value in (each.split(":", 1) for each in said[2:])}
        text = base64.b64decode(said[1][1:]).decode()
        return int(said[0]), {name: headers.get(name.lower()) for name in HEADERS}, text

    def fill(self, text, side):
        """`$3` is the third session's id, `@3@2@` a pair of indexes; keys begin with the root, unless they are empty."""
        text = re.sub(r'(?<=/v1/kv/)(?=[^?])|(?<="Key": ")(?=[^"])', self.root, text)
        text = re.sub(r"\$(\d+)", lambda found: self.ids[int(found[1])][side], text)
        return re.sub(r"@(\d+)@(\d+)@", lambda found: found[1 + side], text)

    def plain(self, said, side):
        """The answer without ids, its indexes apart."""
        status, headers, text = said
        if text.startswith('[{"ID"'):
            text = json.dumps(sorted(json.loads(text), key=lambda each: each["CreateIndex"]), separators=(",", ":"))
        for number, pair in enumerate(self.ids):
            text = text.replace(pair[side], f"${number}")
        for words in OWN_WORDS:
            if text.startswith(words) and "unknown field" not in text:
                text = words
        numbers = [int(each) for each in INDEX.findall(text)]
        if headers["X-Consul-Index"]:
            numbers.append(int(headers["X-Consul-Index"]))
            headers = {**headers, "X-Consul-Index": "an index"}
        return (status, headers, INDEX.sub("#", text)), numbers

    def same_order(self, pair):
        at = bisect.bisect_left(self.indexes, pair)
        around = self.indexes[max(at - 1, 0):at + 1]
        if pair in around:
            return True
        self.indexes.insert(at, pair)
        return all((pair[0] < each[0]) == (pair[1] < each[1]) and pair[0] != each[0] and pair[1] != each[1]
                   for each in around)

    def ask(self, method, path, body=""):
        if not isinstance(body, str):
            body = json.dumps(body)
        self.log.append(f"{method} {path} {body[:300]}")
        answers = [self.ask_real(method, self.fill(path, 0), self.fill(body, 0)),
                   self.ask_store(method, self.fill(path, 1), self.fill(body, 1))]
        if path.startswith("/v1/session/create") and answers[0][0] == answers[1][0] == 200:
            self.ids.append(tuple(json.loads(each[2])["ID"] for each in answers))
        (real, real_indexes), (store, store_indexes) = (self.plain(each, side) for side, each in enumerate(answers))
        shown = "\n".join(self.log[-12:] + [f"real:  {answers[0]}", f"store: {answers[1]}"])
        self.test.assertEqual(real, store, shown)
        self.test.assertEqual(len(real_indexes), len(store_indexes), shown)
        for pair in zip(real_indexes, store_indexes):
            self.test.assertTrue(self.same_order(pair), f"index {pair}, but {self.indexes[-12:]}\n{shown}")
        for found in re.finditer(r'"Key":"([^"]*)".*?"ModifyIndex":(\d+)', answers[0][2]):
            pairs = dict(zip(real_indexes, store_indexes))
            self.seen.setdefault(found[1].removeprefix(self.root), []).append((int(found[2]), pairs[int(found[2])]))
        return answers[0][0], answers[0][2]

    def session(self, body):
        self.ask("PUT", "/v1/session/create", body)
        return f"${len(self.ids) - 1}"

    def check(self, check, status):
        """Of the other node, which has no agent: what one would tell is said to the catalog."""
        self.log.append(f"check {check} {status}")
        said = self.ask_real("PUT", "/v1/catalog/register", json.dumps(
            {"Node": OTHER, "Address": "127.0.0.9", "Check": {"CheckID": check, "Name": check, "Status": status}}))
        self.test.assertEqual(said[0], 200, said)
        self.test.assertEqual(self.tell_store(f"check {OTHER} {check} {status}"), "ok")

    def look(self):
        """At all that there is."""
        for path in ("/v1/kv/?recurse", "/v1/session/list", "/v1/kv/none"):
            self.ask("GET", path)
        for prefix in PREFIXES:
            self.ask("GET", f"/v1/kv/{prefix}?keys")


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


class Sequences(unittest.TestCase):
    """Hundreds of requests by chance, of few keys and sessions, so that they meet."""

    def test_sequences(self):
        for seed in [int(os.environ["SEED"])] if "SEED" in os.environ else SEEDS:
            print(f"seed {seed}", flush=True)
            with self.subTest(seed=seed):
                self.chance = random.Random(seed)
                self.both = Both(self)
                try:
                    for step in range(STEPS):
                        self.step()
                        if step % 25 == 24:
                            self.both.look()
                finally:
                    self.both.close()

    def step(self):
        pick, both = self.chance.choice, self.both
        kind = self.chance.random()
        key, prefix, value = pick(KEYS), pick(PREFIXES), pick(["", "x", "y"])
        if kind < 0.3:
            query = pick(["", "", f"cas={self.index(key)}", f"flags={pick([0, 7])}", f"acquire={self.any_session()}",
                          f"acquire={self.any_session()}", f"release={self.any_session()}",
                          f"cas={self.index(key)}&flags=7", f"acquire={self.any_session()}&flags=3",
                          "cas=0&acquire=x", "release=&acquire=&b=1&a"])
            both.ask("PUT", f"/v1/kv/{key}?{query}", value)
        elif kind < 0.4:
            both.ask("DELETE", pick([f"/v1/kv/{key}", f"/v1/kv/{key}?cas={self.index(key)}", f"/v1/kv/{prefix}?recurse"]))
        elif kind < 0.65:
            both.ask("GET", pick([f"/v1/kv/{key}", f"/v1/kv/{key}?raw", f"/v1/kv/{prefix}?recurse",
                                  f"/v1/kv/{prefix}?keys", f"/v1/kv/{prefix}?keys&separator=/",
                                  f"/v1/kv/{prefix}?keys&separator={pick(['1', 'b', '/b'])}"]))
        elif kind < 0.85:
            both.ask("PUT", "/v1/txn", self.transaction())
        elif kind < 0.9:
            checks = pick([{}, {"Node": OTHER, "NodeChecks": ["disk"]}, {"Node": OTHER, "NodeChecks": ["disk", "web"]},
                           {"Node": OTHER, "NodeChecks": []}])
            both.ask("PUT", "/v1/session/create",
                     {"LockDelay": pick(["0s", "0s", "1m"]), "Behavior": pick(["release", "delete"]),
                      "TTL": pick(["", "1h", "90s"]), "Name": pick(["", "x"]), **checks})
        elif kind < 0.95:
            session = self.any_session()
            both.ask(*pick([("PUT", f"/v1/session/destroy/{session}"), ("PUT", f"/v1/session/renew/{session}"),
                            ("GET", f"/v1/session/info/{session}"), ("GET", f"/v1/session/node/{pick([NODE, OTHER])}"),
                            ("GET", "/v1/session/list")]))
        else:
            both.check(pick(["disk", "web"]), pick(["passing", "passing", "warning", "critical"]))

    def index(self, key):
        """One that the key has or had, mostly the last; 0 or 1 are those of no key."""
        pairs = self.both.seen.get(key, [(0, 0)])
        real, store = self.chance.choice([pairs[-1], pairs[-1], self.chance.choice(pairs), (0, 0), (1, 1)])
        return f"@{real}@{store}@"

    def any_session(self):
        recent = [f"${number}" for number in range(len(self.both.ids))][-4:]
        return self.chance.choice(recent * 2 + [UNKNOWN, "x", ""])

    def transaction(self):
        pick, operations = self.chance.choice, []
        if self.chance.random() < 0.1:
            # Alone: Consul 1.8.7 may crash where a transaction writes a key and then deletes the tree that it is in.
            return [{"KV": {"Verb": "delete-tree", "Key": pick(PREFIXES)}}]
        for _ in range(self.chance.randrange(5)):
            verb = pick(["set", "cas", "lock", "unlock", "get", "get-tree", "check-index", "check-not-exists",
                         "check-session", "delete", "delete-cas", "set", "get", "lock"])
            key = pick(KEYS + [""] if self.chance.random() < 0.2 else KEYS)
            operation = {"Verb": verb, "Key": key}
            if verb in ("set", "cas", "lock", "unlock"):
                operation.update(Value=base64_of(pick(["", "x", "y"])), Flags=pick([0, 7]))
            if verb in ("lock", "unlock", "check-session"):
                operation["Session"] = self.any_session()
            operations.append(operation)
            if verb in ("cas", "delete-cas", "check-index"):
                operation["Index"] = f"#{self.index(key)}#"
        return json.dumps([{"KV": each} for each in operations]).replace('"#', "").replace('#"', "")


class Rows(unittest.TestCase):
    """What chance seldom meets, one after the other."""

    def setUp(self):
        self.both = Both(self)
        self.addCleanup(self.both.close)

    def play(self, rows):
        for row in rows:
            with self.subTest(row=str(row)[:200]):
                self.both.ask(*row)

    def test_keys(self):
        held, other = self.both.session({"LockDelay": "0s"}), self.both.session({"LockDelay": "1m"})
        self.play([
            ("GET", "/v1/kv/"), ("PUT", "/v1/kv/?cas=0&acquire=1", "v"), ("PUT", "/v1/kv/?recurse", "v"),
            ("DELETE", "/v1/kv/"), ("DELETE", "/v1/kv/?keys"), ("DELETE", "/v1/kv/?cas=0"), ("POST", "/v1/kv/", "v"),
            ("POST", "/v1/kv/a", "v"), ("PUT", "/v1/kv/a", "v"), ("PUT", "/v1/kv/a/1", "v"), ("GET", "/v1/kv/a?keys&raw"),
            ("GET", "/v1/kv/a?recurse&raw"), ("GET", "/v1/kv/a?recurse&keys&separator=/"), ("GET", "/v1/kv/zz?keys"),
            ("GET", "/v1/kv/a?flags=x&cas=z"), ("PUT", "/v1/kv/a?flags=x&cas=y", "v"), ("PUT", "/v1/kv/a?flags=", "v"),
            ("PUT", "/v1/kv/a?flags=-1", "v"), ("PUT", "/v1/kv/a?flags=18446744073709551615", "v"),
            ("PUT", "/v1/kv/a?flags=18446744073709551616", "v"), ("PUT", "/v1/kv/a?flags=%205", "v"), ("GET", "/v1/kv/a"),
            ("PUT", "/v1/kv/a?cas=0&acquire=x", "v"), ("PUT", "/v1/kv/a?cas&z=1&release=&b=2&b=1", "v"),
            ("DELETE", "/v1/kv/a?cas=0&recurse"), ("DELETE", "/v1/kv/a?cas=x"), ("DELETE", "/v1/kv/none?cas=5"),
            ("PUT", "/v1/kv/a?acquire=", "v"), ("PUT", "/v1/kv/a?release=", "v"), ("PUT", "/v1/kv/a?acquire=x", "v"),
            ("PUT", f"/v1/kv/a?acquire={UNKNOWN}", "v"), ("PUT", f"/v1/kv/a?release={UNKNOWN}", "v"),
            ("PUT", "/v1/kv/a?dc=mars", "v"), ("PUT", "/v1/kv/a?dc=mars&cas=x", "v"), ("DELETE", "/v1/kv/a?dc=mars"),
            ("GET", "/v1/kv/?dc=mars"), ("PUT", "/v1/kv/a?dc=mars", "x" * 524289), ("PUT", "/v1/kv/a?cas=y", "x" * 524289),
            ("DELETE", "/v1/kv/a?recurse&dc=hq"), ("GET", "/v1/kv/a?recurse"), ("GET", "/v1/kv/a/1?recurse"),
            # A lock counts until a plain write.
            ("PUT", f"/v1/kv/l?acquire={held}&flags=7", "v"), ("GET", "/v1/kv/l"), ("PUT", f"/v1/kv/l?acquire={held}", "w"),
            ("GET", "/v1/kv/l"), ("PUT", f"/v1/kv/l?acquire={other}", "w"), ("PUT", f"/v1/kv/l?release={other}", "w"),
            ("PUT", f"/v1/kv/l?release={held}", "w"), ("GET", "/v1/kv/l"), ("PUT", f"/v1/kv/l?acquire={other}", "w"),
            ("GET", "/v1/kv/l"), ("PUT", "/v1/kv/l", "plain"), ("GET", "/v1/kv/l"), ("DELETE", "/v1/kv/l"),
            ("PUT", f"/v1/kv/l?acquire={other}", "w"), ("PUT", f"/v1/session/destroy/{other}"), ("GET", "/v1/kv/l"),
            ("PUT", f"/v1/kv/l?acquire={held}", "w"), ("PUT", "/v1/kv/l?acquire=x", "w"), ("PUT", "/v1/kv/l?acquire=", "w"),
            ("DELETE", "/v1/kv/l"), ("PUT", f"/v1/kv/l?acquire={held}", "w"), ("PUT", "/v1/kv/l", "w"), ("GET", "/v1/kv/l"),
        ])

    def test_transactions(self):
        def row(*operations):
            return "PUT", "/v1/txn", [{"KV": dict(zip(("Verb", "Key", *names), values))} for *values, names in operations]
        held = self.both.session({"LockDelay": "1m"})
        free = self.both.session({"LockDelay": "0s"})
        x, plain, session, both = base64_of("x"), (), ("Session",), ("Session", "Value")
        self.play([
            ("GET", "/v1/txn"), ("DELETE", "/v1/txn"), ("PUT", "/v1/txn"), ("PUT", "/v1/txn", "{"), ("PUT", "/v1/txn", "{}"),
            ("PUT", "/v1/txn", "null"), ("PUT", "/v1/txn", "[]"), ("PUT", "/v1/txn", "[7]"), ("PUT", "/v1/txn", "[{}]"),
            ("PUT", "/v1/txn", '[{"KV":null}]'), ("PUT", "/v1/txn", '[{"KV":{}}]'), ("PUT", "/v1/txn", '[{"X":{}}]'),
            ("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": "a", "More": 1}}]),
            ("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": "a", "Value": "!!"}}]),
            ("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": "a", "Value": 7}}]),
            ("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": 7}}]),
            ("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": "a", "Index": "7"}}]),
            ("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": "a", "Index": -1}}]),
            ("PUT", "/v1/txn?dc=mars", [{"KV": {"Verb": "set", "Key": "a"}}]),
            row(("get", "a", plain)), row(("set", "a", x, ("Value",)), ("get", "a", plain)), row(("get", "a", plain)),
            row(("get-tree", "zz", plain)), row(("get-tree", "a", plain), ("check-not-exists", "zz", plain)),
            row(("get-tree", "", plain)), row(("set", "", plain), ("delete", "", plain), ("delete-tree", "", plain)),
            row(("get", "zz", plain), ("check-index", "zz", plain), ("check-not-exists", "a", plain),
                ("check-session", "a", "q", session), ("check-session", "zz", "q", session), ("check-index", "a", plain)),
            row(("set", "c", x, ("Value",)), ("get", "zz", plain), ("nonsense", "c", plain), ("lock", "c", plain),
                ("unlock", "c", plain), ("lock", "c", "x", session), ("lock", "c", UNKNOWN, session),
                ("unlock", "c", "q", session), ("delete", "c", plain), ("get", "c", plain), ("cas", "c", plain),
                ("cas", "c", plain), ("delete-cas", "c", plain)),
            ("GET", "/v1/kv/c"),
            row(("set", "c", x, ("Value",)), ("set", "c", plain), ("get", "c", plain), ("delete", "c", plain),
                ("get-tree", "c", plain)),
            row(("lock", "l", held, x, both), ("lock", "l", free, x, both), ("unlock", "l", free, session)),
            row(("lock", "l", held, x, both), ("check-session", "l", held, session), ("set", "l", plain), ("get", "l", plain),
                ("unlock", "l", held, x, both), ("get", "l", plain), ("check-session", "l", "", session)),
            row(("lock", "l", held, x, both)), row(("check-session", "l", free, session)),
            ("PUT", f"/v1/session/destroy/{held}"),
            row(("lock", "l", free, session), ("lock", "l", "", session), ("get", "zz", plain), ("set", "", plain)),
            row(("set", "a//b", plain), ("set", "/lead", plain), ("set", 'q"\n\\', plain), ("get", 'z"\n\\', plain)),
            row(("set", "a//b", plain), ("set", "/lead", plain), ("set", 'q"\n\\', plain)), ("GET", "/v1/kv/?keys"),
            row(*[("set", "a", plain)] * 64), row(*[("set", "a", plain)] * 65), row(*[("get", "a", plain)] * 65),
            row(("set", "big", base64_of("x" * 390000), ("Value",))), row(("set", "big", base64_of("x" * 400000), ("Value",))),
        ])

    def test_sessions(self):
        create = "/v1/session/create"
        self.play([("PUT", create, body) for body in (
            "", "{", "[]", "7", "null", {"Name": 7}, {"Node": "zz"}, {"Node": ""}, {"Node": "zz", "Behavior": "x"},
            {"Behavior": "x", "TTL": "x"}, {"TTL": "x", "Node": "zz"}, {"TTL": 7}, {"TTL": "24h"}, {"TTL": "0s"}, {"TTL": "0"},
            {"TTL": "1h1m1s1ms"}, {"TTL": " 10s"}, {"LockDelay": "x"}, {"LockDelay": ""}, {"LockDelay": None}, {"LockDelay": 5},
            {"LockDelay": 999}, {"LockDelay": 5000000000}, {"LockDelay": "61s"}, {"NodeChecks": []}, {"NodeChecks": ["zz"]},
            {"NodeChecks": ["serfHealth", "serfHealth"]}, {"ID": UNKNOWN, "Unknown": 1, "CreateIndex": 5},
            {"Node": OTHER, "NodeChecks": ["disk"]})])
        self.both.check("disk", "critical")
        self.play([("PUT", create, {"Node": OTHER, "NodeChecks": ["web", "disk"]}), ("GET", f"/v1/session/node/{OTHER}"),
                   ("GET", create), ("POST", create), ("PUT", create + "?dc=mars"), ("PUT", create + "/x"),
                   ("GET", "/v1/session/list"), ("GET", "/v1/session/node/zz"), ("GET", f"/v1/session/info/{UNKNOWN}"),
                   ("PUT", "/v1/session/list"), ("GET", "/v1/session/"), ("GET", "/v1/session/infox"), ("GET", "/v1/session/list/"),
                   ("GET", "/v1/session/info/"), ("GET", "/v1/session/node/"), ("PUT", "/v1/session/destroy/"),
                   ("PUT", "/v1/session/renew/"), ("GET", "/v1/session/renew/x"), ("DELETE", "/v1/session/destroy/x"),
                   ("PUT", "/v1/session/destroy/x"), ("PUT", f"/v1/session/destroy/{UNKNOWN}"),
                   ("PUT", f"/v1/session/renew/{UNKNOWN}"), ("PUT", "/v1/session/renew/x"),
                   ("GET", "/v1/session/info/x"), ("GET", "/v1/session/list?dc=mars"), ("PUT", "/v1/session/renew/$1"),
                   ("PUT", "/v1/session/destroy/$1"), ("PUT", "/v1/session/renew/$1"), ("GET", "/v1/session/list")])

    def test_time(self):
        """A session lives twice its TTL from when it was made or renewed; what it held can be locked after its lock delay.
        The real one has a fifth of the store's TTL, which takes none of less than 10 s."""
        self.both.ids.append(('"2s"', '"10s"'))
        held = self.both.session('{"TTL": $1, "LockDelay": "2s"}')
        other = self.both.session({})
        start = time.monotonic()

        def pass_to(seconds):
            time.sleep(max(start + seconds - time.monotonic(), 0))
            self.both.tell_store(f"time {seconds * 5000:.0f}")

        self.play([("PUT", f"/v1/kv/k?acquire={held}", "v")])
        pass_to(2.5)
        self.play([("PUT", f"/v1/session/renew/{held}")])
        pass_to(5)
        self.play([("GET", "/v1/session/list"), ("GET", "/v1/kv/k"), ("PUT", f"/v1/kv/k?acquire={other}", "v")])
        pass_to(6.4)
        info = self.both.fill(f"/v1/session/info/{held}", 0)
        wait_until("the session ends", lambda: self.both.ask_real("GET", info, "")[2] == "[]")
        pass_to(6.6)  # for the store, 0.5 s behind the end
        self.play([("GET", "/v1/session/list"), ("GET", "/v1/kv/k"), ("PUT", f"/v1/kv/k?acquire={other}", "v"),
                   ("PUT", "/v1/kv/k", "w")])
        pass_to(9.3)
        self.play([("PUT", f"/v1/kv/k?acquire={other}", "v"), ("GET", "/v1/kv/k")])


if __name__ == "__main__":
    unittest.main()
