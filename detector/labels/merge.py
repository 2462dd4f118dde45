"""Several sets as one: classes are joined by name, and every clip keeps its own name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from detector.labels.labelled import LabelledSet


def merged(sets: Sequence[LabelledSet]) -> LabelledSet:
    """Return all clips of some sets; a name that occurs again gets a number."""
    classes = list(dict.fromkeys(name for each in sets for name in each.classes))
    clips, taken = [], set[str]()
    for each in sets:
        for clip in each.with_classes(classes).clips:
            name, number = clip.name, 2
            while name in taken:
                name, number = f"{clip.name}-{number}", number + 1
            taken.add(name)
            clips.append(replace(clip, name=name))
    return LabelledSet(tuple(classes), tuple(clips))
