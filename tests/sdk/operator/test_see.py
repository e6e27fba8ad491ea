"""What an operator sees: the status, what would be sent, what was sent; beside real products and a real collector."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from windrow import Telemetry
from windrow.envelope import wire_time
from windrow.operator import Operator
from windrow.sinks import Memory
from windrow.state import MemoryState

from tests.support.commands import (
    PLAIN,
    SENT,
    TEA,
    answered,
    in_process,
    operate,
    rows_of,
    send,
    state_of,
)
from tests.support.keeper import Keeper
from tests.support.listener import refusing

# ---- status --------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", ["KETTLE_TELEMETRY_DISABLE", "KETTLE_TELEMETRY", "KETTLE_NO_TELEMETRY"])
def test_a_variable_that_was_meant_to_be_the_switch_is_told(name: str, folder: Path) -> None:
    said = operate(folder, "status", **{name: "1"})
    assert said.stdout.startswith("Kettle telemetry is on.")
    assert f"not set; {name} is, and has no meaning" in " ".join(said.stdout.split())
    said = operate(folder, "status", **{name: "1", "KETTLE_TELEMETRY_DISABLED": "1"})
    assert name not in said.stdout.replace("KETTLE_TELEMETRY_DISABLED", "")


def test_where_there_is_no_ledger_it_is_not_said_that_nothing_was_sent(folder: Path) -> None:
    for command in ("status", "show"):
        said = " ".join(operate(folder, command).stdout.split())
        assert "nothing was sent" not in said.lower()
        assert "it remembers in memory alone, and what it sends cannot be seen from here" in said


def test_a_send_never_seems_to_be_before_its_notice(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    said = operate(folder, "status", KETTLE_TELEMETRY_ENDPOINT=keeper.url).stdout
    assert re.search(r"last send +in the hour from \d{4}-\d\d-\d\d \d\d:00 UTC: delivered \(200\)", said)
    elsewhere = " ".join(operate(folder, "status").stdout.split())
    assert f"UTC to {keeper.url}/v1/batch: delivered (200)" in elsewhere


def test_a_damaged_state_says_which_no_lasts(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "state.json").write_text('{"format": ')
    said = operate(folder, "off")
    assert said.returncode == 3
    assert "KETTLE_TELEMETRY_DISABLED=1 where it runs lasts longer." in " ".join(said.stderr.split())


def test_a_catalogue_that_is_not_there_is_told_in_lines(folder: Path) -> None:
    said = operate(folder, "status", "--catalogue", "nope")
    assert said.returncode == 1
    assert said.stderr.splitlines()[0].startswith("windrow: nope: cannot be read")
    assert "\\n" not in said.stderr


@pytest.mark.parametrize("command", ["status", "preview", "show", "show --raw", "view"])
def test_planted_files_cost_no_traceback_and_no_waiting(command: str, folder: Path) -> None:
    spool = folder / "state" / "spool"
    spool.mkdir(parents=True)
    (folder / "state" / "state.json").write_text('{"format": "1"}')
    os.mkfifo(spool / "1795557630-x.free.abcd1234")
    (spool / "1795557630-y.free.abcd1234").write_text("[" * 100_000)
    deep = json.dumps({"batch_id": "a", "to": "b", "time": "2026-11-24T21:00Z", "body": "[" * 100_000})
    (folder / "state" / "ledger.jsonl").write_text(f"{deep}\n")
    said = operate(folder, *command.split())
    assert (said.returncode, said.stderr) == (0, "")
    (folder / "state" / "ledger.jsonl").write_text("[" * 100_000)
    said = operate(folder, *command.split())
    assert said.returncode in (0, 3)
    assert "Traceback" not in said.stderr


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


# ---- preview, show, view -------------------------------------------------------------------------


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
    keeper.answers["/v1/held"] = (200, {"hello": "portal"})
    assert operate(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url).returncode == 1
    keeper.answers["/v1/held"] = (429, {"error": "rate", "message": "Ask again in a minute."})
    done = operate(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url)
    assert (done.returncode, "Ask again in a minute." in done.stderr) == (1, True)


def test_the_hour_that_a_collector_keeps_is_told(folder: Path, keeper: Keeper) -> None:
    send(folder, keeper.url, SENT)
    said = operate(folder, "show", "--held", KETTLE_TELEMETRY_ENDPOINT=keeper.url).stdout
    today = wire_time(time.time(), "day")
    assert f"With each it keeps the hour at which it came, the last {today} 14:00 UTC." in " ".join(
        said.split()
    )


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
