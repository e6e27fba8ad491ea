"""The lives of a fleet: births, upgrades, abandonment, opt-outs, containers without volumes."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

YEAR = 365
#: Releases, by how many days before the end they came out.
RELEASES = ((500, "1.0.0"), (300, "1.1.0"), (210, "1.2.0"), (196, "1.2.1"), (104, "1.3.0"), (32, "1.4.0"))
#: A broken release: some of its events are not in any catalogue.
BROKEN = "1.1.0"


@dataclass(slots=True)
class Life:
    """One deployment. Days count from the beginning of the year; `died` is the first day without it."""

    seed: int
    instance_id: str
    kind: str
    born: int
    died: int
    upgrades_after: int | None
    restarts_every: int
    first_version: int
    silent: range

    def sends_on(self, day: int) -> bool:
        """Whether it is alive and switched on."""
        return self.born <= day < self.died and day not in self.silent

    def version(self, day: int) -> str:
        """The release that it runs on a day."""
        newest = self.first_version
        if self.upgrades_after is not None:
            newest = max(newest, _release_of(day - self.upgrades_after))
        return RELEASES[newest][1]

    def id_on(self, day: int) -> str:
        """Its instance id on a day: a container without a volume is new after each restart."""
        if self.kind != "ephemeral":
            return self.instance_id
        return str(uuid.uuid5(uuid.UUID(self.instance_id), str((day - self.born) // self.restarts_every)))


def fleet(seed: int, births: int) -> Iterator[Life]:
    """`births` deployments over a year, in the order of their births."""
    source = random.Random(seed)
    days = sorted(_birthday(source) for _ in range(births))
    for born in days:
        kind = source.choices(("database", "file", "ephemeral"), (58, 30, 12))[0]
        yield Life(
            seed=source.getrandbits(48),
            instance_id=str(uuid.UUID(int=source.getrandbits(128), version=4)),
            kind=kind,
            born=born,
            died=born + _lifetime(source),
            upgrades_after=source.choices((source.randint(0, 9), source.randint(15, 80), None), (62, 26, 12))[
                0
            ],
            restarts_every=source.randint(2, 9),
            first_version=_release_of(born),
            silent=_silence(source, born),
        )


def _birthday(source: random.Random) -> int:
    """Steady growth, a spike after a launch, and fewer births at weekends."""
    while True:
        day = min(int(source.triangular(0, YEAR, YEAR)), YEAR - 1)
        if source.random() < 0.06:
            day = min(120 + int(source.expovariate(0.4)), YEAR - 1)
        if day % 7 < 5 or source.random() < 0.45:
            return day


def _lifetime(source: random.Random) -> int:
    """Days until it is abandoned or switched off: many are tried for an afternoon, some stay for years."""
    share = source.random()
    if share < 0.30:
        return source.randint(1, 3)
    if share < 0.52:
        return 3 + int(source.expovariate(1 / 25))
    return 20 + int(source.expovariate(1 / 420))


def _silence(source: random.Random, born: int) -> range:
    """Some are switched off for a while, and come back."""
    if source.random() > 0.15:
        return range(0)
    begin = born + source.randint(10, 200)
    return range(begin, begin + source.randint(8, 40))


def _release_of(day: int) -> int:
    out = [position for position, (before, _) in enumerate(RELEASES) if YEAR - before <= day]
    return out[-1] if out else 0
