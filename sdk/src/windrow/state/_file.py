"""Rows in a file of a folder, and the folder that `HAY_TELEMETRY_DIR` names."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress

from windrow._append import open_plain, read_file
from windrow.errors import StateError, StateUnreachable
from windrow.state._memory import FORMAT, MemoryState, swap_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from windrow.state._protocol import State

_LOCK_STALE_SECONDS = 10.0
# Longer than that: a lock that a killed process left behind must not turn its successors off.
_LOCK_WAIT_SECONDS = 15.0
_WILL_LOCK = 0o700  # the right to execute says that the maker locks the file, too
_TAKE_SECONDS = 1.0
_BESIDE = ("state.json.", "state.lock.")
_LEFT_SECONDS = 3600.0
_MOST_BYTES = 16_000_000  # what calls itself a state may be a device without an end


_IN_CONTAINER = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")


class FileState:
    """Rows in `state.json` of a folder, replaced atomically under `state.lock`.

    `kind` is `file`; in a container whose folder is on no volume it is `ephemeral`, for it goes with the container.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.kind = "ephemeral" if _goes_with_container(folder) else "file"
        self._path = os.path.join(folder, "state.json")
        self._lock = os.path.join(folder, "state.lock")

    def get(self, key: str) -> str | None:
        """The row of this key."""
        return self._read().get(key)

    def items(self, prefix: str) -> list[tuple[str, str]]:
        """The rows whose key begins so."""
        return [(key, value) for key, value in self._read().items() if key.startswith(prefix)]

    def swap(self, key: str, old: str | None, new: str | None) -> bool:
        """Replace `old` by `new`; False if the row is not `old`. Raises `StateError` or `OSError`."""
        with self._locked():
            rows = self._read()
            if not swap_row(rows, key, old, new):
                return False
            self._write(rows)
            return True

    def exists(self) -> bool:
        """Whether there is one. Raises `StateError` where that cannot be seen: it may well be there."""
        try:
            os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StateError(f"{self._path} cannot be read: {error}. Mend its rights.") from error
        return True

    def _read(self) -> dict[str, str]:
        import json

        try:
            with open(self._path, encoding="utf-8", opener=open_plain) as file:
                if _is_foreign(os.fstat(file.fileno()).st_uid):
                    # Another account would be shut out by what this one writes, or could steer what this one sends.
                    raise StateError(f"{self._path} belongs to another account. Name a folder of your own.")
                rows = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise StateError(
                f"{self._path} cannot be read: {error}. Mend its rights, or remove it."
            ) from error
        if not isinstance(rows, dict) or not all(isinstance(value, str) for value in rows.values()):
            raise StateError(f"{self._path} is not a state of Windrow. Remove it to begin anew.")
        return rows

    def _write(self, rows: dict[str, str]) -> None:
        import json

        beside = f"{self._path}.{os.getpid()}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(rows, file, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(beside)
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Exclusive creation is the one lock that every language has; a holder that died is outwaited.
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            descriptor = _take(self._lock)
            if descriptor is not None:
                break
            _remove_if_dead(self._lock)
            self._break_stale_lock()
            if time.monotonic() > deadline:
                raise StateUnreachable(f"{self._lock} is held by another process.")
            time.sleep(0.005)
        try:
            yield
        finally:
            with suppress(FileNotFoundError):  # taken for dead by a process that waited too long
                os.unlink(self._lock)
            os.close(descriptor)

    def _break_stale_lock(self) -> None:
        try:
            # Either way: a clock that jumped back makes the dead lock seem to come from the future.
            if abs(time.time() - os.stat(self._lock).st_mtime) > _LOCK_STALE_SECONDS:
                aside = f"{self._lock}.{os.getpid()}"
                os.rename(self._lock, aside)
                os.unlink(aside)
        except OSError:
            pass


def open_folder(folder: str, *, chosen: bool = True) -> State:
    """The state in `folder`: a file, or memory where there is none and none can be made.

    A folder that nobody has `chosen` is not made below one of another account (`sudo` with a kept HOME).
    Raises `StateError` where state is there and cannot be read.
    """
    if not folder or (not chosen and _is_in_foreign_folder(folder)):
        return MemoryState()
    state = FileState(folder)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not state.exists():
            # Tried for real: rights, mount options and full disks all answer only to a write.
            state.swap("format", None, FORMAT)
    except (OSError, ValueError):  # ValueError: a path that is none
        return MemoryState()
    _sweep(folder)
    state.kind = FileState(folder).kind
    if state.get("format") not in (None, FORMAT):
        raise StateError(f"The state in {folder} was written by a newer release. Upgrade, or remove it.")
    return state


def _take(lock: str) -> int | None:
    """Make the lock file, and lock it, which the kernel ends with the process; None where another has it."""
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # Windows
        return _make(lock, 0o600)
    descriptor = _make(lock, _WILL_LOCK)
    if descriptor is None:
        return None
    try:
        flock(descriptor, LOCK_EX)
    except OSError:  # a file system that cannot
        with suppress(OSError):
            os.chmod(lock, 0o600)
        return descriptor
    if _is_at(descriptor, lock):
        return descriptor
    os.close(descriptor)  # between the two steps, somebody has taken us for dead
    return None


def _make(lock: str, mode: int) -> int | None:
    try:
        return os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        return None


def _remove_if_dead(lock: str) -> None:
    """Remove a lock file that its maker was to lock, and that nobody has locked: that process was killed."""
    try:
        import fcntl

        descriptor = os.open(lock, os.O_RDONLY)
    except (ImportError, OSError):
        return
    try:
        made = os.fstat(descriptor)
        if made.st_mode & _WILL_LOCK == _WILL_LOCK and abs(time.time() - made.st_mtime) > _TAKE_SECONDS:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, lock):
                os.unlink(lock)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _sweep(folder: str) -> None:
    """Remove what processes left that were killed in the middle of a write."""
    with suppress(OSError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith(_BESIDE) and abs(time.time() - os.stat(path).st_mtime) > _LEFT_SECONDS:
                os.unlink(path)


def speaks_of(folder: str, rows: tuple[str, ...]) -> FileState | None:
    """The state in `folder` if it may have one of these rows; None if it has not. Nothing is made.

    Cheap where there is nothing: neither JSON nor a thread. Raises `StateError` where it cannot be read.
    """
    try:
        raw = read_file(os.path.join(folder, "state.json"), _MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise StateError(f"{folder} cannot be read: {error}. Mend its rights.") from error
    return FileState(folder) if any(f'"{row}"'.encode() in raw for row in rows) else None


def _is_foreign(owner: int) -> bool:
    return hasattr(os, "geteuid") and owner != os.geteuid()


def _is_in_foreign_folder(folder: str) -> bool:
    while folder and not os.path.exists(folder):
        above = os.path.dirname(folder)
        folder = "" if above == folder else above
    try:
        owner = os.stat(folder or ".").st_uid
    except (OSError, ValueError):
        return False
    return owner != 0 and _is_foreign(owner)


def _goes_with_container(folder: str) -> bool:
    if not any(os.path.exists(path) for path in _IN_CONTAINER):
        return False
    try:
        return os.stat(folder).st_dev == os.stat("/").st_dev
    except (OSError, ValueError):
        return False
