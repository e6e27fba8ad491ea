"""The environment settings of the SDK, declared once: code, reference and tests come from this table."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from windrow.catalogue import Product

#: Setting (after `<PRODUCT>_TELEMETRY_`), default, meaning.
SETTINGS = (
    ("DISABLED", "", "`1`: telemetry is off. So is anything that is neither yes nor no."),
    ("DEBUG", "", "`1`: print to standard error what would be sent, and send nothing."),
    ("ENDPOINT", "", "Where batches go, in place of the catalogue's endpoint."),
    ("DIR", "", "The folder of the state and of the ledger."),
    ("FLUSH", "30", "Seconds between two sends."),
    (
        "SPOOL",
        "",
        "`1`: batches wait on disk in a container without a volume too; `0`: they never wait on disk.",
    ),
    ("GRACE", "", "Seconds from the notice to the first send, in place of the catalogue's `grace_minutes`."),
)
YES = frozenset(("1", "true", "yes", "on", "y", "t"))
NO = frozenset(("", "0", "false", "no", "off", "n", "f"))

BATCH_EVENTS = 500
QUEUE_EVENTS = 10_000
SPOOL_BYTES = 2_000_000  # what waits for one sink; beyond that the oldest batch is given up
SPOOL_SECONDS = 7 * 86_400
LEDGER_BYTES = 1_000_000
LEDGER_DAYS = 90
EXIT_SECONDS = 0.5
LARGEST_COUNT = 2**53  # JavaScript's last whole number: two languages share the state


def flush_seconds(product: Product, environ: Mapping[str, str]) -> float:
    """Seconds between two sends: `HAY_TELEMETRY_FLUSH`, from 0.05 up; 30 where it is no number."""
    try:
        seconds = float(environ.get(product.env("FLUSH"), "30"))
    except ValueError:
        return 30.0
    return min(max(seconds, 0.05), 86_400.0) if seconds == seconds else 30.0


def grace_seconds(product: Product, environ: Mapping[str, str]) -> float:
    """Seconds from the notice to the first send: `HAY_TELEMETRY_GRACE`, else the catalogue's minutes."""
    declared = product.grace_minutes * 60.0
    try:
        seconds = float(environ.get(product.env("GRACE")) or declared)
    except (TypeError, ValueError):
        return declared
    return max(seconds, 0.0) if seconds == seconds else declared


def may_spool(product: Product, environ: Mapping[str, str], kind: str) -> bool:
    """Whether batches wait on disk: where the folder of the state outlives a restart, unless the setting decides."""
    said = environ.get(product.env("SPOOL"), "").strip().lower()
    return said in YES if said else kind == "file"


def endpoint(product: Product, environ: Mapping[str, str]) -> str:
    """Where batches go, without a slash at the end."""
    return environ.get(product.env("ENDPOINT"), "").strip().rstrip("/") or product.endpoint


def folder(product: Product, environ: Mapping[str, str]) -> str:
    """The folder of the state: `HAY_TELEMETRY_DIR`, else below `XDG_STATE_HOME` or `~/.local/state`.

    Empty where there is no home to be found.
    """
    import os

    if chosen := environ.get(product.env("DIR")):
        return chosen
    if base := environ.get("XDG_STATE_HOME", ""):
        return os.path.join(base, product.name, "telemetry")
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    return os.path.join(home, ".local", "state", product.name, "telemetry") if home else ""
