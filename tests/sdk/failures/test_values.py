"""Any object in any place: nothing is raised, nothing waits, and what leaves is within the catalogue."""

from __future__ import annotations

import json
import re
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from windrow import Telemetry
from windrow.catalogue import Catalogue, loads
from windrow.sinks import Memory
from windrow.state import MemoryState

from tests.support import products
from tests.support.catalogue import TOML

CASES = Path(__file__).parents[3] / "spec" / "cases"
DECLARED: dict[str, Any] = {
    "flag": {"type": "flag"},
    "choice": {"type": "choice", "values": ["green", "black"]},
    "choices": {"type": "choices", "values": ["a", "b", "c"]},
    "range": {"type": "range", "buckets": ["0", "1-9", "10-99", "100+"]},
    "count": {"type": "count", "max": 1000},
    "version": {"type": "version"},
    "name": {"type": "name", "values": ["0001_start", "0002_more"]},
    "route": {"type": "route", "values": ["/", "/teas/:id"]},
    "digest": {"type": "digest"},
}


def catalogue_of() -> Catalogue:
    """One event with a property of each type, all of which a snapshot has as well."""
    head = TOML.partition("[context")[0].replace('"hay"', '"kettle"')
    lines = [head]
    for event, kind in (("all", ""), ("shelf", 'kind = "snapshot"\n')):
        lines.append(f'[events.{event}]\ndescription = "All."\nwhy = "Tests."\nsince = "1.0.0"\n{kind}')
        for name, declared in DECLARED.items():
            lines.append(f'[events.{event}.properties.{name}]\nwhy = "Tests."\ndescription = "Tests."')
            lines += [f"{key} = {json.dumps(value)}" for key, value in declared.items()]
    lines.append(
        '[events.boiled]\nkind = "counter"\nbuckets = ["0", "1+"]\nwhy = "T."\ndescription = "T."\nsince = "1.0.0"'
    )
    lines += [f'[context.{name}]\ntype = "version"\nwhy = "T."' for name in ("app_version", "runtime")]
    return loads("\n".join(lines))


def is_allowed(name: str, value: object) -> bool:
    """Whether the catalogue lets this leave: written without a look at the coarsener."""
    text = value if type(value) is str else "\0"
    match name:
        case "flag":
            return type(value) is bool
        case "choice":
            return text in ("green", "black", "other")
        case "choices":
            words = ("a", "b", "c", "other")
            return type(value) is list and value == [word for word in words if word in value]
        case "range":
            return text in ("0", "1-9", "10-99", "100+")
        case "count":
            return type(value) is int and 0 <= value <= 1000
        case "version":
            return text == "custom" or bool(
                re.fullmatch(r"(?:(0|[1-9][0-9]{0,5})(?:\.(?!$)|$)){3}", text, re.ASCII)
            )
        case "name":
            return text in ("0001_start", "0002_more", "custom")
        case "route":
            return text in ("/", "/teas/:id", "other")
        case "digest":
            return bool(re.fullmatch("[0-9a-f]{64}", text))
    return False


class Hostile:
    """Each thing that can be asked of it raises; it says that it is text."""

    __class__ = str  # type: ignore[assignment]  # that is the hostility

    def refuse(self, *_: object, **__: object) -> Any:
        raise RuntimeError("no")

    __hash__ = __eq__ = __str__ = __repr__ = __iter__ = __bool__ = __float__ = __int__ = __index__ = refuse
    __len__ = __getitem__ = __contains__ = __lt__ = __gt__ = __le__ = __ge__ = __format__ = __reduce__ = (
        refuse
    )
    __getattr__ = __copy__ = __fspath__ = __bytes__ = __call__ = __add__ = __mul__ = __sub__ = refuse


