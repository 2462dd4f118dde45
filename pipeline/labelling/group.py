"""framelane labels: the group of commands."""

from __future__ import annotations

from detector.cli import Late, LateGroup

LATE = {
    "convert": Late("pipeline.labelling.convert:convert", "Write labels in another format."),
    "check": Late("pipeline.labelling.check:check", "Find what is wrong or unlikely in labels."),
    "stats": Late("pipeline.labelling.stats:stats", "Count frames, boxes, classes and tracks."),
    "merge": Late("pipeline.labelling.merge:merge", "Join labels; classes are joined by name."),
    "split": Late("pipeline.labelling.split:split", "Split labels by clip into train and val."),
}

labels = LateGroup(name="labels", late=LATE, help="Labels from and for annotation tools.")
