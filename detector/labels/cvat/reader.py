"""CVAT's XML 1.1, read: tracks of a video, or boxes of pictures."""

from __future__ import annotations

from collections.abc import Mapping

from detector.errors import UsageError
from detector.labels.cvat.shapes import (
    CvatImage,
    CvatShape,
    CvatTask,
    CvatTrack,
    edges_of,
    identity_of,
    last_frame_of,
)
from detector.labels.cvat.xml_events import parse_xml
from detector.labels.draft import (
    MAX_FRAME,
    ClipDraft,
    Properties,
    TrackNames,
    built_set,
    checked_box,
    checked_class,
    checked_frame,
)
from detector.labels.findings import Findings
from detector.labels.frame_names import frames_of_names
from detector.labels.keyframes import Keyframe, filled
from detector.labels.labelled import (
    LabelledBox,
    LabelledSet,
    Mark,
    safe_name,
)

SHAPES = ("box", "polygon")
OTHER_SHAPES = ("polyline", "points", "ellipse", "cuboid", "mask", "skeleton", "tag")


def read_cvat(data: bytes, where: str, name: str, split: str, findings: Findings) -> LabelledSet:
    """Return the labels in an XML of CVAT, for video or for images.

    Each task of a project is a clip. Frames between the keyframes of a track are filled as CVAT
    does. Polygons and rotated boxes become the boxes around them, which is noted.

    name: of the clip if the file has none; split: of all clips
    Raises UsageError if the file is no XML of CVAT. Wrong boxes are noted and left out.
    """
    document = _Document(where, findings)
    parse_xml(data, where, document)
    if not document.is_cvat:
        raise UsageError(f"{where}: not an XML of CVAT: 'annotations' is expected at the top")
    return document.labels(name, split)


