"""Batches that wait for a sink, kept across restarts: a file each, in the folder of the state.

A file belongs to the process that has its name in it, as long as that process touches it; what a dead process left,
another one takes by renaming it. Of two that try, one succeeds.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from windrow._append import read_file
from windrow._settings import SPOOL_BYTES, SPOOL_SECONDS

_STALE_SECONDS = 150.0
_FREE = "free"


class Spool:
    """The waiting batches of one sink. Without a folder (no disk that lasts) it keeps nothing.

    A batch is named `<unix seconds>-<batch id>`; `sink` is a short word of letters and digits.
    """

    def __init__(self, folder: str, sink: str) -> None:
        self.lasts = bool(folder)
        self._folder = os.path.join(folder, "spool") if folder else ""
        self._sink = sink
        self._holder = os.urandom(6).hex()

    def put(self, name: str, data: bytes) -> None:
        """Keep a batch, as this process's own. Raises `OSError`."""
        if not self._folder:
            return
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        beside = self._path(name, "new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        os.rename(beside, self._path(name, self._holder))

    def owns(self, name: str) -> bool:
        """Say that this process still waits; False where another one has taken the batch over."""
        if self._folder:
            try:
                os.utime(self._path(name, self._holder))
            except FileNotFoundError:
                return False
            except OSError:
                return True
        return True

    def remove(self, name: str) -> None:
        """The batch has been answered."""
        with suppress(OSError):
            os.unlink(self._path(name, self._holder))

    def release(self, name: str) -> None:
        """Leave the batch to whoever comes next."""
        with suppress(OSError):
            os.rename(self._path(name, self._holder), self._path(name, _FREE))

    def adopt(self) -> list[tuple[str, bytes]]:
        """Take over what nobody waits for any more: names and data, the oldest first."""
        taken = []
        files = sorted(self._files())
        for file in files:
            # Of a sink that is gone nobody takes anything over: age ends it.
            if not file.endswith(f".{self._sink}"):
                self._end_old(file)
        for file in [file for file in files if file.endswith(f".{self._sink}")]:
            name, _, holder = file.removesuffix(f".{self._sink}").rpartition(".")
            if holder == self._holder or not self._is_free(file, holder):
                continue
            path = self._path(name, self._holder)
            with suppress(OSError):
                os.rename(os.path.join(self._folder, file), path)
                os.utime(path)
                taken.append((name, read_file(path, SPOOL_BYTES)))
        return taken

    def _files(self) -> list[str]:
        with suppress(OSError):
            if self._folder:
                return [file for file in os.listdir(self._folder) if _is_ours(file)]
        return []

    def _end_old(self, file: str) -> None:
        if time.time() - int(file.partition("-")[0]) > SPOOL_SECONDS:
            with suppress(OSError):
                os.unlink(os.path.join(self._folder, file))

    def _is_free(self, file: str, holder: str) -> bool:
        if holder == _FREE:
            return True
        with suppress(OSError):
            age = time.time() - os.stat(os.path.join(self._folder, file)).st_mtime
            return abs(age) > _STALE_SECONDS  # either way: the clock may have been put back
        return False

    def _path(self, name: str, holder: str) -> str:
        return os.path.join(self._folder, f"{name}.{holder}.{self._sink}")


def _is_ours(file: str) -> bool:
    # The folder may be the product's own, with a `spool` of its own in it: what is not ours is never removed.
    created = file.partition("-")[0]
    return len(created) == 11 and created.isdecimal() and file.count(".") == 2


def wipe_spool(folder: str) -> None:
    """Remove all that waits, of every process and for every sink."""
    spool = os.path.join(folder, "spool")
    with suppress(OSError):
        for file in filter(_is_ours, os.listdir(spool)):
            with suppress(OSError):
                os.unlink(os.path.join(spool, file))
