"""The command line: `nabe`. One module per group of commands."""

from __future__ import annotations

import os
import sys

import typer

from nabe import __version__
from nabe.cli import (
    adapting,
    connecting,
    data,
    delivering,
    devices,
    geocoding,
    joining,
    keeping,
    matching,
    merging,
    observing,
    parked,
    people,
    quality,
    sensors,
    serving,
    workspace,
)
from nabe.cli.common import complain
from nabe.errors import NabeError

app = typer.Typer(
    name="nabe",
    help="One hub for a city's many pots of data, linked and governed through one door.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_GROUPS = (
    workspace,
    connecting,
    adapting,
    data,
    quality,
    delivering,
    devices,
    keeping,
    joining,
    matching,
    geocoding,
    merging,
    observing,
    people,
    parked,
    sensors,
    serving,
)
for group in _GROUPS:
    group.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nabe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line. Expected errors are one line on stderr and exit code 2."""
    try:
        app()
    except NabeError as error:
        complain(error)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever reads us (head, less) has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("NABE_DEBUG"):
            raise
        typer.secho(_unexpected(error), fg="red", err=True)
        sys.exit(1)


def _unexpected(error: Exception) -> str:
    """Only the system's own words are sure to hold neither data nor secrets."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"Unexpected {type(error).__name__}. NABE_DEBUG=1 shows where."
