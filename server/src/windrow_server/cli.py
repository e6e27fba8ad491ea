"""The command `windrow-server`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from windrow.errors import WindrowError

from windrow_server.errors import StartError
from windrow_server.settings import SETTINGS, Settings

_TYPES: dict[str, Any] = {
    "data": click.Path(path_type=Path, file_okay=False),
    "catalogue": click.Path(path_type=Path, dir_okay=False),
    "port": click.IntRange(0, 65535),
}


def _options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the settings of these names, as flags and from the environment."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for setting in reversed([setting for setting in SETTINGS if setting.name in names]):
            command = click.option(
                f"--{setting.name}",
                envvar=setting.env,
                show_envvar=True,
                default=setting.default,
                show_default=setting.default is not None,
                required=setting.name == "data",
                multiple=setting.name == "catalogue",
                type=_TYPES.get(setting.name, str),
                help=setting.help,
            )(command)
        return command

    return decorate


class _Group(click.Group):
    """Turns an error that we know into one message and its exit code; a traceback is for bugs."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WindrowError as error:
            click.echo(f"windrow-server: {error}", err=True)
            sys.exit(error.code if isinstance(error, StartError) else 1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="windrow-server", prog_name="windrow-server")
def main() -> None:
    """Collector, store and insights of Windrow: product telemetry that operators leave switched on."""


@main.command()
@_options("data", "store", "catalogue", "host", "port", "admin-token")
def serve(
    data: Path, store: str, catalogue: tuple[Path, ...], host: str, port: int, admin_token: str | None
) -> None:
    """Take batches, keep them, and show the insights.

    Catalogues given once are remembered in --data: later starts need them only when they have changed.

    \b
        windrow-server serve --data ./windrow-data --catalogue telemetry.toml
    """
    from windrow_server.supervise import serve as run  # the web stack loads only when it is needed

    run(Settings(data.absolute(), store, catalogue, host, port, admin_token))


@main.command()
@_options("data")
@click.option("--new", is_flag=True, help="Make a new admin token; the old one ends at once.")
def token(data: Path, new: bool) -> None:
    """Say how to get into the insights, or make a new admin token."""
    from windrow_server.meta import Meta

    path = data / "meta.sqlite"
    if not path.exists():
        raise StartError(f"There is no server in {data} yet. `windrow-server serve` makes the first token.")
    meta = Meta(path)
    try:
        if new:
            click.echo(meta.rotate_admin_token())
        elif meta.has_admin_token():
            click.echo(
                "An admin token was made and printed at the first start. Only its hash is kept;"
                " when it is lost, `windrow-server token --new` makes another."
            )
        else:
            click.echo("There is no admin token yet: `windrow-server token --new` makes one.")
    finally:
        meta.close()
