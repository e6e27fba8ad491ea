"""`Status`: what telemetry says about itself."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Status:
    """What `Telemetry.status()` says: all of it is safe to show to an operator."""

    __slots__ = (
        *("enabled", "lever", "value", "place", "debug", "where", "instance_id", "instance_kind"),
        *("queued", "sent", "dropped", "note"),
    )

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, values[name])

    enabled: bool
    lever: str
    value: str
    place: str
    debug: bool
    where: str
    instance_id: str | None
    instance_kind: str
    queued: int
    sent: int
    dropped: dict[str, int]
    note: str

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Status({shown})"
