"""framelane: the installed command. A subcommand is imported when it is called."""

from __future__ import annotations

import click

from detector.__main__ import LATE as MODELS
from detector.cli import Late, LateGroup

LATE = {
    "run": Late("pipeline.commands.run:run", "Detect and track objects in video and images."),
    "serve": Late("pipeline.commands.serve:serve", "Show cameras live in a browser."),
    "fleet": Late("pipeline.commands.fleet:fleet", "Run the cameras of one site on many machines."),
    "annotate": Late("pipeline.commands.annotate:annotate", "Annotate many recordings, each once."),
    "events": Late(
        "pipeline.commands.events:events", "List, show, export, rebuild and prune stored events."
    ),
    "models": Late(
        "pipeline.commands.framelane:models", "List, get, export, build, quantize and check models."
    ),
    "train": Late("trainer.commands.train:train", "Train a detector as a YAML recipe describes."),
    "evaluate": Late(
        "pipeline.labelling.evaluate:evaluate", "Measure the accuracy of a model on labelled data."
    ),
    "tracks": Late(
        "trackers.__main__:main", "Track detections from files; measure the accuracy of tracks."
    ),
    "labels": Late(
        "pipeline.labelling.group:labels", "Convert, check, merge and split labels of other tools."
    ),
    "doctor": Late(
        "pipeline.commands.doctor:doctor",
        "Show the hardware and software of this machine, and what is missing.",
    ),
}

CHECK = Late(
    "trainer.commands.check:check", "Measure the accuracy of a model, and note it in its manifest."
)
models = LateGroup(
    name="models",
    late=MODELS | {"check": CHECK},
    help="List, get, export, build, quantize and check models.",
)


@click.version_option(package_name="framelane")
@click.group(cls=LateGroup, late=LATE)
def main() -> None:
    """Detect and track objects in video and images; train, export and evaluate the models."""
