"""The command `windrow`: a catalogue for its maintainers, and an instance for its operator. It needs no server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from windrow import __version__
from windrow.catalogue import Catalogue, load
from windrow.errors import CatalogueError
from windrow.operator import run as run_for_operator
from windrow.operator._commands import add_commands, listed
from windrow.tools import diff, generate, scan
from windrow.tools._console import EXIT_BAD, EXIT_OK, EXIT_USAGE, is_written, say, write
from windrow.tools.docs import TEMPLATE, telemetry_md
from windrow.tools.lint import lint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 the catalogue or its docs are not in order, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except CatalogueError as error:
        count = len(error.problems)
        for problem in error.problems:
            print(problem, file=sys.stderr)
        print(f"\n{count} {'mistake' if count == 1 else 'mistakes'}.", file=sys.stderr)
        return EXIT_BAD
    except OSError as error:
        print(f"windrow: {error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_BAD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="windrow",
        description="A catalogue has all that a product may ever send: write it, or see and switch what is sent.",
        epilog=listed("windrow"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"windrow {__version__}")
    parser.set_defaults(run=lambda _: _help(parser))
    commands = parser.add_subparsers(title="for maintainers, of a catalogue", metavar="command")
    add_commands(commands, run_for_operator)

    init = commands.add_parser("init", help="write a commented catalogue to start from")
    init.add_argument("file", nargs="?", type=Path, default=Path("telemetry.toml"))
    init.set_defaults(run=_init)

    check = commands.add_parser("check", help="say whether a catalogue is sound, and what to mend")
    check.add_argument("file", type=Path)
    check.add_argument("--strict", action="store_true", help="fail on advice, too")
    check.set_defaults(run=_check)

    build = commands.add_parser("build", help="compile to the canonical telemetry.json")
    build.add_argument("file", type=Path)
    build.add_argument("-o", "--output", type=Path, help="default: telemetry.json beside the catalogue")
    build.set_defaults(run=_build)

    docs = commands.add_parser("docs", help="write TELEMETRY.md from the catalogue")
    docs.add_argument("file", type=Path)
    docs.add_argument("-o", "--output", type=Path, help="default: TELEMETRY.md beside the catalogue")
    docs.add_argument(
        "--check", action="store_true", help="write nothing; fail if the page is not up to date"
    )
    docs.set_defaults(run=_docs)

    for tool in (diff, scan, generate):
        tool.add_parser(commands)
    return parser


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help(sys.stderr)
    return EXIT_USAGE


def _init(options: argparse.Namespace) -> int:
    file: Path = options.file
    if file.exists():
        print(f"windrow: {file} is there already, and stays as it is.", file=sys.stderr)
        return EXIT_BAD
    write(file, TEMPLATE.encode())
    say(f"Wrote {file}. Edit it, then: windrow check {file}")
    return EXIT_OK


def _check(options: argparse.Namespace) -> int:
    catalogue = load(options.file)
    advice = lint(catalogue)
    for problem in advice:
        say(f"advice: {problem}")
    say(f"{options.file} is sound: {_summary(catalogue)}.")
    return EXIT_BAD if advice and options.strict else EXIT_OK


def _build(options: argparse.Namespace) -> int:
    catalogue = load(options.file)
    output: Path = options.output or options.file.with_name("telemetry.json")
    write(output, catalogue.to_json() + b"\n")
    say(f"Wrote {output}: {_summary(catalogue)}, digest {catalogue.digest[:12]}.")
    return EXIT_OK


def _docs(options: argparse.Namespace) -> int:
    page = telemetry_md(load(options.file))
    output: Path = options.output or options.file.with_name("TELEMETRY.md")
    if options.check:
        if is_written(output, page):
            say(f"{output} is up to date.")
            return EXIT_OK
        print(f"{output} is not up to date. Write it: windrow docs {options.file}", file=sys.stderr)
        return EXIT_BAD
    write(output, page.encode())
    say(f"Wrote {output}.")
    return EXIT_OK


def _summary(catalogue: Catalogue) -> str:
    events = len(catalogue.events)
    properties = sum(len(event.properties) for event in catalogue.events.values())
    return (
        f"{events} {'event' if events == 1 else 'events'}, "
        f"{properties} {'property' if properties == 1 else 'properties'}"
    )


if __name__ == "__main__":
    sys.exit(main())
