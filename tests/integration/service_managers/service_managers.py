"""Drives real service managers and asks them through the service probe.

    service_managers.py systemd|sysv|openrc PROBE PACKAGES with-bus|without-bus

PROBE is the program of probe_service.cpp, built with or without systemd's bus. PACKAGES is a folder where the Debian packages listed below are unpacked, not
installed, and kept for the next time.
Needs root, the right to make namespaces, and from Debian: util-linux (unshare, mount, setpriv), systemd, dbus-daemon
and dbus-system-bus-common, dpkg (dpkg-deb,
start-stop-daemon), apt (apt-get download, with the indexes fetched), sysvinit-utils (/lib/lsb/init-functions), procps.
Everything happens in namespaces of its own: no daemon and no file outlives the test. Exit status 77: skipped.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from room import (PATH, PROBE, UNSHARE, check_rights, drive_apart, enter, finish, mount, run,  # noqa: E402
                  probes, run_inside, skip, unpack, wait_until, write)

PACKAGES = {
    "systemd": [],
    "sysv": ["cron", "rsync", "libpopt0", "libxxhash0", "dbus", "dbus-daemon", "dbus-system-bus-common", "libdbus-1-3",
             "libapparmor1", "libexpat1", "openssh-server", "openssh-client", "libwrap0", "ganglia-monitor", "nut-client"],
    "openrc": ["openrc", "libeinfo1", "librc1", "insserv"],
}


class Rows:
    """Asks the probe and compares, row by row."""

    def __init__(self, manager, ways=("either",)):
        self.manager, self.ways, self.failed, self.count = manager, ways, 0, 0

    def expect(self, row, name, state, reason, manager=None, ways=None, before=(), more=()):
        """`reason` is the whole reason. Asked twice in each way, since the answer has to be stable, and the same in all.
        `before` and `more`: words before the probe's command line and in it."""
        asked = [way for way in ways or self.ways for _ in range(2)]
        answers = [run(*before, PROBE, "--service-manager", manager or self.manager, "--over", way, *more, name).stdout
                   for way in asked]
        expected = f"{state}\t{reason}\n"
        wrong = [f"{way}: {answer.strip()!r}" for way, answer in zip(asked, answers) if answer != expected]
        self.count += 1
        self.failed += bool(wrong)
        print(f"{'NOT OK' if wrong else 'ok'}: {row}: "
              + (f"{', '.join(wrong)}, expected {expected.strip()!r}" if wrong else repr(expected.strip())), flush=True)

    def same(self, row, wanted, found):
        self.count += 1
        self.failed += wanted != found
        print(f"ok: {row}" if wanted == found else f"NOT OK: {row}: {found!r}, expected {wanted!r}", flush=True)


# --- systemd -------------------------------------------------------------------------------------------------------

