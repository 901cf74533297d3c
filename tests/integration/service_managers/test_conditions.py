"""Runs README's ExecCondition= under a real systemd, and its line for cron by the shell as cron would.

    test_conditions.py POWERCONSUL README PACKAGES

Consul is a store file here: what is tried is what systemd makes of the exit codes of `powerconsul role --expect`. What is
needed, and where everything happens, is written in service_managers.py. Exit status 77: skipped.
"""
import json
import os
import pathlib
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from room import PROBE, mount, run, wait_until, write  # noqa: E402
from service_managers import SLEEP, Rows, enter_systemd, run_managed, systemctl  # noqa: E402

PROGRAM = "/usr/local/bin/powerconsul"
STATE = "/run/state"
SETTINGS = {"POWERCONSUL_STATE_DIR": STATE, "POWERCONSUL_NODE": "production-web2",
            "POWERCONSUL_CONFIG": "/run/powerconsul.conf"}
STORED = {**SETTINGS, "POWERCONSUL_STORE": "/run/store.json"}
AWAY = {**SETTINGS, "POWERCONSUL_HTTP_ADDR": "127.0.0.1:1"}
PAIR = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
SWAPPED = {"active_nodes": ["production-web2"], "standby_nodes": ["production-web1"]}


def blocks(page):
    """The drop-in, and the command of the line for cron."""
    text = pathlib.Path(page).read_text(encoding="utf-8")
    drop_in = re.search(r"^```ini\n(.*?ExecCondition=.*?)^```", text, re.S | re.M).group(1)
    line = re.search(r"^```crontab\n(?:\S+ ){5}root (.*)\n```", text, re.M).group(1)
    return drop_in, line


def store(document, own=None, active="passing"):
    """What Consul says from now on."""
    let(STORED)
    services = [{"service": "web", "node": "production-web1", "checks": {"web-role": active}},
                {"service": "web", "node": "production-web2", "checks": {"web-role": "passing", **(own or {})}}]
    write(STORED["POWERCONSUL_STORE"], json.dumps(
        {"agent": {"node": "production-web2", "datacenter": "hq"},
         "datacenters": {"hq": {"kv": {"cluster/production/web": document}, "services": services}}}))


def let(settings):
    """The environment of powerconsul in the unit from now on."""
    write("/run/settings", "".join(f"{key}={value}\n" for key, value in settings.items()))


def shown(unit):
    lines = run("systemctl", "show", "--property=ActiveState,Result,NRestarts", unit).stdout.split()
    values = dict(line.split("=") for line in lines)
    return values["ActiveState"], values["Result"], values["NRestarts"]


def unit(name, condition, more=""):
    write(f"/run/systemd/system/{name}.service", SLEEP + more)
    write(f"/run/systemd/system/{name}.service.d/powerconsul.conf", condition)
    write(f"/run/systemd/system/{name}.service.d/settings.conf", "[Service]\nEnvironmentFile=-/run/settings\n")


def drive(drop_in, line):
    wait_until("systemd answers", lambda: run("systemctl", "is-active", "basic.target", check=False).returncode == 0)
    mount("-t", "tmpfs", "tmpfs", "/usr/local/bin")
    shutil.copy2(PROBE, PROGRAM)
    os.mkdir(STATE, 0o700)
    write(SETTINGS["POWERCONSUL_CONFIG"], "{}")
    unit("web", drop_in, "Restart=always\nRestartSec=100ms\n")
    for end in ("exit 0", "exit 1", "exit 69", "exit 254", "exit 255", "kill -KILL $$$$"):
        unit("by-" + end.replace(" $$$$", "").replace(" ", "-"), f"[Service]\nExecCondition=/bin/sh -c '{end}'\n")
    unit("by-listed", "[Service]\nExecCondition=/bin/sh -c 'exit 69'\nSuccessExitStatus=69\n")
    systemctl("daemon-reload")
    rows = Rows("systemd")

    # What the exit codes come to, so that README can say so.
    for name, wanted in {"exit-0": (0, "active", "success"), "exit-1": (0, "inactive", "success"),
                         "exit-69": (0, "inactive", "success"), "listed": (0, "active", "success"), "exit-254": (0, "inactive", "success"),
                         "exit-255": (1, "failed", "exit-code"), "kill--KILL": (1, "failed", "signal")}.items():
        code = run("systemctl", "start", f"by-{name}", check=False).returncode
        rows.same(f"a condition that ends {name}", wanted, (code, *shown(f"by-{name}")[:2]))

    def start(row, state, result="success"):
        code = run("systemctl", "restart", "web", check=False).returncode
        rows.same(row, (0, state, result, "0"), (code, *shown("web")))

    skipped = ("inactive", "success")
    store(SWAPPED)
    start("an active is started", "active")
    start("and restarted", "active")
    store(PAIR)
    start("a standby is stopped and not started again, and Restart=always changes nothing", *skipped)
    rows.same("nothing is written", [], os.listdir(STATE))
    store(SWAPPED, own={"_service_maintenance:web": "critical"})
    start("an active in maintenance is not started", *skipped)
    store(SWAPPED)
    start("nor is it after that", "active")
    store(PAIR, active="critical")
    start("a standby without memory waits", *skipped)
    run(PROGRAM, "check", "process", "--name", "init", "-S", "web", "--takeover-after", "0s", check=False,
        environment=STORED)
    start("one whose check has taken over is started", "active")
    systemctl("stop", "web")
    shutil.rmtree(f"{STATE}/last-known")
    let(AWAY)
    start("nothing is started while Consul is away", *skipped)

    def cron(row, ran, settings=STORED):
        mark = pathlib.Path("/run/ran")
        mark.unlink(missing_ok=True)
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/root", "LOGNAME": "root", "SHELL": "/bin/sh", **settings}
        done = run("/bin/sh", "-c", line, check=False, environment=environment)
        rows.same(row, (ran, ""), (mark.exists(), done.stdout + done.stderr))

    write("/usr/local/bin/nightly-report", "#!/bin/sh\n: >/run/ran\n", 0o755)
    cron("cron: nothing runs while Consul is away, and there is no mail", False, AWAY)
    store(SWAPPED)
    cron("cron: the job runs on an active", True)
    store(SWAPPED, own={"_service_maintenance:web": "critical"})
    cron("cron: but not in maintenance", False)
    store(PAIR)
    cron("cron: and not on a standby", False)
    return rows


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--inside":
        page = blocks(sys.argv[5])
        enter_systemd(sys.argv[3], int(sys.argv[6]), lambda: drive(*page))
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(run_managed(__file__, "systemd", sys.argv[1], sys.argv[3], os.path.abspath(sys.argv[2])))
