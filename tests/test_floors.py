"""Imports point downwards only: every import of every module is read and compared with the plan of the house."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Rooms from the ground up. A module may import from its own room and from lower floors.
FLOORS: dict[str, float] = {
    "archive.errors": 0,
    "archive.model": 0,
    "archive.access": -1,  # permissions: the log has them too
    "archive.config": 0.5,  # names its errors
    "archive.log": 0,
    "archive.numerics": 1,
    "archive.formats": 1.5,  # checksums and bit fields come from numerics
    "archive.catalog": 2,
    "archive.store": 2,
    "archive.migrations": 2.5,
    "archive.instruments": 3,
    "archive.jobs": 4,
    "archive.ingest": 5,
    "archive.analysis": 5.2,  # its products get their names and rows as those of ingest do
    "archive.previews": 5,
    "archive.audit": 5.5,  # repair brings files in again through ingest
    "archive.export": 5.3,  # asks which words of analysts count
    "archive": 6,
    "archive.cli": 7,
    "monitors.schedule": 10,
    "monitors.cadence": 10,
    "monitors.run_log": 9.5,
    "monitors.old_logs": 10,
    "monitors.supervise": 10,
    "monitors.provenance": 10,
    "monitors.guard": 9.5,
    "monitors.base": 10,
    "monitors.health": 10.5,
    "monitors.history": 10.7,
    "monitors.declare": 11,
    "monitors.recovery": 11,
    "monitors.notify": 11,
    "monitors.child": 11,
    "monitors.survey": 11.2,
    "monitors.runner": 11.5,
    "monitors.clock": 11.7,
    "monitors.textfile": 11.5,
    "monitors.foreign": 11.7,
    "monitors.recorded": 11.8,
    "monitors.foreign_logs": 10,
    "monitors.checks": 12,
    "monitors.site": 13,
    "monitors.site.idex": 13.5,  # one instrument; comes through entry points like those of other packages
    "monitors.cli": 14,
    "monitors.demo": 15,
    "monitors": 16,
}

# What only one room may do: the call, and the room that may.
GUARDED_CALLS = {
    "os.link": "archive.store",
    "os.rename": "archive.store",
    "os.replace": "archive.store",
    "os.unlink": "archive.store",
    "os.remove": "archive.store",
    "shutil.move": "archive.store",
    "shutil.rmtree": "archive.store",
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("archive", "monitors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def room(module: str) -> str:
    """The longest declared room that holds the module."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in FLOORS and (name not in ("archive", "monitors") or len(parts) == 1):
            return name
    raise AssertionError(f"{module} is in no room: add it to FLOORS after deciding on its floor")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            base = node.module or ""
            for alias in node.names:
                below = f"{base}.{alias.name}"
                is_module = (ROOT / Path(*below.split("."))).with_suffix(".py").exists()
                is_package = (ROOT / Path(*below.split("."))).is_dir()
                yield below if is_module or is_package else base


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def tree_of(path: Path) -> ast.Module:
    """Parse a module without the imports that only the type checker sees."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [child for child in body if not is_type_checking(child)]  # type: ignore[attr-defined]
    return tree


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m) for m, p in modules()])
def test_imports_point_downwards(module: str, path: Path) -> None:
    here = room(module)
    for name in imported(tree_of(path)):
        if name.split(".")[0] not in ("archive", "monitors"):
            continue
        there = room(name)
        assert here == there or FLOORS[there] < FLOORS[here], f"{module} ({here}) must not import {name} ({there})"
        if here.startswith("archive"):
            assert not there.startswith("monitors")


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m) for m, p in modules()])
def test_only_the_catalog_speaks_to_the_driver_and_only_the_store_moves_files(module: str, path: Path) -> None:
    here = room(module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if here != "archive.catalog":
        assert not {name for name in imported(tree) if name.split(".")[0] == "psycopg2"}
    if here.startswith("archive") and here not in ("archive.store", "archive.catalog"):
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & set(GUARDED_CALLS), f"{module}: only {here} may do this"


@pytest.mark.parametrize(("module", "path"), [pytest.param(m, p, id=m) for m, p in modules()])
def test_no_sql_is_built_from_strings(module: str, path: Path) -> None:
    if module.startswith("archive.catalog.schema."):
        return  # rules of the declared schema, made of our own constants
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "text",
            "execute",
            "exec_driver_sql",
        ):
            for argument in node.args:
                assert not isinstance(argument, ast.JoinedStr | ast.BinOp), f"{module}:{node.lineno} builds SQL"


def test_every_room_of_the_plan_is_known_and_strangers_stay_strangers() -> None:
    reached = {
        (room(module), room(name))
        for module, path in modules()
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] in ("archive", "monitors")
    }
    assert ("archive.catalog", "archive.store") not in reached
    assert ("archive.store", "archive.catalog") not in reached
