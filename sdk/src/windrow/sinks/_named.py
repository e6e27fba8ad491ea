"""Sinks by name: the two of our own, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Mapping

from windrow.errors import WindrowError
from windrow.sinks._base import Sink

_GROUP = "windrow.sinks"


def make(name: str, endpoint: str, environ: Mapping[str, str] | None = None) -> Sink:
    """The sink of this name, for this endpoint: `collector`, `posthog`, or an entry point of `windrow.sinks`.

    An entry point names a class (or a function) that is called with the endpoint; `environ` tells the two of our own
    of proxies (`os.environ` where there is none). Raises `WindrowError`.
    """
    if name in ("collector", "posthog"):
        from windrow.sinks._http import Collector, PostHog

        return (Collector if name == "collector" else PostHog)(endpoint, environ)
    from importlib.metadata import entry_points

    others = entry_points(group=_GROUP)
    if name not in others.names:
        known = ", ".join(["collector", "posthog", *sorted(others.names)])
        raise WindrowError(
            f"sink: there is no {name!r}. Known are {known}. Another comes with the package that has it "
            f"as an entry point of the group {_GROUP}: is it installed here?"
        )
    try:
        made: Sink = others[name].load()(endpoint)
    except Exception as error:
        raise WindrowError(f"sink {name!r}: {others[name].value} cannot be used: {error!r}") from error
    return made
