"""Cluster documents that are no good, as `role` and `check` see them: unknown, with what is wrong, where, what to do.

    POWERCONSUL=... python3 test_documents.py [part of a name] [--list] [--show]
"""
import base64
import json
import sys

from rows import Row, main

#: Consul takes no longer values.
LARGEST = 512 * 1024
PAIR = b'{"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}'
KEY = "cluster/production/web"
WORLD = ["--node", "production-web1", "--store", "store.json", "--state-dir", "state"]


def store(document):
    """A store file whose document is these bytes, which need not be text."""
    value = {KEY: base64.b64encode(document).decode()}
    return json.dumps({"agent": {"node": "production-web1", "datacenter": "hq"},
                       "datacenters": {"hq": {"kv_base64": value}}})


def role(name, document, why):
    return Row(name, ["role", "-S", "web", *WORLD], 65, files={"store.json": store(document)},
               out="service   web\nrole      unknown\nexpects   unknown\n"
                   f"why       the cluster document {KEY}: {why}\n"
                   f"document  {KEY} (ModifyIndex 2)\nbasis     none\n")


def check(name, document, why):
    """No service is healed or taken out of DNS for it: the state is unknown, and Consul sees a warning."""
    reason = json.dumps(f"worker cannot be judged: the cluster document {KEY}: {why}", ensure_ascii=False)
    return Row("check, " + name, ["check", "process", "--name", "worker", "-S", "web", *WORLD], 1,
               files={"store.json": store(document)},
               out='{"type":"process","process":"worker","expects":null,"clustered":true,"state":"unknown","code":1,'
                   f'"role":"unknown","reason":{reason},"basis":"none"}}\n')


def expression(text):
    return json.dumps({"filter": {text: {"mode": "all-active"}}}).encode()


