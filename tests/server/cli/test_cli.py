"""The command says what is wrong in one message, and never with a traceback."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from windrow_server.cli import main
from windrow_server.meta import Meta
from windrow_server.settings import SETTINGS

from tests.support.catalogue import TOML, sample, write_catalogue
from tests.support.server import COMMAND, start_server


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


def assert_told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_help_names_every_setting_with_its_environment_variable() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    for setting in SETTINGS:
        assert f"--{setting.name}" in text
        assert setting.env in text


def test_a_flag_wins_over_the_environment(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    done = subprocess.run(
        [*COMMAND, "serve", "--data", str(tmp_path / "data"), "--store", "ftp://x"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"WINDROW_STORE": "embedded", "PATH": ""},
    )
    assert_told(done, 2, "--store")


def test_a_server_without_any_catalogue_says_what_to_give_it(tmp_path: Path) -> None:
    assert_told(run("serve", "--data", str(tmp_path / "data")), 2, "--catalogue telemetry.toml")


def test_a_bad_catalogue_is_told_with_its_places(tmp_path: Path) -> None:
    file = tmp_path / "telemetry.toml"
    file.write_text(
        TOML.replace('type = "flag"', 'type = "text"').replace('sink = "collector"', 'sink = "s3"')
    )
    told = run("serve", "--data", str(tmp_path / "data"), "--catalogue", str(file))
    assert_told(told, 2, "telemetry.toml:", "text", "s3")


def test_a_catalogue_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = run("serve", "--data", str(tmp_path / "data"), "--catalogue", str(tmp_path / "none.toml"))
    assert_told(told, 2, "none.toml")


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = write_catalogue(tmp_path)
    assert_told(run("serve", "--data", str(file / "data"), "--catalogue", str(file)), 1, "--data", str(file))


@pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1"])
def test_a_host_that_is_not_of_this_machine_is_told_with_the_flag_that_names_it(
    tmp_path: Path, host: str
) -> None:
    file = write_catalogue(tmp_path)
    told = run("serve", "--data", str(tmp_path / "data"), "--catalogue", str(file), "--host", host)
    assert_told(told, 1, host, "Choose another --host")
    assert "--port" not in told.stderr


@pytest.mark.parametrize(
    "store",
    [
        "http://[bad/db",
        "http://h:99999/db",
        "http://name:SECRET#x@h/db",
        "http://h:8123",
        "http://h/not-a-name",
    ],
)
def test_a_store_that_is_no_address_is_told_without_its_password(tmp_path: Path, store: str) -> None:
    told = run("serve", "--data", str(tmp_path / "data"), "--store", store)
    assert_told(told, 2, "--store", "http://name:password@host:port/database")
    assert "SECRET" not in told.stderr


@pytest.mark.parametrize("token", ["", "  ", " fifteen-letters ", "x" * 257, "sixteen-letters\x07-"])
def test_an_admin_token_that_is_too_weak_or_cannot_be_typed_is_refused(tmp_path: Path, token: str) -> None:
    told = run("serve", "--data", str(tmp_path / "data"), "--admin-token", token)
    assert_told(told, 2, "--admin-token", "16 to 256")
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    file = write_catalogue(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
        told = run("serve", "--data", str(tmp_path / "data"), "--catalogue", str(file), "--port", port)
    assert_told(told, 1, port, "in use")


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", [write_catalogue(tmp_path)])
    try:
        assert_told(run("serve", "--data", str(tmp_path / "data"), "--port", "0"), 1, "already serves")
    finally:
        server.stop()


def test_two_products_with_one_key_are_refused(tmp_path: Path) -> None:
    file, other = write_catalogue(tmp_path), tmp_path / "other.toml"
    other.write_text(TOML.replace('name = "hay"', 'name = "straw"'))
    arguments = ("--catalogue", str(file), "--catalogue", str(other))
    assert_told(run("serve", "--data", str(tmp_path / "data"), *arguments), 2, "hay", "straw", "same key")


def test_a_missing_engine_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    # The engine is hidden from a real process: a finder that knows no chdb stands before all others.
    code = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'chdb' else find(name, *a)\n"
        f"import sys; sys.argv = ['windrow-server', 'serve', '--data', {str(tmp_path / 'data')!r}]\n"
        "from windrow_server.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert_told(done, 1, "pip install 'windrow-server[embedded]'")


@pytest.mark.parametrize("name", ["meta.sqlite", "inbox-1.sqlite"])
@pytest.mark.parametrize("damage", ["garbage", "a folder"])
def test_a_file_that_cannot_be_opened_is_told_with_a_remedy(tmp_path: Path, name: str, damage: str) -> None:
    data, file = tmp_path / "data", write_catalogue(tmp_path)
    data.mkdir()
    if damage == "a folder":
        (data / name).mkdir()
    else:
        (data / name).write_bytes(b"garbage" * 1000)
    told = run("serve", "--data", str(data), "--catalogue", str(file), "--port", "0")
    remedy = {"a folder": "Make it a file", "garbage": "from a backup"}[damage]
    assert_told(told, 1, str(data / name), remedy)


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("token",), ("token", "--new")])
def test_a_memory_with_damaged_pages_is_told_with_a_remedy(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "meta.sqlite"
    meta = Meta(path)
    meta.ensure_admin_token()
    meta.register(sample())
    meta.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"x" * (len(content) - 4096))
    assert_told(run(*command, "--data", str(tmp_path)), 1, str(path), "Restore it from a backup")


def test_a_simulation_without_a_catalogue_says_what_to_give_it_and_makes_nothing(tmp_path: Path) -> None:
    told = run("simulate", "--data", str(tmp_path / "data"))
    assert_told(told, 2, "Give it a catalogue")
    assert "Simulating" not in told.stderr
    assert not (tmp_path / "data").exists()


def test_a_simulation_over_data_is_refused_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    told = run("simulate", "--data", str(tmp_path), "--catalogue", str(write_catalogue(tmp_path)))
    assert_told(told, 1, "empty folder with --data")
    assert "Simulating" not in told.stderr


def test_a_token_is_made_anew_on_request(tmp_path: Path) -> None:
    data = str(tmp_path)
    runner = CliRunner()
    refused = runner.invoke(main, ["token", "--data", data])
    assert refused.exit_code == 1
    assert "serve" in refused.output
    meta = Meta(tmp_path / "meta.sqlite")
    assert "--new" in runner.invoke(main, ["token", "--data", data]).output
    made = runner.invoke(main, ["token", "--data", data, "--new"]).output.strip()
    assert re.fullmatch(r"wa_[\w-]{43}", made)
    assert meta.check_admin_token(made)
    assert "hash" in runner.invoke(main, ["token", "--data", data]).output
    meta.close()


def test_the_command_that_is_shown_for_a_lost_token_runs_as_it_stands(tmp_path: Path) -> None:
    data = tmp_path / "a folder"
    Meta(data / "meta.sqlite").close()
    runner = CliRunner()
    for _ in range(2):
        shown = re.search(
            r"`windrow-server (.+)`", runner.invoke(main, ["token", "--data", str(data)]).output
        )
        assert shown is not None
        assert runner.invoke(main, shlex.split(shown[1])).output.startswith("wa_")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that knows one product."""
    meta = Meta(tmp_path / "meta.sqlite")
    meta.register(sample())
    meta.close()
    return tmp_path


