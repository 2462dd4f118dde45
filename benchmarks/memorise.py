"""python -m benchmarks.memorise NETWORK: can a network learn eight pictures of COCO by heart?

What it cannot learn by heart it cannot learn. AP50 of 0.95 on the same pictures is expected:
anchors are fitted to the objects, since no published one is within four times the size of a few.
Every batch is the whole set. Were a picture in one batch and not in the next, batch normalisation
would see it otherwise in training than in use, where it goes by the average of all batches; what
that does to a picture unlike the others grows from layer to layer, and W6 has a hundred of them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.support.paths import ROOT
from trainer.console import Display
from trainer.recipe import Recipe
from trainer.train import BEST, train

PICTURES = 8
STILL = ("mosaic", "translate", "scale", "fliplr", "hsv_h", "hsv_s", "hsv_v")


def write_subset(folder: Path) -> tuple[Path, Path, list[str]]:
    """Write the annotations of the first pictures with objects, and only their classes.

    Returns the file, the folder of the pictures and the names of the classes.
    """
    data = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data")) / "tinycoco"
    whole = json.loads((data / "annotations/instances_train2017.json").read_text())
    labelled = {each["image_id"] for each in whole["annotations"]}
    images = [image for image in whole["images"] if image["id"] in labelled][:PICTURES]
    chosen = {image["id"] for image in images}
    annotations = [each for each in whole["annotations"] if each["image_id"] in chosen]
    used = {each["category_id"] for each in annotations}
    categories = [each for each in whole["categories"] if each["id"] in used]
    subset: dict[str, Any] = {
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    path = folder / "eight.json"
    path.write_text(json.dumps(subset))
    return path, data / "images/train2017", [each["name"] for each in categories]


@click.command()
@click.argument("network")
@click.option("--width", type=float, default=1.0, show_default=True)
@click.option("--size", type=int, default=448, show_default=True)
@click.option("--epochs", type=int, default=600, show_default=True, help="Of one step each.")
def main(network: str, width: float, size: int, epochs: int) -> None:
    """Train NETWORK on eight pictures, as they are, and judge it on them."""
    folder = ROOT / "build" / "memorise" / network
    folder.mkdir(parents=True, exist_ok=True)
    annotations, images, classes = write_subset(folder)
    part = {"coco": annotations, "images": images}
    recipe = Recipe.model_validate(
        {
            "network": network,
            "width": width,
            "size": (size, size),
            "anchors": "fitted",
            "data": {"classes": classes, "train": [part], "val": [part]},
            "epochs": epochs,
            "validate_every": 100,
            "batch": PICTURES,
            "nominal_batch": PICTURES,
            "optimiser": {"warmup_epochs": 20},
            "average": {"decay": 0.99, "ramp": 100},
            "loss": {"objectness": 4.0, "classification": 2.0},
            "augment": dict.fromkeys(STILL, 0),
        }
    )
    train(recipe, folder, Display(Console(), epochs), resume=True)
    click.echo(f"{folder / BEST}: the best of them")


if __name__ == "__main__":
    main()
