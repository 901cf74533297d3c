"""A service with 20 000 instances in each of two real Consul datacenters, and standbys that ask for what decides.

    CONSUL=... POWERCONSUL=... python3 test_fleet.py [unittest options]

The instances are in the catalog only, on nodes without an agent.
"""
import json
import threading
import unittest

from consul_cluster import Agent, Cluster, Node, executables, wait_until

INSTANCES = 20_000
OPERATIONS = 63  # in one transaction, of at most 64
KEY = "cluster/production/web"
cluster = None


class TwoServers(Cluster):
    def start(self):
        ips = self.free_addresses(2)
        self.hq = Agent(self, "hq", "production-web1", ips[0], True, None, join_wan=ips[1])
        self.dr = Agent(self, "dr", "production-web2", ips[1], True, None, join_wan=ips[0])
        self.agents += [self.hq, self.dr]
        for agent in self.agents:
            agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
            wait_until("both datacenters are known",
                       lambda each=agent: len(each.api("GET", "/v1/catalog/datacenters")) == 2)
            wait_until("its node is healthy", lambda each=agent: self.healthy_nodes(each) == 1)
            agent.register("web")


def fill(agent, first):
    """`production-web<first>` and so on, each with one instance and its check."""
    operations = []
    for number in range(first, first + INSTANCES):
        node = f"production-web{number}"
        check = {"Node": node, "CheckID": "service:web", "Name": "web", "Status": "passing", "ServiceID": "web",
                 "Output": '{"type":"service","service":"web","expects":true,"clustered":true,"state":"passing","code":0}'}
        operations += [{"Node": {"Verb": "set", "Node": {"Node": node, "Address": "127.0.0.1"}}},
                       {"Service": {"Verb": "set", "Node": node, "Service": {"ID": "web", "Service": "web"}}},
                       {"Check": {"Verb": "set", "Check": check}}]
        if len(operations) >= OPERATIONS or number == first + INSTANCES - 1:
            agent.api("PUT", "/v1/txn", operations)
            operations = []


def set_status(agent, numbers, status):
    for number in numbers:
        agent.api("PUT", "/v1/txn", [{"Check": {"Verb": "set", "Check": {
            "Node": f"production-web{number}", "CheckID": "service:web", "Name": "web", "Status": status,
            "ServiceID": "web", "Output": "said"}}}])


def setUpModule():
    global cluster
    cluster = TwoServers(*executables())
    unittest.addModuleCleanup(cluster.close)
    cluster.start()
    fillers = [threading.Thread(target=fill, args=(agent, 1000 + each * INSTANCES))
               for each, agent in enumerate(cluster.agents)]
    for each in fillers:
        each.start()
    for each in fillers:
        each.join()
    wait_until("all are there", lambda: len(cluster.dr.api("GET", "/v1/catalog/nodes")) == INSTANCES + 1)


class Fleet(unittest.TestCase):
    def setUp(self):
        self.standby = Node(cluster, cluster.hq)
        self.standby.running(False)

    def document(self, document):
        cluster.hq.put_key(KEY, document)
        wait_until("it is there", lambda: cluster.hq.api("GET", f"/v1/kv/{KEY}?consistent"))

    def check(self, said, **facts):
        run = self.standby.check("web")
        self.assertIn(said, run.line["reason"], run)
        for name, value in facts.items():
            self.assertEqual(run.line[name], value, run)

    def listed(self):
        """A list of all is read within the time of one request, which a busy machine may not manage at once."""
        wait_until("one of the datacenter is found to serve",
                   lambda: not self.check("(dr) serves as active", state="passing", expects=False))

    def asked(self):
        told = json.loads(self.standby.role("web", "--explain", "--format", "json").out)
        return [each["request"].partition("?")[0] for each in told["actives"]["asked"]]

    def test_by_node_only_the_active_is_asked_for(self):
        self.document({"active_nodes": ["production-web1007"], "standby_nodes": ["production-web1"]})
        for _ in range(2):
            self.check("production-web1007 (hq) serves as active", state="passing", expects=False)
            self.assertEqual(self.asked(), ["GET /v1/health/node/production-web1007"])
        self.addCleanup(set_status, cluster.hq, [1007], "passing")
        set_status(cluster.hq, [1007], "critical")
        self.check("production-web1007 (hq) is critical by service:web", expects=True)

    def test_by_datacenter_one_that_served_is_asked_for(self):
        self.document({"active_datacenters": ["dr"], "standby_datacenters": ["hq"]})
        self.listed()
        known = self.asked()
        self.assertEqual(len(known), 1)
        self.assertRegex(known[0], "^GET /v1/health/node/production-web[0-9]+$")
        number = int(known[0].rpartition("web")[2])
        if number > 2:  # the server's own has an agent, which would set it right
            self.addCleanup(set_status, cluster.dr, [number], "passing")
            set_status(cluster.dr, [number], "critical")
            self.listed()
            self.assertNotEqual(self.asked(), known)

    def test_an_active_in_other_letters_or_with_a_domain_is_found(self):
        for listed, registered in (("PRODUCTION-WEB1009", "production-web1009"),
                                   ("production-web8", "production-web8.example.org"),
                                   ("production-web9.example.org", "production-web9")):
            with self.subTest(listed):
                cluster.hq.api("PUT", "/v1/catalog/register", {
                    "Node": registered, "Address": "127.0.0.1", "Service": {"Service": "web"},
                    "Check": {"CheckID": "service:web", "Name": "web", "Status": "passing", "ServiceID": "web"}})
                self.document({"active_nodes": [listed], "standby_nodes": ["production-web1"]})
                self.check(f"{registered} (hq) serves as active", state="passing", expects=False)

    def test_a_service_without_a_check_is_told_from_none(self):
        for service, said in (("web", "production-web7 (hq) serves as active"),
                              ("db", "production-web7 is not registered")):
            with self.subTest(service):
                cluster.hq.api("PUT", "/v1/catalog/register", {
                    "Node": "production-web7", "Address": "127.0.0.1", "Service": {"Service": service},
                    "Check": {"CheckID": "ping", "Name": "ping", "Status": "passing"}})
                self.document({"active_nodes": ["production-web7"], "standby_nodes": ["production-web1"]})
                self.check(said)
                cluster.hq.api("PUT", "/v1/catalog/deregister", {"Node": "production-web7"})


if __name__ == "__main__":
    unittest.main()