SLEEP = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/sleep infinity\n"
ONCE = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/%s\n%s\n"
REMAINS = "Type=oneshot\nRemainAfterExit=yes"
LOOP = "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/%s\nRestart=always\nRestartSec=%s\n"
FAILS_ONCE = "sh -c 'test -e /run/failed-once || { : >/run/failed-once; exit 1; }; exec sleep infinity'"
PART = "[Unit]\nDefaultDependencies=no\nPartOf=%s\n[Service]\nExecStart=/bin/sleep infinity\n"
UNITS = {
    "basic.target": "[Unit]\nDefaultDependencies=no\n",
    "sysinit.target": "[Unit]\nDefaultDependencies=no\n",
    "shutdown.target": "[Unit]\nDefaultDependencies=no\n",
    "running.service": SLEEP,
    "instance@.service": SLEEP,
    "removed.service": SLEEP,
    "stopped.service": SLEEP,
    "failed.service": ONCE % ("false", ""),
    "oneshot.service": ONCE % ("mkdir -p /run/oneshot", REMAINS),
    "over.service": ONCE % ("true", "Type=oneshot"),
    "starting.service": SLEEP + "Type=notify\nTimeoutStartSec=infinity\n",
    "preparing.service": SLEEP + "ExecStartPre=/bin/sleep infinity\nTimeoutStartSec=infinity\n",
    "stopping.service": SLEEP + "ExecStop=/bin/sleep infinity\nTimeoutStopSec=infinity\n",
    "reloading.service": SLEEP + "ExecReload=/bin/sleep infinity\n",
    "crashing.service": ONCE % ("false", "Restart=always\nRestartSec=1h"),
    "odd\\x2bname:a_b-c.d.service": SLEEP,
    "es\\x2dcaped.service": SLEEP,
    "dbus.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": "[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n[Service]\nExecStart=/usr/bin/dbus-daemon "
                    "--system --address=systemd: --nofork --nopidfile --systemd-activation\n",
    # In Debian 12, postgresql, postfix, tor, openvpn, arpwatch and nfs-utils are such: ExecStart=/bin/true, and for most
    # of them a generator makes links to instances in NAME.service.wants.
    "wrapper.service": ONCE % ("true", REMAINS + "\nExecReload=/bin/true"),
    "wrapper@.service": PART % "wrapper.service",
    "hollow.service": ONCE % ("true", REMAINS),
    "hollow@.service": PART % "hollow.service",
    "es\\x2dwrap.service": ONCE % ("true", REMAINS),
    "es\\x2dwrap@.service": SLEEP,
    "group.service": ONCE % ("true", REMAINS),
    "member-b.service": PART % "group.service",
    "member-a.service": PART % "group.service",
    "app.target": "[Unit]\nDefaultDependencies=no\nWants=app-a.service app-b.service\n",
    "app-a.service": PART % "app.target",
    "app-b.service": PART % "app.target",
    "hook.service": ONCE % ("true", REMAINS + "\nExecStop=/bin/touch /run/hook"),
    "leaves.service": ONCE % ("sh -c 'setsid /bin/sleep infinity & echo $! >/run/leaves.pid'", REMAINS),
    "simple-over.service": ONCE % ("true", "RemainAfterExit=yes"),
    "forking-over.service": ONCE % ("sh -c 'setsid /bin/sleep infinity & echo $! >/run/forking-over.pid'",
                                    "Type=forking\nRemainAfterExit=yes"),
    "forking.service": ONCE % ("sh -c 'setsid /bin/sleep infinity &'", "Type=forking\nGuessMainPID=no"),
    "foreign.service": ONCE % ("cp /run/foreigner /run/foreign.pid", "Type=forking\nPIDFile=/run/foreign.pid"),
    "dies-late.service": LOOP % ("sleep 1", "1500ms"),
    "dies-at-once.service": LOOP % ("false", "100ms"),
    "recovers.service": LOOP % (FAILS_ONCE, "100ms"),
    "looping@.service": LOOP % ("false", "100ms"),
    "looping.service": ONCE % ("true", REMAINS),
    "works.service": ONCE % ("sleep infinity", "Type=oneshot"),
    "bad.service": "[Unit]\nDefaultDependencies=no\n[Service]\nType=simple\n",
}
LEGACY = """#!/bin/sh
### BEGIN INIT INFO
# Provides:          legacy
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a daemon that has no unit of its own
### END INIT INFO
. /lib/lsb/init-functions
case "$1" in
start)
    start-stop-daemon --start --background --make-pidfile --pidfile /run/legacy.pid --exec /run/test/legacyd infinity
    ;;
stop) start-stop-daemon --stop --oknodo --pidfile /run/legacy.pid --remove-pidfile ;;
status) status_of_proc -p /run/legacy.pid /run/test/legacyd legacy ;;
esac
"""


def systemctl(*words):
    run("systemctl", *words)


def state_of(unit):
    return run("systemctl", "show", "--property=ActiveState,SubState", "--value", unit).stdout.split()


