"""What the commands print, for the operators' guide: a small Hay that has run for a month, and a clock that stands."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from windrow._identity import identity_of
from windrow._notice import agreed
from windrow.catalogue import load
from windrow.envelope import wire_time
from windrow.operator import _operator, add_arguments, run
from windrow.operator._ask import ask
from windrow.state import _file

from tests.support.keeper import Keeper, keeping

CATALOGUE = load(Path(__file__).parents[2] / "hay" / "telemetry.toml")
NOW = 1_795_531_265.0  # 2026-11-24 14:41 UTC
SECRET = "5f" * 32
FOLDER = "~/.local/state/hay/telemetry"
_DAY = 86_400
_TYPES = ("channel", "retriever", "playbook")


def shown(*commands: str) -> str:
    """The commands as they are typed, each with what it prints at a terminal of 80 columns."""
    with _hay():
        return "\n\n".join(f"$ windrow {command}\n{_printed(command)}".rstrip() for command in commands)


@contextmanager
def _hay() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as home, keeping(CATALOGUE.product.key) as keeper, chdir(home):
        _live_for_a_month(Path(FOLDER), keeper)
        with (
            patch.dict(os.environ, COLUMNS="80"),
            patch.object(_file, "_IN_CONTAINER", ()),
            # The words name the catalogue's collector; what is asked is asked of one on loopback.
            patch.object(_operator, "ask", lambda _, *rest: ask(keeper.url, *rest)),
        ):
            yield


def _printed(command: str) -> str:
    parser = argparse.ArgumentParser(prog="windrow")
    add_arguments(parser)
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(printed):
        environ = {"WINDROW_ETC": "/nowhere"}
        code = run(
            parser.parse_args(command.split()),
            catalogue=CATALOGUE,
            state=FOLDER,
            environ=environ,
            clock=lambda: NOW,
        )
        printed.seek(0)
        said = printed.read()
    if code:
        sys.exit(f"windrow {command} ended with {code}")
    return said


def _live_for_a_month(folder: Path, keeper: Keeper) -> None:
    folder.mkdir(parents=True)
    instance = identity_of(SECRET).at("")
    covers = agreed(CATALOGUE).split(" ")[1]
    today = wire_time(NOW, "day")
    rows = {
        "format": "1",
        "secret": SECRET,
        "notice": f"{int(NOW) - 30 * _DAY} {covers} ",
        f"counter:conversation_created:{today}": "61",
    }
    (folder / "state.json").write_text(json.dumps(rows))
    where = {"to": f"{CATALOGUE.product.endpoint}/v1/batch"}
    with (folder / "ledger.jsonl").open("w") as ledger:
        for day in range(30):
            moment = wire_time(NOW - (29 - day) * _DAY, "hour")
            batch = _batch(day, moment[:10], instance)
            key = {"batch_id": str(batch["batch_id"]), **where}
            ledger.write(json.dumps({**key, "time": moment, "body": json.dumps(batch)}) + "\n")
            ledger.write(json.dumps({**key, "outcome": "delivered 200"}) + "\n")
            if day > 27:
                keeper.batch(batch)


def _batch(day: int, date: str, instance: str) -> dict[str, Any]:
    events = [("plugin_installed", {"type": _TYPES[n % len(_TYPES)]}) for n in range(day * 5 % 7 - 3)]
    events += [("agent_created", {})] * (day % 9 == 4)
    events.append(("conversation_created", {"count": ("10-49", "50-99", "100-499")[(day * 2 % 9) // 3]}))
    events.append(("instance_info", {"runtime_version": "3.13.1", "os": "linux", "database": "postgres"}))
    return {
        "batch_id": f"00000000-0000-7000-8000-{day:012d}",
        "instance_id": instance,
        "context": {"app_version": f"1.{4 + day // 18}.{day % 18 // 9}"},
        "dropped": {},
        "events": [
            {"id": f"{day}-{n}", "name": name, "time": date, "properties": properties}
            for n, (name, properties) in enumerate(events)
        ],
    }
