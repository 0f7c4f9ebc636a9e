"""The command ``pinakes``: a thin layer. A verb parses, calls one function of the archive, and prints.

Verbs are found through the entry-point group ``pinakes.commands``, so that a package that adds a monitor or an
instrument can add its verbs. Nothing heavy is imported here; a test keeps it so.
"""

from __future__ import annotations

import gc
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import click

from archive.cli.context import Context
from archive.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, ArchiveError

GROUP = "pinakes.commands"


class Verbs(click.Group):
    """A group whose commands are entry points, loaded when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in alphabetical order."""
        del ctx
        return sorted(entry.name for entry in entry_points(group=GROUP))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb."""
        del ctx
        for entry in entry_points(group=GROUP, name=cmd_name):
            command = entry.load()
            assert isinstance(command, click.Command)
            return command
        return None


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PINAKES_HOME",
    show_envvar=True,
    help="The archive home; default ./pinakes-archive.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@click.version_option(message="%(version)s", version=version("pinakes"))
@click.pass_context
def cli(ctx: click.Context, home: Path | None, debug: bool, quiet: bool) -> None:
    """Pinakes: the archive and monitor of a space-instrument team."""
    ctx.obj = Context(home=home, debug=debug, quiet=quiet)


def main() -> None:
    """Run the command line and end the process with the exit code of what happened."""
    # Imports make hundreds of thousands of objects that stay; looking them over again and again takes a fifth of the
    # time of a short command.
    gc.set_threshold(300_000, 10, 10)
    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: no last look at what goes with it anyway
    sys.exit(code)


def run(args: list[str]) -> int:
    """Run one command and return its exit code; errors are one sentence on standard error."""
    debug = "--debug" in args
    try:
        result = cli.main(args, prog_name="pinakes", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except ArchiveError as error:
        if debug:
            raise
        click.echo(f"pinakes: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away (`| head`); Python would complain once more at exit
        return 0
    except OSError as error:
        if debug:
            raise
        click.echo(f"pinakes: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True)
        return EXIT_FAILED
    except Exception as error:
        if debug:
            raise
        words = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(f"pinakes: Something failed that should not ({words}); --debug shows where.", err=True)
        return EXIT_FAILED
    return result if isinstance(result, int) else 0
