"""The labels of a range, and the numbers they stand for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def parse_buckets(labels: Sequence[str]) -> list[int]:
    """The lowest number of each label: `["0", "1-9", "10+"]` gives `[0, 1, 10]`.

    Labels are `n`, `a-b` or, at the end, `n+`. Raises `ValueError` unless they start at 0 or 1,
    ascend without a gap and each holds a number.
    """
    lowest: list[int] = []
    expected: int | None = None
    for position, label in enumerate(labels):
        low, high = _bounds(label)
        if expected is None:
            if low not in (0, 1):
                raise ValueError(f"begins with {label!r}, not at 0 or 1")
        elif low != expected:
            raise ValueError(f"has a gap or an overlap before {label!r}: {expected} comes next")
        if high is None and position != len(labels) - 1:
            raise ValueError(f"{label!r} is open and must come last")
        lowest.append(low)
        expected = low if high is None else high + 1
    return lowest


def _bounds(label: str) -> tuple[int, int | None]:
    open_end = label.endswith("+")
    parts = [label[:-1]] if open_end else label.split("-")
    if len(parts) > 2 or not all(
        part.isascii() and part.isdigit() and str(int(part[:16])) == part for part in parts
    ):
        raise ValueError(f"{label!r} is not a label")
    low, high = int(parts[0]), int(parts[-1])
    if high < low or (len(parts) == 2 and high == low):
        raise ValueError(f"{label!r} holds no range")
    return low, None if open_end else high
