"""What all verbs share: options, where output goes, and how errors become exit codes."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from aggressors.errors import AggressorsError, UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from aggressors.contracts import Settings
    from aggressors.store.marks import Mark
    from aggressors.store.read import RunFile
    from aggressors.store.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

INTERRUPTED = 130
FAILED = 5
FULL = 4
PIPED_WIDTH = 160  # columns where nobody watches: wide enough that a table keeps its lines whole


class Verbs(click.Group):
    """A group that answers every error with a sentence and the documented exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List verbs in the order of a first visit, not of the alphabet."""
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a verb; exits with its code."""
        arguments = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a sign that a terminal lacks is no error
                stream.reconfigure(errors="replace")
        try:
            code = super().main(
                arguments,
                prog_name or "aggressors",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except BrokenPipeError:  # `aggressors runs | head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except BaseException as error:
            if "--debug" in arguments and not isinstance(error, click.ClickException | SystemExit):
                traceback.print_exception(error)
            sys.exit(_exit_code(error))
        sys.exit(code if isinstance(code, int) else 0)


def _exit_code(error: BaseException) -> int:
    """Print what happened and what to do next, and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    if isinstance(error, KeyboardInterrupt | click.Abort):
        click.echo("Interrupted. The same command typed again continues.", err=True)
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        click.echo(_usage(error), err=True)
        return error.exit_code
    if isinstance(error, AggressorsError):
        click.echo(str(error), err=True)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        click.echo(
            f"The disk is full ({error.filename}). Free some space and type it again.", err=True
        )
        return FULL
    name = type(error).__name__
    click.echo(
        f"Unexpected {name}: {error}. Type the command again with --debug for the traceback, and "
        "please report it.",
        err=True,
    )
    return FAILED


def _usage(error: click.ClickException) -> str:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()  # the help itself
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "aggressors"
    end = "" if message.endswith("?") else "."
    return f"{message}{end} `{path} --help` shows how it is used."


# --- Options ---


def common(function: F) -> F:
    """Add what every verb takes: --workspace and --debug."""
    function = click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
    )(function)
    return click.option(
        "--workspace",
        metavar="DIR",
        help="Folder of runs and saved tests.  [default: $AGGRESSORS_WORKSPACE, else "
        "./aggressors-workspace]",
    )(function)


class _Port(click.IntRange):
    name = "port number"


PORT = _Port(1, 65535)
_BY = "Who does it.  [default: $AGGRESSORS_USER, else the user of this machine]"
by_whom = click.option("--by", default="", metavar="WHO", help=_BY)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")


def example(*lines: str) -> str:
    """Write the end of a verb's help: commands to copy."""
    shown = "\n".join(f"  {line}" for line in lines)
    return f"\b\nExample{'s' if len(lines) > 1 else ''}:\n{shown}"


def open_workspace(path: str | None, *, create: bool = False) -> Workspace:
    """Open the workspace of --workspace; raises WorkspaceError."""
    from aggressors.store.workspace import Workspace

    return Workspace.open(path, create=create)


def is_alone(run: str | None, workspace: str | None) -> bool:
    """Whether RUN is a run file that needs no workspace beside it."""
    from aggressors.store.workspace import stands_alone

    return run is not None and stands_alone(run, workspace)


def open_file(run: str, workspace: str | None) -> RunFile:
    """Open RUN: latest, an id, a name or a path; raises StoreError."""
    from aggressors.store.read import open_run

    return open_run(run if is_alone(run, workspace) else open_workspace(workspace).resolve(run))


def name_unreadable(reasons: Iterable[str]) -> None:
    """Say on standard error which files of a listing cannot be read, and why."""
    for reason in reasons:
        click.echo(reason, err=True)


def marked(workspace: Workspace) -> tuple[Mark, ...]:
    """Read the marks that hold; names files that cannot be read on standard error."""
    found = workspace.read_marks()
    name_unreadable(found.broken)
    return found.held


def read_settings(path: str | None, seed: int | None) -> Settings:
    """Read --settings, with --seed on top; raises SettingsError, or UsageError for the seed."""
    from dataclasses import replace

    from aggressors.contracts import Settings
    from aggressors.errors import SettingsError

    settings = Settings()
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                settings = Settings.from_toml(file.read())
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingsError(f"The settings file {path} cannot be read: {reason}.") from error
    try:
        return settings if seed is None else replace(settings, seed=seed)
    except SettingsError as error:
        raise UsageError(f"{error} Correct --seed.") from error


def check_out(out: str) -> None:
    """Refuse an --out that is a folder, or lies in one that is not there: exit 2."""
    path = Path(out)
    if path.is_dir():
        refuse(f"--out {out} is a folder. Name a file.")
    if not path.parent.is_dir():
        refuse(f"There is no folder {path.parent} for --out {out}. Make it, or name another file.")


# --- Output ---


def width() -> int:
    """Columns that a table may take."""
    return _screen().width


def emit(*parts: RenderableType) -> None:
    """Print to standard output: with colours on a terminal; in a pipe, or with NO_COLOR, plain."""
    screen = _screen()
    if screen.is_terminal:
        for part in parts:
            screen.print(part)
        return
    with screen.capture() as captured:
        for part in parts:
            screen.print(part)
    for line in captured.get().splitlines():  # tables pad their last column
        click.echo(line.rstrip())


def _screen() -> Console:
    from rich.console import Console

    return Console(
        width=None if sys.stdout.isatty() else PIPED_WIDTH,
        highlight=False,
        emoji=False,
        markup=False,
    )


def print_json(document: Any) -> None:
    """Print the one JSON document of --json."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def refuse(sentence: str) -> NoReturn:
    """Refuse an option value: exit 2."""
    raise UsageError(sentence)


def version_text() -> str:
    """Version of the installed package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"aggressors {version('aggressors')}"
    except PackageNotFoundError:
        return "aggressors (a source tree that is not installed)"
