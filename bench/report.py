"""What a benchmark says, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Result(NamedTuple):
    """One comparison. `ours` and `peer` are in `unit`; `budget` bounds ours/peer (`at_least`: from below)."""

    name: str
    ours: float
    peer_name: str
    peer: float
    unit: str
    budget: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Ours by the peer's."""
        return self.ours / self.peer if self.peer else float("inf")

    @property
    def kept(self) -> bool:
        """Whether the budget holds."""
        if self.budget is None:
            return True
        return self.ratio >= self.budget if self.at_least else self.ratio <= self.budget


def table(results: Iterable[Result]) -> str:
    """The results in columns."""
    rows = [("what", "ours", "against", "peer", "unit", "ratio", "budget", "")]
    for r in results:
        sign = "≥" if r.at_least else "≤"
        budget = f"{sign} {r.budget:.3g}" if r.budget is not None else "–"
        verdict = "ok" if r.kept else "OVER BUDGET"
        rows.append(
            (
                r.name,
                f"{r.ours:,.2f}",
                r.peer_name,
                f"{r.peer:,.2f}",
                r.unit,
                f"{r.ratio:.3f}",
                budget,
                verdict,
            )
        )
    return columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the first the heading, one below the other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
