"""`windrow scan`: the source of a product, held against its catalogue."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from windrow.catalogue import load, loads
from windrow.tools.generate import LANGUAGES
from windrow.tools.scan import scan

from tests.support.products import CATALOGUE

ROOT = Path(__file__).parents[2]
FEATURES = """
[events.feature_click]
description = "A feature was used."
why = "Which are found."
from = "dashboard"
[events.feature_click.properties.feature]
type = "choice"
values = ["brew", "pour"]
"""


def found(folder: Path, levels: str = "error advice", receivers: str = "", **files: str) -> list[str]:
    """What is found in files (`a_py` is `a.py`), as `file:line message`."""
    source = folder / "source"
    source.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (source / f"{stem}.{suffix}").write_text(text)
    findings = scan(loads(CATALOGUE + FEATURES), [source], receivers.split())
    return [f"{Path(f.file).name}:{f.line} {f.message}" for f in findings if f.level in levels.split()]


@pytest.mark.parametrize(
    "line",
    [
        'telemetry.track("tea_spilt")',
        'self.telemetry.track("tea_spilt", {"cups": 1})',
        'app.state.hay_telemetry.track("tea_spilt")',
        'get_telemetry().track("tea_spilt")',
        'self._telemetry[0].track("tea_spilt")',
        'telemetry.track(event="tea_spilt")',
        'telemetry.count("tea_spilt")',
        '@telemetry.snapshot("tea_spilt")\ndef f(): ...',
        'telemetry.snapshot("tea_spilt")(f)',
        'NAME = "tea_spilt"\ntelemetry.track(NAME)',
        'told = Telemetry("telemetry.toml")\ntold.track("tea_spilt")',
        'with windrow.Telemetry("t.toml") as t: t.track("tea_spilt")',
        'def f(told: Telemetry | None): told.track("tea_spilt")',
        'def f(told: "Telemetry"): told.track("tea_spilt")',
        'from kettle.telemetry import track\ntrack("tea_spilt")',
        'track = self.telemetry.track\ntrack("tea_spilt")',
        'telemetry.track("tea_made" if hot else "tea_spilt")',
        'async def f():\n  match x:\n    case 1: (await telemetry()).track("tea_spilt")',
    ],
)
def test_a_call_in_python_that_the_catalogue_does_not_declare_is_found(line: str, tmp_path: Path) -> None:
    (message,) = found(tmp_path, a_py=line)
    assert message.endswith("the event 'tea_spilt' is not declared")


@pytest.mark.parametrize(
    "line",
    [
        'player.track("tea_spilt")',
        '"tea_spilt".count("t")',
        'words.count("tea_spilt")',
        'track("tea_spilt")',
        'snapshot("tea_spilt")',
        "# telemetry.track('tea_spilt')",
        "text = 'telemetry.track(\"tea_spilt\")'",
        'telemetry.track("tea_made", {"sort": "green", **more})',
        'telemetry.count("boiled", 3)',
        '@telemetry.snapshot("shelf")\ndef f():\n    return {"sorts": 3}',
        "telemetry.track()",
        'telemetry.flush("tea_spilt")',
    ],
)
def test_other_calls_in_python_are_none_of_its_business(line: str, tmp_path: Path) -> None:
    assert found(tmp_path, a_py=line) == []


@pytest.mark.parametrize(
    "line",
    [
        "telemetry.track('tea_spilt')",
        'this.telemetry?.track("tea_spilt", { cups: 1 })',
        "useTelemetry().track(`tea_spilt`)",
        'useTelemetry({ a: f(1) })\n  .track("tea_spilt")',
        'const { track } = useTelemetry();\ntrack("tea_spilt");',
        'import { start } from "windrow/browser";\nconst { track } = start();\ntrack("tea_spilt");',
        'const SPILT = "tea_spilt";\ntelemetry.track(SPILT)',
        'if (a) /* why */ telemetry!.track("tea_spilt"); // "',
        'const pattern = /["\']/; telemetry.count("tea_spilt")',
    ],
)
@pytest.mark.parametrize("suffix", ["js", "ts", "tsx", "mjs"])
def test_a_call_in_a_script_that_the_catalogue_does_not_declare_is_found(
    line: str, suffix: str, tmp_path: Path
) -> None:
    assert found(tmp_path, **{f"a_{suffix}": line})[0].endswith("the event 'tea_spilt' is not declared")


@pytest.mark.parametrize(
    "line",
    [
        "player.track('tea_spilt')",
        "track('tea_spilt')",
        "// telemetry.track('tea_spilt')",
        "/* telemetry\n.track('tea_spilt') */",
        "interface Telemetry { track(event: string): void; count(event: string, n?: number): void }",
        "class Telemetry {\n  track(name, properties) {\n  }\n}",
        "function track(telemetry) { }",
        "backtrack('tea_spilt', telemetry); telemetry.tracking('tea_spilt')",
        "telemetry.track('page_view', { route: f({ a, b }), })",
        "telemetry.track('page_view', { 'route': x })",
    ],
)
def test_other_words_in_a_script_are_none_of_its_business(line: str, tmp_path: Path) -> None:
    assert found(tmp_path, a_ts=line) == []


def test_a_call_in_a_page_is_found_in_its_script_and_in_its_template(tmp_path: Path) -> None:
    page = (
        "<template>\n  <!-- track('no') -->\n  <p>Don't</p>\n"
        "  <button @click=\"telemetry.track('tea_spilt')\">x</button>\n</template>\n"
        '<script setup lang="ts">\n// telemetry.track("no")\ntelemetry.track("tea_lost");\n</script>\n'
    )
    assert found(tmp_path, a_vue=page) == [
        "a.vue:4 the event 'tea_spilt' is not declared",
        "a.vue:8 the event 'tea_lost' is not declared",
    ]


def test_a_feature_of_a_page_is_a_value_of_feature_click(tmp_path: Path) -> None:
    page = '<a data-telemetry="brew">\n<a data-telemetry="boil">\n<a :data-telemetry="x">\n<a data-telemetry="{{ x }}">'
    assert found(tmp_path, a_html=page) == [
        "a.html:2 data-telemetry='boil' is not declared, and leaves as 'other'",
        "a.html:3 the value of data-telemetry cannot be seen",
        "a.html:4 the value of data-telemetry cannot be seen",
    ]


def test_the_wrong_kind_of_call_is_found(tmp_path: Path) -> None:
    text = 'telemetry.track("boiled")\ntelemetry.count("shelf")\ntelemetry.snapshot("tea_made")(f)\n'
    assert found(tmp_path, a_py=text) == [
        "a.py:1 'boiled' is a counter, and track() would drop it",
        "a.py:2 'shelf' is a snapshot, and count() would drop it",
        "a.py:3 'tea_made' is a plain event, and snapshot() would drop it",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a_py", 'telemetry.track("tea_made", {"sort": 1, "pots": 2})'),
        ("a_py", 'telemetry.track("tea_made", properties=dict(pots=2))'),
        ("a_py", '@telemetry.snapshot("shelf")\ndef f():\n    return {"pots": 2}'),
        ("a_py", 'telemetry.snapshot("shelf")(lambda: {"pots": 2})'),
        ("a_js", 'telemetry.track("page_view", { route: f(1, { a: "}" }), pots })'),
        ("a_js", 'telemetry.track("page_view", { "pots": 2 })'),
    ],
)
def test_a_property_that_is_not_declared_is_found(name: str, text: str, tmp_path: Path) -> None:
    (message,) = found(tmp_path, **{name: text})
    assert "the property 'pots' of " in message


def test_a_name_that_cannot_be_seen_and_the_wrong_side_are_advice(tmp_path: Path) -> None:
    text = 'telemetry.track(name)\ntelemetry.track("page_view")\n'
    assert found(tmp_path, "error", a_py=text, b_js='telemetry.track("tea_made", {})') == []
    assert found(tmp_path, "advice") == [
        "a.py:1 the name of what track() is given cannot be seen",
        "a.py:2 'page_view' is declared from = \"dashboard\", and sent by the server",
        "b.js:1 'tea_made' is declared for the server, and sent by a script",
    ]


def test_another_receiver_counts_when_it_is_named(tmp_path: Path) -> None:
    text = 'self.reporter.track("tea_spilt")'
    assert found(tmp_path, a_py=text, a_js=text.replace("self", "this")) == []
    assert len(found(tmp_path, receivers="reporter")) == 2


def test_events_that_nothing_sends_are_found(tmp_path: Path) -> None:
    everything = {
        "a_py": 'reporter.track("tea_made")\ntelemetry.count("boiled")\ntelemetry.snapshot("shelf")(f)\n',
        "b_js": 'import { start } from "/windrow/browser.js";\nstart({ route: () => "/" });\n',
        "c_html": '<b data-telemetry="pour">',
    }
    assert found(tmp_path, "unused", **everything) == []
    assert found(tmp_path, "unused", b_js="") == ["telemetry.toml:47 nothing sends the event 'page_view'"]


def test_generated_functions_count_when_they_are_called(tmp_path: Path) -> None:
    catalogue = loads(CATALOGUE + FEATURES)
    generated = {
        "made_py": LANGUAGES["python"](catalogue),
        "client_ts": LANGUAGES["typescript"](catalogue),
    }
    assert len(found(tmp_path, "unused", **generated)) == 5
    calls = {
        "a_py": "from kettle.made import Events\nevents = Events(telemetry)\nevents.tea_made(sort='x')\n"
        "@events.shelf\ndef shelf(): return {}\n",
        "b_ts": "import { pageView, featureClick } from './client';\npageView(t, {});featureClick(t);",
    }
    assert found(tmp_path, "unused error advice", **calls) == [
        "telemetry.toml:31 nothing sends the event 'boiled'"
    ]


def test_folders_that_nobody_wrote_are_skipped_and_files_that_are_named_are_not(tmp_path: Path) -> None:
    for folder in (".venv/lib", "env/lib", "node_modules/x", ".hidden", "web/dist"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text('telemetry.track("tea_spilt")')
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    catalogue = loads(CATALOGUE)

    def errors(path: Path) -> int:
        return sum(finding.level == "error" for finding in scan(catalogue, [path]))

    assert errors(tmp_path) == 0
    assert errors(tmp_path / ".hidden" / "a.py") == 1
    assert errors(tmp_path / "node_modules") == 1


@pytest.mark.parametrize("suffix", ["js", "html"])
@pytest.mark.parametrize(
    "piece",
    [
        "a(b[c](d(e)),f);",
        "<a b>",
        "x",
        "((((",
        "track(",
        "\"'`",
        "/* ",
        "a.b?.c!.",
        "{[(",
        "<script>",
        "\n",
        "<!-- ",
        "{# ",
    ],
)
def test_a_large_file_takes_no_time_to_speak_of(piece: str, suffix: str, tmp_path: Path) -> None:
    before = time.process_time()
    found(tmp_path, **{f"a_{suffix}": piece * (200_000 // len(piece))})
    assert time.process_time() - before < 20


def test_what_is_not_python_is_said_and_hinders_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, a_py="print 5", b_py='telemetry.track("tea_spilt")') == [
        "a.py:1 is not Python",
        "b.py:1 the event 'tea_spilt' is not declared",
    ]


def windrow(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "windrow.cli", "scan", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_command_says_where_what_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "telemetry.toml").write_text(CATALOGUE)
    (tmp_path / "a.py").write_text('telemetry.track("tea_mad")\n')
    done = windrow(tmp_path, "telemetry.toml", "a.py")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "a.py:1: the event 'tea_mad' is not declared\n"
        "    Declare [events.tea_mad], or mend the name. Did you mean tea_made?\n"
    )
    assert "telemetry.toml:13: advice: nothing sends the event 'tea_made'" in done.stdout
    report = json.loads(windrow(tmp_path, "telemetry.toml", "a.py", "--json").stdout)
    assert report[0]["level"] == "error"
    assert report[0]["line"] == 1


def test_events_that_nothing_sends_fail_only_when_strict(tmp_path: Path) -> None:
    (tmp_path / "telemetry.toml").write_text(CATALOGUE)
    (tmp_path / "a.py").write_text('telemetry.track("tea_made")\n')
    assert windrow(tmp_path, "telemetry.toml", ".").returncode == 0
    assert windrow(tmp_path, "telemetry.toml", ".", "--strict").returncode == 1
    missing = windrow(tmp_path, "telemetry.toml", "nowhere.py")
    assert (missing.returncode, "nowhere.py" in missing.stderr) == (1, True)


def test_hay_sends_what_it_declares_and_declares_what_it_sends() -> None:
    assert scan(load(ROOT / "hay" / "telemetry.toml"), [ROOT / "hay" / "src"]) == []