def drive_systemd(with_bus):
    wait_until("systemd answers", lambda: run("systemctl", "is-active", "basic.target", check=False).returncode == 0)
    rows = Rows("systemd", ["bus", "systemctl", "either"] if with_bus else ["systemctl", "either"])
    expect = rows.expect
    os.symlink("running.service", "/run/systemd/system/alias.service")
    systemctl("daemon-reload")
    systemctl("start", "running", "instance@a", "odd\\x2bname:a_b-c.d", "es\\x2dcaped", "removed", "oneshot", "over", "stopping", "reloading")
    systemctl("start", "--no-block", "starting", "preparing", "crashing")
    run("systemctl", "start", "failed", check=False)
    wait_until("failed fails", lambda: state_of("failed") == ["failed", "failed"])
    systemctl("stop", "--no-block", "stopping")
    systemctl("reload", "--no-block", "reloading")
    os.remove("/run/systemd/system/removed.service")
    systemctl("mask", "--runtime", "masked.service")
    systemctl("daemon-reload")
    for unit, wanted in {"starting": "start", "preparing": "start-pre", "stopping": "stop",
                         "reloading": "reload", "crashing": "auto-restart"}.items():
        wait_until(f"{unit} is {wanted}", lambda: state_of(unit)[1] == wanted)

    expect("running", "running", "running", "unit running.service is active (running)")
    expect("running, by its full name", "running.service", "running", "unit running.service is active (running)")
    expect("running, manager detected", "running", "running", "unit running.service is active (running)", "detect")
    expect("instance of a template", "instance@a", "running", "unit instance@a.service is active (running)")
    expect("other instance", "instance@b", "stopped", "unit instance@b.service is inactive (dead)")
    expect("alias", "alias", "running", "unit alias.service is active (running)")
    expect("other instance, odd name", "instance@a\\x2b+", "stopped",
           "unit instance@a\\x2b+.service is inactive (dead)")
    expect("odd name", "odd+name:a_b-c.d", "running", "unit odd+name:a_b-c.d.service is active (running)")
    expect("odd name, as it is", "odd\\x2bname:a_b-c.d", "running",
           "unit odd\\x2bname:a_b-c.d.service is active (running)")
    expect("escaped name", "es\\x2dcaped", "running", "unit es\\x2dcaped.service is active (running)")
    expect("the same name, not escaped", "es-caped", "unknown", "systemd knows no unit es-caped.service")
    # systemd refuses these: systemctl says why, as without a bus.
    for name, refused in {"instance@": "instance@.service", "@a": "@a.service.service"}.items():
        expect(f"no name of a unit: {name}", name, "unknown", NO_NAME % refused, ways=["systemctl", "either"])
    expect("target", "basic.target", "running", "unit basic.target is active (active)")
    expect("stopped", "stopped", "stopped", "unit stopped.service is inactive (dead)")
    expect("failed", "failed", "stopped", "unit failed.service is failed (failed)")
    expect("masked", "masked", "stopped", "unit masked.service is masked and inactive")
    expect("one shot that remains", "oneshot", "running", "unit oneshot.service is active (exited)")
    expect("one shot that is over", "over", "stopped", "unit over.service is inactive (dead)")
    expect("starts and never says so", "starting", "running", "unit starting.service is activating (start)")
    expect("still prepares", "preparing", "running", "unit preparing.service is activating (start-pre)")
    expect("does not stop", "stopping", "running", "unit stopping.service is deactivating (stop)")
    expect("reloads", "reloading", "running", "unit reloading.service is reloading (reload)")
    expect("waits for its restart", "crashing", "degraded", "unit crashing.service ended and is restarted by systemd")
    expect("bad file", "bad", "stopped", "unit bad.service is inactive (dead), its file is bad-setting")
    expect("file removed while it runs", "removed", "running",
           "unit removed.service is active (running), its file is not-found")
    expect("no such unit", "nowhere", "unknown", "systemd knows no unit nowhere.service")

    expect("init script, never started", "legacy", "stopped", "unit legacy.service is inactive (dead)")
    systemctl("start", "legacy")
    expect("init script, started", "legacy", "running", "unit legacy.service is active (running)")
    daemon = int(pathlib.Path("/run/legacy.pid").read_text(encoding="ascii"))
    os.kill(daemon, signal.SIGKILL)
    wait_until("systemd sees the daemon's end", lambda: state_of("legacy") == ["active", "exited"])
    # systemd calls this active; the init script, asked past systemd, knows better.
    expect("init script, its daemon killed", "legacy", "stopped", "init script exits 1 (dead)")
    systemctl("stop", "legacy")
    expect("init script, stopped", "legacy", "stopped", "unit legacy.service is inactive (dead)")
    drive_wrappers(expect)
    drive_remains(expect)
    drive_restarts(expect)
    ask_otherwise(rows, with_bus)
    return rows


