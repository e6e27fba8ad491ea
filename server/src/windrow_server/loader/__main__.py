"""The loader process: `python -m windrow_server.loader --data DIR`; the store's URL is in `WINDROW_STORE_URL`.

It ends with its standard input or at SIGTERM, between two transfers.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from windrow_server.inbox import Inbox
from windrow_server.loader.erasure import Erasure
from windrow_server.loader.transfer import drain
from windrow_server.meta import Meta
from windrow_server.store import Store, StoreError

_IDLE_SECONDS = 0.25
_LONGEST_PAUSE = 5.0
_log = logging.getLogger("windrow.loader")


def main() -> int:
    """Run until told to end; the exit code."""
    parser = argparse.ArgumentParser(prog="windrow_server.loader", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    url = os.environ.get("WINDROW_STORE_URL")
    if not url:
        print("WINDROW_STORE_URL is not set: there is nowhere to load to.", file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_end_with_input, args=(stop,), daemon=True).start()
    try:
        inbox = Inbox(options.data)
        meta = Meta(options.data / "meta.sqlite")
        name = meta.collector_name()
    except (sqlite3.Error, SQLAlchemyError, OSError) as error:
        why = getattr(error, "orig", error)  # SQLAlchemy's own text quotes the statement
        print(f"The files in {options.data} cannot be used: {why}", file=sys.stderr)  # noqa: T201
        return 1
    _work(inbox, url, name, Erasure(meta), stop)
    inbox.close()
    meta.close()
    return 0


def _work(inbox: Inbox, url: str, collector: str, erasure: Erasure, stop: threading.Event) -> None:
    store: Store | None = None
    pause = _IDLE_SECONDS
    pruned: date | None = None
    while not stop.is_set():
        try:
            store = store or Store.connect(url)
            erasure.look()
            moved = drain(inbox, store, collector, most=1, erasure=erasure)
            erasure.erase(store)
            today = datetime.now(UTC).date()
            if pruned != today:
                store.prune_batches(today)
                pruned = today
            pause = 0.0 if moved else _IDLE_SECONDS
        except (StoreError, sqlite3.Error, SQLAlchemyError) as error:
            if pause <= _IDLE_SECONDS:
                _log.warning("%s: %s", _failed(error), getattr(error, "orig", error))
            pause = min(max(pause, _IDLE_SECONDS) * 2, _LONGEST_PAUSE)
        stop.wait(pause)
    if store:
        store.close()


def _failed(error: Exception) -> str:
    if isinstance(error, SQLAlchemyError):
        return "meta.sqlite does not say who is forgotten, and events wait in the inbox"
    which = "store does not take" if isinstance(error, StoreError) else "inbox does not give"
    return f"The {which} events, which wait in the inbox"


def _end_with_input(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
