"""How the operator's commands look: on any terminal, in any width and letters, and where nobody listens any more."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import time
from pathlib import Path

import pytest
from windrow._identity import identity_of
from windrow.envelope import wire_time

from tests.support import products
from tests.support.commands import COMMAND, environment, operate
from tests.support.keeper import keeping

FULL = Path("/dev/full")
ESCAPE = "\x1b"
COMMANDS = ("status", "preview", "show", "view", "off", "on")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A product that has sent for a month."""
    products.write_catalogue(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    today = wire_time(time.time(), "day")
    rows = {"format": "1", "secret": "ab" * 32, f"counter:boiled:{today}": "23"}
    (state / "state.json").write_text(json.dumps(rows))
    with (state / "ledger.jsonl").open("w") as ledger:
        for day in range(30):
            moment = wire_time(time.time() - (29 - day) * 86_400, "hour")
            key = {"batch_id": f"batch-{day}", "to": "https://telemetry.kettle.example/v1/batch"}
            ledger.write(json.dumps({**key, "time": moment, "body": body_of(day, moment[:10])}) + "\n")
            ledger.write(json.dumps({**key, "outcome": "delivered 200"}) + "\n")
    return tmp_path


def body_of(day: int, date: str) -> str:
    """A batch of that day."""
    made = [
        {"sort": ("green", "black", "other")[(day + n) % 3], "cups": "1-9", "blend": "ab" * 32}
        for n in range(day * 7 % 11)
    ]
    events = [
        {"id": f"{day}-{n}", "name": "tea_made", "time": date, "properties": properties}
        for n, properties in enumerate(made)
    ]
    bucket = ("1-9", "10-99", "100+")[day % 3]
    events.append({"id": f"{day}-b", "name": "boiled", "time": date, "properties": {"count": bucket}})
    events.append({"id": f"{day}-s", "name": "shelf", "time": date, "properties": {"sorts": "10+"}})
    return json.dumps({"context": {"app_version": "1.4.0"}, "dropped": {}, "events": events})


def at_a_terminal(folder: Path, *arguments: str, typed: str = "", **variables: str) -> tuple[int, str]:
    """Run a command at a terminal of its own; its exit code, and what was seen."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(folder, TERM="xterm", **variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # how a terminal ends on Linux
                break
            if not chunk:
                break
            seen += chunk
        return process.wait(60), seen.decode()
    finally:
        os.close(ours)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_terminal(folder: Path, command: str, width: int) -> None:
    done = operate(folder, command, COLUMNS=str(width))
    assert done.returncode == 0, done.stderr
    # What has no place to break at, such as a path, is left to the terminal: it can be copied then.
    wide = [
        line
        for line in done.stdout.splitlines()
        if len(line) > width and max(map(len, line.split())) < width - 16
    ]
    assert not wide


@pytest.mark.parametrize("width", ["1", "0", "-5", "nonsense", "100000"])
def test_a_width_that_is_none_hurts_nobody(folder: Path, width: str) -> None:
    for command in COMMANDS:
        assert operate(folder, command, COLUMNS=width).returncode == 0


def test_a_terminal_with_few_letters_gets_those(folder: Path) -> None:
    few = {"PYTHONIOENCODING": "ascii"}
    for command in COMMANDS:
        done = operate(folder, command, **few)
        assert done.stdout.isascii(), command
        assert "?" not in done.stdout, command
    assert "####" in operate(folder, "view", **few).stdout
    plain, drawn = operate(folder, "view", "--ascii").stdout, operate(folder, "view").stdout
    assert plain == operate(folder, "view", **few).stdout
    assert "████" in drawn
    assert "▁" in drawn


def test_a_title_that_the_terminal_cannot_show_hurts_nobody(folder: Path) -> None:
    path = folder / "telemetry.toml"
    path.write_text(path.read_text().replace('title = "Kettle"', 'title = "Théière"'), encoding="utf-8")
    done = operate(folder, "status", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.startswith("Th?i?re telemetry is on.")
    assert operate(folder, "forget", PYTHONIOENCODING="ascii").returncode == 2


def test_colour_is_for_terminals_that_want_it(folder: Path) -> None:
    for command in COMMANDS:
        assert ESCAPE not in operate(folder, command).stdout
        assert ESCAPE in at_a_terminal(folder, command)[1]
        assert ESCAPE not in at_a_terminal(folder, command, NO_COLOR="1")[1]


def test_without_its_colours_a_line_is_the_same(folder: Path) -> None:
    _, seen = at_a_terminal(folder, "view")
    for code in ("1", "2", "32", "33", "0"):
        seen = seen.replace(f"\x1b[{code}m", "")
    assert seen.replace("\r\n", "\n") == operate(folder, "view").stdout


@pytest.mark.parametrize(
    ("typed", "wiped"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("\x04", False)]
)
def test_at_a_terminal_it_is_asked_and_no_is_the_answer_that_is_meant(
    folder: Path, typed: str, wiped: bool
) -> None:
    code, seen = at_a_terminal(folder, "reset", typed=typed)
    assert "Go on? [y/N]" in seen
    assert "Kettle becomes a new instance" in seen
    rows = json.loads((folder / "state" / "state.json").read_text())
    assert (code, "secret" in rows) == ((0, False) if wiped else (1, True))


def test_before_anything_is_forgotten_it_is_said_what_will_be(folder: Path) -> None:
    with keeping() as keeper:
        _, seen = at_a_terminal(folder, "forget", typed="y\n", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
        said = " ".join(seen.split())
        assert f"{keeper.url} erases all that it holds under" in said
        assert "with a ledger of 30 batches" in said
        assert "holds nothing any more of" in said
        assert len(keeper.forgotten) == 1


@pytest.mark.parametrize("arguments", ["show --last 30", "show --raw", "view", "status", "show --json"])
def test_a_reader_who_has_seen_enough_is_no_error(folder: Path, arguments: str) -> None:
    ledger = folder / "state" / "ledger.jsonl"
    lines = ledger.read_text()
    ledger.write_text("".join(lines.replace("batch-", f"copy-{n}-") for n in range(30)))
    line = f"set -o pipefail; {shlex.join([*COMMAND, *arguments.split()])} | head -1"
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_what_cannot_be_written_is_said(folder: Path) -> None:
    for arguments in ("status", "show --raw", "status --json"):
        with FULL.open("w") as full:
            done = subprocess.run(
                [*COMMAND, *arguments.split()],
                cwd=folder,
                env=environment(folder),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        assert done.returncode == 1
        assert "standard output" in done.stderr
        assert "Traceback" not in done.stderr


def test_nothing_in_a_ledger_or_in_an_answer_moves_the_cursor(folder: Path) -> None:
    evil = f"{ESCAPE}[2J\r\n\x07"
    event = {"id": "x", "name": evil, "time": evil, "properties": {evil: evil, "list": [evil]}}
    body = json.dumps({"context": {evil: evil}, "dropped": {evil: evil}, "events": [event]})
    moment = wire_time(time.time(), "hour")
    with (folder / "state" / "ledger.jsonl").open("a") as ledger:
        ledger.write(json.dumps({"batch_id": evil, "to": evil, "time": moment, "body": body}) + "\n")
        ledger.write(json.dumps({"batch_id": evil, "to": evil, "outcome": evil}) + "\n")
    with keeping() as keeper:
        instance = identity_of("ab" * 32).at("")
        keeper.answers["/v1/held"] = (200, {"instance_id": instance, "events": [event]})
        keeper.answers["/v1/forget"] = (500, {"message": evil})
        held = operate(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
        forget = operate(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    seen = [held, forget, *(operate(folder, command) for command in COMMANDS)]
    for done in seen:
        assert not {ESCAPE, "\r", "\x07"} & set(done.stdout + done.stderr)
    assert held.returncode == 0


@pytest.mark.parametrize(
    "body",
    [
        '"text"',
        "[]",
        '{"events": 1}',
        '{"events": [1, {"name": "tea_made"}, {"id": 1, "name": [], "time": {}, "properties": []}]}',
        '{"batch": [1, {}, {"event": [], "properties": 1}]}',
        '{"events": [], "context": [], "dropped": 1}',
    ],
)
def test_a_ledger_with_lines_that_nobody_wrote_is_shown_all_the_same(folder: Path, body: str) -> None:
    with (folder / "state" / "ledger.jsonl").open("a") as ledger:
        ledger.write(
            json.dumps({"batch_id": "b", "to": "t", "time": "2026-11-24T10:00Z", "body": body}) + "\n"
        )
        ledger.write("not JSON\n")
    for command in ("status", "show", "view"):
        done = operate(folder, command)
        assert (done.returncode, done.stderr) == (0, "")
