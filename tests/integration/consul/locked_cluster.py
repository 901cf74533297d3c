"""A Consul that denies what no rule allows: ACLs on, default policy deny, tokens made as an operator makes them.

    hq: hq-server (server), production-web1 and production-web2 (client agents)

Agents register their own nodes with a token of their own; none has a default token, so that a request without a token
is an anonymous one.
"""
import http.client
import json

from consul_cluster import Agent, Cluster, wait_until

MASTER = "b1a5eed0-0000-0000-0000-000000000000"
ACL_HCL = f"""
acl {{
  enabled = true
  default_policy = "deny"
  down_policy = "extend-cache"
  tokens {{ master = "{MASTER}" agent = "{MASTER}" }}
}}
"""


class LockedAgent(Agent):
    """Everything that a test sets up it sets up with the master token."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        (self.config / "acl.hcl").write_text(ACL_HCL)

    def request(self, method, path, body=None, timeout=10):
        connection = http.client.HTTPConnection(self.ip, 8500, timeout=timeout)
        try:
            plain = body is None or isinstance(body, (str, bytes))
            connection.request(method, path, body if plain else json.dumps(body), {"X-Consul-Token": MASTER})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def register(self, service, status="passing"):
        self.api("PUT", "/v1/agent/service/register",
                 {"Name": service, "Port": 80, "Token": MASTER,
                  "Check": {"CheckID": f"{service}-alive", "TTL": "1h", "Status": status}})

    def set_check(self, service, verb):
        """With an output, as a check has that has run."""
        self.api("PUT", f"/v1/agent/check/{verb}/{service}-alive?note=as+the+test+says")


class LockedCluster(Cluster):
    def start(self):
        ips = self.free_addresses(3)
        make = lambda *words: self.agents.append(LockedAgent(self, *words)) or self.agents[-1]
        self.hq = make("hq", "hq-server", ips[0], True, None)
        self.web1 = make("hq", "production-web1", ips[1], False, ips[0])
        self.web2 = make("hq", "production-web2", ips[2], False, ips[0])
        for agent in self.agents:
            agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        wait_until("the master token is known", lambda: self.hq.api("GET", "/v1/acl/token/self"))
        wait_until("all nodes are healthy", lambda: self.healthy_nodes(self.web1) == 3)

    def token(self, rules, name, local=False):
        """A new token with exactly these rules; its secret, in a file that powerconsul takes."""
        made = self.hq.api("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
        token = self.hq.api("PUT", "/v1/acl/token", {"Policies": [{"ID": made["ID"]}], "Local": local})
        return self.token_file(token["SecretID"], name)

    def token_file(self, secret, name):
        file = self.folder / f"{name}.token"
        file.touch(mode=0o600)
        file.write_text(secret + "\n")
        return file


class TwoLockedDatacenters(LockedCluster):
    """
        hq: production-web1 (server), whose ACLs are dr's too
        dr: production-web2 (server), with a copy of the global tokens
    """

    def start(self):
        ips = self.free_addresses(2)
        self.hq = LockedAgent(self, "hq", "production-web1", ips[0], True, None, join_wan=ips[1])
        self.dr = LockedAgent(self, "dr", "production-web2", ips[1], True, None, join_wan=ips[0])
        self.agents = [self.hq, self.dr]
        for agent in self.agents:
            (agent.config / "primary.json").write_text('{"primary_datacenter": "hq"}')
        (self.dr.config / "replication.json").write_text(json.dumps(
            {"acl": {"enable_token_replication": True, "tokens": {"replication": MASTER}}}))
        for agent in self.agents:
            agent.start()
        for agent in self.agents:
            wait_until(f"{agent.node} is ready", agent.ready)
        wait_until("the master token is known", lambda: self.hq.api("GET", "/v1/acl/token/self"))
        wait_until("dr has a copy of it", lambda: self.dr.api("GET", "/v1/acl/token/self"))
        wait_until("hq is seen from dr", lambda: self.healthy_nodes(self.dr, "hq") == 1)

    def replicated(self):
        """All policies and tokens of now are in dr."""
        def names(agent, what):
            return {each.get("AccessorID") or each["ID"] for each in agent.api("GET", f"/v1/acl/{what}")
                    if not each.get("Local")}
        for what in ("policies", "tokens"):
            wait_until(f"dr has the {what}", lambda w=what: names(self.hq, w) <= names(self.dr, w))
