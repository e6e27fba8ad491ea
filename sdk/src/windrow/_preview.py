"""The next batch as it would leave, made from copies: nothing is taken, and nothing is changed."""

from __future__ import annotations

from windrow import _settings, envelope
from windrow._counters import Daily
from windrow._identity import identify_instance, sequence_row
from windrow._settings import BATCH_EVENTS
from windrow.state import FileState, MemoryState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow._client import Telemetry
    from windrow.state import State


def next_batches(client: Telemetry, queued: list[tuple[str, dict[str, object], float]]) -> list[bytes]:
    """The exact bytes for each sink of what is queued and due; no bytes where that is nothing.

    Where no id has been made yet, the one that is shown is made up. Raises `StateError`.
    """
    state = _copy_of(_remembered(client))
    identity = identify_instance(state, monthly=client.catalogue.product.rotate == "monthly")
    now = client.clock()
    events = [(name, dict(properties), moment) for name, properties, moment in queued[:BATCH_EVENTS]]
    for name, properties, moment in events:
        client.compiled.make_digests(name, properties, identity.digest, moment)
    packed = envelope.wire_events(events, client.catalogue.product.time_precision)
    daily = Daily(state, client.catalogue.events, client.providers, client.snapshot_of)
    packed += daily.due(identity, now, frozenset(client.catalogue.events), today=False) or []
    if not packed:
        return []
    day = envelope.wire_time(now, "day")
    whole = client.envelope(identity.at(day), packed, state.kind, frozenset(client.catalogue.context))
    client.undelivered(whole["dropped"])
    row = state.get(sequence_row(day, monthly=client.catalogue.product.rotate == "monthly")) or ""
    whole["sequence"] = int(row) if row.isdecimal() and len(row) < 16 else 0
    return [sink.render(whole) for sink in client.sinks]


def _remembered(client: Telemetry) -> State:
    if client.opened_state is not None:
        return client.opened_state
    folder = _settings.folder(client.catalogue.product, client.environ)
    found = FileState(folder) if folder else None
    return found if found is not None and found.exists() else MemoryState()


def _copy_of(state: State) -> MemoryState:
    copy = MemoryState()
    copy.kind = state.kind
    for key, value in state.items(""):
        if not key.startswith(("ledger:", "lease:")):
            copy.swap(key, None, value)
    return copy
