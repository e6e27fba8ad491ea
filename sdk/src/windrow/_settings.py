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
)
YES = frozenset(("1", "true", "yes", "on", "y", "t"))
NO = frozenset(("", "0", "false", "no", "off", "n", "f"))

BATCH_EVENTS = 500
QUEUE_EVENTS = 10_000
EXIT_SECONDS = 0.5
LARGEST_COUNT = 2**53  # JavaScript's last whole number: two languages share the state


def flush_seconds(product: Product, environ: Mapping[str, str]) -> float:
    """Seconds between two sends: `HAY_TELEMETRY_FLUSH`, from 0.05 up; 30 where it is no number."""
    try:
        seconds = float(environ.get(product.env("FLUSH"), "30"))
    except ValueError:
        return 30.0
    return min(max(seconds, 0.05), 86_400.0) if seconds == seconds else 30.0


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
