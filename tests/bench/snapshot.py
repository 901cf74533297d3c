#!/usr/bin/env python3
"""Writes what a Consul watch of type `checks` gives its handler: N critical checks, none of them of this node.

usage: snapshot.py N >snapshot.json

About 370 bytes a check, as Consul writes them: on one line, in the order of nodes, most with an output of our own or of
another plugin, every third with one that has escapes or letters beyond ASCII. The same N gives the same bytes.
"""
import json
import sys

SERVICES = ["web", "mail", "postgresql", "rabbitmq", "haproxy", "memcached", "cron", "ldap"]
OUTPUTS = [
    '{"type":"service","service":"%s","expects":true,"clustered":true,"state":"critical","code":2,"role":"primary",'
    '"reason":"stopped","basis":"fresh"}\n',
    "CRITICAL - Socket timeout after 10 seconds: %s\n",
    'Get "http://127.0.0.1:8080/health": dial tcp 127.0.0.1:8080: connect: connection refused',
    "HTTP GET http://10.0.0.7/: 503 Service Unavailable Output: <h1>%s \u2013 nicht verf\u00fcgbar</h1>\n",
    "%s is stopped (init script exits 3)\n\tsee \"/var/log/syslog\"\n",
]


def check(number):
    service = SERVICES[number % len(SERVICES)]
    output = OUTPUTS[number % len(OUTPUTS)]
    index = 1_000_000 + 17 * number
    return {
        "Node": f"production-web{number // len(SERVICES) + 1:05}",
        "CheckID": f"{service}-role",
        "Name": f"{service} is as its role demands",
        "Status": "critical",
        "Notes": "",
        "Output": output % service if "%s" in output else output,
        "ServiceID": service,
        "ServiceName": service,
        "ServiceTags": ["production", "v2"] if number % 4 == 0 else [],
        "Type": "script",
        "Definition": {},
        "CreateIndex": index,
        "ModifyIndex": index + 5,
    }


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    checks = [check(number) for number in range(int(sys.argv[1]))]
    # Go escapes these three in every string, and nothing beyond ASCII.
    text = json.dumps(checks, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    sys.stdout.buffer.write(text.encode() + b"\n")


main()
