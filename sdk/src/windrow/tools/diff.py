"""`windrow diff`: what a release newly collects, no longer collects, and does otherwise, in words for its notes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from windrow.catalogue import Catalogue, Event, Property, load
from windrow.catalogue._atoms import atoms, atoms_of_context
from windrow.tools._console import EXIT_BAD, EXIT_OK, say
from windrow.tools._words import sends, tidy

HEADINGS = {"new": "Newly collected", "gone": "No longer collected", "changed": "Changed"}
_KINDS = {"event": "plain event", "counter": "counter", "snapshot": "snapshot"}
Declared = TypeVar("Declared", Event, Property)


class Change(NamedTuple):
    """One difference. `sort`: new, gone or changed; `place`: its dotted path in the catalogue; `text`: Markdown."""

    sort: str
    place: str
    text: str


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `windrow diff`."""
    parser = commands.add_parser("diff", help="say in words what a release newly collects, for its notes")
    parser.add_argument("old", type=Path, help="the catalogue of the release before: .toml or .json")
    parser.add_argument("new", type=Path, help="the catalogue of this release")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if NEW collects more than OLD")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    old, new = load(options.old), load(options.new)
    more = sorted(atoms(new) - atoms(old))
    found = differences(old, new)
    if options.json:
        report = {
            "collects_more": bool(more),
            "new_statements": more,
            "changes": [c._asdict() for c in found],
        }
        say(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        say(markdown(found))
    return EXIT_BAD if more and options.exit_code else EXIT_OK


def markdown(changes: list[Change]) -> str:
    """The changes as lists, ready for release notes."""
    lines: list[str] = []
    for sort, heading in HEADINGS.items():
        texts = [change.text for change in changes if change.sort == sort]
        if texts:
            lines += ["", f"**{heading}**", "", *(f"- {text}" for text in texts)]
    return "\n".join(lines[1:]) or "Nothing has changed in what is collected."


def differences(old: Catalogue, new: Catalogue) -> list[Change]:
    """All differences that matter to an operator. Some are `new` exactly when `new` makes a new statement."""
    return [
        *_product(old, new),
        *_members("fact", "context", old.context, new.context, _fact),
        *_members("event", "events", old.events, new.events, _event),
    ]


# ---- the product -----------------------------------------------------------------------------------


def _product(old: Catalogue, new: Catalogue) -> Iterator[Change]:
    before, after = old.product, new.product
    made = {statement.partition(":")[0] for statement in atoms(new) - atoms(old)}
    rotate = {"monthly": "changes each month", "never": "lasts for ever"}
    for key, statement, text in (
        ("name", "", "The catalogue is of `{new}`, and was of `{old}`."),
        ("sink", "to", "Batches go to a sink of the kind `{new}`, and went to one of the kind `{old}`."),
        ("endpoint", "", "Batches go to {new}, and went to {old}."),
        ("keep_days", "keep", "Events are kept for {new} days, and were for {old}."),
        ("time_precision", "time", "Of a time, the {new} is sent, and was the {old}."),
        (
            "rotate",
            "rotate",
            f"The id of an instance {rotate[after.rotate]}; before, it {rotate[before.rotate]}.",
        ),
        (
            "grace_minutes",
            "",
            "Nothing leaves for {new} minutes after the notice, and nothing did for {old}.",
        ),
    ):
        was, now = getattr(before, key), getattr(after, key)
        if was != now:
            sort = "changed" if not statement else "new" if statement in made else "gone"
            yield Change(sort, f"product.{key}", text.format(new=now, old=was))


# ---- events, facts, properties ----------------------------------------------------------------------


def _members(
    word: str,
    path: str,
    old: Mapping[str, Declared],
    new: Mapping[str, Declared],
    compare: Callable[[str, Declared, Declared], Iterator[Change]],
) -> Iterator[Change]:
    for name, declared in new.items():
        place = f"{path}.{name}"
        if name in old:
            yield from compare(place, old[name], declared)
        else:
            yield Change("new", place, f"The {word} `{name}`: {_told(declared)}")
    for name, declared in old.items():
        if name not in new:
            yield Change(
                "gone", f"{path}.{name}", f"The {word} `{name}`. {tidy(declared.description)}".strip()
            )


def _told(declared: Event | Property) -> str:
    said = tidy(declared.description) or "not described."
    why = f" Why: {tidy(declared.why)}" if declared.why else ""
    if isinstance(declared, Property):
        return f"{said}{why} Sent: {sends(declared)}."
    if declared.kind == "counter":
        return f"{said}{why} Sent once a day: {sends(declared.properties['count'])}."
    sent = "; ".join(f"`{prop.name}`, {sends(prop)}" for prop in declared.properties.values())
    when = " once a day" if declared.daily else ""
    return f"{said}{why} Sent{when}: {sent or 'nothing but that it happened'}."


def _fact(place: str, old: Property, new: Property) -> Iterator[Change]:
    yield from _property(place, f"The fact `{new.name}`", old, new)


def _event(place: str, old: Event, new: Event) -> Iterator[Change]:
    about = f"The event `{new.name}`"
    if old.kind != new.kind:
        text = f"{about} is sent as a {_KINDS[new.kind]}, and was as a {_KINDS[old.kind]}."
        yield Change("new", f"{place}.kind", text)
    if old.source != new.source:
        text = f"{about} comes from the {new.source}, and came from the {old.source}."
        yield Change("new", f"{place}.from", text)
    for name, prop in new.properties.items():
        below = f"{place}.properties.{name}"
        if name in old.properties:
            yield from _property(below, f"`{name}` of `{new.name}`", old.properties[name], prop)
        else:
            yield Change("new", below, f"`{name}` of `{new.name}`: {_told(prop)}")
    for name in old.properties:
        if name not in new.properties:
            yield Change("gone", f"{place}.properties.{name}", f"`{name}` of `{new.name}`.")


def _property(place: str, about: str, old: Property, new: Property) -> Iterator[Change]:
    before, after = atoms_of_context(old), atoms_of_context(new)
    if after - before:
        yield Change("new", place, f"{about} {_otherwise(old, new, after - before)}")
    elif before - after:
        yield Change("gone", place, f"{about} {_otherwise(old, new, before - after)}")
    elif old.values != new.values and set(old.values) != set(new.values):
        yield _changed(place, f"{about} {_list_of(old, new)}")


def _otherwise(old: Property, new: Property, statements: frozenset[str]) -> str:
    if old.type == new.type and new.values and statements:
        return _list_of(old, new)
    return f"is {sends(new)}, and was {sends(old)}."


def _list_of(old: Property, new: Property) -> str:
    more = [value for value in new.values if value not in old.values]
    less = [value for value in old.values if value not in new.values]
    said = [
        f"can also be {_quoted(more)}" if more else "",
        f"can no longer be {_quoted(less)}" if less else "",
    ]
    return f"{', and '.join(filter(None, said))}."


def _quoted(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _changed(place: str, text: str) -> Change:
    return Change("changed", place, text)
