"""One line at the end of a file that several processes share."""

from __future__ import annotations

import errno
import os


def append_line(path: str, line: bytes) -> int:
    """Add a line to `path` in one write, and return the file's size. Raises `OSError`.

    A full disk may take a part of a write without an error; that is raised here too.
    """
    data = line + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