def wish(data: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, ["wish", "hay", "--data", str(data), *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_wish_is_shown_kept_and_taken_back(data: Path) -> None:
    nothing = "Instances of hay are told nothing.\n"
    assert wish(data) == nothing
    assert "are told: nothing is to be sent until" in wish(data, "--pause", "6")
    assert "25 % of the instances are to send" in wish(data, "--sample", "0.25")
    told = wish(data, "--stop", "30")
    assert told == wish(data)
    assert [line.partition("told: ")[2].split(" ")[0] for line in told.splitlines()] == [
        "telemetry",
        "nothing",
        "25",
    ]
    assert wish(data, "--none") == nothing
    assert wish(data) == nothing


@pytest.mark.parametrize(
    "wrong",
    [
        *(["--stop", "0"], ["--stop", "366"], ["--pause", "0"], ["--sample", "1.1"], ["--sample", "-0.1"]),
        *(["--sample", "many"], ["--none", "--stop", "1"], ["--sample", "nan"]),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_changes_nothing(data: Path, wrong: list[str]) -> None:
    before = wish(data, "--pause", "1")
    done = CliRunner().invoke(main, ["wish", "hay", "--data", str(data), *wrong])
    assert done.exit_code == 2
    assert wish(data) == before


def test_a_wish_for_an_unknown_product_names_those_that_there_are(data: Path) -> None:
    assert_told(
        run("wish", "hey", "--stop", "1", "--data", str(data)), 2, "no product 'hey'", "It knows: hay."
    )


def test_a_wish_where_there_is_no_server_is_told(tmp_path: Path) -> None:
    assert_told(
        run("wish", "hay", "--data", str(tmp_path)), 1, "There is no server in", "windrow-server serve"
    )


@pytest.mark.parametrize("command", ["serve", "token", "wish", "simulate"])
def test_every_command_asks_for_the_data_folder_that_it_was_not_given(command: str) -> None:
    given = [command, "hay"] if command == "wish" else [command]
    done = CliRunner().invoke(main, given, env={"WINDROW_DATA": None})
    assert done.exit_code == 2
    assert "Missing option '--data'" in done.output


def test_the_list_of_commands_cuts_no_sentence() -> None:
    assert "..." not in CliRunner().invoke(main, ["--help"], terminal_width=80).output.split("Commands:")[1]


@pytest.mark.parametrize("command", ["serve", "token", "wish", "simulate"])
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert "--data" in shown.output
