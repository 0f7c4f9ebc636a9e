"""Tables as HTML. Written out here and not in a template: a list of a thousand rows is ready in milliseconds."""

from __future__ import annotations

from html import escape

from markupsafe import Markup

from monitors.site.tables import Cell, Column, Table

SORTED_BY_VALUE = ("number", "time")


def table(shown: Table, root: str) -> Markup:
    """Return a table, sortable by its headers once page.js has run; `root` leads from the page to the site."""
    if not shown.rows:
        return Markup('<p class="empty">{}</p>').format(shown.empty)
    marks = " data-filter" if shown.filterable else ""
    if shown.csv:
        marks += f' data-csv="{root}{escape(shown.csv)}"'
    parts = [f'<div class="scroll">\n<table class="data"{marks}>\n']
    if shown.caption:
        parts.append(f"<caption>{escape(shown.caption)}</caption>\n")
    parts.append(f"<thead><tr>{''.join(map(_head, shown.columns))}</tr></thead>\n<tbody>\n")
    kinds = [column.kind for column in shown.columns]
    for row in shown.rows:
        cells = "".join([_cell(cell, kind, root) for cell, kind in zip(row, kinds, strict=True)])
        parts.append(f"<tr>{cells}</tr>\n")
    parts.append("</tbody>\n</table>\n</div>")
    return Markup("".join(parts))  # noqa: S704  every value is escaped above


def _head(column: Column) -> str:
    unit = f' <span class="unit">{escape(column.unit)}</span>' if column.unit else ""
    return f'<th scope="col" class="{column.kind}">{escape(column.label)}{unit}</th>'


def _cell(cell: Cell, kind: str, root: str) -> str:
    marks = f' data-value="{escape(cell.order)}"' if kind in SORTED_BY_VALUE else ""
    if cell.title:
        marks += f' title="{escape(cell.title)}"'
    age = " age" if cell.age else ""
    return f'<td class="{kind}{age}"{marks}>{inside(cell, root, name=kind == "name")}</td>'


def inside(cell: Cell, root: str, *, name: bool = False) -> str:
    """Return what stands in a cell; a `name` may be broken after an underscore."""
    shown = escape(cell.text)
    if name:
        shown = shown.replace("_", "_<wbr>")
    if cell.href is not None:
        shown = f'<a href="{root}{escape(cell.href)}">{shown}</a>'
    elif cell.age:
        shown = f'<span class="when">{shown}</span>'
    if cell.state:
        icon = f'<span class="icon" aria-hidden="true">{cell.icon}</span>'
        shown = f'<span class="state {cell.state}">{icon} {shown}</span>'
    if cell.bar is not None:
        width = f"{100 * cell.bar:.1f}"
        shown += f'<span class="bar" aria-hidden="true"><span style="width: {width}%"></span></span>'
    return shown
