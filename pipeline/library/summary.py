"""The results of a run over a library, in words: on the terminal, and as a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.html_page import Page
from detector.terminal import printable
from pipeline.library.tally import Fate, Result, Tally

MAX_LINES = 20  # of recordings that failed, on the terminal; the page has them all
SLOWEST = 20


def summary(tally: Tally, seconds: float) -> str:
    """Return the end of a run as text: counts that add up, speed, what failed."""
    lines = [f"{_files(tally.total)}: {counts(tally)}", _speed(tally, seconds)]
    trouble = _trouble(tally)
    for result in trouble[:MAX_LINES]:
        lines.append(printable(f"{result.task.recording.shown}: {explained(result)}"))
    if len(trouble) > MAX_LINES:
        lines.append(f"... and {len(trouble) - MAX_LINES} more, all in the report")
    return "\n".join(lines)


def counts(tally: Tally) -> str:
    """Return how many recordings have each fate; the numbers add up to those with a result."""
    return ", ".join(f"{tally.counts[fate]} {fate.value}" for fate in Fate)


def explained(result: Result) -> str:
    """Return what is wrong with a recording, in a line."""
    earlier = " in an earlier run" if result.earlier else ""
    if result.fate in (Fate.FAILED, Fate.QUARANTINED):
        return f"{result.fate.value}{earlier}: {result.reason}"
    return f"damaged: {'; '.join(result.faults)}"


def exit_code(tally: Tally, *, cancelled: bool) -> int:
    """Return 0 if all recordings are done and undamaged, or a stop was asked for; else 1."""
    return int(cancelled or any(result.is_trouble for result in tally.results.values()))


def write_report(path: Path, tally: Tally, seconds: float) -> None:
    """Write the page with totals, slowest recordings and failures; raises UsageError."""
    page = Page("Library")
    page.heading("Totals")
    page.paragraph(_speed(tally, seconds))
    page.table(
        "Recordings",
        ["fate", "recordings"],
        [*([fate.value, str(tally.counts[fate])] for fate in Fate), ["all", str(tally.total)]],
    )
    trouble = _trouble(tally)
    for heading, fate, caption in (
        ("Failed", Fate.FAILED, "Why nothing was written"),
        ("Set aside", Fate.QUARANTINED, "Their worker died each time"),
    ):
        if rows := [_row(result) for result in trouble if result.fate is fate]:
            page.heading(heading)
            page.table(caption, ["recording", "reason", "when"], rows)
    if damaged := [_row(result) for result in trouble if result.faults]:
        page.heading("Damaged")
        page.table("Done as far as they can be read", ["recording", "damage", "when"], damaged)
    if slowest := list(_slowest(tally)):
        page.heading("Slowest")
        page.table("Of this run", ["recording", "seconds", "frames", "frames/s"], slowest)
    page.write(path)


def _row(result: Result) -> list[str]:
    why = result.reason or "; ".join(result.faults)
    return [_name(result), printable(why), "in an earlier run" if result.earlier else "now"]


def _name(result: Result) -> str:
    return printable(result.task.recording.shown)


def _slowest(tally: Tally) -> Iterator[list[str]]:
    done = [each for each in tally.results.values() if each.fate is Fate.DONE]
    for each in sorted(done, key=lambda result: -result.seconds)[:SLOWEST]:
        speed = each.frames / each.seconds if each.seconds else 0.0
        yield [_name(each), f"{each.seconds:.1f}", str(each.frames), f"{speed:.1f}"]


def _trouble(tally: Tally) -> list[Result]:
    return [result for result in tally.results.values() if result.is_trouble]


def _speed(tally: Tally, seconds: float) -> str:
    speed = f", {tally.frames / seconds:.1f} frames/s" if tally.frames and seconds else ""
    return f"{tally.frames} frames in {seconds:.1f} s{speed}"


def _files(count: int) -> str:
    return "1 recording" if count == 1 else f"{count} recordings"
