"""The command `windrow-server`."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
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
            # To click a default of None is a value that was given: `required` would not hold.
            default: dict[str, Any] = {}
            if setting.default is not None:
                default = {"default": setting.default, "show_default": True}
            command = click.option(
                f"--{setting.name}",
                envvar=setting.env,
                show_envvar=True,
                required=setting.name == "data",
                multiple=setting.name == "catalogue",
                type=_TYPES.get(setting.name, str),
                help=setting.help,
                **default,
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
    from windrow_server.supervise.checks import told

    path, folder = _existing(data), shlex.quote(str(data))
    another = f"`windrow-server token --data {folder} --new`"
    with told(path), closing(Meta(path)) as meta:
        if new:
            answer = meta.rotate_admin_token()
        elif meta.has_admin_token():
            answer = (
                "An admin token was made and printed at the first start. Only its hash is kept;"
                f" when it is lost, {another} makes another."
            )
        else:
            answer = f"There is no admin token yet: {another} makes one."
    click.echo(answer)


def _share(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):  # no range keeps it out
        raise click.BadParameter("it must be a number from 0 to 1.")
    return value


@main.command(short_help="Tell a product's instances to stop, pause, or sample.")
@click.argument("product")
@_options("data")
@click.option(
    "--stop", type=click.IntRange(1, 365), metavar="DAYS", help="Telemetry is off, until DAYS from now."
)
@click.option(
    "--pause",
    type=click.IntRange(1, 720),
    metavar="HOURS",
    help="Nothing is sent, until HOURS from now; events wait.",
)
@click.option(
    "--sample",
    type=click.FloatRange(0, 1),
    callback=_share,
    metavar="SHARE",
    help="Only this share of the instances sends, 0 to 1.",
)
@click.option("--none", is_flag=True, help="Take back all that was wished.")
def wish(
    product: str, data: Path, stop: int | None, pause: int | None, sample: float | None, none: bool
) -> None:
    """Tell a product's instances to stop, pause, or sample; without options, show what they are told.

    The wish stands in every reply until it ends or is taken back; a server that runs sees it within seconds. An
    instance hears it when it sends the next time. What is not named stays as it is.

    \b
        windrow-server wish hay --pause 6 --data ./windrow-data
    """
    from windrow_server.meta import Meta, Wish
    from windrow_server.supervise.checks import told

    if none and (stop, pause, sample) != (None, None, None):
        raise click.UsageError("--none takes everything back: give it alone.")
    path = _existing(data)
    with told(path), closing(Meta(path)) as meta:
        names = [catalogue.product.name for catalogue in meta.current()]
        if product not in names:
            raise StartError(
                f"The server in {data} knows no product {product!r}. It knows: {', '.join(names)}.", 2
            )
        if none:
            meta.unwish(product)
        elif (stop, pause, sample) != (None, None, None):
            meta.wish(product, stop_days=stop, pause_hours=pause, sample=sample)
        words = meta.wishes().get(product, Wish()).words(time.time())
    for one in words:
        click.echo(f"Instances of {product} are told: {one}.")
    if not words:
        click.echo(f"Instances of {product} are told nothing.")


def _existing(data: Path) -> Path:
    path, folder = data / "meta.sqlite", shlex.quote(str(data))
    if not path.exists():
        raise StartError(
            f"There is no server in {data} yet. `windrow-server serve --data {folder}` starts one."
        )
    return path


@main.command(short_help="Fill a data folder with a simulated year of a fleet.")
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
    from windrow_server.store import StoreError
    from windrow_server.supervise.checks import NO_PRODUCT, check_store, loaded, told

    if not catalogue:
        raise StartError(NO_PRODUCT, 2)
    check_store("embedded")
    loaded(catalogue)
    settings = Settings(data.absolute(), catalogues=catalogue)
    day = until.date() if until else datetime.now(UTC).date()
    more = {} if instances is None else {"instances": instances}
    try:
        with ExitStack() as stack, told(data, "Name an empty folder with --data."):
            run(settings, seed=seed, today=day, progress=_bar(stack), **more)
    except StoreError as error:
        raise StartError(
            f"{data} could not be filled: {error} Name another, empty folder with --data."
        ) from None


def _bar(stack: ExitStack) -> Callable[[float], None]:
    """Return what shows shares of the whole (0 to 1), on a bar that ends with `stack`.

    The bar begins with the first share: an error before that is not written behind it.
    """
    bar: Any = None
    done = 0

    def show(share: float) -> None:
        nonlocal bar, done
        if bar is None:
            bar = stack.enter_context(
                click.progressbar(length=1000, label="Simulating a year", file=sys.stderr)
            )
        step = round(share * 1000) - done
        if step > 0:
            bar.update(step)
            done += step

    return show
