"""Files that several processes share, or that somebody else may have put there."""

from __future__ import annotations

import errno
import os
import stat

#: A link may lead to a file of somebody else's; a pipe would be waited for without end. Neither is known on Windows.
_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read_file(path: str, most: int) -> bytes:
    """A regular file of at most so many bytes. Raises `OSError`, also where it is something else."""
    with open(path, "rb", opener=open_plain) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return file.read(most)


def open_plain(path: str, flags: int) -> int:
    """An opener for `open`. Raises `OSError` where it is no regular file: a pipe is not waited for."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return descriptor


def append_line(path: str, line: bytes) -> int:
    """Add a line to `path` in one write, and return the file's size. Raises `OSError`.

    A full disk may take a part of a write without an error; that is raised here too.
    """
    data = line + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _PLAIN, 0o600)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
