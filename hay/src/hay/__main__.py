"""`hay --data DIR` serves; `hay telemetry …` has the operator's commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn
from windrow.operator import add_arguments, run

from hay.app import create_app
from hay.telemetry import CATALOGUE, configuration


def main() -> int:
    """Run one command; its exit code."""
    parser = _parser()
    options = parser.parse_args()
    data: Path | None = options.data
    if "command" in options:
        return run(options, catalogue=CATALOGUE, config=configuration(data) if data else None)
    if data is None:
        parser.error("the following arguments are required: --data")
    uvicorn.run(
        create_app(data),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hay", description="A small Hay, for Windrow's demo and tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7718)
    parser.add_argument("--data", type=Path, help="folder of the database and of hay.toml")
    commands = parser.add_subparsers(title="commands", metavar="command")
    add_arguments(commands.add_parser("telemetry", help="what Hay sends to its makers"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
