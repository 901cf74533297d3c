"""Machines on one network whose packets are lost and late as a test says.

Each machine is a network namespace with a host name of its own and one TUN device; a switch, which is a process of its
own, holds the devices and passes packets on. The kernel's own TCP and UDP run over them, and one mechanism serves for
all faults, also where the kernel has no netem. The namespaces have no names: with the switch and what runs in them they
are gone, also after a crash. It needs root, /dev/net/tun, and from Debian util-linux (nsenter, unshare).
"""
import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

CLONE_NEWNET, CLONE_NEWUTS = 0x40000000, 0x04000000
TUNSETIFF, IFF_TUN, IFF_NO_PI, IFF_UP = 0x400454CA, 1, 0x1000, 1
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
TUN = "/dev/net/tun"
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *words):
    if function(*words) != 0:
        raise OSError(ctypes.get_errno(), f"{function.__name__}: {os.strerror(ctypes.get_errno())}")


def refusal():
    """Why such a network cannot be had here; None if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except OSError as problem:
        return f"{TUN} cannot be opened: {problem.strerror}"
    tried = subprocess.run(["unshare", "--net", "--uts", "true"], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, check=False)
    return f"this machine refuses network namespaces: {tried.stderr.strip()}" if tried.returncode != 0 else None


def address(index):
    return f"10.77.0.{11 + index}"


# --- the switch ----------------------------------------------------------------------------------------------------

def interface(name, ip=None):
    """Brings an interface of this namespace up."""
    padded = name.encode().ljust(16, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((SIOCSIFADDR, ip), (SIOCSIFNETMASK, "255.255.255.0")):
            if value and ip:
                inet = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, padded + inet)
        fcntl.ioctl(control, SIOCSIFFLAGS, padded + struct.pack("H14x", IFF_UP))


def machine(index, name):
    """Moves this process into new namespaces; gives their descriptors and the device's."""
    call(libc.unshare, CLONE_NEWNET | CLONE_NEWUTS)
    socket.sethostname(name)
    tun = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TUN | IFF_NO_PI))
    interface("lo")
    interface("eth0", address(index))
    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/tcp_rto_max_ms", "w", encoding="ascii") as longest:
        longest.write("1000")  # else TCP stays silent after a healing for as long as the fault was; since Linux 6.15
    return {"net": os.open("/proc/self/ns/net", os.O_RDONLY), "uts": os.open("/proc/self/ns/uts", os.O_RDONLY)}, tun


class Switch:
    """Reads one command a line, answers each with one line, and ends with its standard input."""

    def __init__(self, names, seed):
        self.random = random.Random(seed)
        made = [machine(index, name) for index, name in enumerate(names)]
        self.namespaces, self.devices = [each[0] for each in made], [each[1] for each in made]
        self.index = {tun: i for i, tun in enumerate(self.devices)}
        self.target = {socket.inet_aton(address(i)): i for i in range(len(names))}
        self.rules, self.counted, self.late, self.number = {}, {}, [], 0
        self.poller = select.epoll()
        for each in (0, *self.devices):
            self.poller.register(each, select.EPOLLIN)

    def serve(self):
        self.answer(self.namespaces)
        text = b""
        while True:
            wait = max(0.0, self.late[0][0] - time.monotonic()) if self.late else -1
            for ready, _ in self.poller.poll(wait):
                if ready:
                    self.read(ready)
                    continue
                said = os.read(0, 65536)
                if not said:
                    return
                *lines, text = (text + said).split(b"\n")
                for line in lines:
                    self.obey(**json.loads(line))
            while self.late and self.late[0][0] <= time.monotonic():
                _, _, target, packet = heapq.heappop(self.late)
                self.write(target, packet)

    def obey(self, rules=None, count=False):
        """`rules`: a list of (source, target, loss, delay, jitter) by index, times in seconds, in place of the old."""
        if rules is not None:
            self.rules = {(source, target): rest for source, target, *rest in rules}
            self.counted = {}
        self.answer([[*pair, *numbers] for pair, numbers in self.counted.items()] if count else True)

    @staticmethod
    def answer(value):
        os.write(1, json.dumps(value).encode() + b"\n")

    def read(self, tun):
        source = self.index[tun]
        while True:
            try:
                packet = os.read(tun, 65536)
            except BlockingIOError:
                return
            target = self.target.get(packet[16:20]) if packet[0] >> 4 == 4 else None
            if target is not None:
                self.forward(source, target, packet)

    def forward(self, source, target, packet):
        loss, delay, jitter = self.rules.get((source, target), (0, 0, 0))
        counted = self.counted.setdefault((source, target), [0, 0])
        lost = loss and self.random.random() < loss
        counted[bool(lost)] += 1
        if lost:
            return
        if not delay:
            self.write(target, packet)
            return
        self.number += 1  # packets of the same moment keep their order
        due = time.monotonic() + delay + self.random.uniform(-jitter, jitter)
        heapq.heappush(self.late, (due, self.number, target, packet))

    def write(self, target, packet):
        with contextlib.suppress(BlockingIOError):  # a full queue loses packets here as elsewhere
            os.write(self.devices[target], packet)


