"""The command `windrow-server`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
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


@main.command()
@_options("data", "catalogue")
@click.option("--seed", default=7, show_default=True, help="The same seed makes the same fleet.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day of the simulated year.  [default: today, in UTC]",
)
@click.option(
    "--instances", type=click.IntRange(1), help="Number of instances ever born.  [default: a fleet's worth]"
)
def simulate(
    data: Path, catalogue: tuple[Path, ...], seed: int, until: datetime | None, instances: int | None
) -> None:
    """Fill a data folder with a simulated year of a fleet, through admission, inbox and loader.

    Uses the embedded store, so no server may run on --data meanwhile.
    """
    from windrow_server.simulate import run

    day = until.date() if until else datetime.now(UTC).date()
    more = {} if instances is None else {"instances": instances}
    with click.progressbar(length=1000, label="Simulating a year", file=sys.stderr) as bar:
        run(Settings(data.absolute(), catalogues=catalogue), seed=seed, today=day, progress=_to(bar), **more)


def _to(bar: Any) -> Callable[[float], None]:
    """Turn shares of the whole (0 to 1) into steps of the bar."""
    done = 0

    def show(share: float) -> None:
        nonlocal done
        step = round(share * 1000) - done
        if step > 0:
            bar.update(step)
            done += step

    return show
