"""`windrow scan`: holds the source of a product against its catalogue.

A call counts where its receiver says that it is a telemetry; on any other object it counts only as a sign that a
declared event is sent, so that neither `player.track("intro")` nor `"a-b".count("-")` is ever complained of.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from windrow.catalogue import Catalogue, Event, load
from windrow.tools import _scan_python, _scan_web
from windrow.tools._calls import CALL_OF, GENERATED, Call, Feature, Generated
from windrow.tools._console import EXIT_BAD, EXIT_OK, say
from windrow.tools._names import javascript_functions, python_functions

_SCRIPTS = frozenset((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"))
_PAGES = frozenset((".vue", ".html", ".svelte"))
_SKIPPED = frozenset(("node_modules", "__pycache__", "dist", "build", "venv", "site-packages"))
_LARGEST = 2_000_000  # bytes; what is larger was not written by hand


class Finding(NamedTuple):
    """One thing to mend (`level`: error) or to think about (advice, unused)."""

    file: str
    line: int
    level: str
    message: str
    hint: str


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `windrow scan`."""
    parser = commands.add_parser(
        "scan", help="find calls that the catalogue does not declare, and the reverse"
    )
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("paths", type=Path, nargs="+", metavar="path", help="folders and files of the source")
    parser.add_argument(
        "--receiver",
        action="append",
        default=[],
        metavar="NAME",
        help="calls on NAME count, too; without it, on what was made from windrow or has telemetry in its name",
    )
    parser.add_argument("--strict", action="store_true", help="fail on events that nothing sends, too")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    catalogue = load(options.catalogue)
    findings = scan(catalogue, options.paths, options.receiver)
    if options.json:
        say(json.dumps([finding._asdict() for finding in findings], indent=2, ensure_ascii=False))
    for finding in [] if options.json else findings:
        advice = "" if finding.level == "error" else "advice: "
        say(f"{finding.file}:{finding.line}: {advice}{finding.message}\n    {finding.hint}")
    levels = {finding.level for finding in findings}
    bad = "error" in levels or (options.strict and "unused" in levels)
    if not options.json and not findings:
        say(f"What is sent is what {options.catalogue} declares.")
    return EXIT_BAD if bad else EXIT_OK


def scan(catalogue: Catalogue, paths: Sequence[Path], receivers: Iterable[str] = ()) -> list[Finding]:
    """All that a search through files and folders finds, in the order of the files. Raises `OSError`."""
    calls: list[Call] = []
    features: list[Feature] = []
    findings: list[Finding] = []
    texts = [(str(file), file.suffix, _text_of(file)) for file in _files(paths)]
    made = [Path(name).stem for name, _, text in texts if _is_generated(text)]
    python = Generated(frozenset(made), _by_function(python_functions(catalogue)))
    script = Generated(frozenset(made), _by_function(javascript_functions(catalogue)))
    more = frozenset(receivers)
    for name, suffix, text in texts:
        if _is_generated(text):
            continue
        if suffix == ".py":
            try:
                calls += _scan_python.calls_in(text, name, more, python)
            except (SyntaxError, ValueError) as error:
                line = getattr(error, "lineno", None) or 1
                findings.append(
                    Finding(name, line, "advice", "is not Python", "Nothing in it was looked at.")
                )
        else:
            found = _scan_web.found_in(text, name, more, script, page=suffix in _PAGES)
            calls += found[0]
            features += found[1]
    findings += [finding for call in calls for finding in _about_call(catalogue, call)]
    findings += [finding for feature in features for finding in _about_feature(catalogue, feature)]
    findings.sort()
    return findings + list(_unused(catalogue, calls, features))


# ---- files -----------------------------------------------------------------------------------------


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path  # one that was named is looked at, whatever it is called
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
            if "pyvenv.cfg" in files:
                folders.clear()
                continue
            for name in sorted(files):
                file = Path(folder, name)
                if not name.startswith(".") and file.suffix in ({".py"} | _SCRIPTS | _PAGES):
                    yield file


