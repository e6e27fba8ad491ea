"""What an operator may do: see, switch, be forgotten; on real states, beside real products and a real collector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow._identity import identity_of
from windrow.catalogue import loads
from windrow.envelope import instance_of, read_token, wire_time
from windrow.errors import StateError
from windrow.operator import Failed, Operator
from windrow.operator._terminal import Terminal
from windrow.operator._words import WORDS
from windrow.sinks import Memory
from windrow.state import FileState, MemoryState

from tests.support import products
from tests.support.keeper import Keeper, keeping
from tests.support.listener import refusing, silent
from tests.support.commands import answered, environment, operate, send
from tests.support.waiting import eventually

TEA = 'telemetry.track("tea_made", {"sort": "green", "cups": 3})'
SENT = f'{TEA}\ntelemetry.count("boiled", 5)\ntelemetry.send_daily(10)\ntelemetry.close(10)'
PLAIN = {"WINDROW_ETC": "/nowhere"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    products.write_catalogue(tmp_path)
    return tmp_path


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with keeping() as collector:
        yield collector


def state_of(folder: Path) -> FileState:
    return FileState(str(folder / "state"))


def rows_of(folder: Path) -> dict[str, str]:
    return dict(state_of(folder).items(""))


def in_process(folder: Path, **variables: str) -> Operator:
    chosen = {"KETTLE_TELEMETRY_DIR": str(folder / "state"), "WINDROW_ETC": str(folder / "etc")}
    return Operator(folder / "telemetry.toml", environ={**chosen, **variables})


# ---- status ---------------------------------------------------------------------------------------


def test_a_look_makes_nothing(folder: Path) -> None:
    for command in ("status", "preview", "show", "view", "reset --yes"):
        assert operate(folder, *command.split()).returncode == 0
    assert not (folder / "state").exists()


def test_the_status_names_the_lever_that_decides_its_value_and_its_place(folder: Path) -> None:
    (folder / "etc").mkdir()
    conf = folder / "etc" / "all.conf"
    conf.write_text("telemetry = off\n")
    found = answered(folder, "status")
    assert (found["enabled"], found["lever"], found["value"], found["place"]) == (
        False,
        "machine",
        "off",
        str(conf),
    )
    found = answered(folder, "status", DO_NOT_TRACK="1", CI="true")
    assert (found["lever"], found["value"], found["place"]) == ("DO_NOT_TRACK", "1", "environment")
    assert [row["lever"] for row in found["levers"] if row["says"] == "off"] == [
        "DO_NOT_TRACK",
        "ci",
        "machine",
    ]


def test_what_the_configuration_says_is_known_to_the_product_alone(folder: Path) -> None:
    says = {row["lever"]: row["says"] for row in in_process(folder).status()["levers"]}
    assert says["config"] == "unknown"
    with_config = Operator(
        folder / "telemetry.toml", environ=PLAIN, state=MemoryState(), config={"telemetry": False}
    )
    found = with_config.status()
    assert (found["enabled"], found["lever"]) == (False, "config")


def test_the_status_tells_of_the_last_send_of_what_waits_and_of_the_notice(
    folder: Path, keeper: Keeper
) -> None:
    send(folder, keeper.url, SENT)
    found = answered(folder, "status", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert found["instance_id"] in keeper.held
    assert found["notice"]["is"] == "over"
    assert found["last_send"]["outcome"] == "delivered 200"
    assert found["sinks"] == [f"{keeper.url}/v1/batch"]
    keeper.answers["/v1/batch"] = (503, {})
    send(folder, keeper.url, f"{TEA}\ntelemetry.flush(5)\ntelemetry.flush(5)\ntelemetry.close(5)")
    found = answered(folder, "status")
    assert found["waiting"] == {"batches": 1, "events": 1, "counters": 0}
    assert found["last_send"]["outcome"] == "later 503"
    assert [back_off["to"] for back_off in found["back_off"]] == [f"{keeper.url}/v1/batch"]


def test_while_the_grace_runs_the_status_says_until_when(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, f"{TEA}\ntelemetry.flush(5)\ntelemetry.close(5)", KETTLE_TELEMETRY_GRACE="3600")
    found = answered(folder, "status", KETTLE_TELEMETRY_GRACE="3600")["notice"]
    assert (found["is"], found["not_yet"]) == ("grace", ["boiled", "page_view", "shelf", "tea_made"])
    assert found["shown"] < found["ends"]
    assert not keeper.paths


def test_a_release_that_sends_more_waits_for_its_notice_in_part(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    with (folder / "telemetry.toml").open("a") as file:
        file.write('\n[events.kettle_cleaned]\ndescription = "Cleaned."\nwhy = "Tests."\n')
    found = answered(folder, "status")["notice"]
    assert (found["is"], found["not_yet"]) == ("part", ["kettle_cleaned"])


def test_a_stop_of_the_makers_and_a_sample_are_told(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    state = state_of(folder)
    state.swap("sample", None, f"0.000000 {int(time.time()) + 1000}")
    assert in_process(folder).status()["sample"]["sends"] is False
    state.swap("stop", None, str(int(time.time()) + 1000))
    found = in_process(folder).status()
    assert (found["enabled"], found["lever"]) == (False, "collector")
    assert found["value"].startswith("until 20")


def test_debugging_is_said(folder: Path) -> None:
    assert answered(folder, "status", KETTLE_TELEMETRY_DEBUG="1")["debug"] is True


# ---- off and on ---------------------------------------------------------------------------------------


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


# ---- preview, show, view ------------------------------------------------------------------------------


def test_the_preview_has_the_bytes_that_wait_on_disk_exactly(folder: Path, keeper: Keeper) -> None:
    keeper.answers["/v1/batch"] = (503, {})
    send(folder, keeper.url, f"{TEA}\ntelemetry.flush(5)\ntelemetry.close(5)")
    (waiting,) = answered(folder, "preview", KETTLE_TELEMETRY_ENDPOINT=keeper.url)["batches"]
    (tried,) = answered(folder, "show")["batches"]
    assert (waiting["waits"], waiting["exact"], waiting["body"]) == ("disk", True, tried["body"])
    assert operate(folder, "preview", "--raw").stdout == tried["body"] + "\n"


def test_the_preview_has_what_was_counted_on_days_that_have_ended(folder: Path) -> None:
    state = state_of(folder)
    (folder / "state").mkdir()
    state.swap("format", None, "1")
    today, before = wire_time(time.time(), "day"), wire_time(time.time() - 86_400, "day")
    state.swap(f"counter:boiled:{before}", None, "12")
    state.swap(f"counter:boiled:{today}", None, "3")
    found = answered(folder, "preview")
    assert [(c["day"], c["number"], c["bucket"], c["due"]) for c in found["counters"]] == [
        (before, 12, "10-99", True),
        (today, 3, "1-9", False),
    ]
    (batch,) = found["batches"]
    (event,) = json.loads(batch["body"])["events"]
    assert (batch["waits"], event["name"], event["properties"]) == ("counters", "boiled", {"count": "10-99"})
    assert "secret" not in rows_of(folder)
    assert "memory of running processes cannot be seen" in operate(folder, "preview").stdout


def test_the_preview_in_the_product_sees_its_memory(folder: Path) -> None:
    sink = Memory()
    telemetry = Telemetry(
        folder / "telemetry.toml", app_version="1.2.3", sink=sink, state=MemoryState(), environ={**PLAIN}
    )
    with telemetry:
        telemetry.track("tea_made", {"sort": "black"})
        found = Operator(folder / "telemetry.toml", telemetry=telemetry).preview()
        (batch,) = found["batches"]
        body = json.loads(batch["body"])
        assert (found["from"], batch["waits"], batch["to"]) == ("process", "memory", "memory")
        assert (body["context"], [event["name"] for event in body["events"]]) == (
            {"app_version": "1.2.3"},
            ["tea_made"],
        )
        status = Operator(folder / "telemetry.toml", telemetry=telemetry).status()
        assert status["process"]["queued"] == 1
    found = Operator(folder / "telemetry.toml", telemetry=telemetry).preview()
    assert (found["from"], found["enabled"]) == ("state", True) or found["lever"] == "closed"


def test_the_ledger_is_shown_byte_for_byte_the_newest_last(folder: Path, keeper: Keeper) -> None:
    for _ in range(3):
        send(folder, keeper.url, f"{TEA}\ntelemetry.close(10)")
    lines = (folder / "state" / "ledger.jsonl").read_text().splitlines()
    bodies = [json.loads(line)["body"] for line in lines if "body" in line]
    assert operate(folder, "show", "--raw").stdout == "".join(f"{body}\n" for body in bodies)
    assert operate(folder, "show", "--raw", "--last", "1").stdout == f"{bodies[-1]}\n"
    found = answered(folder, "show", "--last", "2")
    assert [batch["body"] for batch in found["batches"]] == bodies[1:]
    assert found["earlier"] == 1
    assert answered(folder, "show", "--since", "2999-01-01")["batches"] == []
    words = operate(folder, "show").stdout
    assert words.count("sort=green cups=1-9") == 3
    assert words.count("delivered (200)") == 3


def test_what_is_held_is_asked_of_the_collector_with_a_proof_that_gives_no_right_to_erase(
    folder: Path, keeper: Keeper
) -> None:
    send(folder, keeper.url, SENT)
    found = answered(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    (one,) = found["instances"]
    assert one["instance_id"] == answered(folder, "status")["instance_id"]
    assert sorted(event["name"] for event in one["events"]) == ["boiled", "tea_made"]
    assert not keeper.tokens


def test_a_collector_that_does_not_say_what_it_holds_is_a_failure_in_words(
    folder: Path, keeper: Keeper
) -> None:
    send(folder, keeper.url, SENT)
    with refusing() as url:
        done = operate(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=url)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    keeper.answers["/v1/held"] = (429, {"error": "rate", "message": "Ask again in a minute."})
    done = operate(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert (done.returncode, "Ask again in a minute." in done.stderr) == (1, True)


def test_the_view_counts_what_was_sent_twice_once(folder: Path) -> None:
    state = MemoryState()
    state.kind = "database"
    event = {"id": "a", "name": "tea_made", "time": "2026-11-24", "properties": {"sort": "green"}}
    daily = {"id": "b", "name": "boiled", "time": "2026-11-23", "properties": {"count": "10-99"}}
    for batch in range(2):
        body = json.dumps({"events": [event, daily], "context": {"app_version": "1.0.0"}})
        state.swap(f"ledger:2026-11-24T10:00Z:{batch}:x", None, json.dumps(["to", body, "delivered 200"]))
    state.swap("counter:boiled:2026-11-24", None, "3")
    operator = Operator(folder / "telemetry.toml", state=state, environ=PLAIN, clock=lambda: 1_795_521_600.0)
    found = operator.view()
    (tea,) = [event for event in found["events"] if event["total"]]
    assert (tea["name"], tea["by_day"], tea["properties"]) == (
        "tea_made",
        [0] * 29 + [1],
        {"sort": {"green": 1}},
    )
    (boiled,) = found["counters"]
    assert (boiled["by_day"][-2:], boiled["today"]) == (["10-99", "1-9"], 3)
    assert found["context"] == {"app_version": "1.0.0"}


def test_the_view_reads_the_other_wire_as_well(folder: Path) -> None:
    path = folder / "telemetry.toml"
    path.write_text(path.read_text().replace("contact =", 'sink = "posthog"\ncontact ='))
    sent: dict[str, Any] = {"event": "tea_made", "uuid": "a", "timestamp": "2026-11-24T12:00:00Z"}
    sent["properties"] = {"sort": "green", "$ip": "0.0.0.0", "app_version": "1.0.0"}
    state = MemoryState()
    body = json.dumps({"batch": [sent]})
    state.swap("ledger:2026-11-24T10:00Z:b:x", None, json.dumps(["to", body, "delivered 200"]))
    found = Operator(path, state=state, environ=PLAIN, clock=lambda: 1_795_521_600.0).view()
    (tea,) = [event for event in found["events"] if event["total"]]
    assert tea["properties"] == {"sort": {"green": 1}}
    assert found["context"] == {"app_version": "1.0.0"}


# ---- to be forgotten ------------------------------------------------------------------------------------


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


# ---- states ---------------------------------------------------------------------------------------------


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


# ---- usage ----------------------------------------------------------------------------------------------


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
