"""A room for daemons: namespaces with a root of their own, Debian's packages unpacked over the machine's own files.

No daemon and no file outlives it. It needs root, the right to make namespaces, and from Debian: util-linux (unshare,
mount), dpkg (dpkg-deb), apt (apt-get download, with the indexes fetched).
A test is a script that runs itself twice: outside it calls `check_rights`, `unpack` and `run_inside`, inside it calls
`enter` and `drive_apart`.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEADLINE = 60  # seconds, for anything that has to happen
PROBE = "/run/test/probe"


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def run(*words, check=True, **more):
    """Runs a program in a clean environment; its output comes with the error if it fails."""
    environment = {"PATH": PATH, "LC_ALL": "C", **more.pop("environment", {})}
    more.setdefault("input", "")
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False, **more)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} exits {done.returncode}: {done.stdout}{done.stderr}")
    return done


def wait_until(what, condition, deadline=DEADLINE):
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {deadline} s in vain: {what}")
        time.sleep(0.05)


def mount(*words):
    run("mount", *words)


def write(path, text, mode=0o644):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text, encoding="utf-8")
    os.chmod(path, mode)


def probes(probe):
    """What is put into a room, by its paths there: a program, and the one beside it that powerconsul goes on in."""
    beside = pathlib.Path(probe).with_name("powerconsul-dynamic")
    found = {PROBE: pathlib.Path(probe), str(pathlib.Path(PROBE).with_name(beside.name)): beside}
    return {path: file.read_bytes() for path, file in found.items() if file.exists()}


# --- inside --------------------------------------------------------------------------------------------------------

def enter(probe, packages, names):
    """For PID 1 of the namespaces: a root of its own, the machine's files with the packages laid over them."""
    programs = probes(probe)
    os.chdir(packages)  # stays at hand even if it is below /mnt
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "tmpfs", "/mnt")
    for folder in ("upper", "work", "root"):
        os.mkdir(f"/mnt/{folder}")
    os.mkdir("/mnt/packages")
    for package in names:
        run("cp", "-a", f"{package}/.", "/mnt/packages")
    move_below_usr(pathlib.Path("/mnt/packages"))
    mount("-t", "overlay", "overlay", "/mnt/root", "-o",
          "lowerdir=/mnt/packages:/,upperdir=/mnt/upper,workdir=/mnt/work")
    mount("-t", "proc", "proc", "/mnt/root/proc")
    for folder in ("run", "tmp"):
        mount("-t", "tmpfs", "tmpfs", f"/mnt/root/{folder}")
    for device in ("null", "zero", "urandom", "random"):
        pathlib.Path(f"/mnt/root/dev/{device}").touch()
        mount("--bind", f"/dev/{device}", f"/mnt/root/dev/{device}")
    os.chroot("/mnt/root")
    os.chdir("/")
    os.makedirs("/run/test")
    for path, content in programs.items():
        pathlib.Path(path).write_bytes(content)
        os.chmod(path, 0o755)


def move_below_usr(root):
    """Where /bin, /lib and /sbin are links into /usr, a package's own such folder would hide the machine's."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink(f"/{name}") and (root / name).is_dir():
            os.makedirs(root / "usr" / name, exist_ok=True)
            run("cp", "-a", f"{root / name}/.", f"{root}/usr/{name}")
            shutil.rmtree(root / name)


def drive_apart(report, drive):
    """Lets a child drive the test, while this process reaps as PID 1 must: a daemon that was killed would else look
    alive to its init script."""
    if os.fork() == 0:
        finish(report, drive)
    with contextlib.suppress(ChildProcessError):  # all are gone, the driver too
        while True:
            os.wait()
    os._exit(0)


def finish(report, drive):
    """Drives the test and reports its end through the pipe; anything but "passed" is a failure."""
    end = "failed"
    try:
        rows = drive()
        print(f"{rows.count} rows, {rows.failed} failed", flush=True)
        end = "passed" if rows.count and not rows.failed else "failed"
    except Exception as why:  # pylint: disable=broad-except
        print(f"NOT OK: {why}", flush=True)
    os.write(report, end.encode())
    os._exit(0)


# --- outside -------------------------------------------------------------------------------------------------------

def check_rights(flags=UNSHARE):
    """Ends the test as skipped where it cannot be run."""
    if os.geteuid() != 0:
        skip("namespaces, mounts and daemons need root")
    if run(*flags, "mount", "-t", "tmpfs", "tmpfs", "/mnt", check=False).returncode != 0:
        skip("this machine refuses namespaces or mounts in them")


def unpack(names, folder):
    """Downloads the packages that are not there yet and unpacks them, each into a folder of its name."""
    for package in names:
        if (folder / package).is_dir():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            os.chmod(place, 0o755)
            done = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=", "download", package], cwd=place,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode != 0:
                skip(f"apt-get cannot download {package}: {done.stderr.strip()} (apt-get update may help)")
            run("dpkg-deb", "-x", str(next(pathlib.Path(place).glob("*.deb"))), f"{place}/unpacked")
            try:
                os.rename(f"{place}/unpacked", folder / package)
            except OSError:  # another test was faster
                if not (folder / package).is_dir():
                    raise


def run_inside(script, words, flags=UNSHARE, before=None):
    """Runs `script --inside <words> <report>` in namespaces and gives the exit status of the test. `report` is the
    number of the descriptor that `finish` writes to; `before` runs in the child before the script does."""
    read_end, write_end = os.pipe()
    inside = [sys.executable, os.path.abspath(script), "--inside", *words, str(write_end)]
    with subprocess.Popen([*flags, *inside], preexec_fn=before, pass_fds=[write_end],
                          stdin=subprocess.DEVNULL) as room:
        os.close(write_end)
        end = os.read(read_end, 100)  # empty when all of the room is gone without a report
        room.kill()  # --kill-child: with its PID 1 goes everything in it
    return 0 if end == b"passed" else 1
