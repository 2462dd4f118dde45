"""Sets of labels for tests, and what each format can say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from detector.labels.draft import ClipDraft, built_set
from detector.labels.findings import Findings
from detector.labels.formats import Format
from detector.labels.labelled import (
    NO_TRACK,
    LabelledBox,
    LabelledClip,
    LabelledSet,
    Mark,
)

NAMES = {  # ending of a file of each format
    Format.COCO: "a.coco.json",
    Format.CVAT: "a.cvat.xml",
    Format.YOLO: "a.yolo.zip",
    Format.YOLO_TRACK: "a.yolo-track.zip",
    Format.LABEL_STUDIO: "a.labelstudio.json",
    Format.MOT: "a.mot.zip",
}
SAYS = {  # which properties of a box each format keeps
    Format.COCO: {"track", "score", "mark", "occluded", "ignored", "attributes", "beyond"},
    Format.CVAT: {"track", "score", "mark", "occluded", "ignored", "attributes", "beyond"},
    Format.LABEL_STUDIO: {"track", "score", "mark", "occluded", "ignored", "attributes", "beyond"},
    Format.YOLO: set[str](),
    Format.YOLO_TRACK: {"track"},
    Format.MOT: {"track", "ignored", "beyond"},
}


def street(data: Path, limit: int | None = None) -> LabelledSet:
    """Return the truth of the street clips, read with plain Python."""
    folder = data / "street"
    classes = (folder / "classes.txt").read_text().split()
    rates = {"person": Fraction(12), "car-d": Fraction(25, 2), "one-b": Fraction(10)}
    counts = {"person": 459, "car-d": 377, "one-b": 1394}
    drafts = []
    for file in sorted((folder / "gt").glob("*.txt")):
        key = next(each for each in rates if file.stem.startswith(each))
        draft = ClipDraft(file.stem, size=(432, 768), frame_rate=rates[key])
        draft.frame_count = min(counts[key], limit or 10**9)
        draft.frames.update(range(draft.frame_count))
        for line in file.read_text().splitlines():
            frame, track, x, y, w, h, _, class_id, seen = map(float, line.split(","))
            if frame <= draft.frame_count:
                box = (x, y, x + w, y + h)
                attributes = {"visibility": seen}
                row = LabelledBox(int(frame) - 1, box, int(class_id), int(track))
                draft.rows.append(replace(row, attributes=attributes))
        drafts.append(draft)
    findings = Findings()
    found = built_set(classes, drafts, findings)
    assert not findings.lines
    return found


ALPHABET = "aZ9 _-.,:;/\\'\"<>&%#{}[]äßŁжΩ漢字ع🚗\u0301"
TEXT = st.text(ALPHABET, min_size=1, max_size=8).filter(lambda text: text == text.strip())


@st.composite
def clips(draw: st.DrawFn, n_classes: int, name: str, *, video: bool) -> ClipDraft:
    """Return a small clip: odd sizes, gaps in tracks, boxes at and beyond the edges."""
    size = draw(st.tuples(st.integers(1, 1500), st.integers(1, 2500)))
    step = draw(st.sampled_from([1, 1, 3])) if video else 1
    count = draw(st.integers(1, 9))
    rate = draw(st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(10)]))
    draft = ClipDraft(name, size=size, is_video=video, frame_rate=rate if video else None)
    draft.frames = set(range(0, count * step, step))
    draft.frame_count = (count - 1) * step + 1
    if not video:
        draft.files = {k: f"{name}-{k:03}.jpg" for k in range(count)}
        draft.sizes = dict.fromkeys(range(count), size)
    taken = set()
    for frame in sorted(draft.frames):
        for _ in range(draw(st.integers(0, 3))):
            track = draw(st.integers(NO_TRACK, 4))
            if (frame, track) in taken and track != NO_TRACK:
                continue
            taken.add((frame, track))
            draft.rows.append(draw(boxes(frame, track, n_classes, size)))
    return draft


@st.composite
def boxes(
    draw: st.DrawFn, frame: int, track: int, n_classes: int, size: tuple[int, int]
) -> LabelledBox:
    """Return a box, which may reach beyond the frame."""
    edges = []
    for side in (size[1], size[0]):
        grid = st.integers(-200, side * 1000 + 200)
        low, high = sorted(draw(st.lists(grid, min_size=2, max_size=2, unique=True)))
        edges.append((low / 1000, high / 1000))
    (left, right), (top, bottom) = edges
    attributes = draw(st.dictionaries(TEXT.filter(_is_free), TEXT, max_size=1))
    return LabelledBox(
        frame,
        (left, top, right, bottom),
        draw(st.integers(0, n_classes - 1)),
        track,
        draw(st.none() | st.sampled_from([0.0, 0.25, 0.8765, 1.0])),
        draw(st.sampled_from(Mark)),
        draw(st.booleans()),
        draw(st.booleans()),
        attributes,
    )


def _is_free(name: str) -> bool:
    ours = {"score", "mark", "ignore", "class", "track_id", "occluded", "outside", "keyframe"}
    return name not in ours


@st.composite
def labelled_sets(draw: st.DrawFn, *, video: bool = True) -> LabelledSet:
    """Return a set of one or two clips with classes of any language."""
    classes = draw(st.lists(TEXT, min_size=1, max_size=6, unique=True))
    names = draw(st.lists(st.sampled_from(["door", "Hof 2", "東京"]), min_size=1, unique=True))
    drafts = [draw(clips(len(classes), name, video=video)) for name in names[:2]]
    findings = Findings()
    found = built_set(classes, drafts, findings)
    assert not findings.lines
    return found


def said(labels: LabelledSet, *formats: Format) -> dict[str, Any]:
    """Return what all of these formats can say of some labels, in a form that can be compared."""
    says = set.intersection(*(SAYS[each] for each in formats))
    return {clip.name: _clip(clip, labels.classes, says, formats) for clip in labels.clips}


def _clip(
    clip: LabelledClip, classes: Sequence[str], says: set[str], formats: Sequence[Format]
) -> Mapping[str, Any]:
    rows = []
    for row in clip.boxes.rows():
        edges = row.box_xyxy
        if "beyond" not in says:
            height, width = clip.size_of(row.frame) or (0, 0)
            left, top, right, bottom = edges
            edges = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
            if edges[0] >= edges[2] or edges[1] >= edges[3]:
                continue
        if row.is_ignored and "ignored" not in says:
            continue  # such a format leaves these boxes out
        said = {
            "frame": row.frame,
            "class": classes[row.class_id],
            "box": tuple(round(float(edge), 5) for edge in edges),
            "track": row.track if "track" in says else None,
            "score": row.score if "score" in says else None,
            "mark": row.mark if "mark" in says else None,
            "occluded": row.is_occluded if "occluded" in says else None,
            "ignored": row.is_ignored if "ignored" in says else None,
            "attributes": sorted((k, str(v)) for k, v in row.attributes.items())
            if "attributes" in says
            else None,
        }
        rows.append(said)
    with_frames = Format.MOT not in formats  # in which all frames are labelled
    return {
        "boxes": sorted(rows, key=str),
        "frames": clip.frames.tolist() if with_frames else None,
        "size": clip.size,
    }
