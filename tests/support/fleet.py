"""A small fleet for questions: raw events as plain rows, made from a seed, with everything that makes counting hard.

It shares no code with the simulator or the store: what a question answers is compared with a plain count over `sent`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from windrow_server.store import Store

TODAY = date(2026, 11, 24)
FIRST = TODAY - timedelta(days=150)
EVENTS = ("instance_info", "agent_created", "page_view", "plugin_installed")
VERSIONS = tuple(f"1.{minor}.{patch}" for minor in range(8) for patch in range(2))


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as it arrived; `arrival` grows, and the same `id` may arrive more than once."""

    product: str
    event: str
    day: date
    instance: uuid.UUID
    kind: str
    id: uuid.UUID
    version: str
    arrival: int


@dataclass(frozen=True, slots=True)
class Lost:
    """One refusal as it was reported."""

    product: str
    day: date
    reason: str
    stage: str
    wire: str
    n: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """One numbered batch as it arrived; the same `batch` may arrive more than once."""

    product: str
    day: date
    instance: uuid.UUID
    kind: str
    number: int
    batch: uuid.UUID


def fleet(seed: int = 7) -> list[Sent]:
    """Some 70 sources of two products over 150 days, in the order of arrival: late, doubled, silent for weeks."""
    chance = random.Random(seed)
    sent: list[Sent] = []
    for number in range(70):
        product = "barn" if number % 10 == 9 else "hay"
        kind = chance.choices(("database", "file", "ephemeral", "foreign"), (60, 20, 14, 6))[0]
        sent += _life(chance, product, kind)
    late = sorted(
        sent, key=lambda one: (one.day, chance.random()) if chance.random() > 0.05 else (TODAY, 0.0)
    )
    again = [one for one in late if chance.random() < 0.1]
    return [_arrived(one, place) for place, one in enumerate(late + again)]


def refused() -> list[Lost]:
    """What two products were refused, on both stages and wires."""
    return [
        Lost("hay", TODAY, "undeclared_event", "collector", "posthog", 7),
        Lost("hay", TODAY - timedelta(days=3), "undeclared_event", "collector", "posthog", 5),
        Lost("hay", TODAY - timedelta(days=3), "invalid_value", "collector", "windrow", 1204),
        Lost("hay", TODAY - timedelta(days=200), "invalid_value", "collector", "windrow", 9),
        Lost("hay", TODAY - timedelta(days=1), "queue_full", "sdk", "windrow", 3),
        Lost("barn", TODAY, "queue_full", "sdk", "windrow", 1000),
    ]


def numbered(seed: int = 8) -> list[Numbered]:
    """A batch for each day on which an instance sent; some are copies that give a number again, soon or late."""
    chance = random.Random(seed)
    days: dict[tuple[str, uuid.UUID, str], set[date]] = {}
    for one in fleet():
        days.setdefault((one.product, one.instance, one.kind), set()).add(one.day)
    batches: list[Numbered] = []
    for (product, instance, kind), active in days.items():
        if kind == "foreign":
            continue
        life = [
            Numbered(product, day, instance, kind, number, uuid.UUID(int=chance.getrandbits(128)))
            for number, day in enumerate(sorted(active))
        ]
        again = [one for one in life if chance.random() < 0.2]
        copied = chance.sample(life, min(len(life), 3)) if chance.random() < 0.3 else []
        late = [
            replace(
                one,
                batch=uuid.UUID(int=chance.getrandbits(128)),
                day=min(TODAY, one.day + timedelta(days=chance.choice((0, 5, 120)))),
            )
            for one in copied
        ]
        batches += life + again + late
    return batches


def fill(store: Store, sent: list[Sent], lost: list[Lost], batches: list[Numbered]) -> None:
    """Put the rows into an empty store, and build its roll-ups as the loader does."""
    received = datetime(2026, 11, 24, tzinfo=UTC)
    store.insert(
        "events",
        {
            "product": [one.product for one in sent],
            "event": [one.event for one in sent],
            "day": [one.day for one in sent],
            "hour": [0 for _ in sent],
            "instance_id": [one.instance for one in sent],
            "instance_kind": [one.kind for one in sent],
            "event_id": [one.id for one in sent],
            "app_version": [one.version for one in sent],
            "properties": [{} for _ in sent],
            "context": [{} for _ in sent],
            "catalogue": ["" for _ in sent],
            "sdk": ["" for _ in sent],
            "wire": ["windrow" for _ in sent],
            "received": [received for _ in sent],
            "collector": ["c-test" for _ in sent],
            "sequence": [one.arrival for one in sent],
            "version": [one.arrival for one in sent],
        },
        token="fleet",
    )
    store.insert(
        "refusals",
        {
            "product": [one.product for one in lost],
            "day": [one.day for one in lost],
            "reason": [one.reason for one in lost],
            "wire": [one.wire for one in lost],
            "stage": [one.stage for one in lost],
            "n": [one.n for one in lost],
            "collector": ["c-test" for _ in lost],
            "sequence": list(range(len(lost))),
        },
        token="lost",
    )
    store.insert(
        "batches",
        {
            "product": [one.product for one in batches],
            "day": [one.day for one in batches],
            "instance_id": [one.instance for one in batches],
            "instance_kind": [one.kind for one in batches],
            "number": [one.number for one in batches],
            "batch_id": [one.batch for one in batches],
        },
        token="batches",
    )
    for product in sorted({one.product for one in sent}):
        store.rebuild_days(product, {one.day for one in sent if one.product == product})


@contextmanager
def fleet_in_a_store(folder: Path) -> Iterator[Store]:
    """Run a real store process over `folder`, with the fleet in it."""
    command = [sys.executable, "-m", "windrow_server.store.process", "--data", str(folder)]
    environment = {**os.environ, "WINDROW_STORE_TOKEN": "fleet"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = json.loads(process.stdout.readline())["port"]
            store = Store.connect(f"http://default:fleet@127.0.0.1:{port}/windrow")
            store.migrate()
            fill(store, fleet(), refused(), numbered())
            yield store
            store.close()
        finally:
            process.stdin.close()
            process.wait(20)


def _life(chance: random.Random, product: str, kind: str) -> list[Sent]:
    instance = uuid.UUID(int=chance.getrandbits(128))
    fleeting = kind in ("ephemeral", "foreign")
    born = chance.randint(110, 150) if fleeting else chance.randint(0, 150)
    days = chance.randint(0, 6) if fleeting else chance.randint(0, 150)
    often = chance.choice((0.95, 0.5, 0.08))
    lag = chance.randint(0, 30)
    sent = []
    for number in range(born, min(born + days, 150) + 1):
        if number != born and chance.random() > often:
            continue
        version = VERSIONS[max(0, min((number - lag) // 9, len(VERSIONS) - 1))]
        version = "" if kind == "foreign" or born % 13 == 0 else "custom" if born % 11 == 0 else version
        for event in chance.sample(EVENTS, chance.randint(1, 3)):
            event_id = uuid.UUID(int=chance.getrandbits(128))
            day = FIRST + timedelta(days=number)
            sent.append(Sent(product, event, day, instance, kind, event_id, version, 0))
    return sent


def _arrived(one: Sent, place: int) -> Sent:
    return Sent(one.product, one.event, one.day, one.instance, one.kind, one.id, one.version, place)
