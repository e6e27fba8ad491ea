"""Turns parsed declarations into the model, and notes each mistake on the way."""

from __future__ import annotations

from windrow.catalogue import _types as types
from windrow.catalogue._buckets import parse_buckets
from windrow.catalogue._model import Catalogue, Event, Product, Property
from windrow.errors import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

_FIRST, _OTHERS = frozenset("abcdefghijklmnopqrstuvwxyz"), frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")
_IPV6 = frozenset("0123456789abcdef:.")
_LONGEST_NAME = 64
_LONGEST_VALUE = 200
_PRODUCT_KEYS = (
    *("name", "title", "key", "sink", "endpoint", "contact"),
    *("keep_days", "time_precision", "grace_minutes", "rotate"),
)
_PROPERTY_KEYS = ("type", "description", "why", "values", "values_from", "buckets", "max")
_EVENT_KEYS = (
    *("description", "why", "since", "from", "kind", "per", "buckets"),
    *("owner", "expires", "decision", "properties"),
)


class Reader:
    """Reads one parsed file. `problems` fills up; what it returns counts only when that stays empty."""

    def __init__(self, source: str, places: dict[str, str], folder: str | Path | None) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._places = places
        self._folder = folder

    def catalogue(self, data: dict[str, Any]) -> Catalogue | None:
        """The whole file."""
        self._known_keys("", data, ("product", "context", "events"))
        product = self._product(data.get("product"))
        context = {name: self._property(path, name, raw) for path, name, raw in self._tables("context", data)}
        events = {name: self._event(path, name, raw) for path, name, raw in self._tables("events", data)}
        if data.get("events", {}) == {}:
            self._problem("events", "declares no event", "Add a table such as [events.server_started].")
        self._context(context, events)
        return Catalogue(product, context, events, self._places) if product else None

    def _context(self, context: dict[str, Property], events: dict[str, Event]) -> None:
        # On the PostHog wire facts and properties share one object, and its own keys win: a twin would be lost.
        for name, fact in context.items():
            if fact.type == "digest":
                hint = "Declare a choice, or put the digest into an event."
                self._problem(f"context.{name}.type", "a fact about the instance cannot be a digest", hint)
            if name in types.RESERVED_NAMES:
                self._problem(f"context.{name}", "is a name that every batch has already", "Choose another.")
        for event in events.values():
            for name in event.properties:
                place = f"events.{event.name}.properties.{name}"
                if name in types.RESERVED_NAMES:
                    self._problem(place, "is a name that every batch has already", "Choose another.")
                elif name in context:
                    self._problem(place, f"has the name of [context.{name}]", "Rename one of them.")

    # ---- the three kinds of table ---------------------------------------------------------------

    def _product(self, raw: Any) -> Product | None:
        if not isinstance(raw, dict):
            self._problem("product", "is missing", "Add a [product] table with name, key and endpoint.")
            return None
        self._known_keys("product", raw, _PRODUCT_KEYS)
        name = self._text("product", raw, "name", required=True)
        if name and not _is_name(name):
            self._problem("product.name", f"{name!r} is not a name", "Use a-z, 0-9 and _, from a letter on.")
        endpoint = self._text("product", raw, "endpoint", required=True)
        self._endpoint(endpoint)
        return Product(
            name=name,
            title=self._text("product", raw, "title") or name.capitalize(),
            key=self._text("product", raw, "key", required=True),
            sink=self._one_of("product", raw, "sink", types.SINKS),
            endpoint=endpoint.rstrip("/"),
            contact=self._text("product", raw, "contact"),
            keep_days=self._whole("product", raw, "keep_days", 400, 1, 3660),
            time_precision=self._one_of("product", raw, "time_precision", types.PRECISIONS),
            grace_minutes=self._whole("product", raw, "grace_minutes", 10, 0, 10_080),
            rotate=self._one_of("product", raw, "rotate", types.ROTATIONS),
        )

    def _event(self, path: str, name: str, raw: dict[str, Any]) -> Event:
        self._known_keys(path, raw, _EVENT_KEYS)
        kind = self._one_of(path, raw, "kind", types.KINDS)
        self._one_of(path, raw, "per", ("day",))
        expires = self._date(path, raw)
        properties = {
            key: self._property(below, key, prop)
            for below, key, prop in self._tables("properties", raw, path)
        }
        if kind == "counter":
            properties = self._counter(path, raw, properties)
        elif "buckets" in raw:
            self._problem(f"{path}.buckets", "belongs to counters", 'Add kind = "counter", or remove it.')
        return Event(
            name=name,
            kind=kind,
            source=self._one_of(path, raw, "from", types.SOURCES),
            description=self._text(path, raw, "description"),
            why=self._text(path, raw, "why"),
            since=self._text(path, raw, "since"),
            properties=properties,
            owner=self._text(path, raw, "owner"),
            expires=expires,
            decision=self._text(path, raw, "decision"),
        )

    def _counter(
        self, path: str, raw: dict[str, Any], properties: dict[str, Property]
    ) -> dict[str, Property]:
        if properties:
            self._problem(f"{path}.properties", "a counter sends its count alone", "Remove the properties.")
        count = Property("count", "range", "How often in the day.", buckets=self._buckets(path, raw))
        return {"count": count}

    def _property(self, path: str, name: str, raw: dict[str, Any]) -> Property:
        self._known_keys(path, raw, _PROPERTY_KEYS)
        kind = self._one_of(path, raw, "type", tuple(types.TYPES), required=True)
        declared = types.TYPES.get(kind)
        allowed = (declared.needs, declared.may) if declared else ()
        for key in ("values", "values_from", "buckets", "max"):
            if declared and key in raw and key not in allowed:
                self._problem(f"{path}.{key}", f"does not belong to the type {kind}", "Remove it.")
        return Property(
            name=name,
            type=kind,
            description=self._text(path, raw, "description"),
            why=self._text(path, raw, "why"),
            values=self._values(path, raw) if "values" in allowed else (),
            buckets=self._buckets(path, raw) if "buckets" in allowed else (),
            maximum=self._whole(path, raw, "max", None, 1, 2**53 - 1) if "max" in allowed else None,
        )

    # ---- values -----------------------------------------------------------------------------------

    def _values(self, path: str, raw: dict[str, Any]) -> tuple[str, ...]:
        if "values_from" in raw:
            return self._values_from(f"{path}.values_from", raw["values_from"])
        place = f"{path}.values"
        if not self._is_list_of_text(place, raw.get("values"), 'Write values = ["one", "two"].'):
            return ()
        values: list[str] = raw["values"]
        self._check_values(place, values)
        if raw.get("type") == "route":
            for value in values:
                if not value.startswith("/") or set(value) & set("?#*"):
                    self._problem(place, f"{value!r} is not a route template", "Write it like /agents/:id.")
        return tuple(values)

    def _check_values(self, place: str, values: list[str]) -> None:
        for value in _twice(values):
            self._problem(place, f"{value!r} stands there twice", "Remove one.")
        for value in values:
            if value in types.RESERVED:
                self._problem(place, f"{value!r} is what undeclared values become", "Choose another word.")
            elif not value or len(value) > _LONGEST_VALUE or not value.isprintable():
                self._problem(place, f"{value[:40]!r} is empty, too long or not printable", "Shorten it.")
            elif "`" in value or "|" in value:
                hint = "Leave both out: in TELEMETRY.md it would break the table."
                self._problem(place, f"{value[:40]!r} has a backtick or a |", hint)

    def _values_from(self, place: str, pattern: Any) -> tuple[str, ...]:
        if (
            not isinstance(pattern, str)
            or not pattern
            or pattern.startswith("/")
            or ".." in pattern.split("/")
        ):
            self._problem(place, "is not a pattern of files below the catalogue", 'Write "migrations/*.py".')
            return ()
        before = len(self.problems)
        files = self._files(place, pattern)
        if pattern.endswith(".txt"):
            lines = {line.strip() for file in files for line in self._lines(place, file)}
            names = sorted(line for line in lines if line and not line.startswith("#"))
        else:
            names = [file.stem for file in files if not file.name.startswith("_")]
        if not names and len(self.problems) == before:
            self._problem(place, f"{pattern!r} matches no file", "Paths are relative to the catalogue.")
        self._check_values(place, names)
        return tuple(names)

    def _files(self, place: str, pattern: str) -> list[Path]:
        from pathlib import Path

        try:
            # A last `**` means folders up to Python 3.12, and files from 3.13 on: one catalogue has one digest.
            anywhere = f"{pattern}/" if pattern.endswith("**") else pattern
            found = () if self._folder is None else Path(self._folder).glob(anywhere)
            return sorted(file for file in found if file.is_file())
        except Exception:  # pathlib has half a dozen types for odd patterns, and others in each release
            self._problem(place, f"{pattern!r} is not a pattern of files", 'Write "migrations/*.py".')
            return []

    def _lines(self, place: str, file: Path) -> list[str]:
        try:
            return file.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            self._problem(place, f"{file.name} cannot be read: {error.strerror}", "Check its rights.")
        except UnicodeDecodeError:
            self._problem(place, f"{file.name} is not UTF-8 text", "Save it as UTF-8.")
        return []

    def _buckets(self, path: str, raw: dict[str, Any]) -> tuple[str, ...]:
        place = f"{path}.buckets"
        hint = 'Write buckets = ["0", "1-9", "10-99", "100+"].'
        if not self._is_list_of_text(place, raw.get("buckets"), hint):
            return ()
        try:
            parse_buckets(raw["buckets"])
        except ValueError as error:
            self._problem(place, str(error), hint)
        return tuple(raw["buckets"])

    def _is_list_of_text(self, place: str, value: Any, hint: str) -> bool:
        if value is None:
            self._problem(place, "is missing", hint)
        elif not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            self._problem(place, "is not a list of texts", hint)
        else:
            return True
        return False

    def _endpoint(self, endpoint: str) -> None:
        if not endpoint:
            return
        if "@" in endpoint or set(endpoint) & set("?#` ") or not endpoint.isprintable():
            # Not quoted: a user name brings a password, and messages end in logs.
            message = "has a user name, a query, a fragment or an odd character"
            self._problem("product.endpoint", message, "Write host and path alone: https://….")
            return
        scheme, host = _scheme_and_host(endpoint)
        loopback = host in ("localhost", "127.0.0.1", "::1")
        if not host or scheme not in ("https", "http") or (scheme == "http" and not loopback):
            self._problem("product.endpoint", f"{endpoint!r} is not an https address", "Write https://….")

    # ---- single keys ------------------------------------------------------------------------------

    def _tables(
        self, key: str, data: dict[str, Any], path: str = ""
    ) -> Iterable[tuple[str, str, dict[str, Any]]]:
        where = f"{path}.{key}" if path else key
        tables = data.get(key, {})
        if not isinstance(tables, dict):
            self._problem(where, "is not a table", f"Write it as [{where}.name].")
            return
        for name, raw in tables.items():
            below = f"{where}.{name}"
            if not _is_name(name):
                self._problem(below, f"{name!r} is not a name", "Use a-z, 0-9 and _, from a letter on.")
            if isinstance(raw, dict):
                yield below, name, raw
            else:
                self._problem(below, "is not a table", f"Write it as [{below}].")

    def _text(self, path: str, raw: dict[str, Any], key: str, *, required: bool = False) -> str:
        value = raw.get(key, "")
        if not isinstance(value, str):
            self._problem(f"{path}.{key}", "is not a text", "Put it between quotes.")
            return ""
        if any("\ud800" <= character <= "\udfff" for character in value):
            self._problem(f"{path}.{key}", "has half a character", "Write it whole, in UTF-8.")
            return ""
        if required and not value.strip():
            self._problem(f"{path}.{key}", "is missing", f'Add {key} = "…".')
        return value.strip()

    def _one_of(
        self, path: str, raw: dict[str, Any], key: str, allowed: tuple[str, ...], *, required: bool = False
    ) -> str:
        value = raw.get(key)
        if value is None and not required:
            return allowed[0]
        if isinstance(value, str) and value in allowed:
            return value
        # Only a text is quoted: an integer of 5,000 digits has no repr.
        written = repr(value) if isinstance(value, str) else type(value).__name__
        message = "is missing" if value is None else f"{written} is not one of the allowed words"
        self._problem(
            f"{path}.{key}", message, f"Use one of {', '.join(allowed)}.{self._meant(value, allowed)}"
        )
        return ""

    def _whole(
        self, path: str, raw: dict[str, Any], key: str, default: int | None, low: int, high: int
    ) -> int:
        value = raw.get(key, default)
        if type(value) is int and low <= value <= high:
            return value
        self._problem(f"{path}.{key}", "is not a whole number in range", f"Use {low} to {high}.")
        return low

    def _date(self, path: str, raw: dict[str, Any]) -> str:
        value = raw.get("expires", "")
        # TOML has dates of its own; JSON has none.
        text = value.isoformat() if hasattr(value, "isoformat") else value
        if text != "" and not _is_day(text):
            self._problem(f"{path}.expires", "is not a day of the calendar", 'Write expires = "2027-06-30".')
            return ""
        return str(text)

    def _known_keys(self, path: str, raw: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in raw:
            if key not in known:
                where = f"{path}.{key}" if path else key
                self._problem(
                    where, "is not known here", f"Known: {', '.join(known)}.{self._meant(key, known)}"
                )

    @staticmethod
    def _meant(written: Any, known: Iterable[str]) -> str:
        from difflib import get_close_matches

        close = get_close_matches(written, list(known), 1) if isinstance(written, str) else ()
        return f" Did you mean {close[0]}?" if close else ""

    def _problem(self, path: str, message: str, hint: str) -> None:
        self.problems.append(Problem(self._place(path), message, hint))

    def _place(self, path: str) -> str:
        known = path
        while known and known not in self._places:
            known = known.rpartition(".")[0]
        return f"{self._places.get(known, self._source)} [{path}]"


def _is_name(text: str) -> bool:
    return text[:1] in _FIRST and _OTHERS.issuperset(text) and len(text) <= _LONGEST_NAME


def _scheme_and_host(address: str) -> tuple[str, str]:
    """Both in lower case; no host where the address has none, or a port that is none."""
    # Not urllib.parse: it would be the dearest import of a product that reads a compiled catalogue.
    scheme, _, rest = address.lower().partition("://")
    authority = rest.partition("/")[0]
    if authority.startswith("["):
        host, closed, port = authority[1:].partition("]")
        is_host = bool(closed) and _IPV6.issuperset(host) and port[:1] in ("", ":")
    else:
        host, _, port = authority.partition(":")
        is_host = bool(host.strip("."))
    port = port.removeprefix(":")
    is_port = not port or (port.isascii() and port.isdigit() and int(port[:6]) < 65_536)
    return scheme, host if is_host and is_port else ""


def _twice(values: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for value in values:
        (twice if value in seen else seen).add(value)
    return sorted(twice)


def _is_day(text: Any) -> bool:
    from datetime import date

    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
