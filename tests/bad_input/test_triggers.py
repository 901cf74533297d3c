"""Trigger values in KV that are no good, and trigger JSON on the command line that is none.

    POWERCONSUL=... python3 test_triggers.py [part of a name] [--list] [--show]
"""
import base64
import json
import sys

from rows import Row, main

LARGEST = 512 * 1024
KEY = "triggers/production/web/standalone/critical"
WORLD = ["--node", "production-web1", "--store", "store.json", "--state-dir", "state", "--stop-file", "FOLDER/none",
         "--config", "powerconsul.conf", "--log", "none"]
CHECK = '{"ServiceName": "web", "CheckID": "web-role"}'


def files(value):
    """A store with these bytes as trigger, and a configuration with a name whose value no shell may see."""
    held = {KEY: base64.b64encode(value).decode()}
    return {"powerconsul.conf": '{"subVars": {"BAD": "a;reboot", "EMPTY": ""}}',
            "store.json": json.dumps({"agent": {"node": "production-web1", "datacenter": "hq"},
                                      "datacenters": {"hq": {"kv_base64": held}}})}


def no_run(folder):
    """What is refused is not run either: it would leave a file."""
    assert not (folder / "ran").exists()


def failing(name, text, out):
    """A trigger that is run, and fails."""
    return Row(name, ["trigger", "critical", "-s", CHECK, *WORLD], 1, files=files(text), after=no_run,
               out=f"web critical, check web-role: ran {KEY} as standalone: {out}")


def refused(name, text, why):
    """A value that is no good fails the attempt, and says why in its output."""
    return failing(name, text, f"failed to run after N ms\nthe trigger {KEY}: {why}\n")


def dry(name, text, why):
    """The same before anybody relies on it."""
    return Row("dry run, " + name, ["trigger", "critical", "--dry-run", "-s", CHECK, *WORLD], 0, files=files(text),
               after=no_run, out=f"web critical, check web-role: would fail to run {KEY}: the trigger {KEY}: {why}\n")


def argument(name, text, err):
    return Row("-s, " + name, ["trigger", "critical", "-s", text, *WORLD], 65, files=files(b"touch FOLDER/ran"),
               after=no_run, err=f"powerconsul: -s/--service: {err}\n")