def drive_wrappers(expect):
    """Units that run nothing and stay active: what they stand for decides."""
    systemctl("start", "wrapper", "hollow", "group", "hook", "es\\x2dwrap", "looping")
    expect("wrapper of a template without instances", "hollow", "unknown",
           "unit hollow.service is active (exited) and runs nothing itself; systemd has loaded no hollow@*.service")
    run("systemctl", "status", "hollow@looked-at", check=False)
    expect("wrapper, an instance only looked at", "hollow", "unknown",
           "unit hollow.service is active (exited) and runs nothing itself; systemd has loaded no hollow@*.service")
    systemctl("start", "member-a", "member-b")
    expect("wrapper of other services", "group", "unknown",
           "unit group.service is active (exited) and runs nothing itself: ask for member-a.service or member-b.service")
    expect("does its work when it is stopped", "hook", "running", "unit hook.service is active (exited)")

    stands = "unit %s stands for its instances, "
    systemctl("start", "wrapper@b", "wrapper@a")
    both = stands % "wrapper.service" + "running: wrapper@a.service and wrapper@b.service"
    expect("wrapper, its instances run", "wrapper", "running", both)
    systemctl("stop", "wrapper@b")
    expect("wrapper, an instance stopped that nothing wants", "wrapper", "running",
           stands % "wrapper.service" + "running: wrapper@a.service")
    for instance in "bc":
        write(f"/run/systemd/system/wrapper.service.d/{instance}.conf", f"[Unit]\nWants=wrapper@{instance}.service\n")
    os.symlink("wrapper.service", "/run/systemd/system/wrapper-alias.service")
    systemctl("daemon-reload")
    part = "running: wrapper@a.service; stopped: wrapper@b.service and wrapper@c.service"
    expect("wrapper, instances stopped that it wants", "wrapper", "degraded", stands % "wrapper.service" + part)
    expect("wrapper by its alias", "wrapper-alias", "degraded", stands % "wrapper-alias.service" + part)
    run("systemctl", "kill", "--signal=KILL", "wrapper@a")
    wait_until("wrapper@a fails", lambda: state_of("wrapper@a") == ["failed", "failed"])
    expect("wrapper, no instance runs", "wrapper", "stopped", stands % "wrapper.service"
           + "stopped: wrapper@a.service, wrapper@b.service and wrapper@c.service")
    systemctl("stop", "wrapper")
    expect("wrapper stopped", "wrapper", "stopped", "unit wrapper.service is inactive (dead)")
    systemctl("reset-failed")
    systemctl("start", "wrapper@a")
    expect("wrapper stopped, an instance runs", "wrapper", "degraded", stands % "wrapper.service" + part)
    systemctl("start", "es\\x2dwrap@a\\x2db")
    expect("wrapper, escaped names", "es\\x2dwrap", "running",
           stands % "es\\x2dwrap.service" + "running: es\\x2dwrap@a\\x2db.service")
    systemctl("start", "app.target")
    expect("target, its parts run", "app.target", "running",
           "unit app.target stands for its parts, running: app-a.service and app-b.service")
    systemctl("stop", "app-b")
    expect("target, a part stopped", "app.target", "degraded",
           "unit app.target stands for its parts, running: app-a.service; stopped: app-b.service")
    systemctl("stop", "app-a")
    expect("target, no part runs", "app.target", "stopped",
           "unit app.target stands for its parts, stopped: app-a.service and app-b.service")
    systemctl("start", "--no-block", "looping@a")
    wait_until("looping@a is restarted", lambda: restarts_of("looping@a") > 1)
    expect("wrapper of a crash loop", "looping", "degraded", stands % "looping.service" + "degraded: looping@a.service")
    systemctl("stop", "looping@a")


