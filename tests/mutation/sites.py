"""Finds the places of a header that a mutation test changes, and writes the header with all its mutants in it.

A mutant is one small change: an operator, a condition, a constant, a statement. Those inside of functions can all stand
in one text, each behind a question to powerconsul_mutant.hpp whether it is the chosen one, so that one compilation is
enough for all of them. What the compiler needs to know (constexpr variables) cannot ask at run time: such a mutant is a
text of its own.

It reads tokens, not a syntax tree, and relies on how clang-format sets them out: a binary operator has a space on both
sides, the bracket of a template has not.
"""
import bisect
import dataclasses
import re

TOKEN = re.compile(r"""
    (?P<skip>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
  | (?P<string>(?:u8|[uUL])?R"(?P<fence>[^(\s]*)\(.*?\)(?P=fence)"|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>\d(?:'?[\w.])*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<op><=>|<<=|>>=|->\*|\.\.\.|::|->|\+\+|--|&&|\|\||<<|[-+*/%&|^=!<>]=|[-+*/%&|^=!<>~?:;,.(){}\[\]])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

PRECEDENCE = {"||": 4, "&&": 5, "|": 6, "^": 7, "&": 8, "==": 9, "!=": 9, "<": 10, ">": 10, "<=": 10, ">=": 10,
              "<<": 12, "+": 13, "-": 13, "*": 14, "/": 14, "%": 14}
TERNARY, UNARY = 3, 15
#: What no operand of a binary operator goes beyond.
STOPS = {",", ";", "?", ":", "=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>=", "return", "case",
         "else"}
RELATIONS = {"<": ("less", "<="), "<=": ("less_equal", "<"), ">": ("greater", ">="), ">=": ("greater_equal", ">")}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>="}
NO_EXPRESSION = {"return", "if", "for", "while", "do", "switch", "case", "default", "else", "using", "const",
                 "constexpr", "static", "auto", "struct", "class", "enum", "typename", "template", "static_assert",
                 "goto", "throw"}


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int
    spaced: bool  #: white space on both sides


@dataclasses.dataclass(frozen=True)
class Wrap:
    """Text put around a part; of two around the same part the one with the lower rank is the outer one."""
    start: int
    end: int
    before: str
    after: str
    rank: int = 0
    replaced: tuple = ()  #: (start, end, text) inside of it


@dataclasses.dataclass
class Mutant:
    start: int
    end: int
    after: str            #: instead of text[start:end]
    operator: str
    wraps: tuple = ()     #: {n} is its number; none: it needs a compilation of its own


def tokens_of(text):
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise ValueError(f"no token at byte {at}: {text[at:at + 20]!r}")
        if match.lastgroup != "skip":
            spaced = text[at - 1:at].isspace() and text[match.end():match.end() + 1].isspace()
            kind = "string" if match["string"] else match.lastgroup
            found.append(Token(kind, match.group(), at, match.end(), spaced))
        at = match.end()
    return found


def enumerations(text):
    """Of each `enum class` its enumerators."""
    found = {}
    for name, body in re.findall(r"enum class (\w+)[^;{]*\{(.*?)\}", re.sub(r"//[^\n]*", "", text), re.DOTALL):
        found[name] = re.findall(r"(\w+)\s*(?:=\s*\w+\s*)?(?:,|$)", body.strip())
    return found


class Header:
    """The tokens of a header and what belongs together in it."""

    def __init__(self, text, enums):
        self.text, self.enums = text, enums
        self.tokens = tokens_of(text)
        self.partner = {}
        self.in_template = [False] * len(self.tokens)
        self.opener = [-1] * len(self.tokens)  #: the bracket that a token stands in
        self.pair()
        self.bodies = []    #: of functions
        self.initial = []   #: values of members
        self.declared = []  #: what is evaluated while it is compiled
        self.find_bodies(0, len(self.tokens))

    def pair(self):
        opened = []
        closing = {")": "(", "]": "[", "}": "{", ">": "<"}
        for i, token in enumerate(self.tokens):
            self.opener[i] = opened[-1] if opened else -1
            if token.kind == "string" or (token.text in ("<", ">") and token.spaced):
                continue
            if token.text in ("(", "[", "{", "<"):
                opened.append(i)
            elif token.text in closing:
                while self.tokens[opened[-1]].text != closing[token.text]:
                    raise ValueError(f"{token.text} at byte {token.start} closes nothing")
                self.partner[i] = opened.pop()
                self.partner[self.partner[i]] = i
                if token.text == ">":
                    for k in range(self.partner[i], i + 1):
                        self.in_template[k] = True

    def find_bodies(self, first, last):
        """Those of functions; what stands outside of them is declared."""
        head, i = first, first
        while i < last:
            text = self.tokens[i].text
            if self.tokens[i].kind != "string" and text in ("(", "["):
                i = self.partner[i]
            elif text == "{" and self.tokens[i].kind != "string":
                plain = [self.tokens[k].text for k in self.top_level(head, i - 1) if not self.in_template[k]]
                close = self.partner[i]
                if "namespace" in plain or (plain and "(" not in plain and {"struct", "class"} & set(plain)):
                    self.find_bodies(i + 1, close)
                    head = close + 1
                elif "enum" in plain:
                    head = close + 1
                elif "(" in plain and "=" not in plain and ("->" in plain or plain[-1] in ("(", "const", "{")):
                    self.bodies.append((i, close))
                    head = close + 1
                elif "(" not in plain:
                    (self.declared if "constexpr" in plain else self.initial).append((i, close))
                i = close
            elif text == ";" or (text == ":" and words_end_access(self.tokens, i)):
                if "=" in [token.text for token in self.tokens[head:i]] and "using" != self.tokens[head].text:
                    # What stands in braces in it is in it already.
                    self.declared = [each for each in self.declared if each[0] < head] + [(head, i)]
                head = i + 1
            i += 1

    def binary(self, i):
        token = self.tokens[i]
        return token.kind == "op" and token.text in PRECEDENCE and token.spaced and not self.in_template[i]

    def left_of(self, i, precedence):
        """The first token of the operand that ends before i."""
        j = i - 1
        while True:
            token = self.tokens[j]
            if token.kind != "string":
                if j in self.partner and self.partner[j] < j:
                    if self.tokens[self.partner[j] - 1].text in ("if", "for", "while", "switch"):
                        break
                    j = self.partner[j] - 1
                    continue
                if j in self.partner or token.text in STOPS:
                    break
                if self.binary(j) and PRECEDENCE[token.text] < precedence:
                    break
            j -= 1
        return j + 1

    def right_of(self, i, precedence):
        """The last token of the operand that begins behind i."""
        j = i + 1
        while True:
            token = self.tokens[j]
            if token.kind != "string":
                if j in self.partner and self.partner[j] > j:
                    j = self.partner[j] + 1
                    continue
                if j in self.partner or token.text in STOPS:
                    break
                if self.binary(j) and PRECEDENCE[token.text] <= precedence:
                    break
            j += 1
        return j - 1

    def at_compile_time(self):
        """The tokens in a function that are no expressions evaluated at run time."""
        fixed = set()
        for first, last in self.bodies:
            i = first + 1
            while i < last:
                text = self.tokens[i].text
                end = None
                words = text, self.tokens[i + 1].text
                if text in ("constexpr", "static_assert", "using") or words == ("static", "const"):
                    end = self.statement_end(i)
                elif text == "case":
                    end = next(k for k in range(i, last) if self.tokens[k].text == ":")
                elif text in ("noexcept", "decltype") and i + 1 in self.partner:
                    end = self.partner[i + 1]
                if end is not None:
                    fixed.update(range(i, end + 1))
                    if text == "constexpr":
                        self.declared.append((i, end))
                    i = end
                i += 1
        return fixed | {i for i, inside in enumerate(self.in_template) if inside}

    def statement_end(self, i):
        while self.tokens[i].text != ";":
            i = self.partner[i] + 1 if self.partner.get(i, 0) > i else i + 1
        return i

    def span(self, first, last):
        return self.tokens[first].start, self.tokens[last].end

    def mutants(self):
        """All of them, in the order of the text."""
        found = []
        fixed = self.at_compile_time()
        whole_conditions = set()
        for first, last in self.bodies:
            for i in range(first + 1, last):
                if i not in fixed:
                    found += self.conditions_at(i, whole_conditions)
            for i in range(first + 1, last):
                if i not in fixed:
                    found += self.statements_at(i) + self.expressions_at(i, whole_conditions) + self.constants_at(i)
        for first, last in self.initial + self.declared:
            for i in range(first, last):
                if not self.in_template[i]:
                    found += self.constants_at(i) if (first, last) in self.initial else [
                        dataclasses.replace(each, wraps=()) for each in self.constants_at(i)]
        found.sort(key=lambda each: (each.start, each.end, each.operator, each.after))
        return found

    def forced(self, first, last, whole_conditions):
        start, end = self.span(first, last)
        whole_conditions.add((start, end))
        text = self.text[start:end]
        if text in ("true", "false"):
            return []
        return [Mutant(start, end, "true", "condition", (Wrap(start, end, "({is} || bool(", "))"),)),
                Mutant(start, end, "false", "condition", (Wrap(start, end, "(!{is} && bool(", "))"),))]

    def conditions_at(self, i, whole_conditions):
        token = self.tokens[i]
        if token.kind == "op" and token.text == "?":
            return self.forced(self.left_of(i, TERNARY), i - 1, whole_conditions)
        if token.text not in ("if", "while", "for") or self.tokens[i + 1].text != "(":
            return []
        first, last = i + 2, self.partner[i + 1] - 1
        cuts = [k for k in self.top_level(first, last) if self.tokens[k].text == ";"]
        if token.text == "for":
            if len(cuts) != 2 or cuts[0] + 1 == cuts[1]:
                return []
            first, last = cuts[0] + 1, cuts[1] - 1
        elif cuts:
            first = cuts[-1] + 1
        if any(self.tokens[k].text == "=" for k in self.top_level(first, last)):
            return []  # it declares something
        return self.forced(first, last, whole_conditions)

    def top_level(self, first, last):
        k = first
        while k <= last:
            yield k
            k = self.partner[k] + 1 if self.tokens[k].kind != "string" and self.partner.get(k, 0) > k else k + 1

    def statements_at(self, i):
        """A statement left out: an expression, a jump, the return of a case."""
        token, before = self.tokens[i], self.tokens[i - 1]
        if self.tokens[self.opener[i]].text != "{":
            return []
        if token.kind != "name" and token.text not in ("++", "--", "*", "("):
            return []
        begins = before.text in (";", "{", "}", "else", "do") and before.kind != "string"
        if before.text == ")" and self.tokens[self.partner[i - 1] - 1].text in ("if", "for", "while", "switch"):
            begins = True
        labelled = before.text == ":" and self.is_label(i - 1)
        if not (begins or labelled) or (before.text == "{" and not self.is_block(i - 1)):
            return []
        if token.text in NO_EXPRESSION and not (token.text == "return" and labelled):
            return []
        end = self.statement_end(i)
        words = list(self.top_level(i, end - 1))
        if token.text == "break" and self.tokens[end + 1].text == "}":
            return []  # of a switch: it leads to the same place
        if token.text not in ("return", "break", "continue") and self.declares(words):
            return []
        start, stop = self.tokens[i].start, self.tokens[end].end
        return [Mutant(start, stop, ";", "statement", (Wrap(start, stop, "{{ if (!{is}) {{ ", " }} }}"),))]

    def is_label(self, i):
        k = i
        while self.tokens[k].text not in (";", "{", "}", "?", "case"):
            k -= 1
        return self.tokens[k].text == "case"

    def is_block(self, i):
        """Is the brace at i one of statements, not of values?"""
        before = self.tokens[i - 1]
        if before.text in (")", "else", "do", "}", ";", "]", "mutable") or any(first == i for first, _ in self.bodies):
            return True
        k = i - 1  # of a lambda that says what it returns
        while self.in_template[k] or self.tokens[k].text == "::" or (
                self.tokens[k].kind == "name" and self.tokens[k].text != "return"):
            k -= 1
        return self.tokens[k].text == "->" and self.tokens[k].spaced

    def declares(self, words):
        names = [k for k in words if not self.in_template[k]]
        if any(self.tokens[k].text in ASSIGNMENTS for k in names):
            names = names[:next(n for n, k in enumerate(names) if self.tokens[k].text in ASSIGNMENTS)]
        elif not any(self.tokens[k].text in ("(", "++", "--") for k in names):
            return True
        return any((self.tokens[a].kind == "name" or self.tokens[a].text in ("*", "&", ">")) and
                   self.tokens[b].kind == "name" for a, b in zip(names, names[1:]))

    def expressions_at(self, i, whole_conditions):
        token = self.tokens[i]
        if token.kind != "op":
            return []
        if token.text == "!":
            last = self.right_of(i, UNARY)
            start, end = self.span(i, last)
            if (start, end) in whole_conditions:
                return []
            return [Mutant(token.start, token.end, "", "not", (Wrap(start, end, "({is} != (", "))"),))]
        if not self.binary(i):
            return []
        level = PRECEDENCE[token.text]
        first, last = self.left_of(i, level), self.right_of(i, level)
        start, end = self.span(first, last)
        made = []
        if token.text in OPPOSITE and (start, end) not in whole_conditions:
            made.append(Mutant(token.start, token.end, OPPOSITE[token.text], "negation",
                               (Wrap(start, end, "({is} != (", "))"),)))
        if token.text in RELATIONS:
            name, other = RELATIONS[token.text]
            made.append(Mutant(token.start, token.end, other, "boundary", (self.called(name, start, end, token),)))
        if token.text in ("&&", "||"):
            left, right = self.span(first, i - 1), self.span(i + 1, last)
            made.append(Mutant(token.start, token.end, "||" if token.text == "&&" else "&&", "logic",
                               (Wrap(start, end, "({is} != (", "))"), Wrap(*left, "({is} != bool(", "))"),
                                Wrap(*right, "({is} != bool(", "))"))))
        if token.text in ("+", "-") and not self.joins_text(i):
            name, other = ("plus", "-") if token.text == "+" else ("minus", "+")
            made.append(Mutant(token.start, token.end, other, "arithmetic", (self.called(name, start, end, token),)))
        return made

    @staticmethod
    def called(name, start, end, token):
        return Wrap(start, end, f"powerconsul_mutant::{name}({{is}}, ", ")", rank=1,
                    replaced=((token.start, token.end, ","),))

    def joins_text(self, i):
        """Strings can be added only."""
        first, last = self.left_of(i, PRECEDENCE["+"]), self.right_of(i, PRECEDENCE["+"])
        while self.tokens[last + 1].text == "+":
            last = self.right_of(last + 1, PRECEDENCE["+"])
        return any(self.tokens[k].kind == "string" and self.tokens[k].text[0] == '"' for k in range(first, last + 1))

    def constants_at(self, i):
        token = self.tokens[i]
        if token.text in ("true", "false"):
            other = "false" if token.text == "true" else "true"
            return [self.instead(token.start, token.end, other, "bool")]
        if token.kind == "number":
            digits, suffix = re.match(r"(0x[0-9A-Fa-f]+|[0-9]+)(\w*)$", token.text.replace("'", "")).groups()
            value = int(digits, 8 if re.match("0[0-9]", digits) else 0)
            return [self.instead(token.start, token.end, f"{other}{suffix}", "constant")
                    for other in ([value - 1] if value > 0 else []) + [value + 1]]
        if token.text == "::" and self.tokens[i - 1].text in self.enums:
            names = self.enums[self.tokens[i - 1].text]
            name = self.tokens[i + 1].text
            if name in names and len(names) > 1:
                start, end = self.span(i - 1, i + 1)
                other = names[(names.index(name) + 1) % len(names)]
                return [self.instead(start, end, f"{self.tokens[i - 1].text}::{other}", "enumerator")]
        return []

    @staticmethod
    def instead(start, end, other, operator):
        return Mutant(start, end, other, operator, (Wrap(start, end, f"({{is}} ? {other} : ", ")"),))


def words_end_access(tokens, i):
    return tokens[i - 1].text in ("public", "private", "protected")


def with_mutants(text, numbered):
    """The text in which each mutant of (number, mutant) is asked for by its number; those without wraps are left
    out."""
    inserted, replaced = [], {}
    for number, mutant in numbered:
        for wrap in mutant.wraps:
            fill = {"is": f"powerconsul_mutant::is({number})"}
            before, after = wrap.before.format(**fill), wrap.after.format(**fill)
            size, order = wrap.end - wrap.start, (wrap.rank, len(inserted))
            inserted.append((wrap.start, 1, (-size, *order), before))
            inserted.append((wrap.end, 0, (size, *(-each for each in order)), after))
            for start, end, instead in wrap.replaced:
                replaced[start] = (end, instead)
    inserted.sort(key=lambda each: each[:3])
    points = [each[0] for each in inserted]
    made, at = [], 0
    for position in sorted({*points, *replaced}):
        made.append(text[at:position])
        at = position
        for each in inserted[bisect.bisect_left(points, position):bisect.bisect_right(points, position)]:
            made.append(each[3])
        if position in replaced:
            at, instead = replaced[position]
            made.append(instead)
    made.append(text[at:])
    return "".join(made)


def mutants_of(text, enums):
    return Header(text, enums).mutants()
