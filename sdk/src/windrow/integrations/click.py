"""The operator's commands in a product's click: `hay telemetry status`.

from windrow.integrations.click import telemetry_group

cli.add_command(telemetry_group("telemetry.toml"))
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import click

from windrow.catalogue import Catalogue
from windrow.operator import run
from windrow.operator._commands import COMMANDS, KINDS, Command, Option, sentence


def telemetry_group(
    catalogue: str | os.PathLike[str] | Catalogue, *, name: str = "telemetry", **how: Any
) -> click.Group:
    """A group with the operator's commands, whose exit codes are those of `windrow.operator.run`.

    `how` is given to `Operator`: `state`, `environ`, `config`, `telemetry` (the product's own, for `preview`).
    """
    group = _InOrder(name, help="What this product sends to its makers: see it, switch it, be forgotten.")
    for command in COMMANDS:
        group.add_command(_command(command, catalogue, how))
    return group


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's own signature
        return list(self.commands)


def _command(
    command: Command, catalogue: str | os.PathLike[str] | Catalogue, how: dict[str, Any]
) -> click.Command:
    def call(**values: Any) -> None:
        context = click.get_current_context()
        prog = context.command_path.rpartition(" ")[0]
        options = argparse.Namespace(command=command.name, prog=prog, **values)
        context.exit(run(options, catalogue=catalogue, **how))

    said = f"{sentence(command.help)}."
    params: list[click.Parameter] = [_option(option) for option in command.options]
    return click.Command(command.name, callback=call, params=params, help=said, short_help=said)


def _option(option: Option) -> click.Option:
    if option.kind == "flag":
        return click.Option([option.name], is_flag=True, help=f"{sentence(option.help)}.")
    convert = KINDS[option.kind]

    def checked(_: click.Context, __: click.Parameter, value: str | None) -> object:
        try:
            return None if value is None else convert(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return click.Option(
        [option.name], metavar=option.metavar, callback=checked, help=f"{sentence(option.help)}."
    )
