"""``pinakes tags``: what people say of files and events in a word, with author and reason, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.listing import ListByDefault

F = TypeVar("F", bound=Callable[..., Any])

LIST_COLUMNS = ("said_at", "tag", "instrument", "subject_kind", "subject", "author", "reason")


@click.group(cls=ListByDefault)
def tags() -> None:
    """Tags of files and events: list (also without a verb), add, remove, kinds, define."""


def about(function: F) -> F:
    """Add the options that name a file or an event."""
    event = click.option("--event", help="The event: id or identity.")
    file = click.option("--file", help="The file: id, name, path or SHA-256.")
    return file(event(function))


def signed(function: F) -> F:
    """Add who says so, and why."""
    author = click.option("--author", required=True, envvar="PINAKES_AUTHOR", show_envvar=True, help="Who says so.")
    return author(click.option("--reason", required=True, help="Why.")(function))


@tags.command("list")
@click.option("--instrument", help="Only of this instrument.")
@click.option("--tag", "name", help="Only this tag.")
@click.option("--history", is_flag=True, help="Everything that was said, what was taken back included.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Most rows.")
@about
@json_option
@pass_context
def list_tags(
    context: Context, /, as_json: bool, file: str | None, event: str | None, instrument: str | None, **wanted: Any
) -> None:
    """List tags that stand, newest first: of one file, of one event, or of all."""
    from archive.catalog import tags as queries

    with context.catalog() as catalog, catalog.read() as conn:
        one = queries.subject(conn, file=file, event=event) if file or event else None
        rows = queries.listing(conn, about=one, instrument_name=instrument, **wanted)
    columns = ("action", *LIST_COLUMNS) if wanted["history"] else LIST_COLUMNS
    emit(rows, as_json=as_json, columns=columns)
    if not rows and not as_json:
        context.say("No tag answers. Add one with `pinakes tags add KIND --file FILE` or `--event EVENT`.")


@tags.command()
@click.argument("kind")
@about
@signed
@json_option
@pass_context
def add(context: Context, /, as_json: bool, **wanted: Any) -> None:
    """Tag a file or an event with KIND, which `pinakes tags kinds` lists."""
    _say(context, as_json, remove=False, **wanted)


@tags.command()
@click.argument("kind")
@about
@signed
@json_option
@pass_context
def remove(context: Context, /, as_json: bool, **wanted: Any) -> None:
    """Take the tag KIND of a file or an event back; that it was there stays in the history."""
    _say(context, as_json, remove=True, **wanted)


@tags.command()
@click.option("--instrument", help="Only what applies to this instrument.")
@json_option
@pass_context
def kinds(context: Context, as_json: bool, instrument: str | None) -> None:
    """List what files and events can be tagged with, and how many tags stand."""
    from archive.catalog import tags as queries

    with context.catalog() as catalog, catalog.begin() as conn:
        queries.ensure_general(conn)
        rows = queries.kinds(conn, instrument_name=instrument)
    if not as_json:
        rows = [{**row, "instruments": ", ".join(row["instruments"]) or "all"} for row in rows]
    emit(rows, as_json=as_json, columns=("tag", "instruments", "n", "title"))


@tags.command()
@click.argument("kind")
@click.option("--title", required=True, help="What it says, for people.")
@click.option("--instrument", "instruments", multiple=True, help="Only for this instrument; may be repeated.")
@pass_context
def define(context: Context, kind: str, title: str, instruments: tuple[str, ...]) -> None:
    """Define a new kind of tag, or give one another title."""
    from archive.catalog import tags as queries

    with context.catalog() as catalog, catalog.begin() as conn:
        queries.define(conn, kind, title, instruments)
    context.say(f"{kind}: {title}")


def _say(
    context: Context, as_json: bool, *, remove: bool, kind: str, file: str | None, event: str | None, author: str,
    reason: str,
) -> None:  # fmt: skip
    from archive.catalog import tags as queries

    with context.catalog() as catalog, catalog.begin() as conn:
        queries.ensure_general(conn)
        one = queries.subject(conn, file=file, event=event)
        row = queries.say(conn, kind, one, author, reason, remove=remove)
    if as_json:
        emit([row], as_json=True)
    else:
        context.say(f"{'taken back' if remove else 'tagged'}: {one.kind} {one.name} {kind}")
