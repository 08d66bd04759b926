"""Import a command only when it is called, so that ``--help`` stays fast."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from mtlbench.errors import MtlbenchError, printable


class LazyCommand(NamedTuple):
    """Name a command's function as ``"module:function"``, with its line in ``mtlbench --help``."""

    target: str
    help: str


class UserError(click.ClickException):
    """Print an error's text without a traceback and exit with code 2."""

    exit_code = 2


class LazyGroup(click.Group):
    """Group commands that are imported on first use, and turn the bench's errors into exit codes."""

    def __init__(self, *args: Any, commands: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they were declared."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self.lazy:
            return None
        module, _, function = self.lazy[cmd_name].target.partition(":")
        return getattr(importlib.import_module(module), function)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' one-line helps without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self.lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with 2 after an error of the bench and with 130 after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except MtlbenchError as error:
            raise UserError("\n".join(map(printable, str(error).split("\n")))) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(130)
