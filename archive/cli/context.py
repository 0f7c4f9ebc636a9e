"""What every verb is given: where the archive is, and how to speak to the person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from archive.catalog import Catalog
    from archive.config import Settings


@dataclass(frozen=True)
class Context:
    """The options that stand before the verb."""

    home: Path | None
    debug: bool
    quiet: bool

    def settings(self, **flags: Any) -> Settings:
        """Return the settings of an archive that exists.

        Raises
        ------
        NoArchive, SettingsError
        """
        from archive.config import open_home

        settings = open_home(self.home, **flags)
        settings.set_umask()
        return settings

    def catalog(self, **flags: Any) -> Catalog:
        """Connect to the catalog of the archive; starts the embedded server when it does not run."""
        from archive.catalog import Catalog

        return Catalog.connect(self.settings(**flags))

    def say(self, message: str) -> None:
        """Tell the person something that is not a result: on standard error, unless --quiet."""
        if not self.quiet:
            click.echo(message, err=True)


pass_context = click.make_pass_decorator(Context)

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")


def plain(value: Any) -> Any:
    """Return a JSON-able form: times in ISO 8601 UTC, paths as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | Path):
        return str(value)
    return value


def emit(rows: Iterable[Mapping[str, Any]], *, as_json: bool, columns: Sequence[str] | None = None) -> None:
    """Print rows on standard output: JSON lines, or an aligned table with numbers to the right.

    Control characters that come from file names are shown escaped, so that a name cannot move the cursor.
    """
    if as_json:
        for row in rows:
            click.echo(json.dumps({name: plain(value) for name, value in row.items()}, default=str))
        return
    table = list(rows)
    names = list(columns or (table[0].keys() if table else ()))
    texts = [[cell(row[name]) for name in names] for row in table]
    if not texts:
        return
    widths = [max(len(name), *(len(line[i]) for line in texts)) for i, name in enumerate(names)]
    right = [all(isinstance(row[name], int | float | None) for row in table) for name in names]
    click.echo(
        "  ".join(n.rjust(w) if r else n.ljust(w) for n, w, r in zip(names, widths, right, strict=True)).rstrip()
    )
    for line in texts:
        click.echo(
            "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, widths, right, strict=True)).rstrip()
        )


def cell(value: Any) -> str:
    """Return a value as one line of printable text."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:g}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