def drive_remains(expect):
    """Services that are active without a process."""
    def kill(path):
        daemon = int(pathlib.Path(path).read_text(encoding="ascii"))
        os.kill(daemon, signal.SIGKILL)
        wait_until("the daemon is gone", lambda: not alive(daemon))

    systemctl("start", "leaves", "simple-over", "forking-over", "forking")
    expect("one shot that leaves a daemon", "leaves", "running", "unit leaves.service is active (exited)")
    kill("/run/leaves.pid")
    expect("one shot whose daemon is gone", "leaves", "unknown",
           "unit leaves.service is active (exited), but the processes that it left running have ended")
    systemctl("daemon-reload")
    expect("one shot whose daemon is gone, after a reload", "leaves", "unknown",
           "unit leaves.service is active (exited), but the processes that it left running have ended")
    wait_until("simple-over has ended", lambda: state_of("simple-over") == ["active", "exited"])
    expect("no one shot, and over", "simple-over", "unknown",
           "unit simple-over.service is active (exited) by RemainAfterExit=, but its processes have ended")
    expect("forks and remains", "forking-over", "running", "unit forking-over.service is active (running)")
    run("kill", pathlib.Path("/run/forking-over.pid").read_text(encoding="ascii").strip())
    wait_until("forking-over has ended", lambda: state_of("forking-over") == ["active", "exited"])
    expect("forks, remains and is over", "forking-over", "unknown",
           "unit forking-over.service is active (exited) by RemainAfterExit=, but its processes have ended")
    expect("main process not known", "forking", "running", "unit forking.service is active (running)")
    # systemd is not its parent and is not told of its end.
    with subprocess.Popen(["sleep", "infinity"], env={"PATH": PATH}) as foreigner:
        pathlib.Path("/run/foreigner").write_text(f"{foreigner.pid}\n", encoding="ascii")
        systemctl("start", "foreign")
        expect("main process in another group", "foreign", "running", "unit foreign.service is active (running)")
        foreigner.kill()
    expect("main process in another group, gone", "foreign", "unknown",
           "unit foreign.service is active (running), but no process of it is left")
    systemctl("stop", "foreign")


def restarts_of(unit):
    return int(run("systemctl", "show", "--property=NRestarts", "--value", unit).stdout)


def drive_restarts(expect):
    """Units that end by themselves, and such as never get ready. The probe's clock is ahead where that takes time."""
    systemctl("start", "--no-block", "dies-late", "dies-at-once", "works")
    for unit in ("dies-late", "dies-at-once"):
        wait_until(f"{unit} is restarted", lambda: restarts_of(unit) > 0)  # pylint: disable=cell-var-from-loop
    for look in range(1, 9):  # through all states of the loops
        for unit in ("dies-late", "dies-at-once"):
            expect(f"{unit}, look {look}", unit, "degraded", f"unit {unit}.service ended and is restarted by systemd")
        time.sleep(0.3)
    systemctl("stop", "dies-late", "dies-at-once")
    systemctl("start", "--no-block", "recovers")
    wait_until("recovers is restarted", lambda: restarts_of("recovers") > 0)
    expect("restarted lately", "recovers", "degraded", "unit recovers.service ended and is restarted by systemd")
    expect("restarted a minute ago", "recovers", "running", "unit recovers.service is active (running)",
           more=["--later", "60"])
    systemctl("restart", "recovers")
    expect("restarted by somebody", "recovers", "running", "unit recovers.service is active (running)")
    for unit, state, late in (("starting", "start", True), ("preparing", "start-pre", True), ("works", "start", False)):
        reason = f"unit {unit}.service is activating ({state})"
        expect(f"{unit} for less than ten minutes", unit, "running", reason, more=["--later", "300"])
        expect(f"{unit} for more than ten minutes", unit, "degraded" if late else "running",
               reason + " for more than ten minutes" * late, more=["--later", "600"])


def ask_otherwise(rows, with_bus):
    """The other ways to systemd, and what happens when none of them answers."""
    running = ("running", "running", "unit running.service is active (running)")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    systemctl("start", "dbus")
    wait_until("systemd is on the bus", lambda: run(*nobody, "systemctl", "is-active", "running",
                                                    check=False).returncode == 0)
    rows.expect("as nobody, over the system bus", *running, before=nobody)
    rows.expect("as nobody, a wrapper", "wrapper", "degraded", "unit wrapper.service stands for its instances, "
                "running: wrapper@a.service; stopped: wrapper@b.service and wrapper@c.service", before=nobody)
    rows.expect("as nobody, no such unit", "nowhere", "unknown", "systemd knows no unit nowhere.service", before=nobody)
    library = os.path.realpath(next(pathlib.Path("/usr/lib").glob("*/libsystemd.so.0")))
    mount("--bind", "/dev/null", library)
    rows.expect("libsystemd cannot be loaded", *running, ways=["either"])
    run("umount", library)
    os.remove("/run/systemd/private")
    rows.expect("over the system bus alone", *running)
    os.remove("/run/dbus/system_bus_socket")
    rows.expect("manager not reachable", "running", "unknown", NO_BUS, ways=["systemctl", "either"])
    if with_bus:
        with socket.socket(socket.AF_UNIX) as mute:
            mute.bind("/run/systemd/private")
            mute.listen(64)
            rows.expect("manager that does not answer", "running", "unknown", "systemd did not answer in time",
                        ways=["bus", "either"], more=["--milliseconds", "300"])


