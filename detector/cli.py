"""What all commands share: errors as one line, late imports, sizes. Imports nothing slow."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

from detector.errors import FramelaneError
from detector.renamed import RenamedWarning, warn_renamed
from detector.terminal import open_standard_descriptors, printable_lines, unfailing_errors

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Show a FramelaneError as one line and exit with its code; show renamed options as lines."""
    shown_before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        if issubclass(category, RenamedWarning):
            click.echo(f"Warning: {message}", err=True)
        else:
            shown_before(message, category, *rest, **named)

    open_standard_descriptors()
    warnings.showwarning = show
    with unfailing_errors():
        try:
            yield
        except FramelaneError as error:
            click.echo(f"Error: {printable_lines(str(error))}", err=True)  # as click says it
            sys.exit(error.exit_code)
        finally:
            warnings.showwarning = shown_before


class _Unfailing(click.Command):
    """A command that shows mistakes in its words also if standard error cannot be written."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command, and exit."""
        open_standard_descriptors()
        with unfailing_errors():
            return super().main(*args, **options)


class Command(_Unfailing):
    """A command whose failures are one line for the user.

    renamed: old option -> new one; the old one works for a release, with a warning
    """

    def __init__(
        self, *args: Any, renamed: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        options["context_settings"] = CONTEXT | options.get("context_settings", {})
        super().__init__(*args, **options)
        self._renamed = renamed or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line."""
        with errors_as_lines():
            return super().parse_args(ctx, [self._new_name(word) for word in args])

    def _new_name(self, word: str) -> str:
        old, equals, value = word.partition("=")
        new = self._renamed.get(old)
        if new is None:
            return word
        warn_renamed(old, new)
        return new + equals + value

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with errors_as_lines():
            return super().invoke(ctx)


class Late(NamedTuple):
    """A command that is imported when it is called.

    target: `module:attribute`
    help: its line in the list of commands, so that listing imports nothing
    """

    target: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class LateGroup(_Unfailing, click.Group):
    """A group of commands that are imported when they are called.

    late: name -> command, in the order of the help page
    """

    def __init__(self, *args: Any, late: Mapping[str, Late], **options: Any) -> None:
        options["context_settings"] = CONTEXT | options.get("context_settings", {})
        super().__init__(*args, **options)
        self._late = late

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of this name."""
        late = self._late.get(cmd_name)
        return late.load() if late else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, late.help) for name, late in self._late.items()])


class Size(click.ParamType[tuple[int, int]]):
    """Height and width in pixels: `640`, or `256x448`."""

    name = "HEIGHTxWIDTH"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return (height, width)."""
        sides = str(value).lower().split("x")
        if len(sides) > 2 or not all(side.isdecimal() for side in sides):
            self.fail(f"'{value}' is no size: give pixels as 640 or 256x448 (height x width)")
        return int(sides[0]), int(sides[-1])
