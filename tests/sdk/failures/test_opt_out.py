"""Every lever, with every word that people write: off is off, and the status says by which lever, word and place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from windrow.state import FileState

from tests.support import products
from tests.support.hostile import moody
from tests.support.processes import (
    as_nobody,
    common_python,
    needs_mounts,
    needs_root,
    needs_strace,
    open_folder,
)
from tests.support.watched import HOOK, TRACED, network_and_writes

YES = ("1", "true", "TRUE", "yes", "on", "y", "t")
NO = ("0", "false", "off", "no", "n", "f", "")
GARBAGE = ("garbage", "2", "-", "fa lse", "\N{LATIN SMALL LETTER O}\N{COMBINING DIAERESIS}ff")
WORDS = [*YES, *NO, *GARBAGE]

#: For each case, Telemetry is made, used and asked; what it is, does and says is printed as JSON.
TRY_ALL = (
    HOOK
    + """
import json, os
from windrow import Telemetry
cases = json.load(open("cases.json"))
answers = []
for case in cases:
    before = dict(os.environ)
    os.environ.update(case.get("environ", {}))
    told()
    telemetry = Telemetry("telemetry.toml", app_version="1.2.3", config=case.get("config"))
    on = telemetry.status().enabled
    if not on:
        telemetry.track("tea_made", {"sort": "green"})
        telemetry.count("boiled")
        telemetry.snapshot("shelf")(lambda: {"sorts": 3})
        telemetry.ingest([{"name": "page_view"}])
        telemetry.flush(1), telemetry.send_daily(1), telemetry.is_enabled(), telemetry.preview
    status = telemetry.status()
    telemetry.close()
    answers.append([on, status.lever, status.value, status.place, status.instance_id, told(), threading.active_count()])
    os.environ.clear()
    os.environ.update(before)
