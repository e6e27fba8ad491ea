"""The closed list of drop reasons: why an event, or one property of it, was not kept.

`spec/drop-reasons.json` is the same list for other languages; a test keeps the two equal.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """`scope` is what is lost (`event`, `property`), `stage` who may say so (`sdk`, `collector`, `both`)."""

    slug: str
    scope: str
    stage: str
    meaning: str
    action: str


REASONS: dict[str, Reason] = {
    reason.slug: reason
    for reason in (
        Reason(
            "undeclared_event",
            "event",
            "both",
            "The catalogue declares no event of this name.",
            "Declare the event in the catalogue, or remove the call.",
        ),
        Reason(
            "malformed_event",
            "event",
            "both",
            "The event is not of the form that the wire or the call asks for.",
            "Compare it with spec/envelope.md; properties must be a mapping.",
        ),
        Reason(
            "wrong_kind",
            "event",
            "both",
            "A counter or snapshot was tracked, or a plain event was counted.",
            "Use track() for events, count() for counters, @snapshot for snapshots.",
        ),
        Reason(
            "wrong_source",
            "event",
            "sdk",
            "The dashboard sent an event that only the server may send.",
            'Declare the event with from = "dashboard", or track it on the server.',
        ),
        Reason(
            "bad_time",
            "event",
            "collector",
            "The event's time is in the future, or older than the product keeps events.",
            "Check the clock of the instance.",
        ),
        Reason(
            "queue_full",
            "event",
            "sdk",
            "Ten thousand events were waiting already.",
            "Track less often, or count on the instance with a counter.",
        ),
        Reason("closed", "event", "sdk", "The event came after close().", "Close telemetry last."),
        Reason(
            "snapshot_failed",
            "event",
            "sdk",
            "The product's snapshot function raised, or gave no mapping.",
            "Mend the function; HAY_TELEMETRY_DEBUG=1 shows the exception's type.",
        ),
        Reason(
            "send_refused",
            "event",
            "sdk",
            "The other side refused the batch for good.",
            "Check the product's key and the endpoint.",
        ),
        Reason(
            "gave_up",
            "event",
            "sdk",
            "The batch could not be delivered in time.",
            "Nothing, if the instance is offline; else check the endpoint.",
        ),
        Reason(
            "sampled_out",
            "event",
            "sdk",
            "The collector asked for a share of the instances, and this one is not among them.",
            "Nothing: the share is set by the maintainer.",
        ),
        Reason(
            "forgotten",
            "event",
            "collector",
            "The operator has had this instance erased.",
            "Nothing: after `windrow forget` an instance begins under another id.",
        ),
        Reason(
            "undeclared_property",
            "property",
            "both",
            "The event declares no property of this name.",
            "Declare the property, or stop sending it.",
        ),
        Reason(
            "invalid_value",
            "property",
            "both",
            "The value does not fit the type of the property.",
            "Compare the value with the property's type in the catalogue.",
        ),
    )
}
