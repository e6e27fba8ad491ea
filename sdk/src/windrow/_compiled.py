"""A catalogue compiled for the instance: one check a property, and what must be a digest before it leaves."""

from __future__ import annotations

from windrow._invalid import INVALID, text_of
from windrow.catalogue.coarsen import coarsener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windrow.catalogue import Catalogue
    from windrow.catalogue.coarsen import Check

    #: Told of each loss: a drop reason, and `event.property`.
    Lost = Callable[[str, str], None]
    #: Makes the digest of a value at a moment (unix seconds).
    Digester = Callable[[str, float], str]


class Compiled:
    """Checks by event and property: `events` has those of the plain events."""

    __slots__ = ("_catalogue", "_digest", "_digests", "_facts", "_snapshots", "events")

    def __init__(self, catalogue: Catalogue) -> None:
        self.events: dict[str, dict[str, Check]] = {}
        self._snapshots: dict[str, dict[str, Check]] = {}
        self._digests: dict[str, list[str]] = {}
        kinds = {"event": self.events, "snapshot": self._snapshots}
        for event in catalogue.events.values():
            # A digest is made in the flusher: its key is in the state, which track() never touches.
            checks = {p.name: coarsener(p, _encodable) for p in event.properties.values()}
            if event.kind in kinds:
                kinds[event.kind][event.name] = checks
            if digests := [p.name for p in event.properties.values() if p.type == "digest"]:
                self._digests[event.name] = digests
        self._facts = {p.name: coarsener(p) for p in catalogue.context.values() if p.type != "digest"}
        self._catalogue = catalogue
        self._digest = ""

    @property
    def digest(self) -> str:
        """The catalogue's digest, worked out when the first batch asks for it."""
        if not self._digest:
            self._digest = self._catalogue.digest
        return self._digest

    def clean_context(self, given: object, lost: Lost) -> dict[str, object]:
        """What may be sent of the facts about the instance, a mapping; the rest is told to `lost`."""
        return _clean("context", self._facts, given, lost)

    def clean_snapshot(self, event: str, given: object, lost: Lost) -> dict[str, object]:
        """What may be sent of a snapshot's properties, a mapping; the rest is told to `lost`."""
        return _clean(event, self._snapshots[event], given, lost)

    def make_digests(
        self, event: str, properties: dict[str, object], make: Digester | None, moment: float
    ) -> None:
        """Put digests in the place of plain values; without a key these are left out. `moment`: unix seconds."""
        for name in self._digests.get(event, ()):
            if name in properties:
                plain = str(properties.pop(name))
                if make:
                    properties[name] = make(plain, moment)

    def without_digests(self, event: str, properties: Mapping[str, object]) -> dict[str, object]:
        """What may be shown: a plain value never leaves the process, and logs do."""
        hidden = self._digests.get(event, ())
        return {name: "(digest)" if name in hidden else value for name, value in properties.items()}


def _clean(event: str, checks: Mapping[str, Check], given: object, lost: Lost) -> dict[str, object]:
    kept: dict[str, object] = {}
    try:
        for name, value in dict(given).items():  # type: ignore[call-overload]
            name = text_of(name)
            check = checks.get(name)
            sent = check(value) if check else INVALID
            if sent is INVALID:
                lost("invalid_value" if check else "undeclared_property", f"{event}.{name}")
            else:
                kept[name] = sent
    except Exception:  # whatever the product's own mapping raises
        lost("invalid_value", event)
    return kept


def _encodable(value: str) -> str:
    """The value itself, if it can be hashed later. Raises `UnicodeEncodeError` for lone surrogates."""
    value.encode()
    return value