class _Document:
    """Collects the elements of a document."""

    def __init__(self, where: str, findings: Findings) -> None:
        self.is_cvat = False
        self._where = where
        self._findings = findings
        self._classes: list[str] = []
        self._tasks: list[CvatTask] = []
        self._by_id: dict[str, CvatTask] = {}
        self._holder: CvatTrack | CvatImage | None = None
        self._shape: CvatShape | None = None
        self._attribute = ""

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], line: int) -> None:
        """Take the start of an element."""
        self.is_cvat = self.is_cvat or path == ("annotations",)
        tag = path[-1]
        if "meta" in path:
            if tag in ("task", "job"):
                self._tasks.append(CvatTask())
        elif tag in ("track", "image") and len(path) == 2:
            with self._findings.noted():
                self._open(tag, attributes, line)
        elif tag in SHAPES and self._holder:
            with self._findings.noted():
                self._open_shape(tag, attributes, line)
        elif tag in OTHER_SHAPES and len(path) == 3:
            self._findings.note(f"{self._where}: '{tag}' is not taken along: only boxes are")
        elif tag == "attribute":
            self._attribute = attributes.get("name", "")

    def end(self, path: tuple[str, ...], text: str, line: int) -> None:
        """Take the end of an element."""
        tag = path[-1]
        if "meta" in path:
            self._meta(path, text.strip(), line)
        elif tag in ("track", "image") and len(path) == 2:
            self._holder = None
        elif tag in SHAPES:
            self._shape = None
        elif tag == "attribute" and self._shape and self._attribute:
            self._shape.attributes[self._attribute] = text

    def labels(self, name: str, split: str) -> LabelledSet:
        """Return what was collected."""
        drafts = [self._draft(task, name, split) for task in self._tasks or [CvatTask()]]
        return built_set(self._classes, drafts, self._findings)

    def _meta(self, path: tuple[str, ...], text: str, line: int) -> None:
        tag, parent = path[-1], path[-2] if len(path) > 1 else ""
        if path[-3:] == ("labels", "label", "name"):
            with self._findings.noted():
                self._class_id(text, line)
        elif self._tasks and (parent in ("task", "job", "original_size")):
            self._tasks[-1].facts[tag] = text
            if tag == "id":
                self._by_id[text] = self._tasks[-1]

    def _place(self, line: int) -> str:
        return f"{self._where}:{line}"

    def _class_id(self, name: object, line: int) -> int:
        known = checked_class(self._place(line), name)
        if known not in self._classes:
            self._classes.append(known)
        return self._classes.index(known)

    def _open(self, tag: str, given: Mapping[str, str], line: int) -> None:
        task = self._by_id.get(given.get("task_id", ""))
        if task is None:
            self._tasks = self._tasks or [CvatTask()]
            task = self._tasks[0]
        if tag == "track":
            track = CvatTrack(given.get("id", ""), self._class_id(given.get("label"), line), line)
            task.tracks.append(track)
            self._holder = track
        else:
            frame = checked_frame(f"{self._place(line)}: image id", given.get("id"))
            image = CvatImage(frame, given, line)
            task.images.append(image)
            self._holder = image

    def _open_shape(self, tag: str, given: Mapping[str, str], line: int) -> None:
        assert self._holder is not None
        self._shape = None
        if isinstance(self._holder, CvatTrack):
            class_id = self._holder.class_id
        else:
            class_id = self._class_id(given.get("label"), line)
        self._shape = CvatShape(tag, given, class_id, line)
        self._holder.shapes.append(self._shape)

    def _draft(self, task: CvatTask, name: str, split: str) -> ClipDraft:
        if named := frames_of_names([image.given.get("name", "") for image in task.images]):
            for image, frame in zip(task.images, named, strict=True):
                image.frame = frame  # pictures of a video are numbered anew by CVAT
        is_video = bool(task.tracks or named) or not task.images
        split = safe_name(task.facts["subset"]) if task.facts.get("subset") else split
        title = task.facts.get("name", "")
        draft = ClipDraft(safe_name(title) if title else name, is_video=is_video, split=split)
        width, height = task.number("width"), task.number("height")
        draft.size = (height, width) if width and height else None
        self._add_frames(draft, task)
        tracks = TrackNames()
        shapes = [shape for image in task.images for shape in image.shapes]
        stated = [str(s.attributes.get("track_id", "")) for s in shapes]
        for track in task.tracks:
            stated.append(identity_of(track))
        tracks.reserve(stated)
        for image in task.images:
            for shape in image.shapes:
                with self._findings.noted():
                    draft.rows.append(self._row(shape, image.frame, tracks, is_key=True))
        last = max([*draft.frames, *(last_frame_of(track) for track in task.tracks)], default=0)
        for track in task.tracks:
            draft.rows += filled(self._keyframes(track, tracks), last, task.step)
        return draft

    def _add_frames(self, draft: ClipDraft, task: CvatTask) -> None:
        start, stop, count = (task.number(key) for key in ("start_frame", "stop_frame", "size"))
        first = start or 0
        if stop is None and count:
            stop = first + (count - 1) * task.step
        if draft.is_video and stop is not None and first <= stop <= MAX_FRAME and not task.images:
            draft.frames.update(range(first, stop + 1, task.step))
            draft.frame_count = stop + 1
        for image in task.images:
            width, height = image.given.get("width", ""), image.given.get("height", "")
            if image.frame in draft.files:
                self._findings.add(f"{self._place(image.line)}: image {image.frame} occurs twice")
            draft.frames.add(image.frame)
            draft.files[image.frame] = image.given.get("name", "") or f"{image.frame}"
            if width.isdecimal() and height.isdecimal() and int(width) and int(height):
                draft.sizes[image.frame] = int(height), int(width)

    def _keyframes(self, track: CvatTrack, tracks: TrackNames) -> list[Keyframe]:
        found: dict[int, Keyframe] = {}
        last = -1
        for shape in track.shapes:
            place = self._place(shape.line)
            with self._findings.noted():
                frame = checked_frame(place, shape.given.get("frame"))
                outside = shape.given.get("outside") == "1"
                is_key = shape.given.get("keyframe", "1") == "1"
                row = self._row(shape, frame, tracks, is_key=is_key, track=identity_of(track))
                if frame in found:
                    raise UsageError(f"{place}: track {track.id} has frame {frame} twice")
                if frame < last:
                    self._findings.add(
                        f"{place}: frame {frame} of track {track.id} comes after frame {last}: "
                        "frames must increase"
                    )
                last = frame
                found[frame] = Keyframe(row, visible=not outside)
        return [found[frame] for frame in sorted(found)]

    def _row(
        self, shape: CvatShape, frame: int, tracks: TrackNames, *, is_key: bool, track: str = ""
    ) -> LabelledBox:
        place = self._place(shape.line)
        box = checked_box(place, *edges_of(shape, place, self._where, self._findings))
        properties = Properties(shape.attributes)
        identity = properties.take("track_id")
        number = tracks.number(track if track or identity is None else identity)
        other = properties.take("class")
        class_id = shape.class_id if other is None else self._class_id(other, shape.line)
        mark, score = properties.mark(), properties.score()
        if not is_key:  # its attributes are copies of those of the keyframe before it
            mark, score = Mark.INTERPOLATED, None
        return LabelledBox(
            frame,
            tuple(box),
            class_id,
            number,
            score,
            mark or Mark.NONE,
            shape.given.get("occluded") == "1",
            properties.flag("ignore"),
            properties.rest,
        )
