"""CVAT's XML 1.1, written so that its importer takes all of it.

The importer keeps only keyframes, so that every box is one. A visible run ends with a box that is
outside, in the next labelled frame: otherwise CVAT shows the object to the end of the video. That
frame must be in the task, so that a run up to the last frame has no such end. The first box of a
track is never outside. Attributes that the task does not have are left out by the importer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from xml.sax.saxutils import escape, quoteattr

from detector.labels.keyframes import by_track, majority_class, runs, step_of
from detector.labels.labelled import (
    DECIMALS,
    NO_TRACK,
    Attribute,
    LabelledBox,
    LabelledClip,
    Mark,
)

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cvat_xml(clip: LabelledClip, classes: Sequence[str]) -> bytes:
    """Return a clip as XML: that for video, or that for images if it is a folder of pictures."""
    writer = _Writer(clip, classes)
    body = writer.tracks() if clip.is_video else writer.images()
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n']
    parts += [*writer.meta(), *body, "</annotations>\n"]
    return "".join(parts).encode()


class _Writer:
    def __init__(self, clip: LabelledClip, classes: Sequence[str]) -> None:
        self._clip = clip
        self._classes = classes
        self._boxes = clip.boxes.rows()
        frames = clip.frames.tolist()
        step = step_of(frames)
        self._step = step or 1
        self._start = frames[0] if frames and step else 0
        self._stop = frames[-1] if frames and step else max(clip.frame_count - 1, 0)

    def meta(self) -> Iterator[str]:
        """Yield the description of the task."""
        clip = self._clip
        mode = "interpolation" if clip.is_video else "annotation"
        count = (self._stop - self._start) // self._step + 1
        yield "  <meta>\n    <task>\n"
        yield f"      <name>{_text(clip.name)}</name>\n"
        yield f"      <size>{count if clip.is_video else len(clip.frames)}</size>\n"
        yield f"      <mode>{mode}</mode>\n"
        yield f"      <overlap>0</overlap>\n      <subset>{_text(clip.split)}</subset>\n"
        yield f"      <start_frame>{self._start}</start_frame>\n"
        yield f"      <stop_frame>{self._stop}</stop_frame>\n"
        step = f"step={self._step}" if self._step > 1 else ""
        yield f"      <frame_filter>{step}</frame_filter>\n      <labels>\n"
        yield from self._labels()
        yield "      </labels>\n"
        if clip.size:
            height, width = clip.size
            yield f"      <original_size>\n        <width>{width}</width>\n"
            yield f"        <height>{height}</height>\n      </original_size>\n"
        yield "    </task>\n  </meta>\n"

    def _labels(self) -> Iterator[str]:
        names: dict[int, dict[str, None]] = {}
        for class_id, box in self._labelled():
            names.setdefault(class_id, {}).update(dict.fromkeys(self._attributes(box, class_id)))
        for k, name in enumerate(self._classes):
            yield f"        <label>\n          <name>{_text(name)}</name>\n"
            yield f"          <color>{_colour(name)}</color>\n          <attributes>\n"
            for attribute in names.get(k, {}):
                yield f"            <attribute>\n              <name>{_text(attribute)}</name>\n"
                yield "              <mutable>True</mutable>\n"
                yield "              <input_type>text</input_type>\n"
                yield "              <default_value></default_value>\n"
                yield "              <values></values>\n            </attribute>\n"
            yield "          </attributes>\n        </label>\n"

    def _labelled(self) -> Iterator[tuple[int, LabelledBox]]:
        """Yield each box with the label that it is written under."""
        tracks, alone = by_track(self._boxes)
        if not self._clip.is_video:
            tracks, alone = {}, self._boxes
        for boxes in [*tracks.values(), *([box] for box in alone)]:
            class_id = majority_class(boxes)
            yield from ((class_id, box) for box in boxes)

    def tracks(self) -> Iterator[str]:
        """Yield the tracks of a video; a box without identity is a track of one frame."""
        tracks, alone = by_track(self._boxes)
        free = max(tracks, default=-1) + 1
        for track, boxes in sorted(tracks.items()):
            yield from self._track(track, boxes)
        for k, box in enumerate(alone):
            yield from self._track(free + k, [box])

    def _track(self, number: int, boxes: Sequence[LabelledBox]) -> Iterator[str]:
        class_id = majority_class(boxes)
        source = "auto" if any(box.mark is not Mark.NONE for box in boxes) else "manual"
        label = _quoted(self._classes[class_id])
        yield f'  <track id="{number}" label={label} source="{source}">\n'
        for run in runs(boxes, self._step):
            for box in run:
                yield from self._box(box, class_id, self._video_place(box.frame, outside=False))
            after = run[-1].frame + self._step
            if after <= self._stop:
                yield from self._box(run[-1], class_id, self._video_place(after, outside=True))
        yield "  </track>\n"

    @staticmethod
    def _video_place(frame: int, *, outside: bool) -> str:
        return f'frame="{frame}" keyframe="1" outside="{int(outside)}"'

    def images(self) -> Iterator[str]:
        """Yield the pictures of a folder."""
        boxes: dict[int, list[LabelledBox]] = {}
        for box in self._boxes:
            boxes.setdefault(box.frame, []).append(box)
        for position, frame in enumerate(self._clip.frames.tolist()):
            name = _quoted(self._clip.file_of(position))
            size = self._clip.size_of(frame)
            shown = f' width="{size[1]}" height="{size[0]}"' if size else ""
            yield f'  <image id="{frame}" name={name}{shown}>\n'
            for box in boxes.get(frame, []):
                source = "manual" if box.mark is Mark.NONE else "auto"
                place = f'label={_quoted(self._classes[box.class_id])} source="{source}"'
                yield from self._box(box, box.class_id, place)
            yield "  </image>\n"

    def _box(self, box: LabelledBox, class_id: int, place: str) -> Iterator[str]:
        edges = zip(("xtl", "ytl", "xbr", "ybr"), box.box_xyxy, strict=True)
        shown = " ".join(f'{key}="{number(edge)}"' for key, edge in edges)
        yield f'    <box {place} occluded="{int(box.is_occluded)}" {shown} z_order="0">\n'
        for name, value in self._attributes(box, class_id).items():
            yield f"      <attribute name={_quoted(name)}>{_text(as_text(value))}</attribute>\n"
        yield "    </box>\n"

    def _attributes(self, box: LabelledBox, class_id: int) -> Mapping[str, Attribute]:
        """Return the attributes of a box, with the properties that CVAT has no place for.

        class_id: of the label that it is written under
        """
        found = dict(box.attributes)
        if box.score is not None:
            found["score"] = box.score
        if box.mark is not Mark.NONE:
            found["mark"] = box.mark.name.lower()
        if box.is_ignored:
            found["ignore"] = True
        if class_id != box.class_id:
            found["class"] = self._classes[box.class_id]
        if self._clip.is_video and box.track == NO_TRACK:
            found["track_id"] = "none"
        if not self._clip.is_video and box.track != NO_TRACK:
            found["track_id"] = box.track
        return found


def number(value: float) -> str:
    """Return a number of pixels without superfluous digits."""
    text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def as_text(value: Attribute) -> str:
    """Return the value of an attribute as CVAT writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(text: str) -> str:
    return escape(_ILLEGAL.sub("\ufffd", text), {"\r": "&#13;"})


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("\ufffd", text))


def _colour(name: str) -> str:
    return f"#{sha256(name.encode()).hexdigest()[:6]}"
