"""How a command speaks and writes: an error names what could not be written to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXIT_OK, EXIT_BAD, EXIT_USAGE = 0, 1, 2


def write(file: Path, data: bytes) -> None:
    """Write a file. Raises `OSError` with its name."""
    with _named(str(file)):
        file.write_bytes(data)


def say(line: str) -> None:
    """Print a line on standard output. Raises `OSError` where nobody can read it."""
    with _named("standard output"):
        try:
            print(line, flush=True)
        except OSError:
            # What could not be written stays buffered; the interpreter would fail on it once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def complain(line: str) -> int:
    """Print a line on standard error; the exit code of a command that has found something."""
    print(line, file=sys.stderr)
    return EXIT_BAD


def is_written(file: Path, content: str) -> bool:
    """Whether a file has exactly this text, in whatever way its lines end."""
    # No page has a lone surrogate, so one that is not UTF-8 is never taken for it.
    return file.exists() and file.read_text(encoding="utf-8", errors="surrogateescape") == content


@contextmanager
def _named(what: str) -> Iterator[None]:
    # An error of writing, unlike one of opening, does not say what was written to.
    try:
        yield
    except OSError as error:
        error.filename = what
        raise
