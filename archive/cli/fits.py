"""``pinakes fits``: what was fitted, and what analysts say against it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from archive.cli.context import Context, emit, json_option, pass_context
from archive.cli.listing import ListByDefault, UtcTime, limits
from archive.cli.signing import signature, validity

F = TypeVar("F", bound=Callable[..., Any])

EXPORTED = ("identity", "action", "channel", "line", "arguments", "author", "reason", "created_at")
_GAINS = {"H": "TOF_High", "M": "TOF_Mid", "L": "TOF_Low"}
LIST_COLUMNS = ("event_id", "t", "channel", "line", "model", "values", "status", "origin")
HISTORY_COLUMNS = ("id", "created_at", "origin", "version", "settings_hash", "code", "override_id", "author", "reason")


@click.group(cls=ListByDefault)
def fits() -> None:
    """Fits of events: list (also without a verb), show, history, and what analysts say against them."""


@fits.command("list")
@click.option("--event", help="Only fits of this event: id or identity.")
@click.option("--channel", help="Only this channel: TOF, Target_High, Target_Low or Ion_Grid.")
@click.option("--status", help="Only fits whose status has this word, for example ok or saturated.")
@click.option("--origin", type=click.Choice(["automatic", "override"]), help="Only fits of this origin.")
@limits
@json_option
@pass_context
def list_fits(context: Context, /, as_json: bool, instrument: str | None, event: str | None, **filters: Any) -> None:
    """List the fits of current analyses, the newest event first."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        event_id = None if event is None else events.get(conn, event)["id"]
        rows = queries.listing(conn, event_id=event_id, instrument_name=instrument, **filters)
    if as_json:
        emit(rows, as_json=True)
        return
    emit([_readable(row) for row in rows], as_json=False, columns=LIST_COLUMNS)
    if not rows:
        context.say("No fit answers. Analyses follow ingest; `pinakes fits update` asks for those that are wanting.")


@fits.command()
@click.argument("event")
@json_option
@pass_context
def show(context: Context, event: str, as_json: bool) -> None:
    """Show the current analysis of one event (EVENT: id or identity): fits, and everything that follows from them."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        row = events.get(conn, event)
        found = queries.listing(conn, event_id=row["id"], limit=1000)
        parts = queries.derived(conn, row["id"])
    if as_json:
        emit([{"event_id": row["id"], "identity": row["identity"], "fits": found, **parts}], as_json=True)
        return
    if not parts["event_summary"] and not found:
        context.say("The event has no analysis; `pinakes fits update` asks for those that are wanting.")
        return
    emit([_readable(one) for one in found], as_json=False, columns=("channel", "line", "values", "status", "origin"))
    for name, rows in parts.items():
        click.echo(f"\n{name}")
        for one in rows:
            told = {key: value for key, value in one.items() if key not in ("event_id", "identity", "t")}
            click.echo("  " + ", ".join(f"{key} {_short(value)}" for key, value in told.items() if value is not None))


@fits.command()
@click.argument("event")
@json_option
@pass_context
def history(context: Context, event: str, as_json: bool) -> None:
    """Show every analysis of one event (EVENT: id or identity), oldest first: by which code, on whose word."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        rows = queries.history(conn, events.get(conn, event)["id"])
    emit(rows, as_json=as_json, columns=HISTORY_COLUMNS)
    if not rows:
        context.say("The event has no analysis.")


@fits.command()
@click.option("--instrument", help="Only this instrument.")
@pass_context
def update(context: Context, instrument: str | None) -> None:
    """Ask for every analysis that the installed code and calibrations want; `pinakes work` carries the jobs out.

    What was analysed with the same version, settings and calibrations is left out.
    """
    from archive.instruments.base import instruments
    from archive.jobs import requests

    settings = context.settings()
    asked = 0
    with context.catalog() as catalog, catalog.begin() as conn:
        for name, owner in instruments().items():
            if instrument in (None, name):
                asked += len(requests.analyse_everything(conn, owner, max_attempts=settings.ingest.max_attempts))
    context.say(f"{asked} jobs wait; carry them out with `pinakes work`.")


