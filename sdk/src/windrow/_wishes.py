"""What a collector may ask of an instance in its replies: to stop for a time, or to leave sending to a share of all."""

from __future__ import annotations

from windrow.envelope import wire_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from windrow._identity import Identity
    from windrow.state import State

_LONGEST_STOP = 365 * 86_400
_SAMPLE_SECONDS = 7 * 86_400  # then one batch is sent, whose reply says whether it still holds


def remember_wishes(state: State, wishes: Mapping[str, float], now: float) -> None:
    """Keep `stop` (seconds) and `sample` (0 to 1) in the state. Raises `StateError` and `OSError`."""
    if stop := wishes.get("stop"):
        state.swap("stop", state.get("stop"), str(int(now + min(stop, _LONGEST_STOP))))
    if "sample" in wishes:
        row = f"{wishes['sample']:.6f} {int(now + _SAMPLE_SECONDS)}" if wishes["sample"] < 1 else None
        state.swap("sample", state.get("sample"), row)


def is_sampled_out(state: State, identity: Identity, now: float) -> bool:
    """Whether this instance is not among those that are to send. Raises `StateError`."""
    share, _, until = (state.get("sample") or "").partition(" ")
    if not until.isdecimal() or len(until) > 15 or not now < int(until) <= now + _SAMPLE_SECONDS:
        return False
    try:
        return identity.place(wire_time(now, "day")) >= float(share)
    except ValueError:
        return False
