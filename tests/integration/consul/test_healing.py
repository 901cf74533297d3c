"""Healing by service: once per failure, never against the operator, never twice.

    CONSUL=... POWERCONSUL=... python3 test_healing.py [slow | row ...]

Real agents run checks and handlers, as users configure them; only what a user sees is looked at: when triggers ran,
which processes live, and what Consul and `powerconsul incidents`, the log and doctor say. The rows are told side by
side. What went wrong is printed with the row's time line; with HEALING_TIMELINE=1 each time line is printed.
`slow` tells those that take minutes.
"""
import concurrent.futures
import contextlib
import datetime
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import sys
import time

from consul_cluster import executables
from healing import DEFAULT_INTERVAL_HCL, GONE, HEALED, SLACK, Listening, Scene, Service

DAEMON = pwd.getpwnam("daemon")
# Like systemd, powerconsul gives no shell that only refuses to be used.
SHELL = "/bin/sh" if DAEMON.pw_shell.endswith(("nologin", "false")) else DAEMON.pw_shell
QUICK = {"settle": "2s", "backoff": "1s"}
TOGETHER = 10  # rows at a time, so that a machine with two processors keeps up


def as_daemon(_):
    """Debian's unit runs the agent as another user than root; the variables are as a careless wrapper leaves them."""
    return ["/usr/bin/env", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "setpriv",
            "--pdeathsig", "KILL", f"--reuid={DAEMON.pw_uid}", f"--regid={DAEMON.pw_gid}", "--clear-groups"]


def on_a_small_disk(folder):
    mount = f"mount -t tmpfs -o size=1m,mode=0700 tmpfs {folder / 'state'} && exec \"$@\""
    return ["unshare", "--mount", "/bin/sh", "-c", mount, "sh"]


ALONE = {"alone": True}
PLACES = {
    "web1": {}, "web2": {}, "standby": {}, "maintained": {}, "restarted": {},
    "queued": ALONE, "killed": ALONE, "busy": ALONE, "many": ALONE, "acked": ALONE, "given": ALONE, "silent": ALONE,
    "looping": ALONE,
    "moved": {"through_proxy": True, **ALONE}, "refused": {"through_proxy": True, **ALONE},
    "counted": {"through_proxy": True, **ALONE}, "fresh": {"fresh": True, **ALONE},
    "daemon": {"prefix": as_daemon, "owner": (DAEMON.pw_uid, DAEMON.pw_gid), **ALONE},
    "full": {"prefix": on_a_small_disk, **ALONE}, "lazy": {"common": DEFAULT_INTERVAL_HCL, **ALONE},
    "late": {"common": DEFAULT_INTERVAL_HCL, **ALONE},
}
CROWDS = ("sixty-handlers-and-instances",)
ROWS = {}  # by name: (places, whether it is slow, whether it needs root, story)


def row(*places, slow=False, root=False):
    def add(story):
        ROWS[story.__name__.replace("_", "-")] = (places, slow, root, story)
        return story
    return add


# --- never against the operator -----------------------------------------------------------------------------------

def maintained(told, place, whole_node):
    service = told.running(place, Service.role_check, Service.foreign_check)
    service.trigger(f"{service.script} start")
    told.passing(service)
    told.passing(service, "foreign")
    agent, what = service.place.agent, "node" if whole_node else "service"
    told.says(f"the {what} goes into maintenance")
    agent.maintenance(True, None if whole_node else service.name)
    told.stays(3)
    since = told.says("an operator stops the service")
    service.does("stop")
    told.wait("the check that knows nothing of maintenance is critical",
              lambda: service.check("foreign")[0] == "critical")
    told.stays(12)
    told.runs(service, 0, since, " while maintenance stands")
    told.expect("maintenance" in service.place.told(service.name).held, "incidents tells that maintenance holds it")
    told.says("the maintenance ends")
    agent.maintenance(False, None if whole_node else service.name)
    told.within(10, "it is started when maintenance is over", service.is_up)
    told.runs(service, 1)
    told.incident(service, open=False, how=HEALED, attempts=1)

    # And between two attempts.
    service.trigger("exit 1", settle="1s", backoff="6s")
    before = len(service.runs())
    told.breaks(service)
    told.wait("the trigger runs in vain", lambda: len(service.runs()) > before, 60)
    since = told.says(f"the {what} goes into maintenance before the next attempt")
    agent.maintenance(True, None if whole_node else service.name)
    told.stays(16)
    told.runs(service, 0, since, " while maintenance stands")
    agent.maintenance(False, None if whole_node else service.name)


@row("maintained")
def maint_of_the_node(told):
    maintained(told, "maintained", True)


@row("web1")
def maint_of_the_service(told):
    maintained(told, "web1", False)


