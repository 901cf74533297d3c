"""Addresses, TLS and credentials against a real Consul with ACLs that deny by default.

    CONSUL=... POWERCONSUL=... python3 test_connection.py [unittest options]

Two agents of their own certificate authority: one shows its certificate to anybody, the other asks for one. Where a test
uses Consul's own variables only, Consul's own program is run with the same ones and must come to the same end.
"""
import base64
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import unittest

from consul_cluster import Cluster, die_with_parent, executables, wait_until

KEY = "cluster/production/web"
MASTER = "b1a5eed0-0000-4000-8000-00000000feed"
READER = "5ec4e700-1111-4111-8111-111111111111"
STRANGER = "5ec4e700-2222-4222-8222-222222222222"
AUTH = "proxy-user:pa:ss-5ec4e7"
SECRETS = (MASTER, READER, STRANGER, AUTH, "pa:ss-5ec4e7", base64.b64encode(AUTH.encode()).decode())
RULES = 'key_prefix "" { policy = "read" } node_prefix "" { policy = "read" } service_prefix "" { policy = "read" } ' \
        'agent_prefix "" { policy = "read" }'
AGENT_HCL = """
ports {{ http = {http} https = {https} dns = -1 grpc = -1 }}
addresses {{ http = "{http_addresses}" https = "{https_addresses}" }}
unix_sockets {{ mode = "0600" }}
ca_file = "{ca}" cert_file = "{cert}" key_file = "{key}" verify_incoming_https = {mutual}
acl {{ enabled = true default_policy = "deny" tokens {{ master = "{master}" agent = "{master}" }} }}
disable_update_check = true
performance {{ raft_multiplier = 1 }}
"""
here = None


def free_port():
    """One that nobody uses on ::1; on the addresses of 127/8 that are ours alone it is free anyway."""
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return probe.getsockname()[1]


class Server:
    """A Consul server, with HTTP on an address, on ::1 and on a socket, and HTTPS on both addresses and on ::1."""

    def __init__(self, folder, consul, ip, other, mutual, certificate):
        self.ip, self.other, self.mutual = ip, other, mutual
        self.http, self.https = free_port(), free_port()
        self.socket = folder / "http.sock"
        six = "" if mutual else " ::1"
        (folder / "agent.hcl").write_text(AGENT_HCL.format(
            http=self.http, https=self.https, http_addresses=f"{ip} unix://{self.socket}{six}",
            https_addresses=f"{ip} {other}{six}", master=MASTER, mutual=str(mutual).lower(), **certificate))
        self.log = folder / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [consul, "agent", "-server", "-bootstrap-expect=1", "-datacenter=hq", f"-node={folder.name}",
                 f"-bind={ip}", f"-serf-wan-bind={ip}", f"-data-dir={folder / 'data'}",
                 f"-config-file={folder / 'agent.hcl'}"],
                env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent)

    def api(self, method, path, body=None):
        if self.process.poll() is not None:
            raise RuntimeError(f"the agent ended:\n{self.log.read_text()[-3000:]}")
        connection = http.client.HTTPConnection(self.ip, self.http, timeout=10)
        try:
            plain = body is None or isinstance(body, str)
            connection.request(method, path, body if plain else json.dumps(body), {"X-Consul-Token": MASTER})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text)

    def set_up(self):
        """The document of a service whose only active is node n1, and two tokens: one reads, one may do nothing."""
        wait_until("there is a leader", lambda: self.api("GET", "/v1/status/leader"))
        wait_until("ACLs are there", lambda: self.api("GET", "/v1/acl/token/self"))
        self.api("PUT", "/v1/acl/policy", {"Name": "reader", "Rules": RULES})
        self.api("PUT", "/v1/acl/token", {"SecretID": READER, "Policies": [{"Name": "reader"}]})
        self.api("PUT", "/v1/acl/token", {"SecretID": STRANGER})
        wait_until("the document is there", lambda: self.api(
            "PUT", f"/v1/kv/{KEY}", {"active_nodes": ["n1"], "standby_nodes": ["n2"]}))