REFUSED = [
    ("nothing", b"", "the value is empty; expected a command, a script or text for /bin/sh"),
    ("blanks", b" \n\t ", "the value is empty; expected a command, a script or text for /bin/sh"),
    ("NUL", b"touch FOLDER/ran\0", "the value has a NUL at byte 16; remove it"),
    ("a byte order mark", b"\xef\xbb\xbftouch FOLDER/ran",
     "the value begins with a byte order mark; save it as UTF-8 without one"),
    ("a script with CR LF", b"#!/bin/sh\r\ntouch FOLDER/ran\r\n",
     "line 1 of the script ends in CR LF, and the CR would belong to the interpreter's name; save it with LF alone"),
    ("a script with CR alone", b"#!/bin/sh\rtouch FOLDER/ran",
     "line 1 of the script has a CR at byte 9; end the lines with LF alone"),
    ("a script without interpreter", b"#!\ntouch FOLDER/ran\n",
     "line 1 of the script names no interpreter behind #!; expected its absolute path, as in #!/bin/sh"),
    ("a relative interpreter", b"#!sh\ntouch FOLDER/ran\n",
     'line 1 of the script names the interpreter "sh", which is no absolute path; write the whole one, as in '
     "#!/bin/sh"),
    ("a first line of 300 bytes", b"#!/bin/sh " + b"x" * 289 + b"\n",
     "line 1 of the script has 299 bytes, of which the kernel reads 255; shorten it"),
    ("names without quotes", b'{command: ["/bin/true"]}',
     'not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found "command"; what '
     'begins like {"command": ["/path"]} is no text for /bin/sh'),
    ("cut off", b'{"command": ["/bin/tr',
     "not valid JSON at line 1, column 22 (byte 21): a string does not end; its closing quote is missing, or the "
     'text was cut off; what begins like {"command": ["/path"]} is no text for /bin/sh'),
    ("text behind the object", b'{"script": "touch FOLDER/ran"} &',
     'not valid JSON at line 1, column 32 (byte 31): expected nothing behind the value, found "&"; what begins '
     'like {"command": ["/path"]} is no text for /bin/sh'),
    ("invalid UTF-8 in an object", b'{"script": "\xff"}',
     "not valid JSON at line 1, column 13 (byte 12): the byte 0xFF is no UTF-8; save the text as UTF-8; what "
     'begins like {"command": ["/path"]} is no text for /bin/sh'),
    ("10 000 lists in one another", b'{"command": ' + b"[" * 10000,
     "not valid JSON at line 1, column 20 (byte 19): it is nested more than the 8 deep that are taken; what "
     'begins like {"command": ["/path"]} is no text for /bin/sh'),
    ("neither command nor script", b"{}",
     'the value at line 1, column 1 (byte 0): has neither command nor script; expected {"command": ["/path", '
     '"argument"]}'),
    ("both", b'{"command": ["/bin/true"], "script": "touch FOLDER/ran"}',
     "script at line 1, column 28 (byte 27): stands beside command; keep one of the two"),
    ("a misspelt key", b'{"comand": ["/bin/true"]}',
     'comand at line 1, column 2 (byte 1): this key is not known; did you mean "command"?'),
    ("an unknown key", b'{"shell": "touch FOLDER/ran"}',
     "shell at line 1, column 2 (byte 1): this key is not known; there are command, script, timeout, settle, backoff "
     "and user"),
    ("a key twice", b'{"script": "true", "script": "touch FOLDER/ran"}',
     "script at line 1, column 20 (byte 19): the key comes twice; keep one"),
    ("15 000 unknown keys", b"{" + b", ".join(b'"k%d": 1' % i for i in range(15000)) + b"}",
     "k0 at line 1, column 2 (byte 1): this key is not known; there are command, script, timeout, settle, backoff "
     "and user"),
    ("a command that is a text", b'{"command": "/usr/bin/touch FOLDER/ran"}',
     'command at line 1, column 13 (byte 12): expected a list such as ["/path", "argument"], found a string'),
    ("an empty command", b'{"command": []}',
     "command at line 1, column 13 (byte 12): the list is empty; it begins with a program"),
    ("a relative program", b'{"command": ["touch", "FOLDER/ran"]}',
     'command[0] at line 1, column 14 (byte 13): expected the absolute path of a program, found "touch"'),
    ("a number in a command", b'{"command": ["/bin/echo", 5]}',
     "command[1] at line 1, column 27 (byte 26): expected a text, found a number"),
    ("NUL in a command", b'{"command": ["/bin/echo", "a\\u0000b"]}',
     r"command[1] at line 1, column 27 (byte 26): has a NUL (\u0000); remove it"),
    ("an argument that is too long", b'{"command": ["/bin/echo", "' + b"x" * 131072 + b'"]}',
     "command[1] at line 1, column 27 (byte 26): is too long: the kernel takes 131071 bytes in one argument, and "
     "1048576 in all are taken; use a script"),
    ("a timeout that is a number", b'{"script": "touch FOLDER/ran", "timeout": 30}',
     'timeout at line 1, column 43 (byte 42): expected a text such as "30s", found a number'),
    ("a timeout that is none", b'{"script": "touch FOLDER/ran", "timeout": "soon"}',
     'timeout at line 1, column 43 (byte 42): "soon" is not a length of time; expected a number and ms, s, m, h '
     "or d, as in 8s"),
    ("a timeout of 0", b'{"script": "touch FOLDER/ran", "timeout": "0s"}',
     'timeout at line 1, column 43 (byte 42): "0s" is not between 1ms and 1h'),
    ("a timeout of two hours", b'{"script": "touch FOLDER/ran", "timeout": "2h"}',
     'timeout at line 1, column 43 (byte 42): "2h" is not between 1ms and 1h'),
    ("a settle time that is a number", b'{"script": "touch FOLDER/ran", "settle": 30}',
     'settle at line 1, column 42 (byte 41): expected a text such as "30s", found a number'),
    ("a settle time that is none", b'{"script": "touch FOLDER/ran", "settle": "long"}',
     'settle at line 1, column 42 (byte 41): "long" is not a length of time; expected a number and ms, s, m, h '
     "or d, as in 8s"),
    ("a settle time below nothing", b'{"script": "touch FOLDER/ran", "settle": "-1s"}',
     'settle at line 1, column 42 (byte 41): "-1s" is not a length of time; expected a number and ms, s, m, h '
     "or d, as in 8s"),
    ("a settle time of two hours", b'{"script": "touch FOLDER/ran", "settle": "2h"}',
     'settle at line 1, column 42 (byte 41): "2h" is not between 0s and 1h'),
    ("a settle time twice", b'{"settle": "1s", "script": "touch FOLDER/ran", "settle": "1s"}',
     "settle at line 1, column 48 (byte 47): the key comes twice; keep one"),
    ("a back-off that is a list", b'{"script": "touch FOLDER/ran", "backoff": ["10s"]}',
     'backoff at line 1, column 43 (byte 42): expected a text such as "30s", found a list'),
    ("a back-off of nothing", b'{"script": "touch FOLDER/ran", "backoff": "0s"}',
     'backoff at line 1, column 43 (byte 42): "0s" is not between 1s and 15m'),
    ("a back-off of an hour", b'{"script": "touch FOLDER/ran", "backoff": "1h"}',
     'backoff at line 1, column 43 (byte 42): "1h" is not between 1s and 15m'),
    ("a misspelt back-off", b'{"script": "touch FOLDER/ran", "back-off": "10s"}',
     'back-off at line 1, column 32 (byte 31): this key is not known; did you mean "backoff"?'),
    ("a user that is null", b'{"script": "touch FOLDER/ran", "user": null}',
     "user at line 1, column 40 (byte 39): expected a text, found null"),
    ("an empty user", b'{"script": "touch FOLDER/ran", "user": ""}',
     "user at line 1, column 40 (byte 39): is empty; name a user or leave it out"),
    ("a user with a newline", b'{"script": "touch FOLDER/ran", "user": "www\\ndata"}',
     r'user at line 1, column 40 (byte 39): "www\ndata" is not the name of a user'),
    ("a script that is a number", b'{"script": 5}',
     "script at line 1, column 12 (byte 11): expected a text, found a number"),
    ("an empty script", b'{"script": " "}',
     "script at line 1, column 12 (byte 11): the script is empty; expected a command, a script or text for /bin/sh"),
    ("a value that a shell would obey", b"touch @BAD FOLDER/ran",
     'the value of "@BAD" has ";" at byte 1, and in text for a shell only A-Z a-z 0-9 . _ : @ % + , / = - are '
     'safe; use the form {"command": ["/path", "@BAD"]}, where a value is one argument whatever it holds'),
    ("a value that a shell would not see", b"touch @EMPTY FOLDER/ran",
     'the value of "@EMPTY" is empty, so that a shell would see a word less; use the form {"command": ["/path", '
     '"@EMPTY"]}, where a value is one argument whatever it holds'),
]

