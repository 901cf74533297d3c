"""A proxy in front of a real agent that alters the real answers of one endpoint, and what it can make of them.

Everything else goes through unchanged. An alteration is a generator: it is given the real answer and yields the bytes
that are sent in its place; the connection is closed after them.
"""
import gzip
import http.client
import itertools
import json
import socket
import threading
import time

MIB = 1024 * 1024


class Answer:
    """What the agent said, for an alteration to start from."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def data(self):
        return json.loads(self.body)

    def head(self, *more, length=None, status=None):
        """The status line and the headers, with a Content-Length."""
        lines = [f"HTTP/1.1 {status or self.status} {http.client.responses.get(status or self.status, 'Odd')}"]
        dropped = ("transfer-encoding", "connection", "content-length")
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() not in dropped]
        lines += more
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def with_body(self, body, *more, **changed):
        """The whole answer, sound as HTTP, with another body."""
        body = body if isinstance(body, bytes) else body.encode()
        return self.head(*more, length=len(body), **changed) + body


class Proxy:
    """Listens on an address of its own; stands for the agent in consul_cluster.Node."""

    def __init__(self, agent, endpoint, alteration):
        self.agent, self.node, self.endpoint, self.alteration = agent, agent.node, endpoint, alteration
        self.altered, self.trouble = 0, None  # how many answers; what should not have happened
        self.socket = socket.create_server((agent.ip, 0), backlog=64)
        self.address = f"{agent.ip}:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def close(self):
        self.socket.close()

    def listen(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            client.settimeout(20)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while self.exchange(client):
                    pass
            except OSError:
                pass  # the client has had enough
            except Exception as problem:
                self.trouble = problem

    def exchange(self, client):
        """One request and its answer; False at the connection's end."""
        text = b""
        while b"\r\n\r\n" not in text:
            more = client.recv(65536)
            if not more:
                return False
            text += more
        head, _, body = text.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        while len(body) < int(headers.get("Content-Length", 0)):
            body += client.recv(65536)
        answer = self.ask(method, target, headers, body)
        if not target.startswith(self.endpoint):
            client.sendall(answer.with_body(answer.body))
            return True
        self.altered += 1
        for piece in self.alteration(answer):
            if piece is None:
                client.recv(1)  # until the client goes
                return False
            client.sendall(piece)
        return False

    def ask(self, method, target, headers, body):
        connection = http.client.HTTPConnection(self.agent.ip, 8500, timeout=20)
        try:
            connection.request(method, target, body or None, {**headers, "Host": self.agent.address})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()


def of_a_body(alteration):
    """Marks an alteration that needs an answer with a body: Consul's 404 has none."""
    alteration.of_a_body = True
    return alteration


def is_large(alteration):
    """Marks one that costs time, of which one try is enough."""
    alteration.is_large = True
    return alteration


# Broken as HTTP: cut off, hanging, without an end.

def closed_at_once(_):
    yield b""


def cut_in_the_headers(answer):
    yield answer.head()[:-20]


@of_a_body
def cut_in_the_body(answer):
    yield answer.head(length=len(answer.body)) + answer.body[:len(answer.body) // 2]


@of_a_body
def cut_before_the_body(answer):
    yield answer.head(length=len(answer.body))


def chunks(answer, size):
    yield answer.head("Transfer-Encoding: chunked") + b"%x\r\n" % size + answer.body[:len(answer.body) // 2]


@of_a_body
def chunk_cut(answer):
    yield from chunks(answer, len(answer.body))


@of_a_body
def last_chunk_missing(answer):
    half = len(answer.body) // 2
    yield answer.head("Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (half, answer.body[:half])


@of_a_body
def chunk_size_no_number(answer):
    yield answer.head("Transfer-Encoding: chunked") + b"many\r\n" + answer.body + b"\r\n0\r\n\r\n"


def never_answers(_):
    yield None


def stops_in_the_headers(answer):
    yield answer.head()[:-20]
    yield None


@of_a_body
def stops_in_the_body(answer):
    yield answer.head(length=len(answer.body)) + answer.body[:len(answer.body) // 2]
    yield None


def drips(answer):
    for byte in answer.with_body(answer.body):
        yield bytes([byte])
        time.sleep(0.03)


def no_http(_):
    yield b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"


def tls_alert(_):
    yield b"\x15\x03\x01\x00\x02\x02\x46"


@is_large
def endless_headers(answer):
    yield answer.head()[:-2]
    for i in itertools.count():
        yield b"X-More-%d: %s\r\n" % (i, b"x" * 1000)


@is_large
def endless_header(answer):
    yield answer.head()[:-2] + b"X-More: "
    while True:
        yield b"x" * 65536


def length_no_number(answer):
    yield answer.head("Content-Length: all of it") + answer.body


def hundred_mib(answer):
    """It says so: nobody needs to read it."""
    yield answer.head(length=100 * MIB)
    for _ in range(100):
        yield b" " * MIB


@is_large
def hundred_mib_in_chunks(answer):
    yield answer.head("Transfer-Encoding: chunked")
    for _ in range(100):
        yield b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    yield b"0\r\n\r\n"


@is_large
def hundred_mib_to_the_end(answer):
    yield answer.head("Connection: close")
    for _ in range(100):
        yield b" " * MIB


# Sound as HTTP, from somebody else than Consul.

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>\n"


def page(status, *more):
    """A proxy's own page."""
    def alteration(answer):
        plain = Answer(status, [("Server", "nginx"), ("Content-Type", "text/html")], b"")
        yield plain.with_body(HTML.format(f"{status} {http.client.responses[status]}"), *more)
    return alteration


def no_content(answer):
    yield answer.head(status=204)


# Sound as HTTP, with Consul's own headers, and with another body.

def body(text):
    def alteration(answer):
        yield answer.with_body(text, status=200)
    return alteration


@of_a_body
def half_json(answer):
    yield answer.with_body(answer.body.rstrip()[:-1])


@of_a_body
def two_documents(answer):
    yield answer.with_body(answer.body + answer.body)


@of_a_body
def compressed(answer):
    yield answer.with_body(gzip.compress(answer.body), "Content-Encoding: gzip")


def without_a_leader(answer):
    headers = [(name, "false" if name.lower() == "x-consul-knownleader" else value) for name, value in answer.headers]
    yield Answer(answer.status, headers, b"").with_body(answer.body)


def retyped(*path, value=7):
    """One member, named by its path (the first element of a list, or of an object's values, is 0), has another type.

    An empty list, which another datacenter may well send, has nothing to alter."""
    @of_a_body
    def alteration(answer):
        data = place = answer.data
        if data == []:
            yield answer.with_body("[]")
            return
        for i, step in enumerate(path):
            if step == 0 and isinstance(place, dict):
                step = next(iter(place))
            if i == len(path) - 1:
                place[step] = value
            else:
                place = place[step]
        yield answer.with_body(json.dumps(data))
    return alteration