@row("web1", "web2")
def held_by_another_node(told):
    service = told.running("web1")
    service.trigger(f"{service.script} start")
    told.passing(service)
    why = "the database is moved"
    elsewhere = told.scene.places["web2"]
    done = elsewhere.run("pause", service.name, "--for", "10m", "--why", why)
    told.expect(done.returncode == 0, f"pause exits with 0, not {done.returncode}: {done.stderr.strip()[:200]}")
    since = told.breaks(service)
    told.wait("the check is critical", lambda: service.check()[0] == "critical")
    told.stays(8)
    told.runs(service, 0, since, " while it is paused by another node")
    held = service.place.told(service.name).held
    told.expect("pause" in held and why in held, f"incidents tells who holds it and why, not {held!r}")
    done = elsewhere.run("resume", service.name)
    told.expect(done.returncode == 0, f"resume exits with 0, not {done.returncode}: {done.stderr.strip()[:200]}")
    told.says("it is resumed")
    told.within(10, "it is started when it is resumed", service.is_up)
    told.runs(service, 1)


@row("web2")
def held_here_for_a_moment(told):
    """An end comes by itself."""
    service = told.running("web2")
    service.trigger(f"{service.script} start")
    told.passing(service)
    for words in ((), ("--for", "31d")):
        done = service.place.run("pause", service.name, *words, "--why", "for ever", "--here")
        told.expect(done.returncode == 64, f"pause {words} is refused with 64, not {done.returncode}")
    done = service.place.run("pause", service.name, "--for", "12s", "--why", "a moment", "--here")
    told.expect(done.returncode == 0, f"pause --here exits with 0, not {done.returncode}: {done.stderr.strip()[:200]}")
    ends = time.time() + 12
    told.breaks(service)
    told.within(12 + 10, "it is started when the pause is over", service.is_up)
    told.expect(all(at >= ends - 1 for at in service.times()), "and not before")


@row("queued")
def emergency(told):
    """Four triggers run, and four wait for their turn."""
    services = [told.running("queued", name=f"{told.name}-{i}") for i in range(8)]
    for each in services:
        each.trigger(f"{each.file('program')} 7; {each.script} start")
    for each in services:
        told.passing(each)
    for each in services:
        each.kill()
    told.says("kills all eight")
    told.wait("all are critical", lambda: all(each.check()[0] == "critical" for each in services))
    told.stays(1)
    stop = services[0].place.stop_file
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=18)
    stop.write_text(f"until={until.strftime('%Y-%m-%dT%H:%M:%SZ')}\n")
    since = told.says("makes the stop file")
    before = sum(len(each.runs()) for each in services)
    told.expect(before == 4, f"four triggers run at once, not {before}")
    told.stays(14)
    after = sorted(at - since for each in services for at in each.times() if at > since + 0.2)
    told.expect(not after, "no trigger starts once the stop file is there: " + " ".join(f"{at:.1f} s" for at in after))
    held = [each for each in services if not each.runs()]
    told.expect(held, "some triggers were queued")
    if held:
        told.expect("stop" in held[0].place.told(held[0].name).held, "incidents tells that the stop file holds it")
    told.within(30, "all run once its time is over, with the file still there",
                lambda: all(each.is_up() for each in services))


@row("moved")
def settings_reach_the_worker(told):
    service = told.running("moved")
    place = service.place
    token = place.folder / "token"
    token.write_text("first")
    token.chmod(0o600)
    known = {"consul": {"tokenFile": str(token)}}
    place.configure_handlers(**known)
    service.trigger("exit 1", settle="2s", backoff="3s")
    told.passing(service)
    began = told.breaks(service)
    told.wait("the trigger runs", service.runs)
    told.wait("the handler shows its token", lambda: "first" in place.proxy.tokens(began))
    since = told.says("noopTriggers names the service")
    place.configure_handlers(**known, noopTriggers=[service.name])
    told.stays(9)
    told.runs(service, 0, since + 0.5, " while noopTriggers names the service")
    told.expect("noopTriggers" in place.told(service.name).held, "incidents tells that noopTriggers holds it")
    since = told.says("the token is another one")
    token.write_text("second")
    place.configure_handlers(**known)
    told.within(15, "the worker uses it", lambda: "second" in place.proxy.tokens(since))
    told.within(15, "the trigger runs again", lambda: [at for at in service.times() if at > since])
    moved = Listening(place.agent)
    try:
        since = told.says("the agent's address is another one")
        place.proxy.close()
        place.configure_handlers(consul={"tokenFile": str(token), "httpAddr": moved.address})
        told.within(15, "the worker asks there", lambda: moved.since(since))
        told.within(30, "the trigger runs again", lambda: [at for at in service.times() if at > since])
    finally:
        moved.close()


# --- once per failure ---------------------------------------------------------------------------------------------

def once(told, check, settle, stays):
    """One attempt heals; the check, which runs seldom, learns of it late."""
    service = told.running("web1", check)
    kind = "foreign" if check(service)["CheckID"].endswith("foreign") else "role"
    service.trigger(f"{service.script} restart", settle=settle, backoff="1s")
    told.passing(service, kind)
    told.breaks(service)
    told.wait("the trigger runs", service.runs)
    told.wait("the service runs", service.is_up)
    if kind == "role":
        told.within(SLACK, "it is healed at once, not when Consul has run the check",
                    lambda: service.place.told(service.name).outcomes == ["healed"])
    told.stays(stays)
    told.runs(service, 1, 0, " for a service that the first run healed")
    told.incident(service, open=False, how=HEALED, attempts=1)


