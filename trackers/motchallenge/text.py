"""Reading and writing of MOTChallenge text: one box per line, frames counted from 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Int64Array
from detector.errors import UsageError
from detector.text_file import read_text
from trackers.tracks import Tracks, TrackState

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_FRAME = 10_000_000  # four days at 30 frames per second; arrays are as long as a sequence
MAX_PIXELS = 1e7  # so that areas are exact
MAX_SHOWN = 100  # characters of a line in a message


class Origin(IntEnum):
    """How a box of a result was obtained: column 9."""

    TRACKED = -1  # seen, as the tracker returned it
    PREDICTED = 0  # not seen, predicted by the tracker
    SMOOTHED = 1  # seen, smoothed afterwards
    INTERPOLATED = 2  # not seen, interpolated between two boxes that were
    LINKED = 3  # of two tracks that were joined, or seen only by a tracker that went backwards


def mot_lines(index: int, tracks: Tracks, origins: Int64Array | None = None) -> str:
    """Return the confirmed tracks of the frame at `index` (from 0), one line each.

    origins: of refined tracks, which are all confirmed
    A line is `index+1,id,x,y,w,h,score,class,-1,-1`: top left corner and size in source pixels,
    the position of the class in the manifest. Without confirmed tracks the text is empty.
    """
    result = MotResult.of([(index + 1, tracks.confirmed)])
    return (result if origins is None else MotResult(result.rows, origins)).text()


@dataclass(frozen=True, slots=True)
class MotRows:
    """The boxes of one sequence: ground truth, detections or results, in the order of frames.

    frames: (n,) int64, from 1
    ids: (n,) int64, -1 for a box without identity
    boxes_xyxy: (n, 4) float64, source pixels
    scores: (n,) float64, column 7: the confidence; in ground truth, 0 excludes a box
    class_ids: (n,) int64
    """

    frames: Int64Array
    ids: Int64Array
    boxes_xyxy: Float64Array
    scores: Float64Array
    class_ids: Int64Array

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return f"MotRows(n={len(self.frames)}, frames={len(np.unique(self.frames))})"

    def __getitem__(self, chosen: BoolArray | Int64Array | slice) -> MotRows:
        """Return the chosen rows, by mask, positions or slice."""
        return MotRows(
            self.frames[chosen],
            self.ids[chosen],
            self.boxes_xyxy[chosen],
            self.scores[chosen],
            self.class_ids[chosen],
        )

    @classmethod
    def concatenated(cls, parts: Sequence[MotRows]) -> MotRows:
        """Return the rows of all parts, one after the other; at least one part."""
        columns = ("frames", "ids", "boxes_xyxy", "scores", "class_ids")
        return cls(*(np.concatenate([getattr(part, c) for part in parts]) for c in columns))

    @property
    def last_frame(self) -> int:
        """The last frame with a box, 0 without boxes."""
        return int(self.frames[-1]) if len(self) else 0

    def slice_of(self, frame: int) -> slice:
        """Return the positions of the rows of one frame."""
        return slice(*np.searchsorted(self.frames, (frame, frame + 1)).tolist())

    def at(self, frame: int) -> MotRows:
        """Return the rows of one frame."""
        return self[self.slice_of(frame)]

    def among(self, frames: Int64Array) -> MotRows:
        """Return the rows of these frames."""
        return self[np.isin(self.frames, frames)]

    def detections(self) -> Detections:
        """Return the boxes as Detections, without frames and ids."""
        return Detections(
            self.boxes_xyxy.astype(np.float32), self.scores.astype(np.float32), self.class_ids
        )


@dataclass(frozen=True, slots=True)
class MotResult:
    """The tracks of a sequence, ready to be written.

    origins: (n,) int64, the Origin of each box
    """

    rows: MotRows
    origins: Int64Array

    @classmethod
    def of(cls, tracked: Iterable[tuple[int, Tracks]]) -> MotResult:
        """Return the confirmed and lost tracks of frames (from 1, increasing)."""
        frames, seen = [np.zeros(0, np.int64)], [Tracks.untracked(Detections.empty())]
        for frame, tracks in tracked:
            seen.append(tracks[tracks.states != TrackState.TENTATIVE])
            frames.append(np.full(len(seen[-1]), frame))
        states = np.concatenate([tracks.states for tracks in seen])
        rows = MotRows(
            np.concatenate(frames),
            np.concatenate([tracks.ids for tracks in seen]),
            np.concatenate([tracks.boxes_xyxy for tracks in seen]).astype(np.float64),
            np.concatenate([tracks.scores for tracks in seen]).astype(np.float64),
            np.concatenate([tracks.class_ids for tracks in seen]),
        )
        lost = states == TrackState.LOST
        return cls(rows, np.where(lost, Origin.PREDICTED, Origin.TRACKED))

    def text(self) -> str:
        """Return a line per box: `frame,id,x,y,w,h,score,class,origin,-1`."""
        rows = self.rows
        corners, sizes = rows.boxes_xyxy[:, :2], rows.boxes_xyxy[:, 2:] - rows.boxes_xyxy[:, :2]
        columns = (rows.frames, rows.ids, *corners.T, *sizes.T, rows.scores, rows.class_ids)
        values = (column.tolist() for column in (*columns, self.origins))
        return "".join(
            f"{frame},{i},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.4f},{c},{origin},-1\n"
            for frame, i, x, y, w, h, score, c, origin in zip(*values, strict=True)
        )


def joined(results: Sequence[MotResult]) -> MotResult:
    """Return results of scenes that follow each other as one, with identities that go on."""
    parts, offset = [MotResult.of([]), *results], 0
    rows = []
    for part in parts:
        rows.append(replace(part.rows, ids=part.rows.ids + offset))
        offset = max(offset, int(rows[-1].ids.max(initial=0)))
    origins = np.concatenate([part.origins for part in parts])
    return MotResult(MotRows.concatenated(rows), origins)


def read_mot(path: Path, *, with_classes: bool) -> MotRows:
    """Return the rows of a MOTChallenge text: `frame,id,x,y,w,h,score[,class...]`.

    with_classes: whether column 8 is a class; otherwise all classes are 0 (detection files and
        MOT15 have no classes: column 8 is a world coordinate or -1)
    Raises UsageError, with file and line, for a row that is not accepted.
    """
    line_numbers, values = read_numbers(path, columns=8 if with_classes else 7)
    frames, ids, classes = (_whole(values[:, column]) for column in (0, 1, -1))
    if not with_classes:
        classes = np.zeros_like(frames)
    _check_rows(path, line_numbers, values, frames, ids, classes)
    corners = values[:, 2:4]
    boxes = np.concatenate((corners, corners + values[:, 4:6]), axis=1)
    order = np.argsort(frames, kind="stable")
    return MotRows(frames[order], ids[order], boxes[order], values[order, 6], classes[order])


def _check_rows(
    path: Path,
    line_numbers: Int64Array,
    values: Float64Array,
    frames: Int64Array,
    ids: Int64Array,
    classes: Int64Array,
) -> None:
    """Raise UsageError, with the line and the given values, if a row is not accepted."""
    sizes, box = values[:, 4:6], values[:, 2:6]
    for wrong, given, where, remedy in (
        (
            (frames < 1) | (frames > MAX_FRAME),
            values[:, :1],
            "column 1, the frame",
            f"give a whole number from 1 to {MAX_FRAME}",
        ),
        (
            ids < -1,
            values[:, 1:2],
            "column 2, the id",
            "give a whole number from 0, or -1 for a box without identity",
        ),
        (
            (sizes < 0).any(axis=1),
            sizes,
            "columns 5 and 6, width and height",
            "give numbers from 0",
        ),
        (
            (np.abs(box) > MAX_PIXELS).any(axis=1),
            box,
            "columns 3 to 6, the box",
            f"give pixels, from -{MAX_PIXELS:g} to {MAX_PIXELS:g}",
        ),
        (classes < 0, values[:, -1:], "column 8, the class", "give a whole number from 0"),
        (
            _repeated(frames, ids),
            values[:, :2],
            "columns 1 and 2, frame and id",
            "give each id once in a frame",
        ),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            shown_values = ", ".join(f"{value:.15g}" for value in given[row])
            raise UsageError(
                f"{path}:{line_numbers[row]}: {shown_values} given in {where}: {remedy}"
            )


def read_columns(path: Path) -> list[set[str]]:
    """Return the values of each comma-separated column, as text, of the lines that are not empty.

    Columns beyond those of the shortest line are left out.
    """
    rows = [[v.strip() for v in line.split(",")] for _, line in _lines(path)]
    return [set(column) for column in zip(*rows, strict=False)]


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return number and text of the lines that are not empty."""
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error}") from error
    return [(k, line) for k, line in enumerate(lines, start=1) if line.strip()]


