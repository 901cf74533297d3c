"""Doctor against a real agent: all well, and then one thing at a time made wrong on the real thing.

    CONSUL=... POWERCONSUL=... python3 test_doctor.py [unittest options]
"""
import ctypes
import http.client
import http.server
import json
import os
import socket
import threading
import time
import unittest

from consul_cluster import COMMON_HCL, STAYS_HCL, Agent, Cluster, Node, executables, wait_until
from machine import end_processes_below

DAY = 86400
OF_THIS_MACHINE = ("clock", "agent's unit")  # what these tests cannot choose
cluster = None


class Pair(Cluster):
    """One server, and the client agent of the node that is looked at."""

    def start(self):
        ips = self.free_addresses(2)
        self.hq = Agent(self, "hq", "hq-server", ips[0], True, None)
        self.web1 = Agent(self, "hq", "production-web1", ips[1], False, ips[0],
                          common=COMMON_HCL + STAYS_HCL)
        self.agents = [self.hq, self.web1]
        for agent in self.agents:
            agent.start()
        self.whole()

    def whole(self):
        for agent in self.agents:
            agent.resume()
            if agent.process.poll() is not None:
                agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        wait_until("both nodes are healthy", lambda: self.healthy_nodes(self.web1) == 2)


def setUpModule():
    global cluster
    cluster = Pair(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()


def kernel_state():
    """What the kernel says of the clock, asked as ntptime does."""
    class Timex(ctypes.Structure):
        _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                    ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                    ("rest", ctypes.c_char * 256)]
    asked = Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(asked))
    if state < 0:
        return "unknown"
    return "warning" if state == 5 or asked.status & 0x40 else "ok"


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.node = Node(cluster, cluster.web1)
        self.node.running(True)  # the check is run each second: what it finds must be sound, too
        self.noop = self.node.folder / "deploy.noop"
        cluster.hq.put_key("cluster/production/web", {"active_nodes": ["production-web1"], "standby_nodes": ["web2"]})

    def argv(self, *words):
        """As in an agent's file: the agent's environment says nothing."""
        return ["/usr/bin/env", f"POWERCONSUL_HTTP_ADDR={cluster.web1.address}", "POWERCONSUL_NODE=production-web1",
                f"POWERCONSUL_STATE_DIR={self.node.state}", cluster.powerconsul, *words]

    def check(self, *more, **other):
        words = ["check", "service", "-s", "apache2", "-S", "web", "--service-manager", "sysv",
                 "--init-directory", str(self.node.init), "-F", str(self.noop), *more]
        return {"id": "web-role", "name": "role", "args": self.argv(*words), "interval": "1s", "timeout": "9s",
                "status": "passing", **other}

    def handler(self, state, *words):
        return {"type": "checks", "state": state, "args": list(words or self.argv("watch", state))}

    def configure(self, checks=None, watches=None, name="web.json", text=None):
        """Replaces the agent's own configuration and has it read again. What checks printed before is forgotten."""
        for file in [*cluster.web1.config.glob("*.json"), *cluster.web1.config.glob("web*.hcl")]:
            file.unlink()
        cluster.web1.api("PUT", "/v1/agent/reload")
        # The result of a check that still runs would be taken for that of a new one with its id.
        wait_until("no check runs", lambda: not cluster.web1.children())
        checks = [self.check()] if checks is None else checks
        watches = [self.handler("critical"), self.handler("warning")] if watches is None else watches
        (cluster.web1.config / name).write_text(text or json.dumps(
            {"services": [{"name": "web", "port": 80, "checks": checks}], "watches": watches}))
        cluster.web1.api("PUT", "/v1/agent/reload")
        if checks:
            wait_until("its checks are there", lambda: "web-role" in cluster.web1.api("GET", "/v1/agent/checks"))
        wait_until("the servers know its services", self.in_catalog)

    @staticmethod
    def in_catalog():
        known = cluster.hq.api("GET", "/v1/catalog/node/production-web1")["Services"]
        return set(cluster.web1.api("GET", "/v1/agent/services")) == set(known)

    def doctor(self, *more, environment=(), before=(), address=None):
        words = [*before, "/usr/bin/env", *environment, cluster.powerconsul, "doctor", "--json",
                 "--http-addr", address or cluster.web1.address, "--node", "production-web1",
                 "--environment", "production", "--server-role", "web", "--state-dir", str(self.node.state),
                 *([] if "--stop-file" in more else ["--stop-file", str(self.node.folder / "stop")]), *more]
        run = self.node.run(words)
        self.assertEqual(run.err, "", run)
        told = run.line
        states = [each["state"] for each in told["findings"]]
        self.assertEqual(told["code"], run.code, run)
        self.assertEqual(run.code, 2 if "error" in states else 1 if set(states) - {"ok"} else 0, run)
        self.assertEqual((told["errors"], told["warnings"], told["unknown"]),
                         tuple(states.count(each) for each in ("error", "warning", "unknown")), run)
        run.found = {each["point"]: each for each in told["findings"]}
        return run

    def says(self, run, point, state, text, but=()):
        """That point has that state and text, and every other is as on a sound node."""
        self.assertIn(point, run.found, run)
        found = run.found[point]
        self.assertEqual(found["state"], state, run)
        self.assertIn(text, found["what"] + "; " + found.get("remedy", ""), run)
        if state != "ok":
            self.assertIn(run.code, (2,) if state == "error" else (1, 2) if but else (1,), run)
        for name, each in run.found.items():
            if name not in (point, *OF_THIS_MACHINE, *but):
                self.assertEqual(each["state"], "ok", f"{each}: {run}")

    def test_all_is_well(self):
        self.configure()
        run = self.doctor()
        self.assertEqual(list(run.found), [
            "agent", "connection", "leader", "node name", "role web", "rights web", "service web", "agent's files",
            "script checks", "check output", "agent's restart", "checks", "watch critical", "watch warning", "incidents", "state directory", "agent's user",
            "agent's unit", "service manager", "plugin", "clock",
            "stop file", "noop file"], run)
        self.says(run, "clock", kernel_state(), "synchronized")
        self.assertEqual(run.code, 0 if all(run.found[each]["state"] == "ok" for each in OF_THIS_MACHINE) else 1, run)
        self.assertEqual(run.out, self.doctor().out)
        lines = self.node.run([each for each in run.argv if each != "--json"]).out.splitlines()
        self.assertEqual(len(lines), len(run.found) + 1)
        self.assertRegex(lines[0], r"^0 errors, \d warnings?, \d unknown$")
        self.assertRegex(lines[1], r"^ok       agent  +http://\S+ answers as production-web1 in hq, Consul 1\.\d+\.\d+$")

    def test_the_worst_is_printed_last(self):
        self.configure(checks=[self.check(timeout="8s"), self.check("--servise", "x", id="second")])
        words = [each for each in self.doctor().argv if each != "--json"]
        lines = self.node.run(words).out.splitlines()
        self.assertRegex(lines[0], r"^1 error, [12] warnings?, \d unknown$")
        self.assertRegex(lines[-1], "^error +check second ")
        quiet = self.node.run([*words, "-q"])
        self.assertEqual(quiet.code, 2, quiet)
        self.assertEqual([each.split() for each in quiet.out.splitlines()],
                         [each.split() for each in lines if not each.startswith("ok ")])

    def test_nothing_is_written(self):
        self.configure()
        missing = self.node.folder / "nowhere"
        words = [str(missing) if each == str(self.node.state) else each for each in self.doctor().argv]
        run = self.node.run(words)
        self.assertIn("will be made by the first check", run.out)
        self.assertEqual(run.line["errors"], 0, run)
        self.assertFalse(missing.exists())

    # Consul.

    def test_the_agent_does_not_answer(self):
        self.configure()
        cluster.web1.pause()
        try:
            began = time.monotonic()
            run = self.doctor("--timeout", "2s")
            self.assertLess(time.monotonic() - began, 6)
        finally:
            cluster.web1.resume()
        self.assertEqual((run.code, run.found["agent"]["state"]), (2, "error"), run)
        for point in ("leader", "node name", "services", "script checks", "checks", "watch critical", "noop file"):
            self.assertEqual(run.found[point]["state"], "unknown", run)

    def test_nobody_listens(self):
        with socket.socket() as free:
            free.bind((cluster.web1.ip, 0))
            address = f"{cluster.web1.ip}:{free.getsockname()[1]}"
        run = self.doctor(address=address)
        self.assertEqual((run.code, run.found["agent"]["state"]), (2, "error"), run)
        self.assertIn("connection refused", run.found["agent"]["what"])

    def test_no_server_is_left(self):
        self.configure()
        cluster.hq.kill()
        try:
            run = wait_until("the agent misses its server", lambda: self.lost())
        finally:
            cluster.whole()
        self.says(run, "leader", "error", "No known Consul servers", but=("role web", "rights web", "service web"))
        self.assertEqual(run.found["role web"]["state"], "unknown", run)

    def lost(self):
        run = self.doctor()
        return run if "No known Consul servers" in run.found["leader"]["what"] else None

    def test_an_agent_that_shows_nothing_of_its_configuration(self):
        self.configure()
        with Shy(cluster.web1) as address:
            run = self.doctor(address=address)
        self.assertEqual(run.code, 1, run)
        unknown = {point for point, each in run.found.items() if each["state"] == "unknown"}
        self.assertEqual(unknown, {"agent's files", "script checks", "check output", "agent's restart", "checks",
                                   "watch critical", "watch warning", "noop file", "plugin"}, run)

    def test_the_connection(self):
        run = self.doctor("--timeout", "2s", address="http://255.255.255.255:1")
        self.assertEqual(run.found["connection"]["state"], "warning", run)
        self.assertIn("without TLS", run.found["connection"]["what"])
        run = self.doctor(address=f"https://{cluster.web1.ip}:1", environment=["CONSUL_HTTP_SSL_VERIFY=false"])
        self.assertEqual(run.found["connection"]["state"], "warning", run)
        self.assertIn("not verified", run.found["connection"]["what"])

    def test_a_token_file_that_others_can_read(self):
        token = self.node.folder / "token"
        token.write_text("secret")
        token.chmod(0o644)
        run = self.node.run([cluster.powerconsul, "doctor", "--http-addr", cluster.web1.address,
                             "--token-file", str(token)])
        self.assertEqual(run.code, 78, run)
        self.assertIn("can be read by others", run.err)
        self.assertNotIn("secret", run.err)

    # This node in Consul.

    def test_another_name(self):
        self.configure()
        run = self.renamed("web2")
        self.says(run, "node name", "warning", "web2 here, but production-web1 in Consul")

    def renamed(self, name):
        words = self.doctor().argv
        words[words.index("production-web1")] = name
        run = self.node.run(words)
        run.found = {each["point"]: each for each in run.line["findings"]}
        return run

    def test_the_document(self):
        self.configure()
        cluster.hq.put_key("cluster/production/web", {"active_nodes": ["other1"], "standby_nodes": ["other2"]})
        run = self.doctor()
        self.says(run, "role web", "error", "neither in active_nodes nor in standby_nodes", but=("rights web",))
        cluster.hq.put_key("cluster/production/web", "{")
        self.says(self.doctor(), "role web", "error", "cluster/production/web", but=("rights web",))

    # Its services.

    def test_a_service_that_is_misspelt(self):
        check = self.check()
        check["args"][check["args"].index("web")] = "wbe1"
        watches = [self.handler("critical"), self.handler("warning")]
        self.configure(text=json.dumps({"services": [{"name": "web1", "port": 80, "checks": [check]}],
                                        "watches": watches}))
        self.says(self.doctor(), "service wbe1", "error", "no service wbe1 is registered on this node, but web1 is; "
                  "correct -S of check web-role")
        check["args"][check["args"].index("wbe1")] = "mail"
        self.configure(text=json.dumps({"services": [{"name": "web1", "port": 80, "checks": [check]}],
                                        "watches": watches}))
        self.says(self.doctor(), "service mail", "warning", "peers cannot see whether it runs")

    def test_a_standalone_on_several_nodes(self):
        self.configure()
        cluster.hq.api("DELETE", "/v1/kv/cluster/production/web")
        self.says(self.doctor(), "service web", "ok", "it is registered on this node")
        cluster.hq.api("PUT", "/v1/agent/service/register", {"Name": "web"})
        self.addCleanup(cluster.hq.api, "PUT", "/v1/agent/service/deregister/web")
        wait_until("web is on both", lambda: len(cluster.web1.api("GET", "/v1/catalog/service/web")) == 2)
        self.says(self.doctor(), "service web", "warning", "on 2 nodes and has no cluster document")
        cluster.hq.put_key("cluster/production/web", {"mode": "all-active"})
        self.says(self.doctor(), "service web", "ok", "it is registered on 2 nodes")

    def test_a_service_of_files_that_were_not_read(self):
        self.configure(checks=[])
        text = (cluster.web1.config / "web.json").read_text()
        (cluster.web1.config / "web.json").write_text(text.replace('"name": "web"', '"name": "mail"'))
        check = self.check(id="mail-role")
        check["args"][check["args"].index("web")] = "mail"
        (cluster.web1.config / "mail.json").write_text(json.dumps({"check": check}))
        run = self.doctor()
        self.says(run, "service mail", "error", "though the agent's files define it; consul reload",
                  but=("check mail-role",))

    def test_an_incident_that_was_given_up(self):
        self.configure()
        config = self.node.folder / "one.conf"
        config.write_text(json.dumps({"trigger": {"attempts": 1, "backoff": "1ms"}}))
        key = "triggers/production/web/primary/critical"
        cluster.hq.put_key(key, {"command": ["/bin/false"], "settle": "0s"})
        self.addCleanup(cluster.hq.api, "DELETE", f"/v1/kv/{key}")
        self.addCleanup(end_processes_below, self.node.folder)
        self.node.running(False)
        seen = lambda: cluster.web1.api("GET", "/v1/agent/checks")["web-role"]
        wait_until("web is critical", lambda: seen()["Status"] == "critical")
        options = ["--http-addr", cluster.web1.address, "--node", "production-web1", "--environment", "production",
                   "--server-role", "web", "--state-dir", str(self.node.state), "--config", str(config), "--log", "none",
                   "--stop-file", str(self.node.folder / "stop")]
        watch = [cluster.powerconsul, "watch", "critical", "--from-agent", *options]
        given_up = lambda: "error" == self.doctor().found.get("incidents web", {}).get("state")
        wait_until("it is given up", lambda: self.node.run(watch) and given_up())
        self.says(self.doctor(), "incidents web", "error", f"given up after 1 attempt: {key} is not run any more; mend "
                  "it, then powerconsul incidents ack web")
        wait_until("the check says so, too", lambda: f"powerconsul/given-up: {key} does not heal it" in seen()["Output"])
        (self.node.folder / "stop").touch()
        self.assertEqual(self.node.run([cluster.powerconsul, "incidents", "ack", "web", *options]).code, 0)
        self.says(self.doctor(), "incidents", "ok", "1 is open, and none was given up", but=("stop file",))
        wait_until("the check says so no more", lambda: "powerconsul/given-up" not in seen()["Output"])
        (self.node.folder / "stop").unlink()
        wait_until("what ack has left tries again, in vain", given_up, 20)

    def test_a_check_that_cannot_tell(self):
        self.configure(checks=[self.check(args=self.argv("check", "service", "-s", "no-such-unit", "-S", "web",
                                                         "--service-manager", "systemd"))])
        output = lambda: cluster.web1.api("GET", "/v1/agent/checks")["web-role"]["Output"]
        wait_until("the check has run", output)
        reason = json.loads(output())["reason"]
        self.says(self.doctor(), "check web-role", "warning", f"it cannot tell whether it is well: {reason}")

    def test_a_check_with_a_token_of_its_own(self):
        token = self.node.folder / "token"
        token.touch(mode=0o600)
        token.write_text("b1a5eed0-0000-0000-0000-000000000001")
        self.configure(checks=[self.check(), self.check("--token-file", str(token), id="second")])
        run = self.doctor()
        for point in ("role web by second", "rights web by second"):
            self.says(run, point, "ok", f"(asked as check second does, at http://{cluster.web1.address} with the token of "
                      f"--token-file {token})")
        self.assertNotIn("asked as", run.found["role web"]["what"])
        self.assertNotIn("b1a5eed0", run.out)

    # The agent's configuration.

    def restarted(self, text):
        """The agent with these settings in a file of their own: those of the test alone, and script checks."""
        (cluster.web1.config / "settings.json").write_text(text)
        cluster.web1.kill()
        cluster.whole()
        return self.doctor()

    def as_before(self):
        (cluster.web1.config / "settings.json").unlink(missing_ok=True)
        cluster.web1.kill()
        cluster.whole()

    def test_script_checks(self):
        self.configure(checks=[])
        self.addCleanup(self.as_before)
        rows = (('{"enable_local_script_checks": false}', "error", "and restart the agent: a reload is not enough"),
                ('{"enable_script_checks": true}', "warning", "enable_script_checks lets whoever"))
        for text, state, says in rows:
            run = self.restarted(text)
            self.says(run, "script checks", state, says, but=("checks", "services"))

    def test_script_checks_that_need_a_restart(self):
        """A reload refuses the check; the agent says so nowhere but in its answer."""
        self.configure(checks=[])
        self.addCleanup(self.as_before)
        self.restarted('{"enable_local_script_checks": false}')
        (cluster.web1.config / "settings.json").unlink()
        (cluster.web1.config / "web.json").write_text(json.dumps(
            {"services": [{"name": "web", "port": 80, "checks": [self.check()]}],
             "watches": [self.handler("critical"), self.handler("warning")]}))
        status, text = cluster.web1.request("PUT", "/v1/agent/reload")
        self.assertEqual(status, 500, text)
        self.assertIn(b"Scripts are disabled", text)
        run = self.doctor()
        self.says(run, "script checks", "error", "restart the agent: a reload does not enable them",
                  but=("check web-role", "service web"))
        self.says(run, "check web-role", "error", "restart the agent", but=("script checks", "service web"))

    def test_script_checks_that_the_next_start_refuses(self):
        self.configure()
        agent = cluster.web1.config / "agent.hcl"
        before = agent.read_text()
        self.addCleanup(agent.write_text, before)
        agent.write_text(before.replace("enable_local_script_checks = true", ""))
        self.says(self.doctor(), "script checks", "error", "it will not start again")

    def test_the_output_of_checks(self):
        self.configure(checks=[])
        self.addCleanup(self.as_before)
        rows = (('{"discard_check_output": true}', "error", "as good as dead"),
                ('{"check_output_max_size": 1000}', "warning", "check_output_max_size is 1000"))
        for text, state, says in rows:
            self.says(self.restarted(text), "check output", state, says, but=("checks", "services"))
        self.as_before()
        self.configure(checks=[self.check(output_max_size=500)])
        self.says(self.doctor(), "check web-role", "warning", "only the last 500 bytes", but=("checks",))
        (cluster.web1.config / "settings.json").write_text('{"discard_check_output": true}')
        cluster.web1.api("PUT", "/v1/agent/reload")
        self.says(self.doctor(), "check output", "error", "consul reload", but=("check web-role",))

    def test_leaving(self):
        self.configure()
        self.addCleanup(self.as_before)
        self.says(self.restarted('{"leave_on_terminate": true}'), "agent's restart", "ok",
                  "SIGTERM: while it is restarted, Consul does not list this node, which counts for standbys of web after 60 s")
        self.configure(checks=[self.check("--absent-after", "0s")])
        self.says(self.doctor(), "agent's restart", "error", "so that a standby takes over web; set absentAfter to 60s")
        cluster.hq.put_key("cluster/production/web", {"mode": "all-active"})
        self.says(self.doctor(), "agent's restart", "ok", "does not list this node")

    def test_an_active_that_does_not_count_as_serving(self):
        self.node.running(True)
        self.addCleanup(self.node.running, False)
        self.configure()
        wait_until("the check has run", lambda: cluster.web1.api("GET", "/v1/agent/checks")["web-role"]["Output"])
        self.assertNotIn("both run web", self.doctor().found)
        for service, check in (("web", "_service_maintenance:web"), (None, "_node_maintenance")):
            cluster.web1.maintenance(True, service)
            self.addCleanup(cluster.web1.maintenance, False, service)
            wait_until("Consul knows", lambda: cluster.hq.worst("web", "production-web1") == "critical")
            self.says(self.doctor(), "both run web", "warning",
                      f"the active production-web1 counts as not serving, since {check} is in maintenance, while its own "
                      "check is well: a standby takes over, and it may run on both; stop the service there, or end")
            cluster.web1.maintenance(False, service)
        cluster.web1.api("PUT", "/v1/agent/check/register", {"ID": "disk-full", "Name": "disk", "TTL": "1h", "Status": "critical"})
        self.addCleanup(cluster.web1.api, "PUT", "/v1/agent/check/deregister/disk-full")
        wait_until("Consul knows", lambda: cluster.hq.worst("web", "production-web1") == "critical")
        self.says(self.doctor(), "both run web", "warning", "since disk-full is critical, while its own check is well: a standby "
                  "takes over, and it is to run on both; mend what that check finds")

    def test_a_second_service_for_what_serves(self):
        self.node.running(True)
        self.addCleanup(self.node.running, False)
        serves = {**self.check("--serving"), "id": "web-serves"}
        del serves["status"]  # until it has run nothing serves here
        services = [{"name": "web", "port": 80, "checks": [self.check()]},
                    {"name": "web-active", "port": 80, "checks": [serves]}]
        self.configure(text=json.dumps({"services": services,
                                        "watches": [self.handler("critical"), self.handler("warning")]}))
        wait_until("the checks have run", lambda: all(
            cluster.web1.api("GET", "/v1/agent/checks")[each]["Output"] for each in ("web-role", "web-serves")))
        run = self.doctor()
        self.says(run, "checks", "ok", "web-role and web-serves")
        self.assertFalse([point for point in run.found if point.endswith("web-active")], run)

    def test_a_member_that_stands_twice(self):
        first = json.dumps({"name": "lost", "port": 1})
        text = json.dumps({"service": {"name": "web", "port": 80, "checks": [self.check()]},
                           "watches": [self.handler("critical"), self.handler("warning")]})
        self.configure(text=f'{{"service": {first}, {text[1:]}')
        self.assertEqual(list(cluster.web1.api("GET", "/v1/agent/services")), ["web"])
        self.says(self.doctor(), "agent's files", "error", '"service" stands twice in one object, again at line 1')

    def test_checks(self):
        python = self.node.folder / "powerconsul"
        python.write_text("#!/usr/bin/env python3\n")
        python.chmod(0o755)
        rows = (
            (self.check(timeout="8s"), "check web-role", "warning", "longer than powerconsul's --timeout"),
            (self.check(status=""), "check web-role", "warning", "until it has run, and a standby may take over"),
            (self.check("--timeout", "20s"), "check web-role", "warning", "takes up to 20000 ms"),
            (self.check("--servise", "x"), "check web-role", "error", "did you mean"),
            (self.check(args=["/no/such/powerconsul", "check", "service", "-s", "a", "-S", "web"]), "check web-role",
             "error", "is not there or cannot be executed"),
            (self.check(args=[str(python), "check", "service", "-s", "a", "-S", "web"]), "check web-role", "error",
             "is python-powerconsul"),
            (self.check(args=self.argv("check", "service", "-s", "apache2")), "check web-role", "error",
             "-S/--consulservice is missing"),
            (self.check(args=["/bin/true"]), "checks", "warning", "calls powerconsul check"),
        )
        for check, point, state, text in rows:
            with self.subTest(text):
                self.configure(checks=[check])
                self.says(self.doctor(), point, state, text, but=("services", "noop file"))
        with self.subTest("one of two"):
            self.configure(checks=[self.check(), self.check(id="second", timeout="3s")])
            run = self.doctor()
            self.says(run, "check second", "warning", "3000 ms")
            self.assertIn("web-role", run.found["checks"]["what"])

    def test_a_file_that_the_agent_has_not_read(self):
        self.configure()
        text = (cluster.web1.config / "web.json").read_text()
        (cluster.web1.config / "web.json").write_text(text.replace('"id": "web-role"', '"id": "renamed"'))
        self.says(self.doctor(), "check renamed", "error", "consul reload")
        (cluster.web1.config / "web.json").write_text("{")
        run = self.doctor()
        unknown = ("watch critical", "watch warning", "checks", "services", "plugin", "noop file")
        self.says(run, "agent's files", "unknown", "web.json", but=unknown)
        self.assertEqual(run.found["watch critical"]["state"], "unknown", run)

    def test_watches(self):
        both = [self.handler("critical"), self.handler("warning")]
        rows = (
            ([], ("critical", "warning"), "no watch calls powerconsul watch"),
            (both[:1], ("warning",), "no watch calls powerconsul watch warning"),
            (both[1:], ("critical",), "no watch calls powerconsul watch critical"),
            ([both[0], self.handler("warning", *self.argv("watch", "critical"))], ("warning",),
             "but calls powerconsul watch critical"),
            ([both[0], self.handler("warning", *self.argv("watch", "warnin"))], ("warning",),
             "calls powerconsul wrongly"),
            ([both[0], self.handler("warning", "/bin/true")], ("warning",), "no watch calls powerconsul watch warning"),
        )
        for watches, states, text in rows:
            with self.subTest(text):
                self.configure(watches=watches)
                run = self.doctor()
                for state in states:
                    self.says(run, f"watch {state}", "warning", text, but=[f"watch {each}" for each in states])

    def test_watches_in_hcl(self):
        words = json.dumps(self.argv("watch", "critical"))
        check = "\n".join(f"{name} = {json.dumps(value)}" for name, value in self.check(timeout="8s").items())
        text = f'''# the handlers
            service {{
              name = "web"
              check {{ {check} }}
            }}
            watches {{ type = "checks" state = "critical" args = {words} }}
            watches = [{{ type = "checks", state = "warning", args = {words.replace("critical", "warning")} }}]'''
        self.configure(name="web.hcl", text=text)
        run = self.doctor()
        self.says(run, "check web-role", "warning", "ends it after 8000 ms")
        self.assertEqual(list(run.found).count("rights web"), 1, run)
        self.says(run, "watch critical", "ok", "web.hcl calls powerconsul watch critical", but=["check web-role"])
        self.says(run, "watch warning", "ok", "web.hcl calls powerconsul watch warning", but=["check web-role"])

    def test_the_plugin(self):
        check = ["check", "process", "-n", "-c 1: -C cron", "-S", "web", "--plugin"]
        rows = (("/no/such/check_procs", "error", "is not there or cannot be executed"),
                ("/bin/true", "ok", "/bin/true"))
        for path, state, text in rows:
            with self.subTest(path):
                self.configure(checks=[self.check(args=self.argv(*check, path))])
                # Consul may have run the check by now, which cannot run that plugin.
                self.says(self.doctor(), "plugin", state, text, but=["check web-role"])

    # What python-powerconsul left.

    def test_nothing_is_left_of_python(self):
        self.configure()
        cluster.hq.put_key("cluster/production/web", {"active_datacenters": ["hq"], "standby_datacenters": ["dr"]})
        cluster.hq.put_key("triggers/web/primary/critical", "/bin/true")
        self.addCleanup(cluster.hq.api, "DELETE", "/v1/kv/triggers/web?recurse")
        run = self.doctor("--from-python")
        self.assertEqual({name: each["state"] for name, each in run.found.items()}, dict.fromkeys([
            "agent", "program", "option -U", "configuration", "init scripts", "prepared queries", "tag nodns",
            "triggers web", "serviceFilter web"], "ok"), run)
        self.assertIn("triggers/web/primary/critical is read where it stands", run.found["triggers web"]["what"])

    @unittest.skipUnless(os.geteuid() == 0, "mounts need root")
    def test_what_is_left_of_python(self):
        python = self.node.folder / "powerconsul"
        python.write_text("#!/usr/bin/python\n")
        python.chmod(0o755)
        check = self.check(args=["/bin/sh", "-c", f"exec {python} check service -s apache2 -S web -U || exit 0"])
        self.configure(text=json.dumps({"services": [{"name": "web", "port": 80, "tags": ["production", "nodns"],
                                                      "checks": [check]}]}))
        cluster.hq.put_key("cluster/production/web", {"active_datacenter": "hq", "standby_datacenter": "dr"})
        cluster.hq.api("PUT", "/v1/agent/service/register", {"Name": "web"})
        self.addCleanup(cluster.hq.api, "PUT", "/v1/agent/service/deregister/web")
        query = cluster.web1.api("POST", "/v1/query", {"Name": "production-web", "Service": {
            "Service": "web", "OnlyPassing": True, "Tags": ["production", "!nodns"]}})["ID"]
        self.addCleanup(cluster.web1.request, "DELETE", f"/v1/query/{query}")
        wait_until("web is on both", lambda: len(cluster.web1.api("GET", "/v1/catalog/service/web")) == 2)
        scripts = self.node.folder / "scripts"
        scripts.mkdir()
        (scripts / "myservice").write_text("#!/usr/bin/env python\nfrom powerconsul.service import PowerConsul_Service\n")
        mount = 'mount --bind "$0" /etc/init.d && exec "$@"'
        run = self.doctor("--from-python", before=["unshare", "--mount", "sh", "-c", mount, str(scripts)])
        self.assertEqual({name: each["what"].split(":")[0] for name, each in run.found.items()
                          if each["state"] == "warning"}, {
            "program": f"{python} is python-powerconsul, and is called by check web-role",
            "option -U": "check web-role has it",
            "init scripts": "/etc/init.d has myservice, which imports the package powerconsul of Python",
            "prepared queries": "production-web asks for !nodns, a tag that this program does not set",
            "tag nodns": "web has it, and this program does not take it off when the node becomes active",
            "serviceFilter web": 'hq-server does not count, since environment "production" and server role "web" are '
                                 "not in its name; for the original every node counts"}, run)

    # The machine.

    def test_the_state_directory(self):
        self.configure()
        state = self.node.state
        state.chmod(0o777)
        self.says(self.doctor(), "state directory", "error", "can be written by others", but=("incidents",))
        state.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(state, 54321, 54321)
            self.says(self.doctor(), "state directory", "error", "belongs to another user", but=("incidents",))
            os.chown(state, 0, 0)
        state.rename(f"{state}.real")
        state.symlink_to(f"{state}.real")
        self.says(self.doctor(), "state directory", "error", "is a symbolic link", but=("incidents",))

    @unittest.skipUnless(os.geteuid() == 0, "mounts need root")
    def test_a_full_disk(self):
        self.configure()
        fill = 'mount -t tmpfs -o size=64k,mode=0700 tmpfs "$0" && { cat /dev/zero >"$0/full" 2>/dev/null; exec "$@"; }'
        run = self.doctor(before=["unshare", "--mount", "sh", "-c", fill, str(self.node.state)])
        self.says(run, "state directory", "error", "no space left")

    @unittest.skipUnless(os.geteuid() == 0, "mounts need root")
    def test_no_service_manager(self):
        self.configure(checks=[self.check(args=self.argv("check", "service", "-s", "apache2", "-S", "web"))])
        empty = self.node.folder / "empty"
        empty.mkdir()
        bare = 'mount --bind "$0" /etc && mount --bind "$0" /run && exec "$@"'
        run = self.doctor(before=["unshare", "--mount", "sh", "-c", bare, str(empty)])
        self.says(run, "service manager", "error", "no service manager was found",
                  but=("check web-role",))  # which the agent may have run meanwhile

    def test_a_clock_that_was_set_back(self):
        self.configure()
        folder = self.node.state / "journal"
        folder.mkdir(mode=0o700, exist_ok=True)  # a handler may have been quicker
        record = folder / "another.json"
        record.write_text("{}")
        os.utime(record, (time.time() + DAY,) * 2)
        run = self.doctor()
        self.says(run, "clock", "error", f"{record} is from the future", but=("incidents another",))

    def test_the_stop_file(self):
        self.configure()
        (self.node.folder / "stop").touch()
        self.says(self.doctor(), "stop file", "warning", "delete it to let triggers run")

    @unittest.skipUnless(os.geteuid() == 0, "mounts need root")
    def test_files_that_the_agent_does_not_see(self):
        """As with systemd's PrivateTmp, but the other way round: here doctor has a file system of its own."""
        own = self.node.folder / "own"
        own.mkdir()
        check = self.check()
        check["args"][check["args"].index(str(self.noop))] = str(own / "noop")
        self.configure(checks=[check])
        self.says(self.doctor("--stop-file", str(own / "stop")), "noop file", "ok", "none is there")
        mount = 'mount -t tmpfs tmpfs "$0" && touch "$0/noop" && exec "$@"'
        run = self.doctor("--stop-file", str(own / "stop"), before=["unshare", "--mount", "sh", "-c", mount, str(own)])
        self.says(run, "noop file", "warning", f"{own}/noop is there, but it is another path for the agent",
                  but=("stop file",))
        self.says(run, "stop file", "warning", "a file put there stops nothing", but=("noop file",))
        run = self.doctor(before=["unshare", "--mount", "sh", "-c", mount, str(own)])
        self.says(run, "noop file", "warning", "check web-role does not see a file put there")
        (own / "noop").touch()
        os.utime(own / "noop", (time.time() - 3 * DAY,) * 2)
        run = self.doctor(before=["unshare", "--mount", "sh", "-c", mount, str(own)])
        self.assertIn(f"{own}/noop has held its check as passing for 72 h", run.out)

    def test_noop_files(self):
        self.configure()
        self.noop.touch()
        self.says(self.doctor(), "noop file", "ok", "1 is there, less than a day old")
        os.utime(self.noop, (time.time() - 3 * DAY,) * 2)
        self.says(self.doctor(), "noop file", "warning", "has held its check as passing for 72 h")
        self.configure(checks=[self.check("--noop-max-age", "1h")])
        self.says(self.doctor(), "noop file", "warning", "no longer counts")


class Shy:
    """In front of a real agent: all but the configuration of its /v1/agent/self."""

    def __init__(self, agent):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection(agent.ip, 8500, timeout=10)
                connection.request(self.command, self.path, body or None)
                answer = connection.getresponse()
                text = answer.read()
                if self.path.startswith("/v1/agent/self"):
                    told = json.loads(text)
                    del told["DebugConfig"]
                    text = json.dumps(told).encode()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                connection.close()

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return f"127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


if __name__ == "__main__":
    unittest.main(verbosity=2)