@row("web1")
def interval_beyond_back_off_and_settle_time(told):
    once(told, lambda service: service.role_check("15s"), "3s", 15)


@row("web1")
def interval_within_the_settle_time(told):
    once(told, lambda service: service.role_check("6s"), "20s", 8)


@row("web1")
def interval_of_a_check_that_is_not_ours(told):
    once(told, lambda service: service.foreign_check("15s"), "9s", 18)


@row("web2")
def slow_start(told):
    service = told.running("web2")
    service.file("delay").write_text("12")
    service.trigger(f"{service.script} restart", settle="20s", backoff="1s")
    told.passing(service)
    told.breaks(service)
    told.wait("the service runs", service.is_up, 60)
    up = told.says("the service is up")
    seconds = told.within(SLACK, "it is healed", lambda: not service.place.told(service.name).open)
    if seconds is not None:
        told.says(f"healed within {time.time() - up:.1f} s of the truth")
    told.stays(12)
    told.runs(service, 1, 0, " for a service that takes 12 s to start")
    told.incident(service, open=False, how=HEALED, attempts=1)


def answers(ip, port):
    with contextlib.suppress(OSError):
        socket.create_connection((ip, port), 1).close()
        return True
    return False


@row("web2")
def three_checks(told):
    agent = told.scene.places["web2"].agent
    port = free_port(agent.ip)
    serve = f"exec {sys.executable} -m http.server --bind {agent.ip} {port}"
    ready = {"Interval": "1s", "Timeout": "5s", "Status": "passing"}
    page = {"Name": "http", "HTTP": f"http://{agent.ip}:{port}/", **ready}
    http_check = lambda each: {"CheckID": f"{each.name}-http", **page}
    tcp_check = lambda each: {"CheckID": f"{each.name}-tcp", "Name": "tcp", "TCP": f"{agent.ip}:{port}", **ready}
    service = told.service("web2", command=serve)
    service.does("start")
    told.wait("the service answers", lambda: answers(agent.ip, port))
    service.register(service.role_check("1s"), http_check(service), tcp_check(service))
    variables = service.file("variables")
    service.trigger(f"env >{variables}; {service.script} restart")
    for kind in ("role", "http", "tcp"):
        told.passing(service, kind)
    told.breaks(service)
    told.wait("the trigger runs", service.runs)
    told.wait("all pass", lambda: all(service.passes(kind) for kind in ("role", "http", "tcp")), 60)
    told.stays(8)
    told.runs(service, 1, 0, " for three checks of a service")
    told.incident(service, open=False, how=HEALED, attempts=1)
    ends = service.place.told(service.name).incidents
    told.expect(len(ends) == 1, f"there was one incident, not {len(ends)}")
    # Which of them have run before the trigger had healed the service is a matter of timing.
    told.expect(set(ends[-1].checks) <= {f"{service.name}-{kind}" for kind in ("role", "http", "tcp")},
                f"it names the checks: {ends[-1].checks}")
    given = dict(line.split("=", 1) for line in variables.read_text().splitlines() if "=" in line)
    told.expect(given.get("POWERCONSUL_SERVICE_IDS") == service.name, "the trigger is told the service's ids")
    told.expect("POWERCONSUL_EXPECTS" in given, "and what is expected")
    told.expect(json.loads(given.get("POWERCONSUL_CHECKS", "[]")), "and the checks, as JSON")


def free_port(ip):
    with socket.socket() as probe:
        probe.bind((ip, 0))
        return probe.getsockname()[1]


@row("web2")
def three_checks_in_vain(told):
    """Each of the later attempts is one for all of them, too."""
    service = told.running("web2", *(lambda each, n=name: each.ttl_check(n) for name in ("one", "two", "three")))
    service.trigger("exit 1", settle="3s", backoff="4s")
    told.says("all three are critical")
    for name in ("one", "two", "three"):
        service.ttl("fail", name)
    told.wait("the trigger runs", service.runs)
    told.stays(11)
    told.runs(service, 2, 0, " in 11 s with a back-off of 4 s and then 8 s")
    told.gaps(service, (4,))


# --- the ledger outlives incidents --------------------------------------------------------------------------------

@row("web1")
def crash_loop(told):
    service = told.running("web1")
    place = service.place
    service.trigger(f"{service.script} restart", **QUICK)
    service.trigger("exit 0", "given-up")
    told.passing(service)
    service.file("lives").write_text("3")
    told.breaks(service)
    told.within(70, "it is given up", lambda: place.told(service.name).given_up)
    told.says("it is given up")
    told.stays(10)
    told.runs(service, 5, 0, " for a service that dies 3 s after each start")
    told.gaps(service, (2, 2, 4, 8))
    numbers = [attempt for _, attempt in service.runs()]
    told.expect(numbers == list("12345"), f"the trigger is told which attempt it is: {numbers}")
    told.runs(service, 1, 0, " when it is given up", "given-up")


