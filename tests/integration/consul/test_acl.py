"""Every command under exactly the policy that acl-policy prints, and under each policy that lacks one of its rules.

    CONSUL=... POWERCONSUL=... python3 test_acl.py [unittest options]
"""
import http.server
import json
import re
import subprocess
import threading
import unittest

from consul_cluster import AT_ONCE, Node, executables, wait_until
from locked_cluster import MASTER, LockedCluster, TwoLockedDatacenters

NODES = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
TRIGGERS = "triggers/production/web"
SHARED_TRIGGERS = "triggers/web"
RULE = re.compile(r'^(key|service|node|node_prefix|agent) "(.*)" \{ policy = "read" \}$')
cluster = None


def setUpModule():
    global cluster
    cluster = LockedCluster(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()
    cluster.master = cluster.token_file(MASTER, "master")
    cluster.lints = "powerconsul lint" in subprocess.run(
        [cluster.powerconsul, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        check=True).stdout


def rules_of(policy):
    """The rules, and a check that there is nothing else but comments."""
    lines = [line for line in policy.splitlines() if line and not line.startswith("#")]
    assert lines and all(RULE.match(line) for line in lines), policy
    return lines


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.web1, self.web2 = (Node(cluster, agent) for agent in (cluster.web1, cluster.web2))
        for node in (self.web1, self.web2):
            node.init_script("php-fpm")
            for state in ("warning", "critical"):
                for role in ("primary", "secondary"):
                    cluster.hq.put_key(f"{TRIGGERS}/{role}/{state}", f"echo {role} {state}")
        self.document(NODES)
        for agent in (cluster.web1, cluster.web2):
            agent.register("web")
            agent.set_check("web", "pass")  # one that is registered already keeps its state
        self.seen("passing", "passing")

    def document(self, document):
        cluster.hq.put_key("cluster/production/web", document)

    def seen(self, first, second):
        for agent, state in ((cluster.web1, first), (cluster.web2, second)):
            wait_until(f"web on {agent.node} is {state}", lambda a=agent, s=state: cluster.hq.worst("web", a.node) == s)

    def run_as(self, token, node, *words, stdin="", host=None):
        """One command on a node. Without a state directory nothing that an earlier token could read is remembered."""
        options = ["--http-addr", node.agent.address, "--environment", "production", "--server-role", "web",
                   "--state-dir", str(node.state), "--max-age", "0", *AT_ONCE]
        if host is None:
            options += ["--node", node.agent.node]
        if token:
            options += ["--token-file", str(token)]
        return node.run([cluster.powerconsul, *words, *options], stdin=stdin)

    def policy(self, node, token, *more):
        run = self.run_as(token, node, "acl-policy", "-S", "web", *more)
        self.assertEqual((run.code, run.err), (0, ""), run)
        return run.out

    def same(self, run, token, master):
        """But for the token's own name, which doctor tells."""
        out = run.out.replace(str(token), str(cluster.master))
        self.assertEqual((run.code, out, run.err), (master.code, master.out, master.err), run)

    def calls(self, node):
        """What a node runs for web: words and standard input. What they print does not change from call to call."""
        local = ["--service-manager", "sysv", "--init-directory", str(node.init), "-S", "web"]
        listed = [{"Node": node.agent.node, "CheckID": "web-alive", "Status": "critical", "ServiceID": "web",
                   "ServiceName": "web", "Output": "down", "CreateIndex": 5, "ModifyIndex": 5, "Type": "ttl"}]
        check = json.dumps({"ServiceName": "web", "CheckID": "web-alive"})
        acting = ["--dry-run", "--stop-file", str(node.folder / "stop"), "--log", "none"]
        return {
            "role": (["role", "-S", "web", "--format", "json"], ""),
            "check service": (["check", "service", "-s", "apache2", *local], ""),
            "check servicegroup": (["check", "servicegroup", "-s", "apache2,php-fpm", *local], ""),
            "watch critical": (["watch", "critical", *acting], json.dumps(listed)),
            "watch warning": (["watch", "warning", *acting], "[]"),
            "watch critical --from-agent": (["watch", "critical", "--from-agent", *acting], ""),
            "trigger critical": (["trigger", "critical", "-s", check, *acting], ""),
            "trigger warning": (["trigger", "warning", "-s", check, *acting], ""),
            "incidents": (["incidents", "--json"], ""),
            "doctor": (["doctor", "-S", "web"], ""),
            **({"lint": (["lint", "-S", "web"], "")} if cluster.lints else {}),
        }


class ExactlyThePolicy(Case):
    def test_each_command_works_as_with_the_master_token(self):
        tokens = {}
        for node in (self.web1, self.web2):
            policy = self.policy(node, cluster.master)
            tokens[node] = cluster.token(policy, f"exact-{node.agent.node}")
        self.assertNotEqual(self.policy(self.web1, cluster.master), self.policy(self.web2, cluster.master))
        for name, active in (("the active serves", "pass"), ("the active is critical", "fail")):
            cluster.web1.set_check("web", active)
            cluster.web2.set_check("web", "fail")
            self.seen({"pass": "passing", "fail": "critical"}[active], "critical")
            for node in (self.web1, self.web2):
                for call, (words, stdin) in self.calls(node).items():
                    with self.subTest(name, node=node.agent.node, call=call):
                        master = self.run_as(cluster.master, node, *words, stdin=stdin)
                        least = self.run_as(tokens[node], node, *words, stdin=stdin)
                        self.same(least, tokens[node], master)
                        if call == "doctor":  # which may have something to say of this machine
                            self.assertNotRegex(least.out, "(?m)^(error|unknown) +(?! |agent's restart)", least)
                            continue
                        self.assertNotIn("unknown", least.out, least)
                        if call.startswith("watch critical") and (node is self.web2 or active == "fail"):
                            self.assertIn("would run", least.out, least)
                        self.assertIn(least.code, (0, 2) if call.startswith("check") else (0,), least)

    def test_the_policy_is_the_same_when_it_is_printed_with_its_own_token(self):
        policy = self.policy(self.web2, cluster.master)
        again = self.policy(self.web2, cluster.token(policy, "prints-itself"))
        self.assertEqual(policy, again)

    def test_without_any_right_a_usable_policy_is_printed(self):
        first = self.policy(self.web2, None)
        self.assertIn("needs key:read on cluster/production/web", first)
        self.assertIn("Assumed: this node's name", first)
        token = cluster.token(first, "from-nothing")
        for call, (words, stdin) in self.calls(self.web2).items():
            with self.subTest(call):
                master = self.run_as(cluster.master, self.web2, *words, stdin=stdin)
                usable = self.run_as(token, self.web2, *words, stdin=stdin)
                self.same(usable, token, master)
        self.assertEqual(self.policy(self.web2, token), self.policy(self.web2, cluster.master))

    def test_a_trigger_runs(self):
        token = cluster.token(self.policy(self.web2, cluster.master, "--for", "trigger"), "runs-a-trigger")
        run = self.run_as(token, self.web2, "trigger", "critical", "-s", '{"ServiceName": "web", "CheckID": "x"}',
                          "--stop-file", str(cluster.folder / "no-stop-file"), "--log", "none")
        self.assertEqual(run.code, 0, run)
        self.assertIn("secondary critical", run.out)

    def test_consuls_own_watch(self):
        """It asks with its own token: what the policy shows it is this service's checks and nobody else's."""
        agent = cluster.web2
        agent.register("other", status="critical")
        self.addCleanup(agent.api, "PUT", "/v1/agent/service/deregister/other")
        for name, left in (("whole", ""), ("no-service", "service ")):
            policy = rules_of(self.policy(self.web2, cluster.master, "--for", "watch"))
            rules = [each for each in policy if not left or not each.startswith(left)]
            token = cluster.token("\n".join(rules), f"watch-{name}").read_text().strip()
            seen = self.web2.folder / name
            handler = ["/bin/sh", "-c", f"cat >{seen}.new && mv {seen}.new {seen}"]
            agent.set_check("web", "fail")
            self.seen("passing", "critical")
            (agent.config / "watch.json").write_text(json.dumps(
                {"watches": [{"type": "checks", "state": "critical", "token": token, "args": handler}]}))
            agent.api("PUT", "/v1/agent/reload")
            wait_until("the watch has called its handler", seen.exists)
            if left:
                self.assertEqual(json.loads(seen.read_text()), [])
                continue
            own = lambda: [check["CheckID"] for check in json.loads(seen.read_text())] == ["web-alive"]
            wait_until("the handler has got the check", own)
            agent.set_check("web", "pass")
            wait_until("the handler has got the change", lambda: json.loads(seen.read_text()) == [])
        (agent.config / "watch.json").unlink()
        agent.api("PUT", "/v1/agent/reload")

    def test_names_that_need_escaping(self):
        cluster.hq.put_key("cluster/production/a\"b\\c${d", {"mode": "all-active"})
        name = 'a"b\\c${d'
        run = self.run_as(cluster.master, self.web2, "acl-policy", "-S", name)
        self.assertEqual(run.code, 0, run)
        token = cluster.token(run.out, "escaped")
        role = self.run_as(token, self.web2, "role", "-S", name, "--format", "json")
        self.assertEqual((role.code, role.line["role"]), (0, "primary"), role)


class EachRuleIsNeeded(Case):
    def without(self, rule):
        self.made = getattr(self, "made", 0) + 1
        left = [each for each in rules_of(self.policy(self.web2, cluster.master)) if each != rule]
        return cluster.token("\n".join(left), f"without-{self._testMethodName}-{self.made}")

    def denied(self, run, right):
        self.assertNotEqual(run.code, 0, run)
        self.assertIn(f"needs {right}", run.out + run.err, run)

    def unknown(self, token, right):
        """Neither role nor check says anything but unknown, and both name the right."""
        role = self.run_as(token, self.web2, "role", "-S", "web", "--format", "json")
        self.assertEqual((role.code, role.line["expectation"]), (77, "unknown"), role)
        self.denied(role, right)
        for call in ("check service", "check servicegroup"):
            words, stdin = self.calls(self.web2)[call]
            check = self.run_as(token, self.web2, *words, stdin=stdin)
            self.assertEqual((check.code, check.line["state"], check.line["expects"]), (1, "unknown", None), check)
            self.denied(check, right)
        cluster.web2.set_check("web", "fail")
        for call in ("watch critical", "trigger critical"):
            words, stdin = self.calls(self.web2)[call]
            acting = self.run_as(token, self.web2, *words, stdin=stdin)
            self.assertNotIn("would run", acting.out, acting)
            self.assertIn(f"needs {right}", acting.out + acting.err, acting)

    def test_doctor_names_each(self):
        for rule in rules_of(self.policy(self.web2, cluster.master)):
            kind, name = RULE.match(rule).groups()
            if "standalone" in name:
                continue
            with self.subTest(rule):
                run = self.run_as(self.without(rule), self.web2, "doctor", "-S", "web")
                self.assertEqual(run.code, 2, run)
                self.assertRegex(run.out, f"(?m)^error +rights web +.*needs {kind}:read on {name};")

    def test_every_rule_has_a_test(self):
        rules = rules_of(self.policy(self.web2, cluster.master))
        keys = [f'key "{place}/{role}/{state}"' for role in ("primary", "secondary", "standalone")
                for state in ("warning", "critical", "passing", "given-up") for place in (TRIGGERS, SHARED_TRIGGERS)]
        names = ['key "cluster/production/web"', *keys, 'key "pauses/production/web"',
                 'key "pauses/production/_all"', 'service "web"', 'node "production-web2"',
                 'node "production-web1"', 'agent "production-web2"']
        self.assertEqual(rules, [f'{each} {{ policy = "read" }}' for each in names])

    def test_the_cluster_document(self):
        self.unknown(self.without('key "cluster/production/web" { policy = "read" }'),
                     "key:read on cluster/production/web")

    def test_the_triggers(self):
        for role, active in (("secondary", "pass"), ("primary", "fail")):
            cluster.web1.set_check("web", active)
            self.seen({"pass": "passing", "fail": "critical"}[active], "passing")
            for state in ("warning", "critical"):
                with self.subTest(role=role, state=state):
                    key = f"{TRIGGERS}/{role}/{state}"
                    token = self.without(f'key "{key}" {{ policy = "read" }}')
                    words, _ = self.calls(self.web2)[f"trigger {state}"]
                    master = self.run_as(cluster.master, self.web2, *words)
                    self.assertIn(f"echo {role} {state}", master.out, master)
                    self.denied(self.run_as(token, self.web2, *words), f"key:read on {key}")
                    # The second place is read where the first has no such key.
                    cluster.hq.api("DELETE", f"/v1/kv/{key}")
                    self.addCleanup(cluster.hq.put_key, key, f"echo {role} {state}")
                    shared = f"{SHARED_TRIGGERS}/{role}/{state}"
                    token = self.without(f'key "{shared}" {{ policy = "read" }}')
                    self.denied(self.run_as(token, self.web2, *words), f"key:read on {shared}")
                    master = self.run_as(cluster.master, self.web2, *words)
                    self.assertIn(f"there is no trigger at {key} or {shared}", master.out, master)

    def test_the_triggers_of_other_roles(self):
        """lint looks for those that nobody can use, and at those that a watch reads when an incident ends."""
        if not cluster.lints:
            self.skipTest("this powerconsul has no lint")
        ends = [f"{role}/{state}" for role in ("primary", "secondary") for state in ("passing", "given-up")]
        for name in ("standalone/warning", "standalone/critical", *ends):
            with self.subTest(name):
                for place in (TRIGGERS, SHARED_TRIGGERS):
                    key = f"{place}/{name}"
                    run = self.run_as(self.without(f'key "{key}" {{ policy = "read" }}'), self.web2, "lint", "-S",
                                      "web")
                    self.assertEqual(run.code, 77, run)
                    self.denied(run, f"key:read on {key}")

    def test_pauses(self):
        """What cannot be told holds: somebody may have paused the service."""
        cluster.web2.set_check("web", "fail")
        self.seen("passing", "critical")
        for name in ("web", "_all"):
            right = f"key:read on pauses/production/{name}"
            token = self.without(f'key "pauses/production/{name}" {{ policy = "read" }}')
            for call in ("watch critical", "trigger critical"):
                with self.subTest(call, right=right):
                    words, stdin = self.calls(self.web2)[call]
                    self.assertIn("would run", self.run_as(cluster.master, self.web2, *words, stdin=stdin).out)
                    acting = self.run_as(token, self.web2, *words, stdin=stdin)
                    self.assertNotIn("would run", acting.out, acting)
                    self.assertIn(f"needs {right}", acting.out + acting.err, acting)

    def test_the_service(self):
        self.unknown(self.without('service "web" { policy = "read" }'), "service:read on web")

    def test_a_worker_tells_what_it_may_not_see(self):
        """It asks the agent, which leaves the service out; the list that the watch was given has it."""
        cluster.web2.set_check("web", "fail")
        self.seen("passing", "critical")
        log = self.web2.folder / "log"
        words = ["watch", "critical", "--detach", "--log", str(log), "--stop-file", str(self.web2.folder / "stop")]
        listed = self.calls(self.web2)["watch critical"][1]
        run = self.run_as(self.without('service "web" { policy = "read" }'), self.web2, *words, stdin=listed)
        self.assertEqual((run.code, run.out, run.err), (0, "", ""), run)
        says = 'error="the agent does not show the checks of web; the token needs service:read on web"'
        wait_until("the log says so", lambda: f"event=failed service=web state=critical {says}" in log.read_text())

    def test_this_node(self):
        """The active is not registered: without this node in it, the list would be empty."""
        cluster.web1.api("PUT", "/v1/agent/service/deregister/web")
        wait_until("web is gone from production-web1", lambda: cluster.hq.worst("web", "production-web1") == "absent")
        master = self.run_as(cluster.master, self.web2, "role", "-S", "web", "--format", "json")
        self.assertEqual((master.code, master.line["expectation"]), (0, "running"), master)
        self.unknown(self.without('node "production-web2" { policy = "read" }'), "service:read on web and node:read")

    def test_the_active(self):
        """Consul leaves it out of the list and does not say so: it may well be serving."""
        self.unknown(self.without('node "production-web1" { policy = "read" }'), "node:read on production-web1")

    def test_the_agent(self):
        token = self.without('agent "production-web2" { policy = "read" }')
        run = self.run_as(token, self.web2, "doctor", "-S", "web")
        self.assertNotEqual(run.code, 0, run)
        self.assertIn("needs agent:read on production-web2", run.out, run)


class WithoutADefaultToken(Case):
    """What the agent itself asks and registers without a token of its own is refused, and it says so in its log alone."""

    def configure(self, text):
        file = cluster.web1.config / "more.json"
        self.addCleanup(cluster.web1.api, "PUT", "/v1/agent/reload")
        self.addCleanup(file.unlink, missing_ok=True)
        file.write_text(json.dumps(text))
        cluster.web1.api("PUT", "/v1/agent/reload")

    def doctor(self, service):
        run = self.run_as(cluster.master, self.web1, "doctor", "--json", "-S", service)
        return {each["point"]: each for each in run.line["findings"]}

    def test_a_service_whose_registration_is_refused(self):
        self.configure({"service": {"name": "mail"}})
        found = self.doctor("mail")["service mail"]
        self.assertEqual(found["state"], "error", found)
        self.assertIn("the agent has it, but Consul's catalog does not", found["what"])
        wait_until("the agent says so", lambda: "Service registration blocked by ACLs: service=mail" in
                   (cluster.web1.folder / "log").read_text())
        self.configure({"service": {"name": "mail", "token": MASTER}})
        wait_until("mail is registered", lambda: self.doctor("mail")["service mail"]["state"] == "ok")

    def test_a_watch_that_sees_nothing(self):
        def watches(**more):
            return {"watches": [{"type": "checks", "state": state, **more, "args": [cluster.powerconsul, "watch", state]}
                                for state in ("critical", "warning")]}
        self.configure(watches())
        for state in ("critical", "warning"):
            found = self.doctor("web")[f"watch {state}"]
            self.assertEqual(found["state"], "error", found)
            self.assertIn("with the agent's default token, or none Consul hides checks from it: it needs node:read on "
                          "production-web1 and service:read on web", found["what"])
        least = cluster.token(self.policy(self.web1, cluster.master, "--for", "watch"), "for-a-watch").read_text().strip()
        self.configure(watches(token=least))
        self.assertEqual(self.doctor("web")["watch critical"]["state"], "ok")
        self.configure(watches(token="00000000-0000-0000-0000-00000000dead"))
        found = self.doctor("web")["watch critical"]
        self.assertEqual(found["state"], "error", found)
        self.assertIn("ACL not found", found["what"])
        self.assertNotIn("dead", found["what"])


class OtherDocuments(Case):
    def policy_rules(self, node, *more):
        return rules_of(self.policy(node, cluster.master, *more))

    def test_all_active_needs_the_trigger_of_a_primary_only(self):
        self.document({"mode": "all-active"})
        keys = [each for each in self.policy_rules(self.web1, "--for", "watch") if each.startswith("key")]
        self.assertEqual(len(keys), 11, keys)
        self.assertTrue(all("primary" in each for each in keys[1:-2]), keys)

    def test_no_document_is_a_standalone(self):
        cluster.hq.api("DELETE", "/v1/kv/cluster/production/web")
        keys = [each for each in self.policy_rules(self.web1, "--for", "trigger") if each.startswith("key")]
        self.assertEqual(len(keys), 11, keys)
        self.assertTrue(all("standalone" in each for each in keys[1:-2]), keys)

    def test_datacenters_need_the_nodes_of_one_server_role(self):
        self.document({"active_datacenters": ["dr"], "standby_datacenters": ["hq"]})
        rules = self.policy_rules(self.web2)
        self.assertIn('node_prefix "production-web" { policy = "read" }', rules)
        self.assertFalse([each for each in rules if each.startswith("node ")], rules)

    def test_for_one_command(self):
        check = self.policy_rules(self.web2, "--for", "check")
        self.assertFalse([each for each in check if "triggers/" in each or each.startswith("agent")], check)
        self.assertEqual(self.policy_rules(self.web2, "--for", "doctor"),
                         ['agent "production-web2" { policy = "read" }'])


class Denied(Case):
    def unknown(self, token, text, code=77):
        role = self.run_as(token, self.web2, "role", "-S", "web", "--format", "json")
        self.assertEqual((role.code, role.line["role"], role.line["expectation"]), (code, "unknown", "unknown"), role)
        self.assertIn(text, role.out, role)
        words, _ = self.calls(self.web2)["check service"]
        check = self.run_as(token, self.web2, *words)
        self.assertEqual((check.code, check.line["state"]), (1, "unknown"), check)
        self.assertIn(text, check.out, check)
        self.assertNotIn(MASTER, role.out + check.out)

    def test_no_token(self):
        self.unknown(None, "needs key:read on cluster/production/web")

    def test_a_token_that_consul_does_not_know(self):
        token = cluster.token_file("00000000-1111-2222-3333-444444444444", "wrong")
        self.unknown(token, "ACL not found")

    def test_no_node_read(self):
        token = cluster.token('key_prefix "" { policy = "read" } service_prefix "" { policy = "read" }', "no-nodes")
        run = self.run_as(token, self.web2, "role", "-S", "web", "--format", "json")
        self.assertEqual((run.code, run.line["role"], run.line["expectation"]), (77, "secondary", "unknown"), run)
        self.assertIn("node:read", run.line["reason"])

    def test_a_proxy_in_front(self):
        for status in (404, 403, 302):
            with self.subTest(status), Proxy(status) as address:
                role, check = ["role", "--format", "json"], ["check", "service", "-s", "apache2"]
                for words in (role, check):
                    run = self.web2.run([cluster.powerconsul, *words, "-S", "web", "--http-addr", address, "--node",
                                         "production-web2", "--state-dir", str(self.web2.state), "--max-age", "0", *AT_ONCE])
                    self.assertNotEqual(run.code, 0, run)
                    self.assertEqual(run.line["role"], "unknown", run)
                    self.assertIn(str(status), run.line["reason"], run)
                    self.assertEqual(run.line["clustered"], None, run)


class SeveralDatacenters(unittest.TestCase):
    def test_a_global_token_is_needed(self):
        pair = TwoLockedDatacenters(*executables())
        self.addCleanup(pair.close)
        pair.start()
        node = Node(pair, pair.dr)
        document = {"active_datacenters": ["hq"], "standby_datacenters": ["dr"]}
        pair.dr.put_key("cluster/production/web", document)
        pair.hq.register("web")
        pair.dr.register("web")
        for agent in (pair.hq, pair.dr):
            wait_until("web is seen from dr", lambda a=agent: pair.dr.worst("web", a.node, a.datacenter) == "passing")

        def run(token, *words):
            return node.run([pair.powerconsul, *words, "-S", "web", "--http-addr", pair.dr.address, "--state-dir",
                             str(node.state), "--max-age", "0", *AT_ONCE, "--node", "production-web2",
                             "--token-file", str(token)])
        policy = run(pair.token_file(MASTER, "master"), "acl-policy")
        self.assertEqual(policy.code, 0, policy)
        self.assertRegex(policy.out, "Datacenters dr and hq: the token must be global")
        self.assertIn('node_prefix "production-web" { policy = "read" }', policy.out)
        self.assertIn('agent "production-web2" { policy = "read" }', policy.out)
        everywhere = pair.token(policy.out, "everywhere")
        pair.replicated()
        role = run(everywhere, "role", "--format", "json")
        self.assertEqual((role.code, role.line["expectation"]), (0, "stopped"), role)
        pair.hq.set_check("web", "fail")
        wait_until("web is critical", lambda: pair.dr.worst("web", "production-web1", "hq") == "critical")
        role = run(everywhere, "role", "--format", "json")
        self.assertEqual((role.code, role.line["expectation"]), (0, "running"), role)
        self.assertRegex(run(everywhere, "doctor").out, "(?m)^ok +rights web ")

        made = pair.hq.api("GET", "/v1/acl/policies")
        only_dr = pair.dr.api("PUT", "/v1/acl/token", {
            "Local": True, "Policies": [{"ID": each["ID"]} for each in made if each["Name"] == "everywhere"]})
        only_dr = pair.token_file(only_dr["SecretID"], "only-dr")
        role = run(only_dr, "role", "--format", "json")
        self.assertEqual((role.code, role.line["role"], role.line["expectation"]), (77, "secondary", "unknown"), role)
        self.assertIn("in hq; the token needs node:read on every node named production-web", role.line["reason"])
        self.assertRegex(run(only_dr, "doctor").out, "(?m)^error +rights web .* in hq; make it a global token")


class Proxy:
    """Answers everything with one status, as a proxy does whose backend or path is wrong."""

    def __init__(self, status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

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
