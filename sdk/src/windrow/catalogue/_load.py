"""Reading a catalogue: every mistake at once, each with its place and what to do."""

from __future__ import annotations

import os

from windrow.catalogue._declarations import Reader
from windrow.catalogue._model import Catalogue
from windrow.errors import CatalogueError, Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_LARGEST = 2_000_000  # bytes; Hay's catalogue has 8,000


def load(path: str | os.PathLike[str]) -> Catalogue:
    """The catalogue in a `.toml` file, or in the canonical `.json` that `windrow build` wrote.

    Raises `CatalogueError` with every mistake in the file, or when `path` leads to no file.
    """
    try:
        file = _as_text(path)
        with open(file, "rb") as opened:
            content = opened.read(_LARGEST + 1)
    except (TypeError, ValueError) as error:  # a NUL is a ValueError
        place = f"a catalogue's path, given as {type(path).__name__}"
        raise _refused(place, f"is not a path: {error}", "Name the file: telemetry.toml.") from error
    except OSError as error:
        hint = (
            "Start one with `windrow init`."
            if isinstance(error, FileNotFoundError)
            else "Check path and rights."
        )
        raise _refused(str(path), f"cannot be read: {error.strerror}", hint) from error
    if len(content) > _LARGEST:
        raise _refused(
            os.path.basename(file), f"is larger than {_LARGEST:,} bytes", "Is this the right file?"
        )
    return loads(content, source=os.path.basename(file), folder=os.path.dirname(file) or ".")


def loads(
    content: bytes | str, *, source: str = "telemetry.toml", folder: str | Path | None = None
) -> Catalogue:
    """The catalogue in a text; `source` names it in messages and says by its suffix whether it is JSON.

    `folder` is where `values_from` looks; without it, such lists are refused. Raises `CatalogueError`.
    """
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            place = f"{source}, byte {error.start}"
            raise _refused(place, "is not UTF-8 text", "Save it as UTF-8; is this the right file?") from error
    if source.endswith(".json"):
        data, places = _parse_json(content, source), {}
    else:
        from windrow.catalogue._places import locate

        data, places = _parse_toml(content, source), locate(content, source)
    reader = Reader(source, places, folder)
    catalogue = reader.catalogue(data)
    if reader.problems or catalogue is None:
        raise CatalogueError(tuple(reader.problems))
    return catalogue


def _as_text(path: str | os.PathLike[str]) -> str:
    text: object = os.fspath(path)  # callers without types hand over bytes
    if isinstance(text, str):
        return text
    raise TypeError(f"{type(text).__name__} is no text")


def _parse_toml(text: str, source: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # an integer of 5,000 digits is a plain ValueError
        raise _refused(
            source, f"is not TOML: {error}", "Mend this first; the rest is checked after."
        ) from error


def _parse_json(text: str, source: str) -> dict[str, Any]:
    import json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused(source, f"is not JSON: {error}", "Write it anew with `windrow build`.") from error
    if not isinstance(data, dict):
        raise _refused(source, "is not a JSON object", "Write it anew with `windrow build`.")
    return data


def _refused(place: str, message: str, hint: str) -> CatalogueError:
    return CatalogueError((Problem(place, message, hint),))