@row("looping", slow=True)
def crash_loop_with_default_times(told):
    service = told.running("looping")
    service.trigger(f"{service.script} restart")
    told.passing(service)
    service.file("lives").write_text("6")
    told.breaks(service)
    told.within(380, "it is given up", lambda: service.place.told(service.name).given_up)
    told.runs(service, 5, 0, " for a service that dies 6 s after each start")
    told.gaps(service, (30, 30, 40, 80))


@row("restarted")
def crash_loop_over_restarts_and_new_ids(told):
    service = told.running("restarted")
    place = service.place
    service.trigger(f"{service.script} restart", **QUICK)
    told.passing(service)
    service.file("lives").write_text("4")
    told.breaks(service)

    def attempt(count):
        told.wait(f"attempt {count}", lambda: len(service.runs()) >= count, 40)
    attempt(1)
    told.wait("the service runs", service.is_up)
    told.says("the agent is restarted; it leaves the cluster")
    place.restart()
    attempt(2)
    told.says("the service has another id, and its check, too")
    service.deregister()
    service.register(service.role_check(CheckID=f"{service.name}-again-role"), id=f"{service.name}-again")
    attempt(3)
    told.says("the agent is killed and started again")
    place.agent.kill()
    place.agent.start()
    told.wait("the agent is back", place.agent.ready)
    attempt(4)
    attempt(5)
    told.stays(30)
    told.runs(service, 5, 0, " whatever happens to agent and ids")
    numbers = [number for _, number in service.runs()]
    told.expect(numbers[:5] == list("12345"), f"the trigger is told which attempt it is: {numbers}")
    told.expect(place.told(service.name).given_up, "it is given up")


@row("web1")
def warning_and_critical_in_turns(told):
    service = told.running("web1", Service.ttl_check)
    service.trigger("exit 1", settle="1s", backoff="1s")
    began = time.time()
    told.says("the check changes between critical and warning")
    while time.time() < began + 45 or (len(service.runs()) < 5 and time.time() < began + 120):
        service.ttl("fail")
        told.stays(2)
        service.ttl("warn")
        told.stays(1)
    service.ttl("fail")
    told.stays(3)
    told.runs(service, 5, 0, " however often the check changes")
    told.gaps(service, (1, 2, 4, 8))
    numbers = [number for _, number in service.runs()]
    told.expect(numbers[:5] == list("12345"), f"the trigger is told which attempt it is: {numbers}")


@row("web1", "standby")
def standby_in_turns(told):
    """Start and stop are different keys: the one does not wait for the other, and eight actions give nothing up."""
    active, standby = told.service("web1"), told.service("standby")
    nodes = {"active_nodes": [active.place.name], "standby_nodes": [standby.place.name]}
    told.scene.hq.put_key(f"cluster/production/{told.name}", nodes)
    standby.trigger(f"{standby.script} start", role="primary", **QUICK)
    standby.trigger(f"{standby.script} stop", role="secondary", settle="1s", backoff="1s")
    active.does("start")
    active.register(active.role_check("1s"))
    told.passing(active)
    # So seldom that it is never passing in between: as long as it is critical, it is one incident.
    interval = 4
    standby.register(standby.role_check(f"{interval}s"))
    told.passing(standby)
    for i in range(4):
        active.file("broken").touch()
        since = told.says(f"breaks the active, {i + 1}")
        active.kill()
        ready = max([since] + [at + (2, 2, 4)[i - 1] for at in standby.times("critical", "primary")[-1:] if i])
        told.within(ready - since + interval + SLACK, f"the standby starts, {i + 1}", standby.pid)
        active.file("broken").unlink()
        told.says("mends it")
        active.does("start")
        ready = max([0.0] + [at + (1, 2, 4)[i - 1] for at in standby.times("critical", "secondary")[-1:] if i])
        told.within(max(0.0, ready - time.time()) + interval + SLACK, f"the standby stops, {i + 1}",
                    lambda: not standby.pid())
    said = standby.place.told(told.name)
    told.expect(not said.given_up, "nothing is given up on the standby")
    told.expect(len(standby.runs("critical", "primary")) <= 4 and len(standby.runs("critical", "secondary")) <= 4,
                "one attempt for each change")


# --- jobs ---------------------------------------------------------------------------------------------------------

APP = 'while :; do echo "still here" || exit 1; date +%s.%N >{file}; {sleep} 0.2; done'


@row("web2")
def daemon_started_with_an_ampersand(told):
    """It writes to what it was started with, for ever."""
    service = told.service("web2")
    beats = service.file("beats")
    app = service.file("app")
    app.write_text(APP.format(file=beats, sleep=service.file("program")))
    service.register(service.ttl_check())
    service.trigger(f"nohup /bin/sh {app} &", settle="3s")
    service.ttl("fail")
    told.wait("the trigger runs", service.runs)
    told.within(SLACK, "the daemon writes its first line and goes on", beats.exists)
    told.stays(1)
    service.ttl("pass")
    told.within(10, "the incident ends", lambda: not service.place.told(service.name).open)
    told.stays(6)
    # It writes the file anew each time, which may be empty for a moment.
    told.within(2, "the daemon is alive after the incident",
                lambda: time.time() - float(beats.read_text() or 0) < 2)