@fits.command("mass-scale")
@click.option("--event", help="Only this event: id or identity.")
@click.option("--file", "file_id", type=int, help="Only events of this raw file or product, by its id.")
@click.option("--since", type=UtcTime(), help="Events from this time on (UTC).")
@click.option("--until", type=UtcTime(), help="Events before this time (UTC).")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="Most rows.")
@click.option("--default", "as_default", is_flag=True, help="Give the default scale of all of them instead, as JSON.")
@click.option("--store", is_flag=True, help="Write that default as a local calibration; needs --author and --reason.")
@click.option("--author", envvar="PINAKES_AUTHOR", show_envvar=True, help="With --store: who says so.")
@click.option("--reason", help="With --store: why.")
@validity
@json_option
@pass_context
def mass_scale(
    context: Context, /, event: str | None, file_id: int | None, since: datetime | None, until: datetime | None,
    limit: int, as_default: bool, store: bool, as_json: bool, **word: Any,
) -> None:  # fmt: skip
    """Show the mass scales of events, in order of time: t = shift + stretch sqrt(m) + ..., us from the first sample.

    --default prints the values of a calibration record mass_scale: the median of the scales that are beyond doubt.
    With --store it is written as a local calibration too, which counts for data of --valid-from to --valid-until.
    """
    from archive.analysis.mass_scale import default_scale, scales
    from archive.catalog import events

    if store and not (as_default and word["author"] and word["reason"]):
        raise click.UsageError("--store wants --default, --author and --reason.")
    if not store and (word["valid_from"] or word["valid_until"] or word["reason"]):
        raise click.UsageError("--valid-from, --valid-until and --reason go with --store.")
    with context.catalog() as catalog, catalog.read() as conn:
        event_id = None if event is None else events.get(conn, event)["id"]
        most = None if as_default else limit
        rows = scales(conn, event_id=event_id, file_id=file_id, since=since, until=until, limit=most)
        default = default_scale(conn, rows) if as_default else None
    if default is not None:
        if store:
            selection = {"event": event, "file": file_id, "since": since, "until": until}
            _store_scale(context, default, rows, selection, word)
        else:
            emit([default], as_json=True)
        return
    emit(rows, as_json=as_json, columns=("event_id", "t", "shift", "stretch", "matched", "rms", "scale_status"))
    if not rows:
        context.say("No event answers.")


def _store_scale(
    context: Context, values: dict[str, Any], rows: list[dict[str, Any]], selection: dict[str, Any],
    word: dict[str, Any],
) -> None:  # fmt: skip
    from archive.analysis.local_calibrations import basis
    from archive.analysis.mass_scale import beyond_doubt
    from archive.catalog.calibrations import Written
    from archive.cli.calibrations import stored

    rests = basis(beyond_doubt(rows), **selection)
    origin = "median of mass scales of this archive"
    begin, end = word["valid_from"], word["valid_until"]
    new = Written("mass_scale", values, origin, begin, end, word["author"], word["reason"], rests)
    stored(context, "idex", new, as_json=True)


