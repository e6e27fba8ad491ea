"""What the SDK costs before the first event: time and memory over a bare interpreter, and the modules it brings.

Each row is a process of its own; rounds are interleaved, medians. Time is that of the import statement (and of making
the object), compiled files being there; memory is what `Rss` in `/proc/self/smaps_rollup` has grown by, and in the
list below also the private part. The control is what a usual client imports first. A module that is neither the
standard library's nor Windrow's is an error.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.report import Result, columns
from bench.support.running import CALLER, environment, have_peers, python, workplace

ROUNDS, PEER_ROUNDS = 15, 5
IMPORT_BUDGET = 0.28  # of the control: 3 ms on the machine of bench/README.md
MEMORY_BUDGET = 2.0  # MB
CONTROL = "import json, threading, queue, logging"
OURS = {
    "import windrow": "import windrow",
    "import Telemetry": "from windrow import Telemetry",
    'Telemetry("telemetry.json")': 'from windrow import Telemetry; t = Telemetry("telemetry.json")',
    'Telemetry("telemetry.toml")': 'from windrow import Telemetry; t = Telemetry("telemetry.toml")',
}
PEERS = {
    "posthog": "from posthog import Posthog",
    "segment": "import segment.analytics",
    "mixpanel": "import mixpanel",
    "amplitude": "import amplitude",
    "snowplow": "import snowplow_tracker",
    "opentelemetry": "import opentelemetry.sdk._logs.export, opentelemetry.exporter.otlp.proto.http._log_exporter",
    "sentry": "import sentry_sdk",
}
_PROGRAM = """
import os, sys, time
def held():
    file = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
    lines = os.read(file, 65536).decode().splitlines()[1:]
    os.close(file)
    sizes = {{line.split(":")[0]: int(line.split()[1]) for line in lines}}
    return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]
held()
modules, before = set(sys.modules), held()
began = time.perf_counter()
{statement}
seconds, after = time.perf_counter() - began, held()
brought = sorted(set(sys.modules) - modules)
import json
print(json.dumps([seconds * 1000, (after[0] - before[0]) / 1024, (after[1] - before[1]) / 1024, brought]))
"""


class Cost(NamedTuple):
    """Milliseconds, MB, MB of them private, and the modules that were not there before."""

    time: float
    memory: float
    private: float
    modules: list[str]


def run() -> list[Result]:
    """Milliseconds and MB over a bare interpreter."""
    with workplace() as folder:
        windrow = str(Path(sys.executable).with_name("windrow"))
        subprocess.run([windrow, "build", "telemetry.toml"], cwd=folder, check=True, capture_output=True)
        ours = _costs({**OURS, "control": CONTROL}, ROUNDS, folder)
        peers = _costs(PEERS, PEER_ROUNDS, folder) if have_peers() else {}
    control = ours.pop("control")
    for cost in ours.values():
        _only_standard(cost.modules)
    _show({"control": control, **ours, **peers})
    whole = ours["import Telemetry"]
    return [
        *_times(ours, control),
        *(
            Result("import Telemetry: time", whole.time, name, cost.time, "ms")
            for name, cost in peers.items()
        ),
        *_memories(ours),
        *(
            Result("import Telemetry: memory", whole.memory, name, cost.memory, "MB")
            for name, cost in peers.items()
        ),
    ]


def _costs(statements: dict[str, str], rounds: int, folder: Path) -> dict[str, Cost]:
    found: dict[str, list[Cost]] = {name: [] for name in statements}
    for _ in range(rounds + 1):
        for name, statement in statements.items():
            program = python("-c", _PROGRAM.format(statement=statement), core=CALLER)
            done = subprocess.run(
                program, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True
            )
            found[name].append(Cost(*json.loads(done.stdout)))
    return {name: _middle(costs[1:]) for name, costs in found.items()}  # the first fills the disk's cache


def _middle(costs: list[Cost]) -> Cost:
    times, memories, privates, modules = zip(*costs, strict=True)
    return Cost(
        statistics.median(times), statistics.median(memories), statistics.median(privates), modules[0]
    )


def _only_standard(modules: list[str]) -> None:
    allowed = {*sys.stdlib_module_names, "windrow"}
    if foreign := [name for name in modules if name.partition(".")[0] not in allowed]:
        raise RuntimeError(f"third-party modules: {', '.join(foreign)}")


def _show(costs: dict[str, Cost]) -> None:
    heading = ("over a bare interpreter", "ms", "MB", "private MB", "modules")
    rows = [
        (name, f"{c.time:.2f}", f"{c.memory:.2f}", f"{c.private:.2f}", str(len(c.modules)))
        for name, c in costs.items()
    ]
    print(columns([heading, *rows]))
    for name in OURS:
        print(f"{name} brings: {' '.join(costs[name].modules)}")
    print()


def _times(ours: dict[str, Cost], control: Cost) -> list[Result]:
    budgets = dict.fromkeys(("import windrow", "import Telemetry"), IMPORT_BUDGET)
    return [
        Result(f"{name}: time", cost.time, CONTROL, control.time, "ms", budgets.get(name))
        for name, cost in ours.items()
    ]


def _memories(ours: dict[str, Cost]) -> list[Result]:
    # tomllib alone takes more than the limit: the TOML is for development, a release ships telemetry.json.
    return [
        Result(f"{name}: memory", cost.memory, "limit", MEMORY_BUDGET, "MB", None if "toml" in name else 1.0)
        for name, cost in ours.items()
    ]
