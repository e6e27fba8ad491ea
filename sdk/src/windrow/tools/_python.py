"""The Python that `windrow generate python` writes: one method an event, and no more at run time than it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from windrow.catalogue import Catalogue, Event, Property
from windrow.tools._names import Names, camel, python_functions, python_parameters
from windrow.tools._words import tidy

_WIDTH = 79  # the narrowest that formatters are set to
_IMPORTED = (
    *("Callable", "Collection", "Events", "INVALID"),
    *("Literal", "Never", "Telemetry", "TypeAlias", "TypedDict"),
)
_PLAIN = {
    "flag": "bool",
    "range": "int | float",
    "count": "int",
    "version": "str",
    "name": "str",
    "route": "str",
    "digest": "str",
}


def python_module(catalogue: Catalogue) -> str:
    """The module, complete: formatted as `ruff format` would, sound under `mypy --strict`."""
    return "\n".join(_Module(catalogue).lines()) + "\n"


class _Module:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._events = list(catalogue.events.values())
        self._functions = python_functions(catalogue)
        names = Names(_IMPORTED)
        self._answers = {
            event.name: names.new(camel(event.name, upper=True))
            for event in self._events
            if event.kind == "snapshot"
        }
        self._lists = {
            (event.name, prop.name): names.new(camel(f"{event.name}_{prop.name}", upper=True))
            for event in self._events
            for prop in event.properties.values()
            if prop.type in ("choice", "choices")
        }
        members = Names()
        self._client = members.new("_telemetry")
        self._members = {e.name: members.new(f"_{self._functions[e.name]}") for e in self._events}

    def lines(self) -> Iterator[str]:
        title = _prose(self._catalogue.product.title)
        yield from _docstring(
            "",
            f"Typed functions for all that {title} may send.",
            ["Generated from the catalogue. Do not edit; make it anew:"],
            ["windrow generate python CATALOGUE -o THIS_FILE"],
        )
        yield from (
            "",
            "# fmt: off",
            "# ruff: noqa",
            "",
            "from __future__ import annotations",
            "",
        )
        yield from self._imports()
        for (event, prop), name in self._lists.items():
            values = (*self._catalogue.events[event].properties[prop].values, "other")
            yield ""
            yield from _literal(name, values)
        for event, name in self._answers.items():
            yield from ("", "")
            yield from self._answer(self._catalogue.events[event], name)
        yield from ("", "", "class Events:")
        yield from _docstring("    ", f"One function for each thing that {title} may send.")
        yield ""
        yield from self._constructor()
        makers = {"event": self._event, "counter": self._counter, "snapshot": self._snapshot}
        for declared in self._events:
            yield ""
            yield from makers[declared.kind](declared)

    def _imports(self) -> Iterator[str]:
        kinds = {event.kind for event in self._events}
        types = {prop.type for event in self._events for prop in event.properties.values()}
        abstract = [*["Callable"] * ("snapshot" in kinds), *["Collection"] * ("choices" in types)]
        typing = [
            *["Literal"] * bool(self._lists),
            *["Never"] * ("event" in kinds),
            *["TypeAlias"] * bool(self._lists),
            *["TypedDict"] * ("snapshot" in kinds),
        ]
        if abstract:
            yield f"from collections.abc import {', '.join(abstract)}"
        if typing:
            yield f"from typing import {', '.join(typing)}"
        yield from (
            ("", "from windrow import Telemetry")
            if abstract or typing
            else ("from windrow import Telemetry",)
        )
        if "event" in kinds:
            yield "from windrow.emitter import INVALID"

    def _type(self, event: Event, prop: Property) -> str:
        name = self._lists.get((event.name, prop.name), "")
        return f"Collection[{name}]" if prop.type == "choices" else name or _PLAIN[prop.type]

    def _answer(self, event: Event, name: str) -> Iterator[str]:
        fields = {prop.name: self._type(event, prop) for prop in event.properties.values()}
        if python_parameters(fields) == {field: field for field in fields}:
            yield f"class {name}(TypedDict, total=False):"
            yield from _docstring("    ", f"What the snapshot {event.name} is told.")
            if fields:
                yield ""
            yield from (f"    {field}: {kind}" for field, kind in fields.items())
        else:  # some field is a word of Python
            yield f"{name} = TypedDict("
            yield f'    "{name}",'
            yield "    {"
            yield from (f'        "{field}": {kind},' for field, kind in fields.items())
            yield from ("    },", "    total=False,", ")")

    def _constructor(self) -> Iterator[str]:
        yield "    def __init__(self, telemetry: Telemetry) -> None:"
        if any(event.daily for event in self._events):
            yield f"        self.{self._client} = telemetry"
        for event in self._events:
            if event.kind == "event":
                yield from _call("        ", "emitter = telemetry.emitter", (f'"{event.name}"',))
                yield f"        self.{self._members[event.name]} = ("
                yield "            emitter.put,"
                yield "            emitter.again,"
                yield from (f'            emitter.check("{prop}"),' for prop in event.properties)
                yield "        )"
        if not self._events:
            yield "        pass"

    def _event(self, event: Event) -> Iterator[str]:
        parameters = python_parameters(event.properties)
        names = Names(parameters.values())
        put, again, sent, value, fits, others = map(
            names.new, ("put", "again", "sent", "value", "fits", "undeclared")
        )
        checks = {prop: names.new(f"check_{parameter}") for prop, parameter in parameters.items()}
        yield f"    def {self._functions[event.name]}("
        yield "        self,"
        if parameters:
            yield "        *,"
        for prop in event.properties.values():
            yield f"        {parameters[prop.name]}: {self._type(event, prop)} | None = None,"
        yield f"        **{others}: Never,"
        yield "    ) -> None:"
        yield from _docstring("        ", *_told(event, parameters))
        yield from _unpacked([put, again, *checks.values()], f"self.{self._members[event.name]}")
        yield f"        if {put} is None:"
        yield "            return  # telemetry is off"
        yield f"        {sent}: dict[str, object] = {{}}"
        yield f"        {fits} = not {others}"
        if parameters:
            yield "        try:"
            for name, parameter in parameters.items():
                yield f"            if {parameter} is not None:"
                yield f'                {sent}["{name}"] = {value} = {checks[name]}({parameter})'
                yield f"                if {value} is INVALID:"
                yield f"                    {fits} = False"
            yield "        except Exception:"
            yield f"            {fits} = False"
        yield f"        if {fits}:"
        yield f"            {put}({sent})"
        yield "        else:"
        yield f"            {again}("
        yield "                {"
        yield from (f'                    "{prop}": {name},' for prop, name in parameters.items())
        yield f"                    **{others},"
        yield from ("                }", "            )")

    def _counter(self, event: Event) -> Iterator[str]:
        yield f"    def {self._functions[event.name]}(self, n: int = 1) -> None:"
        yield from _docstring("        ", *_told(event, {}))
        yield from _call("        ", f"self.{self._client}.count", (f'"{event.name}"', "n"))

    def _snapshot(self, event: Event) -> Iterator[str]:
        name = self._answers[event.name]
        yield f"    def {self._functions[event.name]}("
        yield "        self,"
        yield f"        provider: Callable[[], {name}],"
        yield f"    ) -> Callable[[], {name}]:"
        yield from _docstring("        ", *_told(event, {name: name for name in event.properties}))
        yield from _call(
            "        ", f"return self.{self._client}.snapshot", (f'"{event.name}"',), "(provider)"
        )


def _told(event: Event, parameters: dict[str, str]) -> tuple[str, list[str], list[str]]:
    first = _prose(event.description) or f"Send {event.name}."
    how = {"counter": "Counted here, sent once a day.", "snapshot": "Decorates what is asked once a day."}
    more = [how.get(event.kind, ""), f"Why: {_prose(event.why)}" if event.why else ""]
    described = [
        f"{parameter}: {_prose(event.properties[prop].description)}"
        for prop, parameter in parameters.items()
        if event.properties[prop].description
    ]
    return first, list(filter(None, more)), described


def _prose(text: str) -> str:
    # It stands in a docstring: neither a quote nor a backslash may end or bend it.
    return "".join(c for c in tidy(text).replace("\\", "/").replace('"', "'") if c.isprintable())


def _docstring(indent: str, first: str, *parts: Sequence[str]) -> Iterator[str]:
    wrapped = _wrapped(indent, f'"""{first}"""')
    if len(wrapped) == 1 and not any(parts):
        yield wrapped[0]
        return
    yield from _wrapped(indent, f'"""{first}')
    for part in filter(None, parts):
        yield ""
        for line in part:
            yield from _wrapped(indent, line)
    yield f'{indent}"""'


def _wrapped(indent: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _literal(name: str, values: Iterable[str]) -> Iterator[str]:
    quoted = [_quoted(value) for value in values]
    line = f"{name}: TypeAlias = Literal[{', '.join(quoted)}]"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield f"{name}: TypeAlias = Literal["
        yield from (f"    {value}," for value in quoted)
        yield "]"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\")
    if escaped.count('"') > escaped.count("'"):
        return "'" + escaped.replace("'", "\\'") + "'"
    return '"' + escaped.replace('"', '\\"') + '"'


def _unpacked(names: Sequence[str], source: str) -> Iterator[str]:
    line = f"        {', '.join(names)} = {source}"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield "        ("
        yield from (f"            {name}," for name in names)
        yield f"        ) = {source}"


def _call(indent: str, function: str, arguments: Sequence[str], after: str = "") -> Iterator[str]:
    line = f"{indent}{function}({', '.join(arguments)}){after}"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield f"{indent}{function}("
        yield from (f"{indent}    {argument}," for argument in arguments)
        yield f"{indent}){after}"
