"""``pinakes exec``: run any command, and record it as a job."""

from __future__ import annotations

import click

from archive.cli.context import Context, pass_context


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option(
    "--schedule", help="When it is started, as cron expression or interval; it is then missed when it is not."
)
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of the cron expression.")
@click.option("--grace", help="How late a start may be, for example 15m.")
@click.option("--max-runtime", help="After this the command is ended, for example 2h; default: never.")
@click.option("--max-memory", type=click.IntRange(min=1), help="Bytes of address space it may use.")
@click.option("--single", is_flag=True, help="Do not start it while it runs already; ends with exit code 11 then.")
@click.option("--leave-behind", is_flag=True, help="Let processes that it leaves in the background live.")
@click.argument("name")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_context
def exec_(
    context: Context, name: str, command: tuple[str, ...], schedule: str | None, zone: str, grace: str | None,
    max_runtime: str | None, max_memory: int | None, single: bool, leave_behind: bool,
) -> int:  # fmt: skip
    """Run COMMAND as the job NAME, and record it like a monitor: pinakes exec NAME -- COMMAND...

    What it prints is passed on and kept, its exit code is ours; duration, memory and the end of the output are
    recorded.
    When the database cannot be reached the command runs all the same, and the record is entered later.

    The options may also stand in pinakes.toml, in a table [monitor.NAME].
    """
    from archive.errors import UsageError
    from monitors import foreign
    from monitors.cli.work import stopping

    command = command[1:] if command[0] == "--" else command
    if not command:
        raise UsageError("There is no command after the two hyphens.")
    settings = context.settings()
    declaration = foreign.declaration(
        settings, name, schedule, zone, grace=grace, max_runtime=max_runtime, max_memory=max_memory
    )
    with stopping() as stop:
        return foreign.record(settings, declaration, command, single=single, leave_behind=leave_behind, stop=stop)
