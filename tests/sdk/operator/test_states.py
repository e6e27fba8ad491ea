"""States that cannot be read, and commands that are written wrongly."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from windrow import Telemetry
from windrow.catalogue import loads
from windrow.errors import StateError
from windrow.operator import Operator
from windrow.operator._terminal import Terminal
from windrow.operator._words import WORDS
from windrow.state import MemoryState, open_url

from tests.support import products
from tests.support.commands import (
    PLAIN,
    SENT,
    answered,
    in_process,
    operate,
    send,
)
from tests.support.keeper import Keeper

# ---- states --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1}', '{"format": "9"}'])
@pytest.mark.parametrize(
    "command", ["status", "off", "on", "preview", "show", "view", "forget --yes", "reset --yes"]
)
def test_a_state_that_cannot_be_read_is_said_with_what_to_do(
    folder: Path, command: str, content: str
) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "state.json").write_text(content)
    operator = in_process(folder)
    name = command.split()[0]
    if name == "status":
        found = operator.status()
        assert (found["enabled"], found["lever"]) == (False, "state")
        assert "emove" in found["problem"] or "Upgrade" in found["problem"]
    else:
        with pytest.raises(StateError, match=r"emove|Upgrade"):
            getattr(operator, name)()
    assert (folder / "state" / "state.json").read_text() == content


JUNK = (
    "",
    "x",
    "-1",
    "9" * 30,
    "²",
    "off",
    "\x1b[2J",
    "[1]",
    "null",
    '["to", 1, null]',
    "5 5 5",
    "nan 1795521700",
)
ROWS = (
    "secret",
    "consent",
    "notice",
    "stop",
    "sample",
    "sequence",
    "months",
    "daily",
    "counter:boiled:2026-11-20",
)


@pytest.mark.parametrize(
    "key", [*ROWS, "counter:", "backoff:1", "ledger:2026-11-20T10:00Z:b:x", "ledger:", "lease:daily"]
)
def test_a_row_that_nobody_wrote_is_shown_or_refused_in_words(key: str) -> None:
    sound = {
        "secret": "ab" * 32,
        "notice": "5 a b",
        "counter:boiled:2026-11-23": "3",
        "sent:boiled:2026-11-23": "x",
    }
    catalogue = loads(products.CATALOGUE)
    for junk in JUNK:
        for command in ("status", "preview", "show", "view", "on", "off", "reset"):
            state = MemoryState()
            state.kind = "database"
            for name, value in {**sound, key: junk}.items():
                state.swap(name, None, value)
            terminal = Terminal()
            with suppress(StateError):
                answer = getattr(
                    Operator(catalogue, state=state, environ=PLAIN, clock=lambda: 1_795_521_600.0), command
                )()
                WORDS[command](terminal, answer, "windrow")
            assert "\x1b" not in terminal.said()


def test_the_exit_code_tells_a_state_that_cannot_be_read_from_a_failure(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "state.json").write_text("{")
    for command in ("status", "off", "show"):
        done = operate(folder, command)
        assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert answered(folder, "off")["error"] == "state"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
def test_a_state_of_another_account_is_said_with_its_name(folder: Path) -> None:
    (folder / "state").mkdir()
    file = folder / "state" / "state.json"
    file.write_text('{"format": "1"}')
    os.chown(file, 1, 1)
    done = operate(folder, "off")
    assert done.returncode == 3
    assert "Run this as daemon" in " ".join(done.stderr.split())


def test_a_state_is_named_by_a_folder(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    instance = answered(folder, "status")["instance_id"]
    for text in (str(folder / "state"), f"file:{folder / 'state'}", f"file://{folder / 'state'}", "state"):
        found = answered(folder, "status", "--state", text, KETTLE_TELEMETRY_DIR="/nowhere")
        assert found["instance_id"] == instance


def test_a_state_in_a_database_is_named_by_its_address(folder: Path, keeper: Keeper) -> None:
    file = folder / "kettle.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("create table teas (name text)")
    address = f"sqlite:///{file}"
    where = {"KETTLE_TELEMETRY_ENDPOINT": keeper.url}
    telemetry = Telemetry(
        folder / "telemetry.toml",
        state=open_url(address),
        environ={**PLAIN, **where, "KETTLE_TELEMETRY_GRACE": "0"},
    )
    with telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush(10)
    found = answered(folder, "status", "--state", address, **where)
    assert (found["instance_id"] in keeper.held, found["state"]["kind"]) == (True, "database")
    assert len(answered(folder, "show", "--state", address)["batches"]) == 1
    assert operate(folder, "forget", "--yes", "--state", address, **where).returncode == 0
    assert not keeper.held
    with closing(sqlite3.connect(file)) as database:
        rows = dict(database.execute("select name, value from windrow_state").fetchall())
    assert set(rows) == {"format", "consent"}
    assert not (folder / "state").exists()
    done = operate(folder, "off", "--state", f"sqlite:///{folder / 'none.db'}")
    assert done.returncode == 3
    assert "There is no database" in " ".join(done.stderr.split())


def test_an_address_of_memory_cannot_keep_a_no(folder: Path) -> None:
    done = operate(folder, "off", "--state", "memory:")
    assert (done.returncode, "KETTLE_TELEMETRY_DISABLED=1" in done.stderr) == (1, True)


def test_all_rows_of_a_state_in_a_database_are_wiped(folder: Path, keeper: Keeper) -> None:
    state = MemoryState()
    state.kind = "database"
    environ = {"KETTLE_TELEMETRY_ENDPOINT": keeper.url, "KETTLE_TELEMETRY_GRACE": "0", **PLAIN}
    with Telemetry(folder / "telemetry.toml", state=state, environ=environ) as telemetry:
        telemetry.track("tea_made")
        assert telemetry.flush(10)
    assert state.items("ledger:")
    Operator(folder / "telemetry.toml", state=state, environ=environ).forget()
    assert [key for key, _ in state.items("")] == ["consent"]
    assert not keeper.held


# ---- usage ---------------------------------------------------------------------------------------


def test_without_a_catalogue_it_says_how_to_name_one(tmp_path: Path) -> None:
    done = operate(tmp_path, "status")
    assert done.returncode == 2
    assert "--catalogue FILE" in done.stderr


def test_the_compiled_catalogue_will_do(folder: Path) -> None:
    assert operate(folder, "build", "telemetry.toml").returncode == 0
    (folder / "telemetry.toml").unlink()
    assert answered(folder, "status")["product"] == "kettle"


def test_a_bad_catalogue_is_said_with_its_places(folder: Path) -> None:
    (folder / "telemetry.toml").write_text('[product]\nname = "X"\n')
    done = operate(folder, "status")
    assert done.returncode == 1
    assert "telemetry.toml:2" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    ["show --last 0", "show --last x", "show --since yesterday", "show --raw --json", "show --held --raw"],
)
def test_a_wrong_use_is_said(folder: Path, arguments: str) -> None:
    done = operate(folder, *arguments.split())
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_help_of_windrow_has_a_part_for_operators(folder: Path) -> None:
    said = operate(folder, "--help").stdout
    operators = said.partition("for operators")[2]
    for command in ("status", "off", "on", "preview", "show", "view", "forget", "reset"):
        assert f"  {command} " in operators
    assert "init" not in operators


def test_an_operator_takes_a_loaded_catalogue() -> None:
    operator = Operator(loads(products.CATALOGUE), state=MemoryState(), environ=PLAIN)
    assert operator.status()["title"] == "Kettle"
