"""python -m benchmarks.memorise NETWORK: can a network memorise eight images of COCO?

A network that cannot overfit cannot learn. An AP50 of 0.95 on the same images is expected. Anchors
are fitted to the objects, since a few are more than four times larger or smaller than every
published anchor. Every batch is the whole set, so that batch normalisation sees the same statistics
in training and in evaluation. Otherwise an unusual image is normalised differently in the two, and
the difference grows with depth; W6 has a hundred layers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import cv2
from rich.console import Console

from tests.support.paths import ROOT, data_folder
from trainer.console import Display
from trainer.recipe import Recipe
from trainer.train import BEST, train

IMAGES = 8
UNCHANGED = ("mosaic", "translate", "scale", "fliplr", "hsv_h", "hsv_s", "hsv_v")


def write_subset(folder: Path) -> tuple[Path, Path, list[str]]:
    """Write the annotations of the first images with objects, with the classes that occur there.

    Returns the file, the folder of the images and the class names.
    """
    data = data_folder() / "tinycoco"
    whole = json.loads((data / "annotations/instances_train2017.json").read_text())
    labelled = {each["image_id"] for each in whole["annotations"]}
    images = [image for image in whole["images"] if image["id"] in labelled][:IMAGES]
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
@click.option("--epochs", type=int, default=600, show_default=True, help="One step each.")
def main(network: str, width: float, size: int, epochs: int) -> None:
    """Train NETWORK on eight images, without augmentation, and evaluate it on them."""
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
            "batch": IMAGES,
            "nominal_batch": IMAGES,
            "optimiser": {"warmup_epochs": 20},
            "average": {"decay": 0.99, "ramp": 100},
            "loss": {"objectness": 4.0, "classification": 2.0},
            "augment": dict.fromkeys(UNCHANGED, 0),
        }
    )
    cv2.setNumThreads(1)  # as the command does
    train(recipe, folder, Display(Console(), epochs), resume=True)
    click.echo(f"{folder / BEST}: the best weights")


if __name__ == "__main__":
    main()
