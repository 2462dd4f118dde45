"""Where the image of a labelled frame is, in a folder or zip that tools arranged in their ways."""

from __future__ import annotations

from pathlib import PurePosixPath

from detector.image_suffixes import is_image
from detector.labels.label_files import LabelFiles
from detector.labels.labelled import LabelledClip


class ImageIndex:
    """The images among some files, found by the end of their path."""

    def __init__(self, files: LabelFiles) -> None:
        self._by_name: dict[str, list[PurePosixPath]] = {}
        for name in files.names:
            path = PurePosixPath(name)
            if is_image(path):
                self._by_name.setdefault(path.stem, []).append(path)

    def find(self, clip: LabelledClip, position: int) -> str | None:
        """Return the name of the image of a labelled frame; None if there is none.

        Of several with the same name, it is the one in folders that have the names of the clip
        and of its split. The suffix may be another one.
        """
        wanted = PurePosixPath(clip.file_of(position)).with_suffix("")
        ends = [path for path in self._by_name.get(wanted.name, []) if _ends(path, wanted)]
        if clip.is_video and not ends:  # MOTChallenge's img1/000001.jpg
            ends = self._by_name.get(f"{int(clip.frames[position]) + 1:06d}", [])
        for folder in (clip.name, clip.split):
            inside = [path for path in ends if folder and folder in path.parts[:-1]]
            ends = inside or ends
        return str(ends[0]) if len(ends) == 1 else None


def _ends(path: PurePosixPath, wanted: PurePosixPath) -> bool:
    parts = path.with_suffix("").parts
    return parts[-len(wanted.parts) :] == wanted.parts
