"""How an operator switches, and is forgotten: beside products that run, and a collector that may not answer."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from windrow._identity import identity_of
from windrow.envelope import instance_of, read_token
from windrow.operator import Failed, Operator
from windrow.state import MemoryState

from tests.support import products
from tests.support.commands import (
    PLAIN,
    SENT,
    TEA,
    answered,
    environment,
    in_process,
    operate,
    rows_of,
    send,
    state_of,
)
from tests.support.keeper import Keeper
from tests.support.listener import refusing, silent
from tests.support.waiting import eventually

# ---- off and on ----------------------------------------------------------------------------------


def test_a_no_lasts_though_there_was_no_state(folder: Path, keeper: Keeper) -> None:
    assert operate(folder, "off").returncode == 0
    send(folder, keeper.url, SENT)
    assert not keeper.paths
    found = answered(folder, "status")
    assert (found["enabled"], found["lever"]) == (False, "operator")
    assert "secret" not in rows_of(folder)


def test_a_no_that_cannot_be_kept_names_the_variable_that_does_it(folder: Path) -> None:
    (folder / "state").write_text("a file stands where the folder would")
    done = operate(folder, "off")
    assert done.returncode == 1
    assert "KETTLE_TELEMETRY_DISABLED=1" in done.stderr


def test_a_no_that_only_this_process_would_remember_is_a_failure_and_holds_all_the_same(folder: Path) -> None:
    state = MemoryState()
    with pytest.raises(Failed, match="KETTLE_TELEMETRY_DISABLED=1"):
        Operator(folder / "telemetry.toml", state=state, environ=PLAIN).off()
    assert (state.get("consent") or "").startswith("off ")


def test_off_wipes_what_waits_and_keeps_what_is_needed_to_be_forgotten(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    keeper.answers["/v1/batch"] = (503, {})
    send(folder, keeper.url, f'{TEA}\ntelemetry.count("boiled")\ntelemetry.flush(5)\ntelemetry.close(5)')
    before = rows_of(folder)
    assert list((folder / "state" / "spool").iterdir())
    assert operate(folder, "off").returncode == 0
    after = rows_of(folder)
    assert not list((folder / "state" / "spool").iterdir())
    assert not [key for key in after if key.startswith(("counter:", "sent:"))]
    assert (after["secret"], after["notice"]) == (before["secret"], before["notice"])
    batches = answered(folder, "show")["batches"]
    assert [batch["outcomes"][-1] for batch in batches] == ["delivered 200", "wiped"]


def test_off_ends_a_product_that_runs_without_a_farewell(folder: Path, keeper: Keeper) -> None:
    path = products.script(
        folder,
        """
        import sys, time
        for line in sys.stdin:
            telemetry.track("tea_made", {"sort": "black"})
            telemetry.count("boiled")
            telemetry.flush(10)
            print(telemetry.status().lever, flush=True)
        telemetry.close(5)
        """,
    )
    variables = environment(folder, KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    with subprocess.Popen(
        [sys.executable, str(path)],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as product:
        assert product.stdin
        assert product.stdout

        def make_tea() -> str:
            assert product.stdin
            assert product.stdout
            product.stdin.write("\n")
            product.stdin.flush()
            return product.stdout.readline().strip()

        assert make_tea() == "default"
        eventually(lambda: keeper.events)
        asked = len(keeper.paths)
        assert operate(folder, "off").returncode == 0
        assert make_tea() == "operator"
        assert make_tea() == "operator"
        product.stdin.close()
        assert product.wait(20) == 0
    assert len(keeper.paths) == asked
    assert not [key for key in rows_of(folder) if key.startswith("counter:")]


def test_a_yes_needs_no_grace(folder: Path, keeper: Keeper) -> None:
    assert operate(folder, "off").returncode == 0
    assert answered(folder, "on", KETTLE_TELEMETRY_GRACE="3600")["enabled"] is True
    assert answered(folder, "status")["notice"]["is"] == "agreed"
    send(folder, keeper.url, SENT, KETTLE_TELEMETRY_GRACE="3600")
    assert keeper.events


def test_a_yes_says_when_another_lever_says_no(folder: Path) -> None:
    done = operate(folder, "on", DO_NOT_TRACK="1")
    assert done.returncode == 0
    assert "DO_NOT_TRACK is 1" in done.stdout
    assert rows_of(folder)["consent"].startswith("on ")


# ---- to be forgotten -----------------------------------------------------------------------------


def test_to_be_forgotten_erases_there_then_here_and_stays_off(folder: Path, keeper: Keeper) -> None:
    keeper.forwarded = ["PostHog"]
    send(folder, keeper.url, SENT)
    instance = answered(folder, "status")["instance_id"]
    assert instance in keeper.held
    found = answered(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert (found["forgotten"], found["forwarded"], found["wiped"]) == ([instance], ["PostHog"], True)
    assert not keeper.held
    assert set(rows_of(folder)) == {"format", "consent"}
    assert not (folder / "state" / "ledger.jsonl").exists()
    send(folder, keeper.url, SENT)
    assert not keeper.held
    assert operate(folder, "on").returncode == 0
    send(folder, keeper.url, SENT)
    assert keeper.held
    assert instance not in keeper.held


def test_a_collector_that_does_not_answer_leaves_telemetry_off_and_all_that_is_needed_to_ask_again(
    folder: Path, keeper: Keeper
) -> None:
    send(folder, keeper.url, SENT)
    secret = rows_of(folder)["secret"]
    with refusing() as url:
        done = operate(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=url)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "privacy@kettle.example" in done.stderr
    assert rows_of(folder)["secret"] == secret
    assert answered(folder, "status")["lever"] == "operator"
    assert (folder / "state" / "ledger.jsonl").exists()
    again = answered(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert len(again["forgotten"]) == 1
    assert not keeper.held


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, {"error": "unknown_key", "message": "This key is not known."}),
        (200, {"forgotten": [], "forwarded": []}),
        (200, {"hello": "portal"}),
        (200, b"<html>"),
        (302, {}),
    ],
)
def test_who_does_not_say_that_it_has_erased_is_not_believed(
    folder: Path, keeper: Keeper, status: int, answer: Any
) -> None:
    send(folder, keeper.url, SENT)
    keeper.answers["/v1/forget"] = (status, answer)
    with pytest.raises(Failed) as caught:
        in_process(folder, KETTLE_TELEMETRY_ENDPOINT=keeper.url).forget()
    assert (caught.value.answer["wiped"], caught.value.answer["enabled"]) == (False, False)
    assert "secret" in rows_of(folder)


def test_a_collector_that_hangs_is_waited_for_no_longer_than_ten_seconds(
    folder: Path, keeper: Keeper
) -> None:
    send(folder, keeper.url, SENT)
    with silent() as url:
        began = time.monotonic()
        done = operate(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=url)
    assert done.returncode == 1
    assert time.monotonic() - began < 30


def test_products_that_run_while_they_are_forgotten_send_nothing_more(folder: Path, keeper: Keeper) -> None:
    path = products.script(
        folder,
        """
        import time
        while telemetry.is_enabled():
            telemetry.track("tea_made", {"sort": "black"})
            telemetry.count("boiled")
            time.sleep(0.002)
        telemetry.close(5)
        """,
    )
    variables = environment(folder, KETTLE_TELEMETRY_ENDPOINT=keeper.url, KETTLE_TELEMETRY_FLUSH="0.05")
    running = [
        subprocess.Popen([sys.executable, str(path)], cwd=folder, env=variables, stderr=subprocess.DEVNULL)
        for _ in range(3)
    ]
    try:
        eventually(lambda: len(keeper.events) > 50)
        done = operate(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
        assert done.returncode == 0, done.stderr
        for product in running:
            assert product.wait(30) == 0
    finally:
        for product in running:
            product.kill()
            product.wait(10)
    assert not keeper.held
    assert len(keeper.forgotten) == 1
    assert not [key for key in rows_of(folder) if key in ("secret", "months", "notice")]


def test_every_month_of_an_instance_is_forgotten(folder: Path, keeper: Keeper) -> None:
    path = folder / "telemetry.toml"
    path.write_text(path.read_text().replace("contact =", 'rotate = "monthly"\ncontact ='))
    state = state_of(folder)
    (folder / "state").mkdir()
    state.swap("format", None, "1")
    state.swap("secret", None, "ab" * 32)
    state.swap("months", None, "2026-10 2026-11")
    monthly = identity_of("ab" * 32, monthly=True)
    ids = {monthly.at("2026-10-01"), monthly.at("2026-11-01")}
    for instance_id in ids:
        keeper.held[instance_id] = [{"id": "a", "name": "tea_made", "time": "2026-11-01", "properties": {}}]
    found = answered(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert {one["instance_id"] for one in found["instances"]} == ids
    found = answered(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert ids <= set(found["forgotten"])
    assert not keeper.held
    proven = {instance_of(read_token(bytes.fromhex(token))) for token in keeper.tokens}
    assert proven == set(found["forgotten"])


def test_posthog_cannot_be_asked_so_the_contact_and_the_id_are_told(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    instance = answered(folder, "status")["instance_id"]
    path = folder / "telemetry.toml"
    path.write_text(path.read_text().replace("contact =", 'sink = "posthog"\ncontact ='))
    done = operate(folder, "forget", "--yes")
    assert done.returncode == 1
    assert "privacy@kettle.example" in done.stderr
    assert instance in done.stderr
    assert "secret" in rows_of(folder)
    assert operate(folder, "forget", "--yes", "--local").returncode == 0
    assert set(rows_of(folder)) == {"format", "consent"}


def test_nothing_is_forgotten_unasked(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    for command in ("forget", "reset"):
        done = operate(folder, command, typed="y\n", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
        assert done.returncode == 2
        assert "--yes" in done.stderr
    assert keeper.held
    assert "consent" not in rows_of(folder)


def test_who_never_sent_has_nothing_to_be_forgotten(folder: Path, keeper: Keeper) -> None:
    found = answered(folder, "forget", "--yes", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert (found["forgotten"], found["enabled"]) == ([], False)
    assert not keeper.paths


def test_to_begin_anew_makes_another_instance_and_shows_the_notice_again(
    folder: Path, keeper: Keeper
) -> None:
    send(folder, keeper.url, SENT)
    asked = len(keeper.paths)
    assert operate(folder, "reset", "--yes").returncode == 0
    assert len(keeper.paths) == asked
    assert set(rows_of(folder)) == {"format"}
    done = products.run(
        products.script(folder, SENT), **environment(folder, KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    )
    assert "Kettle sends telemetry" in done.stderr
    assert len(keeper.held) == 2


def test_to_begin_anew_does_not_make_a_yes_of_a_no(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    assert operate(folder, "off").returncode == 0
    assert operate(folder, "reset", "--yes").returncode == 0
    assert answered(folder, "status")["lever"] == "operator"