class Place:
    """A folder with certificates, secrets and both servers."""

    def __init__(self):
        self.consul, self.powerconsul = executables()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="powerconsul-connection-"))
        self.servers = []
        self.tls = self.folder / "tls"
        ips = Cluster.free_addresses(3)
        self.authority("tls", ips[:2])
        self.authority("elsewhere", ips[:2])
        self.ca = self.tls / "consul-agent-ca.pem"
        self.wrong_ca = self.folder / "elsewhere" / "consul-agent-ca.pem"
        self.cert, self.key = self.tls / "hq-cli-consul-0.pem", self.tls / "hq-cli-consul-0-key.pem"
        self.ca_path = self.folder / "authorities"
        self.ca_path.mkdir()
        shutil.copy(self.wrong_ca, self.ca_path / "elsewhere.pem")
        (self.ca_path / "ours.crt").symlink_to(self.ca)
        for name, mutual, ip in (("open", False, ips[0]), ("mutual", True, ips[1])):
            (self.folder / name).mkdir()
            self.servers.append(Server(self.folder / name, self.consul, ip, ips[2], mutual, {
                "ca": self.ca, "cert": self.tls / "hq-server-consul-0.pem", "key": self.tls / "hq-server-consul-0-key.pem"}))
        self.open, self.mutual = self.servers
        for server in self.servers:
            server.set_up()
        self.secret("reader", READER + "\n")
        self.secret("stranger", STRANGER)
        self.secret("auth", AUTH + "\n")

    def authority(self, name, ips):
        """Consul's own program makes it. No certificate is for the third address."""
        folder = self.folder / name
        folder.mkdir()
        names = [f"-additional-ipaddress={ip}" for ip in (*ips, "::1")]
        for words in (["ca", "create"], ["cert", "create", "-server", "-dc=hq", *names],
                      ["cert", "create", "-cli", "-dc=hq"]):
            subprocess.run([self.consul, "tls", *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=30, check=True)
        for key in folder.glob("*-key.pem"):
            key.chmod(0o600)

    def secret(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def close(self):
        for server in self.servers:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Proxy:
    """In front of a server: lets nobody through without name and password. It may also answer everything by itself."""

    def __init__(self, server, answer=None):
        outer = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.seen.append((self.path, dict(self.headers)))
                wanted = "Basic " + base64.b64encode(AUTH.encode()).decode()
                if answer:
                    return self.reply(*answer(self.headers))
                if self.headers.get("Authorization") != wanted:
                    return self.reply(401, b"who are you?", [("WWW-Authenticate", "Basic")])
                upstream = http.client.HTTPConnection(server.ip, server.http, timeout=10)
                upstream.request("GET", self.path, headers={"X-Consul-Token": self.headers.get("X-Consul-Token", "")})
                got = upstream.getresponse()
                index = got.getheader("X-Consul-Index")
                self.reply(got.status, got.read(), [("X-Consul-Index", index)] if index else [])
                upstream.close()

            def reply(self, status, body, headers=()):
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", str(len(body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        self.listener = http.server.ThreadingHTTPServer((server.ip, 0), Handler)
        self.address = f"{server.ip}:{self.listener.server_address[1]}"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.listener.shutdown()
        self.thread.join()
        self.listener.server_close()


def setUpModule():
    global here
    here = Place()
    unittest.addModuleCleanup(here.close)


class Case(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(dir=here.folder))

    def run_tool(self, *words, stdin="", **environment):
        """Powerconsul, which must never show a secret, whatever it is asked."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), **environment}
        done = subprocess.run([here.powerconsul, *map(str, words)], env={k: str(v) for k, v in environment.items()},
                              input=stdin, capture_output=True, text=True, timeout=60, check=False)
        for secret in SECRETS:
            self.assertNotIn(secret, done.stdout + done.stderr, words)
        return done

    def role(self, *options, **environment):
        return self.run_tool("role", "-S", "web", "--node", "n1", "--environment", "production", "--state-dir",
                             self.home / "state", "--max-age", "0", "--format", "json", *options, **environment)

    def official(self, environment):
        """How Consul's own program ends with the same variables."""
        return subprocess.run([here.consul, "kv", "get", KEY],
                              env={"PATH": os.environ["PATH"], **{k: str(v) for k, v in environment.items()}},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    def is_read(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertEqual(json.loads(done.stdout)["role"], "primary", done)

    def is_refused(self, done, code, reason):
        """A role that is not known, with the reason on stdout, or no answer at all, with the reason on stderr."""
        self.assertEqual(done.returncode, code, done)
        told = json.loads(done.stdout)["reason"] if done.stdout else done.stderr
        self.assertIn(reason, told)

    def both_read(self, **environment):
        self.is_read(self.role(**environment))
        official = self.official(environment)
        self.assertEqual(official.returncode, 0, official)

    def both_refuse(self, code, reason, **environment):
        self.is_refused(self.role(**environment), code, reason)
        official = self.official(environment)
        self.assertEqual(official.returncode, 1, official)


class Addresses(Case):
    def test_each_form_of_an_address(self):
        server = here.open
        for address in (f"{server.ip}:{server.http}", f"http://{server.ip}:{server.http}", f"unix://{server.socket}",
                        f"[::1]:{server.http}", f"http://[::1]:{server.http}"):
            with self.subTest(address):
                self.both_read(CONSUL_HTTP_ADDR=address, CONSUL_HTTP_TOKEN=READER)
                self.is_read(self.role("--http-addr", address, CONSUL_HTTP_ADDR="127.0.0.1:1", CONSUL_HTTP_TOKEN=READER))

    def test_ssl_turns_an_address_into_https(self):
        server = here.open
        for address in (f"{server.ip}:{server.https}", f"http://{server.ip}:{server.https}"):
            with self.subTest(address):
                self.both_read(CONSUL_HTTP_ADDR=address, CONSUL_HTTP_SSL="true", CONSUL_CACERT=here.ca,
                               CONSUL_HTTP_TOKEN=READER)
        self.both_read(CONSUL_HTTP_ADDR=f"https://{server.ip}:{server.https}", CONSUL_HTTP_SSL="false",
                       CONSUL_CACERT=here.ca, CONSUL_HTTP_TOKEN=READER)

    def test_the_wrong_port(self):
        server = here.open
        self.both_refuse(65, "Client sent an HTTP request to an HTTPS server", CONSUL_HTTP_TOKEN=READER,
                         CONSUL_HTTP_ADDR=f"{server.ip}:{server.https}")
        self.both_refuse(69, "the TLS handshake failed; is this its HTTPS port?", CONSUL_HTTP_TOKEN=READER,
                         CONSUL_HTTP_ADDR=f"https://{server.ip}:{server.http}")
        self.both_refuse(69, "there is no such socket", CONSUL_HTTP_ADDR=f"unix://{server.socket}.none")

    def test_a_password_in_an_address_is_not_shown(self):
        self.is_refused(self.role(CONSUL_HTTP_ADDR=f"http://{AUTH}@{here.open.ip}:{here.open.http}"), 64,
                        "CONSUL_HTTP_ADDR: the address of Consul \"...@")


class Tls(Case):
    def https(self, server=None, ip=None):
        server = server or here.open
        return {"CONSUL_HTTP_ADDR": f"https://{ip or server.ip}:{server.https}", "CONSUL_HTTP_TOKEN": READER}

    def test_authorities(self):
        elsewhere = self.home / "authorities"
        elsewhere.mkdir()
        shutil.copy(here.wrong_ca, elsewhere)
        self.both_read(**self.https(), CONSUL_CACERT=here.ca)
        self.both_read(**self.https(), CONSUL_CAPATH=here.ca_path)
        self.both_read(**self.https(ip="[::1]"), CONSUL_CACERT=here.ca)
        # The file wins over the directory.
        self.both_read(**self.https(), CONSUL_CACERT=here.ca, CONSUL_CAPATH=elsewhere)
        unknown = "its certificate is not for"
        self.both_refuse(69, unknown, **self.https(), CONSUL_CACERT=here.wrong_ca, CONSUL_CAPATH=here.ca_path)
        self.both_refuse(69, unknown, **self.https(), CONSUL_CAPATH=elsewhere)
        self.both_refuse(69, unknown, **self.https(), CONSUL_CACERT=here.wrong_ca)
        self.both_refuse(69, unknown, **self.https())

    def test_a_directory_of_authorities_with_other_files(self):
        # Consul's own program takes no directory that has anything but certificates in it; here are keys, too.
        self.is_read(self.role("--ca-path", here.tls, **self.https()))
        empty = self.home / "empty"
        empty.mkdir()
        self.is_refused(self.role("--ca-path", empty, **self.https()), 78, "holds a certificate in PEM form")
        self.is_refused(self.role("--ca-file", "/etc/hostname", **self.https()), 78, "must be in PEM form")
        self.is_refused(self.role("--ca-file", empty / "none", **self.https()), 78, "No such file or directory")

    def test_the_name_in_the_certificate(self):
        other = self.https(ip=here.open.other)
        wrong_name = f'its certificate is not for "{here.open.other}" or not from a known authority (IP address mismatch)'
        self.both_refuse(69, wrong_name, **other, CONSUL_CACERT=here.ca)
        # cpp-httplib 0.11.4 by itself believes this certificate, which is also for ::1, in one of three connections.
        for _ in range(8):
            self.is_refused(self.role(**other, CONSUL_CACERT=here.ca), 69, wrong_name)
        self.both_read(**other, CONSUL_CACERT=here.ca, CONSUL_TLS_SERVER_NAME="server.hq.consul")
        self.both_read(**other, CONSUL_CACERT=here.ca, CONSUL_TLS_SERVER_NAME="server.hq.consul:8501")
        self.both_refuse(69, 'its certificate is not for "server.dr.consul"', **other, CONSUL_CACERT=here.ca,
                         CONSUL_TLS_SERVER_NAME="server.dr.consul")
        self.both_read(**self.https(ip="[::1]"), CONSUL_CACERT=here.ca, CONSUL_TLS_SERVER_NAME="localhost")

    def test_without_verification_anybody_is_believed(self):
        for more in ({}, {"CONSUL_CACERT": here.wrong_ca}):
            self.both_read(**self.https(), **more, CONSUL_HTTP_SSL_VERIFY="false")
            self.both_read(**self.https(ip=here.open.other), **more, CONSUL_HTTP_SSL_VERIFY="0")
        self.is_read(self.role("--http-ssl-verify", "F", **self.https(), CONSUL_HTTP_SSL_VERIFY="true"))
        self.is_refused(self.role(**self.https(), CONSUL_HTTP_SSL_VERIFY="never"), 64,
                        'CONSUL_HTTP_SSL_VERIFY: "never" is neither')

    def test_a_certificate_of_our_own(self):
        mutual = {**self.https(here.mutual), "CONSUL_CACERT": here.ca}
        self.both_read(**mutual, CONSUL_CLIENT_CERT=here.cert, CONSUL_CLIENT_KEY=here.key)
        self.both_refuse(69, "if it asks for a client certificate, set one and its key", **mutual)
        stranger = {"CONSUL_CLIENT_CERT": here.folder / "elsewhere" / here.cert.name,
                    "CONSUL_CLIENT_KEY": here.folder / "elsewhere" / here.key.name}
        self.both_refuse(69, "if it asks for a client certificate, set one and its key", **mutual, **stranger)
        self.both_refuse(64, "CONSUL_CLIENT_CERT names a client certificate, but nothing names its key", **mutual,
                         CONSUL_CLIENT_CERT=here.cert)
        self.both_refuse(78, "are no pair of PEM files", **mutual, CONSUL_CLIENT_CERT=here.cert,
                         CONSUL_CLIENT_KEY=here.folder / "elsewhere" / here.key.name)
        # The agent does not ask for it, and gets it.
        self.both_read(**self.https(), CONSUL_CACERT=here.ca, CONSUL_CLIENT_CERT=here.cert, CONSUL_CLIENT_KEY=here.key)

    def test_a_key_that_others_can_read(self):
        key = self.home / "key.pem"
        shutil.copy(here.key, key)
        key.chmod(0o644)
        self.is_refused(self.role("--client-cert", here.cert, "--client-key", key, **self.https(here.mutual)), 78,
                        f'the client key "{key}" (owner root, mode 0644) can be read by others; chmod 0600 {key}'
                        if os.geteuid() == 0 else "mode 0644) can be read by others")

    def test_everything_in_the_configuration(self):
        config = self.home / "powerconsul.conf"
        config.write_text(json.dumps({"node": "n1", "environment": "production", "consul": {
            "httpAddr": f"{here.mutual.other}:{here.mutual.https}", "httpSsl": True, "caFile": str(here.ca),
            "clientCert": str(here.cert), "clientKey": str(here.key), "tlsServerName": "server.hq.consul",
            "tokenFile": str(here.folder / "reader"), "httpSslVerify": True}}))
        words = ("role", "-S", "web", "--config", config, "--state-dir", self.home / "state", "--max-age", "0",
                 "--format", "json")
        self.is_read(self.run_tool(*words))
        self.is_refused(self.run_tool(*words, CONSUL_TLS_SERVER_NAME="server.dr.consul"), 69, "server.dr.consul")


class Tokens(Case):
    def setUp(self):
        super().setUp()
        self.at = {"CONSUL_HTTP_ADDR": f"unix://{here.open.socket}"}
        self.reader, self.stranger = here.folder / "reader", here.folder / "stranger"

    def test_without_a_right_nothing_is_read(self):
        needs = f"the token needs key:read on {KEY}"
        self.both_refuse(77, needs, **self.at)
        self.both_refuse(77, needs, **self.at, CONSUL_HTTP_TOKEN=STRANGER)
        self.both_refuse(77, "ACL not found", **self.at, CONSUL_HTTP_TOKEN=STRANGER[:-1] + "3")

    def test_each_place_wins_over_the_next(self):
        self.both_read(**self.at, CONSUL_HTTP_TOKEN=READER)
        self.both_read(**self.at, CONSUL_HTTP_TOKEN=STRANGER, CONSUL_HTTP_TOKEN_FILE=self.reader)
        self.both_refuse(77, "Permission denied", **self.at, CONSUL_HTTP_TOKEN=READER,
                         CONSUL_HTTP_TOKEN_FILE=self.stranger)
        lower = {**self.at, "CONSUL_HTTP_TOKEN": STRANGER, "CONSUL_HTTP_TOKEN_FILE": self.stranger}
        self.is_read(self.role(**lower, POWERCONSUL_TOKEN_FILE=self.reader))
        self.is_read(self.role("--token-file", self.reader, **lower, POWERCONSUL_TOKEN_FILE=self.stranger))
        self.is_refused(self.role("--token-file", self.stranger, **self.at, CONSUL_HTTP_TOKEN=READER), 77,
                        "Permission denied")
        config = self.home / "powerconsul.conf"
        config.write_text(json.dumps({"consul": {"tokenFile": str(self.reader)}}))
        self.is_read(self.role("--config", config, **self.at))
        self.is_refused(self.role("--config", config, **self.at, CONSUL_HTTP_TOKEN=STRANGER), 77, "Permission denied")

    def test_a_file_that_is_not_for_this_user_alone(self):
        exposed = here.secret("exposed", READER, 0o644)
        owner = exposed.owner()
        says = f'the token file "{exposed}" (owner {owner}, mode 0644) can be read by others; chmod 0600 {exposed}'
        self.is_refused(self.role("--token-file", exposed, **self.at), 78, says)
        link = self.home / "link"
        link.symlink_to(exposed)
        self.is_refused(self.role("--token-file", link, **self.at), 78, "mode 0644) can be read by others")
        done = self.run_tool("check", "service", "-s", "a", "-S", "web", "--token-file", exposed, **self.at)
        self.assertEqual((done.returncode, done.stderr), (1, ""), done)
        self.assertIn(json.dumps(says)[1:-1], done.stdout)
        exposed.chmod(0o600)
        self.is_read(self.role("--token-file", link, **self.at))
        if os.geteuid() == 0:
            os.chown(exposed, 65534, 0)
            self.is_refused(self.role("--token-file", exposed, **self.at), 78,
                            "(owner nobody, mode 0600) does not belong to root, who reads it; chown root")

    def test_what_is_no_token(self):
        for text in (f"{READER} {READER}", f"{READER}\n{READER}", f"{READER}\r\nX-Other: y"):
            self.is_refused(self.role(**self.at, CONSUL_HTTP_TOKEN=text), 64,
                            "CONSUL_HTTP_TOKEN holds something else than one secret id")
            self.is_refused(self.role("--token-file", here.secret("bad", text), **self.at), 78,
                            "holds something else than one secret id")

    def test_a_token_on_the_command_line(self):
        for words in (("--token", READER), (f"-token={READER}",)):
            done = self.run_tool(*words, "role", "-S", "web", **self.at)
            self.assertEqual(done.returncode, 64, done)
            self.assertIn("give the secret by --token-file or CONSUL_HTTP_TOKEN", done.stderr)

    def test_a_refusal_that_repeats_the_token(self):
        def echo(headers):
            return 403, f"Permission denied for {headers['X-Consul-Token']}, {headers['Authorization']}".encode()
        proxy = Proxy(here.open, echo)
        self.addCleanup(proxy.close)
        done = self.role(CONSUL_HTTP_ADDR=proxy.address, CONSUL_HTTP_TOKEN=READER, CONSUL_HTTP_AUTH=AUTH)
        self.is_refused(done, 77, "Permission denied; the token needs key:read")
        self.assertEqual(proxy.seen[0][1]["X-Consul-Token"], READER)


class Scope(Case):
    def test_name_and_password_for_a_proxy(self):
        proxy = Proxy(here.open)
        self.addCleanup(proxy.close)
        at = {"CONSUL_HTTP_ADDR": proxy.address, "CONSUL_HTTP_TOKEN": READER}
        self.both_read(**at, CONSUL_HTTP_AUTH=AUTH)
        self.is_read(self.role("--http-auth-file", here.folder / "auth", **at, CONSUL_HTTP_AUTH="x:y"))
        self.both_refuse(65, "401", **at)
        self.both_refuse(65, "401", **at, CONSUL_HTTP_AUTH=AUTH + "x")

    def test_namespace_and_partition(self):
        at = {"CONSUL_HTTP_ADDR": f"{here.open.ip}:{here.open.http}", "CONSUL_HTTP_TOKEN": READER}
        self.both_refuse(65, f"Consul answers 400 to /v1/kv/{KEY}: Namespaces are a Consul Enterprise feature", **at,
                         CONSUL_NAMESPACE="team")
        # This edition does not know partitions and ignores them.
        self.both_read(**at, CONSUL_PARTITION="web")
        proxy = Proxy(here.open, lambda headers: (500, b""))
        self.addCleanup(proxy.close)
        self.role("--namespace", "team a", "--partition", "web", "--datacenter", "hq", CONSUL_HTTP_ADDR=proxy.address)
        query = proxy.seen[0][0].partition("?")[2].split("&")
        self.assertEqual(query[-2:], ["ns=team%20a", "partition=web"], proxy.seen)


class Children(Case):
    """Whoever is started by powerconsul finds no secret: not in the environment, not in the command line above it."""

    SPY = """#!/bin/sh
{{ echo started
tr '\\0' '\\n' </proc/$$/environ
pid=$$
while [ "$pid" -gt 1 ]; do
    tr '\\0' ' ' <"/proc/$pid/cmdline"
    pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done; }} >>"{seen}"
{end}
"""

    def spy(self, name, end="exit 0"):
        path = self.home / name
        path.write_text(self.SPY.format(seen=self.home / "seen", end=end))
        path.chmod(0o755)
        return path

    def secrets(self):
        return {"CONSUL_HTTP_ADDR": f"unix://{here.open.socket}", "CONSUL_HTTP_TOKEN": READER, "CONSUL_HTTP_AUTH": AUTH,
                "CONSUL_HTTP_TOKEN_FILE": "", "POWERCONSUL_TOKEN_FILE": "", "POWERCONSUL_NODE": "n1",
                "POWERCONSUL_ENVIRONMENT": "production", "POWERCONSUL_STATE_DIR": self.home / "state",
                "POWERCONSUL_LOG": self.home / "log", "POWERCONSUL_LOG_LEVEL": "debug", "POWERCONSUL_CANARY": STRANGER}

    def is_clean(self, done, code):
        self.assertEqual(done.returncode, code, done)
        seen = (self.home / "seen").read_text()
        self.assertIn("started\n", seen)
        self.assertIn(here.powerconsul, seen)
        self.assertIn("PATH=", seen)
        self.assertNotIn("CONSUL_HTTP", seen)
        self.assertNotIn("CANARY", seen)
        files = [path for path in self.home.rglob("*") if stat.S_ISREG(path.stat().st_mode)]
        self.assertTrue(files)
        for path in files:
            text = path.read_text(errors="replace")
            for secret in SECRETS:
                self.assertNotIn(secret, text, path)

    def test_an_init_script(self):
        self.spy("local", 'echo "local is running"')
        done = self.run_tool("check", "service", "-s", "local", "-S", "web", "--service-manager", "sysv",
                             "--init-directory", self.home, **self.secrets())
        self.is_clean(done, 0)

    @unittest.skipUnless(os.geteuid() == 0, "another program in systemctl's place needs a mount namespace, and that root")
    def test_systemctl(self):
        spy = self.spy("systemctl", "printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\n'")
        place = next(path for path in ("/usr/bin/systemctl", "/bin/systemctl") if os.path.exists(path))
        done = subprocess.run(
            ["unshare", "--mount", "/bin/sh", "-c", f'mount --bind {spy} {place} && exec "$@"', "sh", here.powerconsul,
             "check", "service", "-s", "local", "-S", "web", "--service-manager", "systemd"],
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), **{k: str(v) for k, v in self.secrets().items()}},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.is_clean(done, 0)

    def test_a_plugin(self):
        plugin = self.spy("check_procs", 'echo "PROCS OK: 1 process | procs=1"')
        done = self.run_tool("check", "process", "-n", "-c 1:1 -C cron", "-S", "web", "--plugin", plugin,
                             **self.secrets())
        self.is_clean(done, 0)

    def test_a_trigger(self):
        for number, value in enumerate((f"{self.spy('command')}", self.spy("script").read_text(),
                                        json.dumps({"command": [str(self.spy("words"))]}))):
            with self.subTest(value):
                here.open.api("PUT", "/v1/kv/triggers/production/web/primary/critical", value)
                (self.home / "seen").unlink(missing_ok=True)
                check = {"Node": "n1", "CheckID": f"web-{number}", "Status": "critical", "ServiceID": "web",
                         "ServiceName": "web", "Output": "it is down"}
                done = self.run_tool("trigger", "critical", "-s", "-", stdin=json.dumps(check), **self.secrets())
                self.is_clean(done, 0)
                self.assertIn("POWERCONSUL_", (self.home / "seen").read_text(), "what a trigger is told")


if __name__ == "__main__":
    unittest.main(verbosity=2)
