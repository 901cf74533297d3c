"""Configuration files and environment variables that are no good: exit 78 and 64, and 1 with an unknown state from `check`.

    POWERCONSUL=... python3 test_configuration.py [part of a name] [--list] [--show]

Needs root for files of other users; the names of their owners are those of Debian.
"""
import json
import os
import sys

from rows import Row, main

STORE = json.dumps({"agent": {"node": "production-web1", "datacenter": "hq"}, "datacenters": {"hq": {}}})
ROLE = ["role", "-S", "web", "--state-dir", "state"]
CHECK = ["check", "process", "--name", "no-such-worker", "-S", "web", "--state-dir", "state"]
WORLD = ["--node", "production-web1", "--store", "store.json"]
NOBODY = 65534
#: Root reads what it may not, unless that right is taken from it.
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def configured(name, text, err):
    return Row(name, [*ROLE, *WORLD, "--config", "powerconsul.conf"], 78, err=f"powerconsul: the configuration {err}\n",
               files={"store.json": STORE, "powerconsul.conf": text})


def checked(name, text, err):
    """A check with such a file has no verdict, and says so where Consul looks."""
    reason = json.dumps(f"worker cannot be judged: the configuration {err}", ensure_ascii=False)
    argv = ["check", "process", "--name", "worker", "-S", "web", *WORLD, "--config", "powerconsul.conf"]
    return Row("check, " + name, argv, 1, files={"store.json": STORE, "powerconsul.conf": text},
               out='{"type":"process","process":"worker","expects":null,"clustered":null,"state":"unknown","code":1,'
                   f'"role":"unknown","reason":{reason},"basis":"none"}}\n')


def placed(name, prepare, err, path="powerconsul.conf", through=(), code=78):
    """What stands at the path is made by `prepare`."""
    return Row(name, [*ROLE, *WORLD, "--config", path], code, err=f"powerconsul: {err}\n", files={"store.json": STORE},
               prepare=prepare, through=through)


def variable(name, variables, err, code=64):
    node = [] if "POWERCONSUL_NODE" in variables else ["--node", "production-web1"]
    return Row("variable, " + name, [*ROLE, *node], code, err=f"powerconsul: {err}\n", env=variables)


def token(name, text, mode, err, owner=None):
    def prepare(folder):
        path = folder / "token"
        path.write_text(text, encoding="utf-8")
        if owner is not None:  # needs root
            os.chown(path, owner, owner)
        path.chmod(mode)
    return Row(name, [*ROLE, "--node", "production-web1", "--token-file", "token"], 78, prepare=prepare,
               err=f"powerconsul: {err}\n")


def no_file(_):
    pass


def folder_there(folder):
    (folder / "powerconsul.conf").mkdir()


def fifo_there(folder):
    os.mkfifo(folder / "powerconsul.conf")


def link_to(target):
    return lambda folder: (folder / "powerconsul.conf").symlink_to(target)


def unreadable(folder):
    path = folder / "powerconsul.conf"
    path.write_text("{}", encoding="utf-8")
    path.chmod(0)


def of(mode, owner=0, name="powerconsul.conf"):
    def prepare(folder):
        path = folder / name
        path.write_text("{}", encoding="utf-8")
        os.chown(path, owner, owner)  # needs root
        path.chmod(mode)
    return prepare


def link_to_shared(folder):
    of(0o660, name="shared")(folder)
    link_to("shared")(folder)


