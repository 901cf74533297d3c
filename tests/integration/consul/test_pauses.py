"""pause and resume against a real Consul that denies what no rule allows.

    CONSUL=... POWERCONSUL=... python3 test_pauses.py [unittest options]
"""
import base64
import datetime
import json
import os
import pwd
import re
import subprocess
import threading
import unittest

from consul_cluster import Node, executables
from locked_cluster import MASTER, LockedCluster

KEY = "pauses/production/web"
ALL = "pauses/production/_all"
cluster = None


def setUpModule():
    global cluster
    cluster = LockedCluster(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()
    cluster.master = cluster.token_file(MASTER, "master")


def utc(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.node, self.other = (Node(cluster, agent) for agent in (cluster.web1, cluster.web2))
        cluster.hq.api("DELETE", "/v1/kv/?recurse")
        cluster.web1.register("web")
        self.stop = self.node.folder / "stop"

    def call(self, *words, node=None, token=None, **environment):
        """One command of powerconsul's on a node, as its host would call it."""
        node = node or self.node
        argv = ["env", *(f"{name}={value}" for name, value in environment.items()),
                f"POWERCONSUL_STOP_FILE={self.stop}", cluster.powerconsul, *words, "--http-addr", node.agent.address,
                "--node", node.agent.node, "--state-dir", str(node.state), "--token-file", str(token or cluster.master)]
        return node.run(argv)

    def done(self, *words, **more):
        run = self.call(*words, **more)
        self.assertEqual((run.code, run.err), (0, ""), run)
        return run.out

    def value(self, key=KEY):
        status, body = cluster.hq.request("GET", f"/v1/kv/{key}")
        return json.loads(base64.b64decode(json.loads(body)[0]["Value"])) if status == 200 else None

    def held(self, service="web", node=None):
        """What role --explain says of it; empty if nothing holds."""
        run = self.call("role", service, "--explain", "--format", "json", node=node)
        return run.line.get("stopped", "")


class Pausing(Case):
    def test_a_pause_has_end_author_and_reason(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        out = self.done("pause", "web", "--for", "2h", "--why", "kernel update")
        kept = self.value()
        self.assertEqual(set(kept), {"until", "since", "by", "why"})
        self.assertEqual(utc(kept["until"]) - utc(kept["since"]), datetime.timedelta(hours=2))
        self.assertLess(abs(utc(kept["since"]) - before), datetime.timedelta(seconds=10))
        host = subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.split(".")[0].strip()
        self.assertEqual(kept["by"], f"{pwd.getpwuid(os.geteuid()).pw_name}@{host}")
        self.assertEqual(kept["why"], "kernel update")
        self.assertRegex(out, r"^web in production is paused until \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC \(2 h left\) by "
                         rf"{kept['by']}: kernel update \({KEY}\)\n$")
        # Every node of the environment sees it, and what the command says is the reason that they give.
        for node in (self.node, self.other):
            self.assertEqual("web in production is " + self.held(node=node) + "\n", out)
        self.assertEqual(self.held("mail"), "")

    def test_who_is_behind_sudo(self):
        self.done("pause", "web", "--for", "1m", "--why", "x", SUDO_USER="anna")
        self.assertRegex(self.value()["by"], "^anna@")

    def test_all_services_of_the_environment(self):
        self.assertRegex(self.done("pause", "--for", "30m", "--why", "move"),
                         rf"^all services in production are paused until .* \(30 min left\) by .*: move \({ALL}\)\n$")
        for service in ("web", "mail"):
            self.assertIn(f"({ALL})", self.held(service))
        self.done("pause", "--for", "30m", "--why", "elsewhere", "--environment", "staging")
        self.assertEqual(self.value("pauses/staging/_all")["why"], "elsewhere")

    def test_what_is_paused_is_replaced_and_told(self):
        self.done("pause", "web", "--for", "2h", "--why", "first")
        out = self.done("pause", "web", "--for", "3h", "--why", "second").splitlines()
        self.assertEqual(len(out), 2)
        self.assertRegex(out[1], r"^before, it was paused until .* \(2 h left\) by .*: first$")
        self.assertEqual(self.value()["why"], "second")
        cluster.hq.put_key(KEY, "since monday")
        self.assertRegex(self.done("pause", "web", "--for", "3h", "--why", "third"), 'before, it was .*: "since monday"')

    def test_until_a_time_of_this_machine(self):
        for zone, text, expected in (("CET-1", "T08:00", "T07:00:00.000Z"), ("NST3:30", " 08:00:30", "T11:30:30.000Z"),
                                     ("CET-1", "T08:00:00+05:30", "T02:30:00.000Z"), ("CET-1", "T08:00Z", "T08:00:00.000Z")):
            day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)).date().isoformat()
            with self.subTest(zone=zone, text=text):
                self.done("pause", "web", "--until", day + text, "--why", "x", TZ=zone)
                self.assertEqual(self.value()["until"], day + expected)

    def test_a_pause_ends_by_itself(self):
        self.done("pause", "web", "--for", "1s", "--why", "x")
        deadline = datetime.datetime.now() + datetime.timedelta(seconds=10)
        while self.held() and datetime.datetime.now() < deadline:
            pass
        self.assertEqual(self.held(), "")
        self.assertRegex(self.done("resume", "web"), r"no longer paused; before, it was paused until .* \(over\) by")

    def test_a_value_that_cannot_be_read_holds_and_names_its_remedy(self):
        for value in ("", "{}", "soon", '{"until": "2026-11-30T19:00:00"}', b"\xff\xfe"):
            with self.subTest(value):
                cluster.hq.api("PUT", f"/v1/kv/{KEY}", value)
                self.assertRegex(self.held(), rf"^the pause {KEY} holds, since it cannot be read: .*; "
                                 "powerconsul resume web removes it$")
        self.done("resume", "web")
        self.assertEqual(self.held(), "")

    def test_a_name_that_nobody_has(self):
        run = self.call("pause", "wbe", "--for", "1m", "--why", "x")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(run.err, 'powerconsul: no instance of "wbe" is registered in this datacenter; is it the name '
                         "that you meant?\n")

    def test_many_at_once(self):
        """Each that replaces another's pause says so: together they tell all but the last one."""
        runs = []
        threads = [threading.Thread(target=lambda i=i: runs.append(
            self.call("pause", "web", "--for", "1h", "--why", f"number {i}"))) for i in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        done = [run for run in runs if run.code == 0]
        told = [match[1] for run in done for match in re.finditer(r"^before, .*: (number \d)$", run.out, re.MULTILINE)]
        made = [re.search(r": (number \d) \(", run.out)[1] for run in done]
        self.assertEqual(sorted([*told, self.value()["why"]]), sorted(made), runs)


class Resuming(Case):
    def test_it_says_what_it_removed(self):
        self.done("pause", "web", "--for", "2h", "--why", "kernel update")
        self.assertRegex(self.done("resume", "web"), r"^web in production is no longer paused; before, it was paused until "
                         r".* \(2 h left\) by .*: kernel update\n$")
        self.assertIsNone(self.value())
        self.assertEqual(self.done("resume", "web"), "there is no pause of web in production\n")
        self.assertEqual(self.done("resume"), "there is no pause of all services in production\n")

    def test_it_says_what_holds_still(self):
        self.done("pause", "web", "--for", "2h", "--why", "one")
        self.done("pause", "--for", "2h", "--why", "all")
        self.done("pause", "web", "--for", "2h", "--why", "here", "--here")
        out = self.done("resume", "web").splitlines()
        self.assertRegex(out[1], rf"^still held: paused until .*: all \({ALL}\)$")
        self.assertRegex(out[2], rf"^still held: paused until .*: here \({self.node.state}/pause-web.json\)$")
        self.done("pause", "web", "--for", "2h", "--why", "one")
        out = self.done("resume").splitlines()
        self.assertEqual(len(out), 2, out)
        self.assertRegex(out[1], rf"^still held: web, paused until .*: one \({KEY}\)$")
        self.done("resume", "web")
        self.assertIn("(" + str(self.node.state), self.held())
        self.assertEqual(self.held(node=self.other), "")
        self.done("resume", "web", "--here")
        self.stop.touch()
        self.assertRegex(self.done("resume", "web"), "(?m)^still held: the stop file ")


class TheStopFile(Case):
    def test_until_as_date_prints_it(self):
        for zone in ("UTC", "IST-5:30", "NST3:30", "<+1345>-13:45"):
            for form in ("-Is", "-Im", "-Ins", "--rfc-3339=seconds"):
                with self.subTest(zone=zone, form=form):
                    for when, holds in (("+2 hours", True), ("-1 minute", False)):
                        subprocess.run(f'echo "until=$(TZ="{zone}" date -d "{when}" {form})" >{self.stop}', shell=True,
                                       check=True)
                        self.assertEqual("(2 h left)" in self.held(), holds, self.stop.read_text())
                        self.assertEqual(bool(self.held()), holds)

    def test_what_is_not_understood_holds(self):
        for text in ("until=tomorrow\n", "kernel update", "until=2020-01-01T00:00:00"):
            self.stop.write_text(text)
            self.assertIn("holds without an end: expected until=<time>", self.held())
        self.stop.write_text("")
        self.assertRegex(self.held(), "^the stop file .* is there; delete it to let triggers run$")


class Rights(Case):
    def policy(self, *words):
        return self.done("acl-policy", "web", *words)

    def test_the_policy_for_those_who_pause(self):
        policy = self.policy("--for", "pause")
        token = cluster.token(policy, "pauses")
        rules = [line for line in policy.splitlines() if line and not line.startswith("#")]
        self.assertEqual(rules, [f'key "{each}" {{ policy = "write" }}' for each in (KEY, ALL)])
        for service in (["web"], []):
            self.done("pause", *service, "--for", "1h", "--why", "x", token=token)
            self.assertIn("no longer paused", self.done("resume", *service, token=token))

    def test_what_is_missing_is_named(self):
        none = cluster.token('node "x" { policy = "read" }', "nothing")
        reader = cluster.token(f'key "{KEY}" {{ policy = "read" }}', "reader")
        for words in (("pause", "web", "--for", "1h", "--why", "x"), ("resume", "web")):
            run = self.call(*words, token=none)
            self.assertEqual((run.code, run.out), (77, ""), run)
            self.assertIn(f"the token needs key:read on {KEY}, and key:write on it to pause and resume", run.err)
        run = self.call("pause", "web", "--for", "1h", "--why", "x", token=reader)
        self.assertEqual((run.code, run.out), (77, ""), run)
        self.assertIn(f"the token needs key:write on {KEY}", run.err)
        self.assertIsNone(self.value())
        self.done("pause", "web", "--for", "1h", "--why", "x")
        run = self.call("resume", "web", token=reader)
        self.assertEqual((run.code, run.out), (77, ""), run)
        self.assertIn(f"the token needs key:write on {KEY}", run.err)
        self.assertEqual(self.value()["why"], "x")

    def test_a_pause_that_may_not_be_read_holds(self):
        """Who acts cannot tell whether somebody wanted it to stop."""
        rules = [line for line in self.policy().splitlines() if line and not line.startswith("#")]
        for key in (KEY, ALL):
            left = [rule for rule in rules if f'"{key}"' not in rule]
            self.assertEqual(len(left), len(rules) - 1)
            token = cluster.token("\n".join(left), "without-" + key.rpartition("/")[2])
            run = self.call("role", "web", "--explain", token=token)
            self.assertRegex(run.out, f"(?m)^stopped +it cannot be told whether it is paused: .* needs key:read on {key}$")


class Broken(Case):
    def test_consul_is_away(self):
        for words in (("pause", "web", "--for", "1h", "--why", "x"), ("resume", "web")):
            run = self.node.run([cluster.powerconsul, *words, "--http-addr", "127.0.0.1:1", "--node", "production-web1",
                                 "--state-dir", str(self.node.state)])
            self.assertEqual((run.code, run.out), (69, ""), run)
            self.assertIn("cannot reach Consul", run.err)

    def test_this_node_can_be_paused_without_consul(self):
        run = self.node.run([cluster.powerconsul, "pause", "web", "--here", "--for", "1h", "--why", "x", "--http-addr",
                             "127.0.0.1:1", "--node", "production-web1", "--state-dir", str(self.node.state)])
        self.assertEqual((run.code, run.err), (0, ""), run)
        self.assertIn("pause-web.json", self.held())


@unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
class Users(Case):
    """The state directory is the agent's user's, and root comes by."""

    def setUp(self):
        super().setUp()
        cluster.folder.chmod(0o755)
        self.node.folder.chmod(0o755)
        os.chown(self.node.state, 65534, 65534)
        self.theirs = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

    def as_user(self, *words):
        return self.node.run([*self.theirs, "env", f"POWERCONSUL_STOP_FILE={self.stop}", cluster.powerconsul, *words,
                              "--http-addr", "127.0.0.1:1", "--node", "production-web1", "--state-dir",
                              str(self.node.state)])

    def test_what_root_pauses_holds_for_the_agents_user(self):
        self.done("pause", "web", "--here", "--for", "1h", "--why", "by root")
        self.assertIn("by root (", self.as_user("role", "web").out)
        self.assertIn("by root", self.as_user("resume", "web", "--here").out)
        self.assertEqual(self.as_user("pause", "web", "--here", "--for", "1h", "--why", "by them").code, 0)
        self.assertIn("by them (", self.held())
        self.assertIn("by them", self.done("resume", "web", "--here"))

    def test_nobody_else_may(self):
        os.chown(self.node.state, 65533, 65533)
        run = self.as_user("pause", "web", "--here", "--for", "1h", "--why", "x")
        self.assertEqual((run.code, run.out), (77, ""), run)
        self.assertIn("belongs to another user", run.err)


if __name__ == "__main__":
    unittest.main()
