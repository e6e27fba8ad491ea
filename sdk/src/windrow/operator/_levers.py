"""What each lever says now: the gate is asked about one at a time, so that there is one opinion and not two."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from windrow._gate import CI, LEVERS, TEST_RUNNERS, Decision, decide, place_of, remembered
from windrow._settings import SETTINGS
from windrow.catalogue import Product
from windrow.errors import StateError
from windrow.operator._times import instant
from windrow.state import MemoryState, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._gate import Config

#: Below a file there is no folder, so that no file of the machine is found.
_NOWHERE = {"WINDROW_ETC": os.devnull}
_MACHINE = ("WINDROW_ETC", "PROGRAMDATA")


def asked(
    product: Product,
    environ: Mapping[str, str],
    config: Config,
    state: State | None,
    now: float,
    *,
    config_known: bool,
    problem: str = "",
    place: str = "",
    closed: bool = False,
) -> list[dict[str, str]]:
    """Each lever in its order with what it `says`: `off`, `passes`, or `unknown`; its value and its place."""

    def gate(names: tuple[str, ...], config: Config = None, base: Mapping[str, str] = _NOWHERE) -> Decision:
        return decide(product, {**base, **{n: str(environ[n]) for n in names if n in environ}}, config)

    outside = {
        product.env("DISABLED"): gate((product.env("DISABLED"),)),
        "DO_NOT_TRACK": gate(("DO_NOT_TRACK",)),
        "ci": gate(CI),
        "test_runner": gate(TEST_RUNNERS),
        "config": gate((), config),
        "machine": gate(_MACHINE, base={}),
    }
    inside = _inside(state, now, problem, place)
    rows = []
    for template, _ in LEVERS:
        lever = template.format(PRODUCT=product.name.upper())
        if lever in outside:
            said = str(environ.get(lever, ""))
            if lever == product.env("DISABLED") and not said:
                said = _misspelt(product, environ)
            rows.append(_row(lever, outside[lever], said))
        else:
            rows.append({"lever": lever, "says": "passes", "value": "", "place": "", **inside.get(lever, {})})
    for row in rows:
        if row["lever"] == "config" and not config_known:
            row["says"] = "unknown"
        if row["lever"] == "closed" and closed:
            row["says"] = "off"
    return rows


def decided(levers: list[dict[str, str]]) -> dict[str, Any]:
    """The first lever that says no; else `default`."""
    first = next((row for row in levers if row["says"] == "off"), levers[-1])
    return {
        "enabled": first["says"] != "off",
        "lever": first["lever"],
        "value": first["value"],
        "place": first["place"],
    }


def is_debug(product: Product, environ: Mapping[str, str]) -> bool:
    """Whether events are shown instead of sent."""
    name = product.env("DEBUG")
    return decide(product, _NOWHERE | {n: str(environ[n]) for n in (name,) if n in environ}, None).debug


def _row(lever: str, decision: Decision, said: str) -> dict[str, str]:
    if decision.enabled:
        return {"lever": lever, "says": "passes", "value": said, "place": "environment" if said else ""}
    return {"lever": lever, "says": "off", "value": decision.value, "place": decision.place}


def _misspelt(product: Product, environ: Mapping[str, str]) -> str:
    """What somebody may have taken for the switch; empty where there is nothing of the sort."""
    known = {product.env(setting) for setting, _, _ in SETTINGS}
    prefix = f"{product.name.upper()}_"
    found = [
        name
        for name in sorted(environ)
        if name not in known and name.upper().startswith(prefix) and "TELEMETRY" in name.upper()
    ]
    return f"not set; {found[0]} is, and has no meaning" if found else ""


def _inside(state: State | None, now: float, problem: str, place: str) -> dict[str, dict[str, str]]:
    unknown = {"says": "unknown"}
    if problem:
        return {
            "operator": unknown,
            "collector": unknown,
            "state": {"says": "off", "value": problem, "place": place},
        }
    if state is None:
        return {}
    place = place_of(state)
    found = {}
    for lever, key in (("operator", "consent"), ("collector", "stop")):
        row = state.get(key)
        if row is not None:
            says = "passes" if _alone(key, row, now) is None else "off"
            found[lever] = {"says": says, "value": _value(key, row, says), "place": place}
    return found


def _alone(key: str, row: str, now: float) -> Decision | None:
    alone = MemoryState()
    alone.swap(key, None, row)
    try:
        return remembered(alone, now)
    except StateError as error:
        return Decision(False, "state", str(error))


def _value(key: str, row: str, says: str) -> str:
    if key == "stop":
        until = instant(row)
        return f"until {until}" if until and says == "off" else "over" if until else row[:20]
    word, _, since = row.partition(" ")
    return f"{word[:20]} since {instant(since)}" if instant(since) else word[:20]
