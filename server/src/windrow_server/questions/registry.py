"""The registry: whatever lists questions (pages, reference, tests) reads it here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from windrow_server.questions import (
    active_instances,
    events_by_name,
    headline,
    lifecycle,
    other_kinds,
    refusals,
    suspected_clones,
    versions,
)
from windrow_server.questions._model import Answer, Question

if TYPE_CHECKING:
    from windrow_server.store import Store

QUESTIONS: dict[str, Question] = {
    module.QUESTION.name: module.QUESTION
    for module in (
        headline,
        active_instances,
        lifecycle,
        versions,
        events_by_name,
        other_kinds,
        suspected_clones,
        refusals,
    )
}
"""Every question by its name, in the order of the page."""


def question(name: str) -> Question:
    """Return the question of that name. Raises KeyError with the names that there are."""
    if name not in QUESTIONS:
        raise KeyError(f"There is no question {name!r}. There are: {', '.join(QUESTIONS)}.")
    return QUESTIONS[name]


def ask(store: Store, name: str, *, product: str, since: date, until: date) -> Answer:
    """Ask the store one question about the days `since` to `until`, both included (UTC).

    Raises KeyError for an unknown name, ValueError for a period that ends before it begins, and whatever the
    store raises when it does not answer.
    """
    asked = question(name)
    if until < since:
        raise ValueError(f"The period ends ({until}) before it begins ({since}).")
    rows = store.query(asked.sql, {"product": product, "since": since, "until": until})
    return Answer(asked.name, asked.title, tuple(column.name for column in asked.columns), rows)
