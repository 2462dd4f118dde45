"""framelane labels: the group of commands."""

from __future__ import annotations

from detector.cli import Late, LateGroup

LATE = {
    "convert": Late("pipeline.labelling.convert:convert", "Write labels in another format."),
    "check": Late("pipeline.labelling.check:check", "Find what is wrong or unlikely in labels."),
    "stats": Late("pipeline.labelling.stats:stats", "Count frames, boxes, classes and tracks."),
    "select": Late(
        "pipeline.commands.labels_select:select", "Choose the frames that are worth correcting."
    ),
    "review": Late("pipeline.commands.labels_review:review", "Correct labels in a browser."),
    "merge": Late("pipeline.labelling.merge:merge", "Join labels; classes are joined by name."),
    "split": Late("pipeline.labelling.split:split", "Split labels by clip into train and val."),
}

labels = LateGroup(name="labels", late=LATE, help="Labels from and for annotation tools.")
