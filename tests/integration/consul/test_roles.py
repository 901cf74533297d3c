"""Roles and verdicts against two real Consul datacenters.

    CONSUL=... POWERCONSUL=... python3 test_roles.py [unittest options]
"""
import json
import pathlib
import re
import unittest

from consul_cluster import Cluster, Node, executables, wait_until

KEY = "cluster/production/web"
NODES = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
DATACENTERS = {"active_datacenters": ["hq"], "standby_datacenters": ["dr"]}
cluster = None


def setUpModule():
    global cluster
    cluster = Cluster(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()


class Case(unittest.TestCase):
    def setUp(self):
        cluster.clean()
        self.web1, self.web2, self.web3 = (Node(cluster, agent) for agent in (cluster.web1, cluster.web2, cluster.web3))
        for node in (self.web1, self.web2, self.web3):
            node.running(False)
        for agent in (cluster.web1, cluster.web2):
            agent.register("web")
        self.seen(cluster.web1, "passing")
        self.seen(cluster.web2, "passing")

    def seen(self, agent, state, by=None):
        """Waits until Consul itself tells that state of web on a node."""
        by = by or cluster.web2
        wait_until(f"web on {agent.node} is {state}",
                   lambda: by.worst("web", agent.node, agent.datacenter) == state)

    def document(self, document, *agents):
        for agent in agents or (cluster.hq,):
            agent.put_key(KEY, document)

    def says(self, run, code, **facts):
        """A check's contract: the code, one line of JSON, nothing on stderr, and these facts in it."""
        self.assertEqual(run.code, code, run)
        self.assertEqual(run.err, "", run)
        self.assertEqual(run.out.count("\n"), 1, run)
        self.assertTrue(run.out.endswith("\n"), run)
        self.assertLessEqual(len(run.out.encode()), 3584, run)
        line = run.line
        self.assertEqual(list(line)[:6], ["type", "service", "expects", "clustered", "state", "code"], run)
        self.assertEqual(line["code"], code, run)
        for name, value in facts.items():
            self.assertEqual(line[name], value, f"{name}: {run}")
        return line

    def answers(self, node, running, stopped):
        """The exit codes of role --expect, which prints nothing with -q."""
        for wanted, code in (("running", running), ("stopped", stopped)):
            run = node.role("web", "--expect", wanted, "-q")
            self.assertEqual((run.code, run.out, run.err), (code, "", ""), run)

    def standby_waits(self, node):
        node.running(False)
        self.says(node.check(), 0, state="passing", role="secondary", expects=False, basis="fresh")
        node.running(True)
        self.says(node.check(), 2, state="critical", role="secondary", expects=False, basis="fresh")
        self.answers(node, 1, 0)
        node.running(False)

    def standby_takes_over(self, node, reason):
        node.running(False)
        line = self.says(node.check(), 2, state="critical", role="secondary", expects=True, basis="fresh")
        self.assertIn(reason, line["reason"])
        node.running(True)
        self.says(node.check(), 0, state="passing", role="secondary", expects=True, basis="fresh")
        self.answers(node, 0, 1)
        node.running(False)

    def active_must_run(self, node):
        node.running(True)
        self.says(node.check(), 0, state="passing", role="primary", expects=True, basis="fresh")
        node.running(False)
        self.says(node.check(), 2, state="critical", role="primary", expects=True, basis="fresh")


class Documents(Case):
    def test_absent_is_standalone(self):
        self.web1.running(True)
        self.says(self.web1.check(), 0, state="passing", role="standalone", expects=True, clustered=False)
        self.web1.running(False)
        self.says(self.web1.check(), 2, state="critical", role="standalone", expects=True, clustered=False)

    def test_by_nodes(self):
        self.document(NODES)
        self.active_must_run(self.web1)
        self.standby_waits(self.web2)

    def test_one_string_where_a_list_is_meant(self):
        self.document({"active_nodes": "production-web1", "standby_nodes": "production-web2"})
        self.active_must_run(self.web1)
        self.standby_waits(self.web2)

    def test_by_datacenters(self):
        cluster.web3.register("web")
        self.seen(cluster.web3, "passing")
        spellings = (DATACENTERS, {"active_datacenter": "hq", "standby_datacenter": "dr"})
        for document in spellings:
            with self.subTest(document=document):
                self.document(document, cluster.hq, cluster.web3)
                self.active_must_run(self.web1)
                self.standby_waits(self.web3)

    def test_filter(self):
        self.document({"filter": {"production-web1": {"active_nodes": ["production-web1"], "standby_nodes": ["x"]},
                                  "production-web[23]": {"active_nodes": ["production-web1"],
                                                         "standby_nodes": ["production-web2"]}}})
        self.active_must_run(self.web1)
        self.standby_waits(self.web2)
        self.document({"filter": {"production-web": NODES, "production": NODES}})
        self.says(self.web2.check(), 1, state="unknown", role="unknown")

    def test_all_active(self):
        self.document({"mode": "all-active"})
        self.active_must_run(self.web1)
        self.active_must_run(self.web2)

    def test_what_is_no_document_is_unknown_and_never_standalone(self):
        for text in ("", "{}", "null", "[]", "{", "standalone", '{"active_nodes": []}', '{"active_nodes": ["a"]}',
                     json.dumps({**NODES, **DATACENTERS}), '{"active_nodes": ["production-web2"], "standby_nodes": '
                     '["production-web2"]}', '{"active_nodes": ["a"], "standby_nodes": ["b"]}', b"\xff\xfe"):
            with self.subTest(text=text):
                self.document(text)
                self.web2.running(True)
                line = self.says(self.web2.check(), 1, state="unknown", role="unknown", expects=None)
                self.assertIn(KEY, line["reason"])


class TakeOver(Case):
    def setUp(self):
        super().setUp()
        self.document(NODES)
        self.standby_waits(self.web2)

    def test_active_is_critical(self):
        cluster.web1.set_check("web", "fail")
        self.seen(cluster.web1, "critical")
        self.standby_takes_over(self.web2, "production-web1")
        cluster.web1.set_check("web", "pass")
        self.seen(cluster.web1, "passing")
        self.standby_waits(self.web2)

    def test_node_of_the_active_is_dead(self):
        cluster.web1.kill()
        self.seen(cluster.web1, "critical")
        checks = [check for entry in cluster.web2.api("GET", "/v1/health/service/web") for check in entry["Checks"]
                  if entry["Node"]["Node"] == "production-web1" and check["CheckID"] == "web-alive"]
        self.assertEqual([check["Status"] for check in checks], ["passing"],
                         "Consul leaves the service's check as it was")
        self.standby_takes_over(self.web2, "serfHealth")

    def test_active_in_maintenance(self):
        for service in ("web", None):
            with self.subTest(service=service or "the whole node"):
                cluster.web1.maintenance(True, service)
                self.seen(cluster.web1, "critical")
                self.standby_takes_over(self.web2, "maintenance")
                self.answers(self.web1, 1, 1)
                cluster.web1.maintenance(False, service)
                self.seen(cluster.web1, "passing")
                self.standby_waits(self.web2)

    def test_active_is_gone(self):
        cluster.web1.api("PUT", "/v1/agent/service/deregister/web")
        self.seen(cluster.web1, "absent")
        self.standby_takes_over(self.web2, "production-web1 is not registered")

    def test_warning_still_serves_unless_configured(self):
        cluster.web1.set_check("web", "warn")
        self.seen(cluster.web1, "warning")
        self.standby_waits(self.web2)
        config = self.web2.folder / "powerconsul.conf"
        config.write_text('{"takeoverOn": "warning"}')
        self.says(self.web2.check("web", "--config", str(config)), 2, role="secondary", expects=True)

    def test_one_of_two_actives_is_enough(self):
        self.document({"active_nodes": ["production-web1", "production-web9"], "standby_nodes": ["production-web2"]})
        self.standby_waits(self.web2)


class OtherDatacenter(Case):
    def setUp(self):
        super().setUp()
        cluster.web3.register("web")
        self.seen(cluster.web3, "passing")

    def test_listed_active_is_found_there(self):
        self.document({"active_nodes": ["production-web3"], "standby_nodes": ["production-web2"]})
        self.standby_waits(self.web2)
        cluster.web3.set_check("web", "fail")
        self.seen(cluster.web3, "critical")
        self.standby_takes_over(self.web2, "production-web3 (dr)")

    def test_it_is_not_asked_while_an_active_here_serves(self):
        self.document({"active_nodes": ["production-web1", "production-web3"], "standby_nodes": ["production-web2"]})
        cluster.web3.pause()
        run = self.web2.check()
        self.says(run, 0, role="secondary", expects=False)
        self.assertLess(run.seconds, 2)

    def test_all_actives_of_the_datacenter_fail(self):
        self.document(DATACENTERS, cluster.hq, cluster.web3)
        cluster.web1.set_check("web", "fail")
        self.seen(cluster.web1, "critical")
        self.standby_waits(self.web3)
        cluster.web2.set_check("web", "fail")
        self.seen(cluster.web2, "critical")
        wait_until("dr sees it", lambda: cluster.web3.worst("web", "production-web2", "hq") == "critical")
        self.standby_takes_over(self.web3, "no active serves")

    def test_one_that_hangs_is_unknown_after_the_read_deadline(self):
        self.document({"active_datacenters": ["dr"], "standby_datacenters": ["hq"]})
        self.standby_waits(self.web2)
        fresh = Node(cluster, cluster.web2)
        cluster.web3.pause()
        run = fresh.check()
        self.says(run, 1, state="unknown", role="secondary", expects=None, basis="none")
        self.assertGreater(run.seconds, 4)
        self.assertLess(run.seconds, 7.5)
        self.assertEqual(fresh.check().out, run.out)
        # Who knew a moment ago that the actives serve still does.
        line = self.says(self.web2.check(), 0, state="passing", role="secondary", expects=False, basis="cached")
        self.assertIn("unknown", line["reason"])


class ConsulIsAway(Case):
    def setUp(self):
        super().setUp()
        self.document(NODES)

    def test_no_leader(self):
        self.web1.running(True)
        self.says(self.web1.check(), 0, role="primary", basis="fresh")
        self.says(self.web2.check(), 0, role="secondary", basis="fresh")
        cluster.hq.kill()
        self.says(self.web1.check(), 0, state="passing", role="primary", expects=True, basis="cached")
        self.says(self.web2.check(), 0, state="passing", role="secondary", expects=False, basis="cached")
        self.web2.running(True)
        self.says(self.web2.check(), 2, state="critical", role="secondary", expects=False, basis="cached")
        self.says(self.web2.check("web", "--max-age", "0"), 1, state="unknown", role="unknown", basis="none")
        fresh = Node(cluster, cluster.web2)
        fresh.running(True)
        line = self.says(fresh.check(), 1, state="unknown", role="unknown", expects=None, basis="none")
        self.assertIn("500", line["reason"])
        self.says(fresh.check("web", "--unknown-exit", "2"), 2, state="unknown", role="unknown")

    def test_cached_role_grows_old(self):
        self.says(self.web2.check("web", "--max-age", "1s"), 0, role="secondary", basis="fresh")
        cluster.hq.kill()
        wait_until("the last known role is too old",
                   lambda: self.web2.check("web", "--max-age", "1s").line["basis"] == "none", deadline=30)
        self.says(self.web2.check("web", "--max-age", "1s"), 1, state="unknown", role="unknown", expects=None)

    def test_agent_is_down(self):
        fresh = Node(cluster, cluster.web2)
        self.says(self.web2.check(), 0, role="secondary", basis="fresh")
        cluster.web2.kill()
        line = self.says(fresh.check(), 1, state="unknown", role="unknown", expects=None)
        self.assertIn(f"cannot reach Consul at http://{cluster.web2.address}: connection refused", line["reason"])
        self.says(self.web2.check(), 0, role="secondary", basis="cached")
        self.answers(self.web2, 69, 69)

    def test_agent_hangs(self):
        fresh = Node(cluster, cluster.web2)
        cluster.web2.pause()
        run = fresh.check("web", "--timeout", "2s")
        self.says(run, 1, state="unknown", role="unknown", expects=None)
        self.assertLess(run.seconds, 4)


class Reads(Case):
    """How Consul is read, told by the explanation from the answers of the real one."""

    def setUp(self):
        super().setUp()
        self.document(NODES)

    @staticmethod
    def asks_active(query):
        return f'GET /v1/health/node/production-web1{query}&filter=ServiceName matches "(?i)^(web)?$"'

    def explained(self, node, *more):
        run = node.role("web", "--explain", "--format", "json", *more)
        self.assertEqual(run.code, 0, run)
        node.check("web", *more)  # which remembers what it has read
        told = run.line
        for read in (told["document"], *told["actives"]["asked"]):
            self.assertIsInstance(read["age_ms"], int, run)
        return told["document"], told["actives"]["asked"]

    def test_the_first_time_from_a_confirmed_leader_and_then_from_any_server(self):
        for request, read_from, health in (("?consistent", "leader, confirmed", "?consistent"),
                                           ("?stale", "any server", "?leader")):
            document, asked = self.explained(self.web2)
            self.assertEqual((document["request"], document["read_from"]),
                             (f"GET /v1/kv/{KEY}{request}", read_from))
            self.assertEqual([each["request"] for each in asked], [self.asks_active(health)])

    def test_always_from_a_confirmed_leader(self):
        for _ in range(2):
            document, asked = self.explained(self.web2, "--consistent")
            self.assertEqual(document["request"], f"GET /v1/kv/{KEY}?consistent")
            self.assertEqual(asked[0]["request"], self.asks_active("?consistent"))

    def test_a_new_document_is_confirmed(self):
        self.explained(self.web2)
        self.document({"active_nodes": ["production-web1", "production-web9"], "standby_nodes": ["production-web2"]})
        document, _ = self.explained(self.web2)
        self.assertEqual(document["request"], f"GET /v1/kv/{KEY}?consistent")
        self.assertEqual(document["asked_again"], "it is not what this node knows")

    def test_the_agents_cache_counts_while_it_is_young(self):
        """The remote datacenter hangs: its last answer is in the agent's cache, and grows old there."""
        cluster.web3.register("web")
        self.seen(cluster.web3, "passing")
        self.document({"active_datacenters": ["dr"], "standby_datacenters": ["hq"]})
        self.explained(self.web2)
        _, asked = self.explained(self.web2, "--health-cache")
        self.assertEqual(asked[0]["request"], "GET /v1/health/service/web?dc=dr&cached")
        cluster.web3.pause()
        cached = self.web2.check("web", "--health-cache")
        self.says(cached, 0, role="secondary", expects=False, basis="fresh")
        self.assertLess(cached.seconds, 2)
        asked_it_again = self.web2.check("web", "--health-cache", "--max-stale", "0")
        self.says(asked_it_again, 0, role="secondary", expects=False)

    def test_an_agent_that_asks_any_server_for_health(self):
        """discovery_max_stale changes what a request without a consistency is; the leader's reads are still the leader's."""
        def consistency(query):
            connection = cluster.web2.connection(10)
            try:
                connection.request("GET", "/v1/health/node/production-web1" + query)
                return connection.getresponse().headers["X-Consul-Effective-Consistency"]
            finally:
                connection.close()

        def restart():
            cluster.web2.kill()
            cluster.whole()
            cluster.web2.set_check("web", "pass")  # its TTL begins anew with the agent, as critical
            self.seen(cluster.web2, "passing")

        setting = cluster.web2.config / "stale.hcl"
        self.addCleanup(restart)
        self.addCleanup(setting.unlink)
        setting.write_text('discovery_max_stale = "1h"\n')
        restart()
        self.assertEqual([consistency(query) for query in ("", "?stale", "?leader", "?consistent")],
                         ["stale", "stale", "leader", "consistent"])
        for request in ("?consistent", "?leader"):
            _, asked = self.explained(self.web2)
            self.assertEqual([(each["request"], each["age_ms"]) for each in asked], [(self.asks_active(request), 0)])

    def test_never_stale_needs_the_leader(self):
        self.explained(self.web2)
        cluster.hq.pause()
        run = self.web2.check("web", "--max-stale", "0", "--timeout", "2s")
        self.says(run, 0, state="passing", role="secondary", expects=False, basis="cached")


class Names(Case):
    """A name reaches the key of just that name, or none."""

    NAMES = ["a b", "caf\u00e9", "\u65e5\u672c", "100%", "a%2fb", "%2e%2e", "a?x", "a?x=y&raw", "a#b", "a+b", "a;b=c",
             'quote"d', "back\\slash", "a&b=c", "a.b_c-d~e", "...", "x" * 128]
    REFUSED = ["..", ".", "a/b", "/a", "a/", "../web", "a/../web", "", " a", "a ", "a\nb", "a\tb", "a\x7fb", "x" * 129]

    def test_ordinary_and_odd_names(self):
        for name in self.NAMES:
            with self.subTest(name=name):
                cluster.web2.put_key("cluster/production/" + name, {"mode": "all-active"})
                self.web2.running(True)
                self.says(self.web2.check(name), 0, role="primary", expects=True, clustered=True)
        # The keys that a wrong encoding would reach hold no documents, so that reading one of them would show.
        for decoy in ("a", "a/b", "..", "100", "a x"):
            entry = {"Verb": "set", "Key": "cluster/production/" + decoy, "Value": "e30="}
            cluster.web2.api("PUT", "/v1/txn", [{"KV": entry}])
        for name in self.NAMES:
            with self.subTest(name=name, decoys=True):
                self.says(self.web2.check(name), 0, role="primary", expects=True, clustered=True)

    def test_names_without_a_key_of_their_own(self):
        for decoy in ("cluster/production/a", "cluster/production/b", "cluster/production/web", "cluster/web",
                      "cluster/production/a/b", "cluster/a"):
            cluster.web2.put_key(decoy, {"mode": "all-active"})
        self.web2.running(True)
        for name in self.REFUSED:
            with self.subTest(name=name):
                run = self.web2.check(name)
                self.assertEqual(run.code, 1, run)
                self.assertEqual(json.loads(run.out.splitlines()[-1])["state"], "unknown", run)
                self.assertEqual(run.line["role"], "unknown", run)


class Output(Case):
    def test_same_bytes_while_nothing_changes(self):
        self.document(NODES)
        for node in (self.web1, self.web2):
            for running in (False, True):
                node.running(running)
                first = node.check()
                for _ in range(3):
                    self.assertEqual(node.check().out, first.out)

    def test_text(self):
        self.document(NODES)
        run = self.web1.check("web", "--format", "text")
        self.assertEqual((run.code, run.err), (2, ""), run)
        self.assertTrue(run.out.startswith("CRITICAL - apache2 is stopped, primary expects running"), run)

    def test_consul_runs_the_check(self):
        self.document(NODES)
        cases = ((self.web1, True, "passing", "primary"), (self.web1, False, "critical", "primary"),
                 (self.web2, False, "passing", "secondary"), (self.web2, True, "critical", "secondary"))
        for node in (self.web1, self.web2):
            check = {"id": "role", "name": "role", "args": node.check_argv(), "interval": "1s", "timeout": "9s",
                     "status": "passing"}
            service = {"services": [{"name": "guarded", "port": 80, "checks": [check]}]}
            (node.agent.config / "guarded.json").write_text(json.dumps(service))
            node.agent.api("PUT", "/v1/agent/reload")
        for node, running, status, role in cases:
            with self.subTest(role=role, running=running):
                node.running(running)
                expected = node.check().out

                def seen_everywhere():
                    for entry in cluster.hq.api("GET", "/v1/health/service/guarded"):
                        for check in entry["Checks"]:
                            if entry["Node"]["Node"] == node.agent.node and check["CheckID"] == "role":
                                return (check["Status"], check["Output"]) == (status, expected)
                wait_until(f"Consul shows {status} for {node.agent.node}", seen_everywhere, deadline=20)
                self.assertIn(f'"role":"{role}"', expected)

    def test_only_what_serves_passes_as_the_readme_says(self):
        page = (pathlib.Path(__file__).parents[3] / "README.md").read_text()
        blocks = [json.loads(text) for text in re.findall(r"```json\n(\{.*?\n\})\n```", page, re.S) if "--serving" in text]
        self.assertEqual(len(blocks), 1, "the README shows one check with --serving")
        self.document(NODES)
        for node in (self.web1, self.web2):
            service = {**blocks[0]["service"]}
            check = service.pop("check")
            self.assertEqual(check["args"][1:], ["check", "service", "-s", "apache2", "-S", "web", "--serving"])
            # Beside it, the service itself: its check is what the nodes know of each other.
            roles = {"id": "web-role", "args": node.check_argv(), "interval": "1s", "timeout": "9s",
                     "status": "passing"}
            serves = {**check, "args": node.check_argv("web", "--serving"), "interval": "1s"}
            node.agent.api("PUT", "/v1/agent/service/deregister/web")
            services = [{"name": "web", "port": 80, "checks": [roles]}, {**service, "checks": [serves]}]
            (node.agent.config / "web.json").write_text(json.dumps({"services": services}))
            node.agent.api("PUT", "/v1/agent/reload")

        def serving(*nodes):
            def seen():
                entries = cluster.hq.api("GET", "/v1/health/service/web-active?passing")
                return [entry["Node"]["Node"] for entry in entries] == [node.agent.node for node in nodes]
            wait_until(f"{len(nodes)} serve", seen, deadline=20)
            for node in nodes:
                self.assertIn('"serving":true,"basis":"fresh"}',
                              node.agent.api("GET", "/v1/agent/checks")["web-serves"]["Output"])
        serving()
        self.web1.running(True)
        serving(self.web1)
        self.assertEqual(len(cluster.hq.api("GET", "/v1/health/service/web?passing")), 2, "both are well")

        def standby():
            found = [check for check in cluster.web2.api("GET", "/v1/health/node/production-web2")
                     if check["CheckID"] == "web-serves"]
            return found if found and found[0]["Output"] else None
        snapshot = wait_until("it has run on the standby, too", standby)
        self.assertEqual(snapshot[0]["Status"], "critical")
        self.assertIn("apache2 does not serve here, secondary expects stopped", snapshot[0]["Output"])
        watch = self.web2.run([cluster.powerconsul, "watch", "critical", *self.web2.options("web")[2:], "--log", "stderr"],
                              json.dumps(snapshot))
        self.assertEqual((watch.code, watch.out, watch.err), (0, "", ""), watch)
        self.web1.running(False)
        self.web2.running(True)
        serving(self.web2)
        self.web1.running(True)
        serving(self.web1)
        cluster.web1.maintenance(True, "web")
        serving(self.web2)

    def test_consul_damps_as_the_readme_says(self):
        page = (pathlib.Path(__file__).parents[3] / "README.md").read_text()
        blocks = [json.loads(text) for text in re.findall(r"```json\n(\{.*?\n\})\n```", page, re.S)
                  if "failures_before_critical" in text]
        self.assertEqual(len(blocks), 1, "the README shows one check with damping")
        runs = self.web1.folder / "runs"
        runs.write_text("")
        argv = ["/bin/sh", "-c", 'echo >>"$0"; exec "$@"', str(runs), *self.web1.check_argv()]
        check = {**blocks[0], "id": "damped", "args": argv, "interval": "1s", "status": "passing"}
        self.web1.running(True)
        service = {"services": [{"name": "damped", "port": 80, "checks": [check]}]}
        (cluster.web1.config / "damped.json").write_text(json.dumps(service))
        cluster.web1.api("PUT", "/v1/agent/reload")

        def status():
            return cluster.web1.api("GET", "/v1/agent/checks")["damped"]["Status"]

        def lines():
            return len(runs.read_text())
        wait_until("the check has run", lambda: lines() > 1)
        self.web1.running(False)
        before = lines()
        wait_until("the check is critical", lambda: status() == "critical", deadline=20)
        # Three runs in a row, of which the first may have been under way already.
        self.assertGreaterEqual(lines() - before, blocks[0]["failures_before_critical"] - 1)
        self.web1.running(True)
        wait_until("the check is passing again", lambda: status() == "passing", deadline=20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
