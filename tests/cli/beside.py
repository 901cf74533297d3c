#!/usr/bin/env python3
"""The static program of a release: what it has inside, what it goes on in, and with what.

    beside.py <powerconsul> <powerconsul-dynamic>
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

STATIC, DYNAMIC = (pathlib.Path(each).resolve() for each in sys.argv[1:3])
STORE = """{"agent": {"node": "production-web1"}, "datacenters": {"dc1": {}}}"""
# They load shared libraries of the very C library that they were built with.
LOADING = {"__nss_lookup_function", "__nss_module_load", "__nss_lookup", "gaih_inet", "__res_context_query",
           "__gai_enqueue_request", "_nss_files_getpwnam_r"}
STOOD_FOR = {"getpwnam_r", "getpwuid_r", "getgrnam_r", "getgrgid_r", "getgrouplist", "getaddrinfo", "getaddrinfo_a",
             "dlopen"}


class Inside(unittest.TestCase):
    def symbols(self, program, *options):
        out = subprocess.run(["nm", *options, program], capture_output=True, text=True, check=True).stdout
        return {line.split()[-1].split("@")[0] for line in out.splitlines()}

    def test_the_static_one_holds_nothing_that_loads_libraries(self):
        all_symbols = self.symbols(STATIC)
        self.assertEqual(all_symbols & LOADING, set())
        # Where one is not called any more, it needs no stand-in either.
        self.assertEqual(self.symbols(DYNAMIC, "--dynamic", "--undefined-only") & STOOD_FOR, STOOD_FOR & all_symbols)

    def test_nothing_else_that_the_manual_warns_of_is_called(self):
        called = self.symbols(DYNAMIC, "--dynamic", "--undefined-only")
        doubtful = re.compile(r"^(get(pw|gr|sp|serv|proto|net|host|addr|name)\w*|initgroups|iconv_open|dl\w+)$")
        known = STOOD_FOR | {"getnameinfo", "dlsym", "dlerror", "gethostname", "iconv_open"}
        self.assertEqual({each for each in called if doubtful.match(each)} - known, set())

    def test_it_needs_no_loader(self):
        seen = subprocess.run(["readelf", "--wide", "--program-headers", "--dynamic", STATIC], capture_output=True,
                              text=True, check=True).stdout
        for word in ("INTERP", "NEEDED"):
            self.assertFalse(word in seen, word)


class GoingOn(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="powerconsul-beside-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.program = self.folder / "powerconsul"
        shutil.copy2(STATIC, self.program)
        (self.folder / "state").mkdir(mode=0o700)
        (self.folder / "store.json").write_text(STORE, encoding="utf-8")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder),
                            "POWERCONSUL_STATE_DIR": str(self.folder / "state")}

    def other(self, text):
        """Puts a program beside it that tells how it was called."""
        path = self.folder / "powerconsul-dynamic"
        path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
        path.chmod(0o755)

    def run_it(self, *words, given="what was given", **more):
        return subprocess.run([self.program, *words], env=self.environment | more, input=given, capture_output=True,
                              text=True, timeout=30, check=False)

    def test_arguments_and_standard_input_are_left_as_they_are(self):
        self.other("printf '%s|' \"$@\"; cat\n")
        store = ["--store", str(self.folder / "store.json")]
        for words in (["watch", "critical"], ["trigger", "critical", "-s", "-"], ["doctor"], ["incidents"],
                      ["check", "process", "--user", "root", "-S", "web", *store],
                      ["check", "crontab", "-u", "root", "-S", "web", *store],
                      ["check", "tcp", "-p", "1", "--host", "db.invalid", "-S", "web", *store],
                      ["check", "process", "--name", "x", "--procstr", "x  y", "-S", "web", *store],
                      ["check", "service", "-s", "x", "-S", "web", "--service-manager", "systemd", *store],
                      ["role", "-S", "web", "--http-addr", "consul.invalid:8500"]):
            with self.subTest(words=words):
                done = self.run_it(*words)
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (0, "|".join(words) + "|what was given", ""))

    def test_the_home_of_a_local_user_is_known_and_that_of_another_one_asked_for(self):
        sources = re.search(r"^passwd:\s*(.*)", pathlib.Path("/etc/nsswitch.conf").read_text(encoding="utf-8"), re.MULTILINE)
        if os.geteuid() != 0 or not sources or not re.match(r"files(\s+\w|$)", sources[1]):
            self.skipTest("it needs root, and local users that are looked for in files first")
        self.other("echo went on\n")
        del self.environment["HOME"]
        store = ["--store", str(self.folder / "store.json")]
        self.assertIn("standalone", self.run_it("role", "-S", "web", *store).stdout)
        self.folder.chmod(0o755)
        done = subprocess.run([self.program, "role", "-S", "web", *store], env=self.environment, capture_output=True,
                              text=True, timeout=30, check=False, user=54321, group=54321, extra_groups=[])
        self.assertEqual(done.stdout, "went on\n")

    def test_the_rest_is_done_by_itself(self):
        self.other("echo went on; exit 9\n")
        store = ["--store", str(self.folder / "store.json")]
        for words in (["--version"], ["--help"], ["role", "-S", "web", *store],
                      ["check", "process", "--name", "no-such", "-S", "web", *store],
                      ["check", "tcp", "-p", "1", "-S", "web", *store],
                      ["role", "-S", "web", "--http-addr", "localhost:1"]):
            with self.subTest(words=words):
                done = self.run_it(*words)
                self.assertNotIn("went on", done.stdout)

    def test_without_the_other_one_it_says_so(self):
        store = ["--store", str(self.folder / "store.json")]
        for words, status in ((["watch", "critical"], 78), (["role", "-S", "web", "--http-addr", "consul.invalid"], 78),
                              (["check", "process", "--user", "root", "-S", "web", *store], 1)):
            with self.subTest(words=words):
                done = self.run_it(*words)
                self.assertEqual(done.returncode, status)
                self.assertIn("needs the program powerconsul-dynamic, which cannot be started", done.stdout + done.stderr)
                self.assertIn("install it in the folder of powerconsul", done.stdout + done.stderr)

    def test_it_does_not_go_on_in_itself(self):
        for link in (os.link, os.symlink, shutil.copy2):
            with self.subTest(link=link.__name__):
                link(self.program, self.folder / "powerconsul-dynamic")
                done = self.run_it("watch", "critical")
                self.assertEqual(done.returncode, 78)
                self.assertIn("it is this program itself", done.stderr)
                (self.folder / "powerconsul-dynamic").unlink()

    def test_the_real_other_one_goes_on(self):
        shutil.copy2(DYNAMIC, self.folder / "powerconsul-dynamic")
        store = ["--store", str(self.folder / "store.json")]
        user = self.run_it("check", "process", "--user", "root", "-S", "web", *store)
        self.assertIn('"state":"passing"', user.stdout)
        nobody = self.run_it("check", "process", "--user", "no-such-user", "-S", "web", *store)
        self.assertIn("there is no user", nobody.stdout)
        name = self.run_it("role", "-S", "web", "--http-addr", "consul.invalid:8500", "--timeout", "2s")
        self.assertIn("consul.invalid", name.stdout + name.stderr)
        self.assertEqual(self.run_it("watch", "critical", "--dry-run", *store, given="[]").stdout, "nothing to do\n")
        # Looked for by name, it is what was started.
        with subprocess.Popen([self.program, "watch", "critical", "--dry-run", *store], env=self.environment,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waits:
            about = pathlib.Path("/proc", str(waits.pid))
            end = time.monotonic() + 20
            while (about / "exe").readlink().name != "powerconsul-dynamic" or \
                    (about / "comm").read_text(encoding="utf-8") != "powerconsul\n":
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
            waits.communicate(b"[]", timeout=30)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
