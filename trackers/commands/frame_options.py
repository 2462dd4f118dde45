"""The options that choose frames: the same for tracking and for scoring."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from trackers.motchallenge.frame_choice import FrameChoice

Function = TypeVar("Function", bound=Callable[..., Any])


def frame_options(function: Function) -> Function:
    """Add the options that choose frames."""
    for option in (
        click.option(
            "--seed", type=int, default=0, show_default=True, help="Random seed for --drop."
        ),
        click.option(
            "--drop",
            type=click.FloatRange(0, 1, max_open=True),
            default=0.0,
            show_default=True,
            help="Leave out this fraction of the frames, chosen at random.",
        ),
        click.option(
            "--keep-every",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Use every k-th frame only.",
        ),
        click.option(
            "--frames",
            "ranges",
            multiple=True,
            metavar="[NAME=]A-B",
            help="Use only frames A to B, counted from 1, both included. NAME=A-B: of one "
            "sequence; may be repeated.",
        ),
    ):
        function = option(function)
    return function


def frame_choice(ranges: tuple[str, ...], keep_every: int, drop: float, seed: int) -> FrameChoice:
    """Return the choice that the options describe."""
    from trackers.motchallenge.frame_choice import FrameChoice, read_ranges

    return FrameChoice(read_ranges(ranges), keep_every, drop, seed)
