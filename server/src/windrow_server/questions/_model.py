"""What a question is, and what an answer is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer: its name in the SQL, and what it holds (with its unit)."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked of the store, for one product and one period of days.

    `definition` is the sentence under the chart; `computed` tells how, for the reference page. The SQL is in
    `NAME.sql` beside the module; its bound parameters are product (String), since and until (Date, inclusive).
    A `lasting` question needs ids that last, and is not asked about a product whose instances change theirs.
    """

    name: str
    title: str
    definition: str
    computed: str
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    lasting: bool = False

    @property
    def sql(self) -> str:
        """The text of the question's SQL file."""
        return _text(self.name)


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one question, in the order that the SQL gives them; every row has all `columns`."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]


@cache
def _text(name: str) -> str:
    return (_HERE / f"{name}.sql").read_text("utf-8")
