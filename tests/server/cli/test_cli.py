"""The command says what is wrong in one message, and never with a traceback."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from windrow_server.cli import main
from windrow_server.settings import SETTINGS

from tests.support.catalogue import TOML, write_catalogue
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


def test_a_token_is_made_anew_on_request(tmp_path: Path) -> None:
    data = str(tmp_path)
    runner = CliRunner()
    refused = runner.invoke(main, ["token", "--data", data])
    assert refused.exit_code == 1
    assert "serve" in refused.output
    from windrow_server.meta import Meta

    meta = Meta(tmp_path / "meta.sqlite")
    assert "--new" in runner.invoke(main, ["token", "--data", data]).output
    made = runner.invoke(main, ["token", "--data", data, "--new"]).output.strip()
    assert re.fullmatch(r"wa_[\w-]{43}", made)
    assert meta.check_admin_token(made)
    assert "hash" in runner.invoke(main, ["token", "--data", data]).output
    meta.close()


@pytest.mark.parametrize("command", ["serve", "token", "simulate"])
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert "--data" in shown.output