@row("killed")
def handler_killed_while_its_trigger_echoes(told):
    service = told.running("killed")
    place = service.place
    steps = service.file("steps")
    service.trigger(f"for i in 1 2 3 4 5 6; do echo step $i || exit 1; echo $i >>{steps}; "
                    f"{service.file('program')} 0.5; done\n{service.script} start", settle="3s", backoff="1s")
    told.passing(service)
    told.breaks(service)
    told.wait("the trigger echoes", steps.exists)
    worker = place.processes("watch")[0]
    told.says(f"kills the worker, process {worker}, of {place.processes('watch')}")
    os.kill(worker, signal.SIGKILL)
    told.within(10, "the trigger goes on to its end", lambda: steps.read_text().split() == list("123456"))
    told.within(10, "the service runs", service.is_up)
    told.runs(service, 1, 0, " though its handler was killed")
    told.within(20, "the incident ends, in the eyes of whoever looks next", lambda: not place.told(service.name).open)


@row("daemon", root=True)
def account_of_an_agent_of_another_user(told):
    service = told.running("daemon")
    file = service.place.folder / "state" / "account"
    service.trigger(f"echo \"$HOME $USER $LOGNAME $SHELL $(id -un)\" >{file}\n{service.script} start")
    service.file("pid").chmod(0o666)
    service.place.folder.chmod(0o777)
    told.passing(service)
    told.breaks(service)
    told.wait("the trigger runs", file.exists)
    told.wait("it has written", lambda: file.read_text().strip())
    own = f"{DAEMON.pw_dir} daemon daemon {SHELL} daemon"
    told.expect(file.read_text().strip() == own, f"{own}, not {file.read_text().strip()}")


@row("web2", root=True)
def account_of_a_triggers_user(told):
    service = told.service("web2")
    folder = service.place.folder / "open"
    folder.mkdir()
    folder.chmod(0o777)
    service.register(service.ttl_check())
    key = f"triggers/production/{service.name}/standalone/critical"
    script = f'#!/bin/sh\necho "$HOME $USER $LOGNAME $SHELL $(id -un)" >{folder}/account\n'
    service.place.keeper.put_key(key, {"script": script, "user": "daemon"})
    service.ttl("fail")
    file = folder / "account"
    told.wait("the trigger runs", file.exists)
    told.wait("it has written", lambda: file.read_text().strip())
    own = f"{DAEMON.pw_dir} daemon daemon {SHELL} daemon"
    told.expect(file.read_text().strip() == own, f"{own}, not {file.read_text().strip()}")


# --- a worker first, in its own time ------------------------------------------------------------------------------

@row("refused")
def refused_once(told):
    service = told.running("refused")
    service.trigger(f"{service.script} start")
    told.passing(service)
    told.stays(1)
    proxy = service.place.proxy
    since = told.breaks(service)
    proxy.refuse = 1
    told.within(20, "the service is started though the handler's first look was refused with 429", service.is_up)
    told.expect(proxy.refused == 1, f"one look was refused, of {proxy.since(since)[:8]}")
    told.runs(service, 1)
    told.incident(service, open=False, how=HEALED, attempts=1)


@row("lazy", slow=True)
def check_that_prints_nothing(told):
    service = told.running("lazy", lambda each: each.foreign_check("2s", says=False))
    service.trigger(f"{service.script} start")
    told.stays(6)
    since = told.breaks(service)
    told.within(150, "it is healed after two minutes", service.is_up)
    told.expect(time.time() - since > 100, "and not sooner")
    told.runs(service, 1)


@row("late", slow=True)
def check_without_a_status(told):
    """It is critical before its first run, and Consul's servers see its first output minutes later."""
    service = told.service("late")
    service.trigger(f"{service.script} start")
    since = told.says("a check without a status is registered, of a service that does not run")
    service.register(service.role_check("5s", Status="critical"))
    told.within(135, "the service is started", service.is_up)
    told.says(f"started {time.time() - since:.1f} s later")
    told.runs(service, 1)


@row("silent", slow=True)
def worker_without_an_agent(told):
    service = told.running("silent")
    place = service.place
    service.trigger("exit 1", settle="2s", backoff="10m")
    told.passing(service)
    told.breaks(service)
    told.wait("the trigger runs", service.runs)
    told.stays(5)
    told.expect(place.processes("watch"), "a worker waits")
    told.says("the agent ends for good")
    place.agent.kill()
    told.stays(60)
    told.expect(place.processes("watch"), "a worker waits on for a minute")
    told.within(270, "no worker is left after five minutes", lambda: not place.processes("watch"))
    told.expect([line for line in place.logged(level="error")], "and the log has an error")


@row("acked")
def acknowledged(told):
    """Before anything is given up, while the back-off is long."""
    service = told.running("acked")
    service.file("broken").touch()
    service.trigger(f"{service.script} start", settle="1s", backoff="10m")
    told.passing(service)
    told.breaks(service)
    told.wait("the trigger runs in vain", service.runs)
    told.stays(4)
    ack(told, service)