class Pretends(str):
    """Text that pretends to be another text, and whose own content is a secret."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("choice")

    def __str__(self) -> str:
        return "choice"

    lower = strip = encode = __str__  # type: ignore[assignment]  # the same


class Number(int):
    """A number that answers no comparison."""

    def __lt__(self, other: object) -> bool:
        raise RuntimeError("no")

    __gt__ = __le__ = __ge__ = __eq__ = __lt__
    __hash__ = int.__hash__


class Sort(StrEnum):
    """What products write."""

    GREEN = "green"


def _recursive() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def _deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


LARGE: list[Any] = [
    *("x" * 1_000_000, b"x" * 1_000_000, ["a"] * 100_000, list(range(100_000)), {"x" * 1_000_000: 1}),
    *(10**5000, -(10**5000), float("nan"), float("inf"), -float("inf"), 1e308, -0.0, 5e-324),
    *(
        "\ud800",
        "\udfff\ud800",
        "\0",
        "green\0",
        "1.2.3\n",
        "1.2.3-rc.1+build",
        "٣.٢.١",
        "１.２.３",
        "v1.2.3",
    ),
    *(Hostile(), Pretends("the secret"), Number(5), Sort.GREEN, Hostile, object, type, len, Ellipsis),
    *(_recursive(), {1: {2: {3: _recursive()}}}, (x for x in "ab"), iter("ab"), {"a", "b"}, frozenset("a")),
    *(memoryview(b"x"), bytearray(b"x"), 1j, NotImplemented, Exception("the secret"), Path("/the/secret")),
]
# Hypothesis asks its values for their hash, and wants to draw them again.
_DRAWN = [value for value in LARGE if type(value) is not Hostile and not hasattr(type(value), "__next__")]


def worst(number: int) -> Any:
    return _DRAWN[number]


anything: st.SearchStrategy[Any] = st.deferred(
    lambda: st.one_of(
        st.integers(0, len(_DRAWN) - 1).map(worst),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=50)
        | st.binary(max_size=20),
        st.text(st.characters(), max_size=20),
        st.sampled_from(
            ["green", "black", "a", "0", "100+", "1-9", "1.2.3", "/", "other", "custom", "0" * 64]
        ),
        st.lists(st.sampled_from(["a", "b", "x"]) | anything, max_size=5),
        st.dictionaries(st.text(max_size=5), anything, max_size=3),
        st.decimals() | st.fractions() | st.datetimes() | st.uuids() | st.complex_numbers(),
    )
)
names = st.sampled_from(list(DECLARED)) | anything.filter(lambda value: type(value).__hash__ is not None)
CATALOGUE = catalogue_of()
BOUNDED = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
LONG = settings(BOUNDED, max_examples=5000)


def kettle(**options: Any) -> tuple[Telemetry, Memory]:
    sink = Memory()
    return Telemetry(
        CATALOGUE, sink=sink, state=MemoryState(), environ=products.ENVIRON, notice=lambda _: True, **options
    ), sink


def all_within(sink: Memory) -> int:
    """How many events left; each within the catalogue."""
    for envelope in sink.envelopes:
        json.dumps(envelope, allow_nan=False).encode()
        assert set(envelope["context"]) <= {"app_version", "runtime"}
        assert all(is_allowed("version", fact) for fact in envelope["context"].values())
    for event in sink.events:
        if event["name"] == "boiled":
            assert event["properties"]["count"] in ("0", "1+")
            continue
        assert event["name"] in ("all", "shelf")
        for name, value in event["properties"].items():
            assert is_allowed(name, value), (name, value)
    return len(sink.events)


def properties_of(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in pairs:
        try:
            made[key] = value
        except Exception:
            continue
    return made


def check_values(values: list[Any], pairs: list[tuple[Any, Any]], other: Any) -> None:
    telemetry, sink = kettle(context={"runtime": other})
    began = time.process_time()
    for value in values:
        for name in DECLARED:
            telemetry.track("all", {name: value})
    telemetry.track("all", properties_of(pairs))
    telemetry.track("all", other)
    telemetry.track(other)
    telemetry.count(other)
    telemetry.count("boiled", other)
    telemetry.ingest(other)
    telemetry.ingest([other, {"name": other, "properties": other}])
    telemetry.snapshot("shelf")(lambda: properties_of(pairs))
    assert time.process_time() - began < 5
    telemetry.track("all", {"flag": True})
    assert telemetry.flush(20)
    telemetry.close(5)
    assert "gave_up" not in telemetry.status().dropped
    assert all_within(sink) >= len(values) * len(DECLARED) + 1


arguments = given(st.lists(anything, max_size=4), st.lists(st.tuples(names, anything), max_size=5), anything)
test_any_object_in_any_place_raises_nothing_and_leaves_only_what_is_declared = BOUNDED(
    arguments(check_values)
)
test_the_same_with_many_more_objects = pytest.mark.long(LONG(arguments(check_values)))


@pytest.mark.parametrize("value", LARGE, ids=lambda value: type(value).__name__)
def test_each_of_the_worst_objects_is_no_trouble(value: Any) -> None:
    check_values([value], [("choice", value), (value, value)], value)


def test_a_key_that_pretends_to_be_declared_takes_nothing_out_and_costs_no_other_event() -> None:
    telemetry, sink = kettle()
    with telemetry:
        telemetry.track("all", {Pretends("the secret"): "green"})
        telemetry.track(Pretends("the secret"), {"choice": "green"})
        telemetry.track("all", {"choice": "green"})
        assert telemetry.flush()
    assert "secret" not in json.dumps(sink.envelopes)
    assert {"choice": "green"} in [event["properties"] for event in sink.events]


class Poison:
    """A key that is equal to a declared one, and that no JSON takes."""

    def __eq__(self, other: object) -> bool:
        return other == "choice"

    def __hash__(self) -> int:
        return hash("choice")


def test_a_key_that_is_no_text_costs_only_itself() -> None:
    telemetry, sink = kettle()
    with telemetry:
        telemetry.track("all", {"choice": "green"})
        telemetry.track("all", {Poison(): "green", "flag": True})  # type: ignore[dict-item]  # no text
        telemetry.track(Poison(), {"choice": "green"})  # type: ignore[arg-type]  # no text
        shelf: Any = lambda: {Poison(): "green", "flag": True}  # noqa: E731 -- a def would be checked
        telemetry.snapshot("shelf")(shelf)
        assert telemetry.flush()
        assert "gave_up" not in telemetry.status().dropped
    assert len(sink.events) == 3


@pytest.mark.parametrize("file", sorted(CASES.glob("*.json")), ids=lambda file: file.stem)
def test_what_the_golden_cases_let_leave_passes_the_oracle_too(file: Path) -> None:
    if file.stem == "event":
        return
    telemetry, sink = kettle()
    for case in json.loads(file.read_text()):
        telemetry.track("all", {file.stem: case["given"].get("value")})
    assert telemetry.flush()
    telemetry.close()
    assert all_within(sink)
