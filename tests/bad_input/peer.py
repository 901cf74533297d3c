"""A peer that stands for a Consul agent and gives an answer that is no good, which no real agent does on demand.

Its other answers are sound ones, written here, for one service `web` on the node that asks. The listener and most of what is
wrong come from tests/integration/consul/altering_proxy.py, which does the same to the answers of a real agent.
"""
import base64
import json
import pathlib
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration" / "consul"))
import altering_proxy as alter  # noqa: E402  pylint: disable=wrong-import-position

NODE = "production-web1"
OTHER = "production-web2"
INDEX = ("X-Consul-Index", "7")
CRITICAL = {"Node": NODE, "CheckID": "web-role", "Name": "web", "Status": "critical", "Notes": "",
            "Output": "web is stopped", "ServiceID": "web", "ServiceName": "web", "CreateIndex": 7, "ModifyIndex": 9}


def answer(data):
    headers = [("Content-Type", "application/json"), INDEX, ("X-Consul-KnownLeader", "true"),
               ("X-Consul-LastContact", "0")]
    return alter.Answer(200, headers, json.dumps(data).encode())


def key(name, value, modified=7):
    """The answer to a request for a key; None: there is none."""
    if value is None:
        return alter.Answer(404, [INDEX], b"")
    text = base64.b64encode(value.encode()).decode()
    return answer([{"LockIndex": 0, "Key": name, "Flags": 0, "Value": text, "CreateIndex": 5, "ModifyIndex": modified}])


def instance(node, status):
    return {"Node": {"Node": node, "Datacenter": "hq"}, "Service": {"ID": "web", "Service": "web"},
            "Checks": [{"Node": node, "CheckID": "web-role", "Status": status}]}


def checks_of(node, status):
    return [{"Node": node, "CheckID": "serfHealth", "Status": "passing", "ServiceID": "", "ServiceName": ""},
            {"Node": node, "CheckID": "web-role", "Status": status, "ServiceID": "web", "ServiceName": "web"}]


class Peer(alter.Proxy):
    """`endpoint`: how the targets begin whose answers are altered. A trigger would leave a file `ran` in the folder."""

    def __init__(self, folder, endpoint, alteration, document):
        self.answers = {
            "/v1/kv/cluster/": key("cluster/production/web", document),
            "/v1/kv/triggers/": key("triggers/production/web/standalone/critical", f"touch {folder}/ran"),
            "/v1/kv/pauses/": key("", None),
            "/v1/health/service/web": answer([instance(NODE, "critical"), instance(OTHER, "passing")]),
            f"/v1/health/node/{NODE}": answer(checks_of(NODE, "critical")),
            f"/v1/health/node/{OTHER}": answer(checks_of(OTHER, "passing")),
            "/v1/health/node/": answer([]),
            "/v1/agent/self": answer({"Config": {"NodeName": NODE, "Datacenter": "hq", "Version": "1.8.7"}}),
            "/v1/agent/checks": answer({"web-role": CRITICAL}),
            "/v1/catalog/datacenters": answer(["hq"]),
            "/v1/internal/acl/authorize": answer([]),
            "/v1/status/leader": answer("127.0.0.1:8300"),
        }
        super().__init__(types.SimpleNamespace(ip="127.0.0.1", node=NODE), endpoint, alteration)

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def ask(self, method, target, headers, body):
        """In the place of an agent."""
        return next((each for beginning, each in self.answers.items() if target.startswith(beginning)),
                    alter.Answer(404, [], b""))