NO_NAME = ("systemctl exits 1: Failed to get properties: Unit name %s is neither a valid invocation ID nor "
           "unit name.")
NO_BUS = "systemctl exits 1: Failed to connect to bus: No such file or directory"


def enter_systemd(probe, report, drive):
    """PID 1 of the namespaces: prepares them, leaves a child that drives the test, and becomes systemd."""
    programs, sleep = probes(probe), pathlib.Path("/bin/sleep").read_bytes()
    generators = pathlib.Path("/usr/lib/systemd/system-generators")
    sysv_generator = (generators / "systemd-sysv-generator").read_bytes()
    mount("--make-rprivate", "/")
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    for folder in ("/run", "/tmp", "/etc/init.d", str(generators)):
        mount("-t", "tmpfs", "tmpfs", folder)
    for path, content in {**programs, "/run/test/legacyd": sleep,
                          str(generators / "systemd-sysv-generator"): sysv_generator}.items():
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_bytes(content)
        os.chmod(path, 0o755)
    for name, text in UNITS.items():
        write(f"/run/systemd/system/{name}", text)
    write("/etc/init.d/legacy", LEGACY, 0o755)
    if os.fork() == 0:
        finish(report, drive)
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    # Only our units, so that nothing of the machine's own is started.
    os.execve("/lib/systemd/systemd",
              ["systemd", "--system", "--unit=basic.target", "--log-target=null", "--default-standard-output=null"],
              {"PATH": PATH, "container": "other",
               "SYSTEMD_UNIT_PATH": "/run/systemd/system:/run/systemd/generator.late"})


# --- init scripts and OpenRC ---------------------------------------------------------------------------------------

def service(name, action):
    run(f"/etc/init.d/{name}", action, environment={"TERM": "dumb"})


def drive_sysv():
    """The daemons are Debian's own, started and stopped by their own init scripts."""
    write("/etc/rsyncd.conf", "port = 18730\naddress = 127.0.0.1\n")
    write("/etc/default/rsync", "RSYNC_ENABLE=true\n")
    write("/etc/ssh/sshd_config", "Port 18722\nListenAddress 127.0.0.1\nUsePAM no\n")
    os.makedirs("/run/sshd", exist_ok=True)
    for number, name in enumerate(["sshd", "messagebus"], 64990):
        for path, line in {"/etc/passwd": f"{name}:x:{number}:{number}::/run:/usr/sbin/nologin\n",
                           "/etc/group": f"{name}:x:{number}:\n"}.items():
            if f"\n{name}:" not in pathlib.Path(path).read_text(encoding="utf-8"):
                with open(path, "a", encoding="utf-8") as file:
                    file.write(line)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key")
    rows = Rows("sysv")
    pid_files = {"cron": "crond.pid", "rsync": "rsync.pid", "dbus": "dbus/pid", "ssh": "sshd.pid"}
    for name, pid_file in pid_files.items():
        path = pathlib.Path("/run") / pid_file
        rows.expect(f"{name} before its start", name, "stopped", "init script exits 3 (not running)")
        service(name, "start")
        wait_until(f"{name} writes {path}", lambda: path.exists() and path.read_text(encoding="ascii").strip())
        rows.expect(f"{name} started", name, "running", "init script exits 0")
        rows.expect(f"{name} started, manager detected", name, "running", "init script exits 0", "detect")
        daemon = int(path.read_text(encoding="ascii"))
        os.kill(daemon, signal.SIGKILL)
        wait_until(f"{name} is gone", lambda: not alive(daemon))
        rows.expect(f"{name} killed", name, "stopped", "init script exits 1 (dead)")
        path.unlink()
        service(name, "start")
        wait_until(f"{name} writes {path}", lambda: path.exists() and path.read_text(encoding="ascii").strip())
        rows.expect(f"{name} started again", name, "running", "init script exits 0")
        service(name, "stop")
        wait_until(f"{name} removes {path}", lambda: not path.exists())
        rows.expect(f"{name} stopped", name, "stopped", "init script exits 3 (not running)")
    expect_as_by_service(rows)
    os.remove("/usr/sbin/cron")
    rows.expect("cron not installed, its script left", "cron", "unknown",
                "init script exits 0 without a word, as it does when its program is not installed or its unit "
                "is masked")
    rows.expect("installed and not configured", "nut-client", "stopped",
                "init script exits 0 but says that it is not running")
    lock = os.path.join(os.path.realpath("/var/lock"), "subsys/gmond")
    write(lock, "")
    rows.expect("a lock file, and no daemon", "ganglia-monitor", "unknown",
                "init script exits 0 because a file is there, and looks at no process; check process --name gmond looks at "
                "the processes themselves")
    os.remove(lock)
    rows.expect("no lock file", "ganglia-monitor", "stopped", "init script exits 0 but says that it is not running")
    rows.expect("no such script", "nowhere", "unknown", 'there is no init script "/etc/init.d/nowhere"')
    return rows


