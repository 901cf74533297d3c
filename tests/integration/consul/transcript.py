"""Prints what powerconsul says in every line of the decision table, on two real Consul datacenters.

    CONSUL=... POWERCONSUL=... python3 transcript.py
"""
import shlex

from consul_cluster import Cluster, Node, executables, wait_until

NODES = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
DATACENTERS = {"active_datacenters": ["hq"], "standby_datacenters": ["dr"]}


class Transcript:
    def __init__(self, cluster):
        self.cluster = cluster
        self.web1, self.web2, self.web3 = (Node(cluster, each) for each in (cluster.web1, cluster.web2, cluster.web3))

    def show(self, title, node, running, *more):
        """One line of the table: how things stand, the command, its output and its exit code."""
        node.running(running)
        run = node.check("web", *more)
        words = shlex.join(["powerconsul", *run.argv[1:]])
        for path, name in ((str(node.state), "STATE"), (str(node.init), "INIT"), (node.agent.address, "AGENT")):
            words = words.replace(path, name)
        print(f"## {title}; apache2 {'runs' if running else 'is stopped'} on {node.agent.node}")
        print(f"$ {words}\n{run.out}{run.err}exit {run.code}\n")

    def both(self, title, node):
        for running in (True, False):
            self.show(title, node, running)

    def seen(self, agent, state, by=None):
        by = by or self.cluster.web2
        wait_until(f"web on {agent.node} is {state}", lambda: by.worst("web", agent.node, agent.datacenter) == state)

    def tell(self):
        cluster = self.cluster
        cluster.clean()
        for agent in (cluster.web1, cluster.web2, cluster.web3):
            agent.register("web")
            self.seen(agent, "passing")
        self.both("No cluster document", self.web1)
        for agent in (cluster.hq, cluster.web3):
            agent.put_key("cluster/production/web", NODES)
        self.both("Active by node", self.web1)
        self.both("Standby, the active serves", self.web2)
        cluster.web1.set_check("web", "warn")
        self.seen(cluster.web1, "warning")
        self.both("Standby, the active is warning and still serves", self.web2)
        cluster.web1.set_check("web", "fail")
        self.seen(cluster.web1, "critical")
        self.both("Standby, the active's check is critical", self.web2)
        cluster.web1.set_check("web", "pass")
        cluster.web1.maintenance(True)
        self.seen(cluster.web1, "critical")
        self.both("Standby, the active's node is in maintenance", self.web2)
        cluster.web1.maintenance(False)
        cluster.web1.kill()
        self.seen(cluster.web1, "critical")
        self.both("Standby, the active's node is dead", self.web2)
        cluster.whole()
        for agent in (cluster.web1, cluster.web2):
            self.seen(agent, "passing")
        for agent in (cluster.hq, cluster.web3):
            agent.put_key("cluster/production/web", DATACENTERS)
        self.both("Active by datacenter", self.web1)
        self.both("Standby by datacenter, the other one serves", self.web3)
        cluster.hq.put_key("cluster/production/web", {"active_datacenters": ["dr"], "standby_datacenters": ["hq"]})
        fresh = Node(cluster, cluster.web2)
        cluster.web3.pause()
        self.show("Standby, the active's datacenter hangs", fresh, True)
        cluster.whole()
        cluster.hq.put_key("cluster/production/web", {"mode": "all-active"})
        self.both("All active", self.web2)
        cluster.hq.put_key("cluster/production/web", {"active_nodes": ["production-web1"]})
        self.show("A document with one list only", self.web2, True)
        cluster.hq.put_key("cluster/production/web", NODES)
        self.show("Standby, the active serves", self.web2, False)
        cluster.hq.kill()
        self.show("No leader, the last known role is young", self.web2, False)
        self.show("No leader, the last known role may not be used", self.web2, True, "--max-age", "0")
        self.show("The same, unknown as critical", self.web2, True, "--max-age", "0", "--unknown-exit", "2")
        cluster.web2.kill()
        self.show("The agent is down", Node(cluster, cluster.web2), True)


if __name__ == "__main__":
    with Cluster(*executables()) as running_cluster:
        Transcript(running_cluster).tell()
