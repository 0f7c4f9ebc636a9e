"""Modules can be imported anywhere: without an archive, a settings file, a database or a home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: Imports every module, and listens for what an import must not do.
PROBE = """
import sys
seen = []
def listen(event, args):
    if event == "open" and str(args[0]).endswith("pinakes.toml"):
        seen.append(args[0])
    if event == "socket.connect":
        seen.append(args)
sys.addaudithook(listen)
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
assert not seen, seen
from sqlalchemy.engine import Engine
import gc
assert not [thing for thing in gc.get_objects() if isinstance(thing, Engine)], "an engine is made at import"
print(len(sys.argv) - 1)
"""


def test_every_module_is_imported_without_settings_database_or_home(tmp_path: Path) -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in ("archive", "monitors")
        for path in sorted((ROOT / room).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "nowhere"),
        "PINAKES_HOME": "/nowhere",
        "PINAKES_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "NUMBA_DISABLE_JIT": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *names], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(names) > 150
    assert list(tmp_path.iterdir()) == [], "an import writes nothing"