def read_numbers(
    path: Path, *, columns: int, separator: str = ","
) -> tuple[Int64Array, Float64Array]:
    """Return line numbers (n,) and the first `columns` values (n, columns) of a text.

    separator: a regular expression; any but "," is described to the user as commas or spaces
    Empty lines are skipped. Raises UsageError, with file and line, for a row with too few columns,
    or with anything but finite numbers.
    """
    rows, accepted = _lines(path), "commas" if separator == "," else "commas or spaces"
    values = np.empty((len(rows), columns))
    for row, (k, line) in zip(values, rows, strict=True):
        try:
            row[:] = np.fromiter(map(float, re.split(separator, line.strip())), float, columns)
        except ValueError as error:
            raise UsageError(
                f"{path}:{k}: {shown(line)} given: a line begins with {columns} numbers, "
                f"separated by {accepted}: correct it or remove it"
            ) from error
        if not np.isfinite(row).all():
            raise UsageError(
                f"{path}:{k}: {shown(line)} given: the first {columns} numbers must be finite: "
                "correct the line or remove it"
            )
    return np.array([k for k, _ in rows], np.int64), values


def shown(line: str) -> str:
    """Return a line of a file for a message: quoted, escaped, and cut off if it is long."""
    return repr(line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]}...")


def _whole(values: Float64Array) -> Int64Array:
    """Return values as integers; one that is not a 32-bit integer becomes a refused value."""
    limits = np.iinfo(np.int32)
    whole = (values == np.rint(values)) & (abs(values) <= limits.max)
    return np.where(whole, values, limits.min).astype(np.int64)


def _repeated(frames: Int64Array, ids: Int64Array) -> BoolArray:
    pairs = np.stack((frames, ids), axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    repeated = ids >= 0
    repeated[first] = False
    return repeated
