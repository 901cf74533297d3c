"""Tests the structural checks themselves: each one against a tree that is right and against trees that are wrong."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "readme"), str(HERE.parent / "mutation")]
import banned  # noqa: E402
import blocks  # noqa: E402
import count_coverage  # noqa: E402
import count_tests  # noqa: E402
import joined  # noqa: E402
import mutate  # noqa: E402
import rooms  # noqa: E402
import sites  # noqa: E402


class RoomsTest(unittest.TestCase):
    RIGHT = {
        "core/result.hpp": "#pragma once\n#include <string>\n#include <powerconsul/version.hpp>\n",
        "decision/terms.hpp": "#include <powerconsul/version.hpp>\n",
        "json/value.hpp": "#include <rapidjson/reader.h>\n#include <powerconsul/core/result.hpp>\n",
        "ports/clock.hpp": "#include <powerconsul/decision/terms.hpp>\n",
        "checks/check.hpp": "#include <powerconsul/ports/clock.hpp>\n#include <powerconsul/json/value.hpp>\n",
        "doctor/findings.hpp": "#include <powerconsul/decision/terms.hpp>\n",
        "version.hpp": "",
        "powerconsul.hpp": "#include <powerconsul/checks/check.hpp>\n#include <powerconsul/version.hpp>\n",
        "adapters/httplib/transport.hpp": "#include <httplib.h>\n#include <powerconsul/version.hpp>\n",
    }

    def faults(self, changes=None, listed=None):
        tree = {**self.RIGHT, **(changes or {})}
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for header, text in tree.items():
                (root / header).parent.mkdir(parents=True, exist_ok=True)
                (root / header).write_text(text, encoding="utf-8")
            return rooms.check(root, list(tree) if listed is None else listed(list(tree)))

    def test_right_tree(self):
        self.assertEqual(self.faults(), [])

    def test_wrong_trees(self):
        def includes(user, used):
            return {user: self.RIGHT[user] + f"  #  include <powerconsul/{used}>\n"}

        rows = {
            "upwards": (includes("core/result.hpp", "decision/terms.hpp"),
                        "core/result.hpp includes decision/terms.hpp: core may not use decision"),
            "JSON uses ports": (includes("json/value.hpp", "ports/clock.hpp"),
                                "json/value.hpp includes ports/clock.hpp: json may not use ports"),
            "a check uses an adapter": (includes("checks/check.hpp", "adapters/httplib/transport.hpp"),
                                        "checks/check.hpp includes adapters/httplib/transport.hpp: checks may not use "
                                        "adapters"),
            "a port uses the umbrella": (includes("ports/clock.hpp", "powerconsul.hpp"),
                                         "ports/clock.hpp includes powerconsul.hpp: ports may not use the root"),
            "umbrella with a hole": ({"heal/trigger.hpp": ""}, "powerconsul.hpp: lacks heal/trigger.hpp"),
            "umbrella reaches a command": (includes("checks/check.hpp", "doctor/findings.hpp"),
                                           "powerconsul.hpp: includes doctor/findings.hpp (checks/check.hpp does), which "
                                           "is for those who name it"),
            "nothing needs C++20": ({"core/result.hpp": "#include <string>\n"},
                                    "core/result.hpp: includes no header of ours, so it must include version.hpp, which "
                                    "needs C++20"),
            "quotes": ({"json/value.hpp": '#include "writer.hpp"\n'},
                       'json/value.hpp: includes "writer.hpp", expected <powerconsul/...>'),
            "unknown header": (includes("json/value.hpp", "gone.hpp"),
                               "json/value.hpp: includes gone.hpp, which is not in include/powerconsul/meson.build"),
            "RapidJSON elsewhere": ({"checks/noop.hpp": "#include <rapidjson/reader.h>\n"},
                                    "checks/noop.hpp includes rapidjson/reader.h, allowed in " +
                                    ", ".join(rooms.THIRD_PARTY["rapidjson/"])),
            "PCRE2 elsewhere": ({"cluster/document.hpp": "#include <pcre2.h>\n"},
                                "cluster/document.hpp includes pcre2.h, allowed in core/pattern.hpp"),
            "cxxopts": ({"config/arguments.hpp": "#include <cxxopts.hpp>\n"},
                        "config/arguments.hpp includes cxxopts.hpp, allowed in no header"),
            "unknown room": ({"attic/a.hpp": ""},
                             "attic/a.hpp: room attic is unknown, expected one of " + ", ".join(rooms.MAY_USE)),
            "full root": ({"a.hpp": "", "b.hpp": ""}, "4 headers in the root, at most 3"),
            "a costly algorithm": ({"core/a.hpp": "const bool any = std::ranges::any_of(all, is_wanted);\n"},
                                   "core/a.hpp: std::ranges::any_of, expected that of core/algo.hpp"),
            "cycle": ({"core/a.hpp": "#include <powerconsul/core/b.hpp>\n",
                       "core/b.hpp": "#include <powerconsul/core/a.hpp>\n"},
                      "headers include each other: core/a.hpp -> core/b.hpp -> core/a.hpp"),
        }
        for name, (changes, expected) in rows.items():
            with self.subTest(name):
                self.assertIn(expected, self.faults(changes))

    def test_wrong_lists(self):
        self.assertIn("json/value.hpp: on disk but not in include/powerconsul/meson.build",
                      self.faults(listed=lambda names: [name for name in names if name != "json/value.hpp"]))
        self.assertEqual(["gone.hpp: listed but not on disk"],
                         self.faults(listed=lambda names: names + ["gone.hpp"]))
        self.assertEqual(["json/value.hpp: listed twice"],
                         self.faults(listed=lambda names: names + ["json/value.hpp"]))


class BannedTest(unittest.TestCase):
    def found(self, include):
        with tempfile.TemporaryDirectory() as name:
            unit = pathlib.Path(name, "unit.cpp")
            unit.write_text(f"#include <{include}>\n", encoding="utf-8")
            command = f"{os.environ['CXX']} -std=c++20 -MD -MQ unit.o -MF unit.o.d -o unit.o -c {unit}"
            entry = {"command": command, "directory": name}
            return [pathlib.Path(path).name for path in banned.banned_files(entry)[0]]

    def test_lean(self):
        for name in ("algorithm", "charconv", "map", "set", "span", "string", "variant"):
            with self.subTest(name):
                self.assertEqual(self.found(name), [])

    def test_direct(self):
        for name in sorted(banned.BANNED):
            with self.subTest(name):
                self.assertIn(name, self.found(name))

    def test_indirect(self):
        self.assertEqual(["functional", "memory"], [name for name in self.found("execution") if name != "chrono"])


class JoinedTest(unittest.TestCase):
    HEADER = "#pragma once\n#include <string>\ninline int shared() { return 1; }\n"
    SOURCE = ('#include "{header}"\n#include <vector>\nnamespace {{ struct row {{ int {member}; }}; }}\n'
              "int used() {{ return row{{{value}}}.{member} + shared(); }}\n")

    def errors(self, second):
        """What the compiler says of two files in one unit."""
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "deep").mkdir()
            (root / "shared.hpp").write_text(self.HEADER, encoding="utf-8")
            sources = [root / "one.cpp", root / "deep" / "one.cpp"]
            sources[0].write_text(self.SOURCE.format(header="shared.hpp", member="a", value=1), encoding="utf-8")
            sources[1].write_text(second, encoding="utf-8")
            unit = root / "build.cpp"
            unit.write_text(joined.joined(sources), encoding="utf-8")
            done = subprocess.run([*os.environ["CXX"].split(), "-std=c++20", "-fsyntax-only", unit],
                                  capture_output=True, text=True)
            return done.stderr

    def test_same_names_do_not_meet(self):
        self.assertEqual("", self.errors(self.SOURCE.format(header="../shared.hpp", member="b", value=2)))

    def test_no_file_sees_another(self):
        second = self.SOURCE.format(header="../shared.hpp", member="b", value=2).replace("row{2}.b", "row{2}.a")
        self.assertIn("deep/one.cpp:4:", self.errors(second))


class BlocksTest(unittest.TestCase):
    RIGHT = (
        "# T\n<!-- run: hello -->\n```cpp\nint main() {}\n```\nIt prints:\n```text\nhi\n```\n"
        '<!-- file: store.json -->\n```json\n{"a": 1}\n```\n'
        "<!-- run: look exit=2 -->\n```sh\ncat store.json; exit 2\n```\n\n```text\n{\"a\": 1}\n```\n"
        "<!-- run: quiet silent -->\n```sh\ntrue\n```\n"
        "<!-- not run: needs root -->\n```sh\nrm -rf /\n```\n"
    )

    def test_right_page(self):
        runs = {block.name: block for block in blocks.read(self.RIGHT).runs}
        self.assertEqual(sorted(runs), ["hello", "look", "quiet"])
        self.assertEqual((runs["hello"].language, runs["hello"].expected, runs["hello"].exit), ("cpp", "hi\n", 0))
        self.assertEqual((runs["look"].language, runs["look"].expected, runs["look"].exit), ("sh", '{"a": 1}\n', 2))
        self.assertEqual(runs["quiet"].expected, "")
        self.assertEqual(blocks.run_shell(blocks.read(self.RIGHT), "/nonexistent"), [])

    def test_wrong_output_and_exit(self):
        for text in (self.RIGHT.replace('```text\n{"a": 1}', '```text\n{"a": 2}'),
                     self.RIGHT.replace("exit=2", "exit=1"),
                     self.RIGHT.replace("```sh\ntrue", "```sh\necho loud")):
            with self.subTest(text):
                self.assertNotEqual(blocks.run_shell(blocks.read(text), "/nonexistent"), [])

    def test_wrong_pages(self):
        rows = {
            "no partner": ("<!-- run: a -->\n```sh\ntrue\n```\n", "no ```text block follows"),
            "other partner": ("<!-- run: a -->\n```sh\ntrue\n```\n```json\n{}\n```\n", "no ```text block follows"),
            "unmarked": ("```cpp\nint main() {}\n```\n", "has no marker"),
            "twice": (self.RIGHT + self.RIGHT, "is used twice"),
            "marker without block": ("<!-- run: a -->\ntext\n", "no block follows"),
            "marker of another language": ("<!-- run: a -->\n```json\n{}\n```\n", "cannot be run"),
            "unknown word": ("<!-- run: a quick -->\n```sh\ntrue\n```\n", "unknown word"),
            "not JSON": ("```json\n{\"a\": 1,}\n```\n", "is not JSON"),
            "twice the same key": ("```json\n{\"a\": 1, \"a\": 2}\n```\n", "is not JSON"),
            "empty JSON": ("```json\n```\n", "is not JSON"),
            "open fence": ("```sh\ntrue\n", "is never closed"),
            "path outside": ("<!-- file: ../x -->\n```json\n{}\n```\n", "plain file name"),
        }
        for name, (text, expected) in rows.items():
            with self.subTest(name):
                with self.assertRaises(blocks.PageError) as caught:
                    blocks.read(text)
                self.assertIn(expected, str(caught.exception))


class CountTest(unittest.TestCase):
    SUMMARY = "[doctest] test cases: \x1b[0m  7 |\x1b[32m   6 passed\x1b[0m |   1 failed\x1b[0m | 0 skipped\n"

    def test_rows(self):
        rows = {
            "plain": ({"result": "OK"}, (1, 0)),
            "plain, failed": ({"result": "FAIL"}, (0, 1)),
            "time is up": ({"result": "TIMEOUT"}, (0, 1)),
            "skipped": ({"result": "SKIP"}, (0, 0)),
            "expected to fail, but did not": ({"result": "UNEXPECTEDPASS"}, (0, 1)),
            "test cases": ({"result": "FAIL", "stdout": self.SUMMARY}, (6, 1)),
            "rows": ({"result": "FAIL", "stdout": "FAILED: a row\n[rows] 12 passed, 1 failed\n"}, (12, 1)),
            "broken after the last case": ({"result": "ERROR",
                                            "stdout": self.SUMMARY.replace("1 failed", "0 failed")}, (6, 1)),
            "no case at all": ({"result": "OK",
                                "stdout": "[doctest] test cases: 0 | 0 passed | 0 failed | 0 skipped"}, (0, 1)),
        }
        for name, (test, expected) in rows.items():
            with self.subTest(name):
                self.assertEqual(count_tests.count_test(test), expected)

    def count(self, tests, status):
        with tempfile.TemporaryDirectory() as directory:
            if tests is not None:
                pathlib.Path(directory, "meson-logs").mkdir()
                lines = [json.dumps({"name": "t", **test}) + "\n" for test in tests]
                pathlib.Path(directory, "meson-logs", "testlog.json").write_text("".join(lines), encoding="utf-8")
            return count_tests.count_build(directory, status)[:2]

    def test_builds(self):
        self.assertEqual(self.count([{"result": "OK"}, {"result": "SKIP"}], 0), (1, 0))
        self.assertEqual(self.count([{"result": "OK"}, {"result": "FAIL"}], 1), (1, 1))
        self.assertEqual(self.count([{"result": "OK"}], 1), (1, 1), "meson knows something that the log does not")
        self.assertEqual(self.count([], 0), (0, 1))
        self.assertEqual(self.count(None, 0), (0, 1))


class Hardening(unittest.TestCase):
    SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "hardening.sh"

    def test_a_program_without_any(self):
        with tempfile.TemporaryDirectory() as directory:
            source, program = pathlib.Path(directory, "a.cpp"), pathlib.Path(directory, "bare")
            source.write_text("int main() {}\n", encoding="utf-8")
            subprocess.run([*os.environ["CXX"].split(), "-no-pie", "-fno-stack-protector", "-Wl,-z,norelro",
                            "-Wl,-z,lazy", "-Wl,-z,execstack", source, "-o", program], check=True)
            done = subprocess.run([self.SCRIPT, program], capture_output=True, text=True)
            lines = done.stdout.splitlines()
            self.assertEqual((done.returncode, len(lines), done.stderr), (1, 8, ""))
            self.assertEqual([line for line in lines if not line.endswith(": no")], [])

    def test_usage(self):
        self.assertEqual(subprocess.run([self.SCRIPT], capture_output=True).returncode, 64)


class CoverageTest(unittest.TestCase):
    HEADERS = "headers = [\n  'core/a.hpp',\n  'core/none.hpp',\n\n  'json/deep/b.hpp',\n]\n"
    TEXT = ("/x/include/powerconsul/json/deep/b.hpp:\n    1|      5|if (a) b();\n  ------------------\n"
            "  |  Branch (1:5): [True: 1.2k, False: 0]\n  |  Branch (1:9): [True: 0, False: 0]\n"
            "  |  Branch (1:7): [Folded - Ignored]\n  |  Branch (1:3): [True: 0, False: 4]\n"
            "  |  Branch (1:3): [True: 2, False: 0]\n  ------------------\n")

    def counted(self, taken):
        def file(name, branches, covered):
            return {"filename": name, "summary": {"lines": {"count": 4, "covered": 3},
                                                  "branches": {"count": branches, "covered": covered}}}
        counts = count_coverage.counts_of({"data": [{"files": [
            file("/b/../include/powerconsul/core/a.hpp", 0, 0), file("/x/include/powerconsul/json/deep/b.hpp", 20, taken),
            file("/usr/include/c.hpp", 9, 0)]}]})
        return count_coverage.table(count_coverage.rooms_of(self.HEADERS), counts)

    def test_table(self):
        lines, percent = self.counted(19)
        self.assertEqual(percent, {"core": 0, "json": 95.0})
        self.assertEqual([line.split()[0] for line in lines if line], ["header", "core/a.hpp", "=", "json/deep/b.hpp", "="])
        self.assertIn("95.0 %", lines[-2])
        self.assertEqual(self.counted(18)[1]["json"], 90.0)

    def test_missing(self):
        self.assertEqual(count_coverage.missing(self.TEXT, ["json/deep/b.hpp"]),
                         ["include/powerconsul/json/deep/b.hpp:1:5: always taken: if (a) b();",
                          "include/powerconsul/json/deep/b.hpp:1:9: not reached: if (a) b();"])
        self.assertEqual(count_coverage.missing(self.TEXT, ["b.hpp"]), [])


class MutationTest(unittest.TestCase):
    TEXT = ("#pragma once\nnamespace a {\nenum class e { one, two };\nstruct s { int n{1}; };\n"
            "inline auto f(int x, bool y) -> int {\n    constexpr int most = 3;\n    e kind = e::one;\n"
            "    if (x + 1 < most && !y) x = g<int>(x);\n    for (int i = 0; i != x; ++i) h(\"a\" + b);\n"
            "    return y ? x : 2;\n}\n}  // namespace a\n")

    def mutants(self):
        return sites.mutants_of(self.TEXT, sites.enumerations(self.TEXT))

    def test_places(self):
        found = [(each.operator, self.TEXT[each.start:each.end], each.after) for each in self.mutants()]
        self.assertEqual(found, [
            ("constant", "1", "0"), ("constant", "1", "2"), ("constant", "3", "2"), ("constant", "3", "4"),
            ("enumerator", "e::one", "e::two"),
            ("condition", "x + 1 < most && !y", "false"), ("condition", "x + 1 < most && !y", "true"),
            ("arithmetic", "+", "-"), ("constant", "1", "0"), ("constant", "1", "2"),
            ("boundary", "<", "<="), ("negation", "<", ">="), ("logic", "&&", "||"), ("not", "!", ""),
            ("statement", "x = g<int>(x);", ";"), ("constant", "0", "1"),
            ("condition", "i != x", "false"), ("condition", "i != x", "true"), ("statement", 'h("a" + b);', ";"),
            ("condition", "y", "false"), ("condition", "y", "true"), ("constant", "2", "1"), ("constant", "2", "3")])

    def test_all_in_one(self):
        source = ("#include <cstdio>\nnamespace a {\ntemplate <typename T>\nT g(T x) { return x + 10; }\n"
                  "const int b = 0;\ninline void h(const char*) {}\n}\n#include \"t.hpp\"\n"
                  'int main() { std::printf("%d %d %d\\n", a::f(1, false), a::f(1, true), a::f(2, false)); }\n')
        every = list(enumerate(self.mutants(), 1))
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            mutated = sites.with_mutants(self.TEXT, every)
            (root / "t.hpp").write_text(f"#include <powerconsul_mutant.hpp>\n{mutated}", encoding="utf-8")
            (root / "t.cpp").write_text(source, encoding="utf-8")
            done = subprocess.run([*os.environ["CXX"].split(), "-std=c++20", "-w", "-I", HERE.parent / "mutation", "t.cpp",
                                   "-o", "t"], cwd=root, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

            def says(number):
                return subprocess.run([root / "t"], env={"POWERCONSUL_MUTANT": str(number)}, capture_output=True,
                                      text=True).stdout
            number = {(each.operator, self.TEXT[each.start:each.end], each.after): at for at, each in every}
            self.assertEqual(says(0), "2 1 2\n")
            self.assertEqual(says(number["condition", "x + 1 < most && !y", "true"]), "2 11 2\n")
            self.assertEqual(says(number["condition", "y", "true"]), "11 1 2\n")
            self.assertEqual(says(number["logic", "&&", "||"]), "2 11 2\n")
            self.assertEqual(says(number["not", "!", ""]), "2 11 2\n")
            self.assertEqual(says(number["constant", "2", "3"]), "3 1 3\n")

    def test_equivalents(self):
        self.assertEqual(mutate.equivalents("# why\n\na.hpp\nif (a)\nnot: ! -> (nothing)\nno change\n"),
                         {("a.hpp", "if (a)", "not: ! -> (nothing)"): "no change"})
        self.assertRaises(SystemExit, mutate.equivalents, "a.hpp\nif (a)\n")


if __name__ == "__main__":
    unittest.main()
