"""The pictures of a recording's labelled frames, for a person who jumps among them."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Condition, Thread

import cv2

from detector.detections import Int64Array
from detector.errors import FramelaneError, UsageError
from detector.labels.labelled import Size
from pipeline.labelling.recordings import frames_of
from pipeline.redaction import shown_url
from pipeline.selection.frames import pictures

log = logging.getLogger("framelane")

QUALITY = 88  # of JPEG files that are only looked at


def frame_size(url: str) -> Size:
    """Return the (height, width) of the first frame of a recording that decodes.

    Raises UsageError if there is none; SourceError.
    """
    for _, item in frames_of(url):
        return item.picture.height, item.picture.width
    raise UsageError(f"{shown_url(url)}: none of its frames decodes")


class Pictures:
    """Reads the recording once, in the background, and keeps each labelled frame as a JPEG file.

    folder: for these files, some 50 KB for a frame
    """

    def __init__(self, url: str, frames: Int64Array, folder: Path) -> None:
        self._url = url
        self._frames = frames
        self._folder = folder
        self._read = 0  # the frame after the last one that was read
        self._ended = False
        self._stopped = False
        self.failure = ""  # why not all frames can be shown
        self._changed = Condition()
        self._thread = Thread(target=self._fill, name="review/pictures", daemon=True)

    def __enter__(self) -> Pictures:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join()

    def jpeg(self, frame: int, seconds: float) -> bytes | None:
        """Return the picture of a frame; None if it has none, or is not read within `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._read > frame, seconds)
        path = self._path(frame)
        return path.read_bytes() if path.is_file() else None

    def _fill(self) -> None:
        try:
            for frame, item in pictures(self._url, self._frames):
                if self._stopped:
                    return
                part = self._folder / "part.jpg"
                cv2.imwrite(str(part), item.picture.bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                part.rename(self._path(frame))
                self._note(frame + 1)
        except (FramelaneError, OSError) as error:
            self.failure = str(error)
        except Exception:
            log.exception("the pictures of the recording cannot be read")
            self.failure = "a bug: the log shows more"
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _note(self, read: int) -> None:
        with self._changed:
            self._read = read
            self._changed.notify_all()

    def _path(self, frame: int) -> Path:
        return self._folder / f"{frame}.jpg"