# --- the test's side -----------------------------------------------------------------------------------------------

class Network:
    """The machines and their switch. Names are those of the machines; a fault holds when its call has returned."""

    def __init__(self, names, seed):
        self.names, self.lock = list(names), threading.Lock()
        self.switch = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), str(seed), *names],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.namespaces = json.loads(self.switch.stdout.readline() or "null")
        if not self.namespaces:
            raise RuntimeError(f"the switch ended with {self.switch.wait()}")

    def close(self):
        self.switch.stdin.close()
        self.switch.wait()
        self.switch.stdout.close()

    def ip(self, name):
        return address(self.names.index(name))

    def path(self, name, kind):
        return f"/proc/{self.switch.pid}/fd/{self.namespaces[self.names.index(name)][kind]}"

    def prefix(self, name):
        """The words before a command that make it run on that machine."""
        return ["nsenter", *(f"--{kind}={self.path(name, kind)}" for kind in ("net", "uts")), "--"]

    @contextlib.contextmanager
    def on(self, name):
        """Sockets that this thread opens here are that machine's."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.path(name, "net"), "rb") as there:
            call(libc.setns, there.fileno(), CLONE_NEWNET)
            try:
                yield
            finally:
                call(libc.setns, home.fileno(), CLONE_NEWNET)

    def ask(self, **command):
        with self.lock:
            self.switch.stdin.write(json.dumps(command).encode() + b"\n")
            self.switch.stdin.flush()
            return json.loads(self.switch.stdout.readline())

    def fault(self, sources, targets, both=True, loss=0.0, delay=0.0, jitter=0.0):
        """In place of any fault before: what goes from these to those, and with `both` what goes back, is lost with a
        probability, and late by some seconds more or less."""
        pairs = {(a, b) for a in sources for b in targets if a != b}
        pairs |= {(b, a) for a, b in pairs} if both else set()
        self.ask(rules=[[self.names.index(a), self.names.index(b), loss, delay, jitter] for a, b in sorted(pairs)])

    def heal(self):
        self.ask(rules=[])

    def counts(self):
        """Since the last fault or healing: (source, target) -> [packets passed on, packets lost]."""
        return {(self.names[a], self.names[b]): [passed, lost] for a, b, passed, lost in self.ask(count=True)}

    def trip(self, source, target, count=1, deadline=1.0):
        """Sends datagrams one way; the seconds that each of those needed that came."""
        with contextlib.ExitStack() as both:
            ends = []
            for name in (source, target):
                with self.on(name):
                    ends.append(both.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            ends[1].bind((self.ip(target), 0))
            for number in range(count):
                ends[0].sendto(struct.pack("d", time.monotonic()), ends[1].getsockname())
                if number % 20 == 19:
                    time.sleep(0.01)
            took, end = [], time.monotonic() + deadline
            while len(took) < count and time.monotonic() < end:
                ends[1].settimeout(max(0.001, end - time.monotonic()))
                with contextlib.suppress(TimeoutError):
                    sent = struct.unpack("d", ends[1].recv(100))[0]
                    took.append(time.monotonic() - sent)
            return took


if __name__ == "__main__":
    Switch(sys.argv[2:], int(sys.argv[1])).serve()