@fits.command()
@click.argument("table", type=click.File("r", encoding="utf-8"))
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File; - is stdout."
)
@pass_context
def particle(context: Context, table: Any, output: Any) -> None:
    """Estimate speed and mass of particles in TABLE, a CSV file (- is standard input), by the newest calibrations.

    It needs the columns charge (pC) and rise_time (tau_r, us), and may have charge_error, rise_time_error and
    ion_charge (pC). What it has stays; speed (km/s), mass (kg), their 68 % ranges and a status are added.
    """
    import csv
    from datetime import UTC

    from archive.analysis.particles import FOUND, estimate
    from archive.catalog.reference import calibrations_for
    from archive.errors import NotFound

    rows = list(csv.DictReader(table))
    with context.catalog() as catalog, catalog.read() as conn:
        record = calibrations_for(conn, "idex", "particle_curves", datetime.now(UTC))
    if record is None:
        raise NotFound("The archive has no calibration particle_curves; ingest a file of IDEX first.")
    try:
        found = estimate(rows, record["values"])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    writer = csv.DictWriter(output, list(dict.fromkeys([*(rows[0] if rows else ()), *FOUND])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)


def signed(function: F) -> F:
    """Add what every override needs: the event, who, and why."""
    return click.argument("event")(signature(function))


def one_fit(function: F) -> F:
    """Add what names one fit and what is to be done with its parameters."""
    for option in (
        click.option("--window", nargs=2, type=float, metavar="START STOP", help="Window, us from the trigger."),
        click.option("--line", type=click.IntRange(0), default=0, show_default=True, help="Number of the line."),
        click.option("--channel", required=True, help="TOF, Target_High, Target_Low or Ion_Grid."),
    ):
        function = option(function)
    return click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")(function)


_MODELS = (
    "Line shape: emg, gaussian, lorentzian, voigt, double_emg, hyper_emg, generalized_normal; "
    "or pulse: impact_pulse, image_pulse."
)


def shaped(function: F) -> F:
    """Add what another model needs."""
    for option in (
        click.option("--extra", multiple=True, metavar="NAME=VALUE", help="What the model needs besides."),
        click.option("--model", help=_MODELS),
    ):
        function = option(function)
    return function


@fits.command("set")
@click.option("--species", help="The ion that the line is, for example 28Si.")
@click.option("--anchor", multiple=True, metavar="LINE=ION", help="Fix the mass scale by lines, for example 3=28Si.")
@click.option("--sensitivity", help="Set of relative sensitivity factors, for the whole event.")
@click.option("--gains", metavar="H,M,L", help="Gains that are merged, for the whole event: one or more of H, M, L.")
@click.option("--baseline", type=float, help="Baseline of a gain, mA; say which with --channel TOF_High.")
@click.option("--material", help="What the particle is made of, for the whole event.")
@click.option("--add", is_flag=True, help="Add a line in the window.")
@click.option("--remove", is_flag=True, help="Remove the line.")
@click.option("--channel", help="TOF, Target_High, Target_Low or Ion_Grid.")
@click.option("--line", type=click.IntRange(0), help="Number of the line.")
@click.option("--window", nargs=2, type=float, metavar="START STOP", help="Window, us from the trigger.")
@shaped
@signed
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@pass_context
def set_values(context: Context, /, event: str, author: str, reason: str, **wanted: Any) -> None:
    """Set parameters of one fit of EVENT without refitting, or say what a line is.

    Everything that follows is computed anew and marked; the automatic result stays beside it.
    """
    values = _pairs(wanted["values"])
    model = _model(wanted["model"], wanted["extra"])
    numbers = {"values": {name: _number(value) for name, value in values.items()}} if values else {}
    given: dict[str, dict[str, Any]] = {
        "set": numbers | model,
        "species": {"species": wanted["species"]} if wanted["species"] else {},
        "anchors": {"lines": _pairs(wanted["anchor"])} if wanted["anchor"] else {},
        "sensitivity": {"set": wanted["sensitivity"]} if wanted["sensitivity"] else {},
        "gains": {"gains": [_GAINS.get(each, each) for each in wanted["gains"].split(",")]} if wanted["gains"] else {},
        "baseline": {"value": wanted["baseline"]} if wanted["baseline"] is not None else {},
        "material": {"material": wanted["material"]} if wanted["material"] else {},
        "remove": {"line": wanted["line"]} if wanted["remove"] else {},
    }
    if wanted["add"]:
        given = {"add": given["set"] | {"window": list(wanted["window"] or ())}}
    actions = [(name, arguments) for name, arguments in given.items() if arguments]
    if len(actions) != 1:
        raise click.UsageError(
            "Say one thing at a time: parameters or a model, a species, anchors, a set, gains, a baseline, a material, "
            "--add or --remove."
        )
    action, arguments = actions[0]
    if action == "set" and wanted["window"]:
        arguments["window"] = list(wanted["window"])
    whole = action in ("anchors", "sensitivity", "gains", "material")
    channel = None if whole else wanted["channel"] or "TOF"
    line = None if whole else (wanted["line"] if channel == "TOF" else wanted["line"] or 0)
    _say(context, event, action, channel, line, arguments, author, reason)


@fits.command()
@click.option("--fix", multiple=True, metavar="NAME", help="Hold this parameter at its value.")
@shaped
@one_fit
@signed
@pass_context
def refit(
    context: Context, event: str, channel: str, line: int, values: tuple[str, ...], fix: tuple[str, ...],
    window: tuple[float, float] | None, model: str | None, extra: tuple[str, ...], author: str, reason: str,
) -> None:  # fmt: skip
    """Refit one fit of EVENT from the given values, with fixed parameters, another window or model where wanted."""
    arguments: dict[str, Any] = {"values": {name: _number(v) for name, v in _pairs(values).items()}, "fixed": list(fix)}
    arguments |= _model(model, extra)
    if window:
        arguments["window"] = list(window)
    _say(context, event, "refit", channel, line, arguments, author, reason)


@fits.command()
@click.option("--channel", help="Only what was said about this channel; without it everything is taken back.")
@click.option("--line", type=click.IntRange(0), default=0, help="Number of the line in that channel.")
@signed
@pass_context
def reset(context: Context, event: str, channel: str | None, line: int, author: str, reason: str) -> None:
    """Take back what was said about EVENT; the words stay in its history."""
    _say(context, event, "reset", channel, None if channel is None else line, {}, author, reason)


@fits.command("export")
@click.option("--event", help="Only this event: id or identity.")
@pass_context
def export_overrides(context: Context, event: str | None) -> None:
    """Print every override, oldest first, one JSON object a line: what `pinakes fits import` reads."""
    from archive.catalog import events
    from archive.catalog import fits as queries

    with context.catalog() as catalog, catalog.read() as conn:
        event_id = None if event is None else events.get(conn, event)["id"]
        rows = queries.overrides(conn, event_id=event_id)
    emit([{name: row[name] for name in EXPORTED} for row in rows], as_json=True)


@fits.command("import")
@click.argument("source", type=click.File("r", encoding="utf-8"))
@pass_context
def import_overrides(context: Context, source: Any) -> None:
    """Say again what `pinakes fits export` printed; SOURCE is a file, - standard input. What was said is left out."""
    import json

    from archive.catalog import fits as queries

    compared = [name for name in EXPORTED if name != "created_at"]
    with context.catalog() as catalog, catalog.read() as conn:
        there = {json.dumps([row[name] for name in compared], sort_keys=True) for row in queries.overrides(conn)}
    for text in source:
        row = json.loads(text) if text.strip() else None
        if row is not None and json.dumps([row[name] for name in compared], sort_keys=True) not in there:
            place = (row["identity"], row["action"], row["channel"], row["line"], row["arguments"])
            _say(context, *place, row["author"], row["reason"])


def _say(
    context: Context, event: str, action: str, channel: str | None, line: int | None, arguments: dict[str, Any],
    author: str, reason: str,
) -> None:  # fmt: skip
    from archive.analysis.overrides import Word, say
    from archive.store import Home

    word = Word(event, action, channel, line, arguments, author, reason)
    with context.catalog() as catalog:
        key = say(catalog, Home(context.settings().home), word)
    context.say(f"Override {key} is in effect; `pinakes fits show {event}` shows what follows.")


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=VALUE arguments as a dictionary."""
    for each in texts:
        if "=" not in each:
            raise click.UsageError(f"{each!r} is not NAME=VALUE.")
    return {name: value for name, _, value in (each.partition("=") for each in texts)}


def _model(name: str | None, extras: tuple[str, ...]) -> dict[str, Any]:
    """Return what an override says of its model; extras are numbers, or lists of them in brackets."""
    import json

    found: dict[str, Any] = {} if name is None else {"model": name}
    try:
        values = {key: json.loads(value) for key, value in _pairs(extras).items()}
    except ValueError:
        raise click.UsageError(
            "An extra is a number or a list, for example tau2=0.05 or taus_left=[0.1,0.2]."
        ) from None
    return found | ({"extras": values} if values else {})


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise click.UsageError(f"{value!r} is not a number.") from None


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a fit with its parameters as one text: name = value ± error."""
    errors = row["errors"]
    parts = [
        f"{name}={_short(value)}" + (f"±{_short(errors[name])}" if errors[name] is not None else "")
        for name, value in row["values"].items()
        if value is not None
    ]
    return {**row, "values": " ".join(parts) or "-"}


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
