"""A real worker over a broker of files: what its tasks tell survives the end of its processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import serving
from tests.support.listener import Listener, listening, silent
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

# The example's app, with folders for a broker, and notes of each task that is done and of how long each end took.
KITCHEN = """
import os, time
from pathlib import Path

from celery import signals

folder = Path(__file__).parent / "broker"
for name in ("queue", "control", "done", "ended"):
    (folder / name).mkdir(parents=True, exist_ok=True)

def begin(**_):
    global begun
    begun = time.monotonic()

def end(**_):
    (folder / "ended" / str(os.getpid())).write_text(str(time.monotonic() - begun))

ends = (signals.worker_process_shutdown, signals.worker_shutdown)
for ended in ends:
    ended.connect(begin)  # before the example connects what closes
from tasks import app, make_tea
for ended in ends:
    ended.connect(end)

app.conf.broker_url = "filesystem://"
app.conf.broker_transport_options = {
    "data_folder_in": folder / "queue", "data_folder_out": folder / "queue",
    "control_folder": folder / "control", "polling_interval": 0.1,
}
app.conf.worker_hijack_root_logger = False

@signals.task_postrun.connect
def note(task_id, **_):
    (folder / "done" / task_id).touch()
"""
ORDER = """
from kitchen import make_tea

for _ in range(12):
    make_tea.delay("herbal", 2)
"""
SEND_DAILY = """
import time
from tasks import Path, Telemetry

# Later: a process that was cut off keeps its lease for a minute.
telemetry = Telemetry(Path("../telemetry.toml"), clock=lambda: time.time() + 90)
assert telemetry.send_daily(30)
"""
PREFORK, SOLO = "--pool prefork --concurrency 2", "--pool solo"


def kitchen(folder: Path) -> Path:
    example = serving.copy_example(folder, "celery")
    for name, code in (("kitchen.py", KITCHEN), ("order.py", ORDER), ("send_daily.py", SEND_DAILY)):
        (example / name).write_text(code)
    return example


def work(example: Path, env: dict[str, str], pool: str) -> None:
    """Let a worker do the twelve tasks, and tell it to end."""
    serving.run("order.py", example, env)
    done = example / "broker" / "done"
    command = f"celery -A kitchen worker --without-mingle --without-gossip {pool}"
    with serving.started(command, example, env) as worker:
        eventually(lambda: len(list(done.iterdir())) == 12)
        worker.end()
        assert worker.process.returncode == 0, worker.log.read_text()


def boiled(collector: Listener) -> list[object]:
    return [event["properties"] for event in collector.events if event["name"] == "boiled"]


@pytest.mark.parametrize("pool", [f"{PREFORK} --max-tasks-per-child 5", SOLO])
def test_what_tasks_tell_arrives_once_and_what_they_count_is_one_sum(pool: str, tmp_path: Path) -> None:
    example = kitchen(tmp_path)
    with listening() as collector:
        env = serving.environment(tmp_path, collector.url)
        work(example, env, pool)
        made = [event for event in collector.events if event["name"] == "tea_made"]
        assert [event["properties"] for event in made] == [{"sort": "herbal", "cups": "2-3"}] * 12
        assert len({event["id"] for event in made}) == 12

        serving.run("send_daily.py", example, env)
        assert boiled(collector) == [{"count": "10-99"}]


@pytest.mark.parametrize(("pool", "processes"), [(PREFORK, 3), (SOLO, 1)])
def test_a_collector_that_does_not_answer_holds_no_process_up_and_costs_no_count(
    pool: str, processes: int, tmp_path: Path
) -> None:
    example = kitchen(tmp_path)
    with silent() as address:
        work(example, serving.environment(tmp_path, address), pool)
    took = [float(note.read_text()) for note in (example / "broker" / "ended").iterdir()]
    assert len(took) == processes
    assert max(took) < 3
    with listening() as collector:
        serving.run("send_daily.py", example, serving.environment(tmp_path, collector.url))
        assert boiled(collector) == [{"count": "10-99"}]
