"""powerconsul lint against a real Consul with ACLs: what stands in KV, by -S, by --all, and by Consul's own export.

    CONSUL=... POWERCONSUL=... python3 test_lint.py [unittest options]
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from consul_cluster import Agent, Cluster, executables, wait_until

MASTER = "b1a5eed0-0000-0000-0000-000000000000"
ACL_HCL = f"""
acl {{ enabled = true default_policy = "deny" tokens {{ master = "{MASTER}" agent = "{MASTER}" }} }}
"""
READER = """
key_prefix "cluster/" { policy = "read" }
key_prefix "triggers/" { policy = "read" }
node_prefix "" { policy = "read" }
service_prefix "" { policy = "read" }
"""
server = None


class Server(Agent):
    """One server with ACLs; every request is made with the master token."""

    def request(self, method, path, body=None, timeout=10):
        return super().request(method, path + ("&" if "?" in path else "?") + "token=" + MASTER, body, timeout)

    def token(self, rules):
        name = f"p{len(self.tokens)}"
        self.api("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
        secret = self.api("PUT", "/v1/acl/token", {"Policies": [{"Name": name}]})["SecretID"]
        file = self.folder / name
        file.write_text(secret)
        file.chmod(0o600)
        self.tokens.append(file)
        return file


class Alone:
    """What an Agent wants to know of its cluster."""

    def __init__(self):
        self.consul, self.powerconsul = map(str, executables())
        self.temporary = tempfile.TemporaryDirectory(prefix="powerconsul-lint-")
        self.folder = pathlib.Path(self.temporary.name)


def setUpModule():
    global server
    alone = Alone()
    unittest.addModuleCleanup(alone.temporary.cleanup)
    server = Server(alone, "hq", "production-web1", Cluster.free_addresses(1)[0], True, None)
    server.tokens = []
    (server.config / "acl.hcl").write_text(ACL_HCL)
    unittest.addModuleCleanup(server.kill)
    server.start()
    wait_until("the server is ready", server.ready)
    server.api("PUT", "/v1/agent/service/register", {"Name": "web", "Port": 80})
    wait_until("web is registered", lambda: server.worst("web", "production-web1") == "passing")
    server.reader = server.token(READER)


def consul(*words):
    environment = {"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": server.address, "CONSUL_HTTP_TOKEN": MASTER}
    return subprocess.run([server.cluster.consul, *words], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=True, timeout=30).stdout


def lint(*words, token=None, text=None):
    argv = [server.cluster.powerconsul, "lint", *words, "--environment", "production", "--node", "production-web1"]
    if text is None:
        argv += ["--http-addr", server.address, "--token-file", str(token or server.reader)]
    done = subprocess.run(argv, env={"PATH": os.environ["PATH"], "HOME": str(server.folder)}, input=text or "",
                          capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout.splitlines(), done.stderr


class Lint(unittest.TestCase):
    def setUp(self):
        server.api("DELETE", "/v1/kv/?recurse")

    def put(self, **services):
        for key, value in services.items():
            server.put_key(key.replace("__", "/"), value)

    def bad_site(self):
        self.put(cluster__production__web='{"active_nodes": [], "standby_nodes": ["production-web2"]}',
                 cluster__production__db='{"mode": "all-active"}',
                 triggers__production__web__primary__critical="./restart",
                 triggers__production__db__secondary__critical="date",
                 triggers__production__web__master__critical="date")

    BAD = ["cluster/production/web:1:18: error: active_nodes: the list is empty; name at least one",
           "triggers/production/db/secondary/critical: warning: this trigger never runs: the mode of its cluster "
           "document is all-active: every node is primary",
           "triggers/production/web/master/critical: warning: \"master\" is no role; did you mean \"primary\"?",
           "triggers/production/web/primary/critical:1:1: warning: the command ./restart is relative; triggers run in "
           "/, give its whole path"]

    def test_consuls_own_export(self):
        self.bad_site()
        server.put_key("app/setting", "1")
        text = consul("kv", "export", "")
        self.assertTrue(json.loads(text))
        self.assertEqual(lint("-", text=text),
                         (65, self.BAD + ["1 error, 3 warnings in 4 documents; 1 other key passed over"], ""))
        text = consul("kv", "export", "cluster/production/db")
        self.assertEqual(lint("-", text=text), (0, ["1 cluster document is fine"], ""))
        code, lines, _ = lint("-", text=consul("kv", "export", "nothing/"))
        self.assertEqual(code, 65, lines)
        self.assertIn("no key of this export is powerconsul's", lines[0])

    def test_all(self):
        self.bad_site()
        code, lines, err = lint("--all")
        self.assertEqual((code, err), (65, ""), lines)
        note = ("cluster/production/db: note: Consul shows no instance of db (there is none, or the token needs "
                "service:read on it and node:read): its nodes were not compared")
        self.assertEqual(lines, [note] + self.BAD + ["1 error, 3 warnings in 4 documents"])
        code, lines, err = lint("--all", "--format", "json")
        self.assertEqual((code, err), (65, ""))
        facts = json.loads(lines[0])
        self.assertEqual([facts[key] for key in ("errors", "warnings", "notes", "documents", "triggers")],
                         [1, 3, 1, 2, 2])
        self.assertEqual([one["message"] for one in facts["findings"] if one["severity"] == "error"],
                         ["active_nodes: the list is empty; name at least one"])

    def test_one_service_and_its_nodes(self):
        document = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
        self.put(cluster__production__web=document, triggers__production__web__primary__critical="date")
        self.assertEqual(lint("-S", "web"), (
            1, ["cluster/production/web:1:57: warning: standby_nodes names no node on which Consul shows web; it is on "
                "production-web1",
                "triggers/production/web/primary/critical: warning: there is no such trigger for secondary: nothing stops "
                "web on a standby that runs it while an active serves", "2 warnings in 2 documents"], ""))
        document["standby_nodes"].append("Production-Web1.example")
        server.put_key("cluster/production/web", document)
        code, lines, _ = lint("-S", "web")
        self.assertEqual(code, 65)
        self.assertIn('error: the document: "production-web1" is both active and standby', lines[0])
        self.assertEqual(lint("-S", "absent"), (
            0, ["cluster/production/absent: note: absent has neither a cluster document nor a trigger: every node is "
                "standalone", "nothing to look at"], ""))

    def test_both_places_of_a_trigger(self):
        document = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web1b"]}
        self.put(cluster__production__web=document, triggers__production__web__primary__critical="date",
                 triggers__web__primary__critical="date", triggers__web__secondary__critical="date",
                 triggers__web__crit="date", triggers__test__web__primary__critical="./another environment's")
        for words in (["-S", "web"], ["--all"]):
            code, lines, err = lint(*words)
            self.assertEqual((code, err), (1, ""), lines)
            self.assertIn("triggers/web/primary/critical: warning: it is not used where triggers/production/web/primary/"
                          "critical is read first, which has a value, too", lines)
            self.assertFalse([line for line in lines if "no such trigger" in line or "another environment" in line], lines)
        # A counterpart that the token may not list is no counterpart that is missing.
        some = server.token('key_prefix "cluster/" { policy = "read" } key_prefix "triggers/production/" { policy = "read" } '
                            'node_prefix "" { policy = "read" } service_prefix "" { policy = "read" }')
        code, lines, err = lint("--all", token=some)
        self.assertEqual(err, "")
        self.assertTrue([line for line in lines if line.startswith("triggers: note: the triggers for all environments "
                                                                    "could not be looked at: ")], lines)
        self.assertTrue([line for line in lines if line.startswith("triggers/web/secondary/critical: note: it could not "
                                                                    "be read: ")], lines)
        self.assertFalse([line for line in lines if "no such trigger" in line], lines)

    def test_what_may_not_be_read_is_never_fine(self):
        self.put(cluster__production__web={"mode": "all-active"})
        blind = server.token('node_prefix "" { policy = "read" }')
        for words in (["--all"], ["-S", "web"]):
            code, lines, err = lint(*words, token=blind)
            self.assertEqual((code, lines), (77, []), err)
            self.assertIn("Permission denied; the token needs key:read on cluster/production/", err)
        # Documents but no triggers, instances of nothing.
        half = server.token('key_prefix "cluster/" { policy = "read" }')
        code, lines, err = lint("--all", token=half)
        self.assertEqual((code, lines), (77, []), err)
        self.assertIn("the token needs key:read on triggers/production/", err)
        # A document that is hidden from the list is not absent: its service's triggers are not called useless.
        self.put(cluster__production__db={"mode": "all-active"}, triggers__production__web__primary__critical="date")
        some = server.token('key_prefix "triggers/" { policy = "read" } key "cluster/production/db" { policy = "read" }')
        code, lines, err = lint("--all", token=some)
        self.assertEqual((code, lines), (77, []), err)
        self.assertIn("the token needs key:read on cluster/production/web", err)
        no_service = server.token('key_prefix "" { policy = "read" } node_prefix "" { policy = "read" }')
        code, lines, err = lint("-S", "web", token=no_service)
        self.assertEqual((code, err), (0, ""), lines)
        self.assertIn("note: Consul shows no instance of web (there is none, or the token needs service:read", lines[0])
        # Rights and nothing there.
        server.api("DELETE", "/v1/kv/?recurse")
        code, lines, err = lint("--all")
        self.assertEqual((code, err), (65, ""))
        self.assertIn("neither here nor below triggers/production is any key that the token may list", lines[0])

    def test_consul_away(self):
        environment = {"PATH": os.environ["PATH"], "HOME": str(server.folder)}
        for words in (["--all"], ["-S", "web"]):
            done = subprocess.run([server.cluster.powerconsul, "lint", *words, "--environment", "production",
                                   "--http-addr", f"{server.ip}:1"], env=environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stdout), (69, ""), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
