"""Calls of pause and resume that are no good, and stop files and pauses that nobody can read: those hold.

    POWERCONSUL=... python3 test_pauses.py [part of a name] [--list] [--show]
"""
import base64
import json
import os
import sys

from rows import Row, main

STORE = {"agent": {"node": "production-web1", "datacenter": "hq"}, "datacenters": {"hq": {}}}
WORLD = ["--node", "production-web1", "--state-dir", "FOLDER/state"]
HERE = ["--here", *WORLD]
FOR = ["--for", "2h", "--why", "kernel update"]
PAUSE = '{"until":"2026-11-30T19:00:00.000Z","since":"2026-11-30T17:00:00.000Z","by":"anna@web1","why":"kernel update"}'
FILE = "FOLDER/state/pause-web.json"
#: Only what keeps triggers from running, with the exit code of the search for it.
HELD = ["sh", "-c", '"$@" | grep "^stopped"', "sh"]
UNDERSTOOD = {r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?": "TIME", r"by \S+@\S+:": "by SOMEBODY:"}


def state(mode=0o700):
    def prepare(folder):
        (folder / "state").mkdir(exist_ok=True)
        (folder / "state").chmod(mode)
    return prepare


def nothing_written(folder):
    assert not (folder / "state").exists() or not os.listdir(folder / "state"), os.listdir(folder / "state")


def refused(name, argv, err, code=64):
    """Nothing is paused."""
    return Row(name, argv, code, err=f"powerconsul: {err}\n", prepare=state(), after=nothing_written)


def in_kv(name, value, key, why, remedy):
    """A value that is no pause."""
    text = value if isinstance(value, bytes) else value.encode()
    store = {**STORE, "datacenters": {"hq": {"kv_base64": {key: base64.b64encode(text).decode()}}}}
    return Row(f"in KV, {name}", ["role", "web", "--explain", "--store", "store.json", *WORLD], 0,
               files={"store.json": json.dumps(store)}, env={"POWERCONSUL_STOP_FILE": "FOLDER/none"}, through=HELD,
               out=f"stopped      the pause {key} holds, since it cannot be read: {why}; {remedy} removes it\n")


def in_file(name, value, why):
    return Row(f"in the state directory, {name}", ["role", "web", "--store", "store.json", *WORLD], 0, prepare=state(),
               files={"store.json": json.dumps(STORE), "state/pause-web.json": value}, through=HELD,
               env={"POWERCONSUL_STOP_FILE": "FOLDER/none"}, out=f"stopped   {why}\n")


def stop_file(name, text, how, prepare=None):
    """What it holds is said in one line."""
    return Row(f"the stop file, {name}", ["role", "web", "--store", "store.json", *WORLD], 0, through=HELD,
               files={"store.json": json.dumps(STORE), **({} if prepare else {"stop": text})}, prepare=prepare,
               env={"POWERCONSUL_STOP_FILE": "FOLDER/stop"}, changing={r"\d+ d left": "N d left"},
               out=f'stopped   the stop file "FOLDER/stop" is there{how}; delete it to let triggers run\n')


NO_END = " and holds without an end: expected until=<time> as date -d '+2 hours' -Is prints it, found "
SEE = "; see powerconsul pause --help"

CALLS = [
    ("no end", ["pause", "web", "--why", "x", *HERE],
     "no pause is without an end: say --for how long, as in --for 2h, at most 30d, or --until when" + SEE),
    ("two ends", ["pause", "web", *FOR, "--until", "2026-12-01T08:00", *HERE],
     "--for and --until: give one of them" + SEE),
    ("no reason", ["pause", "web", "--for", "2h", *HERE],
     "the option --why is missing: say it for those who wonder, as in --why 'kernel update'" + SEE),
    ("an empty reason", ["pause", "web", "--for", "2h", "--why", "", *HERE],
     "--why has an empty value; leave it out or fill it" + SEE),
    ("a reason that an option follows", ["pause", "web", "--for", "2h", "--why", "--here", *WORLD],
     'the option --why needs a value (TEXT), and the option "--here" follows' + SEE),
    ("a reason of blanks", ["pause", "web", "--for", "2h", "--why", " \n", *HERE],
     "--why: expected text of at most 300 bytes in UTF-8"),
    ("a reason that is no text", ["pause", "web", "--for", "2h", "--why", b"a\xff", *HERE],
     "--why: expected text of at most 300 bytes in UTF-8"),
    ("a reason of 301 bytes", ["pause", "web", "--for", "2h", "--why", "x" * 301, *HERE],
     "--why: expected text of at most 300 bytes in UTF-8"),
    ("no time at all", ["pause", "web", "--for", "0", "--why", "x", *HERE], '--for: "0" is less than a second'),
    ("half a second", ["pause", "web", "--for", "500ms", "--why", "x", *HERE], '--for: "500ms" is less than a second'),
    ("too long", ["pause", "web", "--for", "31d", "--why", "x", *HERE],
     '--for: "31d" is longer than the 30d that may be given'),
    ("for ever", ["pause", "web", "--for", "ever", "--why", "x", *HERE],
     '--for: "ever" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("a length below 0", ["pause", "web", "--for=-2h", "--why", "x", *HERE],
     '--for: "-2h" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("tomorrow", ["pause", "web", "--until", "tomorrow", "--why", "x", *HERE],
     '--until: "tomorrow" is no time; expected one as in 2026-12-01T08:00, or 2026-12-01T08:00+01:00'),
    ("a day that is none", ["pause", "web", "--until", "2027-02-29T08:00", "--why", "x", *HERE],
     '--until: "2027-02-29T08:00" is no time; expected one as in 2026-12-01T08:00, or 2026-12-01T08:00+01:00'),
    ("a time that is over", ["pause", "web", "--until", "2020-01-01T08:00Z", "--why", "x", *HERE],
     "--until: 2020-01-01 08:00 UTC is over"),
    ("a time that is far away", ["pause", "web", "--until", "9999-01-01T08:00Z", "--why", "x", *HERE],
     "--until: 9999-01-01 08:00 UTC is later than the 30d from now that may be given"),
    ("two services", ["pause", "web", "mail", *FOR, *HERE], 'the argument "mail" is one too many' + SEE),
    ("two services, one by -S", ["pause", "web", "-S", "mail", *FOR, *HERE],
     '"web" and -S "mail" are two Consul services; name one' + SEE),
    ("an empty service", ["pause", "", *FOR, *HERE], "the name of the Consul service is empty" + SEE),
    ("a service that is a path", ["pause", "../mail", *FOR, *HERE],
     'the Consul service name "../mail" contains \'/\', which would make it another key in Consul\'s KV store'),
    ("all services by their name", ["pause", "_all", *FOR, *HERE], '"_all" stands for all services; leave it out for '
     "those" + SEE),
    ("the same to resume", ["resume", "_all", *HERE], '"_all" stands for all services; leave it out for those; see '
     "powerconsul resume --help"),
    ("resume with an end", ["resume", "web", "--for", "2h", *HERE], 'the option "for" is not known, did you mean '
     '"format"; see powerconsul resume --help'),
    ("a store file", ["pause", "web", *FOR, "--store", "store.json", *WORLD],
     'the store file "store.json" is only read; pause with a Consul agent instead of --store, or with --here'),
    ("a machine without a name", ["pause", "web", *FOR, "--node", "localhost"],
     'the environment "" is empty, and pauses are kept by environment; set --environment'),
    ("an environment that is a path", ["resume", "web", "--environment", "a/b", *WORLD],
     'the environment "a/b" contains \'/\', which would make it another key in Consul\'s KV store, and pauses are kept '
     "by environment; set --environment"),
]

KV = [
    ("nothing", "", "not valid JSON at line 1, column 1 (byte 0): it is empty; expected one value"),
    ("a word", "monday", 'not valid JSON at line 1, column 1 (byte 0): expected a value, found "monday"'),
    ("cut off", PAUSE[:40], "not valid JSON at line 1, column 41 (byte 40): a string does not end; its closing quote is "
     "missing, or the text was cut off"),
    ("no UTF-8", b'{"until":"\xff"}', "not valid JSON at line 1, column 11 (byte 10): the byte 0xFF is no UTF-8; save the "
     "text as UTF-8"),
    ("an empty object", "{}", "the pause at line 1, column 1 (byte 0): until is missing"),
    ("a list", "[" + PAUSE + "]", "the pause at line 1, column 1 (byte 0): expected an object, found a list"),
    ("10 000 lists in one another", "[" * 10000, "not valid JSON at line 1, column 9 (byte 8): it is nested more than "
     "the 8 deep that are taken"),
    ("no author", PAUSE.replace('"by":"anna@web1",', ""), "the pause at line 1, column 1 (byte 0): by is missing"),
    ("an unknown member", PAUSE.replace('"by"', '"for":"2h","by"'),
     "for at line 1, column 72 (byte 71): there is no such member of a pause"),
    ("its end twice", PAUSE.replace('"by"', '"until":"2026-11-30T19:00:00Z","by"'),
     "until at line 1, column 72 (byte 71): the name comes twice"),
    ("an end without an offset", PAUSE.replace("19:00:00.000Z", "19:00:00"),
     "until at line 1, column 10 (byte 9): expected a time such as 2026-11-30T19:00:00Z, found "
     '"2026-11-30T19:00:00"'),
    ("an end that is null", PAUSE.replace('"2026-11-30T19:00:00.000Z"', "null"),
     "until at line 1, column 10 (byte 9): expected a text, found null"),
    ("an end after 31 days", PAUSE.replace("2026-11-30T19", "2026-12-31T17"),
     "until at line 1, column 10 (byte 9): expected a time behind since, at most 30 days later"),
    ("an escape sequence", PAUSE.replace("2026-11-30T19:00:00.000Z", "\\u001b[2J\\n"),
     "until at line 1, column 10 (byte 9): expected a time such as 2026-11-30T19:00:00Z, found "
     '"\\x1B[2J\\n"'),
]

STOP = [
    ("nothing", "", ""),
    ("a newline", "\n", ""),
    ("a word", "kernel update\n", NO_END + '"kernel update"'),
    ("a time alone", "2020-01-01T00:00:00Z\n", NO_END + '"2020-01-01T00:00:00Z"'),
    ("a time without an offset", "until=2020-01-01T00:00:00", NO_END + '"until=2020-01-01T00:00:00"'),
    ("a time as date prints it without -Is", "until=Wed Jan  1 00:00:00 UTC 2020\n",
     NO_END + '"until=Wed Jan 1 00:00:00 UTC 2020"'),
    ("a day that is none", "until=2021-02-29T00:00:00Z\n", NO_END + '"until=2021-02-29T00:00:00Z"'),
    ("a second line", "until=2020-01-01T00:00:00Z\nanna\n", NO_END + r'"until=2020-01-01T00:00:00Z\nanna"'),
    ("a comment", "# until=2020-01-01T00:00:00Z\n", NO_END + '"# until=2020-01-01T00:00:00Z"'),
    ("an escape sequence", "until=\x1b[2J", NO_END + r'"until=\x1B[2J"'),
    ("NUL", "until=2020-01-01T00:00:00Z\0", NO_END + r'"until=2020-01-01T00:00:00Z\x00"'),
    ("no text", b"\xff\xfe", NO_END + '"��"'),
    ("17 000 bytes", " " * 17000,
     ', without an end that could be read ("FOLDER/stop" is larger than the 16384 bytes that it may have)'),
    ("a far end", "until=9999-12-31T23:59:00Z", " and holds until 9999-12-31 23:59 UTC (N d left)"),
]


def a_directory(folder):
    (folder / "stop").mkdir()


def a_link(folder):
    (folder / "stop").symlink_to("nowhere")


ROWS = [
    *(refused(*each) for each in CALLS),
    *(in_kv(f"{name}", value, "pauses/production/web", why, "powerconsul resume web") for name, value, why in KV),
    in_kv("all services, a word", "monday", "pauses/production/_all",
          'not valid JSON at line 1, column 1 (byte 0): expected a value, found "monday"', "powerconsul resume"),
    *(in_file(name, value, f"the pause {FILE} holds, since it cannot be read: {why}; powerconsul resume web --here "
              "removes it") for name, value, why in KV[::3]),
    in_file("17 000 bytes", " " * 17000, f'it cannot be told whether this node is paused: "{FILE}" is larger than the '
            "16384 bytes that it may have"),
    *(stop_file(*each) for each in STOP),
    stop_file("a directory", "", ', without an end that could be read ("FOLDER/stop" is not a regular file, and only '
              "such are read)", a_directory),
    stop_file("a link to nowhere", "", ', without an end that could be read ("FOLDER/stop" is not a regular file, and '
              "only such are read)", a_link),
    Row("the stop file, its time over", ["role", "web", "--store", "store.json", *WORLD], 1, through=HELD,
        files={"store.json": json.dumps(STORE), "stop": "until=2020-01-01T00:00:00+01:00\n"},
        env={"POWERCONSUL_STOP_FILE": "FOLDER/stop"}),
    Row("no state directory", ["pause", "web", *FOR, *HERE], 1, after=nothing_written,
        err="powerconsul: there is no state directory FOLDER/state; make it for the user that Consul's agent runs as, as "
            "in install -d -m 0700 -o consul FOLDER/state\n"),
    Row("a state directory that others may write", ["pause", "web", *FOR, *HERE], 77, prepare=state(0o777),
        after=nothing_written,
        err="powerconsul: the state directory FOLDER/state can be written by others; chmod it to 0700\n"),
    Row("nothing to resume", ["resume", "web", *HERE], 0, out="there is no pause of web on this node\n",
        env={"POWERCONSUL_STOP_FILE": "FOLDER/none"}),
    Row("a pause that cannot be read, resumed", ["resume", "web", *HERE], 0, prepare=state(),
        files={"state/pause-web.json": "monday"}, after=nothing_written, env={"POWERCONSUL_STOP_FILE": "FOLDER/none"},
        out='web on this node is no longer paused; before, it was paused by a value that could not be read: "monday"\n'),
    Row("a pause that cannot be read, replaced", ["pause", "web", *FOR, *HERE], 0, prepare=state(),
        files={"state/pause-web.json": "monday"}, changing=UNDERSTOOD,
        out=f"web on this node is paused until TIME UTC (2 h left) by SOMEBODY: kernel update ({FILE})\n"
            'before, it was paused by a value that could not be read: "monday"\n'),
    Row("an author and a reason with escape sequences", ["pause", "web", "--for", "2h", "--why", "a\x1b[2J\nb", *HERE], 0,
        prepare=state(), env={"SUDO_USER": "an\x1b[2Jna"}, changing={**UNDERSTOOD, r"by .*@\S+:": "by SOMEBODY:"},
        out=f"web on this node is paused until TIME UTC (2 h left) by SOMEBODY: a [2J b ({FILE})\n"),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
