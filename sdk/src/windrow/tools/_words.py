"""What a declaration says, in the words of pages, notes and comments."""

from __future__ import annotations

from windrow.catalogue import TYPES, Property


def tidy(text: str) -> str:
    """A text in one line."""
    return " ".join(text.split())


def sends(prop: Property) -> str:
    """What leaves of a property, in Markdown: ``one of `a`, `b`, else `other` ``."""
    values = prop.buckets or prop.values
    if prop.type == "flag":
        return "`true` or `false`"
    if prop.type == "count":
        return f"a whole number up to {prop.maximum}"
    if not values:
        return TYPES[prop.type].sends
    shown = ", ".join(f"`{value}`" for value in values)
    return {
        "range": f"one of {shown}",
        "choices": f"some of {shown}, `other`",
        "name": f"one of {shown}, else `custom`",
    }.get(prop.type, f"one of {shown}, else `other`")