DOCUMENTS = [
    # What is no JSON at all, or not all of one.
    ("nothing", b"", "the value is empty; delete the key to make the service standalone"),
    ("blanks", b" \n",
     "not valid JSON at line 2, column 1 (byte 2): it is nothing but white space; expected one value"),
    ("a text", b"production-web1",
     'not valid JSON at line 1, column 1 (byte 0): expected a value, found "production-web1"'),
    ("a script", b"#!/bin/sh\necho production-web1\n",
     'not valid JSON at line 1, column 1 (byte 0): expected a value, found "#"; JSON has no comments'),
    ("YAML", b"active_nodes: [production-web1]\n",
     'not valid JSON at line 1, column 1 (byte 0): expected a value, found "active_nodes"'),
    ("a page", b"<html><body>502</body></html>",
     'not valid JSON at line 1, column 1 (byte 0): expected a value, found "<"'),
    ("cut off in a name", PAIR[:8],
     "not valid JSON at line 1, column 9 (byte 8): a string does not end; its closing quote is missing, or the "
     "text was cut off"),
    ("cut off in a list", PAIR[:35],
     'not valid JSON at line 1, column 36 (byte 35): expected "," or "]", found the end of the text; it was cut off'),
    ("cut off at the end", PAIR[:-1],
     'not valid JSON at line 1, column 75 (byte 74): expected "," or "}", found the end of the text; it was cut off'),
    ("two documents", PAIR + b"\n" + PAIR,
     'not valid JSON at line 2, column 1 (byte 76): expected nothing behind the value, found "{"'),
    ("a byte order mark", b"\xef\xbb\xbf" + PAIR,
     "not valid JSON at line 1, column 1 (byte 0): a byte order mark; save the text as UTF-8 without one"),
    ("UTF-16", PAIR.decode().encode("utf-16"),
     "not valid JSON at line 1, column 1 (byte 0): expected a value, found the bytes of UTF-16; save the text as "
     "UTF-8"),
    ("latin 1", b'{"active_nodes": ["m\xfcnchen1"], "standby_nodes": ["b"]}',
     "not valid JSON at line 1, column 21 (byte 20): the byte 0xFC is no UTF-8; save the text as UTF-8"),
    ("an overlong slash", b'{"active_nodes": ["a\xc0\xaf"], "standby_nodes": ["b"]}',
     "not valid JSON at line 1, column 21 (byte 20): the byte 0xC0 is no UTF-8; save the text as UTF-8"),
    ("half a surrogate pair", b'{"active_nodes": ["\\ud800"], "standby_nodes": ["b"]}',
     "not valid JSON at line 1, column 20 (byte 19): half of a surrogate pair; write both halves, or the "
     "character itself"),
    ("no UTF-8 before it", b"\xff" + PAIR,
     "not valid JSON at line 1, column 1 (byte 0): expected a value, found the byte 0xFF"),
    ("NUL alone", b"\0", "not valid JSON at line 1, column 1 (byte 0): a NUL byte; remove it"),
    ("NUL behind it", PAIR + b"\0", "not valid JSON at line 1, column 76 (byte 75): a NUL byte; remove it"),
    ("NUL in a name", PAIR.replace(b"web1", b"web\0"),
     "not valid JSON at line 1, column 34 (byte 33): a NUL byte; remove it"),
    ("a newline in a name", PAIR.replace(b"web1", b"web\n1"),
     r"not valid JSON at line 1, column 34 (byte 33): the control character 0x0A in a string; write it as \n"),
    ("single quotes", b"{'active_nodes': ['a']}",
     "not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found a single quote; JSON "
     "has double quotes alone"),
    ("names without quotes", b'{active_nodes: ["a"]}',
     'not valid JSON at line 1, column 2 (byte 1): expected a name in double quotes, found "active_nodes"'),
    ("a comment", b'{"active_nodes": ["a"], // the old one\n "standby_nodes": ["b"]}',
     "not valid JSON at line 1, column 25 (byte 24): expected a name in double quotes behind the comma, found "
     '"/"; JSON has no comments'),
    ("a comma too many in a list", b'{"active_nodes": ["a",],\n "standby_nodes": ["b"]}',
     'not valid JSON at line 1, column 23 (byte 22): expected a value behind the comma, found "]"'),
    ("a comma too many in the document", b'{"active_nodes": ["a"],\n "standby_nodes": ["b"],\n}',
     'not valid JSON at line 3, column 1 (byte 49): expected a name in double quotes behind the comma, found "}"'),
    ("no comma", b'{"active_nodes": ["a"]\n "standby_nodes": ["b"]}',
     'not valid JSON at line 2, column 2 (byte 24): expected "," or "}", found a string'),
    ("no colon", b'{"active_nodes" ["a"]}',
     'not valid JSON at line 1, column 17 (byte 16): expected ":" behind the name, found "["'),
    ("a backslash", b'{"active_nodes": ["DOMAIN\\web1"]}',
     r'not valid JSON at line 1, column 26 (byte 25): "\w" is no escape; write \\ for a backslash'),
    ("NaN", b'{"active_nodes": [NaN]}',
     'not valid JSON at line 1, column 19 (byte 18): expected a value, found "NaN"'),
    ("a leading zero", b'{"active_nodes": [01]}',
     "not valid JSON at line 1, column 19 (byte 18): a number that begins with 0; leave the 0 out, or write a string"),
    ("a number that no double holds", b'{"active_nodes": ["a", 1e999]}',
     "not valid JSON at line 1, column 24 (byte 23): the number is too large; expected less than 1e308"),
    ("10 000 lists in one another", b"[" * 10000 + b"]" * 10000,
     "not valid JSON at line 1, column 65 (byte 64): it is nested more than the 64 deep that are taken"),
    ("10 000 objects in one another", b'{"a":' * 10000 + b"1" + b"}" * 10000,
     "not valid JSON at line 1, column 321 (byte 320): it is nested more than the 64 deep that are taken"),
    ("10 000 lists in a comment", PAIR[:-1] + b', "note": ' + b"[" * 10000 + b"]" * 10000 + b"}",
     "not valid JSON at line 1, column 148 (byte 147): it is nested more than the 64 deep that are taken"),
    ("512 KiB of brackets", b"[" * LARGEST,
     "not valid JSON at line 1, column 65 (byte 64): it is nested more than the 64 deep that are taken"),
    ("512 KiB of blanks", b" " * LARGEST,
     "not valid JSON at line 1, column 524289 (byte 524288): it is nothing but white space; expected one value"),
    ("512 KiB of one name", b'{"active_nodes": ["' + b"x" * (LARGEST - 19),
     "not valid JSON at line 1, column 524289 (byte 524288): a string does not end; its closing quote is "
     "missing, or the text was cut off"),
    # Wrong types, at every place.
    ("null", b"null", "the document at line 1, column 1 (byte 0): expected an object, found null"),
    ("true", b"true", "the document at line 1, column 1 (byte 0): expected an object, found true or false"),
    ("a number", b"12", "the document at line 1, column 1 (byte 0): expected an object, found a number"),
    ("a string", b'"production-web1"',
     "the document at line 1, column 1 (byte 0): expected an object, found a string"),
    ("a list", b'["production-web1"]', "the document at line 1, column 1 (byte 0): expected an object, found a list"),
    ("actives are null", b'{"active_nodes": null, "standby_nodes": ["b"]}',
     "active_nodes at line 1, column 18 (byte 17): expected a list of names, found null"),
    ("actives are a number", b'{"active_nodes": 7, "standby_nodes": ["b"]}',
     "active_nodes at line 1, column 18 (byte 17): expected a list of names, found a number"),
    ("actives are an object", b'{"active_nodes": {"a": 1}, "standby_nodes": ["b"]}',
     "active_nodes at line 1, column 18 (byte 17): expected a list of names, found an object"),
    ("standbys are false", b'{"active_nodes": ["a"], "standby_nodes": false}',
     "standby_nodes at line 1, column 42 (byte 41): expected a list of names, found true or false"),
    ("a name is null", b'{"active_nodes": ["a", null], "standby_nodes": ["b"]}',
     "active_nodes[1] at line 1, column 24 (byte 23): expected a name, found null"),
    ("a name is a list", b'{"active_nodes": [["a"]], "standby_nodes": ["b"]}',
     "active_nodes[0] at line 1, column 19 (byte 18): expected a name, found a list"),
    ("a name is an object", b'{"active_nodes": ["a"], "standby_nodes": [{"Node": "b"}]}',
     "standby_nodes[0] at line 1, column 43 (byte 42): expected a name, found an object"),
    ("a datacenter is a number", b'{"active_datacenters": [1], "standby_datacenters": ["dr"]}',
     "active_datacenters[0] at line 1, column 25 (byte 24): expected a name, found a number"),
    ("a number out of range for a list", b'{"active_nodes": -99999999999999999999999999, "standby_nodes": ["b"]}',
     "active_nodes at line 1, column 18 (byte 17): expected a list of names, found a number"),
    ("the mode is null", b'{"mode": null}',
     'mode at line 1, column 10 (byte 9): expected "all-active", the only mode, found null'),
    ("the mode is another", b'{"mode": "all_active"}',
     'mode at line 1, column 10 (byte 9): expected "all-active", the only mode, found "all_active"'),
    ("the filter is null", b'{"filter": null}',
     "filter at line 1, column 12 (byte 11): expected an object, found null"),
    ("the filter is a list", b'{"filter": ["^production"]}',
     "filter at line 1, column 12 (byte 11): expected an object, found a list"),
    ("a group is a string", b'{"filter": {"^production": "production-web1"}}',
     'filter."^production" at line 1, column 28 (byte 27): expected an object, found a string'),
    # What is whole and says nothing, or two things.
    ("an empty object", b"{}",
     "the document at line 1, column 1 (byte 0): expected active_nodes with standby_nodes, active_datacenters "
     "with standby_datacenters, filter, or mode"),
    ("an empty list of actives", b'{"active_nodes": [], "standby_nodes": ["b"]}',
     "active_nodes at line 1, column 18 (byte 17): the list is empty; name at least one"),
    ("one list", b'{"active_nodes": ["a"]}',
     "the document at line 1, column 1 (byte 0): standby_nodes is missing; both lists are needed"),
    ("a misspelt list", b'{"active_node": ["a"], "standby_nodes": ["b"]}',
     'the document at line 1, column 2 (byte 1): "active_node" is not known; did you mean "active_nodes"?'),
    ("two misspelt lists", b'{"activ_nodes": ["a"], "standbynodes": ["b"]}',
     'the document at line 1, column 2 (byte 1): "activ_nodes" is not known; did you mean "active_nodes"?'),
    ("a list twice", b'{"active_nodes": ["a"], "standby_nodes": ["c"],\n "active_nodes": ["b"]}',
     'the document at line 2, column 2 (byte 49): the name "active_nodes" comes twice; keep one'),
    ("a comment twice", b'{"note": 1, "note": 2, "active_nodes": ["a"], "standby_nodes": ["c"]}',
     'the document at line 1, column 13 (byte 12): the name "note" comes twice; keep one'),
    ("a node in both lists", b'{"active_nodes": ["a", "web.example.org"],\n "standby_nodes": ["b", "WEB"]}',
     'the document at line 2, column 25 (byte 67): "web.example.org" is both active and standby'),
    ("lists of both kinds", b'{"active_nodes": ["a"], "standby_datacenters": ["dr"]}',
     "the document at line 1, column 1 (byte 0): lists of nodes and of datacenters exclude each other; keep one kind"),
    ("singular and plural", b'{"active_datacenters": ["hq"], "active_datacenter": "hq", "standby_datacenter": "dr"}',
     "active_datacenter at line 1, column 32 (byte 31): stands beside active_datacenters; keep one of the two"),
    ("a mode and a list", b'{"mode": "all-active", "active_nodes": ["a"], "standby_nodes": ["b"]}',
     "mode at line 1, column 10 (byte 9): all-active has no lists; remove one or the other"),
    ("no expression", b'{"filter": {}}',
     'filter at line 1, column 12 (byte 11): has no expression; expected one, as in {"^production-web": '
     '{"active_nodes": …}}'),
    ("an empty group", b'{"filter": {"^production": {}}}',
     'filter."^production" at line 1, column 28 (byte 27): expected active_nodes with standby_nodes, '
     "active_datacenters with standby_datacenters, filter, or mode"),
    ("a filter in a filter", b'{"filter": {"^production": {"filter": {"^production-web": {"mode": "all-active"}}}}}',
     'filter."^production" at line 1, column 29 (byte 28): a filter within a filter is not taken; expected the '
     "lists or mode"),
    ("an expression twice", b'{"filter": {"^p": {"mode": "all-active"}, "^p": {"mode": "all-active"}}}',
     'filter at line 1, column 43 (byte 42): the name "^p" comes twice; keep one'),
    ("two expressions that match", b'{"filter": {"^p": {"mode": "all-active"}, "^pr": {"mode": "all-active"}}}',
     'filter: both "^p" and "^pr" match node "production-web1"; exactly one expression must'),
    ("no expression that matches", b'{"filter": {"^staging": {"mode": "all-active"}}}',
     "no filter expression matches node production-web1"),
    ("a node that is in no list", b'{"active_nodes": ["a"], "standby_nodes": ["b"]}',
     "node production-web1 is neither in active_nodes nor in standby_nodes"),
    ("a datacenter that is in no list", b'{"active_datacenters": ["a"], "standby_datacenters": ["b"]}',
     "datacenter hq is neither in active_datacenters nor in standby_datacenters"),
    ("20 000 names on each side, one on both", json.dumps({"active_nodes": [f"a{i}" for i in range(20000)],
                 "standby_nodes": [f"b{i}" for i in range(20000)] + ["a9999"]}).encode(),
     'the document at line 1, column 377818 (byte 377817): "a9999" is both active and standby'),
    ("40 000 comments, one twice", (PAIR[:-1] + b"".join(b', "n%d":0' % i for i in range(40000)) + b', "n7": 1}'),
     'the document at line 1, column 468967 (byte 468966): the name "n7" comes twice; keep one'),
    ("200 000 numbers for names", b'{"active_nodes": [1' + b",1" * 200000 + b'], "standby_nodes": ["b"]}',
     "active_nodes[0] at line 1, column 19 (byte 18): expected a name, found a number"),
    # Names that no node has.
    ("an empty name", b'{"active_nodes": [""], "standby_nodes": ["b"]}',
     'active_nodes[0] at line 1, column 19 (byte 18): the name "" is empty; expected the name of one node or '
     "datacenter"),
    ("a blank", b'{"active_nodes": ["a"], "standby_nodes": [" "]}',
     'standby_nodes[0] at line 1, column 43 (byte 42): the name " " begins or ends with a space; expected the '
     "name of one node or datacenter"),
    ("a NUL", b'{"active_nodes": ["a\\u0000b"], "standby_nodes": ["b"]}',
     r'active_nodes[0] at line 1, column 19 (byte 18): the name "a\x00b" contains a control character; expected '
     "the name of one node or datacenter"),
    ("a newline", b'{"active_nodes": ["a\\nb"], "standby_nodes": ["b"]}',
     r'active_nodes[0] at line 1, column 19 (byte 18): the name "a\nb" contains a control character; expected the '
     "name of one node or datacenter"),
    ("an escape sequence", b'{"active_nodes": ["\\u001b[31mred"], "standby_nodes": ["b"]}',
     r'active_nodes[0] at line 1, column 19 (byte 18): the name "\x1B[31mred" contains a control character; '
     "expected the name of one node or datacenter"),
    ("a path", b'{"active_nodes": ["../a"], "standby_nodes": ["b"]}',
     'active_nodes[0] at line 1, column 19 (byte 18): the name "../a" contains \'/\'; expected the name of one '
     "node or datacenter"),
    ("129 bytes", b'{"active_nodes": ["' + b"x" * 129 + b'"], "standby_nodes": ["b"]}',
     "active_nodes[0] at line 1, column 19 (byte 18): the name "
     '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." is longer than 128 '
     "bytes; expected the name of one node or datacenter"),
    # Expressions that are none, would mean something else than in Python, or take all time or memory.
    ("an empty expression", expression(""),
     'filter at line 1, column 13 (byte 12): the expression "" is refused at byte 0: it is empty'),
    ("an open group", expression("("),
     'filter at line 1, column 13 (byte 12): the expression "(" is refused at byte 1: missing closing '
     "parenthesis"),
    ("an open bracket", expression("[a"),
     'filter at line 1, column 13 (byte 12): the expression "[a" is refused at byte 2: missing terminating ] '
     "for character class"),
    ("a range backwards", expression("[z-a]"),
     'filter at line 1, column 13 (byte 12): the expression "[z-a]" is refused at byte 3: range out of order '
     "in character class"),
    ("a class that is none", expression("[[:foo:]]"),
     'filter at line 1, column 13 (byte 12): the expression "[[:foo:]]" is refused at byte 3: unknown POSIX '
     "class name"),
    ("a count backwards", expression("a{2,1}"),
     'filter at line 1, column 13 (byte 12): the expression "a{2,1}" is refused at byte 5: numbers out of '
     "order in {} quantifier"),
    ("nothing to repeat", expression("*"),
     'filter at line 1, column 13 (byte 12): the expression "*" is refused at byte 0: quantifier does not '
     "follow a repeatable item"),
    ("a backslash at the end", expression("a\\"),
     r'filter at line 1, column 13 (byte 12): the expression "a\" is refused at byte 2: \ at end of pattern'),
    ("513 bytes", expression("a" * 513),
     "filter at line 1, column 13 (byte 12): the expression "
     '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..." is refused at byte '
     "512: it is longer than 512 bytes"),
    ("a look-behind of any length", expression("(?<=a+)b"),
     'filter at line 1, column 13 (byte 12): the expression "(?<=a+)b" is refused at byte 0: lookbehind '
     "assertion is not fixed length"),
    ("a recursion", expression("(?R)"),
     'filter at line 1, column 13 (byte 12): the expression "(?R)" is refused at byte 0: (? is taken before : '
     "= ! <= <! > P< P= ( # and the flags i, m and s only"),
    ("a group named as in Perl", expression("(?<env>production)"),
     'filter at line 1, column 13 (byte 12): the expression "(?<env>production)" is refused at byte 0: (? is '
     "taken before : = ! <= <! > P< P= ( # and the flags i, m and s only"),
    ("a verb", expression("(*ACCEPT)web"),
     'filter at line 1, column 13 (byte 12): the expression "(*ACCEPT)web" is refused at byte 0: (*...) is '
     r'not taken; write \( for a plain ('),
    ("flags behind the start", expression("web(?i)1"),
     'filter at line 1, column 13 (byte 12): the expression "web(?i)1" is refused at byte 3: flags such as '
     "(?i) are taken at the start of the expression only"),
    ("a back-reference of two digits", expression("(a)\\10"),
     r'filter at line 1, column 13 (byte 12): the expression "(a)\10" is refused at byte 3: a back-reference '
     r'above \9 is not taken; name the group, as in (?P<name>...) and (?P=name)'),
    ("a Unicode class", expression("\\p{L}"),
     r'filter at line 1, column 13 (byte 12): the expression "\p{L}" is refused at byte 0: this escape is not '
     "known; write the character itself or [...]"),
    ("65 536 times", expression("a{65536}"),
     'filter at line 1, column 13 (byte 12): the expression "a{65536}" is refused at byte 7: number too big '
     "in {} quantifier"),
    ("a million times", expression("((abc){999}){999}"),
     'filter at line 1, column 13 (byte 12): the expression "((abc){999}){999}" is refused at byte 17: '
     "regular expression is too large"),
    ("65 groups in one another", expression("(" * 65 + "a" + ")" * 65),
     "filter at line 1, column 13 (byte 12): the expression "
     '"(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a)))))))))))..." is refused at byte '
     "65: parentheses are too deeply nested"),
    ("pluses in pluses", expression("(.+)+(.+)+[A-Z]"),
     'filter: the expression "(.+)+(.+)+[A-Z]" cannot be matched with a text of 15 bytes: match limit '
     "exceeded; write it plainer, without a repetition inside another"),
    ("stars in stars", expression("((.*)*)*[A-Z]"),
     'filter: the expression "((.*)*)*[A-Z]" cannot be matched with a text of 15 bytes: match limit exceeded; '
     "write it plainer, without a repetition inside another"),
    ("many optional ones in many", expression("((.?){9}){9}((.?){9}){9}[A-Z]"),
     'filter: the expression "((.?){9}){9}((.?){9}){9}[A-Z]" cannot be matched with a text of 15 bytes: match '
     "limit exceeded; write it plainer, without a repetition inside another"),
    ("15 000 of them", json.dumps({"filter": {f"^{i}": {"mode": "all-active"} for i in range(15000)}}).encode(),
     'filter at line 1, column 130903 (byte 130902): from "^4000" on there are too many expressions; expected at most '
     "4000"),
]

#: A document of this size that is good is judged, not only refused.
LARGE = json.dumps({"active_nodes": [f"a{i}" for i in range(20000)] + ["production-web1"],
                    "standby_nodes": [f"b{i}" for i in range(20000)]}).encode()

ROWS = [
    *(role(*each) for each in DOCUMENTS),
    # To spare time, not each of them twice.
    *(check(*each) for each in DOCUMENTS[::4]),
    Row("20 000 names on each side", ["role", "-S", "web", *WORLD], 0, files={"store.json": store(LARGE)},
        out="service   web\nrole      primary\nexpects   running\nwhy       production-web1 is in active_nodes\n"
            f"document  {KEY} (ModifyIndex 2)\nbasis     fresh\n"),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
