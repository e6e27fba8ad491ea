"""An operator who says no while the product runs: nothing more leaves, what waits is wiped, and it stays wiped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from windrow.state import FileState

from tests.support import products
from tests.support.hostile import Moody, answering, healthy, moody, silent
from tests.support.processes import finish, start, with_options
from tests.support.waiting import eventually

#: Tracks for as long as it runs; says when 300 events and a count wait, and goes on when it is told to.
RUNS = """
import json, sys, threading, time
def settle():
    telemetry.count("boiled", 1234)
    for _ in range(700):
        telemetry.track("tea_made", {"sort": "green"})
    telemetry.flush(3)
    for _ in range(20):
        telemetry.track("tea_made", {"sort": "black"})
settle()
print("ready", flush=True)
for line in sys.stdin:
    if line == "ask\\n":
        telemetry.is_enabled()
    if line == "track\\n":
        telemetry.track("tea_made", {"sort": "black"})
        telemetry.count("boiled")
    if line == "flush\\n":
        telemetry.flush(3)
    if line == "end\\n":
        break
    status = telemetry.status()
    print(json.dumps([status.enabled, status.lever, status.queued]), flush=True)
"""
CONFIG = "config=lambda: __import__('json').load(open('config.json'))"


class Product:
    """A running product, whose collector answers with 503 until the operator has said no."""

    def __init__(self, folder: Path, server: Moody) -> None:
        self.folder, self.server = folder, server
        self.state = FileState(str(folder / "state"))
        (folder / "config.json").write_text('{"telemetry": true}')
        (folder / "etc").mkdir(exist_ok=True)
        self.variables = {
            "KETTLE_TELEMETRY_ENDPOINT": server.url,
            "KETTLE_TELEMETRY_SPOOL": "1",
            "KETTLE_TELEMETRY_FLUSH": "0.3",
            "WINDROW_ETC": str(folder / "etc"),
        }
        self.process = start(with_options(products.script(folder, RUNS), CONFIG), **self.variables)
        self.out = self.process.stdout
        assert self.out
        assert self.out.readline() == "ready\n"

    def tell(self, line: str) -> list[Any]:
        assert self.process.stdin
        assert self.out
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer: list[Any] = json.loads(self.out.readline())
        return answer

    def waiting_files(self) -> list[str]:
        spool = self.folder / "state" / "spool"
        return [path.name for path in spool.iterdir()] if spool.exists() else []

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        assert finish(self.process).returncode == 0


@contextmanager
def running(folder: Path, server: Moody) -> Iterator[Product]:
    product = Product(folder, server)
    try:
        yield product
    finally:
        product.process.kill()
        product.process.communicate()


def by_config(product: Product) -> None:
    (product.folder / "config.json").write_text('{"telemetry": false}')


def by_a_broken_config(product: Product) -> None:
    (product.folder / "config.json").write_text('{"telem')


def by_machine(product: Product) -> None:
    (product.folder / "etc" / "all.conf").write_text("telemetry = off\n")


def by_operator(product: Product) -> None:
    assert product.state.swap("consent", product.state.get("consent"), f"off {int(time.time())}")


def by_collector(product: Product) -> None:
    assert product.state.swap("stop", product.state.get("stop"), str(int(time.time()) + 3600))


def undo(product: Product) -> None:
    (product.folder / "config.json").write_text('{"telemetry": true}')
    (product.folder / "etc" / "all.conf").unlink(missing_ok=True)
    product.state.swap("stop", product.state.get("stop"), None)
    if product.state.get("consent"):
        product.state.swap("consent", product.state.get("consent"), f"on {int(time.time())}")


@pytest.mark.parametrize(
    ("decide", "asks"),
    [
        (by_config, "ask"),
        (by_config, "flush"),
        (by_a_broken_config, "track"),
        (by_machine, "ask"),
        (by_machine, "track"),
        (by_operator, "track"),
        (by_operator, "flush"),
        (by_collector, "track"),
    ],
)
def test_a_no_wipes_what_waits_and_nothing_from_before_leaves_after_a_new_yes(
    decide: Callable[[Product], None], asks: str, tmp_path: Path
) -> None:
    with moody(answering(503)) as server, running(tmp_path, server) as product:
        secret, ledger = product.state.get("secret"), tmp_path / "state" / "ledger.jsonl"
        eventually(lambda: product.state.items("counter:") and product.waiting_files(), every=0.02)
        sent, server.mood = ledger.read_text(), healthy
        decide(product)
        asked = server.asked
        product.tell(asks)
        eventually(lambda: not product.tell("track")[0], every=0.02)
        if asks == "ask":
            undo(product)  # quickly: what waited must not leave in between
        eventually(lambda: not product.waiting_files() and not product.state.items("counter:"), every=0.02)
        enabled, lever, queued = product.tell("flush")
        assert (enabled, queued) == (False, 0)
        assert lever == decide.__name__.rpartition("_")[2]
        product.end()
        assert server.asked <= asked + 1  # one may have been on its way
        assert server.taken == []
        assert product.state.get("secret") == secret
        assert ledger.read_text().startswith(sent)
        undo(product)
        again = products.script(tmp_path, 'telemetry.track("page_view")\nprint(telemetry.send_daily(9))\n')
        assert products.run(again, **product.variables).stdout == "True\n"
        assert [event["name"] for event in server.events] == ["page_view"]


def test_a_batch_that_is_on_its_way_at_the_no_is_not_sent_again(tmp_path: Path) -> None:
    with moody(silent) as server, running(tmp_path, server) as product:
        by_operator(product)
        server.over.set()
        server.mood = healthy
        eventually(lambda: not product.tell("track")[0])
        product.end()
        assert server.taken == []
        assert product.waiting_files() == []
