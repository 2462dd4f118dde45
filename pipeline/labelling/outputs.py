"""Where labels are written: one path, or one for each clip or split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from detector.errors import UsageError
from detector.labels.formats import Format, Images, write_labels
from detector.labels.labelled import LabelledSet
from pipeline.labelling.inputs import output_format, show_losses

CLIP, SPLIT = "{clip}", "{split}"


def write_outputs(labels: LabelledSet, output: Path, images: Images | None) -> list[Path]:
    """Write labels, and return the paths. What the format cannot say is shown.

    output: its `{clip}` and `{split}` are replaced, and there is a path for each
    Raises UsageError if a format needs one path for each and there is none.
    """
    parts: dict[Path, LabelledSet] = {}
    for clip in labels.clips:
        path = Path(str(output).replace(CLIP, clip.name).replace(SPLIT, clip.split or "all"))
        known = parts.get(path, replace(labels, clips=()))
        parts[path] = replace(labels, clips=(*known.clips, clip))
    if not parts:
        raise UsageError("there are no clips in these labels, so that nothing is written")
    _refuse_several_in_one(parts)
    for path, part in parts.items():
        show_losses(part, path)
        write_labels(part, path, images)
    return list(parts)


def _refuse_several_in_one(parts: dict[Path, LabelledSet]) -> None:
    for path, part in parts.items():
        if output_format(path)[0] is Format.CVAT and len(part.clips) > 1:
            raise UsageError(
                f"{path}: CVAT's XML is about one clip, but there are {len(part.clips)}: put "
                "{clip} into the name, as in out/{clip}.cvat.xml"
            )