json.dump(answers, open("answers.json", "w"))
"""
)


def tried(folder: Path, cases: list[dict[str, Any]], **variables: str) -> list[list[Any]]:
    products.write_catalogue(folder)
    program = folder / "program.py"
    program.write_text(TRY_ALL)
    (folder / "cases.json").write_text(json.dumps(cases))
    with moody() as server:
        etc = {"WINDROW_ETC": str(folder / "etc")} | variables
        done = products.run(program, KETTLE_TELEMETRY_ENDPOINT=server.url, **etc)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.asked == 0
    assert not (folder / "state").exists()
    answers: list[list[Any]] = json.loads((folder / "answers.json").read_text())
    return answers


@pytest.mark.parametrize("lever", ["KETTLE_TELEMETRY_DISABLED", "DO_NOT_TRACK"])
def test_a_variable_says_no_with_any_word_that_is_not_plainly_a_no_to_it(lever: str, tmp_path: Path) -> None:
    answers = tried(tmp_path, [{"environ": {lever: word}} for word in WORDS])
    for word, answer in zip(WORDS, answers, strict=True):
        if word in NO:
            assert answer[0] is True, word
        else:
            assert answer == [False, lever, word, "environment", None, [], 1]


def test_a_ci_and_a_test_runner_are_never_counted(tmp_path: Path) -> None:
    names = ["CI", "GITHUB_ACTIONS", "JENKINS_URL", "PYTEST_CURRENT_TEST", "TOX_ENV_NAME"]
    for name, answer in zip(names, tried(tmp_path, [{"environ": {n: "x"}} for n in names]), strict=True):
        lever = "test_runner" if name in ("PYTEST_CURRENT_TEST", "TOX_ENV_NAME") else "ci"
        assert answer == [False, lever, f"{name}=x", "environment", None, [], 1]


def test_a_configuration_says_yes_only_with_a_plain_yes(tmp_path: Path) -> None:
    words: list[Any] = [
        *WORDS,
        True,
        1,
        False,
        0,
        None,
        2,
        1.0,
        [],
        [True],
        {"enabled": False},
        {"enabled": "x"},
    ]
    answers = tried(tmp_path, [{"config": {"telemetry": word}} for word in words])
    for word, answer in zip(words, answers, strict=True):
        if (isinstance(word, str) and word in YES) or word is True or (type(word) is int and word == 1):
            assert answer[0] is True, word
        else:
            assert answer[:2] == [False, "config"], word
            assert answer[3:] == ["the product's configuration", None, [], 1]


@pytest.mark.parametrize("name", ["kettle.conf", "all.conf"])
def test_a_file_of_the_machine_says_yes_only_with_a_plain_yes(name: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc" / name
    for text, on in file_texts() if name == "all.conf" else file_texts()[:4]:
        path.write_bytes(text)
        (answer,) = tried(tmp_path, [{}])
        if on:
            assert answer[0] is True, text
        else:
            assert answer[:2] == [False, "machine"], text
            assert answer[3:] == [str(path), None, [], 1], text


def file_texts() -> list[tuple[bytes, bool]]:
    words = [
        (f"telemetry = {word}\n".encode(), word in YES)
        for word in ("1", "on", "TRUE".lower(), "off", "0", "", "ö")
    ]
    damaged = [
        b"",
        b"telem",
        b"telemetry",
        b"telemetry = ",
        b"\0" * 64,
        b"\xff\xfe",
        b"{}",
        b"[x]\ntelemetry = on\n",
    ]
    large = b"# only a comment\n" * 1000
    return [*words, *((text, False) for text in [*damaged, large, b"telemetry = on\ntelemetry = off\n"])]


def test_a_folder_in_the_place_of_the_machines_file_is_a_no(tmp_path: Path) -> None:
    (tmp_path / "etc" / "kettle.conf").mkdir(parents=True)
    (answer,) = tried(tmp_path, [{}])
    assert answer[1:4] == [
        "machine",
        "cannot be read: IsADirectoryError",
        str(tmp_path / "etc" / "kettle.conf"),
    ]


@needs_root
def test_a_machines_file_of_another_account_is_a_no(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc" / "kettle.conf"
    path.write_text("telemetry = on\n")
    os.chown(path, 12345, 12345)
    (answer,) = tried(tmp_path, [{}])
    assert answer == [False, "machine", "belongs to another account", str(path), None, [], 1]


SAYS = """
import json
telemetry.track("tea_made", {"sort": "green"})
telemetry.count("boiled")
telemetry.flush(2)
status = telemetry.status()
telemetry.close()
print(json.dumps([status.enabled, status.lever, status.value, status.place, status.instance_id, told()]))
"""


def said(folder: Path, *before: str, python: str | None = None, **variables: str) -> list[Any]:
    program = products.script(folder, SAYS)
    program.write_text(HOOK + program.read_text())
    with moody() as server:
        options: dict[str, Any] = {"python": python} if python else {}
        done = products.run(program, *before, KETTLE_TELEMETRY_ENDPOINT=server.url, **options, **variables)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert server.asked == 0
    *answer, seen = json.loads(done.stdout)
    # The flusher's thread may have to ask, and whoever asks for a folder that is there makes none.
    assert [name for name in seen if not name.startswith(("_thread.start", "os.mkdir"))] == []
    return list(answer)


def a_state(folder: Path) -> Path:
    """A state as a run of the product leaves it."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    FileState(str(state)).swap("format", None, "1")
    FileState(str(state)).swap("secret", None, "ab" * 32)
    return state


@pytest.mark.parametrize(
    "row", ["off 1", "", "garbage", "ON 1", "yes", "off", "on1", "\0", " on 1", "x" * 9999]
)
def test_a_choice_that_is_not_plainly_a_yes_is_a_no(row: str, tmp_path: Path) -> None:
    state = a_state(tmp_path)
    FileState(str(state)).swap("consent", None, row)
    before = sorted((path.name, path.read_bytes()) for path in state.iterdir())
    assert said(tmp_path) == [False, "operator", row.partition(" ")[0][:20], str(state), None]
    assert sorted((path.name, path.read_bytes()) for path in state.iterdir()) == before