def ack(told, service):
    service.file("broken").unlink()
    since = told.says("somebody mends it and acknowledges it")
    done = service.place.run("incidents", "ack", service.name)
    told.expect(done.returncode == 0 and "next run" not in done.stdout,
                f"ack says what happens: {done.returncode}, {done.stdout.strip()!r}{done.stderr.strip()!r}")
    told.within(SLACK, "the trigger runs within seconds", lambda: [at for at in service.times() if at > since])
    told.within(10, "it is healed", lambda: not service.place.told(service.name).open)


@row("given")
def given_up_and_acknowledged(told):
    service = told.running("given")
    place = service.place
    service.file("broken").touch()
    service.trigger(f"{service.script} start", settle="1s", backoff="1s")
    service.trigger("exit 0", "given-up")
    told.passing(service)
    done = place.run("incidents")
    told.expect(done.returncode == 0, f"incidents exits with 0 while nothing is given up, not {done.returncode}")
    told.breaks(service)
    told.within(60, "it is given up", lambda: place.told(service.name).given_up)
    told.says("it is given up")
    told.stays(8)
    told.runs(service, 5)
    told.gaps(service, (1, 2, 4, 8))
    told.runs(service, 1, 0, " when it is given up", "given-up")
    done = place.run("incidents")
    told.expect(done.returncode == 1, f"incidents exits with 1, not {done.returncode}")
    told.expect("given up" in done.stdout and service.name in done.stdout,
                f"and says what was given up: {done.stdout!r}")
    errors = place.logged(service.name, "error")
    told.expect([line for line in errors if "gave up" in str(line) or "given up" in str(line)],
                f"the log has an error that says so, among {errors}")
    done = place.run("doctor", "-S", service.name)
    lines = [line for line in done.stdout.splitlines() if line.startswith("error") and service.name in line]
    told.expect(done.returncode == 2 and any("given up" in line or "gave up" in line for line in lines),
                f"doctor exits with 2 and has an error that says so: {done.returncode}, {lines}")
    told.within(SLACK, "the check's reason says powerconsul/given-up",
                lambda: "powerconsul/given-up" in service.check()[1])
    ack(told, service)
    told.within(10, "the check's reason no longer says so", lambda: "powerconsul/given-up" not in service.check()[1])
    told.expect(place.run("incidents").returncode == 0, "incidents exits with 0 again")


@row("busy")
def slow_trigger_beside_another(told):
    """The second attempt of the one takes long, and the other's attempts are due meanwhile."""
    slow, other = (told.running("busy", name=f"{told.name}-{each}") for each in ("slow", "other"))
    slow.trigger(f"[ $POWERCONSUL_ATTEMPT != 1 ] || exit 1\n{slow.file('program')} 25; {slow.script} start",
                 settle="1s", backoff="4s")
    other.trigger("exit 1", settle="1s", backoff="4s")
    told.passing(slow)
    told.passing(other)
    told.breaks(slow)
    told.wait("the first trigger runs", slow.runs)
    told.breaks(other)
    told.wait("the other one runs", other.runs)
    told.stays(17)
    times = [at - other.times()[0] for at in other.times()]
    told.expect(len(times) == 3, "the other is tried again after 4 s and 12 s, not "
                + " ".join(f"{at:.1f}" for at in times[1:]))
    for at, due in zip(times[1:], (4, 12)):
        told.expect(due <= at < due + 3, f"an attempt comes after {due} s, not {at:.1f} s")
    told.expect(len(slow.runs()) == 2 and not slow.is_up(), "the slow trigger runs meanwhile")


@row("many")
def sixty_handlers_and_instances(told):
    place = told.scene.places["many"]
    one = told.running("many", Service.ttl_check, name=f"{told.name}-one")
    one.trigger(f"{one.file('program')} 15; exit 1")
    one.ttl("fail")
    told.wait("the trigger runs", one.runs)

    def listed(count, service):
        text = place.keeper.request("GET", "/v1/health/state/critical")[1]
        names = [each["ServiceName"] for each in json.loads(text)]
        return text if names.count(service.name) == count else None

    def sixty_handlers(snapshot):
        told.says("sixty handlers are called at once")
        argv = place.argv("watch", "critical", "--detach", config=place.handlers_config)
        file = place.folder / "snapshot.json"
        file.write_bytes(snapshot)
        handlers = []
        for _ in range(60):
            with file.open() as given:
                handlers.append(subprocess.Popen(argv, stdin=given, stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL))
        codes = {each.wait(60) for each in handlers}
        told.expect(codes == {0}, f"each exits with 0: {codes}")
        told.stays(6)
        left = place.processes("watch")
        memory = sum(map(resident, left)) // 1024
        told.expect(len(left) <= 4, f"few processes wait, not {len(left)} with {memory} MiB")
    sixty_handlers(told.wait("the servers know", lambda: listed(1, one)))
    told.expect(len(one.runs()) == 1, "the trigger runs still, and once")
    one.ttl("pass")
    told.wait("no trigger runs", lambda: not place.told(one.name).open, 60)

    service = told.service("many")
    service.trigger("exit 1")
    for i in range(60):
        service.ids.append(f"{service.name}-{i}")
        place.agent.api("PUT", "/v1/agent/service/register", {
            "ID": service.ids[-1], "Name": service.name, "Port": 1000 + i,
            "Check": {"CheckID": f"{service.name}-{i}-ttl", "TTL": "1h", "Status": "passing"}})
    told.says("all sixty instances are critical")
    for i in range(60):
        service.ttl("fail", f"{i}-ttl")
    sixty_handlers(told.wait("the servers know", lambda: listed(60, service)))
    told.runs(service, 1, 0, " within the settle time, for all instances and handlers")
    said = place.told(service.name)
    told.expect(len(said.open) == 1, f"there is one incident, not {len(said.open)}")
    told.expect([each.check_count for each in said.open] == [60], "it counts all checks")
    errors = [line for line in place.logged(level="error") if line["event"] != "trigger ended"]
    told.expect(not errors, f"nothing could not be recorded: {[str(line)[:300] for line in errors[:2]]}")
    told.says("all pass")
    for i in range(60):
        service.ttl("pass", f"{i}-ttl")
    told.within(15, "the incident is over", lambda: not place.told(service.name).open)


