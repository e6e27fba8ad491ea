"""The TypeScript that `windrow generate typescript` writes: one function an event, over `track` and `count`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from windrow.catalogue import Catalogue, Event, Property
from windrow.tools._names import Names, camel, javascript_functions
from windrow.tools._words import tidy

_PLAIN = {
    "flag": "boolean",
    "range": "number",
    "count": "number",
    "version": "string",
    "name": "string",
    "route": "string",
    "digest": "string",
}
_HEAD = """\
/**
 * Typed functions for all that {title} may send.
 *
 * Generated from the catalogue. Do not edit; make it anew:
 * windrow generate typescript CATALOGUE -o THIS_FILE
 */

/** Takes what happened: the handle of `windrow/browser`, say. */
export interface Telemetry {{
  track(event: string, properties?: object): void;
  count(event: string, n?: number): void;
}}
"""


def typescript_module(catalogue: Catalogue) -> str:
    """The module, complete: sound under `tsc --strict`, without an import."""
    return "\n".join(_lines(catalogue)) + "\n"


def _lines(catalogue: Catalogue) -> Iterator[str]:
    yield _HEAD.format(title=_prose(catalogue.product.title)).rstrip()
    names = Names(("Telemetry",))
    functions = javascript_functions(catalogue)
    for event in catalogue.events.values():
        if event.kind == "counter":
            yield ""
            yield from _comment("", event, "Counted on the instance, sent once a day.")
            yield f'export function {functions[event.name]}(telemetry: Pick<Telemetry, "count">, n = 1): void {{'
            yield f'  telemetry.count("{event.name}", n);'
            yield "}"
            continue
        shape = names.new(camel(event.name, upper=True)) if event.properties else ""
        if shape:
            yield from _interface(event, shape)
        if event.kind == "event":
            yield ""
            yield from _comment("", event)
            given = f", properties: {shape} = {{}}" if shape else ""
            passed = ", properties" if shape else ""
            yield f'export function {functions[event.name]}(telemetry: Pick<Telemetry, "track">{given}): void {{'
            yield f'  telemetry.track("{event.name}"{passed});'
            yield "}"


def _interface(event: Event, shape: str) -> Iterator[str]:
    what = "What the snapshot is told" if event.kind == "snapshot" else "The properties"
    yield ""
    yield f"/** {what}: `{event.name}`. */"
    yield f"export interface {shape} {{"
    for prop in event.properties.values():
        if prop.description:
            yield f"  /** {_prose(prop.description)} */"
        yield f"  {prop.name}?: {_type(prop)} | undefined;"
    yield "}"


def _type(prop: Property) -> str:
    if prop.type not in ("choice", "choices"):
        return _PLAIN[prop.type]
    values = " | ".join(json.dumps(value, ensure_ascii=False) for value in (*prop.values, "other"))
    return f"readonly ({values})[]" if prop.type == "choices" else values


def _comment(indent: str, event: Event, *more: str) -> Iterator[str]:
    said = [_prose(event.description) or f"Send {event.name}.", *more]
    if event.why:
        said.append(f"Why: {_prose(event.why)}")
    yield f"{indent}/**"
    yield from (f"{indent} * {line}" for line in said)
    yield f"{indent} */"


def _prose(text: str) -> str:
    return "".join(c for c in tidy(text).replace("*/", "* /") if c.isprintable())
