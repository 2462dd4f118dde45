"""Uploads, compute and downloads in a trace of a GPU, and how they overlap."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

COPIES = {"HtoD": "upload", "DtoH": "download"}  # part of a copy's name -> its kind


class Span(NamedTuple):
    """An operation on a stream of the GPU, in microseconds."""

    start: float
    end: float
    stream: int


def read_trace(path: Path) -> dict[str, list[Span]]:
    """Return the uploads, computations and downloads in a trace exported by torch's profiler."""
    events = json.loads(path.read_text())["traceEvents"]
    spans: dict[str, list[Span]] = {"upload": [], "compute": [], "download": []}
    for event in events:
        if (kind := _kind(event)) is not None:
            start = float(event["ts"])
            spans[kind].append(Span(start, start + event["dur"], event["args"]["stream"]))
    return spans


def beside(spans: Iterable[Span], others: Sequence[Span]) -> float:
    """Return the share of the time of `spans` in which one of `others` runs on another stream."""
    total = shared = 0.0
    by_stream: dict[int, list[Span]] = {}
    for span in spans:
        if span.stream not in by_stream:
            by_stream[span.stream] = _merged(o for o in others if o.stream != span.stream)
        total += span.end - span.start
        shared += _covered(span, by_stream[span.stream])
    return shared / total if total else 0.0


def _kind(event: Mapping[str, Any]) -> str | None:
    if event.get("cat") == "kernel":
        return "compute"
    if event.get("cat") != "gpu_memcpy":
        return None
    return next((kind for part, kind in COPIES.items() if part in event["name"]), None)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return the union of the spans, as disjoint spans in order."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _covered(span: Span, merged: Sequence[Span]) -> float:
    """Return how much of `span` the merged spans cover."""
    first = max(bisect_left(merged, span.start, key=lambda other: other.start) - 1, 0)
    covered = 0.0
    for other in merged[first:]:
        if other.start >= span.end:
            break
        covered += max(0.0, min(span.end, other.end) - max(span.start, other.start))
    return covered
