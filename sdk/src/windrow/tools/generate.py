"""`windrow generate`: a typed function for each event of a catalogue, in Python or in TypeScript."""

from __future__ import annotations

import argparse
from pathlib import Path

from windrow.catalogue import load
from windrow.tools._console import EXIT_OK, EXIT_USAGE, complain, is_written, say, write
from windrow.tools._python import python_module
from windrow.tools._typescript import typescript_module

LANGUAGES = {"python": python_module, "typescript": typescript_module}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `windrow generate`."""
    parser = commands.add_parser("generate", help="write a typed function for each event")
    parser.add_argument("language", choices=tuple(LANGUAGES))
    parser.add_argument("file", type=Path, help="the catalogue")
    parser.add_argument("-o", "--output", type=Path, help="default: standard output")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if OUTPUT is not up to date"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    module = LANGUAGES[options.language](load(options.file))
    output: Path | None = options.output
    command = f"windrow generate {options.language} {options.file} -o {output or 'FILE'}"
    if output is None:
        if options.check:
            complain(f"windrow: --check needs the file to look at: {command} --check")
            return EXIT_USAGE
        say(module.rstrip("\n"))
        return EXIT_OK
    if options.check:
        if not is_written(output, module):
            return complain(f"{output} is not up to date. Write it: {command}")
        say(f"{output} is up to date.")
        return EXIT_OK
    write(output, module.encode())
    say(f"Wrote {output}.")
    return EXIT_OK
