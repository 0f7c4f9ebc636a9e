"""The command starts fast because nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from archive.cli import cli, run

HEAVY = {
    "numpy",
    "scipy",
    "numba",
    "h5py",
    "cdflib",
    "bokeh",
    "lmfit",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "distributed",
}
PROBE = """
import contextlib, io, json, sys
from archive.cli import run
with contextlib.redirect_stdout(io.StringIO()):
    code = run(["--help"])
print(json.dumps([code, sorted(name for name in sys.modules if "." not in name)]))
"""


def test_help_imports_nothing_heavy() -> None:
    answer = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    code, modules = json.loads(answer.stdout)
    assert code == 0
    assert not HEAVY & set(modules)


def commands(path: str = "pinakes", command: click.Command = cli) -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += commands(f"{path} {name}", child)
    return found


@pytest.mark.parametrize(("path", "command"), [pytest.param(p, c, id=p) for p, c in commands()])
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help, path
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name}"


def test_a_fault_of_ours_is_one_sentence_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("archive.config.describe", broken)
    assert run(["config", "describe"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in told
    with pytest.raises(ZeroDivisionError):
        run(["--debug", "config", "describe"])
