"""The operator's commands, declared once: argparse, click, typer, the help and the documentation come from here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from windrow.operator._times import is_day

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_STATE = 0, 1, 2, 3


class Option(NamedTuple):
    """An option: a flag, or (with a `metavar`) one that takes a `number`, a `day` or a `text`."""

    name: str
    help: str
    metavar: str = ""
    kind: str = "flag"

    @property
    def dest(self) -> str:
        """Its name among the parsed options."""
        return self.name.removeprefix("--")


class Command(NamedTuple):
    """A command, what it does in a line, and its options."""

    name: str
    help: str
    options: tuple[Option, ...]


_RAW = Option("--raw", "the exact bytes, one batch a line")
_YES = Option("--yes", "do not ask")
JSON = Option("--json", "answer with one JSON object")
CATALOGUE = Option(
    "--catalogue",
    "the product's catalogue (default: telemetry.toml or telemetry.json here)",
    "FILE",
    "text",
)
STATE = Option("--state", "where the instance remembers: a folder, or an address", "URL", "text")

COMMANDS = (
    Command("status", "say whether telemetry is on, what decided, and what waits", (JSON,)),
    Command("off", "switch it off; it stays off", (JSON,)),
    Command("on", "switch it on", (JSON,)),
    Command("preview", "show what would be sent next", (_RAW, JSON)),
    Command(
        "show",
        "show what was sent",
        (
            Option("--last", "only so many batches (default: 20, unless --raw or --json)", "N", "number"),
            Option("--since", "only from this day on, as 2026-11-24", "DAY", "day"),
            Option("--held", "ask the collector what it holds of this instance"),
            _RAW,
            JSON,
        ),
    ),
    Command(
        "view",
        "draw your own trends, out of what was sent",
        (Option("--ascii", "draw with plain letters"), JSON),
    ),
    Command(
        "forget",
        "have the collector erase all of it; telemetry stays off",
        (_YES, Option("--local", "ask nobody: wipe what is remembered here"), JSON),
    ),
    Command("reset", "begin anew, as another instance, without asking anybody", (_YES, JSON)),
)
#: Those that exclude each other.
EXCLUSIVE = (("raw", "json"), ("held", "raw"), ("held", "last"), ("held", "since"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a product's parser the operator's commands; hand what it parsed to `run`."""
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    add_commands(commands)


def add_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    run: Callable[[argparse.Namespace], int] | None = None,
) -> None:
    """Add one parser for each command. Without `run`, the product runs them, and says which catalogue and state."""
    for command in COMMANDS:
        told: dict[str, Any] = {} if run else {"help": command.help}  # of `windrow`, the epilog lists them
        parser = commands.add_parser(command.name, description=f"{sentence(command.help)}.", **told)
        parser.set_defaults(command=command.name, prog=parser.prog.rpartition(" ")[0])
        if run:
            parser.set_defaults(run=run)
        for option in (*command.options, *((CATALOGUE, STATE) if run else ())):
            _add(parser, option)


def listed(prog: str) -> str:
    """The commands and what they do, for a help text."""
    width = max(len(command.name) for command in COMMANDS)
    rows = [f"  {command.name.ljust(width)}  {command.help}" for command in COMMANDS]
    return "\n".join([f"for operators, of any product ({prog} COMMAND --help says more):", *rows])


def sentence(text: str) -> str:
    """A text with a capital."""
    return text[:1].upper() + text[1:]


def a_number(text: str) -> int:
    """A whole number from 1 up. Raises `ValueError`."""
    if not text.isascii() or not text.isdecimal() or not int(text[:10]) > 0:
        raise ValueError(f"{text!r} is not a whole number from 1 up")
    return int(text[:10])


def a_day(text: str) -> str:
    """A day. Raises `ValueError`."""
    if not is_day(text):
        raise ValueError(f"{text!r} is not a day such as 2026-11-24")
    return text


def a_text(text: str) -> str:
    """Any text."""
    return text


KINDS = {"number": a_number, "day": a_day, "text": a_text}


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    if option.kind == "flag":
        parser.add_argument(option.name, help=option.help, action="store_true")
        return
    convert = KINDS[option.kind]

    def checked(text: str) -> object:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    parser.add_argument(option.name, help=option.help, metavar=option.metavar, type=checked)
