"""An operator with an instance: its tokens, its batches, and the two requests about it."""

from __future__ import annotations

import json
import os
from typing import Any

from windrow.envelope import instance_of, read_token

from tests.support.catalogue import KEY, envelope, event
from tests.support.http import Answer, post


class Operator:
    """One instance at the collector at `url`, which may change."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.erase_token = os.urandom(32)
        self.read_token = read_token(self.erase_token)
        self.instance = instance_of(self.read_token)

    def batch(self, events: list[Any] | None = None, **changes: Any) -> bytes:
        """A batch of the instance, as bytes that can be sent again."""
        return envelope([event()] if events is None else events, instance_id=self.instance, **changes)

    def send(self, events: list[Any] | None = None, **changes: Any) -> Answer:
        """Send a new batch."""
        return post(self.url + "/v1/batch", self.batch(events, **changes))

    def forget(self, **changes: Any) -> Answer:
        """Ask to be forgotten."""
        tokens = [self.erase_token.hex()]
        return ask(self.url, "forget", {"format": 1, "key": KEY, "erase_tokens": tokens, **changes})

    def held(self, **changes: Any) -> Answer:
        """Ask what is held."""
        token = self.read_token.hex()
        return ask(self.url, "held", {"format": 1, "key": KEY, "read_token": token, **changes})

    def events(self) -> list[dict[str, Any]]:
        """The events that are held."""
        answer = self.held()
        assert answer.status == 200, answer.body
        events: list[dict[str, Any]] = answer.json["events"]
        return events


def ask(url: str, what: str, body: object, **headers: str) -> Answer:
    """POST one of the two requests."""
    return post(f"{url}/v1/{what}", json.dumps(body).encode(), **headers)
