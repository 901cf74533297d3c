"""Command lines that are no good: missing, doubled, empty and unknown options, and bytes that are no text.

    POWERCONSUL=... python3 test_command_lines.py [part of a name] [--list] [--show]
"""
import json
import re
import subprocess
import sys

from rows import POWERCONSUL, Row, main

STORE = json.dumps({"agent": {"node": "production-web1", "datacenter": "hq"}, "datacenters": {"hq": {}}})
WORLD = ["--node", "production-web1", "--store", "store.json", "--state-dir", "state"]
# The processes are those of the machine: other tests run a worker at times.
HELD = ["check", "process", "--name", "no-such-worker", "-S", "web", "-F", "store.json", *WORLD]


def kinds_of_check():
    """As the program's own help lists them."""
    said = subprocess.run([POWERCONSUL, "--help"], capture_output=True, text=True, check=True).stdout
    return list(dict.fromkeys(re.findall(r"^  check (\w+)", said, re.MULTILINE)))


KINDS = kinds_of_check()


def usage(name, argv, err):
    return Row(name, argv, 64, err=f"powerconsul: {err}\n", files={"store.json": STORE})


def check(name, argv, head, reason):
    """A check that cannot be understood still prints its line and is unknown: a typing error must not look like a service
    that is down."""
    return Row(name, ["check", *argv], 1, files={"store.json": STORE},
               out=f'{{{head},"expects":null,"clustered":null,"state":"unknown","code":1,"role":"unknown",'
                   f'"reason":{json.dumps(reason, ensure_ascii=False)},"basis":"none"}}\n')


def wrapped(name, redirection, argv, code, out="", err=""):
    """With standard streams that are closed, or full."""
    return Row(name, argv, code, out=out, err=err, files={"store.json": STORE},
               through=["sh", "-c", f'exec "$@" {redirection}', "sh"])