FAILING = [
    ("an interpreter that is not there", b"#!/no/such\ntouch FOLDER/ran\n",
     'failed to run after N ms\n'
     'cannot run "/no/such": No such file or directory\n'),
    ("a program that is not there", b'{"command": ["/no/such/program"]}',
     'failed to run after N ms\n'
     'cannot run "/no/such/program": No such file or directory\n'),
    ("a program that is a directory", b'{"command": ["/"]}',
     'failed to run after N ms\n'
     'cannot run "/": Permission denied\n'),
    ("a user that is not there", b'{"script": "touch FOLDER/ran", "user": "no-such-user"}',
     'failed to run after N ms\n'
     'cannot run "/bin/sh" as user "no-such-user": this machine knows no such user\n'),
    ("a list", b'["/usr/bin/touch", "FOLDER/ran"]',
     'exit status 127 after N ms\n'
     '/bin/sh: 1: [/usr/bin/touch,: not found\n'),
    ("what no shell understands", b"if true",
     'exit status 2 after N ms\n'
     '/bin/sh: 1: Syntax error: end of file unexpected (expecting "then")\n'),
    ("output that is no text", b"printf '\\033[31mred\\377\\n'; exit 3",
     'exit status 3 after N ms\n'
     '[31mred�\n'),
]