def _text_of(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(_LARGEST + 1)
    return "" if len(content) > _LARGEST else content.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _is_generated(text: str) -> bool:
    return GENERATED in text[:2000]


def _by_function(functions: dict[str, str]) -> dict[str, str]:
    return {function: event for event, function in functions.items()}


# ---- judgement -------------------------------------------------------------------------------------


def _about_call(catalogue: Catalogue, call: Call) -> Iterator[Finding]:
    place = call.file, call.line
    if call.name is None:
        hint = "Write the name there, or as a constant of the file; or look yourself that it is declared."
        yield Finding(*place, "advice", f"the name of what {call.call}() is given cannot be seen", hint)
        return
    event = catalogue.events.get(call.name)
    if event is None:
        if call.sure:
            yield Finding(
                *place, "error", f"the event {call.name!r} is not declared", _meant(catalogue, call.name)
            )
        return
    if call.sure and call.call and call.call != CALL_OF[event.kind]:
        kind = "plain event" if event.kind == "event" else event.kind
        message = f"{event.name!r} is a {kind}, and {call.call}() would drop it"
        right = {
            "track": "telemetry.track()",
            "count": "telemetry.count()",
            "snapshot": "@telemetry.snapshot",
        }
        yield Finding(*place, "error", message, f"Use {right[CALL_OF[event.kind]]}.")
        return
    for key in call.keys:
        if key not in event.properties:
            hint = f"Declare [events.{event.name}.properties.{key}], or stop sending it.{_close(key, event.properties)}"
            yield Finding(*place, "error", f"the property {key!r} of {event.name!r} is not declared", hint)
    if call.sure:
        yield from _about_side(event, call)


def _about_side(event: Event, call: Call) -> Iterator[Finding]:
    if not call.side or event.source == call.side:
        return
    place = call.file, call.line
    if call.side == "server":
        message = f'{event.name!r} is declared from = "dashboard", and sent by the server'
        hint = "What TELEMETRY.md says of it is not true: leave from out, or send it from the dashboard."
    else:
        message = f"{event.name!r} is declared for the server, and sent by a script"
        hint = (
            'From a browser it would be dropped: declare from = "dashboard". In a server of Node all is well.'
        )
    yield Finding(*place, "advice", message, hint)


def _about_feature(catalogue: Catalogue, feature: Feature) -> Iterator[Finding]:
    event = catalogue.events.get("feature_click")
    declared = event.properties.get("feature") if event else None
    place = feature.file, feature.line
    if declared is None:
        hint = "Declare [events.feature_click] with a choice named feature."
        yield Finding(*place, "error", "data-telemetry sends 'feature_click', which is not declared", hint)
    elif feature.value is None:
        hint = f"Look yourself that it is one of {', '.join(declared.values)}."
        yield Finding(*place, "advice", "the value of data-telemetry cannot be seen", hint)
    elif declared.values and feature.value not in declared.values:
        message = f"data-telemetry={feature.value!r} is not declared, and leaves as 'other'"
        yield Finding(
            *place,
            "error",
            message,
            f"Add it to the values of feature.{_close(feature.value, declared.values)}",
        )


def _unused(catalogue: Catalogue, calls: list[Call], features: list[Feature]) -> Iterator[Finding]:
    sent = {call.name for call in calls}
    if features:
        sent.add("feature_click")
    for event in catalogue.events.values():
        if event.name not in sent:
            place = catalogue.places.get(f"events.{event.name}", "telemetry.json:1")
            file, _, line = place.rpartition(":")
            hint = "Remove it from the catalogue, or name the folder that sends it."
            yield Finding(file, int(line), "unused", f"nothing sends the event {event.name!r}", hint)


def _meant(catalogue: Catalogue, name: str) -> str:
    return f"Declare [events.{name}], or mend the name.{_close(name, catalogue.events)}"


def _close(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" Did you mean {near[0]}?" if near else ""