USAGE = [
    ("no command", [], "a command is missing; see powerconsul --help"),
    ("an empty command", [""], "a command is missing; see powerconsul --help"),
    ("a misspelt command", ["chekc"],
     'the command "chekc" is not known, did you mean "check"; see powerconsul --help'),
    ("an unknown command", ["status"],
     'the command "status" is not known; expected check, watch, trigger, incidents, pause, resume, lint, role, '
     "acl-policy, config or doctor; see powerconsul --help"),
    ("help for an unknown command", ["status", "--help"],
     'the command "status" is not known; expected check, watch, trigger, incidents, pause, resume, lint, role, '
     "acl-policy, config or doctor; see powerconsul --help"),
    ("help on an unknown command", ["help", "status"],
     'the command "status" is not known; expected check, watch, trigger, incidents, pause, resume, lint, role, '
     "acl-policy, config or doctor; see powerconsul --help"),
    ("help for an unknown subject", ["watch", "red", "--help"],
     'the subject "red" is not known; expected warning or critical; see powerconsul watch --help'),
    ("a command of 100 000 bytes", ["x" * 100000],
     'the command "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." is not '
     "known; expected check, watch, trigger, incidents, pause, resume, lint, role, acl-policy, config or doctor; "
     "see powerconsul --help"),
    ("a command that is no text", [b"\xff\xfe"],
     'the command "��" is not known; expected check, watch, trigger, incidents, pause, resume, lint, role, '
     "acl-policy, config or doctor; see powerconsul --help"),
    ("a command with an escape sequence", ["\x1b[2J"],
     r'the command "\x1B[2J" is not known; expected check, watch, trigger, incidents, pause, resume, lint, role, '
     "acl-policy, config or doctor; see powerconsul --help"),
    ("a misspelt option alone", ["--verison"],
     'the option "verison" is not known, did you mean "version"; see powerconsul --help'),
    ("an option before no command", ["-S", "web"], "a command is missing; see powerconsul --help"),
    ("no subject", ["watch"], "watch needs a subject: warning or critical; see powerconsul watch --help"),
    ("an unknown subject", ["watch", "red"],
     'the subject "red" is not known; expected warning or critical; see powerconsul watch --help'),
    ("a misspelt subject", ["incidents", "akc"],
     'the subject "akc" is not known; expected ack; see powerconsul incidents --help'),
    ("a missing option", ["role"], "the option -S/--consulservice is missing; see powerconsul role --help"),
    ("a missing value", ["role", "-S"], "the option -S needs a value (NAME); see powerconsul role --help"),
    ("a missing value at the end", ["role", "-S", "web", "--store"],
     "the option --store needs a value (FILE); see powerconsul role --help"),
    ("an empty value", ["role", "-S", ""],
     "--consulservice has an empty value; leave it out or fill it; see powerconsul role --help"),
    ("an empty value behind =", ["role", "-S", "web", "--node="],
     "--node has an empty value; leave it out or fill it; see powerconsul role --help"),
    ("a doubled option", ["role", "-S", "web", "-S", "db"],
     "--consulservice is given more than once; give it once; see powerconsul role --help"),
    ("a doubled option, long and short", ["role", "--consulservice=web", "-S", "db"],
     "--consulservice is given more than once; give it once; see powerconsul role --help"),
    ("a doubled flag", ["role", "-S", "web", "--explain", "--explain"],
     "--explain is given more than once; give it once; see powerconsul role --help"),
    ("a flag with a value", ["role", "-S", "web", "--explain=yes"],
     "the option --explain takes no value; leave out what stands behind it; see powerconsul role --help"),
    ("a letter with =", ["role", "-S=web", *WORLD],
     'the option -S needs a value (NAME) behind a blank, found "=web"; write it without =; see powerconsul role '
     "--help"),
    ("an option for a value", ["role", "-S", "--node", "production-web1"],
     'the option -S needs a value (NAME), and the option "--node" follows; see powerconsul role --help'),
    ("an option for the value of a long one", ["role", "-S", "web", "--node", "--store", "x"],
     'the option --node needs a value (NAME), and the option "--store" follows; see powerconsul role --help'),
    ("help for a value", ["role", "-S", "--help"],
     'the option -S needs a value (NAME), and the option "--help" follows; see powerconsul role --help'),
    ("a misspelt option", ["role", "-S", "web", "--nod", "x"],
     'the option "nod" is not known, did you mean "node"; see powerconsul role --help'),
    ("a misspelt option behind others", ["role", "-S", "web", *WORLD, "--tokenfile=x"],
     'the option "tokenfile" is not known, did you mean "token-file"; see powerconsul role --help'),
    ("an option that is like none", ["role", "-S", "web", "--colour"],
     'the option "colour" is not known; see powerconsul role --help'),
    ("an unknown letter", ["role", "-S", "web", "-x"], 'the option "-x" is not known; see powerconsul role --help'),
    ("another command's option", ["role", "-S", "web", "--init-directory", "/x"],
     'the option "init-directory" is not known; see powerconsul role --help'),
    ("an option of 100 000 bytes", ["role", "-S", "web", "--" + "y" * 100000],
     'the option "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy..." is not '
     "known; see powerconsul role --help"),
    ("an option with a blank", ["role", "-S", "web", "--no de", "x"],
     'the option "no de" is not known, did you mean "node"; see powerconsul role --help'),
    ("an option that is no text", ["role", "-S", "web", b"--n\xffde", "x"],
     'the option "n�de" is not known, did you mean "node"; see powerconsul role --help'),
    ("an argument too many", ["role", "web", "db"],
     'the argument "db" is one too many; see powerconsul role --help'),
    ("two services", ["role", "-S", "web", "db", *WORLD],
     '"db" and -S "web" are two Consul services; name one; see powerconsul role --help'),
    ("a service without a name", ["role", "", *WORLD],
     "the name of the Consul service is empty; see powerconsul role --help"),
    ("an expectation that is none", ["role", "web", "--expect", "either", *WORLD],
     '--expect: expected running or stopped, found "either"'),
    ("a dash", ["role", "web", "-"], 'the argument "-" is one too many; see powerconsul role --help'),
    ("an argument behind --", ["role", "web", "--", "db"],
     'the argument "db" is one too many; see powerconsul role --help'),
    ("an option behind --", ["role", "--", "-S", "web"],
     'the argument "web" is one too many; see powerconsul role --help'),
    ("5 000 arguments", ["role", "-S", "web", *["db"] * 5000],
     'the argument "db" is one too many; see powerconsul role --help'),
    ("a second service to acknowledge", ["incidents", "ack", "web", "db", *WORLD],
     'the argument "db" is one too many; see powerconsul incidents ack --help'),
    ("no service to acknowledge", ["incidents", "ack", *WORLD],
     "the service is missing: powerconsul incidents ack <service>"),
    ("a time of 0", ["role", "-S", "web", *WORLD, "--timeout", "0"], '--timeout: expected at least 100ms, found "0"'),
    ("a time below 0", ["role", "-S", "web", *WORLD, "--timeout", "-5"],
     '--timeout: "-5" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("a time out of range", ["role", "-S", "web", *WORLD, "--timeout", "99999999999999999999"],
     '--timeout: "99999999999999999999" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("a time that is a float", ["role", "-S", "web", *WORLD, "--timeout", "1e3"],
     '--timeout: "1e3" is not a length of time; expected a number and ms, s, m, h or d, as in 8s'),
    ("a time of two days", ["role", "-S", "web", *WORLD, "--max-age", "2d"],
     '--max-age: "2d" is longer than the 1d that may be given'),
    ("a format that is none", ["role", "-S", "web", *WORLD, "--format", "yaml"],
     '--format: "yaml" is neither "json" nor "text"'),
    ("a service that is a path", ["role", "-S", "../db", *WORLD],
     'the Consul service name "../db" contains \'/\', which would make it another key in Consul\'s KV store'),
    ("a service that is ..", ["role", "-S", "..", *WORLD],
     'the Consul service name ".." would be another key in Consul\'s KV store'),
    ("a service with a newline", ["role", "-S", "we\nb", *WORLD],
     r'the Consul service name "we\nb" contains a control character'),
    ("a service that is no text", ["role", "-S", b"we\xffb", *WORLD],
     'the Consul service name "we�b" is not valid UTF-8'),
    ("a service of 100 000 bytes", ["role", "-S", "w" * 100000, *WORLD],
     'the Consul service name "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww..." '
     "is longer than 128 bytes"),
    ("a token", ["role", "-S", "web", "--token", "1-2-3"],
     "--token: everybody can see a command line; give the secret by --token-file or CONSUL_HTTP_TOKEN"),
    ("a token as for Consul", ["role", "-S", "web", "-token=1-2-3"],
     "--token: everybody can see a command line; give the secret by --token-file or CONSUL_HTTP_TOKEN"),
    ("a password", ["role", "-S", "web", "--http-auth", "me:secret"],
     "--http-auth: everybody can see a command line; give the secret by --http-auth-file or CONSUL_HTTP_AUTH"),
    ("no check to act on", ["trigger", "critical", *WORLD],
     "the option -s/--service is missing; see powerconsul trigger critical --help"),
    ("detached and dry", ["watch", "critical", "--detach", "--dry-run", *WORLD],
     "--detach and --dry-run: give one of them"),
    ("detached with its log on stderr", ["watch", "critical", "--detach", "--log", "stderr", *WORLD],
     "--detach leaves no stderr for the log; give --log another place"),
    ("nothing to lint", ["lint"],
     "what to look at is missing: name files, - for standard input, -S <service> or --all; see powerconsul lint "
     "--help"),
    ("something else to lint", ["lint", "--as", "poem", "store.json"],
     '--as: "poem" is none of "document", "trigger" and "configuration"'),
    ("a policy for nothing", ["acl-policy", "-S", "web", "--for", "fun", *WORLD],
     '--for: "fun" is neither all nor one of check, role, watch, trigger, lint, doctor and pause'),
]

