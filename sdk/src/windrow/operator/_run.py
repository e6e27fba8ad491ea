"""Running a command: what it answers, in words or as JSON, and its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from windrow.catalogue import Catalogue
from windrow.errors import CatalogueError, StateError, WindrowError
from windrow.operator._commands import EXCLUSIVE, EXIT_DONE, EXIT_FAILED, EXIT_STATE, EXIT_USAGE
from windrow.operator._operator import Answer, Failed, Operator, dumped
from windrow.operator._terminal import WHOLE, Terminal, confirmed, typed, write
from windrow.operator._words import WORDS, asked_before, failed_words, held_words

_DEFAULTS = ("telemetry.toml", "telemetry.json")
_LAST = 20


class _Usage(WindrowError):
    """The command was written wrongly."""


def run(
    options: argparse.Namespace, *, catalogue: str | os.PathLike[str] | Catalogue | None = None, **how: Any
) -> int:
    """Run the command that was parsed; the exit code.

    0: done. 1: failed, and nothing was erased. 2: wrong usage. 3: the state cannot be read. `how` is given to
    `Operator`: `state`, `environ`, `config`, `clock`, `telemetry`. Never raises but for a bug.
    """
    try:
        return _run(options, catalogue, how)
    except BrokenPipeError:
        return EXIT_DONE  # `windrow show | head -1` has seen enough
    except _Usage as error:
        return _complain(options, "usage", str(error), EXIT_USAGE)
    except Failed as error:
        return _complain(options, "failed", str(error), EXIT_FAILED, error.answer)
    except StateError as error:
        return _complain(options, "state", str(error), EXIT_STATE)
    except CatalogueError as error:
        return _complain(options, "catalogue", str(error), EXIT_FAILED)
    except RecursionError:
        message = (
            "What is remembered is nested too deeply to be ours: somebody else has written there. Remove it."
        )
        return _complain(options, "state", message, EXIT_STATE)
    except WindrowError as error:
        return _complain(options, "failed", str(error), EXIT_FAILED)
    except OSError as error:
        if error.filename == "standard output":
            sys.stderr.write(f"{options.prog}: standard output: {error.strerror}\n")
            return EXIT_FAILED
        message = f"{error.filename or 'The state'}: {error.strerror or error}. Mend its rights."
        return _complain(options, "state", message, EXIT_STATE)


def _run(options: argparse.Namespace, catalogue: Any, how: dict[str, Any]) -> int:
    for one, other in EXCLUSIVE:
        if getattr(options, one, None) and getattr(options, other, None):
            raise _Usage(f"--{one} and --{other} exclude each other.")
    if getattr(options, "state", None):
        how = {**how, "state": options.state}
    operator = Operator(catalogue or _catalogue(options), **how)
    answer = _answer(operator, options)
    if getattr(options, "raw", False):
        write("".join(f"{batch['body']}\n" for batch in answer["batches"]))
    elif options.json:
        write(f"{dumped(answer)}\n")
    else:
        terminal = Terminal(ascii=getattr(options, "ascii", False))
        words = held_words if getattr(options, "held", False) else WORDS[options.command]
        words(terminal, answer, options.prog)
        write(terminal.said())
    return EXIT_STATE if answer.get("problem") else EXIT_DONE


def _answer(operator: Operator, options: argparse.Namespace) -> Answer:
    command = options.command
    if command == "show":
        if options.held:
            return operator.held()
        last = options.last or (None if options.raw or options.json else _LAST)
        return operator.show(last=last, since=options.since or "")
    if command in ("forget", "reset"):
        _confirm(operator, options)
    if command == "forget":
        return operator.forget(local=options.local)
    answer: Answer = getattr(operator, command)()
    return answer


def _confirm(operator: Operator, options: argparse.Namespace) -> None:
    if options.yes:
        return
    terminal = Terminal()
    asked_before(terminal, operator.plan(), options.command, local=getattr(options, "local", False))
    sys.stderr.write(_writable(terminal.said()))
    said = confirmed("Go on?")
    if said is None:
        raise _Usage(
            f"There is no terminal to ask at. Add --yes: {typed(options.prog, f'{options.command} --yes')}"
        )
    if not said:
        raise Failed("Nothing was done.")


def _catalogue(options: argparse.Namespace) -> str:
    if getattr(options, "catalogue", None):
        return str(options.catalogue)
    for name in _DEFAULTS:
        if Path(name).exists():
            return name
    raise _Usage(
        "There is no telemetry.toml or telemetry.json here. Name the product's catalogue: --catalogue FILE"
    )


def _complain(
    options: argparse.Namespace, error: str, message: str, code: int, answer: Answer | None = None
) -> int:
    if options.json:
        try:
            write(f"{dumped({**(answer or {}), 'error': error, 'message': message.replace(WHOLE, ' ')})}\n")
        except OSError:
            return EXIT_FAILED
        return code
    terminal = Terminal()
    for number, line in enumerate(message.splitlines()):
        terminal.text(f"{options.prog}: {line}" if number == 0 else line.strip())
    failed_words(terminal, options.prog, options.command, answer or {})
    sys.stderr.write(_writable(terminal.said()))
    return code


def _writable(text: str) -> str:
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
