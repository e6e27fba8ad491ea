"""Typed functions: the same as `track()`, `count()` and `snapshot()`, and checked before anything runs."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

import pytest
from windrow import Telemetry
from windrow._settings import QUEUE_EVENTS
from windrow.catalogue import Catalogue, load, loads
from windrow.sinks import Memory, Outcome
from windrow.state import MemoryState
from windrow.tools.generate import LANGUAGES

from tests.sdk.test_promises import Hostile
from tests.spec.test_cases import cases, catalogue_of, read
from tests.support.products import CATALOGUE

ROOT = Path(__file__).parents[2]
HAY = ROOT / "hay" / "telemetry.toml"
NUMBERS = itertools.count()
ODD_NAMES = """
[product]
name = "odd"
title = 'The "odd" \\ one'
key = "wk_odd"
endpoint = "https://telemetry.example.org"
[events.import]
description = 'Ends with "quotes"'
[events.import.properties]
class.type = "flag"
self.type = "flag"
type.type = "flag"
put.type = "flag"
sent.type = "flag"
value.type = "flag"
undeclared.type = "flag"
str.type = "version"
dict.type = "flag"
[events.a_b.properties.c]
type = "choice"
values = ['say "hi"', "it's", 'back\\slash', "ö"]
[events.a.properties.b_c]
type = "choices"
values = ["a long value, so that the list of them does not fit in a line", "another of that sort"]
[events.a__b]
[events.int]
kind = "counter"
buckets = ["0", "1+"]
[events.telemetry]
[events.delete]
kind = "snapshot"
[events.delete.properties.class]
type = "flag"
[events.delete.properties.int]
type = "count"
max = 9
[events.empty]
kind = "snapshot"
"""


def imported(catalogue: Catalogue, folder: Path) -> ModuleType:
    file = folder / f"events_{next(NUMBERS)}.py"
    file.write_text(LANGUAGES["python"](catalogue), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def telemetry_of(
    catalogue: Catalogue, sink: Memory, state: MemoryState | None = None, **environ: str
) -> Telemetry:
    name = catalogue.product.name.upper()
    environ = {f"{name}_TELEMETRY_GRACE": "0", f"{name}_TELEMETRY_FLUSH": "3600", **environ}
    return Telemetry(catalogue, sink=sink, state=state or MemoryState(), environ=environ)


def outcome(telemetry: Telemetry, sink: Memory) -> tuple[list[Any], dict[str, int]]:
    telemetry.flush()
    return [(event["name"], event["properties"]) for event in sink.events], telemetry.status().dropped


def both_ways(catalogue: Catalogue, folder: Path, event: str, properties: dict[str, Any]) -> list[Any]:
    found = []
    state = MemoryState()  # one secret: digests can be compared
    for typed in (False, True):
        sink = Memory()
        with telemetry_of(catalogue, sink, state) as telemetry:
            if typed:
                getattr(imported(catalogue, folder).Events(telemetry), event)(**properties)
            else:
                telemetry.track(event, {k: v for k, v in properties.items() if v is not None})
            found.append(outcome(telemetry, sink))
    return found


def mypy(folder: Path, **files: str) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", *(f"{name}.py" for name in files)],
        cwd=folder,
        env={"MYPYPATH": str(ROOT / "sdk" / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=110,
    )


# ---- the same as track() -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases(events=True))
def test_a_typed_function_does_what_track_does_with_an_event(case: dict[str, Any], tmp_path: Path) -> None:
    catalogue = catalogue_of(case["given"]["event"])
    tracked, typed = both_ways(catalogue, tmp_path, "thing", read(case["given"]["properties"]))
    assert typed == tracked
    if None not in case["given"]["properties"].values():
        assert typed == ([("thing", case["expect"]["properties"])], case["expect"]["dropped"])


@pytest.mark.parametrize("case", cases(events=False))
def test_a_typed_function_does_what_track_does_with_a_value(case: dict[str, Any], tmp_path: Path) -> None:
    catalogue = catalogue_of({"properties": {"given": case["given"]["property"]}})
    tracked, typed = both_ways(catalogue, tmp_path, "thing", {"given": read(case["given"]["value"])})
    assert typed == tracked


@pytest.mark.parametrize(
    "odd",
    [5, [], {}, b"x", True, 1.0, 10**400, "\ud800", object, Hostile()],
    ids=lambda odd: type(odd).__name__,
)
@pytest.mark.parametrize("name", ["sort", "cups", "blend", "unheard_of"])
def test_an_odd_value_hurts_as_little_as_with_track(name: str, odd: Any, tmp_path: Path) -> None:
    tracked, typed = both_ways(loads(CATALOGUE), tmp_path, "tea_made", {name: odd})
    assert typed == tracked


def test_counters_and_snapshots_arrive_as_those_of_the_client(tmp_path: Path) -> None:
    catalogue, sink = loads(CATALOGUE), Memory()
    with telemetry_of(catalogue, sink) as telemetry:
        events = imported(catalogue, tmp_path).Events(telemetry)

        @events.shelf  # type: ignore[untyped-decorator]  # the module was made a moment ago
        def shelf() -> dict[str, int]:
            return {"sorts": 5}

        events.boiled()
        events.boiled(11)
        assert telemetry.send_daily()
    assert {event["name"]: event["properties"] for event in sink.events} == {
        "boiled": {"count": "10-99"},
        "shelf": {"sorts": "1-9"},
    }
    assert shelf() == {"sorts": 5}


def test_switched_off_or_closed_it_takes_nothing(tmp_path: Path) -> None:
    catalogue, sink = loads(CATALOGUE), Memory()
    with telemetry_of(catalogue, sink, KETTLE_TELEMETRY_DISABLED="1") as telemetry:
        events = imported(catalogue, tmp_path).Events(telemetry)
        events.tea_made(sort="green", nothing=5)
        assert telemetry.status().dropped == {}
    with telemetry_of(catalogue, sink) as telemetry:
        events = imported(catalogue, tmp_path).Events(telemetry)
    events.tea_made(sort="green")
    events.tea_made(sort=5)
    assert telemetry.status().dropped == {"closed": 2}
    assert sink.events == []


def test_debug_shows_it_and_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue, sink = loads(CATALOGUE), Memory()
    with telemetry_of(catalogue, sink, KETTLE_TELEMETRY_DEBUG="1") as telemetry:
        imported(catalogue, tmp_path).Events(telemetry).tea_made(sort="green", blend="secret")
    shown = capsys.readouterr().err
    assert '{"name":"tea_made","properties":{"sort":"green","blend":"(digest)"}}' in shown
    assert sink.events == []


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    class Slow(Memory):
        def send(self, body: bytes, timeout: float) -> Outcome:
            sending.wait(30)
            return super().send(body, timeout)

    sending = Event()
    catalogue = loads(CATALOGUE)
    with telemetry_of(catalogue, Slow()) as telemetry:
        events = imported(catalogue, tmp_path).Events(telemetry)
        for _ in range(2 * QUEUE_EVENTS + 3000):
            events.tea_made(sort="green")
        assert telemetry.queued() <= QUEUE_EVENTS
        assert telemetry.status().dropped["queue_full"] >= 1000
        sending.set()


def test_functions_of_an_older_catalogue_lose_what_it_does_not_declare_any_more(tmp_path: Path) -> None:
    old = loads(CATALOGUE)
    new = loads(CATALOGUE.replace("tea_made.properties.cups", "tea_made.properties.pots"))
    sink = Memory()
    with telemetry_of(new, sink) as telemetry:
        imported(old, tmp_path).Events(telemetry).tea_made(sort="green", cups=5)
        assert outcome(telemetry, sink) == (
            [("tea_made", {"sort": "green"})],
            {"undeclared_property": 1},
        )
    with telemetry_of(loads(CATALOGUE.replace("tea_made", "tea_poured")), Memory()) as telemetry:
        imported(old, tmp_path).Events(telemetry).tea_made()
        assert telemetry.status().dropped == {"undeclared_event": 1}


# ---- the text ----------------------------------------------------------------------------------------


@pytest.fixture(params=["hay", "kettle", "odd"])
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return (
        load(HAY) if request.param == "hay" else loads({"kettle": CATALOGUE, "odd": ODD_NAMES}[request.param])
    )


@pytest.mark.parametrize("width", ["88", "110"])
def test_a_formatter_has_nothing_to_change(catalogue: Catalogue, width: str, tmp_path: Path) -> None:
    text = LANGUAGES["python"](catalogue)
    file = tmp_path / "events.py"
    file.write_text(text.replace("# fmt: off\n", ""), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", width, "--diff", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_type_checker_accepts_it_and_refuses_what_the_catalogue_does_not_declare(
    tmp_path: Path,
) -> None:
    good = """
        from windrow import Telemetry
        from kettle import Events, Shelf
        events = Events(Telemetry("telemetry.toml"))
        events.tea_made(sort="green", cups=2.5, blend=None)
        events.tea_made()
        events.boiled(3)
        @events.shelf
        def shelf() -> Shelf:
            return {"sorts": 5}
    """
    bad = """
        from kettle import Events
        def use(events: Events) -> None:
            events.tea_made(sort="white")
            events.tea_made(pots=5)
            events.boiled("often")
            events.shelf(lambda: {"teas": 5})
            events.poured()
    """
    generated = {
        "kettle": LANGUAGES["python"](loads(CATALOGUE)),
        "hay_events": LANGUAGES["python"](load(HAY)),
        "odd": LANGUAGES["python"](loads(ODD_NAMES)),
    }
    done = mypy(tmp_path, **generated, good=_dedented(good), bad=_dedented(bad))
    lines = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line.partition(": error")[0] for line in lines] == [f"bad.py:{n}" for n in (4, 5, 6, 7, 8)], (
        done.stdout + done.stderr
    )


def test_odd_names_have_functions_and_parameters_of_their_own(tmp_path: Path) -> None:
    catalogue, sink = loads(ODD_NAMES), Memory()
    with telemetry_of(catalogue, sink) as telemetry:
        events = imported(catalogue, tmp_path).Events(telemetry)
        events.import_(
            class_=True, self_=True, put=True, sent=True, value=True, undeclared=True, str_="1.2.3"
        )
        events.a_b(c='say "hi"')
        events.a(b_c=["another of that sort", "?"])
        events.a__b()
        events.int_(2)
        events.telemetry()
        sent, dropped = outcome(telemetry, sink)
    assert dropped == {}
    assert sent[0][1] == {
        **dict.fromkeys(("class", "self", "put", "sent", "value", "undeclared"), True),
        "str": "1.2.3",
    }
    assert sent[1:] == [
        ("a_b", {"c": 'say "hi"'}),
        ("a", {"b_c": ["another of that sort", "other"]}),
        ("a__b", {}),
        ("telemetry", {}),
    ]


def test_typescript_functions_are_strict_clean_and_refuse_what_is_not_declared(tmp_path: Path) -> None:
    for name, catalogue in {"hay": load(HAY), "kettle": loads(CATALOGUE), "odd": loads(ODD_NAMES)}.items():
        (tmp_path / f"{name}.ts").write_text(LANGUAGES["typescript"](catalogue), encoding="utf-8")
    (tmp_path / "good.ts").write_text(
        'import { boiled, pageView, teaMade } from "./kettle.js";\n'
        f'import {{ start }} from "{ROOT}/js/src/browser.js";\n'
        "const telemetry = { track(_: string, __?: object) {}, count(_: string, __?: number) {} };\n"
        'teaMade(telemetry, { sort: "green", cups: 2 });\nboiled(telemetry, 2);\nboiled(telemetry);\n'
        'pageView(start(), { route: "/" });\n'
    )
    (tmp_path / "bad.ts").write_text(
        'import { boiled, teaMade, type Telemetry } from "./kettle.js";\n'
        "declare const telemetry: Telemetry;\n"
        'teaMade(telemetry, { sort: "white" });\nteaMade(telemetry, { pots: 5 });\nboiled(telemetry, "often");\n'
    )
    options = ("--strict", "--exactOptionalPropertyTypes", "--noUnusedLocals", "--noEmit")
    done = subprocess.run(
        ["npx", "tsc", *options, "--target", "es2022", *map(str, sorted(tmp_path.glob("*.ts")))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    errors = [line for line in done.stdout.splitlines() if "error TS" in line]
    assert len(errors) == 3, done.stdout
    assert [line.partition("bad.ts(")[2].partition(",")[0] for line in errors] == ["3", "4", "5"]


def test_it_is_written_once_and_checked_after(tmp_path: Path) -> None:
    def windrow(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "windrow.cli", "generate", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    (tmp_path / "telemetry.toml").write_text(CATALOGUE)
    for language, file in (("python", "events.py"), ("typescript", "events.ts")):
        arguments = (language, "telemetry.toml", "-o", file)
        stale = windrow(*arguments, "--check")
        assert stale.returncode == 1
        assert f"Write it: windrow generate {language} telemetry.toml -o {file}" in stale.stderr
        assert windrow(*arguments).returncode == 0
        assert windrow(*arguments, "--check").returncode == 0
        assert windrow(language, "telemetry.toml").stdout == (tmp_path / file).read_text()
        assert "Do not edit; make it anew" in (tmp_path / file).read_text()
    assert windrow("python", "telemetry.toml", "--check").returncode == 2


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in text.splitlines())
