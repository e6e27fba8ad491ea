"""The property types, declared once: the loader, the reference and the JSON Schema come from this table."""

from __future__ import annotations

from windrow._record import Record


class PropertyType(Record):
    """`needs` is the key that a declaration of this type must have, `may` what it may have instead."""

    name: str
    needs: str
    may: str
    sends: str
    never: str


TYPES: dict[str, PropertyType] = {
    kind.name: kind
    for kind in (
        PropertyType("flag", "", "", "true or false", ""),
        PropertyType(
            "choice", "values", "", "a declared value; anything else becomes `other`", "the undeclared value"
        ),
        PropertyType(
            "choices",
            "values",
            "",
            "a sorted list of declared values; anything else becomes `other`",
            "undeclared values",
        ),
        PropertyType(
            "range", "buckets", "", 'the label of a declared bucket (`"0"`, `"1-9"`, `"100+"`)', "the number"
        ),
        PropertyType(
            "count", "max", "", "a whole number, clipped to the declared maximum", "more than the maximum"
        ),
        PropertyType(
            "version",
            "",
            "",
            "`major.minor.patch`; anything else becomes `custom`",
            "pre-release and build metadata, branch names",
        ),
        PropertyType(
            "name",
            "values",
            "values_from",
            "a name out of a list taken from the product's own source; anything else becomes `custom`",
            "a name that an operator made up",
        ),
        PropertyType(
            "route",
            "values",
            "",
            "a declared route template (`/agents/:id`); anything else becomes `other`",
            "ids, queries, titles, hosts",
        ),
        PropertyType(
            "digest",
            "",
            "",
            "HMAC-SHA-256 under a key that never leaves the instance, 64 hex digits",
            "the value, or a hash that a dictionary could turn back",
        ),
    )
}

#: What a value that was not declared becomes; such a word cannot be declared.
RESERVED = ("other", "custom")
#: What a batch says of itself on one wire or another; neither a fact nor a property may have such a name.
RESERVED_NAMES = ("catalogue", "instance_kind", "sdk")
KINDS = ("event", "counter", "snapshot")
SOURCES = ("server", "dashboard")
SINKS = ("collector", "posthog")
PRECISIONS = ("day", "hour")
ROTATIONS = ("never", "monthly")
