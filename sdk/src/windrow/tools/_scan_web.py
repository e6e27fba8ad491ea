"""Calls in JavaScript, TypeScript and pages, found by their look after comments have been taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from windrow.tools._calls import Call, Feature, Generated, is_telemetry

_NAME = r"[A-Za-z_$][\w$]*"
_LITERAL = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\$]|\\.|\$(?!\{))*`"
# A regular expression begins where a value may: after an operator, a bracket or `return`.
_TOKEN = re.compile(
    rf"//[^\n]*|/\*.*?(?:\*/|\Z)|{_LITERAL}|(?<=[(,=:\[!&|?{{}};\n])\s{{0,20}}/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/",
    re.DOTALL,
)
_PAGE_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|\{#(?!\w).{0,2000}?#\}", re.DOTALL)
_CALL = re.compile(rf"(?<![\w$])(?P<call>track|count)\s*\(\s*(?P<argument>{_LITERAL}|[^\s),][^,)\n]*)")
_LAST_NAME = re.compile(rf"{_NAME}\Z")
_FAR = 500  # characters that a receiver may be long
_LONGEST_NAME = 80
_DEFINES = re.compile(r"(?:function\s+|^\s*(?:async\s+|public\s+|private\s+|static\s+)*)$")
_PARAMETER = re.compile(rf"{_NAME}\??\s*:")
_CONSTANT = re.compile(rf"\bconst\s+({_NAME})\s*(?::\s*string\s*)?=\s*({_LITERAL})\s*(?:as const\s*)?[;\n]")
_SCRIPT = re.compile(r"(<script\b[^>]*>)(.*?)(?=</script|\Z)", re.DOTALL | re.IGNORECASE)
_KEY = re.compile(rf"\s*(?:(?P<name>{_NAME})|(?P<quoted>{_LITERAL}))\s*(?P<after>[:,}}])")
_IMPORT = re.compile(rf"(?:from|import|require\s*\()\s*({_LITERAL})")
_FEATURE = re.compile(r"(?P<bound>[:\w-]{0,20})data-telemetry\s*=\s*(?P<value>\"[^\"]*\"|'[^']*'|\{[^}]*\})")


def found_in(
    text: str, file: str, receivers: frozenset[str], generated: Generated, *, page: bool
) -> tuple[list[Call], list[Feature]]:
    """The calls and the features of one file; `page`: markup, in which only a script has comments of its own."""
    if page:
        code = _SCRIPT.sub(
            lambda script: script[1] + _without_comments(script[2]), _PAGE_COMMENT.sub(_blank, text)
        )
    else:
        code = _without_comments(text)
    return list(_calls(code, file, receivers, generated)), list(_features(code, file))


def _calls(code: str, file: str, receivers: frozenset[str], generated: Generated) -> Iterator[Call]:
    modules = [literal[1:-1] for literal in _IMPORT.findall(code)]
    at_home = "elemetry" in code or any(is_telemetry(module, frozenset()) for module in modules)
    constants = {name: _text(literal) for name, literal in _CONSTANT.findall(code)}
    for match in _CALL.finditer(code):
        call, argument = match["call"], match["argument"].strip()
        receiver = _receiver(code[max(match.start() - _FAR, 0) : match.start()])
        if _is_definition(code, match, receiver):
            continue
        sure = at_home if receiver is None else is_telemetry(receiver, receivers)
        name = constants.get(argument) or _text(argument)
        if name is not None or sure:
            keys = tuple(_keys(code, match.end())) if sure and call == "track" else ()
            yield Call(file, _line(code, match.start("call")), call, name, keys, sure, "dashboard")
    if any(re.search(r"windrow/(?:browser|nuxt)(?:\.js)?$", module) for module in modules):
        yield from _by_itself(code, file)
    stems = {re.sub(r"\.[cm]?[jt]sx?$", "", module).rpartition("/")[2] for module in modules}
    for name, event in generated.functions.items() if stems & generated.stems else ():
        for match in re.finditer(rf"(?<![\w$]){re.escape(name)}\s*\(", code):
            yield Call(file, _line(code, match.start()), "", event, (), False, "dashboard")


def _receiver(before: str) -> str | None:
    """The last name of what a method is called on, as `useTelemetry` of `useTelemetry({}).`; None: no dot."""
    before = before.rstrip()
    if not before.endswith("."):
        return None
    before = before[:-1].rstrip("?! \n\t")
    while before.endswith((")", "]")):
        depth = 0
        for at in range(len(before) - 1, -1, -1):
            depth += (before[at] in ")]") - (before[at] in "([")
            if depth == 0:
                before = before[:at].rstrip("?. \n\t")
                break
        else:
            return ""
    name = _LAST_NAME.search(before[-_LONGEST_NAME:])
    return name[0] if name else ""


def _is_definition(code: str, match: re.Match[str], receiver: str | None) -> bool:
    if _PARAMETER.match(match["argument"]):
        return True  # with the type of a parameter
    before = code[max(code.rfind("\n", 0, match.start()) + 1, match.start() - _FAR) : match.start()]
    return receiver is None and bool(_DEFINES.search(before)) and _opens_body(code, match.end())


def _line(code: str, at: int) -> int:
    return code.count("\n", 0, at) + 1


def _by_itself(code: str, file: str) -> Iterator[Call]:
    # The script of windrow/browser sends page views where it is told the route.
    if re.search(r"\bstart\s*\(", code) and re.search(r"\broute\b", code):
        yield Call(file, 1, "track", "page_view", (), False, "dashboard")


def _features(code: str, file: str) -> Iterator[Feature]:
    for match in _FEATURE.finditer(code):
        value = match["value"][1:-1]
        seen = not match["bound"] and match["value"][0] != "{" and not {"{", "<", "$"} & set(value)
        yield Feature(file, _line(code, match.start()), value if seen else None)


def _text(argument: str) -> str | None:
    if re.fullmatch(_LITERAL, argument):
        return re.sub(r"\\(.)", r"\1", argument[1:-1])
    return None


def _keys(code: str, at: int) -> Iterator[str]:
    """The keys of an object that is written as the second argument, up to the first that is nested or spread."""
    begin = re.compile(r"\s*,\s*\{").match(code, at)
    at = begin.end() if begin else len(code)
    while key := _KEY.match(code, at):
        yield key["name"] or key["quoted"][1:-1]
        if key["after"] == "}":
            return
        at = key.end() if key["after"] == "," else _after_value(code, key.end())


def _after_value(code: str, at: int) -> int:
    """The place after the comma that ends a value; the end of the text where the object ends with it."""
    depth = 0
    while at < len(code):
        if code[at] in "'\"`" and (literal := re.compile(_LITERAL).match(code, at)):
            at = literal.end()
            continue
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
            if depth < 0:
                return len(code)
        elif code[at] == "," and depth == 0:
            return at + 1
        at += 1
    return at


def _opens_body(code: str, at: int) -> bool:
    """Whether a list of parameters ends in `{`: then it was a definition, and no call."""
    closing = code.find(")", at)
    return closing >= 0 and re.compile(r"\)\s*(?::[^={;]+)?\{").match(code, closing) is not None


def _without_comments(text: str) -> str:
    return _TOKEN.sub(lambda token: token[0] if token[0][0] in "'\"`" else _blank(token), text)


def _blank(match: re.Match[str]) -> str:
    # Lines stay where they were.
    return re.sub(r"[^\n]", " ", match[0])
