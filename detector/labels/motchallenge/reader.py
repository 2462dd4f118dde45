"""MOTChallenge's ground truth: NAME/gt/gt.txt and NAME/seqinfo.ini, read and written.

A line is `frame,id,x,y,w,h,counts,class,visibility`. Frames and classes count from 1; the names of
the classes are in gt/labels.txt, one a line, where CVAT has them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from configparser import ConfigParser
from configparser import Error as IniError
from fractions import Fraction
from math import isfinite
from pathlib import PurePosixPath

from detector.errors import UsageError
from detector.image_suffixes import is_image
from detector.labels.draft import (
    MAX_TRACK,
    ClipDraft,
    built_set,
    checked_box,
    checked_class,
    checked_frame,
)
from detector.labels.findings import Findings
from detector.labels.label_files import LabelFiles
from detector.labels.labelled import (
    Attribute,
    LabelledBox,
    LabelledSet,
    Size,
    safe_name,
)
from detector.text_file import decoded

GT = "gt/gt.txt"
CLASSES = (  # of MOT16, MOT17 and MOT20, from 1
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
    "crowd",
)
ALONE = "pedestrian"  # of MOT15, which has no classes
SPLITS = ("train", "test", "val")
VISIBILITY = "visibility"


def read_mot_labels(
    files: LabelFiles, name: str, size: Size | None, findings: Findings
) -> LabelledSet:
    """Return the ground truth of all sequences in a folder or zip.

    Also read is a folder with gt/NAME.txt and classes.txt, where classes count from 0. Columns
    behind the seventh may be missing; the class -1 means that there are none.

    name: of a sequence that is in no folder of its own; size: of frames without seqinfo.ini
    Wrong lines are noted and left out.
    """
    own = [file for file in files.names if file == GT or file.endswith(f"/{GT}")]
    if own:
        reader = _Reader(files, findings, first_class=1)
        drafts = [reader.sequence(file, name, size) for file in own]
    else:
        reader = _Reader(files, findings, first_class=0)
        found = [f for f in files.names if PurePosixPath(f).match("gt/*.txt")]
        if any(file.startswith("ignore/") for file in files.names):
            findings.note(f"{files.path}: the regions in 'ignore' are not taken along")
        drafts = [reader.file(file, PurePosixPath(file).stem, size) for file in found]
    return built_set(reader.classes, drafts, findings)


class _Reader:
    def __init__(self, files: LabelFiles, findings: Findings, first_class: int) -> None:
        self.classes: list[str] = []
        self._files = files
        self._findings = findings
        self._first = first_class

    def sequence(self, file: str, name: str, size: Size | None) -> ClipDraft:
        """Return a sequence in MOTChallenge's layout."""
        folder = posixpath.dirname(posixpath.dirname(file))
        draft = self.file(file, safe_name(posixpath.basename(folder)) if folder else name, size)
        split = posixpath.basename(posixpath.dirname(folder))
        draft.split = split if split in SPLITS else ""
        info = posixpath.join(folder, "seqinfo.ini")
        if info in self._files.names:
            self._describe(draft, info, size)
        self._name_files(draft, posixpath.join(folder, "img1/"))
        if draft.frame_count:
            draft.frames.update(range(draft.frame_count))
        return draft

    def file(self, file: str, name: str, size: Size | None) -> ClipDraft:
        """Return the sequence of a file of labels; its frames are those up to the last box."""
        draft, where = ClipDraft(name, size=size), self._files.where(file)
        names = self._names(file)
        for number, line in enumerate(self._text(file).splitlines(), 1):
            if line.strip():
                with self._findings.noted():
                    draft.rows.append(self._row(f"{where}:{number}", line.split(","), names))
        draft.frames.update(range(max((row.frame for row in draft.rows), default=-1) + 1))
        return draft

    def _text(self, file: str) -> str:
        try:
            return decoded(self._files.read(file))
        except UnicodeError as error:
            where = self._files.where(file)
            raise UsageError(f"{where}: text in UTF-8 is expected: {error}") from error

    def _names(self, file: str) -> Sequence[str]:
        """Return the names of the classes of a file, in the order of their numbers."""
        folder = posixpath.dirname(file)
        for place in ("labels.txt", "../classes.txt"):
            names = posixpath.normpath(posixpath.join(folder, place))
            if names in self._files.names:
                lines = self._text(names).splitlines()
                where = self._files.where(names)
                found = [checked_class(where, line) for line in lines if line.strip()]
                self.classes += [each for each in found if each not in self.classes]
                return found
        return CLASSES if self._first else ()

    def _row(self, where: str, fields: Sequence[str], names: Sequence[str]) -> LabelledBox:
        numbers = _numbers(where, fields[:9])
        frame, track, x, y, width, height = numbers[:6]
        counts = numbers[6] if len(numbers) > 6 else 1
        class_id = numbers[7] if len(numbers) > 7 else -1
        visibility = numbers[8] if len(numbers) > 8 else -1
        if track != int(track) or not -1 <= track <= MAX_TRACK:
            raise UsageError(f"{where}: id {track:g} given: a whole number from -1 is expected")
        box = checked_box(where, x, y, x + width, y + height)
        attributes: dict[str, Attribute] = {}
        if visibility not in (-1, 1):
            attributes[VISIBILITY] = visibility
        return LabelledBox(
            checked_frame(where, int(frame) if frame == int(frame) else frame, first=1),
            tuple(box),
            self._class_id(where, class_id, names),
            int(track),
            counts if 0 < counts < 1 else None,
            is_ignored=counts == 0,
            attributes=attributes,
        )

    def _class_id(self, where: str, number: float, names: Sequence[str]) -> int:
        position = number - self._first
        if number == -1 and not (names and names is not CLASSES):
            name = ALONE
        elif position in range(len(names)):
            name = names[int(position)]
        else:
            raise UsageError(
                f"{where}: the class {number:g} is unknown: {self._first} to "
                f"{len(names) - 1 + self._first} are accepted"
            )
        if name not in self.classes:
            self.classes.append(name)
        return self.classes.index(name)

    def _describe(self, draft: ClipDraft, file: str, size: Size | None) -> None:
        ini, where = ConfigParser(interpolation=None), self._files.where(file)
        with self._findings.noted():
            try:
                ini.read_string(self._text(file))
                section = ini["Sequence"]
                draft.frame_count = max(min(section.getint("seqLength", 0), 10_000_000), 0)
                height, width = section.getint("imHeight", 0), section.getint("imWidth", 0)
                rate = Fraction(section.get("frameRate", "0"))
                draft.name = safe_name(section.get("name", draft.name))
            except (IniError, KeyError, ValueError, ZeroDivisionError) as error:
                raise UsageError(f"{where}: cannot be read: {error}") from error
            draft.frame_rate = rate if rate > 0 else None
            draft.size = (height, width) if height > 0 and width > 0 else size

    def _name_files(self, draft: ClipDraft, folder: str) -> None:
        for file in self._files.names:
            path = PurePosixPath(file)
            if file.startswith(folder) and is_image(path) and path.stem.isdecimal():
                frame = int(path.stem) - 1
                draft.files[frame] = path.name


def _numbers(where: str, fields: Sequence[str]) -> list[float]:
    try:
        numbers = [float(each) for each in fields]
    except ValueError as error:
        raise UsageError(f"{where}: numbers are expected: {error}") from error
    if len(numbers) < 6 or not all(map(isfinite, numbers)):
        raise UsageError(
            f"{where}: {','.join(fields)[:80]!r} given: 'frame,id,x,y,w,h,counts,class,visibility' "
            "is expected, finite numbers with commas between them"
        )
    return numbers