TELLTALE = """#!/bin/sh
env >/run/told.variables
{
    echo "$0 $*"; pwd; umask; ls /proc/self/fd
    # Without a child: while a shell starts one, its own signals are blocked.
    while read -r line; do case $line in SigBlk* | SigIgn*) echo "$line" ;; esac; done </proc/$$/status
} >/run/told.place
exit 3
"""


def expect_as_by_service(rows):
    """An init script gets from the probe what Debian's service(8) gives it, which is how administrators see it run."""
    write("/etc/init.d/telltale", TELLTALE, 0o755)

    def told():
        lines = pathlib.Path("/run/told.variables").read_text(encoding="utf-8").splitlines()
        variables = {name: value for name, _, value in (line.partition("=") for line in lines) if value}
        place = pathlib.Path("/run/told.place").read_text(encoding="utf-8").splitlines()
        # glibc's posix_spawn leaves 32 and 33 ignored, which are its own.
        ignored = int(place.pop().split()[1], 16) & ~0x180000000
        return variables, place, ignored

    english = {"LANG": "C", "LC_ALL": "C", "TERM": "dumb", "LEAK": "1", "HOME": "/root", "BASH_ENV": "/etc/profile"}
    os.chdir("/tmp")
    # service(8) hands on what nohup or a shell's background lets this program ignore; the probe does not.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    by_service = run("service", "telltale", "status", check=False, environment=english)
    theirs = told()
    rows.expect("asked as service(8) asks", "telltale", "stopped", "init script exits 3 (not running)")
    ours = told()
    # The one that keeps Debian's scripts from asking systemd instead.
    skip_redirect = ours[0].pop("SYSTEMCTL_SKIP_REDIRECT", None)
    rows.same("environment, folder, descriptors and signals", (3, "1", *theirs),
              (by_service.returncode, skip_redirect, *ours))


def alive(pid):
    """A zombie counts as alive: kill -0, as the init scripts ask, finds it until PID 1 has reaped it."""
    return os.path.exists(f"/proc/{pid}")


OPENRC_DAEMON = """#!/sbin/openrc-run
command=/run/test/daemon
command_args=infinity
command_background=true
pidfile=/run/daemon.pid
"""
OPENRC_SUPERVISED = """#!/sbin/openrc-run
supervisor=supervise-daemon
command=/run/test/daemon
command_args=infinity
pidfile=/run/supervised.pid
"""
OPENRC_SLOW = """#!/sbin/openrc-run
start() { sleep 600; }
"""
OPENRC_INACTIVE = """#!/sbin/openrc-run
start() { mark_service_inactive; return 1; }
"""


