"""One transfer: read, insert, roll up, and only then forget."""

from __future__ import annotations

from uuid import UUID

from windrow_server.inbox import Inbox
from windrow_server.loader.erasure import Erasure
from windrow_server.store import Store
from windrow_server.store.rows import Columns

BATCHES = 1000  # in one transfer: large inserts are what the store likes


def drain(
    inbox: Inbox,
    store: Store,
    collector: str,
    *,
    most: int | None = None,
    batches: int = BATCHES,
    erasure: Erasure | None = None,
) -> int:
    """Move what is in the inbox to the store; how many events were moved.

    `most` bounds the number of transfers, `batches` the size of each; `erasure` knows which instances to leave out.
    May be stopped at any line: the cut of a transfer is on disk before its first insert, so a retry sends the same
    rows under the same tokens, and they count once. Raises `StoreError` and, for the inbox, `sqlite3.Error`, with
    nothing forgotten.
    """
    moved = 0
    transfers = 0
    while most is None or transfers < most:
        rows = inbox.read(batches, erasure.newest if erasure else 0)
        if not rows:
            break
        transfers += 1
        # Whoever is forgotten after the cut was made is taken in and erased after it: a retry must send the same rows.
        left_out = erasure.up_to(inbox.mark(rows[-1].sequence)) if erasure else _nobody
        columns = Columns(collector, left_out)
        for row in rows:
            moved += columns.add(
                product=row.product,
                wire=row.wire,
                received=row.received,
                sequence=row.sequence,
                payload=row.payload,
                refused=row.refused,
            )
        # No two inbox files count from the same start, so that a new one cannot give the tokens of a lost one.
        token = f"{collector}/{inbox.path.name}/{rows[0].sequence}-{rows[-1].sequence}"
        if columns.events["event"]:
            store.insert("events", columns.events, token)
        if columns.refusals["reason"]:
            store.insert("refusals", columns.refusals, token)
        if columns.batches["batch_id"]:
            store.insert("batches", columns.batches, token)
        for product, days in columns.days.items():
            if days:
                store.rebuild_days(product, days)
        inbox.done(rows[-1].sequence)
    return moved


def _nobody(_: UUID) -> bool:
    return False
