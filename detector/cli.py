"""What the commands of all packages have in common. Imports nothing that is slow."""

from __future__ import annotations

import sys

import click

from detector.errors import FramelaneError, UsageError


class Commands(click.Group):
    """A group whose failures are a line for the user: exit 2 for a wrong option, else 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except FramelaneError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(2 if isinstance(error, UsageError) else 1)


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
