"""MOTChallenge's ground truth, written: gt/gt.txt, gt/labels.txt and seqinfo.ini."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detector.labels.labelled import DECIMALS, NO_TRACK, Attribute, LabelledClip, LabelledSet
from detector.labels.motchallenge.reader import GT, SPLITS, VISIBILITY


def mot_files(labels: LabelledSet, suffix: str = ".jpg") -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of all files but the images.

    suffix: of the images of frames
    """
    names = "".join(f"{name}\n" for name in labels.classes)
    for clip in labels.clips:
        folder = _folder(labels, clip)
        yield f"{folder}{GT}", "".join(_lines(clip)).encode()
        yield f"{folder}gt/labels.txt", names.encode()
        yield f"{folder}seqinfo.ini", _info(clip, suffix).encode()


def mot_image(labels: LabelledSet, clip: LabelledClip, position: int, suffix: str) -> str:
    """Return the name of the image of a labelled frame; all frames count, from 1."""
    return f"{_folder(labels, clip)}img1/{int(clip.frames[position]) + 1:06d}{suffix}"


def _folder(labels: LabelledSet, clip: LabelledClip) -> str:
    if clip.split in SPLITS:
        return f"{clip.split}/{clip.name}/"
    return f"{clip.name}/" if len(labels.clips) > 1 else ""


def _lines(clip: LabelledClip) -> Iterator[str]:
    for box in clip.boxes.rows():
        left, top, right, bottom = box.box_xyxy
        edges = (left, top, right - left, bottom - top)
        shown = ",".join(f"{edge:.{DECIMALS}f}".rstrip("0").rstrip(".") for edge in edges)
        track = box.track if box.track != NO_TRACK else -1
        seen = _visibility(box.attributes)
        yield (
            f"{box.frame + 1},{track},{shown},{int(not box.is_ignored)},{box.class_id + 1},{seen}\n"
        )


def _visibility(attributes: Mapping[str, Attribute]) -> str:
    try:
        value = float(attributes.get(VISIBILITY, 1))
    except ValueError:
        value = 1
    return f"{value:g}" if 0 <= value <= 1 else "1"


def _info(clip: LabelledClip, suffix: str) -> str:
    """Return the seqinfo.ini: whole numbers, because tools read nothing else."""
    height, width = clip.size or (0, 0)
    return (
        f"[Sequence]\nname={clip.name}\nimDir=img1\nframeRate={round(clip.frame_rate or 0) or 25}\n"
        f"seqLength={clip.frame_count}\nimWidth={width}\nimHeight={height}\nimExt={suffix}\n"
    )