def drive_openrc():
    shutil.copy("/bin/sleep", "/run/test/daemon")
    # What OpenRC makes when it boots the machine (rc_svcdir in init.sh and its librc).
    for folder in ("daemons", "exclusive", "failed", "hotplugged", "inactive", "options", "scheduled", "started",
                   "starting", "stopping", "tmp", "wasinactive"):
        os.makedirs(f"/run/openrc/{folder}")
    pathlib.Path("/run/openrc/softlevel").write_text("default\n", encoding="ascii")
    os.makedirs("/etc/runlevels/default", exist_ok=True)
    for name, text in {"daemon": OPENRC_DAEMON, "supervised": OPENRC_SUPERVISED, "slow": OPENRC_SLOW,
                       "inactive": OPENRC_INACTIVE}.items():
        write(f"/etc/init.d/{name}", text, 0o755)
    def rc(*words):
        run("rc-service", *words)

    rows = Rows("openrc")
    rows.expect("never started", "daemon", "stopped", "rc-service says stopped")
    rc("daemon", "start")
    rows.expect("started", "daemon", "running", "rc-service says started")
    rows.expect("started, manager detected", "daemon", "running", "rc-service says started", "detect")
    rc("daemon", "stop")
    rows.expect("stopped", "daemon", "stopped", "rc-service says stopped")
    rc("supervised", "start")
    rows.expect("supervised", "supervised", "running", "rc-service says started")
    rc("supervised", "stop")
    rows.expect("supervised, stopped", "supervised", "stopped", "rc-service says stopped")
    rc("supervised", "start")
    supervisor = int(pathlib.Path("/run/supervised.pid").read_text(encoding="ascii"))
    os.kill(supervisor, signal.SIGKILL)
    wait_until("the supervisor is gone", lambda: not alive(supervisor))
    rows.expect("supervisor killed", "supervised", "degraded", "rc-service says unsupervised")
    with subprocess.Popen(["rc-service", "slow", "start"], env={"PATH": PATH}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as slow:
        wait_until("slow starts", lambda: os.path.lexists("/run/openrc/starting/slow"))
        rows.expect("still starting", "slow", "running", "rc-service says starting")
        slow.kill()
    run("rc-service", "inactive", "start", check=False)
    rows.expect("inactive", "inactive", "stopped", "rc-service says inactive")
    rows.expect("no such service", "nowhere", "unknown", "rc-service exits 1: OpenRC knows no such service")
    return rows


def enter_room(manager, probe, packages, report, drive):
    enter(probe, packages, PACKAGES[manager])
    drive_apart(report, drive)


# --- outside -------------------------------------------------------------------------------------------------------

def own_cgroup():
    """A new control group below this process's own in the version 2 hierarchy: systemd makes its groups there."""
    try:
        mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
        root = next(fields[1] for fields in mounts if fields[2] == "cgroup2")
        lines = pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        own = next(line[3:] for line in lines if line.startswith("0::"))
        group = pathlib.Path(root + own) / f"powerconsul-test-{os.getpid()}"
        group.mkdir()
        return group
    except (StopIteration, OSError) as why:
        return skip(f"no control group of version 2 can be made here ({why!r})")


def remove_cgroup(group):
    def removed():
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
        return not group.exists()
    wait_until("the control group is empty", removed)


def run_managed(script, manager, probe, packages, *words):
    """Runs `script --inside MANAGER PROBE PACKAGES WORDS... REPORT` where the manager may be set up."""
    flags = UNSHARE + (["--cgroup"] if manager == "systemd" else [])
    check_rights(flags)
    if manager == "systemd" and not os.access("/lib/systemd/systemd", os.X_OK):
        skip("systemd is not installed")
    folder = pathlib.Path(packages).resolve()
    unpack(PACKAGES[manager], folder)
    group = own_cgroup() if manager == "systemd" else None

    def join():
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    try:
        return run_inside(script, [manager, os.path.abspath(probe), str(folder), *words], flags, join)
    finally:
        if group:
            remove_cgroup(group)


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--inside":
        if sys.argv[2] == "systemd":
            enter_systemd(sys.argv[3], int(sys.argv[6]), lambda: drive_systemd(sys.argv[5] == "with-bus"))
        else:
            enter_room(*sys.argv[2:5], int(sys.argv[6]), {"sysv": drive_sysv, "openrc": drive_openrc}[sys.argv[2]])
    if len(sys.argv) != 5 or sys.argv[1] not in PACKAGES or sys.argv[4] not in ("with-bus", "without-bus"):
        sys.exit(__doc__)
    sys.exit(run_managed(__file__, *sys.argv[1:]))