ARGUMENTS = [
    ("nothing but blanks", " ",
     'empty; expected a JSON object; give one check, as in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("a name", "web",
     'not valid JSON at line 1, column 1 (byte 0): expected a value, found "web"; give one check, as in '
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("null", "null",
     "the check at line 1, column 1 (byte 0): expected an object, found null; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("a list", '[]',
     "the check at line 1, column 1 (byte 0): expected an object, found a list; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("a list of one", '[{"ServiceName": "web"}]',
     "the check at line 1, column 1 (byte 0): expected an object, found a list; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("a string", '"web"',
     "the check at line 1, column 1 (byte 0): expected an object, found a string; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("a number", "5",
     "the check at line 1, column 1 (byte 0): expected an object, found a number; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("an empty object", "{}",
     'the check at line 1, column 1 (byte 0): ServiceName is missing; give one check, as in {"ServiceName": '
     '"web", "CheckID": "web-role"}'),
    ("a misspelt member", '{"ServiceNam": "web"}',
     'the check at line 1, column 1 (byte 0): ServiceName is missing; give one check, as in {"ServiceName": '
     '"web", "CheckID": "web-role"}'),
    ("cut off", '{"ServiceName": "we',
     "not valid JSON at line 1, column 20 (byte 19): the text ends too early; it was cut off; give one check, as "
     'in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("single quotes", "{'ServiceName': 'web'}",
     "not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found a single quote; JSON "
     'has double quotes alone; give one check, as in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("two objects", '{"ServiceName": "web"} {"ServiceName": "web"}',
     'not valid JSON at line 1, column 24 (byte 23): expected nothing behind the value, found "{"; give one '
     'check, as in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("invalid UTF-8", b'{"ServiceName": "\xff"}',
     "not valid JSON at line 1, column 18 (byte 17): the byte 0xFF is no UTF-8; save the text as UTF-8; give one "
     'check, as in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("a byte order mark", b'\xef\xbb\xbf{"ServiceName": "web"}',
     "not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as "
     'UTF-8 without one; give one check, as in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("the service twice", '{"ServiceName": "web", "ServiceName": "db"}',
     'the check at line 1, column 1 (byte 0): ServiceName comes twice; give one check, as in {"ServiceName": '
     '"web", "CheckID": "web-role"}'),
    ("the service is a number", '{"ServiceName": 5}',
     "the check at line 1, column 1 (byte 0): ServiceName should be a text and is a number; give one check, as "
     'in {"ServiceName": "web", "CheckID": "web-role"}'),
    ("the service is null", '{"ServiceName": null}',
     'the check at line 1, column 1 (byte 0): ServiceName is missing; give one check, as in {"ServiceName": '
     '"web", "CheckID": "web-role"}'),
    ("the service is empty", '{"ServiceName": ""}',
     'the check at line 1, column 1 (byte 0): ServiceName is missing; give one check, as in {"ServiceName": '
     '"web", "CheckID": "web-role"}'),
    ("the service is a path", '{"ServiceName": "../db"}',
     'the Consul service name "../db" contains \'/\', which would make it another key in Consul\'s KV store'),
    ("the service is ..", '{"ServiceName": ".."}',
     'the Consul service name ".." would be another key in Consul\'s KV store'),
    ("a newline in the service", r'{"ServiceName": "we\nb"}',
     r'the Consul service name "we\nb" contains a control character'),
    ("NUL in the service", r'{"ServiceName": "we\u0000b"}',
     r'the Consul service name "we\x00b" contains a control character'),
    ("a service of 200 bytes", json.dumps({"ServiceName": "w" * 200}),
     'the Consul service name "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww..." '
     "is longer than 128 bytes"),
    ("the check is a number", '{"ServiceName": "web", "CheckID": 5}',
     "the check at line 1, column 1 (byte 0): CheckID should be a text and is a number; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("the node is an object", '{"ServiceName": "web", "Node": {}}',
     "the check at line 1, column 1 (byte 0): Node should be a text and is an object; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("the output is a list", '{"ServiceName": "web", "Output": []}',
     "the check at line 1, column 1 (byte 0): Output should be a text and is a list; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("an index below 0", '{"ServiceName": "web", "CreateIndex": -1}',
     "the check at line 1, column 1 (byte 0): CreateIndex is no whole number; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
    ("an index out of range", '{"ServiceName": "web", "CreateIndex": 99999999999999999999}',
     "the check at line 1, column 1 (byte 0): CreateIndex is no whole number; give one check, as in "
     '{"ServiceName": "web", "CheckID": "web-role"}'),
]

ROWS = [
    *(refused(*each) for each in REFUSED),
    *(dry(*each) for each in REFUSED[::6]),
    *(failing(*each) for each in FAILING),
    *(argument(*each) for each in ARGUMENTS),
    Row("-s, standard input that is empty", ["trigger", "critical", "-s", "-", *WORLD], 65, files=files(b"true"),
        err="powerconsul: -s/--service: empty; expected a JSON object; "
            'give one check, as in {"ServiceName": "web", "CheckID": "web-role"}\n'),
    Row("a check id with an escape sequence and a newline",
        ["trigger", "critical", "-s", r'{"ServiceName": "web", "CheckID": "a\u001b[2J\nb"}', *WORLD], 0,
        files=files(b"true"), out=f"web critical, check a [2J b: ran {KEY} as standalone: exit status 0 after N ms\n"),
    Row("a check id of 5000 bytes",
        ["trigger", "critical", "-s", json.dumps({"ServiceName": "web", "CheckID": "c" * 5000}), *WORLD], 0,
        files=files(b"true"),
        out=f"web critical, check {'c' * 197}...: ran {KEY} as standalone: exit status 0 after N ms\n"),
    Row("10 000 lists in a member that nobody reads",
        ["trigger", "critical", "-s", CHECK[:-1] + ', "x": ' + "[" * 10000 + "]" * 10000 + "}", *WORLD], 0,
        files=files(b"true"), out=f"web critical, check web-role: ran {KEY} as standalone: exit status 0 after N ms\n"),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
