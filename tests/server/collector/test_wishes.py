"""What a maintainer wishes reaches the instances with the reply to their next batch."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.support.catalogue import envelope, event, posthog, posthog_event
from tests.support.http import post
from tests.support.server import COMMAND, RunningServer, running_server
from tests.support.waiting import eventually

PLAIN = b'{"accepted":1,"refused":{}}'


def wish(server: RunningServer, *arguments: str) -> None:
    command = [*COMMAND, "wish", "hay", "--data", str(server.data), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def reply(server: RunningServer, *events: Any) -> Any:
    return post(server.url + "/v1/batch", envelope([event(), *events])).json


def test_a_wish_is_in_every_reply_until_it_is_taken_back(tmp_path: Path) -> None:
    with running_server(tmp_path, ready=False) as server:
        batch = server.url + "/v1/batch"
        assert post(batch, envelope([event()])).body == PLAIN
        wish(server, "--stop", "2", "--pause", "3", "--sample", "0.1")
        eventually(lambda: "stop" in reply(server))
        told = reply(server)
        assert 2 * 86_400 - 60 < told.pop("stop") <= 2 * 86_400
        assert 3 * 3_600 - 60 < told.pop("pause") <= 3 * 3_600
        assert told == {"accepted": 1, "refused": {}, "sample": 0.1}
        mixed = reply(server, 1)
        assert mixed["refused"] == {"malformed_event": 1}
        assert mixed["sample"] == 0.1
        assert post(server.url + "/batch/", posthog([posthog_event()])).body == b'{"status":"Ok"}'
        wish(server, "--none")
        eventually(lambda: post(batch, envelope([event()])).body == PLAIN)


def test_a_wish_holds_after_a_restart(tmp_path: Path) -> None:
    with running_server(tmp_path, ready=False) as server:
        wish(server, "--sample", "0.5")
    with running_server(tmp_path, ready=False) as server:
        assert reply(server) == {"accepted": 1, "refused": {}, "sample": 0.5}
