"""How the commands speak to a terminal: its width, its letters, and little colour."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

_BOLD, _DIM, _GREEN, _YELLOW = "1", "2", "32", "33"
WHOLE = "\xa0"  # a space at which no line is broken
_NARROWEST, _WIDEST = 40, 100
#: Each mark, and what stands for it where letters are few. The first of a scale is nothing at all.
MARKS = {
    "arrow": ("→", ">"),
    "times": ("×", "x"),
    "bar": ("█", "#"),
    "more": ("…", "..."),
}
SCALES = ("·▁▂▃▄▅▆▇█", ".:-=+*%#@")


class Terminal:
    """Gathers what is to be said. `ascii` draws with plain letters; so does a terminal that knows no others."""

    def __init__(self, *, ascii: bool = False) -> None:
        self.width = min(max(shutil.get_terminal_size((80, 24)).columns, _NARROWEST), _WIDEST)
        self._plain = ascii or not _can_write("".join([SCALES[0], *(mark for mark, _ in MARKS.values())]))
        self._colour = _is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._lines: list[str] = []

    def mark(self, name: str) -> str:
        """A mark that this terminal can show."""
        return MARKS[name][self._plain]

    @property
    def scale(self) -> str:
        """Nothing, then from little to much."""
        return SCALES[self._plain]

    def bold(self, text: str) -> str:
        """Something to see first."""
        return self._painted(text, _BOLD)

    def dim(self, text: str) -> str:
        """Something to pass over."""
        return self._painted(text, _DIM)

    def good(self, text: str) -> str:
        """On, done."""
        return self._painted(text, _GREEN)

    def warn(self, text: str) -> str:
        """Off, failed."""
        return self._painted(text, _YELLOW)

    def shortened(self, text: str, most: int) -> str:
        """A text of at most so many letters."""
        text, more = plain(text), self.mark("more")
        return text if len(text) <= most else text[: most - len(more)] + more

    def line(self, text: str = "") -> None:
        """One line as it is."""
        self._lines.append(text.rstrip())

    def text(self, text: str, indent: int = 0, *, dim: bool = False) -> None:
        """A paragraph, wrapped."""
        for line in self.wrapped(text, indent):
            self.line(" " * indent + (self.dim(line) if dim else line))

    def field(self, label: str, text: str, column: int, *, indent: int = 2, warn: bool = False) -> None:
        """A dim label, and at `column` what it is, wrapped below itself."""
        lines = self.wrapped(text, column)
        head = " " * indent + self.dim(label) + " " * max(column - indent - len(label), 1)
        for number, line in enumerate(lines or [""]):
            self.line((head if number == 0 else " " * column) + (self.warn(line) if warn else line))

    def wrapped(self, text: str, indent: int) -> list[str]:
        """The lines of a paragraph between `indent` and the edge; paths and ids are never cut."""
        room = max(self.width - indent, 16)
        lines = textwrap.wrap(plain(text), room, break_long_words=False, break_on_hyphens=False)
        return [line.replace(WHOLE, " ") for line in lines]

    def said(self) -> str:
        """All of it."""
        return "".join(f"{line}\n" for line in self._lines)

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and text else text


def plain(text: object) -> str:
    """A text without what would move a cursor: a ledger or a collector may have been tampered with."""
    return "".join(
        c if c.isprintable() or c == WHOLE else c.encode("unicode_escape").decode() for c in str(text)
    )


def typed(prog: str, rest: str) -> str:
    """A command to type, which stays on one line."""
    return f"{prog} {rest}".replace(" ", WHOLE)


def write(text: str | bytes) -> None:
    """Write to standard output, and nothing else; letters that it does not know become `?`.

    Raises `OSError` with `standard output` as its name.
    """
    try:
        if isinstance(text, str):
            text = text.encode(sys.stdout.encoding or "utf-8", "replace")
        if hasattr(sys.stdout, "buffer"):
            sys.stdout.flush()
            sys.stdout.buffer.write(text)
        else:
            sys.stdout.write(text.decode("utf-8", "replace"))
        sys.stdout.flush()
    except OSError as error:
        # What could not be written stays buffered; the interpreter would fail on it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        error.filename = "standard output"
        raise


def confirmed(question: str) -> bool | None:
    """Ask on standard error; None where nobody can be asked."""
    if not sys.stdin or not sys.stdin.isatty():
        return None
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return False


def _is_terminal() -> bool:
    return bool(sys.stdout and sys.stdout.isatty())


def _can_write(letters: str) -> bool:
    try:
        letters.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
