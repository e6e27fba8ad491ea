"""The state of an instance, as it is found by somebody who must not make one; and how it is changed."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from pathlib import Path

from windrow import _settings
from windrow._gate import place_of
from windrow.catalogue import Product
from windrow.errors import StateError
from windrow.state import FORMAT, FileState, MemoryState, State, open_folder, open_url

Given = State | str | os.PathLike[str] | None


def find_state(given: Given, product: Product, environ: Mapping[str, str]) -> State | None:
    """The state that is there; None where there is none. Makes nothing. Raises `StateError` in words."""
    if given is not None and not isinstance(given, str | os.PathLike):
        return given
    folder = _folder(given, product, environ)
    if folder is None:
        return open_url(os.fspath(given or ""))
    state = FileState(folder) if folder else None
    if state is None or not state.exists():
        return None
    _explained(state)
    return state


def make_state(given: Given, product: Product, environ: Mapping[str, str]) -> State:
    """The state, made where there is none. Raises `StateError`; `OSError` where none can be made that lasts."""
    found = find_state(given, product, environ)
    if found is not None:
        return found
    named = given if isinstance(given, str | os.PathLike) else None
    folder = _folder(named, product, environ) or ""
    chosen = given is not None or bool(environ.get(product.env("DIR")))
    made = open_folder(folder, chosen=chosen)
    if isinstance(made, MemoryState):
        raise OSError(f"No state can be made in {folder or 'a home folder, for there is none'}.")
    return made


def where_it_would_be(given: Given, product: Product, environ: Mapping[str, str]) -> str:
    """The folder in which the state is looked for."""
    if given is not None and not isinstance(given, str | os.PathLike):
        return place_of(given)
    return _folder(given, product, environ) or ""


def put_row(state: State, key: str, value: str | None) -> None:
    """Write a row, whoever else is writing. Raises `StateError`, `OSError`."""
    while not state.swap(key, state.get(key), value):
        pass


def wipe_rows(state: State, keep: Container[str]) -> None:
    """Forget all rows but these, whoever else is writing. Raises `StateError`, `OSError`."""
    # A product that runs may add a row behind us, until it has noticed.
    for _ in range(20):
        rows = [(key, value) for key, value in state.items("") if key not in keep]
        if not rows:
            return
        for key, value in rows:
            state.swap(key, value, None)
    raise StateError("The product keeps writing to the state. Stop it, and try again.")


def _folder(given: str | os.PathLike[str] | None, product: Product, environ: Mapping[str, str]) -> str | None:
    """The folder; None where the text is the address of something else."""
    if given is None:
        return _settings.folder(product, environ)
    text = os.fspath(given)
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "file":
        from urllib.parse import unquote

        return unquote(rest[2:] if rest.startswith("///") else rest)
    return None if rest.startswith("//") or text.startswith("memory:") else text


def _explained(state: FileState) -> None:
    """Read it once, so that what hinders is said with what to do about it."""
    path = Path(state.folder, "state.json")
    try:
        found = state.get("format")
    except StateError as error:
        account = _account_of(path)
        if account:
            raise StateError(f"{path} belongs to {account}. Run this as {account}.") from error
        raise
    if found not in (None, FORMAT):
        raise StateError(f"The state in {state.folder} was written by a newer release. Upgrade windrow.")


def _account_of(path: Path) -> str:
    """Whose file it is, where it is not ours."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    if not hasattr(os, "geteuid") or owner == os.geteuid():
        return ""
    import pwd

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"the account {owner}"
