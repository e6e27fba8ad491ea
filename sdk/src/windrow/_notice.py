"""The first-run notice: shown before anything is sent, once for each instance, never on standard output."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from windrow.catalogue import Catalogue


def text(catalogue: Catalogue, where: str) -> str:
    """The notice, from the catalogue."""
    product = catalogue.product
    asked = f" Questions: {product.contact}." if product.contact else ""
    events = "The one event is" if len(catalogue.events) == 1 else f"All {len(catalogue.events)} events are"
    return (
        f"{product.title} sends telemetry: which release runs and which features are in use, in coarse figures,\n"
        f"under a random id of this instance, to {where}. Nothing was sent before this notice.\n"
        f"  Off:   {product.env('DISABLED')}=1 (or DO_NOT_TRACK=1)\n"
        f"  Look:  {product.env('DEBUG')}=1 prints what would be sent, and sends nothing\n"
        f"  {events} listed in {product.title}'s TELEMETRY.md.{asked}\n"
    )


def show(catalogue: Catalogue, where: str) -> bool:
    """Show the notice; False where nobody could read it."""
    try:
        sys.stderr.write(text(catalogue, where))
        sys.stderr.flush()
    except Exception:  # whatever stands in for standard error raises
        return False
    return True
