"""Changes the code that decides, in many small ways, and says which changes no unit test notices.

    mutate.py [--only HEADER[,HEADER]] [--list] [--mutant ID[,ID]] [--without 'TEST CASE'] [--jobs N] [--fresh]
              [--verbose]

HEADER is a path below include/powerconsul, without `.hpp`; without --only it is all of HEADERS. --list only prints the
mutants. --mutant takes ids as --list prints them. --without leaves out a test case (a doctest filter), to see what it
is good for. Who noticed a mutant in a run before is believed as long as the headers and that test are the same, unless
--fresh is given. --verbose also prints what is left after each round. Run it by tools/mutate.sh; it takes about ten
minutes of a processor, so it is no part of tools/test.sh.

Which mutants there are follows from the code alone (sites.py): every place, no chance. Those inside of functions are
compiled all together, in build/mutation, and one is chosen for a run by its number. Those in what the compiler
evaluates are compiled one by one: these may also be killed by the compiler, where a static_assert fails.

A mutant first meets the unit test of its own header, and if that does not notice it, those of the other headers. A test
that crashes or does not end notices it, too. What survives is printed as `file:line: operator: before -> after`, and
then the exit status is 1. equivalent.txt has the mutants that are no change at all, each with its reason.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import joined  # noqa: E402
import sites  # noqa: E402

#: What is compiled together: the tests of the headers with mutants, and what else knows what these must do.
PROGRAMS = {
    "values": ["role", "decision", "health", "verdict", "consistency", "identity", "cluster", "json/cluster", "group",
               "incident", "incident_rules"],
    "roles": ["noop", "check", "peers", "state", "resolver"],
    "incidents": ["journal", "trigger", "trigger_places", "watch", "watch_report"],
}
HEADERS = [header for tests in PROGRAMS.values() for header in tests]
#: Where a mutant that is compiled alone is looked for, too.
USERS = {"identity": ["cluster"], "incident": ["incident_rules", "journal", "watch"]}
#: Seconds from which on a test case is asked last, and about its own header only.
SLOW = 0.3
EQUIVALENT = HERE / "equivalent.txt"
NO_MUTANT = 77


@dataclasses.dataclass
class Numbered:
    number: int
    header: str
    mutant: sites.Mutant
    text: str  #: of the header

    @property
    def line(self):
        return self.text.count("\n", 0, self.mutant.start) + 1

    @property
    def source(self):
        """The line of the header that it is in."""
        return self.text.splitlines()[self.line - 1].strip()

    @property
    def before(self):
        return " ".join(self.text[self.mutant.start:self.mutant.end].split())

    @property
    def id(self):
        column = self.mutant.start - self.text.rfind("\n", 0, self.mutant.start)
        return f"{self.header}:{self.line}:{column}:{self.mutant.operator}:{self.mutant.after}".replace(" ", "")

    @property
    def change(self):
        return f"{self.mutant.operator}: {self.before} -> {self.mutant.after or '(nothing)'}"

    def __str__(self):
        return f"include/powerconsul/{self.header}.hpp:{self.line}: {self.change}    | {self.source}"


def numbered(headers):
    include = ROOT / "include" / "powerconsul"
    enums = {}
    for path in sorted(include.rglob("*.hpp")):
        enums.update(sites.enumerations(path.read_text(encoding="utf-8")))
    found = []
    for header in headers:
        text = (include / f"{header}.hpp").read_text(encoding="utf-8")
        found += [(header, mutant, text) for mutant in sites.mutants_of(text, enums)]
    return [Numbered(number, *each) for number, each in enumerate(found, 1)]


def equivalents(text):
    """{(header, source line, change): reason} of blocks of four lines."""
    found = {}
    for block in re.split(r"\n{2,}", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip()):
        lines = block.splitlines()
        if len(lines) == 4:
            found[tuple(lines[:3])] = lines[3]
        elif block:
            sys.exit(f"{EQUIVALENT.name}: four lines are expected: header, source, change, reason; found\n{block}")
    return found


class Tests:
    """The unit tests, compiled with all mutants in the headers."""

    def __init__(self, folder):
        self.folder = folder
        self.overlay = folder / "include"  #: before the real headers
        self.compiler = [*os.environ.get("CXX", "c++").split(), "-std=c++20", "-O1", "-w", "-Wno-narrowing",
                         "-D_GLIBCXX_ASSERTIONS"]  # so that a step beyond the end is noticed
        self.slow = {}  #: test -> its cases that take long
        self.took = {}  #: test -> seconds of the processor that the others take

    def write(self, every):
        mutants = collections.defaultdict(list)
        for each in every:
            mutants[each.header].append(each)
        shutil.rmtree(self.overlay, ignore_errors=True)
        self.overlay.mkdir(parents=True)
        shutil.copy(HERE / "powerconsul_mutant.hpp", self.overlay)
        for header, own in mutants.items():
            text = sites.with_mutants(own[0].text, [(each.number, each.mutant) for each in own])
            path = self.overlay / "powerconsul" / f"{header}.hpp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("#pragma once\n", "#pragma once\n#include <powerconsul_mutant.hpp>\n", 1),
                            encoding="utf-8")

    def program(self, test):
        return self.folder / next(name for name, tests in PROGRAMS.items() if test in tests)

    def compile_all(self, jobs):
        """What has not changed since the last run is not compiled again."""
        self.compile(self.folder / "main.o", [ROOT / "tests" / "main.cpp", "-c"], [])
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            list(pool.map(self.compile_program, PROGRAMS))

    def compile_program(self, name):
        unit = self.folder / f"{name}.cpp"
        unit.write_text(joined.joined([ROOT / "tests" / f"{test}.cpp" for test in PROGRAMS[name]]), encoding="utf-8")
        self.compile(self.folder / name, ["-I", self.overlay, "-I", ROOT / "include", unit, self.folder / "main.o"],
                     [*(ROOT / "tests" / f"{test}.cpp" for test in PROGRAMS[name]),
                      *(file for folder in (self.overlay, ROOT / "include", ROOT / "tests")
                        for file in sorted(folder.rglob("*.hpp")))])

    def compile(self, to, words, files):
        words = [*self.compiler, *map(str, words), "-o", str(to)]
        read = hashlib.sha256(" ".join(words).encode())
        for file in files:
            read.update(file.read_bytes())
        stamp = to.with_suffix(".stamp")
        if to.exists() and stamp.exists() and stamp.read_text() == read.hexdigest():
            return
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"mutate.py: with all mutants in the headers {to.name} does not compile:\n{done.stderr[:6000]}")
        stamp.write_text(read.hexdigest())

    def words(self, test, *more):
        return [self.program(test), f"--source-file=*tests/{test}.cpp", "--no-breaks", *more]

    def baseline(self, excluded):
        """Without a mutant all pass; which cases take long, and how much of the processor the others need."""
        for test in (test for tests in PROGRAMS.values() for test in tests):
            words = self.words(test, "--duration=true", f"--test-case-exclude={excluded}")
            done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"mutate.py: {test} fails without any mutant:\n{done.stdout[-3000:]}")
            times = [(float(seconds), name)
                     for seconds, name in re.findall(r"^([0-9.]+) s: (.*)$", done.stdout, re.MULTILINE)]
            self.slow[test] = [name for seconds, name in sorted(times) if seconds > SLOW]
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            self.run(test, 0, 60, excluded)
            self.took[test] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    def run(self, test, number, limit, excluded, case=""):
        """The exit status of those of its cases that are not slow, or of one that is."""
        # A comma separates patterns.
        chosen = [f"--test-case={case.replace(',', '?')}", f"--test-case-exclude={excluded}"]
        if not case:
            slow = ",".join(each.replace(",", "?") for each in self.slow[test])
            chosen = [f"--test-case-exclude={slow},{excluded}".rstrip(",")]
        return finished(self.words(test, "--abort-after=1", *chosen), limit, cwd=self.folder,
                        env={**os.environ, "POWERCONSUL_MUTANT": str(number)})

    def notices(self, test, number, excluded, slow=False):
        """NO_MUTANT, True or False."""
        for case in self.slow[test] if slow else [""]:
            status = self.run(test, number, 10 if slow else 5 * self.took[test], excluded, case)
            if status != 0:
                return NO_MUTANT if status == NO_MUTANT else True
        return False


def finished(words, limit, **options):
    """The exit status. `limit` is in seconds of the processor, since others may use it too."""
    def bounded():
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1,) * 2)
        # A loop that does not end must not take all memory either.
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True, preexec_fn=bounded, **options) as child:
        try:
            return child.wait(20 * limit + 60)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            return None


def one_by_one(compiled, each, tests, excluded):
    """A mutant that is compiled alone: `compiler`, the test that noticed it, or None."""
    overlay = compiled.folder / "one" / str(each.number)
    header = overlay / "powerconsul" / f"{each.header}.hpp"
    header.parent.mkdir(parents=True, exist_ok=True)
    text = each.text[:each.mutant.start] + each.mutant.after + each.text[each.mutant.end:]
    header.write_text(text, encoding="utf-8")
    result = None
    for test in tests:
        program = overlay / "test"
        words = [*compiled.compiler, "-O0", "-I", overlay, "-I", ROOT / "include", ROOT / "tests" / f"{test}.cpp",
                 compiled.folder / "main.o", "-o", program]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            result = "compiler" if "static assertion failed" in done.stderr or "static_assert" in done.stderr else None
            if not result:
                sys.exit(f"mutate.py: {each} does not compile:\n{done.stderr[-3000:]}")
            break
        words = [program, "--no-breaks", f"--test-case-exclude={excluded}"]
        if finished(words, 60, cwd=compiled.folder) != 0:
            result = test
            break
    shutil.rmtree(overlay)
    return result


class Results:
    """Who noticed which mutant in the runs before: that holds as long as the headers and that test are the same."""

    def __init__(self, path):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.known = {each: found for each, *found in map(json.loads, lines)}
        self.headers = hashlib.sha256()
        for file in [*sorted((ROOT / "include").rglob("*.hpp")), HERE / "powerconsul_mutant.hpp", HERE / "sites.py"]:
            self.headers.update(file.read_bytes())

    def state(self, by, excluded):
        state = self.headers.copy()
        test = ROOT / "tests" / f"{by}.cpp"
        state.update(test.read_bytes() if test.exists() else b"")
        return state.hexdigest() + excluded

    def find(self, each, excluded):
        by, state = self.known.get(each.id, (None, None))
        return by if by and state == self.state(by, excluded) else None

    def keep(self, each, by, excluded):
        with self.path.open("a", encoding="utf-8") as file:
            print(json.dumps([each.id, by, self.state(by, excluded)]), file=file)


def kills(compiled, chosen, given):
    """Yields (mutant, who noticed it) for each: `compiler`, a test or `no mutant`; None: nobody. The quickest ways come
    first, for all of them."""
    results = Results(compiled.folder / "results")
    left = []
    for each in chosen:
        by = None if given.fresh else results.find(each, given.without)
        if by:
            yield each, by
        else:
            left.append(each)
    quickest = sorted(compiled.took, key=lambda test: compiled.took[test])

    def asked(test, slow=False):
        def ask(each):
            name = test or each.header
            noticed = bool(each.mutant.wraps) and compiled.notices(name, each.number, given.without, slow)
            return "no mutant" if noticed == NO_MUTANT else name if noticed else None
        return ask

    def one(each):
        own = each.header
        if not each.mutant.wraps:
            return one_by_one(compiled, each, [own, *USERS.get(own, ["resolver", "watch"])], given.without)
        # What is evaluated while it is compiled asks for no number.
        if "static_assert" in (ROOT / "tests" / f"{own}.cpp").read_text(encoding="utf-8"):
            return one_by_one(compiled, each, [own], given.without)
        return None

    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for ask in [asked(None), asked(None, True), *map(asked, quickest), one]:
            before, left = left, []
            for each, by in zip(before, pool.map(ask, before)):
                if by:
                    results.keep(each, by, given.without)
                    yield each, by
                else:
                    left.append(each)
            print(f"... {len(left)} are left", file=sys.stderr, flush=True)
            if given.verbose:
                print(*left, sep="\n", file=sys.stderr, flush=True)
    for each in left:
        yield each, None


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("--only", default=",".join(HEADERS))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--mutant", default="")
    parser.add_argument("--without", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args(arguments)
    headers = given.only.split(",")
    if unknown := [each for each in headers if each not in HEADERS]:
        print(f"mutate.py: {unknown[0]} is no header of this list: {' '.join(HEADERS)}", file=sys.stderr)
        return 64
    every = numbered(HEADERS)
    chosen = [each for each in every if each.header in headers]
    if given.mutant:
        ids = given.mutant.split(",")
        chosen = [each for each in every if each.id in ids]
        if len(chosen) < len(ids):
            print("mutate.py: no such mutant, see --list", file=sys.stderr)
            return 64
    if given.list:
        for each in chosen:
            print(f"{each.id}\n    {each}")
        print(f"{len(chosen)} mutants")
        return 0

    known = equivalents(EQUIVALENT.read_text(encoding="utf-8")) if EQUIVALENT.exists() else {}
    compiled = Tests(ROOT / "build" / "mutation")
    compiled.write(every)
    compiled.compile_all(given.jobs)
    compiled.baseline(given.without)
    print(f"{len(compiled.took)} tests pass without a mutant; slow: {sum(compiled.slow.values(), [])}", flush=True)

    killed, survived, used = collections.defaultdict(collections.Counter), [], set()
    for each, by in kills(compiled, chosen, given):
        if by == "no mutant":
            continue
        key = (f"{each.header}.hpp", each.source, each.change)
        kind = "by the compiler" if by == "compiler" else "by its own test" if by == each.header else "by another test"
        if by:
            killed[each.header][kind] += 1
        elif key in known:
            used.add(key)
            killed[each.header]["equivalent"] += 1
        else:
            survived.append(each)
            killed[each.header]["survived"] += 1
            print(f"survived: {each}", flush=True)
    for header, counts in killed.items():
        print(f"{header}.hpp: {sum(counts.values())} mutants: " +
              ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    wrong = [] if given.mutant else [key for key in known if key[0][:-len(".hpp")] in headers and key not in used]
    for key in wrong:
        print(f"{EQUIVALENT.name} has what does not survive: {' | '.join(key)}")
    total = sum(killed.values(), collections.Counter())
    tests = total["by its own test"] + total["by another test"]
    print(f"{sum(total.values())} mutants: {tests} killed by tests, {total['by the compiler']} by the compiler, "
          f"{total['equivalent']} equivalent, {len(survived)} survived")
    return 1 if survived or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
