"""The operator's commands in a product's typer: `hay telemetry status`.

from windrow.integrations.typer import telemetry_app

app.add_typer(telemetry_app("telemetry.toml"), name="telemetry")
"""

from __future__ import annotations

import argparse
import os
from inspect import Parameter, Signature
from typing import Any

import typer

from windrow.catalogue import Catalogue
from windrow.operator import run
from windrow.operator._commands import COMMANDS, KINDS, Command, Option, sentence


def telemetry_app(catalogue: str | os.PathLike[str] | Catalogue, **how: Any) -> typer.Typer:
    """An app with the operator's commands, whose exit codes are those of `windrow.operator.run`.

    `how` is given to `Operator`: `state`, `environ`, `config`, `telemetry` (the product's own, for `preview`).
    """
    app = typer.Typer(
        help="What this product sends to its makers: see it, switch it, be forgotten.", no_args_is_help=True
    )
    for command in COMMANDS:
        _add(app, command, catalogue, how)
    return app


def _add(
    app: typer.Typer, command: Command, catalogue: str | os.PathLike[str] | Catalogue, how: dict[str, Any]
) -> None:
    def call(ctx: typer.Context, **values: Any) -> None:
        prog = ctx.command_path.rpartition(" ")[0]
        for option in command.options:
            values[option.dest] = _checked(option, values[option.dest])
        options = argparse.Namespace(command=command.name, prog=prog, **values)
        raise typer.Exit(run(options, catalogue=catalogue, **how))

    # Typer reads a function's signature; this one has the options of the command.
    first = Parameter("ctx", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    options = [_parameter(option) for option in command.options]
    call.__signature__ = Signature([first, *options])  # type: ignore[attr-defined]  # read by `inspect`
    call.__annotations__ = {each.name: each.annotation for each in (first, *options)}
    app.command(command.name, help=f"{sentence(command.help)}.")(call)


def _parameter(option: Option) -> Parameter:
    said = f"{sentence(option.help)}."
    if option.kind == "flag":
        kind: Any = bool
        default = typer.Option(False, option.name, help=said, show_default=False)
    else:
        kind = str | None
        default = typer.Option(None, option.name, metavar=option.metavar, help=said, show_default=False)
    return Parameter(option.dest, Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _checked(option: Option, value: Any) -> object:
    if option.kind == "flag" or value is None:
        return value
    try:
        return KINDS[option.kind](value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option.name) from None
