"""Names for generated functions: each is a word of the target language that nothing else has."""

from __future__ import annotations

import keyword
from collections.abc import Iterable

from windrow.catalogue import Catalogue

# What a method or parameter of this name would hide from the annotations beside it.
_PYTHON = frozenset((*keyword.kwlist, "bool", "dict", "float", "int", "object", "self", "str"))
_JAVASCRIPT = """
    arguments await break case catch class const continue debugger default delete do else enum eval
    export extends false finally for function if implements import in instanceof interface let new null
    package private protected public return static super switch this throw true try typeof undefined var
    void while with yield
"""


class Names:
    """Gives out names; one that is taken gets an underscore or two at its end."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def new(self, wish: str) -> str:
        """The name that was wished for, or the next best."""
        while wish in self._taken:
            wish += "_"
        self._taken.add(wish)
        return wish


def camel(name: str, *, upper: bool) -> str:
    """`plugin_installed` as `PluginInstalled` or `pluginInstalled`."""
    first, *others = (part for part in name.split("_") if part)
    return (first.capitalize() if upper else first) + "".join(part.capitalize() for part in others)


def python_functions(catalogue: Catalogue) -> dict[str, str]:
    """The method of each event."""
    names = Names(_PYTHON)
    return {event: names.new(event) for event in catalogue.events}


def python_parameters(properties: Iterable[str]) -> dict[str, str]:
    """The parameter of each property."""
    names = Names(_PYTHON)
    return {name: names.new(name) for name in properties}


def javascript_functions(catalogue: Catalogue) -> dict[str, str]:
    """The function of each event; a snapshot has none."""
    names = Names(_JAVASCRIPT.split())
    plain = (event.name for event in catalogue.events.values() if event.kind != "snapshot")
    return {event: names.new(camel(event, upper=False)) for event in plain}
