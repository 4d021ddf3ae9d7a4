"""Promela, as far as the model needs it -> commands on states.

Read are global variables, macros, processes that are one ``do`` loop of ``:: atomic { condition -> effects }`` (effects
are assignments, ``assert`` and ``if :: condition -> … :: else -> … fi``), a ``timeout`` command, and one ``init``.
Anything else is refused, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

State = bytes  # one slot, one byte
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d+|::|->|\+\+|--|&&|\|\||[=!<>]=|[-+*!<>=(){}\[\],;:]")
_PYTHON = {"&&": " and ", "||": " or ", "!": " not ", "false": "0", "true": "1"}


class NotRead(Exception):
    """The model holds something that this checker does not understand."""


class Violated(Exception):
    """An assert of the model, raised inside a command."""


@dataclass(frozen=True)
class Command:
    """``may``: whether it can happen; ``do``: the state after it."""

    name: str
    may: Callable[[State], bool]
    do: Callable[[State], State]
    last: bool  # happens only where nothing else can


@dataclass
class Model:
    start: State = b""
    commands: list[Command] = field(default_factory=list)


class Reader:
    """Promela, as far as it goes -> commands on tuples."""

    def __init__(self, text: str, switches: Mapping[str, int]) -> None:
        self._promises: list[str] = []
        text = re.sub(r"assert\((?P<what>.*)\).*", self._number, text)
        text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.DOTALL)
        self._constants: dict[str, str] = {}
        self._macros: dict[str, tuple[list[str], str]] = {}
        self._slots: dict[str, tuple[int, int]] = {}  # name -> first slot, how many
        rest = []
        for line in text.splitlines():
            rest.append("" if self._define(line, switches) else line)
        if unknown := set(switches) - set(self._constants):
            raise NotRead(f"no such switch: {', '.join(sorted(unknown))}")
        self._text = "\n".join(rest)

    def _number(self, found: re.Match[str]) -> str:
        """An assert is told by the comment behind it, or by what it says."""
        words = re.search(r"/\*\s*(.*?)\s*\*/", found.group())
        self._promises.append(words.group(1) if words else found["what"])
        return found.group().replace("assert(", f"assert({len(self._promises) - 1}, ", 1)

    def _define(self, line: str, switches: Mapping[str, int]) -> bool:
        found = re.match(r"#define\s+(\w+)(?:\(([^)]*)\))?\s+(.+)$", line.strip())
        if found is None:
            return False
        name, parameters, body = found.groups()
        if parameters is not None:
            self._macros[name] = ([p.strip() for p in parameters.split(",")], body.strip())
        else:
            self._constants[name] = str(switches.get(name, body.strip()))
        return True

    def model(self) -> Model:
        body = re.search(r"^(.*?)(?=^proctype)", self._text, re.DOTALL | re.MULTILINE)
        if body is None:
            raise NotRead("no proctype")
        for kind, name, many in re.findall(r"^(\w+)\s+(\w+)(?:\[(\d+)\])?;", body.group(), re.MULTILINE):
            if kind not in ("bool", "byte", "bit"):
                raise NotRead(f"a variable of type {kind}")
            first = sum(count for _, count in self._slots.values())
            self._slots[name] = (first, int(many or 1))
        init = re.search(r"^init\s*\{\s*atomic\s*\{(.*?)\}\s*\}", self._text, re.DOTALL | re.MULTILINE)
        if init is None:
            raise NotRead("no init { atomic { … } }")
        runs = re.findall(r"run\s+(\w+)\((\d*)\);?", init.group(1))
        model = Model(bytes(sum(count for _, count in self._slots.values())))
        model.start = self._effects(re.sub(r"run\s+\w+\(\d*\);?", "", init.group(1)), {})(model.start)
        for name, argument in runs:
            model.commands += self._process(name, argument)
        return model

    def _process(self, name: str, argument: str) -> list[Command]:
        found = re.search(
            rf"^proctype {name}\((?:byte (\w+))?\)\s*\{{\s*(?:end:)?\s*do\b(.*?)^\}}",
            self._text,
            re.DOTALL | re.MULTILINE,
        )
        if found is None:
            raise NotRead(f"process {name} is not one do loop")
        line = self._text[: found.start(2)].count("\n") + 1
        given = {found.group(1): argument} if found.group(1) else {}
        body, commands = found.group(2), []
        at = 0
        while match := re.compile(r"\s*::\s*atomic\s*\{").match(body, at):
            end = _closing(body, match.end() - 1)
            inner = body[match.end() : end]
            lead = len(body[at : match.end()]) - len(body[at : match.end()].lstrip())
            where = f"{name}({argument}):{line + body[: at + lead].count(chr(10))}"
            commands.append(self._command(where, inner, given))
            at = end + 1
        if body[at:].strip() != "od":
            raise NotRead(f"process {name}: {body[at:].strip()[:60]!r}")
        return commands

    def _command(self, where: str, text: str, given: Mapping[str, str]) -> Command:
        condition, arrow, effects = text.partition("->")
        if not arrow:
            raise NotRead(f"{where}: no condition")
        last = "timeout" in condition
        may = self._expression(condition.replace("timeout", "1"), given, "s")
        return Command(where, _compiled(f"def f(s):\n return {may}"), self._effects(effects, given), last)

    def _effects(self, text: str, given: Mapping[str, str]) -> Callable[[State], State]:
        tokens = _tokens(self._expanded(text, given))
        lines = self._statements(tokens, 1)
        if tokens:
            raise NotRead(f"left over: {' '.join(tokens)}")
        return _compiled("def f(s):\n t = bytearray(s)\n" + "\n".join(lines) + "\n return bytes(t)")

    def _statements(self, tokens: list[str], depth: int) -> list[str]:
        lines: list[str] = []
        pad = " " * depth
        while tokens and tokens[0] not in ("::", "fi"):
            if tokens[0] == ";":
                tokens.pop(0)
            elif tokens[0] == "if":
                lines += self._choice(tokens, depth)
            else:
                lines.append(pad + self._statement(_upto(tokens, (";", "::", "fi"))))
        return lines or [pad + "pass"]

    def _choice(self, tokens: list[str], depth: int) -> list[str]:
        """Two ways, the second of them ``else``: so that a command has one outcome."""
        pad = " " * depth
        _expect(tokens, "if")
        _expect(tokens, "::")
        lines = [f"{pad}if {self._python(_upto(tokens, ('->',)), 't')}:"]
        _expect(tokens, "->")
        lines += self._statements(tokens, depth + 1)
        _expect(tokens, "::")
        _expect(tokens, "else")
        _expect(tokens, "->")
        lines += [f"{pad}else:", *self._statements(tokens, depth + 1)]
        _expect(tokens, "fi")
        return lines

    def _statement(self, tokens: list[str]) -> str:
        if tokens == ["skip"]:
            return "pass"
        if tokens[0] == "assert":
            broken = self._promises[int(tokens[2])]
            return f"if not ({self._python(tokens[4:-1], 't')}): raise Violated({broken!r})"
        if tokens[-1] in ("++", "--"):
            return f"{self._python(tokens[:-1], 't')} {tokens[-1][0]}= 1"
        if "=" not in tokens:
            raise NotRead(f"statement {' '.join(tokens)!r}")
        at = tokens.index("=")
        return f"{self._python(tokens[:at], 't')} = int({self._python(tokens[at + 1 :], 't')})"

    def _expression(self, text: str, given: Mapping[str, str], state: str) -> str:
        return self._python(_tokens(self._expanded(text, given)), state)

    def _python(self, tokens: list[str], state: str) -> str:
        """Every name is a slot of the state by now, or a word that Python gets otherwise."""
        out, left = [], list(tokens)
        while left:
            token = left.pop(0)
            if token not in self._slots:
                if re.match(r"[A-Za-z_]", token) and token not in _PYTHON:
                    raise NotRead(f"unknown name {token!r}")
                out.append(_PYTHON.get(token, token))
                continue
            first, count = self._slots[token]
            if count == 1:
                out.append(f"{state}[{first}]")
                continue
            _expect(left, "[")
            out.append(f"{state}[{first}+({self._python(_bracketed(left), state)})]")
        return "(" + " ".join(out) + ")" if state == "s" else " ".join(out)

    def _expanded(self, text: str, given: Mapping[str, str]) -> str:
        """Macros and constants put in, inside out, until nothing changes."""
        for name, value in given.items():
            text = re.sub(rf"\b{name}\b", value, text)
        for _ in range(10):
            before = text
            for name, (parameters, body) in self._macros.items():
                text = _applied(text, name, parameters, body)
            for name, value in self._constants.items():
                text = re.sub(rf"\b{name}\b", value, text)
            if text == before:
                return text
        raise NotRead("macros without an end")


def _applied(text: str, name: str, parameters: list[str], body: str) -> str:
    while found := re.search(rf"\b{name}\(", text):
        end = _closing(text, found.end() - 1)
        inside = body
        for parameter in parameters:
            inside = re.sub(rf"\b{parameter}\b", text[found.end() : end], inside)
        text = text[: found.start()] + inside + text[end + 1 :]
    return text


def _closing(text: str, at: int) -> int:
    """Where the bracket at ``at`` is closed."""
    pairs, depth = {"(": ")", "{": "}"}, 0
    for index in range(at, len(text)):
        depth += (text[index] == text[at]) - (text[index] == pairs[text[at]])
        if depth == 0:
            return index
    raise NotRead(f"unclosed {text[at]}")


def _tokens(text: str) -> list[str]:
    if stray := _TOKEN.sub("", text).strip():
        raise NotRead(f"cannot read {stray.split()[0]!r}")
    return _TOKEN.findall(text)


def _upto(tokens: list[str], ends: tuple[str, ...]) -> list[str]:
    taken = []
    while tokens and tokens[0] not in ends:
        taken.append(tokens.pop(0))
    return taken


def _bracketed(tokens: list[str]) -> list[str]:
    taken: list[str] = []
    depth = 1
    while True:
        token = tokens.pop(0)
        depth += (token == "[") - (token == "]")
        if depth == 0:
            return taken
        taken.append(token)


def _expect(tokens: list[str], what: str) -> None:
    if not tokens or tokens[0] != what:
        raise NotRead(f"{what!r} expected before {' '.join(tokens[:6])!r}")
    tokens.pop(0)


def _compiled(source: str) -> Callable[[State], State]:
    scope: dict[str, object] = {"Violated": Violated}
    exec(source, scope)
    return scope["f"]  # type: ignore[return-value]