def others_home(folder):
    """HOME is a directory that only another user may enter."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / ".powerconsul.conf").write_text('{"node": "x"}', encoding="utf-8")
    os.chown(home, NOBODY, NOBODY)  # needs root


def mebibyte(folder):
    (folder / "powerconsul.conf").write_text("{}" + " " * (1024 * 1024 - 1), encoding="utf-8")


def enormous(folder):
    with open(folder / "powerconsul.conf", "wb") as file:
        file.truncate(10 ** 10)


TEXTS = [
    ("nothing", "", "powerconsul.conf: not valid JSON at line 1, column 1 (byte 0): it is empty; expected one value"),
    ("blanks", " \n",
     "powerconsul.conf: not valid JSON at line 2, column 1 (byte 2): it is nothing but white space; expected one "
     "value"),
    ("a byte order mark", b"\xef\xbb\xbf{}",
     "powerconsul.conf: not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as UTF-8 "
     "without one"),
    ("two documents", '{"node": "a"}\n{}',
     'powerconsul.conf: not valid JSON at line 2, column 1 (byte 14): expected nothing behind the value, found "{"'),
    ("a list", "[]", "powerconsul.conf: the file at line 1, column 1 (byte 0): expected an object, found a list"),
    ("a text", '"node"',
     "powerconsul.conf: the file at line 1, column 1 (byte 0): expected an object, found a string"),
    ("YAML", "node: production-web1\n",
     'powerconsul.conf: not valid JSON at line 1, column 1 (byte 0): expected a value, found "node"'),
    ("cut off", '{"node": "a"',
     'powerconsul.conf: not valid JSON at line 1, column 13 (byte 12): expected "," or "}", found the end of the '
     "text; it was cut off"),
    ("a comment", '{"node": "a"} # mine',
     "powerconsul.conf: not valid JSON at line 1, column 15 (byte 14): expected nothing behind the value, found "
     '"#"; JSON has no comments'),
    ("latin 1", b'{"node": "m\xfcnchen"}',
     "powerconsul.conf: not valid JSON at line 1, column 12 (byte 11): the byte 0xFC is no UTF-8; save the text "
     "as UTF-8"),
    ("NUL in the file", b'{"node": "a\0b"}',
     "powerconsul.conf: not valid JSON at line 1, column 12 (byte 11): a NUL byte; remove it"),
    ("NUL in a text", r'{"node": "a\u0000b"}',
     r'powerconsul.conf: node at line 1, column 10 (byte 9): "a\x00b" has a control character; remove it'),
    ("a newline in a text", r'{"clusterKey": "cluster\nx"}',
     r'powerconsul.conf: clusterKey at line 1, column 16 (byte 15): "cluster\nx" has a control character; remove it'),
    ("100 000 lists in one another", "[" * 100000,
     "powerconsul.conf: not valid JSON at line 1, column 65 (byte 64): it is nested more than the 64 deep that "
     "are taken"),
    ("a misspelt key", '{"clusterkey": "x"}',
     'powerconsul.conf: clusterkey at line 1, column 16 (byte 15): this key is not known; did you mean "clusterKey"?'),
    ("a service manager that is none", '{"serviceManager": "upstart"}',
     'powerconsul.conf: serviceManager: "upstart" is not a service manager that is known here, expected systemd, sysv '
     "or openrc"),
    ("a directory of init scripts that is a list", '{"initDirectory": ["/etc/init.d"]}',
     "powerconsul.conf: initDirectory at line 1, column 19 (byte 18): expected a text, found a list"),
    ("a directory of init scripts without a name", '{"initDirectory": ""}',
     "powerconsul.conf: initDirectory at line 1, column 19 (byte 18): expected a text, found an empty one"),
    ("a misspelt directory of init scripts", '{"initdirectory": "/etc/init.d"}',
     'powerconsul.conf: initdirectory at line 1, column 19 (byte 18): this key is not known; did you mean "initDirectory"?'),
    ("a key that is cut short", '{"cluster": "x"}',
     'powerconsul.conf: cluster at line 1, column 13 (byte 12): this key is not known; did you mean "clusterKey"?'),
    ("a key that is like none", '{"zebra": "x"}',
     "powerconsul.conf: zebra at line 1, column 11 (byte 10): this key is not known; there are serviceFilter, "
     "clusterKey, triggerKey, subVars, noopTriggers, consulConfig, environment, serverRole, node, datacenter, "
     "consul, store, stateDir, serviceManager, initDirectory, format, timeout, maxAge, maxStale, consistent, healthCache, "
     "unknownExit, workUser, takeoverOn, takeoverAfter, giveBackAfter, absentAfter, log, logLevel, logFormat, stopFile and trigger"),
    ("a key of 100 000 bytes", '{"' + 'k' * 100000 + '": 1}',
     "powerconsul.conf: "
     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk... at line 1, "
     "column 100006 (byte 100005): this key is not known; there are serviceFilter, clusterKey, triggerKey, "
     "subVars, noopTriggers, consulConfig, environment, serverRole, node, datacenter, consul, store, stateDir, "
     "serviceManager, initDirectory, format, timeout, maxAge, maxStale, consistent, healthCache, unknownExit, "
     "workUser, takeoverOn, takeoverAfter, giveBackAfter, absentAfter, "
     "log, logLevel, logFormat, stopFile and trigger"),
    ("an escape sequence in a key", r'{"a\u001b[2Jb": 1}',
     "powerconsul.conf: a [2Jb at line 1, column 17 (byte 16): this key is not known; there are serviceFilter, "
     "clusterKey, triggerKey, subVars, noopTriggers, consulConfig, environment, serverRole, node, datacenter, "
     "consul, store, stateDir, serviceManager, initDirectory, format, timeout, maxAge, maxStale, consistent, healthCache, "
     "unknownExit, workUser, takeoverOn, takeoverAfter, giveBackAfter, absentAfter, log, logLevel, logFormat, stopFile and trigger"),
    ("a key twice", '{"node": "a",\n "node": "b"}',
     "powerconsul.conf: node at line 2, column 10 (byte 23): the key comes twice; keep one"),
    ("a misspelt key in consul", '{"consul": {"httpaddr": "x"}}',
     "powerconsul.conf: consul.httpaddr at line 1, column 25 (byte 24): this key is not known; did you mean "
     '"httpAddr"?'),
    ("a token in the file", '{"consul": {"token": "x"}}',
     'powerconsul.conf: consul.token at line 1, column 22 (byte 21): this key is not known; did you mean "tokenFile"?'),
    ("a misspelt key in trigger", '{"trigger": {"timout": "5s"}}',
     'powerconsul.conf: trigger.timout at line 1, column 24 (byte 23): this key is not known; did you mean "timeout"?'),
    ("consul is a text", '{"consul": "localhost:8500"}',
     "powerconsul.conf: consul at line 1, column 12 (byte 11): expected an object, found a string"),
    ("trigger is a number", '{"trigger": 5}',
     "powerconsul.conf: trigger at line 1, column 13 (byte 12): expected an object, found a number"),
    ("an address that is a number", '{"consul": {"httpAddr": 8500}}',
     "powerconsul.conf: consul.httpAddr at line 1, column 25 (byte 24): expected a text, found a number"),
    ("a flag that is null", '{"consul": {"httpSsl": null}}',
     "powerconsul.conf: consul.httpSsl at line 1, column 24 (byte 23): expected true or false, found null"),
    ("a flag that is neither", '{"consistent": "maybe"}',
     'powerconsul.conf: consistent at line 1, column 16 (byte 15): "maybe" is neither "true" nor "false"'),
    ("a text that is null", '{"stateDir": null}',
     "powerconsul.conf: stateDir at line 1, column 14 (byte 13): expected a text, found null"),
    ("a text that is empty", '{"node": ""}',
     "powerconsul.conf: node at line 1, column 10 (byte 9): expected a text, found an empty one"),
    ("a text that is a list", '{"environment": ["production"]}',
     "powerconsul.conf: environment at line 1, column 17 (byte 16): expected a text, found a list"),
    ("a time that is none", '{"timeout": "soon"}',
     'powerconsul.conf: timeout at line 1, column 13 (byte 12): "soon" is not a length of time; expected a '
     "number and ms, s, m, h or d, as in 8s"),
    ("a time that is a list", '{"maxAge": [60]}',
     "powerconsul.conf: maxAge at line 1, column 12 (byte 11): expected a text or a number, found a list"),
    ("a time below 0", '{"timeout": -1}',
     'powerconsul.conf: timeout at line 1, column 13 (byte 12): "-1" is not a length of time; expected a number '
     "and ms, s, m, h or d, as in 8s"),
    ("a time out of range", '{"timeout": 99999999999999999999}',
     'powerconsul.conf: timeout at line 1, column 13 (byte 12): "99999999999999999999" is not a length of time; '
     "expected a number and ms, s, m, h or d, as in 8s"),
    ("a time that is too short", '{"timeout": "50ms"}',
     'powerconsul.conf: timeout: expected at least 100ms, found "50ms"'),
    ("a trigger that has no time", '{"trigger": {"timeout": 0}}',
     'powerconsul.conf: trigger.timeout at line 1, column 25 (byte 24): "0" is no time at all; expected more than 0'),
    ("a settle time that is none", '{"trigger": {"settle": "long"}}',
     'powerconsul.conf: trigger.settle at line 1, column 24 (byte 23): "long" is not a length of time; expected a '
     "number and ms, s, m, h or d, as in 8s"),
    ("a settle time below 0", '{"trigger": {"settle": "-1s"}}',
     'powerconsul.conf: trigger.settle at line 1, column 24 (byte 23): "-1s" is not a length of time; expected a '
     "number and ms, s, m, h or d, as in 8s"),
    ("a misspelt settle time", '{"trigger": {"setle": "5s"}}',
     'powerconsul.conf: trigger.setle at line 1, column 23 (byte 22): this key is not known; did you mean "settle"?'),
    ("no attempts", '{"trigger": {"attempts": 0}}',
     'powerconsul.conf: trigger.attempts at line 1, column 26 (byte 25): "0" is not a whole number from 1 to 100'),
    ("too many attempts", '{"trigger": {"attempts": 101}}',
     'powerconsul.conf: trigger.attempts at line 1, column 26 (byte 25): "101" is not a whole number from 1 to 100'),
    ("an exit status of 0", '{"unknownExit": 0}',
     'powerconsul.conf: unknownExit at line 1, column 17 (byte 16): "0" is not one of 1, 2 and 3'),
    ("a user who is a number", '{"workUser": 33}',
     "powerconsul.conf: workUser at line 1, column 14 (byte 13): expected a text, found a number"),
    ("a format that is none", '{"format": "xml"}', 'powerconsul.conf: format: "xml" is neither "json" nor "text"'),
    ("a log that is nowhere", '{"log": "nowhere"}',
     'powerconsul.conf: log: "nowhere" is no destination for the log; expected none, stderr, syslog or the absolute '
     "path of a file or, with a / at its end, of a directory"),
    ("a level that is none", '{"logLevel": "all"}',
     'powerconsul.conf: logLevel at line 1, column 14 (byte 13): "all" is not a level of the log; expected '
     "error, warning, info or debug"),
    ("a takeover that is none", '{"takeoverOn": "passing"}',
     'powerconsul.conf: takeoverOn at line 1, column 16 (byte 15): "passing" is neither "critical" nor "warning"'),
    ("two ways of reading", '{"consistent": true, "healthCache": true}',
     "powerconsul.conf: consistent: with healthCache: what is in a cache is not consistent; choose one"),
    ("an expression that is none", '{"serviceFilter": "("}',
     'powerconsul.conf: serviceFilter at line 1, column 19 (byte 18): the expression "(" is refused at byte 1: '
     "missing closing parenthesis"),
    ("an expression that calls itself", '{"serviceFilter": "a(?R)?"}',
     'powerconsul.conf: serviceFilter at line 1, column 19 (byte 18): the expression "a(?R)?" is refused at byte '
     "1: (? is taken before : = ! <= <! > P< P= ( # and the flags i, m and s only"),
    ("names that are a list", '{"subVars": []}',
     "powerconsul.conf: subVars at line 1, column 13 (byte 12): expected an object, found a list"),
    ("a name that is empty", '{"subVars": {"@": "x"}}',
     'powerconsul.conf: subVars at line 1, column 19 (byte 18): a name is empty; name it as in "HOST"'),
    ("a name with a blank", '{"subVars": {"MY HOST": "x"}}',
     'powerconsul.conf: subVars at line 1, column 25 (byte 24): the name "MY HOST" has a blank, a control '
     'character or a brace; name it as in "HOST", and use it as @HOST or @{HOST}'),
    ("a name twice", '{"subVars": {"@A": "1", "A": "2"}}',
     "powerconsul.conf: subVars.A at line 1, column 30 (byte 29): the name comes twice; keep one"),
    ("a value that is null", '{"subVars": {"A": null}}',
     "powerconsul.conf: subVars.A at line 1, column 19 (byte 18): expected a text, found null"),
    ("40 000 names, one twice", '{"subVars": {' + ', '.join(f'"N{i}": 0' for i in range(40000)) + ', "@N7": 1}}',
     "powerconsul.conf: subVars.@N7 at line 1, column 508911 (byte 508910): the name comes twice; keep one"),
    ("services that are an object", '{"noopTriggers": {}}',
     "powerconsul.conf: noopTriggers at line 1, column 18 (byte 17): expected a list of service names, found an "
     "object"),
    ("a service that is a number", '{"noopTriggers": ["web", 5]}',
     "powerconsul.conf: noopTriggers[1] at line 1, column 26 (byte 25): expected the name of a service, found a "
     "number"),
]

PLACES = [
    ("no such file", no_file,
     'the configuration "powerconsul.conf" does not exist; write it, or let --config name another'),
    ("a folder", folder_there, 'the configuration: "powerconsul.conf" is not a regular file, and only such are read'),
    ("a FIFO", fifo_there, 'the configuration: "powerconsul.conf" is not a regular file, and only such are read'),
    ("a link to /dev/zero", link_to("/dev/zero"),
     'the configuration: "powerconsul.conf" is not a regular file, and only such are read'),
    ("a link to itself", link_to("powerconsul.conf"),
     'the configuration: cannot open "powerconsul.conf": Too many levels of symbolic links'),
    ("a file that everybody may change", of(0o646),
     'the configuration "powerconsul.conf" (owner root, mode 0646) can be changed by others; chmod go-w powerconsul.conf'),
    ("a file that its group may change", of(0o664),
     'the configuration "powerconsul.conf" (owner root, mode 0664) can be changed by its group; chmod go-w '
     "powerconsul.conf"),
    ("a file of somebody else", of(0o600, NOBODY),
     'the configuration "powerconsul.conf" (owner nobody, mode 0600) does not belong to root, who reads it; chown root '
     "powerconsul.conf && chmod go-w powerconsul.conf"),
    ("a link to a file that its group may change", link_to_shared,
     'the configuration "powerconsul.conf" (owner root, mode 0660) can be changed by its group; chmod go-w '
     "powerconsul.conf"),
    ("a file that may not be read", unreadable,
     'the configuration: cannot open "powerconsul.conf": Permission denied', "powerconsul.conf", AS_ANYBODY),
    ("10 GB of nothing", enormous,
     'the configuration: "powerconsul.conf" is larger than the 1048576 bytes that it may have'),
    ("1 MiB and a byte", mebibyte,
     'the configuration: "powerconsul.conf" is larger than the 1048576 bytes that it may have'),
    ("/dev/zero itself", no_file, 'the configuration: "/dev/zero" is not a regular file, and only such are read', "/dev/zero"),
    ("a file below a file", no_file,
     'the configuration "store.json/x" does not exist; write it, or let --config name another', "store.json/x"),
    ("a name of 300 bytes", no_file,
     "the configuration: cannot open "
     '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...": File name too long', "x" * 300),
    ("what cannot be read now", no_file, 'the configuration: cannot read "/proc/self/mem": Input/output error',
     "/proc/self/mem", (), 1),
    ("a newline in the name", no_file,
     r'the configuration "power\nconsul.conf" does not exist; write it, or let --config name another', "power\nconsul.conf"),
]

VARIABLES = [
    ("a misspelt one", {"POWERCONSUL_ENVIROMENT": "production"},
     '"POWERCONSUL_ENVIROMENT" is no variable of powerconsul; did you mean POWERCONSUL_ENVIRONMENT?'),
    ("one that is cut short", {"POWERCONSUL_TOKEN": "s3cret"},
     '"POWERCONSUL_TOKEN" is no variable of powerconsul; did you mean POWERCONSUL_TOKEN_FILE?'),
    ("a time that is none", {"POWERCONSUL_TIMEOUT": "abc"},
     'POWERCONSUL_TIMEOUT: "abc" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("a time below 0", {"POWERCONSUL_MAX_AGE": "-1s"},
     'POWERCONSUL_MAX_AGE: "-1s" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("a time that is too short", {"POWERCONSUL_TIMEOUT": "1ms"},
     'POWERCONSUL_TIMEOUT: expected at least 100ms, found "1ms"'),
    ("a format that is none", {"POWERCONSUL_FORMAT": "xml"},
     'POWERCONSUL_FORMAT: "xml" is neither "json" nor "text"'),
    ("an exit status of 7", {"POWERCONSUL_UNKNOWN_EXIT": "7"},
     'POWERCONSUL_UNKNOWN_EXIT: "7" is not one of 1, 2 and 3'),
    ("a flag that is neither", {"POWERCONSUL_CONSISTENT": "maybe"},
     'POWERCONSUL_CONSISTENT: "maybe" is neither "true" nor "false"'),
    ("a log that is nowhere", {"POWERCONSUL_LOG": "x"},
     'POWERCONSUL_LOG: "x" is no destination for the log; expected none, stderr, syslog or the absolute path of a file '
     "or, with a / at its end, of a directory"),
    ("a scheme that is none", {"POWERCONSUL_HTTP_ADDR": "ftp://localhost"},
     'POWERCONSUL_HTTP_ADDR: the address of Consul "ftp://localhost" has an unknown scheme; use http://, '
     "https:// or unix://"),
    ("a port out of range", {"CONSUL_HTTP_ADDR": "127.0.0.1:99999"},
     'CONSUL_HTTP_ADDR: the address of Consul "127.0.0.1:99999" has no port from 1 to 65535 behind the colon'),
    ("a flag of Consul that is neither", {"CONSUL_HTTP_SSL": "perhaps"},
     'CONSUL_HTTP_SSL: "perhaps" is neither "true" nor "false"'),
    ("a token with a blank", {"CONSUL_HTTP_TOKEN": "a b"},
     "CONSUL_HTTP_TOKEN holds something else than one secret id; set only that"),
    ("a password with a newline", {"CONSUL_HTTP_AUTH": "user:pass\nword"},
     "CONSUL_HTTP_AUTH is not user:password in one line"),
    ("a key without its certificate", {"CONSUL_CLIENT_KEY": "key.pem"},
     "CONSUL_CLIENT_KEY names a client key, but nothing names its certificate; give --client-cert, "
     "CONSUL_CLIENT_CERT or consul.clientCert too"),
    ("a configuration that is not there", {"POWERCONSUL_CONFIG": "none.conf"},
     'the configuration "none.conf" does not exist; write it, or let POWERCONSUL_CONFIG name another', 78),
    ("a store that is not there", {"POWERCONSUL_STORE": "none.json"},
     'the store file "none.json" does not exist; create it, an empty store is {}', 78),
    ("a token file that is not there", {"POWERCONSUL_TOKEN_FILE": "none"},
     'the token file "none" does not exist; write it, or name another', 78),
    ("a newline in the environment", {"POWERCONSUL_ENVIRONMENT": "prod\nuction"},
     r'the environment "prod\nuction" contains a control character; set clusterKey or --environment', 78),
    ("a node that is a path", {"POWERCONSUL_NODE": "a/b"},
     'the environment "a/b" contains \'/\', which would make it another key in Consul\'s KV store; set clusterKey '
     "or --environment", 78),
]

TOKENS = [
    ("a token that all may read", "1-2-3\n", 0o644,
     'the token file "token" (owner root, mode 0644) can be read by others; chmod 0600 token'),
    ("a token that all may write", "1-2-3\n", 0o602,
     'the token file "token" (owner root, mode 0602) can be changed by others; chmod 0600 token'),
    ("a token that its group may write", "1-2-3\n", 0o620,
     'the token file "token" (owner root, mode 0620) can be changed by its group; chmod 0600 token'),
    ("a token of somebody else", "1-2-3\n", 0o600,
     'the token file "token" (owner nobody, mode 0600) does not belong to root, who reads it; chown root token '
     "&& chmod 0600 token", 65534),
    ("no token", " \n", 0o600, 'the token file "token" is empty; write the secret id into it'),
    ("two tokens", "1-2-3\n4-5-6\n", 0o600,
     'the token file "token" holds something else than one secret id; write only that'),
    ("a token of 70 000 bytes", "x" * 70000, 0o600,
     'the token file: "token" is larger than the 65536 bytes that it may have'),
]

ROWS = [
    *(configured(*each) for each in TEXTS),
    *(checked(*each) for each in TEXTS[::5] if "this key is not known" not in each[2]),
    *(placed(*each) for each in PLACES),
    *(variable(*each) for each in VARIABLES),
    *(token(*each) for each in TOKENS),
    # Not the fault of who runs the check, and yet it is Consul that must see it.
    Row("check, a variable that is none", ["check", "process", "--name", "worker", "-S", "web", *WORLD], 1,
        env={"POWERCONSUL_TIMEOUT": "abc"}, files={"store.json": STORE},
        out='{"type":"process","process":"worker","expects":null,"clustered":null,"state":"unknown","code":1,'
            '"role":"unknown","reason":"worker cannot be judged: POWERCONSUL_TIMEOUT: \\"abc\\" is not a length of time; '
            'expected a number and ms, s, m, h or d, as in 8s","basis":"none"}\n'),
    Row("check, a configuration that cannot be read now",
        ["check", "process", "--name", "worker", "-S", "web", *WORLD, "--config", "/proc/self/mem"], 1,
        files={"store.json": STORE},
        out='{"type":"process","process":"worker","expects":null,"clustered":null,"state":"unknown","code":1,'
            '"role":"unknown","reason":"worker cannot be judged: the configuration: cannot read \\"/proc/self/mem\\": '
            'Input/output error","basis":"none"}\n'),
    Row("check, keys that are not known", [*CHECK, *WORLD, "--config", "powerconsul.conf"], 2,
        files={"store.json": STORE, "powerconsul.conf": '{"colour": 1, "trigger": {"pause": 2}}'},
        out='{"type":"process","process":"no-such-worker","expects":true,"clustered":false,"state":"critical","code":2,'
            '"role":"standalone","reason":"no-such-worker is stopped, standalone expects running: no process is there; '
            'there is no cluster document at cluster/production/web; keys of the configuration '
            'powerconsul.conf that are not known are ignored: colour and trigger.pause; see powerconsul lint '
            'powerconsul.conf","basis":"fresh"}\n'),
    Row("check, HOME of somebody else", [*CHECK, *WORLD], 2, files={"store.json": STORE}, prepare=others_home,
        through=AS_ANYBODY, env={"HOME": "FOLDER/home"},
        out='{"type":"process","process":"no-such-worker","expects":true,"clustered":false,"state":"critical","code":2,'
            '"role":"standalone","reason":"no-such-worker is stopped, standalone expects running: no process is there; '
            'there is no cluster document at cluster/production/web; the configuration '
            '\\"FOLDER/home/.powerconsul.conf\\" is passed over: this user may not read it, and HOME is another '
            'user\'s","basis":"fresh"}\n'),
    Row("role, HOME of somebody else", [*ROLE, *WORLD], 0, files={"store.json": STORE}, prepare=others_home,
        through=AS_ANYBODY, env={"HOME": "FOLDER/home"},
        out="service   web\nrole      standalone\nexpects   running\n"
            "why       there is no cluster document at cluster/production/web\n"
            "document  cluster/production/web\nbasis     fresh\n",
        err='powerconsul: the configuration "FOLDER/home/.powerconsul.conf" is passed over: this user may not read it, and '
            "HOME is another user's\n"),
    Row("the user's own file", [*ROLE, *WORLD], 78, files={".powerconsul.conf": '{"stateDirs": "x"}', "store.json": STORE},
        err="powerconsul: the configuration FOLDER/.powerconsul.conf: stateDirs at line 1, column 15 (byte 14): "
            'this key is not known; did you mean "stateDir"?\n'),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