DAMAGED = {
    "empty": b"",
    "truncated": b'{"format": "1", "consent": "on 1", "secr',
    "a list": b"[]",
    "a number in a row": b'{"format": "1", "consent": 5}',
    "null": b"null",
    "binary": bytes(range(256)),
    "garbage": b"garbage",
    "nested": b"[" * 100_000,
    "a newer format": b'{"format": "2"}',
    "a secret that is none": b'{"format": "1", "secret": "xyz"}',
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=list(DAMAGED))
def test_a_state_that_cannot_be_understood_is_a_no_and_is_left_as_it_is(
    damage: bytes, tmp_path: Path
) -> None:
    state = a_state(tmp_path)
    (state / "state.json").write_bytes(damage)
    before = sorted((path.name, path.read_bytes()) for path in state.iterdir())
    with moody() as server:
        done = products.run(products.script(tmp_path, HOOK + SAYS), KETTLE_TELEMETRY_ENDPOINT=server.url)
        assert server.asked == 0
    enabled, lever, _, place, instance, _ = json.loads(done.stdout)
    assert (enabled, lever, place, instance) == (False, "state", str(state), None)
    assert sorted((path.name, path.read_bytes()) for path in state.iterdir()) == before


def test_a_folder_in_the_place_of_the_state_is_a_no(tmp_path: Path) -> None:
    (tmp_path / "state" / "state.json").mkdir(parents=True)
    assert said(tmp_path)[:2] == [False, "state"]


@needs_root
def test_a_state_of_another_account_is_a_no(tmp_path: Path) -> None:
    state = a_state(tmp_path)
    os.chown(state / "state.json", 12345, 12345)
    assert said(tmp_path)[:2] == [False, "state"]


@needs_root
@pytest.mark.skipif(not common_python(), reason="no Python 3.11 that every account may run")
@pytest.mark.parametrize("mode", [0o600, 0o000])
def test_without_the_right_to_read_it_a_state_or_a_machines_file_is_a_no(mode: int) -> None:
    with open_folder() as folder:
        state = a_state(folder)
        (state / "state.json").chmod(mode)
        variables = {"PYTHONPATH": str(folder / "sources"), "PYTHONDONTWRITEBYTECODE": "1"}
        python = common_python()
        assert said(folder, *as_nobody(), python=python, **variables)[:2] == [False, "state"]
        (folder / "etc").mkdir()
        (folder / "etc" / "kettle.conf").write_text("telemetry = on\n")
        (folder / "etc" / "kettle.conf").chmod(mode)
        variables["WINDROW_ETC"] = str(folder / "etc")
        answer = said(folder, *as_nobody(), python=python, **variables)
        assert answer[1:3] == ["machine", "cannot be read: PermissionError"]


@needs_strace
@needs_mounts
@pytest.mark.parametrize("lever", ["machine", "operator", "state", "config"])
def test_the_kernel_sees_no_socket_and_no_file_written(lever: str, tmp_path: Path) -> None:
    state = a_state(tmp_path)
    program = products.script(tmp_path, SAYS.replace("told()", "[]"))
    if lever == "machine":
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc" / "all.conf").write_text("telemetry = off\n")
    elif lever == "operator":
        FileState(str(state)).swap("consent", None, "off 1")
    elif lever == "state":
        (state / "state.json").write_text("{")
    else:
        program.write_text(program.read_text().replace('"1.2.3"', '"1.2.3", config={"telemetry": False}'))
    log = tmp_path / "strace.log"
    variables = {"WINDROW_ETC": str(tmp_path / "etc"), "PYTHONDONTWRITEBYTECODE": "1"}
    with moody() as server:
        done = products.run(program, *TRACED, str(log), KETTLE_TELEMETRY_ENDPOINT=server.url, **variables)
    if done.returncode and "ptrace" in done.stderr.lower():
        pytest.skip("this machine forbids strace")
    assert json.loads(done.stdout)[:2] == [False, lever]
    assert network_and_writes(log.read_text()) == []
