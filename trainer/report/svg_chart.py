"""Line charts as SVG, for embedding in a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 480, 260  # of a chart, pixels
LEFT, TOP, RIGHT, BOTTOM = 64, 12, 100, 36  # margins; the right one has the legend
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#0f7b8a", "#bf3989", "#57606a")
TICKS = 5  # approximate number on an axis
MAX_POINTS = 400  # per line; more are not visible

Line = tuple[Sequence[float], Sequence[float]]  # x, y


def chart(lines: Mapping[str, Line], x_name: str, y_name: str, *, unit: bool = False) -> str:
    """Return an SVG chart of named lines; HTML text if there is no line with points.

    Only the first lines are drawn, as many as there are colours; lines without points are left out.
    unit: both axes span 0 to 1. Otherwise they span the values, the y axis with 0
    """
    non_empty = [(name, line) for name, line in lines.items() if len(line[0])]
    drawn = dict(non_empty[: len(COLOURS)])
    if not drawn:
        return "<p>nothing to draw</p>"
    xs = np.concatenate([np.asarray(x) for x, _ in drawn.values()])
    ys = np.concatenate([np.asarray(y) for _, y in drawn.values()])
    x_range = (0.0, 1.0) if unit else _range(xs)
    y_range = (0.0, 1.0) if unit else (min(0.0, float(ys.min())), _range(ys)[1])
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(y_name)} over {escape(x_name)}">',
        *_axes(x_range, y_range, x_name, y_name),
    ]
    for number, (name, (x, y)) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_line(np.asarray(x), np.asarray(y), x_range, y_range, colour))
        parts.append(
            f'<text x="{WIDTH - RIGHT + 8}" y="{TOP + 10 + 15 * number}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return "\n".join([*parts, "</svg>"])


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def _axes(
    x_range: tuple[float, float], y_range: tuple[float, float], x_name: str, y_name: str
) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#8c959f"/>']
    for value in ticks(*y_range):
        y = bottom - (value - y_range[0]) / (y_range[1] - y_range[0]) * (bottom - TOP)
        parts += [
            f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#8c959f" stroke-opacity="0.25"/>',
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>',
        ]
    for value in ticks(*x_range):
        x = LEFT + (value - x_range[0]) / (x_range[1] - x_range[0]) * (right - LEFT)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{value:.3g}</text>')
    parts.append(
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x_name)}</text>"
    )
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text x="12" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle})">{escape(y_name)}</text>'
    )
    return parts


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers in a range for the ticks of an axis: multiples of 1, 2 or 5 x 10^n."""
    min_step = (high - low) / TICKS
    power: float = 10.0 ** math.floor(math.log10(min_step))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power > 0.999 * min_step)
    first, last = math.ceil(low / step - 0.001), math.floor(high / step + 0.001)
    return [number * step for number in range(first, last + 1)]


def _line(
    x: np.ndarray,
    y: np.ndarray,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    colour: str,
) -> str:
    shown = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_POINTS)).round().astype(int))
    across = LEFT + (x[shown] - x_range[0]) / (x_range[1] - x_range[0]) * (WIDTH - LEFT - RIGHT)
    part = (y[shown] - y_range[0]) / (y_range[1] - y_range[0])
    up = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
    if len(shown) == 1:
        return f'<circle cx="{across[0]:.1f}" cy="{up[0]:.1f}" r="3" fill="{colour}"/>'
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
