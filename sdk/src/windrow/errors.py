"""The one tree of errors. Each says what is wrong, where, and what to do."""

from __future__ import annotations


class WindrowError(Exception):
    """The root of everything that Windrow raises."""


class Problem:
    """One mistake: where it stands, what is wrong, and what to do about it."""

    __slots__ = ("hint", "message", "place")

    def __init__(self, place: str, message: str, hint: str) -> None:
        self.place = place
        self.message = message
        self.hint = hint

    def __repr__(self) -> str:
        return f"Problem({self.place!r}, {self.message!r}, {self.hint!r})"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}\n    {self.hint}"


class CatalogueError(WindrowError):
    """A catalogue cannot be used. `problems` has every mistake in it, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class StateError(WindrowError):
    """State is there and cannot be read, so nothing may be sent."""


class StateUnreachable(StateError):
    """State cannot be read just now: a database that restarts, a lock that is held. Nothing is sent meanwhile."""


class CatalogueWarning(UserWarning):
    """Telemetry is off because its catalogue cannot be used; the product goes on."""