def resident(pid):
    """In KiB, shared memory by halves."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
    except (OSError, StopIteration):
        return 0


# --- what is told -------------------------------------------------------------------------------------------------

@row("web2")
def deregistered(told):
    service = told.running("web2", Service.ttl_check)
    service.trigger("exit 1", settle="1s", backoff="10m")
    service.ttl("fail")
    told.wait("the trigger runs", service.runs)
    told.stays(4)
    told.says("Consul deregisters the service")
    service.deregister()
    told.within(15, "the incident is over", lambda: not service.place.told(service.name).open)
    told.incident(service, open=False, how=GONE)
    text = service.place.run("incidents").stdout
    lines = [line for line in text.splitlines() if service.name in line]
    told.expect(lines and not any("healed" in line for line in lines), f"nobody healed it: {lines}")


@row("daemon", root=True)
def root_looks_at_what_another_user_keeps(told):
    service = told.running("daemon", Service.ttl_check)
    place = service.place
    service.trigger("exit 1", settle="1s", backoff="10m")
    place.folder.chmod(0o777)
    service.ttl("fail")
    told.wait("the trigger runs", service.runs)
    told.stays(3)
    done = place.run("incidents")
    told.expect(done.returncode in (0, 1) and service.name in done.stdout and not done.stderr,
                f"root sees the incident: {done.returncode}, {done.stdout[:200]!r}{done.stderr[:200]!r}")
    since = told.says("root acknowledges it")
    done = place.run("incidents", "ack", service.name)
    told.expect(done.returncode == 0, f"root may: {done.returncode}, {done.stderr[:200]!r}")
    told.within(SLACK, "the trigger runs within seconds", lambda: [at for at in service.times() if at > since])
    foreign = [str(file) for file in place.state.rglob("*") if file.stat().st_uid != DAEMON.pw_uid]
    told.expect(not foreign, f"what is there stays the agent's user's: {foreign}")


@row("web1")
def escape_sequences(told):
    """In the id of a check, in what it prints and in what a trigger prints."""
    service = told.service("web1")
    evil = "\x1b]0;owned\x07\x1b[31m\x9b31m"
    service.trigger("printf 'out\\033[31mred\\007\\n'\nexit 1", settle="1s", backoff="10m")
    service.register({"CheckID": f"{service.name}-{evil}", "Name": f"name {evil}", "Interval": "1s", "Timeout": "9s",
                      "Args": ["/bin/sh", "-c", "printf 'said \\033[31m\\n'; exit 2"]})
    told.wait("the trigger runs", service.runs)
    told.stays(3)
    for words in ((), ("--verbose",), ("--stats",), ("--since", "1h"), ("--json",), ("ack", service.name)):
        done = service.place.run("incidents", *words)
        odd = sorted({hex(ord(each)) for each in done.stdout + done.stderr
                      if ord(each) < 0x20 and each != "\n" or 0x7f <= ord(each) < 0xa0})
        told.expect(not odd, f"incidents {' '.join(words)} prints no control characters: {odd}")
        told.expect(done.returncode in (0, 1), f"incidents {' '.join(words)} exits with {done.returncode}")


@row("fresh")
def first_call_on_a_fresh_node(told):
    """There is no state directory yet."""
    place = told.scene.places["fresh"]
    for words in (("incidents",), ("incidents", "--json"), ("incidents", "--stats")):
        done = place.run(*words)
        told.expect((done.returncode, done.stderr) == (0, ""), f"{' '.join(words)} has nothing to complain of: {done}")
    for words in (("watch", "critical"), ("watch", "critical", "--from-agent")):
        done = place.run(*words, input="[]")
        told.expect((done.returncode, done.stderr) == (0, ""), f"nor has {' '.join(words)}: {done}")
    service = told.running("fresh")
    service.trigger(f"{service.script} start")
    told.passing(service)
    told.breaks(service)
    told.within(15, "the service is started", service.is_up)
    told.passing(service)
    told.incident(service, open=False, how=HEALED)
    errors = place.logged(level="error")
    told.expect(not errors, f"nor has the log: {errors}")


@row("counted")
def looks_at_the_agent(told):
    service = told.running("counted")
    proxy = service.place.proxy
    service.trigger("exit 1", settle="3s", backoff="4s")
    told.passing(service)
    told.breaks(service)
    told.wait("the trigger runs", service.runs)
    away = service.script.with_suffix(".away")
    told.says("the init script is away: whether it runs is unknown")
    service.script.rename(away)
    told.wait("the check is unknown", lambda: '"state":"unknown"' in service.check()[1])
    since = told.says("it is unknown")
    told.stays(12)
    at_most(told, proxy, since + 1, 10)
    told.runs(service, 0, since + 1, " while whether it runs is unknown")
    away.rename(service.script)
    since = told.says("it is known again, and there is no trigger any more")
    service.place.keeper.api("DELETE", f"/v1/kv/triggers/production/{service.name}?recurse")
    told.wait("the check is critical", lambda: service.check()[0] == "critical")
    told.stays(8)
    since = told.says("the reads are counted")
    told.stays(20)
    consistent = [target for target in proxy.since(since) if "consistent" in target and service.name in target]
    told.expect(len(consistent) < 4, f"few consistent reads in 20 s without a trigger, not {len(consistent)}: "
                f"{consistent[:4]}")
    at_most(told, proxy, since, 10)
    since = told.says("there is a trigger")
    service.trigger(f"{service.script} start", settle="3s")
    told.within(20, "it runs", lambda: [at for at in service.times() if at > since])


def at_most(told, proxy, since, seconds):
    """One look a second, in ten seconds, by what is asked for."""
    asked = [target.partition("?")[0] for target in proxy.since(since, until=since + seconds)]
    often = {target: asked.count(target) for target in asked if asked.count(target) > seconds + 2}
    told.expect(not often, f"nothing is asked more often than once a second: in {seconds} s {often}")


@row("web1")
def passing_trigger(told):
    service = told.running("web1")
    told_it = service.file("state")
    service.trigger(f"{service.script} start", settle="2s")
    service.trigger(f'echo "$POWERCONSUL_STATE $POWERCONSUL_SERVICE" >>{told_it}', "passing")
    told.passing(service)
    told.breaks(service)
    told.wait("the service runs", service.is_up)
    told.within(10, "the trigger of passing runs when it is healed", lambda: service.runs("passing"))
    told.stays(6)
    told.runs(service, 1, 0, " when it is healed", "passing")
    told.runs(service, 1)
    said = told_it.read_text() if told_it.exists() else ""
    told.expect(said == f"passing {service.name}\n", f"it is told its state: {said!r}")


@row("full", root=True)
def full_disk(told):
    """The state directory's disk; the trigger is what frees it."""
    service = told.running("full")
    place = service.place
    place.inside = ["nsenter", "--mount", f"--target={place.agent.process.pid}"]
    fill = place.state / "fill"
    service.trigger(f"rm -f {fill}; {service.script} start", settle="2s", backoff="1s")
    told.passing(service)
    told.breaks(service)
    told.wait("it is healed a first time", service.is_up)
    told.wait("the incident is over", lambda: not place.told(service.name).open)
    told.passing(service)
    subprocess.run([*place.inside, "/bin/sh", "-c", f"dd if=/dev/zero of={fill} bs=4k; df {place.state}"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    left = subprocess.run([*place.inside, "df", "--output=avail", str(place.state)], capture_output=True, text=True,
                          check=False).stdout.split()[-1]
    told.expect(left == "0", f"the disk is full: {left} KiB are left")
    since = told.breaks(service)
    told.within(20, "the trigger frees the disk and starts the service", service.is_up)
    told.runs(service, 1, since)
    told.incident(service, open=False, how=HEALED)


# --- telling them -------------------------------------------------------------------------------------------------

def main():
    words = sys.argv[1:]
    slow = words == ["slow"]
    names = words if words and not slow else [name for name, (_, is_slow, _, _) in ROWS.items() if is_slow == slow]
    if os.geteuid() != 0:
        for name in [name for name in names if ROWS[name][2]]:
            print(f"skipped {name}: it needs root")
            names.remove(name)
    needed = {place for name in names for place in ROWS[name][0]}
    scene = Scene(*executables(), {name: said for name, said in PLACES.items() if name in needed})
    told, began = {}, time.monotonic()
    try:
        with concurrent.futures.ThreadPoolExecutor(min(TOGETHER, len(names))) as together:
            together.submit(scene.start).result()
            # What takes the whole machine comes last and alone.
            for group in ([each for each in names if each not in CROWDS], [each for each in names if each in CROWDS]):
                for name in group:
                    told[name] = together.submit(scene.tell, name, ROWS[name][3])
                concurrent.futures.wait(told.values())  # an agent ends with the thread that has started it
    finally:
        scene.close()
    failed = 0
    for name, each in told.items():
        timeline, wrong = each.result()
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok':<7} {name}" + "".join(f"\n        not so: {what}" for what in wrong))
        if wrong or os.environ.get("HEALING_TIMELINE"):
            print(timeline)
    seconds = time.monotonic() - began
    print(f"{len(names) - failed} of {len(names)} rows are as they are to be, after {seconds:.0f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