CHECKS = [
    ("check, no subject", [],
     '"type":"","subject":""',
     f"the check cannot be judged: check needs a subject: {', '.join(KINDS[:-1])} or {KINDS[-1]}; see powerconsul check "
     "--help"),
    ("check, a misspelt subject", ["servce", "-s", "web", "-S", "web"],
     '"type":"","subject":""',
     'the check cannot be judged: the subject "servce" is not known, did you mean "service"; see powerconsul '
     "check --help"),
    ("check, help for a misspelt subject", ["servce", "--help"],
     '"type":"","subject":""',
     'the check cannot be judged: the subject "servce" is not known, did you mean "service"; see powerconsul '
     "check --help"),
    ("check, no service", ["service", "-S", "web"],
     '"type":"service","service":""',
     "the check cannot be judged: the option -s/--service is missing; see powerconsul check service --help"),
    ("check, no Consul service", ["service", "-s", "apache2", *WORLD],
     '"type":"service","service":"apache2"',
     "apache2 cannot be judged: the option -S/--consulservice is missing; see powerconsul check service --help"),
    ("check, an empty name to ignore", ["service", "-s", "apache2", "-S", "web", "--ignore", "a,,b"],
     '"type":"service","service":"apache2"',
     "apache2 cannot be judged: --ignore: a name is empty; see powerconsul check service --help"),
    ("check, all crontabs of the system", ["crontab", "--system", "-S", "web"],
     '"type":"crontab","crontab":"/etc/crontab"',
     "the system's crontab cannot be judged: --system needs -p/--pattern or -u/--user: every machine has some job; see "
     "powerconsul check crontab --help"),
    ("check, the system's crontabs elsewhere", ["crontab", "--system", "-u", "root", "--crontab-dir", "/x", "-S", "web"],
     '"type":"crontab","crontab":"/etc/crontab"',
     "the system's crontab cannot be judged: --system and --crontab-dir exclude each other: the one asks for the system's "
     "crontabs, the other for a user's; see powerconsul check crontab --help"),
    ("check, a misspelt option", ["service", "-s", "apache2", "--consulservic", "web"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: the option "consulservic" is not known, did you mean "consulservice"; see '
     "powerconsul check service --help"),
    ("check, a letter with =", ["service", "-s", "apache2", "-S=web"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: the option -S needs a value (NAME) behind a blank, found "=web"; write it '
     "without =; see powerconsul check service --help"),
    ("check, an unknown letter", ["service", "-s", "apache2", "-S", "web", "-x"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: the option "-x" is not known; see powerconsul check service --help'),
    ("check, a doubled option", ["service", "-s", "apache2", "-s", "nginx", "-S", "web"],
     '"type":"service","service":""',
     "the check cannot be judged: --service is given more than once; give it once; see powerconsul check service "
     "--help"),
    ("check, a process and a misspelt option", ["process", "--name=worker", "--user", "www", "-S", "web", "--cuont", "2:"],
     '"type":"process","process":"worker of user www"',
     'worker of user www cannot be judged: the option "cuont" is not known, did you mean "count"; see powerconsul check '
     "process --help"),
    ("check, an argument too many", ["service", "apache2", "-S", "web"],
     '"type":"service","service":""',
     'the check cannot be judged: the argument "apache2" is one too many; see powerconsul check service --help'),
    ("check, an exit status of 0", ["service", "-s", "apache2", "-S", "web", *WORLD, "--unknown-exit", "0"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: --unknown-exit: "0" is not one of 1, 2 and 3'),
    ("check, an exit status of 256", ["service", "-s", "apache2", "-S", "web", *WORLD, "--unknown-exit", "256"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: --unknown-exit: "256" is not one of 1, 2 and 3'),
    ("check, a manager that is none", ["service", "-s", "apache2", "-S", "web", *WORLD, "--service-manager", "upstart"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: --service-manager: "upstart" is not a service manager that is known here, expected '
     "systemd, sysv or openrc"),
    ("check, a service that is a path", ["service", "-s", "../apache2", "-S", "web", *WORLD],
     '"type":"service","service":"../apache2"',
     '../apache2 cannot be judged: -s/--service: "../apache2" cannot be the name of a local service: it starts '
     "with a hyphen or a dot"),
    ("check, a service that begins with a dash", ["service", "-s", "-x", "-S", "web", *WORLD],
     '"type":"service","service":"-x"',
     '-x cannot be judged: -s/--service: "-x" cannot be the name of a local service: it starts with a hyphen or a dot'),
    ("check, a service that is no text", ["service", "-s", b"apache\xff", "-S", b"we\xffb", *WORLD],
     '"type":"service","service":"apache�"',
     'apache� cannot be judged: -s/--service: "apache�" cannot be the name of a local service: only letters, '
     r"digits and @ _ . : + \ - are expected"),
    ("check, an empty service in a group", ["servicegroup", "-s", "apache2,,nginx", "-S", "web", *WORLD],
     '"type":"servicegroup","services":["apache2","","nginx"]',
     'apache2,,nginx cannot be judged: -s/--service: "" cannot be the name of a local service: it is empty'),
    ("check, a service twice in a group", ["servicegroup", "-s", "nginx,nginx", "-S", "web", *WORLD],
     '"type":"servicegroup","services":["nginx","nginx"]',
     'nginx,nginx cannot be judged: -s/--service names "nginx" twice; see powerconsul check servicegroup --help'),
    ("check, an age without a file", ["service", "-s", "apache2", "-S", "web", *WORLD, "--noop-max-age", "1h"],
     '"type":"service","service":"apache2"',
     "apache2 cannot be judged: --noop-max-age needs -F/--noopfile; see powerconsul check service --help"),
    ("check, an age that is none", ["service", "-s", "apache2", "-S", "web", *WORLD, "-F", "x", "--noop-max-age", "soon"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: --noop-max-age: "soon" is not a length of time; expected a number and ms, s, m, '
     "h or d, as in 8s"),
    ("check, work that is no expression", ["service", "-s", "apache2", "-S", "web", *WORLD, "-R", "["],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: -R/--procre: the expression "[" is refused at byte 1: missing '
     "terminating ] for character class; see powerconsul check service --help"),
    ("check, work that is everything", ["service", "-s", "apache2", "-S", "web", *WORLD, "-R", "x*"],
     '"type":"service","service":"apache2"',
     'apache2 cannot be judged: -R/--procre: the expression "x*" matches every process, expected is one that '
     "does not match an empty text; see powerconsul check service --help"),
    ("check, work of a user who is not there",
     ["service", "-s", "apache2", "-S", "web", *WORLD, "-P", "x", "--work-user", ""],
     '"type":"service","service":"apache2"',
     "apache2 cannot be judged: --work-user has an empty value; leave it out or fill it; see powerconsul check "
     "service --help"),
    ("check, work of a user without a name", ["service", "-s", "apache2", "-S", "web", *WORLD, "-P", "x", "--work-user"],
     '"type":"service","service":"apache2"',
     "apache2 cannot be judged: the option --work-user needs a value (NAME); see powerconsul check service --help"),
    ("check, containers with a value", ["service", "-s", "apache2", "-S", "web", *WORLD, "--containers=yes"],
     '"type":"service","service":"apache2"',
     "apache2 cannot be judged: the option --containers takes no value; leave out what stands behind it; see "
     "powerconsul check service --help"),
    ("check, containers twice", ["process", "--name", "x", "-S", "web", "--containers", "--containers"],
     '"type":"process","process":"x"',
     "x cannot be judged: --containers is given more than once; give it once; see powerconsul check process --help"),
    ("check, a misspelt user of the work", ["process", "--name", "x", "-S", "web", "--workuser", "y"],
     '"type":"process","process":"x"',
     'x cannot be judged: the option "workuser" is not known, did you mean "work-user"; see powerconsul check '
     "process --help"),
    ("check, no process", ["process", "-S", "web", *WORLD],
     '"type":"process","process":""',
     "the check cannot be judged: one of -n/--nagiosargs, --name, --cmdline and -u/--user is missing; see "
     "powerconsul check process --help"),
    ("check, a process that is empty", ["process", "--name", "", "-S", "web"],
     '"type":"process","process":""',
     "the check cannot be judged: --name has an empty value; leave it out or fill it; see powerconsul check "
     "process --help"),
    ("check, a process that is a path", ["process", "--name", "/bin/sh", "-S", "web", *WORLD],
     '"type":"process","process":"/bin/sh"',
     '/bin/sh cannot be judged: "/bin/sh" is a path, and processes have names: give its last part; see '
     "powerconsul check process --help"),
    ("check, a count that is none", ["process", "--name", "sh", "--count", "a:b", "-S", "web", *WORLD],
     '"type":"process","process":"sh"',
     'sh cannot be judged: --count: "a:b" is no range for a count of processes: write min:max, min: or :max with '
     "whole numbers from 1 up to 4194304"),
    ("check, a count backwards", ["process", "--name", "sh", "--count", "5:1", "-S", "web", *WORLD],
     '"type":"process","process":"sh"',
     'sh cannot be judged: --count: "5:1" is no range for a count of processes: it ends before it starts, write '
     "min:max, min: or :max with whole numbers from 1 up to 4194304"),
    ("check, a count out of range", ["process", "--name", "sh", "--count", "99999999999999999999:", "-S", "web", *WORLD],
     '"type":"process","process":"sh"',
     'sh cannot be judged: --count: "99999999999999999999:" is no range for a count of processes: write min:max, '
     "min: or :max with whole numbers from 1 up to 4194304"),
    ("check, a plugin and a name", ["process", "--name", "sh", "-n", "-c 1:", "-S", "web", *WORLD],
     '"type":"process","nagiosArgs":"-c 1:"',
     "check_procs -c 1: cannot be judged: -n/--nagiosargs and --name exclude each other: the one asks "
     "check_procs, the other looks itself; see powerconsul check process --help"),
    ("check, a quote that is open", ["process", "-n", "-c 1: -C 'sh", "-S", "web", *WORLD],
     '"type":"process","nagiosArgs":"-c 1: -C \'sh"',
     'check_procs -c 1: -C \'sh cannot be judged: -n/--nagiosargs: cannot split "-c 1: -C \'sh" into words: the '
     r"quote ' at byte 9 is not closed; close it, or write \' for a plain one"),
    ("check, a command line that is no expression", ["process", "--cmdline", "(", "-S", "web", *WORLD],
     r'"type":"process","process":"process with command line \"(\""',
     'process with command line "(" cannot be judged: --cmdline: the expression "(" is refused at byte 1: '
     "missing closing parenthesis; see powerconsul check process --help"),
    ("check, a command line that calls itself", ["process", "--cmdline", "a(?R)?c", "-S", "web", *WORLD],
     r'"type":"process","process":"process with command line \"a(?R)?c\""',
     'process with command line "a(?R)?c" cannot be judged: --cmdline: the expression "a(?R)?c" is refused at byte '
     "1: (? is taken before : = ! <= <! > P< P= ( # and the flags i, m and s only; see powerconsul check process "
     "--help"),
    ("check, no port", ["tcp", "-S", "web", *WORLD],
     '"type":"tcp","port":""',
     "the check cannot be judged: the option -p/--port is missing; see powerconsul check tcp --help"),
    ("check, a port out of range", ["tcp", "-p", "65536", "--host", "db", "-S", "web", *WORLD],
     '"type":"tcp","port":"65536"',
     'port 65536 of db cannot be judged: -p/--port: "65536" is not a number from 1 to 65535'),
    ("check, a port by name", ["tcp", "-p", "ssh", "-S", "web", *WORLD],
     '"type":"tcp","port":"ssh"',
     'port ssh of localhost cannot be judged: -p/--port: "ssh" is not a number from 1 to 65535'),
    ("check, no address", ["http", "-S", "web", *WORLD],
     '"type":"http","url":""',
     "the check cannot be judged: the address to ask is missing; see powerconsul check http --help"),
    ("check, an address without a scheme", ["http", "localhost/health", "-S", "web", *WORLD],
     '"type":"http","url":"localhost/health"',
     'localhost/health cannot be judged: "localhost/health" is not a web address: the scheme is neither http nor https; '
     "expected http://host:port/path or https://…"),
    ("check, statuses backwards", ["http", "http://localhost/", "--expect", "399-200", "-S", "web", *WORLD],
     '"type":"http","url":"http://localhost/"',
     'http://localhost/ cannot be judged: --expect: "399-200" is no range of HTTP statuses; expected 100 to 599, as in '
     "200-399 or 200"),
    ("check, two addresses", ["http", "http://a/", "http://b/", "-S", "web", *WORLD],
     '"type":"http","url":"http://a/"',
     'http://a/ cannot be judged: the argument "http://b/" is one too many; see powerconsul check http --help'),
    ("check, no user", ["crontab", "-S", "web", *WORLD],
     '"type":"crontab","crontab":""',
     "the check cannot be judged: the option -u/--user is missing; see powerconsul check crontab --help"),
]

STANDALONE = ("service   web\nrole      standalone\nexpects   running\n"
              "why       there is no cluster document at cluster/production/web\n"
              "document  cluster/production/web\nbasis     fresh\n")
FULL = "powerconsul: cannot write to standard output: No space left on device\n"
CLOSED = "powerconsul: cannot write to standard output: Bad file descriptor\n"

ROWS = [
    *(usage(*each) for each in USAGE),
    *(check(*each) for each in CHECKS),
    # A verdict that nobody could read was not given: of these only the first is passing for Consul.
    wrapped("a check that is passing", ">/dev/null", HELD, 0),
    wrapped("a check on a full disk", ">/dev/full", HELD, 1, err=FULL),
    wrapped("a check without standard output", ">&-", HELD, 1, err=CLOSED),
    wrapped("a check without any stream", "<&- >&- 2>&-", HELD, 1),
    wrapped("a check that is critical on a full disk", ">/dev/full", HELD[:6] + HELD[8:], 2,
            err=FULL),
    wrapped("a role on a full disk", ">/dev/full", ["role", "-S", "web", *WORLD], 1, err=FULL),
    wrapped("a role without standard input and error", "<&- 2>&-", ["role", "-S", "web", *WORLD], 0, out=STANDALONE),
    wrapped("help on a full disk", ">/dev/full", ["--help"], 1, err=FULL),
    wrapped("a trigger without standard input", "<&-", ["trigger", "critical", "-s", "-", *WORLD], 65,
            err="powerconsul: cannot read \"standard input\": Bad file descriptor; expected one check as JSON; see powerconsul trigger "
                "--help\n"),
    # What begins with a dash and is meant.
    Row("a service that begins with a dash", ["role", "-S", "-web", *WORLD], 0, files={"store.json": STORE},
        out=STANDALONE.replace("   web\n", "   -web\n").replace("production/web", "production/-web")),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
